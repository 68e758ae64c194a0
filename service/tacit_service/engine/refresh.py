"""Refreshing: a snapshot made from an earlier one of the same policy, where rows were only added to the sources since.

When it is sound. Every stored value is a function of one row of the sources, of its unit's rows, and of the tables on its
path. So a table may be carried over where its meaning, its columns and its source are as they were; and rows may be added
to it where, besides, the source holds all that it held: the very same files and some new ones, or, in a DuckDB file, the
same rows below a row id (by their number and two sums of 64-bit hashes) and some above it. What is stored of a unit with
new rows is then computed anew from all of its rows, by the expressions that build it. In every other case (a file that
was written again, a path whose target changed, columns of another type, another version of the engine) nothing is
refreshed, and all is built whole. ∎

Added rows lie behind the others, not among them, so a table that grew by a fifth is built whole again, in order. Answers
never depend on that. The earlier snapshot is copied, never changed: a service may be reading it.
"""

from __future__ import annotations

import logging
import shutil
from dataclasses import replace
from pathlib import Path

from tacit_service.engine import made
from tacit_service.engine.build import Build
from tacit_service.engine.duckdb import Builder
from tacit_service.engine.prepare import STAGE, added_alone, added_to_units
from tacit_service.engine.process import WorkerFailure
from tacit_service.engine.sources import Source, identifier, literal
from tacit_service.errors import PolicyError
from tacit_service.policy.load import Loaded
from tacit_service.policy.model import Table
from tacit_service.query.catalog import stored
from tacit_service.telemetry import log

GROWN_MAX = 0.2
"""Rows added since a table was built whole, as a share of it: beyond this, and where units with new rows hold more than
half of all rows, building whole costs about as much and puts rows in order."""
TOUCHED_MAX = 0.5


class BuildWhole(Exception):
    """A refresh is not sound here, or no cheaper."""


def refresh(loaded: Loaded, given: dict[str, Source], earlier: list[Path], work: Path, target: Path) -> bool:
    """Make ``target`` from one of the ``earlier`` snapshots; ``False``, and no file, where all must be built whole.

    Any failure is an answer of ``False``: what is wrong with a source is told by the build that follows.
    """
    if not earlier:
        return False
    try:
        with Builder(work) as builder:
            _Refresh(loaded, given, builder).run_from(earlier, target)
    except Exception as error:  # an earlier snapshot may be of any program, or broken
        if not isinstance(error, BuildWhole | PolicyError):
            log("refresh_failed", level=logging.WARNING, error=type(error).__name__)
        target.unlink(missing_ok=True)
        target.with_name(target.name + ".wal").unlink(missing_ok=True)
        return False
    return True


