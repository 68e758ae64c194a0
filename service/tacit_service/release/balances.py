"""Accounts in words: what was spent by both lanes, and what a group shares. Public facts, for people."""

from __future__ import annotations

from typing import Literal, cast

from tacit.wire import AccountBudget, GroupBudget, PaceWindow, Spend
from tacit_service.ledger.records import Balance, Window
from tacit_service.privacy.lanes import converted
from tacit_service.privacy.units import Delta, Epsilon

Amounts = tuple[Epsilon, Delta]


def spend(pair: Amounts) -> Spend:
    """(ε, δ) as decimal strings."""
    return Spend(epsilon=str(pair[0]), delta=str(pair[1]))


def in_words(balance: Balance) -> str:
    """How much is spent, in a sentence, by plain adding and, where that says more, by the account's Rényi lane.

    The plain sum may pass the limit: lane R admits many small charges that together are worth less than their sum.
    """
    plain, limit = balance.spent[0], balance.limit[0]
    renyi = converted(balance.limits, balance.total)
    if renyi is None or renyi >= plain:
        return f"Spent ε {short(plain)} of {short(limit)}, by simple adding."
    past = ", which is past the limit and no fault" if plain > limit else ""
    return (
        f"Spent ε {short(plain)} by simple adding{past}; {short(renyi)} of {short(limit)} by the account's Rényi lane. "
        "A charge is admitted while one of the two fits."
    )


def short(epsilon: Epsilon) -> str:
    """ε to three digits after the point, rounded up: for sentences, never for sums."""
    text = str(epsilon)
    return text if len(text.partition(".")[2]) <= 3 else f"{-(-epsilon.units // 10**9) / 1000:g}"


def share(price: Epsilon, left: Spend) -> float | None:
    """What part of the ε that is left a price takes; None when nothing is left."""
    whole = Epsilon.parse(left.epsilon)
    return price.units / whole.units if whole else None


def pace_window(window: Window | None) -> PaceWindow | None:
    """What a pace leaves now, as decimal strings."""
    if window is None:
        return None
    period = cast(Literal["day", "month"], window.period)
    return PaceWindow(period=period, limit=str(window.limit), remaining=str(window.remaining), ends=window.ends)


def account_budget(
    balance: Balance, *, whole: Balance | None, pending: Amounts, group: Balance | None
) -> AccountBudget:
    """One account for its holder. ``whole`` is the dataset's own account, where analysts may know what it has left."""
    shared = None
    if group is not None and group.analyst is not None:
        limit, spent, left = (spend(pair) for pair in (group.limit, group.spent, group.remaining))
        name, pace = group.analyst[1:], pace_window(group.window)
        shared = GroupBudget(name=name, limit=limit, spent=spent, remaining=left, pace=pace)
    return AccountBudget(
        dataset=balance.dataset,
        limit=spend(balance.limit),
        spent=spend(balance.spent),
        remaining=spend(balance.remaining),
        dataset_remaining=None if whole is None else spend(whole.remaining),
        releases=balance.charges,
        in_words=in_words(balance),
        pending=spend(pending) if pending[0] or pending[1] else None,
        group=shared,
        pace=pace_window(balance.window),
        dataset_pace=None if whole is None else pace_window(whole.window),
    )
