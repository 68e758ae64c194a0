-- Relations below release points: the derivation table of the privacy model, row by row.

-- case: count of people
SELECT COUNT(*) FROM patients
-- plan
-- release __r0: one row
--   a0 = count_star() from m0
--   over table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients"))

-- case: join with a public table
SELECT r.country, COUNT(*) FROM patients p JOIN regions r ON p.region = r.region GROUP BY r.country
-- plan
-- release __r0: by country (public keys, every key has a row)
--   a0 = count_star() from m0
--   over inner join on (region = region) [protected, one row a unit]
--     table patients [protected, one row a unit]
--     table regions [public]
-- public tables, read exactly and free of charge: regions
-- post-processing, free: SELECT "__r0"."k0" AS "country", "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c10 AS k0, 1 AS q_m0 FROM (SELECT l._u AS _u, c2, c3, c4, c5, c6, c7, c9, c10, c11 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") AS l JOIN (SELECT "region" AS c9, "country" AS c10, "population" AS c11 FROM "regions") AS r ON (c3 = c9))) GROUP BY k0

-- case: public table keeps its rows: LEFT JOIN
SELECT r.region, COUNT(p.patient_id) FROM regions r LEFT JOIN patients p ON p.region = r.region GROUP BY r.region
-- plan
-- release __r0: by region (public keys, every key has a row)
--   a0 = count(p.patient_id) from m0
--   over inner join on (region = region) [protected, one row a unit]
--     table regions [public]
--     table patients [protected, one row a unit]
-- public tables, read exactly and free of charge: regions
-- post-processing, free: SELECT "__r0"."k0" AS "region", "__r0"."a0" AS "count(p.patient_id)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c9 AS k0, 1 AS q_m0 FROM (SELECT r._u AS _u, c9, c10, c11, c2, c3, c4, c5, c6, c7 FROM (SELECT "region" AS c9, "country" AS c10, "population" AS c11 FROM "regions") AS l JOIN (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") AS r ON (c3 = c9))) GROUP BY k0

-- case: protected tables joined in WHERE
SELECT COUNT(*) FROM patients p, visits v WHERE p.patient_id = v.patient_id AND v.cost > 10
-- plan
-- release __r0: one row
--   a0 = count_star() from m0
--   over filter ((patient_id = patient_id) AND (cost > 10)) [protected]
--     inner join [protected], same unit on both sides
--       table patients [protected, one row a unit]
--       table visits [protected]
-- post-processing, free: SELECT "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one group a unit, at most 30 of its rows; L0 1, L1 30, Linf 30; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 30 THEN 30 ELSE q_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, count(*) AS q_m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT * FROM (SELECT l._u AS _u, c2, c3, c4, c5, c6, c7, c9, c10, c11, c12, c13, c14 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") AS l JOIN (SELECT _u, "visit_id" AS c9, "patient_id" AS c10, "clinic" AS c11, "diagnosis" AS c12, "cost" AS c13, "visited_on" AS c14 FROM "visits") AS r ON l._u = r._u) WHERE ((c2 = c10) AND (c13 > CAST(10 AS BIGINT))))) WHERE TRUE GROUP BY _u)

-- case: left join keeps people without visits
SELECT COUNT(*) FROM patients p LEFT JOIN visits v ON p.patient_id = v.patient_id WHERE v.visit_id IS NULL
-- plan
-- release __r0: one row
--   a0 = count_star() from m0
--   over filter is_null(visit_id) [protected]
--     left join on (patient_id = patient_id) [protected], same unit on both sides
--       table patients [protected, one row a unit]
--       table visits [protected]
-- post-processing, free: SELECT "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one group a unit, at most 30 of its rows; L0 1, L1 30, Linf 30; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 30 THEN 30 ELSE q_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, count(*) AS q_m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT * FROM (SELECT l._u AS _u, c2, c3, c4, c5, c6, c7, c9, c10, c11, c12, c13, c14 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") AS l LEFT JOIN (SELECT _u, "visit_id" AS c9, "patient_id" AS c10, "clinic" AS c11, "diagnosis" AS c12, "cost" AS c13, "visited_on" AS c14 FROM "visits") AS r ON l._u = r._u AND (c2 = c10)) WHERE (c9 IS NULL))) WHERE TRUE GROUP BY _u)

-- case: join along a declared path
SELECT v.clinic, SUM(x.doses) FROM prescriptions x JOIN visits v ON x.visit_id = v.visit_id GROUP BY v.clinic
-- plan
-- release __r0: by clinic (public keys, every key has a row)
--   a0 = sum(x.doses) from m0
--   over inner join on (visit_id = visit_id) [protected], same unit on both sides
--     at most 100 rows of a unit and visit_id, by a hash of the row [protected]
--       table prescriptions [protected]
--     at most 100 rows of a unit and visit_id, by a hash of the row [protected]
--       table visits [protected]
-- post-processing, free: SELECT "__r0"."k0" AS "clinic", "__r0"."a0" AS "sum(x.doses)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 sum: weights: a unit's rows add to at most 30; values within [0, 50]; L0 3072000, L1 3072000, Linf 3072000; grid 1, multiplier 2048
-- engine: WITH s AS (SELECT _u, c8 AS k0, CASE WHEN (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c4 IS NULL)) THEN coalesce(CAST(CASE WHEN c4 <= 0 THEN 0 WHEN c4 >= 50 THEN 50 ELSE c4 END AS BIGINT), 0) ELSE 0 END AS v_m0 FROM (SELECT l._u AS _u, c2, c3, c4, c6, c7, c8, c9, c10, c11 FROM (WITH s AS NOT MATERIALIZED (SELECT _u, "visit_id" AS c2, "drug" AS c3, "doses" AS c4 FROM "prescriptions"), many AS (SELECT _u FROM s GROUP BY _u, c2 HAVING count(*) > 100) SELECT s.* FROM s ANTI JOIN many USING (_u) UNION ALL SELECT * EXCLUDE (place) FROM (SELECT s.*, row_number() OVER (PARTITION BY _u, c2 ORDER BY md5(concat_ws('|', 'tacit/v1', CAST(_u AS VARCHAR), coalesce(CAST(c2 AS VARCHAR), chr(1)), coalesce(CAST(c3 AS VARCHAR), chr(1)), coalesce(CAST(c4 AS VARCHAR), chr(1)))), c2, c3, c4) AS place FROM s SEMI JOIN many USING (_u)) WHERE place <= 100) AS l JOIN (WITH s AS NOT MATERIALIZED (SELECT _u, "visit_id" AS c6, "patient_id" AS c7, "clinic" AS c8, "diagnosis" AS c9, "cost" AS c10, "visited_on" AS c11 FROM "visits"), many AS (SELECT _u FROM s GROUP BY _u, c6 HAVING count(*) > 100) SELECT s.* FROM s ANTI JOIN many USING (_u) UNION ALL SELECT * EXCLUDE (place) FROM (SELECT s.*, row_number() OVER (PARTITION BY _u, c6 ORDER BY md5(concat_ws('|', 'tacit/v1', CAST(_u AS VARCHAR), coalesce(CAST(c6 AS VARCHAR), chr(1)), coalesce(CAST(c7 AS VARCHAR), chr(1)), coalesce(CAST(c8 AS VARCHAR), chr(1)), coalesce(CAST(c9 AS VARCHAR), chr(1)), coalesce(CAST(c10 AS VARCHAR), chr(1)), coalesce(CAST(c11 AS VARCHAR), chr(1)))), c6, c7, c8, c9, c10, c11) AS place FROM s SEMI JOIN many USING (_u)) WHERE place <= 100) AS r ON l._u = r._u AND (c2 = c6))) SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 IS NULL THEN v_m0 * 2048 ELSE (v_m0 * 61440) // n_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT * FROM s) r LEFT JOIN (SELECT _u, CAST(sum(q_m0) AS BIGINT) AS n_m0 FROM (SELECT * FROM s) GROUP BY _u HAVING CAST(sum(q_m0) AS BIGINT) > 30) t USING (_u) GROUP BY k0

-- case: anti join: NOT IN over unit ids
SELECT COUNT(*) FROM patients WHERE patient_id NOT IN (SELECT patient_id FROM visits)
-- plan
-- release __r0: one row
--   a0 = count_star() from m0
--   over filter not(patient_id IN (subquery)) [protected, one row a unit]
--     table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT * FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") WHERE (NOT (c2 IN (SELECT c15 FROM (SELECT _u, c10 AS c15 FROM (SELECT _u, "visit_id" AS c9, "patient_id" AS c10, "clinic" AS c11, "diagnosis" AS c12, "cost" AS c13, "visited_on" AS c14 FROM "visits")))))))

-- case: EXISTS over a public table
SELECT COUNT(*) FROM patients p WHERE EXISTS (SELECT 1 FROM regions r WHERE r.region = p.region AND r.population > 15)
-- plan
-- release __r0: one row
--   a0 = count_star() from m0
--   over filter EXISTS (public) [protected, one row a unit]
--     table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT * FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") WHERE EXISTS (SELECT 1 FROM (SELECT CAST(1 AS BIGINT) AS c12 FROM (SELECT * FROM (SELECT "region" AS c9, "country" AS c10, "population" AS c11 FROM "regions") WHERE ((c9 = c3) AND (c11 > CAST(15 AS BIGINT))))))))

-- case: UNION ALL of the same unit
SELECT COUNT(*) FROM (SELECT patient_id FROM patients UNION ALL SELECT patient_id FROM visits)
-- plan
-- release __r0: one row
--   a0 = count_star() from m0
--   over union all [protected]
--     select patient_id [protected, one row a unit]
--       table patients [protected, one row a unit]
--     select patient_id [protected]
--       table visits [protected]
-- post-processing, free: SELECT "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one group a unit, at most 30 of its rows; L0 1, L1 30, Linf 30; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 30 THEN 30 ELSE q_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, count(*) AS q_m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT _u, c9 AS c18 FROM (SELECT _u, c3 AS c9 FROM (SELECT _u, "patient_id" AS c3, "region" AS c4, "age" AS c5, "sex" AS c6, "income" AS c7, "weight" AS c8 FROM "patients")) UNION ALL SELECT _u, c17 AS c18 FROM (SELECT _u, c12 AS c17 FROM (SELECT _u, "visit_id" AS c11, "patient_id" AS c12, "clinic" AS c13, "diagnosis" AS c14, "cost" AS c15, "visited_on" AS c16 FROM "visits")))) WHERE TRUE GROUP BY _u)

-- case: EXCEPT on the unit
SELECT COUNT(*) FROM (SELECT patient_id FROM patients EXCEPT SELECT patient_id FROM visits)
-- plan
-- release __r0: one row
--   a0 = count_star() from m0
--   over except [protected, one row a unit]
--     select patient_id [protected, one row a unit]
--       table patients [protected, one row a unit]
--     select patient_id [protected]
--       table visits [protected]
-- post-processing, free: SELECT "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT _u, c9 AS c18 FROM (SELECT _u, c3 AS c9 FROM (SELECT _u, "patient_id" AS c3, "region" AS c4, "age" AS c5, "sex" AS c6, "income" AS c7, "weight" AS c8 FROM "patients")) EXCEPT SELECT _u, c17 AS c18 FROM (SELECT _u, c12 AS c17 FROM (SELECT _u, "visit_id" AS c11, "patient_id" AS c12, "clinic" AS c13, "diagnosis" AS c14, "cost" AS c15, "visited_on" AS c16 FROM "visits"))))

-- case: per-unit aggregate with another key
SELECT clinic, AVG(c) FROM (SELECT patient_id, clinic, SUM(cost) AS c FROM visits GROUP BY patient_id, clinic) GROUP BY clinic
-- plan
-- release __r0: by clinic (public keys, every key has a row)
--   a0 = avg(c) from m0, m1
--   over select patient_id, clinic, c [protected]
--     aggregate of each unit's own rows by patient_id, clinic [protected]
--       table visits [protected]
-- post-processing, free: SELECT "__r0"."k0" AS "clinic", "__r0"."a0" AS "avg(c)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 sum: weights: a unit's rows add to at most 30; values within [0, 150000]; L0 450000000, L1 450000000, Linf 450000000; grid 1/100, multiplier 1
-- measure __r0.m1 sum: weights: a unit's rows add to at most 30; values within [0, 150000]; L0 450000000, L1 450000000, Linf 450000000; grid 1/100, multiplier 1
-- engine: WITH s AS (SELECT _u, c13 AS k0, CASE WHEN (NOT (c14 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c14 IS NULL)) THEN (CASE WHEN c14 BETWEEN 0.0 AND 150000.0 THEN CAST(round((c14 - 75000.0) * 100.0) AS BIGINT) WHEN c14 < 0.0 THEN -7500000 WHEN c14 > 150000.0 AND NOT isnan(c14) THEN 7500000 ELSE 0 END - (-7500000)) ELSE 0 END AS v_m0, CASE WHEN (NOT (c14 IS NULL)) THEN 1 ELSE 0 END AS q_m1, CASE WHEN (NOT (c14 IS NULL)) THEN (7500000 - CASE WHEN c14 BETWEEN 0.0 AND 150000.0 THEN CAST(round((c14 - 75000.0) * 100.0) AS BIGINT) WHEN c14 < 0.0 THEN -7500000 WHEN c14 > 150000.0 AND NOT isnan(c14) THEN 7500000 ELSE 0 END) ELSE 0 END AS v_m1 FROM (SELECT _u, c9 AS c12, c10 AS c13, c11 AS c14 FROM (SELECT _u, c4 AS c9, c5 AS c10, (CAST(sum(TRY_CAST(round(c7 * 100.0) AS BIGINT)) AS DOUBLE) / 100.0) AS c11 FROM (SELECT _u, "visit_id" AS c3, "patient_id" AS c4, "clinic" AS c5, "diagnosis" AS c6, "cost" AS c7, "visited_on" AS c8 FROM "visits") GROUP BY 1, 2, 3))) SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 IS NULL THEN v_m0 * 1 ELSE (v_m0 * 30) // n_m0 END), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 IS NULL THEN v_m1 * 1 ELSE (v_m1 * 30) // n_m0 END), 0))) AS BIGINT) AS m1 FROM (SELECT * FROM s) r LEFT JOIN (SELECT _u, CAST(sum(q_m0) AS BIGINT) AS n_m0 FROM (SELECT * FROM s) GROUP BY _u HAVING CAST(sum(q_m0) AS BIGINT) > 30) t USING (_u) GROUP BY k0

