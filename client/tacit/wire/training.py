"""Training: requests, quotes, jobs and the cards of models."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue, StrictFloat, StrictInt, StrictStr

from .base import Amount, Cell, LedgerHead, Spend, Wire

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
        description="type: logistic_regression, linear_regression, mlp (hidden, activation), cnn (channels, hidden, "
        "activation), scatternet, or registered (name, train)",
        examples=[
            {"type": "logistic_regression"},
            {"type": "linear_regression"},
            {"type": "mlp", "hidden": [32], "activation": "tanh"},
            {"type": "cnn", "channels": [16, 32]},
            {"type": "scatternet"},
        ],
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
    schedule: StrictStr | None = Field(default=None, description="Of the learning rate: constant, or linear to zero")
    adaptive_clipping: Number | None = Field(
        default=None, description="Share of gradients that the clipping norm moves to leave whole, 0.5 or so; charged"
    )
    average: Number | None = Field(default=None, description="Release an average of iterates, of this memory: 0.99")
    label_smoothing: Number | None = None
    classes: list[Cell] | None = Field(default=None, description="Only these values of the label")
    holdout: Number | None = Field(
        default=None, description="Share of the units that are not trained on but measured on, under noise; charged"
    )
    metrics_epsilon: Amount | None = Field(
        default=None, description="Part of ε that pays for the measurement; a twentieth when absent", examples=["0.05"]
    )
    validation: StrictStr | None = Field(
        default=None, description="SELECT of the same columns from public tables: measured on while training, free"
    )
    audit: list[StrictStr] | None = Field(
        default=None,
        description="Attacks on the run for its card, free: canaries; membership and inversion (on the rows of validation)",
        examples=[["canaries"]],
    )


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
    epsilon_so_far: float = Field(
        default=0.0, description="At most this ε was spent by the steps begun; the whole run's price is reserved"
    )
    parameters: dict[str, JsonValue]
    created_at: str
    started_at: str | None = None
    finished_at: str | None = None
    code: str | None = Field(default=None, description="Why the job failed")


class TrainingJobList(Wire):
    """Body of ``GET /v1/training-jobs``: the caller's own, newest first."""

    jobs: list[TrainingJob]


class Artifact(Wire):
    """One file that a job made."""

    name: str
    media_type: str
    bytes: int
    sha256: str


class ArtifactList(Wire):
    """Body of ``GET /v1/training-jobs/{id}/artifacts``."""

    artifacts: list[Artifact]


class PredictionRequest(Wire):
    """Body of ``POST /v1/training-jobs/{id}/predictions``: rows with the features by name; null where unknown."""

    rows: list[dict[str, JsonValue]] = Field(examples=[[{"age": 41, "sex": "F", "region": "R1"}]])


class Predictions(Wire):
    """The label of each row; for a classification the probability of each class too, in the order of ``classes``."""

    predictions: list[Cell]
    classes: list[Cell] | None = None
    scores: list[list[float]] | None = None


class FeatureInfo(Wire):
    """How one column becomes inputs of the model, from public facts alone.

    A number is scaled from [low, high] to [-1, 1], a missing one is 0; a category has one input a value. With
    ``nullable`` one more input says that the value is missing. An image is its values, scaled from 0..255 to [0, 1].
    """

    name: str
    kind: Literal["number", "category", "image"]
    type: Literal["integer", "number", "string", "boolean", "date", "timestamp", "image"]
    low: float = 0.0
    high: float = 0.0
    categories: list[Cell] = []
    nullable: bool = False
    shape: list[int] = Field(default=[], description="Of an image: [height, width] or [channels, height, width]")


class AuditFinding(Wire):
    """One exact test of a run's noise, clipping or sampling, on made-up rows: the claim, and what was found."""

    name: str
    claimed: float
    found: float
    holds: bool


class AttackFinding(Wire):
    """One attack that the request asked for, on made-up or public rows: what it found, and what that proves."""

    name: str
    on: str
    found: float = Field(
        description="Of canaries the share of right guesses, of membership the advantage, of inversion the share of classes"
    )
    interval: tuple[float, float] | None = Field(default=None, description="95 %, of the advantage")
    without_noise: float | None = Field(default=None, description="The same of the same run without noise")
    without_noise_interval: tuple[float, float] | None = None
    epsilon_at_least: float | None = Field(default=None, description="What the guesses prove, with confidence 95 %")
    claimed: float | None = Field(default=None, description="ε that the run claims at its δ")
    holds: bool = Field(description="False only where the guesses prove more than is claimed, but for a chance of 1e-9")


class ModelCard(Wire):
    """Body of ``GET /v1/training-jobs/{id}/card``: what the model is, and what was promised while it was made."""

    job_id: str
    release_id: str
    dataset: str
    sql: str
    created_at: str
    privacy_unit: str
    relation: str
    audit: list[AuditFinding] = []
    attacks: list[AttackFinding] = []
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
    device: str = Field(default="CPU", description="What computed the gradients")
    ledger: LedgerHead = Field(description="The journal's head when the card was made, the run's charge below it")
    limits: list[str] = Field(description="What the guarantee does not cover")
    metrics: dict[str, JsonValue] = Field(
        default={}, description="Of held-out units, noised and charged with the job; of public rows, free"
    )
