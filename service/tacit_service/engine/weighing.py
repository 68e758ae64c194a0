"""Texts of weights: what a row counts by its unit's number of rows, and the table of units that have too many.

A unit within the cap is left whole, so the table needs the units above it alone: it is small, whatever the data's size,
and rows without a match in it count as they stand. ``bounding`` has the argument.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tacit_service.query.plan import Filter, Measure, MeasureKind, Project, Relation, Scan


def value(m: Measure) -> str:
    """The column of the rows that the measure sums."""
    return f"v_{m.name}" if m.kind is MeasureKind.SUM else f"q_{m.name}"


def weight(counted: str, m: Measure, n: str) -> str:
    """``counted`` under its weight, where its unit has ``n`` rows."""
    return _weighed(counted, m, n, f"{n} <= {m.c}")


def _weighed(counted: str, m: Measure, n: str, within: str) -> str:
    s = m.multiplier
    return f"CASE WHEN {within} THEN {counted} * {s} ELSE ({counted} * {s * m.c}) // {n} END"


def rows_of(m: Measure) -> str:
    """How many of its unit's rows a measure counts."""
    return f"CAST(sum(q_{m.name}) AS BIGINT)" if m.where else "count(*)"


class Totals:
    """The totals that some measures weigh by, each once, under the first measure that has it: n rows, or Σ|v| with an amount."""

    def __init__(self, measures: Sequence[Measure]) -> None:
        self._texts: dict[str, str] = {}
        self._caps: dict[str, list[int]] = {}
        self._names: dict[str, str] = {}
        seen: dict[object, str] = {}
        for m in measures:
            of = m.name if m.amount is not None else m.where
            column = seen.setdefault(of, f"n_{m.name}")
            text = f"sum(abs({value(m)}))" if m.amount is not None else rows_of(m)
            self._texts.setdefault(column, text)
            self._caps.setdefault(column, []).append(m.c if m.amount is None else m.amount)
            self._names[m.name] = column

    @property
    def columns(self) -> Mapping[str, str]:
        """Aggregates by the column that holds them."""
        return self._texts

    def select(self) -> str:
        """The columns of the table of units."""
        return ", ".join(f"{text} AS {column}" for column, text in self._texts.items())

    def above(self) -> str:
        """Whether a unit is above the cap of one measure at least."""
        return " OR ".join(f"{text} > {min(self._caps[column])}" for column, text in self._texts.items())

    def term(self, m: Measure, *, sparse: bool) -> str:
        """What a row counts; ``sparse``: units that are not in the table are NULL, and within every cap."""
        n, s = self._names[m.name], m.multiplier
        cap = m.c if m.amount is None else m.amount
        within = f"{n} <= {cap}"
        if sparse:
            alone = len(self._texts) == 1 and set(self._caps[n]) == {cap}  # then who is in the table is above this cap
            within = f"{n} IS NULL" if alone else f"{n} IS NULL OR {within}"
        if m.amount is None:
            return _weighed(value(m), m, n, within)
        wide = f"CAST({value(m)} AS HUGEINT)"
        return f"CASE WHEN {within} THEN {wide} * {s} ELSE ({wide} * {s * m.amount}) // {n} END"


def scanned_twice(source: Relation) -> bool:
    """Whether reading the relation twice costs less than keeping it: rows of one table, filtered and computed row by row."""
    while isinstance(source, Project | Filter):
        source = source.input
    return isinstance(source, Scan)
