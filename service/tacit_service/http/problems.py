"""From an error to an RFC 9457 problem document, in one place.

``type`` is a relative reference that answers: ``GET /v1/problems/<code>`` describes the code. What an error may say is
decided here by its class: refusals and the like are made from public facts and say everything they hold; a fault of
the service says its code and an incident id, and nothing about what happened inside.
"""

from __future__ import annotations

import json
from typing import Any, Final

from tacit_service.errors import EngineFailure, LedgerUnavailable, PolicyError, TacitError

MEDIA_TYPE: Final = "application/problem+json"
_STATUS_OF_CODE: Final = {"engine_timeout": 504}
_RESERVED: Final = frozenset({"type", "title", "status", "detail", "code", "hint", "rule", "suggestion", "position"})
_SILENT: Final = (EngineFailure, LedgerUnavailable)
_EDGE: Final[dict[str, tuple[int, str]]] = {
    "invalid_request": (422, "Request not understood"),
    "invalid_json": (400, "Body is not JSON"),
    "invalid_http": (400, "Not an HTTP request"),
    "idempotency_key_invalid": (400, "Header refused"),
    "not_found": (404, "Not found"),
    "method_not_allowed": (405, "Method not allowed"),
    "not_acceptable": (406, "No such representation"),
    "request_timeout": (408, "Request took too long to arrive"),
    "payload_too_large": (413, "Body too large"),
    "unsupported_media_type": (415, "Body type not supported"),
    "internal": (500, "Internal error"),
    "starting": (503, "Starting"),
    "overloaded": (503, "Overloaded"),
}


class EdgeError(TacitError):
    """An error that only HTTP knows: its status and title follow from the code."""

    def __init__(self, code: str, detail: str, **parts: Any) -> None:
        super().__init__(code, detail, **parts)
        self.edge_status, self.edge_title = _EDGE[code]


def status_of(error: TacitError) -> int:
    """The HTTP status of an error."""
    return error.edge_status if isinstance(error, EdgeError) else _STATUS_OF_CODE.get(error.code, error.status)


def document(error: TacitError) -> dict[str, Any]:
    """The problem document of an error; members that are not set are left out."""
    if isinstance(error, PolicyError):  # the owner's file and line are for the owner's terminal, not for callers
        error = internal(None)
    body: dict[str, Any] = {
        "type": f"/v1/problems/{error.code}",
        "title": error.edge_title if isinstance(error, EdgeError) else error.title,
        "status": status_of(error),
        "detail": error.detail,
        "code": error.code,
        "hint": error.hint,
        "rule": error.rule,
        "suggestion": error.suggestion,
    }
    if error.position is not None:
        at = error.position
        body["position"] = {"line": at.line, "column": at.column, "start": at.start, "end": at.end}
    if not isinstance(error, _SILENT):
        body.update({name: value for name, value in error.extra.items() if name not in _RESERVED})
    return {name: value for name, value in body.items() if value is not None}


def encode(error: TacitError) -> bytes:
    """The document as JSON bytes; a value of an unexpected type is named, not shown."""
    return json.dumps(document(error), ensure_ascii=True, default=lambda value: type(value).__name__).encode()


def headers(error: TacitError, retry_after_s: int) -> dict[str, str]:
    """Headers that go with the problem."""
    out: dict[str, str] = {}
    status = status_of(error)
    if status == 401:
        out["WWW-Authenticate"] = 'Bearer realm="tacit"'
    if status in (429, 503):
        wait = error.extra.get("retry_after_s", retry_after_s)
        out["Retry-After"] = str(wait if isinstance(wait, int) and wait > 0 else retry_after_s)
    if status == 405 and "allow" in error.extra:
        out["Allow"] = ", ".join(error.extra["allow"])
    return out


def internal(incident: str | None) -> EdgeError:
    """A fault of the service. The incident id finds the log line; the log line holds no data either."""
    return EdgeError(
        "internal",
        "The service met a fault of its own. Nothing about it can be said here.",
        hint="Tell the operator the incident id. If this was a query, its charge may stand: ask again with the same "
        "Idempotency-Key to get the same answer.",
        **({"incident": incident} if incident else {}),
    )
