"""A draft rehearsed: what the page tells an owner is what an analyst would be quoted, and its errors behave like noise."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tacit_service.errors import Overloaded, RequestError
from tacit_service.rehearsal import rehearse as room
from tacit_service.rehearsal.models import Rehearsal, RehearsalRequest
from tacit_service.rehearsal.rehearse import read, rehearse

CLINIC = (Path(__file__).resolve().parents[2] / "policies/clinic.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def clinic() -> Rehearsal:
    return rehearse(RehearsalRequest(policy=CLINIC, units=1000, epsilons=["0.1", "3"], years=3))


def test_every_typical_question_has_an_answer_at_every_price(clinic: Rehearsal):
    assert clinic.ok
    assert set(clinic.tables) == {"patients", "visits"}
    assert [q.refused for q in clinic.questions] == [None] * len(clinic.questions)
    assert len(clinic.questions) >= 6
    assert all([trial.epsilon for trial in q.trials] == ["0.1", "3"] for q in clinic.questions)


def test_the_count_is_quoted_as_the_policy_says_and_dearer_is_sharper(clinic: Rehearsal):
    count = next(q for q in clinic.questions if q.sql == "SELECT COUNT(*) AS n FROM patients")
    cheap, dear = count.trials
    assert (cheap.plus_minus, dear.plus_minus) == (30.0, 1.0)  # ln 20 / ε, as a patient counts once
    by_region = next(q for q in clinic.questions if q.sql.startswith("SELECT region"))
    # at ε 3 all 32 draws are zero once in 25 runs; at ε 0.1 their root mean square is within these ends but once in 10^9
    assert by_region.trials[0].error > 5 * by_region.trials[1].error >= 0
    expected = 2**0.5 / 0.1 / 125  # sqrt(2)/ε over the mean of 1,000 patients in 8 regions
    assert 0.25 * expected < by_region.trials[0].error < 5 * expected


def test_the_year_is_a_share_of_the_life_and_the_ledger_says_what_fits(clinic: Rehearsal):
    assert clinic.yearly is not None
    assert clinic.yearly.epsilon == "1"
    cheap, dear = clinic.questions[0].trials
    assert cheap.fits >= 10  # Σε alone would give ten; the Rényi lane may give more
    assert dear.fits == 0


def test_caps_lose_rows_and_the_error_says_so():
    capped = CLINIC.replace("max_rows: 30", "max_rows: 1").replace("max_groups: 10", "max_groups: 1")
    capped = capped.replace("max_rows_per_group: 25", "max_rows_per_group: 1")
    asked = RehearsalRequest(
        policy=capped, units=500, rows_per_unit=10, epsilons=["3"], questions=["SELECT COUNT(*) AS n FROM visits"]
    )
    (trial,) = rehearse(asked).questions[0].trials
    assert trial.error is not None
    assert trial.error > 0.8


def test_a_draft_with_errors_is_told_by_line_and_not_rehearsed():
    broken = rehearse(RehearsalRequest(policy=CLINIC.replace("epsilon: 3", "epsilon: -3", 1)))
    assert not broken.ok
    line = CLINIC.splitlines().index("budget: { epsilon: 3, delta: 0.000001 }") + 1
    assert [(found.line, found.level, found.path) for found in broken.lines] == [(line, "error", "budget.epsilon")]
    assert broken.questions == []


def test_reading_says_what_each_line_lets_an_analyst_ask():
    reading = read(CLINIC)
    assert reading.ok
    at = {found.path: found for found in reading.lines}
    region = at["tables.patients.columns.region"]
    assert CLINIC.splitlines()[region.line - 1].strip().startswith("region:")
    assert region.text == "COUNT, GROUP BY 8 declared keys, no δ"


def test_a_refused_question_is_an_answer_too_and_images_are_left_out():
    scans = CLINIC.replace("patient_id: { type: integer }", "scan: { type: image, shape: [8, 8] }", 1)
    asked = RehearsalRequest(policy=scans, units=50, epsilons=["1"], questions=["SELECT age FROM patients"])
    found = rehearse(asked)
    assert any("Images are left out" in note for note in found.notes)
    (tried,) = found.questions
    assert tried.refused is not None
    assert tried.trials == []


def test_prices_are_checked_and_one_rehearsal_runs_at_a_time():
    with pytest.raises(RequestError, match="epsilons"):
        rehearse(RehearsalRequest(policy=CLINIC, epsilons=["cheap"]))
    held = threading.Lock()
    with held, pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "_ONE_AT_A_TIME", held)
        with pytest.raises(Overloaded):
            rehearse(RehearsalRequest(policy=CLINIC))
