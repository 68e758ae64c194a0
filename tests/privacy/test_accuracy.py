"""Intervals: exact tails, and a coverage of 95 % that is what it says."""

from __future__ import annotations

import math
import time
from decimal import Decimal, localcontext

import numpy as np
import pytest
from scipy import integrate, stats

from tacit_service.privacy import accuracy
from tacit_service.privacy.accuracy import (
    Noise,
    half_width,
    laplace_pair_tail,
    normal_laplace_tail,
    ratio_estimate,
    ratio_interval,
    redraw,
    redraw_noise,
    tail,
    two_noise_quantile,
)
from tacit_service.privacy.choices import noisy_max
from tacit_service.privacy.mechanisms import gaussian, laplace
from tacit_service.privacy.sensitivity import one_row
from tacit_service.privacy.thresholds import laplace_threshold
from tacit_service.privacy.units import Delta, Epsilon

ONE, MILLIONTH = Epsilon.parse("1"), Delta.parse("1e-6")


# ── one noise ──


@pytest.mark.parametrize("scale", [0.05, 0.5, 1.0, 3.7, 200.0])
@pytest.mark.parametrize("t", [0, 1, 2, 9, 100])
def test_laplace_tail_is_the_sum_of_its_mass(scale, t):
    with localcontext() as ctx:
        ctx.prec = 1200
        q = (Decimal(-1) / Decimal(scale)).exp()
        inside = (1 - q) / (1 + q) * (1 + 2 * sum(q**k for k in range(1, t + 1)))
        exact = float(1 - inside)
    assert tail("laplace", scale, t) == pytest.approx(exact, rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("sigma", [0.3, 1.0, 10.0, 1000.0, 1100.0])
@pytest.mark.parametrize("z", [0.1, 1.0, 1.96, 4.0])
def test_gaussian_tail_is_the_sum_of_its_mass(sigma, z):
    t = math.floor(z * sigma)
    k = np.arange(-math.ceil(40 * sigma), math.ceil(40 * sigma) + 1)
    mass = np.exp(-0.5 * (k / sigma) ** 2)
    assert tail("gaussian", sigma, t) == pytest.approx(mass[np.abs(k) > t].sum() / mass.sum(), rel=1e-6)


@pytest.mark.parametrize("kind", ["laplace", "gaussian"])
@pytest.mark.parametrize("scale", [2.0**-20, 0.1, 0.5, 1.0, 2.3, 10.0, 1000.0, 1100.0, 1e9, 2.0**50])
@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.99])
def test_half_width_is_the_smallest_that_covers(kind, scale, confidence):
    t = half_width(kind, scale, confidence)
    assert tail(kind, scale, t) <= 1 - confidence
    assert t == 0 or tail(kind, scale, t - 1) > 1 - confidence


def test_half_width_of_a_measurement_is_in_noise_units():
    assert laplace(one_row(1), Epsilon.parse("0.1"), unit="patient").half_width() == 30
    assert laplace_threshold(one_row(1), Epsilon.parse("0.1"), MILLIONTH, unit="patient").half_width() == 30
    m = gaussian(one_row(1), ONE, MILLIONTH, unit="patient")
    assert m.half_width() == half_width("gaussian", m.scale)


@pytest.mark.parametrize("confidence", [0.0, 1.0, -1.0, 2.0])
def test_confidence_is_between_nothing_and_certainty(confidence):
    with pytest.raises(ValueError, match="confidence"):
        half_width("laplace", 1.0, confidence)


@pytest.mark.parametrize("kind", ["laplace", "gaussian"])
@pytest.mark.parametrize("scale", [0.4, 3.0, 60.0, 200.0])
def test_redrawn_noise_has_the_law_of_the_mechanism(kind, scale):
    noise = redraw_noise(kind, scale, 100_000, np.random.default_rng(7))
    assert (noise == np.rint(noise)).all()
    for confidence in (0.5, 0.95):
        t = half_width(kind, scale, confidence)
        beyond = int((np.abs(noise) > t).sum())
        assert stats.binomtest(beyond, 100_000, tail(kind, scale, t)).pvalue > 1e-4


def test_redraw_takes_any_measurement_that_adds_noise_and_any_shape():
    rng = np.random.default_rng(1)
    for m in (
        laplace(one_row(1), ONE, unit="patient"),
        gaussian(one_row(1), ONE, MILLIONTH, unit="patient"),
        laplace_threshold(one_row(1), ONE, MILLIONTH, unit="patient"),
    ):
        drawn = redraw(m, (200, 8), rng)
        assert drawn.shape == (200, 8)
        assert drawn.dtype == np.float64
    with pytest.raises(TypeError, match="no additive noise"):
        redraw(noisy_max(2, 1, ONE, unit="patient"), 3, rng)


# ── two noises ──


