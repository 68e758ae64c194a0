"""What the data of one table suggest: bounds, categories, caps. Read by SQL aggregates, judged by ``tradeoff``."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tacit_service.policy import profile
from tacit_service.policy.model import Table
from tacit_service.policy.profile import RowsPerUnit
from tacit_service.policy.reader import SQL_TYPES, TableReader, identifier
from tacit_service.policy.tradeoff import (
    LAPLACE_95,
    Choice,
    GroupCounts,
    best,
    caps_to_try,
    count_by_rows_cap,
    friendly,
    sum_by_amount_cap,
    sum_by_rows_cap,
)

Type = Literal["integer", "number", "string", "boolean", "date", "timestamp"]

CATEGORIES_MAX = 60
CATEGORY_UNITS_MIN = 20  # a value that fewer people have may point at them, and its noisy row would be all noise
_GROUPS_MAX = 5_000  # a column of more values is no key that caps should be chosen for
_DECIMALS_MAX = 4
_IDENTIFIER_ROWS_MIN = 100
_AMOUNT_SHARES = (0.5, 0.9, 0.95, 0.99, 0.999, 1.0)


@dataclass(frozen=True, slots=True)
class ColumnAdvice:
    """What the policy could declare of one column, as YAML text, and why.

    ``declared``: the policy says so already, and what it says is kept.
    """

    name: str
    bounds: tuple[str, str] | None = None
    precision: str | None = None
    categories: tuple[str | int | bool, ...] | None = None
    distinct: int | None = None
    choices: tuple[Choice, ...] = ()
    notes: tuple[str, ...] = ()
    declared: bool = False


def source_types(reader: TableReader, source: str, base: Path, found: dict[str, str]) -> dict[str, Type]:
    """The policy's type for each column of a bare source; text that is all numbers or dates is read as such."""
    text = [name for name, kind in found.items() if _of_duckdb(kind) == "string"]
    tried: tuple[Type, ...] = ("integer", "number", "timestamp")
    expressions = {
        f"{kind}{i}": f"count({identifier(name)}) > 0 AND count({identifier(name)}) = "
        f"count(TRY_CAST({identifier(name)} AS {SQL_TYPES[kind]}))"
        for i, name in enumerate(text)
        for kind in tried
    }
    # A whole number's text is also a number's, and '1.5' casts to BIGINT as 2: both must agree.
    expressions |= {
        f"whole{i}": f"coalesce(bool_and(TRY_CAST({identifier(name)} AS DOUBLE) % 1 = 0), FALSE)"
        for i, name in enumerate(text)
    }
    row = profile.one_row(reader, source, base, expressions) if text else {}
    types = {name: _of_duckdb(kind) for name, kind in found.items()}
    for i, name in enumerate(text):
        if row[f"number{i}"]:
            types[name] = "integer" if row[f"integer{i}"] and row[f"whole{i}"] else "number"
        elif row[f"timestamp{i}"]:
            types[name] = "timestamp"
    return types


def _of_duckdb(kind: str) -> Type:
    word = kind.upper().partition("(")[0].strip()
    if word in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "HUGEINT"):
        return "integer"
    if word in ("FLOAT", "REAL", "DOUBLE", "DECIMAL"):
        return "number"
    if word.startswith("TIMESTAMP"):
        return "timestamp"
    return "date" if word == "DATE" else "boolean" if word == "BOOLEAN" else "string"


