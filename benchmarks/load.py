"""Many analysts at once, open loop: what the service answers, how soon, and whether the ledger agrees with every answer.

    python benchmarks/load.py --minutes 10 --rate 16

Requests arrive by a Poisson process whatever the answers do, and times count from the moment at which a request was due,
so that a slow service is not spared by slow askers. Half are fresh releases, the rest refusals, quotes and releases held
already. Then ten times the rate for ``--overload-s`` seconds, then the first rate again: what is past the queue must be
shed with 503 and Retry-After, free, and the service must be as quick afterwards as before. No text is asked twice (but for what
is held): nothing is quick for being remembered. Ends with the books: each answer
has one charge and one release, nothing refused or shed has any, and the journal verifies. Exit status 1 when they differ.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from _common import finish, table
from _service import DATASET, Asked, Home, compare, furnish, memory_mib, problem_code, serving

RELEASES = [
    "SELECT COUNT(*) FROM visits",
    "SELECT clinic, COUNT(*) AS n FROM visits GROUP BY clinic",
    "SELECT region, AVG(income) AS mean FROM patients GROUP BY region",
    "SELECT SUM(cost) FROM visits JOIN patients USING (patient_id) WHERE sex = 'F'",
    "SELECT diagnosis, COUNT(DISTINCT patient_id) AS n FROM visits GROUP BY diagnosis",
    "SELECT MEDIAN(age) FROM patients",
]
REFUSALS = [
    "SELECT * FROM patients WHERE age > {n}",
    "SELECT COUNT(*) FROM nowhere WHERE age > {n}",
    "SELECT patient_id, COUNT(*) FROM visits WHERE cost > {n} GROUP BY 1",
    "SELECT COUNT(*) FROM read_csv('x') WHERE age > {n}",
    "SELECT COUNT(*) FROM visits WHERE cost > {n} AND",
    "SELECT COUNT(*) FROM visits a JOIN patients b ON a.cost = b.age AND b.age > {n}",
]
MIX = [("release", 0.5), ("refusal", 0.35), ("quote", 0.1), ("held", 0.05)]


def new(sql: str, number: int) -> str:
    """The statement as a text that was never sent before."""
    return sql.format(n=f"{number % 90}.{number // 90}") if "{n}" in sql else f"{sql} -- {number}"


PROBED = 3.0  # requests a second of /healthz, beside the others
SLACK_S = 90.0  # an answer later than this is none


@dataclass
class Wire:
    """HTTP/1.1 as cheap as it can be: the asker shares the machine with the service."""

    port: int
    idle: dict[str, list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    async def post(self, who: str, path: str, body: bytes, **headers: str) -> tuple[int, dict[str, str], bytes]:
        return await self.ask("POST", who, path, body, headers)

    async def ask(
        self, method: str, who: str, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        again = bool(self.idle[who])
        try:
            return await self._ask(method, who, path, body, headers)
        except (OSError, asyncio.IncompleteReadError, ValueError):
            if not again:
                raise
        self.idle[who].clear()  # a kept connection was closed meanwhile: once more on a new one
        return await self._ask(method, who, path, body, headers)

    async def _ask(
        self, method: str, who: str, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        if self.idle[who]:
            reader, writer = self.idle[who].pop()
        else:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json"]
        lines += [f"Content-Length: {len(body)}", *(f"{k}: {v}" for k, v in headers.items())]
        try:
            writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            found = {k.lower(): v for k, _, v in (line.partition(": ") for line in head[1:] if line)}
            content = await reader.readexactly(int(found.get("content-length", "0")))
        except BaseException:
            writer.close()
            raise
        if found.get("connection", "").lower() == "close":
            writer.close()
        else:
            self.idle[who].append((reader, writer))
        return int(head[0].split()[1]), found, content


@dataclass
class Tally:
    """One phase: waiting times in seconds by kind and status, and what was wrong."""

    seconds: dict[tuple[str, int], list[float]] = field(default_factory=lambda: defaultdict(list))
    codes: Counter[str] = field(default_factory=Counter)
    shed_without_time: int = 0
    late: int = 0

    def waits(self, kind: str, *statuses: int) -> list[float]:
        return sorted(t for (k, s), ts in self.seconds.items() if k == kind and s in statuses for t in ts)


class Askers:
    """All analysts."""

    def __init__(self, home: Home, seed: int) -> None:
        self.wire, self.keys = Wire(home.port), home.keys
        self.asked: list[Asked] = []
        self._random = random.Random(seed)
        self._numbers, self._texts = itertools.count(), itertools.count()
        self._open: set[asyncio.Task[None]] = set()

    async def phase(self, rate: float, seconds: float) -> Tally:
        """Requests at ``rate`` a second for so long; returns when the last is answered."""
        tally, start, due = Tally(), time.monotonic(), 0.0
        names = list(self.keys)
        probe = asyncio.create_task(self._probe(tally, PROBED))
        while (due := due + self._random.expovariate(rate)) < seconds:
            delay = start + due - time.monotonic()
            if delay > 0:
                await asyncio.sleep(delay)
            elif delay < -1:
                tally.late += 1  # the asker itself is behind
            kind = self._random.choices([k for k, _ in MIX], [w for _, w in MIX])[0]
            task = asyncio.create_task(self._ask(tally, kind, self._random.choice(names), start + due))
            self._open.add(task)
            task.add_done_callback(self._open.discard)
        probe.cancel()
        while self._open:
            await asyncio.wait(self._open, timeout=1)
        return tally

    async def _probe(self, tally: Tally, rate: float) -> None:
        """What the machine allows: a request that needs no key and no worker, in the same load, open loop too."""

        async def look(due: float) -> None:
            with suppress(OSError, asyncio.IncompleteReadError, ValueError):
                status = (await self.wire.ask("GET", "", "/healthz", b"", {}))[0]
                tally.seconds["trivial", status].append(time.monotonic() - due)

        due, chance = time.monotonic(), random.Random(self._random.random())
        while True:
            due += chance.expovariate(rate)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            task = asyncio.create_task(look(due))
            self._open.add(task)
            task.add_done_callback(self._open.discard)

    async def _ask(self, tally: Tally, kind: str, who: str, due: float) -> None:
        sql = new(self._random.choice(REFUSALS if kind == "refusal" else RELEASES), next(self._texts))
        body = {"dataset": DATASET, "sql": sql, "epsilon": "0.01", "fresh": kind == "release"}
        one = Asked(who, f"load-{next(self._numbers)}")
        headers = {"Authorization": f"Bearer {self.keys[who]}"}
        if kind == "release":
            headers["Idempotency-Key"] = one.key
            self.asked.append(one)
        elif kind == "held":
            body |= {"sql": RELEASES[0], "epsilon": "0.5"}
            one.key = "held"
            headers["Idempotency-Key"] = one.key  # the first is charged, the others are given the same
        path = "/v1/quotes" if kind == "quote" else "/v1/queries"
        try:
            answer = self.wire.post(who, path, json.dumps(body).encode(), **headers)
            one.status, found, content = await asyncio.wait_for(answer, SLACK_S)
        except (TimeoutError, OSError, asyncio.IncompleteReadError) as error:
            tally.codes[type(error).__name__] += 1
            tally.seconds[kind, 0].append(time.monotonic() - due)
            return
        tally.seconds[kind, one.status].append(time.monotonic() - due)
        if one.status == 200 and kind in ("release", "held"):
            told = json.loads(content)
            one.charge_id, one.release_id = told["receipt"]["charge_id"] or "", told["release_id"]
            if kind == "held" and not any(a.analyst == who and a.key == "held" for a in self.asked):
                self.asked.append(one)
        elif one.status != 200:
            one.code = problem_code(content)
            tally.codes[f"{one.status} {one.code}"] += 1
            tally.shed_without_time += one.status == 503 and "retry-after" not in found


def percentile(waits: list[float], share: float) -> float | None:
    """In milliseconds."""
    return round(1000 * waits[min(len(waits) - 1, int(share * len(waits)))], 1) if waits else None


def told(tally: Tally, seconds: float) -> dict[str, object]:
    """The phase's figures."""
    releases, refusals = tally.waits("release", 200), tally.waits("refusal", 400, 403, 404, 422)
    sheds = sorted(t for (_, s), ts in tally.seconds.items() if s == 503 for t in ts)
    return {
        "releases": len(releases), "releases_per_s": round(len(releases) / seconds, 2),
        "release_p50_ms": percentile(releases, 0.5), "release_p99_ms": percentile(releases, 0.99),
        "refusals": len(refusals), "refusal_p50_ms": percentile(refusals, 0.5), "refusal_p99_ms": percentile(refusals, 0.99),
        "trivial_p50_ms": percentile(tally.waits("trivial", 200), 0.5), "trivial_p99_ms": percentile(tally.waits("trivial", 200), 0.99),
        "quote_p99_ms": percentile(tally.waits("quote", 200), 0.99), "held_p99_ms": percentile(tally.waits("held", 200), 0.99),
        "shed": len(sheds), "shed_p99_ms": percentile(sheds, 0.99), "shed_without_retry_after": tally.shed_without_time,
        "asker_late": tally.late, "codes": dict(tally.codes),
    }  # fmt: skip


