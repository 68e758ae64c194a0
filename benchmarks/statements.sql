# Statements as analysts of other systems write them, for the demo's clinic; benchmarks/statements.py asks each over HTTP.
# Those that are refused have a suggestion. A name, then the statement, to the next name.

-- bq_safe_divide
SELECT region, SAFE_DIVIDE(SUM(income), COUNT(*)) AS per_head FROM patients GROUP BY region;

-- bq_countif
SELECT clinic, COUNTIF(cost > 1000) AS expensive, COUNT(*) AS n, ROUND(100.0 * COUNTIF(cost > 1000) / COUNT(*), 1) AS pct FROM visits GROUP BY clinic;

-- bq_date_trunc
SELECT DATE_TRUNC(visited_on, MONTH) AS m, COUNT(*) AS n FROM visits GROUP BY m ORDER BY m;

-- bq_extract_isoweek
SELECT EXTRACT(ISOYEAR FROM visited_on) AS y, EXTRACT(WEEK FROM visited_on) AS w, COUNT(*) AS n FROM visits GROUP BY 1, 2 ORDER BY 1, 2;

-- bq_format_date
SELECT FORMAT_DATE('%Y-%m', visited_on) AS ym, COUNT(*) AS n FROM visits GROUP BY ym ORDER BY ym;

-- bq_if
SELECT IF(age >= 65, 'senior', 'other') AS grp, COUNT(*) AS n FROM patients GROUP BY 1;

-- bq_approx_quantiles
SELECT region, APPROX_QUANTILES(age, 4)[OFFSET(2)] AS med FROM patients GROUP BY region;

-- bq_ifnull
SELECT IFNULL(diagnosis, 'unknown') AS d, COUNT(*) AS n FROM visits GROUP BY 1 ORDER BY n DESC;

-- bq_qualify_rank
SELECT region, sex, COUNT(*) AS n FROM patients GROUP BY region, sex QUALIFY ROW_NUMBER() OVER (PARTITION BY region ORDER BY COUNT(*) DESC) = 1;

-- bq_unnest_struct
SELECT lo, hi, COUNT(*) AS n FROM patients JOIN (SELECT 0 AS lo, 18 AS hi UNION ALL SELECT 18, 65 UNION ALL SELECT 65, 101) b ON age >= lo AND age < hi GROUP BY lo, hi ORDER BY lo;

-- bq_generate_array
SELECT b AS income_from, COUNT(p.patient_id) AS n FROM UNNEST(GENERATE_SERIES(0, 180000, 20000)) AS t(b) LEFT JOIN patients p ON p.income >= b AND p.income < b + 20000 GROUP BY b ORDER BY b;

-- bq_date_diff
SELECT AVG(DATE_DIFF('day', first_visit, last_visit)) AS span FROM (SELECT patient_id, MIN(visited_on) AS first_visit, MAX(visited_on) AS last_visit FROM visits GROUP BY patient_id) t;

-- sf_iff
SELECT clinic, SUM(IFF(cost > 500, 1, 0)) AS n FROM visits GROUP BY clinic;

-- sf_div0
SELECT region, DIV0(SUM(CASE WHEN sex = 'F' THEN 1 ELSE 0 END), COUNT(*)) AS share FROM patients GROUP BY region;

-- sf_ratio_to_report
SELECT region, COUNT(*) AS n, RATIO_TO_REPORT(COUNT(*)) OVER () AS share FROM patients GROUP BY region;

-- sf_count_if
SELECT COUNT_IF(age < 18) AS kids, COUNT_IF(age BETWEEN 18 AND 64) AS adults, COUNT_IF(age >= 65) AS seniors FROM patients;

-- sf_nvl
SELECT NVL(diagnosis, 'none') AS d, COUNT(*) AS n FROM visits GROUP BY d;

-- sf_zeroifnull
SELECT AVG(COALESCE(income, 0)) AS avg_income_all, AVG(income) AS avg_income_known FROM patients;

-- sf_to_char
SELECT TO_CHAR(visited_on, 'YYYY-MM') AS m, COUNT(*) FROM visits GROUP BY 1 ORDER BY 1;

-- sf_dayname
SELECT DAYNAME(visited_on) AS d, COUNT(*) AS n FROM visits GROUP BY 1;

-- sf_monthname
SELECT MONTHNAME(visited_on) AS m, SUM(cost) AS c FROM visits GROUP BY 1;

-- sf_median_group
SELECT sex, MEDIAN(income) AS med FROM patients GROUP BY sex;

-- sf_listagg
SELECT region, LISTAGG(sex, ',') FROM patients GROUP BY region;

-- sf_width_bucket
SELECT WIDTH_BUCKET(income, 0, 200000, 10) AS decile, COUNT(*) AS n FROM patients GROUP BY 1 ORDER BY 1;

-- sf_decode
SELECT DECODE(sex, 'F', 'female', 'M', 'male', 'other') AS s, COUNT(*) AS n FROM patients GROUP BY 1;

-- pg_filter
SELECT region, COUNT(*) FILTER (WHERE sex = 'F') AS f, COUNT(*) FILTER (WHERE sex = 'M') AS m FROM patients GROUP BY region ORDER BY region;

-- pg_percentile_cont
SELECT region, PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY income) AS med FROM patients GROUP BY region;

-- pg_percentile_multi
SELECT PERCENTILE_CONT(0.25) WITHIN GROUP (ORDER BY income) AS q1, PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY income) AS q2, PERCENTILE_CONT(0.75) WITHIN GROUP (ORDER BY income) AS q3 FROM patients;

-- pg_cast_date
SELECT date_trunc('quarter', visited_on)::date AS q, COUNT(*) AS visits, COUNT(DISTINCT patient_id) AS patients FROM visits GROUP BY q ORDER BY q;

-- pg_age_bands_floor
SELECT (age / 10)::int * 10 AS band, COUNT(*) AS n FROM patients GROUP BY 1 ORDER BY 1;

-- pg_generate_series_join
SELECT m.month, COUNT(v.visit_id) AS visits FROM generate_series(DATE '2024-01-01', DATE '2024-12-01', INTERVAL 1 MONTH) AS m(month) LEFT JOIN visits v ON date_trunc('month', v.visited_on) = m.month GROUP BY m.month ORDER BY m.month;

-- pg_ilike
SELECT COUNT(DISTINCT patient_id) FROM visits WHERE diagnosis ILIKE '%fracture%';

-- pg_regexp
SELECT COUNT(*) FROM visits WHERE diagnosis ~ '^a.*a$';

-- pg_string_agg
SELECT clinic, STRING_AGG(diagnosis, ', ') FROM visits GROUP BY clinic;

-- pg_coalesce_group
SELECT COALESCE(region, 'all') AS region, COUNT(*) FROM patients GROUP BY ROLLUP(region);

-- pg_grouping
SELECT region, sex, GROUPING(region, sex) AS g, COUNT(*) AS n FROM patients GROUP BY CUBE(region, sex) ORDER BY g, region, sex;

-- pg_distinct_on
SELECT clinic, COUNT(*) FROM (SELECT DISTINCT ON (patient_id) patient_id, clinic FROM visits ORDER BY patient_id, visited_on) t GROUP BY clinic;

-- pg_lateral
SELECT COUNT(*) FROM patients p CROSS JOIN LATERAL (SELECT COUNT(*) AS n FROM visits v WHERE v.patient_id = p.patient_id) t WHERE t.n > 3;

-- pg_interval
SELECT COUNT(DISTINCT patient_id) FROM visits WHERE visited_on >= DATE '2024-12-31' - INTERVAL '90 days';

-- pg_extract_dow
SELECT EXTRACT(DOW FROM visited_on) AS dow, AVG(cost) AS avg_cost FROM visits GROUP BY 1 ORDER BY 1;

-- pg_bool_or
SELECT COUNT(*) FROM (SELECT patient_id, BOOL_OR(diagnosis = 'flu') AS had_flu FROM visits GROUP BY patient_id) t WHERE had_flu;

-- pg_width_bucket
SELECT width_bucket(age, 0, 100, 5) AS bucket, AVG(income) FROM patients GROUP BY bucket ORDER BY bucket;

-- pg_nullif
SELECT clinic, SUM(cost) / NULLIF(COUNT(DISTINCT patient_id), 0) AS per_patient FROM visits GROUP BY clinic;

-- pg_values_bands
WITH bands(lo, hi, name) AS (VALUES (0, 17, 'child'), (18, 64, 'adult'), (65, 120, 'senior')) SELECT b.name, COUNT(*) AS n, AVG(p.income) AS inc FROM patients p JOIN bands b ON p.age BETWEEN b.lo AND b.hi GROUP BY b.name;

-- pg_cast_numeric_round
SELECT region, ROUND(AVG(income)::numeric, 2) AS avg_income FROM patients GROUP BY region ORDER BY 2 DESC;

-- pg_make_date
SELECT COUNT(*) FROM visits WHERE visited_on >= make_date(2024, 3, 1);

-- spark_date_format
SELECT date_format(visited_on, 'yyyy-MM') AS m, count(1) AS n FROM visits GROUP BY m;

-- spark_year_month
SELECT year(visited_on) AS y, month(visited_on) AS m, count(*) AS n, sum(cost) AS c FROM visits GROUP BY year(visited_on), month(visited_on) ORDER BY y, m;

-- spark_percentile_approx
SELECT percentile_approx(income, 0.5) FROM patients;

-- spark_count_distinct_expr
SELECT count(distinct year(visited_on), month(visited_on)) FROM visits;

-- spark_stddev
SELECT stddev(age), stddev_pop(age), var_samp(age), variance(age) FROM patients;

-- spark_sum_boolean
SELECT region, avg(CAST(age >= 65 AS INT)) AS share_senior FROM patients GROUP BY region;

-- spark_nvl2
SELECT COUNT(*) FROM patients WHERE nvl2(income, 1, 0) = 1;

-- spark_lateral_view
SELECT clinic, count(*) FROM visits LATERAL VIEW explode(array(1,2)) t AS x GROUP BY clinic;

-- ms_top
SELECT TOP 3 diagnosis, COUNT(*) AS n FROM visits GROUP BY diagnosis ORDER BY COUNT(*) DESC;

-- ms_isnull
SELECT ISNULL(diagnosis, 'n/a') AS d, COUNT(*) AS n FROM visits GROUP BY ISNULL(diagnosis, 'n/a');

-- ms_datepart
SELECT DATEPART(year, visited_on) AS y, COUNT(*) AS n FROM visits GROUP BY DATEPART(year, visited_on);

-- ms_datediff
SELECT AVG(DATEDIFF(day, f, l)) FROM (SELECT patient_id, MIN(visited_on) AS f, MAX(visited_on) AS l FROM visits GROUP BY patient_id) t;

-- ms_brackets
SELECT [region], COUNT(*) AS [n] FROM [patients] GROUP BY [region];

-- ms_iif
SELECT IIF(sex = 'F', 'women', 'rest') AS g, COUNT(*) AS n FROM patients GROUP BY IIF(sex = 'F', 'women', 'rest');

-- ms_convert
SELECT CONVERT(VARCHAR(7), visited_on, 120) AS ym, COUNT(*) FROM visits GROUP BY CONVERT(VARCHAR(7), visited_on, 120);

-- ms_count_big
SELECT COUNT_BIG(*) FROM visits;

-- ms_stdev
SELECT STDEV(income) FROM patients;

-- ms_cross_apply
SELECT COUNT(*) FROM patients p CROSS APPLY (SELECT COUNT(*) AS n FROM visits v WHERE v.patient_id = p.patient_id) t WHERE t.n >= 2;

-- ms_len
SELECT LEN(diagnosis) AS l, COUNT(*) FROM visits GROUP BY LEN(diagnosis);

-- ms_eomonth
SELECT EOMONTH(visited_on) AS e, COUNT(*) FROM visits GROUP BY EOMONTH(visited_on);

-- my_backticks
SELECT `region`, COUNT(*) AS `n` FROM `patients` GROUP BY `region`;

-- my_date_format
SELECT DATE_FORMAT(visited_on, '%Y-%m') AS ym, COUNT(*) FROM visits GROUP BY ym;

-- my_limit_comma
SELECT clinic, COUNT(*) n FROM visits GROUP BY clinic ORDER BY n DESC LIMIT 0, 3;

-- my_sum_cond
SELECT SUM(sex = 'F') AS women, SUM(sex = 'M') AS men FROM patients;

-- my_group_by_ordinal_desc
SELECT YEAR(visited_on), MONTH(visited_on), COUNT(*) FROM visits GROUP BY 1, 2 ORDER BY 1 DESC, 2 DESC;

-- excel_countifs
SELECT COUNT(*) FROM visits WHERE clinic = 'Central' AND cost >= 100 AND cost < 500;

-- excel_averageif
SELECT AVG(CASE WHEN clinic = 'Central' THEN cost END) AS central_avg, AVG(CASE WHEN clinic <> 'Central' THEN cost END) AS other_avg FROM visits;

-- excel_sumproduct
SELECT SUM(cost * (CASE WHEN clinic = 'Harbour' THEN 1.1 ELSE 1.0 END)) AS adjusted FROM visits;

-- dash_kpi
SELECT COUNT(DISTINCT patient_id) AS patients, COUNT(*) AS visits, SUM(cost) AS revenue, AVG(cost) AS avg_ticket, COUNT(*) * 1.0 / COUNT(DISTINCT patient_id) AS visits_per_patient FROM visits WHERE visited_on BETWEEN '2024-01-01' AND '2024-12-31';

-- dash_this_vs_last_year
SELECT SUM(CASE WHEN YEAR(visited_on) = 2024 THEN cost END) AS ty, SUM(CASE WHEN YEAR(visited_on) = 2023 THEN cost END) AS ly, SUM(CASE WHEN YEAR(visited_on) = 2024 THEN cost END) / SUM(CASE WHEN YEAR(visited_on) = 2023 THEN cost END) - 1 AS growth FROM visits;

-- dash_top_with_other
WITH d AS (SELECT diagnosis, COUNT(*) AS n FROM visits GROUP BY diagnosis), r AS (SELECT diagnosis, n, ROW_NUMBER() OVER (ORDER BY n DESC) AS rk FROM d) SELECT CASE WHEN rk <= 3 THEN diagnosis ELSE 'other' END AS d, SUM(n) AS n FROM r GROUP BY 1 ORDER BY n DESC;

-- dash_pct_of_total
SELECT clinic, COUNT(*) AS n, 100.0 * COUNT(*) / SUM(COUNT(*)) OVER () AS pct FROM visits GROUP BY clinic ORDER BY pct DESC;

-- dash_pct_cte
WITH t AS (SELECT clinic, SUM(cost) AS c FROM visits GROUP BY clinic) SELECT clinic, c, c / (SELECT SUM(c) FROM t) AS share FROM t ORDER BY share DESC;

-- dash_running_total
SELECT m, n, SUM(n) OVER (ORDER BY m) AS running FROM (SELECT date_trunc('month', visited_on) AS m, COUNT(*) AS n FROM visits GROUP BY 1) t ORDER BY m;

