"""How long what is asked of child processes may still take: asked by whatever asks one.

Two limits. ``within`` is for what nobody has to have, such as a suggestion: a refused statement was understood in time, and that a
statement near it is sought must not make its refusal wait. ``running`` is for what a statement may take by itself: that it waited
for a child which others kept busy is not its fault, so that time is not counted, and who waited too long is told that it is the
service which is busy (``Overloaded``), not that the statement is hard.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from tacit_service.errors import EngineFailure, Overloaded

LEAST_S: Final = 0.1
"""With less than this left nothing is begun: a child that is stopped in the middle may have to be replaced."""
WAIT_S_MAX: Final = 10.0
"""For a child that others use."""


@dataclass(slots=True)
class _Allowance:
    """The end of what may be run, which waiting puts off."""

    until: float


_until: ContextVar[float] = ContextVar("until", default=math.inf)
_running: ContextVar[tuple[_Allowance, ...]] = ContextVar("running", default=())


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """What is asked inside ends within so many seconds, waiting included, of this thread alone."""
    token = _until.set(min(_until.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _until.reset(token)


@contextlib.contextmanager
def running(seconds: float) -> Iterator[None]:
    """What is asked inside runs for so many seconds together, waiting for children not included, of this thread alone."""
    token = _running.set((*_running.get(), _Allowance(time.monotonic() + seconds)))
    try:
        yield
    finally:
        _running.reset(token)


def left(most_s: float) -> float:
    """Time for one call that may take ``most_s`` by itself; ``EngineFailure`` where there is none left."""
    end = min((_until.get(), *(allowed.until for allowed in _running.get())))
    found = min(most_s, end - time.monotonic())
    if found < min(most_s, LEAST_S):
        raise EngineFailure("engine_timeout", "There is no time left for this.")
    return found


@contextlib.contextmanager
def waiting() -> Iterator[float]:
    """How long a child may be waited for, which ``running`` does not count; ``late`` says what to raise past it."""
    begun = time.monotonic()
    wait_s = min(WAIT_S_MAX, _until.get() - begun)
    if wait_s <= 0:
        raise late("processes")
    try:
        yield wait_s
    finally:
        for allowed in _running.get():
            allowed.until += time.monotonic() - begun


def late(what: str) -> EngineFailure | Overloaded:
    """Nothing came free in time: too late for what need not be had, or the service is busy."""
    if math.isfinite(_until.get()):
        return EngineFailure("engine_timeout", "There is no time left for this.")
    return Overloaded(
        "overloaded", f"All {what} are busy. Nothing was run or charged.", hint="Try again in a few seconds."
    )
