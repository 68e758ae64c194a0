"""What ``error.py`` measures against: the aggregates asked, and the error of the best single measurement of each."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tacit_service.privacy import choices, mechanisms
from tacit_service.privacy.units import Epsilon
from tacit_service.query.measures import END_BINS
from tacit_service.query.plan import ReleasePoint

Floats = npt.NDArray[np.float64]
AGE, INCOME = (0.0, 100.0), (0.0, 200_000.0)
POLICY = """version: 1
dataset: people
privacy_unit: { name: person, column: people.id }
tables:
  people:
    source: people.parquet
    unit: id
    one_row_per_unit: true
    columns:
      id: { type: integer }
      age: { type: integer, bounds: [0, 100], nullable: false }
      income: { type: integer, bounds: [0, 200000], nullable: false }
      balance: { type: integer, bounds: [-500, 500], nullable: false }
budget: { epsilon: 100, delta: 1e-6 }
per_query: { max_epsilon: 50 }
"""


def data(rows: int) -> pa.Table:
    """The people; seeded, so that every run measures the same."""
    rng = np.random.default_rng(7)
    age = np.clip(np.rint(100 * rng.beta(2.2, 3.0, rows)), 0, 100).astype(np.int64)
    income = np.clip(np.rint(12_000 + 700 * age + rng.gamma(2.0, 9_000, rows)), 0, 200_000).astype(np.int64)
    balance = np.clip(np.rint(rng.normal(40, 150, rows)), -500, 500).astype(np.int64)
    return pa.table({"_u": np.arange(rows), "id": np.arange(rows), "age": age, "income": income, "balance": balance})


@dataclass(frozen=True)
class Asked:
    """One aggregate: its SQL, and the moments (with their sensitivity) and gradient that its "best" is made of."""

    name: str
    sql: str
    kind: str  # count, sum, moments, rank, bins; ratio and truth are computed above the release
    gaussian: bool = False


ASKED = (
    Asked("COUNT", "COUNT(*)", "count"),
    Asked("COUNT, Gauss", "COUNT(*)", "count", True),
    Asked("COUNT(x)", "COUNT(age)", "count"),
    Asked("COUNT_IF", "COUNT_IF(age > 50)", "count"),
    Asked("COUNT(DISTINCT unit)", "COUNT(DISTINCT id)", "count"),
    Asked("COUNT(DISTINCT y)", "COUNT(DISTINCT age)", "count"),
    Asked("histogram", "histogram(age, [20, 40, 60, 80])", "bins"),
    Asked("SUM", "SUM(income)", "sum"),
    Asked("SUM, Gauss", "SUM(income)", "sum", True),
    Asked("SUM, bounds of both signs", "SUM(balance)", "sum"),
    Asked("AVG", "AVG(income)", "moments"),
    Asked("AVG, Gauss", "AVG(income)", "moments", True),
    Asked("AVG, middle of the bounds", "AVG(age)", "moments"),
    Asked("VAR_SAMP", "VAR_SAMP(age)", "moments"),
    Asked("VAR_POP", "VAR_POP(age)", "moments"),
    Asked("STDDEV_SAMP", "STDDEV_SAMP(income)", "moments"),
    Asked("STDDEV_POP", "STDDEV_POP(age)", "moments"),
    Asked("COVAR_SAMP", "COVAR_SAMP(income, age)", "moments"),
    Asked("COVAR_POP", "COVAR_POP(income, age)", "moments"),
    Asked("CORR", "CORR(income, age)", "moments"),
    Asked("REGR_SLOPE", "REGR_SLOPE(income, age)", "moments"),
    Asked("REGR_INTERCEPT", "REGR_INTERCEPT(income, age)", "moments"),
    Asked("MEDIAN", "MEDIAN(income)", "rank"),
    Asked("MEDIAN of few values", "MEDIAN(age)", "rank"),
    Asked("QUANTILE_CONT 0.9", "QUANTILE_CONT(income, 0.9)", "rank"),
    Asked("MIN", "MIN(age)", "rank"),
    Asked("MAX", "MAX(income)", "rank"),
    Asked("BOOL_OR", "BOOL_OR(age > 90)", "truth"),
    Asked("BOOL_AND", "BOOL_AND(age <= 90)", "truth"),
    Asked("ratio of counts", "100.0 * COUNT_IF(age > 50) / COUNT(*)", "ratio"),
    Asked("ratio of sums", "SUM(income) / SUM(age)", "ratio"),
)


def moments(asked: Asked, people: pa.Table) -> tuple[list[Floats], list[float]]:
    """Each row's moments, in widths of the bounds about their middle, and how far one row can move each."""
    if asked.sql.startswith("100.0"):
        inside = (people.column("age").to_numpy() > 50).astype(float)
        return [np.ones_like(inside), inside - 0.5], [1.0, 0.5]
    if asked.kind == "ratio":
        return [people.column("income").to_numpy() / INCOME[1], people.column("age").to_numpy() / AGE[1]], [1.0, 1.0]
    x = people.column("income" if "income" in asked.sql and "age" not in asked.sql else "age").to_numpy()
    bounds = INCOME if "income" in asked.sql and "age" not in asked.sql else AGE
    p = (x - bounds[0]) / (bounds[1] - bounds[0]) - 0.5
    one = np.ones_like(p)
    if asked.sql.startswith("AVG"):
        return [one, p], [1.0, 0.5]
    if asked.sql.startswith(("VAR", "STDDEV")):
        return [one, p, p * p], [1.0, 0.5, 0.25]
    s = (people.column("income").to_numpy() - INCOME[0]) / (INCOME[1] - INCOME[0]) - 0.5
    whole, ends = [one, p, s, p * s], [1.0, 0.5, 0.5, 0.25]
    if "COVAR" not in asked.sql:
        whole, ends = [*whole, p * p], [*ends, 0.25]
    if "CORR" in asked.sql:
        whole, ends = [*whole, s * s], [*ends, 0.25]
    return whole, ends


