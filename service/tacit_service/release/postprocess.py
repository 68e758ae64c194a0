"""Where the SQL above release points runs: an isolated in-memory DuckDB that holds released and public tables only.

Nothing in here is protected, so errors may be told in full. It is isolated all the same: the child has no files, no
extensions, no settings to change, a memory limit, and is killed when a statement outlives its time. Each call has a
connection of its own, in a read-only transaction, so that no statement leaves anything for the next analyst.
"""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from tacit_service.engine.duckdb import lock, one_select, open_locked
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
from tacit_service.errors import EngineFailure, Refusal

from .patience import late, left, waiting
from .plain import alike, plain

MODULE = "tacit_service.release.postprocess"
ROWS_MAX = 1_000_000
_ROW_BYTES_MAX = 256  # on average, of a result of many rows
_BYTES_LEAST = 32 << 20  # that a result may have, whatever rows are allowed: few rows may hold long texts
_BATCH_ROWS = 2_048  # between two looks at the limits
_MEMORY_LIMIT = "1GB"
_MEMORY_BYTES_MAX = 3 << 30
_DRAW = "_draw"
_ORDER = "_order"
_STACK = "_stack_{}"
_CHUNK_DRAWS = 40  # statements of about 40 branches were the fastest; planning is superlinear beyond
_DRY_MAX = 2  # sets of empty tables that a child keeps a connection for


class SandboxError(Refusal):
    """DuckDB refused the SQL above the release points; ``detail`` is the first line of its message (public facts)."""

    title = "SQL above the release refused"

    def __init__(self, detail: str, error: str = "") -> None:
        super().__init__("outer_sql_failed", detail or "The SQL above the release could not be run.")
        self.error = error


class Sandbox:
    """Thread-safe; ``processes`` children, each holding the public tables, and ``dry`` more for dry runs, which quotes and
    refusals wait for: they run before all others, and what answers run never holds them. Without such, all share the children."""

    def __init__(
        self, public: Mapping[str, pa.Table], *, processes: int = 1, dry: int = 0, rows_max: int = ROWS_MAX
    ) -> None:
        self._public = dict(public)
        self.rows_max = rows_max  # of an answer; re-draws of one have more
        self._answers = Workers(MODULE, ["behind"], processes=processes)
        self._dry = Workers(MODULE, ["first"], processes=dry) if dry else self._answers
        self._loaded: dict[WorkerProcess, int | None] = {}

    def query(
        self, sql: str, tables: Mapping[str, pa.Table] | None = None, timeout_s: float = 5.0,
        rows_max: int | None = None, *, dry: bool = False,
    ) -> pa.Table:  # fmt: skip
        """Run one SELECT over the public tables and ``tables``. Integers come back as int64, decimals as double."""
        tables = tables or {}
        blobs = [encode_table(table) for table in tables.values()]
        header: Header = {"do": "query", "sql": sql, "names": list(tables)}
        if rows_max is not None:
            header["rows_max"] = rows_max
        return decode_table(self._call(header, blobs, timeout_s, dry=dry)[0])

    def describe(self, sql: str, schemas: Mapping[str, pa.Schema], timeout_s: float = 5.0) -> pa.Schema:
        """The result's schema, from a dry run over empty tables; raises ``SandboxError`` when the SQL does not bind."""
        blobs = [encode_table(schema.empty_table()) for schema in schemas.values()]
        header = {"do": "describe", "sql": sql, "names": list(schemas)}
        return decode_table(self._call(header, blobs, timeout_s, dry=True)[0]).schema

    def check(self, sql: str, schemas: Mapping[str, pa.Schema], timeout_s: float = 5.0) -> None:
        """Plan the statement over empty tables; raises ``SandboxError`` when it cannot be planned.

        The tables are those of a policy: a child keeps them from one call to the next, whoever asks.
        """
        blobs = [_empty(schema) for schema in schemas.values()]
        self._call({"do": "check", "sql": sql, "names": list(schemas)}, blobs, timeout_s, dry=True)

    def redraw(
        self, sql: str, draws: Mapping[str, Sequence[pa.Table]], timeout_s: float = 5.0, *, ordered: bool = True,
        dry: bool = False,
    ) -> list[pa.Table]:  # fmt: skip
        """The same statement over each set of re-drawn tables: result i reads draw i of every table.

        ``ordered=False`` gives leave to return each result's rows in any order, which is several times faster.
        """
        counts = {len(tables) for tables in draws.values()}
        if len(counts) != 1:
            raise ValueError("every table needs the same number of draws, at least one table")
        count = counts.pop()
        blobs = [encode_table(_stack(tables)) for tables in draws.values()]
        header = {"do": "redraw", "sql": sql, "names": list(draws), "draws": count, "ordered": ordered}
        result = decode_table(self._call(header, blobs, timeout_s, dry=dry)[0])
        return _unstack(result, count)

    def close(self) -> None:
        """Stop the children."""
        self._answers.close()
        self._dry.close()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, header: Header, blobs: list[Blob], timeout_s: float, *, dry: bool) -> list[memoryview]:
        header = {"rows_max": max(self.rows_max, ROWS_MAX), **header}
        try:
            with self._lent(dry) as worker:

                def run() -> list[memoryview]:
                    self._load(worker)
                    return worker.call(header, blobs, timeout_s=left(timeout_s))[1]

                return once_more(run)  # over the same released values
        except WorkerFailure as failure:
            if failure.reason == "error":
                raise SandboxError(failure.text, failure.error) from None
            if failure.reason == "timeout":
                raise EngineFailure("engine_timeout", "The SQL above the release ran out of time.") from None
            raise EngineFailure("engine_failed", "The SQL above the release could not be run.") from None

    @contextlib.contextmanager
    def _lent(self, dry: bool) -> Iterator[WorkerProcess]:
        """A child of the kind. What was paid for waits as long as it takes; what is only tried is told that all are busy."""
        with contextlib.ExitStack() as stack:
            if not dry:
                yield stack.enter_context(self._answers.lent())
                return
            try:
                with waiting() as wait_s:
                    worker = stack.enter_context(self._dry.lent(wait_s))
            except WorkerFailure:
                raise late("processes for dry runs") from None
            yield worker

    def _load(self, worker: WorkerProcess) -> None:
        """Hand the public tables to a child that has none yet: a new one, or the successor of one that was killed."""
        worker.warm()
        if self._loaded.get(worker) != worker.pid:
            blobs = [encode_table(table) for table in self._public.values()]
            worker.call({"do": "load", "names": list(self._public)}, blobs, timeout_s=60.0)
            self._loaded[worker] = worker.pid


