"""The chance that a group of n people passes the noisy threshold of its undeclared key: public, so told in the quote."""

from __future__ import annotations

import math

from tacit_service.privacy.mechanisms import Measurement

CHANCES = (0.05, 0.5, 0.95)


def chance(m: Measurement, people: int) -> float:
    """P(people + Z > threshold), Z of the discrete Laplace law P(Z = z) ∝ exp(−|z|/scale) that the mechanism draws from.

    For p = exp(−1/scale) and d = threshold + 1 − people: P(Z ≥ d) = p^d / (1 + p) for d ≥ 1, else 1 − p^(1−d) / (1 + p).
    Raises ``ValueError`` for a measurement without a threshold.
    """
    if m.threshold is None:
        raise ValueError("every group of this measurement is released")
    if people <= 0:
        return 0.0  # a group without people is no key of the data
    d = m.threshold + 1 - people
    p = math.exp(-1.0 / m.scale)
    return p**d / (1 + p) if d >= 1 else 1 - p ** (1 - d) / (1 + p)


def people_for(m: Measurement, wanted: float) -> int:
    """The smallest group that appears with at least that chance."""
    low, high = 0, 1
    while chance(m, high) < wanted:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if chance(m, middle) < wanted else (low, middle)
    return high


def survival(m: Measurement) -> list[tuple[int, float]]:
    """Group sizes that appear with chances of about 5, 50 and 95 %, with the exact chance of each."""
    return [(n, chance(m, n)) for n in (people_for(m, c) for c in CHANCES)]


def in_words(points: list[tuple[int, float]]) -> str:
    """One sentence for the notes.

    >>> in_words([(3, 0.051), (20, 0.5)])
    'A group of 3 people appears with a chance of 5 %, one of 20 with 50 %.'
    """
    (first, c), *rest = points
    more = "".join(f", one of {n} with {100 * x:.0f} %" for n, x in rest)
    return f"A group of {first} people appears with a chance of {100 * c:.0f} %{more}."