def statistic(asked: Asked, sums: Floats) -> float:
    """The statistic of the sums of ``moments``, in widths."""
    if asked.sql.startswith("SUM(income) /"):
        return float(sums[0] / sums[1])
    n, p = sums[0], sums[1] / sums[0]
    if asked.kind == "ratio":
        return float(p)
    if asked.sql.startswith("AVG"):
        return float(p)
    if asked.sql.startswith(("VAR", "STDDEV")):
        variance = max(sums[2] / n - p * p, 0) * n / (n - 1)
        return float(variance if asked.sql.startswith("VAR") else math.sqrt(variance))
    s = sums[2] / n
    covariance = sums[3] / n - p * s
    if "COVAR" in asked.sql:
        return float(covariance * n / (n - 1))
    spread = sums[4] / n - p * p
    if "CORR" in asked.sql:
        return float(covariance / math.sqrt(spread * (sums[5] / n - s * s)))
    slope = covariance / spread
    return float(slope if "SLOPE" in asked.sql else (s + 0.5) - slope * (p + 0.5))


def unit(asked: Asked) -> float:
    """One width of the statistic in the output's own unit."""
    x = INCOME[1] if "income" in asked.sql and "age" not in asked.sql else AGE[1]
    if asked.kind == "ratio":
        return 100.0 if asked.sql.startswith("100.0") else INCOME[1] / AGE[1]
    if "CORR" in asked.sql:
        return 1.0
    if "VAR" in asked.sql and "COVAR" not in asked.sql:
        return x * x
    return {"COVA": AGE[1] * INCOME[1], "REGR": INCOME[1] / (AGE[1] if "SLOPE" in asked.sql else 1)}.get(
        asked.sql[:4], x
    )


def best_of_moments(asked: Asked, people: pa.Table, epsilon: float) -> tuple[float, float]:
    """(best in hindsight, floor): deviations of the statistic, in its own unit, to first order."""
    rows, ends = moments(asked, people)
    sums = np.array([r.sum() for r in rows])
    gradient = []
    for i in range(len(sums)):
        h = 1e-4 * sums[0]
        up, down = sums.copy(), sums.copy()
        up[i], down[i] = up[i] + h, down[i] - h
        gradient.append((statistic(asked, up) - statistic(asked, down)) / (2 * h))
    pulls = np.abs(gradient) * np.array(ends)
    # shares s minimise Σ (pull/s)²: s ∝ pull^(2/3), and the least is (Σ pull^(2/3))^(3/2)
    hindsight = float((pulls ** (2 / 3)).sum() ** 1.5)
    influence = np.abs(sum(g * r for g, r in zip(gradient, rows, strict=True)))
    return (
        hindsight * math.sqrt(2) / epsilon * unit(asked),
        float(influence.max()) * math.sqrt(2) / epsilon * unit(asked),
    )


