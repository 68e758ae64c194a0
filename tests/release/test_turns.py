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


def ask(turns: Turns, who: str) -> None:
    with turns.one(who, True):
        pass


def test_who_had_it_long_rests_as_long_while_others_have_it_at_once() -> None:
    clock = Clock()
    turns = Turns(wait_s=0.02, clock=clock)
    with turns.one("greedy", True):
        waits = threading.Thread(target=pytest.raises, args=(Overloaded, ask, turns, "modest"))
        waits.start()
        until(lambda: bool(turns._waiting))
        clock.now += 5
        waits.join(60)  # was turned away, and will ask again
    with pytest.raises(Overloaded, match=r"Others ask.* your last such statement") as told:
        ask(turns, "greedy")
    assert told.value.extra["retry_after_s"] == 5
    ask(turns, "modest")
    ask(turns, "greedy")  # for who asked has had theirs


def test_who_asks_alone_does_not_rest() -> None:
    clock = Clock()
    turns = Turns(wait_s=0, clock=clock)
    ask(turns, "other")
    for _ in range(3):
        with turns.one("ada", True):
            clock.now += 3
    with turns.one("ada", True), pytest.raises(Overloaded, match=r"Other statements .* run first") as told:
        ask(turns, "ada")
    assert "retry_after_s" not in told.value.extra


def test_who_is_rested_goes_before_who_rests_and_those_who_all_rest_wait_for_nobody() -> None:
    clock = Clock()
    turns, had = Turns(wait_s=600, clock=clock), list[str]()
    for who, took in (("early", 200), ("late", 100)):
        with turns.one(who, True):
            clock.now += took

    def take(who: str) -> None:
        with turns.one(who, True):
            had.append(who)

    threads = []
    with turns.one("holder", True):
        for who in ("late", "early", "new"):
            threads.append(threading.Thread(target=take, args=(who,)))
            threads[-1].start()
            until(lambda: len(turns._waiting) == len(threads))
    for thread in threads:
        thread.join(60)
    assert had == ["new", "early", "late"], "and the clock stood still"


def test_who_needs_none_waits_for_none() -> None:
    turns = Turns(wait_s=0.01)
    with turns.one("ada", True):
        with turns.one("ben", False):
            pass
        with pytest.raises(Overloaded), turns.one("ben", True):
            pass
    with turns.one("ben", True):
        pass
