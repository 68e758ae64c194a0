"""Examples of the OpenAPI document. A test validates each against its wire model."""

from __future__ import annotations

from typing import Any, Final

_SQL: Final = "SELECT region, COUNT(*) AS n FROM patients GROUP BY region ORDER BY n DESC"
_MECHANISM: Final[dict[str, Any]] = {
    "release_point": "r1",
    "measure": "COUNT(*)",
    "mechanism": "laplace",
    "scale": 10.0,
    "unit_scale": 10.0,
    "l0": 1,
    "l1": 1.0,
    "l2": 1.0,
    "linf": 1.0,
    "threshold": None,
    "epsilon": "0.1",
    "delta": "0",
    "contribution": "each patient counts once",
}

REQUESTS: Final[dict[str, Any]] = {
    "grouped count": {
        "summary": "Patients by region",
        "value": {"dataset": "clinic", "sql": _SQL, "epsilon": "0.1"},
    },
    "join with bounds": {
        "summary": "Spending by region, at most 20 visits a patient counted in full",
        "value": {
            "dataset": "clinic",
            "sql": "SELECT p.region, SUM(v.cost) AS spent FROM visits v JOIN patients p "
            "ON v.patient_id = p.patient_id GROUP BY p.region",
            "epsilon": "0.25",
            "max_rows": 20,
        },
    },
    "unknown keys": {
        "summary": "Diagnoses are not declared: those with few patients stay hidden, at the price of a little delta",
        "value": {
            "dataset": "clinic",
            "sql": "SELECT diagnosis, COUNT(DISTINCT patient_id) AS patients FROM visits GROUP BY diagnosis",
            "epsilon": "0.5",
            "delta": "1e-9",
        },
    },
}

QUOTE: Final[dict[str, Any]] = {
    "dataset": "clinic",
    "price": {"epsilon": "0.1", "delta": "0"},
    "affordable": True,
    "held": False,
    "remaining": {"epsilon": "3", "delta": "0.000001"},
    "more_like_this": 30,
    "columns": [
        {"name": "region", "kind": "key", "type": "string", "plus_minus": None, "note": None},
        {"name": "n", "kind": "noisy", "type": "integer", "plus_minus": 30.0, "note": None},
    ],
    "release_points": [{"name": "r1", "keys": "declared: region", "groups": 8, "measurements": [_MECHANISM]}],
    "plan": "r1: COUNT(*) of patients by region",
    "notes": [],
}

EXPLANATION: Final[dict[str, Any]] = {"dataset": "clinic", "plan": "r1: COUNT(*) of patients by region"}

ANSWER: Final[dict[str, Any]] = {
    "release_id": "rel_5b0c6f0f2f9b4e0a",
    "dataset": "clinic",
    "sql": _SQL,
    "created_at": "2026-11-22T20:15:00+00:00",
    "columns": [
        {"name": "region", "type": "string", "kind": "key"},
        {"name": "n", "type": "integer", "kind": "noisy"},
    ],
    "rows": [["north", 4213], ["south", 3987]],
    "intervals": [[None, [4183.0, 4243.0]], [None, [3957.0, 4017.0]]],
    "receipt": {
        "charged": {"epsilon": "0.1", "delta": "0"},
        "remaining": {"epsilon": "2.9", "delta": "0.000001"},
        "held": False,
        "confidence": 0.95,
        "mechanisms": [_MECHANISM],
        "plan": "r1: COUNT(*) of patients by region",
        "ledger": {"sequence": 17, "hash": "9c56cc51b374c3ba189210d5b6d4bf57790d351c96c47c02190ecf1e430635ab"},
        "charge_id": "chg_1f6f0d8a9b7c4d1e",
        "notes": [],
    },
}

DATASETS: Final[dict[str, Any]] = {"datasets": ["clinic"]}

FACTS: Final[dict[str, Any]] = {
    "name": "clinic",
    "description": "Patients and visits of four clinics",
    "privacy_unit": "patient",
    "privacy_unit_column": "patients.patient_id",
    "tables": [
        {
            "name": "patients",
            "public": False,
            "one_row_per_unit": True,
            "unit_path": ["patients.patient_id"],
            "columns": [
                {"name": "patient_id", "type": "integer", "is_privacy_unit": True},
                {"name": "region", "type": "string", "categories": ["north", "south"]},
                {"name": "age", "type": "integer", "bounds": [0, 110], "precision": "1"},
            ],
            "description": "",
        }
    ],
    "max_groups": 10,
    "max_rows": 20,
    "max_rows_per_group": 10,
    "default_epsilon": "0.1",
    "max_epsilon": "1",
    "default_delta": "0.000000001",
    "functions": ["abs", "round"],
}

BUDGET: Final[dict[str, Any]] = {
    "analyst": "ada",
    "accounts": [
        {
            "dataset": "clinic",
            "limit": {"epsilon": "3", "delta": "0.000001"},
            "spent": {"epsilon": "0.1", "delta": "0"},
            "remaining": {"epsilon": "2.9", "delta": "0.000001"},
            "dataset_remaining": None,
            "releases": 1,
        }
    ],
}

RELEASES: Final[dict[str, Any]] = {
    "releases": [
        {
            "release_id": "rel_5b0c6f0f2f9b4e0a",
            "dataset": "clinic",
            "created_at": "2026-11-22T20:15:00+00:00",
            "sql": _SQL,
            "charged": {"epsilon": "0.1", "delta": "0"},
        }
    ]
}

ME: Final[dict[str, Any]] = {
    "principal": "ada",
    "role": "analyst",
    "key_id": "key_3f9a2c71b0de",
    "expires_at": None,
    "datasets": ["clinic"],
}
