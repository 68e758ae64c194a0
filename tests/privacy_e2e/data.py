"""The tiny clinic of these tests: some 300 patients, 1,500 visits, NULLs of every kind, and the units that tests remove.

Every value lies inside the policy's bounds, so that plain SQL over the same Parquet files is what an answer means.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

PATIENTS = 300
TYPICAL, HEAVIEST, WITH_NULLS, ALONE, NO_VISITS = 3, 7, 23, 42, 99
REGIONS = ("R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8")
COUNTRIES = ("Norland", "Norland", "Norland", "Sudland", "Sudland", "Ostland", "Ostland", "Westland")
CLINICS = ("Central", "Harbour", "Hillside", "Lakeview")
DIAGNOSES = ("flu", "asthma", "diabetes", "Hip fracture", "back pain", "migraine", "o'neill's")
NAMES = ("Ada", "Bo", "Cyd", "Dot", "Eve", "Fay")
FIRST_DAY = dt.date(2023, 1, 1)

Tables = dict[str, pa.Table]

POLICY = """\
version: 1
dataset: clinic
privacy_unit: {{ name: patient, column: patients.patient_id }}
tables:
  patients:
    source: patients.parquet
    unit: patient_id
    one_row_per_unit: true
    columns:
      patient_id: {{ type: integer }}
      region: {{ type: string, categories: [R1, R2, R3, R4, R5, R6, R7, R8], nullable: false }}
      age: {{ type: integer, bounds: [0, 100], nullable: true }}
      sex: {{ type: string, categories: [F, M, X], nullable: true }}
      income: {{ type: integer, bounds: [0, 200000], nullable: true }}
      weight: {{ type: number, bounds: [0, 250], precision: 0.1, nullable: true }}
      smoker: {{ type: boolean, nullable: true }}
      name: {{ type: string, nullable: true }}
      registered: {{ type: timestamp, bounds: [2022-01-01, 2024-12-31], nullable: true }}
  visits:
    source: visits.parquet
    unit: patient_id
    columns:
      visit_id: {{ type: integer }}
      patient_id: {{ type: integer }}
      clinic: {{ type: string, categories: [Central, Harbour, Hillside, Lakeview], nullable: false }}
      diagnosis: {{ type: string, nullable: true }}
      cost: {{ type: number, bounds: [0, 5000], precision: 0.01, nullable: true }}
      minutes: {{ type: integer, bounds: [-60, 240], nullable: false }}
      paid: {{ type: boolean, nullable: true }}
      visited_on: {{ type: date, bounds: [2023-01-01, 2024-12-31], nullable: true }}
      code: {{ type: integer }}
  bills:
    source: bills.parquet
    path: [[visit_id, visits.visit_id]]
    columns:
      bill_id: {{ type: integer }}
      visit_id: {{ type: integer }}
      amount: {{ type: number, bounds: [-500, 500], precision: 0.01, nullable: false }}
  regions:
    source: regions.parquet
    public: true
    columns:
      region: {{ type: string }}
      country: {{ type: string }}
      population: {{ type: integer }}
contribution: {{ max_rows: {rows}, max_groups: {groups}, max_rows_per_group: {per_group}, form: {form} }}
budget: {{ epsilon: 1e12, delta: 0.5 }}
per_query: {{ default_epsilon: 100, max_epsilon: 1e9, default_delta: 1e-6, mechanism: {mechanism} }}
analysts:
  analyst: {{ epsilon: 1e12, delta: 0.5 }}
