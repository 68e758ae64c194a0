"""Runs a release point on an engine and wraps the integers into ``ExactAggregates`` before anything else sees them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from tacit_service.errors import EngineFailure
from tacit_service.privacy.exact import ExactAggregates, IntVector
from tacit_service.query.plan import MeasureKind, ReleasePoint

from .base import Engine
from .bounding import Statement, statements
from .emit import with_params

KeyRows = list[tuple[Any, ...]]


def aggregate(
    engine: Engine,
    point: ReleasePoint,
    keys: KeyRows | None,
    *,
    timeout_s: float,
    params: Mapping[str, float | None] | None = None,
) -> dict[str, ExactAggregates]:
    """Exact aggregates by measure. ``keys``: the public keys, every one of which gets a row; ``None``: unknown keys.

    ``params``: numbers that earlier releases of the statement gave.

    Measures over the same groups share one object; a histogram has its own, whose keys end in the bin.
    """
    plain: list[tuple[Statement, pa.Table]] = []
    result: dict[str, ExactAggregates] = {}
    kinds = {m.name: m for m in point.measures}
    for statement in statements(point):
        table = engine.run(with_params(statement.sql, params or {}), timeout_s=timeout_s)
        measure = kinds[statement.measures[0]]
        if measure.kind is MeasureKind.HISTOGRAM:
            if keys is None:
                raise EngineFailure("engine_failed", "A histogram needs public keys.")
            cells = [(*k, b) for k, b in itertools.product(keys, range(len(measure.candidates)))]
            result[measure.name] = _wrap(cells, [(statement, table)], public=True)
        else:
            plain.append((statement, table))
    if plain:
        public = keys is not None
        rows = keys if keys is not None else _found(point, plain)
        shared = _wrap(rows, plain, public=public)
        for statement, _ in plain:
            for name in statement.measures:
                result[name] = shared
    return result


def _found(point: ReleasePoint, results: list[tuple[Statement, pa.Table]]) -> KeyRows:
    """Keys that the data holds, as the thresholded measure sees them."""
    statement, table = next((s, t) for s, t in results if point.threshold_on in s.measures)
    return _key_rows(table, statement.keys)


def _key_rows(table: pa.Table, count: int) -> KeyRows:
    if count == 0:
        return [() for _ in range(table.num_rows)]
    columns = [table.column(i).to_pylist() for i in range(count)]
    return list(zip(*columns, strict=True))


def _wrap(rows: KeyRows, results: Sequence[tuple[Statement, pa.Table]], *, public: bool) -> ExactAggregates:
    """Vectors over ``rows`` in order; a key without data has 0, data without a key in ``rows`` is left out."""
    place = {key: i for i, key in enumerate(rows)}
    vectors: dict[str, IntVector] = {}
    for statement, table in results:
        found = np.array([place.get(k, -1) for k in _key_rows(table, statement.keys)], dtype=np.int64)
        known = found >= 0
        for i, name in enumerate(statement.measures):
            column = table.column(statement.keys + i)
            if column.type != pa.int64() or column.null_count:
                raise EngineFailure("engine_failed", "The engine gave a value that is no 64-bit integer.")
            vector = np.zeros(len(rows), dtype=np.int64)
            vector[found[known]] = column.to_numpy()[known]
            vectors[name] = vector
    return ExactAggregates(rows, vectors, keys_are_public=public)


def count_units(engine: Engine, rows: str, *, timeout_s: float) -> ExactAggregates:
    """The number of units that have a row in ``rows``, the SQL of a protected relation, as the measure ``units``."""
    table = engine.run(f"SELECT count(DISTINCT _u) AS n FROM ({rows})", timeout_s=timeout_s)
    return ExactAggregates([()], {"units": table.column(0).to_numpy().astype(np.int64)}, keys_are_public=True)


def pair(engine: Engine, sql: str, names: tuple[str, str], measure: str, *, timeout_s: float) -> ExactAggregates:
    """The two integers of a SELECT of one row, as one measure over two groups named so."""
    table = engine.run(sql, timeout_s=timeout_s)
    vector = np.array([table.column(i).to_pylist()[0] for i in range(2)], dtype=np.int64)
    return ExactAggregates([(n,) for n in names], {measure: vector}, keys_are_public=True)
