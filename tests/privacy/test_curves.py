"""The price of every event, against formulas and numbers that were not computed by the code under test."""

from __future__ import annotations

import doctest
import math
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special

from tacit_service.privacy import curves, events
from tacit_service.privacy.curves import FINITE_ORDERS, UNBOUNDED, UnsupportedEvent, price, pure
from tacit_service.privacy.events import (
    DpSgdEvent,
    Event,
    GaussianEvent,
    GaussianThresholdEvent,
    LaplaceEvent,
    LaplaceThresholdEvent,
    NoisyMaxEvent,
)
from tacit_service.privacy.units import Epsilon

BY = {"unit": "patient_id", "library": "opendp 0.16.0"}
TENTH = LaplaceEvent(**BY, scale=10.000000000000002, l1=1, epsilon=0.09999999999999999)


def laplace(epsilon: float) -> LaplaceEvent:
    return LaplaceEvent(**BY, scale=1 / epsilon * (1 + 1e-15), l1=1, epsilon=epsilon)


def gaussian(rho: float) -> GaussianEvent:
    return GaussianEvent(**BY, scale=math.sqrt(1 / (2 * rho)) * (1 + 1e-12), l2=1.0, rho=rho, epsilon=0.5, delta=5e-8)


def dp_sgd(q: float, sigma: float, steps: int) -> DpSgdEvent:
    return DpSgdEvent(**BY, q=q, sigma=sigma, steps=steps, epsilon=2.0, delta=1e-7)


def test_the_examples_in_the_module_run() -> None:
    assert doctest.testmod(curves).failed == 0


def test_a_tenth_thirty_times_is_exactly_three() -> None:
    assert str(price([TENTH] * 30).epsilon) == "3"


def test_golden_units_never_change() -> None:
    """An auditor of a ledger ten years old derives these integers; a change here is a change of stored prices."""
    assert price([TENTH]).rdp == (
        9958584395, 14840162054, 19596462938, 24189303665, 28587733009, 32768632294, 36716659702, 40423671165,
        43887788690, 50104436775, 59977820525, 67139110905, 72376413222, 79272192283, 89771530017, 100000000000,
    )  # fmt: skip
    assert price([dp_sgd(0.01, 1.0, 1000)]).rdp[:4] == (171813422075, 264637574585, 363154048911, 468667242170)


@settings(max_examples=200, deadline=None)
@given(units=st.integers(1, 40 * 10**12), order=st.sampled_from(FINITE_ORDERS))
def test_the_pure_curve_is_the_worst_case_formula_rounded_up(units: int, order: int) -> None:
    """Against the formula as written in privacy.md, in 200 digits: not below, and less than two units above."""
    with localcontext() as context:
        context.prec = 200
        epsilon = Decimal(units).scaleb(-12)
        p = epsilon.exp() / (1 + epsilon.exp())
        q = 1 - p
        exact = (p**order * q ** (1 - order) + q**order * p ** (1 - order)).ln() / (order - 1) * 10**12
        computed = curves.pure_at(Epsilon(units), order)
        assert exact <= computed < exact + 2


def test_integer_laplace_costs_more_than_the_continuous_curve_and_less_than_the_worst_case() -> None:
    """Rényi divergence of order 2 at ε = 1, summed over the integers; the continuous formula would say 0.619."""
    alpha, shift = math.exp(-1.0), 1
    mass = [(1 - alpha) / (1 + alpha) * alpha ** abs(x) for x in range(-200, 202)]
    divergence = math.log(sum(p * p / q for p, q in zip(mass[shift:], mass, strict=False)))
    continuous = math.log(2 / 3 * math.exp(1.0) + 1 / 3 * math.exp(-2.0))
    assert continuous == pytest.approx(0.619, abs=1e-3)
    assert continuous < divergence <= price([laplace(1.0)]).at(2) / 1e12 == pytest.approx(0.735, abs=1e-3)


@settings(max_examples=100, deadline=None)
@given(epsilon=st.floats(1e-9, 50))
def test_a_curve_rises_with_its_order_up_to_epsilon(epsilon: float) -> None:
    curve = pure(Epsilon.ceil(epsilon))
    assert list(curve) == sorted(curve)
    assert curve[-1] == Epsilon.ceil(epsilon).units


def test_huge_and_zero_losses_stay_integers() -> None:
    assert pure(Epsilon(0)) == (0,) * 16
    assert set(pure(Epsilon(10**30))) == {UNBOUNDED}
    huge = pure(Epsilon.parse(1_000_000))
    assert huge[0] == pytest.approx(1e18, rel=1e-5)
    assert huge == tuple(sorted(huge))


def test_a_gaussian_is_linear_in_the_order_and_unbounded_at_infinity() -> None:
    cost = price([gaussian(0.005)])
    assert [cost.at(a) for a in (2, 8, 64)] == [
        10_000_000_001,
        40_000_000_001,
        320_000_000_001,
    ]  # 0.005 is a little more
    assert cost.rdp[-1] == UNBOUNDED
    assert (str(cost.epsilon), str(cost.delta), str(cost.threshold_delta)) == ("0.5", "0.00000005", "0")


