"""The policy as the binder sees it: tables and columns with their public facts. What is not in here does not exist."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tacit_service.policy.model import Column as PolicyColumn
from tacit_service.policy.model import Policy
from tacit_service.policy.model import Table as PolicyTable

from .bounds import DAY_US, Facts, Interval, Type
from .grids import value_grid
from .plan import Multiples, Stored

DOMAIN_MAX = 10_000


@dataclass(frozen=True, slots=True)
class TableInfo:
    """One table: ``columns`` maps the declared name to its facts, in declared order; ``rows`` of a public one."""

    name: str
    public: bool
    columns: dict[str, Facts]
    one_row_per_unit: bool
    max_groups: int
    max_rows: int
    max_rows_per_group: int
    rows: int = 0
    stored: Stored | None = None


class Catalog:
    """Tables of one dataset by case-insensitive name, with facts of public tables read from their (public) rows."""

    def __init__(self, policy: Policy, public: Mapping[str, pa.Table]) -> None:
        self.policy = policy
        self.dataset = policy.dataset
        self._tables = {name.lower(): _table(policy, name, t, public.get(name)) for name, t in policy.tables.items()}

    def table(self, name: str) -> TableInfo | None:
        """The table of that name, or ``None``."""
        return self._tables.get(name.lower())

    def names(self) -> list[str]:
        """Declared table names."""
        return [t.name for t in self._tables.values()]

    @property
    def most_rows(self) -> int:
        """The most rows of one unit that count in full in any protected table, by the policy."""
        return max((t.max_rows for t in self._tables.values() if not t.public), default=1)


def _table(policy: Policy, name: str, t: PolicyTable, rows: pa.Table | None) -> TableInfo:
    c = policy.contribution
    groups = t.max_groups or c.max_groups
    per_group = t.max_rows_per_group or c.max_rows_per_group
    columns: dict[str, Facts] = {}
    single = not t.public and (t.one_row_per_unit or t.row_is_unit)
    for column_name, column in t.columns.items():
        if t.public:
            facts = _public_facts(column, None if rows is None else rows.column(column_name))
        else:
            facts = _declared_facts(column).with_(per_unit=single)
            if column_name == t.unit:
                facts = facts.with_(unit=True, per_unit=True, nullable=False)
            for mine, theirs in t.path[:1]:
                if mine == column_name:
                    facts = facts.with_(links=theirs)
        columns[column_name] = facts.with_(origin=f"{name}.{column_name}")
    return TableInfo(
        name=name,
        public=t.public,
        columns=columns,
        one_row_per_unit=single,
        max_groups=groups,
        max_rows=t.max_rows or c.max_rows or groups * per_group,
        max_rows_per_group=per_group,
        rows=0 if rows is None else rows.num_rows,
        stored=stored(policy, t),
    )


def stored(policy: Policy, t: PolicyTable) -> Stored | None:
    """What the snapshot stores of a table for speed: a function of the policy alone. ``None`` where there is no snapshot."""
    if t.public or not policy.prepare or policy.engine is not None:
        return None
    single = t.one_row_per_unit or t.row_is_unit
    return Stored(
        total=not single,
        steps=tuple(_multiples(c) for c in t.columns.values()),
        ranks=() if single else t.prepared_keys,
    )


def _multiples(column: PolicyColumn) -> Multiples | None:
    """What is stored of a decimal column that has bounds, a precision, and fits 2^31 steps."""
    if column.type != "number" or column.bounds is None or column.precision is None:
        return None
    lo, hi = (_ordinal(Type.NUMBER, b) for b in column.bounds)
    grid = Fraction(column.precision)
    if value_grid(_declared_facts(column), lo, hi) != grid:
        return None
    return Multiples(grid, math.ceil(lo / grid), math.floor(hi / grid))


def _declared_facts(column: PolicyColumn) -> Facts:
    kind = Type(column.type)
    bounds = Interval()
    if column.bounds is not None:
        bounds = Interval(_ordinal(kind, column.bounds[0]), _ordinal(kind, column.bounds[1]))
    grid: Fraction | None = None
    if kind is Type.INTEGER:
        grid = Fraction(1)
    if column.precision is not None:
        grid = Fraction(column.precision)
    domain: tuple[Any, ...] | None = column.categories
    if kind is Type.BOOLEAN and domain is None:
        domain = (False, True)
    if domain is not None and kind.numeric and not bounds.finite:
        bounds = Interval.of(min(domain), max(domain))
    nullable = column.nullable is not False
    return Facts(kind, bounds, nullable, domain, grid, key_null=column.nullable is True, shape=column.shape or ())


def _ordinal(kind: Type, value: Decimal | dt.date | dt.datetime) -> Fraction:
    if isinstance(value, Decimal):
        return Fraction(value)
    return Fraction(ordinal(kind, value))


def ordinal(kind: Type, value: dt.date | dt.datetime) -> int:
    """Days (DATE) or microseconds (TIMESTAMP) since 1970-01-01."""
    if isinstance(value, dt.datetime):
        delta = value.replace(tzinfo=None) - dt.datetime(1970, 1, 1)
    else:
        delta = dt.datetime(value.year, value.month, value.day) - dt.datetime(1970, 1, 1)
    if kind is Type.DATE:
        return delta.days
    return delta.days * DAY_US + delta.seconds * 1_000_000 + delta.microseconds


def from_ordinal(kind: Type, value: int) -> dt.date | dt.datetime:
    """Inverse of ``ordinal``."""
    if kind is Type.DATE:
        return dt.date(1970, 1, 1) + dt.timedelta(days=value)
    return dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=value)


def _public_facts(column: PolicyColumn, values: pa.ChunkedArray | None) -> Facts:
    facts = _declared_facts(column)
    if values is None or facts.type is Type.IMAGE:
        return facts
    distinct = pc.unique(values.drop_null())
    nullable = values.null_count > 0
    unique = not nullable and len(distinct) == len(values)
    domain = None
    if len(distinct) <= DOMAIN_MAX and facts.type is not Type.NUMBER:
        domain = tuple(sorted(distinct.to_pylist()))
    bounds = facts.bounds
    if len(distinct) and facts.type in (Type.INTEGER, Type.NUMBER, Type.DATE, Type.TIMESTAMP):
        low_high = pc.min_max(distinct).as_py()
        low, high = low_high["min"], low_high["max"]
        if facts.type.numeric:
            bounds = Interval.of(low, high) if low == low and abs(low) + abs(high) < float("inf") else Interval()
        else:
            bounds = Interval.of(ordinal(facts.type, low), ordinal(facts.type, high))
    return facts.with_(nullable=nullable, key_null=nullable, unique=unique, domain=domain, bounds=bounds)
