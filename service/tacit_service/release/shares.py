"""How ε is shared out: weights that make the widest relative interval of a statement narrowest, from public facts alone.

What an interval is relative to must be public. A release point is thought to hold its table's ``expected_rows`` (a hint
of the policy, else one number for all tables), spread evenly over its groups, with values about a third up their bounds: a
mean in the very middle would make its part in a variance's error vanish, and starve it.
Wrong guesses cost accuracy, never privacy, and the weights cancel what all outputs share: only the proportions count.

With r the relative width that output o would have from measurement g alone at the whole ε, its width at shares s is about
F_o = √Σ_g (r_og / s_g)². The shares minimise max_o F_o: the fixed point of s_g ∝ (Σ_o F_o^(2p−2)·r_og²)^(1/3) for a large p,
which is the gradient of Σ_o F_o^2p set equal for all g. With one measurement an output this is s ∝ r: equal relative widths.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tacit_service.engine.bounding import joint
from tacit_service.privacy.accuracy import Noise
from tacit_service.privacy.nearby import cell_count
from tacit_service.query.plan import CURVE, AggKind, Measure, MeasureKind, Output, Plan, Relation, ReleasePoint, Scan

from .values import Floats, linear, value

SHARE_STEPS = 1_000  # shares are thousandths, so that prices stay readable
ROWS_DEFAULT = 100_000
GROUPS_DEFAULT = 10  # of unknown keys
UNITS_A_ROW = 1 / 3  # people and distinct values, where a person has several rows
FACTOR_STEPS = 16
OFF_MIDDLE, SPREAD = (
    0.3,
    0.03,
)  # where values lie within their bounds, and their variance, in widths: few fill them evenly
FINDER_PART = 10  # a stage that finds bounds takes this part of the price; the planner allows 5 of them
FLOOR_PART = 5  # no measurement gets less than an equal part over this
_POWER = 24
_ROUNDS = 500
_STEP = 0.04
_CLOSE = 1e-4
_QUIET = Noise("laplace", 1.0)

Group = tuple[Measure, ...]


@dataclass(frozen=True, slots=True)
class Sizes:
    """Public guesses of how large things are: rows of each table that the policy or the caller tells."""

    rows: Mapping[str, int] = field(default_factory=dict)

    def of(self, source: Relation) -> int:
        """Rows thought to be in a relation: those of its largest table."""
        found = [self.rows[t] for t in _tables(source) if t in self.rows]
        return max(found, default=ROWS_DEFAULT)

    def knows(self, source: Relation) -> bool:
        """The size of the relation's table was told."""
        return any(t in self.rows for t in _tables(source))


def _tables(relation: Relation) -> list[str]:
    if isinstance(relation, Scan):
        return [relation.table] if relation.protected else []
    inner = [getattr(relation, name, None) for name in ("input", "left", "right")]
    return [t for r in inner if r is not None for t in _tables(r)]


def point_groups(point: ReleasePoint) -> list[Group]:
    """Measures that are drawn together: the cells of the same rows, every other measure alone."""
    found: dict[str, list[Measure]] = {}
    for m in point.measures:
        found.setdefault(m.joint or m.name, []).append(m)
    return [tuple(g) for g in found.values()]


def expected(point: ReleasePoint, rows: float) -> dict[str, Floats]:
    """What each measure would be in a group of that many rows with values spread evenly over their bounds."""
    return {m.name: np.full((1, len(m.candidates)) if m.candidates else (1,), _mean(m) * rows) for m in point.measures}


def _mean(m: Measure) -> float:
    """A row's integer on average, in noise units."""
    if m.cell == (CURVE,):
        width = m.axes[0].width
        mean = width**2 * (OFF_MIDDLE * (1 - OFF_MIDDLE) - SPREAD) + m.low
    elif len(m.axes) == 2:  # values that go together, half: else the spreads would seem not to matter
        mean = m.high * (1 / 4 + (1 / 24 if m.cell[0] == m.cell[1] else -1 / 24))
    elif m.axes:
        mean = m.high * (OFF_MIDDLE if m.cell == (1,) else 1 - OFF_MIDDLE)
    elif m.kind is MeasureKind.SUM:
        mean = _usual(m.low, m.high)
    elif m.kind is MeasureKind.HISTOGRAM:
        mean = 1 / len(m.candidates)
    else:
        one = m.c == 1 and m.k == 1 and not m.ranked
        mean = 1.0 if m.kind is MeasureKind.COUNT or one else UNITS_A_ROW
    return mean * m.multiplier


