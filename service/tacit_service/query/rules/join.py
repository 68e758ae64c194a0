"""Rule: joins. A join of two protected relations needs equality of their unit ids among its conditions.

Pre: every row of each side belongs to one unit (or is public). Post: with the equality, both halves of an output row
belong to the same unit, so the row does; a row without a match keeps the unit of the half it has. Joined with a public
relation, a protected row only gains public values; that one row may become many is harmless, since contributions are
bounded at the aggregate. Without the equality a row would mix two units, and no rule derives it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields

from tacit_service.errors import DerivationError, Position

from ..bounds import Type
from ..caps import STAGED_ROWS_MAX
from ..expr import Call, Expr, Param, Ref, conjuncts
from ..plan import Column, Join, Property, Relation, Scan, SetOp, StagedRows, Values


def join(
    left: Relation, right: Relation, kind: str, on: Expr | None, filters: list[Expr], where: Position | None
) -> Relation:
    """Derive the join. ``filters`` are WHERE conjuncts, which may supply the equality of an inner join.

    Raises ``DerivationError`` join_without_unit, public_outer_join.
    """
    if left.protected and right.protected:
        return _protected_pair(left, right, kind, on, filters, where)
    if left.protected or right.protected:
        return _with_public(left, right, kind, on, where)
    return Join(_columns(left, right, kind, pure=True), Property.PUBLIC, None, left, right, kind, on, False)


def _protected_pair(
    left: Relation, right: Relation, kind: str, on: Expr | None, filters: list[Expr], where: Position | None
) -> Relation:
    own = conjuncts(on) if on is not None else []
    usable = own + (filters if kind == "inner" else [])
    if not any(equates_units(c, left, right) for c in usable):
        unit = next((c.name for c in left.columns if c.facts.unit), "the unit id")
        raise DerivationError(
            "join_without_unit",
            "Two protected tables are joined without equality of the privacy unit, so that a row would mix two people.",
            hint=f"Add the unit to the condition: … ON a.{unit} = b.{unit} AND ….",
            position=where,
            rule="join of protected relations",
        )
    # all rows of a unit have a match, or none has, only when nothing but the unit decides
    pure = len(own) == 1 and equates_units(own[0], left, right, by_path=False)
    pure = pure and all(
        a.facts.per_unit for a in own[0].children()
    )  # an id that is NULL in some rows matches in others
    rows = left.max_rows * right.max_rows if left.max_rows is not None and right.max_rows is not None else None
    if kind in ("semi", "anti"):
        rows = left.max_rows
    if kind == "full" and rows is not None and left.max_rows is not None and right.max_rows is not None:
        rows = max(rows, left.max_rows + right.max_rows)
    columns = _columns(left, right, kind, pure=pure)
    return Join(columns, Property.PROTECTED, rows, left, right, kind, on, True)


def equates_units(e: Expr, left: Relation, right: Relation, *, by_path: bool = True) -> bool:
    """The conjunct says that a unit id of one side (or, ``by_path``, a declared path to it) equals the other's."""
    if not (isinstance(e, Call) and e.name == "eq"):
        return False
    a, b = e.args
    if not (isinstance(a, Ref) and isinstance(b, Ref)):
        return False
    left_ids, right_ids = {c.id for c in left.columns}, {c.id for c in right.columns}
    if a.id in right_ids and b.id in left_ids:
        a, b = b, a
    if a.id not in left_ids or b.id not in right_ids:
        return False
    if a.facts.unit and b.facts.unit:
        return True
    return by_path and any(x.facts.links is not None and x.facts.links == y.facts.origin for x, y in ((a, b), (b, a)))


def _with_public(left: Relation, right: Relation, kind: str, on: Expr | None, where: Position | None) -> Relation:
    protected, public = (left, right) if left.protected else (right, left)
    outward = kind == "full" or (kind == "right" and left.protected) or (kind == "left" and right.protected)
    if outward or (kind in ("semi", "anti") and right.protected):
        raise DerivationError(
            "public_outer_join",
            "Rows of a public table that match no protected row belong to nobody, and whether they match is private.",
            hint="Put the protected table on the preserved side, or group by the public table's own columns with "
            "aggregates over the protected columns only.",
            position=where,
            rule="join with a public relation",
        )
    unique = matches_once(protected, public, on)
    rows = protected.max_rows if unique or kind in ("semi", "anti") else None
    columns = _columns(left, right, kind, pure=True)
    fixed: list[Column] = []
    public_ids = {c.id for c in public.columns}
    per_unit_key = unique and _key_is_per_unit(protected, public, on)
    for c in columns:
        if c.id in public_ids:
            c = Column(c.id, c.name, c.facts.with_(per_unit=per_unit_key, unique=False))
        fixed.append(c)
    return Join(tuple(fixed), Property.PROTECTED, rows, left, right, kind, on, False)


