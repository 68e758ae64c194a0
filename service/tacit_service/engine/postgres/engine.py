"""The service's side of PostgreSQL: processes that hold one connection each, and what opening a dataset checks."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from tacit_service.engine.process import WorkerFailure, decode_table
from tacit_service.engine.workers import Workers
from tacit_service.errors import EngineFailure, Overloaded, RequestError

from .tables import Relation

MODULE = "tacit_service.engine.postgres.session"
NAME = "PostgreSQL"
CHECK_TIMEOUT_S = 5.0

_tokens = itertools.count(1)


class PostgresEngine:
    """Implements ``engine.base.Engine`` over one database; thread-safe; ``processes`` statements run at a time.

    One more process, with a connection of its own, checks statements: quotes and refusals wait for nobody's answer.
    """

    def __init__(self, url: str, processes: int = 1) -> None:
        self._url = url
        self._workers = Workers(MODULE, ["behind"], processes=processes)
        self._checks = Workers(MODULE, processes=1)
        self.serve({})

    def serve(self, tables: Mapping[str, Relation]) -> None:
        """What statements may read from now on, by the names that they use."""
        spec = {
            "url": self._url,
            "tables": {
                name: {"sql": r.sql, "columns": [[c, x.kind, x.low, x.high] for c, x in r.columns.items()]}
                for name, r in tables.items()
            },
        }
        self._spec = json.dumps(spec).encode()
        self._token = f"{next(_tokens)}.{hashlib.sha256(self._spec).hexdigest()[:16]}"

    def run(self, sql: str, *, timeout_s: float) -> pa.Table:
        """See ``Engine``. Waiting for a free connection does not count towards ``timeout_s``."""
        try:
            return self._table("run", sql, timeout_s)
        except WorkerFailure as failure:
            raise _engine_failure(failure) from failure

    def check(self, sql: str) -> None:
        """See ``Engine``: the statement is translated, and the server reads it without planning or running it."""
        try:
            self._call("check", sql, CHECK_TIMEOUT_S)
        except WorkerFailure as failure:
            if failure.error == "Untranslatable":
                what, hint = json.loads(failure.text)
                raise lacking(what, hint) from None
            refused = failure.error == "PostgresError" and failure.text and failure.text[:2] not in ("08", "53", "57")
            if refused or (failure.reason == "error" and failure.error not in ("PostgresError", "Unreachable")):
                raise lacking("this statement", "Write the expression another way.") from None
            raise Overloaded(
                "engine_unavailable", "The dataset's engine does not answer. Nothing was run or charged.",
                hint="Try again in a few seconds.", retry_after_s=5,
            ) from None  # fmt: skip

    def own(self, sql: str, *, timeout_s: float) -> pa.Table:
        """Run a SELECT that is written in PostgreSQL's dialect already; ``WorkerFailure`` tells what went wrong."""
        return self._table("own", sql, timeout_s)

    def healthy(self) -> bool:
        """See ``Engine``."""
        try:
            self.own("SELECT 1::bigint AS one", timeout_s=CHECK_TIMEOUT_S)
        except WorkerFailure:
            return False
        return True

    def warm(self) -> None:
        """Wait until every process is ready; ``EngineFailure`` when one cannot start."""
        try:
            self._workers.warm()
            self._checks.warm()
        except WorkerFailure as failure:
            raise _engine_failure(failure) from failure

    def close(self) -> None:
        """Stop the processes; what they were running ends on the server when it finds their connections gone."""
        self._workers.close()
        self._checks.close()

    def _table(self, do: str, sql: str, timeout_s: float) -> pa.Table:
        parts = self._call(do, sql, timeout_s)
        try:
            return decode_table(parts[0])
        except (pa.ArrowException, IndexError):
            raise WorkerFailure("died", "frame") from None

    def _call(self, do: str, sql: str, timeout_s: float) -> Sequence[Any]:
        header = {"spec": self._token, "do": do, "sql": sql, "timeout_ms": int(timeout_s * 1000)}
        with (self._checks if do == "check" else self._workers).lent() as worker:
            reply, parts = worker.call(header, timeout_s=timeout_s)
            if reply.get("unknown"):  # a child that has just started
                _, parts = worker.call(header, [self._spec], timeout_s=timeout_s)
            return parts


def lacking(what: str, hint: str) -> RequestError:
    """The dataset's engine has no such thing: a refusal that depends on the statement alone."""
    return RequestError(
        "engine_lacks", f"The dataset's engine, {NAME}, has no equal of {what}.",
        hint=hint or "Write the expression another way.", rule="engine",
    )  # fmt: skip


def _engine_failure(failure: WorkerFailure) -> EngineFailure:
    """Constant texts: which error it was could depend on the data."""
    cancelled = failure.error == "PostgresError" and failure.text == "57014"
    if failure.reason == "timeout" or cancelled:
        return EngineFailure("engine_timeout", "The engine ran out of time on this query.")
    return EngineFailure("engine_failed", "The engine could not finish this query.")
