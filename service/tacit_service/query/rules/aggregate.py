"""Rule: aggregation. GROUP BY with the unit id stays protected (one row a unit and other keys); over public rows it stays public.

Pre: an input relation; keys and aggregate arguments are row-wise over it. Post, when a key is the unit id and not NULL:
every output row is a function of the rows of one unit, because rows are grouped by (unit, other keys) and no group spans
two units; so the output is protected, with at most one row a unit when the other keys are functions of the unit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

from sqlglot import exp

from tacit_service.errors import BindError, DerivationError

from ..bounds import Facts, Interval, Type
from ..build import cast_to
from ..expr import Agg, Call, Expr, Ref
from ..measures import finite_bounds
from ..named_bounds import per_group
from ..operators import truth
from ..plan import Column, Filter, Property, Relation, UnitAggregate
from ..syntax import label, strict, unsupported
from .ordered import joined, picked

if TYPE_CHECKING:
    from ..bind_expr import ExprBinder

ONE_ARGUMENT: dict[type[exp.Expr], str] = {
    exp.Sum: "sum", exp.Avg: "avg", exp.Min: "min", exp.Max: "max", exp.Stddev: "stddev_samp",
    exp.StddevSamp: "stddev_samp", exp.StddevPop: "stddev_pop", exp.Variance: "var_samp",
    exp.VariancePop: "var_pop", exp.Median: "median", exp.CountIf: "count_if", exp.LogicalAnd: "bool_and",
    exp.LogicalOr: "bool_or", exp.AnyValue: "min",
}  # fmt: skip
# aggregates that the parser does not know as such
NAMED = {"histogram", "product", "entropy", "mad", "list", "bit_and", "bit_or", "bit_xor", "approx_top_k", "every"}
PICKS: dict[type[exp.Expr], str] = {exp.ArgMax: "arg_max", exp.ArgMin: "arg_min", exp.First: "first", exp.Last: "last"}
NUMBERS = "Name a column of numbers, COUNT it, or CAST it."
SPREADS = {"stddev_samp", "stddev_pop", "var_samp", "var_pop"}
TWO_ARGUMENTS: dict[type[exp.Expr], str] = {
    exp.CovarPop: "covar_pop", exp.CovarSamp: "covar_samp", exp.Corr: "corr", exp.RegrSlope: "regr_slope",
    exp.RegrIntercept: "regr_intercept",
}  # fmt: skip
NUMERIC = {
    *TWO_ARGUMENTS.values(), *SPREADS, "sum", "avg", "median", "quantile_cont", "quantile_disc",
}  # fmt: skip


class Bin(exp.Expression, exp.AggFunc):
    """The count of one bin of a histogram (made by ``over_people``; no text parses to it)."""

    arg_types: ClassVar[dict[str, bool]] = {"this": True, "edges": True, "place": True}
    _sql_names: ClassVar[list[str]] = ["HISTOGRAM"]


def is_aggregate(node: exp.Expr) -> bool:
    """The node itself is an aggregate call (with its FILTER), not a window function."""
    if isinstance(node, exp.Filter | exp.WithinGroup):
        return True
    if isinstance(node, exp.IgnoreNulls) and isinstance(node.this, exp.AnyValue):
        return True
    if isinstance(node, exp.First | exp.Last):
        return isinstance(node.this, exp.Order)
    if isinstance(node, exp.Anonymous):
        return node.name.lower() in NAMED
    return (
        isinstance(node, exp.AggFunc)
        and not isinstance(node, exp.Lag | exp.Lead | exp.FirstValue | exp.LastValue | exp.NthValue)
        and not isinstance(node, exp.Grouping | exp.GroupingId)
        and not isinstance(node, exp.RowNumber | exp.Rank | exp.DenseRank | exp.PercentRank | exp.CumeDist | exp.Ntile)
    )


def has_aggregate(node: exp.Expr | None) -> bool:
    """An aggregate call stands in the expression, outside subqueries; a window's own function does not count."""
    if node is None or isinstance(node, exp.Query):
        return False
    if isinstance(node, exp.Window):
        function = node.this
        while isinstance(function, exp.Filter | exp.IgnoreNulls | exp.RespectNulls):
            if isinstance(function, exp.Filter) and has_aggregate(function.expression):
                return True
            function = function.this
        inner = list(function.iter_expressions()) if function is not None else []
        rest = [v for k, v in node.args.items() if k != "this"]
        flat: list[Any] = inner + [x for v in rest for x in (v if isinstance(v, list) else [v])]
        return any(has_aggregate(c) for c in flat if isinstance(c, exp.Expr))
    if is_aggregate(node):
        return True
    return any(has_aggregate(c) for c in node.iter_expressions())


