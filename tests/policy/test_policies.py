"""The example policies load, and what is generated is fresh."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tacit_service.demo_data import clinic_policy
from tacit_service.policy.load import load_policy
from tacit_service.policy.model import Budget, Column, Contribution, PerQuery, Policy, PrivacyUnit, Table
from tacit_service.policy.schema import render_schema

POLICIES = Path(__file__).resolve().parents[2] / "policies"


@pytest.mark.parametrize("path", sorted(POLICIES.glob("*.yaml")), ids=lambda p: p.name)
def test_examples_load(path: Path) -> None:
    assert load_policy(path).policy.dataset == path.stem


def test_generated_files_are_fresh() -> None:
    assert (POLICIES / "schema.json").read_text(encoding="utf-8") == render_schema()
    assert (POLICIES / "clinic.yaml").read_text(encoding="utf-8") == clinic_policy()


def test_readme_names_every_field_and_file() -> None:
    readme = (POLICIES / "README.md").read_text(encoding="utf-8")
    for model in (Policy, Table, Column, Contribution, Budget, PerQuery, PrivacyUnit):
        assert all(f"`{field}`" in readme for field in model.model_fields), model
    assert all(f"({p.name})" in readme for p in POLICIES.iterdir() if p.name != "README.md")


def test_schema_holds_amounts_as_decimals_and_closes_every_object() -> None:
    schema = json.loads(render_schema())
    assert schema["$defs"]["PerQuery"]["properties"]["default_epsilon"]["default"] == "0.1"
    objects: list[dict[str, Any]] = [schema, *schema["$defs"].values()]
    assert all(o["additionalProperties"] is False for o in objects)


def test_clinic_policy_takes_only_amounts() -> None:
    with pytest.raises(ValueError, match="decimal"):
        clinic_policy(epsilon="3 }\noverride: true")
