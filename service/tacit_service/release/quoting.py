"""The quote of a prepared statement: what it would cost now, and what that is of what is left. Public facts only."""

from __future__ import annotations

from tacit.wire import Quote, Spend
from tacit_service.ledger.records import Window
from tacit_service.query.explain import explain

from .balances import share
from .describe import notes, quoted_columns, quoted_releases
from .prepare import Prepared

_FREE = Spend(epsilon="0", delta="0")


def quoted(
    dataset: str,
    prepared: Prepared,
    *,
    held: bool,
    explained: bool,
    more: int | None,
    closed: Window | None,
    left: Spend,
) -> Quote:
    """A quote. ``more``: charges like it that still fit; ``closed``: the pace's window that does not take it now.

    ``explained``: it was asked inside an EXPLAIN, which takes nothing; what is explained has its price in a note.
    """
    estimate = prepared.estimate
    said = notes(prepared, held)
    if explained and not held:
        said = [
            f"EXPLAIN is free, and says how the statement would be answered. Without the word it costs epsilon "
            f"{estimate.epsilon}, delta {estimate.delta}.",
            *said,
        ]
    free = held or explained
    if closed is not None and not free:
        said = [
            f"The pace of this {closed.period} leaves epsilon {closed.remaining} of {closed.limit}: "
            f"a new {closed.period} begins at {closed.ends}.",
            *said,
        ]
    return Quote(
        dataset=dataset,
        price=_FREE if free else Spend(epsilon=str(estimate.epsilon), delta=str(estimate.delta)),
        affordable=free or more is None or (more > 0 and closed is None),
        held=held,
        remaining=left,
        more_like_this=more,
        share=0.0 if free else share(estimate.epsilon, left),
        columns=quoted_columns(prepared),
        release_points=quoted_releases(prepared),
        plan=explain(prepared.plan),
        notes=said,
    )
