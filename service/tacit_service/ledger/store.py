"""The ledger: charge first, durably, on both accounts; then, and only then, may anything be drawn.

    reserve ──► (engine, noise) ──► record        the release is durable before it is answered
       │                      └───► fail          the charge stays
       └──────► void · settle                     only what provably never ran is taken back

Each method is one transaction. Whatever the store throws ends as ``LedgerUnavailable``, and the ledger then refuses
everything until ``healthy`` has verified it from its first entry: an error during a commit says nothing about what is
on the disk.
"""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

import sqlalchemy as sa

from tacit_service.errors import LedgerUnavailable
from tacit_service.privacy.curves import Price, price
from tacit_service.privacy.events import Event, from_dict
from tacit_service.privacy.exact import Charged
from tacit_service.privacy.lanes import Limits
from tacit_service.privacy.units import Delta, Epsilon

from . import accounts, admission, journal, opening, promises, queries, recording, settlement
from .accounts import Account
from .database import Busy, Database, unavailable
from .journal import Entry, Head
from .opening import NO_PACE
from .records import Balance, ChargeRequest, Pace, PastCharge, Reservation, StoredRelease, Window
from .schema import DATASET, GROUP, OPEN, charges
from .verify import verify_database

_CHARGES: Final = journal.Rows(charges)


