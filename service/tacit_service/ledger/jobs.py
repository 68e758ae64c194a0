"""Training jobs in the ledger's store: a job and its charge commit together, and so do its end and what it settles.

    submit ──► queued ──► claim ──► running ──► succeed | fail | cancel
                  ▲                    │
                  └──── lease ended ◄──┘      whoever claims next takes it up from its checkpoint

Who claims next is decided by the queue of ``dispatch``: each way into ``queued`` puts one workflow there, in the same
transaction. A claim is a lease with a token. Every write of a worker names its token, so a worker that was thought dead
and is not changes nothing any more. What is charged never depends on how often a job was taken up: only ``steps_begun``
counts, and it is durable before those steps read data.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from tacit_service.errors import Conflict, Overloaded
from tacit_service.privacy.events import Event

from . import journal, queries, settlement
from .records import ChargeRequest, Claim, Job, StoredRelease
from .schema import jobs
from .store import Ledger

if TYPE_CHECKING:
    from .dispatch import Dispatch, Executor

QUEUED, RUNNING, SUCCEEDED, FAILED, CANCELLED = "queued", "running", "succeeded", "failed", "cancelled"
OPEN: Final = (QUEUED, RUNNING)
ATTEMPTS_MAX: Final = 100
_NEVER_RAN: Final = "cancelled while queued: no worker had claimed the job, so no data was read"
_COLUMNS: Final = tuple(c for c in jobs.c if c.name not in ("claim", "lease_until_ms"))


class LostClaim(Exception):
    """Another worker holds the job now, or it has ended: stop, and write nothing."""


class Jobs:
    """The jobs of one ledger. Thread-safe, like the ledger."""

    def __init__(self, ledger: Ledger, clock: Callable[[], float] = time.time) -> None:
        self._ledger = ledger
        self._clock = clock
        self._astray: dict[tuple[str, str], float] = {}

    @cached_property
    def _queue(self) -> Dispatch:
        from .dispatch import Dispatch  # a second of imports, for those who submit or work

        return Dispatch(self._ledger.database)

    def close(self) -> None:
        """Drop the queue's connections; the ledger stays open."""
        if "_queue" in self.__dict__:
            self._queue.close()

    # -- for the service

    def submit(self, request: ChargeRequest, spec: str, steps: int, *, open_max: int) -> Job:
        """Reserve the whole run and enqueue it, in one transaction. Raises what ``Ledger.reserve`` raises.

        The job that an idempotency key stands for already is returned again; ``Overloaded`` when the analyst has
        ``open_max`` jobs waiting or running.
        """
        known = self.known(request.dataset, request.analyst, request.body_digest, request.idempotency_key)
        if known is not None:
            return known
        self._queue.prepare()
        row: dict[str, Any] = {
            "job_id": "job_" + secrets.token_hex(12),
            "dataset": request.dataset,
            "analyst": request.analyst,
            "spec": spec,
            "status": QUEUED,
            "created_at": journal.utc_now(),
            "steps": steps,
            "claim": secrets.token_hex(16),
        }

        def enqueue(connection: sa.Connection, charge_id: str) -> None:
            waiting = sa.select(sa.func.count()).where(jobs.c.analyst == request.analyst, jobs.c.status.in_(OPEN))
            if connection.execute(waiting).scalar_one() >= open_max:
                raise Overloaded(
                    "training_queue_full",
                    f"{open_max} training jobs of yours are waiting or running. Nothing was charged.",
                    hint="Wait for one to end, or cancel one.",
                    retry_after_s=60,
                )
            connection.execute(sa.insert(jobs), row | {"charge_id": charge_id})
            self._queue.enqueue(connection, request.dataset, request.analyst, (row["job_id"], row["claim"]))

        self._ledger.reserve(request, enqueue)
        return self._must(row["job_id"])

    def known(self, dataset: str, analyst: str, body_digest: str, idempotency_key: str | None) -> Job | None:
        """The job that an idempotency key stands for already; ``Conflict`` where it stands for another request."""
        if idempotency_key is None:
            return None
        with self._ledger.reading() as connection:
            charge = queries.charge_by_key(connection, analyst, idempotency_key)
            if charge is None:
                return None
            row = connection.execute(sa.select(*_COLUMNS).where(jobs.c.charge_id == charge.charge_id)).one_or_none()
        if row is None or charge.body_digest != body_digest or charge.dataset != dataset:
            raise Conflict("idempotency_conflict", "This idempotency key was used with another request.")
        return Job(**row._mapping)

    def find(self, job_id: str) -> Job | None:
        """A job by its id, whoever owns it: the caller checks that."""
        with self._ledger.reading() as connection:
            row = connection.execute(sa.select(*_COLUMNS).where(jobs.c.job_id == job_id)).one_or_none()
        return None if row is None else Job(**row._mapping)

    def of(self, dataset: str, analyst: str, limit: int) -> list[Job]:
        """An analyst's jobs on a dataset, newest first."""
        query = (
            sa.select(*_COLUMNS)
            .where(jobs.c.analyst == analyst, jobs.c.dataset == dataset)
            .order_by(jobs.c.created_at.desc(), jobs.c.job_id)
            .limit(limit)
        )
        with self._ledger.reading() as connection:
            return [Job(**row._mapping) for row in connection.execute(query)]

    def release_of(self, job: Job) -> StoredRelease | None:
        """What the job released."""
        with self._ledger.reading() as connection:
            return queries.release_of(connection, job.charge_id)

    def cancel(self, job_id: str) -> Job:
        """End a queued job and void its charge, or ask a running one to stop. Harmless on one that has ended."""
        with self._ledger.writing() as connection:
            job = self._row(connection, job_id)
            if job.status == QUEUED and job.attempts == 0:
                head = settlement.void(
                    connection, self._ledger.head_in(connection), job.charge_id, _NEVER_RAN, journal.utc_now()
                )
                _write(
                    connection, job_id, status=CANCELLED, claim="", finished_at=journal.utc_now(), cancel_requested=True
                )
            elif job.status in OPEN:
                head = self._ledger.head_in(connection)
                _write(connection, job_id, cancel_requested=True)
            else:
                return job
        self._ledger.saw(head)
        return self._must(job_id)

    # -- for workers

    def executor(
        self, datasets: Sequence[str], work: Callable[[str, str], None], *, at_once: int, per_analyst: int
    ) -> Executor:
        """Begin to take jobs off the queues of these datasets: ``work(job_id, ticket)`` in a thread for each."""
        from .dispatch import Executor

        self._queue.prepare()
        return Executor(self._ledger.database, datasets, work, at_once=at_once, per_analyst=per_analyst)

    def any_open(self, datasets: Sequence[str]) -> bool:
        """Whether there is anything to do on these datasets, now or soon."""
        query = sa.select(sa.literal(1)).where(jobs.c.dataset.in_(list(datasets)), jobs.c.status.in_(OPEN)).limit(1)
        with self._ledger.reading() as connection:
            return connection.execute(query).scalar_one_or_none() is not None

    def claim(self, job_id: str, ticket: str, lease_s: float) -> Claim | None:
        """Take a queued job with the ticket that its workflow carries. None when there is nothing to do for it."""
        with self._ledger.writing() as connection:
            job = self._queued(connection, job_id, ticket)
            if job is None:
                return None
            if job.attempts >= ATTEMPTS_MAX:
                head = settlement.fail(
                    connection, self._ledger.head_in(connection), job.charge_id, "worker_lost", journal.utc_now()
                )
                _write(connection, job_id, status=FAILED, code="worker_lost", claim="", finished_at=journal.utc_now())
                token = ""
            else:
                head, token = self._ledger.head_in(connection), f"{ticket}-{secrets.token_hex(16)}"
                charged = self._ledger.proof_in(connection, job.charge_id)
                _write(
                    connection,
                    job_id,
                    status=RUNNING,
                    claim=token,
                    attempts=job.attempts + 1,
                    started_at=job.started_at or journal.utc_now(),
                    lease_until_ms=self._until(lease_s),
                )
        self._ledger.saw(head)
        return Claim(self._must(job_id), token, charged) if token else None

    def decline(self, job_id: str, ticket: str) -> None:
        """Put a job that was handed to this worker back on the queue, unclaimed: the worker is closing."""
        self._queue.prepare()
        with self._ledger.writing() as connection:
            job = self._queued(connection, job_id, ticket)
            if job is not None:
                self._requeue(connection, job)

    def mend(self, datasets: Sequence[str], grace_s: float) -> None:
        """Queue anew what a dead worker held: jobs whose lease ended, and those whose workflow is gone for a while."""
        self._queue.prepare()
        theirs = jobs.c.dataset.in_(list(datasets))
        now = self._clock()
        expired = sa.and_(theirs, jobs.c.status == RUNNING, jobs.c.lease_until_ms < int(now * 1000))
        held: set[tuple[str, str]] = set()
        with self._ledger.reading() as connection:
            for row in connection.execute(
                sa.select(jobs.c.job_id, jobs.c.claim).where(theirs, jobs.c.status.in_(OPEN))
            ):
                held.add((row.job_id, row.claim.partition("-")[0]))
            ended = list(connection.execute(sa.select(jobs.c.job_id, jobs.c.claim).where(expired)))
            queued = sa.select(jobs.c.job_id, jobs.c.claim).where(theirs, jobs.c.status == QUEUED)
            waiting = [(row.job_id, row.claim) for row in connection.execute(queued)]
        # What a dead worker had taken stays "pending" in DBOS, and counts against its analyst's limit until it is ended.
        self._queue.end([(row.job_id, row.claim.partition("-")[0]) for row in ended])
        self._queue.end([one for one in self._queue.taken(datasets, grace_s) if one not in held])
        astray = {one: self._astray.get(one, now) for one in waiting if not one[1] or not self._queue.waits(one)}
        self._astray = astray
        late = [one for one, since in astray.items() if now - since >= grace_s]
        self._queue.end(late)
        for job_id, claim in [*((row.job_id, row.claim) for row in ended), *late]:
            with self._ledger.writing() as connection:
                job = self._row(connection, job_id)
                again = sa.select(jobs.c.lease_until_ms).where(jobs.c.job_id == job_id, jobs.c.claim == claim)
                lease = connection.execute(again).scalar_one_or_none()
                if lease is not None and job.status in OPEN and lease < int(now * 1000):
                    self._requeue(connection, job)

    def taken(self, job_id: str, token: str) -> Claim:
        """The claim that another process of this worker made, for the process that does the work."""
        with self._ledger.writing() as connection:
            self._held(connection, job_id, token)
            charged = self._ledger.proof_in(connection, self._row(connection, job_id).charge_id)
        return Claim(self._must(job_id), token, charged)

    def renew(self, claim: Claim, lease_s: float) -> bool:
        """Extend the lease; says whether the job shall stop. ``LostClaim`` when it is another's."""
        with self._ledger.writing() as connection:
            self._held(connection, claim.job.job_id, claim.token)
            _write(connection, claim.job.job_id, lease_until_ms=self._until(lease_s))
            return self._row(connection, claim.job.job_id).cancel_requested

    def begin(self, claim: Claim, begun: int, done: int) -> None:
        """Make durable that steps up to ``begun`` may read data, and that ``done`` are done."""
        with self._ledger.writing() as connection:
            self._held(connection, claim.job.job_id, claim.token)
            job = self._row(connection, claim.job.job_id)
            _write(
                connection,
                job.job_id,
                steps_begun=max(job.steps_begun, begun),
                steps_done=max(job.steps_done, done),
            )

    def give_back(self, claim: Claim, delay_s: float = 0.0) -> None:
        """Let the next worker take the job up, at once or after a while."""
        self._queue.prepare()
        with self._ledger.writing() as connection:
            self._held(connection, claim.job.job_id, claim.token)
            self._requeue(connection, claim.job, delay_s)

    def succeed(self, claim: Claim, release: StoredRelease) -> None:
        """Record what was made and end the job, in one transaction."""
        with self._ledger.writing() as connection:
            self._held(connection, claim.job.job_id, claim.token)
            head = self._ledger.record_in(connection, claim.job.charge_id, release)
            _write(
                connection,
                claim.job.job_id,
                status=SUCCEEDED,
                claim="",
                finished_at=journal.utc_now(),
                steps_begun=claim.job.steps,
                steps_done=claim.job.steps,
            )
        self._ledger.saw(head)

    def fail(self, claim: Claim, code: str) -> None:
        """End the job without a model. The charge stays: data may have been read."""
        with self._ledger.writing() as connection:
            self._held(connection, claim.job.job_id, claim.token)
            head = settlement.fail(
                connection, self._ledger.head_in(connection), claim.job.charge_id, code, journal.utc_now()
            )
            _write(connection, claim.job.job_id, status=FAILED, code=code, claim="", finished_at=journal.utc_now())
        self._ledger.saw(head)

    def stop(self, claim: Claim, ran: Callable[[Job], tuple[Event, ...]]) -> None:
        """End a job that its owner cancelled, settled to ``ran`` of what the store says was begun."""
        with self._ledger.writing() as connection:
            self._held(connection, claim.job.job_id, claim.token)
            job = self._row(connection, claim.job.job_id)
            proof = (
                f"cancelled by its owner: {job.steps_begun} of {job.steps} steps were begun, no other noise was drawn"
            )
            head = settlement.settle(
                connection, self._ledger.head_in(connection), job.charge_id, ran(job), proof, journal.utc_now()
            )
            _write(connection, job.job_id, status=CANCELLED, claim="", finished_at=journal.utc_now())
        self._ledger.saw(head)

    # -- inside

    def _queued(self, connection: sa.Connection, job_id: str, ticket: str) -> Job | None:
        """The job that waits with this ticket; None for a workflow that comes late or twice."""
        query = sa.select(*_COLUMNS).where(jobs.c.job_id == job_id, jobs.c.status == QUEUED, jobs.c.claim == ticket)
        row = connection.execute(query).one_or_none() if ticket else None
        return None if row is None else Job(**row._mapping)

    def _requeue(self, connection: sa.Connection, job: Job, delay_s: float = 0.0) -> None:
        ticket = secrets.token_hex(16)
        _write(connection, job.job_id, status=QUEUED, claim=ticket, lease_until_ms=0)
        self._queue.enqueue(connection, job.dataset, job.analyst, (job.job_id, ticket), delay_s)

    def _held(self, connection: sa.Connection, job_id: str, token: str) -> None:
        query = sa.select(jobs.c.claim).where(jobs.c.job_id == job_id, jobs.c.status == RUNNING)
        if not token or connection.execute(query).scalar_one_or_none() != token:
            raise LostClaim(job_id)

    def _until(self, lease_s: float) -> int:
        return int((self._clock() + lease_s) * 1000)

    def _row(self, connection: sa.Connection, job_id: str) -> Job:
        return Job(**connection.execute(sa.select(*_COLUMNS).where(jobs.c.job_id == job_id)).one()._mapping)

    def _must(self, job_id: str) -> Job:
        with self._ledger.reading() as connection:
            return self._row(connection, job_id)


def _write(connection: sa.Connection, job_id: str, **values: Any) -> None:
    connection.execute(sa.update(jobs).where(jobs.c.job_id == job_id).values(**values))
