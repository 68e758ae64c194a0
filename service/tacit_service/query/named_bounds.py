"""What a named contribution bound of an aggregate says: clamp each row's value, or what one unit adds to a group.

They arrive as calls inside the aggregate, see ``named_arguments``.
"""

from __future__ import annotations

from fractions import Fraction

from sqlglot import exp

from .named_arguments import NAMES, PER_ROW
from .syntax import unsupported

_HINT = "Write SUM(x, contribution_bounds_per_group => (0, 100))."


def argument(node: exp.Expr) -> exp.Expr | None:
    """The call that stands for a named argument inside an aggregate, if one does."""
    inner = node.args.get("this")
    return inner if isinstance(inner, exp.Anonymous) and inner.name.lower() in NAMES else None


def per_row(sql: str, node: exp.Expr) -> exp.Expr:
    """``AGG(contribution_bounds_per_row(x, lo, hi))``: each row's value is clamped first; NULL stays NULL."""
    inner = argument(node)
    if inner is None or inner.name.lower() != PER_ROW:
        return node
    *values, low, high = inner.expressions if len(inner.expressions) > 2 else [exp.Null()] * 3
    ends(sql, node, low, high)
    x = values[0]
    if isinstance(x, exp.Star | exp.Distinct | exp.Null) or isinstance(node, exp.Count) or len(values) > 2:
        raise unsupported(
            sql, node, "contribution_bounds_per_row here", "Write SUM(x, contribution_bounds_per_row => (0, 100))."
        )
    present = exp.Not(this=exp.Is(this=x.copy(), expression=exp.Null()))
    clamped = exp.Greatest(this=low.copy(), expressions=[exp.Least(this=high.copy(), expressions=[x.copy()])])
    copy = node.copy()
    copy.set("this", exp.Case(ifs=[exp.If(this=present, true=clamped)]))
    if len(values) > 1:
        copy.set("expression", values[1].copy())
    return copy


def per_group(sql: str, node: exp.Expr) -> tuple[exp.Expr, tuple[Fraction, Fraction]] | None:
    """What SUM or COUNT is of, and the ends of what one unit adds to a group; ``None`` where no argument says it."""
    inner = argument(node)
    if inner is None:
        return None
    if not isinstance(node, exp.Sum | exp.Count) or len(inner.expressions) != 3:
        raise unsupported(
            sql, node, "contribution_bounds_per_group of anything but SUM and COUNT",
            "Bound each row: AVG(x, contribution_bounds_per_row => (0, 100)).",
        )  # fmt: skip
    x, low, high = inner.expressions
    if isinstance(x, exp.Distinct):
        raise unsupported(sql, node, "contribution_bounds_per_group with DISTINCT", "Leave the bounds out.")
    return x, ends(sql, node, low, high)


def ends(sql: str, node: exp.Expr, low: exp.Expr, high: exp.Expr) -> tuple[Fraction, Fraction]:
    """Both bounds as numbers, in order. Raises ``SqlSyntaxError`` unsupported_syntax."""
    lo, hi = _number(low), _number(high)
    if lo is None or hi is None or lo > hi:
        raise unsupported(sql, node, "A contribution bound that is no pair of numbers in order", _HINT)
    return lo, hi


def _number(node: exp.Expr) -> Fraction | None:
    inner = node.this if isinstance(node, exp.Neg) else node
    if not isinstance(inner, exp.Literal) or inner.is_string:
        return None
    value = Fraction(inner.name)
    return -value if isinstance(node, exp.Neg) else value
