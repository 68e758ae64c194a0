"""``policy check``: does the policy fit the data, and what could each analyst ask?

The report is for the data's owner: it holds exact shares of the data. Where it names an expected ±, that number follows
from the policy alone and is what an analyst would be quoted.
"""

from __future__ import annotations

import difflib
import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tacit_service.errors import PolicyError, RequestError
from tacit_service.policy import profile
from tacit_service.policy.load import Loaded
from tacit_service.policy.model import Column, Policy, Table
from tacit_service.policy.reader import TableReader
from tacit_service.privacy.accuracy import half_width

Level = Literal["ok", "note", "warning", "error"]
_NOTABLE, _WORRYING = 0.0, 0.05
_KEYS_MAX = 100_000  # more values than that are not enumerated by the query compiler either


@dataclass(frozen=True, slots=True)
class Line:
    """One finding; ``column`` is None where it speaks of the whole table."""

    level: Level
    table: str
    column: str | None
    text: str

    def __str__(self) -> str:
        where = f"{self.table}.{self.column}" if self.column else self.table
        return f"{self.level:7} {where}: {self.text}"


@dataclass(frozen=True, slots=True)
class Report:
    """Findings, and what each analyst could ask. ``ok`` when the service can serve this policy on these data."""

    dataset: str
    lines: tuple[Line, ...]
    questions: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """No finding is an error."""
        return all(line.level != "error" for line in self.lines)

    def __str__(self) -> str:
        verdict = "the policy fits the data" if self.ok else "the policy does not fit the data"
        head = f"{self.dataset}: {verdict}. For the owner only: the shares below are exact."
        whole = [f"But {line.table}: {line.text}." for line in self.lines if _headline(line)]
        return "\n".join([head, *whole, "", *map(str, self.lines), "", *self.questions])


def _headline(line: Line) -> bool:
    """A warning about a whole table, such as most of its rows being dropped, is not left to be found below."""
    return line.level == "warning" and line.column is None


def check(loaded: Loaded, reader: TableReader) -> Report:
    """Compare the policy with the data."""
    lines: list[Line] = []
    for name in loaded.policy.tables:
        lines += _Checker(loaded, reader, name).lines()
    lines += _checkpoints(loaded)
    return Report(loaded.policy.dataset, tuple(lines), tuple(questions(loaded.policy)))


def _checkpoints(loaded: Loaded) -> Iterator[Line]:
    """Whether the files that registered models start from are those that the policy names."""
    for name, model in loaded.policy.models.items():
        if model.checkpoint is None:
            continue
        file = loaded.base_dir / model.checkpoint.file
        if not file.is_file():
            yield Line("error", f"models.{name}", None, f"there is no checkpoint {model.checkpoint.file}")
        elif (digest := hashlib.sha256(file.read_bytes()).hexdigest()) != model.checkpoint.sha256:
            yield Line("error", f"models.{name}", None, f"the checkpoint has the SHA-256 {digest}")
        else:
            yield Line("ok", f"models.{name}", None, f"checkpoint {model.checkpoint.file} is the one declared")


