"""Sixty-four analysts at once, closed loop: releases a second of one service process, and of two on the same ledger and files.

    python benchmarks/analysts.py [--analysts 64] [--seconds 30] [--rounds 2] [--processes 1 2] [--out FILE.json]

Each analyst asks for a fresh release, waits for it, and asks for the next; with two processes half of them ask each.
What is shed with 503 is asked again after its Retry-After. Each arrangement runs ``--rounds`` times, in turn, each time in
a new folder. Ends with the books, as ``load.py`` does: each answer has one charge and one release. Exit status 1 when not.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from _common import finish, table
from _service import DATASET, Asked, Home, compare, cpu, family, free_port, furnish, problem_code, serving
from load import RELEASES, Wire, new, percentile


async def analyst(wire: Wire, who: str, key: str, texts: itertools.count[int], until: float, found: Counter[str],
                  waits: list[float], asked: list[Asked]) -> None:  # fmt: skip
    """One analyst, until the time is over; the last answer is waited for and counts when it came in time."""
    choose = random.Random(who)
    while time.monotonic() < until:
        number = next(texts)
        one = Asked(who, f"analysts-{number}")
        body = {"dataset": DATASET, "sql": new(choose.choice(RELEASES), number), "epsilon": "0.01", "fresh": True}
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": one.key}
        start = time.monotonic()
        one.status, told, content = await wire.post(who, "/v1/queries", json.dumps(body).encode(), **headers)
        end = time.monotonic()
        asked.append(one)
        if one.status == 200:
            answer = json.loads(content)
            one.charge_id, one.release_id = answer["receipt"]["charge_id"] or "", answer["release_id"]
            if end <= until:
                found["releases"] += 1
                waits.append(end - start)
        else:
            one.code = problem_code(content)
            found[f"{one.status} {one.code}"] += 1
            await asyncio.sleep(float(told.get("retry-after", 1)))


async def together(homes: list[Home], seconds: float) -> tuple[Counter[str], list[float], list[Asked]]:
    """All analysts at once, spread over the processes; a first round of each process's own goes before."""
    found, waits, asked, texts = Counter[str](), list[float](), list[Asked](), itertools.count()
    wires = [Wire(home.port) for home in homes]
    names = list(homes[0].keys.items())
    for length, tally, times in ((3.0, Counter[str](), list[float]()), (seconds, found, waits)):
        until = time.monotonic() + length
        await asyncio.gather(
            *(
                analyst(wires[i % len(wires)], who, key, texts, until, tally, times, asked)
                for i, (who, key) in enumerate(names)
            )
        )
    return found, waits, asked


def measure(analysts: int, rows: int, processes: int, seconds: float) -> dict[str, object]:
    """One arrangement in a new folder."""
    with tempfile.TemporaryDirectory() as folder:
        home = furnish(Path(folder), analysts=analysts, rows=rows)
        homes = [home, *(replace(home, port=free_port()) for _ in range(processes - 1))]
        with ExitStack() as stack:
            pids = [stack.enter_context(serving(one)).pid for one in homes]
            before = sum(cpu(p) for pid in pids for p in family(pid))
            found, waits, asked = asyncio.run(together(homes, seconds))
            spent = sum(cpu(p) for pid in pids for p in family(pid)) - before
        books = compare(home, asked)
    waits.sort()
    return {
        "releases": found.pop("releases", 0), "releases_per_s": len(waits) / seconds, "p50_ms": percentile(waits, 0.5),
        "p99_ms": percentile(waits, 0.99), "cpu_s": spent, "else": dict(found), "wrong": books.wrong[:20],
    }  # fmt: skip


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--analysts", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--rows", type=int, default=20_000, help="visits in the demo's clinic")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--out")
    choices = parser.parse_args()
    runs: dict[int, list[dict[str, object]]] = {n: [] for n in choices.processes}
    for _ in range(choices.rounds):
        for processes, taken in runs.items():
            taken.append(measure(choices.analysts, choices.rows, processes, choices.seconds))
    rows, told = [], {}
    for processes, taken in runs.items():
        rates, p50, p99 = ([float(str(r[k] or 0)) for r in taken] for k in ("releases_per_s", "p50_ms", "p99_ms"))
        told[str(processes)] = {
            "releases_per_s": statistics.median(rates), "p50_ms": statistics.median(p50),
            "p99_ms": statistics.median(p99), "runs": taken,
        }  # fmt: skip
        each = [f"{statistics.median(x):,.1f}" for x in (rates, p50, p99)]
        rows.append((str(processes), *each, str([r["else"] for r in taken])))
    print(table(("service processes", "releases a second", "p50, ms", "p99, ms", "else"), rows))
    finish(
        {"benchmark": "analysts", "analysts": choices.analysts, "seconds": choices.seconds, "processes": told},
        choices.out,
    )
    return 1 if any(r["wrong"] for taken in runs.values() for r in taken) else 0


if __name__ == "__main__":
    sys.exit(main())