@pytest.mark.parametrize("ratio", [1e-12, 0.01, 0.3, 0.999, 1 - 1e-9, 1.0])
@pytest.mark.parametrize("t", [0.0, 0.5, 3.0, 8.0])
def test_laplace_pair_tail_is_the_convolution(ratio, t):
    # |X + ρY| > t given Y = y has probability Q(t − ρy) + Q(t + ρy), Q the one-sided tail of a unit Laplace.
    def above(x: float) -> float:
        return 0.5 * math.exp(-x) if x >= 0 else 1 - 0.5 * math.exp(x)

    def integrand(y: float) -> float:
        return math.exp(-y) * (above(t - ratio * y) + above(t + ratio * y))

    exact, _ = integrate.quad(integrand, 0, 60, points=[min(t / ratio, 50.0)], limit=200)
    assert float(laplace_pair_tail(np.array(ratio), np.array(t))) == pytest.approx(exact, rel=1e-6)


def test_laplace_pair_tail_agrees_with_the_textbook_form_and_has_no_jump_at_equal_scales():
    b, t = 0.6, 2.0
    textbook = (math.exp(-t) - b * b * math.exp(-t / b)) / (1 - b * b)
    assert float(laplace_pair_tail(np.array(b), np.array(t))) == pytest.approx(textbook, rel=1e-12)
    near = 1 - np.logspace(-16, -6, 11)
    assert np.allclose(laplace_pair_tail(near, np.array(t)), math.exp(-t) * (1 + t / 2), rtol=1e-5)
    assert float(laplace_pair_tail(np.array(0.0), np.array(t))) == pytest.approx(math.exp(-t), rel=1e-12)


@pytest.mark.parametrize(("sigma", "b"), [(1.0, 1.0), (1.0, 0.05), (1.0, 0.02), (0.05, 1.0), (3.0, 1.0)])
@pytest.mark.parametrize("t", [0.0, 0.7, 2.5])
def test_normal_laplace_tail_is_the_convolution(sigma, b, t):
    def integrand(y: float) -> float:
        return math.exp(-y) * float(stats.norm.sf((t - b * y) / sigma) + stats.norm.sf((t + b * y) / sigma))

    exact, _ = integrate.quad(integrand, 0, 60, points=[min(t / b, 50.0)], limit=400)
    assert normal_laplace_tail(sigma, b, t) == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("first", ["laplace", "gaussian"])
@pytest.mark.parametrize("second", ["laplace", "gaussian"])
def test_the_quantile_of_two_noises_covers_what_it_says(first, second):
    rng = np.random.default_rng(3)
    n = 200_000
    for scales in ((40.0, 40.0), (40.0, 3.0), (4.0, 50.0)):
        x, y = redraw_noise(first, scales[0], n, rng), redraw_noise(second, scales[1], n, rng)
        weight = np.array([0.0, -1.0, 0.37, 25.0])
        q = two_noise_quantile(Noise(first, scales[0]), Noise(second, scales[1]), weight)
        covered = np.array([(np.abs(x - w * y) <= bound).mean() for w, bound in zip(weight, q, strict=True)])
        assert (covered > 0.9485).all()
        assert (covered < 0.97).all()  # half a lattice step is felt at the smallest scales


@pytest.mark.parametrize("pair", [("laplace", "laplace"), ("gaussian", "gaussian"), ("laplace", "gaussian")])
def test_the_quantile_is_convex_in_the_weight_and_rises_no_faster_than_the_second_noise(pair):
    # What ratio_interval's use of root finding rests on.
    r = np.linspace(-20, 20, 161)
    q = two_noise_quantile(Noise(pair[0], 7.0), Noise(pair[1], 2.0), r)
    slope = np.diff(q) / np.diff(r)
    assert (np.diff(slope) > -2e-3).all()  # up to the table's interpolation
    alone = two_noise_quantile(Noise(pair[1], 2.0), Noise(pair[1], 2.0), np.zeros(1))[0]
    assert np.abs(slope).max() <= alone


# ── ratios ──


@pytest.mark.parametrize("kinds", [("laplace", "laplace"), ("gaussian", "gaussian"), ("laplace", "gaussian")])
@pytest.mark.parametrize("times", [5, 10, 50, 1000])
@pytest.mark.parametrize(("lo", "hi", "true"), [(-100.0, 100.0, 20.0), (-5.0, 5.0, 0.3), (0.0, 1.0, 0.4)])
def test_ratio_intervals_cover_at_counts_from_5_to_1000_times_the_noise(kinds, times, lo, hi, true):
    rng = np.random.default_rng(11)
    scale, groups = 30.0, 20_000
    sum_scale, count = scale * max(-lo, hi), times * scale
    sums = true * count + redraw_noise(kinds[0], sum_scale, groups, rng)
    counts = count + redraw_noise(kinds[1], scale, groups, rng)
    low, high = ratio_interval(sums, counts, Noise(kinds[0], sum_scale), Noise(kinds[1], scale), lo, hi)
    assert 0.94 <= ((low <= true) & (true <= high)).mean() <= 0.97


