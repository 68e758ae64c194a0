"""The protocol, defined once: request and response models of ``/v1``. The service imports them; the SDK reads them.

Amounts of privacy budget are decimal strings. A cell of an answer is JSON: null, bool, int, float, string; dates and
timestamps are ISO 8601 strings.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StrictFloat, StrictInt, StrictStr

Cell = bool | int | float | str | None
Amount = StrictStr | StrictInt | StrictFloat
"""ε or δ as the caller wrote it. A JSON number is taken by its decimal text, never as a float."""


class Wire(BaseModel):
    """Base of every model on the wire."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
        description="Instead of epsilon: the half-width (95 %) that every count and sum may have; the smallest price for it",
        examples=["50"],
    )
    fresh: bool = Field(default=False, description="Buy new noise even where a stored release would answer for free")


class Spend(Wire):
    """An amount of privacy loss, as exact decimal strings."""

    epsilon: str
    delta: str


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


class LedgerHead(Wire):
    """Head of the hash-chained journal after this charge."""

    sequence: int
    hash: str


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
    notes: list[str] = []


class Answer(Wire):
    """Body of ``POST /v1/queries`` and ``GET /v1/releases/{id}``."""

    release_id: str
    dataset: str
    sql: str
    created_at: str
    columns: list[ColumnInfo]
    rows: list[list[Cell]]
    intervals: list[list[list[float] | None]]
    receipt: Receipt


class QuotedColumn(Wire):
    """Expected 95 % half-width of one output column, in its own unit; null where it depends on the answer."""

    name: str
    kind: Literal["key", "noisy", "derived", "public"]
    type: Literal["integer", "number", "string", "boolean", "date", "timestamp", "null"] | None = None
    plus_minus: float | None = None
    note: str | None = None


class QuotedRelease(Wire):
    """One release point of the plan and the measurements that it will run."""

    name: str
    keys: str
    groups: int | None
    measurements: list[MechanismInfo]


class Quote(Wire):
    """Body of ``POST /v1/quotes``. Made without touching data."""

    dataset: str
    price: Spend
    affordable: bool
    held: bool = False
    remaining: Spend
    more_like_this: int | None = Field(default=None, description="How many queries like this still fit, about")
    columns: list[QuotedColumn]
    release_points: list[QuotedRelease]
    plan: str
    notes: list[str] = []


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
    functions: list[str] = []


class DatasetList(Wire):
    """Body of ``GET /v1/datasets``: those granted to the caller."""

    datasets: list[str]


class AccountBudget(Wire):
    """One account of the caller. ``dataset_remaining`` is null where the policy hides it (declared over-commitment)."""

    dataset: str
    limit: Spend
    spent: Spend
    remaining: Spend
    dataset_remaining: Spend | None = None
    releases: int


class Budget(Wire):
    """Body of ``GET /v1/budget``."""

    analyst: str
    accounts: list[AccountBudget]


Number = StrictInt | StrictFloat | StrictStr
"""A training parameter; the service checks it against its limits and names the one that does not fit."""


class TrainingRequest(Wire):
    """Body of ``POST /v1/training-jobs`` and ``POST /v1/training-quotes``. Say ``epsilon`` or ``noise_multiplier``."""

    dataset: str = Field(min_length=1, max_length=63, examples=["clinic"])
    sql: str = Field(
        min_length=1, max_length=20_000, examples=["SELECT age, sex, income > 50000 AS well_off FROM patients"]
    )
    label: str = Field(
        min_length=1, max_length=63, description="Column of the SELECT to predict; the others are features"
    )
    model: dict[str, JsonValue] = Field(
        description="type: logistic_regression, linear_regression, mlp (hidden, activation) or cnn (shape, channels)",
        examples=[{"type": "logistic_regression"}],
    )
    epsilon: Amount | None = Field(default=None, description="ε of the whole run", examples=["1"])
    delta: Amount | None = Field(default=None, description="δ; a tenth of the dataset's when absent", examples=["1e-7"])
    noise_multiplier: Number | None = Field(default=None, description="σ in place of ε: noise per clipping norm")
    sampling_rate: Number | None = Field(default=None, description="q: the chance of a unit to be in a step")
    units: Number | None = Field(
        default=None,
        description="About how many units there are, from a public source or a paid count; else it is bought",
    )
    epochs: Number | None = Field(default=None, description="Passes over the units, on average; or say steps")
    steps: Number | None = None
    clipping_norm: Number | None = Field(default=None, description="Largest L2 norm of one unit's gradient")
    max_rows: Number | None = Field(default=None, description="m: rows of one unit that its gradient averages")
    learning_rate: Number | None = None
    optimizer: StrictStr | None = Field(default=None, description="sgd or adam")
    momentum: Number | None = None
    weight_decay: Number | None = None
    classes: list[Cell] | None = Field(default=None, description="Only these values of the label")


