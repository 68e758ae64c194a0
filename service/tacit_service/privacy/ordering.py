"""A total order on group keys of any type, so that a release never shows the engine's or a hash table's order."""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal
from typing import Any


def key_order(key: tuple[Any, ...]) -> tuple[tuple[int, str, Any], ...]:
    """A sort key for a key tuple: values of one type in their own order, types apart, NaN after numbers, NULL last.

    >>> sorted([("b", None), ("a", 2), ("a", 1), (None, 0)], key=key_order)
    [('a', 1), ('a', 2), ('b', None), (None, 0)]
    """
    return tuple(_value_order(value) for value in key)


def _value_order(value: Any) -> tuple[int, str, Any]:
    if value is None:
        return (2, "", 0)
    if isinstance(value, bool | int | float | Decimal):
        if isinstance(value, float) and math.isnan(value):
            return (1, "", 0)
        return (0, "number", value)
    if isinstance(value, datetime):  # before date, its base class: the two do not compare
        return (0, "timestamp", value.isoformat())
    if isinstance(value, date):
        return (0, "date", value)
    if isinstance(value, str):
        return (0, "text", value)
    return (0, type(value).__name__, repr(value))
