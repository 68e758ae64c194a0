-- Aggregates and the measures they are computed from.

-- case: count of rows
SELECT COUNT(*) FROM visits
-- plan
-- release __r0: one row
--   a0 = count_star() from m0
--   over table visits [protected]
-- post-processing, free: SELECT "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one group a unit, at most 30 of its rows; L0 1, L1 30, Linf 30; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 30 THEN 30 ELSE q_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, count(*) AS q_m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) WHERE TRUE GROUP BY _u)

-- case: count of people in a fact table
SELECT COUNT(DISTINCT patient_id) FROM visits
-- plan
-- release __r0: one row
--   a0 = count(DISTINCT patient_id) from m0
--   over table visits [protected]
-- post-processing, free: SELECT "__r0"."a0" AS "count(DISTINCT patient_id)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 units: one group a unit, at most 1 of its rows; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 0 THEN 1 ELSE 0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, count(*) AS q_m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) WHERE TRUE GROUP BY _u)

-- case: sum of decimals
SELECT SUM(cost) FROM visits
-- plan
-- release __r0: one row
--   a0 = sum(cost) from m0
--   over table visits [protected]
-- post-processing, free: SELECT "__r0"."a0" AS "sum(cost)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 sum: one group a unit, at most 30 of its rows; values within [0, 5000]; L0 1, L1 15000000, Linf 15000000; grid 1/100, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN v_m0 > 15000000 THEN 15000000 WHEN v_m0 < 0 THEN 0 ELSE v_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, CAST(sum(q_m0) AS BIGINT) AS q_m0, sum(v_m0) AS v_m0 FROM (SELECT _u, CASE WHEN (NOT (c6 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c6 IS NULL)) THEN CASE WHEN c6 BETWEEN 0.0 AND 5000.0 THEN CAST(round(c6 * 100.0) AS BIGINT) WHEN c6 < 0.0 THEN 0 WHEN c6 > 5000.0 AND NOT isnan(c6) THEN 500000 ELSE 0 END ELSE 0 END AS v_m0 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) WHERE TRUE GROUP BY _u)

-- case: sum of an expression
SELECT SUM(LEAST(cost, 100) * 2) FROM visits
-- plan
-- release __r0: one row
--   a0 = sum(least(cost, 100) * 2) from m0
--   over table visits [protected]
-- post-processing, free: SELECT "__r0"."a0" AS "sum(least(cost, 100) * 2)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 sum: one group a unit, at most 30 of its rows; values within [0, 200]; L0 1, L1 600000, Linf 600000; grid 1/100, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN v_m0 > 600000 THEN 600000 WHEN v_m0 < 0 THEN 0 ELSE v_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, count(*) AS q_m0, sum(v_m0) AS v_m0 FROM (SELECT _u, 1 AS q_m0, CASE WHEN (least(c6, CAST(100 AS BIGINT)) * CAST(2 AS BIGINT)) BETWEEN 0.0 AND 200.0 THEN CAST(round((least(c6, CAST(100 AS BIGINT)) * CAST(2 AS BIGINT)) * 100.0) AS BIGINT) WHEN (least(c6, CAST(100 AS BIGINT)) * CAST(2 AS BIGINT)) < 0.0 THEN 0 WHEN (least(c6, CAST(100 AS BIGINT)) * CAST(2 AS BIGINT)) > 200.0 AND NOT isnan((least(c6, CAST(100 AS BIGINT)) * CAST(2 AS BIGINT))) THEN 20000 ELSE 0 END AS v_m0 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) WHERE TRUE GROUP BY _u)

-- case: FILTER
SELECT COUNT(*) FILTER (WHERE sex = 'F'), COUNT(*) FROM patients
-- plan
-- release __r0: one row
--   a0 = count(*) FILTER(WHERE sex = 'F') from m0, m1
--   a1 = count_star() from m0, m1
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."a0" AS "count(*) FILTER(WHERE sex = 'F')", "__r0"."a1" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 sum: one row a unit; values within [0, 1]; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- measure __r0.m1 sum: one row a unit; values within [0, 1]; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m0), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m1), 0))) AS BIGINT) AS m1 FROM (SELECT _u, 1 AS q_m0, ((CASE WHEN (c5 = 'F') THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) - (0)) AS v_m0, 1 AS q_m1, (1 - (CASE WHEN (c5 = 'F') THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END)) AS v_m1 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients"))

-- case: average
SELECT AVG(income) FROM patients
-- plan
-- release __r0: one row
--   a0 = avg(income) from m0, m1
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."a0" AS "avg(income)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 sum: one row a unit; values within [0, 200000]; L0 1, L1 200000, Linf 200000; grid 1, multiplier 1
-- measure __r0.m1 sum: one row a unit; values within [0, 200000]; L0 1, L1 200000, Linf 200000; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m0), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m1), 0))) AS BIGINT) AS m1 FROM (SELECT _u, CASE WHEN (NOT (c6 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c6 IS NULL)) THEN (CASE WHEN c6 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c6 - 100000.0)) AS BIGINT) WHEN c6 < 0.0 THEN -100000 WHEN c6 > 200000.0 AND NOT isnan(c6) THEN 100000 ELSE 0 END - (-100000)) ELSE 0 END AS v_m0, CASE WHEN (NOT (c6 IS NULL)) THEN 1 ELSE 0 END AS q_m1, CASE WHEN (NOT (c6 IS NULL)) THEN (100000 - CASE WHEN c6 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c6 - 100000.0)) AS BIGINT) WHEN c6 < 0.0 THEN -100000 WHEN c6 > 200000.0 AND NOT isnan(c6) THEN 100000 ELSE 0 END) ELSE 0 END AS v_m1 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients"))

-- case: average over many rows
SELECT clinic, AVG(cost) FROM visits GROUP BY clinic
-- plan
-- release __r0: by clinic (public keys, every key has a row)
--   a0 = avg(cost) from m0, m1
--   over table visits [protected]
-- post-processing, free: SELECT "__r0"."k0" AS "clinic", "__r0"."a0" AS "avg(cost)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 sum: weights: a unit's rows add to at most 30; values within [0, 5000]; L0 15000000, L1 15000000, Linf 15000000; grid 1/100, multiplier 1
-- measure __r0.m1 sum: weights: a unit's rows add to at most 30; values within [0, 5000]; L0 15000000, L1 15000000, Linf 15000000; grid 1/100, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 IS NULL THEN v_m0 * 1 ELSE (v_m0 * 30) // n_m0 END), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 IS NULL THEN v_m1 * 1 ELSE (v_m1 * 30) // n_m0 END), 0))) AS BIGINT) AS m1 FROM (SELECT _u, c4 AS k0, CASE WHEN (NOT (c6 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c6 IS NULL)) THEN (CASE WHEN c6 BETWEEN 0.0 AND 5000.0 THEN CAST(round((c6 - 2500.0) * 100.0) AS BIGINT) WHEN c6 < 0.0 THEN -250000 WHEN c6 > 5000.0 AND NOT isnan(c6) THEN 250000 ELSE 0 END - (-250000)) ELSE 0 END AS v_m0, CASE WHEN (NOT (c6 IS NULL)) THEN 1 ELSE 0 END AS q_m1, CASE WHEN (NOT (c6 IS NULL)) THEN (250000 - CASE WHEN c6 BETWEEN 0.0 AND 5000.0 THEN CAST(round((c6 - 2500.0) * 100.0) AS BIGINT) WHEN c6 < 0.0 THEN -250000 WHEN c6 > 5000.0 AND NOT isnan(c6) THEN 250000 ELSE 0 END) ELSE 0 END AS v_m1 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) r LEFT JOIN (SELECT _u, CAST(sum(q_m0) AS BIGINT) AS n_m0 FROM (SELECT _u, c4 AS k0, CASE WHEN (NOT (c6 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c6 IS NULL)) THEN (CASE WHEN c6 BETWEEN 0.0 AND 5000.0 THEN CAST(round((c6 - 2500.0) * 100.0) AS BIGINT) WHEN c6 < 0.0 THEN -250000 WHEN c6 > 5000.0 AND NOT isnan(c6) THEN 250000 ELSE 0 END - (-250000)) ELSE 0 END AS v_m0, CASE WHEN (NOT (c6 IS NULL)) THEN 1 ELSE 0 END AS q_m1, CASE WHEN (NOT (c6 IS NULL)) THEN (250000 - CASE WHEN c6 BETWEEN 0.0 AND 5000.0 THEN CAST(round((c6 - 2500.0) * 100.0) AS BIGINT) WHEN c6 < 0.0 THEN -250000 WHEN c6 > 5000.0 AND NOT isnan(c6) THEN 250000 ELSE 0 END) ELSE 0 END AS v_m1 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) GROUP BY _u HAVING CAST(sum(q_m0) AS BIGINT) > 30) t USING (_u) GROUP BY k0

