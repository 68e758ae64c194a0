"""The policy's tables as SELECTs over the owner's: what a snapshot stores in DuckDB is computed here as it is read.

Numbers are clamped and put on their grid, dates outside their bounds and values outside their categories are NULL, each
row has its unit's id as ``_u``, rows that belong to nobody are gone: every declared fact is true of what statements read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal, NoReturn

from tacit_service.errors import PolicyError
from tacit_service.policy.load import Loaded
from tacit_service.policy.model import Column, Table

from .numbers import NAN, half_away
from .scope import Columns, quoted
from .value import LARGEST, Kind, Value

Family = Literal["integer", "float", "decimal", "boolean", "text", "date", "timestamp"]

FAMILIES: dict[str, Family] = {
    **dict.fromkeys(("smallint", "integer", "bigint"), "integer"), **dict.fromkeys(("real", "double precision"), "float"),
    "numeric": "decimal", "boolean": "boolean", **dict.fromkeys(("text", "character varying", "character", "uuid", "name"), "text"),
    "date": "date", "timestamp without time zone": "timestamp", "timestamp with time zone": "timestamp",
}  # fmt: skip
_READABLE: dict[str, tuple[Family, ...]] = {
    "integer": ("integer", "float", "decimal", "boolean"), "number": ("integer", "float", "decimal", "boolean"),
    "string": ("text", "integer", "boolean", "date"), "boolean": ("boolean", "integer"), "date": ("date", "timestamp"),
    "timestamp": ("date", "timestamp"),
}  # fmt: skip
KINDS = {"integer": Kind.INT, "number": Kind.FLOAT, "string": Kind.TEXT, "boolean": Kind.BOOL, "date": Kind.DATE,
         "timestamp": Kind.TIME}  # fmt: skip
_DIGITS = 60
"""Decimals of a numeric that a double can tell apart within any bounds; beyond them a cast could underflow."""


@dataclass(frozen=True, slots=True)
class Found:
    """A table as the server describes it. ``unique``: columns of which no two rows share a value, by whose index."""

    families: Mapping[str, Family | None]
    unique: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Relation:
    """A policy's table: the SELECT that stands for it, and its columns."""

    sql: str
    columns: Columns


