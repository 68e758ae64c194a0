"""How refusals of aggregates, subqueries and clauses may be mended, nearest first."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp, parse_one

from tacit_service.errors import Refusal

from .catalog import Catalog
from .suggest_tree import around, changed, on_copy, units
from .suggest_words import joined_by_keys

WHOLE_FRAME = "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"
TWO = (exp.Corr, exp.CovarPop, exp.CovarSamp, exp.RegrSlope, exp.RegrIntercept)


def counted_column(catalog: Catalog, tree: exp.Expr, _at: exp.Expr | None, _r: Refusal) -> Iterator[exp.Expr]:
    """Over a public table's outer join: COUNT of the unit; the public table first; or an inner join."""
    for select in tree.find_all(exp.Select):
        ours = units(catalog, select)
        if not ours:
            continue
        unit = exp.column(ours[0][1], table=ours[0][0])
        yield from changed(
            tree,
            lambda n, u=unit: (
                exp.Count(this=u.copy())  # type: ignore[misc]
                if isinstance(n, exp.Count) and isinstance(n.this, exp.Star)
                else None
            ),
        )
        joins = select.args.get("joins") or []
        if len(joins) == 1 and str(joins[0].args.get("side") or "").upper() == "RIGHT":

            def turned(twin: exp.Expr) -> bool:
                join = twin.args["joins"][0]
                first = twin.args["from_"].this
                twin.args["from_"].set("this", join.this.copy())
                join.set("this", first.copy())
                join.set("side", "LEFT")
                return True

            yield from on_copy(tree, select, turned)
    yield from changed(tree, _inner)


def _inner(node: exp.Expr) -> exp.Expr | None:
    if not isinstance(node, exp.Join) or not node.args.get("side"):
        return None
    copy = node.copy()
    copy.set("side", None)
    copy.set("kind", None)
    return copy


def other_aggregate(_c: Catalog, tree: exp.Expr, at: exp.Expr | None, _r: Refusal) -> Iterator[exp.Expr]:
    """An aggregate that has a private form and is near; the most frequent or the extreme value as the first of sorted groups."""
    yield from changed(tree, _near)
    select = around(at, exp.Select)
    picks = (
        [e for e in select.expressions if e.find(exp.Mode, exp.ArgMax, exp.ArgMin, exp.Min, exp.Max, exp.AnyValue)]
        if select
        else []
    )
    if not isinstance(select, exp.Select) or len(picks) != 1:
        return
    call = picks[0].find(exp.Mode, exp.ArgMax, exp.ArgMin, exp.Min, exp.Max, exp.AnyValue)
    if call is None or not isinstance(call.this, exp.Expr):
        return
    keys = select.args["group"].expressions if select.args.get("group") is not None else []
    if isinstance(call, exp.Mode) and keys and select is tree and not any(isinstance(k, exp.Literal) for k in keys):
        best = select.copy()
        name = picks[0].alias or "mode"
        others = [e.copy() for e in select.expressions if e is not picks[0]]
        best.set(
            "expressions", [*others, exp.alias_(call.this.copy(), name), exp.alias_(exp.Count(this=exp.Star()), "n")]
        )
        best.set("group", exp.Group(expressions=[*(k.copy() for k in keys), call.this.copy()]))
        by = ", ".join(k.sql("duckdb") for k in keys)
        first = f"QUALIFY ROW_NUMBER() OVER (PARTITION BY {by} ORDER BY COUNT(*) DESC) = 1"
        best.set("qualify", parse_one(f"SELECT 1 {first}", read="duckdb").args["qualify"])
        yield best
    ascending = isinstance(call, exp.Min | exp.AnyValue)
    by = "n DESC" if isinstance(call, exp.Mode) else call.this.sql("duckdb") + ("" if ascending else " DESC")
    copy = select.copy()
    for key in ("having", "qualify", "order", "limit", "group"):
        copy.set(key, None)
    copy.set("expressions", [call.this.copy(), exp.alias_(exp.Count(this=exp.Star()), "n")])
    copy = copy.group_by(call.this.sql("duckdb"), dialect="duckdb").order_by(by, dialect="duckdb").limit(1)
    yield from (
        on_copy(tree, select, lambda twin: twin.replace(copy) is not None) if select is not tree else iter([copy])
    )


