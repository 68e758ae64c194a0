"""Some child processes of one kind, lent out one call at a time."""

from __future__ import annotations

import queue
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from .process import WorkerFailure, WorkerProcess


class Workers:
    """``processes`` children of a module; thread-safe. The one that was used last is lent first: its caches are warm."""

    def __init__(self, module: str, args: Sequence[str] = (), *, processes: int) -> None:
        self._all = [WorkerProcess(module, args) for _ in range(processes)]
        self._idle: queue.LifoQueue[WorkerProcess] = queue.LifoQueue()
        for worker in self._all:
            self._idle.put(worker)

    def __getitem__(self, place: int) -> WorkerProcess:
        """The child in that place, lent or not."""
        return self._all[place]

    @contextmanager
    def lent(self, wait_s: float | None = None) -> Iterator[WorkerProcess]:
        """A child for this caller alone; waits until one is free, so long at most: then ``WorkerFailure`` timeout."""
        try:
            worker = self._idle.get(timeout=wait_s)
        except queue.Empty:
            raise WorkerFailure("timeout") from None
        try:
            yield worker
        finally:
            self._idle.put(worker)

    def warm(self) -> None:
        """Wait until every child is ready; ``WorkerFailure`` when one cannot start."""
        for worker in self._all:
            worker.warm()

    def close(self) -> None:
        """Stop the children."""
        for worker in self._all:
            worker.close()
