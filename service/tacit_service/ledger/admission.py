"""What the store decides and explains around its guarded updates: limits of a policy, refusals, replays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from tacit_service.errors import BudgetExhausted, Conflict, NotFound
from tacit_service.privacy import lanes
from tacit_service.privacy.curves import Price
from tacit_service.privacy.exact import Charged
from tacit_service.privacy.lanes import Limits

from . import accounts, queries
from .accounts import Account
from .records import ChargeRequest, Reservation
from .schema import DATASET, GROUP, OPEN


def withheld_for(account: Account, limits: Limits) -> int:
    """How far under its ceiling an account is to be held so that the policy's ε is its limit."""
    ceiling = account.limits
    if limits.epsilon > ceiling.epsilon or limits.delta != ceiling.delta:
        whose = account.analyst or "the dataset"
        raise Conflict(
            "limits_fixed",
            f"The account of {whose} on {account.dataset} was created for epsilon {ceiling.epsilon}, delta "
            f"{ceiling.delta}; the policy now says {limits.epsilon}, {limits.delta}.",
            hint="Keep delta, and epsilon at or below it: what was promised of the data cannot be promised anew.",
        )
    return max(ceiling.epsilon.units - limits.epsilon.units, -account.moved)


def existing(connection: sa.Connection, dataset: str, analyst: str) -> Account:
    """The account, or ``NotFound``."""
    account = accounts.find(connection, dataset, analyst)
    if account is None:
        raise NotFound("not_found", "There is no such account.", hint="The policy names who has one.")
    return account


class Refused(Exception):
    """Inside the transaction of a charge: roll back, then ask ``explained`` why."""


def explained(connection: sa.Connection, request: ChargeRequest, cost: Price, at: str) -> Reservation:
    """Why a charge was not made: its key was used before (a replay, or ``Conflict``), or an account refuses it."""
    if request.idempotency_key is not None:
        earlier = replayed(connection, request, request.idempotency_key)
        if earlier is not None:
            return earlier
    whole = existing(connection, request.dataset, DATASET)
    free = request.free_for_dataset and whole.state == OPEN
    paying = payers(connection, request.dataset, request.analyst, free_for_dataset=free)
    no_lane = (account for account in paying if not room(account, cost))
    paced = closed(paying, cost, at)
    raise _exhausted(next(no_lane, None) or (paying[0] if paced is None else paced), cost, at)


def closed(paying: Sequence[Account], cost: Price, at: str) -> Account | None:
    """The account whose pace does not take this price now; of several, the one whose window opens last."""
    windows = ((account.window(at), account) for account in paying)
    shut = [(window.ends, account) for window, account in windows if window and window.remaining < cost.epsilon]
    return max(shut, key=lambda one: one[0])[1] if shut else None


def payers(connection: sa.Connection, dataset: str, analyst: str, *, free_for_dataset: bool = False) -> list[Account]:
    """The accounts that an analyst's charge is charged to: their own, their group's, the dataset's."""
    mine = existing(connection, dataset, analyst)
    names = ([mine.member_of] if mine.member_of else []) + ([] if free_for_dataset else [DATASET])
    return [mine, *(existing(connection, dataset, name) for name in names)]


def _exhausted(account: Account, cost: Price, at: str) -> BudgetExhausted:
    kind = "group" if account.analyst.startswith(GROUP) else "analyst" if account.analyst else "dataset"
    whose = {"analyst": "Your account", "dataset": "The dataset's account"}.get(kind, "The account of your group")
    balance = account.balance(at)
    epsilon, delta = balance.remaining
    more: dict[str, Any] = {}
    detail = (
        f"{whose} does not hold epsilon {cost.epsilon}, delta {cost.delta}: epsilon {epsilon}, delta {delta} is left."
    )
    hint = "Ask for a smaller epsilon, or reuse a release you hold, which is free."
    if account.state != OPEN:
        detail, hint = f"{whose} is {account.state}.", "The data owner decides."
        more["state"] = account.state
    elif room(account, cost) and (window := balance.window):
        detail = f"{whose} is paced: epsilon {window.remaining} of {window.limit} is left of this {window.period}."
        hint = f"A new {window.period} begins at {window.ends}. A smaller epsilon may fit before."
        more["window"] = {"epsilon": str(window.remaining), "ends": window.ends}
    return BudgetExhausted(
        "budget_exhausted",
        detail,
        hint=hint,
        remaining={"epsilon": str(epsilon), "delta": str(delta)},
        account=kind,
        **more,
    )


def room(account: Account, cost: Price) -> int:
    """How many more charges of this price the account takes."""
    if account.state != OPEN:
        return 0
    return lanes.how_many(account.limits, account.spent, cost, withheld=account.below_ceiling)


def replayed(connection: sa.Connection, request: ChargeRequest, key: str) -> Reservation | None:
    """What an idempotency key stands for already. Such a reservation covers no event: no noise is drawn for it."""
    known = queries.charge_by_key(connection, request.analyst, key)
    if known is None:
        return None
    if known.body_digest != request.body_digest or known.dataset != request.dataset:
        raise Conflict(
            "idempotency_conflict",
            "This idempotency key was used for another request.",
            hint="Use a new key for a new request.",
        )
    stored = queries.release_of(connection, known.charge_id)
    if stored is None:
        raise Conflict(
            "idempotency_in_progress",
            "The request with this idempotency key is charged and has no answer: it still runs, or it failed.",
            hint="Ask again with the same key in a moment. A new key is a new request, and charged.",
            charge_id=known.charge_id,
        )
    return Reservation(
        known.charge_id, Charged(known.charge_id, ()), queries.release_head(connection, stored.release_id), stored
    )
