"""The same suite on Spark: the integers of a statement are DuckDB's, or it is refused by name.

Asked for by TACIT_TEST_SPARK=1, which starts a server, or TACIT_TEST_SPARK_URL. Every curated query: TACIT_ENGINES_STRIDE=1.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from tacit_e2e_data import HEAVIEST, TIGHT, TIGHT_GROUPS, Tables, shuffled, without_unit
from tacit_e2e_generate import generate
from tacit_e2e_in_spark import SparkClinic, open_spark_clinic
from tacit_e2e_neighbours import aggregates, violations
from tacit_e2e_post_queries import RELEASES
from tacit_e2e_queries import OVERFLOWS, ROWS, TIED, Query
from tacit_e2e_world import World

from tacit_service.errors import Refusal
from tacit_service.release.prepare import Prepared

STRIDE = int(os.environ.get("TACIT_ENGINES_STRIDE", "10"))
GENERATED = int(os.environ.get("TACIT_ENGINES_GENERATED", "8"))
CHUNK = 4
BOUNDS = (TIGHT, TIGHT_GROUPS)
CURATED = [*ROWS, *RELEASES, *OVERFLOWS][::STRIDE]

# what Spark does not do as DuckDB does, by the words of the refusal
LACKS = ("LN", "LOG", "EXP", "CBRT", "POW", "REVERSE", "a cast from text", "ROW", "the regular expression", "STRFTIME with",
         "GROUPCONCAT",
         "the text of decimals", "a window frame by RANGE", "a division of such wide integers")  # fmt: skip


@pytest.fixture(scope="session")
def spark_clinic(
    spark_server: str, tables: Tables, world: World, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SparkClinic]:
    opened = open_spark_clinic(spark_server, tables, tmp_path_factory.mktemp("spark") / "base", BOUNDS, world.sandbox)
    yield opened
    opened.data.engine.close()


def unlike(clinic: SparkClinic, world: World, sql: str, bounds: Any) -> str | None:
    """What differs between the engines, '' where nothing does; ``None`` where Spark refuses, as it may."""
    try:
        prepared = in_the_end(clinic, bounds, sql)
    except Refusal as refusal:
        if refusal.code == "engine_lacks" and any(f"no equal of {lack}" in refusal.detail for lack in LACKS):
            return None
        return str(refusal)
    theirs, ours = aggregates(clinic.data.engine, prepared), aggregates(world.engine, prepared)
    return "" if theirs == ours else f"{ {k: (theirs[k], ours[k]) for k in ours if theirs[k] != ours[k]} }"


def in_the_end(clinic: SparkClinic, bounds: Any, sql: str) -> Prepared:
    """As ``prepare``, asked again while a busy machine takes longer over it than is allowed."""
    for _ in range(20):
        try:
            return clinic.prepare(bounds, sql)
        except Refusal as refusal:
            if refusal.code != "sql_too_complex":
                raise
    return clinic.prepare(bounds, sql)


@pytest.mark.parametrize("query", [pytest.param(q, id=q.name) for q in CURATED])
def test_curated_queries_have_the_same_integers(query: Query, spark_clinic: SparkClinic, world: World) -> None:
    for bounds in BOUNDS:
        assert unlike(spark_clinic, world, query.sql, bounds) in ("", None)


@pytest.mark.parametrize("first", range(0, GENERATED, CHUNK))
def test_generated_queries_have_the_same_integers(first: int, spark_clinic: SparkClinic, world: World) -> None:
    seeds = range(first, min(first + CHUNK, GENERATED))
    found = {seed: unlike(spark_clinic, world, generate(seed).sql, BOUNDS[seed % 2]) for seed in seeds}
    assert {seed: text for seed, text in found.items() if text} == {}


def test_one_unit_moves_the_integers_by_no_more_than_declared(
    spark_clinic: SparkClinic, spark_server: str, tables: Tables, world: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    fewer = shuffled(without_unit(tables, HEAVIEST))
    folder = tmp_path_factory.mktemp("spark") / "less"
    less = open_spark_clinic(spark_server, fewer, folder, BOUNDS, world.sandbox)
    try:
        for number, sql in enumerate(q.sql for q in (*TIED, *ROWS[:: 3 * STRIDE])):
            try:
                prepared = in_the_end(spark_clinic, BOUNDS[number % 2], sql)
            except Refusal:
                continue
            both = [aggregates(c.data.engine, prepared) for c in (spark_clinic, less)]
            assert [v for p in prepared.plan.releases for v in violations(p, *both)] == [], sql
    finally:
        less.data.engine.close()
