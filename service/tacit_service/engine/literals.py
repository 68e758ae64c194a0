"""Constants in the engine's SQL, and the places where released numbers will stand."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping, Sequence
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


Value = float | str | bool | None
Staged = Value | tuple[tuple[Value, ...], ...]
"""What an earlier stage gives a later one: a value, or rows. A date is days since 1970, a timestamp microseconds."""

_TYPES = {"number": "DOUBLE", "integer": "BIGINT", "string": "VARCHAR", "boolean": "BOOLEAN", "date": "DATE",
          "timestamp": "TIMESTAMP"}  # fmt: skip
_PLACE = re.compile(r"\x00([a-z:,!]+) (\w+)\x00")
_START = dt.datetime(1970, 1, 1)
_STEPS = {"date": dt.timedelta(days=1), "timestamp": dt.timedelta(microseconds=1)}


def placeholder(param: str, kind: str = "number") -> str:
    """Where a released value will stand. NUL cannot occur in a statement, so no literal can look like this."""
    return f"\x00{kind} {param}\x00"


def rows_placeholder(param: str, kinds: Sequence[str]) -> str:
    """Where released rows will stand, in FROM after VALUES: TRUE before each, and first a row of NULLs with FALSE.

    A kind that ends in ``!`` is of a column in which the plan counts on no value standing twice: of rows that have the same
    constant there the first is written, whatever the released values were.
    """
    return f"\x00rows:{','.join(kinds)} {param}\x00"


def with_names(sql: str) -> str:
    """The statement with ``:p0`` for every placeholder, to be read."""
    return _PLACE.sub(r":\2", sql)


def with_params(sql: str, values: Mapping[str, Staged]) -> str:
    """The statement with every placeholder replaced by what was released.

    ``None``, what is of another type, not finite, outside the calendar or holds a NUL is NULL. Raises ``ValueError`` when a placeholder is
    left: the engine would run another statement than the one that was planned.
    """
    if "\x00" not in sql:
        return sql
    sql = _PLACE.sub(lambda m: _written(m[1], values[m[2]]) if m[2] in values else m[0], sql)
    if "\x00" in sql:
        raise ValueError("a released number that the statement reads is missing")
    return sql


def _written(kind: str, value: Staged) -> str:
    if not kind.startswith("rows:"):
        return _constant(kind, None if isinstance(value, tuple) else value)
    marked = kind.removeprefix("rows:").split(",")
    kinds, single = [k.rstrip("!") for k in marked], [i for i, k in enumerate(marked, 1) if k.endswith("!")]
    lines = [("FALSE", *(_constant(k, None) for k in kinds))]
    written: set[tuple[int, str]] = set()
    for row in value if isinstance(value, tuple) else ():
        line = ("TRUE", *(_constant(k, v) for k, v in zip(kinds, row, strict=True)))
        keys = {(i, line[i]) for i in single}
        if not keys & written:
            lines.append(line)
            written |= keys
    return ", ".join(f"({', '.join(line)})" for line in lines)


def _constant(kind: str, value: Value) -> str:
    empty = f"CAST(NULL AS {_TYPES[kind]})"
    if kind in ("string", "boolean"):
        held = isinstance(value, bool) if kind == "boolean" else isinstance(value, str) and "\x00" not in value
        return literal(value) if held else empty
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        return empty
    if kind == "integer":
        return literal(int(value)) if abs(value) < 2**63 else empty
    if kind == "number":
        return literal(float(value))
    try:
        moment = _START + round(value) * _STEPS[kind]
    except OverflowError:
        return empty
    return literal(moment.date() if kind == "date" else moment) if moment.year > 1 else empty


def value_of(value: object) -> Value:
    """What stands for a released value in a later stage; ``None`` for what is no text, truth, number or moment."""
    if isinstance(value, dt.datetime):
        return (value.replace(tzinfo=None) - _START) // _STEPS[
            "timestamp"
        ]  # whole: past 2255 a float has not all of them
    if isinstance(value, dt.date):
        return (value - _START.date()).days
    if isinstance(value, Decimal):
        return float(value)
    return value if isinstance(value, bool | int | float | str) else None
