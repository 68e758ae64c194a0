"""Arithmetic with the results of IEEE doubles and of 64-bit integers, and no value that makes Spark raise."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from .value import INT64, WIDEST, Kind, Untranslatable, Value, made, strict

if TYPE_CHECKING:
    from .expressions import Expressions

INT64_MAX = 2**63 - 1
LEAST = f"({-INT64_MAX}L - 1L)"
INFINITE, NAN = "CAST('Infinity' AS DOUBLE)", "CAST('NaN' AS DOUBLE)"
_HALF = "0.49999999999999994D"  # the double below one half
_EXACT = 2.0**53
_JAVA = "Java and C round its last digit differently at times."


def as_float(x: Value) -> Value:
    """The number as a double."""
    if x.kind is Kind.FLOAT:
        return x
    if isinstance(x.constant, int) and not isinstance(x.constant, bool) and x.kind.whole:
        return constant(float(x.constant))
    if x.kind is Kind.NULL:
        return made(f"CAST({x.sql} AS DOUBLE)", Kind.FLOAT, 0, 0)
    if not x.kind.whole:
        raise Untranslatable(f"a {x.kind} as a number")
    whole = made(f"CAST({x.sql} AS DOUBLE)", Kind.FLOAT, x.low, x.high)
    return replace(whole, places=0 if x.size < _EXACT else None)


def as_wide(x: Value) -> Value:
    """The integer with 38 digits."""
    return x if x.kind is Kind.WIDE else x.wrapped(f"CAST({x.sql} AS DECIMAL(38,0))", Kind.WIDE)


def operation(t: Expressions, node: exp.Binary) -> Value:
    """``+``, ``-``, ``*``: exact of integers, and NULL where they do not fit."""
    strict(node, "this", "expression")
    a, b = t.value(node.this), t.value(node.expression)
    sign = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*"}[type(node)]
    a, b = (made(f"CAST({x.sql} AS BIGINT)", Kind.INT, 0, 0) if x.kind is Kind.NULL else x for x in (a, b))
    if not (a.kind.number and b.kind.number):
        raise Untranslatable(f"{sign} of {a.kind} and {b.kind}")
    low, high = _ends(sign, a, b)
    if Kind.FLOAT in (a.kind, b.kind):
        x, y = as_float(a), as_float(b)
        found = made(f"({x.sql} {sign} {y.sql})", Kind.FLOAT, _wider(low, -1), _wider(high, 1))
        if sign == "+" and y.constant == 0 and x.places is not None:
            return Value(found.sql, Kind.FLOAT, x.low, x.high, x.places)
        return found
    kind = Kind.WIDE if Kind.WIDE in (a.kind, b.kind) else Kind.INT
    if kind is Kind.WIDE:
        a, b = as_wide(a), as_wide(b)
    if max(abs(low), abs(high)) < (INT64 / 2 if kind is Kind.INT else WIDEST / 100):
        return made(f"({a.sql} {sign} {b.sql})", kind, low, high)
    name = {"+": "try_add", "-": "try_subtract", "*": "try_multiply"}[sign]
    return made(f"{name}({a.sql}, {b.sql})", kind, low, high)


def _wider(end: float, sign: int) -> float:
    return end + sign * (abs(end) * 1e-12 + 1e-300)


def _ends(sign: str, a: Value, b: Value) -> tuple[float, float]:
    if sign == "+":
        return a.low + b.low, a.high + b.high
    if sign == "-":
        return a.low - b.high, a.high - b.low
    corners = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
    if any(math.isnan(c) for c in corners):
        return -math.inf, math.inf
    return min(corners), max(corners)


def checked(x: Value) -> Value:
    """A wide integer as 64 bits, NULL where it does not fit."""
    whole = f"CAST({x.sql} AS BIGINT)"
    if x.size < INT64 / 2:
        return x.wrapped(whole, Kind.INT)
    ends = f"CAST('{-INT64_MAX - 1}' AS DECIMAL(38,0)) AND CAST('{INT64_MAX}' AS DECIMAL(38,0))"
    return x.wrapped(f"CASE WHEN {x.sql} BETWEEN {ends} THEN {whole} END", Kind.INT)


def division(t: Expressions, node: exp.Div) -> Value:
    """``/`` of doubles: by zero it is infinite, or NaN, as IEEE has it."""
    strict(node, "this", "expression", "typed")
    a, b = as_float(t.value(node.this)), as_float(t.value(node.expression))
    if b.constant not in (None, 0):
        low, high = sorted((a.low / b.constant, a.high / b.constant))
        return made(f"({a.sql} / {b.sql})", Kind.FLOAT, _wider(low, -1), _wider(high, 1))
    if b.low > 0 or b.high < 0:
        return made(f"({a.sql} / {b.sql})", Kind.FLOAT)
    sign = f"CASE WHEN CAST({b.sql} AS STRING) = '-0.0' THEN -1D ELSE 1D END"
    nan = f"WHEN {a.sql} = 0D OR {a.sql} = {NAN} THEN {NAN} WHEN {a.sql} IS NULL THEN NULL"
    zero = f"CASE {nan} WHEN {a.sql} < 0D THEN -1D * {sign} * {INFINITE} ELSE {sign} * {INFINITE} END"
    return made(f"CASE WHEN {b.sql} = 0D THEN {zero} ELSE {a.sql} / {b.sql} END", Kind.FLOAT)


def whole_division(t: Expressions, node: exp.Binary) -> Value:
    """``//`` and ``%`` of integers, toward zero; by zero they are NULL."""
    strict(node, "this", "expression")
    a, b = t.value(node.this), t.value(node.expression)
    mod = isinstance(node, exp.Mod)
    if not (a.kind.whole and b.kind.whole):
        raise Untranslatable(f"{'%' if mod else '//'} of decimals", "Divide integers, or use FLOOR(a / b).")
    wide = Kind.WIDE in (a.kind, b.kind)
    if wide:
        a, b = as_wide(a), as_wide(b)
    divisor = b.sql if isinstance(b.constant, int) and b.constant != 0 else f"NULLIF({b.sql}, {'0' if wide else '0L'})"
    low, high = (-b.size, b.size) if mod else (-a.size, a.size)
    if wide:
        if not mod and a.size >= 1e31:
            raise Untranslatable("a division of such wide integers", "Declare bounds of the columns.")
        rest = f"({a.sql} % {divisor})"
        text = rest if mod else f"CAST(({a.sql} - {rest}) / {divisor} AS DECIMAL(38,0))"  # divides without a remainder
        return made(text, Kind.WIDE, low, high)
    text = f"({a.sql} % {divisor})" if mod else f"({a.sql} div {divisor})"
    if a.low <= -INT64 and b.low <= -1 <= b.high:  # the least integer by -1 is past 64 bits
        text = f"CASE WHEN {a.sql} = {LEAST} AND {b.sql} = -1L THEN NULL ELSE {text} END"
    return made(text, Kind.INT, low, high)


