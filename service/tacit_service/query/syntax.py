"""Reading parsed nodes strictly: every part of a node must be one that the caller handles, or the statement is refused.

This is what keeps a construct from being silently dropped (a NOT, a FILTER, an IGNORE NULLS that nobody looked at).
"""

from __future__ import annotations

from sqlglot import exp

from tacit_service.errors import DerivationError, Refusal

from .parse import position

# parts that carry no meaning of their own for us
_HARMLESS = {"big_int", "typed", "safe", "ignore_nulls", "date_part_boundary", "kind_", "coalesce"}

_INSTEAD = {
    "pivots": "Write an aggregate for each value: AVG(x) FILTER (WHERE k = 'a') AS a, … GROUP BY the other columns.",
    "sample": "Leave the sample out: a released number has its noise already.",
    "locks": "Nothing here can be locked: leave the clause out.",
    "into": "Nothing can be stored: leave INTO out.",
    "symmetric": "Write the lower bound first, and BETWEEN alone.",
}


def strict(sql: str, node: exp.Expr, *allowed: str) -> None:
    """Refuse the node when it has any part besides ``allowed``."""
    extra = {k for k, v in node.args.items() if v not in (None, False, [], "")} - set(allowed) - _HARMLESS
    if extra:
        hint = next((_INSTEAD[k] for k in sorted(extra) if k in _INSTEAD), None)
        raise unsupported(sql, node, f"{label(node)} with {', '.join(sorted(extra)).upper()}", hint)


def label(node: exp.Expr) -> str:
    """The node's SQL name, for messages; never more than 40 characters."""
    if isinstance(node, exp.Anonymous):
        return f"{node.name}()"[:40]
    if isinstance(node, exp.Func):
        return f"{node.sql_name()}()"[:40]
    return type(node).__name__.upper()[:40]


def unsupported(sql: str, node: exp.Expr, what: str, hint: str | None = None) -> Refusal:
    """A refusal of a construct by its name."""
    return DerivationError(
        "unsupported_syntax",
        f"{what} is not supported here.",
        hint=hint,
        position=position(sql, node),
        rule="allow-list",
    )


def with_aliases(select: exp.Select, node: exp.Expr) -> exp.Expr:
    """The expression (of HAVING, QUALIFY, GROUP BY) with SELECT's aliases replaced by what they stand for."""
    named = {e.alias.lower(): e.unalias() for e in select.expressions if e.alias}

    def swap(n: exp.Expr) -> exp.Expr:
        if isinstance(n, exp.Column) and not n.table and n.name.lower() in named:
            replacement: exp.Expr = named[n.name.lower()].copy()
            return replacement
        return n

    return node.copy().transform(swap)
