"""The browser console: one page and its files, the same for everybody. They hold no data; the key is typed in later."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import FastAPI, Request
from fastapi.responses import Response

from tacit_service.console import ASSETS, asset, page
from tacit_service.http import routing

_HTML: Final = "text/html; charset=utf-8"


async def index() -> Response:
    """The console's page; its content security policy allows the console's own files and nothing else."""
    body, policy = page(secrets.token_urlsafe(16))
    return Response(body, media_type=_HTML, headers={"content-security-policy": policy})


def _serve(name: str) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        """A file of the console, the same for everybody."""
        found = asset(name)
        # "no-cache" asks each time but answers 304: with several processes, a page never meets another version's script.
        headers = {"etag": found.etag, "cache-control": "no-cache", "vary": "accept-encoding"}
        if request.headers.get("if-none-match") == found.etag:
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(found.gzipped, media_type=found.media_type, headers={**headers, "content-encoding": "gzip"})
        return Response(found.body, media_type=found.media_type, headers=headers)

    return serve


def register(app: FastAPI) -> None:
    """Add the routes."""
    routing.add(app, "GET", "/", index, summary="The browser console", media={"text/html": {}})
    for name, media_type in ASSETS.items():
        media = media_type.partition(";")[0]
        routing.add(app, "GET", f"/console/{name}", _serve(name), summary=f"The console's {name}", media={media: {}})
