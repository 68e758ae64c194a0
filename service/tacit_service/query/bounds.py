"""Types, and what is publicly known of an expression's values: interval bounds by exact rational arithmetic.

An interval is a public fact that holds for *every* database the policy admits (the snapshot clamps values to their
declared bounds when it is built), so that integer ranges proven here are proven for the data too. ``None`` as an
endpoint means unbounded. Dates are day ordinals since 1970-01-01, timestamps microseconds since then.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

INT64_MAX = 2**63 - 1
DAY_US = 86_400_000_000  # microseconds of a day


class Type(enum.StrEnum):
    """Type of an expression. NUMBER is a 64-bit float inside the engine, INTEGER a 64-bit integer."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"
    STRING = "string"
    DATE = "date"
    TIMESTAMP = "timestamp"
    INTERVAL = "interval"
    IMAGE = "image"  # a fixed number of 8-bit values; only training reads it
    NULL = "null"

    @property
    def numeric(self) -> bool:
        """INTEGER or NUMBER."""
        return self in (Type.INTEGER, Type.NUMBER)

    @property
    def temporal(self) -> bool:
        """DATE or TIMESTAMP."""
        return self in (Type.DATE, Type.TIMESTAMP)


@dataclass(frozen=True, slots=True)
class Interval:
    """Closed interval of rationals; ``None`` is minus or plus infinity.

    >>> Interval.of(1, 3) - Interval.of(0, 1)
    [0, 3]
    >>> Interval.of(10, 20) / Interval.of(2, 4)
    [5/2, 10]
    >>> Interval.of(1, 2) / Interval.of(-1, 1)
    [-inf, inf]
    """

    lo: Fraction | None = None
    hi: Fraction | None = None

    @classmethod
    def of(cls, lo: Any, hi: Any) -> Interval:
        """Interval of two numbers (int, Fraction, Decimal, finite float) or ``None``."""
        return cls(None if lo is None else Fraction(lo), None if hi is None else Fraction(hi))

    @property
    def finite(self) -> bool:
        """Both ends are known."""
        return self.lo is not None and self.hi is not None

    def ends(self) -> tuple[Fraction, Fraction]:
        """Both ends of a finite interval."""
        if self.lo is None or self.hi is None:
            raise ValueError("unbounded interval")
        return self.lo, self.hi

    def __repr__(self) -> str:
        return f"[{'-inf' if self.lo is None else self.lo}, {'inf' if self.hi is None else self.hi}]"

    def within_int64(self) -> bool:
        """Every value fits a 64-bit integer."""
        return self.lo is not None and self.hi is not None and self.lo >= -INT64_MAX and self.hi <= INT64_MAX

    def __neg__(self) -> Interval:
        return Interval(None if self.hi is None else -self.hi, None if self.lo is None else -self.lo)

    def __add__(self, other: Interval) -> Interval:
        return Interval(_opt(self.lo, other.lo, lambda a, b: a + b), _opt(self.hi, other.hi, lambda a, b: a + b))

    def __sub__(self, other: Interval) -> Interval:
        return self + (-other)

    def __mul__(self, other: Interval) -> Interval:
        if not (self.finite and other.finite):
            if _nonneg(self) and _nonneg(other):
                lo = (self.lo or Fraction(0)) * (other.lo or Fraction(0))
                return Interval(lo, None)
            return Interval()
        a, b = self.ends()
        c, d = other.ends()
        products = (a * c, a * d, b * c, b * d)
        return Interval(min(products), max(products))

    def __truediv__(self, other: Interval) -> Interval:
        if (other.lo is not None and other.lo > 0) or (other.hi is not None and other.hi < 0):
            inverse = Interval(
                None if other.hi is None and other.lo is None else _inverse(other.hi), _inverse(other.lo)
            )
            if other.hi is None:
                inverse = Interval(Fraction(0), _inverse(other.lo))
            elif other.lo is None:
                inverse = Interval(_inverse(other.hi), Fraction(0))
            return self * inverse
        return Interval()

    def hull(self, other: Interval) -> Interval:
        """Smallest interval that holds both."""
        return Interval(_opt(self.lo, other.lo, min), _opt(self.hi, other.hi, max))

    def meet(self, other: Interval) -> Interval:
        """What both allow. An empty meet collapses to its lower end: no row will pass the filter that caused it."""
        lo = other.lo if self.lo is None else self.lo if other.lo is None else max(self.lo, other.lo)
        hi = other.hi if self.hi is None else self.hi if other.hi is None else min(self.hi, other.hi)
        if lo is not None and hi is not None and lo > hi:
            hi = lo
        return Interval(lo, hi)

    def absolute(self) -> Interval:
        """Bounds of ABS(a)."""
        if self.lo is not None and self.lo >= 0:
            return self
        top = max(-self.lo, self.hi) if self.lo is not None and self.hi is not None else None
        if self.hi is not None and self.hi <= 0:
            return Interval(-self.hi, top)
        return Interval(Fraction(0), top)

    def monotone(self, f: Callable[[float], float]) -> Interval:
        """Bounds of a non-decreasing float function, widened by a relative 1e-9 against rounding."""
        return Interval(_apply(self.lo, f, -1), _apply(self.hi, f, +1))

    def widen(self, by: Fraction) -> Interval:
        """Both ends moved outward by ``by``."""
        return Interval(None if self.lo is None else self.lo - by, None if self.hi is None else self.hi + by)

    def floor_ends(self) -> Interval:
        """Bounds of FLOOR/CEIL/ROUND of a: the integers around."""
        return Interval(
            None if self.lo is None else Fraction(math.floor(self.lo)),
            None if self.hi is None else Fraction(math.ceil(self.hi)),
        )


