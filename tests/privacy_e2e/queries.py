"""Accepted queries, row by row of the derivation table (privacy model, section 2), and every family of scalar function.

Each is asked with wide bounds (is the answer what SQL means?) and with tight ones (does one unit move it too far?).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Query:
    """``rel`` and ``within``: tolerance of the numbers. ``ordered``: rows are compared in order.

    ``meaning_bug``, ``privacy_bug``: why the product fails this query today; the test is then expected to fail, strictly.
    """

    name: str
    sql: str
    rel: float = 1e-5
    within: float = 1e-6
    ordered: bool = False
    meaning_bug: str = ""
    privacy_bug: str = ""


Q = Query


FILTERS = [
    Q("count", "SELECT COUNT(*) FROM patients"),
    Q("where_and_or", "SELECT COUNT(*) FROM patients WHERE (age >= 18 AND sex = 'F') OR NOT (region <> 'R2')"),
    Q("null_tests", "SELECT COUNT(*) FROM patients WHERE income IS NOT NULL AND smoker IS NULL"),
    Q("three_valued", "SELECT COUNT(*) FROM patients WHERE NOT (age > 50)"),
    Q("is_true", "SELECT COUNT(*) FROM patients WHERE smoker IS NOT TRUE"),
    Q("boolean_column", "SELECT COUNT(*) FROM visits WHERE paid"),
    Q("between_dates", "SELECT COUNT(*) FROM visits WHERE visited_on BETWEEN '2023-06-01' AND DATE '2024-06-30'"),
    Q("not_in_list", "SELECT COUNT(*) FROM visits WHERE diagnosis NOT IN ('flu', 'asthma')"),
    Q("not_in_null", "SELECT COUNT(*) FROM visits WHERE diagnosis NOT IN ('flu', NULL)"),
    Q("distinct_from", "SELECT COUNT(*) FROM patients WHERE sex IS DISTINCT FROM 'F'"),
    Q("quote_in_literal", "SELECT COUNT(*) FROM visits WHERE diagnosis = 'o''neill''s'"),
    Q("case_insensitive_names", 'SELECT Region, COUNT(*) AS "how many" FROM "PATIENTS" GROUP BY REGION'),
    Q("no_row_passes", "SELECT COUNT(*), SUM(cost) FROM visits WHERE cost > 4999.99 AND cost < 5000"),
    Q("impossible_range", "SELECT COUNT(*) FROM patients WHERE age > 60 AND age < 50"),
    Q("out_of_bounds_literal", "SELECT COUNT(*) FROM patients WHERE age < 1000 AND income > -5"),
    Q("fractional_literal", "SELECT COUNT(*) FROM patients WHERE age > 49.5 AND age <> 60.5"),
]

JOINS = [
    Q("on_the_unit", "SELECT p.region, SUM(v.cost) FROM patients p JOIN visits v ON p.patient_id = v.patient_id GROUP BY 1"),
    Q("using", "SELECT sex, COUNT(*), AVG(minutes) FROM patients JOIN visits USING (patient_id) GROUP BY sex"),
    Q("comma_and_where", "SELECT COUNT(*) FROM patients p, visits v WHERE p.patient_id = v.patient_id AND v.cost > 900"),
    Q("more_conditions", "SELECT COUNT(*) FROM patients p JOIN visits v ON p.patient_id = v.patient_id AND v.minutes > p.age"),
    Q("left", "SELECT COUNT(*), COUNT(v.visit_id) FROM patients p LEFT JOIN visits v ON p.patient_id = v.patient_id"),
    Q("left_with_condition", "SELECT p.sex, COUNT(*), COUNT(v.cost) FROM patients p LEFT JOIN visits v "
      "ON p.patient_id = v.patient_id AND v.cost > 1500 GROUP BY p.sex"),
    Q("never_seen", "SELECT COUNT(*) FROM patients p LEFT JOIN visits v USING (patient_id) WHERE v.visit_id IS NULL"),
    Q("right", "SELECT v.clinic, COUNT(p.age) FROM patients p RIGHT JOIN visits v ON p.patient_id = v.patient_id GROUP BY 1"),
    Q("full", "SELECT COUNT(*), COUNT(a.visit_id), COUNT(b.visit_id) FROM (SELECT * FROM visits WHERE minutes > 100) a "
      "FULL JOIN (SELECT * FROM visits WHERE cost > 1000) b ON a.patient_id = b.patient_id AND a.visit_id = b.visit_id"),
    Q("semi", "SELECT COUNT(*) FROM patients SEMI JOIN visits ON patients.patient_id = visits.patient_id"),
    Q("anti", "SELECT COUNT(*) FROM patients p ANTI JOIN visits v ON p.patient_id = v.patient_id AND v.paid"),
    Q("self", "SELECT COUNT(*) FROM visits a JOIN visits b ON a.patient_id = b.patient_id AND a.visited_on < b.visited_on"),
    Q("three", "SELECT p.sex, SUM(b.amount) FROM patients p JOIN visits v USING (patient_id) "
      "JOIN bills b ON b.visit_id = v.visit_id GROUP BY p.sex"),
    Q("declared_path", "SELECT v.clinic, COUNT(*), SUM(b.amount) FROM bills b JOIN visits v ON b.visit_id = v.visit_id GROUP BY 1"),
    Q("path_table_alone", "SELECT COUNT(*), AVG(amount) FROM bills WHERE amount < 0"),
    Q("public", "SELECT r.country, COUNT(*) FROM patients p JOIN regions r ON p.region = r.region GROUP BY r.country"),
    Q("public_fan_out", "SELECT COUNT(*) FROM visits v JOIN regions r ON r.population > v.cost * 150"),
    Q("public_cross", "SELECT r.country, COUNT(*) FROM patients CROSS JOIN regions r WHERE r.population > income GROUP BY 1"),
    Q("public_left", "SELECT COUNT(*), COUNT(r.region) FROM patients p LEFT JOIN regions r "
      "ON p.region = r.region AND r.population > 400000"),
    Q("public_keys", "SELECT r.region, COUNT(p.patient_id), SUM(p.income) FROM regions r "
      "LEFT JOIN patients p ON p.region = r.region GROUP BY r.region"),
    Q("public_keys_filtered", "SELECT r.region, COUNT(p.patient_id) FROM regions r LEFT JOIN patients p "
      "ON p.region = r.region WHERE r.country = 'Norland' GROUP BY r.region"),
    Q("values", "SELECT w.label, COUNT(*) FROM visits v JOIN (VALUES ('flu', 'acute'), ('asthma', 'chronic')) AS w(d, label) "
      "ON v.diagnosis = w.d GROUP BY w.label"),
]  # fmt: skip

SETS = [
    Q("union_all", "SELECT k, COUNT(*) FROM (SELECT patient_id, clinic AS k FROM visits WHERE cost > 900 UNION ALL "
      "SELECT patient_id, clinic FROM visits WHERE minutes < 0) t GROUP BY k"),
    Q("union_all_mixed_types", "SELECT SUM(x) FROM (SELECT patient_id, cost AS x FROM visits UNION ALL "
      "SELECT patient_id, minutes FROM visits) t"),
    Q("union", "SELECT COUNT(*) FROM (SELECT patient_id, clinic FROM visits UNION SELECT patient_id, region FROM patients) t"),
    Q("intersect", "SELECT COUNT(*) FROM (SELECT patient_id FROM visits WHERE diagnosis = 'flu' INTERSECT "
      "SELECT patient_id FROM visits WHERE diagnosis = 'asthma') t"),
    Q("except", "SELECT COUNT(*) FROM (SELECT patient_id, clinic FROM visits EXCEPT "
      "SELECT patient_id, clinic FROM visits WHERE paid) t"),
    Q("except_all", "SELECT clinic, COUNT(*) FROM (SELECT patient_id, clinic FROM visits EXCEPT ALL "
      "SELECT patient_id, clinic FROM visits WHERE paid) t GROUP BY clinic"),
    Q("distinct_rows", "SELECT clinic, COUNT(*) FROM (SELECT DISTINCT patient_id, clinic FROM visits) t GROUP BY clinic"),
    Q("distinct_keys", "SELECT DISTINCT diagnosis FROM visits"),
]  # fmt: skip

PER_UNIT = [
    Q("visits_of_each", "SELECT AVG(n), SUM(n), MEDIAN(n) FROM (SELECT patient_id, COUNT(*) AS n FROM visits GROUP BY 1) t",
      within=1),
    Q("bucket_of_each", "WITH c AS (SELECT patient_id, COUNT(*) AS n FROM visits GROUP BY patient_id) SELECT CASE WHEN n = 1 "
      "THEN '1' WHEN n <= 3 THEN '2-3' ELSE '4+' END AS bucket, COUNT(*) FROM c GROUP BY 1"),
    Q("sum_of_each", "SELECT AVG(s), SUM(s) FROM (SELECT patient_id, SUM(minutes) AS s FROM visits GROUP BY 1) t"),
    Q("two_keys", "SELECT clinic, AVG(m), COUNT(*) FROM (SELECT patient_id, clinic, MAX(cost) AS m, MIN(cost) AS l "
      "FROM visits GROUP BY patient_id, clinic) t WHERE m > l GROUP BY clinic"),
    Q("every_aggregate_of_each", "SELECT AVG(a), AVG(s), AVG(q), AVG(d), COUNT(*) FILTER (WHERE o) FROM (SELECT patient_id, "
      "AVG(minutes) AS a, STDDEV_POP(minutes) AS s, QUANTILE_CONT(minutes, 0.25) AS q, COUNT(DISTINCT clinic) AS d, "
      "BOOL_OR(minutes < 0) AS o FROM visits GROUP BY 1) t"),
    Q("pairs_of_each", "SELECT COUNT(r), COUNT(*) FILTER (WHERE r > 0), AVG(LEAST(GREATEST(s, -100), 100)), "
      "AVG(LEAST(GREATEST(c, -500), 500)) FROM (SELECT patient_id, CORR(cost, minutes) AS r, REGR_SLOPE(cost, minutes) AS s, "
      "COVAR_SAMP(cost, minutes) / 100 AS c FROM visits "
      "GROUP BY 1) t", within=1e-2),
    Q("average_of_decimals", "SELECT SUM(a) FROM (SELECT patient_id, AVG(cost) AS a FROM visits GROUP BY 1) t"),
    Q("having_of_each", "SELECT COUNT(*) FROM (SELECT patient_id FROM visits GROUP BY 1 HAVING COUNT(*) >= 3 AND SUM(cost) > 2000) t"),
    Q("filter_of_each", "SELECT AVG(f) FROM (SELECT patient_id, COUNT(*) FILTER (WHERE paid) AS f FROM visits GROUP BY 1) t"),
    Q("twice", "SELECT AVG(m) FROM (SELECT patient_id, MAX(n) AS m FROM (SELECT patient_id, clinic, COUNT(*) AS n FROM visits "
      "GROUP BY 1, 2) a GROUP BY patient_id) b"),
    Q("joined_back", "WITH c AS (SELECT patient_id, COUNT(*) AS n FROM visits GROUP BY 1) SELECT p.sex, AVG(c.n), COUNT(*) "
      "FROM patients p JOIN c USING (patient_id) GROUP BY p.sex"),
    Q("cte_used_twice", "WITH c AS (SELECT patient_id, visit_id, cost FROM visits WHERE cost > 500) SELECT COUNT(*) FROM c a JOIN c b "
      "ON a.patient_id = b.patient_id AND a.visit_id < b.visit_id"),
    Q("stage_inside_an_aggregate", "SELECT sex, SUM(age - (SELECT AVG(age) FROM patients)) FROM patients GROUP BY sex", within=1),
    Q("null_side_grouped", "SELECT COUNT(*) FROM (SELECT a.patient_id, b.patient_id AS q FROM patients a LEFT JOIN visits b "
      "ON a.patient_id = b.patient_id GROUP BY a.patient_id, b.patient_id) t"),
]  # fmt: skip

WINDOWS = [
    Q("first_visit", "SELECT clinic, COUNT(*) FROM (SELECT patient_id, clinic, ROW_NUMBER() OVER (PARTITION BY patient_id "
      "ORDER BY visited_on DESC, visit_id DESC) AS rn FROM visits) t WHERE rn = 1 GROUP BY clinic"),
    Q("gap", "SELECT AVG(gap) FROM (SELECT patient_id, date_diff('day', LAG(visited_on) OVER (PARTITION BY patient_id "
      "ORDER BY visited_on, visit_id), visited_on) AS gap FROM visits) t WHERE gap IS NOT NULL"),
    Q("running_sum", "SELECT AVG(s) FROM (SELECT patient_id, SUM(minutes) OVER (PARTITION BY patient_id ORDER BY visit_id "
      "ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS s FROM visits) t", within=1e-3),
    Q("running_sum_of_decimals", "SELECT SUM(s) FROM (SELECT patient_id, SUM(cost) OVER (PARTITION BY patient_id ORDER BY visit_id) "
      "AS s FROM visits) t", within=1),
    Q("rank_with_ties", "SELECT rk, COUNT(*) FROM (SELECT patient_id, RANK() OVER (PARTITION BY patient_id ORDER BY visited_on) "
      "AS rk FROM visits) t WHERE rk <= 3 GROUP BY rk"),
    Q("lead_default", "SELECT AVG(x) FROM (SELECT patient_id, LEAD(minutes, 2, 0) OVER (PARTITION BY patient_id ORDER BY visit_id) "
      "AS x FROM visits) t"),
    Q("first_and_last", "SELECT AVG(l - f) FROM (SELECT patient_id, FIRST_VALUE(minutes) OVER (PARTITION BY patient_id ORDER BY visit_id) "
      "AS f, LAST_VALUE(minutes) OVER (PARTITION BY patient_id ORDER BY visit_id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED "
      "FOLLOWING) AS l FROM visits) t"),
    Q("share_of_own", "SELECT SUM(x) FROM (SELECT patient_id, minutes - MAX(minutes) OVER (PARTITION BY patient_id, clinic) AS x "
      "FROM visits) t", within=1e-3),
    Q("qualify", "SELECT clinic, COUNT(*) FROM (SELECT patient_id, clinic FROM visits QUALIFY COUNT(*) OVER (PARTITION BY patient_id) "
      "> 4) t GROUP BY clinic"),
    Q("cume_dist", "SELECT AVG(c) FROM (SELECT patient_id, CUME_DIST() OVER (PARTITION BY patient_id ORDER BY cost) AS c FROM visits) t"),
]  # fmt: skip

# their answers depend on ties, so that SQL gives them no one meaning; their sensitivity is bounded all the same
TIED = [
    Q("tied_row_number", "SELECT clinic, COUNT(*) FROM (SELECT patient_id, clinic, ROW_NUMBER() OVER (PARTITION BY patient_id "
      "ORDER BY visited_on) AS rn FROM visits) t WHERE rn = 1 GROUP BY clinic"),
    Q("tied_first_value", "SELECT clinic, SUM(c) FROM (SELECT patient_id, clinic, FIRST_VALUE(cost) OVER (PARTITION BY patient_id "
      "ORDER BY visited_on) AS c FROM visits) t GROUP BY clinic"),
    Q("tied_lag", "SELECT SUM(minutes - x) FROM (SELECT patient_id, minutes, LAG(minutes) OVER (PARTITION BY patient_id "
      "ORDER BY visited_on) AS x FROM visits) t WHERE minutes > x"),
    Q("unordered_row_number", "SELECT diagnosis, COUNT(*) FROM (SELECT patient_id, diagnosis, ROW_NUMBER() OVER (PARTITION BY "
      "patient_id) AS rn FROM visits) t WHERE rn <= 2 GROUP BY diagnosis"),
]  # fmt: skip

SUBQUERIES = [
    Q("last_visit_of_each", "SELECT clinic, COUNT(*) FROM visits v WHERE (v.patient_id, v.visited_on) IN (SELECT patient_id, "
      "MAX(visited_on) FROM visits GROUP BY patient_id) GROUP BY clinic"),
    Q("not_last_visit_of_each", "SELECT clinic, COUNT(*) FROM visits v WHERE (v.patient_id, v.visited_on) NOT IN (SELECT patient_id, "
      "MAX(visited_on) FROM visits GROUP BY patient_id) GROUP BY clinic"),
    Q("row_in_own", "SELECT COUNT(*), COUNT(*) FILTER (WHERE k IS NULL) FROM (SELECT (p.patient_id, 'flu') IN (SELECT v.patient_id, "
      "v.diagnosis FROM visits v) AS k FROM patients p) t WHERE k IS NOT FALSE"),
    Q("row_in_public", "SELECT COUNT(*) FROM patients p WHERE (p.region, p.age) NOT IN (SELECT region, population // 10000 FROM regions)"),
    Q("exists", "SELECT COUNT(*) FROM patients p WHERE EXISTS (SELECT 1 FROM visits v WHERE v.patient_id = p.patient_id AND cost > 2500)"),
    Q("not_exists", "SELECT region, COUNT(*) FROM patients p WHERE NOT EXISTS (SELECT 1 FROM visits v WHERE "
      "v.patient_id = p.patient_id AND v.diagnosis = 'flu') GROUP BY region"),
    Q("unit_in", "SELECT COUNT(*) FROM patients WHERE patient_id IN (SELECT patient_id FROM visits WHERE diagnosis = 'diabetes')"),
    Q("unit_not_in", "SELECT COUNT(*) FROM patients WHERE patient_id NOT IN (SELECT patient_id FROM visits WHERE paid)"),
    Q("in_public", "SELECT COUNT(*) FROM patients WHERE region IN (SELECT region FROM regions WHERE country = 'Norland')"),
    Q("value_in_own", "SELECT COUNT(*) FROM patients p WHERE 'Central' IN (SELECT clinic FROM visits v WHERE v.patient_id = p.patient_id)"),
    Q("scalar_of_own", "SELECT AVG(x) FROM (SELECT patient_id, (SELECT MAX(cost) FROM visits v WHERE v.patient_id = p.patient_id) "
      "AS x FROM patients p) t"),
    Q("scalar_public", "SELECT COUNT(*) FROM patients WHERE income > (SELECT AVG(population) / 4 FROM regions)"),
    Q("public_value_by_its_key", "SELECT (SELECT country FROM regions r WHERE r.region = p.region AND r.population > 100000) AS c, "
      "COUNT(*), SUM(age > 50) FROM patients p GROUP BY 1"),
    Q("correlated_public", "SELECT COUNT(*) FROM patients p WHERE EXISTS (SELECT 1 FROM regions r WHERE r.region = p.region AND "
      "r.population > 400000)"),
    Q("key_exists_public", "SELECT EXISTS (SELECT 1 FROM regions r WHERE r.population < v.cost * 300) AS k, COUNT(*) FROM visits v "
      "GROUP BY 1"),
    Q("key_exists_own", "SELECT EXISTS (SELECT 1 FROM visits w WHERE w.patient_id = v.patient_id AND w.cost > v.cost) AS k, COUNT(*) "
      "FROM visits v GROUP BY 1"),
    Q("key_unit_in_own", "SELECT patient_id IN (SELECT patient_id FROM visits w WHERE w.cost > v.cost) AS k, COUNT(*) FROM visits v "
      "GROUP BY 1"),
    Q("key_in_public", "SELECT p.region IN (SELECT region FROM regions r WHERE r.population > v.minutes * 4000) AS k, COUNT(*) "
      "FROM visits v JOIN patients p USING (patient_id) GROUP BY 1"),
]  # fmt: skip

# plain SQL fails on one patient's codes here; data must not decide whether a query fails
BOUNDED = [
    Q("bounds_of_a_group", "SELECT clinic, SUM(cost, contribution_bounds_per_group => (0, 70)), COUNT(*, "
      "contribution_bounds_per_group => (0, 2)) FROM visits GROUP BY clinic"),
    Q("symmetric_bounds", "SELECT SUM(minutes, contribution_bounds_per_group => (-100, 100)), COUNT(cost, contribution_bounds_per_group => "
      "(0, 1)), SUM(minutes) FROM visits"),
    Q("bounds_beside_an_average", "SELECT region, AVG(age), SUM(age, contribution_bounds_per_group => (0, 30)) FILTER (WHERE smoker) "
      "FROM patients GROUP BY region"),
    Q("bounds_under_unknown_keys", "SELECT diagnosis, SUM(cost, contribution_bounds_per_group => (0, 1000000)) FROM visits "
      "GROUP BY diagnosis"),
    Q("bounds_of_rows", "SELECT clinic, SUM(cost, contribution_bounds_per_row => (-5, 20)), AVG(minutes, "
      "contribution_bounds_per_row => (0, 9)) FROM visits GROUP BY clinic"),
]  # fmt: skip

OVERFLOWS = [
    Q("overflow_in_sum", "SELECT clinic, SUM(LEAST(GREATEST(code * 4, 0), 100)) FROM visits GROUP BY clinic"),
    Q("overflow_in_filter", "SELECT COUNT(*) FROM visits WHERE code * 8 + code IS NULL"),
    Q("overflow_in_key", "SELECT code * 4 AS k, COUNT(*) FROM visits GROUP BY 1"),
    Q("overflow_of_date", "SELECT COUNT(visited_on + code) FROM visits"),
]  # fmt: skip

# these read other people's rows: they may be refused, or be bounded, and nothing else
TRAPS = [
    Q("exists_union", "SELECT COUNT(*) FROM patients p WHERE EXISTS (SELECT 1 FROM visits v WHERE v.patient_id = p.patient_id "
      "AND cost > 2900 UNION ALL SELECT 1 FROM visits v WHERE diagnosis = 'rare')"),
    Q("in_union", "SELECT COUNT(*) FROM patients p WHERE 'rare' IN (SELECT diagnosis FROM visits v WHERE v.patient_id = p.patient_id "
      "UNION ALL SELECT diagnosis FROM visits w)"),
    Q("exists_except", "SELECT COUNT(*) FROM patients p WHERE EXISTS (SELECT patient_id FROM visits WHERE diagnosis = 'rare' EXCEPT "
      "SELECT v.patient_id FROM visits v WHERE v.patient_id = p.patient_id)"),
]  # fmt: skip

NUMBERS = [
    Q("arithmetic", "SELECT SUM(age * 2 + 1 - age // 3), SUM(age % 7), SUM(-age) FROM patients"),
    Q("division", "SELECT AVG(income / 12.0), SUM(cost / 3) FROM patients JOIN visits USING (patient_id)", within=0.1),
    Q("division_by_zero", "SELECT COUNT(100 // minutes), COUNT(*) FILTER (WHERE 100 // minutes IS NULL) FROM visits"),
    Q("rounding", "SELECT SUM(FLOOR(cost)), SUM(CEIL(cost)), SUM(ROUND(cost)), SUM(TRUNC(cost)), SUM(ROUND(cost, 1)) FROM visits",
      within=1e-2),
    Q("absolute_and_sign", "SELECT SUM(ABS(minutes)), SUM(SIGN(minutes)) FROM visits"),
    Q("roots_and_powers", "SELECT AVG(SQRT(cost)), AVG(CBRT(minutes)), SUM(POWER(age, 2)), AVG(EXP(age / 100)) FROM patients "
      "JOIN visits USING (patient_id)", within=1e-3),
    Q("logarithms", "SELECT AVG(LN(cost + 1)), AVG(LOG10(cost + 1)), AVG(LOG2(weight + 1)) FROM patients JOIN visits USING (patient_id)"),
    Q("least_and_greatest", "SELECT SUM(LEAST(cost, 1000)), SUM(GREATEST(age, 18)), SUM(LEAST(income, age, 50)) FROM patients "
      "JOIN visits USING (patient_id)"),
    Q("coalesce_nullif", "SELECT SUM(COALESCE(income, 0)), SUM(NULLIF(age, 100)), SUM(IFNULL(age, 5)) FROM patients"),
    Q("casts", "SELECT SUM(CAST(cost AS INTEGER)), SUM(CAST(paid AS INTEGER)), SUM(CAST(minutes AS DOUBLE) / 2) FROM visits"),
    Q("case_sum", "SELECT SUM(CASE WHEN sex = 'F' THEN 1 ELSE 0 END), SUM(CASE sex WHEN 'M' THEN age END) FROM patients"),
    Q("negative_literals", "SELECT SUM(minutes * -2), SUM(minutes - -5) FROM visits WHERE minutes > -30"),
]  # fmt: skip

STRINGS_AND_DATES = [
    Q("case_and_cut", "SELECT UPPER(SUBSTR(diagnosis, 1, 2)) AS k, COUNT(*) FROM visits GROUP BY 1"),
    Q("trim_pad_replace", "SELECT LPAD(TRIM(name), 5, '*') || REPLACE(name, 'o', '0') AS k, COUNT(*) FROM patients GROUP BY 1"),
    Q("left_right_reverse", "SELECT LEFT(name, 1) || RIGHT(name, 1) || REVERSE(name) AS k, COUNT(*) FROM patients GROUP BY 1"),
    Q("concat_skips_null", "SELECT CONCAT(sex, '-', name) AS k, COUNT(*) FROM patients GROUP BY 1"),
    Q("like", "SELECT COUNT(*) FROM visits WHERE diagnosis LIKE '%a_t%' OR diagnosis ILIKE 'HIP%' OR diagnosis NOT LIKE '%i%'"),
    Q("contains", "SELECT COUNT(*) FROM visits WHERE CONTAINS(diagnosis, 'flu') OR STARTS_WITH(diagnosis, 'as') "
      "OR ENDS_WITH(diagnosis, 'ne')"),
    Q("position_length", "SELECT SUM(LEAST(STRPOS(diagnosis, 'a'), 10)), SUM(LEAST(LENGTH(diagnosis), 20)) FROM visits"),
    Q("regexp", "SELECT REGEXP_EXTRACT(diagnosis, '[a-z]+') AS k, COUNT(*) FROM visits WHERE "
      "REGEXP_MATCHES(diagnosis, '^[a-z ]+$') GROUP BY 1"),
    Q("split", "SELECT SPLIT_PART(diagnosis, ' ', 2) AS k, COUNT(*) FROM visits GROUP BY 1"),
    Q("month", "SELECT date_trunc('month', visited_on) AS m, COUNT(*) FROM visits WHERE visited_on >= DATE '2024-01-01' GROUP BY 1"),
    Q("date_parts", "SELECT EXTRACT(YEAR FROM visited_on) AS y, QUARTER(visited_on) AS q, COUNT(*) FROM visits GROUP BY 1, 2"),
    Q("weekday", "SELECT DAYNAME(visited_on) AS d, COUNT(*), SUM(DAYOFWEEK(visited_on)), SUM(WEEK(visited_on)) FROM visits GROUP BY 1"),
    Q("timestamp_parts", "SELECT HOUR(registered) AS h, COUNT(*), SUM(MINUTE(registered)) FROM patients GROUP BY 1"),
    Q("strftime", "SELECT STRFTIME(visited_on, '%Y-%m') AS k, COUNT(*) FROM visits GROUP BY 1"),
    Q("date_arithmetic", "SELECT COUNT(*), AVG(visited_on - DATE '2023-01-01') FROM visits WHERE visited_on + 30 > DATE '2024-02-01' "
      "AND visited_on - INTERVAL 2 MONTH < TIMESTAMP '2024-09-01 12:00:00'"),
    Q("date_diff", "SELECT AVG(date_diff('month', DATE '2022-12-15', visited_on)), AVG(date_diff('week', registered, visited_on)) "
      "FROM patients JOIN visits USING (patient_id)"),
    Q("last_day", "SELECT LAST_DAY(visited_on) AS k, COUNT(*) FROM visits GROUP BY 1"),
]  # fmt: skip

NULL_KEYS = [
    Q("key_comparison", "SELECT age > 50 AS old, COUNT(*) FROM patients GROUP BY 1"),
    Q("key_in_list", "SELECT sex IN ('F', 'X') AS k, COUNT(*) FROM patients GROUP BY 1"),
    Q("key_null_test", "SELECT age IS NULL AS k, COUNT(*) FROM patients GROUP BY 1"),
    Q("key_division", "SELECT 100 // minutes AS k, COUNT(*) FROM visits GROUP BY 1"),
    Q("key_failed_cast", "SELECT TRY_CAST(clinic AS INTEGER) AS k, COUNT(*) FROM visits GROUP BY 1"),
    Q("key_computed_below", "SELECT g, COUNT(*) FROM (SELECT patient_id, age // 20 AS g FROM patients) t GROUP BY g"),
    Q("key_of_each_date", "SELECT y, AVG(n) FROM (SELECT patient_id, YEAR(visited_on) AS y, COUNT(*) AS n FROM visits GROUP BY 1, 2) t "
      "GROUP BY y"),
    Q("key_nullif", "SELECT NULLIF(clinic, 'Central') AS k, COUNT(*) FROM visits GROUP BY 1"),
    Q("key_of_nothing", "SELECT s, COUNT(*) FROM (SELECT p.patient_id, SUM(v.minutes) > 300 AS s FROM patients p LEFT JOIN visits v "
      "USING (patient_id) GROUP BY p.patient_id) t GROUP BY s"),
    Q("key_of_an_empty_frame", "SELECT s, COUNT(*) FROM (SELECT patient_id, MAX(clinic) OVER (PARTITION BY patient_id ORDER BY visit_id "
      "ROWS BETWEEN 2 PRECEDING AND 1 PRECEDING) AS s FROM visits) t GROUP BY s"),
    Q("key_negative", "SELECT CASE WHEN minutes < 0 THEN -1 ELSE 1 END AS k, COUNT(*) FROM visits GROUP BY 1"),
]  # fmt: skip

# a subquery that is another one for each row: what is one value a unit inside it is none outside
_SO_FAR = ("SELECT v.patient_id, COUNT(*) AS n FROM visits v WHERE v.patient_id = l.patient_id AND v.visit_id <= l.visit_id "
           "GROUP BY v.patient_id")  # fmt: skip
LATERALS = [
    Q("lateral_key", f"SELECT t.n, COUNT(*) FROM visits l, LATERAL ({_SO_FAR}) t GROUP BY t.n"),
    Q("lateral_grouped", "SELECT COUNT(*) FROM (SELECT t.patient_id, t.n FROM visits l, "
      f"LATERAL ({_SO_FAR}) t GROUP BY t.patient_id, t.n) s"),
    Q("lateral_distinct", f"SELECT COUNT(*) FROM (SELECT DISTINCT t.patient_id, t.n FROM visits l, LATERAL ({_SO_FAR}) t) s"),
]  # fmt: skip

ROWS = [*FILTERS, *JOINS, *SETS, *PER_UNIT, *WINDOWS, *SUBQUERIES, *LATERALS, *NUMBERS, *STRINGS_AND_DATES, *NULL_KEYS]
