"""A source's column as the policy declares it: total, and within every declared fact."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from tacit_service.policy.model import Column

from .numbers import LEAST, NAN, half_away, moved_half
from .scope import literal, quoted
from .value import LARGEST, Kind, Value

Family = Literal["integer", "float", "decimal", "boolean", "text", "date", "timestamp"]

FAMILIES: dict[str, Family] = {
    **dict.fromkeys(("tinyint", "smallint", "int", "bigint"), "integer"), **dict.fromkeys(("float", "double"), "float"),
    "boolean": "boolean", "string": "text", "date": "date", "timestamp": "timestamp", "timestamp_ntz": "timestamp",
}  # fmt: skip
_READABLE: dict[str, tuple[Family, ...]] = {
    "integer": ("integer", "float", "decimal", "boolean"), "number": ("integer", "float", "decimal", "boolean"),
    "string": ("text", "integer", "boolean", "date"), "boolean": ("boolean", "integer"), "date": ("date", "timestamp"),
    "timestamp": ("date", "timestamp"),
}  # fmt: skip
KINDS = {"integer": Kind.INT, "number": Kind.FLOAT, "string": Kind.TEXT, "boolean": Kind.BOOL, "date": Kind.DATE,
         "timestamp": Kind.TIME}  # fmt: skip
_EXACT = 2**53


@dataclass(frozen=True, slots=True)
class Field:
    """A source's column. ``digits`` and ``scale`` are a decimal's."""

    family: Family
    digits: int = 0
    scale: int = 0


def field(spark_type: str) -> Field | None:
    """The column of one of Spark's types; ``None`` of nested, binary and collated ones."""
    if found := re.fullmatch(r"decimal\((\d+),(\d+)\)", spark_type):
        return Field("decimal", int(found[1]), int(found[2]))
    if re.fullmatch(r"(var)?char\(\d+\)", spark_type):
        return Field("text")
    family = FAMILIES.get(spark_type)
    return None if family is None else Field(family)


def readable(column: Column, found: Field) -> tuple[str, str] | None:
    """(What is the matter, what to do) where the source's values cannot be read as declared."""
    if found.family not in _READABLE.get(column.type, ()):
        return f"the source's {found.family} values cannot be read as {column.type} here", (
            "Declare another 'type', or cast the column in a view."
        )
    if column.type == "number" and found.family == "decimal" and found.digits > 15:
        ends = [abs(b) for b in column.bounds or () if isinstance(b, Decimal)]
        if not ends or max(ends) * 10**found.scale >= _EXACT:
            return f"decimals of {found.digits} digits are not all doubles", (
                "Declare bounds that keep it within 15 digits, or cast it to DOUBLE in a view."
            )
    return None


def declared_value(name: str, column: Column) -> Value:
    """The column, with what its declaration says of it."""
    kind = KINDS[column.type]
    low, high = (-(2.0**63), 2.0**63) if kind is Kind.INT else (-LARGEST, LARGEST)
    if column.bounds is not None and isinstance(column.bounds[0], Decimal):
        low, high = (float(b) for b in column.bounds if isinstance(b, Decimal))
    places = None
    if kind is Kind.FLOAT and column.precision is not None and column.bounds is not None:
        places = _places(Decimal(column.precision))
    return Value(quoted(name), kind, low, high, places)


def _places(precision: Decimal) -> int | None:
    """Decimal places of all multiples."""
    exponent = precision.normalize().as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else None


def converted(column: Column, x: str, found: Field) -> str:
    """SQL of a source's column as declared: total, and within every declared fact."""
    text = {
        "integer": _integer, "number": _number, "string": _string, "boolean": _boolean, "date": _moment, "timestamp": _moment,
    }[column.type](column, x, found.family)  # fmt: skip
    if column.categories is not None:
        values = ", ".join(_category(c) for c in column.categories)
        text = f"CASE WHEN {text} IN ({values}) THEN {text} END"
    return text


def present(column: Column, x: str, found: Field) -> str:
    """Condition: the column as declared is not NULL. Said of the source where that tells it, which costs less to look at."""
    if column.type == "number":
        double = f"CAST({x} AS DOUBLE)"
        return f"({double} IS NOT NULL AND {double} <> {NAN})"
    if column.type == "string" and column.categories is not None:
        return f"CAST({x} AS STRING) IN ({', '.join(_category(c) for c in column.categories)})"
    return f"({converted(column, x, found)}) IS NOT NULL"


