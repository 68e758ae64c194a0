"""ONNX files are the networks that torch computes, layer by layer, in the service and in its clients."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save

from tacit.model import Model
from tacit.wire import FeatureInfo, ModelCard
from tacit_service.policy.networks import Layer
from tacit_service.training import dpsgd
from tacit_service.training.exchange import evaluate, export
from tacit_service.training.layers import Network, network
from tacit_service.training.predict import predict
from tacit_service.training.spec import Architecture

DIGIT = FeatureInfo(name="digit", kind="category", type="integer", categories=list(range(5)))
YES = FeatureInfo(name="yes", kind="category", type="boolean", categories=[False, True])
AMOUNT = FeatureInfo(name="amount", kind="number", type="number", low=-10.0, high=30.0)
LAYERS = (
    Layer(type="conv", size=6, kernel=3, padding=1, name="first"),
    Layer(type="group_norm", size=3),
    Layer(type="tanh"),
    Layer(type="average_pool", size=2),
    Layer(type="conv", size=4, kernel=3, stride=2),
    Layer(type="relu"),
)
CASES = [
    ("logistic", Architecture(type="logistic_regression"), (7,), YES, "classification"),
    ("softmax", Architecture(type="logistic_regression"), (7,), DIGIT, "classification"),
    ("linear", Architecture(type="linear_regression"), (7,), AMOUNT, "regression"),
    ("mlp", Architecture(type="mlp", hidden=(9, 4), activation="relu"), (7,), AMOUNT, "regression"),
    ("cnn", Architecture(type="cnn", channels=(4, 6), hidden=(8,)), (1, 28, 28), DIGIT, "classification"),
    ("registered", Architecture(type="registered", layers=LAYERS), (2, 12, 12), DIGIT, "classification"),
    ("scatternet", Architecture(type="scatternet"), (2, 17, 20), DIGIT, "classification"),
]


@pytest.mark.parametrize(("how", "shape", "label", "task"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_onnx_computes_what_torch_does(
    how: Architecture, shape: tuple[int, ...], label: FeatureInfo, task: str
) -> None:
    rng = np.random.default_rng(3)
    outputs = len(label.categories) if len(label.categories) > 2 else 1
    net = network(how, shape, outputs)
    tensors = {name: rng.normal(0, 0.5, value.shape).astype(np.float32) for name, value in _tensors(net).items()}
    x = rng.normal(0, 1, (5, int(np.prod(shape)))).astype(np.float32)
    content = export(net, tensors, task, label, dpsgd.filters())
    assert np.allclose(evaluate(content, x), _scores(dpsgd.apply(net, tensors, x), label, task), atol=1e-4)


def _tensors(net: Network) -> dict[str, np.ndarray]:
    from tacit_service.training.layers import shapes

    found = {**shapes(net.front, net.input), **shapes(net.body, net.between, len(net.front))}
    return {name: np.zeros(shape) for name, shape in found.items()}


def _scores(raw: np.ndarray, label: FeatureInfo, task: str) -> np.ndarray:
    if task == "regression":
        return (raw + 1) * (label.high - label.low) / 2 + label.low
    raw = np.concatenate([np.zeros_like(raw), raw], axis=1) if raw.shape[1] == 1 else raw
    powers = np.exp(raw - raw.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("kind", ["logistic_regression", "cnn", "scatternet"])
def test_a_client_and_the_service_say_the_same_of_images(kind: str) -> None:
    """The client by onnxruntime (numpy where the model is linear), the service by its own code; both from the same rows."""
    image = FeatureInfo(name="image", kind="image", type="image", shape=[16, 16])
    how = Architecture.model_validate({"type": kind, "shape": (1, 16, 16), "channels": (4,), "hidden": ()})
    net = network(how, (1, 16, 16) if kind != "logistic_regression" else (256,), 5)
    rng = np.random.default_rng(8)
    tensors = {name: rng.normal(0, 0.3, value.shape).astype(np.float32) for name, value in _tensors(net).items()}
    card = ModelCard.model_construct(features=[image], label=DIGIT, task="classification", model=how.shown())
    files = {
        "model.safetensors": save(tensors), "model.onnx": export(net, tensors, "classification", DIGIT, dpsgd.filters())
    }  # fmt: skip
    images = [*rng.integers(0, 256, (6, 16, 16)), None]
    rows = [{"image": None if one is None else one.tolist()} for one in images]
    told = predict(files, card, rows, 100)
    model = Model(files["model.safetensors"], card, files["model.onnx"])
    frame = pd.DataFrame({"image": pd.Series(images, dtype=object)})
    assert np.allclose(model.scores(frame), told.scores, atol=1e-5)
    assert list(model.predict(frame)) == told.predictions
    assert len(set(told.predictions)) > 1
    for bad in (images[0][:15], images[0] + 256, images[0] / 255, "image"):
        with pytest.raises(ValueError, match="is no image of 16 × 16"):
            model.predict(pd.DataFrame({"image": pd.Series([bad], dtype=object)}))
