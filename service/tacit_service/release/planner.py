"""Text → plan in processes that can be killed: whatever a statement does to the parser, it costs one child two seconds.

``query.parse`` bounds size, tokens and nesting first; this bounds what those limits do not foresee. A child knows the
policy and public tables, and nothing protected. It reads the text, binds it, derives it and writes out the engine's
statements once, so that none of it can surprise the service; what it hands back is data (``query.codec``). The child's side is
``planning``: the service itself never loads the parser until a refused statement needs a suggestion.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import pickle
import queue
import threading
from dataclasses import astuple, dataclass
from typing import Any, Final, Protocol

from tacit_service import errors
from tacit_service.engine.process import Header, WorkerFailure, WorkerProcess
from tacit_service.engine.retry import once_more
from tacit_service.errors import Position, Refusal, SqlSyntaxError, TacitError
from tacit_service.query.caps import Caps
from tacit_service.query.catalog import Catalog
from tacit_service.query.codec import decode
from tacit_service.query.plan import Plan
from tacit_service.telemetry import log

from .patience import late, left, waiting

MODULE: Final = "tacit_service.release.planning"
TIME_S_MAX: Final = 1.6
"""With the quarter of a second that an interrupted child has before it is killed, under two seconds."""
_REPLY_BYTES_MAX: Final = 64 << 20
_REFUSALS: Final = {c.__name__: c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, Refusal)}


@dataclass(frozen=True, slots=True)
class Near:
    """A statement near a refused one that can be planned, and its plan; ``None`` where there is none."""

    sql: str | None
    plan: Plan | None


class Planner(Protocol):
    """From text to what is derived of it, over one catalog."""

    def plan(self, sql: str, caps: Caps, near: list[Near] | None = None) -> Plan:
        """The whole plan; raises ``Refusal``.

        A planner in another process looks for a statement near a refused one in the same turn, if it is given ``near`` to put it in.
        """
        ...

    def check_rows(self, sql: str) -> None:
        """Raises ``Refusal`` unless the statement gives rows that a model may be trained on."""
        ...

    def options(self, sql: str) -> tuple[str, dict[str, str]]:
        """The statement without its OPTIONS clause, and what that said; raises ``Refusal``."""
        ...

    def candidates(self, sql: str, refusal: Refusal) -> list[str]:
        """Statements near a refused one that may pass; raises ``Refusal`` when that takes too long."""
        ...


class PlannerPool:
    """Children that plan for any number of catalogs. Thread-safe; one that is killed is replaced behind the scenes."""

    def __init__(self, processes: int = 1, *, time_s_max: float = TIME_S_MAX) -> None:
        self._time_s_max = time_s_max
        self._workers = [WorkerProcess(MODULE, reply_bytes_max=_REPLY_BYTES_MAX) for _ in range(processes)]
        self._idle: queue.LifoQueue[WorkerProcess] = queue.LifoQueue()
        for worker in self._workers:
            self._idle.put(worker)
        self._tokens = itertools.count(1)

    def of(self, catalog: Catalog) -> Planner:
        """A planner over one catalog."""
        return _PooledPlanner(self, next(self._tokens), pickle.dumps(catalog))

    @property
    def pids(self) -> list[int]:
        """The children's process ids."""
        return [worker.pid for worker in self._workers if worker.pid is not None]

    def warm(self) -> None:
        """Wait until every child is ready; ``WorkerFailure`` when one cannot start."""
        for worker in self._workers:
            worker.warm()

    def close(self) -> None:
        """Kill the children."""
        for worker in self._workers:
            worker.close()

    def ask(self, header: Header, token: int, catalog: bytes) -> tuple[Header, list[memoryview]]:
        """One call to whichever child is free. Raises sql_too_complex; what the child's planner refuses is in the reply.

        A child that dies before its time is up was killed by somebody else, perhaps: another tries once more.
        """
        try:
            return once_more(lambda: self._ask(header, token, catalog))
        except WorkerFailure as failure:
            raise _failed(failure) from None

    def _ask(self, header: Header, token: int, catalog: bytes) -> tuple[Header, list[memoryview]]:
        try:
            with waiting() as wait_s:
                worker = self._idle.get(timeout=wait_s)
        except queue.Empty:
            raise late("parsers") from None
        killed = False
        try:
            reply, blobs = worker.call({**header, "catalog": token}, timeout_s=left(self._time_s_max))
            if reply.get("unknown"):
                reply, blobs = worker.call({**header, "catalog": token}, [catalog], timeout_s=left(self._time_s_max))
            return reply, blobs
        except WorkerFailure as failure:
            killed = failure.reason != "error"
            raise
        finally:
            self._give_back(worker, killed)

    def _give_back(self, worker: WorkerProcess, killed: bool) -> None:
        if not killed:
            self._idle.put(worker)
            return

        def revive() -> None:
            with contextlib.suppress(WorkerFailure):  # whoever calls it next tries once more
                worker.warm()
            self._idle.put(worker)

        threading.Thread(target=revive, name="tacit-parser-revival", daemon=True).start()


