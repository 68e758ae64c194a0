"""What is remembered of requests: quick for who asked, and unknown to everybody else."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tacit.wire import QueryRequest
from tacit_service.demo_data import clinic_policy, make_clinic
from tacit_service.errors import Conflict, Overloaded, Refusal, TacitError
from tacit_service.ledger.store import Ledger
from tacit_service.policy.load import load_policy
from tacit_service.query import suggest
from tacit_service.query.caps import Caps
from tacit_service.query.plan import Plan
from tacit_service.recent import Recent
from tacit_service.release import prepare
from tacit_service.release.dry import KNOWN_CHARS_MAX
from tacit_service.release.patience import left
from tacit_service.release.planner import too_complex
from tacit_service.release.release import Desk
from tacit_service.release.turns import Turns


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("clinic")
    make_clinic(folder, rows=500)
    (folder / "policy.yaml").write_text(clinic_policy("3", "1e-6"), encoding="utf-8")
    ledger = Ledger.open(f"sqlite:///{folder / 'ledger.sqlite'}")
    opened = Desk.open(load_policy(folder / "policy.yaml"), ledger, folder / "data")
    yield opened
    opened.close()
    ledger.close()


@pytest.fixture
def work(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is done by the parsers and the sandbox for a request, call by call."""
    done: list[str] = []

    def watched(owner: object, name: str) -> None:
        real = getattr(owner, name)

        def call(*args: object, **kwargs: object) -> object:
            done.append(name)
            return real(*args, **kwargs)

        monkeypatch.setattr(owner, name, call)

    for name in ("plan", "candidates"):
        watched(desk.preparer.planner, name)
    for name in ("query", "describe", "check"):
        watched(desk.sandbox, name)
    return done


def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is, a suggestion is sought to the end."""
    for name in ("SOUGHT_S", "REFUSED_S"):
        monkeypatch.setattr(prepare, name, 600.0)
    monkeypatch.setattr(suggest, "TIME_S_MAX", 600.0)


def refused(desk: Desk, analyst: str, sql: str) -> Refusal:
    with pytest.raises(Refusal) as raised:
        desk.check(analyst, QueryRequest(dataset="clinic", sql=sql, epsilon="0.1"))
    return raised.value


def test_a_refusal_is_the_same_again_without_its_work(
    desk: Desk, work: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    patient(monkeypatch)
    sql = "SELECT region, COUNT(*) / 2 AS n FROM patients WHERE agee > 41 GROUP BY region"
    first, effort = refused(desk, "analyst", sql), len(work)
    assert effort > 2, "a statement near it was looked for"
    second = refused(desk, "analyst", sql)
    assert len(work) == effort
    assert second is not first
    assert {**vars(second)} == {**vars(first)}
    assert second.suggestion is not None


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT region, COUNT(*) AS n FROM patients WHERE agee > 42 GROUP BY region",
        "SELECT region, COUNT(*) AS n FROM patients WHERE age > 42 GROUP BY region HAVING COUNT(*) > 7",
        "SELECT age % 7 AS k, AVG(income) FROM patients WHERE age > 43 GROUP BY 1",
    ],
)
def test_another_analyst_s_text_is_new_to_who_asks_it(
    desk: Desk, work: list[str], sql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the work that is done, which is what a stopwatch would see: the same as for a text that nobody has asked."""
    patient(monkeypatch)

    def effort(analyst: str) -> list[str]:
        work.clear()
        with contextlib.suppress(Refusal):
            desk.check(analyst, QueryRequest(dataset="clinic", sql=sql, epsilon="0.1"))
        return list(work)

    desk.preparer.dry._known = Recent(KNOWN_CHARS_MAX)  # nothing of other tests is remembered of either
    alone = effort("analyst")
    assert alone
    assert effort("second_analyst") == alone
    assert effort("analyst") == effort("second_analyst") == []


def test_a_request_that_passed_is_prepared_when_it_is_asked(desk: Desk, work: list[str]) -> None:
    request = QueryRequest(dataset="clinic", sql="SELECT COUNT(*) AS n FROM patients WHERE age > 44", epsilon="0.1")
    desk.check("analyst", request)
    work.clear()
    desk.query("analyst", request, None)
    assert "plan" not in work
    assert "check" not in work


