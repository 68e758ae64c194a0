"""Small expressions that binding and planning build themselves: casts, negations, literals."""

from __future__ import annotations

from fractions import Fraction

from . import operators
from .bounds import DAY_US, Facts, Interval, Type
from .expr import Call, Cast, Expr, Lit

# how far integers of each narrow cast target reach
INT_RANGE = {"TINYINT": 2**7, "SMALLINT": 2**15, "INTEGER": 2**31}


def cast_to(arg: Expr, kind: Type, target: str = "") -> Expr:
    """TRY_CAST with facts. ``target`` is the SQL type as written, where it is narrower than ``kind``'s own."""
    f = arg.facts
    if f.type is kind and not target:
        return arg
    bounds, grid = _cast_bounds(f, kind, target)
    safe = (f.type.numeric and kind in (Type.NUMBER, Type.STRING) and not target) or kind is Type.STRING
    facts = Facts(
        kind,
        bounds,
        nullable=f.nullable or not (safe or f.type is Type.BOOLEAN),
        domain=(False, True) if kind is Type.BOOLEAN else None,
        grid=grid,
        per_unit=f.per_unit,
        proven=f.proven,
        size=f.size,
    )
    return Cast(facts, arg, target)


def _cast_bounds(f: Facts, kind: Type, target: str) -> tuple[Interval, Fraction | None]:
    size = INT_RANGE.get(target)
    whole = Interval() if size is None else Interval.of(-size, size - 1)
    if f.type is Type.BOOLEAN and kind.numeric:
        return Interval.of(0, 1), Fraction(1)
    if kind is Type.INTEGER:
        return (f.bounds.floor_ends().meet(whole) if f.type.numeric and f.bounds.finite else whole), Fraction(1)
    if kind is Type.NUMBER and f.type.numeric:
        if target.startswith("DECIMAL"):
            scale = Fraction(1, 10 ** int(target.rstrip(")").split(",")[1]))
            return f.bounds.widen(scale), scale
        return f.bounds.widen(Fraction(0)) if not target else Interval(), f.grid if not target else None
    if kind is Type.TIMESTAMP and f.type is Type.DATE:
        return f.bounds * Interval.of(DAY_US, DAY_US), None
    return Interval(), None


def join_types(kinds: list[Type]) -> Type:
    """One type for several branches that were unified."""
    present = [k for k in kinds if k is not Type.NULL]
    if not present:
        return Type.NULL
    for wide in (Type.NUMBER, Type.TIMESTAMP):
        if wide in present:
            return wide
    return present[0]


def negate(e: Expr) -> Expr:
    """NOT e."""
    return Call(operators.truth((e.facts,)), "not", (e,))


def integer(value: int) -> Lit:
    """An INTEGER literal."""
    facts = Facts(
        Type.INTEGER, Interval.of(value, value), nullable=False, domain=(value,), grid=Fraction(1), per_unit=True
    )
    return Lit(facts, value)


NULL = Lit(Facts(Type.NULL, nullable=True, domain=(), per_unit=True, key_null=True), None)