def _opt(a: Fraction | None, b: Fraction | None, f: Callable[[Fraction, Fraction], Fraction]) -> Fraction | None:
    return None if a is None or b is None else f(a, b)


def _inverse(a: Fraction | None) -> Fraction | None:
    return None if a is None else 1 / a


def _nonneg(a: Interval) -> bool:
    return a.lo is not None and a.lo >= 0


def _apply(end: Fraction | None, f: Callable[[float], float], side: int) -> Fraction | None:
    if end is None:
        return None
    try:
        y = f(float(end))
    except (OverflowError, ValueError):
        return None
    if not math.isfinite(y):
        return None
    return Fraction(y) + side * (abs(Fraction(y)) * Fraction(1, 10**9) + Fraction(1, 10**12))


@dataclass(frozen=True, slots=True)
class Facts:
    """Public knowledge of one expression.

    - ``domain``: a closed, ordered set of public values that it can take besides NULL (``None`` when not known);
    - ``grid``: its values are integer multiples of this, when known;
    - ``unit``: it equals the row's privacy unit id, or is NULL; ``per_unit``: all rows of a unit agree on it;
    - ``key_null``: NULL is a declared key; ``unique``: a key of its public table;
    - ``origin``: the policy column it is ("visits.visit_id"); ``links``: the policy column that its declared path equals;
    - ``proven``: the bounds hold of every row (else they are only where a value is clamped);
    - ``public``: the scan of a public table that it is a column of; ``unit_rank``: it counts 1, 2, 3 … over the unit's rows;
    - ``size``: how many times longer than a column's text it may be; ``shape``: of an image.
    """

    type: Type
    bounds: Interval = Interval()
    nullable: bool = True
    domain: tuple[Any, ...] | None = None
    grid: Fraction | None = None
    unit: bool = False
    per_unit: bool = False
    key_null: bool = False
    unique: bool = False
    origin: str | None = None
    links: str | None = None
    proven: bool = True
    public: int = 0
    unit_rank: bool = False
    size: int = 1
    shape: tuple[int, ...] = ()

    def with_(self, **changes: Any) -> Facts:
        """A copy with some facts changed."""
        return replace(self, **changes)
