"""What counts towards the time that a statement may take, and what does not."""

from __future__ import annotations

import pytest

from tacit_service.engine.process import WorkerFailure
from tacit_service.errors import EngineFailure, Overloaded
from tacit_service.release import patience
from tacit_service.release.patience import left, running, waiting, within
from tacit_service.release.postprocess import Sandbox


class Clock:
    """Seconds that pass when the test says so."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(patience, "time", found)
    return found


def test_waiting_for_a_child_that_others_use_takes_nothing_from_the_time_to_run(clock: Clock) -> None:
    with running(5), running(3):
        with waiting():
            clock.now += 8
        assert left(10) == pytest.approx(3)
        clock.now += 2.95
        with pytest.raises(EngineFailure):
            left(10)


def test_what_need_not_be_had_ends_in_time_waiting_included(clock: Clock) -> None:
    with within(2), running(3):
        with waiting() as wait_s:
            assert wait_s == pytest.approx(2)
            clock.now += 1.5
        assert left(10) == pytest.approx(0.5)
        assert isinstance(patience.late("parsers"), EngineFailure), "the refusal stands without it"
    assert isinstance(patience.late("parsers"), Overloaded), "else the service is busy, and says so"


def test_a_dry_run_that_finds_no_child_free_is_told_that_the_service_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "WAIT_S_MAX", 0.01)
    with Sandbox({}, dry=1) as sandbox, sandbox._dry.lent():
        with pytest.raises(Overloaded, match="Nothing was run or charged"), running(3):
            sandbox.query("SELECT 1 AS one", dry=True)
        with pytest.raises(EngineFailure), within(3):
            sandbox.query("SELECT 1 AS one", dry=True)
        assert sandbox.query("SELECT 1 AS one").num_rows == 1, "what is answered has children of its own"
        with pytest.raises(WorkerFailure), sandbox._dry.lent(0.01):
            pass
