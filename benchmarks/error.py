"""Error of every aggregate against the best single measurement, and coverage of its interval.

    python benchmarks/error.py [--runs 2000] [--rows 4000] [--epsilon 0.5] [--only PART …] [--out FILE.json]

One group of ``--rows`` people, one row each, with an age (beta-like, bounds 0 to 100) and an income that grows with it.
Each aggregate is asked alone at ``--epsilon``; its measures are summed exactly once and noise is drawn ``--runs`` times by
the service's own specs and samplers, then taken through its own post-processing. The truth is the answer without noise.

"Best" is, at the same ε, bounds and data:
- counts and sums: one discrete Laplace measurement of that number (its exact deviation);
- averages, variances, covariances, correlations, slopes: one Laplace measurement of the vector of moments that defines the
  statistic (values about the middle of their bounds, products, count), its coordinates weighed *in hindsight* to minimise
  this statistic's error on these data, which no private mechanism can know ("best"); and, as a floor that nothing attains, one
  Laplace measurement of the statistic's own influence sum, with count and all other moments known exactly ("floor");
- quantiles, MIN, MAX: one Laplace histogram read at the quantile, its number of bins (and MIN's and MAX's bar) set in hindsight
  ("best"); and, as a "floor", OpenDP's noisy max at the whole ε over the same candidates, an answer without an interval. A Laplace
  measurement of the quantile itself would need noise of the whole range: it is no reference.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from _common import finish, table

from tacit_service.engine.bounding import statements
from tacit_service.policy.load import load_policy
from tacit_service.privacy import choices, mechanisms, nearby
from tacit_service.privacy.sensitivity import one_row
from tacit_service.privacy.units import Delta, Epsilon
from tacit_service.query.catalog import Catalog
from tacit_service.query.measures import END_BINS
from tacit_service.query.plan import ReleasePoint
from tacit_service.query.split import plan as make_plan
from tacit_service.release.estimate import Estimate, estimate
from tacit_service.release.intervals import compute

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
    kind: str  # count, sum, moments, rank
    gaussian: bool = False


ASKED = (
    Asked("COUNT", "COUNT(*)", "count"),
    Asked("COUNT, Gauss", "COUNT(*)", "count", True),
    Asked("COUNT(x)", "COUNT(age)", "count"),
    Asked("COUNT_IF", "COUNT_IF(age > 50)", "count"),
    Asked("COUNT(DISTINCT unit)", "COUNT(DISTINCT id)", "count"),
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
    Asked("CORR", "CORR(income, age)", "moments"),
    Asked("REGR_SLOPE", "REGR_SLOPE(income, age)", "moments"),
    Asked("REGR_INTERCEPT", "REGR_INTERCEPT(income, age)", "moments"),
    Asked("MEDIAN", "MEDIAN(income)", "rank"),
    Asked("MEDIAN of few values", "MEDIAN(age)", "rank"),
    Asked("QUANTILE_CONT 0.9", "QUANTILE_CONT(income, 0.9)", "rank"),
    Asked("MIN", "MIN(age)", "rank"),
    Asked("MAX", "MAX(income)", "rank"),
)


def moments(asked: Asked, people: pa.Table) -> tuple[list[Floats], list[float]]:
    """Each row's moments, in widths of the bounds about their middle, and how far one row can move each."""
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
    n, p = sums[0], sums[1] / sums[0]
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
    x = people.column("age" if "age" in asked.sql else "income").to_numpy().astype(float)
    candidates = np.array([float(c) for c in m.candidates])
    half = float(m.grid) / 2
    below, upto = np.searchsorted(np.sort(x), candidates - half), np.searchsorted(np.sort(x), candidates + half)
    scores = -np.maximum(np.maximum(below - q * len(x), q * len(x) - upto), 0.0)
    steps = 1000
    integer = np.rint(scores * steps).astype(np.int64)
    spec = choices.noisy_max(len(candidates), round(steps * max(q, 1 - q)), epsilon, unit="person")
    build = mechanisms._build_noisy_max(spec.scale, False)
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