def bind_aggregate(inner: ExprBinder, node: exp.Expr) -> Agg:
    """An aggregate call over row-wise arguments, bound once in its scope: a subquery inside it would else be paid again."""
    found = inner.aggregates_bound.get(node)
    if found is None:
        found = inner.aggregates_bound[node.copy()] = _bound(inner, node)
    return found


def _bound(inner: ExprBinder, node: exp.Expr) -> Agg:
    where: Expr | None = None
    if isinstance(node, exp.Filter):
        strict(inner.sql, node, "this", "expression")
        where = inner.predicate(node.expression.this)
        node = node.this
    if type(node) in PICKS:
        return picked(inner, node, PICKS[type(node)], where, _facts)
    if isinstance(node, exp.GroupConcat) and isinstance(node.this, exp.Order):
        return joined(inner, node, where, _facts)
    if isinstance(node, Bin):
        return _bin(inner, node, where)
    if (bounded := per_group(inner.sql, node)) is not None:
        return _in_a_group(inner, node, where, *bounded)
    function, args, distinct, parameter = _shape(inner, node)
    bound = tuple(_row(inner, a) if isinstance(a, exp.Tuple) else inner.bind(a) for a in args)
    if function == "sum" and not distinct and bound[0].facts.type is Type.BOOLEAN:  # how many are true
        bound = (cast_to(bound[0], Type.INTEGER),)
    if function == "count_if":
        condition = inner.predicate(args[0])
        where = condition if where is None else Call(truth((where.facts, condition.facts)), "and", (where, condition))
        return Agg(
            Facts(Type.INTEGER, Interval.of(0, None), nullable=False, grid=Fraction(1)), "count", (), False, where
        )
    for arg, source in zip(bound, args, strict=True):
        if function in NUMERIC and not (arg.facts.type.numeric or arg.facts.type is Type.NULL):
            raise inner.mismatch(source, f"{function.upper()} takes numbers, this is {arg.facts.type}", NUMBERS)
        if function in ("bool_and", "bool_or") and arg.facts.type is not Type.BOOLEAN:
            raise inner.mismatch(source, f"{function.upper()} takes a condition, this is {arg.facts.type}")
    if function in SPREADS:
        finite_bounds(bound[0], f"{function.upper()}", inner.where(node))
    return Agg(_facts(function, bound, where), function, bound, distinct, where, parameter)


def _in_a_group(
    b: ExprBinder, node: exp.Expr, where: Expr | None, of: exp.Expr, ends: tuple[Fraction, Fraction]
) -> Agg:
    """SUM or COUNT of which one unit adds to a group no more than the ends: by clamping its part at the upper one.

    The lower end must say nothing more: 0 or less where parts are not negative, or the upper one's opposite.
    """
    low, high = ends
    counts = isinstance(node, exp.Count)
    x = None if isinstance(of, exp.Star) else b.bind(of)
    if x is not None and not counts and not x.facts.type.numeric:
        raise b.mismatch(of, f"SUM takes numbers, this is {x.facts.type}", NUMBERS)
    lowest = None if x is None or counts else x.facts.bounds.lo
    positive = counts or (lowest is not None and lowest >= 0)
    if high <= 0 or (low > 0 if positive else low != -high) or (counts and high.denominator != 1):
        raise unsupported(
            b.sql, node, "contribution_bounds_per_group that does more than limit the size of a person's part",
            f"Write contribution_bounds_per_group => ({0 if positive else '-100'}, 100), or bound each row.",
        )  # fmt: skip
    function, args = "count" if counts else "sum", () if x is None else (x,)
    return Agg(_facts(function, args, where), function, args, False, where, float(high))