-- case: window within the unit
SELECT AVG(gap) FROM (SELECT date_diff('day', LAG(visited_on) OVER (PARTITION BY patient_id ORDER BY visited_on), visited_on) AS gap FROM visits)
-- plan
-- release __r0: one row
--   a0 = avg(gap) from m0, m1
--   over select gap [protected]
--     select visit_id, patient_id, clinic, diagnosis, cost, visited_on, lag [protected]
--       table visits [protected]
-- post-processing, free: SELECT "__r0"."a0" AS "avg(gap)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 sum: one group a unit, at most 30 of its rows; values within [-731, 731]; L0 1, L1 43860, Linf 43860; grid 1, multiplier 1
-- measure __r0.m1 sum: one group a unit, at most 30 of its rows; values within [-731, 731]; L0 1, L1 43860, Linf 43860; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 30 THEN (v_m0 * 30) // q_m0 ELSE v_m0 END), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m1 > 30 THEN (v_m1 * 30) // q_m1 ELSE v_m1 END), 0))) AS BIGINT) AS m1 FROM (SELECT _u, CAST(sum(q_m0) AS BIGINT) AS q_m0, sum(v_m0) AS v_m0, CAST(sum(q_m1) AS BIGINT) AS q_m1, sum(v_m1) AS v_m1 FROM (SELECT _u, CASE WHEN (NOT (c10 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c10 IS NULL)) THEN (coalesce(CAST(CASE WHEN c10 <= -731 THEN -731 WHEN c10 >= 731 THEN 731 ELSE c10 END AS BIGINT), 0) - (-731)) ELSE 0 END AS v_m0, CASE WHEN (NOT (c10 IS NULL)) THEN 1 ELSE 0 END AS q_m1, CASE WHEN (NOT (c10 IS NULL)) THEN (731 - coalesce(CAST(CASE WHEN c10 <= -731 THEN -731 WHEN c10 >= 731 THEN 731 ELSE c10 END AS BIGINT), 0)) ELSE 0 END AS v_m1 FROM (SELECT _u, TRY(date_diff('day', c9, c8)) AS c10 FROM (SELECT _u, c3 AS c3, c4 AS c4, c5 AS c5, c6 AS c6, c7 AS c7, c8 AS c8, lag(c8) OVER (PARTITION BY _u, c4 ORDER BY c8 ASC NULLS LAST, c3 ASC NULLS LAST, c4 ASC NULLS LAST, c5 ASC NULLS LAST, c6 ASC NULLS LAST, c7 ASC NULLS LAST, c8 ASC NULLS LAST) AS c9 FROM (SELECT _u, "visit_id" AS c3, "patient_id" AS c4, "clinic" AS c5, "diagnosis" AS c6, "cost" AS c7, "visited_on" AS c8 FROM "visits")))) WHERE TRUE GROUP BY _u)

-- case: QUALIFY within the unit
SELECT COUNT(*) FROM (SELECT clinic FROM visits QUALIFY ROW_NUMBER() OVER (PARTITION BY patient_id ORDER BY cost DESC) <= 2)
-- plan
-- release __r0: one row
--   a0 = count_star() from m0
--   over select clinic [protected]
--     filter qualify [protected]
--       select clinic, qualify [protected]
--         select visit_id, patient_id, clinic, diagnosis, cost, visited_on, row_number [protected]
--           table visits [protected]
-- post-processing, free: SELECT "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one group a unit, at most 2 of its rows; L0 1, L1 2, Linf 2; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 2 THEN 2 ELSE q_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, count(*) AS q_m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT _u, c10 AS c12 FROM (SELECT * FROM (SELECT _u, c5 AS c10, (c9 <= CAST(2 AS BIGINT)) AS c11 FROM (SELECT _u, c3 AS c3, c4 AS c4, c5 AS c5, c6 AS c6, c7 AS c7, c8 AS c8, row_number() OVER (PARTITION BY _u, c4 ORDER BY c7 DESC NULLS LAST, c3 ASC NULLS LAST, c4 ASC NULLS LAST, c5 ASC NULLS LAST, c6 ASC NULLS LAST, c7 ASC NULLS LAST, c8 ASC NULLS LAST) AS c9 FROM (SELECT _u, "visit_id" AS c3, "patient_id" AS c4, "clinic" AS c5, "diagnosis" AS c6, "cost" AS c7, "visited_on" AS c8 FROM "visits"))) WHERE c11))) WHERE TRUE GROUP BY _u)

-- case: WITH used twice
WITH v AS (SELECT patient_id, cost FROM visits WHERE cost > 10) SELECT COUNT(*) FROM v a JOIN v b ON a.patient_id = b.patient_id
-- plan
-- release __r0: one row
--   a0 = count_star() from m0
--   over inner join on (patient_id = patient_id) [protected], same unit on both sides
--     at most 100 rows of a unit, by a hash of the row [protected]
--       select patient_id, cost [protected]
--         filter (cost > 10) [protected]
--           table visits [protected]
--     at most 100 rows of a unit, by a hash of the row [protected]
--       select patient_id, cost [protected]
--         filter (cost > 10) [protected]
--           table visits [protected]
-- post-processing, free: SELECT "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one group a unit, at most 30 of its rows; L0 1, L1 30, Linf 30; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 30 THEN 30 ELSE q_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, count(*) AS q_m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT l._u AS _u, c8, c9, c17, c18 FROM (WITH s AS NOT MATERIALIZED (SELECT _u, c3 AS c8, c6 AS c9 FROM (SELECT * FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits") WHERE (c6 > CAST(10 AS BIGINT)))), many AS (SELECT _u FROM s GROUP BY _u HAVING count(*) > 100) SELECT s.* FROM s ANTI JOIN many USING (_u) UNION ALL SELECT * EXCLUDE (place) FROM (SELECT s.*, row_number() OVER (PARTITION BY _u ORDER BY md5(concat_ws('|', 'tacit/v1', CAST(_u AS VARCHAR), coalesce(CAST(c8 AS VARCHAR), chr(1)), coalesce(CAST(c9 AS VARCHAR), chr(1)))), c8, c9) AS place FROM s SEMI JOIN many USING (_u)) WHERE place <= 100) AS l JOIN (WITH s AS NOT MATERIALIZED (SELECT _u, c12 AS c17, c15 AS c18 FROM (SELECT * FROM (SELECT _u, "visit_id" AS c11, "patient_id" AS c12, "clinic" AS c13, "diagnosis" AS c14, "cost" AS c15, "visited_on" AS c16 FROM "visits") WHERE (c15 > CAST(10 AS BIGINT)))), many AS (SELECT _u FROM s GROUP BY _u HAVING count(*) > 100) SELECT s.* FROM s ANTI JOIN many USING (_u) UNION ALL SELECT * EXCLUDE (place) FROM (SELECT s.*, row_number() OVER (PARTITION BY _u ORDER BY md5(concat_ws('|', 'tacit/v1', CAST(_u AS VARCHAR), coalesce(CAST(c17 AS VARCHAR), chr(1)), coalesce(CAST(c18 AS VARCHAR), chr(1)))), c17, c18) AS place FROM s SEMI JOIN many USING (_u)) WHERE place <= 100) AS r ON l._u = r._u AND (c8 = c17))) WHERE TRUE GROUP BY _u)

-- case: row-wise filter and expression
SELECT COUNT(*) FROM patients WHERE age * 2 > 50 AND (sex = 'F' OR income IS NULL)
-- plan
-- release __r0: one row
--   a0 = count_star() from m0
--   over filter (((age * 2) > 50) AND ((sex = 'F') OR is_null(income))) [protected, one row a unit]
--     table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT * FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") WHERE (((c4 * CAST(2 AS BIGINT)) > CAST(50 AS BIGINT)) AND ((c5 = 'F') OR (c6 IS NULL)))))

-- case: join with a public table that fans out
SELECT COUNT(*) FROM patients p JOIN regions r ON r.population > p.age
-- plan
-- release __r0: one row
--   a0 = count_star() from m0
--   over inner join on (population > age) [protected]
--     table patients [protected, one row a unit]
--     table regions [public]
-- public tables, read exactly and free of charge: regions
-- post-processing, free: SELECT "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one group a unit, at most 30 of its rows; L0 1, L1 30, Linf 30; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 30 THEN 30 ELSE q_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, count(*) AS q_m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT l._u AS _u, c2, c3, c4, c5, c6, c7, c9, c10, c11 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") AS l JOIN (SELECT "region" AS c9, "country" AS c10, "population" AS c11 FROM "regions") AS r ON (c11 > c4))) WHERE TRUE GROUP BY _u)

-- case: protected tables joined on the unit
SELECT p.region, SUM(v.cost) FROM patients p JOIN visits v ON p.patient_id = v.patient_id GROUP BY p.region
-- plan
-- release __r0: by region (public keys, every key has a row)
--   a0 = sum(v.cost) from m0
--   over inner join on (patient_id = patient_id) [protected], same unit on both sides
--     table patients [protected, one row a unit]
--     table visits [protected]
-- post-processing, free: SELECT "__r0"."k0" AS "region", "__r0"."a0" AS "sum(v.cost)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 sum: one group a unit, at most 30 of its rows; values within [0, 5000]; L0 1, L1 15000000, Linf 15000000; grid 1/100, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN v_m0 > 15000000 THEN 15000000 WHEN v_m0 < 0 THEN 0 ELSE v_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, CAST(sum(q_m0) AS BIGINT) AS q_m0, sum(v_m0) AS v_m0 FROM (SELECT _u, CASE WHEN (NOT (c13 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c13 IS NULL)) THEN CASE WHEN c13 BETWEEN 0.0 AND 5000.0 THEN CAST(round(c13 * 100.0) AS BIGINT) WHEN c13 < 0.0 THEN 0 WHEN c13 > 5000.0 AND NOT isnan(c13) THEN 500000 ELSE 0 END ELSE 0 END AS v_m0 FROM (SELECT _u, "visit_id" AS c9, "patient_id" AS c10, "clinic" AS c11, "diagnosis" AS c12, "cost" AS c13, "visited_on" AS c14 FROM "visits")) GROUP BY _u) JOIN (SELECT _u, c3 AS k0 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) USING (_u) GROUP BY k0

-- case: join with USING
SELECT AVG(cost) FROM patients JOIN visits USING (patient_id)
-- plan
-- release __r0: one row
--   a0 = avg(cost) from m0, m1
--   over inner join on (patient_id = patient_id) [protected], same unit on both sides
--     table patients [protected, one row a unit]
--     table visits [protected]
-- post-processing, free: SELECT "__r0"."a0" AS "avg(cost)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 sum: one group a unit, at most 30 of its rows; values within [0, 5000]; L0 1, L1 15000000, Linf 15000000; grid 1/100, multiplier 1
-- measure __r0.m1 sum: one group a unit, at most 30 of its rows; values within [0, 5000]; L0 1, L1 15000000, Linf 15000000; grid 1/100, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 30 THEN (v_m0 * 30) // q_m0 ELSE v_m0 END), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m1 > 30 THEN (v_m1 * 30) // q_m1 ELSE v_m1 END), 0))) AS BIGINT) AS m1 FROM (SELECT _u, CAST(sum(q_m0) AS BIGINT) AS q_m0, sum(v_m0) AS v_m0, CAST(sum(q_m1) AS BIGINT) AS q_m1, sum(v_m1) AS v_m1 FROM (SELECT _u, CASE WHEN (NOT (c13 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c13 IS NULL)) THEN (CASE WHEN c13 BETWEEN 0.0 AND 5000.0 THEN CAST(round((c13 - 2500.0) * 100.0) AS BIGINT) WHEN c13 < 0.0 THEN -250000 WHEN c13 > 5000.0 AND NOT isnan(c13) THEN 250000 ELSE 0 END - (-250000)) ELSE 0 END AS v_m0, CASE WHEN (NOT (c13 IS NULL)) THEN 1 ELSE 0 END AS q_m1, CASE WHEN (NOT (c13 IS NULL)) THEN (250000 - CASE WHEN c13 BETWEEN 0.0 AND 5000.0 THEN CAST(round((c13 - 2500.0) * 100.0) AS BIGINT) WHEN c13 < 0.0 THEN -250000 WHEN c13 > 5000.0 AND NOT isnan(c13) THEN 250000 ELSE 0 END) ELSE 0 END AS v_m1 FROM (SELECT _u, "visit_id" AS c9, "patient_id" AS c10, "clinic" AS c11, "diagnosis" AS c12, "cost" AS c13, "visited_on" AS c14 FROM "visits")) GROUP BY _u) JOIN (SELECT _u FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) USING (_u)

-- case: self join on the unit
SELECT COUNT(*) FROM visits a JOIN visits b ON a.patient_id = b.patient_id AND a.visited_on < b.visited_on
-- plan
-- release __r0: one row
--   a0 = count_star() from m0
--   over inner join on ((patient_id = patient_id) AND (visited_on < visited_on)) [protected], same unit on both sides
--     at most 100 rows of a unit, by a hash of the row [protected]
--       table visits [protected]
--     at most 100 rows of a unit, by a hash of the row [protected]
--       table visits [protected]
-- post-processing, free: SELECT "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one group a unit, at most 30 of its rows; L0 1, L1 30, Linf 30; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 30 THEN 30 ELSE q_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, count(*) AS q_m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT l._u AS _u, c2, c3, c4, c5, c6, c7, c9, c10, c11, c12, c13, c14 FROM (WITH s AS NOT MATERIALIZED (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits"), many AS (SELECT _u FROM s GROUP BY _u HAVING count(*) > 100) SELECT s.* FROM s ANTI JOIN many USING (_u) UNION ALL SELECT * EXCLUDE (place) FROM (SELECT s.*, row_number() OVER (PARTITION BY _u ORDER BY md5(concat_ws('|', 'tacit/v1', CAST(_u AS VARCHAR), coalesce(CAST(c2 AS VARCHAR), chr(1)), coalesce(CAST(c3 AS VARCHAR), chr(1)), coalesce(CAST(c4 AS VARCHAR), chr(1)), coalesce(CAST(c5 AS VARCHAR), chr(1)), coalesce(CAST(c6 AS VARCHAR), chr(1)), coalesce(CAST(c7 AS VARCHAR), chr(1)))), c2, c3, c4, c5, c6, c7) AS place FROM s SEMI JOIN many USING (_u)) WHERE place <= 100) AS l JOIN (WITH s AS NOT MATERIALIZED (SELECT _u, "visit_id" AS c9, "patient_id" AS c10, "clinic" AS c11, "diagnosis" AS c12, "cost" AS c13, "visited_on" AS c14 FROM "visits"), many AS (SELECT _u FROM s GROUP BY _u HAVING count(*) > 100) SELECT s.* FROM s ANTI JOIN many USING (_u) UNION ALL SELECT * EXCLUDE (place) FROM (SELECT s.*, row_number() OVER (PARTITION BY _u ORDER BY md5(concat_ws('|', 'tacit/v1', CAST(_u AS VARCHAR), coalesce(CAST(c9 AS VARCHAR), chr(1)), coalesce(CAST(c10 AS VARCHAR), chr(1)), coalesce(CAST(c11 AS VARCHAR), chr(1)), coalesce(CAST(c12 AS VARCHAR), chr(1)), coalesce(CAST(c13 AS VARCHAR), chr(1)), coalesce(CAST(c14 AS VARCHAR), chr(1)))), c9, c10, c11, c12, c13, c14) AS place FROM s SEMI JOIN many USING (_u)) WHERE place <= 100) AS r ON l._u = r._u AND ((c3 = c10) AND (c7 < c14)))) WHERE TRUE GROUP BY _u)

-- case: semi join: IN over unit ids
SELECT COUNT(*) FROM patients WHERE patient_id IN (SELECT patient_id FROM visits WHERE diagnosis = 'flu')
-- plan
-- release __r0: one row
--   a0 = count_star() from m0
--   over filter patient_id IN (subquery) [protected, one row a unit]
--     table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT * FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") WHERE (c2 IN (SELECT c15 FROM (SELECT _u, c10 AS c15 FROM (SELECT * FROM (SELECT _u, "visit_id" AS c9, "patient_id" AS c10, "clinic" AS c11, "diagnosis" AS c12, "cost" AS c13, "visited_on" AS c14 FROM "visits") WHERE (c12 = 'flu')))))))

