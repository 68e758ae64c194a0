"""The SDK and the terminal against the real service on its demo data: nothing here is canned."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from tacit_test_service import GROUPED, Run

import tacit
from tacit import errors

sa.dialects.registry.register("tacit", "tacit.sqlalchemy", "TacitDialect")  # as the entry point does once installed
BY_MONTH = "SELECT date_trunc('month', visited_on) AS month, COUNT(*) AS visits FROM visits GROUP BY 1 ORDER BY 1"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A served demo: its URL and its keys."""
    home = tmp_path_factory.mktemp("demo")
    command = [str(Path(sys.executable).with_name("tacit-service")), "demo", "--serve", "--json", "--port", "0"]
    options = ["--rows", "20000", "--epsilon", "2", "--data-dir", str(home)]
    with subprocess.Popen([*command, *options], cwd=home, stdout=subprocess.PIPE, text=True) as service:
        try:
            assert service.stdout is not None
            started = json.loads(service.stdout.readline())
            yield {"url": started["url"], **started["keys"]}
        finally:
            service.terminate()


@pytest.fixture
def real(demo: dict[str, str]) -> Iterator[tacit.Client]:
    with tacit.Client(demo["url"], demo["analyst"], dataset="clinic") as client:
        yield client


@pytest.fixture
def environment(demo: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """The commands of this file talk to the demo."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "TACIT_URL": demo["url"],
        "TACIT_KEY": demo["analyst"],
        "TACIT_DATASET": "clinic",
    }


def test_public_facts_quote_query_and_release(real: tacit.Client) -> None:
    assert real.datasets() == ["clinic"]
    assert {table.name for table in real.dataset().tables} == {"patients", "visits", "regions"}
    quote = real.quote(GROUPED, epsilon="0.1")
    answer = real.query(GROUPED, epsilon="0.1")
    assert Decimal(answer.receipt.charged.epsilon) == Decimal(quote.price.epsilon) == Decimal("0.1")
    expected = quote.columns[1].plus_minus
    assert expected is not None
    span = answer.intervals[0][1]
    assert span is not None
    assert (span[1] - span[0]) / 2 == pytest.approx(expected, rel=0.05)
    assert real.release(answer.id).rows == answer.rows
    assert real.query(GROUPED, epsilon="0.1").receipt.held
    assert "patients" in real.explain(GROUPED)


def test_dates_arrive_as_dates(real: tacit.Client) -> None:
    frame = real.query(BY_MONTH, epsilon="0.1").to_pandas(intervals=True)
    assert frame["month"].dtype.kind == "M"
    assert len(frame) == 24
    assert (frame["visits_low"] < frame["visits_high"]).all()


def test_many_askers_with_one_idempotency_key_share_one_purchase(demo: dict[str, str]) -> None:
    async def ask() -> tuple[set[str], Decimal]:
        async with tacit.AsyncClient(demo["url"], demo["second_analyst"], dataset="clinic") as client:
            before = Decimal((await client.budget()).accounts[0].remaining.epsilon)
            asked = [client.query(GROUPED, epsilon="0.2", idempotency_key="one") for _ in range(6)]
            answers = await asyncio.gather(*asked)
            after = Decimal((await client.budget()).accounts[0].remaining.epsilon)
            return {answer.id for answer in answers}, before - after

    ids, spent = asyncio.run(ask())
    assert len(ids) == 1
    assert spent == Decimal("0.2")


@pytest.mark.parametrize(
    ("sql", "epsilon", "expected"),
    [
        ("SELECT AVG(incme) FROM patients", "0.1", errors.UnknownColumn),
        ("SELECT COUNT(*) FROM nowhere", "0.1", errors.UnknownTable),
        ("SELECT COUNT(*) FROM patients WHERE", "0.1", errors.SqlSyntaxError),
        ("DROP TABLE patients", "0.1", errors.SqlNotOneSelect),
        ("SELECT income FROM patients", "0.1", errors.NotDerivable),
        ("SELECT COUNT(*) FROM patients", "-1", errors.EpsilonInvalid),
        ("SELECT COUNT(*) FROM patients", "NaN", errors.EpsilonInvalid),
        ("SELECT COUNT(*) FROM patients", "50", errors.EpsilonTooLarge),
    ],
)
def test_refusals_have_their_class_and_cost_nothing(
    real: tacit.Client, sql: str, epsilon: str, expected: type[errors.RefusedError]
) -> None:
    before = real.budget().accounts[0].spent
    with pytest.raises(expected) as caught:
        real.query(sql, epsilon=epsilon)
    assert (caught.value.status, caught.value.code) in {(422, code) for code in errors.CODES}
    assert real.budget().accounts[0].spent == before


SUPERSET = (
    # what Superset writes for a dataset's chart, a virtual dataset, a chart over it, a time series, SQL Lab
    "SELECT region AS region, COUNT(*) AS count FROM patients GROUP BY region ORDER BY count DESC LIMIT 10000",
    "SELECT * FROM (SELECT region, COUNT(*) AS count FROM patients GROUP BY region) AS virtual_table LIMIT 1001",
    "SELECT region AS region, SUM(count) AS s FROM (SELECT region, COUNT(*) AS count FROM patients GROUP BY region) "
    "AS virtual_table GROUP BY region ORDER BY s DESC LIMIT 1000",
    "SELECT region, COUNT(*) AS count\nFROM patients\nGROUP BY region\n LIMIT 1001",
)


def test_a_tool_s_wrappers_around_one_question_are_one_purchase(demo: dict[str, str]) -> None:
    engine = sa.create_engine(f"tacit://:{demo['second_analyst']}@{demo['url'].partition('//')[2]}/clinic?epsilon=0.05")
    try:
        frames = [pd.read_sql(statement, engine) for statement in SUPERSET]
        assert [len(frame) for frame in frames] == [8, 8, 8, 8]
        assert frames[0].set_index("region")["count"].to_dict() == frames[2].set_index("region")["s"].to_dict()
        with engine.connect() as connection:
            result = connection.execute(sa.text(SUPERSET[0]))
            assert result.cursor is not None
            assert result.cursor.receipt.held, "the same question is free, however often a dashboard reloads"
    finally:
        engine.dispose()


def test_the_terminal(run: Run) -> None:
    assert run("datasets").stdout == "clinic\n"
    assert "costs ε 0.15 of ε" in run("quote", GROUPED, "--epsilon", "0.15").stdout
    done = run("console", "-c", f"\\d visits\n\\explain {GROUPED}\n{GROUPED};\n\\budget")
    assert done.returncode == 0, done.stderr
    assert "2023-01-01 .. 2024-12-31" in done.stdout
    assert "(8 rows)" in done.stdout
    assert run("query", "SELECT AVG(incme) FROM patients").returncode == 1


def test_an_exhausted_budget_exits_3(run: Run, real: tacit.Client) -> None:
    real.query(GROUPED, epsilon="0.1")
    done = run("query", "SELECT COUNT(*) FROM visits WHERE cost > 10", "--epsilon", "2")
    assert done.returncode == 3
    assert "budget_exhausted" in done.stderr
    assert "Left: ε" in done.stderr
