"""The engine's child: answers single SELECTs over one snapshot, and every other door is shut, twice where possible."""

import contextlib
import os
import signal
import threading
import time
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from tacit_service.engine.duckdb import DuckDBEngine, OwnerReader, lock, open_locked
from tacit_service.engine.niceness import BEHIND
from tacit_service.engine.process import WorkerFailure
from tacit_service.errors import EngineFailure, PolicyError

SECRET = "Ada-Lovelace-4711"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("engine")
    (folder / "secret.txt").write_text(SECRET)
    (folder / "secret.csv").write_text(f"a\n{SECRET}\n")
    with duckdb.connect(str(folder / "other.duckdb")) as other:
        other.execute(f"CREATE TABLE t AS SELECT '{SECRET}' AS a")
        other.execute(f"COPY t TO '{folder}/secret.parquet'")
    with duckdb.connect(str(folder / "snapshot.duckdb")) as snapshot:
        snapshot.execute(
            f"""CREATE TABLE visits AS
                SELECT i % 100 AS _u, 'r' || (i % 8) AS region, i AS cost, '{SECRET}' AS name,
                       DATE '2024-01-01' + (i % 30)::INTEGER AS day, i / 4 AS share, i % 2 = 0 AS flag
                FROM range(10000) r(i)"""
        )
    return folder


@pytest.fixture(scope="module")
def engine(folder):
    with DuckDBEngine(folder / "snapshot.duckdb", threads=2) as engine:
        yield engine


def test_aggregates_come_back_as_int64_and_keys_as_their_type(engine):
    table = engine.run(
        "SELECT region, day, flag, count(*) AS n, sum(cost)::BIGINT AS s, 1::TINYINT AS tiny"
        " FROM visits GROUP BY ALL ORDER BY ALL LIMIT 3",
        timeout_s=10,
    )
    assert table.schema.types == [pa.string(), pa.date32(), pa.bool_(), pa.int64(), pa.int64(), pa.int64()]
    assert table.num_rows == 3


def test_an_empty_result_has_its_schema(engine):
    table = engine.run("SELECT region, count(*) AS n FROM visits WHERE cost < 0 GROUP BY 1", timeout_s=60)
    assert table.num_rows == 0
    assert table.schema.types == [pa.string(), pa.int64()]


@pytest.mark.parametrize(
    "column",
    [
        "sum(cost)",  # HUGEINT: Arrow would give decimal128, numpy a rounded double
        "1::HUGEINT",
        "1.5",
        "sum(cost)::DECIMAL(18, 2)",
        "1::UBIGINT",
        "1::FLOAT",
        "list(cost)",
        "first(visits)",  # a whole row
        "'a'::BLOB",
        "INTERVAL 1 DAY",
        "NULL",
    ],
)
def test_result_types_that_the_noise_cannot_take_are_refused(engine, column):
    with pytest.raises(EngineFailure) as failure:
        engine.run(f"SELECT {column} AS x FROM visits", timeout_s=60)
    assert failure.value.__cause__.error == "UnsupportedResultType"


# -- doors


def _attempts(folder: Path) -> list[str]:
    snapshot = folder / "snapshot.duckdb"
    return [
        f"SELECT content FROM read_text('{folder}/secret.txt')",
        f"SELECT content::VARCHAR FROM read_blob('{folder}/secret.txt')",
        f"SELECT * FROM read_csv('{folder}/secret.csv')",
        f"SELECT * FROM read_parquet('{folder}/secret.parquet')",
        f"SELECT * FROM parquet_metadata('{folder}/secret.parquet')",
        f"SELECT * FROM '{folder}/secret.csv'",
        f"SELECT * FROM '{folder}/secret.parquet'",
        f"SELECT * FROM '{folder}/other.duckdb'",
        f"SELECT * FROM glob('{folder}/*')",
        "SELECT * FROM read_text('/etc/passwd')",
        f"SELECT * FROM query('SELECT * FROM read_text(''{folder}/secret.txt'')')",
        f"SELECT * FROM query_table('{folder}/secret.csv')",
        f"COPY (SELECT 1) TO '{folder}/out.csv'",
        f"COPY visits FROM '{folder}/secret.csv'",
        f"EXPORT DATABASE '{folder}/out'",
        f"IMPORT DATABASE '{folder}/out'",
        f"ATTACH '{folder}/other.duckdb'",
        f"ATTACH '{folder}/new.duckdb'",
        f"ATTACH '{snapshot}' AS again",
        "INSTALL httpfs",
        "LOAD httpfs",
        f"LOAD '{folder}/x.duckdb_extension'",
        "FORCE INSTALL spatial FROM community",
        "SELECT * FROM read_csv('https://example.com/a.csv')",
        "CREATE SECRET s (TYPE s3)",
        "SET threads = 1",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "SET GLOBAL disabled_filesystems = ''",
        "RESET disabled_filesystems",
        "PRAGMA enable_profiling",
        f"PRAGMA profile_output = '{folder}/out.json'",
        f"SET log_query_path = '{folder}/out.log'",
        "CALL enable_logging()",
        "CREATE TABLE t AS SELECT 1",
        "INSERT INTO visits SELECT * FROM visits",
        "WITH gone AS (DELETE FROM visits RETURNING *) SELECT * FROM gone",
        "UPDATE visits SET cost = 0",
        "DROP TABLE visits",
        "CREATE MACRO region(x) AS 1",
    ]


