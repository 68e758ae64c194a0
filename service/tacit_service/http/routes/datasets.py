"""Datasets: those granted, and their public facts."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import Response

from tacit import wire
from tacit_service.http import examples, routing
from tacit_service.http.context import caller, context, lookup


async def datasets(request: Request) -> Response:
    """The datasets granted to this key."""
    who, service = caller(request), context(request).service
    names = await lookup(request, lambda: service.datasets(who))
    return routing.json_response(wire.DatasetList(datasets=names))


async def dataset(request: Request, name: str) -> Response:
    """What the policy makes public: tables, columns, types, bounds, keys, caps. Never a row count."""
    who, service = caller(request), context(request).service
    facts = await lookup(request, lambda: service.desk(who, name).facts())
    return routing.json_response(facts)


def register(app: FastAPI) -> None:
    """Add the routes."""
    routing.add(
        app,
        "GET",
        "/v1/datasets",
        datasets,
        summary="Datasets granted",
        model=wire.DatasetList,
        example=examples.DATASETS,
    )
    routing.add(
        app,
        "GET",
        "/v1/datasets/{name}",
        dataset,
        summary="Public facts of a dataset",
        model=wire.DatasetFacts,
        example=examples.FACTS,
        fails=(404,),
    )
