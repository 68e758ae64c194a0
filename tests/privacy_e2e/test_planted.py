"""The neighbour test is worth something: it finds each bug that is planted, and finds nothing where none is."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from tacit_e2e_databases import Databases, Rows
from tacit_e2e_neighbours import asked, check
from tacit_e2e_planted import PLANTED, Planted
from tacit_e2e_world import World

from tacit_service.engine import bounding


def found(world: World, databases: Databases, queries: tuple[str, ...]) -> list[str]:
    """What is wrong with the queries; an engine that raises has let the data decide an error."""
    wrong: list[str] = []
    for sql in queries:
        for prepared in asked(world, sql):
            try:
                wrong += check(databases, prepared)
            except duckdb.Error as error:
                wrong.append(f"the engine raised {type(error).__name__}")
    return wrong


@pytest.mark.parametrize("bug", PLANTED, ids=lambda b: b.name)
def test_a_planted_bug_is_found(
    bug: Planted, world: World, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found(world, databases, bug.queries) == []
    bug.plant(monkeypatch)
    monkeypatch.setattr(bounding, "_written", None)  # a source's text that was kept from before the bug
    assert found(world, databases, bug.queries) != []


def test_rows_of_nobody_that_were_kept_are_found(world: World, databases: Databases, tmp_path: Path) -> None:
    """A snapshot that kept rows without a unit has the same people, and must give the same integers."""
    kept = tmp_path / "kept.duckdb"
    with duckdb.connect(str(kept)) as connection:
        connection.execute(f"ATTACH '{world.snapshot.path}' AS source (READ_ONLY)")
        for name in ("patients", "bills", "regions"):
            connection.execute(f"CREATE TABLE {name} AS FROM source.{name}")
        nobody = "SELECT * REPLACE (NULL AS _u, NULL AS patient_id) FROM source.visits WHERE visit_id % 10 = 0"
        connection.execute(f"CREATE TABLE visits AS FROM source.visits UNION ALL {nobody}")
    opened = Databases(tmp_path / "both.duckdb", Rows(kept), {}, same=Rows(world.snapshot.path))
    try:
        sql = "SELECT clinic, COUNT(*) FROM visits GROUP BY clinic"
        assert [w for p in asked(world, sql) for w in check(opened, p)] != []
    finally:
        opened.close()