-- dash_moving_avg
SELECT m, n, AVG(n) OVER (ORDER BY m ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS ma3 FROM (SELECT date_trunc('month', visited_on) AS m, COUNT(*) AS n FROM visits GROUP BY 1) t ORDER BY m;

-- dash_mom
SELECT m, n, n - LAG(n) OVER (ORDER BY m) AS delta, ROUND(100.0 * (n - LAG(n) OVER (ORDER BY m)) / LAG(n) OVER (ORDER BY m), 1) AS pct FROM (SELECT date_trunc('month', visited_on) AS m, COUNT(*) AS n FROM visits GROUP BY 1) t ORDER BY m;

-- dash_yoy_by_month
SELECT m.mo, a.n AS n23, b.n AS n24, b.n - a.n AS diff FROM (SELECT UNNEST([1,2,3,4,5,6,7,8,9,10,11,12]) AS mo) m LEFT JOIN (SELECT month(visited_on) AS mo, COUNT(*) AS n FROM visits WHERE year(visited_on) = 2023 GROUP BY 1) a ON a.mo = m.mo LEFT JOIN (SELECT month(visited_on) AS mo, COUNT(*) AS n FROM visits WHERE year(visited_on) = 2024 GROUP BY 1) b ON b.mo = m.mo ORDER BY m.mo;

-- dash_yoy_lag12
SELECT m, c, LAG(c, 12) OVER (ORDER BY m) AS prev_year, c / NULLIF(LAG(c, 12) OVER (ORDER BY m), 0) - 1 AS yoy FROM (SELECT date_trunc('month', visited_on) AS m, SUM(cost) AS c FROM visits GROUP BY 1) t ORDER BY m;

-- dash_union_total
SELECT region, COUNT(*) AS n FROM patients GROUP BY region UNION ALL SELECT 'Total', COUNT(*) FROM patients;

-- dash_heatmap
SELECT dayofweek(visited_on) AS dow, month(visited_on) AS mo, COUNT(*) AS n FROM visits GROUP BY dow, mo;

-- dash_pivot_clause
PIVOT (SELECT clinic, year(visited_on) AS y, cost FROM visits) ON y IN (2023, 2024) USING SUM(cost) GROUP BY clinic;

-- dash_pivot_from
SELECT * FROM (SELECT region, sex, COUNT(*) AS n FROM patients GROUP BY region, sex) PIVOT (SUM(n) FOR sex IN ('F', 'M', 'X')) ORDER BY region;

-- dash_unpivot
SELECT metric, val FROM (SELECT COUNT(*) AS visits, COUNT(DISTINCT patient_id) AS patients FROM visits) UNPIVOT (val FOR metric IN (visits, patients));

-- epi_prevalence
SELECT p.region, COUNT(DISTINCT v.patient_id) AS cases, COUNT(DISTINCT p.patient_id) AS pop, 1000.0 * COUNT(DISTINCT v.patient_id) / COUNT(DISTINCT p.patient_id) AS per_1000 FROM patients p LEFT JOIN visits v ON v.patient_id = p.patient_id AND v.diagnosis = 'diabetes' GROUP BY p.region;

-- epi_rate_public_denominator
SELECT r.country, COUNT(v.visit_id) AS visits, 100000.0 * COUNT(v.visit_id) / MAX(r.population) AS rate FROM visits v JOIN patients p USING (patient_id) JOIN regions r ON r.region = p.region GROUP BY r.country;

-- epi_rate_joined_release
SELECT r.region, r.population, c.n, 1e5 * c.n / r.population AS per_100k FROM regions r JOIN (SELECT p.region, COUNT(*) AS n FROM patients p WHERE EXISTS (SELECT 1 FROM visits v WHERE v.patient_id = p.patient_id AND v.diagnosis = 'asthma') GROUP BY p.region) c ON c.region = r.region ORDER BY per_100k DESC;

-- epi_odds_ratio
WITH t AS (SELECT p.sex, EXISTS (SELECT 1 FROM visits v WHERE v.patient_id = p.patient_id AND v.diagnosis = 'flu') AS flu FROM patients p), c AS (SELECT COUNT(*) FILTER (WHERE sex = 'F' AND flu) AS a, COUNT(*) FILTER (WHERE sex = 'F' AND NOT flu) AS b, COUNT(*) FILTER (WHERE sex = 'M' AND flu) AS c, COUNT(*) FILTER (WHERE sex = 'M' AND NOT flu) AS d FROM t) SELECT (a * 1.0 / b) / (c * 1.0 / d) AS odds_ratio FROM c;

-- epi_comorbidity
SELECT a.diagnosis AS d1, b.diagnosis AS d2, COUNT(DISTINCT a.patient_id) AS n FROM visits a JOIN visits b ON a.patient_id = b.patient_id AND a.diagnosis < b.diagnosis GROUP BY 1, 2 ORDER BY n DESC;

-- epi_incidence_first
SELECT date_trunc('month', first_on) AS m, COUNT(*) AS new_cases FROM (SELECT patient_id, MIN(visited_on) AS first_on FROM visits WHERE diagnosis = 'diabetes' GROUP BY patient_id) f GROUP BY m ORDER BY m;

-- epi_age_standardised
WITH bands AS (SELECT CASE WHEN age < 40 THEN 'young' ELSE 'old' END AS band, COUNT(*) AS n, AVG(income) AS rate FROM patients GROUP BY 1), w AS (SELECT * FROM (VALUES ('young', 0.6), ('old', 0.4)) AS t(band, weight)) SELECT SUM(rate * weight) AS standardised FROM bands JOIN w USING (band);

-- epi_readmission
SELECT COUNT(*) AS readmissions FROM (SELECT patient_id, visited_on, LEAD(visited_on) OVER (PARTITION BY patient_id ORDER BY visited_on) AS nxt FROM visits) t WHERE nxt - visited_on <= 30;

-- epi_readmission_interval
SELECT AVG(CASE WHEN nxt <= visited_on + INTERVAL 30 DAY THEN 1.0 ELSE 0 END) AS rate FROM (SELECT patient_id, visited_on, LEAD(visited_on) OVER (PARTITION BY patient_id ORDER BY visited_on) AS nxt FROM visits) t;

-- epi_person_time
SELECT SUM(months) AS person_months FROM (SELECT patient_id, date_diff('month', MIN(visited_on), MAX(visited_on)) + 1 AS months FROM visits GROUP BY patient_id) t;

-- epi_weekly_curve
SELECT date_trunc('week', visited_on) AS wk, COUNT(*) AS flu FROM visits WHERE diagnosis = 'flu' AND visited_on >= '2024-01-01' GROUP BY wk ORDER BY wk;

-- epi_excess
WITH w AS (SELECT year(visited_on) AS y, month(visited_on) AS m, COUNT(*) AS n FROM visits GROUP BY 1, 2) SELECT a.m, a.n - b.n AS excess FROM w a JOIN w b ON a.m = b.m AND a.y = 2024 AND b.y = 2023 ORDER BY a.m;

-- prod_funnel
SELECT COUNT(*) AS step0, COUNT(*) FILTER (WHERE n >= 1) AS step1, COUNT(*) FILTER (WHERE n >= 2) AS step2, COUNT(*) FILTER (WHERE n >= 3) AS step3 FROM (SELECT p.patient_id, COUNT(v.visit_id) AS n FROM patients p LEFT JOIN visits v ON p.patient_id = v.patient_id GROUP BY p.patient_id) t;

-- prod_funnel_steps
WITH s1 AS (SELECT patient_id, MIN(visited_on) AS d FROM visits WHERE clinic = 'Central' GROUP BY patient_id), s2 AS (SELECT v.patient_id, MIN(v.visited_on) AS d FROM visits v JOIN s1 ON s1.patient_id = v.patient_id AND v.visited_on > s1.d WHERE v.clinic = 'Harbour' GROUP BY v.patient_id) SELECT (SELECT COUNT(*) FROM s1) AS central, (SELECT COUNT(*) FROM s2) AS then_harbour, (SELECT COUNT(*) FROM s2) * 1.0 / (SELECT COUNT(*) FROM s1) AS conversion;

-- prod_cohort_retention
WITH f AS (SELECT patient_id, date_trunc('quarter', MIN(visited_on)) AS cohort FROM visits GROUP BY patient_id) SELECT f.cohort, date_diff('quarter', f.cohort, date_trunc('quarter', v.visited_on)) AS k, COUNT(DISTINCT v.patient_id) AS active FROM visits v JOIN f ON f.patient_id = v.patient_id GROUP BY 1, 2 ORDER BY 1, 2;

-- prod_cohort_rate
WITH f AS (SELECT patient_id, MIN(visited_on) AS d0 FROM visits GROUP BY patient_id), a AS (SELECT date_diff('month', f.d0, v.visited_on) AS k, COUNT(DISTINCT v.patient_id) AS active FROM visits v JOIN f USING (patient_id) GROUP BY 1) SELECT k, active, active * 1.0 / FIRST_VALUE(active) OVER (ORDER BY k) AS retention FROM a ORDER BY k;

-- prod_dau_mau
SELECT m, AVG(dau) AS avg_dau FROM (SELECT date_trunc('month', visited_on) AS m, visited_on, COUNT(DISTINCT patient_id) AS dau FROM visits WHERE visited_on BETWEEN '2024-01-01' AND '2024-03-31' GROUP BY 1, 2) t GROUP BY m ORDER BY m;

-- prod_new_vs_returning
SELECT date_trunc('month', visited_on) AS m, CASE WHEN rn = 1 THEN 'new' ELSE 'returning' END AS kind, COUNT(*) AS n FROM (SELECT patient_id, visited_on, ROW_NUMBER() OVER (PARTITION BY patient_id ORDER BY visited_on, visit_id) AS rn FROM visits) t GROUP BY 1, 2 ORDER BY 1, 2;

-- prod_churn
SELECT COUNT(*) FILTER (WHERE last_on < DATE '2024-07-01') * 1.0 / COUNT(*) AS churned FROM (SELECT patient_id, MAX(visited_on) AS last_on FROM visits GROUP BY patient_id) t;

-- prod_rfm
WITH r AS (SELECT patient_id, date_diff('day', MAX(visited_on), DATE '2024-12-31') AS recency, COUNT(*) AS freq, SUM(cost) AS monetary FROM visits GROUP BY patient_id) SELECT CASE WHEN recency <= 90 THEN 'recent' ELSE 'lapsed' END AS r, CASE WHEN freq >= 5 THEN 'often' ELSE 'rare' END AS f, COUNT(*) AS n, AVG(monetary) AS avg_m FROM r GROUP BY 1, 2;

-- prod_sessions_gap
WITH g AS (SELECT patient_id, CASE WHEN visited_on - LAG(visited_on) OVER (PARTITION BY patient_id ORDER BY visited_on) > 60 THEN 1 ELSE 0 END AS new_ep FROM visits) SELECT SUM(new_ep) AS gaps, COUNT(DISTINCT patient_id) AS pts FROM g;

-- prod_episodes
WITH g AS (SELECT patient_id, visit_id, visited_on, CASE WHEN LAG(visited_on) OVER w IS NULL OR visited_on - LAG(visited_on) OVER w > 60 THEN 1 ELSE 0 END AS new_ep FROM visits WINDOW w AS (PARTITION BY patient_id ORDER BY visited_on, visit_id)), e AS (SELECT patient_id, SUM(new_ep) OVER (PARTITION BY patient_id ORDER BY visited_on, visit_id) AS ep FROM g) SELECT AVG(n) AS visits_per_episode FROM (SELECT patient_id, ep, COUNT(*) AS n FROM e GROUP BY patient_id, ep) t;

-- prod_share_with
SELECT COUNT(DISTINCT CASE WHEN diagnosis = 'flu' THEN patient_id END) * 100.0 / COUNT(DISTINCT patient_id) AS pct_flu FROM visits;

-- prod_share_exists_by_region
SELECT region, AVG(CASE WHEN EXISTS (SELECT 1 FROM visits v WHERE v.patient_id = p.patient_id AND v.cost > 1000) THEN 1 ELSE 0 END) AS share FROM patients p GROUP BY region;

-- prod_avg_per_user_incl_zero
SELECT p.sex, AVG(COALESCE(t.n, 0)) AS avg_visits FROM patients p LEFT JOIN (SELECT patient_id, COUNT(*) AS n FROM visits GROUP BY patient_id) t USING (patient_id) GROUP BY p.sex;

-- prod_time_to_second
SELECT MEDIAN(gap) AS median_gap FROM (SELECT patient_id, visited_on - LAG(visited_on) OVER (PARTITION BY patient_id ORDER BY visited_on) AS gap, ROW_NUMBER() OVER (PARTITION BY patient_id ORDER BY visited_on) AS rn FROM visits) t WHERE rn = 2;

-- prod_hist_cost
SELECT FLOOR(cost / 250) * 250 AS bin, COUNT(*) AS n FROM visits GROUP BY 1 ORDER BY 1;

-- prod_top_per_group
SELECT * FROM (SELECT clinic, diagnosis, COUNT(*) AS n, ROW_NUMBER() OVER (PARTITION BY clinic ORDER BY COUNT(*) DESC) AS rk FROM visits GROUP BY clinic, diagnosis) t WHERE rk <= 3 ORDER BY clinic, rk;

-- prod_pareto
SELECT diagnosis, c, SUM(c) OVER (ORDER BY c DESC) / SUM(c) OVER () AS cum_share FROM (SELECT diagnosis, SUM(cost) AS c FROM visits GROUP BY diagnosis) t ORDER BY c DESC;

-- med_by_band
SELECT CASE WHEN age < 30 THEN '<30' WHEN age < 60 THEN '30-59' ELSE '60+' END AS band, MEDIAN(income) AS med_income, COUNT(*) AS n FROM patients GROUP BY band ORDER BY band;

-- months_since_first
SELECT months, COUNT(*) AS visits FROM (SELECT date_diff('month', MIN(visited_on) OVER (PARTITION BY patient_id), visited_on) AS months FROM visits) t GROUP BY months ORDER BY months;

-- above_avg
SELECT COUNT(*) FROM patients WHERE income > (SELECT AVG(income) FROM patients);

-- above_avg_region
SELECT p.region, COUNT(*) AS n FROM patients p JOIN (SELECT region, AVG(income) AS a FROM patients GROUP BY region) t ON t.region = p.region WHERE p.income > t.a GROUP BY p.region;

-- zscore
SELECT region, a, (a - AVG(a) OVER ()) / STDDEV(a) OVER () AS z FROM (SELECT region, AVG(income) AS a FROM patients GROUP BY region) t;

-- ntile_release
SELECT region, n, NTILE(4) OVER (ORDER BY n) AS quartile FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) t;

-- percent_rank_release
SELECT clinic, c, PERCENT_RANK() OVER (ORDER BY c) AS pr, CUME_DIST() OVER (ORDER BY c) AS cd, DENSE_RANK() OVER (ORDER BY c DESC) AS dr FROM (SELECT clinic, SUM(cost) AS c FROM visits GROUP BY clinic) t;

-- label_release
SELECT region, CASE WHEN COUNT(*) > 1000 THEN 'large' ELSE 'small' END AS size FROM patients GROUP BY region;

-- string_concat_keys
SELECT region || '-' || sex AS seg, COUNT(*) AS n FROM patients GROUP BY region, sex ORDER BY seg;

-- concat_ws_keys
SELECT CONCAT_WS('/', region, sex) AS seg, COUNT(*) AS n FROM patients GROUP BY 1;

-- lower_trim_replace
SELECT REPLACE(LOWER(TRIM(clinic)), 'station', 'st.') AS c, COUNT(*) FROM visits GROUP BY 1;

-- split_part_key
SELECT split_part(diagnosis, ' ', 1) AS word, COUNT(*) AS n FROM visits GROUP BY 1;

-- left_right
SELECT LEFT(region, 1) || RIGHT(region, 1) AS r, COUNT(*) FROM patients GROUP BY 1;

-- lpad_key
SELECT lpad(CAST(age // 10 AS VARCHAR), 2, '0') AS band, COUNT(*) FROM patients GROUP BY 1;

-- printf_release
SELECT region, printf('%d patients', COUNT(*)) FROM patients GROUP BY region;

-- format_release
SELECT clinic, ROUND(SUM(cost), -3) AS rounded, CAST(SUM(cost) AS BIGINT) AS whole FROM visits GROUP BY clinic;

-- strftime_key
SELECT strftime(visited_on, '%Y-W%W') AS wk, COUNT(*) FROM visits WHERE visited_on < '2023-03-01' GROUP BY 1 ORDER BY 1;

-- quarter_label
SELECT 'Q' || quarter(visited_on) || ' ' || year(visited_on) AS q, COUNT(*) AS n FROM visits GROUP BY quarter(visited_on), year(visited_on) ORDER BY year(visited_on), quarter(visited_on);

-- fiscal_year
SELECT CASE WHEN month(visited_on) >= 4 THEN year(visited_on) ELSE year(visited_on) - 1 END AS fy, SUM(cost) FROM visits GROUP BY 1 ORDER BY 1;

-- weekend
SELECT CASE WHEN dayofweek(visited_on) IN (0, 6) THEN 'weekend' ELSE 'weekday' END AS w, COUNT(*) AS n, AVG(cost) AS c FROM visits GROUP BY 1;

-- time_bucket
SELECT time_bucket(INTERVAL '14 days', visited_on) AS b, COUNT(*) FROM visits GROUP BY 1 ORDER BY 1;

-- date_add_offset
SELECT date_trunc('month', visited_on + INTERVAL 3 MONTH) AS m, COUNT(*) FROM visits GROUP BY 1 ORDER BY 1;

-- last_day
SELECT last_day(visited_on) AS e, COUNT(*) FROM visits GROUP BY 1 ORDER BY 1;

-- having_simple
SELECT diagnosis, COUNT(*) AS n FROM visits GROUP BY diagnosis HAVING n > 100 ORDER BY n DESC;

-- having_share
SELECT region FROM patients GROUP BY region HAVING AVG(CASE WHEN sex = 'F' THEN 1.0 ELSE 0.0 END) > 0.5;

-- in_subquery_release
SELECT clinic, COUNT(*) FROM visits WHERE clinic IN (SELECT clinic FROM visits GROUP BY clinic ORDER BY COUNT(*) DESC LIMIT 2) GROUP BY clinic;

-- not_in_units
SELECT COUNT(*) FROM patients WHERE patient_id NOT IN (SELECT patient_id FROM visits WHERE patient_id IS NOT NULL);

-- public_in
SELECT COUNT(*) FROM patients WHERE region IN (SELECT region FROM regions WHERE country = 'Norland');

-- group_by_all
SELECT region, sex, COUNT(*) FROM patients GROUP BY ALL ORDER BY ALL;

-- from_first
FROM patients SELECT region, COUNT(*) GROUP BY region;

-- bare_from_agg
SELECT COUNT(*) FROM (FROM visits WHERE cost > 100);

-- columns_expr
SELECT MIN(COLUMNS(* EXCLUDE (region, sex, patient_id))) FROM patients;

-- count_columns
SELECT COUNT(COLUMNS(*)) FROM patients;

-- star_exclude
SELECT clinic, AVG(cost) FROM (SELECT * EXCLUDE (diagnosis) FROM visits) t GROUP BY clinic;

-- star_replace
SELECT SUM(cost) FROM (SELECT * REPLACE (LEAST(cost, 1000) AS cost) FROM visits) t;

-- list_of_quantiles
SELECT quantile_cont(income, [0.1, 0.5, 0.9]) FROM patients;

-- arg_max_release
SELECT ARG_MAX(region, n) AS biggest, MAX(n) AS size FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) t;

-- list_agg_release
SELECT LIST(region ORDER BY n DESC) FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) t;

-- string_agg_release
SELECT STRING_AGG(region, ', ' ORDER BY n DESC) FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) t;

-- gini_like
SELECT MAX(n) * 1.0 / MIN(n) AS ratio FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) t;

-- entropy_release
SELECT -SUM(p * LN(p)) AS entropy FROM (SELECT n * 1.0 / SUM(n) OVER () AS p FROM (SELECT clinic, COUNT(*) AS n FROM visits GROUP BY clinic) a) b;

-- hhi
SELECT SUM(POWER(share, 2)) AS hhi FROM (SELECT clinic, 100.0 * COUNT(*) / SUM(COUNT(*)) OVER () AS share FROM visits GROUP BY clinic) t;

-- corr_age_income
SELECT CORR(age, income), REGR_SLOPE(income, age), REGR_INTERCEPT(income, age), REGR_R2(income, age) FROM patients;

-- corr_by_sex
SELECT sex, CORR(age, income) AS r FROM patients GROUP BY sex;

-- weighted_avg
SELECT SUM(income * age) / SUM(age) AS w FROM patients;

-- log_avg
SELECT AVG(LN(1 + cost)) AS mean_log, EXP(AVG(LN(1 + cost))) - 1 AS geo FROM visits;

-- sqrt_sum
SELECT SUM(SQRT(cost)) FROM visits;

-- winsor
SELECT AVG(GREATEST(100, LEAST(cost, 2000))) FROM visits;

-- cv
SELECT clinic, STDDEV(cost) / AVG(cost) AS cv FROM visits GROUP BY clinic;

-- stderr
SELECT region, AVG(income) AS m, STDDEV(income) / SQRT(COUNT(income)) AS se, AVG(income) - 1.96 * STDDEV(income) / SQRT(COUNT(income)) AS lo FROM patients GROUP BY region;

-- ttest
WITH s AS (SELECT sex, AVG(income) AS m, VAR_SAMP(income) AS v, COUNT(income) AS n FROM patients WHERE sex IN ('F', 'M') GROUP BY sex) SELECT (a.m - b.m) / SQRT(a.v / a.n + b.v / b.n) AS t FROM s a, s b WHERE a.sex = 'F' AND b.sex = 'M';

-- chi2
WITH o AS (SELECT region, sex, COUNT(*) AS n FROM patients GROUP BY region, sex), e AS (SELECT region, sex, n, SUM(n) OVER (PARTITION BY region) * SUM(n) OVER (PARTITION BY sex) * 1.0 / SUM(n) OVER () AS ex FROM o) SELECT SUM((n - ex) * (n - ex) / ex) AS chi2 FROM e;

-- missing_share
SELECT COUNT(*) - COUNT(income) AS missing, 1 - COUNT(income) * 1.0 / COUNT(*) AS share FROM patients;

-- null_key_group
SELECT income IS NULL AS unknown, COUNT(*) FROM patients GROUP BY 1;

-- distinct_values
SELECT COUNT(DISTINCT diagnosis) AS kinds, COUNT(DISTINCT clinic) AS clinics FROM visits;

-- distinct_days
SELECT COUNT(DISTINCT visited_on) FROM visits;

-- max_date
SELECT MAX(visited_on) AS latest, MIN(visited_on) AS earliest FROM visits;

-- max_per_clinic
SELECT clinic, MAX(cost), MIN(cost) FROM visits GROUP BY clinic;

-- between_dates_ts
SELECT COUNT(*) FROM visits WHERE visited_on >= TIMESTAMP '2024-01-01 00:00:00' AND visited_on < TIMESTAMP '2024-07-01 00:00:00';

-- intersect_three
SELECT COUNT(*) FROM (SELECT patient_id FROM visits WHERE clinic = 'Central' INTERSECT SELECT patient_id FROM visits WHERE clinic = 'Harbour' INTERSECT SELECT patient_id FROM visits WHERE clinic = 'Hillside') t;

-- except_units
SELECT COUNT(*) FROM (SELECT patient_id FROM patients EXCEPT SELECT patient_id FROM visits) t;

-- scalar_per_row
SELECT AVG((SELECT COUNT(*) FROM visits v WHERE v.patient_id = p.patient_id)) FROM patients p;

-- scalar_share
SELECT (SELECT COUNT(*) FROM patients WHERE sex = 'F') * 1.0 / (SELECT COUNT(*) FROM patients) AS share_f;

-- two_tables_side
SELECT a.n AS patients, b.n AS visits, b.n * 1.0 / a.n AS ratio FROM (SELECT COUNT(*) AS n FROM patients) a CROSS JOIN (SELECT COUNT(*) AS n FROM visits) b;

-- full_join_releases
SELECT COALESCE(a.region, b.region) AS region, a.n AS kids, b.n AS seniors FROM (SELECT region, COUNT(*) AS n FROM patients WHERE age < 18 GROUP BY region) a FULL OUTER JOIN (SELECT region, COUNT(*) AS n FROM patients WHERE age >= 65 GROUP BY region) b ON a.region = b.region;

-- region_country_rollup
SELECT r.country, r.region, COUNT(p.patient_id) AS n FROM regions r LEFT JOIN patients p ON p.region = r.region GROUP BY ROLLUP(r.country, r.region) ORDER BY 1 NULLS LAST, 2 NULLS LAST;

-- nested_agg_avg_of_month
SELECT AVG(n) AS avg_monthly, MAX(n) AS peak, MIN(n) AS low FROM (SELECT date_trunc('month', visited_on) AS m, COUNT(*) AS n FROM visits GROUP BY 1) t;

-- peak_month
SELECT m FROM (SELECT date_trunc('month', visited_on) AS m, COUNT(*) AS n FROM visits GROUP BY 1) t ORDER BY n DESC LIMIT 1;

-- seasonal_index
SELECT mo, AVG(n) / (SELECT AVG(n) FROM (SELECT date_trunc('month', visited_on) AS d, COUNT(*) AS n FROM visits GROUP BY 1) x) AS idx FROM (SELECT date_trunc('month', visited_on) AS d, month(date_trunc('month', visited_on)) AS mo, COUNT(*) AS n FROM visits GROUP BY 1, 2) t GROUP BY mo ORDER BY mo;

-- ema_window
SELECT m, n, (n + LAG(n, 1, 0) OVER (ORDER BY m) + LEAD(n, 1, 0) OVER (ORDER BY m)) / 3 AS smooth FROM (SELECT date_trunc('month', visited_on) AS m, COUNT(*) AS n FROM visits GROUP BY 1) t ORDER BY m;

-- range_window
SELECT m, SUM(n) OVER (ORDER BY m RANGE BETWEEN INTERVAL 2 MONTH PRECEDING AND CURRENT ROW) AS n3 FROM (SELECT date_trunc('month', visited_on) AS m, COUNT(*) AS n FROM visits GROUP BY 1) t ORDER BY m;

-- first_last_value
SELECT clinic, y, c, c - FIRST_VALUE(c) OVER (PARTITION BY clinic ORDER BY y) AS since_first FROM (SELECT clinic, year(visited_on) AS y, SUM(cost) AS c FROM visits GROUP BY 1, 2) t ORDER BY clinic, y;

-- grouping_id_label
SELECT CASE WHEN GROUPING(clinic) = 1 THEN 'ALL' ELSE clinic END AS clinic, COUNT(*) AS n FROM visits GROUP BY GROUPING SETS ((clinic), ());

-- comment_and_semicolon
/* weekly report */ SELECT region, -- key
 COUNT(*) AS n FROM patients GROUP BY region;

-- alias_in_where
SELECT age // 10 AS decade, COUNT(*) FROM patients WHERE decade >= 2 GROUP BY decade;