-- case: median
SELECT MEDIAN(age) FROM patients
-- plan
-- release __r0: one row
--   a0 = median(age) from m0
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."a0" AS "median(age)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 histogram: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1; rank 1/2 among 101 bins
-- engine: SELECT bin, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(1), 0))) AS BIGINT) AS m0 FROM (SELECT * FROM (SELECT _u, CASE WHEN (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN c4 IS NULL THEN NULL WHEN c4 <= 0.0 THEN 0 WHEN c4 >= 100.0 THEN 100 ELSE CAST(round((c4 - 0.0)) AS BIGINT) END AS bin FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) WHERE q_m0 = 1 AND bin IS NOT NULL) GROUP BY bin

-- case: quantile within group
SELECT PERCENTILE_CONT(0.25) WITHIN GROUP (ORDER BY cost) FROM visits
-- plan
-- release __r0: one row
--   a0 = quantile_cont(cost, 0.25 ORDER BY cost) from m0
--   over table visits [protected]
-- post-processing, free: SELECT "__r0"."a0" AS "quantile_cont(cost, 0.25 ORDER BY cost)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 histogram: weights: a unit's rows add to at most 30; L0 1966080, L1 1966080, Linf 1966080; grid 489/100, multiplier 65536; rank 1/4 among 1024 bins
-- engine: WITH s AS (SELECT * FROM (SELECT _u, CASE WHEN (NOT (c6 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN c6 IS NULL OR isnan(c6) THEN NULL WHEN c6 <= 0.0 THEN 0 WHEN c6 >= 5000.0 THEN 1023 ELSE CAST(round((c6 - 0.0) / 4.89) AS BIGINT) END AS bin FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) WHERE q_m0 = 1 AND bin IS NOT NULL), t AS (SELECT _u, count(*) AS n FROM s GROUP BY _u) SELECT bin, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n <= 30 THEN 1 * 65536 ELSE (1 * 1966080) // n END), 0))) AS BIGINT) AS m0 FROM s JOIN t USING (_u) GROUP BY bin

-- case: count of a column
SELECT COUNT(diagnosis) FROM visits
-- plan
-- release __r0: one row
--   a0 = count(diagnosis) from m0
--   over table visits [protected]
-- post-processing, free: SELECT "__r0"."a0" AS "count(diagnosis)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one group a unit, at most 30 of its rows; L0 1, L1 30, Linf 30; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 30 THEN 30 ELSE q_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, CAST(sum(q_m0) AS BIGINT) AS q_m0 FROM (SELECT _u, CASE WHEN (NOT (c5 IS NULL)) THEN 1 ELSE 0 END AS q_m0 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) WHERE TRUE GROUP BY _u)

-- case: count of distinct values
SELECT clinic, COUNT(DISTINCT diagnosis) FROM visits GROUP BY clinic
-- plan
-- release __r0: by clinic (public keys, every key has a row)
--   a0 = count(DISTINCT diagnosis) from m0
--   over table visits [protected]
-- post-processing, free: SELECT "__r0"."k0" AS "clinic", "__r0"."a0" AS "count(DISTINCT diagnosis)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 distinct: at most 10 groups a unit, 10 of its values in each; L0 10, L1 100, Linf 10; grid 1, multiplier 1
-- engine: SELECT k0, count(DISTINCT y) AS m0 FROM (SELECT * FROM (SELECT *, dense_rank() OVER (PARTITION BY _u ORDER BY md5(concat_ws('|', 'tacit/v1', CAST(_u AS VARCHAR), coalesce(CAST(k0 AS VARCHAR), chr(1)))), k0) AS rk FROM (SELECT *, row_number() OVER (PARTITION BY _u, k0 ORDER BY md5(concat_ws('|', 'tacit/v1', CAST(_u AS VARCHAR), CAST(y AS VARCHAR)))) AS ry FROM (SELECT DISTINCT _u, k0, y FROM (SELECT _u, c4 AS k0, CASE WHEN (NOT (c5 IS NULL)) THEN 1 ELSE 0 END AS q_m0, c5 AS y FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) WHERE q_m0 = 1 AND y IS NOT NULL))) WHERE rk <= 10) WHERE ry <= 10 GROUP BY k0

-- case: sum by group
SELECT clinic, SUM(cost) FROM visits GROUP BY clinic
-- plan
-- release __r0: by clinic (public keys, every key has a row)
--   a0 = sum(cost) from m0
--   over table visits [protected]
-- post-processing, free: SELECT "__r0"."k0" AS "clinic", "__r0"."a0" AS "sum(cost)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 sum: weights: a unit's rows add to at most 30; values within [0, 5000]; L0 15000000, L1 15000000, Linf 15000000; grid 1/100, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 IS NULL THEN v_m0 * 1 ELSE (v_m0 * 30) // n_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c4 AS k0, CASE WHEN (NOT (c6 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c6 IS NULL)) THEN CASE WHEN c6 BETWEEN 0.0 AND 5000.0 THEN CAST(round(c6 * 100.0) AS BIGINT) WHEN c6 < 0.0 THEN 0 WHEN c6 > 5000.0 AND NOT isnan(c6) THEN 500000 ELSE 0 END ELSE 0 END AS v_m0 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) r LEFT JOIN (SELECT _u, CAST(sum(q_m0) AS BIGINT) AS n_m0 FROM (SELECT _u, c4 AS k0, CASE WHEN (NOT (c6 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c6 IS NULL)) THEN CASE WHEN c6 BETWEEN 0.0 AND 5000.0 THEN CAST(round(c6 * 100.0) AS BIGINT) WHEN c6 < 0.0 THEN 0 WHEN c6 > 5000.0 AND NOT isnan(c6) THEN 500000 ELSE 0 END ELSE 0 END AS v_m0 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) GROUP BY _u HAVING CAST(sum(q_m0) AS BIGINT) > 30) t USING (_u) GROUP BY k0

-- case: conditional sum
SELECT SUM(CASE WHEN sex = 'F' THEN 1 ELSE 0 END) FROM patients
-- plan
-- release __r0: one row
--   a0 = sum(CASE WHEN sex = 'F' THEN 1 ELSE 0 END) from m0
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."a0" AS "sum(CASE WHEN sex = 'F' THEN 1 ELSE 0 END)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 sum: one row a unit; values within [0, 1]; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, 1 AS q_m0, (CASE WHEN (c5 = 'F') THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) AS v_m0 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients"))

-- case: COUNT_IF
SELECT COUNT_IF(age >= 65) FROM patients
-- plan
-- release __r0: one row
--   a0 = count_if(age >= 65) from m0
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."a0" AS "count_if(age >= 65)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, CASE WHEN (c4 >= CAST(65 AS BIGINT)) THEN 1 ELSE 0 END AS q_m0 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients"))

-- case: average and count share
SELECT region, COUNT(income), AVG(income) FROM patients GROUP BY region
-- plan
-- release __r0: by region (public keys, every key has a row)
--   a0 = count(income) from m0, m1
--   a1 = avg(income) from m0, m1
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."k0" AS "region", "__r0"."a0" AS "count(income)", "__r0"."a1" AS "avg(income)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 sum: one row a unit; values within [0, 200000]; L0 1, L1 200000, Linf 200000; grid 1, multiplier 1
-- measure __r0.m1 sum: one row a unit; values within [0, 200000]; L0 1, L1 200000, Linf 200000; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m0), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m1), 0))) AS BIGINT) AS m1 FROM (SELECT _u, c3 AS k0, CASE WHEN (NOT (c6 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c6 IS NULL)) THEN (CASE WHEN c6 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c6 - 100000.0)) AS BIGINT) WHEN c6 < 0.0 THEN -100000 WHEN c6 > 200000.0 AND NOT isnan(c6) THEN 100000 ELSE 0 END - (-100000)) ELSE 0 END AS v_m0, CASE WHEN (NOT (c6 IS NULL)) THEN 1 ELSE 0 END AS q_m1, CASE WHEN (NOT (c6 IS NULL)) THEN (100000 - CASE WHEN c6 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c6 - 100000.0)) AS BIGINT) WHEN c6 < 0.0 THEN -100000 WHEN c6 > 200000.0 AND NOT isnan(c6) THEN 100000 ELSE 0 END) ELSE 0 END AS v_m1 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) GROUP BY k0

