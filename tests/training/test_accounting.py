"""The price of a run: both lanes, the smallest noise for it, and the numbers of two other accountants."""

from __future__ import annotations

import warnings

import pytest

from tacit_service.privacy.curves import price
from tacit_service.privacy.units import Delta, Epsilon
from tacit_service.training import accounting

RUNS = [(0.01, 1.0, 1000, "1e-6"), (0.05, 4.0, 400, "1e-7"), (0.02, 2.0, 750, "1e-5")]


@pytest.mark.parametrize(("q", "sigma", "steps", "delta"), RUNS)
def test_opacus_prv_accountant_agrees_within_two_percent(q: float, sigma: float, steps: int, delta: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its imports, and of the Rényi orders that it bounds its domain with
        from opacus.accountants import PRVAccountant

        theirs = PRVAccountant()
        theirs.history = [(sigma, q, steps)]
        found = theirs.get_epsilon(float(delta))
    assert accounting.epsilon_of(q, sigma, steps, float(delta)) == pytest.approx(found, rel=0.02)


@pytest.mark.parametrize(("q", "sigma", "steps", "delta"), RUNS)
def test_the_pair_is_below_the_renyi_bound_and_near_it(q: float, sigma: float, steps: int, delta: str) -> None:
    """The curve of ``privacy.curves`` is derived apart from this room: its conversion must come out above, by a little."""
    from tacit_service.training.card import _accountants

    told = _accountants(accounting.event("person", q, sigma, steps, Delta.parse(delta)))
    assert told["PLD epsilon"] < told["Rényi epsilon"] < told["PLD epsilon"] * 1.3  # type: ignore[operator]


@pytest.mark.parametrize(("q", "steps", "epsilon"), [(0.02, 750, "1"), (0.05, 200, "3"), (0.01, 1000, "0.1")])
def test_the_noise_is_the_smallest_that_fits(q: float, steps: int, epsilon: str) -> None:
    target, delta = Epsilon.parse(epsilon), Delta.parse("1e-7")
    sigma = accounting.smallest_sigma(q, steps, target, delta)
    assert price([accounting.event("person", q, sigma, steps, delta)]).epsilon <= target
    assert accounting.epsilon_of(q, sigma * 0.99, steps, float(delta)) > float(target)


def test_what_no_noise_reaches_is_said() -> None:
    with pytest.raises(accounting.OutOfReach):
        accounting.smallest_sigma(0.5, 2000, Epsilon.parse("0.001"), Delta.parse("1e-9"))


def test_a_part_of_a_run_costs_less_in_every_place_and_nothing_costs_nothing() -> None:
    whole = accounting.event("person", 0.02, 2.0, 500, Delta.parse("1e-6"))
    paid = price([whole])
    for steps in (1, 100, 499, 500):
        part = price([accounting.part(whole, steps)])
        assert part.epsilon <= paid.epsilon
        assert part.delta <= paid.delta
        assert all(a <= b for a, b in zip(part.rdp, paid.rdp, strict=True))
    assert accounting.part(whole, 500) == whole
    assert accounting.part(whole, 100).epsilon < whole.epsilon / 2
    assert str(paid.delta) == "0.000001", "not a unit more than was asked for"
