-- What is refused, by name, with its position and fix.

-- case: rows of people
SELECT * FROM visits
-- refused unit_in_output at 1:8: The result would hold one row for each person.
-- fix: Aggregate: SELECT COUNT(*), AVG(x) … GROUP BY a column that is not the privacy unit.
-- try: SELECT COUNT(*) AS n FROM visits

-- case: one row a person
SELECT patient_id, SUM(cost) FROM visits GROUP BY patient_id
-- refused unit_in_output at 1:8: The result would hold one row for each person.
-- fix: Aggregate: SELECT COUNT(*), AVG(x) … GROUP BY a column that is not the privacy unit.
-- try: SELECT SUM(cost) FROM visits

-- case: join without the unit
SELECT COUNT(*) FROM patients p JOIN visits v ON p.age = v.visit_id
-- refused join_without_unit at 1:38: Two protected tables are joined without equality of the privacy unit, so that a row would mix two people.
-- fix: Add the unit to the condition: … ON a.patient_id = b.patient_id AND ….
-- try: SELECT COUNT(*) FROM patients AS p JOIN visits AS v ON p.patient_id = v.patient_id AND p.age = v.visit_id

-- case: subquery over other people
SELECT COUNT(*) FROM patients WHERE region IN (SELECT region FROM patients WHERE age > 90)
-- refused subquery_not_on_unit at 1:37: The subquery reads protected rows of other people: it is not matched on the privacy unit.
-- fix: Equate the unit ids in its WHERE (… WHERE v.id = p.id), or look the unit id up: id IN (SELECT id FROM …), where no side of an outer join makes the id NULL.
-- try: SELECT COUNT(*) FROM patients WHERE region IN (SELECT region FROM patients AS patients_2 WHERE age > 90 AND patients_2.patient_id = patients.patient_id)

-- case: window over other people
SELECT AVG(r) FROM (SELECT RANK() OVER (ORDER BY income) AS r FROM patients)
-- refused window_not_per_unit at 1:28: The window reads rows of other people: its PARTITION BY does not hold the privacy unit.
-- fix: Add the unit id to PARTITION BY, or use the window above an aggregation.
-- try: SELECT AVG(r) FROM (SELECT RANK() OVER (PARTITION BY patient_id ORDER BY income) AS r FROM patients)

-- case: SAMPLE
SELECT COUNT(*) FROM patients USING SAMPLE 10%
-- refused unsupported_syntax at 1:8: SELECT with SAMPLE is not supported here.
-- fix: Leave the sample out: a released number has its noise already.
-- try: SELECT COUNT(*) FROM patients

-- case: random()
SELECT COUNT(*) FROM patients WHERE random() < 0.5
-- refused unknown_function at 1:37: RAND() is not on the list of functions that may read protected rows.
-- fix: Allowed are total, deterministic functions of one row; see the dataset's function list.
-- try: SELECT COUNT(*) FROM patients

-- case: DISTINCT without the unit, inside
SELECT COUNT(*) FROM (SELECT DISTINCT clinic FROM visits)
-- plan
-- release __r0: by clinic (unknown keys, each passes a noisy threshold)
--   over table visits [protected]
-- post-processing, free: SELECT COUNT(*) AS "count_star()" FROM (SELECT DISTINCT "__r0"."k0" AS "clinic" FROM "__r0") AS "__q1"("clinic")
-- measure __r0.m0 units: at most 10 groups a unit, 1 of its rows in each; L0 10, L1 10, Linf 1; grid 1, multiplier 1
-- engine: SELECT k0, CAST(least(9223372036854775807, greatest(-9223372036854775807, coalesce(sum(CASE WHEN q_m0 > 0 THEN 1 ELSE 0 END), 0))) AS BIGINT) AS m0 FROM (WITH p AS (SELECT _u, k0, count(*) AS q_m0 FROM (SELECT _u, c5 AS k0, 1 AS q_m0 FROM (SELECT _u, "visit_id" AS c3, "patient_id" AS c4, "clinic" AS c5, "diagnosis" AS c6, "cost" AS c7, "visited_on" AS c8 FROM "visits")) WHERE TRUE GROUP BY _u, k0), many AS (SELECT _u FROM p GROUP BY _u HAVING count(*) > 10), kept AS (SELECT * FROM p ANTI JOIN many USING (_u) UNION ALL SELECT * EXCLUDE (rk) FROM (SELECT *, row_number() OVER (PARTITION BY _u ORDER BY md5(concat_ws('|', 'tacit/v1', CAST(_u AS VARCHAR), coalesce(CAST(k0 AS VARCHAR), chr(1)))), k0) AS rk FROM p SEMI JOIN many USING (_u)) WHERE rk <= 10) SELECT * FROM kept) GROUP BY k0

-- case: protected rows united with public rows
SELECT COUNT(*) FROM (SELECT region FROM patients UNION ALL SELECT region FROM regions)
-- refused set_operation_mixed at 1:30: A protected relation is combined row by row with a public one.
-- fix: Aggregate the protected side first, or join with the public table.
-- try: SELECT COUNT(*) FROM (SELECT region FROM patients)

-- case: public RIGHT JOIN
SELECT COUNT(*) FROM patients p RIGHT JOIN regions r ON p.region = r.region
-- refused public_outer_join at 1:44: Rows of a public table that match no protected row belong to nobody, and whether they match is private.
-- fix: Put the protected table on the preserved side, or group by the public table's own columns with aggregates over the protected columns only.
-- try: SELECT COUNT(*) FROM patients AS p JOIN regions AS r ON p.region = r.region

-- case: bounds past all measure
SELECT SUM(income * 1e300) FROM patients
-- refused missing_bounds at 1:8: The expression has no bounds (or bounds past 1e18), so one person could change sum(income * 1e300) by any amount.
-- fix: Give bounds here, for instance GREATEST(0, LEAST(1000, expression)).
-- try: SELECT SUM(GREATEST(0, LEAST(1000, income * 1e300))) FROM patients

-- case: ARG_MAX
SELECT ARG_MAX(diagnosis, cost) FROM visits
-- refused unsupported_aggregate at 1:16: ARG_MAX of string values over people has no private form here.
-- fix: Use COUNT, SUM, AVG, MIN, MAX, MEDIAN, QUANTILE_CONT, VAR, STDDEV, CORR or COVAR of numbers.
-- try: SELECT diagnosis, COUNT(*) AS n FROM visits GROUP BY diagnosis ORDER BY diagnosis DESC LIMIT 1

