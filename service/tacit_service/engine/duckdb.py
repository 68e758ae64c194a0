"""DuckDB over one snapshot, in a locked process of its own; and DuckDB for the owner's side (building, checking).

Three things live here because this file is the engine room's only importer of duckdb:

- ``DuckDBEngine``: what the service runs aggregates on. Its child opens the snapshot read-only, shuts every door DuckDB
  has to files, network, extensions and settings, and answers single SELECTs only.
- the *builder* child, with files open, which runs the statements ``engine.snapshot`` sends it, and exits.
- ``OwnerReader``: reads declared sources for ``policy check`` and ``policy advise``, on the owner's command line only.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import time
import warnings
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from tacit_service.engine import sources
from tacit_service.engine.niceness import BEHIND, stand_behind
from tacit_service.engine.process import (
    Blob,
    ChildError,
    Handler,
    Header,
    WorkerFailure,
    WorkerProcess,
    decode_table,
    encode_table,
    harden,
    serve,
)
from tacit_service.engine.retry import once_more
from tacit_service.engine.workers import Workers
from tacit_service.errors import EngineFailure, PolicyError

MODULE = "tacit_service.engine.duckdb"

_NO_EXTENSIONS = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
}
_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
# HUGEINT and DECIMAL are refused, not converted: the emitted SQL must have saturated or cast them itself.
_RESULT_TYPES = _INTEGERS | {"BOOLEAN", "DOUBLE", "VARCHAR", "DATE", "TIMESTAMP"}
_IMAGE = re.compile(r"UTINYINT\[\d+\]\Z")
_ROWS_MAX = 20_000_000
_ARRAY_BITS = 12  # DuckDB's own
_TOTALS_BYTES = 1024  # of one key: some eighty totals; as many as there may be take four times that, within the whole
_HEALTH_TIMEOUT_S = 5.0


# ---------------------------------------------------------------- locking


def open_locked(path: Path | None, *, memory_limit: str, threads: int | None) -> duckdb.DuckDBPyConnection:
    """A connection with all doors shut but ``lock``'s: the snapshot read-only, or an empty in-memory database."""
    config: dict[str, Any] = {
        **_NO_EXTENSIONS,
        "enable_external_access": "false",
        "memory_limit": memory_limit,
        "temp_directory": "",
    }
    if threads is not None:
        config["threads"] = str(threads)
    return duckdb.connect(str(path) if path else ":memory:", read_only=path is not None, config=config)


def lock(connection: duckdb.DuckDBPyConnection, *, keep_order: bool) -> None:
    """Shut the rest; after this no setting can change, on this connection or its cursors."""
    for setting in (
        f"preserve_insertion_order={'true' if keep_order else 'false'}",
        "error_on_division_by_zero=false",
        "allow_persistent_secrets=false",
        "disabled_filesystems='LocalFileSystem'",
        "python_enable_replacements=false",
        "lock_configuration=true",
    ):
        connection.execute(f"SET GLOBAL {setting}")


def one_select(connection: duckdb.DuckDBPyConnection, sql: str) -> duckdb.Statement:
    """The parsed statement if ``sql`` is exactly one SELECT."""
    statements = connection.extract_statements(sql)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise ChildError("NotOneSelect", "not exactly one SELECT statement")
    return statements[0]


# ---------------------------------------------------------------- the engine


