-- SQL above release points, and public data.

-- case: HAVING, ORDER BY, LIMIT
SELECT clinic, SUM(cost) AS c FROM visits GROUP BY clinic HAVING COUNT(*) > 10 ORDER BY c DESC LIMIT 1
-- plan
-- release __r0: by clinic (public keys, every key has a row)
--   a0 = sum(cost) from m0
--   a1 = count_star() from m1
--   over table visits [protected]
-- post-processing, free: SELECT "__r0"."k0" AS "clinic", "__r0"."a0" AS "c", "__r0"."__row" AS "__row" FROM "__r0" WHERE "__r0"."a1" > 10 ORDER BY "c" DESC LIMIT 1
-- measure __r0.m0 sum: weights: a unit's rows add to at most 30; values within [0, 5000]; L0 15000000, L1 15000000, Linf 15000000; grid 1/100, multiplier 1
-- measure __r0.m1 count: weights: a unit's rows add to at most 30; L0 1966080, L1 1966080, Linf 1966080; grid 1, multiplier 65536
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 IS NULL OR n_m0 <= 30 THEN v_m0 * 1 ELSE (v_m0 * 30) // n_m0 END), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m1 IS NULL OR n_m1 <= 30 THEN q_m1 * 65536 ELSE (q_m1 * 1966080) // n_m1 END), 0))) AS BIGINT) AS m1 FROM (SELECT _u, c4 AS k0, CASE WHEN (NOT (c6 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c6 IS NULL)) THEN CASE WHEN c6 BETWEEN 0.0 AND 5000.0 THEN CAST(round(c6 * 100.0) AS BIGINT) WHEN c6 < 0.0 THEN 0 WHEN c6 > 5000.0 AND NOT isnan(c6) THEN 500000 ELSE 0 END ELSE 0 END AS v_m0, 1 AS q_m1 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) r LEFT JOIN (SELECT _u, CAST(sum(q_m0) AS BIGINT) AS n_m0, count(*) AS n_m1 FROM (SELECT _u, c4 AS k0, CASE WHEN (NOT (c6 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c6 IS NULL)) THEN CASE WHEN c6 BETWEEN 0.0 AND 5000.0 THEN CAST(round(c6 * 100.0) AS BIGINT) WHEN c6 < 0.0 THEN 0 WHEN c6 > 5000.0 AND NOT isnan(c6) THEN 500000 ELSE 0 END ELSE 0 END AS v_m0, 1 AS q_m1 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) GROUP BY _u HAVING CAST(sum(q_m0) AS BIGINT) > 30 OR count(*) > 30) t USING (_u) GROUP BY k0

-- case: window over a release
SELECT region, n, RANK() OVER (ORDER BY n DESC) FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region)
-- plan
-- release __r0: by region (public keys, every key has a row)
--   a0 = count_star() from m0
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT "__q1"."region" AS "region", "__q1"."n" AS "n", RANK() OVER (ORDER BY "__q1"."n" DESC) AS "rank() OVER (ORDER BY n DESC)" FROM (SELECT "__r0"."k0" AS "region", "__r0"."a0" AS "n" FROM "__r0") AS "__q1"("region", "n")
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c4 AS k0, 1 AS q_m0 FROM (SELECT _u, "patient_id" AS c3, "region" AS c4, "age" AS c5, "sex" AS c6, "income" AS c7, "weight" AS c8 FROM "patients")) GROUP BY k0

