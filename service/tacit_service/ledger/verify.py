"""Prove the ledger from its first entry: the chain, each price from its event, each row from the entries.

What a file alone cannot show is that its newest entries were cut off: hand ``known`` heads, from receipts or
checkpoints, and each must lie on the chain.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from .accounts import Account, list_all
from .database import Database, unavailable
from .journal import Entry, Head
from .queries import charge_row
from .replay import AccountModel, Replay
from .schema import charges, journal, outcomes, promises, releases

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Report:
    """What verification found. No findings: every row follows from the journal, and the journal from its own hashes."""

    head: Head
    accounts: int
    charges: int
    releases: int
    findings: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


def verify(url: str, known: Sequence[Head] = ()) -> Report:
    """Verify a store. It must exist: an empty ledger proves nothing."""
    database = Database.open(url, create=False)
    try:
        with database.read() as connection:
            return verify_database(connection, known)
    except (sa.exc.SQLAlchemyError, OSError) as error:
        raise unavailable("The ledger cannot be read.", type(error).__name__) from error
    finally:
        database.close()


def verify_database(connection: sa.Connection, known: Sequence[Head] = ()) -> Report:
    """Verify within one consistent view."""
    replay = Replay()
    if connection.dialect.name == "sqlite":
        for line in connection.exec_driver_sql("PRAGMA quick_check(5)").scalars():
            if line != "ok":
                replay.found(f"the file is damaged: {line}")
    query = sa.select(journal).order_by(journal.c.sequence).execution_options(yield_per=_BATCH)
    for row in connection.execute(query):
        replay.apply(Entry(**row._mapping))
    if not replay.head.sequence:
        replay.found("the journal is empty")
    for head in known:
        if replay.heads.get(head.sequence) != head.hash:
            replay.found(
                f"entry {head.sequence} is not the one that was committed: rewound or rewritten after a receipt"
            )
    _compare_accounts(connection, replay)
    _compare_charges(connection, replay)
    _compare_releases(connection, replay)
    _compare_promises(connection, replay)
    released = sum(charge.release is not None for charge in replay.charges.values())
    return Report(replay.head, len(replay.accounts), len(replay.charges), released, tuple(replay.findings))


def _compare_accounts(connection: sa.Connection, replay: Replay) -> None:
    rows = {(row.dataset, row.analyst): row for row in list_all(connection)}
    for who in sorted(rows.keys() | replay.accounts.keys()):
        row, model = rows.get(who), replay.accounts.get(who)
        name = f"the account of {who[1] or 'the dataset'} on {who[0]}"
        if row is None or model is None:
            replay.found(f"{name} is in the {'journal' if row is None else 'store'} only")
        elif _as_model(row) != model:
            replay.found(f"{name} is not what its entries add up to")


def _as_model(row: Account) -> AccountModel:
    return AccountModel(
        limits=row.limits,
        policy_digest=row.policy_digest,
        member_of=row.member_of,
        spent=row.spent,
        charges=row.charges,
        withheld=row.withheld,
        moved=row.moved,
        state=row.state,
        pace_period=row.pace_period,
        pace_epsilon_max=row.pace_epsilon_max,
        pace_window=row.pace_window,
        pace_epsilon=row.pace_epsilon,
        policy_pace=row.policy_pace,
    )


def _stream(connection: sa.Connection, query: sa.Select[*tuple[object, ...]]) -> Iterable[sa.RowMapping]:
    return connection.execute(query.execution_options(yield_per=_BATCH)).mappings()


def _compare_charges(connection: sa.Connection, replay: Replay) -> None:
    seen: set[str] = set()
    for row in _stream(connection, sa.select(charges)):
        seen.add(row["charge_id"])
        charge = replay.charges.get(row["charge_id"])
        if charge is None or charge_row(charge.data) | {"sequence": charge.sequence} != dict(row):
            replay.found(f"charge {row['charge_id']} is not what its entry says")
    for missing in sorted(replay.charges.keys() - seen):
        replay.found(f"charge {missing} is in the journal only")
    noted = {(row["charge_id"], row["kind"], row["sequence"]) for row in _stream(connection, sa.select(outcomes))}
    said = {(i, kind, n) for i, charge in replay.charges.items() for kind, n in charge.outcomes.items()}
    for charge_id, kind, _ in sorted(noted ^ said):
        replay.found(f"the {kind} of charge {charge_id} is not in both the journal and the store")


def _compare_releases(connection: sa.Connection, replay: Replay) -> None:
    seen: set[str] = set()
    for row in _stream(connection, sa.select(releases)):
        seen.add(row["charge_id"])
        charge = replay.charges.get(row["charge_id"])
        entry = None if charge is None else charge.release
        digest = hashlib.sha256(row["body"]).hexdigest()
        stored = {name: row[name] for name in row if name not in ("sequence", "body")} | {"body_sha256": digest}
        if charge is None or entry != stored or charge.release_sequence != row["sequence"]:
            replay.found(f"release {row['release_id']} is not what its entry says")
    for charge_id, charge in replay.charges.items():
        if charge.release is not None and charge_id not in seen:
            replay.found(f"release {charge.release['release_id']} is in the journal only")


def _compare_promises(connection: sa.Connection, replay: Replay) -> None:
    stored = {row["sequence"]: (row["dataset"], row["body"]) for row in _stream(connection, sa.select(promises))}
    for sequence in sorted(stored.keys() | replay.promised.keys()):
        if stored.get(sequence) != replay.promised.get(sequence):
            replay.found(f"the promise of entry {sequence} is not what its entry says")
