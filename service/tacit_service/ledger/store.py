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

from . import accounts, admission, journal, queries, settlement
from .accounts import Account
from .database import Busy, Database, unavailable
from .journal import Entry, Head
from .records import Balance, ChargeRequest, PastCharge, Reservation, StoredRelease
from .schema import DATASET, OPEN, charges, releases
from .verify import verify_database

_INSERT_CHARGE: Final = sa.insert(charges)
_INSERT_RELEASE: Final = sa.insert(releases)


class Ledger:
    """One store, shared by the threads of this process and by other processes."""

    def __init__(self, database: Database, now: Callable[[], str] = journal.utc_now) -> None:
        self._database = database
        self._now = now
        self._writing = threading.Lock()  # threads queue here in turn instead of polling the store's own lock
        self._checking = threading.Lock()
        self._tripped: str | None = None
        self._seen = journal.EMPTY
        self._limits: dict[tuple[str, str], Limits] = {}  # of accounts met so far: they never change

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

    def ensure_dataset(self, dataset: str, limits: Limits, policy_digest: str) -> None:
        """Create the dataset's account, or note a new version of its policy. What was spent stays spent.

        ε may be lower than at creation, and rise again up to that ceiling; δ and its slices are fixed (``Conflict``).
        """
        self._ensure(dataset, DATASET, limits, policy_digest)

    def ensure_analyst(self, dataset: str, analyst: str, limits: Limits) -> None:
        """Create the analyst's account on the dataset, or adjust it under its ceiling."""
        if not analyst:
            raise ValueError("an analyst has a name")
        self._ensure(dataset, analyst, limits, "")

    def _ensure(self, dataset: str, analyst: str, limits: Limits, digest: str) -> None:
        with self.reading() as connection:
            account = accounts.find(connection, dataset, analyst)
        if (
            account is not None
            and account.withheld == admission.withheld_for(account, limits)
            and account.policy_digest == digest
        ):
            return
        with self.writing() as connection:
            head = self.head_in(connection)
            account = accounts.find(connection, dataset, analyst)
            data: dict[str, Any] = {"dataset": dataset, "analyst": analyst, "policy_digest": digest}
            if account is None:
                accounts.create(connection, dataset, analyst, limits, digest)
                head = self.append(connection, head, "account", data | {"limits": accounts.limit_columns(limits)})
            else:
                withheld = admission.withheld_for(account, limits)
                accounts.change(connection, dataset, analyst, epsilon_withheld=withheld, policy_digest=digest)
                head = self.append(connection, head, "policy", data | {"epsilon_withheld": withheld})
        self.saw(head)

    # -- charges --------------------------------------------------------------------------------------------------

    def reserve(self, request: ChargeRequest, also: Callable[[sa.Connection, str], None] | None = None) -> Reservation:
        """Charge both accounts in one durable transaction, or raise and leave no trace.

        ``also`` writes what has to commit together with the charge (a job); what it raises undoes the charge.

        ``BudgetExhausted`` when an account has no lane left for it, ``Conflict`` for an idempotency key that is in use
        (``idempotency_conflict``, ``idempotency_in_progress``). A key whose release is stored returns it as ``replay``.
        """
        cost, charge_id = price(request.events), "chg_" + secrets.token_hex(12)
        try:
            return self._reserve(request, cost, charge_id, also)
        except admission.Refused:  # rolled back: nothing was charged
            with self.reading() as connection:
                return admission.explained(connection, request, cost)

    def _reserve(
        self, request: ChargeRequest, cost: Price, charge_id: str, also: Callable[[sa.Connection, str], None] | None
    ) -> Reservation:
        """The way of a charge that is admitted; ``Refused`` for whatever else, told apart only after the rollback.

        A used idempotency key is found by the unique constraint at the end, so that it costs no query of its own.
        """
        with self.writing() as connection:
            head, at = self.head_in(connection), self._now()
            parts = {name: limits.part(cost) for name, limits in self._payers(connection, request).items()}
            if not accounts.charge(connection, request.dataset, parts, at):
                raise admission.Refused
            data = queries.charge_entry(charge_id, request, cost)
            head = self.append(connection, head, "charge", data, at)
            try:
                connection.execute(_INSERT_CHARGE, queries.charge_row(data, head.sequence))
            except sa.exc.IntegrityError as error:
                if request.idempotency_key is None:
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

    def _payers(self, connection: sa.Connection, request: ChargeRequest) -> dict[str, Limits]:
        """The accounts that pay, with their limits, which never change."""
        payers = {}
        for analyst in (request.analyst, DATASET):
            limits = self._limits.get((request.dataset, analyst))
            if limits is None or (analyst == DATASET and request.free_for_dataset):
                account = admission.existing(connection, request.dataset, analyst)
                limits = self._limits[request.dataset, analyst] = account.limits
                if analyst == DATASET and request.free_for_dataset:
                    if account.state != OPEN:
                        raise admission.Refused
                    continue
            payers[analyst] = limits
        return payers

    def record(self, charge_id: str, release: StoredRelease) -> Head:
        """Store the release of a charge, before anyone sees the answer. Storing the same one twice is harmless."""
        with self.writing() as connection:
            head = self.record_in(connection, charge_id, release)
        return self.saw(head)

    def record_in(self, connection: sa.Connection, charge_id: str, release: StoredRelease) -> Head:
        """``record`` within a transaction of this room."""
        known = queries.charge_by_id(connection, charge_id)
        if known is None or (known.dataset, known.analyst) != (release.dataset, release.analyst):
            raise ValueError("a release belongs to a charge of the same analyst on the same dataset")
        stored = queries.release_of(connection, charge_id)
        if stored is not None:
            if stored != release:
                raise ValueError(f"charge {charge_id} has been released otherwise")
            return queries.release_head(connection, release.release_id)
        if queries.outcomes_of(connection, charge_id) - {"settle"}:
            raise ValueError(f"charge {charge_id} failed or was voided")
        if known.free_for_dataset and queries.held(connection, release.dataset, release.canonical) is None:
            raise ValueError("a charge that is free for the dataset hands on a release that is stored already")
        data = queries.release_entry(charge_id, release)
        head = self.append(connection, self.head_in(connection), "release", data)
        connection.execute(_INSERT_RELEASE, queries.release_row(charge_id, release, head.sequence))
        return head

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

    def balance(self, dataset: str, analyst: str | None) -> Balance:
        """One account: the analyst's, or with None the dataset's."""
        return self._account(dataset, analyst or DATASET).balance()

    def affordable(self, dataset: str, analyst: str, cost: Price, *, free_for_dataset: bool = False) -> bool:
        """Whether ``reserve`` would admit this price now (pacing aside). Only ``reserve`` decides."""
        return self.how_many(dataset, analyst, cost, free_for_dataset=free_for_dataset) > 0

    def how_many(self, dataset: str, analyst: str, cost: Price, *, free_for_dataset: bool = False) -> int:
        """How many charges of this price still fit, one after another, on both accounts."""
        mine = admission.room(self._account(dataset, analyst), cost)
        return mine if free_for_dataset else min(mine, admission.room(self._account(dataset, DATASET), cost))

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
