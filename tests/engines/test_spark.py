"""Spark as an engine: what is refused by name, which SQL can never be sent, and, where a server is asked for, equal values.

TACIT_TEST_SPARK=1 starts a server for the second half; TACIT_TEST_SPARK_URL names one.
"""

from __future__ import annotations

import datetime as dt
import importlib.util
import json
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from tacit.wire import QueryRequest
from tacit_service.engine.base import OpenedData
from tacit_service.engine.opening import open_data
from tacit_service.engine.spark.address import address
from tacit_service.engine.spark.columns import Field, field, readable
from tacit_service.engine.spark.engine import SparkEngine
from tacit_service.engine.spark.patterns import regex
from tacit_service.engine.spark.queries import translate
from tacit_service.engine.spark.scope import Columns, literal, quoted
from tacit_service.engine.spark.tables import Relation
from tacit_service.engine.spark.texts import _letters
from tacit_service.engine.spark.value import Kind, Untranslatable, Value
from tacit_service.errors import EngineFailure, PolicyError
from tacit_service.ledger.store import Ledger
from tacit_service.policy.load import Loaded, load_policy
from tacit_service.release.release import Desk

INF, NAN = float("inf"), float("nan")
NUMBERS: dict[str, tuple[Kind, float, float, int | None]] = {
    "id": (Kind.INT, 0, 100, None), "n": (Kind.INT, -(2.0**63), 2.0**63, None), "k": (Kind.INT, -100, 100, None),
    "x": (Kind.FLOAT, -1.8e308, 1.8e308, None), "g": (Kind.FLOAT, -500, 5000, 3), "s": (Kind.TEXT, 0, 0, None),
    "d": (Kind.DATE, 0, 0, None), "ts": (Kind.TIME, 0, 0, None), "b": (Kind.BOOL, 0, 0, None),
}  # fmt: skip
COLUMNS: Columns = {n: Value(quoted(n), k, low, high, places) for n, (k, low, high, places) in NUMBERS.items()}


def spark_of(expression: str) -> str:
    return translate(f"SELECT {expression} AS y FROM t", {"t": COLUMNS})[0]


# -- translation


@pytest.mark.parametrize(
    ("expression", "lack"),
    [
        ("ln(x)", "LN"),
        ("exp(x)", "EXP"),
        ("power(x, 2)", "POWER"),
        ("CAST(s AS BIGINT)", "a cast from text to integer"),
        ("CAST(x AS VARCHAR)", "the text of decimals"),
        ("reverse(s)", "REVERSE"),
        ("random()", "RAND"),
        ("java_method('java.lang.System', 'exit')", "JAVA_METHOD"),
        ("regexp_matches(s, '(a|b)*c')", "the regular expression"),
        ("x % 3", "of decimals"),
        ("nobody", "the column nobody"),
        ("make_date(1, 1, 1)", "DATEFROMPARTS"),
        ("sum(k) OVER (ORDER BY k RANGE BETWEEN 1 PRECEDING AND CURRENT ROW)", "a window frame by RANGE"),
    ],
)  # fmt: skip
def test_what_has_no_equal_is_refused_by_name(expression: str, lack: str) -> None:
    with pytest.raises(Untranslatable, match=lack):
        spark_of(expression)


@pytest.mark.parametrize("statement", ["SELECT 1 FROM elsewhere", "SELECT * FROM read_files('x')", "SELECT 1 AS a; SELECT 2 AS b",
                                       "SELECT * FROM parquet.`/etc`", "SET x = 1", "SELECT 1 FROM t FOR UPDATE"])  # fmt: skip
def test_nothing_but_the_dataset_can_be_named(statement: str) -> None:
    with pytest.raises(Untranslatable):
        translate(statement, {"t": COLUMNS})


def test_integers_stay_plain_where_bounds_allow_and_are_total_where_not() -> None:
    assert "(`k` + `k`)" in spark_of("k + k")
    assert "try_add(`n`, `k`)" in spark_of("n + k")
    assert "try_multiply" in spark_of("n * k")
    assert spark_of("sum(k)").startswith("SELECT sum(`k`)")
    assert "sum(`n`)" not in spark_of("sum(n)"), "it could overflow, which Spark makes an error"


def test_a_text_is_only_a_text() -> None:
    assert literal("it's \\ ${env:HOME}") == "'it\\'s \\\\ ${env:HOME}'"
    assert "'x\\' OR \\'1\\'=\\'1'" in spark_of("(s = 'x'' OR ''1''=''1')")
    assert quoted("a`b") == "`a``b`"


