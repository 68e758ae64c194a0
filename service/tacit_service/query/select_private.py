"""A SELECT whose sources are relations: joins, WHERE, then rows, a per-unit aggregation, or a release point."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from tacit_service.errors import BindError, DerivationError

from .bind_expr import ExprBinder
from .bounds import Facts
from .columns import written_out
from .expr import Expr, Ref, Window, substitute
from .from_where import from_clause, public_rows_kept, where_clause
from .narrow import narrow, rows_left
from .outer import Outer, projection_name
from .parse import position
from .plan import Column, Distinct, Filter, Project, Relation
from .rules.aggregate import AggregateContext, aggregate, has_aggregate
from .rules.unnest import unnested_items
from .scope import Scope
from .select_outer import star_table
from .select_release import release_select
from .sources import Env, Source, refuse_released
from .syntax import strict, unsupported, with_aliases

if TYPE_CHECKING:
    from .bind import Binder

TIE_BREAKING = ("row_number", "lag", "lead", "first_value", "last_value", "nth_value", "ntile")
_WHOLE = "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"
GROUPING_SETS = (exp.Rollup, exp.Cube, exp.GroupingSets)


def private_select(
    binder: Binder, select: exp.Select, env: Env, sources: list[Source], outer: Scope | None, as_relation: bool
) -> Relation | Outer:
    """Bind the SELECT to a relation, or to a released query when it aggregates over people."""
    scope = Scope(outer=outer)
    relation, key_table = from_clause(binder, select, env, sources, scope)
    select = written_out(binder, select, scope.in_sight())
    select = _distinct_on(binder, select, relation)
    relation, key_table = where_clause(binder, select, env, relation, scope, key_table)
    group = group_nodes(binder, select, scope)
    aggregated = group is not None or any(
        has_aggregate(e) for e in (*select.expressions, select.args.get("having"), select.args.get("qualify"))
    )
    aggregated = aggregated or select.args.get("having") is not None
    distinct = select.args.get("distinct")
    if not aggregated and key_table is None:
        select, relation = unnested_items(binder, select, relation, scope, env)
    if not aggregated and not (
        distinct and relation.protected and not as_relation and not _keeps_unit(binder, select, scope, env)
    ):
        if key_table is not None:
            raise public_rows_kept(binder, select)
        return _rows(binder, select, env, relation, scope)
    if not aggregated:
        if key_table is not None:
            raise public_rows_kept(binder, select)
        return release_select(binder, select, env, relation, scope, None, distinct_only=True)
    inner = ExprBinder(binder, scope, env)
    keys = [(node, inner.bind(node)) for node in (group or [])]
    on_unit = bool(binder.correlated) and binder.correlated[-1] and outer is not None
    per_unit = any(k.facts.unit for _, k in keys) or (on_unit and not keys)
    if relation.protected and not per_unit and not (on_unit and keys):
        if as_relation:
            raise refuse_released(binder, select)
        return release_select(binder, select, env, relation, scope, key_table)
    if key_table is not None:
        raise public_rows_kept(binder, select)
    _no_grouping_sets(binder, select)
    return _aggregated(binder, select, env, relation, scope, inner, keys, always_row=not keys)


def _distinct_on(binder: Binder, select: exp.Select, relation: Relation) -> exp.Select:
    """``DISTINCT ON (keys) … ORDER BY …`` over protected rows: the first row of each by that order, by QUALIFY."""
    distinct = select.args.get("distinct")
    on = distinct.args.get("on") if isinstance(distinct, exp.Distinct) else None
    if on is None or not relation.protected or select.args.get("group") is not None:
        return select
    if select.args.get("qualify") is not None:
        raise unsupported(binder.sql, select, "DISTINCT ON together with QUALIFY", "Use QUALIFY ROW_NUMBER() … = 1.")
    keys = [with_aliases(select, e) for e in (on.expressions if isinstance(on, exp.Tuple) else [on])]
    order = select.args.get("order")
    window = exp.Window(this=exp.RowNumber(), partition_by=keys, over="OVER")
    if order is not None:
        window.set("order", with_aliases(select, order))
    result = select.copy()
    result.set("distinct", None)
    result.set("order", None)
    result.set("qualify", exp.Qualify(this=exp.EQ(this=window, expression=exp.Literal.number(1))))
    return result


# -- GROUP BY


def group_nodes(binder: Binder, select: exp.Select, scope: Scope) -> list[exp.Expr] | None:
    """GROUP BY's plain expressions with ordinals and aliases replaced; ``None`` without GROUP BY."""
    group = select.args.get("group")
    if group is None:
        return None
    strict(binder.sql, group, "expressions", "all")
    if group.args.get("all"):
        return [e.unalias() for e in select.expressions if not has_aggregate(e)]
    return [
        resolve_key(binder, select, node, scope) for node in group.expressions if not isinstance(node, GROUPING_SETS)
    ]


