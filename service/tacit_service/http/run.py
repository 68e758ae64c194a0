"""A service's life in the foreground: bind, answer at once, open behind, wait for a signal, close everything."""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Final

from tacit_service.assembly import Service, State
from tacit_service.http.app import create_app
from tacit_service.http.early import Early
from tacit_service.http.server import Server
from tacit_service.settings import Settings
from tacit_service.telemetry import log

_OPENING_GRACE_S: Final = 5.0
_SWITCH_S: Final = 0.0001
"""A refusal changes threads some thirty times. By Python's own 5 ms, each change could wait so long for a release's arithmetic."""
_COLLECTED: Final = (10_000, 20, 20)
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Stopped(BaseException):
    """Raised in the main thread by the first signal to end, wherever it is; cleaning up is ``finally``'s work."""


def stop_on_signals() -> None:
    """From now on a signal to end raises ``Stopped``; a second one ends the process on the spot."""
    stopping = False

    def handle(number: int, _: FrameType | None) -> None:
        nonlocal stopping
        if stopping:
            os._exit(128 + number)  # child processes end when their pipes close
        stopping = True
        raise Stopped(signal.Signals(number).name)

    for number in _SIGNALS:
        signal.signal(number, handle)


class Running:
    """A service and its server, from the first answered request to the last. A context manager.

    ``early`` answered on the socket until now, and stops.
    """

    def __init__(self, service: Service, sock: socket.socket, settings: Settings, early: Early | None = None) -> None:
        self.service = service
        self._early = early
        app = create_app(service, settings)
        self._closing = app.state.context.closing
        self._server = Server(app, sock, settings)
        self._server_died = threading.Event()
        self._server.on_failure = self._server_died.set

    def __enter__(self) -> Running:
        sys.setswitchinterval(_SWITCH_S)
        if self._early is not None:
            self._early.stop()
        self._server.start()
        self.service.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.stop()
        self.service.close()
        # What is being opened now finds the service closed, and closes itself; give it that much time.
        self.service.wait(_OPENING_GRACE_S)

    def wait_ready(self) -> None:
        """Return when questions are answered; raise what opening raised."""
        if self.service.wait() is not State.READY:
            raise self.service.failure or RuntimeError("the service did not open")

    def wait_for_the_end(self) -> None:
        """Wait for a signal, which raises ``Stopped``; ``RuntimeError`` when the server dies first."""
        self._server_died.wait()
        raise RuntimeError("the HTTP server died")


def keep_what_is_loaded() -> None:
    """Modules, models and desks stay to the end of the process: to look through them for garbage would stop everybody for long."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTED)


def serve(
    service: Service, sock: socket.socket, settings: Settings, on_ready: Callable[[], None], early: Early | None = None
) -> None:
    """Serve until a signal; returns after everything is closed."""
    host, port = sock.getsockname()[:2]
    try:
        with Running(service, sock, settings, early) as running:
            log("listening", host=host, port=port)
            running.wait_ready()
            keep_what_is_loaded()
            log("ready", host=host, port=port)
            on_ready()
            running.wait_for_the_end()
    except Stopped as stopped:
        log("stopped", signal=str(stopped))
