"""The ladder of response times: what took data leaves at declared times, so that running time says little of the data.

An answer that ran leaves at the first step that is not past when it is ready, counted from when the desk took the
request; so does what failed after its charge. A run that the engine has not finished within the last step is stopped
and refused, charged. What touches no data (refusals, quotes, stored answers) does not wait: its time depends on the SQL
and on released values alone. What is left to see is one step of the ladder for each charge: docs/threat-model.md.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tacit_service.errors import Overloaded, TacitError

ENGINE_SHARE: Final = 0.8
"""Part of the last step that the engine has; the rest is for noise, record and post-processing."""
ENGINE_S_MAX: Final = 60.0
ENGINE_S_MIN: Final = 0.05
READY_S: Final = 1.0
"""That a request may take before its charge, on whatever ladder: one that was prepared before takes some milliseconds."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """Steps in milliseconds, ascending; none: answers leave when they are ready.

    >>> Ladder((50, 100, 200)).step(0.06), Ladder((50, 100, 200)).step(0.51)
    (100, 600)
    """

    steps_ms: Sequence[int]
    now: Callable[[], float] = time.monotonic

    def step(self, elapsed_s: float) -> int | None:
        """When what is ready after ``elapsed_s`` leaves, in ms; past the last step at its multiples."""
        elapsed_ms = elapsed_s * 1000
        if not self.steps_ms:
            return None
        last = self.steps_ms[-1]
        return next((step for step in self.steps_ms if step >= elapsed_ms), int(-(-elapsed_ms // last)) * last)

    def start(self) -> Run:
        """The clock of one request."""
        return Run(self, self.now())


@dataclass(frozen=True, slots=True)
class Run:
    """One request's clock."""

    ladder: Ladder
    started_s: float

    def leave_ms(self) -> int | None:
        """The step at which an answer that is ready now leaves; ``None`` without a ladder."""
        return self.ladder.step(self.ladder.now() - self.started_s)

    def stamp(self, error: TacitError) -> None:
        """Say in ``extra`` when an error after the charge leaves."""
        error.extra["response_ms"] = self.leave_ms()

    def still_in_time(self) -> None:
        """Before a charge: ``Overloaded``, at no cost, where what needs no data took half of the time that the engine has."""
        most_s = max(self.ladder.steps_ms[-1] / 1000 * ENGINE_SHARE / 2, READY_S) if self.ladder.steps_ms else math.inf
        if self.ladder.now() - self.started_s > most_s:
            told = (
                "The query took so long to prepare that too little time is left to run it. Nothing was run or charged."
            )
            raise Overloaded(
                "overloaded", told, hint="Try again: it is prepared by now. Or ask by epsilon, not accuracy."
            )

    def engine_s(self) -> float:
        """How long the engine may still run."""
        if not self.ladder.steps_ms:
            return ENGINE_S_MAX
        limit = self.ladder.steps_ms[-1] / 1000 * ENGINE_SHARE
        return min(ENGINE_S_MAX, max(ENGINE_S_MIN, limit - (self.ladder.now() - self.started_s)))