def resolve_key(binder: Binder, select: exp.Select, node: exp.Expr, scope: Scope) -> exp.Expr:
    """A GROUP BY item: an ordinal, an expression, or an alias of SELECT where no column has that name (as DuckDB)."""
    inner = node.unnest()
    if isinstance(inner, exp.Literal) and not inner.is_string:
        index = int(inner.name) if inner.name.isdigit() else 0
        if not 1 <= index <= len(select.expressions):
            raise BindError(
                "unknown_column",
                f"GROUP BY {inner.name} names no column of the SELECT.",
                hint=f"Write a number from 1 to {len(select.expressions)}, or the column itself.",
                position=position(binder.sql, node),
                rule="names",
            )
        picked: exp.Expr = select.expressions[index - 1].unalias()
        return picked
    if isinstance(inner, exp.Column) and not inner.table and not scope.has(inner.name):
        return with_aliases(select, inner)
    return inner


def _no_grouping_sets(binder: Binder, select: exp.Select) -> None:
    group = select.args.get("group")
    for node in group.expressions if group is not None else []:
        if isinstance(node, GROUPING_SETS):
            raise unsupported(binder.sql, node, f"{type(node).__name__.upper()} in a per-unit aggregation")


# -- rows and per-unit aggregations


def _keeps_unit(binder: Binder, select: exp.Select, scope: Scope, env: Env) -> bool:
    for node in select.expressions:
        star = star_table(binder, node)
        if star is not None:
            if any(c.facts.unit for c in scope.visible()):
                return True
        elif isinstance(node.unalias(), exp.Column):
            bound = ExprBinder(binder, scope, env).bind(node.unalias())
            if bound.facts.unit and not bound.facts.nullable:
                return True
    return False


def _rows(binder: Binder, select: exp.Select, env: Env, relation: Relation, scope: Scope) -> Relation:
    b = ExprBinder(binder, scope, env)
    b.windows_allowed = True
    items: list[tuple[str, Expr]] = []
    for node in select.expressions:
        star = star_table(binder, node)
        if star is None:
            b.whole = node.unalias()
            items.append((projection_name(node), b.bind(b.whole)))
            continue
        columns = [c for e in scope.entries if not star or e.alias.lower() == star.lower() for c in e.columns
                   if star or c.id not in e.hidden]  # fmt: skip
        if not columns:
            raise BindError("unknown_table", f"No table {star} is in sight here.", position=b.where(node), rule="names")
        items += [(c.name, Ref(c.facts, c.id, c.name)) for c in columns]
    return _finish(binder, select, relation, b, items)


def _finish(
    binder: Binder, select: exp.Select, relation: Relation, b: ExprBinder, items: list[tuple[str, Expr]]
) -> Relation:
    """Projection, QUALIFY, DISTINCT; ORDER BY without LIMIT has no meaning below an aggregate and is checked only."""
    from .bind import order_dependent

    if select.args.get("limit") or select.args.get("offset"):
        raise order_dependent(binder, select)
    qualify = select.args.get("qualify")
    condition = None if qualify is None else b.predicate(with_aliases(select, qualify.this))
    for o in select.args["order"].expressions if select.args.get("order") else []:
        inner = o.this.unnest()
        if isinstance(inner, exp.Column) and not inner.table and any(n == inner.name for n, _ in items):
            continue
        if not isinstance(inner, exp.Literal):
            b.bind(o.this)
    relation = binder.flush(relation)
    relation, lifted = _windows_first(
        binder, relation, [e for _, e in items] + ([] if condition is None else [condition])
    )
    exprs = tuple(lifted[: len(items)])
    condition = None if condition is None else lifted[-1]
    columns = tuple(Column(binder.new_id(), n, _kept(e)) for (n, _), e in zip(items, exprs, strict=True))
    if condition is None:
        result: Relation = Project(columns, relation.property, relation.max_rows, relation, exprs)
    else:
        flag = Column(binder.new_id(), "qualify", condition.facts)
        wide = Project((*columns, flag), relation.property, relation.max_rows, relation, (*exprs, condition))
        rows = rows_left(condition, wide.max_rows)
        keep = Filter(wide.columns, wide.property, rows, wide, Ref(flag.facts, flag.id, flag.name))
        again = tuple(Column(binder.new_id(), c.name, c.facts) for c in columns)
        result = Project(again, keep.property, keep.max_rows, keep, tuple(Ref(c.facts, c.id, c.name) for c in columns))
    return _distinct(binder, select, result)


