"""Statements of the charge's path: written in Core, compiled once for each dialect, run on the driver's own cursor.

SQLAlchemy spends fifteen times as long on a small statement as SQLite does, on finding the compiled text, merging
parameters and building a result. What is sent is the same text in the same transaction, and what fails is the same error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPICursor

Compiled = tuple[str, tuple[str, ...] | None, dict[str, Any]]


class Prepared:
    """A Core statement over plain columns (text, integers, booleans, bytes), run by name of its parameters."""

    def __init__(self, statement: sa.Select[Any] | sa.Insert | sa.Update) -> None:
        self._statement: Final = statement
        self._compiled: dict[str, Compiled] = {}

    def run(self, connection: sa.Connection, values: Mapping[str, Any]) -> DBAPICursor:
        """Execute with ``values`` in the connection's transaction; raises ``DBAPIError`` as SQLAlchemy does."""
        dialect = connection.dialect
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = self._compile(dialect)
        text, places, defaults = compiled
        merged = {**defaults, **values}
        cursor = connection.connection.cursor()
        failures = dialect.loaded_dbapi.Error
        try:
            cursor.execute(text, merged if places is None else tuple([merged[name] for name in places]))
        except failures as error:
            raise sa.exc.DBAPIError.instance(text, None, error, failures, dialect=dialect) from error
        return cursor

    def _compile(self, dialect: sa.Dialect) -> Compiled:
        compiled = self._statement.compile(dialect=dialect)
        if not isinstance(compiled, sa.sql.compiler.SQLCompiler):
            raise TypeError("only SQL statements are prepared")
        places = None if compiled.positiontup is None else tuple(compiled.positiontup)
        return compiled.string, places, dict(compiled.params)
