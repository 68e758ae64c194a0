"""Health, readiness, metrics, and the OpenAPI document."""

from __future__ import annotations

import json

from fastapi import FastAPI, Request
from fastapi.responses import Response

from tacit_service.assembly import State
from tacit_service.http import routing
from tacit_service.http.context import context, lookup
from tacit_service.http.models import Health
from tacit_service.telemetry import CONTENT_TYPE


async def _health(request: Request) -> Health:
    here = context(request)
    state = here.service.state
    healthy = None if state is State.STARTING else await lookup(request, here.service.ledger_healthy)
    ready = state is State.READY and healthy is True
    here.metrics.ready.set(ready)
    here.metrics.ledger_healthy.set(healthy is True)
    if state is State.STARTING:
        return Health(status="starting", ready=False, ledger="unknown")
    ledger = "unknown" if healthy is None else "healthy" if healthy else "unhealthy"
    return Health(status="ok" if ready else "unhealthy", ready=ready, ledger=ledger)


def _respond(health: Health, *, good: bool) -> Response:
    return Response(health.model_dump_json(), status_code=200 if good else 503, media_type="application/json")


async def healthz(request: Request) -> Response:
    """Whether the process is alive and its ledger can promise durability; 503 when it cannot."""
    health = await _health(request)
    return _respond(health, good=health.status != "unhealthy")


async def readyz(request: Request) -> Response:
    """Whether questions are answered now; 503 while starting and when unhealthy."""
    health = await _health(request)
    return _respond(health, good=health.ready)


async def metrics(request: Request) -> Response:
    """Prometheus text: counts by route and status, problem codes, latency buckets. Never names, SQL or values."""
    here = context(request)
    await _health(request)
    return Response(here.metrics.render(), headers={"content-type": CONTENT_TYPE})


async def openapi(request: Request) -> Response:
    """This document."""
    return Response(json.dumps(request.app.openapi()), media_type="application/json")


def register(app: FastAPI) -> None:
    """Add the routes."""
    routing.add(app, "GET", "/healthz", healthz, summary="Alive", model=Health, fails=(503,))
    routing.add(app, "GET", "/readyz", readyz, summary="Ready", model=Health, fails=(503,))
    routing.add(
        app,
        "GET",
        "/metrics",
        metrics,
        summary="Prometheus metrics",
        media={"text/plain": {"schema": {"type": "string"}}},
    )
    routing.add(app, "GET", "/v1/openapi.json", openapi, summary="This document")
