"""The server on a real socket: dawdlers are cut, oversize heads refused, shutdown is clean."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from tacit_api_fakes import House

from tacit_service.http.app import create_app
from tacit_service.http.listen import bind, url_of
from tacit_service.http.server import Server


class Running:
    def __init__(self, **settings: float) -> None:
        self.house = House(port=0, **settings)
        sock = bind("127.0.0.1", 0)
        self.url = url_of(sock)
        self.address = (urlsplit(self.url).hostname or "", urlsplit(self.url).port or 0)
        self.app = create_app(self.house.service, self.house.settings)
        self.server = Server(self.app, sock, self.house.settings)
        self.server.start()

    def waiting(self) -> int:
        """Questions in the queue."""
        return sum(map(len, self.app.state.context.questions._waiting.values()))

    def open(self) -> int:
        """Connections that the server knows of."""
        return len(self.server._uvicorn.server_state.connections)

    def raw(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=120)


@pytest.fixture
def running(request: pytest.FixtureRequest) -> Iterator[Running]:
    it = Running(**getattr(request, "param", {}))
    yield it
    it.server.stop()


def limits(**settings: float):
    return pytest.mark.parametrize("running", [settings], indirect=True)


def read_all(sock: socket.socket) -> bytes:
    data = b""
    while chunk := sock.recv(65536):
        data += chunk
    return data


def parts(raw: bytes) -> tuple[int, dict[str, str], dict]:
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    return int(lines[0].split()[1]), headers, json.loads(body)


@limits(head_timeout_s=0.4)
@pytest.mark.parametrize("sent", [b"", b"GET /healthz HTTP/1.1\r\nHost:", b"POST"])
def test_headers_that_do_not_come_are_cut(running: Running, sent: bytes):
    with running.raw() as sock:
        sock.sendall(sent)
        status, headers, body = parts(read_all(sock))
    assert (status, body["code"]) == (408, "request_timeout")
    assert headers["connection"] == "close"


@limits(head_timeout_s=0.5)
def test_headers_that_drip_are_cut_all_the_same(running: Running):
    with running.raw() as sock:
        sent = 0
        with contextlib.suppress(OSError):
            while sent < 1000:
                sock.sendall(b"a")
                time.sleep(0.05)
                sent += 1
        assert sent < 1000


@limits(body_timeout_s=0.4)
def test_a_body_that_does_not_come_is_cut(running: Running):
    key = running.house.keys["ada"]
    with running.raw() as sock:
        sock.sendall(
            b"POST /v1/queries HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n"
            b"Authorization: Bearer " + key.encode() + b"\r\n\r\n{"
        )
        status, headers, body = parts(read_all(sock))
    assert (status, body["code"], headers["connection"]) == (408, "request_timeout", "close")
    assert running.house.clinic.asked == []


def test_a_refused_body_closes_the_connection(running: Running):
    with running.raw() as sock:
        sock.sendall(b"POST /v1/queries HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n{")
        status, headers, _ = parts(read_all(sock))
    assert (status, headers["connection"]) == (401, "close")


@limits(head_bytes_max=2048)
@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nX: " + b"a" * 5000,
        b"GET /" + b"a" * 5000,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a b<i>\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\nHost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        # what stands behind the one body is a request of its own behind the other: it is answered by neither reading
        b"POST /v1/quotes HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
)
def test_what_is_no_request_is_a_problem(running: Running, sent: bytes):
    with running.raw() as sock:
        sock.sendall(sent)
        status, headers, body = parts(read_all(sock))
    assert (status, body["code"]) == (400, "invalid_http")
    assert headers["content-type"] == "application/problem+json"
    assert headers["x-content-type-options"] == "nosniff"


@limits(connections_max=3)
def test_too_many_connections_are_turned_away_and_the_rest_go_on(running: Running):
    held = [running.raw() for _ in range(3)]
    time.sleep(0.2)
    with running.raw() as sock:
        status, headers, body = parts(read_all(sock))
    assert (status, body["code"]) == (503, "overloaded")
    assert int(headers["retry-after"]) > 0
    held[0].sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert parts(read_all(held[0]))[0] == 200
    for sock in held:
        sock.close()


@limits(write_timeout_s=0.5)
def test_an_answer_that_is_not_read_is_dropped(running: Running, body):
    answer = running.house.clinic.answer
    row = ["x" * 1000, 1]
    running.house.clinic.answer = answer.model_copy(
        update={"rows": [row] * 20_000, "intervals": [[None, [0.0, 1.0]]] * 20_000}
    )
    raw = json.dumps(body).encode()
    head = f"POST /v1/queries HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(raw)}\r\n"
    with running.raw() as sock:
        sock.sendall(f"{head}Authorization: Bearer {running.house.keys['ada']}\r\n\r\n".encode() + raw)
        time.sleep(2)
        # What the kernel had taken already still arrives; the rest was dropped with the connection.
        assert 0 < len(read_all(sock)) < 20_000_000


def test_requests_on_one_connection_and_no_server_header(running: Running, body):
    connection = http.client.HTTPConnection(*running.address, timeout=120)
    for _ in range(3):
        connection.request("GET", "/v1/me", headers=running.house.headers("ada"))
        response = connection.getresponse()
        assert response.status == 200
        assert response.getheader("server") is None
        response.read()
    connection.close()


def test_answers_do_not_wait_for_an_acknowledgement(running: Running):
    connection = http.client.HTTPConnection(*running.address, timeout=120)
    times = []
    for _ in range(30):
        begun = time.perf_counter()
        connection.request("GET", "/v1/me", headers=running.house.headers("ada"))
        connection.getresponse().read()
        times.append(time.perf_counter() - begun)
    connection.close()
    assert min(times) < 0.035  # Nagle's algorithm and a delayed acknowledgement cost 40 ms, every time


def test_stopping_lets_a_running_question_end(body):
    running = Running(shutdown_s=10)
    hold = running.house.clinic.hold = threading.Event()
    got: list[int] = []

    def ask() -> None:
        connection = http.client.HTTPConnection(*running.address, timeout=120)
        headers = running.house.headers("ada", **{"Content-Type": "application/json"})
        connection.request("POST", "/v1/queries", body=json.dumps(body), headers=headers)
        got.append(connection.getresponse().status)
        connection.close()

    asking = threading.Thread(target=ask)
    asking.start()
    assert running.house.clinic.entered.acquire(timeout=120)
    threading.Timer(0.5, hold.set).start()
    running.server.stop()
    asking.join(120)
    assert got == [200]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(running.address, timeout=1)


def test_a_taken_port_is_an_os_error():
    first = bind("127.0.0.1", 0)
    try:
        with pytest.raises(OSError, match="in use"):
            bind("127.0.0.1", first.getsockname()[1])
    finally:
        first.close()


@limits(workers=1, queue=2)
def test_who_leaves_before_the_charge_is_charged_nothing(running: Running) -> None:
    desk, body = running.house.clinic, json.dumps({"dataset": "clinic", "sql": "SELECT 1", "fresh": True}).encode()
    desk.hold = threading.Event()
    head = "POST /v1/queries HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    head += f"Authorization: {running.house.headers('ada')['Authorization']}\r\nContent-Length: {len(body)}\r\n\r\n"
    with running.raw() as first:
        first.sendall(head.encode() + body)
        assert desk.entered.acquire(timeout=120)
        with running.raw() as second:
            second.sendall(head.encode() + body)
            assert wait_for(lambda: running.waiting() == 1)
        assert wait_for(lambda: running.open() == 1), "the server knows that the second has gone"
        desk.hold.set()
        assert first.recv(100).startswith(b"HTTP/1.1 200 ")
        assert wait_for(lambda: running.waiting() == 0)
    assert len(desk.asked) == 1


def wait_for(happens: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 120
    while not happens() and time.monotonic() < deadline:
        time.sleep(0.01)
    return happens()
