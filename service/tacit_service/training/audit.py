"""Attacks on what was promised: exact tests of a run's noise and clipping, canaries, membership. Nothing here reads data.

An empirical lower bound on ε says that a promise is broken, never that it is kept; one-run audits find noise that is ten
times too small and rarely half as much. So the exact tests carry the weight: the code that trains, with the run's own
parameters, on made-up rows and units that try to get around the bound.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from . import dpsgd
from .encoding import Rows
from .spec import Run

Array = npt.NDArray[Any]

_FALSE_ALARM: Final = 1e-9
"""Chance that an exact test finds fault where there is none."""

_NOISE_VALUES: Final = 400_000
_UNITS: Final = 24


class AuditFailed(Exception):
    """A test found more than was claimed; the model is not released."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One test: what was claimed, what was found, and whether the claim stands."""

    name: str
    claimed: float
    found: float
    holds: bool


def exact(run: Run, sigma: float, inputs: int, outputs: int, task: str, device: str = "cpu") -> list[Finding]:
    """The two facts that the guarantee rests on, of this run's network, σ, C and q, on the device that it ran on.

    - clipping: no unit moves the sum by more than C, with rows a million times too large, NaN and infinities among them;
    - noise: its standard deviation is σ (σ/√0.99 under adaptive clipping) by a χ² test that finds 1.5 % of too little;
    - sampling: units enter at the rate q.
    """
    rows = _hostile_rows(run, inputs, outputs, task)
    trainer = dpsgd.Trainer(run, sigma, rows, task, outputs, 1.0, device=device)
    everybody = np.arange(_UNITS)
    whole = trainer.clipped_sum(everybody)
    moved = max(float((whole - trainer.clipped_sum(np.delete(everybody, u))).norm()) for u in everybody)
    claimed = sigma * (dpsgd.GRADIENT_NOISE if run.adaptive_clipping else 1.0)
    values = trainer.noise(_NOISE_VALUES)
    found = float(values.std())
    return [
        Finding(
            "one unit moves the sum by at most C", run.clipping_norm, moved, moved <= run.clipping_norm * (1 + 1e-9)
        ),
        Finding("the noise of a coordinate is at least sigma", claimed, found, noise_is(values, claimed)),
        _sampled(run),
    ]


def stands(run: Run, sigma: float, inputs: int, outputs: int, task: str, device: str = "cpu") -> list[Finding]:
    """The findings of ``exact``; ``AuditFailed`` when a claim does not stand."""
    found = exact(run, sigma, inputs, outputs, task, device)
    if broken := [finding.name for finding in found if not finding.holds]:
        raise AuditFailed("; ".join(broken))
    return found


def _hostile_rows(run: Run, inputs: int, outputs: int, task: str) -> Rows:
    rng = np.random.default_rng()
    rows = min(run.max_rows, 4)
    x = rng.normal(0, 1, (_UNITS * rows, inputs)).astype(np.float32)
    x[: 4 * rows] *= 1e6
    x[4 * rows : 5 * rows] = np.nan
    x[5 * rows : 6 * rows] = np.inf
    x[6 * rows : 7 * rows] = np.float32(3e38)
    classes = max(outputs, 2)
    y = rng.uniform(-1, 1, len(x)).astype(np.float32) if task == "regression" else rng.integers(0, classes, len(x))
    return Rows(x, y, np.arange(0, len(x) + 1, rows, dtype=np.int64))


def noise_is(values: Array, sigma: float) -> bool:
    """χ² test against a standard deviation that is smaller than ``sigma``: Σv²/σ² has n degrees of freedom.

    Its lower tail by Laurent and Massart (2000, lemma 1): P(χ² ≤ n − 2√(nt)) ≤ e^(−t). In closed form, so that a job need
    not import scipy.
    """
    count, t = len(values), -math.log(_FALSE_ALARM)
    return float(np.sum((values / sigma) ** 2)) > count - 2 * math.sqrt(count * t)


def _sampled(run: Run) -> Finding:
    """Hoeffding (1963): P(B ≥ k) ≤ exp(−n·KL(k/n ‖ q)) for a binomial B and k ≥ nq."""
    from .generator import Stream

    count = 500_000
    hits = int(Stream().bernoulli(count, run.sampling_rate).sum())
    share, q = hits / count, run.sampling_rate
    apart = share * math.log(share / q) + (1 - share) * math.log((1 - share) / (1 - q)) if q < share < 1 else 0.0
    fits = share <= q or (share < 1 and count * apart < -math.log(_FALSE_ALARM))
    return Finding("units enter at most at the rate q", run.sampling_rate, hits / count, fits)