class _Checker:
    """All findings about one table."""

    def __init__(self, loaded: Loaded, reader: TableReader, name: str) -> None:
        self._loaded, self._reader, self._name = loaded, reader, name
        self._table = loaded.policy.tables[name]

    def lines(self) -> Iterator[Line]:
        try:
            found = self._reader.columns(self._table.source, self._loaded.base_dir)
        except PolicyError as error:
            yield self._line("error", None, f"{error.detail} {error.hint or ''}".strip())
            return
        yield self._line("ok", None, f"source {self._table.source} found, {len(found)} columns")
        missing = set(self._missing(found))
        for name in sorted(missing):
            yield self._absent(name, list(found))
        present = [name for name in self._table.columns if name not in missing]
        profiles = profile.profile_columns(self._reader, self._loaded.base_dir, self._table, present)
        for name in present:
            source_type = found[_match(found, self._table.source_name(name)) or ""]
            yield from self._column(name, self._table.columns[name], source_type, profiles[name])
        if not self._table.public and not missing & self._keys():
            yield from self._units()

    def _line(self, level: Level, column: str | None, text: str) -> Line:
        return Line(level, self._name, column, text)

    def _keys(self) -> set[str]:
        return {str(self._table.unit)} | {hop[0] for hop in self._table.path[:1]}

    def _missing(self, found: dict[str, str]) -> Iterator[str]:
        wanted = list(self._table.columns)
        if self._table.unit and not self._table.row_is_unit and self._table.unit not in wanted:
            wanted.append(self._table.unit)
        for name in wanted:
            if _match(found, self._table.source_name(name)) is None:
                yield name

    def _absent(self, name: str, found: list[str]) -> Line:
        source = self._table.source_name(name)
        lowered = {f.casefold(): f for f in found}
        close = difflib.get_close_matches(source.casefold(), lowered, n=1)
        fix = f"add 'source_column: {lowered[close[0]]}'" if close else f"the source has {', '.join(found[:20])}"
        return self._line("error", name, f"the source has no column '{source}'; {fix}")

    def _column(self, name: str, column: Column, source_type: str, p: profile.ColumnProfile) -> Iterator[Line]:
        text = f"{source_type} read as {column.type}"
        if not p.rows:
            yield self._line("ok", name, text)
            return
        facts: list[tuple[Level, str]] = []
        if p.uncast:
            level: Level = "error" if p.uncast == p.rows - p.null else "warning"
            facts.append((level, f"{_share(p.uncast, p.rows)} of the values cannot be read as {column.type}: NULL"))
        if p.outside:
            level = "warning" if p.outside > _WORRYING * p.rows else "note"
            clamps = column.bounds is not None and column.type in ("integer", "number") and not column.categories
            effect = "clamped" if clamps else "read as NULL"
            what = "bounds" if column.bounds else "categories"
            facts.append((level, f"{_share(p.outside, p.rows)} of the rows lie outside the {what}: {effect}"))
        if p.null:
            facts.append(("note", f"{_share(p.null, p.rows)} NULL"))
        if column.nullable is False and p.null + p.uncast:
            facts.append(("warning", "declared 'nullable: false', yet NULL occurs"))
        yield self._line(_worst([level for level, _ in facts]), name, "; ".join([text, *(f for _, f in facts)]))

    def _units(self) -> Iterator[Line]:
        table, base, policy = self._table, self._loaded.base_dir, self._loaded.policy
        if table.path and (broken := self._broken_hop()):
            yield self._line("error", table.path[0][0], f"the path cannot be followed: {broken}")
            return
        if table.path:
            units, hops = profile.follow_path(self._reader, base, policy, self._name)
            for (column, target), hop in zip(table.path, hops, strict=True):
                level: Level = "warning" if hop.orphans > _WORRYING * max(hop.rows, 1) else "ok"
                text = f"{_share(hop.orphans, hop.rows)} of the rows find nothing at {target} and are dropped"
                yield self._line(level, column, text)
                if hop.ambiguous:
                    text = f"{_share(hop.ambiguous, hop.rows)} of the rows find several units at {target}: one is kept"
                    yield self._line("warning", column, text)
        else:
            units = profile.rows_per_unit(self._reader, base, table)
            yield from self._null_units()
        if not units.units_total:
            yield self._line("error", None, "no row belongs to a unit")
            return
        if table.one_row_per_unit:
            extra = units.lost(1)
            level = "warning" if extra else "ok"
            yield self._line(
                level, None, f"one_row_per_unit: {_share(extra, units.rows_total)} of the rows are dropped"
            )
            return
        cap = rows_cap(policy, table)
        spread = f"rows per unit: median {units.quantile(0.5)}, 99 % {units.quantile(0.99)}, most {units.rows[-1]}"
        lost = units.lost(cap)
        level = "warning" if lost > _WORRYING * units.rows_total else "note" if lost else "ok"
        text = f"{spread}; max_rows {cap} loses {_share(lost, units.rows_total)} of a count"
        yield self._line(level, None, text)

    def _broken_hop(self) -> str | None:
        """What another table of the path lacks, if anything; that table's own findings say how to mend it."""
        tables, hops = self._loaded.policy.tables, self._table.path
        for i, (_, target) in enumerate(hops):
            name, _, key = target.partition(".")
            reached = tables[name]
            onward = hops[i + 1][0] if i + 1 < len(hops) else str(reached.unit)
            try:
                found = self._reader.columns(reached.source, self._loaded.base_dir)
            except PolicyError as error:
                return error.detail
            for column in (key, onward):
                if _match(found, reached.source_name(column)) is None:
                    return f"the source of {name} has no column '{reached.source_name(column)}'"
        return None

    def _null_units(self) -> Iterator[Line]:
        table = self._table
        if table.row_is_unit:
            yield self._line("ok", None, "every row is a unit of its own")
            return
        unit = profile.cast(table, str(table.unit))
        counts = {"rows": "count(*)", "null": f"count(*) FILTER (({unit}) IS NULL)"}
        row = profile.one_row(self._reader, table.source, self._loaded.base_dir, counts)
        level: Level = "warning" if row["null"] > _WORRYING * max(row["rows"], 1) else "ok"
        text = f"{_share(row['null'], row['rows'])} of the rows have no unit and are dropped"
        yield self._line(level, table.unit, text)


def _match(found: dict[str, str], name: str) -> str | None:
    """The engine's own way of finding a column: case does not matter."""
    return next((f for f in found if f.casefold() == name.casefold()), None)


def _worst(levels: list[Level]) -> Level:
    order: tuple[Level, ...] = ("ok", "note", "warning", "error")
    return max(levels, key=order.index, default="ok")


def _share(part: int, whole: int) -> str:
    if not part or not whole:
        return "0 %"
    percent = 100 * part / whole
    return f"{percent:.2g} %" if percent < 10 else f"{percent:.0f} %"


