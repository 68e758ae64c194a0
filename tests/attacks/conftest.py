"""A small clinic, and the same clinic less one patient: what an attack moves is read off both, without noise."""

from __future__ import annotations

import datetime as dt
import importlib.util
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tacit_service.demo_data import clinic_policy, make_clinic
from tacit_service.engine.aggregate import aggregate
from tacit_service.engine.bounding import sensitivity
from tacit_service.engine.duckdb import lock, open_locked, select
from tacit_service.engine.snapshot import build_snapshot
from tacit_service.errors import TacitError
from tacit_service.ledger.store import Ledger
from tacit_service.policy.load import Loaded, load_policy
from tacit_service.query.bind import Caps
from tacit_service.query.catalog import Catalog
from tacit_service.query.plan import Plan, ReleasePoint
from tacit_service.query.split import plan
from tacit_service.release.keys import public_keys
from tacit_service.release.planner import PlannerPool
from tacit_service.release.postprocess import Sandbox
from tacit_service.release.release import Desk

# importlib mode gives test folders no package: the doors are a plain module beside the tests.
_spec = importlib.util.spec_from_file_location("tacit_attacks_doors", Path(__file__).with_name("doors.py"))
assert _spec is not None
assert _spec.loader is not None
_module = importlib.util.module_from_spec(_spec)
sys.modules["tacit_attacks_doors"] = _module
_spec.loader.exec_module(_module)

from tacit_attacks_doors import open_door

if TYPE_CHECKING:
    from tacit_attacks_doors import Door

POLICY = """version: 1
dataset: clinic
privacy_unit: {name: patient, column: patients.patient_id}
tables:
  patients:
    source: patients.parquet
    unit: patient_id
    one_row_per_unit: true
    columns:
      patient_id: {type: integer}
      region: {type: string, categories: [R1, R2, R3]}
      age: {type: integer, bounds: [0, 100]}
      income: {type: integer, bounds: [0, 200000]}
  visits:
    source: visits.parquet
    unit: patient_id
    columns:
      visit_id: {type: integer}
      patient_id: {type: integer}
      clinic: {type: string, categories: [C1, C2]}
      diagnosis: {type: string}
      cost: {type: number, bounds: [0, 5000], precision: 0.01}
      visited_on: {type: date, bounds: [2023-01-01, 2024-12-31]}
      free_date: {type: date}
      free_num: {type: number}
  items:
    source: items.parquet
    path: [[visit_id, visits.visit_id]]
    columns:
      item_id: {type: integer}
      visit_id: {type: integer}
  regions:
    source: regions.parquet
    public: true
    columns:
      region: {type: string}
      country: {type: string}
      population: {type: integer}
contribution: {max_rows: 5, max_groups: 3, max_rows_per_group: 5}
budget: {epsilon: 1000, delta: 1e-6}
per_query: {default_epsilon: 1, max_epsilon: 10, default_delta: 1e-9}
overcommit: true
analysts:
  mallory: {epsilon: 1000, delta: 1e-6}
  sybil: {epsilon: 1000, delta: 1e-6}
"""
RARE, ABSENT, EXTREME = 7, 9, 41  # a rare diagnosis; no visits at all; many visits with values at the edges


def _tables() -> dict[str, list[dict[str, Any]]]:
    patients = [
        {"patient_id": i, "region": f"R{i % 3 + 1}", "age": 20 + i, "income": 1000 * i} for i in range(1, EXTREME + 1)
    ]
    visits: list[dict[str, Any]] = []
    for i in range(1, EXTREME):
        for j in range(3) if i != ABSENT else ():
            diagnosis = "rare" if (i, j) == (RARE, 0) else "flu"
            day = dt.date(2023, 1, 1) + dt.timedelta(days=i * 3 + j)
            visits.append(_visit(i * 10 + j, i, f"C{j % 2 + 1}", diagnosis, 10.0 * j + i, day, day, 1.5 * i))
    for j in range(60):  # (C1 40 times, C2 20 times)
        clinic, far = f"C{1 + (j % 3 == 0)}", dt.date(7500, 1, 1)
        visits.append(_visit(20_000 + j, EXTREME, clinic, "none", 5000.0, dt.date(2024, 12, 31), far, 1e300))
    items = [{"item_id": v["visit_id"] * 10 + k, "visit_id": v["visit_id"]} for v in visits for k in range(2)]
    regions = [
        {"region": r, "country": c, "population": p} for r, c, p in (("R1", "A", 10), ("R2", "A", 20), ("R3", "B", 30))
    ]
    return {"patients": patients, "visits": visits, "items": items, "regions": regions}


