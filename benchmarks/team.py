"""Steps a second of one job by one process and by two, in turns: what a second core is worth to a run.

    python benchmarks/team.py --rounds 5

A convolutional network of 26,010 parameters on made-up 28 × 28 images, 512 units a step. Every process computes with
one thread. On fewer idle cores than processes the ratio says nothing.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from tacit_service.training import dpsgd
from tacit_service.training.encoding import Rows
from tacit_service.training.spec import Architecture, Run

UNITS, BATCH = 8_192, 512


def member(rank: int, size: int, meeting: Path, steps: int, out: Any) -> None:
    dpsgd.threads(1)
    rng = np.random.default_rng(rank)
    units = UNITS // size
    data = Rows(rng.random((units, 784), dtype=np.float32), rng.integers(0, 10, units), np.arange(units + 1))
    how = Run(
        architecture=Architecture(type="cnn", shape=(1, 28, 28), channels=(16, 32), hidden=(32,)),
        sampling_rate=BATCH / UNITS, steps=steps, clipping_norm=1.0, max_rows=1, learning_rate=0.1, optimizer="sgd",
        momentum=0.9, weight_decay=0.0, units=UNITS,
    )  # fmt: skip
    team = dpsgd.Team(rank, size, meeting)
    trainer = dpsgd.Trainer(how, 1.0, data, "classification", 10, BATCH, team=team)
    trainer.step()
    start, cpu = time.perf_counter(), time.process_time()
    for _ in range(steps):
        trainer.step()
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    team.leave()
    out.put((rank, steps / wall, cpu / steps))


def measured(size: int, steps: int, folder: Path) -> tuple[float, float]:
    """Steps a second, and CPU seconds of all processes a step."""
    fork = multiprocessing.get_context("spawn")
    out = fork.Queue()
    meeting = folder / f"meeting-{time.monotonic_ns()}"
    members = [fork.Process(target=member, args=(rank, size, meeting, steps, out)) for rank in range(size)]
    for one in members:
        one.start()
    found = [out.get() for _ in members]
    for one in members:
        one.join()
    return min(rate for _, rate, _ in found), sum(cpu for _, _, cpu in found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=20)
    arguments = parser.parse_args()
    ratios, costs = [], []
    with tempfile.TemporaryDirectory(prefix="tacit-team-") as folder:
        for _ in range(arguments.rounds):
            one, two = (measured(size, arguments.steps, Path(folder)) for size in (1, 2))
            ratios.append(two[0] / one[0])
            costs.append(two[1] / one[1])
            print(
                f"one process {one[0]:.2f} steps/s, two {two[0]:.2f}: ×{ratios[-1]:.2f}; CPU ×{costs[-1]:.2f}",
                flush=True,
            )
    load = os.getloadavg()[0]
    print(
        f"median ×{statistics.median(ratios):.2f}, CPU a step ×{statistics.median(costs):.2f}; load average {load:.1f}"
    )


if __name__ == "__main__":
    main()
