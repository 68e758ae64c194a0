"""What repeated releases prove about ε from below, with confidence: thresholds on one number, Clopper and Pearson.

If a release is (ε, δ)-private, every event E has P(E | D) ≤ e^ε P(E | D') + δ for neighbours D, D'. So from counts of E
in independent runs, with a lower confidence limit of the first probability and an upper one of the second (Clopper and
Pearson 1934, each at half of the error), ε ≥ ln((p_low − δ) / q_high) holds with the confidence. The event is chosen on
one half of the runs and judged on the other, or the confidence would be a fiction (Jagielski, Ullman, Oprea 2020).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

_Event = tuple[bool, bool, float]  # more likely with the unit; at least the cut (else below); the cut
_Vector = npt.NDArray[np.float64]

_BISECTIONS = 60
_THRESHOLDS = 64  # quantiles that are tried


@dataclass(frozen=True, slots=True)
class LowerBound:
    """ε is at least ``epsilon``, with ``confidence``; ``event`` says by which event, over ``rounds`` runs a side."""

    epsilon: float
    confidence: float
    rounds: int
    event: str


def clopper_pearson(successes: int, trials: int, error: float) -> tuple[float, float]:
    """One-sided limits at ``error`` each: P(p < low) ≤ error and P(p > high) ≤ error.

    >>> low, high = clopper_pearson(0, 100, 0.025)
    >>> low, round(high, 4)
    (0.0, 0.0362)
    """
    low = 0.0 if successes == 0 else _solve(lambda p: 1 - _cdf(successes - 1, trials, p), error)
    high = 1.0 if successes == trials else 1 - _solve(lambda p: _cdf(successes, trials, 1 - p), error)
    return low, high


def _solve(rising: Callable[[float], float], target: float) -> float:
    """The p in [0, 1] at which an increasing function reaches the target; rounded down."""
    low, high = 0.0, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if rising(middle) < target:
            low = middle
        else:
            high = middle
    return low


def _cdf(k: int, n: int, p: float) -> float:
    """P(Bin(n, p) ≤ k)."""
    if p <= 0:
        return 1.0
    if p >= 1:
        return 1.0 if k >= n else 0.0
    i = np.arange(k + 1)
    return float(min(1.0, np.exp(_log_choose(n)[: k + 1] + i * math.log(p) + (n - i) * math.log1p(-p)).sum()))


@lru_cache(maxsize=8)
def _log_choose(n: int) -> _Vector:
    factorials = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    chosen: _Vector = factorials[n] - factorials - factorials[::-1]
    return chosen


def lower_bound(
    with_unit: Sequence[float], without: Sequence[float], *, delta: float = 0.0, confidence: float = 0.99
) -> LowerBound:
    """From the same number in repeated releases of two neighbours; a key that did not appear is −inf."""
    a, b = (np.asarray(x, dtype=np.float64) for x in (with_unit, without))
    half = min(len(a), len(b)) // 2
    error = (1 - confidence) / 2
    best = max(_events(a[:half], b[:half]), key=lambda e: _promise(e, a[:half], b[:half], delta))
    proven = _epsilon(best, a[half:], b[half:], delta, error)
    side, above, cut = best
    words = f"{'at least' if above else 'below'} {cut:g} {'with' if side else 'without'} the unit"
    return LowerBound(max(0.0, proven), confidence, half, words)


def _events(a: _Vector, b: _Vector) -> list[_Event]:
    both = np.concatenate([a, b])
    finite = both[np.isfinite(both)]
    if not len(finite):
        return [(True, True, 0.0)]
    cuts = {math.ceil(c) for c in np.quantile(finite, np.linspace(0, 1, _THRESHOLDS)).tolist()}
    return [(side, above, float(cut)) for cut in cuts for side in (True, False) for above in (True, False)]


def _hits(event: _Event, a: _Vector, b: _Vector) -> tuple[int, int]:
    side, above, cut = event
    first, second = (a, b) if side else (b, a)
    one, two = (int(((x >= cut) if above else (x < cut)).sum()) for x in (first, second))
    return one, two


def _promise(event: _Event, a: _Vector, b: _Vector, delta: float) -> float:
    """About what the limits will say of an event: both probabilities moved by two standard errors."""
    p, q = ((h + 1) / (n + 2) for h, n in zip(_hits(event, a, b), (len(a), len(b)), strict=True))
    low, high = p - 2 * math.sqrt(p * (1 - p) / len(a)) - delta, q + 2 * math.sqrt(q * (1 - q) / len(b))
    return math.log(low / high) if low > 0 else -math.inf


def _epsilon(event: _Event, a: _Vector, b: _Vector, delta: float, error: float) -> float:
    hits = _hits(event, a, b)
    trials = (len(a), len(b)) if event[0] else (len(b), len(a))
    low = clopper_pearson(hits[0], trials[0], error)[0] - delta
    high = clopper_pearson(hits[1], trials[1], error)[1]
    return math.log(low / high) if low > 0 else -math.inf
