"""A policy draft in YAML from the advice; it loads as it is, and says in comments what was read off the data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from tacit_service.policy.document import read_document
from tacit_service.policy.model import ROW, Budget, Column, Group, Pace, Policy, Table
from tacit_service.policy.survey import ColumnAdvice
from tacit_service.privacy.units import Delta, Epsilon

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*\Z")

Proposal = tuple[str, Table, Sequence[ColumnAdvice]]


def render(
    policy: Policy | None, tables: Sequence[Proposal], caps: dict[str, int], epsilon: Epsilon, delta: Delta
) -> str:
    """YAML of the whole policy; ``policy`` is None when a bare source was surveyed."""
    return "\n".join(_lines(policy, tables, caps, epsilon, delta)) + "\n"


def _lines(
    policy: Policy | None, tables: Sequence[Proposal], caps: dict[str, int], epsilon: Epsilon, delta: Delta
) -> Iterator[str]:
    first, table, _ = tables[0]
    yield "# A draft. What was read off the data becomes public with this file: put domain knowledge in its place."
    yield "version: 1"
    yield f"dataset: {policy.dataset if policy else first}"
    if policy and policy.description:
        yield f"description: {json.dumps(policy.description, ensure_ascii=False)}"
    yield "privacy_unit:"
    yield f"  name: {policy.privacy_unit.name if policy else 'unit'}"
    yield f"  column: {scalar(policy.privacy_unit.column if policy else f'{first}.{table.unit}')}"
    yield "tables:"
    for name, protected, columns in tables:
        yield from _table(name, protected, {c.name: c for c in columns})
    for name, public in policy.tables.items() if policy else ():
        if public.public:
            yield from _table(name, public, {})
    yield from _contribution(policy, caps)
    budget, asked = (policy.budget, policy.per_query) if policy else (None, None)
    yield "budget: # for the life of the dataset; this one is for you to decide"
    yield f"  epsilon: {budget.epsilon if budget else epsilon * 30}"
    yield f"  delta: {(budget.delta if budget else max(delta, Delta.parse('1e-6'))).short()}"
    if budget and budget.pace:
        yield f"  {_pace(budget.pace)}"
    yield "per_query:"
    yield f"  default_epsilon: {asked.default_epsilon if asked else epsilon}"
    yield f"  max_epsilon: {asked.max_epsilon if asked else epsilon * 10}"
    if asked:
        yield f"  default_delta: {asked.default_delta.short()}"
        yield f"  mechanism: {asked.mechanism}"
    if policy and policy.overcommit:
        yield "overcommit: true"
    for section, accounts in _accounts(policy) if policy else ():
        if accounts:
            yield f"{section}:"
            yield from (f"  {scalar(n)}: {{ {_limit(b)} }}" for n, b in accounts.items())


def _accounts(policy: Policy) -> tuple[tuple[str, Mapping[str, Budget]], ...]:
    return ("analysts", policy.analysts), ("roles", policy.roles), ("groups", policy.groups)


def _limit(budget: Budget) -> str:
    parts = [f"epsilon: {budget.epsilon}, delta: {budget.delta.short()}"]
    if budget.pace:
        parts.append(_pace(budget.pace))
    if isinstance(budget, Group):
        parts.append(f"members: [{', '.join(map(scalar, budget.members))}]")
    return ", ".join(parts)


def _pace(pace: Pace) -> str:
    return f"pace: {{ window: {pace.window}, epsilon: {pace.epsilon} }}"


def _contribution(policy: Policy | None, caps: dict[str, int]) -> Iterator[str]:
    """The advised caps; what the policy has now stands beside those that differ."""
    yield "contribution: # read off the data: the choices of least error"
    declared = policy.contribution.model_dump() if policy else {}
    for name, value in caps.items():
        now = declared.get(name)
        yield f"  {name}: {value}" + (f" # the policy has {now}" if now not in (None, value) else "")
    if declared.get("form", "auto") != "auto":
        yield f"  form: {declared['form']}"


def _table(name: str, table: Table, advised: dict[str, ColumnAdvice]) -> Iterator[str]:
    yield f"  {name}:"
    yield f"    source: {scalar(table.source)}"
    if table.public:
        yield "    public: true"
    elif table.path:
        yield f"    path: {json.dumps([list(hop) for hop in table.path])}"
    else:
        comment = " # each row is protected, not each person" if table.row_is_unit else ""
        yield f"    unit: {scalar(table.unit or ROW)}{comment}"
    if table.one_row_per_unit:
        yield "    one_row_per_unit: true"
    if table.description:
        yield f"    description: {json.dumps(table.description, ensure_ascii=False)}"
    for cap in ("max_groups", "max_rows", "max_rows_per_group"):
        if (value := getattr(table, cap)) is not None:
            yield f"    {cap}: {value}"
    yield "    columns:"
    for column_name, column in table.columns.items():
        yield from _column(column_name, column, advised.get(column_name))


def _column(name: str, column: Column, advice: ColumnAdvice | None) -> Iterator[str]:
    parts = [f"type: {column.type}"]
    if column.source_column:
        parts.append(f"source_column: {scalar(column.source_column)}")
    advised = advice.bounds if advice else None
    bounds = advised or (tuple(map(str, column.bounds)) if column.bounds else None)
    if bounds:
        numeric = column.type in ("integer", "number")
        low, high = bounds if numeric else (json.dumps(b) for b in bounds)
        parts.append(f"bounds: [{low}, {high}]")
    precision = (advice.precision if advice else None) or column.precision
    if precision:
        parts.append(f"precision: {Decimal(precision):f}")
    categories = (advice.categories if advice else None) or column.categories
    if categories:
        parts.append(f"categories: [{', '.join(map(scalar, categories))}]")
    if column.nullable is not None:
        parts.append(f"nullable: {scalar(column.nullable)}")
    if column.description:
        parts.append(f"description: {json.dumps(column.description, ensure_ascii=False)}")
    comments = list(advice.notes) if advice else []
    if advice and advice.bounds and not advice.declared:
        comments.insert(0, "bounds read off the data")
    comment = f" # {'; '.join(comments)}" if comments else ""
    yield f"      {name}: {{ {', '.join(parts)} }}{comment}"


def scalar(value: object) -> str:
    """A YAML scalar that reads back as ``value``: plain where that is safe, else quoted."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and not (_PLAIN.match(value) and read_document(value).data == value):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
