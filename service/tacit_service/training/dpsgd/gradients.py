"""The sum of clipped per-unit gradients, in three ways that give the same numbers (a test compares them).

- ``Vectorised``: ``vmap`` of ``grad`` over units; any network, any rows a unit.
- the same, compiled, with blocks of one fixed size, where the run is long enough to pay for the compiler.
- ``Factored``: one linear layer and one row a unit. The gradient is an outer product δ ⊗ (x, 1), whose norm is the
  product of norms (Goodfellow 2015), so that no per-unit gradient is ever written out: two matrix products a step.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn import functional

CLIP_SLACK: Final = 1 - 2.0**-30
"""Gradients are scaled to a little less than C, by more than the rounding of their 64-bit norm."""

ELEMENTS_MAX: Final = 4_000_000
"""Of one block of per-unit gradients."""

_FACTORED_BLOCK: Final = 256
_COMPILED_BLOCK: Final = 128
_COMPILING_PAYS: Final = 5e10
"""Trained parameters × units × steps from which on compiling (half a minute) is won back."""

Parameters = dict[str, Tensor]
Block = tuple[Tensor, Tensor, Tensor]
Units = npt.NDArray[np.int64]


class Blocks(Protocol):
    """Rows of units, ``size`` units at a time: x [units, rows, …], y and weights [units, rows]."""

    def __call__(self, units: Units, size: int, *, fixed: bool) -> Iterator[Block]:
        """``fixed``: every block has ``size`` units, the last filled up with units of weight zero."""
        ...


class Sums(Protocol):
    """Sum of clipped gradients over ``units`` in 64 bits, and how many of the norms were at most C."""

    def __call__(self, parameters: Parameters, units: Units, norm: float) -> tuple[Tensor, int]:
        """The sum, flat, in the parameters' order."""
        ...


def loss_of(task: str, outputs: int, prediction: Tensor, target: Tensor, smoothing: float = 0.0) -> Tensor:
    """The loss of each row. ``smoothing`` moves so much of a class's weight to all classes alike."""
    if task == "regression":
        return (prediction.squeeze(-1) - target) ** 2
    if outputs == 1:
        wanted = target.to(prediction.dtype) * (1 - smoothing) + smoothing / 2
        return functional.binary_cross_entropy_with_logits(prediction.squeeze(-1), wanted, reduction="none")
    return functional.cross_entropy(prediction, target, reduction="none", label_smoothing=smoothing)


def factors(sizes: Tensor, norm: float) -> Tensor:
    """By what gradients of these 64-bit norms are scaled to norm at most ``norm``; what is no number, by zero.

    Proof. A computed norm n has a relative rounding below 2⁻⁴⁰ for up to 10⁹ coordinates of 64 bits (pairwise sums). A
    gradient with n ≤ C' = (1 − 2⁻³⁰)C has true norm below C. Another is scaled by C'/n, to a true norm below
    C'(1 + 2⁻³⁹) < C. A norm that is NaN or infinite gives zero. ∎
    """
    limit = norm * CLIP_SLACK
    scale = torch.where(sizes > limit, limit / sizes, torch.ones_like(sizes))
    return torch.where(torch.isfinite(sizes), scale, 0.0)


def clipped(gradients: Tensor, norm: float) -> Tensor:
    """Per-unit gradients (one a row of the matrix) in 64 bits, each with L2 norm at most ``norm``."""
    wide = gradients.double()
    scale = factors(torch.linalg.vector_norm(wide, dim=1), norm)
    return torch.where(scale[:, None] > 0, wide, 0.0) * scale[:, None]


