"""A row's value becomes an integer within its bounds, whatever the value is: the ends, their neighbours, NaN and infinity."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import duckdb
import pytest

from tacit_service.engine.bounding import integer_value
from tacit_service.query.bounds import Facts, Type
from tacit_service.query.expr import Ref
from tacit_service.query.plan import Form, Measure, MeasureKind

GRIDS = (
    Fraction(1),
    Fraction(1, 100),
    Fraction(1, 3),
    Fraction(7, 10),
    Fraction(25),
    Fraction(1, 10**9),
    Fraction(1, 2**20),
)


def measure(low: int, high: int, grid: Fraction, center: Fraction) -> Measure:
    value = Ref(Facts(Type.NUMBER), 1, "x")
    return Measure("m", MeasureKind.SUM, value, (), Form.ONE_ROW, 1, 1, low=low, high=high, grid=grid, center=center)


def values(m: Measure, rng: random.Random) -> list[float | None]:
    """Both ends, the floats around them, halves of steps, some between, and what is no number."""
    low, high = (float(end * m.grid + m.center) for end in (m.low, m.high))
    near = [x for end in (low, high) for x in (end, math.nextafter(end, math.inf), math.nextafter(end, -math.inf))]
    halves = [float((rng.randint(m.low, m.high) + Fraction(1, 2)) * m.grid + m.center) for _ in range(20)]
    inside = [rng.uniform(low, high) for _ in range(20)]
    return [*near, *halves, *inside, -0.0, 1e300, -1e300, math.inf, -math.inf, math.nan, None]


def test_every_value_is_the_nearest_step_within_the_bounds() -> None:
    rng = random.Random(3)
    with duckdb.connect() as connection:
        for _ in range(120):
            low = rng.choice((0, -5, rng.randint(-(10**9), 0)))
            center = rng.choice((Fraction(0), Fraction(1000), Fraction(rng.randint(-(10**7), 10**7), 64)))
            m = measure(low, low + rng.randint(1, 2 * 10**9), rng.choice(GRIDS), center)
            given = values(m, rng)
            connection.execute("CREATE OR REPLACE TABLE t AS SELECT unnest(?::DOUBLE[]) AS c1", [given])
            got = [int(v) for (v,) in connection.execute(f"SELECT {integer_value(m)} FROM t").fetchall()]
            for x, v in zip(given, got, strict=True):
                if x is None or math.isnan(x):
                    assert v == 0, (m, x, v)
                    continue
                assert m.low <= v <= m.high, (m, x, v)
                if math.isinf(x):
                    assert v == (m.high if x > 0 else m.low)
                else:
                    exact = min(max((Fraction(x) - m.center) / m.grid, Fraction(m.low)), Fraction(m.high))
                    assert abs(exact - v) <= Fraction(1, 2) + Fraction(1, 100), (m, x, v)


@pytest.mark.parametrize(("steps", "cut_again"), [(10**9, False), (2**40, False), (2**41, True), (10**15, True)])
def test_where_floats_might_miss_a_step_the_integer_is_cut_once_more(steps: int, cut_again: bool) -> None:
    m = measure(-steps, steps, Fraction(1, 100), Fraction(0))
    assert ("least(" in integer_value(m)) is cut_again
