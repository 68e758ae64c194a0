"""The ledger's rules once more, in memory: fold the journal's entries into the rows that the store ought to hold.

Nothing here reads a table but through the entries, and no SQL of the store is reused: prices come from the stored
events, admission from ``lanes.admits``. What does not follow is a finding, a sentence that names its entry.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from tacit_service.privacy import events, lanes
from tacit_service.privacy.curves import Price, price
from tacit_service.privacy.lanes import Limits, Spent

from . import promises, queries
from .accounts import limits_from
from .journal import EMPTY, Entry, Head, canonical, link
from .opening import NO_PACE
from .queries import payers
from .records import Pace
from .schema import CLOSED, FROZEN, OPEN

FINDINGS_MAX: Final = 100


@dataclass(slots=True)
class AccountModel:
    """What one row of ``accounts`` ought to be."""

    limits: Limits
    policy_digest: str
    member_of: str = ""
    spent: Spent = field(default_factory=Spent)
    charges: int = 0
    withheld: int = 0
    moved: int = 0
    state: str = OPEN
    pace_period: str = ""
    pace_epsilon_max: int = 0
    pace_window: str = ""
    pace_epsilon: int = 0
    policy_pace: Pace = NO_PACE

    def admits(self, part: Spent, at: str) -> bool:
        """The admission rule, pacing included."""
        if self.state != OPEN or not lanes.admits(self.limits, self.spent, part, withheld=self.withheld + self.moved):
            return False
        return not self.pace_period or self._in_window(at) + part.epsilon <= self.pace_epsilon_max

    def charge(self, part: Spent, at: str) -> None:
        """Add an admitted charge."""
        if self.pace_period:
            self.pace_epsilon = self._in_window(at) + part.epsilon
        self.pace_window = max(self.pace_window, self._window(at))
        self.spent = self.spent + part
        self.charges += 1

    def declare_pace(self, pace: Pace) -> None:
        """A policy's new word on the pace; the same period goes on in the same window."""
        if pace.period != self.pace_period:
            self.pace_window, self.pace_epsilon = "", 0
        self.policy_pace, self.pace_period, self.pace_epsilon_max = pace, pace.period, pace.epsilon_max

    def _window(self, at: str) -> str:
        return {"day": at[:10], "month": at[:7]}.get(self.pace_period, "")

    def _in_window(self, at: str) -> int:
        return 0 if self._window(at) > self.pace_window else self.pace_epsilon


@dataclass(slots=True)
class ChargeModel:
    """What the journal says of one charge."""

    data: dict[str, Any]
    sequence: int
    cost: Price
    outcomes: dict[str, int] = field(default_factory=dict)
    release: dict[str, Any] | None = None
    release_sequence: int = 0


