"""What a check and a rehearsal of a draft take and give, as JSON. Amounts of ε and δ are decimal strings."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, StrictInt, StrictStr

from tacit import wire

TEXT_MAX = 60_000


class PolicyDraft(wire.Wire):
    """Body of ``POST /v1/admin/policies/check``: the text of a policy."""

    policy: StrictStr = Field(min_length=1, max_length=TEXT_MAX, description="YAML, as it would stand in the file")


class PolicyLine(wire.Wire):
    """What is to be said of one line of the policy: an error with its fix, or what an analyst could ask because of it."""

    line: int
    level: Literal["ok", "note", "error"]
    path: str
    text: str
    fix: str = ""


class PolicyReading(wire.Wire):
    """A policy read line by line, from its text alone. Comparing it with the data is for the machine that holds them."""

    ok: bool
    dataset: str | None = None
    text: str = ""
    digest: str | None = Field(default=None, description="SHA-256 of the policy's meaning; comments do not change it")
    lines: list[PolicyLine]


class RehearsalRequest(PolicyDraft):
    """Body of ``POST /v1/admin/policies/rehearsal``."""

    units: StrictInt = Field(default=10_000, ge=10, le=50_000, description="How many privacy units to make up")
    rows_per_unit: StrictInt = Field(
        default=5, ge=1, le=20, description="Rows of a unit, on average, where it may have several"
    )
    spread: Literal["skewed", "even"] = Field(
        default="skewed", description="skewed: most values near the low end, a few keys have most rows; even: uniform"
    )
    seed: StrictInt = Field(default=1, ge=0, le=2**31)
    epsilons: list[StrictStr] | None = Field(
        default=None, min_length=1, max_length=5, description="Prices to try; around the policy's default when absent"
    )
    questions: list[StrictStr] | None = Field(
        default=None, min_length=1, max_length=8, description="SQL to try; typical questions when absent"
    )
    years: StrictInt = Field(default=1, ge=1, le=50, description="How many years the dataset's budget is to last")


class Trial(wire.Wire):
    """One question at one price."""

    epsilon: str
    delta: str
    plus_minus: float | None = Field(description="The half-width (95 %) that an analyst is quoted")
    error: float | None = Field(description="Root mean square error of the answers over the mean size of the truth")
    shown: float | None = Field(description="Share of the true rows that an answer shows, on average")
    fits: int = Field(description="How many such answers fit one year's budget")


class Tried(wire.Wire):
    """A question at every price; ``refused`` says why it has none."""

    sql: str
    about: str
    column: str | None = None
    rows: int = 0
    trials: list[Trial] = Field(default_factory=list)
    refused: str | None = None


class Rehearsal(wire.Wire):
    """Body of the answer. No protected row was read: every row is made up from the draft and ``seed``."""

    ok: bool
    dataset: str | None = None
    lines: list[PolicyLine] = Field(description="Errors of the draft, by line; empty where it was rehearsed")
    tables: dict[str, int] = Field(default_factory=dict, description="Made-up rows a table")
    yearly: wire.Spend | None = None
    questions: list[Tried] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)
