"""Bounded work: so many at a time, so many waiting, and 503 past that.

Two lanes, so that key look-ups and refusals of strangers stay quick while every question worker is busy, and a flood of
one kind cannot starve the other. Waiting is first come, first served.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread

from tacit_service.errors import Overloaded
from tacit_service.telemetry import Metrics

T = TypeVar("T")


class Lane:
    """A bounded pool of threads with a bounded queue. Used from one event loop, so a plain counter is exact."""

    def __init__(self, name: str, *, workers: int, queue: int, retry_after_s: int, metrics: Metrics) -> None:
        self._name = name
        self._admitted_max = workers + queue
        self._workers = workers
        self._retry_after_s = retry_after_s
        self._metrics = metrics
        self._limiter: anyio.CapacityLimiter | None = None  # belongs to the loop that first uses it
        self._admitted = 0

    def check_room(self) -> None:
        """``Overloaded`` when the queue is full: worth asking before a request costs a look-up and a parse."""
        if self._admitted >= self._admitted_max:
            self._metrics.shed.labels(self._name).inc()
            raise Overloaded(
                "overloaded",
                "The service has more work than it can do now. Nothing was run or charged.",
                hint="Try again after the time in Retry-After.",
                retry_after_s=self._retry_after_s,
            )

    async def run(self, work: Callable[[], T]) -> T:
        """Run blocking work in a thread; ``Overloaded`` at once when the queue is full."""
        self.check_room()
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(self._workers)
        self._admitted += 1
        try:
            # Work that began is never abandoned: a charge is followed by its record even when the client has gone.
            return await anyio.to_thread.run_sync(work, limiter=self._limiter)
        finally:
            self._admitted -= 1
