"""What engines write beside the snapshot: nothing, or what nobody else can read, and nothing that outlives its writer for long."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tacit_service.engine.duckdb import Builder, DuckDBEngine
from tacit_service.engine.snapshot import build_snapshot
from tacit_service.errors import EngineFailure
from tacit_service.policy.load import Loaded, load_policy

SECRET = "PATIENT-ANA-SECRET"
POLICY = """
version: 1
dataset: test
privacy_unit: {name: person, column: people.id}
budget: {epsilon: 3, delta: 1e-6}
tables:
  people: {source: people.parquet, unit: id, columns: {id: {type: integer}, x: {type: string}}}
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    folder = tmp_path_factory.mktemp("temporary")
    pq.write_table(pa.table({"id": [1, 2], "x": [SECRET, "y"]}), folder / "people.parquet")
    (folder / "policy.yaml").write_text(POLICY)
    return load_policy(folder / "policy.yaml")


def test_what_a_builder_spills_is_for_itself_alone_and_gone_with_it(tmp_path: Path) -> None:
    """Not encrypted: DuckDB can write encrypted files only with an extension, and none is loaded here."""
    rows = f"SELECT '{SECRET}' || md5(CAST(i AS VARCHAR)) AS x FROM range(500000) r(i)"
    with Builder(tmp_path, memory_limit="24MB") as builder:
        builder.execute(f"CREATE TEMP TABLE t AS {rows}")
        spilled = [p for p in tmp_path.rglob("*") if p.is_file()]
        assert sum(p.stat().st_size for p in spilled) > 1_000_000, "or nothing was tested"
        assert not [p for p in spilled if p.stat().st_mode & 0o077]
        builder.execute("DROP TABLE t")
        assert [p for p in tmp_path.rglob("*") if p.is_file() and p.stat().st_size] == []


def test_what_a_killed_builder_left_is_wiped_by_the_next(loaded: Loaded) -> None:
    folder = loaded.path.parent
    snapshot = build_snapshot(loaded, folder / "data")
    left = snapshot.path.parent / f".{snapshot.path.stem}-killed"
    left.mkdir()
    shutil.copy(folder / "people.parquet", left)
    os.unlink(snapshot.path)
    again = build_snapshot(loaded, folder / "data")
    assert sorted(p.name for p in again.path.parent.iterdir()) == [
        again.path.name,
        again.path.with_suffix(".lock").name,
    ]


def test_an_engine_that_runs_out_of_memory_leaves_no_file(loaded: Loaded) -> None:
    folder = loaded.path.parent
    snapshot = build_snapshot(loaded, folder / "data")
    before = sorted(folder.rglob("*"))
    with DuckDBEngine(snapshot.path, memory_limit="16MB") as engine:
        with pytest.raises(EngineFailure) as failed:
            engine.run(
                "SELECT count(DISTINCT md5(CAST(i AS VARCHAR))) AS n FROM people, range(900000) r(i)", timeout_s=20
            )
        assert SECRET not in str(failed.value)
        assert sorted(folder.rglob("*")) == before
