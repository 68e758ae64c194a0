"""The stored table of units: each unit's number of rows in a table, and its sums of stored multiples.

What a unit adds under K × C with K = 1 is a function of these alone where a measure counts all of its rows, or sums a column
that is stored in whole multiples and needs no clamp: then the table, which has a row a unit, stands for the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tacit_service.query.expr import Ref
from tacit_service.query.plan import Measure, MeasureKind, Project, Relation, Scan

from .sources import identifier
from .stored import TOTAL, steps, steps_column, whole_table


def units_table(table: str) -> str:
    """Physical name of the table of units."""
    return f"_units_{table}"


def sums(columns: Iterable[str]) -> str:
    """What is stored of a unit, as aggregates over its rows; ``columns`` are those whose multiples are stored."""
    totals = (f"CAST(sum({identifier(steps_column(c))}) AS BIGINT) AS {identifier(_sum(c))}" for c in columns)
    return ", ".join([f"count(*) AS {TOTAL}", *totals])


def partials(source: Relation, measures: Sequence[Measure]) -> str | None:
    """A SELECT of what ``GROUP BY _u`` over the rows gives each measure, from the table of units; ``None`` where it cannot.

    A count without a condition is the stored count. A sum is the stored sum where each value is within the measure's bounds
    whatever it is, and is read without a shift: NULL counts 0 in both. ∎
    """
    table = whole_table(source)
    if table is None:
        return None
    columns = []
    for m in measures:
        if m.where or m.axes or m.kind not in (MeasureKind.COUNT, MeasureKind.UNITS, MeasureKind.SUM):
            return None
        columns.append(f"{TOTAL} AS q_{m.name}")
        if m.kind is MeasureKind.SUM:
            column = _within(source, m)
            if column is None:
                return None
            columns.append(f"coalesce({identifier(_sum(column))}, 0) AS v_{m.name}")
    return f"SELECT {', '.join(['_u', *columns])} FROM {identifier(units_table(table))}"


def _within(source: Relation, m: Measure) -> str | None:
    """The scanned column whose stored multiples are the measure's integers as they stand."""
    if not isinstance(m.value, Ref) or m.center != 0:
        return None
    held = steps(source).get(m.value.id)
    if held is None or held.grid != m.grid or not m.low <= held.low <= held.high <= m.high:
        return None
    column = m.value.id
    while isinstance(source, Project):
        column = next(
            e.id for c, e in zip(source.columns, source.exprs, strict=True) if c.id == column and isinstance(e, Ref)
        )
        source = source.input
    assert isinstance(source, Scan)
    return next(n for c, n in zip(source.columns, source.source_names, strict=True) if c.id == column)


def _sum(column: str) -> str:
    return f"_s_{column}"