-- alias_reuse
SELECT COUNT(*) AS n, SUM(cost) AS c, c / n AS avg_c FROM visits;

-- union_keys
SELECT k, SUM(n) FROM (SELECT clinic AS k, COUNT(*) AS n FROM visits WHERE year(visited_on) = 2023 GROUP BY clinic UNION ALL SELECT clinic, COUNT(*) FROM visits WHERE year(visited_on) = 2024 GROUP BY clinic) t GROUP BY k;

-- avg_boolean
SELECT AVG(age > 50) FROM patients;

-- sum_boolean_cast
SELECT SUM((age > 50)::INT) FROM patients;

-- mode_key
SELECT MODE(sex) FROM patients;

-- any_value
SELECT region, ANY_VALUE(sex), COUNT(*) FROM patients GROUP BY region;

-- case_sum_multi
SELECT region, SUM(CASE sex WHEN 'F' THEN 1 WHEN 'M' THEN 0 ELSE NULL END) AS f, COUNT(CASE WHEN income > 100000 THEN 1 END) AS rich FROM patients GROUP BY region;

-- date_literal_cmp
SELECT COUNT(*) FROM visits WHERE visited_on > '2024-06-01'::DATE AND EXTRACT(MONTH FROM visited_on) IN (6, 7, 8);

-- try_cast
SELECT TRY_CAST(substr(region, 2) AS INTEGER) AS num, COUNT(*) FROM patients GROUP BY 1;

-- mod_key
SELECT age % 2 AS odd, COUNT(*) FROM patients GROUP BY 1;

-- round_key
SELECT ROUND(income, -4) AS inc, COUNT(*) FROM patients GROUP BY 1 ORDER BY 1;

-- width_case_public
SELECT r.country, AVG(p.income) AS inc, COUNT(*) AS n FROM patients p, regions r WHERE p.region = r.region AND r.population > 100000 GROUP BY r.country HAVING COUNT(*) > 50 ORDER BY inc DESC;

-- staged_last_90
SELECT COUNT(DISTINCT patient_id) FROM visits WHERE visited_on > (SELECT MAX(visited_on) FROM visits) - INTERVAL 90 DAY;

-- staged_last_inside
SELECT clinic, COUNT(*) FROM visits WHERE visited_on >= (SELECT MAX(visited_on) - INTERVAL 30 DAY FROM visits) GROUP BY clinic;

-- staged_cte
WITH m AS (SELECT MAX(visited_on) AS d FROM visits) SELECT COUNT(*) FROM visits, m WHERE visited_on >= m.d - 30;

-- staged_recency
SELECT AVG(date_diff('day', last_on, (SELECT MAX(visited_on) FROM visits))) AS recency FROM (SELECT patient_id, MAX(visited_on) AS last_on FROM visits GROUP BY patient_id) t;

-- staged_median_date
SELECT COUNT(*) FROM visits WHERE visited_on < (SELECT MEDIAN(visited_on) FROM visits);

-- staged_month
SELECT COUNT(*) FROM visits WHERE date_trunc('month', visited_on) = (SELECT date_trunc('month', MAX(visited_on)) FROM visits);

-- staged_between
SELECT COUNT(*) FROM visits WHERE visited_on BETWEEN (SELECT MIN(visited_on) FROM visits WHERE clinic = 'Central') AND (SELECT MAX(visited_on) FROM visits WHERE clinic = 'Harbour');

-- staged_peak_month
SELECT COUNT(*) FROM visits WHERE date_trunc('month', visited_on) = (SELECT MAX(m) FROM (SELECT date_trunc('month', visited_on) AS m, COUNT(*) AS n FROM visits GROUP BY 1) t);

-- sum_public_sub
SELECT SUM(income / (SELECT MAX(population) FROM regions)) AS s FROM patients;

-- lateral_values
SELECT v.name, AVG(v.val) AS mean, COUNT(v.val) AS n FROM patients p CROSS JOIN LATERAL (VALUES ('age', p.age), ('income', p.income)) AS v(name, val) GROUP BY v.name;

-- lateral_values_comma
SELECT name, SUM(val) FROM patients p, LATERAL (VALUES ('age', age), ('income', income)) v(name, val) GROUP BY name;

-- unnest_from
SELECT COUNT(*), AVG(x) FROM patients p, UNNEST([p.age, p.age + 1]) AS t(x);

-- unnest_select
SELECT k, COUNT(*) FROM (SELECT patient_id, UNNEST([region, sex]) AS k FROM patients) t GROUP BY k;

-- unnest_two
SELECT a, AVG(b) FROM (SELECT patient_id, UNNEST(['x', 'y', 'z']) AS a, UNNEST([age, income]) AS b FROM patients) t GROUP BY a;

-- lateral_values_release
SELECT r.region, v.what, v.val FROM (SELECT region, COUNT(*) AS n, AVG(age) AS a FROM patients GROUP BY region) r CROSS JOIN LATERAL (VALUES ('n', n), ('a', a)) AS v(what, val) ORDER BY 1, 2;

-- unnest_release
SELECT region, t.x FROM (SELECT region, COUNT(*) AS n, SUM(income) AS s FROM patients GROUP BY region) r, UNNEST([r.n, r.s]) AS t(x);

-- pivot_boolean
SELECT * FROM (SELECT cost > 100 AS big, clinic, cost FROM visits) PIVOT (COUNT(*) FOR big IN (true, false));

-- pivot_alias
SELECT * FROM (SELECT sex, region, age FROM patients) PIVOT (AVG(age) AS a, COUNT(*) AS n FOR sex IN ('F' AS women, 'M' AS men)) ORDER BY region;

-- stdev_window
SELECT clinic, c, AVG(c) OVER () AS overall, c - AVG(c) OVER () AS diff FROM (SELECT clinic, AVG(cost) AS c FROM visits GROUP BY clinic) t;

-- top_region_per_country
SELECT country, region, n FROM (SELECT r.country, p.region, COUNT(*) AS n, RANK() OVER (PARTITION BY r.country ORDER BY COUNT(*) DESC) AS rk FROM patients p JOIN regions r USING (region) GROUP BY r.country, p.region) t WHERE rk = 1;

-- filter_clause_distinct
SELECT clinic, COUNT(DISTINCT patient_id) FILTER (WHERE diagnosis = 'flu') AS flu_pts FROM visits GROUP BY clinic;

-- two_level_cte
WITH v AS (SELECT patient_id, date_trunc('month', visited_on) AS m, SUM(cost) AS c FROM visits GROUP BY 1, 2), w AS (SELECT patient_id, AVG(c) AS avg_monthly FROM v GROUP BY 1) SELECT CASE WHEN avg_monthly < 500 THEN 'low' WHEN avg_monthly < 1500 THEN 'mid' ELSE 'high' END AS tier, COUNT(*) AS n FROM w GROUP BY 1;

-- active_months
SELECT AVG(k) FROM (SELECT patient_id, COUNT(DISTINCT date_trunc('month', visited_on)) AS k FROM visits GROUP BY patient_id) t;

-- first_clinic_vs_last
WITH f AS (SELECT patient_id, FIRST(clinic ORDER BY visited_on, visit_id) AS c1, LAST(clinic ORDER BY visited_on, visit_id) AS c2 FROM visits GROUP BY patient_id) SELECT c1, c2, COUNT(*) AS n FROM f GROUP BY c1, c2;

-- argmax_unit
SELECT d, COUNT(*) FROM (SELECT patient_id, ARG_MAX(diagnosis, cost) AS d FROM visits GROUP BY patient_id) t GROUP BY d;

-- transitions
SELECT prev, clinic AS nxt, COUNT(*) AS n FROM (SELECT patient_id, clinic, LAG(clinic) OVER (PARTITION BY patient_id ORDER BY visited_on, visit_id) AS prev FROM visits) t WHERE prev IS NOT NULL GROUP BY prev, clinic;

-- same_day
SELECT COUNT(*) FROM (SELECT patient_id, visited_on, COUNT(*) AS n FROM visits GROUP BY 1, 2 HAVING COUNT(*) > 1) t;

-- case_in_agg_group
SELECT sex, SUM(CASE WHEN age < 40 THEN income ELSE 0 END) / NULLIF(SUM(CASE WHEN age < 40 THEN 1 ELSE 0 END), 0) AS young_avg FROM patients GROUP BY sex;

-- or_null_group
SELECT COALESCE(sex, 'unknown') AS s, COUNT(*) FROM patients GROUP BY COALESCE(sex, 'unknown');

-- exists_two
SELECT COUNT(*) FROM patients p WHERE EXISTS (SELECT 1 FROM visits v WHERE v.patient_id = p.patient_id AND v.clinic = 'Central') AND NOT EXISTS (SELECT 1 FROM visits v WHERE v.patient_id = p.patient_id AND v.clinic = 'Lakeview');

-- all_clinics
SELECT COUNT(*) FROM (SELECT patient_id FROM visits GROUP BY patient_id HAVING COUNT(DISTINCT clinic) = 4) t;

-- having_filter_unit
SELECT COUNT(*) FROM (SELECT patient_id FROM visits GROUP BY patient_id HAVING SUM(cost) > (SELECT 1000)) t;

-- relational_division
SELECT COUNT(*) FROM patients p WHERE NOT EXISTS (SELECT 1 FROM (VALUES ('Central'), ('Harbour')) c(clinic) WHERE NOT EXISTS (SELECT 1 FROM visits v WHERE v.patient_id = p.patient_id AND v.clinic = c.clinic));

-- quantile_by_band
SELECT age // 20 * 20 AS band, QUANTILE_CONT(income, 0.9) AS p90 FROM patients GROUP BY 1 ORDER BY 1;

-- iqr
SELECT sex, QUANTILE_CONT(age, 0.75) - QUANTILE_CONT(age, 0.25) AS iqr FROM patients GROUP BY sex;

-- box
SELECT MIN(age) AS mn, QUANTILE_CONT(age, 0.25) AS q1, MEDIAN(age) AS med, QUANTILE_CONT(age, 0.75) AS q3, MAX(age) AS mx FROM patients;

-- mad_like
SELECT AVG(ABS(age - (SELECT AVG(age) FROM patients))) FROM patients;

-- centered_var
SELECT AVG(POWER(age - (SELECT AVG(age) FROM patients), 2)) FROM patients;

-- above_two_sd
SELECT COUNT(*) FROM visits WHERE cost > (SELECT AVG(cost) + 2 * STDDEV(cost) FROM visits);

-- top_decile
SELECT COUNT(*) FROM patients WHERE income >= (SELECT QUANTILE_CONT(income, 0.9) FROM patients);

-- lookup_in_release
SELECT COUNT(*) FROM patients WHERE region IN (SELECT region FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) t WHERE n > 20);

-- cross_join_kpis
WITH a AS (SELECT COUNT(*) AS pts FROM patients), b AS (SELECT SUM(cost) AS rev FROM visits) SELECT rev / pts AS arpu FROM a, b;

-- self_join_release
WITH m AS (SELECT month(visited_on) AS mo, COUNT(*) AS n FROM visits GROUP BY 1) SELECT a.mo, a.n, b.n AS prev FROM m a LEFT JOIN m b ON b.mo = a.mo - 1 ORDER BY a.mo;

-- spine_left
WITH spine AS (SELECT UNNEST(generate_series(DATE '2023-01-01', DATE '2023-12-01', INTERVAL 1 MONTH)) AS m), v AS (SELECT date_trunc('month', visited_on) AS m, COUNT(*) AS n FROM visits GROUP BY 1) SELECT s.m, COALESCE(v.n, 0) AS n FROM spine s LEFT JOIN v ON v.m = s.m ORDER BY s.m;

-- recursive
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 12) SELECT t.n, COUNT(v.visit_id) FROM t LEFT JOIN visits v ON month(v.visited_on) = t.n GROUP BY t.n;

-- range_from
SELECT r.range AS mo, COUNT(v.visit_id) FROM range(1, 13) r LEFT JOIN visits v ON month(v.visited_on) = r.range GROUP BY r.range ORDER BY 1;

-- values_key_left
SELECT k.c, COUNT(v.visit_id) FROM (VALUES ('Central'), ('Nowhere')) AS k(c) LEFT JOIN visits v ON v.clinic = k.c GROUP BY k.c;

-- union_all_measures
SELECT 'mean' AS stat, AVG(age) AS v FROM patients UNION ALL SELECT 'sd', STDDEV(age) FROM patients UNION ALL SELECT 'median', MEDIAN(age) FROM patients;

-- except_release
SELECT diagnosis FROM (SELECT diagnosis, COUNT(*) AS n FROM visits WHERE clinic = 'Central' GROUP BY 1) a EXCEPT SELECT diagnosis FROM (SELECT diagnosis, COUNT(*) AS n FROM visits WHERE clinic = 'Harbour' GROUP BY 1) b;

-- rollup_dates
SELECT year(visited_on) AS y, quarter(visited_on) AS q, SUM(cost) FROM visits GROUP BY ROLLUP (year(visited_on), quarter(visited_on)) ORDER BY 1, 2;

-- order_by_case
SELECT CASE WHEN age < 18 THEN 'child' WHEN age < 65 THEN 'adult' ELSE 'senior' END AS band, COUNT(*) AS n FROM patients GROUP BY band ORDER BY CASE band WHEN 'child' THEN 1 WHEN 'adult' THEN 2 ELSE 3 END;

-- order_min_age
SELECT CASE WHEN age < 18 THEN 'child' WHEN age < 65 THEN 'adult' ELSE 'senior' END AS band, COUNT(*) AS n FROM patients GROUP BY band ORDER BY MIN(age);

-- limit_percent
SELECT diagnosis, COUNT(*) AS n FROM visits GROUP BY diagnosis ORDER BY n DESC LIMIT 50%;

-- fetch_first
SELECT clinic, SUM(cost) AS c FROM visits GROUP BY clinic ORDER BY c DESC FETCH FIRST 2 ROWS ONLY;

-- offset
SELECT clinic, SUM(cost) AS c FROM visits GROUP BY clinic ORDER BY c DESC OFFSET 1;

-- nulls_last
SELECT diagnosis, COUNT(*) FROM visits GROUP BY diagnosis ORDER BY diagnosis NULLS LAST;

-- distinct_release
SELECT DISTINCT clinic FROM visits ORDER BY clinic;

-- distinct_two
SELECT DISTINCT region, sex FROM patients;

-- count_distinct_pair
SELECT COUNT(DISTINCT (clinic, diagnosis)) FROM visits;

-- count_distinct_concat
SELECT COUNT(DISTINCT clinic || '/' || diagnosis) FROM visits;

-- concat_agg_label
SELECT region || ': ' || CAST(COUNT(*) AS VARCHAR) AS label FROM patients GROUP BY region;

-- cast_pct_string
SELECT region, CAST(ROUND(100.0 * COUNT(*) / SUM(COUNT(*)) OVER (), 1) AS VARCHAR) || '%' AS share FROM patients GROUP BY region;

-- greatest_release
SELECT clinic, GREATEST(COUNT(*), 0) AS n FROM visits GROUP BY clinic;

-- clamp_release
SELECT diagnosis, CASE WHEN COUNT(*) < 20 THEN NULL ELSE COUNT(*) END AS n FROM visits GROUP BY diagnosis;

-- suppress_small
SELECT diagnosis, COUNT(*) AS n FROM visits GROUP BY diagnosis HAVING COUNT(DISTINCT patient_id) >= 11;

-- log_release
SELECT region, LN(COUNT(*)) AS l, LOG10(COUNT(*)) AS l10, SQRT(COUNT(*)) AS s FROM patients GROUP BY region;

-- mod_release
SELECT region, COUNT(*) % 10 AS last_digit, COUNT(*) // 10 AS tens FROM patients GROUP BY region;

-- growth_cagr
WITH y AS (SELECT year(visited_on) AS y, SUM(cost) AS c FROM visits GROUP BY 1) SELECT POWER(MAX(CASE WHEN y = 2024 THEN c END) / MAX(CASE WHEN y = 2023 THEN c END), 1.0) - 1 AS cagr FROM y;

