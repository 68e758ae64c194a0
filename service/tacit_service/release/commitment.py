"""What a policy commits the ledger to: the dataset's promise, and the accounts of its analysts and groups."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tacit_service.ledger.promises import PUBLIC, Promise
from tacit_service.ledger.records import Pace
from tacit_service.ledger.store import Ledger
from tacit_service.policy.load import Loaded
from tacit_service.policy.model import Budget, Table
from tacit_service.privacy.lanes import Limits


def open_accounts(ledger: Ledger, loaded: Loaded) -> None:
    """Open or adjust every account that the policy names. ``Conflict`` where it may not change what was promised."""
    policy = loaded.policy
    ledger.ensure_dataset(
        policy.dataset, limits_of(policy.budget), loaded.digest, promise_of(loaded), pace=pace_of(policy.budget)
    )
    for name, group in policy.groups.items():
        ledger.ensure_group(policy.dataset, name, limits_of(group), pace=pace_of(group))
    group_of = {member: name for name, group in policy.groups.items() for member in group.members}
    for analyst, budget in policy.analysts.items():
        theirs = group_of.get(analyst, "")
        ledger.ensure_analyst(policy.dataset, analyst, limits_of(budget), group=theirs, pace=pace_of(budget))


def limits_of(budget: Budget) -> Limits:
    """The lanes of an account with this budget."""
    return Limits.create(budget.epsilon, budget.delta)


def pace_of(budget: Budget) -> Pace:
    """How fast the account may spend."""
    return Pace() if budget.pace is None else Pace(budget.pace.window, budget.pace.epsilon.units)


def promise_of(loaded: Loaded) -> Promise:
    """For whom the dataset's charges hold: see ``ledger.promises``. Where the data lie is stored by hash only."""
    tables = {
        name: {"by": _belongs(table), "source": _named(loaded.base_dir / table.source)}
        for name, table in loaded.policy.tables.items()
    }
    return {"unit": loaded.policy.privacy_unit.column, "tables": tables}


def _named(source: Path) -> str:
    return hashlib.sha256(str(source.resolve()).encode()).hexdigest()


def _belongs(table: Table) -> str:
    if table.public:
        return PUBLIC
    return table.unit or ", ".join(f"{mine} = {theirs}" for mine, theirs in table.path)
