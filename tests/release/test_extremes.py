"""MIN and MAX read off a noisy histogram: near the truth where rows are many, and the same from either end."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest

from tacit_service.privacy.accuracy import Kind
from tacit_service.release.extremes import extreme


@dataclass(frozen=True)
class Bins:
    """Of a measure, what is read here."""

    candidates: tuple[Fraction, ...] = tuple(Fraction(2 * i) for i in range(64))
    multiplier: int = 1


ROWS = np.zeros(64)
ROWS[10:41] = 12.0


@pytest.mark.parametrize("kind", ["laplace", "gaussian"])
def test_both_ends_are_found_within_a_few_bins(kind: Kind) -> None:
    rng = np.random.default_rng(5)
    noise = rng.laplace(0, 2, (2_000, 64)) if kind == "laplace" else rng.normal(0, 2, (2_000, 64))
    for last, truth in ((False, 20.0), (True, 80.0)):
        found = extreme(ROWS + noise, Bins(), kind, 2.0, last=last)  # type: ignore[arg-type]
        assert np.sqrt(np.mean((found - truth) ** 2)) < 8.0, "a bin is 2 wide, and one person's rows are hidden"


def test_one_person_far_out_is_not_seen_and_without_noise_everybody_is() -> None:
    alone = ROWS.copy()
    alone[60] = 1.0
    assert extreme(alone, Bins(), "laplace", 4.0, last=True) < 110  # type: ignore[arg-type]
    assert extreme(alone, Bins(), "laplace", 1e-9, last=True) == pytest.approx(120, abs=0.01)  # type: ignore[arg-type]


def test_a_mirror_image_has_the_mirror_image_s_ends() -> None:
    noisy = ROWS + np.random.default_rng(8).laplace(0, 3, (50, 64))
    least = extreme(noisy, Bins(), "laplace", 3.0, last=False)  # type: ignore[arg-type]
    greatest = extreme(noisy[:, ::-1], Bins(), "laplace", 3.0, last=True)  # type: ignore[arg-type]
    np.testing.assert_allclose(least, 126 - greatest, rtol=1e-9)


def test_nothing_released_makes_it_fail() -> None:
    for count in (0.0, -1e12, 1e12, -5e5, 7.25):
        for kind in ("laplace", "gaussian"):
            for scale in (1e-12, 1.0, 1e9):
                found = extreme(np.full((2, 64), count), Bins(), kind, scale, last=True)  # type: ignore[arg-type]
                assert ((found >= 0) & (found <= 126)).all()
