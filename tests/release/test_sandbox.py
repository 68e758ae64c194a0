"""The sandbox runs any SELECT over released and public tables, and nothing else; no call leaves a trace."""

import contextlib
import math
import os
import signal
import threading
import time

import duckdb
import pyarrow as pa
import pytest

from tacit_service.engine.process import ChildError, encode_table
from tacit_service.errors import EngineFailure, Refusal
from tacit_service.release.postprocess import Sandbox, SandboxError, _Child

REGIONS = pa.table({"region": [f"r{i}" for i in range(8)], "population": pa.array(range(100, 900, 100), pa.int64())})


def released(shift: int = 0) -> pa.Table:
    return pa.table(
        {
            "region": [f"r{i}" for i in range(8)],
            "n": pa.array([10 * i + shift for i in range(8)], pa.int64()),
            "s": [1.5 * i + shift for i in range(8)],
        }
    )


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox({"regions": REGIONS}) as sandbox:
        yield sandbox


def test_released_tables_join_public_ones(sandbox):
    sql = """
        WITH top AS (SELECT region, n / population AS rate, n FROM release_1 JOIN regions USING (region))
        SELECT region, rate, sum(n) OVER (ORDER BY region) AS running FROM top
        QUALIFY row_number() OVER (ORDER BY rate DESC) <= 2 ORDER BY region
    """
    result = sandbox.query(sql, {"release_1": released()})
    assert result.to_pylist() == [
        {"region": "r6", "rate": 60 / 700, "running": 210},
        {"region": "r7", "rate": 70 / 800, "running": 280},
    ]


def test_types_follow_from_the_statement_never_from_the_values(sandbox):
    sql = "SELECT sum(n) AS wide, n * 1.5 AS exact, n::TINYINT AS tiny, s::FLOAT AS single FROM release_1 GROUP BY n, s"
    small = sandbox.query(sql, {"release_1": released()})
    assert small.schema.types == [pa.int64(), pa.float64(), pa.int64(), pa.float64()]
    assert sandbox.describe(sql, {"release_1": released().schema}) == small.schema


def test_describe_needs_no_rows_and_tells_what_is_wrong(sandbox):
    schemas = {"release_1": released().schema}
    assert sandbox.describe("SELECT region FROM release_1", schemas) == pa.schema([("region", pa.string())])
    with pytest.raises(SandboxError) as error:
        sandbox.describe("SELECT regoin FROM release_1", schemas)
    assert isinstance(error.value, Refusal)
    assert "regoin" in error.value.detail
    assert "\n" not in error.value.detail
    with pytest.raises(SandboxError):
        sandbox.describe("SELECT region + n FROM release_1", schemas)


def test_a_check_plans_the_statement_and_reads_nothing(sandbox):
    schemas = {"release_1": released().schema}
    for _ in range(2):  # the second uses the connection of the first; one that failed is not used again
        sandbox.check("SELECT region, sum(n) AS s FROM release_1 GROUP BY region -- all of it", schemas)
        with pytest.raises(SandboxError, match="regoin"):
            sandbox.check("SELECT regoin FROM release_1", schemas)
        with pytest.raises(SandboxError, match="exactly one SELECT"):
            sandbox.check("SELECT 1 AS a; SELECT 2 AS b", schemas)
        with pytest.raises(SandboxError):
            sandbox.check("SELECT 1) LIMIT 0; DROP TABLE regions; SELECT * FROM (SELECT 1", schemas)
        with pytest.raises(SandboxError):
            sandbox.check("SELECT region FROM release_1", {"release_1": pa.schema([("n", pa.int64())])})
    assert sandbox.query("SELECT count(*) AS n FROM regions").to_pylist() == [{"n": 8}]


def test_a_released_table_hides_a_public_one_of_its_name_for_that_call_only(sandbox):
    assert sandbox.query("SELECT count(*) AS n FROM regions", {"regions": released().slice(0, 3)}).to_pylist() == [
        {"n": 3}
    ]
    assert sandbox.query("SELECT count(*) AS n FROM regions").to_pylist() == [{"n": 8}]


