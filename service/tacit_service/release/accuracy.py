"""Ask by accuracy: the smallest ε at which every count and sum of a plan is within the half-width asked. Touches no data."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from tacit_service.errors import RequestError
from tacit_service.privacy.units import Epsilon
from tacit_service.query.plan import Plan

from .estimate import Estimate
from .intervals import half_width

STEP = 10**6  # ε is found on a grid of 1e-6


def parse_accuracy(value: str | int | float) -> float:
    """A positive half-width such as 50 or "±50". Raises ``RequestError`` accuracy_invalid."""
    text = (repr(value) if isinstance(value, float) else str(value)).strip().removeprefix("±").strip()
    try:
        width = Decimal(text)
    except InvalidOperation:
        width = Decimal("NaN")
    if not width.is_finite() or not 0 < width < Decimal(10) ** 18:
        raise RequestError(
            "accuracy_invalid",
            "accuracy is not a positive number.",
            hint='Write the half-width that you need, such as "50".',
            rule="parameters",
        )
    return float(width)


def smallest_epsilon(plan: Plan, price_at: Callable[[Epsilon], Estimate], target: float, cap: Epsilon) -> Epsilon:
    """The smallest ε, in steps of 1e-6, whose widest interval is within ``target``.

    Raises ``RequestError`` accuracy_invalid when the plan has other outputs than counts and sums, or when even ``cap``
    is not enough; the message tells what it gives.
    """

    def widest(steps: int) -> float:
        estimate = price_at(Epsilon(steps * STEP))
        widths = [half_width(p, o, estimate) for p in plan.releases for o in p.outputs]
        if not widths or any(w is None for w in widths):
            raise RequestError(
                "accuracy_invalid",
                "Only counts and sums have a width that is known before the answer.",
                hint="Ask by epsilon, or ask for counts and sums alone.",
                rule="parameters",
            )
        return max(w for w in widths if w is not None)

    low, high = 1, cap.units // STEP
    best = widest(high)
    if best > target:
        raise RequestError(
            "accuracy_invalid",
            f"Even epsilon {cap}, the most that one query may ask, gives ±{best:.6g}.",
            hint=f"Ask for ±{best:.6g} or more, or lower max_rows, max_groups or max_amount.",
            rule="parameters",
        )
    while low < high:
        middle = (low + high) // 2
        if widest(middle) <= target:
            high = middle
        else:
            low = middle + 1
    return Epsilon(high * STEP)
