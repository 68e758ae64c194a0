"""Rule: UNION ALL, UNION, INTERSECT, EXCEPT of protected relations over the same unit.

Pre: both sides protected (or both public), columns pairwise of one type. Post: each output row comes from rows of one
unit. UNION ALL carries units along. The others compare rows; rows of different units compare different only when the
unit id itself is compared, so it must stand at the same place on both sides.
"""

from __future__ import annotations

from tacit_service.errors import BindError, DerivationError, Position

from ..bounds import Type
from ..operators import choice
from ..plan import Column, Property, Relation, SetOp


def set_operation(left: Relation, right: Relation, kind: str, new_id: object, where: Position | None) -> Relation:
    """Derive the set operation. Raises ``DerivationError`` set_operation_mixed, set_operation_without_unit."""
    if len(left.columns) != len(right.columns):
        raise BindError(
            "type_mismatch",
            f"The two sides have {len(left.columns)} and {len(right.columns)} columns.",
            position=where,
            rule="set operations",
        )
    if left.property is not right.property:
        raise DerivationError(
            "set_operation_mixed",
            "A protected relation is combined row by row with a public one.",
            hint="Aggregate the protected side first, or join with the public table.",
            position=where,
            rule="set operations",
        )
    unit_kept = any(a.facts.unit and b.facts.unit for a, b in zip(left.columns, right.columns, strict=True))
    if left.protected and kind != "union_all" and not unit_kept:
        raise DerivationError(
            "set_operation_without_unit",
            f"{kind.split('_')[0].upper()} compares rows of different people unless the privacy unit is among the columns.",
            hint="Select the unit id on both sides, at the same place.",
            position=where,
            rule="set operations",
        )
    columns: list[Column] = []
    for a, b in zip(left.columns, right.columns, strict=True):
        columns.append(_merge(a, b, kind, new_id, where))
    rows: int | None = None
    if left.max_rows is not None:
        rows = left.max_rows if kind.startswith(("intersect", "except")) else None
        if rows is None and right.max_rows is not None:
            rows = left.max_rows + right.max_rows
    return SetOp(
        tuple(columns), left.property, rows if left.property is Property.PROTECTED else None, left, right, kind
    )


def _merge(a: Column, b: Column, kind: str, new_id: object, where: Position | None) -> Column:
    x, y = a.facts, b.facts
    kinds = {x.type, y.type} - {Type.NULL}
    shapes = {f.shape for f in (x, y) if f.type is Type.IMAGE}
    if (len(kinds) > 1 and not kinds <= {Type.INTEGER, Type.NUMBER}) or len(shapes) > 1:
        raise BindError(
            "type_mismatch",
            f"Column {a.name} is {x.type} on one side and {y.type} on the other.",
            hint="CAST one side.",
            position=where,
            rule="set operations",
        )
    merged = (
        x.with_(type=Type.NUMBER if len(kinds) > 1 else x.type)
        if kind.startswith(("intersect", "except"))
        else choice("coalesce", [x, y], Type.NUMBER if len(kinds) > 1 else next(iter(kinds), Type.NULL)).with_(
            nullable=x.nullable or y.nullable, key_null=x.key_null or y.key_null, per_unit=False
        )
    )
    merged = merged.with_(unit=x.unit and y.unit, origin=None, links=None, unique=False, unit_rank=False, shape=x.shape)
    if merged.unit and not merged.nullable:
        merged = merged.with_(per_unit=True)
    return Column(new_id(), a.name, merged)  # type: ignore[operator]
