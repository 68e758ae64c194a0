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
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 30 THEN 30 ELSE q_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, sum(q_m0) AS q_m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT * FROM (SELECT l._u AS _u, c2, c3, c4, c5, c6, c7, c9, c10, c11, c12, c13, c14 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") AS l JOIN (SELECT _u, "visit_id" AS c9, "patient_id" AS c10, "clinic" AS c11, "diagnosis" AS c12, "cost" AS c13, "visited_on" AS c14 FROM "visits") AS r ON l._u = r._u) WHERE ((c2 = c10) AND (c13 > CAST(10 AS BIGINT))))) GROUP BY _u)

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
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 30 THEN 30 ELSE q_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, sum(q_m0) AS q_m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT * FROM (SELECT l._u AS _u, c2, c3, c4, c5, c6, c7, c9, c10, c11, c12, c13, c14 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") AS l LEFT JOIN (SELECT _u, "visit_id" AS c9, "patient_id" AS c10, "clinic" AS c11, "diagnosis" AS c12, "cost" AS c13, "visited_on" AS c14 FROM "visits") AS r ON l._u = r._u AND (c2 = c10)) WHERE (c9 IS NULL))) GROUP BY _u)

-- case: join along a declared path
SELECT v.clinic, SUM(x.doses) FROM prescriptions x JOIN visits v ON x.visit_id = v.visit_id GROUP BY v.clinic
-- plan
-- release __r0: by clinic (public keys, every key has a row)
--   a0 = sum(x.doses) from m0
--   over inner join on (visit_id = visit_id) [protected], same unit on both sides
--     table prescriptions [protected]
--     table visits [protected]
-- post-processing, free: SELECT "__r0"."k0" AS "clinic", "__r0"."a0" AS "sum(x.doses)", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 sum: weights: a unit's rows add to at most 30; values within [0, 50]; L0 3072000, L1 3072000, Linf 3072000; grid 1, multiplier 2048
-- engine: WITH s AS (SELECT _u, c8 AS k0, CASE WHEN (NOT (c4 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c4 IS NULL)) THEN coalesce(CAST(CASE WHEN c4 <= 0 THEN 0 WHEN c4 >= 50 THEN 50 ELSE c4 END AS BIGINT), 0) ELSE 0 END AS v_m0 FROM (SELECT l._u AS _u, c2, c3, c4, c6, c7, c8, c9, c10, c11 FROM (SELECT _u, "visit_id" AS c2, "drug" AS c3, "doses" AS c4 FROM "prescriptions") AS l JOIN (SELECT _u, "visit_id" AS c6, "patient_id" AS c7, "clinic" AS c8, "diagnosis" AS c9, "cost" AS c10, "visited_on" AS c11 FROM "visits") AS r ON l._u = r._u AND (c2 = c6))), t AS (SELECT _u, CAST(sum(q_m0) AS BIGINT) AS n_m0 FROM s GROUP BY _u) SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 <= 30 THEN v_m0 * 2048 ELSE (v_m0 * 61440) // n_m0 END), 0))) AS BIGINT) AS m0 FROM s JOIN t USING (_u) GROUP BY k0

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
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 30 THEN 30 ELSE q_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, sum(q_m0) AS q_m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT _u, c9 AS c18 FROM (SELECT _u, c3 AS c9 FROM (SELECT _u, "patient_id" AS c3, "region" AS c4, "age" AS c5, "sex" AS c6, "income" AS c7, "weight" AS c8 FROM "patients")) UNION ALL SELECT _u, c17 AS c18 FROM (SELECT _u, c12 AS c17 FROM (SELECT _u, "visit_id" AS c11, "patient_id" AS c12, "clinic" AS c13, "diagnosis" AS c14, "cost" AS c15, "visited_on" AS c16 FROM "visits")))) GROUP BY _u)

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
-- engine: WITH s AS (SELECT _u, c13 AS k0, CASE WHEN (NOT (c14 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c14 IS NULL)) THEN (CASE WHEN c14 IS NULL OR isnan(c14) THEN 0 WHEN c14 <= 0.0 THEN -7500000 WHEN c14 >= 150000.0 THEN 7500000 ELSE CAST(round((c14 - 75000.0) * 100.0) AS BIGINT) END - (-7500000)) ELSE 0 END AS v_m0, CASE WHEN (NOT (c14 IS NULL)) THEN 1 ELSE 0 END AS q_m1, CASE WHEN (NOT (c14 IS NULL)) THEN (7500000 - CASE WHEN c14 IS NULL OR isnan(c14) THEN 0 WHEN c14 <= 0.0 THEN -7500000 WHEN c14 >= 150000.0 THEN 7500000 ELSE CAST(round((c14 - 75000.0) * 100.0) AS BIGINT) END) ELSE 0 END AS v_m1 FROM (SELECT _u, c9 AS c12, c10 AS c13, c11 AS c14 FROM (SELECT _u, c4 AS c9, c5 AS c10, (CAST(sum(TRY_CAST(round(c7 * 100.0) AS BIGINT)) AS DOUBLE) / 100.0) AS c11 FROM (SELECT _u, "visit_id" AS c3, "patient_id" AS c4, "clinic" AS c5, "diagnosis" AS c6, "cost" AS c7, "visited_on" AS c8 FROM "visits") GROUP BY 1, 2, 3))), t AS (SELECT _u, CAST(sum(q_m0) AS BIGINT) AS n_m0, CAST(sum(q_m1) AS BIGINT) AS n_m1 FROM s GROUP BY _u) SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 <= 30 THEN v_m0 * 1 ELSE (v_m0 * 30) // n_m0 END), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m1 <= 30 THEN v_m1 * 1 ELSE (v_m1 * 30) // n_m1 END), 0))) AS BIGINT) AS m1 FROM s JOIN t USING (_u) GROUP BY k0

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
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 30 THEN (v_m0 * 30) // q_m0 ELSE v_m0 END), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m1 > 30 THEN (v_m1 * 30) // q_m1 ELSE v_m1 END), 0))) AS BIGINT) AS m1 FROM (SELECT _u, sum(q_m0) AS q_m0, sum(v_m0) AS v_m0, sum(q_m1) AS q_m1, sum(v_m1) AS v_m1 FROM (SELECT _u, CASE WHEN (NOT (c10 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c10 IS NULL)) THEN (coalesce(CAST(CASE WHEN c10 <= -731 THEN -731 WHEN c10 >= 731 THEN 731 ELSE c10 END AS BIGINT), 0) - (-731)) ELSE 0 END AS v_m0, CASE WHEN (NOT (c10 IS NULL)) THEN 1 ELSE 0 END AS q_m1, CASE WHEN (NOT (c10 IS NULL)) THEN (731 - coalesce(CAST(CASE WHEN c10 <= -731 THEN -731 WHEN c10 >= 731 THEN 731 ELSE c10 END AS BIGINT), 0)) ELSE 0 END AS v_m1 FROM (SELECT _u, TRY(date_diff('day', c9, c8)) AS c10 FROM (SELECT _u, c3 AS c3, c4 AS c4, c5 AS c5, c6 AS c6, c7 AS c7, c8 AS c8, lag(c8) OVER (PARTITION BY _u, c4 ORDER BY c8 ASC NULLS LAST, c3 ASC NULLS LAST, c4 ASC NULLS LAST, c5 ASC NULLS LAST, c6 ASC NULLS LAST, c7 ASC NULLS LAST, c8 ASC NULLS LAST) AS c9 FROM (SELECT _u, "visit_id" AS c3, "patient_id" AS c4, "clinic" AS c5, "diagnosis" AS c6, "cost" AS c7, "visited_on" AS c8 FROM "visits")))) GROUP BY _u)

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
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 2 THEN 2 ELSE q_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, sum(q_m0) AS q_m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT _u, c10 AS c12 FROM (SELECT * FROM (SELECT _u, c5 AS c10, (c9 <= CAST(2 AS BIGINT)) AS c11 FROM (SELECT _u, c3 AS c3, c4 AS c4, c5 AS c5, c6 AS c6, c7 AS c7, c8 AS c8, row_number() OVER (PARTITION BY _u, c4 ORDER BY c7 DESC NULLS LAST, c3 ASC NULLS LAST, c4 ASC NULLS LAST, c5 ASC NULLS LAST, c6 ASC NULLS LAST, c7 ASC NULLS LAST, c8 ASC NULLS LAST) AS c9 FROM (SELECT _u, "visit_id" AS c3, "patient_id" AS c4, "clinic" AS c5, "diagnosis" AS c6, "cost" AS c7, "visited_on" AS c8 FROM "visits"))) WHERE c11))) GROUP BY _u)

