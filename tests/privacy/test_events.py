"""Events are data that never changes meaning: exact round trips, and nothing unknown is guessed."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, replace

import pytest

from tacit_service.privacy.events import (
    KINDS,
    DpSgdEvent,
    GaussianEvent,
    GaussianThresholdEvent,
    LaplaceEvent,
    LaplaceThresholdEvent,
    NoisyChoicesEvent,
    NoisyMaxEvent,
    from_dict,
)

EVENTS = [
    LaplaceEvent("patient", "opendp 0.16.0", scale=200.00000000000003, l1=20, epsilon=0.1),
    GaussianEvent("patient", "opendp 0.16.0", scale=101.3, l2=22.36, rho=0.0243, epsilon=1.0, delta=1e-6),
    LaplaceThresholdEvent(
        "patient", "opendp 0.16.0", scale=5.0, threshold=75, l0=5, l1=5, linf=1, epsilon=1.0, delta=8.4e-7
    ),
    GaussianThresholdEvent(
        "patient",
        "opendp 0.16.0",
        scale=21.4,
        threshold=118,
        l0=20,
        l2=4.47213595499958,
        linf=1,
        rho=0.0219,
        epsilon=1.0,
        delta=5e-7,
        threshold_delta=4.9e-7,
    ),
    NoisyMaxEvent("patient", "opendp 0.16.0", scale=20.0, linf=1, monotonic=False, candidates=100, epsilon=0.1),
    NoisyChoicesEvent("patient", "opendp 0.16.0", scale=80.0, total=4, candidates=100, epsilon=0.1),
    DpSgdEvent("patient", "dp-accounting 0.6.0", q=0.01, sigma=1.0, steps=1000, epsilon=2.1, delta=1e-6),
]


def test_every_kind_has_an_example_here():
    assert {event.kind for event in EVENTS} == set(KINDS)


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: e.kind)
def test_an_event_survives_storage_bit_for_bit(event):
    stored = json.loads(event.canonical())
    assert from_dict(stored) == event
    assert from_dict(stored).canonical() == event.canonical()
    assert not any(isinstance(value, float) for value in stored.values())


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: e.kind)
def test_events_are_frozen_and_hashable(event):
    with pytest.raises(FrozenInstanceError):
        event.unit = "nobody"
    assert len({event, replace(event)}) == 1


@pytest.mark.parametrize("change", [
    {"kind": "unheard_of"}, {"kind": ""}, {"version": 2}, {"version": None}, {"relation": "replace_one_unit"},
    {"relation": None}, {"surprise": 1},
])  # fmt: skip
def test_what_this_version_does_not_know_is_refused(change):
    stored = {**EVENTS[0].to_dict(), **change}
    with pytest.raises(ValueError, match="event"):
        from_dict(stored)


@pytest.mark.parametrize("missing", ["kind", "version", "relation", "unit", "library", "scale", "l1", "epsilon"])
def test_a_missing_field_is_refused(missing):
    stored = EVENTS[0].to_dict()
    del stored[missing]
    with pytest.raises(ValueError, match="event"):
        from_dict(stored)


def test_the_stored_form_is_what_the_journal_hashes_and_never_changes():
    assert EVENTS[0].canonical() == (
        '{"epsilon":"0x1.999999999999ap-4","kind":"laplace","l1":20,"library":"opendp 0.16.0",'
        '"relation":"add_remove_one_unit","scale":"0x1.9000000000001p+7","unit":"patient","version":1}'
    )
