"""A snapshot makes every declared fact true: hostile values in, facts out, and one unit for each row."""

import datetime as dt
import math
import multiprocessing
import os
import time
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tacit_service.engine.duckdb import DuckDBEngine
from tacit_service.engine.snapshot import build_snapshot
from tacit_service.errors import PolicyError
from tacit_service.policy.load import load_policy

HEAD = """
version: 1
dataset: test
privacy_unit: {name: person, column: people.id}
budget: {epsilon: 3, delta: 1e-6}
tables:
"""


def declare(folder: Path, tables: str, head: str = HEAD):
    (folder / "policy.yaml").write_text(head + tables)
    return load_policy(folder / "policy.yaml")


def read(snapshot, sql: str) -> list[dict]:
    with duckdb.connect(str(snapshot.path), read_only=True) as connection:
        return connection.sql(sql).to_arrow_table().to_pylist()


def people(folder: Path, columns: dict, declared: str, extra: str = "", id_type: str = "integer"):
    """Snapshot of one table ``people`` whose ids are 0, 1, 2 …"""
    count = len(next(iter(columns.values())))
    table = pa.table({"id": list(range(count)), **columns})
    pq.write_table(table, folder / "people.parquet")
    text = f"  people:\n    source: people.parquet\n    unit: id\n{extra}    columns:\n      id: {{type: {id_type}}}\n"
    text += "".join(f"      {line}\n" for line in declared.splitlines())
    return build_snapshot(declare(folder, text), folder / "data")


def column(snapshot, name: str) -> list:
    return [row[name] for row in read(snapshot, f'SELECT "{name}" FROM people ORDER BY _u')]


# -- conversion

NUMBERS = [None, math.nan, math.inf, -math.inf, -0.0, 19.99, 19.994999, 0.1 + 0.2, -7.0, 1e308, 500.004]


def test_numbers_lie_on_the_grid_within_the_bounds(tmp_path):
    snapshot = people(tmp_path, {"x": NUMBERS}, "x: {type: number, bounds: [0, 500], precision: 0.01}")
    assert column(snapshot, "x") == [None, None, 500.0, 0.0, 0.0, 19.99, 19.99, 0.3, 0.0, 500.0, 500.0]
    assert math.copysign(1, column(snapshot, "x")[4]) == 1  # -0.0 is 0.0


def test_every_cent_is_the_double_nearest_to_it(tmp_path):
    cents = [i / 100 for i in range(0, 1_000_000, 37)]
    snapshot = people(tmp_path, {"x": cents}, "x: {type: number, bounds: [0, 10000], precision: 0.01}")
    assert column(snapshot, "x") == cents


def test_numbers_without_bounds_are_finite(tmp_path):
    snapshot = people(tmp_path, {"x": NUMBERS}, "x: {type: number}")
    found = column(snapshot, "x")
    assert found[:4] == [None, None, 1.7976931348623157e308, -1.7976931348623157e308]
    assert found[7] == 0.1 + 0.2


@pytest.mark.parametrize(("precision", "expected"), [("0.25", 7.25), ("10", 10.0), ("0.3", 7.2)])
def test_other_grids(tmp_path, precision, expected):
    snapshot = people(tmp_path, {"x": [7.3]}, f"x: {{type: number, bounds: [-30, 30], precision: {precision}}}")
    assert column(snapshot, "x") == [expected]


def test_integers_clamp_from_any_width(tmp_path):
    values = ["12", "-3", "999999999999999999999999999999999999999999", "-1e30", "1e400", "nan", "x", "", None, "3.6"]
    snapshot = people(tmp_path, {"x": values}, "x: {type: integer, bounds: [0, 100]}")
    assert column(snapshot, "x") == [12, 0, 100, 0, 100, None, None, None, None, 4]


def test_integers_without_bounds_fit_64_bits_or_are_null(tmp_path):
    values = pa.array([Decimal(2**63 - 1), Decimal(2**63), Decimal(-(2**63)), Decimal(10**37)], pa.decimal128(38, 0))
    snapshot = people(tmp_path, {"x": values}, "x: {type: integer}")
    assert column(snapshot, "x") == [2**63 - 1, None, -(2**63), None]