class Tables:
    """The SELECTs of one policy over the tables that were ``found``, by policy name."""

    def __init__(self, loaded: Loaded, found: Mapping[str, Found]) -> None:
        self._loaded = loaded
        self._tables = loaded.policy.tables
        self._found = found
        self.unit_kind = self._unit_kind()

    def relation(self, name: str) -> Relation:
        """The table's rows; ``PolicyError`` when the server's columns cannot be read as declared."""
        table = self._tables[name]
        unit = "" if table.public else self._unit(name, table)
        columns: Columns = {}
        items = []
        if not table.public:
            items.append(f"{unit} AS _u")
            columns["_u"] = Value('"_u"', self.unit_kind, 1)
        for column, declared in table.columns.items():
            if column == table.unit:
                text, x = unit, Value(quoted(column), self.unit_kind, 1)
            else:
                source, family = self._source(name, column)
                self._readable(name, column, declared, family)
                text, x = converted(declared, source, family), declared_value(column, declared)
            items.append(f"{text} AS {quoted(column)}")
            columns[column] = x
        where = "" if table.public else f" WHERE ({unit}) IS NOT NULL"
        index = self._one_row(name, table) if table.one_row_per_unit else None
        if index is not None:
            where += f" AND {_still_unique(index)}"
        sql = f"SELECT {', '.join(items)} FROM {self._from(name, table)}{where}"
        if table.one_row_per_unit and index is None:
            sql = _one_of_each(sql, table)
        needed = [c for c, d in table.columns.items() if d.nullable is False and c != table.unit]
        if needed:  # checked when the dataset is opened; rows that break it later are not read
            sql = f"SELECT * FROM ({sql}) AS _rows WHERE {' AND '.join(f'{quoted(c)} IS NOT NULL' for c in needed)}"
        return Relation(sql, columns)

    def nulls(self, name: str) -> tuple[str, list[str]] | None:
        """A SELECT of how many rows have NULL in each column that is declared never to, and those columns."""
        table = self._tables[name]
        needed = [c for c, d in table.columns.items() if d.nullable is False and c != table.unit]
        if not needed:
            return None
        counts = []
        for column in needed:
            source, family = self._source(name, column)
            counts.append(f"count(*) FILTER (WHERE ({converted(table.columns[column], source, family)}) IS NULL)")
        where = "" if table.public else f" WHERE ({self._unit(name, table)}) IS NOT NULL"
        return (
            f"SELECT {', '.join(f'{c} AS n{i}' for i, c in enumerate(counts))} FROM {self._from(name, table)}{where}",
            needed,
        )

    # -- units

    def _unit_kind(self) -> Kind:
        kinds = set()
        for name, table in self._tables.items():
            if not table.public and table.unit is not None:
                family = self._source(name, table.unit)[1]
                if family not in ("integer", "text"):
                    self._refuse(
                        name,
                        table.unit,
                        "unit_unreadable",
                        f"a unit's id of type {family}",
                        "Give it as an integer or a text.",
                    )
                declared = table.columns.get(table.unit)
                kinds.add({"string": "text", "integer": "integer"}.get(declared.type, family) if declared else family)
        return Kind.INT if kinds == {"integer"} else Kind.TEXT

    def _key(self, x: str, kind: Kind) -> str:
        return f"{x}::bigint" if kind is Kind.INT else f'({x}::text COLLATE "C")'

    def _unit(self, name: str, table: Table) -> str:
        if table.path:
            return "_o.u"
        assert table.unit is not None
        source, family = self._source(name, table.unit)
        if self.unit_kind is Kind.INT and family != "integer":
            self._refuse(
                name, table.unit, "unit_not_integer", "the unit's id is no integer", "Declare it with 'type: string'."
            )
        return self._key(source, self.unit_kind)

    def _from(self, name: str, table: Table) -> str:
        rows = f"{self._name(name)} AS s"
        if not table.path:
            return rows
        source, kind = self._foreign(name, table, 0)
        return (
            f"{rows} JOIN ({self._owners(name, table, 0)}) AS _o ON _o.k = {self._key(source, kind)} AND NOT _o.shared"
        )

    def _owners(self, name: str, table: Table, step: int) -> str:
        """k, u, shared: each key of the step's target, its unit, and whether it belongs to several."""
        target, _, column = table.path[step][1].partition(".")
        source, _ = self._source(target, column)
        _, kind = self._foreign(name, table, step)
        key = self._key(source, kind)
        rows = f"{self._name(target)} AS s"
        if step + 1 < len(table.path):
            next_source, next_kind = self._foreign(name, table, step + 1)
            rows += f" JOIN ({self._owners(name, table, step + 1)}) AS _o ON _o.k = {self._key(next_source, next_kind)}"
            unit, shared = "_o.u", "_o.shared"
        else:
            unit_column = self._tables[target].unit
            assert unit_column is not None
            unit, shared = self._key(self._source(target, unit_column)[0], self.unit_kind), "FALSE"
        where = f"WHERE ({key}) IS NOT NULL AND ({unit}) IS NOT NULL"
        index = self._found[target].unique.get(self._source_name(target, column))
        if index is not None:
            return f"SELECT {key} AS k, {unit} AS u, {shared} AS shared FROM {rows} {where} AND {_still_unique(index)}"
        return (
            f"SELECT {key} AS k, min({unit}) AS u, bool_or({shared}) OR count(DISTINCT {unit}) > 1 AS shared"
            f" FROM {rows} {where} GROUP BY 1"
        )

    def _foreign(self, name: str, table: Table, step: int) -> tuple[str, Kind]:
        """(SQL of the step's own column, the type by which both sides are compared)."""
        holder = name if step == 0 else table.path[step - 1][1].partition(".")[0]
        target, _, column = table.path[step][1].partition(".")
        mine, a = self._source(holder, table.path[step][0])
        _, b = self._source(target, column)
        for at, field, family in ((holder, table.path[step][0], a), (target, column, b)):
            if family not in ("integer", "text"):
                self._refuse(at, field, "column_unreadable", f"a key of type {family}", "Join on integers or texts.")
        return mine, Kind.INT if a == b == "integer" else Kind.TEXT

    def _one_row(self, name: str, table: Table) -> int | None:
        """The index that keeps units from having two rows."""
        return None if table.unit is None else self._found[name].unique.get(self._source_name(name, table.unit))

    # -- columns

    def _name(self, name: str) -> str:
        schema, _, table = self._tables[name].source.rpartition(".")
        return f"{quoted(schema or 'public')}.{quoted(table)}"

    def _source_name(self, name: str, column: str) -> str:
        wanted = self._tables[name].source_name(column)
        found = self._found[name].families
        matches = [c for c in found if c == wanted] or [c for c in found if c.casefold() == wanted.casefold()]
        if len(matches) != 1:
            shown = ", ".join(list(found)[:40])
            self._refuse(
                name, column, "column_not_found", f"the source has no column {wanted!r}",
                f"Its columns are: {shown}. Name one of them by 'source_column', or remove the line.",
            )  # fmt: skip
        return matches[0]

    def _source(self, name: str, column: str) -> tuple[str, Family]:
        found = self._source_name(name, column)
        family = self._found[name].families[found]
        if family is None:
            self._refuse(
                name,
                column,
                "column_unreadable",
                "the source's type is not read here",
                "Cast it in a view, or remove the column.",
            )
        return f"s.{quoted(found)}", family

    def _readable(self, name: str, column: str, declared: Column, family: Family) -> None:
        if family not in _READABLE.get(declared.type, ()):
            self._refuse(
                name, column, "column_unreadable", f"the source's {family} values cannot be read as {declared.type} here",
                "Declare another 'type', or cast the column in a view.",
            )  # fmt: skip

    def _refuse(self, table: str, column: str, code: str, detail: str, hint: str) -> NoReturn:
        where = f"tables.{table}.columns.{column}"
        raise PolicyError(
            code, f"{where}: {detail}", hint=hint, file=str(self._loaded.path), table=table, column=column
        )


