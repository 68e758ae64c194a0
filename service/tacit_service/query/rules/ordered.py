"""Aggregates that an order inside decides, of one unit's own rows: ARG_MAX, FIRST(x ORDER BY …), STRING_AGG(x, ',' ORDER BY …).

Ties are broken by the value itself, so that the result is a function of the rows, whatever order the engine met them in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlglot import exp

from ..bounds import Facts, Type
from ..expr import Agg, Call, Expr, Lit
from ..operators import truth
from ..syntax import label, strict, unsupported

if TYPE_CHECKING:
    from ..bind_expr import ExprBinder

FactsOf = Callable[[str, tuple[Expr, ...], Expr | None], Facts]
Order = list[tuple[Expr, bool, bool]]


def picked(b: ExprBinder, node: exp.Expr, function: str, where: Expr | None, facts_of: FactsOf) -> Agg:
    """ARG_MAX(x, y), ARG_MIN, FIRST(x ORDER BY …), LAST: a value of one row, with ties broken by the value itself."""
    order: list[tuple[Expr, bool, bool]] = []
    if function.startswith("arg"):
        strict(b.sql, node, "this", "expression")
        x, y = b.bind(node.this), b.bind(node.expression)
        for e in (x, y):
            missing = Call(truth((e.facts,), never_null=True), "is_null", (e,))
            present = Call(truth((missing.facts,)), "not", (missing,))
            where = present if where is None else Call(truth((where.facts, present.facts)), "and", (where, present))
        order = [(y, function == "arg_max", False)]
    else:
        strict(b.sql, node, "this")
        if not isinstance(node.this, exp.Order):
            raise unsupported(b.sql, node, f"{label(node)} without ORDER BY inside")
        x, order = _sorted(b, node.this, turned=function == "last")
    order.append((x, False, False))
    facts = facts_of("max", (x,), where)
    return Agg(facts, function, (x,), False, where, None, tuple(order))


def joined(b: ExprBinder, node: exp.GroupConcat, where: Expr | None, facts_of: FactsOf) -> Agg:
    """STRING_AGG(x, ',' ORDER BY …): a unit's path, as one text."""
    strict(b.sql, node, "this", "separator")
    x, order = _sorted(b, node.this, turned=False)
    if x.facts.type is not Type.STRING:
        raise b.mismatch(node, f"STRING_AGG takes texts, this is {x.facts.type}", "CAST it to VARCHAR.")
    separator = b.bind(node.args.get("separator") or exp.Literal.string(","))
    if not isinstance(separator, Lit) or not isinstance(separator.value, str):
        raise unsupported(b.sql, node, "STRING_AGG with a separator that is no constant", "Write STRING_AGG(x, ',').")
    facts = facts_of("max", (x,), where).with_(domain=None, size=x.facts.size)
    return Agg(facts, "string_agg", (x, separator), False, where, None, (*order, (x, False, False)))


def _sorted(b: ExprBinder, node: exp.Expr, *, turned: bool) -> tuple[Expr, Order]:
    """What an ORDER BY inside an aggregate sorts, and by what; ``turned`` about."""
    strict(b.sql, node, "this", "expressions")
    order: Order = []
    for o in node.expressions:
        strict(b.sql, o, "this", "desc", "nulls_first")
        down, first = bool(o.args.get("desc")), bool(o.args.get("nulls_first"))
        order.append((b.bind(o.this), down != turned, first != turned))
    return b.bind(node.this), order
