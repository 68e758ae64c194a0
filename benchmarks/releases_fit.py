"""How many releases fit (ε, δ) = (3, 1e-6): the table of the privacy page, asked for one by one.

    python benchmarks/releases_fit.py

Pure releases at ε = 0.1 are bought over HTTP from a demo that this script serves, each with new noise, until one is refused. No
one can ask over HTTP for a Gaussian of a given ρ, nor for a run of a given q, σ and T, so these are charged to a ledger of the same
limits, in a file, by the same call as the service makes. Exit status 1 when a count is not the table's.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

from _common import finish, table

import tacit
from tacit.errors import BudgetExhausted
from tacit_service import errors
from tacit_service.ledger.records import ChargeRequest, StoredRelease
from tacit_service.ledger.store import Ledger
from tacit_service.ledger.verify import verify
from tacit_service.privacy.events import DpSgdEvent, Event, GaussianEvent, LaplaceEvent
from tacit_service.privacy.lanes import Limits
from tacit_service.privacy.units import Delta, Epsilon

EXPECTED = {"pure, ε = 0.1": 37, "Gaussian, ρ = .005": 34, "DP-SGD (q = .01, σ = 1, T = 1000), then pure": 13}
BY = ("patient_id", "benchmark")
BELOW = math.nextafter(0.1, 0)
PURE = LaplaceEvent(*BY, 1 / BELOW * (1 + 1e-15), 1, BELOW)
GAUSSIAN = GaussianEvent(*BY, 10.0, 1.0, 0.005000000000000001, 0.5, 5e-8)
TRAINING = DpSgdEvent(*BY, 0.01, 1.0, 1000, 2.5, 2e-7)


def over_http(folder: Path) -> int:
    """Fresh counts at ε = 0.1 that a running service sells before it refuses one; its ledger must then verify."""
    serve = [str(Path(sys.executable).with_name("tacit-service")), "demo", "--serve", "--json", "--port", "0"]
    options = ["--rows", "5000", "--epsilon", "3", "--delta", "1e-6", "--data-dir", str(folder)]
    sold = 0
    with subprocess.Popen([*serve, *options], cwd=folder, stdout=subprocess.PIPE, text=True) as service:
        try:
            assert service.stdout is not None
            started = json.loads(service.stdout.readline())
            with tacit.Client(started["url"], started["keys"]["analyst"], dataset=started["dataset"]) as client:
                while True:
                    client.query("SELECT COUNT(*) AS n FROM patients", epsilon="0.1", fresh=True)
                    sold += 1
        except BudgetExhausted:
            return sold
        finally:
            service.terminate()


def in_store(url: str, first: tuple[Event, ...], then: Event) -> int:
    """Charges of ``then`` that a new ledger admits after ``first``, each followed by its release."""
    ledger = Ledger.open(url)
    limits = Limits.create(Epsilon.parse("3"), Delta.parse("1e-6"))
    ledger.ensure_dataset("bench", limits, "policy")
    ledger.ensure_analyst("bench", "ada", limits)
    admitted = -len(first)
    try:
        while True:
            event = first[0] if admitted < 0 else then
            request = ChargeRequest("bench", "ada", (event,), "body", None, "a release")
            charge_id = ledger.reserve(request).charge_id
            release = StoredRelease(f"rel_{charge_id}", "bench", "ada", charge_id, b"{}", "2026-01-01T00:00:00Z")
            ledger.record(charge_id, release)
            admitted += 1
    except errors.BudgetExhausted:
        return admitted
    finally:
        ledger.close()
        if not verify(url).ok:
            raise SystemExit("the ledger does not verify")


def main() -> int:
    """Count the three, and print them beside the table's."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out")
    choices = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        got = [
            over_http(folder),
            in_store(f"sqlite:///{folder / 'gaussian.db'}", (), GAUSSIAN),
            in_store(f"sqlite:///{folder / 'training.db'}", (TRAINING,), PURE),
        ]
    where = ("HTTP", "ledger", "ledger")
    rows = [(what, place, str(n), str(g)) for (what, n), place, g in zip(EXPECTED.items(), where, got, strict=True)]
    print(table(("releases", "asked of", "expected", "got"), rows))
    finish({"benchmark": "releases_fit", "got": dict(zip(EXPECTED, got, strict=True))}, choices.out)
    return 0 if got == list(EXPECTED.values()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
