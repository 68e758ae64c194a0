"""The child that speaks Spark Connect: one session of its own, whose settings decide what SQL means, and a time limit.

The only importer of pyspark. Results come as Arrow; what fails tells its error class and nothing else, since Spark's
messages can hold values.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from tacit_service.engine.niceness import BEHIND, stand_behind
from tacit_service.engine.process import Blob, ChildError, Handler, Header, decode_table, encode_table, harden, serve

from .queries import table_name, translate
from .scope import Columns, quoted
from .value import Kind, Untranslatable, Value

MODULE = "tacit_service.engine.spark.session"

SETTINGS = {
    "spark.sql.ansi.enabled": "true",  # overflow is an error, never another number; no statement of ours meets it
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.variable.substitute": "false",  # a text with ${…} stays what it is
    "spark.sql.parser.escapedStringLiterals": "false",
    "spark.sql.parser.quotedRegexColumnNames": "false",
    "spark.sql.ansi.doubleQuotedIdentifiers": "false",
    "spark.sql.ansi.enforceReservedKeywords": "false",
    "spark.sql.caseSensitive": "false",
    "spark.sql.groupByOrdinal": "true",
    "spark.sql.crossJoin.enabled": "true",
    "spark.sql.decimalOperations.allowPrecisionLoss": "true",
    "spark.sql.legacy.ctePrecedencePolicy": "CORRECTED",
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",
    "spark.sql.legacy.allowNegativeScaleOfDecimal": "false",
    "spark.sql.legacy.followThreeValuedLogicInArrayExists": "true",
    "spark.sql.legacy.nullInEmptyListBehavior": "false",
    "spark.sql.legacy.statisticalAggregate": "false",
    "spark.sql.legacy.negativeIndexInArrayInsert": "false",
    "spark.sql.legacy.duplicateBetweenInput": "false",
    "spark.sql.execution.arrow.useLargeVarTypes": "false",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",  # an ancient date is read, and not an error
    "spark.sql.parquet.int96RebaseModeInRead": "CORRECTED",
}
_PLAIN = (pa.int64(), pa.float64(), pa.string(), pa.bool_(), pa.date32(), pa.timestamp("us"))
_ROWS_MAX = 20_000_000
_DEEP = 20_000  # frames of Python: a statement's depth is bounded before it is emitted
_AGAIN_S = 0.2  # a cancellation that came before its operation did is sent again
_ELSEWHERE = ("TABLE_OR_VIEW_NOT_FOUND", "SCHEMA_NOT_FOUND", "PATH_NOT_FOUND", "INVALID_HANDLE", "SESSION_", "UNABLE_TO_INFER_SCHEMA",
              "FAILED_READ_FILE", "CONNECT")  # fmt: skip


class Session:
    """One session on the server, opened when first needed and again after it is lost."""

    def __init__(self, spec: dict[str, Any], public: Mapping[str, pa.Table]) -> None:
        self._url: str = spec["url"]
        self._spark: Any = None
        self._public = public
        self._tags = (f"tacit-{i}" for i in itertools.count(1))
        self._running: Callable[[], None] | None = None
        self._sql: dict[str, str] = {name: table["sql"] for name, table in spec["tables"].items()}
        self._columns: dict[str, Columns] = {
            name: {
                c: Value(quoted(c), Kind(kind), low, high, places) for c, kind, low, high, places in table["columns"]
            }
            for name, table in spec["tables"].items()
        }
        self._text = functools.lru_cache(maxsize=512)(self._translated)

    def statement(self, emitted: str) -> str:
        """The emitted SELECT as Spark runs it, with the SELECTs of the tables that it reads."""
        try:
            return self._text(emitted)
        except Untranslatable as lack:
            raise ChildError("Untranslatable", json.dumps([lack.what, lack.hint])) from None

    def _translated(self, emitted: str) -> str:
        text, read = translate(emitted, self._columns)
        tables = [f"{table_name(name)} AS ({self._sql[name]})" for name in sorted(read)]
        return f"WITH {', '.join(tables)} SELECT * FROM ({text}) AS _answer" if tables else text

    def run(self, sql: str, timeout_ms: int) -> pa.Table:
        """Run one statement within the time limit, after which Spark is told to cancel it."""
        with self._limited(timeout_ms) as spark:
            return spark.sql(sql).toArrow()

    def columns(self, sql: str, timeout_ms: int) -> list[tuple[str, str]]:
        """Names and types of a SELECT's columns. It is analysed and not planned: no data, and no statistics, are read."""
        with self._limited(timeout_ms) as spark:
            return [(f.name, f.dataType.simpleString()) for f in spark.sql(sql).schema.fields]

    @contextlib.contextmanager
    def _limited(self, timeout_ms: int) -> Iterator[Any]:
        from grpc import RpcError
        from pyspark.errors import PySparkException

        done, cancelled, tag = threading.Event(), threading.Event(), next(self._tags)
        try:
            spark = self._connected()
            cancel = functools.partial(_cancel, spark, tag, done, cancelled)
            limit = threading.Timer(timeout_ms / 1000, cancel)
            limit.daemon = True
            limit.start()
            self._running = lambda: threading.Thread(target=cancel, daemon=True).start()
            try:
                spark.addTag(tag)
                yield spark
            finally:
                done.set()
                limit.cancel()
                self._running = None
                spark.clearTags()
        except (PySparkException, RpcError, AssertionError) as error:
            condition = _condition(error)
            if not condition or condition.startswith(("INVALID_HANDLE", "SESSION_", "CONNECT")):
                self.close()  # the session, or the server, is gone
            if cancelled.is_set():
                raise ChildError("Cancelled") from None
            kind = "Unreachable" if not condition or condition.startswith(_ELSEWHERE) else "SparkError"
            raise ChildError(kind, condition) from None

    def interrupt(self) -> None:
        """Cancel the statement that runs, on the server."""
        if self._running is not None:
            self._running()

    def close(self) -> None:
        """Drop the session."""
        spark, self._spark = self._spark, None
        if spark is not None:
            with contextlib.suppress(Exception):
                spark.client.close()

    def _connected(self) -> Any:
        if self._spark is None:
            from pyspark.sql.connect.client.retries import DefaultPolicy
            from pyspark.sql.connect.session import SparkSession

            spark = SparkSession(self._url)
            spark.client.set_retry_policies([DefaultPolicy(max_retries=3, max_backoff=500, jitter=50)])
            for name, value in SETTINGS.items():
                spark.conf.set(name, value)
            for name, rows in self._public.items():
                spark.createDataFrame(rows).createOrReplaceTempView(name)
            self._spark = spark
        return self._spark