-- case: aggregate over a release
SELECT AVG(m) FROM (SELECT region, AVG(income) AS m FROM patients GROUP BY region)
-- plan
-- release __r0: by region (public keys, every key has a row)
--   a0 = avg(income) from m0, m1
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT AVG("__q1"."m") AS "avg(m)" FROM (SELECT "__r0"."k0" AS "region", "__r0"."a0" AS "m" FROM "__r0") AS "__q1"("region", "m")
-- measure __r0.m0 sum: one row a unit; values within [0, 200000]; L0 1, L1 200000, Linf 200000; grid 1, multiplier 1
-- measure __r0.m1 sum: one row a unit; values within [0, 200000]; L0 1, L1 200000, Linf 200000; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m0), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m1), 0))) AS BIGINT) AS m1 FROM (SELECT _u, c4 AS k0, CASE WHEN (NOT (c7 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c7 IS NULL)) THEN (CASE WHEN c7 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c7 - 100000.0)) AS BIGINT) WHEN c7 < 0.0 THEN -100000 WHEN c7 > 200000.0 AND NOT isnan(c7) THEN 100000 ELSE 0 END - (-100000)) ELSE 0 END AS v_m0, CASE WHEN (NOT (c7 IS NULL)) THEN 1 ELSE 0 END AS q_m1, CASE WHEN (NOT (c7 IS NULL)) THEN (100000 - CASE WHEN c7 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c7 - 100000.0)) AS BIGINT) WHEN c7 < 0.0 THEN -100000 WHEN c7 > 200000.0 AND NOT isnan(c7) THEN 100000 ELSE 0 END) ELSE 0 END AS v_m1 FROM (SELECT _u, "patient_id" AS c3, "region" AS c4, "age" AS c5, "sex" AS c6, "income" AS c7, "weight" AS c8 FROM "patients")) GROUP BY k0

-- case: UNION ALL of releases
SELECT 'patients' AS what, COUNT(*) AS n FROM patients UNION ALL SELECT 'visits', COUNT(*) FROM visits
-- plan
-- release __r0: one row
--   a0 = count_star() from m0
--   over table patients [protected, one row a unit]
-- release __r1: one row
--   a0 = count_star() from m0
--   over table visits [protected]
-- post-processing, free: SELECT "__side"."what" AS "what", "__side"."n" AS "n" FROM (SELECT 'patients' AS "what", "__r0"."a0" AS "n" FROM "__r0") AS "__side"("what", "n") UNION ALL SELECT "__side"."what" AS "what", "__side"."n" AS "n" FROM (SELECT 'visits' AS "'visits'", "__r1"."a0" AS "count_star()" FROM "__r1") AS "__side"("what", "n")
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients"))
-- measure __r1.m0 count: one group a unit, at most 30 of its rows; L0 1, L1 30, Linf 30; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 30 THEN 30 ELSE q_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, count(*) AS q_m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT _u, "visit_id" AS c9, "patient_id" AS c10, "clinic" AS c11, "diagnosis" AS c12, "cost" AS c13, "visited_on" AS c14 FROM "visits")) WHERE TRUE GROUP BY _u)

-- case: public tables alone
SELECT country, SUM(population) FROM regions GROUP BY country
-- plan
-- public tables, read exactly and free of charge: regions
-- post-processing, free: SELECT "regions"."country" AS "country", SUM("regions"."population") AS "sum(population)" FROM (SELECT "region", "country", "population" FROM "regions") AS "regions"("region", "country", "population") GROUP BY "regions"."country"

