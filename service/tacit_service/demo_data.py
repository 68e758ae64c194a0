"""The seeded demo dataset ``clinic``: patients, their visits, public regions; and the policy that an owner would write.

Everything is drawn from one seed, in chunks, so that the same ``rows`` give the same files on every machine and fifty
million visits need no more memory than one chunk. The tails are real enough to teach: a few patients come very often,
costs are log-normal, diagnoses have a long tail, a few values are missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from tacit_service.privacy.units import Delta, Epsilon

VISITS_PER_PATIENT_MAX = 60
INCOME_MAX = 200_000
COST_MAX = 5_000
VISITS_A_PATIENT = 4.86  # on average, for guesses of sizes
FIRST_DAY, DAYS = np.datetime64("2023-01-01"), 731  # 2023 and 2024; 2024 is a leap year

REGIONS = ("R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8")
COUNTRIES = ("Norland", "Norland", "Norland", "Sudland", "Sudland", "Ostland", "Ostland", "Westland")
POPULATIONS = (812_000, 640_000, 455_000, 390_000, 310_000, 240_000, 150_000, 48_000)
SEXES = ("F", "M", "X")
CLINICS = ("Central", "Harbour", "Hillside", "Lakeview", "Northgate", "Station")
_SEX_SHARES = (0.508, 0.486, 0.006)
_CLINIC_SHARES = (0.34, 0.22, 0.17, 0.13, 0.09, 0.05)

_COMMON = (
    "hypertension",
    "flu",
    "back pain",
    "diabetes",
    "asthma",
    "depression",
    "arthritis",
    "bronchitis",
    "migraine",
    "allergy",
)
_SITES = ("hip", "knee", "wrist", "ankle", "shoulder", "rib", "spine", "hand", "foot", "jaw")
_KINDS = ("fracture", "sprain", "infection", "tumour", "ulcer")
DIAGNOSES = _COMMON + tuple(f"{site} {kind}" for kind in _KINDS for site in _SITES)

_CHUNK = 1_000_000
_NULL_INCOME, _NULL_DIAGNOSIS, _NO_VISITS = 0.03, 0.01, 0.04
_MEAN_VISITS = 5.0

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]


def make_clinic(out_dir: Path, rows: int = 200_000, seed: int = 20260501) -> None:
    """Write ``patients.parquet``, ``visits.parquet`` (``rows`` of them) and ``regions.parquet`` into ``out_dir``."""
    if rows < 1:
        raise ValueError(f"rows={rows} is below 1")
    out_dir.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        pa.table({"region": REGIONS, "country": COUNTRIES, "population": pa.array(POPULATIONS, pa.int64())}),
        out_dir / "regions.parquet",
    )
    patients = _Writer(out_dir / "patients.parquet")
    visits = _Writer(out_dir / "visits.parquet")
    with patients, visits:
        first_visit = 0
        for number, people in enumerate(_people(rows, seed)):
            rng = np.random.default_rng([seed, 1, number])
            patients.write(_patients(rng, people))
            visits.write(_visits(rng, people, first_visit))
            first_visit += int(people.visits.sum())


@dataclass(frozen=True, slots=True)
class _People:
    """One chunk of patients: ids, and how many visits each has."""

    ids: Ints
    visits: Ints
    age: Ints


class _Writer:
    """A Parquet file that takes its schema from the first table."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: pq.ParquetWriter | None = None

    def write(self, table: pa.Table) -> None:
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, table.schema, compression="zstd")
        if table.num_rows:
            self._writer.write_table(table)

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()


