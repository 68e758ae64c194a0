"""Two processes on one run take the steps that one would: the same sum, the noise once, the same model in both."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tacit_service.training import dpsgd, measure

_PATH = Path(__file__).with_name("member.py")
_spec = importlib.util.spec_from_file_location("tacit_training_member", _PATH)
assert _spec is not None
assert _spec.loader is not None
member = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(member)


def together(folder: Path, *runs: tuple[float, float, int]) -> list[np.ndarray]:
    """Weights after every step of each run (rate, σ, steps) by two processes; the same in both."""
    second = subprocess.Popen([sys.executable, str(_PATH), "1", str(folder), json.dumps(runs)])
    member.main(0, folder, list(runs))
    assert second.wait(600) == 0
    one, other = (np.load(folder / f"member-{rank}.npz") for rank in range(2))
    for name in one:
        assert np.array_equal(one[name], other[name]), "both have the same model after every step"
    return [one[str(i)] for i in range(len(runs))]


def test_each_unit_is_in_one_process() -> None:
    parts = [measure.share(member.people(), rank, 3, member.KEY).column(0).to_pylist() for rank in range(3)]
    assert sorted(unit for part in parts for unit in part) == list(range(64))
    assert min(map(len, parts)) > 8


def test_two_processes_train_what_one_does_and_draw_noise_once(tmp_path: Path) -> None:
    """In the second run nobody is sampled: what moves the weights is noise of σ·C/B; drawn twice, √2 times as much."""
    everybody, nobody = together(tmp_path, (1.0, 0.0, 5), (1e-9, 2.0, 12))
    alone = dpsgd.Trainer(member.run(1.0), 0.0, member.rows(member.people()), "classification", 1, 8.0)
    for _ in range(5):
        alone.step()
    expected = member.flat(alone)
    assert np.abs(expected).max() > 0.1
    assert np.allclose(everybody[-1], expected, atol=1e-6)
    moves = np.diff(nobody, axis=0)
    assert moves.std() == pytest.approx(2.0 * 0.5 / 8, rel=0.1)  # 1,200 values: one deviation is 2 %