-- case: ratio of aggregates
SELECT clinic, SUM(cost) / COUNT(*) AS per_visit FROM visits GROUP BY clinic
-- plan
-- release __r0: by clinic (public keys, every key has a row)
--   a0 = sum(cost) from m0
--   a1 = count_star() from m1
--   over table visits [protected]
-- post-processing, free: SELECT "__r0"."k0" AS "clinic", "__r0"."a0" / "__r0"."a1" AS "per_visit", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 sum: weights: a unit's rows add to at most 30; values within [0, 5000]; L0 15000000, L1 15000000, Linf 15000000; grid 1/100, multiplier 1
-- measure __r0.m1 count: weights: a unit's rows add to at most 30; L0 1966080, L1 1966080, Linf 1966080; grid 1, multiplier 65536
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 IS NULL OR n_m0 <= 30 THEN v_m0 * 1 ELSE (v_m0 * 30) // n_m0 END), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m1 IS NULL OR n_m1 <= 30 THEN q_m1 * 65536 ELSE (q_m1 * 1966080) // n_m1 END), 0))) AS BIGINT) AS m1 FROM (SELECT _u, c4 AS k0, CASE WHEN (NOT (c6 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c6 IS NULL)) THEN CASE WHEN c6 BETWEEN 0.0 AND 5000.0 THEN CAST(round(c6 * 100.0) AS BIGINT) WHEN c6 < 0.0 THEN 0 WHEN c6 > 5000.0 AND NOT isnan(c6) THEN 500000 ELSE 0 END ELSE 0 END AS v_m0, 1 AS q_m1 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) r LEFT JOIN (SELECT _u, CAST(sum(q_m0) AS BIGINT) AS n_m0, count(*) AS n_m1 FROM (SELECT _u, c4 AS k0, CASE WHEN (NOT (c6 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c6 IS NULL)) THEN CASE WHEN c6 BETWEEN 0.0 AND 5000.0 THEN CAST(round(c6 * 100.0) AS BIGINT) WHEN c6 < 0.0 THEN 0 WHEN c6 > 5000.0 AND NOT isnan(c6) THEN 500000 ELSE 0 END ELSE 0 END AS v_m0, 1 AS q_m1 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) GROUP BY _u HAVING CAST(sum(q_m0) AS BIGINT) > 30 OR count(*) > 30) t USING (_u) GROUP BY k0

-- case: window function of an aggregate
SELECT region, COUNT(*) * 100.0 / SUM(COUNT(*)) OVER () AS share FROM patients GROUP BY region
-- plan
-- release __r0: by region (public keys, every key has a row)
--   a0 = count_star() from m0
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."k0" AS "region", TRY("__r0"."a0" * 100.0) / SUM("__r0"."a0") OVER () AS "share" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c3 AS k0, 1 AS q_m0 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) GROUP BY k0

-- case: two releases joined with a public table
WITH n AS (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) SELECT r.region, n.n * 1.0 / r.population FROM n JOIN regions r ON n.region = r.region
-- plan
-- release __r0: by region (public keys, every key has a row)
--   a0 = count_star() from m0
--   over table patients [protected, one row a unit]
-- public tables, read exactly and free of charge: regions
-- post-processing, free: SELECT "r"."region" AS "region", TRY("n"."n" * 1.0) / "r"."population" AS "n.n * 1.0 / r.population" FROM (SELECT "__r0"."k0" AS "region", "__r0"."a0" AS "n" FROM "__r0") AS "n"("region", "n") JOIN (SELECT "region", "country", "population" FROM "regions") AS "r"("region", "country", "population") ON "n"."region" = "r"."region"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c3 AS k0, 1 AS q_m0 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) GROUP BY k0

-- case: scalar subqueries
SELECT (SELECT COUNT(*) FROM visits) * 1.0 / (SELECT COUNT(*) FROM patients) AS per_patient
-- plan
-- release __r0: one row
--   a0 = count_star() from m0
--   over table visits [protected]
-- release __r1: one row
--   a0 = count_star() from m0
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT list_transform([{'a0': (SELECT "__r0"."a0" AS "count_star()" FROM "__r0")}], lambda __s: TRY(__s.a0 * 1.0))[1] / (SELECT "__r1"."a0" AS "count_star()" FROM "__r1") AS "per_patient"
-- measure __r0.m0 count: one group a unit, at most 30 of its rows; L0 1, L1 30, Linf 30; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 30 THEN 30 ELSE q_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, count(*) AS q_m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) WHERE TRUE GROUP BY _u)
-- measure __r1.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT _u, "patient_id" AS c9, "region" AS c10, "age" AS c11, "sex" AS c12, "income" AS c13, "weight" AS c14 FROM "patients"))

-- case: one release used twice is paid once
WITH n AS (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) SELECT a.region, a.n, b.m FROM n a CROSS JOIN (SELECT MAX(n) AS m FROM n) b
-- plan
-- release __r0: by region (public keys, every key has a row)
--   a0 = count_star() from m0
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT "a"."region" AS "region", "a"."n" AS "n", "b"."m" AS "m" FROM (SELECT "__r0"."k0" AS "region", "__r0"."a0" AS "n" FROM "__r0") AS "a"("region", "n") CROSS JOIN (SELECT MAX("n"."n") AS "m" FROM (SELECT "__r0"."k0" AS "region", "__r0"."a0" AS "n" FROM "__r0") AS "n"("region", "n")) AS "b"("m")
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c3 AS k0, 1 AS q_m0 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) GROUP BY k0

