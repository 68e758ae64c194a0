"""Request headers that choose or protect: ``Accept`` and ``Idempotency-Key``."""

from __future__ import annotations

import re
from typing import Final

from fastapi import Request

from tacit_service.http.problems import EdgeError

JSON: Final = "application/json"
ARROW: Final = "application/vnd.apache.arrow.stream"
PARQUET: Final = "application/vnd.apache.parquet"
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}\Z")
_ACCEPT_CHARS_MAX: Final = 1024


def idempotency_key(request: Request) -> str | None:
    """The header's value, or None without it."""
    values = request.headers.getlist("idempotency-key")
    if not values:
        return None
    if len(values) > 1 or not _KEY.match(values[0]):
        raise EdgeError(
            "idempotency_key_invalid",
            "Idempotency-Key has to be one value of 1 to 255 visible ASCII characters.",
            hint="A UUID for each new question is a good key.",
        )
    return values[0]


def choose(request: Request, offered: tuple[str, ...]) -> str:
    """The representation that ``Accept`` prefers among ``offered``; the first one when it says nothing."""
    header = ",".join(request.headers.getlist("accept"))
    if not header.strip():
        return offered[0]
    if len(header) > _ACCEPT_CHARS_MAX:
        raise _none(offered)
    ranges = [_parse(part) for part in header.split(",") if part.strip()]
    weighed = [(_weight(ranges, media), -place, media) for place, media in enumerate(offered)]
    weight, _, media = max(weighed)
    if weight <= 0:
        raise _none(offered)
    return media


def _weight(ranges: list[tuple[str, float]], media: str) -> float:
    """The quality that ``Accept`` gives a media type: that of the range which names it most closely."""
    closeness, quality = max(((_fits(pattern, media), quality) for pattern, quality in ranges), default=(0, 0.0))
    return quality if closeness else 0.0


def _parse(part: str) -> tuple[str, float]:
    media, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            quality = float(value) if re.fullmatch(r"[01](\.[0-9]{0,3})?", value.strip()) else 0.0
    return media, min(quality, 1.0)


def _fits(pattern: str, media: str) -> int:
    """How closely a range of ``Accept`` names a media type: 3 exactly, 2 by its type, 1 by ``*/*``, 0 not at all."""
    if pattern == media:
        return 3
    if pattern == media.partition("/")[0] + "/*":
        return 2
    return 1 if pattern == "*/*" else 0


def _none(offered: tuple[str, ...]) -> EdgeError:
    return EdgeError(
        "not_acceptable", "None of the types in Accept is offered.", hint=f"Offered: {', '.join(offered)}."
    )
