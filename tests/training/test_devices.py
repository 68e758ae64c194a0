"""Training on another device: the same sums and steps as on the CPU, noise and sampling still from the generator there."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from tacit_training_elsewhere import ELSEWHERE, Elsewhere, device
from tacit_training_runs import MODELS, rows, run

from tacit_service.training import audit, dpsgd
from tacit_service.training.dpsgd import Trainer, devices
from tacit_service.training.layers import network

CUDA = pytest.param(
    "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
)


@pytest.fixture(params=["elsewhere", CUDA])
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if request.param == "cuda":
        yield "cuda:0"
        return
    with device(monkeypatch) as name:
        yield name


CASES = [("logistic_regression", 1, 3), ("logistic_regression", 4, 1), ("mlp", 1, 1), ("cnn", 4, 3), ("scatternet", 1, 2),
         ("registered", 4, 3)]  # fmt: skip


@pytest.mark.parametrize(("kind", "most", "outputs"), CASES)
@pytest.mark.parametrize("resident", [True, False])
def test_a_run_elsewhere_takes_the_cpus_steps(
    kind: str, most: int, outputs: int, resident: bool, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without noise and with every unit sampled, the runs are the same arithmetic; rows that do not fit there travel."""
    if not resident:
        monkeypatch.setattr(devices, "_RESIDENT_SHARE", 0.0)
    how = run(architecture=MODELS[kind], max_rows=most, sampling_rate=1.0, optimizer="adam", learning_rate=0.01,
              average=0.5, adaptive_clipping=0.5)  # fmt: skip
    data = rows(units=24, inputs=256 if MODELS[kind].shape else 3, most=most)
    here = Trainer(how, 0.0, data, "classification", outputs, 24.0)
    there = Trainer(how, 0.0, data, "classification", outputs, 24.0, device=place)
    _same(there, here)
    assert (there._x.device.type == torch.device(place).type) is resident
    for _ in range(3):
        here.step()
        there.step()
    assert all(p.device.type == torch.device(place).type for p in there.model.parameters())
    found = there.tensors()
    for name, value in here.tensors().items():
        assert np.allclose(found[name], value, atol=1e-5), name
    again = Trainer(how, 0.0, data, "classification", outputs, 24.0, device=place, checkpoint=found)
    again.restore(there.state())
    assert all(np.array_equal(value, there.state()[name]) for name, value in again.state().items())
    net, x = network(MODELS[kind], MODELS[kind].shape or (3,), outputs), data.x[:5]
    assert np.allclose(dpsgd.apply(net, found, x, place), dpsgd.apply(net, found, x), atol=1e-5)


def _same(there: Trainer, here: Trainer) -> None:
    """Both begin with the same numbers, which were drawn by chance."""
    with torch.no_grad():
        for one, other in zip(there.model.parameters(), here.model.parameters(), strict=True):
            one.copy_(other)
    for name, mean in there._average.items():
        mean.copy_(here._average[name])


def test_rows_stay_where_they_are_unless_they_leave_half_of_what_the_run_may_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with device(monkeypatch) as name:
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (1 << 20, 1 << 20))  # of which a run is allowed half
        place = torch.device(name)
        assert devices.home(torch.zeros(65_537), place).device.type == "cpu"
        assert devices.home(torch.zeros(65_536), place).device.type == name


def test_noise_is_the_generators_wherever_the_gradients_are(place: str) -> None:
    """The trainer asks its stream for one normal a parameter in each step; no noise is drawn on a device."""
    trainer = Trainer(run(max_rows=1), 2.0, rows(most=1), "classification", 1, 16.0, device=place)
    drawn = []
    normal = trainer._stream.normal
    trainer._stream.normal = lambda count: drawn.append(count) or normal(count)  # type: ignore[func-returns-value,method-assign]
    before = trainer.tensors()
    trainer.step()
    assert drawn == [trainer._count]
    assert any((trainer.tensors()[name] != value).all() for name, value in before.items())


def test_the_audit_of_a_run_tests_the_device_that_it_ran_on(place: str) -> None:
    """Rows of infinities and a million times too large move the sum by at most C there too."""
    how = run(architecture=MODELS["mlp"], max_rows=2)
    assert all(found.holds for found in audit.stands(how, 1.5, 3, 2, "classification", place))


def test_inversion_runs_there(place: str) -> None:
    net = network(MODELS["cnn"], (1, 16, 16), 2)
    tensors = Trainer(run(architecture=MODELS["cnn"]), 1.0, rows(inputs=256), "classification", 2, 8.0).tensors()
    assert np.allclose(
        dpsgd.invert(net, tensors, 2, steps=3, device=place), dpsgd.invert(net, tensors, 2, steps=3), atol=1e-4
    )


def test_the_cpu_computes_where_there_is_no_other_and_where_the_settings_say_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert dpsgd.choose("auto", 0, 1 << 30) == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert dpsgd.choose("cpu", 0, 1 << 30) == "cpu"


def test_processes_take_the_devices_in_turn_and_one_that_fails_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    class Properties:
        total_memory = 4 << 30

    shares: dict[str, float] = {}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: Properties)
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", lambda share, at: shares.update({at: share}))
    monkeypatch.setattr(torch, "ones", lambda *_, **__: torch.zeros(8))
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    assert [dpsgd.choose("auto", rank, 1 << 30) for rank in range(3)] == ["cuda:0", "cuda:1", "cuda:0"]
    assert shares == {"cuda:0": 0.25, "cuda:1": 0.25}
    assert not torch.backends.cudnn.allow_tf32, (
        "a unit's gradient hangs on who else is in its block by its last bits alone"
    )

    def broken(*_: object, **__: object) -> torch.Tensor:
        raise RuntimeError("CUDA driver version is insufficient")

    monkeypatch.setattr(torch, "ones", broken)
    assert dpsgd.choose("auto", 0, 1 << 30) == "cpu"


def test_the_device_that_is_not_there_finds_a_tensor_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands in for a device is strict: without this the tests above would prove nothing."""
    with device(monkeypatch):
        there = torch.ones(3).to(ELSEWHERE)
        assert isinstance(there + there, Elsewhere)
        assert (there + there).cpu().tolist() == [2.0, 2.0, 2.0]
        with pytest.raises(RuntimeError, match="two devices"):
            there + torch.ones(3)
        with pytest.raises(RuntimeError, match="numpy"):
            there.numpy()
