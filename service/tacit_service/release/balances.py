"""Accounts in words: what was spent by both lanes, and what a group shares. Public facts, for people."""

from __future__ import annotations

from tacit.wire import AccountBudget, GroupBudget, PaceBudget, Spend
from tacit_service.ledger.records import Balance, Paced
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


def pace_of(paced: Paced | None) -> PaceBudget | None:
    """What the present day or month still admits."""
    if paced is None:
        return None
    left = Epsilon(max(0, paced.epsilon.units - paced.spent.units))
    return PaceBudget(period=paced.period, epsilon=str(paced.epsilon), left=str(left))


def account_budget(balance: Balance, *, whole: Spend | None, pending: Amounts, group: Balance | None) -> AccountBudget:
    """One account for its holder. ``whole`` is what the dataset has left, where analysts may know it."""
    shared = None
    if group is not None and group.analyst is not None:
        limit, spent, left = (spend(pair) for pair in (group.limit, group.spent, group.remaining))
        shared = GroupBudget(
            name=group.analyst[1:], limit=limit, spent=spent, remaining=left, pace=pace_of(group.paced)
        )
    return AccountBudget(
        dataset=balance.dataset,
        limit=spend(balance.limit),
        spent=spend(balance.spent),
        remaining=spend(balance.remaining),
        dataset_remaining=whole,
        releases=balance.charges,
        in_words=in_words(balance),
        pending=spend(pending) if pending[0] or pending[1] else None,
        group=shared,
        pace=pace_of(balance.paced),
    )
