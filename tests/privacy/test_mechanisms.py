"""Choosing scales, and the guards in front of the noise."""

from __future__ import annotations

import datetime
import math
import pickle
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit_service.errors import RequestError, TacitError
from tacit_service.privacy import mechanisms
from tacit_service.privacy.choices import draw_max, noisy_max
from tacit_service.privacy.events import LaplaceEvent
from tacit_service.privacy.exact import Charged, ExactAggregates
from tacit_service.privacy.mechanisms import (
    LIBRARY,
    Measurement,
    draw,
    gaussian,
    laplace,
)
from tacit_service.privacy.scales import SCALE_MAX, SCALE_MIN
from tacit_service.privacy.sensitivity import groups, one_row, weights
from tacit_service.privacy.thresholds import draw_threshold, gaussian_threshold, laplace_threshold, narrowest_threshold
from tacit_service.privacy.units import Delta, Epsilon

TENTH = Epsilon.parse("0.1")
MILLIONTH = Delta.parse("1e-6")


def counts(values: list[int], keys: list[tuple] | None = None) -> ExactAggregates:
    vector = np.array(values, dtype=np.int64)
    return ExactAggregates(keys or [(i,) for i in range(len(values))], {"n": vector}, keys_are_public=keys is None)


def paid(*measurements: Measurement) -> Charged:
    return Charged("test", tuple(m.event for m in measurements))


def laplace_price(scale: float, l1: int) -> float:
    return mechanisms.build_laplace(scale).map(l1)


# ── prices and scales ──


@pytest.mark.parametrize("text", ["0.1", "0.01", "0.3", "1", "0.7", "2.5", "0.000001", "0.123456789012", "100"])
@pytest.mark.parametrize("s", [one_row(1), one_row(999_999), weights(20), groups(7, 3)])
def test_laplace_spends_what_was_asked_at_the_smallest_scale(text, s):
    m = laplace(s, Epsilon.parse(text), unit="patient")
    assert m.epsilon == Epsilon.parse(text)
    assert m.delta == Delta(0)
    assert Fraction(m.event.epsilon) <= Fraction(text)
    assert Fraction(laplace_price(math.nextafter(m.scale, 0.0), s.l1)) > Fraction(text)
    # The price is true of the noise itself, and not only of OpenDP's arithmetic: l1/scale ≤ ε as rationals.
    assert Fraction(s.l1) / Fraction(m.scale) <= Fraction(text)


def test_a_tenth_thirty_times_is_exactly_three():
    spent = Epsilon(0)
    for _ in range(30):
        spent = spent + laplace(weights(20), TENTH, unit="patient").epsilon
    assert spent == Epsilon.parse("3")


@settings(max_examples=60, deadline=None)
@given(units=st.integers(10**4, 10**16), l1=st.integers(1, 10**9))
def test_laplace_never_undercharges_nor_exceeds_what_was_asked(units, l1):
    asked = Epsilon(units)
    if not SCALE_MIN <= Fraction(l1 * 10**12, units) <= Fraction(SCALE_MAX) * (1 - Fraction(1, 2**50)):
        with pytest.raises(RequestError, match=r"no noise|only noise"):
            laplace(one_row(l1), asked, unit="patient")
        return
    m = laplace(one_row(l1), asked, unit="patient")
    assert m.epsilon <= asked
    assert Fraction(l1) / Fraction(m.scale) <= Fraction(m.epsilon.units, 10**12)


@pytest.mark.parametrize("text", ["0.01", "0.1", "0.5", "1", "3", "10"])
@pytest.mark.parametrize("delta", ["1e-6", "1e-9", "0.001"])
@pytest.mark.parametrize("s", [one_row(1), groups(5, 10)])
def test_gaussian_spends_what_was_asked_on_its_own_profile(text, delta, s):
    m = gaussian(s, Epsilon.parse(text), Delta.parse(delta), unit="patient")
    assert (m.epsilon, m.delta) == (Epsilon.parse(text), Delta.parse(delta))
    rho, epsilon = mechanisms.gaussian_price(m.scale, s.l2, m.event.delta)
    assert (rho, epsilon) == (m.event.rho, m.event.epsilon)
    assert Fraction(rho) >= Fraction(s.l2) ** 2 / (2 * Fraction(m.scale) ** 2)
    # Smallest up to the unit of account: a scale 1e-9 lower would cost more than was asked.
    assert mechanisms.gaussian_price(m.scale * (1 - 1e-9), s.l2, m.event.delta)[1] > float(text)


