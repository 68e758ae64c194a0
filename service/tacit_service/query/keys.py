"""Whether a group key's values are known from public facts alone, and how many there are."""

from __future__ import annotations

import math

from .bounds import DAY_US, Facts, Type
from .expr import Call, Cast, Exists, Expr, InRelation, Param, Ref, Scalar, Window

BY_DAY = {"trunc_year", "trunc_quarter", "trunc_month", "trunc_week", "trunc_day", "part_year", "part_quarter", "part_month",
          "part_week", "part_day", "part_isoyear", "part_yearweek", "part_dayofweek", "part_isodow", "part_dayofyear",
          "monthname", "dayname", "last_day"}  # fmt: skip
KEY_VALUES_MAX = 100_000
CELLS_MAX = 200_000


def column_size(f: Facts) -> int | None:
    """How many values besides NULL the column can take, when that is public and countable.

    A timestamp counts its days: see ``by_day``.
    """
    if f.domain is not None:
        return len(f.domain)
    if f.type is Type.TIMESTAMP and f.proven and f.bounds.finite:
        lo, hi = f.bounds.ends()
        return math.floor(hi / DAY_US) - math.floor(lo / DAY_US) + 1
    if f.type in (Type.INTEGER, Type.DATE) and f.proven and f.bounds.finite:
        lo, hi = f.bounds.ends()
        return math.floor(hi) - math.ceil(lo) + 1
    return None


def key_size(e: Expr) -> int | None:
    """An upper bound on the number of values of a key that public facts enumerate; ``None`` when they do not.

    Either the expression itself has a closed domain (categories, CASE over constants), or all columns that it reads do,
    so that it can be evaluated over every combination of their values.
    """
    if e.facts.domain is not None:
        return len(e.facts.domain) + 1
    if any(isinstance(n, Exists | InRelation | Scalar | Window | Param) for n in e.walk()):
        return None
    size = 1
    seen: set[int] = set()
    if not by_day(e):
        return None
    for n in e.walk():
        if isinstance(n, Ref) and n.id not in seen:
            seen.add(n.id)
            values = column_size(n.facts)
            if values is None:
                return None
            size *= max(values, 1) + 1
    return size if size <= KEY_VALUES_MAX else None


def by_day(e: Expr) -> bool:
    """Timestamps occur only inside functions that are constant within a day, so that its days stand for all its values."""
    if isinstance(e, Ref):
        return e.facts.type is not Type.TIMESTAMP or e.facts.domain is not None
    if isinstance(e, Call) and e.name in BY_DAY and isinstance(e.args[0], Ref):
        return True
    if isinstance(e, Cast) and e.facts.type is Type.DATE and isinstance(e.arg, Ref):
        return True
    return all(by_day(c) for c in e.children())


def public_cells(keys: list[Expr]) -> bool:
    """All keys can be enumerated and their product is not too large to give every combination a noisy row."""
    cells = 1
    for key in keys:
        size = key_size(key)
        if size is None:
            return False
        cells *= max(size, 1)
    return cells <= CELLS_MAX * 8
