"""Typing of operators: what a result's type, bounds, grid and nullability are, given its operands' facts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from .bounds import DAY_US, Facts, Interval, Type

GRID_STEPS_MAX = 2**53

ARITHMETIC = {"add": "({0} + {1})", "sub": "({0} - {1})", "mul": "({0} * {1})", "div": "({0} / {1})",
              "intdiv": "({0} // {1})", "mod": "({0} % {1})", "neg": "(- {0})"}  # fmt: skip
COMPARE = {"eq": "({0} = {1})", "ne": "({0} <> {1})", "lt": "({0} < {1})", "le": "({0} <= {1})",
           "gt": "({0} > {1})", "ge": "({0} >= {1})", "is_not_distinct": "({0} IS NOT DISTINCT FROM {1})",
           "is_distinct": "({0} IS DISTINCT FROM {1})"}  # fmt: skip
LOGIC = {"and": " AND ", "or": " OR ", "not": "(NOT {0})", "is_null": "({0} IS NULL)"}
CHOICE = {"coalesce": "coalesce({args})", "nullif": "nullif({0}, {1})", "greatest": "greatest({args})",
          "least": "least({args})"}  # fmt: skip
TEMPORAL = {"date_plus_days": "TRY({0} + CAST({1} AS INTEGER))", "date_minus_days": "TRY({0} - CAST({1} AS INTEGER))",
            "plus_interval": "TRY({0} + {1})", "minus_interval": "TRY({0} - {1})", "days_between": "({0} - {1})"}  # fmt: skip
TEMPLATES = {
    **ARITHMETIC,
    **COMPARE,
    **CHOICE,
    **TEMPORAL,
    "not": LOGIC["not"],
    "is_null": LOGIC["is_null"],
    "row": "row({args})",
}


def truth(args: Sequence[Facts], *, never_null: bool = False) -> Facts:
    """Facts of a predicate over the arguments."""
    return Facts(
        Type.BOOLEAN,
        nullable=not never_null and any(a.nullable for a in args),
        domain=(False, True),
        per_unit=all(a.per_unit for a in args),
        key_null=not never_null and any(a.key_null for a in args),
    )


def common_grid(grids: Sequence[Fraction | None]) -> Fraction | None:
    """Largest grid of which all are multiples, or ``None`` when one is unknown."""
    result: Fraction | None = None
    for grid in grids:
        if grid is None:
            return None
        if result is None:
            result = grid
        else:
            denominator = math.lcm(result.denominator, grid.denominator)
            result = Fraction(math.gcd(int(result * denominator), int(grid * denominator)), denominator)
    return result


def usable_grid(grid: Fraction | None, bounds: Interval) -> Fraction | None:
    """The grid when floats still represent its multiples within the bounds exactly enough, else ``None``."""
    if grid is None or grid.denominator > 10**12:
        return None
    if bounds.lo is not None and bounds.hi is not None and max(abs(bounds.lo), abs(bounds.hi)) / grid > GRID_STEPS_MAX:
        return None
    return grid


def arithmetic(name: str, a: Facts, b: Facts | None = None) -> Facts:
    """Facts of ``a op b`` over numbers (``neg`` has one operand)."""
    other = b if b is not None else a
    integer = a.type is Type.INTEGER and other.type is Type.INTEGER and name != "div"
    kind = Type.INTEGER if integer else Type.NUMBER
    bounds, grid = _arithmetic_bounds(name, a, other)
    proven = a.proven and other.proven and (name != "div" or (a.bounds / other.bounds).finite)
    raising = name in ("div", "intdiv", "mod") or not (proven and bounds.within_int64())
    return Facts(
        kind,
        bounds,
        nullable=a.nullable or other.nullable or raising,
        grid=Fraction(1) if integer and grid is None else usable_grid(grid, bounds),
        per_unit=a.per_unit and other.per_unit,
        proven=proven,
        key_null=a.key_null or other.key_null or _may_be_null(name, other, proven, bounds, integer=integer),
    )


def _may_be_null(name: str, divisor: Facts, proven: bool, bounds: Interval, *, integer: bool) -> bool:
    """The operation gives NULL for some operands that are not: a divisor of 0, or a result past 64 bits."""
    if name in ("intdiv", "mod"):
        low, high = divisor.bounds.lo, divisor.bounds.hi
        return not ((low is not None and low > 0) or (high is not None and high < 0))
    return name in ("add", "sub", "mul", "neg") and integer and not (proven and bounds.within_int64())


def _arithmetic_bounds(name: str, a: Facts, b: Facts) -> tuple[Interval, Fraction | None]:
    grid = common_grid([a.grid, b.grid])
    if name == "add":
        return a.bounds + b.bounds, grid
    if name == "sub":
        return a.bounds - b.bounds, grid
    if name == "neg":
        return -a.bounds, a.grid
    if name == "mul":
        return a.bounds * b.bounds, None if a.grid is None or b.grid is None else a.grid * b.grid
    if name == "div":
        return _quotient(a, b), None
    if name == "intdiv":
        return (a.bounds / b.bounds).floor_ends(), Fraction(1)
    size = b.bounds.absolute().hi  # mod: |a % b| < |b|, with the sign of a
    low = Fraction(0) if a.bounds.lo is not None and a.bounds.lo >= 0 else None if size is None else -size
    return Interval(low, size), grid


def _quotient(a: Facts, b: Facts) -> Interval:
    """Bounds of a / b. A divisor on a grid is 0 or at least one grid step away from it; x / 0 is infinite and clamps."""
    plain = a.bounds / b.bounds
    if plain.finite or b.grid is None or not a.bounds.finite:
        return plain
    top = a.bounds.absolute().hi
    assert top is not None
    signs = [x.bounds.lo is not None and x.bounds.lo >= 0 for x in (a, b)]
    return Interval(Fraction(0) if all(signs) else -top / b.grid, top / b.grid)


def choice(name: str, args: Sequence[Facts], kind: Type) -> Facts:
    """Facts of COALESCE, NULLIF, GREATEST, LEAST over arguments already of one type."""
    bounds = args[0].bounds
    for a in args[1:]:
        bounds = bounds.hull(a.bounds) if name != "nullif" else bounds
    if name in ("least", "greatest"):
        bounds = _extreme(name, args, bounds)
    domain: tuple[object, ...] | None = None
    used = args[:1] if name == "nullif" else args
    if all(a.domain is not None for a in used):
        domain = tuple(dict.fromkeys(v for a in used for v in (a.domain or ())))
    nullable = name == "nullif" or (
        all(a.nullable for a in args) if name in ("coalesce", "least", "greatest") else any(a.nullable for a in args)
    )
    return Facts(
        kind,
        bounds,
        nullable=nullable,
        domain=domain,
        grid=common_grid([a.grid for a in used]) if kind.numeric else None,
        per_unit=all(a.per_unit for a in args),
        key_null=name == "nullif" or all(a.key_null for a in args),
        proven=all(a.proven for a in args),
        size=max(a.size for a in args),
    )


def _extreme(name: str, args: Sequence[Facts], hull: Interval) -> Interval:
    """LEAST and GREATEST skip NULL arguments, so only an argument that is never NULL caps the result."""
    always = [a.bounds for a in args if not a.nullable]
    if name == "least":
        caps = [b.hi for b in always if b.hi is not None]
        return Interval(hull.lo, min(caps) if caps else hull.hi)
    caps = [b.lo for b in always if b.lo is not None]
    return Interval(max(caps) if caps else hull.lo, hull.hi)


def plus_days(a: Facts, days: Facts, sign: int) -> Facts:
    """DATE ± INTEGER days."""
    shift = days.bounds if sign > 0 else -days.bounds
    return Facts(Type.DATE, a.bounds + shift, nullable=True, per_unit=a.per_unit and days.per_unit,
                 proven=a.proven and days.proven, key_null=a.key_null or days.key_null)  # fmt: skip


def plus_interval(a: Facts, longest_days: int) -> Facts:
    """Temporal ± INTERVAL: a timestamp, moved by at most ``longest_days`` days (signed)."""
    scale = DAY_US if a.type is Type.DATE else 1
    us = a.bounds * Interval.of(scale, scale)
    low, high = min(longest_days, 0) * DAY_US, max(longest_days, 0) * DAY_US
    return Facts(
        Type.TIMESTAMP,
        us + Interval.of(low, high),
        nullable=True,
        per_unit=a.per_unit,
        proven=a.proven,
        key_null=a.key_null,
    )