-- case: variance and standard deviation share
SELECT VAR_SAMP(age), STDDEV_POP(age), AVG(age) FROM patients
-- plan
-- release __r0: one row
--   a0 = variance(age) from m0, m1, m2
--   a1 = stddev_pop(age) from m0, m1, m2
--   a2 = avg(age) from m0, m1
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."a0" AS "variance(age)", "__r0"."a1" AS "stddev_pop(age)", "__r0"."a2" AS "avg(age)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 sum: one row a unit; values within [0, 100]; L0 1, L1 100, Linf 100; grid 1, multiplier 1
-- measure __r0.m1 sum: one row a unit; values within [0, 100]; L0 1, L1 100, Linf 100; grid 1, multiplier 1
-- measure __r0.m2 sum: one row a unit; values within [0, 100]; L0 1, L1 1250, Linf 1250; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m0), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m1), 0))) AS BIGINT) AS m1, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m2), 0))) AS BIGINT) AS m2 FROM (SELECT _u, CASE WHEN (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c4 IS NULL)) THEN (coalesce(CAST(CASE WHEN c4 <= 0 THEN -50 WHEN c4 >= 100 THEN 50 ELSE c4 - 50 END AS BIGINT), 0) - (-50)) ELSE 0 END AS v_m0, CASE WHEN (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m1, CASE WHEN (NOT (c4 IS NULL)) THEN (50 - coalesce(CAST(CASE WHEN c4 <= 0 THEN -50 WHEN c4 >= 100 THEN 50 ELSE c4 - 50 END AS BIGINT), 0)) ELSE 0 END AS v_m1, CASE WHEN (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m2, CASE WHEN (NOT (c4 IS NULL)) THEN (coalesce(CAST(CASE WHEN c4 <= 0 THEN -50 WHEN c4 >= 100 THEN 50 ELSE c4 - 50 END AS BIGINT), 0) - (-50)) * (50 - coalesce(CAST(CASE WHEN c4 <= 0 THEN -50 WHEN c4 >= 100 THEN 50 ELSE c4 - 50 END AS BIGINT), 0)) - 1250 ELSE 0 END AS v_m2 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients"))

-- case: quantiles by group
SELECT sex, QUANTILE_CONT(income, 0.9) FROM patients GROUP BY sex
-- plan
-- release __r0: by sex (public keys, every key has a row)
--   a0 = quantile_cont(income, 0.9) from m0
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."k0" AS "sex", "__r0"."a0" AS "quantile_cont(income, 0.9)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 histogram: one row a unit; L0 1, L1 1, Linf 1; grid 782, multiplier 1; rank 9/10 among 257 bins
-- engine: SELECT k0, bin, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(1), 0))) AS BIGINT) AS m0 FROM (SELECT * FROM (SELECT _u, c5 AS k0, CASE WHEN (NOT (c6 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN c6 IS NULL OR isnan(c6) THEN NULL WHEN c6 <= 0.0 THEN 0 WHEN c6 >= 200000.0 THEN 256 ELSE CAST(round((c6 - 0.0) / 782.0) AS BIGINT) END AS bin FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) WHERE q_m0 = 1 AND bin IS NOT NULL) GROUP BY k0, bin

-- case: division by a grid that may be 0
SELECT AVG(1.0 / (age - 40)) FROM patients
-- plan
-- release __r0: one row
--   a0 = avg(1.0 / (age - 40)) from m0, m1
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."a0" AS "avg(1.0 / (age - 40))", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 sum: one row a unit; values within [-1, 1]; L0 1, L1 2000000000, Linf 2000000000; grid 1/1000000000, multiplier 1
-- measure __r0.m1 sum: one row a unit; values within [-1, 1]; L0 1, L1 2000000000, Linf 2000000000; grid 1/1000000000, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m0), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m1), 0))) AS BIGINT) AS m1 FROM (SELECT _u, CASE WHEN (NOT ((CAST(1.0 AS DOUBLE) / (c4 - CAST(40 AS BIGINT))) IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT ((CAST(1.0 AS DOUBLE) / (c4 - CAST(40 AS BIGINT))) IS NULL)) THEN (CASE WHEN (CAST(1.0 AS DOUBLE) / (c4 - CAST(40 AS BIGINT))) BETWEEN -1.0 AND 1.0 THEN CAST(round((CAST(1.0 AS DOUBLE) / (c4 - CAST(40 AS BIGINT))) * 1000000000.0) AS BIGINT) WHEN (CAST(1.0 AS DOUBLE) / (c4 - CAST(40 AS BIGINT))) < -1.0 THEN -1000000000 WHEN (CAST(1.0 AS DOUBLE) / (c4 - CAST(40 AS BIGINT))) > 1.0 AND NOT isnan((CAST(1.0 AS DOUBLE) / (c4 - CAST(40 AS BIGINT)))) THEN 1000000000 ELSE 0 END - (-1000000000)) ELSE 0 END AS v_m0, CASE WHEN (NOT ((CAST(1.0 AS DOUBLE) / (c4 - CAST(40 AS BIGINT))) IS NULL)) THEN 1 ELSE 0 END AS q_m1, CASE WHEN (NOT ((CAST(1.0 AS DOUBLE) / (c4 - CAST(40 AS BIGINT))) IS NULL)) THEN (1000000000 - CASE WHEN (CAST(1.0 AS DOUBLE) / (c4 - CAST(40 AS BIGINT))) BETWEEN -1.0 AND 1.0 THEN CAST(round((CAST(1.0 AS DOUBLE) / (c4 - CAST(40 AS BIGINT))) * 1000000000.0) AS BIGINT) WHEN (CAST(1.0 AS DOUBLE) / (c4 - CAST(40 AS BIGINT))) < -1.0 THEN -1000000000 WHEN (CAST(1.0 AS DOUBLE) / (c4 - CAST(40 AS BIGINT))) > 1.0 AND NOT isnan((CAST(1.0 AS DOUBLE) / (c4 - CAST(40 AS BIGINT)))) THEN 1000000000 ELSE 0 END) ELSE 0 END AS v_m1 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients"))

-- case: ends of a range
SELECT MIN(age), MAX(age) FROM patients
-- plan
-- release __r0: one row
--   a0 = min(age) from m0
--   a1 = max(age) from m0
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."a0" AS "min(age)", "__r0"."a1" AS "max(age)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 histogram: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT bin, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(1), 0))) AS BIGINT) AS m0 FROM (SELECT * FROM (SELECT _u, CASE WHEN (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN c4 IS NULL THEN NULL WHEN c4 <= 0.0 THEN 0 WHEN c4 >= 100.0 THEN 100 ELSE CAST(round((c4 - 0.0)) AS BIGINT) END AS bin FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) WHERE q_m0 = 1 AND bin IS NOT NULL) GROUP BY bin

-- case: correlation and regression share their moments
SELECT CORR(income, age), REGR_SLOPE(income, age) FROM patients
-- plan
-- release __r0: one row
--   a0 = corr(income, age) from m0, m1, m2, m3, m4, m5
--   a1 = regr_slope(income, age) from m0, m1, m2, m3, m4
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."a0" AS "corr(income, age)", "__r0"."a1" AS "regr_slope(income, age)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 sum: one row a unit; values within [0, 200000] and [0, 100]; L0 1, L1 10000000, Linf 10000000; grid 2, multiplier 1
-- measure __r0.m1 sum: one row a unit; values within [0, 200000] and [0, 100]; L0 1, L1 10000000, Linf 10000000; grid 2, multiplier 1
-- measure __r0.m2 sum: one row a unit; values within [0, 200000] and [0, 100]; L0 1, L1 10000000, Linf 10000000; grid 2, multiplier 1
-- measure __r0.m3 sum: one row a unit; values within [0, 200000] and [0, 100]; L0 1, L1 10000000, Linf 10000000; grid 2, multiplier 1
-- measure __r0.m4 sum: one row a unit; values within [0, 100]; L0 1, L1 1250, Linf 1250; grid 1, multiplier 1
-- measure __r0.m5 sum: one row a unit; values within [0, 200000]; L0 1, L1 1250000000, Linf 1250000000; grid 2, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m0), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m1), 0))) AS BIGINT) AS m1, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m2), 0))) AS BIGINT) AS m2, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m3), 0))) AS BIGINT) AS m3, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m4), 0))) AS BIGINT) AS m4, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m5), 0))) AS BIGINT) AS m5 FROM (SELECT _u, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN (CASE WHEN c6 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c6 - 100000.0) / 2.0) AS BIGINT) WHEN c6 < 0.0 THEN -50000 WHEN c6 > 200000.0 AND NOT isnan(c6) THEN 50000 ELSE 0 END - (-50000)) * (coalesce(CAST(CASE WHEN c4 <= 0 THEN -50 WHEN c4 >= 100 THEN 50 ELSE c4 - 50 END AS BIGINT), 0) - (-50)) ELSE 0 END AS v_m0, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m1, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN (CASE WHEN c6 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c6 - 100000.0) / 2.0) AS BIGINT) WHEN c6 < 0.0 THEN -50000 WHEN c6 > 200000.0 AND NOT isnan(c6) THEN 50000 ELSE 0 END - (-50000)) * (50 - coalesce(CAST(CASE WHEN c4 <= 0 THEN -50 WHEN c4 >= 100 THEN 50 ELSE c4 - 50 END AS BIGINT), 0)) ELSE 0 END AS v_m1, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m2, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN (50000 - CASE WHEN c6 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c6 - 100000.0) / 2.0) AS BIGINT) WHEN c6 < 0.0 THEN -50000 WHEN c6 > 200000.0 AND NOT isnan(c6) THEN 50000 ELSE 0 END) * (coalesce(CAST(CASE WHEN c4 <= 0 THEN -50 WHEN c4 >= 100 THEN 50 ELSE c4 - 50 END AS BIGINT), 0) - (-50)) ELSE 0 END AS v_m2, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m3, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN (50000 - CASE WHEN c6 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c6 - 100000.0) / 2.0) AS BIGINT) WHEN c6 < 0.0 THEN -50000 WHEN c6 > 200000.0 AND NOT isnan(c6) THEN 50000 ELSE 0 END) * (50 - coalesce(CAST(CASE WHEN c4 <= 0 THEN -50 WHEN c4 >= 100 THEN 50 ELSE c4 - 50 END AS BIGINT), 0)) ELSE 0 END AS v_m3, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m4, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN (coalesce(CAST(CASE WHEN c4 <= 0 THEN -50 WHEN c4 >= 100 THEN 50 ELSE c4 - 50 END AS BIGINT), 0) - (-50)) * (50 - coalesce(CAST(CASE WHEN c4 <= 0 THEN -50 WHEN c4 >= 100 THEN 50 ELSE c4 - 50 END AS BIGINT), 0)) - 1250 ELSE 0 END AS v_m4, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m5, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN (CASE WHEN c6 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c6 - 100000.0) / 2.0) AS BIGINT) WHEN c6 < 0.0 THEN -50000 WHEN c6 > 200000.0 AND NOT isnan(c6) THEN 50000 ELSE 0 END - (-50000)) * (50000 - CASE WHEN c6 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c6 - 100000.0) / 2.0) AS BIGINT) WHEN c6 < 0.0 THEN -50000 WHEN c6 > 200000.0 AND NOT isnan(c6) THEN 50000 ELSE 0 END) - 1250000000 ELSE 0 END AS v_m5 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients"))