-- case: a released number inside a protected query runs in two stages
SELECT COUNT(*) FROM patients WHERE income > (SELECT AVG(income) FROM patients)
-- plan
-- release __r0: one row
--   a0 = avg(income) from m0, m1
--   over table patients [protected, one row a unit]
-- release __r1: one row
--   a0 = count_star() from m0
--   over filter (income > (released number p0)) [protected, one row a unit]
--     table patients [protected, one row a unit]
-- stage: p0 is SELECT "__r0"."a0" AS "avg(income)" FROM "__r0"
-- post-processing, free: SELECT "__r1"."a0" AS "count_star()", "__r1"."__row" AS "__row" FROM "__r1"
-- measure __r0.m0 sum: one row a unit; values within [0, 200000]; L0 1, L1 200000, Linf 200000; grid 1, multiplier 1
-- measure __r0.m1 sum: one row a unit; values within [0, 200000]; L0 1, L1 200000, Linf 200000; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m0), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m1), 0))) AS BIGINT) AS m1 FROM (SELECT _u, CASE WHEN (NOT (c20 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c20 IS NULL)) THEN (CASE WHEN c20 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c20 - 100000.0)) AS BIGINT) WHEN c20 < 0.0 THEN -100000 WHEN c20 > 200000.0 AND NOT isnan(c20) THEN 100000 ELSE 0 END - (-100000)) ELSE 0 END AS v_m0, CASE WHEN (NOT (c20 IS NULL)) THEN 1 ELSE 0 END AS q_m1, CASE WHEN (NOT (c20 IS NULL)) THEN (100000 - CASE WHEN c20 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c20 - 100000.0)) AS BIGINT) WHEN c20 < 0.0 THEN -100000 WHEN c20 > 200000.0 AND NOT isnan(c20) THEN 100000 ELSE 0 END) ELSE 0 END AS v_m1 FROM (SELECT _u, "patient_id" AS c16, "region" AS c17, "age" AS c18, "sex" AS c19, "income" AS c20, "weight" AS c21 FROM "patients"))
-- measure __r1.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT * FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") WHERE (c6 > :p0)))

-- case: GoogleSQL's clause
SELECT COUNT(*) * 1.0 / 2 FROM patients
-- plan
-- release __r0: one row
--   a0 = count_star() from m0
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT TRY("__r0"."a0" * 1.0) / 2 AS "count(*) * 1.0 / 2", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients"))

-- case: what DuckDB offers above a release
WITH t AS (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) SELECT LIST(region ORDER BY n DESC), FORMAT('{:.1f}', AVG(n)), SIN(AVG(n)) FROM t
-- plan
-- release __r0: by region (public keys, every key has a row)
--   a0 = count_star() from m0
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT ARRAY_AGG("t"."region" ORDER BY "t"."n" DESC) AS "array_agg(region ORDER BY n DESC)", list_transform([{'a0': AVG("t"."n")}], lambda __s: TRY(FORMAT('{:.1f}', __s.a0)))[1] AS "format('{:.1f}', avg(n))", list_transform([{'a0': AVG("t"."n")}], lambda __s: TRY(SIN(__s.a0)))[1] AS "sin(avg(n))" FROM (SELECT "__r0"."k0" AS "region", "__r0"."a0" AS "n" FROM "__r0") AS "t"("region", "n")
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c3 AS k0, 1 AS q_m0 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) GROUP BY k0

