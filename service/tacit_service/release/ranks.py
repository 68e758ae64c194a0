"""Quantiles from what was released of a histogram: a chosen bin with noisy cells around it, or every noisy bin.

Post-processing only. D(e) = (rows below e) − q·(all rows) is below 0 to the left of the q-quantile and not to its right.
At every edge e of the cells its noise has a law that does not depend on data; the interval reaches from the first point where
D may be at 0 to the last (inversion of a test at 95 %), between edges by the rows that the cell holds, taken as spread at
random over it where they are few or as dense as beside it: else they may all lie at one place (``Cells.ends``).
The value is where D crosses 0 within the chosen bin, or between that bin and the crossing, where the cells contradict the
choice (``Cells.level``).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from tacit_service.privacy import accuracy, nearby
from tacit_service.query.bounds import Type
from tacit_service.query.plan import Measure, Output

from .extremes import extreme

Floats = npt.NDArray[np.float64]
CONFIDENCE = 0.95
DRAWS = 4_000
SPREAD = 1.96 / 2  # of √rows: how far rows at random places may be ahead of an even spread, at most
LUMP = 2  # times as dense as the cell beside it: its rows may be at one place
WIDE = 16  # a cell of more than this part of all bins says nothing of where within it rows are


def width(m: Measure) -> int:
    """Integers that a histogram releases for each group: every bin's count, or the chosen bin and its cells."""
    return len(m.candidates) if m.rank is None else 1 + nearby.cell_count(len(m.candidates))


@dataclass(frozen=True, slots=True)
class Cells:
    """Noisy rows of the cells of each group, between edges in bins.

    ``reach``: how far noise may move D at each edge, to both sides (95 %) and to one (its 95 % point).
    """

    rows: Floats
    edges: Floats
    reach: tuple[Floats, Floats]
    q: float
    m: Measure

    @property
    def deviation(self) -> Floats:
        """D at every edge."""
        running = np.concatenate([np.zeros_like(self.rows[..., :1]), np.cumsum(self.rows, axis=-1)], axis=-1)
        result: Floats = running - self.q * running[..., -1:]
        return result

    @property
    def lattice(self) -> bool:
        """A bin is one value: the column has no more values than there are bins."""
        return self.m.value is not None and self.m.value.facts.grid == self.m.grid

    def shown(self, places: Floats) -> Floats:
        """Places, in bins (the middle of bin b is b + ½), as values."""
        values = np.array([float(c) for c in self.m.candidates])
        if self.lattice:
            return np.asarray(values[np.clip(np.floor(places), 0, len(values) - 1).astype(int)])
        result: Floats = np.clip(values[0] + (places - 0.5) * float(self.m.grid), values[0], values[-1])
        return result

    def ends(self) -> tuple[Floats, Floats]:
        """The interval of each group, in bins.

        A bin b is left out where D is surely above 0 at its start, or surely below 0 at its end. One that holds more rows than
        noise may move D by can fail at one of the two alone, so that the one-sided point is enough for it.
        Where a bin holds so many rows, or a cell many times those beside it towards the middle, they may be equal (incomes are
        round): the end is then that of the whole bin or cell. Elsewhere noise and the rows' places err independently.
        """
        d, (groups, count), (both, one) = self.deviation, self.rows.shape, self.reach
        each, sizes = np.arange(groups), np.diff(self.edges, axis=1)
        least = np.maximum(both[1:], both[:-1])
        sure = (sizes <= 1) & (self.rows > 2 * least)
        whole = (sizes > len(self.m.candidates) / WIDE) | ((sizes <= 1) & (self.rows > least))
        density = np.maximum(self.rows, least / 4) / np.maximum(sizes, 1)  # of a cell alone noise is less than of D
        slack = np.hypot(least, SPREAD * np.sqrt(np.maximum(self.rows, 0.0))) - least
        above = d + np.concatenate([both[:1].repeat(groups)[:, None], np.where(sure, one[1:], both[1:])], axis=1)
        at = np.where((above >= 0).any(axis=1), (above >= 0).argmax(axis=1), count)
        cell = np.maximum(at - 1, 0)
        lumped = whole[each, cell] | (density[each, cell] > LUMP * density[each, np.minimum(cell + 1, count - 1)])
        part = _crossed(-slack[each, cell], above[each, cell], above[each, cell + 1])
        low = self._place(cell, np.where((at == 0) | lumped, 0.0, part))
        below = d - np.concatenate([np.where(sure, one[:-1], both[:-1]), both[-1:].repeat(groups)[:, None]], axis=1)
        at = np.where((below <= 0).any(axis=1), count - (below <= 0)[:, ::-1].argmax(axis=1), 0)
        cell = np.minimum(at, count - 1)
        lumped = whole[each, cell] | (density[each, cell] > LUMP * density[each, np.maximum(cell - 1, 0)])
        part = _crossed(slack[each, cell], below[each, cell], below[each, cell + 1])
        high = self._place(cell, np.where((at == count) | lumped, 1.0, part))
        if self.lattice:  # the whole bins that the ends lie in
            low, high = np.floor(low) + 0.5, np.maximum(np.ceil(high) - 0.5, np.floor(low) + 0.5)
        return low, np.maximum(low, high)

    def level(self, kind: accuracy.Kind, scale: float) -> tuple[Floats, float]:
        """Of each group, the D at which its quantile is taken to be: between 0 and what the chosen bin has, by their precision.

        The choice says that D is near 0 at its bin, the cells say what it is: two independent readings, weighed by variance.
        A choice's law is that of a Laplace of 2·max(q, 1 − q) times the scale that the same price buys a count.
        """
        middle = self.rows.shape[1] // 2
        d, q = self.deviation, self.q
        off = np.clip(0.0, d[:, middle], d[:, middle + 1])  # 0 where the bin may hold the quantile
        mine = 2.0 * max(q, 1.0 - q) * scale
        theirs = (2.0 if kind == "laplace" else 1.0) * scale**2 * (q**2 + (1.0 - q) ** 2) * (middle + 0.5)
        limit = theirs / mine
        return np.clip(off, -limit, limit), limit

    def _place(self, cell: npt.NDArray[np.intp], part: Floats) -> Floats:
        each = np.arange(len(cell))
        start, end = self.edges[each, cell], self.edges[each, cell + 1]
        result: Floats = start + part * (end - start)
        return result