@pytest.mark.parametrize("text", ["700", "20000", "100000"])
def test_gaussian_at_an_epsilon_past_what_its_curve_can_say_spends_no_more_than_asked(text):
    m = gaussian(one_row(3000), Epsilon.parse(text), Delta.parse("0.0001"), unit="patient")
    assert 500 < m.event.epsilon <= float(text)


def test_a_delta_between_two_floats_is_rounded_down_never_up():
    # Above 1e-2 floats are further apart than δ's unit: the charge may then lie a few units below what was asked.
    m = gaussian(one_row(1), TENTH, Delta.parse("0.01"), unit="patient")
    assert Delta.parse("0.00999999999999999") < m.delta <= Delta.parse("0.01")


@pytest.mark.parametrize("text", ["0.1", "1", "5"])
@pytest.mark.parametrize("delta", ["1e-6", "1e-12", "0.01"])
@pytest.mark.parametrize("s", [groups(1, 1), groups(5, 1), groups(3, 4), weights(20)])
def test_threshold_is_the_smallest_that_the_delta_pays_for(text, delta, s):
    m = laplace_threshold(s, Epsilon.parse(text), Delta.parse(delta), unit="patient")
    assert m.epsilon == Epsilon.parse(text)
    assert Delta(0) < m.delta <= Delta.parse(delta)
    assert m.threshold > s.linf
    if m.threshold > s.linf + 1:
        one_lower = mechanisms.build_laplace_threshold(m.scale, m.threshold - 1).map((s.l0, s.l1, s.linf))[1]
        assert one_lower > float(delta)


@pytest.mark.parametrize("text", ["0.1", "1", "5"])
@pytest.mark.parametrize("delta", ["1e-6", "1e-12", "0.01"])
@pytest.mark.parametrize("s", [groups(1, 1), groups(20, 1), groups(3, 4), weights(20)])
def test_a_gaussian_threshold_shares_the_delta_between_noise_and_keys(text, delta, s):
    m = gaussian_threshold(s, Epsilon.parse(text), Delta.parse(delta), unit="patient")
    assert m.epsilon == Epsilon.parse(text)
    assert Delta(0) < m.delta <= Delta.parse(delta)
    assert m.event.delta == pytest.approx(float(delta) / 2)
    assert m.scale == gaussian(s, m.epsilon, Delta.parse(delta).split([1, 1])[0], unit="patient").scale
    assert m.threshold > s.linf
    d_in = (s.l0, s.l2, float(s.linf))
    rho, left = mechanisms.build_gaussian_threshold(m.scale, m.threshold).map(d_in)
    assert (rho, left) == (m.event.rho, m.event.threshold_delta)
    if m.threshold > s.linf + 1:
        assert mechanisms.build_gaussian_threshold(m.scale, m.threshold - 1).map(d_in)[1] > float(delta) / 2


def test_many_groups_a_unit_take_gaussian_noise_and_few_take_laplace():
    """With one group a patient Laplace is lower and narrower, with twenty it is neither."""
    one, twenty = groups(1, 1), groups(20, 1)
    assert narrowest_threshold(one, TENTH, MILLIONTH, unit="patient", mechanism="auto").kind == "laplace_threshold"
    chosen = narrowest_threshold(twenty, TENTH, MILLIONTH, unit="patient", mechanism="auto")
    other = laplace_threshold(twenty, TENTH, MILLIONTH, unit="patient")
    assert chosen.kind == "gaussian_threshold"
    assert chosen.threshold < 0.5 * other.threshold
    assert chosen.half_width() < other.half_width()
    for s in (one, twenty):
        for mechanism in ("laplace", "gaussian"):
            m = narrowest_threshold(s, TENTH, MILLIONTH, unit="patient", mechanism=mechanism)
            assert m.kind == f"{mechanism}_threshold"


def test_a_price_that_leaves_hardly_any_noise_still_buys_a_threshold():
    m = narrowest_threshold(groups(20, 1), Epsilon.parse("1000"), MILLIONTH, unit="patient", mechanism="auto")
    assert m.half_width() == 0
    assert m.kind == "laplace_threshold"


