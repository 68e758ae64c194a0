"""A ledger on both stores: SQLite always; PostgreSQL by TACIT_TEST_POSTGRES_URL, or started from a pinned package."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tacit_service.ledger.database import Database
from tacit_service.ledger.records import ChargeRequest, Reservation, StoredRelease
from tacit_service.ledger.store import Ledger
from tacit_service.privacy.events import Event, LaplaceEvent
from tacit_service.privacy.lanes import Limits
from tacit_service.privacy.units import Delta, Epsilon

WORKER = Path(__file__).with_name("worker.py")


class Book:
    """A ledger with the dataset ``clinic`` and the analysts ``ada`` and ``bob``, and shorthands to use it."""

    def __init__(self, url: str, epsilon: str = "3", delta: str = "1e-6", analyst_epsilon: str | None = None) -> None:
        self.url = url
        self.limits = Limits.create(Epsilon.parse(epsilon), Delta.parse(delta))
        self.analyst_limits = Limits.create(Epsilon.parse(analyst_epsilon or epsilon), Delta.parse(delta))
        self.ledger = self.open()
        self._numbers = itertools.count(1)

    def open(self) -> Ledger:
        ledger = Ledger.open(self.url)
        ledger.ensure_dataset("clinic", self.limits, "policy-1")
        for analyst in ("ada", "bob"):
            ledger.ensure_analyst("clinic", analyst, self.analyst_limits)
        return ledger

    @staticmethod
    def laplace(epsilon: str) -> LaplaceEvent:
        """One count at exactly this ε: the float is moved below the decimal, as a privacy map's would be."""
        import math

        claimed = math.nextafter(float(epsilon), 0)
        scale = 1 / claimed
        while scale * claimed < 1 or Epsilon.parse(epsilon).units == 0:
            scale = math.nextafter(scale, math.inf)
        return LaplaceEvent("patient_id", "opendp 0.16.0", math.nextafter(scale, math.inf), 1, claimed)

    def request(
        self,
        epsilon: str = "0.1",
        *,
        analyst: str = "ada",
        key: str | None = None,
        body: str = "body",
        events: tuple[Event, ...] | None = None,
        free: bool = False,
    ) -> ChargeRequest:
        paid = (self.laplace(epsilon),) if events is None else events
        return ChargeRequest("clinic", analyst, paid, body, key, "SELECT COUNT(*) FROM patients", free)

    def reserve(self, epsilon: str = "0.1", **options: Any) -> Reservation:
        return self.ledger.reserve(self.request(epsilon, **options))

    def release(
        self, *, analyst: str = "ada", canonical: str = "canonical", body: bytes = b'{"rows":[[1]]}'
    ) -> StoredRelease:
        return StoredRelease(f"rel_{next(self._numbers)}", "clinic", analyst, canonical, body, "2026-11-22T00:00:00Z")

    def buy(self, epsilon: str = "0.1", *, analyst: str = "ada", canonical: str = "canonical") -> StoredRelease:
        reservation = self.reserve(epsilon, analyst=analyst)
        release = self.release(analyst=analyst, canonical=canonical)
        self.ledger.record(reservation.charge_id, release)
        return release

    def spent(self, analyst: str | None = "ada") -> str:
        return str(self.ledger.balance("clinic", analyst).spent[0])


_databases = itertools.count(1)


class Databases:
    """Makes databases on the test server, empty or as copies of one that is migrated already."""

    def __init__(self, server: sa.URL) -> None:
        self.server = server.set(drivername="postgresql+psycopg")
        self.engine = sa.create_engine(self.server, isolation_level="AUTOCOMMIT")
        self.template = self.create("template0")
        Database.open(self.url(self.template)).close()

    def url(self, name: str) -> str:
        return self.server.set(database=name).render_as_string(hide_password=False)

    def create(self, template: str) -> str:
        name = f"tacit_{os.getpid()}_{next(_databases)}"
        with self.engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        with self.engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def databases(postgres_server: str) -> Iterator[Databases]:
    made = Databases(sa.make_url(postgres_server))
    yield made
    made.drop(made.template)
    made.engine.dispose()


@pytest.fixture
def postgres_url(databases: Databases) -> Iterator[str]:
    """A database of its own, migrated."""
    name = databases.create(databases.template)
    yield databases.url(name)
    databases.drop(name)


@pytest.fixture
def empty_postgres_url(databases: Databases) -> Iterator[str]:
    """A database without tables."""
    name = databases.create("template0")
    yield databases.url(name)
    databases.drop(name)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """Every test that takes it runs on both stores."""
    return str(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url"))


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest) -> str:
    """Both stores, before anyone opened them."""
    return str(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "empty_postgres_url"))


@pytest.fixture
def make_book() -> Iterator[Callable[..., Book]]:
    books: list[Book] = []

    def make(url: str, **options: Any) -> Book:
        books.append(Book(url, **options))
        return books[-1]

    yield make
    for book in books:
        book.ledger.close()


@pytest.fixture
def book(url: str, make_book: Callable[..., Book]) -> Book:
    return make_book(url)


@pytest.fixture
def sqlite_book(sqlite_url: str, make_book: Callable[..., Book]) -> Book:
    return make_book(sqlite_url)


@pytest.fixture(scope="module")
def worker() -> Iterator[subprocess.Popen[str]]:
    """The process in ``worker.py``: it forks clients on command and opens no ledger itself."""
    process = subprocess.Popen(
        [sys.executable, str(WORKER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    yield process
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    process.wait(timeout=120)
    process.stdout.close()
