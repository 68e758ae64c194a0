"""A series of moments is what DuckDB makes of the call, or is not taken as one."""

from __future__ import annotations

import duckdb
import pytest
from sqlglot import exp, parse_one

from tacit_service.query.series import moments

DAY = "INTERVAL 1 DAY"
STARTS = [
    "DATE '2024-01-01'", "TIMESTAMP '2024-01-01'", "TIMESTAMP '2024-01-01 01:02'", "TIMESTAMP '2024-01-01T01:02:03.5'",
    "DATETIME '2024-01-01 01:02:03.000001'", "DATE '2024-01-05'", "DATE '2024-03-01'", "DATE '0999-01-01'",
]  # fmt: skip
STEPS = [
    DAY, "INTERVAL '2 weeks'", "INTERVAL 1 MONTH", "INTERVAL 9999 YEAR", "INTERVAL '90' MINUTE", "'1 day'::INTERVAL",
]  # fmt: skip
NONE = [
    f"DATE '2024-01-01 12:30:00', DATE '2024-01-03', {DAY}",
    f"DATE '2024-01-01', DATE '2024-01-03 12:30:00', {DAY}",
    f"DATE '2024-W01', DATE '2024-01-03', {DAY}",
    f"DATE '20240101', DATE '2024-01-03', {DAY}",
    f"TIMESTAMP '2024-01-01 00:00:00+02', TIMESTAMP '2024-01-03', {DAY}",
    f"TIMESTAMP '2024-01-01 00:00:00.1234567', TIMESTAMP '2024-01-03', {DAY}",
    f"CAST('2024-01-01 01:02:03.9' AS TIMESTAMP(0)), DATE '2024-01-03', {DAY}",
    "DATE '2024-01-01', DATE '2024-01-09', CAST(replace('1 day', '1', '2') AS INTERVAL)",
    "DATE '2024-01-01', DATE '2024-01-09', INTERVAL \"1\" DAY",
    "DATE '2024-01-01', DATE '2024-01-09', INTERVAL '1' DAY TO SECOND",
    "DATE '2024-01-01', DATE '2024-01-09', INTERVAL '२ day'",
    "DATE '2024-01-01', DATE '2024-01-09', INTERVAL '1 day 2 hours'",
    "DATE '2024-01-01', DATE '2024-01-09', INTERVAL -1 DAY",
    "DATE '2024-01-01', DATE '2024-01-09', INTERVAL 0 DAY",
    "DATE '2024-01-31', DATE '2024-12-31', INTERVAL 1 MONTH",
]


def read(call: str) -> list[exp.Expr] | None:
    series = parse_one(f"SELECT * FROM {call}", dialect="duckdb").find(exp.GenerateSeries)
    assert series is not None
    return moments(series)


@pytest.mark.parametrize("function", ["range", "generate_series"])
def test_a_series_has_the_moments_that_duckdb_gives(function: str) -> None:
    with duckdb.connect() as connection:
        for call in [f"{function}({a}, DATE '2024-03-01', {step})" for a in STARTS for step in STEPS]:
            told = [t for (t,) in connection.execute(f"SELECT * FROM {call} LIMIT 401").fetchall()]
            found = read(call)
            assert found is not None, call
            values = ", ".join(m.sql("duckdb") for m in found)
            got = connection.execute(f"SELECT unnest([{values}]::TIMESTAMP[])").fetchall()
            assert [t for (t,) in got] == (told if len(told) <= 400 else []), call


@pytest.mark.parametrize("arguments", NONE)
def test_what_duckdb_reads_otherwise_is_no_series(arguments: str) -> None:
    assert read(f"generate_series({arguments})") is None
