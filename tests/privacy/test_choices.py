"""Choices of a quantile's bin in every group: what one unit moves, what it costs, what is drawn, and the cells around it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from tacit_service.errors import TacitError
from tacit_service.privacy import nearby
from tacit_service.privacy.choices import around, draw_ranks, noisy_choices
from tacit_service.privacy.curves import UnsupportedEvent, price
from tacit_service.privacy.events import NoisyChoicesEvent
from tacit_service.privacy.exact import Charged, ExactAggregates
from tacit_service.privacy.mechanisms import build_noisy_max
from tacit_service.privacy.units import Epsilon

ONE = Epsilon.parse("1")
RANKS = [Fraction(1, 2), Fraction(9, 10), Fraction(1, 1000), Fraction(2, 3)]


def histogram(cells: list[list[int]]) -> ExactAggregates:
    keys = [(g, b) for g, row in enumerate(cells) for b in range(len(row))]
    return ExactAggregates(keys, {"m0": np.array(cells, dtype=np.int64).reshape(-1)}, keys_are_public=True)


@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("large", [1, 2**52])
def test_one_unit_moves_each_score_by_no_more_than_its_total_times_the_factor(rank: Fraction, large: int) -> None:
    """Random histograms, also of counts that 64 bits hold no scores of; the unit's weights lie in any bins of any groups."""
    rng = np.random.default_rng(5)
    for _ in range(200):
        cells = rng.integers(0, 50, (3, 9)) * large
        mine = rng.integers(0, 4, (3, 9)) * rng.integers(0, 2, (3, 9))
        moved = nearby.scores(cells + mine, rank, 4).astype(object) - nearby.scores(cells, rank, 4).astype(object)
        most = [max(map(abs, row)) for row in moved]
        assert all(m <= nearby.score_factor(rank) * int(w) for m, w in zip(most, mine.sum(axis=1), strict=True))


def test_a_score_is_zero_for_the_bin_that_holds_the_rank_and_counts_rows_for_the_others() -> None:
    cells = np.array([[3, 0, 4, 2, 1]])
    assert nearby.scores(cells, Fraction(1, 2), 1).tolist() == [[-14, -14, 0, -18, -34]]  # in eighths of a row
    assert nearby.scores(np.array([[1, 0, 1]]), Fraction(1, 2), 1).argmax() == 0, "between two rows: the first"


def test_cells_around_a_bin_hold_every_bin_once() -> None:
    cells = np.arange(40).reshape(1, 40)
    for centre in range(40):
        found = nearby.around(cells, np.array([centre]))
        assert found.shape == (1, nearby.cell_count(40))
        assert found.sum() == cells.sum()
        assert found[0, found.shape[1] // 2] == centre


def test_what_groups_cost_adds_up_to_what_the_whole_is_charged() -> None:
    """The joint price rests on noisy max's map being linear: checked at each release of the library."""
    for scale in (0.7, 13.3, 1e6):
        costs = build_noisy_max(scale, False)
        for total in (2, 7, 1000):
            assert costs.map(1) * total == pytest.approx(costs.map(total), rel=1e-12)
    m = noisy_choices(100, 40, ONE, unit="patient")
    assert m.epsilon == ONE
    assert m.scale == pytest.approx(80.0)


def test_the_bin_is_chosen_by_how_near_it_is_in_ranks() -> None:
    """At ε = 1 and d = 2 a row further away is e^(4·2/16) less likely at most; most choices fall within a few rows."""
    exact = histogram([[10] * 20, [1] * 20])
    m = noisy_choices(20, nearby.score_factor(Fraction(1, 2)), ONE, unit="patient")
    drawn = []
    for _ in range(300):
        charged = Charged("c", (m.event,))
        drawn.append(draw_ranks(m, exact, "m0", Fraction(1, 2), 1, charged))
    first, second = np.array(drawn).T
    assert np.isin(first, (9, 10)).mean() > 0.95, "ten rows a bin: the middle is plain"
    assert 0.5 < np.abs(second - 9).mean() < 5, "a row a bin: it is not"


def test_choices_are_paid_for_once_and_never_under_their_map() -> None:
    exact = histogram([[1, 2, 3]])
    m = noisy_choices(3, 8, ONE, unit="patient")
    charged = Charged("c", (m.event,))
    draw_ranks(m, exact, "m0", Fraction(1, 2), 1, charged)
    with pytest.raises(TacitError):
        draw_ranks(m, exact, "m0", Fraction(1, 2), 1, charged)
    cheap = replace(m.event, epsilon=0.5)
    assert isinstance(cheap, NoisyChoicesEvent)
    with pytest.raises(TacitError):
        draw_ranks(replace(m, event=cheap), exact, "m0", Fraction(1, 2), 1, Charged("d", (cheap,)))
    with pytest.raises(UnsupportedEvent):
        price([cheap])
    found = around(exact, "m0", np.array([1]), 3)
    assert repr(found) == "<ExactAggregates: withheld>"
