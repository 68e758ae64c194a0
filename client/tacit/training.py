"""A training job as the SDK holds it: wait for it, stop it, fetch its model and card, predict with it."""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from tacit import _training_protocol as protocol
from tacit._text import columns, fitted
from tacit.errors import TrainingFailed

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from tacit import wire
    from tacit._transport import AsyncTransport, SyncTransport
    from tacit.model import Model

OPEN = ("queued", "running")


class Bar:
    """A job's progress on stderr: one line that is drawn over on a terminal, a line every tenth elsewhere."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._tenth = -1

    def show(self, state: wire.TrainingJob) -> None:
        """Draw the state."""
        share = state.steps_done / state.steps
        over = state.status not in OPEN
        line = f"{state.id} {state.status:9} {'█' * int(20 * share):░<20} {state.steps_done}/{state.steps} steps"
        line += f", ε ≤ {state.epsilon_so_far:.4g} of {state.price.epsilon}"
        if self._stream.isatty():
            self._stream.write(f"\r\x1b[K{fitted(line, columns(self._stream) - 1)}" + ("\n" if over else ""))
        elif over or int(10 * share) > self._tenth:
            self._stream.write(line + "\n")
        self._tenth = int(10 * share)
        self._stream.flush()


class _Job:
    """What both kinds of job remember. ``state`` is what the service said last."""

    def __init__(self, state: wire.TrainingJob, retries: int) -> None:
        self.state = state
        self._retries = retries
        self._model: Model | None = None

    @property
    def id(self) -> str:
        """The job's id, which ``Client.training_job`` takes."""
        return self.state.id

    @property
    def status(self) -> str:
        """queued, running, succeeded, failed or cancelled, as of the last answer."""
        return self.state.status

    def __repr__(self) -> str:
        done = f"{self.state.steps_done}/{self.state.steps} steps"
        return f"<{type(self).__name__} {self.id} {self.status} {done}, ε {self.state.charged.epsilon} charged>"

    def _open(self, deadline: float) -> bool:
        """Whether to ask again; raises when there will be no model, or not in time."""
        if self.status in OPEN:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.id} is still {self.status}")
            return True
        if self.status != "succeeded":
            raise TrainingFailed(self.id, self.status, self.state.code)
        return False


class TrainingJob(_Job):
    """One job of the caller, for ``Client``. ``refresh`` asks how far it is."""

    def __init__(self, state: wire.TrainingJob, transport: SyncTransport, retries: int) -> None:
        super().__init__(state, retries)
        self._transport = transport

    def refresh(self) -> TrainingJob:
        """Ask how far it is."""
        self.state = self._transport.run(protocol.job(self.id), self._retries)
        return self

    def events(self) -> Iterator[wire.TrainingJob]:
        """The job's state now and after each change, as the service tells it, until it is over."""
        yield self.refresh().state
        while self.status in OPEN:
            for line in self._transport.lines(protocol.events(self.id)):
                if (state := protocol.event_state(line)) is not None and state != self.state:
                    self.state = state
                    yield state
            if self.status in OPEN:  # the stream has its longest time, and networks break
                time.sleep(1.0)
                yield self.refresh().state

    def wait(self, timeout_s: float = 3600.0, *, every_s: float = 0.5, progress: bool = False) -> TrainingJob:
        """Return when the model is there. ``TrainingFailed`` when there will be none, ``TimeoutError`` when not yet.

        ``progress`` draws a bar on stderr, with the steps done and the ε that they cost at most.
        """
        deadline = time.monotonic() + timeout_s
        if progress:
            bar = Bar()
            for state in self.events():
                bar.show(state)
                if not self._open(deadline):
                    break
        while self._open(deadline):
            time.sleep(every_s)
            self.refresh()
        return self

    def cancel(self) -> TrainingJob:
        """Stop it. It is charged for the steps that it began; a queued one costs nothing."""
        self.state = self._transport.run(protocol.cancel(self.id), self._retries)
        return self

    def card(self) -> wire.ModelCard:
        """What the model is, and what was promised while it was made."""
        return self._transport.run(protocol.card(self.id), self._retries)

    def artifacts(self) -> list[wire.Artifact]:
        """The files that the job made: the model in two formats, its card, its curves."""
        return self._transport.run(protocol.artifacts(self.id), self._retries)

    def artifact(self, name: str) -> bytes:
        """One of them, by name."""
        return self._transport.run(protocol.artifact(self.id, name), self._retries)

    def predict_remotely(self, rows: Sequence[Mapping[str, Any]]) -> wire.Predictions:
        """The service's answer to a batch of rows, for programs without numpy. Costs nothing either."""
        return self._transport.run(protocol.predictions(self.id, rows), self._retries)

    def model(self) -> Model:
        """The model: its tensors by name, and ``predict``. ``content`` is the safetensors file itself."""
        if self._model is None:
            from tacit.model import GRAPHS, Model

            card, content = self.card(), self._transport.run(protocol.model(self.id), self._retries)
            self._model = Model(content, card, self.artifact("model.onnx") if card.model["type"] in GRAPHS else None)
        return self._model

    def predict(self, rows: pd.DataFrame) -> np.ndarray[Any, Any]:
        """The label of each row of a frame that has the features' columns. Costs nothing: the model is released."""
        return self.model().predict(rows)


