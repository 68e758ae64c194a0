"""Small expressions that binding and planning build themselves: casts, negations, literals."""

from __future__ import annotations

from fractions import Fraction

from . import operators
from .bounds import DAY_US, Facts, Interval, Type
from .expr import Call, Case, Cast, Expr, Lit

# how far integers of each narrow cast target reach
FLOAT_EXACT = 2**53
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
        key_null=f.key_null or not (safe or f.type is Type.BOOLEAN or _always_fits(f, kind, target)),
    )
    return Cast(facts, arg, target)


def _always_fits(f: Facts, kind: Type, target: str) -> bool:
    """No value of the argument makes the cast fail."""
    if kind is Type.INTEGER and f.type.numeric and f.proven and f.bounds.finite:
        reach = INT_RANGE.get(target, 2**63)
        lo, hi = f.bounds.ends()
        return -reach <= lo and hi <= reach - 1
    return kind in (Type.DATE, Type.TIMESTAMP) and f.type.temporal


def _cast_bounds(f: Facts, kind: Type, target: str) -> tuple[Interval, Fraction | None]:
    size = INT_RANGE.get(target)
    whole = Interval() if size is None else Interval.of(-size, size - 1)
    if f.type is Type.BOOLEAN and kind.numeric:
        return Interval.of(0, 1), Fraction(1)
    if kind is Type.INTEGER:
        if not (f.type.numeric and f.bounds.finite):
            return whole, Fraction(1)
        ends = f.bounds.floor_ends()
        low, high = ends.ends()
        if f.type is Type.NUMBER and max(abs(low), abs(high)) > FLOAT_EXACT:
            ends = ends.widen(max(abs(low), abs(high)) / 2**40)  # floats round: a value may lie past its exact bound
        return ends.meet(whole), Fraction(1)
    if kind is Type.NUMBER and f.type.numeric:
        if target.startswith("DECIMAL"):
            scale = Fraction(1, 10 ** int(target.rstrip(")").split(",")[1]))
            return f.bounds.widen(scale), scale
        return f.bounds.widen(Fraction(0)) if not target else Interval(), f.grid if not target else None
    if kind is Type.TIMESTAMP and f.type is Type.DATE:
        return f.bounds * Interval.of(DAY_US, DAY_US), None
    if kind is Type.DATE and f.type is Type.TIMESTAMP:
        return (f.bounds * Interval.of(Fraction(1, DAY_US), Fraction(1, DAY_US))).floor_ends(), None
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


def is_not_null(e: Expr) -> Expr:
    """``e IS NOT NULL``; NaN counts as NULL when values are summed, not when rows are counted."""
    missing = Call(operators.truth((e.facts,), never_null=True), "is_null", (e,))
    return Call(operators.truth((missing.facts,)), "not", (missing,))


def integer(value: int) -> Lit:
    """An INTEGER literal."""
    facts = Facts(
        Type.INTEGER, Interval.of(value, value), nullable=False, domain=(value,), grid=Fraction(1), per_unit=True
    )
    return Lit(facts, value)


def indicator(conditions: tuple[Expr, ...]) -> Expr:
    """1 where all conditions hold, else 0 (where one is NULL, too)."""
    facts = Facts(Type.INTEGER, Interval.of(0, 1), nullable=False, grid=Fraction(1))
    value: Expr = integer(1)
    for condition in reversed(conditions):
        value = Case(facts, ((condition, value),), integer(0))
    return value


NULL = Lit(Facts(Type.NULL, nullable=True, domain=(), per_unit=True, key_null=True), None)
