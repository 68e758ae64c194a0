"""Runs a release point on an engine and wraps the integers into ``ExactAggregates`` before anything else sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from tacit_service.errors import EngineFailure
from tacit_service.privacy.exact import ExactAggregates, IntVector
from tacit_service.query.plan import MeasureKind, ReleasePoint

from .base import Engine
from .bounding import statements
from .formulations import Statement
from .key_rows import KeyRows, key_rows, places, repeated
from .literals import Staged, with_params


def aggregate(
    engine: Engine,
    point: ReleasePoint,
    keys: KeyRows | None,
    *,
    timeout_s: float,
    params: Mapping[str, Staged] | None = None,
) -> dict[str, ExactAggregates]:
    """Exact aggregates by measure. ``keys``: the public keys, every one of which gets a row; ``None``: unknown keys.

    ``params``: numbers that earlier releases of the statement gave.

    Measures over the same groups share one object. With unknown keys the histograms are left to ``histograms``, once the
    keys that pass are known: how many keys the data holds must not decide what is kept in memory.
    """
    plain: list[tuple[Statement, pa.Table]] = []
    result = {} if keys is None else histograms(engine, point, keys, timeout_s=timeout_s, params=params)
    for statement in statements(point):
        if not _of_histogram(point, statement):
            plain.append((statement, engine.run(with_params(statement.sql, params or {}), timeout_s=timeout_s)))
    if plain:
        shared = _wrap(_found(point, plain) if keys is None else keys, plain, public=keys is not None)
        for statement, _ in plain:
            for name in statement.measures:
                result[name] = shared
    return result


def histograms(
    engine: Engine,
    point: ReleasePoint,
    keys: KeyRows,
    *,
    timeout_s: float,
    params: Mapping[str, Staged] | None = None,
) -> dict[str, ExactAggregates]:
    """The histograms of a release point over the given keys (public, or released by the threshold); each ends in the bin."""
    result: dict[str, ExactAggregates] = {}
    bins = {m.name: len(m.candidates) for m in point.measures}
    for statement in statements(point):
        if _of_histogram(point, statement):
            table = engine.run(with_params(statement.sql, params or {}), timeout_s=timeout_s)
            name = statement.measures[0]
            result[name] = _wrap(repeated(keys, bins[name]), [(statement, table)], public=True)
    return result


def _of_histogram(point: ReleasePoint, statement: Statement) -> bool:
    return any(m.kind is MeasureKind.HISTOGRAM and m.name == statement.measures[0] for m in point.measures)


def _found(point: ReleasePoint, results: list[tuple[Statement, pa.Table]]) -> KeyRows:
    """Keys that the data holds, as the thresholded measure sees them."""
    statement, table = next((s, t) for s, t in results if point.threshold_on in s.measures)
    return key_rows(table.select(range(statement.keys)))


def _wrap(rows: KeyRows, results: Sequence[tuple[Statement, pa.Table]], *, public: bool) -> ExactAggregates:
    """Vectors over ``rows`` in order; a key without data has 0, data without a key in ``rows`` is left out."""
    vectors: dict[str, IntVector] = {}
    for statement, table in results:
        found = places(rows, table.select(range(statement.keys)))
        known = found >= 0
        for i, name in enumerate(statement.measures):
            column = table.column(statement.keys + i)
            if column.type != pa.int64() or column.null_count:
                raise EngineFailure("engine_failed", "The engine gave a value that is no 64-bit integer.")
            vector = np.zeros(len(rows), dtype=np.int64)
            vector[found[known]] = column.to_numpy()[known]
            vectors[name] = vector
    return ExactAggregates(rows, vectors, keys_are_public=public)


def tallied(cells: Sequence[int]) -> ExactAggregates:
    """Numbers of units by public cell, counted outside the engine, as the measure ``units``: a unit is in one cell."""
    keys = [(cell,) for cell in range(len(cells))]
    return ExactAggregates(keys, {"units": np.array(cells, dtype=np.int64)}, keys_are_public=True)


def count_units(engine: Engine, rows: str, *, timeout_s: float) -> ExactAggregates:
    """The number of units that have a row in ``rows``, the SQL of a protected relation, as the measure ``units``."""
    table = engine.run(f"SELECT count(DISTINCT _u) AS n FROM ({rows})", timeout_s=timeout_s)
    return ExactAggregates([()], {"units": table.column(0).to_numpy().astype(np.int64)}, keys_are_public=True)


def pair(engine: Engine, sql: str, names: tuple[str, str], measure: str, *, timeout_s: float) -> ExactAggregates:
    """The two integers of a SELECT of one row, as one measure over two groups named so."""
    table = engine.run(sql, timeout_s=timeout_s)
    vector = np.array([table.column(i).to_pylist()[0] for i in range(2)], dtype=np.int64)
    return ExactAggregates([(n,) for n in names], {measure: vector}, keys_are_public=True)