def _category(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return f"CAST('{value}' AS BIGINT)" if isinstance(value, int) else literal(value)


def _string(column: Column, x: str, _: Family) -> str:
    text = f"CAST({x} AS STRING)"
    return text if column.categories is not None else f"make_valid_utf8({text})"  # what is none would not travel


def _boolean(_: Column, x: str, family: Family) -> str:
    return x if family == "boolean" else f"({x} <> 0)"


def _whole(value: int) -> str:
    return LEAST if value == -(2**63) else f"{value}L"


def _integer(column: Column, x: str, family: Family) -> str:
    """Clamped, then to the nearest multiple of its precision, halves away from zero."""
    grid = int(column.precision or 1)
    nearest = {"float": f"rint({x})", "decimal": f"round({x}, 0)"}.get(family, x)
    whole = f"CAST({nearest} AS BIGINT)"
    low, high = -(2**63), 2**63 - 1
    if column.bounds is not None:
        low, high = (int(b) for b in column.bounds if isinstance(b, Decimal))
    if family in ("boolean", "integer"):
        compared, ends = whole, (_whole(high), _whole(low))
    else:
        compared, ends = x, (_numeric(high, family), _numeric(low, family))
    missing = f"{x} IS NULL" + (f" OR {x} = {NAN}" if family == "float" else "")
    if column.bounds is not None:
        cuts = f"WHEN {compared} >= {ends[0]} THEN {_whole(high)} WHEN {compared} <= {ends[1]} THEN {_whole(low)}"
    elif family in ("float", "decimal"):
        cuts = f"WHEN {compared} >= {ends[0]} OR {compared} <= {ends[1]} THEN NULL"
    else:
        cuts = ""
    if grid > 1:
        half = f"CASE WHEN {whole} < 0L THEN -{grid // 2}L ELSE {grid // 2}L END"
        wide = f"(CAST({whole} AS DECIMAL(38,0)) + {half})"
        stepped = f"({wide} - {wide} % {grid})"
        fits = f"{stepped} BETWEEN CAST('{low}' AS DECIMAL(38,0)) AND CAST('{high}' AS DECIMAL(38,0))"
        whole = f"CASE WHEN {fits} THEN CAST({stepped} AS BIGINT) END"
    return f"CASE WHEN {missing} THEN NULL {cuts} ELSE {whole} END"


def _numeric(value: int, family: Family) -> str:
    return f"CAST('{value}' AS DOUBLE)" if family == "float" else f"CAST('{value}' AS DECIMAL(38,0))"


def _double(value: float) -> str:
    return f"CAST('{value!r}' AS DOUBLE)"


def _number(column: Column, x: str, _: Family) -> str:
    double = f"CAST({x} AS DOUBLE)"
    low, high = -LARGEST, LARGEST
    if column.bounds is not None:
        low, high = (float(b) for b in column.bounds if isinstance(b, Decimal))
    rounded = double
    if column.precision is not None:
        grid = Fraction(column.precision)
        there = f"{double} * {float(grid.denominator)!r}D" if grid.denominator != 1 else double
        back = f"* {float(grid.numerator)!r}D" if grid.numerator != 1 else ""
        there += f" / {float(grid.numerator)!r}D" if grid.numerator != 1 else ""
        back += f" / {float(grid.denominator)!r}D" if grid.denominator != 1 else ""
        few = column.bounds is not None and max(abs(low), abs(high)) <= float(grid) * _EXACT
        nearest = f"CAST(CAST({moved_half(f'({there})')} AS BIGINT) AS DOUBLE)" if few else half_away(f"({there})")
        rounded = f"(({nearest}) {back} + 0.0D)"
        if column.bounds is None:
            exact = _double(float(grid) * _EXACT)
            rounded = f"CASE WHEN abs({double}) < {exact} THEN {rounded} ELSE {double} END"
    return (
        f"CASE WHEN {double} IS NULL OR {double} = {NAN} THEN NULL WHEN {double} >= {_double(high)} THEN {_double(high)}"
        f" WHEN {double} <= {_double(low)} THEN {_double(low)} ELSE {rounded} END"
    )


def _moment(column: Column, x: str, _: Family) -> str:
    kind = "DATE" if column.type == "date" else "TIMESTAMP_NTZ"
    value = f"CAST({x} AS {kind})"
    if column.bounds is None:
        return value
    low, high = (_edge(kind, b) for b in column.bounds)
    return f"CASE WHEN {value} BETWEEN {low} AND {high} THEN {value} END"


def _edge(kind: str, bound: Decimal | dt.date) -> str:
    return f"CAST('{bound}' AS {kind})"
