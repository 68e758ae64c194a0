"""A translated expression: its SQL, its type, and between which numbers it lies.

Spark's doubles are IEEE's, as DuckDB's are; its integers raise on overflow. So integers carry the interval that types,
bounds and constants allow: where it fits 64 bits, plain operators run; where not, ``try_`` functions, which give NULL.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from tacit_service.engine.postgres.value import INT64, Kind, Untranslatable, strict

LARGEST = 1.7976931348623157e308
WIDEST = 1e38
"""No DECIMAL(38,0) is beyond."""
TEXT_MAX = 400_000
"""Characters of one expression: what is used twice is written twice, for Spark computes it once."""

TYPES = {Kind.BOOL: "BOOLEAN", Kind.INT: "BIGINT", Kind.WIDE: "DECIMAL(38,0)", Kind.FLOAT: "DOUBLE", Kind.TEXT: "STRING",
         Kind.DATE: "DATE", Kind.TIME: "TIMESTAMP_NTZ", Kind.NULL: "STRING"}  # fmt: skip
_ENDS = {Kind.INT: INT64, Kind.WIDE: WIDEST}


@dataclass(frozen=True, slots=True)
class Value:
    """``sql`` of a ``kind``, whose numbers lie within [``low``, ``high``] unless NULL or NaN.

    ``places``: a double that is the nearest to a decimal of so many places, and no -0.0. ``constant``: a literal's value.
    """

    sql: str
    kind: Kind
    low: float = -LARGEST
    high: float = LARGEST
    places: int | None = None
    constant: Any = None

    @property
    def size(self) -> float:
        """The largest magnitude."""
        return max(abs(self.low), abs(self.high))

    def named(self, sql: str) -> Value:
        """The same values under another text."""
        return replace(self, sql=sql, constant=None)

    def wrapped(self, sql: str, kind: Kind | None = None) -> Value:
        """The same numbers by another text, perhaps as another type."""
        return made(sql, kind or self.kind, self.low, self.high)


def made(sql: str, kind: Kind, low: float = -math.inf, high: float = math.inf) -> Value:
    """A computed value. ``Untranslatable`` where its text has grown too long."""
    if len(sql) > TEXT_MAX:
        raise Untranslatable("so long an expression", "Write it with fewer levels, or by a subquery.")
    end = _ENDS.get(kind, LARGEST)
    return Value(sql, kind, -end if math.isnan(low) else max(low, -end), end if math.isnan(high) else min(high, end))


def hull(values: Iterable[Value]) -> tuple[float, float]:
    """Between what a value lies that is one of these."""
    every = list(values)
    real = [v for v in every if v.kind is not Kind.NULL] or every
    return min(v.low for v in real), max(v.high for v in real)


__all__ = [
    "INT64",
    "LARGEST",
    "TEXT_MAX",
    "TYPES",
    "WIDEST",
    "Kind",
    "Untranslatable",
    "Value",
    "hull",
    "made",
    "strict",
]
