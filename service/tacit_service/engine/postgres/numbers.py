"""Arithmetic with the results of IEEE doubles and of 64-bit integers, and no value that makes PostgreSQL raise."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from .value import INT64, LARGEST, Kind, Untranslatable, Value, made, once, strict, within

if TYPE_CHECKING:
    from .expressions import Expressions

INT64_MAX = 2**63 - 1
INFINITE, NAN = "'Infinity'::float8", "'NaN'::float8"
SMALL = 5e-324
_HALF = "0.49999999999999994"  # the double below one half
_ULP = 2.0**-53
_BEYOND_EXACT = 2.0**53


def as_float(x: Value) -> Value:
    """The number as a double."""
    if x.kind is Kind.FLOAT:
        return x
    if isinstance(x.constant, int) and x.kind.whole:
        return constant(float(x.constant))
    if x.kind is Kind.NULL:
        return made(f"{x.sql}::float8", Kind.FLOAT, x, low=1, high=1)
    if not x.kind.whole:
        raise Untranslatable(f"a {x.kind} as a number")
    return made(f"{x.sql}::float8", Kind.FLOAT, x, low=x.low, high=x.high)


def operation(t: Expressions, node: exp.Binary) -> Value:
    """``+``, ``-``, ``*``: exact of integers, checked where the emitted SQL stands in TRY."""
    a, b = t.value(node.this), t.value(node.expression)
    sign = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*"}[type(node)]
    if a.kind is Kind.NULL or b.kind is Kind.NULL:
        a, b = (made(f"{x.sql}::bigint", Kind.INT, x) if x.kind is Kind.NULL else x for x in (a, b))
    if not (a.kind.number and b.kind.number):
        raise Untranslatable(f"{sign} of {a.kind} and {b.kind}")
    if Kind.FLOAT in (a.kind, b.kind):
        return _float(sign, as_float(a), as_float(b))
    high = a.high * b.high if sign == "*" else a.high + b.high
    text = f"({a.sql} {sign} {b.sql})"
    if Kind.WIDE in (a.kind, b.kind):
        return made(text, Kind.WIDE, a, b, high=high)
    if t.total and high >= INT64:
        return checked(made(f"({a.sql}::numeric {sign} {b.sql})", Kind.WIDE, a, b))
    return made(text, Kind.INT, a, b, high=high)


def _float(sign: str, a: Value, b: Value) -> Value:
    text = f"({a.sql} {sign} {b.sql})"
    if sign == "*":
        low, high = within("a product", a.low * b.low, a.high * b.high)
        return made(text, Kind.FLOAT, a, b, low=low, high=high)
    if b.constant == 0:
        return made(text, Kind.FLOAT, a, b, low=a.low, high=a.high)
    _, high = within("a sum", 1.0, a.high + b.high)
    # a difference of two doubles is 0, or at least a unit in the last place of the smaller one
    return made(text, Kind.FLOAT, a, b, low=min(a.low, b.low) * _ULP, high=high)


def checked(x: Value) -> Value:
    """A wide integer as 64 bits, NULL where it does not fit."""
    text = once(x, lambda v: f"CASE WHEN {v} BETWEEN -{INT64_MAX + 1} AND {INT64_MAX} THEN {v}::bigint END")
    return made(text, Kind.INT, x)


def division(t: Expressions, node: exp.Div) -> Value:
    """``/`` of doubles: by zero it is infinite, or NaN, as IEEE has it."""
    strict(node, "this", "expression", "typed")
    a, b = as_float(t.value(node.this)), as_float(t.value(node.expression))
    low, high = within("a quotient", a.low / b.high, a.high / b.low if b.low > SMALL else math.inf)
    if b.constant not in (None, 0):
        return made(f"({a.sql} / {b.sql})", Kind.FLOAT, a, b, low=low, high=high)

    def guarded(v: str) -> str:
        sign = f"CASE WHEN {v}::text = '-0' THEN -1 ELSE 1 END"
        nan = f"WHEN {a.sql} = 0 OR {a.sql} = {NAN} THEN {NAN} WHEN {a.sql} IS NULL THEN NULL"
        zero = f"CASE {nan} ELSE sign({a.sql}) * {sign} * {INFINITE} END"
        return f"CASE WHEN {v} = 0 THEN {zero} ELSE {a.sql} / {v} END"

    text = guarded(b.sql) if not a.rowwise else once(b, guarded)
    return made(text, Kind.FLOAT, a, b, low=low, high=high)


def whole_division(t: Expressions, node: exp.Binary) -> Value:
    """``//`` and ``%`` of integers, toward zero; by zero they are NULL."""
    strict(node, "this", "expression")
    a, b = t.value(node.this), t.value(node.expression)
    mod = isinstance(node, exp.Mod)
    if not (a.kind.whole and b.kind.whole):
        raise Untranslatable(f"{'%' if mod else '//'} of decimals", "Divide integers, or use FLOOR(a / b).")
    divisor = b.sql if isinstance(b.constant, int) and b.constant not in (0, -1) else f"NULLIF({b.sql}, 0)"
    if Kind.WIDE in (a.kind, b.kind):
        text = f"{'mod' if mod else 'div'}({a.sql}::numeric, {divisor}::numeric)"
        return made(text, Kind.WIDE, a, b, high=b.high if mod else a.high)
    if mod:
        return made(f"({a.sql} % {divisor})", Kind.INT, a, b, high=b.high)
    if t.total and a.high >= INT64 and b.constant in (None, -1):  # the least integer by -1 is past 64 bits
        return checked(made(f"div({a.sql}::numeric, {divisor}::numeric)", Kind.WIDE, a, b))
    return made(f"({a.sql} / {divisor})", Kind.INT, a, b, high=a.high)


