"""The wiring, in one place: policies, ledger, keys and desks become one ``Service`` that the HTTP layer calls.

Heavy rooms are imported while starting, in the thread that starts, so that the process answers ``/healthz`` at once and
``/readyz`` when every dataset is open. Until then, and after a failed start, everything else answers 503.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from tacit_service.access.gatekeeper import Gatekeeper, Principal
from tacit_service.access.keys import KeyFinder
from tacit_service.access.provider import token_judge
from tacit_service.access.roles import Role
from tacit_service.errors import LedgerUnavailable, NotFound, NotInstalled, Overloaded, PolicyError, TacitError
from tacit_service.protocols import Books, DeskProtocol, Listed

if TYPE_CHECKING:
    from tacit import wire
    from tacit_service.access.tokens import TokenJudge
    from tacit_service.administration.office import Office
    from tacit_service.ledger.store import Ledger
    from tacit_service.policy.load import Loaded
    from tacit_service.policy.model import Policy
    from tacit_service.release.planner import PlannerPool
    from tacit_service.settings import Settings
    from tacit_service.training.room import TrainingRoom

RELEASES_LISTED_MAX: Final = 200


class State(StrEnum):
    """Where the service is in its life."""

    STARTING = "starting"
    READY = "ready"
    FAILED = "failed"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Opened:
    """An open dataset: its desk, and whom its policy gives an account."""

    desk: DeskProtocol
    analysts: frozenset[str]
    roles: frozenset[str]


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that a running service holds."""

    books: Books
    directory: KeyFinder
    datasets: Mapping[str, Opened]
    office: Office | None = None
    tokens: TokenJudge | None = None
    training: TrainingRoom | None = None
    policies: Mapping[str, Loaded] = field(default_factory=dict)
    parsers: PlannerPool | None = None


