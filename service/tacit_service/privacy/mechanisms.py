"""Noise. The only importer of OpenDP; with ``choices`` and ``thresholds``, the only place where exact aggregates turn into answers.

``laplace``, ``gaussian`` and their siblings choose a *spec*: the smallest scale whose privacy
map, as OpenDP computes it, does not exceed the price asked. A spec holds no data and can be quoted for free. ``draw``
and its siblings take a spec, the exact aggregates and the proof of charge, rebuild OpenDP's measurement, check its
map against the charged event once more, and only then draw. What OpenDP does is never assumed: see tests/privacy.

What keeps this sound:
- price: the event stores the float that the map returned; ``Epsilon.ceil`` of it is charged, so we never undercharge;
- OpenDP accepts scale 0 and denormals and then answers exactly: scales outside [2**-20, 2**50] are refused here;
- one draw a paid event: a charge that lists an event twice pays for two draws of it, and a third is refused;
- OpenDP's thresholds keep values ≥ T and price values > T (opendp#2922): ``thresholds`` discards values equal to T.
"""

from __future__ import annotations

import importlib.metadata
import math
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, cast

import numpy as np
from opendp import combinators, domains, measurements, measures, metrics  # its prelude imports far more
from opendp.mod import OpenDPException, enable_features

from ..errors import TacitError
from . import accuracy, recording
from .events import (
    Event,
    GaussianEvent,
    GaussianThresholdEvent,
    LaplaceEvent,
    LaplaceThresholdEvent,
    NoisyChoicesEvent,
    NoisyMaxEvent,
)
from .exact import Charged, ExactAggregates, IntVector
from .scales import (
    SCALE_MAX,
    SCALE_MIN,
    check_delta,
    check_epsilon,
    float_below,
    smallest_gaussian_scale,
    smallest_scale,
)
from .sensitivity import NORM_MAX, Sensitivity
from .units import Delta, Epsilon

enable_features("contrib")

LIBRARY = f"opendp {importlib.metadata.version('opendp')}"
CHUNK_ROWS = 100_000  # at most, of vectors drawn in chunks on several threads; OpenDP mostly releases the GIL
PARALLEL_ROWS_MIN = 1_000  # from here on half of the draws take longer (10 to 20 µs each) than handing them to a thread
CHARGES_REMEMBERED = 4096

_NoisyEvent = (
    LaplaceEvent | GaussianEvent | LaplaceThresholdEvent | GaussianThresholdEvent | NoisyMaxEvent | NoisyChoicesEvent
)


@dataclass(frozen=True, slots=True)
class Measurement:
    """A priced mechanism without data: ``event`` is what will be drawn, ``sensitivity`` what one unit can change."""

    event: _NoisyEvent
    sensitivity: Sensitivity

    @property
    def epsilon(self) -> Epsilon:
        """The ε charged: the map's float, rounded up to the unit of account."""
        return Epsilon.ceil(self.event.epsilon)

    @property
    def delta(self) -> Delta:
        """The δ charged; zero for pure mechanisms. That of a Gaussian's pair and that of its threshold add."""
        parts = (getattr(self.event, name, 0.0) for name in ("delta", "threshold_delta"))
        return Delta(sum(Delta.ceil(part).units for part in parts))

    @property
    def kind(self) -> str:
        """The event's kind: ``laplace``, ``gaussian``, either with ``_threshold``, ``noisy_max``, ``noisy_choices``."""
        return self.event.kind

    @property
    def scale(self) -> float:
        """Scale of the noise, in noise units."""
        return self.event.scale

    @property
    def threshold(self) -> int | None:
        """A noisy count is released when it is above this; ``None`` where every group is released."""
        return getattr(self.event, "threshold", None)

    @property
    def noise(self) -> accuracy.Kind:
        """The law of the noise that is added."""
        return noise_kind(self.event)

    def half_width(self, confidence: float = 0.95) -> float:
        """Half the width of the interval around one noisy value, in noise units."""
        return float(accuracy.half_width(self.noise, self.scale, confidence))


