"""What every peer's driver shares; runs in the peer's own environment, so from the standard library alone.

A driver is started as ``python _peer_NAME.py FOLDER EPSILON DELTA ROUNDS`` and prints, as its last line, one JSON object:
for each query the seconds of each round and the answers by key, or why there are none.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

REGIONS = [f"R{i}" for i in range(8)]
COST_MAX, ROWS_MAX, GROUPS_MAX = 2_000, 200, 20
COUNT, BY_REGION, SUM, AVG, PATIENTS, FILTERED = (
    "count", "count by 8 regions", "sum by region", "average by region", "patients by 300 diagnoses", "filtered sum",
)  # fmt: skip
Answer = dict[str, float]


def arguments() -> tuple[Path, float, float, int]:
    """Folder of visits.parquet, ε, δ, rounds."""
    folder, epsilon, delta, rounds = sys.argv[1:5]
    return Path(folder), float(epsilon), float(delta), int(rounds)


def run(works: dict[str, Callable[[], Answer]], rounds: int) -> None:
    """Ask each query once to warm up, then ``rounds`` times, and print what came."""
    found: dict[str, dict[str, object]] = {}
    for name, work in works.items():
        seconds, answers = [], []
        try:
            work()
            for _ in range(rounds):
                start = time.perf_counter()
                answers.append({str(k): float(v) for k, v in work().items()})
                seconds.append(time.perf_counter() - start)
            found[name] = {"seconds": seconds, "answers": answers}
        except Exception as error:  # what a peer cannot answer is a result too
            found[name] = {"fails": f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"}
    print(json.dumps(found))
