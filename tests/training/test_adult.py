"""Adult at ε = 1: as good as the same model without noise, where the shared data are present."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tacit import wire
from tacit_service.engine.duckdb import DuckDBEngine
from tacit_service.engine.snapshot import build_snapshot
from tacit_service.policy.load import load_policy
from tacit_service.query.catalog import Catalog
from tacit_service.query.rows import protected_rows
from tacit_service.training.dpsgd import Trainer
from tacit_service.training.encoding import Rows, encode, encoding
from tacit_service.training.generator import Stream
from tacit_service.training.plan import plan

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("TACIT_SHARED_DATA", ROOT.parent / "shared" / "data")).resolve()
SQL = """SELECT age, workclass, education_num, marital_status, occupation, relationship, race, sex, hours_per_week,
  LN(1 + capital_gain) AS gain, capital_gain > 5000 AS g5, LN(1 + capital_loss) AS loss, capital_loss > 1800 AS l18,
  age > 27 AS a27, age > 35 AS a35, age > 60 AS a60, hours_per_week > 41 AS h41, income FROM people"""


def adult(part: str, folder: Path) -> tuple[Catalog, Rows]:
    data = SHARED / "adult" / f"adult_{part}.parquet"
    text = (ROOT / "policies/adult.yaml").read_text(encoding="utf-8")
    path = folder / f"{part}.yaml"
    path.write_text(text.replace("../../shared/data/adult/adult_train.parquet", str(data)), encoding="utf-8")
    loaded = load_policy(path)
    snapshot = build_snapshot(loaded, folder)
    catalog = Catalog(loaded.policy, snapshot.public)
    how = encoding(protected_rows(catalog, SQL), "income", "classification", None)
    with DuckDBEngine(snapshot.path) as engine:
        table = engine.run(how.sql, timeout_s=60)
    return catalog, encode(table, how, 1, Stream().words(table.num_rows))


@pytest.mark.skipif(not (SHARED / "adult").is_dir(), reason="the shared data sets are not here")
def test_adult_at_epsilon_one_is_within_a_point_of_no_noise(tmp_path: Path) -> None:
    catalog, train = adult("train", tmp_path)
    _, test = adult("test", tmp_path)
    asked = wire.TrainingRequest(
        dataset="adult", sql=SQL, label="income", model={"type": "logistic_regression"}, epsilon="1", delta="1e-7",
        sampling_rate=0.05, epochs=15, units=32_000,
    )  # fmt: skip
    planned = plan(catalog.policy, catalog, asked)
    found = {}
    for sigma in (planned.sigma, 0.0):
        trainer = Trainer(planned.run, sigma, train, "classification", 1, 0.05 * 32_000)
        for _ in range(planned.run.steps):
            trainer.step()
        weights = trainer.tensors()
        found[sigma] = np.mean((test.x @ weights["0.weight"][0] + weights["0.bias"][0] > 0) == test.y)
    assert found[0.0] > 0.85
    assert found[planned.sigma] > found[0.0] - 0.01  # the mean difference is 0.1 points; single runs vary
