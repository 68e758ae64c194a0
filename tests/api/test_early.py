"""Before anything heavy is imported: alive, not ready; then the same socket is the server's."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest
from tacit_api_fakes import House

from tacit_service.http.app import create_app
from tacit_service.http.early import Early
from tacit_service.http.listen import bind
from tacit_service.http.server import Server


@pytest.fixture
def sock() -> Iterator[socket.socket]:
    with bind("127.0.0.1", 0) as made:
        yield made


def ask(sock: socket.socket, method: str, path: str, body: bytes | None = None) -> tuple[int, dict, dict]:
    with closing(http.client.HTTPConnection(*sock.getsockname()[:2], timeout=60)) as connection:
        connection.request(method, path, body)
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, json.loads(text) if text else {}


def test_it_is_alive_and_not_ready(sock: socket.socket) -> None:
    early = Early(sock).start()
    try:
        assert ask(sock, "GET", "/healthz")[0] == 200
        assert ask(sock, "HEAD", "/healthz?now")[::2] == (200, {})
        status, headers, body = ask(sock, "GET", "/readyz")
        assert (status, body) == (503, {"status": "starting", "ready": False, "ledger": "unknown"})
        assert headers["x-content-type-options"] == "nosniff"
    finally:
        early.stop()


def test_everything_else_is_told_to_come_again(sock: socket.socket) -> None:
    early = Early(sock).start()
    try:
        for method, path, body in (
            ("POST", "/v1/queries", b"x" * 100_000),
            ("GET", "/", None),
            ("POST", "/healthz", b""),
        ):
            status, headers, problem = ask(sock, method, path, body)
            assert (status, headers["retry-after"], problem["code"]) == (503, "2", "starting")
    finally:
        early.stop()


def test_a_dawdler_does_not_hold_up_the_others_or_the_end(sock: socket.socket) -> None:
    early = Early(sock).start()
    with socket.create_connection(sock.getsockname()[:2], timeout=60) as slow:
        slow.send(b"GET /healthz HT")
        assert ask(sock, "GET", "/healthz")[0] == 200
        early.stop()
        assert slow.recv(100).startswith(b"HTTP/1.1 503 ")


def test_the_server_takes_the_socket_over(sock: socket.socket) -> None:
    early, house = Early(sock).start(), House(port=0)
    assert ask(sock, "GET", "/readyz")[0] == 503
    early.stop()
    server = Server(create_app(house.service, house.settings), sock, house.settings)
    server.start()
    try:
        assert ask(sock, "GET", "/readyz")[0] == 200
    finally:
        server.stop()


def test_it_needs_no_framework() -> None:
    heavy = "{'fastapi', 'starlette', 'pydantic', 'uvicorn', 'asyncio'} & set(sys.modules)"
    code = f"import sys, tacit_service.http.early, tacit_service.http.listen; sys.exit(str({heavy}) if {heavy} else 0)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
