"""What each stable problem code means; a problem's ``type`` leads here."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.responses import Response

from tacit_service.http import routing
from tacit_service.http.catalogue import CATALOGUE, described
from tacit_service.http.models import ProblemType, ProblemTypes
from tacit_service.http.problems import EdgeError


async def problem(code: str) -> Response:
    """The meaning of one code, and whether a charge may stand when it is answered."""
    found = described(code)
    if found is None:
        raise EdgeError("not_found", "No problem has this code.", hint="GET /v1/problems lists them.")
    return routing.json_response(found)


async def problems() -> Response:
    """Every stable code."""
    listed = [found for found in map(described, sorted(CATALOGUE)) if found is not None]
    return routing.json_response(ProblemTypes(problems=listed))


def register(app: FastAPI) -> None:
    """Add the routes."""
    routing.add(app, "GET", "/v1/problems", problems, summary="Problem codes", model=ProblemTypes)
    routing.add(
        app, "GET", "/v1/problems/{code}", problem, summary="Meaning of a problem code", model=ProblemType, fails=(404,)
    )