def _people(rows: int, seed: int) -> Iterator[_People]:
    """Chunks of patients whose visits add up to exactly ``rows``."""
    rng = np.random.default_rng([seed, 0])
    size = int(max(1, min(_CHUNK, rows) / _MEAN_VISITS))
    next_id, left = 1, rows
    while left > 0:
        age = np.clip(rng.normal(44, 23, size).round(), 0, 100).astype(np.int64)
        # Negative binomial (a Gamma of Poissons), with a mean that grows with age: a heavy tail, cut at the maximum.
        mean = _MEAN_VISITS * (0.35 + age / 100)
        often = rng.random(size) < 0.005
        visits = 1 + rng.poisson(rng.gamma(1.3, mean / 1.3) + 23 * often)
        visits = np.minimum(np.where(rng.random(size) < _NO_VISITS, 0, visits), VISITS_PER_PATIENT_MAX).astype(np.int64)
        before = np.cumsum(visits) - visits
        visits = np.clip(left - before, 0, visits)
        keep = size if before[-1] + visits[-1] < left else int(np.searchsorted(before, left))
        yield _People(np.arange(next_id, next_id + keep), visits[:keep], age[:keep])
        left -= int(visits.sum())
        next_id += keep


def _strings(rng: np.random.Generator, names: tuple[str, ...], shares: Floats, size: int) -> pa.DictionaryArray:
    codes = rng.choice(len(names), size, p=shares / shares.sum()).astype(np.int8)
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(names))


def _patients(rng: np.random.Generator, people: _People) -> pa.Table:
    size = len(people.ids)
    adult = np.clip((people.age - 16) / 14, 0.05, 1)
    income = np.minimum(rng.lognormal(10.35, 0.55, size) * adult, INCOME_MAX).round(-2)
    missing = rng.random(size) < _NULL_INCOME
    return pa.table(
        {
            "patient_id": people.ids,
            "region": _strings(rng, REGIONS, np.array(POPULATIONS, float), size).cast(pa.string()),
            "age": people.age,
            "sex": _strings(rng, SEXES, np.array(_SEX_SHARES), size).cast(pa.string()),
            "income": pa.array(income.astype(np.int64), mask=missing),
        }
    )