def run(asked: Asked, people: pa.Table, catalog: Catalog, runs: int, epsilon: Epsilon) -> dict[str, object]:
    """RMSE, best, ratio and coverage of one aggregate."""
    import duckdb

    plan = make_plan(catalog, f"SELECT {asked.sql} AS a FROM people")
    (point,) = plan.releases
    (output,) = point.outputs
    delta = Delta.parse("1e-6") if asked.gaussian else Delta(0)
    spec = estimate(plan, epsilon, delta, unit="person", mechanism="gaussian" if asked.gaussian else "laplace")
    exact: dict[str, npt.NDArray[np.int64]] = {}
    with duckdb.connect() as connection:
        connection.register("people", people)
        for s in statements(point):
            found = connection.sql(s.sql).to_arrow_table()
            if s.keys:  # a histogram
                vector = np.zeros(len(point.measures[0].candidates), dtype=np.int64)
                vector[found.column(0).to_numpy()] = found.column(1).to_numpy()
                exact[s.measures[0]] = vector
            else:
                exact |= {n: found.column(i).to_numpy().astype(np.int64) for i, n in enumerate(s.measures)}
    if asked.kind == "rank":
        x = people.column("age" if "age" in asked.sql else "income").to_numpy().astype(float)
        truth = truth_of_rank(output.parameter or 0.0, x)
    else:
        quiet = {n: shaped(point, n, v.astype(float)) for n, v in exact.items()}
        truth = float(compute(point, spec, quiet, 0)[output.name].values[0])
    # every run is a group of its own: groups have independent noise, and one call computes them all
    shown = compute(point, spec, noisy_runs(spec, point, exact, runs), 0)[output.name]
    values = shown.values
    inside = (shown.low - 1e-9 <= truth) & (truth <= shown.high + 1e-9)
    rmse = float(np.sqrt(np.mean((values - truth) ** 2)))
    floor = float("nan")
    if asked.kind == "moments":
        best, floor = best_of_moments(asked, people, float(epsilon))
        if asked.gaussian:  # the same weights, at the Gaussian's deviation for a sensitivity of 1
            one = mechanisms.gaussian(one_row(10**6), epsilon, delta, unit="person").scale / 10**6
            rows, ends = moments(asked, people)
            best, floor = gaussian_best(asked, rows, ends, one), floor / math.sqrt(2) * float(epsilon) * one
    elif asked.kind == "rank":
        best = best_of_histograms(asked, point, people, float(epsilon), runs)
        floor = best_of_ranks(asked, point, people, epsilon, runs)
    else:
        bound = 1 if asked.kind == "count" else 500 if "balance" in asked.sql else int(INCOME[1])
        alone = (mechanisms.gaussian(one_row(bound), epsilon, delta, unit="person") if asked.gaussian
                 else mechanisms.laplace(one_row(bound), epsilon, unit="person"))  # fmt: skip
        best = alone.scale * (1 if asked.gaussian else math.sqrt(2))
    return {"aggregate": asked.name, "rmse": rmse, "best": best, "ratio": ratio(rmse, best),
            "floor_ratio": ratio(rmse, floor), "coverage": float(inside.mean()), "runs": runs}  # fmt: skip


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


def shaped(point: ReleasePoint, name: str, vector: Floats) -> Floats:
    """A measure over its one group; a histogram as (1, bins)."""
    m = next(m for m in point.measures if m.name == name)
    return vector.reshape(1, -1) if m.candidates else vector


def noisy_runs(
    spec: Estimate, point: ReleasePoint, exact: dict[str, npt.NDArray[np.int64]], runs: int
) -> dict[str, Floats]:
    """Fresh OpenDP noise on every vector of the estimate, ``runs`` times, by the sampler that ``draw_vector`` uses."""
    noisy: dict[str, Floats] = {}
    centres: dict[str, npt.NDArray[np.int64]] = {}
    around: dict[str, npt.NDArray[np.int64]] = {}
    for v in spec.vectors:
        if v.chooses:
            name = v.parts[0][0]
            m = next(m for m in point.measures if m.name == name)
            assert m.rank is not None
            score = nearby.scores(exact[name].reshape(1, -1), m.rank, m.multiplier)[0].tolist()
            choose = mechanisms._build_noisy_max(v.measurement.scale, False)
            centres[name] = np.array([choose(score) for _ in range(runs)], dtype=np.int64)
            cells = np.broadcast_to(exact[name], (runs, len(exact[name])))
            around[name] = nearby.around(cells, centres[name])
    for v in spec.vectors:
        if v.chooses:
            continue
        build = mechanisms._build_gaussian if v.measurement.kind == "gaussian" else mechanisms._build_laplace
        for n, f in v.parts:
            whole = around[n].reshape(-1) if n in around else np.tile(exact[n], runs)
            drawn = np.array(build(v.measurement.scale)(whole * f), dtype=np.float64) / f
            m = next(m for m in point.measures if m.name == n)
            noisy[n] = drawn.reshape(runs, -1) if m.candidates else drawn
            if n in around:
                noisy[n] = np.column_stack([centres[n], np.zeros(runs), noisy[n]])
    return noisy


def main() -> int:
    """Measure and print; 1 when a count or sum is past 1.05, or a coverage outside 93 to 97 %."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--epsilon", default="0.5")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--out")
    choices = parser.parse_args()
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "policy.yaml").write_text(POLICY)
        people = data(choices.rows)
        import pyarrow.parquet as pq

        pq.write_table(people.drop_columns(["_u"]), Path(folder) / "people.parquet")
        catalog = Catalog(load_policy(Path(folder) / "policy.yaml").policy, {})
        results = []
        for asked in ASKED:
            if choices.only and not any(part in asked.name for part in choices.only):
                continue
            results.append(run(asked, people, catalog, choices.runs, Epsilon.parse(choices.epsilon)))
            print(results[-1], file=sys.stderr, flush=True)
    rows = [
        (str(r["aggregate"]), f"{r['rmse']:.4g}", f"{r['best']:.4g}", f"{r['ratio']:.3f}",
         "" if math.isnan(float(str(r["floor_ratio"]))) else f"{r['floor_ratio']:.2f}", f"{float(str(r['coverage'])):.1%}")
        for r in results
    ]  # fmt: skip
    print(table(("aggregate", "RMSE", "best", "ratio", "to the floor", "coverage"), rows))
    finish({"benchmark": "error", "epsilon": choices.epsilon, "rows": choices.rows, "results": results}, choices.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
