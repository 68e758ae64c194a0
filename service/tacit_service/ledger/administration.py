"""What an owner does to accounts: appoint, freeze, close, transfer, pace. Each is a journal entry; none raises a ceiling."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import sqlalchemy as sa

from tacit_service.errors import Conflict, NotFound
from tacit_service.privacy import lanes
from tacit_service.privacy.events import Event
from tacit_service.privacy.lanes import Limits
from tacit_service.privacy.units import Delta, Epsilon

from . import accounts, admission, queries
from .accounts import Account
from .journal import Head
from .records import Balance, PastCharge
from .schema import APPOINTED, CLOSED, DATASET, FROZEN, GROUP, OPEN
from .store import Ledger


class Administration:
    """Administrative entries on one ledger. ``analyst`` None means the dataset's own account.

    ``by`` is who acts, for the journal.
    """

    def __init__(self, ledger: Ledger, by: str = "") -> None:
        self._ledger = ledger
        self._by = {"by": by} if by else {}

    def balances(self, dataset: str | None = None) -> list[Balance]:
        """Every account, of one dataset or of all."""
        return [account.balance() for account in self.accounts(dataset)]

    def accounts(self, dataset: str | None = None) -> list[Account]:
        """Every account as it is stored, with its pace and who declared it."""
        with self._ledger.reading() as connection:
            return accounts.list_all(connection, dataset)

    def appointed(self, dataset: str, analyst: str) -> bool:
        """Whether the owner, and not the policy, gave this analyst an account."""
        with self._ledger.reading() as connection:
            account = accounts.find(connection, dataset, analyst)
        return account is not None and account.policy_digest == APPOINTED

    def history(
        self, dataset: str, analyst: str | None, limit: int, *, before: int | None = None, pending_only: bool = False
    ) -> list[PastCharge]:
        """Charges, newest first, of everyone or of one analyst, from below an entry of the journal on."""
        with self._ledger.reading() as connection:
            return queries.past(connection, dataset, analyst, limit, pending_only=pending_only, before=before)

    def events(self, dataset: str, analyst: str | None) -> list[Event]:
        """What ran on one account's charge: of each that stands, its events, or those it was settled to."""
        with self._ledger.reading() as connection:
            return list(queries.standing(connection, dataset, analyst))

    def appoint(self, dataset: str, analyst: str, limits: Limits, *, overcommit: bool = False) -> Head:
        """Give an analyst an account that the policy does not name; or change its ε, under the ceiling it began with.

        Unless the dataset is declared over-committed, what its analysts may spend never adds up to more than it has.
        """
        if not analyst:
            raise ValueError("an analyst has a name")
        with self._ledger.writing() as connection:
            whole = _find(connection, dataset, None)
            account = accounts.find(connection, dataset, analyst)
            if account is not None and account.policy_digest != APPOINTED:
                raise Conflict(
                    "account_of_policy",
                    f"{analyst} has an account that the policy declared.",
                    hint="Change the policy; or transfer, pace, freeze or close the account.",
                )
            if not overcommit:
                _check_allotted(connection, whole, analyst, limits)
            head = self._ledger.head_in(connection)
            data: dict[str, Any] = {"dataset": dataset, "analyst": analyst, "policy_digest": APPOINTED} | self._by
            if account is None:
                accounts.create(connection, dataset, analyst, limits, APPOINTED)
                data["limits"] = accounts.limit_columns(limits)
                head = self._ledger.append(connection, head, "account", data)
            else:
                data["epsilon_withheld"] = admission.withheld_for(account, limits)
                accounts.change(connection, dataset, analyst, epsilon_withheld=data["epsilon_withheld"])
                head = self._ledger.append(connection, head, "policy", data)
        return self._ledger.saw(head)

    def freeze(self, dataset: str, analyst: str | None, reason: str) -> Head:
        """Refuse charges until thawed."""
        return self._state(dataset, analyst, FROZEN, reason)

    def thaw(self, dataset: str, analyst: str | None, reason: str) -> Head:
        """Take charges again after a freeze."""
        return self._state(dataset, analyst, OPEN, reason)

    def close(self, dataset: str, analyst: str | None, reason: str) -> Head:
        """Refuse charges for good."""
        return self._state(dataset, analyst, CLOSED, reason)

    def _state(self, dataset: str, analyst: str | None, state: str, reason: str) -> Head:
        with self._ledger.writing() as connection:
            account = _find(connection, dataset, analyst)
            if account.state == CLOSED:
                raise Conflict("account_closed", "The account is closed, and stays so.")
            data = {"state": state, "reason": reason}
            accounts.change(connection, dataset, account.analyst, state=state)
            head = self._append(connection, "state", account, data)
        return self._ledger.saw(head)

    def transfer(self, dataset: str, giver: str, taker: str, epsilon: Epsilon) -> Head:
        """Move unspent ε from one analyst to another on the same dataset, up to the taker's ceiling.

        Both lanes of both accounts shift by the same ε. δ is not moved: its slices are fixed.
        """
        if not epsilon or giver == taker:
            raise ValueError("a transfer moves some epsilon between two accounts")
        with self._ledger.writing() as connection:
            source, target = (_find(connection, dataset, name) for name in (giver, taker))
            less = replace(source, moved=source.moved + epsilon.units)
            if not any(lanes.fits(less.limits, less.spent, withheld=less.below_ceiling)):
                raise Conflict("transfer_refused", f"{giver} has not that much unspent.")
            if target.below_ceiling < epsilon.units:
                room = Epsilon(max(0, target.below_ceiling))
                raise Conflict("transfer_refused", f"{taker} is {room} below the ceiling fixed at creation.")
            accounts.change(connection, dataset, giver, epsilon_moved=less.moved)
            accounts.change(connection, dataset, taker, epsilon_moved=target.moved - epsilon.units)
            data = {"dataset": dataset, "from": giver, "to": taker, "epsilon": epsilon.units}
            head = self._ledger.append(connection, self._ledger.head_in(connection), "transfer", data | self._by)
        return self._ledger.saw(head)

    def pace(self, dataset: str, analyst: str | None, period: Literal["", "day", "month"], epsilon: Epsilon) -> Head:
        """Spend at most ``epsilon`` a day or month, under the lifetime limit; period '' lifts it. The window is new."""
        if period not in ("", "day", "month"):
            raise ValueError("a pace is per day or per month")
        with self._ledger.writing() as connection:
            account = _find(connection, dataset, analyst)
            columns: dict[str, int | str] = {"pace_period": period, "pace_epsilon_max": epsilon.units}
            accounts.change(connection, dataset, account.analyst, **columns, pace_window="", pace_epsilon=0)
            head = self._append(connection, "pace", account, {"period": period, "epsilon_max": epsilon.units})
        return self._ledger.saw(head)

    def _append(self, connection: sa.Connection, kind: str, account: Account, data: dict[str, Any]) -> Head:
        who = {"dataset": account.dataset, "analyst": account.analyst}
        return self._ledger.append(connection, self._ledger.head_in(connection), kind, who | data | self._by)


def _find(connection: sa.Connection, dataset: str, analyst: str | None) -> Account:
    account = accounts.find(connection, dataset, analyst or DATASET)
    if account is None:
        raise NotFound("not_found", "There is no such account.")
    return account


def _check_allotted(connection: sa.Connection, whole: Account, analyst: str, limits: Limits) -> None:
    """What others may still come to spend, and this account, stay within the dataset's own limit."""
    epsilon, delta = limits.epsilon, limits.delta
    for other in accounts.list_all(connection, whole.dataset):
        if other.analyst in (DATASET, analyst) or other.analyst.startswith(GROUP):  # its members are counted
            continue
        balance = other.balance()
        most = balance.spent if other.state == CLOSED else balance.limit
        epsilon, delta = epsilon + most[0], delta + most[1]
    has: tuple[Epsilon, Delta] = whole.balance().limit
    if epsilon > has[0] or delta > has[1]:
        raise Conflict(
            "allotment_exceeded",
            f"The analysts' limits would add up to epsilon {epsilon}, delta {delta}; the dataset has {has[0]}, {has[1]}.",
            hint="Give less; or let the policy say overcommit: true, which hides the dataset's remainder from analysts.",
        )