-- case: covariance by group
SELECT sex, COVAR_SAMP(income, age) FROM patients GROUP BY sex
-- plan
-- release __r0: by sex (public keys, every key has a row)
--   a0 = covar_samp(income, age) from m0, m1, m2, m3
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."k0" AS "sex", "__r0"."a0" AS "covar_samp(income, age)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 sum: one row a unit; values within [0, 200000] and [0, 100]; L0 1, L1 10000000, Linf 10000000; grid 2, multiplier 1
-- measure __r0.m1 sum: one row a unit; values within [0, 200000] and [0, 100]; L0 1, L1 10000000, Linf 10000000; grid 2, multiplier 1
-- measure __r0.m2 sum: one row a unit; values within [0, 200000] and [0, 100]; L0 1, L1 10000000, Linf 10000000; grid 2, multiplier 1
-- measure __r0.m3 sum: one row a unit; values within [0, 200000] and [0, 100]; L0 1, L1 10000000, Linf 10000000; grid 2, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m0), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m1), 0))) AS BIGINT) AS m1, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m2), 0))) AS BIGINT) AS m2, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m3), 0))) AS BIGINT) AS m3 FROM (SELECT _u, c5 AS k0, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN (CASE WHEN c6 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c6 - 100000.0) / 2.0) AS BIGINT) WHEN c6 < 0.0 THEN -50000 WHEN c6 > 200000.0 AND NOT isnan(c6) THEN 50000 ELSE 0 END - (-50000)) * (coalesce(CAST(CASE WHEN c4 <= 0 THEN -50 WHEN c4 >= 100 THEN 50 ELSE c4 - 50 END AS BIGINT), 0) - (-50)) ELSE 0 END AS v_m0, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m1, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN (CASE WHEN c6 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c6 - 100000.0) / 2.0) AS BIGINT) WHEN c6 < 0.0 THEN -50000 WHEN c6 > 200000.0 AND NOT isnan(c6) THEN 50000 ELSE 0 END - (-50000)) * (50 - coalesce(CAST(CASE WHEN c4 <= 0 THEN -50 WHEN c4 >= 100 THEN 50 ELSE c4 - 50 END AS BIGINT), 0)) ELSE 0 END AS v_m1, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m2, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN (50000 - CASE WHEN c6 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c6 - 100000.0) / 2.0) AS BIGINT) WHEN c6 < 0.0 THEN -50000 WHEN c6 > 200000.0 AND NOT isnan(c6) THEN 50000 ELSE 0 END) * (coalesce(CAST(CASE WHEN c4 <= 0 THEN -50 WHEN c4 >= 100 THEN 50 ELSE c4 - 50 END AS BIGINT), 0) - (-50)) ELSE 0 END AS v_m2, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m3, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN (50000 - CASE WHEN c6 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c6 - 100000.0) / 2.0) AS BIGINT) WHEN c6 < 0.0 THEN -50000 WHEN c6 > 200000.0 AND NOT isnan(c6) THEN 50000 ELSE 0 END) * (50 - coalesce(CAST(CASE WHEN c4 <= 0 THEN -50 WHEN c4 >= 100 THEN 50 ELSE c4 - 50 END AS BIGINT), 0)) ELSE 0 END AS v_m3 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) GROUP BY k0

-- case: quantiles by unknown keys
SELECT diagnosis, MEDIAN(cost) FROM visits GROUP BY diagnosis
-- plan
-- release __r0: by diagnosis (unknown keys, each passes a noisy threshold)
--   a0 = median(cost) from m0
--   over table visits [protected]
-- post-processing, free: SELECT "__r0"."k0" AS "diagnosis", "__r0"."a0" AS "median(cost)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 histogram: weights: a unit's rows add to at most 30; L0 1966080, L1 1966080, Linf 1966080; grid 977/50, multiplier 65536; rank 1/2 among 257 bins
-- measure __r0.m1 units: at most 10 groups a unit, 1 of its rows in each; L0 10, L1 10, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m1 > 0 THEN 1 ELSE 0 END), 0))) AS BIGINT) AS m1 FROM (WITH p AS (SELECT _u, k0, count(*) AS q_m1 FROM (SELECT _u, c5 AS k0, 1 AS q_m1 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) WHERE TRUE GROUP BY _u, k0), many AS (SELECT _u FROM p GROUP BY _u HAVING count(*) > 10), kept AS (SELECT * FROM p ANTI JOIN many USING (_u) UNION ALL SELECT * EXCLUDE (rk) FROM (SELECT *, row_number() OVER (PARTITION BY _u ORDER BY md5(concat_ws('|', 'tacit/v1', CAST(_u AS VARCHAR), coalesce(CAST(k0 AS VARCHAR), chr(1)))), k0) AS rk FROM p SEMI JOIN many USING (_u)) WHERE rk <= 10) SELECT * FROM kept) GROUP BY k0
-- engine: WITH s AS (SELECT * FROM (SELECT _u, c5 AS k0, CASE WHEN (NOT (c6 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN c6 IS NULL OR isnan(c6) THEN NULL WHEN c6 <= 0.0 THEN 0 WHEN c6 >= 5000.0 THEN 256 ELSE CAST(round((c6 - 0.0) / 19.54) AS BIGINT) END AS bin FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) WHERE q_m0 = 1 AND bin IS NOT NULL), t AS (SELECT _u, count(*) AS n FROM s GROUP BY _u) SELECT k0, bin, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n <= 30 THEN 1 * 65536 ELSE (1 * 1966080) // n END), 0))) AS BIGINT) AS m0 FROM s JOIN t USING (_u) GROUP BY k0, bin

-- case: BOOL_OR and BOOL_AND over people
SELECT sex, BOOL_OR(age > 90), BOOL_AND(age > 1) FROM patients GROUP BY sex
-- plan
-- release __r0: by sex (public keys, every key has a row)
--   a0 = max(CASE WHEN age > 90 THEN 1 WHEN NOT (age > 90) THEN 0 END) from m0
--   a1 = min(CASE WHEN age > 1 THEN 1 WHEN NOT (age > 1) THEN 0 END) from m1
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."k0" AS "sex", ("__r0"."a0" = 1) AS "bool_or(CAST(age > 90 AS BOOLEAN))", ("__r0"."a1" = 1) AS "bool_and(CAST(age > 1 AS BOOLEAN))", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 histogram: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- measure __r0.m1 histogram: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, bin, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(1), 0))) AS BIGINT) AS m0 FROM (SELECT * FROM (SELECT _u, c5 AS k0, CASE WHEN (NOT (CASE WHEN (c4 > CAST(90 AS BIGINT)) THEN CAST(1 AS BIGINT) WHEN (NOT (c4 > CAST(90 AS BIGINT))) THEN CAST(0 AS BIGINT) END IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN CASE WHEN (c4 > CAST(90 AS BIGINT)) THEN CAST(1 AS BIGINT) WHEN (NOT (c4 > CAST(90 AS BIGINT))) THEN CAST(0 AS BIGINT) END IS NULL THEN NULL WHEN CASE WHEN (c4 > CAST(90 AS BIGINT)) THEN CAST(1 AS BIGINT) WHEN (NOT (c4 > CAST(90 AS BIGINT))) THEN CAST(0 AS BIGINT) END <= 0.0 THEN 0 WHEN CASE WHEN (c4 > CAST(90 AS BIGINT)) THEN CAST(1 AS BIGINT) WHEN (NOT (c4 > CAST(90 AS BIGINT))) THEN CAST(0 AS BIGINT) END >= 1.0 THEN 1 ELSE CAST(round((CASE WHEN (c4 > CAST(90 AS BIGINT)) THEN CAST(1 AS BIGINT) WHEN (NOT (c4 > CAST(90 AS BIGINT))) THEN CAST(0 AS BIGINT) END - 0.0)) AS BIGINT) END AS bin FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) WHERE q_m0 = 1 AND bin IS NOT NULL) GROUP BY k0, bin
-- engine: SELECT k0, bin, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(1), 0))) AS BIGINT) AS m1 FROM (SELECT * FROM (SELECT _u, c5 AS k0, CASE WHEN (NOT (CASE WHEN (c4 > CAST(1 AS BIGINT)) THEN CAST(1 AS BIGINT) WHEN (NOT (c4 > CAST(1 AS BIGINT))) THEN CAST(0 AS BIGINT) END IS NULL)) THEN 1 ELSE 0 END AS q_m1, CASE WHEN CASE WHEN (c4 > CAST(1 AS BIGINT)) THEN CAST(1 AS BIGINT) WHEN (NOT (c4 > CAST(1 AS BIGINT))) THEN CAST(0 AS BIGINT) END IS NULL THEN NULL WHEN CASE WHEN (c4 > CAST(1 AS BIGINT)) THEN CAST(1 AS BIGINT) WHEN (NOT (c4 > CAST(1 AS BIGINT))) THEN CAST(0 AS BIGINT) END <= 0.0 THEN 0 WHEN CASE WHEN (c4 > CAST(1 AS BIGINT)) THEN CAST(1 AS BIGINT) WHEN (NOT (c4 > CAST(1 AS BIGINT))) THEN CAST(0 AS BIGINT) END >= 1.0 THEN 1 ELSE CAST(round((CASE WHEN (c4 > CAST(1 AS BIGINT)) THEN CAST(1 AS BIGINT) WHEN (NOT (c4 > CAST(1 AS BIGINT))) THEN CAST(0 AS BIGINT) END - 0.0)) AS BIGINT) END AS bin FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) WHERE q_m1 = 1 AND bin IS NOT NULL) GROUP BY k0, bin

