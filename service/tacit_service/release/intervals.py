"""From noisy integers to the numbers an analyst sees, with an interval for each; and re-draws of both.

Post-processing only: nothing here reads exact values. Intervals of counts and sums are the noise's own quantile; of
averages, Fieller's inversion of the ratio; of variances and correlations, the inversion of a test by re-drawn noise; of
quantiles, see ``ranks``.
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
from .extremes import end_interval
from .ranks import expected_width, quantile_interval
from .ranks import redraw as again
from .shares import expected, slopes
from .spread import quotient_interval
from .values import average_ends, linear, quotient, value

Floats = npt.NDArray[np.float64]
CONFIDENCE = 0.95
INNER_DRAWS = 600
WINDOW = 10_000  # groups whose re-draws are in memory at once
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
        around, priced = noisy[m.name], estimate.of(point.name, m.name)
        if m.rank is None:
            result[m.name] = around + priced.redraw((draws, *around.shape), rng)
        else:  # a chosen bin and the cells around it
            cells = (draws, around.shape[0], around.shape[1] - 2)
            result[m.name] = again(m, around, priced.redraw(cells, rng))
    return result


def _priced(estimate: Estimate, point: ReleasePoint, output: Output) -> list[Priced]:
    return [estimate.of(point.name, m) for m in output.measures]


def _value(output: Output, priced: list[Priced], noisy: dict[str, Floats]) -> Floats:
    parts = [noisy[p.measure.name] for p in priced]
    return value(output, [p.measure for p in priced], parts, priced[0].noise)


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
        low, high = _quotient(output, priced, noisy, rng)
        return Computed(shown, np.minimum(low, shown), np.maximum(high, shown))
    return _quantile(output, priced[0], noisy[priced[0].measure.name], shown, rng)


def _quotient(
    output: Output, priced: list[Priced], noisy: dict[str, Floats], rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Interval ends of a quotient in every group, window by window: re-draws of very many groups do not fit in memory."""
    measures = [p.measure for p in priced]
    ends: list[tuple[Floats, Floats]] = []
    groups = noisy[measures[0].name].shape[0]
    for start in range(0, max(groups, 1), WINDOW):
        parts = [noisy[m.name][start : start + WINDOW] for m in measures]
        drawn = [n + p.redraw((INNER_DRAWS, *n.shape), rng) for p, n in zip(priced, parts, strict=True)]
        released, again = quotient(output, measures, parts), quotient(output, measures, drawn)
        ends.append(quotient_interval(released, again, CONFIDENCE))
    low, high = (np.concatenate(side) for side in zip(*ends, strict=True))
    return low, high


def _quantile(output: Output, p: Priced, released: Floats, shown: Floats, rng: np.random.Generator) -> Computed:
    if 0.0 < (output.parameter or 0.0) < 1.0:
        return Computed(shown, *quantile_interval(output, p.measure, released, shown, p.noise.kind, p.scale))
    noise = p.redraw((QUANTILE_DRAWS, len(p.measure.candidates)), rng)
    return Computed(shown, *end_interval(output, p.measure, released, shown, noise))


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
    """About the half-width in a group of that many rows, values spread over their bounds; ``None`` for MIN and MAX."""
    priced = _priced(estimate, point, output)
    if output.kind is AggKind.QUANTILE:
        return expected_width(output, priced[0].measure, rows, priced[0].noise.kind, priced[0].scale)
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
