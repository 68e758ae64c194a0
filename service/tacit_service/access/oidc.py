"""OpenID Connect bearer tokens: a signed JWT of one issuer, for this audience, becomes a principal.

The algorithms are fixed here and asymmetric, the key is chosen by ``kid`` from the provider's published set and by
nothing else in the token, and ``exp``, ``iss`` and ``aud`` must be there. What a token may do comes from its claims by
the operator's settings; a claim that names nothing known gives nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import jwt

from tacit_service.access.jwks import KeySet
from tacit_service.access.keys import ALL_DATASETS, PRINCIPAL
from tacit_service.access.roles import Role
from tacit_service.access.tokens import Identity

ALGORITHMS: Final = ("RS256", "ES256", "EdDSA")
_STRONGEST_FIRST: Final = (Role.OWNER, Role.AUDITOR, Role.ANALYST)


@dataclass(frozen=True, slots=True)
class Provider:
    """Whose tokens are taken and what their claims mean.

    ``roles`` maps values of ``role_claim`` to roles; ``datasets`` is granted where ``datasets_claim`` is absent.
    """

    issuer: str
    audience: str
    name_claim: str = "sub"
    role_claim: str = "roles"
    roles: Mapping[str, Role] = field(default_factory=dict)
    datasets_claim: str = "datasets"
    datasets: frozenset[str] = frozenset()
    leeway_s: int = 30


class Tokens:
    """Judges the tokens of one provider."""

    def __init__(self, provider: Provider, keys: KeySet) -> None:
        self._provider = provider
        self._keys = keys

    def identity(self, token: str) -> Identity | None:
        """Who the token speaks for; None for every token that is not good, whatever is wrong with it."""
        try:
            claims = self._verified(token)
        except (jwt.PyJWTError, ValueError, TypeError):
            return None
        return None if claims is None else self._read(claims)

    def _verified(self, token: str) -> dict[str, Any] | None:
        head = jwt.get_unverified_header(token)
        kid, algorithm = head.get("kid"), head.get("alg")
        if algorithm not in ALGORITHMS or not isinstance(kid, str) or "crit" in head:
            return None
        key = self._keys.find(kid)
        if key is None or key.algorithm_name != algorithm:
            return None
        claims: dict[str, Any] = jwt.decode(
            token,
            key=key,
            algorithms=[algorithm],
            audience=self._provider.audience,
            issuer=self._provider.issuer,
            leeway=self._provider.leeway_s,
            options={"require": ["exp", "iss", "aud", self._provider.name_claim]},
        )
        return claims

    def _read(self, claims: Mapping[str, Any]) -> Identity | None:
        name = claims.get(self._provider.name_claim)
        if not isinstance(name, str) or not PRINCIPAL.match(name):
            return None
        if self._provider.name_claim == "email" and claims.get("email_verified") is not True:
            return None
        role = self._role(claims)
        if role is None:
            return None
        end = dt.datetime.fromtimestamp(int(claims["exp"]), dt.UTC).isoformat(timespec="seconds")
        return Identity(name, role, self._datasets(claims), end)

    def _role(self, claims: Mapping[str, Any]) -> Role | None:
        held = {self._provider.roles.get(value) for value in _texts(claims.get(self._provider.role_claim))}
        return next((role for role in _STRONGEST_FIRST if role in held), None)

    def _datasets(self, claims: Mapping[str, Any]) -> frozenset[str]:
        if self._provider.datasets_claim not in claims:
            return self._provider.datasets
        named = frozenset(_texts(claims[self._provider.datasets_claim]))
        return named if ALL_DATASETS in self._provider.datasets else named - {ALL_DATASETS}


def _texts(claim: object) -> list[str]:
    """A claim that is one text or a list of them."""
    values = claim if isinstance(claim, list) else [claim]
    return [value for value in values if isinstance(value, str)]