def _row(b: ExprBinder, node: exp.Tuple) -> Expr:
    """``COUNT(DISTINCT (a, b))``: a row is never NULL. Its type occurs nowhere else."""
    parts = tuple(b.bind(e) for e in node.expressions)
    return Call(Facts(Type.STRING, nullable=False, per_unit=all(p.facts.per_unit for p in parts)), "row", parts)


def _bin(b: ExprBinder, node: Bin, where: Expr | None) -> Agg:
    """One bin of ``histogram(x, edges)``; over the number of edges: what lies above the last."""
    edges = tuple(Fraction(e.name) for e in node.args["edges"].expressions)
    facts = Facts(Type.INTEGER, Interval.of(0, None), nullable=False, grid=Fraction(1), proven=False)
    return Agg(facts, "bin", (b.bind(node.this),), False, where, float(node.args["place"].name), (), edges)


def _shape(b: ExprBinder, node: exp.Expr) -> tuple[str, list[exp.Expr], bool, float | None]:
    if isinstance(node, exp.Count):
        strict(b.sql, node, "this", "expressions")
        inner = node.this
        if node.expressions:
            raise unsupported(b.sql, node, "COUNT of several columns", "Use COUNT(DISTINCT (a, b)).")
        if inner is None or isinstance(inner, exp.Star):
            return "count", [], False, None
        if isinstance(inner, exp.Distinct):
            strict(b.sql, inner, "expressions")
            if len(inner.expressions) != 1:
                raise unsupported(b.sql, node, "COUNT(DISTINCT a, b)", "Write COUNT(DISTINCT (a, b)).")
            return "count", list(inner.expressions), True, None
        return "count", [inner], False, None
    if isinstance(node, exp.WithinGroup):
        strict(b.sql, node, "this", "expression")
        order = node.expression.expressions
        if len(order) == 1 and isinstance(node.this, exp.PercentileCont | exp.PercentileDisc):
            strict(b.sql, node.this, "this")
            p = _fraction(b, node.this.this)
            p = 1 - p if order[0].args.get("desc") else p
            name = "quantile_cont" if isinstance(node.this, exp.PercentileCont) else "quantile_disc"
            return name, [order[0].this], False, p
    if isinstance(node, exp.PercentileCont | exp.PercentileDisc):
        strict(b.sql, node, "this", "expression")
        name = "quantile_cont" if isinstance(node, exp.PercentileCont) else "quantile_disc"
        return name, [node.this], False, _fraction(b, node.expression)
    if type(node) in TWO_ARGUMENTS:
        strict(b.sql, node, "this", "expression")
        return TWO_ARGUMENTS[type(node)], [node.this, node.expression], False, None
    if isinstance(node, exp.IgnoreNulls) and isinstance(node.this, exp.AnyValue):
        node = node.this  # any value will do, and the least is the same in any row order
    name = ONE_ARGUMENT.get(type(node), "")
    if not name or node.this is None:
        raise DerivationError(
            "unsupported_aggregate",
            f"{label(node)} has no private form here.",
            hint="Use COUNT, SUM, AVG, VAR, STDDEV, MEDIAN or QUANTILE_CONT; in a per-unit subquery also MIN and MAX.",
            position=b.where(node),
            rule="aggregates",
        )
    strict(b.sql, node, "this")
    if isinstance(node.this, exp.Distinct) and name in ("sum", "avg", "min", "max") and len(node.this.expressions) == 1:
        strict(b.sql, node.this, "expressions")
        return name, list(node.this.expressions), name in ("sum", "avg"), None
    if isinstance(node.this, exp.Distinct | exp.Order):
        raise unsupported(b.sql, node, f"DISTINCT or ORDER BY inside {name.upper()}")
    return name, [node.this], False, 0.5 if name == "median" else None


