"""The two facts that the guarantee rests on, of the code that trains: every unit's part is bounded, and noise has its scale."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from tacit_training_runs import MODELS, rows, run

from tacit_service.training import dpsgd
from tacit_service.training.dpsgd import Trainer, clipped
from tacit_service.training.dpsgd.optimizers import Optimizer
from tacit_service.training.dpsgd.trainer import COUNT_NOISE
from tacit_service.training.encoding import Rows
from tacit_service.training.generator import Stream
from tacit_service.training.layers import network


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


@pytest.mark.parametrize(("kind", "most", "outputs"), [(k, m, o) for k in MODELS for m, o in ((4, 1), (1, 3))])
def test_the_sum_is_that_of_one_clipped_gradient_a_unit(kind: str, most: int, outputs: int) -> None:
    """Against torch's own autograd, one unit at a time: the mean loss over the unit's rows, whatever their number."""
    how = MODELS[kind]
    data = rows(units=20, inputs=256 if how.shape else 3, most=most)
    trainer = Trainer(run(architecture=how, max_rows=most), 1.0, data, "classification", outputs, 16.0)
    units = np.arange(20)
    total = torch.zeros(trainer._count, dtype=torch.float64)
    for unit in units:
        part = slice(data.first[unit], data.first[unit + 1])
        trainer.model.zero_grad()
        prediction = trainer.model(torch.from_numpy(data.x[part]))
        dpsgd.loss_of("classification", outputs, prediction, torch.from_numpy(data.y[part])).mean().backward()
        flat = torch.cat([p.grad.flatten() for p in trainer.model.body.parameters()])  # type: ignore[union-attr]
        total += clipped(flat[None], 0.5)[0]
    assert torch.allclose(trainer.clipped_sum(units), total, atol=1e-5)


def test_the_factored_way_meets_numbers_that_are_none() -> None:
    """One row of infinities: its unit counts as nothing, and the others as they would without it."""
    data = rows(units=6, most=1)
    spoilt = Rows(data.x.copy(), data.y, data.first)
    spoilt.x[2] = np.inf
    sums = []
    for x, units in ((spoilt, np.arange(6)), (data, np.array([0, 1, 3, 4, 5]))):
        trainer = Trainer(run(max_rows=1), 1.0, x, "classification", 1, 16.0)
        assert isinstance(trainer._sums, dpsgd.Factored)
        sums.append(trainer.clipped_sum(units))
    assert torch.allclose(*sums)


def test_an_adaptive_norm_finds_the_quantile_and_pays_for_it() -> None:
    """C goes to where half of the gradients are shorter; the gradients' noise is what the joint price leaves."""
    data = rows(units=400, most=1)
    how = run(max_rows=1, adaptive_clipping=0.5, clipping_norm=30.0, learning_rate=1e-9, sampling_rate=0.5, steps=60)
    trainer = Trainer(how, 0.5, data, "classification", 1, 200.0)
    for _ in range(60):
        trainer.step()
    _, below = trainer._sum(np.arange(400))
    assert below / 400 == pytest.approx(0.5, abs=0.1)
    joint = (1 / dpsgd.GRADIENT_NOISE) ** 2 + 1 / (2 * COUNT_NOISE) ** 2
    assert joint == pytest.approx(1.0, rel=1e-12), "gradients and count together cost what sigma alone does"
    assert trainer.noise(400_000).std() == pytest.approx(0.5 * dpsgd.GRADIENT_NOISE, rel=0.005)


def test_an_average_of_iterates_follows_them_and_is_what_is_released() -> None:
    trainer = Trainer(run(average=0.9, schedule="linear"), 1.0, rows(), "classification", 1, 16.0)
    for _ in range(9):
        trainer.step()
    last = trainer._parameters["0.weight"].detach().numpy()
    assert not np.array_equal(trainer.tensors()["0.weight"], last)
    assert trainer._rate() == pytest.approx(0.1)


def test_only_the_head_moves_where_the_rest_is_a_checkpoints() -> None:
    how = MODELS["registered"].model_copy(update={"train": "last"})
    given = {name: p.detach().numpy() for name, p in dpsgd.Built(network(how, (1, 16, 16), 2)).named_parameters()}
    checkpoint = {n.removeprefix("front.").replace("__", "."): v for n, v in given.items()}
    trainer = Trainer(run(architecture=how), 1.0, rows(inputs=256), "classification", 2, 16.0, None, checkpoint)
    trainer.step()
    found = trainer.tensors()
    assert set(found) == {"first.weight", "first.bias", "norm.a.weight", "norm.a.bias", "5.weight", "5.bias"}
    assert all(np.array_equal(found[name], checkpoint[name]) for name in found if not name.startswith("5."))
    assert found["5.weight"].any(), "the head has moved from zero"
    again = Trainer(run(architecture=how), 1.0, rows(inputs=256), "classification", 2, 16.0, None, checkpoint)
    again.restore(trainer.state())
    assert all(np.array_equal(again.tensors()[name], found[name]) for name in found)
    by_chance = Trainer(run(architecture=how), 1.0, rows(inputs=256), "classification", 2, 16.0)
    with pytest.raises(ValueError, match="drawn by chance"):
        by_chance.restore(trainer.state())


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
    assert stats.kstest(drawn, "norm").pvalue > 1e-9
    assert drawn.std() == pytest.approx(1.0, abs=0.04)


def test_units_are_sampled_at_the_rate_each_by_itself() -> None:
    stream = Stream()
    draws = np.stack([stream.bernoulli(400, 0.1) for _ in range(2_000)])
    assert draws.mean() == pytest.approx(0.1, abs=0.002)
    assert stats.kstest(draws.sum(axis=1), stats.binom(400, 0.1).cdf).statistic < 0.12  # sizes vary as they must
    assert abs(np.corrcoef(draws[:, 0], draws[:, 1])[0, 1]) < 0.15  # 6.7 deviations
    assert not stream.bernoulli(1000, 0.0).any()
    assert stream.bernoulli(1000, 1.0).all()


def test_noise_is_normal_and_never_repeats_with_torchs_seed() -> None:
    values = Stream().normal(200_000)
    assert stats.kstest(values, "norm").pvalue > 1e-9
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
    data = rows()
    how = run(optimizer=optimizer, momentum=0.9, sampling_rate=1.0, learning_rate=0.1, average=0.8, schedule="linear",
              adaptive_clipping=0.5)  # fmt: skip
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


@pytest.mark.parametrize("changes", [{"momentum": 0.9, "weight_decay": 0.1}, {"momentum": 0.0}, {"optimizer": "adam"}])
def test_the_optimizers_are_torchs(changes: dict[str, object]) -> None:
    how = run(**changes)
    mine = [torch.full((3, 2), 0.5), torch.full((4,), -1.0)]
    theirs = [p.clone().requires_grad_() for p in mine]
    ours = Optimizer(how, mine)
    adam = torch.optim.Adam(theirs, lr=0.1, weight_decay=how.weight_decay)
    sgd = torch.optim.SGD(theirs, lr=0.1, momentum=how.momentum, weight_decay=how.weight_decay)
    optimizer = adam if how.optimizer == "adam" else sgd
    for step in range(4):
        gradients = [torch.randn(p.shape, generator=torch.Generator().manual_seed(step)) for p in mine]
        for p, gradient in zip(theirs, gradients, strict=True):
            p.grad = gradient.clone()
        ours.step(gradients, 0.1)
        optimizer.step()
    for one, other in zip(mine, theirs, strict=True):
        assert torch.allclose(one, other, atol=1e-6)
