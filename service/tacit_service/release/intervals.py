"""From noisy integers to the numbers an analyst sees, with an interval for each; and re-draws of both.

Post-processing only: nothing here reads exact values. Intervals of counts and sums are the noise's own quantile; of
averages, Fieller's inversion of the ratio; of variances and quantiles, re-drawn noise around the released moments.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tacit_service.privacy import accuracy
from tacit_service.query.bounds import Type
from tacit_service.query.plan import AggKind, Output, ReleasePoint

from .estimate import Estimate, Priced, step
from .spread import variance_interval

Floats = npt.NDArray[np.float64]
CONFIDENCE = 0.95
INNER_DRAWS = 400
QUANTILE_DRAWS = 2_000


@dataclass(frozen=True, slots=True)
class Computed:
    """One output column over the released groups: values, and interval ends (all float64, NaN where undefined)."""

    values: Floats
    low: Floats
    high: Floats


def noise_of(p: Priced) -> accuracy.Noise:
    """The measure's noise in noise units."""
    kind: accuracy.Kind = "gaussian" if p.measurement.kind == "gaussian" else "laplace"
    return accuracy.Noise(kind, p.measurement.scale)


def compute(point: ReleasePoint, estimate: Estimate, noisy: dict[str, Floats], seed: int) -> dict[str, Computed]:
    """Every output column of a release point. ``noisy``: measures in noise units, histograms as (groups, bins)."""
    rng = np.random.default_rng(seed)
    return {o.name: _output(point, o, estimate, noisy, rng) for o in point.outputs}


def values_only(point: ReleasePoint, estimate: Estimate, noisy: dict[str, Floats]) -> dict[str, Floats]:
    """Output values without intervals, for re-drawn measures; leading axes of the measures are kept."""
    return {o.name: _value(point, o, estimate, noisy) for o in point.outputs}


def redraw(
    estimate: Estimate, point: ReleasePoint, noisy: dict[str, Floats], draws: int, rng: np.random.Generator
) -> dict[str, Floats]:
    """The measures with fresh noise added around what was released, ``draws`` times along a new first axis."""
    result = {}
    for m in point.measures:
        priced = estimate.of(point.name, m.name)
        around = noisy[m.name]
        result[m.name] = around + accuracy.redraw(priced.measurement, (draws, *around.shape), rng)
    return result


def _steps(estimate: Estimate, point: ReleasePoint, output: Output) -> list[Priced]:
    return [estimate.of(point.name, m) for m in output.measures]


def _value(point: ReleasePoint, output: Output, estimate: Estimate, noisy: dict[str, Floats]) -> Floats:
    priced = _steps(estimate, point, output)
    parts = [noisy[p.measure.name] * step(p.measure) for p in priced]
    lo, hi = (float(output.lo or 0), float(output.hi or 0))
    if output.kind is AggKind.COUNT:
        return np.rint(parts[0])
    if output.kind is AggKind.BIN:
        return np.rint(parts[0][..., int(output.parameter or 0)])
    if output.kind is AggKind.SUM:
        return _on_grid(parts[0], priced[0], output)
    if output.kind is AggKind.AVG:
        center = float(priced[0].measure.center)
        return center + accuracy.ratio_estimate(parts[0], parts[1], lo - center, hi - center)
    if output.kind is AggKind.QUANTILE:
        return _quantile(noisy[priced[0].measure.name], priced[0], output)
    if output.kind is AggKind.PAIR:
        return _pair(output, parts, [float(p.measure.center) for p in priced[:2]])
    mean = np.where(parts[2] > 0, parts[0] / np.where(parts[2] > 0, parts[2], 1.0), 0.0)
    square = np.where(parts[2] > 0, parts[1] / np.where(parts[2] > 0, parts[2], 1.0), 0.0)
    n = np.maximum(parts[2], 2.0)
    variance = np.clip((square - mean**2) * (n / (n - 1.0) if output.sample else 1.0), 0.0, None)
    result: Floats = np.sqrt(variance) if output.kind is AggKind.STDDEV else variance
    return np.minimum(result, hi)


def _pair(output: Output, parts: list[Floats], centers: list[float]) -> Floats:
    """COVAR, CORR, REGR_SLOPE and REGR_INTERCEPT from moments about the centers of y and x."""
    n = np.maximum(parts[-1], 1.0)
    my, mx = parts[0] / n, parts[1] / n
    covariance = parts[2] / n - mx * my
    if output.function == "covar_pop":
        return covariance
    if output.function == "covar_samp":
        return covariance * n / np.maximum(n - 1.0, 1.0)
    var_x = np.maximum(parts[3] / n - mx**2, 1e-300)
    if output.function == "corr":
        var_y = np.maximum(parts[4] / n - my**2, 1e-300)
        result: Floats = np.clip(covariance / np.sqrt(var_x * var_y), -1.0, 1.0)
        return result
    slope: Floats = covariance / var_x
    return slope if output.function == "regr_slope" else my + centers[0] - slope * (mx + centers[1])


def _on_grid(values: Floats, p: Priced, output: Output) -> Floats:
    """Sums shown on the grid of their values (whole for integers): digits past it are noise of the weights alone."""
    grid = float(p.measure.grid)
    rounded = np.rint(values / grid)
    if grid < 1 and (1 / p.measure.grid).denominator == 1:
        return rounded / float(1 / p.measure.grid)
    return np.rint(values) if output.type is Type.INTEGER else rounded * grid


