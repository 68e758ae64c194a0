"""Releases that the caller holds; reading one again costs nothing."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Query, Request
from fastapi.responses import Response

from tacit import wire
from tacit_service.assembly import RELEASES_LISTED_MAX
from tacit_service.http import answers, examples, negotiate, routing
from tacit_service.http.context import caller, context, lookup
from tacit_service.http.models import ReleaseItem, ReleaseList
from tacit_service.protocols import Listed


async def releases(
    request: Request,
    dataset: Annotated[str | None, Query(max_length=63, description="Only of this dataset")] = None,
    limit: Annotated[int, Query(ge=1, le=RELEASES_LISTED_MAX, description="At most so many")] = 50,
) -> Response:
    """The caller's own releases, newest first."""
    who, service = caller(request), context(request).service
    items = await lookup(request, lambda: [_item(listed) for listed in service.releases(who, dataset, limit)])
    return routing.json_response(ReleaseList(releases=items))


async def release(request: Request, release_id: str) -> Response:
    """One release, as it was first answered: the same noise, no charge.

    With `Accept: application/vnd.apache.arrow.stream`, as an Arrow stream; with `application/vnd.apache.parquet`, as a file.
    """
    who, service = caller(request), context(request).service
    media = negotiate.choose(request, answers.OFFERED)
    return await answers.respond(request, lookup, lambda: service.release(who, release_id), media)


def _item(listed: Listed) -> ReleaseItem:
    epsilon, delta = listed.charged
    return ReleaseItem(
        release_id=listed.release_id,
        dataset=listed.dataset,
        created_at=listed.created_at,
        sql=listed.sql,
        charged=wire.Spend(epsilon=epsilon, delta=delta),
    )


def register(app: FastAPI) -> None:
    """Add the routes."""
    routing.add(
        app,
        "GET",
        "/v1/releases",
        releases,
        summary="Releases held",
        model=ReleaseList,
        example=examples.RELEASES,
        fails=(404, 422),
    )
    routing.add(
        app,
        "GET",
        "/v1/releases/{release_id}",
        release,
        summary="A release again, free",
        model=wire.Answer,
        example=examples.ANSWER,
        media=answers.MEDIA,
        fails=(404, 406),
    )
