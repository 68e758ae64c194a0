"""What an event costs: a Rényi curve on fixed orders, and an (ε, δ) pair, in exact integers rounded up.

Every price is a pure function of the stored event, in integer, rational or 50-digit decimal arithmetic, so that an
auditor derives the same integers bit for bit on any machine. No float is added, compared or logged here.

**Rounding.** ``decimal`` rounds every operation, ``exp`` and ``ln`` included, correctly at the stated precision. Each
formula below is a handful of operations (at most some hundred, for DP-SGD) on values below 10**7 nats in total, each
with a relative error of 10**-49, so that the absolute error of a result is below 10**-38, times at most 10**9 steps.
``_MARGIN`` of 10**-26 nat covers it with room to spare; it is added before rounding up to the next 10**-12.

>>> from tacit_service.privacy.events import LaplaceEvent
>>> one = price([LaplaceEvent(unit="patient", library="opendp 0.16.0", scale=1.0, l1=1, epsilon=1.0)])
>>> str(one.epsilon), one.at(2)  # integer Laplace costs more than the continuous curve's 0.619
('1', 735325664056)
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, ROUND_CEILING, ROUND_HALF_EVEN, Context, Decimal, Overflow
from fractions import Fraction
from functools import lru_cache, reduce
from typing import Any, Final

from .events import (
    DpSgdEvent,
    Event,
    GaussianEvent,
    GaussianThresholdEvent,
    LaplaceEvent,
    LaplaceThresholdEvent,
    NoisyChoicesEvent,
    NoisyMaxEvent,
)
from .units import Delta, Epsilon

FINITE_ORDERS: Final = (2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 20, 24, 32, 64)
"""Finite Rényi orders of the curve; the last place of a curve is order ∞."""

UNBOUNDED: Final = 4 * 10**18
"""A loss at or above this fits no limit. Sums stop here: two of them still fit a 64-bit column."""

CONTEXT: Final = Context(prec=50, rounding=ROUND_HALF_EVEN, Emax=MAX_EMAX, Emin=MIN_EMIN)
_MARGIN: Final = Decimal("1e-26")
_SCALE: Final = 10**12
_STEPS_MAX: Final = 10**9


class UnsupportedEvent(ValueError):
    """An event that this version cannot price. It is refused, never guessed."""


@dataclass(frozen=True, slots=True)
class Price:
    """An additive price. ``rdp`` is in units of 1e-12 nat: one place an order of ``FINITE_ORDERS``, then ∞.

    ``delta`` goes with ``epsilon`` as a pair (lane P). ``threshold_delta`` is the part of δ that the curve does not
    cover (lane R): what thresholds leave, and nothing of a Gaussian's or a training run's pair.
    """

    epsilon: Epsilon
    delta: Delta
    threshold_delta: Delta
    rdp: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.rdp) != len(FINITE_ORDERS) + 1:
            raise ValueError(f"a curve has {len(FINITE_ORDERS) + 1} places, not {len(self.rdp)}")

    def __add__(self, other: Price) -> Price:
        return Price(
            Epsilon(saturate(self.epsilon.units + other.epsilon.units)),
            Delta(saturate(self.delta.units + other.delta.units)),
            Delta(saturate(self.threshold_delta.units + other.threshold_delta.units)),
            tuple(saturate(a + b) for a, b in zip(self.rdp, other.rdp, strict=True)),
        )

    def at(self, order: int) -> int:
        """The curve at a finite order."""
        return self.rdp[FINITE_ORDERS.index(order)]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form, integers only."""
        return {
            "epsilon": self.epsilon.units,
            "delta": self.delta.units,
            "threshold_delta": self.threshold_delta.units,
            "rdp": list(self.rdp),
        }


def saturate(units: int) -> int:
    """The amount, or ``UNBOUNDED`` for all amounts from there on."""
    return min(units, UNBOUNDED)


ZERO: Final = Price(Epsilon(0), Delta(0), Delta(0), (0,) * (len(FINITE_ORDERS) + 1))


