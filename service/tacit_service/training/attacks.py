"""Attacks that a request may ask for: on the run's own code and parameters, on made-up and public rows. No data is read.

- ``canaries``: the run again on made-up units alone, each in by a fair coin; who was in is guessed from how far the
  parameters went along each one's gradient, and the right guesses bound ε from below (Steinke, Nasr and Jagielski 2023).
- ``membership``: the run again on public rows, each in by a fair coin; loss threshold (Yeom et al. 2018) and likelihood
  ratio with shadow models (Carlini et al. 2022), beside the same run without noise. The same theorem bounds ε.
- ``inversion``: an image of each class out of the released model (Fredrikson et al. 2015), beside public images.

What is released of them is post-processing of the model, of public rows and of chance. A job fails when guesses prove, but
for a chance of ``FALSE_ALARM``, more than its run's Rényi curve says at ``_FAILING_DELTA``: the theorem's own chance of error
has a term in δ times canaries, so that nothing is ever proven so surely at a δ of 1e-6.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tacit.wire import AttackFinding

from . import audit, dpsgd
from .encoding import Encoding, Rows
from .layers import Network, parameters, shapes
from .plan import TrainingPlan, net_of, renyi_epsilon

Array = npt.NDArray[Any]
Tensors = Mapping[str, Array]

FALSE_ALARM: Final = 1e-9
_FAILING_DELTA: Final = 1e-13
CANARIES: Final = (100, 1_000)
"""At least and at most: one for four parameters, since more of them hide each other."""
_GRADIENTS_MAX: Final = 100_000_000
"""Numbers of the gradients that are held at once."""
_RIDGE: Final = 1e-3
PUBLIC_ROWS_MAX: Final = 1_000
PUBLIC_ROWS_MIN: Final = 40
SHADOWS: Final = 8
_GUESSED: Final = 0.35  # of all, each way
_INVERSION_STEPS: Final = 100


@dataclass(frozen=True, slots=True)
class Attacked:
    """What attacks are made on: a plan, the released tensors, what its training began from, and public rows."""

    plan: TrainingPlan
    tensors: Tensors
    batch: float
    checkpoint: Tensors | None
    public: Rows | None
    watch: Callable[[], None]
    """Called between steps; raises when the job's owner wants no more."""
    device: str = "cpu"

    @property
    def how(self) -> Encoding:
        """Of the rows."""
        return self.plan.encoding

    @property
    def net(self) -> Network:
        """What was trained."""
        return net_of(self.plan.run, self.how)

    def trained(self, x: Array, y: Array, batch: float, sigma: float) -> tuple[Tensors, Tensors]:
        """The run again on these rows, a unit each: its parameters before the first step, and after the last."""
        run = self.plan.run.model_copy(update={"max_rows": 1, "holdout": 0.0, "average": 0.0, "units": len(x)})
        rows = Rows(x, y, np.arange(len(x) + 1, dtype=np.int64))
        trainer = dpsgd.Trainer(
            run, sigma, rows, self.how.task, self.how.outputs, batch, checkpoint=self.checkpoint, device=self.device
        )
        before = trainer.tensors()
        for _ in range(run.steps):
            self.watch()
            trainer.step()
        return before, trainer.tensors()

    def gradients(self, tensors: Tensors, x: Array, y: Array) -> Array:
        """The clipped gradient of each row, as a unit of its own: [rows, parameters]."""
        run = self.plan.run.model_copy(update={"max_rows": 1, "holdout": 0.0, "average": 0.0, "units": len(x)})
        rows = Rows(x, y, np.arange(len(x) + 1, dtype=np.int64))
        trainer = dpsgd.Trainer(
            run, 1.0, rows, self.how.task, self.how.outputs, 1.0, checkpoint=tensors, device=self.device
        )
        found = np.empty((len(x), parameters(self.net)), np.float32)
        for i in range(len(x)):
            self.watch()
            found[i] = trainer.clipped_sum(np.array([i])).numpy()
        return found

    def moved(self, before: Tensors, after: Tensors) -> Array:
        """How far the trained parameters went, flat, in the order of ``gradients``."""
        names = shapes(self.net.body, self.net.between, len(self.net.front))
        return np.concatenate([np.ravel(before[n].astype(np.float64) - after[n]) for n in names])

    def confidence(self, tensors: Tensors, x: Array, y: Array) -> Array:
        """Of each row, how sure a model is of its label: a logit, or minus the squared error."""
        scores = dpsgd.apply(self.net, tensors, x, self.device).astype(np.float64)
        if self.how.task == "regression":
            wrong: Array = -((scores[:, 0] - y) ** 2)
            return wrong
        if scores.shape[1] == 1:
            signed: Array = scores[:, 0] * (2 * y - 1)
            return signed
        own = scores[np.arange(len(y)), y]
        scores[np.arange(len(y)), y] = -np.inf
        top = scores.max(axis=1)
        rest: Array = own - (top + np.log(np.exp(scores - top[:, None]).sum(axis=1)))
        return rest


class ClaimBroken(audit.AuditFailed):
    """An attack proved more than the run claims."""


def made(on: Attacked) -> list[AttackFinding]:
    """What the attacks that the run asks for found; ``ClaimBroken`` when that is more than it claims."""
    attacks = {"canaries": canaries, "membership": membership, "inversion": inversion}
    found = [finding for name in on.plan.run.audit for finding in attacks[name](on)]
    if broken := [finding.name for finding in found if not finding.holds]:
        raise ClaimBroken("; ".join(broken))
    return found


