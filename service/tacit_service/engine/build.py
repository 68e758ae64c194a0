"""One build of a snapshot: the statements that convert the sources' rows, write table after table, and check the facts."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tacit_service.engine import convert, made
from tacit_service.engine.duckdb import Builder
from tacit_service.engine.prepare import create, prepare, violations
from tacit_service.engine.process import WorkerFailure
from tacit_service.engine.sources import Source, identifier, literal
from tacit_service.errors import EngineFailure, PolicyError
from tacit_service.policy.load import Loaded
from tacit_service.policy.model import Table
from tacit_service.query.catalog import stored

_PUBLIC_ROWS_MAX = 2_000_000


class Build:
    """One build: reads the sources' schemas, then writes table after table, then checks the facts.

    ``given`` are the sources as the policy names them, ``readable`` what is read in their place.
    """

    def __init__(self, loaded: Loaded, given: dict[str, Source], readable: dict[str, Source], builder: Builder) -> None:
        self._loaded = loaded
        self._tables = loaded.policy.tables
        self._given = given
        self._resolved = readable
        self._builder = builder
        self._described: dict[str, list[list[str]]] = {}
        self._families: dict[str, dict[str, convert.Family | None]] = {}
        self._parts: dict[str, Source] = {}  # of tables of which only some rows are read
        self._unit_type = "VARCHAR"

    def run(self, target: Path) -> None:
        """Write ``target`` from nothing. Raises ``PolicyError`` for what the owner can mend."""
        self._look()
        self._builder.execute(f"ATTACH {literal(str(target))} AS snapshot")
        tables = {name: self._make(name, table) for name, table in self._tables.items()}
        self._finish(made.Made(made.FORMAT, self._engine(), tables))

    def _look(self) -> None:
        for name in self._tables:
            self._described[name] = self._describe(name)
            self._families[name] = {column: convert.family(kind) for column, kind in self._described[name]}
        self._unit_type = self._choose_unit_type()

    def _make(self, name: str, table: Table) -> made.Table:
        statement = self._public(name, table) if table.public else self._protected(name, table)
        extra = stored(self._loaded.policy, table)
        with self._telling(name, "source_unreadable", "could not be read"):
            for step in [create(name, statement)] if extra is None else prepare(name, table, extra, statement):
                self._builder.execute(step)
        rows = self._check(name, table)
        return self._made(name, None if table.public else self._content(name), rows, 0)

    def _finish(self, record: made.Made) -> None:
        for step in record.write():
            self._builder.execute(step)
        self._builder.execute("DETACH snapshot")

    # -- what a later build needs to know

    def _engine(self) -> str:
        return str(self._builder.rows("SELECT version() AS v")[0]["v"])

    def _made(self, name: str, content: made.Content | None, whole: int, grown: int) -> made.Table:
        shape = made.canonical(made.meaning(self._loaded.policy, self._given)[name])
        files = [list(file) for file in self._given[name].fingerprint()]
        return made.Table(shape, files, self._described[name], content, whole, grown)

    def _content(self, name: str, below: int | None = None) -> made.Content | None:
        """What tells rows of a DuckDB table from others; ``None`` of what has no row ids (files, views)."""
        if self._given[name].kind != "duckdb" or any(c.casefold() == "rowid" for c, _ in self._described[name]):
            return None
        row = f"hash({', '.join(identifier(column) for column, _ in self._described[name])})"
        sql = (
            f"SELECT count(*) AS rows, CAST(coalesce(sum({row}), 0) AS VARCHAR) AS total, coalesce(max(rowid), -1) + 1 AS above,"
            f" CAST(coalesce(bit_xor({row}), 0) AS VARCHAR) AS mixed FROM {self._relation(name)}"
        )
        try:
            found = self._builder.rows(sql if below is None else f"{sql} WHERE rowid < {below}")[0]
        except WorkerFailure:
            return None
        return made.Content(**found)

    # -- sources

    def _describe(self, name: str) -> list[list[str]]:
        source = self._resolved[name]
        with self._telling(name, "source_unreadable", "could not be read"):
            for statement in source.attach(self._alias(name)):
                self._builder.execute(statement)
            return self._columns_of(self._relation(name))

    def _columns_of(self, relation: str) -> list[list[str]]:
        rows = self._builder.rows(f"SELECT column_name, column_type FROM (DESCRIBE FROM {relation})")
        return [[row["column_name"], row["column_type"]] for row in rows]

    @staticmethod
    def _alias(name: str) -> str:
        return f"source_{name}"

    def _relation(self, name: str) -> str:
        return self._resolved[name].relation(self._alias(name))

    def _rows(self, name: str) -> str:
        """The rows that go into the table: its source, or the part of it that is read."""
        return self._parts.get(name, self._resolved[name]).relation(self._alias(name))

    def _source_column(self, name: str, column: str, *, lists: bool = False) -> tuple[str, convert.Family]:
        """(SQL of a policy's column in its source, its family). A list is no key: only an image may be one."""
        wanted = self._tables[name].source_name(column)
        found = self._families[name]
        matches = [c for c in found if c == wanted] or [c for c in found if c.casefold() == wanted.casefold()]
        if len(matches) != 1:
            shown = ", ".join(list(found)[:40])
            raise self._error(
                name, column, "column_not_found", f"the source has no column {wanted!r}",
                f"Its columns are: {shown}. Name one of them by 'source_column', or remove the line.",
            )  # fmt: skip
        kind = found[matches[0]]
        if kind is None or (kind == "list" and not lists):
            raise self._error(
                name, column, "column_unreadable", "the source's type is nested or binary",
                "Flatten it in the source, or remove the column from the policy.",
            )  # fmt: skip
        return "s." + identifier(matches[0]), kind

    def _columns(self, name: str, table: Table, unit: str = "") -> list[str]:
        converted = []
        for column, declared in table.columns.items():
            if column == table.unit:  # the id as analysts may name it is the id that bounds contributions
                converted.append(f"{unit} AS {identifier(column)}")
                continue
            x, kind = self._source_column(name, column, lists=declared.type == "image")
            if not convert.readable(declared.type, kind):
                raise self._error(
                    name, column, "column_unreadable", f"the source's {kind} values cannot be read as {declared.type}",
                    "Declare another 'type'.",
                )  # fmt: skip
            converted.append(f"{convert.convert(declared, x, kind)} AS {identifier(column)}")
        return converted

    # -- tables

    def _public(self, name: str, table: Table) -> str:
        return f"SELECT {', '.join(self._columns(name, table))} FROM {self._rows(name)} s"

    def _protected(self, name: str, table: Table) -> str:
        unit, source = self._unit(name, table)
        columns = self._columns(name, table, unit)
        rows = f"SELECT {', '.join([f'{unit} AS _u', *columns])} FROM {source} WHERE ({unit}) IS NOT NULL"
        if table.row_is_unit:
            rows = f"SELECT row_number() OVER () AS _u, {', '.join(columns)} FROM {source}"
        if table.one_row_per_unit and not table.row_is_unit:
            whole = ", ".join(identifier(c) for c in table.columns)
            rows = (
                f"SELECT * FROM ({rows}) r QUALIFY row_number() OVER"
                f" (PARTITION BY _u ORDER BY md5(CAST(row({whole}) AS VARCHAR))) = 1"
            )
        return rows if table.row_is_unit or self._loaded.policy.prepare else f"{rows} ORDER BY _u"

    def _unit(self, name: str, table: Table) -> tuple[str, str]:
        """(SQL of the unit's id, what to write after FROM)."""
        relation = f"{self._rows(name)} s"
        if not table.path:
            assert table.unit is not None
            if table.row_is_unit:
                return "1", relation
            x, kind = self._source_column(name, table.unit)
            key = convert.unit_key(x, kind, self._unit_type)
            self._refuse_lost_units(name, table.unit, x, kind, key)
            return key, relation
        owners = self._owners(name, table, 0)
        x, kind = self._source_column(name, table.path[0][0])
        key = convert.unit_key(x, kind, self._key_type(name, table, 0))
        return "o.u", f"{relation} JOIN ({owners}) o ON o.k = {key} AND NOT o.shared"

    def _owners(self, name: str, table: Table, step: int) -> str:
        """SELECT k, u, shared: for each key of the step's target, its unit, and whether it belongs to several.

        Several stays several to the end of the path: were an ambiguous branch dropped half-way, a row would fall to
        whichever unit is left.
        """
        target, _, target_column = table.path[step][1].partition(".")
        x, kind = self._source_column(target, target_column)
        key = convert.unit_key(x, kind, self._key_type(name, table, step))
        relation = f"{self._relation(target)} s"
        if step + 1 < len(table.path):
            y, next_kind = self._source_column(target, table.path[step + 1][0])
            next_key = convert.unit_key(y, next_kind, self._key_type(name, table, step + 1))
            relation += f" JOIN ({self._owners(name, table, step + 1)}) o ON o.k = {next_key}"
            unit, shared = "o.u", "bool_or(o.shared) OR count(DISTINCT o.u) > 1"
        else:
            unit_column = self._tables[target].unit
            assert unit_column is not None
            y, unit_kind = self._source_column(target, unit_column)
            unit = convert.unit_key(y, unit_kind, self._unit_type)
            shared = f"count(DISTINCT {unit}) > 1"
        return (
            f"SELECT {key} AS k, min({unit}) AS u, {shared} AS shared FROM {relation}"
            f" WHERE ({key}) IS NOT NULL AND ({unit}) IS NOT NULL GROUP BY ALL"
        )

    def _key_type(self, name: str, table: Table, step: int) -> str:
        """Both sides of a step are compared as BIGINT if both are numeric, as text otherwise."""
        holder = name if step == 0 else table.path[step - 1][1].partition(".")[0]
        target, _, target_column = table.path[step][1].partition(".")
        families = {
            self._source_column(holder, table.path[step][0])[1],
            self._source_column(target, target_column)[1],
        }
        return convert.unit_type(set(), families)

    def _choose_unit_type(self) -> str:
        declared: set[str] = set()
        families: set[convert.Family] = set()
        for name, table in self._tables.items():
            if not table.public and table.unit is not None and not table.row_is_unit:
                families.add(self._source_column(name, table.unit)[1])
                if table.unit in table.columns:
                    declared.add(table.columns[table.unit].type)
        return convert.unit_type(declared, families)

    # -- checks

    def _refuse_lost_units(self, name: str, column: str, x: str, kind: convert.Family, key: str) -> None:
        """A unit's id that does not convert would silently drop a person's rows."""
        missing = f"{x} IS NOT NULL AND ({key}) IS NULL"
        if kind == "float":
            missing += f" AND NOT isnan({x})"
        with self._telling(name, "source_unreadable", "could not be read"):
            lost = self._builder.rows(f"SELECT count(*) AS n FROM {self._rows(name)} s WHERE {missing}")[0]["n"]
        if lost:
            raise self._error(
                name, column, "unit_not_integer", "the unit's id is not always a whole number of 64 bits",
                "Declare it under 'columns' with 'type: string'.",
            )  # fmt: skip

    def _check(self, name: str, table: Table) -> int:
        """Count the rows that break a declared fact: all must be zero. The table's rows."""
        broken: dict[str, tuple[str, str]] = {}
        counts = ["count(*) AS n"]
        for column, declared in table.columns.items():
            facts = [(fact, f"NOT ({predicate})") for fact, predicate in convert.facts(column, declared)]
            if declared.nullable is False or column == table.unit:
                facts.append(("not null", f"{identifier(column)} IS NULL"))
            for fact, violation in facts:
                alias = f"f{len(broken)}"
                broken[alias] = (column, fact)
                counts.append(f"count_if({violation}) AS {alias}")
        if not table.public:
            broken["u"] = ("_u", "not null")
            counts.append("count_if(_u IS NULL) AS u")
            if table.one_row_per_unit or table.row_is_unit:
                broken["d"] = ("_u", "one row per unit")
                counts.append("count(*) - count(DISTINCT _u) AS d")
            if (extra := stored(self._loaded.policy, table)) is not None:
                broken["s"] = ("_u", "stored totals and multiples")
                counts.append(f"{violations(table, extra)} AS s")
        found = self._builder.rows(f"SELECT {', '.join(counts)} FROM snapshot.{identifier(name)}")[0]
        for alias, (column, fact) in broken.items():
            if found[alias]:
                self._refuse_fact(name, column, fact)
        if table.public and found["n"] > _PUBLIC_ROWS_MAX:
            raise self._error(
                name, None, "public_table_too_large", f"a public table has at most {_PUBLIC_ROWS_MAX} rows",
                "Keep the rows that analysts join with.",
            )  # fmt: skip
        return int(found["n"])

    def _refuse_fact(self, name: str, column: str, fact: str) -> None:
        if fact == "not null" and column in self._tables[name].columns:
            raise self._error(
                name, column, "null_found", "'nullable: false' does not hold of the data as loaded",
                "Remove 'nullable: false'. Dates outside the bounds, and values outside the categories, read as NULL.",
            )  # fmt: skip
        # Not the owner's fault: the conversion promised this. Nothing is served from such a file.
        raise EngineFailure("snapshot_invalid", f"The snapshot of {name}.{column} breaks its declared {fact}.")

    # -- errors

    def _error(self, table: str, column: str | None, code: str, detail: str, hint: str) -> PolicyError:
        where = f"tables.{table}" + (f".columns.{column}" if column else "")
        return PolicyError(
            code, f"{where}: {detail}", hint=hint, file=str(self._loaded.path), table=table, column=column
        )

    @contextlib.contextmanager
    def _telling(self, table: str, code: str, detail: str) -> Iterator[None]:
        """DuckDB's own message may quote a row; the owner gets its class, which names no value."""
        try:
            yield
        except WorkerFailure as failure:
            raise self._error(
                table, None, code, f"the source {detail} ({failure.error or failure.reason})",
                "Check that the file is whole, readable, and of the kind that its name says.",
            ) from None  # fmt: skip
