"""One measured column as SVG, its intervals drawn: bars for named groups, a band with a line over dates and numbers.

No script, no outside address, and every text from the service escaped: a notebook shows it as it is. Lines take the page's own
colour, so that it reads in the dark too.
"""

from __future__ import annotations

import datetime as dt
import html
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tacit._text import clean, exact, with_interval

if TYPE_CHECKING:
    from tacit.release import Value
    from tacit.wire import ColumnInfo

Span = tuple[float, float] | None
Point = tuple["Value", float, tuple[float, float]]

POINTS_MAX = 400
BARS_MAX = 40
_WIDTH, _LABELS, _NUMBERS, _BAR, _LINE_HEIGHT = 640, 150, 130, 22, 220
_INK = "#4c78a8"
_LABEL_CHARS_MAX = 22


def measures(columns: Sequence[ColumnInfo]) -> list[int]:
    """Indices of the columns that can be drawn: measured numbers, and what is computed from them."""
    return [i for i, c in enumerate(columns) if c.kind in ("noisy", "derived") and c.type in ("integer", "number")]


def draw(
    columns: Sequence[ColumnInfo], rows: Sequence[Sequence[Value]], spans: Sequence[Sequence[Span]], measure: int
) -> str:
    """The chart of one column over the group's keys, or an empty string where there is nothing to compare."""
    keys = [i for i, column in enumerate(columns) if column.kind == "key"]
    points: list[Point] = []
    for row, intervals in zip(rows, spans, strict=True):
        value, span = row[measure], intervals[measure]
        if isinstance(value, int | float) and math.isfinite(value):
            low, high = span if span is not None else (float(value), float(value))
            if math.isfinite(low) and math.isfinite(high):
                label = row[keys[0]] if len(keys) == 1 else ", ".join(exact(row[i]) for i in keys)
                points.append((label, float(value), (low, high)))
    if len(points) < 2 or not keys:
        return ""
    title = clean(columns[measure].name)
    moving = len(keys) == 1 and columns[keys[0]].type in ("date", "timestamp", "integer", "number")
    if moving and all(point[0] is not None for point in points):
        return _lines(sorted(points[:POINTS_MAX], key=lambda point: _place(point[0])), title)
    return _bars(points[:BARS_MAX], title, columns[measure].type == "integer")


def _bars(points: Sequence[Point], title: str, whole: bool) -> str:
    low = min(0.0, *(span[0] for _, _, span in points))
    high = max(0.0, *(span[1] for _, _, span in points))
    scale = (_WIDTH - _LABELS - _NUMBERS) / ((high - low) or 1.0)

    def x(value: float) -> str:
        return f"{_LABELS + (value - low) * scale:.1f}"

    parts = []
    for number, (label, value, span) in enumerate(points):
        top, middle = number * _BAR + 4, number * _BAR + 12
        left, width = min(float(x(0)), float(x(value))), abs(value) * scale
        shown = " ".join(with_interval(int(value) if whole else value, span))
        parts.append(
            f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="16" fill="{_INK}" fill-opacity="0.45"/>'
            f'<path d="M{x(span[0])} {middle}H{x(span[1])}M{x(span[0])} {top + 3}v10M{x(span[1])} {top + 3}v10" '
            'stroke="currentColor" fill="none"/>'
            f"{_text(_LABELS - 6, middle + 4, _short(label), 'end')}"
            f"{_text(_WIDTH - _NUMBERS + 8, middle + 4, shown)}"
        )
    axis = f'<path d="M{x(0)} 0V{len(points) * _BAR + 2}" stroke="currentColor" stroke-opacity="0.4"/>'
    return _svg(len(points) * _BAR + 6, title, "".join(parts) + axis)


def _lines(points: Sequence[Point], title: str) -> str:
    places = [_place(label) for label, _, _ in points]
    low, high = min(span[0] for _, _, span in points), max(span[1] for _, _, span in points)
    left, right = places[0], places[-1]
    across = (_WIDTH - 100) / ((right - left) or 1.0)
    up = (_LINE_HEIGHT - 40) / ((high - low) or 1.0)

    def at(place: float, value: float) -> str:
        return f"{80 + (place - left) * across:.1f},{_LINE_HEIGHT - 28 - (value - low) * up:.1f}"

    upper = [at(place, span[1]) for place, (_, _, span) in zip(places, points, strict=True)]
    lower = [at(place, span[0]) for place, (_, _, span) in zip(places, points, strict=True)]
    line = [at(place, value) for place, (_, value, _) in zip(places, points, strict=True)]
    marks = "".join(f'<circle cx="{p.split(",")[0]}" cy="{p.split(",")[1]}" r="2" fill="{_INK}"/>' for p in line)
    body = (
        f'<polygon points="{" ".join([*upper, *reversed(lower)])}" fill="{_INK}" fill-opacity="0.25"/>'
        f'<polyline points="{" ".join(line)}" fill="none" stroke="{_INK}" stroke-width="1.5"/>{marks}'
        f"{_text(74, 18, f'{high:,.6g}', 'end')}{_text(74, _LINE_HEIGHT - 26, f'{low:,.6g}', 'end')}"
        f"{_text(80, _LINE_HEIGHT - 8, _short(points[0][0]))}"
        f"{_text(_WIDTH - 20, _LINE_HEIGHT - 8, _short(points[-1][0]), 'end')}"
    )
    return _svg(_LINE_HEIGHT, title, body)


def _place(label: Value) -> float:
    """Where a key lies on its axis: days for dates, the number itself for numbers."""
    if isinstance(label, dt.datetime):
        return (label - dt.datetime(1970, 1, 1)) / dt.timedelta(days=1)
    if isinstance(label, dt.date):
        return float(label.toordinal())
    return float(label) if isinstance(label, int | float) else 0.0


def _short(label: Value) -> str:
    text = clean(exact(label))
    return text if len(text) <= _LABEL_CHARS_MAX else f"{text[: _LABEL_CHARS_MAX - 1]}…"


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}">{html.escape(text)}</text>'


def _svg(height: int, title: str, body: str) -> str:
    name = html.escape(f"{title}, with 95 % intervals")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" '
        f'role="img" aria-label="{name}" font-family="sans-serif" font-size="12" fill="currentColor">'
        f"<title>{name}</title>{body}</svg>"
    )
