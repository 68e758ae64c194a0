"""Turns for what costs nothing: who asks for it by the hundred waits, and those who pay do not.

A statement over public tables alone, or one over a release that is held, has no price that would bound how often it is asked, and
may be written to run for as long as it is let. So few run at a time, always one less than there are sandboxes, and nobody holds a
worker to wait for one for long. Who had the turn rests as long as they had it, and of those who wait, who had it longest ago goes
first: one analyst who asks without end leaves half of the time to the others.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from tacit_service.errors import Overloaded

FREE_S: Final = 2.0
"""How long a statement over public tables alone may run."""
_WAIT_S: Final = FREE_S
_KNOWN_MAX: Final = 1_000


class Turns:
    """``at_once`` at a time. Thread-safe."""

    def __init__(self, at_once: int = 1, wait_s: float = _WAIT_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._free, self._wait_s, self._clock = at_once, wait_s, clock
        self._changed = threading.Condition()
        self._waiting: list[str] = []  # by who asked; as often as they wait
        self._rested: dict[str, float] = {}  # when who had a turn has rested; in the order in which they had it last

    @contextmanager
    def one(self, who: str, needed: bool) -> Iterator[None]:
        """A turn of this analyst's, where one is needed; ``Overloaded`` when others take too long, before anything was run."""
        if not needed:
            yield
            return
        self._take(who)
        begun = self._clock()
        try:
            yield
        finally:
            self._leave(who, begun)

    def _take(self, who: str) -> None:
        end = self._clock() + self._wait_s
        with self._changed:
            self._waiting.append(who)
            try:
                while not self._is_next(who):
                    now = self._clock()
                    rest = self._rested.get(who, 0.0) - now
                    if now >= end or now + rest >= end:
                        raise _busy(max(rest, 0.0))
                    self._changed.wait(min(end - now, rest) if rest > 0 else end - now)
                self._free -= 1
            finally:
                self._waiting.remove(who)
                self._changed.notify_all()

    def _is_next(self, who: str) -> bool:
        if not self._free or self._rested.get(who, 0.0) > self._clock():
            return False
        place = list(self._rested)
        ready = {w for w in self._waiting if self._rested.get(w, 0.0) <= self._clock()}
        return who == min(ready, key=lambda w: place.index(w) if w in self._rested else -1)

    def _leave(self, who: str, begun: float) -> None:
        with self._changed:
            self._free += 1
            self._rested.pop(who, None)
            now = self._clock()
            self._rested[who] = now + (now - begun)
            if len(self._rested) > _KNOWN_MAX:
                self._rested.pop(next(iter(self._rested)))
            self._changed.notify_all()


def _busy(rest_s: float) -> Overloaded:
    found = Overloaded(
        "overloaded",
        "Other statements that cost nothing are being run. Nothing was run or charged.",
        hint="Try again in a few seconds.",
    )
    if rest_s:
        found.extra["retry_after_s"] = math.ceil(rest_s)
    return found
