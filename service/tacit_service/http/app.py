"""The application: routes, error handlers, the outer ring. Nothing is decided here."""

from __future__ import annotations

import logging
from importlib.metadata import version
from typing import Any, Final, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from tacit import wire
from tacit_service.assembly import Service
from tacit_service.errors import Overloaded, TacitError
from tacit_service.http import problems, routing
from tacit_service.http.context import Context
from tacit_service.http.edge import Edge
from tacit_service.http.problems import EdgeError
from tacit_service.http.routes import register
from tacit_service.http.routes.admin import BODIES as ADMIN_BODIES
from tacit_service.http.routes.policies import BODIES as POLICY_BODIES
from tacit_service.settings import Settings
from tacit_service.telemetry import log, places

_DESCRIPTION: Final = (
    "SQL in, private answer out, budget charged. Every number of an answer is differentially private and comes with a "
    "95 % interval; every refusal says what to change. Amounts of ε and δ are decimal strings."
)


def create_app(service: Service, settings: Settings) -> FastAPI:
    """The ASGI application over a service, which may still be starting."""
    app = FastAPI(
        title="Tacit",
        version=version("tacit"),
        description=_DESCRIPTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    here = Context.make(service, settings)
    app.state.context = here
    register(app)
    app.add_exception_handler(TacitError, _tacit_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _parameter_error)
    app.add_middleware(Edge, metrics=here.metrics)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _answer(request: Request, error: TacitError) -> Response:
    settings: Settings = request.app.state.context.settings
    request.state.code = error.code
    return Response(
        problems.encode(error),
        status_code=problems.status_of(error),
        media_type=problems.MEDIA_TYPE,
        headers=problems.headers(error, settings.retry_after_s),
    )


async def _tacit_error(request: Request, error: Exception) -> Response:
    error = cast(TacitError, error)
    if type(error) is TacitError:  # an invariant of our own that did not hold; its text is for the log of its authors
        log("fault", level=logging.ERROR, request_id=request.state.request_id, code=error.code, where=places(error))
        return _answer(request, problems.internal(request.state.request_id))
    if problems.status_of(error) >= 500 and not isinstance(error, EdgeError | Overloaded):  # shedding is counted
        log("service_error", level=logging.ERROR, request_id=request.state.request_id, code=error.code)
    return _answer(request, error)


async def _http_error(request: Request, error: Exception) -> Response:
    """Errors of the framework: no route, another method."""
    error = cast(HTTPException, error)
    if error.status_code == 405:
        allow = [name.strip() for name in (error.headers or {}).get("Allow", "").split(",") if name.strip()]
        return _answer(request, EdgeError("method_not_allowed", "This path has other methods.", allow=allow))
    if error.status_code == 404:
        return _answer(request, EdgeError("not_found", "There is nothing at this path.", hint="GET /v1/openapi.json"))
    return _answer(request, EdgeError("invalid_request", "The request was not understood."))


async def _parameter_error(request: Request, error: Exception) -> Response:
    """A path or query parameter that does not fit; named, never echoed."""
    error = cast(RequestValidationError, error)
    fields = [
        {"field": str(item["loc"][-1]), "reason": item["msg"] + "."}
        for item in error.errors()
        if item["loc"] and item["loc"][0] in ("path", "query")
    ]
    detail = f"{fields[0]['field']}: {fields[0]['reason']}" if fields else "The request was not understood."
    return _answer(request, EdgeError("invalid_request", detail, fields=fields))


def _openapi(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, with the models that routes read and refuse by hand."""
    if app.openapi_schema is None:
        described = FastAPI()
        described.state.documented = True
        register(described)
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=described.routes
        )
        components = document.setdefault("components", {})
        schemas = components.setdefault("schemas", {})
        for model in (
            wire.QueryRequest,
            wire.TrainingRequest,
            wire.PredictionRequest,
            wire.Problem,
            *ADMIN_BODIES,
            *POLICY_BODIES,
        ):
            schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(schema.pop("$defs", {}))
            schemas[model.__name__] = schema
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        for path in document["paths"].values():
            for operation in path.values():
                # FastAPI documents its own validation error, which this service answers as a problem.
                failure = operation.get("responses", {}).get("422", {})
                if "application/json" in failure.get("content", {}):
                    operation["responses"].pop("422")
        components["securitySchemes"] = routing.SECURITY
        app.openapi_schema = document
    return app.openapi_schema