"""


@dataclass(frozen=True)
class Bounds:
    """Contribution bounds of a policy."""

    rows: int
    groups: int
    per_group: int
    form: str = "auto"
    mechanism: str = "auto"

    def policy(self) -> str:
        return POLICY.format(
            rows=self.rows, groups=self.groups, per_group=self.per_group, form=self.form, mechanism=self.mechanism
        )


WIDE = Bounds(1000, 1000, 1000)
WIDE_GROUPS = Bounds(1000, 1000, 1000, "groups")
TIGHT = Bounds(3, 2, 2, "weights")
TIGHT_GROUPS = Bounds(3, 2, 2, "groups")


def make_tables(seed: int = 11) -> Tables:
    """The four tables, from one seed."""
    rng = Random(seed)
    patients = [_patient(rng, i) for i in range(1, PATIENTS + 1)]
    visits: list[dict[str, Any]] = []
    for patient in patients:
        visits += _visits(rng, patient["patient_id"], len(visits))
    visits += [_visit(rng, None, len(visits) + i) for i in range(25)]
    bills = [_bill(rng, i, v["visit_id"]) for v in visits for i in range(rng.choice((0, 1, 1, 2)))]
    for number, bill in enumerate(bills):
        bill["bill_id"] = number
    regions = [
        {"region": r, "country": c, "population": 48_000 + 97_000 * i}
        for i, (r, c) in enumerate(zip(REGIONS, COUNTRIES, strict=True))
    ]
    return {
        "patients": pa.Table.from_pylist(patients, PATIENTS_SCHEMA),
        "visits": pa.Table.from_pylist(visits, VISITS_SCHEMA),
        "bills": pa.Table.from_pylist(bills, BILLS_SCHEMA),
        "regions": pa.Table.from_pylist(regions, REGIONS_SCHEMA),
    }


PATIENTS_SCHEMA = pa.schema({
    "patient_id": pa.int64(), "region": pa.string(), "age": pa.int64(), "sex": pa.string(), "income": pa.int64(),
    "weight": pa.float64(), "smoker": pa.bool_(), "name": pa.string(), "registered": pa.timestamp("us"),
})  # fmt: skip
VISITS_SCHEMA = pa.schema({
    "visit_id": pa.int64(), "patient_id": pa.int64(), "clinic": pa.string(), "diagnosis": pa.string(),
    "cost": pa.float64(), "minutes": pa.int64(), "paid": pa.bool_(), "visited_on": pa.date32(), "code": pa.int64(),
})  # fmt: skip
BILLS_SCHEMA = pa.schema({"bill_id": pa.int64(), "visit_id": pa.int64(), "amount": pa.float64()})
REGIONS_SCHEMA = pa.schema({"region": pa.string(), "country": pa.string(), "population": pa.int64()})


def _maybe(rng: Random, share: float, value: Any) -> Any:
    return None if rng.random() < share else value


def _patient(rng: Random, number: int) -> dict[str, Any]:
    row = {
        "patient_id": number,
        "region": rng.choices(REGIONS[:7], (8, 6, 5, 4, 3, 2, 1))[0],
        "age": _maybe(rng, 0.04, rng.randint(0, 100)),
        "sex": _maybe(rng, 0.05, rng.choice("FFMMX")),
        "income": _maybe(rng, 0.08, rng.randint(0, 2000) * 100),
        "weight": _maybe(rng, 0.05, rng.randint(30, 2000) / 10),
        "smoker": _maybe(rng, 0.1, rng.random() < 0.3),
        "name": _maybe(rng, 0.05, rng.choice(NAMES)),
        "registered": dt.datetime(2022, 1, 1) + dt.timedelta(minutes=rng.randint(0, 1_500_000)),
    }
    if number == WITH_NULLS:
        row |= dict.fromkeys(("age", "sex", "income", "weight", "smoker", "name", "registered"))
    if number == ALONE:  # the only one of the region R8, of Westland, of its name and diagnosis; its codes overflow
        row |= {"region": "R8", "name": "Zoe", "age": 100, "income": 200_000, "weight": 250.0}
    return row


def _visits(rng: Random, patient: int, start: int) -> list[dict[str, Any]]:
    count = {TYPICAL: 5, HEAVIEST: 40, NO_VISITS: 0, ALONE: 7, WITH_NULLS: 6}.get(patient, -1)
    if count < 0:
        count = rng.choice((0, 1, 2, 3, 4, 5, 6, 8, 12))
    rows = [_visit(rng, patient, start + i) for i in range(count)]
    for i, row in enumerate(rows):
        if patient == HEAVIEST:
            row |= {"cost": 5000.0 - i, "minutes": 240 if i % 3 else -60}
        if patient == WITH_NULLS:
            row |= {"diagnosis": None, "cost": None, "paid": None, "visited_on": None}
        if patient == ALONE:
            row |= {"diagnosis": "rare", "visited_on": dt.date(2024, 12, 31), "minutes": -60, "code": 2**62}
    return rows


def _visit(rng: Random, patient: int | None, number: int) -> dict[str, Any]:
    # Few distinct days, so that a patient has several visits on one: windows that order by them meet ties.
    return {
        "visit_id": number,
        "patient_id": patient,
        "clinic": rng.choices(CLINICS, (5, 3, 2, 1))[0],
        "diagnosis": _maybe(rng, 0.05, rng.choice(DIAGNOSES)),
        "cost": _maybe(rng, 0.05, rng.randint(500, 300_000) / 100),
        "minutes": rng.randint(-60, 240),
        "paid": _maybe(rng, 0.1, rng.random() < 0.7),
        "visited_on": _maybe(rng, 0.04, FIRST_DAY + dt.timedelta(days=17 * rng.randint(0, 42))),
        "code": rng.randint(-5, 5),
    }


def _bill(rng: Random, number: int, visit: int) -> dict[str, Any]:
    return {"bill_id": number, "visit_id": visit, "amount": rng.randint(-50_000, 50_000) / 100}


# -- neighbours


def without_unit(tables: Tables, unit: int | None) -> Tables:
    """The tables less all rows of one unit (``None``: less the rows that belong to nobody)."""
    gone = {v["visit_id"] for v in tables["visits"].to_pylist() if v["patient_id"] == unit}
    return {
        "patients": _kept(tables["patients"], lambda r: r["patient_id"] != unit),
        "visits": _kept(tables["visits"], lambda r: r["patient_id"] != unit),
        "bills": _kept(tables["bills"], lambda r: r["visit_id"] not in gone),
        "regions": tables["regions"],
    }


def shuffled(tables: Tables, seed: int = 5) -> Tables:
    """The same rows in another order."""
    rng = Random(seed)
    return {n: t if n == "regions" else t.take(rng.sample(range(t.num_rows), t.num_rows)) for n, t in tables.items()}


def _kept(table: pa.Table, keep: Any) -> pa.Table:
    return pa.Table.from_pylist([r for r in table.to_pylist() if keep(r)], table.schema)


def write(tables: Tables, folder: Path) -> Path:
    """Parquet files in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet")
    return folder
