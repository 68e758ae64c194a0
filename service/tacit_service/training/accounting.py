"""The price of a DP-SGD run: the only importer of dp_accounting.

A run is ``steps`` times the Poisson-subsampled Gaussian mechanism over privacy units. Lane P counts its (ε, δ) pair from
the privacy loss distribution (pessimistic: it never falls below the truth); lane R counts the Rényi curve that
``privacy.curves`` derives from the same event, exactly.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from tacit_service.privacy.events import (
    DpSgdEvent,
    Event,
    GaussianEvent,
    GaussianThresholdEvent,
    LaplaceEvent,
    LaplaceThresholdEvent,
    NoisyChoicesEvent,
    NoisyMaxEvent,
)
from tacit_service.privacy.units import Delta, Epsilon

if TYPE_CHECKING:
    from dp_accounting.pld import PLDAccountant

SIGMA_MIN, SIGMA_MAX = 0.3, 10_000.0
"""Below 0.3 one step alone costs more than any policy sells, and the distribution gets expensive to compute."""

_GRID_FINE: Final = 3e-4
"""What is charged: within a hundredth of a per cent of a grid three times as fine, from above, in a quarter of the time."""
_GRID_COARSE: Final = 1e-3
_GRID_SHOWN: Final = 3e-3
_SIGMA_TOLERANCE: Final = 1e-3


class OutOfReach(ValueError):
    """No noise multiplier within the limits reaches the price asked."""


def library() -> str:
    """Name and version of what priced an event."""
    return f"dp_accounting {version('dp-accounting')}"


@lru_cache(maxsize=1024)
def epsilon_of(q: float, sigma: float, steps: int, delta: float, grid: float = _GRID_FINE) -> float:
    """ε at ``delta`` of a run under add/remove of one unit; infinite when no ε holds."""
    if steps == 0:
        return 0.0
    return float(_accountant(q, sigma, steps, grid).get_epsilon(delta))


def _accountant(q: float, sigma: float, steps: int, grid: float) -> PLDAccountant:
    import dp_accounting  # a second of import, for those who train
    from dp_accounting.pld import PLDAccountant

    accountant = PLDAccountant(
        dp_accounting.NeighboringRelation.ADD_OR_REMOVE_ONE, value_discretization_interval=_interval(sigma, q, grid)
    )
    step = dp_accounting.PoissonSampledDpEvent(q, dp_accounting.GaussianDpEvent(sigma))
    accountant.compose(dp_accounting.SelfComposedDpEvent(step, steps))
    return accountant


def _interval(sigma: float, q: float, grid: float) -> float:
    """A step's loss is about q/sigma: small steps need a finer grid, since the rounding adds up over the steps."""
    return min(grid, max(1e-7, grid * 100 * q / sigma))


def event(unit: str, q: float, sigma: float, steps: int, delta: Delta) -> DpSgdEvent:
    """The event of a run, with its own pair."""
    value = epsilon_of(q, sigma, steps, float(delta))
    if not math.isfinite(value):
        raise OutOfReach("no finite epsilon holds at this delta")
    return DpSgdEvent(
        unit=unit, library=library(), q=q, sigma=sigma, steps=steps, epsilon=value, delta=_not_above(delta)
    )


def part(whole: DpSgdEvent, steps: int) -> DpSgdEvent:
    """The same run, stopped: never dearer than the whole, which the pessimistic grids might otherwise pretend."""
    delta = Delta.ceil(whole.delta)
    value = min(epsilon_of(whole.q, whole.sigma, steps, float(delta)), whole.epsilon) if steps < whole.steps else 0.0
    return DpSgdEvent(
        unit=whole.unit, library=whole.library, q=whole.q, sigma=whole.sigma, steps=min(steps, whole.steps),
        epsilon=value if steps < whole.steps else whole.epsilon, delta=whole.delta,
    )  # fmt: skip


def smallest_sigma(q: float, steps: int, epsilon: Epsilon, delta: Delta) -> float:
    """The smallest noise multiplier, to a thousandth, whose run costs at most (ε, δ). ``OutOfReach`` when there is none.

    ε falls in σ, nearly as a power: a regula falsi on logarithms over a coarse grid, and then upwards until the fine grid agrees.
    """
    target, at = float(epsilon), float(delta)
    low, high = SIGMA_MIN, SIGMA_MAX
    if epsilon_of(q, high, steps, at) > target:
        raise OutOfReach("even the most noise that is offered costs more")
    sigma = _guess(q, steps, target, at)
    if epsilon_of(q, sigma, steps, at, _GRID_COARSE) > target:
        low = sigma
        while epsilon_of(q, min(sigma * 1.25, SIGMA_MAX), steps, at, _GRID_COARSE) > target and sigma < SIGMA_MAX:
            low = sigma = min(sigma * 1.25, SIGMA_MAX)
        high = min(sigma * 1.25, SIGMA_MAX)
    else:
        high = sigma
        while sigma > SIGMA_MIN and epsilon_of(q, max(sigma / 1.25, SIGMA_MIN), steps, at, _GRID_COARSE) <= target:
            high = sigma = max(sigma / 1.25, SIGMA_MIN)
        low = max(sigma / 1.25, SIGMA_MIN)
    high = _closer(lambda sigma: epsilon_of(q, sigma, steps, at, _GRID_COARSE), low, high, target)
    sigma = float(f"{high:.4g}")
    while epsilon_of(q, sigma, steps, at) > target or Epsilon.ceil(epsilon_of(q, sigma, steps, at)) > epsilon:
        sigma = float(f"{sigma * (1 + _SIGMA_TOLERANCE):.5g}")
    return sigma


