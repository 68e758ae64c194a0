"""A trained model without torch: applied to rows encoded as its card says, with numpy; networks of images by onnxruntime."""

from __future__ import annotations

import json
import math
import struct
from typing import TYPE_CHECKING, Any

from tacit.errors import MissingExtra, ProtocolError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from tacit import wire

GRAPHS = ("cnn", "registered", "scatternet")
"""Types of models that are applied as ONNX graphs."""


def _numpy() -> Any:
    try:
        import numpy
    except ImportError:
        raise MissingExtra("models need numpy: pip install 'tacit[arrow]'") from None
    return numpy


def tensors(content: bytes) -> dict[str, np.ndarray[Any, Any]]:
    """The tensors of a safetensors file of 32-bit floats. Nothing in it can run."""
    numpy = _numpy()
    try:
        (length,) = struct.unpack_from("<Q", content)
        header: dict[str, Any] = json.loads(content[8 : 8 + length])
        data = memoryview(content)[8 + length :]
        found = {}
        for name, entry in header.items():
            if name != "__metadata__":
                start, end = entry["data_offsets"]
                if entry["dtype"] != "F32" or end - start != 4 * math.prod(entry["shape"]):
                    raise ValueError(name)
                found[name] = numpy.frombuffer(data[start:end], dtype="<f4").reshape(entry["shape"]).copy()
        return found
    except (struct.error, ValueError, KeyError, TypeError):
        raise ProtocolError("the model is not a safetensors file of 32-bit floats") from None


class Model:
    """A trained model and its card. ``predict`` gives labels, ``scores`` what they were chosen by.

    ``onnx``: the same model as a graph, which the types of ``GRAPHS`` are applied by.
    """

    def __init__(self, content: bytes, card: wire.ModelCard, onnx: bytes | None = None) -> None:
        self.card = card
        self.content = content
        self.tensors = tensors(content)
        self._onnx = onnx
        self._session: Any = None

    def encode(self, rows: pd.DataFrame) -> np.ndarray[Any, Any]:
        """Rows as the model's inputs: by the card's public bounds and categories alone.

        An image is its 8-bit values, as an array or nested lists of the feature's shape; ``ValueError`` for anything else.
        """
        numpy = _numpy()
        columns: list[Any] = []
        for feature in self.card.features:
            if feature.name not in rows:
                raise KeyError(f"the model needs a column {feature.name}")
            values = rows[feature.name]
            if feature.kind == "image":
                columns += list(_pixels(values, feature).T)
                continue
            missing = values.isna().to_numpy(dtype=bool)
            if feature.kind == "category":
                matches = [((values == category) & ~missing).to_numpy() for category in feature.categories]
                columns += matches
                missing = ~numpy.any(matches, axis=0)
            else:
                columns.append(_scaled(_ordinals(values, feature.type), feature.low, feature.high))
            if feature.nullable:
                columns.append(missing)
        inputs: np.ndarray[Any, Any] = numpy.stack([numpy.asarray(c, dtype=numpy.float32) for c in columns], axis=1)
        return inputs

    def scores(self, rows: pd.DataFrame) -> np.ndarray[Any, Any]:
        """Probabilities, one column a class; for a regression the predicted numbers."""
        numpy = _numpy()
        if self.card.model["type"] in GRAPHS:
            found: np.ndarray[Any, Any] = self._graph(self.encode(rows)).astype(numpy.float64)
            return found[:, 0] if self.card.task == "regression" else found
        x: np.ndarray[Any, Any] = self._forward(self.encode(rows)).astype(numpy.float64)
        label = self.card.label
        if self.card.task == "regression":
            x = (x[:, 0] + 1) * (label.high - label.low) / 2 + label.low
            return x
        if x.shape[1] == 1:
            x = numpy.concatenate([numpy.zeros_like(x), x], axis=1)
        x = numpy.exp(x - x.max(axis=1, keepdims=True))
        x /= x.sum(axis=1, keepdims=True)
        return x

    def predict(self, rows: pd.DataFrame) -> np.ndarray[Any, Any]:
        """The label of each row."""
        numpy = _numpy()
        scores = self.scores(rows)
        if self.card.task == "regression":
            return scores
        classes: np.ndarray[Any, Any] = numpy.array(self.card.label.categories, dtype=object)
        labels: np.ndarray[Any, Any] = classes[scores.argmax(axis=1)]
        return labels

    def _graph(self, x: Any) -> Any:
        """Scores of encoded rows, [rows, classes]."""
        if self._session is None:
            if self._onnx is None:
                raise ValueError("a model of this type needs its model.onnx")
            try:
                import onnxruntime
            except ImportError:
                raise MissingExtra(
                    "networks of images need onnxruntime: pip install 'tacit[models]', or ask job.predict_remotely(rows)"
                ) from None
            self._session = onnxruntime.InferenceSession(self._onnx, providers=["CPUExecutionProvider"])
        return self._session.run(None, {"rows": x})[0]

    def _forward(self, x: Any) -> Any:
        numpy = _numpy()
        spec = self.card.model
        layers = sorted({int(name.split(".")[0]) for name in self.tensors})
        for layer in layers:
            x = x @ self.tensors[f"{layer}.weight"].T + self.tensors[f"{layer}.bias"]
            if layer != layers[-1]:
                x = numpy.tanh(x) if spec["activation"] == "tanh" else numpy.maximum(x, 0)
        return x


def _pixels(values: pd.Series[Any], feature: wire.FeatureInfo) -> Any:
    """Images on [0, 1], one a row; a missing one is black."""
    numpy = _numpy()
    size = math.prod(feature.shape)
    found = numpy.zeros((len(values), size), numpy.float32)
    for i, value in enumerate(values):
        if value is None or (isinstance(value, float) and math.isnan(value)):
            continue
        flat = numpy.array(value.tolist() if hasattr(value, "tolist") else value).reshape(-1)
        if flat.size != size or flat.dtype.kind not in "iu" or flat.min() < 0 or flat.max() > 255:
            shape = " × ".join(map(str, feature.shape))
            raise ValueError(f"row {i}: {feature.name} is no image of {shape} whole numbers from 0 to 255")
        found[i] = flat / numpy.float32(255)
    return found


def _ordinals(values: pd.Series[Any], kind: str) -> Any:
    """Numbers as they are; dates as days, timestamps as microseconds since 1970."""
    numpy = _numpy()
    if kind not in ("date", "timestamp"):
        return values.to_numpy(dtype=numpy.float64, na_value=numpy.nan)
    import pandas

    moments = pandas.to_datetime(values).to_numpy().astype("datetime64[us]")
    micros = moments.astype(numpy.int64).astype(numpy.float64)
    micros = numpy.where(numpy.isnat(moments), numpy.nan, micros)
    return numpy.floor(micros / 86_400_000_000) if kind == "date" else micros


def _scaled(values: Any, low: float, high: float) -> Any:
    numpy = _numpy()
    if high <= low:
        return numpy.zeros(len(values))
    inside = numpy.clip(values, low, high)
    return numpy.where(numpy.isnan(values), 0.0, (inside - low) * (2.0 / (high - low)) - 1.0)
