"""Dates and timestamps: parts, truncation, differences, arithmetic within the calendar of years 2 to 9999."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from .casts import convert
from .value import Kind, Untranslatable, Value, made, once, strict

if TYPE_CHECKING:
    from .expressions import Expressions

_SECONDS = {"hour": 3600, "minute": 60, "second": 1}
_MONTHS = {"year": 12, "quarter": 3, "month": 1}
_PARTS = {"year": "year", "quarter": "quarter", "month": "month", "week": "week", "day": "day", "dow": "dow", "dayofweek": "dow",
          "isodow": "isodow", "dayofyear": "doy", "doy": "doy", "hour": "hour", "minute": "minute", "isoyear": "isoyear"}  # fmt: skip
_FORMATS = {"Y": "YYYY", "m": "MM", "d": "DD", "H": "HH24", "M": "MI", "S": "SS", "y": "YY", "j": "DDD", "B": "FMMonth",
            "b": "Mon", "A": "FMDay", "a": "Dy", "I": "HH12", "p": "AM", "F": "YYYY-MM-DD", "T": "HH24:MI:SS"}  # fmt: skip
_LENGTH_DAYS = {"year": 366, "quarter": 92, "month": 31, "week": 7, "day": 1}
_DAYS_MAX = 4_000_000
"""No sum of a date and more days than these is within the calendar."""


def moment(x: Value) -> Value:
    """A date or timestamp as a timestamp."""
    if x.kind not in (Kind.DATE, Kind.TIME, Kind.NULL):
        raise Untranslatable(f"a {x.kind} as a timestamp")
    return convert(x, Kind.TIME)


def extract(t: Expressions, node: exp.Extract) -> Value:
    """EXTRACT(part FROM x): whole seconds, ISO weeks, Sunday as day 0."""
    strict(node, "this", "expression")
    part = node.this.name.lower()
    x = t.value(node.expression)
    source = x.sql if x.kind in (Kind.DATE, Kind.TIME) and part not in ("hour", "minute", "second") else moment(x).sql
    if part == "epoch":
        return made(f"extract(epoch FROM {source})::float8", Kind.FLOAT, x, low=1e-6, high=1e12)
    if part == "second":
        return made(f"floor(extract(second FROM {source}))::bigint", Kind.INT, x, high=60)
    if part == "yearweek":
        named = made(source, Kind.TIME, x)
        return made(
            once(named, lambda v: f"(extract(isoyear FROM {v}) * 100 + extract(week FROM {v}))::bigint"),
            Kind.INT,
            x,
            high=1e6,
        )
    if part not in _PARTS:
        raise Untranslatable(f"EXTRACT({part} FROM …)")
    return made(f"extract({_PARTS[part]} FROM {source})::bigint", Kind.INT, x, high=1e4)


def truncated(t: Expressions, node: exp.Expr) -> Value:
    """DATE_TRUNC, which gives a timestamp."""
    strict(node, "this", "unit")
    x, part = t.value(node.this), _unit(node.args["unit"])
    return made(_trunc(part, moment(x).sql), Kind.TIME, x)


def _unit(node: exp.Expr) -> str:
    part = node.name.lower()
    if part not in (*_MONTHS, *_SECONDS, "week", "day"):
        raise Untranslatable(f"the date part {part}")
    return part


def _trunc(part: str, text: str) -> str:
    return f"date_trunc('{part}', {text})"


def difference(t: Expressions, node: exp.DateDiff) -> Value:
    """DATE_DIFF: how many borders of the part lie between the two; of weeks, how many times seven days."""
    strict(node, "this", "expression", "unit")
    part = _unit(node.args["unit"])
    a, b = moment(t.value(node.expression)), moment(t.value(node.this))
    if part in _MONTHS:
        ends = [
            once(x, lambda v: f"(extract(year FROM {v}) * 12 + extract(month FROM {v}) - 1)::bigint") for x in (a, b)
        ]
        step = _MONTHS[part]  # years begin at 1: all of these are positive, and division goes down
        return made(f"({ends[1]} / {step} - {ends[0]} / {step})", Kind.INT, a, b, high=2e5)
    if part in ("week", "day"):
        days = f"({b.sql}::date - {a.sql}::date)"
        return made(f"({days} / {7 if part == 'week' else 1})::bigint", Kind.INT, a, b, high=4e6)
    ends = [f"extract(epoch FROM {_trunc(part, x.sql)})" for x in (a, b)]
    return made(f"div({ends[1]} - {ends[0]}, {_SECONDS[part]})::bigint", Kind.INT, a, b, high=1e12)


def moved(a: Value, b: Value, sign: str) -> Value | None:
    """DATE ± days, temporal ± INTERVAL, DATE - DATE; ``None`` of anything else."""
    if a.kind is Kind.DATE and b.kind is Kind.DATE and sign == "-":
        return made(f"({a.sql} - {b.sql})::bigint", Kind.INT, a, b, high=4e6)
    if a.kind is Kind.DATE and b.kind is Kind.INT:
        days = made(f"({a.sql} - DATE '1970-01-01' {sign} {b.sql})", Kind.INT, a, b)

        def guarded(n: str) -> str:  # the days first: neither sum can then leave what its type holds
            landed = (
                f"CASE WHEN {days.sql} BETWEEN -719162 AND 2932896 THEN DATE '1970-01-01' + {days.sql}::integer END"
            )
            return f"CASE WHEN {n} BETWEEN -{_DAYS_MAX} AND {_DAYS_MAX} THEN {landed} END"

        return made(guarded(b.sql), Kind.DATE, a, b)
    if a.kind in (Kind.DATE, Kind.TIME) and b.kind is Kind.SPAN:
        return made(f"({moment(a).sql} {sign} {b.sql})", Kind.TIME, a, b)
    return None


def interval(_: Expressions, node: exp.Interval) -> Value:
    """INTERVAL 'n' part."""
    strict(node, "this", "unit")
    count, part = int(node.this.name), node.args["unit"].name.lower().removesuffix("s")
    days = abs(count) * _LENGTH_DAYS.get(part, 1) / (86_400 / _SECONDS[part] if part in _SECONDS else 1)
    if part not in (*_LENGTH_DAYS, *_SECONDS) or days > 366 * 4000:
        raise Untranslatable("this INTERVAL", "Use at most 4,000 years.")
    if part == "quarter":
        count, part = 3 * count, "month"
    return made(f"INTERVAL '{count} {part}'", Kind.SPAN)


def last_day(t: Expressions, node: exp.LastDay) -> Value:
    """LAST_DAY of the month."""
    strict(node, "this")
    x = t.value(node.this)
    return made(f"({_trunc('month', moment(x).sql)} + INTERVAL '1 month' - INTERVAL '1 day')::date", Kind.DATE, x)


def written(t: Expressions, node: exp.Expr) -> Value:
    """STRFTIME with the specifiers that both engines write alike; DAYNAME, MONTHNAME."""
    x = moment(t.value(node.this))
    if isinstance(node, exp.TimeToStr):
        strict(node, "this", "format")
        pattern = "".join(_piece(p) for p in re.findall(r"%-?.|[^%]+", node.args["format"].name, re.DOTALL))
    else:
        strict(node, "this", "abbreviated")
        pattern = "FMDay" if isinstance(node, exp.Dayname) else "FMMonth"
    return made(f"to_char({x.sql}, {t.literal(pattern)})", Kind.TEXT, x)


def _piece(p: str) -> str:
    if not p.startswith("%"):
        if re.search(r'["\\]', p):
            raise Untranslatable("STRFTIME with quotes in its format")
        return f'"{p}"'
    if p == "%%":
        return '"%"'
    if p[1:] not in _FORMATS:
        raise Untranslatable(f"STRFTIME with {p}", "Use %Y, %m, %d, %H, %M, %S, %b, %B, %a or %A.")
    return _FORMATS[p[1:]]


NODES: dict[type[exp.Expr], Any] = {
    exp.Extract: extract, exp.TimestampTrunc: truncated, exp.DateTrunc: truncated, exp.DateDiff: difference, exp.Interval: interval,
    exp.LastDay: last_day, exp.TimeToStr: written, exp.Dayname: written, exp.Monthname: written,
}  # fmt: skip
