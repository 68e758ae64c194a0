"""How much of the rows, units and amounts of a query its contribution bounds cut away: exact integers, themselves bounded.

Each check is a pair of sums over units, of what counts and of what is lost, that one unit moves by no more than a wider,
public cap together: WIDE times the bound that is being checked. What a unit has beyond even that is not seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction

from tacit_service.privacy.sensitivity import Sensitivity, groups, one_row
from tacit_service.query.plan import AggKind, Form, Measure, MeasureKind, ReleasePoint

from .bounding import _keys, _rows, _total
from .group_caps import rank

WIDE = 4
AMOUNT_STEPS = 2**20  # an amount is checked to a millionth of its wide cap


@dataclass(frozen=True, slots=True)
class BiasCheck:
    """One pair of sums, "kept" and "lost", over the units of a release point. ``what``: rows, units or amount.

    ``measure`` is the measure whose bounds are checked; ``cap`` what one unit may add to it, in rows or, ``by_amount``, in
    its own integers.
    """

    point: str
    what: str
    measure: Measure
    cap: int
    by_amount: bool = False

    @property
    def name(self) -> str:
        """Stands for the pair in receipts and stored releases."""
        return f"{self.what}_{self.measure.name}"

    @property
    def sensitivity(self) -> Sensitivity:
        """What one unit moves of (kept, lost) together.

        Proof. A unit of total t of which k counts adds k' = min(k, cap) and l' = min(t, WIDE·cap) − k', which is ≥ 0 as
        k ≤ t and cap ≤ WIDE·cap, to the two sums: k' + l' ≤ WIDE·cap is its L1, and L∞ and L2 are at most that. A unit is
        wholly kept or partly lost, so that the count of units moves by 1 in one of the two. Amounts are then divided by
        a public step, rounded toward zero, before they are summed over units: it only makes them smaller. ∎
        """
        if self.what == "units":
            return one_row(1)
        top = WIDE * self.cap // self.step
        return Sensitivity(l0=2, l1=top, l2=float(top), linf=top) if top > 1 else groups(2, 1)

    @property
    def step(self) -> int:
        """Integers of the measure that make one of the check."""
        return max(WIDE * self.cap // AMOUNT_STEPS, 1)


def checks(point: ReleasePoint) -> list[BiasCheck]:
    """What can be lost in a release point: rows, units, the amount of each sum. Empty where no unit can lose anything."""
    named = {m.name: m for m in point.measures}
    found: list[BiasCheck] = []
    for m in point.measures:
        capped = m.form is not Form.ONE_ROW and m.amount is None and m.kind in (MeasureKind.COUNT, MeasureKind.SUM)
        if capped and not found:
            cap = m.c * (m.k if m.form is Form.GROUPS and m.ranked else 1)
            found += [BiasCheck(point.name, what, m, cap) for what in ("rows", "units")]
    for output in point.outputs:
        m = named[output.measures[0]]
        if output.kind is not AggKind.SUM or m.form is Form.ONE_ROW or any(a.found_by for a in m.axes):
            continue  # bounds that are found later say nothing of what they lose
        m = _plain(m) if m.axes else m
        one = m.c * max(abs(m.low), abs(m.high), 1)
        one = one if m.amount is None else m.amount if m.form is Form.WEIGHTS else min(one, m.amount)
        cap = one * (m.k if m.form is Form.GROUPS and m.ranked else 1)
        if not found:
            found.append(BiasCheck(point.name, "units", m, cap, True))
        found.append(BiasCheck(point.name, "amount", m, cap, True))
    return found


def _plain(m: Measure) -> Measure:
    """The plain sum that a cell of a pair stands for."""
    (axis,) = m.axes
    low, high = (e / axis.grid for e in axis.ends)
    return replace(
        m, axes=(), cell=(), joint="", centred=False, multiplier=1, low=math.floor(low), high=math.ceil(high),
        center=Fraction(0),
    )  # fmt: skip


def bias_sql(point: ReleasePoint, check: BiasCheck) -> str:
    """SELECT of the two integers, ``kept`` and ``lost``, over the units of the release point."""
    m = check.measure
    counts = f"CAST(least({check.cap}, {_kept(check)}) AS BIGINT) AS k, {_whole(check)} AS t"
    per_unit = f"SELECT _u, {counts} FROM ({_parts(point, m)}) GROUP BY _u"
    if check.what == "units":
        kept, lost = "CASE WHEN k >= t THEN 1 ELSE 0 END", "CASE WHEN k >= t THEN 0 ELSE 1 END"
        per_unit = f"SELECT * FROM ({per_unit}) WHERE t > 0"
    else:
        wide = WIDE * check.cap
        kept = f"k // {check.step}"
        lost = f"(CASE WHEN t > {wide} THEN {wide} WHEN t < k THEN k ELSE t END - k) // {check.step}"
    return f"SELECT {_total(kept, 'kept')}, {_total(lost, 'lost')} FROM ({per_unit})"


def _parts(point: ReleasePoint, m: Measure) -> str:
    """Each unit's rows n and magnitude a in each of its groups, with the group's place where only K of them count."""
    keys = _keys(point)
    value = f"sum(abs(v_{m.name}))" if m.kind is MeasureKind.SUM else "0"
    inner = (
        f"SELECT {', '.join(['_u', *keys])}, sum(q_{m.name}) AS n, {value} AS a FROM ({_rows(point, [m])}) "
        f"GROUP BY {', '.join(['_u', *keys])}"
    )
    place = rank(keys) if m.form is Form.GROUPS and m.ranked else "1"
    return f"SELECT *, {place} AS rk FROM ({inner})"


def _whole(check: BiasCheck) -> str:
    return "sum(a)" if check.by_amount else "sum(n)"


def _kept(check: BiasCheck) -> str:
    """What counts of a unit, as its form of bounding has it."""
    m = check.measure
    if m.form is Form.WEIGHTS or not m.ranked:
        if not check.by_amount:
            return f"least(sum(n), {m.c})"
        if m.amount is not None:
            return f"least(sum(a), {m.amount})"
        if m.form is Form.WEIGHTS:
            return f"CASE WHEN sum(n) <= {m.c} THEN sum(a) ELSE sum(a) * {m.c} // sum(n) END"
        return f"least(sum(a), {m.c * max(abs(m.low), abs(m.high), 1)})"
    if not check.by_amount:
        return f"coalesce(sum(least(n, {m.c})) FILTER (WHERE rk <= {m.k}), 0)"
    top = m.c * max(abs(m.low), abs(m.high), 1)
    top = top if m.amount is None else min(top, m.amount)
    return f"coalesce(sum(least(a, {top})) FILTER (WHERE rk <= {m.k}), 0)"
