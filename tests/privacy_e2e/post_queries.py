"""Accepted queries: every aggregate, every kind of group, several release points, and SQL above them."""

from __future__ import annotations

from tacit_e2e_queries import Q

AGGREGATES = [
    Q("counts", "SELECT COUNT(*), COUNT(income), COUNT(DISTINCT patient_id), COUNT_IF(age > 40) FROM patients"),
    Q("count_distinct_units", "SELECT clinic, COUNT(DISTINCT patient_id) FROM visits GROUP BY clinic"),
    Q("count_distinct_values", "SELECT COUNT(DISTINCT diagnosis), COUNT(DISTINCT visited_on) FROM visits"),
    Q("count_distinct_by_key", "SELECT clinic, COUNT(DISTINCT diagnosis) FROM visits GROUP BY clinic"),
    Q("sums", "SELECT SUM(cost), SUM(minutes), SUM(income), SUM(weight) FROM patients JOIN visits USING (patient_id)"),
    Q("averages", "SELECT region, AVG(age), AVG(income), AVG(weight) FROM patients GROUP BY region"),
    Q("average_of_visits", "SELECT clinic, AVG(cost), AVG(minutes) FROM visits GROUP BY clinic"),
    Q("filters", "SELECT clinic, COUNT(*) FILTER (WHERE paid), SUM(cost) FILTER (WHERE cost > 900), AVG(minutes) FILTER "
      "(WHERE NOT paid), COUNT(DISTINCT patient_id) FILTER (WHERE paid) FROM visits GROUP BY clinic"),
    Q("null_filter", "SELECT COUNT(*) FILTER (WHERE paid), COUNT(*) FILTER (WHERE NOT paid), COUNT(*) FROM visits"),
    Q("variances", "SELECT VAR_SAMP(age), VAR_POP(income), STDDEV(weight), STDDEV_POP(age) FROM patients", rel=1e-3),
    Q("stddev_by_key", "SELECT clinic, STDDEV(cost) FROM visits GROUP BY clinic", rel=1e-3),
    Q("stddev_samp_by_key", "SELECT clinic, STDDEV_SAMP(minutes) FROM visits GROUP BY clinic", rel=1e-3),
    Q("spread_at_both_ends", "SELECT STDDEV(age), VAR_SAMP(age), VAR_POP(age) FROM patients WHERE age IN (0, 100)", rel=1e-3),
    Q("median", "SELECT MEDIAN(age), MEDIAN(minutes) FROM patients JOIN visits USING (patient_id)", within=2),
    Q("quantiles", "SELECT QUANTILE_CONT(age, 0.25), QUANTILE_DISC(age, 0.9), PERCENTILE_CONT(0.1) WITHIN GROUP (ORDER BY age) "
      "FROM patients", within=1),
    Q("quantile_by_key", "SELECT clinic, QUANTILE_DISC(minutes, 0.5) FROM visits GROUP BY clinic", within=2),
    Q("expression_in_sum", "SELECT SUM(cost * (1 + minutes / 60.0)), SUM(LEAST(cost, 100) * age) FROM patients "
      "JOIN visits USING (patient_id)",
      rel=1e-4),
    Q("around_aggregates", "SELECT region, SUM(income) / NULLIF(COUNT(income), 0) AS mean, ROUND(100.0 * COUNT_IF(smoker) / COUNT(*), 1) "
      "AS percent FROM patients GROUP BY region"),
    Q("same_twice", "SELECT COUNT(*) AS a, COUNT(*) AS b, AVG(age) AS c, AVG(age) + COUNT(*) AS d FROM patients"),
]  # fmt: skip

