"""Our own expression tree: what is left of the analyst's text once every name, type and function is checked.

Nothing of the original text survives in it but literals (held as values), so that what the engine runs is emitted from
this tree alone. Each node carries its public ``Facts``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from .bounds import Facts

if TYPE_CHECKING:
    from .plan import Relation


@dataclass(frozen=True, slots=True)
class Expr:
    """Base of all expressions."""

    facts: Facts

    def children(self) -> Iterator[Expr]:
        """Direct sub-expressions."""
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, Expr):
                yield value
            elif isinstance(value, tuple):
                for item in value:
                    if isinstance(item, Expr):
                        yield item
                    elif isinstance(item, tuple):
                        yield from (e for e in item if isinstance(e, Expr))

    def walk(self) -> Iterator[Expr]:
        """This node and all below, without entering subquery relations."""
        yield self
        for child in self.children():
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Ref(Expr):
    """A column of an input relation, by its plan-wide id."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Lit(Expr):
    """A constant: None, bool, int, Decimal, float, str, date, datetime."""

    value: bool | int | Decimal | float | str | dt.date | dt.datetime | None


@dataclass(frozen=True, slots=True)
class Param(Expr):
    """A number that an earlier release of the same statement gives; to later stages a public constant."""

    name: str


@dataclass(frozen=True, slots=True)
class IntervalLit(Expr):
    """INTERVAL literal: a whole number of a unit from a fixed list."""

    count: int
    part: str


@dataclass(frozen=True, slots=True)
class Call(Expr):
    """A scalar function or operator of the allow-list, by its registry name."""

    name: str
    args: tuple[Expr, ...]
    extra: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Case(Expr):
    """Searched CASE."""

    whens: tuple[tuple[Expr, Expr], ...]
    default: Expr | None


@dataclass(frozen=True, slots=True)
class Cast(Expr):
    """Total cast: what does not convert is NULL. ``target`` is a narrower SQL type to pass through on the way."""

    arg: Expr
    target: str = ""


@dataclass(frozen=True, slots=True)
class InList(Expr):
    """``arg IN (items)``."""

    arg: Expr
    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Window(Expr):
    """A window function whose partition holds the privacy unit."""

    function: str
    args: tuple[Expr, ...]
    partition: tuple[Expr, ...]
    order: tuple[tuple[Expr, bool, bool], ...]  # expression, descending, nulls first
    frame: str | None = None
    where: Expr | None = None
    distinct: bool = False
    ignore_nulls: bool = False


@dataclass(frozen=True, slots=True)
class Agg(Expr):
    """An aggregate call; only inside per-unit or public aggregation and release points."""

    function: str
    args: tuple[Expr, ...]
    distinct: bool = False
    where: Expr | None = None
    parameter: float | None = None
    order: tuple[tuple[Expr, bool, bool], ...] = ()
    edges: tuple[Fraction, ...] = ()


@dataclass(frozen=True, slots=True)
class Exists(Expr):
    """``EXISTS (relation)``; the relation's predicate may refer to outer columns. ``on_unit``: rows are matched on the unit."""

    relation: Relation
    on_unit: bool


@dataclass(frozen=True, slots=True)
class InRelation(Expr):
    """``arg IN (SELECT column FROM relation)``."""

    arg: Expr
    relation: Relation
    column: int
    on_unit: bool


@dataclass(frozen=True, slots=True)
class Scalar(Expr):
    """A scalar subquery that yields one row at most by construction (an ungrouped aggregate)."""

    relation: Relation
    column: int
    on_unit: bool


def substitute(e: Expr, swap: Callable[[Expr], Expr | None]) -> Expr:
    """The expression with nodes replaced where ``swap`` gives another; subquery relations are not entered."""
    found = swap(e)
    if found is not None:
        return found
    if isinstance(e, Call):
        return replace(e, args=tuple(substitute(a, swap) for a in e.args))
    if isinstance(e, Case):
        whens = tuple((substitute(w, swap), substitute(v, swap)) for w, v in e.whens)
        return replace(e, whens=whens, default=None if e.default is None else substitute(e.default, swap))
    if isinstance(e, Cast):
        return replace(e, arg=substitute(e.arg, swap))
    if isinstance(e, InList):
        return replace(e, arg=substitute(e.arg, swap), items=tuple(substitute(i, swap) for i in e.items))
    if isinstance(e, InRelation):
        return replace(e, arg=substitute(e.arg, swap))
    if isinstance(e, Window):
        return replace(
            e,
            args=tuple(substitute(a, swap) for a in e.args),
            where=None if e.where is None else substitute(e.where, swap),
            partition=tuple(substitute(p, swap) for p in e.partition),
            order=tuple((substitute(o, swap), down, first) for o, down, first in e.order),
        )
    return e


def refs(e: Expr) -> set[int]:
    """Ids of all columns that the expression reads, subqueries' own columns not included."""
    return {n.id for n in e.walk() if isinstance(n, Ref)}


def conjuncts(e: Expr) -> list[Expr]:
    """Split ``a AND b AND c``."""
    if isinstance(e, Call) and e.name == "and":
        return [c for a in e.args for c in conjuncts(a)]
    return [e]


def literal(e: Expr) -> Any:
    """The value of a literal, or ``NotImplemented`` when it is not one (NULL is a value)."""
    return e.value if isinstance(e, Lit) else NotImplemented


def constants(e: Expr | None) -> tuple[int, ...]:
    """The whole numbers of which every value of the expression is one: CASE over nothing but such; empty where others may be."""
    if isinstance(e, Lit) and isinstance(e.value, int) and not isinstance(e.value, bool):
        return (e.value,)
    if isinstance(e, Case):
        parts = [constants(p) for p in (*(value for _, value in e.whens), e.default)]
        return tuple(v for part in parts for v in part) if all(parts) else ()
    return ()
