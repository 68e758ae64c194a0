"""Bounds that an earlier stage of the same statement found, put in the place of those that the policy lacks.

Post-processing of a noisy histogram: nothing here reads exact values. The later measurements were charged for an integer
axis of a fixed number of steps; only how long a step is follows from the bounds, so no sensitivity depends on them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from tacit_service.query.found_bounds import bin_ends
from tacit_service.query.plan import Axis, Measure

from .postprocessing import Released
from .prepare import Prepared

MISS = 0.01  # chance that noise alone makes some empty bin stand out


def found_bounds(scale: float, noisy: Sequence[int] | npt.NDArray[np.int64]) -> tuple[Fraction, Fraction]:
    """From the lowest to the highest bin that stands out of the noise; the fullest bin alone where none does."""
    threshold = scale * math.log(len(noisy) / 2 / MISS)
    out = [i for i, count in enumerate(noisy) if count > threshold]
    out = out or [max(range(len(noisy)), key=lambda i: noisy[i])]
    return bin_ends(out[0])[0], bin_ends(out[-1])[1]


def with_bounds(prepared: Prepared, released: Mapping[str, Released]) -> Prepared:
    """The prepared request with every bound that the released stages found; the same where there is none."""
    finders = [p for p in prepared.plan.releases if p.finds_bounds and p.name in released]
    if not finders:
        return prepared
    bounds = {}
    for point in finders:
        (m,) = point.measures
        scale = prepared.estimate.of(point.name, m.name).scale
        bounds[point.name] = found_bounds(scale, released[point.name].measures[m.name])

    def known(m: Measure) -> Measure:
        if not any(a.found_by in bounds for a in m.axes):
            return m
        axes = tuple(_axis(a, *bounds[a.found_by]) if a.found_by in bounds else a for a in m.axes)
        return replace(m, axes=axes, grid=axes[0].grid)

    releases = tuple(replace(p, measures=tuple(map(known, p.measures))) for p in prepared.plan.releases)
    priced = tuple(replace(p, measure=known(p.measure)) for p in prepared.estimate.priced)
    said = [f"Bounds found for {_label(prepared, n)}: [{float(a):g}, {float(b):g}]; values outside count as the nearer."
            for n, (a, b) in bounds.items()]  # fmt: skip
    return replace(
        prepared,
        plan=replace(prepared.plan, releases=releases),
        estimate=replace(prepared.estimate, priced=priced),
        found=tuple(said),
    )


def _label(prepared: Prepared, finder: str) -> str:
    for point in prepared.plan.releases:
        for m in point.measures:
            if any(a.found_by == finder for a in m.axes):
                return next((o.label for o in point.outputs if m.name in o.measures), m.name)
    return finder


def _axis(axis: Axis, low: Fraction, high: Fraction) -> Axis:
    return replace(axis, grid=(high - low) / axis.width, center=low - axis.low * (high - low) / axis.width, found_by="")