GROUPS = [
    Q("two_declared", "SELECT region, sex, COUNT(*) FROM patients GROUP BY region, sex"),
    Q("declared_and_unknown", "SELECT clinic, diagnosis, COUNT(*), SUM(cost) FROM visits GROUP BY clinic, diagnosis"),
    Q("unknown", "SELECT diagnosis, COUNT(*), AVG(cost), COUNT(DISTINCT patient_id) FROM visits GROUP BY diagnosis"),
    Q("decades", "SELECT age // 10 * 10 AS decade, COUNT(*) FROM patients GROUP BY 1"),
    Q("bands", "SELECT CASE WHEN age < 18 THEN 'child' WHEN age < 65 THEN 'adult' WHEN age IS NOT NULL THEN 'senior' END AS band, "
      "COUNT(*) FROM patients GROUP BY band"),
    Q("boolean_key", "SELECT smoker, COUNT(*) FROM patients GROUP BY smoker"),
    Q("number_key", "SELECT ROUND(weight / 50) AS k, COUNT(*) FROM patients GROUP BY 1"),
    Q("literal_key_list", "SELECT diagnosis, COUNT(*) FROM visits WHERE diagnosis IN ('flu', 'asthma') GROUP BY diagnosis"),
    Q("key_of_join", "SELECT p.sex, v.clinic, COUNT(*) FROM patients p JOIN visits v USING (patient_id) GROUP BY ALL"),
    Q("key_of_each", "SELECT n, COUNT(*) FROM (SELECT patient_id, COUNT(*) AS n FROM visits GROUP BY 1) t GROUP BY n"),
    Q("alias_of_a_column", "SELECT age // 10 AS age, COUNT(*) FROM patients GROUP BY age"),
    Q("narrowed_range", "SELECT age, COUNT(*) FROM patients WHERE age BETWEEN 30 AND 35 OR age = 30.5 GROUP BY age"),
    Q("narrowed_list", "SELECT age, COUNT(*) FROM patients WHERE age IN (30, 31.0, 200) GROUP BY age"),
    Q("renamed_key", "SELECT CASE sex WHEN 'F' THEN 'woman' ELSE sex END AS k, COALESCE(name, '?') AS m, "
      "COUNT(*) FROM patients GROUP BY 1, 2"),
    Q("computed_keys", "SELECT ABS(minutes) // 50 AS a, -minutes // 50 AS b, minutes % 3 AS c, COUNT(*) FROM visits GROUP BY ALL"),
    Q("null_side_key", "SELECT v.clinic, COUNT(*) FROM patients p LEFT JOIN visits v ON p.patient_id = v.patient_id GROUP BY v.clinic"),
    Q("first_month_of_each", "SELECT date_trunc('month', f) AS m, COUNT(*) FROM (SELECT patient_id, "
      "MIN(visited_on) AS f FROM visits GROUP BY 1) t "
      "GROUP BY 1"),
    Q("buckets_of_days", "SELECT time_bucket(INTERVAL '14 days', visited_on) AS b, COUNT(*) FROM visits WHERE visited_on >= "
      "'2024-06-01' GROUP BY 1"),
    Q("country_and_region", "SELECT r.country, r.region, COUNT(*) FROM patients p JOIN regions r USING (region) GROUP BY 1, 2"),
    Q("rollup", "SELECT region, sex, COUNT(*), AVG(age) FROM patients GROUP BY ROLLUP (region, sex)"),
    Q("cube", "SELECT sex, smoker, COUNT(*) FROM patients WHERE sex IS NOT NULL GROUP BY CUBE (sex, smoker)"),
    Q("grouping_sets", "SELECT clinic, diagnosis, COUNT(*) FROM visits GROUP BY GROUPING SETS ((clinic), (diagnosis), ())"),
    Q("pivoted", "SELECT clinic, \"2024\" - \"2023\" AS d, \"2023\" FROM (SELECT clinic, year(visited_on) AS y, cost FROM visits) "
      "PIVOT (SUM(cost) FOR y IN (2023, 2024)) AS t"),
    Q("key_and_rollup", "SELECT clinic, QUARTER(visited_on) AS q, SUM(cost) FROM visits GROUP BY clinic, ROLLUP (QUARTER(visited_on))"),
]  # fmt: skip

