"""Datasets: their public facts, and what is left of their budgets."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .base import Cell, Spend, Wire


class ColumnFacts(Wire):
    """Public facts of a column."""

    name: str
    type: str
    bounds: list[Cell] | None = None
    precision: str | None = None
    categories: list[Cell] | None = None
    nullable: bool | None = None
    is_privacy_unit: bool = False
    description: str = ""


class TableFacts(Wire):
    """Public facts of a table; never a row count."""

    name: str
    public: bool
    one_row_per_unit: bool = False
    unit_path: list[str] = []
    columns: list[ColumnFacts]
    description: str = ""


class DatasetFacts(Wire):
    """Body of ``GET /v1/datasets/{name}``: public facts only."""

    name: str
    description: str
    privacy_unit: str
    privacy_unit_column: str
    tables: list[TableFacts]
    max_groups: int
    max_rows: int
    max_rows_per_group: int
    default_epsilon: str
    max_epsilon: str
    default_delta: str
    response_times: list[int] = Field(
        default=[], description="Milliseconds at which answers that took data leave; empty: as soon as they are ready"
    )
    functions: list[str] = []


class DatasetList(Wire):
    """Body of ``GET /v1/datasets``: those granted to the caller."""

    datasets: list[str]


class PaceWindow(Wire):
    """What a pace leaves of ε in the day or month that is open (UTC), under the lifetime limit; at ``ends`` a new one opens."""

    period: Literal["day", "month"]
    limit: str
    remaining: str
    ends: str = Field(description="ISO 8601; the first moment of the next day or month")


class GroupBudget(Wire):
    """The account that the caller's group shares: what any member is charged is charged to it as well."""

    name: str
    limit: Spend
    spent: Spend
    remaining: Spend
    pace: PaceWindow | None = None


class AccountBudget(Wire):
    """One account of the caller. ``dataset_remaining`` is null where the policy hides it (declared over-commitment).

    ``spent`` is the plain sum of all charges. The account may admit more than its limit by that sum, since its Rényi
    lane counts many small charges below it: ``in_words`` says how far both are. ``pace`` is null where nothing is paced;
    ``dataset_pace`` is the dataset's own, which all its analysts spend from.
    """

    dataset: str
    limit: Spend
    spent: Spend
    remaining: Spend
    dataset_remaining: Spend | None = None
    releases: int
    in_words: str = ""
    pending: Spend | None = None
    group: GroupBudget | None = None
    pace: PaceWindow | None = None
    dataset_pace: PaceWindow | None = None


class Budget(Wire):
    """Body of ``GET /v1/budget``."""

    analyst: str
    accounts: list[AccountBudget]
