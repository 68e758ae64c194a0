"""UCI Adult, one row a person: questions that a census analyst asks, answered within the shipped policy's budget."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

EDUCATIONS = 16


@pytest.fixture(scope="module")
def adult(open_policy):
    return open_policy("adult")


@pytest.fixture(scope="module")
def plain(shared_data) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"CREATE VIEW people AS FROM read_parquet('{shared_data}/adult/adult_train.parquet')")
        yield connection


def test_income_share_by_education(adult, plain, ask, near) -> None:
    sql = "SELECT education, AVG(CASE WHEN income = '>50K' THEN 1 ELSE 0 END) AS share FROM people GROUP BY education"
    answer = ask(adult, sql, "0.4")
    assert [(c.name, c.type, c.kind) for c in answer.columns] == [
        ("education", "string", "key"),
        ("share", "number", "noisy"),
    ]
    assert len(answer.rows) == EDUCATIONS, "every declared education has a row"
    assert all(0 <= share <= 1 for _, share in answer.rows), "an average stays within its bounds"
    truth = dict(plain.sql(sql).fetchall())
    near(answer, "share", truth)
    found = dict(answer.rows)
    assert found["Bachelors"] == pytest.approx(truth["Bachelors"], abs=0.05)
    assert found["Doctorate"] > found["Bachelors"] > found["HS-grad"], "413, 5,355 and 10,501 people: far above noise"


def test_income_share_by_education_with_a_window_above_the_release(adult, plain, ask, near) -> None:
    sql = """
        SELECT education, income, people / SUM(people) OVER (PARTITION BY education) AS share
        FROM (SELECT education, income, COUNT(*) AS people FROM people GROUP BY education, income)
        ORDER BY education, income"""
    answer = ask(adult, sql, "0.4")
    assert [c.kind for c in answer.columns] == ["key", "key", "derived"]
    assert [row[:2] for row in answer.rows] == sorted(row[:2] for row in answer.rows), "ORDER BY holds"
    shares = {(education, income): share for education, income, share in answer.rows}
    for education in {e for e, _ in shares}:
        assert shares[education, "<=50K"] + shares[education, ">50K"] == pytest.approx(1)
    truth = {(e, i): share for e, i, share in plain.sql(sql).fetchall() if e in ("HS-grad", "Bachelors", "Masters")}
    for key, share in truth.items():
        assert shares[key] == pytest.approx(share, abs=0.1)


def test_mean_hours_by_sex(adult, plain, ask, near) -> None:
    sql = "SELECT sex, AVG(hours_per_week) AS hours, COUNT(*) AS people FROM people GROUP BY sex"
    answer = ask(adult, sql, "0.4")
    assert [(c.name, c.type, c.kind) for c in answer.columns] == [
        ("sex", "string", "key"),
        ("hours", "number", "noisy"),
        ("people", "integer", "noisy"),
    ]
    truth = plain.sql(sql).fetchall()
    near(answer, "hours", {sex: hours for sex, hours, _ in truth})
    near(answer, "people", {sex: people for sex, _, people in truth})
    assert len(answer.receipt.mechanisms) == 1, "the average and the count are read off one pair: measured once"
    widest = max(ends[1][1] - ends[1][0] for ends in answer.intervals)
    assert widest < 1, "10,771 and 21,790 people: an hour is far above the noise"
