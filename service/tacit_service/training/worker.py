"""The worker: claims jobs, one after another, and runs each in a process of its own with limits.

``serve`` and ``demo`` run one in a thread; ``tacit-service worker`` is the same loop in the foreground. Any number of
them may share a ledger: a job is worked on by the one whose claim the store holds.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tacit import wire
from tacit_service.errors import LedgerUnavailable
from tacit_service.ledger.jobs import Jobs, LostClaim
from tacit_service.ledger.records import Claim
from tacit_service.ledger.store import Ledger
from tacit_service.telemetry import log

_POLL_S: Final = 0.5
_SOURCE_ROOTS: Final = tuple(
    str(Path(str(file)).resolve().parents[up]) for file, up in ((__file__, 2), (wire.__file__, 1))
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one job may use. ``lease_s``: after this long without a sign of life another worker takes a job over."""

    time_s_max: float = 3600.0
    memory_bytes_max: int = 8 << 30
    threads: int = 2
    lease_s: float = 10.0


class Worker:
    """Works on the jobs of the datasets whose policies it has, until it is closed."""

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
        """Look for a job now."""
        self._wake.set()

    def close(self) -> None:
        """Stop; a job in progress is given back, and continues from its checkpoint elsewhere or later."""
        self._closed.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def run(self) -> None:
        """The loop. Returns once ``close`` is called."""
        while not self._closed.is_set():
            try:
                claim = self._jobs.claim(list(self._policies), self._limits.lease_s)
                if claim is not None:
                    self._work(claim)
                    continue
            except (LedgerUnavailable, LostClaim):
                log("training_waits", level=logging.WARNING)
            self._wake.wait(_POLL_S)
            self._wake.clear()

    def _work(self, claim: Claim) -> None:
        child = self._spawn(claim)
        deadline = time.monotonic() + self._limits.time_s_max
        while child.poll() is None and not self._closed.is_set() and time.monotonic() < deadline:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(0.2)
        finished = child.poll() is not None
        if not finished:
            child.kill()
        output, _ = child.communicate()
        if finished:
            self._report(output)
        with contextlib.suppress(LostClaim):  # what has ended holds no claim
            if finished or self._closed.is_set():
                self._jobs.give_back(claim)
                if child.returncode not in (0, -signal.SIGKILL):  # whatever ails it may pass
                    self._closed.wait(min(5.0, 0.2 * claim.job.attempts))
            else:
                self._jobs.fail(claim, "out_of_time")

    def _spawn(self, claim: Claim) -> subprocess.Popen[bytes]:
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
            "memory_bytes_max": limits.memory_bytes_max,
        }
        child = subprocess.Popen(
            [sys.executable, "-P", "-s", "-m", "tacit_service.training.job"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a message could hold values
            start_new_session=True,
            env=_environment(),
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


def _environment() -> dict[str, str]:
    """What starting Python needs, and nothing of the service's secrets; the ledger's URL goes through the pipe."""
    kept = {n: os.environ[n] for n in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PATH") if n in os.environ}
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(_SOURCE_ROOTS),
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
        "HOME": "/nonexistent",
    }
