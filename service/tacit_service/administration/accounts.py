"""Accounts: who has one, what it holds, what was spent from it; and the owner's changes, each an entry of the journal."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from typing import Final, Literal, cast

from tacit import wire
from tacit_service.access.gatekeeper import Principal
from tacit_service.access.keys import PRINCIPAL
from tacit_service.administration import models, scope
from tacit_service.errors import NotFound, RequestError
from tacit_service.ledger.accounts import Account
from tacit_service.ledger.administration import Administration
from tacit_service.ledger.journal import utc_now
from tacit_service.ledger.reaper import Reaped, reap
from tacit_service.ledger.records import PastCharge
from tacit_service.ledger.schema import APPOINTED, DATASET, GROUP
from tacit_service.ledger.store import Ledger
from tacit_service.privacy.events import Event
from tacit_service.privacy.lanes import Limits
from tacit_service.privacy.units import Delta, Epsilon
from tacit_service.release.balances import in_words, pace_window

LISTED_MAX: Final = 500
Amounts = tuple[Epsilon, Delta]
_NOTHING: Final = (Epsilon(0), Delta(0))


class Accounts:
    """The accounts of one ledger. ``overcommitted`` are the datasets whose policy allows limits to add up to more."""

    def __init__(self, ledger: Ledger, overcommitted: Collection[str] = ()) -> None:
        self._ledger = ledger
        self._overcommitted = frozenset(overcommitted)

    # -- reads

    def accounts(self, who: Principal, dataset: str) -> list[models.Account]:
        """All accounts of a dataset: its own first, then analysts by name."""
        scope.watches(who, dataset)
        found = Administration(self._ledger).accounts(dataset)
        if not found:
            raise scope.unknown()
        return [_account(account) for account in found]

    def all_accounts(self, who: Principal) -> list[models.Account]:
        """The accounts of every dataset that the key grants."""
        found = Administration(self._ledger).accounts()
        return [_account(account) for account in found if scope.covers(who, (account.dataset,))]

    def appointed(self, dataset: str, analyst: str) -> bool:
        """Whether an owner gave this analyst an account."""
        return Administration(self._ledger).appointed(dataset, analyst)

    def history(
        self,
        who: Principal,
        dataset: str,
        analyst: str | None = None,
        *,
        limit: int = 100,
        before: int | None = None,
        pending_only: bool = False,
    ) -> models.History:
        """What was asked, what each charge cost and what became of it, newest first.

        ``pending_only``: the charges that hold budget and have neither a release nor an end.
        """
        self.accounts(who, dataset)
        limit = min(limit, LISTED_MAX)
        found = Administration(self._ledger).history(dataset, analyst, limit, before=before, pending_only=pending_only)
        more = found[-1].sequence if len(found) == limit else None
        return models.History(charges=[_charge(past) for past in found], next_before=more)

    def spending(self, dataset: str, analyst: str | None, limit: int) -> wire.Spending:
        """Spending over time on one account. The caller has checked whose it is."""
        read = Administration(self._ledger)
        limit = min(limit, LISTED_MAX)
        found = read.history(dataset, analyst, limit)
        pending = read.history(dataset, analyst, LISTED_MAX, pending_only=True)
        return wire.Spending(
            dataset=dataset,
            days=list(_days(found, whole=analyst is None)),
            charges=[_charge(past, own=analyst is not None) for past in found],
            pending=[_charge(past, own=analyst is not None) for past in pending],
            complete=len(found) < limit,
        )

    # -- the owner's changes

    def appoint(self, who: Principal, dataset: str, asked: models.Appointment) -> models.Account:
        """Give an analyst an account that the policy does not name."""
        scope.owns(who, dataset)
        if not PRINCIPAL.match(asked.analyst):
            raise RequestError("name_invalid", "A name is 1 to 63 letters, digits or _ . @ -, letter or digit first.")
        epsilon = scope.amount(Epsilon, asked.epsilon)
        delta = scope.amount(Delta, asked.delta)
        if not epsilon or delta.units >= 10**Delta.DIGITS:
            raise RequestError("epsilon_invalid", "An account has some epsilon, and a delta below 1.")
        try:
            limits = Limits.create(epsilon, delta)
        except ValueError as error:
            raise RequestError("epsilon_invalid", f"These limits make no account: {error}.") from None
        over = dataset in self._overcommitted
        self._owner(who).appoint(dataset, asked.analyst, limits, overcommit=over)
        return self._one(dataset, asked.analyst)

    def set_state(self, who: Principal, dataset: str, asked: models.StateChange) -> models.Account:
        """Freeze, thaw or close."""
        scope.owns(who, dataset)
        owner = self._owner(who)
        act = {"open": owner.thaw, "frozen": owner.freeze, "closed": owner.close}[asked.state]
        act(dataset, asked.analyst, asked.reason)
        return self._one(dataset, asked.analyst)

    def transfer(self, who: Principal, dataset: str, asked: models.Transfer) -> list[models.Account]:
        """Move unspent ε; the giver's account and the taker's, as they are then."""
        scope.owns(who, dataset)
        epsilon = scope.amount(Epsilon, asked.epsilon)
        if not epsilon or asked.giver == asked.taker:
            raise RequestError("transfer_empty", "A transfer moves some epsilon between two analysts.")
        self._owner(who).transfer(dataset, asked.giver, asked.taker, epsilon)
        return [self._one(dataset, asked.giver), self._one(dataset, asked.taker)]

    def set_pace(self, who: Principal, dataset: str, asked: models.PaceChange) -> models.Account:
        """Pace an account, or lift its pace."""
        scope.owns(who, dataset)
        epsilon = scope.amount(Epsilon, asked.epsilon)
        period: Literal["", "day", "month"] = "" if asked.period == "none" else asked.period
        if period and not epsilon:
            raise RequestError("epsilon_invalid", "A pace allows some epsilon.", hint="To stop charges, freeze.")
        self._owner(who).pace(dataset, asked.analyst, period, epsilon if period else Epsilon(0))
        return self._one(dataset, asked.analyst)

    def total(self, who: Principal, dataset: str, analyst: str | None = None) -> models.Total:
        """The loss so far, by the lanes' sums and by one privacy loss distribution: the latter for information only."""
        scope.watches(who, dataset)
        read = Administration(self._ledger)
        account = next((a for a in read.accounts(dataset) if a.analyst == (analyst or DATASET)), None)
        if account is None:
            raise scope.unknown()
        balance = account.balance()
        return models.Total(
            dataset=dataset,
            analyst=balance.analyst,
            spent=spend(balance.spent),
            in_words=in_words(balance),
            pld_epsilon=_pld(read.events(dataset, analyst), account.limits.delta),
            pld_delta=str(account.limits.delta),
        )

    def reap(self, who: Principal, dataset: str, hours: int) -> Reaped:
        """End charges that nobody works on any more: see ``ledger.reaper``."""
        scope.owns(who, dataset)
        self.accounts(who, dataset)
        return reap(self._ledger, dataset, hours, dt.datetime.now(dt.UTC))

    def _owner(self, who: Principal) -> Administration:
        return Administration(self._ledger, by=who.name)

    def _one(self, dataset: str, analyst: str | None) -> models.Account:
        for account in Administration(self._ledger).accounts(dataset):
            if account.analyst == (analyst or DATASET):
                return _account(account)
        raise NotFound("not_found", "There is no such account.")


