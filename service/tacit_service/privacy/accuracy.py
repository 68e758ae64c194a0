"""From noise to intervals: exact tails of the noise that mechanisms draw, and their inversion.

Nothing here touches data or spends budget. Discrete tails are exact; a sum of two noises (a difference, an average)
uses the closed form of its continuous counterpart, widened by half a lattice step so that it does not under-cover.

>>> half_width("laplace", 10.0)
30
>>> half_width("gaussian", 10.0)
20
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

Kind = Literal["laplace", "gaussian"]
Floats = npt.NDArray[np.float64]

_BISECTIONS = 32
_GRID_CELLS = 64
_SUMMED_SIGMA_MAX = 1024.0  # below, discrete Gaussian tails are summed; above, the midpoint normal is within 1e-6
_TABLED_SIGMA_MAX = 64.0  # below, re-draws use the exact mass; above, a rounded normal has a variance within 1e-4


class NoiseSpec(Protocol):
    """Anything that draws symmetric noise on integers: a ``mechanisms.Measurement``."""

    @property
    def noise(self) -> Kind:
        """The law of the noise; ``TypeError`` where none is added."""
        ...

    @property
    def scale(self) -> float:
        """Scale of the noise in noise units."""
        ...


@dataclass(frozen=True, slots=True)
class Noise:
    """Noise in the caller's own unit: ``step`` is that unit's worth of one noise unit, and ``scale`` counts it in."""

    kind: Kind
    scale: float
    step: float = 1.0


def tail(kind: Kind, scale: float, t: float) -> float:
    """P(|X| > t) for integer noise X; exact for Laplace, and for Gaussian to 1e-6 of itself up to t = 4σ."""
    if t < 0:
        return 1.0
    k = math.floor(t)
    if kind == "laplace":
        q = math.exp(-1.0 / scale)
        return 2.0 * math.exp(-(k + 1) / scale) / (1.0 + q)
    if scale < _SUMMED_SIGMA_MAX:
        pmf = _gaussian_pmf(scale)
        return float(2.0 * pmf[k + 1 :].sum())
    return math.erfc((k + 0.5) / (scale * math.sqrt(2.0)))


@lru_cache(maxsize=4096)
def half_width(kind: Kind, scale: float, confidence: float = 0.95) -> int:
    """The smallest integer t with P(|X| > t) ≤ 1 − confidence."""
    if not 0.0 < confidence < 1.0:
        raise ValueError("confidence is between 0 and 1")
    miss = 1.0 - confidence
    if kind == "laplace":
        t = math.ceil(scale * -math.log(miss * (1.0 + math.exp(-1.0 / scale)) / 2.0)) - 1
    else:
        t = math.ceil(scale * NormalDist().inv_cdf(1.0 - miss / 2.0) - 0.5)
    # The closed form may be one off by rounding, the normal guess by a little more at small scales.
    t = max(t, 0)
    while tail(kind, scale, t) > miss:
        t += 1
    while t > 0 and tail(kind, scale, t - 1) <= miss:
        t -= 1
    return t


@lru_cache(maxsize=64)
def _gaussian_pmf(sigma: float) -> Floats:
    """P(X = k) for k = 0, 1, 2, … out to 16 deviations, past which less than 1e-50 is left; P(X = −k) is the same."""
    k = np.arange(math.ceil(16.0 * sigma) + 2, dtype=np.float64)
    weight = np.exp(-0.5 * (k / sigma) ** 2)
    pmf: Floats = weight / (weight[0] + 2.0 * weight[1:].sum())
    pmf.setflags(write=False)
    return pmf


def redraw(measurement: NoiseSpec, size: int | tuple[int, ...], rng: np.random.Generator) -> Floats:
    """Fresh noise with the law of a measurement's noise, for parametric re-draws of an answer already released.

    Post-processing only: an ordinary generator is fine here, and nothing drawn here may be added to exact values.
    """
    return redraw_noise(measurement.noise, measurement.scale, size, rng)


def redraw_noise(kind: Kind, scale: float, size: int | tuple[int, ...], rng: np.random.Generator) -> Floats:
    """Integer-valued noise as float64; see ``redraw``."""
    if kind == "laplace":
        p = -math.expm1(-1.0 / scale)  # the difference of two geometric variables is discrete Laplace
        return (rng.geometric(p, size) - rng.geometric(p, size)).astype(np.float64)
    if scale >= _TABLED_SIGMA_MAX:
        return np.rint(rng.normal(0.0, scale, size))
    pmf = _gaussian_pmf(scale)
    cdf = np.cumsum(np.concatenate([pmf[:0:-1], pmf]))
    drawn: Floats = np.searchsorted(cdf, rng.random(size) * cdf[-1], side="right") - float(len(pmf) - 1)
    return drawn


# ── two noises ───────────────────────────────────────────────────────────────────────────────────────────────────────


def two_noise_quantile(first: Noise, second: Noise, weight: Floats, confidence: float = 0.95) -> Floats:
    """The ``confidence`` quantile of |X − w·Y| for independent noises X, Y and every w in ``weight``.

    Laplace and Laplace: with a ≥ b the scales of X and wY, P(|X − wY| > t) = (a²e^(−t/a) − b²e^(−t/b))/(a² − b²).
    Gaussian and Gaussian: the scales add in quadrature. One of each: the normal-Laplace law. All three depend on the
    scales' ratio only, up to a factor, so a table over the ratio (made once a confidence) answers any vector.
    """
    size = np.abs(np.asarray(weight, dtype=np.float64))
    a, b = np.float64(first.scale), size * second.scale
    if first.kind == second.kind == "laplace":
        ratio, table = _laplace_pair_table(confidence)
        larger = np.maximum(a, b)
        continuous = larger * np.interp(np.minimum(a, b) / larger, ratio, table)
    elif first.kind == second.kind == "gaussian":
        continuous = NormalDist().inv_cdf(0.5 + confidence / 2.0) * np.hypot(a, b)
    else:
        angle, table = _mixed_pair_table(confidence)
        laplace, gaussian = (a, b) if first.kind == "laplace" else (b, a)
        continuous = np.hypot(a, b) * np.interp(np.arctan2(laplace, gaussian), angle, table)
    widened: Floats = continuous + 0.5 * np.hypot(first.step, size * second.step)
    return widened


def laplace_pair_tail(ratio: Floats, t: Floats) -> Floats:
    """P(|X + ratio·Y| > t), X and Y independent Laplace of scale 1, 0 ≤ ratio ≤ 1.

    (e^(−t) − ρ²e^(−t/ρ))/(1 − ρ²), rewritten without cancellation as e^(−t)·(1 + ρt/(1+ρ)·φ(d)) with d = t(1−ρ)/ρ and
    φ(d) = (1 − e^(−d))/d, which is 1 at d = 0 (equal scales) and vanishes with ρ (one noise alone).
    """
    safe = np.maximum(ratio, 1e-300)
    d = t * (1.0 - ratio) / safe
    phi = np.where(d > 0.0, -np.expm1(-d) / np.where(d > 0.0, d, 1.0), 1.0)
    result: Floats = np.exp(-t) * (1.0 + ratio * t / (1.0 + ratio) * phi)
    return result


def normal_laplace_tail(sigma: float, b: float, t: float) -> float:
    """P(|N + L| > t) for a normal of deviation ``sigma`` and a Laplace of scale ``b``, both above zero; t ≥ 0.

    P(N + L > t) = Q(t/σ) + (A − B)/2 with A = e^(σ²/2b² − t/b)·Q(σ/b − t/σ) and B = e^(σ²/2b² + t/b)·Q(σ/b + t/σ).
    """
    x, s = t / sigma, sigma / b
    upper = _shifted_tail(s - x, x) - _shifted_tail(s + x, x)
    return 2.0 * _normal_tail(x) + upper


def _shifted_tail(z: float, x: float) -> float:
    """e^((z² − x²)/2)·Q(z), without overflow: for large z, Q(z) is e^(−z²/2) times a slowly falling ratio."""
    if z < 20.0:
        return math.exp((z * z - x * x) / 2.0) * _normal_tail(z)
    ratio = (1.0 - 1.0 / z**2 + 3.0 / z**4 - 15.0 / z**6) / (z * math.sqrt(2.0 * math.pi))
    return math.exp(-x * x / 2.0) * ratio


def _normal_tail(z: float) -> float:
    return 0.5 * math.erfc(z / math.sqrt(2.0))


@lru_cache(maxsize=64)
def _laplace_pair_table(confidence: float) -> tuple[Floats, Floats]:
    """Quantiles of |X + ρY| over a grid of ρ in [0, 1], by bisection on the closed form."""
    ratio = np.linspace(0.0, 1.0, 2049)
    lo, hi = np.zeros_like(ratio), np.full_like(ratio, 2.0 - 2.0 * math.log1p(-confidence))
    for _ in range(60):
        mid = (lo + hi) / 2.0
        above = laplace_pair_tail(ratio, mid) > 1.0 - confidence
        lo, hi = np.where(above, mid, lo), np.where(above, hi, mid)
    return ratio, hi


@lru_cache(maxsize=64)
def _mixed_pair_table(confidence: float) -> tuple[Floats, Floats]:
    """Quantiles of |cos θ·N + sin θ·L| over a grid of angles, by bisection on the closed form."""
    angle = np.linspace(0.0, math.pi / 2.0, 257)
    table = np.empty_like(angle)
    table[0] = NormalDist().inv_cdf(0.5 + confidence / 2.0)
    table[-1] = -math.log1p(-confidence)
    for i in range(1, len(angle) - 1):
        sigma, b = math.cos(angle[i]), math.sin(angle[i])
        lo, hi = 0.0, 2.0 - 2.0 * math.log1p(-confidence)
        for _ in range(40):
            mid = (lo + hi) / 2.0
            lo, hi = (mid, hi) if normal_laplace_tail(sigma, b, mid) > 1.0 - confidence else (lo, mid)
        table[i] = hi
    return angle, table


# ── a ratio of two noisy numbers ─────────────────────────────────────────────────────────────────────────────────────


def ratio_estimate(sums: Floats, counts: Floats, lo: float, hi: float) -> Floats:
    """S/N cut to [lo, hi]; the middle of the range where the noisy count is not above zero and says nothing."""
    positive = counts > 0.0
    raw = np.where(positive, sums / np.where(positive, counts, 1.0), (lo + hi) / 2.0)
    estimate: Floats = np.clip(raw, lo, hi)
    return estimate


def ratio_interval(
    sums: Floats, counts: Floats, sum_noise: Noise, count_noise: Noise, lo: float, hi: float, confidence: float = 0.95
) -> tuple[Floats, Floats]:
    """Intervals (low, high) for averages s/n from noisy sums S = s + X and noisy counts N = n + Y: Fieller's inversion.

    For the true ratio r, S − rN = X − rY, whose law is public. So {r : |S − rN| ≤ q(r)}, with q(r) the ``confidence``
    quantile of |X − rY|, holds r with that confidence whatever n is. The set is cut to [lo, hi], which bound the ratio
    by public facts. Where it is in pieces (N drowned in noise) it is closed to one interval; where it is empty (a miss
    that shows) the neighbourhood of the nearer bound stands in. The result is inside [lo, hi], never empty, and holds
    ``ratio_estimate``. Noises are in the units of the arrays.
    """
    if not (math.isfinite(lo) and math.isfinite(hi) and lo <= hi):
        raise ValueError(f"ratio range lo={lo}, hi={hi} is not a finite interval")
    sums, counts = np.asarray(sums, dtype=np.float64), np.asarray(counts, dtype=np.float64)

    def q(r: Floats) -> Floats:
        return two_noise_quantile(sum_noise, count_noise, r, confidence)

    slope = two_noise_quantile(count_noise, count_noise, np.zeros(1), confidence)[0]
    return _inverted(sums, counts, q, slope, lo, hi)


def share_interval(ones: Floats, others: Floats, noise: Noise, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Intervals for a/(a + b) in [0, 1] from noisy A and B with independent noises of one law, by the same inversion.

    For the true share p, (1−p)·A − p·B = (1−p)·X − p·Y, so that {p : |A − p(A + B)| ≤ q(p)} holds it; see ``ratio_interval``.
    """
    ones, others = np.asarray(ones, dtype=np.float64), np.asarray(others, dtype=np.float64)

    def q(p: Floats) -> Floats:
        small, large = np.minimum(abs(p), abs(1.0 - p)), np.maximum(abs(p), abs(1.0 - p))
        return large * two_noise_quantile(noise, noise, small / large, confidence)

    slope = two_noise_quantile(noise, noise, np.ones(1), confidence)[0]
    return _inverted(ones, ones + others, q, slope, 0.0, 1.0)


