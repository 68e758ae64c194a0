"""What a model gives away, with and without DP-SGD: inversion of faces, membership of examples. One CPU thread.

    python benchmarks/training_attacks.py faces        # ORL: who is who, by inversion (Fredrikson et al. 2015)
    python benchmarks/training_attacks.py membership   # Fashion-MNIST: threshold and likelihood-ratio attacks
    python benchmarks/training_attacks.py membership --model mlp --members 20000 --shadows 8

Faces: softmax regression on images of 56 x 46, one unit a photograph, δ = 1e-5; identified when the inverted image is
nearest, by correlation, to the mean of that person's photographs. Membership: as many members as others; a model which
without noise learns the members by heart, and the same with DP-SGD at ε = 3. Few members are the harder case for privacy:
each is a larger part of the model.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from _common import finish, shared_data, table
from training_images import part

from tacit_service.privacy.units import Delta, Epsilon
from tacit_service.training import accounting, audit
from tacit_service.training.dpsgd import Built, Trainer, apply, invert, threads
from tacit_service.training.encoding import Rows
from tacit_service.training.layers import network
from tacit_service.training.spec import Architecture, Run

DELTA = "1e-5"
FACES_EPSILON = ["0.5", "1", "3", "8", "30", "100"]
Array = npt.NDArray[Any]


def run_of(how: Architecture, units: int, rate: float, steps: int, **changes: Any) -> Run:
    """A run over units of one row."""
    base = {"architecture": how, "sampling_rate": rate, "steps": steps, "clipping_norm": 1.0, "max_rows": 1,
            "learning_rate": 0.5, "optimizer": "sgd", "momentum": 0.9, "weight_decay": 0.0, "units": units}  # fmt: skip
    return Run.model_validate({**base, **changes})


def trained(run: Run, epsilon: str | None, x: Array, y: Array, outputs: int) -> Trainer:
    """A model at ε, or without noise and clipping that matters."""
    sigma = 0.0
    if epsilon is None:
        run = run.model_copy(update={"clipping_norm": 1e4})
    else:
        sigma = accounting.smallest_sigma(run.sampling_rate, run.steps, Epsilon.parse(epsilon), Delta.parse(DELTA))
    rows = Rows(x, y, np.arange(len(x) + 1, dtype=np.int64))
    trainer = Trainer(run, sigma, rows, "classification", outputs, run.sampling_rate * len(x))
    for _ in range(run.steps):
        trainer.step()
    return trainer


def faces(data: Path, seeds: int) -> dict[str, Any]:
    """Identification by inversion over ε."""
    with np.load(data / "orl_faces" / "orl_faces_112x92.npz", allow_pickle=False) as arrays:
        whole, people = arrays["x"], arrays["y"].astype(np.int64)
    small = whole[:, :112, :92].reshape(len(whole), 56, 2, 46, 2).mean(axis=(2, 4))
    x = (small.reshape(len(whole), -1) / 255).astype(np.float32)
    y = np.unique(people, return_inverse=True)[1].astype(np.int64)
    classes = int(y.max()) + 1
    references = np.stack([x[y == c].mean(axis=0) for c in range(classes)])
    how = Architecture(type="logistic_regression")
    found: dict[str, Any] = {}
    for epsilon in [None, *FACES_EPSILON]:
        hits, right = [], []
        for _ in range(seeds):
            rate = {"learning_rate": 0.02} if epsilon is None else {"learning_rate": 0.2}
            trainer = trained(run_of(how, len(x), 0.25, 200, **rate), epsilon, x, y, classes)
            net = network(how, (x.shape[1],), classes)
            images = invert(net, trainer.tensors(), classes, steps=100)
            hits.append(audit.identified(images, references) * 100)
            right.append(float(np.mean(apply(net, trainer.tensors(), x).argmax(axis=1) == y)) * 100)
        found[epsilon or "none"] = {"identified": hits, "accuracy": right}
    rows = [[e, f"{statistics.mean(f['identified']):.1f}", f"{statistics.mean(f['accuracy']):.1f}", str(seeds)]
            for e, f in found.items()]  # fmt: skip
    print(f"ORL faces, {classes} people, chance {100 / classes:.1f} %, one unit a photograph, δ = {DELTA}")
    print(table(["ε", "identified %", "accuracy on the same images %", "runs"], rows))
    return found


MODELS = {  # the network, and learning rates without noise and with it
    "logistic_regression": (Architecture(type="logistic_regression"), 0.02, 0.2),
    "mlp": (Architecture(type="mlp", hidden=(128,)), 0.2, 0.2),
    "scatternet": (
        Architecture(type="logistic_regression"),
        0.02,
        0.5,
    ),  # on features that are computed once for all runs
}


def scattered(x: Array) -> Array:
    """What a ``scatternet`` reads of each image: fixed, so that a linear model on it is the whole of what is trained."""
    model = Built(network(Architecture(type="scatternet", shape=(1, 28, 28)), (1, 28, 28), 10))
    with torch.no_grad():
        return np.concatenate(
            [model.features(torch.from_numpy(part)).numpy() for part in np.array_split(x, len(x) // 250)]
        )


def membership(data: Path, seeds: int, shadows: int, members: int, kind: str) -> dict[str, Any]:
    """Advantage of two attacks against a model and its twin without noise."""
    x, y = part(data / "fashion_mnist", "train")
    order = np.random.default_rng(1).permutation(len(x))[: 2 * members]
    x, y = x[order], y[order]
    how, exact, noisy = MODELS[kind]
    if kind == "scatternet":
        x = scattered(x)
    net = network(how, (x.shape[1],), 10)

    def confidence(trainer: Trainer) -> Array:
        scores = apply(net, trainer.tensors(), x).astype(np.float64)
        own = scores[np.arange(len(y)), y]
        scores[np.arange(len(y)), y] = -np.inf
        top = scores.max(axis=1, keepdims=True)
        rest: Array = own - (top[:, 0] + np.log(np.exp(scores - top).sum(axis=1)))
        return rest

    def model(epsilon: str | None, inside: npt.NDArray[np.bool_]) -> Array:
        rate = {"learning_rate": exact if epsilon is None else noisy}
        return confidence(
            trained(run_of(how, members, min(0.2, 2000 / members), 400, **rate), epsilon, x[inside], y[inside], 10)
        )

    rng = np.random.default_rng(2)
    found: dict[str, Any] = {}
    lines = []
    for epsilon in ("3", None):
        halves = [rng.permutation(2 * members) < members for _ in range(shadows // 2)]
        splits = np.stack([one for half in halves for one in (half, ~half)])  # each example is in half of the shadows
        shadow = np.stack([model(epsilon, inside) for inside in splits])
        for attack in ("threshold", "likelihood ratio"):
            found[f"{epsilon or 'none'} {attack}"] = []
        for _ in range(seeds):
            inside = rng.permutation(2 * members) < members
            target = model(epsilon, inside)
            for attack, scores in (
                ("threshold", target),
                ("likelihood ratio", audit.likelihood_ratios(target, shadow, splits)),
            ):
                one = audit.membership(scores[inside], scores[~inside])
                found[f"{epsilon or 'none'} {attack}"].append([one.advantage, one.low, one.high])
                lines.append([epsilon or "none", attack, f"{one.advantage:+.3f}", f"[{one.low:+.3f}, {one.high:+.3f}]",
                              "yes" if one.nothing else "no"])  # fmt: skip
    print(f"Fashion-MNIST, {kind}, {members} members, {members} others, {shadows} shadow models, δ = {DELTA}")
    print(table(["ε", "attack", "advantage", "95 %", "0 inside"], lines))
    return found


def main() -> None:
    """Print the table and the JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["faces", "membership"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--shadows", type=int, default=16)
    parser.add_argument("--members", type=int, default=600)
    parser.add_argument("--model", choices=sorted(MODELS), default="logistic_regression")
    parser.add_argument("--out")
    asked = parser.parse_args()
    data = shared_data()
    if data is None:
        raise SystemExit("the shared data sets are not here")
    threads(1)
    if asked.what == "faces":
        found = faces(data, asked.seeds)
    else:
        found = membership(data, asked.seeds, asked.shadows, asked.members, asked.model)
    finish({"what": asked.what, "found": found}, asked.out)


if __name__ == "__main__":
    main()
