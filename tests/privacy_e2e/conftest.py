from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# importlib mode gives test folders no package: these are plain modules beside the tests, in the order of their imports.
for _name in (
    "data",
    "compare",
    "queries",
    "post_queries",
    "grammar",
    "generate_more",
    "generate",
    "world",
    "databases",
    "neighbours",
    "planted",
    "in_postgres",
    "in_spark",
):
    _spec = importlib.util.spec_from_file_location(f"tacit_e2e_{_name}", Path(__file__).with_name(f"{_name}.py"))
    assert _spec is not None
    assert _spec.loader is not None
    _module = importlib.util.module_from_spec(_spec)
    sys.modules[f"tacit_e2e_{_name}"] = _module
    _spec.loader.exec_module(_module)

from tacit_e2e_data import (
    ALONE,
    HEAVIEST,
    TIGHT,
    TIGHT_GROUPS,
    TYPICAL,
    WIDE,
    WIDE_GROUPS,
    WITH_NULLS,
    Tables,
    make_tables,
    shuffled,
    without_unit,
)
from tacit_e2e_databases import Databases, Rows
from tacit_e2e_world import World, open_world, plain

if TYPE_CHECKING:
    import duckdb


@pytest.fixture(scope="session")
def tables() -> Tables:
    return make_tables()


@pytest.fixture(scope="session")
def world(tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The whole data set."""
    opened = open_world(tables, tmp_path_factory.mktemp("e2e") / "base", (WIDE, WIDE_GROUPS, TIGHT, TIGHT_GROUPS))
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def reference(world: World) -> Iterator[duckdb.DuckDBPyConnection]:
    """Plain DuckDB over the same Parquet files."""
    connection = plain(world.folder)
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def rebuilt(tables: Tables, world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, World]:
    """Neighbours from their own files through the real builder: nobody's rows gone, a unit gone, rows in another order."""
    folder = tmp_path_factory.mktemp("rebuilt")
    changed = {
        "nobody": without_unit(tables, None),
        "heaviest": without_unit(tables, HEAVIEST),
        "alone": shuffled(without_unit(tables, ALONE)),
    }
    return {n: open_world(t, folder / n, (TIGHT, TIGHT_GROUPS), world.sandbox) for n, t in changed.items()}


@pytest.fixture(scope="session")
def databases(world: World, rebuilt: dict[str, World], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """The snapshot, less one unit each, and that of files without nobody's rows, in another order, read by more threads."""
    units = {"a typical unit": TYPICAL, "the heaviest": HEAVIEST, "one with NULLs": WITH_NULLS, "one alone": ALONE}
    opened = Databases(
        tmp_path_factory.mktemp("databases") / "all.duckdb",
        Rows(world.snapshot.path),
        {name: Rows(world.snapshot.path, f"_u <> {unit}") for name, unit in units.items()},
        same=Rows(rebuilt["nobody"].snapshot.path, order="md5(CAST(t AS VARCHAR))"),
    )
    yield opened
    opened.close()