def _inverted(
    sums: Floats, counts: Floats, q: Callable[[Floats], Floats], slope: float, lo: float, hi: float
) -> tuple[Floats, Floats]:
    """{r in [lo, hi] : |S − rN| ≤ q(r)}. q is convex and rises, for large r, as ``slope``: where N is above that, S − rN ± q(r) fall."""
    estimate = ratio_estimate(sums, counts, lo, hi)
    strong = counts > slope
    low, high = np.full_like(estimate, lo), np.full_like(estimate, hi)
    if strong.any():
        low[strong], high[strong] = _two_roots(sums[strong], counts[strong], q, lo, hi, estimate[strong])
    if not strong.all():
        low[~strong], high[~strong] = _hull(sums[~strong], counts[~strong], q, lo, hi)
    return np.minimum(low, estimate), np.maximum(high, estimate)


def _two_roots(
    sums: Floats, counts: Floats, q: Callable[[Floats], Floats], lo: float, hi: float, estimate: Floats
) -> tuple[Floats, Floats]:
    """Where N outweighs its noise the set is one interval: between the root of S − rN = q(r) and of rN − S = q(r)."""
    centre = sums / counts
    widest = np.max(q(np.array([lo, hi]))) / counts  # convex: largest at an end
    low = _root(lambda r: sums - r * counts - q(r), centre - widest, centre, lo, hi)
    # Mirrored: with r = −u, rN − S − q(r) falls with u as well.
    high = -_root(lambda u: -u * counts - sums - q(-u), -centre - widest, -centre, -hi, -lo)
    # A release that points past lo or hi leaves a sliver at that end, or nothing: true to the confidence, yet read as
    # precision that is not there. Keep at least a quarter of the usual reach on each side of the estimate.
    least = q(estimate) / counts / 4.0
    return np.minimum(low, np.maximum(lo, estimate - least)), np.maximum(high, np.minimum(hi, estimate + least))