-- case: approximate sketches
SELECT APPROX_COUNT_DISTINCT(patient_id) FROM visits
-- refused unsupported_aggregate at 1:8: APPROX_DISTINCT() has no private form here.
-- fix: Use COUNT, SUM, AVG, VAR, STDDEV, MEDIAN or QUANTILE_CONT; in a per-unit subquery also MIN and MAX.
-- try: SELECT COUNT(DISTINCT patient_id) FROM visits

-- case: an aggregate for each public row
SELECT r.region, (SELECT COUNT(*) FROM patients p WHERE p.region = r.region) FROM regions r
-- refused correlated_release at 1:68: An aggregate over protected rows depends on the row of the query around it; each row would be a release.
-- fix: Write it as a join: SELECT r.x, COUNT(p.id) FROM r LEFT JOIN p ON … GROUP BY r.x.
-- try: SELECT r.region, COUNT(p.patient_id) AS n FROM regions AS r LEFT JOIN patients AS p ON p.region = r.region GROUP BY r.region

-- case: unknown table
SELECT COUNT(*) FROM patient
-- refused unknown_table at 1:22: The policy has no table patient.
-- fix: Did you mean patients?
-- try: SELECT COUNT(*) FROM patients

-- case: hidden column
SELECT COUNT(*) FROM patients WHERE ssn = 'x'
-- refused unknown_column at 1:37: The policy has no column ssn here.
-- fix: Known here: patient_id, region, age, sex, income, weight.
-- try: SELECT COUNT(*) FROM patients

-- case: unknown function
SELECT COUNT(*) FROM patients WHERE foo(age) > 3
-- refused unknown_function at 1:37: foo() is not on the list of functions that may read protected rows.
-- fix: Allowed are total, deterministic functions of one row; see the dataset's function list.
-- try: SELECT COUNT(*) FROM patients

-- case: pattern from the data
SELECT COUNT(*) FROM visits WHERE regexp_matches('a', diagnosis)
-- refused literal_required at 1:35: Argument 2 of regexp_matches must be a constant: a value from the data could make it fail.
-- fix: Write the pattern, position or length as a literal.
-- try: SELECT COUNT(*) FROM visits

-- case: not grouped
SELECT region, age, COUNT(*) FROM patients GROUP BY region
-- refused not_grouped at 1:16: Column age is neither in GROUP BY nor inside an aggregate.
-- fix: Add age to GROUP BY, or aggregate it.
-- try: SELECT region, age, COUNT(*) FROM patients GROUP BY region, age

-- case: table function
SELECT * FROM read_csv('x.csv')
-- refused unsupported_syntax at 1:15: The table function READ_CSV() is not supported here.
-- fix: Only the dataset's own tables can be read.
-- try: SELECT COUNT(*) AS n FROM patients

-- case: catalogue
SELECT * FROM information_schema.columns
-- refused unknown_table at 1:15: The policy has no table columns.
-- fix: Known here: patients, visits, prescriptions, regions.
-- try: SELECT COUNT(*) AS n FROM patients

-- case: not a SELECT
COPY patients TO 'x'
-- refused sql_not_one_select: Only a SELECT can be asked; nothing can be set, created, copied, attached, described or changed.
-- fix: Write one SELECT statement.
-- try: SELECT COUNT(*) AS n FROM patients

-- case: EXPLAIN ANALYZE
EXPLAIN ANALYZE SELECT COUNT(*) FROM patients
-- refused sql_not_one_select: Only a SELECT can be asked; nothing can be set, created, copied, attached, described or changed.
-- fix: Write one SELECT statement.
-- try: SELECT COUNT(*) FROM patients

-- case: writing in WITH
WITH x AS (INSERT INTO patients VALUES (1) RETURNING *) SELECT 1 FROM x
-- refused unsupported_syntax at 1:6: WITH over anything but a SELECT is not supported here.
-- try: SELECT COUNT(*) AS n FROM patients

-- case: nothing
SELECT
-- refused unsupported_syntax: SELECT without columns is not supported here.
-- try: SELECT COUNT(*) AS n FROM patients

-- case: ASOF JOIN
SELECT COUNT(*) FROM patients p ASOF JOIN visits v ON p.patient_id = v.patient_id AND p.age >= v.cost
-- refused unsupported_syntax at 1:43: ASOF JOIN is not supported here.
-- fix: Write JOIN … ON with the columns named.
-- try: SELECT COUNT(*) FROM patients AS p JOIN visits AS v ON p.patient_id = v.patient_id AND p.age >= v.cost

-- case: PIVOT
PIVOT patients ON sex USING COUNT(*)
-- refused sql_not_one_select: Only a SELECT can be asked; nothing can be set, created, copied, attached, described or changed.
-- fix: Write one SELECT statement.
-- try: SELECT sex, COUNT(*) FROM patients GROUP BY sex

-- case: whole row
SELECT COUNT(DISTINCT patients) FROM patients
-- refused unknown_column at 1:23: The policy has no column patients here.
-- fix: Did you mean patient_id?
-- try: SELECT COUNT(DISTINCT patient_id) FROM patients

-- case: an alias with control characters
SELECT COUNT(*) AS "ab" FROM patients
-- refused identifier_invalid at 1:20: A name is empty, longer than 128 characters, or holds control characters.
-- fix: Use printable characters in names and aliases.
-- try: SELECT COUNT(*) AS n FROM patients

-- case: rows without the unit
SELECT age FROM patients
-- refused row_level_output at 1:8: The result would hold rows of people.
-- fix: Aggregate: SELECT COUNT(*), AVG(x) … GROUP BY a column that is not the privacy unit.
-- try: SELECT COUNT(*) AS n FROM patients

-- case: the unit id rewritten
SELECT patient_id % 2, COUNT(*) FROM visits GROUP BY 1
-- refused unit_forged at 1:8: The group key is computed from the privacy unit's id, which would merge people into invented units.
-- fix: Group by another column, or by the unit id itself in a subquery.
-- try: SELECT COUNT(*) FROM visits

