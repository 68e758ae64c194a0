"""A snapshot made from an earlier one, where rows were only added, is the snapshot that is built from nothing."""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

from tacit_service.engine import refresh
from tacit_service.engine.snapshot import Snapshot, _earlier, build_snapshot
from tacit_service.policy.load import load_policy

ROUNDS = int(os.environ.get("TACIT_TEST_REFRESH_ROUNDS", "1"))
POLICY = """
version: 1
dataset: shop
prepare: {prepare}
privacy_unit: {{name: person, column: people.person}}
tables:
  people:
    source: "{people}"
    unit: person
    one_row_per_unit: true
    columns:
      person: {{type: integer}}
      weight: {{type: number, bounds: [0, 200], precision: 0.1}}
  buys:
    source: "{buys}"
    unit: person
    {keys}
    columns:
      person: {{type: integer}}
      region: {{type: string, categories: [N, S, E]}}
      item: {{type: string}}
      price: {{type: number, bounds: [-50, 500], precision: 0.01, nullable: false}}
  parts:
    source: "{parts}"
    path: [[buy, tickets.buy]]
    columns:
      buy: {{type: integer}}
      colour: {{type: string}}
  tickets:
    source: "{tickets}"
    unit: person
    columns:
      buy: {{type: integer}}
      person: {{type: integer}}
budget: {{epsilon: 1000, delta: 1e-3}}
"""
SHOPS = """  shops:
    source: "shops/*.parquet"
    public: true
    columns:
      region: {type: string}
budget:"""
KINDS = {
    "person": pa.int64(), "buy": pa.int64(), "weight": pa.float64(), "price": pa.float64(),
    "region": pa.string(), "item": pa.string(), "colour": pa.string(),
}  # fmt: skip
TABLES = ("people", "buys", "parts", "tickets")


def some(rng: random.Random, table: str, rows: int) -> pa.Table:
    """Random rows, some of nobody, with units and groups that come again."""
    made = {
        "people": lambda: {"person": rng.randint(0, 40), "weight": round(rng.uniform(0, 120), 1)},
        "buys": lambda: {
            "person": None if rng.random() < 0.05 else int(40 * rng.random() ** 3),
            "region": rng.choice(("N", "S", "E", "X", None)), "item": rng.choice(("ale", "bun", "cod", None)),
            "price": round(rng.uniform(-70, 600), 2),
        },
        "parts": lambda: {"buy": rng.randint(0, 60), "colour": rng.choice(("red", "blue"))},
        "tickets": lambda: {"buy": rng.randint(0, 50), "person": rng.randint(0, 40)},
        "shops": lambda: {"region": rng.choice("NSE")},
    }  # fmt: skip
    schema = pa.schema([(name, KINDS[name]) for name in made[table]()])  # a column of NULLs alone has the same type
    return pa.Table.from_pylist([made[table]() for _ in range(rows)], schema)


class Shop:
    """The sources of one policy, as files or as tables of a DuckDB file, and what is built of them."""

    def __init__(self, folder: Path, kind: str, prepare: bool = True) -> None:
        self.folder, self.kind, self.parts = folder, kind, 0
        sources = {
            name: f"shop.duckdb#{name}" if kind == "duckdb" else f"{name}/*.{kind}" for name in TABLES
        }  # fmt: skip
        keys = "prepared_keys: [[item], [region, item]]" if prepare else ""
        text = POLICY.format(prepare=str(prepare).lower(), keys=keys, **sources)
        self.tables = (*TABLES, "shops") if kind == "parquet" else TABLES
        (folder / "policy.yaml").write_text(text.replace("budget:", SHOPS) if kind == "parquet" else text)

    def add(self, table: str, rows: pa.Table) -> None:
        """Append rows as their owner would."""
        self.parts += 1
        if self.kind == "duckdb":
            with duckdb.connect(str(self.folder / "shop.duckdb")) as connection:
                connection.register("rows", rows)
                connection.execute(f"CREATE TABLE IF NOT EXISTS {table} AS SELECT * FROM rows LIMIT 0")
                connection.execute(f"INSERT INTO {table} SELECT * FROM rows")
            return
        (self.folder / table).mkdir(exist_ok=True)
        write: Callable[[pa.Table, Path], None] = pq.write_table if self.kind == "parquet" else pc.write_csv
        write(rows, self.folder / table / f"{self.parts:04}.{self.kind}")

    def built(self, data: str = "data") -> Snapshot:
        return build_snapshot(load_policy(self.folder / "policy.yaml"), self.folder / data)


