"""What the gatekeeper knows of bearer tokens, before anything that can read one is loaded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Protocol

from tacit_service.access.roles import Role

TOKEN_CHARS_MAX: Final = 8192
KEY_ID: Final = "oidc"
"""As ``Principal.key_id``: a token of the identity provider, not a key of the directory."""
_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]{2,}\Z")


@dataclass(frozen=True, slots=True)
class Identity:
    """What a good token says: who, as what, for which datasets, until when."""

    name: str
    role: Role
    datasets: frozenset[str]
    expires_at: str


class TokenJudge(Protocol):
    """Whoever can tell a good token from any other; ``oidc.Tokens`` is the one in use."""

    def identity(self, token: str) -> Identity | None:
        """Who the token speaks for; None for every token that is not good."""
        ...


def looks_like_token(secret: str) -> bool:
    """Whether a bearer value has the form of a compact JWT; API keys hold no dot.

    >>> looks_like_token("eyJh.eyJp.c2ln"), looks_like_token("tacit_" + "A" * 43)
    (True, False)
    """
    return len(secret) <= TOKEN_CHARS_MAX and _COMPACT.match(secret) is not None
