"""Performs the steps of a conversation over HTTP: the only importer of httpx2."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx2

from tacit._protocol import Call, Lost, Pause, Reply, Request, authorization, base_url, conversation
from tacit.errors import ProtocolError

T = TypeVar("T")

CONNECT_TIMEOUT_S = 5.0
BODY_BYTES_MAX = 1 << 30
_STREAM_TIMEOUT = httpx2.Timeout(45.0, connect=CONNECT_TIMEOUT_S)  # a live stream says something every 15 s
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def _settings(url: str, key: str, timeout_s: float) -> dict[str, Any]:
    """Keyword arguments that both kinds of httpx2 client take."""
    base = base_url(url)
    parts = urlsplit(base)
    return {
        "base_url": base,
        "headers": {"authorization": authorization(key), "accept": "application/json", "user-agent": "tacit-python"},
        "timeout": httpx2.Timeout(timeout_s, connect=min(timeout_s, CONNECT_TIMEOUT_S)),
        "follow_redirects": False,  # a redirect would carry the key to another address
        "trust_env": parts.hostname not in _LOOPBACK,  # a proxy cannot reach this machine's own services
        # Plain http has no certificate to verify, and loading the trust store takes 80 ms of a command's start.
        "verify": parts.scheme == "https",
    }


def _target(request: Request) -> dict[str, Any]:
    return {
        "method": request.method,
        "url": request.path,
        "headers": dict(request.headers),
        "content": request.content,
    }


def _lost(error: httpx2.TransportError, base: str) -> Lost:
    kinds = {
        httpx2.ConnectError: "cannot connect",
        httpx2.ConnectTimeout: "connecting took too long",
        httpx2.ReadTimeout: "no answer in time",
        httpx2.RemoteProtocolError: "the connection broke",
        httpx2.ReadError: "the connection broke",
    }
    reason = str(error)
    return Lost(f"{base}: {kinds.get(type(error), type(error).__name__)}{f' ({reason})' if reason else ''}")


class _Body:
    """Collects a response's body up to a limit."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > BODY_BYTES_MAX:
            raise ProtocolError(f"the answer is larger than {BODY_BYTES_MAX} bytes")
        self._parts.append(part)

    def reply(self, response: httpx2.Response) -> Reply:
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status_code, headers, b"".join(self._parts))


class SyncTransport:
    """Blocking: one connection pool, usable from several threads."""

    def __init__(self, url: str, key: str, timeout_s: float) -> None:
        self._http = httpx2.Client(**_settings(url, key, timeout_s))

    def run(self, call: Call[T], retries: int) -> T:
        """Perform a call to its end."""
        talk = conversation(call, retries)
        step = next(talk)
        while True:
            outcome: Reply | Lost | None = None
            if isinstance(step, Pause):
                time.sleep(step.seconds)
            else:
                outcome = self._send(step)
            try:
                step = talk.send(outcome)
            except StopIteration as done:
                result: T = done.value
                return result

    def _send(self, request: Request) -> Reply | Lost:
        body = _Body()
        try:
            with self._http.stream(**_target(request)) as response:
                for part in response.iter_bytes():
                    body.add(part)
                return body.reply(response)
        except httpx2.TransportError as error:
            return _lost(error, str(self._http.base_url))
        except httpx2.RequestError as error:
            raise ProtocolError(f"the answer cannot be read: {error}") from error

    def lines(self, request: Request) -> Iterator[str]:
        """The lines of an answer as they come; none when there is no such answer: whoever asks in plain learns why."""
        try:
            with self._http.stream(**_target(request), timeout=_STREAM_TIMEOUT) as response:
                if response.status_code == 200:
                    yield from response.iter_lines()
        except httpx2.RequestError:
            return

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


class AsyncTransport:
    """The same over asyncio."""

    def __init__(self, url: str, key: str, timeout_s: float) -> None:
        self._http = httpx2.AsyncClient(**_settings(url, key, timeout_s))

    async def run(self, call: Call[T], retries: int) -> T:
        """Perform a call to its end."""
        import asyncio  # here, because a command that blocks starts 70 ms sooner without it

        talk = conversation(call, retries)
        step = next(talk)
        while True:
            outcome: Reply | Lost | None = None
            if isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
            else:
                outcome = await self._send(step)
            try:
                step = talk.send(outcome)
            except StopIteration as done:
                result: T = done.value
                return result

    async def _send(self, request: Request) -> Reply | Lost:
        body = _Body()
        try:
            async with self._http.stream(**_target(request)) as response:
                async for part in response.aiter_bytes():
                    body.add(part)
                return body.reply(response)
        except httpx2.TransportError as error:
            return _lost(error, str(self._http.base_url))
        except httpx2.RequestError as error:
            raise ProtocolError(f"the answer cannot be read: {error}") from error

    async def lines(self, request: Request) -> AsyncIterator[str]:
        """The lines of an answer as they come, as ``SyncTransport.lines``."""
        try:
            async with self._http.stream(**_target(request), timeout=_STREAM_TIMEOUT) as response:
                if response.status_code == 200:
                    async for line in response.aiter_lines():
                        yield line
        except httpx2.RequestError:
            return

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()
