"""Exact integers under noise: the one place of this room where an engine's integers meet the mechanisms that were paid for."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from tacit.wire import BiasShare
from tacit_service.engine.aggregate import aggregate, histograms
from tacit_service.engine.base import Engine
from tacit_service.engine.literals import Staged
from tacit_service.errors import EngineFailure
from tacit_service.ledger.records import Reservation
from tacit_service.privacy.choices import around, draw_ranks
from tacit_service.privacy.mechanisms import draw_vector
from tacit_service.privacy.thresholds import draw_threshold
from tacit_service.query.plan import MeasureKind, ReleasePoint

from .bias import draw_check, share
from .ladder import Run
from .postprocessing import Released
from .prepare import Prepared
from .ranks import width
from .records import CHECKS

ENGINE_TIMEOUT_S = 60.0


def measured(
    engine: Engine, point: ReleasePoint, prepared: Prepared, reservation: Reservation, numbers: dict[str, Staged],
    run: Run,
) -> Released:  # fmt: skip
    """Exact integers under noise. The exact aggregates live in this frame only."""
    keys = prepared.keys[point.name]
    exact = aggregate(engine, point, keys, timeout_s=run.engine_s(), params=numbers)
    noisy: dict[str, npt.NDArray[np.int64]] = {}
    charged = reservation.charged
    kept: npt.NDArray[np.int64] | None = None
    own = [v for v in prepared.estimate.vectors if v.point == point.name]
    vectors = sorted(own, key=lambda v: (not v.threshold, not v.chooses))
    centres: dict[str, npt.NDArray[np.int64]] = {}
    named = {m.name: m for m in point.measures}
    binned = {m.name for m in point.measures if m.kind is MeasureKind.HISTOGRAM}
    for v in vectors:
        if v.threshold:
            name = v.parts[0][0]
            keys, kept, counts = draw_threshold(v.measurement, exact[name], name, charged)
            noisy[name] = counts
            if binned:
                exact |= histograms(engine, point, keys, timeout_s=run.engine_s(), params=numbers)
            continue
        if v.chooses:
            m = named[v.parts[0][0]]
            centres[m.name] = draw_ranks(
                v.measurement, exact[m.name], m.name, m.rank or Fraction(1, 2), m.multiplier, charged
            )
            exact[m.name] = around(exact[m.name], m.name, centres[m.name], len(m.candidates))
            continue
        told = [None if name in binned else kept for name, _ in v.parts]
        drawn = draw_vector(v.measurement, [(exact[n], n, f) for n, f in v.parts], charged, told)
        noisy |= {name: vector for (name, _), vector in zip(v.parts, drawn, strict=True)}
    assert keys is not None
    for name, chosen in centres.items():  # each group's bin before its cells
        cells = noisy[name].reshape(len(chosen), width(named[name]) - 1)
        noisy[name] = np.column_stack([chosen, cells]).reshape(-1)
    if binned:
        _check_cells(point, noisy, len(keys))
    return Released(keys, noisy)


def checked(
    engine: Engine, prepared: Prepared, reservation: Reservation, numbers: dict[str, Staged], run: Run
) -> Released:
    """The noisy pairs of every bias check."""
    drawn: dict[str, Sequence[int]] = {
        f"{c.check.point}.{c.check.name}": draw_check(engine, prepared.plan, c, reservation, numbers, run.engine_s())
        for c in prepared.estimate.checks
    }
    return Released([], drawn)


def shares_of(prepared: Prepared, released: dict[str, Released]) -> list[BiasShare]:
    """What each bias check says."""
    return [share(c, released[CHECKS].measures[f"{c.check.point}.{c.check.name}"]) for c in prepared.estimate.checks]


def _check_cells(point: ReleasePoint, noisy: dict[str, npt.NDArray[np.int64]], groups: int) -> None:
    for m in point.measures:
        if m.kind is MeasureKind.HISTOGRAM and len(noisy[m.name]) != groups * width(m):
            raise EngineFailure("engine_failed", "A histogram has the wrong number of cells.")
