"""A released model as ONNX, and ONNX applied: the only importer of onnx. Post-processing of tensors, so free.

The graph reads rows as ``encoding`` makes them ([n, inputs], 32-bit floats) and gives ``scores``: the probability of each
class, or the predicted number in the label's own units. What the inputs mean stands in ``preprocessing.json``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from tacit.wire import FeatureInfo
from tacit_service.policy.networks import Layer

from .layers import SCATTERING_GROUPS, SCATTERING_MAPS, Network, Shape, after

OPSET: Final = 21
_IR: Final = 10  # what runtimes of this opset read

Tensors = Mapping[str, npt.NDArray[Any]]
Floats = npt.NDArray[np.float32]


def export(net: Network, tensors: Tensors, task: str, label: FeatureInfo, filters: Tensors | None = None) -> bytes:
    """The model as an ONNX file. ``filters``: those of the scattering transform, for a network that begins with it."""
    graph = _Graph(tensors)
    if net.scattering:
        assert filters is not None
        name, shape = _scattered(graph, net, filters), net.between
    else:
        name, shape = graph.shaped(graph.given("rows"), -1, *net.input), net.input
    for i, layer in enumerate((*net.front, *net.body)):
        name = graph.layer(layer, layer.name or str(i), name)
        shape = after(layer, shape)
    _scores(graph, name, shape, task, label)
    size = int(np.prod(net.input))
    classes = len(label.categories) if task == "classification" else 1
    made = helper.make_graph(
        graph.nodes,
        "tacit",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["n", size])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", classes])],
        graph.constants,
    )
    model = helper.make_model(
        made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=_IR, producer_name="tacit"
    )
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


def evaluate(content: bytes, x: Floats) -> Floats:
    """Scores [n, classes] of encoded rows, by onnx's reference implementation in numpy."""
    from onnx.reference import ReferenceEvaluator  # half a second, which a job need not spend

    evaluator = ReferenceEvaluator(onnx.load_model_from_string(content))
    (found,) = evaluator.run(None, {"rows": np.ascontiguousarray(x, dtype=np.float32)})
    return np.asarray(found, dtype=np.float32)


class _Graph:
    """Nodes and constants so far; every node has one output, which it is named by."""

    def __init__(self, tensors: Tensors) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._tensors = tensors

    def given(self, name: str) -> str:
        return name

    def constant(self, value: npt.NDArray[Any], name: str | None = None) -> str:
        name = name or f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, kind: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        output = output or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def shaped(self, reads: str, *sides: int) -> str:
        return self.add("Reshape", reads, self.constant(np.array(sides, np.int64)))

    def mirrored(self, reads: str, bank: npt.NDArray[Any], stride: int, group: int = 1) -> str:
        """A convolution with mirrored borders."""
        up, left = bank.shape[-2] // 2, bank.shape[-1] // 2
        padded = self.add(
            "Pad", reads, self.constant(np.array([0, 0, up, left, 0, 0, up, left], np.int64)), mode="reflect"
        )
        return self.add("Conv", padded, self.constant(bank), strides=[stride, stride], group=group)

    def weights(self, name: str) -> tuple[str, str]:
        return tuple(self.constant(self._tensors[f"{name}.{part}"], f"{name}.{part}") for part in ("weight", "bias"))  # type: ignore[return-value]

    def layer(self, layer: Layer, name: str, reads: str) -> str:
        """One layer of ``training.layers``, as torch computes it."""
        if layer.type == "linear":
            return self.add("Gemm", reads, *self.weights(name), transB=1)
        if layer.type == "conv":
            stride, pad = layer.stride or 1, layer.padding
            return self.add("Conv", reads, *self.weights(name), kernel_shape=[layer.kernel] * 2,
                            strides=[stride] * 2, pads=[pad] * 4)  # fmt: skip
        if layer.type in ("max_pool", "average_pool"):
            options: dict[str, Any] = {"count_include_pad": 1} if layer.type == "average_pool" else {}
            kind = "MaxPool" if layer.type == "max_pool" else "AveragePool"
            return self.add(kind, reads, kernel_shape=[layer.size] * 2, strides=[layer.stride or layer.size] * 2,
                            pads=[layer.padding] * 4, **options)  # fmt: skip
        if layer.type == "group_norm":
            return self.add("GroupNormalization", reads, *self.weights(name), num_groups=layer.size, epsilon=1e-5)
        if layer.type == "flatten":
            return self.add("Flatten", reads, axis=1)
        return self.add("Relu" if layer.type == "relu" else "Tanh", reads)


def _scattered(graph: _Graph, net: Network, filters: Tensors) -> str:
    """``dpsgd.scattering``, and its maps normalised in groups within each image, as one vector."""
    channels, high, wide = net.input

    def moduli(reads: str, scale: int, stride: int) -> str:
        parts = [graph.mirrored(reads, filters[f"{part}{scale}"], stride) for part in ("real", "imaginary")]
        squares = graph.add("Add", *(graph.add("Mul", part, part) for part in parts))
        return graph.add("Sqrt", graph.add("Add", squares, graph.constant(np.array(1e-12, np.float32))))

    def average(reads: str, maps: int, window: str, stride: int) -> str:
        return graph.mirrored(reads, np.repeat(filters[window], maps, axis=0), stride, maps)

    x = graph.shaped(graph.given("rows"), -1, 1, high, wide)
    angles = len(filters["real0"])
    fine, coarse = moduli(x, 0, 1), moduli(x, 1, 2)
    deep = moduli(graph.shaped(fine, -1, 1, high, wide), 1, 2)
    deep = graph.shaped(deep, -1, angles**2, math.ceil(high / 2), math.ceil(wide / 2))
    maps = graph.add(
        "Concat", average(x, 1, "window", 4), average(fine, angles, "window", 4), average(coarse, angles, "half", 2),
        average(deep, angles**2, "half", 2), axis=1,
    )  # fmt: skip
    count = SCATTERING_MAPS * channels
    shaped = graph.shaped(maps, -1, count, math.ceil(high / 4), math.ceil(wide / 4))
    ones = [graph.constant(make(count, np.float32)) for make in (np.ones, np.zeros)]
    normal = graph.add("GroupNormalization", shaped, *ones, num_groups=SCATTERING_GROUPS * channels, epsilon=1e-5)
    return graph.add("Flatten", normal, axis=1)


def _scores(graph: _Graph, name: str, shape: Shape, task: str, label: FeatureInfo) -> None:
    if task == "regression":  # from [-1, 1] to the label's units
        half = np.array((label.high - label.low) / 2, np.float32)
        middle = np.array((label.high + label.low) / 2, np.float32)
        graph.add("Add", graph.add("Mul", name, graph.constant(half)), graph.constant(middle), output="scores")
        return
    if shape == (1,):  # two classes have one output: that of the second against 0
        name = graph.add("Concat", graph.add("Mul", name, graph.constant(np.array(0, np.float32))), name, axis=1)
    graph.add("Softmax", name, axis=1, output="scores")