-- case: histogram
SELECT HISTOGRAM(age, [20, 40]) FROM patients
-- plan
-- release __r0: one row
--   a0 = histogram(age, ['20', '40'], 2) from m0
--   a1 = histogram(age, ['20', '40'], 0) from m0
--   a2 = histogram(age, ['20', '40'], 1) from m0
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT TRY(MAP(CASE WHEN "__r0"."a0" > 0 THEN [CAST('20' AS BIGINT), CAST('40' AS BIGINT), CAST('9223372036854775807' AS BIGINT)] ELSE [CAST('20' AS BIGINT), CAST('40' AS BIGINT)] END, CASE WHEN "__r0"."a0" > 0 THEN ["__r0"."a1", "__r0"."a2", "__r0"."a0"] ELSE ["__r0"."a1", "__r0"."a2"] END)) AS "histogram(age, [20, 40])", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 histogram: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT bin, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(1), 0))) AS BIGINT) AS m0 FROM (SELECT * FROM (SELECT _u, CASE WHEN (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN c4 IS NULL THEN NULL WHEN c4 <= 20.0 THEN 0 WHEN c4 <= 40.0 THEN 1 ELSE 2 END AS bin FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) WHERE q_m0 = 1 AND bin IS NOT NULL) GROUP BY bin

-- case: a list of quantiles
SELECT QUANTILE_CONT(age, [0.25, 0.75]) FROM patients
-- plan
-- release __r0: one row
--   a0 = quantile_cont(age, 0.25) from m0
--   a1 = quantile_cont(age, 0.75) from m1
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT ["__r0"."a0", "__r0"."a1"] AS "[quantile_cont(age, 0.25), quantile_cont(age, 0.75)]", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 histogram: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1; rank 1/4 among 101 bins
-- measure __r0.m1 histogram: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1; rank 3/4 among 101 bins
-- engine: SELECT bin, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(1), 0))) AS BIGINT) AS m0 FROM (SELECT * FROM (SELECT _u, CASE WHEN (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN c4 IS NULL THEN NULL WHEN c4 <= 0.0 THEN 0 WHEN c4 >= 100.0 THEN 100 ELSE CAST(round((c4 - 0.0)) AS BIGINT) END AS bin FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) WHERE q_m0 = 1 AND bin IS NOT NULL) GROUP BY bin
-- engine: SELECT bin, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(1), 0))) AS BIGINT) AS m1 FROM (SELECT * FROM (SELECT _u, CASE WHEN (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m1, CASE WHEN c4 IS NULL THEN NULL WHEN c4 <= 0.0 THEN 0 WHEN c4 >= 100.0 THEN 100 ELSE CAST(round((c4 - 0.0)) AS BIGINT) END AS bin FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) WHERE q_m1 = 1 AND bin IS NOT NULL) GROUP BY bin

-- case: ends of dates
SELECT clinic, MIN(visited_on), MAX(visited_on), MEDIAN(visited_on) FROM visits GROUP BY clinic
-- plan
-- release __r0: by clinic (public keys, every key has a row)
--   a0 = min((visited_on - CAST('1970-01-01' AS DATE))) from m0
--   a1 = max((visited_on - CAST('1970-01-01' AS DATE))) from m0
--   a2 = median((visited_on - CAST('1970-01-01' AS DATE))) from m1
--   over table visits [protected]
-- post-processing, free: SELECT "__r0"."k0" AS "clinic", (TRY(CAST('1970-01-01' AS DATE) + TRY_CAST(ROUND("__r0"."a0") AS INT))) AS "min(visited_on)", (TRY(CAST('1970-01-01' AS DATE) + TRY_CAST(ROUND("__r0"."a1") AS INT))) AS "max(visited_on)", TRY_CAST((TRY(CAST('1970-01-01' AS DATE) + TRY_CAST(ROUND("__r0"."a2") AS INT))) AS TIMESTAMP) AS "median(visited_on)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 histogram: weights: a unit's rows add to at most 30; L0 1966080, L1 1966080, Linf 1966080; grid 12, multiplier 65536
-- measure __r0.m1 histogram: weights: a unit's rows add to at most 30; L0 1966080, L1 1966080, Linf 1966080; grid 3, multiplier 65536; rank 1/2 among 245 bins
-- engine: WITH s AS (SELECT * FROM (SELECT _u, c4 AS k0, CASE WHEN (NOT ((c7 - DATE '1970-01-01') IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (c7 - DATE '1970-01-01') IS NULL THEN NULL WHEN (c7 - DATE '1970-01-01') <= 19358.0 THEN 0 WHEN (c7 - DATE '1970-01-01') >= 20088.0 THEN 61 ELSE CAST(round(((c7 - DATE '1970-01-01') - 19358.0) / 12.0) AS BIGINT) END AS bin FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) WHERE q_m0 = 1 AND bin IS NOT NULL), t AS (SELECT _u, count(*) AS n FROM s GROUP BY _u) SELECT k0, bin, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n <= 30 THEN 1 * 65536 ELSE (1 * 1966080) // n END), 0))) AS BIGINT) AS m0 FROM s JOIN t USING (_u) GROUP BY k0, bin
-- engine: WITH s AS (SELECT * FROM (SELECT _u, c4 AS k0, CASE WHEN (NOT ((c7 - DATE '1970-01-01') IS NULL)) THEN 1 ELSE 0 END AS q_m1, CASE WHEN (c7 - DATE '1970-01-01') IS NULL THEN NULL WHEN (c7 - DATE '1970-01-01') <= 19358.0 THEN 0 WHEN (c7 - DATE '1970-01-01') >= 20088.0 THEN 244 ELSE CAST(round(((c7 - DATE '1970-01-01') - 19358.0) / 3.0) AS BIGINT) END AS bin FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) WHERE q_m1 = 1 AND bin IS NOT NULL), t AS (SELECT _u, count(*) AS n FROM s GROUP BY _u) SELECT k0, bin, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n <= 30 THEN 1 * 65536 ELSE (1 * 1966080) // n END), 0))) AS BIGINT) AS m1 FROM s JOIN t USING (_u) GROUP BY k0, bin

-- case: regression sums
SELECT REGR_COUNT(income, age), REGR_R2(income, age), REGR_AVGX(income, age), REGR_SXY(income, age) FROM patients
-- plan
-- release __r0: one row
--   a0 = count(*) FILTER(WHERE NOT income IS NULL AND NOT age IS NULL) from m8
--   a1 = corr(income, age) from m0, m1, m2, m3, m4, m5
--   a2 = avg(age) FILTER(WHERE NOT income IS NULL AND NOT age IS NULL) from m6, m7
--   a3 = covar_pop(income, age) from m0, m1, m2, m3
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."a0" AS "count(*) FILTER(WHERE NOT income IS NULL AND NOT age IS NULL)", TRY(POWER("__r0"."a1", 2)) AS "power(corr(income, age), 2)", "__r0"."a2" AS "avg(age) FILTER(WHERE NOT income IS NULL AND NOT age IS NULL)", (TRY("__r0"."a0" * "__r0"."a3")) AS "(count(*) FILTER(WHERE NOT income IS NULL AND NOT age IS NULL) * covar_pop(income, age))", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 sum: one row a unit; values within [0, 200000] and [0, 100]; L0 1, L1 10000000, Linf 10000000; grid 2, multiplier 1
-- measure __r0.m1 sum: one row a unit; values within [0, 200000] and [0, 100]; L0 1, L1 10000000, Linf 10000000; grid 2, multiplier 1
-- measure __r0.m2 sum: one row a unit; values within [0, 200000] and [0, 100]; L0 1, L1 10000000, Linf 10000000; grid 2, multiplier 1
-- measure __r0.m3 sum: one row a unit; values within [0, 200000] and [0, 100]; L0 1, L1 10000000, Linf 10000000; grid 2, multiplier 1
-- measure __r0.m4 sum: one row a unit; values within [0, 100]; L0 1, L1 1250, Linf 1250; grid 1, multiplier 1
-- measure __r0.m5 sum: one row a unit; values within [0, 200000]; L0 1, L1 1250000000, Linf 1250000000; grid 2, multiplier 1
-- measure __r0.m6 sum: one row a unit; values within [0, 100]; L0 1, L1 100, Linf 100; grid 1, multiplier 1
-- measure __r0.m7 sum: one row a unit; values within [0, 100]; L0 1, L1 100, Linf 100; grid 1, multiplier 1
-- measure __r0.m8 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m0), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m1), 0))) AS BIGINT) AS m1, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m2), 0))) AS BIGINT) AS m2, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m3), 0))) AS BIGINT) AS m3, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m4), 0))) AS BIGINT) AS m4, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m5), 0))) AS BIGINT) AS m5, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m6), 0))) AS BIGINT) AS m6, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m7), 0))) AS BIGINT) AS m7, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m8), 0))) AS BIGINT) AS m8 FROM (SELECT _u, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN (CASE WHEN c6 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c6 - 100000.0) / 2.0) AS BIGINT) WHEN c6 < 0.0 THEN -50000 WHEN c6 > 200000.0 AND NOT isnan(c6) THEN 50000 ELSE 0 END - (-50000)) * (coalesce(CAST(CASE WHEN c4 <= 0 THEN -50 WHEN c4 >= 100 THEN 50 ELSE c4 - 50 END AS BIGINT), 0) - (-50)) ELSE 0 END AS v_m0, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m1, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN (CASE WHEN c6 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c6 - 100000.0) / 2.0) AS BIGINT) WHEN c6 < 0.0 THEN -50000 WHEN c6 > 200000.0 AND NOT isnan(c6) THEN 50000 ELSE 0 END - (-50000)) * (50 - coalesce(CAST(CASE WHEN c4 <= 0 THEN -50 WHEN c4 >= 100 THEN 50 ELSE c4 - 50 END AS BIGINT), 0)) ELSE 0 END AS v_m1, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m2, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN (50000 - CASE WHEN c6 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c6 - 100000.0) / 2.0) AS BIGINT) WHEN c6 < 0.0 THEN -50000 WHEN c6 > 200000.0 AND NOT isnan(c6) THEN 50000 ELSE 0 END) * (coalesce(CAST(CASE WHEN c4 <= 0 THEN -50 WHEN c4 >= 100 THEN 50 ELSE c4 - 50 END AS BIGINT), 0) - (-50)) ELSE 0 END AS v_m2, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m3, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN (50000 - CASE WHEN c6 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c6 - 100000.0) / 2.0) AS BIGINT) WHEN c6 < 0.0 THEN -50000 WHEN c6 > 200000.0 AND NOT isnan(c6) THEN 50000 ELSE 0 END) * (50 - coalesce(CAST(CASE WHEN c4 <= 0 THEN -50 WHEN c4 >= 100 THEN 50 ELSE c4 - 50 END AS BIGINT), 0)) ELSE 0 END AS v_m3, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m4, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN (coalesce(CAST(CASE WHEN c4 <= 0 THEN -50 WHEN c4 >= 100 THEN 50 ELSE c4 - 50 END AS BIGINT), 0) - (-50)) * (50 - coalesce(CAST(CASE WHEN c4 <= 0 THEN -50 WHEN c4 >= 100 THEN 50 ELSE c4 - 50 END AS BIGINT), 0)) - 1250 ELSE 0 END AS v_m4, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m5, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN (CASE WHEN c6 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c6 - 100000.0) / 2.0) AS BIGINT) WHEN c6 < 0.0 THEN -50000 WHEN c6 > 200000.0 AND NOT isnan(c6) THEN 50000 ELSE 0 END - (-50000)) * (50000 - CASE WHEN c6 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c6 - 100000.0) / 2.0) AS BIGINT) WHEN c6 < 0.0 THEN -50000 WHEN c6 > 200000.0 AND NOT isnan(c6) THEN 50000 ELSE 0 END) - 1250000000 ELSE 0 END AS v_m5, CASE WHEN ((NOT (c6 IS NULL)) AND (NOT (c4 IS NULL))) AND (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m6, CASE WHEN ((NOT (c6 IS NULL)) AND (NOT (c4 IS NULL))) AND (NOT (c4 IS NULL)) THEN (coalesce(CAST(CASE WHEN c4 <= 0 THEN -50 WHEN c4 >= 100 THEN 50 ELSE c4 - 50 END AS BIGINT), 0) - (-50)) ELSE 0 END AS v_m6, CASE WHEN ((NOT (c6 IS NULL)) AND (NOT (c4 IS NULL))) AND (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m7, CASE WHEN ((NOT (c6 IS NULL)) AND (NOT (c4 IS NULL))) AND (NOT (c4 IS NULL)) THEN (50 - coalesce(CAST(CASE WHEN c4 <= 0 THEN -50 WHEN c4 >= 100 THEN 50 ELSE c4 - 50 END AS BIGINT), 0)) ELSE 0 END AS v_m7, CASE WHEN ((NOT (c6 IS NULL)) AND (NOT (c4 IS NULL))) THEN 1 ELSE 0 END AS q_m8 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients"))

-- case: distinct rows
SELECT COUNT(DISTINCT (region, sex)) FROM patients
-- plan
-- release __r0: one row
--   a0 = count(DISTINCT (region, sex)) from m0
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."a0" AS "count(DISTINCT (region, sex))", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 distinct: one group a unit, at most 1 of its rows; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT count(DISTINCT y) AS m0 FROM (SELECT *, row_number() OVER (PARTITION BY _u ORDER BY md5(concat_ws('|', 'tacit/v1', CAST(_u AS VARCHAR), CAST(y AS VARCHAR)))) AS ry FROM (SELECT DISTINCT _u, y FROM (SELECT _u, 1 AS q_m0, row(c3, c5) AS y FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) WHERE q_m0 = 1 AND y IS NOT NULL)) WHERE ry <= 1

-- case: the rest of the moments
SELECT STDDEV(age), VARIANCE(age), VAR_POP(age), STDDEV_POP(age), COVAR_POP(income, age), COVAR_SAMP(income, age), REGR_SLOPE(income, age), REGR_INTERCEPT(income, age), CORR(income, age) FROM patients
-- plan
-- release __r0: one row
--   a0 = stddev(age) from m0, m1, m2
--   a1 = variance(age) from m0, m1, m2
--   a2 = var_pop(age) from m0, m1, m2
--   a3 = stddev_pop(age) from m0, m1, m2
--   a4 = covar_pop(income, age) from m3, m4, m5, m6
--   a5 = covar_samp(income, age) from m3, m4, m5, m6
--   a6 = regr_slope(income, age) from m3, m4, m5, m6, m7
--   a7 = regr_intercept(income, age) from m3, m4, m5, m6, m7
--   a8 = corr(income, age) from m3, m4, m5, m6, m7, m8
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."a0" AS "stddev(age)", "__r0"."a1" AS "variance(age)", "__r0"."a2" AS "var_pop(age)", "__r0"."a3" AS "stddev_pop(age)", "__r0"."a4" AS "covar_pop(income, age)", "__r0"."a5" AS "covar_samp(income, age)", "__r0"."a6" AS "regr_slope(income, age)", "__r0"."a7" AS "regr_intercept(income, age)", "__r0"."a8" AS "corr(income, age)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 sum: one row a unit; values within [0, 100]; L0 1, L1 100, Linf 100; grid 1, multiplier 1
-- measure __r0.m1 sum: one row a unit; values within [0, 100]; L0 1, L1 100, Linf 100; grid 1, multiplier 1
-- measure __r0.m2 sum: one row a unit; values within [0, 100]; L0 1, L1 1250, Linf 1250; grid 1, multiplier 1
-- measure __r0.m3 sum: one row a unit; values within [0, 200000] and [0, 100]; L0 1, L1 10000000, Linf 10000000; grid 2, multiplier 1
-- measure __r0.m4 sum: one row a unit; values within [0, 200000] and [0, 100]; L0 1, L1 10000000, Linf 10000000; grid 2, multiplier 1
-- measure __r0.m5 sum: one row a unit; values within [0, 200000] and [0, 100]; L0 1, L1 10000000, Linf 10000000; grid 2, multiplier 1
-- measure __r0.m6 sum: one row a unit; values within [0, 200000] and [0, 100]; L0 1, L1 10000000, Linf 10000000; grid 2, multiplier 1
-- measure __r0.m7 sum: one row a unit; values within [0, 100]; L0 1, L1 1250, Linf 1250; grid 1, multiplier 1
-- measure __r0.m8 sum: one row a unit; values within [0, 200000]; L0 1, L1 1250000000, Linf 1250000000; grid 2, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m0), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m1), 0))) AS BIGINT) AS m1, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m2), 0))) AS BIGINT) AS m2, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m3), 0))) AS BIGINT) AS m3, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m4), 0))) AS BIGINT) AS m4, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m5), 0))) AS BIGINT) AS m5, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m6), 0))) AS BIGINT) AS m6, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m7), 0))) AS BIGINT) AS m7, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m8), 0))) AS BIGINT) AS m8 FROM (SELECT _u, CASE WHEN (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c4 IS NULL)) THEN (coalesce(CAST(CASE WHEN c4 <= 0 THEN -50 WHEN c4 >= 100 THEN 50 ELSE c4 - 50 END AS BIGINT), 0) - (-50)) ELSE 0 END AS v_m0, CASE WHEN (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m1, CASE WHEN (NOT (c4 IS NULL)) THEN (50 - coalesce(CAST(CASE WHEN c4 <= 0 THEN -50 WHEN c4 >= 100 THEN 50 ELSE c4 - 50 END AS BIGINT), 0)) ELSE 0 END AS v_m1, CASE WHEN (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m2, CASE WHEN (NOT (c4 IS NULL)) THEN (coalesce(CAST(CASE WHEN c4 <= 0 THEN -50 WHEN c4 >= 100 THEN 50 ELSE c4 - 50 END AS BIGINT), 0) - (-50)) * (50 - coalesce(CAST(CASE WHEN c4 <= 0 THEN -50 WHEN c4 >= 100 THEN 50 ELSE c4 - 50 END AS BIGINT), 0)) - 1250 ELSE 0 END AS v_m2, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m3, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN (CASE WHEN c6 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c6 - 100000.0) / 2.0) AS BIGINT) WHEN c6 < 0.0 THEN -50000 WHEN c6 > 200000.0 AND NOT isnan(c6) THEN 50000 ELSE 0 END - (-50000)) * (coalesce(CAST(CASE WHEN c4 <= 0 THEN -50 WHEN c4 >= 100 THEN 50 ELSE c4 - 50 END AS BIGINT), 0) - (-50)) ELSE 0 END AS v_m3, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m4, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN (CASE WHEN c6 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c6 - 100000.0) / 2.0) AS BIGINT) WHEN c6 < 0.0 THEN -50000 WHEN c6 > 200000.0 AND NOT isnan(c6) THEN 50000 ELSE 0 END - (-50000)) * (50 - coalesce(CAST(CASE WHEN c4 <= 0 THEN -50 WHEN c4 >= 100 THEN 50 ELSE c4 - 50 END AS BIGINT), 0)) ELSE 0 END AS v_m4, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m5, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN (50000 - CASE WHEN c6 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c6 - 100000.0) / 2.0) AS BIGINT) WHEN c6 < 0.0 THEN -50000 WHEN c6 > 200000.0 AND NOT isnan(c6) THEN 50000 ELSE 0 END) * (coalesce(CAST(CASE WHEN c4 <= 0 THEN -50 WHEN c4 >= 100 THEN 50 ELSE c4 - 50 END AS BIGINT), 0) - (-50)) ELSE 0 END AS v_m5, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m6, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN (50000 - CASE WHEN c6 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c6 - 100000.0) / 2.0) AS BIGINT) WHEN c6 < 0.0 THEN -50000 WHEN c6 > 200000.0 AND NOT isnan(c6) THEN 50000 ELSE 0 END) * (50 - coalesce(CAST(CASE WHEN c4 <= 0 THEN -50 WHEN c4 >= 100 THEN 50 ELSE c4 - 50 END AS BIGINT), 0)) ELSE 0 END AS v_m6, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m7, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN (coalesce(CAST(CASE WHEN c4 <= 0 THEN -50 WHEN c4 >= 100 THEN 50 ELSE c4 - 50 END AS BIGINT), 0) - (-50)) * (50 - coalesce(CAST(CASE WHEN c4 <= 0 THEN -50 WHEN c4 >= 100 THEN 50 ELSE c4 - 50 END AS BIGINT), 0)) - 1250 ELSE 0 END AS v_m7, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m8, CASE WHEN (NOT (c6 IS NULL)) AND (NOT (c4 IS NULL)) THEN (CASE WHEN c6 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c6 - 100000.0) / 2.0) AS BIGINT) WHEN c6 < 0.0 THEN -50000 WHEN c6 > 200000.0 AND NOT isnan(c6) THEN 50000 ELSE 0 END - (-50000)) * (50000 - CASE WHEN c6 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c6 - 100000.0) / 2.0) AS BIGINT) WHEN c6 < 0.0 THEN -50000 WHEN c6 > 200000.0 AND NOT isnan(c6) THEN 50000 ELSE 0 END) - 1250000000 ELSE 0 END AS v_m8 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients"))

