"""YAML text → plain data and the line of every node, or a ``PolicyError`` with the line and the fix.

Only the part of YAML that a policy needs: maps, lists, scalars. Anchors, aliases, tags, duplicate keys and several
documents are refused. Scalars follow YAML 1.2's core schema, so that ``no`` stays the country code that it looks like
and ``1e-6`` is a number; numbers are ``int`` or ``Decimal`` by their text, so that no float ever touches a budget.

>>> read_document("budget:\\n  epsilon: 1e-6\\n").data
{'budget': {'epsilon': Decimal('0.000001')}}
>>> read_document("a: 1\\na: 2\\n")
Traceback (most recent call last):
    ...
tacit_service.errors.PolicyError: policy_syntax: policy:2: a: written twice (first on line 1) Keep one of the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import yaml

from tacit_service.errors import PolicyError
from tacit_service.policy.problems import Path, Problem, refuse

DEPTH_MAX = 24
_NUMBER_LENGTH_MAX = 64  # longer digits are text, which every numeric field refuses: no huge integer is ever built

_INT = re.compile(r"[-+]?[0-9]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,4})?\Z")
_NULL = {"", "~", "null", "Null", "NULL"}
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # events only: neither constructs an object


@dataclass(frozen=True, slots=True)
class Document:
    """Plain data and, for each path in it, the 1-based line where its key (or list item) stands."""

    data: Any
    lines: dict[Path, int]

    def line(self, path: Path) -> int:
        """Line of the longest part of ``path`` that the text has."""
        return self.lines[self.known(path)]

    def known(self, path: Path) -> Path:
        """The longest part of ``path`` that the text has."""
        while path not in self.lines:
            path = path[:-1]
        return path


def read_document(text: str, file: str = "policy") -> Document:
    """Parse one YAML document."""
    try:
        return _Builder(text, file).build()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        detail = ": ".join(part for part in (error.context, error.problem) if part) or "not YAML"
        if "nesting" in detail:  # libyaml's own limit, where it has one
            detail = "nested too deeply"
        raise _syntax(file, mark.line + 1 if mark else 1, (), detail, _hint(detail)) from None
    except yaml.reader.ReaderError as error:
        position = error.position if isinstance(error.position, int) else 0
        line = text.count("\n", 0, position) + 1
        raise _syntax(
            file, line, (), f"a character that YAML does not allow: {error.reason}", "Remove the character."
        ) from None


def _hint(detail: str) -> str:
    if "'\\t'" in detail or "tab" in detail:
        return "Indent with spaces, not with tabs."
    if "mapping values are not allowed" in detail:
        return "Quote a text that holds ': ', and check the indentation."
    return "Check indentation, quotes and brackets near this line."


def _syntax(file: str, line: int, path: Path, detail: str, fix: str) -> PolicyError:
    return refuse("policy_syntax", file, [Problem(line, path, detail, fix)])


class _Builder:
    """Builds plain data from YAML events; recursion is bounded by ``DEPTH_MAX``."""

    def __init__(self, text: str, file: str) -> None:
        self._file = file
        self._events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)
        self._lines: dict[Path, int] = {(): 1}

    def build(self) -> Document:
        next(self._events)  # StreamStart
        event = next(self._events)
        if isinstance(event, yaml.StreamEndEvent):
            raise _syntax(self._file, 1, (), "the file is empty", "Start from one of the example policies.")
        data = self._value(next(self._events), ())
        next(self._events)  # DocumentEnd
        event = next(self._events)
        if not isinstance(event, yaml.StreamEndEvent):
            line = event.start_mark.line + 1
            raise _syntax(self._file, line, (), "a second YAML document", "Keep one policy a file: remove the '---'.")
        return Document(data, self._lines)

    def _value(self, event: Any, path: Path) -> Any:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise _syntax(self._file, line, path, "YAML anchors and aliases are not read", "Write the value out.")
        if event.tag is not None:
            raise _syntax(self._file, line, path, f"YAML tags ({event.tag}) are not read", "Remove the tag.")
        if len(path) >= DEPTH_MAX:
            raise _syntax(self._file, line, path[:4], "nested too deeply", f"Stay under {DEPTH_MAX} levels.")
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event.value) if event.implicit[0] else event.value
        return self._list(path) if isinstance(event, yaml.SequenceStartEvent) else self._map(path)

    def _list(self, path: Path) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            here = (*path, len(items))
            self._lines[here] = event.start_mark.line + 1
            items.append(self._value(event, here))
        return items

    def _map(self, path: Path) -> dict[str, Any]:
        items: dict[str, Any] = {}
        while not isinstance(key := next(self._events), yaml.MappingEndEvent):
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarEvent) or key.anchor is not None or key.tag is not None:
                raise _syntax(self._file, line, path, "a key that is not a plain name", "Write 'name: value'.")
            here = (*path, key.value)
            if key.value in items:
                first = self._lines[here]
                detail = f"written twice (first on line {first})"
                raise _syntax(self._file, line, here, detail, "Keep one of the two.")
            self._lines[here] = line
            items[key.value] = self._value(next(self._events), here)
        return items


def _scalar(text: str) -> Any:
    """A plain scalar by YAML 1.2's core schema, with ``Decimal`` in the place of floats."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if len(text) <= _NUMBER_LENGTH_MAX:
        if _INT.match(text):
            return int(text)
        if _FLOAT.match(text):
            return Decimal(text)
    return text
