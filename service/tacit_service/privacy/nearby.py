"""Quantiles of a histogram over public bins: how near each bin is to a rank, and the rows around a bin, as integer vectors.

A quantile is released in two parts. First the bin that holds it is chosen by noisy max over ``scores`` (``choices``).
Then the rows in cells around that bin, narrow near it and wide far from it, are counted under noise (``around``): they say
how far off the choice may be. Everything here is integers; what one unit can change is proved at each function.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt

IntVector = npt.NDArray[np.int64]
GROWTH = 3
"""Each cell holds three times the bins of the one before, so that 15 cells reach over 1,000 bins."""
_SCORE_MAX = 2**62


def score_factor(rank: Fraction) -> int:
    """How many score units one whole weight unit can move a score by: see ``scores``."""
    return 4 * max(rank.numerator, rank.denominator - rank.numerator)


def scores(cells: IntVector, rank: Fraction, multiplier: int) -> IntVector:
    """For each group (row) of (groups, bins) counts: minus how far each bin is from holding the rank, in 1/(4d) of a row.

    With F_b the rows up to bin b, N = F of the last, rank = p/d and G_b = d·F_b − p·N + d/4: the score of b is
    −max(0, G_(b−1), −G_b), which is 0 for the bin whose rows the rank falls among, and below 0 for every other (the quarter
    of a row puts a rank that falls between two rows to the first). All times 4, to stay whole.

    What one unit can change. If its rows add w_b ≥ 0 to the bins, w in all, then F_b grows by between 0 and w and N by
    exactly w, so that G_b moves by between −p·w and (d − p)·w; −max moves by no more than its arguments do. So every score
    of a group moves by at most 4·max(p, d − p)·w, with w the unit's total in that group. Where 64 bits would not hold a
    score it is computed with longer integers and cut, which moves it by no more. ∎
    """
    p, d = rank.numerator, rank.denominator
    if int(np.abs(cells).max(initial=0)) > _SCORE_MAX // (16 * d * max(cells.shape[-1], 1)):
        cells = cells.astype(object)
    running = np.cumsum(cells, axis=-1)
    off = 4 * (d * running - p * running[..., -1:]) + d * multiplier
    before = np.concatenate([np.full_like(off[..., :1], -_SCORE_MAX), off[..., :-1]], axis=-1)
    result: IntVector = np.maximum(-np.maximum(np.maximum(before, -off), 0), -_SCORE_MAX).astype(np.int64)
    return result


def reach(bins: int) -> list[int]:
    """How many bins each side of the middle one the cells' edges are, until they pass every bin.

    >>> reach(30)
    [0, 1, 4, 13, 40]
    """
    found, size = [0], 1
    while found[-1] < bins - 1:
        found.append(found[-1] + size)
        size *= GROWTH
    return found


def cell_count(bins: int) -> int:
    """Cells around a bin: the bin itself, and those to each side."""
    return 2 * len(reach(bins)) - 1


def edges(centres: IntVector, bins: int) -> IntVector:
    """For each centre, the bins at which its cells begin, and the end of the last: (groups, cells + 1), within 0 … bins."""
    steps = np.array(reach(bins), dtype=np.int64)
    relative = np.concatenate([-steps[::-1], steps + 1])
    found: IntVector = np.clip(centres[:, None] + relative[None, :], 0, bins)
    return found


def around(cells: IntVector, centres: IntVector) -> IntVector:
    """(groups, bins) counts → rows in each cell around the group's centre: (groups, ``cell_count``).

    The centres are public by now. Every bin lies in exactly one cell, so a unit that adds w in all to the bins adds w in all to
    the cells: every norm that bounds the bins bounds the cells. ∎
    """
    running = np.concatenate([np.zeros_like(cells[:, :1]), np.cumsum(cells, axis=1)], axis=1)
    at = edges(centres, cells.shape[1])
    found: IntVector = np.diff(np.take_along_axis(running, at, axis=1), axis=1)
    return found
