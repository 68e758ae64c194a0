"""UCI Online Retail, many lines a customer: bounded totals with their noise, against the same bounding in plain SQL."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import duckdb
import pytest

COUNTRIES = 40
AMOUNT = 20_000  # pounds of one customer that count in full
REVENUE = "SELECT country, SUM(quantity * price) AS revenue FROM sales GROUP BY country ORDER BY revenue DESC"


@pytest.fixture(scope="module")
def shop(open_policy):
    return open_policy("online_retail")


@pytest.fixture(scope="module")
def plain(shared_data) -> Iterator[duckdb.DuckDBPyConnection]:
    """``sales``: lines with a customer. ``bounded``: each line's amount scaled so that no customer passes AMOUNT."""
    source = f"{shared_data}/online_retail/online_retail_II_2009_2010.parquet"
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"""
            CREATE TABLE sales AS
            SELECT "Customer ID" AS customer, Country AS country, CAST(InvoiceDate AS DATE) AS day,
                   Quantity * Price AS raw,
                   greatest(-1000, least(1000, Quantity)) * greatest(0, least(100, Price)) AS amount
            FROM read_parquet('{source}') WHERE "Customer ID" IS NOT NULL""")
        connection.execute(f"""
            CREATE VIEW bounded AS
            SELECT *, amount * least(1, {AMOUNT} / nullif(sum(abs(amount)) OVER (PARTITION BY customer), 0)) AS counted
            FROM sales""")
        yield connection


def test_revenue_by_country(shop, plain, ask, near) -> None:
    answer = ask(shop, REVENUE, "1", max_amount=AMOUNT)
    assert [(c.name, c.type, c.kind) for c in answer.columns] == [
        ("country", "string", "key"),
        ("revenue", "number", "noisy"),
    ]
    assert len(answer.rows) == COUNTRIES, "every declared country has a row, also those without sales"
    revenues = [revenue for _, revenue in answer.rows]
    assert revenues == sorted(revenues, reverse=True)
    assert answer.rows[0][0] == "United Kingdom"
    truth = dict(plain.sql("SELECT country, coalesce(sum(counted), 0) FROM bounded GROUP BY country").fetchall())
    near(answer, "revenue", truth)
    [mechanism] = answer.receipt.mechanisms
    assert mechanism.unit_scale == pytest.approx(AMOUNT, rel=1e-9), "noise is made for one customer's amount, at ε = 1"
    unbounded = dict(plain.sql("SELECT country, sum(raw) FROM sales GROUP BY country").fetchall())
    assert revenues[0] / unbounded["United Kingdom"] == pytest.approx(0.86, abs=0.05), "the bias that the bound causes"


def test_customers_by_country(shop, plain, ask, near) -> None:
    sql = "SELECT country, COUNT(DISTINCT customer_id) AS customers FROM sales GROUP BY country"
    answer = ask(shop, sql, "0.5", max_groups=2)
    assert [(c.name, c.type, c.kind) for c in answer.columns] == [
        ("country", "string", "key"),
        ("customers", "integer", "noisy"),
    ]
    truth = dict(plain.sql("SELECT country, count(DISTINCT customer) FROM sales GROUP BY country").fetchall())
    near(answer, "customers", truth)  # nobody buys from more than two countries, so that K = 2 has no bias
    assert dict(answer.rows)["United Kingdom"] == pytest.approx(truth["United Kingdom"], abs=100)


def test_monthly_revenue(shop, plain, ask, near) -> None:
    sql = """
        SELECT date_trunc('month', invoice_date) AS month, SUM(quantity * price) AS revenue
        FROM sales GROUP BY month ORDER BY month"""
    answer = ask(shop, sql, "1", max_amount=AMOUNT)
    assert [c.kind for c in answer.columns] == ["key", "noisy"]
    months = [dt.date.fromisoformat(str(month)[:10]) for month, _ in answer.rows]
    assert months == [dt.date(2009, 12, 1), *(dt.date(2010, m, 1) for m in range(1, 13))], "the book year, declared"
    truth = plain.sql("SELECT date_trunc('month', day), sum(counted) FROM bounded GROUP BY ALL ORDER BY ALL").fetchall()
    near(answer, "revenue", {key: total for (key, _), (_, total) in zip(answer.rows, truth, strict=True)})


def test_share_of_revenue_by_country_with_a_window_above_the_release(shop, plain, ask, near) -> None:
    sql = """
        WITH by_country AS (SELECT country, SUM(quantity * price) AS revenue FROM sales GROUP BY country)
        SELECT country, revenue, revenue / SUM(revenue) OVER () AS share FROM by_country ORDER BY share DESC"""
    answer = ask(shop, sql, "2", max_amount=AMOUNT)
    assert [c.kind for c in answer.columns] == ["key", "noisy", "derived"]
    assert sum(share for _, _, share in answer.rows) == pytest.approx(1)
    truth = dict(
        plain.sql(
            "SELECT country, sum(counted) / (SELECT sum(counted) FROM bounded) FROM bounded GROUP BY country"
        ).fetchall()
    )
    country, _, share = answer.rows[0]
    assert country == "United Kingdom"
    assert share == pytest.approx(truth["United Kingdom"], abs=0.1)
    near(answer, "share", truth)


def test_totals_of_the_shop_lose_the_lines_without_a_customer(shop, plain, ask) -> None:
    [[lines]] = ask(shop, "SELECT COUNT(*) AS lines FROM sales", "1").rows
    assert plain.sql("SELECT count(*) FROM sales").fetchall() == [(417_534,)]
    assert lines == pytest.approx(0.9615 * 417_534, rel=0.1), "525,461 in the file; 1,500 of one customer count in full"
