"""Bounds that a policy lacks: a release point that counts values by power of two, from which bounds are read off.

After Wilson, Zhang, Lam, Desfontaines, Simmons-Marengo and Gipson, "Differentially Private SQL with Bounded User
Contribution" (2020), section 5: a noisy histogram over public, logarithmic bins; the outermost bins that stand out of the
noise give the bounds. Each unit's rows weigh one in all, whatever their number, so that the noise is that of one person.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from . import operators
from .bounds import Facts, Interval, Type
from .build import integer
from .expr import Call, Case, Expr, Lit
from .plan import Form, Measure, MeasureKind, Relation, ReleasePoint

POWERS = range(-10, 41)  # magnitudes from 2^-10 to 2^40, about 0.001 to 10^12
WEIGHT = 2**16

EDGES: tuple[Fraction, ...] = (
    *(-(Fraction(2) ** k) for k in reversed(POWERS)),
    *(Fraction(2) ** k for k in POWERS),
)
"""Upper ends of all bins but the last: −2^40 … −2^−10, 2^−10 … 2^40. The middle bin holds zero."""


def bounds_point(name: str, source: Relation, value: Expr) -> ReleasePoint:
    """Counts of the value by bin, one row over all people. Its L1 is one unit's whole weight, ``WEIGHT``."""
    last = len(EDGES)
    facts = Facts(Type.INTEGER, Interval.of(0, last), nullable=True, grid=Fraction(1))
    whens = tuple(
        (Call(operators.truth((value.facts,)), "le", (value, _number(e))), integer(i)) for i, e in enumerate(EDGES)
    )
    above = Call(operators.truth((value.facts,)), "gt", (value, _number(EDGES[-1])))
    bin_ = Case(facts, (*whens, (above, integer(last))), None)
    candidates = tuple(Fraction(i) for i in range(last + 1))
    one = source.max_rows == 1
    measure = Measure("m0", MeasureKind.HISTOGRAM, bin_, (), Form.ONE_ROW if one else Form.WEIGHTS, 1 if one else 0, 1,
                      multiplier=1 if one else WEIGHT, ranked=not one, candidates=candidates)  # fmt: skip
    return ReleasePoint(name, source, (), None, True, (measure,), ())


def _number(edge: Fraction) -> Lit:
    facts = Facts(Type.NUMBER, Interval(edge, edge), nullable=False, per_unit=True)
    return Lit(facts, Decimal(edge.numerator) / Decimal(edge.denominator))


def bin_ends(index: int) -> tuple[Fraction, Fraction]:
    """The values that a bin holds, the outermost as far as their inner edge doubled."""
    low = EDGES[index - 1] if index > 0 else EDGES[0] * 2
    high = EDGES[index] if index < len(EDGES) else EDGES[-1] * 2
    return low, high