def test_next_to_a_bound_coverage_errs_upwards_to_that_of_one_side():
    # Within a sliver of the bound only one side can miss: 97.5 %.
    rng = np.random.default_rng(12)
    sums = 99.0 * 1000 + redraw_noise("laplace", 3000.0, 20_000, rng)
    counts = 1000 + redraw_noise("laplace", 30.0, 20_000, rng)
    low, high = ratio_interval(sums, counts, Noise("laplace", 3000.0), Noise("laplace", 30.0), -100, 100)
    assert 0.94 <= ((low <= 99.0) & (high >= 99.0)).mean() <= 0.985


def test_intervals_are_never_empty_stay_in_range_and_hold_the_estimate():
    rng = np.random.default_rng(13)
    sums = np.concatenate([rng.normal(0, 10.0**p, 500) for p in range(8)])
    counts = rng.permutation(np.concatenate([rng.normal(0, 10.0**p, 500) for p in range(8)]))
    for kinds in (("laplace", "laplace"), ("gaussian", "gaussian"), ("gaussian", "laplace")):
        low, high = ratio_interval(sums, counts, Noise(kinds[0], 300.0), Noise(kinds[1], 10.0), -30.0, 50.0)
        estimate = ratio_estimate(sums, counts, -30.0, 50.0)
        assert (low >= -30).all()
        assert (high <= 50).all()
        assert (low < high).all()
        assert ((low <= estimate) & (estimate <= high)).all()


def test_an_interval_is_the_root_of_the_inversion_where_the_count_is_clear():
    s, n, sum_noise, count_noise = 4000.0, 200.0, Noise("laplace", 500.0), Noise("laplace", 10.0)
    low, high = ratio_interval(np.array([s]), np.array([n]), sum_noise, count_noise, -50, 50)
    for r in (low, high):
        reach = two_noise_quantile(sum_noise, count_noise, r)
        assert abs(s - r * n) == pytest.approx(reach, rel=1e-6)


def test_the_interval_holds_every_ratio_that_the_release_allows():
    # Counts about as large as their noise leave the set in pieces: none of them may be lost.
    rng = np.random.default_rng(14)
    sums, counts = rng.normal(0, 3000, 400), rng.uniform(-40, 60, 400)
    noise = Noise("laplace", 300.0), Noise("laplace", 10.0)
    low, high = ratio_interval(sums, counts, *noise, -100.0, 100.0)
    for r in np.linspace(-100, 100, 1001):
        allowed = np.abs(sums - r * counts) <= two_noise_quantile(*noise, np.array([r]))
        assert ((low <= r + 1e-6) & (r - 1e-6 <= high))[allowed].all()


def test_a_count_drowned_in_noise_says_nothing():
    low, high = ratio_interval(np.array([3.0]), np.array([-8.0]), Noise("laplace", 500.0), Noise("laplace", 10.0), 0, 9)
    assert (low[0], high[0]) == (0.0, 9.0)
    assert ratio_estimate(np.array([3.0]), np.array([-8.0]), 0, 9)[0] == 4.5


def test_noise_that_is_small_beside_the_count_gives_a_narrow_interval_with_its_digits():
    low, high = ratio_interval(np.array([4e12]), np.array([1e12]), Noise("laplace", 30.0), Noise("laplace", 1.0), -5, 5)
    assert 4 - 1e-9 < low[0] < 4 < high[0] < 4 + 1e-9


def test_a_range_of_one_point_is_that_point():
    low, high = ratio_interval(np.array([7.0]), np.array([50.0]), Noise("laplace", 1.0), Noise("laplace", 1.0), 2, 2)
    assert (low[0], high[0]) == (2.0, 2.0)


@pytest.mark.parametrize(("lo", "hi"), [(1.0, 0.0), (-math.inf, 1.0), (0.0, math.nan)])
def test_a_range_that_is_none_is_an_error(lo, hi):
    with pytest.raises(ValueError, match="range"):
        ratio_interval(np.ones(1), np.ones(1), Noise("laplace", 1.0), Noise("laplace", 1.0), lo, hi)


def test_ratio_intervals_grow_with_the_groups_no_faster_than_their_number():
    rng = np.random.default_rng(5)
    noise = Noise("laplace", 500.0), Noise("laplace", 10.0)
    accuracy.ratio_interval(np.ones(1), np.ones(1), *noise, -50, 50)  # the table of quantiles, once a process

    def best_s(groups: int, runs: int) -> float:
        sums, counts = rng.normal(0, 4000, groups), rng.normal(60, 60, groups)
        took = []
        for _ in range(runs):
            start = time.process_time()  # CPU time: the machine may be shared
            ratio_interval(sums, counts, *noise, -50, 50)
            took.append(time.process_time() - start)
        return min(took)

    assert best_s(100_000, 3) < 20 * best_s(10_000, 3)  # linear; by turns of pairs it would be 100
