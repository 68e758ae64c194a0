"""Any sequence of calls against a small model: the store admits, refuses, replays and refunds as the model says."""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tacit_service.errors import BudgetExhausted, Conflict
from tacit_service.ledger.administration import Administration
from tacit_service.ledger.journal import EMPTY
from tacit_service.ledger.reaper import reap
from tacit_service.ledger.records import ChargeRequest, Pace, StoredRelease
from tacit_service.ledger.store import Ledger
from tacit_service.ledger.verify import verify
from tacit_service.privacy.curves import price
from tacit_service.privacy.events import (
    Event,
    GaussianEvent,
    GaussianThresholdEvent,
    LaplaceEvent,
    LaplaceThresholdEvent,
)
from tacit_service.privacy.lanes import Limits
from tacit_service.privacy.units import Delta, Epsilon

BY = ("patient_id", "opendp 0.16.0")
EVENTS: tuple[tuple[Event, ...], ...] = (
    (LaplaceEvent(*BY, 10.000000000000002, 1, 0.09999999999999999),),
    (LaplaceEvent(*BY, 2.5000000000000004, 1, 0.39999999999999997),) * 2,
    (GaussianEvent(*BY, 5.0, 1.0, 0.020000000000000004, 0.9, 2e-8),),
    (LaplaceThresholdEvent(*BY, 4.0, 90, 1, 1, 1, 0.25, 9e-8),),
    (GaussianThresholdEvent(*BY, 5.0, 30, 1, 1.0, 1, 0.020000000000000004, 0.9, 2e-8, 1e-8),),
)
LIMITS = Limits.create(Epsilon.parse("2"), Delta.parse("1e-6"))
ANALYST_LIMITS = Limits.create(Epsilon.parse("1.5"), Delta.parse("1e-6"))
ANALYSTS = ("ada", "bob")
TEAM = "@team"
PACES = (Pace(), Pace("day", 5 * 10**11), Pace("day", 10**12), Pace("month", 10**12))
NOON = dt.datetime(2026, 1, 30, 12, tzinfo=dt.UTC)


@dataclass
class Account:
    """The whole of an account: what was charged and not voided, and two inequalities."""

    limits: Limits
    below: int = 0
    frozen: bool = False
    costs: dict[str, tuple[int, int, int, int]] = field(default_factory=dict)
    declared: Pace = PACES[0]
    pace: Pace = PACES[0]
    window: str = ""
    in_window: int = 0

    def takes(self, cost: tuple[int, int, int, int], at: str) -> bool:
        if self.pace.period and self.spent_now(at) + cost[0] > self.pace.epsilon_max:
            return False
        e, d, r, t = (sum(parts) for parts in zip(cost, *self.costs.values(), strict=True))
        lane_p = e <= self.limits.epsilon.units - self.below and d <= self.limits.p_delta.units
        lane_r = r <= self.limits.r_rdp - self.below and t <= self.limits.r_delta.units
        return not self.frozen and (lane_p or lane_r)

    def pay(self, charge_id: str, cost: tuple[int, int, int, int], at: str) -> None:
        self.costs[charge_id] = cost
        if self.pace.period:
            self.in_window, self.window = self.spent_now(at) + cost[0], max(self.window, self.window_at(at))

    def window_at(self, at: str) -> str:
        return at[: {"": 0, "month": 7, "day": 10}[self.pace.period]]

    def spent_now(self, at: str) -> int:
        return 0 if self.window_at(at) > self.window else self.in_window

    def declare(self, pace: Pace) -> None:
        if pace != self.declared:
            self.declared = pace
            self.set_pace(pace, anew=pace.period != self.pace.period)

    def set_pace(self, pace: Pace, *, anew: bool) -> None:
        self.pace = pace
        if anew:
            self.window, self.in_window = "", 0


def cost_of(limits: Limits, events: tuple[Event, ...]) -> tuple[int, int, int, int]:
    total = price(events)
    return total.epsilon.units, total.delta.units, total.at(limits.order), total.threshold_delta.units


