"""A seeded grammar of queries over the tiny clinic: the same seed gives the same statement.

The grammar makes what the service should accept, and what has one meaning: windows are ordered by a key, sorts are
total, divisors are guarded, thresholds compare counts, which are exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from tacit_e2e_generate_more import More
from tacit_e2e_grammar import BILLS, NULL_KEYS, PATIENTS, VISITS, Source, both


@dataclass(frozen=True)
class Generated:
    """A statement with the tolerance of its numbers."""

    sql: str
    rel: float
    within: float
    ordered: bool


class Generator(More):
    """One statement from one seed."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.loose = False
        self.ctes: list[str] = []

    def statement(self) -> Generated:
        kind = self.pick(
            "flat",
            "flat",
            "flat",
            "flat",
            "above",
            "above",
            "each",
            "each",
            "window",
            "sets",
            "two",
            "levels",
            "lateral",
            "first",
            "staged",
            "aliases",
            "picked",
        )
        sql, ordered = getattr(self, f"_{kind}")()
        if self.ctes:
            sql = f"WITH {', '.join(self.ctes)} {sql}"
        return Generated(sql, 2e-3 if self.loose else 2e-5, 1.0 if self.loose else 1e-3, ordered)

    # -- choices

    def pick(self, *options: str) -> str:
        return self.rng.choice(options)

    def some(self, share: float) -> bool:
        return self.rng.random() < share

    # -- expressions

    def number(self, s: Source, depth: int = 2) -> str:
        if depth == 0 or self.some(0.35):
            return self.pick(*s.numbers)
        x = self.number(s, depth - 1)
        kind = self.rng.randrange(12 if s.dates else 10)
        if kind == 0:
            return f"({x} {self.pick('+', '-')} {self.number(s, depth - 1)})"
        if kind == 1:
            return f"({x} * {self.pick('2', '0.5', '-1', '3')})"
        if kind == 2:
            return f"COALESCE({x}, {self.pick('0', '7')})"
        if kind == 3:
            return f"{self.pick('LEAST', 'GREATEST')}({x}, {self.pick('10', '100', '1000')})"
        if kind == 4:
            return f"CASE WHEN {self.condition(s, depth - 1)} THEN {x} ELSE {self.pick('0', '1', 'NULL', '-4')} END"
        if kind == 5:
            return f"ABS({x})"
        if kind == 6:
            return f"{self.pick('FLOOR', 'CEIL', 'TRUNC')}({x})"
        if kind == 7:
            return f"({x} / {self.pick('2', '7.0', '12')})"
        if kind == 8:
            return f"NULLIF({x}, {self.pick('0', '5')})"
        if kind == 9:
            return f"SQRT(ABS({x}))"
        date = self.pick(*s.dates)
        if kind == 10:
            return f"{self.pick('MONTH', 'DAY', 'YEAR', 'QUARTER', 'DAYOFWEEK')}({date})"
        return f"date_diff('{self.pick('day', 'month', 'week')}', DATE '2022-06-01', {date})"

    def pattern(self, text: str) -> str:
        """Ways to match a text."""
        return self.pick(f"{text} SIMILAR TO '(flu|R[0-9]|a.*)'", f"{text} GLOB '*a*'", f"{text} LIKE '%!_%' ESCAPE '!'",
                         f"regexp_matches({text}, '^[A-Za-z]')", f"{text}[1:2] = 'fl'", f"list_contains(['flu', 'F'], {text})",
                         f"{text} = ANY (['R1', 'asthma'])", f"regexp_replace({text}, '[aeiou]', '', 'g') = 'fl'",
                         f"({text}, 1) IN (('flu', 1), ('R2', 1))", f"{text} IS NOT DISTINCT FROM 'M'")  # fmt: skip

    def condition(self, s: Source, depth: int = 2) -> str:
        kind = self.rng.randrange(11)
        if kind == 10:
            return self.pattern(self.pick(*s.strings)) if s.strings else "TRUE"
        if depth > 0 and kind < 3:
            a, b = self.condition(s, depth - 1), self.condition(s, depth - 1)
            return self.pick(f"({a} AND {b})", f"({a} OR {b})", f"(NOT {a})")
        if kind < 5 or not s.strings:
            x = self.pick(*s.numbers)
            bound = self.pick("20", "50", "100", "400", "1500.5")
            return self.pick(f"{x} > {bound}", f"{x} <= {bound}", f"{x} BETWEEN 10 AND {bound}", f"{x} IS NOT NULL")
        if kind == 5:
            return self.pick(*s.flags) + self.pick("", " IS TRUE", " IS NOT FALSE", " IS NULL")
        if kind == 6:
            return f"{self.pick(*s.dates)} {self.pick('>=', '<')} DATE '{self.pick('2023-03-01', '2024-01-01', '2024-07-15')}'"
        text = self.pick(*s.strings)
        values = self.pick(
            "'R1', 'F', 'flu', 'Central'", "'R2', 'R3', 'M', 'asthma', 'Bo'", "'Harbour', 'X', 'Ada', 'R1'"
        )
        return self.pick(f"{text} IN ({values})", f"{text} NOT IN ({values})", f"{text} = 'flu'", f"{text} <> 'R1'",
                         f"{text} LIKE '%a%'", f"{text} IS NULL", f"LENGTH({text}) > 3", f"STARTS_WITH(UPPER({text}), 'C')")  # fmt: skip

    def key(self, s: Source) -> str:
        if self.some(0.6):
            return self.pick(*s.keys)
        if NULL_KEYS and self.some(0.3):
            return self.condition(s, 1)
        options = [f"CASE WHEN {self.condition(s, 1)} THEN 'yes' ELSE 'no' END",
                   f"COALESCE(CAST({self.pick(*s.keys)} AS VARCHAR), 'none')"]  # fmt: skip
        if s.strings:
            options += [f"UPPER(LEFT({self.pick(*s.strings)}, 2))", f"SUBSTR({self.pick(*s.strings)}, 2, 1)"]
        if s.dates:
            options += [f"date_trunc('{self.pick('month', 'year', 'quarter')}', {self.pick(*s.dates)})",
                        f"STRFTIME({self.pick(*s.dates)}, '%Y')"]  # fmt: skip
        return self.pick(*options)

    def aggregate(self, s: Source) -> str:
        kind = self.rng.randrange(11)
        where = f" FILTER (WHERE {self.condition(s, 1)})" if self.some(0.25) else ""
        if kind < 3:
            return f"COUNT(*){where}"
        if kind == 3:
            return f"COUNT({self.pick(*s.numbers, *s.strings)}){where}"
        if kind == 4:
            what = self.pick(*([s.unit] if s.unit else []), *s.keys, *s.numbers)
            return f"COUNT(DISTINCT {what}){where}"
        if kind < 7:
            return f"SUM({self.number(s)}){where}"
        spread = [
            x for x in s.numbers if not x.endswith(("income", "population"))
        ]  # moments of wide columns are coarse
        if kind < 9:
            return f"AVG({self.number(s)}){where}"
        if kind == 9 and len(s.numbers) > 1 and s.keys:
            x, y = self.rng.sample(s.numbers[:3], 2)
            return self.pick(f"REGR_COUNT({x}, {y}){where}", f"REGR_AVGX({x}, {y}){where}",
                             f"COUNT(DISTINCT ({self.pick(*s.keys)}, {self.pick(*s.keys)})){where}",
                             f"COUNT_IF({x} > 50){where}")  # fmt: skip
        self.loose = True
        return f"{self.pick('STDDEV', 'VAR_POP', 'STDDEV_POP')}({self.pick(*spread)}){where}"

    def total(self, s: Source) -> str:
        """An aggregate that is never NULL: noise cannot tell no values from zero, and SQL above it could."""
        return self.pick("COUNT(*)", f"COUNT({self.pick(*s.numbers)})", f"SUM(COALESCE({self.number(s, 1)}, 1))")

    # -- sources

    def source(self) -> Source:
        kind = self.rng.randrange(9)
        if kind < 2:
            return PATIENTS
        if kind < 4:
            return VISITS
        if kind == 4:
            return both("patients p JOIN visits v ON p.patient_id = v.patient_id")
        if kind == 5:
            extra = self.pick("", " AND v.cost > 700", " AND v.minutes < p.age")
            return both(f"patients p LEFT JOIN visits v ON p.patient_id = v.patient_id{extra}")
        if kind == 6:
            found = PATIENTS
            return Source("patients p JOIN regions r ON p.region = r.region", found.unit, (*found.numbers, "r.population"),
                          (*found.strings, "r.country"), found.dates, found.flags, (*found.keys, "r.country"))  # fmt: skip
        if kind == 7:
            return self.narrowed()
        return BILLS

    def narrowed(self) -> Source:
        """A WITH name over some rows of visits or patients."""
        s = VISITS if self.some(0.5) else PATIENTS
        name, alias = f"c{len(self.ctes)}", s.text.split()[1]
        self.ctes.append(f"{name} AS (SELECT * FROM {s.text} WHERE {self.condition(s, 1)})")
        return Source(f"{name} {alias}", s.unit, s.numbers, s.strings, s.dates, s.flags, s.keys)

    def where(self, s: Source) -> str:
        parts = [self.condition(s)] if self.some(0.5) else []
        if s.unit and self.some(0.25):
            parts.append(self.subquery(s))
        return f" WHERE {' AND '.join(parts)}" if parts else ""

    def subquery(self, s: Source) -> str:
        inner = Source("visits w", "w.patient_id", ("w.cost", "w.minutes"), ("w.clinic", "w.diagnosis"), ("w.visited_on",),
                       ("w.paid",), ("w.clinic",))  # fmt: skip
        condition = self.condition(inner, 1)
        return self.pick(
            f"400 < ANY (SELECT w.cost FROM visits w WHERE w.patient_id = {s.unit} AND {condition})",
            f"60 >= ALL (SELECT w.minutes FROM visits w WHERE w.patient_id = {s.unit} AND {condition})",
            f"EXISTS (SELECT 1 FROM visits w WHERE w.patient_id = {s.unit} AND {condition})",
            f"NOT EXISTS (SELECT 1 FROM visits w WHERE w.patient_id = {s.unit} AND {condition})",
            f"{s.unit} IN (SELECT w.patient_id FROM visits w WHERE {condition})",
            f"{s.unit} NOT IN (SELECT w.patient_id FROM visits w WHERE {condition})",
            f"({s.unit}, 'Central') IN (SELECT w.patient_id, MIN(w.clinic) FROM visits w WHERE {condition} GROUP BY 1)",
            f"({s.unit}, 'flu') {self.pick('IN', 'NOT IN')} "
            f"(SELECT w.patient_id, w.diagnosis FROM visits w WHERE {condition})",
            f"(SELECT COUNT(*) FROM visits w WHERE w.patient_id = {s.unit} AND {condition}) >= {self.pick('1', '2')}",
        )

    # -- statements

    def release(self, s: Source, keys: int | None = None) -> tuple[list[str], list[str], str]:
        """Key aliases, aggregate aliases, and the SELECT. ``keys`` is given below other SQL: nothing is then NULL for want of values."""
        count = self.rng.choice((0, 1, 1, 1, 2)) if keys is None else keys
        chosen = list(dict.fromkeys(self.key(s) for _ in range(count)))
        aggregates = [
            self.aggregate(s) if keys is None else self.total(s) for _ in range(self.rng.choice((1, 1, 2, 3)))
        ]
        items = [f"{k} AS k{i}" for i, k in enumerate(chosen)] + [f"{a} AS a{i}" for i, a in enumerate(aggregates)]
        group = f" GROUP BY {', '.join(str(i + 1) for i in range(len(chosen)))}" if chosen else ""
        having = f" HAVING COUNT(*) > {self.pick('2', '10', '25')}" if chosen and self.some(0.2) else ""
        names = [f"k{i}" for i in range(len(chosen))], [f"a{i}" for i in range(len(aggregates))]
        return *names, f"SELECT {', '.join(items)} FROM {s.text}{self.where(s)}{group}{having}"

    def _flat(self) -> tuple[str, bool]:
        keys, _, sql = self.release(self.source())
        if keys and self.some(0.3):
            order = ", ".join(f"{k} {self.pick('ASC', 'DESC')} NULLS {self.pick('FIRST', 'LAST')}" for k in keys)
            return f"{sql} ORDER BY {order}{self.pick('', ' LIMIT 3', ' LIMIT 4 OFFSET 1')}", True
        return sql, False

    def _above(self) -> tuple[str, bool]:
        s = self.source()
        if self.some(0.5):
            x = self.number(s, 1)
            key = self.key(s)
            x = f"COALESCE({x}, 1)"
            item = self.pick(f"SUM({x}) / NULLIF(COUNT(*), 0)", "COUNT(*) * 100.0 / SUM(COUNT(*)) OVER ()", f"COUNT(*) + SUM({x})",
                             f"CASE WHEN COUNT(*) > 20 THEN SUM({x}) ELSE 0 END", "RANK() OVER (ORDER BY COUNT(*) DESC)")  # fmt: skip
            return f"SELECT {key} AS k, {item} AS x FROM {s.text}{self.where(s)} GROUP BY 1", False
        _, aggregates, inner = self.release(s, 1)
        a = aggregates[0]
        outer = self.pick(f"SELECT COUNT(*), SUM({a}) FROM t", f"SELECT MAX({a}), MIN({a}) FROM t", f"SELECT AVG({a}) FROM t",
                          f"SELECT k0, {a} FROM t WHERE k0 IS NOT NULL", f"SELECT k0, SUM({a}) OVER (ORDER BY k0) FROM t",
                          f"SELECT x.k0, x.{a} - y.{a} FROM t x JOIN t y ON x.k0 = y.k0")  # fmt: skip
        self.ctes.append(f"t AS ({inner})")
        return outer, False

    def _each(self) -> tuple[str, bool]:
        """Per-unit aggregates, then aggregates of them."""
        s = self.pick_source(VISITS, both("patients p JOIN visits v ON p.patient_id = v.patient_id"))
        inner = self.pick("COUNT(*)", f"SUM({self.number(s, 1)})", f"MAX({self.pick(*s.numbers)})", f"MIN({self.pick(*s.numbers)})",
                          f"AVG({self.pick(*s.numbers)})", f"COUNT(DISTINCT {self.pick(*s.keys)})",
                          f"COUNT(*) FILTER (WHERE {self.condition(s, 1)})", "SUM(DISTINCT minutes)",
                          f"FIRST(minutes ORDER BY visit_id{self.pick('', ' DESC')})", "ARG_MAX(minutes, visit_id)",
                          "LAST(minutes ORDER BY visit_id)")  # fmt: skip
        extra = self.key(s) if self.some(0.4) else ""
        if extra and not NULL_KEYS:
            extra = f"COALESCE(CAST({extra} AS VARCHAR), 'none')"
        columns = f"{s.unit} AS u, {f'{extra} AS g, ' if extra else ''}{inner} AS x"
        having = self.pick("", "", " HAVING COUNT(*) >= 2")
        table = f"SELECT {columns} FROM {s.text}{self.where(s)} GROUP BY {s.unit}{', 2' if extra else ''}{having}"
        what = self.pick("COUNT(*)", "SUM(x)", "AVG(x)", "SUM(LEAST(x, 10))", "COUNT(*) FILTER (WHERE x > 3)")
        if extra and self.some(0.6):
            return f"SELECT g, {what} FROM ({table}) t GROUP BY g", False
        bucket = self.pick("", "CASE WHEN x > 3 THEN 'many' WHEN x > 0 THEN 'few' ELSE 'none' END")
        return (
            f"SELECT {bucket} AS b, {what} FROM ({table}) t GROUP BY 1" if bucket else f"SELECT {what} FROM ({table}) t"
        ), False

    def pick_source(self, *options: Source) -> Source:
        return self.rng.choice(options)

    def _window(self) -> tuple[str, bool]:
        order = self.pick("visit_id", "visited_on, visit_id", "cost DESC NULLS LAST, visit_id")
        partition = self.pick("patient_id", "patient_id", "patient_id, clinic")
        over = f"OVER (PARTITION BY {partition} ORDER BY {order})"
        named = self.some(0.4)
        function = self.pick("NTILE(3)", "NTH_VALUE(minutes, 2)", "COUNT(*) FILTER (WHERE paid)", "LAG(minutes IGNORE NULLS)",
                             "ROW_NUMBER()", "RANK()", "DENSE_RANK()", "LAG(minutes)", "LEAD(minutes, 1, 0)", "SUM(minutes)", "COUNT(*)",
                             "MAX(cost)", "FIRST_VALUE(minutes)", "AVG(minutes)")  # fmt: skip
        table = f"SELECT patient_id, clinic, minutes, {function} {over} AS x FROM visits v{self.where(VISITS)}"
        if named:
            table = table.replace(over, "OVER w") + f" WINDOW w AS {over.removeprefix('OVER ')}"
        what = self.pick("COUNT(*)", "COUNT(x)", "SUM(LEAST(GREATEST(x, -50), 50))", "AVG(x)", "SUM(minutes)")
        condition = self.pick("", " WHERE x <= 2", " WHERE x IS NOT NULL AND minutes > x")
        if self.some(0.5):
            return f"SELECT clinic, {what} FROM ({table}) t{condition} GROUP BY clinic", False
        return f"SELECT {what} FROM ({table}) t{condition}", False

    def _sets(self) -> tuple[str, bool]:
        kind = self.pick(
            "UNION ALL",
            "UNION ALL BY NAME",
            "UNION BY NAME",
            "UNION",
            "INTERSECT",
            "INTERSECT ALL",
            "EXCEPT",
            "EXCEPT ALL",
        )
        columns = self.pick("patient_id, clinic", "patient_id, clinic, diagnosis", "patient_id, clinic, minutes")
        sides = [f"SELECT {columns} FROM visits v WHERE {self.condition(VISITS, 1)}" for _ in range(2)]
        group = self.pick("SELECT clinic, COUNT(*) FROM ({0}) t GROUP BY clinic",
                          "SELECT COUNT(*), COUNT(DISTINCT patient_id) FROM ({0}) t",
                          "SELECT DISTINCT clinic FROM ({0}) t")  # fmt: skip
        return group.format(f" {kind} ".join(sides)), False

    def _two(self) -> tuple[str, bool]:
        """Two release points of one statement."""
        (_, a, left), (_, b, right) = self.release(self.source(), 0), self.release(self.source(), 0)
        if self.some(0.5):
            return (
                f"SELECT 'l' AS w, x.{a[0]} AS n FROM ({left}) x UNION ALL SELECT 'r', y.{b[0]} FROM ({right}) y",
                False,
            )
        return f"SELECT x.{a[0]}, y.{b[0]} FROM ({left}) x CROSS JOIN ({right}) y", False

    def _levels(self) -> tuple[str, bool]:
        s = self.pick_source(PATIENTS, VISITS)
        keys = self.rng.sample(s.keys[:3], 2)
        how = self.pick(
            "ROLLUP ({0}, {1})", "CUBE ({0}, {1})", "GROUPING SETS (({0}), ({1}), ())", "{0}, ROLLUP ({1})"
        ).format(*keys)
        grouping = self.pick("", "", f", GROUPING({keys[0]})", f", GROUPING({keys[0]}, {keys[1]}) AS g")
        return (
            f"SELECT {keys[0]}, {keys[1]}{grouping}, {self.aggregate(s)} FROM {s.text}{self.where(s)} GROUP BY {how}",
            False,
        )


def generate(seed: int) -> Generated:
    """The statement of a seed."""
    return Generator(seed).statement()
