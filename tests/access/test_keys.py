"""Keys: what is stored, what opens, and that every closed door looks the same."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tacit_service.access import ALL_DATASETS, Gatekeeper, KeyRow, Principal, Role, mint
from tacit_service.access.keys import digest, expired, matches
from tacit_service.errors import Unauthenticated
from tacit_service.ledger.directory import Directory
from tacit_service.ledger.store import Ledger

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)


class Rows:
    """A directory of a dict."""

    def __init__(self, *rows: KeyRow) -> None:
        self._rows = {row.key_hash: row for row in rows}
        self.asked: list[str] = []

    def find(self, key_hash: str) -> KeyRow | None:
        self.asked.append(key_hash)
        return self._rows.get(key_hash)


def keeper(*rows: KeyRow) -> Gatekeeper:
    return Gatekeeper(Rows(*rows), now=lambda: NOW)


def test_a_key_has_32_random_bytes_and_only_its_hash_is_kept():
    minted = mint("ada", Role.ANALYST, ("clinic",))
    assert len(minted.secret) == len("tacit_") + 43
    assert minted.row.key_hash == hashlib.sha256(minted.secret.encode()).hexdigest()
    assert minted.secret not in repr(minted)
    assert minted.row.key_hash not in repr(minted)
    assert minted.row.key_id not in minted.secret
    many = {mint("ada", Role.ANALYST, ("clinic",)).secret for _ in range(1000)}
    assert len(many) == 1000


@pytest.mark.parametrize("name", ["", " ada", "a b", "ada\n", "é", "-ada", "a" * 64, "../x", "<b>"])
def test_a_principals_name_is_plain(name):
    with pytest.raises(ValueError, match="principal"):
        mint(name, Role.ANALYST, ("clinic",))


def test_a_key_is_for_something_and_its_end_has_a_zone():
    with pytest.raises(ValueError, match="at least one dataset"):
        mint("ada", Role.ANALYST, ())
    with pytest.raises(ValueError, match="time zone"):
        mint("ada", Role.ANALYST, ("clinic",), expires_at=dt.datetime(2030, 1, 1))


def test_the_right_header_opens():
    minted = mint("ada", Role.AUDITOR, ("clinic", "shop", "clinic"), now=NOW)
    who = keeper(minted.row).authenticate(f"Bearer {minted.secret}")
    assert who == Principal("ada", Role.AUDITOR, frozenset({"clinic", "shop"}), minted.row.key_id)
    assert keeper(minted.row).authenticate(f"bearer   {minted.secret}  ") == who


CHANGES: list[Callable[[str], str | None]] = [
    lambda secret: None,
    lambda secret: "",
    lambda secret: secret,
    lambda secret: f"Basic {secret}",
    lambda secret: f"Bearer {secret[:-1]}",
    lambda secret: f"Bearer {secret}x",
    lambda secret: f"Bearer {secret.upper()}",
    lambda secret: f"Bearer {secret[6:]}",
    lambda secret: f"Bearer {secret}\x00",
    lambda secret: f"Bearer {secret}, Bearer {secret}",
    lambda secret: f"Bearer {hashlib.sha256(secret.encode()).hexdigest()}",
    lambda secret: "Bearer " + "tacit_" + "A" * 43,
]


@pytest.mark.parametrize("change", CHANGES)
def test_any_other_header_is_refused_in_the_same_words(change):
    minted = mint("ada", Role.ANALYST, ("clinic",))
    with pytest.raises(Unauthenticated) as refused:
        keeper(minted.row).authenticate(change(minted.secret))
    with pytest.raises(Unauthenticated) as empty:
        keeper().authenticate(None)
    assert str(refused.value) == str(empty.value)
    assert minted.secret not in str(refused.value)


def test_what_cannot_be_a_key_is_not_looked_up():
    rows = Rows()
    with pytest.raises(Unauthenticated):
        Gatekeeper(rows).authenticate("Bearer ' OR 1=1 --")
    assert rows.asked == []


@pytest.mark.parametrize(
    "change",
    [
        {"revoked_at": "2026-11-22T11:00:00+00:00"},
        {"expires_at": "2026-11-22T12:00:00+00:00"},
        {"expires_at": "2026-11-22T13:00:00+02:00"},
        {"expires_at": "2026-11-23T12:00:00"},
        {"expires_at": "soon"},
        {"role": "root"},
    ],
)
def test_a_key_that_is_over_is_unknown(change):
    minted = mint("ada", Role.ANALYST, ("clinic",))
    assert keeper(minted.row).authenticate(f"Bearer {minted.secret}").name == "ada"
    with pytest.raises(Unauthenticated):
        keeper(replace(minted.row, **change)).authenticate(f"Bearer {minted.secret}")


def test_expiry_counts_in_any_zone():
    row = mint("ada", Role.ANALYST, ("clinic",), expires_at=NOW + dt.timedelta(seconds=1), now=NOW).row
    assert not expired(row, NOW)
    assert expired(row, (NOW + dt.timedelta(seconds=1)).astimezone(dt.timezone(dt.timedelta(hours=9))))


def test_a_row_that_an_index_found_is_compared_again():
    row = mint("ada", Role.ANALYST, ("clinic",)).row
    assert matches(row, row.key_hash)
    assert not matches(row, row.key_hash[:-1] + "0" if row.key_hash[-1] != "0" else row.key_hash[:-1] + "1")
    assert digest("tacit_" + "é" * 43) is None


@pytest.mark.parametrize(
    ("role", "name", "granted", "may"),
    [
        (Role.ANALYST, "ada", ("clinic",), True),
        (Role.ANALYST, "ada", (ALL_DATASETS,), True),
        (Role.ANALYST, "ada", ("shop",), False),
        (Role.ANALYST, "eve", ("clinic",), False),
        (Role.ANALYST, "eve", (ALL_DATASETS,), False),
        (Role.OWNER, "olga", ("clinic",), True),
        (Role.OWNER, "olga", ("shop",), False),
        (Role.AUDITOR, "audra", (ALL_DATASETS,), True),
    ],
)
def test_grants_need_the_key_and_for_analysts_an_account(role, name, granted, may):
    who = Principal(name, role, frozenset(granted), "key_1")
    assert who.grants("clinic", analysts={"ada"}, roles=set()) is may


def test_an_account_by_role_serves_every_analyst():
    who = Principal("eve", Role.ANALYST, frozenset({"clinic"}), "key_1")
    assert who.grants("clinic", analysts={"ada"}, roles={"analyst"})


def test_the_ledgers_directory_keeps_what_access_mints(tmp_path: Path):
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    try:
        directory = Directory(ledger)
        minted = mint("ada", Role.ANALYST, ("clinic",))
        directory.add_key(minted.row)
        keeper = Gatekeeper(directory)
        assert keeper.authenticate(f"Bearer {minted.secret}").name == "ada"
        assert minted.secret.encode() not in (tmp_path / "ledger.sqlite").read_bytes()
        assert directory.revoke(minted.row.key_id)
        with pytest.raises(Unauthenticated):
            keeper.authenticate(f"Bearer {minted.secret}")
    finally:
        ledger.close()
