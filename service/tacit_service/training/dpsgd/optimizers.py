"""SGD with momentum, and Adam (Kingma and Ba 2015), as torch.optim computes them (a test compares).

Not torch.optim itself, because making one of its optimizers loads torch's compiler: three CPU seconds in every process of
every job, for six lines of arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy.typing as npt
import torch
from torch import Tensor

from ..spec import Run

_BETA_1, _BETA_2, _TINY = 0.9, 0.999, 1e-8
_MOMENTS: Final = {"sgd": ("momentum_buffer",), "adam": ("exp_avg", "exp_avg_sq")}


class Optimizer:
    """Moves ``parameters``, in place. Its state is one or two tensors a parameter, and the number of steps."""

    def __init__(self, run: Run, parameters: Sequence[Tensor]) -> None:
        self._run, self._parameters = run, parameters
        self._moments = [[torch.zeros_like(p) for p in parameters] for _ in _MOMENTS[run.optimizer]]
        self._step = 0

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor], rate: float) -> None:
        """One step against ``gradients``, at this learning rate."""
        self._step += 1
        move = self._adam if self._run.optimizer == "adam" else self._sgd
        for i, (parameter, gradient) in enumerate(zip(self._parameters, gradients, strict=True)):
            if self._run.weight_decay:
                gradient = gradient.add(parameter, alpha=self._run.weight_decay)
            move(parameter, gradient, rate, *(moment[i] for moment in self._moments))

    def _sgd(self, parameter: Tensor, gradient: Tensor, rate: float, momentum: Tensor) -> None:
        momentum.mul_(self._run.momentum).add_(gradient)
        parameter.add_(momentum, alpha=-rate)

    def _adam(self, parameter: Tensor, gradient: Tensor, rate: float, mean: Tensor, square: Tensor) -> None:
        mean.lerp_(gradient, 1 - _BETA_1)
        square.mul_(_BETA_2).addcmul_(gradient, gradient, value=1 - _BETA_2)
        size = (square.sqrt() / math.sqrt(1 - _BETA_2**self._step)).add_(_TINY)
        parameter.addcdiv_(mean, size, value=-rate / (1 - _BETA_1**self._step))

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """For a checkpoint; the number of steps is the trainer's to keep."""
        return {
            f"optimizer.{i}.{name}": tensor.cpu().numpy().copy()
            for name, moment in zip(_MOMENTS[self._run.optimizer], self._moments, strict=True)
            for i, tensor in enumerate(moment)
        }

    def restore(self, state: Mapping[str, npt.NDArray[Any]], step: int) -> None:
        """Continue from what ``state`` gave after ``step`` steps."""
        self._step = step
        for name, moment in zip(_MOMENTS[self._run.optimizer], self._moments, strict=True):
            for i, tensor in enumerate(moment):
                tensor.copy_(torch.from_numpy(state[f"optimizer.{i}.{name}"].copy()))
