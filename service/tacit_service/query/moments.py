"""What a column of a query above release points is: a number, a date, a key of some type, and within which public bounds.

A release is numbers; a date among its results is days since 1970 written back as one (``over_people``), or a group's key. A
later stage that reads it as a constant needs to know so before anything runs. Pure in the tree; what is not known is ``None``,
and is taken for a number: that it is one is checked by a dry run, before anything is charged.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from fractions import Fraction

from sqlglot import exp

from .bounds import DAY_US, Interval, Type
from .catalog import ordinal

Known = tuple[Type, Interval]
Lookup = Callable[[str, str], Known | None]
"""Of a table of releases and a column of it."""

_BACK_DAYS = {
    **dict.fromkeys(("MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR", "DAY"), 1),
    "WEEK": 7, "MONTH": 31, "QUARTER": 92, "YEAR": 366, "DECADE": 3_653, "CENTURY": 36_525, "MILLENNIUM": 365_250,
}  # fmt: skip
"""Days that a truncation to the unit moves a moment back, at most."""
_TYPES = {"DATE": Type.DATE, "TIMESTAMP": Type.TIMESTAMP}
_NAMED = {"BOOLEAN": Type.BOOLEAN, "TEXT": Type.STRING, "VARCHAR": Type.STRING}
_SAME = (
    exp.Paren, exp.Max, exp.Min, exp.Round, exp.ArgMax, exp.ArgMin, exp.AnyValue, exp.Mode, exp.First, exp.Last,
    exp.FirstValue, exp.LastValue, exp.NthValue, exp.Window, exp.Try, exp.Nullif,
)  # fmt: skip
"""What gives a value of its first part, or NULL."""
_ONE_OF = (exp.Coalesce, exp.Greatest, exp.Least)
_TEXTS = (
    exp.Upper, exp.Lower, exp.Substring, exp.Left, exp.Right, exp.Replace, exp.Trim, exp.Concat, exp.DPipe, exp.SplitPart,
    exp.TimeToStr, exp.Monthname, exp.Dayname, exp.Reverse, exp.GroupConcat, exp.Format, exp.Pad, exp.Repeat,
    exp.RegexpReplace, exp.RegexpExtract, exp.ConcatWs, exp.Translate, exp.Chr, exp.MD5, exp.Typeof, exp.Hex,
)  # fmt: skip
_TRUNC = (exp.TimestampTrunc, exp.DateTrunc)
_UNBOUNDED = Interval()


def column(tree: exp.Query, name: str, lookup: Lookup) -> Known | None:
    """The column of that name of a SELECT or a set operation; ``None`` where its kind is not known, a bare NULL included."""
    names = [n.lower() for n in _names(tree)]
    found = _placed(tree, names.index(name.lower()), lookup) if name.lower() in names else None
    return None if found is None or found[0] is Type.NULL else found


def _names(tree: exp.Expr) -> list[str]:
    """Of the columns; those of a set operation are its first side's."""
    while isinstance(tree, exp.SetOperation | exp.Subquery):
        tree = tree.this
    return [e.alias_or_name for e in tree.expressions] if isinstance(tree, exp.Select) else []


def _placed(tree: exp.Expr, place: int, lookup: Lookup) -> Known | None:
    if isinstance(tree, exp.Subquery):
        return _placed(tree.this, place, lookup)
    if isinstance(tree, exp.SetOperation):
        sides = (tree.this, tree.expression)
        return None if tree.args.get("by_name") else _either([_placed(side, place, lookup) for side in sides])
    if not isinstance(tree, exp.Select) or place >= len(tree.expressions):
        return None
    return _known(tree.expressions[place].unalias(), tree, lookup)


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
        return _truncated(_known(e.this, select, lookup), e.text("unit").upper())
    if isinstance(e, exp.Add | exp.Sub):
        return _moved(e, _known(e.this, select, lookup), _known(e.expression, select, lookup))
    if isinstance(e, exp.Predicate | exp.Connector | exp.Not | exp.Boolean):
        return Type.BOOLEAN, _UNBOUNDED
    if isinstance(e, (exp.Literal, *_TEXTS)):
        return Type.STRING, _UNBOUNDED
    if isinstance(e, exp.Null):
        return Type.NULL, _UNBOUNDED
    parts = _alternatives(e)
    if parts:
        return _either([_known(part, select, lookup) for part in parts])
    if isinstance(e, _SAME) and isinstance(e.this, exp.Expr) and not e.args.get("decimals"):
        return _known(e.this, select, lookup)
    return None


def _alternatives(e: exp.Expr) -> list[exp.Expr]:
    """Of which the expression is one or NULL; none where it is of another form."""
    if isinstance(e, exp.Case):
        return [*(i.args["true"] for i in e.args["ifs"]), e.args.get("default") or exp.Null()]
    if isinstance(e, exp.If):
        return [e.args["true"], e.args.get("false") or exp.Null()]
    if isinstance(e, exp.Lag | exp.Lead):
        return [e.this, e.args.get("default") or exp.Null()]
    return [e.this, *e.expressions] if isinstance(e, _ONE_OF) else []


def _either(found: list[Known | None]) -> Known | None:
    """One of several: of their one type, within the bounds of all. NULL is of any type."""
    whole: Known = (Type.NULL, _UNBOUNDED)
    for one in found:
        if one is None:
            return None
        if one[0] is Type.NULL or whole[0] is Type.NULL:
            whole = one if whole[0] is Type.NULL else whole
        elif one[0] is whole[0]:
            whole = (one[0], whole[1].hull(one[1]))
        elif one[0].numeric and whole[0].numeric:
            whole = (Type.NUMBER, whole[1].hull(one[1]))
        else:
            return None
    return whole


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
        if e.name in names and len(names) == len(_names(inner)):
            return _placed(inner, names.index(e.name), lookup)
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
    if target in _NAMED:
        return _NAMED[target], _UNBOUNDED
    found = _known(e.this, select, lookup)
    kind, bounds = found or (Type.NULL, _UNBOUNDED)
    if not kind.temporal:
        if target in _TYPES:
            return _TYPES[target], _UNBOUNDED
        return (kind, bounds.floor_ends()) if kind.numeric else None  # a cast to an integer rounds
    if _TYPES.get(target) is kind:
        return found
    if target == "TIMESTAMP" and kind is Type.DATE:
        return Type.TIMESTAMP, bounds * Interval.of(DAY_US, DAY_US)
    return (Type.DATE, _UNBOUNDED) if target == "DATE" else None


def _truncated(found: Known | None, unit: str) -> Known | None:
    """``date_trunc``, which makes timestamps of dates too in DuckDB, and moves back by less than the unit."""
    if found is None or not found[0].temporal:
        return None
    scale = DAY_US if found[0] is Type.DATE else 1
    days = _BACK_DAYS.get(unit)
    back = Interval(None, Fraction(0)) if days is None else Interval.of(-days * DAY_US, 0)
    return Type.TIMESTAMP, found[1] * Interval.of(scale, scale) + back


def _moved(e: exp.Expr, left: Known | None, right: Known | None) -> Known | None:
    """Dates move by whole days; what moves by an interval is a timestamp, and how far is not asked."""
    if left is None:
        return None
    if isinstance(e.expression, exp.Interval):
        return (Type.TIMESTAMP, _UNBOUNDED) if left[0].temporal else None
    if right is None or right[0].temporal or left[0] is Type.TIMESTAMP:
        return None
    bounds = left[1] + right[1] if isinstance(e, exp.Add) else left[1] - right[1]
    return left[0], bounds