def best_of_ranks(asked: Asked, point: ReleasePoint, people: pa.Table, epsilon: Epsilon, runs: int) -> float:
    """RMSE of noisy max over the histogram's candidates; a row moves each score |rank − q·n| by at most max(q, 1 − q)."""
    (m,) = point.measures
    (output,) = point.outputs
    q = output.parameter or 0.0
    x = column_of(asked, people)
    candidates = np.array([float(c) for c in m.candidates])
    half = float(m.grid) / 2
    below, upto = np.searchsorted(np.sort(x), candidates - half), np.searchsorted(np.sort(x), candidates + half)
    scores = -np.maximum(np.maximum(below - q * len(x), q * len(x) - upto), 0.0)
    steps = 1000
    integer = np.rint(scores * steps).astype(np.int64)
    spec = choices.noisy_max(len(candidates), round(steps * max(q, 1 - q)), epsilon, unit="person")
    build = mechanisms.build_noisy_max(spec.scale, False)
    truth = truth_of_rank(q, x)
    chosen = [candidates[int(build(integer.tolist()))] for _ in range(runs)]
    return float(np.sqrt(np.mean((np.array(chosen) - truth) ** 2)))


def best_of_histograms(asked: Asked, point: ReleasePoint, people: pa.Table, epsilon: float, runs: int) -> float:
    """The least RMSE, in hindsight, of one Laplace measurement: a histogram of 8 to 1,024 bins read at the quantile."""
    (output,) = point.outputs
    q = output.parameter or 0.0
    name = "age" if "age" in asked.sql else "income"
    x, (lo, hi) = people.column(name).to_numpy().astype(float), AGE if name == "age" else INCOME
    rng, truth, found = np.random.default_rng(3), truth_of_rank(q, x), []
    for bins in (8, 16, 32, 64, 100, 128, 256, 512, 1024):
        if q in (0.0, 1.0) and bins < END_BINS:
            continue  # a bin's own end may happen to be the truth
        edges = np.linspace(lo, hi, bins + 1)
        counts = np.histogram(x, edges)[0]
        noisy = counts + rng.laplace(0.0, 1 / epsilon, (runs, bins))
        rows = np.concatenate([np.zeros((runs, 1)), np.maximum.accumulate(np.cumsum(noisy, axis=1), axis=1)], axis=1)
        if q in (0.0, 1.0):  # the first bin from that end whose running count stands out, by a bar set in hindsight
            inward = np.cumsum(noisy[:, ::-1] if q else noisy, axis=1)
            ends = edges[::-1][:-1] if q else edges[:-1]
            bars = [t * np.sqrt(2.0 * np.arange(1, bins + 1)) / epsilon for t in (0.5, 1.0, 1.5, 2.0, 2.5)]
            reads = [ends[(inward >= bar).argmax(axis=1)] for bar in bars]
        else:
            reads = [np.array([np.interp(q * max(r[-1], 0.0), r, edges) for r in rows])]
        found += [float(np.sqrt(np.mean((read - truth) ** 2))) for read in reads]
    return min(found)


def truth_of_rank(q: float, x: Floats) -> float:
    """The plain quantile."""
    return float(np.quantile(x, q))


def ratio(rmse: float, best: float) -> float:
    """How many times the best; 1 where both are right every time (values with steps that the noise does not reach)."""
    return rmse / best if best else (1.0 if rmse == 0 else math.inf)


def gaussian_best(asked: Asked, rows: list[Floats], ends: list[float], sigma: float) -> float:
    """One Gaussian vector, weighed in hindsight: shares t of ρ minimise Σ pull²/t, whose least is (Σ pull)²."""
    sums = np.array([r.sum() for r in rows])
    total = 0.0
    for i in range(len(sums)):
        h = 1e-4 * sums[0]
        up, down = sums.copy(), sums.copy()
        up[i], down[i] = up[i] + h, down[i] - h
        total += abs(statistic(asked, up) - statistic(asked, down)) / (2 * h) * ends[i]
    return total * sigma * unit(asked)


def column_of(asked: Asked, people: pa.Table) -> Floats:
    """The column that a rank is asked of."""
    result: Floats = people.column("age" if "age" in asked.sql else "income").to_numpy().astype(float)
    return result
