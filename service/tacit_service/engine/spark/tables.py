"""The policy's tables as SELECTs over the owner's: what a snapshot stores in DuckDB is computed here as it is read.

Numbers are clamped and put on their grid, dates outside their bounds and values outside their categories are NULL, each
row has its unit's id as ``_u``, rows that belong to nobody are gone: every declared fact is true of what statements read.
Spark knows no unique keys, so that one row a unit, and owners by foreign keys, are looked for in every statement; but
Parquet files that were found to have one row a unit, and have not changed since, are read as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from tacit_service.errors import PolicyError
from tacit_service.policy.engine_rules import PARQUET
from tacit_service.policy.load import Loaded
from tacit_service.policy.model import Column, Table

from .columns import Field, converted, declared_value, present, readable
from .scope import Columns, literal, quoted
from .value import Kind, Value


@dataclass(frozen=True, slots=True)
class Relation:
    """A policy's table: the SELECT that stands for it, and its columns."""

    sql: str
    columns: Columns


@dataclass(frozen=True, slots=True)
class File:
    """A Parquet file as Spark saw it: its address, its bytes, and when it was written, in microseconds."""

    path: str
    size: int
    written: int


FILES = "SELECT _metadata.file_path AS path, _metadata.file_size AS size, unix_micros(_metadata.file_modification_time) AS written"
FILES_MAX = 500


def source_name(table: Table) -> str:
    """The owner's table as Spark is asked for it: names of a catalog, or Parquet files by their address."""
    if table.source.startswith(PARQUET):
        return f"parquet.{quoted(table.source.removeprefix(PARQUET))}"
    return ".".join(map(quoted, table.source.split(".")))