# ── specs ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@lru_cache(maxsize=1024)
def laplace(s: Sensitivity, epsilon: Epsilon, *, unit: str) -> Measurement:
    """Discrete Laplace noise on an integer vector, at the smallest scale whose map of ``s.l1`` is at most ``epsilon``.

    Proof of the price. For integer noise with mass ∝ exp(−|x|/b), a shift by d changes the log-mass at any point by at
    most Σ|d_g|/b ≤ l1/b; that quotient, rounded up, is what OpenDP's map returns. ∎
    """
    check_epsilon(epsilon)
    scale, spent = solve_laplace(s.l1, epsilon)
    return Measurement(LaplaceEvent(unit=unit, library=LIBRARY, scale=scale, l1=s.l1, epsilon=spent), s)


@lru_cache(maxsize=1024)
def gaussian(s: Sensitivity, epsilon: Epsilon, delta: Delta, *, unit: str) -> Measurement:
    """Discrete Gaussian noise on an integer vector, at the smallest scale whose ε at ``delta`` is at most ``epsilon``.

    ε(δ) is read off OpenDP's own privacy profile of the measurement (``make_zCDP_to_approxDP``); lane R composes its ρ.
    "Smallest" holds to the unit of account: ε(δ) at the scale found is ``epsilon`` after rounding up to 1e-12.
    """
    check_epsilon(epsilon)
    check_delta(delta)
    at = float_below(delta)
    scale = smallest_gaussian_scale(s.l2, epsilon, delta, lambda sigma: gaussian_price(sigma, s.l2, at)[1])
    rho, spent = gaussian_price(scale, s.l2, at)
    event = GaussianEvent(unit=unit, library=LIBRARY, scale=scale, l2=s.l2, rho=rho, epsilon=spent, delta=at)
    return Measurement(event, s)


# ── draws ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def draw(m: Measurement, exact: ExactAggregates, measure: str, charged: Charged) -> IntVector:
    """Add noise to one measure: a noisy integer for every group, in the order of the groups.

    The list of groups itself is not protected here: use it for public keys, or for groups that a threshold kept.
    """
    return draw_vector(m, [(exact, measure, 1)], charged)[0]


