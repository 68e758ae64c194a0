"""EXPLAIN: the derivation, each measurement with its sensitivity, price and interval, how each statement bounds what a unit
adds, and the SQL sent to the engine.

Free, and a function of public facts: nothing is charged and no data is read.
"""

from __future__ import annotations

import re

from tacit.wire import Answer, ColumnInfo, Receipt, Spend
from tacit_service.engine.bounding import statements
from tacit_service.engine.literals import with_names
from tacit_service.query.explain import explain

from .estimate import contribution_words, rank_scale, step
from .intervals import CONFIDENCE
from .prepare import Prepared

_EXPLAIN = re.compile(r"\s*EXPLAIN\s+(?!ANALYZE\b)(?=SELECT\b|WITH\b|\()", re.IGNORECASE)


def explained_statement(sql: str) -> str | None:
    """The statement inside ``EXPLAIN …``, with the word blanked so that positions stay true; ``None`` for any other.

    >>> explained_statement("EXPLAIN SELECT 1")
    '        SELECT 1'
    >>> explained_statement("EXPLAIN ANALYZE SELECT 1") is None
    True
    """
    match = _EXPLAIN.match(sql)
    if match is None:
        return None
    return re.sub(r"\S", " ", sql[: match.end()]) + sql[match.end() :]


def explained_answer(dataset: str, sql: str, text: str, remaining: Spend, at: str) -> Answer:
    """The explanation as an answer, a line a row, at no cost."""
    lines = text.splitlines()
    return Answer(
        release_id="explain",
        dataset=dataset,
        sql=sql,
        created_at=at,
        columns=[ColumnInfo(name="plan", type="string", kind="public")],
        rows=[[line] for line in lines],
        intervals=[[None] for _ in lines],
        receipt=Receipt(charged=Spend(epsilon="0", delta="0"), remaining=remaining, held=False),
    )


def explanation(prepared: Prepared) -> str:
    """The whole text, one line a fact."""
    lines = explain(prepared.plan).splitlines()
    for v in prepared.estimate.vectors:
        m, s = v.measurement, v.measurement.sensitivity
        threshold = "" if m.threshold is None else f", released above {m.threshold}"
        for p in (prepared.estimate.of(v.point, name) for name, _ in v.parts):
            together = "" if len(v.parts) == 1 else f" within one vector of {len(v.parts)}, times {p.factor}"
            if v.chooses:
                lines.append(
                    f"choice {p.point}.{p.measure.name}: one of {len(p.measure.candidates)} bins for the rank {p.measure.rank} in "
                    f"every group; {contribution_words(p.measure)}; L1 {s.l1} in scores; {m.kind} scale {m.scale:.6g}, which is "
                    f"{rank_scale(p):.4g} ranks; epsilon {m.epsilon}, delta {m.delta}"
                )
                continue
            half = p.half_width(CONFIDENCE) * step(p.measure)
            lines.append(
                f"measure {p.point}.{p.measure.name} ({p.measure.kind}): {contribution_words(p.measure)}{together}; "
                f"L0 {s.l0}, L1 {s.l1}, Linf {s.linf} in steps of {step(p.measure):g}; "
                f"{m.kind} scale {m.scale:.6g}{threshold}; epsilon {m.epsilon}, delta {m.delta}; ±{half:.6g} (95 %)"
            )
    for c in prepared.estimate.checks:
        m = c.measurement
        lines.append(
            f"bias check {c.check.point}: {c.check.what} of {c.label}; L1 {m.sensitivity.l1}; {m.kind} scale {m.scale:.6g}; "
            f"epsilon {m.epsilon}, delta {m.delta}"
        )
    lines.append(f"price: epsilon {prepared.estimate.epsilon}, delta {prepared.estimate.delta}")
    for point in prepared.plan.releases:
        for statement in statements(point):
            lines.append(f"bounding {point.name} ({', '.join(statement.measures)}): {statement.formulation}")
            lines.append(f"engine {point.name}: {with_names(statement.sql)}")
    return "\n".join(lines)