def test_integers_keep_all_their_digits(tmp_path):
    big = [2**53 + 1, -(2**53) - 1, 2**62 + 1]
    snapshot = people(tmp_path, {"x": big}, "x: {type: integer}")
    assert column(snapshot, "x") == big


def test_integers_round_to_their_precision(tmp_path):
    snapshot = people(tmp_path, {"x": [4, 5, -4, -5, 14, 99]}, "x: {type: integer, bounds: [-50, 50], precision: 10}")
    assert column(snapshot, "x") == [0, 10, 0, -10, 10, 50]


def test_values_outside_the_categories_are_null(tmp_path):
    columns = {"s": ["a", "b'", "c", None], "i": [1, 2, 3, None], "b": ["true", "no", "?", None]}
    declared = 's: {type: string, categories: [a, "b\'"]}\ni: {type: integer, categories: [1, 3]}\nb: {type: boolean}'
    snapshot = people(tmp_path, columns, declared)
    assert column(snapshot, "s") == ["a", "b'", None, None]
    assert column(snapshot, "i") == [1, None, 3, None]
    assert column(snapshot, "b") == [True, False, None, None]


def test_moments_outside_the_bounds_are_null(tmp_path):
    texts = ["2024-01-01", "2023-12-31", "2024-12-31 23:59:59", "infinity", "30/30/2024", None]
    declared = (
        "d: {type: date, bounds: [2024-01-01, 2024-12-31]}\nt: {type: timestamp, bounds: [2024-01-01, 2025-01-01]}"
    )
    snapshot = people(tmp_path, {"d": texts, "t": texts}, declared)
    assert column(snapshot, "d") == [dt.date(2024, 1, 1), None, dt.date(2024, 12, 31), None, None, None]
    assert column(snapshot, "t")[:4] == [dt.datetime(2024, 1, 1), None, dt.datetime(2024, 12, 31, 23, 59, 59), None]


def test_columns_have_the_contracts_types_and_nothing_else_exists(tmp_path):
    columns = {"i": [1], "n": [1], "s": [1], "b": [1], "d": ["2024-01-01"], "t": ["2024-01-01"], "hidden": ["Ada"]}
    kinds = ["integer", "number", "string", "boolean", "date", "timestamp"]
    declared = "\n".join(f"{kind[0]}: {{type: {kind}}}" for kind in kinds)
    snapshot = people(tmp_path, columns, declared)
    found = {r["column_name"]: r["column_type"] for r in read(snapshot, "SELECT * FROM (DESCRIBE people)")}
    assert found == {
        "_u": "BIGINT", "id": "BIGINT", "i": "BIGINT", "n": "DOUBLE", "s": "VARCHAR", "b": "BOOLEAN", "d": "DATE",
        "t": "TIMESTAMP", "_n": "BIGINT",
    }  # fmt: skip
    assert b"Ada" not in snapshot.path.read_bytes()


# -- units


def test_rows_of_nobody_are_dropped_and_units_cluster(tmp_path):
    pq.write_table(pa.table({"id": [3.0, None, 1.0, math.nan, 3.0], "x": [1, 2, 3, 4, 5]}), tmp_path / "p.parquet")
    tables = "  people:\n    source: p.parquet\n    unit: id\n    columns:\n      x: {type: integer}\n"
    snapshot = build_snapshot(declare(tmp_path, tables), tmp_path / "data")
    assert read(snapshot, "SELECT _u, x FROM people") == [{"_u": 1, "x": 3}, {"_u": 3, "x": 1}, {"_u": 3, "x": 5}]


def test_text_ids_stay_apart(tmp_path):
    pq.write_table(pa.table({"id": ["7", "007", "7.0", " 7"]}), tmp_path / "p.parquet")
    tables = "  people:\n    source: p.parquet\n    unit: id\n    columns:\n      id: {type: string}\n"
    snapshot = build_snapshot(declare(tmp_path, tables), tmp_path / "data")
    assert {r["_u"] for r in read(snapshot, "SELECT _u FROM people WHERE _u = id")} == {"7", "007", "7.0", " 7"}


