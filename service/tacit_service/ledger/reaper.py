"""The reaper: ends charges that nobody is working on any more, and frees nothing that it cannot prove unused.

A query whose process died between its charge and its answer may have read data, and may have drawn noise: nothing in the ledger
tells. Such a charge is noted as abandoned, and stays. One kind alone is given back: a charge for a stored release that was to be
handed on. It pays for no noise, its request reads no data, and an answer leaves only after its release is recorded, which a
voided charge no longer admits.

Charges of training jobs are their jobs' to end, however long those are queued, run, or wait for another worker. A job and its
charge commit together, so one view of both never takes a job's charge for a query's. When the clock is wrong, a charge may be
ended under a living query: that query then fails, and its charge stays.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from . import queries
from .records import PastCharge
from .schema import jobs

if TYPE_CHECKING:
    from .store import Ledger

HOURS_MIN: Final = 1
"""No query runs for an hour: the engine's time limit is a minute."""

ABANDONED: Final = "abandoned"
_PROOF: Final = "a stored release was to be handed on: no data was read, no noise drawn, and nothing was answered, for nothing is recorded"


@dataclass(frozen=True, slots=True)
class Reaped:
    """Ids of charges that were noted as abandoned, and stay; and of those that were given back."""

    kept: tuple[str, ...]
    freed: tuple[str, ...]


def reap(ledger: Ledger, dataset: str, hours: int, now: dt.datetime) -> Reaped:
    """End the pending charges of a dataset that are older than so many hours, each in a transaction of its own."""
    if hours < HOURS_MIN:
        raise ValueError(f"charges are reaped after {HOURS_MIN} hour at the earliest")
    cutoff = (now - dt.timedelta(hours=hours)).isoformat(timespec="microseconds")
    with ledger.reading() as connection:
        found = [past for past in _pending(connection, dataset) if past.at < cutoff]
    kept, freed = [], []
    for past in found:
        with contextlib.suppress(ValueError):  # released or ended meanwhile
            if past.free_for_dataset:
                ledger.void(past.charge_id, _PROOF)
                freed.append(past.charge_id)
            else:
                ledger.fail(past.charge_id, ABANDONED)
                kept.append(past.charge_id)
    return Reaped(tuple(kept), tuple(freed))


def _pending(connection: sa.Connection, dataset: str) -> list[PastCharge]:
    theirs = set(connection.execute(sa.select(jobs.c.charge_id).where(jobs.c.dataset == dataset)).scalars())
    found, before = list[PastCharge](), None
    while page := queries.past(connection, dataset, None, queries.PENDING_MAX, pending_only=True, before=before):
        found += (past for past in page if past.charge_id not in theirs)
        before = page[-1].sequence
    return found
