"""The release of a charge, stored before anyone sees the answer: whether it may be, and its rows."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from . import queries
from .journal import Head, Rows
from .records import StoredRelease
from .schema import releases

_RELEASES: Final = Rows(releases)


def before(connection: sa.Connection, charge_id: str, release: StoredRelease, seen: Head) -> tuple[Head, bool]:
    """The journal's head and True, when the charge admits this release; the head at its record and False, when it is there.

    ``ValueError`` for a charge that is someone else's, ended, or released otherwise.
    """
    known = queries.charge_state(connection, charge_id, seen)
    if known is None or (known.dataset, known.analyst) != (release.dataset, release.analyst):
        raise ValueError("a release belongs to a charge of the same analyst on the same dataset")
    if known.release_id is not None:
        if queries.release_of(connection, charge_id) != release:
            raise ValueError(f"charge {charge_id} has been released otherwise")
        return queries.release_head(connection, release.release_id), False
    if known.ended:
        raise ValueError(f"charge {charge_id} failed or was voided")
    if known.free_for_dataset and queries.held(connection, release.dataset, release.canonical) is None:
        raise ValueError("a charge that is free for the dataset hands on a release that is stored already")
    return known.head, True


def insert(connection: sa.Connection, head: Head, charge_id: str, release: StoredRelease, at: str) -> Head:
    """The entry and the row; the journal's new head."""
    data = queries.release_entry(charge_id, release)
    return _RELEASES.append(connection, head, "release", data, at, queries.release_row(charge_id, release))
