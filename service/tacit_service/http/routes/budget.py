"""Budget: what the caller may still spend."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Query, Request
from fastapi.responses import Response

from tacit import wire
from tacit_service.http import examples, routing
from tacit_service.http.context import caller, context, lookup


async def budget(request: Request) -> Response:
    """An analyst's own accounts; for an owner or auditor, the accounts of the datasets themselves."""
    who, service = caller(request), context(request).service
    accounts = await lookup(request, lambda: service.budget(who))
    return routing.json_response(wire.Budget(analyst=who.name, accounts=accounts))


async def history(
    request: Request,
    dataset: Annotated[str, Query(min_length=1, max_length=63, description="Of this dataset")],
    limit: Annotated[int, Query(ge=1, le=500, description="At most so many charges")] = 100,
) -> Response:
    """What was spent, by day and by release, and what pending charges hold.

    An analyst sees their own account, an owner or auditor the dataset's.
    """
    who, service = caller(request), context(request).service
    return routing.json_response(await lookup(request, lambda: service.spending(who, dataset, limit)))


def register(app: FastAPI) -> None:
    """Add the routes."""
    routing.add(
        app, "GET", "/v1/budget/history", history, summary="Spending over time", model=wire.Spending, fails=(404, 422)
    )
    routing.add(app, "GET", "/v1/budget", budget, summary="What is left", model=wire.Budget, example=examples.BUDGET)
