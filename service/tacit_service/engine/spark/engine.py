"""The service's side of Spark: processes that hold one session each."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from tacit_service.engine.process import WorkerFailure, decode_table, encode_table
from tacit_service.engine.workers import Workers
from tacit_service.errors import EngineFailure, Overloaded, RequestError

from .tables import Relation

MODULE = "tacit_service.engine.spark.session"
NAME = "Spark"
CHECK_TIMEOUT_S = 30.0
_GRACE_S = 10.0
"""Beyond a statement's limit, for Spark to cancel it; then the process is killed."""

_tokens = itertools.count(1)


class SparkEngine:
    """Implements ``engine.base.Engine`` over one Spark Connect server; thread-safe; ``processes`` statements at a time.

    One more process, with a session of its own, checks statements: quotes and refusals wait for nobody's answer.
    """

    def __init__(self, url: str, processes: int = 1) -> None:
        self._url = url
        self._workers = Workers(MODULE, ["behind"], processes=processes)
        self._checks = Workers(MODULE, processes=1)
        self.serve({}, {})

    def serve(self, tables: Mapping[str, Relation], public: Mapping[str, pa.Table]) -> None:
        """What statements may read from now on, by the names that they use, and the rows that sessions hold as views."""
        spec = {
            "url": self._url,
            "tables": {
                name: {"sql": r.sql, "columns": [[c, x.kind, x.low, x.high, x.places] for c, x in r.columns.items()]}
                for name, r in tables.items()
            },
            "public": list(public),
        }
        body = json.dumps(spec).encode()
        self._spec = [body, *map(encode_table, public.values())]
        self._token = f"{next(_tokens)}.{hashlib.sha256(body).hexdigest()[:16]}"

    def run(self, sql: str, *, timeout_s: float) -> pa.Table:
        """See ``Engine``. Waiting for a free session does not count towards ``timeout_s``."""
        try:
            return self._table("run", sql, timeout_s)
        except WorkerFailure as failure:
            raise _engine_failure(failure) from failure

    def check(self, sql: str) -> None:
        """See ``Engine``: the statement is translated, and Spark analyses it without planning or running it."""
        try:
            self._call("check", sql, CHECK_TIMEOUT_S)
        except WorkerFailure as failure:
            if failure.error == "Untranslatable":
                what, hint = json.loads(failure.text)
                raise lacking(what, hint) from None
            if failure.reason == "error" and failure.error not in ("Unreachable", "Cancelled"):
                raise lacking("this statement", "Write the expression another way.") from None
            raise Overloaded(
                "engine_unavailable", "The dataset's engine does not answer. Nothing was run or charged.",
                hint="Try again in a few seconds.", retry_after_s=5,
            ) from None  # fmt: skip

    def own(self, sql: str, *, timeout_s: float) -> pa.Table:
        """Run a SELECT that is written in Spark's dialect already; ``WorkerFailure`` tells what went wrong."""
        return self._table("own", sql, timeout_s)

    def describe(self, sql: str, *, timeout_s: float) -> list[tuple[str, str]]:
        """Names and types, in Spark's words, of the columns of a SELECT in its dialect."""
        reply, _ = self._call("describe", sql, timeout_s)
        return [(str(name), str(kind)) for name, kind in reply["columns"]]

    def ready(self, *, timeout_s: float) -> None:
        """Wait for the session that checks statements."""
        self._call("check", "SELECT 1 AS one", timeout_s)

    def healthy(self) -> bool:
        """See ``Engine``."""
        try:
            self.own("SELECT 1L AS one", timeout_s=CHECK_TIMEOUT_S)
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
        """Stop the processes. What they were running Spark ends when it finds that nobody asks for it any more."""
        self._workers.close()
        self._checks.close()

    def _table(self, do: str, sql: str, timeout_s: float) -> pa.Table:
        _, parts = self._call(do, sql, timeout_s)
        try:
            return decode_table(parts[0])
        except (pa.ArrowException, IndexError):
            raise WorkerFailure("died", "frame") from None

    def _call(self, do: str, sql: str, timeout_s: float) -> tuple[dict[str, Any], Sequence[Any]]:
        header = {"spec": self._token, "do": do, "sql": sql, "timeout_ms": int(timeout_s * 1000)}
        with (self._checks if do == "check" else self._workers).lent() as worker:
            reply, parts = worker.call(header, timeout_s=timeout_s + _GRACE_S)
            if reply.get("unknown"):  # a child that has just started
                reply, parts = worker.call(header, self._spec, timeout_s=timeout_s + _GRACE_S)
            return reply, parts


def lacking(what: str, hint: str) -> RequestError:
    """The dataset's engine has no such thing: a refusal that depends on the statement alone."""
    return RequestError(
        "engine_lacks", f"The dataset's engine, {NAME}, has no equal of {what}.",
        hint=hint or "Write the expression another way.", rule="engine",
    )  # fmt: skip


def _engine_failure(failure: WorkerFailure) -> EngineFailure:
    """Constant texts: which error it was could depend on the data."""
    if failure.reason == "timeout" or failure.error == "Cancelled":
        return EngineFailure("engine_timeout", "The engine ran out of time on this query.")
    return EngineFailure("engine_failed", "The engine could not finish this query.")
