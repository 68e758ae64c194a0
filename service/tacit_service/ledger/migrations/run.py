"""Run the migrations from inside the package: no ``alembic.ini``, no command line, the caller's transaction."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

_ONE_AT_A_TIME = threading.Lock()  # Alembic's ``op`` is one for the whole process


class UnknownRevision(RuntimeError):
    """The store was migrated by a later version: an older one must not write to it."""


def scripts() -> ScriptDirectory:
    """The package's migrations."""
    return ScriptDirectory(str(Path(__file__).parent))


def upgrade(connection: sa.Connection, revision: str) -> None:
    """Bring the schema to ``revision``: all of it or, when anything fails, none.

    Whoever waited for the lock while another process migrated finds nothing left to do.
    """
    directory = scripts()

    def steps(current: Any, _context: Any) -> Any:
        return directory._upgrade_revs(revision, current)

    with _ONE_AT_A_TIME, EnvironmentContext(Config(), directory, fn=steps, destination_rev=revision) as environment:
        environment.configure(connection=connection, transactional_ddl=True)
        try:
            environment.run_migrations()
        except CommandError as error:
            raise UnknownRevision("the store is of a version that this code does not know") from error
