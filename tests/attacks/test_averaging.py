"""Averaging: the same question asked again and again, in whatever words, is one charge and one number."""

from __future__ import annotations

import os

import numpy as np

from tacit.wire import QueryRequest

REPEATS = int(os.environ.get("TACIT_AVERAGED", "15"))
SPELLINGS = [
    "SELECT COUNT(*) AS n FROM visits WHERE cost < 90 AND clinic = 'C1'",
    "select count(*) from visits where clinic = 'C1' and cost < 90",
    "SELECT COUNT(*) AS again FROM visits v WHERE v.clinic = 'C1' AND v.cost < 90 -- once more",
    "WITH v AS (SELECT * FROM visits) SELECT n FROM (SELECT COUNT(*) AS n FROM visits WHERE cost < 90 AND clinic = 'C1') t",
    "SELECT COUNT(*) + 0 AS n FROM VISITS WHERE cost < 90 AND clinic = 'C1' LIMIT 1",
]


def test_a_thousand_repeats_are_one_release(desk) -> None:
    """``TACIT_AVERAGED=1000`` for the thousand."""

    def ask(sql: str, **more) -> tuple[float, str]:
        answer = desk.query("sybil", QueryRequest(dataset="clinic", sql=sql, epsilon="0.3", **more), None)
        return answer.rows[0][0], answer.receipt.charged.epsilon

    before = float(desk.budget("sybil").spent.epsilon)
    numbers, charges = zip(*(ask(SPELLINGS[i % len(SPELLINGS)]) for i in range(REPEATS)), strict=True)
    assert len(set(numbers)) == 1
    assert [c for c in charges if float(c)] == ["0.3"]
    assert abs(float(desk.budget("sybil").spent.epsilon) - before - 0.3) < 1e-9
    # bought anew each time the numbers differ, and each is paid for
    fresh = [ask(SPELLINGS[0], fresh=True) for _ in range(3)]
    assert np.std([n for n, _ in fresh]) > 0
    assert {c for _, c in fresh} == {"0.3"}