def rows_cap(policy: Policy, table: Table) -> int:
    """R: how many rows of one unit count in full by default, in a query over ``table``."""
    if table.one_row_per_unit or table.row_is_unit:
        return 1
    defaults = policy.contribution
    groups = table.max_groups or defaults.max_groups
    return table.max_rows or defaults.max_rows or groups * (table.max_rows_per_group or defaults.max_rows_per_group)


# -- what analysts could ask -------------------------------------------------------------------------------------------


def questions(policy: Policy) -> Iterator[str]:
    """What each analyst could ask, a line each; from the policy alone, all of it public."""
    asked = policy.per_query
    yield f"What each analyst could ask (95 % ± at the default ε {asked.default_epsilon}; all of this is public):"
    for name, table in policy.tables.items():
        if table.public:
            shown = [c for c, declared in table.columns.items() if declared.type != "image"]
            yield f"  {name} (public): anything, exact and free: {', '.join(shown)}"
            continue
        cap, epsilon = rows_cap(policy, table), float(asked.default_epsilon)
        count = half_width("laplace", cap / epsilon)
        yield f"  {name}: COUNT(*) ±{count:,}, whatever the grouping (one {policy.privacy_unit.name} counts ≤ {cap})"
        for column_name, column in table.columns.items():
            yield f"    {column_name}: {column_questions(policy, table, column_name, column)}"
    accounts = [(n, b) for n, b in policy.analysts.items()] + [(f"role {n}", b) for n, b in policy.roles.items()]
    for name, budget in accounts:
        queries = budget.epsilon.units // asked.default_epsilon.units
        pace = f", at most ε {budget.pace.epsilon} a {budget.pace.window}" if budget.pace else ""
        yield f"  {name} may spend ε {budget.epsilon}, δ {budget.delta.short()}{pace}: {queries} queries at the default ε, or more"
    if not accounts:
        yield "  no analyst is listed: the service decides who may ask, up to the dataset's budget"


def column_questions(policy: Policy, table: Table, name: str, column: Column) -> str:
    """What an analyst could ask of one column of a protected table, with its ± at the default ε."""
    if name == table.unit:
        width = half_width("laplace", 1 / float(policy.per_query.default_epsilon))
        return f"the privacy unit: COUNT(DISTINCT) ±{width:,}, joins; never an output"
    if column.type == "image":
        return f"training only: {' × '.join(map(str, column.shape or ()))} values of 8 bits"
    can = ["COUNT"]
    if column.type in ("integer", "number"):
        can += _sums(policy, table, column)
    if column.categories is not None or column.type == "boolean":
        keys = len(column.categories) if column.categories else 2
        can.append(f"GROUP BY {keys} declared keys, no δ")
    elif column.type in ("date", "timestamp") and column.bounds:
        can.append(f"GROUP BY day, month or year from {column.bounds[0]} to {column.bounds[1]}, no δ")
    elif values := _integer_keys(column):
        can.append(f"GROUP BY {values:,} keys that follow from the bounds, no δ")
    elif policy.per_query.default_delta:
        can.append(_unknown_keys(policy, table))
    else:
        can.append("no GROUP BY without a δ: its keys are not declared")
    return ", ".join(can)


def _integer_keys(column: Column) -> int | None:
    """How many values a bounded integer can take, where few enough for every one to be answered."""
    if column.type != "integer" or column.bounds is None:
        return None
    low, high = (int(str(b)) if isinstance(b, int) else math.floor(float(str(b))) for b in column.bounds)
    return high - low + 1 if high - low < _KEYS_MAX else None


def _sums(policy: Policy, table: Table, column: Column) -> list[str]:
    if column.bounds is None:
        return ["no SUM or AVG: add 'bounds: [low, high]' to allow them"]
    high = max(abs(float(b)) for b in column.bounds if not hasattr(b, "year"))
    scale = rows_cap(policy, table) * high / float(policy.per_query.default_epsilon)
    cheaper = " (less with max_amount)" if rows_cap(policy, table) > 1 else ""
    return [f"SUM ±{_round(scale * math.log(20))}{cheaper}", "AVG"]


def _round(value: float) -> str:
    digits = max(0, 2 - math.floor(math.log10(value))) if value else 0
    return f"{float(f'{value:.3g}'):,.{min(digits, 6)}f}"


def _unknown_keys(policy: Policy, table: Table) -> str:
    """How many units a key needs so as to pass the noisy threshold more often than not, about."""
    single = table.one_row_per_unit or table.row_is_unit
    groups = 1 if single else table.max_groups or policy.contribution.max_groups
    asked = policy.per_query
    from tacit_service.privacy import sensitivity, thresholds  # a second of imports, for this line alone

    try:
        found = thresholds.narrowest_threshold(
            sensitivity.groups(groups, 1),
            asked.default_epsilon,
            asked.default_delta,
            unit="",
            mechanism=asked.mechanism,
        )
    except RequestError as error:
        if error.code != "delta_invalid":
            return f"no GROUP BY at the default ε and δ: {error.detail}"
        return f"no GROUP BY: no key can pass with so small a δ as default_delta {asked.default_delta.short()}"
    return f"GROUP BY: keys of about {1 + (found.threshold or 0):,} or more units show up, with δ"