# What one_select alone keeps out: harmless to files, but state that the next call would see.
_STATEFUL = [
    "ATTACH ':memory:' AS m",
    "LOAD icu",  # linked into the wheel
    "SET VARIABLE x = 1",
    "CREATE TEMP TABLE t AS SELECT 1",
    "CREATE TEMP MACRO count(x) AS 0",
    "PREPARE p AS SELECT 1",
    "BEGIN",
    "USE memory",
    "SELECT 1; SELECT 2",
    "EXPLAIN ANALYZE SELECT * FROM visits",
    "PIVOT visits ON region USING count(*)",
    "",
    ";",
]


def test_no_statement_reaches_out_of_the_child(engine, folder):
    before = {p: p.stat().st_mtime_ns for p in folder.iterdir()}
    for sql in _attempts(folder) + _STATEFUL:
        with pytest.raises(EngineFailure) as failure:
            engine.run(sql, timeout_s=60)
        assert failure.value.code == "engine_failed", sql
    assert {p: p.stat().st_mtime_ns for p in folder.iterdir()} == before
    assert engine.run("SELECT count(*) AS n FROM visits", timeout_s=60).to_pylist() == [{"n": 10_000}]


def test_the_lock_holds_without_the_statement_check(folder):
    """The same attempts straight on a locked connection: DuckDB itself must refuse each one."""
    connection = open_locked(folder / "snapshot.duckdb", memory_limit="1GB", threads=1)
    lock(connection, keep_order=False)
    try:
        for sql in _attempts(folder):
            with pytest.raises(duckdb.Error):
                connection.execute(sql).fetchall()
    finally:
        connection.close()
    assert not (folder / "out.csv").exists()


@pytest.mark.skipif(not os.path.exists("/proc/self/autogroup"), reason="this system does not weigh sessions")
def test_an_engine_stands_behind_among_sessions_too(engine):
    engine.warm()
    told, deadline = "", time.monotonic() + 60
    while not told.endswith(f"nice {BEHIND}") and time.monotonic() < deadline:
        told = Path(f"/proc/{engine._workers[0].pid}/autogroup").read_text().strip()
        time.sleep(0.02)
    assert told.endswith(f"nice {BEHIND}")


def test_every_setting_of_the_lock_is_in_force_on_cursors_too(folder):
    connection = open_locked(folder / "snapshot.duckdb", memory_limit="1GB", threads=1)
    lock(connection, keep_order=False)
    expected = {
        "enable_external_access": "false",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_community_extensions": "false",
        "allow_persistent_secrets": "false",
        "allow_unsigned_extensions": "false",
        "python_enable_replacements": "false",
        "error_on_division_by_zero": "false",
        "preserve_insertion_order": "false",
        "lock_configuration": "true",
        "temp_directory": "",
        "threads": "1",
    }
    for name, value in expected.items():  # DuckDB does not report disabled_filesystems; the attempts above do
        query = f"SELECT current_setting('{name}')::VARCHAR"
        assert connection.cursor().sql(query).fetchall() == [(value,)], name
    connection.close()


def test_python_variables_are_not_tables(folder):
    frame = pa.table({"a": [1]})
    connection = open_locked(None, memory_limit="1GB", threads=1)
    lock(connection, keep_order=True)
    with pytest.raises(duckdb.CatalogException):
        connection.cursor().sql("SELECT * FROM frame")
    connection.close()
    assert frame.num_rows == 1


# -- failures


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT CAST(name AS INTEGER) AS x FROM visits",  # DuckDB's message quotes the name
        "SELECT sum(9223372036854775807 + cost)::BIGINT AS x FROM visits",
        "SELECT error(name) AS x FROM visits",
        "SELECT nothing FROM visits",
        "SELECT (SELECT name FROM visits) AS x",
    ],
)
def test_errors_say_nothing_about_the_data(engine, sql):
    with pytest.raises(EngineFailure) as failure:
        engine.run(sql, timeout_s=60)
    error = failure.value
    told = f"{error} {error!r} {error.extra} {error.__cause__!r} {error.__cause__.text} {error.__context__!r}"
    assert SECRET not in told
    assert error.detail == "The engine could not finish this query."


def test_integer_division_by_zero_is_null(engine):
    row = engine.run("SELECT cost // 0 AS a, cost % 0 AS b FROM visits LIMIT 1", timeout_s=60).to_pylist()
    assert row == [{"a": None, "b": None}]


_ENDLESS = "SELECT count(*) AS n FROM range(100000000000) a, range(100000) b WHERE a.range + b.range = -1"