-- case: EXISTS correlated on the unit
SELECT COUNT(*) FROM patients p WHERE EXISTS (SELECT 1 FROM visits v WHERE v.patient_id = p.patient_id AND v.cost > 500)
-- plan
-- release __r0: one row
--   a0 = count_star() from m0
--   over filter EXISTS (of the unit's own rows) [protected, one row a unit]
--     table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT * FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") WHERE EXISTS (SELECT 1 FROM (SELECT _u, CAST(1 AS BIGINT) AS c15 FROM (SELECT * FROM (SELECT _u, "visit_id" AS c9, "patient_id" AS c10, "clinic" AS c11, "diagnosis" AS c12, "cost" AS c13, "visited_on" AS c14 FROM "visits") WHERE ((c10 = c2) AND (c13 > CAST(500 AS BIGINT))))))))

-- case: scalar subquery of the unit's own rows
SELECT COUNT(*) FROM patients p WHERE (SELECT COUNT(*) FROM visits v WHERE v.patient_id = p.patient_id) > 5
-- plan
-- release __r0: one row
--   a0 = count_star() from m0
--   over filter (subquery > 5) [protected, one row a unit]
--     select patient_id, region, age, sex, income, weight, subquery [protected, one row a unit]
--       table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT * FROM (SELECT _u, c2 AS c2, c3 AS c3, c4 AS c4, c5 AS c5, c6 AS c6, c7 AS c7, (SELECT c16 FROM (SELECT _u, c15 AS c16 FROM (SELECT count(*) AS c15 FROM (SELECT * FROM (SELECT _u, "visit_id" AS c9, "patient_id" AS c10, "clinic" AS c11, "diagnosis" AS c12, "cost" AS c13, "visited_on" AS c14 FROM "visits") WHERE (c10 = c2))))) AS c17 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) WHERE (c17 > CAST(5 AS BIGINT))))

-- case: INTERSECT on the unit
SELECT COUNT(*) FROM (SELECT patient_id FROM visits WHERE diagnosis = 'flu' INTERSECT SELECT patient_id FROM visits WHERE diagnosis = 'asthma')
-- plan
-- release __r0: one row
--   a0 = count_star() from m0
--   over intersect [protected]
--     select patient_id [protected]
--       filter (diagnosis = 'flu') [protected]
--         table visits [protected]
--     select patient_id [protected]
--       filter (diagnosis = 'asthma') [protected]
--         table visits [protected]
-- post-processing, free: SELECT "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one group a unit, at most 30 of its rows; L0 1, L1 30, Linf 30; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 30 THEN 30 ELSE q_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, count(*) AS q_m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT _u, c9 AS c18 FROM (SELECT _u, c4 AS c9 FROM (SELECT * FROM (SELECT _u, "visit_id" AS c3, "patient_id" AS c4, "clinic" AS c5, "diagnosis" AS c6, "cost" AS c7, "visited_on" AS c8 FROM "visits") WHERE (c6 = 'flu'))) INTERSECT SELECT _u, c17 AS c18 FROM (SELECT _u, c12 AS c17 FROM (SELECT * FROM (SELECT _u, "visit_id" AS c11, "patient_id" AS c12, "clinic" AS c13, "diagnosis" AS c14, "cost" AS c15, "visited_on" AS c16 FROM "visits") WHERE (c14 = 'asthma'))))) WHERE TRUE GROUP BY _u)

-- case: per-unit aggregate, then an average of it
SELECT AVG(n) FROM (SELECT patient_id, COUNT(*) AS n FROM visits GROUP BY patient_id)
-- plan
-- release __r0: one row
--   a0 = avg(n) from m0, m1
--   over select patient_id, n [protected, one row a unit]
--     aggregate of each unit's own rows by patient_id [protected, one row a unit]
--       table visits [protected]
-- post-processing, free: SELECT "__r0"."a0" AS "avg(n)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 sum: one row a unit; values within [1, 30]; L0 1, L1 29, Linf 29; grid 1, multiplier 1
-- measure __r0.m1 sum: one row a unit; values within [1, 30]; L0 1, L1 29, Linf 29; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m0), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m1), 0))) AS BIGINT) AS m1 FROM (SELECT _u, 1 AS q_m0, (coalesce(CAST(CASE WHEN c12 <= 1 THEN -15 WHEN c12 >= 30 THEN 14 ELSE c12 - 16 END AS BIGINT), 0) - (-15)) AS v_m0, 1 AS q_m1, (14 - coalesce(CAST(CASE WHEN c12 <= 1 THEN -15 WHEN c12 >= 30 THEN 14 ELSE c12 - 16 END AS BIGINT), 0)) AS v_m1 FROM (SELECT _u, c9 AS c11, c10 AS c12 FROM (SELECT _u, c4 AS c9, count(*) AS c10 FROM (SELECT _u, "visit_id" AS c3, "patient_id" AS c4, "clinic" AS c5, "diagnosis" AS c6, "cost" AS c7, "visited_on" AS c8 FROM "visits") GROUP BY 1, 2)))

-- case: per-unit HAVING
SELECT COUNT(*) FROM (SELECT patient_id FROM visits GROUP BY patient_id HAVING COUNT(*) > 3)
-- plan
-- release __r0: one row
--   a0 = count_star() from m0
--   over select patient_id [protected, one row a unit]
--     filter (count > 3) [protected, one row a unit]
--       aggregate of each unit's own rows by patient_id [protected, one row a unit]
--         table visits [protected]
-- post-processing, free: SELECT "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT _u, c9 AS c11 FROM (SELECT * FROM (SELECT _u, c4 AS c9, count(*) AS c10 FROM (SELECT _u, "visit_id" AS c3, "patient_id" AS c4, "clinic" AS c5, "diagnosis" AS c6, "cost" AS c7, "visited_on" AS c8 FROM "visits") GROUP BY 1, 2) WHERE (c10 > CAST(3 AS BIGINT)))))

-- case: the first row of each unit is one row a unit
SELECT clinic, COUNT(*) FROM (SELECT clinic, ROW_NUMBER() OVER (PARTITION BY patient_id ORDER BY visited_on) AS rn FROM visits) WHERE rn = 1 GROUP BY clinic
-- plan
-- release __r0: by clinic (public keys, every key has a row)
--   a0 = count_star() from m0
--   over filter (rn = 1) [protected, one row a unit]
--     select clinic, rn [protected]
--       select visit_id, patient_id, clinic, diagnosis, cost, visited_on, row_number [protected]
--         table visits [protected]
-- post-processing, free: SELECT "__r0"."k0" AS "clinic", "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c10 AS k0, 1 AS q_m0 FROM (SELECT * FROM (SELECT _u, c5 AS c10, c9 AS c11 FROM (SELECT _u, c3 AS c3, c4 AS c4, c5 AS c5, c6 AS c6, c7 AS c7, c8 AS c8, row_number() OVER (PARTITION BY _u, c4 ORDER BY c8 ASC NULLS LAST, c3 ASC NULLS LAST, c4 ASC NULLS LAST, c5 ASC NULLS LAST, c6 ASC NULLS LAST, c7 ASC NULLS LAST, c8 ASC NULLS LAST) AS c9 FROM (SELECT _u, "visit_id" AS c3, "patient_id" AS c4, "clinic" AS c5, "diagnosis" AS c6, "cost" AS c7, "visited_on" AS c8 FROM "visits"))) WHERE (c11 = CAST(1 AS BIGINT)))) GROUP BY k0

-- case: DISTINCT that keeps the unit
SELECT clinic, COUNT(*) FROM (SELECT DISTINCT patient_id, clinic FROM visits) GROUP BY clinic
-- plan
-- release __r0: by clinic (public keys, every key has a row)
--   a0 = count_star() from m0
--   over distinct, with the unit [protected]
--     select patient_id, clinic [protected]
--       table visits [protected]
-- post-processing, free: SELECT "__r0"."k0" AS "clinic", "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: weights: a unit's rows add to at most 30; L0 1966080, L1 1966080, Linf 1966080; grid 1, multiplier 65536
-- engine: WITH s AS (SELECT _u, c10 AS k0, 1 AS q_m0 FROM (SELECT DISTINCT _u, c9 AS c9, c10 AS c10 FROM (SELECT _u, c4 AS c9, c5 AS c10 FROM (SELECT _u, "visit_id" AS c3, "patient_id" AS c4, "clinic" AS c5, "diagnosis" AS c6, "cost" AS c7, "visited_on" AS c8 FROM "visits")))) SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 IS NULL THEN q_m0 * 65536 ELSE (q_m0 * 1966080) // n_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT * FROM s) r LEFT JOIN (SELECT _u, count(*) AS n_m0 FROM (SELECT * FROM s) GROUP BY _u HAVING count(*) > 30) t USING (_u) GROUP BY k0

-- case: VALUES as public keys
SELECT k.r, COUNT(p.patient_id) FROM (VALUES ('R1'), ('R9')) AS k(r) LEFT JOIN patients p ON p.region = k.r GROUP BY k.r
-- plan
-- release __r0: by r (public keys, every key has a row)
--   a0 = count(p.patient_id) from m0
--   over inner join on (region = r) [protected, one row a unit]
--     2 constant rows [public]
--     table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."k0" AS "r", "__r0"."a0" AS "count(p.patient_id)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c11 AS k0, 1 AS q_m0 FROM (SELECT r._u AS _u, c11, c4, c5, c6, c7, c8, c9 FROM (SELECT * FROM (VALUES ('R1'), ('R9')) AS v(c11)) AS l JOIN (SELECT _u, "patient_id" AS c4, "region" AS c5, "age" AS c6, "sex" AS c7, "income" AS c8, "weight" AS c9 FROM "patients") AS r ON (c5 = c11))) GROUP BY k0

-- case: NATURAL JOIN
SELECT COUNT(*) FROM patients NATURAL JOIN visits
-- plan
-- release __r0: one row
--   a0 = count_star() from m0
--   over inner join on (patient_id = patient_id) [protected], same unit on both sides
--     table patients [protected, one row a unit]
--     table visits [protected]
-- post-processing, free: SELECT "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one group a unit, at most 30 of its rows; L0 1, L1 30, Linf 30; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 30 THEN 30 ELSE q_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, count(*) AS q_m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT _u, "visit_id" AS c9, "patient_id" AS c10, "clinic" AS c11, "diagnosis" AS c12, "cost" AS c13, "visited_on" AS c14 FROM "visits")) GROUP BY _u) JOIN (SELECT _u FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")) USING (_u)

-- case: list_contains of constants
SELECT COUNT(*) FROM patients WHERE list_contains([1], age)
-- plan
-- release __r0: one row
--   a0 = count_star() from m0
--   over filter age IN (1) [protected, one row a unit]
--     table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT * FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") WHERE (c4 IN (CAST(1 AS BIGINT)))))

-- case: LATERAL aggregate of the unit's rows
SELECT p.region, AVG(x.n) FROM patients p CROSS JOIN LATERAL (SELECT COUNT(*) AS n FROM visits v WHERE v.patient_id = p.patient_id) x GROUP BY p.region
-- plan
-- release __r0: by region (public keys, every key has a row)
--   a0 = avg(x.n) from m0, m1
--   over select patient_id, region, age, sex, income, weight, n [protected, one row a unit]
--     table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."k0" AS "region", "__r0"."a0" AS "avg(x.n)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 sum: one row a unit; values within [0, 30]; L0 1, L1 30, Linf 30; grid 1, multiplier 1
-- measure __r0.m1 sum: one row a unit; values within [0, 30]; L0 1, L1 30, Linf 30; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m0), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m1), 0))) AS BIGINT) AS m1 FROM (SELECT _u, c3 AS k0, 1 AS q_m0, (coalesce(CAST(CASE WHEN c17 <= 0 THEN -15 WHEN c17 >= 30 THEN 15 ELSE c17 - 15 END AS BIGINT), 0) - (-15)) AS v_m0, 1 AS q_m1, (15 - coalesce(CAST(CASE WHEN c17 <= 0 THEN -15 WHEN c17 >= 30 THEN 15 ELSE c17 - 15 END AS BIGINT), 0)) AS v_m1 FROM (SELECT _u, c2 AS c2, c3 AS c3, c4 AS c4, c5 AS c5, c6 AS c6, c7 AS c7, (SELECT c16 FROM (SELECT _u, c15 AS c16 FROM (SELECT count(*) AS c15 FROM (SELECT * FROM (SELECT _u, "visit_id" AS c9, "patient_id" AS c10, "clinic" AS c11, "diagnosis" AS c12, "cost" AS c13, "visited_on" AS c14 FROM "visits") WHERE (c10 = c2))))) AS c17 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients"))) GROUP BY k0

-- case: LATERAL rows of the unit
SELECT x.clinic, COUNT(*) FROM patients p, LATERAL (SELECT clinic FROM visits v WHERE v.patient_id = p.patient_id AND v.cost > p.age) x GROUP BY x.clinic
-- plan
-- release __r0: by clinic (public keys, every key has a row)
--   a0 = count_star() from m0
--   over inner join [protected], same unit on both sides
--     table patients [protected, one row a unit]
--     select clinic [protected]
--       filter ((patient_id = patient_id) AND (cost > age)) [protected]
--         table visits [protected]
-- post-processing, free: SELECT "__r0"."k0" AS "clinic", "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: weights: a unit's rows add to at most 30; L0 1966080, L1 1966080, Linf 1966080; grid 1, multiplier 65536
-- engine: WITH s AS (SELECT _u, c15 AS k0, 1 AS q_m0 FROM (SELECT l._u AS _u, c2, c3, c4, c5, c6, c7, c15 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") AS l JOIN LATERAL (SELECT * FROM (SELECT _u, c11 AS c15 FROM (SELECT * FROM (SELECT _u, "visit_id" AS c9, "patient_id" AS c10, "clinic" AS c11, "diagnosis" AS c12, "cost" AS c13, "visited_on" AS c14 FROM "visits") WHERE ((c10 = c2) AND (c13 > c4)))) WHERE _u = l._u) AS r ON TRUE)) SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 IS NULL THEN q_m0 * 65536 ELSE (q_m0 * 1966080) // n_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT * FROM s) r LEFT JOIN (SELECT _u, count(*) AS n_m0 FROM (SELECT * FROM s) GROUP BY _u HAVING count(*) > 30) t USING (_u) GROUP BY k0

-- case: LATERAL over a public table
SELECT COUNT(*) FROM patients p LEFT JOIN LATERAL (SELECT population FROM regions r WHERE r.region = p.region) x ON TRUE WHERE x.population > 10
-- plan
-- release __r0: one row
--   a0 = count_star() from m0
--   over filter (population > 10) [protected]
--     left join [protected]
--       table patients [protected, one row a unit]
--       select population [public]
--         filter (region = region) [public]
--           table regions [public]
-- post-processing, free: SELECT "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one group a unit, at most 30 of its rows; L0 1, L1 30, Linf 30; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 30 THEN 30 ELSE q_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, count(*) AS q_m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT * FROM (SELECT l._u AS _u, c2, c3, c4, c5, c6, c7, c12 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") AS l LEFT JOIN LATERAL (SELECT c11 AS c12 FROM (SELECT * FROM (SELECT "region" AS c9, "country" AS c10, "population" AS c11 FROM "regions") WHERE (c9 = c3))) AS r ON TRUE) WHERE (c12 > CAST(10 AS BIGINT)))) WHERE TRUE GROUP BY _u)

-- case: named windows
SELECT clinic, COUNT(*) FROM (SELECT patient_id, clinic, ROW_NUMBER() OVER w AS rn, NTILE(4) OVER w AS q FROM visits WINDOW w AS (PARTITION BY patient_id ORDER BY visited_on)) WHERE rn = 1 GROUP BY clinic
-- plan
-- release __r0: by clinic (public keys, every key has a row)
--   a0 = count_star() from m0
--   over filter (rn = 1) [protected, one row a unit]
--     select patient_id, clinic, rn, q [protected]
--       select visit_id, patient_id, clinic, diagnosis, cost, visited_on, row_number, ntile [protected]
--         table visits [protected]
-- post-processing, free: SELECT "__r0"."k0" AS "clinic", "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c12 AS k0, 1 AS q_m0 FROM (SELECT * FROM (SELECT _u, c4 AS c11, c5 AS c12, c9 AS c13, c10 AS c14 FROM (SELECT _u, c3 AS c3, c4 AS c4, c5 AS c5, c6 AS c6, c7 AS c7, c8 AS c8, row_number() OVER (PARTITION BY _u, c4 ORDER BY c8 ASC NULLS LAST, c3 ASC NULLS LAST, c4 ASC NULLS LAST, c5 ASC NULLS LAST, c6 ASC NULLS LAST, c7 ASC NULLS LAST, c8 ASC NULLS LAST) AS c9, ntile(CAST(4 AS BIGINT)) OVER (PARTITION BY _u, c4 ORDER BY c8 ASC NULLS LAST, c3 ASC NULLS LAST, c4 ASC NULLS LAST, c5 ASC NULLS LAST, c6 ASC NULLS LAST, c7 ASC NULLS LAST, c8 ASC NULLS LAST) AS c10 FROM (SELECT _u, "visit_id" AS c3, "patient_id" AS c4, "clinic" AS c5, "diagnosis" AS c6, "cost" AS c7, "visited_on" AS c8 FROM "visits"))) WHERE (c13 = CAST(1 AS BIGINT)))) GROUP BY k0

