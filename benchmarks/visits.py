"""Visits: ten queries over heavy-tailed visits, Tacit beside plain DuckDB on the same file, in one run.

    python benchmarks/visits.py [--rows 1000000] [--rounds 5] [--threads 2] [--unprepared] [--out FILE.json]

A patient has 1 to 200 visits. Plain: the same SQL, not private, in a DuckDB connection of this process on the very
snapshot file that Tacit's engine reads. Engine: the statements that Tacit emits, in its engine's process. Tacit: all of
``Desk.query``, with plan, charge, noise, intervals and record. Medians, interleaved; ratios are to plain.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from functools import partial
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from _common import ANALYST, PLENTY, finish, medians, open_desk, seconds, table
from _service import cpu, family, peaks_mib
from report import MORE_S, PREPARED_TARGET, UNPREPARED_TARGET

from tacit.wire import QueryRequest
from tacit_service.engine.bounding import statements
from tacit_service.release.release import Desk

SEED = 8
REGIONS = tuple(f"R{i}" for i in range(8))
SEXES = ("F", "M", "X")
DIAGNOSES = 300
VISITS_MAX, MEAN_VISITS = 200, 9.5
COST_MAX = 2_000
CHUNK = 2_000_000
CPU_TIMES = 3  # the system counts CPU by hundredths of a second

POLICY = f"""\
version: 1
dataset: visits
prepare: %(prepare)s
privacy_unit: {{ name: patient, column: visits.patient_id }}
tables:
  visits:
    source: "visits/*.parquet"
    unit: patient_id
    prepared_keys: [[diagnosis], [region, diagnosis]]
    columns:
      patient_id: {{ type: integer, nullable: false }}
      region: {{ type: string, nullable: false, categories: [{", ".join(REGIONS)}] }}
      diagnosis: {{ type: string }}
      cost: {{ type: number, nullable: false, bounds: [0, {COST_MAX}], precision: 0.01 }}
      visited_on: {{ type: date, bounds: [2023-01-01, 2024-12-31] }}
  patients:
    source: patients.parquet
    unit: patient_id
    one_row_per_unit: true
    columns:
      patient_id: {{ type: integer, nullable: false }}
      sex: {{ type: string, nullable: false, categories: [{", ".join(SEXES)}] }}
contribution: {{ max_rows: 50, max_groups: 20, max_rows_per_group: 10 }}
budget: {PLENTY}
per_query: {{ default_epsilon: 1, max_epsilon: 1, default_delta: 1e-9 }}
analysts:
  {ANALYST}: {PLENTY}
