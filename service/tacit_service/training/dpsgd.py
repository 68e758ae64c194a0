"""DP-SGD over privacy units: the only importer of torch.

One step, with public rate q, clipping norm C, noise multiplier σ and expected batch B:

1. each unit enters with probability q, independently (Poisson sampling of units, not of rows);
2. the gradient of a unit is that of the mean loss over its rows, at most m of them: one vector a unit, whatever its rows;
3. it is scaled to norm at most C; a gradient that is not finite counts as zero;
4. the vectors are added in 64-bit floats, N(0, σ²C²) is added to each coordinate, and the sum is divided by B.

Adding or removing one unit moves the sum of step 4 by at most C, and only when that unit is sampled: the step is the
Poisson-subsampled Gaussian mechanism with noise multiplier σ that ``accounting`` prices. Everything after it, the
optimizer included, is post-processing. No layer mixes units: a unit's gradient is computed by itself (``vmap``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn import functional

from .encoding import Rows
from .generator import Stream
from .spec import Architecture, Run

CLIP_SLACK: Final = 1 - 2.0**-30
"""Gradients are scaled to a little less than C, by more than the rounding of their 64-bit norm."""

_ELEMENTS_MAX: Final = 4_000_000  # of one block of per-unit gradients


def threads(count: int) -> None:
    """How many threads torch may use in this process."""
    torch.set_num_threads(count)


def build(how: Architecture, inputs: int, outputs: int) -> nn.Module:
    """The model, with fresh random weights. They are public: drawn from the system's entropy, seen by whoever gets them."""
    torch.manual_seed(int.from_bytes(np.random.SeedSequence().generate_state(2, np.uint32).tobytes(), "little"))
    activation = nn.Tanh if how.activation == "tanh" else nn.ReLU
    layers: list[nn.Module] = []
    width = inputs
    if how.type == "cnn":
        layers += _convolutions(how, activation)
        height, breadth = (size // 4 if len(how.channels) == 2 else size // 2 for size in how.shape)
        width = how.channels[-1] * height * breadth
    for size in how.hidden:
        layers += [nn.Linear(width, size), activation()]
        width = size
    last = nn.Linear(width, outputs)
    if not layers:  # convex: begin at zero, where every class is as likely
        nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(*layers, last)


def _convolutions(how: Architecture, activation: type[nn.Module]) -> list[nn.Module]:
    layers: list[nn.Module] = [nn.Unflatten(-1, (1, *how.shape))]
    before = 1
    for channels in how.channels:
        layers += [nn.Conv2d(before, channels, 5, padding=2), activation(), nn.MaxPool2d(2)]
        before = channels
    return [*layers, nn.Flatten(-3)]


def loss_of(task: str, outputs: int, prediction: Tensor, target: Tensor) -> Tensor:
    """The loss of each row."""
    if task == "regression":
        return (prediction.squeeze(-1) - target) ** 2
    if outputs == 1:
        return functional.binary_cross_entropy_with_logits(
            prediction.squeeze(-1), target.to(prediction.dtype), reduction="none"
        )
    return functional.cross_entropy(prediction, target, reduction="none")


def clipped(gradients: Tensor, norm: float) -> Tensor:
    """Per-unit gradients (one a row of the matrix) in 64 bits, each with L2 norm at most ``norm``.

    Proof. Let n be a row's computed norm; its relative rounding is below 2⁻⁴⁰ for up to 10⁹ coordinates of 64 bits
    (pairwise sums). A row with n ≤ C' = (1 − 2⁻³⁰)C has true norm below C. Another is scaled by C'/n, to a true norm
    below C'(1 + 2⁻³⁹) < C. A row with a NaN, an infinity, or a norm that overflows is replaced by zero. ∎
    """
    wide = gradients.double()
    size = torch.linalg.vector_norm(wide, dim=1)
    finite = torch.isfinite(size)
    limit = norm * CLIP_SLACK
    factor = torch.where(size > limit, limit / size, torch.ones_like(size))
    return torch.where(finite[:, None], wide, 0.0) * torch.where(finite, factor, 0.0)[:, None]


class Trainer:
    """A run in progress: ``step`` once for each step that was paid for."""

    def __init__(
        self, run: Run, sigma: float, rows: Rows, task: str, outputs: int, batch: float, stream: Stream | None = None
    ) -> None:
        self._run = run
        self._sigma = sigma
        self._rows = rows
        self._x, self._y = torch.from_numpy(rows.x), torch.from_numpy(rows.y)
        self._batch = batch
        self._stream = stream or Stream()
        self.model = build(run.architecture, rows.x.shape[1], outputs)
        self._parameters = dict(self.model.named_parameters())
        self._count = sum(p.numel() for p in self._parameters.values())
        self._optimizer = _optimizer(run, self.model)

        def unit_loss(parameters: dict[str, Tensor], x: Tensor, y: Tensor, weight: Tensor) -> Tensor:
            prediction = functional_call(self.model, parameters, (x,))
            return (loss_of(task, outputs, prediction, y) * weight).sum()

        self._gradients = vmap(grad(unit_loss), in_dims=(None, 0, 0, 0))

    def step(self) -> None:
        """Sample, clip, add, add noise, divide, and let the optimizer move."""
        chosen = np.flatnonzero(self._stream.bernoulli(self._rows.units, self._run.sampling_rate))
        noisy = self.clipped_sum(chosen)
        noisy += torch.from_numpy(self._stream.normal(self._count)) * (self._sigma * self._run.clipping_norm)
        noisy /= self._batch
        at = 0
        for parameter in self._parameters.values():
            parameter.grad = noisy[at : at + parameter.numel()].reshape(parameter.shape).to(parameter.dtype)
            at += parameter.numel()
        self._optimizer.step()

    def clipped_sum(self, units: npt.NDArray[np.int64]) -> Tensor:
        """The sum of the units' clipped gradients: exact, so it must not leave this process."""
        total = torch.zeros(self._count, dtype=torch.float64)
        parameters = {name: p.detach() for name, p in self._parameters.items()}
        for x, y, weight in self._blocks(units):
            gradients = self._gradients(parameters, x, y, weight)
            flat = torch.cat([gradients[name].flatten(1) for name in parameters], dim=1)
            total += clipped(flat, self._run.clipping_norm).sum(dim=0)
        return total

    def _blocks(self, units: npt.NDArray[np.int64]) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Units in blocks of bounded memory, each padded to its largest unit with rows of weight zero."""
        first = self._rows.first
        size = max(1, min(512, _ELEMENTS_MAX // self._count))
        for start in range(0, len(units), size):
            block = units[start : start + size]
            counts = first[block + 1] - first[block]
            place = np.arange(counts.max())
            index = torch.from_numpy(first[block][:, None] + np.minimum(place, counts[:, None] - 1))
            weight = torch.from_numpy(((place < counts[:, None]) / counts[:, None]).astype(np.float32))
            yield self._x[index], self._y[index], weight

    # -- checkpoints and results: tensors only, never pickles

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """The model's parameters."""
        return {name: p.detach().numpy().copy() for name, p in self._parameters.items()}

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Parameters and the optimizer's state: all that a later attempt needs. All of it is post-processing of noise."""
        found = {f"model.{name}": value for name, value in self.tensors().items()}
        for place, values in self._optimizer.state_dict()["state"].items():
            for key, value in values.items():
                if isinstance(value, Tensor):
                    found[f"optimizer.{place}.{key}"] = value.detach().numpy().copy()
        return found

    def restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """Continue from what ``state`` gave."""
        optimizer = self._optimizer.state_dict()
        with torch.no_grad():
            for name, parameter in self._parameters.items():
                parameter.copy_(torch.from_numpy(state[f"model.{name}"].copy()))
        for key, value in state.items():
            if key.startswith("optimizer."):
                _, place, name = key.split(".")
                optimizer["state"].setdefault(int(place), {})[name] = torch.from_numpy(value.copy())
        self._optimizer.load_state_dict(optimizer)


def _optimizer(run: Run, model: nn.Module) -> torch.optim.Optimizer:
    if run.optimizer == "adam":
        return torch.optim.Adam(model.parameters(), lr=run.learning_rate, weight_decay=run.weight_decay)
    return torch.optim.SGD(
        model.parameters(), lr=run.learning_rate, momentum=run.momentum, weight_decay=run.weight_decay
    )
