"""DB-API 2.0 (PEP 249), so that pandas, notebooks and BI tools can ask.

Every ``execute`` of a question buys an answer; the same question again is the answer that you hold, and free. The connection
says how much an answer may cost; ``cursor.quote`` says it before. Beside each number the cursor keeps its 95 % interval
(``cursor.intervals``) and what was paid (``cursor.receipt``). There are no transactions: what is bought is bought.

>>> import tacit.dbapi
>>> connection = tacit.dbapi.connect(url, key, "clinic", epsilon="0.1")
>>> cursor = connection.cursor()
>>> cursor.execute("SELECT sex, COUNT(*) AS n FROM patients WHERE age < ? GROUP BY sex ORDER BY sex", (30,))
<tacit.dbapi.Cursor 3 rows>
>>> [column[0] for column in cursor.description]
['sex', 'n']
>>> sex, n = cursor.fetchone()
>>> low, high = cursor.intervals[0][1]
>>> bool(low < n < high), cursor.receipt.charged.epsilon
(True, '0.1')
>>> connection.close()
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from decimal import Decimal
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self

from tacit import _dbapi_errors as _errors
from tacit import _probe as probe
from tacit._binding import bind
from tacit._dbapi_errors import (
    DatabaseError,
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    Warning,
)
from tacit._settings import RETRIES, TIMEOUT_S
from tacit.client import Client

if TYPE_CHECKING:
    from tacit import wire
    from tacit._protocol import Amount
    from tacit.release import Release, Value

__all__ = [
    "BINARY",
    "DATETIME",
    "NUMBER",
    "ROWID",
    "STRING",
    "Binary",
    "Connection",
    "Cursor",
    "DataError",
    "DatabaseError",
    "Date",
    "DateFromTicks",
    "Error",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "NotSupportedError",
    "OperationalError",
    "ProgrammingError",
    "Time",
    "TimeFromTicks",
    "Timestamp",
    "TimestampFromTicks",
    "Warning",
    "apilevel",
    "connect",
    "paramstyle",
    "threadsafety",
]

apilevel = "2.0"
threadsafety = 2
"""Threads may share the module and connections; each has cursors of its own."""
paramstyle = "qmark"

Row = tuple["Value", ...]
Description = tuple[str, str, None, None, None, None, bool | None]


class _Type:
    """A type object of PEP 249: equal to each type code that it covers."""

    def __init__(self, name: str, *codes: str) -> None:
        self._name = name
        self._codes = frozenset(codes)

    def __eq__(self, other: object) -> bool:
        return other in self._codes if isinstance(other, str) else self is other

    def __hash__(self) -> int:
        return hash(self._codes)

    def __repr__(self) -> str:
        return f"tacit.dbapi.{self._name}"


STRING = _Type("STRING", "string")
NUMBER = _Type("NUMBER", "integer", "number", "boolean")
DATETIME = _Type("DATETIME", "date", "timestamp")
BINARY = _Type("BINARY")
ROWID = _Type("ROWID")

Date = dt.date
Time = dt.time
Timestamp = dt.datetime
Binary = bytes


def DateFromTicks(ticks: float) -> dt.date:  # noqa: N802  (PEP 249's name)
    """The local date of a Unix time."""
    return dt.date.fromtimestamp(ticks)


def TimeFromTicks(ticks: float) -> dt.time:  # noqa: N802
    """The local time of a Unix time."""
    return dt.datetime.fromtimestamp(ticks).time()


def TimestampFromTicks(ticks: float) -> dt.datetime:  # noqa: N802
    """The local date and time of a Unix time."""
    return dt.datetime.fromtimestamp(ticks)


def connect(
    url: str,
    key: str,
    dataset: str,
    *,
    epsilon: Amount | None = None,
    delta: Amount | None = None,
    accuracy: Amount | None = None,
    max_rows: int | None = None,
    max_groups: int | None = None,
    max_amount: float | Decimal | None = None,
    intervals: bool = False,
    timeout_s: float = TIMEOUT_S,
    retries: int = RETRIES,
) -> Connection:
    """A connection to one dataset. Nothing is sent yet.

    What is named here holds for every ``execute``, as in ``Client.query``. With ``intervals`` each measured column
    ``x`` is followed by ``x_low`` and ``x_high``, for programs that see rows only.
    """
    terms = {"epsilon": epsilon, "delta": delta, "accuracy": accuracy, "max_rows": max_rows, "max_groups": max_groups}
    with _errors.translated():
        client = Client(url, key, dataset, timeout_s=timeout_s, retries=retries)
    return Connection(client, {**terms, "max_amount": max_amount}, intervals)


class _Errors:
    """PEP 249's optional extension: the exceptions as attributes of a connection."""

    Warning = Warning
    Error = Error
    InterfaceError = InterfaceError
    DatabaseError = DatabaseError
    DataError = DataError
    OperationalError = OperationalError
    IntegrityError = IntegrityError
    InternalError = InternalError
    ProgrammingError = ProgrammingError
    NotSupportedError = NotSupportedError


