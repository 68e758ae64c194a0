"""What was found lately, by who asked: bounded, thread-safe, and told to nobody else.

What is remembered is quick, so a memory that analysts shared would tell one of them, by a stopwatch, what another had asked.
Every entry is therefore under its asker's name. The room is shared: an analyst who fills it makes others slower, no more.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """The entries used last, as many as the room holds; ``size`` of an entry is the caller's to say, in the room's unit."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._used = 0
        self._entries: OrderedDict[tuple[str, K], tuple[V, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, who: str, key: K) -> V | None:
        """What ``who`` found under ``key``, or ``None``."""
        with self._lock:
            found = self._entries.get((who, key))
            if found is None:
                return None
            self._entries.move_to_end((who, key))
            return found[0]

    def put(self, who: str, key: K, value: V, size: int = 1) -> None:
        """Keep it; what was not used for longest makes way. What would take more than an eighth of the room is not kept."""
        if size > self._room // 8:
            return
        with self._lock:
            before = self._entries.pop((who, key), None)
            self._entries[who, key] = value, size
            self._used += size - (0 if before is None else before[1])
            while self._used > self._room:
                self._used -= self._entries.popitem(last=False)[1][1]