def test_a_hard_look_for_a_suggestion_does_not_make_the_refusal_wait(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Candidates that each take what one call may take: two seconds of them, where there may be sixteen and their like."""
    asked: list[str] = []

    def candidates(sql: str, _: Refusal) -> list[str]:
        left(0.4)
        asked.append(sql)
        return [f"{sql} AND {n}" for n in range(16)]

    real = desk.preparer.planner.plan

    def plan(sql: str, caps: Caps, near: object = None) -> Plan:  # a child that did not finish its look
        if " AND " in sql:
            time.sleep(left(0.4))
            asked.append(sql)
        return real(sql, caps)

    monkeypatch.setattr(desk.preparer.planner, "candidates", candidates)
    monkeypatch.setattr(desk.preparer.planner, "plan", plan)
    assert refused(desk, "analyst", "SELECT COUNT(*) FROM patients WHERE agee > 45").code == "unknown_column"
    assert 1 <= len(asked) <= 12, "a second and a half of them, each with its own candidates"


def test_what_answers_leaves_a_sandbox_for_what_is_only_tried(desk: Desk) -> None:
    """All processes that answers may hold are held: a dry run is done meanwhile, a third answer waits."""
    waits = ThreadPoolExecutor(1)
    with desk.sandbox._answers.lent(), desk.sandbox._answers.lent():
        desk.check("analyst", QueryRequest(dataset="clinic", sql="SELECT COUNT(*) AS n FROM visits WHERE cost > 46"))
        answer = waits.submit(desk.sandbox.query, "SELECT 1 AS one")
        time.sleep(0.2)
        assert not answer.done()
    assert answer.result(timeout=60).to_pylist() == [{"one": 1}]


def test_the_room_holds_what_was_used_last() -> None:
    recent: Recent[str, int] = Recent(room=80)
    for n in range(8):
        recent.put("ada", f"q{n}", n, size=10)
    assert recent.get("ada", "q0") == 0
    recent.put("ben", "q0", 9, size=10)
    assert (recent.get("ada", "q0"), recent.get("ada", "q1"), recent.get("ben", "q0")) == (0, None, 9)
    recent.put("ada", "large", 1, size=11)
    assert recent.get("ada", "large") is None, "an eighth of the room at most"
    recent.put("ada", "q0", 5, size=3)
    assert recent.get("ada", "q0") == 5
    assert sum(size for _, size in recent._entries.values()) == recent._used <= 80


BY_REGION = "SELECT region, COUNT(*) AS n FROM patients GROUP BY region"


def ask(sql: str, epsilon: str = "0.1") -> QueryRequest:
    return QueryRequest(dataset="clinic", sql=sql, epsilon=epsilon)


def test_new_outer_sql_over_what_is_held_takes_a_turn_and_the_held_rows_themselves_none(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.query("analyst", ask(BY_REGION), None)
    monkeypatch.setattr(desk, "turns", Turns(wait_s=0.01))
    with desk.turns.one("somebody", True):
        with pytest.raises(Overloaded, match="Nothing was run or charged"):
            desk.query("analyst", ask(f"SELECT MAX(t.n) AS most FROM ({BY_REGION}) t, range(1000) r"), None)
        assert desk.query("analyst", ask(BY_REGION), None).receipt.held
    assert desk.query("analyst", ask(f"SELECT MAX(t.n) AS most FROM ({BY_REGION}) t"), None).receipt.held


@pytest.mark.parametrize("code", ["sql_too_complex", "overloaded"])
def test_what_was_paid_for_is_given_again_though_the_machine_is_too_busy_to_prepare_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    paid = ask(BY_REGION).model_copy(update={"fresh": True})  # or what other tests bought would answer
    first = desk.query("analyst", paid, f"paid {code}")

    def busy(*_: object, **__: object) -> None:
        raise too_complex() if code == "sql_too_complex" else Overloaded("overloaded", "All parsers are busy.")

    monkeypatch.setattr(desk.preparer, "prepare", busy)
    desk.check("analyst", paid, f"paid {code}")
    assert desk.query("analyst", paid, f"paid {code}") == first
    with pytest.raises(TacitError) as new:
        desk.check("analyst", ask(BY_REGION), f"new {code}")
    assert new.value.code == code
    with pytest.raises(Conflict):
        desk.check("analyst", ask(BY_REGION, "0.2"), f"paid {code}")
