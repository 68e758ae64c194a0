"""Rate limits: a token bucket for each caller. Used from one event loop, so plain numbers are exact.

Each process counts for itself. A bucket that is full again is forgotten, so that memory follows who is calling now.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final

from tacit_service.errors import RateLimited

_SWEEP_AT: Final = 1024


class Rates:
    """``per_minute`` tokens flow into each bucket, which holds ``burst``; a request takes one. 0: no limit."""

    def __init__(self, per_minute: int, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_minute / 60
        self._burst = burst
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}  # tokens left, and when that was
        self._sweep_at = _SWEEP_AT

    def check(self, caller: str) -> None:
        """Take a token; ``RateLimited`` with the time until the next one when there is none."""
        if not self._per_s:
            return
        now = self._clock()
        left = self._left(caller, now)
        if left < 1:
            self._buckets[caller] = left, now
            wait = max(1, math.ceil((1 - left) / self._per_s))
            raise RateLimited(
                "rate_limited",
                f"More than {round(self._per_s * 60)} requests a minute. Nothing ran or was charged.",
                hint=f"Ask again in {wait} s.",
                retry_after_s=wait,
            )
        self._buckets[caller] = left - 1, now
        if len(self._buckets) >= self._sweep_at:
            self._buckets = {name: held for name, held in self._buckets.items() if self._left(name, now) < self._burst}
            self._sweep_at = max(_SWEEP_AT, 2 * len(self._buckets))

    def _left(self, caller: str, now: float) -> float:
        tokens, at = self._buckets.get(caller, (float(self._burst), now))
        return min(float(self._burst), tokens + (now - at) * self._per_s)
