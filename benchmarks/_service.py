"""What load and failure runs share: a service of its own over the demo's clinic, with many analysts; and its ledger, read after."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tacit_service.access import Role, mint
from tacit_service.demo_data import clinic_policy, make_clinic
from tacit_service.ledger.directory import Directory
from tacit_service.ledger.store import Ledger
from tacit_service.ledger.verify import verify

DATASET = "clinic"
SERVICE = str(Path(sys.executable).with_name("tacit-service"))


@dataclass
class Home:
    """A folder with data, policy, ledger, and every analyst's key."""

    folder: Path
    keys: dict[str, str]
    port: int

    @property
    def ledger(self) -> str:
        return f"sqlite:///{self.folder / 'ledger.sqlite'}"


def furnish(folder: Path, *, analysts: int, rows: int) -> Home:
    """Data and keys for so many analysts, none of whom runs out of budget."""
    names = tuple(f"analyst_{i:02}" for i in range(analysts))
    make_clinic(folder, rows=rows)
    (folder / "clinic.yaml").write_text(clinic_policy("1000000", "1e-3", analysts=names), encoding="utf-8")
    keys = {}
    with closing(Ledger.open(f"sqlite:///{folder / 'ledger.sqlite'}")) as ledger:
        directory = Directory(ledger)
        for name in names:
            minted = mint(name, Role.ANALYST, (DATASET,))
            directory.add_key(minted.row)
            keys[name] = minted.secret
    return Home(folder, keys, free_port())


def owner_key(home: Home) -> str:
    """A new key of an owner of the dataset."""
    minted = mint("owner", Role.OWNER, (DATASET,))
    with closing(Ledger.open(home.ledger)) as ledger:
        Directory(ledger).add_key(minted.row)
    return minted.secret


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def serving(home: Home, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """The service as an operator starts it, ready to answer; stopped at the end."""
    command = [SERVICE, "serve", "--policy", str(home.folder / "clinic.yaml"), "--ledger", home.ledger]
    command += ["--data-dir", str(home.folder / "snapshots"), "--port", str(home.port), "--log-level", "error"]
    environment = {**os.environ, "TACIT_TRAINING": "false", **{f"TACIT_{k.upper()}": v for k, v in settings.items()}}
    with open(home.folder / "service.log", "ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    try:
        wait_ready(home, process)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_ready(home: Home, process: subprocess.Popen[bytes], timeout_s: float = 120) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the service ended with {process.returncode}; see {home.folder / 'service.log'}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{home.port}/readyz", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the service did not become ready")


def family(pid: int) -> dict[int, str]:
    """The process and all below it, with their command lines and names: forked children have the zygote's line."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int(entry.joinpath("stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError):
                continue
            parents.setdefault(parent, []).append(int(entry.name))
    found, todo = {}, [pid]
    while todo:
        one = todo.pop()
        try:
            told = (Path(f"/proc/{one}/{name}").read_text().replace("\0", " ").strip() for name in ("cmdline", "comm"))
            found[one] = " ".join(told)
        except OSError:
            continue
        todo += parents.get(one, [])
    return found


def cpu(pid: int) -> float:
    """CPU seconds of a process and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def memory_mib(pid: int) -> dict[str, float]:
    """Resident memory of the service (``service``) and of its children together (``children``)."""
    sizes = {}
    for one in family(pid):
        try:
            sizes[one] = int(Path(f"/proc/{one}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
        except OSError:
            continue
    return {
        "service": round(sizes.get(pid, 0.0), 1),
        "children": round(sum(v for k, v in sizes.items() if k != pid), 1),
    }


def kinds_mib(pid: int) -> dict[str, tuple[int, float]]:
    """How many processes of each name a family has, and their resident memory together: pages that they share count for each."""
    found: dict[str, tuple[int, float]] = {}
    for one in family(pid):
        try:
            told = dict(line.split(":", 1) for line in Path(f"/proc/{one}/status").read_text().splitlines())
        except OSError:
            continue
        count, size = found.get(name := told["Name"].strip(), (0, 0.0))
        found[name] = count + 1, round(size + int(told.get("VmRSS", "0 kB").split()[0]) / 1024, 1)
    return found


def peaks_mib(pid: int) -> dict[str, float]:
    """The most memory that each process of a family ever held, the largest of each kind by its name."""
    found: dict[str, float] = {}
    for one in family(pid):
        try:
            told = dict(line.split(":", 1) for line in Path(f"/proc/{one}/status").read_text().splitlines())
        except OSError:
            continue
        name, peak = told["Name"].strip(), int(told.get("VmHWM", "0 kB").split()[0]) / 1024
        found[name] = round(max(peak, found.get(name, 0.0)), 1)
    return found


@dataclass
class Asked:
    """One question that may be charged, and what came back. ``status`` 0: no answer."""

    analyst: str
    key: str
    status: int = 0
    code: str = ""
    charge_id: str = ""
    release_id: str = ""


@dataclass
class Books:
    """What the ledger says against what callers were told. ``wrong`` is empty when every charge has its question."""

    charges: int = 0
    answered: int = 0
    failed_and_charged: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def compare(home: Home, asked: list[Asked]) -> Books:
    """Each answer has one charge and one release, each refusal none, each charge one question; and the ledger verifies."""
    books = Books()
    path = home.ledger.removeprefix("sqlite:///")
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        rows = connection.execute("SELECT analyst, idempotency_key, charge_id FROM charges").fetchall()
        released = dict(connection.execute("SELECT charge_id, release_id FROM releases").fetchall())
        failed = {c for (c,) in connection.execute("SELECT charge_id FROM outcomes WHERE kind = 'fail'")}
        counted = dict(connection.execute("SELECT analyst, charges FROM accounts").fetchall())
    books.charges = len(rows)
    charges = {(analyst, key): charge for analyst, key, charge in rows}
    per_analyst = Counter(analyst for analyst, _, _ in rows)
    if len(charges) != len(rows):
        books.wrong.append("two charges of one question")
    for analyst, n in per_analyst.items():
        if counted.get(analyst) != n:
            books.wrong.append(f"{analyst}: {counted.get(analyst)} on the account, {n} charges")
    known = {(a.analyst, a.key) for a in asked}
    books.wrong += [f"a charge without a question: {c}" for k, c in charges.items() if k not in known]
    for a in asked:
        charge = charges.get((a.analyst, a.key))
        if a.status == 200:
            books.answered += 1
            if charge is None or charge != a.charge_id or released.get(charge) != a.release_id:
                books.wrong.append(f"answered without its charge and release: {a}")
        elif charge is not None and (a.status >= 500 or a.status == 0):
            books.failed_and_charged[f"{a.status} {a.code}{'' if charge in failed else ', open'}"] += 1
            if a.code == "overloaded":
                books.wrong.append(f"shed and charged: {a}")
        elif charge is not None and a.code == "postprocess_failed" and charge in released:
            books.failed_and_charged["422 postprocess_failed, the release is held"] += 1
        elif charge is not None:
            books.wrong.append(f"refused and charged: {a}")
    report = verify(home.ledger)
    books.wrong += report.findings
    return books


def problem_code(body: bytes) -> str:
    """The code of a problem, or an empty text."""
    try:
        return str(json.loads(body).get("code", ""))
    except (ValueError, AttributeError):
        return ""
