"""Side by side with what a user would pick instead: time and error of each system on the same visits, bounds, ε and δ.

    python benchmarks/peers.py [--rows 200000] [--rounds 15] [--venvs DIR] [--peer NAME …] [--install] [--out FILE.json]

Each peer runs in a process and an environment of its own: ``DIR/NAME``, outside the repository, made by ``--install``
with the versions below (Tumult also takes Java 17, by JAVA_HOME or the path). A query's time is the median over warm
rounds, one query a round, each at the whole ε. Its error is the root mean square over groups and rounds, bias included,
as a share of the mean true value; a group that a system leaves out counts as 0. Bounds: 200 rows a patient, which is as
many as anybody has, so that the errors are the noise's; and where patients of diagnoses are counted, one in each of 20. Tumult
takes ``SLOW`` rounds. The default of 200,000 rows takes about twenty minutes.
A system that cannot answer says so, in its own words.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import visits
from _common import ANALYST, ROOT, finish, open_desk, seconds, table

from tacit.wire import QueryRequest

EPSILON, DELTA = 1.0, 1e-6
NAMES = (
    "count", "count by 8 regions", "sum by region", "average by region", "patients by 300 diagnoses", "filtered sum",
)  # fmt: skip
PEERS = {
    "smartnoise": ("smartnoise-sql==1.0.10", "pyarrow"),
    "opendp": ("opendp[polars]==0.16.0",),
    "qrlew": ("pyqrlew==0.9.27", "duckdb>=1.4,<3", "pyarrow"),
    "tumult": ("tmlt-analytics==0.21.0",),
}
SLOW = {"tumult": 5}
Answer = Mapping[str, float]


def install(venvs: Path, peer: str) -> None:
    """The peer's environment, unless it is there."""
    if not (venvs / peer / "bin" / "python").exists():
        subprocess.run([sys.executable, "-m", "venv", str(venvs / peer)], check=True)
    subprocess.run([venvs / peer / "bin" / "pip", "install", "-q", *PEERS[peer]], check=True)


def ask_peer(venvs: Path, peer: str, folder: Path, rounds: int, limit_s: float) -> dict[str, Any]:
    """What the peer's driver found, by query."""
    python = venvs / peer / "bin" / "python"
    if not python.exists():
        return {name: {"fails": f"not installed: no {peer} in the folder of environments"} for name in NAMES}
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "benchmarks"), "PYSPARK_PYTHON": str(python)}
    driver = ROOT / "benchmarks" / f"_peer_{peer}.py"
    command = [python, driver, folder, str(EPSILON), str(DELTA), str(min(rounds, SLOW.get(peer, rounds)))]
    try:
        done = subprocess.run(
            command, env=environment, check=False, capture_output=True, text=True, timeout=limit_s, cwd=folder
        )
        found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    except subprocess.TimeoutExpired:
        return {name: {"fails": f"not done after {limit_s:.0f} s"} for name in NAMES}
    except (ValueError, IndexError):
        return {name: {"fails": (done.stderr.strip().splitlines() or ["no output"])[-1][:200]} for name in NAMES}
    return found


def ask_tacit(folder: Path, rounds: int, *, prepared: bool) -> dict[str, Any]:
    """The same of Tacit: plan, charge, noise, intervals and record included."""
    text = visits.POLICY.replace("%(prepare)s", "true" if prepared else "false")
    text = text.replace("max_rows: 50", f"max_rows: {visits.VISITS_MAX}")
    desk = open_desk(text, folder, "visits")
    found: dict[str, Any] = {}
    try:
        for name in NAMES:
            request = QueryRequest(
                dataset="visits", sql=visits.QUERIES[name], fresh=True, epsilon=str(EPSILON), delta="1e-6"
            )
            answers: list[Any] = []

            def ask(request: QueryRequest = request, answers: list[Any] = answers) -> None:
                answers.append(desk.query(ANALYST, request, None))

            taken = [seconds(ask) for _ in range(rounds + 1)][1:]
            told = [{str(row[0]) if len(row) > 1 else "": float(row[-1]) for row in a.rows} for a in answers[1:]]
            found[name] = {"seconds": taken, "answers": told}
    finally:
        desk.close()
    return found


def truths(folder: Path) -> dict[str, Answer]:
    """The exact answers."""
    with duckdb.connect() as connection:
        connection.execute(f"CREATE VIEW visits AS SELECT * FROM read_parquet('{folder / 'visits.parquet'}')")
        rows = {name: connection.sql(visits.QUERIES[name]).fetchall() for name in NAMES}
    return {n: {str(r[0]) if len(r) > 1 else "": float(r[-1]) for r in found} for n, found in rows.items()}


def error(answers: list[Answer], truth: Answer) -> float:
    """RMSE over groups and rounds, as a share of the mean true value."""
    squares = [(a.get(key, 0.0) - value) ** 2 for a in answers for key, value in truth.items()]
    return math.sqrt(statistics.fmean(squares)) / statistics.fmean(truth.values())


def summed(found: Mapping[str, Any], truth: Mapping[str, Answer]) -> dict[str, Any]:
    """Median seconds and error of each query, or why there are none."""
    result: dict[str, Any] = {}
    for name in NAMES:
        one = found.get(name, {"fails": "no such query in its interface"})
        if "fails" in one:
            result[name] = {"fails": one["fails"]}
        else:
            shown = statistics.fmean(sum(k in truth[name] for k in a) for a in one["answers"]) / len(truth[name])
            result[name] = {
                "seconds": statistics.median(one["seconds"]),
                "error": error(one["answers"], truth[name]),
                "groups_shown": shown,
            }
    return result


def main() -> int:
    """Make the data, ask everybody, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--venvs", type=Path, default=Path(tempfile.gettempdir()) / "tacit-peers")
    parser.add_argument("--peer", action="append", choices=PEERS, help="only this one; repeat for more")
    parser.add_argument("--install", action="store_true", help="make the environments first")
    parser.add_argument("--limit", type=float, default=1800, help="most seconds for one peer")
    parser.add_argument("--out")
    choices = parser.parse_args()
    peers = choices.peer or list(PEERS)
    for peer in peers if choices.install else ():
        install(choices.venvs, peer)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        visits.make(folder, choices.rows)
        pq.write_table(pq.read_table(folder / "visits"), folder / "visits.parquet")
        truth = truths(folder)
        systems: dict[str, Any] = {
            "tacit": ask_tacit(folder, choices.rounds, prepared=True),
            "tacit, not prepared": ask_tacit(folder, choices.rounds, prepared=False),
        }
        for peer in peers:
            systems[peer] = ask_peer(choices.venvs, peer, folder, choices.rounds, choices.limit)
    told = {system: {"queries": summed(found, truth)} for system, found in systems.items()}
    rows = [
        (query, *("—" if "fails" in (r := one["queries"][query]) else f"{r['seconds']:.2f} s, {r['error']:.2%}"
                  for one in told.values()))
        for query in NAMES
    ]  # fmt: skip
    print(table(("seconds, error", *told), rows))
    for system, one in told.items():
        for query, r in one["queries"].items():
            if "fails" in r:
                print(f"{system} fails on {query}: {r['fails']}")
    versions = {peer: PEERS[peer] for peer in peers}
    finish(
        {
            "benchmark": "peers", "rows": choices.rows, "epsilon": EPSILON, "delta": DELTA, "rounds": choices.rounds,
            "versions": versions, "queries": NAMES, "systems": told,
        },
        choices.out,
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
