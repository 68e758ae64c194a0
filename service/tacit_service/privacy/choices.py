"""Choosing among public candidates by OpenDP's noisy max (permute-and-flip): one choice, or one in each group of a release.

McKenna and Sheldon, "Permute-and-Flip: A new mechanism for differentially private selection" (2020). Specs and draws, as in
``mechanisms``, which holds OpenDP and the guards; exact values are read here for scores, and for the cells around what was
chosen, which go into another measurement.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import cast

import numpy as np

from ..errors import RequestError, TacitError
from . import nearby, recording
from .events import NoisyChoicesEvent, NoisyMaxEvent
from .exact import Charged, ExactAggregates, IntVector
from .mechanisms import LIBRARY, Measurement, build_noisy_max, guard, record
from .scales import check_epsilon, smallest_scale
from .sensitivity import Sensitivity, weights
from .units import Epsilon


@lru_cache(maxsize=4096)
def noisy_max(candidates: int, linf: int, epsilon: Epsilon, *, unit: str, monotonic: bool = False) -> Measurement:
    """Choose one of ``candidates`` by permute-and-flip over integer scores that a unit moves by at most ``linf`` each.

    ``monotonic`` says that adding a unit moves all scores in the same direction, which halves the price; the caller
    proves it. The price does not depend on the number of candidates.
    """
    _check(candidates, epsilon)
    s = Sensitivity(l0=candidates, l1=candidates * linf, l2=float(candidates * linf), linf=linf)
    scale, spent = _solved(linf, epsilon, monotonic)
    event = NoisyMaxEvent(unit=unit, library=LIBRARY, scale=scale, linf=linf, monotonic=monotonic,
                          candidates=candidates, epsilon=spent)  # fmt: skip
    return Measurement(event, s)


@lru_cache(maxsize=4096)
def noisy_choices(candidates: int, total: int, epsilon: Epsilon, *, unit: str) -> Measurement:
    """Choose one of ``candidates`` in every group, over scores that a unit moves by at most m_g in group g, Σ m_g ≤ ``total``.

    Proof of the price. Noisy max over scores that move by at most m_g costs 2·m_g/scale, and choices of different groups are
    drawn independently: the whole costs 2·Σm_g/scale ≤ 2·total/scale, which OpenDP's map of ``total``, rounded up, is. ∎
    The sensitivity's norms are over groups, of the most that a score moves in each.
    """
    _check(candidates, epsilon)
    scale, spent = _solved(total, epsilon, False)
    event = NoisyChoicesEvent(
        unit=unit, library=LIBRARY, scale=scale, total=total, candidates=candidates, epsilon=spent
    )
    return Measurement(event, weights(total))


def _check(candidates: int, epsilon: Epsilon) -> None:
    check_epsilon(epsilon)
    if candidates < 1:
        raise RequestError("bound_invalid", "a choice needs at least one candidate")


def _solved(linf: int, epsilon: Epsilon, monotonic: bool) -> tuple[float, float]:
    """(scale, ε): the smallest scale that fits, and what OpenDP's map says that it costs."""

    def price(scale: float) -> float:
        return cast(float, build_noisy_max(scale, monotonic).map(linf))

    scale = smallest_scale(linf if monotonic else 2 * linf, epsilon, price)
    return scale, price(scale)


def draw_max(m: Measurement, exact: ExactAggregates, measure: str, charged: Charged) -> int:
    """Choose the index of one candidate; the measure's groups are the candidates, its values their scores."""
    guard(m, charged, NoisyMaxEvent)
    event = cast(NoisyMaxEvent, m.event)
    scores = exact._values(measure)
    if len(scores) != event.candidates:
        raise TacitError("internal_error", "the scores do not match the candidates that were charged")
    if (recorder := recording.active()) is not None:
        record(recorder, m, exact, measure)
        return int(np.argmax(scores))
    return int(build_noisy_max(event.scale, event.monotonic)(scores.tolist()))


def draw_ranks(
    m: Measurement, exact: ExactAggregates, measure: str, rank: Fraction, multiplier: int, charged: Charged
) -> IntVector:
    """Choose for every group the bin that holds the rank; the measure's cells are groups × the candidates that were charged.

    Post: an index below ``candidates`` for each group, in the order of the groups.
    """
    guard(m, charged, NoisyChoicesEvent)
    event = cast(NoisyChoicesEvent, m.event)
    cells = exact._values(measure).reshape(-1, event.candidates)
    scores = nearby.scores(cells, rank, multiplier)
    if (recorder := recording.active()) is not None:
        groups = _groups(exact, event.candidates)
        recorder.add(recording.Draw(measure, m.kind, scores.reshape(-1), groups, m.sensitivity, m.scale))
        return recorder.choices(measure, groups, np.argmax(scores, axis=1).astype(np.int64))
    choose = build_noisy_max(event.scale, False)
    return np.array([int(choose(row.tolist())) for row in scores], dtype=np.int64)


def around(exact: ExactAggregates, measure: str, centres: IntVector, bins: int) -> ExactAggregates:
    """The exact rows in the cells around each group's released centre, for a measurement that was charged for the bins."""
    cells = exact._values(measure).reshape(-1, bins)
    found = nearby.around(cells, centres)
    keys = [(*key, cell) for key in _groups(exact, bins) for cell in range(found.shape[1])]
    return ExactAggregates(keys, {measure: found.reshape(-1)}, keys_are_public=True)


def _groups(exact: ExactAggregates, bins: int) -> tuple[tuple[object, ...], ...]:
    """The groups of a histogram, whose keys end in the bin."""
    return tuple(key[:-1] for key in exact._key_list()[::bins])
