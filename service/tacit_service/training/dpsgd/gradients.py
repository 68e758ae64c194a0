"""The sum of clipped per-unit gradients, in two ways that give the same numbers (tests compare both with plain autograd).

- ``Layerwise``: any network, any rows a unit. One forward and one backward pass over a block of rows give every layer's inputs
  a and errors δ; a unit's gradient of a layer is Σ δ ⊗ a over the unit's rows and the layer's places, a product of two
  matrices. Rows do not meet in it: no layer mixes them.
- ``Factored``: one linear layer and one row a unit; two matrix products a step.

Where a unit has one row and a layer one place, the gradient is one outer product δ ⊗ (a, 1): its norm is the product of
norms (Goodfellow 2015), and it is never written out. What is written out are 32-bit numbers; their norms, their scaling and
their sum are in 64 bits, so that a unit's part of the sum is bounded as ``factors`` proves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from .devices import ELEMENTS_MAX, FACTORED_BLOCK, IMAGES_BLOCK, ROWS_BLOCK

CLIP_SLACK: Final = 1 - 2.0**-30
"""Gradients are scaled to a little less than C, by more than the rounding of their 64-bit norm."""

Block = tuple[Tensor, Tensor, Tensor]
Units = npt.NDArray[np.int64]


class Blocks(Protocol):
    """Rows of units, block by block: x [units, rows, …], y and weights [units, rows]."""

    def __call__(self, units: Units, size: int, rows: int) -> Iterator[Block]:
        """At most ``size`` units a block, and at most ``rows`` rows unless it is one unit's."""
        ...


class Sums(Protocol):
    """Sum of clipped gradients over ``units`` in 64 bits, and how many of the norms were at most C."""

    def __call__(self, units: Units, norm: float) -> tuple[Tensor, int]:
        """The sum, flat, in the order of the network's parameters."""
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


@dataclass(slots=True)
class _Tap:
    """One layer with parameters in one pass: what it read [rows, places, n], and what it gave."""

    layer: nn.Module
    read: Tensor
    out: Tensor

    def errors(self, slope: Tensor) -> Tensor:
        """∂loss/∂out as [rows, places, outputs]."""
        if isinstance(self.layer, nn.Linear):
            return slope[:, None]
        return slope.flatten(2).transpose(1, 2)


class _Outer:
    """A layer's gradients δ ⊗ (a, 1) of a block of units, with one row and one place each."""

    def __init__(self, read: Tensor, errors: Tensor) -> None:
        self._read, self._errors = read.double(), errors.double()

    def squares(self) -> Tensor:
        """The squared norm of each unit's."""
        return (self._errors**2).sum(dim=1) * ((self._read**2).sum(dim=1) + 1)

    def added(self, scale: Tensor) -> list[Tensor]:
        """Σ scale · gradient of weight and bias, over units whose scale is not zero."""
        inside = (scale > 0)[:, None]
        errors = torch.where(inside, self._errors, 0.0) * scale[:, None]
        return [errors.T @ torch.where(inside, self._read, 0.0), errors.sum(dim=0)]


class _Written:
    """A layer's gradients, written out: one row of 64-bit numbers a unit."""

    def __init__(self, tap: _Tap, errors: Tensor, units: int) -> None:
        layer = tap.layer
        if isinstance(layer, nn.GroupNorm):
            weight = (errors * tap.read).reshape(units, -1, errors.shape[-1]).sum(dim=1)
        else:
            delta, read = (part.reshape(units, -1, part.shape[-1]) for part in (errors, tap.read))
            weight = torch.bmm(delta.transpose(1, 2), read).flatten(1)
        self._layer = layer
        self._parts = weight.double(), errors.reshape(units, -1, errors.shape[-1]).sum(dim=1).double()

    def squares(self) -> Tensor:
        """As ``_Outer``."""
        return sum((part**2).sum(dim=1) for part in self._parts)  # type: ignore[return-value]

    def added(self, scale: Tensor) -> list[Tensor]:
        """As ``_Outer``."""
        inside = scale > 0
        parts = self._parts
        if not bool(inside.all()):  # what is no number, times zero, is none either
            parts = parts[0][inside], parts[1][inside]
        weight, bias = (scale[inside] @ part for part in parts)
        if isinstance(self._layer, nn.Conv2d):
            inputs, sides = self._layer.in_channels, self._layer.kernel_size
            weight = weight.reshape(-1, *sides, inputs).permute(0, 3, 1, 2)
        return [weight, bias]


