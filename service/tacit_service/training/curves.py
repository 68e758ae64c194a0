"""How a run went, step by step: ε, how far the steps moved the model, accuracy on public rows. All post-processing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .plan import TrainingPlan, renyi_epsilon

POINTS: Final = 40
"""About so many points a run, besides the last."""

_COLUMNS: Final = ("step", "epoch", "epsilon_at_most", "update_norm", "weight_norm", "validation_accuracy")

Tensors = Mapping[str, npt.NDArray[Any]]


class Curves:
    """Points so far; kept in the checkpoint, so that a resumed run has all of them."""

    def __init__(self, planned: TrainingPlan, saved: Mapping[str, npt.NDArray[Any]]) -> None:
        self._planned, self._sgd = planned, planned.sgd
        self.every = max(1, planned.run.steps // POINTS)
        self._points: list[list[float]] = saved["curves"].tolist() if "curves" in saved else []
        self._before: npt.NDArray[np.float64] | None = None

    def due(self, step: int) -> bool:
        """Whether it is time for a point: at the end, and about every fortieth of the run."""
        last = self._points[-1][0] if self._points else 0.0
        return step == self._sgd.steps or step - last >= self.every

    def note(self, step: int, tensors: Tensors, accuracy: float | None) -> None:
        """Add a point after ``step``: the mean length of the moves since the point before."""
        now = np.concatenate([np.ravel(value).astype(np.float64) for value in tensors.values()])
        last = self._points[-1][0] if self._points else 0.0
        moved = float("nan")
        if self._before is not None and step > last:
            moved = float(np.linalg.norm(now - self._before)) / (step - last)
        spent = min(self._sgd.epsilon, renyi_epsilon(self._sgd, step / self._sgd.steps))
        size = float(np.linalg.norm(now))
        shown = float("nan") if accuracy is None else accuracy
        self._points.append([step, step * self._sgd.q, spent, moved, size, shown])
        self._before = now

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """For the checkpoint."""
        return {"curves": np.array(self._points, dtype=np.float64).reshape(-1, len(_COLUMNS))}

    def to_json(self) -> dict[str, Any]:
        """``curves.json``: points without what was not measured."""
        points = [
            {name: round(value, 6) for name, value in zip(_COLUMNS, point, strict=True) if not np.isnan(value)}
            for point in self._points
        ]
        return {"delta": self._sgd.delta, "epsilon_by_epoch": self._planned.epsilon_by_epoch, "training": points}
