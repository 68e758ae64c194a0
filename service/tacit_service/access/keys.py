"""API keys: 32 random bytes that only their holder knows; the directory keeps a SHA-256 hash.

A key of full entropy needs no slow hash. It is looked up by its hash, so that the time of a look-up depends on nothing
that a caller could steer towards another key, and the row found is compared again in constant time.

>>> minted = mint("ada", Role.ANALYST, ("clinic",))
>>> minted.secret.startswith("tacit_"), minted.secret in repr(minted)
(True, False)
>>> digest(minted.secret) == minted.row.key_hash
True
>>> digest("tacit_too-short") is None
True
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from tacit_service.access.roles import Role

PREFIX: Final = "tacit_"
ALL_DATASETS: Final = "*"
PRINCIPAL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,62}\Z")
_SECRET: Final = re.compile(r"tacit_[A-Za-z0-9_-]{43}\Z")


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One key as the directory stores it. ``key_id`` is public, shown in lists and used to revoke.

    ``datasets`` are the names granted, or ``("*",)``. Times are ISO 8601 in UTC.
    """

    key_id: str
    key_hash: str = field(repr=False)
    principal: str
    role: str
    datasets: tuple[str, ...]
    created_at: str
    expires_at: str | None = None
    revoked_at: str | None = None


class KeyRecord(Protocol):
    """What a stored key offers to be read; the ledger's own row type has the same fields."""

    @property
    def key_id(self) -> str:
        """Public id."""
        ...

    @property
    def key_hash(self) -> str:
        """SHA-256 of the secret, hexadecimal."""
        ...

    @property
    def principal(self) -> str:
        """Whose key it is."""
        ...

    @property
    def role(self) -> str:
        """A value of ``Role``."""
        ...

    @property
    def datasets(self) -> Sequence[str]:
        """Granted names, or ``*``."""
        ...

    @property
    def expires_at(self) -> str | None:
        """End of validity, if any."""
        ...

    @property
    def revoked_at(self) -> str | None:
        """Time of revocation, if any."""
        ...


class KeyFinder(Protocol):
    """The part of the directory that a login needs."""

    def find(self, key_hash: str) -> KeyRecord | None:
        """The row with this hash, revoked or not; None when there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Minted:
    """A new key: the secret, shown once, and the row to store."""

    secret: str = field(repr=False)
    row: KeyRow


def mint(
    principal: str,
    role: Role,
    datasets: tuple[str, ...],
    *,
    expires_at: dt.datetime | None = None,
    now: dt.datetime | None = None,
) -> Minted:
    """Make a key for ``principal``; ``ValueError`` when the name or the grants are malformed."""
    if not PRINCIPAL.match(principal):
        raise ValueError("a principal is 1 to 63 letters, digits or one of _ . @ - and starts with a letter or digit")
    if not datasets:
        raise ValueError("a key is for at least one dataset")
    if expires_at is not None and expires_at.tzinfo is None:
        raise ValueError("an expiry needs a time zone")
    secret = PREFIX + secrets.token_urlsafe(32)
    row = KeyRow(
        key_id="key_" + secrets.token_hex(6),
        key_hash=_sha256(secret),
        principal=principal,
        role=Role(role).value,
        datasets=tuple(dict.fromkeys(datasets)),
        created_at=_iso(now or dt.datetime.now(dt.UTC)),
        expires_at=None if expires_at is None else _iso(expires_at),
    )
    return Minted(secret, row)


def digest(secret: str) -> str | None:
    """The hash under which a well-formed key would be stored; None for anything else, without hashing it."""
    return _sha256(secret) if _SECRET.match(secret) else None


def matches(row: KeyRecord, key_hash: str) -> bool:
    """Compare in constant time; the look-up found the row by an index, which promises nothing of the kind."""
    return hmac.compare_digest(row.key_hash.encode(), key_hash.encode())


def expired(row: KeyRecord, now: dt.datetime) -> bool:
    """Whether the key's time is over. A time that cannot be read counts as over."""
    if row.expires_at is None:
        return False
    try:
        end = dt.datetime.fromisoformat(row.expires_at)
        return now >= end
    except (ValueError, TypeError):
        return True


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode("ascii")).hexdigest()


def _iso(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat(timespec="seconds")
