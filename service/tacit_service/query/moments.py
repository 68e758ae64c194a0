"""What a column of a query above release points is: a number, a date, a key of some type, and within which public bounds.

A release is numbers; a date among its results is days since 1970 written back as one (``over_people``), or a group's key. A
later stage that reads it as a constant needs to know so before anything runs. Pure in the tree; what is not known is ``None``,
and is taken for a number: that it is one is checked by a dry run, before anything is charged.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from sqlglot import exp

from .bounds import DAY_US, Interval, Type
from .catalog import ordinal

Known = tuple[Type, Interval]
Lookup = Callable[[str, str], Known | None]
"""Of a table of releases and a column of it."""

_YEAR = 366  # days that a truncation moves a moment back, at most
_TYPES = {"DATE": Type.DATE, "TIMESTAMP": Type.TIMESTAMP}
_SAME = (exp.Paren, exp.Max, exp.Min, exp.Round, exp.ArgMax, exp.ArgMin, exp.AnyValue)
_TRUNC = (exp.TimestampTrunc, exp.DateTrunc)


def column(tree: exp.Query, name: str, lookup: Lookup) -> Known | None:
    """The column of that name of a SELECT."""
    if not isinstance(tree, exp.Select):
        return None
    item = next((e for e in tree.expressions if e.alias_or_name.lower() == name.lower()), None)
    return None if item is None else _known(item.unalias(), tree, lookup)


def unique(tree: exp.Query, name: str, only_key: Callable[[str, str], bool]) -> bool:
    """The column is the one key of a release, of which the query keeps each row once at most."""
    if not isinstance(tree, exp.Select) or any(tree.args.get(k) for k in ("joins", "group", "laterals")):
        return False
    if any(e.find(exp.Explode, exp.Unnest) for e in tree.expressions):  # a row for each item of a list
        return False
    item = next((e for e in tree.expressions if e.alias_or_name.lower() == name.lower()), None)
    source = tree.args["from_"].this if tree.args.get("from_") is not None else None
    inner = None if item is None else item.unalias()
    if not isinstance(inner, exp.Column):
        return False
    if isinstance(source, exp.Table):
        return only_key(source.name, inner.name)
    alias = None if source is None else source.args.get("alias")
    names = [c.name for c in alias.columns] if isinstance(alias, exp.TableAlias) else []
    query = source.this if isinstance(source, exp.Subquery) else None
    if not isinstance(query, exp.Select) or inner.name not in names or len(names) != len(query.expressions):
        return False
    return unique(query, query.expressions[names.index(inner.name)].alias_or_name, only_key)


def _known(e: exp.Expr, select: exp.Select, lookup: Lookup) -> Known | None:
    if isinstance(e, exp.Column):
        return _column(e, select, lookup)
    if isinstance(e, exp.Cast):
        return _cast(e, select, lookup)
    if isinstance(e, exp.Literal) and not e.is_string:
        return Type.NUMBER, Interval.of(e.name, e.name)
    if isinstance(e, _TRUNC):
        return _truncated(_known(e.this, select, lookup))
    if isinstance(e, exp.Add | exp.Sub):
        return _moved(e, _known(e.this, select, lookup), _known(e.expression, select, lookup))
    if isinstance(e, exp.Predicate | exp.Connector | exp.Not | exp.Boolean):
        return Type.BOOLEAN, Interval()
    if isinstance(e, exp.Literal):
        return Type.STRING, Interval()
    if isinstance(e, _SAME) and isinstance(e.this, exp.Expr) and not e.args.get("decimals"):
        return _known(e.this, select, lookup)
    return None


def _column(e: exp.Column, select: exp.Select, lookup: Lookup) -> Known | None:
    sources = [select.args["from_"].this, *(j.this for j in select.args.get("joins") or [])]
    for source in sources:
        if source.alias_or_name != e.table:
            continue
        if isinstance(source, exp.Table):
            return lookup(source.name, e.name)
        alias = source.args.get("alias")
        names = [c.name for c in alias.columns] if isinstance(alias, exp.TableAlias) else []
        inner = source.this
        if isinstance(inner, exp.Select) and e.name in names and len(names) == len(inner.expressions):
            return _known(inner.expressions[names.index(e.name)].unalias(), inner, lookup)
    return None


def _cast(e: exp.Cast, select: exp.Select, lookup: Lookup) -> Known | None:
    target = e.to.this.name
    if isinstance(e.this, exp.Literal) and e.this.is_string and target in _TYPES:
        try:
            moment = dt.datetime.fromisoformat(e.this.name)
        except ValueError:
            return None
        at = ordinal(_TYPES[target], moment)
        return _TYPES[target], Interval.of(at, at)
    found = _known(e.this, select, lookup)
    if found is None or target in ("BOOLEAN", "TEXT", "VARCHAR"):
        return None
    kind, bounds = found
    if not kind.temporal:
        return None if target in _TYPES else found
    if _TYPES.get(target) is kind:
        return found
    if target == "TIMESTAMP" and kind is Type.DATE:
        return Type.TIMESTAMP, bounds * Interval.of(DAY_US, DAY_US)
    return (Type.DATE, Interval()) if target == "DATE" else None


def _truncated(found: Known | None) -> Known | None:
    """``date_trunc``, which makes timestamps of dates too in DuckDB, and moves back by a year at most."""
    if found is None or not found[0].temporal:
        return None
    scale = DAY_US if found[0] is Type.DATE else 1
    return Type.TIMESTAMP, found[1] * Interval.of(scale, scale) + Interval.of(-_YEAR * DAY_US, 0)


def _moved(e: exp.Expr, left: Known | None, right: Known | None) -> Known | None:
    """Dates move by whole days; what moves by an interval is a timestamp, and how far is not asked."""
    if left is None:
        return None
    if isinstance(e.expression, exp.Interval):
        return (Type.TIMESTAMP, Interval()) if left[0].temporal else None
    if right is None or right[0].temporal or left[0] is Type.TIMESTAMP:
        return None
    bounds = left[1] + right[1] if isinstance(e, exp.Add) else left[1] - right[1]
    return left[0], bounds