-- case: grouping sets above a release
WITH t AS (SELECT region, sex, COUNT(*) AS n FROM patients GROUP BY 1, 2) SELECT region, SUM(n), GROUPING(region) FROM t GROUP BY ROLLUP (region)
-- plan
-- release __r0: by region, sex (public keys, every key has a row)
--   a0 = count_star() from m0
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT "t"."region" AS "region", SUM("t"."n") AS "sum(n)", GROUPING("t"."region") AS "grouping(region)" FROM (SELECT "__r0"."k0" AS "region", "__r0"."k1" AS "sex", "__r0"."a0" AS "n" FROM "__r0") AS "t"("region", "sex", "n") GROUP BY ROLLUP ("t"."region")
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, k1, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c3 AS k0, c5 AS k1, 1 AS q_m0 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) GROUP BY k0, k1

-- case: UNPIVOT
SELECT * FROM (SELECT region, COUNT(*) AS n, AVG(age) AS a FROM patients GROUP BY region) UNPIVOT (v FOR k IN (n, a))
-- plan
-- release __r0: by region (public keys, every key has a row)
--   a0 = count_star() from m2
--   a1 = avg(age) from m0, m1
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT "__q1"."region" AS "region", "__q1"."k" AS "k", "__q1"."v" AS "v" FROM (SELECT "__side"."region" AS "region", "__side"."k" AS "k", "__side"."v" AS "v" FROM (SELECT "__rows"."region" AS "region", 'n' AS "k", "__rows"."n" AS "v" FROM (SELECT "__r0"."k0" AS "region", "__r0"."a0" AS "n", "__r0"."a1" AS "a" FROM "__r0") AS "__rows"("region", "n", "a") WHERE NOT "__rows"."n" IS NULL) AS "__side"("region", "k", "v") UNION ALL SELECT "__side"."region" AS "region", "__side"."k" AS "k", "__side"."v" AS "v" FROM (SELECT "__rows"."region" AS "region", 'a' AS "k", "__rows"."a" AS "v" FROM (SELECT "__r0"."k0" AS "region", "__r0"."a0" AS "n", "__r0"."a1" AS "a" FROM "__r0") AS "__rows"("region", "n", "a") WHERE NOT "__rows"."a" IS NULL) AS "__side"("region", "k", "v")) AS "__q1"("region", "k", "v")
-- measure __r0.m0 sum: one row a unit; values within [0, 100]; L0 1, L1 100, Linf 100; grid 1, multiplier 1
-- measure __r0.m1 sum: one row a unit; values within [0, 100]; L0 1, L1 100, Linf 100; grid 1, multiplier 1
-- measure __r0.m2 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m0), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m1), 0))) AS BIGINT) AS m1, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m2), 0))) AS BIGINT) AS m2 FROM (SELECT _u, c4 AS k0, CASE WHEN (NOT (c5 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c5 IS NULL)) THEN (coalesce(CAST(CASE WHEN c5 <= 0 THEN -50 WHEN c5 >= 100 THEN 50 ELSE c5 - 50 END AS BIGINT), 0) - (-50)) ELSE 0 END AS v_m0, CASE WHEN (NOT (c5 IS NULL)) THEN 1 ELSE 0 END AS q_m1, CASE WHEN (NOT (c5 IS NULL)) THEN (50 - coalesce(CAST(CASE WHEN c5 <= 0 THEN -50 WHEN c5 >= 100 THEN 50 ELSE c5 - 50 END AS BIGINT), 0)) ELSE 0 END AS v_m1, 1 AS q_m2 FROM (SELECT _u, "patient_id" AS c3, "region" AS c4, "age" AS c5, "sex" AS c6, "income" AS c7, "weight" AS c8 FROM "patients")) GROUP BY k0

-- case: a public value for each group
SELECT p.region, COUNT(*) * 1e5 / (SELECT population FROM regions r WHERE r.region = p.region) AS rate FROM patients p GROUP BY p.region
-- plan
-- release __r0: by region (public keys, every key has a row)
--   a0 = count_star() from m0
--   over table patients [protected, one row a unit]
-- public tables, read exactly and free of charge: regions
-- post-processing, free: SELECT "__r0"."k0" AS "region", TRY("__r0"."a0" * 1e5) / (SELECT CASE WHEN COUNT(*) = 1 THEN ANY_VALUE("__one"."v") END FROM (SELECT "r"."population" AS "population" FROM (SELECT "region", "country", "population" FROM "regions") AS "r"("region", "country", "population") WHERE "r"."region" = "__r0"."k0") AS "__one"("v")) AS "rate" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c3 AS k0, 1 AS q_m0 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) GROUP BY k0

