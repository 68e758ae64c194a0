"""The only way to add a route: its roles come from ``access.roles.ROUTES``, its guard and its OpenAPI from here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from fastapi import Depends, FastAPI, Request
from fastapi.responses import Response
from pydantic import BaseModel

from tacit_service.access.roles import PUBLIC, ROUTES, Role
from tacit_service.errors import Forbidden
from tacit_service.http import problems
from tacit_service.http.context import context, lookup

SECURITY: Final = {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "tacit_…"}}
_PROBLEM_OF_STATUS: Final = {
    400: "The request is malformed",
    401: "No valid API key",
    403: "The role lacks the route, or the budget is exhausted",
    404: "No such thing for this key",
    406: "No such representation",
    409: "It conflicts with what is there: an idempotency key, an account, a key",
    413: "The body is too large",
    415: "The body is not JSON",
    429: "Too many requests of this caller; see Retry-After",
    422: "The statement or a parameter is refused; nothing is charged",
    500: "A fault of the service",
    501: "This installation has no such part",
    503: "Overloaded, starting, or the ledger is unavailable",
    504: "The engine ran out of time; the charge stands",
}


def add(
    app: FastAPI,
    method: str,
    path: str,
    endpoint: Callable[..., Awaitable[Response]],
    *,
    summary: str,
    model: type[BaseModel] | None = None,
    body: type[BaseModel] | None = None,
    examples: dict[str, Any] | None = None,
    example: Any = None,
    headers: list[dict[str, Any]] | None = None,
    media: dict[str, Any] | None = None,
    fails: tuple[int, ...] = (),
) -> None:
    """Add ``endpoint``; ``LookupError`` when nobody has declared who may call it."""
    if (method, path) not in ROUTES:
        raise LookupError(f"no roles are declared for {method} {path} in access.roles.ROUTES")
    roles = ROUTES[method, path]
    extra: dict[str, Any] = {"security": [] if roles is PUBLIC else [{"bearer": []}]}
    if headers:
        extra["parameters"] = headers
    if body is not None:
        schema = {"$ref": f"#/components/schemas/{body.__name__}"}
        content = {"application/json": {"schema": schema, "examples": examples or {}}}
        extra["requestBody"] = {"required": True, "content": content}
    roles_text = "Needs no key." if roles is PUBLIC else f"Roles: {', '.join(sorted(roles))}."
    responses: dict[int | str, dict[str, Any]] = {}
    if documented(app):
        responses = {200: _success(model, example, media), **_failures(fails, public=roles is PUBLIC)}
    app.add_api_route(
        path,
        endpoint,
        methods=[method],
        summary=summary,
        description=f"{(endpoint.__doc__ or '').strip()}\n\n{roles_text}",
        dependencies=[] if roles is PUBLIC else [Depends(guard(roles))],
        responses=responses,
        openapi_extra=extra,
        response_model=None,
        operation_id=f"{method.lower()}_{path.strip('/').replace('/', '_').replace('{', '').replace('}', '')}",
    )


def documented(app: FastAPI) -> bool:
    """Whether an application is there to be described. One that serves has no use for the models of its answers.

    Making their fields takes longer than all else that starting does; so who asks for the OpenAPI document has another
    application made, of the same routes (``app.openapi``).
    """
    return bool(getattr(app.state, "documented", False))


def guard(roles: frozenset[Role]) -> Callable[[Request], Awaitable[None]]:
    """The dependency that authenticates and checks the role, before anything of the request is read."""

    async def check(request: Request) -> None:
        here, path = context(request), request.scope["path"]
        if path == "/metrics" and here.settings.metrics_public:
            return
        asks = request.method == "POST" and not path.startswith("/v1/admin/")
        if asks:
            here.check_room(path)
        values = request.headers.getlist("authorization")
        header = values[0] if len(values) == 1 else None
        principal = await lookup(request, lambda: here.service.authenticate(header))
        request.state.principal = principal
        here.rates.check(principal.name)
        if asks:
            here.check_room(path, principal.name)
        if principal.role not in roles:
            raise Forbidden(
                "forbidden",
                f"The role {principal.role.value} may not do this.",
                hint=f"It takes one of: {', '.join(sorted(roles))}.",
            )

    return check


def json_response(model: BaseModel) -> Response:
    """A wire model as JSON, written by pydantic itself; infinities and NaN become null."""
    return Response(model.model_dump_json(), media_type="application/json")


def _success(model: type[BaseModel] | None, example: Any, media: dict[str, Any] | None) -> dict[str, Any]:
    out: dict[str, Any] = {"description": "Answered"}
    content: dict[str, Any] = dict(media or {})
    if model is not None:
        out["model"] = model
        if example is not None:
            content["application/json"] = {"example": example}
    if content:
        out["content"] = content
    return out


def _failures(statuses: tuple[int, ...], *, public: bool) -> dict[int | str, dict[str, Any]]:
    always = (500,) if public else (401, 403, 429, 500, 503)
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {
            "description": _PROBLEM_OF_STATUS[status],
            "content": {problems.MEDIA_TYPE: {"schema": schema}},
        }
        for status in sorted({*statuses, *always})
    }