def _quantile(counts: Floats, p: Priced, output: Output) -> Floats:
    """Where the running sum of noisy bin counts crosses the quantile; monotone by a running maximum."""
    candidates = np.array([float(c) for c in p.measure.candidates])
    if output.parameter in (0.0, 1.0):
        return _end(counts, p, candidates, last=output.parameter == 1.0)
    running = np.cumsum(counts, axis=-1)
    total = np.maximum(running[..., -1:], 0.0)
    target = (output.parameter or 0.0) * total
    crossed = np.maximum.accumulate(running, axis=-1) >= np.maximum(target, 1e-9)
    index = np.where(crossed.any(axis=-1), crossed.argmax(axis=-1), len(candidates) - 1)
    result: Floats = candidates[index]
    return result


def _end(counts: Floats, p: Priced, candidates: Floats, *, last: bool) -> Floats:
    """MIN and MAX: the first bin from that end by which the running count stands out of its own noise."""
    inward, values = (counts[..., ::-1], candidates[::-1]) if last else (counts, candidates)
    running = np.cumsum(inward, axis=-1)
    noise = p.measurement.scale * np.sqrt(2.0 * np.arange(1, len(values) + 1))
    found = running >= np.maximum(2.0 * noise, 0.5 * p.measure.multiplier)
    index = np.where(found.any(axis=-1), found.argmax(axis=-1), len(values) - 1)
    result: Floats = values[index]
    return result


def _output(
    point: ReleasePoint, output: Output, estimate: Estimate, noisy: dict[str, Floats], rng: np.random.Generator
) -> Computed:
    priced = _steps(estimate, point, output)
    value = _value(point, output, estimate, noisy)
    if output.kind is AggKind.QUANTILE and 0.0 < (output.parameter or 0.0) < 1.0:
        return _quantile_interval(output, priced[0], noisy[priced[0].measure.name], value, rng)
    if output.kind in (AggKind.COUNT, AggKind.SUM, AggKind.BIN):
        half = priced[0].measurement.half_width(CONFIDENCE) * step(priced[0].measure)
        if output.kind is not AggKind.SUM or output.type is Type.INTEGER:
            half = float(math.ceil(half - 1e-9))
        return Computed(value, value - half, value + half)
    if output.kind is AggKind.AVG:
        return _average(output, priced, noisy, value)
    measures = {p.measure.name: p for p in priced}
    shifted = {
        name: noisy[name] + accuracy.redraw(p.measurement, (INNER_DRAWS, *noisy[name].shape), rng)
        for name, p in measures.items()
    }
    if output.kind in (AggKind.VARIANCE, AggKind.STDDEV):
        return _spread(output, priced, noisy, shifted, value)
    drawn = _value(point, output, estimate, shifted)
    low, high = around(value, drawn)
    if output.kind is AggKind.QUANTILE:  # a value is known to its bin
        half_bin = float(priced[0].measure.grid) / 2
        low, high = low - half_bin, high + half_bin
    if output.kind is AggKind.PAIR:
        lo, hi = (-1.0, 1.0) if output.function == "corr" else (-np.inf, np.inf)
    else:
        lo, hi = float(output.lo or 0), float(output.hi or 0)
    return Computed(value, np.clip(low, lo, hi), np.clip(high, lo, hi))


def _quantile_interval(output: Output, p: Priced, counts: Floats, value: Floats, rng: np.random.Generator) -> Computed:
    """Bins that the quantile may lie in, by inversion of a test at each bin.

    Bin b holds the quantile when D_b = (running count) − q·(total) is not below 0 and D_{b−1} is. The noise of D_b has one
    law for all groups, which is re-drawn: bins stay for which neither is contradicted at its own 97.5 % point. A basic
    bootstrap on this lattice covers 75 % (measured); this is at 95 % or above.
    """
    q = output.parameter or 0.0
    candidates = np.array([float(c) for c in p.measure.candidates])
    noise = np.cumsum(accuracy.redraw(p.measurement, (QUANTILE_DRAWS, len(candidates)), rng), axis=-1)
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


def _spread(
    output: Output, priced: list[Priced], noisy: dict[str, Floats], drawn: dict[str, Floats], value: Floats
) -> Computed:
    names = [p.measure.name for p in priced]
    moments = [noisy[n] * step(p.measure) for n, p in zip(names, priced, strict=True)]
    shifted = [drawn[n] * step(p.measure) for n, p in zip(names, priced, strict=True)]
    hi = float(output.hi or 0)
    root = output.kind is AggKind.STDDEV
    low, high = variance_interval(moments, shifted, hi**2 if root else hi, CONFIDENCE)
    if root:
        low, high = np.sqrt(low), np.sqrt(high)
    return Computed(value, np.minimum(low, value), np.maximum(high, value))


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


def _average(output: Output, priced: list[Priced], noisy: dict[str, Floats], value: Floats) -> Computed:
    sums, counts = (noisy[p.measure.name] * step(p.measure) for p in priced)
    noises = [accuracy.Noise(noise_of(p).kind, p.measurement.scale * step(p.measure)) for p in priced]
    center = float(priced[0].measure.center)
    lo, hi = float(output.lo or 0) - center, float(output.hi or 0) - center
    low, high = accuracy.ratio_interval(sums, counts, noises[0], noises[1], lo, hi, CONFIDENCE)
    return Computed(value, low + center, high + center)


def half_width(point: ReleasePoint, output: Output, estimate: Estimate) -> float | None:
    """Expected half-width in the output's unit, where it does not depend on the answer."""
    if output.kind in (AggKind.COUNT, AggKind.SUM, AggKind.BIN):
        p = _steps(estimate, point, output)[0]
        return p.measurement.half_width(CONFIDENCE) * step(p.measure)
    return None


def sum_half_width(point: ReleasePoint, output: Output, estimate: Estimate) -> float:
    """For AVG: half-width of the sum alone, which divided by the group's size is about the average's."""
    p = _steps(estimate, point, output)[0]
    return p.measurement.half_width(CONFIDENCE) * step(p.measure)
