"""The child that speaks to PostgreSQL: one connection, locked to reading, with a time limit on every statement.

The only importer of adbc_driver_postgresql. Results come as Arrow; what fails tells its SQLSTATE and nothing else, since
PostgreSQL's messages can hold values.
"""

from __future__ import annotations

import contextlib
import functools
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import adbc_driver_manager
import adbc_driver_postgresql.dbapi as postgres
import pyarrow as pa

from tacit_service.engine.niceness import BEHIND, stand_behind
from tacit_service.engine.process import Blob, ChildError, Handler, Header, encode_table, harden, serve

from .queries import translate
from .scope import Columns, quoted
from .value import Kind, Untranslatable, Value

MODULE = "tacit_service.engine.postgres.session"

_SETTINGS = {
    "search_path": "pg_catalog",  # no function, operator or type but PostgreSQL's own
    "default_transaction_read_only": "on",
    "default_transaction_isolation": "repeatable read",
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",  # doubles as the shortest text that reads back
    "standard_conforming_strings": "on",
    "array_nulls": "on",
    "client_encoding": "UTF8",
    "application_name": "tacit",
}
# a server that does not know one of these is older: what it is for then takes longer
_WISHES = {"client_connection_check_interval": "1s", "jit": "off"}
_PLAIN = (pa.int64(), pa.float64(), pa.string(), pa.bool_(), pa.date32(), pa.timestamp("us"))
_ROWS_MAX = 20_000_000
_DEEP = 20_000  # frames of Python: a statement's depth is bounded before it is emitted


class Session:
    """One connection, opened when first needed and again after it is lost."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self._url: str = spec["url"]
        self._connection: Any = None
        self._cursor: Any = None
        self._sql: dict[str, str] = {name: table["sql"] for name, table in spec["tables"].items()}
        self._columns: dict[str, Columns] = {
            name: {c: Value(quoted(c), Kind(kind), low, high) for c, kind, low, high in table["columns"]}
            for name, table in spec["tables"].items()
        }
        self._text = functools.lru_cache(maxsize=512)(self._translated)

    def statement(self, emitted: str) -> str:
        """The emitted SELECT as PostgreSQL runs it, with the SELECTs of the tables that it reads."""
        try:
            return self._text(emitted)
        except Untranslatable as lack:
            raise ChildError("Untranslatable", json.dumps([lack.what, lack.hint])) from None

    def _translated(self, emitted: str) -> str:
        text, read = translate(emitted, self._columns)
        tables = [f"{quoted(name)} AS NOT MATERIALIZED ({self._sql[name]})" for name in sorted(read)]
        return f"WITH {', '.join(tables)} SELECT * FROM ({text}) AS _answer" if tables else text

    def run(self, sql: str, timeout_ms: int) -> pa.Table:
        """Run one statement within the time limit; a connection that is lost is made once more, by the next call."""
        with self._limited(timeout_ms) as cursor:
            cursor.execute(sql)
            return cursor.fetch_arrow_table()

    def parse(self, sql: str, timeout_ms: int) -> None:
        """Let the server read the statement, names and types. It is not planned: that would look at statistics."""
        with self._limited(timeout_ms) as cursor:
            cursor.adbc_prepare(sql)

    @contextlib.contextmanager
    def _limited(self, timeout_ms: int) -> Iterator[Any]:
        connection = self._connected()
        try:
            with connection.cursor() as cursor:
                cursor.execute(f"SET statement_timeout = {max(timeout_ms, 1)}")
                self._cursor = cursor
                yield cursor
        except adbc_driver_manager.Error as error:
            state = str(getattr(error, "sqlstate", None) or "")
            if not state or state.startswith(("08", "57P")):  # the connection is gone, or the server goes
                self.close()
            raise ChildError("PostgresError", state) from None
        finally:
            self._cursor = None

    def interrupt(self) -> None:
        """Cancel the statement that runs, on the server."""
        cursor = self._cursor
        if cursor is not None:
            cursor.adbc_cancel()

    def close(self) -> None:
        """Drop the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.close()

    def _connected(self) -> Any:
        if self._connection is None:
            try:
                connection = postgres.connect(self._url, autocommit=True)
                with connection.cursor() as cursor:
                    for name, value in _SETTINGS.items():
                        cursor.execute(
                            f"SET {name} = '{value}'" if name != "search_path" else f"SET search_path = {value}"
                        )
                    for name, value in _WISHES.items():
                        with contextlib.suppress(adbc_driver_manager.Error):
                            cursor.execute(f"SET {name} = '{value}'")
            except adbc_driver_manager.Error as error:
                raise ChildError("Unreachable", str(getattr(error, "sqlstate", None) or "")) from None
            self._connection = connection
        return self._connection


def _plain(table: pa.Table) -> pa.Table:
    if table.num_rows > _ROWS_MAX:
        raise ChildError("TooManyRows")
    if any(field.type not in _PLAIN for field in table.schema):
        raise ChildError("UnsupportedResultType")
    return table


def _start() -> tuple[Handler, Callable[[], None]]:
    sys.setrecursionlimit(_DEEP)
    sessions: dict[str, Session] = {}

    def handle(header: Header, blobs: list[memoryview]) -> tuple[Header, list[Blob]]:
        token = header["spec"]
        if blobs:
            for old in sessions.values():
                old.close()
            sessions.clear()
            sessions[token] = Session(json.loads(bytes(blobs[0])))
        if token not in sessions:
            return {"unknown": True}, []
        session, do = sessions[token], header["do"]
        if do == "own":  # SQL that this service wrote for PostgreSQL: what tables there are, and whether facts hold
            return {}, [encode_table(session.run(header["sql"], header["timeout_ms"]))]
        sql = session.statement(header["sql"])
        if do == "check":
            session.parse(sql, header["timeout_ms"])
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