-- case: cross join of people
SELECT COUNT(*) FROM patients a, patients b
-- refused join_without_unit at 1:34: Two protected tables are joined without equality of the privacy unit, so that a row would mix two people.
-- fix: Add the unit to the condition: … ON a.patient_id = b.patient_id AND ….
-- try: SELECT COUNT(*) FROM patients AS a JOIN patients AS b ON a.patient_id = b.patient_id

-- case: EXISTS over other people
SELECT COUNT(*) FROM patients p WHERE EXISTS (SELECT 1 FROM visits v WHERE v.cost > p.income)
-- refused subquery_not_on_unit at 1:54: The subquery reads protected rows of other people: it is not matched on the privacy unit.
-- fix: Equate the unit ids in its WHERE (… WHERE v.id = p.id), or look the unit id up: id IN (SELECT id FROM …), where no side of an outer join makes the id NULL.
-- try: SELECT COUNT(*) FROM patients AS p WHERE EXISTS(SELECT 1 FROM visits AS v WHERE v.cost > p.income AND v.patient_id = p.patient_id)

-- case: a look at a few rows
SELECT * FROM patients LIMIT 10
-- refused row_level_output at 1:8: The result would hold rows of people.
-- fix: Aggregate: SELECT COUNT(*), AVG(x) … GROUP BY a column that is not the privacy unit.
-- try: SELECT COUNT(*) AS n FROM patients

-- case: LIMIT below an aggregate
SELECT AVG(income) FROM (SELECT income FROM patients ORDER BY income DESC LIMIT 5)
-- refused order_dependent at 1:81: LIMIT or OFFSET below an aggregate makes the rows of one person depend on those of others.
-- fix: Filter by a condition instead, or move LIMIT above the aggregate.
-- try: SELECT AVG(income) FROM (SELECT income FROM patients)

-- case: TABLESAMPLE
SELECT COUNT(*) FROM patients TABLESAMPLE 10 PERCENT
-- refused unsupported_syntax at 1:22: TABLE with SAMPLE is not supported here.
-- fix: Leave the sample out: a released number has its noise already.
-- try: SELECT COUNT(*) FROM patients

-- case: now()
SELECT COUNT(*) FROM visits WHERE visited_on < current_date
-- refused unknown_function: CURRENT_DATE() is not on the list of functions that may read protected rows.
-- fix: Allowed are total, deterministic functions of one row; see the dataset's function list.
-- try: SELECT COUNT(*) FROM visits WHERE visited_on < CAST('2024-12-31' AS DATE)

-- case: UNION of rows without the unit
SELECT COUNT(*) FROM (SELECT clinic FROM visits UNION SELECT sex FROM patients)
-- refused set_operation_without_unit at 1:30: UNION compares rows of different people unless the privacy unit is among the columns.
-- fix: Select the unit id on both sides, at the same place.
-- try: SELECT COUNT(*) FROM (SELECT patient_id, clinic FROM visits UNION SELECT patient_id, sex FROM patients)

-- case: COUNT(*) over a public LEFT JOIN
SELECT r.region, COUNT(*) FROM regions r LEFT JOIN patients p ON p.region = r.region GROUP BY r.region
-- refused public_outer_join at 1:18: Over a public table's LEFT JOIN, rows without a match belong to nobody, so only aggregates of the protected table's columns are defined.
-- fix: Count a protected column, for instance COUNT(p.id) instead of COUNT(*).
-- try: SELECT r.region, COUNT(p.patient_id) FROM regions AS r LEFT JOIN patients AS p ON p.region = r.region GROUP BY r.region

-- case: no bounds, no SUM
SELECT SUM(weight) FROM patients
-- refused missing_bounds at 1:8: Column patients.weight has no bounds (or bounds past 1e18), so one person could change sum(weight) by any amount.
-- fix: The data owner can add to the policy, under patients.weight:  bounds: [low, high].  Or give bounds here: GREATEST(low, LEAST(high, weight)).
-- try: SELECT SUM(GREATEST(0, LEAST(1000, weight))) FROM patients

-- case: MIN over people
SELECT MIN(region) FROM patients
-- refused unsupported_aggregate at 1:12: MIN of string values over people has no private form here.
-- fix: Use COUNT, SUM, AVG, MIN, MAX, MEDIAN, QUANTILE_CONT, VAR, STDDEV, CORR or COVAR of numbers.
-- try: SELECT region, COUNT(*) AS n FROM patients GROUP BY region ORDER BY region LIMIT 1

-- case: STRING_AGG
SELECT STRING_AGG(diagnosis, ',') FROM visits
-- refused unsupported_aggregate at 1:19: GROUP_CONCAT() has no private form here.
-- fix: Use COUNT, SUM, AVG, VAR, STDDEV, MEDIAN or QUANTILE_CONT; in a per-unit subquery also MIN and MAX.
-- try: SELECT COUNT(DISTINCT diagnosis) FROM visits

-- case: SUM DISTINCT
SELECT SUM(DISTINCT age) FROM patients
-- refused unsupported_aggregate at 1:8: SUM(DISTINCT …) of integer values over people has no private form here.
-- fix: Use COUNT(DISTINCT …) or the aggregate without DISTINCT; in a per-unit subquery DISTINCT may stand.
-- try: SELECT SUM(age) FROM patients

-- case: several released numbers inside protected
SELECT COUNT(*) FROM patients WHERE income > (SELECT AVG(income) FROM patients GROUP BY region)
-- refused released_in_protected at 1:54: Only a single released number can be used inside a query over protected rows.
-- fix: Use an aggregate without GROUP BY, for instance (SELECT AVG(x) FROM t).
-- try: SELECT COUNT(*) FROM patients WHERE income > (SELECT AVG(income) FROM patients)

-- case: scalar subquery with many rows
SELECT COUNT(*) FROM patients p WHERE age > (SELECT population FROM regions r)
-- refused scalar_subquery_rows at 1:53: This subquery could give more than one row, and data must not decide whether a query fails.
-- fix: Aggregate it without GROUP BY, for instance SELECT MAX(…).
-- try: SELECT COUNT(*) FROM patients AS p WHERE age > (SELECT MAX(population) FROM regions AS r)