-- case: a window over thirty days
SELECT COUNT(*) FROM (SELECT SUM(cost) OVER (PARTITION BY patient_id ORDER BY visited_on RANGE BETWEEN INTERVAL 30 DAYS PRECEDING AND CURRENT ROW) AS s FROM visits) WHERE s > 1000
-- plan
-- release __r0: one row
--   a0 = count_star() from m0
--   over filter (s > 1000) [protected]
--     select s [protected]
--       select visit_id, patient_id, clinic, diagnosis, cost, visited_on, sum [protected]
--         table visits [protected]
-- post-processing, free: SELECT "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one group a unit, at most 30 of its rows; L0 1, L1 30, Linf 30; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 30 THEN 30 ELSE q_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, count(*) AS q_m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT * FROM (SELECT _u, c9 AS c10 FROM (SELECT _u, c3 AS c3, c4 AS c4, c5 AS c5, c6 AS c6, c7 AS c7, c8 AS c8, (CAST(sum(TRY_CAST(round((c7 + CAST(0.0 AS DOUBLE)) * 100.0) AS BIGINT)) OVER (PARTITION BY _u, c4 ORDER BY c8 ASC NULLS LAST RANGE BETWEEN INTERVAL '30' day PRECEDING AND CURRENT ROW) AS DOUBLE) / 100.0) AS c9 FROM (SELECT _u, "visit_id" AS c3, "patient_id" AS c4, "clinic" AS c5, "diagnosis" AS c6, "cost" AS c7, "visited_on" AS c8 FROM "visits"))) WHERE (c10 > CAST(1000 AS BIGINT)))) WHERE TRUE GROUP BY _u)

-- case: FULL JOIN USING
SELECT COUNT(patient_id) FROM patients FULL JOIN visits USING (patient_id)
-- plan
-- release __r0: one row
--   a0 = count(patient_id) from m0
--   over select patient_id, region, age, sex, income, weight, visit_id, patient_id, clinic, diagnosis, cost, visited_on, … [protected]
--     full join on (patient_id = patient_id) [protected], same unit on both sides
--       table patients [protected, one row a unit]
--       table visits [protected]
-- post-processing, free: SELECT "__r0"."a0" AS "count(patient_id)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one group a unit, at most 30 of its rows; L0 1, L1 30, Linf 30; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 30 THEN 30 ELSE q_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, count(*) AS q_m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT _u, c2 AS c2, c3 AS c3, c4 AS c4, c5 AS c5, c6 AS c6, c7 AS c7, c9 AS c9, c10 AS c10, c11 AS c11, c12 AS c12, c13 AS c13, c14 AS c14, coalesce(c2, c10) AS c15 FROM (SELECT coalesce(l._u, r._u) AS _u, c2, c3, c4, c5, c6, c7, c9, c10, c11, c12, c13, c14 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") AS l FULL JOIN (SELECT _u, "visit_id" AS c9, "patient_id" AS c10, "clinic" AS c11, "diagnosis" AS c12, "cost" AS c13, "visited_on" AS c14 FROM "visits") AS r ON l._u = r._u AND (c2 = c10)))) WHERE TRUE GROUP BY _u)

-- case: first row of each person
SELECT clinic, COUNT(*) FROM (SELECT DISTINCT ON (patient_id) patient_id, clinic FROM visits ORDER BY patient_id, visited_on) t GROUP BY clinic
-- plan
-- release __r0: by clinic (public keys, every key has a row)
--   a0 = count_star() from m0
--   over select patient_id, clinic [protected, one row a unit]
--     filter qualify [protected, one row a unit]
--       select patient_id, clinic, qualify [protected]
--         select visit_id, patient_id, clinic, diagnosis, cost, visited_on, row_number [protected]
--           table visits [protected]
-- post-processing, free: SELECT "__r0"."k0" AS "clinic", "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c13 AS k0, 1 AS q_m0 FROM (SELECT _u, c9 AS c12, c10 AS c13 FROM (SELECT * FROM (SELECT _u, c3 AS c9, c4 AS c10, (c8 = CAST(1 AS BIGINT)) AS c11 FROM (SELECT _u, c2 AS c2, c3 AS c3, c4 AS c4, c5 AS c5, c6 AS c6, c7 AS c7, row_number() OVER (PARTITION BY _u, c3 ORDER BY c3 ASC NULLS LAST, c7 ASC NULLS LAST, c2 ASC NULLS LAST, c3 ASC NULLS LAST, c4 ASC NULLS LAST, c5 ASC NULLS LAST, c6 ASC NULLS LAST, c7 ASC NULLS LAST) AS c8 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits"))) WHERE c11))) GROUP BY k0

-- case: values picked within a person
SELECT AVG(s), AVG(f), AVG(l), COUNT(m) FROM (SELECT patient_id, SUM(DISTINCT cost) AS s, FIRST(cost ORDER BY visited_on) AS f, LAST(cost ORDER BY visited_on) AS l, ARG_MAX(diagnosis, cost) AS m, ARG_MIN(diagnosis, cost) AS o FROM visits GROUP BY patient_id)
-- plan
-- release __r0: one row
--   a0 = avg(s) from m0, m1
--   a1 = avg(f) from m2, m3
--   a2 = avg(l) from m4, m5
--   a3 = count(m) from m6
--   over select patient_id, s, f, l, m, o [protected, one row a unit]
--     aggregate of each unit's own rows by patient_id [protected, one row a unit]
--       table visits [protected]
-- post-processing, free: SELECT "__r0"."a0" AS "avg(s)", "__r0"."a1" AS "avg(f)", "__r0"."a2" AS "avg(l)", "__r0"."a3" AS "count(m)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 sum: one row a unit; values within [0, 150000]; L0 1, L1 15000000, Linf 15000000; grid 1/100, multiplier 1
-- measure __r0.m1 sum: one row a unit; values within [0, 150000]; L0 1, L1 15000000, Linf 15000000; grid 1/100, multiplier 1
-- measure __r0.m2 sum: one row a unit; values within [0, 5000]; L0 1, L1 500000, Linf 500000; grid 1/100, multiplier 1
-- measure __r0.m3 sum: one row a unit; values within [0, 5000]; L0 1, L1 500000, Linf 500000; grid 1/100, multiplier 1
-- measure __r0.m4 sum: one row a unit; values within [0, 5000]; L0 1, L1 500000, Linf 500000; grid 1/100, multiplier 1
-- measure __r0.m5 sum: one row a unit; values within [0, 5000]; L0 1, L1 500000, Linf 500000; grid 1/100, multiplier 1
-- measure __r0.m6 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m0), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m1), 0))) AS BIGINT) AS m1, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m2), 0))) AS BIGINT) AS m2, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m3), 0))) AS BIGINT) AS m3, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m4), 0))) AS BIGINT) AS m4, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m5), 0))) AS BIGINT) AS m5, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m6), 0))) AS BIGINT) AS m6 FROM (SELECT _u, CASE WHEN (NOT (c16 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c16 IS NULL)) THEN (CASE WHEN c16 BETWEEN 0.0 AND 150000.0 THEN CAST(round((c16 - 75000.0) * 100.0) AS BIGINT) WHEN c16 < 0.0 THEN -7500000 WHEN c16 > 150000.0 AND NOT isnan(c16) THEN 7500000 ELSE 0 END - (-7500000)) ELSE 0 END AS v_m0, CASE WHEN (NOT (c16 IS NULL)) THEN 1 ELSE 0 END AS q_m1, CASE WHEN (NOT (c16 IS NULL)) THEN (7500000 - CASE WHEN c16 BETWEEN 0.0 AND 150000.0 THEN CAST(round((c16 - 75000.0) * 100.0) AS BIGINT) WHEN c16 < 0.0 THEN -7500000 WHEN c16 > 150000.0 AND NOT isnan(c16) THEN 7500000 ELSE 0 END) ELSE 0 END AS v_m1, CASE WHEN (NOT (c17 IS NULL)) THEN 1 ELSE 0 END AS q_m2, CASE WHEN (NOT (c17 IS NULL)) THEN (CASE WHEN c17 BETWEEN 0.0 AND 5000.0 THEN CAST(round((c17 - 2500.0) * 100.0) AS BIGINT) WHEN c17 < 0.0 THEN -250000 WHEN c17 > 5000.0 AND NOT isnan(c17) THEN 250000 ELSE 0 END - (-250000)) ELSE 0 END AS v_m2, CASE WHEN (NOT (c17 IS NULL)) THEN 1 ELSE 0 END AS q_m3, CASE WHEN (NOT (c17 IS NULL)) THEN (250000 - CASE WHEN c17 BETWEEN 0.0 AND 5000.0 THEN CAST(round((c17 - 2500.0) * 100.0) AS BIGINT) WHEN c17 < 0.0 THEN -250000 WHEN c17 > 5000.0 AND NOT isnan(c17) THEN 250000 ELSE 0 END) ELSE 0 END AS v_m3, CASE WHEN (NOT (c18 IS NULL)) THEN 1 ELSE 0 END AS q_m4, CASE WHEN (NOT (c18 IS NULL)) THEN (CASE WHEN c18 BETWEEN 0.0 AND 5000.0 THEN CAST(round((c18 - 2500.0) * 100.0) AS BIGINT) WHEN c18 < 0.0 THEN -250000 WHEN c18 > 5000.0 AND NOT isnan(c18) THEN 250000 ELSE 0 END - (-250000)) ELSE 0 END AS v_m4, CASE WHEN (NOT (c18 IS NULL)) THEN 1 ELSE 0 END AS q_m5, CASE WHEN (NOT (c18 IS NULL)) THEN (250000 - CASE WHEN c18 BETWEEN 0.0 AND 5000.0 THEN CAST(round((c18 - 2500.0) * 100.0) AS BIGINT) WHEN c18 < 0.0 THEN -250000 WHEN c18 > 5000.0 AND NOT isnan(c18) THEN 250000 ELSE 0 END) ELSE 0 END AS v_m5, CASE WHEN (NOT (c19 IS NULL)) THEN 1 ELSE 0 END AS q_m6 FROM (SELECT _u, c9 AS c15, c10 AS c16, c11 AS c17, c12 AS c18, c13 AS c19, c14 AS c20 FROM (SELECT _u, c4 AS c9, (CAST(sum(DISTINCT TRY_CAST(round(c7 * 100.0) AS BIGINT)) AS DOUBLE) / 100.0) AS c10, first((c7 + CAST(0.0 AS DOUBLE)) ORDER BY c8 ASC NULLS LAST, c7 ASC NULLS LAST) AS c11, first((c7 + CAST(0.0 AS DOUBLE)) ORDER BY c8 DESC NULLS FIRST, c7 ASC NULLS LAST) AS c12, first(c6 ORDER BY c7 DESC NULLS LAST, c6 ASC NULLS LAST) FILTER (WHERE ((NOT (c6 IS NULL)) AND (NOT (c7 IS NULL)))) AS c13, first(c6 ORDER BY c7 ASC NULLS LAST, c6 ASC NULLS LAST) FILTER (WHERE ((NOT (c6 IS NULL)) AND (NOT (c7 IS NULL)))) AS c14 FROM (SELECT _u, "visit_id" AS c3, "patient_id" AS c4, "clinic" AS c5, "diagnosis" AS c6, "cost" AS c7, "visited_on" AS c8 FROM "visits") GROUP BY 1, 2)))

-- case: ALL of the unit's rows
SELECT COUNT(*) FROM patients p WHERE 1000 > ALL (SELECT v.cost FROM visits v WHERE v.patient_id = p.patient_id)
-- plan
-- release __r0: one row
--   a0 = count_star() from m0
--   over filter CASE WHEN EXISTS (of the unit's own rows) THEN False WHEN EXISTS (of the unit's own rows) THEN NULL::boolean ELSE True END [protected, one row a unit]
--     table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT * FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") WHERE CASE WHEN EXISTS (SELECT 1 FROM (SELECT * FROM (SELECT _u, c13 AS c15 FROM (SELECT * FROM (SELECT _u, "visit_id" AS c9, "patient_id" AS c10, "clinic" AS c11, "diagnosis" AS c12, "cost" AS c13, "visited_on" AS c14 FROM "visits") WHERE (c10 = c2))) WHERE (CAST(1000 AS BIGINT) <= c15))) THEN FALSE WHEN EXISTS (SELECT 1 FROM (SELECT * FROM (SELECT _u, c13 AS c15 FROM (SELECT * FROM (SELECT _u, "visit_id" AS c9, "patient_id" AS c10, "clinic" AS c11, "diagnosis" AS c12, "cost" AS c13, "visited_on" AS c14 FROM "visits") WHERE (c10 = c2))) WHERE ((CAST(1000 AS BIGINT) <= c15) IS NULL))) THEN TRY_CAST(NULL AS BOOLEAN) ELSE TRUE END))

-- case: EXISTS over a public table
SELECT COUNT(*) FROM patients p WHERE EXISTS (SELECT 1 FROM regions r WHERE r.region = p.region AND r.population > 10)
-- plan
-- release __r0: one row
--   a0 = count_star() from m0
--   over filter EXISTS (public) [protected, one row a unit]
--     table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT * FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") WHERE EXISTS (SELECT 1 FROM (SELECT CAST(1 AS BIGINT) AS c12 FROM (SELECT * FROM (SELECT "region" AS c9, "country" AS c10, "population" AS c11 FROM "regions") WHERE ((c9 = c3) AND (c11 > CAST(10 AS BIGINT))))))))