class DuckDBEngine:
    """Implements ``engine.base.Engine`` over one snapshot file; thread-safe; ``processes`` calls run at a time."""

    def __init__(self, path: Path, processes: int = 1, memory_limit: str = "4GB", threads: int | None = None) -> None:
        if not path.is_file():
            raise EngineFailure("engine_failed", "The snapshot is missing.", hint="Build it again from the policy.")
        args = ["engine", str(path.resolve()), memory_limit, str(threads or 0)]
        self._workers = Workers(MODULE, args, processes=processes)

    def run(self, sql: str, *, timeout_s: float) -> pa.Table:
        """Execute one SELECT. Waiting for a free process does not count towards ``timeout_s``.

        A process that died was killed by somebody else, perhaps: its successor tries once more, in what is left of the time.
        """
        try:
            with self._workers.lent() as worker:
                end = time.monotonic() + timeout_s
                parts = once_more(lambda: worker.call({"sql": sql}, timeout_s=end - time.monotonic())[1], end)
                return decode_table(parts[0])
        except WorkerFailure as failure:
            raise _engine_failure(failure) from failure
        except (pa.ArrowException, IndexError):
            raise EngineFailure("engine_failed", "The engine could not finish this query.") from None

    def check(self, sql: str) -> None:
        """See ``Engine``: the emitted dialect is DuckDB's own, and its statements were bound over empty tables."""

    def healthy(self) -> bool:
        """See ``Engine``."""
        try:
            self.run("SELECT 1 AS one", timeout_s=_HEALTH_TIMEOUT_S)
        except EngineFailure:
            return False
        return True

    def warm(self) -> None:
        """Wait until every process is ready; ``EngineFailure`` when one cannot start."""
        try:
            self._workers.warm()
        except WorkerFailure as failure:
            raise _engine_failure(failure) from failure

    def close(self) -> None:
        """Stop the engine's processes."""
        self._workers.close()

    def __enter__(self) -> DuckDBEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _engine_failure(failure: WorkerFailure) -> EngineFailure:
    """Constant texts: which error it was, or how far the query came, could depend on the data."""
    if failure.reason == "timeout":
        return EngineFailure("engine_timeout", "The engine ran out of time on this query.")
    return EngineFailure("engine_failed", "The engine could not finish this query.")


def _start_engine(path: str, memory_limit: str, threads: str) -> tuple[Handler, Callable[[], None]]:
    connection = open_locked(Path(path), memory_limit=memory_limit, threads=int(threads) or None)
    connection.execute(f"SET GLOBAL perfect_ht_threshold={_array_bits(connection, memory_limit)}")
    lock(connection, keep_order=False)

    def handle(header: Header, _: list[memoryview]) -> tuple[Header, list[Blob]]:
        try:
            return {}, [encode_table(select(connection, header["sql"]))]
        except ChildError:
            raise
        except duckdb.Error as error:
            # The class only: DuckDB's messages hold values. After these two the database object is unusable.
            fatal = isinstance(error, duckdb.FatalException | duckdb.InternalException)
            raise ChildError(type(error).__name__, fatal=fatal) from None

    return handle, connection.interrupt