class Vectorised:
    """Any network. One gradient a unit: of the weighted sum of its rows' losses."""

    def __init__(
        self, model: nn.Module, task: str, outputs: int, smoothing: float, blocks: Blocks, *, compiled: bool
    ) -> None:
        def unit_loss(parameters: Parameters, x: Tensor, y: Tensor, weight: Tensor) -> Tensor:
            prediction = functional_call(model, parameters, (x,))
            return (loss_of(task, outputs, prediction, y, smoothing) * weight).sum()

        def flat(parameters: Parameters, x: Tensor, y: Tensor, weight: Tensor) -> Tensor:
            gradients = vmap(grad(unit_loss), in_dims=(None, 0, 0, 0))(parameters, x, y, weight)
            return torch.cat([gradients[name].flatten(1) for name in parameters], dim=1)

        self._plain = flat
        self._flat: Callable[..., Tensor] = torch.compile(flat, dynamic=False) if compiled else flat
        self._blocks, self._compiled = blocks, compiled

    def __call__(self, parameters: Parameters, units: Units, norm: float) -> tuple[Tensor, int]:
        """As ``Sums``."""
        count = sum(p.numel() for p in parameters.values())
        total, below = torch.zeros(count, dtype=torch.float64), 0
        size = _COMPILED_BLOCK if self._compiled else max(1, min(512, ELEMENTS_MAX // count))
        for x, y, weight in self._blocks(units, size, fixed=self._compiled):
            wide = self._gradients(parameters, x, y, weight).double()
            sizes = torch.linalg.vector_norm(wide, dim=1)
            scale = factors(sizes, norm)
            finite = torch.isfinite(sizes)
            if not bool(finite.all()):
                wide = torch.where(finite[:, None], wide, 0.0)
            total += scale @ wide
            below += int(((sizes <= norm) & (weight.sum(dim=1) > 0)).sum())
        return total, below

    def _gradients(self, parameters: Parameters, x: Tensor, y: Tensor, weight: Tensor) -> Tensor:
        try:
            return self._flat(parameters, x, y, weight)
        except Exception:
            if self._flat is self._plain:
                raise
            self._flat = self._plain  # a compiler that does not work here costs time, never the job
            return self._flat(parameters, x, y, weight)


class Factored:
    """One linear layer, one row a unit: ``x`` [units, inputs] and ``y`` [units] are all there is."""

    def __init__(self, x: Tensor, y: Tensor, task: str, outputs: int, smoothing: float) -> None:
        self._x, self._y = x, y
        self._task, self._outputs, self._smoothing = task, outputs, smoothing
        parts = [(part.double() ** 2).sum(dim=1) + 1 for part in torch.split(x, _FACTORED_BLOCK)]
        self._lengths = torch.cat(parts).sqrt() if parts else torch.zeros(0, dtype=torch.float64)
        self._narrow = torch.empty(
            _FACTORED_BLOCK, x.shape[1], dtype=x.dtype
        )  # kept: fresh pages cost more than products
        self._wide = torch.empty(_FACTORED_BLOCK, x.shape[1], dtype=torch.float64)

    def __call__(self, parameters: Parameters, units: Units, norm: float) -> tuple[Tensor, int]:
        """As ``Sums``."""
        weight, bias = parameters.values()
        total, below = torch.zeros(weight.shape, dtype=torch.float64), 0
        ends = torch.zeros(bias.shape, dtype=torch.float64)
        for at in torch.split(torch.from_numpy(units), _FACTORED_BLOCK):
            x = torch.index_select(self._x, 0, at, out=self._narrow[: len(at)])
            delta = self._errors(functional.linear(x, weight, bias), self._y[at]).double()
            sizes = torch.linalg.vector_norm(delta, dim=1) * self._lengths[at]
            wide = self._wide[: len(at)].copy_(x)
            finite = torch.isfinite(sizes)
            if not bool(finite.all()):
                wide, delta = torch.where(finite[:, None], wide, 0.0), torch.where(finite[:, None], delta, 0.0)
            delta *= factors(sizes, norm)[:, None]
            total.addmm_(delta.T, wide)
            ends += delta.sum(dim=0)
            below += int((sizes <= norm).sum())
        return torch.cat([total.flatten(), ends]), below

    def _errors(self, prediction: Tensor, target: Tensor) -> Tensor:
        """∂loss/∂prediction of each row."""
        leaf = prediction.detach().requires_grad_()
        loss = loss_of(self._task, self._outputs, leaf, target, self._smoothing).sum()
        return torch.autograd.grad(loss, leaf)[0]


def compiling_pays(parameters: int, units: float, steps: int) -> bool:
    """Whether a run is long enough, and a C++ compiler is there."""
    return parameters * units * steps > _COMPILING_PAYS and any(map(shutil.which, ("g++", "c++", "clang++")))
