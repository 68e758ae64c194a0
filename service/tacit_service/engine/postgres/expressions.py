"""Expressions of the emitted SQL, read as a tree and written for PostgreSQL. What has no entry here is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from . import aggregates, numbers, patterns, texts, times
from .casts import cast, convert, range_of, same
from .scope import Scope
from .value import Kind, Untranslatable, Value, made, strict

Reader = Callable[["Expressions", Any], Value]

COMPARED = {
    exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=", exp.NullSafeEQ: "IS NOT DISTINCT FROM",
    exp.NullSafeNEQ: "IS DISTINCT FROM",
}  # fmt: skip
_ORDERING = (exp.LT, exp.LTE, exp.GT, exp.GTE)


class Expressions:
    """Translates expressions over the columns of ``scope``. ``total``: the emitted SQL stands in TRY here."""

    def __init__(self, scope: Scope, query: Callable[[exp.Expr, Scope], Any]) -> None:
        self.scope = scope
        self.query = query
        self.total = False

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
        """A text as SQL; ``standard_conforming_strings`` is on, so that a backslash is one."""
        if "\x00" in text:
            raise Untranslatable("the character NUL")
        return "'" + text.replace("'", "''") + "'::text"


def ordered(x: Value) -> str:
    """What to compare or sort by: text by its bytes, whatever the database's own collation."""
    return f'({x.sql} COLLATE "C")' if x.kind is Kind.TEXT else x.sql


def _column(t: Expressions, node: exp.Column) -> Value:
    strict(node, "this", "table")
    return t.scope.column(node.name, node.table)


def _literal(t: Expressions, node: exp.Literal) -> Value:
    if node.is_string:
        return Value(t.literal(node.this), Kind.TEXT, constant=node.this)
    text = node.this
    return numbers.constant(int(text) if text.isdigit() else float(text))


def _boolean(_: Expressions, node: exp.Boolean) -> Value:
    return made("TRUE" if node.this else "FALSE", Kind.BOOL)


def _null(_: Expressions, __: exp.Null) -> Value:
    return made("NULL", Kind.NULL)


def _paren(t: Expressions, node: exp.Paren) -> Value:
    x = t.value(node.this)
    return Value(f"({x.sql})", x.kind, x.low, x.high, x.rowwise, x.constant)


def _total(t: Expressions, node: exp.Try) -> Value:
    saved, t.total = t.total, True
    try:
        return t.value(node.this)
    finally:
        t.total = saved


def _arithmetic(t: Expressions, node: exp.Binary) -> Value:
    """``+`` and ``-`` of dates too."""
    strict(node, "this", "expression")
    if isinstance(node, exp.Mul):
        return numbers.operation(t, node)
    a, b = t.value(node.this), t.value(node.expression)
    moved = times.moved(a, b, "+" if isinstance(node, exp.Add) else "-")
    return numbers.operation(t, node) if moved is None else moved


def _logic(t: Expressions, node: exp.Connector) -> Value:
    parts = [t.truth(node.this), t.truth(node.expression)]
    word = "AND" if isinstance(node, exp.And) else "OR"
    return made(f"({parts[0].sql} {word} {parts[1].sql})", Kind.BOOL, *parts)


def _not(t: Expressions, node: exp.Not) -> Value:
    x = t.truth(node.this)
    return made(f"(NOT {x.sql})", Kind.BOOL, x)


def _is(t: Expressions, node: exp.Is) -> Value:
    strict(node, "this", "expression")
    x = t.value(node.this)
    if not isinstance(node.expression, exp.Null):
        raise Untranslatable("IS of anything but NULL")
    return made(f"({x.sql} IS NULL)", Kind.BOOL, x)


def _compare(t: Expressions, node: exp.Binary) -> Value:
    strict(node, "this", "expression")
    a, b = same([t.value(node.this), t.value(node.expression)])
    left, right = (ordered(a), ordered(b)) if isinstance(node, _ORDERING) else (a.sql, b.sql)
    return made(f"({left} {COMPARED[type(node)]} {right})", Kind.BOOL, a, b)


def _between(t: Expressions, node: exp.Between) -> Value:
    strict(node, "this", "low", "high")
    parts = same([t.value(node.this), t.value(node.args["low"]), t.value(node.args["high"])])
    x, low, high = map(ordered, parts)
    return made(f"({x} BETWEEN {low} AND {high})", Kind.BOOL, *parts)


