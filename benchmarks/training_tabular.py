"""Adult at ε = 1 beside the same model without noise; and what a unit of many rows costs, on Online Retail.

    python benchmarks/training_tabular.py adult --seeds 3            # --validate: scored on a fifth of the training part
    python benchmarks/training_tabular.py retail

Adult: logistic regression, categories from the example policy, δ = 1e-7, settings fixed with ``--validate``.
Retail: a customer with all their lines is one unit; the label is whether they buy more than 10 pieces a line on average. The last
column but one is what the same σ costs where lines are sampled and clipped, one gradient each, in place of customers
(a mixture of Gaussians, by dp_accounting).
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from _common import ROOT, finish, shared_data, table

from tacit import wire
from tacit_service.engine.duckdb import DuckDBEngine
from tacit_service.engine.snapshot import build_snapshot
from tacit_service.policy.load import load_policy
from tacit_service.privacy.curves import price
from tacit_service.query.catalog import Catalog
from tacit_service.query.rows import protected_rows
from tacit_service.training.dpsgd import Trainer, apply, threads
from tacit_service.training.encoding import Encoding, Rows, encode, encoding
from tacit_service.training.generator import Stream
from tacit_service.training.plan import net_of, plan

ADULT = """SELECT age, workclass, education_num, marital_status, occupation, relationship, race, sex, hours_per_week,
  LN(1 + capital_gain) AS gain, capital_gain > 5000 AS g5, LN(1 + capital_loss) AS loss, capital_loss > 1800 AS l18,
  age > 27 AS a27, age > 35 AS a35, age > 60 AS a60, hours_per_week > 41 AS h41, income FROM people"""
RETAIL = """SELECT LEAST(GREATEST(quantity, 0), 200) AS pieces, LEAST(price, 20) AS each, quantity < 0 AS back,
  country = 'United Kingdom' AS home, AVG(quantity) OVER (PARTITION BY customer_id) > 10 AS wholesale FROM sales"""
Array = npt.NDArray[Any]


class Real:
    """One example policy over the real data, encoded."""

    def __init__(self, policy: str, changes: dict[str, str], sql: str, label: str, most: int, folder: Path) -> None:
        text = (ROOT / "policies" / f"{policy}.yaml").read_text(encoding="utf-8")
        for old, new in changes.items():
            text = text.replace(old, new)
        path = folder / f"{policy}-{len(list(folder.iterdir()))}.yaml"
        path.write_text(text, encoding="utf-8")
        loaded = load_policy(path)
        snapshot = build_snapshot(loaded, folder)
        self.policy, self.catalog = loaded.policy, Catalog(loaded.policy, snapshot.public)
        self.how: Encoding = encoding(protected_rows(self.catalog, sql), label, "classification", None)
        with DuckDBEngine(snapshot.path) as engine:
            rows = engine.run(self.how.sql, timeout_s=300)
        self.rows: Rows = encode(rows, self.how, most, Stream().words(rows.num_rows))


def units(rows: Rows, chosen: Array) -> Rows:
    """The rows of some units."""
    counts = np.diff(rows.first)[chosen]
    index = np.concatenate([np.arange(rows.first[u], rows.first[u + 1]) for u in chosen])
    return Rows(rows.x[index], rows.y[index], np.r_[0, np.cumsum(counts)].astype(np.int64))


def fit(real: Real, asked: wire.TrainingRequest, train: Rows, sigma: float | None) -> tuple[Any, Trainer]:
    """The run of a request over rows; σ as planned, or another."""
    planned = plan(real.policy, real.catalog, asked)
    trainer = Trainer(planned.run, planned.sigma if sigma is None else sigma, train, "classification", real.how.outputs,
                      planned.run.sampling_rate * train.units)  # fmt: skip
    for _ in range(planned.run.steps):
        trainer.step()
    return planned, trainer


def adult(data: Path, folder: Path, seeds: int, *, validate: bool) -> dict[str, Any]:
    """Accuracy with and without noise, in pairs."""
    given = "../../shared/data/adult/adult_train.parquet"
    train = Real("adult", {given: str(data / "adult" / "adult_train.parquet")}, ADULT, "income", 1, folder)
    rows = train.rows
    if validate:
        order = np.random.default_rng(0).permutation(rows.units)
        rows, test = units(rows, order[: -rows.units // 5]), units(rows, order[-rows.units // 5 :])
    else:
        test = Real("adult", {given: str(data / "adult" / "adult_test.parquet")}, ADULT, "income", 1, folder).rows
    asked = wire.TrainingRequest(
        dataset="adult", sql=ADULT, label="income", model={"type": "logistic_regression"}, epsilon="1", delta="1e-7",
        sampling_rate=0.05, epochs=20, units=rows.units, learning_rate=1.0, average=0.99,
    )  # fmt: skip
    found: dict[str, list[float]] = {"epsilon 1": [], "no noise": []}
    for _ in range(seeds):
        for name, sigma in (("epsilon 1", None), ("no noise", 0.0)):
            planned, trainer = fit(train, asked, rows, sigma)
            scores = apply(net_of(planned.run, train.how), trainer.tensors(), test.x)[:, 0]
            found[name].append(float(np.mean((scores > 0) == test.y)) * 100)
    lines = [
        [name, f"{statistics.mean(s):.2f}", f"{min(s):.2f} to {max(s):.2f}", str(len(s))] for name, s in found.items()
    ]
    print(f"Adult, logistic regression, δ = 1e-7, {'validation part' if validate else 'test part'}")
    print(table(["", "accuracy %", "range", "runs"], lines))
    return dict(found)


def by_lines(q: float, sigma: float, steps: int, delta: float, lines: int) -> float:
    """ε at δ when each of a unit's lines is sampled by itself with rate q and has a clipped gradient of its own."""
    import dp_accounting
    from dp_accounting.dp_event import MixtureOfGaussiansDpEvent
    from dp_accounting.pld import PLDAccountant
    from scipy import stats

    counts = np.arange(int(stats.binom.isf(1e-12, lines, q)) + 2)
    chances = stats.binom.pmf(counts, lines, q)
    chances[-1] += 1 - chances.sum()
    step = MixtureOfGaussiansDpEvent(sigma, [float(c) for c in counts], [float(c) for c in chances])
    accountant = PLDAccountant(
        dp_accounting.NeighboringRelation.ADD_OR_REMOVE_ONE, value_discretization_interval=2e-4 * lines
    )
    accountant.compose(dp_accounting.SelfComposedDpEvent(step, steps))
    return float(accountant.get_epsilon(delta))


