"""What is answered by a release one holds, at no cost: other spellings of it, and what follows from it. And what is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tacit.wire import Answer, QueryRequest
from tacit_service.demo_data import clinic_policy, make_clinic
from tacit_service.ledger.store import Ledger
from tacit_service.policy.load import load_policy
from tacit_service.release.identity import numbered
from tacit_service.release.release import Desk


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk for all: each test buys releases of rows that no other test reads."""
    folder: Path = tmp_path_factory.mktemp("clinic")
    make_clinic(folder, rows=3_000)
    (folder / "policy.yaml").write_text(clinic_policy("1000", "1e-6"), encoding="utf-8")
    ledger = Ledger.open(f"sqlite:///{folder / 'ledger.sqlite'}")
    desk = Desk.open(load_policy(folder / "policy.yaml"), ledger, folder / "data")
    yield desk
    desk.close()
    ledger.close()


@pytest.fixture
def desk(opened: Desk) -> Desk:
    return opened


def ask(desk: Desk, sql: str, epsilon: str = "0.1", analyst: str = "analyst", **more: object) -> Answer:
    request = QueryRequest.model_validate({"dataset": "clinic", "sql": sql, "epsilon": epsilon, **more})
    before = desk.ledger.balance("clinic", analyst).charges
    quote, answer = desk.quote(analyst, request), desk.query(analyst, request, None)
    charged = desk.ledger.balance("clinic", analyst).charges - before
    assert quote.held == answer.receipt.held == (charged == 0)
    assert quote.price == answer.receipt.charged
    return answer


def by_name(answer: Answer, keys: int = 1) -> dict[object, object]:
    return {tuple(row[:keys]): row[keys:] for row in answer.rows}


SPELLINGS = [
    ("SELECT region, COUNT(*) AS n FROM patients WHERE age > 20 AND sex = 'F' GROUP BY region",
     "select p.region as where_,\n count(*) as how_many from patients p where p.sex = 'F' and (p.age > 20) group by 1"),
    ("SELECT region, sex, COUNT(*) AS n, SUM(age) AS s FROM patients WHERE age > 21 GROUP BY region, sex",
     "SELECT SUM(age) AS s, COUNT(*) AS n, sex, region FROM patients WHERE age > 21 GROUP BY sex, region"),
    ("SELECT COUNT(*) FILTER (WHERE age > 30 AND sex = 'M') AS n, AVG(age) AS a FROM patients WHERE age > 22",
     "SELECT AVG(age) AS a, COUNT(*) FILTER (WHERE sex = 'M' AND age > 30) AS n FROM patients WHERE age > 22"),
    ("SELECT clinic, MEDIAN(cost) AS m, COUNT(*) AS n FROM visits WHERE cost > 1 GROUP BY clinic",
     "SELECT COUNT(*) AS n, clinic, MEDIAN(cost) AS m FROM visits WHERE cost > 1 GROUP BY clinic"),
]  # fmt: skip


@pytest.mark.parametrize(("first", "again"), SPELLINGS)
def test_another_spelling_is_the_same_release(desk: Desk, first: str, again: str) -> None:
    bought = ask(desk, first)
    free = ask(desk, again)
    assert not bought.receipt.held
    assert free.receipt.held
    names = {c.name: i for i, c in enumerate(bought.columns)}
    renamed = {"where_": "region", "how_many": "n"}
    order = [names[renamed.get(c.name, c.name)] for c in free.columns]
    assert sorted(map(repr, free.rows)) == sorted(repr([row[i] for i in order]) for row in bought.rows)
    other = ask(desk, again, analyst="second_analyst")
    assert sorted(map(repr, other.rows)) == sorted(map(repr, free.rows)), "handed on, whatever the spelling"
    assert not other.receipt.held