-- cum_pct
SELECT band, n, SUM(n) OVER (ORDER BY band) * 100.0 / SUM(n) OVER () AS cum_pct FROM (SELECT age // 10 AS band, COUNT(*) AS n FROM patients WHERE age IS NOT NULL GROUP BY 1) t ORDER BY band;

-- cdf_window_agg
SELECT age // 10 AS band, SUM(COUNT(*)) OVER (ORDER BY age // 10) AS cum FROM patients GROUP BY age // 10 ORDER BY 1;

-- window_frame_agg
SELECT month(visited_on) AS mo, AVG(SUM(cost)) OVER (ORDER BY month(visited_on) ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS ma FROM visits GROUP BY month(visited_on) ORDER BY mo;

-- lag_agg
SELECT year(visited_on) AS y, SUM(cost) AS c, SUM(cost) - LAG(SUM(cost)) OVER (ORDER BY year(visited_on)) AS d FROM visits GROUP BY year(visited_on) ORDER BY 1;

-- named_window
SELECT clinic, n, RANK() OVER w AS rk, n - LEAD(n) OVER w AS gap FROM (SELECT clinic, COUNT(*) AS n FROM visits GROUP BY clinic) t WINDOW w AS (ORDER BY n DESC);

-- unit_ntile
SELECT q, AVG(income) FROM (SELECT patient_id, income, NTILE(4) OVER (ORDER BY income) AS q FROM patients) t GROUP BY q;

-- unit_share_cost
SELECT AVG(share) FROM (SELECT patient_id, cost / SUM(cost) OVER (PARTITION BY patient_id) AS share FROM visits) t;

-- unit_rank_cost
SELECT rk, AVG(cost) FROM (SELECT patient_id, cost, RANK() OVER (PARTITION BY patient_id ORDER BY cost DESC) AS rk FROM visits) t WHERE rk <= 3 GROUP BY rk ORDER BY rk;

-- qualify_last
SELECT clinic, COUNT(*) FROM (SELECT patient_id, clinic FROM visits QUALIFY ROW_NUMBER() OVER (PARTITION BY patient_id ORDER BY visited_on DESC, visit_id) = 1) t GROUP BY clinic;

-- cumulative_cost_reach
SELECT COUNT(DISTINCT patient_id) FROM (SELECT patient_id, SUM(cost) OVER (PARTITION BY patient_id ORDER BY visited_on, visit_id) AS run FROM visits) t WHERE run > 3000;

-- time_to_threshold
SELECT MEDIAN(d) FROM (SELECT patient_id, MIN(visited_on) - DATE '2023-01-01' AS d FROM (SELECT patient_id, visited_on, SUM(cost) OVER (PARTITION BY patient_id ORDER BY visited_on, visit_id) AS run FROM visits) a WHERE run > 3000 GROUP BY patient_id) t;

-- streak_gaps
SELECT COUNT(*) FROM (SELECT patient_id, visited_on, LEAD(visited_on, 2) OVER (PARTITION BY patient_id ORDER BY visited_on) AS third FROM visits) t WHERE third <= visited_on + 60;

-- within_30_pair
SELECT COUNT(DISTINCT a.patient_id) FROM visits a JOIN visits b ON a.patient_id = b.patient_id AND b.visit_id <> a.visit_id AND b.visited_on BETWEEN a.visited_on AND a.visited_on + INTERVAL 30 DAY WHERE a.diagnosis = 'flu';

-- before_after
SELECT AVG(post - pre) FROM (SELECT patient_id, SUM(CASE WHEN visited_on < '2024-01-01' THEN cost ELSE 0 END) AS pre, SUM(CASE WHEN visited_on >= '2024-01-01' THEN cost ELSE 0 END) AS post FROM visits GROUP BY patient_id) t;

-- did
WITH t AS (SELECT CASE WHEN clinic = 'Central' THEN 1 ELSE 0 END AS treat, CASE WHEN visited_on >= '2024-01-01' THEN 1 ELSE 0 END AS post, AVG(cost) AS y FROM visits GROUP BY 1, 2) SELECT (MAX(y) FILTER (WHERE treat = 1 AND post = 1) - MAX(y) FILTER (WHERE treat = 1 AND post = 0)) - (MAX(y) FILTER (WHERE treat = 0 AND post = 1) - MAX(y) FILTER (WHERE treat = 0 AND post = 0)) AS did FROM t;

-- kaplan_like
SELECT k, COUNT(*) AS at_risk FROM (SELECT patient_id, date_diff('month', MIN(visited_on), MAX(visited_on)) AS months FROM visits GROUP BY patient_id) t CROSS JOIN generate_series(0, 12, 3) AS g(k) WHERE months >= k GROUP BY k ORDER BY k;

-- explode_buckets
SELECT b.hi, COUNT(*) FILTER (WHERE p.income <= b.hi) AS cum FROM patients p CROSS JOIN (VALUES (50000), (100000), (150000), (200000)) b(hi) GROUP BY b.hi ORDER BY b.hi;

-- map_name
SELECT CASE dayofweek(visited_on) WHEN 0 THEN 'Sun' WHEN 1 THEN 'Mon' WHEN 2 THEN 'Tue' WHEN 3 THEN 'Wed' WHEN 4 THEN 'Thu' WHEN 5 THEN 'Fri' ELSE 'Sat' END AS d, COUNT(*) FROM visits GROUP BY 1;

-- array_contains_filter
SELECT COUNT(*) FROM visits WHERE list_contains(['Central', 'Harbour'], clinic);

-- any_in
SELECT COUNT(*) FROM visits WHERE clinic = ANY (['Central', 'Harbour']);

-- string_len_avg
SELECT AVG(LENGTH(diagnosis)) FROM visits;

-- regex_replace_key
SELECT regexp_replace(diagnosis, '[^a-z]', '', 'g') AS d, COUNT(*) FROM visits GROUP BY 1;

-- initcap
SELECT CONCAT(UPPER(LEFT(diagnosis, 1)), LOWER(SUBSTRING(diagnosis, 2))) AS d, COUNT(*) FROM visits GROUP BY 1;

-- position_in
SELECT COUNT(*) FROM visits WHERE POSITION('a' IN diagnosis) > 0;

-- like_escape
SELECT COUNT(*) FROM visits WHERE diagnosis LIKE '%\_%' ESCAPE '\';

-- similar_to
SELECT COUNT(*) FROM visits WHERE diagnosis SIMILAR TO '(flu|asthma)';

-- age_fn
SELECT AVG(date_part('year', AGE(TIMESTAMP '2025-01-01', registered))) FROM patients;

-- datesub
SELECT AVG(datesub('month', registered, TIMESTAMP '2025-01-01')) FROM patients;

-- yearmonth_int
SELECT year(visited_on) * 100 + month(visited_on) AS ym, COUNT(*) FROM visits GROUP BY 1 ORDER BY 1;

-- isodow
SELECT isodow(visited_on) AS d, COUNT(*) FROM visits GROUP BY 1 ORDER BY 1;

-- weekofyear
SELECT weekofyear(visited_on) AS w, COUNT(*) FROM visits WHERE year(visited_on) = 2024 GROUP BY 1 ORDER BY 1;

-- half_year
SELECT year(visited_on) AS y, CASE WHEN month(visited_on) <= 6 THEN 'H1' ELSE 'H2' END AS h, COUNT(*) FROM visits GROUP BY 1, 2 ORDER BY 1, 2;

-- semester_concat
SELECT concat(year(visited_on), '-', lpad(CAST(month(visited_on) AS VARCHAR), 2, '0')) AS ym, COUNT(*) FROM visits GROUP BY 1 ORDER BY 1;

-- date_series_weekly_new
SELECT wk, COUNT(*) FROM (SELECT patient_id, date_trunc('week', MIN(visited_on)) AS wk FROM visits WHERE visited_on >= '2024-10-01' GROUP BY 1) t GROUP BY wk ORDER BY wk;

-- between_symmetric
SELECT COUNT(*) FROM patients WHERE age NOT BETWEEN 20 AND 60;

-- not_like
SELECT COUNT(*) FROM visits WHERE diagnosis NOT LIKE 'f%' OR diagnosis IS NULL;

-- is_distinct
SELECT COUNT(*) FROM patients WHERE income IS DISTINCT FROM 0;

-- nested_case
SELECT SUM(CASE WHEN sex = 'F' THEN CASE WHEN age < 50 THEN 1 ELSE 2 END ELSE 0 END) FROM patients;

-- bool_expr_col
SELECT age >= 65 AS senior, COUNT(*) AS n, AVG(income) AS inc FROM patients GROUP BY senior;

-- group_by_having_alias
SELECT clinic, SUM(cost) AS total FROM visits GROUP BY clinic HAVING total > 5000 ORDER BY total DESC;

-- left_join_public_names
SELECT COALESCE(r.country, 'unknown') AS country, COUNT(*) FROM patients p LEFT JOIN regions r ON r.region = p.region GROUP BY 1;

-- population_weighted
SELECT SUM(a.m * r.population) / SUM(r.population) AS w FROM (SELECT region, AVG(income) AS m FROM patients GROUP BY region) a JOIN regions r USING (region);

-- public_scalar
SELECT COUNT(*) * 1.0 / (SELECT SUM(population) FROM regions) AS share FROM patients;

-- public_only_window
SELECT region, population, population * 1.0 / SUM(population) OVER (PARTITION BY country) AS s FROM regions ORDER BY region;

-- with_materialized
WITH v AS MATERIALIZED (SELECT clinic, COUNT(*) AS n FROM visits GROUP BY clinic) SELECT SUM(n) FROM v;

-- subquery_alias_cols
SELECT t.k, t.c FROM (SELECT clinic, COUNT(*) FROM visits GROUP BY clinic) AS t(k, c) ORDER BY t.c DESC;

-- using_three
SELECT sex, COUNT(*) FROM patients JOIN visits USING (patient_id) JOIN regions USING (region) WHERE country = 'Norland' GROUP BY sex;

-- natural_join
SELECT country, COUNT(*) FROM patients NATURAL JOIN regions GROUP BY country;

-- right_join_visits
SELECT p.sex, COUNT(*) FROM visits v RIGHT JOIN patients p ON p.patient_id = v.patient_id GROUP BY p.sex;

-- semi_keyword
SELECT COUNT(*) FROM patients SEMI JOIN visits USING (patient_id);

-- asof
SELECT COUNT(*) FROM visits a ASOF JOIN patients b ON a.patient_id = b.patient_id AND a.visited_on >= b.registered;

-- positional
SELECT COUNT(*) FROM patients POSITIONAL JOIN visits;

-- sum_distinct
SELECT SUM(DISTINCT age) FROM patients;

-- avg_distinct
SELECT AVG(DISTINCT age) FROM patients;

-- product
SELECT PRODUCT(age) FROM patients;

-- skew
SELECT SKEWNESS(age), KURTOSIS(age) FROM patients;

-- approx_distinct
SELECT APPROX_COUNT_DISTINCT(patient_id) FROM visits;

-- histogram
SELECT histogram(age, [20, 40, 60, 80]) FROM patients;

-- reservoir
SELECT reservoir_quantile(age, 0.5) FROM patients;

-- bit_agg
SELECT BIT_OR(age) FROM patients;

-- first_plain
SELECT FIRST(age) FROM patients;

-- group_concat
SELECT GROUP_CONCAT(sex) FROM patients;

-- json_agg
SELECT json_group_array(sex) FROM patients;

-- struct_pack
SELECT {'n': COUNT(*), 'a': AVG(age)} FROM patients;

-- list_value
SELECT [COUNT(*), SUM(age)] FROM patients;

-- random_sample
SELECT AVG(age) FROM patients TABLESAMPLE 10%;

-- current_date
SELECT COUNT(*) FROM visits WHERE visited_on >= CURRENT_DATE - INTERVAL 1 YEAR;

-- select_star
SELECT * FROM visits LIMIT 10;

-- patient_list
SELECT patient_id, SUM(cost) AS s FROM visits GROUP BY patient_id ORDER BY s DESC LIMIT 10;

-- inner_limit
SELECT AVG(cost) FROM (SELECT cost FROM visits ORDER BY cost DESC LIMIT 100) t;

-- all_kw
SELECT ALL region, COUNT(ALL income), SUM(ALL income) FROM patients GROUP BY region;

-- paren_select
(SELECT region, COUNT(*) AS n FROM patients GROUP BY region) ORDER BY n DESC LIMIT 3;

-- paren_union
(SELECT 'F' AS s, COUNT(*) AS n FROM patients WHERE sex = 'F') UNION ALL (SELECT 'M', COUNT(*) FROM patients WHERE sex = 'M') ORDER BY n;

-- paren_table
SELECT COUNT(*) FROM (patients);

-- paren_join
SELECT COUNT(*) FROM (patients p JOIN visits v ON p.patient_id = v.patient_id) JOIN regions r ON r.region = p.region;

-- no_as
SELECT region r, COUNT(*) n FROM patients p GROUP BY r ORDER BY n;

-- mixed_case
select Region, Count(*) As N From Patients Group By REGION Order By n Desc;

-- qualified
SELECT patients.region, COUNT(patients.patient_id) FROM patients GROUP BY patients.region;

-- count_1
SELECT COUNT(1), COUNT('x'), SUM(1) FROM visits;

-- where_true
SELECT COUNT(*) FROM patients WHERE TRUE AND 1 = 1;

-- where_or_in
SELECT COUNT(*) FROM visits WHERE (clinic IN ('Central', 'Harbour') OR diagnosis = 'flu') AND cost BETWEEN 50 AND 5000;

-- in_tuple
SELECT COUNT(*) FROM patients WHERE (region, sex) IN (('R1', 'F'), ('R2', 'M'));

-- in_query_public
SELECT COUNT(*) FROM patients WHERE region IN (SELECT region FROM regions WHERE population > 100000);

-- not_in_public
SELECT COUNT(*) FROM patients WHERE region NOT IN (SELECT region FROM regions WHERE country = 'Sudland');

-- exists_public
SELECT COUNT(*) FROM patients p WHERE EXISTS (SELECT 1 FROM regions r WHERE r.region = p.region AND r.country = 'Norland');

-- ilike_any
SELECT COUNT(*) FROM visits WHERE diagnosis ILIKE ANY (ARRAY['%flu%', '%asth%']);

-- like_two
SELECT COUNT(DISTINCT patient_id) FROM visits WHERE diagnosis LIKE 'd%' AND diagnosis NOT LIKE '%x';

-- case_in
SELECT CASE WHEN clinic IN ('Central', 'Station') THEN 'city' ELSE 'land' END AS area, AVG(cost) FROM visits GROUP BY area;

-- case_sum_ratio
SELECT clinic, SUM(CASE WHEN diagnosis = 'flu' THEN cost ELSE 0 END) / SUM(cost) AS flu_share FROM visits GROUP BY clinic;

-- coalesce_sum
SELECT COALESCE(SUM(cost), 0) AS c FROM visits WHERE clinic = 'Central';

-- nullif_key
SELECT NULLIF(sex, 'X') AS s, COUNT(*) FROM patients GROUP BY 1;

-- cast_int
SELECT CAST(income / 10000 AS INTEGER) AS b, COUNT(*) FROM patients GROUP BY 1;

-- floor_div
SELECT FLOOR(age / 5.0) * 5 AS five, COUNT(*) FROM patients GROUP BY five ORDER BY five;

-- trunc_key
SELECT TRUNC(age / 10) AS d, COUNT(*) FROM patients GROUP BY 1;

-- abs_diff
SELECT AVG(ABS(age - 50)) FROM patients;

-- power_mean
SELECT SQRT(AVG(POWER(age, 2))) AS rms FROM patients;

-- harmonic
SELECT COUNT(*) / SUM(1.0 / (age + 1)) AS hm FROM patients;

-- geo
SELECT EXP(AVG(LN(cost + 1))) FROM visits WHERE cost > 0;

-- sum_product_join
SELECT r.country, SUM(p.income * r.population / 1000000.0) FROM patients p JOIN regions r USING (region) GROUP BY r.country;

-- var_by
SELECT clinic, VAR_SAMP(cost), STDDEV_POP(cost) FROM visits GROUP BY clinic;

-- covar
SELECT COVAR_SAMP(age, income), COVAR_POP(age, income) FROM patients;

-- regr
SELECT REGR_SLOPE(income, age), REGR_COUNT(income, age), REGR_AVGX(income, age) FROM patients;

-- min_max_age
SELECT region, MIN(age), MAX(age) FROM patients GROUP BY region;

-- quantile_disc
SELECT QUANTILE_DISC(age, 0.5), QUANTILE(age, 0.9) FROM patients;

-- approx_quantile
SELECT APPROX_QUANTILE(income, 0.5) FROM patients;

-- count_filter_window
SELECT region, COUNT(*) FILTER (WHERE age > 50) * 1.0 / COUNT(*) AS share FROM patients GROUP BY region ORDER BY share DESC LIMIT 3;

-- window_filter
SELECT clinic, n, SUM(n) FILTER (WHERE n > 10) OVER () AS t FROM (SELECT clinic, COUNT(*) AS n FROM visits GROUP BY clinic) x;

-- unit_window_count
SELECT AVG(k) FROM (SELECT patient_id, COUNT(*) OVER (PARTITION BY patient_id, clinic) AS k FROM visits) t;

-- unit_percent_rank
SELECT AVG(pr) FROM (SELECT patient_id, PERCENT_RANK() OVER (PARTITION BY patient_id ORDER BY cost) AS pr FROM visits) t;

-- unit_stddev
SELECT AVG(sd) FROM (SELECT patient_id, STDDEV(cost) AS sd FROM visits GROUP BY patient_id) t;

-- unit_median
SELECT AVG(m) FROM (SELECT patient_id, MEDIAN(cost) AS m FROM visits GROUP BY patient_id) t;

-- unit_mode
SELECT m, COUNT(*) FROM (SELECT patient_id, MODE(clinic) AS m FROM visits GROUP BY patient_id) t GROUP BY m;

-- unit_first_diag
SELECT d, COUNT(*) AS n FROM (SELECT patient_id, FIRST_VALUE(diagnosis) OVER (PARTITION BY patient_id ORDER BY visited_on, visit_id) AS d FROM visits) t GROUP BY d ORDER BY n DESC;

-- unit_string_agg
SELECT path, COUNT(*) FROM (SELECT patient_id, STRING_AGG(clinic, '>' ORDER BY visited_on, visit_id) AS path FROM visits GROUP BY patient_id) t GROUP BY path;

-- unit_list_distinct
SELECT n, COUNT(*) FROM (SELECT patient_id, LEN(LIST(DISTINCT clinic)) AS n FROM visits GROUP BY patient_id) t GROUP BY n;

-- unit_having_two
SELECT COUNT(*) FROM (SELECT patient_id FROM visits WHERE diagnosis IN ('flu', 'asthma') GROUP BY patient_id HAVING COUNT(DISTINCT diagnosis) = 2) t;

-- unit_max_gap
SELECT AVG(g) FROM (SELECT patient_id, MAX(visited_on - prev) AS g FROM (SELECT patient_id, visited_on, LAG(visited_on) OVER (PARTITION BY patient_id ORDER BY visited_on) AS prev FROM visits) a GROUP BY patient_id) b;

-- unit_case_count
SELECT CASE WHEN n = 0 THEN 'none' WHEN n < 3 THEN 'few' ELSE 'many' END AS k, COUNT(*) FROM (SELECT p.patient_id, COUNT(v.visit_id) AS n FROM patients p LEFT JOIN visits v USING (patient_id) GROUP BY p.patient_id) t GROUP BY 1 ORDER BY 1;

-- unit_join_two_aggs
SELECT CORR(a.n, b.s) FROM (SELECT patient_id, COUNT(*) AS n FROM visits GROUP BY 1) a JOIN (SELECT patient_id, SUM(cost) AS s FROM visits GROUP BY 1) b USING (patient_id);

-- unit_ratio
SELECT AVG(flu * 1.0 / n) FROM (SELECT patient_id, COUNT(*) AS n, COUNT(*) FILTER (WHERE diagnosis = 'flu') AS flu FROM visits GROUP BY patient_id) t;

-- unit_last_cost
SELECT AVG(cost) FROM (SELECT patient_id, cost FROM visits QUALIFY ROW_NUMBER() OVER (PARTITION BY patient_id ORDER BY visited_on DESC, visit_id DESC) = 1) t;

-- unit_second_visit
SELECT COUNT(*) FROM (SELECT patient_id, NTH_VALUE(clinic, 2) OVER (PARTITION BY patient_id ORDER BY visited_on, visit_id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS c2 FROM visits) t WHERE c2 = 'Central';

-- cte_chain
WITH a AS (SELECT * FROM visits WHERE cost > 50), b AS (SELECT patient_id, clinic, cost FROM a WHERE clinic <> 'Central'), c AS (SELECT clinic, COUNT(*) AS n, AVG(cost) AS m FROM b GROUP BY clinic) SELECT clinic, n, m, n * m AS total FROM c WHERE n > 5 ORDER BY total DESC;

-- cte_unused
WITH x AS (SELECT 1 AS a) SELECT COUNT(*) FROM patients;

-- cte_alias_cols
WITH t(k, v) AS (SELECT region, COUNT(*) FROM patients GROUP BY region) SELECT MAX(v) FROM t;

-- nested_cte
WITH o AS (WITH i AS (SELECT clinic, COUNT(*) AS n FROM visits GROUP BY clinic) SELECT AVG(n) AS m FROM i) SELECT m FROM o;

-- four_levels
SELECT MAX(m) FROM (SELECT y, AVG(n) AS m FROM (SELECT y, clinic, SUM(c) AS n FROM (SELECT year(visited_on) AS y, clinic, month(visited_on) AS mo, COUNT(*) AS c FROM visits GROUP BY 1, 2, 3) a GROUP BY 1, 2) b GROUP BY 1) c;

-- scalar_in_select
SELECT region, COUNT(*) AS n, COUNT(*) * 1.0 / (SELECT COUNT(*) FROM patients) AS share FROM patients GROUP BY region;

-- scalar_diff
SELECT AVG(age) - (SELECT AVG(age) FROM patients WHERE sex = 'F') FROM patients WHERE sex = 'M';

-- having_scalar
SELECT region, AVG(income) AS a FROM patients GROUP BY region HAVING AVG(income) > (SELECT AVG(income) FROM patients);

-- order_scalar
SELECT clinic, SUM(cost) AS s FROM visits GROUP BY clinic ORDER BY s - (SELECT AVG(cost) FROM visits) DESC;

-- index_100
WITH m AS (SELECT month(visited_on) AS mo, COUNT(*) AS n FROM visits WHERE year(visited_on) = 2024 GROUP BY 1) SELECT mo, 100.0 * n / FIRST_VALUE(n) OVER (ORDER BY mo) AS idx FROM m ORDER BY mo;

-- rank_partition
SELECT sex, region, n, RANK() OVER (PARTITION BY sex ORDER BY n DESC) AS rk FROM (SELECT sex, region, COUNT(*) AS n FROM patients GROUP BY ALL) t ORDER BY sex, rk;

-- lead_lag_named
SELECT q, n, LEAD(n) OVER w - n AS nxt FROM (SELECT quarter(visited_on) AS q, COUNT(*) AS n FROM visits GROUP BY 1) t WINDOW w AS (ORDER BY q) ORDER BY q;

-- ratio_pair
SELECT a.n * 1.0 / b.n FROM (SELECT COUNT(*) AS n FROM visits WHERE clinic = 'Central') a, (SELECT COUNT(*) AS n FROM visits) b;

-- intersect_all
SELECT COUNT(*) FROM (SELECT patient_id, clinic FROM visits WHERE year(visited_on) = 2023 INTERSECT SELECT patient_id, clinic FROM visits WHERE year(visited_on) = 2024) t;

-- except_clinic
SELECT clinic, COUNT(*) FROM (SELECT DISTINCT patient_id, clinic FROM visits WHERE year(visited_on) = 2024 EXCEPT SELECT patient_id, clinic FROM visits WHERE year(visited_on) = 2023) t GROUP BY clinic;

-- union_dedup
SELECT COUNT(*) FROM (SELECT patient_id FROM visits WHERE clinic = 'Central' UNION SELECT patient_id FROM patients WHERE age > 90) t;

-- union_flag
SELECT src, COUNT(*) FROM (SELECT patient_id, 'visit' AS src FROM visits UNION ALL SELECT patient_id, 'patient' FROM patients) t GROUP BY src;

-- full_join_units
SELECT COUNT(*) FROM (SELECT DISTINCT patient_id FROM visits WHERE year(visited_on) = 2023) a FULL JOIN (SELECT DISTINCT patient_id FROM visits WHERE year(visited_on) = 2024) b USING (patient_id);

-- retention_yoy
SELECT COUNT(b.patient_id) * 1.0 / COUNT(*) AS retained FROM (SELECT DISTINCT patient_id FROM visits WHERE year(visited_on) = 2023) a LEFT JOIN (SELECT DISTINCT patient_id FROM visits WHERE year(visited_on) = 2024) b ON a.patient_id = b.patient_id;

-- left_join_null_sum
SELECT SUM(CASE WHEN v.patient_id IS NULL THEN 1 ELSE 0 END) AS no_visit FROM patients p LEFT JOIN (SELECT DISTINCT patient_id FROM visits) v ON v.patient_id = p.patient_id;

-- join_agg_region
SELECT p.region, COUNT(DISTINCT p.patient_id) AS pts, COUNT(v.visit_id) AS visits, AVG(v.cost) AS avg_cost FROM patients p LEFT JOIN visits v ON v.patient_id = p.patient_id GROUP BY p.region ORDER BY visits DESC;

-- three_way
SELECT r.country, v.clinic, SUM(v.cost) AS rev FROM visits v JOIN patients p ON p.patient_id = v.patient_id JOIN regions r ON r.region = p.region WHERE p.age >= 18 GROUP BY r.country, v.clinic ORDER BY r.country, rev DESC;

-- cross_regions
SELECT r.region, COUNT(*) FROM patients p CROSS JOIN regions r WHERE p.region = r.region GROUP BY r.region;

-- non_equi_public
SELECT r.region, COUNT(p.patient_id) FROM regions r LEFT JOIN patients p ON p.region = r.region AND p.age > 60 GROUP BY r.region;

-- public_rollup
SELECT country, region, SUM(population) FROM regions GROUP BY ROLLUP (country, region);

-- cube_three
SELECT region, sex, age >= 65 AS senior, COUNT(*) FROM patients GROUP BY CUBE (region, sex, age >= 65);

-- gs_mixed
SELECT region, sex, COUNT(*) AS n, AVG(income) AS inc FROM patients GROUP BY GROUPING SETS ((region, sex), (region), (sex), ());

-- rollup_having
SELECT clinic, year(visited_on) AS y, SUM(cost) AS c FROM visits GROUP BY ROLLUP (clinic, year(visited_on)) HAVING SUM(cost) > 1000 ORDER BY clinic NULLS LAST, y NULLS LAST;

-- date_part_str
SELECT date_part('dow', visited_on) AS d, COUNT(*) FROM visits GROUP BY 1;

-- extract_year_eq
SELECT COUNT(*) FROM visits WHERE EXTRACT(YEAR FROM visited_on) = 2024 AND EXTRACT(QUARTER FROM visited_on) = 2;

-- date_add
SELECT COUNT(*) FROM visits WHERE date_add(visited_on, INTERVAL 1 MONTH) > DATE '2024-12-31';

-- date_cmp_str
SELECT COUNT(*) FROM visits WHERE CAST(visited_on AS VARCHAR) LIKE '2024-03%';

-- strptime
SELECT COUNT(*) FROM visits WHERE visited_on >= strptime('2024-01-01', '%Y-%m-%d');

-- to_date
SELECT COUNT(*) FROM visits WHERE visited_on >= TO_DATE('2024-01-01', 'YYYY-MM-DD');

-- date_func
SELECT COUNT(*) FROM visits WHERE DATE(visited_on) = '2024-02-29';

-- year_fn_group
SELECT YEAR(visited_on), COUNT(DISTINCT patient_id) FROM visits GROUP BY YEAR(visited_on);

-- ym_strftime_having
SELECT strftime(visited_on, '%Y-%m') AS ym, SUM(cost) AS s FROM visits GROUP BY ym HAVING s > 0 ORDER BY ym;

-- dateadd_unit
SELECT COUNT(*) FROM (SELECT patient_id, MIN(visited_on) AS f FROM visits GROUP BY 1) a JOIN visits v ON v.patient_id = a.patient_id AND v.visited_on BETWEEN a.f + INTERVAL 1 DAY AND a.f + INTERVAL 90 DAY;

-- days_window
SELECT CASE WHEN d <= 30 THEN '0-30' WHEN d <= 90 THEN '31-90' ELSE '90+' END AS w, COUNT(*) FROM (SELECT patient_id, visited_on - MIN(visited_on) OVER (PARTITION BY patient_id) AS d FROM visits) t WHERE d > 0 GROUP BY w;

-- limit_expr
SELECT diagnosis, COUNT(*) n FROM visits GROUP BY 1 ORDER BY 2 DESC LIMIT 3 OFFSET 1;

-- distinct_on_release
SELECT DISTINCT ON (sex) sex, region, n FROM (SELECT sex, region, COUNT(*) AS n FROM patients GROUP BY sex, region) t ORDER BY sex, n DESC;

-- top_share
SELECT SUM(n) FILTER (WHERE rk <= 2) / SUM(n) AS top2 FROM (SELECT clinic, COUNT(*) AS n, ROW_NUMBER() OVER (ORDER BY COUNT(*) DESC) AS rk FROM visits GROUP BY clinic) t;

-- concentration
SELECT SUM(s * s) FROM (SELECT COUNT(*) * 1.0 / SUM(COUNT(*)) OVER () AS s FROM visits GROUP BY clinic) t;

-- lorenz
SELECT b, SUM(t) OVER (ORDER BY b) / SUM(t) OVER () AS cum FROM (SELECT income // 20000 AS b, SUM(income) AS t FROM patients WHERE income IS NOT NULL GROUP BY 1) x ORDER BY b;

-- bool_and_group
SELECT region, BOOL_OR(age > 95) AS any_old, BOOL_AND(age >= 0) AS all_pos FROM patients GROUP BY region;

-- every_kw
SELECT EVERY(age >= 0) FROM patients;

-- xor_bits
SELECT COUNT(*) FROM patients WHERE (age & 1) = 1;

-- string_trim_eq
SELECT COUNT(*) FROM visits WHERE TRIM(LOWER(diagnosis)) = 'flu';

-- split_words
SELECT array_length(string_split(diagnosis, ' ')) AS w, COUNT(*) FROM visits GROUP BY 1;

-- regexp_group
SELECT regexp_extract(diagnosis, '^([a-z]+)', 1) AS w, COUNT(*) FROM visits GROUP BY 1;

-- contains_fn
SELECT COUNT(*) FROM visits WHERE contains(diagnosis, 'ab') OR starts_with(diagnosis, 'a') OR diagnosis ^@ 'f';

-- substring_from
SELECT SUBSTRING(diagnosis FROM 1 FOR 3) AS p, COUNT(*) FROM visits GROUP BY 1;

-- concat_op_null
SELECT clinic || ' ' || COALESCE(diagnosis, '?') AS k, COUNT(*) FROM visits GROUP BY 1;

-- reverse_len
SELECT LENGTH(clinic) AS l, COUNT(*) FROM visits GROUP BY l;

-- hash_bucket
SELECT patient_id % 10 AS b, COUNT(*) FROM patients GROUP BY 1;

-- group_by_const
SELECT 'all' AS k, COUNT(*) FROM patients GROUP BY 'all';

-- group_by_null
SELECT COUNT(*) FROM patients GROUP BY ();

-- select_const_beside
SELECT 2024 AS yr, 'x' AS tag, COUNT(*) AS n, NULL AS nothing FROM visits;

-- weird_spaces
SELECT/**/region,COUNT(*)FROM patients GROUP/**/BY region;

-- unicode_alias
SELECT region AS "Région", COUNT(*) AS "Anzahl €" FROM patients GROUP BY 1;

-- summary_stats
SELECT COUNT(age) AS n, AVG(age) AS mean, STDDEV(age) AS sd, MIN(age) AS mn, QUANTILE_CONT(age, 0.25) AS p25, MEDIAN(age) AS p50, QUANTILE_CONT(age, 0.75) AS p75, MAX(age) AS mx FROM patients;

-- exists_correlated_agg
SELECT COUNT(*) FROM patients p WHERE (SELECT COUNT(*) FROM visits v WHERE v.patient_id = p.patient_id AND v.clinic = 'Central') >= 2;

-- all_any_unit
SELECT COUNT(*) FROM patients p WHERE 1000 < ALL (SELECT cost FROM visits v WHERE v.patient_id = p.patient_id);

-- in_list_of_units
SELECT AVG(age) FROM patients WHERE patient_id IN (SELECT patient_id FROM visits GROUP BY patient_id HAVING COUNT(*) > 5);

-- unit_filter_by_id
SELECT COUNT(*) FROM visits WHERE patient_id = 17;

-- having_no_group
SELECT SUM(cost) FROM visits HAVING COUNT(*) > 10;

-- sample_size_note
SELECT region, COUNT(*) AS n, COUNT(*) >= 30 AS reliable FROM patients GROUP BY region;

-- wide_pivot_months
SELECT clinic, COUNT(*) FILTER (WHERE month(visited_on) = 1) AS jan, COUNT(*) FILTER (WHERE month(visited_on) = 2) AS feb, COUNT(*) FILTER (WHERE month(visited_on) = 3) AS mar FROM visits GROUP BY clinic;

-- crosstab_pct
SELECT region, sex, COUNT(*) AS n, ROUND(100.0 * COUNT(*) / SUM(COUNT(*)) OVER (PARTITION BY region), 1) AS row_pct FROM patients GROUP BY region, sex ORDER BY region, sex;

-- moving_sum_unit
SELECT AVG(s) FROM (SELECT patient_id, SUM(cost) OVER (PARTITION BY patient_id ORDER BY visited_on RANGE BETWEEN INTERVAL 30 DAY PRECEDING AND CURRENT ROW) AS s FROM visits) t;

-- ewm
SELECT mo, n * 0.5 + COALESCE(LAG(n) OVER (ORDER BY mo), n) * 0.3 + COALESCE(LAG(n, 2) OVER (ORDER BY mo), n) * 0.2 AS w FROM (SELECT month(visited_on) AS mo, COUNT(*) AS n FROM visits GROUP BY 1) t ORDER BY mo;

-- json_like
SELECT region, to_json({'n': COUNT(*)}) FROM patients GROUP BY region;

-- list_transform
SELECT list_sum([COUNT(*), COUNT(income)]) FROM patients;

-- listagg
SELECT COUNT(*) FROM (SELECT patient_id, LISTAGG(clinic, ',') WITHIN GROUP (ORDER BY visit_id DESC) AS path FROM visits GROUP BY patient_id) t WHERE path LIKE 'Central%';

-- path_filter
SELECT LEFT(path, 15) AS p, COUNT(*) FROM (SELECT patient_id, STRING_AGG(diagnosis, '/' ORDER BY visit_id) FILTER (WHERE cost > 500) AS path FROM visits GROUP BY patient_id) t GROUP BY 1;

-- strptime_
SELECT COUNT(*) FROM visits WHERE visited_on >= strptime('01/02/2024', '%d/%m/%Y');

-- people_string_agg
SELECT STRING_AGG(clinic, '>' ORDER BY visit_id) FROM visits;

-- unnest_rel1
SELECT UNNEST([1,2]) AS k, region, COUNT(*) AS n FROM patients GROUP BY region;

-- unnest_rel2
SELECT region, UNNEST([COUNT(*), COUNT(income)]) AS v FROM patients GROUP BY region;

-- exists_stage
SELECT COUNT(*) FROM patients p WHERE EXISTS (SELECT 1 FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) t WHERE t.region = p.region AND t.n > 10);

-- all_stage
SELECT COUNT(*) FROM patients p WHERE p.income > ALL (SELECT AVG(income) FROM patients GROUP BY region);

-- top2_stage
SELECT clinic, COUNT(*) AS n FROM visits WHERE clinic IN (SELECT clinic FROM visits GROUP BY clinic ORDER BY COUNT(*) DESC LIMIT 2) GROUP BY clinic;

-- top_or_other
SELECT CASE WHEN diagnosis IN (SELECT diagnosis FROM visits GROUP BY 1 ORDER BY COUNT(*) DESC LIMIT 3) THEN diagnosis ELSE 'other' END AS d, COUNT(*) AS n, SUM(cost) AS c FROM visits GROUP BY 1;

-- left_top
WITH top AS (SELECT diagnosis, COUNT(*) AS n FROM visits GROUP BY diagnosis ORDER BY n DESC LIMIT 2) SELECT COALESCE(t.diagnosis, 'other') AS d, COUNT(*) AS n FROM visits v LEFT JOIN top t ON v.diagnosis = t.diagnosis GROUP BY 1;

-- busiest
SELECT COUNT(*) FROM visits WHERE clinic = (SELECT ARG_MAX(clinic, n) FROM (SELECT clinic, COUNT(*) AS n FROM visits GROUP BY clinic) t);

-- case_type
SELECT COUNT(*) FROM patients WHERE income > (SELECT CASE WHEN COUNT(*) > 10 THEN 'many' END FROM patients);

-- swap_alias
SELECT region AS sex, sex AS region, n FROM (SELECT region, sex, COUNT(*) AS n FROM patients WHERE sex IS NOT NULL GROUP BY region, sex) t ORDER BY region, sex;

-- alias_neg_expr
SELECT region, -n AS n FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) t ORDER BY n + 0, region;

-- having_alias
SELECT n > 30 AS big, SUM(n) AS n FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) t GROUP BY 1 HAVING n > 10 ORDER BY n;

-- qualify_alias
SELECT region, n, RANK() OVER (ORDER BY n DESC) AS r FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) t QUALIFY r <= 3 ORDER BY r;

