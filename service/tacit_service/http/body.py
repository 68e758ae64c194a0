"""Reading a request body: JSON with exact numbers, then the wire model, with errors that never echo what was sent.

Numbers with a fraction or exponent arrive as text: ``{"epsilon": 0.1}`` reaches the desk as ``"0.1"``, and ``1e400`` as
``"1e400"`` for the desk to refuse, since a float would have changed both.

>>> parse_json(b'{"epsilon": 0.10, "max_amount": 2.50}')
{'epsilon': '0.10', 'max_amount': 2.5}
>>> parse_json(b'{"epsilon": NaN}')
Traceback (most recent call last):
    ...
tacit_service.http.problems.EdgeError: invalid_json: NaN and Infinity are not JSON numbers.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from typing import Any, Final, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from tacit_service.http.problems import EdgeError

Model = TypeVar("Model", bound=BaseModel)
EXACT_FIELDS: Final = frozenset({"epsilon", "delta", "metrics_epsilon"})
"""Members whose numbers are kept as decimal text."""
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}\Z")
_DIGITS_MAX: Final = 64
_DEPTH_MAX: Final = 8  # the models are flat; a request has no business being deep


class _Number(str):
    """A JSON number as its text."""

    __slots__ = ()


async def read(request: Request, model: type[Model], *, bytes_max: int, timeout_s: float) -> Model:
    """The body as ``model``; an ``EdgeError`` for anything else."""
    types = request.headers.getlist("content-type")
    if len(types) != 1 or not _is_json(types[0]):
        raise EdgeError(
            "unsupported_media_type",
            "The body has to be JSON, in UTF-8.",
            hint="Send the header Content-Type: application/json.",
        )
    if request.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise EdgeError("unsupported_media_type", "Compressed bodies are not read.", hint="Drop Content-Encoding.")
    try:
        async with asyncio.timeout(timeout_s):
            raw = await _bytes(request, bytes_max)
    except TimeoutError:
        raise EdgeError("request_timeout", "The body did not arrive in time.") from None
    except ClientDisconnect:  # nobody reads this answer, but the log: it was no fault of ours
        raise EdgeError("request_timeout", "The client left before its body had arrived.") from None
    return validate(model, parse_json(raw))


def _is_json(media: str) -> bool:
    """Whether a type is JSON's, with whatever parameters but another charset than ours."""
    kind, *parameters = (part.strip().lower() for part in media.split(";"))
    named = [
        value.strip().strip('"')
        for name, _, value in (p.partition("=") for p in parameters)
        if name.strip() == "charset"
    ]
    return kind == "application/json" and all(charset in ("utf-8", "utf8") for charset in named)


async def _bytes(request: Request, bytes_max: int) -> bytes:
    """The body, counted as it comes; what the header announces is checked before a byte is read.

    (The framework's own limit answers plain text, not a problem.)
    """
    announced = request.headers.get("content-length", "0")
    raw = bytearray()
    if announced.isdecimal() and int(announced) <= bytes_max:
        async for chunk in request.stream():
            raw += chunk
            if len(raw) > bytes_max:
                break
        else:
            return bytes(raw)
    raise EdgeError("payload_too_large", f"A body has at most {bytes_max} bytes.")


def parse_json(raw: bytes) -> Any:
    """Strict JSON: UTF-8, no duplicate members, no NaN, no numbers past what a double or 64 digits hold."""
    try:
        text = raw.decode("utf-8")
        value = json.loads(
            text,
            parse_float=_Number,
            parse_int=_Number,
            parse_constant=_refuse_constant,
            object_pairs_hook=_refuse_duplicates,
        )
    except UnicodeDecodeError:
        raise EdgeError("invalid_json", "The body is not UTF-8.") from None
    except RecursionError:
        raise EdgeError("invalid_json", "The body is nested too deep.") from None
    except json.JSONDecodeError as error:
        raise EdgeError("invalid_json", f"The body is not JSON: line {error.lineno}, column {error.colno}.") from None
    return _settle(value, None, 0)


def validate(model: type[Model], value: Any) -> Model:
    """The wire model of parsed JSON; the error names the member and the rule, never the value."""
    if not isinstance(value, dict):
        raise EdgeError("invalid_request", "The body has to be a JSON object.")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        fields = _fields(error)
        first = fields[0]
        raise EdgeError(
            "invalid_request",
            f"{first['field']}: {first['reason']}",
            hint=f"The members are {', '.join(model.model_fields)}.",
            fields=fields,
        ) from None


def _fields(error: ValidationError) -> list[dict[str, str]]:
    found: dict[str, str] = {}
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        name = str(item["loc"][0]) if item["loc"] else "body"
        if item["type"] == "extra_forbidden":
            # The name is the caller's own text: shown only when it looks like one.
            found.setdefault(name if _NAME.match(name) else "body", "This member is not known.")
        elif name in EXACT_FIELDS:
            found.setdefault(name, 'Write a decimal, as a string such as "0.1" or a number.')
        else:
            found.setdefault(name, item["msg"] + ".")
    return [{"field": name, "reason": reason} for name, reason in found.items()][:16]


def _refuse_constant(_: str) -> Any:
    raise EdgeError("invalid_json", "NaN and Infinity are not JSON numbers.")


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        raise EdgeError("invalid_json", "An object has the same member twice.")
    return out


def _settle(value: Any, name: str | None, depth: int) -> Any:
    """Turn number text into numbers, except where the text is what counts."""
    if depth > _DEPTH_MAX:
        raise EdgeError("invalid_json", "The body is nested too deep.")
    if isinstance(value, dict):
        return {key: _settle(item, key if depth == 0 else None, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_settle(item, None, depth + 1) for item in value]
    if not isinstance(value, _Number):
        return value
    if len(value) > _DIGITS_MAX:
        raise EdgeError("invalid_json", f"A number has more than {_DIGITS_MAX} characters.")
    if name in EXACT_FIELDS:
        return str(value)
    number = float(value)
    if not math.isfinite(number):
        raise EdgeError("invalid_json", "A number is too large.")
    return number if any(mark in value for mark in ".eE") else int(value)
