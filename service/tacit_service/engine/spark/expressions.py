"""Expressions of the emitted SQL, read as a tree and written for Spark. What has no entry here is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlglot import exp

from . import aggregates, numbers, patterns, texts, times
from .casts import cast, convert, same
from .scope import Scope, literal
from .value import Kind, Untranslatable, Value, hull, made, strict

Reader = Callable[["Expressions", Any], Value]

COMPARED = {exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=", exp.NullSafeEQ: "<=>"}


class Expressions:
    """Translates expressions over the columns of ``scope``."""

    def __init__(self, scope: Scope, query: Callable[[exp.Expr, Scope], Any]) -> None:
        self.scope = scope
        self.query = query

    def value(self, node: exp.Expr) -> Value:
        """The translation; raises ``Untranslatable``."""
        reader = READERS.get(type(node))
        if reader is None:
            name = node.name if isinstance(node, exp.Anonymous) else type(node).__name__
            raise Untranslatable(name.upper())
        return reader(self, node)

    def text(self, node: exp.Expr) -> Value:
        """A text."""
        x = self.value(node)
        if x.kind not in (Kind.TEXT, Kind.NULL):
            raise Untranslatable(f"a {x.kind} as text")
        return x

    def truth(self, node: exp.Expr) -> Value:
        """A condition."""
        return convert(self.value(node), Kind.BOOL)

    @staticmethod
    def literal(text: str) -> str:
        """A text as SQL."""
        return literal(text)


def _column(t: Expressions, node: exp.Column) -> Value:
    strict(node, "this", "table")
    return t.scope.column(node.name, node.table)


def _literal(_: Expressions, node: exp.Literal) -> Value:
    if node.is_string:
        return Value(literal(node.this), Kind.TEXT, constant=node.this)
    text = node.this
    return numbers.constant(int(text) if text.isdigit() else float(text))


def _boolean(_: Expressions, node: exp.Boolean) -> Value:
    return made("TRUE" if node.this else "FALSE", Kind.BOOL)


def _null(_: Expressions, __: exp.Null) -> Value:
    return made("NULL", Kind.NULL, 0, 0)


def _paren(t: Expressions, node: exp.Paren) -> Value:
    x = t.value(node.this)
    return replace(x, sql=f"({x.sql})")


def _total(t: Expressions, node: exp.Try) -> Value:
    """Everything is total here."""
    strict(node, "this")
    return t.value(node.this)


def _arithmetic(t: Expressions, node: exp.Binary) -> Value:
    """``+`` and ``-`` of dates too."""
    strict(node, "this", "expression")
    if isinstance(node, exp.Mul):
        return numbers.operation(t, node)
    a, b = t.value(node.this), t.value(node.expression)
    moved = times.moved(a, b, "+" if isinstance(node, exp.Add) else "-")
    return numbers.operation(t, node) if moved is None else moved


def _logic(t: Expressions, node: exp.Connector) -> Value:
    word = "AND" if isinstance(node, exp.And) else "OR"
    return made(f"({t.truth(node.this).sql} {word} {t.truth(node.expression).sql})", Kind.BOOL)


def _not(t: Expressions, node: exp.Not) -> Value:
    return made(f"(NOT {t.truth(node.this).sql})", Kind.BOOL)


def _is(t: Expressions, node: exp.Is) -> Value:
    strict(node, "this", "expression")
    if not isinstance(node.expression, exp.Null):
        raise Untranslatable("IS of anything but NULL")
    return made(f"({t.value(node.this).sql} IS NULL)", Kind.BOOL)


def _compare(t: Expressions, node: exp.Binary) -> Value:
    strict(node, "this", "expression")
    a, b = same([t.value(node.this), t.value(node.expression)])
    if isinstance(node, exp.NullSafeNEQ):
        return made(f"(NOT ({a.sql} <=> {b.sql}))", Kind.BOOL)
    return made(f"({a.sql} {COMPARED[type(node)]} {b.sql})", Kind.BOOL)


def _between(t: Expressions, node: exp.Between) -> Value:
    strict(node, "this", "low", "high")
    x, low, high = same([t.value(node.this), t.value(node.args["low"]), t.value(node.args["high"])])
    return made(f"({x.sql} BETWEEN {low.sql} AND {high.sql})", Kind.BOOL)


def _case(t: Expressions, node: exp.Case) -> Value:
    strict(node, "ifs", "default")
    conditions = [t.truth(i.this) for i in node.args["ifs"]]
    given = [t.value(i.args["true"]) for i in node.args["ifs"]]
    default = node.args.get("default")
    if default is not None:
        given.append(_left(t, node, t.value(default)))
    values = same(given)
    whens = " ".join(f"WHEN {c.sql} THEN {v.sql}" for c, v in zip(conditions, values, strict=False))
    otherwise = "" if default is None else f" ELSE {values[-1].sql}"
    found = made(f"CASE {whens}{otherwise} END", values[0].kind, *hull(values))
    return replace(found, places=_places(values))


def _places(values: list[Value]) -> int | None:
    """Decimal places that all of the values have."""
    known = [v.places for v in values if v.kind is not Kind.NULL]
    found = [p for p in known if p is not None]
    return max(found) if found and len(found) == len(known) else None


def _left(t: Expressions, node: exp.Case, x: Value) -> Value:
    """The default, less what the conditions before it took: ``WHEN x <= 0 THEN … WHEN x >= 9 THEN … ELSE x - 4``.

    ``ELSE least(9, greatest(0, …))`` and the like tell their own ends. Conditions with NULL let NULL through, which has none.
    """
    low, high, base, shift = x.low, x.high, node.args["default"], 0
    if isinstance(base, exp.Add | exp.Sub):
        by = t.value(base.expression).constant
        if isinstance(by, int):
            base, shift = base.this, by if isinstance(base, exp.Add) else -by
    for branch in node.args["ifs"]:
        test = branch.this
        if isinstance(test, exp.LTE | exp.LT | exp.GTE | exp.GT) and test.this == base:
            edge = t.value(test.expression).constant
            if isinstance(edge, int) and x.kind.whole:
                below = isinstance(test, exp.LTE | exp.LT)
                low, high = (max(low, edge + shift), high) if below else (low, min(high, edge + shift))
    return replace(x, low=low, high=high)


def _choice(t: Expressions, node: exp.Expr) -> Value:
    """COALESCE, GREATEST, LEAST: the last two leave NULL out, in both engines."""
    strict(node, "this", "expressions", "ignore_nulls")
    values = same([t.value(n) for n in (node.this, *node.expressions)])
    name = "coalesce" if isinstance(node, exp.Coalesce) else "greatest" if isinstance(node, exp.Greatest) else "least"
    if len(values) == 1:
        return values[0]
    low, high = hull(values)
    known = [v.low for v in values if v.constant is not None and v.kind.number]
    if known and name == "least":
        high = min(high, *known)
    if known and name == "greatest":
        low = max(low, *known)
    found = made(f"{name}({', '.join(v.sql for v in values)})", values[0].kind, low, high)
    return replace(found, places=_places(values))


def _nullif(t: Expressions, node: exp.Nullif) -> Value:
    strict(node, "this", "expression")
    x = t.value(node.this)
    a, b = same([x, t.value(node.expression)])
    return replace(x.wrapped(f"CASE WHEN {a.sql} = {b.sql} THEN NULL ELSE {x.sql} END"), places=x.places)


def _in(t: Expressions, node: exp.In) -> Value:
    strict(node, "this", "expressions", "query")
    x = t.value(node.this)
    query = node.args.get("query")
    if query is None:
        values = same([x, *(t.value(e) for e in node.expressions)])
        return made(f"({values[0].sql} IN ({', '.join(v.sql for v in values[1:])}))", Kind.BOOL)
    found = t.query(query, t.scope)
    (theirs,) = found.columns.values()
    a, b = same([x, theirs])
    if b.kind is not theirs.kind:
        raise Untranslatable(f"{a.kind} IN a subquery of {theirs.kind}", "Cast the column of the subquery.")
    return made(f"({a.sql} IN ({found.sql}))", Kind.BOOL)


def _exists(t: Expressions, node: exp.Exists) -> Value:
    strict(node, "this")
    return made(f"EXISTS ({t.query(node.this, t.scope).sql})", Kind.BOOL)


def _scalar(t: Expressions, node: exp.Subquery) -> Value:
    strict(node, "this")
    found = t.query(node.this, t.scope)
    x: Value = next(iter(found.columns.values()))
    return x.named(f"({found.sql})")


def _anonymous(t: Expressions, node: exp.Anonymous) -> Value:
    if node.name.lower() == "isfinite":
        return numbers.is_finite(t, node)
    raise Untranslatable(node.name.upper())


READERS: dict[type[exp.Expr], Reader] = {
    **numbers.NODES, **texts.NODES, **patterns.NODES, **times.NODES, **aggregates.NODES,
    **dict.fromkeys((*COMPARED, exp.NullSafeNEQ), _compare), **dict.fromkeys((exp.Add, exp.Sub, exp.Mul), _arithmetic),
    **dict.fromkeys((exp.Coalesce, exp.Greatest, exp.Least), _choice), **dict.fromkeys((exp.And, exp.Or), _logic),
    exp.Column: _column, exp.Literal: _literal, exp.Boolean: _boolean, exp.Null: _null, exp.Paren: _paren, exp.Try: _total,
    exp.Cast: cast, exp.TryCast: cast, exp.Not: _not, exp.Is: _is, exp.Between: _between, exp.Case: _case,
    exp.Nullif: _nullif, exp.In: _in, exp.Exists: _exists, exp.Subquery: _scalar, exp.Anonymous: _anonymous,
}  # fmt: skip
