"""Total conversion of source values to a policy's types, as SQL text: whatever the source holds, no row can raise,
and what comes out satisfies every declared fact (bounds, grid, categories, finiteness). ``facts`` says them again as
predicates, written independently, which the snapshot checks before anyone may read it.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from tacit_service.engine.sources import identifier, literal
from tacit_service.policy.model import Column

Family = Literal["integer", "float", "decimal", "boolean", "text", "date", "timestamp", "list"]

SQL_TYPES = {
    "integer": "BIGINT",
    "number": "DOUBLE",
    "string": "VARCHAR",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}
_FAMILIES: dict[str, Family] = {
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"), "integer"),
    **dict.fromkeys(("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"), "integer"),
    **dict.fromkeys(("FLOAT", "DOUBLE"), "float"),
    **dict.fromkeys(("VARCHAR", "UUID"), "text"),
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"), "timestamp"),
    "TIMESTAMP WITH TIME ZONE": "timestamp",
    "BOOLEAN": "boolean",
    "DATE": "date",
}
_READABLE: dict[str, set[Family]] = {
    "integer": {"integer", "float", "decimal", "boolean", "text"},
    "number": {"integer", "float", "decimal", "boolean", "text"},
    "string": {"integer", "float", "decimal", "boolean", "text", "date", "timestamp"},
    "boolean": {"integer", "boolean", "text"},
    "date": {"date", "timestamp", "text"},
    "timestamp": {"date", "timestamp", "text"},
    "image": {"list"},
}
_LIST = re.compile(r"U?(TINY|SMALL|BIG|)INT(EGER)?\[\d*\]\Z")
_NUMERIC: set[Family] = {"integer", "float", "decimal"}
_FINITE_MAX = 1.7976931348623157e308
_EXACT_MAX = 2.0**53  # beyond it a double has no fractional digits, and rounding to a grid would only add error


def family(duckdb_type: str) -> Family | None:
    """The family of a source column's type; ``None`` for other nested and binary types, which no declared type reads."""
    if duckdb_type.startswith("DECIMAL"):
        return "decimal"
    if duckdb_type.startswith("ENUM"):
        return "text"
    if _LIST.match(duckdb_type):
        return "list"
    return _FAMILIES.get(duckdb_type)


def readable(declared: str, source: Family | None) -> bool:
    """Whether values of the source's family can be converted to the declared type."""
    return source is not None and source in _READABLE[declared]


def convert(column: Column, x: str, source: Family) -> str:
    """SQL that converts expression ``x`` to the declared column."""
    value = {
        "integer": _integer,
        "number": _number,
        "string": lambda _c, x, _s: f"CAST({x} AS VARCHAR)",
        "boolean": lambda _c, x, _s: f"TRY_CAST({x} AS BOOLEAN)",
        "date": _moment,
        "timestamp": _moment,
        "image": _image,
    }[column.type](column, x, source)
    if column.categories is not None:
        value = f"CASE WHEN {value} IN ({_categories(column)}) THEN {value} END"
    return value


def unit_key(x: str, source: Family, sql_type: str) -> str:
    """SQL of a unit's id, or of a foreign key on the way to it, injectively: two ids never become one.

    NULL where the id is missing or NaN, and for a BIGINT key where the value is no whole number of 64 bits.
    """
    if sql_type == "BIGINT":
        if source == "integer":
            return f"TRY_CAST({x} AS BIGINT)"
        double = f"TRY_CAST({x} AS DOUBLE)"
        return f"CASE WHEN isfinite({double}) AND {double} = floor({double}) THEN TRY_CAST({x} AS BIGINT) END"
    if source == "float":  # 12345.0 is how a nullable integer column looks after pandas: the same id as 12345
        whole = f"isfinite({x}) AND {x} = floor({x}) AND abs({x}) < 1e18"
        as_integer = f"CAST(TRY_CAST({x} AS BIGINT) AS VARCHAR)"
        return f"CASE WHEN isnan({x}) THEN NULL WHEN {whole} THEN {as_integer} ELSE CAST({x} AS VARCHAR) END"
    return f"CAST({x} AS VARCHAR)"


def unit_type(declared: set[str], families: set[Family]) -> str:
    """The type of ``_u``: as declared, else BIGINT when every source of the id is numeric."""
    if declared:
        return "BIGINT" if declared == {"integer"} else "VARCHAR"
    return "BIGINT" if families <= _NUMERIC else "VARCHAR"


