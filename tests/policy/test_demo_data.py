"""The demo's data are the same everywhere, have the tails they promise, and fit their policy."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tacit_service.demo_data import clinic_policy, make_clinic
from tacit_service.policy.check import check
from tacit_service.policy.load import Loaded, parse_policy
from tacit_service.policy.profile import rows_per_unit


def contents(folder: Path) -> list[str]:
    names = ("patients", "visits", "regions")
    tables = [pq.read_table(folder / f"{n}.parquet") for n in names]
    return [hashlib.sha256(repr(t.to_pydict()).encode()).hexdigest() for t in tables]


@pytest.mark.parametrize("rows", [1, 7, 5_000])
def test_same_rows_same_data_and_exactly_so_many(tmp_path: Path, rows: int) -> None:
    make_clinic(tmp_path / "a", rows=rows)
    make_clinic(tmp_path / "b", rows=rows)
    make_clinic(tmp_path / "c", rows=rows, seed=1)
    assert contents(tmp_path / "a") == contents(tmp_path / "b") != contents(tmp_path / "c")
    assert pq.read_metadata(tmp_path / "a" / "visits.parquet").num_rows == rows


def test_chunks_join_seamlessly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tacit_service.demo_data._CHUNK", 1_000)
    make_clinic(tmp_path, rows=10_000)
    visits = pq.read_table(tmp_path / "visits.parquet")
    patients = pq.read_table(tmp_path / "patients.parquet")["patient_id"].to_pylist()
    assert visits["visit_id"].to_pylist() == list(range(1, 10_001))
    assert patients == list(range(1, len(patients) + 1))
    assert set(visits["patient_id"].to_pylist()) <= set(patients)


def test_the_data_fit_the_policy(clinic: Loaded, reader: Any) -> None:
    report = check(clinic, reader)
    assert report.ok
    outside = [str(line) for line in report.lines if "outside" in line.text or "cannot be read" in line.text]
    assert outside == []


def test_tails_and_gaps_are_as_promised(clinic: Loaded, clinic_dir: Path, reader: Any) -> None:
    units = rows_per_unit(reader, clinic_dir, clinic.policy.tables["visits"])
    people = pq.read_table(clinic_dir / "patients.parquet")
    visits = pq.read_table(clinic_dir / "visits.parquet")
    assert 0.02 < 1 - units.units_total / people.num_rows < 0.06, "patients without a visit"
    assert 4 < units.rows_total / people.num_rows < 6
    assert 40 <= units.rows[-1] <= 60
    assert units.lost(30) / units.rows_total < 0.005, "the policy's max_rows loses under half a percent"
    assert 0.02 < people["income"].null_count / people.num_rows < 0.04
    assert 0.005 < visits["diagnosis"].null_count / visits.num_rows < 0.02
    diagnoses = set(visits["diagnosis"].to_pylist()) - {None}
    assert {"flu", "asthma", "diabetes"} < diagnoses
    assert len(diagnoses) == 60


def test_default_caps_lose_little_by_group(clinic: Loaded, clinic_dir: Path, reader: Any) -> None:
    caps = clinic.policy.contribution
    for key in ("clinic", "diagnosis"):
        lost = reader.query(
            "visits.parquet",
            clinic_dir,
            f"""SELECT 1 - sum(least(n, {caps.max_rows_per_group})) FILTER (k <= {caps.max_groups}) / sum(n) AS lost
                FROM (SELECT *, row_number() OVER (PARTITION BY patient_id ORDER BY md5({key})) AS k FROM
                  (SELECT patient_id, {key}, count(*) AS n FROM t GROUP BY ALL))""",
        )["lost"][0].as_py()
        assert lost < 0.005, key


def test_policy_follows_the_amounts_asked() -> None:
    policy = parse_policy(clinic_policy("0.05", "0"))
    assert str(policy.per_query.default_epsilon) == str(policy.per_query.max_epsilon) == "0.05"
    assert not policy.per_query.default_delta
    assert policy.overcommit
    assert all(b == policy.budget for b in policy.analysts.values())
    assert list(policy.analysts) == ["analyst", "second_analyst"]