@pytest.mark.parametrize("ids", [[1.0, 1.5], ["1", "x"], [1e300, 2.0]])
def test_ids_that_would_be_lost_or_merged_as_integers_are_refused(tmp_path, ids):
    pq.write_table(pa.table({"id": ids}), tmp_path / "p.parquet")
    tables = "  people:\n    source: p.parquet\n    unit: id\n    columns:\n      id: {type: integer}\n"
    with pytest.raises(PolicyError) as error:
        build_snapshot(declare(tmp_path, tables), tmp_path / "data")
    assert error.value.code == "unit_not_integer"
    assert "people" in error.value.detail
    assert list((tmp_path / "data").glob("*.duckdb")) == []


def test_each_row_a_unit(tmp_path):
    pq.write_table(pa.table({"x": [5, 5, 6]}), tmp_path / "p.parquet")
    tables = '  people:\n    source: p.parquet\n    unit: "@row"\n    columns:\n      x: {type: integer}\n'
    head = HEAD.replace("people.id", '"people.@row"')
    snapshot = build_snapshot(declare(tmp_path, tables, head), tmp_path / "data")
    assert sorted(r["_u"] for r in read(snapshot, "SELECT _u FROM people")) == [1, 2, 3]


def test_one_row_per_unit_keeps_one_whole_row_whatever_the_order(tmp_path):
    rows = [(1, "a", 1), (1, "b", 2), (1, "b", 2), (2, "c", 3)]
    kept = []
    for name, order in (("x", rows), ("y", rows[::-1])):
        (tmp_path / name).mkdir()
        ids, letters, numbers = zip(*order, strict=True)
        table = pa.table({"id": ids, "s": letters, "n": numbers})
        pq.write_table(table, tmp_path / name / "p.parquet")
        tables = (
            "  people:\n    source: p.parquet\n    unit: id\n    one_row_per_unit: true\n    columns:\n"
            "      s: {type: string}\n      n: {type: integer}\n"
        )
        kept.append(read(build_snapshot(declare(tmp_path / name, tables), tmp_path / name), "FROM people ORDER BY _u"))
    assert kept[0] == kept[1]
    assert [(r["_u"], r["s"], r["n"]) in rows for r in kept[0]] == [True, True]


PATHS = """
  people: {source: people.parquet, unit: id, columns: {id: {type: integer}, home: {type: string}}}
  visits:
    source: visits.csv
    path: [[person, people.id]]
    columns: {visit: {type: integer}, person: {type: integer}, cost: {type: number}}
  tests:
    source: tests.parquet
    path: [[visit, visits.visit], [person, people.id]]
    columns: {visit: {type: integer}, result: {type: string}}
  bills:
    source: bills.parquet
    path: [[home, people.home]]
    columns: {home: {type: string}, due: {type: integer}}
"""


def test_paths_find_one_unit_or_drop_the_row(tmp_path):
    pq.write_table(pa.table({"id": [1, 2, 3, 3], "home": ["a", "b", "b", "c"]}), tmp_path / "people.parquet")
    # Visit 10 is person 1's; 11 nobody's; 12 an unknown person's; 13 is there twice, for 1 and 2; 14 twice for 3.
    (tmp_path / "visits.csv").write_text("visit,person,cost\n10,1,5\n11,,6\n12,9,7\n13,1,8\n13,2,9\n14,3,1\n14,3,2\n")
    pq.write_table(
        pa.table({"visit": [10.0, 11.0, 12.0, 13.0, 14.0, None], "result": list("uvwxyz")}), tmp_path / "tests.parquet"
    )
    pq.write_table(pa.table({"home": ["a", "b", "c", None], "due": [1, 2, 3, 4]}), tmp_path / "bills.parquet")
    snapshot = build_snapshot(declare(tmp_path, PATHS), tmp_path / "data")
    visits = read(snapshot, "SELECT _u, visit, cost FROM visits ORDER BY ALL")
    assert [(r["_u"], r["visit"]) for r in visits] == [(1, 10), (1, 13), (2, 13), (3, 14), (3, 14)]
    assert read(snapshot, "SELECT _u, result FROM tests ORDER BY ALL") == [
        {"_u": 1, "result": "u"},
        {"_u": 3, "result": "y"},
    ]
    assert read(snapshot, "SELECT _u, due FROM bills ORDER BY ALL") == [{"_u": 1, "due": 1}, {"_u": 3, "due": 3}]


