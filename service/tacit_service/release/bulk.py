"""Answers of very many rows: kept as Arrow columns from the sandbox to the wire, and read as rows only by who insists.

The table has a column of every result column, and behind each that has intervals its two ends. ``LazyRows`` and
``LazyIntervals`` look like the lists of a small answer, and make their rows when they are asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tacit.wire import Answer

ROWS_MIN = 20_000
"""From here on an answer is columns."""
BATCH = 16_384
_PLAIN = (
    pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_string,
    pa.types.is_date, pa.types.is_timestamp, pa.types.is_null,
)  # fmt: skip
Ends = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Bulk:
    """The rows of an answer: ``table`` holds the result columns, ``low`` and ``high`` by place those with intervals."""

    table: pa.Table
    low: dict[int, pa.Array]
    high: dict[int, pa.Array]

    @classmethod
    def of(cls, result: pa.Table, intervals: dict[int, Ends]) -> Bulk:
        """A result whose columns are all ``fits``; ends that are not finite are no interval."""
        arrays = [_cells(column) for column in result.columns]
        table = pa.table(arrays, names=[str(i) for i in range(len(arrays))])
        known = {i: np.isfinite(low) & np.isfinite(high) for i, (low, high) in intervals.items()}
        low, high = (
            {i: pa.array(ends[side], pa.float64(), mask=~known[i]) for i, ends in intervals.items()} for side in (0, 1)
        )
        return cls(table, low, high)

    def whole(self) -> pa.Table:
        """All in one table, for storing."""
        table = self.table
        for i in self.low:
            table = table.append_column(f"{i}_low", self.low[i]).append_column(f"{i}_high", self.high[i])
        return table

    @classmethod
    def read(cls, whole: pa.Table) -> Bulk:
        """Inverse of ``whole``."""
        names = [n for n in whole.column_names if not n.endswith(("_low", "_high"))]
        with_ends = [int(n) for n in names if f"{n}_low" in whole.column_names]
        low, high = ({i: whole.column(f"{i}_{end}").combine_chunks() for i in with_ends} for end in ("low", "high"))
        return cls(whole.select(names), low, high)


def fits(result: pa.Table) -> bool:
    """Whether an answer is to be columns: it is large, and of types that cells have."""
    return result.num_rows >= ROWS_MIN and all(any(test(f.type) for test in _PLAIN) for f in result.schema)


def _cells(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """What JSON cells would hold: floats that are finite or null, decimals as floats."""
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64(), safe=False)
    if pa.types.is_floating(column.type):
        return pc.if_else(pc.is_finite(column), column, pa.scalar(None, column.type))
    return column


class LazyRows(Sequence[list[Any]]):
    """The rows of a bulk answer as lists of JSON cells."""

    def __init__(self, bulk: Bulk) -> None:
        self.bulk = bulk

    def __len__(self) -> int:
        return int(self.bulk.table.num_rows)

    def __iter__(self) -> Iterator[list[Any]]:
        for start in range(0, len(self), BATCH):
            yield from self._part(start, BATCH)

    @overload
    def __getitem__(self, place: int) -> list[Any]: ...
    @overload
    def __getitem__(self, place: slice) -> list[list[Any]]: ...
    def __getitem__(self, place: int | slice) -> Any:
        at = range(len(self))[place]
        return [self._part(i, 1)[0] for i in at] if isinstance(at, range) else self._part(at, 1)[0]

    def _part(self, start: int, count: int) -> list[list[Any]]:
        columns = [_texts(c).to_pylist() for c in self.bulk.table.slice(start, count).columns]
        return [list(row) for row in zip(*columns, strict=True)]


class LazyIntervals(LazyRows):
    """Their intervals, as lists of pairs or nulls."""

    def _part(self, start: int, count: int) -> list[list[Any]]:
        columns: list[list[Any]] = []
        size = self.bulk.table.slice(start, count).num_rows
        for i in range(self.bulk.table.num_columns):
            if i not in self.bulk.low:
                columns.append([None] * size)
                continue
            low, high = (ends[i].slice(start, count).to_pylist() for ends in (self.bulk.low, self.bulk.high))
            columns.append([None if a is None else [a, b] for a, b in zip(low, high, strict=True)])
        return [list(row) for row in zip(*columns, strict=True)]


def _texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Dates and times as ISO texts, as cells hold them."""
    if pa.types.is_date(column.type):
        return pc.strftime(column, format="%Y-%m-%d")
    if pa.types.is_timestamp(column.type):
        texts = [None if v is None else v.isoformat() for v in column.to_pylist()]
        return pa.chunked_array([pa.array(texts, pa.string())])
    return column


def bulk_of(answer: Answer) -> Bulk | None:
    """The columns of an answer that is made of them."""
    rows: Any = answer.rows
    return rows.bulk if isinstance(rows, LazyRows) else None


def with_bulk(answer: Answer, bulk: Bulk) -> Answer:
    """An answer without rows, with those."""
    return answer.model_copy(update={"rows": LazyRows(bulk), "intervals": LazyIntervals(bulk)})


def without_rows(answer: Answer) -> Answer:
    """The answer less its rows and intervals."""
    return answer.model_copy(update={"rows": [], "intervals": []})


def json_parts(answer: Answer) -> Iterator[bytes]:
    """The JSON of a bulk answer, part by part: never all of it in memory."""
    before, after = without_rows(answer).model_dump_json().split('"rows":[],"intervals":[]', 1)
    yield f'{before}"rows":['.encode()
    yield from _lists(answer.rows)
    yield b'],"intervals":['
    yield from _lists(answer.intervals)
    yield f"]{after}".encode()


def _lists(rows: Sequence[list[Any]]) -> Iterator[bytes]:
    for start in range(0, len(rows), BATCH):
        part = rows._part(start, BATCH) if isinstance(rows, LazyRows) else rows[start : start + BATCH]
        text = json.dumps(part, separators=(",", ":"), allow_nan=False)[1:-1]
        yield (("," if start else "") + text).encode()


def arrow_parts(table: pa.Table) -> Iterator[bytes]:
    """An Arrow IPC stream of the table, batch by batch."""
    sink = _Parts()
    with pa.ipc.new_stream(pa.PythonFile(sink, "w"), table.schema) as writer:
        for batch in table.to_batches(max_chunksize=BATCH * 4):
            writer.write_batch(batch)
            yield sink.take()
    yield sink.take()


class _Parts:
    """What was written since it was last asked."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is kept back."""

    def take(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)
