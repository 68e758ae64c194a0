"""Training jobs: quote, submit, watch, cancel, and fetch the model with its card."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Annotated

from fastapi import FastAPI, Query, Request
from fastapi.responses import Response

from tacit import wire
from tacit_service.access.gatekeeper import Principal
from tacit_service.assembly import Service
from tacit_service.errors import NotFound, NotInstalled
from tacit_service.http import body, examples, negotiate, routing
from tacit_service.http.context import caller, context, lookup, question
from tacit_service.http.routes.queries import KEY_PARAMETER

if TYPE_CHECKING:
    from tacit_service.training.room import TrainingDesk

SAFETENSORS = "application/vnd.safetensors"
LISTED_MAX = 200


async def _read(request: Request) -> wire.TrainingRequest:
    limits = context(request).settings
    return await body.read(
        request, wire.TrainingRequest, bytes_max=limits.body_bytes_max, timeout_s=limits.body_timeout_s
    )


def _desk(service: Service, who: Principal, dataset: str) -> TrainingDesk:
    """The desk of a dataset that is granted."""
    return service.training().desk(service.desk(who, dataset).name)


def _desks(service: Service, who: Principal) -> list[TrainingDesk]:
    room = service.training()
    found = []
    for name in service.datasets(who):
        with contextlib.suppress(NotInstalled):  # a dataset whose rows are not in files has no jobs
            found.append(room.desk(name))
    return found


def find_job(service: Service, who: Principal, job_id: str) -> tuple[TrainingDesk, wire.TrainingJob]:
    """One of the caller's jobs, and the desk that it is on; the same ``NotFound`` for everything else."""
    for desk in _desks(service, who):
        with contextlib.suppress(NotFound):
            return desk, desk.job(who.name, job_id)
    raise NotFound("not_found", "No training job of this id is yours.", hint="GET /v1/training-jobs lists your jobs.")


async def quote(request: Request) -> Response:
    """Price and parameters of a run, from public facts alone. Costs nothing and touches no data."""
    asked, who, service = await _read(request), caller(request), context(request).service
    return routing.json_response(
        await question(request, lambda: _desk(service, who, asked.dataset).quote(who.name, asked))
    )


async def submit(request: Request) -> Response:
    """Charge the whole run, durably, and enqueue it. With `Idempotency-Key`, repeated requests make one job."""
    who, service = caller(request), context(request).service
    key = negotiate.idempotency_key(request)
    asked = await _read(request)
    return routing.json_response(
        await question(request, lambda: _desk(service, who, asked.dataset).submit(who.name, asked, key))
    )


async def jobs(
    request: Request,
    dataset: Annotated[str | None, Query(max_length=63, description="Only of this dataset")] = None,
    limit: Annotated[int, Query(ge=1, le=LISTED_MAX, description="At most so many")] = 50,
) -> Response:
    """The caller's own jobs, newest first."""
    who, service = caller(request), context(request).service

    def find() -> list[wire.TrainingJob]:
        desks = _desks(service, who) if dataset is None else [_desk(service, who, dataset)]
        found = [job for desk in desks for job in desk.jobs(who.name, limit)]
        return sorted(found, key=lambda job: job.created_at, reverse=True)[:limit]

    return routing.json_response(wire.TrainingJobList(jobs=await lookup(request, find)))


async def job(request: Request, job_id: str) -> Response:
    """One of the caller's jobs: its status, and how many steps it has begun."""
    who, service = caller(request), context(request).service
    return routing.json_response(await lookup(request, lambda: find_job(service, who, job_id)[1]))


async def cancel(request: Request, job_id: str) -> Response:
    """Stop a job. A queued one costs nothing; a running one is charged for the steps that it began."""
    who, service = caller(request), context(request).service
    return routing.json_response(
        await lookup(request, lambda: find_job(service, who, job_id)[0].cancel(who.name, job_id))
    )


async def model(request: Request, job_id: str) -> Response:
    """The model's tensors, in safetensors. The card says what they mean."""
    who, service = caller(request), context(request).service
    found = await lookup(request, lambda: find_job(service, who, job_id)[0].model(who.name, job_id))
    return Response(found, media_type=SAFETENSORS)


async def card(request: Request, job_id: str) -> Response:
    """What the model is, and what was promised while it was made."""
    who, service = caller(request), context(request).service
    return routing.json_response(
        await lookup(request, lambda: find_job(service, who, job_id)[0].card(who.name, job_id))
    )


def register(app: FastAPI) -> None:
    """Add the routes."""
    fails = (400, 404, 413, 415, 422, 501)
    asked = {"body": wire.TrainingRequest, "examples": examples.TRAINING_REQUESTS}
    routing.add(
        app, "POST", "/v1/training-quotes", quote, summary="What a training run would cost",
        model=wire.TrainingQuote, example=examples.TRAINING_QUOTE, fails=fails, **asked,  # type: ignore[arg-type]
    )  # fmt: skip
    routing.add(
        app, "POST", "/v1/training-jobs", submit, summary="Train a model, and be charged",
        model=wire.TrainingJob, example=examples.TRAINING_JOB, headers=[KEY_PARAMETER], fails=(*fails, 409),
        **asked,  # type: ignore[arg-type]
    )  # fmt: skip
    routing.add(
        app, "GET", "/v1/training-jobs", jobs, summary="Training jobs of the caller", model=wire.TrainingJobList,
        example={"jobs": [examples.TRAINING_JOB]}, fails=(404, 422, 501),
    )  # fmt: skip
    one = "/v1/training-jobs/{job_id}"
    routing.add(
        app, "GET", one, job, summary="One training job", model=wire.TrainingJob, example=examples.TRAINING_JOB,
        fails=(404, 501),
    )  # fmt: skip
    routing.add(
        app, "DELETE", one, cancel, summary="Stop a training job; it stays on the list", model=wire.TrainingJob,
        example=examples.TRAINING_JOB, fails=(404, 501),
    )  # fmt: skip
    routing.add(
        app, "POST", f"{one}/cancel", cancel, summary="Stop a training job", model=wire.TrainingJob,
        example=examples.TRAINING_JOB, fails=(404, 501),
    )  # fmt: skip
    routing.add(
        app, "GET", f"{one}/model", model, summary="The model",
        media={SAFETENSORS: {"schema": {"type": "string", "format": "binary"}}}, fails=(404, 409, 501),
    )  # fmt: skip
    routing.add(
        app, "GET", f"{one}/card", card, summary="The model's card", model=wire.ModelCard,
        example=examples.MODEL_CARD, fails=(404, 409, 501),
    )  # fmt: skip