def test_a_key_shared_half_way_stays_shared(tmp_path):
    """Test 1 → visit 1 of home a, where 1 lives, and of home b, where 1 and 2 live: several units, so none."""
    tables = """
  people: {source: people.parquet, unit: id, columns: {id: {type: integer}, home: {type: string}}}
  visits: {source: visits.parquet, path: [[home, people.home]], columns: {visit: {type: integer}, home: {type: string}}}
  tests:
    source: tests.parquet
    path: [[visit, visits.visit], [home, people.home]]
    columns: {visit: {type: integer}}
"""
    pq.write_table(pa.table({"id": [1, 1, 2], "home": ["a", "b", "b"]}), tmp_path / "people.parquet")
    pq.write_table(pa.table({"visit": [1, 1, 2], "home": ["a", "b", "a"]}), tmp_path / "visits.parquet")
    pq.write_table(pa.table({"visit": [1, 2]}), tmp_path / "tests.parquet")
    snapshot = build_snapshot(declare(tmp_path, tables), tmp_path / "data")
    assert read(snapshot, "SELECT _u, visit FROM tests") == [{"_u": 1, "visit": 2}]


# -- public tables, sources, versions

PUBLIC = """
  people: {source: people.parquet, unit: id, columns: {id: {type: integer}}}
  regions:
    source: "db.duckdb#geo.regions"
    public: true
    columns: {name: {type: string}, size: {type: number, source_column: "Größe in km²"}}
"""


def test_public_tables_come_as_arrow_from_any_source(tmp_path):
    pq.write_table(pa.table({"id": [1]}), tmp_path / "people.parquet")
    with duckdb.connect(str(tmp_path / "db.duckdb")) as db:
        db.execute("CREATE SCHEMA geo")
        db.execute("CREATE TABLE geo.regions AS SELECT 'n' AS name, 1.5::DECIMAL(9,2) AS \"Größe in km²\", 9 AS x")
    snapshot = build_snapshot(declare(tmp_path, PUBLIC), tmp_path / "data")
    assert snapshot.public["regions"].to_pydict() == {"name": ["n"], "size": [1.5]}
    with DuckDBEngine(snapshot.path) as engine:
        assert engine.run("SELECT name FROM regions", timeout_s=60).to_pylist() == [{"name": "n"}]


def test_a_glob_of_csv_files_converts_late_surprises(tmp_path):
    (tmp_path / "a.csv").write_text("id,x\n" + "".join(f"{i},{i}\n" for i in range(30_000)))
    (tmp_path / "b.csv").write_text('x,id\n"not, a number",30000\n7,30001\n')
    tables = '  people: {source: "*.csv", unit: id, columns: {id: {type: integer}, x: {type: integer}}}\n'
    snapshot = build_snapshot(declare(tmp_path, tables), tmp_path / "data")
    assert read(snapshot, "SELECT x FROM people WHERE _u >= 29999 ORDER BY _u") == [{"x": 29999}, {"x": None}, {"x": 7}]


