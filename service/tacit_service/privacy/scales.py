"""From a price asked to the noise that it buys: the smallest scale, and the smallest threshold, that fit.

Pure search. What a scale costs is told by a callable, which ``mechanisms`` takes from OpenDP's own privacy maps; the
closed forms here only say where to start looking, and no answer rests on them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from statistics import NormalDist
from typing import Literal

from ..errors import RequestError, TacitError
from .units import Delta, Epsilon

SCALE_MIN = 2.0**-20
SCALE_MAX = 2.0**50
_NUDGES_MAX = 64
_SCALES_MAX = 64  # of noise above the largest lone count: passed with a chance below 1e-27


def fits(price: float, epsilon: Epsilon) -> bool:
    """Whether the map's float is at most the exact decimal asked: ⌈x⌉ ≤ n holds just when x ≤ n."""
    return price < math.inf and Epsilon.ceil(price) <= epsilon


def float_below(delta: Delta) -> float:
    """The largest float that is not above the exact amount."""
    exact = Fraction(delta.units, 10**Delta.DIGITS)
    near = float(exact)
    return near if Fraction(near) <= exact else math.nextafter(near, 0.0)


def smallest_scale(sensitivity: int, epsilon: Epsilon, price: Callable[[float], float]) -> float:
    """The smallest float scale b with ``price(b) ≤ epsilon`` for a price of about ``sensitivity / b``.

    The price is monotone in b and correctly rounded, so the answer is a few floats away from the closed form.
    """
    seed = Fraction(sensitivity * 10**Epsilon.DIGITS, epsilon.units)
    if not SCALE_MIN <= seed <= SCALE_MAX:
        raise _scale_error(too_small=seed < SCALE_MIN)
    scale, far = float(seed), TacitError("internal_error", "the privacy map is far from its closed form")
    for _ in range(_NUDGES_MAX):
        if fits(price(scale), epsilon):
            break
        scale = math.nextafter(scale, math.inf)
    else:
        raise far
    for _ in range(_NUDGES_MAX):
        below = math.nextafter(scale, 0.0)
        if below < SCALE_MIN or not fits(price(below), epsilon):
            break
        scale = below
    else:
        raise far
    if scale > SCALE_MAX:
        raise _scale_error(too_small=False)
    return scale


def smallest_threshold(
    noise: Literal["laplace", "gaussian"], scale: float, l0: int, linf: int, delta: Delta, price: Callable[[int], float]
) -> int:
    """The smallest T above ``linf`` with ``price(T) ≤ delta``; ``OverflowError`` where no T has so small a price.

    Starts from δ = 1 − (1 − t)^l0 with the chance t that one count of linf passes: q^(T−linf+1)/(1+q) with q = e^(−1/scale),
    or the normal's tail from T − linf on. Where one step is lost in the rounding of that form (scales past 1e12), T is
    smallest up to that rounding.
    """
    per_key = -math.expm1(math.log1p(-float(delta)) / l0)
    if noise == "laplace":
        steps = -scale * (math.log(per_key) + math.log1p(math.exp(-1.0 / scale))) - 1
    else:
        steps = -scale * NormalDist().inv_cdf(per_key)
    lowest = linf + 1  # OpenDP's map is not defined below linf, and a unit alone must not pass without noise
    threshold = max(lowest, linf + math.ceil(steps))
    step = max(1, int(scale * 1e-12))
    below, leap = lowest - 1, step  # what costs too much, or is too low
    while Delta.ceil(price(threshold)) > delta:
        if threshold > linf + _SCALES_MAX * scale + _SCALES_MAX:
            raise OverflowError("no threshold has so small a price")
        below, threshold, leap = threshold, threshold + leap, 2 * leap
    leap = step
    while below < threshold - leap and Delta.ceil(price(threshold - leap)) <= delta:
        threshold, leap = threshold - leap, 2 * leap
    below = max(below, threshold - leap)
    while threshold - below > step:
        middle = (below + threshold) // 2
        below, threshold = (below, middle) if Delta.ceil(price(middle)) <= delta else (middle, threshold)
    return threshold


def smallest_gaussian_scale(l2: float, epsilon: Epsilon, delta: Delta, price: Callable[[float], float]) -> float:
    """The smallest σ whose ε at ``delta`` is at most ``epsilon``, up to the unit of account; eight or so evaluations.

    Regula falsi (Illinois) on log ε against log σ, where the curve is almost a line. It stops when the ε found is
    ``epsilon`` after rounding up, or when the bracket holds no further float.
    """
    target = (epsilon.units - 0.5) / 10**Epsilon.DIGITS
    log_miss = -math.log(float_below(delta))
    root_rho = target / (math.sqrt(log_miss + target) + math.sqrt(log_miss))  # √ρ by the textbook bound, which is loose
    hi: float = l2 / (math.sqrt(2.0) * root_rho)
    if not SCALE_MIN <= hi <= SCALE_MAX:
        raise _scale_error(too_small=hi < SCALE_MIN)
    while not fits(hi_price := price(hi), epsilon):
        hi *= 1.25
    lo = hi / 2.0
    while fits(lo_price := price(lo), epsilon):
        hi, hi_price, lo = lo, lo_price, lo / 2.0
    lo_gap, hi_gap, moved = _log_gap(lo_price, target), _log_gap(hi_price, target), ""
    for _ in range(200):
        if Epsilon.ceil(hi_price) == epsilon or math.nextafter(lo, math.inf) >= hi:
            break
        share = lo_gap / (lo_gap - hi_gap) if math.isfinite(lo_gap) and math.isfinite(hi_gap) else 0.5
        mid: float = min(max(lo * (hi / lo) ** share, math.nextafter(lo, math.inf)), math.nextafter(hi, 0.0))
        mid_price = price(mid)
        if fits(mid_price, epsilon):
            lo_gap, moved = (lo_gap / 2.0 if moved == "hi" else lo_gap), "hi"
            hi, hi_price, hi_gap = mid, mid_price, _log_gap(mid_price, target)
        else:
            hi_gap, moved = (hi_gap / 2.0 if moved == "lo" else hi_gap), "lo"
            lo, lo_gap = mid, _log_gap(mid_price, target)
    if not SCALE_MIN <= hi <= SCALE_MAX:
        raise _scale_error(too_small=hi < SCALE_MIN)
    return hi


def check_epsilon(epsilon: Epsilon) -> None:
    """Refuse an ε that is not an exact amount above zero."""
    if not isinstance(epsilon, Epsilon) or not epsilon:
        raise RequestError("epsilon_invalid", "epsilon must be above zero", hint='Ask with a decimal such as "0.1".')


def check_delta(delta: Delta) -> None:
    """Refuse a δ that is not an exact amount inside (0, 1)."""
    if not isinstance(delta, Delta) or not 0 < delta.units < 10**Delta.DIGITS:
        raise RequestError(
            "delta_invalid",
            "this mechanism needs a delta above zero and below one",
            hint='Ask with a decimal such as "1e-6", or declare the keys and use Laplace noise.',
        )


def _log_gap(price: float, target: float) -> float:
    return math.log(price / target) if price > 0.0 else -math.inf


def _scale_error(*, too_small: bool) -> RequestError:
    if too_small:
        return RequestError(
            "epsilon_invalid",
            "epsilon is so large for these bounds that there would be no noise (scale below 2**-20)",
            hint="Ask for less epsilon.",
        )
    return RequestError(
        "epsilon_invalid",
        "epsilon is so small for these bounds that there would be only noise (scale above 2**50)",
        hint="Ask for more epsilon, or lower the contribution bounds.",
    )
