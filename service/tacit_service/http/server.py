"""The HTTP server: uvicorn on a socket that is bound first, with clients that dawdle cut off.

uvicorn limits idle keep-alive connections only. ``Protocol`` adds what a public port needs: a time to send the headers,
a time to read the answer, a number of connections, and problems instead of plain text for what never becomes a request.
"""

from __future__ import annotations

import asyncio
import http
import logging
import socket
import threading
from collections.abc import Callable
from typing import Any, Final

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from tacit_service.errors import Overloaded
from tacit_service.http import problems
from tacit_service.http.headers import SECURITY_HEADERS
from tacit_service.http.problems import EdgeError
from tacit_service.settings import Settings
from tacit_service.telemetry import log

_READY_TIMEOUT_S: Final = 10.0


class Protocol(H11Protocol):
    """One connection. Subclassed by ``protocol_for`` with the limits of the settings."""

    head_timeout_s: float = 10.0
    write_timeout_s: float = 30.0
    connections_max: int = 512
    retry_after_s: int = 2
    _head_timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept, or refuse when there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.connections_max:
            error = Overloaded("overloaded", "Too many connections.", hint="Try again later.")
            transport.write(_raw(503, error, {"Retry-After": str(self.retry_after_s)}))
            transport.close()
            return
        self._watch_head()

    def data_received(self, data: bytes) -> None:
        """Feed the parser; the clock runs while a request's head is incomplete."""
        super().data_received(data)
        self._watch_head()

    def on_response_complete(self) -> None:
        """Begin the next head's time when a pipelined head is half there; idle time is uvicorn's own to limit."""
        super().on_response_complete()
        if self.conn.trailing_data[0]:
            self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clocks."""
        self._stop_head()
        self.resume_writing()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client does not read: give it so long."""
        super().pause_writing()
        if self._write_timer is None:
            self._write_timer = self.loop.call_later(self.write_timeout_s, self.transport.abort)

    def resume_writing(self) -> None:
        """The client reads again."""
        super().resume_writing()
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's text is replaced by a problem
        """Answer a problem to bytes that are not a request."""
        self._stop_head()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE) and not self.transport.is_closing():
            error = EdgeError("invalid_http", "The bytes received are not an HTTP request within the limits.")
            self.transport.write(_raw(400, error))
        self.transport.close()

    def _watch_head(self) -> None:
        if self.conn.their_state is not h11.IDLE or self.transport.is_closing():
            self._stop_head()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_timeout_s, self._cut)

    def _stop_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _cut(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self.transport.write(_raw(408, EdgeError("request_timeout", "The headers did not arrive in time.")))
            self.transport.close()


def _raw(status: int, error: Any, extra: dict[str, str] | None = None) -> bytes:
    """A whole response, for connections that have no request to answer."""
    body = problems.encode(error)
    lines = [f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}"]
    lines += [f"content-type: {problems.MEDIA_TYPE}", f"content-length: {len(body)}", "connection: close"]
    lines += [f"{name.decode()}: {value.decode()}" for name, value in SECURITY_HEADERS]
    lines += [f"{name}: {value}" for name, value in (extra or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii") + body


def protocol_for(settings: Settings) -> type[Protocol]:
    """``Protocol`` with the limits of the settings."""
    limits = {
        "head_timeout_s": settings.head_timeout_s,
        "write_timeout_s": settings.write_timeout_s,
        "connections_max": settings.connections_max,
        "retry_after_s": settings.retry_after_s,
    }
    return type("LimitedProtocol", (Protocol,), limits)


class Server:
    """uvicorn in a thread of its own, so that signals stay with the main thread and shutdown has one place."""

    def __init__(self, app: ASGIApp, sock: socket.socket, settings: Settings) -> None:
        self._sock = sock
        self._uvicorn = uvicorn.Server(
            uvicorn.Config(
                app,
                loop="asyncio",
                http=protocol_for(settings),
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                backlog=256,
                timeout_keep_alive=settings.keep_alive_s,
                timeout_graceful_shutdown=settings.shutdown_s,
                h11_max_incomplete_event_size=settings.head_bytes_max,
            )
        )
        self._thread = threading.Thread(target=self._run, name="tacit-http", daemon=True)
        self.failure: BaseException | None = None
        self.on_failure: Callable[[], None] | None = None

    def _run(self) -> None:
        try:
            self._uvicorn.run(sockets=[self._sock])
        except BaseException as error:
            self.failure = error
            log("server_failed", level=logging.ERROR, error=type(error).__name__)
        if not self._uvicorn.should_exit and self.on_failure is not None:
            self.on_failure()

    def start(self) -> None:
        """Begin to answer; returns when the loop runs."""
        self._thread.start()
        waited = threading.Event()
        for _ in range(int(_READY_TIMEOUT_S / 0.01)):
            if self._uvicorn.started or not self._thread.is_alive():
                break
            waited.wait(0.01)
        if not self._uvicorn.started:
            raise RuntimeError("the HTTP server did not start")

    def stop(self) -> None:
        """Stop accepting, let running requests end within the settings' time, and return."""
        self._uvicorn.should_exit = True
        if self._thread.is_alive():
            self._thread.join()
        self._sock.close()
