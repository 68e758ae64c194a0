"""One suite on two engines: the integers of a statement are the same in DuckDB and in PostgreSQL, or it is refused by name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("adbc_driver_postgresql", reason="the extra [postgres] is not installed")

from tacit_e2e_data import HEAVIEST, TIGHT, TIGHT_GROUPS, Tables, shuffled, without_unit
from tacit_e2e_generate import generate
from tacit_e2e_in_postgres import Clinic, open_clinic
from tacit_e2e_neighbours import aggregates, violations
from tacit_e2e_post_queries import RELEASES
from tacit_e2e_queries import OVERFLOWS, ROWS, TIED, Query
from tacit_e2e_world import World

from tacit_service.errors import Refusal

STRIDE = int(os.environ.get("TACIT_ENGINES_STRIDE", "10"))  # 1: every curated query
GENERATED = int(os.environ.get("TACIT_ENGINES_GENERATED", "8"))
CHUNK = 12
BOUNDS = (TIGHT, TIGHT_GROUPS)
CURATED = [*ROWS, *RELEASES, *OVERFLOWS][::STRIDE]

# what PostgreSQL does not do as DuckDB does, by the words of the refusal
LACKS = ("LOG2", "REVERSE", "a cast from text", "ROW", "numbers that may be larger or smaller",
         "the regular expression", "GROUPCONCAT", "IGNORE NULLS in a window", "STRFTIME with", "the text of decimals")  # fmt: skip


@pytest.fixture(scope="session")
def clinic(
    postgres_server: str, tables: Tables, world: World, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Clinic]:
    opened = open_clinic(postgres_server, tables, tmp_path_factory.mktemp("pg") / "base", BOUNDS, world.sandbox)
    yield opened
    opened.data.engine.close()


def unlike(clinic: Clinic, world: World, sql: str, bounds: Any) -> str | None:
    """What differs between the engines, '' where nothing does; ``None`` where PostgreSQL refuses, as it may."""
    try:
        prepared = clinic.prepare(bounds, sql)
    except Refusal as refusal:
        if refusal.code == "engine_lacks" and any(lack in refusal.detail for lack in LACKS):
            return None
        return str(refusal)
    theirs, ours = aggregates(clinic.data.engine, prepared), aggregates(world.engine, prepared)
    return "" if theirs == ours else f"{ {k: (theirs[k], ours[k]) for k in ours if theirs[k] != ours[k]} }"


@pytest.mark.parametrize("query", [pytest.param(q, id=q.name) for q in CURATED])
def test_curated_queries_have_the_same_integers(query: Query, clinic: Clinic, world: World) -> None:
    for bounds in BOUNDS:
        assert unlike(clinic, world, query.sql, bounds) in ("", None)


@pytest.mark.parametrize("first", range(0, GENERATED, CHUNK))
def test_generated_queries_have_the_same_integers(first: int, clinic: Clinic, world: World) -> None:
    seeds = range(first, min(first + CHUNK, GENERATED))
    found = {seed: unlike(clinic, world, generate(seed).sql, BOUNDS[seed % 2]) for seed in seeds}
    assert {seed: text for seed, text in found.items() if text} == {}
    assert list(found.values()).count(None) <= 0.15 * CHUNK


@pytest.fixture(scope="session")
def less(
    postgres_server: str, tables: Tables, world: World, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Clinic]:
    """Without the heaviest unit, its rows in another order, and without a unique index: owners are then looked up."""
    fewer = shuffled(without_unit(tables, HEAVIEST))
    folder = tmp_path_factory.mktemp("pg") / "less"
    opened = open_clinic(postgres_server, fewer, folder, BOUNDS, world.sandbox, keys={})
    yield opened
    opened.data.engine.close()


def test_one_unit_moves_the_integers_by_no_more_than_declared(clinic: Clinic, less: Clinic) -> None:
    statements = [q.sql for q in (*TIED, *ROWS[:: 3 * STRIDE])]
    for number, sql in enumerate(statements):
        try:
            prepared = clinic.prepare(BOUNDS[number % 2], sql)
        except Refusal:
            continue
        everyone, fewer = (aggregates(c.data.engine, prepared) for c in (clinic, less))
        assert [v for p in prepared.plan.releases for v in violations(p, everyone, fewer)] == [], sql
