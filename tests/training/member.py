"""One process of a team, for ``test_team``: trains what its arguments say, and saves the weights after every step."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tacit_service.training import dpsgd, measure
from tacit_service.training.encoding import Rows
from tacit_service.training.spec import Architecture, Run

KEY = bytes(32)


def run(rate: float) -> Run:
    return Run(
        architecture=Architecture(type="logistic_regression"), sampling_rate=rate, steps=500, clipping_norm=0.5,
        max_rows=1, learning_rate=1.0, optimizer="sgd", momentum=0.0, weight_decay=0.0, units=64,
    )  # fmt: skip


FEATURES = 99


def people(count: int = 64) -> pa.Table:
    rng = np.random.default_rng(4)
    features = [rng.normal(0, 0.2, count) for _ in range(FEATURES)]
    names = ["_u", "y", *(f"f{i}" for i in range(FEATURES))]
    return pa.table([np.arange(count), rng.integers(0, 2, count), *features], names=names)


def rows(table: pa.Table) -> Rows:
    x = np.stack([table.column(i + 2).to_numpy() for i in range(FEATURES)], axis=1).astype(np.float32)
    return Rows(x, table.column(1).to_numpy().copy(), np.arange(table.num_rows + 1))


def flat(trainer: dpsgd.Trainer) -> Any:
    return np.concatenate([tensor.ravel() for tensor in trainer.tensors().values()])


def main(rank: int, folder: Path, runs: list[tuple[float, float, int]]) -> None:
    dpsgd.threads(1)
    found = {}
    mine = rows(measure.share(people(), rank, 2, KEY))
    for i, (rate, sigma, steps) in enumerate(runs):
        team = dpsgd.Team(rank, 2, folder / f"meeting-{i}")
        trainer = dpsgd.Trainer(run(rate), sigma, mine, "classification", 1, 8.0, team=team)
        weights = [flat(trainer)]
        for _ in range(steps):
            trainer.step()
            weights.append(flat(trainer))
        team.leave()
        found[str(i)] = np.array(weights)
    np.savez(folder / f"member-{rank}.npz", **found)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3]))