def rows(snapshot: Snapshot, table: str, *, ranks: bool) -> Counter[tuple[object, ...]]:
    """The table as a multiset; a row's place within its group is any of them, and told with its group alone."""
    with duckdb.connect(str(snapshot.path), read_only=True) as connection:
        columns = [c for c, *_ in connection.execute(f"DESCRIBE {table}").fetchall()]
        places = [c for c in columns if c.startswith("_r") and c != "_rows"]
        if ranks:
            keys = {"_r0": "item", "_r1": "region, item"}
            found = [
                (p, *r)
                for p in places
                for r in connection.execute(f"SELECT _u, {keys[p]}, {p} FROM {table}").fetchall()
            ]
            return Counter(found)
        kept = ", ".join(f'"{c}"' for c in columns if c not in places)
        return Counter(connection.execute(f"SELECT {kept} FROM {table}").fetchall())


def refreshed(snapshot: Snapshot) -> int:
    """How often the snapshot was refreshed since all of it was built."""
    with duckdb.connect(str(snapshot.path), read_only=True) as connection:
        [(body,)] = connection.execute("SELECT body FROM tacit.made").fetchall()
    return int(json.loads(body)["refreshed"])


def assert_as_from_nothing(shop: Shop, snapshot: Snapshot, tables: tuple[str, ...]) -> None:
    whole = shop.built(f"whole{shop.parts}")
    assert refreshed(whole) == 0
    assert whole.version == snapshot.version
    for table in tables:
        assert rows(snapshot, table, ranks=False) == rows(whole, table, ranks=False)
        assert rows(snapshot, table, ranks=True) == rows(whole, table, ranks=True)


TOTALS = tuple(f"_{kind}_{table}" for kind in ("totals", "units") for table in ("buys", "parts", "tickets"))


@pytest.fixture(autouse=True)
def _no_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much of these few rows is new or touched: what is tested is what a refresh gives, not when it pays."""
    monkeypatch.setattr(refresh, "GROWN_MAX", 100.0)
    monkeypatch.setattr(refresh, "TOUCHED_MAX", 1.0)


@pytest.mark.parametrize(
    ("kind", "prepare"),
    [("parquet", True), ("duckdb", False)]
    + ([("parquet", False), ("csv", True), ("csv", False), ("duckdb", True)] if ROUNDS > 1 else []),
)
def test_random_appends_give_what_a_whole_build_gives(tmp_path: Path, kind: str, prepare: bool) -> None:
    for seed in range(ROUNDS):
        rng = random.Random(seed)
        folder = tmp_path / str(seed)
        folder.mkdir()
        shop = Shop(folder, kind, prepare)
        for table in shop.tables:
            shop.add(table, some(rng, table, 100))
        shop.built()
        for step in range(1, 3 if kind == "duckdb" or ROUNDS > 1 else 2):
            for table in [t for t in shop.tables if t != "tickets"][:: rng.choice((1, 2)) if step > 1 else 1]:
                shop.add(table, some(rng, table, rng.choice((1, 7, 60))))
            snapshot = shop.built()
            assert refreshed(snapshot) == step
        assert_as_from_nothing(shop, snapshot, (*shop.tables, *(TOTALS if prepare else ())))


# -- what is no append, or may be none, is built whole

ONE = """
version: 1
dataset: shop
privacy_unit: {name: person, column: buys.%(unit)s}
tables:
  buys:
    source: "%(source)s"
    unit: "%(unit)s"
    columns: {person: {type: integer}, price: {type: number, bounds: [0, 9], precision: 0.01}}