class Tables:
    """The SELECTs of one policy over the tables that were ``found``, by policy name."""

    def __init__(self, loaded: Loaded, found: Mapping[str, Mapping[str, Field | None]]) -> None:
        self._loaded = loaded
        self._tables = loaded.policy.tables
        self._found = found
        self._single: dict[str, Sequence[File]] = {}
        self._owned: set[str] = set()
        self.unit_kind = self._unit_kind()

    def relation(self, name: str) -> Relation:
        """The table's rows; ``PolicyError`` when Spark's columns cannot be read as declared."""
        table = self._tables[name]
        unit = "" if table.public else self._unit(name, table)
        columns: Columns = {}
        items = []
        if not table.public:
            items.append(f"{unit} AS `_u`")
            columns["_u"] = self._id("_u")
        for column, declared in table.columns.items():
            if column == table.unit:
                text, x = unit, self._id(column)
            else:
                text, x = self._converted(name, column, declared), declared_value(column, declared)
            items.append(f"{text} AS {quoted(column)}")
            columns[column] = x
        rows = [] if table.public or name in self._owned else [f"({unit}) IS NOT NULL"]
        needed = {c: d for c, d in table.columns.items() if d.nullable is False and c != table.unit}
        if name in self._single:  # checked of these very files when the dataset was opened
            needed = {}
        ranked = table.one_row_per_unit and name not in self._single
        if not ranked:  # checked when the dataset is opened; rows that break it later are not read
            rows += [self._present(name, c, d) for c, d in needed.items()]
        where = f" WHERE {' AND '.join(rows)}" if rows else ""
        sql = f"SELECT {', '.join(items)} FROM {self._from(name, table)}{where}"
        if ranked:
            sql = _one_of_each(sql, table)
            if needed:
                sql = f"SELECT * FROM ({sql}) AS _rows WHERE {' AND '.join(f'{quoted(c)} IS NOT NULL' for c in needed)}"
        return Relation(sql, columns)

    def files(self, name: str) -> str | None:
        """A SELECT of the files of a table that is declared to have one row a unit, where it is files."""
        table = self._tables[name]
        if not table.one_row_per_unit or not table.source.startswith(PARQUET):
            return None
        return f"{FILES} FROM {source_name(table)} GROUP BY ALL LIMIT {FILES_MAX + 1}"

    def repeated(self, name: str, files: Sequence[File]) -> str:
        """A SELECT of how many rows of those files are not the first of their unit, and how many are nobody's."""
        table = self._tables[name]
        unit = self._unit(name, table)
        found = f"count({unit}) - count(DISTINCT {unit}) AS n, count(*) - count({unit}) AS nobodys"
        return f"SELECT {found} FROM {_only(table, files)} AS s"

    def single(self, name: str, files: Sequence[File], *, owned: bool) -> None:
        """From now on those files alone are the table: no two of their rows have one unit; ``owned``: each has one.

        What ``nulls`` asks is asked of those files too, and a dataset in which it does not hold is not opened.
        """
        self._single[name] = files
        if owned:
            self._owned.add(name)

    def nulls(self, name: str) -> tuple[str, list[str]] | None:
        """A SELECT of how many rows have NULL in each column that is declared never to, and those columns."""
        table = self._tables[name]
        needed = [c for c, d in table.columns.items() if d.nullable is False and c != table.unit]
        if not needed:
            return None
        counts = [
            f"count_if(({self._converted(name, c, table.columns[c])}) IS NULL) AS n{i}" for i, c in enumerate(needed)
        ]
        where = "" if table.public else f" WHERE ({self._unit(name, table)}) IS NOT NULL"
        return f"SELECT {', '.join(counts)} FROM {self._from(name, table)}{where}", needed

    def _id(self, column: str) -> Value:
        return Value(quoted(column), self.unit_kind, -(2.0**63), 2.0**63)

    def _present(self, name: str, column: str, declared: Column) -> str:
        return present(declared, *self._source(name, column))

    def _converted(self, name: str, column: str, declared: Column) -> str:
        source, field = self._source(name, column)
        if (lack := readable(declared, field)) is not None:
            self._refuse(name, column, "column_unreadable", *lack)
        return converted(declared, source, field)

    # -- units

    def _unit_kind(self) -> Kind:
        kinds = set()
        for name, table in self._tables.items():
            if not table.public and table.unit is not None:
                family = self._source(name, table.unit)[1].family
                if family not in ("integer", "text"):
                    hint = "Give it as an integer or a text."
                    self._refuse(name, table.unit, "unit_unreadable", f"a unit's id of type {family}", hint)
                declared = table.columns.get(table.unit)
                kinds.add({"string": "text", "integer": "integer"}.get(declared.type, family) if declared else family)
        return Kind.INT if kinds == {"integer"} else Kind.TEXT

    @staticmethod
    def _key(x: str, kind: Kind) -> str:
        return f"CAST({x} AS BIGINT)" if kind is Kind.INT else f"make_valid_utf8(CAST({x} AS STRING))"

    def _unit(self, name: str, table: Table) -> str:
        if table.path:
            return "_o.u"
        assert table.unit is not None
        source, field = self._source(name, table.unit)
        if self.unit_kind is Kind.INT and field.family != "integer":
            hint = "Declare it with 'type: string'."
            self._refuse(name, table.unit, "unit_not_integer", "the unit's id is no integer", hint)
        return self._key(source, self.unit_kind)

    def _from(self, name: str, table: Table) -> str:
        rows = f"{_only(table, self._single[name]) if name in self._single else source_name(table)} AS s"
        if not table.path:
            return rows
        source, kind = self._foreign(name, table, 0)
        owners = self._owners(name, table, 0)
        return f"{rows} JOIN ({owners}) AS _o ON _o.k = {self._key(source, kind)} AND NOT _o.shared"

    def _owners(self, name: str, table: Table, step: int) -> str:
        """k, u, shared: each key of the step's target, its unit, and whether it belongs to several."""
        target, _, column = table.path[step][1].partition(".")
        source, _ = self._source(target, column)
        _, kind = self._foreign(name, table, step)
        key = self._key(source, kind)
        rows = f"{source_name(self._tables[target])} AS s"
        if step + 1 < len(table.path):
            next_source, next_kind = self._foreign(name, table, step + 1)
            rows += f" JOIN ({self._owners(name, table, step + 1)}) AS _o ON _o.k = {self._key(next_source, next_kind)}"
            unit, shared = "_o.u", "_o.shared"
        else:
            unit_column = self._tables[target].unit
            assert unit_column is not None
            unit, shared = self._key(self._source(target, unit_column)[0], self.unit_kind), "FALSE"
        several = f"bool_or({shared}) OR min({unit}) <> max({unit})"
        where = f"WHERE ({key}) IS NOT NULL AND ({unit}) IS NOT NULL"
        return f"SELECT {key} AS k, min({unit}) AS u, {several} AS shared FROM {rows} {where} GROUP BY 1"

    def _foreign(self, name: str, table: Table, step: int) -> tuple[str, Kind]:
        """(SQL of the step's own column, the type by which both sides are compared)."""
        holder = name if step == 0 else table.path[step - 1][1].partition(".")[0]
        target, _, column = table.path[step][1].partition(".")
        mine, a = self._source(holder, table.path[step][0])
        _, b = self._source(target, column)
        for at, field, found in ((holder, table.path[step][0], a), (target, column, b)):
            if found.family not in ("integer", "text"):
                self._refuse(
                    at, field, "column_unreadable", f"a key of type {found.family}", "Join on integers or texts."
                )
        return mine, Kind.INT if a.family == b.family == "integer" else Kind.TEXT

    # -- columns

    def _source(self, name: str, column: str) -> tuple[str, Field]:
        wanted = self._tables[name].source_name(column)
        found = self._found[name]
        matches = [c for c in found if c == wanted] or [c for c in found if c.casefold() == wanted.casefold()]
        if len(matches) != 1:
            shown = ", ".join(list(found)[:40])
            self._refuse(
                name, column, "column_not_found", f"the source has no column {wanted!r}",
                f"Its columns are: {shown}. Name one of them by 'source_column', or remove the line.",
            )  # fmt: skip
        field = found[matches[0]]
        if field is None:
            hint = "Cast it in a view, or remove the column."
            self._refuse(name, column, "column_unreadable", "the source's type is not read here", hint)
        return f"s.{quoted(matches[0])}", field

    def _refuse(self, table: str, column: str, code: str, detail: str, hint: str) -> NoReturn:
        where = f"tables.{table}.columns.{column}"
        raise PolicyError(
            code, f"{where}: {detail}", hint=hint, file=str(self._loaded.path), table=table, column=column
        )


def _only(table: Table, files: Sequence[File]) -> str:
    """The rows of those files, as they were then: what was written since is another file.

    Spark asks this of every row, too: integers come first, which tell most files apart at once.
    """
    conditions = [
        f"(_metadata.file_size = {f.size}L AND unix_micros(_metadata.file_modification_time) = {f.written}L"
        f" AND _metadata.file_path = {literal(f.path)})"
        for f in files
    ]
    return f"(SELECT * FROM {source_name(table)} WHERE {' OR '.join(conditions) or 'FALSE'})"


def _one_of_each(sql: str, table: Table) -> str:
    """One row of each unit: the one whose values hash to the least, a function of the unit's own rows."""
    whole = ", ".join(f"coalesce(CAST({quoted(c)} AS STRING), '\\u0001')" for c in table.columns) or "''"
    names = ", ".join(["`_u`", *map(quoted, table.columns)])
    place = f"row_number() OVER (PARTITION BY `_u` ORDER BY md5(concat_ws('|', {whole})))"
    return f"SELECT {names} FROM (SELECT *, {place} AS _first FROM ({sql}) AS _all) AS _ranked WHERE _first = 1"