@pytest.mark.parametrize(
    "pattern", ["a+?", "\\bx", "(?i)x", "[[:alpha:]]", "a**", "\\Qx\\E", "(ab)+", "a*b*c*d*", "(a", "a)", "[a&&b]", "*"]
)
def test_patterns_that_the_two_read_differently_are_refused(pattern: str) -> None:
    with pytest.raises(Untranslatable):
        regex(pattern)


@pytest.mark.parametrize(
    "expression",
    [
        "(s LIKE '%a%a%a%a%a%b')", "(s LIKE 'a%b%c')", "(s ILIKE '%a%b')", "(s GLOB '*a*b')", "(s LIKE '%x%%b' ESCAPE 'x')",
        "regexp_matches(s, '[^b]*a[^b]*b')", "regexp_matches(s, 'a+b{2,}')", "regexp_full_match(s, '.*a.{1,100}')",
        "regexp_replace(s, 'a*b+', 'c')",
    ],
)  # fmt: skip
def test_a_pattern_that_java_may_try_for_hours_is_refused(expression: str) -> None:
    """One person's text would end the query, and its error would tell."""
    with pytest.raises(Untranslatable, match=r"several %|regular expression"):
        spark_of(expression)


@pytest.mark.parametrize("expression", ["(s LIKE '%a_%%')", "(s LIKE 'a%b%')", "regexp_matches(s, 'a?b{2,3}c*')"])
def test_patterns_that_take_a_time_of_the_text_s_length_are_not(expression: str) -> None:
    assert "LIKE" in spark_of(expression)


def test_letters_have_the_cases_that_duckdb_gives_them() -> None:
    with duckdb.connect() as connection:
        for function in ("upper", "lower"):
            rows = connection.execute(
                f"SELECT c, {function}(c) FROM (SELECT chr(i::INTEGER) AS c FROM (FROM range(128, 55296)"
                f" UNION ALL FROM range(57344, 131072)) AS t(i)) WHERE {function}(c) <> c"
            ).fetchall()
            assert dict(rows) == dict(zip(*_letters(function), strict=True))


def test_types_of_spark_and_what_reads_them(tmp_path: Path) -> None:
    assert field("decimal(18,2)") == Field("decimal", 18, 2)
    assert field("varchar(9)") == Field("text")
    assert [field(t) for t in ("string collate UNICODE_CI", "array<int>", "binary", "interval day to second")] == [
        None
    ] * 4
    column = declared(tmp_path, "sc://127.0.0.1", columns="id: { type: integer }\npay: { type: number }").policy.tables[
        "people"
    ]
    assert readable(column.columns["pay"], Field("decimal", 18, 2)) is not None
    assert readable(column.columns["pay"], Field("decimal", 9, 2)) is None


# -- policies

