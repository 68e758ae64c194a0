"""Casts, none of which raises: what does not convert is NULL. Text reads as nothing else here, for no two engines agree."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlglot import exp

from .numbers import as_float, as_wide, checked, moved_half
from .value import INT64, TYPES, Kind, Untranslatable, Value, made, strict

if TYPE_CHECKING:
    from .expressions import Expressions

NAMES = {
    "BIGINT": Kind.INT, "INT": Kind.INT, "SMALLINT": Kind.INT, "TINYINT": Kind.INT, "INT128": Kind.WIDE,
    "DOUBLE": Kind.FLOAT, "VARCHAR": Kind.TEXT, "TEXT": Kind.TEXT, "BOOLEAN": Kind.BOOL, "DATE": Kind.DATE,
    "TIMESTAMPNTZ": Kind.TIME, "TIMESTAMP": Kind.TIME,
}  # fmt: skip
_NARROW = {"INT": 2**31, "SMALLINT": 2**15, "TINYINT": 2**7}
_DIGITS = 15
"""So many significant digits of a decimal come back from the double nearest to it."""


def cast(t: Expressions, node: exp.Cast) -> Value:
    """CAST and TRY_CAST alike."""
    strict(node, "this", "to")
    name = node.args["to"].this.name
    kind = NAMES.get(name)
    if kind is None:
        raise Untranslatable(f"a cast to {name}", "Cast to BIGINT or DOUBLE.")
    if isinstance(node.this, exp.Literal) and kind in (Kind.DATE, Kind.TIME):
        return made(f"CAST({t.literal(node.this.name)} AS {TYPES[kind]})", kind)
    if (
        kind is Kind.INT
        and name == "BIGINT"
        and isinstance(node.this, exp.Round)
        and not node.this.args.get("decimals")
    ):
        x = t.value(node.this.this)
        if x.kind is Kind.FLOAT:  # ROUND, and then the cast of a whole number
            return _guarded(x, moved_half(x.sql))
    x = t.value(node.this)
    if name in _NARROW:
        return _narrow(convert(x, Kind.INT), _NARROW[name])
    return convert(x, kind)


def _narrow(x: Value, size: int) -> Value:
    if -size <= x.low and x.high < size:
        return x
    return made(f"CASE WHEN {x.sql} BETWEEN -{size}L AND {size - 1}L THEN {x.sql} END", Kind.INT, -size, size - 1)


def convert(x: Value, kind: Kind) -> Value:
    """The value as another type."""
    if x.kind is kind:
        return x
    if x.kind is Kind.NULL:
        return made(f"CAST({x.sql} AS {TYPES[kind]})", kind, 0, 0)
    found = _CONVERSIONS.get((x.kind, kind))
    if found is None:
        hint = "Convert the column in the source, and declare its type."
        raise Untranslatable(f"a cast from {x.kind} to {kind}", hint)
    return found(x)


def _guarded(x: Value, nearest: str) -> Value:
    """The 64-bit integer of ``nearest``, a double without a fraction or one that is cut; NULL of NaN and past 64 bits.

    ``x`` itself is asked for its range: what is added to it carries it no further than the cast allows.
    """
    ends = f"{x.sql} >= -9223372036854775808D AND {x.sql} < 9223372036854775808D"
    return made(f"CASE WHEN {ends} THEN CAST({nearest} AS BIGINT) END", Kind.INT, x.low - 1, x.high + 1)


def _float_to_int(x: Value) -> Value:
    """Halves to the even neighbour, as DuckDB's casts do."""
    return _guarded(x, f"rint({x.sql})")


def _float_to_wide(x: Value) -> Value:
    if x.size >= INT64 / 2:
        raise Untranslatable("wide integers of such large decimals", "Declare bounds of the column.")
    return as_wide(_float_to_int(x))


def _float_to_text(x: Value) -> Value:
    """As there: 1.0, and not 1. Java 17 does not always write the shortest text, so that decimals are gone through."""
    if x.places is None or len(str(int(x.size))) + x.places > _DIGITS:
        raise Untranslatable(
            "the text of decimals without a precision", "Declare bounds and a precision of the column."
        )
    digits = f"CAST(CAST({x.sql} AS DECIMAL(38,{max(x.places, 1)})) AS STRING)"
    cut = f"rtrim('0', {digits})"
    return made(f"CASE WHEN endswith({cut}, '.') THEN concat({cut}, '0') ELSE {cut} END", Kind.TEXT)


def _to(kind: Kind) -> Callable[[Value], Value]:
    return lambda x: x.wrapped(f"CAST({x.sql} AS {TYPES[kind]})", kind)


_CONVERSIONS: dict[tuple[Kind, Kind], Callable[[Value], Value]] = {
    (Kind.BOOL, Kind.INT): lambda x: made(f"CAST({x.sql} AS BIGINT)", Kind.INT, 0, 1),
    (Kind.BOOL, Kind.FLOAT): lambda x: made(f"CAST({x.sql} AS DOUBLE)", Kind.FLOAT, 0, 1),
    (Kind.BOOL, Kind.TEXT): _to(Kind.TEXT),
    (Kind.INT, Kind.FLOAT): as_float,
    (Kind.INT, Kind.WIDE): as_wide,
    (Kind.INT, Kind.TEXT): _to(Kind.TEXT),
    (Kind.INT, Kind.BOOL): lambda x: made(f"({x.sql} <> 0L)", Kind.BOOL),
    (Kind.WIDE, Kind.INT): checked,
    (Kind.WIDE, Kind.FLOAT): as_float,
    (Kind.WIDE, Kind.TEXT): _to(Kind.TEXT),
    (Kind.FLOAT, Kind.INT): _float_to_int,
    (Kind.FLOAT, Kind.WIDE): _float_to_wide,
    (Kind.FLOAT, Kind.TEXT): _float_to_text,
    (Kind.DATE, Kind.TIME): _to(Kind.TIME),
    (Kind.TIME, Kind.DATE): _to(Kind.DATE),
    (Kind.DATE, Kind.TEXT): _to(Kind.TEXT),
    (Kind.TIME, Kind.TEXT): _to(Kind.TEXT),
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
