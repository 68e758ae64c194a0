"""Samples per CPU second of one DP-SGD step, side by side in one run: ours, Opacus' default, and no privacy at all.

    python benchmarks/training_speed.py --rounds 9

The 26,010-parameter network on 28 x 28 images, expected batch 512, one thread. Each round takes one step of each, in turn, so
that a busy moment hits all alike; medians of CPU time. Ours: sampling, per-unit gradients, clipping, 64-bit sums, noise from
the cryptographic generator, optimizer. Opacus: its hooks, its optimizer, its own noise, the same batch given to it.
``--vmap`` adds our step with its gradients by ``vmap(grad)`` of torch.func, as it is and compiled (half a minute).
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from _common import finish, table
from torch.func import functional_call, grad, vmap
from torch.nn import functional

from tacit_service.training.dpsgd import Built, Trainer, threads
from tacit_service.training.dpsgd.gradients import factors
from tacit_service.training.encoding import Rows
from tacit_service.training.layers import network
from tacit_service.training.spec import Architecture, Run

UNITS, BATCH = 4096, 512
CNN = Architecture(type="cnn", shape=(1, 28, 28), channels=(16, 32), hidden=(32,), activation="tanh")


def ours(x: Any, y: Any) -> tuple[Trainer, Callable[[], None]]:
    """One step of the trainer."""
    run = Run(
        architecture=CNN, sampling_rate=BATCH / UNITS, steps=10, clipping_norm=1.0, max_rows=1, learning_rate=0.1,
        optimizer="sgd", momentum=0.9, weight_decay=0.0, units=UNITS,
    )  # fmt: skip
    trainer = Trainer(run, 1.0, Rows(x, y, np.arange(UNITS + 1)), "classification", 10, float(BATCH))
    return trainer, trainer.step


def by_vmap(x: Any, y: Any, *, compiled: bool) -> Callable[[], None]:
    """The same step, with per-unit gradients by torch.func."""
    trainer, step = ours(x, y)
    body = trainer.model.body

    def loss(parameters: Any, row: Any, label: Any) -> Any:
        return functional.cross_entropy(functional_call(body, parameters, (row[None],)), label[None])

    def flat(parameters: Any, rows: Any, labels: Any) -> Any:
        found = vmap(grad(loss), in_dims=(None, 0, 0))(parameters, rows, labels)
        return torch.cat([found[name].flatten(1) for name in parameters], dim=1)

    gradients = torch.compile(flat, dynamic=False) if compiled else flat
    block = 128

    def sums(units: Any, norm: float) -> tuple[Any, int]:
        parameters = {name: p.detach() for name, p in body.named_parameters()}
        total = torch.zeros(26_010, dtype=torch.float64)
        for start in range(0, len(units), block):
            at = torch.from_numpy(np.resize(units[start : start + block], block))  # one shape for the compiler
            wide = gradients(parameters, trainer._x[at], trainer._y[at]).double()
            scale = factors(torch.linalg.vector_norm(wide, dim=1), norm)
            scale[len(units) - start :] = 0.0
            total += scale @ wide
        return total, 0

    trainer._sums = sums
    return step


def plain(x: Any, y: Any) -> Callable[[], None]:
    """One step without privacy."""
    model = Built(network(CNN, CNN.shape, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    data, labels = torch.from_numpy(x), torch.from_numpy(y)

    def step() -> None:
        at = torch.from_numpy(np.random.default_rng().permutation(UNITS)[:BATCH])
        optimizer.zero_grad()
        functional.cross_entropy(model(data[at]), labels[at]).backward()
        optimizer.step()

    return step


def opacus(x: Any, y: Any) -> Callable[[], None]:
    """One step of Opacus' default: hooks that keep per-sample gradients."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from opacus import GradSampleModule
        from opacus.optimizers import DPOptimizer

        model: Any = GradSampleModule(Built(network(CNN, CNN.shape, 10)).body)
        inner = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        optimizer = DPOptimizer(inner, noise_multiplier=1.0, max_grad_norm=1.0, expected_batch_size=BATCH)
    data, labels = torch.from_numpy(x).reshape(-1, 1, 28, 28), torch.from_numpy(y)

    def step() -> None:
        at = torch.from_numpy(np.flatnonzero(np.random.default_rng().random(UNITS) < BATCH / UNITS))
        optimizer.zero_grad()
        functional.cross_entropy(model(data[at]), labels[at]).backward()
        optimizer.step()

    return step


def main() -> None:
    """Print the table and the JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--vmap", action="store_true")
    parser.add_argument("--out")
    asked = parser.parse_args()
    threads(1)
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(0)
    x, y = rng.random((UNITS, 784), dtype=np.float32), rng.integers(0, 10, UNITS)
    works = {
        "no privacy": plain(x, y), "Opacus, hooks": opacus(x, y), "tacit": ours(x, y)[1],
    }  # fmt: skip
    if asked.vmap:
        works |= {f"torch.func{', compiled' * c}": by_vmap(x, y, compiled=c) for c in (False, True)}
    for work in works.values():
        work()
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(asked.rounds):
        for name, work in works.items():
            start = time.process_time()
            work()
            taken[name].append(time.process_time() - start)
    rate = {name: BATCH / statistics.median(times) for name, times in taken.items()}
    rows = [
        [name, f"{r:,.0f}", f"{r / rate['Opacus, hooks']:.2f}", f"{r / rate['no privacy']:.2f}"]
        for name, r in rate.items()
    ]
    print(table(["step", "samples per CPU s", "against Opacus", "against no privacy"], rows))
    finish({"batch": BATCH, "rounds": asked.rounds, "samples_per_cpu_s": rate}, asked.out)


if __name__ == "__main__":
    main()
