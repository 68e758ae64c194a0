"""What the ledger takes and gives: frozen values, no behaviour."""

from __future__ import annotations

from dataclasses import dataclass, field

from tacit_service.privacy.curves import Price
from tacit_service.privacy.events import Event
from tacit_service.privacy.exact import Charged
from tacit_service.privacy.lanes import Limits, Spent
from tacit_service.privacy.units import Delta, Epsilon

from .journal import Head

KEY_CHARS_MAX = 255
TEXT_CHARS_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Pace:
    """At most ``epsilon_max`` units of ε in each ``period``: '' (no pace), 'day' or 'month', in UTC."""

    period: str = ""
    epsilon_max: int = 0


@dataclass(frozen=True, slots=True)
class Window:
    """What a pace leaves in the window that is open: ε ``remaining`` of ``limit``; at ``ends`` (ISO 8601) a new one opens."""

    period: str
    limit: Epsilon
    remaining: Epsilon
    ends: str


@dataclass(frozen=True, slots=True)
class ChargeRequest:
    """What is about to be done, asked to be paid for.

    ``body_digest`` identifies the request that ``idempotency_key`` stands for. ``free_for_dataset``: a stored release
    is handed to a second analyst; the dataset has paid for it already, and no new noise may be drawn.
    """

    dataset: str
    analyst: str
    events: tuple[Event, ...]
    body_digest: str
    idempotency_key: str | None
    description: str
    free_for_dataset: bool = False

    def __post_init__(self) -> None:
        if not self.dataset or not self.analyst or self.analyst.startswith("@"):  # a group's account, schema.GROUP
            raise ValueError("a charge is for an analyst on a dataset")
        if self.idempotency_key is not None and not 0 < len(self.idempotency_key) <= KEY_CHARS_MAX:
            raise ValueError(f"an idempotency key has 1 to {KEY_CHARS_MAX} characters")
        if len(self.description) > TEXT_CHARS_MAX:
            raise ValueError(f"a description has at most {TEXT_CHARS_MAX} characters")


@dataclass(frozen=True, slots=True)
class StoredRelease:
    """A release as it was answered; ``canonical`` is the hash of the canonical request, ``created_at`` ISO 8601."""

    release_id: str
    dataset: str
    analyst: str
    canonical: str
    body: bytes = field(repr=False)
    created_at: str


@dataclass(frozen=True, slots=True)
class Reservation:
    """A durable charge. With ``replay`` the request was paid and answered before: ``charged`` then covers nothing."""

    charge_id: str
    charged: Charged
    head: Head
    replay: StoredRelease | None = None


@dataclass(frozen=True, slots=True)
class Balance:
    """One account. ``limit``, ``spent`` and ``remaining`` are (ε, δ) as shown to people; ``total`` is what lanes count.

    ``spent`` is the plain sum of charges; ``remaining`` is ``lanes.remaining``. ``withheld`` is what the policy or
    transfers keep below the ceiling that ``limits`` were created for. ``group`` names the account that pays too.
    ``window`` is what its pace leaves now, under ``remaining``.
    """

    dataset: str
    analyst: str | None
    limit: tuple[Epsilon, Delta]
    spent: tuple[Epsilon, Delta]
    remaining: tuple[Epsilon, Delta]
    charges: int
    limits: Limits
    total: Spent
    withheld: int
    state: str
    group: str = ""
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class PastCharge:
    """A charge of the past: what was done, what it cost, and what became of it.

    ``status`` is pending, released, failed, voided or settled; a pending, failed or settled charge holds its budget.
    """

    charge_id: str
    sequence: int
    at: str
    dataset: str
    analyst: str
    description: str
    price: Price
    status: str
    release_id: str | None
    free_for_dataset: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """A training job. ``spec`` is JSON; ``status`` is queued, running, succeeded, failed or cancelled.

    ``steps_begun`` is durable before the first of those steps reads data; ``steps_done`` is what is known to be done.
    """

    job_id: str
    charge_id: str
    dataset: str
    analyst: str
    spec: str = field(repr=False)
    status: str
    code: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    steps: int
    steps_begun: int
    steps_done: int
    attempts: int
    cancel_requested: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on a job, until the lease ends: every write names ``token``, which the next claim replaces."""

    job: Job
    token: str
    charged: Charged