class _PooledPlanner:
    """``Planner`` by the pool's children."""

    def __init__(self, pool: PlannerPool, token: int, catalog: bytes) -> None:
        self._pool, self._token, self._catalog = pool, token, catalog

    def plan(self, sql: str, caps: Caps, near: list[Near] | None = None) -> Plan:
        header = {"do": "plan", "sql": sql, "caps": list(astuple(caps)), "near": near is not None}
        reply, blobs = self._pool.ask(header, self._token, self._catalog)
        if near is not None and "near" in reply:
            found = reply["near"]
            near.append(Near(None, None) if found is None else Near(str(found), _plan(blobs)))
        _refused(reply)
        return _plan(blobs)

    def check_rows(self, sql: str) -> None:
        self._ask({"do": "rows", "sql": sql})

    def options(self, sql: str) -> tuple[str, dict[str, str]]:
        reply = self._ask({"do": "options", "sql": sql})
        return str(reply["sql"]), {str(name): str(value) for name, value in reply["options"].items()}

    def candidates(self, sql: str, refusal: Refusal) -> list[str]:
        reply = self._ask({"do": "candidates", "sql": sql, "refusal": said(refusal)})
        return [str(text) for text in reply["candidates"]]

    def _ask(self, header: Header) -> Header:
        reply, _ = self._pool.ask(header, self._token, self._catalog)
        _refused(reply)
        return reply


def _refused(reply: Header) -> None:
    if "refused" in reply:
        raise refusal_of(reply["refused"])


def _plan(blobs: list[memoryview]) -> Plan:
    made = decode(blobs[0]) if blobs else None
    if not isinstance(made, Plan):
        raise TacitError("planner_failed", "A parser process sent something other than a plan.")
    return made


_shared: PlannerPool | None = None
_shared_lock = threading.Lock()


def shared_pool() -> PlannerPool:
    """One pool of one child for desks that are opened without a service around them."""
    global _shared
    with _shared_lock:
        if _shared is None:
            _shared = PlannerPool(processes=1)
        return _shared


def too_complex() -> SqlSyntaxError:
    """Which statement it is depends on the text (and on how busy the machine is) alone."""
    return SqlSyntaxError(
        "sql_too_complex",
        "The statement takes longer to understand than is allowed. Nothing was run or charged.",
        hint="Write it shorter: fewer nested calls, subqueries and branches.",
        rule="limits",
    )


def _failed(failure: WorkerFailure) -> TacitError:
    if failure.reason != "error" or failure.error in ("MemoryError", "RecursionError"):
        if failure.reason == "error":
            log("planner_limit", level=logging.WARNING, error=failure.error, where=json.loads(failure.text or "[]"))
        return too_complex()
    log("planner_fault", level=logging.ERROR, error=failure.error, where=json.loads(failure.text or "[]"))
    return TacitError("planner_failed", "A parser process met a fault.")


def refusal_of(said: dict[str, Any]) -> Refusal:
    """Inverse of ``said``."""
    at = said.pop("position")
    position = None if at is None else Position(*at)
    return _REFUSALS[said.pop("class")](said.pop("code"), said.pop("detail"), position=position, **said)


def said(refusal: Refusal) -> dict[str, Any]:
    """A refusal as JSON-ready data."""
    at = refusal.position
    return {
        **refusal.extra,
        "class": type(refusal).__name__,
        "code": refusal.code,
        "detail": refusal.detail,
        "hint": refusal.hint,
        "rule": refusal.rule,
        "suggestion": refusal.suggestion,
        "position": None if at is None else [at.line, at.column, at.start, at.end],
    }
