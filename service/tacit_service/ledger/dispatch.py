"""Which worker takes which job, and when: queues of DBOS in the ledger's own database. The only importer of dbos.

    Dispatch.enqueue ── in the ledger's transaction ──► a workflow on the dataset's queue ──► Executor: work(job, ticket)

A job that waits has one ticket, in its row and in the id of one workflow; both are written by one transaction. DBOS
hands the workflow to one worker, within the limits of that worker and of the job's analyst. The worker claims the
row with the ticket, so a workflow that comes twice, or late, does nothing.

What DBOS does not do without its hosted Conductor is to notice that another executor died: it recovers what ran under
the *same* executor id when that id starts again. So executor ids are never used twice, and a job whose lease ended, or
whose workflow is gone, gets a new ticket (``Jobs.mend``). Arguments are ids in JSON: no pickle is ever read.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, DBOSPortableJSONSerializer, EnqueueOptions
from sqlalchemy import event

from .database import BUSY_TIMEOUT_MS, Database, unavailable

_APPLICATION: Final = "tacit"
_VERSION: Final = "1"
"""Of the workflow's arguments, not of Tacit: jobs outlive an upgrade."""

_WORKFLOW: Final = "tacit.train"
_POLL_S: Final = 0.25
_WAITING: Final = ("ENQUEUED", "DELAYED")


class Dispatch:
    """Puts jobs on queues, and looks whether they still wait there. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._url = database.engine.url
        self._engine: sa.Engine | None = None
        self._client: DBOSClient | None = None
        self._lock = threading.Lock()

    def prepare(self) -> DBOSClient:
        """Create or migrate DBOS' tables, once a process; never inside the ledger's transaction."""
        with self._lock:
            if self._client is None:
                try:
                    DBOS.migrate(self._url.render_as_string(hide_password=False))
                    self._engine = _engine(self._url)
                    self._client = DBOSClient(
                        system_database_engine=self._engine,
                        serializer=DBOSPortableJSONSerializer(),
                        application_name=_APPLICATION,
                        lazy=True,
                    )
                except (sa.exc.SQLAlchemyError, OSError) as error:
                    raise unavailable("The queue of training jobs cannot be opened. Nothing was charged.") from error
            return self._client

    def enqueue(
        self, connection: sa.Connection, dataset: str, analyst: str, workflow: tuple[str, str], delay_s: float = 0.0
    ) -> None:
        """Put (job id, ticket) on the dataset's queue, in the caller's transaction. ``prepare`` comes first."""
        if self._client is None:
            raise RuntimeError("a queue is prepared before the transaction")
        options = EnqueueOptions(
            workflow_name=_WORKFLOW,
            queue_name=queue_of(dataset),
            workflow_id=".".join(workflow),
            queue_partition_key=analyst,
        )
        if delay_s > 0:
            options["delay_seconds"] = delay_s
        self._client.enqueue_in_transaction(connection, options, *workflow)

    def waits(self, workflow: tuple[str, str]) -> bool:
        """Whether the workflow is still on its queue: neither taken, nor over, nor unknown."""
        found = self.prepare().list_workflows(workflow_ids=[".".join(workflow)], load_input=False, load_output=False)
        return bool(found) and found[0].status in _WAITING

    def taken(self, datasets: Sequence[str], older_s: float) -> list[tuple[str, str]]:
        """Workflows of these datasets that some worker took longer ago than this, and has not ended."""
        before = time.time() - older_s
        found = self.prepare().list_workflows(
            status="PENDING", queue_name=[queue_of(one) for one in datasets], load_input=False, load_output=False
        )
        late = [one for one in found if (one.updated_at or 0) < before * 1000]
        return [(job_id, ticket) for job_id, _, ticket in (one.workflow_id.partition(".") for one in late)]

    def end(self, workflows: Sequence[tuple[str, str]]) -> None:
        """Count them no longer as running. Whoever still works on one holds no claim any more, or has a claim of its own."""
        for workflow in workflows:
            if workflow[1]:
                self.prepare().cancel_workflow(".".join(workflow))

    def close(self) -> None:
        """Drop the connections."""
        with self._lock:
            if self._client is not None:
                self._client.destroy()
            if self._engine is not None:
                self._engine.dispose()
            self._client = self._engine = None


class Executor:
    """DBOS in this process: calls ``work(job_id, ticket)`` in a thread of its own for each job taken. One a process.

    ``at_once`` jobs of a dataset run here at the same time; ``per_analyst`` of one analyst run anywhere.
    """

    def __init__(
        self,
        database: Database,
        datasets: Sequence[str],
        work: Callable[[str, str], None],
        *,
        at_once: int,
        per_analyst: int,
    ) -> None:
        global _work
        if _work is not None:
            raise RuntimeError("one process runs one executor")
        _work = work
        self._engine = _engine(database.engine.url)
        try:
            DBOS(
                config={
                    "name": _APPLICATION,
                    "system_database_engine": self._engine,
                    "application_version": _VERSION,
                    "executor_id": secrets.token_hex(8),
                    "log_level": "CRITICAL",  # its messages may quote SQL and arguments; what matters is logged here
                    "serializer": DBOSPortableJSONSerializer(),
                    "use_listen_notify": False,
                    "notification_listener_polling_interval_sec": 1.0,
                    "scheduler_polling_interval_sec": 3600.0,
                }
            )
            DBOS.listen_queues([queue_of(dataset) for dataset in datasets])
            DBOS.launch()
            for dataset in datasets:
                DBOS.register_queue(
                    queue_of(dataset),
                    worker_concurrency=at_once,
                    partition_concurrency=per_analyst,
                    polling_interval_sec=_POLL_S,
                    on_conflict="always_update",
                )
        except BaseException:
            self.close()
            raise

    def close(self, timeout_s: int = 30) -> None:
        """Take no more, and wait for the work in progress to return."""
        global _work
        DBOS.destroy(workflow_completion_timeout_sec=timeout_s)
        self._engine.dispose()
        _work = None


def queue_of(dataset: str) -> str:
    """The name of a dataset's queue."""
    return f"tacit-training-{dataset}"


_work: Callable[[str, str], None] | None = None


@DBOS.workflow(name=_WORKFLOW)
def _train(job_id: str, ticket: str) -> None:
    """What a queue hands out. It never raises: an exception's text would be stored beside it."""
    if _work is not None:
        _work(job_id, ticket)


def _engine(url: sa.URL) -> sa.Engine:
    """DBOS' own connections, since it begins transactions its own way; as durable as the ledger's."""
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url, pool_size=4, max_overflow=4, pool_pre_ping=True)
    engine = sa.create_engine(url, pool_size=4, max_overflow=4, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})

    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = "IMMEDIATE"  # as DBOS sets on engines that it makes itself
        for setting in (f"busy_timeout = {BUSY_TIMEOUT_MS}", "synchronous = FULL", "fullfsync = ON",
                        "foreign_keys = ON", "trusted_schema = OFF"):  # fmt: skip
            connection.execute(f"PRAGMA {setting}")

    event.listen(engine, "connect", connected)
    return engine
