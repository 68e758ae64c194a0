"""Dates and timestamps: parts, truncation, differences, arithmetic within the calendar of years 2 to 9999."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from .casts import convert
from .scope import literal
from .value import Kind, Untranslatable, Value, made, strict

if TYPE_CHECKING:
    from .expressions import Expressions

_SECONDS = {"hour": 3600, "minute": 60, "second": 1}
_MONTHS = {"year": 12, "quarter": 3, "month": 1}
_PARTS = {
    "year": "year({})", "quarter": "quarter({})", "month": "month({})", "week": "weekofyear({})", "day": "day({})",
    "dow": "(dayofweek({}) - 1)", "dayofweek": "(dayofweek({}) - 1)", "isodow": "(weekday({}) + 1)", "doy": "dayofyear({})",
    "dayofyear": "dayofyear({})", "hour": "hour({})", "minute": "minute({})", "second": "second({})",
    "isoyear": "extract(YEAROFWEEK FROM {})", "yearweek": "(extract(YEAROFWEEK FROM {0}) * 100 + weekofyear({0}))",
}  # fmt: skip
_NAMES = {
    "month": ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
              "December"),
    "day": ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"),
}  # fmt: skip
_LENGTH_DAYS = {"year": 366, "quarter": 92, "month": 31, "week": 7, "day": 1}
_DAYS_MAX = 4_000_000
"""No sum of a date and more days than these is within the calendar."""


def moment(x: Value) -> Value:
    """A date or timestamp as a timestamp."""
    if x.kind not in (Kind.DATE, Kind.TIME, Kind.NULL):
        raise Untranslatable(f"a {x.kind} as a timestamp")
    return convert(x, Kind.TIME)


def instant(x: Value) -> str:
    """As Spark's other type of timestamps, which some functions want. The session's time zone is UTC."""
    return f"CAST({moment(x).sql} AS TIMESTAMP)"


def _integer(text: str, high: float) -> Value:
    return made(f"CAST({text} AS BIGINT)", Kind.INT, -high, high)


def extract(t: Expressions, node: exp.Extract) -> Value:
    """EXTRACT(part FROM x): whole seconds, ISO weeks, Sunday as day 0."""
    strict(node, "this", "expression")
    part = node.this.name.lower()
    x = t.value(node.expression)
    source = x.sql if x.kind in (Kind.DATE, Kind.TIME) and part not in _SECONDS else moment(x).sql
    if part == "epoch":
        return made(f"(CAST(unix_micros({instant(x)}) AS DOUBLE) / 1000000.0D)", Kind.FLOAT, -1e12, 1e12)
    if part not in _PARTS:
        raise Untranslatable(f"EXTRACT({part} FROM …)")
    return _integer(_PARTS[part].format(source), 1e6)


def truncated(t: Expressions, node: exp.Expr) -> Value:
    """DATE_TRUNC, which gives a timestamp."""
    strict(node, "this", "unit")
    x, part = t.value(node.this), _unit(node.args["unit"])
    return made(f"CAST({_trunc(part, x)} AS TIMESTAMP_NTZ)", Kind.TIME)


def _unit(node: exp.Expr) -> str:
    part = node.name.lower()
    if part not in (*_MONTHS, *_SECONDS, "week", "day"):
        raise Untranslatable(f"the date part {part}")
    return part


def _trunc(part: str, x: Value) -> str:
    return f"date_trunc('{part.upper()}', {instant(x)})"


def difference(t: Expressions, node: exp.DateDiff) -> Value:
    """DATE_DIFF: how many borders of the part lie between the two; of weeks, how many times seven days."""
    strict(node, "this", "expression", "unit")
    part = _unit(node.args["unit"])
    a, b = moment(t.value(node.expression)), moment(t.value(node.this))
    if part in _MONTHS:
        step = _MONTHS[part]  # years begin at 1: all of these are positive, and division goes down
        ends = [f"((year({x.sql}) * 12 + month({x.sql}) - 1) div {step})" for x in (a, b)]
        return _integer(f"({ends[1]} - {ends[0]})", 2e5)
    if part in ("week", "day"):
        days = f"datediff(CAST({b.sql} AS DATE), CAST({a.sql} AS DATE))"
        return _integer(f"({days} div {7 if part == 'week' else 1})", 4e6)
    ends = [f"unix_seconds({_trunc(part, x)})" for x in (a, b)]
    return _integer(f"(({ends[1]} - {ends[0]}) div {_SECONDS[part]})", 1e12)


def moved(a: Value, b: Value, sign: str) -> Value | None:
    """DATE ± days, temporal ± INTERVAL, DATE - DATE; ``None`` of anything else."""
    if a.kind is Kind.DATE and b.kind is Kind.DATE and sign == "-":
        return _integer(f"datediff({a.sql}, {b.sql})", 4e6)
    if a.kind is Kind.DATE and b.kind is Kind.INT:
        first = "DATE '1970-01-01'"  # the days first: neither sum can then leave what its type holds
        days = f"(CAST(datediff({a.sql}, {first}) AS BIGINT) {sign} {b.sql})"
        landed = f"CASE WHEN {days} BETWEEN -719162L AND 2932896L THEN date_add({first}, CAST({days} AS INT)) END"
        return made(f"CASE WHEN {b.sql} BETWEEN -{_DAYS_MAX}L AND {_DAYS_MAX}L THEN {landed} END", Kind.DATE)
    if a.kind in (Kind.DATE, Kind.TIME) and b.kind is Kind.SPAN:
        return made(f"({moment(a).sql} {sign} {b.sql})", Kind.TIME)
    return None


def interval(_: Expressions, node: exp.Interval) -> Value:
    """INTERVAL 'n' part: of months, or of days and seconds."""
    strict(node, "this", "unit")
    count, part = int(node.this.name), node.args["unit"].name.lower().removesuffix("s")
    days = abs(count) * _LENGTH_DAYS.get(part, 1) / (86_400 / _SECONDS[part] if part in _SECONDS else 1)
    if part not in (*_LENGTH_DAYS, *_SECONDS) or days > 366 * 4000:
        raise Untranslatable("this INTERVAL", "Use at most 4,000 years.")
    if part in _MONTHS:
        months = count * _MONTHS[part]
        return made(f"make_ym_interval(0, {months})", Kind.SPAN)
    seconds = count * (_SECONDS.get(part) or _LENGTH_DAYS[part] * 86_400)
    whole, rest = divmod(abs(seconds), 86_400)
    sign = "-" if seconds < 0 else ""
    return made(f"make_dt_interval({sign}{whole}, 0, 0, {sign}{rest})", Kind.SPAN)


def last_day(t: Expressions, node: exp.LastDay) -> Value:
    """LAST_DAY of the month."""
    strict(node, "this")
    return made(f"last_day(CAST({moment(t.value(node.this)).sql} AS DATE))", Kind.DATE)


def _two(text: str, width: int = 2) -> str:
    return f"lpad(CAST({text} AS STRING), {width}, '0')"


def _named(what: str, x: str, letters: int = 0) -> str:
    names = ", ".join(literal(n[:letters] if letters else n) for n in _NAMES[what])
    return f"get(array({names}), {'month' if what == 'month' else 'dayofweek'}({x}) - 1)"


def written(t: Expressions, node: exp.Expr) -> Value:
    """STRFTIME with specifiers of two engines' accord; DAYNAME, MONTHNAME."""
    x = moment(t.value(node.this)).sql
    if not isinstance(node, exp.TimeToStr):
        strict(node, "this", "abbreviated")
        return made(_named("day" if isinstance(node, exp.Dayname) else "month", x), Kind.TEXT)
    strict(node, "this", "format")
    if not isinstance(node.args["format"], exp.Literal):
        raise Untranslatable("STRFTIME with a format that is no constant")
    parts = [_piece(p, x) for p in re.findall(r"%-?.|[^%]+", node.args["format"].name, re.DOTALL)]
    return made(f"concat({', '.join(parts) or literal('')})", Kind.TEXT)


