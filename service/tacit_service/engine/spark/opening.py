"""Opening a dataset in Spark: which server, what tables there are, and whether declared facts hold of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pyarrow as pa

from tacit_service.engine.base import OpenedData
from tacit_service.engine.elsewhere import public_files, version
from tacit_service.engine.process import WorkerFailure
from tacit_service.errors import PolicyError
from tacit_service.policy.engine_rules import in_engine
from tacit_service.policy.load import Loaded
from tacit_service.policy.model import Table

from .address import address, refuse
from .columns import Field, field
from .engine import SparkEngine
from .public import ROWS_MAX, held, view_name, with_ranges
from .tables import FILES_MAX, File, Relation, Tables, source_name

_CHECK_TIMEOUT_S = 3600.0
_MAJOR_MIN = 4


def open_spark(loaded: Loaded, data_dir: Path, *, processes: int) -> OpenedData:
    """Connect, look at the declared tables, check what the policy says of them, and hold the public ones."""
    engine = SparkEngine(address(loaded), processes)
    try:
        opening = _Opening(loaded, engine)
        opening.check_server()
        tables = Tables(loaded, {name: opening.found(name, table) for name, table in opening.inside.items()})
        public = public_files(loaded, data_dir)
        for name, table in opening.inside.items():
            opening.find_single(name, tables)
            opening.check_nulls(name, tables)
            if table.public:
                public[name] = opening.rows(name, tables.relation(name))
        relations: dict[str, Relation] = {}
        for name, table in loaded.policy.tables.items():
            relations[name] = with_ranges(held(name, table), public[name]) if table.public else tables.relation(name)
            if table.public and public[name].num_rows > ROWS_MAX:
                detail = f"a public table beside Spark has at most {ROWS_MAX} rows"
                refuse(loaded, "public_table_too_large", detail, "Keep the rows that analysts join with.", name)
        engine.serve(relations, {view_name(n): rows for n, rows in public.items()})
        opening.ready()
    except BaseException:
        engine.close()
        raise
    return OpenedData(engine, version(loaded, public), public)


class _Opening:
    def __init__(self, loaded: Loaded, engine: SparkEngine) -> None:
        self._loaded, self._engine = loaded, engine
        self.inside = {n: t for n, t in loaded.policy.tables.items() if in_engine(loaded.policy, t)}

    def check_server(self) -> None:
        """A server whose sessions mean by SQL what the translation does."""
        probe = "SELECT version() AS version, current_timezone() AS zone, collation('a') AS order, '${x}' AS text, try_add(1L, 1L) AS two"
        with self._telling(None):
            (row,) = self._engine.own(probe, timeout_s=_CHECK_TIMEOUT_S).to_pylist()
        if int(str(row["version"]).partition(".")[0]) < _MAJOR_MIN:
            refuse(self._loaded, "engine_too_old", "the server is older than Spark 4.0", "Upgrade it.")
        if row["zone"] != "UTC" or not str(row["order"]).endswith("UTF8_BINARY") or row["text"] != "${x}":
            detail = "the server's sessions do not take the settings that statements need"
            refuse(self._loaded, "engine_settings", detail, "Let sessions set time zone, collation and substitution.")

    def found(self, name: str, table: Table) -> dict[str, Field | None]:
        """The table's columns; ``PolicyError`` when it is not there."""
        with self._telling(name):
            columns = self._engine.describe(f"SELECT * FROM {source_name(table)}", timeout_s=_CHECK_TIMEOUT_S)
        return {column: field(kind) for column, kind in columns}

    def find_single(self, name: str, tables: Tables) -> None:
        """Files that hold one row a unit need no looking for it in every statement."""
        asked = tables.files(name)
        if asked is None:
            return
        with self._telling(name):
            found = self._engine.own(asked, timeout_s=_CHECK_TIMEOUT_S).to_pylist()
            if not 0 < len(found) <= FILES_MAX:
                return
            files = [File(str(f["path"]), int(f["size"]), int(f["written"])) for f in found]
            (row,) = self._engine.own(tables.repeated(name, files), timeout_s=_CHECK_TIMEOUT_S).to_pylist()
        if row["n"] == 0:
            tables.single(name, files, owned=row["nobodys"] == 0)

    def check_nulls(self, name: str, tables: Tables) -> None:
        """``nullable: false`` holds of the rows as they are now; rows that break it later are not read."""
        asked = tables.nulls(name)
        if asked is None:
            return
        sql, columns = asked
        with self._telling(name):
            counts = self._engine.own(sql, timeout_s=_CHECK_TIMEOUT_S)
        for column, count in zip(columns, counts.columns, strict=True):
            if count[0].as_py():
                raise PolicyError(
                    "null_found", f"tables.{name}.columns.{column}: 'nullable: false' does not hold of the data as read",
                    hint="Remove 'nullable: false'. Dates outside the bounds, and values outside the categories, read as NULL.",
                    file=str(self._loaded.path), table=name, column=column,
                )  # fmt: skip

    def rows(self, name: str, relation: Relation) -> pa.Table:
        """A public table's rows, to be held."""
        with self._telling(name):
            return self._engine.own(
                f"SELECT * FROM ({relation.sql}) AS _all LIMIT {ROWS_MAX + 1}", timeout_s=_CHECK_TIMEOUT_S
            )

    def ready(self) -> None:
        """The session that checks statements is there."""
        with self._telling(None):
            self._engine.ready(timeout_s=_CHECK_TIMEOUT_S)

    @contextlib.contextmanager
    def _telling(self, table: str | None) -> Iterator[None]:
        """Spark's own message may quote a row or a token; the owner gets its error class."""
        try:
            yield
        except WorkerFailure as failure:
            _tell(self._loaded, failure, table)


def _tell(loaded: Loaded, failure: WorkerFailure, table: str | None) -> NoReturn:
    state = failure.text or failure.error or failure.reason
    if failure.error == "Unreachable" and not failure.text:
        hint = "Check 'engine', and that the server runs."
        refuse(loaded, "engine_unreachable", f"the engine cannot be reached ({state})", hint)
    hint = "Check the table's name, and what the service's user may read."
    refuse(loaded, "source_unreadable", f"the engine refuses what is needed ({state})", hint, table)
