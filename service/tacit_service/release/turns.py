"""Turns for what costs nothing: who asks for it by the hundred waits, and those who pay do not.

A statement over public tables alone, or one over a release that is held, has no price that would bound how often it is asked, and
may be written to run for as long as it is let. So few run at a time, always one less than there are sandboxes, and nobody holds a
worker to wait for one for long. Who had the turn rests as long as they had it while somebody else asks, and of those who wait, who
had it longest ago goes first: one analyst who asks without end leaves half of the time to the others, and has all of it alone.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple, TypeVar

from tacit_service.errors import Overloaded

FREE_S: Final = 2.0
"""How long a statement over public tables alone may run."""
_WAIT_S: Final = FREE_S
_KNOWN_MAX: Final = 1_000
_T = TypeVar("_T")


class _Had(NamedTuple):
    """A turn that is over."""

    begun: float
    rested: float  # when its analyst has rested as long as it took


class Turns:
    """``at_once`` at a time. Thread-safe."""

    def __init__(self, at_once: int = 1, wait_s: float = _WAIT_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._free, self._wait_s, self._clock = at_once, wait_s, clock
        self._changed = threading.Condition()
        self._waiting: list[str] = []  # by who asked; as often as they wait
        self._had: dict[str, _Had] = {}  # each analyst's last turn; in the order in which they had it
        self._shed: dict[str, float] = {}  # when who has had no turn since was turned away: they will ask again

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
                    rests, rest = self._rests(who), self._rest(who)
                    if now >= end or (rests and now + rest >= end):
                        self._note(self._shed, who, now)
                        raise _resting(rest) if rests else _busy()
                    self._changed.wait(min(end - now, rest) if rest > 0 else end - now)
                self._free -= 1
                self._shed.pop(who, None)
            finally:
                self._waiting.remove(who)
                self._changed.notify_all()

    def _rest(self, who: str) -> float:
        """For how long they would rest yet."""
        return self._had[who].rested - self._clock() if who in self._had else 0.0

    def _rests(self, who: str) -> bool:
        """Whether they leave the turn to somebody who is rested, and waits or was turned away since their own turn began."""
        if self._rest(who) <= 0:
            return False
        begun = self._had[who].begun
        asking = {*self._waiting, *(w for w, at in self._shed.items() if at >= begun)}
        return any(w != who and self._rest(w) <= 0 for w in asking)

    def _is_next(self, who: str) -> bool:
        if not self._free or self._rests(who):
            return False
        place = list(self._had)
        ready = {who, *(w for w in self._waiting if not self._rests(w))}
        return who == min(ready, key=lambda w: place.index(w) if w in self._had else -1)

    def _leave(self, who: str, begun: float) -> None:
        with self._changed:
            self._free += 1
            now = self._clock()
            self._note(self._had, who, _Had(begun, now + (now - begun)))
            self._changed.notify_all()

    @staticmethod
    def _note(known: dict[str, _T], who: str, what: _T) -> None:
        known.pop(who, None)
        known[who] = what
        if len(known) > _KNOWN_MAX:
            known.pop(next(iter(known)))


def _resting(rest_s: float) -> Overloaded:
    found = Overloaded(
        "overloaded",
        "Others ask for what costs nothing too, and come first for as long as your last such statement took. "
        "Nothing was run or charged.",
        hint="Try again in a few seconds.",
    )
    found.extra["retry_after_s"] = max(1, math.ceil(rest_s))
    return found


def _busy() -> Overloaded:
    return Overloaded(
        "overloaded",
        "Other statements that cost nothing are run first, and took too long to wait for. Nothing was run or charged.",
        hint="Try again in a few seconds.",
    )
