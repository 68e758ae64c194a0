"""Whether a group key's values are known from public facts alone, and how many there are."""

from __future__ import annotations

import math

from .bounds import Facts, Type
from .expr import Exists, Expr, InRelation, Ref, Scalar, Window

KEY_VALUES_MAX = 100_000
CELLS_MAX = 200_000


def column_size(f: Facts) -> int | None:
    """How many values besides NULL the column can take, when that is public and countable."""
    if f.domain is not None:
        return len(f.domain)
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
    if any(isinstance(n, Exists | InRelation | Scalar | Window) for n in e.walk()):
        return None
    size = 1
    seen: set[int] = set()
    for n in e.walk():
        if isinstance(n, Ref) and n.id not in seen:
            seen.add(n.id)
            values = column_size(n.facts)
            if values is None:
                return None
            size *= max(values, 1) + 1
    return size if size <= KEY_VALUES_MAX else None


def public_cells(keys: list[Expr]) -> bool:
    """All keys can be enumerated and their product is not too large to give every combination a noisy row."""
    cells = 1
    for key in keys:
        size = key_size(key)
        if size is None:
            return False
        cells *= max(size, 1)
    return cells <= CELLS_MAX * 8