POLICY = """
version: 1
dataset: clinic
privacy_unit: {{ name: person, column: people.id }}
tables:
  people: {{ source: "{people}", unit: id, one_row_per_unit: {single}, columns: {{ {columns} }} }}
budget: {{ epsilon: 100, delta: 1e-6 }}
analysts: {{ ada: {{ epsilon: 100, delta: 1e-6 }} }}
response_times: off
{engine}
"""
DECLARED = """
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


def declared(
    folder: Path,
    url: str = "",
    people: str = "lake.clinic.people",
    single: str = "false",
    columns: str = DECLARED,
    more: str = "",
) -> Loaded:
    path = folder / f"{len(list(folder.iterdir()))}.yaml"
    listed = ", ".join(line.strip() for line in columns.strip().splitlines())
    engine = f'engine: {{ url: "{url}"{more} }}' if url else ""
    path.write_text(POLICY.format(people=people, engine=engine, single=single, columns=listed))
    return load_policy(path)


def test_a_token_is_in_no_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PolicyError, match="password"):
        declared(tmp_path, "sc://spark.internal:15002/;use_ssl=true;token=secret")
    loaded = declared(tmp_path, "sc://spark.internal:15002/;use_ssl=true", more=", password_env: TACIT_TEST_TOKEN")
    with pytest.raises(PolicyError) as error:
        address(loaded)
    assert error.value.code == "engine_password_missing"
    monkeypatch.setenv("TACIT_TEST_TOKEN", "secret")
    assert address(loaded) == "sc://spark.internal:15002/;use_ssl=true;token=secret;user_agent=tacit;user_id=tacit"


@pytest.mark.parametrize(
    "source", ["clinic.people", "lake.clinic.people", "parquet:s3a://lake/people", "parquet:/data/*.parquet"]
)
def test_tables_are_named_as_spark_names_them(source: str, tmp_path: Path) -> None:
    assert declared(tmp_path, "sc://spark.internal", people=source).policy.tables["people"].source == source


def test_files_of_the_service_are_not_protected_tables_beside_spark(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="parquet:ADDRESS"):
        declared(tmp_path, "sc://spark.internal", people="people.parquet")


# -- with a server


def expressions() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "tacit_spark_expressions", Path(__file__).with_name("spark_expressions.py")
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


AWKWARD = expressions()


@pytest.fixture(scope="module")
def engine(spark_server: str) -> Iterator[SparkEngine]:
    """The awkward rows as the table ``t``."""
    items = ", ".join("CAST(ts AS TIMESTAMP_NTZ) AS ts" if n == "ts" else n for n in COLUMNS)
    opened = SparkEngine(f"{spark_server}/;user_agent=tacit;user_id=tacit")
    opened.serve({"t": Relation(f"SELECT {items} FROM _rows", COLUMNS)}, {"_rows": AWKWARD.ROWS})
    yield opened
    opened.close()


@pytest.mark.parametrize("group", ["NUMBERS", "TRUTHS", "TEXTS", "TIMES", "AGGREGATES", "WINDOWS"])
def test_awkward_values_give_what_duckdb_gives(group: str, engine: SparkEngine) -> None:
    """Bit for bit, -0.0 and NaN included: one statement of all expressions on each side."""
    tail = "" if group == "AGGREGATES" else ", id"
    listed = ", ".join(f"{e} AS e{i}" for i, e in enumerate(getattr(AWKWARD, group)))
    sql = f"SELECT {listed}{tail} FROM t"
    with duckdb.connect() as connection:
        connection.execute("SET error_on_division_by_zero = false")
        connection.register("rows", AWKWARD.ROWS)
        connection.execute("CREATE TABLE t AS FROM rows")
        theirs = connection.sql(sql).to_arrow_table().to_pylist()
    ours = engine.run(sql, timeout_s=600).to_pylist()
    by_id: Any = lambda row: row.get("id", 0)  # noqa: E731
    pairs = zip(sorted(ours, key=by_id), sorted(theirs, key=by_id), strict=True)
    unlike = {
        getattr(AWKWARD, group)[int(name[1:])]: (mine[name], value)
        for mine, row in pairs
        for name, value in row.items()
        if name != "id" and repr(mine[name]) != repr(value)
    }
    assert unlike == {}


ROWS: list[tuple[Any, ...]] = [  # id, age, pay, rate, price, sex, born, seen, fit
    (1, 12, 19.99, 0.1, "19.99", "F", dt.date(1980, 1, 1), dt.datetime(2020, 2, 29, 12, 30, 1, 500), True),
    (2, -7, NAN, NAN, "0.001", "X", dt.date(1880, 1, 1), dt.datetime(1999, 1, 1), None),
    (3, 2_000_000_000, INF, INF, "9999999.999", "", dt.date(2021, 1, 1), dt.datetime(2029, 12, 31), False),
    (4, None, -INF, -INF, "-1", None, None, None, None),
    (5, 97, 0.005, 1e-320, "0.075", "M", dt.date(2020, 12, 31), dt.datetime(2000, 1, 1), True),
    (6, 98, -0.005, -1e308, "49.975", "f", dt.date(1900, 1, 1), dt.datetime(2030, 1, 1), True),
    (7, 3, 2.675, 123456.789, "0.025", "F", dt.date(1999, 12, 31), dt.datetime(2010, 6, 15, 23, 59, 59, 999999), False),
    (None, 1, 1.0, 1.0, "1", "F", dt.date(2000, 1, 1), dt.datetime(2001, 1, 1), True),
]  # fmt: skip


def people(folder: Path, rows: list[tuple[Any, ...]]) -> str:
    """The rows as a Parquet file, by its address for Spark."""
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE people (id BIGINT, age INTEGER, pay DOUBLE, rate DOUBLE, price DECIMAL(18, 3), sex VARCHAR, born DATE,"
            " seen TIMESTAMP, fit BOOLEAN)"
        )
        connection.executemany(f"INSERT INTO people VALUES ({', '.join('?' * 9)})", [list(r) for r in rows])
        connection.execute(f"COPY people TO '{folder / 'people.parquet'}'")
    return f"parquet:{folder / 'people.parquet'}"


def rows_of(data: OpenedData) -> list[dict[str, Any]]:
    names = "_u, id, age, pay, rate, price, sex, born, seen, fit"
    found = data.engine.run(f'SELECT {names} FROM "people"', timeout_s=300).to_pylist()
    return sorted(found, key=lambda r: r["_u"])


def test_unruly_values_read_as_the_snapshot_of_the_same_rows_has_them(spark_server: str, tmp_path: Path) -> None:
    data = open_data(declared(tmp_path, spark_server, people(tmp_path, ROWS)), tmp_path / "data", processes=1)
    files = open_data(declared(tmp_path, people="people.parquet"), tmp_path / "data", processes=1)
    try:
        ours, theirs = rows_of(data), rows_of(files)
        assert ours == theirs
        assert ours[2]["price"] == 50.0
    finally:
        data.engine.close()
        files.engine.close()


def test_one_row_of_each_unit_is_kept(spark_server: str, tmp_path: Path) -> None:
    twice = people(tmp_path, [*ROWS, (1, 50, *ROWS[0][2:])])
    data = open_data(declared(tmp_path, spark_server, twice, single="true"), tmp_path / "data", processes=1)
    try:
        assert [r["_u"] for r in rows_of(data)] == [1, 2, 3, 4, 5, 6, 7]
    finally:
        data.engine.close()


def test_files_with_one_row_a_unit_are_read_as_they_are_until_they_change(spark_server: str, tmp_path: Path) -> None:
    source = people(tmp_path, ROWS)
    data = open_data(declared(tmp_path, spark_server, source, single="true"), tmp_path / "data", processes=1)
    try:
        sent = json.loads(data.engine._spec[0])["tables"]["people"]["sql"]
        assert "_metadata" in sent
        assert "row_number" not in sent
        assert [r["_u"] for r in rows_of(data)] == [1, 2, 3, 4, 5, 6, 7]
        people(tmp_path, [*ROWS, (1, 50, *ROWS[0][2:])])
        assert rows_of(data) == [], (
            "what was written since was not looked at: it is not read before the service starts again"
        )
    finally:
        data.engine.close()


def refused(loaded: Loaded, tmp_path: Path) -> str:
    with pytest.raises(PolicyError) as error:
        open_data(loaded, tmp_path / "data", processes=1)
    assert error.value.hint
    return error.value.code


def test_opening_says_what_is_missing(spark_server: str, tmp_path: Path) -> None:
    source = people(tmp_path, ROWS)
    assert refused(declared(tmp_path, spark_server, "parquet:/nowhere/at/all"), tmp_path) == "source_unreadable"
    assert refused(declared(tmp_path, spark_server, "nobody.people"), tmp_path) == "source_unreadable"
    more = DECLARED + "      height: { type: integer }"
    assert refused(declared(tmp_path, spark_server, source, columns=more), tmp_path) == "column_not_found"
    wrong = "id: { type: integer }\nsex: { type: integer }"
    assert refused(declared(tmp_path, spark_server, source, columns=wrong), tmp_path) == "column_unreadable"
    never = "id: { type: integer }\nborn: { type: date, bounds: [1900-01-01, 2020-12-31], nullable: false }"
    assert refused(declared(tmp_path, spark_server, source, columns=never), tmp_path) == "null_found"


def test_a_question_is_answered_from_spark(spark_server: str, tmp_path: Path) -> None:
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    desk = Desk.open(declared(tmp_path, spark_server, people(tmp_path, ROWS)), ledger, tmp_path / "data")
    try:
        request = QueryRequest(dataset="clinic", sql="SELECT sex, COUNT(*) AS n FROM people GROUP BY sex", epsilon="1")
        answer = desk.query("ada", request, None)
        assert [row[0] for row in answer.rows] == ["F", "M"]
        assert answer.receipt.charged.epsilon == "1"
        lacking = QueryRequest(dataset="clinic", sql="SELECT COUNT(*) AS n FROM people WHERE REVERSE(sex) = 'F'")
        with pytest.raises(Exception, match="Spark, has no equal of REVERSE"):
            desk.quote("ada", lacking)
    finally:
        desk.close()
        ledger.close()


def test_a_time_limit_reaches_spark_and_the_session_lives_on(engine: SparkEngine) -> None:
    many = " CROSS JOIN ".join(f"t AS t{i}" for i in range(9))  # 16^9 rows
    began = time.monotonic()
    with pytest.raises(EngineFailure) as failure:
        engine.run(f"SELECT count(*) AS n, max(t0.x * t8.x) AS m FROM {many}", timeout_s=2)
    assert failure.value.code == "engine_timeout"
    assert time.monotonic() - began < 300, "it was cancelled: it would have taken hours"
    pids = [w.pid for w in engine._workers._all]
    assert engine.run("SELECT count(*) AS n FROM t", timeout_s=300).column(0).to_pylist() == [16]
    assert [w.pid for w in engine._workers._all] == pids, "the process was not killed: Spark said that it stopped"


def test_arrow_carries_plain_types_alone(engine: SparkEngine) -> None:
    assert engine.run("SELECT n, x, s, d, ts, b FROM t", timeout_s=300).schema.types == [
        pa.int64(), pa.float64(), pa.string(), pa.date32(), pa.timestamp("us"), pa.bool_(),
    ]  # fmt: skip
    with pytest.raises(EngineFailure):
        engine.run("SELECT sum(n) AS wide FROM t", timeout_s=300)
