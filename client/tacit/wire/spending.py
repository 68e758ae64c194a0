"""Spending over time: what each charge of an account was for, what it cost, and what its days add up to."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .base import Spend, Wire


class Charge(Wire):
    """A charge of the past. ``cost`` is what it holds now: nothing once voided, less once settled."""

    charge_id: str
    sequence: int
    at: str
    dataset: str
    analyst: str
    sql: str
    status: Literal["pending", "released", "failed", "voided", "settled"]
    cost: Spend
    paid_by_dataset: bool | None = Field(
        description="False where a stored release was handed on. Null for analysts: it would tell what others asked"
    )
    release_id: str | None = None


class Day(Wire):
    """What the charges of one day (UTC) hold, added up."""

    day: str
    charges: int
    spent: Spend


class Spending(Wire):
    """Spending over time on one account: the caller's own, or for owners and auditors the dataset's.

    ``days`` adds up the charges listed; ``complete`` is false when there are older ones.
    """

    dataset: str
    days: list[Day]
    charges: list[Charge]
    pending: list[Charge] = Field(description="Charges that hold budget and have no release yet")
    complete: bool
