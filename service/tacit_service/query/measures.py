"""From aggregate calls to measures: exact integer vectors with their contribution bounds (privacy model, section 3).

An aggregate is a function of measures: AVG of a pair of sums, VARIANCE of a pair and a curve. Measures that several
aggregates need are taken once; a count or a sum beside an average is read off the average's pair.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from tacit_service.errors import DerivationError, Position

from . import grids
from .bounds import Type
from .build import indicator, is_not_null
from .expr import Agg, Expr, Ref
from .grids import VALUE_MAX, VALUE_STEPS, value_grid
from .plan import CURVE, AggKind, Axis, Form, Measure, MeasureKind, Output, Relation

WEIGHT_STEPS = 2**16  # fixed point of weights: rounding toward zero loses at most 1/65536 of a row
HISTOGRAM_BINS = 256  # whose counts are released, each with noise
RANKED_BINS, RANKED_BINS_EACH = 1024, 256  # of which one is chosen: more cost no noise, only time, in every group
END_BINS = 64  # from which MIN and MAX are read: noise adds up over empty bins
FINE_BINS = 128  # a value that has no more steps than this is counted by step
RANK_STEPS = 10**6  # a quantile's share is a fraction of no larger denominator
RANKS_MAX = 3  # quantiles of one value that are chosen one by one; more are read off one histogram
PART_ROWS_MAX = 10**6
AMOUNT_MAX = Fraction(10**18)  # past this a bound says nothing, and floats lose whole units


Finder = Callable[[Relation, Expr], str]
"""Registers a release point that finds the bounds of a value, and names it."""


class MeasureBuilder:
    """Chooses the form of bounding for one release point and collects its measures."""

    def __init__(
        self, source: Relation, keys: list[Expr], *, rows: int, groups: tuple[int, int], form: str, amount: float | None,
        thresholded: bool = False, finder: Finder | None = None,
    ) -> None:  # fmt: skip
        self.source = source
        self.rows = rows if source.max_rows is None else min(rows, source.max_rows)
        self.k, self.c = groups
        self.form_wanted = form
        self.amount = amount
        self.one_row = source.max_rows == 1
        self.unit_level = all(k.facts.per_unit for k in keys)
        self.thresholded = thresholded
        self.finder = finder
        self.measures: list[Measure] = []
        self.grouped = bool(keys)
        self.ranks: Counter[Expr] = Counter()
        self.counted: set[tuple[Expr, ...]] = set()

    # -- bounding

    def _bounded(self, measure: Measure) -> Measure:
        """The measure with the contribution form that has the least noise for the policy's caps."""
        if self.one_row:
            return replace(measure, form=Form.ONE_ROW, k=1, c=1, ranked=False)
        if self.unit_level:
            return replace(measure, form=Form.GROUPS, k=1, c=self.rows, ranked=False)
        if not self._by_groups():
            size = max(abs(measure.low), abs(measure.high), 1)
            multiplier = 1
            while size * multiplier < WEIGHT_STEPS:
                multiplier *= 2
            return replace(measure, form=Form.WEIGHTS, k=0, c=self.rows, multiplier=multiplier)
        return replace(measure, form=Form.GROUPS, k=self.k, c=self.c, ranked=True)

    def _rows_moved(self) -> int:
        """Rows by which one unit moves a measure at most, all groups together."""
        return 1 if self.one_row else self.k * self.c if not self.unit_level and self._by_groups() else self.rows

    def _by_groups(self) -> bool:
        """K × C rather than weights."""
        return self.form_wanted == "groups" or (self.form_wanted == "auto" and self.rows > self.k * self.c)

    def _add(self, measure: Measure) -> str:
        for m in self.measures:
            if replace(m, name="") == replace(measure, name=""):
                return m.name
        named = replace(measure, name=f"m{len(self.measures)}")
        self.measures.append(named)
        return named.name

    # -- measures

    def count(self, where: tuple[Expr, ...]) -> str:
        """Rows that pass the conditions."""
        return self._add(self._bounded(Measure("", MeasureKind.COUNT, None, where, Form.ONE_ROW, 1, 1)))

    def part(self, value: Expr | None, where: tuple[Expr, ...], most: Fraction, label: str, at: Position | None) -> str:
        """A sum (a count, where there is no value) of which each unit adds ``most`` to each of at most K groups."""
        k = 1 if self.unit_level else self.k
        low, high, grid, amount = 0, 1, Fraction(1), None
        if value is not None:
            lo, hi = finite_bounds(value, label, at)
            grid = value_grid(value.facts, lo, hi)
            amount = max(int(most / grid), 1)
            low, high = max(math.floor(lo / grid), -amount), min(math.ceil(hi / grid), amount)
        c = math.ceil(most / grid / max(abs(low), abs(high), 1))  # so many rows that the part is all that is limited
        if c > PART_ROWS_MAX:
            raise DerivationError(
                "missing_bounds",
                f"What one person may add to {label} is more than {PART_ROWS_MAX} rows of the largest value.",
                hint="Lower the upper contribution bound.", position=at, rule="sensitivity",
            )  # fmt: skip
        kind = MeasureKind.COUNT if value is None else MeasureKind.SUM
        one = Measure(
            "", kind, value, where, Form.GROUPS, k, c, low, high, grid, ranked=not self.unit_level, amount=amount
        )
        return self._add(self._bounded(one) if self.one_row else one)

    def units(self, where: tuple[Expr, ...]) -> str:
        """Distinct units with a row that passes the conditions: each counts one, in at most K groups."""
        if self.one_row:
            return self.count(where)
        k = 1 if self.unit_level else self.k
        return self._add(Measure("", MeasureKind.UNITS, None, where, Form.GROUPS, k, 1, ranked=not self.unit_level))

    def distinct(self, value: Expr, where: tuple[Expr, ...]) -> str:
        """Distinct values: each unit keeps at most C in each of at most K groups."""
        k = 1 if self.unit_level else self.k
        c = 1 if self.one_row else self.rows if self.unit_level else self.c
        return self._add(Measure("", MeasureKind.DISTINCT, value, where, Form.GROUPS, k, c, ranked=not self.unit_level))

    def sum(self, value: Expr, where: tuple[Expr, ...], label: str, at: Position | None) -> str:
        """An integer sum of the value in multiples of its grid."""
        lo, hi = finite_bounds(value, label, at)
        grid = value_grid(value.facts, lo, hi)
        low, high = math.floor(lo / grid), math.ceil(hi / grid)
        amount = None
        if self.amount is not None:
            amount = max(int(Fraction(self.amount) / grid), 1)
            low, high = max(low, -amount), min(high, amount)
        one = Measure("", MeasureKind.SUM, value, where, Form.ONE_ROW, 1, 1, low, high, grid, amount=amount)
        return self._add(self._bounded(one))

    # -- cells: several sums of the same rows that add up to one whole a row

    def axis(self, value: Expr, label: str, at: Position | None, steps_max: int = VALUE_MAX) -> Axis:
        """The value on its grid, coarsened past ``steps_max`` steps, about the middle of its bounds."""
        if self._unbounded(value) and self.finder is not None:
            steps = min(steps_max, VALUE_STEPS)
            return Axis(value, 0, steps, Fraction(1, steps), Fraction(0), self.finder(self.source, value))
        lo, hi = finite_bounds(value, label, at)
        grid = value_grid(value.facts, lo, hi)
        grid *= max(math.ceil((hi - lo) / grid / steps_max), 1)
        center = Fraction(round((lo + hi) / 2 / grid)) * grid
        low, high = math.floor((lo - center) / grid), math.ceil((hi - center) / grid)
        return Axis(value, low, max(high, low + 1), grid, center)

    def _unbounded(self, value: Expr) -> bool:
        return value.facts.type.numeric and not value.facts.bounds.finite

    def pair(self, axis: Axis, where: tuple[Expr, ...]) -> tuple[str, ...]:
        """Σu and Σt of an axis: their sum counts the rows, their difference is the centred sum.

        Both together change by ``width`` a row, no more than either alone: two measurements for the price of one.
        """
        return self._cells((axis,), where, ((1,), (0,)))

    def product(self, axes: tuple[Axis, Axis], where: tuple[Expr, ...]) -> tuple[str, ...]:
        """ΣuU, ΣuT, ΣtU and ΣtT of two axes, which add up to the product of their widths in every row."""
        return self._cells(axes, where, ((1, 1), (1, 0), (0, 1), (0, 0)))

    def curve(self, axis: Axis, where: tuple[Expr, ...]) -> str:
        """Σ(u·t − w²/8), within w²/8 either way: what second moments need beside the pair."""
        eighth = axis.width**2 // 8
        return self._cell((axis,), where, (CURVE,), (-eighth, axis.width**2 // 4 - eighth), "")

    def has_pair(self, axis: Axis | None, where: tuple[Expr, ...]) -> tuple[str, ...]:
        """A pair that was taken over these rows (of this axis), or nothing."""
        for m in self.measures:
            if m.joint and len(m.axes) == 1 and m.where == where and axis in (None, m.axes[0]):
                return tuple(n.name for n in self.measures if n.joint == m.joint)
        return ()

    def _cells(
        self, axes: tuple[Axis, ...], where: tuple[Expr, ...], cells: tuple[tuple[int, ...], ...]
    ) -> tuple[str, ...]:
        joint = next((m.joint for m in self.measures if m.joint and (m.axes, m.where) == (axes, where)), "")
        joint = joint or f"j{len(self.measures)}"
        return tuple(self._cell(axes, where, c, (0, math.prod(a.width for a in axes)), joint) for c in cells)

    def _cell(
        self, axes: tuple[Axis, ...], where: tuple[Expr, ...], cell: tuple[int, ...], ends: tuple[int, int], joint: str
    ) -> str:
        one = Measure("", MeasureKind.SUM, axes[0].value, where, Form.ONE_ROW, 1, 1, *ends, axes[0].grid,
                      centred=True, axes=axes, cell=cell, joint=joint)  # fmt: skip
        return self._add(self._bounded(one))

    def histogram(
        self, value: Expr, where: tuple[Expr, ...], label: str, at: Position | None, edges: tuple[Fraction, ...] = (),
        bins_max: int = HISTOGRAM_BINS, rank: Fraction | None = None,
    ) -> str:  # fmt: skip
        """Counts by bin: of a public grid over the value's bounds, off whose running sums quantiles are read, or between ``edges``."""
        if edges:
            measure = Measure("", MeasureKind.HISTOGRAM, value, where, Form.ONE_ROW, 1, 1, edges=edges)
            return self._histogram(replace(measure, candidates=(*edges, edges[-1] + 1)))
        lo, hi = finite_bounds(value, label, at)
        width = hi - lo
        step = width / bins_max
        if value.facts.grid is not None and width / value.facts.grid <= max(bins_max, FINE_BINS):
            step = value.facts.grid
        elif value.facts.grid is not None and value.facts.grid > 0:
            step = Fraction(math.ceil(step / value.facts.grid)) * value.facts.grid
        bins = math.ceil(width / step) + 1 if step else 1
        candidates = tuple(min(lo + step * i, hi) for i in range(bins))
        measure = Measure(
            "", MeasureKind.HISTOGRAM, value, where, Form.ONE_ROW, 1, 1, grid=step or Fraction(1), candidates=candidates,
            rank=rank,
        )  # fmt: skip
        return self._histogram(measure)

    def _histogram(self, measure: Measure) -> str:
        if not self.one_row:  # a unit's rows spread over bins: weights bound their total whatever the bins
            measure = replace(measure, form=Form.WEIGHTS, k=0, c=self.rows, multiplier=WEIGHT_STEPS)
        return self._add(measure)

    # -- outputs

    def outputs(self, aggs: list[Agg], labels: list[str], places: list[Position | None]) -> list[Output]:
        """All outputs. Averages and spreads come first, so that counts and sums of the same rows are read off their cells."""
        calls = [(f"a{i}", *call) for i, call in enumerate(zip(aggs, labels, places, strict=True))]
        self.counted = {
            self._present(a) for a in aggs if a.function == "count" and not a.distinct and a.parameter is None
        }
        self.ranks = self._ranks(aggs)
        rank = {"count": 3, "sum": 1}

        def order(call: tuple[str, Agg, str, Position | None]) -> int:
            agg = call[1]
            return rank.get(agg.function, 0) - (agg.function == "count" and bool(self._present(agg)))

        made = {n: self.output(n, a, label, at) for n, a, label, at in sorted(calls, key=order)}
        return [made[n] for n, *_ in calls]

    def _ranks(self, aggs: list[Agg]) -> Counter[Expr]:
        """How many quantiles are asked of each value."""
        asked = {(a.args[0], a.parameter) for a in aggs if a.function in ("median", "quantile_cont", "quantile_disc")}
        return Counter(value for value, q in asked if q not in (0.0, 1.0))

    def _quantile(self, arg: Expr, present: tuple[Expr, ...], label: str, at: Position | None, q: float) -> str:
        """A histogram of which one bin is chosen; of which all are counted, where many quantiles are asked of it."""
        if not 0.0 < q < 1.0:
            return self.histogram(arg, present, label, at, bins_max=END_BINS)
        if self.ranks[arg] > RANKS_MAX:
            return self.histogram(arg, present, label, at)
        bins = RANKED_BINS_EACH if self.grouped else RANKED_BINS
        rank = Fraction(q).limit_denominator(RANK_STEPS)
        return self.histogram(arg, present, label, at, bins_max=bins, rank=rank)

    def _present(self, agg: Agg) -> tuple[Expr, ...]:
        where = () if agg.where is None else (agg.where,)
        return (*where, *(is_not_null(a) for a in agg.args if a.facts.nullable))

    def _sum(self, name: str, arg: Expr, present: tuple[Expr, ...], label: str, at: Position | None) -> Output:
        """A sum alone; beside a count or an average of the same rows, read off their pair where the bounding allows."""
        if self._unbounded(arg) and self.finder is not None:
            return Output(name, AggKind.SUM, self.pair(self.axis(arg, label, at), present), label, Type.NUMBER)
        weighed = self.amount is None and not (self.unit_level or self._by_groups())
        if weighed or (self.one_row and self.amount is None):
            axis = self.axis(arg, label, at)
            found = self.has_pair(axis, present)
            if not found and present in self.counted and not self.has_pair(None, present):
                found = self.pair(axis, present)
            if found:
                return Output(name, AggKind.SUM, found, label, arg.facts.type)
        return Output(name, AggKind.SUM, (self.sum(arg, present, label, at),), label, arg.facts.type)

    def output(self, name: str, agg: Agg, label: str, at: Position | None) -> Output:
        """The output column of one aggregate call, with its measures registered."""
        where = () if agg.where is None else (agg.where,)
        if agg.function == "count" and agg.parameter is not None:
            part = self.part(None, self._present(agg), Fraction(repr(agg.parameter)), label, at)
            return Output(name, AggKind.COUNT, (part,), label, Type.INTEGER)
        if agg.function == "count":
            if cells := self._part_of(agg, label, at):
                return Output(name, AggKind.SUM, cells, label, Type.INTEGER)
            return Output(name, AggKind.COUNT, self._count(agg), label, Type.INTEGER)
        arg = agg.args[0]
        present = where if not arg.facts.nullable else (*where, is_not_null(arg))
        if agg.function == "bin":
            key = self.histogram(arg, present, label, at, agg.edges)
            return Output(name, AggKind.BIN, (key,), label, Type.INTEGER, parameter=agg.parameter)
        if agg.distinct or agg.order:
            raise _no_private_form(agg, at)
        if agg.function == "sum" and agg.parameter is not None:
            part = self.part(arg, present, Fraction(repr(agg.parameter)), label, at)
            return Output(name, AggKind.SUM, (part,), label, arg.facts.type)
        if agg.function == "sum":
            return self._sum(name, arg, present, label, at)
        lo, hi = (None, None)
        approximate = self.finder is not None and agg.function == "avg" and self._unbounded(arg)
        if not approximate and agg.function in ("avg", "var_samp", "var_pop", "stddev_samp", "stddev_pop", "quantile_cont",
                            "quantile_disc", "median"):  # fmt: skip
            lo, hi = finite_bounds(arg, label, at)
        if agg.function == "avg":
            pair = self.pair(self.axis(arg, label, at), present)
            return Output(name, AggKind.AVG, pair, label, Type.NUMBER, lo, hi)
        if agg.function in ("var_samp", "var_pop", "stddev_samp", "stddev_pop"):
            axis = self.axis(arg, label, at, grids.curve_steps(self._rows_moved()))
            parts3 = (*self.pair(axis, present), self.curve(axis, present))
            assert lo is not None
            assert hi is not None
            kind = AggKind.VARIANCE if agg.function.startswith("var") else AggKind.STDDEV
            top = (hi - lo) ** 2 / 4 if kind is AggKind.VARIANCE else (hi - lo) / 2
            return Output(
                name, kind, parts3, label, Type.NUMBER, Fraction(0), top, sample=agg.function.endswith("samp")
            )
        if agg.function in ("median", "quantile_cont", "quantile_disc"):
            key = self._quantile(arg, present, label, at, agg.parameter or 0.0)
            kind_ = arg.facts.type if agg.function == "quantile_disc" else Type.NUMBER
            return Output(name, AggKind.QUANTILE, (key,), label, kind_, lo, hi, parameter=agg.parameter)
        if agg.function in ("min", "max") and arg.facts.type.numeric:
            lo, hi = finite_bounds(arg, label, at)
            key = self.histogram(arg, present, label, at, bins_max=END_BINS)
            end = 0.0 if agg.function == "min" else 1.0
            return Output(name, AggKind.QUANTILE, (key,), label, arg.facts.type, lo, hi, parameter=end)
        if len(agg.args) == 2 and not agg.order:
            return self._pair(name, agg, where, label, at)
        raise _no_private_form(agg, at)

    def _part_of(self, agg: Agg, label: str, at: Position | None) -> tuple[str, ...]:
        """A count of some rows beside the count of all: the rows that pass and those that do not, two cells at the price of one.

        Apart they would share ε: the part has half that error, the whole 1/√2, and their ratio less than either.
        """
        present = self._present(agg)
        whole = self.one_row or not (self.unit_level or self._by_groups())
        if not present or agg.distinct or self.thresholded or not whole or () not in self.counted:
            return ()
        axis = self.axis(indicator(present), label, at)
        taken = self.has_pair(None, ()) or self.has_pair(None, present)
        return self.has_pair(axis, ()) or (() if taken else self.pair(axis, ()))

    def _count(self, agg: Agg) -> tuple[str, ...]:
        if agg.distinct:
            arg = agg.args[0]
            present = self._present(agg)
            return (self.units(present) if arg.facts.unit else self.distinct(arg, present),)
        present = self._present(agg)
        if self.thresholded and self.one_row and not present:
            return (self.count(present),)  # the count that keys pass their threshold by
        return self.has_pair(None, present) or (self.count(present),)

    def _pair(self, name: str, agg: Agg, where: tuple[Expr, ...], label: str, at: Position | None) -> Output:
        """COVAR, CORR and regressions: the four products of two axes, and the curves of those whose squares are needed."""
        y, x = agg.args
        present = (*where, *(is_not_null(a) for a in agg.args if a.facts.nullable))
        steps = grids.product_steps(self._rows_moved())
        axes = (self.axis(y, label, at, steps), self.axis(x, label, at, steps))
        curved = {"covar_pop": (), "covar_samp": (), "corr": (axes[1], axes[0])}.get(agg.function, (axes[1],))
        parts = (*self.product(axes, present), *(self.curve(a, present) for a in curved))
        return Output(name, AggKind.PAIR, parts, label, Type.NUMBER, function=agg.function)


def _no_private_form(agg: Agg, at: Position | None) -> DerivationError:
    name = agg.function.upper() + ("(DISTINCT …)" if agg.distinct else "")
    hint = "Use COUNT, SUM, AVG, MIN, MAX, MEDIAN, QUANTILE_CONT, VAR, STDDEV, CORR or COVAR of numbers."
    if agg.distinct:
        hint = "Use COUNT(DISTINCT …) or the aggregate without DISTINCT; in a per-unit subquery DISTINCT may stand."
    return DerivationError(
        "unsupported_aggregate",
        f"{name} of {agg.args[0].facts.type} values over people has no private form here.",
        hint=hint,
        position=at,
        rule="aggregates",
    )


def finite_bounds(value: Expr, label: str, at: Position | None) -> tuple[Fraction, Fraction]:
    """Both bounds of the value. Raises ``DerivationError`` missing_bounds that names the policy line to add."""
    b = value.facts.bounds
    if b.lo is not None and b.hi is not None and max(abs(b.lo), abs(b.hi)) <= AMOUNT_MAX:
        return b.lo, b.hi
    if isinstance(value, Ref) and value.facts.origin is not None:
        origin = value.facts.origin
        hint = (
            f"The data owner can add to the policy, under {origin}:  bounds: [low, high].  "
            f"Or give bounds here: GREATEST(low, LEAST(high, {value.name}))."
        )
        name = f"Column {origin}"
    else:
        hint = "Give bounds here, for instance GREATEST(0, LEAST(1000, expression))."
        name = "The expression"
    raise DerivationError(
        "missing_bounds",
        f"{name} has no bounds (or bounds past 1e18), so one person could change {label} by any amount.",
        hint=hint,
        position=at,
        rule="sensitivity",
    )