def negative(t: Expressions, node: exp.Neg) -> Value:
    """Unary minus."""
    x = t.value(node.this)
    if isinstance(x.constant, int | float) and not isinstance(x.constant, bool):
        return constant(-x.constant)
    if not x.kind.number:
        raise Untranslatable(f"- of {x.kind}")
    text = f"try_subtract(0L, {x.sql})" if x.kind is Kind.INT and x.low <= -INT64 else f"(- {x.sql})"
    return made(text, x.kind, -x.high, -x.low)


def constant(value: float) -> Value:
    """A numeric literal. Every integer is 64 bits at least: narrow ones would overflow."""
    if isinstance(value, int):
        kind = Kind.INT if -INT64_MAX <= value <= INT64_MAX else Kind.WIDE
        if value == -INT64_MAX - 1:
            return Value(LEAST, Kind.INT, float(value), float(value), constant=value)
        text = str(value) + "L" if kind is Kind.INT else f"CAST('{value}' AS DECIMAL(38,0))"
        if abs(value) >= WIDEST:
            raise Untranslatable("an integer of more than 38 digits")
        return Value(f"({text})" if value < 0 else text, kind, float(value), float(value), constant=value)
    if not math.isfinite(value):
        raise Untranslatable("a number that is not finite")
    text = f"{value!r}D"
    negative = math.copysign(1.0, value) < 0
    return Value(f"({text})" if negative else text, Kind.FLOAT, value, value, constant=value)


