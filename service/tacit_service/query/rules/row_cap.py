"""Rule: row caps. Where rows of one unit meet rows of the same unit, each side keeps at most so many of a unit.

A self join turns n rows of a unit into n², three of them into n³: the noise covers that, but time and memory do not, and
one person with very many rows would show in them, or stop the service for everybody. So before such a join each side
that may hold several rows of a unit keeps at most C of them, where k such sides meet: the policy's ``max_rows``, but no
less than the k-th root of ``JOINED`` and no more than that of ``JOINED_MAX``. Where columns are equated besides the unit
it keeps C of each of their values, since only those meet. The right side of a subquery that compares rows with rows
(WHERE w.id = v.id AND w.day > v.day) is such a side too.

Pre: the relation is protected. Post: a subset of its rows, chosen by a hash of the row (``engine.ordering``) among rows of
the same unit alone; so every row is still a function of one unit's rows, and what is known of all rows of the relation
holds of these. Adding a unit changes no other unit's rows. A unit within C keeps all, and its answer. ∎
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

from ..expr import Call, Exists, Expr, InRelation, Ref, Scalar, Window, conjuncts
from ..plan import Filter, Join, Project, Relation, ReleasePoint, RowCap
from .join import equates_units

SUBQUERIES = (Exists, InRelation, Scalar)
JOINED = 10_000  # rows that one unit can become by joins with itself, where the policy's max_rows do not ask for more
JOINED_MAX = 1_000_000  # and at most


def capped_point(point: ReleasePoint, rows: int) -> ReleasePoint:
    """The release point with row caps; ``rows`` is the policy's most rows a unit."""
    caps = _Caps(rows)
    keys = tuple(replace(k, expr=caps.value(k.expr)) for k in point.keys)
    measures = tuple(replace(m, value=caps.value(m.value), where=caps.value(m.where)) for m in point.measures)
    return replace(point, source=caps.relation(point.source), keys=keys, measures=measures)


def capped(r: Relation, rows: int) -> Relation:
    """The relation with row caps before its joins and inside its subqueries."""
    return _Caps(rows).relation(r)


class _Caps:
    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._done: dict[int, tuple[Relation, Relation]] = {}  # shared relations stay shared; the first keeps its id

    def value(self, x: Any) -> Any:
        """An expression, or a tuple of such, with caps inside its subqueries; itself where there are none."""
        if isinstance(x, Expr):
            if isinstance(x, SUBQUERIES):
                x = replace(x, relation=self._subquery(x.relation))
            return self._parts(x)
        if isinstance(x, tuple):
            made = tuple(self.value(item) for item in x)
            return x if all(a is b for a, b in zip(made, x, strict=True)) else made
        return x

    def _parts(self, x: Any) -> Any:
        changes = {}
        for f in fields(x):
            old = getattr(x, f.name)
            if f.name in ("columns", "facts") or (isinstance(x, SUBQUERIES) and f.name == "relation"):
                continue
            new = self.relation(old) if isinstance(old, Relation) else self.value(old)
            if new is not old:
                changes[f.name] = new
        return replace(x, **changes) if changes else x

    def relation(self, r: Relation) -> Relation:
        if id(r) not in self._done:
            self._done[id(r)] = (r, self._made(r))
        return self._done[id(r)][1]

    def _made(self, r: Relation) -> Relation:
        if isinstance(r, Filter) and _pair(r.input):
            made = self._tree(r.input, None, conjuncts(r.predicate))
            return replace(r, input=made, predicate=self.value(r.predicate))
        if _pair(r):
            return self._tree(r, None, [])
        parts: Relation = self._parts(r)
        return parts

    def _tree(self, r: Relation, rows: int | None, above: list[Expr]) -> Relation:
        """Joins of protected sides, one above the other; ``above``: conditions over an inner join."""
        assert isinstance(r, Join)
        if rows is None:
            sides = _sides(r)
            if sides < 2:
                parts: Relation = self._parts(r)
                return parts
            rows = self._most(sides)
        own = conjuncts(r.on) if r.on is not None else []
        conditions = own + (above if r.kind == "inner" else [])
        left = self._side(r.left, rows, _equated(conditions, r.left, r.right), above if r.kind == "inner" else [])
        if _linear(r):
            right = self.relation(r.right)
        elif r.lateral:
            right = self._closed(self.relation(r.right), rows, [])
        else:
            right = self._side(r.right, rows, _equated(conditions, r.right, r.left), above if r.kind == "inner" else [])
        return replace(r, left=left, right=right, on=self.value(r.on))

    def _side(self, r: Relation, rows: int, by: tuple[int, ...], above: list[Expr]) -> Relation:
        """One side of a join, its cap below what only multiplies rows by public ones."""
        if _pair(r):
            return self._tree(r, rows, above)
        if _multiplied(r):
            if isinstance(r, Filter):
                under = self._side(r.input, rows, by, above + conjuncts(r.predicate))
                return replace(r, input=under, predicate=self.value(r.predicate))
            if isinstance(r, Project):
                below = {c.id: e.id for c, e in zip(r.columns, r.exprs, strict=True) if isinstance(e, Ref)}
                under = self._side(r.input, rows, tuple(below[i] for i in by if i in below), [])
                return replace(r, input=under, exprs=self.value(r.exprs))
            if isinstance(r, Join) and not r.lateral:
                mine = r.left if r.left.protected else r.right
                own = {c.id for c in mine.columns}
                side = self._side(mine, rows, tuple(i for i in by if i in own), [])
                left, right = (side, r.right) if r.left.protected else (r.left, side)
                return replace(r, on=self.value(r.on), left=left, right=right)
        return _cap(self.relation(r), rows, by)

    def _most(self, sides: int) -> int:
        return min(max(self._rows, _root(JOINED, sides)), _root(JOINED_MAX, sides))

    def _subquery(self, r: Relation) -> Relation:
        """Rows that are compared one by one with rows outside: capped, unless only the unit is."""
        inside = self.relation(r)
        if all(ref.facts.per_unit for ref in _foreign(inside)):
            return inside
        return self._closed(inside, self._most(2), [])

    def _closed(self, r: Relation, rows: int, conditions: list[Expr]) -> Relation:
        """Caps on the parts that read nothing from outside; ``conditions`` are those just above."""
        if not r.protected:
            return r
        if not _foreign(r):
            return _cap(r, rows, _equated(conditions, r, None))
        above = conjuncts(r.predicate) if isinstance(r, Filter) else []
        changes: dict[str, Any] = {}
        for f in fields(r):
            inner = getattr(r, f.name)
            if isinstance(inner, Relation):
                changes[f.name] = self._closed(inner, rows, above)
        return replace(r, **changes)


