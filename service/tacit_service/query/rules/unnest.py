"""Rule: one row as several, for a list that the statement writes out: ``LATERAL (VALUES (a), (b))`` and ``UNNEST([a, b])``.

Pre: items are row-wise over the input. Post: each output row is a function of one input row and of its place in the list,
which is public: the join with a public list of places, then a projection. So the property stays, and a unit with r rows has
r times as many as the list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from tacit_service.errors import Position

from ..bind_expr import ExprBinder
from ..bounds import Facts, Interval, Type
from ..build import integer
from ..expr import Call, Expr, Lit, Ref
from ..operators import truth
from ..outer import projection_name
from ..parse import position
from ..plan import Column, Project, Property, Relation, Values
from ..scope import Entry, Scope
from ..syntax import unsupported
from .join import join

if TYPE_CHECKING:
    from ..bind import Binder

ITEMS_MAX = 100


def spread(
    binder: Binder, node: exp.Expr, rows: Sequence[Sequence[exp.Expr | None]], names: Sequence[str], left: Relation,
    scope: Scope, env: object,
) -> tuple[Relation, tuple[Column, ...]]:  # fmt: skip
    """Each row of ``left`` once for each of ``rows``, with the row's items as new columns; ``None`` is NULL."""
    if not 0 < len(rows) <= ITEMS_MAX or len({len(r) for r in rows}) != 1:
        raise unsupported(
            binder.sql, node, f"A list of no rows, of more than {ITEMS_MAX}, or of rows that differ in length"
        )
    b = ExprBinder(binder, scope, env)
    bound = [[b.bind(exp.Null() if item is None else item) for item in row] for row in rows]
    left = binder.flush(left)
    at = position(binder.sql, node)
    if len(rows) == 1:
        joined, cells = left, bound[0]
    else:
        joined, place = _repeated(binder, left, len(rows), at)
        whens: list[Expr] = [Call(truth((place.facts,)), "eq", (place, integer(i))) for i in range(1, len(rows))]
        columns = [[row[i] for row in bound] for i in range(len(rows[0]))]
        cells = [b.choose(node, whens, values[:-1], values[-1]) for values in columns]
    made = tuple(
        Column(binder.new_id(), name, e.facts.with_(unit=False, unique=False, origin=None, links=None, unit_rank=False))
        for name, e in zip(names, cells, strict=True)
    )
    own = tuple(Ref(c.facts, c.id, c.name) for c in joined.columns)
    whole = Project((*joined.columns, *made), joined.property, joined.max_rows, joined, (*own, *cells))
    return whole, made


def _repeated(binder: Binder, left: Relation, times: int, at: Position | None) -> tuple[Relation, Ref]:
    """Each row so many times, and the place of the copy."""
    facts = Facts(Type.INTEGER, Interval.of(1, times), nullable=False, grid=integer(1).facts.grid)
    column = Column(binder.new_id(), "place", facts)
    places = Values((column,), Property.PUBLIC, None, tuple((_lit(i),) for i in range(1, times + 1)))
    joined = join(left, places, "inner", None, [], at)
    rows = None if left.max_rows is None else left.max_rows * times
    joined = replace(joined, max_rows=rows)  # a cross join with that many rows
    found = next(c for c in joined.columns if c.id == column.id)
    return joined, Ref(found.facts, found.id, found.name)


def _lit(value: int) -> Lit:
    found = integer(value)
    assert isinstance(found, Lit)
    return found


def unnested_items(
    binder: Binder, select: exp.Select, relation: Relation, scope: Scope, env: object
) -> tuple[exp.Select, Relation]:
    """``SELECT UNNEST([a, b]) AS x, …`` of rows: several lists go together, the shorter ones with NULL after their end."""
    found = [e for e in select.expressions if isinstance(e.unalias(), exp.Explode)]
    lists = [e.unalias().this for e in found]
    if not found or not all(isinstance(a, exp.Array) and a.expressions for a in lists):
        return select, relation
    if any(e.find(exp.Window) for e in (*select.expressions, select.args.get("qualify")) if e is not None):
        hint = "Compute the window in a subquery, and UNNEST outside it."
        raise unsupported(
            binder.sql, found[0], "UNNEST beside a window function", hint
        )  # windows come first, over rows
    longest = max(len(a.expressions) for a in lists)
    rows = [[a.expressions[i] if i < len(a.expressions) else None for a in lists] for i in range(longest)]
    alias = f"__u{binder.new_id()}"
    named = [projection_name(e) for e in found]
    twins = len({n.lower() for n in named}) < len(named)
    names = [f"__x{i}" for i in range(len(lists))] if twins else named
    relation, columns = spread(binder, select, rows, names, relation, scope, env)
    entry = Entry(alias, columns, {c.id for c in columns})
    scope.entries.append(entry)
    scope.relation = relation
    copy = select.copy()
    items = []
    place = iter(names)
    for e in copy.expressions:
        if not isinstance(e.unalias(), exp.Explode):
            items.append(e)
            continue
        item = exp.column(exp.to_identifier(next(place), quoted=True), table=alias)
        items.append(exp.alias_(item, exp.to_identifier(projection_name(e), quoted=True)))
    copy.set("expressions", items)
    return copy, relation