def _crossed(level: Floats, first: Floats, last: Floats) -> Floats:
    """Which part of the way from ``first`` to ``last`` the level is reached at."""
    rise = last - first
    result: Floats = np.clip((level - first) / np.where(rise > 0, rise, 1.0), 0.0, 1.0)
    return result


def located(m: Measure, released: Floats, kind: accuracy.Kind, scale: float) -> Cells:
    """Of a chosen bin. ``released``: (groups, …): the bin, a level of D that stands for its noise, then the cells."""
    assert m.rank is not None
    q, rows = float(m.rank), released[:, 2:] / m.multiplier
    edges = nearby.edges(released[:, 0].astype(np.int64), len(m.candidates)).astype(float)
    return Cells(rows, edges, _scaled(_reach(kind, rows.shape[1], q), scale / m.multiplier), q, m)


def counted(m: Measure, counts: Floats, q: float, kind: accuracy.Kind, scale: float) -> Cells:
    """Of every bin's count: (groups, bins)."""
    bins = counts.shape[1]
    edges = np.broadcast_to(np.arange(bins + 1.0), (len(counts), bins + 1))
    return Cells(counts / m.multiplier, edges, _scaled(_reach(kind, bins, q), scale / m.multiplier), q, m)


def _scaled(reach: tuple[Floats, Floats], scale: float) -> tuple[Floats, Floats]:
    return reach[0] * scale, reach[1] * scale


@lru_cache(maxsize=256)
def _reach(kind: accuracy.Kind, cells: int, q: float) -> tuple[Floats, Floats]:
    """At each edge the 97.5 and the 95 % point of D's noise, for noise of scale 1 on every cell; simulated once, from a fixed seed."""
    rng = np.random.default_rng(20)
    drawn = rng.laplace(size=(DRAWS, cells)) if kind == "laplace" else rng.normal(size=(DRAWS, cells))
    running = np.concatenate([np.zeros((DRAWS, 1)), np.cumsum(drawn, axis=1)], axis=1)
    both: Floats = np.quantile(np.abs(running - q * running[:, -1:]), [CONFIDENCE, 2 * CONFIDENCE - 1], axis=0)
    both.setflags(write=False)
    return both[0], both[1]


