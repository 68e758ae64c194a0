r"""Cuts typed text into statements, which end at ``;``, and backslash commands, which end with their line.

>>> [piece.text for piece in split("SELECT ';' AS x; \\budget\nSELECT 1")]
["SELECT ';' AS x", '\\budget', 'SELECT 1']
>>> finished("SELECT 'it''s;'"), finished("SELECT 1;"), finished("\\dt")
(False, True, True)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

_QUOTE_TAG = re.compile(r"\$(?:[A-Za-z_]\w*)?\$")
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Piece:
    """One statement (without its ``;``) or one backslash command. ``complete``: it has its terminator."""

    text: str
    kind: Literal["sql", "command"]
    complete: bool


def split(text: str) -> list[Piece]:
    """All pieces of a text, in order; the last may be incomplete. Blank and comment-only statements are dropped."""
    pieces: list[Piece] = []
    start = 0
    while start < len(text):
        while start < len(text) and text[start].isspace():
            start += 1
        if text.startswith("\\", start):
            end = text.find("\n", start)
            end = len(text) if end < 0 else end
            pieces.append(Piece(text[start:end].strip(), "command", True))
            start = end
            continue
        end, complete = _statement_end(text, start)
        statement = text[start:end].strip()
        if _COMMENT.sub("", statement).strip():
            pieces.append(Piece(statement, "sql", complete))
        start = end + 1
    return pieces


def finished(text: str) -> bool:
    """Whether Enter runs this text rather than opening another line."""
    pieces = split(text)
    return not text.strip() or (bool(pieces) and pieces[-1].complete)


def aside(text: str) -> tuple[str, str] | None:
    """A statement that is not finished, and the command or word on the line below it, which is obeyed at once.

    Inside quotes and comments nothing is a command.

    >>> aside("SELECT 1\\n\\\\x")
    ('SELECT 1', '\\\\x')
    >>> aside("SELECT '1\\n\\\\x"), aside("SELECT 1;\\n\\\\x")
    (None, None)
    """
    before, _, last = text.rpartition("\n")
    last = last.strip()
    if not (last.startswith("\\") or word(last)):
        return None
    pieces = split(before)
    pending = bool(pieces) and not pieces[-1].complete
    return (before, last) if pending and finished(f"{before}\n;") else None


def word(text: str) -> str | None:
    """``quit``, ``exit`` or ``help`` alone, as psql takes them."""
    plain = text.strip().rstrip(";").strip().lower()
    return plain if plain in ("quit", "exit", "help") else None


def _statement_end(text: str, start: int) -> tuple[int, bool]:
    """Index of the ``;`` that ends the statement, or of the end of the text; and whether there was one."""
    i = start
    while i < len(text):
        if text[i] == ";":
            return i, True
        i = _skip(text, i)
    return len(text), False


def _skip(text: str, i: int) -> int:
    """Index after the token at ``i``, when a ``;`` inside it would not end a statement; else ``i + 1``."""
    if text[i] in "'\"":
        return _after_quote(text, i)
    if text.startswith("--", i):
        end = text.find("\n", i)
        return len(text) if end < 0 else end
    if text.startswith("/*", i):
        end = text.find("*/", i + 2)
        return len(text) if end < 0 else end + 2
    tag = _QUOTE_TAG.match(text, i)
    if tag is not None:
        end = text.find(tag[0], tag.end())
        return len(text) if end < 0 else end + len(tag[0])
    return i + 1


def _after_quote(text: str, i: int) -> int:
    mark = text[i]
    j = i + 1
    while True:
        j = text.find(mark, j)
        if j < 0:
            return len(text)
        if text.startswith(mark, j + 1):  # doubled: the mark itself
            j += 2
            continue
        return j + 1