# -- canaries in one run


def one_run_epsilon(guesses: int, right: int, canaries: int, delta: float, confidence: float = 0.95) -> float:
    """Lower bound on ε from ``right`` of ``guesses`` that say which of ``canaries`` were in (each by a fair coin).

    Steinke, Nasr and Jagielski (2023), theorem 5.2: the largest ε at which so many right guesses are unlikelier than
    1 − confidence.
    """
    low, high = 0.0, 50.0
    if _p_value(guesses, right, canaries, low, delta) > 1 - confidence:
        return 0.0
    for _ in range(60):
        middle = (low + high) / 2
        if _p_value(guesses, right, canaries, middle, delta) < 1 - confidence:
            low = middle
        else:
            high = middle
    return low


def _p_value(guesses: int, right: int, canaries: int, epsilon: float, delta: float) -> float:
    from scipy import stats

    chance = 1 / (1 + math.exp(-epsilon))
    masses = np.cumsum(stats.binom.pmf(np.arange(right - 1, -1, -1), guesses, chance))
    alpha = float(np.max(masses / np.arange(1, right + 1), initial=0.0))
    return min(1.0, float(stats.binom.sf(right - 1, guesses, chance)) + 2 * alpha * delta * canaries)


def guess(scores: Array, inside: npt.NDArray[np.bool_], share: float = 0.1) -> tuple[int, int]:
    """(guesses, right): the highest scores are guessed to be in, the lowest to be out, ``share`` of all each way."""
    each = max(1, int(len(scores) * share))
    order = np.argsort(scores)
    right = int(inside[order[-each:]].sum() + (~inside[order[:each]]).sum())
    return 2 * each, right


# -- membership


@dataclass(frozen=True, slots=True)
class Membership:
    """Advantage (true minus false positive rate) of an attack, and a 95 % interval around it."""

    advantage: float
    low: float
    high: float

    @property
    def nothing(self) -> bool:
        """The interval holds 0."""
        return self.low <= 0.0 <= self.high


def membership(inside: Array, outside: Array) -> Membership:
    """The threshold attack (Yeom et al. 2018) by scores, higher for members.

    The threshold is chosen on one half of the scores and judged on the other, so that chance alone gives 0 on average.
    """
    rng = np.random.default_rng(0)
    halves = [np.array_split(rng.permutation(scores), 2) for scores in (inside, outside)]
    (chosen_in, judged_in), (chosen_out, judged_out) = halves
    places = np.unique(np.concatenate([chosen_in, chosen_out]))
    gains = [np.mean(chosen_in >= at) - np.mean(chosen_out >= at) for at in places]
    at = places[int(np.argmax(gains))]
    hit, false = float(np.mean(judged_in >= at)), float(np.mean(judged_out >= at))
    error = 1.96 * math.sqrt(hit * (1 - hit) / len(judged_in) + false * (1 - false) / len(judged_out) + 1e-12)
    return Membership(hit - false, hit - false - error, hit - false + error)


def likelihood_ratios(target: Array, shadows: Array, inside: npt.NDArray[np.bool_]) -> Array:
    """Score of each example: log-likelihood of its ``target`` confidence among shadow models that had it, against those that had not.

    ``shadows`` and ``inside`` have one row a shadow model, one column an example; confidences are logits (Carlini et al.
    2022, LiRA, with one variance for all examples).
    """
    had, had_not = (np.ma.masked_array(shadows, mask=mask) for mask in (~inside, inside))
    spread = float(np.sqrt((had.var(axis=0).mean() + had_not.var(axis=0).mean()) / 2)) + 1e-6
    one, other = had.mean(axis=0), had_not.mean(axis=0)
    told = ((target - other) ** 2 - (target - one) ** 2) / (2 * spread**2)
    ratios: Array = np.ma.filled(told, 0.0)  # nothing is known of an example that all shadows had, or none
    return ratios


# -- inversion


def identified(images: Array, references: Array) -> float:
    """Share of classes whose inverted image lies nearest, by correlation, to the mean image of that class."""

    def centred(values: Array) -> Array:
        values = values - values.mean(axis=1, keepdims=True)
        scaled: Array = values / (np.linalg.norm(values, axis=1, keepdims=True) + 1e-12)
        return scaled

    found = (centred(images) @ centred(references).T).argmax(axis=1)
    return float(np.mean(found == np.arange(len(images))))