class Replay:
    """Apply entries in order; read ``accounts``, ``charges``, ``findings`` and ``head`` afterwards."""

    def __init__(self) -> None:
        self.head = EMPTY
        self.accounts: dict[tuple[str, str], AccountModel] = {}
        self.charges: dict[str, ChargeModel] = {}
        self.heads: dict[int, str] = {0: EMPTY.hash}
        self.promises: dict[str, tuple[int, dict[str, Any]]] = {}
        self.promised: dict[int, tuple[str, str]] = {}
        self.findings: list[str] = []
        self._keys: set[tuple[str, str]] = set()
        self._held: set[tuple[str, str]] = set()
        self._release_ids: set[str] = set()
        self._key_ids: set[str] = set()
        self._rules: Final[dict[str, Callable[[Entry, str, dict[str, Any]], None]]] = {
            "ledger": self._ledger,
            "account": self._account,
            "policy": self._policy,
            "promise": self._promise,
            "charge": self._charge,
            "release": self._release,
            "fail": self._fail,
            "void": self._void,
            "settle": self._settle,
            "state": self._state,
            "transfer": self._transfer,
            "pace": self._pace,
            "key": self._key,
        }

    def found(self, sentence: str) -> None:
        """Add a finding; a ruined journal is reported by its first hundred."""
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(sentence)

    def apply(self, entry: Entry) -> None:
        """Check the chain, then what the entry says."""
        number = self.head.sequence + 1
        if entry.sequence != number:
            self.found(f"entry {number} is missing: {entry.sequence} follows {self.head.sequence}")
        if entry.previous != self.head.hash or entry.hash != link(entry.previous, entry.body):
            self.found(f"entry {entry.sequence} is not what its hash, or the hash before it, says")
        self.head = Head(entry.sequence, entry.hash)
        self.heads[entry.sequence] = entry.hash
        try:
            body = json.loads(entry.body)
            if canonical(body) != entry.body or (body["seq"], body["kind"]) != (entry.sequence, entry.kind):
                self.found(f"entry {entry.sequence} is not written as an entry of its place and kind")
            self._rules[entry.kind](entry, str(body["at"]), body["data"])
        except (KeyError, TypeError, ValueError, IndexError) as error:
            self.found(f"entry {entry.sequence} ({entry.kind}) cannot be read: {type(error).__name__} {error}")

    def _check(self, entry: Entry, holds: bool, sentence: str) -> None:
        if not holds:
            self.found(f"entry {entry.sequence} ({entry.kind}): {sentence}")

    def _ledger(self, entry: Entry, _at: str, _data: dict[str, Any]) -> None:
        self._check(entry, entry.sequence == 1, "a journal begins once")

    def _account(self, entry: Entry, _at: str, data: dict[str, Any]) -> None:
        who, limits = (data["dataset"], data["analyst"]), limits_from(data["limits"])
        self._check(entry, who not in self.accounts, "the account exists already")
        dealt = limits.p_delta.units + limits.conversion_delta.units + limits.r_delta.units
        self._check(entry, dealt <= limits.delta.units or not limits.delta, "its lanes hold more delta than it has")
        derived = (
            lanes.bound(limits.epsilon, limits.conversion_delta, limits.order)
            if limits.conversion_delta
            else lanes.CLOSED
        )
        self._check(entry, limits.r_rdp <= derived, "its lane R holds more than its epsilon and delta convert to")
        self.accounts[who] = AccountModel(limits, data["policy_digest"], data.get("member_of", ""))
        self._declared_pace(data)

    def _policy(self, _entry: Entry, _at: str, data: dict[str, Any]) -> None:
        account = self.accounts[data["dataset"], data["analyst"]]
        account.withheld, account.policy_digest = data["epsilon_withheld"], data["policy_digest"]
        account.member_of = data.get("member_of", account.member_of)
        self._declared_pace(data)

    def _declared_pace(self, data: dict[str, Any]) -> None:
        if "pace" in data:
            self.accounts[data["dataset"], data["analyst"]].declare_pace(Pace(**data["pace"]))

    def _promise(self, entry: Entry, _at: str, data: dict[str, Any]) -> None:
        earlier = self.promises.get(data["dataset"])
        broken = None if earlier is None else promises.broken(earlier[1], data["promise"])
        self._check(entry, broken is None, f"it changes for whom earlier charges hold: {broken}")
        self.promises[data["dataset"]] = (entry.sequence, data["promise"])
        self.promised[entry.sequence] = (data["dataset"], canonical(data["promise"]))

    def _charge(self, entry: Entry, at: str, data: dict[str, Any]) -> None:
        cost = self._derived(entry, data)
        for analyst in payers(data):
            account = self.accounts[data["dataset"], analyst]
            part = account.limits.part(cost)
            self._check(entry, account.admits(part, at), f"the account of {analyst or 'the dataset'} does not admit it")
            account.charge(part, at)
        member_of = self.accounts[data["dataset"], data["analyst"]].member_of
        self._check(entry, data.get("group", "") == member_of, "the analyst's group did not pay, or another did")
        self._check(entry, data["charge_id"] not in self.charges, "the charge was made before")
        if data["idempotency_key"] is not None:
            key = (data["analyst"], data["idempotency_key"])
            self._check(entry, key not in self._keys, "its idempotency key was charged before")
            self._keys.add(key)
        self.charges[data["charge_id"]] = ChargeModel(data, entry.sequence, cost)

    def _derived(self, entry: Entry, data: dict[str, Any]) -> Price:
        """The price of the stored events, which must be the stored price to the last unit."""
        derived = price(tuple(events.from_dict(event) for event in data["events"]))
        self._check(entry, derived == queries.price_from(data["price"]), "its price does not follow from its events")
        return derived

    def _release(self, entry: Entry, _at: str, data: dict[str, Any]) -> None:
        charge = self.charges.get(data["charge_id"])
        if charge is None:
            self._check(entry, False, "it was released without a charge before it")
            return
        paid = charge.data
        same = (paid["dataset"], paid["analyst"]) == (data["dataset"], data["analyst"])
        self._check(entry, same, "it went to another account than the one that was charged")
        self._check(entry, charge.release is None, "its charge has been used by another release")
        self._check(entry, not set(charge.outcomes) - {"settle"}, "its charge failed or was voided")
        self._check(entry, data["release_id"] not in self._release_ids, "its id has been used")
        what = (data["dataset"], data["canonical"])
        self._check(entry, what in self._held or not paid["free_for_dataset"], "the dataset never paid for it")
        self._held.add(what)
        self._release_ids.add(data["release_id"])
        charge.release, charge.release_sequence = data, entry.sequence

    def _ended(self, entry: Entry, data: dict[str, Any], *, allowed: frozenset[str] = frozenset()) -> ChargeModel:
        charge = self.charges[data["charge_id"]]
        final = charge.release is not None or bool(set(charge.outcomes) - allowed)
        self._check(entry, not final, "its charge was final")
        charge.outcomes[entry.kind] = entry.sequence
        return charge

    def _fail(self, entry: Entry, _at: str, data: dict[str, Any]) -> None:
        self._ended(entry, data, allowed=frozenset({"settle"}))

    def _void(self, entry: Entry, _at: str, data: dict[str, Any]) -> None:
        charge = self._ended(entry, data)
        for account in self._payers(charge):
            account.spent = account.spent - account.limits.part(charge.cost)
            account.charges -= 1

    def _settle(self, entry: Entry, _at: str, data: dict[str, Any]) -> None:
        charge, done = self._ended(entry, data), self._derived(entry, data)
        for account in self._payers(charge):
            before, after = account.limits.part(charge.cost), account.limits.part(done)
            back = Spent(
                before.epsilon - after.epsilon,
                before.delta - after.delta,
                before.rdp - after.rdp,
                before.threshold_delta - after.threshold_delta,
            )
            lowered = min(back.epsilon, back.delta, back.rdp, back.threshold_delta) >= 0
            self._check(entry, lowered, "it settles to more than was reserved")
            account.spent = account.spent - back
        charge.cost = done

    def _payers(self, charge: ChargeModel) -> list[AccountModel]:
        return [self.accounts[charge.data["dataset"], analyst] for analyst in payers(charge.data)]

    def _state(self, entry: Entry, _at: str, data: dict[str, Any]) -> None:
        account = self.accounts[data["dataset"], data["analyst"]]
        self._check(entry, account.state != CLOSED, "a closed account stays closed")
        self._check(entry, data["state"] in (OPEN, FROZEN, CLOSED), "no such state")
        account.state = data["state"]

    def _transfer(self, entry: Entry, _at: str, data: dict[str, Any]) -> None:
        giver, taker = (self.accounts[data["dataset"], data[name]] for name in ("from", "to"))
        giver.moved += data["epsilon"]
        taker.moved -= data["epsilon"]
        self._check(entry, data["epsilon"] > 0 and giver is not taker, "nothing was transferred")
        self._check(entry, taker.withheld + taker.moved >= 0, "it lifts an account above its ceiling")
        unspent = any(lanes.fits(giver.limits, giver.spent, withheld=giver.withheld + giver.moved))
        self._check(entry, unspent, "it gives away what was spent")

    def _pace(self, _entry: Entry, _at: str, data: dict[str, Any]) -> None:
        account = self.accounts[data["dataset"], data["analyst"]]
        account.pace_period, account.pace_epsilon_max = data["period"], data["epsilon_max"]
        account.pace_window, account.pace_epsilon = "", 0

    def _key(self, entry: Entry, _at: str, data: dict[str, Any]) -> None:
        fresh = data["key_id"] not in self._key_ids
        self._check(entry, fresh or data["action"] != "add", "the key was made before")
        self._key_ids.add(data["key_id"])
