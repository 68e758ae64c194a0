"""What Tacit adds to the engine: one grouped query end to end less the engine's own time, and a cold ``tacit query``.

    python benchmarks/overhead.py [--runs 50] [--rows 200000] [--out FILE.json]

Each warm run charges, draws fresh noise and records. "Engine" is the time of ``engine.run`` for the very statements that
the query runs, interleaved with it, so that a busy machine slows both. "New text" plans a statement never seen before.
Targets on an idle machine: 30 ms over the engine (p50, warm), 0.6 s for the command against a running service.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from _common import ANALYST, finish, open_clinic, seconds, table

from tacit.wire import QueryRequest
from tacit_service.engine.bounding import statements
from tacit_service.release.release import Desk

GROUPED = "SELECT region, COUNT(*) AS n FROM patients GROUP BY region"
TARGET_S, COLD_TARGET_S = 0.030, 0.6
COLD_RUNS = 9


def quartiles(times: list[float]) -> dict[str, float]:
    """p50 and p90 in seconds."""
    cuts = statistics.quantiles(times, n=10, method="inclusive")
    return {"p50": statistics.median(times), "p90": cuts[8]}


def warm(desk: Desk, sqls: Callable[[], str], runs: int) -> dict[str, dict[str, float]]:
    """End to end, engine alone, and their difference, run by run."""
    times: dict[str, list[float]] = {"end to end": [], "engine": [], "ours": []}
    for run in range(runs + 5):
        request = QueryRequest(dataset=desk.name, sql=sqls(), epsilon="0.01", fresh=True)
        whole = seconds(lambda request=request: desk.query(ANALYST, request, None))
        points = desk.preparer.prepare(request).plan.releases
        emitted = [s.sql for point in points for s in statements(point)]
        engine = sum(seconds(lambda sql=sql: desk.engine.run(sql, timeout_s=60)) for sql in emitted)
        if run >= 5:
            for name, taken in zip(times, (whole, engine, whole - engine), strict=True):
                times[name].append(taken)
    return {name: quartiles(taken) for name, taken in times.items()}


def cold(folder: Path, rows: int) -> dict[str, float]:
    """``tacit query`` in a new process each time, against a demo service in another."""
    bin_ = Path(sys.executable).parent
    demo = subprocess.Popen(
        [bin_ / "tacit-service", "demo", "--serve", "--json", "--port", "0", "--rows", str(rows),
         "--epsilon", "1000", "--data-dir", folder],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert demo.stdout is not None
        served = json.loads(demo.stdout.readline())
        env = os.environ | {"TACIT_URL": served["url"], "TACIT_KEY": served["keys"]["analyst"]}
        command = [bin_ / "tacit", "query", "--dataset", served["dataset"], "--epsilon", "0.01", "--fresh", GROUPED]
        run = lambda: subprocess.run(command, env=env, check=True, capture_output=True)  # noqa: E731
        run()  # the service's first query plans and starts processes; what is cold here is the command
        taken = quartiles([seconds(run) for _ in range(COLD_RUNS)])
        bare = quartiles([seconds(lambda: subprocess.run([sys.executable, "-c", ""], check=True)) for _ in range(5)])
        return taken | {"bare python": bare["p50"]}
    finally:
        demo.terminate()
        demo.wait(30)


def main() -> int:
    """Measure and print; the exit status says whether the targets were met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--out")
    choices = parser.parse_args()
    ages = itertools.count()
    with tempfile.TemporaryDirectory() as folder:
        desk = open_clinic(choices.rows, Path(folder) / "warm")
        try:
            results = {
                "same text": warm(desk, lambda: GROUPED, choices.runs),
                "new text": warm(
                    desk,
                    lambda: f"SELECT region, COUNT(*) AS n FROM patients WHERE income <> {next(ages)} GROUP BY region",
                    choices.runs,
                ),
            }
        finally:
            desk.close()
        command = cold(Path(folder) / "cold", choices.rows)
    rows = [
        (kind, *(f"{part[p] * 1e3:.1f}" for part in parts.values() for p in ("p50", "p90")))
        for kind, parts in results.items()
    ]
    print(table(("ms", "end to end p50", "p90", "engine p50", "p90", "ours p50", "p90"), rows))
    print(f"cold `tacit query`: p50 {command['p50']:.2f} s, p90 {command['p90']:.2f} s "
          f"(a Python that does nothing: {command['bare python']:.2f} s)")  # fmt: skip
    finish({"benchmark": "overhead", "rows": choices.rows, "warm_s": results, "cold_s": command}, choices.out)
    return 0 if results["same text"]["ours"]["p50"] < TARGET_S and command["p50"] < COLD_TARGET_S else 1


if __name__ == "__main__":
    raise SystemExit(main())
