"""Names in sight of an expression: aliases of the FROM clause, USING's merged columns, and the enclosing scopes."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

from tacit_service.errors import BindError, Position

from .plan import Column, Relation


@dataclass(slots=True)
class Entry:
    """One relation in FROM under its alias. ``hidden`` columns answer to ``alias.name`` only (merged by USING)."""

    alias: str
    columns: tuple[Column, ...]
    hidden: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Scope:
    """Entries of one SELECT, and the scope around it for correlated subqueries."""

    entries: list[Entry] = field(default_factory=list)
    outer: Scope | None = None
    relation: Relation | None = None

    def resolve(self, name: str, table: str | None, where: Position | None) -> tuple[Column, bool]:
        """The column and whether it belongs to an enclosing scope. Raises ``BindError`` unknown_column, ambiguous_column."""
        scope: Scope | None = self
        outer = False
        while scope is not None:
            found = scope._local(name, table, where)
            if found is not None:
                return found, outer
            scope, outer = scope.outer, True
        self._unknown(name, table, where)
        raise AssertionError("unreachable")

    def _local(self, name: str, table: str | None, where: Position | None) -> Column | None:
        hits: list[Column] = []
        for entry in self.entries:
            if table is not None and entry.alias.lower() != table.lower():
                continue
            hits += [
                c
                for c in entry.columns
                if c.name.lower() == name.lower() and (table is not None or c.id not in entry.hidden)
            ]
        if len({c.id for c in hits}) > 1:
            raise BindError(
                "ambiguous_column",
                f"Column {name} is found in more than one table.",
                hint=f"Write it with its table, for instance {self.entries[0].alias}.{name}.",
                position=where,
                rule="names",
            )
        return hits[0] if hits else None

    def _unknown(self, name: str, table: str | None, where: Position | None) -> None:
        aliases = [e.alias for e in self.entries]
        if table is not None and table.lower() not in {a.lower() for a in aliases}:
            raise BindError(
                "unknown_table",
                f"No table {table} is in sight here.",
                hint=_nearest(table, aliases),
                position=where,
                rule="names",
            )
        names = [c.name for e in self.entries for c in e.columns]
        raise BindError(
            "unknown_column",
            f"The policy has no column {name} here.",
            hint=_nearest(name, names),
            position=where,
            rule="names",
        )

    def has(self, name: str) -> bool:
        """A column of that name is in this scope itself."""
        return any(c.name.lower() == name.lower() for e in self.entries for c in e.columns)

    def in_sight(self) -> list[tuple[str, list[str]]]:
        """Table aliases with the names of their columns that ``*`` expands to."""
        return [(e.alias, [c.name for c in e.columns if c.id not in e.hidden]) for e in self.entries]

    def visible(self) -> Iterable[Column]:
        """Columns that ``*`` expands to, in order."""
        for entry in self.entries:
            yield from (c for c in entry.columns if c.id not in entry.hidden)


def _nearest(name: str, candidates: list[str]) -> str | None:
    close = difflib.get_close_matches(name.lower(), [c.lower() for c in candidates], n=1)
    if close:
        return f"Did you mean {next(c for c in candidates if c.lower() == close[0])}?"
    return f"Known here: {', '.join(dict.fromkeys(candidates))}." if candidates else None