def share_of_true(_c: Catalog, tree: exp.Expr, at: exp.Expr | None, refusal: Refusal) -> Iterator[exp.Expr]:
    """AVG of a condition as that of ones and zeros."""
    call = around(at, exp.Avg)
    if call is not None and "this is boolean" in str(refusal.detail):

        def cast(twin: exp.Expr) -> bool:
            twin.set("this", exp.cast(twin.this.copy(), "INT"))
            return True

        yield from on_copy(tree, call, cast)


def _near(node: exp.Expr) -> exp.Expr | None:
    if isinstance(node, exp.ApproxDistinct | exp.GroupConcat | exp.ArrayAgg):
        inner = node.this.this if isinstance(node.this, exp.Order) else node.this
        inner = inner.expressions[0] if isinstance(inner, exp.Distinct) else inner
        return exp.Count(this=exp.Distinct(expressions=[inner.copy()]))
    if isinstance(node, exp.ApproxQuantile):
        return exp.PercentileCont(this=node.this.copy(), expression=node.args["quantile"].copy())
    if isinstance(node, exp.Skewness | exp.Kurtosis):
        return exp.Stddev(this=node.this.copy())
    if isinstance(node, exp.Sum | exp.Avg) and isinstance(node.this, exp.Distinct):
        return type(node)(this=node.this.expressions[0].copy())
    if isinstance(node, exp.Anonymous) and node.name.lower() == "every" and len(node.expressions) == 1:
        return exp.LogicalAnd(this=node.expressions[0].copy())
    if (
        isinstance(node, exp.Anonymous)
        and node.name.lower() in ("product", "entropy", "mad", "every")
        and node.expressions
    ):
        return exp.Stddev(this=node.expressions[0].copy())
    return None


def bounded(_c: Catalog, tree: exp.Expr, at: exp.Expr | None, _r: Refusal) -> Iterator[exp.Expr]:
    """The argument between constants."""

    def bound(node: exp.Expr) -> exp.Expr | None:
        if not isinstance(node, exp.AggFunc) or isinstance(node, exp.Count) or not isinstance(node.this, exp.Expr):
            return None
        if isinstance(node.this, exp.Distinct | exp.Order | exp.Literal):
            return None
        copy = node.copy()
        for key in ("this", "expression") if isinstance(node, TWO) else ("this",):
            text = node.args[key].sql("duckdb")
            copy.set(key, parse_one(f"GREATEST(0, LEAST(1000, {text}))", read="duckdb"))
        return copy

    call = around(at, exp.AggFunc)
    if call is not None and (fresh := bound(call)) is not None:
        yield from on_copy(tree, call, lambda twin: twin.replace(fresh) is not None)
    yield from changed(tree, bound)


def moved(_c: Catalog, tree: exp.Expr, at: exp.Expr | None, _r: Refusal) -> Iterator[exp.Expr]:
    """An aggregate condition of WHERE in HAVING."""
    where = around(at, exp.Where)
    if where is None:
        return

    def move(select: exp.Expr) -> bool:
        parts = (
            list(select.args["where"].this.flatten())
            if isinstance(select.args["where"].this, exp.And)
            else [select.args["where"].this]
        )
        late = [p for p in parts if p.find(exp.AggFunc)]
        early = [p for p in parts if p not in late]
        select.set("where", exp.Where(this=exp.and_(*early)) if early else None)
        select.set("having", exp.Having(this=exp.and_(*late)))
        return bool(late)

    yield from on_copy(tree, where.parent, move)


def one_value(_c: Catalog, tree: exp.Expr, at: exp.Expr | None, _r: Refusal) -> Iterator[exp.Expr]:
    """A scalar subquery without GROUP BY, over an aggregate."""
    found = around(at, exp.Subquery)

    def single(twin: exp.Expr) -> bool:
        select = twin.find(exp.Select)
        if select is None or len(select.expressions) != 1:
            return False
        for key in ("group", "having", "order", "limit"):
            select.set(key, None)
        item = select.expressions[0].unalias()
        if not item.find(exp.AggFunc):
            select.set("expressions", [exp.Max(this=item.copy())])
        return True

    yield from on_copy(tree, found, single)


