"""One job in a process of its own: rows, steps, checkpoints, release. Started by ``worker``, which hands it a claim.

Killed at any moment, the next attempt continues from the last checkpoint. Steps that were done after it are drawn
again, with new samples and new noise; nobody ever saw the old ones, so the model that is released is the outcome of one
run of the reserved length, and the charge is the same however often the process died.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict
from safetensors.numpy import load, save

from tacit_service.engine.aggregate import count_units
from tacit_service.engine.duckdb import DuckDBEngine
from tacit_service.engine.process import harden
from tacit_service.engine.snapshot import Snapshot, build_snapshot
from tacit_service.errors import EngineFailure, LedgerUnavailable, Refusal
from tacit_service.ledger.jobs import Jobs, LostClaim
from tacit_service.ledger.records import Claim
from tacit_service.ledger.store import Ledger
from tacit_service.policy.load import Loaded, load_policy
from tacit_service.privacy.mechanisms import draw
from tacit_service.query.catalog import Catalog
from tacit_service.telemetry import places

from . import checkpoints, dpsgd
from .card import released
from .encoding import Rows, encode
from .generator import Stream
from .plan import TrainingPlan, again, ran, stored

DONE, FAILED, LOST, AGAIN = 0, 1, 3, 4
_ROWS_TIMEOUT_S: Final = 600.0
_CHUNK_S: Final = 0.5
"""Steps are begun, and checkpointed, in chunks of about this long."""


class Order(BaseModel):
    """What the worker hands to the process, on its standard input: never on a command line."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parent: int
    policy: Path
    ledger: str
    data_dir: Path
    job_id: str
    token: str
    lease_s: float
    threads: int
    memory_bytes_max: int


class Heart:
    """Renews the lease while the job works, and hears of its owner's wish to stop."""

    def __init__(self, jobs: Jobs, claim: Claim, lease_s: float) -> None:
        self._jobs, self._claim, self._lease_s = jobs, claim, lease_s
        self.stop_asked = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="tacit-job-heart", daemon=True)
        if claim.job.cancel_requested:
            self.stop_asked.set()

    def __enter__(self) -> Heart:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._over.wait(min(1.0, self._lease_s / 5)):
            try:
                if self._jobs.renew(self._claim, self._lease_s):
                    self.stop_asked.set()
            except LostClaim:
                os._exit(LOST)  # another process works on this job: this one must not even finish its step
            except LedgerUnavailable:
                continue  # the lease tells when it is over


def main() -> int:
    """Read the order, do the job, say what went wrong as a class and places, never as a text."""
    order = Order.model_validate_json(sys.stdin.buffer.read())
    harden(order.parent, may_write_files=True, memory_bytes_max=order.memory_bytes_max)
    dpsgd.threads(order.threads)
    ledger = Ledger.open(order.ledger)
    try:
        return _attempt(order, ledger)
    except LostClaim:
        return LOST
    except Exception as error:
        print(json.dumps({"error": type(error).__name__, "where": places(error)}), flush=True)
        return AGAIN
    finally:
        ledger.close()


def _attempt(order: Order, ledger: Ledger) -> int:
    jobs = Jobs(ledger)
    claim = jobs.taken(order.job_id, order.token)
    with Heart(jobs, claim, order.lease_s) as heart:
        try:
            return Work(order, ledger, jobs, claim, heart).run()
        except (LostClaim, LedgerUnavailable):
            raise
        except EngineFailure as error:
            jobs.fail(claim, error.code)
        except Exception as error:
            jobs.fail(claim, "internal")
            print(json.dumps({"error": type(error).__name__, "where": places(error)}), flush=True)
    return FAILED


