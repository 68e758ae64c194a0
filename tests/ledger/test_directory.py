"""Keys in the ledger's store: what ``access`` mints is found by its hash, and stays revoked."""

from __future__ import annotations

from typing import Any

import pytest

from tacit_service.access.keys import digest, mint
from tacit_service.access.roles import Role
from tacit_service.ledger.directory import Directory, KeyRow
from tacit_service.ledger.verify import verify

Book = Any


def test_a_minted_key_is_found_by_its_hash_alone(book: Book) -> None:
    directory, minted = Directory(book.ledger), mint("ada", Role.ANALYST, ("clinic", "adult"))
    directory.add_key(minted.row)
    found = directory.find(str(digest(minted.secret)))
    assert isinstance(found, KeyRow)
    assert (found.principal, found.role, found.datasets, found.revoked_at) == (
        "ada",
        "analyst",
        ("clinic", "adult"),
        None,
    )
    assert directory.find("0" * 64) is None
    assert minted.row.key_hash not in repr(found)
    with pytest.raises(ValueError, match="stored already"):
        directory.add_key(minted.row)


def test_a_revoked_key_keeps_the_time_of_its_first_revocation(book: Book) -> None:
    directory, minted = Directory(book.ledger), mint("ada", Role.OWNER, ("*",))
    directory.add_key(minted.row)
    assert directory.revoke(minted.row.key_id, "2026-11-22T00:00:00+00:00")
    assert directory.revoke(minted.row.key_id)
    found = directory.find(minted.row.key_hash)
    assert found is not None
    assert found.revoked_at == "2026-11-22T00:00:00+00:00"
    assert not directory.revoke("key_none")


def test_keys_are_listed_by_principal_and_touch_no_budget(book: Book) -> None:
    directory, head = Directory(book.ledger), book.ledger.head()
    balances = [book.ledger.balance("clinic", name) for name in ("ada", "bob", None)]
    for principal in ("ada", "bob", "ada"):
        directory.add_key(mint(principal, Role.ANALYST, ("clinic",)).row)
    assert [key.principal for key in directory.list("ada")] == ["ada", "ada"]
    assert len(directory.list()) == 3
    assert [book.ledger.balance("clinic", name) for name in ("ada", "bob", None)] == balances
    assert [(e.kind, e.data["principal"]) for e in book.ledger.journal(head.sequence)] == [
        ("key", "ada"),
        ("key", "bob"),
        ("key", "ada"),
    ]


def test_the_journal_says_who_gave_whom_which_key_and_never_its_hash(book: Book) -> None:
    directory, first, second = Directory(book.ledger), mint("ada", Role.ANALYST, ("clinic",)), None
    after = book.ledger.head().sequence
    directory.add_key(first.row, by="olga")
    second = mint("ada", Role.ANALYST, ("clinic",))
    assert directory.rotate(first.row.key_id, second.row, "2026-01-01T00:00:00+00:00", by="olga")
    assert not directory.rotate(
        first.row.key_id, mint("ada", Role.ANALYST, ("clinic",)).row, "2030-01-01T00:00:00+00:00"
    )
    assert directory.grant(second.row.key_id, ("clinic", "shop"), by="olga")
    assert directory.revoke(second.row.key_id, by="olga")
    assert directory.revoke(second.row.key_id, by="eve"), "again is harmless, and no second entry"
    assert not directory.grant(second.row.key_id, ("clinic",))
    entries = book.ledger.journal(after)
    assert [(e.data["action"], e.data["by"]) for e in entries] == [
        ("add", "olga"),
        ("add", "olga"),
        ("grant", "olga"),
        ("revoke", "olga"),
    ]
    assert entries[1].data["replaces"] == first.row.key_id
    assert all(row.key_hash not in e.body for e in entries for row in (first.row, second.row))
    assert verify(book.url).ok
    assert verify(book.url).ok
