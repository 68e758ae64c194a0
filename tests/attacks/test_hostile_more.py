"""Six hundred more hostile statements: refused free or answered soundly, and alike on two databases that differ by a patient.

What is refused is refused by the text alone, in planning, so most of the list needs no database. ``TACIT_HOSTILE=all`` sends each
over HTTP to both; otherwise of what is answered every fifteenth is sent, the ``hard`` (whose outcome is the machine's speed) not at all.
"""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tacit_attacks_doors import Door, open_door

from tacit_service.demo_data import clinic_policy, make_clinic
from tacit_service.errors import Refusal
from tacit_service.policy.load import load_policy
from tacit_service.query.caps import Caps
from tacit_service.release.planner import PlannerPool
from tacit_service.release.planning import LocalPlanner

MORE = json.loads(Path(__file__).with_name("hostile_more.json").read_text(encoding="utf-8"))
WHOLE = os.environ.get("TACIT_HOSTILE") == "all"
STRIDE = 1 if WHOLE else 15
ONE = 7  # the patient who is in one database alone


def listed(*outcomes: str) -> list[str]:
    """Statements with one of the outcomes, of all kinds."""
    return [sql for outcome in outcomes for kind in MORE[outcome].values() for sql in kind]


@pytest.fixture(scope="module")
def pair(parsers: PlannerPool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Door, Door]]:
    """The demo's clinic, and the same less one patient."""
    with ExitStack() as stack:
        doors = []
        for less in (False, True):
            folder = tmp_path_factory.mktemp("hostile_more")
            make_clinic(folder, rows=800)
            for table in ("patients", "visits") if less else ():
                path, kept = folder / f"{table}.parquet", folder / "kept.parquet"
                with duckdb.connect() as connection:
                    connection.execute(f"COPY (FROM '{path}' WHERE patient_id <> {ONE}) TO '{kept}'")
                kept.replace(path)
            (folder / "policy.yaml").write_text(clinic_policy("1000", "1e-3"))
            loaded = load_policy(folder / "policy.yaml")
            doors.append(
                open_door(stack, loaded, folder / "door", folder / "snapshots", parsers, analysts=("analyst",))
            )
        yield doors[0], doors[1]


def outcome(door: Door, sql: str) -> dict[str, Any]:
    """What must not depend on one patient."""
    before = door.charged("analyst")
    status, answer = door.ask(sql, "analyst", epsilon="0.01")
    cost = door.charged("analyst") - before
    shown = [(c["name"], c["type"], c["kind"]) for c in answer.get("columns", [])]
    if status == 200:
        assert all(not isinstance(c, float) or math.isfinite(c) for row in answer["rows"] for c in row), sql
        assert (cost > 0) is bool(answer["receipt"]["mechanisms"]), sql
    else:
        assert 400 <= status < 500, (sql, status, answer)
        assert cost == 0, sql
    return {"status": status, "code": answer.get("code"), "columns": shown, "cost": cost}


@pytest.mark.parametrize("kind", MORE["refused"])
def test_it_is_refused_by_its_text_alone(pair: tuple[Door, Door], kind: str) -> None:
    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # says of each what it does not know
    planner = LocalPlanner(pair[0].desk.preparer.catalog)
    planned = []
    for sql in MORE["refused"][kind]:
        try:
            planner.plan(sql, Caps())
        except Refusal:
            continue
        planned.append(sql)
    assert planned == []


def test_it_is_the_same_with_and_without_one_patient(pair: tuple[Door, Door]) -> None:
    sent = listed("answered")[::STRIDE] + listed("refused_by_a_dry_run")
    if WHOLE:
        sent += listed("refused", "hard")
    differ, wrong = [], []
    for sql in sent:
        one, other = (outcome(door, sql) for door in pair)
        if one != other:
            differ.append((sql, one, other))
        if (one["status"] == 200) is not (sql in listed("answered")) and sql not in listed("hard"):
            wrong.append((sql, one))
    assert differ == []
    assert wrong == []
