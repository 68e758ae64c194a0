"""Declared against measured sensitivity: the integer aggregates of one query on two databases that differ by one unit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from tacit_e2e_data import Bounds
from tacit_e2e_world import TIMEOUT_S, World

from tacit_service.engine.aggregate import aggregate
from tacit_service.engine.bounding import sensitivity
from tacit_service.privacy.exact import ExactAggregates
from tacit_service.query.plan import ReleasePoint
from tacit_service.release.prepare import Prepared

Cells = dict[tuple[Any, ...], int]
Aggregates = dict[tuple[str, str], Cells]  # (release point, measure) → integer of each group


def aggregates(world: World, prepared: Prepared) -> Aggregates:
    """Every measure's integers by group key; groups at zero are left out."""
    found: Aggregates = {}
    for point in prepared.plan.releases:
        exact = aggregate(world.engine, point, prepared.keys[point.name], timeout_s=TIMEOUT_S)
        for measure in point.measures:
            found[point.name, measure.name] = _cells(exact[measure.name], measure.name)
    return found


def _cells(exact: ExactAggregates, measure: str) -> Cells:
    keys, values = exact._key_list(), exact._values(measure).tolist()
    return {k: v for k, v in zip(keys, values, strict=True) if v}


def violations(point: ReleasePoint, whole: Aggregates, less: Aggregates) -> Iterator[str]:
    """Each norm of the difference that is larger than the release point declares."""
    for measure in point.measures:
        a, b = whole[point.name, measure.name], less[point.name, measure.name]
        moved = [d for k in a.keys() | b.keys() if (d := a.get(k, 0) - b.get(k, 0))]
        declared = sensitivity(measure)
        norms = {
            "L0": (len(moved), declared.l0),
            "L1": (sum(map(abs, moved)), declared.l1),
            "L2": (math.sqrt(sum(d * d for d in moved)), declared.l2 * (1 + 1e-12)),
            "L∞": (max(map(abs, moved), default=0), declared.linf),
        }
        for name, (got, allowed) in norms.items():
            if got > allowed:
                yield f"{name} of {measure.name} ({measure.kind}, {measure.form}) is {got}, declared {allowed}"


def check(
    world: World, others: Mapping[str, World], still: Mapping[str, World], bounds: Bounds, sql: str, **caps: Any
) -> list[str]:
    """What is wrong with a query: moves past the declared norms (``others``), any move at all (``still``)."""
    prepared = world.prepare(bounds, sql, **caps)
    whole = aggregates(world, prepared)
    wrong: list[str] = []
    for name, other in others.items():
        less = aggregates(other, prepared)
        wrong += [f"{name}: {v}" for p in prepared.plan.releases for v in violations(p, whole, less)]
    for name, other in still.items():
        if aggregates(other, prepared) != whole:
            wrong.append(f"{name}: the aggregates moved")
    return wrong


def described(prepared: Prepared) -> tuple[Any, ...]:
    """All that an analyst, an account or the engine learns before data is touched."""
    return (prepared.plan, prepared.schema, prepared.estimate.events, prepared.canonical, prepared.keys)