-- case: unknown column
SELECT COUNT(*) FROM patients WHERE aeg > 3
-- refused unknown_column at 1:37: The policy has no column aeg here.
-- fix: Did you mean age?
-- try: SELECT COUNT(*) FROM patients WHERE age > 3

-- case: ambiguous column
SELECT COUNT(patient_id) FROM patients p JOIN visits v ON p.patient_id = v.patient_id
-- refused ambiguous_column at 1:14: Column patient_id is found in more than one table.
-- fix: Write it with its table, for instance p.patient_id.
-- try: SELECT COUNT(p.patient_id) FROM patients AS p JOIN visits AS v ON p.patient_id = v.patient_id

-- case: error()
SELECT COUNT(CASE WHEN age = 7 THEN error('x') END) FROM patients
-- refused unknown_function at 1:37: error() is not on the list of functions that may read protected rows.
-- fix: Allowed are total, deterministic functions of one row; see the dataset's function list.
-- try: SELECT COUNT(*) AS n FROM patients

-- case: types do not fit
SELECT COUNT(*) FROM patients WHERE region > 3
-- refused type_mismatch at 1:37: These types do not go together: integer, string.
-- fix: Use CAST on one side.
-- try: SELECT COUNT(*) FROM patients

-- case: aggregate in WHERE
SELECT COUNT(*) FROM patients WHERE COUNT(*) > 3
-- refused aggregate_misplaced at 1:37: An aggregate stands in WHERE.
-- fix: Use HAVING, or a subquery.
-- try: SELECT COUNT(*) FROM patients HAVING COUNT(*) > 3

-- case: query in a string
SELECT * FROM query('SELECT 1')
-- refused unsupported_syntax at 1:15: The table function query() is not supported here.
-- fix: Only the dataset's own tables can be read.
-- try: SELECT COUNT(*) AS n FROM patients

-- case: two statements
SELECT COUNT(*) FROM patients; SELECT 1
-- refused sql_not_one_select: Exactly one statement is allowed.
-- fix: Send each SELECT as a query of its own.
-- try: SELECT COUNT(*) FROM patients

-- case: SET
SET threads = 1
-- refused sql_not_one_select: Only a SELECT can be asked; nothing can be set, created, copied, attached, described or changed.
-- fix: Write one SELECT statement.
-- try: SELECT COUNT(*) AS n FROM patients

-- case: recursion
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT COUNT(*) FROM r
-- refused unsupported_syntax at 1:16: WITH RECURSIVE is not supported here.
-- fix: Write a plain WITH.
-- try: SELECT COUNT(*) AS n FROM patients

-- case: does not parse
SELECT COUNT(* FROM patients
-- refused sql_syntax at 1:16: Expecting ).
-- fix: Check commas, brackets and keywords around this place.
-- try: SELECT COUNT(*) FROM patients

-- case: placeholder
SELECT COUNT(*) FROM patients WHERE age = $1
-- refused unsupported_syntax: PLACEHOLDER is not supported here.
-- try: SELECT COUNT(*) AS n FROM patients

-- case: a table twice under one name
SELECT COUNT(*) FROM patients JOIN patients ON TRUE
-- refused duplicate_alias at 1:36: The name patients stands twice in FROM.
-- fix: Give each table an alias of its own.
-- try: SELECT COUNT(*) FROM patients

-- case: DISTINCT without the unit in a per-unit query
SELECT COUNT(*) FROM patients p WHERE EXISTS (SELECT DISTINCT v.clinic FROM visits v WHERE v.patient_id = p.patient_id)
-- refused distinct_without_unit at 1:63: DISTINCT merges rows of different people unless the privacy unit is among its columns.
-- fix: Add the unit id to the DISTINCT columns, or use COUNT(DISTINCT …).
-- try: SELECT COUNT(*) FROM patients AS p WHERE EXISTS(SELECT DISTINCT patient_id, v.clinic FROM visits AS v WHERE v.patient_id = p.patient_id)

-- case: a fan-out by public tables
SELECT COUNT(*) FROM patients, regions a, regions b, regions c, regions d, regions e, regions f, regions g, regions h, regions i
-- refused fanout_too_large at 1:8: Joins with public tables could turn one row into 19683; at most 10000 are run.
-- fix: Join on the public table's key, so that each row has one match.
-- try: SELECT COUNT(*) AS n FROM patients

-- case: a text that grows
SELECT REPEAT(REPEAT(region, 60), 60) AS k, COUNT(*) FROM patients GROUP BY k
-- refused text_too_long at 1:8: This could make a text more than 64 times longer, so that single rows decide the running time.
-- fix: Join or replace with less text.
-- try: SELECT COUNT(*) FROM patients