def matches_once(protected: Relation, public: Relation, on: Expr | None) -> bool:
    """Each protected row meets one public row at most: a unique public column is equated with a protected one."""
    return any(_unique_side(c, protected, public) is not None for c in (conjuncts(on) if on is not None else []))


def _key_is_per_unit(protected: Relation, public: Relation, on: Expr | None) -> bool:
    parts = conjuncts(on) if on is not None else []
    if len(parts) != 1:
        return False
    side = _unique_side(parts[0], protected, public)
    return side is not None and side.facts.per_unit


def _unique_side(e: Expr, protected: Relation, public: Relation) -> Expr | None:
    if not (isinstance(e, Call) and e.name == "eq"):
        return None
    mine, theirs = {c.id for c in protected.columns}, {c.id for c in public.columns}
    for x, y in (e.args, e.args[::-1]):
        if isinstance(x, Ref) and x.id in mine and isinstance(y, Ref) and y.id in theirs and y.facts.unique:
            # values that differ may compare equal across types or as floats
            return x if x.facts.type is y.facts.type and x.facts.type is not Type.NUMBER else None
    return None


def joined_columns(left: Relation, right: Relation, kind: str) -> tuple[Column, ...]:
    """Columns of a join whose rows other conditions than the unit decide."""
    return _columns(left, right, kind, pure=False)


def _columns(left: Relation, right: Relation, kind: str, *, pure: bool) -> tuple[Column, ...]:
    def missing(columns: tuple[Column, ...]) -> list[Column]:
        return [
            Column(
                c.id,
                c.name,
                c.facts.with_(
                    nullable=True, key_null=True, per_unit=c.facts.per_unit and pure, unique=False, unit_rank=False
                ),
            )
            for c in columns
        ]

    def fanned(columns: tuple[Column, ...]) -> list[Column]:
        return [Column(c.id, c.name, c.facts.with_(unique=False, unit_rank=False)) for c in columns]

    if kind in ("semi", "anti"):
        return left.columns
    lefts = missing(left.columns) if kind in ("right", "full") else fanned(left.columns)
    rights = missing(right.columns) if kind in ("left", "full") else fanned(right.columns)
    return (*lefts, *rights)


def fanout(r: Relation, rows_of: Callable[[str], int]) -> int:
    """Into how many rows one protected row can turn by joins with public relations: a public number.

    Contributions are bounded whatever it is; but running time is not, and single rows must not decide it.
    """
    if isinstance(r, Join) and (r.left.protected or r.right.protected) and r.kind not in ("semi", "anti"):
        if r.left.protected and r.right.protected:
            return fanout(r.left, rows_of) * fanout(r.right, rows_of)
        protected, public = (r.left, r.right) if r.left.protected else (r.right, r.left)
        times = 1 if matches_once(protected, public, r.on) else max(public_rows(public, rows_of), 1)
        return fanout(protected, rows_of) * times
    return max((fanout(i, rows_of) for i in inputs(r) if i.protected), default=1)


def public_rows(r: Relation, rows_of: Callable[[str], int]) -> int:
    """At most how many rows a public relation has."""
    if isinstance(r, Scan):
        return rows_of(r.table)
    if isinstance(r, Values):
        return len(r.rows)
    if isinstance(r, StagedRows):
        return STAGED_ROWS_MAX
    parts = [public_rows(i, rows_of) for i in inputs(r)]
    return sum(parts) if isinstance(r, SetOp) else math.prod(parts)


def staged(r: Relation) -> bool:
    """Some of its rows come from an earlier stage: they are public, but not known before that has run."""
    own = [e for row in r.rows for e in row] if isinstance(r, Values) else []
    return isinstance(r, StagedRows) or any(isinstance(e, Param) for e in own) or any(staged(i) for i in inputs(r))


def inputs(r: Relation) -> list[Relation]:
    """Direct inputs of a relation, subqueries inside expressions not included."""
    return [v for f in fields(r) if isinstance(v := getattr(r, f.name), Relation)]
