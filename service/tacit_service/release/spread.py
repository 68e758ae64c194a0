"""Intervals for quotients of noisy moments (variances, covariances, correlations, slopes), by inversion of a test.

A statistic θ = T/B of exact moments solves g(θ) = T − θ·B = 0. From the noisy moments the same expression ĝ(θ) is that plus
a deviation whose law is re-drawn around what was released; the interval holds every θ of its range for which ĝ(θ) lies
within the central 95 % of its own deviation. A bootstrap of the clipped ratio is false for small groups (it gives [0, 0]).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from .values import Quotient

Floats = npt.NDArray[np.float64]
GRID = 96
ROUNDS = 4
REACH = 8.0  # deviations to each side within which an unbounded statistic is sought


def quotient_interval(now: Quotient, drawn: Quotient, confidence: float) -> tuple[Floats, Floats]:
    """Ends for each group, in the output's own unit. ``drawn``: the same with fresh noise, draws along axis 0."""
    deviation_top, deviation_bottom = drawn.top - now.top, drawn.bottom - now.bottom
    low, high = np.zeros_like(now.top), np.zeros_like(now.top)
    for k in range(len(now.top)):
        top, bottom = float(now.top[k]), float(now.bottom[k])
        by_top, by_bottom = deviation_top[:, k], deviation_bottom[:, k]
        ends = _range(now, k, top, bottom, by_top, by_bottom)
        low[k], high[k] = _one(top, bottom, by_top, by_bottom, ends, confidence)
    return now.shown(low), now.shown(high)


def _range(now: Quotient, k: int, top: float, bottom: float, by_top: Floats, by_bottom: Floats) -> tuple[float, float]:
    """Where the quotient may lie: its public range, or some deviations around the estimate."""
    if np.isfinite(now.lo) and np.isfinite(now.hi):
        times = float(now.times[k])
        low, high = (now.lo**2, now.hi**2) if now.root else (now.lo, now.hi)
        return low / times, high * float(np.broadcast_to(now.stretch, now.top.shape)[k]) / times
    floor = max(bottom, float(np.std(by_bottom)), 1e-300)
    center = top / floor
    reach = REACH * float(np.std(by_top - center * by_bottom)) / floor
    return center - reach, center + reach


def _one(
    top: float, square: float, by_top: Floats, by_square: Floats, ends: tuple[float, float], confidence: float
) -> tuple[float, float]:
    tail = (1 - confidence) / 2

    def inside(theta: Floats) -> npt.NDArray[np.bool_]:
        reach = np.quantile(by_top[:, None] - theta[None, :] * by_square[:, None], [tail, 1 - tail], axis=0)
        now = top - theta * square
        result: npt.NDArray[np.bool_] = (now >= reach[0]) & (now <= reach[1])
        return result

    lo, hi = ends
    theta = np.linspace(lo, hi, GRID)
    estimate = min(max(top / square, lo), hi) if square > 0 else (lo + hi) / 2
    theta = np.unique(np.append(theta, estimate))
    kept = np.flatnonzero(inside(theta))
    if len(kept) == 0:
        kept = np.array([int(np.searchsorted(theta, estimate))])
    low, high = _edge(theta, int(kept[0]), inside, -1), _edge(theta, int(kept[-1]), inside, 1)
    return min(low, estimate), max(high, estimate)


def _edge(theta: Floats, at: int, inside: Callable[[Floats], npt.NDArray[np.bool_]], side: int) -> float:
    """The end next to grid point ``at``, by finer grids towards its neighbour outside."""
    neighbour = at + side
    if not 0 <= neighbour < len(theta):
        return float(theta[at])
    good, bad = float(theta[at]), float(theta[neighbour])
    for _ in range(ROUNDS):
        points = np.linspace(good, bad, 9)
        ok = inside(points)
        last = int(np.flatnonzero(ok)[-1]) if ok.any() else 0
        good, bad = float(points[last]), float(points[min(last + 1, 8)])
    return bad