@lru_cache(maxsize=256)
def _empty(schema: pa.Schema) -> pa.Buffer:
    return encode_table(schema.empty_table())


def _stack(tables: Sequence[pa.Table]) -> pa.Table:
    whole = pa.concat_tables(tables)
    draw = pa.concat_arrays([pa.repeat(pa.scalar(i, pa.int32()), t.num_rows) for i, t in enumerate(tables)])
    return whole.append_column(_DRAW, draw).combine_chunks()


def _unstack(result: pa.Table, count: int) -> list[pa.Table]:
    """Rows arrive sorted by draw."""
    draw = result.column(0).to_numpy()
    edges = draw.searchsorted(range(count + 1))
    body = result.select(range(1, result.num_columns))
    return [body.slice(edges[i], edges[i + 1] - edges[i]) for i in range(count)]


# ---------------------------------------------------------------- child


class _Child:
    """The in-memory database and the verbs of the protocol."""

    def __init__(self) -> None:
        self._root = open_locked(None, memory_limit=_MEMORY_LIMIT, threads=1)
        self._current: duckdb.DuckDBPyConnection | None = None
        self._dry: OrderedDict[tuple[str | bytes, ...], duckdb.DuckDBPyConnection] = OrderedDict()
        lock(self._root, keep_order=True)

    def interrupt(self) -> None:
        current = self._current
        if current is not None:
            current.interrupt()

    def handle(self, header: Header, blobs: list[memoryview]) -> tuple[Header, list[Blob]]:
        try:
            if header["do"] in ("describe", "check"):
                return {}, self._dry_run(header, blobs)
            tables = dict(zip(header["names"], map(decode_table, blobs), strict=True))
            if header["do"] == "load":
                self._load(tables)
                return {}, []
            if header["do"] == "redraw":
                tables = _draw_views(tables)
            with self._connection(tables) as connection:
                if header["do"] == "redraw":
                    result = _redraw(connection, header["sql"], tables, header)
                else:
                    result = _select(connection, header["sql"], rows_max=header.get("rows_max", ROWS_MAX))
            return {}, [encode_table(result)]
        except duckdb.Error as error:
            fatal = isinstance(error, duckdb.FatalException | duckdb.InternalException)
            raise ChildError(type(error).__name__, str(error).partition("\n")[0], fatal=fatal) from None

    def _load(self, tables: dict[str, pa.Table]) -> None:
        for name, table in tables.items():
            self._root.register("_incoming", table)
            self._root.execute(f"CREATE OR REPLACE TABLE {_quote(name)} AS SELECT * FROM _incoming")
            self._root.unregister("_incoming")

    def _dry_run(self, header: Header, blobs: list[memoryview]) -> list[Blob]:
        """Over empty tables: nothing is read, and nothing of it stays, lest one analyst's be quick for another's.

        The policy's own tables are the exception, which are the same for all: their connection is kept (two thirds of the time),
        and has a new transaction each time. One on which anything failed is not used again.
        """
        check = header["do"] == "check"
        name = (*header["names"], *map(bytes, blobs))
        connection = self._dry.pop(name, None) if check else None
        if connection is None:
            connection = self._root.cursor()
            for table, blob in zip(header["names"], blobs, strict=True):
                connection.register(table, decode_table(blob))
        self._current = connection
        try:
            connection.execute("BEGIN TRANSACTION READ ONLY")
            if check:
                one_select(connection, header["sql"])
                connection.execute(f"SELECT * FROM ({header['sql'].strip().rstrip(';')}\n) LIMIT 0")
                found: list[Blob] = []
            else:
                found = [encode_table(_columns(connection, header["sql"]))]
            connection.execute("ROLLBACK")
        except BaseException:
            connection.close()
            raise
        finally:
            self._current = None
        if not check:
            connection.close()
            return found
        self._dry[name] = connection
        while len(self._dry) > _DRY_MAX:
            self._dry.popitem(last=False)[1].close()
        return found

    @contextlib.contextmanager
    def _connection(self, tables: dict[str, pa.Table]) -> Iterator[duckdb.DuckDBPyConnection]:
        connection = self._root.cursor()
        self._current = connection
        try:
            for name, table in tables.items():
                connection.register(name, table)
            # SELECT may hold a data-modifying CTE: the transaction refuses it, and is rolled back in any case.
            connection.execute("BEGIN TRANSACTION READ ONLY")
            yield connection
        finally:
            self._current = None
            connection.close()  # rolls back, and drops whatever is temporary


