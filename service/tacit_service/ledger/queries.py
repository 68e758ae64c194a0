"""Reads of charges and releases, and the journal entries that describe them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from tacit_service.privacy.curves import Price
from tacit_service.privacy.events import Event, from_dict
from tacit_service.privacy.units import Delta, Epsilon

from .journal import HEAD_COLUMNS, Entry, Head, checked
from .prepared import Prepared
from .records import ChargeRequest, PastCharge, StoredRelease
from .schema import DATASET, charges, journal, outcomes, releases

PENDING_MAX: Final = 1000

_RELEASE_COLUMNS: Final = (
    releases.c.release_id,
    releases.c.dataset,
    releases.c.analyst,
    releases.c.canonical,
    releases.c.body,
    releases.c.created_at,
)


@dataclass(frozen=True, slots=True)
class KnownCharge:
    """One row of ``charges``."""

    charge_id: str
    sequence: int
    dataset: str
    analyst: str
    idempotency_key: str | None
    body_digest: str
    free_for_dataset: bool


def charge_entry(charge_id: str, request: ChargeRequest, cost: Price, group: str = "") -> dict[str, Any]:
    """What the journal says of a charge: the events, from which the price can be derived again, and the price.

    ``group`` is the account of the analyst's group, where there is one: it pays too.
    """
    return ({"group": group} if group else {}) | {
        "charge_id": charge_id,
        "dataset": request.dataset,
        "analyst": request.analyst,
        "events": [event.to_dict() for event in request.events],
        "price": cost.to_dict(),
        "body_digest": request.body_digest,
        "idempotency_key": request.idempotency_key,
        "description": request.description,
        "free_for_dataset": request.free_for_dataset,
    }


def payers(data: dict[str, Any]) -> tuple[str, ...]:
    """The accounts that a charge's entry was charged to. What is handed on, the dataset has paid for before."""
    whole = () if data["free_for_dataset"] else (DATASET,)
    return (*whole, data["analyst"], *((data["group"],) if "group" in data else ()))


def charge_row(data: dict[str, Any]) -> dict[str, Any]:
    """The row of ``charges`` that a charge entry stands for, but for its ``sequence``."""
    names = ("charge_id", "dataset", "analyst", "idempotency_key", "body_digest", "free_for_dataset")
    return {name: data[name] for name in names}


def release_entry(charge_id: str, release: StoredRelease) -> dict[str, Any]:
    """What the journal says of a release: everything but the answer itself, which it holds by hash."""
    return {
        "charge_id": charge_id,
        "release_id": release.release_id,
        "dataset": release.dataset,
        "analyst": release.analyst,
        "canonical": release.canonical,
        "created_at": release.created_at,
        "body_sha256": hashlib.sha256(release.body).hexdigest(),
    }


def release_row(charge_id: str, release: StoredRelease) -> dict[str, Any]:
    """The row of ``releases``, but for its ``sequence``."""
    return {
        "release_id": release.release_id,
        "charge_id": charge_id,
        "dataset": release.dataset,
        "analyst": release.analyst,
        "canonical": release.canonical,
        "body": release.body,
        "created_at": release.created_at,
    }


def price_from(body: dict[str, Any]) -> Price:
    """The inverse of ``Price.to_dict``."""
    return Price(
        Epsilon(body["epsilon"]),
        Delta(body["delta"]),
        Delta(body["threshold_delta"]),
        tuple(int(n) for n in body["rdp"]),
    )


def events_json(events: tuple[Event, ...]) -> list[dict[str, Any]]:
    """Events as the journal holds them."""
    return [event.to_dict() for event in events]


_BY_ID: Final = sa.select(charges).where(charges.c.charge_id == sa.bindparam("wanted"))
_BY_KEY: Final = sa.select(charges).where(
    charges.c.analyst == sa.bindparam("of_analyst"), charges.c.idempotency_key == sa.bindparam("wanted")
)
_RELEASE_OF: Final = sa.select(*_RELEASE_COLUMNS).where(releases.c.charge_id == sa.bindparam("wanted"))
_RELEASE: Final = sa.select(*_RELEASE_COLUMNS).where(releases.c.release_id == sa.bindparam("wanted"))
_OUTCOMES: Final = sa.select(outcomes.c.kind).where(outcomes.c.charge_id == sa.bindparam("wanted"))


def _charge(row: sa.Row[*tuple[Any, ...]] | None) -> KnownCharge | None:
    return None if row is None else KnownCharge(**row._mapping)


def _release(row: sa.Row[*tuple[Any, ...]] | None) -> StoredRelease | None:
    return None if row is None else StoredRelease(**row._mapping)


