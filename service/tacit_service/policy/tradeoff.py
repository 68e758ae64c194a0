"""Noise against bias: the expected error of typical queries over choices of contribution caps. Pure arithmetic.

A cap that is too low loses rows (bias, the same in every answer); one that is too high buys noise for rows that hardly
anyone has. ``bias`` here is exact on the data given; ``noise`` is the 95 % half-width of what the mechanism adds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LAPLACE_95 = math.log(20)  # P(|X| > ln(20)·b) = 5 %
NORMAL_95 = 1.959964


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice of caps or bounds (``values``) and what it does to a query; ``answer`` is exact, without bounds."""

    label: str
    values: tuple[float, ...]
    query: str
    answer: float
    noise: float
    bias: float

    @property
    def error(self) -> float:
        """Noise and bias together, on the scale of one standard error."""
        return math.hypot(self.noise / 2, self.bias)


def best(choices: Sequence[Choice], query: str) -> Choice:
    """The choice of least error for ``query``."""
    return min((c for c in choices if c.query == query), key=lambda c: c.error)


def gaussian_sigma(l2: float, epsilon: float, delta: float) -> float:
    """σ of Gaussian noise whose zCDP, converted in closed form, fits (ε, δ); the real price is a little lower."""
    log = math.log(1 / delta)
    rho = (math.sqrt(epsilon + log) - math.sqrt(log)) ** 2
    return l2 / math.sqrt(2 * rho)


def friendly(value: float) -> float:
    """Round away from zero to 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8 times a power of ten: a bound that a person would write."""
    if not value:
        return 0.0
    power = math.floor(math.log10(abs(value)))
    for step in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10):
        candidate = step * 10**power if power >= 0 else step / 10**-power
        if candidate >= abs(value) * (1 - 1e-12):
            return math.copysign(candidate, value)
    raise AssertionError(f"no friendly number above {value}")


def caps_to_try(sizes: Ints, weights: Ints) -> list[int]:
    """Friendly caps from the usual size to the largest one: quantiles of ``sizes``, each ``weights`` times there."""
    if not weights.sum():
        return [1]
    order = np.argsort(sizes)
    sizes, cumulated = sizes[order], np.cumsum(weights[order])
    found = {1 if sizes[-1] == 1 else math.ceil(friendly(float(sizes[-1])))}
    for share in (0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999):
        at = int(np.searchsorted(cumulated, share * cumulated[-1]))
        found.add(math.ceil(friendly(float(sizes[min(at, len(sizes) - 1)]))))
    return sorted(found)


def count_by_rows_cap(rows: Ints, units: Ints, cap: int, epsilon: float) -> Choice:
    """COUNT(*) under weights of at most ``cap`` rows a unit; ``units[i]`` units have ``rows[i]`` rows."""
    lost = float((np.maximum(rows - cap, 0) * units).sum())
    total = float((rows * units).sum())
    return Choice(f"R={cap}", (cap,), "COUNT(*)", total, LAPLACE_95 * cap / epsilon, 0.0 - lost)


def sum_by_rows_cap(
    query: str, rows: Ints, exact: float, clamped: Floats, bound: float, cap: int, epsilon: float
) -> Choice:
    """A sum under weights: ``clamped[i]`` is the bounded column's sum over all units that have ``rows[i]`` rows."""
    kept = float((clamped * np.minimum(1.0, cap / rows)).sum())
    return Choice(f"R={cap}", (cap,), query, exact, LAPLACE_95 * cap * bound / epsilon, kept - exact)


def sum_by_amount_cap(query: str, exact: float, kept: float, cap: float, epsilon: float) -> Choice:
    """A sum in which one unit's total amount is scaled down to ``cap``; ``kept`` is what remains of ``exact``."""
    return Choice(f"max_amount={cap:g}", (cap,), query, exact, LAPLACE_95 * cap / epsilon, kept - exact)


@dataclass(frozen=True, slots=True)
class GroupCounts:
    """How many (unit, group) pairs have ``rows`` rows while their unit has ``groups`` of all ``distinct`` groups."""

    groups: Ints
    rows: Ints
    pairs: Ints
    distinct: int

    @property
    def total(self) -> float:
        """All rows."""
        return float((self.rows * self.pairs).sum())

    def kept(self, k: int, c: int) -> float:
        """Expected rows that count when at most ``k`` groups of a unit, drawn at random, keep ``c`` rows each."""
        chance = np.minimum(1.0, k / self.groups)
        return float((np.minimum(self.rows, c) * self.pairs * chance).sum())

    def by_caps(self, query: str, k: int, c: int, epsilon: float, delta: float) -> Choice:
        """A count by group under K × C, told for an average group, with the smaller of Laplace and Gaussian noise."""
        noise, kind = LAPLACE_95 * k * c / epsilon, "Laplace"
        if delta and (gaussian := NORMAL_95 * gaussian_sigma(math.sqrt(k) * c, epsilon, delta)) < noise:
            noise, kind = gaussian, "Gaussian"
        bias = (self.kept(k, c) - self.total) / self.distinct
        return Choice(f"K={k} C={c} {kind}", (k, c), query, self.total / self.distinct, noise, bias)

    def by_weights(self, query: str, count: Choice) -> Choice:
        """The same count under weights: ``count`` is the ungrouped one; its noise holds for every group."""
        return Choice(
            count.label, count.values, query, self.total / self.distinct, count.noise, count.bias / self.distinct
        )
