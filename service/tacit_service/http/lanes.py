"""Bounded work: so many at a time, so many waiting, and 503 past that.

Two lanes, so that key look-ups and refusals of strangers stay quick while every question worker is busy, and a flood of
one kind cannot starve the other. Within a lane callers take turns: one caller holds at most half of the workers and half
of the queue, so that who sends hard questions by the hundred waits behind himself. In a lane whose work is short as a rule,
callers whose work lately was long hold half of the workers together, however many they are: several keys that send what is hard
wait behind each other.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict, deque
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import anyio
import anyio.to_thread

from tacit_service.errors import Overloaded
from tacit_service.telemetry import Metrics

T = TypeVar("T")

LONG_S: Final = 3.0
"""Of a worker's time, used lately: more is long."""
HALF_LIFE_S: Final = 10.0
"""After which half of what was used is forgotten."""
_CALLERS_MAX: Final = 10_000


class Lane:
    """A bounded pool of threads with a bounded, fair queue. Used from one event loop, so plain counters are exact."""

    def __init__(
        self, name: str, *, workers: int, queue: int, retry_after_s: int, metrics: Metrics, short: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._name = name
        self._admitted_max = workers + queue
        self._share = max(1, workers // 2)
        self._admitted_share = (self._admitted_max + 1) // 2
        self._free = workers
        self._workers = workers
        self._retry_after_s = retry_after_s
        self._metrics = metrics
        self._short, self._clock = short, clock
        self._used: dict[str, tuple[float, float]] = {}  # seconds of workers by caller, and when that was so
        self._limiter: anyio.CapacityLimiter | None = None  # belongs to the loop that first uses it
        self._admitted: Counter[str] = Counter()
        self._running: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[anyio.Event]] = OrderedDict()  # callers in the order of their turns

    def check_room(self, caller: str | None = None) -> None:
        """``Overloaded`` when the queue, or the caller's share of it, is full: asked before a look-up and a parse."""
        full = self._admitted.total() >= self._admitted_max
        if full or (caller is not None and self._admitted[caller] >= self._admitted_share):
            self._metrics.shed.labels(self._name).inc()
            raise Overloaded(
                "overloaded",
                "The service has more work than it can do now. Nothing was run or charged.",
                hint="Try again after the time in Retry-After.",
                retry_after_s=self._retry_after_s,
            )

    async def run(
        self, work: Callable[[], T], caller: str = "", still_wanted: Callable[[], Awaitable[None]] | None = None
    ) -> T:
        """Run blocking work in a thread when it is the caller's turn; ``Overloaded`` at once when the queue is full.

        ``still_wanted`` raises where the work is wanted no more when its turn comes: it is then not begun.
        """
        self.check_room(caller or None)
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(self._workers)
        self._admitted[caller] += 1
        try:
            await self._turn(caller)
            begun = self._clock()
            try:
                if still_wanted is not None:
                    await still_wanted()
                # Work that began is never abandoned: a charge is followed by its record even when the client has gone.
                return await anyio.to_thread.run_sync(work, limiter=self._limiter)
            finally:
                self._use(caller, begun)
                self._ended(caller)
        finally:
            self._admitted[caller] -= 1
            if not self._admitted[caller]:
                del self._admitted[caller]

    async def _turn(self, caller: str) -> None:
        queue = self._waiting.setdefault(caller, deque())
        turn = anyio.Event()
        queue.append(turn)
        self._grant()
        try:
            await turn.wait()
        except BaseException:  # the request was cancelled while it waited
            if turn.is_set():
                self._ended(caller)
            elif caller in self._waiting:
                self._waiting[caller].remove(turn)
                self._forget_if_idle(caller)
            raise

    def _ended(self, caller: str) -> None:
        self._free += 1
        self._running[caller] -= 1
        if not self._running[caller]:
            del self._running[caller]
        self._grant()

    def _grant(self) -> None:
        """Give free workers to callers in turn. Strangers (the caller is not known yet) share one turn, and no share."""
        while self._free:
            caller = next((c for c in self._waiting if self._may(c)), None)
            if caller is None:
                return
            self._free -= 1
            self._running[caller] += 1
            self._waiting[caller].popleft().set()
            self._waiting.move_to_end(caller)
            self._forget_if_idle(caller)

    def _may(self, caller: str) -> bool:
        if not caller:
            return True
        if self._running[caller] >= self._share:
            return False
        if not self._short or not self._is_long(caller):
            return True
        return sum(n for c, n in self._running.items() if self._is_long(c)) < self._share

    def _is_long(self, caller: str) -> bool:
        return self._lately(caller) > LONG_S

    def _lately(self, caller: str) -> float:
        used, at = self._used.get(caller, (0.0, 0.0))
        return used * 0.5 ** ((self._clock() - at) / HALF_LIFE_S) if used else 0.0

    def _use(self, caller: str, begun: float) -> None:
        if self._short:
            self._used[caller] = self._lately(caller) + self._clock() - begun, self._clock()
            if len(self._used) > _CALLERS_MAX:
                self._used = {c: u for c, u in self._used.items() if self._is_long(c)}

    def _forget_if_idle(self, caller: str) -> None:
        if not self._waiting[caller]:
            del self._waiting[caller]
