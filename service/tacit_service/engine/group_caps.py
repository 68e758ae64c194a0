"""Texts of K × C: which groups of a unit count, and what its partial in a group is cut to. ``bounding`` has the argument."""

from __future__ import annotations

from tacit_service.query.plan import Measure, MeasureKind

from .ordering import group_order


def partial(m: Measure) -> str:
    """What counts of a unit's rows in one group: within [C·min(low, 0), C·max(high, 0)]."""
    if m.kind is MeasureKind.UNITS:
        return f"CASE WHEN q_{m.name} > 0 THEN 1 ELSE 0 END"
    if m.kind is MeasureKind.COUNT:
        return f"CASE WHEN q_{m.name} > {m.c} THEN {m.c} ELSE q_{m.name} END"
    v = f"v_{m.name}"
    if m.centred:
        return f"CASE WHEN q_{m.name} > {m.c} THEN ({v} * {m.c}) // q_{m.name} ELSE {v} END"
    low, high = m.c * min(m.low, 0), m.c * max(m.high, 0)
    if m.amount is not None:
        low, high = max(low, -m.amount), min(high, m.amount)
    return f"CASE WHEN {v} > {high} THEN {high} WHEN {v} < {low} THEN {low} ELSE {v} END"


def by_rank(m: Measure) -> str | None:
    """The measure's aggregate over rows, by ranks stored for its keys; ``None`` where rows alone do not tell it.

    The rows with group rank ≤ K and row rank ≤ C are at most C in each of at most K groups of a unit, and all of the
    unit's rows where it has no more: the count clamped to C. The first row of each group stands for the unit. ∎
    """
    if m.where or m.kind not in (MeasureKind.COUNT, MeasureKind.UNITS):
        return None
    rows = m.c if m.kind is MeasureKind.COUNT else 1
    return f"count(*) FILTER (WHERE {{group}} <= {m.k} AND {{row}} <= {rows})"


def kept_groups(keys: list[str], k: int) -> str:
    """``kept``: the rows of ``p`` whose group counts for its unit. Only units above K groups are ranked: few, as a rule."""
    over = f"many AS (SELECT _u FROM p GROUP BY _u HAVING count(*) > {k})"
    ranked = f"SELECT *, {rank(keys)} AS rk FROM p SEMI JOIN many USING (_u)"
    few = "SELECT * FROM p ANTI JOIN many USING (_u)"
    return f"{over}, kept AS ({few} UNION ALL SELECT * EXCLUDE (rk) FROM ({ranked}) WHERE rk <= {k})"


def rank(keys: list[str]) -> str:
    """Place of a group among the unit's groups, where each group is one row."""
    return f"row_number() OVER (PARTITION BY _u ORDER BY {group_order(keys)})"
