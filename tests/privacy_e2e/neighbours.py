"""Declared against measured sensitivity: the integer aggregates of one query on two databases that differ by one unit."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from typing import Any

import duckdb
from tacit_e2e_data import CLINICS, DIAGNOSES, REGIONS, TIGHT, TIGHT_GROUPS, Bounds
from tacit_e2e_databases import Databases
from tacit_e2e_world import TIMEOUT_S, World

from tacit_service.engine.aggregate import aggregate, histograms
from tacit_service.engine.base import Engine
from tacit_service.engine.bounding import sensitivity
from tacit_service.engine.literals import Staged, value_of
from tacit_service.errors import TacitError
from tacit_service.privacy.exact import ExactAggregates
from tacit_service.query.bounds import Type
from tacit_service.query.plan import ParamPlan, ReleasePoint
from tacit_service.release.prepare import Prepared, table_schema
from tacit_service.release.trial import filled

# what an earlier stage is taken to have released, by its type: public, so the same on every neighbour
STAGED: dict[Type, float | str | bool] = {
    Type.NUMBER: 47.0, Type.INTEGER: 47, Type.STRING: "Central", Type.BOOLEAN: True, Type.DATE: 19_700.0,
    Type.TIMESTAMP: 19_700 * 86_400e6,
}  # fmt: skip
WORDS = (*REGIONS[::2], "R8", *CLINICS[:2], *DIAGNOSES[::2], "rare")
COMPARED: Counter[bool] = Counter()  # threshold points compared, by whether a key that both sides have moved
Cells = dict[tuple[Any, ...], int]
Aggregates = dict[tuple[str, str], Cells]  # (release point, measure) → integer of each group


def aggregates(engine: Engine, prepared: Prepared) -> Aggregates:
    """Every measure's integers by group key; groups at zero are left out."""
    found: Aggregates = {}
    numbers = {p.name: staged(p, prepared) for p in prepared.plan.params}
    for point in prepared.plan.releases:
        exact = aggregate(engine, point, prepared.keys[point.name], timeout_s=TIMEOUT_S, params=numbers)
        if prepared.keys[point.name] is None:
            found_keys = exact[str(point.threshold_on)]._key_list()
            exact |= histograms(engine, point, found_keys, timeout_s=TIMEOUT_S, params=numbers)
        for measure in point.measures:
            found[point.name, measure.name] = _cells(exact[measure.name], measure.name)
    return found


def staged(param: ParamPlan, prepared: Prepared) -> Staged:
    """A value; or the rows that the stage's SQL makes of groups of a thousand, by their public keys.

    Where keys are unknown, a row for each of some words, so that some are keys of the tables whatever the column is.
    """
    if not param.rows:
        return STAGED[param.types[0]]
    stacks = [prepared.plan.stack(t) for t in param.tables]
    if all(prepared.keys[r] is not None for s in stacks for r, _ in s.parts):
        schemas = {s.name: table_schema(prepared.plan, s) for s in stacks}
        with duckdb.connect() as connection:
            for name, table in filled(
                prepared.plan, stacks, schemas, prepared.keys, (1_040.0, 1_310.0, 1_250.0)
            ).items():
                connection.register(name, table)
            return tuple(tuple(map(value_of, row)) for row in connection.execute(param.sql).fetchall())
    return tuple(tuple(word if t is Type.STRING else STAGED[t] for t in param.types) for word in WORDS)


def _cells(exact: ExactAggregates, measure: str) -> Cells:
    keys, values = exact._key_list(), exact._values(measure).tolist()
    return {k: v for k, v in zip(keys, values, strict=True) if v}


def violations(point: ReleasePoint, whole: Aggregates, less: Aggregates) -> Iterator[str]:
    """Each norm of the difference that is larger than the release point declares; ``less`` is ``whole`` without one unit.

    A key that the threshold's count holds in ``whole`` alone has that unit's 1 there, and passes with the chance δ that is
    charged; where it does not pass, nothing of it is released. So the other measures are compared over the other keys.
    Without a unit there is never a key more.
    """
    alone: set[tuple[Any, ...]] = set()
    if point.threshold_on is not None:
        more, fewer = (side[point.name, point.threshold_on] for side in (whole, less))
        if added := fewer.keys() - more.keys():
            yield f"the threshold's count has {len(added)} keys without the unit that it has not with it"
        linf = next(sensitivity(m).linf for m in point.measures if m.name == point.threshold_on)
        alone = {k for k in more.keys() - fewer.keys() if more[k] <= linf}
        COMPARED[any(more[k] != n for k, n in fewer.items() if k in more)] += 1
    for measure in point.measures:
        a, b = whole[point.name, measure.name], less[point.name, measure.name]
        told = a.keys() | b.keys() if measure.name == point.threshold_on else _told(a.keys() | b.keys(), alone, point)
        moved = [d for k in told if (d := a.get(k, 0) - b.get(k, 0))]
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


def _told(keys: Set[tuple[Any, ...]], alone: Set[tuple[Any, ...]], point: ReleasePoint) -> Set[tuple[Any, ...]]:
    """The cells of groups that both sides have; a histogram's keys end in the bin."""
    return {k for k in keys if k[: len(point.keys)] not in alone} if alone else keys


def check(databases: Databases, prepared: Prepared, *, apart: bool = True) -> list[str]:
    """What is wrong with a query: moves past the declared norms between neighbours, any move where the people are the same.

    ``apart``: those are asked by several threads, and in a statement of their own.
    """
    wrong: list[str] = []
    with databases.one_plan(apart=apart):
        everyone = aggregates(databases.whole, prepared)
        for name, engine in databases.less.items():
            less = aggregates(engine, prepared)
            wrong += [f"without {name}: {v}" for p in prepared.plan.releases for v in violations(p, everyone, less)]
        if aggregates(databases.same, prepared) != everyone:
            wrong.append("the aggregates moved though the people are the same")
    return wrong


def asked(world: World, sql: str, everyone: Sequence[Bounds] = (TIGHT, TIGHT_GROUPS)) -> list[Prepared]:
    """The query under tight bounds of both forms, and sums under a tight amount too; each different plan once."""
    found = [world.prepare(b, sql) for b in everyone]
    if "SUM(" in sql.upper():
        found.append(world.prepare(everyone[0], sql, max_amount=70))
    return list({p.canonical: p for p in found}.values())


def described(prepared: Prepared) -> tuple[Any, ...]:
    """All that an analyst, an account or the engine learns before data is touched."""
    return (prepared.plan, prepared.schema, prepared.estimate.events, prepared.canonical, prepared.keys)


def outcome(world: World, bounds: Bounds, sql: str, **caps: Any) -> Any:
    """What is told before data is touched: the whole of ``described``, or the refusal's code, words and place."""
    try:
        return described(world.prepare(bounds, sql, **caps))
    except TacitError as refusal:
        return refusal.code, str(refusal), getattr(refusal, "position", None)
