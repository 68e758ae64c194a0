"""Typical questions to a policy: how many, how many by key, means and totals, by month. One measured column each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tacit_service.policy.model import Column, Policy, Table
from tacit_service.policy.rules import protected

QUESTIONS_MAX: Final = 8
_KEYS_MAX: Final = 60


@dataclass(frozen=True, slots=True)
class Question:
    """A statement, and what it asks in words."""

    sql: str
    about: str


def typical(policy: Policy) -> list[Question]:
    """At most ``QUESTIONS_MAX`` questions, turn by turn over the protected tables, the simplest of each first."""
    tables = [list(_of(name, table)) for name, table in protected(policy).items()]
    turns = max(map(len, tables), default=0)
    return [found[turn] for turn in range(turns) for found in tables if turn < len(found)][:QUESTIONS_MAX]


def _of(name: str, table: Table) -> Iterator[Question]:
    usable = {c: body for c, body in table.columns.items() if c != table.unit}
    keys = [c for c, body in usable.items() if body.categories and len(body.categories) <= _KEYS_MAX]
    numbers = [c for c, body in usable.items() if body.type in ("integer", "number") and body.bounds]
    times = [c for c, body in usable.items() if body.type in ("date", "timestamp") and body.bounds]
    free = [c for c, body in usable.items() if body.type == "string" and body.categories is None]
    yield Question(f"SELECT COUNT(*) AS n FROM {name}", f"how many rows of {name}")
    if keys:
        yield Question(f"SELECT {keys[0]}, COUNT(*) AS n FROM {name} GROUP BY {keys[0]}", f"how many by {keys[0]}")
    number = _amount(usable, numbers)
    if number:
        yield Question(f"SELECT AVG({number}) AS mean FROM {name}", f"the mean of {number}")
    if number and keys:
        by = keys[-1]
        yield Question(f"SELECT {by}, SUM({number}) AS total FROM {name} GROUP BY {by}", f"{number} in total, by {by}")
    if times:
        month = f"DATE_TRUNC('month', {times[0]})"
        yield Question(
            f"SELECT {month} AS month, COUNT(*) AS n FROM {name} GROUP BY {month}", "how many, month by month"
        )
    if free:
        yield Question(
            f"SELECT {free[0]}, COUNT(*) AS n FROM {name} GROUP BY {free[0]}",
            f"how many by {free[0]}, keys not declared",
        )


def _amount(columns: dict[str, Column], numbers: list[str]) -> str | None:
    """The column that people add up: a number before an integer, the widest bounds first."""

    def rank(name: str) -> tuple[bool, float]:
        low, high = columns[name].bounds or (0, 0)
        return columns[name].type == "number", float(str(high)) - float(str(low))

    return max(numbers, key=rank, default=None)
