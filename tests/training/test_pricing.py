"""Runs are priced in a process of their own: the same numbers, out of reach of who asks, and remembered for nobody."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator

import pytest

from tacit_service.privacy.units import Delta, Epsilon
from tacit_service.training import accounting, pricing
from tacit_service.training.pricing import PricingProcess, priced

DELTA = Delta.parse("1e-6")


@pytest.fixture(scope="module")
def process() -> Iterator[PricingProcess]:
    made = PricingProcess()
    yield made
    made.close()


def test_a_price_is_the_same_as_in_this_process(process: PricingProcess) -> None:
    """Also by the successor of a process that was killed."""
    assert process("person", 0.25, 100, DELTA, 2.5) == priced("person", 0.25, 100, DELTA, 2.5)
    assert process._worker is not None
    assert process._worker.pid is not None
    with contextlib.suppress(ProcessLookupError):
        os.kill(process._worker.pid, signal.SIGKILL)
    three = Epsilon.parse("3")
    assert process("person", 0.25, 100, DELTA, three).sigma == accounting.smallest_sigma(0.25, 100, three, DELTA)


def test_what_no_noise_reaches_is_out_of_reach(process: PricingProcess) -> None:
    with pytest.raises(accounting.OutOfReach):
        process("person", 0.5, 500, Delta.parse("1e-9"), Epsilon.parse("0.001"))


def test_nothing_is_remembered_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the work that is done, which is what a stopwatch would see."""
    done: list[float] = []
    real = accounting._accountant
    monkeypatch.setattr(accounting, "_accountant", lambda *a: (done.append(a[1]), real(*a))[1])
    handle, _ = pricing._start()
    asked = {"unit": "person", "q": 0.25, "steps": 50, "delta": "1e-6", "sigma": 2.5}
    effort = []
    for _ in range(2):
        handle(dict(asked), [])
        effort.append(len(done))
    assert effort[1] == 2 * effort[0] > 0
    accounting.epsilon_of.cache_clear()
