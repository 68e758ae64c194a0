"""From noisy measures to the numbers of a release point: each aggregate as a function of its measures.

Post-processing only. Arrays are measures in noise units, groups along the last axis (a histogram's bins after it); any
axes before are re-draws.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tacit_service.privacy import accuracy
from tacit_service.query.bounds import Type
from tacit_service.query.plan import CURVE, AggKind, Measure, MeasureKind, Output

from .ranks import quantile

Floats = npt.NDArray[np.float64]


def step(m: Measure) -> float:
    """One noise unit in the output's own unit: of a row for counts and cells, of the value for sums."""
    if m.axes:
        return 1.0 / m.multiplier / math.prod(a.width for a in m.axes) ** (2 if m.cell == (CURVE,) else 1)
    return float(m.grid / m.multiplier) if m.kind is MeasureKind.SUM else 1.0 / m.multiplier


def linear(output: Output, measures: Sequence[Measure]) -> list[float] | None:
    """The factors by which a COUNT or SUM is a sum of its measures; ``None`` for aggregates that are not.

    Of a pair with A = Σu and B = Σt: n = (A + B)/w, and Σv = (high·A + low·B)/w.
    """
    if output.kind not in (AggKind.COUNT, AggKind.SUM, AggKind.BIN):
        return None
    one = measures[0]
    if not one.axes:
        return [step(one)]
    low, high = (float(e) for e in one.axes[0].ends)
    ends = (1.0, 1.0) if output.kind is AggKind.COUNT else (high, low)
    return [e * step(m) for e, m in zip(ends, measures, strict=True)]


def value(output: Output, measures: Sequence[Measure], parts: Sequence[Floats], noise: accuracy.Noise) -> Floats:
    """The output from its measures; ``noise`` of the first, which only quantiles look at."""
    factors = linear(output, measures)
    if output.kind is AggKind.BIN:
        return np.rint(parts[0][..., int(output.parameter or 0)] * step(measures[0]))
    if factors is not None:
        total: Floats = np.add.reduce([f * p for f, p in zip(factors, parts, strict=True)])
        return np.rint(total) if output.kind is AggKind.COUNT else _on_grid(total, measures[0], output)
    if output.kind is AggKind.AVG:
        low, high = (float(e) for e in measures[0].axes[0].ends)
        share = accuracy.ratio_estimate(parts[0], parts[0] + parts[1], 0.0, 1.0)
        lo, hi = average_ends(output, measures[0])
        mean: Floats = np.clip(low + (high - low) * share, lo, hi)
        return mean
    if output.kind is AggKind.QUANTILE:
        return quantile(output, measures[0], parts[0], noise.kind, noise.scale)
    fraction = quotient(output, measures, parts)
    return fraction.value()


def average_ends(output: Output, m: Measure) -> tuple[float, float]:
    """Between what an average lies: the value's bounds, or those that an earlier stage found."""
    if output.lo is None or output.hi is None:
        low, high = m.axes[0].ends
        return float(low), float(high)
    return float(output.lo), float(output.hi)


@dataclass(frozen=True, slots=True)
class Quotient:
    """A statistic that is ``top / bottom`` (its root, for a deviation), times ``times``, within [lo, hi].

    ``stretch``: n/(n − 1), by which a variance of a sample may pass the largest of a population.
    """

    top: Floats
    bottom: Floats
    times: Floats
    lo: float
    hi: float
    root: bool
    stretch: Floats | float = 1.0

    def value(self) -> Floats:
        """The statistic; 0 (or the nearest bound) where the noisy bottom says nothing."""
        known = self.bottom > 0
        raw = np.where(known, self.top / np.where(known, self.bottom, 1.0), 0.0)
        return self.shown(raw)

    def shown(self, ratio: Floats) -> Floats:
        """A value of top/bottom in the output's own unit."""
        scaled = ratio * self.times
        if self.root:
            scaled = np.sqrt(np.maximum(scaled, 0.0))
        most = self.hi * (np.sqrt(self.stretch) if self.root else self.stretch)
        result: Floats = np.clip(scaled, self.lo, most)
        return result


def quotient(output: Output, measures: Sequence[Measure], parts: Sequence[Floats]) -> Quotient:
    """Variances, covariances, correlations and regressions from moments about the middle of each axis, of width 1."""
    steps = [p * step(m) for p, m in zip(parts, measures, strict=True)]
    if output.kind in (AggKind.VARIANCE, AggKind.STDDEV):
        n, first = steps[0] + steps[1], (steps[0] - steps[1]) / 2.0
        square = _second(steps[2], n, measures[2])
        low, high = measures[0].axes[0].ends
        width = float(high - low)
        sample = _bessel(n, output.sample)
        return Quotient(
            square * n - first**2,
            n**2,
            width**2 * sample,
            0.0,
            float(output.hi or 0),
            output.kind is AggKind.STDDEV,
            sample,
        )
    return _pair(output, measures, steps)


def _second(curve: Floats, n: Floats, m: Measure) -> Floats:
    """Σ(p − ½)² from the curve Σ(p(1−p) − ⅛): n/4 − Σp(1−p)."""
    width = m.axes[0].width
    return n / 4.0 - (curve + n * ((width**2 // 8) / width**2))


def _bessel(n: Floats, sample: bool) -> Floats:
    n = np.maximum(n, 2.0)
    return n / (n - 1.0) if sample else np.ones_like(n)


def _pair(output: Output, measures: Sequence[Measure], steps: Sequence[Floats]) -> Quotient:
    """COVAR, CORR, REGR_SLOPE and REGR_INTERCEPT of y and x."""
    both, y_only, x_only, neither = steps[:4]
    n = both + y_only + x_only + neither
    y, x = (both + y_only - x_only - neither) / 2.0, (both + x_only - y_only - neither) / 2.0
    cross = (both - y_only - x_only + neither) / 4.0 * n - y * x
    (y_low, y_high), (x_low, x_high) = ([float(e) for e in a.ends] for a in measures[0].axes)
    wy, wx = y_high - y_low, x_high - x_low
    ones = np.ones_like(n)
    if output.function.startswith("covar"):
        times = wy * wx * _bessel(n, output.function == "covar_samp")
        return Quotient(cross, n**2, times, -wy * wx / 2, wy * wx / 2, False)
    spread_x = _second(steps[4], n, measures[4]) * n - x**2
    if output.function == "corr":
        spread_y = _second(steps[5], n, measures[5]) * n - y**2
        bottom = np.sqrt(np.maximum(spread_x, 0.0) * np.maximum(spread_y, 0.0))
        return Quotient(cross, bottom, ones, -1.0, 1.0, False)
    if output.function == "regr_slope":
        return Quotient(cross, spread_x, ones * (wy / wx), -np.inf, np.inf, False)
    # intercept = ȳ − slope·x̄, over one bottom
    mean_y, mean_x = (y_low + y_high) / 2.0, (x_low + x_high) / 2.0
    square = _second(steps[4], n, measures[4])
    product = (both - y_only - x_only + neither) / 4.0
    centred = wy * (y * square - x * product)
    return Quotient(
        centred + mean_y * spread_x - (wy / wx) * mean_x * cross, spread_x, ones, -np.inf, np.inf, False
    )  # fmt: skip


def _on_grid(values: Floats, m: Measure, output: Output) -> Floats:
    """Sums shown on the grid of their values (whole for integers): digits past it are noise of the weights alone."""
    grid = float(m.grid)
    rounded = np.rint(values / grid)
    if grid < 1 and (1 / m.grid).denominator == 1:
        return rounded / float(1 / m.grid)
    return np.rint(values) if output.type is Type.INTEGER else rounded * grid