def test_tables_do_not_outlive_their_call(sandbox):
    sandbox.query("SELECT * FROM release_1", {"release_1": released()})
    with pytest.raises(SandboxError):
        sandbox.query("SELECT * FROM release_1")


def test_names_and_columns_are_quoted(sandbox):
    name, column = 'odd "name"; DROP TABLE regions; --', 'a"b'
    table = pa.table({column: [1]})
    assert sandbox.query('SELECT "a""b" FROM "odd ""name""; DROP TABLE regions; --"', {name: table}).num_rows == 1
    assert sandbox.redraw('SELECT * FROM "odd ""name""; DROP TABLE regions; --"', {name: [table] * 3}) == [table] * 3


def test_integer_division_by_zero_is_null(sandbox):
    assert sandbox.query("SELECT 1 // 0 AS a, 1 % 0 AS b").to_pylist() == [{"a": None, "b": None}]


# -- doors


def test_nothing_is_written_nor_read_outside(sandbox, tmp_path):
    (tmp_path / "secret.csv").write_text("a\nAda\n")
    attempts = [
        f"SELECT * FROM read_text('{tmp_path}/secret.csv')",
        f"SELECT * FROM '{tmp_path}/secret.csv'",
        f"SELECT * FROM read_csv('{tmp_path}/secret.csv')",
        f"SELECT * FROM glob('{tmp_path}/*')",
        "SELECT * FROM read_text('/etc/passwd')",
        f"SELECT * FROM query('SELECT * FROM read_text(''{tmp_path}/secret.csv'')')",
        f"COPY regions TO '{tmp_path}/out.csv'",
        f"ATTACH '{tmp_path}/out.duckdb'",
        f"EXPORT DATABASE '{tmp_path}/out'",
        "INSTALL httpfs",
        "SET threads = 8",
        "SET lock_configuration = false",
        "SET VARIABLE x = 1",
        "CREATE TABLE t AS SELECT 1",
        "CREATE OR REPLACE MACRO sum(x) AS 0",
        "DROP TABLE regions",
        "INSERT INTO regions VALUES ('z', 1)",
        "WITH more AS (INSERT INTO regions VALUES ('z', 1) RETURNING *) SELECT * FROM more",
        "WITH gone AS (DELETE FROM regions RETURNING *) SELECT * FROM gone",
        "SELECT 1; SELECT 2",
        "COMMIT",
        "",
    ]
    for sql in attempts:
        for call in (lambda q: sandbox.query(q), lambda q: sandbox.redraw(q, {"release_1": [released()] * 2})):
            with pytest.raises(SandboxError):
                call(sql)
    assert [p.name for p in tmp_path.iterdir()] == ["secret.csv"]
    assert sandbox.query("SELECT count(*) AS n FROM regions").to_pylist() == [{"n": 8}]


def test_redraw_cannot_be_broken_out_of(sandbox):
    for sql in ("SELECT 1) UNION ALL (SELECT 2", "SELECT 1 -- comment", "SELECT 1;", "SELECT 1 /* a */ ;  "):
        draws = {"release_1": [released()] * 2}
        if "UNION" in sql:
            with pytest.raises(SandboxError):
                sandbox.redraw(sql, draws)
        else:
            assert [t.num_rows for t in sandbox.redraw(sql, draws)] == [1, 1]


# -- limits


def test_a_statement_past_its_time_is_stopped_and_the_next_one_answered(sandbox):
    start = time.monotonic()
    with pytest.raises(EngineFailure) as failure:
        sandbox.query("SELECT count(*) AS n FROM range(1000000000000) WHERE range = -1", timeout_s=0.3)
    assert failure.value.code == "engine_timeout"
    assert time.monotonic() - start < 30  # it would take hours
    assert sandbox.query("SELECT count(*) AS n FROM regions").to_pylist() == [{"n": 8}]


