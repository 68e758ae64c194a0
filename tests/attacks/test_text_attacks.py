"""(d) Text of the analyst that would reach an engine as text: quoted identifiers where words are expected, and names."""

from __future__ import annotations

import pyarrow as pa
import pytest

from tacit_service.errors import TacitError
from tacit_service.query.outer import verify

SETTING = "(SELECT current_setting('memory_limit'))"
REFUSED = {
    "a date part": 'SELECT COUNT(*) + EXTRACT("year FROM now()) + (SELECT count(*) FROM duckdb_settings()) + EXTRACT(year" '
    "FROM DATE '2024-01-01') FROM visits",
    "a date part of a released key": 'SELECT EXTRACT("year) + 1 + (1" FROM MAX(k)) FROM (SELECT visited_on k, COUNT(*) n '
    "FROM visits GROUP BY 1) a",
    "a unit to truncate to": "SELECT DATE_TRUNC(\"month', k) + ('\", MAX(k)) FROM (SELECT visited_on k, COUNT(*) n FROM "
    "visits GROUP BY 1) a",
    "a table function": "SELECT COUNT(*) + (SELECT COUNT(*) FROM query('SELECT 1')) FROM visits",
    "a struct type": 'SELECT CAST(COUNT(*) AS STRUCT("a b" BIGINT)) FROM visits',
    "an enum type": "SELECT CAST(COUNT(*) AS ENUM('a')) FROM visits",
    "a collation": "SELECT region COLLATE nocase, COUNT(*) FROM patients GROUP BY region",
    "the environment": "SELECT COUNT(*) || getenv('HOME') FROM visits",
    "a setting": f"SELECT COUNT(*) || {SETTING} FROM visits",
    "the hour": "SELECT COUNT(*), now() FROM visits",
}


@pytest.mark.parametrize("sql", REFUSED.values(), ids=REFUSED.keys())
def test_it_is_refused_before_any_engine_reads_it(attacker, sql):
    assert attacker.refusal(sql) in {"unsupported_syntax", "unknown_function", "unknown_table"}


HARMLESS = {
    "a type's name that holds SQL": f'SELECT CAST(COUNT(*) AS "BIGINT), {SETTING} AS y, CAST(1 AS BIGINT") FROM visits',
    "an alias with quotes and SQL": 'SELECT COUNT(*) AS "n"", (SELECT 1) AS ""m; DROP TABLE x; --" FROM visits',
    "text with quotes": "SELECT COUNT(*) || ''' || getenv(''HOME'') || ''' FROM visits",
    "a comment": "SELECT COUNT(*) /* */ FROM visits -- ; DROP TABLE visits",
}


@pytest.mark.parametrize("sql", HARMLESS.values(), ids=HARMLESS.keys())
def test_what_passes_is_one_value_over_the_release(attacker, sql):
    try:
        plan = attacker.plan(sql)
    except TacitError as refusal:
        assert refusal.code in {"unsupported_syntax", "syntax_error"}  # noqa: PT017 - refused is as well
        return
    table = pa.table({"__row": pa.array([0]), "a0": pa.array([5])})
    (row,) = attacker.sandbox.query(plan.sql, {plan.stacks[0].name: table}).to_pylist()
    assert len(row) == 2
    assert str(next(iter(row.values()))).startswith("5")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1; SELECT 2",
        'SELECT * FROM "visits"',
        "SELECT * FROM read_csv('x')",
        "SELECT getenv('HOME') FROM __r0",
        "SELECT (SELECT count(*) FROM duckdb_settings()) FROM __r0",
        "DELETE FROM __r0",
    ],
)
def test_the_second_wall_stops_what_slipped_into_emitted_text(sql):
    with pytest.raises(TacitError):
        verify(sql, {"__r0"})
