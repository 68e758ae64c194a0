"""One job in a process of its own: rows, steps, checkpoints, release. Started by ``worker``, which hands it a claim.

Killed at any moment, the next attempt continues from the last checkpoint. Steps that were done after it are drawn
again, with new samples and new noise; nobody ever saw the old ones, so the model that is released is the outcome of one
run of the reserved length, and the charge is the same however often the process died.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tacit.wire import AttackFinding
from tacit_service.engine.aggregate import count_units
from tacit_service.engine.duckdb import DuckDBEngine
from tacit_service.engine.niceness import LAST, stand_behind
from tacit_service.engine.process import WorkerFailure, harden
from tacit_service.engine.snapshot import Snapshot, open_snapshot
from tacit_service.errors import EngineFailure, LedgerUnavailable, Refusal
from tacit_service.ledger.jobs import Jobs, LostClaim
from tacit_service.ledger.records import Claim
from tacit_service.ledger.store import Ledger
from tacit_service.policy.load import Loaded, load_policy
from tacit_service.privacy.mechanisms import draw
from tacit_service.query.catalog import Catalog
from tacit_service.telemetry import places

from . import checkpoints, dpsgd, measure
from .audit import AuditFailed
from .card import Outcome, released
from .crew import Crew, help_out
from .curves import Curves
from .encoding import Rows, encode
from .generator import Stream
from .launch import place
from .orders import ROWS_TIMEOUT_S, Checkpoint, Order
from .plan import TrainingPlan, again, net_of, ran, stored
from .reading import Store, read

DONE, FAILED, LOST, AGAIN = 0, 1, 3, 4
_CHUNK_S: Final = 0.5
"""Steps are begun, and checkpointed, in chunks of about this long."""


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
        self.rest()

    def rest(self) -> None:
        """Beat no more: what comes next ends the claim, or finds that it was lost."""
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
    at = place(sys.argv)
    if at is not None and at[0]:
        return _called(*at)
    order = Order.model_validate_json(sys.stdin.buffer.read())
    harden(order.parent if at is None else os.getppid(), may_write_files=True, memory_bytes_max=order.memory_bytes_max)
    dpsgd.threads(order.threads)
    ledger = Ledger.open(order.ledger)
    team: dpsgd.Team | None = None
    try:
        if order.rank:
            help_out(order, ledger)
            return DONE
        team = None if at is None else dpsgd.Team(*at, patient=True)
        return attempt(order, ledger, team)
    except LostClaim:
        return LOST
    except Exception as error:
        print(json.dumps({"error": type(error).__name__, "where": places(error)}), flush=True)
        return AGAIN
    finally:
        ledger.close()
        if team is not None:
            team.leave()


def _called(rank: int, size: int, meeting: Path) -> int:
    """A helper that torchrun started: its order comes from the first process, over the team."""
    harden(os.getppid(), may_write_files=True)
    team = dpsgd.Team(rank, size, meeting, patient=True)
    try:
        order = Order.model_validate_json(team.text())
    except dpsgd.TeamLost:
        return DONE  # the first had nothing to hand out, and its own end says how that came
    harden(os.getppid(), may_write_files=True, memory_bytes_max=order.memory_bytes_max)
    dpsgd.threads(order.threads)
    ledger = Ledger.open(order.ledger)
    try:
        help_out(order, ledger, team)
    except dpsgd.TeamLost:
        return LOST
    finally:
        ledger.close()
    return DONE


def attempt(order: Order, ledger: Ledger, team: dpsgd.Team | None = None) -> int:
    """Work on the job that the order's claim is for; how that ended, as an exit status."""
    jobs = Jobs(ledger)
    claim = jobs.taken(order.job_id, order.token)
    with Heart(jobs, claim, order.lease_s) as heart:
        try:
            return Work(order, ledger, jobs, claim, heart, team).run()
        except (LostClaim, LedgerUnavailable, dpsgd.TeamLost):
            raise
        except EngineFailure as error:
            if isinstance(error.__cause__, WorkerFailure) and error.__cause__.killed:
                raise  # by somebody else, perhaps: the next attempt goes on from the checkpoint
            heart.rest()
            jobs.fail(claim, error.code)
        except AuditFailed:
            heart.rest()
            jobs.fail(claim, "audit_failed")
        except _AttackTooLarge:
            heart.rest()
            jobs.fail(claim, "attack_out_of_memory")
        except Exception as error:
            heart.rest()
            jobs.fail(claim, "internal")
            print(json.dumps({"error": type(error).__name__, "where": places(error)}), flush=True)
    return FAILED