class Work:
    """One attempt at one job."""

    def __init__(self, order: Order, ledger: Ledger, jobs: Jobs, claim: Claim, heart: Heart) -> None:
        self._order, self._ledger, self._jobs, self._claim, self._heart = order, ledger, jobs, claim, heart
        self._job = claim.job
        self._checkpoint = Checkpoint(order.data_dir / "training" / claim.job.job_id)
        self._stream = Stream()

    def run(self) -> int:
        """Train, unless the policy has changed or the owner has changed their mind."""
        if self._heart.stop_asked.is_set():
            return self._stopped()
        loaded = load_policy(self._order.policy)
        snapshot = build_snapshot(loaded, self._order.data_dir)
        planned = self._plan(loaded, snapshot)
        if planned is None:
            self._jobs.fail(self._claim, "policy_changed")
            return FAILED
        saved = self._checkpoint.load()
        with DuckDBEngine(snapshot.path) as engine:
            batch = float(saved["batch"][0]) if saved else self._batch(engine, planned)
            table = engine.run(planned.encoding.sql, timeout_s=_ROWS_TIMEOUT_S)
        rows = encode(table, planned.encoding, planned.run.max_rows, self._stream.words(table.num_rows))
        del table
        trainer = self._trainer(planned, rows, batch, loaded)
        done = 0
        if saved:
            trainer.restore(saved)
            done = int(saved["done"][0])
        if not self._train(trainer, done, batch):
            return self._stopped()
        tensors = trainer.tensors()
        release = released(self._job, planned, save(tensors), tensors, batch, self._ledger.head())
        self._jobs.succeed(self._claim, release)
        self._checkpoint.remove()
        return DONE

    def _plan(self, loaded: Loaded, snapshot: Snapshot) -> TrainingPlan | None:
        """The plan anew; None when it is not the one that was paid for."""
        try:
            planned = again(loaded.policy, Catalog(loaded.policy, snapshot.public), stored(self._job))
        except Refusal:
            return None
        covered = planned is not None and all(self._claim.charged.covers(event) for event in planned.events)
        return planned if covered else None

    def _batch(self, engine: DuckDBEngine, planned: TrainingPlan) -> float:
        """The expected batch, from the given number of units or a noisy count under the job's own charge."""
        rate = planned.run.sampling_rate
        if planned.count is None:
            return rate * float(planned.run.units or 1)
        exact = count_units(engine, planned.encoding.rows, timeout_s=_ROWS_TIMEOUT_S)
        noisy = int(draw(planned.count, exact, "units", self._claim.charged)[0])
        return max(1.0, rate * noisy)

    def _trainer(self, planned: TrainingPlan, rows: Rows, batch: float, loaded: Loaded) -> dpsgd.Trainer:
        encoding = planned.encoding
        weights = checkpoints.tensors(loaded, planned.run.architecture)
        return dpsgd.Trainer(
            planned.run, planned.sigma, rows, encoding.task, encoding.outputs, batch, self._stream, weights
        )

    def _train(self, trainer: dpsgd.Trainer, done: int, batch: float) -> bool:
        """The steps that are left, chunk by chunk; False when the owner asked to stop."""
        chunk = 1
        while done < self._job.steps:
            if self._heart.stop_asked.is_set():
                return False
            until = min(done + chunk, self._job.steps)
            self._jobs.begin(self._claim, until, done)
            started = time.monotonic()
            for _ in range(until - done):
                trainer.step()
            done = until
            self._checkpoint.store({**trainer.state(), "done": np.array([done]), "batch": np.array([batch])})
            each = (time.monotonic() - started) / chunk
            chunk = int(min(max(1, _CHUNK_S / max(each, 1e-9)), 4 * chunk))
        return True

    def _stopped(self) -> int:
        self._jobs.stop(self._claim, ran)
        self._checkpoint.remove()
        return DONE


class Checkpoint:
    """The last state of a run, replaced as a whole: tensors in safetensors, readable by its owner alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "state.safetensors"

    def load(self) -> dict[str, npt.NDArray[Any]]:
        """The state, or nothing."""
        return load(self._file.read_bytes()) if self._file.is_file() else {}

    def store(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """Write beside, sync, rename: a process killed meanwhile leaves the state before."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = self._folder / "state.part"
        with part.open("wb") as file:
            file.write(save(state))
            file.flush()
            os.fsync(file.fileno())
        part.replace(self._file)

    def remove(self) -> None:
        """The job has ended."""
        for file in (self._file, self._folder / "state.part"):
            file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._folder.rmdir()


if __name__ == "__main__":
    sys.exit(main())
