"""(a) One person moves an answer by more than its noise covers: every statement here did, or was built to."""

from __future__ import annotations

import duckdb
import pytest

# (what is tried, statement, code it is refused with or None: then its change must be within what is declared)
LATER = "visits v1 LEFT JOIN visits v2 ON v1.patient_id = v2.patient_id AND v2.cost > v1.cost"
ATTACKS: list[tuple[str, str, str | None]] = [
    # whose rows a subquery reads
    ("only one branch of a UNION in EXISTS is matched on the unit",
     "SELECT COUNT(*) FROM patients p WHERE EXISTS (SELECT v.patient_id FROM visits v WHERE v.patient_id = p.patient_id "
     "AND v.diagnosis = 'none' UNION ALL SELECT x.patient_id FROM visits x WHERE x.diagnosis = 'rare')",
     "subquery_not_on_unit"),
    ("the other branch",
     "SELECT COUNT(*) FROM patients p WHERE EXISTS (SELECT 1 FROM visits x WHERE x.diagnosis = 'none' "
     "UNION ALL SELECT 1 FROM visits v WHERE v.patient_id = p.patient_id AND v.cost < 0)", "subquery_not_on_unit"),
    ("a UNION of public rows in FROM vouches for the protected table beside it",
     "SELECT COUNT(*) FROM patients p WHERE EXISTS (SELECT 1 FROM (SELECT region FROM regions UNION ALL SELECT region "
     "FROM regions) r, visits v WHERE v.diagnosis = 'rare')", "subquery_not_on_unit"),
    ("the same by a WITH name",
     "SELECT COUNT(*) FROM patients p WHERE EXISTS (WITH r AS (SELECT region FROM regions UNION SELECT country FROM "
     "regions) SELECT 1 FROM r, visits v WHERE v.diagnosis = 'rare')", "subquery_not_on_unit"),
    ("NOT IN over ids that another person's missing match makes NULL",
     "SELECT COUNT(*) FROM patients p WHERE p.patient_id NOT IN (SELECT v.patient_id FROM patients q LEFT JOIN visits v "
     "ON q.patient_id = v.patient_id AND v.diagnosis = 'flu')", "subquery_not_on_unit"),
    ("a NULL id looked up among others' ids",
     "SELECT COUNT(*) FROM patients p LEFT JOIN visits v ON p.patient_id = v.patient_id AND v.diagnosis = 'none' "
     "WHERE (v.patient_id IN (SELECT x.patient_id FROM visits x WHERE x.diagnosis = 'rare')) IS NULL",
     "subquery_not_on_unit"),
    ("IN over ids of a UNION with NULL",
     "SELECT COUNT(*) FROM patients p WHERE p.patient_id IN (SELECT q.patient_id FROM patients q WHERE q.patient_id = "
     "p.patient_id UNION ALL SELECT CAST(NULL AS BIGINT) FROM patients z)", "subquery_not_on_unit"),
    ("a release hidden in a branch",
     "SELECT COUNT(*) FROM patients p WHERE p.age IN (SELECT q.age FROM patients q WHERE q.patient_id = p.patient_id "
     "UNION ALL SELECT MAX(w.age) FROM patients w)", "correlated_release"),
    # how many rows a person has
    ("FULL JOIN gives more rows than the product of the sides",
     "SELECT COUNT(*) FROM patients a FULL JOIN patients b ON a.patient_id = b.patient_id AND a.age < b.age", None),
    ("FULL JOIN with a per-unit aggregate",
     "SELECT COUNT(*) FROM patients p FULL JOIN (SELECT patient_id, SUM(cost) s FROM visits GROUP BY 1) v "
     "ON p.patient_id = v.patient_id AND v.s < 0", None),
    ("UNION ALL doubles one row a unit", "SELECT COUNT(*) FROM (SELECT region FROM patients UNION ALL "
     "SELECT region FROM patients) a", None),
    ("decimals that differ are one float",
     "SELECT SUM(p.income) FROM patients p JOIN (VALUES (7000.0), (7000.00000000000000001), (7000.00000000000000002)) "
     "t(x) ON p.income = t.x", None),
    ("integers that differ equal one float",
     "SELECT COUNT(*) FROM (SELECT patient_id, 4611686018427387904.0 + 0.0 * age AS x FROM patients) p JOIN (VALUES "
     "(4611686018427387904), (4611686018427387905), (4611686018427387906)) t(y) ON p.x = t.y", None),
    ("first_value of a row number counts no rows",
     "SELECT COUNT(*) FROM (SELECT patient_id, first_value(n) OVER (PARTITION BY patient_id ORDER BY n) f FROM (SELECT "
     "patient_id, row_number() OVER (PARTITION BY patient_id) n FROM visits) a) b WHERE f = 1", None),
    ("lag of a row number counts no rows",
     "SELECT COUNT(*) FROM (SELECT patient_id, lag(n, 1, 1) OVER (PARTITION BY patient_id ORDER BY clinic) f FROM (SELECT "
     "patient_id, clinic, row_number() OVER (PARTITION BY patient_id) n FROM visits) a) b WHERE f <= 2", None),
    ("row numbers joined with a public table", "SELECT COUNT(*) FROM (SELECT patient_id, row_number() OVER (PARTITION BY "
     "patient_id) n FROM visits) a, regions r WHERE a.n = 1", None),
    # in how many groups a person is
    ("EXISTS that differs between rows of a person",
     "SELECT EXISTS(SELECT 1 FROM visits w WHERE w.patient_id = v.patient_id AND w.visit_id > v.visit_id) e, COUNT(*) "
     "FROM visits v GROUP BY 1", None),
    ("EXISTS over public rows that differs between rows of a person",
     "SELECT EXISTS(SELECT 1 FROM regions r WHERE r.population * 2 = v.visit_id - v.patient_id * 10 + 20) a, COUNT(*) "
     "FROM visits v GROUP BY 1", None),
    ("DISTINCT over such a value",
     "SELECT COUNT(*) FROM (SELECT DISTINCT patient_id, patient_id IN (SELECT w.patient_id FROM visits w WHERE "
     "w.visit_id > v.visit_id) e FROM visits v) q", None),
    ("a LEFT JOIN by a declared path leaves some rows of a person without a match",
     "SELECT v.clinic IS NULL, COUNT(*) FROM items i LEFT JOIN visits v ON i.visit_id = v.visit_id AND v.cost > 20 "
     "GROUP BY 1", None),
    ("a LEFT JOIN on an id that is NULL in some rows of a person",
     f"SELECT q.region, COUNT(*) FROM {LATER} LEFT JOIN patients q ON v2.patient_id = q.patient_id GROUP BY 1", None),
    ("a UNION of ids of which some are NULL",
     f"SELECT u IS NULL, COUNT(*) FROM (SELECT v2.patient_id AS u FROM {LATER} UNION ALL SELECT patient_id FROM visits) a "
     "GROUP BY 1", None),
    # values that are farther out than was proven
    ("a cast to SMALLINT is no proof", "SELECT SUM(GREATEST(0, LEAST(10, CAST(visit_id AS SMALLINT) * 1000000000000000))) "
     "FROM visits", None),
    ("infinite weights", "SELECT clinic, AVG(cost), STDDEV(cost) FROM visits GROUP BY clinic", None),
    ("a median of many rows of one person", "SELECT clinic, MEDIAN(cost) FROM visits GROUP BY clinic", None),
    ("a count of distinct values", "SELECT clinic, COUNT(DISTINCT diagnosis) FROM visits GROUP BY clinic", None),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "code"), [a[1:] for a in ATTACKS], ids=[a[0] for a in ATTACKS])
