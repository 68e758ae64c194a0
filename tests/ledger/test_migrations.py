"""The migrations build what ``schema`` describes, once, whoever comes first."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from tacit_service.errors import LedgerUnavailable
from tacit_service.ledger.database import REVISION, Database
from tacit_service.ledger.migrations.run import scripts
from tacit_service.ledger.schema import metadata
from tacit_service.ledger.store import Ledger


def test_the_migrated_tables_are_those_of_the_schema(empty_url: str) -> None:
    database = Database.open(empty_url)
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        found = sa.inspect(connection)
        for table in metadata.tables.values():
            checks = {check["name"] for check in found.get_check_constraints(table.name)}
            assert {c.name for c in table.constraints if isinstance(c, sa.CheckConstraint)} <= checks
    database.close()


def test_the_code_works_with_the_newest_migration() -> None:
    assert scripts().get_current_head() == REVISION


def test_threads_that_open_a_fresh_store_together_migrate_it_once(empty_url: str) -> None:
    heads = []

    def open_it() -> None:
        ledger = Ledger.open(empty_url)
        heads.append(ledger.head())
        ledger.close()

    threads = [threading.Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(heads) == 4
    assert len(set(heads)) == 1


def test_a_fresh_sqlite_ledger_is_its_owners_alone(tmp_path: Path) -> None:
    Ledger.open(f"sqlite:///{tmp_path / 'new' / 'ledger.db'}").close()
    assert stat.S_IMODE(os.stat(tmp_path / "new" / "ledger.db").st_mode) == 0o600


def test_a_store_of_a_later_version_is_refused(sqlite_url: str) -> None:
    Ledger.open(sqlite_url).close()
    engine = sa.create_engine(sqlite_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
    with pytest.raises(LedgerUnavailable):
        Ledger.open(sqlite_url)


def test_commits_are_durable_by_setting(sqlite_url: str) -> None:
    database = Database.open(sqlite_url)
    with database.read() as connection:
        settings = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("journal_mode", "synchronous")
        ]
    database.close()
    assert settings == ["wal", 2]
