"""Who the key says you are."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import Response

from tacit_service.http import examples, routing
from tacit_service.http.context import caller, context, lookup
from tacit_service.http.models import Me


async def me(request: Request) -> Response:
    """Name, role, key id and granted datasets of the key in use."""
    who, service = caller(request), context(request).service
    names = await lookup(request, lambda: service.datasets(who))
    return routing.json_response(
        Me(principal=who.name, role=who.role.value, key_id=who.key_id, expires_at=who.expires_at, datasets=names)
    )


def register(app: FastAPI) -> None:
    """Add the route."""
    routing.add(app, "GET", "/v1/me", me, summary="Who you are", model=Me, example=examples.ME)
