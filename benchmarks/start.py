"""A cold start: seconds to the first answer of ``/healthz`` and to being ready, CPU seconds by process; and ``--help``.

    python benchmarks/start.py [--rounds 5] [--rows 2000] [--out FILE.json]

The service is ``tacit-service demo --serve`` in a new directory each time, with a new ledger and made-up data: a first start.
Times are medians; on a busy machine only CPU seconds mean something. Bytecode is compiled before (``pip`` does that).
"""

from __future__ import annotations

import argparse
import compileall
import resource
import statistics
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

from _common import ROOT, finish, seconds, table
from _service import cpu, family, free_port

BIN = Path(sys.executable).parent


def start(rows: int) -> dict[str, float]:
    """One start, to the moment at which it is ready."""
    port, begun = free_port(), time.perf_counter()
    command = [BIN / "tacit-service", "demo", "--serve", "--json", "--rows", str(rows), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        while True:
            with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=30):
                break
            time.sleep(0.005)
        healthy = time.perf_counter() - begun
        assert process.stdout is not None
        process.stdout.readline()
        ready = time.perf_counter() - begun
        spent = {pid: cpu(pid) for pid in family(process.pid)}
    finally:
        process.terminate()
        process.wait(30)
    own = spent.pop(process.pid)
    return {"healthz_s": healthy, "ready_s": ready, "service_cpu_s": own, "children_cpu_s": sum(spent.values())}


def help_of(command: str) -> dict[str, float]:
    """``--help``: wall and CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    wall = seconds(lambda: subprocess.run([BIN / command, "--help"], check=True, capture_output=True))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"wall_s": wall, "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--out")
    choices = parser.parse_args()
    for folder in ("service", "client"):
        compileall.compile_dir(str(ROOT / folder), quiet=2)
    starts = [start(choices.rows) for _ in range(choices.rounds)]
    helps = {name: [help_of(name) for _ in range(choices.rounds)] for name in ("tacit", "tacit-service")}
    found = {name: statistics.median(s[name] for s in starts) for name in starts[0]}
    told = {f"{n} --help": {k: statistics.median(h[k] for h in hs) for k in hs[0]} for n, hs in helps.items()}
    rows = [(name, f"{value:.2f}") for name, value in found.items()]
    rows += [(f"{name}, {k}", f"{v:.2f}") for name, one in told.items() for k, v in one.items()]
    print(table(("cold start", "median"), rows))
    finish({"benchmark": "start", "rows": choices.rows, "start": found, "help": told}, choices.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
