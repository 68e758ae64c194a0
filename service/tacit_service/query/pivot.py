"""PIVOT and UNPIVOT of what has its columns and values written out: aggregates with FILTER, and a UNION ALL.

What takes its columns from the data stays as it is, and is refused by name.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

_READ = {"this", "expressions", "using", "group", "with_"}  # of a statement; it may not have anything else
_CONSTANTS = (exp.Literal, exp.Boolean, exp.Neg)


def pivoted(_sql: str, node: exp.Expr) -> exp.Expr:
    """``(SELECT …) PIVOT (…)`` and ``UNPIVOT (…)`` as a derived table."""
    pivots = node.args.get("pivots") or []
    own = _names(node.this)
    if len(pivots) != 1 or own is None or len(pivots[0].args.get("fields") or []) != 1:
        return node
    (pivot,) = pivots
    (field,) = pivot.args["fields"]
    alias = pivot.args.get("alias") or node.args.get("alias")
    if not isinstance(field, exp.In) or pivot.args.get("default_on_null") or pivot.args.get("group"):
        return node
    inner = exp.Subquery(this=node.this.copy(), alias=exp.TableAlias(this=_name("__rows")))
    query = (
        _long(inner, own, pivot, field)
        if pivot.args.get("unpivot")
        else _wide(inner, _others(own, pivot), field, pivot.expressions, _parsed_names(pivot, field))
    )
    return node if query is None else exp.Subquery(this=query, alias=None if alias is None else alias.copy())


def statement(pivot: exp.Pivot) -> exp.Query | None:
    """``PIVOT t ON k IN ('a', 'b') USING SUM(x) GROUP BY g`` as a SELECT; ``None`` where values or groups are not written out."""
    group, fields, calls = pivot.args.get("group"), pivot.expressions, pivot.args.get("using")
    own = None if pivot.this is None else _names(pivot.this.unnest())
    unread = any(value and name not in _READ for name, value in pivot.args.items())
    if unread or not isinstance(calls, list) or not calls or len(fields) != 1:
        return None
    keys = list(group.expressions) if group is not None else None if own is None else _others(own, pivot)
    if keys is None or not isinstance(fields[0], exp.In):
        return None
    query = _wide(pivot.this.copy(), keys, fields[0], calls, None)
    if query is not None and pivot.args.get("with_") is not None:
        query.set("with_", pivot.args["with_"].copy())
    return query


def _wide(
    source: exp.Expr,
    keys: Sequence[exp.Expr],
    field: exp.In,
    calls: Sequence[exp.Expr],
    names: Sequence[exp.Expr] | None,
) -> exp.Query | None:
    """One aggregate for each value, by the keys."""
    cells = [(value, call) for value in field.expressions for call in calls]
    if not all(isinstance(v.unalias(), _CONSTANTS) for v in field.expressions) or not cells:
        return None
    items: list[exp.Expr] = [k.copy() for k in keys]
    for place, (value, call) in enumerate(cells):
        test = exp.Where(this=exp.EQ(this=field.this.copy(), expression=value.unalias().copy()))
        own = call.alias or ("" if len(calls) == 1 else call.sql("duckdb", normalize_functions="lower"))
        name = names[place].name if names else "_".join([_named(value), *([own] if own else [])])
        items.append(exp.alias_(exp.Filter(this=call.unalias().copy(), expression=test), _name(name)))
    query = exp.Select(expressions=items, from_=exp.From(this=source))
    if keys:
        query.set("group", exp.Group(expressions=[k.copy() for k in keys]))
    return query


def _long(inner: exp.Subquery, own: list[str], pivot: exp.Pivot, field: exp.In) -> exp.Query | None:
    """A row for each of the columns: they share one WITH member, so that a release is one release."""
    columns = [e.unalias() for e in field.expressions]
    if len(pivot.expressions) != 1 or not all(isinstance(c, exp.Column) and not c.table for c in columns):
        return None
    rest = [n for n in own if n.lower() not in {c.name.lower() for c in columns}]
    name, value = field.this.name, pivot.expressions[0].name
    parts: list[exp.Query] = []
    for written, column in zip(field.expressions, columns, strict=True):
        label = exp.alias_(exp.Literal.string(written.alias_or_name), _name(name))
        items = [*(exp.column(_name(n)) for n in rest), label, exp.alias_(column.copy(), _name(value))]
        part = exp.Select(expressions=items, from_=exp.From(this=exp.Table(this=_name("__rows"))))
        if not pivot.args.get("include_nulls"):
            known = exp.Not(this=exp.Is(this=column.copy(), expression=exp.Null()))
            part.set("where", exp.Where(this=known))
        parts.append(part)
    query: exp.Query = parts[0]
    for one in parts[1:]:
        query = exp.Union(this=query, expression=one, distinct=False)
    shared = exp.CTE(this=inner.this, alias=exp.TableAlias(this=_name("__rows")))
    query.set("with_", exp.With(expressions=[shared]))
    return query


def _names(query: exp.Expr | None) -> list[str] | None:
    """The columns of a SELECT that writes all of them out."""
    if not isinstance(query, exp.Select):
        return None
    names = [e.alias_or_name for e in query.expressions]
    return None if any(n in ("", "*") for n in names) or query.find(exp.Columns) is not None else names


def _others(own: list[str], pivot: exp.Pivot) -> list[exp.Expr]:
    """The columns that a PIVOT does not name: its groups."""
    named = {c.name.lower() for part in ("expressions", "fields", "using") for e in pivot.args.get(part) or []
             for c in e.find_all(exp.Column)}  # fmt: skip
    return [exp.column(_name(n)) for n in own if n.lower() not in named]


def _parsed_names(pivot: exp.Pivot, field: exp.In) -> list[exp.Expr] | None:
    """The columns as the parser names them, which leaves out the sign of a number and the word of a truth."""
    bare = any(isinstance(v, exp.Neg | exp.Boolean) for v in field.expressions)
    return None if bare else pivot.args.get("columns")


def _named(value: exp.Expr) -> str:
    """What a column of a value is called: its alias, its text, or the number or truth as it is written."""
    return value.alias or (value.name if isinstance(value, exp.Literal) else value.sql("duckdb").lower())


def _name(text: str) -> exp.Identifier:
    return exp.to_identifier(text, quoted=True)
