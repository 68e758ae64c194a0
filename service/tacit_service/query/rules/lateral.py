"""Rule: LATERAL subqueries in FROM of a protected query.

Pre: the subquery is public, or protected and matched on the unit with the row to its left. Post: an output row is a
function of one unit's rows, as with a scalar subquery (where it has one row by construction, it is read as its columns)
or a join on the unit; so it stays protected.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from ..expr import Ref, Scalar
from ..parse import position
from ..plan import Column, Join, Project, Property, Relation
from ..syntax import strict, unsupported
from ..written_lists import constant, listed
from .join import join, joined_columns
from .subquery import not_on_unit, one_row
from .unnest import spread

if TYPE_CHECKING:
    from ..bind import Binder
    from ..scope import Scope
    from ..sources import Source


def listed_rows(source: Source) -> exp.Values | None:
    """The rows of ``LATERAL (VALUES …)`` or ``UNNEST([…])`` that read columns; ``None`` for anything else."""
    inner = source.node.this
    values = listed(inner.unnest() if isinstance(inner, exp.Subquery) else inner)
    return None if values is None or constant(values) else values


def names_of(source: Source, values: exp.Values) -> list[str]:
    """The columns: as the source names them, else the list, else as DuckDB does."""
    alias = values.args.get("alias")
    own = [c.name for c in alias.columns] if isinstance(alias, exp.TableAlias) else []
    width = len(values.expressions[0].expressions)
    named = [*source.aliases, *own[len(source.aliases) :]]
    return [*named, *(f"col{i}" for i in range(len(named), width))][:width]


def lateral_query(binder: Binder, source: Source) -> exp.Query:
    """The query inside LATERAL (…). Raises ``DerivationError`` unsupported_syntax for table functions and conditions."""
    strict(binder.sql, source.node, "this", "alias", "view", "outer")
    inner = source.node.this
    query = inner.unnest() if isinstance(inner, exp.Subquery) else inner
    if not isinstance(query, exp.Query) or source.node.args.get("view"):
        raise unsupported(binder.sql, source.node, "LATERAL of anything but a subquery")
    _unconditional(binder, source)
    return query


def _unconditional(binder: Binder, source: Source) -> None:
    args = {} if source.join is None else source.join.args
    on = args.get("on")
    if args.get("using") or args.get("method") or (on is not None and not (isinstance(on, exp.Boolean) and on.this)):
        raise unsupported(
            binder.sql, source.node, "LATERAL … ON a condition", "Write ON TRUE, and the condition in WHERE."
        )


def lateral(
    binder: Binder, source: Source, left: Relation, scope: Scope, kind: str
) -> tuple[Relation, tuple[Column, ...]]:
    """The relation joined with the subquery, and the subquery's columns in it."""
    values = listed_rows(source)
    query = lateral_query(binder, source) if values is None else source.node
    if kind not in ("inner", "left"):
        raise unsupported(binder.sql, source.node, f"{kind.upper()} JOIN LATERAL", "Write CROSS or LEFT JOIN LATERAL.")
    if values is not None:
        _unconditional(binder, source)
        rows = [row.expressions for row in values.expressions]
        return spread(binder, source.node, rows, names_of(source, values), left, scope, source.env)
    assert isinstance(query, exp.Query)
    found, on_unit = binder.bind_subquery(query, source.env, scope)
    at = position(binder.sql, source.node)
    if found.protected and not on_unit:
        raise not_on_unit(at)
    names = [*source.aliases, *(c.name for c in found.columns[len(source.aliases) :])]
    if not one_row(found):
        # the subquery is another one for each row, so what was one value a unit inside it is none outside
        named = replace(found, columns=tuple(_of_rows(c, n) for c, n in zip(found.columns, names, strict=True)))
        if found.protected:
            columns = joined_columns(left, named, kind)
            whole: Relation = Join(columns, Property.PROTECTED, None, left, named, kind, None, True, lateral=True)
        else:
            made = join(left, named, kind, None, [], at)
            whole = replace(made, lateral=True) if isinstance(made, Join) else made
        return whole, whole.columns[len(left.columns) :]
    columns_, scalars = [], []
    for c, name in zip(found.columns, names, strict=True):
        facts = c.facts.with_(
            unit=False, unique=False, origin=None, links=None, per_unit=False, unit_rank=False, public=0
        )
        columns_.append(Column(binder.new_id(), name, facts))
        scalars.append(Scalar(facts, found, c.id, on_unit))
    own = tuple(Ref(c.facts, c.id, c.name) for c in left.columns)
    project = Project((*left.columns, *columns_), left.property, left.max_rows, left, (*own, *scalars))
    return project, tuple(columns_)


def _of_rows(column: Column, name: str) -> Column:
    per_unit = column.facts.unit and not column.facts.nullable
    return Column(column.id, name, column.facts.with_(per_unit=per_unit, unit_rank=False, unique=False))
