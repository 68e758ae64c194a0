"""Several databases in one file, and one plan for all of them: a statement is asked of each in a LATERAL join.

Binding and planning a statement costs some ten times what running it over the tiny clinic does. So each protected table
holds the rows of every database, marked with whose they are, and the engine's statement, otherwise as it was emitted,
reads the marked rows of the database that stands beside it. That the engine takes a LATERAL apart rightly is not taken for
granted: the database of the same people is asked by itself, with threads, and must give what the whole gave. Row groups are
as small as DuckDB makes them and every database has rows in each, so that several threads have something to share.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from tacit_e2e_world import PROTECTED

from tacit_service.engine import aggregate as engine_aggregate
from tacit_service.engine.bounding import statements
from tacit_service.engine.formulations import Statement
from tacit_service.engine.unit_sums import sums
from tacit_service.query.plan import ReleasePoint

THREADS = 4  # of the database that holds the same people otherwise
_STORED = [*PROTECTED, *(f"_totals_{t}" for t in PROTECTED), *(f"_units_{t}" for t in PROTECTED)]


@dataclass(frozen=True)
class Rows:
    """Rows of one database: those of a snapshot that pass ``where``, in the order of ``order``."""

    snapshot: Path
    where: str = "TRUE"
    order: str = "rowid"


class Databases:
    """``whole``, what ``less`` units of it is, and ``same``: the same people from other files, by several threads."""

    def __init__(self, path: Path, whole: Rows, less: Mapping[str, Rows], same: Rows) -> None:
        everything = [whole, *less.values(), same]
        build(path, everything)
        self._connection = duckdb.connect(str(path), read_only=True, config={"threads": "1"})
        self._connection.execute("SET error_on_division_by_zero = false")
        self._connection.execute("SET preserve_insertion_order = false")
        self._found: dict[str, list[pa.Table]] = {}  # of each database, by statement
        self._apart = True
        self.whole = OneDatabase(self, 0)
        self.less = {name: OneDatabase(self, i + 1) for i, name in enumerate(less)}
        self.same = OneDatabase(self, len(everything) - 1)

    def run(self, sql: str, number: int) -> pa.Table:
        """The statement over one database. Integers come back as int64; no wider number comes back at all."""
        if number == self.same.number and self._apart:
            self._connection.execute(f"SET threads = {THREADS}")
            return _integers(self._connection.sql(reading(sql, str(number))).to_arrow_table())
        if sql not in self._found:
            self._connection.execute("SET threads = 1")
            numbers = range(self.same.number + (not self._apart))
            try:
                self._found[sql] = self._of_each(sql, numbers)
            except (duckdb.BinderException, duckdb.NotImplementedException):  # not taken apart: one after the other
                self._found[sql] = [self._connection.sql(reading(sql, str(i))).to_arrow_table() for i in numbers]
        return _integers(self._found[sql][number])

    def _of_each(self, sql: str, numbers: Iterable[int]) -> list[pa.Table]:
        each = ", ".join(f"({i})" for i in numbers)
        asked = f"SELECT d._db, x.* FROM (VALUES {each}) AS d(_db), LATERAL ({reading(sql, 'd._db')}) AS x"
        table = self._connection.sql(asked).to_arrow_table()
        rows = table.remove_column(0)
        return [rows.filter(pc.equal(table.column(0), i)) for i in numbers]

    @contextmanager
    def one_plan(self, *, apart: bool = True) -> Iterator[None]:
        """Within, a release point's statements are written once and run once, whatever databases read them.

        ``apart``: the database of the same people is asked by itself, by several threads.
        """
        written: dict[int, tuple[ReleasePoint, list[Statement]]] = {}

        def once(point: ReleasePoint) -> list[Statement]:
            if id(point) not in written:
                written[id(point)] = point, statements(point)
            return written[id(point)][1]

        self._apart = apart
        try:
            with patch.object(engine_aggregate, "statements", once):
                yield
        finally:
            self._found.clear()
            self._apart = True

    def close(self) -> None:
        self._connection.close()


@dataclass(frozen=True)
class OneDatabase:
    """Implements ``engine.base.Engine`` over one of the databases."""

    databases: Databases
    number: int

    def run(self, sql: str, *, timeout_s: float) -> pa.Table:
        return self.databases.run(sql, self.number)

    def close(self) -> None:
        """The databases close together."""


def reading(sql: str, number: str) -> str:
    """The statement over the rows of the database of that number."""
    marked = rf"FROM (SELECT * EXCLUDE (_db) FROM \1 WHERE _db = {number})"
    return re.sub(rf'FROM ("(?:{"|".join(_STORED)})")', marked, sql)


def _integers(table: pa.Table) -> pa.Table:
    assert not any(pa.types.is_decimal(t) for t in table.schema.types), "a HUGEINT or DECIMAL left the engine"
    fields = [f.with_type(pa.int64()) if pa.types.is_integer(f.type) else f for f in table.schema]
    return table.cast(pa.schema(fields))


def build(path: Path, everything: list[Rows]) -> None:
    """Write the file. Totals are a function of the rows that a database has."""
    with duckdb.connect(config={"threads": "1"}) as connection:
        connection.execute(f"ATTACH '{path}' AS target (ROW_GROUP_SIZE 2048)")
        for i, rows in enumerate(everything):
            connection.execute(f"ATTACH '{rows.snapshot}' AS source{i} (READ_ONLY)")
        for table in PROTECTED:
            parts = [
                f"SELECT {i} AS _db, row_number() OVER (ORDER BY {rows.order}) AS _place, t.* "
                f"FROM source{i}.{table} t WHERE {rows.where}"
                for i, rows in enumerate(everything)
            ]
            union = " UNION ALL BY NAME ".join(parts)
            connection.execute(
                f"CREATE TABLE target.{table} AS SELECT * EXCLUDE (_place) FROM ({union}) ORDER BY _place, _db"
            )
            by_unit = f"SELECT _db, count(*) AS n FROM target.{table} GROUP BY _db, _u"
            connection.execute(
                f"CREATE TABLE target._totals_{table} AS SELECT _db, n AS _rows, count(*) AS _units "
                f"FROM ({by_unit}) GROUP BY _db, n"
            )
            connection.execute(f"CREATE TABLE target._units_{table} AS {_units(connection, table)}")
        connection.execute("CREATE TABLE target.regions AS FROM source0.regions")


def _units(connection: duckdb.DuckDBPyConnection, table: str) -> str:
    """The table of units, made of the rows that each database has."""
    found = connection.execute(f"SELECT column_name FROM (DESCRIBE target.{table})").fetchall()
    stepped = [c.removeprefix("_i_") for (c,) in found if c.startswith("_i_")]
    return f"SELECT _db, _u, {sums(stepped)} FROM target.{table} GROUP BY _db, _u"
