"""Response models that only the HTTP layer has; the protocol of questions and answers is ``tacit.wire``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tacit import wire


class Me(wire.Wire):
    """Body of ``GET /v1/me``: who the key says you are."""

    principal: str
    role: Literal["analyst", "owner", "auditor"]
    key_id: str
    expires_at: str | None = None
    datasets: list[str]


class Explanation(wire.Wire):
    """Body of ``POST /v1/explain``."""

    dataset: str
    plan: str = Field(description="The plan, its derivation and its release points, as text")


class ReleaseItem(wire.Wire):
    """One line of the list of releases; ``GET /v1/releases/{release_id}`` has the answer."""

    release_id: str
    dataset: str
    created_at: str
    sql: str
    charged: wire.Spend


class ReleaseList(wire.Wire):
    """Body of ``GET /v1/releases``: the caller's own, newest first."""

    releases: list[ReleaseItem]


class Health(wire.Wire):
    """Body of ``GET /healthz`` and ``GET /readyz``."""

    status: Literal["ok", "starting", "unhealthy"]
    ready: bool
    ledger: Literal["healthy", "unhealthy", "unknown"]


class ProblemType(wire.Wire):
    """What a stable code means: body of ``GET /v1/problems/{code}``."""

    code: str
    type: str
    status: int
    meaning: str
    charged: bool = Field(description="Whether a charge may stand when this is answered")


class ProblemTypes(wire.Wire):
    """Body of ``GET /v1/problems``."""

    problems: list[ProblemType]
