"""How far one privacy unit can move a vector of exact integer aggregates, in every norm that a mechanism asks for.

All norms are integers in *noise units* (one row, one cent, one fixed-point weight), except ``l2``, a float rounded up.
The three constructors are the three forms of contribution bounds in the privacy model; each docstring holds its proof.
Relation: add or remove one unit, so the change of the vector is exactly that unit's own contribution ``d``.

>>> weights(20)
Sensitivity(l0=20, l1=20, l2=20.0, linf=20)
>>> groups(4, 10)
Sensitivity(l0=4, l1=40, l2=20.0, linf=10)
>>> one_row(1)
Sensitivity(l0=1, l1=1, l2=1.0, linf=1)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from ..errors import RequestError

NORM_MAX = 2**62  # past this an int64 aggregate could saturate on one unit alone


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Bounds on one unit's contribution ``d``: groups touched, Σ|d|, √Σd², max |d|.

    Only consistent bounds exist: ``linf ≤ l1 ≤ l0·linf`` and ``linf ≤ l2 ≤ l1`` (``l2`` may exceed ``l1`` by its
    rounding up). A bound below one is refused: it would mean that no unit contributes, and noise without a price.
    """

    l0: int
    l1: int
    l2: float
    linf: int

    def __post_init__(self) -> None:
        for name in ("l0", "l1", "linf"):
            _check_bound(name, getattr(self, name))
        consistent = self.linf <= self.l1 <= self.l0 * self.linf and self.linf <= self.l2 <= _float_above(self.l1)
        if not (isinstance(self.l2, float) and consistent):
            raise RequestError(
                "bound_invalid",
                f"sensitivities l0={self.l0}, l1={self.l1}, l2={self.l2}, linf={self.linf} contradict one another",
                hint="Build them with weights(), groups() or one_row().",
            )


def weights(total: int) -> Sensitivity:
    """Each unit's rows are weighed so that its contributions over *all* groups sum to at most ``total`` in magnitude.

    Proof. Σ_g |d_g| ≤ total by the weighing, which is l1, whatever the grouping.
    Each |d_g| ≤ Σ|d| and √Σd² ≤ Σ|d|, so linf ≤ total and l2 ≤ total.
    The d_g are integers, so each nonzero one uses up at least 1 of the total: at most ``total`` groups change (l0). ∎
    """
    _check_bound("total", total)
    return Sensitivity(l0=total, l1=total, l2=_float_above(total), linf=total)


def groups(k: int, per_group: int) -> Sensitivity:
    """Each unit contributes to at most ``k`` groups, by at most ``per_group`` in each (K × C, and ranks over key sets).

    Proof. At most k of the d_g are nonzero (l0), and each is at most per_group in magnitude (linf).
    Hence Σ|d_g| ≤ k·per_group (l1) and Σd_g² ≤ k·per_group².
    So l2 = √k·per_group, taken as a float whose exact square is at least k·per_group². ∎
    """
    _check_bound("k", k)
    _check_bound("per_group", per_group)
    return Sensitivity(l0=k, l1=k * per_group, l2=_sqrt_above(k * per_group * per_group), linf=per_group)


def one_row(per_row: int) -> Sensitivity:
    """Each unit has at most one row, which adds at most ``per_row`` in magnitude to the one group it falls in.

    Proof. One row has one key, so one d_g is nonzero: l0 = 1.
    Then Σ|d_g|, √Σd² and max|d_g| are all that one |d_g| ≤ per_row. ∎
    """
    _check_bound("per_row", per_row)
    return groups(1, per_row)


def combined(parts: list[tuple[Sensitivity, int]]) -> Sensitivity:
    """Several vectors drawn as one, each times an integer factor f: L0 and L1 add, L2 in quadrature, L∞ is the largest.

    Proof. The unit's change of the whole vector is the parts' changes, f_i·d_i, side by side. ∎
    """
    square = sum((Fraction(s.l2) * f) ** 2 for s, f in parts)
    l1 = sum(s.l1 * f for s, f in parts)
    return Sensitivity(
        l0=sum(s.l0 for s, _ in parts),
        l1=l1,
        l2=min(_sqrt_above(math.ceil(square)), _float_above(l1)),  # L2 ≤ L1 whatever the roundings
        linf=max(s.linf * f for s, f in parts),
    )


def _check_bound(name: str, value: object) -> None:
    if type(value) is not int or not 1 <= value <= NORM_MAX:
        raise RequestError(
            "bound_invalid",
            f"contribution bound {name} must be an integer from 1 to 2**62",
            hint="Give each column a non-empty range and each cap a value of at least 1.",
        )


def _float_above(value: int) -> float:
    """The smallest float that is not below an integer."""
    near = float(value)
    return near if int(near) >= value else math.nextafter(near, math.inf)


def _sqrt_above(square: int) -> float:
    """A float whose exact square is at least ``square``, and the smallest such."""
    root = _float_above(math.isqrt(square))
    while Fraction(root) ** 2 < square:
        # isqrt may lie far below in ulps when the root is small: jump by the float root first, then creep.
        root = max(math.nextafter(root, math.inf), math.nextafter(math.sqrt(square), 0.0))
    while Fraction(below := math.nextafter(root, 0.0)) ** 2 >= square:
        root = below
    return root
