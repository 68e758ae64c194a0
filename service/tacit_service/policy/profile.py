"""Exact statistics of the data that ``check`` and ``advise`` share: shares of bad values, rows per unit, orphans.

For the data's owner alone. Nothing here is private, and no door of the service reaches it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tacit_service.policy.model import Column, Policy, Table
from tacit_service.policy.reader import SQL_TYPES, TableReader, identifier, literal

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """Counts of rows: NULL in the source, not castable to the declared type, outside bounds or categories."""

    rows: int
    null: int
    uncast: int
    outside: int


@dataclass(frozen=True, slots=True)
class RowsPerUnit:
    """How many units have how many rows."""

    rows: Ints
    units: Ints

    @property
    def rows_total(self) -> int:
        """All rows that belong to a unit."""
        return int((self.rows * self.units).sum())

    @property
    def units_total(self) -> int:
        """All units with at least one row."""
        return int(self.units.sum())

    def lost(self, cap: int) -> int:
        """Rows beyond the first ``cap`` of each unit: the bias of a count under that cap."""
        return int((np.maximum(self.rows - cap, 0) * self.units).sum())

    def quantile(self, share: float) -> int:
        """The smallest number of rows that at least ``share`` of the units do not exceed."""
        reached = np.cumsum(self.units) >= share * self.units_total
        return int(self.rows[int(np.argmax(reached))]) if self.units_total else 0


@dataclass(frozen=True, slots=True)
class Hop:
    """One foreign-key step: rows whose key finds no row, and rows whose key finds rows of several units."""

    rows: int
    orphans: int
    ambiguous: int


def one_row(
    reader: TableReader, source: str, base: Path, expressions: dict[str, str], tail: str = ""
) -> dict[str, Any]:
    """Evaluate aggregate expressions over the whole source; the answer has one row."""
    items = ", ".join(f"{sql} AS {identifier(name)}" for name, sql in expressions.items())
    row: dict[str, Any] = reader.query(source, base, f"SELECT {items} FROM t {tail}").to_pylist()[0]
    return row


def cast(table: Table, name: str) -> str:
    """SQL for a column as the snapshot will hold it before clamping: of the declared type, NaN as NULL."""
    declared = table.columns.get(name)
    source = identifier(table.source_name(name))
    if declared is None:
        return source
    value = f"TRY_CAST({source} AS {SQL_TYPES[declared.type]})"
    return f"CASE WHEN isnan({value}) THEN NULL ELSE {value} END" if declared.type == "number" else value


def profile_columns(reader: TableReader, base: Path, table: Table, names: Sequence[str]) -> dict[str, ColumnProfile]:
    """NULLs, uncastable values and values outside the declaration, for all of ``names`` in one pass."""
    expressions = {"rows": "count(*)"}
    for i, name in enumerate(names):
        value, source = cast(table, name), identifier(table.source_name(name))
        expressions[f"null{i}"] = f"count(*) FILTER ({source} IS NULL)"
        expressions[f"uncast{i}"] = f"count(*) FILTER ({source} IS NOT NULL AND ({value}) IS NULL)"
        expressions[f"outside{i}"] = f"count(*) FILTER ({_outside(table.columns[name], value)})"
    row = one_row(reader, table.source, base, expressions)
    return {
        name: ColumnProfile(row["rows"], row[f"null{i}"], row[f"uncast{i}"], row[f"outside{i}"])
        for i, name in enumerate(names)
    }


def _outside(column: Column, value: str) -> str:
    conditions = []
    if column.bounds is not None:
        low, high = (f"CAST({literal(b)} AS {SQL_TYPES[column.type]})" for b in column.bounds)
        conditions.append(f"({value}) < {low} OR ({value}) > {high}")
    if column.categories is not None:
        listed = ", ".join(literal(c) for c in column.categories)
        conditions.append(f"({value}) IS NOT NULL AND ({value}) NOT IN ({listed})")
    return " OR ".join(conditions) or "FALSE"


def rows_per_unit(reader: TableReader, base: Path, table: Table) -> RowsPerUnit:
    """For a table that has ``unit`` itself."""
    if table.row_is_unit:
        rows = one_row(reader, table.source, base, {"rows": "count(*)"})["rows"]
        return RowsPerUnit(np.array([1]), np.array([rows], dtype=np.int64))
    unit = cast(table, str(table.unit))
    found = reader.query(
        table.source,
        base,
        "SELECT n, count(*) AS units FROM (SELECT count(*) AS n FROM "
        f"(SELECT {unit} AS u FROM t) WHERE u IS NOT NULL GROUP BY u) GROUP BY n ORDER BY n",
    )
    return RowsPerUnit(_ints(found["n"]), _ints(found["units"]))


def follow_path(reader: TableReader, base: Path, policy: Policy, name: str) -> tuple[RowsPerUnit, list[Hop]]:
    """For a table with ``path``: rows per unit through its foreign keys, and what each step loses."""
    table = policy.tables[name]
    first = cast(table, table.path[0][0])
    rows = reader.query(table.source, base, f"SELECT CAST({first} AS VARCHAR) AS k, count(*) AS n FROM t GROUP BY 1")
    hops: list[Hop] = []
    for i, (_, target) in enumerate(table.path):
        reached_name, _, key = target.partition(".")
        reached = policy.tables[reached_name]
        onward = table.path[i + 1][0] if i + 1 < len(table.path) else str(reached.unit)
        mapping = reader.query(
            reached.source,
            base,
            f"SELECT CAST({cast(reached, key)} AS VARCHAR) AS k, min(CAST({cast(reached, onward)} AS VARCHAR)) AS v, "
            f"count(DISTINCT {cast(reached, onward)}) AS d FROM t WHERE {cast(reached, key)} IS NOT NULL GROUP BY 1",
        )
        joined = rows.join(mapping, "k", join_type="left outer")
        found = pc.is_valid(joined["v"])
        total = pc.sum(joined["n"]).as_py() or 0
        kept = joined.filter(found)
        ambiguous = kept.filter(pc.greater(kept["d"], 1))
        hops.append(Hop(total, total - _total(kept["n"]), _total(ambiguous["n"])))
        rows = kept.group_by("v").aggregate([("n", "sum")]).rename_columns(["k", "n"])
    counts, units = np.unique(_ints(rows["n"]), return_counts=True)
    return RowsPerUnit(counts, units.astype(np.int64)), hops


def _total(column: pa.ChunkedArray) -> int:
    return int(pc.sum(column).as_py() or 0)


def _ints(column: pa.ChunkedArray) -> Ints:
    return np.asarray(column.combine_chunks().cast(pa.int64()).to_numpy(zero_copy_only=False), dtype=np.int64)