class Service:
    """All datasets of one process behind one set of keys. Thread-safe; every method but ``start`` may block."""

    def __init__(self, open_parts: Callable[[], Parts]) -> None:
        self._open_parts = open_parts
        self._parts: Parts | None = None
        self._state = State.STARTING
        self._lock = threading.Lock()
        self._settled = threading.Event()
        self.failure: BaseException | None = None

    @classmethod
    def of(cls, parts: Parts) -> Self:
        """A service over parts that are open already."""
        service = cls(lambda: parts)
        service.open()
        return service

    def start(self) -> threading.Thread:
        """Open in the background; ``wait`` or ``state`` tell when it is done."""
        thread = threading.Thread(target=self._try_open, name="tacit-open", daemon=True)
        thread.start()
        return thread

    def open(self) -> None:
        """Open now; raises what opening raises."""
        self._try_open()
        if self.failure is not None:
            raise self.failure

    def _try_open(self) -> None:
        try:
            parts = self._open_parts()
        except BaseException as error:  # the thread has nobody to raise to: whoever waits reads it here
            self.failure = error
            self._state = State.FAILED
        else:
            with self._lock:
                closed_meanwhile = self._state is State.CLOSED
                if not closed_meanwhile:
                    self._parts, self._state = parts, State.READY
            if closed_meanwhile:
                _close(parts)
        finally:
            self._settled.set()

    def wait(self, timeout_s: float | None = None) -> State:
        """Wait until opening is over, one way or the other."""
        self._settled.wait(timeout_s)
        return self._state

    @property
    def state(self) -> State:
        """Where the service is in its life."""
        return self._state

    def close(self) -> None:
        """Close desks, then the ledger. Safe to call twice."""
        with self._lock:
            parts, self._parts, self._state = self._parts, None, State.CLOSED
        if parts is not None:
            _close(parts)

    def ledger_healthy(self) -> bool | None:
        """Whether the ledger can promise durability; None while it is not open yet."""
        parts = self._parts
        if parts is None:
            return None
        try:
            return parts.books.healthy()
        except Exception:
            return False

    def authenticate(self, authorization: str | None) -> Principal:
        """Who is calling; ``Unauthenticated`` when nobody that the directory knows."""
        parts = self._ready()
        return Gatekeeper(parts.directory, tokens=parts.tokens).authenticate(authorization)

    def office(self) -> Office:
        """Accounts, keys and proof, for owners and auditors; each call there checks how far the key reaches."""
        office = self._ready().office
        if office is None:
            raise NotFound("not_found", "This service administers no ledger.")
        return office

    def spending(self, who: Principal, dataset: str, limit: int) -> wire.Spending:
        """Spending over time: an analyst's own, or for an owner or auditor the dataset's."""
        name = self.desk(who, dataset).name
        return self.office().accounts.spending(name, who.name if who.role is Role.ANALYST else None, limit)

    def policy_text(self, who: Principal, dataset: str) -> str:
        """The policy of a granted dataset, as it was read when the service started."""
        found = self._ready().policies.get(self.desk(who, dataset).name)
        if found is None:
            raise NotFound("not_found", "This service has no policy file of this dataset.")
        return found.text

    def datasets(self, who: Principal) -> list[str]:
        """Names of the datasets granted, sorted."""
        parts = self._ready()
        return sorted(name for name, opened in parts.datasets.items() if _granted(who, name, opened, parts.office))

    def desk(self, who: Principal, dataset: str) -> DeskProtocol:
        """The desk of a dataset; the same ``NotFound`` whether it does not exist or is not granted."""
        parts = self._ready()
        opened = parts.datasets.get(dataset)
        if opened is None or not _granted(who, dataset, opened, parts.office):
            raise NotFound(
                "not_found",
                "No dataset of this name is granted to this key.",
                hint="GET /v1/datasets lists the datasets that this key may use.",
            )
        return opened.desk

    def budget(self, who: Principal) -> list[wire.AccountBudget]:
        """An analyst's accounts; for an owner or auditor the datasets' own accounts."""
        parts = self._ready()
        names = self.datasets(who)
        if who.role is Role.ANALYST:
            return [parts.datasets[name].desk.budget(who.name) for name in names]
        return [parts.books.account(name) for name in names]

    def releases(self, who: Principal, dataset: str | None, limit: int) -> list[Listed]:
        """The caller's own releases, newest first, of one dataset or of all that are granted."""
        parts = self._ready()
        names = self.datasets(who) if dataset is None else [self.desk(who, dataset).name]
        limit = min(limit, RELEASES_LISTED_MAX)
        found = [listed for name in names for listed in parts.books.releases(name, who.name, limit)]
        return sorted(found, key=lambda listed: listed.created_at, reverse=True)[:limit]

    def release(self, who: Principal, release_id: str) -> wire.Answer:
        """One release that the caller holds, whichever granted dataset it is from."""
        for name in self.datasets(who):
            try:
                return self.desk(who, name).release(who.name, release_id)
            except NotFound:
                continue
        raise NotFound(
            "not_found",
            "No release of this id is held by this key.",
            hint="GET /v1/releases lists the releases that you hold.",
        )

    def training(self) -> TrainingRoom:
        """The desks of training jobs; ``NotInstalled`` where nothing can be trained. Callers check what is granted."""
        room = self._ready().training
        if room is None:
            raise NotInstalled(
                "training_not_installed",
                "Training is not installed with this service.",
                hint="The operator installs it: pip install 'tacit[service,train]'.",
            )
        return room

    def _ready(self) -> Parts:
        parts = self._parts
        if parts is not None:
            return parts
        if self._state is State.FAILED:
            raise LedgerUnavailable("ledger_unavailable", "The service could not start.", hint="Tell the operator.")
        raise Overloaded("starting", "The service is starting.", hint="Try again in a few seconds.", retry_after_s=2)


def opener(
    policies: Sequence[Path], ledger_url: str, data_dir: Path, *, settings: Settings | None = None
) -> Callable[[], Parts]:
    """What opens the real rooms: policies first, whose errors are the owner's to mend, then ledger, then desks.

    With ``settings`` that say so, the service works on training jobs itself.
    """

    def open_parts() -> Parts:
        from tacit_service.policy.load import load_policy

        if not policies:
            raise PolicyError(
                "policy_missing",
                "No policy is given.",
                hint="Name a policy file: tacit-service serve --policy FILE, or TACIT_POLICIES.",
            )
        loaded = [load_policy(path) for path in policies]
        names = [one.policy.dataset for one in loaded]
        for name in names:
            if names.count(name) > 1:
                raise PolicyError("policy_twice", f"Two policies declare the dataset {name}.", hint="Name each once.")
        return _open_rooms(loaded, ledger_url, data_dir, settings)

    return open_parts


