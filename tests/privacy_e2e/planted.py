"""Bugs to plant: each breaks one argument of the privacy model, and the neighbour test has to find it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tacit_service.engine import bounding, emit
from tacit_service.engine.formulations import Formulation
from tacit_service.query.expr import Window
from tacit_service.query.plan import Measure, MeasureKind, Relation, ReleasePoint, Scan

Plant = Callable[[pytest.MonkeyPatch], None]
HUGE = 10**6


def no_clamp(patch: pytest.MonkeyPatch) -> None:
    """Values are summed as they are, not within their bounds."""
    whole = bounding.integer_value

    def unclamped(m: Measure, steps: Any = None) -> str:
        return whole(replace(m, low=m.low * HUGE - HUGE, high=m.high * HUGE + HUGE), steps)

    patch.setattr(bounding, "integer_value", unclamped)


def one_sided_bound(patch: pytest.MonkeyPatch) -> None:
    """Values are clamped from above only."""
    whole = bounding.integer_value
    patch.setattr(bounding, "integer_value", lambda m, steps=None: whole(replace(m, low=m.low * HUGE - HUGE), steps))


def no_row_cap(patch: pytest.MonkeyPatch) -> None:
    """A unit's rows count in full however many they are."""
    _measures(patch, "_weights", lambda m: replace(m, c=HUGE, amount=None))
    _measures(patch, "_groups", lambda m: replace(m, c=HUGE, amount=None))


def no_group_cap(patch: pytest.MonkeyPatch) -> None:
    """A unit counts in all of its groups."""
    _measures(patch, "_groups", lambda m: replace(m, k=HUGE))


def no_cap_on_distinct(patch: pytest.MonkeyPatch) -> None:
    """A unit adds all of its distinct values."""
    _one_measure(patch, "_distinct", lambda m: replace(m, c=HUGE))


def no_cap_in_histogram(patch: pytest.MonkeyPatch) -> None:
    """Every row of a unit counts one in a quantile's bins."""
    _one_measure(patch, "_histogram", lambda m: replace(m, c=HUGE))


def wrong_unit(patch: pytest.MonkeyPatch) -> None:
    """Contributions are bounded by visit, not by patient."""
    whole = emit.relation

    def by_visit(r: Relation) -> str:
        text = whole(r)
        return (
            text.replace("SELECT _u,", "SELECT visit_id AS _u,", 1)
            if isinstance(r, Scan) and r.table == "visits"
            else text
        )

    patch.setattr(emit, "relation", by_visit)
    patch.setattr(bounding, "relation", by_visit)


def no_try(patch: pytest.MonkeyPatch) -> None:
    """An expression that fails on one row fails the query."""
    whole = emit.expression

    def bare(e: Any, *, unit: bool = True) -> str:
        return re.sub(r"\bTRY\(", "(", whole(e, unit=unit))

    patch.setattr(emit, "expression", bare)
    patch.setattr(bounding, "expression", bare)


def window_over_all_rows(patch: pytest.MonkeyPatch) -> None:
    """A window reads everybody's rows."""
    whole = emit._window
    patch.setattr(emit, "_window", lambda e, unit: whole(_unpartitioned(e), False))


def _unpartitioned(e: Window) -> Window:
    return replace(e, partition=())


def join_of_strangers(patch: pytest.MonkeyPatch) -> None:
    """A join of protected tables does not ask for the same unit."""
    whole = emit._join
    patch.setattr(emit, "_join", lambda r: whole(replace(r, on=None)).replace("l._u = r._u", "l._u = r._u + 1"))


def totals_of_strangers(patch: pytest.MonkeyPatch) -> None:
    """What is put together before a join meets the rows of other units."""
    whole = bounding._before_join

    def loosened(*of: Any) -> Any:
        made = whole(*of)
        return replace(made, sql=made.sql.replace(" USING (_u)", " ON TRUE"))

    patch.setattr(bounding, "_before_join", loosened)