def _fraction(b: ExprBinder, node: exp.Expr | None) -> float:
    if isinstance(node, exp.Literal) and not node.is_string and 0 <= float(node.name) <= 1:
        return float(node.name)
    raise unsupported(b.sql, node or exp.Null(), "A quantile that is no number between 0 and 1", "Write 0.5.")


def _facts(function: str, args: tuple[Expr, ...], where: Expr | None) -> Facts:
    if function == "count":
        return Facts(Type.INTEGER, Interval.of(0, None), nullable=False, grid=Fraction(1), proven=False)
    f = args[0].facts
    nullable, key_null = f.nullable or where is not None, f.key_null or where is not None
    if function in ("min", "max"):
        return f.with_(
            nullable=nullable, key_null=key_null, unit=False, unit_rank=False, origin=None,
            links=None, unique=False,
        )  # fmt: skip
    if function in ("bool_and", "bool_or"):
        return Facts(Type.BOOLEAN, nullable=nullable, domain=(False, True), key_null=key_null)
    if function == "sum":
        return Facts(f.type, Interval(), nullable=nullable, grid=f.grid, proven=False, key_null=key_null)
    if function in ("avg", "median", "quantile_cont", "quantile_disc"):
        return Facts(Type.NUMBER, f.bounds, nullable=nullable, proven=f.proven, key_null=key_null)
    if function in TWO_ARGUMENTS.values():
        bounds = Interval.of(-1, 1) if function == "corr" else Interval()
        return Facts(Type.NUMBER, bounds, nullable=True, key_null=True, proven=False)
    lo, hi = (f.bounds.lo, f.bounds.hi)
    spread = None if lo is None or hi is None else (hi - lo)
    top = None if spread is None else spread if function.startswith("stddev") else spread * spread
    return Facts(Type.NUMBER, Interval(Fraction(0), top), nullable=True, key_null=True, proven=False)


@dataclass(slots=True)
class AggregateContext:
    """Where aggregates may stand: replaces keys and aggregate calls by references to the aggregation's columns."""

    inner: ExprBinder
    new_id: Any
    key_nodes: list[exp.Expr] = field(default_factory=list)
    key_exprs: list[Expr] = field(default_factory=list)
    key_columns: list[Column] = field(default_factory=list)
    aggs: list[Agg] = field(default_factory=list)
    agg_columns: list[Column] = field(default_factory=list)
    below: list[tuple[Column, Expr]] = field(default_factory=list)

    def add_key(self, node: exp.Expr, expr: Expr, name: str) -> None:
        """Register a GROUP BY expression."""
        self.key_nodes.append(node)
        self.key_exprs.append(expr)
        self.key_columns.append(Column(self.new_id(), name, expr.facts))

    def match(self, node: exp.Expr, binder: ExprBinder) -> Expr | None:
        """The column that stands for this node, ``None`` when the node is to be bound by its parts."""
        for key_node, column in zip(self.key_nodes, self.key_columns, strict=True):
            if node == key_node:
                return Ref(column.facts, column.id, column.name)
        if is_aggregate(node):
            lifted = self.inner.binder.lifts[-1]
            known = len(lifted)
            agg = bind_aggregate(self.inner, node)
            self.below += lifted[known:]  # what an aggregate reads is below it, and what stands beside it above
            del lifted[known:]
            return self._aggregate(agg)
        if isinstance(node, exp.Column):
            bound = self.inner.bind(node)
            for expr, column in zip(self.key_exprs, self.key_columns, strict=True):
                if isinstance(bound, Ref) and isinstance(expr, Ref) and bound.id == expr.id:
                    return Ref(column.facts, column.id, column.name)
            raise BindError(
                "not_grouped",
                f"Column {node.name} is neither in GROUP BY nor inside an aggregate.",
                hint=f"Add {node.name} to GROUP BY, or aggregate it.",
                position=binder.where(node),
                rule="aggregation",
            )
        return None

    def _aggregate(self, agg: Agg) -> Expr:
        if agg not in self.aggs:
            self.aggs.append(agg)
            self.agg_columns.append(Column(self.new_id(), agg.function, agg.facts))
        column = self.agg_columns[self.aggs.index(agg)]
        return Ref(column.facts, column.id, column.name)