def _open_rooms(loaded: Sequence[Loaded], ledger_url: str, data_dir: Path, settings: Settings | None) -> Parts:
    from tacit_service.administration.office import Office
    from tacit_service.ledger.directory import Directory
    from tacit_service.ledger.store import Ledger
    from tacit_service.release.planner import PlannerPool
    from tacit_service.release.release import Desk
    from tacit_service.training.room import TrainingRoom, installed

    tokens = None if settings is None else token_judge(settings)
    ledger = Ledger.open(ledger_url)
    opened: dict[str, Opened] = {}
    office = Office.of(
        ledger,
        ledger_url,
        overcommitted=[one.policy.dataset for one in loaded if one.policy.overcommit],
        signing_key=None if settings is None else settings.checkpoint_key,
    )
    room = TrainingRoom(ledger, ledger_url, data_dir, settings) if installed() else None
    parsers = PlannerPool(1 if settings is None else settings.parsers)
    parts = Parts(
        LedgerBooks(ledger),
        Directory(ledger),
        opened,
        office=office,
        tokens=tokens,
        training=room,
        policies={one.policy.dataset: one for one in loaded},
        parsers=parsers,
    )
    try:
        for one in loaded:
            policy = one.policy
            desk = Desk.open(one, ledger, data_dir, parsers=parsers)
            _warm(desk, policy)
            # Desks keep accounts by name: who is named has one, and nobody else may know of the dataset.
            opened[policy.dataset] = Opened(desk, analysts=frozenset(policy.analysts), roles=frozenset(policy.roles))
            if room is not None:
                room.add(one, desk.preparer.catalog, desk.budget, desk.preparer.planner.check_rows)
        parsers.warm()
        if room is not None:
            room.start()
    except BaseException:
        _close(parts)
        raise
    return parts


def _warm(desk: DeskProtocol, policy: Policy) -> None:
    """The first question of a process loads modules and starts workers, for a second or more: let it be ours.

    A quote is free and touches no data. When it is refused, so be it.
    """
    from tacit import wire

    table = next((name for name, table in policy.tables.items() if not table.public), None)
    analyst = next(iter(policy.analysts), None)
    if table is not None and analyst is not None:
        with contextlib.suppress(TacitError):
            desk.quote(analyst, wire.QueryRequest(dataset=policy.dataset, sql=f"SELECT COUNT(*) AS n FROM {table}"))


class LedgerBooks:
    """The ledger as ``Books``."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def healthy(self) -> bool:
        """Whether it takes charges."""
        return self._ledger.healthy()

    def releases(self, dataset: str, analyst: str, limit: int) -> Sequence[Listed]:
        """The newest releases of one analyst, from their charges: answers can be large, and are not read."""
        from tacit_service.release.release import ANSWER

        return [
            Listed(
                past.release_id, dataset, past.at, past.description, (str(past.price.epsilon), str(past.price.delta))
            )
            for past in self._ledger.history(dataset, analyst, limit)
            if past.release_id is not None and past.release_id.startswith(ANSWER)
        ]

    def account(self, dataset: str) -> wire.AccountBudget:
        """The dataset's own account."""
        from tacit_service.release.balances import account_budget

        balance = self._ledger.balance(dataset, None)
        pending = self._ledger.held_by_pending(dataset, None)
        return account_budget(balance, whole=balance, pending=pending, group=None)

    def close(self) -> None:
        """Drop the connections."""
        self._ledger.close()


def _granted(who: Principal, dataset: str, opened: Opened, office: Office | None) -> bool:
    """By the policy's accounts; or by one that an owner gave."""
    if who.grants(dataset, analysts=opened.analysts, roles=opened.roles):
        return True
    return office is not None and who.holds(dataset) and office.accounts.appointed(dataset, who.name)


def _close(parts: Parts) -> None:
    """Close everything, even when something fails to close."""
    if parts.training is not None:
        parts.training.close()
    for opened in parts.datasets.values():
        with contextlib.suppress(Exception):  # the process ends; an engine that is gone already is what was wanted
            opened.desk.close()
    if parts.parsers is not None:
        parts.parsers.close()
    parts.books.close()