def _visit(*values: Any) -> dict[str, Any]:
    names = ("visit_id", "patient_id", "clinic", "diagnosis", "cost", "visited_on", "free_date", "free_num")
    return dict(zip(names, values, strict=True))


class InProcess:
    """The engine's protocol over a snapshot file, with the locks of the real child."""

    def __init__(self, path: Path) -> None:
        self.connection = open_locked(path, memory_limit="1GB", threads=1)
        lock(self.connection, keep_order=False)

    def run(self, sql: str, *, timeout_s: float) -> pa.Table:
        return select(self.connection, sql)


@dataclass
class Attacker:
    """Asks statements of everyone's data and of each neighbour's."""

    catalog: Catalog
    sandbox: Sandbox
    everyone: InProcess
    others: dict[str, InProcess]
    reference: duckdb.DuckDBPyConnection

    def plan(self, sql: str, **caps: Any) -> Plan:
        return plan(self.catalog, sql, Caps(**caps))

    def refusal(self, sql: str) -> str | None:
        """The code with which the statement is refused, ``None`` when it is planned."""
        try:
            self.plan(sql)
        except TacitError as error:
            return error.code
        return None

    def exact(self, engine: InProcess, point: ReleasePoint) -> dict[str, dict[Any, int]]:
        """Every measure's exact integers by key. Raises what the engine raises."""
        keys = public_keys(point, self.sandbox.query) if point.public_keys else None
        found = aggregate(engine, point, keys, timeout_s=30)
        return {
            m.name: dict(zip(found[m.name]._key_list(), found[m.name]._values(m.name).tolist(), strict=True))
            for m in point.measures
        }

    def excess(self, sql: str, **caps: Any) -> list[str]:
        """Every measure that some neighbour moves by more than is declared: a sound statement has none."""
        wrong = []
        for point in self.plan(sql, **caps).releases:
            mine = self.exact(self.everyone, point)
            for who, engine in self.others.items():
                theirs = self.exact(engine, point)
                for m in point.measures:
                    a, b = mine[m.name], theirs[m.name]
                    moved = [abs(a.get(k, 0) - b.get(k, 0)) for k in a.keys() | b.keys()]
                    change = (sum(x != 0 for x in moved), sum(moved), max(moved, default=0))
                    s = sensitivity(m)
                    if change[0] > s.l0 or change[1] > s.l1 or change[2] > s.linf:
                        wrong.append(f"without {who} {m.kind} {m.form} moves (l0, l1, linf) {change}, declared {s}")
        return wrong

    def counts(self, sql: str) -> dict[Any, int]:
        """Groups and rows of a statement with one COUNT(*), nobody's contribution cut; empty groups left out."""
        (point,) = self.plan(sql, max_rows=1000, max_groups=50).releases
        measure = point.measures[-1]
        cells = self.exact(self.everyone, point)[measure.name]
        return {k: n // measure.multiplier for k, n in cells.items() if n}

    def plain(self, sql: str) -> dict[Any, int]:
        """The same from plain DuckDB."""
        return {tuple(row[:-1]): row[-1] for row in self.reference.execute(sql).fetchall() if row[-1]}


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    folder = tmp_path_factory.mktemp("attacked")
    for name, rows in _tables().items():
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")
    (folder / "policy.yaml").write_text(POLICY)
    return load_policy(folder / "policy.yaml")


@pytest.fixture(scope="session")
def attacker(loaded: Loaded) -> Iterator[Attacker]:
    folder = loaded.path.parent
    snapshot = build_snapshot(loaded, folder / "data")
    others = {}
    for who in (RARE, ABSENT, EXTREME):
        path = folder / f"without_{who}.duckdb"
        with duckdb.connect(str(path), config={"threads": "1"}) as connection:
            connection.execute(f"ATTACH '{snapshot.path}' AS source (READ_ONLY)")
            for table in ("patients", "visits", "items"):
                connection.execute(f"CREATE TABLE {table} AS SELECT * FROM source.{table} WHERE _u <> {who}")
                totals = f"SELECT count(*) AS n FROM {table} GROUP BY _u"
                counted = f"SELECT n AS _rows, count(*) AS _units FROM ({totals}) GROUP BY n"
                connection.execute(f"CREATE TABLE _totals_{table} AS {counted}")
            for units in _unit_tables(connection, "source"):
                connection.execute(f"CREATE TABLE {units} AS SELECT * FROM source.{units} WHERE _u <> {who}")
            connection.execute("CREATE TABLE regions AS FROM source.regions")
        others[f"patient {who}"] = InProcess(path)
    reference = duckdb.connect(config={"threads": "1"})
    for table in _tables():
        reference.execute(f"CREATE TABLE {table} AS FROM read_parquet('{folder / table}.parquet')")
    sandbox = Sandbox(snapshot.public)
    yield Attacker(Catalog(loaded.policy, snapshot.public), sandbox, InProcess(Path(snapshot.path)), others, reference)
    sandbox.close()
    reference.close()


@pytest.fixture(scope="session")
def desk(loaded: Loaded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The whole service without HTTP, ledger and noise included."""
    ledger = Ledger.open(f"sqlite:///{tmp_path_factory.mktemp('ledger') / 'ledger.sqlite'}")
    opened = Desk.open(loaded, ledger, loaded.path.parent / "data")
    yield opened
    opened.close()


# -- the same over HTTP


@pytest.fixture(scope="session")
def parsers() -> Iterator[PlannerPool]:
    pool = PlannerPool(2)
    yield pool
    pool.close()


@pytest.fixture(scope="session")
def doors(loaded: Loaded, parsers: PlannerPool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Door]]:
    """``whole``: everybody. ``less``: without the patient of many visits. ``calm``: everybody, and the one rare
    diagnosis is another, so that no row of the data is special."""
    folder = tmp_path_factory.mktemp("doors")
    snapshot = build_snapshot(loaded, folder / "snapshots")
    changes = {
        "less": [f"DELETE FROM {t} WHERE _u = {EXTREME}" for t in ("patients", "visits", "items")],
        "calm": ["UPDATE visits SET diagnosis = 'flu' WHERE diagnosis = 'rare'"],
    }
    with ExitStack() as stack:
        made = {"whole": open_door(stack, loaded, folder / "whole", folder / "snapshots", parsers)}
        for name, statements in changes.items():
            path = folder / f"{name}.duckdb"
            shutil.copy(snapshot.path, path)
            path.chmod(0o600)
            with duckdb.connect(str(path), config={"threads": "1"}) as connection:
                for statement in statements:
                    connection.execute(statement)
                for units in _unit_tables(connection, name) if name == "less" else ():
                    connection.execute(f"DELETE FROM {units} WHERE _u = {EXTREME}")
                for (totals,) in connection.execute(
                    "SELECT table_name FROM duckdb_tables() WHERE table_name LIKE '_totals_%'"
                ).fetchall():
                    units = f"SELECT count(*) AS n FROM {totals.removeprefix('_totals_')} GROUP BY _u"
                    connection.execute(
                        f"CREATE OR REPLACE TABLE {totals} AS SELECT n AS _rows, count(*) AS _units FROM ({units}) GROUP BY n"
                    )
            made[name] = open_door(stack, loaded, folder / name, folder / "snapshots", parsers, database=path)
        yield made


def _unit_tables(connection: duckdb.DuckDBPyConnection, database: str) -> list[str]:
    """What is stored of each unit beside the rows, in a database."""
    named = f"database_name = '{database}' AND table_name LIKE '_units_%'"
    return [name for (name,) in connection.execute(f"SELECT table_name FROM duckdb_tables() WHERE {named}").fetchall()]


@pytest.fixture
def whole(doors: dict[str, Door]) -> Door:
    return doors["whole"]


@pytest.fixture(scope="session")
def hostile_door(parsers: PlannerPool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """The demo's clinic, over which the hostile list is written."""
    folder = tmp_path_factory.mktemp("hostile")
    make_clinic(folder, rows=2_000)
    (folder / "policy.yaml").write_text(clinic_policy("1000", "1e-3"))
    with ExitStack() as stack:
        demo = load_policy(folder / "policy.yaml")
        yield open_door(stack, demo, folder / "door", folder / "snapshots", parsers, analysts=("analyst",))
