"""Public keys of a release point: every combination that categories, bounds and public tables allow, by the sandbox.

Nothing here reads protected data: key expressions are evaluated over constants and public tables only.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from tacit_service.engine.calendar_range import CASTS
from tacit_service.engine.emit import key, name, relation
from tacit_service.engine.key_rows import LARGE, KeyRows, KeyTable, key_rows
from tacit_service.engine.literals import literal
from tacit_service.errors import DerivationError
from tacit_service.query.bounds import DAY_US, Facts, Type
from tacit_service.query.catalog import from_ordinal
from tacit_service.query.expr import Expr, Ref
from tacit_service.query.keys import CELLS_MAX
from tacit_service.query.plan import Key, ReleasePoint

Evaluate = Callable[[str], pa.Table]


def public_keys(point: ReleasePoint, evaluate: Evaluate) -> KeyRows:
    """All key rows of a release point with public keys, in key order (declared order for categories)."""
    if not point.keys:
        return [()]
    if point.key_table is not None:
        select = ", ".join(key(k.expr, unit=False) for k in point.keys)
        return _ordered(evaluate(f"SELECT DISTINCT {select} FROM ({relation(point.key_table.relation)})"))
    parts: list[KeyRows] = []
    places: list[tuple[int, ...]] = []
    for indexes in _together(point.keys):
        keys = [point.keys[i] for i in indexes]
        parts.append(_joint(keys, evaluate) if len(keys) > 1 else [(v,) for v in _values(keys[0].expr, evaluate)])
        places.append(indexes)
    if math.prod(len(p) for p in parts) > CELLS_MAX:
        raise DerivationError(
            "too_many_groups",
            f"The declared keys have more than {CELLS_MAX} combinations, each of which would be a noisy row.",
            hint="Group by fewer columns, or narrow them in WHERE.",
            rule="public keys",
        )
    rows: list[tuple[Any, ...]] = []
    for combination in itertools.product(*parts):
        row: list[Any] = [None] * len(point.keys)
        for indexes, values in zip(places, combination, strict=True):
            for i, v in zip(indexes, values, strict=True):
                row[i] = v
        rows.append(tuple(row))
    return list(dict.fromkeys(rows))


def _together(keys: tuple[Key, ...]) -> list[tuple[int, ...]]:
    """Indexes of keys that are columns of one scan of a public table (combinations are that table's), others alone."""
    groups: dict[str, list[int]] = {}
    for i, one in enumerate(keys):
        scan = one.expr.facts.public if isinstance(one.expr, Ref) and one.expr.facts.origin else 0
        groups.setdefault(f"scan {scan}" if scan else f"#{i}", []).append(i)
    return [tuple(g) for g in groups.values()]


def _joint(keys: list[Key], evaluate: Evaluate) -> KeyRows:
    table = str(keys[0].expr.facts.origin).split(".")[0]
    columns = ", ".join(name(str(k.expr.facts.origin).split(".")[1]) for k in keys)
    rows = _ordered(evaluate(f"SELECT DISTINCT {columns} FROM {name(table)}"))
    allowed = [set(_values(k.expr, evaluate)) for k in keys]
    found = [r for r in rows if all(v in a for v, a in zip(r, allowed, strict=True))]
    if all(k.expr.facts.key_null for k in keys):  # an outer join leaves all of them NULL together
        found.append(tuple(None for _ in keys))
    return list(dict.fromkeys(found))


def _values(e: Expr, evaluate: Evaluate) -> list[Any]:
    facts = e.facts
    if facts.domain is not None:
        values = list(dict.fromkeys(facts.domain))
        return [*values, None] if facts.key_null else values
    refs = {n.id: n for n in e.walk() if isinstance(n, Ref)}
    sources = []
    for id_, ref in refs.items():
        cells = ", ".join(f"({literal(v)})" for v in _column_values(ref.facts))
        kind = CASTS[ref.facts.type]
        sources.append(f"(SELECT CAST(v AS {kind}) AS c{id_} FROM (VALUES {cells}) AS t(v))")
    sql = f"SELECT DISTINCT {key(e, unit=False)} FROM {' CROSS JOIN '.join(sources) or '(SELECT 1)'}"
    return [v for (v,) in _ordered(evaluate(sql))]


def _column_values(f: Facts) -> list[Any]:
    if f.domain is not None:
        values: list[Any] = list(f.domain)
    else:
        lo, hi = f.bounds.ends()
        if f.type is Type.TIMESTAMP:  # its days, which stand for all its values (query.keys.by_day)
            points = range(math.floor(lo / DAY_US) * DAY_US, math.floor(hi) + 1, DAY_US)
        else:
            points = range(math.ceil(lo), math.floor(hi) + 1)
        values = list(points) if f.type is Type.INTEGER else [from_ordinal(f.type, p) for p in points]
    return [*values, None] if f.key_null or not values else values


def _ordered(table: pa.Table) -> KeyRows:
    if table.num_rows >= LARGE:
        keys = KeyTable(table)
        return keys.take(keys.ordered(np.arange(len(keys))))
    return sorted(key_rows(table), key=lambda r: tuple((v is None, 0 if v is None else v) for v in r))
