"""How wide what is computed from released numbers will be: the SQL above the releases, over numbers such as public facts let expect.

Each group is thought to hold the rows that the policy or who asks tells, with values spread over their bounds; the answer is
then made as a real one would be, re-draws of the noise included, and its intervals are read off. Touches no data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tacit_service.engine.key_rows import KeyRows
from tacit_service.errors import EngineFailure
from tacit_service.privacy import nearby
from tacit_service.privacy.units import Epsilon
from tacit_service.query.plan import Plan, ReleasePoint

from .accuracy import (
    STEP,
    Target,
    expected_size,
    gives_at_most,
    smallest_epsilon,
    unknown_rows,
    unpriced,
    untimely,
    wanted,
)
from .estimate import Estimate
from .patience import left, running
from .postprocess import Sandbox, SandboxError
from .postprocessing import RERUNS_MIN, PostProcessor, Released
from .prepare import Prepared
from .shares import ROWS_DEFAULT, Sizes, expected, known_rows
from .trial import made_up_keys

FILTERED = 0.5  # of the rows, those that a condition of one aggregate is thought to leave
GROUPS_MAX = 200  # of a release point that are simulated: the first
FEW_ROWS = 1_000  # beside ROWS_DEFAULT: a width that is the same at both rests on no size
ALIKE = 1.1
TIME_S = 3.0  # that finding a price may run, all rehearsals together
FIRST = 10**12  # ε = 1, at which the search begins
LEAP = 30.0
ROUNDS = 12
CLOSE = 1.02  # ε is sought until it is within this factor of the smallest
NARROWS = 0.9  # a width that a price four times as large leaves above this part is not the noise's


@dataclass(frozen=True, slots=True)
class Simulated:
    """Half-widths and magnitudes of the numeric derived columns, the widest row's, by the column's place."""

    half: Mapping[int, float]
    relative: Mapping[int, float]

    def ratio(self, column: int, target: Target, name: str) -> float:
        """How many times wider than asked the column would be."""
        if not target.share:
            return self.half[column] / target.width
        known = target.sizes.get(name) or (next(iter(target.sizes.values())) if len(target.sizes) == 1 else None)
        if target.release is not None:
            return self.half[column] / (target.width * expected_size(known, name))
        return self.relative[column] / target.width


class Rehearsal:
    """One plan over expected numbers, at any price."""

    def __init__(
        self, plan: Plan, keys: Mapping[str, KeyRows | None], schema: pa.Schema, rows: Mapping[str, float],
        sandbox: Sandbox,
    ) -> None:  # fmt: skip
        self._plan, self._schema, self._rows, self._sandbox = plan, schema, rows, sandbox
        self.names = [c.name for c in plan.columns]
        self._keys: dict[str, KeyRows] = {}
        for point in plan.releases:
            known = keys[point.name]
            self._keys[point.name] = made_up_keys(point.keys) if known is None else known[:GROUPS_MAX]

    def columns(self) -> list[int]:
        """The numeric columns that are computed from released numbers."""
        numeric = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
        return [
            i
            for i, (c, f) in enumerate(zip(self._plan.columns, self._schema, strict=False))
            if c.kind == "derived" and any(test(f.type) for test in numeric)
        ]

    def at(self, estimate: Estimate, rows: float | None = None) -> Simulated:
        """Widths at a price. ``rows``: of every group, instead of what is told. Raises ``RequestError`` accuracy_invalid."""
        prepared = Prepared(
            self._plan, estimate, dict(self._keys), self._schema, estimate.epsilon, estimate.delta, "", {}
        )
        released = {
            p.name: _released(p, estimate, self._keys[p.name], rows or self._rows.get(p.name, ROWS_DEFAULT))
            for p in self._plan.releases
        }
        try:
            left(TIME_S)
            shown = _Quiet(self._sandbox, prepared, released, "accuracy").show()
            left(TIME_S)  # what ran out of time within is shown without intervals
        except SandboxError:
            raise unpriced(self._plan.columns[self.columns()[0]].name) from None
        except EngineFailure:
            raise untimely(self._plan.columns[self.columns()[0]].name) from None
        half, relative = {}, {}
        for i in self.columns():
            found = [
                ((r[1] - r[0]) / 2, abs(float(v)))
                for row, ends in zip(shown.rows, shown.intervals, strict=True)
                if (r := ends[i]) is not None and isinstance(v := row[i], int | float)
            ]
            if not found:
                raise unpriced(self._plan.columns[i].name)
            half[i] = max(h for h, _ in found)
            relative[i] = max((h / v if v > 1e-9 else math.inf) for h, v in found)
        return Simulated(half, relative)


class _Quiet(PostProcessor):
    """Nobody asks how sure rows are that nobody has. It waits with dry runs: no answer waits for it."""

    dry = True
    reruns_max = RERUNS_MIN

    def _membership(self, result: pa.Table, notes: list[str]) -> list[float] | None:  # noqa: ARG002 - an override
        return None


def _released(point: ReleasePoint, estimate: Estimate, keys: KeyRows, rows: float) -> Released:
    """What a release of groups of that many rows would be without noise."""
    means = expected(point, rows)
    measures = {}
    for m in point.measures:
        factor = estimate.of(point.name, m.name).factor
        vector = means[m.name].reshape(-1) * (factor * (FILTERED if m.where else 1.0))
        if m.rank is not None:
            bins = len(m.candidates)
            centre = min(int(float(m.rank) * bins), bins - 1)
            edges = nearby.edges(np.array([centre]), bins)[0]
            vector = np.concatenate([[centre], np.diff(edges) * (rows / bins * m.multiplier * factor)])
        measures[m.name] = np.tile(np.rint(vector).astype(np.int64), len(keys))
    return Released(keys, measures)


@dataclass(frozen=True, slots=True)
class Asked:
    """The price of an accuracy, the rows of a group that it takes for given, and half-widths of derived columns by place."""

    epsilon: Epsilon
    rows: float | None
    half: Mapping[int, float]


def price_of(
    plan: Plan, target: Target, keys: Mapping[str, KeyRows | None], schema: pa.Schema, sizes: Sizes, sandbox: Sandbox,
    price_at: Callable[[Epsilon], Estimate], cap: Epsilon,
) -> Asked:  # fmt: skip
    """The smallest ε at which every number of the answer is as narrow as asked: of those released, and those computed from them.

    Raises ``RequestError`` accuracy_invalid.
    """
    groups = {name: None if rows is None else len(rows) for name, rows in keys.items()}
    rows = known_rows(plan, target.rows, groups, sizes)
    rehearsal = Rehearsal(plan, keys, schema, rows, sandbox)
    if not rehearsal.columns():
        return Asked(smallest_epsilon(wanted(plan, target, groups, sizes), price_at, cap), target.rows, {})
    numbers = wanted(plan, target, groups, sizes, _shown(plan))
    least = smallest_epsilon(numbers, price_at, cap) if numbers else None
    told = len(rows) == len(plan.releases)
    with running(TIME_S):
        epsilon, half = smallest_epsilon_of_all(rehearsal, plan, target, told, least, price_at, cap)
    return Asked(epsilon, target.rows, half)


def _shown(plan: Plan) -> set[tuple[str, str]]:
    """The outputs that are columns of the answer as they stand."""
    stacks = {s.name: [r for r, _ in s.parts] for s in plan.stacks}
    return {(r, c.source[1]) for c in plan.columns if c.source is not None for r in stacks[c.source[0]]}


def smallest_epsilon_of_all(
    rehearsal: Rehearsal, plan: Plan, target: Target, told: bool, least: Epsilon | None,
    price_at: Callable[[Epsilon], Estimate], cap: Epsilon,
) -> tuple[Epsilon, dict[int, float]]:  # fmt: skip
    """The smallest ε, to 2 %, at which no derived column is wider than asked; with the half-widths there.

    ``least``: the ε that the released columns ask. A column that a larger price does not make narrower (a rank) is not asked for.
    Raises ``RequestError`` accuracy_invalid where sizes decide and are not told, and where ``cap`` is not enough.
    """
    names = rehearsal.names
    if any(p.finds_bounds for p in plan.releases):
        raise unpriced(names[rehearsal.columns()[0]])
    best = rehearsal.at(price_at(cap))
    columns = _narrowing(rehearsal, target, price_at, cap, best)
    if not told and columns:
        few = rehearsal.at(price_at(cap), FEW_ROWS)
        other = [i for i in columns if not 1 / ALIKE <= (few.half[i] or 1e-12) / (best.half[i] or 1e-12) <= ALIKE]
        if other or (target.share and target.release is None):
            raise unknown_rows(names[(other or columns)[0]])

    def worst(found: Simulated) -> float:
        return max((found.ratio(i, target, names[i]) for i in columns), default=0.0)

    if worst(best) > 1:
        most = max(columns, key=lambda i: best.ratio(i, target, names[i]))
        if target.share and target.release is None:  # of next to nothing, such as a difference of equal numbers
            expected_size(None, names[most])
        raise gives_at_most(cap, best.half[most], names[most])
    if least is not None and worst(now := rehearsal.at(price_at(least))) <= 1:
        return least, {i: now.half[i] for i in columns}
    low, high, found = (least or Epsilon(STEP)).units, cap.units, best
    guess = max(low, min(high, FIRST))
    for _ in range(ROUNDS):  # widths fall about as 1/ε
        guess = _rounded(guess)
        if not low < guess < high:
            break
        tried = rehearsal.at(price_at(Epsilon(guess)))
        ratio = worst(tried)
        if ratio <= 1:
            high, found = guess, tried
        else:
            low = guess
        if high <= low * CLOSE:
            break
        guess = int(guess * min(max(ratio, 1 / LEAP), LEAP) * (1 + (CLOSE - 1) / 4))
        if not low < guess < high:
            guess = math.isqrt(low * high)
    return Epsilon(high), {i: found.half[i] for i in columns}


def _narrowing(
    rehearsal: Rehearsal, target: Target, price_at: Callable[[Epsilon], Estimate], cap: Epsilon, best: Simulated
) -> list[int]:
    """The columns that are narrow enough already, or that a larger price makes narrower."""
    usual = min(cap, Epsilon(FIRST))
    now = rehearsal.at(price_at(usual))
    late = [i for i in rehearsal.columns() if now.ratio(i, target, rehearsal.names[i]) > 1]
    for finer, price in (
        (now, usual),
        (best, cap),
    ):  # at the one, a range's ends may hide that it narrows; at the other, no noise
        if late:
            coarse = rehearsal.at(price_at(Epsilon(max(price.units // 4, STEP))))
            late = [i for i in late if finer.half[i] >= NARROWS * coarse.half[i]]
    return [i for i in rehearsal.columns() if i not in late]


def _rounded(units: float) -> int:
    """Up to three figures, on the grid of accuracies: what a simulation says is no more exact."""
    whole = max(int(units), STEP)
    digit = max(int(10 ** (len(str(whole)) - 3)), STEP)
    return -(-whole // digit) * digit
