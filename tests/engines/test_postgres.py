"""PostgreSQL as an engine: what it reads of unruly tables, what opening refuses, and that time limits reach the server."""

from __future__ import annotations

import datetime as dt
import itertools
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
import pytest

pytest.importorskip("adbc_driver_postgresql", reason="the extra [postgres] is not installed")

import psycopg

from tacit.wire import QueryRequest
from tacit_service.engine.base import OpenedData
from tacit_service.engine.opening import open_data
from tacit_service.engine.postgres.patterns import regex
from tacit_service.engine.postgres.queries import translate
from tacit_service.engine.postgres.scope import Columns
from tacit_service.engine.postgres.value import Kind, Untranslatable, Value
from tacit_service.errors import EngineFailure, PolicyError
from tacit_service.ledger.store import Ledger
from tacit_service.policy.load import Loaded, load_policy
from tacit_service.release.release import Desk

COLUMNS = """
      id: { type: integer }
      age: { type: integer, bounds: [0, 100], precision: 5 }
      pay: { type: number, bounds: [-10, 1000], precision: 0.01 }
      rate: { type: number }
      price: { type: number, bounds: [0, 50], precision: 0.05 }
      sex: { type: string, categories: [F, M] }
      born: { type: date, bounds: [1900-01-01, 2020-12-31] }
      seen: { type: timestamp, bounds: [2000-01-01, 2030-01-01] }
      fit: { type: boolean }
"""
POLICY = """
version: 1
dataset: clinic
privacy_unit: {{ name: person, column: people.id }}
tables:
  people: {{ source: {people}, unit: id, one_row_per_unit: {single}, columns: {{ {columns} }} }}
budget: {{ epsilon: 100, delta: 1e-6 }}
analysts: {{ ada: {{ epsilon: 100, delta: 1e-6 }} }}
response_times: off
{engine}
"""
INF, NAN = float("inf"), float("nan")
ROWS: list[tuple[Any, ...]] = [  # id, age, pay, rate, price, sex, born, seen, fit
    (1, 12, 19.99, 0.1, "19.99", "F", dt.date(1980, 1, 1), dt.datetime(2020, 2, 29, 12, 30, 1, 500), True),
    (2, -7, NAN, NAN, "NaN", "X", dt.date(1880, 1, 1), dt.datetime(1999, 1, 1), None),
    (3, 2_000_000_000, INF, INF, "12345678901234567890", "", dt.date(2021, 1, 1), dt.datetime(2029, 12, 31), False),
    (4, None, -INF, -INF, "-1", None, None, None, None),
    (5, 97, 0.005, 1e-320, "0.075", "M", dt.date(2020, 12, 31), dt.datetime(2000, 1, 1), True),
    (6, 98, -0.005, -1e308, "1e-400", "f", dt.date(1900, 1, 1), dt.datetime(2030, 1, 1), True),
    (7, 3, 2.675, 123456.789, "0.025", "F", dt.date(1999, 12, 31), dt.datetime(2010, 6, 15, 23, 59, 59, 999999), False),
    (None, 1, 1.0, 1.0, "1", "F", dt.date(2000, 1, 1), dt.datetime(2001, 1, 1), True),
]  # fmt: skip
_numbers = itertools.count(1)


def reader(server: str) -> str:
    url = urlsplit(server)
    return url._replace(netloc=f"tacit_people@{url.netloc.rpartition('@')[2]}").geturl()


@pytest.fixture(scope="module")
def admin(postgres_server: str) -> Iterator[psycopg.Connection[Any]]:
    """A superuser's connection; the role ``tacit_people`` may read ``people.people``."""
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS people CASCADE")
        connection.execute("CREATE SCHEMA people")
        connection.execute(
            "CREATE TABLE people.people (id bigint, age integer, pay float8, rate float8, price numeric, sex char(1), born date,"
            " seen timestamptz, fit boolean)"
        )
        with connection.cursor() as cursor:
            cursor.execute("SET TimeZone = 'UTC'")
            cursor.executemany("INSERT INTO people.people VALUES (%s, %s, %s, %s, %s::numeric, %s, %s, %s, %s)", ROWS)
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = 'tacit_people'").fetchone() is None:
            connection.execute("CREATE ROLE tacit_people LOGIN")
        connection.execute("GRANT USAGE ON SCHEMA people TO tacit_people")
        connection.execute("GRANT SELECT ON people.people TO tacit_people")
        yield connection


