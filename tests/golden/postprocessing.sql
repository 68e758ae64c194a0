-- SQL above release points, and public data.

-- case: HAVING, ORDER BY, LIMIT
SELECT clinic, SUM(cost) AS c FROM visits GROUP BY clinic HAVING COUNT(*) > 10 ORDER BY c DESC LIMIT 1
-- plan
-- release __r0: by clinic (public keys, every key has a row)
--   a0 = sum(cost) from m0
--   a1 = count_star() from m1
--   over table visits [protected]
-- post-processing, free: SELECT "__r0"."k0" AS "clinic", "__r0"."a0" AS "c", "__r0"."__row" AS "__row" FROM "__r0" WHERE "__r0"."a1" > 10 ORDER BY "c" DESC LIMIT 1
-- measure __r0.m0 sum: weights: a unit's rows add to at most 30; L0 15000000, L1 15000000, Linf 15000000; grid 1/100, multiplier 1
-- measure __r0.m1 count: weights: a unit's rows add to at most 30; L0 1966080, L1 1966080, Linf 1966080; grid 1, multiplier 65536
-- engine: WITH s AS (SELECT _u, c4 AS k0, CASE WHEN (NOT (c6 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c6 IS NULL)) THEN CASE WHEN c6 IS NULL OR isnan(c6) THEN 0 WHEN c6 <= 0.0 THEN 0 WHEN c6 >= 5000.0 THEN 500000 ELSE CAST(round(c6 * 100.0) AS BIGINT) END ELSE 0 END AS v_m0, 1 AS q_m1 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")), t AS (SELECT _u, CAST(sum(q_m0) AS BIGINT) AS n_m0, CAST(sum(q_m1) AS BIGINT) AS n_m1 FROM s GROUP BY _u) SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 <= 30 THEN v_m0 * 1 ELSE (v_m0 * 30) // n_m0 END), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m1 <= 30 THEN q_m1 * 65536 ELSE (q_m1 * 1966080) // n_m1 END), 0))) AS BIGINT) AS m1 FROM s JOIN t USING (_u) GROUP BY k0

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
-- measure __r0.m0 sum: one row a unit; L0 1, L1 100000, Linf 100000; grid 1, multiplier 1
-- measure __r0.m1 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m0), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m1), 0))) AS BIGINT) AS m1 FROM (SELECT _u, c4 AS k0, CASE WHEN (NOT (c7 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c7 IS NULL)) THEN CASE WHEN c7 IS NULL OR isnan(c7) THEN 0 WHEN c7 <= 0.0 THEN -100000 WHEN c7 >= 200000.0 THEN 100000 ELSE CAST(round((c7 - 100000.0)) AS BIGINT) END ELSE 0 END AS v_m0, CASE WHEN (NOT (c7 IS NULL)) THEN 1 ELSE 0 END AS q_m1 FROM (SELECT _u, "patient_id" AS c3, "region" AS c4, "age" AS c5, "sex" AS c6, "income" AS c7, "weight" AS c8 FROM "patients")) GROUP BY k0

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
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 30 THEN 30 ELSE q_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, sum(q_m0) AS q_m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT _u, "visit_id" AS c9, "patient_id" AS c10, "clinic" AS c11, "diagnosis" AS c12, "cost" AS c13, "visited_on" AS c14 FROM "visits")) GROUP BY _u)

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
-- measure __r0.m0 sum: weights: a unit's rows add to at most 30; L0 15000000, L1 15000000, Linf 15000000; grid 1/100, multiplier 1
-- measure __r0.m1 count: weights: a unit's rows add to at most 30; L0 1966080, L1 1966080, Linf 1966080; grid 1, multiplier 65536
-- engine: WITH s AS (SELECT _u, c4 AS k0, CASE WHEN (NOT (c6 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c6 IS NULL)) THEN CASE WHEN c6 IS NULL OR isnan(c6) THEN 0 WHEN c6 <= 0.0 THEN 0 WHEN c6 >= 5000.0 THEN 500000 ELSE CAST(round(c6 * 100.0) AS BIGINT) END ELSE 0 END AS v_m0, 1 AS q_m1 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")), t AS (SELECT _u, CAST(sum(q_m0) AS BIGINT) AS n_m0, CAST(sum(q_m1) AS BIGINT) AS n_m1 FROM s GROUP BY _u) SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 <= 30 THEN v_m0 * 1 ELSE (v_m0 * 30) // n_m0 END), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m1 <= 30 THEN q_m1 * 65536 ELSE (q_m1 * 1966080) // n_m1 END), 0))) AS BIGINT) AS m1 FROM s JOIN t USING (_u) GROUP BY k0

-- case: window function of an aggregate
SELECT region, COUNT(*) * 100.0 / SUM(COUNT(*)) OVER () AS share FROM patients GROUP BY region
-- plan
-- release __r0: by region (public keys, every key has a row)
--   a0 = count_star() from m0
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."k0" AS "region", "__r0"."a0" * 100.0 / SUM("__r0"."a0") OVER () AS "share" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c3 AS k0, 1 AS q_m0 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) GROUP BY k0

-- case: two releases joined with a public table
WITH n AS (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) SELECT r.region, n.n * 1.0 / r.population FROM n JOIN regions r ON n.region = r.region
-- plan
-- release __r0: by region (public keys, every key has a row)
--   a0 = count_star() from m0
--   over table patients [protected, one row a unit]
-- public tables, read exactly and free of charge: regions
-- post-processing, free: SELECT "r"."region" AS "region", "n"."n" * 1.0 / "r"."population" AS "n.n * 1.0 / r.population" FROM (SELECT "__r0"."k0" AS "region", "__r0"."a0" AS "n" FROM "__r0") AS "n"("region", "n") JOIN (SELECT "region", "country", "population" FROM "regions") AS "r"("region", "country", "population") ON "n"."region" = "r"."region"
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
-- post-processing, free: SELECT (SELECT "__r0"."a0" AS "count_star()" FROM "__r0") * 1.0 / (SELECT "__r1"."a0" AS "count_star()" FROM "__r1") AS "per_patient"
-- measure __r0.m0 count: one group a unit, at most 30 of its rows; L0 1, L1 30, Linf 30; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 30 THEN 30 ELSE q_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, sum(q_m0) AS q_m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) GROUP BY _u)
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