def test_a_snapshot_is_reused_until_data_or_meaning_change(tmp_path):
    pq.write_table(pa.table({"id": [1, 2], "x": [5, 50]}), tmp_path / "people.parquet")
    tables = "  people: {source: people.parquet, unit: id, columns: {x: {type: integer, bounds: [0, 10]}}}\n"
    first = build_snapshot(declare(tmp_path, tables), tmp_path / "data")
    made = first.path.stat()
    again = build_snapshot(declare(tmp_path, tables, HEAD.replace("epsilon: 3", "epsilon: 5")), tmp_path / "data")
    assert (again.path, again.path.stat().st_ino) == (first.path, made.st_ino)
    other = build_snapshot(declare(tmp_path, tables.replace("10]", "20]")), tmp_path / "data")
    assert other.version != first.version
    time.sleep(0.01)
    pq.write_table(pa.table({"id": [1, 2], "x": [6, 60]}), tmp_path / "people.parquet")
    newer = build_snapshot(declare(tmp_path, tables), tmp_path / "data")
    assert newer.version != first.version
    assert column(newer, "x") == [6, 10]


def test_a_snapshot_is_for_the_service_alone(tmp_path):
    snapshot = people(tmp_path, {"x": [1]}, "x: {type: integer}")
    assert snapshot.path.stat().st_mode & 0o077 == 0
    assert sorted(p.suffix for p in snapshot.path.parent.iterdir()) == [".duckdb", ".lock"]


def _build_in_process(folder: str, queue) -> None:
    loaded = load_policy(Path(folder) / "policy.yaml")
    snapshot = build_snapshot(loaded, Path(folder) / "data")
    queue.put((str(snapshot.path), os.stat(snapshot.path).st_ino))


def test_concurrent_builders_make_one_snapshot(tmp_path):
    pq.write_table(pa.table({"id": list(range(100_000))}), tmp_path / "people.parquet")
    declare(tmp_path, "  people: {source: people.parquet, unit: id, columns: {id: {type: integer}}}\n")
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    builders = [context.Process(target=_build_in_process, args=(str(tmp_path), queue)) for _ in range(3)]
    for builder in builders:
        builder.start()
    found = {queue.get(timeout=60) for _ in builders}
    for builder in builders:
        builder.join(20)
    queue.close()
    queue.join_thread()
    assert len(found) == 1
    snapshot = build_snapshot(load_policy(tmp_path / "policy.yaml"), tmp_path / "data")
    assert read(snapshot, "SELECT count(*) AS n FROM people") == [{"n": 100_000}]


# -- what the owner is told


@pytest.mark.parametrize(
    ("columns", "declared", "code", "names"),
    [
        ({"x": [1]}, "y: {type: integer}", "column_not_found", "people.columns.y"),
        ({"x": [[1]]}, "x: {type: integer}", "column_unreadable", "people.columns.x"),
        ({"x": [dt.date(2024, 1, 1)]}, "x: {type: number}", "column_unreadable", "people.columns.x"),
        ({"x": ["a", None]}, "x: {type: string, nullable: false}", "null_found", "people.columns.x"),
        ({"x": ["a", "b"]}, "x: {type: string, nullable: false, categories: [a]}", "null_found", "people.columns.x"),
    ],
)
def test_errors_name_the_column_and_the_fix(tmp_path, columns, declared, code, names):
    with pytest.raises(PolicyError) as error:
        people(tmp_path, columns, declared)
    assert error.value.code == code
    assert names in error.value.detail
    assert error.value.hint
    assert error.value.extra["file"].endswith("policy.yaml")
    assert list((tmp_path / "data").glob("**/*.duckdb")) == []


def test_a_broken_file_is_told_without_its_content(tmp_path):
    (tmp_path / "people.csv").write_bytes(b'id,x\n1,"Ada\n2,\xff\xfe"Bob"\n' * 100)
    tables = "  people: {source: people.csv, unit: id, columns: {x: {type: string}}}\n"
    with pytest.raises(PolicyError) as error:
        build_snapshot(declare(tmp_path, tables), tmp_path / "data")
    assert error.value.code == "source_unreadable"
    assert "Ada" not in f"{error.value} {error.value.extra} {error.value.__cause__!r}"


def test_a_missing_source_is_told(tmp_path):
    tables = "  people: {source: nothing*.parquet, unit: id, columns: {id: {type: integer}}}\n"
    with pytest.raises(PolicyError) as error:
        build_snapshot(declare(tmp_path, tables), tmp_path / "data")
    assert (error.value.code, error.value.extra["table"]) == ("source_unreadable", "people")
