"""Answers while the service is still being imported: alive, not ready, and everything else "starting".

From the standard library alone, on the socket that uvicorn takes over: a supervisor that asks ``/healthz`` need not wait
for a framework to load. Each connection gets one answer and is closed. Nothing of a request but its first line is read.
"""

from __future__ import annotations

import contextlib
import json
import selectors
import socket
import threading
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from tacit_service.errors import Overloaded
from tacit_service.http import problems
from tacit_service.http.headers import SECURITY_HEADERS

_CONNECTIONS_MAX: Final = 64
_HEAD_MAX: Final = 16 << 10
_PATIENCE_S: Final = 5.0
_RETRY_AFTER_S: Final = 2
_HEALTH: Final = json.dumps({"status": "starting", "ready": False, "ledger": "unknown"}).encode()


@dataclass
class _Caller:
    """One connection: what came of the head, and until when it may take."""

    sock: socket.socket
    until_s: float
    head: bytes = b""
    answered: bool = False


class Early:
    """Serves a listening socket in a thread of its own until ``stop``, which leaves the socket open for the next."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._wake, self._woken = socket.socketpair()
        self._callers: dict[socket.socket, _Caller] = {}
        self._thread = threading.Thread(target=self._run, name="tacit-early", daemon=True)

    def start(self) -> Early:
        """Begin to answer."""
        self._sock.setblocking(False)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Take no more connections; those that are open get their answer. Safe to call twice."""
        with contextlib.suppress(OSError):
            self._wake.close()
        self._thread.join()

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector, self._woken:
            selector.register(self._sock, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select(timeout=0.5):
                    if key.fileobj is self._woken:
                        self._finish()
                        return
                    if key.fileobj is self._sock:
                        self._accept(selector)
                    else:
                        self._read(self._callers[key.fileobj], selector)  # type: ignore[index]
                now = time.monotonic()
                for caller in [c for c in self._callers.values() if c.until_s < now]:
                    self._drop(caller, selector)

    def _accept(self, selector: selectors.BaseSelector) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._sock.accept()
                if len(self._callers) >= _CONNECTIONS_MAX:
                    sock.close()
                    continue
                sock.setblocking(False)
                self._callers[sock] = _Caller(sock, time.monotonic() + _PATIENCE_S)
                selector.register(sock, selectors.EVENT_READ)

    def _read(self, caller: _Caller, selector: selectors.BaseSelector) -> None:
        try:
            found = caller.sock.recv(_HEAD_MAX)
        except BlockingIOError:
            return
        except OSError:
            found = b""
        if not found:
            self._drop(caller, selector)
        elif not caller.answered:  # what comes after the answer is read away: closing at once would undo it
            caller.head += found
            if b"\r\n\r\n" in caller.head or len(caller.head) >= _HEAD_MAX:
                _answer(caller)

    def _drop(self, caller: _Caller, selector: selectors.BaseSelector) -> None:
        selector.unregister(caller.sock)
        del self._callers[caller.sock]
        caller.sock.close()

    def _finish(self) -> None:
        for caller in self._callers.values():
            if not caller.answered:
                _answer(caller)
            caller.sock.close()


def _answer(caller: _Caller) -> None:
    caller.answered = True
    with contextlib.suppress(OSError):  # they are gone, or read nothing: the answer is a few hundred bytes
        caller.sock.send(response(caller.head))
        caller.sock.shutdown(socket.SHUT_WR)


def response(head: bytes) -> bytes:
    """The whole answer to a request that begins so."""
    line = head.split(b"\r\n", 1)[0].split(b" ")
    method, path = (line[0], line[1].split(b"?", 1)[0]) if line[2:] and line[2].startswith(b"HTTP/") else (b"", b"")
    media, wait = "application/json", ""
    if method in (b"GET", b"HEAD") and path in (b"/healthz", b"/readyz"):
        status, body = (200 if path == b"/healthz" else 503), _HEALTH
    else:
        starting = Overloaded("starting", "The service is starting.", hint="Try again in a few seconds.")
        status, media, body = 503, problems.MEDIA_TYPE, problems.encode(starting)
        wait = f"retry-after: {_RETRY_AFTER_S}\r\n"
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", f"content-type: {media}"]
    lines += [f"content-length: {len(body)}", "connection: close"]
    lines += [f"{name.decode()}: {value.decode()}" for name, value in SECURITY_HEADERS]
    text = "\r\n".join(lines) + f"\r\n{wait}\r\n"
    return text.encode("ascii") + (b"" if method == b"HEAD" else body)
