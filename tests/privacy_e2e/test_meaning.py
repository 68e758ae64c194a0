"""Without noise and with wide bounds, an answer is what plain DuckDB says of the same files."""

from __future__ import annotations

import os
from typing import Any

import duckdb
import pytest
from tacit_e2e_compare import difference
from tacit_e2e_data import WIDE, WIDE_GROUPS
from tacit_e2e_generate import generate
from tacit_e2e_post_queries import RELEASES
from tacit_e2e_queries import ROWS, Query
from tacit_e2e_world import World, answer

from tacit_service.errors import Refusal

CURATED = [*ROWS, *RELEASES]
GENERATED = int(os.environ.get("TACIT_GENERATED", "80"))  # generated statements; thousands are a matter of minutes
CHUNK = 40


def params() -> list[Any]:
    marked = []
    for q in CURATED:
        marks = [pytest.mark.xfail(strict=True, reason=q.meaning_bug)] if q.meaning_bug else []
        marked.append(pytest.param(q, id=q.name, marks=marks))
    return marked


def test_there_are_enough_queries_and_no_name_stands_twice() -> None:
    assert len(CURATED) >= 120
    assert len({q.name for q in CURATED}) == len(CURATED)


@pytest.mark.parametrize("query", params())
def test_an_answer_is_what_the_sql_means(query: Query, world: World, reference: duckdb.DuckDBPyConnection) -> None:
    expected = reference.execute(query.sql).fetchall()
    for bounds in (WIDE, WIDE_GROUPS):
        got = answer(world, bounds, query.sql)
        wrong = difference(got.kinds, got.rows, expected, rel=query.rel, within=query.within, ordered=query.ordered)
        assert wrong is None, f"{bounds.form}: {query.sql}"


@pytest.mark.parametrize("first", range(0, GENERATED, CHUNK))
def test_generated_queries_mean_what_they_say(first: int, world: World, reference: duckdb.DuckDBPyConnection) -> None:
    """Seeds [first, first + CHUNK): none differs from plain DuckDB, and at least 95 % are answered."""
    wrong = {}
    refused = {}
    for seed in range(first, min(first + CHUNK, GENERATED)):
        query = generate(seed)
        expected = reference.execute(query.sql).fetchall()
        try:
            got = answer(world, (WIDE, WIDE_GROUPS)[seed % 2], query.sql)
        except Refusal as refusal:
            refused[seed] = (query.sql, str(refusal))
            continue
        found = difference(got.kinds, got.rows, expected, rel=query.rel, within=query.within, ordered=query.ordered)
        if found:
            wrong[seed] = (query.sql, found)
    assert wrong == {}
    assert len(refused) <= 0.05 * CHUNK, refused


def test_a_seed_is_a_query() -> None:
    assert generate(17) == generate(17)
    assert len({generate(seed).sql for seed in range(200)}) > 190  # short shapes repeat now and then