def as_join(catalog: Catalog, tree: exp.Expr, at: exp.Expr | None, _r: Refusal) -> Iterator[exp.Expr]:
    """``SELECT r.x, (SELECT COUNT(*) FROM p WHERE p.x = r.x) FROM r`` as a LEFT JOIN with GROUP BY."""
    yield from joined_by_keys(tree, around(at, exp.Subquery))
    if not isinstance(tree, exp.Select):
        return
    for item in tree.expressions:
        sub = item.unalias()
        inner = sub.this if isinstance(sub, exp.Subquery) else None
        if not isinstance(inner, exp.Select) or inner.args.get("where") is None or inner.args.get("joins"):
            continue
        ours = units(catalog, inner)
        if not ours:
            continue
        unit = exp.column(ours[0][1], table=ours[0][0])
        call = inner.expressions[0].unalias().copy()
        if isinstance(call, exp.Count) and isinstance(call.this, exp.Star):
            call = exp.Count(this=unit)
        others = [e.copy() for e in tree.expressions if e is not item]
        result = exp.Select(expressions=[*others, exp.alias_(call, item.alias or "n")])
        result.set("from_", tree.args["from_"].copy())
        on = inner.args["where"].this.copy()
        result.set("joins", [exp.Join(this=inner.args["from_"].this.copy(), side="LEFT", on=on)])
        result.set("group", exp.Group(expressions=[e.unalias().copy() for e in others]))
        yield result


def unlimited(_c: Catalog, tree: exp.Expr, _at: exp.Expr | None, _r: Refusal) -> Iterator[exp.Expr]:
    """Inner queries without LIMIT, OFFSET and ORDER BY."""

    def bare(node: exp.Expr) -> exp.Expr | None:
        if (
            not isinstance(node, exp.Query)
            or node.parent is None
            or not (node.args.get("limit") or node.args.get("offset"))
        ):
            return None
        copy = node.copy()
        for key in ("limit", "offset", "order"):
            copy.set(key, None)
        return copy

    yield from changed(tree, bare)


def fewer_keys(_c: Catalog, tree: exp.Expr, _at: exp.Expr | None, _r: Refusal) -> Iterator[exp.Expr]:
    """The statement without GROUP BY."""
    if isinstance(tree, exp.Select) and tree.args.get("group") is not None:
        copy = tree.copy()
        copy.set("group", None)
        copy.set("order", None)
        kept = [e for e in copy.expressions if e.find(exp.AggFunc)]
        copy.set("expressions", kept or [exp.Count(this=exp.Star())])
        yield copy


def syntax(catalog: Catalog, tree: exp.Expr, at: exp.Expr | None, refusal: Refusal) -> Iterator[exp.Expr]:
    """LAST_VALUE over the whole partition; joins, samples and clauses that are not supported left out."""

    def framed(node: exp.Expr) -> exp.Expr | None:
        if not (isinstance(node, exp.Window) and isinstance(node.this, exp.LastValue) and not node.args.get("spec")):
            return None
        copy = node.copy()
        spec = parse_one(f"SELECT SUM(x) OVER (ORDER BY x {WHOLE_FRAME})", read="duckdb").find(exp.WindowSpec)
        copy.set("spec", spec)
        return copy

    yield from changed(tree, framed)
    yield from changed(tree, lambda n: n.this.copy() if isinstance(n, exp.TableSample) and n.this else None)
    yield from changed(tree, _plain_join)
    yield from changed(tree, _without_sample)
    yield from other_aggregate(catalog, tree, at, refusal)


def _plain_join(node: exp.Expr) -> exp.Expr | None:
    if not isinstance(node, exp.Join) or not node.args.get("method"):
        return None
    copy = node.copy()
    copy.set("method", None)
    return copy


def _without_sample(node: exp.Expr) -> exp.Expr | None:
    if node.args.get("sample") is None:
        return None
    copy = node.copy()
    copy.set("sample", None)
    return copy