-- case: LAST_VALUE up to the peers
SELECT AVG(x) FROM (SELECT LAST_VALUE(cost) OVER (PARTITION BY patient_id ORDER BY visit_id) AS x FROM visits)
-- refused unsupported_syntax at 1:28: LAST_VALUE up to the current row's peers is not supported here.
-- fix: Use FIRST_VALUE with the opposite order, or ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING.
-- try: SELECT AVG(x) FROM (SELECT LAST_VALUE(cost) OVER (PARTITION BY patient_id ORDER BY visit_id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS x FROM visits)

-- case: MODE
SELECT MODE(sex) FROM patients
-- refused unsupported_aggregate at 1:8: MODE() has no private form here.
-- fix: Use COUNT, SUM, AVG, VAR, STDDEV, MEDIAN or QUANTILE_CONT; in a per-unit subquery also MIN and MAX.
-- try: SELECT sex, COUNT(*) AS n FROM patients GROUP BY sex ORDER BY n DESC LIMIT 1

-- case: bounds of an average's groups
SELECT region, AVG(income, contribution_bounds_per_group => (0, 150000)) FROM patients GROUP BY region
-- refused unsupported_syntax at 1:16: contribution_bounds_per_group of anything but SUM and COUNT is not supported here.
-- fix: Bound each row: AVG(x, contribution_bounds_per_row => (0, 100)).
-- try: SELECT region, AVG(income, contribution_bounds_per_row => (0, 150000)) FROM patients GROUP BY region

-- case: a lower bound that lifts
SELECT SUM(cost, contribution_bounds_per_group => (5, 100)) FROM visits
-- refused unsupported_syntax at 1:8: contribution_bounds_per_group that does more than limit the size of a person's part is not supported here.
-- fix: Write contribution_bounds_per_group => (0, 100), or bound each row.
-- try: SELECT SUM(cost, contribution_bounds_per_row => (5, 100)) FROM visits

-- case: bounds within one person's rows
SELECT AVG(s) FROM (SELECT patient_id, SUM(cost, contribution_bounds_per_group => (0, 100)) AS s FROM visits GROUP BY patient_id) t
-- refused unsupported_syntax: contribution_bounds_per_group is not supported within one unit's own rows.
-- fix: Bound the aggregate over people: SUM(x, contribution_bounds_per_group => (0, 100)).
-- try: SELECT AVG(s) FROM (SELECT patient_id, SUM(cost, contribution_bounds_per_row => (0, 100)) AS s FROM visits GROUP BY patient_id) t

-- case: rows looked up among other people's
SELECT COUNT(*) FROM visits WHERE (clinic, cost) IN (SELECT clinic, MAX(cost) FROM visits GROUP BY clinic, patient_id)
-- refused subquery_not_on_unit at 1:36: The subquery reads protected rows of other people: it is not matched on the privacy unit.
-- fix: Equate the unit ids in its WHERE (… WHERE v.id = p.id), or look the unit id up: id IN (SELECT id FROM …), where no side of an outer join makes the id NULL.
-- try: SELECT COUNT(*) FROM visits WHERE (clinic, cost) IN (SELECT clinic, MAX(cost) FROM visits AS visits_2 WHERE visits_2.patient_id = visits.patient_id GROUP BY clinic, patient_id)

-- case: union by name with one name twice
SELECT COUNT(*) FROM (SELECT patient_id, clinic, clinic FROM visits UNION ALL BY NAME SELECT patient_id FROM visits) t
-- refused duplicate_alias at 1:30: A side of UNION BY NAME has two columns of one name.
-- fix: Give each column a name of its own with AS.
-- try: SELECT COUNT(*) AS n FROM visits

-- case: pivot as a statement
PIVOT visits ON clinic USING COUNT(*) GROUP BY diagnosis
-- refused sql_not_one_select: Only a SELECT can be asked; nothing can be set, created, copied, attached, described or changed.
-- fix: Write one SELECT statement.
-- try: SELECT diagnosis, clinic, COUNT(*) FROM visits GROUP BY diagnosis, clinic

-- case: mode
SELECT MODE(clinic) FROM visits
-- refused unsupported_aggregate at 1:8: MODE() has no private form here.
-- fix: Use COUNT, SUM, AVG, VAR, STDDEV, MEDIAN or QUANTILE_CONT; in a per-unit subquery also MIN and MAX.
-- try: SELECT clinic, COUNT(*) AS n FROM visits GROUP BY clinic ORDER BY n DESC LIMIT 1

-- case: string_agg
SELECT STRING_AGG(region, ',') FROM patients
-- refused unsupported_aggregate at 1:19: GROUP_CONCAT() has no private form here.
-- fix: Use COUNT, SUM, AVG, VAR, STDDEV, MEDIAN or QUANTILE_CONT; in a per-unit subquery also MIN and MAX.
-- try: SELECT COUNT(DISTINCT region) FROM patients

-- case: sum of distinct values
SELECT SUM(DISTINCT cost) FROM visits
-- refused unsupported_aggregate at 1:8: SUM(DISTINCT …) of number values over people has no private form here.
-- fix: Use COUNT(DISTINCT …) or the aggregate without DISTINCT; in a per-unit subquery DISTINCT may stand.
-- try: SELECT SUM(cost) FROM visits

-- case: text in double quotes
SELECT COUNT(*) FROM patients WHERE sex = "F"
-- refused unknown_column at 1:43: The policy has no column F here.
-- fix: Known here: patient_id, region, age, sex, income, weight.
-- try: SELECT COUNT(*) FROM patients WHERE sex = 'F'

-- case: another dialect's functions
SELECT TO_CHAR(visited_on, 'YYYY-MM') AS m, SAFE_DIVIDE(SUM(cost), COUNT(*)) FROM visits GROUP BY 1
-- refused unknown_function at 1:8: TO_CHAR() is not on the list of functions that may read protected rows.
-- fix: Allowed are total, deterministic functions of one row; see the dataset's function list.
-- try: SELECT STRFTIME(visited_on, '%Y-%m') AS m, SUM(cost) / NULLIF(COUNT(*), 0) FROM visits GROUP BY 1

-- case: another dialect's limit
SELECT TOP 5 diagnosis, COUNT(*) FROM visits GROUP BY diagnosis
-- refused sql_syntax at 1:12: Invalid expression / Unexpected token.
-- fix: Check commas, brackets and keywords around this place.
-- try: SELECT diagnosis, COUNT(*) FROM visits GROUP BY diagnosis LIMIT 5

-- case: sorted by what is not grouped
SELECT COUNT(*) AS n FROM patients ORDER BY age
-- refused not_grouped at 1:45: Column age is neither in GROUP BY nor inside an aggregate.
-- fix: Sort by a group's key or an aggregate, or leave ORDER BY out: a column has many values in a row.
-- try: SELECT COUNT(*) AS n FROM patients

-- case: a format that is computed
SELECT FORMAT(region, COUNT(*)) FROM patients GROUP BY region
-- refused unsupported_syntax at 1:8: A format that is computed is not supported here.
-- fix: Write it out, as in FORMAT('{:.1f}', x).
-- try: SELECT COUNT(*) AS n FROM patients

-- case: NTILE of a noisy number
SELECT region, NTILE(COUNT(*)) OVER (ORDER BY region) FROM patients GROUP BY region
-- refused unsupported_syntax at 1:16: NTILE of a computed number is not supported here.
-- fix: Write a number, as in NTILE(4).
-- try: SELECT region FROM patients GROUP BY region

-- case: Snowflake's DATEADD
SELECT COUNT(*) FROM visits WHERE visited_on > DATEADD(day, -30, DATE '2024-12-31')
-- refused unknown_function at 1:48: DATEADD() is not on the list of functions that may read protected rows.
-- fix: Allowed are total, deterministic functions of one row; see the dataset's function list.
-- try: SELECT COUNT(*) FROM visits WHERE visited_on > (CAST('2024-12-31' AS DATE) + INTERVAL (-30) DAY)

-- case: BigQuery's raw strings
SELECT COUNT(*) FROM visits WHERE REGEXP_CONTAINS(diagnosis, r'flu')
-- refused sql_syntax at 1:63: Expecting ).
-- fix: Check commas, brackets and keywords around this place.
-- try: SELECT COUNT(*) FROM visits WHERE REGEXP_MATCHES(diagnosis, 'flu')

