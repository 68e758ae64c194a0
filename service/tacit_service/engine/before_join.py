"""Which release points may put a unit's rows together before a join: where the join adds one row of the unit to each.

``FROM visits JOIN patients USING (patient_id) GROUP BY sex`` needs a visit's patient, of whom there is one row: all of a
unit's visits meet the same row or none. So the unit's partials over its visits alone are those over the joined rows, and
the join is one of units, of which there are fewer than rows. Where a filter reads the units' side the join comes first: it may
leave few rows to put together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tacit_service.query.expr import Call, Case, Cast, Expr, InList, IntervalLit, Lit, Param, Ref, refs
from tacit_service.query.plan import Filter, Join, Measure, Relation, ReleasePoint
from tacit_service.query.rules.join import equates_units

# the rest may read columns that ``refs`` does not see
_ROW_WISE = (Ref, Lit, Param, IntervalLit, Call, Case, Cast, InList)
_PRESERVING = {"inner": "lr", "left": "l", "right": "r"}  # sides of which no row is added


@dataclass(frozen=True, slots=True)
class Apart:
    """A point over the side with many rows, without keys; and the side with one row a unit, which has the keys.

    ``outer``: units without a row there count too, under keys that are NULL.
    """

    rows: ReleasePoint
    units: Relation
    outer: bool


def apart(point: ReleasePoint, measures: Sequence[Measure]) -> Apart | None:
    """The two sides of the point's join, filters with the rows; ``None`` where ``measures`` are not taken before it.

    Pre: the keys are functions of the unit (K = 1, not ranked). The conditions: the two ids are the unit's own and never NULL,
    so that ``on`` says no more than equality of units; one side has one row a unit at most; keys read that side alone,
    measures and filters the other alone; where rows without a match stay, a key is a column as it stands.
    """
    predicates: list[Expr] = []
    source = point.source
    while isinstance(source, Filter):
        predicates.append(source.predicate)
        source = source.input
    if not isinstance(source, Join) or not _by_unit(source):
        return None
    counted = [e for m in measures for e in _read(m)]
    keys = [k.expr for k in point.keys]
    outer = source.kind != "inner"
    if outer and not all(isinstance(k, Ref) for k in keys):
        return None  # computed below the join, a key would be NULL where it is a function of NULLs
    for side, many, one in (("l", source.left, source.right), ("r", source.right, source.left)):
        if side not in _PRESERVING[source.kind] or one.max_rows != 1:
            continue
        mine, theirs = {c.id for c in many.columns}, {c.id for c in one.columns}
        if all(_reads(k, theirs) for k in keys) and all(_reads(e, mine) for e in [*counted, *predicates]):
            for p in predicates:
                many = Filter(many.columns, many.property, many.max_rows, many, p)
            return Apart(replace(point, source=many, keys=()), one, outer)
    return None


def _by_unit(r: Join) -> bool:
    if r.kind not in _PRESERVING or r.on is None or r.lateral or not (r.left.protected and r.right.protected):
        return False
    ids = r.on.children()
    return equates_units(r.on, r.left, r.right, by_path=False) and not any(i.facts.nullable for i in ids)


def _read(m: Measure) -> list[Expr]:
    values = [a.value for a in m.axes] if m.axes else [m.value] if m.value is not None else []
    return [*values, *m.where]


def _reads(e: Expr, columns: set[int]) -> bool:
    """The expression reads no other columns, and is computed row by row."""
    return all(isinstance(n, _ROW_WISE) for n in e.walk()) and refs(e) <= columns
