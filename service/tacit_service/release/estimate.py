"""The quote: which measurements a plan will run, at which scale and price, and how wide the intervals will be.

Touches no data. ε is shared out over the measures in exact units; each measure's price is its OpenDP map's.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from tacit_service.engine.bounding import sensitivity
from tacit_service.errors import RequestError
from tacit_service.privacy import mechanisms
from tacit_service.privacy.events import Event
from tacit_service.privacy.mechanisms import Measurement
from tacit_service.privacy.units import Delta, Epsilon
from tacit_service.query.plan import Form, Measure, MeasureKind, Plan


@dataclass(frozen=True, slots=True)
class Priced:
    """One measure with the measurement that will release it."""

    point: str
    measure: Measure
    measurement: Measurement

    @property
    def unit_scale(self) -> float:
        """Scale of the noise in the output's own unit."""
        return self.measurement.scale * step(self.measure)


@dataclass(frozen=True, slots=True)
class Estimate:
    """All measurements of a plan, in the order of its release points and measures."""

    priced: tuple[Priced, ...]

    @property
    def events(self) -> tuple[Event, ...]:
        """What the ledger is asked to charge."""
        return tuple(p.measurement.event for p in self.priced)

    @property
    def epsilon(self) -> Epsilon:
        """Sum of the measurements' ε."""
        return Epsilon(sum(p.measurement.epsilon.units for p in self.priced))

    @property
    def delta(self) -> Delta:
        """Sum of the measurements' δ."""
        return Delta(sum(p.measurement.delta.units for p in self.priced))

    def of(self, point: str, measure: str) -> Priced:
        """The priced measure of that name."""
        return next(p for p in self.priced if p.point == point and p.measure.name == measure)


def step(m: Measure) -> float:
    """One noise unit in the output's own unit."""
    return float(m.grid / m.multiplier) if m.kind is MeasureKind.SUM else 1.0 / m.multiplier


def estimate(
    plan: Plan, epsilon: Epsilon, delta: Delta, *, unit: str, mechanism: str = "auto", spare_delta: bool = False
) -> Estimate:
    """Share ε equally over the measures of all release points, and δ over those that need it.

    ``spare_delta``: the caller offered δ beyond what thresholds need, so Gaussian noise may be used where it is narrower.
    Raises ``RequestError`` delta_invalid when unknown keys meet δ = 0.
    """
    measures = [(point, m) for point in plan.releases for m in point.measures]
    if not measures:
        return Estimate(())
    shares = epsilon.split([1] * len(measures))
    thresholds = [point.threshold_on == m.name for point, m in measures]
    gaussian = mechanism == "gaussian" or (mechanism == "auto" and spare_delta)
    takers = [t or gaussian for t in thresholds]
    deltas = iter(delta.split([1] * sum(takers))) if any(takers) else iter(())
    priced = []
    for (point, m), share, threshold, taker in zip(measures, shares, thresholds, takers, strict=True):
        part = next(deltas) if taker else Delta(0)
        priced.append(Priced(point.name, m, _measurement(m, share, part, unit, threshold, mechanism)))
    return Estimate(tuple(priced))


def _measurement(m: Measure, epsilon: Epsilon, delta: Delta, unit: str, threshold: bool, mechanism: str) -> Measurement:
    s = sensitivity(m)
    if threshold:
        if not delta:
            raise RequestError(
                "delta_invalid",
                "The group keys are not declared, so they must pass a threshold, which needs δ above 0.",
                hint="Ask with a delta such as 1e-9, or group by declared keys.",
                rule="unknown keys",
            )
        return mechanisms.laplace_threshold(s, epsilon, delta, unit=unit)
    laplace = mechanisms.laplace(s, epsilon, unit=unit)
    if not delta or mechanism == "laplace":
        return laplace
    gaussian = mechanisms.gaussian(s, epsilon, delta, unit=unit)
    if mechanism == "gaussian" or gaussian.half_width() < laplace.half_width():
        return gaussian
    return laplace


def contribution_words(m: Measure) -> str:
    """How one unit's contributions are bounded, in a sentence part, and which values are read."""
    words = _form_words(m)
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