def declared(
    folder: Path, engine: str = "", people: str = "people.people", single: str = "false", columns: str = COLUMNS
) -> Loaded:
    path = folder / f"{next(_numbers)}.yaml"
    listed = ", ".join(line.strip() for line in columns.strip().splitlines())
    path.write_text(POLICY.format(people=people, engine=engine, single=single, columns=listed))
    return load_policy(path)


def url(server: str) -> str:
    return f'engine: {{ url: "{reader(server)}" }}'


@pytest.fixture
def opened(admin: Any, postgres_server: str, tmp_path: Path) -> Iterator[OpenedData]:
    data = open_data(declared(tmp_path, url(postgres_server)), tmp_path / "data", processes=1)
    yield data
    data.engine.close()


def rows_of(data: OpenedData) -> list[dict[str, Any]]:
    found = data.engine.run('SELECT * FROM "people"', timeout_s=60).to_pylist()
    return sorted(found, key=lambda r: r["_u"])


def test_unruly_values_read_as_the_snapshot_of_the_same_rows_has_them(opened: OpenedData, tmp_path: Path) -> None:
    types = ("BIGINT", "INTEGER", "DOUBLE", "DOUBLE", "VARCHAR", "VARCHAR", "DATE", "TIMESTAMP", "BOOLEAN")
    names = ("id", "age", "pay", "rate", "price", "sex", "born", "seen", "fit")
    with duckdb.connect() as connection:
        columns = ", ".join(f"{n} {t}" for n, t in zip(names, types, strict=True))
        connection.execute(f"CREATE TABLE people ({columns})")
        connection.executemany(f"INSERT INTO people VALUES ({', '.join('?' * 9)})", [list(r) for r in ROWS])
        connection.execute(f"COPY people TO '{tmp_path / 'people.parquet'}'")
    files = open_data(declared(tmp_path, people="people.parquet"), tmp_path / "data", processes=1)
    theirs = files.engine.run(
        f'SELECT _u, {", ".join(names)} FROM "people"', timeout_s=20
    ).to_pylist()  # fmt: skip
    files.engine.close()
    ours = rows_of(opened)
    assert ours == sorted(theirs, key=lambda r: r["_u"])
    assert ours[2]["price"] == 50.0
    assert ours[1]["born"] is None


def test_one_row_of_each_unit_is_kept(admin: Any, postgres_server: str, tmp_path: Path) -> None:
    admin.execute(
        "INSERT INTO people.people SELECT id, 50, pay, rate, price, sex, born, seen, fit FROM people.people WHERE id = 1"
    )
    try:
        data = open_data(declared(tmp_path, url(postgres_server), single="true"), tmp_path / "data", processes=1)
        assert [r["_u"] for r in rows_of(data)] == [1, 2, 3, 4, 5, 6, 7]
        data.engine.close()
    finally:
        admin.execute("DELETE FROM people.people WHERE id = 1 AND age = 50")


def test_an_index_that_is_dropped_is_not_relied_on(admin: Any, postgres_server: str, tmp_path: Path) -> None:
    admin.execute("CREATE UNIQUE INDEX one_each ON people.people (id)")
    data = open_data(declared(tmp_path, url(postgres_server), single="true"), tmp_path / "data", processes=1)
    try:
        assert [r["_u"] for r in rows_of(data)] == [1, 2, 3, 4, 5, 6, 7]
        admin.execute("DROP INDEX people.one_each")
        with pytest.raises(EngineFailure):
            rows_of(data)
    finally:
        data.engine.close()
        admin.execute("DROP INDEX IF EXISTS people.one_each")


WHOLE = ["(x // -1)", "(x // y)", "(x // 7)", "(x % 7)", "(- x)", "abs(x)", "(x + y)", "(x - y)", "(x * y)"]


def test_no_integer_makes_the_server_raise_and_all_give_what_duckdb_gives(opened: OpenedData) -> None:
    """One row at an end of its type would else decide an error, which everybody could see."""
    rows = "(CAST(-9223372036854775807 - 1 AS BIGINT), CAST(-1 AS BIGINT)), (9223372036854775807, 2), (-9223372036854775807, 0), (NULL, 1)"
    made = ", ".join(f"TRY({e}) AS e{i}" for i, e in enumerate(WHOLE))
    sql = f"SELECT x, {made} FROM (VALUES {rows}) AS t(x, y)"
    with duckdb.connect() as connection:
        theirs = connection.sql(sql).fetchall()
    ours = [tuple(row.values()) for row in opened.engine.run(sql, timeout_s=60).to_pylist()]
    opened.engine.run(sql.replace("//", "%"), timeout_s=60)  # the least integer by -1: 0 here, NULL there
    order: Any = lambda row: (row[0] is None, row[0])  # noqa: E731
    assert sorted(ours, key=order) == sorted(theirs, key=order)


