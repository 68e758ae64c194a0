"""Are two results the same rows? With the tolerance that integers on a public grid need, and no other."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import Any

REL, ABS = 1e-5, 1e-6


def cell(value: Any) -> Any:
    """One form for one value: dates as text, a midnight as its date, numbers as floats."""
    if isinstance(value, dt.datetime):
        value = value.isoformat()
    if isinstance(value, dt.date):
        value = value.isoformat()
    if isinstance(value, str) and value.endswith("T00:00:00"):
        return value.removesuffix("T00:00:00")
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int | Decimal):
        return float(value)
    if isinstance(value, float):
        return None if math.isnan(value) or math.isinf(value) else value
    return str(value)


def close(got: Any, expected: Any, rel: float, within: float) -> bool:
    """Equal, for numbers up to the tolerance."""
    if isinstance(got, float) and isinstance(expected, float):
        return abs(got - expected) <= max(within, rel * abs(expected))
    return bool(got == expected)


def difference(
    kinds: tuple[str, ...], got: list[tuple[Any, ...]], expected: list[tuple[Any, ...]],
    *, rel: float = REL, within: float = ABS, ordered: bool = False,
) -> str | None:  # fmt: skip
    """What tells the two results apart in words, ``None`` when nothing does.

    SUM, AVG and the like over no values are NULL in SQL; noise cannot tell nothing from zero, so there any number passes.
    """
    left = [tuple(map(cell, r)) for r in got]
    right = [tuple(map(cell, r)) for r in expected]
    if len(left) != len(right):
        keys = [i for i, k in enumerate(kinds) if k in ("key", "public")]
        a, b = ({tuple(r[i] for i in keys) for r in rows} for rows in (left, right))
        return f"{len(left)} rows, expected {len(right)}; missing {_few(b - a)}, extra {_few(a - b)}"
    if not ordered:
        exact = [i for i, k in enumerate(kinds) if k in ("key", "public")]
        left, right = (sorted(rows, key=lambda r: _order(r, exact)) for rows in (left, right))
    for a, b in zip(left, right, strict=True):
        for kind, x, y in zip(kinds, a, b, strict=True):
            empty = y is None and kind in ("noisy", "derived")
            if not empty and not close(x, y, rel, within):
                return f"{a}, expected {b}"
    return None


def _order(row: tuple[Any, ...], first: list[int]) -> list[Any]:
    rest = [i for i in range(len(row)) if i not in first]
    return [_sortable(row[i]) for i in (*first, *rest)]


def _sortable(value: Any) -> tuple[Any, ...]:
    if isinstance(value, float):
        return (1, float(f"{value:.6g}"))
    return (2, str(value)) if value is not None else (3,)


def _few(items: set[Any]) -> list[Any]:
    return sorted(items, key=str)[:4]