-- case: BigQuery's truncation
SELECT DATE_TRUNC(visited_on, MONTH) AS m, COUNT(*) AS n FROM visits GROUP BY m
-- refused unsupported_syntax at 1:8: Date part VISITED_ON is not supported here.
-- fix: Use one of year, quarter, month, week, day, hour, minute, second.
-- try: SELECT DATE_TRUNC('MONTH', visited_on) AS m, COUNT(*) AS n FROM visits GROUP BY m

-- case: Oracle's DECODE
SELECT DECODE(sex, 'F', 'female', 'M', 'male', 'other') AS s, COUNT(*) FROM patients GROUP BY 1
-- refused sql_syntax at 1:55: The number of provided arguments (6) is greater than the maximum number of supported arguments (3).
-- fix: Check commas, brackets and keywords around this place.
-- try: SELECT CASE WHEN sex = 'F' THEN 'female' WHEN sex = 'M' THEN 'male' ELSE 'other' END AS s, COUNT(*) FROM patients GROUP BY 1

-- case: brackets around names
SELECT [region], COUNT(*) FROM [patients] GROUP BY [region]
-- refused sql_syntax at 1:32: Expected table name but got <Token token_type: TokenType.L_BRACKET, text: [, line: 1, col: 32, start: 31, end: 31, comments: []>.
-- fix: Check commas, brackets and keywords around this place.
-- try: SELECT "region", COUNT(*) FROM "patients" GROUP BY "region"

-- case: buckets of two months
SELECT time_bucket(INTERVAL 2 MONTH, visited_on) AS b, COUNT(*) FROM visits GROUP BY 1
-- refused unsupported_syntax at 1:8: time_bucket of this width is not supported here.
-- fix: Use date_trunc('week', …) or another unit.
-- try: SELECT COUNT(*) FROM visits

-- case: INITCAP
SELECT INITCAP(diagnosis) AS d, COUNT(*) FROM visits GROUP BY 1
-- refused unknown_function at 1:16: INITCAP() is not on the list of functions that may read protected rows.
-- fix: Allowed are total, deterministic functions of one row; see the dataset's function list.
-- try: SELECT COUNT(*) FROM visits

-- case: another dialect's function beside one that DuckDB reads in its own way
SELECT AVG(LOG(1 + cost)) AS a FROM visits WHERE DATETIME_TRUNC(visited_on, MONTH) = DATE '2024-03-01'
-- refused unknown_function at 1:50: DATETIME_TRUNC() is not on the list of functions that may read protected rows.
-- fix: Allowed are total, deterministic functions of one row; see the dataset's function list.
-- try: SELECT AVG(LOG(1 + cost)) AS a FROM visits WHERE DATE_TRUNC('MONTH', CAST(visited_on AS TIMESTAMP)) = DATE '2024-03-01'

-- case: misspelt keywords
SELECT COUNT(*) FORM patients WHRE age > 3
-- refused sql_syntax at 1:22: Invalid expression / Unexpected token.
-- fix: Check commas, brackets and keywords around this place.
-- try: SELECT COUNT(*) FROM patients WHERE age > 3

-- case: GROUP without BY
SELECT region, COUNT(*) FROM patients GROUP region
-- refused sql_syntax at 1:45: Invalid expression / Unexpected token.
-- fix: Check commas, brackets and keywords around this place.
-- try: SELECT region, COUNT(*) FROM patients GROUP BY region

-- case: a date against a year
SELECT COUNT(*) FROM visits WHERE visited_on > 2023
-- refused type_mismatch at 1:35: integer and date do not go together.
-- fix: Use CAST on one side.
-- try: SELECT COUNT(*) FROM visits WHERE YEAR(visited_on) > 2023

-- case: an average of texts
SELECT AVG(region) FROM patients
-- refused type_mismatch at 1:12: AVG takes numbers, this is string.
-- fix: Name a column of numbers, COUNT it, or CAST it.
-- try: SELECT COUNT(*) AS n FROM patients

-- case: a place of no column
SELECT region, AVG(income) FROM patients GROUP BY 3
-- refused unknown_column at 1:51: GROUP BY 3 names no column of the SELECT.
-- fix: Write a number from 1 to 2, or the column itself.
-- try: SELECT region, AVG(income) FROM patients GROUP BY region

-- case: a series that months do not divide alike
SELECT COUNT(*) FROM generate_series(DATE '2024-01-31', DATE '2024-12-01', INTERVAL 1 MONTH) AS c(m)
-- refused unsupported_syntax at 1:22: A series whose ends or step are no whole numbers or dates is not supported here.
-- fix: Write range(0, 10), or generate_series(DATE '2024-01-01', DATE '2024-12-01', INTERVAL 1 MONTH).
-- try: SELECT COUNT(*) AS n FROM patients

-- case: a length of time with more than the parser reads
SELECT COUNT(*) FROM visits WHERE visited_on > DATE '2024-06-01' + INTERVAL '1 day ago'
-- refused unsupported_syntax at 1:77: A length of time is written as numbers with units.
-- fix: Write INTERVAL '1 day', INTERVAL '1 month -1 day' or INTERVAL (-1) DAY.
-- try: SELECT COUNT(*) AS n FROM visits

-- case: a length of time with a sign that DuckDB refuses
SELECT COUNT(*) FROM visits WHERE visited_on > DATE '2024-06-01' + INTERVAL '+1 day'
-- refused unsupported_syntax at 1:77: A length of time is written as numbers with units.
-- fix: Write INTERVAL '1 day', INTERVAL '1 month -1 day' or INTERVAL (-1) DAY.
-- try: SELECT COUNT(*) AS n FROM visits

-- case: values of a pivot from the data
SELECT * FROM patients PIVOT (COUNT(*) FOR sex IN ('F', 'M'))
-- refused unsupported_syntax at 1:15: TABLE with PIVOTS is not supported here.
-- fix: Write an aggregate for each value: AVG(x) FILTER (WHERE k = 'a') AS a, … GROUP BY the other columns.
-- try: SELECT COUNT(*) FILTER(WHERE sex = 'F') AS "F", COUNT(*) FILTER(WHERE sex = 'M') AS "M" FROM patients

-- case: Snowflake's RATIO_TO_REPORT
SELECT region, RATIO_TO_REPORT(COUNT(*)) OVER () AS share FROM patients GROUP BY region
-- refused unknown_function at 1:16: RATIO_TO_REPORT() is not on the list of functions.
-- fix: See the dataset's function list.
-- try: SELECT region, (COUNT(*) * 1.0 / SUM(COUNT(*)) OVER ()) AS share FROM patients GROUP BY region

-- case: EXISTS along a declared path
SELECT COUNT(*) FROM visits v WHERE NOT EXISTS (SELECT 1 FROM prescriptions x WHERE x.visit_id = v.visit_id)
-- refused subquery_not_on_unit at 1:56: The subquery reads protected rows of other people: it is not matched on the privacy unit.
-- fix: Equate the unit ids in its WHERE (… WHERE v.id = p.id), or look the unit id up: id IN (SELECT id FROM …), where no side of an outer join makes the id NULL.
-- try: SELECT COUNT(*) FROM visits AS v ANTI JOIN prescriptions AS x ON x.visit_id = v.visit_id

-- case: LIKE ANY
SELECT COUNT(*) FROM visits WHERE diagnosis LIKE ANY (ARRAY['flu%', 'asthma%'])
-- refused unsupported_syntax at 1:61: ANY is not supported here.
-- try: SELECT COUNT(*) FROM visits WHERE (diagnosis LIKE 'flu%' OR diagnosis LIKE 'asthma%')

-- case: BigQuery's ISOWEEK
SELECT EXTRACT(ISOWEEK FROM visited_on) AS w, COUNT(*) FROM visits GROUP BY w
-- refused unsupported_syntax at 1:29: Date part ISOWEEK is not supported here.
-- fix: Use one of year, quarter, month, week, day, dayofweek, isodow, dayofyear, hour, minute, second, isoyear, yearweek, epoch.
-- try: SELECT EXTRACT(WEEK FROM visited_on) AS w, COUNT(*) FROM visits GROUP BY w

-- case: MODE of each group
SELECT clinic, MODE(diagnosis) FROM visits GROUP BY clinic
-- refused unsupported_aggregate at 1:16: MODE() has no private form here.
-- fix: Use COUNT, SUM, AVG, VAR, STDDEV, MEDIAN or QUANTILE_CONT; in a per-unit subquery also MIN and MAX.
-- try: SELECT clinic, diagnosis AS mode, COUNT(*) AS n FROM visits GROUP BY clinic, diagnosis QUALIFY ROW_NUMBER() OVER (PARTITION BY clinic ORDER BY COUNT(*) DESC) = 1

-- case: a number in quotes
SELECT COUNT(*) FROM visits WHERE cost > '1000'
-- refused type_mismatch at 1:35: These types do not go together: number, string.
-- fix: Use CAST on one side.
-- try: SELECT COUNT(*) FROM visits WHERE cost > 1000

-- case: NOT LIKE ANY is not offered as its opposite
SELECT COUNT(*) FROM visits WHERE diagnosis NOT LIKE ANY ('a%', 'b%')
-- refused unsupported_syntax at 1:59: ANY is not supported here.
-- try: SELECT COUNT(*) FROM visits

-- case: a subquery below OR is no join
SELECT COUNT(*) FROM visits WHERE clinic = 'Harbour' OR (visit_id IN (SELECT visit_id FROM visits WHERE cost > 5) AND cost > 5)
-- refused subquery_not_on_unit at 1:58: The subquery reads protected rows of other people: it is not matched on the privacy unit.
-- fix: Equate the unit ids in its WHERE (… WHERE v.id = p.id), or look the unit id up: id IN (SELECT id FROM …), where no side of an outer join makes the id NULL.
-- try: SELECT COUNT(*) FROM visits WHERE clinic = 'Harbour' OR (visit_id IN (SELECT visit_id FROM visits AS visits_2 WHERE cost > 5 AND visits_2.patient_id = visits.patient_id) AND cost > 5)

-- case: an average of each row's own group
SELECT COUNT(*) FROM patients p WHERE p.income > (SELECT AVG(q.income) FROM patients q WHERE q.region = p.region)
-- refused correlated_release at 1:105: An aggregate over people depends on the row of the query around it; each row would be a release.
-- fix: Join with it: … JOIN (SELECT k, AVG(x) AS a FROM t GROUP BY k) s ON s.k = p.k WHERE p.x > s.a.
-- try: SELECT COUNT(*) FROM patients AS p LEFT JOIN (SELECT q.region AS k0, AVG(q.income) AS a FROM patients AS q GROUP BY q.region) AS s ON s.k0 = p.region WHERE p.income > s.a

-- case: keys of an earlier stage as all keys
SELECT t.region, COUNT(p.patient_id) FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) t LEFT JOIN patients p ON p.region = t.region GROUP BY t.region
-- refused public_outer_join at 1:116: Rows of a public table that match no protected row belong to nobody; here they would be lost or tell of others.
-- fix: Use JOIN, or aggregate directly: SELECT r.x, COUNT(p.id) FROM r LEFT JOIN p ON … GROUP BY r.x.
-- try: SELECT t.region, COUNT(p.patient_id) FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) AS t JOIN patients AS p ON p.region = t.region GROUP BY t.region

