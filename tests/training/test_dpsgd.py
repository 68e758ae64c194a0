"""The two facts that the guarantee rests on, of the code that trains: every unit's part is bounded, and noise has its scale."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from tacit_service.training import dpsgd
from tacit_service.training.dpsgd import Trainer, clipped
from tacit_service.training.encoding import Rows
from tacit_service.training.generator import Stream
from tacit_service.training.spec import Architecture, Run


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


def test_every_gradient_is_clipped_to_the_norm_and_short_ones_are_left_alone() -> None:
    gradients = torch.tensor([[3.0, 4.0], [0.3, 0.4], [1e30, -1e30], [0.0, 0.0]])
    out = clipped(gradients, 1.0)
    norms = torch.linalg.vector_norm(out, dim=1)
    assert (norms <= 1.0).all()
    assert norms[[0, 2]].tolist() == pytest.approx([1.0, 1.0], rel=1e-8)
    assert torch.equal(out[1], gradients[1].double())


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), 1e38])
def test_a_gradient_that_is_no_number_counts_as_nothing_and_harms_nobody(bad: float) -> None:
    """1e38 in every coordinate has a finite norm in 64 bits: it is clipped like any other."""
    out = clipped(torch.tensor([[bad] * 5, [1.0] * 5], dtype=torch.float32), 2.0)
    assert torch.isfinite(out).all()
    assert torch.linalg.vector_norm(out, dim=1)[0] <= 2.0
    assert out[1].tolist() == pytest.approx([2.0 / 5**0.5] * 5, rel=1e-8)


@pytest.mark.parametrize("kind", ["logistic_regression", "mlp", "cnn"])
def test_the_sum_is_that_of_one_clipped_gradient_a_unit(kind: str) -> None:
    """Against torch's own autograd, one unit at a time: the mean loss over the unit's rows, whatever their number."""
    how = {
        "logistic_regression": Architecture(type="logistic_regression"),
        "mlp": Architecture(type="mlp", hidden=(5,)),
        "cnn": Architecture(type="cnn", shape=(8, 8), channels=(2, 3), hidden=(4,)),
    }[kind]
    data = rows(units=20, inputs=64 if kind == "cnn" else 3)
    trainer = Trainer(run(architecture=how), 1.0, data, "classification", 1, 16.0)
    units = np.arange(20)
    total = torch.zeros(trainer._count, dtype=torch.float64)
    for unit in units:
        part = slice(data.first[unit], data.first[unit + 1])
        trainer.model.zero_grad()
        prediction = trainer.model(torch.from_numpy(data.x[part]))
        dpsgd.loss_of("classification", 1, prediction, torch.from_numpy(data.y[part])).mean().backward()
        flat = torch.cat([p.grad.flatten() for p in trainer.model.parameters()])  # type: ignore[union-attr]
        total += clipped(flat[None], 0.5)[0]
    assert torch.allclose(trainer.clipped_sum(units), total, atol=1e-5)


def test_one_unit_moves_the_sum_by_at_most_the_norm_however_many_rows_it_has() -> None:
    data = rows(units=30, most=9)
    trainer = Trainer(run(), 1.0, data, "classification", 1, 16.0)
    everybody = np.arange(30)
    whole = trainer.clipped_sum(everybody)
    moved = [torch.linalg.vector_norm(whole - trainer.clipped_sum(np.delete(everybody, u))) for u in everybody]
    assert max(moved) <= 0.5 * (1 + 1e-9)
    assert max(moved) > 0.49  # some are clipped: the bound is reached


def test_the_noise_of_a_step_has_the_scale_that_is_charged() -> None:
    """No unit is ever sampled from an empty table: what moves the parameters is noise alone, of σ·C/B a coordinate."""
    empty = Rows(np.zeros((0, 500), np.float32), np.zeros(0, np.int64), np.zeros(1, np.int64))
    trainer = Trainer(run(clipping_norm=0.5), 3.0, empty, "classification", 1, 16.0)
    steps = []
    for _ in range(20):
        before = trainer.tensors()
        trainer.step()
        steps.append(np.concatenate([(trainer.tensors()[n] - before[n]).ravel() for n in before]))
    drawn = np.concatenate(steps) / (3.0 * 0.5 / 16.0)
    assert stats.kstest(drawn, "norm").pvalue > 1e-4
    assert drawn.std() == pytest.approx(1.0, abs=0.04)


def test_units_are_sampled_at_the_rate_each_by_itself() -> None:
    stream = Stream()
    draws = np.stack([stream.bernoulli(400, 0.1) for _ in range(2_000)])
    assert draws.mean() == pytest.approx(0.1, abs=0.002)
    assert stats.kstest(draws.sum(axis=1), stats.binom(400, 0.1).cdf).statistic < 0.12  # sizes vary as they must
    assert abs(np.corrcoef(draws[:, 0], draws[:, 1])[0, 1]) < 0.1
    assert not stream.bernoulli(1000, 0.0).any()
    assert stream.bernoulli(1000, 1.0).all()


def test_noise_is_normal_and_never_repeats_with_torchs_seed() -> None:
    values = Stream().normal(200_000)
    assert stats.kstest(values, "norm").pvalue > 1e-4
    assert stats.kurtosis(values) == pytest.approx(0.0, abs=0.06)
    torch.manual_seed(1)
    np.random.seed(1)
    first = Stream().normal(8)
    torch.manual_seed(1)
    np.random.seed(1)
    assert not np.array_equal(first, Stream().normal(8))


def test_a_stream_is_not_copied() -> None:
    import copy
    import pickle

    with pytest.raises(TypeError):
        pickle.dumps(Stream())
    with pytest.raises(TypeError):
        copy.copy(Stream())


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_checkpoint_holds_all_that_the_next_step_needs(optimizer: str) -> None:
    """With no noise and every unit sampled the two runs are the same arithmetic."""
    data, how = rows(), run(optimizer=optimizer, momentum=0.9, sampling_rate=1.0, learning_rate=0.1)
    whole, first, second = (Trainer(how, 0.0, data, "classification", 1, 64.0) for _ in range(3))
    for _ in range(6):
        whole.step()
    for _ in range(3):
        first.step()
    second.restore(first.state())
    for _ in range(3):
        second.step()
    for name, value in whole.tensors().items():
        assert np.allclose(value, second.tensors()[name], atol=1e-6)
