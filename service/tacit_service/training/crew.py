"""Processes that help with one job: the first starts them, hands each its order, and all take the steps together."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa

from tacit_service.engine.snapshot import open_snapshot
from tacit_service.ledger.jobs import Jobs
from tacit_service.ledger.store import Ledger
from tacit_service.policy.load import load_policy
from tacit_service.query.catalog import Catalog

from . import checkpoints, dpsgd, measure
from .generator import Stream
from .orders import Checkpoint, Order
from .plan import again, stored
from .reading import Store, read


class Crew:
    """The helpers of one attempt, and the first process's own place among them. A context manager.

    ``team``: those whom torchrun has started already; they only want their order.
    """

    def __init__(self, order: Order, key: bytes, batch: float, team: dpsgd.Team | None = None) -> None:
        self._folder = Checkpoint(order.data_dir / "training" / order.job_id).folder
        self._meeting = self._folder / f"meeting-{secrets.token_hex(8)}"
        self._helpers: list[subprocess.Popen[bytes]] = []
        more = {"parent": os.getpid(), "key": key.hex(), "batch": batch, "meeting": str(self._meeting)}
        if team is not None:
            self.team = team
            team.text(json.dumps({**order.model_dump(mode="json"), **more, "rank": 1}).encode())
            return
        for rank in range(1, order.processes):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._helpers.append(_start({**order.model_dump(mode="json"), **more, "rank": rank}))
        self.team = dpsgd.Team(0, order.processes, self._meeting)

    def __enter__(self) -> dpsgd.Team:
        return self.team

    def __exit__(self, *_: object) -> None:
        for helper in self._helpers:
            with contextlib.suppress(subprocess.TimeoutExpired):
                helper.wait(5)
            helper.kill()
            helper.wait()
        self.team.leave()
        self._meeting.unlink(missing_ok=True)


def _start(order: dict[str, Any]) -> subprocess.Popen[bytes]:
    helper = subprocess.Popen(
        [sys.executable, "-P", "-s", "-m", "tacit_service.training.job"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert helper.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        helper.stdin.write(json.dumps(order).encode())
    with contextlib.suppress(BrokenPipeError):
        helper.stdin.close()
    helper.stdin = None
    return helper


def help_out(order: Order, ledger: Ledger, team: dpsgd.Team | None = None) -> None:
    """A helper's part: its own units' gradients in every step that the first process calls."""
    rank = order.rank if team is None else team.rank
    job = Jobs(ledger).find(order.job_id)
    if job is None:
        raise LookupError("no such job")
    loaded = load_policy(order.policy)
    stream, key = Stream(), bytes.fromhex(order.key)

    store = Store(Checkpoint(order.data_dir / "training" / order.job_id).folder)
    with open_snapshot(loaded, order.data_dir) as (snapshot, engine):
        planned = again(loaded.policy, Catalog(loaded.policy, snapshot.public), stored(job))
        if planned is None:
            raise LookupError("another plan")
        holdout = planned.run.holdout

        def pick(table: pa.Table) -> tuple[pa.Table]:
            train = measure.split(table, holdout, key)[0] if holdout else table
            return (measure.share(train, rank, order.processes, key),)

        (rows,) = read(engine, planned.encoding, planned.run.max_rows, stream, store, pick)
    team = team or dpsgd.Team(order.rank, order.processes, Path(str(order.meeting)))
    trainer = dpsgd.Trainer(
        planned.run, planned.sigma, rows, planned.encoding.task, planned.encoding.outputs, order.batch, stream,
        checkpoints.tensors(loaded, planned.run.architecture), team, store,
        dpsgd.choose(order.device, rank, order.memory_bytes_max),
    )  # fmt: skip
    saved = Checkpoint(order.data_dir / "training" / order.job_id).load()
    if saved:
        trainer.restore(saved)
    while steps := team.told():
        for _ in range(steps):
            trainer.step()
    team.leave()