def units_uncut(patch: pytest.MonkeyPatch) -> None:
    """The stored counts and sums of units are joined as they are, not within the caps."""
    whole = bounding._before_join

    def loosened(
        parts: Any, point: ReleasePoint, measures: list[Measure], partials: list[str], terms: list[str]
    ) -> Any:
        uncut = [f"{'v' if m.kind is MeasureKind.SUM else 'q'}_{m.name}" for m in measures]
        made = whole(parts, point, measures, partials, uncut)
        assert made.formulation is Formulation.GROUPS_UNITS, "the query is meant to read the table of units"
        return made

    patch.setattr(bounding, "_before_join", loosened)


def _measures(patch: pytest.MonkeyPatch, form: str, change: Callable[[Measure], Measure]) -> None:
    """Change the measures of a form, whether they have a statement of their own or share a scan."""
    whole, scan, builders = getattr(bounding, form), bounding._one_scan, bounding._BUILDERS
    forms = {f for f, _, build in builders if build is whole}
    assert forms, f"nothing is built by {form}"

    def loosened(point: ReleasePoint, measures: list[Measure]) -> Any:
        return whole(point, [change(m) for m in measures])

    def scanned(point: ReleasePoint, measures: list[Measure]) -> Any:
        return scan(point, [change(m) if m.form in forms else m for m in measures])

    patch.setattr(bounding, "_BUILDERS", tuple((f, r, loosened if b is whole else b) for f, r, b in builders))
    patch.setattr(bounding, "_one_scan", scanned)


def _one_measure(patch: pytest.MonkeyPatch, form: str, change: Callable[[Measure], Measure]) -> None:
    whole = getattr(bounding, form)
    patch.setattr(bounding, form, lambda point, measure: whole(point, change(measure)))


@dataclass(frozen=True)
class Planted:
    """A bug and queries that meet it."""

    plant: Plant
    queries: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.plant.__name__


PLANTED = (
    Planted(no_clamp, ("SELECT SUM(n) FROM (SELECT patient_id, COUNT(*) AS n FROM visits GROUP BY 1) t",)),
    Planted(one_sided_bound, ("SELECT SUM(s) FROM (SELECT patient_id, -COUNT(*) * 5 AS s FROM visits GROUP BY 1) t",)),
    Planted(no_row_cap, ("SELECT COUNT(*) FROM visits", "SELECT clinic, SUM(cost) FROM visits GROUP BY clinic")),
    Planted(no_group_cap, ("SELECT clinic, COUNT(*) FROM visits GROUP BY clinic",)),
    Planted(no_cap_on_distinct, ("SELECT COUNT(DISTINCT visit_id) FROM visits",)),
    Planted(no_cap_in_histogram, ("SELECT MEDIAN(cost) FROM visits",)),
    Planted(wrong_unit, ("SELECT clinic, SUM(minutes) FROM visits WHERE minutes >= 0 GROUP BY clinic",)),
    Planted(no_try, ("SELECT SUM(LEAST(GREATEST(code * 4, 0), 100)) FROM visits",)),
    Planted(window_over_all_rows, (
        "SELECT clinic, COUNT(*) FROM (SELECT patient_id, clinic, ROW_NUMBER() OVER (PARTITION BY patient_id ORDER BY visit_id) AS rn "
        "FROM visits) t WHERE rn % 2 = 0 GROUP BY clinic",
    )),
    Planted(join_of_strangers, (
        "SELECT p.sex, COUNT(*) FROM patients p JOIN visits v USING (patient_id) WHERE p.region <> 'none' GROUP BY 1",
    )),
    Planted(units_uncut, ("SELECT p.sex, COUNT(*) FROM patients p JOIN visits v USING (patient_id) GROUP BY 1",)),
    Planted(totals_of_strangers, ("SELECT p.sex, COUNT(*) FROM patients p JOIN visits v USING (patient_id) GROUP BY 1",)),
)  # fmt: skip