class LedgerMachine(RuleBasedStateMachine):
    """One ledger, at times reopened; two analysts, in a group or not; few keys and bodies, so that they collide."""

    store: contextlib.AbstractContextManager[str]

    @staticmethod
    def new_store() -> contextlib.AbstractContextManager[str]:
        """A ledger of its own with the accounts below; gives its URL."""
        raise NotImplementedError

    @initialize()
    def start(self) -> None:
        self.store = self.new_store()
        self.url = self.store.__enter__()
        self.accounts = {"": Account(LIMITS)} | {name: Account(ANALYST_LIMITS) for name in (*ANALYSTS, TEAM)}
        self.group: dict[str, str] = {}
        self.paid: dict[str, list[str]] = {}
        self.made: dict[str, dt.datetime] = {}
        self.now = NOON
        self.keys: dict[tuple[str, str], tuple[str, str]] = {}
        self.status: dict[str, str] = {}
        self.owner: dict[str, str] = {}
        self.stored: dict[str, StoredRelease] = {}
        self.numbers = itertools.count()
        self.ledger = Ledger.open(self.url, now=self.at)
        self.seen = EMPTY

    def at(self) -> str:
        return self.now.isoformat(timespec="microseconds")

    @rule(
        analyst=st.sampled_from(ANALYSTS),
        events=st.sampled_from(EVENTS),
        key=st.sampled_from([None, None, "k1", "k2"]),
        body=st.sampled_from(["b1", "b1", "b2"]),
    )
    def reserve(self, analyst: str, events: tuple[Event, ...], key: str | None, body: str) -> None:
        request = ChargeRequest("clinic", analyst, events, body, key, "what")
        known = self.keys.get((analyst, key)) if key else None
        if known is not None and known[1] != body:
            with pytest.raises(Conflict, match="another request"):
                self.ledger.reserve(request)
        elif known is not None and known[0] in self.stored:
            assert self.ledger.reserve(request).replay == self.stored[known[0]]
        elif known is not None:
            with pytest.raises(Conflict, match="no answer"):
                self.ledger.reserve(request)
        elif all(
            self.accounts[n].takes(cost_of(self.accounts[n].limits, events), self.at()) for n in self.payers(analyst)
        ):
            charge = self.ledger.reserve(request)
            assert charge.charged.events == events
            self.paid[charge.charge_id], self.made[charge.charge_id] = self.payers(analyst), self.now
            for account in map(self.accounts.__getitem__, self.payers(analyst)):
                account.pay(charge.charge_id, cost_of(account.limits, events), self.at())
            self.status[charge.charge_id], self.owner[charge.charge_id] = "pending", analyst
            if key:
                self.keys[analyst, key] = (charge.charge_id, body)
        else:
            with pytest.raises(BudgetExhausted):
                self.ledger.reserve(request)

    def payers(self, analyst: str) -> list[str]:
        return [analyst, "", *([TEAM] if self.group.get(analyst) else [])]

    @precondition(lambda self: self.status)
    @rule(data=st.data(), what=st.sampled_from(["record", "record", "fail", "void"]))
    def finish(self, data: Any, what: str) -> None:
        charge_id = data.draw(st.sampled_from(list(self.status)))
        before, analyst = self.status[charge_id], self.owner[charge_id]
        if what == "record":
            release = StoredRelease(f"rel_{next(self.numbers)}", "clinic", analyst, "canonical", b"{}", "now")
            if before == "pending":
                self.ledger.record(charge_id, release)
                self.stored[charge_id], self.status[charge_id] = release, "record"
                return
        elif what == "fail" and before in ("pending", "fail"):
            self.ledger.fail(charge_id, "engine_failed")
            self.status[charge_id] = "fail"
            return
        elif what == "void" and before == "pending":
            self.ledger.void(charge_id, "cancelled in the queue")
            self.status[charge_id] = "void"
            for name in self.paid[charge_id]:
                del self.accounts[name].costs[charge_id]
            return
        elif what == "fail" and before == "void":
            self.ledger.fail(charge_id, "engine_failed")  # says what is known already: nothing will be released
            return
        with pytest.raises(ValueError, match="charge"):
            self.ledger.record(charge_id, release) if what == "record" else getattr(self.ledger, what)(charge_id, "x")

    @rule(hours=st.integers(1, 40))
    def reap(self, hours: int) -> None:
        """What is pending for longer is noted, and stays charged."""
        old = {
            i for i, s in self.status.items() if s == "pending" and self.made[i] < self.now - dt.timedelta(hours=hours)
        }
        reaped = reap(self.ledger, "clinic", hours, self.now)
        assert (set(reaped.kept), reaped.freed) == (old, ())
        self.status.update(dict.fromkeys(old, "fail"))

    @rule(hours=st.sampled_from([1, 13, 30, 24 * 30, -24]))
    def wait(self, hours: int) -> None:
        """Time goes on; once in a while the clock is set back a day."""
        self.now += dt.timedelta(hours=hours)

    @rule(who=st.sampled_from(["", "ada", TEAM]), pace=st.sampled_from(PACES))
    def owner_paces(self, who: str, pace: Pace) -> None:
        Administration(self.ledger).pace("clinic", who or None, pace.period, Epsilon(pace.epsilon_max))  # type: ignore[arg-type]
        self.accounts[who].set_pace(pace, anew=True)

    @rule(who=st.sampled_from(["", *ANALYSTS]), frozen=st.booleans())
    def freeze(self, who: str, frozen: bool) -> None:
        administration = Administration(self.ledger)
        (administration.freeze if frozen else administration.thaw)("clinic", who or None, "because")
        self.accounts[who].frozen = frozen

    @rule(
        who=st.sampled_from(ANALYSTS),
        tenths=st.integers(0, 15),
        group=st.sampled_from(["", "team"]),
        pace=st.sampled_from(PACES),
    )
    def new_version(self, who: str, tenths: int, group: str, pace: Pace) -> None:
        """A policy lowers a limit or raises it again, moves the analyst into the group or out, paces the account or not."""
        limits = Limits.create(Epsilon(tenths * 10**11), Delta.parse("1e-6"))
        self.ledger.ensure_analyst("clinic", who, limits, group=group, pace=pace)
        self.accounts[who].below = ANALYST_LIMITS.epsilon.units - tenths * 10**11
        self.accounts[who].declare(pace)
        self.group[who] = group

    @rule()
    def reopen(self) -> None:
        self.ledger.close()
        self.ledger = Ledger.open(self.url, now=self.at)

    @invariant()
    def balances_are_the_sums(self) -> None:
        for name, account in self.accounts.items():
            balance = self.ledger.balance("clinic", name or None)
            parts = [sum(column) for column in zip((0, 0, 0, 0), *account.costs.values(), strict=True)]
            total = balance.total
            assert [total.epsilon, total.delta, total.rdp, total.threshold_delta] == parts
            assert balance.charges == len(account.costs)

    @invariant()
    def the_journal_only_grows(self) -> None:
        head = self.ledger.head()
        assert head >= self.seen
        self.seen = head

    def teardown(self) -> None:
        if hasattr(self, "ledger"):
            assert verify(self.url, [self.seen]).findings == ()
            self.ledger.close()
            self.store.__exit__(None, None, None)


