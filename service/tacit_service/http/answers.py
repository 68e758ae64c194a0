"""An answer in the representation that was asked for."""

from __future__ import annotations

from typing import Any, Final

from fastapi import Request
from fastapi.responses import Response

from tacit import wire
from tacit_service.http import negotiate, routing
from tacit_service.http.context import question

_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
MEDIA: Final[dict[str, Any]] = {negotiate.ARROW: _BINARY, negotiate.PARQUET: _BINARY}
"""What OpenAPI says of the other representations."""

OFFERED: Final = (negotiate.JSON, negotiate.ARROW, negotiate.PARQUET)


async def respond(request: Request, answer: wire.Answer, media: str) -> Response:
    """JSON, or an Arrow stream or a Parquet file whose schema holds the receipt."""
    if media == negotiate.JSON:
        return routing.json_response(answer)
    return Response(await question(request, lambda: _encoded(answer, media)), media_type=media)


def _encoded(answer: wire.Answer, media: str) -> bytes:
    from tacit_service.http import arrow  # pyarrow is loaded by the desks; not before /healthz answers

    return arrow.encode(answer) if media == negotiate.ARROW else arrow.encode_parquet(answer)
