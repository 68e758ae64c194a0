"""Every golden case plans or refuses exactly as its file says."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest

from tacit_service.errors import Refusal
from tacit_service.query.options import extract
from tacit_service.query.suggest import suggestion

HERE = Path(__file__).parent
_spec = importlib.util.spec_from_file_location("golden_harness", HERE / "harness.py")
assert _spec is not None
assert _spec.loader is not None
harness = importlib.util.module_from_spec(_spec)
sys.modules["golden_harness"] = harness
_spec.loader.exec_module(harness)

FILES = sorted(HERE.glob("*.sql"))
CASES = [(path.name, case) for path in FILES for case in harness.cases(path)]


@pytest.fixture(scope="module")
def catalog():
    found = harness.catalog()
    if os.environ.get("TACIT_GOLDEN_UPDATE"):
        for path in FILES:
            path.write_text(harness.rewritten(path, found))
    return found


@pytest.mark.parametrize(("file", "case"), CASES, ids=[f"{f}:{c.name}" for f, c in CASES])
def test_a_statement_becomes_what_its_golden_file_says(catalog, file, case):
    assert harness.outcome(catalog, case.sql) == case.expected


def test_golden_files_have_cases_of_both_kinds():
    assert len(CASES) >= 100
    refused = [c for _, c in CASES if c.expected.startswith("-- refused")]
    assert len(refused) >= 40


def test_planning_is_a_function_of_the_text():
    # quotes, receipts and held releases rest on it
    sql = "SELECT region, AVG(income) FROM patients WHERE age > 30 GROUP BY region"
    assert harness.outcome(harness.catalog(), sql) == harness.outcome(harness.catalog(), sql)


@pytest.mark.parametrize(
    ("sql", "offered"),
    [
        ("SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 0.5) COUNT(*) AS n FROM patients ORDER BY age",
         "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 0.5) COUNT(*) AS n FROM patients"),
        ("SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 0.5, max_group_contributed = 3) COUNT(*) FROM patients",
         "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 0.5, max_groups_contributed = 3) COUNT(*) FROM patients"),
        ("SELECT WITH ANONYMIZATION OPTIONS (epsilon = 1, kappa = 2) clinic, ANON_COUNT(*) AS n FROM visits GROUP BY clinic",
         "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1, max_groups_contributed = 2) clinic, COUNT(*) AS n FROM visits "
         "GROUP BY clinic"),
    ],
)  # fmt: skip
def test_a_suggestion_keeps_the_options(catalog, sql, offered):
    def refused(text):
        try:
            bare, _ = extract(text)
        except Refusal as refusal:
            return refusal
        return harness.refused(catalog, bare)

    found = suggestion(catalog, sql, refused(sql), refused)
    assert " ".join(found.split()) == offered