def test_a_query_past_its_time_ends_and_the_engine_answers_on(engine):
    start = time.monotonic()
    with pytest.raises(EngineFailure) as failure:
        engine.run(_ENDLESS, timeout_s=0.3)
    assert failure.value.code == "engine_timeout"
    assert time.monotonic() - start < 30  # it would never end
    assert engine.run("SELECT 1 AS a", timeout_s=60).to_pylist() == [{"a": 1}]


def test_an_interrupt_that_comes_late_does_not_spoil_the_next_query(folder):
    connection = open_locked(folder / "snapshot.duckdb", memory_limit="1GB", threads=1)
    connection.interrupt()
    assert connection.sql("SELECT count(*) FROM visits").fetchall() == [(10_000,)]
    connection.close()


def test_the_query_of_a_killed_child_is_run_again_by_its_successor(folder):
    """Nothing was released of it: what was paid for is answered."""
    with DuckDBEngine(folder / "snapshot.duckdb") as engine:
        engine.warm()
        with contextlib.suppress(ProcessLookupError):
            os.kill(engine._workers[0].pid, signal.SIGKILL)
        assert engine.run("SELECT 1 AS a", timeout_s=60).num_rows == 1


def test_a_query_whose_reply_is_past_the_limits_is_not_run_again(folder):
    """It would be as large again."""
    with DuckDBEngine(folder / "snapshot.duckdb") as engine:
        worker = engine._workers[0]
        engine.warm()
        worker._reply_bytes_max = worker._child._reply_bytes_max = 100_000
        pid = worker.pid
        with pytest.raises(EngineFailure) as failure:
            engine.run("SELECT i FROM range(100_000) r(i)", timeout_s=60)
        assert failure.value.__cause__.error == "reply_too_large"
        assert worker.pid != pid
        worker._reply_bytes_max = worker._child._reply_bytes_max = 1 << 31
        successor = worker.pid
        assert engine.run("SELECT 1 AS a", timeout_s=60).num_rows == 1
        assert worker.pid == successor


def test_a_query_whose_children_are_killed_twice_fails_and_the_next_is_answered(folder):
    with DuckDBEngine(folder / "snapshot.duckdb") as engine:
        engine.warm()
        over = threading.Event()

        def kill_again_and_again() -> None:
            while not over.wait(0.3):  # at work for hours yet
                with contextlib.suppress(ProcessLookupError, TypeError):
                    os.kill(engine._workers[0].pid, signal.SIGKILL)

        killer = threading.Thread(target=kill_again_and_again)
        killer.start()
        with pytest.raises(EngineFailure) as failure:
            engine.run(_ENDLESS, timeout_s=600)
        over.set()
        killer.join()
        assert failure.value.code == "engine_failed"
        assert engine.run("SELECT 1 AS a", timeout_s=60).num_rows == 1


def test_memory_is_bounded(folder):
    with DuckDBEngine(folder / "snapshot.duckdb", memory_limit="100MB", threads=1) as engine:
        with pytest.raises(EngineFailure) as failure:
            engine.run("SELECT count(DISTINCT i * 7919) AS n FROM range(50000000) r(i)", timeout_s=60)
        assert failure.value.code == "engine_failed"
        assert failure.value.__cause__.error == "OutOfMemoryException"
        assert engine.run("SELECT 1 AS a", timeout_s=60).num_rows == 1


def test_processes_run_side_by_side(folder):
    with DuckDBEngine(folder / "snapshot.duckdb", processes=2, threads=1) as engine:
        engine.warm()

        def run_slowly() -> None:
            with pytest.raises(EngineFailure):
                engine.run(_ENDLESS, timeout_s=3)

        slow = threading.Thread(target=run_slowly)
        slow.start()
        time.sleep(0.1)
        engine.run("SELECT 1 AS a", timeout_s=60)
        assert slow.is_alive(), "it was not waited for"
        slow.join()


def test_a_missing_or_broken_snapshot_is_an_engine_failure(tmp_path):
    with pytest.raises(EngineFailure):
        DuckDBEngine(tmp_path / "none.duckdb")
    broken = tmp_path / "broken.duckdb"
    broken.write_bytes(b"not a database" * 1000)
    with DuckDBEngine(broken) as engine, pytest.raises(EngineFailure) as failure:
        engine.warm()
    assert isinstance(failure.value.__cause__, WorkerFailure)


# -- the owner's reader


@pytest.mark.parametrize(
    "source", ["secret.parquet", "secret.csv", "secret.p*", "other.duckdb#t", "other.duckdb#main.t"]
)
def test_the_owner_reads_each_kind_of_source(folder, source):
    reader = OwnerReader()
    assert reader.columns(source, folder) == {"a": "VARCHAR"}
    assert reader.query(source, folder, "SELECT a FROM t").to_pylist() == [{"a": SECRET}]


def test_the_owner_is_told_what_is_wrong_with_a_source(folder, tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 nothing")
    for source, base in [("none.parquet", folder), ("a.parquet", tmp_path), ("other.duckdb#nope", folder)]:
        with pytest.raises(PolicyError) as error:
            OwnerReader().columns(source, base)
        assert error.value.code == "source_unreadable"
        assert source in error.value.detail
        assert error.value.hint
