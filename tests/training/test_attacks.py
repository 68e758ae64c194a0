"""The attacks that a card may ask for: they find a run without noise, and leave an honest one alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tacit.wire import FeatureInfo
from tacit_service.privacy.events import DpSgdEvent
from tacit_service.training import attacks
from tacit_service.training.attacks import Attacked
from tacit_service.training.dpsgd import Trainer
from tacit_service.training.encoding import Encoding, Rows
from tacit_service.training.spec import Architecture, Run

SIDE, CLASSES = 12, 10
IMAGES = Encoding(
    (FeatureInfo(name="image", kind="image", type="image", shape=[SIDE, SIDE]),),
    FeatureInfo(name="label", kind="category", type="integer", categories=list(range(CLASSES))),
    "classification", "", "",
)  # fmt: skip


@pytest.fixture(scope="module")
def attacked() -> Attacked:
    """Softmax regression at ε = 1, in few steps that reach each unit several times."""
    how = Run(
        architecture=Architecture(type="logistic_regression"), sampling_rate=0.2, steps=30, clipping_norm=1.0,
        max_rows=1, learning_rate=0.5, optimizer="sgd", momentum=0.9, weight_decay=0.0, units=200,
    )  # fmt: skip
    sigma = 4.96  # ε is just below 1 by dp_accounting
    sgd = DpSgdEvent("person", "dp-accounting", how.sampling_rate, sigma, how.steps, 1.0, 1e-6)
    plan: Any = SimpleNamespace(run=how, sigma=sigma, encoding=IMAGES, sgd=sgd)
    return Attacked(plan, {}, 40.0, None, None, lambda: None)


def shown(attacked: Attacked, public: Rows, **more: Any) -> Attacked:
    """The same, with public rows."""
    known = {"tensors": {}, **more}
    return Attacked(attacked.plan, known["tensors"], attacked.batch, None, public, attacked.watch)


def silence(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Trainer.noise
    monkeypatch.setattr(Trainer, "noise", lambda self, count=None: 0 * honest(self, count))


def rows(x: npt.NDArray[Any], y: npt.NDArray[Any]) -> Rows:
    return Rows(x.astype(np.float32), y, np.arange(len(y) + 1, dtype=np.int64))


def test_canaries_say_nothing_of_an_honest_run(attacked: Attacked) -> None:
    (found,) = attacks.canaries(attacked)
    assert found.holds
    assert found.epsilon_at_least is not None
    assert found.epsilon_at_least < 1.5, "true of one run in 10^9: what is said at 95 % may be wrong, by so much never"


def test_canaries_find_a_run_that_forgets_its_noise(attacked: Attacked, monkeypatch: pytest.MonkeyPatch) -> None:
    silence(monkeypatch)
    (found,) = attacks.canaries(attacked)
    assert found.found > 0.95
    assert found.epsilon_at_least is not None
    assert found.epsilon_at_least > 2
    assert not found.holds
    asked = attacked.plan.run.model_copy(update={"audit": ("canaries",)})
    plan: Any = SimpleNamespace(**{**vars(attacked.plan), "run": asked})
    with pytest.raises(attacks.ClaimBroken):
        attacks.made(Attacked(plan, {}, attacked.batch, None, None, attacked.watch))


def test_membership_stands_beside_the_same_run_without_noise(attacked: Attacked) -> None:
    """Labels by chance: whoever is right about them has learnt them by heart."""
    rng = np.random.default_rng(1)
    public = rows(rng.uniform(0, 1, (300, SIDE**2)), rng.integers(0, CLASSES, 300))
    threshold, ratio = attacks.membership(shown(attacked, public))
    for found in (threshold, ratio):
        assert found.holds
        assert found.interval is not None
        assert found.interval[0] <= found.found <= found.interval[1]
        assert found.without_noise_interval is not None
        assert found.without_noise_interval[0] > 0, "the twin remembers"
    few = attacks.membership(shown(attacked, rows(public.x[:5], public.y[:5])))
    assert [found.on for found in few] == ["5 public rows: too few to attack"]


def test_inversion_names_whom_a_model_without_noise_remembers(attacked: Attacked) -> None:
    rng = np.random.default_rng(2)
    faces, y = rng.uniform(0, 1, (CLASSES, SIDE**2)), np.repeat(np.arange(CLASSES), 8)
    public = rows(np.clip(faces[y] + rng.normal(0, 0.05, (len(y), SIDE**2)), 0, 1), y)
    bare = shown(attacked, public)
    tensors = bare.trained(public.x, public.y, 16.0, 0.0)[1]
    (found,) = attacks.inversion(shown(attacked, public, tensors=tensors))
    assert found.found >= 0.8
    assert found.without_noise is not None
    assert found.without_noise >= 0.8
    (noise,) = attacks.inversion(
        shown(attacked, public, tensors={name: rng.normal(0, 1, t.shape).astype(np.float32) for name, t in tensors.items()})
    )  # fmt: skip
    assert noise.found <= 0.7