def price(events: Iterable[Event]) -> Price:
    """The total price of events that happen one after another on the same data."""
    prices = [price_one(event) for event in events]
    return reduce(operator.add, prices) if prices else ZERO


@lru_cache(maxsize=4096)
def price_one(event: Event) -> Price:
    """The price of one event; ``UnsupportedEvent`` for a kind that is not in the table."""
    rule = _RULES.get(type(event))
    if rule is None:
        raise UnsupportedEvent(f"no price is known for an event of type {type(event).__name__}")
    return rule(event)


def pure(epsilon: Epsilon) -> tuple[int, ...]:
    """The worst-case Rényi curve of any ε-DP mechanism: ln(p^a q^(1−a) + q^a p^(1−a))/(a−1), p = e^ε/(1+e^ε).

    Divided through by its larger term it reads ε − ln((1+e^−ε)/(1+e^−(2a−1)ε))/(a−1), which neither overflows nor
    leaves a small difference of large numbers. It never exceeds ε, its value at order ∞.
    """
    units = saturate(epsilon.units)
    return (*(_pure_at(units, order) for order in FINITE_ORDERS), units)


@lru_cache(maxsize=16_384)
def _pure_at(units: int, order: int) -> int:
    if units in (0, UNBOUNDED):
        return units
    c = CONTEXT
    eps = c.divide(Decimal(units), Decimal(_SCALE))
    near = c.add(1, c.exp(c.minus(eps)))
    far = c.add(1, c.exp(c.multiply(eps, 1 - 2 * order)))
    loss = c.subtract(eps, c.divide(c.ln(c.divide(near, far)), order - 1))
    return min(ceil_units(loss), units)


def pure_at(epsilon: Epsilon, order: int) -> int:
    """One place of ``pure``."""
    return _pure_at(saturate(epsilon.units), order)


def ceil_units(nats: Decimal) -> int:
    """A computed loss in units of 1e-12 nat, rounded up with the margin of the module's argument."""
    return saturate(_to_int(nats, _MARGIN, ROUND_CEILING))


def _to_int(nats: Decimal, margin: Decimal, rounding: str) -> int:
    scaled = CONTEXT.multiply(CONTEXT.add(nats, margin), Decimal(_SCALE))
    return int(scaled.to_integral_value(rounding=rounding, context=CONTEXT))


def _pure_price(claimed: float, delta: float) -> Price:
    epsilon, lost = Epsilon(saturate(Epsilon.ceil(claimed).units)), Delta.ceil(delta)
    return Price(epsilon, lost, lost, pure(epsilon))


def _laplace(event: LaplaceEvent) -> Price:
    _check_pure(event.scale, event.l1, event.epsilon)
    return _pure_price(event.epsilon, 0.0)


def _laplace_threshold(event: LaplaceThresholdEvent) -> Price:
    _check_pure(event.scale, event.l1, event.epsilon)
    return _pure_price(event.epsilon, event.delta)


def _noisy_max(event: NoisyMaxEvent) -> Price:
    _positive(event.scale, "scale")
    return _pure_price(event.epsilon, 0.0)


def _noisy_choices(event: NoisyChoicesEvent) -> Price:
    """Choices of different groups are independent, and their pure costs add to that of the whole: pure again."""
    if _finite(event.epsilon, "epsilon") < Fraction(2 * event.total) / _positive(event.scale, "scale"):
        raise UnsupportedEvent("choices that claim less than their scale and sensitivity cost")
    return _pure_price(event.epsilon, 0.0)


