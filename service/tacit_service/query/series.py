"""A series of moments between constants (``generate_series(DATE '2024-01-01', DATE '2024-12-01', INTERVAL 1 MONTH)``) as constants."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Iterator

from sqlglot import exp

_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIMESTAMP = _DATE + r"([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?)?"  # no zone: DuckDB would move it to UTC
_TEXTS = {
    exp.DType.DATE: _DATE,  # with a time of day it is another moment to DuckDB, which drops that
    exp.DType.TIMESTAMP: _TIMESTAMP,
    exp.DType.TIMESTAMPNTZ: _TIMESTAMP,
    exp.DType.DATETIME: _TIMESTAMP,
}
_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_SECONDS = {"hour": 3_600, "minute": 60, "second": 1}


MOMENTS_MAX = 400  # of a series: a year of days; each is bound as an expression of its own


def moments(series: exp.GenerateSeries) -> list[exp.Expr] | None:
    """Its timestamps, none where there are more than ``MOMENTS_MAX``; ``None`` where an end or the step is no such constant.

    By months from the 29th on is left to DuckDB's own rules, and is none.
    """
    start, end = (_moment(series.args.get(k)) for k in ("start", "end"))
    step = _step(series.args.get("step"))
    if start is None or end is None or step is None or (step[0] and start.day > 28):
        return None
    exclusive = bool(series.args.get("is_end_exclusive"))
    within = itertools.takewhile(lambda t: t < end or (t == end and not exclusive), _from(start, *step))
    found = list(itertools.islice(within, MOMENTS_MAX + 1))
    if len(found) > MOMENTS_MAX:
        return []
    kind = exp.DataType(this=exp.DType.TIMESTAMP)
    return [exp.Cast(this=exp.Literal.string(t.isoformat(" ")), to=kind.copy()) for t in found]


def _from(start: dt.datetime, months: int, seconds: int) -> Iterator[dt.datetime]:
    for i in itertools.count():
        whole = start.year * 12 + start.month - 1 + i * months
        if whole // 12 > dt.MAXYEAR:
            return
        try:
            yield start.replace(year=whole // 12, month=whole % 12 + 1) + dt.timedelta(seconds=i * seconds)
        except OverflowError:
            return


def _moment(node: exp.Expr | None) -> dt.datetime | None:
    if not isinstance(node, exp.Cast) or not isinstance(node.this, exp.Literal) or not node.this.is_string:
        return None
    written = _TEXTS.get(node.to.this)
    if written is None or node.to.expressions or not re.fullmatch(written, node.name):
        return None
    try:
        return dt.datetime.fromisoformat(node.name)
    except ValueError:
        return None


def _step(node: exp.Expr | None) -> tuple[int, int] | None:
    """Months and seconds, one of which is above 0."""
    if not isinstance(node, (exp.Cast, exp.Interval)) or not isinstance(node.this, exp.Expr):
        return None
    written, unit = node.this.unnest(), node.args.get("unit")
    if not isinstance(written, exp.Literal) or isinstance(unit, exp.IntervalSpan):
        return None
    if isinstance(node, exp.Cast) and node.to.this is not exp.DType.INTERVAL:
        return None
    text = f"{written.name} {unit.name if unit else ''}".lower()
    found = re.fullmatch(r"([0-9]{1,4}) ([a-z]+?)s?", text.strip())
    if found is None or not int(found[1]):
        return None
    count, each_is = int(found[1]), found[2]
    if each_is in _MONTHS:
        return count * _MONTHS[each_is], 0
    each = _DAYS.get(each_is, 0) * 86_400 or _SECONDS.get(each_is, 0)
    return (0, count * each) if each else None
