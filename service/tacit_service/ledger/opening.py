"""Accounts opened, and adjusted when the policy comes in a new version: each change is an entry of the journal."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from tacit_service.privacy.lanes import Limits

from . import accounts, admission, promises
from .records import Pace

if TYPE_CHECKING:
    from .store import Ledger

NO_PACE: Final = Pace()


def ensure(
    ledger: Ledger,
    dataset: str,
    analyst: str,
    limits: Limits,
    digest: str,
    *,
    promise: promises.Promise | None = None,
    member_of: str = "",
    pace: Pace = NO_PACE,
) -> None:
    """Create the account, or hold it to these limits under its ceiling; write nothing when that is how it stands.

    A pace is set, or lifted, when the policy's word on it changes: what an owner set since then stays until it does.
    """
    wanted: dict[str, Any] = {"policy_digest": digest, "member_of": member_of}
    with ledger.reading() as connection:
        account = accounts.find(connection, dataset, analyst)
        new = None if promise is None else promises.check(connection, dataset, promise)
    if account is not None and new is None:
        held = {"policy_digest": account.policy_digest, "member_of": account.member_of}
        if (
            held == wanted
            and account.policy_pace == pace
            and account.withheld == admission.withheld_for(account, limits)
        ):
            return
    with ledger.writing() as connection:
        head = ledger.head_in(connection)
        account = accounts.find(connection, dataset, analyst)
        data: dict[str, Any] = {"dataset": dataset, "analyst": analyst} | wanted
        before = (Pace(), "") if account is None else (account.policy_pace, account.pace_period)
        paced: dict[str, int | str] = {}
        if pace != before[0]:
            paced, data["pace"] = accounts.pace_columns(before[1], pace), asdict(pace)
        if account is None:
            accounts.create(connection, dataset, analyst, limits, digest, member_of)
            if paced:
                accounts.change(connection, dataset, analyst, **paced)
            head = ledger.append(connection, head, "account", data | {"limits": accounts.limit_columns(limits)})
        else:
            wanted["epsilon_withheld"] = admission.withheld_for(account, limits)
            accounts.change(connection, dataset, analyst, **wanted, **paced)
            head = ledger.append(connection, head, "policy", data | wanted)
        new = None if promise is None else promises.check(connection, dataset, promise)
        if new is not None:
            head = ledger.append(connection, head, "promise", {"dataset": dataset, "promise": new})
            promises.insert(connection, head.sequence, dataset, new)
    ledger.saw(head)
