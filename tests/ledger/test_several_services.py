"""Two service processes on one PostgreSQL ledger, driven over HTTP: together they sell exactly what fits, and one may die."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import tacit
from tacit.errors import BudgetExhausted, ConnectionFailed
from tacit_service.access.keys import mint
from tacit_service.access.roles import Role
from tacit_service.ledger.directory import Directory
from tacit_service.ledger.store import Ledger
from tacit_service.ledger.verify import verify

POLICY = """
version: 1
dataset: clinic
privacy_unit: { name: person, column: people.id }
tables:
  people:
    source: people.csv
    unit: id
    one_row_per_unit: true
    columns:
      id: { type: integer }
      age: { type: integer, bounds: [0, 100] }
budget: { epsilon: 2 }
per_query: { default_epsilon: 0.05, default_delta: 0 }
analysts: { ada: { epsilon: 1 }, bob: { epsilon: 1 } }
"""
FITTING, CLIENTS = 20, 8


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def serving(ledger: str, folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    port = free_port()
    command = [str(Path(sys.executable).with_name("tacit-service")), "serve", "--port", str(port)]
    settings = {"TACIT_LEDGER": ledger, "TACIT_DATA_DIR": str(folder / "snapshots"), "TACIT_TRAINING": "false"}
    with subprocess.Popen(
        [*command, "--policy", str(folder / "clinic.yaml")],
        cwd=folder,
        env=os.environ | settings,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield f"http://127.0.0.1:{port}", process
        finally:
            process.terminate()


def wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/readyz", timeout=5) as answer:
            if answer.status == 200:
                return
        time.sleep(0.1)
    raise AssertionError("the service did not become ready")


class Crowd:
    """Clients that ask until they are refused, half of them at each service; whoever loses one goes to the last."""

    def __init__(self, urls: list[str], key: str, answered: Callable[[int], None] = lambda _number: None) -> None:
        self.releases: list[str] = []
        self.refused = 0
        self._urls, self._key, self._answered = urls, key, answered
        self._lock = threading.Lock()
        threads = [threading.Thread(target=self._ask, args=(urls[n % len(urls)],)) for n in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)

    def _ask(self, url: str) -> None:
        while True:
            try:
                with tacit.Client(url, self._key, dataset="clinic", retries=0) as client:
                    release = client.query("SELECT COUNT(*) AS n FROM people", epsilon="0.05", fresh=True)
            except BudgetExhausted:
                with self._lock:
                    self.refused += 1
                return
            except ConnectionFailed:
                url = self._urls[-1]
                continue
            with self._lock:
                self.releases.append(release.id)
                self._answered(len(self.releases))


def test_two_services_sell_what_fits_and_the_death_of_one_costs_no_more(postgres_url: str, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("id,age\n" + "".join(f"{n},{n % 90}\n" for n in range(300)))
    (tmp_path / "clinic.yaml").write_text(POLICY)
    ledger = Ledger.open(postgres_url)
    keys = {}
    for name in ("ada", "bob"):
        made = mint(name, Role.ANALYST, ("clinic",))
        Directory(ledger).add_key(made.row)
        keys[name] = made.secret
    with serving(postgres_url, tmp_path) as (one, doomed), serving(postgres_url, tmp_path) as (two, other):
        wait_until_ready(one, doomed)
        wait_until_ready(two, other)
        calm = Crowd([one, two], keys["ada"])
        assert (len(set(calm.releases)), len(calm.releases), calm.refused) == (FITTING, FITTING, CLIENTS)

        wild = Crowd([one, two], keys["bob"], lambda number: doomed.kill() if number == 6 else None)
        assert wild.refused == CLIENTS
        assert doomed.wait(60) == -9
        wait_until_ready(two, other)
    charges = ledger.history("clinic", "bob")
    assert len(charges) == FITTING, "what was cut off stays charged, and no more is sold for it"
    released = {charge.release_id for charge in charges if charge.status == "released"}
    assert set(wild.releases) <= released
    assert len(wild.releases) >= FITTING - CLIENTS // 2, (
        "at most one charge of each client of the dead service was lost"
    )
    assert str(ledger.balance("clinic", None).spent[0]) == "2"
    ledger.close()
    report = verify(postgres_url)
    assert (report.findings, report.charges) == ((), 2 * FITTING)
