"""What every error of the service carries, and how it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tacit._text import clean_block, width


class TacitError(Exception):
    """Root of the tree: catch it to catch everything that Tacit raises."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where in the SQL: 1-based line and column, 0-based half-open span of characters."""

    line: int
    column: int
    start: int
    end: int


class APIError(TacitError):
    """The service said no. ``code`` is stable; ``detail`` is the cause, ``hint`` and ``suggestion`` the fix."""

    def __init__(
        self,
        code: str,
        status: int,
        detail: str,
        *,
        title: str = "",
        hint: str | None = None,
        position: Position | None = None,
        rule: str | None = None,
        suggestion: str | None = None,
        extra: Mapping[str, Any] | None = None,
        sql: str | None = None,
        retry_after_s: float | None = None,
        idempotency_key: str | None = None,
    ) -> None:
        super().__init__(code, status, detail)
        self.code = code
        self.status = status
        self.detail = detail
        self.title = title
        self.hint = hint
        self.position = position
        self.rule = rule
        self.suggestion = suggestion
        self.extra: dict[str, Any] = dict(extra or {})
        self.sql = sql
        self.retry_after_s = retry_after_s
        self.idempotency_key = idempotency_key

    def __str__(self) -> str:
        lines = [f"{self.code}: {self.detail}"]
        if self.sql is not None and self.position is not None:
            lines += excerpt(self.sql, self.position)
        lines += self._facts()
        if self.hint:
            lines.append(f"Fix: {self.hint}")
        if self.suggestion and self.suggestion not in (self.hint or ""):
            lines.append(f"Try: {self.suggestion}")
        return clean_block("\n".join(lines))

    def _facts(self) -> list[str]:
        """Lines between cause and fix; a subclass that carries data shows it here."""
        return []


def excerpt(sql: str, position: Position) -> list[str]:
    """The line of SQL that a position points at, and a caret line under it; empty when it points outside."""
    lines = sql.split("\n")
    if not (1 <= position.line <= len(lines) and position.column >= 1):
        return []
    line = clean_block(lines[position.line - 1]).replace("\t", " ")
    before = clean_block(lines[position.line - 1][: position.column - 1]).replace("\t", " ")
    if len(before) > len(line):
        return []
    marked = line[len(before) : len(before) + max(1, position.end - position.start)]
    gutter = " " * len(str(position.line))
    return [
        f"  {position.line} | {line}",
        f"  {gutter} | {' ' * width(before)}{'^' * max(1, width(marked))}",
    ]
