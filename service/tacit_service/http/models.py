"""Response models that only the HTTP layer has; the protocol of questions and answers is ``tacit.wire``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tacit import wire
from tacit.wire import Explanation, Me, ReleaseItem, ReleaseList

__all__ = ["Explanation", "Health", "Me", "ProblemType", "ProblemTypes", "ReleaseItem", "ReleaseList"]


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
