"""Keys: made, listed, rotated, granted, revoked. Nobody hands out more than they hold."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

from tacit_service.access.gatekeeper import Principal
from tacit_service.access.keys import Minted, expired, mint
from tacit_service.access.roles import Role
from tacit_service.administration import models, scope
from tacit_service.errors import Conflict, NotFound, RequestError
from tacit_service.ledger.directory import Directory, KeyRow


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Keys:
    """The API keys of one directory, as far as a caller's own key reaches."""

    def __init__(self, directory: Directory, now: Callable[[], dt.datetime] = _utc_now) -> None:
        self._directory = directory
        self._now = now

    def keys(self, who: Principal, principal: str | None = None) -> list[models.Key]:
        """Keys for datasets that the caller's key grants, revoked ones too."""
        return [_key(row) for row in self._directory.list(principal) if scope.covers(who, row.datasets)]

    def live(self, who: Principal, principal: str | None = None) -> list[models.Key]:
        """Those that still open."""
        rows = [row for row in self._directory.list(principal) if scope.covers(who, row.datasets)]
        return [_key(row) for row in rows if row.revoked_at is None and not expired(row, self._now())]

    def add(self, who: Principal, asked: models.KeyRequest) -> models.NewKey:
        """Make a key; its secret is in the answer and nowhere else."""
        scope.only_owner(who)
        self._check_grant(who, asked.datasets)
        end = None if asked.days is None else self._now() + dt.timedelta(days=asked.days)
        minted = self._mint(asked.principal, Role(asked.role), asked.datasets, end)
        self._directory.add_key(minted.row, by=who.name)
        return _new(minted)

    def rotate(self, who: Principal, key_id: str, asked: models.Rotation) -> models.NewKey:
        """A new key with the holder, role, grants and expiry of an old one, which ends after the overlap."""
        row = self._own(who, key_id)
        now = self._now()
        end = None if row.expires_at is None else dt.datetime.fromisoformat(row.expires_at)
        minted = self._mint(row.principal, Role(row.role), row.datasets, end)
        until = (now + dt.timedelta(hours=asked.overlap_hours)).isoformat(timespec="seconds")
        if not self._directory.rotate(key_id, minted.row, until, by=who.name):
            raise Conflict("key_over", "This key is revoked or has ended.", hint="Make a new one.")
        return _new(minted)

    def grant(self, who: Principal, key_id: str, asked: models.Grant) -> models.Key:
        """Change the datasets of a key."""
        self._own(who, key_id)
        self._check_grant(who, asked.datasets)
        if not self._directory.grant(key_id, tuple(dict.fromkeys(asked.datasets)), by=who.name):
            raise Conflict("key_over", "This key is revoked or has ended.", hint="Make a new one.")
        return _key(self._own(who, key_id))

    def revoke(self, who: Principal, key_id: str) -> models.Key:
        """End a key at once, for good."""
        self._own(who, key_id)
        self._directory.revoke(key_id, by=who.name)
        return _key(self._own(who, key_id))

    def _own(self, who: Principal, key_id: str) -> KeyRow:
        scope.only_owner(who)
        row = self._directory.get(key_id)
        if row is None or not scope.covers(who, row.datasets):
            raise NotFound("not_found", "No key of this id is yours to change.", hint="GET /v1/admin/keys lists them.")
        return row

    @staticmethod
    def _check_grant(who: Principal, datasets: Sequence[str]) -> None:
        if not scope.covers(who, datasets):
            raise scope.unknown()

    def _mint(self, principal: str, role: Role, datasets: Sequence[str], end: dt.datetime | None) -> Minted:
        try:
            return mint(principal, role, tuple(datasets), expires_at=end, now=self._now())
        except ValueError as error:
            raise RequestError("name_invalid", f"No key can be made: {error}.") from None


def _key(row: KeyRow) -> models.Key:
    return models.Key(
        key_id=row.key_id,
        principal=row.principal,
        role=row.role,
        datasets=list(row.datasets),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )


def _new(minted: Minted) -> models.NewKey:
    row = minted.row
    return models.NewKey(
        secret=minted.secret,
        key=models.Key(
            key_id=row.key_id,
            principal=row.principal,
            role=row.role,
            datasets=list(row.datasets),
            created_at=row.created_at,
            expires_at=row.expires_at,
        ),
    )
