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

_TRAINING_SQL: Final = "SELECT age, sex, region, income > 50000 AS well_off FROM patients"
_PARAMETERS: Final[dict[str, Any]] = {
    "sampling_rate": 0.02,
    "steps": 750,
    "clipping_norm": 1.0,
    "max_rows": 1,
    "learning_rate": 0.5,
    "optimizer": "sgd",
    "momentum": 0.9,
    "weight_decay": 0.0,
    "units": 20000,
    "noise_multiplier": 2.765,
}

TRAINING_REQUESTS: Final[dict[str, Any]] = {
    "logistic regression": {
        "summary": "Who earns more than 50,000",
        "value": {
            "dataset": "clinic",
            "sql": _TRAINING_SQL,
            "label": "well_off",
            "model": {"type": "logistic_regression"},
            "epsilon": "1",
            "delta": "1e-7",
            "units": 20000,
        },
    },
    "network": {
        "summary": "A small network; the number of patients is bought with part of the epsilon",
        "value": {
            "dataset": "clinic",
            "sql": "SELECT age, sex, region, income FROM patients",
            "label": "income",
            "model": {"type": "mlp", "hidden": [32], "activation": "tanh"},
            "epsilon": "2",
            "epochs": 20,
        },
    },
}

TRAINING_QUOTE: Final[dict[str, Any]] = {
    "dataset": "clinic",
    "price": {"epsilon": "0.999", "delta": "0.0000001"},
    "affordable": True,
    "remaining": {"epsilon": "3", "delta": "0.0000003"},
    "parameters": _PARAMETERS,
    "epsilon_by_epoch": [[7.5, 0.71], [15.0, 0.999]],
    "features": ["age", "sex", "region"],
    "label": "well_off",
    "notes": ["One patient is one unit: at most 1 of its rows make one gradient."],
}

TRAINING_JOB: Final[dict[str, Any]] = {
    "id": "job_8d4c1f0b6a2e9d73c5b1a0f4",
    "status": "running",
    "dataset": "clinic",
    "sql": _TRAINING_SQL,
    "label": "well_off",
    "model": {"type": "logistic_regression"},
    "price": {"epsilon": "0.999", "delta": "0.0000001"},
    "charged": {"epsilon": "0.999", "delta": "0.0000001"},
    "steps": 750,
    "steps_begun": 300,
    "steps_done": 250,
    "epsilon_so_far": 0.62,
    "parameters": _PARAMETERS,
    "created_at": "2026-11-22T20:15:00.000+00:00",
    "started_at": "2026-11-22T20:15:01.000+00:00",
    "finished_at": None,
    "code": None,
}

ARTIFACT: Final[dict[str, Any]] = {
    "name": "model.safetensors",
    "media_type": "application/vnd.safetensors",
    "bytes": 412,
    "sha256": "9c56cc51b374c3ba189210d5b6d4bf57790d351c96c47c02190ecf1e430635ab",
}

PREDICTION_REQUESTS: Final[dict[str, Any]] = {
    "two patients": {
        "summary": "One of them of unknown age",
        "value": {"rows": [{"age": 41, "sex": "F", "region": "R1"}, {"age": None, "sex": "M", "region": "R2"}]},
    }
}

PREDICTIONS: Final[dict[str, Any]] = {
    "predictions": [True, False],
    "classes": [False, True],
    "scores": [[0.31, 0.69], [0.74, 0.26]],
}

MODEL_CARD: Final[dict[str, Any]] = {
    "job_id": TRAINING_JOB["id"],
    "release_id": "mdl_0f2b6f0d9c1a4e7b8d3c5a61",
    "dataset": "clinic",
    "sql": _TRAINING_SQL,
    "created_at": "2026-11-22T20:15:20.000+00:00",
    "privacy_unit": "patient",
    "relation": "add_remove_one_unit",
    "price": {"epsilon": "0.999", "delta": "0.0000001"},
    "epsilon": 0.999,
    "delta": 1e-7,
    "sampling_rate": 0.02,
    "noise_multiplier": 2.765,
    "steps": 750,
    "clipping_norm": 1.0,
    "max_rows": 1,
    "expected_batch": 400.0,
    "units_source": "given",
    "accountants": {"lane P": "dp_accounting 0.6.0 PLD", "PLD epsilon": 0.999},
    "epsilon_by_epoch": [[7.5, 0.71], [15.0, 0.999]],
    "model": {"type": "logistic_regression"},
    "task": "classification",
    "features": [{"name": "age", "kind": "number", "type": "integer", "low": 0.0, "high": 110.0, "nullable": True}],
    "label": {"name": "well_off", "kind": "category", "type": "boolean", "categories": [False, True]},
    "parameters": _PARAMETERS,
    "tensors": {"0.weight": [1, 2], "0.bias": [1]},
    "model_sha256": "9c56cc51b374c3ba189210d5b6d4bf57790d351c96c47c02190ecf1e430635ab",
    "libraries": {"torch": "2.13.0"},
    "ledger": {"sequence": 17, "hash": "9c56cc51b374c3ba189210d5b6d4bf57790d351c96c47c02190ecf1e430635ab"},
    "limits": ["The promise is for one privacy unit of the dataset."],
}
