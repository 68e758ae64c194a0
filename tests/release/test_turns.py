"""Whose turn it is among those who ask for what costs nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from tacit_service.errors import Overloaded
from tacit_service.release.turns import Turns


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_who_had_the_turn_longest_ago_goes_first() -> None:
    clock = Clock()
    turns, had = Turns(wait_s=600, clock=clock), list[str]()
    for who in ("early", "late"):
        with turns.one(who, True):
            pass

    def take(who: str) -> None:
        with turns.one(who, True):
            had.append(who)

    with turns.one("holder", True):
        threads = []
        for who in ("late", "early", "new"):  # in the order in which they ask
            threads.append(threading.Thread(target=take, args=(who,)))
            threads[-1].start()
            until(lambda: len(turns._waiting) == len(threads))
    for thread in threads:
        thread.join(60)
    assert had == ["new", "early", "late"]


def test_who_had_it_long_rests_as_long_while_others_have_it_at_once() -> None:
    clock = Clock()
    turns = Turns(wait_s=2, clock=clock)
    with turns.one("greedy", True):
        clock.now += 5
    with pytest.raises(Overloaded, match="Nothing was run or charged") as told, turns.one("greedy", True):
        pass
    assert told.value.extra["retry_after_s"] == 5
    with turns.one("modest", True):
        pass
    clock.now += 5
    with turns.one("greedy", True):
        pass


def test_who_needs_none_waits_for_none() -> None:
    turns = Turns(wait_s=0.01)
    with turns.one("ada", True):
        with turns.one("ben", False):
            pass
        with pytest.raises(Overloaded), turns.one("ben", True):
            pass
    with turns.one("ben", True):
        pass
