"""What a filter says of its columns: bounds and closed domains narrowed by conjuncts of the form column-op-constant."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

from .bounds import DAY_US, Facts, Interval, Type
from .catalog import ordinal
from .expr import Call, Expr, InList, Lit, Ref, conjuncts
from .plan import Column

_FLIP = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le", "eq": "eq"}


def narrow(columns: tuple[Column, ...], predicate: Expr) -> tuple[Column, ...]:
    """Columns with the facts that hold of rows which pass the predicate."""
    known = {c.id: c.facts for c in columns}
    for part in conjuncts(predicate):
        if isinstance(part, Call):
            _comparison(known, part)
        elif isinstance(part, InList) and isinstance(part.arg, Ref) and part.arg.id in known:
            values = [i.value for i in part.items if isinstance(i, Lit)]
            if len(values) == len(part.items):
                known[part.arg.id] = _among(known[part.arg.id], values)
    return tuple(Column(c.id, c.name, known[c.id]) for c in columns)


def rows_left(predicate: Expr, max_rows: int | None) -> int | None:
    """Rows of a unit that pass: ``row_number() OVER (PARTITION BY unit …) <= k`` keeps k at most."""
    for part in conjuncts(predicate):
        if not (isinstance(part, Call) and part.name in _FLIP):
            continue
        a, b = part.args
        op = part.name
        if isinstance(a, Lit):
            a, b, op = b, a, _FLIP[op]
        if isinstance(a, Ref) and a.facts.unit_rank and isinstance(b, Lit) and type(b.value) is int:
            k = {"eq": 1, "le": b.value, "lt": b.value - 1}.get(op)
            if k is not None and k >= 1:
                max_rows = k if max_rows is None else min(max_rows, k)
    return max_rows


def _comparison(known: dict[int, Facts], e: Call) -> None:
    if e.name == "not" and isinstance(e.args[0], Call) and e.args[0].name == "is_null":
        target = e.args[0].args[0]
        if isinstance(target, Ref) and target.id in known:
            known[target.id] = known[target.id].with_(nullable=False, key_null=False)
        return
    if e.name not in _FLIP:
        return
    a, b = e.args
    op = e.name
    if isinstance(a, Lit):
        a, b, op = b, a, _FLIP[op]
    if not (isinstance(a, Ref) and a.id in known and isinstance(b, Lit)) or b.value is None:
        return
    facts = known[a.id]
    point = _point(facts.type, b.value)
    if op == "eq":
        known[a.id] = _among(facts, [b.value])
    if point is not None:
        limit = _limit(facts.type, op, point)
        facts = known[a.id]
        domain = facts.domain
        if domain is not None and op != "eq":
            domain = tuple(v for v in domain if _holds(facts.type, v, op, point))
        facts = facts.with_(bounds=facts.bounds.meet(limit), domain=domain)
        known[a.id] = facts
    known[a.id] = known[a.id].with_(nullable=False, key_null=False)


def _limit(kind: Type, op: str, point: Fraction) -> Interval:
    whole = kind is not Type.NUMBER
    if op == "eq":
        return Interval(point, point)
    if op in ("ge", "gt"):
        low = (
            Fraction(math.floor(point) + 1) if whole and op == "gt" else Fraction(math.ceil(point)) if whole else point
        )
        return Interval(low, None)
    high = Fraction(math.ceil(point) - 1) if whole and op == "lt" else Fraction(math.floor(point)) if whole else point
    return Interval(None, high)


def _among(facts: Facts, values: list[Any]) -> Facts:
    if facts.type is Type.NUMBER:
        return facts.with_(nullable=False, key_null=False)
    kept = [_as(facts.type, v) for v in values if v is not None]
    if facts.type is Type.INTEGER:
        kept = [v for v in kept if type(v) is int]  # 26.5 equals no whole number
    if facts.type is Type.DATE:
        kept = [v for v in kept if not isinstance(v, dt.datetime)]  # a time of day equals no date
    if facts.domain is not None:
        kept = [v for v in facts.domain if v in kept]
    points = [_point(facts.type, v) for v in kept]
    bounds = facts.bounds
    if points and all(p is not None for p in points):
        real = [p for p in points if p is not None]
        bounds = bounds.meet(Interval(min(real), max(real)))
    return facts.with_(domain=tuple(dict.fromkeys(kept)), bounds=bounds, nullable=False, key_null=False)


def _as(kind: Type, value: Any) -> Any:
    if kind is Type.INTEGER and isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)
    if kind is Type.TIMESTAMP and isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return dt.datetime(value.year, value.month, value.day)
    if kind is Type.DATE and isinstance(value, dt.datetime) and value.time() == dt.time():
        return value.date()
    return value


def _point(kind: Type, value: Any) -> Fraction | None:
    if isinstance(value, bool):
        return None
    if kind.numeric and isinstance(value, int | Decimal):
        return Fraction(value)
    if kind is Type.DATE and isinstance(value, dt.datetime):
        return Fraction(ordinal(Type.TIMESTAMP, value), DAY_US)
    if kind.temporal and isinstance(value, dt.date):
        return Fraction(ordinal(kind, value))
    return None


def _holds(kind: Type, value: Any, op: str, point: Fraction) -> bool:
    p = _point(kind, value)
    if p is None:
        return True
    return {"lt": p < point, "le": p <= point, "gt": p > point, "ge": p >= point}[op]
