"""Cells that are drawn together, bias checks and the search for bounds: one unit moves each by no more than is paid for."""

from __future__ import annotations

import pytest
from tacit_e2e_data import TIGHT, TIGHT_GROUPS, Bounds
from tacit_e2e_databases import Databases
from tacit_e2e_world import TIMEOUT_S, World

from tacit_service.engine.aggregate import aggregate
from tacit_service.engine.base import Engine
from tacit_service.engine.bias import WIDE, bias_sql
from tacit_service.engine.bounding import joint
from tacit_service.release.prepare import Prepared
from tacit_service.release.shares import point_groups

CELLS = (
    "SELECT AVG(cost), COUNT(*) FROM visits",
    "SELECT clinic, AVG(minutes), SUM(minutes), COUNT(*) FROM visits GROUP BY clinic",
    "SELECT region, STDDEV(weight), VAR_POP(age) FROM patients WHERE region IN ('R1', 'R2') GROUP BY region",
    "SELECT clinic, CORR(cost, minutes), REGR_SLOPE(cost, minutes), COVAR_POP(cost, minutes) FROM visits GROUP BY clinic",
)
CHECKED = (
    "SELECT clinic, SUM(cost), COUNT(*) FROM visits GROUP BY clinic",
    "SELECT SUM(minutes) FROM visits",
    "SELECT AVG(cost) FROM visits",
)


def moved(a: list[int], b: list[int]) -> list[int]:
    return [abs(x - y) for x, y in zip(a, b, strict=True)]


def vectors(engine: Engine, prepared: Prepared) -> dict[str, list[int]]:
    """Each group of measures as the one vector that is drawn."""
    found = {}
    for point in prepared.plan.releases:
        exact = aggregate(engine, point, prepared.keys[point.name], timeout_s=TIMEOUT_S)
        for group in point_groups(point):
            found[f"{point.name}.{group[0].name}"] = [v for m in group for v in exact[m.name]._values(m.name).tolist()]
    return found


@pytest.mark.parametrize("bounds", [TIGHT, TIGHT_GROUPS], ids=["weights", "groups"])
@pytest.mark.parametrize("sql", CELLS)
def test_one_unit_moves_all_cells_together_by_no_more_than_one_may(
    sql: str, bounds: Bounds, world: World, databases: Databases
) -> None:
    prepared = world.prepare(bounds, sql)
    declared = {f"{p.name}.{g[0].name}": joint(g) for p in prepared.plan.releases for g in point_groups(p)}
    assert any(len(v.parts) > 1 for v in prepared.estimate.vectors), "some measures are drawn together"
    whole = vectors(databases.whole, prepared)
    for name, engine in databases.less.items():
        for key, vector in vectors(engine, prepared).items():
            change, s = moved(whole[key], vector), declared[key]
            assert sum(change) <= s.l1, (name, key)
            assert max(change) <= s.linf
            assert sum(d * d for d in change) <= s.l2**2 * (1 + 1e-12)
            assert sum(d > 0 for d in change) <= s.l0


@pytest.mark.parametrize("caps", [{}, {"max_amount": 70}], ids=["rows", "amounts"])
@pytest.mark.parametrize("bounds", [TIGHT, TIGHT_GROUPS], ids=["weights", "groups"])
@pytest.mark.parametrize("sql", CHECKED)
def test_one_unit_moves_a_bias_check_by_no_more_than_its_wide_cap(
    sql: str, bounds: Bounds, caps: dict[str, int], world: World, databases: Databases
) -> None:
    prepared = world.prepare(bounds, sql, bias_check=True, **caps)
    assert prepared.estimate.checks
    for one in prepared.estimate.checks:
        statement = bias_sql(prepared.plan.release(one.check.point), one.check)

        def pair(engine: Engine, statement: str = statement) -> list[int]:
            return [c.to_pylist()[0] for c in engine.run(statement, timeout_s=TIMEOUT_S).columns]

        kept, lost = pair(databases.whole)
        assert kept >= 0
        assert lost >= 0
        assert pair(databases.same) == [kept, lost]
        for engine in databases.less.values():
            change = moved([kept, lost], pair(engine))
            assert sum(change) <= one.measurement.sensitivity.l1, one.check


def test_a_bias_check_counts_what_the_bounds_drop(world: World) -> None:
    """Over rows: kept + lost is every unit's rows up to the wide cap; kept is what the bounds let count."""
    prepared = world.prepare(TIGHT, "SELECT clinic, COUNT(*) FROM visits GROUP BY clinic", bias_check=True)
    rows = next(c.check for c in prepared.estimate.checks if c.check.what == "rows")
    found = world.engine.run(bias_sql(prepared.plan.release(rows.point), rows), timeout_s=TIMEOUT_S)
    kept, lost = (c.to_pylist()[0] for c in found.columns)
    cap = rows.cap
    plain = world.engine.run(
        f"SELECT CAST(sum(least(n, {cap})) AS BIGINT) AS k, "
        f"CAST(sum(least(n, {WIDE * cap}) - least(n, {cap})) AS BIGINT) AS l "
        "FROM (SELECT _u, count(*) AS n FROM visits GROUP BY _u)",
        timeout_s=TIMEOUT_S,
    )
    assert [kept, lost] == [int(c.to_pylist()[0]) for c in plain.columns]


def test_the_search_for_bounds_weighs_a_person_as_one(world: World, databases: Databases) -> None:
    prepared = world.prepare(TIGHT, "SELECT SUM(code), AVG(code) FROM visits", approx_bounds=True)
    finder = prepared.plan.releases[0]
    assert finder.finds_bounds
    whole = vectors(databases.whole, prepared)
    for engine in databases.less.values():
        less = vectors(engine, prepared)
        for group in point_groups(finder):
            key = f"{finder.name}.{group[0].name}"
            assert sum(moved(whole[key], less[key])) <= joint(group).l1
    assert joint(point_groups(finder)[0]).l1 == finder.measures[0].multiplier