-- case: a released row in FROM
WITH m AS (SELECT AVG(income) AS a FROM patients) SELECT COUNT(*), SUM(income - m.a) FROM patients, m WHERE income > m.a
-- plan
-- release __r0: one row
--   a0 = avg(income) from m0, m1
--   over table patients [protected, one row a unit]
-- release __r1: one row
--   a0 = count_star() from m1
--   a1 = sum(income - m.a) from m0
--   over filter (income > a) [protected]
--     inner join [protected]
--       table patients [protected, one row a unit]
--       1 constant rows [public]
-- stage: p0 is SELECT "__one"."a" FROM (SELECT "__r0"."a0" AS "a" FROM "__r0") AS "__one"
-- post-processing, free: SELECT "__r1"."a0" AS "count_star()", "__r1"."a1" AS "sum(income - m.a)", "__r1"."__row" AS "__row" FROM "__r1"
-- measure __r0.m0 sum: one row a unit; values within [0, 200000]; L0 1, L1 200000, Linf 200000; grid 1, multiplier 1
-- measure __r0.m1 sum: one row a unit; values within [0, 200000]; L0 1, L1 200000, Linf 200000; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m0), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m1), 0))) AS BIGINT) AS m1 FROM (SELECT _u, CASE WHEN (NOT (c13 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c13 IS NULL)) THEN (CASE WHEN c13 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c13 - 100000.0)) AS BIGINT) WHEN c13 < 0.0 THEN -100000 WHEN c13 > 200000.0 AND NOT isnan(c13) THEN 100000 ELSE 0 END - (-100000)) ELSE 0 END AS v_m0, CASE WHEN (NOT (c13 IS NULL)) THEN 1 ELSE 0 END AS q_m1, CASE WHEN (NOT (c13 IS NULL)) THEN (100000 - CASE WHEN c13 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c13 - 100000.0)) AS BIGINT) WHEN c13 < 0.0 THEN -100000 WHEN c13 > 200000.0 AND NOT isnan(c13) THEN 100000 ELSE 0 END) ELSE 0 END AS v_m1 FROM (SELECT _u, "patient_id" AS c9, "region" AS c10, "age" AS c11, "sex" AS c12, "income" AS c13, "weight" AS c14 FROM "patients"))
-- measure __r1.m0 sum: one group a unit, at most 30 of its rows; values within [-200000, 200000]; L0 1, L1 6000000000, Linf 6000000000; grid 1/1000, multiplier 1
-- measure __r1.m1 count: one group a unit, at most 30 of its rows; L0 1, L1 30, Linf 30; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN v_m0 > 6000000000 THEN 6000000000 WHEN v_m0 < -6000000000 THEN -6000000000 ELSE v_m0 END), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m1 > 30 THEN 30 ELSE q_m1 END), 0))) AS BIGINT) AS m1 FROM (SELECT _u, CAST(sum(q_m0) AS BIGINT) AS q_m0, sum(v_m0) AS v_m0, count(*) AS q_m1 FROM (SELECT _u, CASE WHEN (NOT ((c6 - c15) IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT ((c6 - c15) IS NULL)) THEN CASE WHEN (c6 - c15) BETWEEN -200000.0 AND 200000.0 THEN CAST(round((c6 - c15) * 1000.0) AS BIGINT) WHEN (c6 - c15) < -200000.0 THEN -200000000 WHEN (c6 - c15) > 200000.0 AND NOT isnan((c6 - c15)) THEN 200000000 ELSE 0 END ELSE 0 END AS v_m0, 1 AS q_m1 FROM (SELECT * FROM (SELECT l._u AS _u, c2, c3, c4, c5, c6, c7, c15 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") AS l JOIN (SELECT * FROM (VALUES (:p0)) AS v(c15)) AS r ON TRUE) WHERE (c6 > c15))) WHERE TRUE GROUP BY _u)

-- case: aliases and COLUMNS
SELECT age // 10 * 10 AS decade, COUNT(COLUMNS('^(age|income)$')), COUNT(*) AS n, n * 2 AS twice FROM patients WHERE decade > 10 GROUP BY decade
-- plan
-- release __r0: by age // 10 * 10 (public keys, every key has a row)
--   a0 = count("patients"."age") from m0, m1
--   a1 = count("patients"."income") from m2
--   a2 = count_star() from m0, m1
--   over filter (((age // 10) * 10) > 10) [protected, one row a unit]
--     table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."k0" AS "decade", "__r0"."a0" AS "age", "__r0"."a1" AS "income", "__r0"."a2" AS "n", TRY(("__r0"."a2") * 2) AS "twice", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 sum: one row a unit; values within [0, 1]; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- measure __r0.m1 sum: one row a unit; values within [0, 1]; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- measure __r0.m2 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m0), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m1), 0))) AS BIGINT) AS m1, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m2), 0))) AS BIGINT) AS m2 FROM (SELECT _u, (TRY((c4 // CAST(10 AS BIGINT))) * CAST(10 AS BIGINT)) AS k0, 1 AS q_m0, ((CASE WHEN (NOT (c4 IS NULL)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) - (0)) AS v_m0, 1 AS q_m1, (1 - (CASE WHEN (NOT (c4 IS NULL)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END)) AS v_m1, CASE WHEN (NOT (c6 IS NULL)) THEN 1 ELSE 0 END AS q_m2 FROM (SELECT * FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") WHERE ((TRY((c4 // CAST(10 AS BIGINT))) * CAST(10 AS BIGINT)) > CAST(10 AS BIGINT)))) GROUP BY k0

-- case: stars
SELECT SUM(c) FROM (SELECT * EXCLUDE (diagnosis) REPLACE (cost * 2 AS cost) RENAME (cost AS c) FROM visits)
-- plan
-- release __r0: one row
--   a0 = sum(c) from m0
--   over select visit_id, patient_id, clinic, c, visited_on [protected]
--     table visits [protected]
-- post-processing, free: SELECT "__r0"."a0" AS "sum(c)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 sum: one group a unit, at most 30 of its rows; values within [0, 10000]; L0 1, L1 30000000, Linf 30000000; grid 1/100, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN v_m0 > 30000000 THEN 30000000 WHEN v_m0 < 0 THEN 0 ELSE v_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, CAST(sum(q_m0) AS BIGINT) AS q_m0, sum(v_m0) AS v_m0 FROM (SELECT _u, CASE WHEN (NOT (c12 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c12 IS NULL)) THEN CASE WHEN c12 BETWEEN 0.0 AND 10000.0 THEN CAST(round(c12 * 100.0) AS BIGINT) WHEN c12 < 0.0 THEN 0 WHEN c12 > 10000.0 AND NOT isnan(c12) THEN 1000000 ELSE 0 END ELSE 0 END AS v_m0 FROM (SELECT _u, c3 AS c9, c4 AS c10, c5 AS c11, (c7 * CAST(2 AS BIGINT)) AS c12, c8 AS c13 FROM (SELECT _u, "visit_id" AS c3, "patient_id" AS c4, "clinic" AS c5, "diagnosis" AS c6, "cost" AS c7, "visited_on" AS c8 FROM "visits"))) WHERE TRUE GROUP BY _u)

-- case: a series
SELECT g.lo, COUNT(*) FROM patients p JOIN range(0, 100, 20) g(lo) ON p.age >= g.lo AND p.age < g.lo + 20 GROUP BY g.lo
-- plan
-- release __r0: by lo (public keys, every key has a row)
--   a0 = count_star() from m0
--   over inner join on ((age >= lo) AND (age < (lo + 20))) [protected]
--     table patients [protected, one row a unit]
--     5 constant rows [public]
-- post-processing, free: SELECT "__r0"."k0" AS "lo", "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: weights: a unit's rows add to at most 30; L0 1966080, L1 1966080, Linf 1966080; grid 1, multiplier 65536
-- engine: WITH s AS (SELECT _u, c17 AS k0, 1 AS q_m0 FROM (SELECT l._u AS _u, c2, c3, c4, c5, c6, c7, c17 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") AS l JOIN (SELECT * FROM (VALUES (CAST(0 AS BIGINT)), (CAST(20 AS BIGINT)), (CAST(40 AS BIGINT)), (CAST(60 AS BIGINT)), (CAST(80 AS BIGINT))) AS v(c17)) AS r ON ((c4 >= c17) AND (c4 < (c17 + CAST(20 AS BIGINT)))))) SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 IS NULL THEN q_m0 * 65536 ELSE (q_m0 * 1966080) // n_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT * FROM s) r LEFT JOIN (SELECT _u, count(*) AS n_m0 FROM (SELECT * FROM s) GROUP BY _u HAVING count(*) > 30) t USING (_u) GROUP BY k0

-- case: SEMI JOIN
SELECT COUNT(*) FROM patients p SEMI JOIN visits v ON p.patient_id = v.patient_id AND v.cost > 10
-- plan
-- release __r0: one row
--   a0 = count_star() from m0
--   over semi join on ((patient_id = patient_id) AND (cost > 10)) [protected, one row a unit], same unit on both sides
--     table patients [protected, one row a unit]
--     table visits [protected]
-- post-processing, free: SELECT "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT l._u AS _u, c2, c3, c4, c5, c6, c7 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") AS l SEMI JOIN (SELECT _u, "visit_id" AS c9, "patient_id" AS c10, "clinic" AS c11, "diagnosis" AS c12, "cost" AS c13, "visited_on" AS c14 FROM "visits") AS r ON l._u = r._u AND ((c2 = c10) AND (c13 > CAST(10 AS BIGINT)))))

-- case: ANTI JOIN
SELECT region, COUNT(*) FROM patients ANTI JOIN visits USING (patient_id) GROUP BY region
-- plan
-- release __r0: by region (public keys, every key has a row)
--   a0 = count_star() from m0
--   over anti join on (patient_id = patient_id) [protected, one row a unit], same unit on both sides
--     table patients [protected, one row a unit]
--     table visits [protected]
-- post-processing, free: SELECT "__r0"."k0" AS "region", "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c3 AS k0, 1 AS q_m0 FROM (SELECT l._u AS _u, c2, c3, c4, c5, c6, c7 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") AS l ANTI JOIN (SELECT _u, "visit_id" AS c9, "patient_id" AS c10, "clinic" AS c11, "diagnosis" AS c12, "cost" AS c13, "visited_on" AS c14 FROM "visits") AS r ON l._u = r._u AND (c2 = c10))) GROUP BY k0

-- case: rows looked up among each person's own
SELECT clinic, COUNT(*) FROM visits v WHERE (v.patient_id, v.visited_on) IN (SELECT patient_id, MAX(visited_on) FROM visits GROUP BY patient_id) GROUP BY clinic
-- plan
-- release __r0: by clinic (public keys, every key has a row)
--   a0 = count_star() from m0
--   over filter CASE WHEN EXISTS (of the unit's own rows) THEN True WHEN EXISTS (of the unit's own rows) THEN NULL::boolean ELSE False END [protected]
--     table visits [protected]
-- post-processing, free: SELECT "__r0"."k0" AS "clinic", "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: weights: a unit's rows add to at most 30; L0 1966080, L1 1966080, Linf 1966080; grid 1, multiplier 65536
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 IS NULL THEN q_m0 * 65536 ELSE (q_m0 * 1966080) // n_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c4 AS k0, 1 AS q_m0 FROM (SELECT * FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits") WHERE CASE WHEN EXISTS (SELECT 1 FROM (SELECT * FROM (SELECT _u, c15 AS c17, c16 AS c18 FROM (SELECT _u, c10 AS c15, max(c14) AS c16 FROM (SELECT _u, "visit_id" AS c9, "patient_id" AS c10, "clinic" AS c11, "diagnosis" AS c12, "cost" AS c13, "visited_on" AS c14 FROM "visits") GROUP BY 1, 2)) WHERE ((c3 = c17) AND (c7 = c18)))) THEN TRUE WHEN EXISTS (SELECT 1 FROM (SELECT * FROM (SELECT _u, c15 AS c17, c16 AS c18 FROM (SELECT _u, c10 AS c15, max(c14) AS c16 FROM (SELECT _u, "visit_id" AS c9, "patient_id" AS c10, "clinic" AS c11, "diagnosis" AS c12, "cost" AS c13, "visited_on" AS c14 FROM "visits") GROUP BY 1, 2)) WHERE ((c3 = c17) AND ((c7 = c18) IS NULL)))) THEN TRY_CAST(NULL AS BOOLEAN) ELSE FALSE END)) r LEFT JOIN (SELECT _u, count(*) AS n_m0 FROM (SELECT _u, c4 AS k0, 1 AS q_m0 FROM (SELECT * FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits") WHERE CASE WHEN EXISTS (SELECT 1 FROM (SELECT * FROM (SELECT _u, c15 AS c17, c16 AS c18 FROM (SELECT _u, c10 AS c15, max(c14) AS c16 FROM (SELECT _u, "visit_id" AS c9, "patient_id" AS c10, "clinic" AS c11, "diagnosis" AS c12, "cost" AS c13, "visited_on" AS c14 FROM "visits") GROUP BY 1, 2)) WHERE ((c3 = c17) AND (c7 = c18)))) THEN TRUE WHEN EXISTS (SELECT 1 FROM (SELECT * FROM (SELECT _u, c15 AS c17, c16 AS c18 FROM (SELECT _u, c10 AS c15, max(c14) AS c16 FROM (SELECT _u, "visit_id" AS c9, "patient_id" AS c10, "clinic" AS c11, "diagnosis" AS c12, "cost" AS c13, "visited_on" AS c14 FROM "visits") GROUP BY 1, 2)) WHERE ((c3 = c17) AND ((c7 = c18) IS NULL)))) THEN TRY_CAST(NULL AS BOOLEAN) ELSE FALSE END)) GROUP BY _u HAVING count(*) > 30) t USING (_u) GROUP BY k0

-- case: rows looked up among public ones
SELECT COUNT(*) FROM patients p WHERE (p.region, 'Norland') IN (SELECT region, country FROM regions)
-- plan
-- release __r0: one row
--   a0 = count_star() from m0
--   over filter CASE WHEN EXISTS (public) THEN True WHEN EXISTS (public) THEN NULL::boolean ELSE False END [protected, one row a unit]
--     table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT * FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") WHERE CASE WHEN EXISTS (SELECT 1 FROM (SELECT * FROM (SELECT c9 AS c12, c10 AS c13 FROM (SELECT "region" AS c9, "country" AS c10, "population" AS c11 FROM "regions")) WHERE (('Norland' = c13) AND (c3 = c12)))) THEN TRUE WHEN EXISTS (SELECT 1 FROM (SELECT * FROM (SELECT c9 AS c12, c10 AS c13 FROM (SELECT "region" AS c9, "country" AS c10, "population" AS c11 FROM "regions")) WHERE (('Norland' = c13) AND ((c3 = c12) IS NULL)))) THEN TRY_CAST(NULL AS BOOLEAN) ELSE FALSE END))