def aggregate(context: AggregateContext, source: Relation, rows_cap: int, *, always_row: bool = False) -> Relation:
    """The per-unit (or public) aggregation over ``source`` with the context's keys and aggregates."""
    if any(a.function in ("sum", "count") and a.parameter is not None for a in context.aggs):
        raise DerivationError(
            "unsupported_syntax",
            "contribution_bounds_per_group is not supported within one unit's own rows.",
            hint="Bound the aggregate over people: SUM(x, contribution_bounds_per_group => (0, 100)).",
            rule="allow-list",
        )
    for agg in context.aggs:
        if agg.function in TWO_ARGUMENTS.values():  # exact sums of products need both bounds
            for arg in agg.args:
                finite_bounds(arg, f"{agg.function.upper()}", None)
    unit_keys = [k for k in context.key_exprs if k.facts.unit]
    sure = any(not k.facts.nullable for k in unit_keys)
    for key in unit_keys:
        if not sure:  # the NULL group of a unit id belongs to nobody
            missing = Call(truth((key.facts,), never_null=True), "is_null", (key,))
            present = Call(truth((missing.facts,)), "not", (missing,))
            source = Filter(source.columns, source.property, source.max_rows, source, present)
    others = [k for k in context.key_exprs if not k.facts.unit or (sure and k.facts.nullable)]
    single = source.protected and (always_row or all(k.facts.per_unit for k in others))
    keys = [
        Column(
            c.id,
            c.name,
            c.facts.with_(
                nullable=c.facts.nullable if sure or not c.facts.unit else False,
                per_unit=single or c.facts.per_unit,
                unit_rank=False,
            ),
        )
        for c in context.key_columns
    ]
    cap = source.max_rows if source.max_rows is not None else rows_cap
    grouped = bool(context.key_exprs)
    aggs = [
        Column(c.id, c.name, _capped(a, c.facts, cap, source.protected, grouped).with_(per_unit=single))
        for a, c in zip(context.aggs, context.agg_columns, strict=True)
    ]
    max_rows = 1 if single else source.max_rows
    return UnitAggregate(
        (*keys, *aggs),
        source.property,
        max_rows if source.property is Property.PROTECTED else None,
        source,
        tuple(context.key_exprs),
        tuple(context.aggs),
        always_row,
    )


def _capped(agg: Agg, facts: Facts, cap: int, protected: bool, grouped: bool) -> Facts:
    """Where a later aggregate clamps this value: a unit has about ``cap`` rows at most. Not a proven bound."""
    if not grouped and agg.function != "count":  # over nothing it is NULL, which is a group
        facts = facts.with_(nullable=True, key_null=True)
    if not protected:
        return facts
    if agg.function == "count":
        low = 1 if grouped and agg.where is None and not agg.args else 0
        return facts.with_(bounds=Interval.of(low, cap))
    if agg.function == "sum":
        f = agg.args[0].facts.bounds
        lo = None if f.lo is None else min(f.lo, Fraction(0)) * cap
        hi = None if f.hi is None else max(f.hi, Fraction(0)) * cap
        if grouped and agg.where is None and f.lo is not None and f.lo > 0 and not agg.args[0].facts.nullable:
            lo = f.lo
        return facts.with_(bounds=Interval(lo, hi))
    return facts
