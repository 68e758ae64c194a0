"""API keys, in the ledger's store: by hash, never the secret. What a key may do is for ``access`` to say.

Who was given a key, and when it was changed or revoked, is an entry of the journal; its hash is not.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import sqlalchemy as sa

from .journal import Head, utc_now
from .prepared import Prepared
from .schema import keys
from .store import Ledger

_NAMES: Final = tuple(column.name for column in keys.c)
_BY_HASH: Final = Prepared(sa.select(*keys.c).where(keys.c.key_hash == sa.bindparam("wanted")))  # once a request


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One key as stored. ``key_id`` is public; times are ISO 8601 in UTC."""

    key_id: str
    key_hash: str = field(repr=False)
    principal: str
    role: str
    datasets: tuple[str, ...]
    created_at: str
    expires_at: str | None = None
    revoked_at: str | None = None


class KeyFields(Protocol):
    """Whatever has the fields of a key: ``access`` mints its own."""

    @property
    def key_id(self) -> str:
        """Public id."""
        ...

    @property
    def key_hash(self) -> str:
        """SHA-256 of the secret."""
        ...

    @property
    def principal(self) -> str:
        """Whose key it is."""
        ...

    @property
    def role(self) -> str:
        """The role it carries."""
        ...

    @property
    def datasets(self) -> Sequence[str]:
        """Datasets granted."""
        ...

    @property
    def created_at(self) -> str:
        """When it was made."""
        ...

    @property
    def expires_at(self) -> str | None:
        """End of validity, if any."""
        ...

    @property
    def revoked_at(self) -> str | None:
        """When it was revoked, if so."""
        ...


def _row(found: sa.Row[*tuple[Any, ...]]) -> KeyRow:
    values = dict(found._mapping)
    return KeyRow(**(values | {"datasets": tuple(json.loads(values["datasets"]))}))


class Directory:
    """The keys of a ledger's store."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def add_key(self, key: KeyFields, *, by: str = "") -> None:
        """Store a new key; ``ValueError`` when its id or its hash is there already. ``by`` is who gave it."""
        with self._ledger.writing() as connection:
            head = self._add(connection, key, {"by": by} if by else {})
        self._ledger.saw(head)

    def _add(self, connection: sa.Connection, key: KeyFields, more: dict[str, Any]) -> Head:
        row = {
            "key_id": key.key_id,
            "key_hash": key.key_hash,
            "principal": key.principal,
            "role": key.role,
            "datasets": json.dumps(list(key.datasets)),
            "created_at": key.created_at,
            "expires_at": key.expires_at,
            "revoked_at": key.revoked_at,
        }
        same = sa.select(keys.c.key_id).where((keys.c.key_id == key.key_id) | (keys.c.key_hash == key.key_hash))
        if connection.execute(same).first() is not None:
            raise ValueError(f"key {key.key_id} is stored already")
        connection.execute(sa.insert(keys), row)
        public = {"key_id": key.key_id, "principal": key.principal, "role": key.role, "datasets": list(key.datasets)}
        return self._note(connection, "add", public | {"expires_at": key.expires_at} | more)

    def _note(self, connection: sa.Connection, action: str, data: dict[str, Any]) -> Head:
        return self._ledger.append(connection, self._ledger.head_in(connection), "key", {"action": action} | data)

    def get(self, key_id: str) -> KeyRow | None:
        """The key of this id, revoked or not."""
        with self._ledger.reading() as connection:
            found = connection.execute(sa.select(keys).where(keys.c.key_id == key_id)).one_or_none()
        return None if found is None else _row(found)

    def rotate(self, key_id: str, new: KeyFields, until: str, *, by: str = "") -> bool:
        """Store ``new`` in place of a key, which ends at ``until`` at the latest; False when it is gone or over.

        One transaction: there is never a time without either, nor two successors of one key.
        """
        head = None
        with self._ledger.writing() as connection:
            old = connection.execute(sa.select(keys).where(keys.c.key_id == key_id)).one_or_none()
            if old is not None and old.revoked_at is None and not (old.expires_at and old.expires_at <= utc_now()):
                end = min(until, old.expires_at) if old.expires_at else until
                connection.execute(sa.update(keys).where(keys.c.key_id == key_id).values(expires_at=end))
                more = {"replaces": key_id, "replaced_until": end} | ({"by": by} if by else {})
                head = self._add(connection, new, more)
        if head is not None:
            self._ledger.saw(head)
        return head is not None

    def grant(self, key_id: str, datasets: Sequence[str], *, by: str = "") -> bool:
        """Change the datasets that a key grants; False when there is none, or it was revoked."""
        live = (keys.c.key_id == key_id) & keys.c.revoked_at.is_(None)
        head = None
        with self._ledger.writing() as connection:
            changed = connection.execute(sa.update(keys).where(live).values(datasets=json.dumps(list(datasets))))
            if changed.rowcount:
                data = {"key_id": key_id, "datasets": list(datasets)} | ({"by": by} if by else {})
                head = self._note(connection, "grant", data)
        if head is not None:
            self._ledger.saw(head)
        return head is not None

    def find(self, key_hash: str) -> KeyRow | None:
        """The key with this hash, revoked or not."""
        with self._ledger.reading() as connection:
            found = _BY_HASH.run(connection, {"wanted": key_hash}).fetchone()
        if found is None:
            return None
        values = dict(zip(_NAMES, found, strict=True))
        return KeyRow(**(values | {"datasets": tuple(json.loads(values["datasets"]))}))

    def revoke(self, key_id: str, at: str | None = None, *, by: str = "") -> bool:
        """Revoke a key from now on; False when there is none. The first time of revocation stays."""
        head = None
        with self._ledger.writing() as connection:
            found = connection.execute(sa.select(keys).where(keys.c.key_id == key_id)).one_or_none()
            if found is not None and found.revoked_at is None:
                connection.execute(sa.update(keys).where(keys.c.key_id == key_id).values(revoked_at=at or utc_now()))
                head = self._note(connection, "revoke", {"key_id": key_id} | ({"by": by} if by else {}))
        if head is not None:
            self._ledger.saw(head)
        return found is not None

    def list(self, principal: str | None = None) -> tuple[KeyRow, ...]:
        """All keys, or those of one principal, oldest first."""
        query = sa.select(keys).order_by(keys.c.created_at, keys.c.key_id)
        if principal is not None:
            query = query.where(keys.c.principal == principal)
        with self._ledger.reading() as connection:
            return tuple(_row(found) for found in connection.execute(query))