def _columns(connection: duckdb.DuckDBPyConnection, sql: str) -> pa.Table:
    """The columns of a SELECT, of which no row is made: bound once, where a relation is bound three times."""
    one_select(connection, sql)
    connection.execute(f"SELECT * FROM ({sql.strip().rstrip(';')}\n) LIMIT 0")
    types = [str(t) for _, t, *_ in connection.description or ()]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Arrow output on a DB-API result", category=UserWarning)
        return plain(connection.to_arrow_table(), types)


def _select(connection: duckdb.DuckDBPyConnection, sql: str, *, rows_max: int = ROWS_MAX) -> pa.Table:
    relation = connection.sql(one_select(connection, sql))
    batches, rows, size = [], 0, 0
    try:
        with relation.to_arrow_reader(_BATCH_ROWS) as reader:
            schema = reader.schema
            for batch in reader:
                rows, size = rows + batch.num_rows, size + batch.nbytes
                bytes_max = max(rows_max * _ROW_BYTES_MAX, _BYTES_LEAST)
                if rows > rows_max or size > bytes_max:
                    what, most = (
                        ("Rows", f"{rows_max} rows") if rows > rows_max else ("Bytes", f"{bytes_max >> 20} MiB")
                    )
                    raise ChildError(f"TooMany{what}", f"The result is larger than {most} (per_query.max_result_rows).")
                batches.append(batch)
    except OSError as error:  # what DuckDB raises while rows are read, as Arrow hands it on
        raise ChildError("InvalidInputException", str(error).partition("\n")[0]) from None
    return plain(pa.Table.from_batches(batches, schema), [str(t) for t in relation.types])


