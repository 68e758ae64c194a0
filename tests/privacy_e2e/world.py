"""One data set under several policies, with the product's own engine and sandbox code run inside this process.

``answer`` takes the way of ``Desk.query`` without a ledger and without noise: what is left is the meaning of the SQL.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from tacit_e2e_data import Bounds, Tables, write

from tacit.wire import QueryRequest
from tacit_service.engine.aggregate import aggregate, histograms
from tacit_service.engine.duckdb import lock, open_locked, select
from tacit_service.engine.emit import expression, relation
from tacit_service.engine.literals import Staged, with_params
from tacit_service.engine.prepare import engine_tables
from tacit_service.engine.process import ChildError
from tacit_service.engine.snapshot import Snapshot, build_snapshot
from tacit_service.policy.load import Loaded, load_policy
from tacit_service.privacy import nearby
from tacit_service.query.catalog import Catalog
from tacit_service.query.plan import Measure, ReleasePoint
from tacit_service.release import postprocess
from tacit_service.release.postprocess import Sandbox, SandboxError
from tacit_service.release.postprocessing import PostProcessor, Released, staged_numbers
from tacit_service.release.prepare import Prepared, Preparer
from tacit_service.release.ranks import width

TIMEOUT_S = 60.0
PROTECTED = ("patients", "visits", "bills")


class InProcessEngine:
    """The engine's protocol over the snapshot file, with the locks and the result types of the real child."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        self._connection = open_locked(path, memory_limit="1GB", threads=threads)
        lock(self._connection, keep_order=False)

    def run(self, sql: str, *, timeout_s: float) -> pa.Table:
        return select(self._connection, sql)

    def close(self) -> None:
        self._connection.close()


class InProcessSandbox(Sandbox):
    """The sandbox's own code without its process. Re-draws are one run repeated: these tests do not read intervals."""

    def __init__(self, public: dict[str, pa.Table]) -> None:
        super().__init__(public, processes=0)
        self._handle, _ = postprocess._start()
        self._call(
            {"do": "load", "names": list(public)}, [postprocess.encode_table(t) for t in public.values()], 0, dry=False
        )

    def _call(self, header: Any, blobs: Any, timeout_s: float, *, dry: bool) -> list[Any]:
        header = {"rows_max": max(self.rows_max, postprocess.ROWS_MAX), **header}
        try:
            _, parts = self._handle(header, [memoryview(b) for b in blobs])
        except ChildError as error:
            raise SandboxError(error.text, error.error) from None
        return parts

    def redraw(
        self, sql: str, draws: Any, timeout_s: float = 5.0, *, ordered: bool = True, dry: bool = False
    ) -> list[pa.Table]:
        first = {name: tables[0] for name, tables in draws.items()}
        return [self.query(sql, first)] * len(next(iter(draws.values())))


@dataclass(frozen=True)
class World:
    """A data set: its files, its snapshot, an engine, and for each set of bounds a preparer."""

    folder: Path
    snapshot: Snapshot
    engine: InProcessEngine
    sandbox: InProcessSandbox
    preparers: dict[Bounds, Preparer]

    def prepare(self, bounds: Bounds, sql: str, **caps: Any) -> Prepared:
        """The request as the service prepares it: plan, keys, measurements, schema."""
        return self.preparers[bounds].prepare(QueryRequest(dataset="clinic", sql=sql, **caps))

    def close(self) -> None:
        self.engine.close()


def load(folder: Path, bounds: Bounds) -> Loaded:
    """The policy with these bounds, beside the data."""
    path = folder / f"policy_{bounds.form}_{bounds.rows}_{bounds.mechanism}.yaml"
    path.write_text(bounds.policy())
    return load_policy(path)


def open_world(
    tables: Tables, folder: Path, bounds: Sequence[Bounds], sandbox: InProcessSandbox | None = None
) -> World:
    """Write the tables, build the snapshot with the real builder, open it here."""
    write(tables, folder)
    loaded = [load(folder, b) for b in bounds]
    snapshot = build_snapshot(loaded[0], folder / "snapshots")
    sandbox = sandbox or InProcessSandbox(snapshot.public)
    engine = InProcessEngine(snapshot.path)
    names = engine_tables(loaded[0].policy)
    schemas = {n: engine.run(f"FROM {n} LIMIT 0", timeout_s=TIMEOUT_S).schema for n in names}
    preparers = {
        b: Preparer(one.policy, Catalog(one.policy, snapshot.public), sandbox, "the data", schemas)
        for b, one in zip(bounds, loaded, strict=True)
    }
    return World(folder, snapshot, engine, sandbox, preparers)


