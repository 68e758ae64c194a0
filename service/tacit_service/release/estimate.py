"""The quote: which measurements a plan will run, at which scale and price, and how wide the intervals will be.

Touches no data. ε is shared out over the measurements in exact units, by weights that make the widest relative interval
narrowest (``shares``); each measurement's price is its OpenDP map's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from tacit_service.engine.bounding import joint
from tacit_service.errors import RequestError
from tacit_service.privacy import accuracy, choices, mechanisms, thresholds
from tacit_service.privacy.events import Event, NoisyChoicesEvent
from tacit_service.privacy.mechanisms import Measurement
from tacit_service.privacy.nearby import score_factor
from tacit_service.privacy.sensitivity import combined
from tacit_service.privacy.units import Delta, Epsilon
from tacit_service.query.plan import Form, Measure, MeasureKind, Plan, ReleasePoint

from .bias import PricedCheck, parts_of, plan_checks, priced_checks
from .shares import Sizes, factors, point_groups, shares
from .values import Floats, step

__all__ = ["Estimate", "Priced", "Vector", "contribution_words", "estimate", "step"]


@dataclass(frozen=True, slots=True)
class Priced:
    """One measure with the measurement that will release it, alone or within a vector, times ``factor``."""

    point: str
    measure: Measure
    measurement: Measurement
    factor: int = 1
    choice: Measurement | None = None  # of a quantile: what chooses its bin, around which ``measurement`` counts

    @property
    def scale(self) -> float:
        """Scale of the noise in the measure's own noise units."""
        return self.measurement.scale / self.factor

    @property
    def noise(self) -> accuracy.Noise:
        """The noise's law, in the measure's own noise units."""
        return accuracy.Noise(self.measurement.noise, self.scale, 1.0 / self.factor)

    @property
    def unit_scale(self) -> float:
        """Scale of the noise in the output's own unit."""
        return self.scale * step(self.measure)

    @property
    def choice_scale(self) -> float:
        """Scale of the choice's noise in its scores; 0 where nothing is chosen."""
        return 0.0 if self.choice is None else self.choice.scale

    def half_width(self, confidence: float) -> float:
        """Half the interval around one noisy value, in the measure's own noise units."""
        return self.measurement.half_width(confidence) / self.factor

    def redraw(self, size: tuple[int, ...], rng: np.random.Generator) -> Floats:
        """Fresh noise of this law, for re-draws of what is released."""
        return accuracy.redraw(self.measurement, size, rng) / self.factor


@dataclass(frozen=True, slots=True)
class Vector:
    """What one measurement draws together: measures of a release point, each times an integer factor."""

    point: str
    parts: tuple[tuple[str, int], ...]
    measurement: Measurement

    @property
    def threshold(self) -> bool:
        """It also decides which keys are shown."""
        return self.measurement.threshold is not None

    @property
    def chooses(self) -> bool:
        """It chooses a bin in every group; the measure's counts are drawn by another vector."""
        return isinstance(self.measurement.event, NoisyChoicesEvent)


@dataclass(frozen=True, slots=True)
class Estimate:
    """All measurements of a plan: ``vectors`` as they are drawn and charged, ``priced`` by measure."""

    priced: tuple[Priced, ...]
    vectors: tuple[Vector, ...] = ()
    checks: tuple[PricedCheck, ...] = ()

    @property
    def measurements(self) -> list[Measurement]:
        """All that is drawn, the checks of bias last."""
        return [*(v.measurement for v in self.vectors), *(c.measurement for c in self.checks)]

    @property
    def events(self) -> tuple[Event, ...]:
        """What the ledger is asked to charge."""
        return tuple(m.event for m in self.measurements)

    @property
    def epsilon(self) -> Epsilon:
        """Sum of the measurements' ε."""
        return Epsilon(sum(m.epsilon.units for m in self.measurements))

    @property
    def delta(self) -> Delta:
        """Sum of the measurements' δ."""
        return Delta(sum(v.measurement.delta.units for v in self.vectors))

    def of(self, point: str, measure: str) -> Priced:
        """The priced measure of that name."""
        return next(p for p in self.priced if p.point == point and p.measure.name == measure)


def estimate(
    plan: Plan, epsilon: Epsilon, delta: Delta, *, unit: str, mechanism: str = "auto", spare_delta: bool = False,
    weights: Sequence[int] | None = None, bias_check: bool = False,
) -> Estimate:  # fmt: skip
    """Share ε over the measurements of all release points by ``shares``, and δ over those that need it.

    ``spare_delta``: the caller offered δ beyond what thresholds need, so Gaussian noise may be used where it is narrower.
    ``bias_check``: a tenth of ε goes to what bounds cut away.
    ``weights``: as ``shares`` gives them.
    Raises ``RequestError`` delta_invalid when unknown keys meet δ = 0.
    """
    if not plan.releases:
        return Estimate((), ())
    checks: tuple[PricedCheck, ...] = ()
    if bias_check and plan_checks(plan):
        epsilon, spent = parts_of(epsilon)
        checks = priced_checks(plan, spent, unit)
    sets = [(point, g) for point in plan.releases for g in point_groups(point)]
    split = epsilon.split(list(weights or shares(plan, {}, Sizes())))
    parts = dict(zip([(p.name, g) for p, g in sets], split, strict=True))
    offered = mechanism == "gaussian" or (mechanism == "auto" and spare_delta)
    takers = [g for p, g in sets if _passes(p, g)]
    gaussian = [p for p in plan.releases if offered and any(not _passes(p, g) for g in point_groups(p))]
    deltas = iter(delta.split([1] * (len(takers) + len(gaussian))) if takers or gaussian else [])
    vectors: list[Vector] = []
    for point in plan.releases:
        own = [(g, parts[point.name, g]) for g in point_groups(point)]
        for g, share in own:
            if _passes(point, g):
                vectors.append(_vector(point, g, _threshold(g[0], share, next(deltas), unit, mechanism)))
        rest = []
        for g, share in own:
            if g[0].rank is not None:
                half, share = share.split([1, 1])  # half for the choice, half for the counts around it
                vectors.append(_vector(point, g, _choice(g[0], g[0].rank, half, unit)))
            if not _passes(point, g):
                rest.append((g, share))
        part = next(deltas) if point in gaussian else Delta(0)
        vectors += _rest(point, rest, part, unit, mechanism)
    return Estimate(_priced(plan, vectors), tuple(vectors), checks)


