"""A run of DP-SGD over privacy units.

One step, with public rate q, clipping norm C, noise multiplier σ and expected batch B:

1. each unit enters with probability q, independently (Poisson sampling of units, not of rows);
2. the gradient of a unit is that of the mean loss over its rows, at most m of them: one vector a unit, whatever its rows;
3. it is scaled to norm at most C; a gradient that is not finite counts as zero;
4. the vectors are added in 64-bit floats, N(0, σ²C²) is added to each coordinate, and the sum is divided by B.

Adding or removing one unit moves the sum of step 4 by at most C, and only when that unit is sampled: the step is the
Poisson-subsampled Gaussian mechanism with noise multiplier σ that ``accounting`` prices. Everything after it, the
optimizer and the average of iterates included, is post-processing. No layer mixes units: a unit's gradient is computed
by itself.

**Adaptive clipping** (Andrew, Thakkar, McMahan, Ramaswamy 2021) moves C towards a quantile of the units' norms. The step
then releases a second number: how many norms were at most C, each unit counted as ±1/2, under noise of σ_b = 5σ. The
two together are one Gaussian mechanism: with gradients noised by σ_g, a unit moves the pair, measured in its noise, by at
most √(σ_g⁻² + (2σ_b)⁻²), which is 1/σ for σ_g = (σ⁻² − (2σ_b)⁻²)^(−1/2) = σ/√0.99. So σ stays what is charged, and the
gradients carry half a per cent more noise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ..encoding import Rows
from ..generator import Stream
from ..layers import Network, network
from ..reading import Store
from ..spec import Run
from .devices import ELEMENTS_MAX, home
from .gradients import Block, Factored, Layerwise, Sums
from .networks import Built, named
from .optimizers import Optimizer
from .team import Team

COUNT_NOISE: Final = 5.0
"""σ_b/σ of adaptive clipping."""

GRADIENT_NOISE: Final = 1 / math.sqrt(1 - 1 / (2 * COUNT_NOISE) ** 2)
"""σ_g/σ of adaptive clipping."""

_CLIP_RATE: Final = 0.2  # of the geometric update, as in the paper
_CLIP_MIN, _CLIP_MAX = 1e-6, 1e6
_FEATURE_ROWS: Final = 256


def threads(count: int) -> None:
    """How many threads torch may use in this process."""
    torch.set_num_threads(count)


class Trainer:
    """A run in progress: ``step`` once for each step that was paid for."""

    def __init__(
        self,
        run: Run,
        sigma: float,
        rows: Rows,
        task: str,
        outputs: int,
        batch: float,
        stream: Stream | None = None,
        checkpoint: Mapping[str, npt.NDArray[Any]] | None = None,
        team: Team | None = None,
        store: Store | None = None,
        device: str = "cpu",
    ) -> None:
        self._run, self._sigma, self._batch = run, sigma, batch
        self._stream = stream or Stream()
        self._team = team or Team()
        net = network(run.architecture, run.architecture.shape or (rows.x.shape[1],), outputs)
        self._device = torch.device(device)
        self.model = Built(net, checkpoint).to(self._device)
        self._team.follow(p.detach() for p in self.model.parameters())  # all processes begin with the same numbers
        self._parameters = named(self.model.body)
        self._count = sum(p.numel() for p in self._parameters.values())
        self._optimizer = Optimizer(run, [p.detach() for p in self._parameters.values()])
        self._pinned = checkpoint is not None or not net.front
        self._first = rows.first
        self._x = home(_features(self.model, rows.x, net, store or Store()), self._device)
        self._y = torch.from_numpy(rows.y).to(self._device)
        self._sums = self._choose(net, task, outputs)
        self._clip, self._step = run.clipping_norm, 0
        self._average = {name: p.detach().clone() for name, p in self._parameters.items()} if run.average else {}

    @property
    def units(self) -> int:
        """Private: it never leaves the process that trains."""
        return len(self._first) - 1

    @property
    def clipping_norm(self) -> float:
        """C of the next step: given, or moved by what was released."""
        return self._clip

    def _choose(self, net: Network, task: str, outputs: int) -> Sums:
        """The cheaper way to the sum; chosen for its time alone, which is not hidden."""
        smoothing = self._run.label_smoothing
        if net.linear and self._run.max_rows == 1:
            if self.units != len(self._x):
                raise ValueError("max_rows is 1, and units have more rows")
            (layer,) = self.model.body.children()
            assert isinstance(layer, nn.Linear)
            return Factored(layer, self._x, self._y, task, outputs, smoothing)
        return Layerwise(self.model.body, task, outputs, smoothing, self._blocks)

    def step(self) -> None:
        """Sample, clip, add, add noise, divide, and let the optimizer move."""
        chosen = np.flatnonzero(self._stream.bernoulli(self.units, self._run.sampling_rate))
        total, below = self._sum(chosen)
        both = torch.cat([total.cpu(), torch.tensor([below - len(chosen) / 2], dtype=torch.float64)])
        mine = self._team.part(self._count)
        both[mine] += torch.from_numpy(self.noise(mine.stop - mine.start)) * self._clip
        if self._team.lead and self._run.adaptive_clipping:
            both[-1] += float(self._stream.normal(1)[0]) * COUNT_NOISE * self._sigma
        noisy, count = (both := self._team.add(both))[:-1], float(both[-1])
        noisy /= self._batch
        found = noisy.float().to(self._device)
        shapes = [p.shape for p in self._parameters.values()]
        parts = torch.split(found, [shape.numel() for shape in shapes])
        self._optimizer.step([part.reshape(s) for part, s in zip(parts, shapes, strict=True)], self._rate())
        if self._run.adaptive_clipping:
            self._move_clip(count)
        self._step += 1
        self._follow()

    def noise(self, count: int | None = None) -> npt.NDArray[np.float64]:
        """What one step adds to the sum of gradients, in units of C; for an audit, as much as ``count`` coordinates."""
        scale = self._sigma * (GRADIENT_NOISE if self._run.adaptive_clipping else 1.0)
        return self._stream.normal(self._count if count is None else count) * scale

    def clipped_sum(self, units: npt.NDArray[np.int64]) -> Tensor:
        """The sum of the units' clipped gradients: exact, so it must not leave this process."""
        return self._sum(units)[0].cpu()

    def _sum(self, units: npt.NDArray[np.int64]) -> tuple[Tensor, int]:
        return self._sums(units, self._clip)

    def _blocks(self, units: npt.NDArray[np.int64], size: int, rows: int) -> Iterator[Block]:
        """Units in blocks of bounded memory, each padded to its largest unit with rows of weight zero."""
        if not len(units):
            return
        first = self._first
        widest = int((first[units + 1] - first[units]).max())
        most = ELEMENTS_MAX[self._device.type]
        size = max(1, min(size, rows // widest, most // (widest * self._x[0].numel())))
        for start in range(0, len(units), size):
            block = units[start : start + size]
            counts = first[block + 1] - first[block]
            place = np.arange(counts.max())
            index = first[block][:, None] + np.minimum(place, counts[:, None] - 1)
            weight = ((place < counts[:, None]) / counts[:, None]).astype(np.float32)
            at = torch.from_numpy(index)
            x, y = self._x[at.to(self._x.device)], self._y[at.to(self._device)]
            yield x.to(self._device), y, torch.from_numpy(weight).to(self._device)

    def _rate(self) -> float:
        """The learning rate of this step."""
        left = 1 - self._step / self._run.steps if self._run.schedule == "linear" else 1.0
        return self._run.learning_rate * left

    def _move_clip(self, noisy: float) -> None:
        """C ← C·exp(−η(b − γ)), b the noisy share of sampled units whose norm was at most C."""
        share = noisy / self._batch + 0.5
        moved = self._clip * math.exp(-_CLIP_RATE * (min(max(share, 0.0), 1.0) - self._run.adaptive_clipping))
        self._clip = min(max(moved, _CLIP_MIN), _CLIP_MAX)

    def _follow(self) -> None:
        """The exponential average of iterates, shorter at the beginning."""
        decay = min(self._run.average, (1 + self._step) / (10 + self._step))
        for name, mean in self._average.items():
            mean.lerp_(self._parameters[name].detach(), 1 - decay)

    # -- checkpoints and results: tensors only, never pickles

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """The model's parameters, averaged where the run says so, and what was fixed in it."""
        found = {**named(self.model.front), **self._parameters, **self._average}
        return {name: _copied(p) for name, p in found.items()}

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Parameters and the optimizer's state: all that a later attempt needs. All of it is post-processing of noise."""
        found = {f"model.{name}": _copied(p) for name, p in self._parameters.items()}
        found |= {f"average.{name}": _copied(p) for name, p in self._average.items()}
        found["trainer"] = np.array([self._clip, self._step], dtype=np.float64)
        return found | self._optimizer.state()

    def restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """Continue from what ``state`` gave, which holds what is trained: a fixed part is the checkpoint's, here as there."""
        if not self._pinned:
            raise ValueError("what is fixed was drawn by chance: another attempt's parameters do not fit it")
        self._clip, self._step = float(state["trainer"][0]), int(state["trainer"][1])
        with torch.no_grad():
            for name, parameter in self._parameters.items():
                parameter.copy_(torch.from_numpy(state[f"model.{name}"].copy()))
            for name, mean in self._average.items():
                mean.copy_(torch.from_numpy(state[f"average.{name}"].copy()))
        self._optimizer.restore(state, self._step)


def _features(model: Built, x: npt.NDArray[np.float32], net: Network, store: Store) -> Tensor:
    """What the trained part reads, for all rows: a function of each row alone, computed once."""
    raw = torch.from_numpy(x)
    if not net.scattering and not net.front:
        return raw.reshape(len(raw), *net.input)
    out, device = torch.from_numpy(store.floats((len(raw), *net.between))), next(model.parameters()).device
    with torch.no_grad():
        for start in range(0, len(raw), _FEATURE_ROWS):
            out[start : start + _FEATURE_ROWS] = model.features(raw[start : start + _FEATURE_ROWS].to(device))
    return out


def _copied(tensor: Tensor) -> npt.NDArray[Any]:
    found: npt.NDArray[Any] = tensor.detach().cpu().numpy().copy()
    return found


def apply(
    net: Network, tensors: Mapping[str, npt.NDArray[Any]], x: npt.NDArray[np.float32], device: str = "cpu"
) -> npt.NDArray[Any]:
    """Outputs [n, outputs] of a released model for encoded rows: post-processing, so free."""
    model = Built(net, tensors).to(device).eval()
    parts = [x[i : i + _FEATURE_ROWS] for i in range(0, len(x), _FEATURE_ROWS)]
    with torch.no_grad():
        found = [model(torch.from_numpy(np.ascontiguousarray(part)).to(device)).cpu().numpy() for part in parts]
    return np.concatenate(found) if found else np.zeros((0, net.body[-1].size), np.float32)
