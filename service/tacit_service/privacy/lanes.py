"""Admission: when does one more charge still fit an account? Two lanes, fixed when the account is created.

    lane P    Σε ≤ ε_total                                     and  Σδ ≤ D_P
    lane R    Σ rdp(a*) ≤ ε_total − ln(1−1/a*) + (ln δ_R + ln a*)/(a*−1)   and  Σ threshold δ ≤ D_R
    D_P + δ_R + D_R = δ_total, dealt .3/.6/.1; a* is near the argmax of bound/a

Curves grow about as a (a Gaussian's exactly so), hence bound/a is what an order holds of them; the bound itself is
largest at the highest order, where each charge costs most. Subsampled Gaussians climb faster than a: a* is the lowest
order within a twentieth of the best. At (3, 1e-6) that is 8: 37 releases of pure 0.1 fit (39 at order 9), and 13 after
a DP-SGD run that order 9 would not hold at all.

**Rule.** A charge is admitted when *everything so far and the new charge together* fit at least one lane. Both lanes
count every charge, also those which the other lane admitted.

**Why this is (ε_total, δ_total)-private under full adaptivity.** Sums only grow, so a lane that fits now has fitted
at each earlier step, and a lane that once did not fit never fits again. Let A be the transcripts whose last step fits
lane P; all others fit lane R at their last step. On A the account acts, step by step, exactly as a filter that knows
lane P alone, which is (ε, D_P)-DP (Rogers, Roth, Ullman, Vadhan 2016). Off A it acts as the fixed-order Rényi filter
alone (Feldman, Zrnic 2021; Lécuyer 2021) with thresholds as its approximate part (Whitehouse et al. 2023), which is
(ε, δ_R + D_R)-DP by the conversion of Canonne, Kamath, Steinke 2020. For any set S of transcripts
Pr[S] = Pr[S∩A] + Pr[S∖A] ≤ e^ε Pr'[S∩A] + D_P + e^ε Pr'[S∖A] + δ_R + D_R = e^ε Pr'[S] + δ_total.
The slices, a* and both bounds are fixed beforehand: choosing an order or a split later is *not* sound (privacy.md §4).

A reservation that is voided never touched data. It leaves the sums as if it had not been made: the argument is about
the charges that ran, whose sums still only grow, and at no time exceed those that the admission saw.

>>> limits = Limits.create(Epsilon.parse("3"), Delta.parse("1e-6"))
>>> limits.order, str(limits.p_delta)
(8, '0.0000003')
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Final

from .curves import CONTEXT, FINITE_ORDERS, UNBOUNDED, Price, pure_at, saturate
from .units import Delta, Epsilon

SPLIT: Final = (3, 6, 1)
"""Tenths of δ for D_P, δ_R and D_R."""

CLOSED: Final = -1
"""A lane R bound that no charge fits, of an account whose δ leaves nothing for a conversion."""

_MARGIN: Final = Decimal("1e-26")


@dataclass(frozen=True, slots=True)
class Spent:
    """What an account has accumulated in each lane, in units; additive, and stops at ``UNBOUNDED``."""

    epsilon: int = 0
    delta: int = 0
    rdp: int = 0
    threshold_delta: int = 0

    def __add__(self, other: Spent) -> Spent:
        return Spent(
            saturate(self.epsilon + other.epsilon),
            saturate(self.delta + other.delta),
            saturate(self.rdp + other.rdp),
            saturate(self.threshold_delta + other.threshold_delta),
        )

    def __sub__(self, other: Spent) -> Spent:
        """Take back a voided charge. What has reached ``UNBOUNDED`` stays: the sum behind it is not known any more."""
        return Spent(
            _take(self.epsilon, other.epsilon),
            _take(self.delta, other.delta),
            _take(self.rdp, other.rdp),
            _take(self.threshold_delta, other.threshold_delta),
        )


def _take(total: int, part: int) -> int:
    return UNBOUNDED if total == UNBOUNDED else total - part


@dataclass(frozen=True, slots=True)
class Limits:
    """The two lanes of an account. Built by ``create``; immutable for the account's lifetime."""

    epsilon: Epsilon
    delta: Delta
    p_delta: Delta
    order: int
    r_rdp: int
    conversion_delta: Delta
    r_delta: Delta

    @classmethod
    def create(
        cls, epsilon: Epsilon, delta: Delta, *, split: tuple[int, int, int] = SPLIT, order: int | None = None
    ) -> Limits:
        """Deal δ to the lanes and fix a*. Limits past what a 64-bit column counts (4 million nats) are lowered to it.

        ``split`` and ``order`` are for owners who know their mix of mechanisms; either way they are fixed now, before
        anything is spent.
        """
        if delta.units > 10**18:
            raise ValueError("delta is above 1")
        epsilon = Epsilon(min(epsilon.units, UNBOUNDED - 1))
        p_delta, conversion, r_delta = (Delta(part.units) for part in delta.split(list(split)))
        if not delta:
            return cls(epsilon, delta, delta, FINITE_ORDERS[0], CLOSED, delta, delta)
        orders = FINITE_ORDERS if order is None else (order,)
        bounds = [bound(epsilon, conversion, a) for a in orders] if conversion else [CLOSED]
        worth = [Fraction(max(units, 0), a) for units, a in zip(bounds, orders, strict=False)]
        chosen = next(i for i, value in enumerate(worth) if 20 * value >= 19 * max(worth))
        return cls(epsilon, delta, p_delta, orders[chosen], bounds[chosen], conversion, r_delta)

    def part(self, price: Price) -> Spent:
        """What a price adds to an account with these limits: lane R counts one order only."""
        return Spent(price.epsilon.units, price.delta.units, price.at(self.order), price.threshold_delta.units)


