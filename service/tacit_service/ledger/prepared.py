"""Statements of the charge's path: written in Core, compiled once for each dialect, run on the driver's own cursor.

SQLAlchemy spends fifteen times as long on a small statement as SQLite does, on finding the compiled text, merging
parameters and building a result. What is sent is the same text in the same transaction, and what fails is the same error.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPICursor

Compiled = tuple[str, tuple[str, ...] | None, dict[str, Any]]


@contextlib.contextmanager
def driver_errors(dialect: sa.Dialect, text: str) -> Iterator[None]:
    """Raise the driver's errors as SQLAlchemy's."""
    failures = dialect.loaded_dbapi.Error
    try:
        yield
    except failures as error:
        raise sa.exc.DBAPIError.instance(text, None, error, failures, dialect=dialect) from error


class Prepared:
    """A Core statement over plain columns (text, integers, booleans, bytes), run by name of its parameters.

    Several inserts are one statement where the store takes one (PostgreSQL), and else run one after another.
    """

    def __init__(self, *statements: sa.Select[Any] | sa.Insert | sa.Update) -> None:
        self._statements: Final = statements
        self._compiled: dict[str, list[Compiled]] = {}

    def run(self, connection: sa.Connection, values: Mapping[str, Any]) -> DBAPICursor:
        """Execute with ``values`` in the connection's transaction; raises ``DBAPIError`` as SQLAlchemy does."""
        dialect = connection.dialect
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = _together(
                dialect, [_compile(dialect, s) for s in self._statements]
            )
        cursor = connection.connection.cursor()
        for text, places, defaults in compiled:
            merged = {**defaults, **values}
            with driver_errors(dialect, text):
                cursor.execute(text, merged if places is None else tuple([merged[name] for name in places]))
        return cursor


def _compile(dialect: sa.Dialect, statement: sa.Select[Any] | sa.Insert | sa.Update) -> Compiled:
    compiled = statement.compile(dialect=dialect)
    if not isinstance(compiled, sa.sql.compiler.SQLCompiler):
        raise TypeError("only SQL statements are prepared")
    places = None if compiled.positiontup is None else tuple(compiled.positiontup)
    return compiled.string, places, dict(compiled.params)


def _together(dialect: sa.Dialect, compiled: list[Compiled]) -> list[Compiled]:
    """PostgreSQL runs a WITH's inserts to their end, whether or not their rows are read: one message, not one for each."""
    if dialect.name != "postgresql" or len(compiled) == 1:
        return compiled
    *first, (last, places, _) = compiled
    named = ", ".join(f"insert_{i} AS ({text})" for i, (text, _, _) in enumerate(first))
    return [(f"WITH {named} {last}", places, {name: value for _, _, d in compiled for name, value in d.items()})]