def _root(falling: Callable[[Floats], Floats], start: Floats, end: Floats, lo: float, hi: float) -> Floats:
    """The smallest r in [lo, hi] with falling(r) ≤ 0 (``hi`` if there is none), sought in [start, end], from below."""
    a, b = np.clip(start, lo, hi), np.clip(end, lo, hi)
    for _ in range(_BISECTIONS):
        middle = (a + b) / 2.0
        above = falling(middle) > 0.0
        a, b = np.where(above, middle, a), np.where(above, b, middle)
    return a


def _hull(sums: Floats, counts: Floats, q: Callable[[Floats], Floats], lo: float, hi: float) -> tuple[Floats, Floats]:
    """The set's hull on a grid, one cell wider on each side; the whole range where no point of the grid is in it."""
    grid = np.linspace(lo, hi, _GRID_CELLS + 1)
    reach = q(grid)
    first, last = np.full(sums.shape, _GRID_CELLS), np.zeros(sums.shape, dtype=np.intp)
    for i, r in enumerate(grid):
        inside = np.abs(sums - r * counts) <= reach[i]
        first = np.where(inside, np.minimum(first, i), first)
        last = np.where(inside, i, last)
    none = first > last
    low = np.where(none, lo, grid[np.maximum(first - 1, 0)])
    high = np.where(none, hi, grid[np.minimum(last + 1, _GRID_CELLS)])
    return low, high