class Ledger:
    """One store, shared by the threads of this process and by other processes."""

    def __init__(self, database: Database, now: Callable[[], str] = journal.utc_now) -> None:
        self._database = database
        self._now = now
        self._writing = threading.Lock()  # threads queue here in turn instead of polling the store's own lock
        self._checking = threading.Lock()
        self._tripped: str | None = None
        self._seen = journal.EMPTY
        self._limits: dict[tuple[str, str], dict[str, Limits]] = {}  # who pays for an analyst, and by which limits

    @classmethod
    def open(cls, url: str, *, now: Callable[[], str] = journal.utc_now) -> Ledger:
        """Open ``sqlite:///file`` or ``postgresql://…``, creating or migrating its tables."""
        ledger = cls(Database.open(url), now)
        try:
            ledger._begin_journal()
        except LedgerUnavailable:
            ledger.close()
            raise
        return ledger

    def _begin_journal(self) -> None:
        with self.reading() as connection:
            head = journal.read_head(connection)
        if head == journal.EMPTY:
            with self.writing() as connection:
                head = journal.read_head(connection)
                if head == journal.EMPTY:
                    head = self.append(connection, head, "ledger", {"ledger_id": secrets.token_hex(16), "format": 1})
        self.saw(head)

    def close(self) -> None:
        """Drop the connections."""
        self._database.close()

    @property
    def database(self) -> Database:
        """The store, for the queue that lives in it too."""
        return self._database

    # -- transactions, for the modules of this room ---------------------------------------------------------------

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """One exclusive, durable transaction."""
        with self._writing, self._guarded(), self._database.write() as connection:
            yield connection

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """One consistent view."""
        with self._guarded(), self._database.read() as connection:
            yield connection

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        if self._tripped is not None:
            raise unavailable(self._tripped, "The ledger answers again once it has been verified.")
        try:
            yield
        except Busy as error:
            raise unavailable("Another writer held the ledger for too long. Nothing was charged.") from error
        except journal.Rewound as error:
            raise self._trip("The ledger has lost entries that were committed.") from error
        except (sa.exc.SQLAlchemyError, OSError) as error:
            raise self._trip("The ledger's store failed; until it is verified nothing is charged.") from error

    def _trip(self, reason: str) -> LedgerUnavailable:
        self._tripped = reason
        return unavailable(reason)

    def head_in(self, connection: sa.Connection) -> Head:
        """The journal's head, with the check that what this process saw committed is still there."""
        return journal.check_holds(connection, self._seen)

    def append(
        self, connection: sa.Connection, head: Head, kind: str, data: dict[str, Any], at: str | None = None
    ) -> Head:
        """Write one entry after ``head``; the transaction must be the exclusive one."""
        return journal.append(connection, head, kind, data, at or self._now())

    def saw(self, head: Head) -> Head:
        """Remember a head that is committed."""
        self._seen = max(self._seen, head)
        return head

    # -- accounts -------------------------------------------------------------------------------------------------

    def ensure_dataset(
        self, dataset: str, limits: Limits, policy_digest: str, promise: promises.Promise | None = None,
        *, pace: Pace = NO_PACE,
    ) -> None:  # fmt: skip
        """Create the dataset's account, or note a new version of its policy. What was spent stays spent.

        ε may be lower than at creation, and rise again up to that ceiling; δ and its slices are fixed (``Conflict``).
        A ``promise`` that differs from the one that charges were made for is a ``Conflict`` too: see ``promises``.
        """
        opening.ensure(self, dataset, DATASET, limits, policy_digest, promise=promise, pace=pace)

    def ensure_analyst(
        self, dataset: str, analyst: str, limits: Limits, *, group: str = "", pace: Pace = NO_PACE
    ) -> None:
        """Create the analyst's account on the dataset, or adjust it under its ceiling; or move it to a group, or out."""
        if not analyst or analyst.startswith(GROUP):
            raise ValueError("an analyst has a name")
        opening.ensure(self, dataset, analyst, limits, "", member_of=GROUP + group if group else "", pace=pace)
        self._limits.pop((dataset, analyst), None)

    def ensure_group(self, dataset: str, group: str, limits: Limits, *, pace: Pace = NO_PACE) -> None:
        """Create or adjust the account that a group's members share: each charge of theirs is charged to it as well."""
        if not group:
            raise ValueError("a group has a name")
        opening.ensure(self, dataset, GROUP + group, limits, "", pace=pace)

    # -- charges --------------------------------------------------------------------------------------------------

    def reserve(self, request: ChargeRequest, also: Callable[[sa.Connection, str], None] | None = None) -> Reservation:
        """Charge both accounts in one durable transaction, or raise and leave no trace.

        ``also`` writes what has to commit together with the charge (a job); what it raises undoes the charge.

        ``BudgetExhausted`` when an account has no lane left for it, ``Conflict`` for an idempotency key that is in use
        (``idempotency_conflict``, ``idempotency_in_progress``). A key whose release is stored returns it as ``replay``.
        """
        cost, charge_id = price(request.events), "chg_" + secrets.token_hex(12)
        payers = self._payers(request)
        try:
            return self._reserve(request, cost, charge_id, payers, also)
        except admission.Refused:  # rolled back: nothing was charged
            pass
        self._limits.pop((request.dataset, request.analyst), None)
        again = self._payers(request)
        if again.keys() != payers.keys():  # the analyst's group has changed since this process asked
            with contextlib.suppress(admission.Refused):
                return self._reserve(request, cost, charge_id, again, also)
        with self.reading() as connection:
            self.head_in(connection)
            return admission.explained(connection, request, cost, self._now())

    def _reserve(
        self, request: ChargeRequest, cost: Price, charge_id: str, payers: dict[str, Limits],
        also: Callable[[sa.Connection, str], None] | None,
    ) -> Reservation:  # fmt: skip
        """The way of a charge that is admitted; ``Refused`` for whatever else, told apart only after the rollback.

        A used idempotency key is found by the unique constraint at the end, so that it costs no query of its own.
        """
        group = next((name for name in payers if name.startswith(GROUP)), "")
        data = queries.charge_entry(charge_id, request, cost, group)
        text, parts = journal.canonical(data), {name: limits.part(cost) for name, limits in payers.items()}
        with self.writing() as connection:
            if request.free_for_dataset and admission.existing(connection, request.dataset, DATASET).state != OPEN:
                raise admission.Refused
            at = self._now()
            head = accounts.charge(connection, request.dataset, parts, at, self._seen)
            if head is None:
                raise admission.Refused
            try:
                head = _CHARGES.append(connection, head, "charge", text, at, queries.charge_row(data))
            except sa.exc.IntegrityError as error:
                if not queries.is_used_key(error):
                    raise
                raise admission.Refused from error
            if also is not None:
                also(connection, charge_id)
        paid = () if request.free_for_dataset else request.events  # the dataset has not paid for new noise
        return Reservation(charge_id, Charged(charge_id, paid), self.saw(head))

    def replay(self, request: ChargeRequest) -> Reservation | None:
        """What the request's idempotency key stands for already; raises ``Conflict`` as ``reserve`` does."""
        if request.idempotency_key is None:
            return None
        with self.reading() as connection:
            return admission.replayed(connection, request, request.idempotency_key)

    def _payers(self, request: ChargeRequest) -> dict[str, Limits]:
        """The accounts that pay, with their limits: these never change, and which accounts they are is checked again."""
        who = (request.dataset, request.analyst)
        found = self._limits.get(who)
        if found is None:
            with self.reading() as connection:
                paying = admission.payers(connection, *who)
            found = self._limits[who] = {account.analyst: account.limits for account in paying}
        if request.free_for_dataset:
            return {name: limits for name, limits in found.items() if name != DATASET}
        return found

    def record(self, charge_id: str, release: StoredRelease) -> Head:
        """Store the release of a charge, before anyone sees the answer. Storing the same one twice is harmless."""
        with self.writing() as connection:
            head = self.record_in(connection, charge_id, release)
        return self.saw(head)

    def record_in(self, connection: sa.Connection, charge_id: str, release: StoredRelease) -> Head:
        """``record`` within a transaction of this room."""
        head, is_new = recording.before(connection, charge_id, release, self._seen)
        return recording.insert(connection, head, charge_id, release, self._now()) if is_new else head

    def proof_in(self, connection: sa.Connection, charge_id: str) -> Charged:
        """The proof of payment of an open charge, for the one process that holds its job.

        A job that is taken up again draws anew what an earlier attempt drew and nobody saw; one release is recorded.
        """
        known = queries.charge_by_id(connection, charge_id)
        if known is None or known.free_for_dataset or queries.release_of(connection, charge_id) is not None:
            raise ValueError(f"charge {charge_id} pays for nothing more")
        if queries.outcomes_of(connection, charge_id):
            raise ValueError(f"charge {charge_id} is final")
        events = queries.entry_at(connection, known.sequence).data["events"]
        return Charged(charge_id, tuple(from_dict(event) for event in events))

    def fail(self, charge_id: str, code: str) -> Head:
        """Note that nothing will be released for a charge. It stays charged: data may have been read."""
        with self.writing() as connection:
            head = settlement.fail(connection, self.head_in(connection), charge_id, code, self._now())
        return self.saw(head)

    def void(self, charge_id: str, proof: str) -> Head:
        """Take a charge back, on proof from public facts alone that nothing ran."""
        with self.writing() as connection:
            head = settlement.void(connection, self.head_in(connection), charge_id, proof, self._now())
        return self.saw(head)

    def settle(self, charge_id: str, events: tuple[Event, ...], proof: str) -> Head:
        """Lower a reservation to what was done, when stopping depended on public facts only; once a charge."""
        with self.writing() as connection:
            head = settlement.settle(connection, self.head_in(connection), charge_id, events, proof, self._now())
        return self.saw(head)

    # -- reads ----------------------------------------------------------------------------------------------------

    def release(self, release_id: str) -> StoredRelease | None:
        """A release by its id, whoever holds it: the caller checks that."""
        with self.reading() as connection:
            return queries.release(connection, release_id)

    def held(self, dataset: str, analyst: str, canonical: str) -> StoredRelease | None:
        """The analyst's newest release of this canonical request."""
        with self.reading() as connection:
            return queries.held(connection, dataset, canonical, by=analyst)

    def held_alike(self, dataset: str, analyst: str, start: str, limit: int) -> list[StoredRelease]:
        """The analyst's newest releases whose canonical request has this part before its dot."""
        with self.reading() as connection:
            return queries.held_alike(connection, dataset, analyst, start, limit)

    def held_by_other(self, dataset: str, analyst: str, canonical: str) -> StoredRelease | None:
        """The newest release of this canonical request that someone else holds: the dataset has paid for it."""
        with self.reading() as connection:
            return queries.held(connection, dataset, canonical, not_by=analyst)

    def releases(self, dataset: str, analyst: str, limit: int = 100) -> list[StoredRelease]:
        """The analyst's releases, newest first."""
        with self.reading() as connection:
            return queries.newest(connection, dataset, analyst, limit)

    def count_releases(self, dataset: str, analyst: str) -> int:
        """How many releases the analyst holds."""
        with self.reading() as connection:
            return queries.count_releases(connection, dataset, analyst)

    def history(self, dataset: str, analyst: str | None = None, limit: int = 100) -> list[PastCharge]:
        """Charges, newest first, with their prices and what became of them."""
        with self.reading() as connection:
            return queries.past(connection, dataset, analyst, limit)

    def pending(self, dataset: str, analyst: str | None = None, limit: int = 100) -> list[PastCharge]:
        """Charges that hold budget and have neither a release nor an end."""
        with self.reading() as connection:
            return queries.past(connection, dataset, analyst, limit, pending_only=True)

    def held_by_pending(self, dataset: str, analyst: str | None) -> tuple[Epsilon, Delta]:
        """(ε, δ) that charges without a release or an end hold."""
        with self.reading() as connection:
            return queries.held_by_pending(connection, dataset, analyst)

    def balance(self, dataset: str, analyst: str | None) -> Balance:
        """One account: the analyst's, or with None the dataset's."""
        return self._account(dataset, analyst or DATASET).balance(self._now())

    def affordable(self, dataset: str, analyst: str, cost: Price, *, free_for_dataset: bool = False) -> bool:
        """Whether ``reserve`` would admit this price (pacing aside: see ``closed``). Only ``reserve`` decides."""
        return self.how_many(dataset, analyst, cost, free_for_dataset=free_for_dataset) > 0

    def how_many(self, dataset: str, analyst: str, cost: Price, *, free_for_dataset: bool = False) -> int:
        """How many charges of this price still fit, one after another, on all accounts that pay."""
        with self.reading() as connection:
            payers = admission.payers(connection, dataset, analyst, free_for_dataset=free_for_dataset)
        return min(admission.room(account, cost) for account in payers)

    def closed(self, dataset: str, analyst: str, cost: Price, *, free_for_dataset: bool = False) -> Window | None:
        """The pace's window, of an account that pays, which does not take this price now."""
        at = self._now()
        with self.reading() as connection:
            payers = admission.payers(connection, dataset, analyst, free_for_dataset=free_for_dataset)
        paced = admission.closed(payers, cost, at)
        return None if paced is None else paced.window(at)

    def _account(self, dataset: str, analyst: str) -> Account:
        with self.reading() as connection:
            return admission.existing(connection, dataset, analyst)

    def head(self) -> Head:
        """The journal's last entry."""
        with self.reading() as connection:
            return journal.read_head(connection)

    def journal(self, after: int = 0, limit: int = 1000) -> list[Entry]:
        """Entries in order."""
        with self.reading() as connection:
            return queries.entries(connection, after, limit)

    def healthy(self) -> bool:
        """Whether the ledger takes charges. After an error it is first verified, on new connections, from the start."""
        if self._tripped is not None:
            if not self._checking.acquire(blocking=False):
                return False  # one verification at a time, however often health is asked for
            try:
                if not self._recovered():
                    return False
            finally:
                self._checking.release()
        try:
            with self.reading() as connection:
                self.head_in(connection)
        except LedgerUnavailable:
            return False
        return True

    def _recovered(self) -> bool:
        try:
            self._database.settle()
            with self._database.write() as connection:  # a write: a store that only reads is not well
                journal.check_holds(connection, self._seen)
                if verify_database(connection).findings:
                    return False
        except (sa.exc.SQLAlchemyError, sqlite3.Error, OSError, Busy, journal.Rewound):
            return False
        self._tripped = None
        return True
