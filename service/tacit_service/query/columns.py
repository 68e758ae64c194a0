"""Columns in sight, written out: ``* EXCLUDE/REPLACE/RENAME``, ``COLUMNS(…)``, and SELECT's own aliases in its other clauses.

Needs to know which columns FROM gives, and nothing else of them; the result is plain SQL with one meaning.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlglot import exp

from tacit_service.errors import BindError, SqlSyntaxError

from .parse import position
from .syntax import strict, unsupported

if TYPE_CHECKING:
    from .bind import Binder

NODES_MAX = 20_000
ITEMS_MAX = 256
InSight = Sequence[tuple[str, Sequence[str]]]  # table alias, columns that * shows


def written_out(binder: Binder, select: exp.Select, tables: InSight) -> exp.Select:
    """A copy of the SELECT with stars that have modifiers, COLUMNS and alias references written out."""
    names = {name.lower() for _, columns in tables for name in columns}
    if any(_starred(e) for e in select.expressions):
        select = select.copy()
        select.set("expressions", [item for e in select.expressions for item in _items(binder, e, tables)])
    return _aliases(select, names)


# -- stars


def _starred(node: exp.Expr) -> bool:
    star = _star(node)
    if star is not None:
        return any(star.args.get(k) for k in ("except_", "replace", "rename"))
    return node.find(exp.Columns) is not None


def _star(node: exp.Expr) -> exp.Star | None:
    if isinstance(node, exp.Star):
        return node
    if isinstance(node, exp.Column) and isinstance(node.this, exp.Star):
        return node.this
    return None


def _items(binder: Binder, node: exp.Expr, tables: InSight) -> list[exp.Expr]:
    star = _star(node)
    if star is not None and _starred(node):
        return _modified(binder, node, star, tables)
    if star is not None or node.find(exp.Columns) is None:
        return [node]
    wanted: list[tuple[str, str]] | None = None
    for columns in node.find_all(exp.Columns):
        strict(binder.sql, columns, "this")
        found = _chosen(binder, columns, tables)
        if wanted is not None and found != wanted:
            raise unsupported(binder.sql, node, "COLUMNS of different columns in one expression")
        wanted = found
    items: list[exp.Expr] = []
    for table, name in wanted or []:

        def swap(n: exp.Expr, table: str = table, name: str = name) -> exp.Expr:
            return _column(table, name) if isinstance(n, exp.Columns) else n

        alias = node.alias or name
        items.append(exp.alias_(node.unalias().copy().transform(swap), exp.to_identifier(alias, quoted=True)))
    return _limited(binder, node, items)


def _modified(binder: Binder, node: exp.Expr, star: exp.Star, tables: InSight) -> list[exp.Expr]:
    strict(binder.sql, star, "except_", "replace", "rename")
    only = node.table.lower() if isinstance(node, exp.Column) else ""
    sight = [(t, c) for t, columns in tables if not only or t.lower() == only for c in columns]
    known = {c.lower() for _, c in sight}
    left_out = {e.name.lower() for e in star.args.get("except_") or []}
    replaced = {e.alias.lower(): e.unalias() for e in star.args.get("replace") or []}
    renamed = {e.unalias().name.lower(): e.alias for e in star.args.get("rename") or []}
    for name in (*left_out, *replaced, *renamed):
        if name not in known:
            raise BindError(
                "unknown_column",
                f"There is no column {name[:40]} here.",
                hint=f"Known here: {', '.join(dict.fromkeys(c for _, c in sight))}.",
                position=position(binder.sql, node),
                rule="names",
            )
    items: list[exp.Expr] = []
    for table, name in sight:
        lower = name.lower()
        if lower in left_out:
            continue
        value = replaced[lower].copy() if lower in replaced else _column(table, name)
        items.append(exp.alias_(value, exp.to_identifier(renamed.get(lower, name), quoted=True)))
    return _limited(binder, node, items)


def _chosen(binder: Binder, node: exp.Columns, tables: InSight) -> list[tuple[str, str]]:
    sight = [(t, c) for t, columns in tables for c in columns]
    what = node.this
    if isinstance(what, exp.Star):
        strict(binder.sql, what, "except_")
        gone = {e.name.lower() for e in what.args.get("except_") or []}
        return [(t, c) for t, c in sight if c.lower() not in gone]
    if isinstance(what, exp.Array):
        names = {e.name.lower() for e in what.expressions}
        return [(t, c) for t, c in sight if c.lower() in names]
    if isinstance(what, exp.Literal) and what.is_string and len(what.name) <= 100:
        try:
            pattern = re.compile(what.name)
        except re.error:
            raise unsupported(binder.sql, node, "A pattern that is no regular expression") from None
        return [(t, c) for t, c in sight if pattern.search(c)]
    raise unsupported(binder.sql, node, "COLUMNS of anything but *, a list or a pattern", "Name the columns.")


def _column(table: str, name: str) -> exp.Expr:
    return exp.column(exp.to_identifier(name, quoted=True), table=exp.to_identifier(table, quoted=True))


def _limited(binder: Binder, node: exp.Expr, items: list[exp.Expr]) -> list[exp.Expr]:
    if not items:
        raise unsupported(binder.sql, node, "A choice of columns that is empty")
    if len(items) > ITEMS_MAX:
        raise SqlSyntaxError("sql_too_large", f"The result has more than {ITEMS_MAX} columns.", rule="limits")
    return items


# -- aliases


def _aliases(select: exp.Select, columns: set[str]) -> exp.Select:
    """References to SELECT's aliases where no column has that name: in later items, WHERE, windows, QUALIFY (as DuckDB)."""
    named: dict[str, exp.Expr] = {}
    items: list[exp.Expr] = []
    changed = False
    for item in select.expressions:
        fresh = _replaced(item, named)
        changed |= fresh is not item
        items.append(fresh)
        alias = item.alias.lower()
        if alias and alias not in columns:
            named.setdefault(alias, fresh.unalias())
    clauses = {
        key: _replaced(select.args[key], named) for key in ("where", "group") if select.args.get(key) is not None
    }
    changed |= any(clauses[k] is not select.args[k] for k in clauses)
    if not changed:
        return select
    result = select.copy()
    result.set("expressions", [i.copy() for i in items])
    for key, value in clauses.items():
        result.set(key, value.copy())
    return result


def _replaced(node: exp.Expr, named: dict[str, exp.Expr]) -> exp.Expr:
    if not named or not any(_is_alias(n, named) for n in _own(node)):
        return node

    def swap(n: exp.Expr) -> exp.Expr:
        if _is_alias(n, named):
            inner = named[n.name.lower()]
            return inner.copy() if isinstance(inner, exp.Column | exp.Literal) else exp.Paren(this=inner.copy())
        return n

    inside = {id(n) for n in _own(node)}
    copy = node.copy()
    own = [c for n, c in zip(node.walk(), copy.walk(), strict=True) if id(n) in inside and _is_alias(n, named)]
    for column in own:
        if column is copy:
            return swap(column)
        column.replace(swap(column))
    if sum(1 for _ in copy.walk()) > NODES_MAX:
        raise SqlSyntaxError("sql_too_large", "The statement is too large once its aliases are written out.")
    return copy


def _is_alias(node: exp.Expr, named: dict[str, exp.Expr]) -> bool:
    return isinstance(node, exp.Column) and not node.table and node.name.lower() in named


def _own(node: exp.Expr) -> list[exp.Expr]:
    """The node and what is below it, subqueries not entered."""
    found: list[exp.Expr] = []
    stack = [node]
    while stack:
        one = stack.pop()
        if isinstance(one, exp.Query) and not isinstance(one, exp.Subquery):
            continue
        found.append(one)
        stack.extend(one.iter_expressions())
    return found