def charge_by_id(connection: sa.Connection, charge_id: str) -> KnownCharge | None:
    """The charge, if there is one."""
    return _charge(connection.execute(_BY_ID, {"wanted": charge_id}).one_or_none())


def is_used_key(error: sa.exc.IntegrityError) -> bool:
    """Whether the unique constraint on (analyst, idempotency key) refused a charge: both stores name it, or its columns."""
    return any(name in str(error.orig) for name in ("charges_key", "charges.idempotency_key"))


def charge_by_key(connection: sa.Connection, analyst: str, key: str) -> KnownCharge | None:
    """The charge that an analyst's idempotency key stands for."""
    return _charge(connection.execute(_BY_KEY, {"of_analyst": analyst, "wanted": key}).one_or_none())


_STATE: Final = Prepared(
    sa.select(
        charges.c.dataset,
        charges.c.analyst,
        charges.c.free_for_dataset,
        sa.select(releases.c.release_id).where(releases.c.charge_id == charges.c.charge_id).scalar_subquery(),
        sa.select(sa.func.count())
        .where(outcomes.c.charge_id == charges.c.charge_id, outcomes.c.kind != "settle")
        .scalar_subquery(),
        *HEAD_COLUMNS,
    ).where(charges.c.charge_id == sa.bindparam("wanted"))
)


@dataclass(frozen=True, slots=True)
class ChargeState:
    """Whose a charge is, what became of it, and the journal's head: all that recording its release needs to know."""

    dataset: str
    analyst: str
    free_for_dataset: bool
    release_id: str | None
    ended: bool
    head: Head


def charge_state(connection: sa.Connection, charge_id: str, seen: Head) -> ChargeState | None:
    """The charge as it stands in this transaction, in one statement; ``Rewound`` unless the journal still holds ``seen``."""
    row = _STATE.run(connection, {"wanted": charge_id, "seen_sequence": seen.sequence}).fetchone()
    if row is None:
        return None
    dataset, analyst, free, release_id, ended, *head = row
    return ChargeState(dataset, analyst, bool(free), release_id, bool(ended), checked(head, seen))


def release_of(connection: sa.Connection, charge_id: str) -> StoredRelease | None:
    """The release that a charge paid for."""
    return _release(connection.execute(_RELEASE_OF, {"wanted": charge_id}).one_or_none())


def release(connection: sa.Connection, release_id: str) -> StoredRelease | None:
    """A release by its id."""
    return _release(connection.execute(_RELEASE, {"wanted": release_id}).one_or_none())


def held(
    connection: sa.Connection, dataset: str, canonical: str, *, by: str | None = None, not_by: str | None = None
) -> StoredRelease | None:
    """The newest release of this canonical request on the dataset: of one analyst, or of any but one."""
    query = sa.select(*_RELEASE_COLUMNS).where(releases.c.dataset == dataset, releases.c.canonical == canonical)
    if by is not None:
        query = query.where(releases.c.analyst == by)
    if not_by is not None:
        query = query.where(releases.c.analyst != not_by)
    return _release(connection.execute(query.order_by(releases.c.sequence.desc()).limit(1)).one_or_none())


def held_alike(connection: sa.Connection, dataset: str, analyst: str, start: str, limit: int) -> list[StoredRelease]:
    """An analyst's newest releases whose canonical request begins with ``start`` and a dot."""
    c = releases.c
    query = (
        sa.select(*_RELEASE_COLUMNS)
        .where(c.dataset == dataset, c.analyst == analyst, c.canonical > f"{start}.", c.canonical < f"{start}/")
        .order_by(c.sequence.desc())
        .limit(limit)
    )
    return [StoredRelease(**row._mapping) for row in connection.execute(query)]


def newest(connection: sa.Connection, dataset: str, analyst: str, limit: int) -> list[StoredRelease]:
    """An analyst's releases on a dataset, newest first."""
    query = (
        sa.select(*_RELEASE_COLUMNS)
        .where(releases.c.dataset == dataset, releases.c.analyst == analyst)
        .order_by(releases.c.sequence.desc())
        .limit(limit)
    )
    return [StoredRelease(**row._mapping) for row in connection.execute(query)]


def count_releases(connection: sa.Connection, dataset: str, analyst: str) -> int:
    """How many releases an analyst holds on a dataset."""
    query = sa.select(sa.func.count()).where(releases.c.dataset == dataset, releases.c.analyst == analyst)
    return connection.execute(query).scalar_one()