ABOVE = [
    Q("having", "SELECT region, COUNT(*) AS n FROM patients GROUP BY region HAVING COUNT(*) > 20 AND n < 70"),
    Q("having_other", "SELECT diagnosis, SUM(cost) FROM visits GROUP BY diagnosis HAVING COUNT(DISTINCT patient_id) >= 10"),
    Q("order_limit", "SELECT diagnosis, COUNT(*) AS n FROM visits GROUP BY 1 ORDER BY n DESC, diagnosis LIMIT 4", ordered=True),
    Q("order_offset", "SELECT region, SUM(income) AS s FROM patients GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 3 OFFSET 2", ordered=True),
    Q("order_by_other", "SELECT region FROM patients GROUP BY region ORDER BY COUNT(*) DESC, region", ordered=True),
    Q("nulls_first", "SELECT sex, COUNT(*) FROM patients GROUP BY sex ORDER BY sex DESC NULLS FIRST", ordered=True),
    Q("share_window", "SELECT region, COUNT(*) AS n, COUNT(*) / SUM(COUNT(*)) OVER () AS share FROM patients GROUP BY region"),
    Q("rank_window", "SELECT clinic, n, RANK() OVER (ORDER BY n DESC) AS rk FROM (SELECT clinic, COUNT(*) AS n FROM visits GROUP BY 1) t"),
    Q("qualify_above", "SELECT clinic, COUNT(*) AS n FROM visits GROUP BY clinic QUALIFY ROW_NUMBER() OVER (ORDER BY COUNT(*) DESC) <= 2"),
    Q("running_total", "SELECT m, SUM(n) OVER (ORDER BY m) AS so_far FROM (SELECT MONTH(visited_on) AS m, COUNT(*) AS n FROM visits "
      "WHERE visited_on IS NOT NULL GROUP BY 1) t"),
    Q("average_of_averages", "SELECT AVG(c), MAX(n), MIN(n), COUNT(*) FROM (SELECT clinic, AVG(cost) AS c, "
      "COUNT(*) AS n FROM visits GROUP BY 1) t"),
    Q("regrouped", "SELECT CASE WHEN n > 40 THEN 'large' ELSE 'small' END AS size, COUNT(*), SUM(n) FROM (SELECT region, COUNT(*) AS n "
      "FROM patients GROUP BY region) t GROUP BY 1"),
    Q("joined_releases", "SELECT a.sex, a.n, b.m FROM (SELECT sex, COUNT(*) AS n FROM patients GROUP BY sex) a "
      "JOIN (SELECT sex, AVG(age) AS m "
      "FROM patients WHERE smoker GROUP BY sex) b ON a.sex = b.sex"),
    Q("joined_with_public", "SELECT r.region, n * 1000.0 / r.population AS rate FROM (SELECT region, COUNT(*) "
      "AS n FROM patients GROUP BY 1) c "
      "JOIN regions r USING (region)"),
    Q("cte_release_twice", "WITH c AS (SELECT clinic, SUM(cost) AS s FROM visits GROUP BY clinic) SELECT "
      "clinic, s / (SELECT SUM(s) FROM c) "
      "AS share FROM c"),
    Q("unpivoted", "SELECT * FROM (SELECT region, COUNT(*) AS n, AVG(age) AS a FROM patients GROUP BY region) UNPIVOT (v FOR k IN (n, a))"),
    Q("pivoted_release", "PIVOT (SELECT region, sex, COUNT(*) AS n FROM patients GROUP BY 1, 2) ON sex IN ('F', 'M') "
      "USING SUM(n), MAX(n) AS m GROUP BY region"),
    Q("group_key_in_subquery", "SELECT p.region, COUNT(*) * 1e5 / (SELECT population FROM regions r WHERE r.region = p.region) AS rate "
      "FROM patients p GROUP BY p.region HAVING COUNT(*) > (SELECT MIN(population) / 10000 FROM regions)"),
    Q("union_of_releases", "SELECT 'patients' AS what, COUNT(*) AS n FROM patients UNION ALL SELECT 'visits', COUNT(*) FROM visits"),
    Q("scalar_releases", "SELECT (SELECT COUNT(*) FROM visits) / (SELECT COUNT(*) FROM patients) AS visits_each"),
    Q("distinct_above", "SELECT DISTINCT n > 30 AS big FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) t"),
    Q("public_only", "SELECT country, SUM(population) AS pop, COUNT(*) FROM regions GROUP BY country ORDER BY country", ordered=True),
    Q("star_above", "SELECT * FROM (SELECT sex, COUNT(*) AS n, AVG(age) AS a FROM patients GROUP BY sex) t WHERE n > 5"),
    Q("case_above", "SELECT region, CASE WHEN COUNT(*) > 30 THEN 'many' ELSE 'few' END AS verdict FROM patients GROUP BY region"),
]  # fmt: skip