-- distinct_on_alias
SELECT DISTINCT ON (k) n % 2 AS k, region FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) t ORDER BY k, region;

-- where_alias
SELECT region, n * 2 AS dbl FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) t WHERE dbl > 60;

-- group_alias
SELECT n > 30 AS n, COUNT(*) AS c FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) t GROUP BY 1;

-- window_in_order
SELECT region, n AS m FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) t ORDER BY ROW_NUMBER() OVER (ORDER BY n DESC, region);

-- order_table_qualified
SELECT region, -n AS n FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) t ORDER BY t.n, region;

-- using_merge_order
SELECT region, a.n AS n, b.n AS m FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) a FULL JOIN (SELECT region, COUNT(*) AS n FROM patients WHERE sex = 'F' GROUP BY region) b USING (region) ORDER BY region, n;

-- spread_null
SELECT k, COUNT(*), COUNT(v) FROM (SELECT patient_id, UNNEST(['a', 'b']) AS k, UNNEST([age, NULL]) AS v FROM patients) t GROUP BY k;

-- spread_where
SELECT COUNT(*) FROM (SELECT patient_id, UNNEST([age, income]) AS v FROM patients WHERE age > 50) t WHERE v > 60;

-- spread_dates
SELECT MAX(c) FROM (SELECT year(d) AS y, COUNT(*) AS c FROM (SELECT patient_id, UNNEST([visited_on, visited_on + 30]) AS d FROM visits) t GROUP BY 1) u;

-- lateral_two
SELECT x, y, COUNT(*) FROM patients p, LATERAL (VALUES (1, p.sex), (2, p.region)) a(x, y), LATERAL (VALUES (p.age), (p.age + 1)) b(z) WHERE z > 30 GROUP BY x, y;

-- lateral_per_unit
SELECT AVG(m) FROM (SELECT p.patient_id, MAX(v.x) AS m FROM patients p CROSS JOIN LATERAL (VALUES (p.age), (p.income)) v(x) GROUP BY p.patient_id) t;

-- unnest_single
SELECT COUNT(*), SUM(x) FROM patients p, UNNEST([p.age]) AS t(x);

-- fromless_scalar
SELECT COUNT(*) FROM patients WHERE age > (SELECT 40) AND region IN (SELECT 'R1' UNION ALL SELECT 'R2');

-- fromless_cte
WITH cfg AS (SELECT 30 AS lo, 60 AS hi) SELECT COUNT(*) FROM patients, cfg WHERE age BETWEEN cfg.lo AND cfg.hi;

-- fromless_params
WITH p AS (SELECT DATE '2024-01-01' AS d0) SELECT clinic, COUNT(*) FROM visits CROSS JOIN p WHERE visited_on >= p.d0 GROUP BY clinic;

-- fromless_left
SELECT b.k, COUNT(p.patient_id) FROM (SELECT 'R1' AS k UNION ALL SELECT 'R9') b LEFT JOIN patients p ON p.region = b.k GROUP BY b.k;

-- stage_twice
SELECT COUNT(*) FILTER (WHERE income > (SELECT AVG(income) FROM patients)) AS hi, COUNT(*) FILTER (WHERE income <= (SELECT AVG(income) FROM patients)) AS lo FROM patients;

-- stage_in_unit
SELECT AVG(k) FROM (SELECT patient_id, COUNT(*) FILTER (WHERE cost > (SELECT AVG(cost) FROM visits)) AS k FROM visits GROUP BY patient_id) t;

-- stage_keys_unit
SELECT AVG(k) FROM (SELECT patient_id, COUNT(*) AS k FROM visits WHERE clinic NOT IN (SELECT clinic FROM visits GROUP BY clinic ORDER BY COUNT(*) DESC LIMIT 1) GROUP BY patient_id) t;

-- stage_left_null
SELECT COUNT(*) FROM patients p LEFT JOIN (SELECT region FROM patients GROUP BY region HAVING COUNT(*) > 50) t ON t.region = p.region WHERE t.region IS NULL;

-- stage_chain
WITH a AS (SELECT AVG(income) AS m FROM patients), b AS (SELECT region, COUNT(*) AS n FROM patients, a WHERE income > a.m GROUP BY region) SELECT p.sex, COUNT(*) FROM patients p JOIN b ON b.region = p.region WHERE b.n > 10 GROUP BY p.sex;

-- stage_share
SELECT p.region, SUM(p.income / t.s) AS share FROM patients p JOIN (SELECT region, SUM(income) AS s FROM patients GROUP BY region) t ON t.region = p.region GROUP BY p.region;

-- stage_z
SELECT COUNT(*) FROM visits v JOIN (SELECT clinic, AVG(cost) AS a, STDDEV(cost) AS s FROM visits GROUP BY clinic) t ON t.clinic = v.clinic WHERE ABS(v.cost - t.a) > t.s;

-- having_sub_each
SELECT COUNT(*) FROM (SELECT patient_id, SUM(cost) AS c FROM visits GROUP BY patient_id HAVING COUNT(*) > (SELECT COUNT(*) / 4 FROM regions)) t WHERE c > 100;

-- tb14
SELECT time_bucket(INTERVAL '14 days', visited_on) AS b, COUNT(*) FROM visits WHERE visited_on >= '2024-01-01' GROUP BY 1;

-- tb2w
SELECT time_bucket(INTERVAL 2 WEEK, visited_on) AS b, COUNT(*) FROM visits WHERE visited_on < '2023-06-01' GROUP BY 1;

-- tb7
SELECT time_bucket(INTERVAL 1 WEEK, visited_on) AS b, COUNT(*) FROM visits WHERE visited_on < '2023-06-01' GROUP BY 1;

-- tbm
SELECT time_bucket(INTERVAL '1 month', visited_on) AS b, COUNT(*) FROM visits GROUP BY 1;

-- set1_1
SELECT clinic, COUNT(*) AS visits, COUNT(DISTINCT patient_id) AS patients, ROUND(COUNT(*) * 1.0 / COUNT(DISTINCT patient_id), 2) AS per_patient FROM visits GROUP BY clinic ORDER BY clinic;

-- set1_3
SELECT year(visited_on) AS y, month(visited_on) AS m, SUM(cost) AS revenue FROM visits WHERE visited_on IS NOT NULL GROUP BY ALL ORDER BY ALL;

-- set1_4
SELECT date_trunc('quarter', visited_on)::DATE AS q, COUNT(*) AS n FROM visits WHERE visited_on >= '2023-01-01' GROUP BY q ORDER BY q;

