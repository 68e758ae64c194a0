"""Made-up rows keep to what the policy declares, and to nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest

from tacit_service.policy.load import parse_policy
from tacit_service.rehearsal.rows import UNIT, Sizes, make_rows

POLICY = """dataset: shop
privacy_unit: {name: person, column: people.person}
tables:
  people:
    source: people.parquet
    unit: person
    one_row_per_unit: true
    columns:
      person: {type: string}
      town: {type: string, categories: [A, B, C], nullable: false}
      born: {type: date, bounds: [1950-01-01, 1999-12-31]}
  orders:
    source: orders.parquet
    unit: person
    columns:
      person: {type: string}
      id: {type: integer}
      paid: {type: number, bounds: [-5, 995], precision: 0.5, nullable: false}
      at: {type: timestamp, bounds: [2024-01-01, 2024-06-30]}
  items:
    source: items.parquet
    path: [[order_id, orders.id]]
    columns:
      order_id: {type: integer}
      ok: {type: boolean}
budget: {epsilon: 1}
"""
SIZES = Sizes(units=400, rows_per_unit=4, spread="skewed", seed=3)


def test_values_lie_within_bounds_categories_and_precision():
    made = make_rows(parse_policy(POLICY), SIZES)
    assert set(made["people"]["town"].unique().to_pylist()) == {"A", "B", "C"}
    paid = made["orders"]["paid"].to_numpy()
    assert -5 <= paid.min() < paid.max() <= 995
    assert np.array_equal(paid * 2, np.rint(paid * 2))
    years = pc.year(made["people"]["born"].drop_null())
    assert (pc.min(years).as_py(), pc.max(years).as_py()) == (1950, 1999)
    assert made["people"]["born"].null_count > 0
    assert made["orders"]["paid"].null_count == made["people"]["town"].null_count == 0


def test_units_have_one_row_or_several_as_declared_and_paths_find_their_rows():
    made = make_rows(parse_policy(POLICY), SIZES)
    assert made["people"].num_rows == len(made["people"]["person"].unique()) == 400
    each = made["orders"].group_by("person").aggregate([("id", "count")])["id_count"].to_numpy()
    assert each.min() >= 1
    assert each.mean() == pytest.approx(4, rel=0.15)
    assert each.max() > 8
    assert set(made["items"]["order_id"].to_pylist()) <= set(made["orders"]["id"].to_pylist())
    assert UNIT in made["items"].column_names


def test_the_same_seed_makes_the_same_rows_and_skew_is_skew():
    policy = parse_policy(POLICY)
    made = make_rows(policy, SIZES)
    assert all(made[name].equals(table) for name, table in make_rows(policy, SIZES).items())
    even = make_rows(policy, Sizes(400, 4, "even", 3))
    assert pc.mean(made["orders"]["paid"]).as_py() < 250 < 400 < pc.mean(even["orders"]["paid"]).as_py() < 600


def test_a_real_policy_needs_no_data(monkeypatch):
    """The sources of the examples are not there, and are not looked for."""
    folder = Path(__file__).resolve().parents[2] / "policies"
    for name in ("clinic", "adult", "online_retail"):
        made = make_rows(parse_policy((folder / f"{name}.yaml").read_text(encoding="utf-8")), SIZES)
        assert all(table.num_rows >= 400 for table in made.values())
