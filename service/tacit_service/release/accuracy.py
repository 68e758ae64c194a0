"""Ask by accuracy: the smallest ε at which every number of a plan is within the half-width asked. Touches no data.

A width is absolute ("±50"), or a share of a size that is public to who asks: "5 % of rel_…", a release that they hold, or
"5 %" of what the policy's ``expected_rows`` lets expect. Widths of averages, spreads and quantiles depend on how many rows a
group has: the policy says so, who asks ("±1 in groups of 500"), or the counts of the release that they name. A wrong guess costs
accuracy, never privacy. What is computed from released numbers is asked of as it is shown (``derived``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from tacit.wire import Answer, QueryRequest
from tacit_service.errors import RequestError
from tacit_service.privacy.units import Epsilon
from tacit_service.query.plan import AggKind, Output, Plan, ReleasePoint

from .estimate import Estimate
from .intervals import expected_half_width, half_width
from .shares import Sizes, known_rows, size

STEP = 10**6  # ε is found on a grid of 1e-6
_TEXT = re.compile(r"(?:±|\+/-)?\s*(?P<number>[0-9.eE+-]+)\s*(?:(?P<share>%)\s*(?:of\s+(?P<release>rel_[0-9a-zA-Z]+))?)?"
                   r"(?:\s*at\s*95\s*%)?(?:\s*in\s+groups\s+of\s+(?P<rows>[0-9][0-9,_]{0,20})(?:\s+rows)?)?"
                   r"(?:\s*at\s*95\s*%)?\Z")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """The half-width asked: a number, or a ``share`` of ``sizes`` by column (of expected rows where there are none).

    ``rows`` is what who asks takes a group to hold; ``None`` where the policy is to say.
    """

    width: float
    share: bool = False
    release: str | None = None
    rows: float | None = None
    sizes: Mapping[str, float] = field(default_factory=dict)


def parse_accuracy(value: str | int | float) -> Target:
    """ "±50 at 95 %", "50", "5 %", "5 % of rel_…", "±1 in groups of 500". Raises ``RequestError`` accuracy_invalid."""
    text = (repr(value) if isinstance(value, float) else str(value)).strip()
    match = _TEXT.match(text)
    try:
        width = Decimal(match["number"] if match else "NaN")
    except InvalidOperation:
        width = Decimal("NaN")
    if match is None or not width.is_finite() or not 0 < width < Decimal(10) ** 18:
        raise _invalid(
            "accuracy is not a positive number.", 'Write the half-width that you need, such as "50" or "5 % of rel_…".'
        )
    rows = float(match["rows"].replace(",", "").replace("_", "")) if match["rows"] else None
    if rows is not None and not 1 <= rows < 1e12:
        raise _invalid("A group cannot hold so many rows.", 'Write a number from 1 on, as in "1 in groups of 500".')
    if match["share"]:
        return Target(float(width) / 100, True, match["release"], rows)
    return Target(float(width), rows=rows)


def released_id(request: QueryRequest, options: Callable[[str], tuple[str, dict[str, str]]]) -> str | None:
    """The release whose sizes the request's accuracy is relative to, if there is one."""
    said = request.accuracy
    if said is None and "differential_privacy" in request.sql.lower():
        said = options(request.sql)[1].get("accuracy")
    return None if said is None else parse_accuracy(said).release


def sizes_of(answer: Answer) -> dict[str, float]:
    """The smallest magnitude of each measured column of a release, zeros left out: what a share is a share of."""
    found: dict[str, float] = {}
    for i, column in enumerate(answer.columns):
        if column.kind in ("noisy", "derived") and column.type in ("integer", "number"):
            cells = [abs(float(c)) for c in (r[i] for r in answer.rows) if isinstance(c, int | float) and c]
            if cells:
                found[column.name] = min(cells)
    return found