class TrainingQuote(Wire):
    """Body of ``POST /v1/training-quotes``. Made without touching data."""

    dataset: str
    price: Spend
    affordable: bool
    remaining: Spend
    parameters: dict[str, JsonValue] = Field(description="Everything that the run would use, defaults filled in")
    epsilon_by_epoch: list[tuple[float, float]] = Field(description="ε at δ after so many epochs")
    features: list[str]
    label: str
    notes: list[str] = []


class TrainingJob(Wire):
    """Body of ``POST /v1/training-jobs`` and ``GET /v1/training-jobs/{id}``."""

    id: str
    status: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    dataset: str
    sql: str
    label: str
    model: dict[str, JsonValue]
    price: Spend = Field(description="What was reserved; a cancelled job is settled to the steps that it began")
    charged: Spend = Field(description="What stands on the account now")
    steps: int
    steps_begun: int
    steps_done: int
    parameters: dict[str, JsonValue]
    created_at: str
    started_at: str | None = None
    finished_at: str | None = None
    code: str | None = Field(default=None, description="Why the job failed")


class TrainingJobList(Wire):
    """Body of ``GET /v1/training-jobs``: the caller's own, newest first."""

    jobs: list[TrainingJob]


class FeatureInfo(Wire):
    """How one column becomes inputs of the model, from public facts alone.

    A number is scaled from [low, high] to [-1, 1], a missing one is 0; a category has one input a value. With
    ``nullable`` one more input says that the value is missing.
    """

    name: str
    kind: Literal["number", "category"]
    type: Literal["integer", "number", "string", "boolean", "date", "timestamp"]
    low: float = 0.0
    high: float = 0.0
    categories: list[Cell] = []
    nullable: bool = False


class ModelCard(Wire):
    """Body of ``GET /v1/training-jobs/{id}/card``: what the model is, and what was promised while it was made."""

    job_id: str
    release_id: str
    dataset: str
    sql: str
    created_at: str
    privacy_unit: str
    relation: str
    price: Spend
    epsilon: float = Field(description="ε of the training run at δ, by the privacy loss distribution")
    delta: float
    sampling_rate: float
    noise_multiplier: float
    steps: int
    clipping_norm: float
    max_rows: int
    expected_batch: float
    units_source: Literal["given", "bought"]
    accountants: dict[str, str | float]
    epsilon_by_epoch: list[tuple[float, float]]
    model: dict[str, JsonValue]
    task: Literal["classification", "regression"]
    features: list[FeatureInfo]
    label: FeatureInfo
    parameters: dict[str, JsonValue]
    tensors: dict[str, list[int]]
    model_sha256: str
    libraries: dict[str, str]
    ledger: LedgerHead = Field(description="The journal's head when the card was made, the run's charge below it")
    limits: list[str] = Field(description="What the guarantee does not cover")


class Problem(BaseModel):
    """RFC 9457 problem document. ``code`` is stable; ``position`` points into the SQL."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str | None = None
    hint: str | None = None
    rule: str | None = None
    suggestion: str | None = None
    position: dict[str, int] | None = None
    extra: dict[str, Any] | None = None
