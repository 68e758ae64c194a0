"""``tacit-service audit``: it finds nothing where nothing is wrong, and something where a bug is planted."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from tacit_service.audit.bound import clopper_pearson, lower_bound
from tacit_service.audit.command import read_queries
from tacit_service.audit.run import audit
from tacit_service.cli import main
from tacit_service.engine import bounding
from tacit_service.errors import PolicyError
from tacit_service.policy.load import Loaded
from tacit_service.privacy.sensitivity import one_row

QUERIES = [
    "SELECT COUNT(*) FROM visits",
    "SELECT diagnosis, COUNT(*) FROM visits GROUP BY 1",
    "SELECT COUNT(*) FROM patients WHERE income > (SELECT AVG(income) FROM patients)",
    "SELECT * FROM patients",
]


def test_the_audit_finds_nothing_wrong_and_bounds_epsilon_from_below(loaded: Loaded, tmp_path, capsys) -> None:
    (tmp_path / "queries.json").write_text(json.dumps(QUERIES))
    status = main(
        ["audit", "--dataset", "clinic", "--policy", str(loaded.path), "--queries", str(tmp_path / "queries.json"),
         "--units", "1", "--rounds", "40", "--epsilon", "10", "--json"]
    )  # fmt: skip
    report = json.loads(capsys.readouterr().out)
    assert (status, report["holds"]) == (0, True)
    refused = [s["refused"] for s in report["statements"]]
    assert refused == [None, None, None, "unit_in_output"]
    visits, diagnoses, staged, _ = report["statements"]
    assert visits["findings"][0]["measured"] == visits["findings"][0]["declared"], "somebody has more rows than count"
    assert 0.5 < visits["bound"]["epsilon"] <= 10
    assert {f["release_point"] for f in staged["findings"]} == {"__r0", "__r1"}
    assert {f["mechanism"] for f in diagnoses["findings"]} >= {"laplace_threshold"}
    assert "RARE" not in json.dumps(report)


def test_the_audit_finds_a_planted_bug(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise made for one row of a unit where five count."""
    monkeypatch.setattr(bounding, "sensitivity", lambda measure: one_row(1))
    report = audit(loaded, QUERIES[:1], units=1, epsilon="1")
    assert not report.holds
    finding = report.statements[0].findings[0]
    assert finding.measured.linf > finding.declared.linf


def test_limits_are_those_of_clopper_and_pearson() -> None:
    stats = pytest.importorskip("scipy.stats")
    for k, n in ((0, 10), (3, 10), (10, 10), (250, 1000), (999, 1000)):
        low, high = clopper_pearson(k, n, 0.005)
        exact_low = 0.0 if k == 0 else stats.beta.ppf(0.005, k, n - k + 1)
        exact_high = 1.0 if k == n else stats.beta.ppf(0.995, k + 1, n - k)
        assert math.isclose(low, exact_low, abs_tol=1e-9)
        assert math.isclose(high, exact_high, abs_tol=1e-9)


@pytest.mark.parametrize("epsilon", [0.5, 2.0])
def test_a_bound_is_below_the_truth_and_near_it(epsilon: float) -> None:
    rng = np.random.default_rng(1)
    p = 1 - math.exp(-epsilon)

    def noise() -> Any:
        return rng.geometric(p, 20_000) - rng.geometric(p, 20_000)

    found = lower_bound(100 + noise(), 99 + noise())
    assert 0.7 * epsilon < found.epsilon <= epsilon
    assert lower_bound(noise(), noise()).epsilon < 0.1


@pytest.mark.parametrize(("name", "text"), [("q.json", "{"), ("q.json", "[1]"), ("q.sql", ""), ("q.json", '{"a": 1}')])
def test_files_without_statements_are_told(tmp_path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(PolicyError):
        read_queries(tmp_path / name)