def _closer(price: Callable[[float], float], low: float, high: float, target: float) -> float:
    """The upper end of a bracket about the σ whose price is the target, drawn together to a thousandth.

    Tried is where the line through both ends meets the target, a little to the side that was not moved last: a few steps leave two
    ends close about it. Each third step halves the bracket, whatever the curve.
    """
    last, step = 0, 0
    while high / low > 1 + _SIGMA_TOLERANCE:
        above, below, step = price(low), price(high), step + 1
        if step % 3 and math.isfinite(above) and above > target > below > 0:
            share = math.log(above / target) / math.log(above / below)
            middle = low * (high / low) ** share * (1 + (0.4 if last <= 0 else -0.4) * _SIGMA_TOLERANCE)
            middle = min(max(middle, low * (1 + _SIGMA_TOLERANCE / 8)), high / (1 + _SIGMA_TOLERANCE / 8))
        else:
            middle = math.sqrt(low * high)
        if price(middle) > target:
            low, last = middle, -1
        else:
            high, last = middle, 1
    return high


def _guess(q: float, steps: int, epsilon: float, delta: float) -> float:
    """The moments bound of Abadi et al. (2016), to begin the search near."""
    guess = q * math.sqrt(2 * steps * math.log(1 / delta)) / epsilon + 0.3
    return min(max(guess, SIGMA_MIN), SIGMA_MAX)


def _not_above(delta: Delta) -> float:
    """A float whose exact value is at most δ: the event's own δ is rounded up to units again when it is priced."""
    value = float(delta)
    while Delta.ceil(value) > delta:
        value = math.nextafter(value, 0.0)
    return value


def rough_epsilon(q: float, sigma: float, steps: int, delta: float) -> float:
    """ε on the coarsest grid, a little above the truth: to show, never to charge."""
    return epsilon_of(q, sigma, steps, delta, _GRID_SHOWN)


PURE: Final = (LaplaceEvent, LaplaceThresholdEvent, NoisyMaxEvent, NoisyChoicesEvent)
PLD_EPSILON_MAX: Final = 200.0
"""Past this a distribution on the grid would fill the memory, and its ε would tell nobody anything."""


def pld_epsilon(events: Iterable[Event], delta: float) -> float | None:
    """ε at ``delta`` of all events together by their privacy loss distribution (Koskela et al. 2020). Information only.

    Tighter than both lanes, and no rule of admission: it holds for events that were fixed beforehand, while analysts choose by
    what they saw. An event of pure ε (and a threshold's δ) enters as the worst mechanism of its pair; a Gaussian as the
    continuous one of its scale; a training run as its steps. None past ``PLD_EPSILON_MAX``.
    """
    from dp_accounting.pld import privacy_loss_distribution as pld

    counts = Counter(events)
    if sum(event.epsilon * times for event, times in counts.items() if isinstance(event, PURE)) > PLD_EPSILON_MAX:
        return None
    total = pld.identity(value_discretization_interval=_GRID_COARSE)
    for event, times in counts.items():
        one, steps = _distribution(event)
        total = total.compose(one.self_compose(times * steps) if times * steps > 1 else one)
    found = float(total.get_epsilon_for_delta(delta))
    return found if math.isfinite(found) else None


def _distribution(event: Event) -> tuple[Any, int]:
    from dp_accounting.pld import common
    from dp_accounting.pld import privacy_loss_distribution as pld

    if isinstance(event, GaussianThresholdEvent):
        left = common.DifferentialPrivacyParameters(0.0, event.threshold_delta)
        noise = pld.from_gaussian_mechanism(
            event.scale, sensitivity=event.l2, value_discretization_interval=_GRID_COARSE
        )
        return noise.compose(pld.from_privacy_parameters(left, value_discretization_interval=_GRID_COARSE)), 1
    if isinstance(event, GaussianEvent):
        return pld.from_gaussian_mechanism(
            event.scale, sensitivity=event.l2, value_discretization_interval=_GRID_COARSE
        ), 1
    if isinstance(event, DpSgdEvent):
        grid = _interval(event.sigma, event.q, _GRID_COARSE)
        one = pld.from_gaussian_mechanism(event.sigma, sampling_prob=event.q, value_discretization_interval=grid)
        return one, event.steps
    if isinstance(event, PURE):
        pair = common.DifferentialPrivacyParameters(event.epsilon, getattr(event, "delta", 0.0))
        return pld.from_privacy_parameters(pair, value_discretization_interval=_GRID_COARSE), 1
    raise ValueError(f"no distribution is known for an event of type {type(event).__name__}")
