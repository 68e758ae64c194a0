"""Training jobs on a terminal: started, listed, watched with a progress bar, stopped."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any, TextIO

from tacit._text import clean, columns, fitted
from tacit.errors import InvalidArgument, TrainingFailed
from tacit.release import spend
from tacit.shell import render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tacit.shell.render import Output
    from tacit.training import TrainingJob
    from tacit.wire import TrainingJob as State

_BAR, _BAR_LEAST = 30, 5
_EVERY_S = 0.5
_OPTION = re.compile(r"\s*([a-z_]+)=(\S+)")


def listed(out: TextIO, jobs: Sequence[State], output: Output) -> None:
    """One line a job, newest first."""
    headers = ["job", "status", "steps", "done", "ε", "label", "model", "created"]
    rows = [
        [job.id, job.status, str(job.steps), f"{_share(job):.0%}", job.charged.epsilon, job.label, str(job.model.get("type")),
         job.created_at]
        for job in jobs
    ]  # fmt: skip
    render.rows(out, headers, rows, output)


def line(state: State, room: int = 200) -> str:
    """Where a job is, in one line of at most so many columns; the bar gives way first.

    >>> from types import SimpleNamespace as Some
    >>> line(Some(id="job_1", status="running", steps=40, steps_done=10, charged=Some(epsilon="0.5", delta="0")))
    'job_1 running   [#######.......................] 10/40 steps, ε 0.5'
    """
    head, tail = f"{state.id} {state.status:9} ", f"{state.steps_done}/{state.steps} steps, {spend(state.charged)}"
    bar = min(_BAR, room - len(head) - len(tail) - 3)
    full = int(_share(state) * bar)
    drawn = f"[{'#' * full}{'.' * (bar - full)}] " if bar >= _BAR_LEAST else ""
    return fitted(clean(f"{head}{drawn}{tail}"), room)


def follow(job: TrainingJob, err: TextIO, every_s: float = _EVERY_S) -> bool:
    """Draw a bar until the job ends; True when there is a model. Ctrl-C stops looking, not the job."""
    live, shown = err.isatty(), ""
    try:
        while True:
            now = line(job.state, columns(err) - 1) if live else line(job.state)
            ended = job.status not in ("queued", "running")
            if live:
                err.write(f"\r{now}\x1b[K" + ("\n" if ended else ""))
            elif now != shown and (ended or job.status not in shown):  # a log wants the turns, not every step
                err.write(now + "\n")
            err.flush()
            shown = now
            if ended:
                return job.status == "succeeded"
            time.sleep(every_s)
            job.refresh()
    except KeyboardInterrupt:
        err.write(f"{chr(10) if live else ''}-- {clean(job.id)} goes on; it can be watched again and cancelled\n")
        raise


def ended_well(job: TrainingJob, err: TextIO) -> None:
    """Follow a job; ``TrainingFailed`` unless it brings a model."""
    if not follow(job, err):
        raise TrainingFailed(job.id, job.status, job.state.code)


def options(text: str) -> tuple[dict[str, Any], str]:
    """The ``name=value`` words before a statement, and the statement.

    >>> options('label=well_off epochs=2 model={"type":"mlp","hidden":[8]} SELECT age FROM patients')
    ({'label': 'well_off', 'epochs': 2, 'model': {'type': 'mlp', 'hidden': [8]}}, 'SELECT age FROM patients')
    """
    found: dict[str, Any] = {}
    while (word := _OPTION.match(text)) is not None:
        found[word[1]] = value(word[2])
        text = text[word.end() :]
    return found, text.strip()


def value(text: str) -> Any:
    """A number, a list or an object as JSON has it; anything else is text. ε and δ stay the text that they are."""
    if text[:1] in "[{" or re.fullmatch(r"-?\d+(\.\d+)?", text):
        try:
            return json.loads(text)
        except ValueError:
            raise InvalidArgument(f"{clean(text)} is no JSON") from None
    return text


def asked(found: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """Arguments of ``Client.train``: what was said, on top of what the session has set."""
    kept = {name: defaults[name] for name in ("dataset", "epsilon", "delta") if defaults.get(name) is not None}
    told = {**kept, **found}
    for name in ("label", "model"):
        if name not in told:
            raise InvalidArgument(
                f"training needs {name}=…: label=COLUMN model=logistic_regression [epochs=15 …] SELECT …"
            )
    for name in ("epsilon", "delta"):
        if name in told:
            told[name] = str(told[name])
    return told


def _share(state: State) -> float:
    return min(1.0, state.steps_done / state.steps) if state.steps else 0.0
