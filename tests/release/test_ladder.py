"""Answers that took data leave at declared times; what took none does not wait."""

from __future__ import annotations

import pytest

from tacit_service.errors import Overloaded
from tacit_service.release.ladder import ENGINE_S_MAX, Ladder


@pytest.mark.parametrize(
    ("elapsed_s", "step"), [(0, 50), (0.049, 50), (0.05, 50), (0.0501, 100), (0.2, 200), (0.201, 400), (1.9, 2000)]
)
def test_it_leaves_at_the_first_step_that_is_not_past(elapsed_s, step):
    assert Ladder((50, 100, 200)).step(elapsed_s) == step


def test_the_engine_has_what_the_last_step_leaves_it():
    now = [0.0]
    run = Ladder((100, 1000), lambda: now[0]).start()
    assert run.engine_s() == pytest.approx(0.8)
    now[0] = 0.5
    assert (run.engine_s(), run.leave_ms()) == (pytest.approx(0.3), 1000)
    now[0] = 7
    assert 0 < run.engine_s() <= 0.05
    assert run.leave_ms() == 7000


def test_what_is_late_before_its_charge_is_refused_free():
    now = [0.0]
    run = Ladder((100, 10_000), lambda: now[0]).start()
    now[0] = 3.9
    run.still_in_time()
    now[0] = 4.1
    with pytest.raises(Overloaded, match="Nothing was run or charged"):
        run.still_in_time()
    off = Ladder((), lambda: now[0]).start()
    now[0] = 1e6
    off.still_in_time()


def test_no_ladder_is_no_waiting():
    run = Ladder(()).start()
    assert (run.leave_ms(), run.engine_s()) == (None, ENGINE_S_MAX)
