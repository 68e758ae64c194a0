"""Dates and times: parts, truncation, differences, intervals and arithmetic, from the parsed form to the allow-list."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from . import operators
from .bounds import Facts, Type
from .expr import Call, Expr, IntervalLit, Lit
from .functions import FUNCTIONS, PART_ALIASES, PARTS, TRUNC_PARTS
from .syntax import strict, unsupported

if TYPE_CHECKING:
    from .bind_expr import ExprBinder

INTERVAL_DAYS = {"year": 366, "month": 31, "week": 7, "day": 1, "hour": 1, "minute": 1, "second": 1, "quarter": 92}
INTERVAL_NAMES = {f"to_{p}s": p for p in INTERVAL_DAYS}


def part(b: ExprBinder, node: exp.Expr, text: str, allowed: Any) -> str:
    """The date part that the text names, one of ``allowed``. Raises ``DerivationError`` unsupported_syntax."""
    name = PART_ALIASES.get(text.lower(), text.lower())
    if name not in allowed:
        raise unsupported(b.sql, node, f"Date part {text[:20]}", f"Use one of {', '.join(allowed)}.")
    return name


def _extract(b: ExprBinder, node: exp.Expr) -> Expr:
    strict(b.sql, node, "this", "expression")
    from .bind_call import call

    return call(b, node, f"part_{part(b, node, node.this.name, PARTS)}", [node.expression])


def _date_trunc(b: ExprBinder, node: exp.Expr) -> Expr:
    strict(b.sql, node, "this", "unit")
    from .bind_call import call

    return call(b, node, f"trunc_{part(b, node, node.args['unit'].name, TRUNC_PARTS)}", [node.this])


def _date_diff(b: ExprBinder, node: exp.Expr) -> Expr:
    from .bind_call import apply

    strict(b.sql, node, "this", "expression", "unit")
    unit = part(b, node, node.args["unit"].name, TRUNC_PARTS)
    first, second = b.unify(node, [node.expression, node.this])
    for e in (first, second):
        if e.facts.type is Type.STRING:
            raise b.mismatch(node, "date_diff takes dates", "Write DATE '2024-01-31'.")
    return apply(b, node, FUNCTIONS[f"diff_{unit}"], [first, second])


def _date_shift(sign: str) -> Callable[[ExprBinder, exp.Expr], Expr]:
    def bind(b: ExprBinder, node: exp.Expr) -> Expr:
        strict(b.sql, node, "this", "expression")
        return temporal_arithmetic(b, node, sign, b.bind(node.this), b.bind(node.expression))

    return bind


def _interval(b: ExprBinder, node: exp.Expr) -> Expr:
    strict(b.sql, node, "this", "unit")
    amount = node.this
    while isinstance(amount, exp.Paren):
        amount = amount.this
    sign = "-" if isinstance(amount, exp.Neg) else ""
    amount = amount.this if isinstance(amount, exp.Neg) else amount
    text = sign + amount.name if isinstance(amount, exp.Literal) else ""
    if not re.fullmatch(r"-?[0-9]{1,5}", text) or node.args.get("unit") is None:
        raise unsupported(b.sql, node, "An interval that is no whole number of a unit", "Write INTERVAL 3 MONTH.")
    unit = part(b, node, node.args["unit"].name, tuple(INTERVAL_DAYS))
    return IntervalLit(Facts(Type.INTERVAL, nullable=False, per_unit=True), int(text), unit)


def temporal_arithmetic(b: ExprBinder, node: exp.Expr, name: str, x: Expr, y: Expr) -> Expr:
    """date ± integer, date/timestamp ± interval, date − date."""
    if name == "add" and y.facts.type.temporal:
        x, y = y, x
    sign = 1 if name == "add" else -1
    if name in ("add", "sub") and x.facts.type.temporal:
        if isinstance(y, IntervalLit):
            longest = sign * y.count * INTERVAL_DAYS[y.part]
            facts = operators.plus_interval(x.facts, longest)
            return Call(facts, "plus_interval" if sign > 0 else "minus_interval", (x, y))
        if x.facts.type is Type.DATE and y.facts.type is Type.INTEGER:
            return Call(
                operators.plus_days(x.facts, y.facts, sign), "date_plus_days" if sign > 0 else "date_minus_days", (x, y)
            )
        if name == "sub" and x.facts.type is Type.DATE and y.facts.type is Type.STRING and isinstance(y, Lit):
            y = b.temporal_literal(node, str(y.value), Type.DATE)
        if name == "sub" and x.facts.type is Type.DATE and y.facts.type is Type.DATE:
            facts = operators.arithmetic("sub", x.facts.with_(type=Type.INTEGER), y.facts.with_(type=Type.INTEGER))
            return Call(facts, "days_between", (x, y))
    raise b.mismatch(
        node,
        f"This arithmetic on {x.facts.type} and {y.facts.type} is not supported",
        "Use date ± INTERVAL 1 DAY, or date_diff('day', a, b).",
    )


def interval_call(b: ExprBinder, name: str, args: list[exp.Expr]) -> Expr:
    """``to_days(3)`` and its like: an interval of a constant number."""
    interval = exp.Interval(this=args[0].copy() if args else exp.Null(), unit=exp.Var(this=INTERVAL_NAMES[name]))
    return _interval(b, interval)


def _make_date(b: ExprBinder, node: exp.Expr) -> Expr:
    """``make_date(y, m, d)``: a literal where all three are constants, else NULL for what is no date."""
    from .bind_call import call

    strict(b.sql, node, "year", "month", "day")
    parts = [node.args["year"], node.args["month"], node.args["day"]]
    numbers = [b.bind(p) for p in parts]
    if all(isinstance(n, Lit) and type(n.value) is int for n in numbers):
        year, month, day = (n.value for n in numbers if isinstance(n, Lit))
        try:
            return b.temporal_literal(node, dt.date(year, month, day).isoformat(), Type.DATE)  # type: ignore[arg-type]
        except (ValueError, OverflowError):
            raise b.mismatch(node, "This is no date", "Write DATE '2024-01-31'.") from None
    return call(b, node, "make_date", parts)


def _time_bucket(b: ExprBinder, node: exp.Expr) -> Expr:
    """``time_bucket(INTERVAL 1 MONTH, d)`` where the width is one of a truncation's units: that truncation, as a date.

    Of dates also by days and weeks, which DuckDB counts from Monday 2000-01-03.
    """
    from .bind_call import apply
    from .build import cast_to

    strict(b.sql, node, "this", "expression")
    width, value = b.bind(node.this), b.bind(node.expression)
    days = width.count * {"day": 1, "week": 7}.get(width.part, 0) if isinstance(width, IntervalLit) else 0
    if days > 1 and value.facts.type is Type.DATE:
        start, each = exp.cast(exp.Literal.string("2000-01-03"), "DATE"), exp.Literal.number(days)
        since = exp.Paren(this=exp.Sub(this=node.expression.copy(), expression=start))
        whole = exp.cast(exp.Floor(this=exp.Div(this=since, expression=each)), "BIGINT")
        return b.bind(exp.Add(this=start.copy(), expression=exp.Mul(this=whole, expression=each.copy())))
    if not (isinstance(width, IntervalLit) and width.count == 1 and width.part in ("year", "quarter", "month", "day")):
        raise unsupported(b.sql, node, "time_bucket of this width", "Use date_trunc('week', …) or another unit.")
    return cast_to(apply(b, node, FUNCTIONS[f"trunc_{width.part}"], [value]), value.facts.type)


SPECIAL: dict[type[exp.Expr], Callable[[ExprBinder, Any], Expr]] = {
    exp.Extract: _extract, exp.TimestampTrunc: _date_trunc, exp.DateTrunc: _date_trunc, exp.DateDiff: _date_diff,
    exp.Interval: _interval, exp.DateAdd: _date_shift("add"), exp.DateSub: _date_shift("sub"),
    exp.DateFromParts: _make_date, exp.DateBin: _time_bucket,
}  # fmt: skip
