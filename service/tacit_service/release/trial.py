"""The SQL above a release, tried on made-up numbers before anything is charged.

Twice: as it was written, on ordinary numbers, so that what always fails (``FORMAT('{:.1f}', n)`` of an integer, a scalar
subquery of several groups) is refused with the engine's reason; and as it will run, with NULL for what fails, on numbers
such as noise can make at worst. Keys that are public are the real ones. No protected row is read.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from tacit_service.engine.key_rows import KeyRows
from tacit_service.query.bounds import Facts, Type
from tacit_service.query.caps import LEVEL
from tacit_service.query.plan import Key, Plan, Stack

# the first that passes will do: a logarithm wants numbers above 0, a chr() small ones
ORDINARY: tuple[tuple[float, ...], ...] = (
    (1_040.0, 1_310.0, 1_250.0),
    (3.0, 7.0, 5.0),
    (0.25, 0.5, 0.75),
    (-2.0, 0.0, 4.0),
)
EXTREME: tuple[tuple[float | None, ...], ...] = (
    (2.0**53, -(2.0**53), 0.0, 1e9), (-1e18, 1e18, None, -0.5), (None, None, None, None), (0.0, 0.5, -1.0, 1.0),
    (2e8, -2e8, 12.0, 5e8),  # days that are a date, and no moment
)  # fmt: skip
ROWS_MAX = 2_000  # of real keys that a trial reads
_UNKNOWN: dict[Type, tuple[Any, ...]] = {
    Type.STRING: ("a", "bc", "d e"), Type.BOOLEAN: (True, False, None), Type.INTEGER: (1, 2, 30),
    Type.NUMBER: (1.5, 2.0, 30.25), Type.NULL: (None, None, None), Type.DATE: tuple(dt.date(2024, m, 1) for m in (1, 2, 3)),
    Type.TIMESTAMP: tuple(dt.datetime(2024, m, 1, 12) for m in (1, 2, 3)),
}  # fmt: skip


def trial_table(
    plan: Plan, stack: Stack, schema: pa.Schema, keys: Mapping[str, KeyRows | None], numbers: Sequence[float | None]
) -> pa.Table:
    """A table that the outer SQL reads, filled from ``numbers`` in turn; three rows where keys are unknown."""
    rows: list[tuple[Any, ...]] = []
    levels: list[int] = []
    for level, (name, present) in enumerate(stack.parts):
        known = keys.get(name)
        if known is None:
            known = made_up_keys([stack.keys[i] for i in present])
        for key in known[:ROWS_MAX]:
            row: list[Any] = [None] * len(stack.keys)
            for i, value in zip(present, key, strict=True):
                row[i] = value
            rows.append(tuple(row))
            levels.append(level)
    arrays: list[pa.Array] = [pa.array(range(len(rows)), pa.int64())]
    arrays += [pa.array([r[i] for r in rows], schema.field(k.name).type) for i, k in enumerate(stack.keys)]
    turn = itertools.cycle(numbers)
    for output in plan.release(stack.parts[0][0]).outputs:
        kind = schema.field(output.name).type
        values = [next(turn) for _ in rows]
        next(turn)  # so that the columns of one row differ
        arrays.append(pa.array([None if v is None else int(v) if kind == pa.int64() else v for v in values], kind))
    if LEVEL in schema.names:
        arrays.append(pa.array(levels, pa.int64()))
    return pa.Table.from_arrays(arrays, schema=schema)


def made_up_keys(keys: Sequence[Key]) -> list[tuple[Any, ...]]:
    """Three rows of keys that nobody knows."""
    return list(zip(*(_UNKNOWN[_kind(k.expr.facts)] for k in keys), strict=True))


def _kind(facts: Facts) -> Type:
    return facts.type if facts.type in _UNKNOWN else Type.NULL


def filled(
    plan: Plan, stacks: Sequence[Stack], schemas: Mapping[str, pa.Schema], keys: Mapping[str, KeyRows | None],
    numbers: Sequence[float | None],
) -> dict[str, pa.Table]:  # fmt: skip
    """``trial_table`` of each of the stacks."""
    return {s.name: trial_table(plan, s, schemas[s.name], keys, numbers) for s in stacks}