-- case: the average of a condition
SELECT AVG(age > 50) FROM patients
-- refused type_mismatch at 1:12: AVG takes numbers, this is boolean.
-- fix: Name a column of numbers, COUNT it, or CAST it.
-- try: SELECT AVG(CAST(age > 50 AS INT)) FROM patients

-- case: COUNT(DISTINCT) of two columns
SELECT COUNT(DISTINCT clinic, diagnosis) FROM visits
-- refused unsupported_syntax at 1:8: COUNT(DISTINCT a, b) is not supported here.
-- fix: Write COUNT(DISTINCT (a, b)).
-- try: SELECT COUNT(DISTINCT (clinic, diagnosis)) FILTER(WHERE NOT clinic IS NULL AND NOT diagnosis IS NULL) FROM visits

-- case: a median as BigQuery writes it
SELECT region, APPROX_QUANTILES(age, 4)[OFFSET(2)] AS med FROM patients GROUP BY region
-- refused unsupported_aggregate at 1:16: APPROX_QUANTILES() has no private form here.
-- fix: Use COUNT, SUM, AVG, VAR, STDDEV, MEDIAN or QUANTILE_CONT; in a per-unit subquery also MIN and MAX.
-- try: SELECT region, QUANTILE_CONT(age, 0.5) AS med FROM patients GROUP BY region