class _Refresh(Build):
    """One refresh: finds what to start from, decides table by table what changed, and adds the rows."""

    def __init__(self, loaded: Loaded, given: dict[str, Source], builder: Builder) -> None:
        super().__init__(loaded, given, given, builder)
        self._meanings = {n: made.canonical(m) for n, m in made.meaning(loaded.policy, given).items()}
        self._changed: dict[str, bool] = {}

    def run_from(self, earlier: list[Path], target: Path) -> None:
        """Write ``target``; ``BuildWhole`` where none of ``earlier`` will do."""
        start, base = self._start(earlier)
        if any(s.kind in ("npz", "idx") and self._files(n) != base.tables[n].files for n, s in self._given.items()):
            raise BuildWhole
        self._look()
        for name, table in self._tables.items():
            self._decide(name, table, base.tables[name])
        shutil.copyfile(start, target)
        target.chmod(0o600)
        self._builder.execute(f"ATTACH {literal(str(target))} AS snapshot")
        tables = {name: self._carry(name, table, base.tables[name]) for name, table in self._tables.items()}
        self._finish(replace(base, tables=tables, refreshed=base.refreshed + 1))

    def _start(self, earlier: list[Path]) -> tuple[Path, made.Made]:
        """The latest snapshot of the same meaning, made by this version of the engine."""
        engine = self._engine()
        for path in earlier:
            record = self._record(path)
            if record is None or (record.format, record.engine) != (made.FORMAT, engine):
                continue
            if {name: table.meaning for name, table in record.tables.items()} == self._meanings:
                return path, record
        raise BuildWhole

    def _record(self, path: Path) -> made.Made | None:
        try:
            self._builder.execute(f"ATTACH {literal(str(path))} AS earlier (READ_ONLY)")
        except WorkerFailure:
            return None
        try:
            return made.Made.read(self._builder.rows(f"SELECT body FROM earlier.{made.TABLE}")[0]["body"])
        except Exception as error:  # of an earlier version of this program, or no record at all: another may do
            log("earlier_unreadable", error=type(error).__name__)
            return None
        finally:
            self._builder.execute("DETACH earlier")

    # -- what changed

    def _files(self, name: str) -> list[list[object]]:
        return [list(file) for file in self._given[name].fingerprint()]

    def _decide(self, name: str, table: Table, was: made.Table) -> None:
        """Set whether the table changed, and which part of its source is new."""
        if self._described[name] != was.described:
            raise BuildWhole
        now = self._files(name)
        self._changed[name] = now != was.files
        if table.public or not self._changed[name]:
            return
        if self._given[name].kind == "duckdb":
            part = self._rows_added(name, was)
        else:
            part = self._files_added(name, table, was, now)
        if part is None:
            self._changed[name] = False
        else:
            self._parts[name] = part

    def _rows_added(self, name: str, was: made.Table) -> Source | None:
        """A DuckDB table: its file may have changed for the sake of another."""
        if was.content is None or self._content(name, below=was.content.above) != was.content:
            raise BuildWhole
        part = replace(self._given[name], above=was.content.above)
        rows = self._builder.rows(f"SELECT count(*) AS n FROM {part.relation(self._alias(name))}")[0]["n"]
        return part if rows else None

    def _files_added(self, name: str, table: Table, was: made.Table, now: list[list[object]]) -> Source:
        if any(file not in now for file in was.files):
            raise BuildWhole
        if table.row_is_unit and now[: len(was.files)] != was.files:
            raise BuildWhole  # rows are numbered in the order of the files
        old = {str(path) for path, *_ in was.files}
        part = replace(self._given[name], files=tuple(f for f in self._given[name].files if str(f) not in old))
        if self._columns_of(part.relation(self._alias(name))) != was.described:
            raise BuildWhole  # read with the others, its values might be taken otherwise than alone
        return part

    # -- what is written

    def _carry(self, name: str, table: Table, was: made.Table) -> made.Table:
        if any(self._changed[step[1].partition(".")[0]] for step in table.path):
            raise BuildWhole  # rows that belonged to nobody may have found an owner, and others two
        if not self._changed[name]:
            return self._made(name, was.content, was.whole, was.grown)
        if table.public:
            self._builder.execute(f"DROP TABLE snapshot.{identifier(name)}")
            return self._make(name, table)
        added = self._grow(name, table, was)
        self._check(name, table)
        return self._made(name, self._content(name), was.whole, was.grown + added)

    def _grow(self, name: str, table: Table, was: made.Table) -> int:
        extra = stored(self._loaded.policy, table)
        held = f"snapshot.{identifier(name)}"
        with self._telling(name, "source_unreadable", "could not be read"):
            self._builder.execute(f"CREATE OR REPLACE TEMP TABLE {STAGE} AS {self._protected(name, table)}")
            added = int(self._builder.rows(f"SELECT count(*) AS n FROM {STAGE}")[0]["n"])
            if was.grown + added > GROWN_MAX * was.whole:
                raise BuildWhole
            if extra is None or not extra.total:
                steps = added_alone(name, table, extra)
            else:
                touched = f"SELECT count(*) AS n FROM {held} SEMI JOIN {STAGE} USING (_u)"
                if self._builder.rows(touched)[0]["n"] > TOUCHED_MAX * (was.whole + was.grown):
                    raise BuildWhole
                steps = added_to_units(name, table, extra)
            for step in steps:
                self._builder.execute(step)
        return added