def redraw(m: Measure, released: Floats, noise: Floats) -> Floats:
    """A chosen bin under fresh noise, draws first: the cells stay, and D at the bin moves by what the cells' noise does to it."""
    assert m.rank is not None
    middle = noise.shape[-1] // 2
    level = noise[..., :middle].sum(axis=-1) - float(m.rank) * noise.sum(axis=-1)
    again = np.broadcast_to(released, (len(noise), *released.shape)).copy()
    again[..., 1] = level / m.multiplier
    return again


def quantile(output: Output, m: Measure, released: Floats, kind: accuracy.Kind, scale: float) -> Floats:
    """The value of each group; axes before the last two are re-draws."""
    if m.rank is None:
        if output.parameter in (0.0, 1.0):
            return _on_values(output, m, extreme(released, m, kind, scale, last=output.parameter == 1.0))
        return _on_values(output, m, _read_off(released, m, output))
    if not released.size:  # no key passed its threshold
        return np.empty(released.shape[:-1])
    once = released.reshape(-1, *released.shape[-2:])
    cells = located(m, once[0], kind, scale)
    (low, high), centre = cells.ends(), once[0, :, 0]
    level, limit = cells.level(kind, scale / m.multiplier)
    rising = np.maximum.accumulate(cells.deviation, axis=1)
    places: Floats = np.empty((len(once), len(centre)))
    for g in range(len(centre)):
        place = np.interp(level[g], rising[g], cells.edges[g])
        if abs(level[g]) < limit:  # the choice stands
            place = np.clip(place, centre[g] + 1e-6, centre[g] + 1 - 1e-6)
        place = np.clip(place, low[g], high[g])
        moved = np.interp(once[:, g, 1], rising[g], cells.edges[g]) - np.interp(0.0, rising[g], cells.edges[g])
        places[:, g] = np.clip(place + moved, 0.0, len(m.candidates))
    return _on_values(output, m, cells.shown(places).reshape(released.shape[:-1]))


def quantile_interval(
    output: Output, m: Measure, released: Floats, shown: Floats, kind: accuracy.Kind, scale: float
) -> tuple[Floats, Floats]:
    """Ends for each group: see the module."""
    if not released.size:
        return shown, shown
    q = output.parameter or 0.0
    cells = counted(m, released, q, kind, scale) if m.rank is None else located(m, released, kind, scale)
    low, high = (cells.shown(e) for e in cells.ends())
    return np.minimum(low, shown), np.maximum(high, shown)


def expected_width(output: Output, m: Measure, rows: float, kind: accuracy.Kind, scale: float) -> float | None:
    """Half the interval of a quantile, about, where ``rows`` rows are spread evenly over the bins.

    ``None`` for MIN and MAX, whose interval ends at the declared bound.
    """
    q, bins = output.parameter or 0.0, len(m.candidates)
    if not 0.0 < q < 1.0:
        return None
    if m.rank is None:
        released = np.full((1, bins), rows / bins * m.multiplier)
    else:
        centre = min(int(q * bins), bins - 1)
        edges = nearby.edges(np.array([centre]), bins).astype(float)
        released = np.concatenate([[[centre, 0.0]], np.diff(edges, axis=1) * rows / bins * m.multiplier], axis=1)
    shown = quantile(output, m, released, kind, scale)
    low, high = quantile_interval(output, m, released, shown, kind, scale)
    return float(high[0] - low[0]) / 2


def _on_values(output: Output, m: Measure, values: Floats) -> Floats:
    """Whole, where the values are."""
    whole = output.type is Type.INTEGER or (m.value is not None and m.value.facts.grid == 1)
    return np.rint(values) if whole else values


def _read_off(counts: Floats, m: Measure, output: Output) -> Floats:
    """Where the running sum of noisy bin counts crosses the quantile; monotone by a running maximum."""
    candidates = np.array([float(c) for c in m.candidates])
    running = np.cumsum(counts, axis=-1)
    total = np.maximum(running[..., -1:], 0.0)
    target = (output.parameter or 0.0) * total
    crossed = np.maximum.accumulate(running, axis=-1) >= np.maximum(target, 1e-9)
    index = np.where(crossed.any(axis=-1), crossed.argmax(axis=-1), len(candidates) - 1)
    result: Floats = candidates[index]
    return result
