"""What the benchmarks share: desks over the demo and the real data with a budget that no benchmark spends, and tables."""

from __future__ import annotations

import json
import os
import re
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tacit_service.demo_data import clinic_policy, make_clinic
from tacit_service.ledger.store import Ledger
from tacit_service.policy.load import load_policy
from tacit_service.release.release import Desk

ROOT = Path(__file__).resolve().parents[1]
ANALYST = "analyst"
PLENTY = "{ epsilon: 1000000, delta: 1e-3 }"


def shared_data() -> Path | None:
    """Where the real data lie, or ``None``."""
    folder = Path(os.environ.get("TACIT_SHARED_DATA", ROOT.parent / "shared" / "data")).resolve()
    return folder if folder.is_dir() else None


def open_desk(policy_text: str, folder: Path, name: str) -> Desk:
    """A desk over a policy's text, with files of its own under ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    policy = folder / f"{name}.yaml"
    policy.write_text(policy_text, encoding="utf-8")
    return Desk.open(load_policy(policy), Ledger.open(f"sqlite:///{folder / 'ledger.sqlite'}"), folder / "data")


def open_real(name: str, data: Path, folder: Path) -> Desk:
    """An example policy over the real data: its bounds as they are, its budget replaced."""
    text = (ROOT / "policies" / f"{name}.yaml").read_text(encoding="utf-8")
    text = text.replace("../../shared/data/", f"{data}/")
    text, budgets = re.subn(r"(?m)^budget: .*$", f"budget: {PLENTY}", text)
    text, analysts = re.subn(r"(?m)^  analyst: .*$", f"  {ANALYST}: {PLENTY}", text)
    text = re.sub(r"(?m)^  second_analyst: .*\n", "", text)
    if budgets != 1 or analysts != 1:
        raise ValueError(f"policies/{name}.yaml is not written as this benchmark expects")
    return open_desk(text, folder / name, name)


def open_clinic(rows: int, folder: Path) -> Desk:
    """The demo's clinic with ``rows`` visits."""
    folder.mkdir(parents=True, exist_ok=True)
    make_clinic(folder, rows=rows)
    return open_desk(clinic_policy("1000000", "1e-3", analysts=(ANALYST,)), folder, "clinic")


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def medians(works: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median wall time of each, interleaved so that a busy moment hits all alike; one warm-up round goes first."""
    for work in works.values():
        work()
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            times[name].append(seconds(work))
    return {name: statistics.median(taken) for name, taken in times.items()}


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |" for row in [head, *rows]
    ]
    lines.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    return "\n".join(lines)


def machine() -> dict[str, object]:
    """What ran this, for the figures to mean something elsewhere."""
    model = "unknown"
    info = Path("/proc/cpuinfo")
    if info.is_file():
        model = next(
            (x.split(":", 1)[1].strip() for x in info.read_text().splitlines() if x.startswith("model name")), model
        )
    return {"cpu": model, "cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1)}


def finish(result: dict[str, object], out: str | None) -> None:
    """Print the result as one line of JSON, and write it to a file when one is named."""
    text = json.dumps({**result, "machine": machine()})
    print(text)
    if out is not None:
        Path(out).write_text(text + "\n", encoding="utf-8")
