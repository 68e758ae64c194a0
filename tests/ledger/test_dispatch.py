"""The queue of training jobs, on both stores: it commits with the ledger or not at all, and loses no job."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from tacit_service.errors import BudgetExhausted, Overloaded
from tacit_service.ledger.jobs import Jobs
from tacit_service.ledger.schema import jobs as rows
from tacit_service.ledger.verify import verify

pytest.importorskip("dbos", reason="training is not installed here")

LEASE_S = 5.0


class Office:
    """Jobs on a book, with a clock that a test moves."""

    def __init__(self, book: Any) -> None:
        self.book, self.now = book, 1_000.0
        self.jobs = Jobs(book.ledger, clock=lambda: self.now)

    def submit(self, analyst: str = "ada", epsilon: str = "0.1", open_max: int = 10) -> str:
        request = self.book.request(epsilon, analyst=analyst)
        return self.jobs.submit(request, "{}", 10, open_max=open_max).job_id

    def ticket(self, job_id: str) -> str:
        with self.book.ledger.reading() as connection:
            return str(connection.execute(sa.select(rows.c.claim).where(rows.c.job_id == job_id)).scalar_one())

    def waits(self, job_id: str) -> bool:
        return self.jobs._queue.waits((job_id, self.ticket(job_id)))


@pytest.fixture
def office(book: Any) -> Any:
    made = Office(book)
    yield made
    made.jobs.close()


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)


def test_a_refused_job_leaves_neither_charge_nor_workflow(office: Office) -> None:
    mine = office.submit()
    assert office.waits(mine)
    spent = office.book.spent()
    with pytest.raises(Overloaded):
        office.submit(open_max=1)
    with pytest.raises(BudgetExhausted):
        office.submit(epsilon="2.95")
    assert office.book.spent() == spent
    assert len(office.jobs._queue.prepare().list_workflows()) == 1
    assert verify(office.book.url).ok


def test_a_ticket_is_good_once(office: Office) -> None:
    job_id = office.submit()
    ticket = office.ticket(job_id)
    claim = office.jobs.claim(job_id, ticket, LEASE_S)
    assert claim is not None
    assert office.jobs.claim(job_id, ticket, LEASE_S) is None, "a workflow that comes twice does nothing"
    office.jobs.give_back(claim)
    assert office.jobs.claim(job_id, ticket, LEASE_S) is None, "nor one that comes late"
    assert office.waits(job_id)
    assert office.jobs.claim(job_id, office.ticket(job_id), LEASE_S) is not None


def test_what_a_dead_worker_held_is_queued_again(office: Office) -> None:
    leased, unclaimed = office.submit(), office.submit("bob")
    held = office.jobs.claim(leased, office.ticket(leased), LEASE_S)
    assert held is not None
    office.jobs._queue.prepare().cancel_workflow(f"{unclaimed}.{office.ticket(unclaimed)}")  # taken, and never claimed
    before = office.ticket(unclaimed)
    office.jobs.mend(["clinic"], LEASE_S)
    assert office.jobs.find(leased).status == "running"  # type: ignore[union-attr]
    assert office.ticket(unclaimed) == before, "its worker may be about to claim it"
    office.now += LEASE_S + 1
    office.jobs.mend(["other"], LEASE_S)
    assert not office.waits(unclaimed), "only the datasets that a worker has"
    office.jobs.mend(["clinic"], LEASE_S)
    office.now += LEASE_S + 1
    office.jobs.mend(["clinic"], LEASE_S)
    assert office.jobs.find(leased).status == "queued"  # type: ignore[union-attr]
    assert office.waits(leased)
    assert office.waits(unclaimed)


def test_jobs_are_handed_out_once_each_and_one_analyst_at_a_time(office: Office) -> None:
    taken: list[str] = []
    first, done = threading.Event(), threading.Event()

    def work(job_id: str, ticket: str) -> None:
        claim = office.jobs.claim(job_id, ticket, 600.0)
        if claim is not None:
            taken.append(job_id)
            first.set()
            done.wait(60)
            office.jobs.fail(claim, "internal")

    mine = [office.submit(), office.submit()]
    theirs = office.submit("bob")
    executor = office.jobs.executor(["clinic"], work, at_once=3, per_analyst=1)
    try:
        until(lambda: len(taken) == 2)
        assert theirs in taken, "one analyst's queue does not hold up another's"
        time.sleep(1.0)
        assert len(taken) == 2
        done.set()
        until(lambda: len(taken) == 3)
        assert sorted(taken) == sorted([*mine, theirs])
        until(lambda: not office.jobs.any_open(["clinic"]))
    finally:
        done.set()
        executor.close()
    assert verify(office.book.url).ok


def test_a_dead_workers_job_is_handed_out_again_though_its_analyst_may_run_one_at_a_time(office: Office) -> None:
    """The worker dies with the workflow taken: in DBOS it is pending for ever, and would hold the analyst's only place."""
    taken: list[str] = []
    stuck = threading.Event()

    def work(job_id: str, ticket: str) -> None:
        claim = office.jobs.claim(job_id, ticket, LEASE_S)
        assert claim is not None
        taken.append(ticket)
        if len(taken) == 1:
            stuck.wait(100)  # as if it had died: no sign of life, and no end
        else:
            office.jobs.fail(claim, "internal")

    office.submit()
    executor = office.jobs.executor(["clinic"], work, at_once=2, per_analyst=1)
    try:
        until(lambda: len(taken) == 1)
        office.now += LEASE_S + 1
        office.jobs.mend(["clinic"], LEASE_S)
        until(lambda: len(taken) == 2 and not office.jobs.any_open(["clinic"]))
    finally:
        stuck.set()
        executor.close()
