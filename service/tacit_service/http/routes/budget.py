"""Budget: what the caller may still spend."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import Response

from tacit import wire
from tacit_service.http import examples, routing
from tacit_service.http.context import caller, context, lookup


async def budget(request: Request) -> Response:
    """An analyst's own accounts; for an owner or auditor, the accounts of the datasets themselves."""
    who, service = caller(request), context(request).service
    accounts = await lookup(request, lambda: service.budget(who))
    return routing.json_response(wire.Budget(analyst=who.name, accounts=accounts))


def register(app: FastAPI) -> None:
    """Add the route."""
    routing.add(app, "GET", "/v1/budget", budget, summary="What is left", model=wire.Budget, example=examples.BUDGET)
