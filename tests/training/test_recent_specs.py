"""What is remembered of training specifications is remembered for who asked: its speed tells nobody else of it."""

from __future__ import annotations

from typing import Any

import pytest

from tacit.wire import TrainingRequest
from tacit_service.training import desk


def test_a_spec_is_planned_anew_for_another_analyst(monkeypatch: pytest.MonkeyPatch) -> None:
    planned: list[str] = []

    def plan(_: Any, __: Any, request: TrainingRequest, *___: Any) -> object:
        planned.append(request.label)
        return object()

    monkeypatch.setattr(desk, "plan", plan)
    monkeypatch.setattr(desk, "Jobs", lambda _: None)
    monkeypatch.setattr(desk, "fits_checkpoint", lambda *_: None)
    nothing: Any = None
    trains = desk.TrainingDesk(nothing, nothing, nothing, nothing, nothing)
    request = TrainingRequest(dataset="clinic", sql="SELECT age, sex FROM patients", label="age", model={"type": "mlp"})
    mine = trains._plan("ada", request)
    assert trains._plan("ada", request) is mine
    assert trains._plan("ben", request) is not mine
    assert len(planned) == 2