def test_a_statement_is_checked_while_every_process_answers(opened: OpenedData) -> None:
    engine: Any = opened.engine
    with engine._workers.lent():
        assert engine.check("SELECT count(*) AS n FROM people") is None, "it returns"


# -- what opening refuses


def refused(loaded: Loaded, tmp_path: Path) -> str:
    with pytest.raises(PolicyError) as error:
        open_data(loaded, tmp_path / "data", processes=1)
    assert error.value.hint
    return error.value.code


def test_opening_says_what_is_missing(admin: Any, postgres_server: str, tmp_path: Path) -> None:
    server = url(postgres_server)
    assert refused(declared(tmp_path, server, people="people.nobody"), tmp_path) == "source_unreadable"
    assert (
        refused(declared(tmp_path, server, columns=COLUMNS + "      height: { type: integer }"), tmp_path)
        == "column_not_found"
    )
    assert (
        refused(declared(tmp_path, server, columns="id: { type: integer }\nsex: { type: integer }"), tmp_path)
        == "column_unreadable"
    )
    never = "id: { type: integer }\nborn: { type: date, bounds: [1900-01-01, 2020-12-31], nullable: false }"
    assert refused(declared(tmp_path, server, columns=never), tmp_path) == "null_found"


def test_a_role_that_may_write_is_refused(admin: Any, postgres_server: str, tmp_path: Path) -> None:
    assert refused(declared(tmp_path, f'engine: {{ url: "{postgres_server}" }}'), tmp_path) == "engine_role_too_strong"
    admin.execute("GRANT UPDATE ON people.people TO tacit_people")
    try:
        assert refused(declared(tmp_path, url(postgres_server)), tmp_path) == "engine_role_too_strong"
    finally:
        admin.execute("REVOKE UPDATE ON people.people FROM tacit_people")


def test_a_password_is_in_no_policy(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="password"):
        declared(tmp_path, 'engine: { url: "postgresql://reader:secret@127.0.0.1/clinic" }')
    elsewhere = 'engine: { url: "postgresql://reader@127.0.0.1:1/clinic", password_env: TACIT_TEST_NO_SUCH_VARIABLE }'
    assert refused(declared(tmp_path, elsewhere), tmp_path) == "engine_password_missing"
    (tmp_path / "password").write_text("secret\n")
    nobody = 'engine: { url: "postgresql://reader@127.0.0.1:1/clinic", password_file: password }'
    assert refused(declared(tmp_path, nobody), tmp_path) == "engine_unreachable"


# -- served


def running(admin: Any) -> int:
    return int(
        admin.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tacit' AND state = 'active' AND usename = 'tacit_people'"
        ).fetchone()[0]
    )


def test_a_question_is_answered_from_postgresql(admin: Any, postgres_server: str, tmp_path: Path) -> None:
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    desk = Desk.open(declared(tmp_path, url(postgres_server)), ledger, tmp_path / "data")
    try:
        request = QueryRequest(dataset="clinic", sql="SELECT sex, COUNT(*) AS n FROM people GROUP BY sex", epsilon="1")
        answer = desk.query("ada", request, None)
        assert [row[0] for row in answer.rows] == ["F", "M"]
        assert answer.receipt.charged.epsilon == "1"
        lacking = QueryRequest(dataset="clinic", sql="SELECT COUNT(*) AS n FROM people WHERE REVERSE(sex) = 'F'")
        with pytest.raises(Exception, match="PostgreSQL, has no equal of REVERSE"):
            desk.quote("ada", lacking)
    finally:
        desk.close()
        ledger.close()


