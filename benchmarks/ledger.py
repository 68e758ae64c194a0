"""Charge + commit, side by side with a bare guarded UPDATE + INSERT on the same store, interleaved in one run.

    python benchmarks/ledger.py [sqlite:///new-file.db | postgresql://…]

Prints the median time of each, and of ``reserve`` + ``record``. The store must be empty; without one, a temporary file.
"""

from __future__ import annotations

import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from tacit_service.ledger.records import ChargeRequest, StoredRelease
from tacit_service.ledger.store import Ledger
from tacit_service.privacy.events import LaplaceEvent
from tacit_service.privacy.lanes import Limits
from tacit_service.privacy.units import Delta, Epsilon

ROUNDS = 400


def bare(url: str) -> Callable[[], None]:
    """The least that a ledger could do: one guarded UPDATE, one INSERT, one durable commit."""
    ledger = Ledger.open(url)
    database = ledger._database
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE bare_account (id INTEGER PRIMARY KEY, spent BIGINT, ceiling BIGINT)")
        connection.exec_driver_sql("CREATE TABLE bare_charge (id TEXT PRIMARY KEY, cost BIGINT)")
        connection.exec_driver_sql("INSERT INTO bare_account VALUES (1, 0, 1000000000)")
    update = sa.text("UPDATE bare_account SET spent = spent + :n WHERE id = 1 AND spent + :n <= ceiling")
    insert = sa.text("INSERT INTO bare_charge VALUES (:id, :n)")
    numbers = iter(range(10**9))

    def charge() -> None:
        with database.write() as connection:
            if connection.execute(update, {"n": 1}).rowcount != 1:
                raise RuntimeError("exhausted")
            connection.execute(insert, {"id": f"charge {next(numbers)}", "n": 1})

    return charge


def ours(url: str) -> tuple[Callable[[], None], Callable[[], None]]:
    """``reserve`` alone, and ``reserve`` + ``record``."""
    ledger = Ledger.open(url)
    limits = Limits.create(Epsilon.parse("1000"), Delta.parse("1e-6"))
    ledger.ensure_dataset("bench", limits, "policy")
    ledger.ensure_analyst("bench", "ada", limits)
    event = LaplaceEvent("unit", "opendp", 1000.0 * (1 + 1e-15), 1, math.nextafter(0.001, 0))
    numbers = iter(range(10**9))

    def reserve() -> str:
        number = next(numbers)
        request = ChargeRequest("bench", "ada", (event,), f"body {number}", f"key {number}", "SELECT COUNT(*)")
        return ledger.reserve(request).charge_id

    def answer() -> None:
        charge_id = reserve()
        ledger.record(charge_id, StoredRelease(f"rel {charge_id}", "bench", "ada", charge_id, b"x" * 2000, "now"))

    return lambda: [reserve(), None][1], answer


def main(url: str) -> None:
    """Interleave the three, and print medians and the ratio."""
    bare_charge, (reserve, answer) = bare(url), ours(url)
    times: dict[str, list[float]] = {"bare": [], "reserve": [], "reserve+record": []}
    for _ in range(ROUNDS):
        for name, work in (("bare", bare_charge), ("reserve", reserve), ("reserve+record", answer)):
            start = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    for name, median in medians.items():
        print(f"{name:15} {median * 1e3:7.2f} ms")
    print(f"throughput of reserve / bare: {medians['bare'] / medians['reserve']:.2f}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(sys.argv[1])
    else:
        with tempfile.TemporaryDirectory() as folder:
            main(f"sqlite:///{Path(folder) / 'ledger.db'}")