def negative(t: Expressions, node: exp.Neg) -> Value:
    """Unary minus."""
    x = t.value(node.this)
    if isinstance(x.constant, int | float) and not isinstance(x.constant, bool):
        return constant(-x.constant)
    if not x.kind.number:
        raise Untranslatable(f"- of {x.kind}")
    if x.kind is Kind.INT and t.total:
        return checked(made(f"(- {x.sql}::numeric)", Kind.WIDE, x))
    return made(f"(- {x.sql})", x.kind, x, low=x.low, high=x.high)


def constant(value: float) -> Value:
    """A numeric literal. Every integer is 64 bits at least: narrow ones would overflow."""
    size = abs(float(value))
    if isinstance(value, int):
        kind = Kind.INT if -INT64_MAX - 1 <= value <= INT64_MAX else Kind.WIDE
        text = f"'{value}'::{'bigint' if kind is Kind.INT else 'numeric'}"
        return Value(text, kind, size or 1.0, max(size, 1.0), constant=value)
    return Value(f"'{value!r}'::float8", Kind.FLOAT, size or LARGEST, size or SMALL, constant=value)


def absolute(t: Expressions, node: exp.Abs) -> Value:
    """ABS."""
    x = t.value(node.this)
    if x.kind is Kind.INT and t.total:
        return checked(made(f"abs({x.sql}::numeric)", Kind.WIDE, x))
    return made(f"abs({x.sql})", x.kind, x, low=x.low, high=x.high)


def sign(t: Expressions, node: exp.Sign) -> Value:
    """SIGN: 0 of NaN, as there."""
    x = as_float(t.value(node.this))
    text = once(x, lambda v: f"CASE WHEN {v} = {NAN} THEN 0 ELSE sign({v})::bigint END")
    return made(text, Kind.INT, x, high=1)


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
    return made(f"{name}({x.sql})", Kind.FLOAT, x, low=1, high=_outward(x.high))


def _outward(high: float) -> float:
    return high if high >= _BEYOND_EXACT else high + 1


def half_away(v: str) -> str:
    """The nearest integer, halves away from zero: PostgreSQL's own ``round`` takes the even one.

    Adding the double below one half never carries a value past the next half, and carries each half to the integer.
    """
    return f"trunc({v} + CASE WHEN {v} < 0 THEN -{_HALF}::float8 ELSE {_HALF}::float8 END)"


def rounded(t: Expressions, node: exp.Round) -> Value:
    """ROUND(x), ROUND(x, n) with a constant n, by the steps that DuckDB takes."""
    strict(node, "this", "decimals")
    x = t.value(node.this)
    places = node.args.get("decimals")
    if places is None:
        if x.kind.whole:
            return x
        x = as_float(x)
        return made(once(x, half_away), Kind.FLOAT, x, low=1, high=_outward(x.high))
    n = t.value(places).constant
    if not isinstance(n, int):
        raise Untranslatable("ROUND to a number of places that is no constant")
    x = as_float(x)
    scale = 10.0 ** abs(n)
    _, high = within("a rounded number", 1.0, x.high * scale if n >= 0 else x.high + scale)
    if n >= 0:
        moved = made(f"({x.sql} * {scale!r}::float8)", Kind.FLOAT, x)
        within("a rounded number", x.low * scale, 1.0)
        text, low = f"({once(moved, half_away)} / {scale!r}::float8)", 1 / scale
    else:
        moved = made(f"({x.sql} / {scale!r}::float8)", Kind.FLOAT, x)
        within("a rounded number", x.low / scale, 1.0)
        text, low = f"({once(moved, half_away)} * {scale!r}::float8)", scale
    return made(text, Kind.FLOAT, x, low=low, high=high)


def root(t: Expressions, node: exp.Sqrt) -> Value:
    """SQRT, NaN below zero."""
    x = as_float(t.value(node.this))
    text = once(x, lambda v: f"CASE WHEN {v} < 0 THEN {NAN} ELSE sqrt({v}) END")
    return made(text, Kind.FLOAT, x, low=math.sqrt(x.low) * 0.99, high=math.sqrt(x.high) * 1.01)


