"""What an analyst holds: who the key says they are, the releases that are theirs, how a plan reads."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .base import Spend, Wire


class Me(Wire):
    """Body of ``GET /v1/me``: who the key says you are."""

    principal: str
    role: Literal["analyst", "owner", "auditor"]
    key_id: str
    expires_at: str | None = None
    datasets: list[str]


class Explanation(Wire):
    """Body of ``POST /v1/explain``."""

    dataset: str
    plan: str = Field(description="The plan, its derivation and its release points, as text")


class ReleaseItem(Wire):
    """One line of the list of releases; ``GET /v1/releases/{release_id}`` has the answer."""

    release_id: str
    dataset: str
    created_at: str
    sql: str
    charged: Spend


class ReleaseList(Wire):
    """Body of ``GET /v1/releases``: the caller's own, newest first."""

    releases: list[ReleaseItem]
