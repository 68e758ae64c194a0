"""Unknown keys: noisy counts of units, of which those above a threshold are released with their keys. Laplace or Gaussian noise.

Specs and draws, as in ``mechanisms``, which holds OpenDP and the guards. A unit in K groups pays K in Laplace noise and √K in
Gaussian: from five to seven groups on, the Gaussian's threshold is the lower one by more than its noise is the wider.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..errors import RequestError, TacitError
from . import recording
from .events import GaussianThresholdEvent, LaplaceThresholdEvent
from .exact import Charged, ExactAggregates, IntVector, ManyKeys
from .mechanisms import (
    LIBRARY,
    Measurement,
    build_gaussian_threshold,
    build_laplace_threshold,
    chunked,
    gaussian_price,
    guard,
    noise_kind,
    record,
    solve_laplace,
)
from .ordering import key_order
from .scales import check_delta, check_epsilon, fits, float_below, smallest_gaussian_scale, smallest_threshold
from .sensitivity import Sensitivity
from .units import Delta, Epsilon

GROUPS_MAX = 2**32 - 1  # OpenDP counts the groups of a unit in 32 bits


@lru_cache(maxsize=1024)
def laplace_threshold(s: Sensitivity, epsilon: Epsilon, delta: Delta, *, unit: str) -> Measurement:
    """Noisy counts of unknown keys: smallest scale for ``epsilon``, then the smallest threshold T for ``delta``.

    A key is released when its noisy count is *above* T. Proof of δ. Keys held by others differ by at most l1/scale in
    log-mass, as for ``laplace``. A key that only this unit holds exists in one database alone and gives the unit away
    when released; there are at most l0 such, each with count ≤ linf and independent noise X, so that
    δ = 1 − (1 − P(X > T − linf))^l0, which is OpenDP's map, and the probability of what we release (not of ≥ T). ∎
    """
    check_epsilon(epsilon)
    check_delta(delta)
    _check_groups(s)
    d_in = (s.l0, s.l1, s.linf)
    scale, _ = solve_laplace(s.l1, epsilon)
    try:
        threshold = smallest_threshold(
            "laplace", scale, s.l0, s.linf, delta, lambda t: build_laplace_threshold(scale, t).map(d_in)[1]
        )
    except OverflowError:  # the map's δ is one minus a float below 1: never under 2⁻⁵³ a group
        raise RequestError(
            "delta_invalid",
            "no threshold has so small a delta: its chance is computed to 16 digits",
            hint=f"Ask for a delta of {s.l0 * 1e-15:.0e} or more, or declare the keys.",
        ) from None
    spent, spent_delta = build_laplace_threshold(scale, threshold).map(d_in)
    if not (fits(spent, epsilon) and Delta.ceil(spent_delta) <= delta):
        raise TacitError("internal_error", "the threshold's map exceeds the price it was chosen for")
    event = LaplaceThresholdEvent(unit=unit, library=LIBRARY, scale=scale, threshold=threshold, l0=s.l0, l1=s.l1,
                                  linf=s.linf, epsilon=spent, delta=spent_delta)  # fmt: skip
    return Measurement(event, s)


@lru_cache(maxsize=1024)
def gaussian_threshold(s: Sensitivity, epsilon: Epsilon, delta: Delta, *, unit: str) -> Measurement | None:
    """As ``laplace_threshold`` with discrete Gaussian noise: half of ``delta`` goes to its pair, half to the threshold.

    Proof. Keys held by others: ρ of the map, (ε, δ/2) on its profile, as for ``gaussian``. A key that only this unit holds is
    released with P(X > T − linf), which the map bounds by the continuous normal's tail from T − linf on (Canonne, Kamath and
    Steinke 2020, proposition 25), for at most l0 such keys. The two parts of δ add. ∎
    None where δ is so small that the map, a float below 1, cannot tell it from 0.
    """
    check_epsilon(epsilon)
    check_delta(delta)
    _check_groups(s)
    for_noise, for_keys = delta.split([1, 1])
    if not for_noise or not for_keys:
        return None
    d_in, at = (s.l0, s.l2, float(s.linf)), float_below(for_noise)
    scale = smallest_gaussian_scale(s.l2, epsilon, for_noise, lambda sigma: gaussian_price(sigma, s.l2, at)[1])
    try:
        threshold = smallest_threshold(
            "gaussian", scale, s.l0, s.linf, for_keys, lambda t: build_gaussian_threshold(scale, t).map(d_in)[1]
        )
    except OverflowError:
        return None
    rho, spent_delta = build_gaussian_threshold(scale, threshold).map(d_in)
    spent = gaussian_price(scale, s.l2, at)[1]
    if not (fits(spent, epsilon) and Delta.ceil(spent_delta) <= for_keys):
        raise TacitError("internal_error", "the threshold's map exceeds the price it was chosen for")
    event = GaussianThresholdEvent(unit=unit, library=LIBRARY, scale=scale, threshold=threshold, l0=s.l0, l2=s.l2,
                                   linf=s.linf, rho=rho, epsilon=spent, delta=at, threshold_delta=spent_delta)  # fmt: skip
    return Measurement(event, s)


def narrowest_threshold(s: Sensitivity, epsilon: Epsilon, delta: Delta, *, unit: str, mechanism: str) -> Measurement:
    """Laplace noise, or Gaussian where that lowers the threshold by a larger factor than it widens the noise.

    ``mechanism``: ``auto``, or the one to take.
    """
    laplace = laplace_threshold(s, epsilon, delta, unit=unit)
    gaussian = None if mechanism == "laplace" else gaussian_threshold(s, epsilon, delta, unit=unit)
    if gaussian is None or mechanism == "gaussian":
        return gaussian or laplace
    of_laplace, of_gaussian = (m.half_width() * (m.threshold or 0) for m in (laplace, gaussian))
    return gaussian if of_gaussian < of_laplace else laplace


def _check_groups(s: Sensitivity) -> None:
    if s.l0 > GROUPS_MAX:
        raise RequestError(
            "bound_invalid",
            "too many groups per unit for a threshold on unknown keys",
            hint="Lower max_groups, or declare the keys.",
        )


def draw_threshold(
    m: Measurement, exact: ExactAggregates, measure: str, charged: Charged
) -> tuple[Sequence[tuple[Any, ...]], IntVector, IntVector]:
    """Release the keys whose noisy count is above the threshold: (keys, their row indexes, their noisy counts).

    Sorted by key, so that neither the engine's order nor a hash order leaves. Row indexes stand in for the keys inside
    OpenDP: the mechanism only ever compares keys for equality, so any one-to-one relabelling has the same law.
    Groups without a unit (count ≤ 0) are no keys of the database and are left out first.
    """
    guard(m, charged, LaplaceThresholdEvent, GaussianThresholdEvent)
    event = m.event
    assert isinstance(event, LaplaceThresholdEvent | GaussianThresholdEvent)
    keys, values = exact._key_list(), exact._values(measure)
    if not (keys.distinct() if isinstance(keys, ManyKeys) else len(set(keys)) == len(keys)):
        raise TacitError("internal_error", "group keys are not distinct")
    present = np.flatnonzero(values > 0)
    if (recorder := recording.active()) is not None:
        record(recorder, m, exact, measure)
        rows = present
        noisy = values[present] + recorder.noise(noise_kind(event), m.scale, len(present))
    else:
        parts = chunked(lambda rows: _kept(event, rows, values[rows]), present)
        rows, noisy = (np.concatenate([*(p[i] for p in parts), np.zeros(0, np.int64)]) for i in range(2))
    above = noisy > event.threshold
    rows, noisy = rows[above], noisy[above]
    if isinstance(keys, ManyKeys):
        place = np.zeros(len(keys), dtype=np.int64)
        place[rows] = noisy
        rows = keys.ordered(np.sort(rows))
        return keys.take(rows), rows, place[rows]
    order = np.array(sorted(range(len(rows)), key=lambda i: key_order(keys[int(rows[i])])), dtype=np.int64)
    return [keys[int(row)] for row in rows[order]], rows[order], noisy[order]


def _kept(
    event: LaplaceThresholdEvent | GaussianThresholdEvent, rows: IntVector, counts: IntVector
) -> tuple[IntVector, IntVector]:
    """The rows that were kept, and their noisy counts, both sorted by row."""
    build = build_laplace_threshold if isinstance(event, LaplaceThresholdEvent) else build_gaussian_threshold
    kept = build(event.scale, event.threshold)(dict(zip(rows.tolist(), counts.tolist(), strict=True)))
    found = np.fromiter(kept.keys(), np.int64, len(kept))
    noisy = np.fromiter(kept.values(), np.int64, len(kept))
    order = np.argsort(found)
    return found[order], noisy[order]