def _usual(low: float, high: float) -> float:
    """A usual magnitude of values within bounds: their middle, and a quarter of their range where that is near zero."""
    return max(abs(low + high) / 2, (high - low) / 4)


def size(output: Output, measures: Sequence[Measure], rows: float) -> float:
    """What the output's interval is relative to in a group of that many rows."""
    if output.kind is AggKind.COUNT:
        return rows * (1.0 if measures[0].axes else _mean(measures[0]) / measures[0].multiplier)
    if output.kind is AggKind.SUM and not measures[0].axes:
        return rows * _usual(float(measures[0].low * measures[0].grid), float(measures[0].high * measures[0].grid))
    if output.kind in (AggKind.SUM, AggKind.AVG):
        usual = _usual(*(float(e) for e in measures[0].axes[0].ends))
        return rows * usual if output.kind is AggKind.SUM else usual
    if output.kind is AggKind.QUANTILE:
        return 1.0
    if output.kind is AggKind.BIN:
        return rows / len(measures[0].candidates)
    widths = [float(b - a) for a, b in (x.ends for x in measures[0].axes)]
    if output.kind is AggKind.PAIR:
        wy, wx = widths
        named = {"corr": 0.5, "regr_slope": wy / wx / 2, "regr_intercept": wy / 2}
        return named.get(output.function, wy * wx / 16)
    return (widths[0] / 4) ** (2 if output.kind is AggKind.VARIANCE else 1)


def slopes(output: Output, measures: Sequence[Measure], rows: float, at: Mapping[str, Floats]) -> list[float]:
    """How far one noise unit on each measure moves the output, in a group of that many rows."""
    factors = linear(output, measures)
    if factors is not None:
        return [abs(f) for f in factors]
    if output.kind is AggKind.QUANTILE:  # a rank, as a share of the rows
        m = measures[0]
        cells = 4 * cell_count(len(m.candidates)) if m.rank is not None else len(m.candidates)  # at half the price
        return [math.sqrt(cells / 2) / m.multiplier / rows]
    found = []
    base = [at[m.name] for m in measures]
    for i, m in enumerate(measures):
        tiny = 1e-4 * rows * max(abs(m.low), abs(m.high), 1) * m.multiplier
        ends = [value(output, measures, [*base[:i], base[i] + d, *base[i + 1 :]], _QUIET)[0] for d in (tiny, -tiny)]
        found.append(abs(float(ends[0] - ends[1])) / (2 * tiny))
    return found


def rows_a_group(point: ReleasePoint, groups: Mapping[str, int | None], sizes: Sizes) -> float:
    """Rows thought to be in one group of the release point."""
    count = groups.get(point.name) or (1 if not point.keys else GROUPS_DEFAULT)
    return max(sizes.of(point.source) / count, 1.0)


def known_rows(plan: Plan, told: float | None, groups: Mapping[str, int | None], sizes: Sizes) -> dict[str, float]:
    """Of each release point of which it is known, the rows of a group: as ``told`` by who asks, else by the policy's sizes."""
    return {p.name: told or rows_a_group(p, groups, sizes) for p in plan.releases if told or sizes.knows(p.source)}