"""

JOINED = "FROM visits v JOIN patients p ON v.patient_id = p.patient_id GROUP BY p.sex"
TOTALS = "SELECT patient_id, LEAST(GREATEST(SUM(cost), 0), 50000) AS total FROM visits GROUP BY patient_id"
QUERIES = {
    "count": "SELECT COUNT(*) AS n FROM visits",
    "count by 8 regions": "SELECT region, COUNT(*) AS n FROM visits GROUP BY region",
    "sum by region": "SELECT region, SUM(cost) AS cost FROM visits GROUP BY region",
    "average by region": "SELECT region, AVG(cost) AS cost FROM visits GROUP BY region",
    "patients by 300 diagnoses": "SELECT diagnosis, COUNT(DISTINCT patient_id) AS n FROM visits GROUP BY diagnosis",
    "median": "SELECT MEDIAN(cost) AS cost FROM visits",
    "filtered sum": "SELECT SUM(cost) AS cost FROM visits WHERE visited_on >= DATE '2024-07-01'",
    "per-patient total": f"SELECT AVG(total) AS total FROM ({TOTALS}) t",
    "region × diagnosis": "SELECT region, diagnosis, COUNT(*) AS n FROM visits GROUP BY region, diagnosis",
    "join with patients": f"SELECT p.sex, COUNT(*) AS n, SUM(v.cost) AS cost {JOINED}",
}


def make(folder: Path, rows: int) -> None:
    """Write ``visits/*.parquet`` (``rows`` in all) and ``patients.parquet``, in chunks of patients."""
    (folder / "visits").mkdir(parents=True)
    ranks = np.arange(1, DIAGNOSES + 1)
    shares = ranks**-1.1 / (ranks**-1.1).sum()
    patients, first, part = [], 1, 0
    while rows > 0:
        rng = np.random.default_rng([SEED, part])
        size = max(1, int(min(rows, CHUNK) / MEAN_VISITS))
        counts = np.minimum(VISITS_MAX, np.ceil(1.5 * (1 + rng.pareto(1.15, size)))).astype(np.int64)
        counts = counts[: int(np.searchsorted(np.cumsum(counts), rows)) + 1]
        counts[-1] -= max(0, int(counts.sum()) - rows)
        ids = np.arange(first, first + len(counts))
        total = int(counts.sum())
        visits = {
            "patient_id": np.repeat(ids, counts),
            "region": text(REGIONS, rng.integers(0, len(REGIONS), total)),
            "diagnosis": text([f"D{i:03}" for i in range(DIAGNOSES)], rng.choice(DIAGNOSES, total, p=shares)),
            "cost": np.clip(rng.lognormal(4.4, 0.9, total), 1, COST_MAX).round(2),
            "visited_on": pa.array((np.datetime64("2023-01-01") + rng.integers(0, 731, total)).astype("datetime64[D]")),
        }
        order = rng.permutation(total)  # a visits table is not sorted by patient
        pq.write_table(pa.table(visits).take(order), folder / "visits" / f"{part:04}.parquet", compression="zstd")
        patients.append(pa.table({"patient_id": ids, "sex": text(SEXES, rng.integers(0, len(SEXES), len(ids)))}))
        first, part, rows = first + len(counts), part + 1, rows - total
    pq.write_table(pa.concat_tables(patients), folder / "patients.parquet", compression="zstd")


def text(names: tuple[str, ...] | list[str], codes: np.ndarray) -> pa.Array:
    """Strings by their place in ``names``."""
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int16)), pa.array(names)).cast(pa.string())


def run_engine(desk: Desk, emitted: list[str]) -> None:
    """The statements of one query, one after the other, as ``aggregate`` runs them."""
    for sql in emitted:
        desk.engine.run(sql, timeout_s=600)


def plain(connection: duckdb.DuckDBPyConnection, sql: str) -> pa.Table:
    """The analyst's own SQL, exact."""
    return connection.sql(sql).to_arrow_table()


def cpu_s() -> float:
    """CPU seconds of this process and of all below it, those that have ended too."""
    return sum(cpu(pid) for pid in family(os.getpid()))


def measure(desk: Desk, connection: duckdb.DuckDBPyConnection, sql: str, rounds: int) -> dict[str, object]:
    """Medians of the three, and which forms of bounding the planner chose."""
    request = QueryRequest(dataset=desk.name, sql=sql, fresh=True)
    prepared = desk.preparer.prepare(request)
    emitted = [s.sql for point in prepared.plan.releases for s in statements(point)]
    forms = sorted({m.form.value for point in prepared.plan.releases for m in point.measures})
    works = {
        "plain": partial(plain, connection, sql),
        "engine": partial(run_engine, desk, emitted),
        "tacit": partial(desk.query, ANALYST, request, None),
    }
    times = medians(works, rounds)
    spent = dict.fromkeys(works, 0.0)
    for _ in range(CPU_TIMES * rounds):
        for name, work in works.items():
            before = cpu_s()
            work()
            spent[name] += (cpu_s() - before) / (CPU_TIMES * rounds)
    return {
        **{f"{name}_s": taken for name, taken in times.items()},
        **{f"{name}_cpu_s": taken for name, taken in spent.items()},
        "engine_ratio": times["engine"] / times["plain"],
        "tacit_ratio": times["tacit"] / times["plain"],
        "forms": forms,
        "statements": len(emitted),
    }


def main() -> int:
    """Make the data, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, help="of plain DuckDB; the engine takes all cores, as when served")
    parser.add_argument("--unprepared", action="store_true", help="with prepare: false in the policy")
    parser.add_argument("--out")
    choices = parser.parse_args()
    prepare = "false" if choices.unprepared else "true"
    config = {} if choices.threads is None else {"threads": str(choices.threads)}
    results: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, choices.rows)
        opened: list[Desk] = []
        load_s = seconds(lambda: opened.append(open_desk(POLICY.replace("%(prepare)s", prepare), folder, "visits")))
        [desk] = opened
        try:
            [snapshot] = (folder / "data").glob("**/*.duckdb")
            with duckdb.connect(str(snapshot), read_only=True, config=config) as connection:
                for query, sql in QUERIES.items():
                    results[query] = measure(desk, connection, sql, choices.rounds)
            peaks = peaks_mib(os.getpid())
        finally:
            desk.close()
    target = UNPREPARED_TARGET if choices.unprepared else PREPARED_TARGET
    rows = [
        (q, f"{r['plain_s'] * 1e3:.1f}", f"{r['engine_s'] * 1e3:.1f}", f"{r['tacit_s'] * 1e3:.1f}",
         f"{r['engine_ratio']:.1f}", f"{r['tacit_ratio']:.1f}",
         *(f"{r[f'{n}_cpu_s'] * 1e3:.0f}" for n in ("plain", "engine", "tacit")), ", ".join(r["forms"]),
         "yes" if r["tacit_s"] <= target * r["plain_s"] + MORE_S else "no")
        for q, r in results.items()
    ]  # fmt: skip
    print(
        table(
            (
                "query",
                "plain, ms",
                "engine, ms",
                "tacit, ms",
                "engine / plain",
                "tacit / plain",
                "plain, CPU ms",
                "engine, CPU ms",
                "tacit, CPU ms",
                "bounding",
                "within",
            ),
            rows,
        )
    )
    held = ", ".join(f"{name} {size:.0f}" for name, size in peaks.items())
    print(f"{choices.rows:,} visits, prepare {prepare}; loading them took {load_s:.1f} s; peak memory, MiB: {held}")
    finish(
        {
            "benchmark": "visits",
            "prepare": prepare,
            "rows": choices.rows,
            "load_s": load_s,
            "peak_mib": peaks,
            "queries": results,
        },
        choices.out,
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
