"""Public grids that values are rounded to before they are summed: how fine, so that exact sums fit 64 bits and noise its range."""

from __future__ import annotations

import math
from fractions import Fraction

from .bounds import Facts

VALUE_MAX = 2**31  # an integer value a row; leaves room for 4e9 rows in a 64-bit sum
VALUE_STEPS = 10**9  # steps of the grid chosen for values without a declared precision
CURVE_STEPS = 2**19  # of an axis whose squares are summed: 2^35 a row, room for 10^8 rows in 64 bits
PRODUCT_STEPS = 2**17  # of each axis of a product: 2^34 a row
MOVED_MAX = 2**40  # by how much one unit moves a sum of squares or products: noise has a scale of 2^50 at most


def curve_steps(rows: int) -> int:
    """Steps w of an axis of which one unit moves the curve, w²/8 a row, by ``rows`` rows.

    Rounding to w steps adds 1/(12·w²) of the squared width to a variance; noise of scale rows/(8·ε·n) is larger for every
    n·ε below 12·2^40 rows wherever ``MOVED_MAX`` is what limits w.

    >>> curve_steps(1), curve_steps(1000)
    (524288, 93787)
    """
    return min(CURVE_STEPS, math.isqrt(8 * MOVED_MAX // rows))


def product_steps(rows: int) -> int:
    """Steps w of each axis of a product, w² a row, of which one unit moves ``rows`` rows.

    >>> product_steps(1), product_steps(1000)
    (131072, 33158)
    """
    return min(PRODUCT_STEPS, math.isqrt(MOVED_MAX // rows))


def value_grid(f: Facts, lo: Fraction, hi: Fraction) -> Fraction:
    """Public grid to which values are rounded: the declared precision, coarsened only past 2^31 steps."""
    size = max(abs(lo), abs(hi), hi - lo)
    grid = f.grid
    if grid is None:
        exponent = math.floor(math.log10(size / VALUE_STEPS)) if size else 0
        grid = Fraction(10) ** exponent
    while size / grid > VALUE_MAX:
        grid *= 10
    return grid