def _cancel(spark: Any, tag: str, done: threading.Event, cancelled: threading.Event) -> None:
    cancelled.set()
    while not done.is_set():
        with contextlib.suppress(Exception):
            spark.interruptTag(tag)
        done.wait(_AGAIN_S)


def _condition(error: BaseException) -> str:
    """Spark's name of the error; '' of one that is not Spark's, such as a lost connection."""
    named = getattr(error, "getCondition", lambda: None)()
    if named:
        return str(named)
    return "ParseError" if type(error).__name__ == "ParseException" else ""


def _plain(table: pa.Table) -> pa.Table:
    if table.num_rows > _ROWS_MAX:
        raise ChildError("TooManyRows")
    if any(field.type not in _PLAIN for field in table.schema):
        raise ChildError("UnsupportedResultType")
    return table


def _start() -> tuple[Handler, Callable[[], None]]:
    sys.setrecursionlimit(_DEEP)
    import pyspark.sql.connect.session  # seconds, which no statement's limit should hold  # noqa: F401

    sessions: dict[str, Session] = {}

    def handle(header: Header, blobs: list[memoryview]) -> tuple[Header, list[Blob]]:
        token = header["spec"]
        if blobs:
            for old in sessions.values():
                old.close()
            sessions.clear()
            spec = json.loads(bytes(blobs[0]))
            sessions[token] = Session(spec, dict(zip(spec["public"], map(decode_table, blobs[1:]), strict=True)))
        if token not in sessions:
            return {"unknown": True}, []
        session, do, sql = sessions[token], header["do"], header["sql"]
        if do == "describe":  # SQL that this service wrote for Spark: what tables there are, and whether facts hold
            return {"columns": session.columns(sql, header["timeout_ms"])}, []
        if do == "own":
            return {}, [encode_table(session.run(sql, header["timeout_ms"]))]
        sql = session.statement(sql)
        if do == "check":
            session.columns(sql, header["timeout_ms"])
            return {}, []
        return {}, [encode_table(_plain(session.run(sql, header["timeout_ms"])))]

    def interrupt() -> None:
        for session in sessions.values():
            session.interrupt()

    return handle, interrupt


def main(argv: list[str]) -> None:
    """Entry of the child: ``parent-pid``, and ``behind`` where questions go before it.

    The URL comes by pipe, so that no list of processes shows it.
    """
    if "behind" in argv[1:]:
        stand_behind(BEHIND)
    harden(int(argv[0]), may_write_files=False)
    serve(_start)


if __name__ == "__main__":
    main(sys.argv[1:])