def _cap(r: Relation, rows: int, by: tuple[int, ...]) -> Relation:
    if not r.protected or (r.max_rows is not None and r.max_rows <= rows):
        return r
    return RowCap(r.columns, r.property, None if by else rows, r, rows, by)


def _pair(r: Relation) -> bool:
    return isinstance(r, Join) and r.left.protected and r.right.protected


def _linear(r: Join) -> bool:
    """Only whether the unit has a row on the other side counts: no rows are compared."""
    own = conjuncts(r.on) if r.on is not None else []
    return r.kind in ("semi", "anti") and all(equates_units(c, r.left, r.right, by_path=False) for c in own)


def _sides(r: Relation) -> int:
    """How many relations with several rows of a unit meet in ``r``."""
    if r.max_rows == 1:
        return 0
    if isinstance(r, Join) and _pair(r):
        return _sides(r.left) + (0 if _linear(r) else _sides(r.right))
    if isinstance(r, Project | Filter):
        return _sides(r.input)
    if isinstance(r, Join):
        return _sides(r.left if r.left.protected else r.right)
    return 1


def _multiplied(r: Relation) -> bool:
    """A join with protected or public rows lies below, and nothing above it that counts rows."""
    if isinstance(r, Join):
        return True
    if isinstance(r, Project) and any(isinstance(n, Window) for e in r.exprs for n in e.walk()):
        return False
    return isinstance(r, Project | Filter) and _multiplied(r.input)


def _root(number: int, degree: int) -> int:
    """The whole part of the root; of 10,000: 10,000, 100, 21, 10, 6, 4 …"""
    root = 1
    while (root + 1) ** degree <= number:
        root += 1
    return root


def _equated(conditions: Sequence[Expr], mine: Relation, other: Relation | None) -> tuple[int, ...]:
    """Columns of ``mine`` that equal, besides the unit's id, one of ``other`` (``None``: of anything else), type by type."""
    own = {c.id for c in mine.columns}
    theirs = None if other is None else {c.id for c in other.columns}
    found = []
    for c in conditions:
        if not (isinstance(c, Call) and c.name == "eq"):
            continue
        for a, b in (c.args, c.args[::-1]):
            if isinstance(a, Ref) and isinstance(b, Ref) and a.id in own and b.id not in own:
                alike = a.facts.type is b.facts.type and not (a.facts.unit and b.facts.unit)
                if alike and (theirs is None or b.id in theirs):
                    found.append(a.id)
    return tuple(dict.fromkeys(found))


def _foreign(r: Relation) -> list[Ref]:
    """Columns of an outer query that the relation reads, at any depth."""
    made: set[int] = set()
    read: list[Ref] = []
    for node in _nodes(r):
        if isinstance(node, Ref):
            read.append(node)
        elif isinstance(node, Relation):
            made |= {c.id for c in node.columns}
    return [ref for ref in read if ref.id not in made]


def _nodes(x: Any) -> Iterator[Any]:
    """Relations and expressions under ``x``, subqueries included, each path once."""
    if isinstance(x, tuple):
        for item in x:
            yield from _nodes(item)
    elif isinstance(x, Relation | Expr):
        yield x
        for f in fields(x):
            if f.name not in ("columns", "facts"):
                yield from _nodes(getattr(x, f.name))
