"""Parameters of the DB-API as SQL literals, put in on this side: the service takes one text and no parameters.

A ``?`` inside a string, a quoted name or a comment is text. A value becomes one literal of its type whatever it holds: DuckDB's
strings know no escape but the doubled quote, and a negative number stands in parentheses, so that ``x -?`` never begins a comment.

>>> bind("SELECT COUNT(*) FROM t WHERE name = ? AND x -? > 0 -- why?", ("O'Hara", -1))
"SELECT COUNT(*) FROM t WHERE name = 'O''Hara' AND x -(-1) > 0 -- why?"
"""

from __future__ import annotations

import datetime as dt
import math
import operator
import re
from collections.abc import Sequence
from decimal import Decimal

from tacit.errors import InvalidArgument

_TOKEN = re.compile(
    r"""
      \b[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z)   # a string with escapes
    | '(?:[^']|'')*(?:'|\Z)            # a string
    | "(?:[^"]|"")*(?:"|\Z)            # a quoted name
    | --[^\n]*                         # a comment to the end of its line
    | /\*.*?(?:\*/|\Z)                 # a comment of any length
    | \$(?P<tag>(?:[A-Za-z_]\w*)?)\$.*?(?:\$(?P=tag)\$|\Z)   # a dollar-quoted string
    | (?P<mark>\?)
    """,
    re.VERBOSE | re.DOTALL,
)


def bind(sql: str, parameters: Sequence[object]) -> str:
    """The statement with each ``?`` replaced by its parameter. ``InvalidArgument`` when their numbers differ."""
    if isinstance(parameters, str | bytes) or not isinstance(parameters, Sequence):
        raise InvalidArgument("parameters are a sequence, such as ('north', 18), one for each ? of the statement")
    left = iter(parameters)
    marks = 0

    def put(match: re.Match[str]) -> str:
        nonlocal marks
        if match["mark"] is None:
            if match[0].startswith("/*") and "/*" in match[0][2:]:
                raise InvalidArgument("a comment inside a comment: with parameters, where it ends must be plain")
            return match[0]
        marks += 1
        return literal(next(left)) if marks <= len(parameters) else "?"

    bound = _TOKEN.sub(put, sql)
    if marks != len(parameters):
        raise InvalidArgument(f"the statement has {marks} ? and {len(parameters)} parameters were given")
    return bound


def literal(value: object) -> str:
    """One SQL literal.

    >>> literal(None), literal(True), literal(3), literal(-0.5), literal(Decimal("1E-9"))
    ('NULL', 'TRUE', '3', '(-0.5)', '0.000000001')
    >>> literal(dt.date(2024, 2, 29)), literal(dt.datetime(2024, 2, 29, 12, 30))
    ("DATE '2024-02-29'", "TIMESTAMP '2024-02-29 12:30:00'")
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"):  # numpy's too
        return "TRUE" if value else "FALSE"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dt.datetime):
        if value.tzinfo is not None:
            raise InvalidArgument("a timestamp parameter has no time zone: the data have none")
        return f"TIMESTAMP '{value.isoformat(' ')}'"
    if isinstance(value, dt.date):
        return f"DATE '{value.isoformat()}'"
    return _number(value)


def _text(value: str) -> str:
    if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise InvalidArgument("a text parameter holds a NUL or a lone surrogate, which is no text")
    return "'" + value.replace("'", "''") + "'"


def _number(value: object) -> str:
    if isinstance(value, float | Decimal):
        if not math.isfinite(value):
            raise InvalidArgument("a number parameter is finite")
        text = float.__repr__(value) if isinstance(value, float) else f"{value:f}"
    else:
        try:
            text = str(operator.index(value))  # type: ignore[arg-type]
        except TypeError:
            kinds = "None, bool, int, float, Decimal, str, date or datetime"
            raise InvalidArgument(f"a parameter is {kinds}, not {type(value).__name__}") from None
    return f"({text})" if text.startswith("-") else text
