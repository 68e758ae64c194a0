"""Processes of the service killed with SIGKILL every few seconds while analysts ask: nothing is lost, and nothing charged twice.

    python benchmarks/soak.py --minutes 3 --every 3

Each time one of the engines, sandboxes, parsers or training processes is killed, drawn at random. What had no answer is asked again
under the same idempotency key; one analyst trains models, one after another, each of which must be finished and charged once. Ends
with the books, as ``load.py`` does: each answer has one charge and one release, each charge one question, and the journal
verifies. Exit status 1 when not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from _common import finish
from _service import DATASET, Asked, Home, compare, family, furnish, kinds_mib, memory_mib, problem_code, serving
from load import REFUSALS, RELEASES, Wire, new

KINDS = {
    "tacit-planning": "parser",
    "tacit-duckdb": "engine",
    "tacit-postproce": "sandbox",
    "training.job": "trainer",
}
TRAINING = {
    "dataset": DATASET, "sql": "SELECT age, sex, region, income > 40000 AS well_off FROM patients", "label": "well_off",
    "model": {"type": "logistic_regression"}, "noise_multiplier": 5, "steps": 2_000, "units": 1_000,
}  # fmt: skip
TRAINED_WITHIN_S = 300.0  # after the last kill


def children(pid: int) -> list[tuple[int, str]]:
    """The service's own processes, by what they do."""
    return [
        (child, next((kind for module, kind in KINDS.items() if module in command), "other"))
        for child, command in family(pid).items()
        if child != pid
    ]


class Soak:
    """Askers that ask one question after another, and know which were answered."""

    def __init__(self, home: Home, end: float, seed: int) -> None:
        self.home, self.end, self.random = home, end, random.Random(seed)
        self.wire, self.seed = Wire(home.port), seed
        self.asked: list[Asked] = []
        self.trained: list[Asked] = []
        self.codes: Counter[str] = Counter()
        self.again = 0
        self.slowest_s = 0.0

    async def asker(self, who: str) -> None:
        number = 0
        while time.monotonic() < self.end:
            number += 1
            if number % 3 == 0:
                await self._send(
                    Asked(who, f"refused-{self.seed}-{who}-{number}"), new(self.random.choice(REFUSALS), number)
                )
                continue
            one = Asked(who, f"soak-{self.seed}-{who}-{number}")
            self.asked.append(one)
            sql = self.random.choice(RELEASES)
            for _ in range(40):  # until the service has said what became of it
                await self._send(one, sql)
                if one.status not in (0, 503, 409) or time.monotonic() > self.end + 60:
                    break
                self.again += 1
                await asyncio.sleep(0.25)

    async def trainer(self, who: str) -> None:
        """Models one after another until the end; the last one is waited for."""
        headers = {"Authorization": f"Bearer {self.home.keys[who]}"}
        while time.monotonic() < self.end:
            one = Asked(who, f"model-{self.seed}-{len(self.trained)}")
            self.trained.append(one)
            job: dict[str, Any] = {}
            while job.get("status") not in ("succeeded", "failed", "cancelled"):
                if time.monotonic() > self.end + TRAINED_WITHIN_S:
                    return
                with suppress(OSError, asyncio.IncompleteReadError, ValueError, TimeoutError):
                    if job:
                        sent = self.wire.ask("GET", who, f"/v1/training-jobs/{job['id']}", b"", headers)
                    else:
                        more = {**headers, "Idempotency-Key": one.key}
                        sent = self.wire.post(who, "/v1/training-jobs", json.dumps(TRAINING).encode(), **more)
                    status, _, content = await asyncio.wait_for(sent, 60)
                    if status == 200:
                        job = json.loads(content)
                    elif not job and status not in (503, 409):
                        self.codes[f"{status} {problem_code(content)} of a model"] += 1
                        return
                await asyncio.sleep(0.5)
            one.status, one.code = (200, "") if job["status"] == "succeeded" else (500, str(job.get("code")))
            self.codes[f"a model {job['status']}"] += 1

    async def _send(self, one: Asked, sql: str) -> None:
        body = json.dumps({"dataset": DATASET, "sql": sql, "epsilon": "0.01", "fresh": True}).encode()
        headers = {"Authorization": f"Bearer {self.home.keys[one.analyst]}", "Idempotency-Key": one.key}
        start = time.monotonic()
        try:
            one.status, _, content = await asyncio.wait_for(
                self.wire.post(one.analyst, "/v1/queries", body, **headers), 60
            )
        except (TimeoutError, OSError, asyncio.IncompleteReadError, ValueError) as error:
            one.status, one.code = 0, type(error).__name__
            self.codes[one.code] += 1
            return
        self.slowest_s = max(self.slowest_s, time.monotonic() - start)
        one.code = problem_code(content) if one.status != 200 else ""
        if one.status == 200:
            told = json.loads(content)
            one.charge_id, one.release_id = told["receipt"]["charge_id"] or "", told["release_id"]
        self.codes[f"{one.status} {one.code}".strip()] += 1


