"""From aggregate calls to measures: exact integer vectors with their contribution bounds (privacy model, section 3).

An aggregate is a function of measures: AVG of a centred sum and a count, VARIANCE of two moments and a count. Measures
that several aggregates need are taken once.
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

from tacit_service.errors import DerivationError, Position

from . import operators
from .bounds import Facts, Interval, Type
from .build import integer
from .expr import Agg, Call, Expr, Lit, Ref
from .plan import AggKind, Form, Measure, MeasureKind, Output, Relation

WEIGHT_STEPS = 2**16  # fixed point of weights: rounding toward zero loses at most 1/65536 of a row
VALUE_MAX = 2**31  # an integer value a row; leaves room for 4e9 rows in a 64-bit sum
VALUE_STEPS = 10**9  # steps of the grid chosen for values without a declared precision
HISTOGRAM_BINS = 256
AMOUNT_MAX = Fraction(10**18)  # past this a bound says nothing, and floats lose whole units


class MeasureBuilder:
    """Chooses the form of bounding for one release point and collects its measures."""

    def __init__(
        self, source: Relation, keys: list[Expr], *, rows: int, groups: tuple[int, int], form: str, amount: float | None
    ) -> None:
        self.source = source
        self.rows = rows if source.max_rows is None else min(rows, source.max_rows)
        self.k, self.c = groups
        self.form_wanted = form
        self.amount = amount
        self.one_row = source.max_rows == 1
        self.unit_level = all(k.facts.per_unit for k in keys)
        self.measures: list[Measure] = []

    # -- bounding

    def _bounded(self, measure: Measure) -> Measure:
        """The measure with the contribution form that has the least noise for the policy's caps."""
        if self.one_row:
            return replace(measure, form=Form.ONE_ROW, k=1, c=1, ranked=False)
        if self.unit_level:
            return replace(measure, form=Form.GROUPS, k=1, c=self.rows, ranked=False)
        groups_cost = self.k * self.c
        weights = self.form_wanted == "weights" or (self.form_wanted == "auto" and self.rows <= groups_cost)
        if weights:
            size = max(abs(measure.low), abs(measure.high), 1)
            multiplier = 1
            while size * multiplier < WEIGHT_STEPS:
                multiplier *= 2
            return replace(measure, form=Form.WEIGHTS, k=0, c=self.rows, multiplier=multiplier)
        return replace(measure, form=Form.GROUPS, k=self.k, c=self.c, ranked=True)

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

    def sum(self, value: Expr, where: tuple[Expr, ...], label: str, at: Position | None, *, centred: bool) -> str:
        """An integer sum of the value in multiples of its grid, about the middle of its bounds when ``centred``."""
        lo, hi = finite_bounds(value, label, at)
        grid = value_grid(value.facts, lo, hi)
        center = Fraction(round((lo + hi) / 2 / grid)) * grid if centred else Fraction(0)
        low, high = math.floor((lo - center) / grid), math.ceil((hi - center) / grid)
        amount = None
        if self.amount is not None and not centred:
            amount = max(int(Fraction(self.amount) / grid), 1)
            low, high = max(low, -amount), min(high, amount)
        measure = Measure(
            "",
            MeasureKind.SUM,
            value,
            where,
            Form.ONE_ROW,
            1,
            1,
            low,
            high,
            grid,
            center,
            amount=amount,
            centred=centred,
        )
        return self._add(self._bounded(measure))

    def histogram(
        self, value: Expr, where: tuple[Expr, ...], label: str, at: Position | None, edges: tuple[Fraction, ...] = ()
    ) -> str:
        """Counts by bin: of a public grid over the value's bounds, off whose running sums quantiles are read, or between ``edges``."""
        if edges:
            measure = Measure("", MeasureKind.HISTOGRAM, value, where, Form.ONE_ROW, 1, 1, edges=edges)
            return self._histogram(replace(measure, candidates=(*edges, edges[-1] + 1)))
        lo, hi = finite_bounds(value, label, at)
        width = hi - lo
        step = width / HISTOGRAM_BINS
        if value.facts.grid is not None and width / value.facts.grid <= HISTOGRAM_BINS:
            step = value.facts.grid
        elif value.facts.grid is not None and value.facts.grid > 0:
            step = Fraction(math.ceil(step / value.facts.grid)) * value.facts.grid
        bins = math.ceil(width / step) + 1 if step else 1
        candidates = tuple(min(lo + step * i, hi) for i in range(bins))
        measure = Measure(
            "", MeasureKind.HISTOGRAM, value, where, Form.ONE_ROW, 1, 1, grid=step or Fraction(1), candidates=candidates
        )
        return self._histogram(measure)

    def _histogram(self, measure: Measure) -> str:
        if not self.one_row:  # a unit's rows spread over bins: weights bound their total whatever the bins
            measure = replace(measure, form=Form.WEIGHTS, k=0, c=self.rows, multiplier=WEIGHT_STEPS)
        return self._add(measure)

    # -- outputs

    def output(self, name: str, agg: Agg, label: str, at: Position | None) -> Output:
        """The output column of one aggregate call, with its measures registered."""
        where = () if agg.where is None else (agg.where,)
        if agg.function == "count":
            return Output(name, AggKind.COUNT, (self._count(agg, where),), label, Type.INTEGER)
        arg = agg.args[0]
        present = where if not arg.facts.nullable else (*where, is_not_null(arg))
        if agg.function == "bin":
            key = self.histogram(arg, present, label, at, agg.edges)
            return Output(name, AggKind.BIN, (key,), label, Type.INTEGER, parameter=agg.parameter)
        if agg.distinct or agg.order:
            raise _no_private_form(agg, at)
        if agg.function == "sum":
            key = self.sum(arg, present, label, at, centred=False)
            return Output(name, AggKind.SUM, (key,), label, arg.facts.type)
        lo, hi = (None, None)
        if agg.function in ("avg", "var_samp", "var_pop", "stddev_samp", "stddev_pop", "quantile_cont",
                            "quantile_disc", "median"):  # fmt: skip
            lo, hi = finite_bounds(arg, label, at)
        if agg.function == "avg":
            parts = (self.sum(arg, present, label, at, centred=True), self.count(present))
            return Output(name, AggKind.AVG, parts, label, Type.NUMBER, lo, hi)
        if agg.function in ("var_samp", "var_pop", "stddev_samp", "stddev_pop"):
            first = self.sum(arg, present, label, at, centred=True)
            square = self._square(arg, first)
            parts3 = (first, self.sum(square, present, label, at, centred=False), self.count(present))
            assert lo is not None
            assert hi is not None
            kind = AggKind.VARIANCE if agg.function.startswith("var") else AggKind.STDDEV
            top = (hi - lo) ** 2 / 4 if kind is AggKind.VARIANCE else (hi - lo) / 2
            return Output(
                name, kind, parts3, label, Type.NUMBER, Fraction(0), top, sample=agg.function.endswith("samp")
            )
        if agg.function in ("median", "quantile_cont", "quantile_disc"):
            key = self.histogram(arg, present, label, at)
            kind_ = arg.facts.type if agg.function == "quantile_disc" else Type.NUMBER
            return Output(name, AggKind.QUANTILE, (key,), label, kind_, lo, hi, parameter=agg.parameter)
        if agg.function in ("min", "max") and arg.facts.type.numeric:
            lo, hi = finite_bounds(arg, label, at)
            key = self.histogram(arg, present, label, at)
            end = 0.0 if agg.function == "min" else 1.0
            return Output(name, AggKind.QUANTILE, (key,), label, arg.facts.type, lo, hi, parameter=end)
        if len(agg.args) == 2:
            return self._pair(name, agg, where, label, at)
        raise _no_private_form(agg, at)

    def _count(self, agg: Agg, where: tuple[Expr, ...]) -> str:
        if not agg.args:
            return self.count(where)
        arg = agg.args[0]
        present = where if not arg.facts.nullable else (*where, is_not_null(arg))
        if not agg.distinct:
            return self.count(present)
        if arg.facts.unit:
            return self.units(present)
        return self.distinct(arg, present)

    def _pair(self, name: str, agg: Agg, where: tuple[Expr, ...], label: str, at: Position | None) -> Output:
        """COVAR, CORR and regressions: five centred moments and the count of rows where both values are present."""
        y, x = agg.args
        present = (*where, *(is_not_null(a) for a in agg.args if a.facts.nullable))
        first_y = self.sum(y, present, label, at, centred=True)
        first_x = self.sum(x, present, label, at, centred=True)
        products = [(x, first_x, y, first_y)]
        if agg.function != "covar_pop" and agg.function != "covar_samp":
            products += [(x, first_x, x, first_x)]
        if agg.function == "corr":
            products += [(y, first_y, y, first_y)]
        seconds = [self.sum(self._product(*p), present, label, at, centred=False) for p in products]
        parts = (first_y, first_x, *seconds, self.count(present))
        return Output(name, AggKind.PAIR, parts, label, Type.NUMBER, function=agg.function)

    def _product(self, a: Expr, first_a: str, b: Expr, first_b: str) -> Expr:
        left, right = self._centred(a, first_a), self._centred(b, first_b)
        facts = operators.arithmetic("mul", left.facts, right.facts)
        return Call(facts.with_(type=Type.NUMBER, grid=None), "mul", (_number(left), right))

    def _centred(self, arg: Expr, first: str) -> Expr:
        """The value less the centre of its first moment's measure."""
        center = next(m for m in self.measures if m.name == first).center
        lit = (
            integer(int(center))
            if center.denominator == 1
            else Lit(Facts(Type.NUMBER, Interval(center, center), nullable=False, per_unit=True), float(center))
        )
        return Call(operators.arithmetic("sub", arg.facts, lit.facts), "sub", (arg, lit))

    def _square(self, arg: Expr, first: str) -> Expr:
        d = self._centred(arg, first)
        squared = operators.arithmetic("mul", d.facts, d.facts)
        lo, hi = d.facts.bounds.ends()
        top = max(lo * lo, hi * hi)
        return Call(
            squared.with_(bounds=Interval(Fraction(0), top), type=Type.NUMBER, grid=None), "mul", (_number(d), d)
        )


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


def _number(e: Expr) -> Expr:
    from .expr import Cast

    return e if e.facts.type is Type.NUMBER else Cast(e.facts.with_(type=Type.NUMBER), e)


def is_not_null(e: Expr) -> Expr:
    """``e IS NOT NULL``; NaN counts as NULL when values are summed, not when rows are counted."""
    missing = Call(operators.truth((e.facts,), never_null=True), "is_null", (e,))
    return Call(operators.truth((missing.facts,)), "not", (missing,))


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


def value_grid(f: Facts, lo: Fraction, hi: Fraction) -> Fraction:
    """Public grid to which values are rounded: the declared precision, coarsened only past 2^31 steps."""
    size = max(abs(lo), abs(hi), hi - lo)
    grid = f.grid
    if grid is None:
        exponent = math.floor(math.log10(size / VALUE_STEPS)) if size else 0
        grid = Fraction(10) ** exponent
    while size / grid > VALUE_MAX:
        grid *= 10
    return grid
