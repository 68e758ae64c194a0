"""``policy check`` finds what in the data does not fit the policy, and says what analysts could ask."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tacit_service.policy.check import Report, check
from tacit_service.policy.load import Loaded, load_policy

PATIENTS = {"pid": [1, 2, 3, 3, None], "region": ["N", "S", "W", "N", "N"]}
VISITS = {
    "visit id": [10, 11, 12, 13, 14, 15],
    "pid": [1, 1, 1, 2, 3, None],
    "cost": ["5", "7.25", "x", "900", "nan", None],
    "day": ["2024-01-02", "1999-01-01", "2024-05-05", "2024-05-06", "2024-05-07", "2024-05-08"],
}
LABS = {"visit": [10, 10, 13, 99, None, 14], "value": [1, 2, 3, 4, 5, 6]}

POLICY: dict[str, Any] = {
    "dataset": "small",
    "privacy_unit": {"name": "patient", "column": "patients.pid"},
    "tables": {
        "patients": {
            "source": "patients.parquet",
            "unit": "pid",
            "one_row_per_unit": True,
            "columns": {"pid": {"type": "integer"}, "region": {"type": "string", "categories": ["N", "S"]}},
        },
        "visits": {
            "source": "visits.csv",
            "unit": "pid",
            "columns": {
                "visit_id": {"type": "integer", "source_column": "visit id"},
                "cost": {"type": "number", "bounds": [0, 100], "precision": 0.01},
                "day": {"type": "date", "bounds": ["2024-01-01", "2024-12-31"], "nullable": False},
            },
        },
        "labs": {
            "source": "labs.parquet",
            "path": [["visit", "visits.visit_id"]],
            "columns": {"visit": {"type": "integer"}, "value": {"type": "number"}},
        },
    },
    "contribution": {"max_rows": 2, "max_rows_per_group": 2},
    "budget": {"epsilon": 3, "delta": "1e-6"},
    "analysts": {"ann": {"epsilon": 2, "delta": "1e-7"}},
}


def write(folder: Path, policy: dict[str, Any]) -> Loaded:
    pq.write_table(pa.table(PATIENTS), folder / "patients.parquet")
    pq.write_table(pa.table(LABS), folder / "labs.parquet")
    rows = zip(*VISITS.values(), strict=True)
    lines = [",".join("" if v is None else str(v) for v in row) for row in [tuple(VISITS), *rows]]
    (folder / "visits.csv").write_text("\n".join(lines) + "\n")
    (folder / "small.yaml").write_text(json.dumps(policy))
    return load_policy(folder / "small.yaml")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, reader: Any) -> Report:
    return check(write(tmp_path_factory.mktemp("small"), POLICY), reader)


@pytest.mark.parametrize(
    ("level", "where", "words"),
    [
        ("warning", "patients.region", "20 % of the rows lie outside the categories: read as NULL"),
        ("warning", "patients.pid", "20 % of the rows have no unit and are dropped"),
        ("warning", "patients", "one_row_per_unit: 25 % of the rows are dropped"),
        ("ok", "visits.visit_id", "VARCHAR read as integer"),
        ("warning", "visits.cost", "33 % of the values cannot be read as number: NULL"),
        ("warning", "visits.cost", "17 % of the rows lie outside the bounds: clamped"),
        ("note", "visits.cost", "17 % NULL"),
        ("warning", "visits.day", "17 % of the rows lie outside the bounds: read as NULL"),
        ("warning", "visits.pid", "17 % of the rows have no unit"),
        ("warning", "visits", "most 3; max_rows 2 loses 20 % of a count"),
        ("warning", "labs.visit", "33 % of the rows find nothing at visits.visit_id and are dropped"),
        ("ok", "labs", "rows per unit: median 1, 99 % 2, most 2; max_rows 2 loses 0 %"),
    ],
)
def test_findings(report: Report, level: str, where: str, words: str) -> None:
    found = [line for line in report.lines if f"{line.table}.{line.column}".removesuffix(".None") == where]
    match = [line for line in found if words in line.text]
    assert match, [str(line) for line in found]
    if level == "warning":
        assert match[0].level == "warning"


def test_a_policy_with_warnings_can_be_served(report: Report) -> None:
    assert report.ok
    assert "For the owner only" in str(report)
    assert "But patients: one_row_per_unit: 25 % of the rows are dropped." in str(report).splitlines()[:3]


def test_a_bounded_integer_has_public_keys(tmp_path: Path, reader: Any) -> None:
    policy = json.loads(json.dumps(POLICY))
    policy["tables"]["visits"]["columns"]["visit_id"]["bounds"] = [1, 40]
    asked = "\n".join(check(write(tmp_path, policy), reader).questions)
    assert "GROUP BY 40 keys that follow from the bounds, no δ" in asked


def test_of_a_default_delta_that_no_threshold_can_serve_the_line_says_so(tmp_path: Path, reader: Any) -> None:
    report = check(write(tmp_path, POLICY | {"per_query": {"default_delta": "1e-17"}}), reader)
    assert report.ok
    asked = "\n".join(report.questions)
    assert "visit_id: COUNT, no SUM or AVG: add 'bounds: [low, high]' to allow them, no GROUP BY: " in asked
    assert "no key can pass with so small a δ as default_delta 1e-17" in asked


def test_what_analysts_could_ask_follows_from_the_policy(report: Report) -> None:
    asked = "\n".join(report.questions)
    assert "patients: COUNT(*) ±30, whatever the grouping (one patient counts ≤ 1)" in asked
    assert "visits: COUNT(*) ±60" in asked
    assert "region: COUNT, GROUP BY 2 declared keys, no δ" in asked
    assert "cost: COUNT, SUM ±5,990 (less with max_amount), AVG" in asked
    assert "value: COUNT, no SUM or AVG: add 'bounds: [low, high]'" in asked
    assert "GROUP BY day, month or year from 2024-01-01 to 2024-12-31, no δ" in asked
    assert "ann may spend ε 2, δ 1e-7: 20 queries" in asked


def test_missing_sources_and_columns_are_errors_with_a_fix(tmp_path: Path, reader: Any) -> None:
    policy = json.loads(json.dumps(POLICY))
    policy["tables"]["labs"]["source"] = "lost.parquet"
    policy["tables"]["visits"]["columns"]["visit_id"].pop("source_column")
    policy["tables"]["patients"]["columns"]["income"] = {"type": "integer"}
    report = check(write(tmp_path, policy), reader)
    errors = {f"{line.table}.{line.column}": line.text for line in report.lines if line.level == "error"}
    assert not report.ok
    assert "lost.parquet cannot be read" in errors["labs.None"]
    assert "add 'source_column: visit id'" in errors["visits.visit_id"]
    assert "the source has pid, region" in errors["patients.income"]
    assert len(errors) == 3


@pytest.mark.parametrize(("source", "column"), [("lost.csv", "visit id"), ("visits.csv", "visit_number")])
def test_a_path_through_a_broken_table_is_an_error_too(tmp_path: Path, reader: Any, source: str, column: str) -> None:
    policy = json.loads(json.dumps(POLICY))
    policy["tables"]["visits"]["source"] = source
    policy["tables"]["visits"]["columns"]["visit_id"]["source_column"] = column
    report = check(write(tmp_path, policy), reader)
    errors = [str(line) for line in report.lines if line.level == "error" and line.table == "labs"]
    assert len(errors) == 1
    assert "the path cannot be followed" in errors[0]


def test_a_column_of_which_nothing_can_be_read_is_an_error(tmp_path: Path, reader: Any) -> None:
    policy = json.loads(json.dumps(POLICY))
    policy["tables"]["visits"]["columns"]["day"] = {"type": "integer"}
    report = check(write(tmp_path, policy), reader)
    assert [line.column for line in report.lines if line.level == "error"] == ["day"]


def test_a_second_step_leads_on_to_the_unit(tmp_path: Path, reader: Any) -> None:
    policy = json.loads(json.dumps(POLICY))
    policy["tables"]["visits"]["columns"]["pid"] = {"type": "integer"}
    policy["tables"]["labs"]["path"].append(["pid", "patients.pid"])
    report = check(write(tmp_path, policy), reader)
    texts = [line.text for line in report.lines if line.table == "labs" and "find" in line.text]
    assert texts == [
        "33 % of the rows find nothing at visits.visit_id and are dropped",
        "0 % of the rows find nothing at patients.pid and are dropped",
    ]


def test_real_policies_fit_the_real_data(shared_data: Path, tmp_path: Path, reader: Any) -> None:
    policies = Path(__file__).resolve().parents[2] / "policies"
    for name in ("adult", "online_retail"):
        text = (policies / f"{name}.yaml").read_text(encoding="utf-8").replace("../../shared/data", str(shared_data))
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
        report = check(load_policy(tmp_path / f"{name}.yaml"), reader)
        assert report.ok, str(report)
        assert not [line for line in report.lines if "categories" in line.text], "the lists are complete"
    assert "21 % of the rows have no unit" in str(report)
