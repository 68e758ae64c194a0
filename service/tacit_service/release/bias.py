"""``bias_check``: a small, quoted part of the price buys a noisy share of the rows, units and amount that bounds cut away.

Each check is one OpenDP Laplace measurement of two sums, kept and lost (``engine.bias``), charged with the rest of the
query. Its share is lost / (kept + lost), with an interval by the same inversion as an average's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tacit.wire import BiasShare
from tacit_service.engine.aggregate import pair
from tacit_service.engine.base import Engine
from tacit_service.engine.bias import WIDE, BiasCheck, bias_sql, checks
from tacit_service.engine.literals import Staged, with_params
from tacit_service.ledger.records import Reservation
from tacit_service.privacy import accuracy, mechanisms
from tacit_service.privacy.mechanisms import Measurement, draw
from tacit_service.privacy.units import Epsilon
from tacit_service.query.plan import Plan

PART = 10  # one tenth of the query's ε
CONFIDENCE = 0.95
WEIGHTS = {"rows": 4, "amount": 4, "units": 1}  # a unit counts once there, so that little ε tells much


@dataclass(frozen=True, slots=True)
class PricedCheck:
    """A check with the measurement that will draw it."""

    check: BiasCheck
    measurement: Measurement
    label: str


def plan_checks(plan: Plan) -> list[tuple[BiasCheck, str]]:
    """All checks of a plan, with what the amount is an amount of."""
    found: list[tuple[BiasCheck, str]] = []
    for point in plan.releases:
        for check in checks(point):
            label = next((o.label for o in point.outputs if check.measure.name in o.measures), check.measure.name)
            found.append((check, label))
    return found


def priced_checks(plan: Plan, epsilon: Epsilon, unit: str) -> tuple[PricedCheck, ...]:
    """The checks at their shares of ``epsilon``."""
    found = plan_checks(plan)
    if not found:
        return ()
    shares = epsilon.split([WEIGHTS[c.what] for c, _ in found])
    return tuple(
        PricedCheck(c, mechanisms.laplace(c.sensitivity, e, unit=unit), label)
        for (c, label), e in zip(found, shares, strict=True)
    )


def parts_of(epsilon: Epsilon) -> tuple[Epsilon, Epsilon]:
    """What the answer gets, and what its check gets."""
    answer, check = epsilon.split([PART - 1, 1])
    return answer, check


def draw_check(
    engine: Engine, plan: Plan, one: PricedCheck, paid: Reservation, params: dict[str, Staged], timeout_s: float
) -> list[int]:
    """The noisy (kept, lost) of one check."""
    sql = with_params(bias_sql(plan.release(one.check.point), one.check), params)
    exact = pair(engine, sql, ("kept", "lost"), one.check.name, timeout_s=timeout_s)
    return [int(v) for v in draw(one.measurement, exact, one.check.name, paid.charged)]


def share(one: PricedCheck, noisy: Sequence[int] | npt.NDArray[np.int64]) -> BiasShare:
    """What a check says, as it is shown."""
    kept, lost = (np.array([float(v)]) for v in noisy)
    estimate = float(accuracy.ratio_estimate(lost, kept + lost, 0.0, 1.0)[0])
    low, high = accuracy.share_interval(lost, kept, accuracy.Noise("laplace", one.measurement.scale), CONFIDENCE)
    ends = (float(low[0]), float(high[0]))
    return BiasShare(
        release_point=one.check.point,
        what=one.check.what,
        of=one.label,
        share=estimate,
        low=ends[0],
        high=ends[1],
        epsilon=str(one.measurement.epsilon),
        text=_words(one, estimate, ends),
    )


def _words(one: PricedCheck, estimate: float, ends: tuple[float, float]) -> str:
    """ "bounds drop about 3 % ± 0.5 of the amount of sum(cost)"."""
    half = max(ends[1] - estimate, estimate - ends[0])
    what = {
        "rows": "of the rows",
        "units": "of the units in part",
        "amount": f"of the amount of {one.label}",
    }[one.check.what]
    if half >= 0.5:
        return f"what bounds drop {what} drowned in the noise: more epsilon would tell"
    return f"bounds drop about {100 * estimate:.2g} % ± {100 * half:.1g} {what}"


def quote_words(priced: tuple[PricedCheck, ...]) -> list[str]:
    """What a quote says of the checks."""
    if not priced:
        return [
            "bias_check: no unit can lose rows or amounts to this query's bounds, so there is nothing to check and to pay."
        ]
    spent = Epsilon(sum(p.measurement.epsilon.units for p in priced))
    named = ", ".join(dict.fromkeys(p.check.what for p in priced))
    return [
        f"bias_check: ε {spent} of the price goes to the share of {named} that bounds drop; of one unit, what is beyond "
        f"{WIDE} times its bound is not seen."
    ]