-- case: a discrete quantile
SELECT QUANTILE_DISC(age, 0.9), PERCENTILE_DISC(0.1) WITHIN GROUP (ORDER BY age DESC) FROM patients
-- plan
-- release __r0: one row
--   a0 = quantile_disc(age, 0.9) from m0
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."a0" AS "quantile_disc(age, 0.9)", "__r0"."a0" AS "quantile_disc(age, 0.1 ORDER BY age DESC)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 histogram: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1; rank 9/10 among 101 bins
-- engine: SELECT bin, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(1), 0))) AS BIGINT) AS m0 FROM (SELECT * FROM (SELECT _u, CASE WHEN (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN c4 IS NULL THEN NULL WHEN c4 <= 0.0 THEN 0 WHEN c4 >= 100.0 THEN 100 ELSE CAST(round((c4 - 0.0)) AS BIGINT) END AS bin FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) WHERE q_m0 = 1 AND bin IS NOT NULL) GROUP BY bin

-- case: what one person adds to a group, bounded by name
SELECT clinic, SUM(cost, contribution_bounds_per_group => (0, 2000)) AS s, COUNT(*, contribution_bounds_per_group => (0, 3)) AS n FROM visits GROUP BY clinic
-- plan
-- release __r0: by clinic (public keys, every key has a row)
--   a0 = sum(contribution_bounds_per_group(cost, 0, 2000)) from m0
--   a1 = count(contribution_bounds_per_group(*, 0, 3)) from m1
--   over table visits [protected]
-- post-processing, free: SELECT "__r0"."k0" AS "clinic", "__r0"."a0" AS "s", "__r0"."a1" AS "n", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 sum: at most 10 groups a unit, 1 of its rows in each; values within [0, 2000]; L0 10, L1 2000000, Linf 200000; grid 1/100, multiplier 1
-- measure __r0.m1 count: at most 10 groups a unit, 3 of its rows in each; L0 10, L1 30, Linf 3; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN v_m0 > 200000 THEN 200000 WHEN v_m0 < 0 THEN 0 ELSE v_m0 END), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m1 > 3 THEN 3 ELSE q_m1 END), 0))) AS BIGINT) AS m1 FROM (WITH p AS (SELECT _u, k0, CAST(sum(q_m0) AS BIGINT) AS q_m0, sum(v_m0) AS v_m0, count(*) AS q_m1 FROM (SELECT _u, c4 AS k0, CASE WHEN (NOT (c6 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c6 IS NULL)) THEN CASE WHEN c6 BETWEEN 0.0 AND 2000.0 THEN CAST(round(c6 * 100.0) AS BIGINT) WHEN c6 < 0.0 THEN 0 WHEN c6 > 2000.0 AND NOT isnan(c6) THEN 200000 ELSE 0 END ELSE 0 END AS v_m0, 1 AS q_m1 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) WHERE TRUE GROUP BY _u, k0), many AS (SELECT _u FROM p GROUP BY _u HAVING count(*) > 10), kept AS (SELECT * FROM p ANTI JOIN many USING (_u) UNION ALL SELECT * EXCLUDE (rk) FROM (SELECT *, row_number() OVER (PARTITION BY _u ORDER BY md5(concat_ws('|', 'tacit/v1', CAST(_u AS VARCHAR), coalesce(CAST(k0 AS VARCHAR), chr(1)))), k0) AS rk FROM p SEMI JOIN many USING (_u)) WHERE rk <= 10) SELECT * FROM kept) GROUP BY k0

