"""How long a suggestion, or the price of an accuracy, may still be looked for: asked by whatever asks a child process on its behalf.

A refused statement was understood in time; that a statement near it is sought must not make its refusal wait.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Final

from tacit_service.errors import EngineFailure

LEAST_S: Final = 0.1
"""With less than this left nothing is begun: a child that is stopped in the middle may have to be replaced."""
_until: ContextVar[float] = ContextVar("until", default=math.inf)


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """What is asked inside ends within so many seconds, of this thread alone."""
    token = _until.set(min(_until.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _until.reset(token)


def left(most_s: float) -> float:
    """Time for one call that may take ``most_s`` by itself; ``EngineFailure`` where there is none left."""
    found = min(most_s, _until.get() - time.monotonic())
    if found < min(most_s, LEAST_S):
        raise EngineFailure("engine_timeout", "There is no time left for this.")
    return found