-- set1_5
SELECT m, n, AVG(n) OVER (ORDER BY m ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS ma3 FROM (SELECT date_trunc('month', visited_on) AS m, COUNT(*) AS n FROM visits WHERE visited_on IS NOT NULL GROUP BY 1) ORDER BY m;

-- set1_6
SELECT m, n, n - LAG(n) OVER (ORDER BY m) AS diff, 100.0 * (n - LAG(n) OVER (ORDER BY m)) / NULLIF(LAG(n) OVER (ORDER BY m), 0) AS pct FROM (SELECT date_trunc('month', visited_on) AS m, COUNT(*) AS n FROM visits WHERE visited_on BETWEEN DATE '2023-03-01' AND DATE '2023-12-31' GROUP BY 1) t ORDER BY m;

-- set1_7
WITH monthly AS (SELECT clinic, date_trunc('month', visited_on) AS m, SUM(cost) AS rev FROM visits WHERE visited_on >= DATE '2024-01-01' GROUP BY 1, 2) SELECT clinic, m, rev, SUM(rev) OVER (PARTITION BY clinic ORDER BY m) AS ytd FROM monthly ORDER BY clinic, m;

-- set1_8
WITH base AS (SELECT patient_id, MIN(visited_on) AS first_visit FROM visits GROUP BY patient_id), cohort AS (SELECT patient_id, date_trunc('quarter', first_visit) AS c FROM base) SELECT c.c AS cohort, date_diff('quarter', c.c, date_trunc('quarter', v.visited_on)) AS k, COUNT(DISTINCT v.patient_id) AS active FROM cohort c JOIN visits v ON v.patient_id = c.patient_id WHERE v.visited_on IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2;

-- set1_9
WITH firsts AS (SELECT patient_id, MIN(visited_on) AS d0 FROM visits GROUP BY patient_id) SELECT COUNT(DISTINCT f.patient_id) AS all_patients, COUNT(DISTINCT CASE WHEN v.visited_on > f.d0 AND v.visited_on <= f.d0 + 90 THEN v.patient_id END) AS back_90 FROM firsts f LEFT JOIN visits v ON v.patient_id = f.patient_id;

-- set1_10
WITH steps AS (SELECT p.patient_id, MAX(CASE WHEN v.visit_id IS NOT NULL THEN 1 ELSE 0 END) AS s1, MAX(CASE WHEN v.diagnosis = 'asthma' THEN 1 ELSE 0 END) AS s2, MAX(CASE WHEN v.diagnosis = 'asthma' AND v.cost > 1500 THEN 1 ELSE 0 END) AS s3 FROM patients p LEFT JOIN visits v ON v.patient_id = p.patient_id GROUP BY p.patient_id) SELECT COUNT(*) AS registered, SUM(s1) AS seen, SUM(s2) AS asthma, SUM(s3) AS expensive FROM steps;

-- set1_11
WITH steps AS (SELECT patient_id, MIN(visited_on) FILTER (WHERE diagnosis = 'flu') AS t1, MIN(visited_on) FILTER (WHERE diagnosis = 'asthma') AS t2 FROM visits GROUP BY patient_id) SELECT COUNT(t1) AS step1, COUNT(*) FILTER (WHERE t2 > t1) AS step2 FROM steps;

-- set1_12
SELECT AVG(days) AS mean_gap, MEDIAN(days) AS median_gap FROM (SELECT patient_id, date_diff('day', LAG(visited_on) OVER w, visited_on) AS days FROM visits WINDOW w AS (PARTITION BY patient_id ORDER BY visited_on, visit_id)) g WHERE days IS NOT NULL;

-- set1_13
WITH g AS (SELECT patient_id, visit_id, visited_on, CASE WHEN visited_on - LAG(visited_on) OVER (PARTITION BY patient_id ORDER BY visited_on, visit_id) > 60 THEN 1 ELSE 0 END AS new_ep FROM visits WHERE visited_on IS NOT NULL), s AS (SELECT patient_id, visit_id, SUM(new_ep) OVER (PARTITION BY patient_id ORDER BY visited_on, visit_id) AS ep FROM g) SELECT COUNT(DISTINCT (patient_id, ep)) AS episodes FROM s;

-- set1_14
WITH g AS (SELECT patient_id, visit_id, visited_on, CASE WHEN visited_on - LAG(visited_on) OVER (PARTITION BY patient_id ORDER BY visited_on, visit_id) > 60 THEN 1 ELSE 0 END AS new_ep FROM visits WHERE visited_on IS NOT NULL), s AS (SELECT patient_id, visit_id, SUM(new_ep) OVER (PARTITION BY patient_id ORDER BY visited_on, visit_id) AS ep FROM g), e AS (SELECT patient_id, ep, COUNT(*) AS n FROM s GROUP BY patient_id, ep) SELECT COUNT(*) AS episodes, AVG(n) AS visits_per_episode FROM e;

-- set1_15
SELECT arg_max_clinic, COUNT(*) FROM (SELECT patient_id, arg_max(clinic, visit_id) AS arg_max_clinic FROM visits GROUP BY patient_id) GROUP BY arg_max_clinic;

-- set1_16
SELECT first_clinic, last_clinic, COUNT(*) FROM (SELECT patient_id, arg_min(clinic, visit_id) AS first_clinic, arg_max(clinic, visit_id) AS last_clinic FROM visits GROUP BY patient_id) t GROUP BY 1, 2;

-- set1_17
SELECT width_bucket(cost, 0, 3000, 6) AS b, COUNT(*) FROM visits WHERE cost IS NOT NULL GROUP BY b ORDER BY b;

-- set1_18
SELECT FLOOR(income / 25000) * 25000 AS bracket, COUNT(*) AS n FROM patients WHERE income IS NOT NULL GROUP BY bracket ORDER BY bracket;

-- set1_19
SELECT age - age % 10 AS decade, sex, COUNT(*) AS n FROM patients WHERE age IS NOT NULL AND sex IS NOT NULL GROUP BY decade, sex ORDER BY decade, sex;

-- set1_20
SELECT CASE WHEN age BETWEEN 0 AND 17 THEN '0-17' WHEN age BETWEEN 18 AND 39 THEN '18-39' WHEN age BETWEEN 40 AND 64 THEN '40-64' WHEN age >= 65 THEN '65+' ELSE 'unknown' END AS age_group, sex, COUNT(*) FROM patients GROUP BY age_group, sex;

-- set1_21
SELECT r.country, SUM(r.population) AS pop FROM regions r GROUP BY r.country HAVING SUM(r.population) > 500000;

-- set1_22
WITH c AS (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) SELECT r.country, SUM(c.n) AS n, SUM(r.population) AS pop, SUM(c.n) * 100000.0 / SUM(r.population) AS per_100k FROM regions r JOIN c ON c.region = r.region GROUP BY r.country ORDER BY per_100k DESC;

-- set1_24
SELECT region, COUNT(*) AS n, COUNT(*) * 100.0 / (SELECT COUNT(*) FROM patients) AS pct FROM patients GROUP BY region ORDER BY pct DESC;

-- set1_25
SELECT region, n, NTILE(4) OVER (ORDER BY n DESC) AS quartile, PERCENT_RANK() OVER (ORDER BY n) AS pr FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) t;

-- set1_26
SELECT clinic, diagnosis, n, DENSE_RANK() OVER (PARTITION BY clinic ORDER BY n DESC) AS rk FROM (SELECT clinic, diagnosis, COUNT(*) AS n FROM visits WHERE diagnosis IS NOT NULL GROUP BY clinic, diagnosis) t QUALIFY rk <= 3;

-- set1_27
SELECT clinic, diagnosis, COUNT(*) AS n FROM visits WHERE diagnosis IS NOT NULL GROUP BY ALL QUALIFY ROW_NUMBER() OVER (PARTITION BY clinic ORDER BY COUNT(*) DESC, diagnosis) = 1;

-- set1_28
SELECT sex, AVG(age) AS mean_age, STDDEV_SAMP(age) AS sd, STDDEV_SAMP(age) / SQRT(COUNT(age)) AS se FROM patients WHERE sex IS NOT NULL GROUP BY sex;

-- set1_29
SELECT sex, AVG(income) - 1.96 * STDDEV(income) / SQRT(COUNT(income)) AS lo, AVG(income) + 1.96 * STDDEV(income) / SQRT(COUNT(income)) AS hi FROM patients WHERE sex IN ('F', 'M') GROUP BY sex;

-- set1_30
SELECT (SELECT AVG(income) FROM patients WHERE sex = 'M') - (SELECT AVG(income) FROM patients WHERE sex = 'F') AS gap;

-- set1_31
WITH m AS (SELECT AVG(income) AS a FROM patients WHERE sex = 'M'), f AS (SELECT AVG(income) AS a FROM patients WHERE sex = 'F') SELECT m.a, f.a, f.a / m.a AS ratio FROM m, f;

-- set1_32
SELECT a.region, a.n AS women, b.n AS men, a.n * 1.0 / b.n AS ratio FROM (SELECT region, COUNT(*) AS n FROM patients WHERE sex = 'F' GROUP BY region) a FULL OUTER JOIN (SELECT region, COUNT(*) AS n FROM patients WHERE sex = 'M' GROUP BY region) b USING (region) WHERE a.n > 3 AND b.n > 3;

-- set1_33
SELECT diagnosis, SUM(cost) AS total, SUM(SUM(cost)) OVER (ORDER BY SUM(cost) DESC) / SUM(SUM(cost)) OVER () AS cumulative_share FROM visits WHERE diagnosis IS NOT NULL GROUP BY diagnosis ORDER BY total DESC;

-- set1_34
SELECT strftime(visited_on, '%Y-Q') || quarter(visited_on) AS yq, COUNT(*) FROM visits WHERE visited_on IS NOT NULL GROUP BY 1 ORDER BY 1;

-- set1_35
SELECT dayname(visited_on) AS day, isodow(visited_on) AS k, COUNT(*) AS n FROM visits WHERE visited_on IS NOT NULL GROUP BY 1, 2 ORDER BY 2;

-- set1_36
SELECT CASE WHEN isodow(visited_on) >= 6 THEN 'weekend' ELSE 'weekday' END AS kind, COUNT(*) AS n, AVG(cost) AS mean_cost FROM visits WHERE visited_on IS NOT NULL GROUP BY kind;

-- set1_37
SELECT EXTRACT(DOW FROM visited_on) AS dow, COUNT(*) FROM visits WHERE visited_on IS NOT NULL GROUP BY 1 HAVING COUNT(*) > 10 ORDER BY 1;

-- set1_43
SELECT AVG(total) AS mean_spend, MEDIAN(total) AS median_spend, QUANTILE_CONT(total, 0.9) AS p90 FROM (SELECT patient_id, SUM(cost) AS total FROM visits GROUP BY patient_id) s;

-- set1_44
SELECT CASE WHEN total < 1000 THEN 'low' WHEN total < 5000 THEN 'mid' ELSE 'high' END AS tier, COUNT(*) AS patients, SUM(total) AS spend FROM (SELECT patient_id, COALESCE(SUM(cost), 0) AS total FROM visits GROUP BY patient_id) s GROUP BY tier;

-- set1_45
SELECT n_clinics, COUNT(*) FROM (SELECT patient_id, COUNT(DISTINCT clinic) AS n_clinics FROM visits GROUP BY patient_id) GROUP BY n_clinics ORDER BY n_clinics;

-- set1_46
SELECT COUNT(*) FROM (SELECT patient_id FROM visits GROUP BY patient_id HAVING COUNT(DISTINCT clinic) > 1);

-- set1_47
SELECT COUNT(*) AS readmitted FROM (SELECT patient_id FROM (SELECT patient_id, visited_on - LAG(visited_on) OVER (PARTITION BY patient_id ORDER BY visited_on, visit_id) AS gap FROM visits) WHERE gap <= 30 GROUP BY patient_id);

-- set1_48
SELECT COUNT(*) FROM visits v WHERE EXISTS (SELECT 1 FROM visits w WHERE w.patient_id = v.patient_id AND w.visited_on > v.visited_on AND w.visited_on <= v.visited_on + INTERVAL 30 DAY);

-- set1_49
SELECT v.clinic, COUNT(*) AS n, COUNT(*) FILTER (WHERE nxt IS NOT NULL AND nxt - visited_on <= 30) AS back FROM (SELECT patient_id, clinic, visited_on, LEAD(visited_on) OVER (PARTITION BY patient_id ORDER BY visited_on, visit_id) AS nxt FROM visits) v GROUP BY v.clinic;

-- set1_50
SELECT prev || ' > ' || clinic AS path, COUNT(*) AS n FROM (SELECT patient_id, clinic, LAG(clinic) OVER (PARTITION BY patient_id ORDER BY visit_id) AS prev FROM visits) WHERE prev IS NOT NULL GROUP BY path ORDER BY n DESC;

-- set1_51
SELECT prev, clinic, COUNT(*) AS n FROM (SELECT patient_id, clinic, LAG(clinic) OVER (PARTITION BY patient_id ORDER BY visit_id) AS prev FROM visits) t WHERE prev <> clinic GROUP BY prev, clinic;

-- set1_52
SELECT COUNT(*) AS switches FROM (SELECT patient_id, clinic, LAG(clinic) OVER (PARTITION BY patient_id ORDER BY visit_id) AS prev FROM visits) t WHERE prev IS DISTINCT FROM clinic AND prev IS NOT NULL;

-- set1_53
SELECT n, COUNT(*) AS people FROM (SELECT p.patient_id, COUNT(v.visit_id) AS n FROM patients p LEFT JOIN visits v ON v.patient_id = p.patient_id GROUP BY p.patient_id) t GROUP BY n ORDER BY n;

-- set1_54
SELECT LEAST(n, 10) AS visits, COUNT(*) AS people FROM (SELECT p.patient_id, COUNT(v.visit_id) AS n FROM patients p LEFT JOIN visits v ON v.patient_id = p.patient_id GROUP BY p.patient_id) t GROUP BY 1 ORDER BY 1;

-- set1_55
SELECT p.region, AVG(t.n) FROM patients p LEFT JOIN (SELECT patient_id, COUNT(*) AS n FROM visits WHERE visited_on >= '2024-01-01' GROUP BY patient_id) t ON t.patient_id = p.patient_id GROUP BY p.region;

-- set1_56
SELECT p.region, SUM(COALESCE(t.n, 0)) * 1.0 / COUNT(*) AS visits_each FROM patients p LEFT JOIN (SELECT patient_id, COUNT(*) AS n FROM visits GROUP BY patient_id) t USING (patient_id) GROUP BY p.region;

-- set1_58
WITH spine AS (SELECT UNNEST(generate_series(DATE '2024-01-01', DATE '2024-06-01', INTERVAL 1 MONTH)) AS m) SELECT s.m, COUNT(v.visit_id) AS n FROM spine s LEFT JOIN visits v ON date_trunc('month', v.visited_on) = s.m GROUP BY s.m ORDER BY s.m;

-- set1_59
WITH spine AS (SELECT m::date AS m FROM generate_series(DATE '2024-01-01', DATE '2024-06-01', INTERVAL 1 MONTH) g(m)), c AS (SELECT date_trunc('month', visited_on)::date AS m, COUNT(*) AS n FROM visits WHERE visited_on >= '2024-01-01' GROUP BY 1) SELECT spine.m, COALESCE(c.n, 0) AS n FROM spine LEFT JOIN c ON c.m = spine.m ORDER BY spine.m;

-- set1_60
SELECT r.region, r.country, COALESCE(c.n, 0) AS n FROM regions r LEFT JOIN (SELECT region, COUNT(*) AS n FROM patients WHERE age >= 65 GROUP BY region) c USING (region) ORDER BY r.region;

-- set1_61
SELECT 'all' AS grp, COUNT(*) AS n FROM patients UNION ALL SELECT sex, COUNT(*) FROM patients WHERE sex IS NOT NULL GROUP BY sex ORDER BY n DESC;

-- set1_63
SELECT region FROM patients GROUP BY region HAVING COUNT(*) > 30 EXCEPT SELECT region FROM patients WHERE sex = 'X' GROUP BY region HAVING COUNT(*) > 1000;

-- set1_64
SELECT region FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) WHERE n > 20 INTERSECT SELECT region FROM regions WHERE country = 'Norland';

-- set1_65
SELECT COUNT(*) FROM (SELECT patient_id FROM visits WHERE clinic = 'Central' EXCEPT SELECT patient_id FROM visits WHERE clinic = 'Harbour') x;

-- set1_66
SELECT COUNT(*) FROM patients WHERE patient_id IN (SELECT patient_id FROM visits WHERE clinic = 'Central') AND patient_id NOT IN (SELECT patient_id FROM visits WHERE clinic = 'Harbour');

-- set1_67
SELECT COUNT(DISTINCT a.patient_id) FROM visits a JOIN visits b ON a.patient_id = b.patient_id AND b.visited_on BETWEEN a.visited_on + 1 AND a.visited_on + 30 WHERE a.diagnosis = 'flu';

-- set1_68
SELECT a.diagnosis AS d1, b.diagnosis AS d2, COUNT(DISTINCT a.patient_id) AS patients FROM visits a JOIN visits b ON a.patient_id = b.patient_id AND a.diagnosis < b.diagnosis GROUP BY 1, 2 ORDER BY 3 DESC;

-- set1_69
SELECT UPPER(TRIM(diagnosis)) AS dx, COUNT(*) FROM visits WHERE diagnosis IS NOT NULL GROUP BY 1;

-- set1_70
SELECT COALESCE(diagnosis, 'not coded') AS dx, COUNT(*) AS n FROM visits GROUP BY 1 ORDER BY n DESC, dx;

-- set1_71
SELECT CASE WHEN diagnosis ILIKE '%flu%' THEN 'respiratory' WHEN diagnosis IN ('asthma') THEN 'respiratory' WHEN diagnosis IS NULL THEN 'unknown' ELSE 'other' END AS chapter, COUNT(*) AS n, SUM(cost) AS cost FROM visits GROUP BY chapter;

-- set1_72
SELECT LEFT(diagnosis, 1) AS initial, LENGTH(diagnosis) AS len, COUNT(*) AS n FROM visits GROUP BY ALL;

-- set1_74
SELECT SUBSTRING(region FROM 2 FOR 1)::INTEGER AS r, COUNT(*) FROM patients GROUP BY 1 ORDER BY 1;

-- set1_75
SELECT CAST(SUBSTR(region, 2) AS INT) % 2 = 0 AS even, COUNT(*) FROM patients GROUP BY 1;

-- set1_76
SELECT CONCAT(sex, '/', region) AS k, COUNT(*) FROM patients WHERE sex IS NOT NULL GROUP BY 1 ORDER BY 1;

-- set1_77
SELECT COUNT(*) FILTER (WHERE sex = 'F') AS f, COUNT(*) FILTER (WHERE sex = 'M') AS m, COUNT(*) FILTER (WHERE sex NOT IN ('F', 'M')) AS other, COUNT(*) FILTER (WHERE sex IS NULL) AS missing FROM patients;

-- set1_78
SELECT region, SUM(CASE WHEN sex = 'F' THEN income END) AS f_income, SUM(CASE WHEN sex = 'M' THEN income END) AS m_income FROM patients GROUP BY region;

-- set1_82
SELECT region, sex, COUNT(*) AS n FROM patients WHERE sex IS NOT NULL GROUP BY GROUPING SETS ((region, sex), (region), ()) ORDER BY region NULLS LAST, sex NULLS LAST;

-- set1_83
SELECT COALESCE(region, 'TOTAL') AS region, COALESCE(sex, 'all') AS sex, COUNT(*) AS n FROM patients WHERE sex IS NOT NULL GROUP BY ROLLUP (region, sex);

-- set1_84
SELECT CASE WHEN GROUPING(clinic) = 1 THEN 'All clinics' ELSE clinic END AS c, COUNT(*) AS n, AVG(cost) AS mean FROM visits GROUP BY ROLLUP (clinic);

-- set1_85
SELECT clinic, year(visited_on) AS y, SUM(cost) AS s FROM visits WHERE visited_on IS NOT NULL GROUP BY CUBE (clinic, year(visited_on));

-- set1_86
SELECT HISTOGRAM(age, [18, 40, 65]) AS h FROM patients;

-- set1_87
SELECT QUANTILE_CONT(cost, [0.1, 0.5, 0.9]) AS q FROM visits;

-- set1_88
SELECT MIN(age), QUANTILE_DISC(age, 0.25), MEDIAN(age), QUANTILE_DISC(age, 0.75), MAX(age) FROM patients;

-- set1_89
SELECT CORR(age, income) AS r, REGR_SLOPE(income, age) AS slope, REGR_INTERCEPT(income, age) AS b0, REGR_R2(income, age) AS r2 FROM patients;

-- set1_90
SELECT sex, CORR(age, income) FROM patients WHERE sex IN ('F','M') GROUP BY sex;

-- set1_92
SELECT VAR_SAMP(cost) / AVG(cost) AS dispersion FROM visits;

-- set1_93
SELECT EXP(AVG(LN(cost))) AS geo FROM visits WHERE cost > 0;

-- set1_101
SELECT COUNT(*) FROM patients WHERE age > (SELECT AVG(age) FROM patients) AND sex = 'F';

-- set1_102
SELECT region, COUNT(*) FILTER (WHERE income > (SELECT MEDIAN(income) FROM patients)) AS above FROM patients GROUP BY region;

-- set1_103
WITH stats AS (SELECT AVG(cost) AS m, STDDEV(cost) AS s FROM visits) SELECT COUNT(*) AS outliers FROM visits, stats WHERE cost > stats.m + 2 * stats.s;

-- set1_104
WITH stats AS (SELECT AVG(cost) AS m, STDDEV(cost) AS s FROM visits) SELECT clinic, AVG((cost - m) / s) AS z FROM visits CROSS JOIN stats GROUP BY clinic;

-- set1_105
SELECT * EXCLUDE (n) FROM (SELECT region, COUNT(*) AS n, AVG(age) AS a FROM patients GROUP BY region);

-- set1_106
SELECT * REPLACE (ROUND(a, 1) AS a) FROM (SELECT region, COUNT(*) AS n, AVG(age) AS a FROM patients GROUP BY region);

-- set1_107
SELECT AVG(COLUMNS(['age', 'income'])) FROM patients;

-- set1_108
SELECT MIN(COLUMNS(* EXCLUDE (region))) FROM (SELECT region, COUNT(*) AS n, AVG(age) AS a FROM patients GROUP BY region);

-- set1_109
FROM patients SELECT region, COUNT(*) AS n GROUP BY region;

-- set1_110
FROM (SELECT clinic, COUNT(*) AS n FROM visits GROUP BY clinic) SELECT SUM(n);

-- set1_111
SELECT region, COUNT(*) n, n / SUM(n) OVER () AS share FROM patients GROUP BY region;

-- set1_112
SELECT list(region ORDER BY n DESC)[1:3] AS top3 FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region);

-- set1_113
SELECT string_agg(region, ', ' ORDER BY region) AS big FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region HAVING COUNT(*) > 20);

-- set1_114
SELECT MAX(n) - MIN(n) AS spread, MAX_BY(region, n) AS biggest FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region);

-- set2_1
SELECT region, SAFE_DIVIDE(SUM(income), COUNT(income)) AS m FROM patients GROUP BY region;

-- set2_2
SELECT APPROX_COUNT_DISTINCT(patient_id) AS users FROM visits;

-- set2_3
SELECT clinic, APPROX_COUNT_DISTINCT(diagnosis) FROM visits GROUP BY clinic;

-- set2_4
SELECT DATE_TRUNC(visited_on, QUARTER) AS q, COUNT(*) FROM visits WHERE visited_on IS NOT NULL GROUP BY q;

-- set2_6
SELECT DATE_DIFF(visited_on, DATE '2023-01-01', MONTH) AS k, COUNT(*) FROM visits GROUP BY k;