def test_a_time_limit_reaches_the_server_and_the_connection_lives_on(
    opened: OpenedData, admin: Any, postgres_server: str
) -> None:
    with psycopg.connect(postgres_server) as holder:
        holder.execute("LOCK TABLE people.people IN ACCESS EXCLUSIVE MODE")  # whoever reads it waits
        with pytest.raises(EngineFailure) as failure:
            opened.engine.run('SELECT count(*) AS n FROM "people"', timeout_s=0.4)
        assert failure.value.code == "engine_timeout"
        assert running(admin) == 0
    assert opened.engine.run('SELECT count(*) AS n FROM "people"', timeout_s=60).column(0).to_pylist() == [7]


def test_a_lost_connection_is_made_again(opened: OpenedData, admin: Any) -> None:
    assert opened.engine.healthy()
    admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'tacit_people'")
    with pytest.raises(EngineFailure) as failure:
        opened.engine.run('SELECT count(*) AS n FROM "people"', timeout_s=60)
    assert (failure.value.code, failure.value.status) == ("engine_failed", 500)
    assert opened.engine.run('SELECT count(*) AS n FROM "people"', timeout_s=60).num_rows == 1


def test_what_a_dead_service_left_running_ends(admin: Any, postgres_server: str, tmp_path: Path) -> None:
    data = open_data(declared(tmp_path, url(postgres_server)), tmp_path / "data", processes=1)
    with psycopg.connect(postgres_server) as holder:
        holder.execute("LOCK TABLE people.people IN ACCESS EXCLUSIVE MODE")
        asked = threading.Thread(target=_fails, args=(data,))
        asked.start()
        until = time.monotonic() + 30
        while not running(admin) and time.monotonic() < until:
            time.sleep(0.02)
        data.engine.close()  # as the service's end does: its processes are killed
        asked.join()
        while running(admin) and time.monotonic() < until:
            time.sleep(0.05)
        assert running(admin) == 0


def _fails(data: OpenedData) -> None:
    with pytest.raises(EngineFailure):
        data.engine.run('SELECT * FROM "people"', timeout_s=60)


# -- translation


TABLE: dict[str, Columns] = {
    "t": {
        "_u": Value('"_u"', Kind.INT, 1),
        "n": Value('"n"', Kind.INT, 1, 100),
        "x": Value('"x"', Kind.FLOAT, 0.01, 5000),
        "free": Value('"free"', Kind.FLOAT),
        "s": Value('"s"', Kind.TEXT),
    }
}


@pytest.mark.parametrize(
    ("expression", "lack"),
    [
        ("free * free", "a product"),
        ("x / free", "a quotient"),
        ("power(x, -200)", "a power"),
        ("CAST(s AS BIGINT)", "a cast from text to integer"),
        ("CAST(free AS VARCHAR)", "the text of decimals"),
        ("reverse(s)", "REVERSE"),
        ("random()", "RAND"),
        ("pg_sleep(1)", "PG_SLEEP"),
        ("regexp_extract(s, 'a|ab')", "the regular expression"),
        ("x % 3", "of decimals"),
        ("nobody", "the column nobody"),
    ],
)  # fmt: skip
def test_what_has_no_equal_is_refused_by_name(expression: str, lack: str) -> None:
    with pytest.raises(Untranslatable, match=lack):
        translate(f"SELECT {expression} AS y FROM t", TABLE)


@pytest.mark.parametrize("statement", ["SELECT 1 FROM pg_authid", "SELECT * FROM query('SELECT 1')", "SELECT 1 AS a; SELECT 2 AS b",
                                       "COPY t TO '/tmp/x'", "SELECT 1 FROM t FOR UPDATE"])  # fmt: skip
def test_nothing_but_the_dataset_can_be_named(statement: str) -> None:
    with pytest.raises(Untranslatable):
        translate(statement, TABLE)


@pytest.mark.parametrize("pattern", ["a+?", "\\bx", "(?i)x", "[[:alpha:]]", "a**", "\\Qx\\E", "***=x"])
def test_patterns_that_the_two_read_differently_are_refused(pattern: str) -> None:
    with pytest.raises(Untranslatable):
        regex(pattern, taken=False)


def test_the_url_is_in_no_list_of_processes(opened: OpenedData) -> None:
    processes = [p for p in Path("/proc").iterdir() if p.name.isdigit()]
    mine = [p for p in processes if os.getpid() in (_parent(p), _parent(Path(f"/proc/{_parent(p)}")))]
    assert any(b"session" in _read(p / "cmdline") + _read(p / "comm") for p in mine)
    assert not any(b"postgresql://" in _read(p / "cmdline") for p in mine)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:  # it has ended meanwhile
        return b""


def _parent(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
