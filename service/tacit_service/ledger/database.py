"""The store's connection: SQLite or PostgreSQL by URL, one code path above this file.

A write is one exclusive transaction. SQLite takes its write lock at BEGIN IMMEDIATE; PostgreSQL locks a table that
nothing else writes, until the commit is visible. Either way a writer reads what the writer before it committed, and the
journal has one order. Reads never wait for writers.

Transactions are begun by us, on the driver's cursor: on PostgreSQL BEGIN and the lock are one message. One connection is
kept for writes, since to take one from the pool and to hand it back costs as much as a statement does.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from tacit_service.errors import LedgerUnavailable

from .prepared import driver_errors

REVISION: Final = "0004"
"""The migration that this version of the code works with."""

BUSY_TIMEOUT_MS: Final = 20_000
_ADVISORY_LOCK: Final = 0x7AC17
_LOCK: Final = "LOCK TABLE alembic_version IN EXCLUSIVE MODE"
"""Who holds it writes. Vacuum has no business with this table, and a lock needs no plan as a function's call does."""

_KIND: Final = "tacit_transaction"
"""An engine's option: what its transactions are for, ``read`` unless it is ``write`` or ``migrate``."""


class Busy(RuntimeError):
    """Another writer held the store for longer than the timeout. Nothing was written."""


def unavailable(detail: str, hint: str | None = None) -> LedgerUnavailable:
    """The one error that callers see of a store that cannot promise durability."""
    return LedgerUnavailable("ledger_unavailable", detail, hint=hint)


class Database:
    """Connections to one store, migrated to ``REVISION``."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self._writer = engine.execution_options(**{_KIND: "write"})
        self._keeping = threading.Lock()  # held by the user of the kept connection
        self._kept: sa.Connection | None = None
        self._closings = 0

    @classmethod
    def open(cls, url: str, *, create: bool = True) -> Database:
        """Connect and bring the schema up to date; ``LedgerUnavailable`` when that fails.

        Without ``create`` the store must exist already, at this version.
        """
        parsed = _parse(url)
        if not create and parsed.get_backend_name() == "sqlite" and not Path(str(parsed.database)).is_file():
            raise unavailable(f"There is no ledger at {parsed.database}.")
        database = cls(_engine(parsed))
        try:
            revision = database.revision()
            if revision != REVISION and create:
                database._migrate()
            elif revision != REVISION:
                raise unavailable(
                    "The ledger's tables are not of this version.", "Start the service once: it migrates them."
                )
        except LedgerUnavailable:
            database.close()
            raise
        except (sa.exc.SQLAlchemyError, OSError, Busy) as error:
            database.close()
            raise unavailable("The ledger's store cannot be opened.", _cause(error)) from error
        return database

    def revision(self) -> str | None:
        """The schema's revision; None on a fresh store."""
        with self.read() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                return None
            found: str | None = connection.execute(
                sa.text("SELECT version_num FROM alembic_version")
            ).scalar_one_or_none()
            return found

    def _migrate(self) -> None:
        # Alembic is needed once in a store's life, and costs a cold start 0.1 s
        from .migrations.run import UnknownRevision, upgrade

        try:
            with self._migrating() as connection:
                upgrade(connection, REVISION)
        except UnknownRevision as error:
            raise unavailable("The ledger was written by a later version.", "Run that one, or a newer.") from error

    @contextlib.contextmanager
    def _migrating(self) -> Iterator[sa.Connection]:
        """One exclusive transaction on a store that may have no tables yet."""
        with self.engine.execution_options(**{_KIND: "migrate"}).begin() as connection:
            if self.engine.dialect.name == "postgresql" and sa.inspect(connection).has_table("alembic_version"):
                connection.exec_driver_sql(_LOCK)
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """One exclusive transaction, durable when the block ends; rolled back when it raises."""
        with self._writing() as usable, self._begun(usable) as (connection, transaction), transaction:
            yield connection

    @contextlib.contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """One consistent view."""
        with self.engine.connect() as usable, self._begun(usable) as (connection, transaction), transaction:
            yield connection

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """The kept connection, or another when it is in use. After an error of the store it is not kept."""
        if not self._keeping.acquire(blocking=False):
            with self._writer.connect() as connection:
                yield connection
            return
        try:
            closings = self._closings  # before the connection is taken: one that is closed meanwhile is not kept
            kept = self._kept or self._writer.connect()
            self._kept = None
            try:
                yield kept
            except (
                Exception
            ) as error:  # of the caller's, perhaps: the transaction is rolled back, the connection as good as before
                if isinstance(error, sa.exc.SQLAlchemyError | OSError | Busy) or closings != self._closings:
                    _drop(kept)
                else:
                    self._kept = kept
                raise
            except BaseException:
                _drop(kept)
                raise
            if closings == self._closings:
                self._kept = kept
            else:
                _drop(kept)
        finally:
            self._keeping.release()

    @contextlib.contextmanager
    def _begun(self, connection: sa.Connection) -> Iterator[tuple[sa.Connection, sa.RootTransaction]]:
        """A transaction on the connection. One that the store dropped while it was idle is replaced, once."""
        try:
            transaction = connection.begin()
        except sa.exc.OperationalError as error:
            if _is_busy(error):
                raise Busy("the ledger is held by another writer") from error
            if not _is_lost(connection, error):
                raise
            connection.invalidate()
            self.engine.dispose()  # it dropped the others too
            transaction = connection.begin()
        yield connection, transaction

    def settle(self) -> None:
        """After an error: put all that reads as committed on the disk once more, or raise.

        After a failed fsync the system may hold pages in memory as clean that never reached the disk. A full
        checkpoint writes every frame of SQLite's log anew and syncs it; PostgreSQL stops itself and
        replays its own.
        """
        self.close()
        if self.engine.dialect.name == "sqlite":
            with contextlib.closing(self.engine.raw_connection()) as connection:
                busy = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            if busy:
                raise Busy("a reader holds the log")

    def close(self) -> None:
        """Drop every connection; the next use opens new ones. One in use is dropped after it."""
        self._closings += 1
        if self._keeping.acquire(blocking=False):
            try:
                if self._kept is not None:
                    _drop(self._kept)
                    self._kept = None
            finally:
                self._keeping.release()
        self.engine.dispose()