def _case(t: Expressions, node: exp.Case) -> Value:
    strict(node, "ifs", "default")
    conditions = [t.truth(i.this) for i in node.args["ifs"]]
    given = [t.value(i.args["true"]) for i in node.args["ifs"]]
    default = node.args.get("default")
    if default is not None:
        given.append(t.value(default))
    values = same(given)
    whens = " ".join(f"WHEN {c.sql} THEN {v.sql}" for c, v in zip(conditions, values, strict=False))
    otherwise = "" if default is None else f" ELSE {values[-1].sql}"
    low, high = range_of(values)
    return made(f"CASE {whens}{otherwise} END", values[0].kind, *conditions, *values, low=low, high=high)


def _choice(t: Expressions, node: exp.Expr) -> Value:
    """COALESCE, GREATEST, LEAST: the last two leave NULL out, in both engines."""
    strict(node, "this", "expressions", "ignore_nulls")
    values = same([t.value(n) for n in (node.this, *node.expressions)])
    name = "coalesce" if isinstance(node, exp.Coalesce) else "greatest" if isinstance(node, exp.Greatest) else "least"
    low, high = range_of(values)
    parts = [v.sql if name == "coalesce" else ordered(v) for v in values]
    return made(f"{name}({', '.join(parts)})", values[0].kind, *values, low=low, high=high)


def _nullif(t: Expressions, node: exp.Nullif) -> Value:
    strict(node, "this", "expression")
    x = t.value(node.this)
    a, b = same([x, t.value(node.expression)])
    if a.kind is x.kind:
        return made(f"nullif({a.sql}, {b.sql})", x.kind, a, b, low=x.low, high=x.high)
    return made(f"CASE WHEN {a.sql} = {b.sql} THEN NULL ELSE {x.sql} END", x.kind, a, b, low=x.low, high=x.high)


def _in(t: Expressions, node: exp.In) -> Value:
    strict(node, "this", "expressions", "query")
    x = t.value(node.this)
    query = node.args.get("query")
    if query is None:
        values = same([x, *(t.value(e) for e in node.expressions)])
        return made(f"({values[0].sql} IN ({', '.join(v.sql for v in values[1:])}))", Kind.BOOL, *values)
    found = t.query(query, t.scope)
    (theirs,) = found.columns.values()
    a, b = same([x, theirs])
    if b.kind is not theirs.kind:
        raise Untranslatable(f"{a.kind} IN a subquery of {theirs.kind}", "Cast the column of the subquery.")
    return made(f"({a.sql} IN ({found.sql}))", Kind.BOOL, a)


def _exists(t: Expressions, node: exp.Exists) -> Value:
    strict(node, "this")
    return made(f"EXISTS ({t.query(node.this, t.scope).sql})", Kind.BOOL)


def _scalar(t: Expressions, node: exp.Subquery) -> Value:
    strict(node, "this")
    found = t.query(node.this, t.scope)
    x: Value = next(iter(found.columns.values()))
    return x.named(f"({found.sql})")


READERS: dict[type[exp.Expr], Reader] = {
    **numbers.NODES, **texts.NODES, **patterns.NODES, **times.NODES, **aggregates.NODES,
    **dict.fromkeys(COMPARED, _compare), **dict.fromkeys((exp.Add, exp.Sub, exp.Mul), _arithmetic),
    **dict.fromkeys((exp.Coalesce, exp.Greatest, exp.Least), _choice), **dict.fromkeys((exp.And, exp.Or), _logic),
    exp.Column: _column, exp.Literal: _literal, exp.Boolean: _boolean, exp.Null: _null, exp.Paren: _paren, exp.Try: _total,
    exp.Cast: cast, exp.TryCast: cast, exp.Not: _not, exp.Is: _is, exp.Between: _between, exp.Case: _case,
    exp.Nullif: _nullif, exp.In: _in, exp.Exists: _exists, exp.Subquery: _scalar,
}  # fmt: skip


def _anonymous(t: Expressions, node: exp.Anonymous) -> Value:
    if node.name.lower() == "isfinite":
        return numbers.is_finite(t, node)
    raise Untranslatable(node.name.upper())


READERS[exp.Anonymous] = _anonymous