def _still_unique(index: int) -> str:
    """True while the unique index is there; a statement that rests on one that was dropped fails."""
    there = f"indexrelid = {index} AND indisunique AND indisvalid AND indimmediate"
    return f"(SELECT 1 / count(*) FROM pg_catalog.pg_index WHERE {there}) = 1"


def _one_of_each(sql: str, table: Table) -> str:
    """One row of each unit: the one whose values hash to the least, a function of the unit's own rows."""
    whole = ", ".join(f"coalesce({quoted(c)}::text, chr(1))" for c in table.columns) or "''"
    names = ", ".join(["_u", *map(quoted, table.columns)])
    order = f"md5(concat_ws('|', {whole})) COLLATE \"C\""
    ranked = f"SELECT *, row_number() OVER (PARTITION BY _u ORDER BY {order}) AS _first FROM ({sql}) AS _all"
    return f"SELECT {names} FROM ({ranked}) AS _ranked WHERE _first = 1"


def declared_value(name: str, column: Column) -> Value:
    """The column with the magnitudes that its declaration allows."""
    kind = KINDS[column.type]
    low, high = 1.0 if kind is Kind.INT else 0.0, LARGEST if kind is Kind.FLOAT else 2.0**63
    if column.bounds is not None and isinstance(column.bounds[0], Decimal):
        high = max(abs(float(b)) for b in column.bounds if isinstance(b, Decimal)) or 1.0
    if kind is Kind.FLOAT and column.precision is not None:
        low = float(column.precision)
    return Value(quoted(name), kind, low, high)


