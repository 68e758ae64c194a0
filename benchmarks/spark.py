"""Spark: the visits of ``visits.py`` on local[2], Tacit's statements beside Spark's own plain queries, in one run.

    python benchmarks/spark.py [--rows 1000000] [--rounds 5] [--out FILE.json]

Both go through one session of Tacit's engine, to a Spark Connect server that this starts, over the same Parquet files.
``visits`` has 1 to 200 rows a patient and is bounded inside the query; ``people`` is it once more, where each row is a
unit of its own, with and without the policy's saying so being enforced. Medians, interleaved; ratios are to plain.
"""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import _spark
import pyarrow.parquet as pq
import visits
from _common import ANALYST, PLENTY, finish, medians, open_desk, table

from tacit.wire import QueryRequest
from tacit_service.engine.bounding import statements
from tacit_service.release.release import Desk

POLICY = f"""\
version: 1
dataset: visits
privacy_unit: {{ name: patient, column: visits.patient_id }}
engine: {{ url: "%(url)s" }}
tables:
  visits:
    source: "parquet:%(folder)s/visits"
    unit: patient_id
    columns: &columns
      patient_id: {{ type: integer, nullable: false }}
      region: {{ type: string, nullable: false, categories: [{", ".join(visits.REGIONS)}] }}
      diagnosis: {{ type: string }}
      cost: {{ type: number, nullable: false, bounds: [0, {visits.COST_MAX}], precision: 0.01 }}
      visited_on: {{ type: date, bounds: [2023-01-01, 2024-12-31] }}
  people:
    source: "parquet:%(folder)s/people"
    unit: patient_id
    one_row_per_unit: true
    columns:
      patient_id: {{ type: integer, nullable: false }}
      region: {{ type: string, nullable: false, categories: [{", ".join(visits.REGIONS)}] }}
      diagnosis: {{ type: string }}
      cost: {{ type: number, nullable: false, bounds: [0, {visits.COST_MAX}], precision: 0.01 }}
      visited_on: {{ type: date, bounds: [2023-01-01, 2024-12-31] }}
contribution: {{ max_rows: 50, max_groups: 20, max_rows_per_group: 10 }}
budget: {PLENTY}
per_query: {{ default_epsilon: 1, max_epsilon: 1, default_delta: 1e-9 }}
analysts:
  {ANALYST}: {PLENTY}
""".replace("columns: &columns", "columns:")

NAMES = ("count", "count by 8 regions", "sum by region", "average by region", "filtered sum", "region × diagnosis")


def people(folder: Path) -> None:
    """The same rows, each of a patient of its own."""
    (folder / "people").mkdir()
    first = 0
    for path in sorted((folder / "visits").iterdir()):
        rows = pq.read_table(path)
        ids = visits.np.arange(first, first + rows.num_rows)
        first += rows.num_rows
        place = rows.schema.get_field_index("patient_id")
        pq.write_table(rows.set_column(place, "patient_id", [ids]), folder / "people" / path.name, compression="zstd")


def measure(desk: Desk, folder: Path, source: str, name: str, rounds: int) -> dict[str, Any]:
    """Medians of the plain query and of Tacit's statements, both as Spark's SQL."""
    sql = visits.QUERIES[name].replace("FROM visits", f"FROM {source}")
    plain = visits.QUERIES[name].replace("FROM visits", f"FROM parquet.`{folder / source}`")
    prepared = desk.preparer.prepare(QueryRequest(dataset=desk.name, sql=sql, fresh=True))
    emitted = [s.sql for point in prepared.plan.releases for s in statements(point)]
    engine: Any = desk.engine

    def ours() -> None:
        for statement in emitted:
            engine.run(statement, timeout_s=600)

    times = medians({"plain": partial(engine.own, plain, timeout_s=600), "tacit": ours}, rounds)
    forms = sorted({m.form.value for point in prepared.plan.releases for m in point.measures})
    return {**{f"{n}_s": t for n, t in times.items()}, "ratio": times["tacit"] / times["plain"], "forms": forms}


def main() -> None:
    """The table, and the figures as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", default="4g")
    parser.add_argument("--out")
    choices = parser.parse_args()
    if (lack := _spark.lacking()) is not None:
        raise SystemExit(lack)
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name, _spark.server({}, memory=choices.memory) as url:
        folder = Path(name)
        visits.make(folder, choices.rows)
        people(folder)
        desk = open_desk(POLICY % {"url": url, "folder": folder}, folder, "visits")
        try:
            for source in ("people", "visits"):
                for query in NAMES:
                    found = measure(desk, folder, source, query, choices.rounds)
                    results.append({"rows of": source, "query": query, **found})
                    print(results[-1], flush=True)
        finally:
            desk.close()
    rows = [
        (
            r["rows of"],
            r["query"],
            ", ".join(r["forms"]),
            f"{r['plain_s']:.2f}",
            f"{r['tacit_s']:.2f}",
            f"{r['ratio']:.2f}",
        )
        for r in results
    ]
    print(table(("rows of", "query", "bounding", "plain, s", "Tacit, s", "ratio"), rows))
    finish({"benchmark": "spark", "rows": choices.rows, "rounds": choices.rounds, "queries": results}, choices.out)


if __name__ == "__main__":
    main()
