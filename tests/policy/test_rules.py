"""Rules that span fields: one broken policy for each, with the path that the owner is sent to."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from tacit_service.errors import PolicyError
from tacit_service.policy.load import parse_policy

GOOD: dict[str, Any] = {
    "dataset": "clinic",
    "privacy_unit": {"name": "patient", "column": "patients.patient_id"},
    "tables": {
        "patients": {
            "source": "patients.parquet",
            "unit": "patient_id",
            "columns": {"patient_id": {"type": "integer"}, "age": {"type": "integer", "bounds": [0, 100]}},
        },
        "visits": {
            "source": "visits/*.parquet",
            "unit": "patient_id",
            "columns": {"visit_id": {"type": "integer"}, "cost": {"type": "number"}},
        },
        "labs": {
            "source": "labs.duckdb#labs",
            "path": [["visit_id", "visits.visit_id"]],
            "columns": {"visit_id": {"type": "integer"}, "kind": {"type": "string", "categories": ["x", "y"]}},
        },
        "regions": {"source": "regions.csv", "public": True, "columns": {"region": {"type": "string"}}},
    },
    "budget": {"epsilon": "3", "delta": "1e-6"},
    "analysts": {"ann": {"epsilon": "2"}, "bob": {"epsilon": "1"}},
}

Change = Callable[[dict[str, Any]], object]


def column(table: str, name: str, **fields: Any) -> Change:
    return lambda p: p["tables"][table]["columns"].update({name: fields})


def table(name: str, **fields: Any) -> Change:
    return lambda p: p["tables"][name].update(fields)


def top(**fields: Any) -> Change:
    return lambda p: p.update(fields)


def problems(change: Change) -> dict[str, str]:
    policy = copy.deepcopy(GOOD)
    change(policy)
    try:
        parse_policy(json.dumps(policy))
    except PolicyError as error:
        return {p["path"]: p["detail"] for p in error.extra["problems"] if p["line"] == 1 and p["fix"]}
    return {}


BROKEN: list[tuple[Change, str, str]] = [
    # paces
    (top(budget={"epsilon": "3", "delta": "1e-6", "pace": {"window": "day", "epsilon": "4"}}), "budget.pace.epsilon", "paces nothing"),
    (top(groups={"g": {"epsilon": "1", "members": ["ann"], "pace": {"window": "month", "epsilon": "0.01"}}}),
     "groups.g.pace.epsilon", "below the default"),
    # groups
    (top(groups={"g": {"epsilon": "1", "members": ["eve"]}}), "groups.g.members[0]", "no analyst of this policy"),
    (top(groups={"g": {"epsilon": "1", "members": ["ann"]}, "h": {"epsilon": "1", "members": ["ann"]}}),
     "groups.h.members[0]", "in the group 'g' already"),
    (top(groups={"@g": {"epsilon": "1", "members": ["ann"]}}), "groups.@g", "starts with '@'"),
    (top(groups={"g": {"epsilon": "4", "members": ["ann"]}}), "groups.g.epsilon", "above the dataset's 3"),
    # units and paths
    (lambda p: p["tables"]["visits"].pop("unit"), "tables.visits", "neither public nor tied"),
    (table("visits", path=[["visit_id", "labs.visit_id"]]), "tables.visits.path", "both unit and path"),
    (table("regions", unit="region"), "tables.regions.unit", "public table has no privacy unit"),
    (table("regions", one_row_per_unit=True), "tables.regions.one_row_per_unit", "public table"),
    (table("labs", path=[["lab_id", "visits.visit_id"]]), "tables.labs.path[0]", "labs has no column 'lab_id'"),
    (table("labs", path=[["visit_id", "visits.id"]]), "tables.labs.path[0]", "visits has no column 'id'"),
    (table("labs", path=[["visit_id", "regions.region"]]), "tables.labs.path[0]", "no other protected table"),
    (table("labs", path=[["visit_id", "nowhere.x"]]), "tables.labs.path[0]", "no other protected table"),
    (table("labs", path=[["visit_id", "labs.visit_id"]]), "tables.labs.path[0]", "no other protected table"),
    (table("labs", path=[["kind", "visits.visit_id"]]), "tables.labs.path[0]", "joins string with integer"),
    (table("patients", unit="@row"), "tables.patients.unit", "no other table"),
    (top(privacy_unit={"name": "p", "column": "people.id"}), "privacy_unit.column", "no protected table"),
    (top(privacy_unit={"name": "p", "column": "patients.age"}), "privacy_unit.column", "not the unit of patients"),
    (top(privacy_unit={"name": "p", "column": "labs.kind"}), "privacy_unit.column", "reaches its unit by a path"),
    (column("visits", "patient_id", type="string"), "tables.visits.unit", "two types"),
    (column("patients", "patient_id", type="number"), "tables.patients.columns.patient_id", "integer or string"),
    (column("patients", "patient_id", type="integer", bounds=[0, 9]), "tables.patients.columns.patient_id", "merge"),
    # bounds
    (column("visits", "cost", type="number", bounds=[5, 5], precision=1), "tables.visits.columns.cost.bounds", "below"),
    (column("visits", "cost", type="number", bounds=[0, 5]), "tables.visits.columns.cost.bounds", "needs a precision"),
    (column("visits", "cost", type="number", bounds=[0, 5.55], precision=0.1), "tables.visits.columns.cost.bounds",
     "not multiples"),
    (column("visits", "cost", type="number", bounds=[0, 1e15], precision=0.01), "tables.visits.columns.cost.bounds",
     "2^53"),
    (column("visits", "cost", type="number", precision=0), "tables.visits.columns.cost.precision", "not above 0"),
    (column("patients", "age", type="integer", precision=0.5), "tables.patients.columns.age.precision", "not whole"),
    (column("patients", "age", type="integer", bounds=[0, 9.5]), "tables.patients.columns.age.bounds", "not multiples"),
    (column("patients", "age", type="integer", bounds=[0]), "tables.patients.columns.age.bounds", "a pair"),
    (column("patients", "age", type="string", bounds=[0, 1]), "tables.patients.columns.age.bounds", "has no bounds"),
    (column("patients", "age", type="date", bounds=[20240101, 20250101]), "tables.patients.columns.age.bounds",
     "not a date"),
    (column("patients", "age", type="date", bounds=["2024-13-01", "2025-01-01"]),
     "tables.patients.columns.age.bounds", "not a date"),
    (column("patients", "age", type="timestamp", bounds=["2024-01-01T00:00:00Z", "2025-01-01"]),
     "tables.patients.columns.age.bounds", "time zone"),
    (column("patients", "age", type="string", precision=1), "tables.patients.columns.age.precision", "no precision"),
    # categories
    (column("labs", "kind", type="string", categories=[]), "tables.labs.columns.kind.categories", "no categories"),
    (column("labs", "kind", type="string", categories=["a", "a"]), "tables.labs.columns.kind.categories[1]", "twice"),
    (column("labs", "kind", type="string", categories=["a", 1]), "tables.labs.columns.kind.categories[1]",
     "not a string"),
    (column("labs", "kind", type="integer", categories=[1, True]), "tables.labs.columns.kind.categories[1]",
     "not a integer"),
    (column("labs", "kind", type="string", categories=["a\nb"]), "tables.labs.columns.kind.categories[0]", "control"),
    (column("labs", "kind", type="number", categories=[1]), "tables.labs.columns.kind.categories", "no categories"),
    (column("labs", "kind", type="integer", bounds=[0, 5], categories=[9]),
     "tables.labs.columns.kind.categories[0]", "outside the bounds"),
    # names and sources
    (column("labs", "Kind", type="string", source_column="other"), "tables.labs.columns.Kind", "upper and lower case"),
    (lambda p: p["tables"].update(Labs=p["tables"]["labs"]), "tables.Labs", "upper and lower case"),
    (column("labs", "_u", type="string"), "tables.labs.columns._u", "reserved"),
    (lambda p: p["tables"].update(__t=p["tables"]["regions"]), "tables.__t", "reserved"),
    (top(dataset="_x"), "dataset", "reserved"),
    (column("labs", "sort", type="string", source_column="KIND"), "tables.labs.columns.sort.source_column", "same"),
    (table("labs", source="s3://bucket/x.parquet"), "tables.labs.source", "not a local file"),
    (table("labs", source="labs.xlsx"), "tables.labs.source", "not a source"),
    (table("labs", source="labs\n.csv"), "tables.labs.source", "not a source"),
    (table("labs", columns={}), "tables.labs.columns", "no columns"),
    (lambda p: p.update(tables={"regions": p["tables"]["regions"]}), "tables", "no protected table"),
    # budgets
    (top(analysts={"ann": {"epsilon": "2"}, "bob": {"epsilon": "1.5"}}), "analysts", "add up to ε 3.5"),
    (top(analysts={n: {"epsilon": "1", "delta": "6e-7"} for n in ("ann", "bob")}), "analysts", "add up to δ 0.0000012"),
    (top(overcommit=True, analysts={"ann": {"epsilon": "4"}}), "analysts.ann.epsilon", "above the dataset's 3"),
    (top(roles={"nurse": {"epsilon": "1"}}), "roles", "number is open"),
    (top(analysts={" ": {"epsilon": "1"}}), "analysts. ", "not a usable name"),
    (top(per_query={"max_epsilon": "4"}), "per_query.max_epsilon", "above the dataset's 3"),
    (top(per_query={"default_epsilon": "2"}), "per_query.default_epsilon", "above max_epsilon 1"),
    (top(per_query={"default_delta": "1e-5"}), "per_query.default_delta", "above the dataset's"),
    (top(budget={"epsilon": "3", "delta": "1"}), "budget.delta", "protects nobody"),
    (top(contribution={"max_rows": 5, "max_rows_per_group": 10}), "contribution.max_rows", "is below"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "path", "words"), BROKEN, ids=[f"{p}: {w}" for _, p, w in BROKEN])
def test_a_broken_rule_names_its_place(change: Change, path: str, words: str) -> None:
    found = problems(change)
    assert words in found.get(path, ""), found


ALLOWED: list[Change] = [
    lambda p: None,
    top(overcommit=True, analysts={n: {"epsilon": "3", "delta": "1e-6"} for n in ("ann", "bob")}),
    top(overcommit=True, roles={"nurse": {"epsilon": "1"}}),
    top(analysts={n: {"epsilon": "0.1"} for n in (f"a{i}@example.org" for i in range(30))}),
    table("visits", unit="the_id"),  # a unit column that is not declared: no one can use the id
    column("visits", "cost", type="number", bounds=[-0.25, 1000], precision=0.25),
    column("labs", "flag", type="boolean", categories=[True, False]),
    lambda p: (p["tables"]["labs"].update(path=[["visit_id", "visits.visit_id"], ["pid", "patients.patient_id"]]),
               p["tables"]["visits"]["columns"].update(pid={"type": "integer"})),
]  # fmt: skip


@pytest.mark.parametrize("change", ALLOWED)
def test_what_is_sound_is_accepted(change: Change) -> None:
    assert problems(change) == {}


def test_thirty_tenths_are_exactly_three() -> None:
    tenths = {f"a{i}": {"epsilon": 0.1} for i in range(31)}
    assert "add up to ε 3.1" in problems(top(analysts=tenths))["analysts"]


def test_a_table_without_a_unit_is_told_once_and_never_sent_to_none() -> None:
    policy = copy.deepcopy(GOOD)
    del policy["tables"]["patients"]["unit"]
    with pytest.raises(PolicyError) as caught:
        parse_policy(json.dumps(policy))
    assert "None" not in str(caught.value.extra["problems"])
    assert "neither public nor tied to a privacy unit" in str(caught.value)
