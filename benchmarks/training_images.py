"""Accuracy of DP-SGD on MNIST and Fashion-MNIST, one unit an image, δ = 1e-5, on one CPU thread.

    python benchmarks/training_images.py --data mnist --model scatternet --epsilon 3 --seeds 3
    python benchmarks/training_images.py --data mnist --model scatternet --epsilon 0.5 1 3 8 30 --svg curve.svg

The settings below were fixed with ``--validate``: trained on 50,000 images of the training part, scored on its other
10,000. Without it, training uses all 60,000 and the score is the test part's. A seed is a run with fresh noise from the
operating system: nothing here can be repeated to the digit. The scattering maps are kept in ``--cache``.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from _common import finish, shared_data, table
from training_plot import lines

from tacit_service.engine.arrays import read_idx
from tacit_service.privacy.units import Delta, Epsilon
from tacit_service.training import accounting
from tacit_service.training.dpsgd import Built, Trainer, apply, threads
from tacit_service.training.encoding import Rows
from tacit_service.training.layers import network
from tacit_service.training.spec import Architecture, Run

DELTA = "1e-5"
UNITS = 60_000
SHAPE = (1, 28, 28)
CNN = Architecture(type="cnn", shape=SHAPE, channels=(16, 32), hidden=(32,), activation="tanh")
SETTINGS: dict[str, dict[str, Any]] = {
    "scatternet": {"batch": 4096, "epochs": 40, "learning_rate": 5.0, "clipping_norm": 0.1, "average": 0.99},
    "cnn": {"batch": 2048, "epochs": 30, "learning_rate": 4.0, "clipping_norm": 0.1, "average": 0.98},
}
Array = npt.NDArray[Any]


def part(data: Path, name: str) -> tuple[Array, Array]:
    """Images on [0, 1] and labels."""
    x = read_idx(data / f"{name}-images-idx3-ubyte.gz").reshape(-1, 784).astype(np.float32) / np.float32(255)
    return x, read_idx(data / f"{name}-labels-idx1-ubyte.gz").astype(np.int64)


def maps(x: Array, cache: Path) -> Array:
    """Scattering maps of images, as the model of type scatternet reads them; from the cache where they are there."""
    if not cache.exists():
        front = Built(network(Architecture(type="scatternet", shape=SHAPE), SHAPE, 10))
        with torch.no_grad():
            found = [front.features(torch.from_numpy(x[i : i + 256])).numpy() for i in range(0, len(x), 256)]
        np.save(cache, np.concatenate(found))
    loaded: Array = np.load(cache)
    return loaded


def train(model: str, x: Array, y: Array, epsilon: str, changes: dict[str, Any]) -> tuple[Trainer, Run, float]:
    """One run; (trainer, run, σ)."""
    asked = {**SETTINGS[model], **changes}
    rate = asked["batch"] / len(x)
    steps = round(asked["epochs"] / rate)
    sigma = accounting.smallest_sigma(rate, steps, Epsilon.parse(epsilon), Delta.parse(DELTA))
    run = Run(
        architecture=CNN if model == "cnn" else Architecture(type="logistic_regression"), sampling_rate=rate, steps=steps,
        clipping_norm=asked["clipping_norm"], max_rows=1, learning_rate=asked["learning_rate"], optimizer="sgd",
        momentum=0.9, weight_decay=0.0, units=len(x), average=asked["average"],
    )  # fmt: skip
    rows = Rows(x, y, np.arange(len(x) + 1, dtype=np.int64))
    trainer = Trainer(run, sigma, rows, "classification", 10, float(asked["batch"]))
    for _ in range(run.steps):
        trainer.step()
    return trainer, run, sigma


def score(trainer: Trainer, run: Run, x: Array, y: Array) -> float:
    """Per cent right."""
    net = network(run.architecture, run.architecture.shape or (x.shape[1],), 10)
    return float(np.mean(apply(net, trainer.tensors(), x).argmax(axis=1) == y)) * 100


def main() -> None:
    """Print the table and the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", choices=["mnist", "fashion_mnist"], required=True)
    parser.add_argument("--model", choices=sorted(SETTINGS), default="scatternet")
    parser.add_argument("--epsilon", nargs="+", default=["3"])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--validate", action="store_true")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="other settings, to compare")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "tacit-maps")
    parser.add_argument("--svg", type=Path)
    parser.add_argument("--out")
    asked = parser.parse_args()
    folder = shared_data()
    if folder is None:
        raise SystemExit("the shared data sets are not here")
    threads(1)
    changes = {name: float(value) for name, _, value in (item.partition("=") for item in asked.set)}
    (x, y), (test_x, test_y) = part(folder / asked.data, "train"), part(folder / asked.data, "t10k")
    spent = {"maps": time.process_time()}
    if asked.model == "scatternet":
        asked.cache.mkdir(parents=True, exist_ok=True)
        x, test_x = (maps(a, asked.cache / f"{asked.data}-{n}.npy") for n, a in (("train", x), ("test", test_x)))
    spent["maps"] = time.process_time() - spent["maps"]
    if asked.validate:
        order = np.random.default_rng(0).permutation(len(x))
        x, y, test_x, test_y = x[order[:50_000]], y[order[:50_000]], x[order[50_000:]], y[order[50_000:]]
    rows: list[list[str]] = []
    found: dict[str, Any] = {}
    for epsilon in asked.epsilon:
        scores, cpu = [], 0.0
        for _ in range(asked.seeds):
            start = time.process_time()
            trainer, run, sigma = train(asked.model, x, y, epsilon, changes)
            cpu += time.process_time() - start
            scores.append(score(trainer, run, test_x, test_y))
            print(f"{asked.data} {asked.model} ε {epsilon}: {scores[-1]:.2f} %, {cpu:.0f} CPU s so far", flush=True)
        spread = statistics.stdev(scores) if len(scores) > 1 else 0.0
        mean = statistics.mean(scores)
        rows.append([epsilon, f"{mean:.2f}", f"{spread:.2f}", str(len(scores)), f"{sigma:.3g}", str(run.steps),
                     f"{cpu / len(scores):.0f}"])  # fmt: skip
        found[epsilon] = {"scores": scores, "sigma": sigma, "steps": run.steps, "cpu_s": cpu / len(scores)}
    where = "validation part" if asked.validate else "test part"
    print(f"\n{asked.data}, {asked.model}, δ = {DELTA}, {where}")
    print(table(["ε", "accuracy %", "std", "runs", "σ", "steps", "CPU s a run"], rows))
    if asked.svg:
        points = [(float(e), statistics.mean(f["scores"])) for e, f in found.items()]
        asked.svg.write_text(lines({asked.data: points}, "ε", "accuracy %"), encoding="utf-8")
    settings = {**SETTINGS[asked.model], **changes}
    finish({"data": asked.data, "model": asked.model, "settings": settings, "where": where, "maps_cpu_s": spent["maps"],
            "epsilon": found}, asked.out)  # fmt: skip


if __name__ == "__main__":
    main()