def outcomes_of(connection: sa.Connection, charge_id: str) -> set[str]:
    """What became of a charge besides a release."""
    return set(connection.execute(_OUTCOMES, {"wanted": charge_id}).scalars())


def entry_at(connection: sa.Connection, sequence: int) -> Entry:
    """One entry of the journal, which must be there."""
    row = connection.execute(sa.select(journal).where(journal.c.sequence == sequence)).one()
    return Entry(**row._mapping)


def entries(connection: sa.Connection, after: int, limit: int) -> list[Entry]:
    """Entries in order, after one."""
    query = sa.select(journal).where(journal.c.sequence > after).order_by(journal.c.sequence).limit(limit)
    return [Entry(**row._mapping) for row in connection.execute(query)]


def release_head(connection: sa.Connection, release_id: str) -> Head:
    """The journal's head when a release was recorded."""
    wanted = sa.select(releases.c.sequence).where(releases.c.release_id == release_id)
    entry = entry_at(connection, connection.execute(wanted).scalar_one())
    return Head(entry.sequence, entry.hash)


def held_by_pending(connection: sa.Connection, dataset: str, analyst: str | None) -> tuple[Epsilon, Delta]:
    """(ε, δ) of charges that have neither a release nor an end: what runs now, or was cut off."""
    found = past(connection, dataset, analyst, PENDING_MAX, pending_only=True)
    epsilon, delta = sum(c.price.epsilon.units for c in found), sum(c.price.delta.units for c in found)
    return Epsilon(epsilon), Delta(delta)


def standing(connection: sa.Connection, dataset: str, analyst: str | None) -> Iterator[Event]:
    """The events of every charge that was not voided, on an account: an analyst's, or the dataset's."""
    settled: dict[str, list[dict[str, Any]]] = {}
    ends = sa.select(outcomes.c.charge_id, journal.c.body).join(journal, journal.c.sequence == outcomes.c.sequence)
    for row in connection.execute(ends.where(outcomes.c.kind != "fail")):
        settled[row.charge_id] = json.loads(row.body)["data"].get("events", [])  # a void leaves none
    mine = charges.c.free_for_dataset.is_(False) if analyst is None else charges.c.analyst == analyst
    entries = sa.select(charges.c.charge_id, journal.c.body).join(journal, journal.c.sequence == charges.c.sequence)
    for row in connection.execute(entries.where(charges.c.dataset == dataset, mine)):
        events = settled.get(row.charge_id)
        for event in json.loads(row.body)["data"]["events"] if events is None else events:
            yield from_dict(event)


def past(
    connection: sa.Connection,
    dataset: str,
    analyst: str | None,
    limit: int,
    *,
    pending_only: bool = False,
    before: int | None = None,
) -> list[PastCharge]:
    """Charges on a dataset, newest first, with what became of each."""
    query = (
        sa.select(charges.c.charge_id, journal, releases.c.release_id)
        .join(journal, journal.c.sequence == charges.c.sequence)
        .outerjoin(releases, releases.c.charge_id == charges.c.charge_id)
        .where(charges.c.dataset == dataset)
        .order_by(charges.c.sequence.desc())
        .limit(limit)
    )
    if analyst is not None:
        query = query.where(charges.c.analyst == analyst)
    if before is not None:
        query = query.where(charges.c.sequence < before)
    if pending_only:
        finished = sa.select(outcomes.c.charge_id).where(outcomes.c.kind != "settle")
        query = query.where(releases.c.release_id.is_(None), charges.c.charge_id.not_in(finished))
    return [_past(connection, row) for row in connection.execute(query)]


def _past(connection: sa.Connection, row: sa.Row[Any]) -> PastCharge:
    body = json.loads(row.body)
    data, became = body["data"], outcomes_of(connection, row.charge_id)
    status = "pending"
    if row.release_id is not None:
        status = "released"
    elif became:
        status = {"fail": "failed", "void": "voided", "settle": "settled"}[
            max(became, key=("settle", "fail", "void").index)
        ]
    cost = data["price"]
    if "settle" in became:
        wanted = sa.select(outcomes.c.sequence).where(
            outcomes.c.charge_id == row.charge_id, outcomes.c.kind == "settle"
        )
        cost = entry_at(connection, connection.execute(wanted).scalar_one()).data["price"]
    return PastCharge(
        charge_id=row.charge_id,
        sequence=row.sequence,
        at=body["at"],
        dataset=data["dataset"],
        analyst=data["analyst"],
        description=data["description"],
        price=price_from(cost),
        status=status,
        release_id=row.release_id,
        free_for_dataset=data["free_for_dataset"],
    )
