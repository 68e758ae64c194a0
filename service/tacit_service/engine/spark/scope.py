"""What columns an expression may read, and how names and texts are written for Spark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .value import Untranslatable, Value

Columns = dict[str, Value]
"""Columns of a relation by name, in order; each value's text is the column's quoted name."""


@dataclass(slots=True)
class Scope:
    """Sources by alias, the relations that WITH names, and the scope of the query around."""

    sources: dict[str, Columns] = field(default_factory=dict)
    named: Mapping[str, Columns] = field(default_factory=dict)
    above: Scope | None = None

    def column(self, name: str, table: str = "") -> Value:
        """The column as an expression."""
        for alias, columns in self.sources.items():
            if (not table or table == alias) and name in columns:
                text = quoted(name)
                return columns[name].named(f"{quoted(table)}.{text}" if table else text)
        if self.above is None:
            raise Untranslatable(f"the column {name}")
        return self.above.column(name, table)

    def relation(self, name: str) -> Columns | None:
        """The columns of a relation that WITH names, here or around."""
        if name in self.named:
            return self.named[name]
        return None if self.above is None else self.above.relation(name)


def quoted(name: str) -> str:
    """A quoted identifier."""
    return "`" + name.replace("`", "``") + "`"


def literal(text: str) -> str:
    """A text as SQL, where backslashes are escapes (``spark.sql.parser.escapedStringLiterals`` is false)."""
    if "\x00" in text:
        raise Untranslatable("the character NUL")
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