-- case: what one row adds, bounded by name
SELECT AVG(cost, contribution_bounds_per_row => (0, 1000)), SUM(cost, contribution_bounds_per_row => (10, 20.5)) FROM visits
-- plan
-- release __r0: one row
--   a0 = avg(CASE WHEN NOT cost IS NULL THEN CASE WHEN 0 IS NULL OR CASE WHEN 1000 IS NULL OR cost IS NULL THEN NULL ELSE least(1 from m0, m1
--   a1 = sum(CASE WHEN NOT cost IS NULL THEN CASE WHEN 10 IS NULL OR CASE WHEN 20.5 IS NULL OR cost IS NULL THEN NULL ELSE least( from m2
--   over table visits [protected]
-- post-processing, free: SELECT "__r0"."a0" AS "avg(CASE WHEN NOT cost IS NULL THEN CASE WHEN 0 IS NULL OR CASE WHEN 1000 IS NULL OR cost IS NULL THEN NULL ELSE least(1", "__r0"."a1" AS "sum(CASE WHEN NOT cost IS NULL THEN CASE WHEN 10 IS NULL OR CASE WHEN 20.5 IS NULL OR cost IS NULL THEN NULL ELSE least(", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 sum: one group a unit, at most 30 of its rows; values within [0, 1000]; L0 1, L1 3000000, Linf 3000000; grid 1/100, multiplier 1
-- measure __r0.m1 sum: one group a unit, at most 30 of its rows; values within [0, 1000]; L0 1, L1 3000000, Linf 3000000; grid 1/100, multiplier 1
-- measure __r0.m2 sum: one group a unit, at most 30 of its rows; values within [10, 20.5]; L0 1, L1 61500, Linf 61500; grid 1/100, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 30 THEN (v_m0 * 30) // q_m0 ELSE v_m0 END), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m1 > 30 THEN (v_m1 * 30) // q_m1 ELSE v_m1 END), 0))) AS BIGINT) AS m1, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN v_m2 > 61500 THEN 61500 WHEN v_m2 < 0 THEN 0 ELSE v_m2 END), 0))) AS BIGINT) AS m2 FROM (SELECT _u, CAST(sum(q_m0) AS BIGINT) AS q_m0, sum(v_m0) AS v_m0, CAST(sum(q_m1) AS BIGINT) AS q_m1, sum(v_m1) AS v_m1, CAST(sum(q_m2) AS BIGINT) AS q_m2, sum(v_m2) AS v_m2 FROM (SELECT _u, CASE WHEN (NOT (CASE WHEN (NOT (c6 IS NULL)) THEN greatest(CAST(0 AS BIGINT), least(CAST(1000 AS BIGINT), c6)) END IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (CASE WHEN (NOT (c6 IS NULL)) THEN greatest(CAST(0 AS BIGINT), least(CAST(1000 AS BIGINT), c6)) END IS NULL)) THEN (CASE WHEN CASE WHEN (NOT (c6 IS NULL)) THEN greatest(CAST(0 AS BIGINT), least(CAST(1000 AS BIGINT), c6)) END BETWEEN 0.0 AND 1000.0 THEN CAST(round((CASE WHEN (NOT (c6 IS NULL)) THEN greatest(CAST(0 AS BIGINT), least(CAST(1000 AS BIGINT), c6)) END - 500.0) * 100.0) AS BIGINT) WHEN CASE WHEN (NOT (c6 IS NULL)) THEN greatest(CAST(0 AS BIGINT), least(CAST(1000 AS BIGINT), c6)) END < 0.0 THEN -50000 WHEN CASE WHEN (NOT (c6 IS NULL)) THEN greatest(CAST(0 AS BIGINT), least(CAST(1000 AS BIGINT), c6)) END > 1000.0 AND NOT isnan(CASE WHEN (NOT (c6 IS NULL)) THEN greatest(CAST(0 AS BIGINT), least(CAST(1000 AS BIGINT), c6)) END) THEN 50000 ELSE 0 END - (-50000)) ELSE 0 END AS v_m0, CASE WHEN (NOT (CASE WHEN (NOT (c6 IS NULL)) THEN greatest(CAST(0 AS BIGINT), least(CAST(1000 AS BIGINT), c6)) END IS NULL)) THEN 1 ELSE 0 END AS q_m1, CASE WHEN (NOT (CASE WHEN (NOT (c6 IS NULL)) THEN greatest(CAST(0 AS BIGINT), least(CAST(1000 AS BIGINT), c6)) END IS NULL)) THEN (50000 - CASE WHEN CASE WHEN (NOT (c6 IS NULL)) THEN greatest(CAST(0 AS BIGINT), least(CAST(1000 AS BIGINT), c6)) END BETWEEN 0.0 AND 1000.0 THEN CAST(round((CASE WHEN (NOT (c6 IS NULL)) THEN greatest(CAST(0 AS BIGINT), least(CAST(1000 AS BIGINT), c6)) END - 500.0) * 100.0) AS BIGINT) WHEN CASE WHEN (NOT (c6 IS NULL)) THEN greatest(CAST(0 AS BIGINT), least(CAST(1000 AS BIGINT), c6)) END < 0.0 THEN -50000 WHEN CASE WHEN (NOT (c6 IS NULL)) THEN greatest(CAST(0 AS BIGINT), least(CAST(1000 AS BIGINT), c6)) END > 1000.0 AND NOT isnan(CASE WHEN (NOT (c6 IS NULL)) THEN greatest(CAST(0 AS BIGINT), least(CAST(1000 AS BIGINT), c6)) END) THEN 50000 ELSE 0 END) ELSE 0 END AS v_m1, CASE WHEN (NOT (CASE WHEN (NOT (c6 IS NULL)) THEN greatest(CAST(10 AS BIGINT), least(CAST(20.5 AS DOUBLE), c6)) END IS NULL)) THEN 1 ELSE 0 END AS q_m2, CASE WHEN (NOT (CASE WHEN (NOT (c6 IS NULL)) THEN greatest(CAST(10 AS BIGINT), least(CAST(20.5 AS DOUBLE), c6)) END IS NULL)) THEN CASE WHEN CASE WHEN (NOT (c6 IS NULL)) THEN greatest(CAST(10 AS BIGINT), least(CAST(20.5 AS DOUBLE), c6)) END BETWEEN 10.0 AND 20.5 THEN CAST(round(CASE WHEN (NOT (c6 IS NULL)) THEN greatest(CAST(10 AS BIGINT), least(CAST(20.5 AS DOUBLE), c6)) END * 100.0) AS BIGINT) WHEN CASE WHEN (NOT (c6 IS NULL)) THEN greatest(CAST(10 AS BIGINT), least(CAST(20.5 AS DOUBLE), c6)) END < 10.0 THEN 1000 WHEN CASE WHEN (NOT (c6 IS NULL)) THEN greatest(CAST(10 AS BIGINT), least(CAST(20.5 AS DOUBLE), c6)) END > 20.5 AND NOT isnan(CASE WHEN (NOT (c6 IS NULL)) THEN greatest(CAST(10 AS BIGINT), least(CAST(20.5 AS DOUBLE), c6)) END) THEN 2050 ELSE 0 END ELSE 0 END AS v_m2 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) WHERE TRUE GROUP BY _u)

-- case: SUM of a condition
SELECT SUM(age > 50) FROM patients
-- plan
-- release __r0: one row
--   a0 = sum(age > 50) from m0
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."a0" AS "sum(age > 50)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 sum: one row a unit; values within [0, 1]; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, CASE WHEN (NOT (TRY_CAST((c4 > CAST(50 AS BIGINT)) AS BIGINT) IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (TRY_CAST((c4 > CAST(50 AS BIGINT)) AS BIGINT) IS NULL)) THEN coalesce(CAST(CASE WHEN TRY_CAST((c4 > CAST(50 AS BIGINT)) AS BIGINT) <= 0 THEN 0 WHEN TRY_CAST((c4 > CAST(50 AS BIGINT)) AS BIGINT) >= 1 THEN 1 ELSE TRY_CAST((c4 > CAST(50 AS BIGINT)) AS BIGINT) END AS BIGINT), 0) ELSE 0 END AS v_m0 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients"))

-- case: a public number inside a SUM is one column
SELECT SUM(income / (SELECT MAX(population) FROM regions)) AS s FROM patients
-- plan
-- release __r0: one row
--   a0 = sum(income / (SELECT max(population) FROM regions)) from m0
--   over select patient_id, region, age, sex, income, weight, subquery [protected, one row a unit]
--     table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."a0" AS "s", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 sum: one row a unit; values within [0, 20000]; L0 1, L1 2000000000, Linf 2000000000; grid 1/100000, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, CASE WHEN (NOT ((c6 / c14) IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT ((c6 / c14) IS NULL)) THEN CASE WHEN (c6 / c14) BETWEEN 0.0 AND 20000.0 THEN CAST(round((c6 / c14) * 100000.0) AS BIGINT) WHEN (c6 / c14) < 0.0 THEN 0 WHEN (c6 / c14) > 20000.0 AND NOT isnan((c6 / c14)) THEN 2000000000 ELSE 0 END ELSE 0 END AS v_m0 FROM (SELECT _u, c2 AS c2, c3 AS c3, c4 AS c4, c5 AS c5, c6 AS c6, c7 AS c7, (SELECT c13 FROM (SELECT c12 AS c13 FROM (SELECT max(c11) AS c12 FROM (SELECT "region" AS c9, "country" AS c10, "population" AS c11 FROM "regions")))) AS c14 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")))