class _Stopped(Exception):
    """The owner asked to stop while the run was attacked."""


class _AttackTooLarge(Exception):
    """An attack that the request asks for took more memory than the job has: the model stands as it was, and is not released."""


class Work:
    """One attempt at one job."""

    def __init__(
        self, order: Order, ledger: Ledger, jobs: Jobs, claim: Claim, heart: Heart, team: dpsgd.Team | None = None
    ) -> None:
        self._order, self._ledger, self._jobs, self._claim, self._heart = order, ledger, jobs, claim, heart
        self._team = team
        self._job = claim.job
        self._checkpoint = Checkpoint(order.data_dir / "training" / claim.job.job_id)
        self._stream, self._store = Stream(), Store(self._checkpoint.folder)
        self._device = dpsgd.choose(order.device, 0, order.memory_bytes_max)
        self._weights: dict[str, npt.NDArray[Any]] | None = None

    def run(self) -> int:
        """Train, unless the policy has changed or the owner has changed their mind."""
        if self._heart.stop_asked.is_set():
            return self._stopped()
        loaded = load_policy(self._order.policy)
        saved = self._checkpoint.load()
        key = saved["key"].tobytes() if saved else os.urandom(32)
        with open_snapshot(loaded, self._order.data_dir) as (snapshot, engine):
            planned = self._plan(loaded, snapshot)
            if planned is None:
                self._heart.rest()
                self._jobs.fail(self._claim, "policy_changed")
                return FAILED
            rows, held, public, batch = self._rows(engine, planned, saved, key)
        curves = Curves(planned, saved)
        with Crew(self._order, key, batch, self._team) as team:
            trainer = self._trainer(planned, rows, batch, loaded, team)
            return self._run(trainer, team, planned, saved, curves, held, public, key, batch)

    def _run(
        self,
        trainer: dpsgd.Trainer,
        team: dpsgd.Team,
        planned: TrainingPlan,
        saved: dict[str, npt.NDArray[Any]],
        curves: Curves,
        held: Rows,
        public: Rows | None,
        key: bytes,
        batch: float,
    ) -> int:
        """The steps, then what is measured, then the release."""
        done = 0
        if saved:
            trainer.restore(saved)
            done = int(saved["done"][0])

        def outputs(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
            return dpsgd.apply(net_of(planned.run, planned.encoding), trainer.tensors(), x, self._device)

        shown = None if public is None else measure.glimpse(public)

        def note(step: int) -> None:
            accuracy = None if shown is None else measure.public(shown, outputs, planned.encoding.task)
            curves.note(step, trainer.tensors(), accuracy)

        keep = {"batch": np.array([batch]), "key": np.frombuffer(key, np.uint8)}
        if not self._train(trainer, team, done, keep, curves, note):
            return self._stopped()
        metrics: dict[str, Any] = {}
        if planned.tally is not None:
            share, task = planned.run.holdout, planned.encoding.task
            metrics["held_out"] = measure.held_out(held, outputs, task, planned.tally, self._claim, share)
        if public is not None:
            metrics["public_accuracy"] = measure.public(public, outputs, planned.encoding.task)
        try:
            found = self._attacks(trainer, planned, batch, public)
        except _Stopped:
            return self._stopped()
        made = Outcome(trainer.tensors(), batch, curves, metrics, found, self._device)
        release = released(self._job, planned, made, self._ledger.head())
        self._heart.rest()
        self._jobs.succeed(self._claim, release)
        self._checkpoint.remove()
        return DONE

    def _attacks(
        self, trainer: dpsgd.Trainer, planned: TrainingPlan, batch: float, public: Rows | None
    ) -> list[AttackFinding]:
        """What the request asks for, on made-up and public rows."""
        if not planned.run.audit:
            return []
        from . import attacks

        def watch() -> None:
            if self._heart.stop_asked.is_set():
                raise _Stopped

        try:
            return attacks.made(
                attacks.Attacked(planned, trainer.tensors(), batch, self._weights, public, watch, self._device)
            )
        except (MemoryError, RuntimeError) as error:  # PyTorch's allocator raises the latter
            if isinstance(error, MemoryError) or "memory" in str(error):
                raise _AttackTooLarge from None
            raise

    def _rows(
        self, engine: DuckDBEngine, planned: TrainingPlan, saved: dict[str, Any], key: bytes
    ) -> tuple[Rows, Rows, Rows | None, float]:
        """Rows to train on, held-out rows, public rows to measure on, and the expected batch."""
        how, most, share = planned.encoding, planned.run.max_rows, planned.run.holdout

        def pick(table: pa.Table) -> tuple[pa.Table, pa.Table]:
            train, held = measure.split(table, share, key) if share else (table, table.slice(0, 0))
            return measure.share(train, 0, self._order.processes, key), held

        batch = float(saved["batch"][0]) if saved else self._batch(engine, planned)
        train, held = read(engine, how, most, self._stream, self._store, pick)
        public = None
        if planned.validation is not None:
            shown = engine.run(planned.validation.sql, timeout_s=ROWS_TIMEOUT_S)
            public = encode(shown, how, shown.num_rows, self._stream.words(shown.num_rows))
        return train, held, public, batch

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
        rate = planned.run.sampling_rate * (1 - planned.run.holdout)
        if planned.count is None:
            return rate * float(planned.run.units or 1)
        exact = count_units(engine, planned.encoding.rows, timeout_s=ROWS_TIMEOUT_S)
        noisy = int(draw(planned.count, exact, "units", self._claim.charged)[0])
        return max(1.0, rate * noisy)

    def _trainer(
        self, planned: TrainingPlan, rows: Rows, batch: float, loaded: Loaded, team: dpsgd.Team
    ) -> dpsgd.Trainer:
        encoding = planned.encoding
        self._weights = checkpoints.tensors(loaded, planned.run.architecture)
        return dpsgd.Trainer(
            planned.run, planned.sigma, rows, encoding.task, encoding.outputs, batch, self._stream, self._weights,
            team, self._store, self._device,
        )  # fmt: skip

    def _train(
        self,
        trainer: dpsgd.Trainer,
        team: dpsgd.Team,
        done: int,
        keep: dict[str, npt.NDArray[Any]],
        curves: Curves,
        note: Callable[[int], None],
    ) -> bool:
        """The steps that are left, chunk by chunk; False when the owner asked to stop."""
        chunk = 1
        while done < self._job.steps:
            if self._heart.stop_asked.is_set():
                team.told(0)
                return False
            until = min(done + min(chunk, curves.every), self._job.steps)
            self._jobs.begin(self._claim, until, done)
            started, begun = time.monotonic(), until - done
            team.told(begun)
            for _ in range(begun):
                trainer.step()
            done = until
            if curves.due(done):
                note(done)
            self._checkpoint.store({**trainer.state(), **keep, **curves.state(), "done": np.array([done])})
            each = (time.monotonic() - started) / begun
            chunk = int(min(max(1, _CHUNK_S / max(each, 1e-9)), 4 * chunk))
        team.told(0)
        return True

    def _stopped(self) -> int:
        self._heart.rest()
        self._jobs.stop(self._claim, ran)
        self._checkpoint.remove()
        return DONE


if __name__ == "__main__":
    stand_behind(LAST)
    sys.exit(main())
