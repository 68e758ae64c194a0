"""Lists that a statement writes out: ``VALUES`` and ``UNNEST([…])``, of constants or of expressions over a row."""

from __future__ import annotations

from sqlglot import exp


def listed(query: exp.Expr) -> exp.Values | None:
    """The rows of ``SELECT * FROM (VALUES …)`` (as ``desugar`` writes a bare VALUES), or of UNNEST of one list."""
    if isinstance(query, exp.Values):
        return query
    if isinstance(query, exp.Unnest):
        return unnested(query)
    if not isinstance(query, exp.Select) or len(query.args.get("joins") or []):
        return None
    rest = ("where", "group", "having", "qualify", "order", "limit", "offset", "distinct", "with_")
    from_ = query.args.get("from_")
    plain = len(query.expressions) == 1 and isinstance(query.expressions[0], exp.Star)
    if not plain or from_ is None or any(query.args.get(k) for k in rest):
        return None
    return from_.this if isinstance(from_.this, exp.Values) else None


def unnested(node: exp.Unnest) -> exp.Values | None:
    """``UNNEST([a, b]) AS t(x)`` as VALUES; ``None`` for anything but one list that is written out."""
    lists = node.expressions
    if len(lists) != 1 or not isinstance(lists[0], exp.Array) or not lists[0].expressions or node.args.get("offset"):
        return None
    alias = node.args.get("alias")
    names = [c.copy() for c in alias.columns] if isinstance(alias, exp.TableAlias) else []
    table = exp.TableAlias(
        this=exp.to_identifier((alias.name if alias is not None else "") or "unnest", quoted=True),
        columns=names or [exp.to_identifier("unnest", quoted=True)],
    )
    rows = [exp.Tuple(expressions=[e.copy()]) for e in lists[0].expressions]
    return exp.Values(expressions=rows, alias=table)


def constant(values: exp.Values) -> bool:
    """No item reads a column."""
    return not any(e.find(exp.Column, exp.Query) for e in values.expressions)
