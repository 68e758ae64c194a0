"""What an owner does to accounts: freeze, close, transfer, pace. Each is a journal entry; none raises a ceiling."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import sqlalchemy as sa

from tacit_service.errors import Conflict, NotFound
from tacit_service.privacy import lanes
from tacit_service.privacy.units import Epsilon

from . import accounts
from .accounts import Account
from .journal import Head
from .records import Balance
from .schema import CLOSED, DATASET, FROZEN, OPEN
from .store import Ledger


class Administration:
    """Administrative entries on one ledger. ``analyst`` None means the dataset's own account."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def balances(self, dataset: str | None = None) -> list[Balance]:
        """Every account, of one dataset or of all."""
        with self._ledger.reading() as connection:
            return [account.balance() for account in accounts.list_all(connection, dataset)]

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
            head = self._ledger.append(connection, self._ledger.head_in(connection), "transfer", data)
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
        return self._ledger.append(connection, self._ledger.head_in(connection), kind, who | data)


def _find(connection: sa.Connection, dataset: str, analyst: str | None) -> Account:
    account = accounts.find(connection, dataset, analyst or DATASET)
    if account is None:
        raise NotFound("not_found", "There is no such account.")
    return account