-- case: a median as Spark writes it
SELECT PERCENTILE_APPROX(income, 0.5) FROM patients
-- refused unknown_function at 1:8: PERCENTILE_APPROX() is not on the list of functions that may read protected rows.
-- fix: Allowed are total, deterministic functions of one row; see the dataset's function list.
-- try: SELECT QUANTILE_CONT(income, 0.5) FROM patients

-- case: letters of a date as Spark writes them
SELECT DATE_FORMAT(visited_on, 'yyyy-MM') AS m, COUNT(*) FROM visits GROUP BY m
-- refused unknown_function at 1:8: DATE_FORMAT() is not on the list of functions that may read protected rows.
-- fix: Allowed are total, deterministic functions of one row; see the dataset's function list.
-- try: SELECT STRFTIME(visited_on, '%Y-%m') AS m, COUNT(*) FROM visits GROUP BY m

-- case: a month as SQL Server writes it
SELECT CONVERT(VARCHAR(7), visited_on, 120) AS ym, COUNT(*) FROM visits GROUP BY CONVERT(VARCHAR(7), visited_on, 120)
-- refused sql_syntax at 1:43: Invalid expression / Unexpected token.
-- fix: Check commas, brackets and keywords around this place.
-- try: SELECT strftime(visited_on, '%Y-%m') AS ym, COUNT(*) FROM visits GROUP BY strftime(visited_on, '%Y-%m')

-- case: CROSS APPLY
SELECT COUNT(*) FROM patients p CROSS APPLY (SELECT COUNT(*) AS n FROM visits v WHERE v.patient_id = p.patient_id) t WHERE t.n >= 2
-- refused unsupported_syntax at 1:53: LATERAL with CROSS_APPLY is not supported here.
-- try: SELECT COUNT(*) FROM patients p CROSS JOIN LATERAL (SELECT COUNT(*) AS n FROM visits v WHERE v.patient_id = p.patient_id) t WHERE t.n >= 2

-- case: a number in quotes beside a text of digits
SELECT COUNT(*) FROM patients WHERE age > '50' AND region = '3'
-- refused type_mismatch at 1:37: These types do not go together: integer, string.
-- fix: Use CAST on one side.
-- try: SELECT COUNT(*) FROM patients WHERE age > 50 AND region = '3'

-- case: an expression in CUBE
SELECT region, age >= 65 AS senior, COUNT(*) FROM patients GROUP BY CUBE (region, age >= 65)
-- refused sql_syntax at 1:87: Expecting ).
-- fix: Check commas, brackets and keywords around this place.
-- try: SELECT region, age >= 65 AS senior, COUNT(*) FROM patients GROUP BY CUBE (region, senior)

-- case: EVERY
SELECT EVERY(age >= 0) FROM patients
-- refused unsupported_aggregate at 1:8: EVERY() has no private form here.
-- fix: Use COUNT, SUM, AVG, VAR, STDDEV, MEDIAN or QUANTILE_CONT; in a per-unit subquery also MIN and MAX.
-- try: SELECT BOOL_AND(CAST(age >= 0 AS BOOLEAN)) FROM patients

-- case: a path of people
SELECT STRING_AGG(clinic, '>' ORDER BY visit_id) FROM visits
-- refused unsupported_aggregate at 1:19: STRING_AGG of string values over people has no private form here.
-- fix: Use COUNT, SUM, AVG, MIN, MAX, MEDIAN, QUANTILE_CONT, VAR, STDDEV, CORR or COVAR of numbers.
-- try: SELECT COUNT(DISTINCT clinic) FROM visits

-- case: a count of each row's own group
SELECT COUNT(*) FROM patients p WHERE EXISTS (SELECT COUNT(*) FROM patients q WHERE q.region = p.region)
-- refused released_in_protected at 1:54: A released result stands inside a query over protected rows where no earlier stage can give it.
-- fix: Join with it in FROM, compare with (SELECT one number …) or use IN (SELECT keys …); or write its answer as a constant.
-- try: SELECT COUNT(*) FROM patients AS p

-- case: LATERAL (VALUES) on a condition
SELECT COUNT(*) FROM patients p LEFT JOIN LATERAL (VALUES (p.age), (p.income)) v(x) ON v.x > 50
-- refused unsupported_syntax at 1:60: LATERAL … ON a condition is not supported here.
-- fix: Write ON TRUE, and the condition in WHERE.
-- try: SELECT COUNT(*) FROM patients AS p

-- case: UNNEST beside a window
SELECT k, COUNT(*) FROM (SELECT patient_id, UNNEST(['a', 'b']) AS k, ROW_NUMBER() OVER (PARTITION BY patient_id ORDER BY visit_id) AS rn FROM visits) t WHERE rn = 1 GROUP BY k
-- refused unsupported_syntax at 1:45: UNNEST beside a window function is not supported here.
-- fix: Compute the window in a subquery, and UNNEST outside it.
-- try: SELECT COUNT(*) FROM (SELECT patient_id, ROW_NUMBER() OVER (PARTITION BY patient_id ORDER BY visit_id) AS rn FROM visits) AS t WHERE rn = 1

-- case: values of an earlier stage of no known type
SELECT COUNT(*) FROM patients WHERE region IN (SELECT printf('%s', region) AS r FROM patients GROUP BY region)
-- refused type_mismatch at 1:37: string is looked up among r, whose type does not follow from the inner SELECT's text: it is taken for a number.
-- fix: Say it there by a cast: SELECT CAST(… AS TEXT).
-- try: SELECT COUNT(*) FROM patients
