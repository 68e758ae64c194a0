"""Several databases in one file, and one plan for all of them: which of them a prepared statement reads is a parameter.

Binding and planning a statement costs some ten times what running it over the tiny clinic does. So each protected table
holds the rows of every database, marked with whose they are, and the engine's statement, otherwise as it was emitted,
reads the marked rows of one. Row groups are as small as DuckDB makes them and every database has rows in each, so that
several threads have something to share.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import duckdb
import pyarrow as pa
from tacit_e2e_world import PROTECTED

from tacit_service.engine import aggregate as engine_aggregate
from tacit_service.engine.bounding import statements
from tacit_service.engine.formulations import Statement
from tacit_service.query.plan import ReleasePoint

THREADS = 4  # of the database that holds the same people otherwise
_STORED = [*PROTECTED, *(f"_totals_{t}" for t in PROTECTED)]


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
        self._names: dict[str, str] = {}
        self.whole = OneDatabase(self, 0)
        self.less = {name: OneDatabase(self, i + 1) for i, name in enumerate(less)}
        self.same = OneDatabase(self, len(everything) - 1)

    def run(self, sql: str, number: int) -> pa.Table:
        """The statement over one database. Integers come back as int64; no wider number comes back at all."""
        name = self._names.get(sql)
        if name is None:
            name = f"s{len(self._names)}"
            self._connection.execute(f"PREPARE {name} AS {reading(sql)}")
            self._names[sql] = name
        threads = THREADS if number == self.same.number else 1
        self._connection.execute(f"SET threads = {threads}")
        table = self._connection.sql(f"EXECUTE {name}({number})").to_arrow_table()
        assert not any(pa.types.is_decimal(t) for t in table.schema.types), "a HUGEINT or DECIMAL left the engine"
        fields = [f.with_type(pa.int64()) if pa.types.is_integer(f.type) else f for f in table.schema]
        return table.cast(pa.schema(fields))

    @contextmanager
    def one_plan(self) -> Iterator[None]:
        """Within, a release point's statements are written once and planned once, whatever databases read them."""
        written: dict[int, tuple[ReleasePoint, list[Statement]]] = {}

        def once(point: ReleasePoint) -> list[Statement]:
            if id(point) not in written:
                written[id(point)] = point, statements(point)
            return written[id(point)][1]

        try:
            with patch.object(engine_aggregate, "statements", once):
                yield
        finally:
            for name in self._names.values():
                self._connection.execute(f"DEALLOCATE {name}")
            self._names.clear()

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


def reading(sql: str) -> str:
    """The statement over the rows of the database that its parameter names."""
    marked = r"FROM (SELECT * EXCLUDE (_db) FROM \1 WHERE _db = CAST($1 AS INTEGER))"
    return re.sub(rf'FROM ("(?:{"|".join(_STORED)})")', marked, sql)


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
        connection.execute("CREATE TABLE target.regions AS FROM source0.regions")
