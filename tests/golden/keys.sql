-- Group keys: declared, enumerated, or passing a threshold.

-- case: declared categories
SELECT region, sex, COUNT(*) FROM patients GROUP BY region, sex
-- plan
-- release __r0: by region, sex (public keys, every key has a row)
--   a0 = count_star() from m0
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."k0" AS "region", "__r0"."k1" AS "sex", "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, k1, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c3 AS k0, c5 AS k1, 1 AS q_m0 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) GROUP BY k0, k1

-- case: an IN list makes keys public
SELECT diagnosis, COUNT(*) FROM visits WHERE diagnosis IN ('flu', 'asthma') GROUP BY diagnosis
-- plan
-- release __r0: by diagnosis (public keys, every key has a row)
--   a0 = count_star() from m0
--   over filter diagnosis IN ('flu', 'asthma') [protected]
--     table visits [protected]
-- post-processing, free: SELECT "__r0"."k0" AS "diagnosis", "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: weights: a unit's rows add to at most 30; L0 1966080, L1 1966080, Linf 1966080; grid 1, multiplier 65536
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 IS NULL THEN q_m0 * 65536 ELSE (q_m0 * 1966080) // n_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c5 AS k0, 1 AS q_m0 FROM (SELECT * FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits") WHERE (c5 IN ('flu', 'asthma')))) r LEFT JOIN (SELECT _u, count(*) AS n_m0 FROM (SELECT _u, c5 AS k0, 1 AS q_m0 FROM (SELECT * FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits") WHERE (c5 IN ('flu', 'asthma')))) GROUP BY _u HAVING count(*) > 30) t USING (_u) GROUP BY k0

-- case: months of a bounded range
SELECT date_trunc('month', visited_on) AS m, COUNT(*) FROM visits WHERE visited_on < DATE '2023-07-01' GROUP BY m
-- plan
-- release __r0: by date_trunc('MONTH', visited_on) (public keys, every key has a row)
--   a0 = count_star() from m0
--   over filter (visited_on < '2023-07-01') [protected]
--     table visits [protected]
-- post-processing, free: SELECT "__r0"."k0" AS "m", "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: weights: a unit's rows add to at most 30; L0 1966080, L1 1966080, Linf 1966080; grid 1, multiplier 65536
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 IS NULL THEN q_m0 * 65536 ELSE (q_m0 * 1966080) // n_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, TRY(date_trunc('month', c7)) AS k0, 1 AS q_m0 FROM (SELECT * FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits") WHERE (c7 < DATE '2023-07-01'))) r LEFT JOIN (SELECT _u, count(*) AS n_m0 FROM (SELECT _u, TRY(date_trunc('month', c7)) AS k0, 1 AS q_m0 FROM (SELECT * FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits") WHERE (c7 < DATE '2023-07-01'))) GROUP BY _u HAVING count(*) > 30) t USING (_u) GROUP BY k0

-- case: a function of categories
SELECT LOWER(region), COUNT(*) FROM patients GROUP BY ALL
-- plan
-- release __r0: by lower(region) (public keys, every key has a row)
--   a0 = count_star() from m0
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."k0" AS "lower(region)", "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, lower(c3) AS k0, 1 AS q_m0 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) GROUP BY k0

-- case: ROLLUP
SELECT region, sex, COUNT(*) FROM patients GROUP BY ROLLUP (region, sex)
-- plan
-- release __r0: by region, sex (public keys, every key has a row)
--   a0 = count_star() from m0
--   over table patients [protected, one row a unit]
-- release __r1: by region (public keys, every key has a row)
--   a0 = count_star() from m0
--   over table patients [protected, one row a unit]
-- release __r2: one row
--   a0 = count_star() from m0
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."k0" AS "region", "__r0"."k1" AS "sex", "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, k1, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c3 AS k0, c5 AS k1, 1 AS q_m0 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) GROUP BY k0, k1
-- measure __r1.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c3 AS k0, 1 AS q_m0 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) GROUP BY k0
-- measure __r2.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients"))