def _visits(rng: np.random.Generator, people: _People, first_visit: int) -> pa.Table:
    patient = np.repeat(people.ids, people.visits)
    size = len(patient)
    ranks = np.arange(1, len(DIAGNOSES) + 1)
    # Half the visits are about the patient's own chronic condition.
    shares = ranks**-1.2 / (ranks**-1.2).sum()
    chronic = np.repeat(rng.choice(len(DIAGNOSES), len(people.ids), p=shares), people.visits)
    codes = np.where(rng.random(size) < 0.5, chronic, rng.choice(len(DIAGNOSES), size, p=shares)).astype(np.int8)
    indices = pa.array(codes, mask=rng.random(size) < _NULL_DIAGNOSIS)
    diagnosis = pa.DictionaryArray.from_arrays(indices, pa.array(DIAGNOSES)).cast(pa.string())
    # Patients mostly stay with one clinic, and winters are busier than summers.
    home = np.repeat(rng.choice(len(CLINICS), len(people.ids), p=np.array(_CLINIC_SHARES)), people.visits)
    away = rng.random(size) < 0.2
    clinic = np.where(away, rng.choice(len(CLINICS), size, p=np.array(_CLINIC_SHARES)), home).astype(np.int8)
    day_weights = 1 + 0.35 * np.cos(2 * np.pi * (np.arange(DAYS) - 15) / 365.25)
    day = rng.choice(DAYS, size, p=day_weights / day_weights.sum())
    cents = np.clip(rng.lognormal(4.6, 0.9, size) * 100, 500, COST_MAX * 100).round().astype(np.int64)
    whole = rng.random(size) < 0.15
    return pa.table(
        {
            "visit_id": np.arange(first_visit + 1, first_visit + size + 1),
            "patient_id": patient,
            "clinic": pa.DictionaryArray.from_arrays(pa.array(clinic), pa.array(CLINICS)).cast(pa.string()),
            "diagnosis": diagnosis,
            "cost": np.where(whole, cents // 100 * 100, cents) / 100,
            "visited_on": pa.array((FIRST_DAY + day).astype("datetime64[D]")),
        }
    )


def clinic_policy(
    epsilon: str = "3",
    delta: str = "1e-6",
    *,
    dataset: str = "clinic",
    default_epsilon: str = "0.1",
    analysts: tuple[str, ...] = ("analyst", "second_analyst"),
    rows: int | None = None,
) -> str:
    """The demo's policy as YAML, for files that ``make_clinic`` wrote into the policy's own folder.

    Each analyst may spend the dataset's whole (ε, δ), declared by ``overcommit``: one can empty the account alone,
    and the other then meets the dataset's limit. ``rows``: about how many visits there are, to be told as a public guess.
    """
    total, usual = Epsilon.parse(epsilon), Epsilon.parse(default_epsilon)
    amount = f"{{ epsilon: {total}, delta: {Delta.parse(delta)} }}"
    people = "\n".join(f"  {name}: {amount}" for name in analysts)
    return _TEMPLATE.format(
        dataset=dataset,
        amount=amount,
        total=total,
        default=min(usual, total),
        default_delta=min(Delta.parse("1e-9"), Delta.parse(delta)),
        people=people,
        regions=", ".join(REGIONS),
        sexes=", ".join(SEXES),
        clinics=", ".join(CLINICS),
        income=INCOME_MAX,
        cost=COST_MAX,
        last_day=FIRST_DAY + DAYS - 1,
        first_day=FIRST_DAY,
        about_patients=_about(None if rows is None else rows / VISITS_A_PATIENT),
        about_visits=_about(rows),
    )


def _about(rows: float | None) -> str:
    """A line of the policy: one significant digit of a table's size, as an owner would guess."""
    return (
        ""
        if rows is None
        else f"\n    expected_rows: {int(float(f'{max(rows, 1):.0e}'))} # a public guess, for widths in quotes"
    )


_TEMPLATE = """\
# yaml-language-server: $schema=schema.json
# The demo dataset: a chain of clinics. Everything in this file except the sources becomes public to its analysts.
version: 1
dataset: {dataset}
description: Patients of a chain of clinics and their visits in 2023 and 2024. Made up.

# Who is protected: one patient, with all rows in all tables.
privacy_unit:
  name: patient
  column: patients.patient_id

tables:
  patients:
    description: One row a patient.
    source: patients.parquet
    unit: patient_id
    one_row_per_unit: true # enforced when the data are loaded; a patient then counts once, and noise is smallest{about_patients}
    columns:
      patient_id: {{ type: integer }}
      # Categories are the keys of GROUP BY: each gets a row, zeros included, and costs no delta.
      region: {{ type: string, categories: [{regions}], nullable: false }}
      age: {{ type: integer, bounds: [0, 100], nullable: false, description: Age at registration in years. }}
      sex: {{ type: string, categories: [{sexes}], nullable: false }}
      # Bounds are what a sum's noise is made for. They come from the tariff's top bracket, not from the data.
      income: {{ type: integer, bounds: [0, {income}], description: Yearly income; NULL when not told. }}

  visits:
    description: One row a visit.
    source: visits.parquet
    unit: patient_id{about_visits}
    columns:
      visit_id: {{ type: integer }}
      patient_id: {{ type: integer }}
      clinic: {{ type: string, categories: [{clinics}], nullable: false }}
      # No categories: a diagnosis shows up only when enough patients have it (a noisy threshold, which costs delta).
      diagnosis: {{ type: string }}
      cost: {{ type: number, bounds: [0, {cost}], precision: 0.01, description: Invoice in euros and cents. }}
      visited_on: {{ type: date, bounds: [{first_day}, {last_day}], nullable: false }}

  regions:
    description: Where the clinics are; public.
    source: regions.parquet
    public: true
    columns:
      region: {{ type: string }}
      country: {{ type: string }}
      population: {{ type: integer }}

# What one patient may contribute to one query; more is scaled down. A query may ask for other caps.
# 30 rows: fewer than one visit in 200 is lost, and noise is made for 30.
contribution:
  max_rows: 30
  max_groups: 10
  max_rows_per_group: 25

# The lifetime of the dataset. When it is spent, nothing more is released, ever.
budget: {amount}

per_query:
  default_epsilon: {default}
  max_epsilon: {total}
  default_delta: {default_delta}

# Each analyst may spend the whole budget, but only together no more than it: that is over-commitment, and is declared.
# What is left for the dataset is then hidden from analysts.
overcommit: true
analysts:
{people}
"""