def test_a_killed_child_is_replaced_and_gets_the_public_tables_again():
    """The statement that met its death is run once more: it reads released values, and what was paid for is answered."""
    with Sandbox({"regions": REGIONS}) as sandbox:
        sandbox.query("SELECT 1 AS a")
        with contextlib.suppress(ProcessLookupError):
            os.kill(sandbox._answers[0].pid, signal.SIGKILL)
        assert sandbox.query("SELECT count(*) AS n FROM regions").to_pylist() == [{"n": 8}]


def test_of_a_dry_run_nothing_stays_but_what_is_the_same_for_all():
    """The connection over a policy's tables is used again; one over the columns of somebody's release is not."""
    child = _Child()
    protected, released_ = (pa.schema([(n, pa.int64())]).empty_table() for n in ("age", "n"))

    def ask(do: str, sql: str, table: pa.Table) -> None:
        child.handle({"do": do, "sql": sql, "names": ["t"]}, [encode_table(table)])

    ask("check", "SELECT age FROM t", protected)
    kept = list(child._dry.values())
    ask("describe", "SELECT n FROM t", released_)
    ask("check", "SELECT age + 1 FROM t", protected)
    assert list(child._dry.values()) == kept
    assert len(kept) == 1
    with pytest.raises(ChildError):
        ask("check", "SELECT nothing FROM t", protected)
    assert not child._dry, "one on which anything failed is closed"


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("SELECT range FROM range(1000001)", "TooManyRows"),
        ("SELECT repeat('x', 150000) AS s FROM range(4096)", "TooManyBytes"),
    ],
)
def test_results_are_bounded(sandbox, sql, what):
    with pytest.raises(SandboxError) as error:
        sandbox.query(sql, timeout_s=30)
    assert error.value.error == what


def test_few_rows_may_hold_long_texts(sandbox):
    """What an earlier stage of a statement may hand on is limited in rows, far below the bytes of so many short ones."""
    assert sandbox.query("SELECT repeat('x', 4000) AS s FROM range(3000)", rows_max=10_000).num_rows == 3_000
    with pytest.raises(SandboxError, match="10000 rows"):
        sandbox.query("SELECT range FROM range(10001)", rows_max=10_000)


def test_a_million_rows_pass(sandbox):
    assert sandbox.query("SELECT range FROM range(1000000)", timeout_s=30).num_rows == 1_000_000


def test_memory_is_bounded(sandbox):
    with pytest.raises((SandboxError, EngineFailure)):
        sandbox.query("SELECT list(range ORDER BY -range) AS l FROM range(500000000)", timeout_s=30)
    with pytest.raises((SandboxError, EngineFailure)):
        sandbox.query("SELECT length(" + "||".join(["repeat('x', 2000000000)"] * 4) + ") AS n", timeout_s=30)
    assert sandbox.query("SELECT 1 AS a").to_pylist() == [{"a": 1}]


def test_what_does_not_fit_is_null_not_an_error_nor_a_wrong_number(sandbox):
    """An integer past 64 bits, a day past the calendar: noise may make either, and nothing fails after its charge."""
    rows = sandbox.query(
        "SELECT sum(x) AS s, max(x) AS m, DATE '2020-01-01' + to_days(9999999) AS d FROM (VALUES (9223372036854775807), (1)) t(x)"
    )
    assert rows.to_pylist() == [{"s": None, "m": 9223372036854775807, "d": None}]


def test_threads_share_a_sandbox(sandbox):
    wrong: list[object] = []

    def ask(i: int) -> None:
        for _ in range(5):
            result = sandbox.query("SELECT min(n) AS n FROM release_1", {"release_1": released(i)})
            if result.to_pylist() != [{"n": i}]:
                wrong.append(result)

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == []


# -- redraws

