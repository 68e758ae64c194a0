"""What a run costs and how its ε grows, worked out in a process of its own: seconds of arithmetic that no question waits for.

The child knows the parameters of one run at a time, which are public, and remembers nothing of them: the same run is as slow
for the next who asks. It loads the accountant when it is first asked.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tacit_service.engine.niceness import BEHIND, stand_behind
from tacit_service.engine.process import Blob, ChildError, Handler, Header, WorkerFailure, WorkerProcess, harden, serve
from tacit_service.engine.retry import once_more
from tacit_service.errors import Overloaded, TacitError
from tacit_service.privacy.events import DpSgdEvent, from_dict
from tacit_service.privacy.units import Delta, Epsilon

from . import accounting

MODULE: Final = "tacit_service.training.pricing"
TIME_S_MAX: Final = 60.0
"""A run of the largest size takes two seconds on an idle machine."""
_MEMORY_BYTES_MAX: Final = 4 << 30
POINTS: Final = 10


@dataclass(frozen=True, slots=True)
class Priced:
    """A run's noise, the event that is charged, and ε after so many epochs."""

    sigma: float
    event: DpSgdEvent
    points: list[tuple[float, float]]


Pricer = Callable[[str, float, int, Delta, Epsilon | float], Priced]
"""(unit, q, steps, δ, target) to the price. ``target``: the ε that the run may cost, or its noise multiplier.

Raises ``accounting.OutOfReach``.
"""


def priced(unit: str, q: float, steps: int, delta: Delta, target: Epsilon | float) -> Priced:
    """In this process: a ``Pricer``."""
    sigma = target if isinstance(target, float) else accounting.smallest_sigma(q, steps, target, delta)
    event = accounting.event(unit, q, sigma, steps, delta)
    return Priced(sigma, event, curve(event))


def curve(sgd: DpSgdEvent) -> list[tuple[float, float]]:
    """ε at the run's δ after so many epochs, never above the whole run's."""
    found = []
    for i in range(1, POINTS + 1):
        steps = max(1, sgd.steps * i // POINTS)
        value = sgd.epsilon if steps == sgd.steps else accounting.rough_epsilon(sgd.q, sgd.sigma, steps, sgd.delta)
        found.append((round(steps * sgd.q, 4), min(value, sgd.epsilon)))
    return found


class PricingProcess:
    """A ``Pricer`` by a child, which is started when it is first asked. Thread-safe: one run at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._worker: WorkerProcess | None = None
        self._closed = False

    def __call__(self, unit: str, q: float, steps: int, delta: Delta, target: Epsilon | float) -> Priced:
        """See ``Pricer``. Raises ``Overloaded`` when the child has no answer in time."""
        header: Header = {"unit": unit, "q": q, "steps": steps, "delta": str(delta)}
        header |= {"sigma": target} if isinstance(target, float) else {"epsilon": str(target)}
        try:
            reply = self._ask(header)
        except WorkerFailure as failure:
            if failure.error == accounting.OutOfReach.__name__:
                raise accounting.OutOfReach(failure.text) from None
            if failure.reason == "error":
                raise TacitError("pricing_failed", "The process that prices runs met a fault.") from None
            raise Overloaded(
                "overloaded", "The price of this run could not be computed in time. Nothing was charged.",
                hint="Try again in a few seconds.",
            ) from None  # fmt: skip
        event = from_dict(reply["event"])
        asked = (unit, q, steps)
        if (
            not isinstance(event, DpSgdEvent)
            or (event.unit, event.q, event.steps) != asked
            or event.sigma != reply["sigma"]
        ):
            raise TacitError("pricing_failed", "The process that prices runs answered another question.")
        return Priced(event.sigma, event, [(epochs, epsilon) for epochs, epsilon in reply["points"]])

    def close(self) -> None:
        """Stop the child."""
        with self._lock:
            self._closed, worker, self._worker = True, self._worker, None
        if worker is not None:
            worker.close()

    def _ask(self, header: Header) -> Header:
        with self._lock:
            if self._closed:
                raise WorkerFailure("died", "closed")
            if self._worker is None:
                self._worker = WorkerProcess(MODULE)
            worker = self._worker
        return once_more(lambda: worker.call(header, timeout_s=TIME_S_MAX)[0])


def _start() -> tuple[Handler, Callable[[], None]]:
    def handle(header: Header, _: list[memoryview]) -> tuple[Header, list[Blob]]:
        accounting.epsilon_of.cache_clear()
        target = header["sigma"] if "sigma" in header else Epsilon.parse(header["epsilon"])
        try:
            found = priced(header["unit"], header["q"], header["steps"], Delta.parse(header["delta"]), target)
        except accounting.OutOfReach as error:
            raise ChildError(type(error).__name__, str(error)) from None
        return {"sigma": found.sigma, "event": found.event.to_dict(), "points": found.points}, []

    return handle, lambda: None


def main(argv: list[str]) -> None:
    """Entry of the child: ``parent-pid``."""
    stand_behind(BEHIND)
    harden(int(argv[0]), may_write_files=False, memory_bytes_max=_MEMORY_BYTES_MAX)
    serve(_start)


if __name__ == "__main__":
    main(sys.argv[1:])