-- case: columns of a release as rows by LATERAL (VALUES)
SELECT r.region, v.what, v.val FROM (SELECT region, COUNT(*) AS n, AVG(age) AS a FROM patients GROUP BY region) r CROSS JOIN LATERAL (VALUES ('n', n), ('a', a)) AS v(what, val)
-- plan
-- release __r0: by region (public keys, every key has a row)
--   a0 = count_star() from m2
--   a1 = avg(age) from m0, m1
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT "r"."region" AS "region", "v"."what" AS "what", "v"."val" AS "val" FROM (SELECT "__r0"."k0" AS "region", "__r0"."a0" AS "n", "__r0"."a1" AS "a" FROM "__r0") AS "r"("region", "n", "a") CROSS JOIN LATERAL (SELECT "what", "val" FROM (VALUES ('n', "r"."n"), ('a', "r"."a")) AS "__values"("what", "val")) AS "v"("what", "val")
-- measure __r0.m0 sum: one row a unit; values within [0, 100]; L0 1, L1 100, Linf 100; grid 1, multiplier 1
-- measure __r0.m1 sum: one row a unit; values within [0, 100]; L0 1, L1 100, Linf 100; grid 1, multiplier 1
-- measure __r0.m2 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m0), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m1), 0))) AS BIGINT) AS m1, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m2), 0))) AS BIGINT) AS m2 FROM (SELECT _u, c3 AS k0, CASE WHEN (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c4 IS NULL)) THEN (coalesce(CAST(CASE WHEN c4 <= 0 THEN -50 WHEN c4 >= 100 THEN 50 ELSE c4 - 50 END AS BIGINT), 0) - (-50)) ELSE 0 END AS v_m0, CASE WHEN (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m1, CASE WHEN (NOT (c4 IS NULL)) THEN (50 - coalesce(CAST(CASE WHEN c4 <= 0 THEN -50 WHEN c4 >= 100 THEN 50 ELSE c4 - 50 END AS BIGINT), 0)) ELSE 0 END AS v_m1, 1 AS q_m2 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) GROUP BY k0

-- case: a name of SELECT sorts before a column's
SELECT CASE WHEN n > 20 THEN region ELSE 'few' END AS region, SUM(n) AS n FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) t GROUP BY 1 ORDER BY n DESC
-- plan
-- release __r0: by region (public keys, every key has a row)
--   a0 = count_star() from m0
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT CASE WHEN "t"."n" > 20 THEN "t"."region" ELSE 'few' END AS "region", SUM("t"."n") AS "n" FROM (SELECT "__r0"."k0" AS "region", "__r0"."a0" AS "n" FROM "__r0") AS "t"("region", "n") GROUP BY 1 ORDER BY "n" DESC
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c3 AS k0, 1 AS q_m0 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) GROUP BY k0

-- case: UNNEST of what is released
SELECT region, UNNEST([COUNT(*), COUNT(income)]) AS v FROM patients GROUP BY region
-- plan
-- release __r0: by region (public keys, every key has a row)
--   a0 = count_star() from m0, m1
--   a1 = count(income) from m0, m1
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."k0" AS "region", UNNEST(["__r0"."a0", "__r0"."a1"]) AS "v" FROM "__r0"
-- measure __r0.m0 sum: one row a unit; values within [0, 1]; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- measure __r0.m1 sum: one row a unit; values within [0, 1]; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m0), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m1), 0))) AS BIGINT) AS m1 FROM (SELECT _u, c3 AS k0, 1 AS q_m0, ((CASE WHEN (NOT (c6 IS NULL)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) - (0)) AS v_m0, 1 AS q_m1, (1 - (CASE WHEN (NOT (c6 IS NULL)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END)) AS v_m1 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) GROUP BY k0