-- case: union by name
SELECT clinic, COUNT(*) FROM (SELECT patient_id, clinic FROM visits WHERE cost > 10 UNION ALL BY NAME SELECT diagnosis, patient_id FROM visits) t GROUP BY clinic
-- plan
-- release __r0: by clinic (public keys, every key has a row)
--   a0 = count_star() from m0
--   over union all [protected]
--     select patient_id, clinic, diagnosis [protected]
--       select patient_id, clinic [protected]
--         filter (cost > 10) [protected]
--           table visits [protected]
--     select patient_id, clinic, diagnosis [protected]
--       select diagnosis, patient_id [protected]
--         table visits [protected]
-- post-processing, free: SELECT "__r0"."k0" AS "clinic", "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: weights: a unit's rows add to at most 30; L0 1966080, L1 1966080, Linf 1966080; grid 1, multiplier 65536
-- engine: WITH s AS (SELECT _u, c26 AS k0, 1 AS q_m0 FROM (SELECT _u, c19 AS c25, c20 AS c26, TRY_CAST(c21 AS VARCHAR) AS c27 FROM (SELECT _u, c8 AS c19, c9 AS c20, NULL AS c21 FROM (SELECT _u, c3 AS c8, c4 AS c9 FROM (SELECT * FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits") WHERE (c6 > CAST(10 AS BIGINT))))) UNION ALL SELECT _u, c22 AS c25, TRY_CAST(c23 AS VARCHAR) AS c26, c24 AS c27 FROM (SELECT _u, c18 AS c22, NULL AS c23, c17 AS c24 FROM (SELECT _u, c14 AS c17, c12 AS c18 FROM (SELECT _u, "visit_id" AS c11, "patient_id" AS c12, "clinic" AS c13, "diagnosis" AS c14, "cost" AS c15, "visited_on" AS c16 FROM "visits"))))) SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 IS NULL THEN q_m0 * 65536 ELSE (q_m0 * 1966080) // n_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT * FROM s) r LEFT JOIN (SELECT _u, count(*) AS n_m0 FROM (SELECT * FROM s) GROUP BY _u HAVING count(*) > 30) t USING (_u) GROUP BY k0

-- case: a calendar
SELECT c.m, COUNT(v.visit_id) AS n FROM generate_series(DATE '2024-01-01', DATE '2024-03-01', INTERVAL 1 MONTH) AS c(m) LEFT JOIN visits v ON date_trunc('month', v.visited_on) = c.m GROUP BY c.m
-- plan
-- release __r0: by m (public keys, every key has a row)
--   a0 = count(v.visit_id) from m0
--   over inner join on (trunc_month(visited_on) = m) [protected]
--     3 constant rows [public]
--     table visits [protected]
-- post-processing, free: SELECT "__r0"."k0" AS "m", "__r0"."a0" AS "n", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: weights: a unit's rows add to at most 30; L0 1966080, L1 1966080, Linf 1966080; grid 1, multiplier 65536
-- engine: WITH s AS (SELECT _u, c13 AS k0, CASE WHEN (NOT (c5 IS NULL)) THEN 1 ELSE 0 END AS q_m0 FROM (SELECT r._u AS _u, c13, c5, c6, c7, c8, c9, c10 FROM (SELECT * FROM (VALUES (TIMESTAMP '2024-01-01 00:00:00'), (TIMESTAMP '2024-02-01 00:00:00'), (TIMESTAMP '2024-03-01 00:00:00')) AS v(c13)) AS l JOIN (SELECT _u, "visit_id" AS c5, "patient_id" AS c6, "clinic" AS c7, "diagnosis" AS c8, "cost" AS c9, "visited_on" AS c10 FROM "visits") AS r ON (TRY(date_trunc('month', c10)) = c13))) SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 IS NULL THEN q_m0 * 65536 ELSE (q_m0 * 1966080) // n_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT * FROM s) r LEFT JOIN (SELECT _u, CAST(sum(q_m0) AS BIGINT) AS n_m0 FROM (SELECT * FROM s) GROUP BY _u HAVING CAST(sum(q_m0) AS BIGINT) > 30) t USING (_u) GROUP BY k0

-- case: a calendar of weeks, its end left out
SELECT c.d, COUNT(*) FROM range(DATE '2024-01-01', DATE '2024-01-15', '1 week'::interval) AS c(d) JOIN visits v ON v.visited_on >= c.d AND v.visited_on < c.d + INTERVAL 7 DAY GROUP BY c.d
-- plan
-- release __r0: by d (public keys, every key has a row)
--   a0 = count_star() from m0
--   over inner join on ((visited_on::timestamp >= d) AND (visited_on::timestamp < plus_interval(d, INTERVAL 7 day))) [protected]
--     2 constant rows [public]
--     table visits [protected]
-- post-processing, free: SELECT "__r0"."k0" AS "d", "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: weights: a unit's rows add to at most 30; L0 1966080, L1 1966080, Linf 1966080; grid 1, multiplier 65536
-- engine: WITH s AS (SELECT _u, c11 AS k0, 1 AS q_m0 FROM (SELECT r._u AS _u, c11, c4, c5, c6, c7, c8, c9 FROM (SELECT * FROM (VALUES (TIMESTAMP '2024-01-01 00:00:00'), (TIMESTAMP '2024-01-08 00:00:00')) AS v(c11)) AS l JOIN (SELECT _u, "visit_id" AS c4, "patient_id" AS c5, "clinic" AS c6, "diagnosis" AS c7, "cost" AS c8, "visited_on" AS c9 FROM "visits") AS r ON ((CASE WHEN TRY_CAST(c9 AS TIMESTAMP) BETWEEN TIMESTAMP '0002-01-01' AND TIMESTAMP '9999-12-31' THEN TRY_CAST(c9 AS TIMESTAMP) END >= c11) AND (CASE WHEN TRY_CAST(c9 AS TIMESTAMP) BETWEEN TIMESTAMP '0002-01-01' AND TIMESTAMP '9999-12-31' THEN TRY_CAST(c9 AS TIMESTAMP) END < CASE WHEN TRY(c11 + INTERVAL '7' day) BETWEEN TIMESTAMP '0002-01-01' AND TIMESTAMP '9999-12-31' THEN TRY(c11 + INTERVAL '7' day) END)))) SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 IS NULL THEN q_m0 * 65536 ELSE (q_m0 * 1966080) // n_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT * FROM s) r LEFT JOIN (SELECT _u, count(*) AS n_m0 FROM (SELECT * FROM s) GROUP BY _u HAVING count(*) > 30) t USING (_u) GROUP BY k0

-- case: a public value by its key
SELECT (SELECT country FROM regions r WHERE r.region = p.region) AS country, COUNT(*) FROM patients p GROUP BY 1
-- plan
-- release __r0: by (SELECT country FROM regions AS r WHERE r.region = p.region) (public keys, every key has a row)
--   a0 = count_star() from m0
--   over select patient_id, region, age, sex, income, weight, subquery, subquery [protected, one row a unit]
--     select patient_id, region, age, sex, income, weight, subquery [protected, one row a unit]
--       table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."k0" AS "country", "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c31 AS k0, 1 AS q_m0 FROM (SELECT _u, c2 AS c2, c3 AS c3, c4 AS c4, c5 AS c5, c6 AS c6, c7 AS c7, c19 AS c19, (SELECT c30 FROM (SELECT c29 AS c30 FROM (SELECT max(c27) AS c29 FROM (SELECT * FROM (SELECT "region" AS c26, "country" AS c27, "population" AS c28 FROM "regions") WHERE (c26 = c3))))) AS c31 FROM (SELECT _u, c2 AS c2, c3 AS c3, c4 AS c4, c5 AS c5, c6 AS c6, c7 AS c7, (SELECT c18 FROM (SELECT c17 AS c18 FROM (SELECT max(c15) AS c17 FROM (SELECT * FROM (SELECT "region" AS c14, "country" AS c15, "population" AS c16 FROM "regions") WHERE (c14 = c3))))) AS c19 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")))) GROUP BY k0

-- case: a spine of months
WITH spine AS (SELECT UNNEST(generate_series(DATE '2024-01-01', DATE '2024-03-01', INTERVAL 1 MONTH)) AS m) SELECT s.m, COUNT(v.visit_id) AS n FROM spine s LEFT JOIN visits v ON date_trunc('month', v.visited_on) = s.m GROUP BY s.m
-- plan
-- release __r0: by m (public keys, every key has a row)
--   a0 = count(v.visit_id) from m0
--   over inner join on (trunc_month(visited_on) = m) [protected]
--     select m [public]
--       3 constant rows [public]
--     table visits [protected]
-- post-processing, free: SELECT "__r0"."k0" AS "m", "__r0"."a0" AS "n", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: weights: a unit's rows add to at most 30; L0 1966080, L1 1966080, Linf 1966080; grid 1, multiplier 65536
-- engine: WITH s AS (SELECT _u, c14 AS k0, CASE WHEN (NOT (c5 IS NULL)) THEN 1 ELSE 0 END AS q_m0 FROM (SELECT r._u AS _u, c14, c5, c6, c7, c8, c9, c10 FROM (SELECT c13 AS c14 FROM (SELECT * FROM (VALUES (TIMESTAMP '2024-01-01 00:00:00'), (TIMESTAMP '2024-02-01 00:00:00'), (TIMESTAMP '2024-03-01 00:00:00')) AS v(c13))) AS l JOIN (SELECT _u, "visit_id" AS c5, "patient_id" AS c6, "clinic" AS c7, "diagnosis" AS c8, "cost" AS c9, "visited_on" AS c10 FROM "visits") AS r ON (TRY(date_trunc('month', c10)) = c14))) SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 IS NULL THEN q_m0 * 65536 ELSE (q_m0 * 1966080) // n_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT * FROM s) r LEFT JOIN (SELECT _u, CAST(sum(q_m0) AS BIGINT) AS n_m0 FROM (SELECT * FROM s) GROUP BY _u HAVING CAST(sum(q_m0) AS BIGINT) > 30) t USING (_u) GROUP BY k0

-- case: PIVOT as a statement over a WITH of its own
WITH visits AS (SELECT patient_id, clinic, cost FROM visits WHERE cost > 100) PIVOT visits ON clinic IN ('Central', 'Harbour') USING COUNT(*) GROUP BY cost > 50
-- plan
-- release __r0: by cost > 50 (public keys, every key has a row)
--   a0 = count(*) FILTER(WHERE clinic = 'Central') from m0
--   a1 = count(*) FILTER(WHERE clinic = 'Harbour') from m1
--   over select patient_id, clinic, cost [protected]
--     filter (cost > 100) [protected]
--       table visits [protected]
-- post-processing, free: SELECT "__r0"."k0" AS "cost > 50", "__r0"."a0" AS "Central", "__r0"."a1" AS "Harbour", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: weights: a unit's rows add to at most 30; L0 1966080, L1 1966080, Linf 1966080; grid 1, multiplier 65536
-- measure __r0.m1 count: weights: a unit's rows add to at most 30; L0 1966080, L1 1966080, Linf 1966080; grid 1, multiplier 65536
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 IS NULL OR n_m0 <= 30 THEN q_m0 * 65536 ELSE (q_m0 * 1966080) // n_m0 END), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m1 IS NULL OR n_m1 <= 30 THEN q_m1 * 65536 ELSE (q_m1 * 1966080) // n_m1 END), 0))) AS BIGINT) AS m1 FROM (SELECT _u, (c10 > CAST(50 AS BIGINT)) AS k0, CASE WHEN (c9 = 'Central') THEN 1 ELSE 0 END AS q_m0, CASE WHEN (c9 = 'Harbour') THEN 1 ELSE 0 END AS q_m1 FROM (SELECT _u, c3 AS c8, c4 AS c9, c6 AS c10 FROM (SELECT * FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits") WHERE (c6 > CAST(100 AS BIGINT))))) r LEFT JOIN (SELECT _u, CAST(sum(q_m0) AS BIGINT) AS n_m0, CAST(sum(q_m1) AS BIGINT) AS n_m1 FROM (SELECT _u, (c10 > CAST(50 AS BIGINT)) AS k0, CASE WHEN (c9 = 'Central') THEN 1 ELSE 0 END AS q_m0, CASE WHEN (c9 = 'Harbour') THEN 1 ELSE 0 END AS q_m1 FROM (SELECT _u, c3 AS c8, c4 AS c9, c6 AS c10 FROM (SELECT * FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits") WHERE (c6 > CAST(100 AS BIGINT))))) GROUP BY _u HAVING CAST(sum(q_m0) AS BIGINT) > 30 OR CAST(sum(q_m1) AS BIGINT) > 30) t USING (_u) GROUP BY k0

-- case: bands by SELECT without FROM
SELECT lo, COUNT(*) FROM patients JOIN (SELECT 0 AS lo, 18 AS hi UNION ALL SELECT 18, 65 UNION ALL SELECT 65, 120) b ON age >= lo AND age < hi GROUP BY lo
-- plan
-- release __r0: by lo (public keys, every key has a row)
--   a0 = count_star() from m0
--   over inner join on ((age >= lo) AND (age < hi)) [protected]
--     table patients [protected, one row a unit]
--     union all [public]
--       union all [public]
--         select lo, hi [public]
--           1 constant rows [public]
--         select 18, 65 [public]
--           1 constant rows [public]
--       select 65, 120 [public]
--         1 constant rows [public]
-- post-processing, free: SELECT "__r0"."k0" AS "lo", "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: weights: a unit's rows add to at most 30; L0 1966080, L1 1966080, Linf 1966080; grid 1, multiplier 65536
-- engine: WITH s AS (SELECT _u, c19 AS k0, 1 AS q_m0 FROM (SELECT l._u AS _u, c2, c3, c4, c5, c6, c7, c19, c20 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") AS l JOIN (SELECT c14 AS c19, c15 AS c20 FROM (SELECT c9 AS c14, c10 AS c15 FROM (SELECT CAST(0 AS BIGINT) AS c9, CAST(18 AS BIGINT) AS c10 FROM (SELECT * FROM (VALUES (CAST(1 AS BIGINT))) AS v(c8))) UNION ALL SELECT c12 AS c14, c13 AS c15 FROM (SELECT CAST(18 AS BIGINT) AS c12, CAST(65 AS BIGINT) AS c13 FROM (SELECT * FROM (VALUES (CAST(1 AS BIGINT))) AS v(c11)))) UNION ALL SELECT c17 AS c19, c18 AS c20 FROM (SELECT CAST(65 AS BIGINT) AS c17, CAST(120 AS BIGINT) AS c18 FROM (SELECT * FROM (VALUES (CAST(1 AS BIGINT))) AS v(c16)))) AS r ON ((c4 >= c19) AND (c4 < c20)))) SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 IS NULL THEN q_m0 * 65536 ELSE (q_m0 * 1966080) // n_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT * FROM s) r LEFT JOIN (SELECT _u, count(*) AS n_m0 FROM (SELECT * FROM s) GROUP BY _u HAVING count(*) > 30) t USING (_u) GROUP BY k0

-- case: LATERAL of a constant
SELECT COUNT(*) FROM patients p, LATERAL (SELECT 1) x
-- plan
-- release __r0: one row
--   a0 = count_star() from m0
--   over select patient_id, region, age, sex, income, weight, 1 [protected, one row a unit]
--     table patients [protected, one row a unit]
-- post-processing, free: SELECT "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT _u, c2 AS c2, c3 AS c3, c4 AS c4, c5 AS c5, c6 AS c6, c7 AS c7, (SELECT c9 FROM (SELECT CAST(1 AS BIGINT) AS c9 FROM (SELECT * FROM (VALUES (CAST(1 AS BIGINT))) AS v(c8)))) AS c10 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients")))

-- case: columns as rows by LATERAL (VALUES)
SELECT v.name, AVG(v.val) FROM patients p CROSS JOIN LATERAL (VALUES ('age', p.age), ('income', p.income)) AS v(name, val) GROUP BY v.name
-- plan
-- release __r0: by name (public keys, every key has a row)
--   a0 = avg(v.val) from m0, m1
--   over select patient_id, region, age, sex, income, weight, place, name, val [protected]
--     inner join [protected]
--       table patients [protected, one row a unit]
--       2 constant rows [public]
-- post-processing, free: SELECT "__r0"."k0" AS "name", "__r0"."a0" AS "avg(v.val)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 sum: weights: a unit's rows add to at most 2; values within [0, 200000]; L0 400000, L1 400000, Linf 400000; grid 1, multiplier 1
-- measure __r0.m1 sum: weights: a unit's rows add to at most 2; values within [0, 200000]; L0 400000, L1 400000, Linf 400000; grid 1, multiplier 1
-- engine: WITH s AS (SELECT _u, c9 AS k0, CASE WHEN (NOT (c10 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c10 IS NULL)) THEN (CASE WHEN c10 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c10 - 100000.0)) AS BIGINT) WHEN c10 < 0.0 THEN -100000 WHEN c10 > 200000.0 AND NOT isnan(c10) THEN 100000 ELSE 0 END - (-100000)) ELSE 0 END AS v_m0, CASE WHEN (NOT (c10 IS NULL)) THEN 1 ELSE 0 END AS q_m1, CASE WHEN (NOT (c10 IS NULL)) THEN (100000 - CASE WHEN c10 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c10 - 100000.0)) AS BIGINT) WHEN c10 < 0.0 THEN -100000 WHEN c10 > 200000.0 AND NOT isnan(c10) THEN 100000 ELSE 0 END) ELSE 0 END AS v_m1 FROM (SELECT _u, c2 AS c2, c3 AS c3, c4 AS c4, c5 AS c5, c6 AS c6, c7 AS c7, c8 AS c8, CASE WHEN (c8 = CAST(1 AS BIGINT)) THEN 'age' ELSE 'income' END AS c9, CASE WHEN (c8 = CAST(1 AS BIGINT)) THEN c4 ELSE c6 END AS c10 FROM (SELECT l._u AS _u, c2, c3, c4, c5, c6, c7, c8 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") AS l JOIN (SELECT * FROM (VALUES (CAST(1 AS BIGINT)), (CAST(2 AS BIGINT))) AS v(c8)) AS r ON TRUE))) SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 IS NULL THEN v_m0 * 1 ELSE (v_m0 * 2) // n_m0 END), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 IS NULL THEN v_m1 * 1 ELSE (v_m1 * 2) // n_m0 END), 0))) AS BIGINT) AS m1 FROM (SELECT * FROM s) r LEFT JOIN (SELECT _u, CAST(sum(q_m0) AS BIGINT) AS n_m0 FROM (SELECT * FROM s) GROUP BY _u HAVING CAST(sum(q_m0) AS BIGINT) > 2) t USING (_u) GROUP BY k0

-- case: columns as rows by UNNEST in FROM
SELECT COUNT(x) FROM patients p, UNNEST([p.age, p.income]) AS t(x)
-- plan
-- release __r0: one row
--   a0 = count(x) from m0
--   over select patient_id, region, age, sex, income, weight, place, x [protected]
--     inner join [protected]
--       table patients [protected, one row a unit]
--       2 constant rows [public]
-- post-processing, free: SELECT "__r0"."a0" AS "count(x)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one group a unit, at most 2 of its rows; L0 1, L1 2, Linf 2; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 2 THEN 2 ELSE q_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, CAST(sum(q_m0) AS BIGINT) AS q_m0 FROM (SELECT _u, CASE WHEN (NOT (c9 IS NULL)) THEN 1 ELSE 0 END AS q_m0 FROM (SELECT _u, c2 AS c2, c3 AS c3, c4 AS c4, c5 AS c5, c6 AS c6, c7 AS c7, c8 AS c8, CASE WHEN (c8 = CAST(1 AS BIGINT)) THEN c4 ELSE c6 END AS c9 FROM (SELECT l._u AS _u, c2, c3, c4, c5, c6, c7, c8 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") AS l JOIN (SELECT * FROM (VALUES (CAST(1 AS BIGINT)), (CAST(2 AS BIGINT))) AS v(c8)) AS r ON TRUE))) WHERE TRUE GROUP BY _u)