def test_a_threshold_pays_its_delta_in_both_lanes() -> None:
    event = LaplaceThresholdEvent(**BY, scale=10.0, threshold=200, l0=1, l1=1, linf=1, epsilon=0.1, delta=1e-9)
    cost = price([event])
    assert cost.delta == cost.threshold_delta
    assert str(cost.delta) == "0.000000001000000001"  # the float 1e-9 lies above the decimal
    assert cost.rdp == price([LaplaceEvent(**BY, scale=10.0, l1=1, epsilon=0.1)]).rdp


def test_a_gaussian_threshold_is_a_gaussian_whose_threshold_pays_delta_in_both_lanes() -> None:
    noise = gaussian(0.005)
    event = GaussianThresholdEvent(**BY, scale=noise.scale, threshold=90, l0=1, l2=1.0, linf=1, rho=0.005, epsilon=0.5,
                                   delta=5e-8, threshold_delta=1e-9)  # fmt: skip
    cost, alone = price([event]), price([noise])
    assert (cost.epsilon, cost.rdp) == (alone.epsilon, alone.rdp)
    assert str(cost.threshold_delta) == "0.000000001000000001"
    assert cost.delta.units == alone.delta.units + cost.threshold_delta.units
    with pytest.raises(UnsupportedEvent, match="claims less"):
        price([replace(event, rho=0.004)])


def test_noisy_max_is_priced_as_any_pure_mechanism() -> None:
    event = NoisyMaxEvent(**BY, scale=4.0, linf=1, monotonic=False, candidates=100, epsilon=0.5)
    assert price([event]).rdp == pure(Epsilon.parse("0.5"))


@pytest.mark.parametrize("order", [2, 8, 32])
@pytest.mark.parametrize(("q", "sigma"), [(0.01, 1.0), (0.001, 0.7), (0.2, 4.0)])
def test_dp_sgd_is_the_integral_of_its_definition(q: float, sigma: float, order: int) -> None:
    """∫ ν(z) ((1−q) + q e^{(2z−1)/2σ²})^a dz by quadrature, against the closed form at integer orders."""

    peak = max(0.0, (order * order - order) / (2 * sigma**2) + order * math.log(q))

    def integrand(z: float) -> float:
        density = -z * z / (2 * sigma**2) - math.log(sigma * math.sqrt(2 * math.pi))
        ratio = special.logsumexp([math.log1p(-q), math.log(q) + (2 * z - 1) / (2 * sigma**2)])
        return math.exp(density + order * ratio - peak)

    total, _ = integrate.quad(
        integrand, -30 * sigma, order + 30 * sigma, limit=2000, epsabs=0, epsrel=1e-11, points=[0, order]
    )
    assert price([dp_sgd(q, sigma, 1)]).at(order) == pytest.approx(
        (math.log(total) + peak) / (order - 1) * 1e12, rel=1e-7, abs=2
    )


def test_dp_sgd_of_everyone_is_the_plain_gaussian() -> None:
    assert price([dp_sgd(1.0, 2.0, 4)]).at(8) == 4 * 10**12 + 1  # a/(2σ²) a step, and the margin


def test_dp_sgd_at_its_edges() -> None:
    assert price([dp_sgd(0.0, 1.0, 1000)]).rdp == price([dp_sgd(0.5, 1.0, 0)]).rdp == (0,) * 16
    assert set(price([dp_sgd(0.5, 1e-200, 1)]).rdp) == {UNBOUNDED}
    assert price([dp_sgd(0.5, 1e200, 1)]).at(64) == 1


@dataclass(frozen=True, slots=True)
class Invented(Event):
    kind = "invented"


@pytest.mark.parametrize(
    "event",
    [
        Invented(**BY),
        LaplaceEvent(**BY, scale=10.0, l1=2, epsilon=0.1),
        LaplaceEvent(**BY, scale=0.0, l1=1, epsilon=1.0),
        GaussianEvent(**BY, scale=1.0, l2=1.0, rho=0.49, epsilon=1.0, delta=1e-6),
        dp_sgd(1.5, 1.0, 1),
        dp_sgd(0.5, 0.0, 1),
        dp_sgd(0.5, math.nan, 1),
        dp_sgd(0.5, 1.0, -1),
        dp_sgd(0.5, 1.0, 10**10),
    ],
    ids=lambda event: f"{event.kind}",
)
def test_what_is_unknown_or_claims_too_little_is_refused(event: Event) -> None:
    with pytest.raises(UnsupportedEvent):
        price([event])


@pytest.mark.parametrize("bad", [math.inf, math.nan, -1.0])
def test_a_loss_that_is_no_number_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="epsilon="):
        price([LaplaceEvent(**BY, scale=1.0, l1=1, epsilon=bad)])


def test_the_stored_form_of_an_event_has_the_same_price() -> None:
    for event in (TENTH, gaussian(0.005), dp_sgd(0.01, 1.0, 1000)):
        assert price([events.from_dict(event.to_dict())]) == price([event])


def test_sums_stop_where_nothing_fits_any_more() -> None:
    huge = price([laplace(3e6)])
    assert (huge + huge).epsilon.units == (huge + huge + huge).rdp[-1] == UNBOUNDED
    with pytest.raises(ValueError, match="16 places"):
        curves.Price(huge.epsilon, huge.delta, huge.delta, (1, 2))
