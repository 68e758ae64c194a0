"""One unit moves no aggregate by more than is declared, and moves nothing that is decided before the noise."""

from __future__ import annotations

import os
import pickle
from typing import Any

import pytest
from tacit_e2e_data import ALONE, HEAVIEST, TIGHT, TIGHT_GROUPS, Bounds
from tacit_e2e_databases import Databases
from tacit_e2e_generate import generate
from tacit_e2e_neighbours import COMPARED, asked, check, outcome
from tacit_e2e_post_queries import RELEASES
from tacit_e2e_queries import BOUNDED, OVERFLOWS, ROWS, TIED, TRAPS, Query
from tacit_e2e_world import World

from tacit_service.errors import TacitError
from tacit_service.query.plan import Plan
from tacit_service.release.prepare import Preparer

CURATED = [*ROWS, *RELEASES, *TIED, *OVERFLOWS, *BOUNDED]
GENERATED = int(os.environ.get("TACIT_GENERATED", "40"))  # generated statements; thousands are a matter of minutes
PREPARED_AGAIN = int(os.environ.get("TACIT_PREPARED_AGAIN", "8"))  # one in so many is prepared on a neighbour as well
APART = 4  # one in so many is asked of the same people in a statement of its own, by several threads
CHUNK = 20
KINDS: tuple[tuple[Bounds, dict[str, int]], ...] = ((TIGHT, {}), (TIGHT_GROUPS, {}), (TIGHT, {"max_amount": 70}))


def params(queries: list[Query]) -> list[Any]:
    return [
        pytest.param(
            q, id=q.name, marks=[pytest.mark.xfail(strict=True, reason=q.privacy_bug)] if q.privacy_bug else []
        )
        for q in queries
    ]


@pytest.mark.parametrize("query", params(CURATED))
def test_one_unit_moves_aggregates_by_no_more_than_declared(query: Query, world: World, databases: Databases) -> None:
    for prepared in asked(world, query.sql):
        before = COMPARED[True]
        assert check(databases, prepared) == [], prepared.plan
        if any(p.threshold_on is not None for p in prepared.plan.releases):
            assert COMPARED[True] > before, "no group that both neighbours have has moved: nothing was compared"


@pytest.mark.parametrize("query", params(TRAPS))
def test_what_reads_other_people_is_refused_or_bounded(query: Query, world: World, databases: Databases) -> None:
    try:
        plans = asked(world, query.sql)
    except TacitError as refusal:
        assert refusal.code == "subquery_not_on_unit"  # noqa: PT017 - an answer within bounds is right as well
        return
    assert [wrong for p in plans for wrong in check(databases, p)] == []


# -- the same databases as the service would build them


def content(engine: Any, condition: str = "TRUE") -> dict[str, Any]:
    names = ("patients", "visits", "bills", "regions")
    return {
        n: sorted(engine.run(f"SELECT CAST(t AS VARCHAR) AS r FROM {n} t WHERE {condition if n != 'regions' else 'TRUE'}",
                             timeout_s=60).column(0).to_pylist())
        for n in names
    }  # fmt: skip


def test_rows_that_belong_to_nobody_leave_no_trace(world: World, rebuilt: dict[str, World]) -> None:
    assert content(rebuilt["nobody"].engine) == content(world.engine)


def test_a_snapshot_less_a_unit_is_the_snapshot_of_the_data_less_that_unit(
    world: World, rebuilt: dict[str, World]
) -> None:
    assert content(rebuilt["heaviest"].engine) == content(world.engine, f"_u <> {HEAVIEST}")
    assert content(rebuilt["alone"].engine) == content(world.engine, f"_u <> {ALONE}")


def given(preparer: Preparer) -> dict[str, Any]:
    """All that preparing a request may read, as bytes where it is large: the catalog as parser processes get it."""
    known = {k: v for k, v in vars(preparer).items() if not k.startswith("_")}
    dry = known.pop("dry")
    planner, sandbox = known.pop("planner"), known.pop("sandbox")
    assert set(vars(planner)) == {"_catalog"}
    assert planner._catalog is preparer.catalog
    assert set(vars(dry)) == {"_sandbox", "_protected", "_known"}
    return {**known, "catalog": pickle.dumps(known["catalog"]), "protected": dry._protected, "sandbox": id(sandbox)}


def test_what_a_request_is_prepared_from_is_the_same_on_every_neighbour(
    world: World, rebuilt: dict[str, World]
) -> None:
    """So plan, columns, price, keys and refusals are: preparing reads nothing else."""
    for bounds in (TIGHT, TIGHT_GROUPS):
        here = given(world.preparers[bounds])
        assert set(here) == {"policy", "catalog", "sandbox", "snapshot_version", "sizes", "protected"}
        for name, other in rebuilt.items():
            assert given(other.preparers[bounds]) == here, name


def test_nothing_before_the_noise_tells_neighbours_apart(world: World, rebuilt: dict[str, World]) -> None:
    """Plan, columns, price, keys and canonical statement, or the refusal: the same on every neighbour."""
    for number, query in enumerate([*CURATED, *TRAPS]):
        other = list(rebuilt.values())[number % len(rebuilt)]
        bounds = (TIGHT, TIGHT_GROUPS)[number % 2]
        assert outcome(other, bounds, query.sql) == outcome(world, bounds, query.sql), query.sql


@pytest.mark.parametrize("first", range(0, GENERATED, CHUNK))
def test_generated_queries_are_bounded(
    first: int, world: World, rebuilt: dict[str, World], databases: Databases
) -> None:
    """Seeds [first, first + CHUNK), under three kinds of bounds in turn, on four neighbours and on the same people otherwise.

    Before that, for some: plan, columns, price, keys or refusal are those that a neighbour's own snapshot gives.
    """
    wrong: dict[int, Any] = {}
    for seed in range(first, min(first + CHUNK, GENERATED)):
        sql, (bounds, caps) = generate(seed).sql, KINDS[seed % len(KINDS)]
        here, other = outcome(world, bounds, sql, **caps), list(rebuilt.values())[seed // 3 % len(rebuilt)]
        if seed % PREPARED_AGAIN == 0 and here != outcome(other, bounds, sql, **caps):
            wrong[seed] = sql, "a neighbour is told something else"
        elif isinstance(here[0], Plan) and (
            found := check(databases, world.prepare(bounds, sql, **caps), apart=seed % APART == 0)
        ):
            wrong[seed] = sql, found
    assert wrong == {}
