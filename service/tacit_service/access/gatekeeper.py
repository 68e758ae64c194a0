"""From an ``Authorization`` header to a principal, and from a principal to the datasets granted.

Every way to fail a login raises the same error: a caller learns neither which keys exist nor why one stopped working.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from tacit_service.access.keys import ALL_DATASETS, KeyFinder, digest, expired, matches
from tacit_service.access.roles import Role
from tacit_service.access.tokens import KEY_ID, TOKEN_CHARS_MAX, TokenJudge, looks_like_token
from tacit_service.errors import Unauthenticated

_HEADER_CHARS_MAX: Final = TOKEN_CHARS_MAX + 16


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is calling: a name, a role, and the datasets that the key grants."""

    name: str
    role: Role
    datasets: frozenset[str]
    key_id: str
    expires_at: str | None = None

    def grants(self, dataset: str, *, analysts: Collection[str], roles: Collection[str]) -> bool:
        """Whether this caller may know of ``dataset``, given the accounts that its policy declares.

        The key must grant it; an analyst must besides have an account there, by name or by role.
        """
        return self.holds(dataset) and self._admitted(analysts, roles)

    def holds(self, dataset: str) -> bool:
        """Whether the key itself grants ``dataset``."""
        return ALL_DATASETS in self.datasets or dataset in self.datasets

    def _admitted(self, analysts: Collection[str], roles: Collection[str]) -> bool:
        return self.role is not Role.ANALYST or self.name in analysts or self.role.value in roles


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Gatekeeper:
    """Checks bearer keys against the directory, and bearer tokens by the identity provider's keys, if there is one."""

    def __init__(
        self, directory: KeyFinder, now: Callable[[], dt.datetime] = _utc_now, *, tokens: TokenJudge | None = None
    ) -> None:
        self._directory = directory
        self._now = now
        self._tokens = tokens

    def authenticate(self, authorization: str | None) -> Principal:
        """The principal of ``Authorization: Bearer …``, an API key or a token; ``Unauthenticated`` for all else."""
        scheme, _, secret = (authorization or "")[:_HEADER_CHARS_MAX].partition(" ")
        secret = secret.strip() if scheme.lower() == "bearer" else ""
        if self._tokens is not None and looks_like_token(secret):
            identity = self._tokens.identity(secret)
            if identity is None:
                raise _refused()
            return Principal(identity.name, identity.role, identity.datasets, KEY_ID, identity.expires_at)
        key_hash = digest(secret)
        row = None if key_hash is None else self._directory.find(key_hash)
        if row is None or key_hash is None or not matches(row, key_hash):
            raise _refused()
        if row.revoked_at is not None or expired(row, self._now()):
            raise _refused()
        try:
            role = Role(row.role)
        except ValueError:
            raise _refused() from None
        return Principal(row.principal, role, frozenset(row.datasets), row.key_id, row.expires_at)


def _refused() -> Unauthenticated:
    return Unauthenticated(
        "unauthenticated",
        "A valid API key is needed.",
        hint="Send the header Authorization: Bearer tacit_… with a key that the owner gave you.",
    )
