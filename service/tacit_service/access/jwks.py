"""An identity provider's public signing keys: a JWKS from a file or over https, cached, renewed when keys rotate.

Only asymmetric keys for signatures are taken. A token that names an unknown key makes the set be read again, though not
more often than every ``RETRY_S``: a stranger's made-up key ids must not become requests to the provider. While one
thread reads, others go on with the keys that are there. Keys that could not be renewed for ``STALE_S`` are no longer
trusted.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import jwt

from tacit_service.errors import IdentityUnavailable

FRESH_S: Final = 600.0
RETRY_S: Final = 30.0
STALE_S: Final = 3600.0
TIMEOUT_S: Final = 3.0
BYTES_MAX: Final = 262_144
RSA_BITS_MIN: Final = 2048
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_CURVES: Final = {("EC", "P-256"): "ES256", ("OKP", "Ed25519"): "EdDSA"}


def is_source(source: str) -> bool:
    """Whether a JWKS may come from there: https, plain http on loopback only, or a file.

    >>> [is_source(s) for s in ("https://id.example/jwks", "http://127.0.0.1:9/jwks", "keys/jwks.json")]
    [True, True, True]
    >>> [is_source(s) for s in ("http://id.example/jwks", "ftp://id.example/jwks", "")]
    [False, False, False]
    """
    parts = urlsplit(source)
    if parts.scheme == "https":
        return bool(parts.hostname)
    if parts.scheme == "http":
        return parts.hostname in _LOOPBACK
    return bool(source) and "://" not in source


def fetch(source: str) -> bytes:
    """The document at ``source``. Redirects are not followed: the setting names the place that is trusted."""
    if "://" not in source:
        return Path(source).read_bytes()
    import httpx2

    with (
        httpx2.Client(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False) as client,
        client.stream("GET", source, headers={"Accept": "application/json"}) as answer,
    ):
        if answer.status_code != 200:
            raise OSError(f"status {answer.status_code}")
        raw = bytearray()
        for chunk in answer.iter_bytes():
            raw += chunk
            if len(raw) > BYTES_MAX:
                raise OSError("too large")
        return bytes(raw)


def usable(document: Any) -> dict[str, jwt.PyJWK]:
    """The keys of a JWKS by their ids: RS256 of 2048 bits or more, ES256, EdDSA; whatever else is left out.

    A symmetric key in a public document is no secret, so that anyone could sign with it.
    """
    found: dict[str, jwt.PyJWK] = {}
    for entry in document["keys"]:
        kid = entry.get("kid")
        algorithm = "RS256" if entry.get("kty") == "RSA" else _CURVES.get((entry.get("kty"), entry.get("crv")))
        if not isinstance(kid, str) or algorithm is None or entry.get("use", "sig") != "sig":
            continue
        if entry.get("alg", algorithm) != algorithm or "d" in entry:
            continue
        try:
            key = jwt.PyJWK(entry, algorithm)
        except (jwt.PyJWTError, ValueError, TypeError):
            continue
        if algorithm != "RS256" or key.key.key_size >= RSA_BITS_MIN:
            found[kid] = key
    return found


class KeySet:
    """The keys of one source, shared by threads."""

    def __init__(
        self,
        source: str,
        *,
        read: Callable[[str], bytes] = fetch,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not is_source(source):
            raise ValueError("a JWKS comes from https://… or a file")
        self._source = source
        self._read = read
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._read_at = -float("inf")
        self._tried_at = -float("inf")

    def find(self, kid: str) -> jwt.PyJWK | None:
        """The key of this id; ``IdentityUnavailable`` while there are no keys at all to judge by."""
        keys = self._current()
        if kid not in keys and self._clock() - self._tried_at >= RETRY_S:
            self._renew()
            keys = self._current()
        if not keys:
            raise IdentityUnavailable(
                "identity_unavailable",
                "The identity provider's signing keys cannot be had now.",
                hint="Try again in a minute; API keys work meanwhile.",
            )
        return keys.get(kid)

    def _current(self) -> Mapping[str, jwt.PyJWK]:
        now = self._clock()
        if now - self._read_at >= FRESH_S and now - self._tried_at >= RETRY_S:
            self._renew()
        return self._keys if self._clock() - self._read_at < STALE_S else {}

    def _renew(self) -> None:
        """Read the source; with keys in hand, only one thread waits for it."""
        if not self._lock.acquire(blocking=not self._keys):
            return
        try:
            if self._clock() - self._tried_at < RETRY_S:  # another thread did it meanwhile
                return
            self._tried_at = self._clock()
            try:
                keys = usable(json.loads(self._read(self._source)))
            except Exception:  # whatever went wrong, the keys in hand serve until they are stale
                return
            if keys:
                self._keys, self._read_at = keys, self._clock()
        finally:
            self._lock.release()
