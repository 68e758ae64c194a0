"""Small runs, their rows, and a network of each kind."""

from __future__ import annotations

import numpy as np

from tacit_service.policy.networks import Layer
from tacit_service.training.encoding import Rows
from tacit_service.training.spec import Architecture, Run

MODELS = {
    "logistic_regression": Architecture(type="logistic_regression"),
    "mlp": Architecture(type="mlp", hidden=(5,)),
    "cnn": Architecture(type="cnn", shape=(1, 16, 16), channels=(2, 3), hidden=(4,)),
    "scatternet": Architecture(type="scatternet", shape=(1, 16, 16)),
    "registered": Architecture(
        type="registered",
        shape=(1, 16, 16),
        layers=(
            Layer(type="conv", size=4, kernel=3, padding=1, name="first"),
            Layer(type="group_norm", size=2, name="norm.a"),
            Layer(type="relu"),
            Layer(type="average_pool", size=4),
        ),
    ),
}


def run(**changes: object) -> Run:
    base = {
        "architecture": Architecture(type="logistic_regression"),
        "sampling_rate": 0.25,
        "steps": 10,
        "clipping_norm": 0.5,
        "max_rows": 4,
        "learning_rate": 1.0,
        "optimizer": "sgd",
        "momentum": 0.0,
        "weight_decay": 0.0,
        "units": 64,
    }
    return Run.model_validate({**base, **changes})


def rows(units: int = 64, inputs: int = 3, most: int = 4, seed: int = 1) -> Rows:
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, most + 1, units)
    first = np.r_[0, np.cumsum(counts)].astype(np.int64)
    x = rng.normal(0, 3, (first[-1], inputs)).astype(np.float32)
    return Rows(x, rng.integers(0, 2, first[-1]), first)