async def phases(home: Home, pid: int, args: argparse.Namespace) -> tuple[dict[str, object], list[Asked]]:
    """Warm up, steady, overload, recovery."""
    askers = Askers(home, args.seed)
    await askers.phase(args.rate, 5)
    result: dict[str, object] = {"memory_mib_before": memory_mib(pid)}
    seconds = 60 * args.minutes
    result["steady"] = told(await askers.phase(args.rate, seconds), seconds)
    result["memory_mib_after"] = memory_mib(pid)
    if args.overload_s > 0:
        over = await askers.phase(10 * args.rate, args.overload_s)
        result["overload"] = told(over, args.overload_s)
        await asyncio.sleep(2)
        result["recovered"] = told(await askers.phase(args.rate, args.overload_s), args.overload_s)
        result["memory_mib_end"] = memory_mib(pid)
    return result, askers.asked


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="length of the steady phase")
    parser.add_argument("--rate", type=float, default=16.0, help="requests a second, all analysts together")
    parser.add_argument(
        "--overload-s", type=float, default=30.0, help="length of the overload at ten times the rate; 0: none"
    )
    parser.add_argument("--analysts", type=int, default=64)
    parser.add_argument("--rows", type=int, default=20_000, help="visits in the demo's clinic")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", help="write the result here as well")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = furnish(Path(folder), analysts=args.analysts, rows=args.rows)
        with serving(home) as process:
            result, asked = asyncio.run(phases(home, process.pid, args))
        books = compare(home, asked)
    names = [n for n in ("steady", "overload", "recovered") if n in result]
    rows = [[k, *(str(result[n][k]) for n in names)] for k in result["steady"]]  # type: ignore[index, attr-defined]
    print(table(["", *names], rows))
    result["books"] = {"charges": books.charges, "answered": books.answered, "failed_and_charged": dict(books.failed_and_charged),
                       "wrong": books.wrong[:20]}  # fmt: skip
    finish(
        {"benchmark": "load", "analysts": args.analysts, "rate": args.rate, "minutes": args.minutes, **result}, args.out
    )
    return 1 if books.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
