"""A call to a child that may be killed by somebody else: its successor is asked once more."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TypeVar

from .process import WorkerFailure

T = TypeVar("T")


def once_more(call: Callable[[], T], until: float = math.inf) -> T:
    """What ``call`` gives; where its process was killed from outside, perhaps, what it gives again, before ``until`` (monotonic)."""
    try:
        return call()
    except WorkerFailure as failure:
        if not failure.killed or time.monotonic() >= until:
            raise
    return call()
