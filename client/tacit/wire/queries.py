"""Questions, quotes, answers and their receipts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, StrictBool, StrictFloat, StrictInt

from .base import Amount, Cell, LedgerHead, Spend, Wire


class QueryRequest(Wire):
    """Body of ``POST /v1/queries`` and ``POST /v1/quotes``."""

    dataset: str = Field(min_length=1, max_length=63, examples=["clinic"])
    sql: str = Field(
        min_length=1, max_length=20_000, examples=["SELECT region, COUNT(*) AS n FROM patients GROUP BY region"]
    )
    epsilon: Amount | None = Field(
        default=None, description="Decimal string or number; the policy's default when absent", examples=["0.1"]
    )
    delta: Amount | None = Field(
        default=None, description="δ that thresholds and Gaussian noise may use", examples=["1e-9"]
    )
    max_rows: StrictInt | None = Field(
        default=None, ge=1, le=1_000_000, description="R: rows of one unit that count in full"
    )
    max_groups: StrictInt | None = Field(
        default=None, ge=1, le=1_000_000, description="K: groups of one unit that count"
    )
    max_amount: StrictFloat | StrictInt | None = Field(
        default=None, gt=0, description="B: total amount of one unit in a SUM"
    )
    accuracy: Amount | None = Field(
        default=None,
        description="Instead of epsilon: the half-width (95 %) that every number may have, such as 50, or a share of a size "
        'already known, such as "5 % of rel_…" (a release that you hold); the smallest price for it',
        examples=["50", "±50", "5 % of rel_0123"],
    )
    bias_check: StrictBool = Field(
        default=False,
        description="Spend a tenth of the price on a noisy share of the rows, units and amount that bounds drop",
    )
    approx_bounds: StrictBool = Field(
        default=False,
        description="Spend a tenth of the price on bounds of numbers in SUM and AVG that the policy gives none for",
    )
    fresh: StrictBool = Field(
        default=False, description="Buy new noise even where a stored release would answer for free"
    )


class ColumnInfo(Wire):
    """One output column. ``kind``: key (a group key), noisy (measured), derived (computed from noisy), public."""

    name: str
    type: Literal["integer", "number", "string", "boolean", "date", "timestamp", "null"]
    kind: Literal["key", "noisy", "derived", "public"]


class MechanismInfo(Wire):
    """One OpenDP measurement (or one selection) inside the answer."""

    release_point: str
    measure: str
    mechanism: str
    scale: float
    unit_scale: float = Field(description="Scale in the output's own unit (scale × grid)")
    l0: int | None = None
    l1: float | None = None
    l2: float | None = None
    linf: float | None = None
    threshold: int | None = None
    epsilon: str
    delta: str
    contribution: str = Field(description="How a unit's contributions are bounded, in words")


class BiasShare(Wire):
    """How much of a query its bounds cut away, noisy: ``share`` of the total, within [low, high] with 95 %."""

    release_point: str
    what: Literal["rows", "units", "amount"]
    of: str = Field(description="The aggregate whose bounds were checked")
    share: float
    low: float
    high: float
    epsilon: str
    text: str


class Receipt(Wire):
    """What the answer cost and how it was made."""

    charged: Spend
    remaining: Spend
    held: bool = Field(description="True when a stored release answered at no cost")
    confidence: float = 0.95
    mechanisms: list[MechanismInfo] = []
    plan: str = ""
    ledger: LedgerHead | None = None
    charge_id: str | None = None
    response_ms: int | None = Field(
        default=None, description="The step of the dataset's response times at which this answer left; null: none"
    )
    in_words: str = Field(default="", description="How far the account is after this, by both of its lanes")
    notes: list[str] = []
    bias: list[BiasShare] = []


class Answer(Wire):
    """Body of ``POST /v1/queries`` and ``GET /v1/releases/{id}``."""

    release_id: str
    dataset: str
    sql: str
    created_at: str
    columns: list[ColumnInfo]
    rows: list[list[Cell]]
    intervals: list[list[list[float] | None]]
    membership: list[float] | None = Field(
        default=None,
        description="Where noisy numbers decide which rows are shown (HAVING, LIMIT) or in which order: for each row, the share "
        "of re-draws in which it is shown, or keeps its place",
    )
    receipt: Receipt


class QuotedColumn(Wire):
    """Expected 95 % half-width of one output column, in its own unit; null where it depends on the answer."""

    name: str
    kind: Literal["key", "noisy", "derived", "public"]
    type: Literal["integer", "number", "string", "boolean", "date", "timestamp", "null"] | None = None
    plus_minus: float | None = None
    note: str | None = None


class Survival(Wire):
    """How probable it is that a group of so many people is shown, where keys pass a noisy threshold."""

    people: int
    chance: float


class QuotedRelease(Wire):
    """One release point of the plan and the measurements that it will run."""

    name: str
    keys: str
    groups: int | None
    measurements: list[MechanismInfo]
    survival: list[Survival] = Field(
        default=[], description="Of undeclared keys: which group sizes appear, and how surely"
    )


class Quote(Wire):
    """Body of ``POST /v1/quotes``. Made without touching data."""

    dataset: str
    price: Spend
    affordable: bool
    held: bool = False
    remaining: Spend
    more_like_this: int | None = Field(default=None, description="How many queries like this still fit, about")
    share: float | None = Field(
        default=None, description="The price's share of the ε that is left, from 0 to 1 and above"
    )
    columns: list[QuotedColumn]
    release_points: list[QuotedRelease]
    plan: str
    notes: list[str] = []
