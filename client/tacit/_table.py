"""Answers as text and HTML tables: each number beside its interval, digits that mean nothing rounded away."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tacit._text import clean, exact, measured, pad, width, with_interval

if TYPE_CHECKING:
    from tacit.wire import Cell, ColumnInfo

_NUMERIC = ("integer", "number")
SURE = "membership: in how many re-draws of the noise the row is shown, or keeps its place"


def cells(
    columns: Sequence[ColumnInfo], rows: Sequence[Sequence[Cell]], intervals: Sequence[Sequence[Sequence[float] | None]]
) -> list[list[tuple[str, str]]]:
    """Display text of each cell as (value, interval), both already safe for a terminal."""
    return [
        [_cell(column, value, interval) for column, value, interval in zip(columns, row, spans, strict=True)]
        for row, spans in zip(rows, intervals, strict=True)
    ]


def with_membership(
    columns: Sequence[ColumnInfo], shown: list[list[tuple[str, str]]], membership: Sequence[float] | None
) -> tuple[list[ColumnInfo], list[list[tuple[str, str]]]]:
    """One more column at the end, ``membership``, where noise decides which rows are shown or in which order."""
    if membership is None:
        return list(columns), shown
    from tacit.wire import ColumnInfo

    sure = ColumnInfo(name="membership", type="number", kind="public")
    return [*columns, sure], [[*row, (percent(chance), "")] for row, chance in zip(shown, membership, strict=False)]


def percent(chance: float) -> str:
    """A share of re-draws, which never says all or none: there were a hundred or so.

    >>> percent(0.874), percent(1.0), percent(0.0)
    ('87 %', '> 99 %', '< 1 %')
    """
    whole = round(100 * chance)
    return "> 99 %" if whole > 99 else "< 1 %" if whole < 1 else f"{whole} %"


def _cell(column: ColumnInfo, value: Cell, interval: Sequence[float] | None) -> tuple[str, str]:
    if isinstance(value, int | float) and not isinstance(value, bool) and column.kind in ("noisy", "derived"):
        return with_interval(value, interval) if interval is not None else (measured(value), "")
    text = exact(value)
    return clean(text.replace("T", " ", 1) if column.type == "timestamp" else text), ""


def answer_lines(columns: Sequence[ColumnInfo], shown: Sequence[Sequence[tuple[str, str]]]) -> list[str]:
    """An aligned table, psql's way: values and half-widths each in a column of their own."""
    texts: list[list[str]] = [[] for _ in shown]
    for index in range(len(columns)):
        parts = [row[index] for row in shown]
        values, halves = (max((width(part[side]) for part in parts), default=0) for side in (0, 1))
        right = columns[index].type in _NUMERIC
        for row, (value, half) in zip(texts, parts, strict=True):
            text = pad(value, values, right=right)
            row.append(f"{text} {pad(half, halves, right=True)}" if halves else text)
    return lines([clean(column.name) for column in columns], texts, [column.type in _NUMERIC for column in columns])


def lines(headers: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool]) -> list[str]:
    """Rows of cleaned text under their headers, aligned."""
    widths = [max([width(header), *(width(row[i]) for row in rows)]) for i, header in enumerate(headers)]
    head = " | ".join(pad(header, w, right=r) for header, w, r in zip(headers, widths, right, strict=True))
    rule = "-+-".join("-" * columns for columns in widths)
    body = [
        " | ".join(pad(text, w, right=r) for text, w, r in zip(row, widths, right, strict=True)).rstrip()
        for row in rows
    ]
    return [f" {head.rstrip()}", f"-{rule}-", *(f" {line}" for line in body)]


def expanded_lines(columns: Sequence[ColumnInfo], shown: Sequence[Sequence[tuple[str, str]]]) -> list[str]:
    """One line a cell, as psql's ``\\x``."""
    names = [clean(column.name) for column in columns]
    widest = max((width(name) for name in names), default=0)
    result = []
    for number, row in enumerate(shown, start=1):
        result.append(f"-[ {number} ]".ljust(widest + 12, "-"))
        result += [
            f"{pad(name, widest)} | {f'{value} {half}'.rstrip()}"
            for name, (value, half) in zip(names, row, strict=True)
        ]
    return result


def answer_html(columns: Sequence[ColumnInfo], shown: Sequence[Sequence[tuple[str, str]]], caption: str) -> str:
    """The same table for a notebook. Everything that came from the service is escaped."""
    head = "".join(f"<th>{html.escape(clean(column.name))}</th>" for column in columns)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td style="text-align: {"right" if column.type in _NUMERIC else "left"}">{html.escape(value)}'
            + (f" <small>{html.escape(half)}</small></td>" if half else "</td>")
            for column, (value, half) in zip(columns, row, strict=True)
        )
        + "</tr>"
        for row in shown
    )
    return (
        f"<table><caption>{html.escape(clean(caption))}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )
