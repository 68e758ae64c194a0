"""Post-processing: SQL above release points, kept as a checked tree that the isolated engine runs over released tables.

Everything here reads released or public rows only, so any meaning is allowed; what is checked is that the text cannot
steer the engine (allow-listed nodes and functions, names resolved here, identifiers quoted) and which output columns
stand for released numbers as they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp, parse

from tacit_service.errors import BindError, DerivationError, Position, TacitError

from .bind_expr import CASTS
from .bounds import Interval
from .functions import PART_ALIASES, PARTS
from .outer_functions import FUNCTION_NAMES, FUNCTIONS, NODES, REFUSED_BINARY
from .parse import position
from .syntax import label, unsupported
from .total import TEXT_MAX

# bare words that are emitted as they stand: date parts and window frames
_WORDS = {*PARTS, *PART_ALIASES, "microsecond", "millisecond", "epoch", "century", "decade", "all"}
_NESTED_WIDTH = re.compile(r"\{[^{}]*\{|%[^a-zA-Z%]*\*")  # a width that is another argument: {:{}}, %*d
AGGREGATING = (exp.AggFunc, exp.Window)


@dataclass(frozen=True, slots=True)
class OuterColumn:
    """A column above release points. ``kind``: key, noisy, derived or public; ``source`` names the released column."""

    name: str
    kind: str
    source: tuple[str, str] | None = None


@dataclass(slots=True)
class Outer:
    """A query above release points: its checked tree and its columns. ``public``: it holds no release.

    ``single``: one row by construction; ``bounds`` of released columns that stay inside public bounds, by lower-case name.
    """

    tree: exp.Query
    columns: list[OuterColumn]
    public: bool
    row_wise: bool = False
    single: bool = False
    bounds: dict[str, Interval] = field(default_factory=dict)


@dataclass(slots=True)
class OuterScope:
    """Sources of an outer SELECT by alias, with the enclosing scope for correlated subqueries."""

    entries: list[tuple[str, list[OuterColumn]]] = field(default_factory=list)
    hidden: dict[str, set[str]] = field(default_factory=dict)
    merged: set[str] = field(default_factory=set)
    parent: OuterScope | None = None

    def holds(self, alias: str) -> bool:
        """The alias is of this scope itself, not of one around it."""
        return any(alias == mine for mine, _ in self.entries)

    def in_sight(self) -> list[tuple[str, list[str]]]:
        """Table aliases with the names of their columns that ``*`` expands to."""
        return [
            (alias, [c.name for c in columns if c.name.lower() not in self.hidden.get(alias, ())])
            for alias, columns in self.entries
        ]

    def find(self, name: str, table: str | None) -> tuple[str, OuterColumn] | None:
        """Alias and column for a name, innermost first; ``None`` when unknown; the first hit when ambiguous by USING."""
        for alias, columns in self.entries:
            if table is not None and alias.lower() != table.lower():
                continue
            for c in columns:
                if c.name.lower() == name.lower() and not (
                    table is None and name.lower() in self.hidden.get(alias, ())
                ):
                    return alias, c
        return self.parent.find(name, table) if self.parent is not None else None


class OuterExpressions:
    """Checks and rewrites expressions of one outer SELECT."""

    def __init__(self, binder: Any, scope: OuterScope, env: Any, aliases: set[str] | None = None) -> None:
        self.binder = binder
        self.scope = scope
        self.env = env
        self.aliases = aliases or set()
        self.ending = False  # in ORDER BY, HAVING and the like, where a name may be one that SELECT gives

    def rewrite(self, node: exp.Expr) -> exp.Expr:
        """A checked copy with names resolved and quoted, and subqueries bound."""
        if isinstance(node, exp.Query) and not isinstance(node, exp.Subquery):
            return self._query(node)
        if isinstance(node, exp.Column):
            return self._column(node)
        if isinstance(node, exp.Window):
            return self._parts(node, {"this": self._parts(node.this, {})})
        return self._parts(node, {})

    def _parts(self, node: exp.Expr, done: dict[str, exp.Expr]) -> exp.Expr:
        """A checked copy of the node over rewritten parts, some of which are given."""
        self.check(node)
        copy = node.__class__()
        for key, value in node.args.items():
            if key in done:
                copy.set(key, done[key])
            elif isinstance(value, exp.Expr):
                copy.set(key, self.rewrite(value))
            elif isinstance(value, list):
                copy.set(key, [self.rewrite(v) if isinstance(v, exp.Expr) else v for v in value])
            else:
                copy.set(key, value)
        return copy

    def check(self, node: exp.Expr) -> None:
        """Refuse what is not on the list."""
        self._check_constants(node)
        if isinstance(node, exp.Anonymous):
            if node.name.lower() in FUNCTION_NAMES:
                return
            raise self._unknown(node)
        if isinstance(node, REFUSED_BINARY):
            raise unsupported(self.binder.sql, node, label(node))
        if isinstance(node, exp.Func):
            if isinstance(node, FUNCTIONS):
                return
            raise self._unknown(node)
        if not isinstance(node, NODES):
            raise unsupported(self.binder.sql, node, label(node))
        if isinstance(node, exp.Var) and node.name.lower() not in _WORDS:
            raise unsupported(self.binder.sql, node, f"The word {node.name[:20]}")
        if isinstance(node, exp.DataType) and (
            node.this.name not in CASTS or node.args.get("kind") or node.args.get("nested")
        ):
            raise unsupported(self.binder.sql, node, "This type", "Cast to BIGINT, DOUBLE, DATE, DECIMAL(p, s) …")
        if isinstance(node, exp.DataTypeParam) and not (
            isinstance(node.this, exp.Literal) and node.this.name.isdigit()
        ):
            raise unsupported(self.binder.sql, node, "This type parameter")

    def _check_constants(self, node: exp.Expr) -> None:
        """Arguments for which a noisy number could raise where nothing catches it, or ask for any amount of memory."""
        if isinstance(node, exp.Ntile) and not _counting(node.this):
            raise unsupported(self.binder.sql, node, "NTILE of a computed number", "Write a number, as in NTILE(4).")
        if isinstance(node, exp.WindowSpec):
            for end in (node.args.get("start"), node.args.get("end")):
                plain = not isinstance(end, exp.Expr) or _constant(end)
                if not plain:
                    raise unsupported(self.binder.sql, node, "A window frame of a computed width", "Write a number.")
        written = node.args.get("times") if isinstance(node, exp.Repeat) else node.args.get("expression")
        if isinstance(node, exp.Repeat | exp.Pad) and _longer(written):
            raise DerivationError(
                "text_too_long",
                f"This makes a text of more than {TEXT_MAX:,} characters.",
                hint=f"Write a length of {TEXT_MAX:,} at most.",
                position=position(self.binder.sql, node),
                rule="bounded cost",
            )
        printf = isinstance(node, exp.Anonymous) and node.name.lower() == "printf"
        if printf or isinstance(node, exp.Format):
            text = node.expressions[0] if printf and node.expressions else node.this
            if not (isinstance(text, exp.Literal) and text.is_string) or _NESTED_WIDTH.search(text.name):
                raise unsupported(
                    self.binder.sql, node, "A format that is computed", "Write it out, as in FORMAT('{:.1f}', x)."
                )

    def _unknown(self, node: exp.Expr) -> BindError:
        return BindError(
            "unknown_function",
            f"{label(node)} is not on the list of functions.",
            hint="See the dataset's function list.",
            position=position(self.binder.sql, node),
            rule="allow-list",
        )

    def _query(self, node: exp.Query) -> exp.Expr:
        bound = self.binder.bind_outer(node, self.env, self.scope)
        tree: exp.Expr = bound.tree
        return tree

    def _column(self, node: exp.Column) -> exp.Expr:
        where = position(self.binder.sql, node)
        if node.args.get("db") or node.args.get("catalog") or isinstance(node.this, exp.Star):
            raise unsupported(self.binder.sql, node, "A name of this form")
        found = self.scope.find(node.name, node.table or None)
        named = not node.table and node.name.lower() in self.aliases
        if named and (found is None or self.ending):  # DuckDB knows which of the two it means
            return exp.column(quoted(node.name))
        if found is None:
            raise self._missing(node, where)
        alias, column = found
        if not node.table and node.name.lower() in self.scope.merged and self.scope.holds(alias):
            return exp.column(quoted(column.name))  # merged by USING: neither side's own, where a side can be missing
        return exp.column(quoted(column.name), table=quoted(alias))

    def _missing(self, node: exp.Column, where: Position | None) -> BindError:
        names = [c.name for _, columns in self.scope.entries for c in columns]
        return BindError(
            "unknown_column",
            f"There is no column {node.sql('duckdb')[:80]} here.",
            hint=f"Known here: {', '.join(dict.fromkeys(names))}." if names else None,
            position=where,
            rule="names",
        )

    def kind(self, node: exp.Expr) -> OuterColumn:
        """What a projection stands for, before it is rewritten; the name is the caller's."""
        inner = node.unalias()
        while isinstance(inner, exp.Paren):
            inner = inner.this
        if isinstance(inner, exp.Column) and not isinstance(inner.this, exp.Star):
            found = self.scope.find(inner.name, inner.table or None)
            if found is not None:
                return found[1]
        kinds: set[str] = set()
        for n in inner.walk():
            if isinstance(n, exp.Query) and not isinstance(n, exp.Subquery):
                kinds.add("derived")
            if isinstance(n, exp.Column):
                found = self.scope.find(n.name, n.table or None)
                if found is not None:
                    kinds.add(found[1].kind)
        released = any(c.kind != "public" for _, columns in self.scope.entries for c in columns)
        if any(isinstance(n, AGGREGATING) for n in inner.walk()) and released:
            kinds.add("derived")
        if kinds & {"noisy", "derived"}:
            return OuterColumn("", "derived")
        return OuterColumn("", "key" if "key" in kinds else "public")


def verify(sql: str, tables: set[str]) -> None:
    """Read the emitted statement again: it must be one SELECT over the given tables with functions of the list alone.

    A second wall behind ``check``: whatever slipped into the text as text shows up as a node here.
    """
    trees = parse(sql, read="duckdb")
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        raise TacitError("internal_error", "emitted SQL is not one SELECT")
    for node in trees[0].walk():
        if isinstance(node, exp.Table):
            known = isinstance(node.this, exp.Identifier) and not node.args.get("db") and node.name in tables
            if not known:
                raise TacitError("internal_error", "emitted SQL reads something that is no released or public table")
        elif isinstance(node, exp.Anonymous):
            if node.name.lower() not in FUNCTION_NAMES:
                raise TacitError("internal_error", "emitted SQL calls a function that is not on the list")
        elif isinstance(node, exp.Func) and not isinstance(node, FUNCTIONS):
            raise TacitError("internal_error", "emitted SQL calls a function that is not on the list")
        elif isinstance(node, exp.Command | exp.DDL | exp.DML):
            raise TacitError("internal_error", "emitted SQL does more than read")


def _counting(node: Any) -> bool:
    return isinstance(node, exp.Literal) and not node.is_string and node.name.isdigit() and int(node.name) > 0


def _constant(node: exp.Expr) -> bool:
    return not any(isinstance(n, exp.Column | exp.Query | exp.AggFunc | exp.Window | exp.Neg) for n in node.walk())


def quoted(name: str) -> exp.Identifier:
    """A quoted identifier."""
    return exp.Identifier(this=name, quoted=True)


def projection_name(node: exp.Expr) -> str:
    """Name of an output column as DuckDB would give it."""
    if node.alias:
        return node.alias
    inner = node.unalias()
    if isinstance(inner, exp.Column | exp.Identifier):
        return inner.name
    if isinstance(inner, exp.Count) and (inner.this is None or isinstance(inner.this, exp.Star)):
        return "count_star()"
    text = inner.sql("duckdb", normalize_functions="lower")
    return "".join(ch for ch in text if ch.isprintable())[:120]


def _longer(length: object) -> bool:
    """A written length past what text may have; one that is computed is limited when it runs (``total``)."""
    return isinstance(length, exp.Literal) and not length.is_string and float(length.name) > TEXT_MAX