-- case: WITH used twice
WITH v AS (SELECT patient_id, cost FROM visits WHERE cost > 10) SELECT COUNT(*) FROM v a JOIN v b ON a.patient_id = b.patient_id
-- plan
-- release __r0: one row
--   a0 = count_star() from m0
--   over inner join on (patient_id = patient_id) [protected], same unit on both sides
--     select patient_id, cost [protected]
--       filter (cost > 10) [protected]
--         table visits [protected]
--     select patient_id, cost [protected]
--       filter (cost > 10) [protected]
--         table visits [protected]
-- post-processing, free: SELECT "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one group a unit, at most 30 of its rows; L0 1, L1 30, Linf 30; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 30 THEN 30 ELSE q_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, sum(q_m0) AS q_m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT l._u AS _u, c8, c9, c17, c18 FROM (SELECT _u, c3 AS c8, c6 AS c9 FROM (SELECT * FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits") WHERE (c6 > CAST(10 AS BIGINT)))) AS l JOIN (SELECT _u, c12 AS c17, c15 AS c18 FROM (SELECT * FROM (SELECT _u, "visit_id" AS c11, "patient_id" AS c12, "clinic" AS c13, "diagnosis" AS c14, "cost" AS c15, "visited_on" AS c16 FROM "visits") WHERE (c15 > CAST(10 AS BIGINT)))) AS r ON l._u = r._u AND (c8 = c17))) GROUP BY _u)

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
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 30 THEN 30 ELSE q_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, sum(q_m0) AS q_m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT l._u AS _u, c2, c3, c4, c5, c6, c7, c9, c10, c11 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") AS l JOIN (SELECT "region" AS c9, "country" AS c10, "population" AS c11 FROM "regions") AS r ON (c11 > c4))) GROUP BY _u)

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
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN v_m0 > 15000000 THEN 15000000 WHEN v_m0 < 0 THEN 0 ELSE v_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, k0, sum(q_m0) AS q_m0, sum(v_m0) AS v_m0 FROM (SELECT _u, c3 AS k0, CASE WHEN (NOT (c13 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c13 IS NULL)) THEN CASE WHEN c13 IS NULL OR isnan(c13) THEN 0 WHEN c13 <= 0.0 THEN 0 WHEN c13 >= 5000.0 THEN 500000 ELSE CAST(round(c13 * 100.0) AS BIGINT) END ELSE 0 END AS v_m0 FROM (SELECT l._u AS _u, c2, c3, c4, c5, c6, c7, c9, c10, c11, c12, c13, c14 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") AS l JOIN (SELECT _u, "visit_id" AS c9, "patient_id" AS c10, "clinic" AS c11, "diagnosis" AS c12, "cost" AS c13, "visited_on" AS c14 FROM "visits") AS r ON l._u = r._u AND (c2 = c10))) GROUP BY _u, k0) GROUP BY k0

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
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 30 THEN (v_m0 * 30) // q_m0 ELSE v_m0 END), 0))) AS BIGINT) AS m0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m1 > 30 THEN (v_m1 * 30) // q_m1 ELSE v_m1 END), 0))) AS BIGINT) AS m1 FROM (SELECT _u, sum(q_m0) AS q_m0, sum(v_m0) AS v_m0, sum(q_m1) AS q_m1, sum(v_m1) AS v_m1 FROM (SELECT _u, CASE WHEN (NOT (c13 IS NULL)) THEN 1 ELSE 0 END AS q_m0, CASE WHEN (NOT (c13 IS NULL)) THEN (CASE WHEN c13 IS NULL OR isnan(c13) THEN 0 WHEN c13 <= 0.0 THEN -250000 WHEN c13 >= 5000.0 THEN 250000 ELSE CAST(round((c13 - 2500.0) * 100.0) AS BIGINT) END - (-250000)) ELSE 0 END AS v_m0, CASE WHEN (NOT (c13 IS NULL)) THEN 1 ELSE 0 END AS q_m1, CASE WHEN (NOT (c13 IS NULL)) THEN (250000 - CASE WHEN c13 IS NULL OR isnan(c13) THEN 0 WHEN c13 <= 0.0 THEN -250000 WHEN c13 >= 5000.0 THEN 250000 ELSE CAST(round((c13 - 2500.0) * 100.0) AS BIGINT) END) ELSE 0 END AS v_m1 FROM (SELECT l._u AS _u, c2, c3, c4, c5, c6, c7, c9, c10, c11, c12, c13, c14 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") AS l JOIN (SELECT _u, "visit_id" AS c9, "patient_id" AS c10, "clinic" AS c11, "diagnosis" AS c12, "cost" AS c13, "visited_on" AS c14 FROM "visits") AS r ON l._u = r._u AND (c2 = c10))) GROUP BY _u)

-- case: self join on the unit
SELECT COUNT(*) FROM visits a JOIN visits b ON a.patient_id = b.patient_id AND a.visited_on < b.visited_on
-- plan
-- release __r0: one row
--   a0 = count_star() from m0
--   over inner join on ((patient_id = patient_id) AND (visited_on < visited_on)) [protected], same unit on both sides
--     table visits [protected]
--     table visits [protected]
-- post-processing, free: SELECT "__r0"."a0" AS "count_star()", "__r0"."__row" AS "__row" FROM "__r0"
-- measure __r0.m0 count: one group a unit, at most 30 of its rows; L0 1, L1 30, Linf 30; grid 1, multiplier 1
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 30 THEN 30 ELSE q_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, sum(q_m0) AS q_m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT l._u AS _u, c2, c3, c4, c5, c6, c7, c9, c10, c11, c12, c13, c14 FROM (SELECT _u, "visit_id" AS c2, "patient_id" AS c3, "clinic" AS c4, "diagnosis" AS c5, "cost" AS c6, "visited_on" AS c7 FROM "visits") AS l JOIN (SELECT _u, "visit_id" AS c9, "patient_id" AS c10, "clinic" AS c11, "diagnosis" AS c12, "cost" AS c13, "visited_on" AS c14 FROM "visits") AS r ON l._u = r._u AND ((c3 = c10) AND (c7 < c14)))) GROUP BY _u)

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
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 30 THEN 30 ELSE q_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, sum(q_m0) AS q_m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT _u, c9 AS c18 FROM (SELECT _u, c4 AS c9 FROM (SELECT * FROM (SELECT _u, "visit_id" AS c3, "patient_id" AS c4, "clinic" AS c5, "diagnosis" AS c6, "cost" AS c7, "visited_on" AS c8 FROM "visits") WHERE (c6 = 'flu'))) INTERSECT SELECT _u, c17 AS c18 FROM (SELECT _u, c12 AS c17 FROM (SELECT * FROM (SELECT _u, "visit_id" AS c11, "patient_id" AS c12, "clinic" AS c13, "diagnosis" AS c14, "cost" AS c15, "visited_on" AS c16 FROM "visits") WHERE (c14 = 'asthma'))))) GROUP BY _u)

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
-- engine: WITH s AS (SELECT _u, c10 AS k0, 1 AS q_m0 FROM (SELECT DISTINCT * FROM (SELECT _u, c4 AS c9, c5 AS c10 FROM (SELECT _u, "visit_id" AS c3, "patient_id" AS c4, "clinic" AS c5, "diagnosis" AS c6, "cost" AS c7, "visited_on" AS c8 FROM "visits")))), t AS (SELECT _u, CAST(sum(q_m0) AS BIGINT) AS n_m0 FROM s GROUP BY _u) SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN n_m0 <= 30 THEN q_m0 * 65536 ELSE (q_m0 * 1966080) // n_m0 END), 0))) AS BIGINT) AS m0 FROM s JOIN t USING (_u) GROUP BY k0

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
-- engine: SELECT CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 30 THEN 30 ELSE q_m0 END), 0))) AS BIGINT) AS m0 FROM (SELECT _u, sum(q_m0) AS q_m0 FROM (SELECT _u, 1 AS q_m0 FROM (SELECT l._u AS _u, c2, c3, c4, c5, c6, c7, c9, c10, c11, c12, c13, c14 FROM (SELECT _u, "patient_id" AS c2, "region" AS c3, "age" AS c4, "sex" AS c5, "income" AS c6, "weight" AS c7 FROM "patients") AS l JOIN (SELECT _u, "visit_id" AS c9, "patient_id" AS c10, "clinic" AS c11, "diagnosis" AS c12, "cost" AS c13, "visited_on" AS c14 FROM "visits") AS r ON l._u = r._u AND (c2 = c10))) GROUP BY _u)

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
