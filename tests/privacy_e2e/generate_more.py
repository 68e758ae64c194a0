"""More kinds of generated statements: LATERAL, first rows, stages, aliases, chosen columns."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from tacit_e2e_grammar import PATIENTS, VISITS, Source


class More:
    """Mixed into the generator, whose choices it uses."""

    rng: Random
    ctes: list[str]

    if TYPE_CHECKING:

        def pick(self, *options: str) -> str: ...
        def some(self, share: float) -> bool: ...
        def condition(self, s: Source, depth: int = 2) -> str: ...
        def number(self, s: Source, depth: int = 2) -> str: ...
        def where(self, s: Source) -> str: ...

    def _lateral(self) -> tuple[str, bool]:
        inner = self.pick("COUNT(*)", "SUM(minutes)", "AVG(cost)", "COUNT(DISTINCT clinic)")
        sub = f"SELECT {inner} AS x FROM visits v WHERE v.patient_id = p.patient_id AND {self.condition(VISITS, 1)}"
        how = self.pick(
            f", LATERAL ({sub}) t", f" CROSS JOIN LATERAL ({sub}) t", f" LEFT JOIN LATERAL ({sub}) t ON TRUE"
        )
        what = self.pick("COUNT(*)", "COUNT(t.x)", "SUM(LEAST(t.x, 20))", "AVG(LEAST(GREATEST(t.x, -50), 50))")
        return (
            f"SELECT {self.pick('p.region', 'p.sex')} AS k, {what} FROM patients p{how} WHERE {self.condition(PATIENTS, 1)} GROUP BY 1",
            False,
        )

    def _first(self) -> tuple[str, bool]:
        """The first row of each patient, by DISTINCT ON or QUALIFY."""
        order = self.pick("visit_id", "visited_on DESC NULLS LAST, visit_id", "minutes, visit_id")
        if self.some(0.5):
            table = (
                f"SELECT DISTINCT ON (patient_id) patient_id, clinic, minutes FROM visits v{self.where(VISITS)} "
                f"ORDER BY patient_id, {order}"
            )
        else:
            table = (
                f"SELECT * EXCLUDE (code) FROM visits v{self.where(VISITS)} "
                f"QUALIFY ROW_NUMBER() OVER (PARTITION BY patient_id ORDER BY {order}) = 1"
            )
        return (
            f"SELECT clinic, {self.pick('COUNT(*)', 'SUM(minutes)', 'AVG(minutes)')} FROM ({table}) t GROUP BY clinic",
            False,
        )

    def _staged(self) -> tuple[str, bool]:
        """A released number in a protected query."""
        if self.some(0.5):
            return (
                "SELECT COUNT(*), SUM(minutes) FROM visits v WHERE minutes > (SELECT AVG(minutes) FROM visits) "
                f"AND {self.condition(VISITS, 1)}",
                False,
            )
        self.ctes.append(
            f"m AS (SELECT AVG(p.age) AS a, COUNT(*) AS n FROM patients p WHERE p.age > {self.rng.randrange(1, 60)})"
        )
        return (
            f"SELECT p.region, {self.pick('COUNT(*)', 'SUM(p.age)')} FROM patients p, m WHERE p.age < m.a + 0.125 GROUP BY 1",
            False,
        )

    def _aliases(self) -> tuple[str, bool]:
        """SELECT's aliases in WHERE, GROUP BY, HAVING and later columns; public lists to join with."""
        if self.some(0.4):
            low, step = self.rng.randrange(15), self.rng.randrange(20, 30)
            join = self.pick(f"range({low}, 100, {step}) g(lo)", f"generate_series({low}, 80, {step}) g(lo)",
                             "UNNEST([0, 20, 60]) g(lo)", "(VALUES (0), (30), (55)) g(lo)")  # fmt: skip
            return (
                f"SELECT g.lo, COUNT(*) AS n FROM patients p JOIN {join} ON p.age >= g.lo AND p.age < g.lo + {step} GROUP BY g.lo",
                False,
            )
        x = self.number(PATIENTS, 1)
        key = self.pick(*PATIENTS.keys)
        return (
            f"SELECT {key} AS k, COUNT(*) AS n, SUM({x}) AS s, s / n AS each FROM patients p WHERE k IS NOT NULL "
            f"AND {self.condition(PATIENTS, 1)} GROUP BY k HAVING n > 3"
        ), False

    def _picked(self) -> tuple[str, bool]:
        s, listed = self.rng.choice(((PATIENTS, "['age', 'weight']"), (VISITS, "['minutes', 'cost']")))
        columns = self.pick(
            "COUNT(COLUMNS('^(age|cost|minutes)$'))", "COUNT(COLUMNS(*))", f"SUM(COALESCE(COLUMNS({listed}), 1))"
        )
        return f"SELECT {columns} FROM {s.text} WHERE {s.numbers[0]} > {self.rng.randrange(1, 80)}", False