def cube_root(t: Expressions, node: exp.Cbrt) -> Value:
    """CBRT."""
    x = as_float(t.value(node.this))
    return made(f"cbrt({x.sql})", Kind.FLOAT, x, low=x.low ** (1 / 3) * 0.99, high=x.high ** (1 / 3) * 1.01)


def logarithm(t: Expressions, node: exp.Expr) -> Value:
    """LN, LOG10: -infinity of zero, NaN below."""
    if isinstance(node, exp.Log):
        strict(node, "this", "expression")
        if not (isinstance(node.this, exp.Literal) and node.this.name == "10" and node.expression is not None):
            raise Untranslatable("LOG2", "Write LN(x) / LN(2).")
    x = as_float(t.value(node.expression if isinstance(node, exp.Log) else node.this))
    name = "log" if isinstance(node, exp.Log) else "ln"

    def guarded(v: str) -> str:
        return f"CASE WHEN {v} = 0 THEN -{INFINITE} WHEN {v} < 0 THEN {NAN} ELSE {name}({v}) END"

    return made(once(x, guarded), Kind.FLOAT, x, low=1e-17, high=746)


def exponential(t: Expressions, node: exp.Exp) -> Value:
    """EXP: infinite past the largest double, 0 below the smallest."""
    x = as_float(t.value(node.this))

    if x.high <= 700:
        return made(f"exp({x.sql})", Kind.FLOAT, x, low=math.exp(-x.high) * 0.99, high=math.exp(x.high) * 1.01)

    def guarded(v: str) -> str:
        ends = f"WHEN {v} = {NAN} THEN {NAN} WHEN {v} > 709.782712893384 THEN {INFINITE} WHEN {v} < -745.13 THEN 0"
        return f"CASE {ends} ELSE exp({v}) END"

    return made(once(x, guarded), Kind.FLOAT, x, low=SMALL)


def power(t: Expressions, node: exp.Pow) -> Value:
    """POWER with a constant exponent."""
    x, p = as_float(t.value(node.this)), t.value(node.expression).constant
    if not isinstance(p, int | float):
        raise Untranslatable("POWER with an exponent that is no constant")
    try:
        ends = sorted((x.low**p, x.high**p))
    except (OverflowError, ZeroDivisionError):
        ends = [0.0, math.inf]
    low, high = within("a power", ends[0] * 0.99, ends[1] * 1.01)
    whole = float(p).is_integer()

    def guarded(v: str) -> str:
        zero = f"WHEN {v} = 0 THEN {INFINITE} " if p < 0 else ""
        below = "" if whole else f"WHEN {v} < 0 THEN {NAN} "
        called = f"power({v}, {float(p)!r}::float8)"
        return f"CASE {zero}{below}ELSE {called} END" if zero or below else called

    return made(once(x, guarded), Kind.FLOAT, x, low=low, high=high)


def bits(t: Expressions, node: exp.Binary) -> Value:
    """Bitwise AND, OR, XOR of 64-bit integers."""
    a, b = t.value(node.this), t.value(node.expression)
    if a.kind is not Kind.INT or b.kind is not Kind.INT:
        raise Untranslatable("bits of what is no 64-bit integer")
    mark = {exp.BitwiseAnd: "&", exp.BitwiseOr: "|", exp.BitwiseXor: "#"}[type(node)]
    return made(f"({a.sql} {mark} {b.sql})", Kind.INT, a, b)


def is_nan(t: Expressions, node: exp.Expr) -> Value:
    """ISNAN."""
    x = as_float(t.value(node.this))
    return made(f"({x.sql} = {NAN})", Kind.BOOL, x)


def is_finite(t: Expressions, node: exp.Anonymous) -> Value:
    """ISFINITE of a number."""
    x = as_float(t.value(node.expressions[0]))
    return made(once(x, lambda v: f"({v} > -{INFINITE} AND {v} < {INFINITE})"), Kind.BOOL, x)


NODES: dict[type[exp.Expr], Any] = {
    exp.Add: operation, exp.Sub: operation, exp.Mul: operation, exp.Div: division, exp.IntDiv: whole_division,
    exp.Mod: whole_division, exp.Neg: negative, exp.Abs: absolute, exp.Sign: sign, exp.Floor: toward, exp.Ceil: toward,
    exp.Trunc: toward, exp.Round: rounded, exp.Sqrt: root, exp.Cbrt: cube_root, exp.Ln: logarithm, exp.Log: logarithm,
    exp.Exp: exponential, exp.Pow: power, exp.BitwiseAnd: bits, exp.BitwiseOr: bits, exp.BitwiseXor: bits,
    exp.IsNan: is_nan,
}  # fmt: skip