@pytest.mark.parametrize(("l0", "text"), [(1, "1e-17"), (20, "1e-15"), (1, "1e-18")])
def test_a_delta_that_no_map_can_tell_from_zero_is_refused_at_once(l0, text):
    with pytest.raises(RequestError, match="no threshold has so small a delta") as refused:
        narrowest_threshold(groups(l0, 1), TENTH, Delta.parse(text), unit="patient", mechanism="auto")
    assert refused.value.code == "delta_invalid"
    least = Delta.parse(refused.value.hint.split()[5])
    assert narrowest_threshold(groups(l0, 1), TENTH, least, unit="patient", mechanism="auto").delta <= least


def test_where_half_of_the_delta_is_too_small_for_the_gaussian_it_is_laplace():
    least = Delta.parse("2e-16")
    assert gaussian_threshold(groups(1, 1), TENTH, least, unit="patient") is None
    assert laplace_threshold(groups(1, 1), TENTH, least, unit="patient").delta <= least


@pytest.mark.parametrize(("monotonic", "factor"), [(False, 2), (True, 1)])
def test_noisy_max_spends_what_was_asked(monotonic, factor):
    m = noisy_max(100, 3, TENTH, unit="patient", monotonic=monotonic)
    assert m.epsilon == TENTH
    assert m.scale == pytest.approx(factor * 3 / 0.1)
    assert Fraction(factor * 3) / Fraction(m.scale) <= Fraction(1, 10)


def test_specs_are_cached_frozen_printable_and_picklable():
    m = laplace(weights(20), TENTH, unit="patient")
    assert laplace(weights(20), TENTH, unit="patient") is m
    assert pickle.loads(pickle.dumps(m)) == m
    assert "scale=200.00000000000003" in repr(m)
    with pytest.raises(AttributeError):
        m.event = None


def test_events_name_the_library_that_priced_them():
    assert LIBRARY.startswith("opendp ")
    for m in (
        laplace(one_row(1), TENTH, unit="patient"),
        gaussian(one_row(1), TENTH, MILLIONTH, unit="patient"),
        laplace_threshold(one_row(1), TENTH, MILLIONTH, unit="patient"),
        noisy_max(2, 1, TENTH, unit="patient"),
    ):
        assert m.event.library == LIBRARY
        assert m.event.unit == "patient"


def test_a_choice_has_no_half_width():
    with pytest.raises(TypeError, match="no additive noise"):
        noisy_max(2, 1, TENTH, unit="patient").half_width()


# ── refusals ──


@pytest.mark.parametrize("build", [
    lambda e: laplace(one_row(1), e, unit="patient"),
    lambda e: gaussian(one_row(1), e, MILLIONTH, unit="patient"),
    lambda e: laplace_threshold(one_row(1), e, MILLIONTH, unit="patient"),
    lambda e: noisy_max(3, 1, e, unit="patient"),
])  # fmt: skip
@pytest.mark.parametrize("epsilon", [Epsilon(0), Epsilon.parse("1e17"), Epsilon(1)], ids=["zero", "huge", "tiny"])
def test_epsilon_outside_what_noise_can_serve_is_refused(build, epsilon):
    if epsilon == Epsilon(1):  # 1e-12 alone is servable for one row (scale 1e12); make it unservable by the bound
        with pytest.raises(RequestError) as refused:
            laplace(one_row(10**9), epsilon, unit="patient")
    else:
        with pytest.raises(RequestError) as refused:
            build(epsilon)
    assert refused.value.code == "epsilon_invalid"
    assert refused.value.hint


@pytest.mark.parametrize("delta", [Delta(0), Delta.parse("1"), Delta.parse("2")])
def test_delta_outside_the_open_unit_interval_is_refused(delta):
    for build in (gaussian, laplace_threshold, gaussian_threshold):
        with pytest.raises(RequestError) as refused:
            build(one_row(1), TENTH, delta, unit="patient")
        assert refused.value.code == "delta_invalid"


def test_a_threshold_for_more_groups_than_the_library_counts_is_refused():
    with pytest.raises(RequestError) as refused:
        laplace_threshold(weights(2**33), TENTH, MILLIONTH, unit="patient")
    assert refused.value.code == "bound_invalid"


# ── guards in front of the noise ──


