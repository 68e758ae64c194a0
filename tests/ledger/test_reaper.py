"""The reaper ends what nobody works on, and gives back only what provably touched nothing. Clocks may be wrong."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from tacit_service.errors import BudgetExhausted
from tacit_service.ledger.jobs import Jobs, LostClaim
from tacit_service.ledger.reaper import reap
from tacit_service.ledger.records import Claim
from tacit_service.ledger.schema import jobs as rows
from tacit_service.ledger.store import Ledger
from tacit_service.ledger.verify import verify

Book = Any
NOON = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)


def book_at(url: str, make_book: Callable[..., Book], clock: list[dt.datetime]) -> Book:
    book = make_book(url, epsilon="1", delta="0")
    book.ledger.close()
    book.ledger = Ledger.open(url, now=lambda: clock[0].isoformat(timespec="microseconds"))
    return book


def test_it_frees_only_what_it_can_prove_unused(url: str, make_book: Callable[..., Book]) -> None:
    clock = [NOON]
    book = book_at(url, make_book, clock)
    book.buy("0.1", analyst="bob", canonical="same")
    lost, handed = book.reserve("0.2").charge_id, book.reserve("0.1", free=True).charge_id
    job = Jobs(book.ledger).submit(book.request("0.1", key="job"), "{}", 10, open_max=1)
    clock[0] = NOON + dt.timedelta(hours=3)
    young = book.reserve("0.1").charge_id
    with pytest.raises(ValueError, match="earliest"):
        reap(book.ledger, "clinic", 0, clock[0])
    reaped = reap(book.ledger, "clinic", 2, clock[0])
    assert (reaped.kept, reaped.freed) == ((lost,), (handed,))
    assert {past.charge_id: past.status for past in book.ledger.history("clinic", "ada")} == {
        lost: "failed",
        handed: "voided",
        job.charge_id: "pending",
        young: "pending",
    }
    assert (book.spent("ada"), book.spent(None)) == ("0.4", "0.5"), "0.2 lost, 0.1 of the job, 0.1 that runs"
    with pytest.raises(ValueError, match="voided"):
        book.ledger.record(handed, book.release(canonical="same"))
    assert reap(book.ledger, "clinic", 2, clock[0]).kept == ()
    assert verify(url).ok


def test_a_training_charge_is_its_jobs_to_end_however_old(
    url: str, make_book: Callable[..., Book], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Queued, running, held by a dead worker, and queued again: the queue hands them on days later, and they still pay."""
    pytest.importorskip("dbos", reason="training is not installed here")
    monkeypatch.setattr("tacit_service.ledger.queries.PENDING_MAX", 2)  # all are looked at, a page at a time
    clock = [NOON]
    book = book_at(url, make_book, clock)
    lost = [book.reserve("0.1").charge_id, book.reserve("0.1").charge_id]
    jobs = Jobs(book.ledger, clock=lambda: clock[0].timestamp())
    queued, running, dead, again = (
        jobs.submit(book.request("0.1", key=name), "{}", 10, open_max=9)
        for name in ("queued", "running", "dead", "again")
    )
    dead_claim = claimed(jobs, dead.job_id, lease_s=60)
    claimed(jobs, again.job_id, lease_s=60)
    clock[0] = NOON + dt.timedelta(days=3)
    jobs.mend(["clinic"], 0.0)
    claim = claimed(jobs, running.job_id, lease_s=60)
    claimed(jobs, dead.job_id, lease_s=60)
    reaped = reap(book.ledger, "clinic", 1, clock[0])
    assert (set(reaped.kept), reaped.freed) == (set(lost), ())
    assert {past.status for past in book.ledger.history("clinic") if past.charge_id not in lost} == {"pending"}
    with pytest.raises(LostClaim):
        jobs.fail(dead_claim, "internal")
    release = book.release(canonical="a model")
    jobs.succeed(claim, release)
    assert book.ledger.release(release.release_id) == release, "its charge was still good"
    assert claimed(jobs, queued.job_id, lease_s=60).charged.charge_id == queued.charge_id
    assert claimed(jobs, again.job_id, lease_s=60).charged.charge_id == again.charge_id
    assert reap(book.ledger, "clinic", 1, clock[0]).kept == ()
    assert book.spent() == "0.6"
    assert verify(url).ok
    jobs.close()


def claimed(jobs: Jobs, job_id: str, lease_s: float) -> Claim:
    """As a worker claims what its queue hands it."""
    with jobs._ledger.reading() as connection:
        ticket = connection.execute(sa.select(rows.c.claim).where(rows.c.job_id == job_id)).scalar_one()
    claim = jobs.claim(job_id, ticket, lease_s)
    assert claim is not None
    return claim


def test_a_clock_that_jumps_a_day_both_ways_changes_no_sum(url: str, make_book: Callable[..., Book]) -> None:
    clock = [NOON]
    book = book_at(url, make_book, clock)
    charges = []
    for hours in (0, 24, -24, 25, -25, 0, 48):
        clock[0] = NOON + dt.timedelta(hours=hours)
        charge = book.reserve("0.1", key=f"k{hours}-{len(charges)}")
        charges.append(charge)
        book.ledger.record(charge.charge_id, book.release(canonical=charge.charge_id))
    assert [charge.head.sequence for charge in charges] == sorted(charge.head.sequence for charge in charges)
    assert book.reserve("0.1", key="k0-0").replay is not None, (
        "the same key is the same charge, whatever the clock says"
    )
    pending = book.reserve("0.1")
    clock[0] = NOON - dt.timedelta(days=1)
    assert reap(book.ledger, "clinic", 1, clock[0]).kept == (), "nothing is old when the clock is set back"
    clock[0] = NOON + dt.timedelta(days=5)
    assert reap(book.ledger, "clinic", 1, clock[0]).kept == (pending.charge_id,)
    assert book.spent() == "0.8"
    book.reserve("0.2")
    with pytest.raises(BudgetExhausted):
        book.reserve("0.1")
    assert verify(url).ok
