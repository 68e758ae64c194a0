"""Networks out of ``training.layers``: the fixed part and the trained part, as torch modules."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from tacit_service.policy.networks import Layer

from ..layers import SCATTERING_GROUPS, Network, Shape, after
from .scattering import Scattering

Tensors = Mapping[str, npt.NDArray[Any]]


class Built(nn.Module):
    """Rows [n, …] as flat vectors → outputs. ``front`` is fixed: ``features`` applies it, once for all steps."""

    def __init__(self, net: Network, checkpoint: Tensors | None = None) -> None:
        super().__init__()
        _seed()
        self._input = net.input
        self.front = _front(net)
        self.body = _sequence(net.body, net.between, start=len(net.front))
        last = list(self.body.children())[-1]
        assert isinstance(last, nn.Linear)
        if len(net.body) == 1:  # convex: begin at zero, where every class is as likely
            nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        if checkpoint is not None:
            self._load(checkpoint)
        self.front.requires_grad_(requires_grad=False)

    def _load(self, checkpoint: Tensors) -> None:
        """Take every tensor but the head's."""
        with torch.no_grad():
            for name, parameter in {**named(self.front), **named(self.body)}.items():
                if name in checkpoint:
                    parameter.copy_(torch.from_numpy(np.array(checkpoint[name], dtype=np.float32)))

    def features(self, x: Tensor) -> Tensor:
        """What the trained part reads."""
        shaped = x.reshape(len(x), *self._input)
        found: Tensor = self.front(shaped)
        return found

    def forward(self, x: Tensor) -> Tensor:
        """Outputs of raw rows."""
        found: Tensor = self.body(self.features(x))
        return found


class _ScatteringFront(nn.Module):
    """Scattering maps, each group of maps normalised within its own image, as one vector."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self._transform = Scattering(channels)
        self._groups = SCATTERING_GROUPS * channels

    def forward(self, images: Tensor) -> Tensor:
        maps = self._transform(images)
        return nn.functional.group_norm(maps, self._groups).flatten(1)


def _front(net: Network) -> nn.Module:
    if net.scattering:
        return _ScatteringFront(net.input[0])
    return _sequence(net.front, net.input, start=0)


def _sequence(layers: tuple[Layer, ...], shape: Shape, start: int) -> nn.Sequential:
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    for i, layer in enumerate(layers, start):
        modules[(layer.name or str(i)).replace(".", "__")] = _module(layer, shape)
        shape = after(layer, shape)
    return nn.Sequential(modules)


def _module(layer: Layer, shape: Shape) -> nn.Module:
    if layer.type == "linear":
        return nn.Linear(shape[0], layer.size)
    if layer.type == "conv":
        return nn.Conv2d(shape[0], layer.size, layer.kernel, layer.stride or 1, layer.padding)
    if layer.type == "group_norm":
        return nn.GroupNorm(layer.size, shape[0])
    if layer.type == "max_pool":
        return nn.MaxPool2d(layer.size, layer.stride or layer.size, layer.padding)
    if layer.type == "average_pool":
        return nn.AvgPool2d(layer.size, layer.stride or layer.size, layer.padding)
    plain: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "flatten": nn.Flatten}
    return plain[layer.type]()


def named(part: nn.Module) -> dict[str, nn.Parameter]:
    """Parameters under the names that ``layers.shapes`` gives them."""
    return {name.replace("__", "."): p for name, p in part.named_parameters()}


def _seed() -> None:
    """Fresh weights are public: drawn from the system's entropy, seen by whoever gets them."""
    torch.manual_seed(int.from_bytes(np.random.SeedSequence().generate_state(2, np.uint32).tobytes(), "little"))
