"""A trained model without torch: read from safetensors, applied with numpy to rows encoded as its card says."""

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
    """A trained model and its card. ``predict`` gives labels, ``scores`` what they were chosen by."""

    def __init__(self, content: bytes, card: wire.ModelCard) -> None:
        self.card = card
        self.content = content
        self.tensors = tensors(content)

    def encode(self, rows: pd.DataFrame) -> np.ndarray[Any, Any]:
        """Rows as the model's inputs: by the card's public bounds and categories alone."""
        numpy = _numpy()
        columns: list[Any] = []
        for feature in self.card.features:
            if feature.name not in rows:
                raise KeyError(f"the model needs a column {feature.name}")
            values = rows[feature.name]
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

    def _forward(self, x: Any) -> Any:
        numpy = _numpy()
        spec = self.card.model
        if spec["type"] == "cnn":
            raise MissingExtra("a cnn is applied with torch: load .content with safetensors.torch")
        layers = sorted({int(name.split(".")[0]) for name in self.tensors})
        for layer in layers:
            x = x @ self.tensors[f"{layer}.weight"].T + self.tensors[f"{layer}.bias"]
            if layer != layers[-1]:
                x = numpy.tanh(x) if spec["activation"] == "tanh" else numpy.maximum(x, 0)
        return x


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
