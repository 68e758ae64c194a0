"""What every model of the protocol shares: cells, amounts of budget, the base model, problems."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, StrictFloat, StrictInt, StrictStr

Cell = bool | int | float | str | None
Amount = StrictStr | StrictInt | StrictFloat
"""ε or δ as the caller wrote it. A JSON number is taken by its decimal text, never as a float."""


class Wire(BaseModel):
    """Base of every model on the wire."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Spend(Wire):
    """An amount of privacy loss, as exact decimal strings."""

    epsilon: str
    delta: str


class LedgerHead(Wire):
    """Head of the hash-chained journal after this charge."""

    sequence: int
    hash: str


class Problem(BaseModel):
    """RFC 9457 problem document. ``code`` is stable; ``position`` points into the SQL."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str | None = None
    hint: str | None = None
    rule: str | None = None
    suggestion: str | None = None
    position: dict[str, int] | None = None
    extra: dict[str, Any] | None = None
