"""The audits find what was planted, and leave an honest run alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tacit_service.training import audit, dpsgd
from tacit_service.training.dpsgd import Trainer, gradients
from tacit_service.training.encoding import Rows
from tacit_service.training.layers import network
from tacit_service.training.spec import Architecture, Run

LOGISTIC = Architecture(type="logistic_regression")
CNN = Architecture(type="cnn", shape=(1, 16, 16), channels=(2,), hidden=())


def run(**changes: Any) -> Run:
    base = {"architecture": LOGISTIC, "sampling_rate": 0.1, "steps": 10, "clipping_norm": 0.5, "max_rows": 3,
            "learning_rate": 1.0, "optimizer": "sgd", "momentum": 0.0, "weight_decay": 0.0, "units": 64}  # fmt: skip
    return Run.model_validate({**base, **changes})


@pytest.mark.parametrize(
    ("changes", "inputs", "outputs", "task"),
    [
        ({}, 7, 1, "classification"),
        ({"max_rows": 1}, 7, 3, "classification"),
        ({"adaptive_clipping": 0.5}, 7, 3, "classification"),
        ({"architecture": CNN, "max_rows": 1}, 256, 3, "classification"),
        ({"architecture": Architecture(type="linear_regression")}, 7, 1, "regression"),
    ],
)
def test_an_honest_run_passes(changes: dict[str, Any], inputs: int, outputs: int, task: str) -> None:
    found = audit.exact(run(**changes), 1.5, inputs, outputs, task)
    assert all(finding.holds for finding in found), found
    assert found[0].found > 0.49, "the hostile units reach the bound"


def test_clipping_that_is_one_per_cent_loose_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradients, "CLIP_SLACK", 1.01)
    for rows in (1, 3):
        assert not audit.exact(run(max_rows=rows), 1.5, 7, 1, "classification")[0].holds


@pytest.mark.parametrize("short", [0.98, 0.5, 0.0])
def test_too_little_noise_is_found(monkeypatch: pytest.MonkeyPatch, short: float) -> None:
    honest = Trainer.noise
    monkeypatch.setattr(Trainer, "noise", lambda self, count=None: honest(self, count) * short)
    assert not audit.exact(run(), 1.5, 7, 1, "classification")[1].holds


def test_a_clip_by_batch_in_place_of_units_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The classic mistake: the sum is clipped, so that one unit can turn it around."""

    def batchwise(sizes: Any, norm: float) -> Any:
        return 0 * sizes + norm / sizes.nansum()

    monkeypatch.setattr(gradients, "factors", batchwise)
    assert not audit.exact(run(max_rows=1), 1.5, 7, 1, "classification")[0].holds


def test_guesses_bound_epsilon_from_below() -> None:
    """Values by Steinke et al.'s own program: all of 100 right says ε ≥ 3.5; half right says nothing."""
    assert audit.one_run_epsilon(100, 100, 1000, 0.0) == pytest.approx(-np.log(0.05 ** (-1 / 100) - 1), abs=1e-3)
    assert audit.one_run_epsilon(100, 50, 1000, 1e-6) == 0.0
    assert audit.one_run_epsilon(100, 80, 1000, 1e-2) < audit.one_run_epsilon(100, 80, 1000, 1e-6)
    scores, inside = np.arange(20.0), np.arange(20) >= 10
    assert audit.guess(scores, inside, 0.25) == (10, 10)


def test_membership_has_an_interval_and_is_nothing_where_there_is_nothing() -> None:
    rng = np.random.default_rng(3)
    same = audit.membership(rng.normal(0, 1, 2000), rng.normal(0, 1, 2000))
    told = audit.membership(rng.normal(1, 1, 2000), rng.normal(0, 1, 2000))
    assert same.nothing
    assert told.low < 2 * 0.6915 - 1 < told.high, "the best threshold of two normals one apart"


def test_likelihood_ratios_tell_examples_that_a_model_remembers() -> None:
    rng = np.random.default_rng(4)
    hard, inside = rng.normal(0, 3, 300), rng.integers(0, 2, (8, 300)).astype(bool)
    shadows = hard + inside * 1.0 + rng.normal(0, 0.3, (8, 300))
    member = np.arange(300) < 150
    ratios = audit.likelihood_ratios(hard + member * 1.0 + rng.normal(0, 0.3, 300), shadows, inside)
    assert np.mean((ratios > 0) == member) > 0.85
    assert audit.membership(hard[member] + 1, hard[~member]).advantage < 0.5, "the plain threshold tells them worse"


def test_a_model_without_noise_gives_its_classes_back_and_a_noisy_one_does_not() -> None:
    """Ten made-up faces, softmax regression: the input that a class likes best looks like the class."""
    rng = np.random.default_rng(5)
    faces = rng.uniform(0, 1, (10, 256)).astype(np.float32)
    x = np.clip(np.repeat(faces, 4, axis=0) + rng.normal(0, 0.05, (40, 256)), 0, 1).astype(np.float32)
    rows = Rows(x, np.repeat(np.arange(10), 4), np.arange(41, dtype=np.int64))
    found = {}
    for sigma in (0.0, 50.0):
        trainer = Trainer(
            run(max_rows=1, sampling_rate=0.5, learning_rate=0.5), sigma, rows, "classification", 10, 20.0
        )
        for _ in range(60):
            trainer.step()
        images = dpsgd.invert(network(LOGISTIC, (256,), 10), trainer.tensors(), 10, steps=100)
        found[sigma] = audit.identified(images, faces)
    assert found[0.0] >= 0.9
    assert found[50.0] <= 0.5
