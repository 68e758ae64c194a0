"""A SELECT above release points: checked, resolved, and rebuilt over released and public sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tacit_service.errors import BindError

from .bounds import Interval
from .columns import written_out
from .outer import Outer, OuterColumn, OuterExpressions, OuterScope, projection_name, quoted
from .parse import position
from .rules.aggregate import has_aggregate
from .rules.lateral import lateral_query, listed_rows, names_of
from .sources import Env, Source, join_kind, renamed, shared_names
from .syntax import strict, unsupported

if TYPE_CHECKING:
    from .bind import Binder


def outer_select(
    binder: Binder, select: exp.Select, env: Env, sources: list[Source], around: OuterScope | None
) -> Outer:
    """Rebuild the SELECT over its sources."""
    scope = OuterScope(parent=around)
    result = exp.Select()
    expressions = OuterExpressions(binder, scope, env)
    joins: list[exp.Join] = []
    for source in sources:
        if source.lateral:
            values = listed_rows(source)
            if values is not None:
                source.outer = _listed(binder, values, names_of(source, values), scope, env)
            else:
                source.outer = binder.bind_outer(lateral_query(binder, source), env, scope)
            if source.aliases and values is None:
                source.outer = renamed(source.outer, source.aliases)
        assert source.outer is not None
        scope.entries.append((source.alias, source.outer.columns))
        item: exp.Expr = exp.Subquery(this=source.outer.tree.copy(), alias=_table_alias(source))
        if source.lateral:
            item = exp.Lateral(this=exp.Subquery(this=source.outer.tree.copy()), alias=_table_alias(source))
        if source.join is None:
            result.set("from_", exp.From(this=item))
        else:
            joins.append(_join(binder, source.join, item, expressions, source))
    if joins:
        result.set("joins", joins)
    select = written_out(binder, select, scope.in_sight())
    projections, columns = _projections(binder, select, expressions)
    result.set("expressions", projections)
    if select.args.get("where") is not None:
        result.set("where", exp.Where(this=expressions.rewrite(select.args["where"].this)))
    expressions.aliases = {c.name.lower() for c in columns}
    if select.args.get("group") is not None:
        result.set("group", _group(binder, select.args["group"], expressions))
    tail(binder, select, result, expressions)
    public = all(s.outer is not None and s.outer.public for s in sources) and not _releases(result)
    if public:
        columns = [OuterColumn(c.name, "public") for c in columns]
    return Outer(result, columns, public=public, single=_single(select, sources), bounds=_bounds(columns, sources))


def _listed(binder: Binder, values: exp.Values, names: list[str], scope: OuterScope, env: Env) -> Outer:
    """``LATERAL (VALUES (a), (b))`` over released or public rows."""
    expressions = OuterExpressions(binder, OuterScope(parent=scope), env)
    rows = [exp.Tuple(expressions=[expressions.rewrite(c) for c in row.expressions]) for row in values.expressions]
    if len({len(row.expressions) for row in rows}) != 1:
        raise unsupported(binder.sql, values, "VALUES with rows that differ in length")
    alias = exp.TableAlias(this=quoted("__values"), columns=[quoted(n) for n in names])
    tree = exp.select(*[exp.column(quoted(n)) for n in names]).from_(exp.Values(expressions=rows, alias=alias))
    columns = [OuterColumn(n, _kind_of(values, i, scope)) for i, n in enumerate(names)]
    return Outer(tree, columns, public=all(c.kind == "public" for c in columns))


def _kind_of(values: exp.Values, place: int, scope: OuterScope) -> str:
    """Of a column of VALUES: what its items are made of."""
    found = [scope.find(c.name, c.table or None) for row in values.expressions
             for c in row.expressions[place].find_all(exp.Column, exp.Query)]  # fmt: skip
    kinds = {"derived" if hit is None else hit[1].kind for hit in found}
    return "public" if kinds <= {"public"} else "key" if kinds <= {"key", "public"} else "derived"


def _single(select: exp.Select, sources: list[Source]) -> bool:
    """One row whatever was released: an aggregate without GROUP BY, or a row-wise SELECT over one-row tables."""
    if any(select.args.get(k) is not None for k in ("group", "having", "limit", "offset", "qualify")):
        return False
    if any(has_aggregate(e) for e in select.expressions):
        return True
    plain = select.args.get("where") is None and not any(e.find(exp.Explode) for e in select.expressions)
    crossed = all(s.join is None or not (s.join.args.get("on") or s.join.args.get("using")) for s in sources)
    return plain and crossed and bool(sources) and all(s.outer is not None and s.outer.single for s in sources)


def _bounds(columns: list[OuterColumn], sources: list[Source]) -> dict[str, Interval]:
    """Public bounds of columns that are handed on as they are."""
    known = {c.source: s.outer.bounds[c.name.lower()] for s in sources if s.outer is not None
             for c in s.outer.columns if c.source is not None and c.name.lower() in s.outer.bounds}  # fmt: skip
    return {c.name.lower(): known[c.source] for c in columns if c.source in known}


def _releases(tree: exp.Expr) -> bool:
    return any(t.name.startswith("__r") for t in tree.find_all(exp.Table))


def _table_alias(source: Source) -> exp.TableAlias:
    assert source.outer is not None
    return exp.TableAlias(this=quoted(source.alias), columns=[quoted(c.name) for c in source.outer.columns])


def _join(binder: Binder, join: exp.Join, item: exp.Expr, expressions: OuterExpressions, source: Source) -> exp.Join:
    method = str(join.args.get("method") or "").upper()
    kind = join_kind(binder, join, asof=True)
    rebuilt = exp.Join(this=item)
    if method == "ASOF":
        rebuilt.set("method", "ASOF")
    if kind in ("left", "right", "full"):
        rebuilt.set("side", kind.upper())
    elif kind in ("semi", "anti"):
        rebuilt.set("kind", kind.upper())
    on, using = join.args.get("on"), join.args.get("using")
    names = [u.name for u in using or []]
    if method == "NATURAL":
        names = shared_names(binder, join, expressions.scope.in_sight())
    if on is not None:
        rebuilt.set("on", expressions.rewrite(on))
    elif names:
        rebuilt.set("using", [quoted(n) for n in names])
        expressions.scope.hidden.setdefault(source.alias, set()).update(n.lower() for n in names)
        if kind in ("right", "full"):
            expressions.scope.merged.update(n.lower() for n in names)
    elif kind == "inner":
        rebuilt.set("kind", "CROSS")
    else:
        raise unsupported(binder.sql, join, f"{kind.upper()} JOIN without ON")
    if kind in ("semi", "anti"):
        expressions.scope.entries.pop()
    return rebuilt


def _projections(
    binder: Binder, select: exp.Select, expressions: OuterExpressions
) -> tuple[list[exp.Expr], list[OuterColumn]]:
    projections: list[exp.Expr] = []
    columns: list[OuterColumn] = []
    for node in select.expressions:
        star = star_table(binder, node)
        if star is not None:
            for alias, source_columns in expressions.scope.entries:
                if star and alias.lower() != star.lower():
                    continue
                for c in source_columns:
                    if not star and c.name.lower() in expressions.scope.hidden.get(alias, ()):
                        continue
                    merged = not star and c.name.lower() in expressions.scope.merged
                    projections.append(
                        exp.alias_(exp.column(quoted(c.name), table=None if merged else quoted(alias)), quoted(c.name))
                    )
                    columns.append(c)
            continue
        found = expressions.kind(node)
        name = projection_name(node)
        projections.append(exp.alias_(expressions.rewrite(node.unalias()), quoted(name)))
        columns.append(OuterColumn(name, found.kind, found.source))
    if not projections:
        raise unsupported(binder.sql, select, "SELECT without columns")
    return projections, columns


def star_table(binder: Binder, node: exp.Expr) -> str | None:
    """'' for ``*``, the table for ``t.*``, ``None`` for anything else."""
    if isinstance(node, exp.Star):
        strict(binder.sql, node)
        return ""
    if isinstance(node, exp.Column) and isinstance(node.this, exp.Star):
        strict(binder.sql, node.this)
        return node.table
    return None


def _group(binder: Binder, group: exp.Group, expressions: OuterExpressions) -> exp.Group:
    strict(binder.sql, group, "expressions", "all")
    rebuilt = exp.Group(expressions=[expressions.rewrite(e) for e in group.expressions])
    if group.args.get("all"):
        rebuilt.set("all", True)
    return rebuilt


def tail(binder: Binder, select: exp.Query, result: exp.Query, expressions: OuterExpressions) -> None:
    """HAVING, QUALIFY, DISTINCT, ORDER BY, LIMIT and OFFSET of a query above release points."""
    expressions.ending = True
    for key, cls in (("having", exp.Having), ("qualify", exp.Qualify)):
        node = select.args.get(key)
        if node is not None:
            result.set(key, cls(this=expressions.rewrite(node.this)))
    distinct = select.args.get("distinct")
    if isinstance(distinct, exp.Distinct):
        strict(binder.sql, distinct, "on")
        on = distinct.args.get("on")
        result.set("distinct", exp.Distinct(**({} if on is None else {"on": expressions.rewrite(on)})))
    order = select.args.get("order")
    if order is not None:
        strict(binder.sql, order, "expressions")
        result.set("order", exp.Order(expressions=[expressions.rewrite(o) for o in order.expressions]))
    for key, limit in (("limit", exp.Limit), ("offset", exp.Offset)):
        node = select.args.get(key)
        if node is not None:
            strict(binder.sql, node, "expression", "limit_options")
            result.set(key, limit(expression=_whole(binder, node.expression, node.args.get("limit_options"))))


def _whole(binder: Binder, node: Any, options: Any) -> exp.Expr:
    percent = options is not None and bool(options.args.get("percent"))
    node = node.unnest() if isinstance(node, exp.Paren) else node
    if isinstance(node, exp.Literal) and not node.is_string and node.name.isdigit() and not percent:
        return exp.Literal.number(node.name)
    if percent and isinstance(node, exp.Literal) and not node.is_string and 0 <= float(node.name) <= 100:
        return exp.Var(this=f"{float(node.name):g}%")
    raise unsupported(binder.sql, node, "A LIMIT or OFFSET that is no whole number", "Write LIMIT 10.")


def outer_set_operation(binder: Binder, node: exp.SetOperation, left: Outer, right: Outer) -> Outer:
    """UNION, INTERSECT, EXCEPT above release points."""
    if len(left.columns) != len(right.columns):
        raise BindError(
            "type_mismatch",
            f"The two sides have {len(left.columns)} and {len(right.columns)} columns.",
            position=position(binder.sql, node),
            rule="set operations",
        )
    names = [c.name for c in left.columns]
    tree = type(node)(
        this=_wrapped(left, names), expression=_wrapped(right, names), distinct=node.args.get("distinct") is not False
    )
    columns = []
    for a, b in zip(left.columns, right.columns, strict=True):
        kinds = {a.kind, b.kind}
        kind = (
            a.kind
            if len(kinds) == 1
            else "key"
            if kinds <= {"key", "public"}
            else "noisy"
            if kinds == {"noisy"}
            else "derived"
        )
        columns.append(OuterColumn(a.name, kind))
    expressions = OuterExpressions(binder, OuterScope(), None, {c.name.lower() for c in columns})
    tail(binder, node, tree, expressions)
    return Outer(tree, columns, public=left.public and right.public)


def _wrapped(outer: Outer, names: list[str]) -> exp.Select:
    """The side under fixed column names, with its own ORDER BY and LIMIT kept inside."""
    alias = exp.TableAlias(this=quoted("__side"), columns=[quoted(n) for n in _unique(names)])
    star = exp.Select(expressions=[exp.alias_(exp.column(quoted(u), table=quoted("__side")), quoted(n))
                                   for u, n in zip(_unique(names), names, strict=True)])  # fmt: skip
    star.set("from_", exp.From(this=exp.Subquery(this=outer.tree.copy(), alias=alias)))
    return star


def _unique(names: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    result = []
    for n in names:
        seen[n.lower()] = seen.get(n.lower(), 0) + 1
        result.append(n if seen[n.lower()] == 1 else f"{n}_{seen[n.lower()]}")
    return result
