"""The admission rule: what fits, what is shown of it, and what it promises, checked against exact privacy profiles."""

from __future__ import annotations

import doctest
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tacit_service.privacy import curves, lanes
from tacit_service.privacy.curves import UNBOUNDED, ZERO, Price, price
from tacit_service.privacy.events import DpSgdEvent, GaussianEvent, LaplaceThresholdEvent
from tacit_service.privacy.lanes import Limits, Spent, admits, how_many, remaining
from tacit_service.privacy.units import Delta, Epsilon

BY = {"unit": "patient_id", "library": "opendp 0.16.0"}
THREE = Epsilon.parse("3"), Delta.parse("1e-6")


def pure(text: str) -> Price:
    """A pure mechanism at exactly this ε."""
    epsilon = Epsilon.parse(text)
    return Price(epsilon, Delta(0), Delta(0), curves.pure(epsilon))


GAUSSIAN = price([GaussianEvent(**BY, scale=10.0, l2=1.0, rho=0.005000000000000001, epsilon=0.5, delta=5e-8)])
TRAINING = price([DpSgdEvent(**BY, q=0.01, sigma=1.0, steps=1000, epsilon=2.5, delta=2e-7)])


def fill(limits: Limits, first: Price, then: Price) -> int:
    """How many of ``then`` an account admits after ``first``, one by one."""
    assert admits(limits, ZERO, first)
    total, count = first, 0
    while admits(limits, total, then):
        total, count = total + then, count + 1
    return count


def test_the_examples_in_the_module_run() -> None:
    assert doctest.testmod(lanes).failed == 0


@pytest.mark.parametrize(
    ("split", "pure_fits", "gaussian_fits", "after_training"),
    [((0, 10, 0), 39, 36, 15), (lanes.SPLIT, 37, 34, 13)],
    ids=["all delta to R", ".3/.6/.1"],
)
def test_the_table_of_the_privacy_page(
    split: tuple[int, int, int], pure_fits: int, gaussian_fits: int, after_training: int
) -> None:
    limits = Limits.create(*THREE, split=split)
    assert limits.order == 8
    assert fill(limits, ZERO, pure("0.1")) == how_many(limits, ZERO, pure("0.1")) == pure_fits
    assert fill(limits, ZERO, GAUSSIAN) == how_many(limits, ZERO, GAUSSIAN) == gaussian_fits
    assert fill(limits, TRAINING, pure("0.1")) == after_training


def test_basic_composition_alone_admits_the_smaller_counts_of_the_table() -> None:
    basic = Limits.create(Epsilon.parse("3"), Delta(0))
    assert fill(basic, ZERO, pure("0.1")) == 30
    lane_p = Limits.create(*THREE, split=(10, 0, 0))
    assert lane_p.r_rdp == lanes.CLOSED
    assert fill(lane_p, ZERO, GAUSSIAN) == 6
    assert fill(lane_p, TRAINING, pure("0.1")) == 5


def realised_delta(flips: int, epsilon_each: float, epsilon_total: float) -> float:
    """Exact δ of so many randomized responses, the worst mechanism there is at its ε."""
    p = math.exp(epsilon_each) / (1 + math.exp(epsilon_each))
    loss = [(2 * k - flips) * epsilon_each for k in range(flips + 1)]
    mass = stats.binom.pmf(range(flips + 1), flips, p)
    return math.fsum(m * -math.expm1(epsilon_total - x) for m, x in zip(mass, loss, strict=True) if x > epsilon_total)


def test_what_fits_keeps_the_promise_on_exact_profiles() -> None:
    limits = Limits.create(*THREE)
    assert realised_delta(how_many(limits, ZERO, pure("0.1")), 0.1, 3.0) <= 1e-6
    for each in ("0.01", "0.05", "0.3", "1"):
        assert realised_delta(how_many(limits, ZERO, pure(each)), float(each), 3.0) <= 1e-6
    mu = math.sqrt(2 * 0.005 * how_many(limits, ZERO, GAUSSIAN))
    delta = stats.norm.cdf(mu / 2 - 3 / mu) - math.exp(3) * stats.norm.cdf(-mu / 2 - 3 / mu)
    assert delta <= 1e-6


amounts = st.integers(0, 4 * 10**12)
deltas = st.integers(0, 10**12)


@settings(max_examples=150, deadline=None)
@given(epsilon=st.integers(0, 10**14), delta=st.integers(0, 10**18))
def test_the_lanes_share_out_delta_and_never_more(epsilon: int, delta: int) -> None:
    limits = Limits.create(Epsilon(epsilon), Delta(delta))
    if delta:
        assert limits.p_delta.units + limits.conversion_delta.units + limits.r_delta.units == delta
    else:
        assert (limits.p_delta.units, limits.r_rdp) == (0, lanes.CLOSED)
    assert limits.r_rdp < UNBOUNDED


