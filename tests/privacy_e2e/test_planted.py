"""The neighbour test is worth something: it finds each bug that is planted, and finds nothing where none is."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from tacit_e2e_neighbours import Others, asked, check
from tacit_e2e_planted import PLANTED, Planted
from tacit_e2e_world import InProcessEngine, World


def found(world: World, others: Others, queries: tuple[str, ...]) -> list[str]:
    """What is wrong with the queries; an engine that raises has let the data decide an error."""
    wrong: list[str] = []
    for sql in queries:
        for prepared in asked(world, sql):
            try:
                wrong += check(world.engine, others, prepared)
            except duckdb.Error as error:
                wrong.append(f"the engine raised {type(error).__name__}")
    return wrong


@pytest.mark.parametrize("bug", PLANTED, ids=lambda b: b.name)
def test_a_planted_bug_is_found(bug: Planted, world: World, others: Others, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(world, others, bug.queries) == []
    bug.plant(monkeypatch)
    assert found(world, others, bug.queries) != []


def test_rows_of_nobody_that_were_kept_are_found(world: World, others: Others, tmp_path: Path) -> None:
    """A snapshot that kept rows without a unit has the same people, and must give the same integers."""
    kept = tmp_path / "kept.duckdb"
    with duckdb.connect(str(kept)) as connection:
        connection.execute(f"ATTACH '{world.snapshot.path}' AS source (READ_ONLY)")
        for name in ("patients", "bills", "regions"):
            connection.execute(f"CREATE TABLE {name} AS FROM source.{name}")
        nobody = "SELECT * REPLACE (NULL AS _u, NULL AS patient_id) FROM source.visits WHERE visit_id % 10 = 0"
        connection.execute(f"CREATE TABLE visits AS FROM source.visits UNION ALL {nobody}")
    engine = InProcessEngine(kept)
    try:
        sql = "SELECT clinic, COUNT(*) FROM visits GROUP BY clinic"
        wrong = [w for p in asked(world, sql) for w in check(engine, Others({}, same=world.engine), p)]
    finally:
        engine.close()
    assert wrong != []