class Survey:
    """Reads one table at the (ε, δ) of a typical query."""

    def __init__(self, reader: TableReader, base: Path, table: Table, epsilon: float, delta: float) -> None:
        self._reader, self._base, self._table = reader, base, table
        self._epsilon, self._delta = epsilon, delta
        self._single = table.row_is_unit or table.one_row_per_unit
        self._unit = None if table.path or self._single else profile.cast(table, str(table.unit))

    def units(self) -> RowsPerUnit:
        """Rows per unit; one each where the policy enforces that."""
        units = profile.rows_per_unit(self._reader, self._base, self._table)
        return RowsPerUnit(np.array([1]), np.array([units.units_total])) if self._single else units

    def counts(self, units: RowsPerUnit) -> list[Choice]:
        """COUNT(*) over choices of R."""
        caps = caps_to_try(units.rows, units.units)
        return [count_by_rows_cap(units.rows, units.units, cap, self._epsilon) for cap in caps]

    # -- columns -------------------------------------------------------------------------------------------------------

    def columns(self, rows_cap: int) -> tuple[ColumnAdvice, ...]:
        """Advice for each declared column; ``rows_cap`` scales the noise that bounds are weighed against."""
        advice = []
        for name, column in self._table.columns.items():
            if name == self._table.unit:
                advice.append(ColumnAdvice(name, notes=("the unit's id",)))
            elif column.type == "image":
                advice.append(ColumnAdvice(name, notes=("an image, for training",), declared=True))
            elif column.categories is not None and column.bounds is None:
                kept = column.categories
                advice.append(ColumnAdvice(name, categories=kept, distinct=len(kept), declared=True))
            elif column.type in ("integer", "number"):
                advice.append(self._number(name, rows_cap))
            elif column.bounds is not None:
                low, high = map(str, column.bounds)
                advice.append(ColumnAdvice(name, (low, high), declared=True))
            elif column.type in ("date", "timestamp"):
                advice.append(self._time(name, column.type))
            else:
                advice.append(self._keys(name))
        return tuple(advice)

    def _row(self, name: str, expressions: dict[str, str]) -> dict[str, Any]:
        unit = f"WHERE ({self._unit}) IS NOT NULL" if self._unit else ""
        relation = f"(SELECT {profile.cast(self._table, name)} AS v FROM t {unit}) WHERE v IS NOT NULL"
        items = ", ".join(f"{sql} AS {key}" for key, sql in expressions.items())
        row: dict[str, Any] = self._reader.query(
            self._table.source, self._base, f"SELECT {items} FROM {relation}"
        ).to_pylist()[0]
        return row

    def _number(self, name: str, rows_cap: int) -> ColumnAdvice:
        column = self._table.columns[name]
        kind = column.type
        declared = None if column.bounds is None else _numbers(column.bounds)
        shares = (0.95, 0.99, 0.999, 0.9999, 1.0)
        finite = "FILTER (abs(v) < 1e15)"  # an infinity must not set the scale
        expressions = {
            "n": "count(*)",
            "distinct": "approx_count_distinct(v)",
            "low": f"min(v) {finite}",
            "high": f"max(v) {finite}",
        }
        for i, share in enumerate(shares):
            expressions[f"q{i}"] = f"quantile_cont(v::DOUBLE, {share}) {finite}"
            expressions[f"p{i}"] = f"quantile_cont(v::DOUBLE, {round(1 - share, 6)}) {finite}"
        for digits in range(_DECIMALS_MAX + 1):
            shifted = f"v::DOUBLE * 1e{digits}"
            expressions[f"d{digits}"] = f"bool_and(abs({shifted} - round({shifted})) < 1e-6 * (1 + abs(v)))"
        row = self._row(name, expressions)
        if row["low"] is None:
            return ColumnAdvice(name, notes=("only NULL: nothing to advise",), declared=declared is not None)
        if not declared and kind == "integer" and row["n"] > _IDENTIFIER_ROWS_MIN and row["distinct"] > 0.9 * row["n"]:
            return ColumnAdvice(name, notes=("nearly one value a row: an identifier gets no bounds",))
        pairs = {_pair(row["low"], row["high"], row[f"p{i}"], row[f"q{i}"]) for i in range(len(shares))}
        grid = _grid(kind, row, max(abs(b) for pair in pairs for b in pair))
        tried = {_on_grid(pair, grid) for pair in pairs} | ({declared} if declared else set())
        choices = self._bounds_choices(name, sorted(tried), rows_cap, declared)
        if column.bounds is not None:
            kept = (f"{column.bounds[0]:f}", f"{column.bounds[1]:f}")
            keys = column.categories
            grid_text = None if column.precision is None else f"{column.precision:f}"
            return ColumnAdvice(name, kept, grid_text, keys, len(keys) if keys else None, tuple(choices), declared=True)
        low, high = best(choices, choices[0].query).values
        precision = None if kind == "integer" else f"{grid:f}"
        bounds = (_text(low, grid), _text(high, grid))
        return ColumnAdvice(name, bounds, precision, choices=tuple(choices))

    def _bounds_choices(
        self, name: str, pairs: Sequence[tuple[float, float]], rows_cap: int, declared: tuple[float, float] | None
    ) -> list[Choice]:
        """SUM(name) under each pair of bounds, all rows kept: the bias of clamping, the noise for ``rows_cap``."""
        sums = {"exact": "sum(v::DOUBLE) FILTER (abs(v) < 1e15)"}
        for i, (low, high) in enumerate(pairs):
            sums[f"s{i}"] = f"sum(({_clamp('v', low, high)})::DOUBLE)"
        row = self._row(name, sums)
        return [
            Choice(
                f"bounds [{low:g}, {high:g}]{' declared' if (low, high) == declared else ''}",
                (low, high),
                f"SUM({name}), all rows",
                row["exact"],
                LAPLACE_95 * rows_cap * max(abs(low), abs(high)) / self._epsilon,
                row[f"s{i}"] - row["exact"],
            )
            for i, (low, high) in enumerate(pairs)
        ]

    def _time(self, name: str, kind: str) -> ColumnAdvice:
        row = self._row(name, {"low": "min(v)", "high": "max(v)"})
        if row["low"] is None:
            return ColumnAdvice(name, notes=("only NULL: nothing to advise",))
        first, last = dt.date(row["low"].year, 1, 1), dt.date(row["high"].year, 12, 31)
        end = f"{last} 23:59:59" if kind == "timestamp" else str(last)
        start = f"{first} 00:00:00" if kind == "timestamp" else str(first)
        return ColumnAdvice(name, (start, end), notes=("rounded outward to whole years",))

    def _keys(self, name: str) -> ColumnAdvice:
        row = self._row(name, {"n": "count(*)", "d": "count(DISTINCT v)"})
        rows, distinct = row["n"], row["d"]
        if self._table.columns[name].type == "boolean":
            return ColumnAdvice(name, distinct=distinct)
        if distinct > CATEGORIES_MAX:
            unique = " (nearly one a row: is it needed at all?)" if distinct > 0.5 * rows else ""
            return ColumnAdvice(name, distinct=distinct, notes=(f"{distinct:,} values{unique}: keys left unknown",))
        people = f"count(DISTINCT {self._unit})" if self._unit else "count(*)"
        found = self._reader.query(
            self._table.source,
            self._base,
            f"SELECT {profile.cast(self._table, name)} AS v, {people} AS units FROM t WHERE v IS NOT NULL "
            "GROUP BY v ORDER BY units DESC, v",
        ).to_pylist()
        kept = tuple(sorted(r["v"] for r in found if r["units"] >= CATEGORY_UNITS_MIN))
        notes = ["categories read off the data: take the official list instead"] if kept else []
        if rare := len(found) - len(kept):
            notes.append(f"{rare} value(s) held by fewer than {CATEGORY_UNITS_MIN} units are not proposed")
        return ColumnAdvice(name, categories=kept or None, distinct=distinct, notes=tuple(notes))

    # -- caps ----------------------------------------------------------------------------------------------------------

    def sums(self, columns: Sequence[ColumnAdvice], counts: Sequence[Choice]) -> list[Choice]:
        """SUM of each bounded column over choices of R, after clamping to the advised bounds."""
        numeric = [(c.name, float(c.bounds[0]), float(c.bounds[1])) for c in columns if c.choices and c.bounds]
        if not numeric:
            return []
        values = [f"{profile.cast(self._table, name)} AS v{i}" for i, (name, _, _) in enumerate(numeric)]
        clamped = [f"sum(({_clamp(f'v{i}', low, high)})::DOUBLE) AS c{i}" for i, (_, low, high) in enumerate(numeric)]
        inner = f"SELECT {self._unit or 'NULL'} AS u, {', '.join(values)} FROM t"
        where, group = ("WHERE u IS NOT NULL", "GROUP BY u") if self._unit else ("", "")
        n = "count(*)" if self._unit else "1"
        per_unit = f"SELECT {n} AS n, {', '.join(clamped)} FROM ({inner}) {where} {group}"
        outer = ", ".join(f"coalesce(sum(c{i}), 0) AS c{i}" for i in range(len(numeric)))
        found = self._reader.query(
            self._table.source, self._base, f"SELECT n, {outer} FROM ({per_unit}) GROUP BY n ORDER BY n"
        )
        rows = np.array(found["n"].to_pylist(), dtype=np.int64)
        choices = []
        for i, (name, low, high) in enumerate(numeric):
            by_rows = np.array(found[f"c{i}"].to_pylist(), dtype=np.float64)
            exact = self._exact_sum(name)
            for count in counts:
                bound, cap = max(abs(low), abs(high)), int(count.values[0])
                query = f"SUM({name}) in [{low:g}, {high:g}]"
                choices.append(sum_by_rows_cap(query, rows, exact, by_rows, bound, cap, self._epsilon))
        return choices

    def amounts(self, columns: Sequence[ColumnAdvice]) -> list[Choice]:
        """SUM of each numeric column when a unit's total amount is capped (``max_amount``), without any bounds."""
        choices: list[Choice] = []
        for name in (c.name for c in columns if c.choices and self._unit):
            value = f"({profile.cast(self._table, name)})::DOUBLE"
            per_unit = (
                f"SELECT sum(v) AS s, sum(abs(v)) AS a FROM (SELECT {self._unit} AS u, {value} AS v FROM t) "
                "WHERE u IS NOT NULL AND abs(v) < 1e15 GROUP BY u"
            )
            quantiles = ", ".join(f"quantile_cont(a, {share}) AS q{i}" for i, share in enumerate(_AMOUNT_SHARES))
            row = self._over(per_unit, quantiles)
            caps = sorted({friendly(row[f"q{i}"]) for i in range(len(_AMOUNT_SHARES)) if row[f"q{i}"]})
            kept = ", ".join(
                f"sum(s * CASE WHEN a > {cap!r} THEN {cap!r} / a ELSE 1 END) AS k{i}" for i, cap in enumerate(caps)
            )
            row = self._over(per_unit, f"sum(s) AS s{', ' if caps else ''}{kept}")
            query = f"SUM({name}) by total amount"
            choices += [
                sum_by_amount_cap(query, row["s"], row[f"k{i}"], cap, self._epsilon) for i, cap in enumerate(caps)
            ]
        return choices

    def _over(self, relation: str, items: str) -> dict[str, Any]:
        found = self._reader.query(self._table.source, self._base, f"SELECT {items} FROM ({relation})")
        row: dict[str, Any] = found.to_pylist()[0]
        return row

    def _exact_sum(self, name: str) -> float:
        """The sum over rows that belong to a unit: what plain SQL answers without bounds."""
        value = profile.cast(self._table, name)
        where = f"WHERE ({self._unit}) IS NOT NULL" if self._unit else ""
        sql = f"coalesce(sum(({value})::DOUBLE) FILTER (abs({value}) < 1e15), 0)"
        row = profile.one_row(self._reader, self._table.source, self._base, {"s": sql}, where)
        return float(row["s"])

    def groups(self, columns: Sequence[ColumnAdvice], counts: Sequence[Choice]) -> tuple[list[Choice], tuple[int, int]]:
        """COUNT(*) by each key column over R, and over K × C; and the K and C that serve all of them."""
        choices: list[Choice] = []
        k_best = c_best = 1
        keys = [c for c in columns if c.distinct and c.distinct <= _GROUPS_MAX] if self._unit else []
        few = [c for c in keys if c.categories] or keys  # the columns that the default K and C should serve
        for column in keys:
            found = self._group_counts(column.name, column.distinct or 1)
            query = f"COUNT(*) by {column.name}, an average group"
            tried = [
                min((found.by_caps(query, k, c, self._epsilon, self._delta) for c in cs), key=lambda x: x.error)
                for ks, cs in [(caps_to_try(found.groups, found.pairs), caps_to_try(found.rows, found.pairs))]
                for k in ks
            ]
            choices += [found.by_weights(query, count) for count in counts] + tried
            if column in few:
                k, c = best(tried, query).values
                k_best, c_best = max(k_best, int(k)), max(c_best, int(c))
        return choices, (k_best, c_best)

    def _group_counts(self, name: str, distinct: int) -> GroupCounts:
        value = profile.cast(self._table, name)
        found = self._reader.query(
            self._table.source,
            self._base,
            f"SELECT g, n, count(*) AS pairs FROM (SELECT n, count(*) OVER (PARTITION BY u) AS g FROM "
            f"(SELECT {self._unit} AS u, {value} AS v, count(*) AS n FROM t GROUP BY 1, 2) WHERE u IS NOT NULL) "
            "GROUP BY g, n",
        )
        g, n, pairs = (np.array(found[c].to_pylist(), dtype=np.int64) for c in ("g", "n", "pairs"))
        return GroupCounts(g, n, pairs, distinct)


