"""The append-only journal: each row's hash covers its canonical JSON and the hash before it.

    hash = sha256(previous hash, newline, body), all ASCII; the first row's previous hash is 64 zeros

>>> canonical({"b": 1, "a": "é"})
'{"a":"\\\\u00e9","b":1}'
>>> link("0" * 64, "{}")[:16]
'5649d09ed68c1715'
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from .prepared import Prepared
from .schema import journal

START: Final = "0" * 64
_ENCODER: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


@dataclass(frozen=True, slots=True, order=True)
class Head:
    """Where the journal stands. Whoever keeps one can tell later whether anything up to it has changed."""

    sequence: int
    hash: str


EMPTY: Final = Head(0, START)


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the journal."""

    sequence: int
    kind: str
    body: str
    previous: str
    hash: str

    @property
    def at(self) -> str:
        """When it was written, by the writer's clock."""
        return str(json.loads(self.body)["at"])

    @property
    def data(self) -> dict[str, Any]:
        """What happened."""
        data: dict[str, Any] = json.loads(self.body)["data"]
        return data


class Rewound(RuntimeError):
    """The journal no longer holds a row that this process saw committed."""


def canonical(value: Any) -> str:
    """Sorted keys, no spaces, ASCII, no floats that JSON could render two ways: the text that is hashed."""
    return _ENCODER.encode(value)


def link(previous: str, body: str) -> str:
    """The hash of a row."""
    return hashlib.sha256(f"{previous}\n{body}".encode("ascii")).hexdigest()


def utc_now() -> str:
    """ISO 8601 in UTC with microseconds, so that texts order as times do."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")


_LAST = sa.select(journal.c.sequence, journal.c.hash).order_by(journal.c.sequence.desc()).limit(1)
_HEAD = Prepared(_LAST)
_AT = Prepared(sa.select(journal.c.hash).where(journal.c.sequence == sa.bindparam("seen_sequence")))
_APPEND = Prepared(sa.insert(journal))

HEAD_COLUMNS: Final = (
    _LAST.with_only_columns(journal.c.sequence).scalar_subquery(),
    _LAST.with_only_columns(journal.c.hash).scalar_subquery(),
    sa.select(journal.c.hash).where(journal.c.sequence == sa.bindparam("seen_sequence")).scalar_subquery(),
)
"""The head, and what stands at ``seen_sequence``, as columns of any statement: ``checked`` reads them."""


def read_head(connection: sa.Connection) -> Head:
    """The last row."""
    row = _HEAD.run(connection, {}).fetchone()
    return EMPTY if row is None else Head(row[0], row[1])


def check_holds(connection: sa.Connection, seen: Head) -> Head:
    """The last row, after asserting that the row ``seen``, once committed, is still there: a rewound file is found."""
    head = read_head(connection)
    if head == seen or seen == EMPTY:
        return head
    row = _AT.run(connection, {"seen_sequence": seen.sequence}).fetchone()
    return checked((head.sequence, head.hash, None if row is None else row[0]), seen)


def checked(columns: Sequence[Any], seen: Head) -> Head:
    """The head from ``HEAD_COLUMNS``; ``Rewound`` unless ``seen`` is still where it was."""
    sequence, last, at = columns
    if seen != EMPTY and at != seen.hash:
        raise Rewound(f"the journal no longer holds entry {seen.sequence} as it was committed")
    return EMPTY if sequence is None else Head(sequence, last)


class Rows:
    """Rows of a table that are written together with their entries, and carry its number."""

    def __init__(self, table: sa.Table) -> None:
        row = {column.name: sa.bindparam(f"row_{column.name}", type_=column.type) for column in table.c}
        self._insert: Final = Prepared(sa.insert(journal), sa.insert(table).values(row))

    def append(
        self, connection: sa.Connection, head: Head, kind: str, data: dict[str, Any] | str, at: str, row: dict[str, Any]
    ) -> Head:
        """``append`` with a row of the table, which is without its ``sequence``."""
        entry, values = _next(head, kind, data, at)
        row_values = {f"row_{name}": value for name, value in row.items()}
        self._insert.run(connection, values | row_values | {"row_sequence": entry.sequence})
        return entry


def append(connection: sa.Connection, head: Head, kind: str, data: dict[str, Any] | str, at: str) -> Head:
    """Write the row after ``head``, inside the caller's exclusive transaction.

    ``data`` may be canonical text already: what is long is then written out before the transaction, while others write.
    """
    entry, values = _next(head, kind, data, at)
    _APPEND.run(connection, values)
    return entry


def _next(head: Head, kind: str, data: dict[str, Any] | str, at: str) -> tuple[Head, dict[str, Any]]:
    sequence = head.sequence + 1
    text = data if isinstance(data, str) else canonical(data)
    body = f'{{"at":{canonical(at)},"data":{text},"kind":{canonical(kind)},"seq":{sequence}}}'  # in canonical order
    entry = Head(sequence, link(head.hash, body))
    return entry, {"sequence": sequence, "kind": kind, "body": body, "previous": head.hash, "hash": entry.hash}
