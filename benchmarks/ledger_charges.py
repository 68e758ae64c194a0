"""Eight processes, 250 charges each, a thousandth of the budget a charge: exactly 1,000 of the 2,000 are admitted.

    python benchmarks/ledger_charges.py [postgresql+psycopg://…] [--out FILE.json]

Without a URL, a temporary SQLite file. A store must be empty. Exit status 1 when another number is admitted, or when the
journal does not verify.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import tempfile
import time
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

from _common import finish, table

from tacit_service.errors import BudgetExhausted
from tacit_service.ledger.records import ChargeRequest, StoredRelease
from tacit_service.ledger.store import Ledger
from tacit_service.ledger.verify import verify
from tacit_service.privacy.events import LaplaceEvent
from tacit_service.privacy.lanes import Limits
from tacit_service.privacy.units import Delta, Epsilon

PROCESSES, CHARGES, FITTING = 8, 250, 1000
EPSILON = math.nextafter(0.001, 0)


def client(url: str, number: int, start: Barrier, said: Queue[tuple[int, int, float, float]]) -> None:
    """One process: ``CHARGES`` attempts, each admitted one followed by its release."""
    ledger = Ledger.open(url)
    event = LaplaceEvent("patient", "benchmark", 1 / EPSILON * (1 + 1e-15), 1, EPSILON)
    admitted, longest = 0, 0.0
    start.wait()
    began = time.perf_counter()
    for turn in range(CHARGES):
        request = ChargeRequest("bench", "ada", (event,), f"body {turn}", f"{number}-{turn}", "SELECT COUNT(*) FROM t")
        before = time.perf_counter()
        try:
            charge_id = ledger.reserve(request).charge_id
            ledger.record(charge_id, StoredRelease(f"rel_{charge_id}", "bench", "ada", charge_id, b"{}", "now"))
            admitted += 1
        except BudgetExhausted:
            pass
        longest = max(longest, time.perf_counter() - before)
    said.put((number, admitted, time.perf_counter() - began, longest))
    ledger.close()


def main() -> int:
    """Run the race, check it and print it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("url", nargs="?")
    parser.add_argument("--out")
    choices = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = choices.url or f"sqlite:///{Path(folder) / 'ledger.sqlite'}"
        ledger = Ledger.open(url)
        limits = Limits.create(Epsilon.parse("1"), Delta(0))  # no δ: the basic lane alone
        ledger.ensure_dataset("bench", limits, "policy")
        ledger.ensure_analyst("bench", "ada", limits)
        context = multiprocessing.get_context("spawn")
        start, said = context.Barrier(PROCESSES + 1), context.Queue()
        clients = [context.Process(target=client, args=(url, n, start, said)) for n in range(PROCESSES)]
        for process in clients:
            process.start()
        start.wait()
        began = time.perf_counter()
        results = sorted(said.get() for _ in clients)
        wall = time.perf_counter() - began
        for process in clients:
            process.join()
        spent = ledger.balance("bench", "ada").spent[0]
        findings = verify(url).findings
        ledger.close()
    rows = [(str(n), str(admitted), f"{took:.2f}", f"{longest * 1e3:.0f}") for n, admitted, took, longest in results]
    print(table(("process", "admitted", "seconds", "longest, ms"), rows))
    admitted = sum(r[1] for r in results)
    attempts = PROCESSES * CHARGES
    print(f"admitted {admitted} of {attempts} in {wall:.1f} s: {attempts / wall:.0f} attempts/s; spent {spent} of 1")
    ok = admitted == FITTING and str(spent) == "1" and not findings
    finish(
        {
            "benchmark": "ledger_charges", "store": url.split(":", 1)[0], "admitted": admitted, "spent": str(spent),
            "attempts_per_s": attempts / wall, "longest_ms": max(r[3] for r in results) * 1e3, "verified": not findings,
        },
        choices.out,
    )  # fmt: skip
    return 0 if ok else 1


if __name__ == "__main__":
    raise SystemExit(main())