def _draw_views(tables: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """Each table's draws, stacked, under a name of their own; its own name stays empty, for the schema."""
    stacks = {_STACK.format(i): table for i, table in enumerate(tables.values())}
    return {**{name: table.drop_columns([_DRAW]).slice(0, 0) for name, table in tables.items()}, **stacks}


def _redraw(connection: duckdb.DuckDBPyConnection, sql: str, tables: dict[str, pa.Table], header: Header) -> pa.Table:
    """All draws, in few statements: starting a statement costs more than running it over a handful of rows.

    The statement is not rewritten: it reads its draw through CTEs that shadow the tables' names.
    """
    columns = connection.sql(one_select(connection, sql)).columns  # a subquery would rename one of two equal names
    body, count = sql.strip().rstrip(";"), header["draws"]
    shadows = partial(_shadows, [(name, tables[name].column_names) for name in header["names"]])
    if not header["ordered"]:
        with contextlib.suppress(
            duckdb.Error, ChildError
        ):  # some constructs cannot be correlated; one by one, they can
            joined = _redraw_joined(connection, body, shadows, count)
            ends = (0, count - 1)
            if all(alike(_draw_of(joined, n), _redraw_each(connection, body, shadows, [n])) for n in ends):
                return joined.rename_columns([_DRAW, *columns])
    return _redraw_each(connection, body, shadows, range(count)).rename_columns([_DRAW, *columns])


def _redraw_joined(
    connection: duckdb.DuckDBPyConnection, body: str, shadows: Callable[[str], str], count: int
) -> pa.Table:
    """One statement, correlated with the draw's number, which DuckDB turns into joins and partitioned windows."""
    numbers = f"(SELECT CAST(range AS INTEGER) AS n FROM range({count})) d"
    draw = f"LATERAL (WITH {shadows('d.n')} SELECT * FROM ({body}\n)) x"
    return _select(connection, f"SELECT d.n AS {_DRAW}, x.* FROM {numbers}, {draw} ORDER BY d.n")


def _redraw_each(
    connection: duckdb.DuckDBPyConnection, body: str, shadows: Callable[[str], str], numbers: Sequence[int]
) -> pa.Table:
    """One branch of a UNION ALL for each draw, in order."""
    results = []
    for start in range(0, len(numbers), _CHUNK_DRAWS):
        branches = [
            f"(WITH {shadows(str(number))} SELECT CAST({number} AS INTEGER) AS {_DRAW},"
            f" row_number() OVER () AS {_ORDER}, * FROM ({body}\n))"
            for number in numbers[start : start + _CHUNK_DRAWS]
        ]
        results.append(_select(connection, " UNION ALL ".join(branches) + " ORDER BY 1, 2"))
    whole = pa.concat_tables(results)
    return whole.select([0, *range(2, whole.num_columns)])


def _shadows(tables: list[tuple[str, list[str]]], number: str) -> str:
    """CTEs by which the tables' names read draw ``number`` of their stacks."""
    ctes = []
    for i, (name, columns) in enumerate(tables):
        chosen = ", ".join(f"s.{_quote(c)}" for c in columns)
        ctes.append(f"{_quote(name)} AS (SELECT {chosen} FROM {_STACK.format(i)} s WHERE s.{_DRAW} = {number})")
    return ", ".join(ctes)


def _draw_of(result: pa.Table, number: int) -> pa.Table:
    return result.filter(pc.equal(result.column(0), number))


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _start() -> tuple[Handler, Callable[[], None]]:
    child = _Child()
    return child.handle, child.interrupt


def main(argv: list[str]) -> None:
    """Entry of the child: ``parent-pid``, and ``behind`` where questions go before it."""
    if "behind" in argv[1:]:
        stand_behind(BEHIND)
    harden(int(argv[0]), may_write_files=False, memory_bytes_max=_MEMORY_BYTES_MAX)
    serve(_start)


if __name__ == "__main__":
    main(sys.argv[1:])