@settings(max_examples=150, deadline=None)
@given(
    epsilon=amounts, delta=deltas, spent=st.lists(st.tuples(st.integers(0, 10**12), st.integers(0, 10**11)), max_size=8)
)
def test_a_charge_of_what_is_shown_as_left_is_admitted(epsilon: int, delta: int, spent: list[tuple[int, int]]) -> None:
    limits, total = Limits.create(Epsilon(epsilon), Delta(delta)), Spent()
    for e, d in spent:
        part = limits.part(Price(Epsilon(e), Delta(d), Delta(d), curves.pure(Epsilon(e))))
        if admits(limits, total, part):
            total = total + part
    left_epsilon, left_delta = remaining(limits, total)
    everything = Price(left_epsilon, left_delta, left_delta, curves.pure(left_epsilon))
    assert admits(limits, total, everything)


@settings(max_examples=100, deadline=None)
@given(epsilon=amounts, each=st.integers(10**10, 10**12), withheld=st.integers(0, 10**12))
def test_how_many_is_what_one_by_one_admission_takes(epsilon: int, each: int, withheld: int) -> None:
    limits = Limits.create(Epsilon(epsilon), Delta.parse("1e-6"))
    part = limits.part(Price(Epsilon(each), Delta(0), Delta(0), curves.pure(Epsilon(each))))
    total, count = Spent(), 0
    while admits(limits, total, part, withheld=withheld):
        total, count = total + part, count + 1
    assert how_many(limits, Spent(), part, withheld=withheld) == count


def test_a_lane_that_was_left_is_not_entered_again() -> None:
    """δ uses up lane P, ε then lane R: what would fit each lane apart does not fit together."""
    limits = Limits.create(*THREE)
    thresholds = price(
        [LaplaceThresholdEvent(**BY, scale=10.0, threshold=9, l0=1, l1=1, linf=1, epsilon=0.1, delta=2e-7)]
    )
    total = thresholds  # 2e-7 is past D_R: lane R is gone for good
    assert lanes.fits(limits, limits.part(total)) == (True, False)
    assert not admits(limits, total, thresholds)  # 4e-7 is past D_P
    assert fill(limits, thresholds, pure("0.1")) == 28  # lane P alone: 30 of 0.1, less one, and the float's last unit


def test_another_order_that_would_still_fit_does_not_count() -> None:
    """ "Some order of a grid fits" realises more than δ (privacy.md §4): only a*, fixed at creation, decides."""
    history = pure("2")
    for _ in range(60):
        history = history + pure("0.02")
    assert fits_lane_r(Limits.create(*THREE, order=64), history)  # 2.76 of 2.85
    assert not fits_lane_r(Limits.create(*THREE), history)
    assert not admits(Limits.create(*THREE), ZERO, history)


def fits_lane_r(limits: Limits, total: Price) -> bool:
    return lanes.fits(limits, limits.part(total))[1]


def test_withholding_lowers_both_lanes_by_the_same_epsilon() -> None:
    limits, half = Limits.create(*THREE), 15 * 10**11
    assert not admits(limits, ZERO, pure("1.6"), withheld=half)
    assert admits(limits, ZERO, pure("1.5"), withheld=half)
    assert how_many(limits, ZERO, pure("0.1"), withheld=half) == 15
    assert remaining(limits, Spent(), withheld=3 * 10**12)[0] == Epsilon(0)


def test_a_refund_never_frees_what_was_past_counting() -> None:
    full = Spent(UNBOUNDED, 0, UNBOUNDED, 0)
    assert full - Spent(1, 0, 1, 0) == full
    assert Spent(5, 4, 3, 2) + Spent(1, 1, 1, 1) - Spent(1, 1, 1, 1) == Spent(5, 4, 3, 2)


def test_limits_past_counting_are_lowered_and_delta_above_one_is_refused() -> None:
    limits = Limits.create(Epsilon.parse("1e9"), Delta.parse("1e-6"))
    assert limits.epsilon.units == UNBOUNDED - 1
    assert not admits(limits, ZERO, Price(Epsilon(UNBOUNDED), Delta(0), Delta(0), (UNBOUNDED,) * 16))
    with pytest.raises(ValueError, match="above 1"):
        Limits.create(Epsilon(1), Delta(10**18 + 1))


def test_an_account_of_nothing_admits_nothing_but_nothing() -> None:
    limits = Limits.create(Epsilon(0), Delta(0))
    assert not admits(limits, ZERO, pure("0.000000000001"))
    assert how_many(limits, ZERO, ZERO) == UNBOUNDED
    assert remaining(limits, Spent()) == (Epsilon(0), Delta(0))