def test_no_charge_no_noise():
    m = laplace(one_row(1), TENTH, unit="patient")
    cheaper = laplace(one_row(1), Epsilon.parse("0.01"), unit="patient")
    with pytest.raises(TacitError, match="without a charge"):
        draw(m, counts([1]), "n", paid(cheaper))
    with pytest.raises(TacitError, match="without a charge"):
        draw(m, counts([1]), "n", Charged("test", ()))


def test_one_payment_buys_one_draw():
    m = laplace(one_row(1), TENTH, unit="patient")
    once, twice = paid(m), paid(m, m)
    draw(m, counts([1]), "n", once)
    with pytest.raises(TacitError, match="paid for"):
        draw(m, counts([1]), "n", once)
    draw(m, counts([1]), "n", twice)
    draw(m, counts([1]), "n", twice)
    with pytest.raises(TacitError, match="paid for"):
        draw(m, counts([1]), "n", twice)


@pytest.mark.parametrize("scale", [0.0, 1e-320, -1.0, math.nan, math.inf, SCALE_MIN / 2, SCALE_MAX * 2])
def test_a_scale_without_noise_is_never_drawn(scale):
    # OpenDP would accept 0 and 1e-320 and return the exact values.
    event = LaplaceEvent(unit="patient", library=LIBRARY, scale=scale, l1=1, epsilon=math.inf)
    m = Measurement(event, one_row(1))
    with pytest.raises(TacitError, match="scale"):
        draw(m, counts([1]), "n", Charged("test", (event,)))


def test_a_forged_price_or_sensitivity_is_caught_by_the_map():
    m = laplace(one_row(10), TENTH, unit="patient")
    cheap = Measurement(replace(m.event, epsilon=0.01), m.sensitivity)
    narrow = Measurement(m.event, one_row(20))
    for forged in (cheap, narrow):
        with pytest.raises(TacitError, match="privacy map"):
            draw(forged, counts([1]), "n", paid(forged))
    g = gaussian(one_row(10), TENTH, MILLIONTH, unit="patient")
    for forged in (
        Measurement(replace(g.event, rho=g.event.rho / 2), g.sensitivity),
        Measurement(g.event, one_row(11)),
    ):
        with pytest.raises(TacitError, match="privacy map"):
            draw(forged, counts([1]), "n", paid(forged))
    t = laplace_threshold(groups(3, 1), TENTH, MILLIONTH, unit="patient")
    low = Measurement(replace(t.event, threshold=t.event.threshold - 10), t.sensitivity)
    with pytest.raises(TacitError, match="privacy map"):
        draw_threshold(low, counts([1]), "n", paid(low))
    h = gaussian_threshold(groups(3, 1), TENTH, MILLIONTH, unit="patient")
    for forged in (
        Measurement(replace(h.event, threshold=h.event.threshold - 10), h.sensitivity),
        Measurement(replace(h.event, epsilon=h.event.epsilon / 2), h.sensitivity),
        Measurement(replace(h.event, rho=h.event.rho / 2), h.sensitivity),
        Measurement(h.event, groups(4, 1)),
    ):
        with pytest.raises(TacitError, match="privacy map"):
            draw_threshold(forged, counts([1]), "n", paid(forged))
    c = noisy_max(2, 1, TENTH, unit="patient")
    mono = Measurement(replace(c.event, scale=c.event.scale / 2), c.sensitivity)
    with pytest.raises(TacitError, match="privacy map"):
        draw_max(mono, counts([1, 2]), "n", paid(mono))


def test_an_event_priced_by_another_library_version_is_not_drawn():
    m = laplace(one_row(1), TENTH, unit="patient")
    old = Measurement(replace(m.event, library="opendp 0.1.0"), m.sensitivity)
    with pytest.raises(TacitError, match=r"opendp 0\.1\.0"):
        draw(old, counts([1]), "n", paid(old))


def test_a_mechanism_is_drawn_only_through_its_own_door():
    m, t = laplace(one_row(1), TENTH, unit="patient"), laplace_threshold(one_row(1), TENTH, MILLIONTH, unit="patient")
    with pytest.raises(TacitError, match="cannot be drawn here"):
        draw(t, counts([1]), "n", paid(t))
    with pytest.raises(TacitError, match="cannot be drawn here"):
        draw_threshold(m, counts([1]), "n", paid(m))
    with pytest.raises(TacitError, match="cannot be drawn here"):
        draw_max(m, counts([1]), "n", paid(m))