-- case: columns as rows by UNNEST in SELECT
SELECT k, COUNT(*) FROM (SELECT patient_id, UNNEST([region, sex]) AS k FROM patients) t GROUP BY k
-- plan
-- release __r0: by k (public keys, every key has a row)
--   a0 = count_star() from m0
--   over select patient_id, k [protected]
--     select patient_id, region, age, sex, income, weight, place, k [protected]
--       inner join [protected]
--         table patients [protected, one row a unit]
--         2 constant rows [public]
-- post-processing, free: SELECT "__r0"."k0" AS "k", "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: weights: a unit's rows add to at most 2; L0 131072, L1 131072, Linf 131072; grid 1, multiplier 65536
-- engine: WITH s AS (SELECT _u, c12 AS k0, 1 AS q_m0 FROM (SELECT _u, c2 AS c11, c10 AS c12 FROM (SELECT _u, c2 AS c2, c3 AS c3, c4 AS c4, c5 AS c5, c6 AS c6, c7 AS c7, c9 AS c9, CASE WHEN (c9 = CAST(1 AS BIGINT)) THEN c3 ELSE c5 END AS c10 FROM (SELECT l._u AS _u, c2, c3, c4, c5, c6, c7, c9 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") AS l JOIN (SELECT * FROM (VALUES (CAST(1 AS BIGINT)), (CAST(2 AS BIGINT))) AS v(c9)) AS r ON TRUE)))) SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 IS NULL THEN q_m0 * 65536 ELSE (q_m0 * 131072) // n_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT * FROM s) r LEFT JOIN (SELECT _u, count(*) AS n_m0 FROM (SELECT * FROM s) GROUP BY _u HAVING count(*) > 2) t USING (_u) GROUP BY k0

-- case: the latest day of the data
SELECT COUNT(*) FROM visits WHERE visited_on >= (SELECT MAX(visited_on) FROM visits) - INTERVAL 30 DAY
-- plan
-- release __r0: one row
--   a0 = max((visited_on - CAST('1970-01-01' AS DATE))) from m0
--   over table visits [protected]
-- release __r1: one row
--   a0 = count_star() from m0
--   over filter (visited_on::timestamp >= minus_interval((released number p0), INTERVAL 30 day)) [protected]
--     table visits [protected]
-- stage: p0 is SELECT (TRY(CAST('1970-01-01' AS DATE) + TRY_CAST(ROUND("__r0"."a0") AS INT))) AS "max(visited_on)" FROM "__r0"
-- post-processing, free: SELECT "__r1"."a0" AS "count_star()", "__r1"."__row" AS "__row" FROM "__r1"
-- measure __r0.m0 histogram: weights: a unit's rows add to at most 30; L0 1966080, L1 1966080, Linf 1966080; grid 12, multiplier 65536
-- engine: WITH s AS (SELECT * FROM (SELECT _u, CASE WHEN (NOT ((c21 - DATE '1970-01-01') IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (c21 - DATE '1970-01-01') IS NULL THEN NULL WHEN (c21 - DATE '1970-01-01') <= 19358.0 THEN 0 WHEN (c21 - DATE '1970-01-01') >= 20088.0 THEN 61 ELSE CAST(round(((c21 - DATE '1970-01-01') - 19358.0) / 12.0) AS BIGINT) END AS bin FROM (SELECT _u, "visit_id" AS c16, "patient_id" AS c17, "clinic" AS c18, "diagnosis" AS c19, "cost" AS c20, "visited_on" AS c21 FROM "visits")) WHERE q_m0 = 1 AND bin IS NOT NULL), t AS (SELECT _u, count(*) AS n FROM s GROUP BY _u) SELECT bin, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n <= 30 THEN 1 * 65536 ELSE (1 * 1966080) // n END), 0))) AS BIGINT) AS m0 FROM s JOIN t USING (_u) GROUP BY bin
-- measure __r1.m0 count: one group a unit, at most 30 of its rows; L0 1, L1 30, Linf 30; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 30 THEN 30 ELSE q_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, count(*) AS q_m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT * FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits") WHERE (CASE WHEN TRY_CAST(c7 AS TIMESTAMP) BETWEEN TIMESTAMP '0002-01-01' AND TIMESTAMP '9999-12-31' THEN TRY_CAST(c7 AS TIMESTAMP) END >= CASE WHEN TRY(:p0 - INTERVAL '30' day) BETWEEN TIMESTAMP '0002-01-01' AND TIMESTAMP '9999-12-31' THEN TRY(:p0 - INTERVAL '30' day) END))) WHERE TRUE GROUP BY _u)

-- case: keys of an earlier stage
SELECT clinic, COUNT(*) FROM visits WHERE clinic IN (SELECT clinic FROM visits GROUP BY clinic ORDER BY COUNT(*) DESC LIMIT 2) GROUP BY clinic
-- plan
-- release __r0: by clinic (public keys, every key has a row)
--   a0 = count_star() from m0
--   over table visits [protected]
-- release __r1: by clinic (public keys, every key has a row)
--   a0 = count_star() from m0
--   over filter clinic IN (subquery) [protected]
--     table visits [protected]
-- stage: p0 is SELECT "__r0"."k0" AS "clinic" FROM "__r0" ORDER BY "__r0"."a0" DESC LIMIT 2
-- post-processing, free: SELECT "__r1"."k0" AS "clinic", "__r1"."a0" AS "count_star()", "__r1"."__row" AS "__row" FROM "__r1"
-- measure __r0.m0 count: weights: a unit's rows add to at most 30; L0 1966080, L1 1966080, Linf 1966080; grid 1, multiplier 65536
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 IS NULL THEN q_m0 * 65536 ELSE (q_m0 * 1966080) // n_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c18 AS k0, 1 AS q_m0 FROM (SELECT _u, "visit_id" AS c16, "patient_id" AS c17, "clinic" AS c18, "diagnosis" AS c19, "cost" AS c20, "visited_on" AS c21 FROM "visits")) r LEFT JOIN (SELECT _u, count(*) AS n_m0 FROM (SELECT _u, c18 AS k0, 1 AS q_m0 FROM (SELECT _u, "visit_id" AS c16, "patient_id" AS c17, "clinic" AS c18, "diagnosis" AS c19, "cost" AS c20, "visited_on" AS c21 FROM "visits")) GROUP BY _u HAVING count(*) > 30) t USING (_u) GROUP BY k0
-- measure __r1.m0 count: weights: a unit's rows add to at most 30; L0 1966080, L1 1966080, Linf 1966080; grid 1, multiplier 65536
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 IS NULL THEN q_m0 * 65536 ELSE (q_m0 * 1966080) // n_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c4 AS k0, 1 AS q_m0 FROM (SELECT * FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits") WHERE (c4 IN (SELECT c22 FROM (SELECT c22 FROM (VALUES :p0) AS v(there, c22) WHERE there))))) r LEFT JOIN (SELECT _u, count(*) AS n_m0 FROM (SELECT _u, c4 AS k0, 1 AS q_m0 FROM (SELECT * FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits") WHERE (c4 IN (SELECT c22 FROM (SELECT c22 FROM (VALUES :p0) AS v(there, c22) WHERE there))))) GROUP BY _u HAVING count(*) > 30) t USING (_u) GROUP BY k0

-- case: averages of an earlier stage
SELECT p.region, COUNT(*) AS n FROM patients p JOIN (SELECT region, AVG(income) AS a FROM patients GROUP BY region) t ON t.region = p.region WHERE p.income > t.a GROUP BY p.region
-- plan
-- release __r0: by region (public keys, every key has a row)
--   a0 = avg(income) from m0, m1
--   over table patients [protected, one row a unit]
-- release __r1: by region (public keys, every key has a row)
--   a0 = count_star() from m0
--   over filter (income > a) [protected, one row a unit]
--     inner join on (region = region) [protected, one row a unit]
--       table patients [protected, one row a unit]
--       rows of the stage p0 [public]
-- stage: p0 is SELECT "__r0"."k0" AS "region", "__r0"."a0" AS "a" FROM "__r0"
-- post-processing, free: SELECT "__r1"."k0" AS "region", "__r1"."a0" AS "n", "__r1"."__row" AS "__row" FROM "__r1"
-- measure __r0.m0 sum: one row a unit; values within [0, 200000]; L0 1, L1 200000, Linf 200000; grid 1, multiplier 1
-- measure __r0.m1 sum: one row a unit; values within [0, 200000]; L0 1, L1 200000, Linf 200000; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m0), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m1), 0))) AS BIGINT) AS m1 FROM (SELECT _u, c10 AS k0, CASE WHEN (NOT (c13 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c13 IS NULL)) THEN (CASE WHEN c13 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c13 - 100000.0)) AS BIGINT) WHEN c13 < 0.0 THEN -100000 WHEN c13 > 200000.0 AND NOT isnan(c13) THEN 100000 ELSE 0 END - (-100000)) ELSE 0 END AS v_m0, CASE WHEN (NOT (c13 IS NULL)) THEN 1 ELSE 0 END AS q_m1, CASE WHEN (NOT (c13 IS NULL)) THEN (100000 - CASE WHEN c13 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c13 - 100000.0)) AS BIGINT) WHEN c13 < 0.0 THEN -100000 WHEN c13 > 200000.0 AND NOT isnan(c13) THEN 100000 ELSE 0 END) ELSE 0 END AS v_m1 FROM (SELECT _u, "patient_id" AS c9, "region" AS c10, "age" AS c11, "sex" AS c12, "income" AS c13, "weight" AS c14 FROM "patients")) GROUP BY k0
-- measure __r1.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c3 AS k0, 1 AS q_m0 FROM (SELECT * FROM (SELECT l._u AS _u, c2, c3, c4, c5, c6, c7, c15, c16 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") AS l JOIN (SELECT c15, c16 FROM (VALUES :p0) AS v(there, c15, c16) WHERE there) AS r ON (c15 = c3)) WHERE (c6 > c16))) GROUP BY k0

-- case: one key of an earlier stage
SELECT COUNT(*) FROM visits WHERE clinic = (SELECT clinic FROM visits GROUP BY clinic ORDER BY COUNT(*) DESC LIMIT 1)
-- plan
-- release __r0: by clinic (public keys, every key has a row)
--   a0 = count_star() from m0
--   over table visits [protected]
-- release __r1: one row
--   a0 = count_star() from m0
--   over filter (clinic = (released number p0)) [protected]
--     table visits [protected]
-- stage: p0 is SELECT "__r0"."k0" AS "clinic" FROM "__r0" ORDER BY "__r0"."a0" DESC LIMIT 1
-- post-processing, free: SELECT "__r1"."a0" AS "count_star()", "__r1"."__row" AS "__row" FROM "__r1"
-- measure __r0.m0 count: weights: a unit's rows add to at most 30; L0 1966080, L1 1966080, Linf 1966080; grid 1, multiplier 65536
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 IS NULL THEN q_m0 * 65536 ELSE (q_m0 * 1966080) // n_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c18 AS k0, 1 AS q_m0 FROM (SELECT _u, "visit_id" AS c16, "patient_id" AS c17, "clinic" AS c18, "diagnosis" AS c19, "cost" AS c20, "visited_on" AS c21 FROM "visits")) r LEFT JOIN (SELECT _u, count(*) AS n_m0 FROM (SELECT _u, c18 AS k0, 1 AS q_m0 FROM (SELECT _u, "visit_id" AS c16, "patient_id" AS c17, "clinic" AS c18, "diagnosis" AS c19, "cost" AS c20, "visited_on" AS c21 FROM "visits")) GROUP BY _u HAVING count(*) > 30) t USING (_u) GROUP BY k0
-- measure __r1.m0 count: one group a unit, at most 30 of its rows; L0 1, L1 30, Linf 30; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 30 THEN 30 ELSE q_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, count(*) AS q_m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT * FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits") WHERE (c4 = :p0))) WHERE TRUE GROUP BY _u)

-- case: the same stage in two places
SELECT CASE WHEN diagnosis IN (SELECT diagnosis FROM visits GROUP BY 1 ORDER BY COUNT(*) DESC LIMIT 3) THEN diagnosis ELSE 'other' END AS d, COUNT(*) FROM visits GROUP BY 1
-- plan
-- release __r0: by diagnosis (unknown keys, each passes a noisy threshold)
--   a0 = count_star() from m0
--   over table visits [protected]
-- release __r1: by CASE WHEN diagnosis IN (SELECT diagnosis FROM visits GROUP BY 1 ORDER BY count(*) DESC LIMIT 3) THEN diagnosis ELSE 'oth (unknown keys, each passes a noisy threshold)
--   a0 = count_star() from m0
--   over table visits [protected]
-- stage: p0 is SELECT "__r0"."k0" AS "diagnosis" FROM "__r0" ORDER BY "__r0"."a0" DESC LIMIT 3
-- post-processing, free: SELECT "__r1"."k0" AS "d", "__r1"."a0" AS "count_star()", "__r1"."__row" AS "__row" FROM "__r1"
-- measure __r0.m0 count: weights: a unit's rows add to at most 30; L0 1966080, L1 1966080, Linf 1966080; grid 1, multiplier 65536
-- measure __r0.m1 units: at most 10 groups a unit, 1 of its rows in each; L0 10, L1 10, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 IS NULL THEN q_m0 * 65536 ELSE (q_m0 * 1966080) // n_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c19 AS k0, 1 AS q_m0 FROM (SELECT _u, "visit_id" AS c16, "patient_id" AS c17, "clinic" AS c18, "diagnosis" AS c19, "cost" AS c20, "visited_on" AS c21 FROM "visits")) r LEFT JOIN (SELECT _u, count(*) AS n_m0 FROM (SELECT _u, c19 AS k0, 1 AS q_m0 FROM (SELECT _u, "visit_id" AS c16, "patient_id" AS c17, "clinic" AS c18, "diagnosis" AS c19, "cost" AS c20, "visited_on" AS c21 FROM "visits")) GROUP BY _u HAVING count(*) > 30) t USING (_u) GROUP BY k0
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m1 > 0 THEN 1 ELSE 0 END), 0))) AS BIGINT) AS m1 FROM (WITH p AS (SELECT _u, k0, count(*) AS q_m1 FROM (SELECT _u, c19 AS k0, 1 AS q_m1 FROM (SELECT _u, "visit_id" AS c16, "patient_id" AS c17, "clinic" AS c18, "diagnosis" AS c19, "cost" AS c20, "visited_on" AS c21 FROM "visits")) WHERE TRUE GROUP BY _u, k0), many AS (SELECT _u FROM p GROUP BY _u HAVING count(*) > 10), kept AS (SELECT * FROM p ANTI JOIN many USING (_u) UNION ALL SELECT * EXCLUDE (rk) FROM (SELECT *, row_number() OVER (PARTITION BY _u ORDER BY md5(concat_ws('|', 'tacit/v1', CAST(_u AS VARCHAR), coalesce(CAST(k0 AS VARCHAR), chr(1)))), k0) AS rk FROM p SEMI JOIN many USING (_u)) WHERE rk <= 10) SELECT * FROM kept) GROUP BY k0
-- measure __r1.m0 count: weights: a unit's rows add to at most 30; L0 1966080, L1 1966080, Linf 1966080; grid 1, multiplier 65536
-- measure __r1.m1 units: at most 10 groups a unit, 1 of its rows in each; L0 10, L1 10, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 IS NULL THEN q_m0 * 65536 ELSE (q_m0 * 1966080) // n_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, CASE WHEN (c5 IN (SELECT c30 FROM (SELECT c30 FROM (VALUES :p0) AS v(there, c30) WHERE there))) THEN c5 ELSE 'other' END AS k0, 1 AS q_m0 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) r LEFT JOIN (SELECT _u, count(*) AS n_m0 FROM (SELECT _u, CASE WHEN (c5 IN (SELECT c30 FROM (SELECT c30 FROM (VALUES :p0) AS v(there, c30) WHERE there))) THEN c5 ELSE 'other' END AS k0, 1 AS q_m0 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) GROUP BY _u HAVING count(*) > 30) t USING (_u) GROUP BY k0
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m1 > 0 THEN 1 ELSE 0 END), 0))) AS BIGINT) AS m1 FROM (WITH p AS (SELECT _u, k0, count(*) AS q_m1 FROM (SELECT _u, CASE WHEN (c5 IN (SELECT c30 FROM (SELECT c30 FROM (VALUES :p0) AS v(there, c30) WHERE there))) THEN c5 ELSE 'other' END AS k0, 1 AS q_m1 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits")) WHERE TRUE GROUP BY _u, k0), many AS (SELECT _u FROM p GROUP BY _u HAVING count(*) > 10), kept AS (SELECT * FROM p ANTI JOIN many USING (_u) UNION ALL SELECT * EXCLUDE (rk) FROM (SELECT *, row_number() OVER (PARTITION BY _u ORDER BY md5(concat_ws('|', 'tacit/v1', CAST(_u AS VARCHAR), coalesce(CAST(k0 AS VARCHAR), chr(1)))), k0) AS rk FROM p SEMI JOIN many USING (_u)) WHERE rk <= 10) SELECT * FROM kept) GROUP BY k0

-- case: each person's path as a text
SELECT path, COUNT(*) FROM (SELECT patient_id, STRING_AGG(clinic, '>' ORDER BY visited_on, visit_id) AS path FROM visits GROUP BY patient_id) t GROUP BY path
-- plan
-- release __r0: by path (unknown keys, each passes a noisy threshold)
--   a0 = count_star() from m0
--   over select patient_id, path [protected, one row a unit]
--     aggregate of each unit's own rows by patient_id [protected, one row a unit]
--       table visits [protected]
-- post-processing, free: SELECT "__r0"."k0" AS "path", "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c11 AS k0, 1 AS q_m0 FROM (SELECT _u, c8 AS c10, c9 AS c11 FROM (SELECT _u, c3 AS c8, string_agg(c4, '>' ORDER BY c7 ASC NULLS LAST, c2 ASC NULLS LAST, c4 ASC NULLS LAST) AS c9 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits") GROUP BY 1, 2))) GROUP BY k0

