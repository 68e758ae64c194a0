"""Exact money: parsed from text, added as integers, rounded against the analyst."""

from __future__ import annotations

import doctest
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit_service.privacy import ordering, sensitivity, units
from tacit_service.privacy.units import Delta, Epsilon, Rho


@pytest.mark.parametrize("module", [units, sensitivity, ordering])
def test_the_examples_in_the_docstrings_are_true(module):
    results = doctest.testmod(module)
    assert results.attempted > 0
    assert results.failed == 0


@pytest.mark.parametrize(("text", "value"), [
    ("0", 0), ("1", 10**12), ("0.1", 10**11), ("1e-12", 1), ("1E+2", 10**14), ("0.10", 10**11),
    ("1.", 10**12), (3, 3 * 10**12), (Decimal("0.5"), 5 * 10**11), ("0.1000000000000000000", 10**11),
])  # fmt: skip
def test_plain_decimals_are_parsed_exactly(text, value):
    assert Epsilon.parse(text).units == value


@pytest.mark.parametrize("text", [
    "", " 1", "1 ", "+1", "-1", "-0", "0x1", "1_000", "NaN", "inf", "Infinity", "1e400", "1e41", "1e-41", "1e", ".5",
    "1,5", "1e1.5", "٣", "1\n", "9" * 33, "1e20", "1e-13", "0.0000000000001", Decimal("NaN"), Decimal("-1"),
    Decimal("Infinity"), -1,
])  # fmt: skip
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match=r"decimal|exponent|finer|too large"):
        Epsilon.parse(text)


@pytest.mark.parametrize("value", [0.1, True, None, [], b"1", 1j])
def test_floats_and_other_types_never_enter(value):
    with pytest.raises(TypeError, match="decimal string"):
        Epsilon.parse(value)


@given(st.floats(min_value=0, max_value=1e12, allow_nan=False))
def test_ceil_is_the_least_exact_amount_not_below_the_float(value):
    amount = Epsilon.ceil(value)
    assert Fraction(amount.units, 10**12) >= Fraction(value) > Fraction(amount.units - 1, 10**12)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e-9, -float("inf")])
def test_ceil_refuses_what_is_no_price(value):
    with pytest.raises(ValueError, match="finite"):
        Delta.ceil(value)


@given(st.integers(0, 10**24))
def test_text_round_trips(value):
    for unit in (Epsilon, Delta, Rho):
        assert unit.parse(str(unit(value))) == unit(value)


def test_amounts_of_different_things_do_not_compare():
    assert Epsilon(1) != Rho(1)
    with pytest.raises(TypeError):
        assert Epsilon(1) < Delta(2)


def test_amounts_are_never_negative():
    with pytest.raises(ValueError, match="negative"):
        Epsilon.parse("0.1") - Epsilon.parse("0.2")


@given(st.integers(0, 10**15), st.lists(st.integers(0, 1000), min_size=1, max_size=8).filter(any))
def test_a_split_adds_up_to_the_whole_and_is_proportional(whole, weights):
    parts = Epsilon(whole).split(weights)
    assert sum(p.units for p in parts) == whole
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part.units - Fraction(whole * weight, sum(weights))) < 1