def bound(epsilon: Epsilon, conversion: Delta, order: int) -> int:
    """The largest Σ rdp(a) that converts to (ε, δ_R), rounded down: below 0 it is closed."""
    c, a = CONTEXT, Decimal(order)
    head = c.subtract(epsilon.decimal(), c.ln(c.subtract(1, c.divide(1, a))))
    tail = c.divide(c.add(c.ln(conversion.decimal()), c.ln(a)), order - 1)
    nats = c.subtract(c.add(head, tail), _MARGIN)
    units = int(c.multiply(nats, Decimal(10**12)).to_integral_value(rounding=ROUND_FLOOR, context=c))
    return min(units, UNBOUNDED - 1) if units >= 0 else CLOSED


def _as_spent(limits: Limits, amount: Spent | Price) -> Spent:
    return limits.part(amount) if isinstance(amount, Price) else amount


def fits(limits: Limits, total: Spent, *, withheld: int = 0) -> tuple[bool, bool]:
    """Whether a total fits lane P, and whether it fits lane R. ``withheld`` lowers both ε bounds by the same amount."""
    p = total.epsilon <= limits.epsilon.units - withheld and total.delta <= limits.p_delta.units
    r = total.rdp <= limits.r_rdp - withheld and total.threshold_delta <= limits.r_delta.units
    return p, r


def admits(limits: Limits, spent: Spent | Price, new: Spent | Price, *, withheld: int = 0) -> bool:
    """Whether the account takes ``new`` on top of ``spent``."""
    return any(fits(limits, _as_spent(limits, spent) + _as_spent(limits, new), withheld=withheld))


def how_many(limits: Limits, spent: Spent | Price, new: Spent | Price, *, withheld: int = 0) -> int:
    """How many more charges like ``new`` fit, one after another. A free one is counted as ``UNBOUNDED``."""
    have, one = _as_spent(limits, spent), _as_spent(limits, new)
    p = _times(
        (limits.epsilon.units - withheld - have.epsilon, one.epsilon), (limits.p_delta.units - have.delta, one.delta)
    )
    r = _times(
        (limits.r_rdp - withheld - have.rdp, one.rdp),
        (limits.r_delta.units - have.threshold_delta, one.threshold_delta),
    )
    return max(p, r)


def _times(*rooms: tuple[int, int]) -> int:
    if any(left < 0 for left, _ in rooms):
        return 0
    return min((left // cost for left, cost in rooms if cost), default=UNBOUNDED)


def converted(limits: Limits, spent: Spent | Price) -> Epsilon | None:
    """The ε that lane R makes of what was spent, at its δ, rounded up; None where the lane is closed or past counting.

    It compares with the account's ε as lane P's plain sum does: at the lane's bound it is ε itself. Before anything is
    spent it is above 0 already, the price of the conversion, so that the plain sum is the better figure for few charges.
    """
    have = _as_spent(limits, spent)
    if limits.r_rdp == CLOSED or have.rdp >= UNBOUNDED:
        return None
    return Epsilon(max(limits.epsilon.units - limits.r_rdp + have.rdp, 0))


def remaining(limits: Limits, spent: Spent | Price, *, withheld: int = 0) -> tuple[Epsilon, Delta]:
    """What is left, as shown to people: one more count, sum or key threshold of at most this pair fits.

    It is read off one lane, the one with more ε left, so that both amounts may be used together. More may fit in
    small steps: lane R counts small charges below their ε. δ is the lane's own slice, hence less than the account's.
    """
    have = _as_spent(limits, spent)
    p_fits, r_fits = fits(limits, have, withheld=withheld)
    p_left = limits.epsilon.units - withheld - have.epsilon if p_fits else 0
    room = limits.r_rdp - withheld - have.rdp if r_fits else 0
    r_left = _largest_pure(room, limits.order) if room + _GAP_MAX > p_left else 0
    if r_left > p_left:
        return Epsilon(r_left), Delta(limits.r_delta.units - have.threshold_delta)
    return Epsilon(p_left), Delta(limits.p_delta.units - have.delta if p_fits else 0)


_GAP_MAX: Final = 7 * 10**11  # ln 2 and a little: what ε may lie above its curve at order 2
_SHOWN: Final = 10**6  # what is shown of lane R is a multiple of 1e-6 nat, rounded down


@lru_cache(maxsize=4096)
def _largest_pure(room: int, order: int) -> int:
    """An ε (a multiple of 1e-6, the largest or next to it) whose worst-case curve at ``order`` fits into ``room``.

    Found by bisection in floats, then checked on the exact curve: floats only choose where to look.
    """
    nats = room / 10**12
    low, high = nats, nats + math.log(2) / (order - 1)  # the curve lies between ε − ln 2/(a−1) and ε
    for _ in range(50):
        middle = (low + high) / 2
        loss = middle - (math.log1p(math.exp(-middle)) - math.log1p(math.exp(-(2 * order - 1) * middle))) / (order - 1)
        low, high = (middle, high) if loss <= nats else (low, middle)
    shown = int(low * 10**6)
    while shown and pure_at(Epsilon(shown * _SHOWN), order) > room:
        shown -= 1
    return shown * _SHOWN