async def run(home: Home, process: subprocess.Popen[bytes], args: argparse.Namespace) -> tuple[Soak, Counter[str]]:
    soak = Soak(home, time.monotonic() + 60 * args.minutes, args.seed)
    killed: Counter[str] = Counter()

    async def killer() -> None:
        chance = random.Random(args.seed)
        while time.monotonic() < soak.end:
            await asyncio.sleep(chance.uniform(0.5, 1.5) * args.every)
            found = [(child, kind) for child, kind in children(process.pid) if kind != "other"]
            kind = chance.choice(sorted({k for _, k in found} or {"none"}))
            for victim in [c for c, k in found if k == kind][:1]:
                with suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
                    killed[kind] += 1

    trainer, *askers = home.keys
    await asyncio.gather(killer(), soak.trainer(trainer), *(soak.asker(who) for who in askers))
    return soak, killed


def unfinished(home: Home, trained: list[Asked]) -> list[str]:
    """Models that were asked for and not trained to the end; the charge and the release of each that was are filled in."""
    path = home.ledger.removeprefix("sqlite:///")
    query = "SELECT c.charge_id, r.release_id FROM charges c LEFT JOIN releases r USING (charge_id)"
    query += " WHERE c.analyst = ? AND c.idempotency_key = ?"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        for one in trained:
            one.charge_id, one.release_id = connection.execute(query, (one.analyst, one.key)).fetchone() or ("", "")
    return [f"a model was not finished: {one}" for one in trained if one.status != 200 or not one.release_id]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--every", type=float, default=3.0, help="seconds between two kills, on average")
    parser.add_argument("--analysts", type=int, default=6)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", help="write the result here as well")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = furnish(Path(folder), analysts=args.analysts, rows=args.rows)
        with serving(home, training="true", training_threads="1") as process:
            before, kinds = memory_mib(process.pid), kinds_mib(process.pid)
            soak, killed = asyncio.run(run(home, process, args))
            after, died = memory_mib(process.pid), process.poll() is not None
            kinds = {name: [*kinds.get(name, (0, 0.0)), *now] for name, now in kinds_mib(process.pid).items()}
        late = unfinished(home, soak.trained)
        books = compare(home, soak.asked + soak.trained)
        books.wrong += late
    told = {"charges": books.charges, "answered": books.answered, "failed_and_charged": dict(books.failed_and_charged),
            "wrong": books.wrong[:20]}  # fmt: skip
    finish({"benchmark": "soak", "minutes": args.minutes, "killed": dict(killed), "answers": dict(soak.codes), "asked_again": soak.again,
            "slowest_s": round(soak.slowest_s, 1), "memory_mib": [before, after], "processes_mib": kinds,
            "died": died, "books": told}, args.out)  # fmt: skip
    return 1 if books.wrong or died else 0


if __name__ == "__main__":
    sys.exit(main())
