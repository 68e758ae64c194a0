"""What the assembly asks of the rooms that it wires together: a desk for each dataset, and the books."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tacit import wire


class DeskProtocol(Protocol):
    """What the service asks of one dataset; ``release.release.Desk`` is the one in use. Blocking and thread-safe."""

    name: str

    def quote(self, analyst: str, request: wire.QueryRequest) -> wire.Quote:
        """Price and expected intervals, without touching data."""
        ...

    def check(self, analyst: str, request: wire.QueryRequest, idempotency_key: str | None = None) -> None:
        """Raise the refusal that ``query`` would raise before its charge, if there is one; costs nothing."""
        ...

    def query(self, analyst: str, request: wire.QueryRequest, idempotency_key: str | None) -> wire.Answer:
        """Charge, run, add noise, record, answer."""
        ...

    def release(self, analyst: str, release_id: str) -> wire.Answer:
        """A release that this analyst holds; ``NotFound`` otherwise."""
        ...

    def facts(self) -> wire.DatasetFacts:
        """Public facts of the dataset."""
        ...

    def budget(self, analyst: str) -> wire.AccountBudget:
        """The analyst's account."""
        ...

    def explain(self, analyst: str, request: wire.QueryRequest) -> str:
        """The plan and its derivation, as text."""
        ...

    def close(self) -> None:
        """Stop the desk's processes."""
        ...


@dataclass(frozen=True, slots=True)
class Listed:
    """A release that an analyst holds, without its answer. ``charged`` is (ε, δ) as decimal text."""

    release_id: str
    dataset: str
    created_at: str
    sql: str
    charged: tuple[str, str]


class Books(Protocol):
    """What the service asks of the ledger, beside what the desks do with it."""

    def healthy(self) -> bool:
        """Whether it can promise durability now."""
        ...

    def releases(self, dataset: str, analyst: str, limit: int) -> Sequence[Listed]:
        """The newest releases of one analyst."""
        ...

    def account(self, dataset: str) -> wire.AccountBudget:
        """The dataset's own account, for owners and auditors."""
        ...

    def close(self) -> None:
        """Close the store."""
        ...
