"""Prepared tables answer with the very integers that bounding computed in the query gives, and hold what they say."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tacit_service.engine.bounding import statements
from tacit_service.engine.duckdb import DuckDBEngine
from tacit_service.engine.formulations import Formulation
from tacit_service.engine.snapshot import build_snapshot
from tacit_service.policy.load import load_policy
from tacit_service.query.bind import Caps
from tacit_service.query.catalog import Catalog
from tacit_service.query.plan import Plan
from tacit_service.query.split import plan

REGIONS = ("N", "S", "E")
POLICY = """
version: 1
dataset: shop
prepare: {prepare}
privacy_unit: {{name: person, column: people.person}}
tables:
  people:
    source: people.parquet
    unit: person
    one_row_per_unit: true
    columns:
      person: {{type: integer}}
      sex: {{type: string, categories: [F, M], nullable: false}}
      weight: {{type: number, bounds: [0, 200], precision: 0.1}}
  buys:
    source: buys.parquet
    unit: person
    prepared_keys: [[item], [region, item]]
    columns:
      person: {{type: integer}}
      region: {{type: string, categories: [N, S, E]}}
      item: {{type: string}}
      price: {{type: number, bounds: [-50, 500], precision: 0.01, nullable: false}}
      tip: {{type: number, bounds: [0, 9], precision: 0.25}}
      pieces: {{type: integer, bounds: [0, 40], nullable: false}}
      day: {{type: date, bounds: [2024-01-01, 2024-12-31]}}
  shops:
    source: shops.parquet
    public: true
    columns:
      region: {{type: string}}
      country: {{type: string}}
contribution: {{max_rows: {rows}, max_groups: 3, max_rows_per_group: 2, form: {form}}}
budget: {{epsilon: 1000, delta: 1e-3}}
per_query: {{default_delta: 1e-6}}
"""

QUERIES = (
    "SELECT COUNT(*) FROM buys",
    "SELECT region, COUNT(*) FROM buys GROUP BY region",
    "SELECT region, SUM(price), AVG(price), SUM(pieces), AVG(tip), COUNT(tip), STDDEV(price) FROM buys GROUP BY region",
    "SELECT region, COUNT(*), SUM(price) FROM buys WHERE day >= DATE '2024-06-01' GROUP BY region",
    "SELECT SUM(price) FILTER (WHERE pieces > 3), COUNT(*) FROM buys",
    "SELECT MEDIAN(price), MAX(pieces) FROM buys",
    "SELECT item, COUNT(DISTINCT person) FROM buys GROUP BY item",
    "SELECT item, COUNT(*) FROM buys GROUP BY item",
    "SELECT item, region, COUNT(*), COUNT(DISTINCT person) FROM buys GROUP BY item, region",
    "SELECT item, COUNT(*) FROM buys WHERE price > 20 GROUP BY item",
    "SELECT p.sex, COUNT(*), SUM(b.price) FROM buys b JOIN people p ON b.person = p.person GROUP BY p.sex",
    "SELECT p.sex, b.region, AVG(b.price), SUM(p.weight) FROM people p LEFT JOIN buys b ON b.person = p.person GROUP BY 1, 2",
    "SELECT region, COUNT(*) FROM buys b WHERE EXISTS (SELECT 1 FROM people p WHERE p.person = b.person AND p.weight > 80) GROUP BY 1",
    "SELECT region, SUM(price) FROM buys WHERE person NOT IN (SELECT person FROM people WHERE sex = 'F') GROUP BY region",
    "SELECT s.country, SUM(b.price) FROM buys b JOIN shops s ON s.region = b.region GROUP BY s.country",
    "SELECT a.region, COUNT(*) FROM buys a JOIN buys b ON a.person = b.person GROUP BY a.region",
    "SELECT AVG(n) FROM (SELECT person, COUNT(*) AS n FROM buys GROUP BY person) t",
    "SELECT region, COUNT(*) FROM (SELECT DISTINCT person, region FROM buys) t GROUP BY region",
    "SELECT region, SUM(price) FROM (SELECT person, region, price FROM buys UNION ALL SELECT person, region, tip FROM buys) t GROUP BY 1",
    "WITH b AS (SELECT region, price AS cost, item FROM buys) SELECT item, SUM(cost) FROM b GROUP BY item",
    "SELECT SUM(weight), AVG(weight) FROM people",
)
CAPS = (Caps(), Caps(max_amount=300))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty people with one to forty purchases each, some without a person."""
    folder = tmp_path_factory.mktemp("stored")
    rng = random.Random(5)
    buys = [
        {"person": person, "region": rng.choice((*REGIONS, None)), "item": rng.choice(("ale", "bun", "cod", "dill", None)),
         "price": round(rng.uniform(-70, 600), 2), "tip": rng.choice((None, 0.25, 1.5, 8.75)), "pieces": rng.randint(0, 60),
         "day": None if rng.random() < 0.1 else f"2024-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"}
        for person in [*range(60), None] for _ in range(rng.choice((1, 1, 2, 3, 5, 8, 40)))
    ]  # fmt: skip
    people = [{"person": p, "sex": rng.choice("FM"), "weight": round(rng.uniform(40, 120), 1)} for p in range(55)]
    shops = [{"region": r, "country": "A" if r == "N" else "B"} for r in REGIONS]
    for name, rows in (("buys", buys), ("people", people), ("shops", shops)):
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")
    return folder