def absolute(t: Expressions, node: exp.Abs) -> Value:
    """ABS."""
    x = t.value(node.this)
    if not x.kind.number:
        raise Untranslatable(f"ABS of {x.kind}")
    inner = x.sql
    if x.kind is Kind.INT and x.low <= -INT64:
        inner = f"CASE WHEN {x.sql} > {LEAST} THEN {x.sql} END"
    return made(f"abs({inner})", x.kind, 0, x.size)


def sign(t: Expressions, node: exp.Sign) -> Value:
    """SIGN: 0 of NaN, as there."""
    x = t.value(node.this)
    zero = "0L" if x.kind.whole else "0D"
    nan = "" if x.kind.whole else f"WHEN {x.sql} = {NAN} THEN 0L "
    text = f"CASE {nan}WHEN {x.sql} > {zero} THEN 1L WHEN {x.sql} < {zero} THEN -1L WHEN {x.sql} = {zero} THEN 0L END"
    return made(text, Kind.INT, -1, 1)


def floor_of(v: str) -> str:
    """The double below: ``rint``, which is exact, less one where it went up. Spark's own FLOOR gives a 64-bit integer."""
    return f"CASE WHEN rint({v}) > {v} THEN rint({v}) - 1D ELSE rint({v}) END"


def toward_zero(v: str) -> str:
    """The double without its fraction; -0.0 stays itself, as in C."""
    return f"CASE WHEN {v} < 0D THEN - ({floor_of(f'(- {v})')}) ELSE {floor_of(v)} END"


def toward(t: Expressions, node: exp.Expr) -> Value:
    """FLOOR, CEIL, TRUNC. Of integers the first two are doubles, the third is not."""
    strict(node, "this", "decimals")
    if node.args.get("decimals") is not None:
        raise Untranslatable("FLOOR, CEIL or TRUNC to a number of places")
    x = t.value(node.this)
    name = "floor" if isinstance(node, exp.Floor) else "ceil" if isinstance(node, exp.Ceil) else "trunc"
    if x.kind.whole:
        return x if name == "trunc" else as_float(x)
    x = as_float(x)
    text = {"floor": floor_of, "ceil": lambda v: f"(- ({floor_of(f'(- {v})')}))", "trunc": toward_zero}[name](x.sql)
    return made(f"({text})", Kind.FLOAT, x.low - 1, x.high + 1)


def moved_half(v: str) -> str:
    """What, cut toward zero, is the nearest integer, halves away from zero.

    Adding the double below one half never carries a value past the next half, and carries each half to the integer.
    """
    return f"({v} + CASE WHEN {v} < 0D THEN -{_HALF} ELSE {_HALF} END)"


def half_away(v: str) -> str:
    """The nearest integer as a double, halves away from zero. 0.0 of -0.0."""
    return f"CASE WHEN {v} < 0D THEN - ({floor_of(f'({_HALF} - {v})')}) ELSE {floor_of(f'({v} + {_HALF})')} END"


def _signed(v: str) -> str:
    return f"CASE WHEN {v} = 0D THEN {v} ELSE {half_away(v)} END"