def canaries(on: Attacked) -> list[AttackFinding]:
    """Made-up units with random features and labels; the way that the parameters went is split into their gradients.

    Parameters move along the sum of the sampled units' gradients and noise, so least squares undo how alike canaries are.
    """
    rng = np.random.default_rng()
    least, most = CANARIES
    size = parameters(on.net)
    count = min(max(min(size // 4, _GRADIENTS_MAX // size), least), most)
    x = rng.choice(np.array([-1, 1], np.float32), (count, on.how.inputs))
    if on.how.features[0].kind == "image":
        x = (x + 1) / 2
    if on.how.task == "regression":
        y: Array = rng.choice(np.array([-1, 1], np.float32), count)
    else:
        y = rng.integers(0, max(on.how.outputs, 2), count)
    inside = rng.random(count) < 0.5
    before, after = on.trained(x[inside], y[inside], on.batch, on.plan.sigma)
    slopes = on.gradients(before, x, y)
    alike = (slopes @ slopes.T).astype(np.float64)
    alike[np.diag_indices(count)] += _RIDGE * max(float(np.trace(alike)) / count, 1e-12)
    shares = np.linalg.solve(alike, slopes @ on.moved(before, after).astype(np.float32))
    return [AttackFinding(name="canaries", on=f"{count} made-up units", **_bound(on, shares, inside))]


def membership(on: Attacked) -> list[AttackFinding]:
    """Two attacks against the run on public rows, each in by a fair coin, and against the same run without noise."""
    rng = np.random.default_rng()
    assert on.public is not None
    chosen = rng.permutation(len(on.public.y))[:PUBLIC_ROWS_MAX]
    x, y = on.public.x[chosen], on.public.y[chosen]
    if len(y) < PUBLIC_ROWS_MIN:
        return [_nothing("membership", f"{len(y)} public rows: too few to attack")]
    coins = np.stack([rng.random(len(y)) < 0.5 for _ in range(SHADOWS // 2)])
    splits = np.concatenate([coins, ~coins])  # each row is in half of the shadow models
    inside = rng.random(len(y)) < 0.5
    scores = {sigma: _scores(on, x, y, inside, splits, sigma) for sigma in (on.plan.sigma, 0.0)}
    findings = []
    for name, with_noise, without in zip(("loss threshold", "likelihood ratio"), *scores.values(), strict=True):
        one, twin = (audit.membership(s[inside], s[~inside]) for s in (with_noise, without))
        findings.append(AttackFinding(
            name=f"membership by {name}", on=f"{len(y)} public rows, {SHADOWS} shadow models",
            found=one.advantage, interval=(one.low, one.high), without_noise=twin.advantage,
            without_noise_interval=(twin.low, twin.high), **_bound(on, with_noise, inside, counted=False),
        ))  # fmt: skip
    return findings


def _scores(on: Attacked, x: Array, y: Array, inside: Array, splits: Array, sigma: float) -> tuple[Array, Array]:
    """By each attack how likely it is that a row was in."""

    def model(members: Array) -> Array:
        batch = on.plan.run.sampling_rate * max(1, int(members.sum()))
        return on.confidence(on.trained(x[members], y[members], batch, sigma)[1], x, y)

    target, shadows = model(inside), np.stack([model(members) for members in splits])
    return target, audit.likelihood_ratios(target, shadows, splits)


def inversion(on: Attacked) -> list[AttackFinding]:
    """Of how many classes the image that the model likes best is most like that class's mean public image."""
    assert on.public is not None
    x, y = on.public.x, on.public.y
    classes = on.how.outputs
    shown = np.flatnonzero(np.bincount(y, minlength=classes))
    if len(shown) < 2:
        return [_nothing("inversion", "public images of fewer than two classes")]
    means = np.stack([x[y == c].mean(axis=0) for c in shown])

    def share(tensors: Tensors) -> float:
        images = dpsgd.invert(on.net, tensors, classes, steps=_INVERSION_STEPS, device=on.device)
        return audit.identified(images[shown], means)

    twin = on.trained(x, y, max(1.0, on.plan.run.sampling_rate * len(x)), 0.0)[1]
    return [AttackFinding(
        name="inversion", on=f"mean public images of {len(shown)} classes, chance {1 / len(shown):.3f}",
        found=share(on.tensors), without_noise=share(twin), holds=True,
    )]  # fmt: skip


def _nothing(name: str, why: str) -> AttackFinding:
    return AttackFinding(name=name, on=why, found=0.0, holds=True)


def _bound(on: Attacked, scores: Array, inside: npt.NDArray[np.bool_], *, counted: bool = True) -> dict[str, Any]:
    """A lower bound on ε out of guesses at who was in; with ``counted``, it is what was found."""
    guesses, right = audit.guess(scores, inside, _GUESSED)
    sgd, count = on.plan.sgd, len(inside)
    shown = audit.one_run_epsilon(guesses, right, count, sgd.delta)
    sure = audit.one_run_epsilon(guesses, right, count, _FAILING_DELTA, 1 - FALSE_ALARM)
    holds = sure <= renyi_epsilon(replace(sgd, delta=_FAILING_DELTA))
    told: dict[str, Any] = {"epsilon_at_least": shown, "claimed": sgd.epsilon, "holds": holds}
    return told | ({"found": right / guesses} if counted else {})
