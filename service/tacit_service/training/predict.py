"""A released model applied to rows that a caller sends: encoded as the card says, by the code that encoded training."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import JsonValue
from safetensors.numpy import load

from tacit.wire import Cell, FeatureInfo, ModelCard, Predictions
from tacit_service.errors import RequestError

from .encoding import inputs
from .exchange import evaluate

_EPOCH: Final = dt.date(1970, 1, 1)
_ARROW: Final = {"string": pa.string(), "boolean": pa.bool_(), "integer": pa.int64()}

Rows = Sequence[Mapping[str, JsonValue]]


def predict(files: Mapping[str, bytes], card: ModelCard, rows: Rows, rows_max: int) -> Predictions:
    """Labels of the rows; ``RequestError`` names the row and column that do not fit, and what is expected there."""
    if not 1 <= len(rows) <= rows_max:
        raise _refused(f"{rows_max} rows are the most in one request, and 1 the least.")
    x = inputs([_column(rows, feature) for feature in card.features], card.features)
    scores = _scores(files, card, x)
    if card.task == "regression":
        return Predictions(predictions=[float(value) for value in scores[:, 0]])
    classes = card.label.categories
    labels: list[Cell] = [classes[i] for i in scores.argmax(axis=1)]
    return Predictions(predictions=labels, classes=classes, scores=[[float(v) for v in row] for row in scores])


def _scores(files: Mapping[str, bytes], card: ModelCard, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    if card.model["type"] != "scatternet":
        return evaluate(files["model.onnx"], x)
    from . import dpsgd  # torch: onnx's own evaluator takes a tenth of a second an image for this transform
    from .layers import network
    from .spec import Architecture

    how = Architecture.model_validate(card.model)
    net = network(how, how.shape or (x.shape[1],), len(card.label.categories) if len(card.label.categories) > 2 else 1)
    out = dpsgd.apply(net, load(files["model.safetensors"]), x)
    if out.shape[1] == 1:
        out = np.concatenate([np.zeros_like(out), out], axis=1)
    powers = np.exp(out - out.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)


def _column(rows: Rows, feature: FeatureInfo) -> pa.ChunkedArray:
    """One feature of all rows, as the engine would hand it over."""
    values = []
    for i, row in enumerate(rows, 1):
        if feature.name not in row:
            raise _refused(f"Row {i} has no {feature.name}; write null where it is unknown.")
        value = row[feature.name]
        fits, converted = _cell(value, feature)
        if not fits:
            raise _refused(f"Row {i}: {feature.name} is no {_expected(feature)}.")
        values.append(converted)
    kind = _ARROW[feature.type] if feature.kind == "category" else pa.float64()
    if feature.kind == "image":
        kind = pa.list_(pa.uint8(), math.prod(feature.shape))
    return pa.chunked_array([pa.array(values, type=kind)])


def _cell(value: Any, feature: FeatureInfo) -> tuple[bool, Any]:
    """Whether the value is one of the feature's type, and what the encoding reads for it."""
    if value is None:
        return True, None
    if feature.kind == "image":
        flat = _flat(value)
        fits = flat is not None and len(flat) == math.prod(feature.shape)
        return fits, flat
    if feature.kind == "category":
        wanted: dict[str, type] = {"string": str, "boolean": bool, "integer": int}
        return type(value) is wanted[feature.type] and (type(value) is not int or abs(value) < 2**63), value
    if feature.type in ("date", "timestamp"):
        return _moment(value, feature.type)
    return type(value) in (int, float) and abs(value) < 1e300, float(value) if type(value) in (int, float) else None


def _flat(value: Any, depth: int = 3) -> list[int] | None:
    """An image as its 8-bit values in order, from nested lists or one."""
    if not isinstance(value, list) or depth == 0:
        return None
    if all(type(one) is int for one in value):
        return value if all(0 <= one <= 255 for one in value) else None
    parts = [_flat(one, depth - 1) for one in value]
    return None if any(part is None for part in parts) else [one for part in parts for one in part or []]


def _moment(value: Any, kind: str) -> tuple[bool, float | None]:
    """Days or microseconds since 1970, as the engine gives dates and timestamps."""
    if not isinstance(value, str) or len(value) > 40:
        return False, None
    try:
        if kind == "date":
            return True, float((dt.date.fromisoformat(value) - _EPOCH).days)
        moment = dt.datetime.fromisoformat(value).replace(tzinfo=None)
        return True, (moment - dt.datetime(1970, 1, 1)) / dt.timedelta(microseconds=1)
    except (ValueError, OverflowError):
        return False, None


def _expected(feature: FeatureInfo) -> str:
    if feature.kind == "image":
        return f"image of {'×'.join(map(str, feature.shape))} whole numbers from 0 to 255"
    return {"date": "date such as 2026-01-31", "timestamp": "timestamp such as 2026-01-31T12:00:00"}.get(
        feature.type, feature.type
    )


def _refused(detail: str) -> RequestError:
    return RequestError(
        "training_parameter_invalid", f"rows: {detail}", hint='Write "rows": [{"feature": value, …}, …].',
        rule="predictions", field="rows",
    )  # fmt: skip
