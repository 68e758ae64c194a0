"""An analyst whom the owner gave an account, on the real service: asks, is charged, and is there after a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from tacit import wire
from tacit_service.access import Principal, Role
from tacit_service.administration.models import Appointment, KeyRequest, StateChange
from tacit_service.assembly import Service, opener
from tacit_service.demo_data import clinic_policy, make_clinic
from tacit_service.errors import BudgetExhausted, NotFound
from tacit_service.ledger.verify import verify

OLGA = Principal("olga", Role.OWNER, frozenset({"*"}), "key_o")
QUESTION = wire.QueryRequest(dataset="clinic", sql="SELECT COUNT(*) AS n FROM patients", epsilon="0.1")


def test_an_appointed_analyst_asks_within_their_own_limit(tmp_path: Path):
    make_clinic(tmp_path, 2_000)
    policy = tmp_path / "clinic.yaml"
    policy.write_text(clinic_policy(), encoding="utf-8")
    url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"

    def opened() -> Service:
        return Service.of(opener([policy], url, tmp_path / "snapshots")())

    service = opened()
    try:
        office = service.office()
        secret = office.keys.add(OLGA, KeyRequest(principal="eve", datasets=["clinic"])).secret
        eve = service.authenticate(f"Bearer {secret}")
        with pytest.raises(NotFound):
            service.desk(eve, "clinic")
        taken = [a for a in office.accounts.accounts(OLGA, "clinic") if a.analyst is not None]
        office.accounts.set_state(OLGA, "clinic", StateChange(state="closed", analyst=taken[0].analyst, reason="left"))
        office.accounts.appoint(OLGA, "clinic", Appointment(analyst="eve", epsilon="0.15"))
        answer = service.desk(eve, "clinic").query("eve", QUESTION, None)
        assert answer.receipt.charged.epsilon == "0.1"
        assert answer.receipt.remaining.epsilon == "0.05"
        with pytest.raises(BudgetExhausted):
            service.desk(eve, "clinic").query("eve", QUESTION.model_copy(update={"fresh": True}), None)
    finally:
        service.close()

    service = opened()
    try:
        eve = service.authenticate(f"Bearer {secret}")
        assert service.desk(eve, "clinic").query("eve", QUESTION, None).rows == answer.rows
        spending = service.spending(eve, "clinic", 10)
        assert [(day.charges, day.spent.epsilon) for day in spending.days] == [(1, "0.1")]
        assert verify(url).ok
    finally:
        service.close()
