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
  measurement of the quantile itself would need noise of the whole range: it is no reference;
- ratios: as averages, with the moments of both sides; histograms: one Laplace vector over the bins, mean over them;
- BOOL_AND, BOOL_OR: one Laplace count of the rows that decide it, read at a half. Their RMSE is the root of how often they are wrong.

What an outer SELECT computes (ratios, truths) goes through the whole of post-processing, with the intervals of its re-draws.
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
from _error_best import (
    ASKED,
    INCOME,
    POLICY,
    Asked,
    Floats,
    best_of_histograms,
    best_of_moments,
    best_of_ranks,
    column_of,
    data,
    gaussian_best,
    moments,
    ratio,
    truth_of_rank,
)

from tacit_service.engine.bounding import statements
from tacit_service.policy.load import load_policy
from tacit_service.privacy import mechanisms, nearby
from tacit_service.privacy.sensitivity import one_row
from tacit_service.privacy.units import Delta, Epsilon
from tacit_service.query.catalog import Catalog
from tacit_service.query.plan import Plan, ReleasePoint
from tacit_service.query.split import plan as make_plan
from tacit_service.release.estimate import Estimate, estimate
from tacit_service.release.intervals import compute
from tacit_service.release.postprocess import Sandbox
from tacit_service.release.postprocessing import PostProcessor, Released, Shown
from tacit_service.release.prepare import Prepared


def exact_sums(point: ReleasePoint, people: pa.Table) -> dict[str, npt.NDArray[np.int64]]:
    """The measures without noise, by the service's own statements."""
    import duckdb

    exact: dict[str, npt.NDArray[np.int64]] = {}
    with duckdb.connect() as connection:
        connection.register("people", people)
        for s in statements(point):
            found = connection.sql(s.sql).to_arrow_table()
            if s.keys:  # a histogram
                m = next(m for m in point.measures if m.name == s.measures[0])
                vector = np.zeros(len(m.candidates), dtype=np.int64)
                vector[found.column(0).to_numpy()] = found.column(1).to_numpy()
                exact[s.measures[0]] = vector
            else:
                exact |= {n: found.column(i).to_numpy().astype(np.int64) for i, n in enumerate(s.measures)}
    return exact


@dataclass(frozen=True)
class Drawn:
    """What the runs show: values and interval ends, (runs, numbers), beside the truths; no ends where there are none."""

    truth: Floats
    values: Floats
    low: Floats
    high: Floats

    @property
    def rmse(self) -> float:
        """Over all runs and numbers."""
        return float(np.sqrt(np.mean((self.values - self.truth) ** 2)))

    @property
    def coverage(self) -> float:
        """The part of the intervals that hold the truth; NaN without intervals."""
        if np.isnan(self.low).all():
            return math.nan
        return float(((self.low - 1e-9 <= self.truth) & (self.truth <= self.high + 1e-9)).mean())


def released(asked: Asked, plan: Plan, spec: Estimate, people: pa.Table, runs: int) -> Drawn:
    """Columns as they are released. Every run is a group of its own: noise is independent, and one call computes them all."""
    (point,) = plan.releases
    exact = exact_sums(point, people)
    quiet = compute(point, spec, {n: shaped(point, n, v.astype(float)) for n, v in exact.items()}, 0) \
        if asked.kind != "rank" else {}  # fmt: skip
    shown = compute(point, spec, noisy_runs(spec, point, exact, runs), 0)
    truths = [float(quiet[o.name].values[0]) if quiet else truth_of_rank(o.parameter or 0.0, column_of(asked, people))
              for o in point.outputs]  # fmt: skip
    stacked = [
        np.column_stack([getattr(shown[o.name], end) for o in point.outputs]) for end in ("values", "low", "high")
    ]
    return Drawn(np.array(truths), *stacked)


def shown_above(plan: Plan, spec: Estimate, people: pa.Table, runs: int, sandbox: Sandbox) -> Drawn:
    """A column of the outer SELECT, by the whole of post-processing; again a row a run."""
    (point,) = plan.releases
    exact = exact_sums(point, people)
    prepared = Prepared(plan, spec, {point.name: [()]}, pa.schema([]), spec.epsilon, spec.delta, "", {})

    def answer(measures: dict[str, Floats], groups: int) -> Shown:
        whole = {n: np.rint(v).astype(np.int64).reshape(-1).tolist() for n, v in measures.items()}
        return PostProcessor(sandbox, prepared, {point.name: Released([()] * groups, whole)}, "error").show()

    def number(value: object) -> float:
        return math.nan if value is None else float(value)  # type: ignore[arg-type]

    quiet = answer({n: v.astype(float) for n, v in exact.items()}, 1)
    shown = answer(noisy_runs(spec, point, exact, runs), runs)
    ends = [[math.nan] * 2 if i[0] is None else i[0] for i in shown.intervals]
    low, high = np.array(ends, dtype=float).T
    values = np.array([number(r[0]) for r in shown.rows])
    return Drawn(np.array([number(quiet.rows[0][0])]), values[:, None], low[:, None], high[:, None])