def _pld(events: list[Event], delta: Delta) -> float | None:
    try:
        from tacit_service.training.accounting import pld_epsilon

        found = pld_epsilon(events, float(delta)) if events else 0.0
    except ImportError:  # the library comes with the extra for training
        return None
    return None if found is None else round(found, 4)


def spend(amounts: Amounts) -> wire.Spend:
    """(ε, δ) as decimal strings."""
    return wire.Spend(epsilon=str(amounts[0]), delta=str(amounts[1]))


def _account(account: Account) -> models.Account:
    balance = account.balance(utc_now())
    period = cast(Literal["", "day", "month"], account.pace_period)
    return models.Account(
        dataset=account.dataset,
        analyst=None if balance.analyst is None else balance.analyst.removeprefix(GROUP),
        state=cast(Literal["open", "frozen", "closed"], account.state),
        declared_by="owner" if account.policy_digest == APPOINTED else "policy",
        limit=spend(balance.limit),
        spent=spend(balance.spent),
        remaining=spend(balance.remaining),
        charges=account.charges,
        group=account.analyst.startswith(GROUP),
        member_of=account.member_of.removeprefix(GROUP) or None,
        in_words=in_words(balance),
        window=pace_window(balance.window),
        pace=models.Pace(period=period, epsilon=str(Epsilon(account.pace_epsilon_max))) if period else None,
    )


def _held(past: PastCharge) -> Amounts:
    return _NOTHING if past.status == "voided" else (past.price.epsilon, past.price.delta)


def _charge(past: PastCharge, *, own: bool = False) -> wire.Charge:
    return wire.Charge(
        charge_id=past.charge_id,
        sequence=past.sequence,
        at=past.at,
        dataset=past.dataset,
        analyst=past.analyst,
        sql=past.description,
        status=cast(Literal["pending", "released", "failed", "voided", "settled"], past.status),
        cost=spend(_held(past)),
        paid_by_dataset=None if own else not past.free_for_dataset,
        release_id=past.release_id,
    )


def _days(found: list[PastCharge], *, whole: bool) -> Iterator[wire.Day]:
    """Newest day first. On the dataset's account a release that was handed on cost nothing."""
    days: dict[str, tuple[int, Amounts]] = {}
    for past in found:
        number, (epsilon, delta) = days.get(past.at[:10], (0, _NOTHING))
        cost = _NOTHING if whole and past.free_for_dataset else _held(past)
        days[past.at[:10]] = number + 1, (epsilon + cost[0], delta + cost[1])
    for day, (number, amounts) in days.items():
        yield wire.Day(day=day, charges=number, spent=spend(amounts))