def _piece(p: str, x: str) -> str:
    if not p.startswith("%"):
        return literal(p)
    twelve = f"CASE WHEN hour({x}) % 12 = 0 THEN 12 ELSE hour({x}) % 12 END"
    found = {
        "%%": literal("%"), "%Y": _two(f"year({x})", 4), "%m": _two(f"month({x})"), "%d": _two(f"day({x})"),
        "%H": _two(f"hour({x})"), "%M": _two(f"minute({x})"), "%S": _two(f"second({x})"), "%y": _two(f"year({x}) % 100"),
        "%j": _two(f"dayofyear({x})", 3), "%B": _named("month", x), "%b": _named("month", x, 3), "%A": _named("day", x),
        "%a": _named("day", x, 3), "%I": _two(f"({twelve})"), "%p": f"CASE WHEN hour({x}) < 12 THEN 'AM' ELSE 'PM' END",
    }.get(p)  # fmt: skip
    if found is None:
        raise Untranslatable(f"STRFTIME with {p}", "Use %Y, %m, %d, %H, %M, %S, %b, %B, %a or %A.")
    return found


NODES: dict[type[exp.Expr], Any] = {
    exp.Extract: extract, exp.TimestampTrunc: truncated, exp.DateTrunc: truncated, exp.DateDiff: difference, exp.Interval: interval,
    exp.LastDay: last_day, exp.TimeToStr: written, exp.Dayname: written, exp.Monthname: written,
}  # fmt: skip