def _array_bits(connection: duckdb.DuckDBPyConnection, memory_limit: str) -> int:
    """Integer keys of so many bits index an array of totals, one a thread, where others are hashed: half the time.

    A quarter of the memory at most, and no more places than four times the rows of the largest table. Where totals are
    stored only units above a cap are put together: too few for an array.
    """
    threads, rows, stored = connection.execute(
        "SELECT current_setting('threads'), max(estimated_size), count_if(starts_with(table_name, '_totals_'))"
        " FROM duckdb_tables() WHERE NOT internal"
    ).fetchall()[0]
    if stored:
        return _ARRAY_BITS
    size = re.fullmatch(r"(\d+)([MG])B", memory_limit)
    memory = int(size[1]) << (30 if size[2] == "G" else 20) if size else 1 << 30
    places = min(memory // 4 // (_TOTALS_BYTES * int(threads)), 4 * int(rows or 0))
    return max(_ARRAY_BITS, min(places.bit_length() - 1, 24))


def select(connection: duckdb.DuckDBPyConnection, sql: str) -> pa.Table:
    """Run one SELECT whose result has plain types only; every integer comes back as int64.

    ``execute`` binds a statement once where ``sql`` does so twice: a quarter of the time of a small one. DuckDB warns of one
    more copy of the result, which takes no more memory than the other way where there are millions of rows.
    """
    connection.execute(one_select(connection, sql))
    types = [str(t) for _, t, *_ in connection.description or ()]
    if not types or any(t not in _RESULT_TYPES and not _IMAGE.match(t) for t in types):
        raise ChildError("UnsupportedResultType")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Arrow output on a DB-API result", category=UserWarning)
        table: pa.Table = connection.to_arrow_table()
    if table.num_rows > _ROWS_MAX:
        raise ChildError("TooManyRows")
    fields = [f.with_type(pa.int64()) if pa.types.is_integer(f.type) else f for f in table.schema]
    return table.cast(pa.schema(fields))


# ---------------------------------------------------------------- the owner's side


class Builder:
    """A child with files open, for ``engine.snapshot``: executes statements and answers small SELECTs, then closes."""

    def __init__(self, temp_directory: Path, memory_limit: str | None = None) -> None:
        self._worker = WorkerProcess(MODULE, ["builder", str(temp_directory.resolve()), memory_limit or ""])

    def execute(self, sql: str, *, timeout_s: float = 24 * 3600) -> None:
        """Run one statement. ``WorkerFailure`` names DuckDB's error class and first line: owner's eyes only."""
        self._worker.call({"sql": sql, "rows": False}, timeout_s=timeout_s)

    def rows(self, sql: str, *, timeout_s: float = 24 * 3600) -> list[dict[str, Any]]:
        """The rows of one SELECT, as dictionaries."""
        _, parts = self._worker.call({"sql": sql, "rows": True}, timeout_s=timeout_s)
        rows: list[dict[str, Any]] = decode_table(parts[0]).to_pylist()
        return rows

    def close(self) -> None:
        """Stop the child."""
        self._worker.close()

    def __enter__(self) -> Builder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _start_builder(temp_directory: str, memory_limit: str) -> tuple[Handler, Callable[[], None]]:
    connection = _open_for_owner(temp_directory, memory_limit)

    def handle(header: Header, _: list[memoryview]) -> tuple[Header, list[Blob]]:
        try:
            if header["rows"]:
                return {}, [encode_table(connection.sql(header["sql"]).to_arrow_table())]
            connection.execute(header["sql"])
            return {}, []
        except duckdb.Error as error:
            raise ChildError(type(error).__name__, str(error).partition("\n")[0]) from None

    return handle, connection.interrupt


def _open_for_owner(temp_directory: str = "", memory_limit: str = "") -> duckdb.DuckDBPyConnection:
    config: dict[str, Any] = {**_NO_EXTENSIONS, "temp_directory": temp_directory}
    if memory_limit:
        config["memory_limit"] = memory_limit
    connection = duckdb.connect(":memory:", config=config)
    connection.execute("SET GLOBAL python_enable_replacements=false")
    return connection


class OwnerReader:
    """Implements ``policy.reader.TableReader``: a declared source as table ``t``, for the data owner alone."""

    def __init__(self) -> None:
        self._folder: Path | None = None  # of arrays as Parquet files
        self._rewritten: dict[sources.Source, sources.Source] = {}

    def _readable(self, source: sources.Source) -> sources.Source:
        if source.kind not in ("npz", "idx"):
            return source
        if source not in self._rewritten:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="tacit-"))
                weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
            target = self._folder / f"{len(self._rewritten)}.parquet"
            self._rewritten[source] = source.readable(target)
        return self._rewritten[source]

    def columns(self, source: str, base_dir: Path) -> dict[str, str]:
        """Column names of the source with DuckDB's type names."""
        described = self.query(source, base_dir, "SELECT column_name, column_type FROM (DESCRIBE t)")
        return dict(zip(described["column_name"].to_pylist(), described["column_type"].to_pylist(), strict=True))

    def query(self, source: str, base_dir: Path, sql: str) -> pa.Table:
        """Run one SELECT that sees the source as table ``t``; ``PolicyError`` when the source cannot be read."""
        resolved = self._readable(sources.resolve(source, base_dir))
        with _open_for_owner() as connection:
            try:
                for statement in resolved.attach("source"):
                    connection.execute(statement)
                connection.execute(f"CREATE TEMP VIEW t AS SELECT * FROM {resolved.relation('source')}")
                return connection.sql(sql).to_arrow_table()
            except (duckdb.IOException, duckdb.CatalogException, duckdb.InvalidInputException) as error:
                raise PolicyError(
                    "source_unreadable",
                    f"source {source!r} could not be read ({type(error).__name__})",
                    hint="Check that the file is whole, readable, and of the kind that its name says.",
                ) from None


def main(argv: list[str]) -> None:
    """Entry of the children: ``parent-pid engine|builder …``."""
    parent_pid, mode, *args = argv
    stand_behind(BEHIND)
    harden(int(parent_pid), may_write_files=mode == "builder")
    if mode == "builder":
        serve(lambda: _start_builder(*args))
    else:
        serve(lambda: _start_engine(*args))


if __name__ == "__main__":
    main(sys.argv[1:])