budget: {epsilon: 1000, delta: 1e-3}
"""


def one(folder: Path, source: str, unit: str = "person") -> Snapshot:
    (folder / "policy.yaml").write_text(ONE % {"source": source, "unit": unit})
    return build_snapshot(load_policy(folder / "policy.yaml"), folder / "data")


def held(snapshot: Snapshot) -> list[tuple[object, ...]]:
    with duckdb.connect(str(snapshot.path), read_only=True) as connection:
        return sorted(connection.execute("SELECT person, price FROM buys").fetchall())


def test_files_that_were_written_again_are_read_again(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("person,price\n1,1.5\n2,2.5\n")
    assert held(one(tmp_path, "*.csv")) == [(1, 1.5), (2, 2.5)]
    (tmp_path / "b.csv").write_text('person;price\n3;"3.25"\n')  # another delimiter, and quotes: each file has its own
    grown = one(tmp_path, "*.csv")
    assert (refreshed(grown), held(grown)) == (1, [(1, 1.5), (2, 2.5), (3, 3.25)])
    (tmp_path / "a.csv").write_text("person,price\n1,1.5\n7,7.75\n")
    again = one(tmp_path, "*.csv")
    assert (refreshed(again), held(again)) == (0, [(1, 1.5), (3, 3.25), (7, 7.75)])
    (tmp_path / "c.csv").write_text("person,price,note\n4,4,x\n")  # columns that the others lack
    more = one(tmp_path, "*.csv")
    assert (refreshed(more), len(held(more))) == (0, 4)


def test_rows_that_changed_or_left_a_database_are_seen(tmp_path: Path) -> None:
    def change(sql: str) -> Snapshot:
        with duckdb.connect(str(tmp_path / "shop.duckdb")) as connection:
            connection.execute(sql)
        return one(tmp_path, "shop.duckdb#buys")

    change("CREATE TABLE buys AS SELECT range AS person, range / 4 AS price FROM range(9)")
    grown = change("INSERT INTO buys VALUES (20, 2), (0, 3)")
    assert (refreshed(grown), len(held(grown))) == (1, 11)
    other = change("CREATE TABLE others AS SELECT 1 AS x")  # the file changed, the table did not
    assert (refreshed(other), held(other)) == (2, held(grown))
    changed = change("UPDATE buys SET price = 8 WHERE person = 4; INSERT INTO buys VALUES (21, 2)")
    assert (refreshed(changed), (4, 8.0) in held(changed)) == (0, True)
    left = change("DELETE FROM buys WHERE person = 4; INSERT INTO buys VALUES (22, 2)")
    assert (refreshed(left), len(held(left))) == (0, 12)
    view = change("ALTER TABLE buys RENAME TO kept; CREATE VIEW buys AS SELECT * FROM kept")
    assert (refreshed(view), len(held(view))) == (0, 12)


def test_rows_are_numbered_on_only_behind_the_others(tmp_path: Path) -> None:
    def add(name: str, person: int) -> Snapshot:
        pq.write_table(pa.table({"person": [person], "price": [1.0]}), tmp_path / f"{name}.parquet")
        return one(tmp_path, "*.parquet", unit="@row")

    def numbered(snapshot: Snapshot) -> list[tuple[object, ...]]:
        with duckdb.connect(str(snapshot.path), read_only=True) as connection:
            return connection.execute("SELECT _u, person FROM buys ORDER BY _u").fetchall()

    add("b", 1)
    behind = add("c", 2)
    assert (refreshed(behind), numbered(behind)) == (1, [(1, 1), (2, 2)])
    before = add("a", 3)
    assert (refreshed(before), numbered(before)) == (0, [(1, 3), (2, 1), (3, 2)])


def test_a_path_whose_target_grew_is_followed_again(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "csv", prepare=False)
    rng = random.Random(1)
    for table in TABLES:
        shop.add(table, some(rng, table, 5))
    shop.add("parts", pa.table({"buy": [99], "colour": ["red"]}))
    shop.built()
    shop.add("tickets", pa.table({"buy": [99], "person": [3]}))
    snapshot = shop.built()
    assert refreshed(snapshot) == 0
    assert (3, 99, "red") in rows(snapshot, "parts", ranks=False)


def test_a_table_that_grew_by_much_is_put_in_order_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refresh, "GROWN_MAX", 0.2)
    for name, people, times in (("a", range(10), 0), ("b", [11], 1), ("c", [12], 2), ("d", [13], 0)):
        pq.write_table(pa.table({"person": list(people), "price": [1.0] * len(people)}), tmp_path / f"{name}.parquet")
        assert refreshed(one(tmp_path, "*.parquet")) == times


@pytest.mark.parametrize("body", ['{"tables": []}', '{"tables": {"buys": 1}}', "[]", "no JSON"])
def test_an_earlier_snapshot_with_a_broken_record_is_passed_over(tmp_path: Path, body: str) -> None:
    (tmp_path / "a.csv").write_text("person,price\n1,1.5\n")
    with duckdb.connect(str(one(tmp_path, "*.csv").path)) as connection:
        connection.execute("UPDATE tacit.made SET body = ?", [body])
    (tmp_path / "b.csv").write_text("person,price\n2,2.5\n")
    whole = one(tmp_path, "*.csv")
    assert (refreshed(whole), held(whole)) == (0, [(1, 1.5), (2, 2.5)])


def test_only_this_users_own_snapshots_of_this_very_data_set_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.csv").write_text("person,price\n1,1.5\n")
    mine = one(tmp_path, "*.csv").path
    loaded = load_policy(tmp_path / "policy.yaml")
    prefix = mine.name.partition("-")[0]
    (mine.parent / f"{prefix}-north-0123456789abcdef.duckdb").write_bytes(mine.read_bytes())
    (mine.parent / f"{prefix}-0123456789abcdef.duckdb").symlink_to(mine)
    assert _earlier(loaded, mine) == [mine]
    monkeypatch.setattr(os, "geteuid", lambda: mine.stat().st_uid + 1)
    assert _earlier(loaded, mine) == []
