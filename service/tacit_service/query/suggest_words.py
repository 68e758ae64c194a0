"""Mending of single calls and comparisons that mean something under another word: the nearest statement with the same meaning."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from .suggest_tree import on_copy

COMPARED = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)
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
    """Parts of a date under BigQuery's names; LIKE ANY as a chain of OR; TRUNC to digits by a factor."""
    if isinstance(node, exp.Extract) and node.name.lower() in _PARTS:
        return exp.Extract(this=exp.Var(this=_PARTS[node.name.lower()].upper()), expression=node.expression.copy())
    patterns = _any_of(node)
    digits = _whole(node.args.get("decimals")) if isinstance(node, exp.Trunc) else None
    if digits is not None and 0 < abs(digits) <= 12:
        times, back = (exp.Mul, exp.Div) if digits > 0 else (exp.Div, exp.Mul)
        factor = exp.Literal.number(10 ** abs(digits))
        moved = times(this=exp.Paren(this=node.this.copy()), expression=factor)
        return exp.Paren(this=back(this=exp.Trunc(this=moved), expression=factor.copy()))
    if patterns:
        tests = [type(node)(this=node.this.copy(), expression=e.copy()) for e in patterns]
        return exp.Paren(this=exp.or_(*tests, copy=False))
    return node


def _any_of(node: exp.Expr) -> list[exp.Expr]:
    """The patterns of ``x LIKE ANY (…)`` that are written out; none where it is negated, which OR would turn about."""
    if (
        not isinstance(node, exp.Like | exp.ILike)
        or not isinstance(node.expression, exp.Any)
        or node.args.get("negate")
    ):
        return []
    several = node.expression.this
    while isinstance(several, exp.Paren):
        several = several.this
    if isinstance(several, exp.Literal):
        return [several]
    return list(several.expressions) if isinstance(several, exp.Array | exp.Tuple) else []


def _whole(node: object) -> int | None:
    number = node.this if isinstance(node, exp.Neg) else node
    if not isinstance(number, exp.Literal) or number.is_string or not number.name.isdigit():
        return None
    return -int(number.name) if isinstance(node, exp.Neg) else int(number.name)


def retyped(node: exp.Expr) -> exp.Expr:
    """A number in quotes without them; ``a // b`` of numbers as FLOOR(a / b); the days of a length of time as DATE_DIFF."""
    if isinstance(node, exp.IntDiv):
        return exp.Floor(this=exp.Div(this=node.this.copy(), expression=node.expression.copy()))
    if isinstance(node, COMPARED) and isinstance(node.expression, exp.Literal) and node.expression.is_string:
        text = node.expression.name.strip()
        if isinstance(node.this, exp.Column) and re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,6})?", text):
            return type(node)(this=node.this.copy(), expression=exp.Literal.number(text))
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


def _of_where(node: exp.Expr, select: exp.Select) -> bool:
    """The node is one of the conditions that WHERE joins by AND."""
    above = node.parent
    while isinstance(above, exp.And):
        above = above.parent
    return isinstance(above, exp.Where) and above.parent is select


def joined_by_keys(tree: exp.Expr, found: exp.Expr | None) -> Iterator[exp.Expr]:
    """``x > (SELECT AVG(q.x) FROM t q WHERE q.k = p.k)`` as a join with the averages by k, where SELECT names its tables."""
    inner = found.this if isinstance(found, exp.Subquery) else None
    more = ("with_", "joins", "group", "having", "qualify", "order", "limit", "offset", "distinct")
    if not isinstance(inner, exp.Select) or len(inner.expressions) != 1 or any(inner.args.get(k) for k in more):
        return
    if inner.args.get("where") is None or inner.find(exp.Count):  # of nothing a count is 0, which no join gives
        return
    mine = inner.args["from_"].this.alias_or_name
    pairs: list[tuple[exp.Column, exp.Column]] = []
    rest: list[exp.Expr] = []
    for part in (
        inner.args["where"].this.flatten()
        if isinstance(inner.args["where"].this, exp.And)
        else [inner.args["where"].this]
    ):
        sides = [s for s in (part.this, part.args.get("expression")) if isinstance(s, exp.Column) and s.table]
        outside = [s for s in sides if s.table != mine]
        if isinstance(part, exp.EQ) and len(sides) == 2 and len(outside) == 1:
            pairs.append((next(s for s in sides if s is not outside[0]), outside[0]))
        elif any(c.table and c.table != mine for c in part.find_all(exp.Column)):
            return
        else:
            rest.append(part)
    if not pairs:
        return
    keys = [exp.alias_(a.copy(), f"k{i}") for i, (a, _) in enumerate(pairs)]
    grouped = exp.Select(expressions=[*keys, exp.alias_(inner.expressions[0].unalias().copy(), "a")])
    grouped.set("from_", inner.args["from_"].copy())
    if rest:
        grouped.set("where", exp.Where(this=exp.and_(*rest, copy=True)))
    grouped.set("group", exp.Group(expressions=[a.copy() for a, _ in pairs]))
    on = exp.and_(*(exp.EQ(this=exp.column(f"k{i}", table="s"), expression=b.copy()) for i, (_, b) in enumerate(pairs)))
    join = exp.Join(
        this=exp.Subquery(this=grouped, alias=exp.TableAlias(this=exp.to_identifier("s"))), side="LEFT", on=on
    )

    def moved(twin: exp.Expr) -> bool:
        select = twin.find_ancestor(exp.Select)
        if select is None:
            return False
        twin.replace(exp.column("a", table="s"))
        select.set("joins", [*(select.args.get("joins") or []), join.copy()])
        return True

    yield from on_copy(tree, found, moved)


def semi_joined(tree: exp.Expr, found: exp.Expr | None) -> Iterator[exp.Expr]:
    """``WHERE [NOT] EXISTS (SELECT … FROM b WHERE …)`` and ``x IN (SELECT y FROM b …)`` as a SEMI or ANTI JOIN with b."""
    inner = found.find(exp.Select) if isinstance(found, exp.Exists | exp.In) else None
    more = ("with_", "joins", "group", "having", "qualify", "limit", "offset", "distinct")
    if inner is None or any(inner.args.get(k) for k in more) or inner.find(exp.AggFunc):
        return

    def moved(twin: exp.Expr) -> bool:
        query, select = twin.find(exp.Select), twin.find_ancestor(exp.Select)
        whole = twin.parent if isinstance(twin.parent, exp.Not) else twin
        if query is None or select is None or not _of_where(whole, select):
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
        if not isinstance(parent, exp.And):
            select.set("where", None)
        else:
            parent.replace(parent.expression if whole is parent.this else parent.this)
        select.set("joins", [*(select.args.get("joins") or []), join])
        return True

    yield from on_copy(tree, found, moved)