class Store:
    """One data set as the service would hold it, prepared or not, and its catalogs."""

    def __init__(self, folder: Path, prepare: str) -> None:
        self.catalogs = {}
        for form, rows in (("weights", 4), ("groups", 100), ("auto", 100)):
            path = folder / f"policy_{prepare}_{form}.yaml"
            path.write_text(POLICY.format(prepare=prepare, form=form, rows=rows))
            loaded = load_policy(path)
            snapshot = build_snapshot(loaded, folder / "data")
            self.catalogs[form] = Catalog(loaded.policy, snapshot.public)
        self.path = snapshot.path
        self.engine = DuckDBEngine(snapshot.path)

    def plan(self, form: str, sql: str, caps: Caps) -> Plan:
        return plan(self.catalogs[form], sql, caps)


@pytest.fixture(scope="module")
def stores(folder: Path) -> Iterator[tuple[Store, Store]]:
    prepared, bare = Store(folder, "true"), Store(folder, "false")
    yield prepared, bare
    prepared.engine.close()
    bare.engine.close()


def rows(store: Store, planned: Plan) -> list[list[tuple[object, ...]]]:
    """What each statement of the plan gives, groups at zero left out, by measure."""
    found = []
    for point in planned.releases:
        for statement in statements(point):
            table = store.engine.run(statement.sql, timeout_s=60)
            keys = [table.column(i).to_pylist() for i in range(statement.keys)]
            for i, measure in enumerate(statement.measures):
                values = table.column(statement.keys + i).to_pylist()
                cells = sorted(((*k, v) for *k, v in zip(*keys, values, strict=True) if v), key=repr)
                found.append([(measure, *cell) for cell in cells])
    return sorted(found, key=lambda cells: cells[0][0] if cells else "")


@pytest.mark.parametrize("form", ["weights", "groups", "auto"])
@pytest.mark.parametrize("sql", QUERIES)
def test_prepared_and_unprepared_give_the_same_integers(stores: tuple[Store, Store], sql: str, form: str) -> None:
    prepared, bare = stores
    for caps in CAPS if "SUM(" in sql and form == "weights" else CAPS[:1]:
        mine, plain = prepared.plan(form, sql, caps), bare.plan(form, sql, caps)
        got, expected = rows(prepared, mine), rows(bare, plain)
        assert got == expected
        assert any(cells for cells in expected), "the data must exercise the query"


def emitted(store: Store, sql: str, form: str = "weights") -> str:
    return "\n".join(s.sql for p in store.plan(form, sql, Caps()).releases for s in statements(p))


def test_what_is_stored_is_used(stores: tuple[Store, Store]) -> None:
    prepared, bare = stores
    whole = emitted(prepared, QUERIES[1])
    assert "_n <= 4" in whole
    assert "JOIN" not in whole
    assert "JOIN" in emitted(bare, QUERIES[1])
    assert "_totals_buys" in emitted(prepared, QUERIES[0])
    assert "_n > 4" in emitted(prepared, QUERIES[3])  # the totals of units above the cap alone
    assert "_k1 <= 3" in emitted(prepared, QUERIES[8], "groups")
    assert '"_i_price"' in emitted(prepared, QUERIES[2])


BEFORE = (
    "SELECT p.sex, COUNT(*), SUM(b.price), AVG(b.tip) FROM buys b JOIN people p ON b.person = p.person GROUP BY p.sex",
    "SELECT sex, COUNT(DISTINCT person), COUNT(*) FROM people JOIN buys USING (person) WHERE price > 20 GROUP BY sex",
    "SELECT p.sex, SUM(b.price) FILTER (WHERE b.pieces > 3) FROM buys b LEFT JOIN people p ON b.person = p.person GROUP BY p.sex",
    "SELECT sex, VAR_POP(price) FROM people p RIGHT JOIN buys b ON b.person = p.person GROUP BY sex",
    "SELECT SUM(b.pieces) FROM buys b JOIN people p ON b.person = p.person WHERE b.day >= DATE '2024-06-01'",
)
AFTER = (
    "SELECT sex, VAR_POP(price) FROM people p RIGHT JOIN buys b ON b.person = p.person AND b.region = 'N' GROUP BY sex",
    "SELECT p.sex, COUNT(*) FROM buys b JOIN people p ON b.person = p.person WHERE p.weight > 80 GROUP BY p.sex",
    "SELECT p.sex, SUM(b.price) FILTER (WHERE p.weight > 80) FROM buys b JOIN people p ON b.person = p.person GROUP BY p.sex",
    "SELECT p.sex, b.region, COUNT(*) FROM buys b JOIN people p ON b.person = p.person GROUP BY p.sex, b.region",
    "SELECT p.sex, AVG(b.price) FROM people p LEFT JOIN buys b ON b.person = p.person GROUP BY p.sex",
    "SELECT coalesce(p.sex, 'F') AS s, COUNT(*) FROM buys b LEFT JOIN people p ON b.person = p.person GROUP BY 1",
    "SELECT coalesce(d.n, 0) >= 3 AS often, COUNT(*) FROM buys b LEFT JOIN (SELECT person, COUNT(*) AS n FROM buys "
    "WHERE price > 20 GROUP BY person) d ON b.person = d.person GROUP BY 1",
    "SELECT a.region, COUNT(*) FROM buys a JOIN buys b ON a.person = b.person GROUP BY a.region",
    "SELECT p.sex, COUNT(*) FROM buys b JOIN people p ON b.person = p.person AND b.price > p.weight GROUP BY p.sex",
)