def test_a_literal_that_looks_like_a_column_is_none(desk: Desk) -> None:
    assert numbered("a c9 'c9' \"c9\" c2 c9") == "a c1 'c9' \"c9\" c2 c1"
    ask(desk, "SELECT COUNT(*) AS n FROM patients WHERE sex = 'c1' AND age > 23")
    assert not ask(desk, "SELECT COUNT(*) AS n FROM patients WHERE sex = 'c2' AND age > 23").receipt.held


def test_fewer_groups_follow(desk: Desk) -> None:
    whole = by_name(
        ask(desk, "SELECT region, COUNT(*) AS n, AVG(age) AS a FROM patients WHERE age > 24 GROUP BY region")
    )
    some = ask(desk, "SELECT region, AVG(age) AS a, COUNT(*) AS n FROM patients WHERE region IN ('R1', 'R3') AND age > 24 "
                     "GROUP BY region ORDER BY region DESC")  # fmt: skip
    assert some.receipt.held
    assert [row[0] for row in some.rows] == ["R3", "R1"]
    assert all([row[2], row[1]] == whole[row[0],] for row in some.rows)
    assert "Follows from a release that you hold" in some.receipt.notes[0]
    for row, ends in zip(some.rows, some.intervals, strict=True):
        assert ends[1][0] <= row[1] <= ends[1][1]
        assert ends[2][0] <= row[2] <= ends[2][1]
    counts = by_name(ask(desk, "SELECT region, COUNT(*) AS n FROM patients WHERE age > 29 GROUP BY region"))
    having = ask(desk, "SELECT region, COUNT(*) AS n FROM patients WHERE age > 29 AND region <> 'R2' GROUP BY region "
                       "HAVING COUNT(*) > 0")  # fmt: skip
    assert having.receipt.held
    assert {row[0] for row in having.rows} <= {f"R{i}" for i in (1, 3, 4, 5, 6, 7, 8)}
    like = ask(
        desk, "SELECT region, COUNT(*) AS n FROM patients WHERE age > 29 AND region LIKE '%8' GROUP BY 1", "0.05"
    )
    assert like.receipt.held
    assert like.rows == [["R8", counts["R8",][0]]]


def test_coarser_totals_follow_with_the_wider_interval_of_their_sum(desk: Desk) -> None:
    fine = ask(
        desk, "SELECT region, sex, COUNT(*) AS n, SUM(age) AS s FROM patients WHERE age > 25 GROUP BY region, sex"
    )
    total = ask(desk, "SELECT SUM(age) AS s, COUNT(*) AS n FROM patients WHERE age > 25")
    assert total.receipt.held
    assert total.rows == [[sum(row[3] for row in fine.rows), sum(row[2] for row in fine.rows)]]
    widths = [ends[2][1] - ends[2][0] for ends in fine.intervals]
    low, high = total.intervals[0][1]
    assert 3.5 * max(widths) < high - low < 6.5 * max(widths), "√24 cells of noise"
    sql = "SELECT sex, COUNT(*) AS n, SUM(age) AS s FROM patients WHERE age > 25 AND region = 'R4' GROUP BY sex"
    by_sex = ask(desk, sql, "0.1")
    assert by_sex.receipt.held
    assert by_name(by_sex) == {(row[1],): row[2:] for row in fine.rows if row[0] == "R4"}


