"""Casts, none of which raises: what does not convert is NULL. Text reads as nothing else here, for no two engines agree."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlglot import exp

from .numbers import INFINITE, NAN, as_float, checked
from .value import TYPES, Kind, Untranslatable, Value, made, once, strict

if TYPE_CHECKING:
    from .expressions import Expressions

NAMES = {
    "BIGINT": Kind.INT, "INT": Kind.INT, "SMALLINT": Kind.INT, "TINYINT": Kind.INT, "INT128": Kind.WIDE,
    "DOUBLE": Kind.FLOAT, "FLOAT": Kind.FLOAT, "VARCHAR": Kind.TEXT, "TEXT": Kind.TEXT, "BOOLEAN": Kind.BOOL, "DATE": Kind.DATE,
    "TIMESTAMPNTZ": Kind.TIME, "TIMESTAMP": Kind.TIME, "DECIMAL": Kind.FLOAT,
}  # fmt: skip
_NARROW = {"INT": 2**31, "SMALLINT": 2**15, "TINYINT": 2**7}
_PLAIN = 1e15
"""Below it a double is written out in both engines, and not by powers of ten."""


def cast(t: Expressions, node: exp.Cast) -> Value:
    """CAST and TRY_CAST alike."""
    strict(node, "this", "to")
    name = node.args["to"].this.name
    kind = NAMES.get(name)
    if kind is None or name == "DECIMAL":
        raise Untranslatable(f"a cast to {name}", "Cast to BIGINT or DOUBLE.")
    if isinstance(node.this, exp.Literal) and kind in (Kind.DATE, Kind.TIME):
        return made(f"{t.literal(node.this.name)}::{TYPES[kind]}", kind)
    x = t.value(node.this)
    if name == "FLOAT":
        raise Untranslatable("a cast to FLOAT", "Cast to DOUBLE.")
    if name in _NARROW:
        return _narrow(convert(x, Kind.INT), _NARROW[name])
    return convert(x, kind)


def _narrow(x: Value, size: int) -> Value:
    if x.high < size:
        return x
    text = once(x, lambda v: f"CASE WHEN {v} BETWEEN -{size} AND {size - 1} THEN {v} END")
    return made(text, Kind.INT, x, high=float(size))


def convert(x: Value, kind: Kind) -> Value:
    """The value as another type."""
    if x.kind is kind:
        return x
    if x.kind is Kind.NULL:
        return made(f"{x.sql}::{TYPES[kind]}", kind, x, low=1)
    found = _CONVERSIONS.get((x.kind, kind))
    if found is None:
        raise Untranslatable(
            f"a cast from {x.kind} to {kind}", "Convert the column in the database, and declare its type."
        )
    return found(x)


def _float_to_int(x: Value) -> Value:
    """Halves to the even neighbour in both engines; NaN and what is past 64 bits is NULL."""
    if x.high < 2.0**62:  # NaN and infinity are the only values left that have no integer
        guard = "CASE WHEN {v} > -'9.2e18'::float8 AND {v} < '9.2e18'::float8 THEN {v}::bigint END"
    else:
        guard = "CASE WHEN {v} >= -'9223372036854775808'::float8 AND {v} < '9223372036854775808'::float8 THEN {v}::bigint END"
    return made(once(x, lambda v: guard.format(v=v)), Kind.INT, x, high=x.high + 1)


def _float_to_wide(x: Value) -> Value:
    """By 64 bits, exactly: the numeric of a double has 15 digits, its 64-bit integer has all."""
    if x.high >= 2.0**62:
        raise Untranslatable("wide integers of such large decimals", "Declare bounds of the column.")
    whole = _float_to_int(x)
    return made(f"{whole.sql}::numeric", Kind.WIDE, x, high=whole.high)


def _float_to_text(x: Value) -> Value:
    """As there: 1.0, and not 1. Past 1e15 the two engines write numbers unlike each other."""
    if x.high >= _PLAIN:
        raise Untranslatable("the text of decimals without bounds", "Declare bounds of the column below 1e15.")

    def written(v: str) -> str:
        named = f"WHEN {v} = {NAN} THEN 'nan' WHEN {v} = {INFINITE} THEN 'inf' WHEN {v} = -{INFINITE} THEN '-inf'"
        return f"CASE {named} WHEN {v} = trunc({v}) THEN {v}::text || '.0' ELSE {v}::text END"

    return made(once(x, written), Kind.TEXT, x)


_CONVERSIONS: dict[tuple[Kind, Kind], Callable[[Value], Value]] = {
    (Kind.BOOL, Kind.INT): lambda x: made(f"{x.sql}::integer::bigint", Kind.INT, x, high=1),
    (Kind.BOOL, Kind.FLOAT): lambda x: made(f"{x.sql}::integer::float8", Kind.FLOAT, x, low=1, high=1),
    (Kind.BOOL, Kind.TEXT): lambda x: made(f"{x.sql}::text", Kind.TEXT, x),
    (Kind.INT, Kind.FLOAT): as_float,
    (Kind.INT, Kind.WIDE): lambda x: made(f"{x.sql}::numeric", Kind.WIDE, x, high=x.high),
    (Kind.INT, Kind.TEXT): lambda x: made(f"{x.sql}::text", Kind.TEXT, x),
    (Kind.INT, Kind.BOOL): lambda x: made(f"({x.sql} <> 0)", Kind.BOOL, x),
    (Kind.WIDE, Kind.INT): checked,
    (Kind.WIDE, Kind.FLOAT): as_float,
    (Kind.WIDE, Kind.TEXT): lambda x: made(f"{x.sql}::text", Kind.TEXT, x),
    (Kind.FLOAT, Kind.INT): _float_to_int,
    (Kind.FLOAT, Kind.WIDE): _float_to_wide,
    (Kind.FLOAT, Kind.TEXT): _float_to_text,
    (Kind.DATE, Kind.TIME): lambda x: made(f"{x.sql}::timestamp", Kind.TIME, x),
    (Kind.TIME, Kind.DATE): lambda x: made(f"{x.sql}::date", Kind.DATE, x),
    (Kind.DATE, Kind.TEXT): lambda x: made(f"to_char({x.sql}, 'YYYY-MM-DD')", Kind.TEXT, x),
    (Kind.TIME, Kind.TEXT): lambda x: made(f"{x.sql}::text", Kind.TEXT, x),
}


def same(values: list[Value]) -> list[Value]:
    """The values as one type, as an operator that compares or chooses among them needs it."""
    kinds = {v.kind for v in values} - {Kind.NULL}
    if not kinds:
        return values
    if len(kinds) == 1:
        kind = kinds.pop()
    elif all(k.number for k in kinds):
        kind = Kind.FLOAT if Kind.FLOAT in kinds else Kind.WIDE
    elif kinds == {Kind.DATE, Kind.TIME}:
        kind = Kind.TIME
    else:
        raise Untranslatable(" beside ".join(sorted(kinds)))
    return [convert(v, kind) for v in values]


def range_of(values: list[Value]) -> tuple[float, float]:
    """Magnitudes of a value that is one of these."""
    real = [v for v in values if v.kind is not Kind.NULL] or values
    return min(v.low for v in real), max(v.high for v in real)