def shares(plan: Plan, groups: Mapping[str, int | None], sizes: Sizes) -> list[int]:
    """A whole weight for every group of measures, in the order of release points and ``point_groups``."""
    if not plan.releases:
        return []
    index: dict[tuple[str, str], int] = {}
    norms: list[float] = []
    for point in plan.releases:
        if point.finds_bounds:
            continue
        for group in point_groups(point):
            index.update(dict.fromkeys(((point.name, m.name) for m in group), len(norms)))
            norms.append(float(joint(group).l1))
    finders = sum(p.finds_bounds for p in plan.releases)
    if len(norms) == 1:
        return _in_order(plan, 1, [FINDER_PART - finders if finders else 1])
    widths: list[Floats] = []
    for point in plan.releases:
        rows = rows_a_group(point, groups, sizes)
        at = expected(point, rows)
        named = {m.name: m for m in point.measures}
        for output in point.outputs:
            measures = [named[m] for m in output.measures]
            row = np.zeros(len(norms))
            for m, slope in zip(measures, slopes(output, measures, rows, at), strict=True):
                row[index[point.name, m.name]] += slope**2
            widths.append(np.sqrt(row) * norms / size(output, measures, rows))
        if point.threshold_on is not None:
            m = named[point.threshold_on]
            row = np.zeros(len(norms))
            row[index[point.name, m.name]] = norms[index[point.name, m.name]] / m.multiplier / (rows * UNITS_A_ROW)
            widths.append(row)
    gates = [index[p.name, p.threshold_on] for p in plan.releases if p.threshold_on is not None]
    thousandths = _thousandths(_raised(minimax(np.array(widths), 1 / 3), gates))
    if not finders:
        return thousandths
    each = max(SHARE_STEPS // FINDER_PART, 1)  # beside the answer's thousand: a tenth or so each
    return _in_order(plan, each, [max(t * (FINDER_PART - finders) // FINDER_PART, 1) for t in thousandths])


def _in_order(plan: Plan, finder: int, others: list[int]) -> list[int]:
    rest = iter(others)
    return [finder if p.finds_bounds else next(rest) for p in plan.releases for _ in point_groups(p)]


def minimax(widths: Floats, power: float) -> Floats:
    """Shares that minimise the largest √Σ_g (r_og/s_g)²; ``power`` 1/3 for shares of ε, 1/2 for shares of a variance."""
    largest = widths.max(initial=0.0)
    if not largest > 0:  # nothing can vary (a filter that no value passes): equal shares
        return np.full(widths.shape[1], 1 / widths.shape[1])
    squares = (widths / largest) ** 2
    squares = np.maximum(squares, 1e-12)
    degree = 1 / power - 1  # s enters as s^-2 (ε) or s^-1 (ρ)
    s = np.full(widths.shape[1], 1 / widths.shape[1])
    for _ in range(_ROUNDS):
        by_output = (squares / s**degree).sum(axis=1)
        pull = ((by_output / by_output.max())[:, None] ** _POWER * squares).sum(axis=0) ** power
        before = s
        s = s ** (1 - _STEP) * pull**_STEP  # pull falls as s^-16 or s^-12: longer steps would overshoot
        s /= s.sum()
        if np.abs(s / before - 1).max() < _CLOSE:
            break
    return s


def _raised(s: Floats, gates: list[int]) -> Floats:
    """No less than a fifth of an equal part for any measurement, and an equal part for counts that keys pass a threshold by.

    Relative widths rest on guesses of sizes, which may leave a count next to nothing where a little more costs the others
    little; and a key that stays hidden has no interval at all.
    """
    least = np.full(len(s), 1 / (FLOOR_PART * len(s)))
    least[gates] = 1 / len(s)
    low = s < least
    while low.any() and not low.all():
        scaled = np.where(low, least, s * ((1 - least[low].sum()) / max(s[~low].sum(), 1e-12)))
        more = low | (scaled < least)
        if (more == low).all():
            return scaled
        low = more
    return s


def _thousandths(s: Floats) -> list[int]:
    return [max(round(float(x) * SHARE_STEPS), 1) for x in s]


def factors(point: ReleasePoint, groups: Sequence[Group]) -> list[int]:
    """Integer factors of one Gaussian vector over groups of measures: shares of ρ that make the widest output narrowest.

    With factor f and the vector's σ, a group has noise σ/f and takes (f·l2)² of the whole: so f ∝ √share / l2.
    """
    if len(groups) == 1:
        return [1]
    index = {m.name: i for i, g in enumerate(groups) for m in g}
    norms = np.array([joint(g).l2 for g in groups])
    rows = float(ROWS_DEFAULT)
    at, named = expected(point, rows), {m.name: m for m in point.measures}
    widths = []
    for output in point.outputs:
        measures = [named[m] for m in output.measures]
        if not all(m.name in index for m in measures):
            continue
        row = np.zeros(len(groups))
        for m, slope in zip(measures, slopes(output, measures, rows, at), strict=True):
            row[index[m.name]] += slope**2
        widths.append(np.sqrt(row) * norms / size(output, measures, rows))
    share = minimax(np.array(widths), 1 / 2) if widths else np.full(len(groups), 1 / len(groups))
    wanted = np.sqrt(share) / norms
    return [max(round(float(FACTOR_STEPS * w / wanted.min())), 1) for w in wanted]