def draw_vector(
    m: Measurement, parts: Sequence[tuple[ExactAggregates, str, int]], charged: Charged,
    told: Sequence[IntVector | None] | None = None,
) -> list[IntVector]:  # fmt: skip
    """Add noise to several measures as one vector, each times its integer factor; ``m`` is for the whole vector.

    Factors saturate where they would leave 63 bits, which moves a value by no more than the factor itself does.
    ``told``: for each part the groups that are released (``None``: all), in the order in which they come back. Coordinates get
    independent noise, so drawing those alone has the law of drawing all and telling those. ∎
    """
    guard(m, charged, LaplaceEvent, GaussianEvent)
    scaled = [
        np.clip(e._values(n), -(NORM_MAX // f), NORM_MAX // f) * f if f > 1 else e._values(n) for e, n, f in parts
    ]
    recorder = recording.active()
    if recorder is not None:  # of all groups, told or not
        # group by group, the measures of one beside each other, where all have the same groups
        alike = len({len(v) for v in scaled}) == 1
        keys = tuple(k for e, _, _ in parts[: 1 if alike else None] for k in e._key_list())
        shown = np.stack(scaled, axis=1).reshape(-1) if alike else np.concatenate(scaled)
        name = "+".join(n for _, n, _ in parts)
        recorder.add(recording.Draw(name, m.kind, shown, keys, m.sensitivity, m.scale))
    if told is not None:
        scaled = [v if rows is None else v[rows] for v, rows in zip(scaled, told, strict=True)]
    values = np.concatenate(scaled)
    ends = np.cumsum([len(v) for v in scaled])[:-1]
    if recorder is not None:
        return np.split(values + recorder.noise(noise_kind(m.event), m.scale, len(values)), ends)
    build = build_laplace if isinstance(m.event, LaplaceEvent) else build_gaussian
    # Coordinates get independent noise, so drawing chunks apart has the law of drawing the vector at once.
    noisy = chunked(lambda rows: np.array(build(m.scale)(rows), dtype=np.int64), values)
    return np.split(np.concatenate(noisy) if noisy else values, ends)


def guard(m: Measurement, charged: Charged, *allowed: type[Event]) -> None:
    """Everything that must hold before noise is drawn; a failure is a fault of ours, never of the analyst."""
    event, s = m.event, m.sensitivity
    if not isinstance(event, allowed):
        raise TacitError("internal_error", f"a {event.kind} event cannot be drawn here")
    if not charged.covers(event):
        raise TacitError("internal_error", "noise was asked for without a charge that covers it")
    if event.library != LIBRARY:
        raise TacitError("internal_error", f"the charge was priced by {event.library}, this is {LIBRARY}")
    if not SCALE_MIN <= event.scale <= SCALE_MAX:
        raise TacitError("internal_error", "noise scale outside the safe range")
    if not _price_holds(event, s):
        raise TacitError("internal_error", "the measurement's privacy map exceeds what was charged")
    _take(charged, event)


# Draws made under each recent charge. The charge itself is held, so that its id stays its own.
_drawn: OrderedDict[int, tuple[Charged, list[Event]]] = OrderedDict()
_drawn_lock = threading.Lock()


def _take(charged: Charged, event: Event) -> None:
    """Count one draw against the charge: noise drawn twice for one payment would be averaged away."""
    with _drawn_lock:
        _, made = _drawn.setdefault(id(charged), (charged, []))
        if made.count(event) >= charged.events.count(event):
            raise TacitError("internal_error", "every draw that the charge paid for has been made")
        made.append(event)
        _drawn.move_to_end(id(charged))
        while len(_drawn) > CHARGES_REMEMBERED:
            _drawn.popitem(last=False)


@lru_cache(maxsize=1024)
def _price_holds(event: _NoisyEvent, s: Sensitivity) -> bool:
    """Whether OpenDP's map of the declared sensitivity, computed afresh, is within the event's price."""
    if isinstance(event, LaplaceEvent):
        return event.l1 == s.l1 and bool(build_laplace(event.scale).map(s.l1) <= event.epsilon)
    if isinstance(event, GaussianEvent):
        if event.l2 != s.l2:
            return False
        rho, epsilon = gaussian_price(event.scale, s.l2, event.delta)
        return rho <= event.rho and epsilon <= event.epsilon
    if isinstance(event, LaplaceThresholdEvent):
        if (event.l0, event.l1, event.linf) != (s.l0, s.l1, s.linf):
            return False
        epsilon, delta = build_laplace_threshold(event.scale, event.threshold).map((s.l0, s.l1, s.linf))
        return bool(epsilon <= event.epsilon and delta <= event.delta)
    if isinstance(event, GaussianThresholdEvent):
        if (event.l0, event.l2, event.linf) != (s.l0, s.l2, s.linf):
            return False
        rho, delta = build_gaussian_threshold(event.scale, event.threshold).map((s.l0, s.l2, float(s.linf)))
        epsilon = gaussian_price(event.scale, s.l2, event.delta)[1]
        return bool(rho <= event.rho and delta <= event.threshold_delta and epsilon <= event.epsilon)
    if isinstance(event, NoisyChoicesEvent):
        return event.total == s.linf and bool(build_noisy_max(event.scale, False).map(s.linf) <= event.epsilon)
    epsilon = build_noisy_max(event.scale, event.monotonic).map(s.linf)
    return event.linf == s.linf and bool(epsilon <= event.epsilon)


def chunked(work: Callable[[IntVector], Any], rows: IntVector) -> list[Any]:
    """Run ``work`` on the whole vector, or on chunks of it in threads when it is long; results in order."""
    if len(rows) <= PARALLEL_ROWS_MIN:
        return [work(rows)] if len(rows) else []
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    size = min(CHUNK_ROWS, max(PARALLEL_ROWS_MIN // 2, -(-len(rows) // cores)))
    chunks: Sequence[IntVector] = [rows[i : i + size] for i in range(0, len(rows), size)]
    with ThreadPoolExecutor(max_workers=min(len(chunks), cores)) as pool:
        return list(pool.map(work, chunks))


def record(recorder: recording.Recorder, m: Measurement, exact: ExactAggregates, measure: str) -> None:
    """Tell the active recorder (test mode) of a draw: exact values, keys, sensitivity and scale."""
    keys = tuple(exact._key_list())
    recorder.add(recording.Draw(measure, m.kind, exact._values(measure).copy(), keys, m.sensitivity, m.scale))


def noise_kind(event: _NoisyEvent) -> accuracy.Kind:
    """The family of the noise that is added; ``TypeError`` for a choice, whose noise is not additive."""
    if isinstance(event, NoisyMaxEvent | NoisyChoicesEvent):
        raise TypeError("a choice of one candidate has no additive noise")
    return "gaussian" if isinstance(event, GaussianEvent | GaussianThresholdEvent) else "laplace"


# ── OpenDP ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Spaces(NamedTuple):
    l1: Any
    l2: Any
    linf: Any
    linf_monotonic: Any
    counts_l1: Any
    counts_l2: Any


_local = threading.local()


def _spaces() -> _Spaces:
    """Domains and metrics, made once a thread: they cost more than the measurements, and are not shared across threads.

    ``T`` is always i64: OpenDP's ``int`` is 32 bits wide.
    """
    made: _Spaces | None = getattr(_local, "spaces", None)
    if made is None:
        vector = domains.vector_domain(domains.atom_domain(T="i64"))
        counts = domains.map_domain(domains.atom_domain(T="i64"), domains.atom_domain(T="i64"))
        made = _Spaces(
            l1=(vector, metrics.l1_distance(T="i64")),
            l2=(vector, metrics.l2_distance(T="f64")),
            linf=(vector, metrics.linf_distance(T="i64")),
            linf_monotonic=(vector, metrics.linf_distance(T="i64", monotonic=True)),
            counts_l1=(counts, metrics.l01inf_distance(metrics.absolute_distance(T="i64"))),
            counts_l2=(counts, metrics.l02inf_distance(metrics.absolute_distance(T="f64"))),
        )
        _local.spaces = made
    return made


def build_laplace(scale: float) -> Any:
    """Discrete Laplace noise on a vector of integers: L1 distance → ε."""
    domain, metric = _spaces().l1
    return measurements.make_laplace(domain, metric, scale=scale)


def build_gaussian(scale: float) -> Any:
    """Discrete Gaussian noise on a vector of integers: L2 distance → ρ of zCDP."""
    domain, metric = _spaces().l2
    return measurements.make_gaussian(domain, metric, scale=scale)


def build_laplace_threshold(scale: float, threshold: int) -> Any:
    """Noisy counts above ``threshold`` of a map of keys: (L0, L1, L∞) → (ε, δ)."""
    domain, metric = _spaces().counts_l1
    return measurements.make_laplace_threshold(domain, metric, scale=scale, threshold=threshold)


def build_gaussian_threshold(scale: float, threshold: int) -> Any:
    """Noisy counts above ``threshold`` of a map of keys: (L0, L2, L∞) → (ρ, δ)."""
    domain, metric = _spaces().counts_l2
    return measurements.make_gaussian_threshold(domain, metric, scale=scale, threshold=threshold)


def build_noisy_max(scale: float, monotonic: bool) -> Any:
    """The index of the highest noisy score: L∞ distance → ε, half of it where all scores move one way (``monotonic``)."""
    domain, metric = _spaces().linf_monotonic if monotonic else _spaces().linf
    return measurements.make_noisy_max(domain, metric, measures.max_divergence(), scale=scale)


@lru_cache(maxsize=1024)
def solve_laplace(l1: int, epsilon: Epsilon) -> tuple[float, float]:
    """(scale, ε): the smallest scale that fits, and what OpenDP's map says that it costs."""
    scale = smallest_scale(l1, epsilon, lambda b: cast(float, build_laplace(b).map(l1)))
    return scale, build_laplace(scale).map(l1)


def gaussian_price(scale: float, l2: float, delta: float) -> tuple[float, float]:
    """(ρ, ε at δ) of Gaussian noise, both from OpenDP; infinite where its curve has no float, as of ε in the thousands."""
    measurement = build_gaussian(scale)
    convert: Any = combinators.make_zCDP_to_approxDP
    try:
        return measurement.map(l2), convert(measurement).map(l2).epsilon(delta)
    except OpenDPException as error:
        if error.variant != "Overflow":
            raise
        return math.inf, math.inf