def _windows_first(binder: Binder, relation: Relation, exprs: list[Expr]) -> tuple[Relation, list[Expr]]:
    """Window calls computed below the expressions that use them, since TRY cannot hold one.

    Where the order of ties shows, all columns break them: else a value would depend on how the engine met the rows.
    """
    windows: dict[Expr, Column] = {}

    own = tuple(Ref(c.facts, c.id, c.name) for c in relation.columns)

    def swap(e: Expr) -> Expr | None:
        if not isinstance(e, Window):
            return None
        if e.function in TIE_BREAKING or (e.frame or "").startswith("ROWS"):
            whole = not e.order and e.frame is None and e.function in ("first_value", "last_value", "nth_value")
            e = replace(e, frame=_WHOLE if whole else e.frame)  # ties are broken, but all rows are still one peer group
            e = replace(e, order=(*e.order, *((ref, False, False) for ref in own)))
        column = windows.setdefault(e, Column(binder.new_id(), e.function, e.facts))
        return Ref(column.facts, column.id, column.name)

    swapped = [substitute(e, swap) for e in exprs]
    if not windows:
        return relation, exprs
    columns = (*relation.columns, *windows.values())
    return Project(columns, relation.property, relation.max_rows, relation, (*own, *windows)), swapped


def _kept(e: Expr) -> Facts:
    """Facts of a projected expression: only a bare column keeps its identity as unit id, key or path."""
    if isinstance(e, Ref):
        return e.facts
    return e.facts.with_(unit=False, unique=False, origin=None, links=None)


def _distinct(binder: Binder, select: exp.Select, relation: Relation) -> Relation:
    distinct = select.args.get("distinct")
    if distinct is None:
        return relation
    strict(binder.sql, distinct)
    if relation.protected and not any(c.facts.unit and not c.facts.nullable for c in relation.columns):
        raise DerivationError(
            "distinct_without_unit",
            "DISTINCT merges rows of different people unless the privacy unit is among its columns.",
            hint="Add the unit id to the DISTINCT columns, or use COUNT(DISTINCT …).",
            position=position(binder.sql, select),
            rule="distinct",
        )
    rows = relation.max_rows
    if relation.protected and all(c.facts.per_unit for c in relation.columns):
        rows = 1
    return Distinct(relation.columns, relation.property, rows, relation)


def _aggregated(
    binder: Binder, select: exp.Select, env: Env, relation: Relation, scope: Scope, inner: ExprBinder,
    keys: list[tuple[exp.Expr, Expr]], *, always_row: bool,
) -> Relation:  # fmt: skip
    context = AggregateContext(inner, binder.new_id)
    lifted = binder.lifts[-1]
    context.below, lifted[:] = [*lifted], []
    for node, key in keys:
        context.add_key(node, key, projection_name(node))
    b = ExprBinder(binder, scope, env, context)
    b.windows_allowed = True
    items = [(projection_name(e), b.bind(e.unalias())) for e in select.expressions]
    having = select.args.get("having")
    condition = None if having is None else b.predicate(with_aliases(select, having.this))
    early = select.args.get("qualify")
    if early is not None:
        b.predicate(with_aliases(select, early.this))
    above, lifted[:] = [*lifted], context.below
    result = aggregate(context, binder.flush(relation), binder.rows_cap, always_row=always_row)
    lifted[:] = above
    result = binder.flush(result)
    if condition is not None:
        condition = _rebound(condition, result)
        result = Filter(narrow(result.columns, condition), result.property, result.max_rows, result, condition)
    scope.relation = result
    return _finish(binder, select, result, b, [(n, _rebound(e, result)) for n, e in items])


def _rebound(e: Expr, relation: Relation) -> Expr:
    """The expression with references carrying the facts of the relation's columns (bounds capped after aggregation)."""
    from .rebind import rebound

    return rebound(e, {c.id: c.facts for c in relation.columns})
