"""MIN and MAX from a noisy histogram. Post-processing only.

Seen from the end in question, bins hold nobody up to some bin b, and somebody in b. Of each b the released counts have a
likelihood: noise alone before b, rows and noise in it, either behind it. The value is the mean over b, each b as likely as
another beforehand. Rows of a bin that holds some are thought to be from one of ``LAWS``, mixtures of exponential laws: small
groups have few rows in every bin, large ones few and many. A wrong thought costs accuracy of the value, never privacy, and the
interval does not rest on it.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from tacit_service.privacy import accuracy
from tacit_service.query.plan import Measure, Output

Floats = npt.NDArray[np.float64]
CONFIDENCE = 0.95
LAWS = ((2.0,), (2.0, 4.0), (2.0, 4.0, 8.0), (2.0, 4.0, 8.0, 16.0), (2.0, 4.0, 8.0, 16.0, 32.0),
        (2.0, 4.0, 8.0, 16.0, 32.0, 64.0), (2.0, 8.0, 32.0, 128.0), (2.0, 8.0, 32.0, 128.0, 512.0))  # fmt: skip
"""Mean rows of a bin that holds some, each of a law as likely as another, and each law."""
EMPTY = 0.1  # of bins behind the end: values may leave gaps
_LEAST = -6e5  # a logarithm that is as good as never
_NEAR = 14.0  # scales of the noise within which likelihoods are tabled closely


def extreme(counts: Floats, m: Measure, kind: accuracy.Kind, scale: float, *, last: bool) -> Floats:
    """The least or the greatest value of each group. ``counts``: (…, bins), noise of ``scale`` on each."""
    values = np.array([float(c) for c in m.candidates])
    inward, places = (counts[..., ::-1], values[::-1]) if last else (counts, values)
    at, noise, rows = _likelihoods(kind, max(round(scale / m.multiplier, 9), 1e-6))
    seen = inward / m.multiplier
    nobody = np.interp(seen, at, noise)
    before = np.cumsum(nobody, axis=-1) - nobody
    weight = np.full(seen.shape, -np.inf)
    for law in rows:
        some = np.interp(seen, at, law)
        either = np.logaddexp(nobody + math.log(EMPTY), some + math.log1p(-EMPTY))
        behind = np.cumsum(either[..., ::-1], axis=-1)[..., ::-1] - either
        weight = np.logaddexp(weight, before + some + behind)
    weight = np.exp(weight - weight.max(axis=-1, keepdims=True))
    result: Floats = (weight * places).sum(axis=-1) / weight.sum(axis=-1)
    return result


@lru_cache(maxsize=64)
def _likelihoods(kind: accuracy.Kind, scale: float) -> tuple[Floats, Floats, list[Floats]]:
    """Log-likelihoods of a released count where nobody is, and by each law where somebody is, at the points of a grid.

    Noise plus an exponential number of rows has a density in closed form: of Laplace noise the difference of three
    exponentials, of normal noise the exponentially modified Gaussian.
    """
    near = np.linspace(-_NEAR, _NEAR, 1401) * scale
    far = _NEAR * scale * np.geomspace(1.0, 1e9, 400)[1:]
    at = np.concatenate([-far[::-1], near, far])
    density = _laplace if kind == "laplace" else _normal
    noise = -np.abs(at) / scale - math.log(2 * scale) if kind == "laplace" else _log_normal(at, scale)
    hidden = noise - max(0.0, 1 / scale - 1)  # few may be there whom the noise hides, unless it is less than a row
    least = np.maximum(np.where(at < 0, noise - 40.0, hidden), _LEAST - 40.0)
    by_mean = {mean: density(at, scale, mean) for mean in sorted({mean for law in LAWS for mean in law})}
    with np.errstate(divide="ignore"):
        rows = [np.maximum(np.log(np.mean([by_mean[mean] for mean in law], axis=0)), least) for law in LAWS]
    return at, np.maximum(noise, _LEAST), rows


def _log_normal(at: Floats, scale: float) -> Floats:
    result: Floats = -0.5 * (at / scale) ** 2 - math.log(scale * math.sqrt(2 * math.pi))
    return result


def _laplace(at: Floats, b: float, mean: float) -> Floats:
    t = b * 1.00001 if abs(mean - b) < 1e-5 * b else mean  # the closed form has a hole where they are equal
    y = np.maximum(at, 0.0)
    inside = (np.exp(-y / t) - np.exp(-y / b)) / (1 / b - 1 / t) + np.exp(-y / t) / (1 / b + 1 / t)
    return np.where(at < 0, np.exp(np.minimum(at, 0.0) / b) / (2 * (b + t)), inside / (2 * b * t))


def _normal(at: Floats, sigma: float, t: float) -> Floats:
    upper = np.array([math.erfc(float(z)) for z in (sigma / t - at / sigma) / math.sqrt(2)])
    result: Floats = np.exp(np.minimum(sigma**2 / (2 * t**2) - at / t, 700.0)) * upper / (2 * t)
    return result


def end_interval(output: Output, m: Measure, counts: Floats, shown: Floats, noise: Floats) -> tuple[Floats, Floats]:
    """MIN and MAX: from the innermost bin that the end may lie in to the declared bound, where one person may always hide.

    If the largest value lies in bin b, the bins beyond it are empty, and their noisy sum is noise alone: b stays unless that
    sum is above its own 95 % point. Nothing can say that nobody is further out, since one person drowns in the noise.
    ``noise``: (draws, bins) of fresh noise.
    """
    last = output.parameter == 1.0
    values = np.array([float(c) for c in m.candidates])
    inward, places = (counts[..., ::-1], values[::-1]) if last else (counts, values)
    reach = np.concatenate([[0.0], np.quantile(np.cumsum(noise, axis=-1), CONFIDENCE, axis=0)[:-1]])
    beyond = np.concatenate([np.zeros_like(inward[..., :1]), np.cumsum(inward, axis=-1)[..., :-1]], axis=-1)
    possible = beyond <= reach
    inner = places[len(places) - 1 - possible[..., ::-1].argmax(axis=-1)]
    half_bin = float(m.grid) / 2  # a value is known to its bin
    lo, hi = float(output.lo or 0), float(output.hi or 0)
    if last:
        return np.clip(np.minimum(inner, shown) - half_bin, lo, hi), np.full_like(shown, hi)
    return np.full_like(shown, lo), np.clip(np.maximum(inner, shown) + half_bin, lo, hi)