def plain(folder: Path) -> duckdb.DuckDBPyConnection:
    """Plain DuckDB over the same files. Rows whose unit is NULL belong to nobody: the one thing that is not plain."""
    connection = duckdb.connect(config={"threads": "1"})
    connection.execute("SET error_on_division_by_zero = false")  # NULL, as here: data must not decide an error
    belongs = {"patients": "patient_id IS NOT NULL", "visits": "patient_id IS NOT NULL", "regions": "TRUE",
               "bills": "visit_id IN (SELECT visit_id FROM visits)"}  # fmt: skip
    for name, condition in belongs.items():
        connection.execute(f"CREATE TABLE {name} AS FROM read_parquet('{folder / name}.parquet') WHERE {condition}")
    return connection


@dataclass(frozen=True)
class Result:
    """Rows of an answer as JSON cells, with the kind of each column."""

    kinds: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def answer(world: World, bounds: Bounds, sql: str) -> Result:
    """The answer without noise. Declared keys that the data does not hold are left out once they are seen to be zero."""
    prepared = world.prepare(bounds, sql)
    released: dict[str, Released] = {}
    numbers: dict[str, Staged] = {}
    for point in prepared.plan.releases:  # a stage reads the numbers of those before it
        numbers = staged_numbers(world.sandbox, prepared, released, numbers)
        released[point.name] = _released(world, prepared, point, numbers)
    shown = PostProcessor(world.sandbox, prepared, released, "meaning").show()
    return Result(tuple(c.kind for c in shown.columns), [tuple(r) for r in shown.rows])


def _released(world: World, prepared: Prepared, point: ReleasePoint, numbers: dict[str, Staged]) -> Released:
    keys = prepared.keys[point.name]
    exact = aggregate(world.engine, point, keys, timeout_s=TIMEOUT_S, params=numbers)
    if keys is None:
        keys = exact[str(point.threshold_on)]._key_list()
        exact |= histograms(world.engine, point, keys, timeout_s=TIMEOUT_S, params=numbers)
    vectors = {m.name: _chosen(m, exact[m.name]._values(m.name)) for m in point.measures}
    if not point.public_keys or not point.keys or point.key_table is not None:
        return Released(keys, {n: v.tolist() for n, v in vectors.items()})
    held = set(held_keys(world, point, numbers))
    kept = [i for i, key in enumerate(keys) if key in held]
    measures = {}
    for m in point.measures:
        cells = vectors[m.name].reshape(len(keys), width(m) if m.candidates else 1)
        for i, key in enumerate(keys):
            empty = not cells[i, 1 if m.rank is not None else 0 :].any()
            assert key in held or empty, f"the group {key}, which no row has, is not zero"
        measures[m.name] = cells[kept].reshape(-1).tolist()
    return Released([keys[i] for i in kept], measures)


def _chosen(m: Measure, cells: Any) -> Any:
    """Of a quantile the best bin and the rows around it; any other measure as it is."""
    if m.rank is None:
        return cells
    cells = cells.reshape(-1, len(m.candidates))
    best = np.argmax(nearby.scores(cells, m.rank, m.multiplier), axis=1)
    return np.column_stack([best, nearby.around(cells, best)]).reshape(-1)


def held_keys(world: World, point: ReleasePoint, numbers: dict[str, Staged]) -> Iterator[tuple[Any, ...]]:
    """The group keys that some protected row has."""
    columns = ", ".join(expression(k.expr) for k in point.keys)
    sql = with_params(f"SELECT DISTINCT {columns} FROM ({relation(point.source)})", numbers)
    table = world.engine.run(sql, timeout_s=TIMEOUT_S)
    return zip(*(c.to_pylist() for c in table.columns), strict=True)
