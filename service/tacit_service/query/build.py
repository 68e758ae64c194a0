"""Small expressions that binding and planning build themselves: casts, negations, literals."""

from __future__ import annotations

from fractions import Fraction

from . import operators
from .bounds import Facts, Interval, Type
from .expr import Call, Cast, Expr, Lit

# how far integers of each cast target reach
INT_RANGE = {"TINYINT": 2**7, "SMALLINT": 2**15, "INT": 2**31, "BIGINT": 2**63}


def cast_to(arg: Expr, kind: Type, name: str = "") -> Expr:
    """TRY_CAST with facts: bounds survive between numeric types, and within the target's range."""
    f = arg.facts
    if f.type is kind and kind is not Type.INTEGER:
        return arg
    bounds, grid = Interval(), None
    if f.type.numeric and kind is Type.INTEGER:
        size = INT_RANGE.get(name, 2**63)
        bounds = (
            f.bounds.floor_ends().meet(Interval.of(-size, size - 1))
            if f.bounds.finite
            else Interval.of(-size, size - 1)
        )
        grid = Fraction(1)
    elif f.type.numeric and kind is Type.NUMBER:
        bounds, grid = f.bounds, f.grid
    elif f.type is Type.BOOLEAN and kind.numeric:
        bounds, grid = Interval.of(0, 1), Fraction(1)
    elif kind is Type.INTEGER:
        size = INT_RANGE.get(name, 2**63)
        bounds, grid = Interval.of(-size, size - 1), Fraction(1)
    unbounded = kind is Type.INTEGER and not f.bounds.finite
    domain = (False, True) if kind is Type.BOOLEAN else None
    safe = (f.type.numeric and kind in (Type.NUMBER, Type.STRING)) or f.type is Type.BOOLEAN or kind is Type.STRING
    if unbounded and name in ("BIGINT", "INT") and f.type is not Type.BOOLEAN:
        bounds = Interval()
    return Cast(
        Facts(
            kind,
            bounds,
            nullable=f.nullable or not safe,
            domain=domain,
            grid=grid,
            per_unit=f.per_unit,
            proven=f.proven,
        ),
        arg,
    )


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
