"""The worker: takes jobs off the ledger's queue, and runs each in a process of its own with limits.

``serve`` and ``demo`` run one in a thread; ``tacit-service worker`` is the same in the foreground. Any number of
them may share a ledger: a job is worked on by the one whose claim the store holds.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from tacit import wire
from tacit_service.errors import LedgerUnavailable
from tacit_service.ledger.jobs import Jobs, LostClaim
from tacit_service.ledger.records import Claim
from tacit_service.ledger.store import Ledger
from tacit_service.telemetry import log, places

from .launch import ENVIRONMENT, Launcher, command

if TYPE_CHECKING:
    from tacit_service.ledger.dispatch import Executor

_POLL_S: Final = 0.5
_CLOSE_S: Final = 60.0
_LAST_WORDS_S: Final = 5.0
_SOURCE_ROOTS: Final = tuple(
    str(Path(str(file)).resolve().parents[up]) for file, up in ((__file__, 2), (wire.__file__, 2))
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one job may use. ``lease_s``: after this long without a sign of life another worker takes a job over.

    ``at_once`` jobs of a dataset run in one worker at the same time, ``per_analyst`` of one analyst in all workers.
    """

    time_s_max: float = 3600.0
    memory_bytes_max: int = 8 << 30
    threads: int = 2
    processes: int = 1
    launcher: Launcher = "own"
    device: Literal["auto", "cpu"] = "auto"
    lease_s: float = 10.0
    at_once: int = 1
    per_analyst: int = 1


class Worker:
    """Works on the jobs of the datasets whose policies it has, until it is closed. One a process."""

    def __init__(
        self,
        ledger: Ledger,
        ledger_url: str,
        policies: Mapping[str, Path],
        data_dir: Path,
        limits: Limits | None = None,
    ) -> None:
        self._jobs = Jobs(ledger)
        self._ledger_url = ledger_url
        self._policies = {name: path.resolve() for name, path in policies.items()}
        self._data_dir = data_dir.resolve()
        self._limits = limits or Limits()
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self.run, name="tacit-training-worker", daemon=True)

    def start(self) -> None:
        """Work in a thread."""
        self._thread.start()

    def nudge(self) -> None:
        """There is a job now."""
        self._wake.set()

    def close(self) -> None:
        """Stop; a job in progress is given back, and continues from its checkpoint elsewhere or later."""
        self._closed.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(_CLOSE_S)  # a store that hangs holds nobody up: the thread ends with the process
        self._jobs.close()

    def run(self) -> None:
        """Until ``close``. The queue is opened with the first job: a service that nobody trains with never pays for it."""
        executor: Executor | None = None
        datasets = list(self._policies)
        try:
            while not self._closed.is_set():
                try:
                    if executor is None and self._jobs.any_open(datasets):
                        executor = self._jobs.executor(
                            datasets, self._take, at_once=self._limits.at_once, per_analyst=self._limits.per_analyst
                        )
                    if executor is not None:
                        self._jobs.mend(datasets, self._limits.lease_s)
                except (LedgerUnavailable, LostClaim):
                    log("training_waits", level=logging.WARNING)
                self._wake.wait(_POLL_S if executor is None else max(_POLL_S, self._limits.lease_s / 5))
                self._wake.clear()
        finally:
            if executor is not None:
                executor.close()

    def _take(self, job_id: str, ticket: str) -> None:
        """One job off the queue, in a thread of the queue's. Never raises: ``mend`` finds what is left undone."""
        try:
            if self._closed.is_set():
                self._jobs.decline(job_id, ticket)
            elif (claim := self._jobs.claim(job_id, ticket, self._limits.lease_s)) is not None:
                self._work(claim)
        except (LedgerUnavailable, LostClaim):
            log("training_waits", level=logging.WARNING)
        except Exception as error:
            log("training_fault", level=logging.ERROR, error=type(error).__name__, where=places(error))

    def _work(self, claim: Claim) -> None:
        with tempfile.TemporaryDirectory(prefix="tacit-attempt-", ignore_cleanup_errors=True) as folder:
            self._watch(claim, self._spawn(claim, Path(folder)))

    def _watch(self, claim: Claim, child: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + self._limits.time_s_max
        renewed = time.monotonic()
        while child.poll() is None and not self._closed.is_set() and time.monotonic() < deadline:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(0.2)
            if time.monotonic() - renewed > self._limits.lease_s / 4:  # its own heart beats once torch is imported
                with contextlib.suppress(LedgerUnavailable, LostClaim):  # a process that lost its claim ends itself
                    self._jobs.renew(claim, self._limits.lease_s)
                renewed = time.monotonic()
        finished = child.poll() is not None
        output = _ended(child)
        if finished:
            self._report(output)
            if child.returncode and not output:  # it could not even say what ails it
                log("training_process_ended", level=logging.ERROR, reason=f"status {child.returncode}")
        with contextlib.suppress(LostClaim):  # what has ended holds no claim
            if finished or self._closed.is_set():
                at_once = child.returncode in (0, -signal.SIGKILL)  # whatever else ails it may pass
                self._jobs.give_back(claim, 0.0 if at_once else min(5.0, 0.2 * claim.job.attempts))
            else:
                self._jobs.fail(claim, "out_of_time")

    def _spawn(self, claim: Claim, folder: Path) -> subprocess.Popen[bytes]:
        limits = self._limits
        order = {
            "parent": os.getpid(),
            "policy": str(self._policies[claim.job.dataset]),
            "ledger": self._ledger_url,
            "data_dir": str(self._data_dir),
            "job_id": claim.job.job_id,
            "token": claim.token,
            "lease_s": limits.lease_s,
            "threads": limits.threads,
            "processes": limits.processes,
            "device": limits.device,
            "memory_bytes_max": limits.memory_bytes_max,
        }
        child = subprocess.Popen(
            command(limits.launcher, limits.processes, folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a message could hold values
            start_new_session=True,
            env=_environment() | ENVIRONMENT,
        )
        assert child.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            child.stdin.write(json.dumps(order).encode())
        with contextlib.suppress(BrokenPipeError):
            child.stdin.close()
        child.stdin = None
        return child

    def _report(self, output: bytes) -> None:
        """Log what the process was willing to tell: a class and places in the code."""
        for line in output.splitlines()[-3:]:
            with contextlib.suppress(ValueError, AttributeError):
                told = json.loads(line)
                log("training_fault", level=logging.ERROR, error=str(told.get("error")), where=told.get("where"))


def _ended(child: subprocess.Popen[bytes]) -> bytes:
    """What a job's process said, which is ended if it still runs, with those that it started: they are a group of their own.

    One of them that lived on, with the pipe in its hands, would keep us reading for ever, and the service from closing.
    """
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
    try:
        return child.communicate(timeout=_LAST_WORDS_S)[0]
    except subprocess.TimeoutExpired:
        return b""


def _environment() -> dict[str, str]:
    """What starting Python needs, and nothing of the service's secrets; the ledger's URL goes through the pipe."""
    kept = {
        n: os.environ[n]
        for n in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PATH", "CUDA_VISIBLE_DEVICES")
        if n in os.environ
    }
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(_SOURCE_ROOTS),
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
        "HOME": "/nonexistent",
    }
