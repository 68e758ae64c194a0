"""``policy advise``: bounds, categories and caps that would suit the data, for the data's owner alone.

Everything here reads the data exactly and is not private: the draft is a start for the owner's judgement. What the
owner leaves in the policy becomes public with it, so the advice says at every place what was read off the data.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tacit_service.errors import PolicyError
from tacit_service.policy.draft import render
from tacit_service.policy.load import Loaded
from tacit_service.policy.model import ROW, Column, Policy, Table
from tacit_service.policy.profile import follow_path
from tacit_service.policy.reader import TableReader
from tacit_service.policy.survey import ColumnAdvice, Survey, source_types
from tacit_service.policy.tradeoff import Choice, best
from tacit_service.privacy.units import Delta, Epsilon

WARNING = (
    "For the data's owner only. Bounds, categories and caps read off the data say something about the people in them, "
    "and become public with the policy. Replace them by what you know of the domain (a tariff's maximum, the official "
    "list of regions) wherever you can; keep a proposed number only if anyone could have guessed it."
)

ROWS_WARNING = (
    "ATTENTION: no unit was named, so the draft protects single ROWS, not people: someone with several rows is not "
    "protected. Where a column says whose row it is, name it: --unit COLUMN."
)


@dataclass(frozen=True, slots=True)
class TableAdvice:
    """What the data of one table suggest."""

    name: str
    table: Table
    columns: tuple[ColumnAdvice, ...]
    choices: tuple[Choice, ...]
    max_rows: int
    max_groups: int
    max_rows_per_group: int


@dataclass(frozen=True, slots=True)
class Advice:
    """Proposals a table, and a policy draft in YAML that holds them."""

    tables: tuple[TableAdvice, ...]
    epsilon: Epsilon
    delta: Delta
    draft: str
    warning: str = WARNING

    def __str__(self) -> str:
        return f"{self.report}\nDraft:\n\n{self.draft}"

    @property
    def report(self) -> str:
        """The warning, and what each choice costs: all but the draft."""
        return "\n".join([self.warning, "", *self._lines()])

    def _lines(self) -> Iterator[str]:
        price = f"ε {self.epsilon}" + (f", δ {self.delta.short()}" if self.delta else "")
        for advice in self.tables:
            yield f"{advice.name}: expected error of one query at {price} (noise: 95 % ±; bias: what bounds lose)"
            yield from table_lines([*advice.choices, *(c for column in advice.columns for c in column.choices)])
            for column in advice.columns:
                yield from (f"  {advice.name}.{column.name}: {note}" for note in column.notes)
            yield ""


def table_lines(choices: Iterable[Choice]) -> Iterator[str]:
    """One line a choice; the least error of each query is marked."""
    listed = list(choices)
    for query in dict.fromkeys(c.query for c in listed):
        answer = next(c.answer for c in listed if c.query == query)
        yield f"  {query} = {answer:,.6g} without bounds"
        for c in (c for c in listed if c.query == query):
            mark = "  <- least error" if c is best(listed, query) else ""
            yield f"    {c.label:24} noise ±{c.noise:>14,.4g}   bias {c.bias:>+14,.4g} ({_percent(c)}){mark}"


def _percent(choice: Choice) -> str:
    return f"{100 * choice.bias / choice.answer:+.2g} %" if choice.answer else "0 %"


def advise(
    subject: Loaded | str,
    reader: TableReader,
    epsilon: Epsilon,
    delta: Delta,
    *,
    unit: str = ROW,
    base_dir: Path = Path(),
) -> Advice:
    """Advice for a policy that is loaded, or for a bare source (a path, glob or ``file.duckdb#table``).

    A bare source has one table: ``unit`` is its column of unit ids as the data name it, or ``"@row"``.
    """
    if not epsilon:
        raise PolicyError("epsilon_invalid", "nothing can be estimated at ε 0", hint="Give the ε of a typical query.")
    if isinstance(subject, Loaded):
        policy, base = subject.policy, subject.base_dir
        tables = {n: t for n, t in policy.tables.items() if not t.public}
    else:
        policy, base = None, base_dir
        name, table = _bare_table(subject, reader, base, unit)
        tables = {name: table}
    found = tuple(_advise_table(policy, reader, base, n, t, epsilon, delta) for n, t in tables.items())
    draft = render(policy, [(a.name, a.table, a.columns) for a in found], _caps(found), epsilon, delta)
    rows_only = policy is None and unit == ROW
    return Advice(found, epsilon, delta, draft, f"{ROWS_WARNING}\n{WARNING}" if rows_only else WARNING)


def _caps(found: tuple[TableAdvice, ...]) -> dict[str, int]:
    """The dataset's defaults serve its largest table; a smaller one can have caps of its own."""
    names = ("max_rows", "max_groups", "max_rows_per_group")
    return {name: max(getattr(a, name) for a in found) for name in names}


def _bare_table(source: str, reader: TableReader, base: Path, unit: str) -> tuple[str, Table]:
    found = reader.columns(source, base)
    if unit != ROW and unit not in found:
        raise PolicyError(
            "unknown_column", f"the source has no column '{unit}'", hint=f"It has {', '.join(list(found)[:30])}."
        )
    columns: dict[str, Column] = {}
    unit_name = unit
    for name, kind in source_types(reader, source, base, found).items():
        plain = _plain(name, columns)
        columns[plain] = Column(type=kind, source_column=None if plain == name else name)
        if name == unit:
            unit_name = plain
            if kind == "number":  # ids that became floating point beside missing values
                columns[plain] = Column(type="integer", source_column=columns[plain].source_column)
    stem = re.split(r"[#/\\]", source)[-1].split(".")[0]
    return _plain(stem, {}), Table(source=source, unit=unit_name, columns=columns)


def _plain(name: str, taken: Iterable[str]) -> str:
    """A policy's name for a column of the data: ``Customer ID`` → ``customer_id``."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    plain = re.sub(r"[^0-9a-z]+", "_", words.casefold()).strip("_")[:50] or "column"
    plain = f"c_{plain}" if plain[0].isdigit() else plain
    used = {t.casefold() for t in taken}
    return next(p for p in (plain, *(f"{plain}_{i}" for i in range(2, 10_000))) if p not in used)


def _advise_table(
    policy: Policy | None, reader: TableReader, base: Path, name: str, table: Table, epsilon: Epsilon, delta: Delta
) -> TableAdvice:
    work = Survey(reader, base, table, float(epsilon), float(delta))
    if table.path and policy is not None:  # the unit's id is in another table: rows per unit, but no sums per unit
        counts = work.counts(follow_path(reader, base, policy, name)[0])
        rows = int(best(counts, "COUNT(*)").values[0])
        return TableAdvice(name, table, work.columns(rows), tuple(counts), rows, 1, rows)
    counts = work.counts(work.units())
    rows = int(best(counts, "COUNT(*)").values[0])
    columns = work.columns(rows)
    grouped, (groups, per_group) = work.groups(columns, counts)
    choices = (*counts, *work.sums(columns, counts), *work.amounts(columns), *grouped)
    return TableAdvice(name, table, columns, choices, rows, groups, per_group)
