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
    for principal in ("ada", "bob", "ada"):
        directory.add_key(mint(principal, Role.ANALYST, ("clinic",)).row)
    assert [key.principal for key in directory.list("ada")] == ["ada", "ada"]
    assert len(directory.list()) == 3
    assert book.ledger.head() == head
    assert verify(book.url).ok