def run(
    asked: Asked, people: pa.Table, catalog: Catalog, runs: int, epsilon: Epsilon, sandbox: Sandbox | None = None
) -> dict[str, object]:
    """RMSE, best, ratio and coverage of one aggregate."""
    plan = make_plan(catalog, f"SELECT {asked.sql} AS a FROM people")
    (point,) = plan.releases
    delta = Delta.parse("1e-6") if asked.gaussian else Delta(0)
    spec = estimate(plan, epsilon, delta, unit="person", mechanism="gaussian" if asked.gaussian else "laplace")
    if asked.kind in ("ratio", "truth"):
        assert sandbox is not None
        drawn = shown_above(plan, spec, people, runs, sandbox)
    else:
        drawn = released(asked, plan, spec, people, runs)
    floor = float("nan")
    if asked.kind in ("moments", "ratio"):
        best, floor = best_of_moments(asked, people, float(epsilon))
        if asked.gaussian:  # the same weights, at the Gaussian's deviation for a sensitivity of 1
            one = mechanisms.gaussian(one_row(10**6), epsilon, delta, unit="person").scale / 10**6
            rows, ends = moments(asked, people)
            best, floor = gaussian_best(asked, rows, ends, one), floor / math.sqrt(2) * float(epsilon) * one
    elif asked.kind == "rank":
        best = best_of_histograms(asked, point, people, float(epsilon), runs)
        floor = best_of_ranks(asked, point, people, epsilon, runs)
    elif asked.kind == "truth":
        rows = float((people.column("age").to_numpy() > 90).sum())
        best = math.sqrt(0.5 * math.exp(-float(epsilon) * abs(rows - 0.5)))  # how often the noise passes the half
    else:
        bound = 500 if "balance" in asked.sql else int(INCOME[1]) if asked.kind == "sum" else 1
        alone = (mechanisms.gaussian(one_row(bound), epsilon, delta, unit="person") if asked.gaussian
                 else mechanisms.laplace(one_row(bound), epsilon, unit="person"))  # fmt: skip
        best = alone.scale * (1 if asked.gaussian else math.sqrt(2))
    return {"aggregate": asked.name, "rmse": drawn.rmse, "best": best, "ratio": ratio(drawn.rmse, best),
            "floor_ratio": ratio(drawn.rmse, floor), "coverage": drawn.coverage, "runs": runs}  # fmt: skip


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
            choose = mechanisms.build_noisy_max(v.measurement.scale, False)
            centres[name] = np.array([choose(score) for _ in range(runs)], dtype=np.int64)
            cells = np.broadcast_to(exact[name], (runs, len(exact[name])))
            around[name] = nearby.around(cells, centres[name])
    for v in spec.vectors:
        if v.chooses:
            continue
        build = mechanisms.build_gaussian if v.measurement.kind == "gaussian" else mechanisms.build_laplace
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

    with tempfile.TemporaryDirectory() as folder, Sandbox({}) as sandbox:
        (Path(folder) / "policy.yaml").write_text(POLICY)
        people = data(choices.rows)
        import pyarrow.parquet as pq

        pq.write_table(people.drop_columns(["_u"]), Path(folder) / "people.parquet")
        catalog = Catalog(load_policy(Path(folder) / "policy.yaml").policy, {})
        results = []
        for asked in ASKED:
            if choices.only and not any(part in asked.name for part in choices.only):
                continue
            results.append(run(asked, people, catalog, choices.runs, Epsilon.parse(choices.epsilon), sandbox))
            print(results[-1], file=sys.stderr, flush=True)
    rows = [
        (str(r["aggregate"]), f"{r['rmse']:.4g}", f"{r['best']:.4g}", f"{r['ratio']:.3f}",
         "" if math.isnan(float(str(r["floor_ratio"]))) else f"{r['floor_ratio']:.2f}",
         "" if math.isnan(float(str(r["coverage"]))) else f"{float(str(r['coverage'])):.1%}")
        for r in results
    ]  # fmt: skip
    print(table(("aggregate", "RMSE", "best", "ratio", "to the floor", "coverage"), rows))
    finish({"benchmark": "error", "epsilon": choices.epsilon, "rows": choices.rows, "results": results}, choices.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