STATEMENTS = [
    "SELECT region, s / n AS a, s / sum(s) OVER () AS share FROM release_1 ORDER BY a DESC LIMIT 5",
    "SELECT region, s / n AS a FROM release_1 WHERE n > 30",
    "SELECT sum(s) / sum(n) AS mean, count(*) AS k FROM release_1",
    "SELECT region, n / population AS r, rank() OVER (ORDER BY n) AS place FROM release_1 JOIN regions USING (region)",
    "WITH t AS (SELECT sum(n) AS n FROM release_1) SELECT region, r.n / t.n AS share FROM release_1 r, t",
    "SELECT coalesce(region, 'all') AS region, sum(n) AS n FROM release_1 GROUP BY ROLLUP (region)",
    "SELECT region, n FROM release_1 WHERE n > (SELECT avg(n) FROM release_1)",
    "SELECT a.region, b.s - a.s AS d FROM release_1 a JOIN release_2 b ON a.region = b.region",
    "SELECT region, n FROM release_1 UNION ALL SELECT region, -n FROM release_2",
    "SELECT region, lag(n) OVER (ORDER BY region) AS before FROM release_1",
    "SELECT region FROM release_1 WHERE n > 1000",
    "SELECT 1 AS one",
    "SELECT n, n, s AS _draw, region AS _order FROM release_1",
]


def canonical(table: pa.Table) -> list:
    def rounded(v):
        return round(v, 9) if isinstance(v, float) and not math.isnan(v) else str(v)

    rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
    return sorted((tuple(map(rounded, row)) for row in rows), key=str)


@pytest.mark.parametrize("sql", STATEMENTS)
def test_a_redraw_is_the_statement_over_each_draw(sandbox, sql):
    draws = {
        "release_1": [released(d) for d in range(50)],
        "release_2": [released(-d).slice(d % 3) for d in range(50)],
    }
    ordered = sandbox.redraw(sql, draws)
    unordered = sandbox.redraw(sql, draws, ordered=False)
    assert len(ordered) == len(unordered) == 50
    for d in (0, 1, 7, 49):
        alone = sandbox.query(sql, {name: tables[d] for name, tables in draws.items()})
        assert ordered[d].schema == unordered[d].schema == alone.schema
        assert canonical(ordered[d]) == canonical(unordered[d]) == canonical(alone)
        if "ORDER BY a" in sql:
            assert ordered[d]["region"] == alone["region"]


def test_a_redraw_of_what_cannot_be_checked_or_correlated_falls_back(sandbox):
    draws = {"release_1": [released(d) for d in range(3)]}
    lists = sandbox.redraw("SELECT list(n ORDER BY n) AS l FROM release_1", draws, ordered=False)
    assert [t["l"][0].as_py() for t in lists] == [[10 * i + d for i in range(8)] for d in range(3)]
    with pytest.raises(SandboxError):
        sandbox.redraw("SELECT * FROM release_9", draws, ordered=False)


def test_an_impossible_set_of_draws_is_a_mistake_of_the_caller(sandbox):
    with pytest.raises(ValueError, match="same number of draws"):
        sandbox.redraw("SELECT 1", {"a": [released()], "b": []})
    with pytest.raises(ValueError, match="same number of draws"):
        sandbox.redraw("SELECT 1", {})


def best_of(times: int, call) -> float:
    found = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return min(found)


def test_two_hundred_redraws_cost_as_much_as_a_few_queries(sandbox):
    """Quiet machine: 2.8 ms a query, 20 ms for 200 unordered redraws. Turn by turn, so that a busy one slows both."""
    draws = {"release_1": [released(d) for d in range(200)]}
    turns = [
        (
            best_of(4, lambda: sandbox.query(STATEMENTS[0], {"release_1": released()})),
            best_of(1, lambda: sandbox.redraw(STATEMENTS[0], draws, ordered=False)),
        )
        for _ in range(5)
    ]
    assert min(redraws for _, redraws in turns) < 50 * min(query for query, _ in turns)


def test_the_child_is_duckdb_of_the_same_version(sandbox):
    assert sandbox.query("SELECT version() AS v").to_pylist() == [{"v": "v" + duckdb.__version__}]