def retail(data: Path, folder: Path) -> dict[str, Any]:
    """The price of a run, whatever the number of a customer's lines; and how well it says who is large."""
    file = "online_retail_II_2009_2010.parquet"
    changes = {f"../../shared/data/online_retail/{file}": str(data / "online_retail" / file)}
    real = Real("online_retail", changes, RETAIL, "wholesale", 1500, folder)
    order = np.random.default_rng(0).permutation(real.rows.units)
    test = units(real.rows, order[-800:])
    body: dict[str, Any] = {
        "dataset": "online_retail", "sql": RETAIL, "label": "wholesale", "model": {"type": "logistic_regression"},
        "noise_multiplier": 4, "delta": "1e-7", "sampling_rate": 0.05, "epochs": 15, "units": 3500,
        "learning_rate": 1.0, "average": 0.99,
    }  # fmt: skip
    found, lines = {}, []
    for most in (1, 8, 40):
        asked = wire.TrainingRequest.model_validate({**body, "max_rows": most})
        some = units(real.rows, order[:-800])
        kept = np.concatenate(
            [np.arange(a, min(b, a + most)) for a, b in zip(some.first, some.first[1:], strict=False)]
        )
        counts = np.minimum(np.diff(some.first), most)
        train = Rows(some.x[kept], some.y[kept], np.r_[0, np.cumsum(counts)].astype(np.int64))
        planned, trainer = fit(real, asked, train, None)
        scores = apply(net_of(planned.run, real.how), trainer.tensors(), test.x)[:, 0]
        mean = np.add.reduceat(scores, test.first[:-1]) / np.diff(test.first)
        right = float(np.mean((mean > 0) == test.y[test.first[:-1]])) * 100
        sgd = planned.sgd
        rowwise = by_lines(sgd.q, sgd.sigma, sgd.steps, sgd.delta, most)
        found[most] = {"epsilon": str(price(planned.events).epsilon), "as_rows": rowwise, "accuracy": right}
        lines.append([str(most), f"{float(price(planned.events).epsilon):.3f}", f"{rowwise:.1f}", f"{right:.1f}"])
    base = float(np.mean(test.y[test.first[:-1]])) * 100
    print(f"Online Retail, a customer is one unit; {max(base, 100 - base):.1f} % of customers are of the larger class")
    print(
        table(["lines of a customer, at most", "ε here", "ε of one gradient a line", "accuracy on 800 others %"], lines)
    )
    return {str(k): v for k, v in found.items()}


def main() -> None:
    """Print the table and the JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["adult", "retail"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--validate", action="store_true")
    parser.add_argument("--out")
    asked = parser.parse_args()
    data = shared_data()
    if data is None:
        raise SystemExit("the shared data sets are not here")
    threads(1)
    with tempfile.TemporaryDirectory() as folder:
        if asked.what == "adult":
            found = adult(data, Path(folder), asked.seeds, validate=asked.validate)
        else:
            found = retail(data, Path(folder))
    finish({"what": asked.what, "found": found}, asked.out)


if __name__ == "__main__":
    main()
