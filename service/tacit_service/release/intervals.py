"""From noisy integers to the numbers an analyst sees, with an interval for each; and re-draws of both.

Post-processing only: nothing here reads exact values. Intervals of counts and sums are the noise's own quantile; of
averages, Fieller's inversion of the ratio; of variances, correlations and quantiles, the inversion of a test by re-drawn noise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tacit_service.privacy import accuracy
from tacit_service.query.bounds import Type
from tacit_service.query.plan import AggKind, Output, ReleasePoint

from .estimate import Estimate, Priced
from .shares import expected, slopes
from .spread import quotient_interval
from .values import average_ends, linear, quotient, value

Floats = npt.NDArray[np.float64]
CONFIDENCE = 0.95
INNER_DRAWS = 600
QUANTILE_DRAWS = 2_000
NORMAL_95 = 1.96


@dataclass(frozen=True, slots=True)
class Computed:
    """One output column over the released groups: values, and interval ends (all float64, NaN where undefined)."""

    values: Floats
    low: Floats
    high: Floats


def compute(point: ReleasePoint, estimate: Estimate, noisy: dict[str, Floats], seed: int) -> dict[str, Computed]:
    """Every output column of a release point. ``noisy``: measures in noise units, histograms as (groups, bins)."""
    rng = np.random.default_rng(seed)
    return {o.name: _output(point, o, estimate, noisy, rng) for o in point.outputs}


def values_only(point: ReleasePoint, estimate: Estimate, noisy: dict[str, Floats]) -> dict[str, Floats]:
    """Output values without intervals, for re-drawn measures; leading axes of the measures are kept."""
    return {o.name: _value(o, _priced(estimate, point, o), noisy) for o in point.outputs}


def redraw(
    estimate: Estimate, point: ReleasePoint, noisy: dict[str, Floats], draws: int, rng: np.random.Generator
) -> dict[str, Floats]:
    """The measures with fresh noise added around what was released, ``draws`` times along a new first axis."""
    result = {}
    for m in point.measures:
        around = noisy[m.name]
        result[m.name] = around + estimate.of(point.name, m.name).redraw((draws, *around.shape), rng)
    return result


def _priced(estimate: Estimate, point: ReleasePoint, output: Output) -> list[Priced]:
    return [estimate.of(point.name, m) for m in output.measures]


def _value(output: Output, priced: list[Priced], noisy: dict[str, Floats]) -> Floats:
    parts = [noisy[p.measure.name] for p in priced]
    return value(output, [p.measure for p in priced], parts, priced[0].scale)


def _output(
    point: ReleasePoint, output: Output, estimate: Estimate, noisy: dict[str, Floats], rng: np.random.Generator
) -> Computed:
    priced = _priced(estimate, point, output)
    shown = _value(output, priced, noisy)
    half = half_width(point, output, estimate)
    if half is not None:
        if output.kind is AggKind.COUNT or output.type is Type.INTEGER:
            half = float(math.ceil(half - 1e-9))
        return Computed(shown, shown - half, shown + half)
    if output.kind is AggKind.AVG:
        return _average(output, priced, noisy, shown)
    if output.kind is not AggKind.QUANTILE:
        measures = [p.measure for p in priced]
        parts = [noisy[m.name] for m in measures]
        drawn = [n + p.redraw((INNER_DRAWS, *n.shape), rng) for p, n in zip(priced, parts, strict=True)]
        low, high = quotient_interval(quotient(output, measures, parts), quotient(output, measures, drawn), CONFIDENCE)
        return Computed(shown, np.minimum(low, shown), np.maximum(high, shown))
    if 0.0 < (output.parameter or 0.0) < 1.0:
        return _quantile_interval(output, priced[0], noisy[priced[0].measure.name], shown, rng)
    return _end_interval(output, priced[0], noisy[priced[0].measure.name], shown, rng)


def _end_interval(output: Output, p: Priced, counts: Floats, shown: Floats, rng: np.random.Generator) -> Computed:
    """MIN and MAX: from the innermost bin that the end may lie in to the declared bound, where one person may always hide.

    If the largest value lies in bin b, the bins beyond it are empty, and their noisy sum is noise alone: b stays unless that
    sum is above its own 95 % point. Nothing can say that nobody is further out, since one person drowns in the noise.
    """
    last = output.parameter == 1.0
    values = np.array([float(c) for c in p.measure.candidates])
    inward, places = (counts[..., ::-1], values[::-1]) if last else (counts, values)
    noise = np.cumsum(p.redraw((QUANTILE_DRAWS, len(places)), rng), axis=-1)
    reach = np.concatenate([[0.0], np.quantile(noise, CONFIDENCE, axis=0)[:-1]])
    beyond = np.concatenate([np.zeros_like(inward[..., :1]), np.cumsum(inward, axis=-1)[..., :-1]], axis=-1)
    possible = beyond <= reach
    inner = places[len(places) - 1 - possible[..., ::-1].argmax(axis=-1)]
    half_bin = float(p.measure.grid) / 2  # a value is known to its bin
    lo, hi = float(output.lo or 0), float(output.hi or 0)
    if last:
        return Computed(shown, np.clip(np.minimum(inner, shown) - half_bin, lo, hi), np.full_like(shown, hi))
    return Computed(shown, np.full_like(shown, lo), np.clip(np.maximum(inner, shown) + half_bin, lo, hi))


def _quantile_interval(output: Output, p: Priced, counts: Floats, value: Floats, rng: np.random.Generator) -> Computed:
    """Bins that the quantile may lie in, by inversion of a test at each bin.

    Bin b holds the quantile when D_b = (running count) − q·(total) is not below 0 and D_{b−1} is. The noise of D_b has one
    law for all groups, which is re-drawn: bins stay for which neither is contradicted at its own 97.5 % point. A basic
    bootstrap on this lattice covers 75 % (measured); this is at 95 % or above.
    """
    q = output.parameter or 0.0
    candidates = np.array([float(c) for c in p.measure.candidates])
    noise = np.cumsum(p.redraw((QUANTILE_DRAWS, len(candidates)), rng), axis=-1)
    reach = np.quantile(noise - q * noise[:, -1:], (1 + CONFIDENCE) / 2, axis=0)
    running = np.cumsum(counts, axis=-1)
    deviation = running - q * running[..., -1:]
    above = deviation + reach >= 0
    below = np.concatenate([np.ones_like(above[..., :1]), (deviation - reach)[..., :-1] < 0], axis=-1)
    kept = above & below
    some = kept.any(axis=-1)
    first = np.where(some, kept.argmax(axis=-1), 0)
    last = np.where(some, len(candidates) - 1 - kept[..., ::-1].argmax(axis=-1), len(candidates) - 1)
    half_bin = float(p.measure.grid) / 2
    lo, hi = float(output.lo or 0), float(output.hi or 0)
    low = np.clip(np.minimum(candidates[first], value) - half_bin, lo, hi)
    high = np.clip(np.maximum(candidates[last], value) + half_bin, lo, hi)
    return Computed(value, low, high)


def around(value: Floats, drawn: Floats) -> tuple[Floats, Floats]:
    """Basic bootstrap interval: the released value less the quantiles of (re-drawn − released), draws along axis 0."""
    tail = (1 - CONFIDENCE) / 2
    with np.errstate(invalid="ignore"):
        shift = np.where(np.isfinite(drawn), drawn, np.nan) - value
    known = ~np.isnan(shift).all(axis=0)  # a row that no re-draw reached has no interval
    low_q, high_q = np.full(value.shape, np.nan), np.full(value.shape, np.nan)
    if known.any():
        low_q[known], high_q[known] = np.nanquantile(shift[:, known], [tail, 1 - tail], axis=0)
    return value - high_q, value - low_q


def _average(output: Output, priced: list[Priced], noisy: dict[str, Floats], shown: Floats) -> Computed:
    ones, others = (noisy[p.measure.name] for p in priced)
    first, last = (float(e) for e in priced[0].measure.axes[0].ends)
    low, high = accuracy.share_interval(ones, others, priced[0].noise, CONFIDENCE)
    lo, hi = average_ends(output, priced[0].measure)
    low, high = (np.clip(first + (last - first) * e, lo, hi) for e in (low, high))
    return Computed(shown, np.minimum(low, shown), np.maximum(high, shown))


def expected_half_width(point: ReleasePoint, output: Output, estimate: Estimate, rows: float) -> float | None:
    """About the half-width in a group of that many rows, values spread over their bounds; ``None`` for quantiles."""
    if output.kind is AggKind.QUANTILE:
        return None
    priced = _priced(estimate, point, output)
    slope = slopes(output, [p.measure for p in priced], rows, expected(point, rows))
    deviation = math.sqrt(
        sum((s * p.scale) ** 2 * (1 if p.noise.kind == "gaussian" else 2) for s, p in zip(slope, priced, strict=True))
    )
    return NORMAL_95 * deviation


def half_width(point: ReleasePoint, output: Output, estimate: Estimate) -> float | None:
    """Expected half-width in the output's unit, where public facts alone decide it."""
    priced = _priced(estimate, point, output)
    factors = linear(output, [p.measure for p in priced])
    if factors is None or any(a.found_by for p in priced for a in p.measure.axes):
        return None
    return _linear_half_width(priced, factors)


def _linear_half_width(priced: list[Priced], factors: list[float]) -> float:
    if len(priced) == 1:
        return priced[0].half_width(CONFIDENCE) * factors[0]
    noises = [accuracy.Noise(p.noise.kind, abs(f) * p.scale, 0.0) for p, f in zip(priced, factors, strict=True)]
    noises.sort(key=lambda n: -n.scale)
    return float(accuracy.two_noise_quantile(noises[0], noises[1], np.ones(1), CONFIDENCE)[0])
