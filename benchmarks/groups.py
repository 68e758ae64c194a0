"""A release of very many groups, end to end over HTTP as an Arrow stream: seconds, bytes, and the memory of the service.

    python benchmarks/groups.py [--groups 1000000] [--rounds 3] [--out FILE.json]

Public: every key of a public table of so many rows has a noisy count, a sum, an average, or a number computed of two.
Unknown: as many keys that only the data knows, each of which passes a noisy threshold or stays hidden (ε = 20, so that most
of these small groups pass). Seconds are from the request's first byte to the stream's last, medians; memory is the most that
the service's processes held at once, sampled. Beside them the same statement, not private, by DuckDB on the snapshot.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import tempfile
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from _common import finish, medians, table
from _service import Home, cpu, family, free_port, memory_mib, serving

from tacit_service.access import Role, mint
from tacit_service.ledger.directory import Directory
from tacit_service.ledger.store import Ledger

SEED, ROWS_A_GROUP, ANALYST = 11, 4, "analyst"
ARROW = "application/vnd.apache.arrow.stream"
POLICY = """\
version: 1
dataset: many
response_times: off
privacy_unit: { name: customer, column: sales.customer }
tables:
  sales:
    source: sales.parquet
    unit: customer
    columns:
      customer: { type: integer, nullable: false }
      item: { type: integer }
      amount: { type: number, nullable: false, bounds: [0, 500], precision: 0.01 }
  items:
    source: items.parquet
    public: true
    columns:
      item: { type: integer }
contribution: { max_rows: 20, max_groups: 4, max_rows_per_group: 2 }
budget: { epsilon: 1000000, delta: 1e-2 }
per_query: { default_epsilon: 20, max_epsilon: 100, default_delta: 1e-6, max_result_rows: 5000000 }
analysts:
  analyst: { epsilon: 1000000, delta: 1e-2 }
"""
BY_ITEM = "FROM items i LEFT JOIN sales s ON s.item = i.item GROUP BY i.item"
CASES = {
    "public keys, count": f"SELECT i.item, COUNT(s.customer) AS n {BY_ITEM}",
    "public keys, sum and average": f"SELECT i.item, SUM(s.amount) AS spent, AVG(s.amount) AS mean {BY_ITEM}",
    "public keys, computed of two": f"SELECT i.item, SUM(s.amount) / COUNT(s.customer) AS a_sale {BY_ITEM}",
    "unknown keys, count": "SELECT item, COUNT(*) AS n FROM sales GROUP BY item",
}


def make(folder: Path, groups: int) -> None:
    """``groups`` items, and four times as many sales of them by half as many customers."""
    rng, rows = np.random.default_rng(SEED), groups * ROWS_A_GROUP
    sales = {
        "customer": rng.integers(0, max(groups // 2, 1), rows),
        "item": rng.integers(0, groups, rows),
        "amount": rng.uniform(0, 500, rows).round(2),
    }
    pq.write_table(pa.table(sales), folder / "sales.parquet", compression="zstd")
    pq.write_table(pa.table({"item": np.arange(groups)}), folder / "items.parquet", compression="zstd")


def furnish(folder: Path, groups: int) -> Home:
    """Data, policy, and the analyst's key."""
    make(folder, groups)
    (folder / "clinic.yaml").write_text(POLICY, encoding="utf-8")
    minted = mint(ANALYST, Role.ANALYST, ("many",))
    with closing(Ledger.open(f"sqlite:///{folder / 'ledger.sqlite'}")) as ledger:
        Directory(ledger).add_key(minted.row)
    return Home(folder, {ANALYST: minted.secret}, free_port())


@dataclass
class Peak:
    """The most that a service's processes held while something ran."""

    pid: int
    found: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def watched(self):
        stop = threading.Event()

        def look() -> None:
            while not stop.wait(0.1):
                for name, size in memory_mib(self.pid).items():
                    self.found[name] = max(size, self.found.get(name, 0.0))

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def ask(home: Home, sql: str) -> dict[str, float]:
    """One fresh release, its stream read to the end: seconds, seconds to the first byte, bytes, rows."""
    body = json.dumps({"dataset": "many", "sql": sql, "fresh": True})
    headers = {"Authorization": f"Bearer {home.keys[ANALYST]}", "Accept": ARROW, "Content-Type": "application/json"}
    start = time.perf_counter()
    with closing(http.client.HTTPConnection("127.0.0.1", home.port, timeout=600)) as connection:
        connection.request("POST", "/v1/queries", body, headers)
        answer = connection.getresponse()
        if answer.status != 200:
            raise RuntimeError(answer.read().decode())
        first = time.perf_counter() - start
        stream = pa.ipc.open_stream(answer)
        rows = sum(batch.num_rows for batch in stream)
        taken = time.perf_counter() - start
        size = sum(f.type.bit_width // 8 for f in stream.schema) * rows
    return {"wall_s": taken, "first_byte_s": first, "rows": rows, "bytes": size}


def measure(home: Home, pid: int, sql: str, rounds: int, snapshot: Path) -> dict[str, float]:
    """Medians of some releases, with the service's memory; and plain DuckDB's time."""
    peak, before = Peak(pid), sum(cpu(one) for one in family(pid))
    with peak.watched():
        found = [ask(home, sql) for _ in range(rounds + 1)][min(rounds, 1) :]
    spent = sum(cpu(one) for one in family(pid)) - before
    told = {name: statistics.median(f[name] for f in found) for name in found[0]}
    with duckdb.connect(str(snapshot), read_only=True) as connection:
        plain = medians({"plain": lambda: connection.sql(sql).to_arrow_table()}, max(rounds, 1))["plain"]
    return told | {
        "cpu_s": spent / (rounds + 1),
        "plain_s": plain,
        **{f"{name}_mib": size for name, size in peak.found.items()},
    }


def main() -> int:
    """Make the data, serve it, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--groups", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3, help="after a first one that does not count; 0: one that does")
    parser.add_argument("--case", action="append", choices=CASES, help="only this one; repeat for more")
    parser.add_argument("--out")
    choices = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as name:
        home = furnish(Path(name), choices.groups)
        with serving(home) as process:
            idle = memory_mib(process.pid)
            [snapshot] = (home.folder / "snapshots").glob("**/*.duckdb")
            for case in choices.case or CASES:
                results[case] = measure(home, process.pid, CASES[case], choices.rounds, snapshot)
    rows = [
        (case, f"{r['rows']:,.0f}", f"{r['wall_s']:.1f}", f"{r['first_byte_s']:.1f}", f"{r['plain_s']:.2f}",
         f"{r['cpu_s']:.1f}", f"{r['bytes'] / 1e6:.0f}", f"{r['service_mib']:.0f}", f"{r['children_mib']:.0f}")
        for case, r in results.items()
    ]  # fmt: skip
    head = ("case", "rows", "s", "s to first byte", "plain, s", "CPU s", "MB", "service, MiB", "children, MiB")
    print(table(head, rows))
    print(f"before: service {idle['service']:.0f} MiB, children {idle['children']:.0f} MiB")
    finish({"benchmark": "groups", "rows": choices.groups, "idle_mib": idle, "cases": results}, choices.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
