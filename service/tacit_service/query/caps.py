"""What a request says beside its SQL that the binder needs; and places in a text. Free of the parser, which takes long to load."""

from __future__ import annotations

from dataclasses import dataclass

from tacit_service.errors import Position

FLAGS = {"bias_check", "approx_bounds"}
"""Options that are TRUE or FALSE."""

STAGED_ROWS_MAX = 10_000
"""Rows that an earlier stage of a statement may hand on to a later one."""

LEVEL = "__level"
"""Column in the table of a ROLLUP: which of its levels a row is of."""


@dataclass(frozen=True, slots=True)
class Caps:
    """Contribution bounds that the request names; ``None`` takes the policy's."""

    max_rows: int | None = None
    max_groups: int | None = None
    max_amount: float | None = None
    approx_bounds: bool = False


def span(sql: str, start: int, end: int) -> Position:
    """Position of the half-open character span ``[start, end)``."""
    before = sql[:start]
    line = before.count("\n") + 1
    return Position(line=line, column=start - (before.rfind("\n") + 1) + 1, start=start, end=max(end, start + 1))
