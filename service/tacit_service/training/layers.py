"""Models as lists of layers, all of which treat every row by itself; their shapes and sizes, without torch.

There is no layer that mixes rows (BatchNorm and its kin): a unit's gradient must be a function of that unit alone, else
no clipping bounds what one unit can move. ``front`` is applied to the rows once and is not trained.

>>> shapes(layers_of(Architecture(type="mlp", hidden=(8,)), (4,), 3), (4,))
{'0.weight': (8, 4), '0.bias': (8,), '2.weight': (3, 8), '2.bias': (3,)}
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from tacit_service.policy.networks import Layer

from .spec import Architecture

Shape = tuple[int, ...]
SCATTERING_MAPS: Final = 81
SCATTERING_STRIDE: Final = 4
SCATTERING_GROUPS: Final = 27
_SCATTERING_SIDE_MIN: Final = 16


class Misfit(ValueError):
    """A layer cannot read what the one before it gives; ``detail`` says which and why."""


@dataclass(frozen=True, slots=True)
class Network:
    """What is built: the fixed part, the trained part, and the shape that one row has before either.

    ``head``: the place of the last linear layer, which is always fresh; layers of the trained part keep the names that
    they have in the whole list.
    """

    front: tuple[Layer, ...]
    body: tuple[Layer, ...]
    input: Shape
    scattering: bool = False
    between: Shape = field(default=())

    @property
    def linear(self) -> bool:
        """The trained part is one linear layer (after the front)."""
        return len(self.body) == 1


def network(how: Architecture, inputs: Shape, outputs: int) -> Network:
    """The network of an architecture for rows of shape ``inputs``; ``Misfit`` where it cannot read them."""
    if how.type == "scatternet":
        if len(inputs) != 3 or min(inputs[1:]) < _SCATTERING_SIDE_MIN:
            raise Misfit(f"a scatternet reads images of {_SCATTERING_SIDE_MIN} pixels or more each way")
        channels, height, width = inputs
        size = SCATTERING_MAPS * channels * math.ceil(height / SCATTERING_STRIDE) * math.ceil(width / SCATTERING_STRIDE)
        return Network((), (_linear(outputs),), inputs, scattering=True, between=(size,))
    layers = layers_of(how, inputs, outputs)
    at = len(layers) - 1 if how.type == "registered" and how.train == "last" else 0
    front, body = layers[:at], layers[at:]
    return Network(front, body, inputs, between=_through(front, inputs))


def layers_of(how: Architecture, inputs: Shape, outputs: int) -> tuple[Layer, ...]:
    """All layers, the fresh head last. Convolutions are Papernot et al.'s (2021): 26,010 parameters for 28 × 28."""
    act = Layer(type=how.activation)
    layers: list[Layer] = []
    if how.type == "cnn":
        if len(inputs) != 3:
            raise Misfit("a cnn reads images")
        kernels = ((8, 2), (4, 0))
        for size, (kernel, padding) in zip(how.channels, kernels, strict=False):
            layers.append(Layer(type="conv", size=size, kernel=kernel, stride=2, padding=padding))
            layers += [act, Layer(type="max_pool", size=2, stride=1)]
    if how.type == "registered":
        layers += how.layers
    if len(_through(tuple(layers), inputs)) > 1:
        layers.append(Layer(type="flatten"))
    for size in how.hidden:
        layers += [_linear(size), act]
    found = (*layers, _linear(outputs))
    _through(found, inputs)
    return found


def _linear(size: int) -> Layer:
    return Layer(type="linear", size=size)


def _through(layers: tuple[Layer, ...], shape: Shape) -> Shape:
    for layer in layers:
        shape = after(layer, shape)
    return shape


def after(layer: Layer, shape: Shape) -> Shape:
    """The shape that a layer gives; ``Misfit`` when it cannot read ``shape``."""
    if layer.type in ("relu", "tanh"):
        return shape
    if layer.type == "flatten":
        return (math.prod(shape),)
    if layer.type == "linear":
        if len(shape) != 1:
            raise Misfit("a linear layer reads a vector: write flatten before it")
        return (layer.size,)
    if layer.type == "group_norm":
        if shape[0] % layer.size:
            raise Misfit(f"group_norm of {layer.size} groups cannot split {shape[0]} channels")
        if math.prod(shape) == layer.size:
            raise Misfit("group_norm over groups of one number leaves nothing of them")
        return shape
    if len(shape) != 3:
        raise Misfit(f"a {layer.type} layer reads an image")
    kernel, stride = (
        (layer.kernel, layer.stride or 1) if layer.type == "conv" else (layer.size, layer.stride or layer.size)
    )
    sides = tuple((side + 2 * layer.padding - kernel) // stride + 1 for side in shape[1:])
    if layer.type != "conv" and layer.padding > kernel // 2:
        raise Misfit(f"the padding of a {layer.type} layer is at most half its window")
    if min(sides) < 1:
        raise Misfit(f"a {layer.type} layer of {kernel} pixels is larger than what it reads")
    return (layer.size if layer.type == "conv" else shape[0], *sides)


def shapes(layers: tuple[Layer, ...], shape: Shape, start: int = 0) -> dict[str, Shape]:
    """Names and shapes of the layers' tensors, as torch's ``Sequential`` names them or as the layers do."""
    found: dict[str, Shape] = {}
    for i, layer in enumerate(layers, start):
        name = layer.name or str(i)
        if layer.type == "linear":
            found |= {f"{name}.weight": (layer.size, shape[0]), f"{name}.bias": (layer.size,)}
        elif layer.type == "conv":
            found |= {
                f"{name}.weight": (layer.size, shape[0], layer.kernel, layer.kernel),
                f"{name}.bias": (layer.size,),
            }
        elif layer.type == "group_norm":
            found |= {f"{name}.weight": (shape[0],), f"{name}.bias": (shape[0],)}
        shape = after(layer, shape)
    return found


def parameters(net: Network) -> int:
    """How many numbers are trained."""
    return sum(math.prod(s) for s in shapes(net.body, net.between).values())


def unlike(net: Network, checkpoint: Mapping[str, Shape]) -> str | None:
    """Why a checkpoint's tensors are not this network's; None when they are. The head is not expected in it."""
    head = len(net.front) + len(net.body) - 1
    wanted = {**shapes(net.front, net.input), **shapes(net.body, net.between, len(net.front))}
    for name, shape in wanted.items():
        if name.rpartition(".")[0] == str(head):
            continue
        if name not in checkpoint:
            return f"it has no tensor {name}"
        if tuple(checkpoint[name]) != shape:
            return f"its tensor {name} has the shape {list(checkpoint[name])}, not {list(shape)}"
    return None
