"""The outermost ring: security headers, request ids, metrics, one log line a request, and the last catch.

Written as plain ASGI so that nothing of a response is buffered and no exception passes it: past this ring an exception
would reach the server's own log with its text.
"""

from __future__ import annotations

import logging
import secrets
import time
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tacit_service.http import problems
from tacit_service.http.headers import SECURITY_HEADERS
from tacit_service.telemetry import Metrics, log, places

UNROUTED: Final = "unrouted"
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
                await self._app(scope, exchange.receive, exchange.send)
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
            if self._body_pending:
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
        error = problems.internal(self.request_id)
        self.scope["state"]["code"] = error.code
        body = problems.encode(error)
        head = [(b"content-type", problems.MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
        await self.send({"type": "http.response.start", "status": 500, "headers": head})
        await self.send({"type": "http.response.body", "body": body})
