"""The arithmetic of noise against bias, on cases that can be done by hand or by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit_service.policy.tradeoff import (
    Choice,
    GroupCounts,
    best,
    caps_to_try,
    count_by_rows_cap,
    friendly,
    gaussian_sigma,
    sum_by_rows_cap,
)
from tacit_service.privacy.accuracy import half_width


@given(st.floats(-1e12, 1e12, allow_subnormal=False).filter(lambda v: v == 0 or abs(v) > 1e-9))
def test_friendly_numbers_lie_outward_and_near(value: float) -> None:
    rounded = friendly(value)
    assert abs(rounded) >= abs(value) * (1 - 1e-9)
    assert abs(rounded) <= abs(value) * 1.5 * (1 + 1e-9)
    assert value * rounded >= 0


@pytest.mark.parametrize(("value", "expected"), [(4213.57, 5000), (0.31, 0.4), (-48, -50), (100, 100), (0, 0), (9, 10)])
def test_friendly_numbers_are_written_by_people(value: float, expected: float) -> None:
    assert friendly(value) == pytest.approx(expected)


def test_a_count_loses_exactly_the_rows_beyond_the_cap() -> None:
    rows, units = np.array([1, 3, 10]), np.array([5, 2, 1])
    choice = count_by_rows_cap(rows, units, 3, 0.5)
    assert (choice.answer, choice.bias) == (21, -7)
    assert choice.noise == pytest.approx(half_width("laplace", 3 / 0.5), abs=1)


def test_a_sum_is_scaled_down_by_weights() -> None:
    rows, clamped = np.array([1, 4]), np.array([10.0, 80.0])
    choice = sum_by_rows_cap("SUM(x)", rows, 90.0, clamped, 20.0, 2, 1.0)
    assert choice.bias == -40
    assert choice.noise == pytest.approx(math.log(20) * 40)


def test_group_caps_agree_with_a_simulation() -> None:
    rng = np.random.default_rng(7)
    table = rng.poisson(1.5, (2_000, 6))  # rows of each unit in each of six groups
    groups = np.repeat((table > 0).sum(1), (table > 0).sum(1))
    found = GroupCounts(groups, table[table > 0], np.ones(len(groups), dtype=np.int64), 6)
    kept = 0
    for row in table:
        present = np.flatnonzero(row)
        kept += np.minimum(row[rng.permutation(present)[:3]], 2).sum()
    assert found.total == table.sum()
    assert found.kept(3, 2) == pytest.approx(kept, rel=0.02)


def test_gaussian_noise_wins_with_many_groups_only() -> None:
    found = GroupCounts(np.array([400]), np.array([1]), np.array([400]), 400)
    assert found.by_caps("q", 400, 1, 1.0, 1e-9).label == "K=400 C=1 Gaussian"
    assert found.by_caps("q", 2, 1, 1.0, 1e-9).label == "K=2 C=1 Laplace"
    assert found.by_caps("q", 400, 1, 1.0, 0.0).label == "K=400 C=1 Laplace"
    assert gaussian_sigma(1, 1, 1e-6) == pytest.approx(5.35, abs=0.1)


def test_best_weighs_noise_and_bias_together() -> None:
    noisy, biased, fair = (Choice(n, (), "q", 100, *e) for n, e in [("a", (90, 0)), ("b", (1, -60)), ("c", (20, -9))])
    assert best([noisy, biased, fair], "q") is fair


def test_caps_to_try_reach_from_the_usual_to_the_largest() -> None:
    assert caps_to_try(np.array([1, 2, 47]), np.array([90, 9, 1])) == [1, 2, 50]
    assert caps_to_try(np.array([1]), np.array([5])) == [1]
    assert caps_to_try(np.array([], dtype=np.int64), np.array([], dtype=np.int64)) == [1]
