"""What the comparison of neighbours excuses: a group that the whole has for one unit's 1, and nothing else."""

from __future__ import annotations

from tacit_e2e_data import TIGHT_GROUPS
from tacit_e2e_neighbours import Aggregates, Cells, violations
from tacit_e2e_world import World

SQL = "SELECT diagnosis, COUNT(*), AVG(cost) FROM visits GROUP BY diagnosis"


def found(world: World, whole: Cells, less: Cells, moved: int = 0) -> list[str]:
    """Violations where the threshold's count is as given, and every other measure moves at the whole's keys."""
    (point,) = world.prepare(TIGHT_GROUPS, SQL).plan.releases
    assert point.threshold_on is not None
    both: tuple[Aggregates, Aggregates] = ({}, {})
    for measure in point.measures:
        of_threshold = measure.name == point.threshold_on
        both[0][point.name, measure.name] = whole if of_threshold else dict.fromkeys(whole, moved)
        both[1][point.name, measure.name] = less if of_threshold else {}
    return list(violations(point, *both))


def test_a_group_of_one_unit_is_excused_in_the_other_measures(world: World) -> None:
    assert found(world, {("flu",): 1}, {}, moved=10**9) == []


def test_a_group_that_vanishes_from_above_one_units_count_is_compared(world: World) -> None:
    wrong = found(world, {("flu",): 7}, {}, moved=10**9)
    assert len([w for w in wrong if w.startswith("L∞")]) >= 2, wrong


def test_a_group_that_only_the_smaller_database_has_is_a_violation(world: World) -> None:
    assert found(world, {}, {("flu",): 1}) != []