STAGES = [
    Q("top_keys", "SELECT clinic, COUNT(*), AVG(minutes) FROM visits WHERE clinic IN (SELECT clinic FROM visits GROUP BY clinic "
      "ORDER BY COUNT(*) DESC LIMIT 2) GROUP BY clinic"),
    Q("not_top_keys", "SELECT COUNT(*) FROM visits WHERE diagnosis NOT IN (SELECT diagnosis FROM visits WHERE diagnosis IS NOT NULL "
      "GROUP BY diagnosis ORDER BY COUNT(*) DESC LIMIT 2)"),
    Q("top_and_rest", "SELECT CASE WHEN clinic IN (SELECT clinic FROM visits GROUP BY 1 ORDER BY COUNT(*) DESC LIMIT 2) THEN 'top' "
      "ELSE 'rest' END AS k, COUNT(*), SUM(minutes) FROM visits GROUP BY 1", within=1e-3),
    Q("above_the_groups_average", "SELECT p.region, COUNT(*) FROM patients p JOIN (SELECT region, AVG(income) AS a FROM patients "
      "GROUP BY region) t ON t.region = p.region WHERE p.income > t.a GROUP BY p.region"),
    Q("left_join_of_a_stage", "SELECT COUNT(*), COUNT(t.n) FROM visits v LEFT JOIN (SELECT diagnosis, COUNT(*) AS n FROM visits "
      "GROUP BY diagnosis HAVING COUNT(*) > 150) t ON t.diagnosis = v.diagnosis"),
    Q("levels_that_repeat_a_key", "SELECT COUNT(*) FROM patients p JOIN (SELECT sex, MEDIAN(age) AS n FROM patients "
      "GROUP BY GROUPING SETS ((sex), (sex))) t ON t.sex = p.sex"),
    Q("fan_out_of_a_stage", "SELECT COUNT(*) FROM patients p JOIN (SELECT sex, region, COUNT(*) AS n FROM patients GROUP BY sex, region) t "
      "ON t.region = p.region AND t.n > 8"),
    Q("the_busiest_month", "SELECT COUNT(*) FROM visits WHERE date_trunc('month', visited_on) = (SELECT ARG_MAX(m, n) FROM (SELECT "
      "date_trunc('month', visited_on) AS m, COUNT(*) AS n FROM visits WHERE visited_on IS NOT NULL GROUP BY 1) t)"),
    Q("since_a_released_day", "SELECT clinic, COUNT(*) FROM visits WHERE visited_on > (SELECT MAX(d) FROM (SELECT visited_on AS d, "
      "COUNT(*) AS n FROM visits WHERE visited_on BETWEEN '2024-05-01' AND '2024-06-01' GROUP BY 1) t) - INTERVAL 90 DAY GROUP BY clinic"),
    Q("keys_of_a_stage_twice", "SELECT p.sex, COUNT(*) FROM patients p JOIN (SELECT region, UNNEST([1, 2, 3]) AS i FROM (SELECT region, "
      "COUNT(*) AS n FROM patients GROUP BY region) r) t ON t.region = p.region GROUP BY p.sex"),
    Q("exists_in_a_stage", "SELECT COUNT(*) FROM patients p WHERE EXISTS (SELECT 1 FROM (SELECT region, COUNT(*) AS n FROM patients "
      "GROUP BY region) t WHERE t.region = p.region AND t.n > 30)"),
    Q("a_stage_beside_visits", "WITH top AS (SELECT clinic FROM visits GROUP BY clinic ORDER BY COUNT(*) DESC LIMIT 2) SELECT COUNT(*) "
      "FROM patients p WHERE NOT EXISTS (SELECT 1 FROM visits v JOIN top ON top.clinic = v.clinic WHERE v.patient_id = p.patient_id)"),
    Q("above_all_averages", "SELECT COUNT(*) FROM patients p WHERE p.income > ALL (SELECT AVG(income) FROM patients GROUP BY region)"),
    Q("the_largest_key", "SELECT SUM(minutes) FROM visits WHERE clinic = (SELECT clinic FROM visits GROUP BY clinic "
      "ORDER BY COUNT(*) DESC LIMIT 1)", within=1e-3),
]  # fmt: skip