class Layerwise:
    """Any network. One gradient a unit: of the weighted sum of its rows' losses."""

    def __init__(self, body: nn.Module, task: str, outputs: int, smoothing: float, blocks: Blocks) -> None:
        self._layers = list(body.children())
        images = any(isinstance(layer, nn.Conv2d) for layer in self._layers)
        self._device = next(body.parameters()).device
        self._rows = (IMAGES_BLOCK if images else ROWS_BLOCK)[self._device.type]
        self._count = sum(p.numel() for p in body.parameters())
        self._units = max(1, ELEMENTS_MAX[self._device.type] // self._count)
        self._task, self._outputs, self._smoothing, self._blocks = task, outputs, smoothing, blocks

    def __call__(self, units: Units, norm: float) -> tuple[Tensor, int]:
        """As ``Sums``."""
        total, below = torch.zeros(self._count, dtype=torch.float64, device=self._device), 0
        for x, y, weight in self._blocks(units, self._units, self._rows):
            parts = self._gradients(x, y, weight)
            squares: Tensor = sum(part.squares() for part in parts)  # type: ignore[assignment]
            sizes = squares.sqrt()
            scale = factors(sizes, norm)
            total += torch.cat([found.flatten() for part in parts for found in part.added(scale)])
            below += int((sizes <= norm).sum())
        return total, below

    def _gradients(self, x: Tensor, y: Tensor, weight: Tensor) -> list[_Outer | _Written]:
        """Of every layer with parameters, in their order."""
        units, rows = y.shape
        prediction, taps = self._forward(x.flatten(0, 1))
        losses = loss_of(self._task, self._outputs, prediction, y.flatten(), self._smoothing) * weight.flatten()
        slopes = torch.autograd.grad(losses.sum(), [tap.out for tap in taps])
        found: list[_Outer | _Written] = []
        for tap, slope in zip(taps, slopes, strict=True):
            errors = tap.errors(slope)
            if rows == 1 and isinstance(tap.layer, nn.Linear):
                found.append(_Outer(tap.read[:, 0], errors[:, 0]))
            else:
                found.append(_Written(tap, errors, units))
        return found

    def _forward(self, x: Tensor) -> tuple[Tensor, list[_Tap]]:
        taps: list[_Tap] = []
        if x.dim() == 4:
            x = x.contiguous(memory_format=torch.channels_last)  # pooling is seven times as fast, and unfolding five
        for layer in self._layers:
            if not isinstance(layer, nn.Linear | nn.Conv2d | nn.GroupNorm):
                x = layer(x)
                continue
            read, x = _through(layer, x)
            if not taps:
                x.requires_grad_()
            taps.append(_Tap(layer, read.detach(), x))
        return x, taps


def _through(layer: nn.Linear | nn.Conv2d | nn.GroupNorm, x: Tensor) -> tuple[Tensor, Tensor]:
    """What a gradient multiplies errors with, as [rows, places, n], and what the layer gives."""
    assert layer.bias is not None
    weight, bias = layer.weight.detach(), layer.bias.detach()
    if isinstance(layer, nn.Linear):
        return x[:, None], functional.linear(x, weight, bias)
    if isinstance(layer, nn.GroupNorm):
        plain = functional.group_norm(x.detach(), layer.num_groups, eps=layer.eps)
        return plain.flatten(2).transpose(1, 2), functional.group_norm(x, layer.num_groups, weight, bias, layer.eps)
    read, high, wide = _unfolded(layer, x.detach())
    if x.requires_grad:
        return read, functional.conv2d(x, weight, bias, layer.stride, layer.padding)
    flat = torch.addmm(bias, read.flatten(0, 1), weight.permute(0, 2, 3, 1).flatten(1).T)
    return read, flat.reshape(len(x), high, wide, -1).permute(0, 3, 1, 2)


def _unfolded(layer: nn.Conv2d, x: Tensor) -> tuple[Tensor, int, int]:
    """The windows that a convolution reads, [rows, places, height · width · channels], and how many lie down and across."""
    assert not isinstance(layer.padding, str)
    kernel, stride, padding = layer.kernel_size[0], layer.stride[0], layer.padding[0]
    padded = functional.pad(x, (padding,) * 4).permute(0, 2, 3, 1)
    windows = padded.unfold(1, kernel, stride).unfold(2, kernel, stride).permute(0, 1, 2, 4, 5, 3)
    n, high, wide = windows.shape[:3]
    return windows.reshape(n, high * wide, -1), high, wide


class Factored:
    """One linear layer, one row a unit: ``x`` [units, inputs] and ``y`` [units] are all there is."""

    def __init__(self, layer: nn.Linear, x: Tensor, y: Tensor, task: str, outputs: int, smoothing: float) -> None:
        self._layer, self._x, self._y = layer, x, y
        self._task, self._outputs, self._smoothing = task, outputs, smoothing
        self._device = layer.weight.device
        self._block = size = FACTORED_BLOCK[self._device.type]
        parts = [(part.double() ** 2).sum(dim=1) + 1 for part in torch.split(x, size)]
        lengths = torch.cat(parts).sqrt() if parts else torch.zeros(0, dtype=torch.float64)
        self._lengths = lengths.to(self._device)
        size = min(size, len(x))  # kept: fresh pages cost more than products
        self._narrow = torch.empty(size, x.shape[1], dtype=x.dtype, device=x.device)
        self._wide = torch.empty(size, x.shape[1], dtype=torch.float64, device=self._device)

    def __call__(self, units: Units, norm: float) -> tuple[Tensor, int]:
        """As ``Sums``."""
        weight, bias = self._layer.weight.detach(), self._layer.bias.detach()
        total, below = torch.zeros(weight.shape, dtype=torch.float64, device=self._device), 0
        ends = torch.zeros(bias.shape, dtype=torch.float64, device=self._device)
        for chosen in torch.split(torch.from_numpy(units), self._block):
            at = chosen.to(self._device)
            rows = torch.index_select(self._x, 0, chosen.to(self._x.device), out=self._narrow[: len(at)])
            x = rows.to(self._device)
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