def facts(name: str, column: Column) -> Iterator[tuple[str, str]]:
    """(declared fact, SQL predicate that is true of every non-NULL value when it holds)."""
    x = identifier(name)
    if column.type == "number":
        yield "finite", f"isfinite({x})"
    if column.bounds is not None:
        low, high = (_bound(column, b) for b in column.bounds)
        yield "bounds", f"{x} >= {low} AND {x} <= {high}"
    if column.type in ("date", "timestamp"):
        yield "finite", f"isfinite({x})"
    if column.categories is not None:
        yield "categories", f"{x} IN ({_categories(column)})"
    if column.precision is not None and column.bounds is not None:
        grid = Fraction(column.precision)
        if column.type == "integer":
            yield "precision", f"{x} % {grid.numerator} = 0"
        else:
            steps = f"round({x} * {grid.denominator} / {grid.numerator})"
            yield "precision", f"{x} = {steps} * {grid.numerator} / {grid.denominator}"


def _integer(column: Column, x: str, source: Family) -> str:
    grid = int(column.precision or 1)
    wide = f"TRY_CAST({x} AS HUGEINT)"
    if source == "text":
        wide = f"COALESCE({wide}, TRY_CAST(TRY_CAST({x} AS DOUBLE) AS HUGEINT))"
    double = f"TRY_CAST({x} AS DOUBLE)"
    if column.bounds is None:
        return f"TRY_CAST({_to_grid(wide, grid)} AS BIGINT)"
    low, high = (int(_decimal(b)) for b in column.bounds)
    # The double decides only where the value is past 128 bits or infinite. NaN compares above everything: first.
    return (
        f"CASE WHEN {double} IS NULL OR isnan({double}) THEN NULL"
        f" WHEN {double} > 1e37 OR {wide} >= {high} THEN CAST({high} AS BIGINT)"
        f" WHEN {double} < -1e37 OR {wide} <= {low} THEN CAST({low} AS BIGINT)"
        f" ELSE TRY_CAST({_to_grid(wide, grid)} AS BIGINT) END"
    )


def _to_grid(value: str, grid: int) -> str:
    """Nearest multiple, ties away from zero; integer division truncates, which the sign of the half makes right."""
    if grid == 1:
        return value
    return f"TRY((({value}) + CASE WHEN ({value}) < 0 THEN -{grid // 2} ELSE {grid // 2} END) // {grid} * {grid})"


def _number(column: Column, x: str, source: Family) -> str:
    double = x if source == "float" else f"TRY_CAST({x} AS DOUBLE)"
    double = f"CAST({double} AS DOUBLE)"
    low, high = -_FINITE_MAX, _FINITE_MAX
    if column.bounds is not None:
        low, high = (float(_decimal(b)) for b in column.bounds)
    rounded = double
    if column.precision is not None:
        # Dividing integers rounds once, so that 19.99 stays the double nearest to 19.99; + 0.0 turns -0.0 into 0.0.
        grid = Fraction(column.precision)
        rounded = (
            f"round({double} * {grid.denominator} / {grid.numerator}) * {grid.numerator} / {grid.denominator} + 0.0"
        )
        if column.bounds is None:
            exact = _double(float(grid) * _EXACT_MAX)
            rounded = f"CASE WHEN abs({double}) < {exact} THEN {rounded} ELSE {double} END"
    return (
        f"CASE WHEN isnan({double}) THEN NULL WHEN {double} >= {_double(high)} THEN {_double(high)}"
        f" WHEN {double} <= {_double(low)} THEN {_double(low)} ELSE {rounded} END"
    )


def _moment(column: Column, x: str, source: Family) -> str:
    sql_type = SQL_TYPES[column.type]
    value = f"TRY_CAST({x} AS {sql_type})"
    if source == "text" and column.type == "date":
        value = f"COALESCE({value}, TRY_CAST(TRY_CAST({x} AS TIMESTAMP) AS DATE))"
    keep = f"isfinite({value})"
    if column.bounds is not None:
        low, high = (_bound(column, b) for b in column.bounds)
        keep += f" AND {value} BETWEEN {low} AND {high}"
    return f"CASE WHEN {keep} THEN {value} END"


def _image(column: Column, x: str, _source: Family) -> str:
    """A list of the shape's length as 8-bit values: another length is NULL, and so is a value outside 0..255."""
    size = column.pixels
    return f"CASE WHEN len({x}) = {size} THEN TRY_CAST({x} AS UTINYINT[{size}]) END"


def _bound(column: Column, bound: Decimal | dt.date) -> str:
    if column.type == "integer":
        return str(int(_decimal(bound)))
    if column.type == "number":
        return _double(float(_decimal(bound)))
    return f"{SQL_TYPES[column.type]} {literal(str(bound))}"


def _decimal(bound: Decimal | dt.date) -> Decimal:
    if not isinstance(bound, Decimal):
        raise TypeError("a numeric column has numeric bounds")
    return bound


def _double(value: float) -> str:
    if not math.isfinite(value):
        raise ValueError("not a finite bound")
    return f"CAST({literal(repr(value))} AS DOUBLE)"  # as text: a bare literal would pass through DECIMAL


def _categories(column: Column) -> str:
    return ", ".join(
        literal(c) if isinstance(c, str) else ("true" if c else "false") if isinstance(c, bool) else str(c)
        for c in column.categories or ()
    )
