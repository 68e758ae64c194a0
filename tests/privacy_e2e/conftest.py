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
    "neighbours",
    "planted",
    "in_postgres",
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
)
from tacit_e2e_neighbours import Others
from tacit_e2e_world import World, copied, open_world, plain

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
def others(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Others]:
    """Copies of the snapshot: less one unit, and in another order of rows."""
    folder = tmp_path_factory.mktemp("others")
    units = {"a typical unit": TYPICAL, "the heaviest": HEAVIEST, "one with NULLs": WITH_NULLS, "one alone": ALONE}
    less = {
        name: copied(world.snapshot.path, folder / f"{unit}.duckdb", f"WHERE _u <> {unit}")
        for name, unit in units.items()
    }
    opened = Others(less, copied(world.snapshot.path, folder / "shuffled.duckdb", "t ORDER BY md5(CAST(t AS VARCHAR))"))
    yield opened
    for engine in (*less.values(), opened.same):
        engine.close()
