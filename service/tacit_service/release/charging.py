"""What a request asks of the ledger, and what the ledger's refusal tells: nothing of what others spent."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from tacit.wire import QueryRequest, Spend
from tacit_service.errors import BudgetExhausted
from tacit_service.ledger.records import ChargeRequest, Reservation, StoredRelease
from tacit_service.ledger.store import Ledger


def digest_of(request: QueryRequest) -> str:
    """What an idempotency key stands for: the whole body."""
    return hashlib.sha256(request.model_dump_json().encode()).hexdigest()


def paid(
    ledger: Ledger, dataset: str, analyst: str, request: QueryRequest, idempotency_key: str | None
) -> StoredRelease | None:
    """What the request's key stands for already. Raises ``Conflict`` where that is another request, or has no answer yet."""
    if idempotency_key is None:
        return None
    known = ledger.replay(ChargeRequest(dataset, analyst, (), digest_of(request), idempotency_key, ""))
    return None if known is None else known.replay


def reserve(ledger: Ledger, charge: ChargeRequest, overcommit: bool, remaining: Callable[[str], Spend]) -> Reservation:
    """Charge. Where analysts' limits add up to more than the dataset's, its remainder would tell what others spent."""
    try:
        return ledger.reserve(charge)
    except BudgetExhausted as refused:
        if refused.extra.get("account") != "dataset" or not overcommit:
            raise
        mine = remaining(charge.analyst)
        told = "The dataset's own account does not take this charge now, whatever is left on yours."
        hint: str | None = "Ask for a smaller epsilon, or reuse a release you hold. The dataset may be spent or paced."
        if "state" in refused.extra:  # the owner's word, which tells nothing of what others spent
            told, hint = refused.detail, refused.hint
        raise BudgetExhausted(
            "budget_exhausted",
            told,
            hint=hint,
            remaining={"epsilon": mine.epsilon, "delta": mine.delta},
            account="dataset",
        ) from None
