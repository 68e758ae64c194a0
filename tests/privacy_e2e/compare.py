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
    if ordered:
        wrong = [(a, b) for a, b in zip(left, right, strict=True) if not _same(kinds, a, b, rel, within)]
        return f"{wrong[0][0]}, expected {wrong[0][1]}" if wrong else None
    return _unmatched(kinds, left, right, rel, within)


def _same(kinds: tuple[str, ...], a: tuple[Any, ...], b: tuple[Any, ...], rel: float, within: float) -> bool:
    cells = zip(kinds, a, b, strict=True)
    return all((y is None and kind in ("noisy", "derived")) or close(x, y, rel, within) for kind, x, y in cells)


def _unmatched(
    kinds: tuple[str, ...], got: list[tuple[Any, ...]], expected: list[tuple[Any, ...]], rel: float, within: float
) -> str | None:
    """The first expected row that no row of its own is like. Rows with the fewest NULLs choose first."""
    left = sorted(got, key=_order)
    for row in sorted(sorted(expected, key=_order), key=lambda r: r.count(None)):
        found = next((i for i, r in enumerate(left) if _same(kinds, r, row, rel, within)), None)
        if found is None:
            return f"nothing like {row} in {left[:3]}"
        left.pop(found)
    return None


def _order(row: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    return [(1, v) if isinstance(v, float) else (2, str(v)) if v is not None else (3,) for v in row]


def _few(items: set[Any]) -> list[Any]:
    return sorted(items, key=str)[:4]
