"""The budget over HTTP: spent twice, replayed, averaged, pooled, asked for in numbers that are none."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from decimal import Decimal

import pytest
from tacit_attacks_doors import Door, open_door, with_policy

from tacit_service.engine.snapshot import build_snapshot
from tacit_service.ledger.verify import verify
from tacit_service.policy.model import Budget
from tacit_service.privacy.units import Delta, Epsilon

COUNT = "SELECT COUNT(*) AS n FROM patients"
REPEATS = int(os.environ.get("TACIT_REPEATS", "12"))
BODY = '{{"dataset": "clinic", "sql": "SELECT COUNT(*) FROM patients", "fresh": true, "epsilon": {epsilon}}}'


@pytest.mark.parametrize(
    "epsilon",
    ["NaN", "-1", "1e400", "true", "0", "-0.0", "1e-320", "1e-13", "Infinity", '"Infinity"', '"nan"', '"-1"', '"1e400"',
     '"0x1"', '"1_0"', '" 1"', '"٣"', "[]", "{}", '"0.1; DROP"', "11", '""', "1e999999999", '"' + "9" * 5000 + '"',
     '{"$gt": 0}', "0.30000000000000004"],
)  # fmt: skip
def test_what_is_no_price_is_refused_and_costs_nothing(whole: Door, epsilon: str) -> None:
    before = whole.spent()
    status, _, content = whole.call("POST", "/v1/queries", body=BODY.format(epsilon=epsilon))
    assert status in (400, 422), content
    assert json.loads(content)["code"]
    assert whole.spent() == before


@pytest.mark.parametrize("field", ["delta", "max_rows", "max_groups", "max_amount", "accuracy"])
@pytest.mark.parametrize("value", ["NaN", "-1", "1e400", "true", '"x"', "[]", "-0.0"])
def test_other_amounts_that_are_none(whole: Door, field: str, value: str) -> None:
    before = whole.spent()
    body = f'{{"dataset": "clinic", "sql": "{COUNT}", "fresh": true, "{field}": {value}}}'
    status, _, content = whole.call("POST", "/v1/queries", body=body)
    assert status in (400, 422), content
    assert whole.spent() == before


def test_one_idempotency_key_is_one_charge_however_many_ask_at_once(whole: Door) -> None:
    before = whole.spent()

    def ask(_: int) -> tuple[int, bytes]:
        status, _, content = whole.call(
            "POST", "/v1/queries", body=BODY.format(epsilon='"0.25"'), Idempotency_Key="the-same"
        )
        return status, content

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(ask, range(12)))
    answered = {content for status, content in answers if status == 200}
    assert len(answered) == 1
    assert {status for status, _ in answers} <= {200, 409}
    assert whole.spent() - before == Decimal("0.25")
    other = whole.call("POST", "/v1/queries", body=BODY.format(epsilon='"0.5"'), Idempotency_Key="the-same")
    assert (other[0], json.loads(other[2])["code"]) == (409, "idempotency_conflict")


def test_repeating_a_question_averages_nothing_away(whole: Door) -> None:
    """The same release, whatever the text looks like: one charge, one number."""
    before = whole.spent()
    texts = [COUNT, "select count(*) as n from patients", "SELECT  COUNT(*) AS n\nFROM PATIENTS -- again", f"({COUNT})"]
    found = set()
    for i in range(REPEATS):
        status, answer = whole.post("/v1/queries", sql=texts[i % len(texts)], epsilon="0.75")
        assert status == 200
        found.add(json.dumps(answer["rows"]))
    assert len(found) == 1
    assert whole.spent() - before == Decimal("0.75")


def test_many_analysts_together_get_no_more_than_the_dataset_has(loaded, parsers, tmp_path) -> None:
    """Four keys, all their requests at once, each with more on its own account than the dataset holds."""
    names = tuple(f"colluder_{i}" for i in range(4))
    tight = Budget(epsilon=Epsilon.parse("2"), delta=Delta.parse("1e-6"))
    own = Budget(epsilon=Epsilon.parse("50"), delta=Delta.parse("1e-6"))
    policy = with_policy(loaded, budget=tight, analysts=dict.fromkeys(names, own), overcommit=True)
    snapshots = tmp_path / "snapshots"
    build_snapshot(policy, snapshots)
    with ExitStack() as stack:
        door = open_door(stack, policy, tmp_path / "tight", snapshots, parsers, analysts=names)

        def ask(i: int) -> tuple[int, str]:
            status, answer = door.ask("SELECT COUNT(*) FROM patients", names[i % 4], epsilon="0.2")
            return status, answer.get("code", "")

        with ThreadPoolExecutor(8) as pool:
            outcomes = list(pool.map(ask, range(40)))
        answered = [o for o in outcomes if o[0] == 200]
        refused = [o for o in outcomes if o[0] != 200]
        assert {code for _, code in refused} == {"budget_exhausted"}
        account = door.ledger.balance("clinic", None)
        assert account.charges == len(answered)
        assert len(answered) >= 10, "what fits by adding up alone"
        alone = door.ask("SELECT COUNT(*) FROM visits", names[0], epsilon="0.2")
        assert (alone[0], alone[1]["code"]) == (403, "budget_exhausted")
        assert "dataset" in alone[1]["detail"]
        report = verify(door.ledger_url)
        assert report.ok, report
        assert Decimal(str(account.spent[0])) == Decimal("0.2") * len(answered)
