"""Accuracy on real data: coverage of the stated intervals, noise, and the bias that bounds cause, apart.

    python benchmarks/real_accuracy.py [--runs 200] [--only NAME …] [--out FILE.json]

Each query of Adult and Online Retail is released ``--runs`` times with fresh noise, at its policy's default ε.

- coverage: how often the stated 95 % interval holds the *bounded* answer, exact under the policy's bounds.
- noise: Σ over cells of the root mean square of (released − bounded), over Σ |bounded|.
- bias: Σ |bounded − plain| over Σ |plain|, plain being the same SQL in DuckDB over the rows that have a unit.
- no unit: the same between plain SQL over these rows and over all rows of the file.

"Largest" gives noise and bias of the largest count or sum alone. The exit status is 1 when a coverage is outside 92-98 %.
Bounded answers are exact and not private: this is for published data, and for the owner of a policy.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from _common import ANALYST, finish, open_real, shared_data, table

from tacit.wire import QueryRequest
from tacit_service.engine.aggregate import aggregate
from tacit_service.release.postprocessing import PostProcessor, Released, cell
from tacit_service.release.release import Desk

COVERAGE = (0.92, 0.98)
Cells = dict[tuple[Any, ...], float]


@dataclass(frozen=True)
class Query:
    """``average``: a cell without rows has no plain value, where a count or sum has 0."""

    name: str
    dataset: str
    sql: str
    caps: dict[str, int] = field(default_factory=dict)
    average: bool = False


REVENUE = "SELECT country, SUM(quantity * price) AS revenue FROM sales GROUP BY country"
CUSTOMERS = "SELECT country, COUNT(DISTINCT customer_id) AS customers FROM sales GROUP BY country"
LINES = "SELECT country, COUNT(*) AS lines FROM sales GROUP BY country"
QUERIES = (
    Query(
        "income share by education",
        "adult",
        "SELECT education, AVG(CASE WHEN income = '>50K' THEN 1 ELSE 0 END) AS share FROM people GROUP BY education",
        average=True,
    ),
    Query(
        "income share, window",
        "adult",
        """SELECT education, income, people / SUM(people) OVER (PARTITION BY education) AS share
        FROM (SELECT education, income, COUNT(*) AS people FROM people GROUP BY education, income)""",
        average=True,
    ),
    Query(
        "mean hours by sex", "adult", "SELECT sex, AVG(hours_per_week) AS hours FROM people GROUP BY sex", average=True
    ),
    Query("median age by sex", "adult", "SELECT sex, MEDIAN(age) AS age FROM people GROUP BY sex", average=True),
    Query(
        "spread of age by education",
        "adult",
        "SELECT education, STDDEV(age) AS spread FROM people GROUP BY education",
        average=True,
    ),
    Query("revenue by country, defaults", "online_retail", REVENUE),
    Query("revenue by country", "online_retail", REVENUE, {"max_amount": 20_000}),
    Query("customers by country, defaults", "online_retail", CUSTOMERS),
    Query("customers by country", "online_retail", CUSTOMERS, {"max_groups": 2}),
    Query("lines by country, defaults", "online_retail", LINES),
    Query("lines by country", "online_retail", LINES, {"max_rows": 400}),
    Query(
        "monthly revenue",
        "online_retail",
        """SELECT date_trunc('month', invoice_date) AS month, SUM(quantity * price) AS revenue
        FROM sales GROUP BY month""",
        {"max_amount": 20_000},
    ),
    Query(
        "share of revenue, window",
        "online_retail",
        f"SELECT country, revenue / SUM(revenue) OVER () AS share FROM ({REVENUE}) t",
        {"max_amount": 20_000},
    ),
)

PLAIN = {
    "adult": ("adult/adult_train.parquet", "CREATE VIEW people AS FROM read_parquet('{path}')"),
    "online_retail": (
        "online_retail/online_retail_II_2009_2010.parquet",
        """CREATE VIEW sales AS SELECT "Customer ID" AS customer_id, Quantity AS quantity, Price AS price,
        CAST(InvoiceDate AS DATE) AS invoice_date, Country AS country FROM read_parquet('{path}') WHERE {rows}""",
    ),
}
HAS_UNIT = {"adult": "TRUE", "online_retail": '"Customer ID" IS NOT NULL'}


def plain(query: Query, data: Path, rows: str) -> Cells:
    """The same SQL over the file, with neither bounds nor noise."""
    path, view = PLAIN[query.dataset]
    with duckdb.connect(":memory:") as connection:
        connection.execute(view.format(path=data / path, rows=rows))
        return by_key([cell(v) for v in row] for row in connection.execute(query.sql).fetchall())


def by_key(rows: Iterable[list[Any]]) -> Cells:
    """Rows whose last column is the number, by the columns before it."""
    return {tuple(row[:-1]): float("nan") if row[-1] is None else float(row[-1]) for row in rows}


def bounded(desk: Desk, request: QueryRequest) -> Cells:
    """The answer from the engine's exact integers under the policy's bounds, through the same post-processing."""
    prepared = desk.preparer.prepare(request)
    released = {}
    for point in prepared.plan.releases:
        keys = prepared.keys[point.name]
        if keys is None:
            raise ValueError("this benchmark compares cells, so every key must be public")
        exact = aggregate(desk.engine, point, keys, timeout_s=60)
        released[point.name] = Released(keys, {m.name: exact[m.name]._values(m.name).tolist() for m in point.measures})
    return by_key(PostProcessor(desk.sandbox, prepared, released, "exact").show().rows)


def measure(desk: Desk, query: Query, data: Path, runs: int) -> dict[str, Any]:
    """All figures of one query."""
    request = QueryRequest(dataset=query.dataset, sql=query.sql, fresh=True, **query.caps)
    truth = bounded(desk, request)
    keys = list(truth)
    values = np.empty((runs, len(keys)))
    inside = np.empty((runs, len(keys)))
    for run in range(runs):
        answer = desk.query(ANALYST, request, None)
        found = {tuple(row[:-1]): (row[-1], ends[-1]) for row, ends in zip(answer.rows, answer.intervals, strict=True)}
        for i, key in enumerate(keys):
            value, ends = found[key]
            values[run, i] = np.nan if value is None else value
            inside[run, i] = np.nan if ends is None else ends[0] <= truth[key] <= ends[1]
    exact = np.array([truth[k] for k in keys])
    absent = float("nan") if query.average else 0.0
    held, whole = (plain(query, data, rows) for rows in (HAS_UNIT[query.dataset], "TRUE"))
    unbounded = np.array([held.get(k, absent) for k in keys])
    everyone = np.array([whole.get(k, absent) for k in keys])
    error = np.sqrt(np.nanmean((values - exact) ** 2, axis=0))
    top = int(np.nanargmax(np.abs(unbounded)))
    by_cell = np.nanmean(inside, axis=0)
    return {
        "query": query.name,
        "dataset": query.dataset,
        "epsilon": answer.receipt.charged.epsilon,
        "caps": query.caps,
        "average": query.average,
        "cells": len(keys),
        "runs": runs,
        "coverage": float(np.nanmean(inside)),
        "coverage_of_cells": [float(by_cell.min()), float(by_cell.max())],
        "without_interval": float(np.isnan(inside).mean()),
        "noise": float(np.nansum(error) / np.nansum(np.abs(exact))),
        "bias": ratio(exact - unbounded, unbounded),
        "no_unit": ratio(unbounded - everyone, everyone),
        "largest_noise": float(error[top] / abs(exact[top])),
        "largest_bias": float((exact[top] - unbounded[top]) / unbounded[top]),
    }


def ratio(difference: np.ndarray, of: np.ndarray) -> float:
    """Σ |difference| / Σ |of| over the cells that both have."""
    both = ~np.isnan(difference) & ~np.isnan(of)
    return float(np.abs(difference[both]).sum() / np.abs(of[both]).sum())


def show(results: list[dict[str, Any]]) -> str:
    """The table."""
    head = ("query", "ε", "cells", "coverage", "of cells", "noise", "bias", "no unit", "largest: noise", "bias")
    rows = []
    for r in results:
        low, high = r["coverage_of_cells"]
        caps = "".join(f", {name}={value}" for name, value in r["caps"].items())
        rows.append(
            (r["query"] + caps, r["epsilon"], str(r["cells"]), f"{r['coverage']:.1%}", f"{low:.0%}-{high:.0%}",
             f"{r['noise']:.2%}", f"{r['bias']:.2%}", f"{r['no_unit']:.1%}",
             *(("", "") if r["average"] else (f"{r['largest_noise']:.2%}", f"{r['largest_bias']:+.2%}")))
        )  # fmt: skip
    return table(head, rows)


def main() -> int:
    """Measure, print, and say whether every coverage is what was stated."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--only", nargs="*", default=[], help="parts of names of queries")
    parser.add_argument("--out")
    choices = parser.parse_args()
    data = shared_data()
    if data is None:
        print("The real data are not there: set TACIT_SHARED_DATA.")
        return 0
    chosen = [q for q in QUERIES if not choices.only or any(part in q.name for part in choices.only)]
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for name in dict.fromkeys(q.dataset for q in chosen):
            desk = open_real(name, data, Path(folder))
            try:
                for query in (q for q in chosen if q.dataset == name):
                    results.append(measure(desk, query, data, choices.runs))
                    print(show(results[-1:]).splitlines()[-1], file=sys.stderr, flush=True)
            finally:
                desk.close()
    print(show(results))
    finish({"benchmark": "real_accuracy", "results": results}, choices.out)
    missed = [r["query"] for r in results if not COVERAGE[0] <= r["coverage"] <= COVERAGE[1]]
    if missed:
        print(f"Outside {COVERAGE[0]:.0%}-{COVERAGE[1]:.0%}: {', '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