def converted(column: Column, x: str, family: Family) -> str:
    """SQL of a source's column as declared: total, and within every declared fact."""
    text = {
        "integer": _integer, "number": _number, "string": _string, "boolean": _boolean, "date": _moment, "timestamp": _moment,
    }[column.type](column, x, family)  # fmt: skip
    if column.categories is not None:
        values = ", ".join(_category(c) for c in column.categories)
        text = f"CASE WHEN {text} IN ({values}) THEN {text} END"
    return text


def _category(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return f"'{value}'::bigint" if isinstance(value, int) else "'" + value.replace("'", "''") + "'::text"


def _string(_: Column, x: str, family: Family) -> str:
    text = f"to_char({x}, 'YYYY-MM-DD')" if family == "date" else f"{x}::text"
    return f'({text} COLLATE "C")'


def _boolean(_: Column, x: str, family: Family) -> str:
    return x if family == "boolean" else f"({x} <> 0)"


def _integer(column: Column, x: str, family: Family) -> str:
    """Clamped, then to the nearest multiple of its precision, halves away from zero."""
    grid = int(column.precision or 1)
    if family == "boolean":
        x, family = f"{x}::integer", "integer"
    nan = {"float": NAN, "decimal": "'NaN'::numeric"}.get(family)
    missing = f"{x} IS NULL" + (f" OR {x} = {nan}" if nan else "")
    low, high = -(2**63), 2**63 - 1
    cuts = f"WHEN {x} >= '9223372036854775807' OR {x} <= '-9223372036854775808' THEN NULL" if nan else ""
    if column.bounds is not None:
        low, high = (int(b) for b in column.bounds if isinstance(b, Decimal))
        cuts = f"WHEN {x} >= {high} THEN '{high}'::bigint WHEN {x} <= {low} THEN '{low}'::bigint"
    whole = f"{x}::bigint"
    if grid > 1:
        half = f"CASE WHEN {x} < 0 THEN -{grid // 2} ELSE {grid // 2} END"
        stepped = f"(div({whole}::numeric + {half}, {grid}) * {grid})"
        whole = f"CASE WHEN {stepped} BETWEEN {low} AND {high} THEN {stepped}::bigint END"
    return f"CASE WHEN {missing} THEN NULL {cuts} ELSE {whole} END"


def _number(column: Column, x: str, family: Family) -> str:
    double = f"{x}::integer::float8" if family == "boolean" else f"{x}::float8"
    nan = f"{x} = 'NaN'::numeric" if family == "decimal" else f"{double} = {NAN}"
    if family == "decimal":
        double = f"round({x}, {_DIGITS})::float8"
    low, high = -LARGEST, LARGEST
    if column.bounds is not None:
        low, high = (float(b) for b in column.bounds if isinstance(b, Decimal))
    edges = [f"'{end!r}'::{'numeric' if family == 'decimal' else 'float8'}" for end in (high, low)]
    compared = x if family == "decimal" else double
    rounded = double
    if column.precision is not None:
        grid = Fraction(column.precision)
        steps = f"({double} * {grid.denominator} / {grid.numerator})"
        rounded = f"({half_away(steps)} * {grid.numerator} / {grid.denominator} + 0.0::float8)"
        if column.bounds is None:
            exact = float(grid) * 2.0**53
            rounded = f"CASE WHEN abs({double}) < '{exact!r}'::float8 THEN {rounded} ELSE {double} END"
    return (
        f"CASE WHEN {x} IS NULL OR {nan} THEN NULL WHEN {compared} >= {edges[0]} THEN '{high!r}'::float8"
        f" WHEN {compared} <= {edges[1]} THEN '{low!r}'::float8 ELSE {rounded} END"
    )


def _moment(column: Column, x: str, _: Family) -> str:
    value = f"{x}::{'date' if column.type == 'date' else 'timestamp'}"
    keep = f"isfinite({value})"
    if column.bounds is not None:
        low, high = (_edge(column, b) for b in column.bounds)
        keep += f" AND {value} BETWEEN {low} AND {high}"
    return f"CASE WHEN {keep} THEN {value} END"


def _edge(column: Column, bound: Decimal | dt.date) -> str:
    return f"{column.type.upper()} '{bound}'"