def test_it_is_refused_or_moves_no_more_than_declared(attacker, sql, code):
    assert attacker.refusal(sql) == code
    if code is None:
        assert attacker.excess(sql) == []


@pytest.mark.parametrize("amount", [None, 70.0])
def test_an_amount_bounds_sums_in_every_form(attacker, amount):
    for sql in ("SELECT SUM(cost) FROM visits", "SELECT clinic, SUM(cost) FROM visits GROUP BY 1",
                "SELECT region, SUM(income) FROM patients GROUP BY ROLLUP (region)"):  # fmt: skip
        assert attacker.excess(sql, max_amount=amount) == []


# -- (a) by order: an answer that depends on how the engine met the rows is no function of the data

ORDERED = [
    "SELECT SUM(cost) FROM (SELECT patient_id, cost, row_number() OVER (PARTITION BY patient_id ORDER BY clinic) n "
    "FROM visits) z WHERE n = 1",
    "SELECT SUM(c) FROM (SELECT patient_id, first_value(cost) OVER (PARTITION BY patient_id ORDER BY clinic) c FROM visits) z",
    "SELECT SUM(c) FROM (SELECT patient_id, lag(cost) OVER (PARTITION BY patient_id ORDER BY clinic) c FROM visits) z",
    "SELECT COUNT(*) FROM (SELECT patient_id, stddev_samp(cost) s FROM visits GROUP BY 1) z WHERE (s * 1e13) % 2 < 1",
    "SELECT COUNT(*) FROM (SELECT patient_id, avg(cost) OVER (PARTITION BY patient_id) s FROM visits) z "
    "WHERE (s * 1e13) % 2 < 1",
    "SELECT COUNT(*) FROM (SELECT patient_id, sum(cost / 3) OVER (PARTITION BY patient_id ORDER BY clinic) s FROM visits) z "
    "WHERE (s * 1e13) % 2 < 1",
    # two groups whose keys look alike once they are joined for the hash that chooses the groups that count
    "SELECT CASE WHEN visit_id % 2 = 0 THEN 'a|b' ELSE 'a' END x, CASE WHEN visit_id % 2 = 0 THEN 'c' ELSE 'b|c' END y, "
    "COUNT(DISTINCT patient_id) FROM visits GROUP BY 1, 2",
]


@pytest.mark.parametrize("sql", ORDERED)
def test_the_order_of_rows_does_not_show(attacker, sql, tmp_path):
    path = tmp_path / "reversed.duckdb"
    source = attacker.everyone.connection
    with duckdb.connect(str(path), config={"threads": "1"}) as connection:
        for table in ("patients", "visits", "items", "regions"):
            rows = source.sql(f"FROM {table}").to_arrow_table()
            connection.register("rows_of_table", rows)
            connection.execute(
                f"CREATE TABLE {table} AS SELECT * FROM rows_of_table t ORDER BY md5(CAST(t AS VARCHAR))"
            )
            connection.unregister("rows_of_table")
    again = type(attacker.everyone)(path)
    for point in attacker.plan(sql, max_groups=1).releases:
        assert attacker.exact(again, point) == attacker.exact(attacker.everyone, point)
    again.connection.close()
