"""Rows made up from what a policy declares, and from nothing else: the same draft, sizes and seed make the same rows.

Numbers, dates and keys are drawn within bounds and categories, independently of each other. ``skewed`` draws numbers
from Beta(1, 6) over their bounds and keys by Zipf's law, which is nearer to money and diagnoses than ``even``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tacit_service.policy.model import Column, Policy, Table
from tacit_service.policy.rules import protected

Ints = npt.NDArray[np.int64]
UNIT: Final = "tacit_made_up_unit"
_NULL_SHARE: Final = 0.03
_UNNAMED_KEYS: Final = 40
_ARROW: Final[dict[str, pa.DataType]] = {
    "integer": pa.int64(),
    "number": pa.float64(),
    "string": pa.string(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many units, how many rows of one on average, and how values are spread."""

    units: int
    rows_per_unit: int
    spread: Literal["skewed", "even"]
    seed: int


def make_rows(policy: Policy, sizes: Sizes) -> dict[str, pa.Table]:
    """One table for each protected table of ``policy``, with the policy's column names (and ids that paths need)."""
    keys = _keys_of_paths(policy)
    made: dict[str, pa.Table] = {}
    by_depth = sorted(protected(policy).items(), key=lambda item: len(item[1].path))
    for number, (name, table) in enumerate(by_depth):
        rng = np.random.default_rng([sizes.seed, number])
        made[name] = _table(table, keys.get(name, set()), made, sizes, rng)
    return made


def _keys_of_paths(policy: Policy) -> dict[str, set[str]]:
    """Columns that a foreign key points at: each row has a value of its own there."""
    keys: dict[str, set[str]] = {}
    for table in policy.tables.values():
        for _, target in table.path:
            name, _, column = target.partition(".")
            keys.setdefault(name, set()).add(column)
    return keys


def _table(table: Table, keys: set[str], made: dict[str, pa.Table], sizes: Sizes, rng: np.random.Generator) -> pa.Table:
    owners = _owners(table, sizes, rng)
    count = len(owners)
    links = {UNIT: _ids(owners, None)} if table.unit is None or table.row_is_unit else {}
    if table.unit is not None and not table.row_is_unit:
        links[table.unit] = _ids(owners, table.columns.get(table.unit))
    for key in keys - links.keys():
        links[key] = _ids(np.arange(1, count + 1), table.columns.get(key))
    if table.path:
        foreign, target = table.path[0]
        reached, _, key = target.partition(".")
        column = made[reached][key]
        links[foreign] = column.take(pa.array(rng.integers(0, len(column), count)))
    columns = {name: links.pop(name, None) or _values(c, count, sizes, rng) for name, c in table.columns.items()}
    return pa.table({**columns, **links})


def _owners(table: Table, sizes: Sizes, rng: np.random.Generator) -> Ints:
    """The unit of each row, 1 … units. Several rows: 1 + a negative binomial number, whose tail is heavy."""
    units = np.arange(1, sizes.units + 1)
    if table.one_row_per_unit or table.row_is_unit or sizes.rows_per_unit == 1:
        return units
    rest = sizes.rows_per_unit - 1
    return np.repeat(units, 1 + rng.poisson(rng.gamma(1.3, rest / 1.3, sizes.units)))


def _ids(numbers: Ints, column: Column | None) -> pa.Array:
    """Ids as the column declares them, whole numbers where it says nothing."""
    if column is not None and column.type == "string":
        return pa.array([f"id{number}" for number in numbers.tolist()], pa.string())
    return pa.array(numbers, pa.int64())


def _values(column: Column, count: int, sizes: Sizes, rng: np.random.Generator) -> pa.Array:
    missing = rng.random(count) < (0.0 if column.nullable is False else _NULL_SHARE)
    if column.categories is not None:
        return _drawn(column.categories, column, count, missing, sizes, rng)
    if column.type == "boolean":
        return _drawn((False, True), column, count, missing, sizes, rng)
    if column.type == "string":
        return _drawn([f"value {n}" for n in range(1, _UNNAMED_KEYS + 1)], column, count, missing, sizes, rng)
    low, high, step = _range(column)
    at = (
        rng.beta(1, 6, count)
        if sizes.spread == "skewed" and column.type in ("integer", "number")
        else rng.random(count)
    )
    values = low + np.rint(at * (high - low) / step) * step
    if column.type in ("integer", "number"):
        kind = np.int64 if column.type == "integer" else np.float64
        return pa.array(np.clip(values, low, high).astype(kind), mask=missing)
    unit = "datetime64[D]" if column.type == "date" else "datetime64[us]"
    return pa.array(values.astype(np.int64).astype(unit), _ARROW[column.type], mask=missing)


def _drawn(
    values: Sequence[Any], column: Column, count: int, missing: npt.NDArray[np.bool_], sizes: Sizes,
    rng: np.random.Generator,
) -> pa.Array:  # fmt: skip
    weight = 1 / np.arange(1, len(values) + 1) if sizes.spread == "skewed" else np.ones(len(values))
    codes = rng.choice(len(values), count, p=weight / weight.sum())
    known = pa.array([_plain(value, column) for value in values], _ARROW[column.type])
    return known.take(pa.array(codes, mask=missing))


def _plain(value: Any, column: Column) -> Any:
    if column.type == "date":
        return dt.date.fromisoformat(str(value))
    if column.type == "timestamp":
        return dt.datetime.fromisoformat(str(value))
    return str(value) if column.type == "string" else float(value) if column.type == "number" else value


def _range(column: Column) -> tuple[float, float, float]:
    """Low, high and step; days or microseconds since 1970 for times."""
    if column.type in ("date", "timestamp"):
        dtype = "datetime64[D]" if column.type == "date" else "datetime64[us]"
        bounds = column.bounds or (dt.date(2023, 1, 1), dt.date(2024, 12, 31))
        low, high = np.array([str(b) for b in bounds], dtype=dtype).astype(np.int64).tolist()
        return float(low), float(high), 1.0
    low, high = (float(Decimal(str(b))) for b in column.bounds or (0, 1000))
    step = float(column.precision) if column.precision else 1.0 if column.type == "integer" else (high - low) / 10_000
    return low, high, step or 1.0
