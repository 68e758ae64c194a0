"""From an RFC 9457 problem document to the exception of its code.

>>> error = from_problem(422, {"code": "unknown_column", "detail": "patients has no column incme.",
...     "hint": "Did you mean income?", "position": {"line": 1, "column": 12, "start": 11, "end": 16}},
...     sql="SELECT AVG(incme) FROM patients")
>>> print(error)
unknown_column: patients has no column incme.
  1 | SELECT AVG(incme) FROM patients
    |            ^^^^^
Fix: Did you mean income?
>>> type(error).__name__, error.status
('UnknownColumn', 422)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tacit.errors import APIError, Position, class_for

_STANDARD = ("type", "title", "status", "detail", "code", "instance", "hint", "rule", "suggestion", "position", "extra")


def from_problem(
    status: int,
    problem: Mapping[str, Any] | None,
    *,
    sql: str | None = None,
    retry_after_s: float | None = None,
    idempotency_key: str | None = None,
) -> APIError:
    """The exception for an HTTP problem document, or for a failure that came without one (``problem=None``)."""
    body = dict(problem or {})
    code = _text(body.get("code")) or f"http_{status}"
    detail = _text(body.get("detail")) or _text(body.get("title")) or f"The service answered {status} and no reason."
    extra = {key: value for key, value in body.items() if key not in _STANDARD}
    if isinstance(body.get("extra"), dict):
        extra |= body["extra"]
    return class_for(code, status)(
        code,
        status,
        detail,
        title=_text(body.get("title")) or "",
        hint=_text(body.get("hint")),
        position=_position(body.get("position")),
        rule=_text(body.get("rule")),
        suggestion=_text(body.get("suggestion")),
        extra=extra,
        sql=sql,
        retry_after_s=retry_after_s,
        idempotency_key=idempotency_key,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _position(value: object) -> Position | None:
    if not isinstance(value, dict):
        return None
    numbers = [value.get(name) for name in ("line", "column", "start", "end")]
    if not all(isinstance(n, int) and not isinstance(n, bool) for n in numbers):
        return None
    return Position(*(int(n) for n in numbers if n is not None))
