"""An answer in the representation that was asked for."""

from __future__ import annotations

from typing import Any, Final

from fastapi import Request
from fastapi.responses import Response

from tacit import wire
from tacit_service.http import negotiate, routing
from tacit_service.http.context import question

MEDIA: Final[dict[str, Any]] = {negotiate.ARROW: {"schema": {"type": "string", "format": "binary"}}}
"""What OpenAPI says of the second representation."""


async def respond(request: Request, answer: wire.Answer, media: str) -> Response:
    """JSON, or an Arrow stream whose schema holds the receipt."""
    if media == negotiate.JSON:
        return routing.json_response(answer)
    return Response(await question(request, lambda: _arrow(answer)), media_type=negotiate.ARROW)


def _arrow(answer: wire.Answer) -> bytes:
    from tacit_service.http import arrow  # pyarrow is loaded by the desks; not before /healthz answers

    return arrow.encode(answer)