EXAMPLES = int(os.environ.get("TACIT_TEST_MACHINE_EXAMPLES", "0"))  # fewer by default


@pytest.mark.parametrize(("store", "examples"), [("sqlite", EXAMPLES or 20), ("postgresql", EXAMPLES or 6)])
def test_the_ledger_does_what_the_model_does(
    request: pytest.FixtureRequest, tmp_path: Path, store: str, examples: int
) -> None:
    @contextlib.contextmanager
    def file() -> Iterator[str]:
        with tempfile.TemporaryDirectory(prefix="tacit-machine-") as folder:
            yield f"sqlite:///{shutil.copy(tmp_path / 'template.db', f'{folder}/ledger.db')}"

    @contextlib.contextmanager
    def database() -> Iterator[str]:
        name = databases.create(template)
        yield databases.url(name)
        databases.drop(name)

    if store == "sqlite":
        url = f"sqlite:///{tmp_path / 'template.db'}"
    else:
        databases = request.getfixturevalue("databases")
        template = databases.create(databases.template)
        url = databases.url(template)
    ledger = Ledger.open(url)
    ledger.ensure_dataset("clinic", LIMITS, "policy")
    for analyst in ANALYSTS:
        ledger.ensure_analyst("clinic", analyst, ANALYST_LIMITS)
    ledger.ensure_group("clinic", "team", ANALYST_LIMITS)
    ledger.close()
    new_store = staticmethod(file if store == "sqlite" else database)
    run = type("Machine", (LedgerMachine,), {"new_store": new_store}).TestCase
    run.settings = settings(
        max_examples=examples,
        stateful_step_count=40,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    run("runTest").debug()
    assert verify(url).findings == ()  # nobody wrote where the examples began
    if store == "postgresql":
        databases.drop(template)
