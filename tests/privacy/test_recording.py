"""The recorder: a switch for tests that a service cannot turn by accident."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

import tacit_service
from tacit_service.errors import TacitError
from tacit_service.privacy import recording as module
from tacit_service.privacy.choices import draw_max, noisy_max
from tacit_service.privacy.exact import Charged, ExactAggregates
from tacit_service.privacy.mechanisms import draw, laplace
from tacit_service.privacy.recording import SWITCH, recording
from tacit_service.privacy.sensitivity import groups, one_row
from tacit_service.privacy.thresholds import draw_threshold, laplace_threshold
from tacit_service.privacy.units import Delta, Epsilon

ONE = Epsilon.parse("1")


def counts(*values: int) -> ExactAggregates:
    vector = np.array(values, dtype=np.int64)
    return ExactAggregates([(f"k{i}",) for i in range(len(values))], {"n": vector}, keys_are_public=True)


def test_without_the_environment_s_switch_it_does_not_start(monkeypatch):
    monkeypatch.delenv(SWITCH, raising=False)
    with pytest.raises(RuntimeError, match=SWITCH), recording():
        pass
    assert module.active() is None


def test_no_module_of_the_service_starts_it_but_the_audit_which_only_its_command_imports():
    root = Path(tacit_service.__file__).parent
    for path in root.rglob("*.py"):
        importers = "tacit_service.audit" in path.read_text() and path.parent.name != "audit"
        assert not importers or path == root / "cli.py", path
        if path == root / "audit/run.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                assert getattr(node.func, "id", getattr(node.func, "attr", "")) != "recording", path


def test_it_records_what_was_drawn_and_adds_no_noise(monkeypatch):
    monkeypatch.setenv(SWITCH, "1")
    m, t = laplace(one_row(3), ONE, unit="patient"), laplace_threshold(groups(2, 1), ONE, Delta.parse("1e-6"), unit="u")
    c = noisy_max(3, 1, ONE, unit="patient")
    with recording() as seen:
        assert draw(m, counts(5, 0, 7), "n", Charged("c", (m.event,))).tolist() == [5, 0, 7]
        keys, rows, noisy = draw_threshold(t, counts(0, 500, t.threshold), "n", Charged("c", (t.event,)))
        assert draw_max(c, counts(1, 9, 3), "n", Charged("c", (c.event,))) == 1
    assert (keys, rows.tolist(), noisy.tolist()) == ([("k1",)], [1], [500])
    assert [(d.measure, d.kind, d.exact.tolist()) for d in seen.draws] == [
        ("n", "laplace", [5, 0, 7]), ("n", "laplace_threshold", [0, 500, t.threshold]), ("n", "noisy_max", [1, 9, 3]),
    ]  # fmt: skip
    assert seen.draws[0].sensitivity == one_row(3)
    assert seen.draws[0].scale == m.scale
    assert module.active() is None


def test_a_seed_repeats_the_noise(monkeypatch):
    monkeypatch.setenv(SWITCH, "1")
    m = laplace(one_row(1), Epsilon.parse("0.1"), unit="patient")

    def run() -> list[int]:
        with recording(seed=4):
            return draw(m, counts(*range(50)), "n", Charged("c", (m.event,))).tolist()

    assert run() == run() != list(range(50))


def test_the_guards_stay_in_force(monkeypatch):
    monkeypatch.setenv(SWITCH, "1")
    m = laplace(one_row(1), ONE, unit="patient")
    with recording(), pytest.raises(TacitError, match="without a charge"):
        draw(m, counts(1), "n", Charged("c", ()))


def test_recorders_do_not_nest(monkeypatch):
    monkeypatch.setenv(SWITCH, "1")
    with recording(), pytest.raises(RuntimeError, match="already"), recording():
        pass
    assert module.active() is None