def _gaussian(event: GaussianEvent | GaussianThresholdEvent) -> Price:
    """ρ-zCDP is (a, aρ)-RDP at every finite order, exactly; at ∞ the loss is unbounded."""
    scale, l2, rho = _positive(event.scale, "scale"), _finite(event.l2, "l2"), _finite(event.rho, "rho")
    if rho < l2 * l2 / (2 * scale * scale):
        raise UnsupportedEvent("a Gaussian event that claims less than its scale and sensitivity cost")
    curve = (saturate(-(-order * rho.numerator * _SCALE // rho.denominator)) for order in FINITE_ORDERS)
    epsilon = Epsilon(saturate(Epsilon.ceil(event.epsilon).units))
    return Price(epsilon, Delta.ceil(event.delta), Delta(0), (*curve, UNBOUNDED))


def _gaussian_threshold(event: GaussianThresholdEvent) -> Price:
    """A Gaussian, and what its threshold leaves, which is outside of the curve and adds to the pair's δ."""
    noise, left = _gaussian(event), Delta.ceil(event.threshold_delta)
    return Price(noise.epsilon, Delta(noise.delta.units + left.units), left, noise.rdp)


def _dp_sgd(event: DpSgdEvent) -> Price:
    """Poisson-subsampled Gaussian at integer orders (Mironov, Talwar, Zhang 2019, section 3.3), times the steps.

    A_a = Σ_k C(a,k) (1−q)^(a−k) q^k exp((k²−k)/(2σ²)) bounds both directions of add/remove; the curve is
    ln(A_a)/(a−1) a step. All terms are positive: nothing cancels.
    """
    sigma, q = _positive(event.sigma, "sigma"), Fraction(event.q)
    if not 0 <= q <= 1 or type(event.steps) is not int or not 0 <= event.steps <= _STEPS_MAX:
        raise UnsupportedEvent(f"a DP-SGD event needs 0 <= q <= 1 and 0 <= steps <= {_STEPS_MAX}")
    curve = tuple(_subsampled(event.q, float(sigma), order, event.steps) for order in FINITE_ORDERS)
    nothing_ran = event.steps == 0 or q == 0
    epsilon = Epsilon(saturate(Epsilon.ceil(event.epsilon).units))
    return Price(epsilon, Delta.ceil(event.delta), Delta(0), (*curve, 0 if nothing_ran else UNBOUNDED))


def _subsampled(q: float, sigma: float, order: int, steps: int) -> int:
    if steps == 0 or q == 0:
        return 0
    c = CONTEXT
    take, leave = Decimal(q), c.subtract(1, Decimal(q))
    exponent = c.divide(1, c.multiply(2, c.multiply(Decimal(sigma), Decimal(sigma))))
    took, left = _powers(take, order), _powers(leave, order)
    total, choose = Decimal(0), 1
    try:
        for k in range(order + 1):
            weight = c.multiply(choose, c.multiply(left[order - k], took[k]))
            total = c.add(total, c.multiply(weight, c.exp(c.multiply(exponent, k * k - k))))
            choose = choose * (order - k) // (k + 1)
    except Overflow:  # so little noise that the loss of one step alone is past every limit
        return UNBOUNDED
    return ceil_units(c.multiply(c.divide(c.ln(total), order - 1), steps))


def _powers(base: Decimal, highest: int) -> list[Decimal]:
    """base^0 … base^highest by repeated multiplication, each step correctly rounded (``power`` does not promise it)."""
    powers = [Decimal(1)]
    for _ in range(highest):
        powers.append(CONTEXT.multiply(powers[-1], base))
    return powers


def _finite(value: float, name: str) -> Fraction:
    if not 0.0 <= value < float("inf"):
        raise UnsupportedEvent(f"an event with {name}={value}")
    return Fraction(value)


def _positive(value: float, name: str) -> Fraction:
    number = _finite(value, name)
    if not number:
        raise UnsupportedEvent(f"an event with {name}={value}")
    return number


def _check_pure(scale: float, l1: int, claimed: float) -> None:
    """The price is the map's; that it is no less than l1/scale is checked here once more, in exact rationals."""
    if _finite(claimed, "epsilon") < Fraction(l1) / _positive(scale, "scale"):
        raise UnsupportedEvent("a Laplace event that claims less than its scale and sensitivity cost")


_RULES: Final[dict[type[Event], Callable[[Any], Price]]] = {
    LaplaceEvent: _laplace,
    LaplaceThresholdEvent: _laplace_threshold,
    NoisyMaxEvent: _noisy_max,
    NoisyChoicesEvent: _noisy_choices,
    GaussianEvent: _gaussian,
    GaussianThresholdEvent: _gaussian_threshold,
    DpSgdEvent: _dp_sgd,
}
