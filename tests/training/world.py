"""A small made-up survey whose label depends on its features, and everything that a training job needs around it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tacit import wire
from tacit_service.ledger.store import Ledger
from tacit_service.policy.load import Loaded
from tacit_service.query.catalog import Catalog
from tacit_service.training.desk import TrainingDesk
from tacit_service.training.worker import Limits as JobLimits
from tacit_service.training.worker import Worker

POLICY = """
version: 1
dataset: survey
privacy_unit: {name: person, column: people.person_id}
tables:
  people:
    source: people.parquet
    unit: person_id
    one_row_per_unit: true
    columns:
      person_id: {type: integer}
      age: {type: integer, bounds: [18, 90], nullable: false}
      score: {type: number, bounds: [0, 10], precision: 0.01}
      city: {type: string, categories: [north, south, west]}
      note: {type: string}
      weight: {type: number}
      smokes: {type: boolean, nullable: false}
      grade: {type: integer, bounds: [1, 3], nullable: false}
  trips:
    source: trips.parquet
    unit: person_id
    columns:
      person_id: {type: integer}
      length: {type: number, bounds: [0, 100], precision: 0.1, nullable: false}
      far: {type: boolean, nullable: false}
  panel:
    source: panel.parquet
    public: true
    columns:
      age: {type: integer, nullable: false}
      score: {type: number, precision: 0.01, nullable: false}
      city: {type: string, nullable: false}
      smokes: {type: boolean, nullable: false}
budget: {epsilon: 20, delta: 1e-4}
analysts:
  ada: {epsilon: 10, delta: 1e-5}
  ben: {epsilon: 10, delta: 1e-5}
"""

PEOPLE = 2_000
PANEL = 400


def made_up(folder: Path, people: int = PEOPLE) -> Path:
    """Write the tables and the policy; the policy's path."""
    rng = np.random.default_rng(7)
    ids = np.arange(people)
    age, score = rng.integers(18, 91, people), rng.uniform(0, 10, people).round(2)
    smokes = (age - 54) / 20 + (score - 5) / 2 + rng.normal(0, 0.3, people) > 0
    table = {
        "person_id": ids,
        "age": age,
        "score": score,
        "city": rng.choice(["north", "south", "west"], people),
        "note": ["x"] * people,
        "weight": rng.normal(70, 10, people),
        "smokes": smokes,
        "grade": np.clip(np.round(score / 5) + 1, 1, 3).astype(int),
    }
    pq.write_table(pa.table(table), folder / "people.parquet")
    owner = np.repeat(ids, rng.integers(1, 9, people))
    length = rng.uniform(0, 100, len(owner)).round(1)
    trips = {"person_id": owner, "length": length, "far": length > 50}
    pq.write_table(pa.table(trips), folder / "trips.parquet")
    panel = {
        name: table[name][:PANEL] for name in ("age", "score", "city", "smokes")
    }  # stands for volunteers elsewhere
    pq.write_table(pa.table(panel), folder / "panel.parquet")
    path = folder / "survey.yaml"
    path.write_text(POLICY, encoding="utf-8")
    return path


@dataclass
class World:
    """One dataset, a ledger, a training desk and, on request, a worker."""

    folder: Path
    loaded: Loaded
    ledger: Ledger
    desk: TrainingDesk
    catalog: Catalog
    workers: list[Worker] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder / 'ledger.sqlite'}"

    def worker(self, **limits: Any) -> Worker:
        """A worker that is not started."""
        worker = Worker(
            self.ledger,
            self.url,
            {"survey": self.loaded.path},
            self.folder / "data",
            JobLimits(**{"threads": 1, **limits}),
        )
        self.workers.append(worker)
        return worker

    def spent(self, analyst: str | None = "ada") -> str:
        return str(self.ledger.balance("survey", analyst).spent[0])


def ask(**changes: Any) -> wire.TrainingRequest:
    """A request that is fine, with some members changed."""
    body: dict[str, Any] = {
        "dataset": "survey",
        "sql": "SELECT age, score, city, smokes FROM people",
        "label": "smokes",
        "model": {"type": "logistic_regression"},
        "epsilon": "2",
        "delta": "1e-6",
        "sampling_rate": 0.05,
        "epochs": 10,
        "units": PEOPLE,
    }
    return wire.TrainingRequest.model_validate({**body, **changes})