Group = tuple[Measure, ...]


def _passes(point: ReleasePoint, group: Group) -> bool:
    """The group is the count by which unknown keys pass their threshold."""
    return group[0].name == point.threshold_on


def _priced(plan: Plan, vectors: list[Vector]) -> tuple[Priced, ...]:
    by = {(v.point, name): (v.measurement, factor) for v in vectors if not v.chooses for name, factor in v.parts}
    chosen = {(v.point, v.parts[0][0]): v.measurement for v in vectors if v.chooses}
    return tuple(
        Priced(p.name, m, *by[p.name, m.name], chosen.get((p.name, m.name))) for p in plan.releases for m in p.measures
    )


def _choice(m: Measure, rank: Fraction, epsilon: Epsilon, unit: str) -> Measurement:
    """One bin in every group: a unit moves the scores of all groups together by its total in the histogram, times the factor."""
    return choices.noisy_choices(len(m.candidates), score_factor(rank) * joint((m,)).l1, epsilon, unit=unit)


def _rest(
    point: ReleasePoint, groups: list[tuple[Group, Epsilon]], delta: Delta, unit: str, mechanism: str
) -> list[Vector]:
    """Laplace noise on each group of measures, or one Gaussian vector over all, whichever has the narrower intervals.

    With Laplace noise, one vector over several groups would cost exactly the sum of their prices and gain nothing; with
    Gaussian noise it is their root-mean-square that is paid, which is narrower from the second group on.
    """
    if not groups:
        return []
    laplace = [_vector(point, g, mechanisms.laplace(joint(g), e, unit=unit)) for g, e in groups]
    if not delta or mechanism == "laplace":
        return laplace
    times = factors(point, [g for g, _ in groups])
    whole = combined([(joint(g), f) for (g, _), f in zip(groups, times, strict=True)])
    total = Epsilon(sum(e.units for _, e in groups))
    drawn = mechanisms.gaussian(whole, total, delta, unit=unit)
    parts = tuple((m.name, f) for (g, _), f in zip(groups, times, strict=True) for m in g)
    one = Vector(point.name, parts, drawn)
    if mechanism == "gaussian":
        return [one]
    worst = max(drawn.half_width() / f / v.measurement.half_width() for f, v in zip(times, laplace, strict=True))
    return [one] if worst < 1.0 else laplace


def _vector(point: ReleasePoint, group: Group, measurement: Measurement) -> Vector:
    return Vector(point.name, tuple((m.name, 1) for m in group), measurement)


def _threshold(m: Measure, epsilon: Epsilon, delta: Delta, unit: str, mechanism: str) -> Measurement:
    if not delta:
        raise RequestError(
            "delta_invalid",
            "The group keys are not declared, so they must pass a threshold, which needs δ above 0.",
            hint="Ask with a delta such as 1e-9, or group by declared keys.",
            rule="unknown keys",
        )
    return thresholds.narrowest_threshold(joint((m,)), epsilon, delta, unit=unit, mechanism=mechanism)


def rank_scale(p: Priced) -> float:
    """Scale of a choice's noise in ranks, that is rows: scores count them in 1/(4d) of a weight unit."""
    assert p.measure.rank is not None
    return p.choice_scale / (4 * p.measure.rank.denominator * p.measure.multiplier)


def contribution_words(m: Measure) -> str:
    """How one unit's contributions are bounded, in a sentence part, and which values are read."""
    words = _form_words(m)
    if m.axes:
        return (
            f"{words}; values within {' and '.join(f'[{_plain(a)}, {_plain(b)}]' for a, b in (x.ends for x in m.axes))}"
        )
    if m.kind is MeasureKind.SUM and m.value is not None:
        low, high = m.low * m.grid + m.center, m.high * m.grid + m.center
        return f"{words}; values within [{_plain(low)}, {_plain(high)}]"
    return words


def _form_words(m: Measure) -> str:
    if m.form is Form.ONE_ROW:
        return "one row a unit"
    if m.form is Form.WEIGHTS:
        if m.amount is not None:
            return f"weights: a unit's amounts add to at most {_plain(m.amount * m.grid)}"
        return f"weights: a unit's rows add to at most {m.c}"
    if m.k == 1 and not m.ranked:
        cap = f" and {_plain(m.amount * m.grid)} in amount" if m.amount is not None else ""
        return f"one group a unit, at most {m.c} of its rows{cap}"
    return f"at most {m.k} groups a unit, {m.c} of its {'values' if m.kind is MeasureKind.DISTINCT else 'rows'} in each"


def _plain(value: Fraction) -> str:
    return f"{float(value):g}"
