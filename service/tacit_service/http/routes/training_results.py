"""What a training job tells while it runs, and what it leaves: events, artifacts, predictions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import FastAPI, Query, Request
from fastapi.responses import Response, StreamingResponse

from tacit import wire
from tacit_service.errors import Overloaded
from tacit_service.http import body, examples, routing
from tacit_service.http.context import Context, caller, context, lookup, question
from tacit_service.http.routes.training import find_job

EVENTS = "text/event-stream"
EVENT: Final = {
    "type": "object",
    "description": "An event of the stream: data is the job as JSON; the event named end is the last",
    "properties": {"event": {"type": "string"}, "data": {"type": "string"}},
}
_POLL_S: Final = 0.5
_QUIET_S: Final = 15.0
"""After so long without news a comment is sent, so that proxies and clients know that the stream lives."""

_OVER: Final = ("succeeded", "failed", "cancelled")


async def events(
    request: Request,
    job_id: str,
    seconds: Annotated[
        float, Query(ge=0, le=86_400, description="Close the stream after so long; clients connect again")
    ] = 3600.0,
) -> Response:
    """The job, as server-sent events: `progress` with each change, `end` when it is over. Each holds the whole job.

    Nothing in it depends on data: steps, and the ε that they cost at most.
    """
    here = context(request)
    first = await _look(request, job_id)
    if here.streams >= here.settings.training_streams_max:
        raise Overloaded(
            "overloaded", "Too many streams of events are open.", hint=f"Poll GET /v1/training-jobs/{first.id}.",
            retry_after_s=here.settings.retry_after_s,
        )  # fmt: skip
    until = time.monotonic() + min(seconds, here.settings.training_stream_s_max)
    return StreamingResponse(_stream(request, here, first, until), media_type=EVENTS)


async def _look(request: Request, job_id: str) -> wire.TrainingJob:
    """The job, if the caller's key still holds: it may be revoked while a stream is open."""
    here, who, header = context(request), caller(request), request.headers.get("authorization")

    def find() -> wire.TrainingJob:
        here.service.authenticate(header)
        return find_job(here.service, who, job_id)[1]

    return await lookup(request, find)


async def _stream(request: Request, here: Context, job: wire.TrainingJob, until: float) -> AsyncIterator[bytes]:
    here.streams += 1
    try:
        yield b"retry: 2000\n\n" + _event(job)
        told = time.monotonic()
        while job.status not in _OVER and time.monotonic() < until and not here.closing.is_set():
            await asyncio.sleep(_POLL_S)
            try:
                found = await _look(request, job.id)
            except Overloaded:
                continue
            except Exception:
                return  # the key was revoked, or the ledger is unavailable: the next connection says which
            if found != job:
                job, told = found, time.monotonic()
                yield _event(job)
            elif time.monotonic() - told > _QUIET_S:
                told = time.monotonic()
                yield b": nothing new\n\n"
    finally:
        here.streams -= 1


def _event(job: wire.TrainingJob) -> bytes:
    name = "end" if job.status in _OVER else "progress"
    return f"event: {name}\ndata: {job.model_dump_json()}\n\n".encode()


async def artifacts(request: Request, job_id: str) -> Response:
    """The files that the job made, by name, with their sizes and digests."""
    who, service = caller(request), context(request).service

    def find() -> wire.ArtifactList:
        return wire.ArtifactList(artifacts=find_job(service, who, job_id)[0].artifacts(who.name, job_id))

    return routing.json_response(await lookup(request, find))


async def artifact(request: Request, job_id: str, name: str) -> Response:
    """One file, by its name in the list."""
    who, service = caller(request), context(request).service
    content, kind = await lookup(request, lambda: find_job(service, who, job_id)[0].artifact(who.name, job_id, name))
    return Response(content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


async def predictions(request: Request, job_id: str) -> Response:
    """The model's answer to each row. Costs nothing: the model is released, the rows are the caller's own."""
    limits, who, service = context(request).settings, caller(request), context(request).service
    asked = await body.read(
        request, wire.PredictionRequest, bytes_max=limits.body_bytes_max, timeout_s=limits.body_timeout_s
    )
    found = await question(request, lambda: find_job(service, who, job_id)[0].predict(who.name, job_id, asked))
    return routing.json_response(found)


def register(app: FastAPI) -> None:
    """Add the routes."""
    one = "/v1/training-jobs/{job_id}"
    binary = {"schema": {"type": "string", "format": "binary"}}
    routing.add(
        app, "GET", f"{one}/events", events, summary="Progress of a training job",
        media={EVENTS: {"schema": EVENT}}, fails=(404, 422, 501),
    )  # fmt: skip
    routing.add(
        app, "GET", f"{one}/artifacts", artifacts, summary="What a training job made", model=wire.ArtifactList,
        example={"artifacts": [examples.ARTIFACT]}, fails=(404, 409, 501),
    )  # fmt: skip
    routing.add(
        app, "GET", f"{one}/artifacts/{{name}}", artifact, summary="One file of a training job",
        media={"application/octet-stream": binary}, fails=(404, 409, 501),
    )  # fmt: skip
    routing.add(
        app, "POST", f"{one}/predictions", predictions, summary="Apply a model to rows", model=wire.Predictions,
        body=wire.PredictionRequest, example=examples.PREDICTIONS, examples=examples.PREDICTION_REQUESTS,
        fails=(400, 404, 409, 413, 415, 422, 501),
    )  # fmt: skip