def _drop(connection: sa.Connection) -> None:
    """Close it for good: the pool that it came from may be one that was disposed of, and would never do so."""
    if not connection.closed:
        connection.invalidate()
        connection.close()


def _parse(text: str) -> URL:
    try:
        url = make_url(text)
    except ArgumentError:
        raise unavailable(
            "The ledger's URL is not understood.", "Write sqlite:///ledger.db or postgresql://…."
        ) from None
    if url.get_backend_name() == "sqlite":
        if url.database in (None, "", ":memory:") or url.query:
            raise unavailable("A ledger in memory would forget what was spent.", "Name a file: sqlite:///ledger.db")
        return url.set(drivername="sqlite+pysqlite")
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    raise unavailable("The ledger's store is not supported.", "Use sqlite:///… or postgresql://….")


def _engine(url: URL) -> sa.Engine:
    if url.get_backend_name() == "sqlite":
        _own_file(Path(str(url.database)))
        engine = sa.create_engine(url, pool_size=4, max_overflow=28, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})
        event.listen(engine, "connect", _sqlite_connect)
        event.listen(engine, "begin", _sqlite_begin)
        return engine
    try:
        engine = sa.create_engine(url, pool_size=4, max_overflow=28)
    except ImportError:
        raise unavailable("PostgreSQL needs its driver.", "pip install 'tacit[postgres]'") from None
    event.listen(engine, "connect", _postgres_connect)
    event.listen(engine, "begin", _postgres_begin)
    return engine


def _own_file(path: Path) -> None:
    """The ledger holds answers and key hashes: nobody but its owner reads it.

    A file that is there already is not even opened. To close a file drops every POSIX lock that this process has on it,
    those of SQLite's own connections too: the next process to close the ledger would then take itself for the last
    user, and remove the log from under this one.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise unavailable("The ledger's file cannot be opened.", error.strerror) from error


def _sqlite_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun by us: BEGIN IMMEDIATE for writes
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    _use_wal(connection)
    for setting in ("synchronous = FULL", "fullfsync = ON", "foreign_keys = ON", "trusted_schema = OFF"):
        connection.execute(f"PRAGMA {setting}")
    if connection.execute("PRAGMA synchronous").fetchone() != (2,):
        raise sqlite3.OperationalError("synchronous = FULL was not taken")


def _use_wal(connection: Any) -> None:
    """Entering WAL needs the file alone for a moment, and does not wait for it: two first opens may collide."""
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            if connection.execute("PRAGMA journal_mode = WAL").fetchone() != ("wal",):
                raise sqlite3.OperationalError("this file system does not support WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _sqlite_begin(connection: sa.Connection) -> None:
    _begin(connection, {"read": "BEGIN", "write": "BEGIN IMMEDIATE", "migrate": "BEGIN IMMEDIATE"})


def _postgres_connect(connection: Any, _record: Any) -> None:
    connection.autocommit = True  # transactions are begun by us: BEGIN and the lock in one message
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = on")
        cursor.execute("SET plan_cache_mode = force_generic_plan")  # the charge's few statements are planned once
        cursor.execute(f"SET lock_timeout = '{BUSY_TIMEOUT_MS}ms'")
        cursor.execute("SELECT current_setting('fsync')")
        if cursor.fetchone() != ("on",):
            raise connection.OperationalError("a ledger needs fsync = on")


_POSTGRES_BEGIN: Final = {
    "read": "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
    "write": f"BEGIN ISOLATION LEVEL READ COMMITTED; {_LOCK}",
    "migrate": f"BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})",
}


def _postgres_begin(connection: sa.Connection) -> None:
    _begin(connection, _POSTGRES_BEGIN)


def _begin(connection: sa.Connection, texts: Mapping[str, str]) -> None:
    """Begin as the connection's engine asks, on the driver's cursor."""
    text = texts[connection.get_execution_options().get(_KIND, "read")]
    with driver_errors(connection.dialect, text):
        connection.connection.cursor().execute(text)


def _is_lost(connection: sa.Connection, error: sa.exc.OperationalError) -> bool:
    """Whether the connection is gone, so that nothing more can come of what was sent on it."""
    original: Any = error.orig
    return connection.dialect.is_disconnect(original, connection.connection.dbapi_connection, None)


def _is_busy(error: sa.exc.OperationalError) -> bool:
    original = error.orig
    if isinstance(original, sqlite3.OperationalError):
        return getattr(original, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
    return getattr(original, "sqlstate", "") == "55P03"  # lock_not_available


def _cause(error: BaseException) -> str:
    return str(getattr(error, "orig", error)).splitlines()[0]
