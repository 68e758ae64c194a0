"""Expressions as ``emit`` writes them, and rows of awkward values: what DuckDB gives of each, Spark must give too."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa

INF, NAN = float("inf"), float("nan")
MIN, MAX = -(2**63), 2**63 - 1
_N = [0, 1, -1, 7, -7, 2**31, -(2**31) - 1, 2**53 + 1, MAX, MIN, MAX - 1, MIN + 1, 3_037_000_500, None, 10**15, -12]
_K = [0, 1, -1, 2, -2, 3, 10, -10, 99, -99, 100, 50, None, 5, 12, 13]
_X = [0.0, -0.0, 0.5, -0.5, 1.5, 2.5, -2.5, 0.49999999999999994, NAN, INF, -INF, 9.3e18, -9.3e18, None, 1e300, 123.456]
_G = [0.0, 0.01, -0.01, 19.99, 0.07, 4999.99, 1.1, 2.675, -500.0, 1000.0, 0.3, None, 12.5, 99.95, 3.0, 0.1]
_S = ["", "abc", "ABC", " a b ", "straße", "ÀÉîÕü", "a%b_c", "a\\b'c", "x,y,,z", None, "ab\nab", "😀é漢字", "aab12-34", "İı",
      "${x}", "Hip fracture 2024"]  # fmt: skip
_D = ["2024-02-29", "2023-12-31", "1970-01-01", "1969-12-31", "0002-01-01", "9999-12-31", "2021-01-03", "2021-01-04", "2020-12-31",
      None, "1900-03-01", "2000-02-28", "2016-01-01", "2015-12-31", "1582-10-10", "2024-07-15"]  # fmt: skip
_T = ["2024-02-29 23:59:59.999999", "2023-12-31 00:00:00", "1970-01-01 00:00:00", "1969-12-31 23:59:59.5", "0002-01-01 00:00:00",
      "9999-12-31 00:00:00", "2021-01-03 12:00:00", "2021-01-04 00:00:01", "2020-12-31 13:05:09.123", None, "1900-03-01 01:02:03",
      "2000-02-28 11:59:59", "2016-01-01 12:30:00.25", "2015-12-31 00:30:00", "1582-10-10 10:00:00",
      "2024-07-15 06:07:08.000001"]  # fmt: skip
_B = [True, False, None, True] * 4

ROWS = pa.table({
    "id": pa.array(range(16), pa.int64()), "n": pa.array(_N, pa.int64()), "k": pa.array(_K, pa.int64()),
    "x": pa.array(_X, pa.float64()), "g": pa.array(_G, pa.float64()), "s": pa.array(_S, pa.string()),
    "d": pa.array([None if v is None else dt.date.fromisoformat(v) for v in _D], pa.date32()),
    "ts": pa.array([None if v is None else dt.datetime.fromisoformat(v) for v in _T], pa.timestamp("us")),
    "b": pa.array(_B, pa.bool_()),
})  # fmt: skip

NUMBERS = [
    *(f"TRY(({a} {o} {b}))" for o in ("+", "-", "*", "//", "%") for a, b in (("n", "k"), ("n", "n"), ("k", "k"), ("k", "n"))),
    *(f"({a} {o} {b})" for o in ("+", "-", "*", "/") for a, b in (("x", "k"), ("x", "x"), ("g", "x"), ("k", "g"), ("g", "g"))),
    "TRY((- n))", "(- k)", "(- x)", "TRY(abs(n))", "abs(k)", "abs(x)", "CAST(sign(n) AS BIGINT)", "CAST(sign(x) AS BIGINT)",
    "floor(x)", "ceil(x)", "trunc(x)", "round(x)", "floor(g)", "ceil(g)", "trunc(g)", "round(g)", "floor(k)", "trunc(k)", "round(k)",
    "round(CAST(g AS DOUBLE), CAST(1 AS INTEGER))", "round(CAST(g AS DOUBLE), CAST(-2 AS INTEGER))",
    "round(CAST(k AS DOUBLE), CAST(-1 AS INTEGER))", "sqrt(CAST(x AS DOUBLE))", "sqrt(CAST(n AS DOUBLE))",
    "power(CAST(k AS DOUBLE), CAST(2 AS BIGINT))", "TRY((k & n))", "(k | n)", "xor(k, n)", "isnan(CAST(x AS DOUBLE))",
    "isfinite(CAST(x AS DOUBLE))", "TRY_CAST(x AS BIGINT)", "TRY_CAST(n AS DOUBLE)", "TRY_CAST(g AS BIGINT)", "TRY_CAST(n AS INTEGER)",
    "TRY_CAST(TRY_CAST(k AS TINYINT) AS BIGINT)", "TRY_CAST(n AS BOOLEAN)", "TRY_CAST(b AS BIGINT)", "TRY_CAST(b AS DOUBLE)",
    "CAST(CASE WHEN k < CAST(0 AS BIGINT) THEN 0 WHEN k >= CAST(90 AS BIGINT) THEN CAST(9 AS BIGINT) + 1 ELSE"
    " floor((k - CAST(0 AS BIGINT)) * CAST(9 AS BIGINT) / (CAST(90 AS BIGINT) - CAST(0 AS BIGINT))) + 1 END AS BIGINT)",
    "CASE WHEN x BETWEEN 0.0 AND 5000.0 THEN CAST(round(x * 100.0) AS BIGINT) WHEN x < 0.0 THEN 0"
    " WHEN x > 5000.0 AND NOT isnan(x) THEN 500000 ELSE 0 END",
    "CASE WHEN g BETWEEN -500.0 AND 5000.0 THEN least(500000, greatest(-50000, CAST(round(g * 100.0) AS BIGINT)))"
    " WHEN g < -500.0 THEN -50000 WHEN g > 5000.0 AND NOT isnan(g) THEN 500000 ELSE 0 END",
    "coalesce(CAST(CASE WHEN n <= 0 THEN 0 WHEN n >= 90 THEN 90 ELSE n END AS BIGINT), 0)",
    "TRY_CAST((CAST(k AS HUGEINT) * 123456789) // 7 AS BIGINT)", "TRY_CAST((CAST(n AS HUGEINT) * 1000) // 1001 AS BIGINT)",
    "greatest(n, k)", "least(n, k)", "greatest(x, g)", "least(x, g)", "coalesce(x, g)", "nullif(k, CAST(0 AS BIGINT))",
    "nullif(x, CAST(0.5 AS DOUBLE))",
]  # fmt: skip
TRUTHS = [
    *(f"({a} {o} {b})" for o in ("=", "<>", "<", "<=", ">", ">=", "IS NOT DISTINCT FROM", "IS DISTINCT FROM")
      for a, b in (("n", "k"), ("x", "g"), ("k", "x"), ("s", "'abc'"), ("d", "ts"), ("d", "DATE '2021-01-03'"), ("b", "TRUE"))),
    "(x IN (CAST(0.5 AS DOUBLE), CAST(0.0 AS DOUBLE), g))", "(s IN ('abc', 'ÀÉîÕü', NULL))", "(k BETWEEN 1 AND 10)", "(x IS NULL)",
    "(NOT (k > 1))", "((k > 1) AND (x > 1))", "((k > 1) OR b)",
]  # fmt: skip
TEXTS = [
    "upper(s)", "lower(s)", "length(s)", "trim(s)", "ltrim(s)", "rtrim(s)", "trim(s, 'a ')", "ltrim(s, 'xa')", "rtrim(s, 'z4c')",
    "substring(s, 1, 2)", "substring(s, 2)", "substring(s, 3, 0)", "left(s, 2)", "right(s, 2)", "left(s, -1)", "right(s, -1)",
    "left(s, 0)", "right(s, 0)", "replace(s, 'a', 'xy')", "replace(s, 'ab', '')", "replace(s, '', 'z')", "split_part(s, ',', 1)",
    "split_part(s, ',', 3)", "split_part(s, ',', 9)", "split_part(s, 'ab', 2)", "lpad(s, CAST(5 AS INTEGER), 'xy')",
    "rpad(s, CAST(5 AS INTEGER), 'xy')", "lpad(s, CAST(0 AS INTEGER), 'x')", "rpad(s, CAST(2 AS INTEGER), 'é')", "concat(s, k, b, d)",
    "concat(s)", "(s || k)", "(s || d)", "concat_ws('-', s, k, ts)", "contains(s, 'b')", "contains(s, '')", "starts_with(s, 'a')",
    "ends_with(s, 'c')", "starts_with(s, '')", "ends_with(s, 'z')", "strpos(s, 'b')", "strpos(s, '')", "strpos(s, '字')", "(s LIKE 'a%')",
    "(s LIKE '%b_c')", "(s LIKE 'a\\%')", "(s LIKE '%')", "(s LIKE '__')", "(s LIKE '____')", "(s LIKE '%!%')", "(s ILIKE 'A%')",
    "(s ILIKE '%FRACTURE%')", "(s LIKE '%x%%' ESCAPE 'x')", "(s LIKE '%x_c' ESCAPE 'x')", "(s LIKE '%\n%')", "(s GLOB 'a*')",
    "(s GLOB '?b*')", "(s GLOB '*%*')", "regexp_matches(s, 'a.b')", "regexp_matches(s, '^a+b')", "regexp_matches(s, 'b$')",
    "regexp_matches(s, '[0-9]+')", "regexp_matches(s, '\\d{2}-\\d')", "regexp_matches(s, '(abc|ABC)')", "regexp_matches(s, '\\s')",
    "regexp_matches(s, '\\W')", "regexp_full_match(s, 'a.*')", "regexp_full_match(s, '[a-zA-Z]+')", "regexp_full_match(s, 'a|abc')",
    "regexp_extract(s, '[0-9]+')", "regexp_extract(s, '(a)(b|a)', CAST(2 AS INTEGER))", "regexp_extract(s, 'a|ab')",
    "regexp_replace(s, 'a', 'Z')", "regexp_replace(s, '[0-9]', '1$')", "regexp_replace(s, 'b', '22')",
    "regexp_replace(s, '[ab]+', '<>', 'g')", "regexp_replace(s, '\\.', 'x', 'g')", "md5(s)", "s[1:2]", "s[2:1]", "s[3:9]",
    "translate(s, 'abc', 'xy')", "translate(s, '漢', 'h')", "repeat(s, 2)", "repeat(s, 0)", "CAST(ascii(s) AS BIGINT)",
    "TRY(chr(TRY_CAST(65 AS INTEGER)))", "TRY_CAST(n AS VARCHAR)", "TRY_CAST(b AS VARCHAR)", "TRY_CAST(d AS VARCHAR)",
    "TRY_CAST(ts AS VARCHAR)", "TRY_CAST(g AS VARCHAR)", "TRY_CAST(g + CAST(0.0 AS DOUBLE) AS VARCHAR)",
    "md5(concat_ws('|', 'tacit/v1', CAST(n AS VARCHAR), coalesce(CAST(g AS VARCHAR), chr(1)), coalesce(CAST(ts AS VARCHAR), chr(1))))",
    "coalesce(s, 'none')", "greatest(s, 'b')", "least(s, 'b')", "CASE WHEN b THEN s ELSE 'no' END",
]  # fmt: skip
_PARTS = (
    "year",
    "quarter",
    "month",
    "week",
    "day",
    "dayofweek",
    "isodow",
    "dayofyear",
    "hour",
    "minute",
    "second",
    "isoyear",
    "yearweek",
)
_TRUNCS = ("year", "quarter", "month", "week", "day", "hour", "minute", "second")
TIMES = [
    *(f"CAST(extract({p} FROM {v}) AS BIGINT)" for p in _PARTS for v in ("ts", "d")),
    *(f"CAST(extract(epoch FROM {v}) AS DOUBLE)" for v in ("ts", "d")),
    *(f"TRY(date_trunc('{p}', {v}))" for p in _TRUNCS for v in ("ts", "d")),
    *(f"TRY(date_diff('{p}', {a}, {b}))" for p in _TRUNCS for a, b in (("ts", "TIMESTAMP '2000-01-01 00:00:00'"), ("d",
      "ts"), ("ts", "d"))),
    *(f"strftime({v}, '%Y-%m-%d %H:%M:%S %y %j %b %B %a %A %I %p %%')" for v in ("ts", "d")),
    "monthname(ts)", "dayname(ts)", "dayname(d)", "TRY(last_day(ts))", "TRY(last_day(d))",
    *(f"CASE WHEN {e} BETWEEN DATE '0002-01-01' AND DATE '9999-12-31' THEN {e} END"
      for e in ("TRY(d + CAST(k AS INTEGER))", "TRY(d - CAST(k AS INTEGER))", "TRY(d + TRY_CAST(n AS INTEGER))")),
    *(f"CASE WHEN {e} BETWEEN TIMESTAMP '0002-01-01' AND TIMESTAMP '9999-12-31' THEN {e} END"
      for v in ("d", "ts") for sign in "+-" for c, part in ((1, "month"), (13, "month"), (2, "year"), (1, "quarter"), (3, "week"),
      (40, "day"), (36, "hour"), (90, "minute"), (3601, "second"), (-5, "month"), (-100000, "second"))
      for e in (f"TRY({v} {sign} INTERVAL '{c}' {part})",)),
    "(d - DATE '2020-01-01')", "TRY_CAST(ts AS DATE)", "TRY_CAST(d AS TIMESTAMP)", "greatest(d, DATE '2020-01-01')",
    "coalesce(ts, TIMESTAMP '2020-01-01 00:00:00')",
]  # fmt: skip
AGGREGATES = [
    "count(*)", "count(x)", "count(DISTINCT k)", "count(DISTINCT x)", "count(*) FILTER (WHERE k > 1)", "count(s) FILTER (WHERE b)",
    "CAST(sum(k) AS BIGINT)", "CAST(sum(DISTINCT k) AS BIGINT)",
    "CAST(CASE WHEN sum(n) > 9223372036854775807 THEN 9223372036854775807 WHEN sum(n) < -9223372036854775807 THEN -9223372036854775807"
    " ELSE sum(n) END AS BIGINT)", "avg(k)", "avg(k) FILTER (WHERE b)", "min(n)", "max(n)", "min(x)", "max(x)", "min(s)", "max(s)",
      "min(d)",
    "max(ts)", "bool_and(b)", "bool_or(b)", "CAST(sum(CASE WHEN k > 0 THEN n END) // 5 AS DOUBLE)",
    "first(k ORDER BY n ASC NULLS LAST)", "first(s ORDER BY k DESC NULLS FIRST, id ASC NULLS LAST)",
    "first(k ORDER BY s DESC NULLS LAST)", "first(n ORDER BY d DESC NULLS LAST, k ASC NULLS FIRST, id ASC NULLS LAST)",
    *(f"CAST({q}({v}, {p}) AS DOUBLE)" for q in ("quantile_cont", "quantile_disc") for v in ("k",
      "g") for p in (0.5, 0.25, 0.9, 0.0, 1.0, 0.1)),
    "CAST(quantile_cont(k, 0.5) FILTER (WHERE b) AS DOUBLE)",
]  # fmt: skip
WINDOWS = [
    "row_number() OVER (PARTITION BY b ORDER BY id ASC NULLS LAST)", "rank() OVER (ORDER BY k DESC NULLS LAST)",
    "dense_rank() OVER (PARTITION BY b ORDER BY s ASC NULLS FIRST)", "percent_rank() OVER (ORDER BY k ASC NULLS LAST)",
    "cume_dist() OVER (ORDER BY k ASC NULLS FIRST)", "ntile(3) OVER (ORDER BY id ASC NULLS LAST)",
    "lag(k) OVER (PARTITION BY b ORDER BY id ASC NULLS LAST)", "lead(s, CAST(2 AS INTEGER), 'none') OVER (ORDER BY id DESC NULLS LAST)",
    "lag(x, CAST(1 AS INTEGER), CAST(0.5 AS DOUBLE)) OVER (ORDER BY id ASC NULLS LAST)",
    "first_value(s) OVER (PARTITION BY b ORDER BY id ASC NULLS LAST)", "last_value(k) OVER (ORDER BY id ASC NULLS LAST)",
    "last_value(k IGNORE NULLS) OVER (ORDER BY id ASC NULLS LAST ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)",
    "lag(k IGNORE NULLS) OVER (ORDER BY id ASC NULLS LAST)", "first_value(x IGNORE NULLS) OVER (ORDER BY id DESC NULLS LAST)",
    "nth_value(k, 2) OVER (ORDER BY id ASC NULLS LAST)", "count(*) OVER (PARTITION BY b)",
      "count(x) FILTER (WHERE k > 0) OVER (ORDER BY id)",
    "CAST(sum(k) OVER (PARTITION BY b ORDER BY id ASC NULLS LAST ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS BIGINT)",
    "avg(k) OVER (PARTITION BY b ORDER BY id ASC NULLS LAST ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING)",
    "max(k) OVER (ORDER BY d ASC NULLS LAST)", "min(s) OVER (PARTITION BY b)",
    "CAST(sum(n) OVER (PARTITION BY id) AS DOUBLE)", "count(*) OVER (ORDER BY k ASC NULLS FIRST)",
]  # fmt: skip