# ── answers ──


def test_an_empty_release_is_empty():
    m, t = laplace(one_row(1), TENTH, unit="patient"), laplace_threshold(one_row(1), TENTH, MILLIONTH, unit="patient")
    assert draw(m, counts([]), "n", paid(m)).tolist() == []
    assert draw(m, counts([]), "n", paid(m)).dtype == np.int64
    keys, rows, noisy = draw_threshold(t, counts([]), "n", paid(t))
    assert (keys, rows.tolist(), noisy.tolist()) == ([], [], [])


def test_large_answers_keep_their_digits():
    m = laplace(one_row(1), Epsilon.parse("10"), unit="patient")
    exact = [2**62, -(2**62), 2**53 + 1]
    assert np.abs(draw(m, counts(exact), "n", paid(m)) - np.array(exact)).max() < 100


def test_only_groups_that_are_told_get_noise_each_its_own_value():
    m = laplace(one_row(1), Epsilon.parse("100"), unit="patient")  # noise is above 1 once in e^100 draws
    both = ExactAggregates(
        [(i,) for i in range(4)],
        {"n": np.arange(0, 40, 10), "s": np.arange(1000, 1004)},
        keys_are_public=True,
    )
    told = [np.array([3, 1]), None]
    n, s = mechanisms.draw_vector(m, [(both, "n", 2), (both, "s", 1)], paid(m), told)
    assert n.tolist() == [60, 20]
    assert s.tolist() == [1000, 1001, 1002, 1003]


def test_threshold_releases_sorted_keys_above_it_and_no_key_without_a_unit():
    m = laplace_threshold(groups(1, 1), Epsilon.parse("1"), MILLIONTH, unit="patient")
    keys = [("b", None), (None, 1), ("a", 2), ("a", None), ("zero", 0), ("lone", 0), ("a", 1)]
    got, rows, noisy = draw_threshold(m, counts([5000, 5000, 5000, 5000, 0, 1, 5000], keys), "n", paid(m))
    assert got == [("a", 1), ("a", 2), ("a", None), ("b", None), (None, 1)]
    assert rows.tolist() == [6, 2, 3, 0, 1]
    assert (np.abs(noisy - 5000) < 100).all()


def test_a_group_without_a_unit_is_never_released():
    # It is no key of the database, and would pass a low threshold by noise alone now and then.
    m = laplace_threshold(groups(1, 1), Epsilon.parse("1"), Delta.parse("0.1"), unit="patient")
    keys, _, _ = draw_threshold(m, counts([0, -1] * 2000), "n", paid(m))
    assert keys == []


def test_threshold_order_does_not_depend_on_the_engine_s_order():
    m = laplace_threshold(groups(1, 1), Epsilon.parse("1"), MILLIONTH, unit="patient")
    keys = [(name, day) for name in ("x", "y", None) for day in (datetime.date(2026, 1, 2), None)]
    forward, _, _ = draw_threshold(m, counts([5000] * 6, keys), "n", paid(m))
    backward, _, _ = draw_threshold(m, counts([5000] * 6, keys[::-1]), "n", paid(m))
    assert forward == backward


@pytest.mark.parametrize("build", [laplace_threshold, gaussian_threshold])
def test_values_equal_to_the_threshold_are_discarded(build):
    # OpenDP returns values ≥ T. With many counts at T, some noisy value would equal it.
    m = build(groups(1, 1), Epsilon.parse("1"), MILLIONTH, unit="patient")
    _, _, noisy = draw_threshold(m, counts([m.threshold] * 3000), "n", paid(m))
    assert noisy.min() == m.threshold + 1


def test_duplicate_keys_are_a_fault():
    m = laplace_threshold(groups(1, 1), Epsilon.parse("1"), MILLIONTH, unit="patient")
    with pytest.raises(TacitError, match="distinct"):
        draw_threshold(m, counts([1, 2], [("a",), ("a",)]), "n", paid(m))


def test_a_choice_finds_the_clear_winner_and_needs_the_candidates_it_paid_for():
    m = noisy_max(3, 1, Epsilon.parse("1"), unit="patient")
    assert draw_max(m, counts([0, 10_000, 3]), "n", paid(m)) == 1
    with pytest.raises(TacitError, match="candidates"):
        draw_max(m, counts([0, 1]), "n", paid(m))