-- case: a public number beside sums of each person
SELECT COUNT(*) FROM (SELECT patient_id FROM visits GROUP BY patient_id HAVING SUM(cost) > (SELECT MIN(population) FROM regions)) t
-- plan
-- release __r0: one row
--   a0 = count_star() from m0
--   over select patient_id [protected, one row a unit]
--     filter (sum > subquery) [protected, one row a unit]
--       select patient_id, sum, subquery [protected, one row a unit]
--         aggregate of each unit's own rows by patient_id [protected, one row a unit]
--           table visits [protected]
-- post-processing, free: SELECT "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT _u, c8 AS c17 FROM (SELECT * FROM (SELECT _u, c8 AS c8, c9 AS c9, (SELECT c15 FROM (SELECT c14 AS c15 FROM (SELECT min(c13) AS c14 FROM (SELECT "region" AS c11, "country" AS c12, "population" AS c13 FROM "regions")))) AS c16 FROM (SELECT _u, c3 AS c8, (CAST(sum(TRY_CAST(round(c6 * 100.0) AS BIGINT)) AS DOUBLE) / 100.0) AS c9 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits") GROUP BY 1, 2)) WHERE (c9 > c16))))

-- case: DATE() of a column, strptime of constants
SELECT COUNT(*) FROM visits WHERE DATE(visited_on) >= strptime('01/02/2024', '%d/%m/%Y')
-- plan
-- release __r0: one row
--   a0 = count_star() from m0
--   over filter (visited_on::timestamp >= '2024-02-01 00:00:00') [protected]
--     table visits [protected]
-- post-processing, free: SELECT "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one group a unit, at most 30 of its rows; L0 1, L1 30, Linf 30; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 30 THEN 30 ELSE q_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, count(*) AS q_m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT * FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits") WHERE (CASE WHEN TRY_CAST(c7 AS TIMESTAMP) BETWEEN TIMESTAMP '0002-01-01' AND TIMESTAMP '9999-12-31' THEN TRY_CAST(c7 AS TIMESTAMP) END >= TIMESTAMP '2024-02-01 00:00:00'))) WHERE TRUE GROUP BY _u)

-- case: a released row for each protected one
SELECT COUNT(*) FROM patients p WHERE EXISTS (SELECT 1 FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) t WHERE t.region = p.region AND t.n > 10)
-- plan
-- release __r0: by region (public keys, every key has a row)
--   a0 = count_star() from m0
--   over table patients [protected, one row a unit]
-- release __r1: one row
--   a0 = count_star() from m0
--   over filter EXISTS (public) [protected, one row a unit]
--     table patients [protected, one row a unit]
-- stage: p0 is SELECT "__r0"."k0" AS "region", "__r0"."a0" AS "n" FROM "__r0"
-- post-processing, free: SELECT "__r1"."a0" AS "count_star()", "__r1"."__row" AS "__row" FROM "__r1"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c24 AS k0, 1 AS q_m0 FROM (SELECT _u, "patient_id" AS c23, "region" AS c24, "age" AS c25, "sex" AS c26, "income" AS c27, "weight" AS c28 FROM "patients")) GROUP BY k0
-- measure __r1.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT * FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") WHERE EXISTS (SELECT 1 FROM (SELECT CAST(1 AS BIGINT) AS c31 FROM (SELECT * FROM (SELECT c29, c30 FROM (VALUES :p0) AS v(there, c29, c30) WHERE there) WHERE ((c29 = c3) AND (c30 > CAST(10 AS BIGINT))))))))

-- case: released rows beside people's in a subquery
WITH top AS (SELECT clinic FROM visits GROUP BY clinic ORDER BY COUNT(*) DESC LIMIT 2) SELECT COUNT(*) FROM patients p WHERE EXISTS (SELECT 1 FROM visits v JOIN top ON top.clinic = v.clinic WHERE v.patient_id = p.patient_id)
-- plan
-- release __r0: by clinic (public keys, every key has a row)
--   a0 = count_star() from m0
--   over table visits [protected]
-- release __r1: one row
--   a0 = count_star() from m0
--   over filter EXISTS (of the unit's own rows) [protected, one row a unit]
--     table patients [protected, one row a unit]
-- stage: p0 is SELECT "__r0"."k0" AS "clinic" FROM "__r0" ORDER BY "__r0"."a0" DESC LIMIT 2
-- post-processing, free: SELECT "__r1"."a0" AS "count_star()", "__r1"."__row" AS "__row" FROM "__r1"
-- measure __r0.m0 count: weights: a unit's rows add to at most 30; L0 1966080, L1 1966080, Linf 1966080; grid 1, multiplier 65536
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 IS NULL THEN q_m0 * 65536 ELSE (q_m0 * 1966080) // n_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c25 AS k0, 1 AS q_m0 FROM (SELECT _u, "visit_id" AS c23, "patient_id" AS c24, "clinic" AS c25, "diagnosis" AS c26, "cost" AS c27, "visited_on" AS c28 FROM "visits")) r LEFT JOIN (SELECT _u, count(*) AS n_m0 FROM (SELECT _u, c25 AS k0, 1 AS q_m0 FROM (SELECT _u, "visit_id" AS c23, "patient_id" AS c24, "clinic" AS c25, "diagnosis" AS c26, "cost" AS c27, "visited_on" AS c28 FROM "visits")) GROUP BY _u HAVING count(*) > 30) t USING (_u) GROUP BY k0
-- measure __r1.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT * FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") WHERE EXISTS (SELECT 1 FROM (SELECT _u, CAST(1 AS BIGINT) AS c30 FROM (SELECT * FROM (SELECT l._u AS _u, c9, c10, c11, c12, c13, c14, c29 FROM (SELECT _u, "visit_id" AS c9, "patient_id" AS c10, "clinic" AS c11, "diagnosis" AS c12, "cost" AS c13, "visited_on" AS c14 FROM "visits") AS l JOIN (SELECT c29 FROM (VALUES :p0) AS v(there, c29) WHERE there) AS r ON (c29 = c11)) WHERE (c10 = c2))))))

-- case: compared with all of a release
SELECT COUNT(*) FROM patients p WHERE p.income > ALL (SELECT AVG(income) FROM patients GROUP BY region)
-- plan
-- release __r0: by region (public keys, every key has a row)
--   a0 = avg(income) from m0, m1
--   over table patients [protected, one row a unit]
-- release __r1: one row
--   a0 = count_star() from m0
--   over filter CASE WHEN EXISTS (public) THEN False WHEN EXISTS (public) THEN NULL::boolean ELSE True END [protected, one row a unit]
--     table patients [protected, one row a unit]
-- stage: p0 is SELECT "__r0"."a0" AS "avg(income)" FROM "__r0"
-- post-processing, free: SELECT "__r1"."a0" AS "count_star()", "__r1"."__row" AS "__row" FROM "__r1"
-- measure __r0.m0 sum: one row a unit; values within [0, 200000]; L0 1, L1 200000, Linf 200000; grid 1, multiplier 1
-- measure __r0.m1 sum: one row a unit; values within [0, 200000]; L0 1, L1 200000, Linf 200000; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m0), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(v_m1), 0))) AS BIGINT) AS m1 FROM (SELECT _u, c17 AS k0, CASE WHEN (NOT (c20 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c20 IS NULL)) THEN (CASE WHEN c20 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c20 - 100000.0)) AS BIGINT) WHEN c20 < 0.0 THEN -100000 WHEN c20 > 200000.0 AND NOT isnan(c20) THEN 100000 ELSE 0 END - (-100000)) ELSE 0 END AS v_m0, CASE WHEN (NOT (c20 IS NULL)) THEN 1 ELSE 0 END AS q_m1, CASE WHEN (NOT (c20 IS NULL)) THEN (100000 - CASE WHEN c20 BETWEEN 0.0 AND 200000.0 THEN CAST(round((c20 - 100000.0)) AS BIGINT) WHEN c20 < 0.0 THEN -100000 WHEN c20 > 200000.0 AND NOT isnan(c20) THEN 100000 ELSE 0 END) ELSE 0 END AS v_m1 FROM (SELECT _u, "patient_id" AS c16, "region" AS c17, "age" AS c18, "sex" AS c19, "income" AS c20, "weight" AS c21 FROM "patients")) GROUP BY k0
-- measure __r1.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT * FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") WHERE CASE WHEN EXISTS (SELECT 1 FROM (SELECT * FROM (SELECT c22 FROM (VALUES :p0) AS v(there, c22) WHERE there) WHERE (c6 <= c22))) THEN FALSE WHEN EXISTS (SELECT 1 FROM (SELECT * FROM (SELECT c22 FROM (VALUES :p0) AS v(there, c22) WHERE there) WHERE ((c6 <= c22) IS NULL))) THEN TRY_CAST(NULL AS BOOLEAN) ELSE TRUE END))

-- case: texts made of keys of an earlier stage
SELECT COUNT(*) FROM patients WHERE region IN (SELECT UPPER(region) AS r FROM patients GROUP BY region)
-- plan
-- release __r0: by region (unknown keys, each passes a noisy threshold)
--   over table patients [protected, one row a unit]
-- release __r1: one row
--   a0 = count_star() from m0
--   over filter region IN (subquery) [protected, one row a unit]
--     table patients [protected, one row a unit]
-- stage: p0 is SELECT UPPER("__r0"."k0") AS "r" FROM "__r0"
-- post-processing, free: SELECT "__r1"."a0" AS "count_star()", "__r1"."__row" AS "__row" FROM "__r1"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c17 AS k0, 1 AS q_m0 FROM (SELECT _u, "patient_id" AS c16, "region" AS c17, "age" AS c18, "sex" AS c19, "income" AS c20, "weight" AS c21 FROM "patients")) GROUP BY k0
-- measure __r1.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT * FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") WHERE (c3 IN (SELECT c22 FROM (SELECT c22 FROM (VALUES :p0) AS v(there, c22) WHERE there)))))

-- case: keys of two releases in one earlier stage
SELECT COUNT(*) FROM patients WHERE region IN (SELECT region FROM patients GROUP BY region UNION SELECT CASE sex WHEN 'F' THEN 'R1' END FROM patients GROUP BY sex)
-- plan
-- release __r0: by region (unknown keys, each passes a noisy threshold)
--   over table patients [protected, one row a unit]
-- release __r1: by sex (unknown keys, each passes a noisy threshold)
--   over table patients [protected, one row a unit]
-- release __r2: one row
--   a0 = count_star() from m0
--   over filter region IN (subquery) [protected, one row a unit]
--     table patients [protected, one row a unit]
-- stage: p0 is SELECT "__side"."region" AS "region" FROM (SELECT "__r0"."k0" AS "region" FROM "__r0") AS "__side"("region") UNION SELECT "__side"."region" AS "region" FROM (SELECT CASE "__r1"."k0" WHEN 'F' THEN 'R1' END AS "CASE sex WHEN 'F' THEN 'R1' END" FROM "__r1") AS "__side"("region")
-- post-processing, free: SELECT "__r2"."a0" AS "count_star()", "__r2"."__row" AS "__row" FROM "__r2"
-- measure __r0.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c17 AS k0, 1 AS q_m0 FROM (SELECT _u, "patient_id" AS c16, "region" AS c17, "age" AS c18, "sex" AS c19, "income" AS c20, "weight" AS c21 FROM "patients")) GROUP BY k0
-- measure __r1.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, c26 AS k0, 1 AS q_m0 FROM (SELECT _u, "patient_id" AS c23, "region" AS c24, "age" AS c25, "sex" AS c26, "income" AS c27, "weight" AS c28 FROM "patients")) GROUP BY k0
-- measure __r2.m0 count: one row a unit; L0 1, L1 1, Linf 1; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(q_m0), 0))) AS BIGINT) AS m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT * FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") WHERE (c3 IN (SELECT c29 FROM (SELECT c29 FROM (VALUES :p0) AS v(there, c29) WHERE there)))))