def rounded(t: Expressions, node: exp.Round) -> Value:
    """ROUND(x), ROUND(x, n) with a constant n, by the steps that DuckDB takes."""
    strict(node, "this", "decimals")
    x = t.value(node.this)
    places = node.args.get("decimals")
    if places is None:
        if x.kind.whole:
            return x
        x = as_float(x)
        return made(f"({_signed(x.sql)})", Kind.FLOAT, x.low - 1, x.high + 1)
    n = t.value(places).constant
    if not isinstance(n, int) or abs(n) > 15:
        raise Untranslatable("ROUND to a number of places that is no constant from -15 to 15")
    x = as_float(x)
    scale = f"{10.0 ** abs(n)!r}D"
    there, back = ("*", "/") if n >= 0 else ("/", "*")
    text = f"(({_signed(f'({x.sql} {there} {scale})')}) {back} {scale})"
    if x.size >= 1e292:  # DuckDB gives the number itself where a step leaves the doubles
        raise Untranslatable("ROUND to places of numbers without bounds", "Declare bounds of the column.")
    margin = 10.0 ** max(-n, 0)
    return made(text, Kind.FLOAT, x.low - margin, x.high + margin)


def root(t: Expressions, node: exp.Sqrt) -> Value:
    """SQRT, NaN below zero: rounded rightly everywhere, as IEEE demands."""
    x = as_float(t.value(node.this))
    return made(f"sqrt({x.sql})", Kind.FLOAT, 0, math.sqrt(max(x.high, 0)) * 1.01)


def power(t: Expressions, node: exp.Pow) -> Value:
    """POWER of small integers by 0 to 3, which is exact in both engines."""
    x = t.value(node.this)
    p = t.value(node.expression).constant
    if (
        isinstance(p, int | float)
        and p in (1, 2, 3)
        and x.kind.number
        and (x.kind.whole or x.places == 0)
        and x.size**p < _EXACT
    ):
        v = as_float(x).sql
        return made(f"({' * '.join([v] * int(p))})", Kind.FLOAT, -(x.size**p), x.size**p)
    raise Untranslatable("POWER", f"Write x * x. {_JAVA}")


def unlike(_: Expressions, node: exp.Expr) -> Value:
    """LN, LOG10, LOG2, EXP, CBRT."""
    raise Untranslatable(type(node).__name__.upper(), f"Compute it above the aggregates. {_JAVA}")


def bits(t: Expressions, node: exp.Binary) -> Value:
    """Bitwise AND, OR, XOR of 64-bit integers."""
    a, b = t.value(node.this), t.value(node.expression)
    if a.kind is not Kind.INT or b.kind is not Kind.INT:
        raise Untranslatable("bits of what is no 64-bit integer")
    mark = {exp.BitwiseAnd: "&", exp.BitwiseOr: "|", exp.BitwiseXor: "^"}[type(node)]
    return made(f"({a.sql} {mark} {b.sql})", Kind.INT)


def is_nan(t: Expressions, node: exp.Expr) -> Value:
    """ISNAN; of NULL it is NULL, which Spark's own is not."""
    x = as_float(t.value(node.this))
    return made(f"({x.sql} = {NAN})", Kind.BOOL)


def is_finite(t: Expressions, node: exp.Anonymous) -> Value:
    """ISFINITE of a number."""
    x = as_float(t.value(node.expressions[0]))
    return made(f"({x.sql} > -{INFINITE} AND {x.sql} < {INFINITE})", Kind.BOOL)


NODES: dict[type[exp.Expr], Any] = {
    exp.Add: operation, exp.Sub: operation, exp.Mul: operation, exp.Div: division, exp.IntDiv: whole_division,
    exp.Mod: whole_division, exp.Neg: negative, exp.Abs: absolute, exp.Sign: sign, exp.Floor: toward, exp.Ceil: toward,
    exp.Trunc: toward, exp.Round: rounded, exp.Sqrt: root, exp.Cbrt: unlike, exp.Ln: unlike, exp.Log: unlike,
    exp.Exp: unlike, exp.Pow: power, exp.BitwiseAnd: bits, exp.BitwiseOr: bits, exp.BitwiseXor: bits, exp.IsNan: is_nan,
}  # fmt: skip