def test_what_is_less_precise_than_asked_or_does_not_add_up_is_bought(desk: Desk) -> None:
    ask(desk, "SELECT region, COUNT(*) AS n, AVG(age) AS a FROM patients WHERE age > 26 GROUP BY region")
    for sql, epsilon in (
        ("SELECT region, COUNT(*) AS n FROM patients WHERE age > 26 GROUP BY region", "0.1"),  # ε was shared by three
        ("SELECT AVG(age) AS a FROM patients WHERE age > 26", "0.1"),  # averages do not add up
        ("SELECT COUNT(*) AS n FROM patients WHERE age > 27", "0.01"),  # other rows
        ("SELECT COUNT(*) AS n FROM patients WHERE age > 26 AND sex = 'F'", "0.01"),  # no condition on a key
    ):
        assert not ask(desk, sql, epsilon).receipt.held, sql
    sql = "SELECT region, COUNT(*) AS n FROM patients WHERE age > 26 GROUP BY region"
    assert ask(desk, sql, "0.03").receipt.held, "bought above, at 0.1"
    assert not ask(desk, sql, "0.2").receipt.held
    assert not ask(desk, sql, "0.03", fresh=True).receipt.held
    ask(desk, "SELECT clinic, COUNT(*) AS n FROM visits WHERE cost > 3 GROUP BY clinic", max_groups=2, max_rows=2)
    assert not ask(desk, "SELECT COUNT(*) AS n FROM visits WHERE cost > 3", "0.01", max_rows=2).receipt.held, (
        "another bound on a unit's rows"
    )


def test_unknown_keys_keep_their_threshold(desk: Desk) -> None:
    whole = ask(desk, "SELECT diagnosis, COUNT(*) AS n FROM visits WHERE cost > 4 GROUP BY diagnosis", "1")
    some = ask(desk, "SELECT diagnosis, COUNT(*) AS n FROM visits WHERE cost > 4 AND diagnosis < 'D2' GROUP BY 1", "1")
    assert some.receipt.held
    assert by_name(some) == {(row[0],): row[1:] for row in whole.rows if row[0] is not None and row[0] < "D2"}
    assert not ask(desk, "SELECT COUNT(*) AS n FROM visits WHERE cost > 4", "0.5").receipt.held, "rare keys are missing"


def test_another_analyst_buys_what_follows(desk: Desk) -> None:
    ask(desk, "SELECT region, COUNT(*) AS n FROM patients WHERE age > 28 GROUP BY region")
    sql = "SELECT region, COUNT(*) AS n FROM patients WHERE age > 28 AND region = 'R1' GROUP BY region"
    assert not ask(desk, sql, analyst="second_analyst").receipt.held


def test_a_width_that_was_asked_for_is_not_answered_by_a_wider_sum(desk: Desk) -> None:
    """24 cells at ε = 0.1 each add up to noise that is √24 times as wide: free, and said, at a price; bought at a width."""
    ask(desk, "SELECT region, sex, COUNT(*) AS n FROM patients WHERE age > 33 GROUP BY region, sex")
    total = "SELECT COUNT(*) AS n FROM patients WHERE age > 33"
    free = ask(desk, total)
    assert free.receipt.held
    assert any("up to 4.9 times as wide" in note for note in free.receipt.notes)
    request = QueryRequest.model_validate({"dataset": "clinic", "sql": total, "accuracy": "±35"})
    assert not desk.quote("analyst", request).held
    bought = desk.query("analyst", request, None)
    assert not bought.receipt.held
    low, high = bought.intervals[0][0]
    assert high - low <= 70
    wide = request.model_copy(update={"accuracy": "±300"})
    assert desk.query("analyst", wide, None).receipt.held, "within what is held"


def test_bounds_taken_over_more_rows_are_told(desk: Desk) -> None:
    ask(desk, "SELECT clinic, COUNT(*) AS n FROM visits WHERE cost > 4 GROUP BY clinic")
    some = ask(
        desk, "SELECT clinic, COUNT(*) AS n FROM visits WHERE cost > 4 AND clinic IN ('C1', 'C2') GROUP BY clinic"
    )
    assert some.receipt.held
    assert any("bounded over all groups of the held release" in note for note in some.receipt.notes)
    ask(desk, "SELECT region, COUNT(*) AS n FROM patients WHERE age > 34 GROUP BY region")
    one = ask(desk, "SELECT COUNT(*) AS n FROM patients WHERE age > 34 AND region = 'R1'")
    assert one.receipt.held
    assert not any("bounded over all groups" in note for note in one.receipt.notes), (
        "one row a person: nothing was bounded"
    )