BY_UNITS = (
    "SELECT p.sex, COUNT(*), SUM(b.price) FROM buys b JOIN people p ON b.person = p.person GROUP BY p.sex",
    "SELECT sex, SUM(b.price), COUNT(*) FROM people p RIGHT JOIN buys b ON b.person = p.person GROUP BY sex",
)
BEFORE += BY_UNITS


@pytest.mark.parametrize("sql", [*BEFORE, *AFTER])
def test_a_join_that_adds_one_row_of_the_unit_may_come_after_its_rows_are_put_together(
    stores: tuple[Store, Store], sql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for store in stores:
        planned = store.plan("auto", sql, Caps())
        forms = {s.formulation for p in planned.releases for s in statements(p)}
        found = rows(store, planned)
        with monkeypatch.context() as patch:
            patch.setattr("tacit_service.engine.bounding.apart", lambda point, measures: None)
            assert rows(store, planned) == found
        assert any(found), "the data must exercise the query"
        before = {Formulation.GROUPS_BEFORE_JOIN, Formulation.GROUPS_UNITS}
        assert bool(before & forms) is (sql in BEFORE)
        assert (Formulation.GROUPS_UNITS in forms) is (store is stores[0] and sql in BY_UNITS)


def test_a_stored_multiple_is_clamped_only_where_it_may_be_outside(stores: tuple[Store, Store]) -> None:
    prepared, _ = stores
    assert "coalesce(i" in emitted(prepared, "SELECT SUM(price) FROM buys")
    narrower = emitted(
        prepared, "SELECT SUM(price) FROM buys WHERE price < 100"
    )  # the bounds are what the filter leaves
    assert " >= 10000 THEN 10000" in narrower
    with duckdb.connect(str(prepared.path), read_only=True) as connection:
        ends = connection.execute("SELECT min(_i_price), max(_i_price), min(_i_tip), max(_i_tip) FROM buys").fetchall()
    assert ends == [(-5000, 50000, 1, 35)]  # the source has prices from -70 to 600


def test_totals_and_ranks_are_what_they_say(stores: tuple[Store, Store]) -> None:
    prepared, _ = stores
    with duckdb.connect(str(prepared.path), read_only=True) as connection:

        def one(sql: str) -> int:
            return int(connection.execute(sql).fetchall()[0][0])

        assert (
            one(
                "SELECT count(*) FROM buys b JOIN (SELECT _u, count(*) AS n FROM buys GROUP BY _u) USING (_u) WHERE n <> _n"
            )
            == 0
        )
        assert one("SELECT sum(_rows * _units) FROM _totals_buys") == one("SELECT count(*) FROM buys")
        assert one("SELECT sum(_units) FROM _totals_buys") == one("SELECT count(DISTINCT _u) FROM buys")
        by_unit = "SELECT _u, count(*), sum(_i_price), sum(_i_tip) FROM buys GROUP BY _u"
        stored = "SELECT _u, _n, _s_price, _s_tip FROM _units_buys"
        assert one(f"SELECT count(*) FROM (({by_unit}) EXCEPT ({stored}))") == 0
        assert one("SELECT count(*) FROM _units_buys") == one("SELECT count(DISTINCT _u) FROM buys")
        assert one("SELECT count(*) FROM buys WHERE _i_price <> round(price * 100)") == 0
        first = "SELECT count(*) FROM (SELECT _u, item FROM buys WHERE _r0 = 1 GROUP BY ALL HAVING count(*) = 1)"
        assert one(first) == one("SELECT count(*) FROM (SELECT DISTINCT _u, item FROM buys)")
        ranks = "SELECT count(*) FROM (SELECT _u, max(_k1) AS k, count(DISTINCT (region, item)) AS n FROM buys GROUP BY _u) WHERE k <> n"
        assert one(ranks) == 0
        assert one("SELECT count(*) FROM (SELECT _n < lag(_n) OVER (ORDER BY rowid) AS back FROM buys) WHERE back") == 0
