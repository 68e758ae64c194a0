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
    from tacit._transport import SyncTransport
    from tacit.model import Model

OPEN = ("queued", "running")


class TrainingJob:
    """One job of the caller. ``state`` is what the service said last; ``refresh`` asks again."""

    def __init__(self, state: wire.TrainingJob, transport: SyncTransport, retries: int) -> None:
        self.state = state
        self._transport = transport
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
        return f"<TrainingJob {self.id} {self.status} {done}, ε {self.state.charged.epsilon} charged>"

    def refresh(self) -> TrainingJob:
        """Ask how far it is."""
        self.state = self._transport.run(protocol.job(self.id), self._retries)
        return self

    def wait(self, timeout_s: float = 3600.0, *, every_s: float = 0.5) -> TrainingJob:
        """Return when the model is there. ``TrainingFailed`` when there will be none, ``TimeoutError`` when not yet."""
        deadline = time.monotonic() + timeout_s
        while self.status in OPEN:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.id} is still {self.status} after {timeout_s:g} s")
            time.sleep(every_s)
            self.refresh()
        if self.status != "succeeded":
            raise TrainingFailed(self.id, self.status, self.state.code)
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
