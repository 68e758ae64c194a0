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
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from .schema import journal

START: Final = "0" * 64


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
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def link(previous: str, body: str) -> str:
    """The hash of a row."""
    return hashlib.sha256(f"{previous}\n{body}".encode("ascii")).hexdigest()


def utc_now() -> str:
    """ISO 8601 in UTC with microseconds, so that texts order as times do."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")


_HEAD = sa.select(journal.c.sequence, journal.c.hash).order_by(journal.c.sequence.desc()).limit(1)
_AT = sa.select(journal.c.hash).where(journal.c.sequence == sa.bindparam("at_sequence"))
_APPEND = sa.insert(journal)


def read_head(connection: sa.Connection) -> Head:
    """The last row."""
    row = connection.execute(_HEAD).one_or_none()
    return EMPTY if row is None else Head(row.sequence, row.hash)


def check_holds(connection: sa.Connection, seen: Head) -> Head:
    """The last row, after asserting that the row ``seen``, once committed, is still there: a rewound file is found."""
    head = read_head(connection)
    if head == seen or seen == EMPTY:
        return head
    if connection.execute(_AT, {"at_sequence": seen.sequence}).scalar_one_or_none() != seen.hash:
        raise Rewound(f"the journal no longer holds entry {seen.sequence} as it was committed")
    return head


def append(connection: sa.Connection, head: Head, kind: str, data: dict[str, Any], at: str) -> Head:
    """Write the row after ``head``, inside the caller's exclusive transaction."""
    sequence = head.sequence + 1
    body = canonical({"seq": sequence, "kind": kind, "at": at, "data": data})
    entry = Head(sequence, link(head.hash, body))
    row = {"sequence": sequence, "kind": kind, "body": body, "previous": head.hash, "hash": entry.hash}
    connection.execute(_APPEND, row)
    return entry
