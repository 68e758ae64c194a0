"""The reaper ends what nobody works on, and gives back only what provably touched nothing. Clocks may be wrong."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from tacit_service.errors import BudgetExhausted
from tacit_service.ledger.jobs import Jobs
from tacit_service.ledger.reaper import reap
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
