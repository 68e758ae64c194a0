"""Turns for what costs nothing: who asks for it by the hundred waits, and those who pay do not.

A statement over public tables alone has no price that would bound how often it is asked, and may be written to run for as long
as it is let. So few run at a time, always one less than there are sandboxes, and nobody holds a worker to wait for one for long.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tacit_service.errors import Overloaded

FREE_S: Final = 2.0
"""How long such a statement may run."""
_WAIT_S: Final = 1.0


class Turns:
    """``at_once`` at a time. Thread-safe."""

    def __init__(self, at_once: int = 1, wait_s: float = _WAIT_S) -> None:
        self._free = threading.BoundedSemaphore(at_once)
        self._wait_s = wait_s

    @contextmanager
    def one(self, needed: bool) -> Iterator[None]:
        """A turn, where one is needed; ``Overloaded`` when others take too long, before anything was run."""
        if needed and not self._free.acquire(timeout=self._wait_s):
            raise Overloaded(
                "overloaded",
                "Other statements that cost nothing are being run. Nothing was run or charged.",
                hint="Try again in a few seconds.",
            )
        try:
            yield
        finally:
            if needed:
                self._free.release()
