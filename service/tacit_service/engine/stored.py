"""What the snapshot has stored of a relation's rows, traced from the scan up: unit totals, whole multiples, ranks.

Everything here is a function of the plan alone. A stored total counts the rows of the unit's *table*; it is exact for
a relation that keeps either all rows of a unit or none, and an upper bound where rows can be missing. Both are sound:
the exact total weighs rows as the total computed in the query would, and a unit whose upper bound lies within the cap
needs no weighing. Units above it have their totals computed, so that no answer depends on what is stored.
"""

from __future__ import annotations

from collections.abc import Sequence

from tacit_service.query.expr import Expr, Ref, conjuncts
from tacit_service.query.plan import Filter, Join, Multiples, Project, Relation, RowCap, Scan
from tacit_service.query.rules.join import equates_units, matches_once

# a row of the other side may be missing, and its total with it
_KEPT_SIDES = {"inner": "lr", "left": "l", "right": "r", "full": "", "semi": "l", "anti": "l"}

TOTAL = "_n"
"""Column: the rows of the unit in its table."""


def steps_column(column: str) -> str:
    """Physical name of a column's whole multiples."""
    return f"_i_{column}"


def rank_columns(place: int) -> tuple[str, str]:
    """Physical names for the key set in that place: the group's rank among the unit's, and the row's in the group."""
    return f"_k{place}", f"_r{place}"


def totals_table(table: str) -> str:
    """Physical name of the table of (rows of a unit, units with so many)."""
    return f"_totals_{table}"


def total(r: Relation) -> bool | None:
    """Whether ``_n`` is exactly the unit's rows in ``r`` (True) or no less than they (False); ``None``: not there.

    Pre: ``r`` is protected. A join keeps exactness when only the unit decides it, for then all rows of a unit match or
    none does; it keeps the bound when each row has one match at most.
    """
    if isinstance(r, Scan):
        return True if r.stored is not None and r.stored.total else None
    if isinstance(r, Project):
        return total(r.input)
    if isinstance(r, Filter | RowCap):
        return None if total(r.input) is None else False
    if isinstance(r, Join) and (side := total_side(r)) is not None:
        mine, other = (r.left, r.right) if side == "l" else (r.right, r.left)
        exact = total(mine)
        kept = (r.kind == "left" and side == "l") or (r.kind == "right" and side == "r")
        single = r.kind in ("semi", "anti") or other.max_rows == 1
        by_unit = other.protected and single and _only_unit(r)
        return bool(exact and (by_unit or (kept and r.kind not in ("semi", "anti"))))
    return None


def total_side(r: Join) -> str | None:
    """The side of a join (``l``, ``r``) whose rows come out once at most, with their total."""
    for side, mine, other in (("l", r.left, r.right), ("r", r.right, r.left)):
        if not mine.protected or side not in _KEPT_SIDES[r.kind]:
            continue
        once = other.max_rows == 1 if other.protected else matches_once(mine, other, r.on)
        if (once or r.kind in ("semi", "anti")) and total(mine) is not None:
            return side
    return None


def _only_unit(r: Join) -> bool:
    parts = conjuncts(r.on) if r.on is not None else []
    if len(parts) != 1 or not equates_units(parts[0], r.left, r.right, by_path=False):
        return False
    return all(a.facts.per_unit for a in parts[0].children())  # an id that is NULL in some rows matches in others


def steps(r: Relation) -> dict[int, Multiples]:
    """Columns of ``r`` (by id) whose whole multiples come with it as ``i<id>``."""
    if isinstance(r, Scan):
        if r.stored is None:
            return {}
        return {c.id: whole for c, whole in zip(r.columns, r.stored.steps, strict=True) if whole is not None}
    if isinstance(r, Project):
        below = steps(r.input)
        pairs = zip(r.columns, r.exprs, strict=True)
        return {c.id: below[e.id] for c, e in pairs if isinstance(e, Ref) and e.id in below}
    if isinstance(r, Filter | RowCap):
        return steps(r.input)
    if isinstance(r, Join):
        return steps(r.left) if r.kind in ("semi", "anti") else {**steps(r.left), **steps(r.right)}
    return {}


def ranks(r: Relation, keys: Sequence[Expr]) -> int | None:
    """The place of the stored key set that is exactly ``keys``, where ``r`` has every row of every unit."""
    names = []
    for key in keys:
        if not isinstance(key, Ref):
            return None
        names.append(key.id)
    while isinstance(r, Project):
        below = {c.id: e.id for c, e in zip(r.columns, r.exprs, strict=True) if isinstance(e, Ref)}
        if any(i not in below for i in names):
            return None
        names = [below[i] for i in names]
        r = r.input
    if not isinstance(r, Scan) or r.stored is None:
        return None
    source = {c.id: name for c, name in zip(r.columns, r.source_names, strict=True)}
    wanted = {source[i] for i in names}
    if len(wanted) != len(names):
        return None
    return next((i for i, declared in enumerate(r.stored.ranks) if set(declared) == wanted), None)


def whole_table(r: Relation) -> str | None:
    """The table, where ``r`` has each of its rows once: what is counted by totals alone needs no scan."""
    while isinstance(r, Project):
        r = r.input
    return r.table if isinstance(r, Scan) and r.stored is not None and r.stored.total else None


def hidden(r: Relation) -> list[str]:
    """Names of the columns that the emitted ``r`` has beyond ``_u`` and its own."""
    names = [TOTAL] if r.protected and total(r) is not None else []
    names += [f"i{i}" for i in steps(r)]
    while isinstance(r, Project | Filter):
        r = r.input
    if isinstance(r, Scan) and r.stored is not None:
        names += [name for place in range(len(r.stored.ranks)) for name in rank_columns(place)]
    return names
