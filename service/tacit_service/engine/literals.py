"""Constants in the engine's SQL, and the places where released numbers will stand."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction


def literal(value: object) -> str:
    """A constant as SQL. Integers are 64-bit, decimals floats, so that arithmetic has the types the planner proved."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return f"CAST({value} AS BIGINT)"
    if isinstance(value, Decimal | float | Fraction):
        return f"CAST({float(value)!r} AS DOUBLE)"
    if isinstance(value, dt.datetime):
        return f"TIMESTAMP '{value.isoformat(sep=' ')}'"
    if isinstance(value, dt.date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    raise TypeError(f"no literal for {type(value).__name__}")


def placeholder(param: str) -> str:
    """Where a released number will stand. NUL cannot occur in a statement, so no literal can look like this."""
    return f"\x00{param}\x00"


def with_params(sql: str, values: Mapping[str, float | None]) -> str:
    """The statement with every placeholder replaced by its number (``None`` and what is not finite by NULL).

    Raises ``ValueError`` when a placeholder is left: the engine would run another statement than the one that was planned.
    """
    for param, value in values.items():
        number = value if value is not None and math.isfinite(value) else None
        sql = sql.replace(placeholder(param), "CAST(NULL AS DOUBLE)" if number is None else literal(float(number)))
    if "\x00" in sql:
        raise ValueError("a released number that the statement reads is missing")
    return sql