-- case: unknown keys pass the threshold
SELECT diagnosis, COUNT(*) FROM visits GROUP BY diagnosis
-- plan
-- release __r0: by diagnosis (unknown keys, each passes a noisy threshold)
--   a0 = count_star() from m0
--   over table visits [protected]
-- post-processing, free: SELECT "__r0"."k0" AS "diagnosis", "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: weights: a unit's rows add to at most 30; L0 1966080, L1 1966080, Linf 1966080; grid 1, multiplier 65536
-- measure __r0.m1 units: at most 10 groups a unit, 1 of its rows in each; L0 10, L1 10, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 IS NULL THEN q_m0 * 65536 ELSE (q_m0 * 1966080) // n_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c5 AS k0, 1 AS q_m0 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) r LEFT JOIN (SELECT _u, count(*) AS n_m0 FROM (SELECT _u, c5 AS k0, 1 AS q_m0 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) GROUP BY _u HAVING count(*) > 30) t USING (_u) GROUP BY k0
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m1 > 0 THEN 1 ELSE 0 END), 0))) AS BIGINT) AS m1 FROM (WITH p AS (SELECT _u, k0, count(*) AS q_m1 FROM (SELECT _u, c5 AS k0, 1 AS q_m1 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) WHERE TRUE GROUP BY _u, k0), many AS (SELECT _u FROM p GROUP BY _u HAVING count(*) > 10), kept AS (SELECT * FROM p ANTI JOIN many USING (_u) UNION ALL SELECT * EXCLUDE (rk) FROM (SELECT *, row_number() OVER (PARTITION BY _u ORDER BY md5(concat_ws('|', 'tacit/v1', CAST(_u AS VARCHAR), coalesce(CAST(k0 AS VARCHAR), chr(1)))), k0) AS rk FROM p SEMI JOIN many USING (_u)) WHERE rk <= 10) SELECT * FROM kept) GROUP BY k0

-- case: CASE over constants
SELECT CASE WHEN age < 18 THEN 'child' ELSE 'adult' END AS band, COUNT(*) FROM patients GROUP BY band
-- plan
-- release __r0: by CASE WHEN age < 18 THEN 'child' ELSE 'adult' END (public keys, every key has a row)
--   a0 = count_star() from m0
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."k0" AS "band", "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, CASE WHEN (c4 < CAST(18 AS BIGINT)) THEN 'child' ELSE 'adult' END AS k0, 1 AS q_m0 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) GROUP BY k0

-- case: bins of a bounded integer
SELECT age // 10 AS decade, COUNT(*) FROM patients GROUP BY 1
-- plan
-- release __r0: by age // 10 (public keys, every key has a row)
--   a0 = count_star() from m0
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."k0" AS "decade", "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, TRY((c4 // CAST(10 AS BIGINT))) AS k0, 1 AS q_m0 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) GROUP BY k0

-- case: one unknown key makes all pass the threshold
SELECT clinic, diagnosis, COUNT(*) FROM visits GROUP BY clinic, diagnosis
-- plan
-- release __r0: by clinic, diagnosis (unknown keys, each passes a noisy threshold)
--   a0 = count_star() from m0
--   over table visits [protected]
-- post-processing, free: SELECT "__r0"."k0" AS "clinic", "__r0"."k1" AS "diagnosis", "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: weights: a unit's rows add to at most 30; L0 1966080, L1 1966080, Linf 1966080; grid 1, multiplier 65536
-- measure __r0.m1 units: at most 10 groups a unit, 1 of its rows in each; L0 10, L1 10, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, k1, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 IS NULL THEN q_m0 * 65536 ELSE (q_m0 * 1966080) // n_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c4 AS k0, c5 AS k1, 1 AS q_m0 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) r LEFT JOIN (SELECT _u, count(*) AS n_m0 FROM (SELECT _u, c4 AS k0, c5 AS k1, 1 AS q_m0 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) GROUP BY _u HAVING count(*) > 30) t USING (_u) GROUP BY k0, k1
-- engine: SELECT k0, k1, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m1 > 0 THEN 1 ELSE 0 END), 0))) AS BIGINT) AS m1 FROM (WITH p AS (SELECT _u, k0, k1, count(*) AS q_m1 FROM (SELECT _u, c4 AS k0, c5 AS k1, 1 AS q_m1 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) WHERE TRUE GROUP BY _u, k0, k1), many AS (SELECT _u FROM p GROUP BY _u HAVING count(*) > 10), kept AS (SELECT * FROM p ANTI JOIN many USING (_u) UNION ALL SELECT * EXCLUDE (rk) FROM (SELECT *, row_number() OVER (PARTITION BY _u ORDER BY md5(concat_ws('|', 'tacit/v1', CAST(_u AS VARCHAR), coalesce(CAST(k0 AS VARCHAR), chr(1)), coalesce(CAST(k1 AS VARCHAR), chr(1)))), k0, k1) AS rk FROM p SEMI JOIN many USING (_u)) WHERE rk <= 10) SELECT * FROM kept) GROUP BY k0, k1

