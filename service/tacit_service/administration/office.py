"""The office: accounts, keys and proof of one ledger, made once with the service or by a command."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tacit_service.access.gatekeeper import Principal
from tacit_service.access.keys import ALL_DATASETS
from tacit_service.access.roles import Role
from tacit_service.administration import models
from tacit_service.administration.accounts import Accounts
from tacit_service.administration.keys import Keys
from tacit_service.administration.proof import Proof
from tacit_service.ledger.directory import Directory
from tacit_service.ledger.store import Ledger


@dataclass(frozen=True, slots=True)
class Office:
    """What the routes under ``/v1/admin`` and the owner's commands call."""

    accounts: Accounts
    keys: Keys
    proof: Proof

    @classmethod
    def of(
        cls, ledger: Ledger, url: str, *, overcommitted: Collection[str] = (), signing_key: Path | None = None
    ) -> Self:
        """The office of an open ledger."""
        return cls(Accounts(ledger, overcommitted), Keys(Directory(ledger)), Proof(ledger, url, signing_key))

    def analysts(self, who: Principal) -> list[models.Analyst]:
        """Everyone who has an account or an analyst's key, by name."""
        accounts = [
            account for account in self.accounts.all_accounts(who) if account.analyst is not None and not account.group
        ]
        keys = [key for key in self.keys.live(who) if key.role == Role.ANALYST.value]
        names = {account.analyst or "" for account in accounts} | {key.principal for key in keys}
        return [
            models.Analyst(
                name=name,
                accounts=[account for account in accounts if account.analyst == name],
                keys=[key.key_id for key in keys if key.principal == name],
            )
            for name in sorted(names)
        ]


def operator() -> Principal:
    """Who works on the machine itself, with the ledger's file in hand: an owner of everything."""
    return Principal("operator", Role.OWNER, frozenset({ALL_DATASETS}), "cli")
