"""A training job as the SDK holds it: wait for it, stop it, fetch its model and card, predict with it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tacit import _training_protocol as protocol
from tacit.errors import TrainingFailed

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from tacit import wire
    from tacit._transport import AsyncTransport, SyncTransport
    from tacit.model import Model

OPEN = ("queued", "running")


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

    def wait(self, timeout_s: float = 3600.0, *, every_s: float = 0.5) -> TrainingJob:
        """Return when the model is there. ``TrainingFailed`` when there will be none, ``TimeoutError`` when not yet."""
        deadline = time.monotonic() + timeout_s
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

    def model(self) -> Model:
        """The model: its tensors by name, and ``predict``. ``content`` is the safetensors file itself."""
        if self._model is None:
            from tacit.model import Model

            content = self._transport.run(protocol.model(self.id), self._retries)
            self._model = Model(content, self.card())
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

    async def wait(self, timeout_s: float = 3600.0, *, every_s: float = 0.5) -> AsyncTrainingJob:
        """Return when the model is there. ``TrainingFailed`` when there will be none, ``TimeoutError`` when not yet."""
        import asyncio  # here, because a program that blocks starts sooner without it

        deadline = time.monotonic() + timeout_s
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

    async def model(self) -> Model:
        """The model: its tensors by name, and ``predict``. ``content`` is the safetensors file itself."""
        if self._model is None:
            from tacit.model import Model

            content = await self._transport.run(protocol.model(self.id), self._retries)
            self._model = Model(content, await self.card())
        return self._model

    async def predict(self, rows: pd.DataFrame) -> np.ndarray[Any, Any]:
        """The label of each row of a frame that has the features' columns. Costs nothing: the model is released."""
        return (await self.model()).predict(rows)
