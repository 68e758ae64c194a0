"""A result: rows, an interval for every measured number, and the receipt. Converts to pandas, Arrow and dicts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tacit import _chart, _table
from tacit._text import clean, short_decimal
from tacit.errors import InvalidArgument, MissingExtra, ProtocolError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from tacit.wire import Answer, Cell, ColumnInfo, Receipt, Spend

Value = bool | int | float | str | dt.date | dt.datetime | None
"""A cell in Python: dates and timestamps are parsed."""

_ROWS_SHOWN = 40
_EXACT_MAX = 2**53


class Release:
    """A private answer, as ``Client.query`` and ``Client.release`` return it.

    ``rows`` holds tuples, ``intervals`` has the same shape with ``(low, high)`` or ``None`` for each cell; a release
    iterates over its rows. ``repr`` is a table that rounds each number to what its interval supports; every
    conversion is exact. A notebook shows the table and a chart with the intervals drawn.

    >>> answer = client.query("SELECT region, COUNT(*) AS n FROM patients GROUP BY region ORDER BY region", epsilon="0.1")
    >>> print(answer)
     region |         n
    --------+-----------
     R1     | ... ±30
    ...
    (8 rows; ...)
    """

    def __init__(self, answer: Answer) -> None:
        shape = len(answer.columns)
        if len(answer.intervals) != len(answer.rows) or any(
            len(row) != shape or len(spans) != shape for row, spans in zip(answer.rows, answer.intervals, strict=True)
        ):
            raise ProtocolError("rows, intervals and columns of the answer differ in shape")
        self._answer = answer
        self._rows: list[tuple[Value, ...]] | None = None

    @property
    def answer(self) -> Answer:
        """The answer as the service sent it.

        >>> answer.answer.dataset
        'clinic'
        """
        return self._answer

    @property
    def id(self) -> str:
        """Names this release for ever: ``client.release(id)`` gives it again, free.

        >>> client.release(answer.id).rows == answer.rows
        True
        """
        return self._answer.release_id

    @property
    def dataset(self) -> str:
        """The dataset it was released from.

        >>> answer.dataset
        'clinic'
        """
        return self._answer.dataset

    @property
    def sql(self) -> str:
        """The statement it answers.

        >>> answer.sql
        'SELECT region, COUNT(*) AS n FROM patients GROUP BY region ORDER BY region'
        """
        return self._answer.sql

    @property
    def columns(self) -> list[ColumnInfo]:
        """Name, type and kind (key, noisy, derived, public) of each column.

        >>> [(column.name, column.kind) for column in answer.columns]
        [('region', 'key'), ('n', 'noisy')]
        """
        return self._answer.columns

    @property
    def receipt(self) -> Receipt:
        """What it cost, how it was measured, what is left.

        >>> answer.receipt.mechanisms[0].mechanism
        'laplace'
        """
        return self._answer.receipt

    @property
    def rows(self) -> list[tuple[Value, ...]]:
        """The rows, with dates and timestamps parsed.

        >>> region, n = answer.rows[0]
        """
        if self._rows is None:
            types = [column.type for column in self.columns]
            self._rows = [
                tuple(_parse(value, kind) for value, kind in zip(row, types, strict=True)) for row in self._answer.rows
            ]
        return self._rows

    @property
    def intervals(self) -> list[tuple[tuple[float, float] | None, ...]]:
        """For each cell the 95 % interval ``(low, high)``, or ``None`` where nothing was measured.

        >>> nothing, (low, high) = answer.intervals[0]
        >>> nothing is None and low < answer.rows[0][1] < high
        True
        """
        return [
            tuple(None if span is None else (span[0], span[1]) for span in spans) for spans in self._answer.intervals
        ]

    @property
    def membership(self) -> list[float] | None:
        """How sure each row's membership is: in what share of re-draws of the noise it is shown, or keeps its place.

        ``None`` where noisy numbers decide neither which rows are shown (HAVING, LIMIT) nor their order.

        >>> answer.membership is None
        True
        """
        return self._answer.membership

    def __len__(self) -> int:
        return len(self._answer.rows)

    def __iter__(self) -> Iterator[tuple[Value, ...]]:
        return iter(self.rows)

    def __getitem__(self, index: int) -> tuple[Value, ...]:
        return self.rows[index]

    def to_dicts(self, intervals: bool = False) -> list[dict[str, Value]]:
        """One dict a row; with ``intervals``, ``<name>_low`` and ``<name>_high`` beside each measured column.

        >>> sorted(answer.to_dicts(intervals=True)[0])
        ['n', 'n_high', 'n_low', 'region']
        """
        table = self.columnar(intervals)
        names = [name for name, _, _ in table]
        return [dict(zip(names, row, strict=True)) for row in zip(*(values for _, _, values in table), strict=True)]

    def to_arrow(self, intervals: bool = False) -> pa.Table:
        """A ``pyarrow.Table``, with the receipt as JSON in the schema's metadata under ``tacit.receipt``.

        >>> answer.to_arrow().schema.names
        ['region', 'n']
        """
        try:
            import pyarrow as pa
        except ImportError:
            raise _missing("to_arrow", "pyarrow") from None
        table = self.columnar(intervals)
        arrays = [_array(pa, values, kind) for _, kind, values in table]
        fields = [pa.field(name, array.type) for (name, _, _), array in zip(table, arrays, strict=True)]
        metadata = {"tacit.release_id": self.id, "tacit.receipt": self.receipt.model_dump_json()}
        return pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata=metadata))

    def to_pandas(self, intervals: bool = False) -> pd.DataFrame:
        """A ``pandas.DataFrame``: dates and timestamps as ``datetime64``, integers with gaps as ``Int64``.

        >>> answer.to_pandas(intervals=True).shape
        (8, 4)
        """
        try:
            import pandas as pd
        except ImportError:
            raise _missing("to_pandas", "pandas") from None
        table = self.to_arrow(intervals)
        frame: pd.DataFrame = table.to_pandas(date_as_object=False)
        gaps = {"int64": "Int64", "bool": "boolean"}  # plain pandas would turn them into floats or objects
        for name, column in zip(table.column_names, table.columns, strict=True):
            dtype = gaps.get(str(column.type))
            if dtype and column.null_count:
                frame[name] = pd.array(column.to_pylist(), dtype=dtype)
        return frame

    def to_svg(self, column: str | None = None) -> str:
        """A chart of one measured column, the first when none is named, over the groups: SVG text, intervals drawn.

        Bars for named groups, a line with its band over dates and numbers; empty where nothing is to be compared.

        >>> answer.to_svg("n")[:4]
        '<svg'
        """
        drawn = _chart.measures(self.columns)
        if column is not None:
            drawn = [i for i in drawn if self.columns[i].name == column]
            if not drawn:
                raise InvalidArgument(
                    f"no measured column {clean(column)}: kind noisy or derived, type integer or number"
                )
        return _chart.draw(self.columns, self.rows, self.intervals, drawn[0]) if drawn else ""

    def columnar(self, intervals: bool = False) -> list[tuple[str, str, list[Value]]]:
        """Columns as (unique name, type, values), with their interval columns where asked for.

        >>> [(name, kind) for name, kind, values in answer.columnar()]
        [('region', 'string'), ('n', 'integer')]
        """
        result: list[tuple[str, str, list[Value]]] = []
        taken: set[str] = set()
        spans = self.intervals
        for i, column in enumerate(self.columns):
            result.append((_unique(column.name, taken), column.type, [row[i] for row in self.rows]))
            if intervals and column.kind in ("noisy", "derived") and column.type in ("integer", "number"):
                for side, suffix in enumerate(("low", "high")):
                    edge = [_edge(row[i], side, column.type) for row in spans]
                    result.append((_unique(f"{result[-1 - side][0]}_{suffix}", taken), "number", edge))
        return result

    def __repr__(self) -> str:
        shown = self._shown()
        columns, shown = _table.with_membership(self.columns, shown, self.membership)
        legend = [] if self.membership is None else [f"({_table.SURE})"]
        return "\n".join([*_table.answer_lines(columns, shown), *legend, self._footer()])

    def _repr_html_(self) -> str:
        columns, shown = _table.with_membership(self.columns, self._shown(), self.membership)
        legend = "" if self.membership is None else f"; {_table.SURE}"
        return _table.answer_html(columns, shown, self._footer() + legend) + self.to_svg()

    def _shown(self) -> list[list[tuple[str, str]]]:
        part = slice(0, _ROWS_SHOWN)
        return _table.cells(self.columns, self._answer.rows[part], self._answer.intervals[part])

    def _footer(self) -> str:
        count = len(self)
        rows = "1 row" if count == 1 else f"{count} rows"
        first = f", the first {_ROWS_SHOWN} shown" if count > _ROWS_SHOWN else ""
        return f"({rows}{first}; {self.summary()})"

    def summary(self) -> str:
        """Cost and remainder in one line: ``ε 0.1 charged, ε 2.9 left, release rel_…``.

        >>> answer.summary()
        'free: already held, ε ... left, release ...'
        """
        receipt = self.receipt
        free = "free: already held" if receipt.held else "free"
        paid = free if receipt.held or is_free(receipt.charged) else f"{spend(receipt.charged)} charged"
        words = f". {receipt.in_words}" if "Rényi" in receipt.in_words else ""
        when = "" if receipt.response_ms is None else f", sent at {duration(receipt.response_ms)}"
        return clean(f"{paid}, {spend(receipt.remaining)} left{when}, release {self.id}{words}")


def duration(ms: int) -> str:
    """``50 ms``, or seconds from a second on.

    >>> duration(50), duration(25600)
    ('50 ms', '25.6 s')
    """
    return f"{ms} ms" if ms < 1000 else f"{ms / 1000:g} s"


def is_free(amount: Spend) -> bool:
    """Whether neither ε nor δ is spent."""
    return not (amount.epsilon + amount.delta).strip("0.")


def spend(amount: Spend) -> str:
    """``ε 0.1``, and ``, δ 1e-9`` where there is any.

    >>> from tacit.wire import Spend
    >>> spend(Spend(epsilon="0.1", delta="0.000000001"))
    'ε 0.1, δ 1e-9'
    """
    return f"ε {amount.epsilon}" + (f", δ {short_decimal(amount.delta)}" if amount.delta.strip("0.") else "")


def _parse(value: Cell, kind: str) -> Value:
    if value is None or kind not in ("date", "timestamp"):
        return value
    try:
        text = str(value)
        return dt.date.fromisoformat(text) if kind == "date" else dt.datetime.fromisoformat(text)
    except ValueError:
        raise ProtocolError(f"a cell of type {kind} is not in ISO 8601") from None


def _array(pa: Any, values: list[Value], kind: str) -> Any:
    kinds = {
        "integer": pa.int64(),
        "number": pa.float64(),
        "string": pa.string(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us"),
        "null": pa.null(),
    }
    try:
        return pa.array(values, type=kinds[kind])
    except (pa.ArrowInvalid, OverflowError):
        if kind == "integer":  # wider than 64 bits
            return pa.array(
                [None if value is None else Decimal(int(str(value))) for value in values], pa.decimal128(38, 0)
            )
        raise ProtocolError(f"a cell of type {kind} holds another type") from None


def _unique(name: str, taken: set[str]) -> str:
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{name}_{number}"
    taken.add(candidate)
    return candidate


def _edge(span: tuple[float, float] | None, side: int, kind: str) -> Value:
    """One end of an interval; a whole number where the column holds whole numbers."""
    if span is None:
        return None
    value = span[side]
    return int(value) if kind == "integer" and abs(value) < _EXACT_MAX and value == int(value) else value


def _missing(what: str, package: str) -> MissingExtra:
    return MissingExtra(f"{what} needs {package}, which the base installation leaves out: pip install 'tacit[arrow]'")