class AsyncTrainingJob(_Job):
    """``TrainingJob`` for ``AsyncClient``: the same methods, awaited."""

    def __init__(self, state: wire.TrainingJob, transport: AsyncTransport, retries: int) -> None:
        super().__init__(state, retries)
        self._transport = transport

    async def refresh(self) -> AsyncTrainingJob:
        """Ask how far it is."""
        self.state = await self._transport.run(protocol.job(self.id), self._retries)
        return self

    async def events(self) -> AsyncIterator[wire.TrainingJob]:
        """The job's state now and after each change, as the service tells it, until it is over."""
        import asyncio

        yield (await self.refresh()).state
        while self.status in OPEN:
            async for line in self._transport.lines(protocol.events(self.id)):
                if (state := protocol.event_state(line)) is not None and state != self.state:
                    self.state = state
                    yield state
            if self.status in OPEN:
                await asyncio.sleep(1.0)
                yield (await self.refresh()).state

    async def wait(
        self, timeout_s: float = 3600.0, *, every_s: float = 0.5, progress: bool = False
    ) -> AsyncTrainingJob:
        """Return when the model is there, as ``TrainingJob.wait``."""
        import asyncio  # here, because a program that blocks starts sooner without it

        deadline = time.monotonic() + timeout_s
        if progress:
            bar = Bar()
            async for state in self.events():
                bar.show(state)
                if not self._open(deadline):
                    break
        while self._open(deadline):
            await asyncio.sleep(every_s)
            await self.refresh()
        return self

    async def cancel(self) -> AsyncTrainingJob:
        """Stop it. It is charged for the steps that it began; a queued one costs nothing."""
        self.state = await self._transport.run(protocol.cancel(self.id), self._retries)
        return self

    async def card(self) -> wire.ModelCard:
        """What the model is, and what was promised while it was made."""
        return await self._transport.run(protocol.card(self.id), self._retries)

    async def artifacts(self) -> list[wire.Artifact]:
        """The files that the job made: the model in two formats, its card, its curves."""
        return await self._transport.run(protocol.artifacts(self.id), self._retries)

    async def artifact(self, name: str) -> bytes:
        """One of them, by name."""
        return await self._transport.run(protocol.artifact(self.id, name), self._retries)

    async def predict_remotely(self, rows: Sequence[Mapping[str, Any]]) -> wire.Predictions:
        """The service's answer to a batch of rows, for programs without numpy. Costs nothing either."""
        return await self._transport.run(protocol.predictions(self.id, rows), self._retries)

    async def model(self) -> Model:
        """The model: its tensors by name, and ``predict``. ``content`` is the safetensors file itself."""
        if self._model is None:
            from tacit.model import GRAPHS, Model

            card, content = await self.card(), await self._transport.run(protocol.model(self.id), self._retries)
            onnx = await self.artifact("model.onnx") if card.model["type"] in GRAPHS else None
            self._model = Model(content, card, onnx)
        return self._model

    async def predict(self, rows: pd.DataFrame) -> np.ndarray[Any, Any]:
        """The label of each row of a frame that has the features' columns. Costs nothing: the model is released."""
        return (await self.model()).predict(rows)
