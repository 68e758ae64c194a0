"""Public tables inside Spark: the rows that the service holds, as views of its sessions.

Uniqueness, bounds and domains of a public table are read from its rows when the dataset is opened, and sensitivities rest
on them: a table that changes in Spark must not change them behind the service's back.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from tacit_service.policy.model import Table

from .columns import KINDS
from .scope import Columns, quoted
from .tables import Relation
from .value import LARGEST, TYPES, Kind, Value

ROWS_MAX = 200_000
"""Rows of a public table beside Spark: each session is given them once."""


def view_name(name: str) -> str:
    """The view that holds a public table's rows."""
    return f"_public_{name}"


def held(name: str, table: Table) -> Relation:
    """The table as its rows."""
    columns: Columns = {n: Value(quoted(n), KINDS[d.type]) for n, d in table.columns.items()}
    items = ", ".join(f"CAST({quoted(n)} AS {TYPES[c.kind]}) AS {quoted(n)}" for n, c in columns.items())
    return Relation(f"SELECT {items} FROM {quoted(view_name(name))}", columns)


def with_ranges(relation: Relation, rows: pa.Table) -> Relation:
    """The same, knowing between what its numbers lie."""
    columns = {
        n: Value(c.sql, c.kind, *_range(c.kind, rows.column(n).to_pylist())) if c.kind.number else c
        for n, c in relation.columns.items()
    }
    return Relation(relation.sql, columns)


def _range(kind: Kind, values: list[Any]) -> tuple[float, float]:
    numbers = [float(v) for v in values if v is not None and v == v]
    if kind is Kind.FLOAT or not numbers:
        return (-LARGEST, LARGEST) if kind is Kind.FLOAT else (0.0, 0.0)
    return min(numbers), max(numbers)