-- case: CUBE
SELECT region, sex, COUNT(*) FROM patients GROUP BY CUBE (region, sex)
-- plan
-- release __r0: by region, sex (public keys, every key has a row)
--   a0 = count_star() from m0
--   over table patients [protected, one row a unit]
-- release __r1: by region (public keys, every key has a row)
--   a0 = count_star() from m0
--   over table patients [protected, one row a unit]
-- release __r2: by sex (public keys, every key has a row)
--   a0 = count_star() from m0
--   over table patients [protected, one row a unit]
-- release __r3: one row
--   a0 = count_star() from m0
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."k0" AS "region", "__r0"."k1" AS "sex", "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, k1, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c3 AS k0, c5 AS k1, 1 AS q_m0 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) GROUP BY k0, k1
-- measure __r1.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c3 AS k0, 1 AS q_m0 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) GROUP BY k0
-- measure __r2.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k1, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c5 AS k1, 1 AS q_m0 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) GROUP BY k1
-- measure __r3.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients"))

-- case: DISTINCT of a column is data
SELECT DISTINCT region FROM patients
-- plan
-- release __r0: by region (unknown keys, each passes a noisy threshold)
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT DISTINCT "__r0"."k0" AS "region" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c3 AS k0, 1 AS q_m0 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) GROUP BY k0

-- case: GROUPING SETS
SELECT clinic, diagnosis, COUNT(*) FROM visits GROUP BY GROUPING SETS ((clinic), (diagnosis), ())
-- plan
-- release __r0: by clinic (public keys, every key has a row)
--   a0 = count_star() from m0
--   over table visits [protected]
-- release __r1: by diagnosis (unknown keys, each passes a noisy threshold)
--   a0 = count_star() from m0
--   over table visits [protected]
-- release __r2: one row
--   a0 = count_star() from m0
--   over table visits [protected]
-- post-processing, free: SELECT "__r0"."k0" AS "clinic", "__r0"."k1" AS "diagnosis", "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: weights: a unit's rows add to at most 30; L0 1966080, L1 1966080, Linf 1966080; grid 1, multiplier 65536
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 IS NULL THEN q_m0 * 65536 ELSE (q_m0 * 1966080) // n_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c4 AS k0, 1 AS q_m0 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) r LEFT JOIN (SELECT _u, count(*) AS n_m0 FROM (SELECT _u, c4 AS k0, 1 AS q_m0 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) GROUP BY _u HAVING count(*) > 30) t USING (_u) GROUP BY k0
-- measure __r1.m0 count: weights: a unit's rows add to at most 30; L0 1966080, L1 1966080, Linf 1966080; grid 1, multiplier 65536
-- measure __r1.m1 units: at most 10 groups a unit, 1 of its rows in each; L0 10, L1 10, Linf 1; grid 1, multiplier 1
-- engine: SELECT k1, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 IS NULL THEN q_m0 * 65536 ELSE (q_m0 * 1966080) // n_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c5 AS k1, 1 AS q_m0 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) r LEFT JOIN (SELECT _u, count(*) AS n_m0 FROM (SELECT _u, c5 AS k1, 1 AS q_m0 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) GROUP BY _u HAVING count(*) > 30) t USING (_u) GROUP BY k1
-- engine: SELECT k1, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m1 > 0 THEN 1 ELSE 0 END), 0))) AS BIGINT) AS m1 FROM (WITH p AS (SELECT _u, k1, count(*) AS q_m1 FROM (SELECT _u, c5 AS k1, 1 AS q_m1 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) WHERE TRUE GROUP BY _u, k1), many AS (SELECT _u FROM p GROUP BY _u HAVING count(*) > 10), kept AS (SELECT * FROM p ANTI JOIN many USING (_u) UNION ALL SELECT * EXCLUDE (rk) FROM (SELECT *, row_number() OVER (PARTITION BY _u ORDER BY md5(concat_ws('|', 'tacit/v1', CAST(_u AS VARCHAR), coalesce(CAST(k1 AS VARCHAR), chr(1)))), k1) AS rk FROM p SEMI JOIN many USING (_u)) WHERE rk <= 10) SELECT * FROM kept) GROUP BY k1
-- measure __r2.m0 count: one group a unit, at most 30 of its rows; L0 1, L1 30, Linf 30; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 30 THEN 30 ELSE q_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, count(*) AS q_m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) WHERE TRUE GROUP BY _u)

