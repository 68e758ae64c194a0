"""The outermost ring: security headers, request ids, metrics, one log line a request, and the last catch.

Written as plain ASGI so that nothing of a response is buffered and no exception passes it: past this ring an exception
would reach the server's own log with its text.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Sequence
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tacit_service.http import problems
from tacit_service.http.headers import SECURITY_HEADERS
from tacit_service.telemetry import Metrics, log, places

UNROUTED: Final = "unrouted"
_HOST: Final = re.compile(rb"[A-Za-z0-9._~%!$&'()*+,;=:\[\]-]*\Z")
_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


class Edge:
    """ASGI middleware; see the module."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, receive, send)
        with self._metrics.in_flight.track_inprogress():
            try:
                ambiguous = _ambiguous(scope)
                if ambiguous is None:
                    await self._app(scope, exchange.receive, exchange.send)
                else:
                    await exchange.refuse(problems.EdgeError("invalid_http", ambiguous))
            except Exception as error:
                log(
                    "fault",
                    level=logging.ERROR,
                    request_id=exchange.request_id,
                    error=type(error).__name__,
                    where=places(error),
                )
                await exchange.fail()
        self._observe(exchange)

    def _observe(self, exchange: _Exchange) -> None:
        scope = exchange.scope
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        route = getattr(scope.get("route"), "path", UNROUTED)
        seconds = time.perf_counter() - exchange.started_s
        self._metrics.requests.labels(method, route, str(exchange.status)).inc()
        self._metrics.latency.labels(route).observe(seconds)
        state = scope.get("state", {})
        code = state.get("code")
        if code is not None:
            self._metrics.problems.labels(code).inc()
        principal = state.get("principal")
        log(
            "request",
            request_id=exchange.request_id,
            method=method,
            route=route,
            status=exchange.status,
            code=code,
            duration_ms=round(seconds * 1000, 1),
            bytes_out=exchange.bytes_out,
            principal=None if principal is None else principal.name,
            key_id=None if principal is None else principal.key_id,
        )


def _ambiguous(scope: Scope) -> str | None:
    """What a proxy before us might read in another way than we do: such a request is answered, and its connection closed."""
    if scope["http_version"] not in ("1.0", "1.1"):
        return "The version of HTTP is neither 1.0 nor 1.1."
    names = {name for name, _ in scope["headers"]}
    if {b"transfer-encoding", b"content-length"} <= names:
        return "Transfer-Encoding and Content-Length are both given."
    if not all(_HOST.match(value) for name, value in scope["headers"] if name == b"host"):
        return "The header Host is not the name of a host."
    return None


class _Exchange:
    """One request and its response, as seen from outside."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.request_id = secrets.token_hex(8)
        self.started_s = time.perf_counter()
        self.status = 0
        self.bytes_out = 0
        self._receive = receive
        self._send = send
        self._body_pending = any(
            name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0") != b"")
            for name, value in scope["headers"]
        )
        scope.setdefault("state", {})["request_id"] = self.request_id

    async def receive(self) -> Message:
        """Pass on, and note when the body has been read to its end."""
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            self._body_pending = False
        return message

    async def send(self, message: Message) -> None:
        """Pass on, with the headers that every response carries."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = list(message.get("headers", []))
            present = {name.lower() for name, _ in headers}
            headers += [pair for pair in SECURITY_HEADERS if pair[0] not in present]
            headers.append((b"x-request-id", self.request_id.encode()))
            if self._body_pending and b"connection" not in present:
                # A body that nobody will read keeps the connection busy for as long as its sender likes.
                headers.append((b"connection", b"close"))
            message = {**message, "headers": headers}
        elif message["type"] == "http.response.body":
            self.bytes_out += len(message.get("body", b""))
        await self._send(message)

    async def fail(self) -> None:
        """Answer 500, when no answer has begun."""
        if self.status:
            self.status = 500
            return
        await self._problem(problems.internal(self.request_id))

    async def refuse(self, error: problems.EdgeError) -> None:
        """Answer what is no request to pass on; nothing more is read from this connection."""
        await self._problem(error, [(b"connection", b"close")])

    async def _problem(self, error: problems.EdgeError, more: Sequence[tuple[bytes, bytes]] = ()) -> None:
        self.scope["state"]["code"] = error.code
        body = problems.encode(error)
        head = [(b"content-type", problems.MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode()), *more]
        status = problems.status_of(error)
        await self.send({"type": "http.response.start", "status": status, "headers": head})
        await self.send({"type": "http.response.body", "body": b"" if self.scope["method"] == "HEAD" else body})
