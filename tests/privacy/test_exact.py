"""Exact aggregates have no way out but a measurement."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pytest

from tacit_service.privacy.events import LaplaceEvent
from tacit_service.privacy.exact import Charged, ExactAggregates

SECRET = 123_456_789


@pytest.fixture
def exact() -> ExactAggregates:
    values = np.array([SECRET, 2], dtype=np.int64)
    return ExactAggregates([("north",), ("south",)], {"n": values}, keys_are_public=True)


@pytest.mark.parametrize("show", [repr, str, "{}".format, lambda x: f"{x!r} {x!s} {[x]}"])
def test_no_text_form_holds_a_value_or_a_key(exact, show):
    assert str(SECRET) not in show(exact)
    assert "north" not in show(exact)


@pytest.mark.parametrize("take", [
    pickle.dumps, copy.copy, copy.deepcopy, json.dumps, list, len, vars, dict, hash, np.sum,
    lambda x: x == x, lambda x: x != 1, lambda x: x["n"], lambda x: x + 1, lambda x: np.asarray(x) + 1,
    lambda x: np.array(x, dtype=np.int64),
])  # fmt: skip
def test_nothing_copies_encodes_iterates_or_compares_them(exact, take):
    if take is np.sum:  # numpy wraps what it does not know into an object scalar: the same object, still withheld
        assert take(exact) is exact
        return
    with pytest.raises(TypeError):
        take(exact)


def test_a_traceback_with_locals_does_not_hold_them(exact):
    def fail(withheld: ExactAggregates) -> None:
        raise RuntimeError(f"cannot handle {withheld}")

    with pytest.raises(RuntimeError) as failed:
        fail(exact)
    assert str(SECRET) not in str(failed.getrepr(showlocals=True))


@pytest.mark.parametrize("vector", [
    np.array([1.0, 2.0]), np.array([1, 2], dtype=np.int32), np.array([1], dtype=np.int64),
    np.array([[1, 2]], dtype=np.int64), np.array([1, 2], dtype=np.uint64),
])  # fmt: skip
def test_only_int64_over_the_groups_is_accepted_and_the_error_holds_no_value(vector):
    with pytest.raises(TypeError, match="measure n is not an int64 vector"):
        ExactAggregates([("north",), ("south",)], {"n": vector}, keys_are_public=True)


def test_a_charge_covers_just_the_events_it_paid_for():
    event = LaplaceEvent("patient", "opendp 0.16.0", scale=10.0, l1=1, epsilon=0.1)
    charged = Charged("c1", (event,))
    assert charged.covers(LaplaceEvent("patient", "opendp 0.16.0", scale=10.0, l1=1, epsilon=0.1))
    for other in (
        LaplaceEvent("customer", "opendp 0.16.0", scale=10.0, l1=1, epsilon=0.1),
        LaplaceEvent("patient", "opendp 0.16.0", scale=9.0, l1=1, epsilon=0.1),
        LaplaceEvent("patient", "opendp 0.16.0", scale=10.0, l1=2, epsilon=0.1),
    ):
        assert not charged.covers(other)