-- case: GROUPING, one release
SELECT region, sex, COUNT(*), GROUPING(region) AS g FROM patients WHERE region IS NOT NULL AND sex IS NOT NULL GROUP BY ROLLUP (region, sex) ORDER BY g
-- plan
-- release __r0: by region, sex (public keys, every key has a row)
--   a0 = count_star() from m0
--   over filter (not(is_null(region)) AND not(is_null(sex))) [protected, one row a unit]
--     table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."k0" AS "region", "__r0"."k1" AS "sex", COALESCE(TRY_CAST(SUM("__r0"."a0") AS BIGINT), 0) AS "count_star()", GROUPING("__r0"."k0") AS "g" FROM "__r0" GROUP BY GROUPING SETS (("__r0"."k0", "__r0"."k1"), ("__r0"."k0"), ()) ORDER BY "g"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, k1, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c3 AS k0, c5 AS k1, 1 AS q_m0 FROM (SELECT * FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") WHERE ((NOT (c3 IS NULL)) AND (NOT (c5 IS NULL))))) GROUP BY k0, k1

-- case: GROUPING, a release for each level
SELECT region, MEDIAN(age), GROUPING(region) AS g FROM patients GROUP BY ROLLUP (region)
-- plan
-- release __r0: by region (public keys, every key has a row)
--   a0 = median(age) from m0
--   over table patients [protected, one row a unit]
-- release __r1: one row
--   a0 = median(age) from m0
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."k0" AS "region", "__r0"."a0" AS "median(age)", CASE "__r0"."__level" WHEN 0 THEN CAST(0 AS BIGINT) WHEN 1 THEN CAST(1 AS BIGINT) END AS "g", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 histogram: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1; rank 1/2 among 101 bins
-- engine: SELECT k0, bin, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(1), 0))) AS BIGINT) AS m0 FROM (SELECT * FROM (SELECT _u, c3 AS k0, CASE WHEN (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN c4 IS NULL THEN NULL WHEN c4 <= 0.0 THEN 0 WHEN c4 >= 100.0 THEN 100 ELSE CAST(round((c4 - 0.0)) AS BIGINT) END AS bin FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) WHERE q_m0 = 1 AND bin IS NOT NULL) GROUP BY k0, bin
-- measure __r1.m0 histogram: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1; rank 1/2 among 101 bins
-- engine: SELECT bin, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(1), 0))) AS BIGINT) AS m0 FROM (SELECT * FROM (SELECT _u, CASE WHEN (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN c4 IS NULL THEN NULL WHEN c4 <= 0.0 THEN 0 WHEN c4 >= 100.0 THEN 100 ELSE CAST(round((c4 - 0.0)) AS BIGINT) END AS bin FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) WHERE q_m0 = 1 AND bin IS NOT NULL) GROUP BY bin

-- case: PIVOT
SELECT * FROM (SELECT region, sex, income FROM patients) PIVOT (AVG(income) FOR sex IN ('F', 'M'))
-- plan
-- release __r0: by region (public keys, every key has a row)
--   a0 = avg(income) FILTER(WHERE sex = 'F') from m0, m1
--   a1 = avg(income) FILTER(WHERE sex = 'M') from m2, m3
--   over select region, sex, income [protected, one row a unit]
--     table patients [protected, one row a unit]
-- post-processing, free: SELECT "__q1"."region" AS "region", "__q1"."F" AS "F", "__q1"."M" AS "M" FROM (SELECT "__r0"."k0" AS "region", "__r0"."a0" AS "F", "__r0"."a1" AS "M" FROM "__r0") AS "__q1"("region", "F", "M")
-- measure __r0.m0 sum: one row a unit; values within [0, 200000]; L0 1, L1 200000, Linf 200000; grid 1, multiplier 1
-- measure __r0.m1 sum: one row a unit; values within [0, 200000]; L0 1, L1 200000, Linf 200000; grid 1, multiplier 1
-- measure __r0.m2 sum: one row a unit; values within [0, 200000]; L0 1, L1 200000, Linf 200000; grid 1, multiplier 1
-- measure __r0.m3 sum: one row a unit; values within [0, 200000]; L0 1, L1 200000, Linf 200000; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m0), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m1), 0))) AS BIGINT) AS m1, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m2), 0))) AS BIGINT) AS m2, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m3), 0))) AS BIGINT) AS m3 FROM (SELECT _u, c9 AS k0, CASE WHEN (c10 = 'F') AND (NOT (c11 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (c10 = 'F') AND (NOT (c11 IS NULL)) THEN (CASE WHEN c11 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c11 - 100000.0)) AS BIGINT) WHEN c11 < 0.0 THEN -100000 WHEN c11 > 200000.0 AND NOT isnan(c11) THEN 100000 ELSE 0 END - (-100000)) ELSE 0 END AS v_m0, CASE WHEN (c10 = 'F') AND (NOT (c11 IS NULL)) THEN 1 ELSE 0 END AS q_m1, CASE WHEN (c10 = 'F') AND (NOT (c11 IS NULL)) THEN (100000 - CASE WHEN c11 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c11 - 100000.0)) AS BIGINT) WHEN c11 < 0.0 THEN -100000 WHEN c11 > 200000.0 AND NOT isnan(c11) THEN 100000 ELSE 0 END) ELSE 0 END AS v_m1, CASE WHEN (c10 = 'M') AND (NOT (c11 IS NULL)) THEN 1 ELSE 0 END AS q_m2, CASE WHEN (c10 = 'M') AND (NOT (c11 IS NULL)) THEN (CASE WHEN c11 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c11 - 100000.0)) AS BIGINT) WHEN c11 < 0.0 THEN -100000 WHEN c11 > 200000.0 AND NOT isnan(c11) THEN 100000 ELSE 0 END - (-100000)) ELSE 0 END AS v_m2, CASE WHEN (c10 = 'M') AND (NOT (c11 IS NULL)) THEN 1 ELSE 0 END AS q_m3, CASE WHEN (c10 = 'M') AND (NOT (c11 IS NULL)) THEN (100000 - CASE WHEN c11 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c11 - 100000.0)) AS BIGINT) WHEN c11 < 0.0 THEN -100000 WHEN c11 > 200000.0 AND NOT isnan(c11) THEN 100000 ELSE 0 END) ELSE 0 END AS v_m3 FROM (SELECT _u, c4 AS c9, c6 AS c10, c7 AS c11 FROM (SELECT _u, "patient_id" AS c3, "region" AS c4, "age" AS c5, "sex" AS c6, "income" AS c7, "weight" AS c8 FROM "patients"))) GROUP BY k0

