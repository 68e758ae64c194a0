"""Aggregates over people that are others in disguise, written as what has a private form.

BOOL_OR is MAX of 0 and 1, BOOL_AND is MIN; MIN, MAX and quantiles of dates are those of whole days (of timestamps: seconds);
histogram(x, bins) is one vector of counts, whose bins are disjoint, so that it costs what one count costs.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from sqlglot import exp

from ..bounds import Type
from ..expr import Lit
from ..syntax import unsupported
from .aggregate import Bin, is_aggregate

if TYPE_CHECKING:
    from ..bind_expr import ExprBinder

BINS_MAX = 200
_QUANTILES = (exp.Min, exp.Max, exp.Median, exp.PercentileCont, exp.PercentileDisc)
CLAUSES = ("having", "qualify", "order")


def over_people(inner: ExprBinder, select: exp.Select) -> exp.Select:
    """The SELECT with such aggregates written out; the same object when it has none."""
    found = [
        n
        for e in (*select.expressions, *(select.args[k] for k in CLAUSES if select.args.get(k) is not None))
        for n in e.walk(prune=lambda n: isinstance(n, exp.Query))  # a subquery's aggregates are its own
        if _form(inner, n) is not None
    ]
    if not found:
        return select

    def swap(n: exp.Expr) -> exp.Expr:
        inside = (
            n.find_ancestor(exp.Query) is not None
        )  # a clause is transformed as a copy by itself, so this is a subquery
        return n if inside else _form(inner, n) or n

    result = select.copy()
    for item in list(result.expressions):  # the name stays what the analyst wrote
        fresh = item.transform(swap)
        if fresh is not item and not item.alias:
            from ..outer import projection_name

            fresh = exp.alias_(fresh, exp.to_identifier(projection_name(item), quoted=True))
        item.replace(fresh)
    for key in CLAUSES:
        if result.args.get(key) is not None:
            result.set(key, result.args[key].transform(swap))
    return result


def _form(b: ExprBinder, node: exp.Expr) -> exp.Expr | None:
    """What the aggregate call (with its FILTER) is written as; ``None`` when it has a form of its own."""
    if isinstance(node.parent, exp.Window | exp.Filter | exp.WithinGroup) or not is_aggregate(node):
        return None
    call, condition = node, None
    if isinstance(node, exp.Filter):
        call, condition = node.this, node.expression

    def again(aggregate: exp.Expr) -> exp.Expr:
        return aggregate if condition is None else exp.Filter(this=aggregate, expression=condition.copy())

    if isinstance(call, exp.LogicalOr | exp.LogicalAnd):
        return _truth(call, again)
    if isinstance(call, exp.Anonymous) and call.name.lower() == "histogram":
        return _histogram(b, call, again)
    argument = call.expression.expressions[0].this if isinstance(call, exp.WithinGroup) else call.this
    quantile = call.this if isinstance(call, exp.WithinGroup) else call
    if not isinstance(quantile, _QUANTILES) or not isinstance(argument, exp.Expr) or isinstance(argument, exp.Distinct):
        return None
    kind = b.bind(argument).facts.type
    return _moment(call, argument, kind, again) if kind.temporal else None


def _truth(call: exp.Expr, again: object) -> exp.Expr:
    c = call.this
    whens = [
        exp.If(this=c.copy(), true=exp.Literal.number(1)),
        exp.If(this=exp.Not(this=exp.Paren(this=c.copy())), true=exp.Literal.number(0)),
    ]
    kind = exp.Max if isinstance(call, exp.LogicalOr) else exp.Min
    extreme = again(kind(this=exp.Case(ifs=whens)))  # type: ignore[operator]
    return exp.Paren(this=exp.EQ(this=extreme, expression=exp.Literal.number(1)))


def _moment(call: exp.Expr, argument: exp.Expr, kind: Type, again: object) -> exp.Expr:
    """Days or seconds since 1970, aggregated, and back. MEDIAN and QUANTILE_CONT of dates are timestamps in DuckDB."""
    start = exp.cast(exp.Literal.string("1970-01-01"), "DATE" if kind is Type.DATE else "TIMESTAMP")
    number: exp.Expr
    if kind is Type.DATE:
        number = exp.Paren(this=exp.Sub(this=argument.copy(), expression=start.copy()))
    else:
        number = exp.DateDiff(this=argument.copy(), expression=start.copy(), unit=exp.Var(this="SECOND"))
    counted = call.copy()
    if isinstance(counted, exp.WithinGroup):
        counted.expression.expressions[0].set("this", number)
    else:
        counted.set("this", number)
    whole = exp.cast(exp.Round(this=again(counted)), "BIGINT" if kind is not Type.DATE else "INT")  # type: ignore[operator]
    if kind is not Type.DATE:
        shift = exp.Anonymous(this="to_seconds", expressions=[whole])
        return exp.Paren(this=exp.Add(this=start, expression=shift))
    date = exp.Paren(this=exp.Add(this=start, expression=whole))
    inner = call.this if isinstance(call, exp.WithinGroup) else call
    return exp.cast(date, "TIMESTAMP") if isinstance(inner, exp.Median | exp.PercentileCont) else date


def _histogram(b: ExprBinder, call: exp.Anonymous, again: object) -> exp.Expr:
    """``histogram(x, [10, 20])``: rows at or below each edge and above the one before; a last bin for what lies above all."""
    args = call.expressions
    array = args[1] if len(args) == 2 else None
    edges = _edges(b, array) if isinstance(array, exp.Array) else []
    if not 0 < len(edges) <= BINS_MAX:
        raise unsupported(
            b.sql, call, "A histogram without a list of constant bins", "Write histogram(x, [10, 20, 50])."
        )
    value = b.bind(args[0])
    if not value.facts.type.numeric:
        raise b.mismatch(call, f"histogram takes numbers, this is {value.facts.type}")
    whole = value.facts.type is Type.INTEGER
    if whole and any(e.denominator != 1 for e in edges):
        raise unsupported(b.sql, call, "A histogram of whole numbers with fractional bins", "Write whole bins.")

    def key(e: Fraction) -> exp.Expr:
        return exp.cast(exp.Literal.string(str(int(e)) if whole else repr(float(e))), "BIGINT" if whole else "DOUBLE")

    texts = exp.Array(expressions=[exp.Literal.string(str(e)) for e in edges])
    counts = [
        again(Bin(this=args[0].copy(), edges=texts.copy(), place=exp.Literal.number(i)))  # type: ignore[operator]
        for i in range(len(edges) + 1)
    ]
    keys = [key(e) for e in edges]
    top = exp.cast(exp.Literal.string(str(2**63 - 1) if whole else "inf"), "BIGINT" if whole else "DOUBLE")
    more = exp.GT(this=counts[-1].copy(), expression=exp.Literal.number(0))

    def longer(parts: list[exp.Expr], last: exp.Expr) -> exp.Expr:
        both = [exp.Array(expressions=[p.copy() for p in items]) for items in ([*parts, last], parts)]
        return exp.Case(ifs=[exp.If(this=more.copy(), true=both[0])], default=both[1])

    return exp.Map(keys=longer(keys, top), values=longer(counts[:-1], counts[-1]))


def _edges(b: ExprBinder, array: exp.Array) -> list[Fraction]:
    found = [b.bind(e) for e in array.expressions]
    values = [f.value for f in found if isinstance(f, Lit) and f.facts.type.numeric and f.value is not None]
    return sorted({Fraction(v) for v in values}) if len(values) == len(found) else []  # type: ignore[arg-type]
