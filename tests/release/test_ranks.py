"""Intervals of quantiles where many rows have one value: incomes are round, and a bin is wider than a cent."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest

from tacit_service.privacy import nearby
from tacit_service.release.ranks import located

BINS = 1024


@dataclass(frozen=True)
class Incomes:
    """Of a measure, what is read here: bins of 196 from 0 on."""

    candidates: tuple[Fraction, ...] = tuple(Fraction(196 * i) for i in range(BINS))
    grid: Fraction = Fraction(196)
    multiplier: int = 1
    rank: Fraction = Fraction(1, 2)
    value: None = None


def ends(rows: np.ndarray, centre: int, scale: float, draws: int, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Interval ends of many releases of the same bins, each under its own noise."""
    around = nearby.around(np.broadcast_to(rows, (draws, BINS)), np.full(draws, centre))
    noise = np.random.default_rng(seed).laplace(0, scale, around.shape)
    released = np.column_stack([np.full(draws, centre), np.zeros(draws), around + noise])
    cells = located(Incomes(), released, "laplace", scale)  # type: ignore[arg-type]
    low, high = cells.ends()
    return cells.shown(low), cells.shown(high)


@pytest.mark.parametrize("offset", [-0.45, -0.2, 0.0, 0.3, 0.45])
def test_one_value_of_everybody_is_covered_wherever_in_its_bin_it_is(offset: float) -> None:
    rows = np.zeros(BINS, dtype=np.int64)
    rows[380] = 4_000
    low, high = ends(rows, 380, 4.0, 200)
    truth = 196 * (380 + offset)
    assert ((low <= truth) & (truth <= high)).mean() > 0.97
    assert np.median(high - low) < 3 * 196


def test_rows_of_one_value_far_from_the_chosen_bin_are_reached() -> None:
    """The choice fell into the gap between two values; the lower one holds the median."""
    rows = np.zeros(BINS, dtype=np.int64)
    rows[380], rows[600] = 2_010, 1_990
    low, high = ends(rows, 400, 4.0, 400)
    assert ((low <= 196 * 380) & (high >= 196 * 380)).mean() > 0.93


def test_an_even_spread_is_resolved_within_cells() -> None:
    low, high = ends(np.full(BINS, 4, dtype=np.int64), 511, 4.0, 400)
    truth = 196 * 511.5
    assert 0.93 < ((low <= truth) & (truth <= high)).mean() <= 1
    assert np.median(high - low) < 196 * 30