-- set2_7
SELECT EXTRACT(ISOWEEK FROM visited_on) AS w, COUNT(*) FROM visits GROUP BY w;

-- set2_9
SELECT IFNULL(sex, 'U') AS sex, COUNT(*) FROM patients GROUP BY 1;

-- set2_10
SELECT region, COUNT(*) AS n FROM patients GROUP BY region ORDER BY n DESC LIMIT 3 OFFSET 1;

-- set2_11
SELECT SAFE_CAST(SUBSTR(region, 2, 1) AS INT64) AS k, COUNT(*) FROM patients GROUP BY k;

-- set2_12
SELECT ANY_VALUE(region) FROM patients;

-- set2_13
SELECT LOGICAL_OR(cost > 4000) FROM visits;

-- set2_14
SELECT ARRAY_AGG(DISTINCT clinic) FROM visits;

-- set2_15
SELECT PERCENTILE_CONT(cost, 0.5) OVER () FROM visits;

-- set2_16
SELECT APPROX_QUANTILES(cost, 4) FROM visits;

-- set2_17
SELECT STRING_AGG(DISTINCT diagnosis) FROM visits;

-- set2_19
SELECT DATE_ADD(visited_on, INTERVAL 1 DAY) AS d, COUNT(*) FROM visits WHERE visited_on < '2023-03-01' GROUP BY d;

-- set2_20
SELECT COUNT(*) FROM visits WHERE visited_on >= DATE_SUB(DATE '2024-12-31', INTERVAL 30 DAY);

-- set2_21
SELECT COUNT(*) FROM visits WHERE visited_on >= DATE '2024-12-31' - INTERVAL '90 days';

-- set2_22
SELECT COUNT(*) FROM visits WHERE visited_on BETWEEN DATE_TRUNC('month', DATE '2024-05-17') AND LAST_DAY(DATE '2024-05-17');

-- set2_23
SELECT DATEDIFF('day', DATE '2023-01-01', visited_on) // 30 AS k, COUNT(*) FROM visits WHERE visited_on IS NOT NULL GROUP BY 1;

-- set2_24
SELECT DATEDIFF(day, '2023-01-01', visited_on) AS k, COUNT(*) FROM visits GROUP BY 1;

-- set2_25
SELECT TO_CHAR(visited_on, 'YYYY-MM') AS m, COUNT(*) FROM visits GROUP BY 1;

-- set2_26
SELECT IFF(age >= 18, 'adult', 'minor') AS g, COUNT(*) FROM patients GROUP BY 1;

-- set2_27
SELECT ZEROIFNULL(SUM(income)) FROM patients;

-- set2_28
SELECT NVL(sex, '?') AS s, COUNT(*) FROM patients GROUP BY 1;

-- set2_29
SELECT NVL2(income, 'told', 'not told') AS k, COUNT(*) FROM patients GROUP BY 1;

-- set2_30
SELECT DIV0(SUM(cost), COUNT(*)) FROM visits;

-- set2_31
SELECT RATIO_TO_REPORT(COUNT(*)) OVER () AS share, region FROM patients GROUP BY region;

-- set2_33
SELECT MEDIAN(cost) AS med, PERCENTILE_DISC(0.9) WITHIN GROUP (ORDER BY cost) AS p90 FROM visits;

-- set2_34
SELECT clinic, LISTAGG(diagnosis, ',') WITHIN GROUP (ORDER BY diagnosis) FROM visits GROUP BY clinic;

-- set2_35
SELECT * FROM (SELECT region, sex, age FROM patients) PIVOT (COUNT(*) FOR sex IN ('F', 'M', 'X'));

-- set2_36
SELECT * FROM (SELECT clinic, year(visited_on) AS y, cost FROM visits) PIVOT (SUM(cost) FOR y IN (2023, 2024));

-- set2_37
PIVOT (SELECT region, sex, patient_id FROM patients) ON sex IN ('F', 'M') USING COUNT(*) GROUP BY region;

-- set2_38
PIVOT (SELECT region, sex, COUNT(*) AS n FROM patients GROUP BY region, sex) ON sex IN ('F', 'M') USING SUM(n);

-- set2_39
SELECT * FROM (SELECT region, COUNT(*) AS n, AVG(age) AS a FROM patients GROUP BY region) UNPIVOT (v FOR k IN (n, a));

-- set2_40
SELECT region, v FROM (SELECT region, COUNT(*) AS n, SUM(age) AS a FROM patients GROUP BY region) t, LATERAL (VALUES (n), (a)) AS l(v);

-- set2_41
SELECT COUNT(*) FROM patients, UNNEST(['R1', 'R2']) AS u(r) WHERE region = u.r;

-- set2_42
SELECT u.lo, COUNT(*) FROM UNNEST([0, 20, 40, 60, 80]) AS u(lo) JOIN patients p ON p.age >= u.lo AND p.age < u.lo + 20 GROUP BY u.lo;

-- set2_43
SELECT b.label, COUNT(p.patient_id) FROM (VALUES (0, 18, 'child'), (18, 65, 'adult'), (65, 200, 'senior')) AS b(lo, hi, label) LEFT JOIN patients p ON p.age >= b.lo AND p.age < b.hi GROUP BY b.label;

-- set2_44
SELECT t.threshold, COUNT(*) FROM visits CROSS JOIN (VALUES (500), (1000), (2000)) AS t(threshold) WHERE cost > t.threshold GROUP BY t.threshold;

-- set2_45
SELECT region, (SELECT country FROM regions r WHERE r.region = p.region) AS country, COUNT(*) FROM patients p GROUP BY 1, 2;

-- set2_46
SELECT (SELECT country FROM regions r WHERE r.region = p.region) AS country, AVG(income) FROM patients p GROUP BY 1;

-- set2_47
SELECT COUNT(*) FROM patients p WHERE p.income > (SELECT population / 5 FROM regions r WHERE r.region = p.region);

-- set2_48
SELECT p.region, COUNT(*) * 1e5 / (SELECT population FROM regions r WHERE r.region = p.region) AS rate FROM patients p GROUP BY p.region;

-- set2_49
SELECT p.region, COUNT(*) * 1e5 / MAX(r.population) AS rate FROM patients p JOIN regions r ON r.region = p.region GROUP BY p.region;

-- set2_50
SELECT p.region, r.population, COUNT(*) * 1e5 / r.population AS rate FROM patients p JOIN regions r ON r.region = p.region GROUP BY p.region, r.population;

-- set2_51
SELECT country, COUNT(*) AS n, RANK() OVER (ORDER BY COUNT(*) DESC) AS rk FROM patients JOIN regions USING (region) GROUP BY country;

-- set2_53
SELECT DISTINCT region, sex FROM patients WHERE sex IS NOT NULL;

-- set2_54
SELECT COUNT(DISTINCT clinic || coalesce(diagnosis, '')) FROM visits;

-- set2_55
SELECT COUNT(DISTINCT sex), COUNT(DISTINCT region) FROM patients;

-- set2_56
SELECT COUNT(DISTINCT date_trunc('month', visited_on)) FROM visits;

-- set2_59
SELECT COUNT(*) FROM visits TABLESAMPLE 10%;

-- set2_60
SELECT * FROM visits LIMIT 5;

-- set2_61
SELECT patient_id, COUNT(*) FROM visits GROUP BY patient_id ORDER BY 2 DESC LIMIT 10;

-- set2_62
SELECT MAX(income) FROM patients WHERE region = 'R8';

-- set2_63
SELECT income, COUNT(*) FROM patients GROUP BY income ORDER BY income DESC LIMIT 10;

-- set2_64
SELECT region, AVG(income) FROM patients GROUP BY region HAVING AVG(income) > (SELECT AVG(income) FROM patients);

-- set2_65
SELECT region, AVG(income) AS m FROM patients GROUP BY region HAVING m > 90000 AND COUNT(*) BETWEEN 20 AND 90;

-- set2_66
SELECT clinic, SUM(cost) AS s FROM visits GROUP BY clinic ORDER BY s DESC FETCH FIRST 2 ROWS ONLY;

-- set2_67
SELECT TOP 3 clinic, SUM(cost) AS s FROM visits GROUP BY clinic ORDER BY s DESC;

-- set2_68
SELECT clinic, AVG(cost)::DECIMAL(10, 2) AS m FROM visits GROUP BY clinic;

-- set2_69
SELECT clinic, ROUND(AVG(cost)::numeric, 2) AS m FROM visits GROUP BY clinic;

-- set2_70
SELECT clinic, CAST(COUNT(*) AS VARCHAR) || ' visits' AS t FROM visits GROUP BY clinic;

-- set2_71
SELECT clinic, printf('%.1f', AVG(cost)) AS t FROM visits GROUP BY clinic;

-- set2_72
SELECT clinic, FORMAT('{:,}', COUNT(*)) AS t FROM visits GROUP BY clinic;

-- set2_73
SELECT region, CASE WHEN AVG(age) > 50 THEN 'old' ELSE 'young' END AS k FROM patients GROUP BY region;

-- set2_74
SELECT region, COUNT(*) AS n, CASE WHEN n < 20 THEN NULL ELSE n END AS suppressed FROM patients GROUP BY region;

-- set2_75
SELECT region, IF(COUNT(*) >= 20, COUNT(*), NULL) AS n FROM patients GROUP BY region;

-- set2_76
SELECT GREATEST(0, COUNT(*)) AS n FROM patients WHERE age > 99;

-- set2_77
SELECT MONTHNAME(visited_on) AS m, COUNT(*) FROM visits WHERE YEAR(visited_on) = 2024 GROUP BY 1;

-- set2_78
SELECT visited_on, COUNT(*) FROM visits WHERE visited_on BETWEEN '2024-01-01' AND '2024-01-31' GROUP BY visited_on ORDER BY visited_on;

-- set2_79
SELECT date_trunc('week', visited_on) AS w, COUNT(*) FROM visits WHERE visited_on >= '2024-10-01' GROUP BY 1 ORDER BY 1;

-- set2_80
SELECT DATE_PART('week', visited_on) AS w, COUNT(*) FROM visits WHERE visited_on >= '2024-10-01' GROUP BY 1 ORDER BY 1;

-- set2_82
SELECT AGE(registered) FROM patients;

-- set2_87
SELECT COUNT(*) FROM visits WHERE (DATE '2024-01-01', DATE '2024-02-01') OVERLAPS (visited_on, visited_on);

-- set2_88
SELECT COUNT(*) FROM visits WHERE strftime(visited_on, '%Y') = '2024';

-- set2_89
SELECT COUNT(*) FROM visits WHERE visited_on::VARCHAR LIKE '2024-0%';

-- set2_90
SELECT COUNT(*) FROM visits WHERE make_date(year(visited_on), month(visited_on), 1) = DATE '2024-03-01';

-- set2_91
SELECT COUNT(*) FROM visits WHERE year(visited_on) * 100 + month(visited_on) BETWEEN 202306 AND 202405;

-- set2_92
SELECT year(visited_on) * 100 + month(visited_on) AS ym, COUNT(*) FROM visits WHERE visited_on IS NOT NULL GROUP BY ym;

-- set2_93
SELECT quarter(visited_on) || '/' || year(visited_on) AS k, AVG(cost) FROM visits WHERE visited_on IS NOT NULL GROUP BY k;

-- set2_94
WITH y AS (SELECT clinic, year(visited_on) AS y, COUNT(*) AS n FROM visits WHERE visited_on IS NOT NULL GROUP BY 1, 2) SELECT a.clinic, a.n AS n23, b.n AS n24, 100.0 * (b.n - a.n) / a.n AS growth FROM y a JOIN y b ON a.clinic = b.clinic AND a.y = 2023 AND b.y = 2024;

-- set2_95
WITH m AS (SELECT date_trunc('month', visited_on) AS m, COUNT(DISTINCT patient_id) AS mau FROM visits WHERE visited_on IS NOT NULL GROUP BY 1) SELECT m, mau, FIRST_VALUE(mau) OVER (ORDER BY m) AS base, mau * 100.0 / FIRST_VALUE(mau) OVER (ORDER BY m) AS idx FROM m ORDER BY m;

-- set2_96
WITH q AS (SELECT quarter(visited_on) AS q, AVG(cost) AS c FROM visits WHERE visited_on IS NOT NULL GROUP BY 1) SELECT q, c, c / AVG(c) OVER () AS seasonal FROM q;

-- set2_97
WITH d AS (SELECT diagnosis, COUNT(*) AS n FROM visits WHERE diagnosis IS NOT NULL GROUP BY diagnosis), t AS (SELECT SUM(n) AS total FROM d) SELECT diagnosis, n, n * 1.0 / total AS share, -SUM(n * 1.0 / total * LN(n * 1.0 / total)) OVER () AS entropy FROM d, t;

-- set2_98
WITH d AS (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) SELECT SUM(POWER(n * 1.0 / (SELECT SUM(n) FROM d), 2)) AS hhi FROM d;

-- set2_100
WITH o AS (SELECT region, sex, COUNT(*) AS n FROM patients WHERE sex IS NOT NULL GROUP BY 1, 2), e AS (SELECT *, SUM(n) OVER (PARTITION BY region) * SUM(n) OVER (PARTITION BY sex) * 1.0 / SUM(n) OVER () AS expected FROM o) SELECT SUM(POWER(n - expected, 2) / expected) AS chi2 FROM e WHERE expected > 0;

-- set2_101
WITH a AS (SELECT region, AVG(income) AS m, VAR_SAMP(income) AS v, COUNT(income) AS n FROM patients WHERE region IN ('R1', 'R2') GROUP BY region) SELECT (MAX(m) - MIN(m)) / SQRT(SUM(v / n)) AS t_stat FROM a;

-- set2_102
SELECT region, n, n * 100.0 / SUM(n) OVER (PARTITION BY country) AS pct_of_country FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) JOIN regions USING (region);

-- set2_103
SELECT country, region, COUNT(*) AS n, SUM(COUNT(*)) OVER (PARTITION BY country) AS country_n FROM patients JOIN regions USING (region) GROUP BY country, region;

-- set2_104
SELECT a.clinic AS c1, b.clinic AS c2, a.n - b.n AS diff FROM (SELECT clinic, COUNT(*) AS n FROM visits GROUP BY clinic) a, (SELECT clinic, COUNT(*) AS n FROM visits GROUP BY clinic) b WHERE a.clinic < b.clinic;

-- set2_105
WITH c AS (SELECT clinic, COUNT(*) AS n FROM visits GROUP BY clinic) SELECT c1.clinic, COUNT(*) AS rank FROM c c1 JOIN c c2 ON c2.n >= c1.n GROUP BY c1.clinic;

-- set2_106
WITH v AS (SELECT patient_id, visit_id, ROW_NUMBER() OVER (PARTITION BY patient_id ORDER BY visit_id) AS k, cost FROM visits) SELECT k, COUNT(*) AS n, AVG(cost) AS mean FROM v WHERE k <= 5 GROUP BY k ORDER BY k;

-- set2_107
WITH v AS (SELECT patient_id, cost, ROW_NUMBER() OVER (PARTITION BY patient_id ORDER BY cost DESC NULLS LAST, visit_id) AS k FROM visits) SELECT AVG(cost) AS mean_of_dearest FROM v WHERE k = 1;

-- set2_108
WITH ranked AS (SELECT patient_id, clinic, COUNT(*) AS n, ROW_NUMBER() OVER (PARTITION BY patient_id ORDER BY COUNT(*) DESC, clinic) AS rk FROM visits GROUP BY patient_id, clinic) SELECT clinic AS main_clinic, COUNT(*) AS patients FROM ranked WHERE rk = 1 GROUP BY clinic;

-- set2_109
SELECT AVG(share) FROM (SELECT patient_id, MAX(n) * 1.0 / SUM(n) AS share FROM (SELECT patient_id, clinic, COUNT(*) AS n FROM visits GROUP BY 1, 2) GROUP BY patient_id);

-- set2_110
SELECT AVG(CASE WHEN n > 1 THEN 1.0 ELSE 0 END) AS repeat_rate FROM (SELECT patient_id, COUNT(*) AS n FROM visits GROUP BY 1);

-- set2_111
SELECT SUM(n) FILTER (WHERE n >= 5) * 1.0 / SUM(n) AS share_of_heavy FROM (SELECT patient_id, COUNT(*) AS n FROM visits GROUP BY 1);

-- set2_112
SELECT region, AVG(n) AS mean_n, STDDEV(n) AS sd_n FROM (SELECT p.region, p.patient_id, COUNT(v.visit_id) AS n FROM patients p LEFT JOIN visits v USING (patient_id) GROUP BY p.region, p.patient_id) GROUP BY region;

-- set2_113
SELECT p.sex, v.clinic, COUNT(DISTINCT p.patient_id) AS people FROM patients AS p INNER JOIN visits AS v ON (p.patient_id = v.patient_id) WHERE p.sex IS NOT NULL AND v.cost BETWEEN 100 AND 2000 GROUP BY p.sex, v.clinic HAVING COUNT(DISTINCT p.patient_id) > 5 ORDER BY p.sex, v.clinic;

-- set2_114
SELECT COUNT(*) FROM (SELECT patient_id, clinic, date_trunc('month', visited_on) AS m FROM visits GROUP BY patient_id, clinic, m);

-- set2_115
SELECT m, COUNT(*) AS active FROM (SELECT DISTINCT patient_id, date_trunc('month', visited_on) AS m FROM visits WHERE visited_on IS NOT NULL) GROUP BY m ORDER BY m;

-- set2_116
SELECT AVG(months) FROM (SELECT patient_id, COUNT(DISTINCT date_trunc('month', visited_on)) AS months FROM visits GROUP BY patient_id);

-- set2_117
SELECT AVG(tenure) FROM (SELECT patient_id, MAX(visited_on) - MIN(visited_on) AS tenure FROM visits GROUP BY patient_id);

-- set2_118
SELECT tenure // 90 AS k, COUNT(*) FROM (SELECT patient_id, date_diff('day', MIN(visited_on), MAX(visited_on)) AS tenure FROM visits GROUP BY patient_id) WHERE tenure IS NOT NULL GROUP BY k;

-- set2_119
SELECT COUNT(*) AS churned FROM (SELECT patient_id, MAX(visited_on) AS last FROM visits GROUP BY patient_id) WHERE last < DATE '2024-07-01';

-- set2_120
SELECT SUM(CASE WHEN last >= '2024-07-01' THEN 1 ELSE 0 END) * 1.0 / COUNT(*) AS retained FROM (SELECT patient_id, MAX(visited_on) AS last FROM visits GROUP BY patient_id HAVING MIN(visited_on) < '2024-01-01');

-- set2_121
WITH a AS (SELECT DISTINCT patient_id FROM visits WHERE year(visited_on) = 2023), b AS (SELECT DISTINCT patient_id FROM visits WHERE year(visited_on) = 2024) SELECT COUNT(*) AS retained FROM a JOIN b USING (patient_id);

-- set2_122
WITH a AS (SELECT DISTINCT patient_id FROM visits WHERE year(visited_on) = 2023), b AS (SELECT DISTINCT patient_id FROM visits WHERE year(visited_on) = 2024) SELECT COUNT(*) FILTER (WHERE b.patient_id IS NULL) AS lost, COUNT(*) FILTER (WHERE a.patient_id IS NULL) AS won, COUNT(*) FILTER (WHERE a.patient_id = b.patient_id) AS kept FROM a FULL JOIN b ON a.patient_id = b.patient_id;

-- set2_123
SELECT CASE WHEN r <= 30 THEN 'hot' WHEN r <= 180 THEN 'warm' ELSE 'cold' END AS recency, CASE WHEN f >= 5 THEN 'frequent' ELSE 'rare' END AS freq, COUNT(*) AS n, AVG(m) AS money FROM (SELECT patient_id, DATE '2024-12-31' - MAX(visited_on) AS r, COUNT(*) AS f, SUM(cost) AS m FROM visits GROUP BY patient_id) GROUP BY 1, 2;

-- set2_124
SELECT NTILE(10) OVER (ORDER BY income) AS decile, COUNT(*) FROM patients GROUP BY decile;

-- set2_125
WITH d AS (SELECT NTILE(4) OVER (ORDER BY income) AS q, income FROM patients) SELECT q, AVG(income) FROM d GROUP BY q;

-- set2_126
SELECT CASE WHEN income < q1 THEN 1 WHEN income < q2 THEN 2 ELSE 3 END AS k, COUNT(*) FROM patients, (SELECT QUANTILE_CONT(income, 0.33) AS q1, QUANTILE_CONT(income, 0.67) AS q2 FROM patients) q WHERE income IS NOT NULL GROUP BY k;

-- set2_127
SELECT p.*, v.cost FROM patients p JOIN visits v USING (patient_id);

-- set2_128
SELECT COUNT(*) FROM patients p JOIN visits v ON p.region = v.clinic;

-- set2_129
SELECT COUNT(*) FROM patients WHERE income > ALL (SELECT population FROM regions WHERE country = 'Norland');

