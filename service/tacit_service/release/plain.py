"""Results of the outer SQL as columns of few types: whole numbers of 64 bits, doubles, days that a calendar has."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_TOLERANCE = 1e-9  # of sums of doubles in another order


def plain(table: pa.Table, types: list[str]) -> pa.Table:
    """Every integer as int64, every decimal as double; by the declared type, never by what the values happen to be.

    What does not fit (an integer past 64 bits, a day outside the years 1 to 9999) is NULL: noise may decide no error.
    """
    arrays, names = [], table.schema.names
    for column, duckdb_type in zip(table.columns, types, strict=True):
        kind = column.type
        if duckdb_type in ("HUGEINT", "UHUGEINT") or pa.types.is_integer(kind):
            column = _whole(column)
        elif pa.types.is_decimal(kind) or pa.types.is_floating(kind):
            column = column.cast(pa.float64())
        elif pa.types.is_date32(kind) or pa.types.is_timestamp(kind):
            column = _known_days(column)
        arrays.append(column)
    return pa.Table.from_arrays(arrays, names=names)


def _whole(column: pa.ChunkedArray) -> pa.ChunkedArray:
    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid:
        fits = [v if v is not None and -(2**63) <= v < 2**63 else None for v in column.to_pylist()]
        return pa.chunked_array([pa.array([None if v is None else int(v) for v in fits], pa.int64())])


def _known_days(column: pa.ChunkedArray) -> pa.ChunkedArray:
    first, last = (pa.scalar(d, pa.date32()).cast(column.type) for d in (dt.date.min, dt.date.max))
    known = pc.and_(pc.greater_equal(column, first), pc.less_equal(column, last))
    return pc.if_else(known, column, pa.scalar(None, column.type))


def values_of(column: pa.ChunkedArray) -> list[Any]:
    """The column as Python values; what Python has no value for (a day past the year 9999 in a list) is ``None``."""
    values: list[Any] = []
    try:
        values = column.to_pylist()
    except (OverflowError, ValueError):
        for one in column:
            try:
                values.append(one.as_py())
            except (OverflowError, ValueError):
                values.append(None)
    return values


def floats(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    """The column as doubles; NULL is NaN."""
    found: npt.NDArray[np.float64] = column.cast(pa.float64(), safe=False).to_numpy().astype(np.float64)  # NULL is NaN
    return found


def alike(a: pa.Table, b: pa.Table) -> bool:
    """The same rows up to order and rounding, as far as sorting each column for itself can tell."""
    if a.schema.types != b.schema.types or a.num_rows != b.num_rows:
        return False
    for x, y in zip(a.columns, b.columns, strict=True):
        if pa.types.is_nested(x.type):  # Arrow does not sort these; two draws are few rows
            if sorted(map(repr, x.to_pylist())) != sorted(map(repr, y.to_pylist())):
                return False
            continue
        x, y = x.take(pc.sort_indices(x)), y.take(pc.sort_indices(y))
        if pa.types.is_floating(x.type):
            left, right = x.to_numpy(), y.to_numpy()
            if not np.allclose(left, right, rtol=_TOLERANCE, atol=_TOLERANCE, equal_nan=True):
                return False
        elif not x.equals(y):
            return False
    return True
