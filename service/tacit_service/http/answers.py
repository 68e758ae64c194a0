"""An answer in the representation that was asked for, at the time at which it may leave."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from tacit import wire
from tacit_service.errors import TacitError
from tacit_service.http import negotiate

_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
MEDIA: Final[dict[str, Any]] = {negotiate.ARROW: _BINARY, negotiate.PARQUET: _BINARY}
"""What OpenAPI says of the other representations."""

OFFERED: Final = (negotiate.JSON, negotiate.ARROW, negotiate.PARQUET)
Body = bytes | Iterator[bytes]
Lane = Callable[[Request, Callable[[], tuple[int | None, Body]]], Awaitable[tuple[int | None, Body]]]


async def respond(request: Request, lane: Lane, work: Callable[[], wire.Answer], media: str) -> Response:
    """Run ``work`` in a lane and answer JSON, or an Arrow stream or a Parquet file whose schema holds the receipt.

    The answer is written out in the same turn of the lane: what was charged cannot be refused for want of room. One of
    very many rows is written while it is sent, since its parts are made in no time and never all in memory. What
    names a step of the ladder, answer or error, leaves at that step; waiting holds no worker.
    """
    started = time.monotonic()

    def run() -> tuple[int | None, Body]:
        nonlocal started
        started = time.monotonic()
        answer = work()
        return answer.receipt.response_ms, encode(answer, media)

    try:
        step_ms, body = await lane(request, run)
    except TacitError as error:
        await _until(started, error.extra.get("response_ms"))
        raise
    await _until(started, step_ms)
    if isinstance(body, bytes):
        return Response(body, media_type=media)
    return StreamingResponse(body, media_type=media)


async def _until(started_s: float, step_ms: int | None) -> None:
    """Wait for the step, or for its next multiple when recording the answer took past it."""
    if step_ms is not None:
        past_s = time.monotonic() - started_s
        await asyncio.sleep(math.ceil(past_s * 1000 / step_ms) * step_ms / 1000 - past_s)


def encode(answer: wire.Answer, media: str) -> Body:
    """The answer's bytes, or what makes them part by part."""
    if media == negotiate.JSON:
        if not isinstance(answer.rows, list):  # columns, which look like a list
            from tacit_service.release.bulk import json_parts

            return json_parts(answer)
        return answer.model_dump_json().encode()
    from tacit_service.http import arrow  # pyarrow is loaded by the desks; not before /healthz answers

    return arrow.encode(answer) if media == negotiate.ARROW else arrow.encode_parquet(answer)