class Connection(_Errors):
    """A dataset and the terms of its questions. ``client`` is the SDK's client behind it."""

    def __init__(self, client: Client, terms: dict[str, Any], intervals: bool = False) -> None:
        self.client = client
        self.terms = terms
        self.with_intervals = intervals
        self._closed = False

    def cursor(self) -> Cursor:
        """A new cursor."""
        self._check()
        return Cursor(self)

    def commit(self) -> None:
        """Nothing to do: an answer is paid for before it is given."""
        self._check()

    def rollback(self) -> None:
        """Nothing is taken back: what was spent stays spent."""
        self._check()

    def close(self) -> None:
        """Close the connection; cursors of it raise from now on."""
        if not self._closed:
            self._closed = True
            self.client.close()

    def _check(self) -> None:
        if self._closed:
            raise InterfaceError("the connection is closed")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<tacit.dbapi.Connection {self.client.url} {self.client.default_dataset}>"


class Cursor:
    """One question at a time, and its answer row by row."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.arraysize = 1
        self.lastrowid = None
        self.release: Release | None = None
        """The answer with everything that came with it: plan, receipt, conversions to pandas and Arrow."""
        self._description: list[Description] | None = None
        self._rows: list[Row] = []
        self._next = 0
        self._closed = False

    def execute(self, operation: str, parameters: Sequence[object] = ()) -> Self:
        """Ask. ``?`` stands for a parameter. Repeating a question that you have bought is free."""
        self._check()
        self._forget()
        with _errors.translated():
            statement = bind(operation, parameters) if parameters else operation
            columns = probe.columns(statement, self.connection.client)
            if columns is not None:
                table: list[tuple[str, str, list[Value]]] = [(name, kind, []) for name, kind in columns]
            else:
                self.release = self.connection.client.query(statement, **self.connection.terms)
                table = self.release.columnar(self.connection.with_intervals)
        self._description = [(name, kind, None, None, None, None, None) for name, kind, _ in table]
        self._rows = list(zip(*(values for _, _, values in table), strict=True))
        return self

    def executemany(self, operation: str, seq_of_parameters: Sequence[Sequence[object]]) -> NoReturn:  # noqa: ARG002
        """Refused: each set of parameters is a question with a price of its own. Ask one that groups."""
        raise NotSupportedError("executemany would buy one answer a set of parameters: GROUP BY asks them all for one")

    def quote(self, operation: str, parameters: Sequence[object] = ()) -> wire.Quote:
        """The price of ``execute``, and the ± of each column. Free."""
        self._check()
        with _errors.translated():
            statement = bind(operation, parameters) if parameters else operation
            return self.connection.client.quote(statement, **self.connection.terms)

    @property
    def description(self) -> list[Description] | None:
        """(name, type code, …) of each column; None before the first answer."""
        return self._description

    @property
    def rowcount(self) -> int:
        """Rows of the answer, which are released; -1 before the first."""
        return -1 if self._description is None else len(self._rows)

    @property
    def rownumber(self) -> int | None:
        """Index of the next row."""
        return None if self._description is None else self._next

    @property
    def receipt(self) -> wire.Receipt:
        """What the last answer cost, how it was measured, what is left."""
        return self._answer().receipt

    @property
    def intervals(self) -> list[tuple[tuple[float, float] | None, ...]]:
        """For each cell of the answer its 95 % interval, or None where nothing was measured."""
        return self._answer().intervals

    def fetchone(self) -> Row | None:
        """The next row, or None."""
        rows = self.fetchmany(1)
        return rows[0] if rows else None

    def fetchmany(self, size: int | None = None) -> list[Row]:
        """The next ``size`` rows, or ``arraysize``."""
        self._check()
        if self._description is None:
            raise ProgrammingError("nothing was asked: call execute first")
        start = self._next
        self._next = min(len(self._rows), start + max(0, self.arraysize if size is None else size))
        return self._rows[start : self._next]

    def fetchall(self) -> list[Row]:
        """All rows that are left."""
        return self.fetchmany(len(self._rows))

    def __iter__(self) -> Iterator[Row]:
        while (row := self.fetchone()) is not None:
            yield row

    def setinputsizes(self, sizes: Sequence[object]) -> None:
        """Does nothing, as PEP 249 allows."""

    def setoutputsize(self, size: int, column: int | None = None) -> None:
        """Does nothing, as PEP 249 allows."""

    def close(self) -> None:
        """Forget the answer."""
        self._forget()
        self._closed = True

    def _check(self) -> None:
        if self._closed:
            raise InterfaceError("the cursor is closed")
        self.connection._check()

    def _forget(self) -> None:
        self.release, self._description, self._rows, self._next = None, None, [], 0

    def _answer(self) -> Release:
        self._check()
        if self.release is None:
            raise ProgrammingError("nothing was bought: call execute with a question first")
        return self.release

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        rows = "closed" if self._closed else "idle" if self._description is None else f"{len(self._rows)} rows"
        return f"<tacit.dbapi.Cursor {rows}>"
