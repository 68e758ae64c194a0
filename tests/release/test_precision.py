"""Through the one door: what a check of bias, a search for bounds, an accuracy and a choice of rows say and cost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tacit.wire import Answer, QueryRequest
from tacit_service.demo_data import clinic_policy, make_clinic
from tacit_service.errors import NotFound, Refusal, RequestError
from tacit_service.ledger.store import Ledger
from tacit_service.policy.load import load_policy
from tacit_service.release import derived, prepare
from tacit_service.release.accuracy import rows_counted
from tacit_service.release.planner import too_complex
from tacit_service.release.records import asked as asked_of
from tacit_service.release.release import Desk


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A clinic whose policy gives no bounds for income, and tells how many patients to expect."""
    folder = tmp_path_factory.mktemp("clinic")
    make_clinic(folder, rows=20_000)
    text = clinic_policy("100000", "1e-3", analysts=("analyst", "other"))
    text, cut = re.subn(r"income: \{ type: integer, bounds: \[[^]]*\]", "income: { type: integer", text)
    text, told = re.subn(r"(    one_row_per_unit: true)", r"\1\n    expected_rows: 4000", text)
    assert (cut, told) == (1, 1)
    (folder / "policy.yaml").write_text(text)
    ledger = Ledger.open(f"sqlite:///{folder / 'ledger.sqlite'}")
    opened = Desk.open(load_policy(folder / "policy.yaml"), ledger, folder / "data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(derived, "TIME_S", 120.0)  # a busy machine decides no test
        yield opened
    opened.close()
    ledger.close()


def asked(sql: str, **more: Any) -> QueryRequest:
    return QueryRequest(dataset="clinic", sql=sql, **more)


def bought(desk: Desk, sql: str, **more: Any) -> Answer:
    """The answer; its charge is what was quoted."""
    request = asked(sql, **more)
    quote = desk.quote("analyst", request)
    answer = desk.query("analyst", request, None)
    assert answer.receipt.charged == quote.price
    return answer


def test_a_bias_check_is_a_tenth_of_the_price_and_tells_what_max_rows_drops(desk: Desk) -> None:
    exact = desk.engine.run(
        "SELECT sum(least(n, 5)) / sum(least(n, 20)) AS kept FROM (SELECT _u, count(*) AS n FROM visits GROUP BY _u)",
        timeout_s=30,
    )
    truth = 1 - float(exact.column(0).to_pylist()[0])
    answer = bought(desk, "SELECT COUNT(*) AS n FROM visits", epsilon="20", max_rows=5, bias_check=True)
    rows, units = answer.receipt.bias
    assert (rows.what, units.what) == ("rows", "units")
    assert float(rows.epsilon) + float(units.epsilon) == pytest.approx(2.0)
    assert abs(rows.share - truth) < 0.1  # ten deviations of the noise and more
    assert rows.low <= rows.share <= rows.high
    assert rows.text in answer.receipt.notes
    assert rows.text.startswith("bounds drop about")
    again = desk.query(
        "analyst", asked("SELECT COUNT(*) AS m FROM visits", epsilon="20", max_rows=5, bias_check=True), None
    )
    assert again.receipt.held
    assert again.receipt.bias == answer.receipt.bias


def test_where_nothing_can_be_dropped_nothing_is_paid_for_the_check(desk: Desk) -> None:
    quote = desk.quote("analyst", asked("SELECT COUNT(*) FROM patients", epsilon="0.5", bias_check=True))
    assert quote.price.epsilon == "0.5"
    assert len(quote.release_points[0].measurements) == 1
    assert any("nothing to check" in n for n in quote.notes)


def test_bounds_that_the_policy_lacks_are_found_for_a_tenth(desk: Desk) -> None:
    sql = "SELECT AVG(income) AS a, SUM(income) AS s FROM patients"
    with pytest.raises(Exception, match="bounds"):
        desk.quote("analyst", asked(sql, epsilon="5"))
    answer = bought(desk, sql, epsilon="5", approx_bounds=True)
    assert answer.receipt.mechanisms[0].epsilon == "0.5"
    assert answer.receipt.charged.epsilon == "5"
    plain = desk.engine.run("SELECT avg(income) AS a FROM patients", timeout_s=30).column(0).to_pylist()[0]
    assert abs(answer.rows[0][0] - plain) < 0.1 * plain  # type: ignore[operator]
    assert any(n.startswith("Bounds found for") for n in answer.receipt.notes)
    again = desk.query("analyst", asked(sql, epsilon="5", approx_bounds=True), None)
    assert again.receipt.held
    assert again.rows == answer.rows


def test_accuracy_is_the_smallest_price_of_a_width(desk: Desk) -> None:
    by_region = "SELECT region, COUNT(*) AS n FROM patients GROUP BY region"
    first = bought(desk, by_region, accuracy="±50 at 95 %")
    ends = [row[1] for row in first.intervals]
    assert all(e is not None and e[1] - e[0] <= 100 for e in ends)
    cheaper = f"{float(first.receipt.charged.epsilon) * 0.95:.6f}"
    assert desk.quote("analyst", asked(by_region, epsilon=cheaper, fresh=True)).columns[1].plus_minus > 50  # type: ignore[operator]
    held = bought(desk, by_region, epsilon="2")
    smallest = min(abs(int(row[1])) for row in held.rows if row[1])  # type: ignore[arg-type]
    finer = bought(desk, by_region, accuracy=f"4 % of {held.release_id}", fresh=True)
    assert all(e[1][1] - e[1][0] <= 2 * max(0.04 * smallest, 1) + 1 for e in finer.intervals)  # type: ignore[index]


def test_a_width_of_an_average_needs_expected_rows_and_a_share_needs_ones_own_release(desk: Desk) -> None:
    assert float(desk.quote("analyst", asked("SELECT AVG(age) AS a FROM patients", accuracy="0.5")).price.epsilon) > 0
    with pytest.raises(RequestError, match="depends on how many rows a group has"):
        desk.quote("analyst", asked("SELECT AVG(cost) AS a FROM visits", accuracy="0.5"))
    with pytest.raises(RequestError, match="ends at the declared bound"):
        desk.quote("analyst", asked("SELECT MAX(age) AS a FROM patients", accuracy="5 in groups of 4000"))
    with pytest.raises(RequestError, match="accuracy is not a positive number"):
        desk.quote("analyst", asked("SELECT AVG(cost) AS a FROM visits", accuracy="5 in groups of many"))
    release = bought(desk, "SELECT COUNT(*) AS n FROM patients", epsilon="0.3").release_id
    with pytest.raises(NotFound):
        desk.quote("other", asked("SELECT COUNT(*) AS n FROM patients", accuracy=f"5 % of {release}"))


@pytest.mark.parametrize(
    ("aggregate", "table", "accuracy"),
    [
        ("AVG(cost)", "visits", "±20 at 95 % in groups of 10,000"),
        ("MEDIAN(age)", "patients", "3 in groups of 4000 rows"),
        ("QUANTILE_CONT(age, 0.9)", "patients", "3 in groups of 4_000"),
        ("STDDEV(age)", "patients", "1 in groups of 4000"),
        ("AVG(age)", "patients", "2 % in groups of 4000"),
    ],
)
def test_who_asks_may_say_how_many_rows_a_group_has(desk: Desk, aggregate: str, table: str, accuracy: str) -> None:
    """The price is for values spread over their bounds: what comes is about as wide as was asked."""
    answer = bought(desk, f"SELECT {aggregate} AS a FROM {table}", accuracy=accuracy)
    (ends,) = answer.intervals[0]
    assert ends is not None
    asked_for = float(accuracy.lstrip("±").split()[0])
    asked_for *= 0.01 * 50 if "%" in accuracy else 1
    assert 0.2 < (ends[1] - ends[0]) / 2 / asked_for < 3
    assert 0.001 < float(answer.receipt.charged.epsilon) < 3


@pytest.mark.parametrize(
    ("sql", "accuracy"),
    [
        ("SELECT 100.0 * COUNT_IF(age > 50) / COUNT(*) AS percent FROM patients", "2"),
        ("SELECT SUM(age) / COUNT(*) AS mean FROM patients", "5 %"),
        ("SELECT a - b AS gap FROM (SELECT AVG(cost) FILTER (WHERE cost > 500) AS a, AVG(cost) AS b FROM visits) t",
         "60 in groups of 4000"),
        ("SELECT region, n, n - LAG(n) OVER (ORDER BY region) AS more FROM (SELECT region, COUNT(*) AS n FROM patients "
         "GROUP BY region) t", "40"),
    ],
)  # fmt: skip
def test_what_is_computed_from_released_numbers_has_a_price_by_accuracy(desk: Desk, sql: str, accuracy: str) -> None:
    """The last column's width as quoted is what was asked, and the answer's is about that; the price is what is charged."""
    request = asked(sql, accuracy=accuracy, fresh=True)
    quote = desk.quote("analyst", request)
    answer = desk.query("analyst", request, None)
    assert answer.receipt.charged == quote.price
    told = quote.columns[-1].plus_minus
    assert told is not None
    if "%" not in accuracy:
        assert 0.9 < told / float(accuracy.split()[0]) <= 1
    widths = [(e[-1][1] - e[-1][0]) / 2 for e in answer.intervals if e[-1] is not None]
    assert 0.2 < max(widths) / told < 3


def test_an_accuracy_of_what_no_price_narrows_is_told_or_refused_with_what_to_write(desk: Desk) -> None:
    ranks = "SELECT region, RANK() OVER (ORDER BY COUNT(*)) AS place FROM patients GROUP BY region"
    (note,) = [n for n in desk.quote("analyst", asked(ranks, accuracy="0.1", fresh=True)).notes if "accuracy" in n]
    assert note == "accuracy is not asked of place: no price makes it narrower, or it is no number."
    ratio = "SELECT SUM(cost) / COUNT(*) AS mean FROM visits"
    with pytest.raises(RequestError, match="mean depends on how many rows") as refused:
        desk.quote("analyst", asked(ratio, accuracy="20"))
    assert "in groups of 500" in str(refused.value.hint)
    assert desk.quote("analyst", asked(ratio, accuracy="200 in groups of 500")).columns[-1].plus_minus
    with pytest.raises(RequestError, match="gap is relative to is not known"):
        desk.quote(
            "analyst",
            asked(
                "SELECT AVG(age) FILTER (WHERE age > 50) - AVG(age) FILTER (WHERE age < 9) AS gap FROM patients",
                accuracy="5 %",
            ),
        )


def test_a_share_of_a_release_takes_its_rows_from_the_releases_own_counts(desk: Desk) -> None:
    costs = "SELECT clinic, AVG(cost) AS mean, COUNT(*) AS n FROM visits GROUP BY clinic"
    held = bought(desk, costs, epsilon="3")
    fewest = min(int(row[2]) for row in held.rows)  # type: ignore[arg-type]
    accuracy = f"5 % of {held.release_id}"
    quote = desk.quote("analyst", asked(costs.replace(", COUNT(*) AS n", ""), accuracy=accuracy, fresh=True))
    assert quote.columns[1].note == f"about, in a group of {fewest:,} rows"
    with pytest.raises(RequestError, match="depends on how many rows"):  # counted by other keys
        desk.quote("analyst", asked("SELECT AVG(cost) AS mean FROM visits", accuracy=accuracy))


def test_a_price_is_sought_among_dry_runs_and_for_so_long_alone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer waits for a quote; what took too long is refused with what to write, and is not refused for good."""
    ratio = asked("SELECT a.s / b.s AS r FROM (SELECT SUM(age) AS s FROM patients) a, (SELECT COUNT(*) AS s FROM patients) b",
                  accuracy="3")  # fmt: skip
    with monkeypatch.context() as patch:
        patch.setattr(derived, "TIME_S", 0.0)
        with pytest.raises(RequestError, match="longer to find") as refused:
            desk.quote("analyst", ratio)
    assert refused.value.code == "sql_too_complex"
    assert "epsilon" in str(refused.value.hint)
    lent = desk.sandbox._answers.lent
    waited: list[bool] = []
    monkeypatch.setattr(desk.sandbox._answers, "lent", lambda *a: waited.append(True) or lent(*a))
    assert float(desk.quote("analyst", ratio).price.epsilon) > 0
    assert not waited


def test_dry_runs_that_together_take_too_long_are_refused_and_not_for_good(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = asked(
        "SELECT region, COUNT(*) / SUM(COUNT(*)) OVER () AS share FROM patients WHERE age > 17 GROUP BY region"
    )
    with monkeypatch.context() as patch:
        patch.setattr(prepare, "TRIED_S", 0.0)
        with pytest.raises(Refusal) as refused:
            desk.quote("analyst", shares)
    assert refused.value.code == "sql_too_complex"
    assert desk.quote("analyst", shares).columns[1].name == "share"


def test_a_busy_parser_does_not_change_what_a_share_of_a_release_costs(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = "SELECT clinic, AVG(cost) AS mean, COUNT(*) AS n FROM visits GROUP BY clinic"
    held = bought(desk, costs, epsilon="2.5")
    plan = desk.preparer.prepare(asked(costs, epsilon="2.5")).plan
    assert rows_counted(held, plan, plan) is not None
    fewer = held.model_copy(update={"columns": held.columns[:1], "rows": [["N"]], "intervals": [[None]]})
    assert rows_counted(fewer, plan, plan) is None  # its text means other columns by now

    def busy(sql: str) -> tuple[str, dict[str, str]]:
        raise too_complex()

    monkeypatch.setattr(desk.preparer.planner, "options", busy)
    with pytest.raises(Refusal) as refused:
        desk.quote("analyst", asked("SELECT clinic, COUNT(*) AS n FROM visits GROUP BY clinic",
                                    accuracy=f"4 % of {held.release_id}", fresh=True))  # fmt: skip
    assert refused.value.code == "sql_too_complex"


def test_a_release_priced_by_accuracy_is_prepared_again_by_its_price(desk: Desk) -> None:
    bought_once = bought(desk, "SELECT SUM(age) / COUNT(*) AS mean_age FROM patients", accuracy="4 in groups of 4000")
    stored = desk.ledger.release(bought_once.release_id)
    assert stored is not None
    again = asked_of(stored)
    assert again.accuracy is None
    assert again.epsilon is not None
    assert desk.preparer.prepare(again, who="analyst").canonical == stored.canonical


def test_a_choice_of_rows_by_noisy_numbers_says_how_sure_it_is(desk: Desk) -> None:
    top = bought(
        desk, "SELECT clinic, COUNT(*) AS n FROM visits GROUP BY clinic ORDER BY n DESC LIMIT 3", epsilon="0.05"
    )
    assert top.membership is not None
    assert len(top.membership) == len(top.rows) == 3
    assert all(0.2 <= m <= 1 for m in top.membership)
    sure = bought(
        desk, "SELECT clinic, COUNT(*) AS n FROM visits GROUP BY clinic HAVING COUNT(*) > -1000000", epsilon="5"
    )
    assert sure.membership == [1.0] * 6
    sorted_ = bought(desk, "SELECT region, COUNT(*) AS n FROM patients GROUP BY region ORDER BY n", epsilon="40")
    assert sorted_.membership is not None
    assert sum(sorted_.membership) / 8 > 0.9
    assert (
        bought(
            desk, "SELECT region, COUNT(*) AS n FROM patients GROUP BY region ORDER BY region", epsilon="3"
        ).membership
        is None
    )


def test_rows_with_equal_keys_have_intervals_too(desk: Desk) -> None:
    answer = bought(
        desk,
        "SELECT 'all' AS what, COUNT(*) AS n FROM patients UNION ALL SELECT 'all', COUNT(*) FROM visits",
        epsilon="0.9",
    )
    for row, interval in zip(answer.rows, answer.intervals, strict=True):
        assert interval[1] is not None
        assert interval[1][0] <= row[1] <= interval[1][1]  # type: ignore[operator]


def test_options_as_bigquery_users_type_them(desk: Desk) -> None:
    sql = (
        "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 0.2, delta = 1e-7, max_groups_contributed = 2, "
        "privacy_unit_column = patients.patient_id, bias_check = TRUE) diagnosis, COUNT(*) AS n FROM visits GROUP BY diagnosis"
    )
    answer = bought(desk, sql)
    assert answer.receipt.charged.epsilon == "0.2"
    assert answer.receipt.bias
    with pytest.raises(RequestError, match="cannot choose another"):
        desk.quote("analyst", asked(sql.replace("patients.patient_id", "clinic")))