-- case: PIVOT as a statement
PIVOT (SELECT region, sex FROM patients) ON sex IN ('F', 'M') USING COUNT(*) GROUP BY region
-- plan
-- release __r0: by region (public keys, every key has a row)
--   a0 = count(*) FILTER(WHERE sex = 'F') from m0
--   a1 = count(*) FILTER(WHERE sex = 'M') from m1
--   over select region, sex [protected, one row a unit]
--     table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."k0" AS "region", "__r0"."a0" AS "F", "__r0"."a1" AS "M", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- measure __r0.m1 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m1), 0))) AS BIGINT) AS m1 FROM (SELECT _u, c9 AS k0, CASE WHEN (c10 = 'F') THEN 1 ELSE 0 END AS q_m0, CASE WHEN (c10 = 'M') THEN 1 ELSE 0 END AS q_m1 FROM (SELECT _u, c4 AS c9, c6 AS c10 FROM (SELECT _u, "patient_id" AS c3, "region" AS c4, "age" AS c5, "sex" AS c6, "income" AS c7, "weight" AS c8 FROM "patients"))) GROUP BY k0

-- case: PIVOT of numbers below 0
SELECT * FROM (SELECT region, SIGN(income - 50000) AS s FROM patients) PIVOT (COUNT(*) FOR s IN (1, -1))
-- plan
-- release __r0: by region (public keys, every key has a row)
--   a0 = count(*) FILTER(WHERE s = 1) from m0
--   a1 = count(*) FILTER(WHERE s = -1) from m1
--   over select region, s [protected, one row a unit]
--     table patients [protected, one row a unit]
-- post-processing, free: SELECT "__q1"."region" AS "region", "__q1"."1" AS "1", "__q1"."-1" AS "-1" FROM (SELECT "__r0"."k0" AS "region", "__r0"."a0" AS "1", "__r0"."a1" AS "-1" FROM "__r0") AS "__q1"("region", "1", "-1")
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- measure __r0.m1 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m1), 0))) AS BIGINT) AS m1 FROM (SELECT _u, c9 AS k0, CASE WHEN (c10 = CAST(1 AS BIGINT)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (c10 = CAST(-1 AS BIGINT)) THEN 1 ELSE 0 END AS q_m1 FROM (SELECT _u, c4 AS c9, CAST(sign((c7 - CAST(50000 AS BIGINT))) AS BIGINT) AS c10 FROM (SELECT _u, "patient_id" AS c3, "region" AS c4, "age" AS c5, "sex" AS c6, "income" AS c7, "weight" AS c8 FROM "patients"))) GROUP BY k0

-- case: weeks by TIME_BUCKET
SELECT time_bucket(INTERVAL '7 days', visited_on) AS w, COUNT(*) FROM visits GROUP BY 1
-- plan
-- release __r0: by time_bucket(INTERVAL '7' DAYS, visited_on) (public keys, every key has a row)
--   a0 = count_star() from m0
--   over table visits [protected]
-- post-processing, free: SELECT "__r0"."k0" AS "w", "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: weights: a unit's rows add to at most 30; L0 1966080, L1 1966080, Linf 1966080; grid 1, multiplier 65536
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 IS NULL THEN q_m0 * 65536 ELSE (q_m0 * 1966080) // n_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, CASE WHEN TRY(DATE '2000-01-03' + CAST((TRY_CAST(floor(((c7 - DATE '2000-01-03') / CAST(7 AS BIGINT))) AS BIGINT) * CAST(7 AS BIGINT)) AS INTEGER)) BETWEEN DATE '0002-01-01' AND DATE '9999-12-31' THEN TRY(DATE '2000-01-03' + CAST((TRY_CAST(floor(((c7 - DATE '2000-01-03') / CAST(7 AS BIGINT))) AS BIGINT) * CAST(7 AS BIGINT)) AS INTEGER)) END AS k0, 1 AS q_m0 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) r LEFT JOIN (SELECT _u, count(*) AS n_m0 FROM (SELECT _u, CASE WHEN TRY(DATE '2000-01-03' + CAST((TRY_CAST(floor(((c7 - DATE '2000-01-03') / CAST(7 AS BIGINT))) AS BIGINT) * CAST(7 AS BIGINT)) AS INTEGER)) BETWEEN DATE '0002-01-01' AND DATE '9999-12-31' THEN TRY(DATE '2000-01-03' + CAST((TRY_CAST(floor(((c7 - DATE '2000-01-03') / CAST(7 AS BIGINT))) AS BIGINT) * CAST(7 AS BIGINT)) AS INTEGER)) END AS k0, 1 AS q_m0 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) GROUP BY _u HAVING count(*) > 30) t USING (_u) GROUP BY k0

-- case: DISTINCT of columns as rows
SELECT DISTINCT UNNEST([region, sex]) AS x FROM patients
-- plan
-- release __r0: by x (unknown keys, each passes a noisy threshold)
--   over select patient_id, region, age, sex, income, weight, place, x [protected]
--     inner join [protected]
--       table patients [protected, one row a unit]
--       2 constant rows [public]
-- post-processing, free: SELECT DISTINCT "__r0"."k0" AS "x" FROM "__r0"
-- measure __r0.m0 units: at most 10 groups a unit, 1 of its rows in each; L0 10, L1 10, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 0 THEN 1 ELSE 0 END), 0))) AS BIGINT) AS m0 FROM (WITH p AS (SELECT _u, k0, count(*) AS q_m0 FROM (SELECT _u, c10 AS k0, 1 AS q_m0 FROM (SELECT _u, c2 AS c2, c3 AS c3, c4 AS c4, c5 AS c5, c6 AS c6, c7 AS c7, c9 AS c9, CASE WHEN (c9 = CAST(1 AS BIGINT)) THEN c3 ELSE c5 END AS c10 FROM (SELECT l._u AS _u, c2, c3, c4, c5, c6, c7, c9 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") AS l JOIN (SELECT * FROM (VALUES (CAST(1 AS BIGINT)), (CAST(2 AS BIGINT))) AS v(c9)) AS r ON TRUE))) WHERE TRUE GROUP BY _u, k0), many AS (SELECT _u FROM p GROUP BY _u HAVING count(*) > 10), kept AS (SELECT * FROM p ANTI JOIN many USING (_u) UNION ALL SELECT * EXCLUDE (rk) FROM (SELECT *, row_number() OVER (PARTITION BY _u ORDER BY md5(concat_ws('|', 'tacit/v1', CAST(_u AS VARCHAR), coalesce(CAST(k0 AS VARCHAR), chr(1)))), k0) AS rk FROM p SEMI JOIN many USING (_u)) WHERE rk <= 10) SELECT * FROM kept) GROUP BY k0