-- set2_130
SELECT COUNT(*) FROM patients WHERE age = ANY (SELECT population // 10000 FROM regions);

-- set2_131
SELECT COUNT(*) FROM patients WHERE age IN (SELECT * FROM range(20, 30));

-- set2_132
SELECT COUNT(*) FROM patients WHERE region = ANY (ARRAY['R1', 'R3']);

-- set2_134
SELECT COUNT(*) FROM patients WHERE region LIKE ANY (ARRAY['R1%', 'R2%']);

-- set2_135
SELECT COUNT(*) FROM patients WHERE age BETWEEN SYMMETRIC 40 AND 20;

-- set2_137
SELECT COUNT(*) FROM patients WHERE age !=30 AND age <> 40 AND NOT age = 50;

-- set2_144
SELECT COUNT(1), COUNT(42), SUM(1), SUM(2) FROM patients;

-- set2_145
SELECT COUNT(*) AS "n", 'patients' AS "what", CURRENT_DATE AS "when" FROM patients;

-- set2_146
SELECT COUNT(*) + 0 AS n, COUNT(*) / 2, COUNT(*) % 7 >= 0 FROM patients;

-- set2_147
SELECT 1 AS one, NULL AS nothing, COUNT(*) FROM visits;

-- set2_148
SELECT ALL clinic, COUNT(*) FROM visits GROUP BY clinic;

-- set2_149
SELECT v.clinic AS "Clinic", count(*) AS "#" FROM visits v GROUP BY "Clinic";

-- set2_150
SELECT clinic c, count(*) n FROM visits GROUP BY c HAVING n > 100 ORDER BY n DESC, c ASC;

-- set3_1
WITH visits_2024 AS (SELECT * FROM visits WHERE visited_on >= DATE '2024-01-01') SELECT clinic, COUNT(*) AS n, COUNT(DISTINCT patient_id) AS p FROM visits_2024 GROUP BY clinic;

-- set3_2
WITH a AS (SELECT * FROM patients WHERE age >= 18), b AS (SELECT a.*, v.cost FROM a JOIN visits v USING (patient_id)) SELECT sex, AVG(cost) FROM b WHERE sex IS NOT NULL GROUP BY sex;

-- set3_3
WITH t AS (SELECT region, sex, COUNT(*) AS n FROM patients GROUP BY region, sex) SELECT region, MAX(n) FILTER (WHERE sex = 'F') AS f, MAX(n) FILTER (WHERE sex = 'M') AS m FROM t GROUP BY region;

-- set3_4
WITH t AS (SELECT clinic, date_trunc('month', visited_on) AS m, COUNT(*) AS n FROM visits WHERE visited_on IS NOT NULL GROUP BY 1, 2) SELECT clinic, AVG(n) AS mean_n, MAX(n) AS peak, arg_max(m, n) AS peak_month FROM t GROUP BY clinic;

-- set3_5
WITH t AS (SELECT date_trunc('month', visited_on) AS m, SUM(cost) AS s FROM visits WHERE visited_on IS NOT NULL GROUP BY 1) SELECT m, s, s - AVG(s) OVER () AS dev, (s - AVG(s) OVER ()) / STDDEV(s) OVER () AS z FROM t ORDER BY m;

-- set3_6
WITH t AS (SELECT date_trunc('month', visited_on) AS m, SUM(cost) AS s FROM visits WHERE visited_on IS NOT NULL GROUP BY 1) SELECT REGR_SLOPE(s, epoch(m) / 86400.0) AS trend FROM t;

-- set3_7
WITH t AS (SELECT month(visited_on) AS m, year(visited_on) AS y, COUNT(*) AS n FROM visits WHERE visited_on IS NOT NULL GROUP BY ALL) SELECT a.m, a.n AS n23, b.n AS n24, b.n * 1.0 / a.n - 1 AS yoy FROM t a LEFT JOIN t b ON a.m = b.m AND b.y = 2024 WHERE a.y = 2023 ORDER BY a.m;

-- set3_8
SELECT m, n, SUM(n) OVER (ORDER BY m ROWS UNBOUNDED PRECEDING) AS cum, LEAD(n) OVER (ORDER BY m) AS next_n FROM (SELECT month(visited_on) AS m, COUNT(*) AS n FROM visits WHERE visited_on IS NOT NULL GROUP BY 1) ORDER BY m;

-- set3_9
SELECT region, n, CUME_DIST() OVER (ORDER BY n) AS cd, FIRST_VALUE(region) OVER (ORDER BY n DESC) AS biggest, n * 100.0 / MAX(n) OVER () AS rel FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region);

-- set3_10
SELECT region, n FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) WHERE n > (SELECT AVG(n) FROM (SELECT COUNT(*) AS n FROM patients GROUP BY region));

-- set3_11
SELECT region, n FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) ORDER BY n DESC, region LIMIT 50%;

-- set3_12
SELECT CASE WHEN age < 30 THEN 'a' WHEN age < 60 THEN 'b' ELSE 'c' END AS g, COUNT(*) AS n, ROUND(AVG(income)) AS inc, ROUND(STDDEV_POP(income)) AS sd FROM patients WHERE age IS NOT NULL GROUP BY g HAVING COUNT(*) > 20 ORDER BY g;

-- set3_13
SELECT region || '-' || COALESCE(sex, '?') AS k, COUNT(*) AS n FROM patients GROUP BY k;

-- set3_14
SELECT LOWER(clinic)::VARCHAR AS c, COUNT(*) FROM visits GROUP BY LOWER(clinic);

-- set3_16
SELECT SPLIT_PART(diagnosis, ' ', 1) AS w, COUNT(*) AS n FROM visits WHERE diagnosis LIKE '% %' GROUP BY w;

-- set3_17
SELECT POSITION('a' IN diagnosis) > 0 AS has_a, COUNT(*) FROM visits WHERE diagnosis IS NOT NULL GROUP BY 1;

-- set3_18
SELECT LPAD(CAST(month(visited_on) AS VARCHAR), 2, '0') AS m, COUNT(*) FROM visits WHERE visited_on IS NOT NULL GROUP BY 1 ORDER BY 1;

-- set3_19
SELECT COUNT(*) FROM visits WHERE diagnosis ~ '^[a-f]';

-- set3_21
SELECT COUNT(*) FROM visits WHERE NOT diagnosis ILIKE ANY ('%A%');

-- set3_22
SELECT regexp_extract(region, '(\d)', 1)::INT AS k, AVG(age) FROM patients GROUP BY k;

-- set3_24
SELECT AVG(LENGTH(diagnosis)) AS l FROM visits WHERE LENGTH(diagnosis) BETWEEN 1 AND 20;

-- set3_25
SELECT SUM(CASE WHEN cost BETWEEN 0 AND 500 THEN 1 ELSE 0 END) AS low, SUM(CASE WHEN cost > 500 AND cost <= 1500 THEN 1 ELSE 0 END) AS mid, SUM(CASE WHEN cost > 1500 THEN 1 ELSE 0 END) AS high FROM visits;

-- set3_26
SELECT AVG(cost) FILTER (WHERE clinic = 'Central') - AVG(cost) FILTER (WHERE clinic <> 'Central') AS diff FROM visits;

-- set3_28
SELECT clinic, SUM(cost) / COUNT(DISTINCT patient_id) AS arpu FROM visits GROUP BY clinic;

-- set3_29
SELECT clinic, COUNT(*) / COUNT(DISTINCT date_trunc('month', visited_on)) AS per_month FROM visits GROUP BY clinic;

-- set3_30
SELECT clinic, COUNT(DISTINCT patient_id) FILTER (WHERE cost > 1000) * 100.0 / COUNT(DISTINCT patient_id) AS pct FROM visits GROUP BY clinic;

-- set3_31
SELECT p.sex, AVG(t.total) AS ltv FROM (SELECT patient_id, SUM(cost) AS total FROM visits GROUP BY patient_id) t JOIN patients p ON p.patient_id = t.patient_id WHERE p.sex IN ('F', 'M') GROUP BY p.sex;

-- set3_32
SELECT p.region, COUNT(*) FILTER (WHERE v.patient_id IS NULL) AS never, COUNT(*) AS n FROM patients p LEFT JOIN (SELECT DISTINCT patient_id FROM visits) v ON v.patient_id = p.patient_id GROUP BY p.region;

-- set3_33
SELECT CASE WHEN n = 0 THEN '0' WHEN n <= 2 THEN '1-2' WHEN n <= 5 THEN '3-5' ELSE '6+' END AS bucket, COUNT(*) AS people, AVG(age) AS age FROM (SELECT p.patient_id, p.age, (SELECT COUNT(*) FROM visits v WHERE v.patient_id = p.patient_id) AS n FROM patients p) GROUP BY bucket ORDER BY bucket;

-- set3_34
SELECT AVG((SELECT COUNT(*) FROM visits v WHERE v.patient_id = p.patient_id AND v.clinic = 'Central')) FROM patients p;

-- set3_35
SELECT COUNT(*) FROM patients p WHERE (SELECT SUM(cost) FROM visits v WHERE v.patient_id = p.patient_id) > 3000 AND (SELECT COUNT(DISTINCT clinic) FROM visits v WHERE v.patient_id = p.patient_id) >= 2;

-- set3_36
SELECT clinic, COUNT(*) FROM (SELECT patient_id, clinic, visited_on, FIRST_VALUE(clinic) OVER (PARTITION BY patient_id ORDER BY visited_on, visit_id) AS f FROM visits) WHERE clinic <> f GROUP BY clinic;

-- set3_37
SELECT AVG(delta) FROM (SELECT patient_id, cost - LAG(cost) OVER (PARTITION BY patient_id ORDER BY visit_id) AS delta FROM visits);

-- set3_38
SELECT AVG(m) FROM (SELECT patient_id, AVG(cost) OVER (PARTITION BY patient_id ORDER BY visit_id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS m FROM visits);

-- set3_39
SELECT COUNT(*) FROM (SELECT patient_id, cost, AVG(cost) OVER (PARTITION BY patient_id) AS own FROM visits) WHERE cost > 1.5 * own;

-- set3_40
SELECT NTILE(3) OVER (PARTITION BY patient_id ORDER BY cost, visit_id) AS t, COUNT(*) FROM visits GROUP BY t;

-- set3_41
SELECT t, COUNT(*) FROM (SELECT patient_id, NTILE(3) OVER (PARTITION BY patient_id ORDER BY cost, visit_id) AS t FROM visits) GROUP BY t ORDER BY t;

-- set3_42
SELECT k, AVG(cost) FROM (SELECT patient_id, cost, ROW_NUMBER() OVER (PARTITION BY patient_id ORDER BY visited_on, visit_id) AS k FROM visits WHERE visited_on IS NOT NULL) WHERE k IN (1, 2, 3) GROUP BY k ORDER BY k;

-- set3_43
SELECT COUNT(*) FILTER (WHERE d <= 30) AS m1, COUNT(*) FILTER (WHERE d <= 90) AS m3, COUNT(*) FILTER (WHERE d <= 365) AS y1 FROM (SELECT patient_id, MIN(visited_on) FILTER (WHERE rn = 2) - MIN(visited_on) FILTER (WHERE rn = 1) AS d FROM (SELECT patient_id, visited_on, ROW_NUMBER() OVER (PARTITION BY patient_id ORDER BY visited_on, visit_id) AS rn FROM visits WHERE visited_on IS NOT NULL) GROUP BY patient_id);

-- set3_44
WITH days AS (SELECT DISTINCT patient_id, visited_on AS d FROM visits WHERE visited_on IS NOT NULL), g AS (SELECT patient_id, d, d - CAST(ROW_NUMBER() OVER (PARTITION BY patient_id ORDER BY d) AS INTEGER) * 17 AS grp FROM days), streak AS (SELECT patient_id, grp, COUNT(*) AS len FROM g GROUP BY patient_id, grp) SELECT MAX(len) AS longest, AVG(len) AS mean_len FROM streak;

-- set3_45
SELECT y, SUM(is_new) AS new_patients, COUNT(*) - SUM(is_new) AS returning FROM (SELECT patient_id, year(visited_on) AS y, CASE WHEN year(visited_on) = MIN(year(visited_on)) OVER (PARTITION BY patient_id) THEN 1 ELSE 0 END AS is_new FROM (SELECT DISTINCT patient_id, visited_on FROM visits WHERE visited_on IS NOT NULL)) GROUP BY y ORDER BY y;

-- set3_46
SELECT COUNT(*) FROM (SELECT patient_id FROM visits WHERE diagnosis = 'flu' UNION SELECT patient_id FROM visits WHERE diagnosis = 'asthma');

-- set3_47
SELECT src, COUNT(*), COUNT(DISTINCT patient_id) FROM (SELECT 'visit' AS src, patient_id FROM visits UNION ALL SELECT 'patient', patient_id FROM patients) GROUP BY src;

-- set3_49
SELECT (SELECT COUNT(*) FROM patients) AS patients, (SELECT COUNT(*) FROM visits) AS visits, (SELECT SUM(cost) FROM visits) AS cost, (SELECT SUM(population) FROM regions) AS pop;

-- set3_50
SELECT r.country, COUNT(DISTINCT p.patient_id) AS patients, COUNT(v.visit_id) AS visits, SUM(v.cost) AS cost FROM patients p JOIN regions r ON r.region = p.region LEFT JOIN visits v ON v.patient_id = p.patient_id GROUP BY r.country ORDER BY r.country;

-- set3_51
SELECT r.country, COUNT(p.patient_id) FROM regions r LEFT JOIN patients p ON p.region = r.region AND p.age >= 65 GROUP BY r.country;

-- set3_52
SELECT CASE WHEN r.population > 400000 THEN 'big' ELSE 'small' END AS size, AVG(p.income) FROM patients p, regions r WHERE p.region = r.region GROUP BY size;

-- set3_53
SELECT p.region, COUNT(*) FROM patients p WHERE p.region NOT IN (SELECT region FROM regions WHERE population < 200000) GROUP BY p.region;

-- set3_54
SELECT COUNT(*) FROM patients p LEFT JOIN regions r ON p.region = r.region WHERE r.region IS NULL;

-- set3_55
SELECT SUM(n * weight) / SUM(weight) FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) JOIN (VALUES ('R1', 2.0), ('R2', 1.0), ('R3', 0.5)) AS w(region, weight) USING (region);

-- set3_56
SELECT d.d, COUNT(v.visit_id) AS n FROM generate_series(DATE '2024-03-01', DATE '2024-03-31', INTERVAL '1 day') AS d(d) LEFT JOIN visits v ON v.visited_on = d.d GROUP BY d.d ORDER BY d.d;

-- set3_57
SELECT gs.q, COUNT(*) FROM generate_series(TIMESTAMP '2023-01-01', TIMESTAMP '2024-10-01', INTERVAL '3 months') AS gs(q) JOIN visits v ON v.visited_on >= gs.q AND v.visited_on < gs.q + INTERVAL 3 MONTH GROUP BY gs.q ORDER BY gs.q;

-- set3_58
SELECT t.lo, t.hi, COUNT(p.patient_id) FROM (SELECT lo, lo + 20 AS hi FROM range(0, 100, 20) AS r(lo)) t LEFT JOIN patients p ON p.age >= t.lo AND p.age < t.hi GROUP BY t.lo, t.hi ORDER BY t.lo;

-- set3_59
SELECT x, COUNT(*) FROM (SELECT patient_id, UNNEST([clinic, COALESCE(diagnosis, 'none')]) AS x FROM visits) GROUP BY x;

-- set3_60
SELECT clinic, MODE(diagnosis) FROM visits GROUP BY clinic;

-- set3_61
SELECT FIRST(clinic) FROM visits;

-- set3_62
SELECT clinic, MIN(visited_on) AS first_day, MAX(visited_on) AS last_day FROM visits GROUP BY clinic;

-- set3_63
SELECT MAX(visited_on) - MIN(visited_on) AS days FROM visits;

-- set3_64
SELECT COUNT(*) FROM visits WHERE visited_on = (SELECT MAX(visited_on) FROM visits);

-- set3_65
SELECT COUNT(*) AS n FROM visits WHERE EXTRACT(YEAR FROM visited_on) = 2024 AND EXTRACT(MONTH FROM visited_on) IN (6, 7, 8);

-- set3_66
SELECT COUNT(*) FROM visits WHERE visited_on BETWEEN '2024-01-01'::date AND '2024-01-01'::date + INTERVAL 6 MONTHS;

-- set3_67
SELECT COUNT(*) FROM visits WHERE date_trunc('year', visited_on) = '2024-01-01';

-- set3_68
SELECT COUNT(*) FROM visits WHERE visited_on >= '2024-02-30';

-- set3_69
SELECT COUNT(*) FROM visits WHERE cost > '1000';

-- set3_70
SELECT COUNT(*) FROM visits WHERE cost BETWEEN 100 AND 50;

-- set3_71
SELECT COUNT(*) FROM patients WHERE age::DOUBLE / 2 > 20.5 AND income::VARCHAR LIKE '1%';

-- set3_72
SELECT TRUNC(cost, -2) AS k, COUNT(*) FROM visits WHERE cost < 1000 GROUP BY k;

-- set3_73
SELECT ROUND(cost, -2) AS k, COUNT(*) FROM visits WHERE cost < 1000 GROUP BY k;

-- set3_74
SELECT CAST(cost / 500 AS INTEGER) AS k, COUNT(*) FROM visits WHERE cost IS NOT NULL GROUP BY k ORDER BY k;

-- set3_75
SELECT cost::INT // 500 AS k, COUNT(*) FROM visits WHERE cost IS NOT NULL GROUP BY k ORDER BY k;

-- set3_76
SELECT age % 2 = 0 AS even, COUNT(*) FROM patients WHERE age IS NOT NULL GROUP BY even;

-- set3_77
SELECT MOD(age, 10) AS d, COUNT(*) FROM patients WHERE age IS NOT NULL GROUP BY d ORDER BY d;

-- set3_78
SELECT age / 10 AS d, COUNT(*) FROM patients WHERE age IN (10, 20, 25) GROUP BY d;

-- set3_79
SELECT DIV(age, 10) AS d, COUNT(*) FROM patients GROUP BY d;

-- set3_88
SELECT SUM(income) * 0.2 AS tax, SUM(income * 0.2) AS tax2, SUM(CASE WHEN income > 50000 THEN (income - 50000) * 0.4 ELSE 0 END) AS top FROM patients;

-- set3_89
SELECT region, SUM(income) - LAG(SUM(income)) OVER (ORDER BY region) AS d FROM patients GROUP BY region;

-- set3_90
SELECT region, COUNT(*) n, ROW_NUMBER() OVER (ORDER BY COUNT(*) DESC, region) rn FROM patients GROUP BY region ORDER BY rn;

-- set3_91
SELECT region, sex, COUNT(*) AS n, ROUND(100.0 * COUNT(*) / SUM(COUNT(*)) OVER (PARTITION BY region), 1) AS pct FROM patients WHERE sex IS NOT NULL GROUP BY region, sex ORDER BY region, sex;

-- set3_92
SELECT region, sex, SUM(COUNT(*)) OVER (PARTITION BY sex ORDER BY region) AS running FROM patients WHERE sex IS NOT NULL GROUP BY region, sex;

-- set3_93
SELECT COUNT(*) OVER () AS groups, region, COUNT(*) AS n FROM patients GROUP BY region;

-- set3_94
SELECT region, AVG(age) AS a FROM patients GROUP BY region QUALIFY RANK() OVER (ORDER BY AVG(age) DESC) <= 3;

-- set3_95
SELECT DISTINCT ON (country) country, region, n FROM (SELECT country, region, COUNT(*) AS n FROM patients JOIN regions USING (region) GROUP BY 1, 2) ORDER BY country, n DESC;

-- set3_96
SELECT region, n FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) t WHERE EXISTS (SELECT 1 FROM regions r WHERE r.region = t.region AND r.country = 'Norland');

-- set3_97
SELECT t.region, t.n, (SELECT r.population FROM regions r WHERE r.region = t.region) AS pop FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) t;

-- set3_98
SELECT region, n, (SELECT COUNT(*) FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) u WHERE u.n > t.n) + 1 AS rk FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) t;

-- set3_99
SELECT UPPER(region) AS r, n::DOUBLE / 2 AS h, IF(n > 50, 'x', 'y') AS f, n BETWEEN 20 AND 60 AS b FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region);

-- set3_100
SELECT struct_pack(r := region, n := COUNT(*)) FROM patients GROUP BY region;

-- set3_101
SELECT map_from_entries(list((region, n))) AS m FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region);

-- set3_102
SELECT SUM(n) FILTER (WHERE region IN ('R1', 'R2')) * 1.0 / SUM(n) AS share FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region);

-- set3_103
SELECT MEDIAN(n), QUANTILE_CONT(n, 0.9), MODE(n), PRODUCT(n::DOUBLE) > 0, BIT_AND(n) FROM (SELECT region, COUNT(*) AS n FROM patients WHERE region <= 'R5' GROUP BY region);

-- set3_104
SELECT COUNT_IF(n > 30) AS big, BOOL_OR(n > 80) AS any, BOOL_AND(n > 0) AS every FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region);

-- set3_105
SELECT REGR_SLOPE(n, population) AS slope, CORR(n, population) AS r FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) JOIN regions USING (region);
