"""Public tables inside a statement: the rows that the service holds, so that what is known of them stays true.

Uniqueness, bounds and domains of a public table are read from its rows when the dataset is opened, and sensitivities rest
on them: a table that changes on the server must not change them behind the service's back.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa

from tacit_service.policy.model import Table

from .scope import Columns, quoted
from .tables import KINDS, Relation
from .value import LARGEST, TYPES, Kind, Value

ROWS_MAX = 20_000
"""Rows of a public table beside PostgreSQL: each statement that reads it carries them."""


def inlined(table: Table, rows: pa.Table) -> Relation:
    """The rows as arrays that the server unfolds."""
    columns: Columns = {}
    arrays = []
    for name, declared in table.columns.items():
        kind = KINDS[declared.type]
        values = rows.column(name).to_pylist()
        arrays.append(f"{_array(values)}::{TYPES[kind]}[]")
        columns[name] = Value(quoted(name), kind, *_magnitudes(kind, values))
    names = ", ".join(map(quoted, table.columns))
    items = ", ".join(
        f'{quoted(n)} COLLATE "C" AS {quoted(n)}' if c.kind is Kind.TEXT else quoted(n) for n, c in columns.items()
    )
    return Relation(f"SELECT {items} FROM unnest({', '.join(arrays)}) AS _rows({names})", columns)


def _array(values: list[Any]) -> str:
    body = ",".join("NULL" if v is None else _element(v) for v in values)
    return "'{" + body.replace("'", "''") + "}'"


def _element(value: Any) -> str:
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, dt.datetime):
        return f'"{value.isoformat(sep=" ")}"'
    if isinstance(value, dt.date | int):
        return str(value)
    if isinstance(value, float):
        return repr(value)
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _magnitudes(kind: Kind, values: list[Any]) -> tuple[float, float]:
    if not kind.number:
        return 0.0, LARGEST
    sizes = [abs(float(v)) for v in values if v is not None and v == v and v]
    return min(sizes, default=1.0), max(sizes, default=1.0)
