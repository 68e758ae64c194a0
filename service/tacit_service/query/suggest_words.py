"""Mending of single calls and comparisons that mean something under another word: the nearest statement with the same meaning."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from .suggest_tree import on_copy

_PARTS = {"isoweek": "week", "dayofmonth": "day", "isodayofweek": "isodow"}


def renamed(node: exp.Expr) -> exp.Expr:
    """RATIO_TO_REPORT(x) OVER (…) as x over its sum."""
    call = node.this if isinstance(node, exp.Window) else None
    if isinstance(call, exp.Anonymous) and call.name.lower() == "ratio_to_report" and len(call.expressions) == 1:
        whole = node.copy()
        whole.set("this", exp.Sum(this=call.expressions[0].copy()))
        share = exp.Mul(this=call.expressions[0].copy(), expression=exp.Literal.number("1.0"))
        return exp.Paren(this=exp.Div(this=share, expression=whole))
    return node


def rewritten(node: exp.Expr) -> exp.Expr:
    """Parts of a date under BigQuery's names; LIKE ANY as a chain of OR."""
    if isinstance(node, exp.Extract) and node.name.lower() in _PARTS:
        return exp.Extract(this=exp.Var(this=_PARTS[node.name.lower()].upper()), expression=node.expression.copy())
    several = (
        node.expression.this
        if isinstance(node, exp.Like | exp.ILike) and isinstance(node.expression, exp.Any)
        else None
    )
    while isinstance(several, exp.Paren):
        several = several.this
    if isinstance(several, exp.Array | exp.Tuple) and several.expressions:
        tests = [type(node)(this=node.this.copy(), expression=e.copy()) for e in several.expressions]
        return exp.Paren(this=exp.or_(*tests, copy=False))
    return node


def retyped(node: exp.Expr) -> exp.Expr:
    """``a // b`` of numbers as FLOOR(a / b); the days of a length of time as DATE_DIFF."""
    if isinstance(node, exp.IntDiv):
        return exp.Floor(this=exp.Div(this=node.this.copy(), expression=node.expression.copy()))
    length = _days_of(node)
    if isinstance(length, exp.Sub):
        part = exp.Literal.string("day")
        return exp.Anonymous(this="date_diff", expressions=[part, length.expression.copy(), length.this.copy()])
    return node


def _days_of(node: exp.Expr) -> exp.Expr | None:
    found: exp.Expr | None = None
    if isinstance(node, exp.Extract) and node.name.lower() in ("day", "days"):
        found = node.expression
    elif (
        isinstance(node, exp.Anonymous)
        and node.name.lower() in ("date_part", "datepart")
        and len(node.expressions) == 2
    ):
        found = node.expressions[1] if node.expressions[0].name.lower() in ("day", "days") else None
    elif isinstance(node, exp.Day):
        found = node.this
    return found.unnest() if isinstance(found, exp.Paren) else found


def semi_joined(tree: exp.Expr, found: exp.Expr | None) -> Iterator[exp.Expr]:
    """``WHERE [NOT] EXISTS (SELECT … FROM b WHERE …)`` and ``x IN (SELECT y FROM b …)`` as a SEMI or ANTI JOIN with b."""
    inner = found.find(exp.Select) if isinstance(found, exp.Exists | exp.In) else None
    if inner is None or any(inner.args.get(k) for k in ("joins", "group", "having", "qualify", "limit", "distinct")):
        return

    def moved(twin: exp.Expr) -> bool:
        query, select = twin.find(exp.Select), twin.find_ancestor(exp.Select)
        whole = twin.parent if isinstance(twin.parent, exp.Not) else twin
        if query is None or select is None or not isinstance(whole.parent, exp.Where | exp.And):
            return False
        table = query.args["from_"].this
        conditions = [] if query.args.get("where") is None else [query.args["where"].this]
        if isinstance(twin, exp.In):
            item = query.expressions[0]
            if whole is not twin or not isinstance(item, exp.Column) or not isinstance(twin.this, exp.Column):
                return False
            mine = exp.column(twin.this.name, table=twin.this.table or select.args["from_"].this.alias_or_name)
            pair = exp.EQ(this=mine, expression=exp.column(item.name, table=table.alias_or_name))
            conditions = [pair, *conditions]
        if not conditions:
            return False
        kind = "SEMI" if whole is twin else "ANTI"
        join = exp.Join(this=table.copy(), kind=kind, on=exp.and_(*conditions, copy=True))
        parent = whole.parent
        if isinstance(parent, exp.Where):
            select.set("where", None)
        else:
            parent.replace(parent.expression if whole is parent.this else parent.this)
        select.set("joins", [*(select.args.get("joins") or []), join])
        return True

    yield from on_copy(tree, found, moved)
