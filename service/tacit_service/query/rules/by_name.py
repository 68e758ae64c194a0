"""Rule: ``UNION … BY NAME``: columns of both sides are matched by their names; one that a side lacks is NULL there.

Post: a projection of each side, with the same columns in the same order. Rows keep their units: nothing but columns moved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import exp

from tacit_service.errors import BindError, Position

from ..build import NULL
from ..expr import Expr, Ref
from ..outer import Outer, OuterColumn
from ..plan import Column, Project, Relation


def by_name(
    left: Relation | Outer, right: Relation | Outer, new_id: Callable[[], int], at: Position | None
) -> tuple[Relation | Outer, Relation | Outer]:
    """Both sides with the columns of either. Raises ``BindError`` duplicate_alias where a name stands twice on a side."""
    names: dict[str, str] = {}
    for side in (left, right):
        own = [c.name for c in side.columns]
        if len({n.lower() for n in own}) < len(own):
            raise BindError(
                "duplicate_alias",
                "A side of UNION BY NAME has two columns of one name.",
                hint="Give each column a name of its own with AS.",
                position=at,
                rule="set operations",
            )
        names = {**{n.lower(): n for n in own}, **names} if side is right else {n.lower(): n for n in own}
    order = [*(c.name.lower() for c in left.columns)]
    order += [c.name.lower() for c in right.columns if c.name.lower() not in order]
    wanted = [names[n] for n in order]
    return _side(left, wanted, new_id), _side(right, wanted, new_id)


def _side(side: Relation | Outer, names: Sequence[str], new_id: Callable[[], int]) -> Relation | Outer:
    if isinstance(side, Outer):
        return _outer(side, names)
    held = {c.name.lower(): c for c in side.columns}
    columns: list[Column] = []
    values: list[Expr] = []
    for name in names:
        c = held.get(name.lower())
        columns.append(Column(new_id(), name, NULL.facts if c is None else c.facts))
        values.append(NULL if c is None else Ref(c.facts, c.id, c.name))
    return Project(tuple(columns), side.property, side.max_rows, side, tuple(values))


def _outer(side: Outer, names: Sequence[str]) -> Outer:
    held = {c.name.lower(): c for c in side.columns}

    def quoted(text: str) -> exp.Identifier:
        return exp.to_identifier(text, quoted=True)

    items = [
        exp.alias_(
            exp.column(quoted(held[n.lower()].name), table=quoted("__named")) if n.lower() in held else exp.Null(),
            quoted(n),
        )
        for n in names
    ]
    alias = exp.TableAlias(this=quoted("__named"))
    tree = exp.Select(expressions=items)
    tree.set("from_", exp.From(this=exp.Subquery(this=side.tree.copy(), alias=alias)))
    columns = [held[n.lower()] if n.lower() in held else OuterColumn(n, "public") for n in names]
    return Outer(tree, columns, public=side.public)
