"""The best adaptive strategy there is, computed exactly, against the admission rule and against one that is not sound.

An analyst chooses each next randomized response (the worst mechanism of its ε) by the answers so far. The loss walks
on a lattice, so backward induction over (what was bought, loss so far) gives the largest realised δ,
sup over strategies and sets of Pr[S] − e^ε Pr'[S] = E_P (1 − e^(ε − loss))₊ at the end of play.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import pytest

from tacit_service.privacy import curves, lanes
from tacit_service.privacy.curves import FINITE_ORDERS, ZERO, Price
from tacit_service.privacy.lanes import Limits
from tacit_service.privacy.units import Delta, Epsilon

Rule = Callable[[Price], bool]


def realised_delta(epsilon_total: float, choices: tuple[str, ...], admits: Rule) -> float:
    """The value of the game for the analyst; ``choices`` are multiples of the first."""
    prices = [Price(e, Delta(0), Delta(0), curves.pure(e)) for e in map(Epsilon.parse, choices)]
    truth = [1 / (1 + math.exp(-float(c))) for c in choices]
    step = float(choices[0])
    strides = [round(float(c) / step) for c in choices]

    @cache
    def fits(bought: tuple[int, ...]) -> bool:
        total = ZERO
        for count, one in zip(bought, prices, strict=True):
            for _ in range(count):
                total = total + one
        return admits(total)

    @cache
    def value(bought: tuple[int, ...], loss: int) -> float:
        best = max(0.0, -math.expm1(epsilon_total - loss * step))
        for i, (p, stride) in enumerate(zip(truth, strides, strict=True)):
            after = tuple(count + (j == i) for j, count in enumerate(bought))
            if fits(after):
                best = max(best, p * value(after, loss + stride) + (1 - p) * value(after, loss - stride))
        return best

    return value((0,) * len(choices), 0)


def our_rule(epsilon: str, delta: str) -> Rule:
    limits = Limits.create(Epsilon.parse(epsilon), Delta.parse(delta))
    return lambda total: lanes.admits(limits, ZERO, total)


def any_order_rule(epsilon: str, delta: str) -> Rule:
    """Not ours: all of δ to whichever order of the grid still fits, or basic composition."""
    total_epsilon = Epsilon.parse(epsilon)
    bounds = [lanes.bound(total_epsilon, Delta.parse(delta), order) for order in FINITE_ORDERS]
    return lambda total: total.epsilon <= total_epsilon or any(a <= b for a, b in zip(total.rdp, bounds, strict=False))


@pytest.mark.parametrize(
    ("epsilon", "delta", "choices"),
    [
        ("3", "1e-6", ("0.1",)),
        ("3", "1e-3", ("0.1", "0.4", "0.8")),
        ("2", "1e-2", ("0.1", "0.5")),
        ("1", "0.05", ("0.1", "0.3")),
        ("0.5", "0.1", ("0.1", "0.2", "0.5")),
    ],
)
def test_no_strategy_loses_more_than_was_promised(epsilon: str, delta: str, choices: tuple[str, ...]) -> None:
    realised = realised_delta(float(epsilon), choices, our_rule(epsilon, delta))
    assert 0 < realised <= float(delta)


def test_the_rule_some_order_still_fits_is_broken_by_an_adaptive_choice() -> None:
    """Why that rule is not used, and that this test would notice a rule that is not sound."""
    choices = ("0.1", "0.4", "0.8")
    assert realised_delta(3.0, choices, any_order_rule("3", "1e-3")) > 1.2e-3
    assert realised_delta(3.0, choices, our_rule("3", "1e-3")) < 0.4e-3
