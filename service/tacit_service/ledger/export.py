"""The journal as a file for an auditor: JSON lines, one entry a line, no answers.

``docs/ledger_reader.py`` reads it with nothing but Python's standard library: it checks the chain, derives each
price from its event, and adds up what every account has lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TextIO

import sqlalchemy as sa

from .database import Database, unavailable
from .journal import Head, canonical, read_head
from .schema import journal

FORMAT: Final = "tacit ledger export 1"


def export(url: str, file: TextIO) -> Head:
    """Write every entry of the journal in order; returns the head of what was written."""
    database = Database.open(url, create=False)
    try:
        with database.read() as connection:
            head = read_head(connection)
            for line in export_lines(connection, head):
                file.write(line + "\n")
            return head
    except sa.exc.SQLAlchemyError as error:
        raise unavailable("The ledger cannot be read.", type(error).__name__) from error
    finally:
        database.close()


def export_lines(connection: sa.Connection, head: Head) -> Iterator[str]:
    """A header that names the head, then the entries."""
    yield canonical({"format": FORMAT, "entries": head.sequence, "hash": head.hash})
    query = sa.select(journal).order_by(journal.c.sequence).execution_options(yield_per=500)
    for row in connection.execute(query):
        yield canonical({"body": row.body, "hash": row.hash, "previous": row.previous})
