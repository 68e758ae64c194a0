"""What becomes of a charge that was not simply released: it failed, was voided, or is settled to less than reserved.

Each is a new row; the charge's own row never changes. Every function runs inside the caller's exclusive transaction
and returns the journal's new head.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from tacit_service.privacy.curves import Price, price
from tacit_service.privacy.events import Event
from tacit_service.privacy.lanes import Spent

from . import accounts, journal, queries
from .journal import Head
from .schema import outcomes


def fail(connection: sa.Connection, head: Head, charge_id: str, code: str, at: str) -> Head:
    """Nothing will be released; the charge stays, because data may have been read. Saying so twice is harmless."""
    known = queries.charge_by_id(connection, charge_id)
    if known is None or queries.release_of(connection, charge_id) is not None:
        raise ValueError(f"no open charge {charge_id}")
    if queries.outcomes_of(connection, charge_id) - {"settle"}:
        return head
    return _note(connection, head, "fail", {"charge_id": charge_id, "code": code}, at)


def void(connection: sa.Connection, head: Head, charge_id: str, proof: str, at: str) -> Head:
    """Take the whole charge back: it has no release, no failure, no settlement."""
    entry, reserved = _open_charge(connection, charge_id, proof)
    head = _note(connection, head, "void", {"charge_id": charge_id, "proof": proof}, at)
    _credit(connection, entry, reserved, None)
    return head


def settle(
    connection: sa.Connection, head: Head, charge_id: str, events: tuple[Event, ...], proof: str, at: str
) -> Head:
    """Lower the charge to what ran. No part of the price may rise: that would be a charge without an admission."""
    entry, reserved = _open_charge(connection, charge_id, proof)
    done = price(events)
    if not _within(done, reserved):
        raise ValueError("a settlement costs more than what was reserved")
    data = {"charge_id": charge_id, "events": queries.events_json(events), "price": done.to_dict(), "proof": proof}
    head = _note(connection, head, "settle", data, at)
    _credit(connection, entry, reserved, done)
    return head


def _within(part: Price, whole: Price) -> bool:
    return (
        part.epsilon.units <= whole.epsilon.units
        and part.delta.units <= whole.delta.units
        and part.threshold_delta.units <= whole.threshold_delta.units
        and all(a <= b for a, b in zip(part.rdp, whole.rdp, strict=True))
    )


def _open_charge(connection: sa.Connection, charge_id: str, proof: str) -> tuple[dict[str, Any], Price]:
    known = queries.charge_by_id(connection, charge_id)
    if known is None:
        raise ValueError(f"no charge {charge_id}")
    if queries.release_of(connection, charge_id) is not None or queries.outcomes_of(connection, charge_id):
        raise ValueError(f"charge {charge_id} is final: it was released, failed, voided or settled")
    if not proof.strip():
        raise ValueError("budget is given back on a stated proof that it was not used")
    data = queries.entry_at(connection, known.sequence).data
    return data, queries.price_from(data["price"])


def _note(connection: sa.Connection, head: Head, kind: str, data: dict[str, Any], at: str) -> Head:
    head = journal.append(connection, head, kind, data, at)
    row = {"charge_id": data["charge_id"], "kind": kind, "sequence": head.sequence}
    connection.execute(sa.insert(outcomes), row)
    return head


def _credit(connection: sa.Connection, entry: dict[str, Any], reserved: Price, done: Price | None) -> None:
    for analyst in queries.payers(entry):
        account = accounts.find(connection, entry["dataset"], analyst)
        if account is None:
            raise LookupError(f"no account of {analyst or 'the dataset'} on {entry['dataset']}")
        kept = Spent() if done is None else account.limits.part(done)
        accounts.credit(
            connection, entry["dataset"], analyst, refund(account.limits.part(reserved), kept), uncount=done is None
        )


def refund(reserved: Spent, kept: Spent) -> Spent:
    """The difference that goes back to an account, lane by lane."""
    return Spent(
        reserved.epsilon - kept.epsilon,
        reserved.delta - kept.delta,
        reserved.rdp - kept.rdp,
        reserved.threshold_delta - kept.threshold_delta,
    )
