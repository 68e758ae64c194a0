"""A translated expression: its SQL, its type, and how small and how large its numbers can be.

PostgreSQL raises where DuckDB gives infinity, zero or NULL: on overflow, on underflow, on a division by zero. Which of
these could happen must not depend on data, so every number carries the range of magnitudes that its type and the policy's
bounds allow, and an operation that could leave what a double holds is refused before anyone pays.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sqlglot import exp

LARGEST = 1.7976931348623157e308
SMALLEST = 1e-300  # above the least double: room for the last rounding
INT64, INT128 = float(2**63), float(2**127)
SHORT = 60
"""Longer texts are written once and named, instead of being repeated."""


class Kind(enum.StrEnum):
    """Type of a value. INT is a 64-bit integer; WIDE an exact integer of any size, which sums of integers are."""

    BOOL = "boolean"
    INT = "integer"
    WIDE = "wide integer"
    FLOAT = "number"
    TEXT = "text"
    DATE = "date"
    TIME = "timestamp"
    SPAN = "interval"
    NULL = "null"

    @property
    def whole(self) -> bool:
        """An integer."""
        return self in (Kind.INT, Kind.WIDE)

    @property
    def number(self) -> bool:
        """An integer or a float."""
        return self in (Kind.INT, Kind.WIDE, Kind.FLOAT)


TYPES = {Kind.BOOL: "boolean", Kind.INT: "bigint", Kind.WIDE: "numeric", Kind.FLOAT: "float8", Kind.TEXT: "text",
         Kind.DATE: "date", Kind.TIME: "timestamp", Kind.SPAN: "interval", Kind.NULL: "text"}  # fmt: skip


class Untranslatable(Exception):
    """This engine has no such thing; the text says what, and nothing of the data."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Value:
    """``sql`` of a ``kind``. Its nonzero finite numbers have a magnitude within [``low``, ``high``].

    ``rowwise``: no aggregate or window function is inside, so that the text may stand in a subquery of its own.
    ``constant``: the value of a literal. ``plain_text``: text that was a literal or a column, ordered as bytes.
    """

    sql: str
    kind: Kind
    low: float = 0.0
    high: float = LARGEST
    rowwise: bool = True
    constant: Any = None

    def named(self, sql: str) -> Value:
        """The same values under another text."""
        return replace(self, sql=sql, rowwise=True, constant=None)


def made(sql: str, kind: Kind, *parts: Value, low: float | None = None, high: float | None = None) -> Value:
    """A value computed of ``parts``."""
    top = {Kind.INT: INT64, Kind.WIDE: INT128}.get(kind, LARGEST)
    bottom = 1.0 if kind.whole else 0.0
    high, low = top if high is None else min(high, top), bottom if low is None else max(low, bottom)
    return Value(sql, kind, low, high, all(p.rowwise for p in parts))


def once(x: Value, body: Callable[[str], str]) -> str:
    """``body`` of the value, whose text is not repeated where it is long.

    An aggregate or a window function belongs to the SELECT that it stands in: those are repeated, never moved.
    """
    if len(x.sql) <= SHORT or not x.rowwise:
        return body(x.sql)
    return f"(SELECT {body('_v')} FROM (SELECT {x.sql} AS _v) AS _once)"


def within(what: str, low: float, high: float) -> tuple[float, float]:
    """The range, where every double of it is normal; refused otherwise."""
    if high > LARGEST or low < SMALLEST:
        raise Untranslatable(
            f"{what} of numbers that may be larger or smaller than a double holds",
            "Declare bounds and a precision of the columns, or bring the values within bounds by LEAST and GREATEST.",
        )
    return low, high


def strict(node: exp.Expr, *known: str) -> None:
    """Every part of the node that is set has a reader here."""
    ignored = {"big_int", "safe", "coalesce", "_type", "date_part_boundary"}
    for name, value in node.args.items():
        if name not in known and name not in ignored and value not in (None, False, [], ""):
            raise Untranslatable(f"{type(node).__name__} with {name}")
