"""The constructors bound every contribution they speak of, and nothing inconsistent can be built."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit_service.errors import RequestError
from tacit_service.privacy.sensitivity import NORM_MAX, Sensitivity, groups, one_row, weights


def within(s: Sensitivity, d: list[int]) -> bool:
    """Whether one unit's contribution vector respects all four bounds, exactly."""
    size = [abs(x) for x in d]
    return (
        sum(x > 0 for x in size) <= s.l0
        and sum(size) <= s.l1
        and sum(x * x for x in size) <= Fraction(s.l2) ** 2
        and max(size, default=0) <= s.linf
    )


@given(st.lists(st.integers(-1000, 1000), max_size=30))
def test_weights_bound_every_vector_with_that_total(d):
    total = max(1, sum(map(abs, d)))
    assert within(weights(total), d)


@given(st.integers(1, 50), st.integers(1, 10**9), st.data())
def test_groups_bound_every_vector_of_k_capped_groups(k, per_group, data):
    touched = data.draw(st.lists(st.integers(-per_group, per_group), max_size=k))
    assert within(groups(k, per_group), [*touched, 0, 0])


@given(st.integers(1, 10**12), st.booleans())
def test_one_row_bounds_one_change_in_one_group(per_row, negative):
    assert within(one_row(per_row), [0, -per_row if negative else per_row, 0])


def test_the_bounds_are_reached():
    assert not within(groups(3, 5), [5, 5, 5, 1])
    assert not within(groups(3, 5), [6])
    assert not within(weights(10), [6, 5])
    assert within(groups(3, 5), [5, -5, 5])


@pytest.mark.parametrize("k", [1, 2, 3, 5, 7, 10, 1000, 999_983])
@pytest.mark.parametrize("per_group", [1, 3, 10**6 + 3, 10**12 + 39])
def test_l2_is_the_smallest_float_that_is_not_below_the_root(k, per_group):
    l2 = groups(k, per_group).l2
    assert Fraction(l2) ** 2 >= k * per_group**2
    assert Fraction(np.nextafter(l2, 0.0)) ** 2 < k * per_group**2


def test_a_total_past_the_floats_is_rounded_up():
    assert weights(2**53 + 1).l2 == 2.0**53 + 2


@pytest.mark.parametrize("bound", [0, -1, NORM_MAX + 1, 1.5, True, "1", None])
def test_a_bound_that_is_no_positive_integer_is_refused(bound):
    for build in (weights, one_row, lambda b: groups(b, 1), lambda b: groups(1, b)):
        with pytest.raises(RequestError) as refused:
            build(bound)
        assert refused.value.code == "bound_invalid"
        assert refused.value.hint


@pytest.mark.parametrize("norms", [
    {"l0": 1, "l1": 2, "l2": 1.0, "linf": 1},  # one group capped at 1 cannot sum to 2
    {"l0": 2, "l1": 1, "l2": 2.0, "linf": 2},  # the largest change is part of the sum
    {"l0": 2, "l1": 2, "l2": 0.5, "linf": 1},
    {"l0": 2, "l1": 2, "l2": 3.0, "linf": 1},
    {"l0": 2, "l1": 2, "l2": float("nan"), "linf": 1},
    {"l0": 1, "l1": 1, "l2": 1, "linf": 1},  # an int would be exact today and overflow a float tomorrow
])  # fmt: skip
def test_contradictory_norms_are_refused(norms):
    with pytest.raises(RequestError) as refused:
        Sensitivity(**norms)
    assert refused.value.code == "bound_invalid"