def _numbers(bounds: tuple[Any, Any]) -> tuple[float, float]:
    return float(bounds[0]), float(bounds[1])


# -- friendly numbers --------------------------------------------------------------------------------------------------


def _pair(lowest: float, highest: float, low: float, high: float) -> tuple[float, float]:
    """Bounds from quantiles, outward to friendly numbers; zero is the natural end of a column of one sign."""
    below = 0.0 if lowest >= 0 else friendly(min(float(low), 0.0))
    above = 0.0 if highest <= 0 else friendly(max(float(high), 0.0))
    return (below, above) if below < above else (below, below + 1.0)


def _grid(kind: str, row: dict[str, Any], largest: float) -> Decimal:
    if kind == "integer":
        return Decimal(1)
    for digits in range(_DECIMALS_MAX + 1):
        if row[f"d{digits}"]:
            return Decimal(1).scaleb(-digits)
    return Decimal(1).scaleb(math.floor(math.log10(largest)) - 6)


def _on_grid(pair: tuple[float, float], grid: Decimal) -> tuple[float, float]:
    low, high = (float((Decimal(repr(b)) / grid).to_integral_value(ROUND_UP) * grid) for b in pair)
    return low, high


def _text(bound: float, grid: Decimal) -> str:
    exact = (Decimal(repr(bound)) / grid).to_integral_value(ROUND_UP) * grid
    text = f"{exact:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _clamp(value: str, low: float, high: float) -> str:
    return f"CASE WHEN {value} < {low!r} THEN {low!r} WHEN {value} > {high!r} THEN {high!r} ELSE {value} END"
