"""Completion of the policy's tables, columns, categories and functions, of keywords and of backslash commands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from tacit._text import clean

if TYPE_CHECKING:
    from tacit.wire import ColumnFacts, DatasetFacts, TableFacts

KEYWORDS = re.findall(
    r"\w+",
    "SELECT FROM WHERE GROUP BY HAVING ORDER LIMIT JOIN LEFT ON USING AS AND OR NOT IN IS NULL BETWEEN LIKE CASE WHEN "
    "THEN ELSE END DISTINCT WITH UNION ALL ASC DESC FILTER OVER PARTITION EXISTS VALUES TRUE FALSE DATE INTERVAL CAST",
)

_WORD = re.compile(r'[A-Za-z_]\w*$|"[^"]*$')
_AFTER_TABLE_WORD = re.compile(r"(?i)\b(?:from|join)\s+(?:[\w\",.\s]*,\s*)?$")
_QUALIFIED = re.compile(r"([A-Za-z_]\w*)\s*\.\s*$")
_ALIAS = re.compile(r"(?i)\b(?:from|join|,)\s*\"?([A-Za-z_]\w*)\"?\s+(?:as\s+)?([A-Za-z_]\w*)")
_IN_STRING = re.compile(r"(?i)([A-Za-z_]\w*)\"?\s*(?:=|<>|!=|\bin\s*\((?:\s*'[^']*'\s*,)*)\s*'([^']*)$")
_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]*\Z", re.IGNORECASE)
_TABLE_COMMANDS = ("\\d", "\\dt")
_SQL_COMMANDS = ("\\cost", "\\explain")
_CATEGORIES_SHOWN = 100


class SqlCompleter(Completer):
    """Completes from public facts, which ``facts`` supplies (``None`` until they are known)."""

    def __init__(self, facts: Callable[[], DatasetFacts | None], commands: Mapping[str, str]) -> None:
        self._facts = facts
        self._commands = commands

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:  # noqa: ARG002
        """Candidates at the cursor, names of the policy first."""
        before = document.text_before_cursor
        line = before.lstrip()
        if line.startswith("\\"):
            command, space, rest = line.partition(" ")
            if not space:
                return _matching(command, self._commands.items())
            if command in _TABLE_COMMANDS:
                return _matching(rest.strip(), self._tables())
            if command not in _SQL_COMMANDS:
                return ()
            before = rest
        return self._in_sql(before, document.text)

    def _in_sql(self, before: str, statement: str) -> Iterator[Completion]:
        literal = _IN_STRING.search(before)
        if literal is not None:
            yield from self._categories(literal[1], literal[2])
            return
        match = _WORD.search(before)
        word = match[0] if match else ""
        head = before[: len(before) - len(word)]
        qualified = _QUALIFIED.search(head)
        if qualified is not None:
            table = self._named(_aliases(statement).get(qualified[1].lower(), qualified[1]))
            yield from _matching(word, _columns([table] if table else []))
        elif _AFTER_TABLE_WORD.search(head):
            yield from _matching(word, self._tables())
        elif word:
            yield from _matching(word, self._everywhere(statement))

    def _everywhere(self, statement: str) -> Iterator[tuple[str, str]]:
        facts = self._facts()
        if facts is not None:
            used = [t for t in facts.tables if re.search(rf"(?i)\b{re.escape(t.name)}\b", statement)]
            yield from _columns(used or facts.tables)
            yield from self._tables()
            yield from ((f"{name}(", "function") for name in facts.functions)
        yield from ((keyword, "") for keyword in KEYWORDS)

    def _tables(self) -> list[tuple[str, str]]:
        facts = self._facts()
        return [(t.name, "public table" if t.public else "protected table") for t in facts.tables] if facts else []

    def _named(self, name: str) -> TableFacts | None:
        facts = self._facts()
        return next((t for t in facts.tables if t.name.lower() == name.lower()), None) if facts else None

    def _categories(self, column: str, typed: str) -> Iterator[Completion]:
        facts = self._facts()
        values: dict[str, None] = {}
        for table in facts.tables if facts else []:
            for fact in table.columns:
                if fact.name.lower() == column.lower():
                    values |= dict.fromkeys(str(value) for value in fact.categories or [])
        for value in list(values)[:_CATEGORIES_SHOWN]:
            if value.lower().startswith(typed.lower()) and value == clean(value):
                yield Completion(value.replace("'", "''"), start_position=-len(typed), display_meta=column)


def _columns(tables: Iterable[TableFacts]) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for table in tables:
        for column in table.columns:
            found.setdefault(column.name, f"{table.name}: {describe(column)}")
    return list(found.items())


def describe(column: ColumnFacts) -> str:
    """A column's public facts in a few words: ``integer 0..120``, ``string: north, south, …``."""
    text = column.type
    if column.bounds is not None:
        text += f" {'..'.join(str(bound) for bound in column.bounds)}"
    if column.categories:
        more = ", …" if len(column.categories) > 4 else ""
        text += f": {', '.join(str(value) for value in column.categories[:4])}{more}"
    return clean(text + (", privacy unit" if column.is_privacy_unit else ""))


def _aliases(statement: str) -> dict[str, str]:
    return {alias.lower(): table for table, alias in _ALIAS.findall(statement)}


def _matching(word: str, candidates: Iterable[tuple[str, str]]) -> Iterator[Completion]:
    """Candidates that start with the word, ignoring case; a name that needs quotes gets them."""
    bare = word.lstrip('"').lower()
    for name, meta in candidates:
        if name != clean(name) or not name.lower().startswith(bare):
            continue
        plain = _PLAIN_NAME.match(name) is not None or name.endswith("(") or name.startswith("\\")
        text = name if plain and not word.startswith('"') else '"' + name.replace('"', '""') + '"'
        if text != word:
            yield Completion(text, start_position=-len(word), display=name, display_meta=meta)
