"""(c) An answer that means something else than its SQL: equal to plain DuckDB (nobody's rows cut), or refused by name."""

from __future__ import annotations

import pytest

V = "patients p LEFT JOIN visits v ON p.patient_id = v.patient_id"
SAME = {
    # NULL groups: a person without a match is in no declared category
    "a comparison that is NULL": f"SELECT v.cost > 15 AS k, COUNT(*) FROM {V} GROUP BY 1",
    "IN that is NULL": f"SELECT v.clinic IN ('C1') AS k, COUNT(*) FROM {V} GROUP BY 1",
    "LIKE that is NULL": f"SELECT v.clinic LIKE '%1' AS k, COUNT(*) FROM {V} GROUP BY 1",
    "AND that is NULL": f"SELECT v.cost > 15 AND p.age > 30 AS k, COUNT(*) FROM {V} GROUP BY 1",
    "a cast that fails": "SELECT TRY_CAST(diagnosis AS BOOLEAN) AS k, COUNT(*) FROM visits GROUP BY 1",
    "a scalar subquery over nothing": "SELECT m, COUNT(*) FROM (SELECT p.patient_id, (SELECT MAX(v.clinic) FROM visits v "
    "WHERE v.patient_id = p.patient_id) m FROM patients p) q GROUP BY m",
    "lag of the first row": "SELECT l, COUNT(*) FROM (SELECT patient_id, lag(clinic) OVER (PARTITION BY patient_id ORDER BY "
    "visit_id) l FROM visits) q GROUP BY l",
    "MAX with FILTER": "SELECT m, COUNT(*) FROM (SELECT patient_id, MAX(clinic) FILTER (WHERE cost > 30) m FROM visits "
    "GROUP BY 1) q GROUP BY m",
    "BOOL_AND with FILTER": "SELECT m, COUNT(*) FROM (SELECT patient_id, bool_and(cost > 5) FILTER (WHERE cost > 30) m "
    "FROM visits GROUP BY 1) q GROUP BY m",
    "LEFT JOIN's NULL row of a public table": "SELECT r.region, r.country, COUNT(*) FROM patients p LEFT JOIN (SELECT * "
    "FROM regions WHERE country = 'B') r ON p.region = r.region GROUP BY 1, 2",
    # keys
    "two aliases of one public table": "SELECT a.region, b.region, COUNT(*) FROM patients p JOIN regions a ON p.region = "
    "a.region CROSS JOIN regions b GROUP BY 1, 2",
    "WHERE of a key table": "SELECT r.region, COUNT(p.patient_id) FROM regions r LEFT JOIN patients p ON p.region = r.region "
    "WHERE r.country = 'B' GROUP BY r.region",
    "DATE among TIMESTAMPs": "SELECT visited_on, COUNT(*) FROM visits WHERE visited_on IN (TIMESTAMP '2023-01-04 00:00:00', "
    "TIMESTAMP '2023-01-05 12:00:00') GROUP BY 1",
    "a year before 1": "SELECT extract(month FROM visited_on - INTERVAL 2000 YEAR) AS k, COUNT(*) FROM visits WHERE "
    "patient_id = 3 GROUP BY 1",
    # values
    "last_value without ORDER BY": "SELECT k, COUNT(*) FROM (SELECT patient_id, MIN(c) = MAX(c) AS k FROM (SELECT "
    "patient_id, last_value(cost) OVER (PARTITION BY patient_id) c FROM visits) a GROUP BY patient_id) b GROUP BY k",
    "whole numbers compared with fractions": "SELECT COUNT(*) FROM (SELECT patient_id, age FROM patients INTERSECT SELECT "
    "patient_id, cost + 19.6 FROM visits) q",
    "a quantile of 0": "SELECT q = m AS k, COUNT(*) FROM (SELECT patient_id, quantile_disc(visit_id, 0) q, MIN(visit_id) m "
    "FROM visits GROUP BY 1) z GROUP BY 1",
    "a cast to a decimal without digits": "SELECT COUNT(*) FROM visits WHERE CAST(cost / 3 AS DECIMAL(10, 0)) = 7",
    "NULL in a list": "SELECT COUNT(*) FROM visits WHERE diagnosis IN ('flu', NULL)",
}


@pytest.mark.parametrize("sql", SAME.values(), ids=SAME.keys())
def test_the_answer_is_that_of_plain_sql(attacker, sql):
    assert attacker.counts(sql) == attacker.plain(sql)


def test_a_key_that_is_no_number_counts_as_null(attacker):
    """NaN was found as a group, and then not found again: its rows were reported as none."""
    sql = "SELECT {} AS k, COUNT(*) FROM visits WHERE cost < 14 GROUP BY 1"
    found = attacker.counts(sql.format("sqrt(cost - 11)"))
    assert found == attacker.plain(sql.format("CASE WHEN cost >= 11 THEN sqrt(cost - 11) END"))
    assert (None,) in found


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT COUNT(*) FROM (SELECT r.region FROM regions r LEFT JOIN patients p ON p.region = r.region) q",
        "SELECT r.region, COUNT(p.patient_id) FROM regions r LEFT JOIN patients p ON p.region = r.region "
        "JOIN (VALUES ('R1')) t(x) ON t.x = r.region GROUP BY r.region",
        "SELECT r.region, COUNT(*) FROM regions r LEFT JOIN patients p ON p.region = r.region AND p.age > 1000 "
        "WHERE coalesce(p.age, 0) = 0 GROUP BY 1",
        "SELECT r.region, COUNT(p.age) FROM regions r LEFT JOIN patients p ON p.region = r.region "
        "WHERE (p.age IS NULL) = TRUE GROUP BY 1",
    ],
    ids=["in a subquery", "with a later JOIN", "kept by COALESCE", "kept by IS NULL"],
)
def test_public_rows_without_a_match_are_not_lost_silently(attacker, sql):
    assert attacker.refusal(sql) == "public_outer_join"


def test_having_without_an_aggregate_is_no_where(attacker):
    assert (
        attacker.refusal("SELECT COUNT(*) FROM (SELECT patient_id FROM visits HAVING patient_id > 5) q")
        == "not_grouped"
    )