def rows_counted(answer: Answer, held: Plan, wanted: Plan) -> float | None:
    """The smallest group that a release counts, the least count that its noise does not explain.

    ``held``: the release's own plan. ``None`` where it counts no rows, by other keys than the plan that is wanted, or where
    its text means other columns by now.
    """
    by, asked = ({(k.label, k.expr.facts.origin) for p in plan.releases for k in p.keys} for plan in (held, wanted))
    if by != asked or len(held.columns) != len(answer.columns):
        return None
    kinds = {(p.name, o.name): o.kind for p in held.releases for o in p.outputs}
    stacks = {s.name: s.parts[0][0] for s in held.stacks}
    counts = [
        i
        for i, c in enumerate(held.columns)
        if c.source is not None and kinds.get((stacks[c.source[0]], c.source[1])) is AggKind.COUNT
    ]
    sure = []
    for row, ends in zip(answer.rows, answer.intervals, strict=False):
        for count, span in ((row[i], ends[i]) for i in counts[:1]):
            if isinstance(count, int | float) and span is not None and span[0] > 0:
                sure.append(float(count))
    return min(sure, default=None)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of one number: at most ``width`` wide to each side, in a group of ``rows`` where that matters."""

    point: ReleasePoint
    output: Output
    width: float
    rows: float | None

    def ratio(self, estimate: Estimate) -> float:
        """How many times wider than asked it would be."""
        half = half_width(self.point, self.output, estimate)
        if half is None and self.rows is not None:
            half = expected_half_width(self.point, self.output, estimate, self.rows)
        if half is None:
            raise self._unknown()
        return half / self.width

    def _unknown(self) -> RequestError:
        if self.output.kind is AggKind.QUANTILE and self.output.parameter in (0.0, 1.0):
            return _invalid(
                f"The interval of {self.output.label} ends at the declared bound, whatever ε is: one person may hide there.",
                "Ask for a quantile such as 0.01 or 0.99, or by epsilon.",
            )
        return unknown_rows(self.output.label)


def wanted(
    plan: Plan,
    target: Target,
    groups: Mapping[str, int | None],
    sizes: Sizes,
    shown: Set[tuple[str, str]] | None = None,
) -> list[Wanted]:
    """Every number of the plan with its width. Raises ``RequestError`` accuracy_invalid where a size is not known.

    ``shown``: (release, output) of those that are asked for, where it is not all.
    """
    found = []
    known = known_rows(plan, target.rows, groups, sizes)
    for point in plan.releases:
        rows = known.get(point.name)
        named = {m.name: m for m in point.measures}
        for output in point.outputs:
            if shown is not None and (point.name, output.name) not in shown:
                continue
            width = target.width
            if target.share:
                width *= _size(plan, point, output, target) or (
                    size(output, [named[m] for m in output.measures], rows) if rows and not target.release else 0.0
                )
            expected_size(width, output.label)
            found.append(Wanted(point, output, width, rows))
    return found


def _size(plan: Plan, point: ReleasePoint, output: Output, target: Target) -> float:
    stacks = {s.name for s in plan.stacks if any(r == point.name for r, _ in s.parts)}
    names = [
        c.name for c in plan.columns if c.source is not None and c.source[0] in stacks and c.source[1] == output.name
    ]
    found = [target.sizes[n] for n in names if n in target.sizes]
    if not found and len(target.sizes) == 1:
        found = list(target.sizes.values())
    return min(found, default=0.0)


def smallest_epsilon(numbers: list[Wanted], price_at: Callable[[Epsilon], Estimate], cap: Epsilon) -> Epsilon:
    """The smallest ε, in steps of 1e-6, at which no number is wider than asked.

    Raises ``RequestError`` accuracy_invalid when a width depends on the answer, or when even ``cap`` is not enough; the
    message tells what it gives.
    """

    def worst(steps: int) -> float:
        estimate = price_at(Epsilon(steps * STEP))
        return max(w.ratio(estimate) for w in numbers)

    low, high = 1, cap.units // STEP
    best = worst(high)
    if best > 1:
        least = max(numbers, key=lambda w: w.ratio(price_at(cap)))
        gives = best * least.width
        raise gives_at_most(cap, gives, least.output.label)
    while low < high:
        middle = (low + high) // 2
        if worst(middle) <= 1:
            high = middle
        else:
            low = middle + 1
    return Epsilon(high * STEP)


def expected_size(size: float | None, label: str) -> float:
    """The size, where there is one. Raises ``RequestError`` accuracy_invalid."""
    if not size:
        raise _invalid(
            f"What {label} is relative to is not known.",
            "Name a release that you hold with a column of the same name: accuracy = '5 % of rel_…'.",
        )
    return size


def gives_at_most(cap: Epsilon, gives: float, label: str) -> RequestError:
    """Even the largest price gives no more than that."""
    return _invalid(
        f"Even epsilon {cap}, the most that one query may ask, gives ±{gives:.6g} on {label}.",
        f"Ask for ±{gives:.6g} or more, or lower max_rows, max_groups or max_amount.",
    )


def unknown_rows(label: str) -> RequestError:
    """A width rests on sizes that nobody told."""
    return _invalid(
        f"The width of {label} depends on how many rows a group has.",
        'Say about how many: accuracy = "1 in groups of 500". Or have the policy tell expected_rows, or ask by epsilon.',
    )


def unpriced(label: str) -> RequestError:
    """What an expected answer does not have no price can be found for."""
    return _invalid(
        f"{label} is computed from released numbers in a way that shows nothing before the answer does.",
        "Ask for the released numbers themselves, such as SUM(x) and COUNT(x) in place of their ratio, or by epsilon.",
    )


def untimely(label: str) -> RequestError:
    """The price was not found in time, which a busy machine may decide: so this is not remembered, and no price is guessed."""
    return RequestError(
        "sql_too_complex",
        f"What {label} would cost takes longer to find than is allowed. Nothing was run or charged.",
        hint="Ask by epsilon in place of accuracy, or for the released numbers themselves, such as SUM(x) and COUNT(x).",
        rule="limits",
    )


def _invalid(detail: str, hint: str) -> RequestError:
    return RequestError("accuracy_invalid", detail, hint=hint, rule="parameters")
