"""The chance that a group of n people passes the noisy threshold of its undeclared key: public, so told in the quote."""

from __future__ import annotations

from tacit_service.privacy.accuracy import tail
from tacit_service.privacy.mechanisms import Measurement

CHANCES = (0.05, 0.5, 0.95)


def chance(m: Measurement, people: int) -> float:
    """P(people + Z > threshold), Z of the symmetric discrete law that the mechanism draws from: half of a two-sided tail.

    Raises ``ValueError`` for a measurement without a threshold.
    """
    if m.threshold is None:
        raise ValueError("every group of this measurement is released")
    if people <= 0:
        return 0.0  # a group without people is no key of the data
    short = m.threshold - people
    if short >= 0:
        return tail(m.noise, m.scale, short) / 2
    return 1 - tail(m.noise, m.scale, -short - 1) / 2


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