SPREAD = [
    Q("columns_as_rows", "SELECT v.name, COUNT(*), COUNT(v.val), SUM(v.val) FROM patients p CROSS JOIN LATERAL (VALUES ('age', p.age), "
      "('income', p.income)) AS v(name, val) GROUP BY v.name"),
    Q("unnest_in_from", "SELECT COUNT(*), COUNT(x), SUM(x) FROM visits v, UNNEST([v.minutes, v.minutes * 2, NULL]) AS t(x)", within=1e-3),
    Q("unnest_of_two_lists", "SELECT a, COUNT(*), COUNT(b) FROM (SELECT patient_id, UNNEST(['x', 'y', 'z']) AS a, UNNEST([age, income]) "
      "AS b FROM patients) t GROUP BY a"),
    Q("bands_without_from", "SELECT lo, COUNT(*) FROM patients JOIN (SELECT 0 AS lo, 18 AS hi UNION ALL SELECT 18, 65) b "
      "ON age >= lo AND age < hi GROUP BY lo"),
    Q("released_columns_as_rows", "SELECT r.region, v.what, v.val FROM (SELECT region, COUNT(*) AS n, COUNT(income) AS a FROM patients "
      "GROUP BY region) r CROSS JOIN LATERAL (VALUES ('n', n), ('a', a)) AS v(what, val)"),
    Q("top_and_other", "WITH d AS (SELECT clinic, COUNT(*) AS n FROM visits GROUP BY clinic), r AS (SELECT clinic, n, ROW_NUMBER() OVER "
      "(ORDER BY n DESC) AS rk FROM d) SELECT CASE WHEN rk <= 2 THEN clinic ELSE 'other' END AS d, SUM(n) AS n FROM r GROUP BY 1 "
      "ORDER BY n DESC", ordered=True),
    Q("sorted_by_a_shadowing_name", "SELECT clinic, -n AS n FROM (SELECT clinic, COUNT(*) AS n FROM visits GROUP BY clinic) t ORDER BY n",
      ordered=True),
    Q("path_of_each", "SELECT path, COUNT(*) FROM (SELECT patient_id, STRING_AGG(clinic, '>' ORDER BY visited_on, visit_id) "
      "FILTER (WHERE cost > 2000) AS path FROM visits GROUP BY patient_id) t GROUP BY path"),
    Q("public_number_beside_sums_of_each", "SELECT COUNT(*), AVG(x) FROM (SELECT patient_id, SUM(minutes) / (SELECT COUNT(*) FROM regions) "
      "AS x FROM visits GROUP BY patient_id HAVING SUM(minutes) > (SELECT MIN(population) / 1000 FROM regions)) t", within=1e-2),
    Q("public_number_inside", "SELECT SUM(income / (SELECT MAX(population) / 1000 FROM regions)) FROM patients", within=1),
]  # fmt: skip

RELEASES = [*AGGREGATES, *GROUPS, *ABOVE, *STAGES, *SPREAD]
