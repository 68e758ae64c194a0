"""Opening a dataset in PostgreSQL: who connects, what tables there are, and whether declared facts hold of them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote, urlsplit, urlunsplit

import pyarrow as pa

from tacit_service.engine.base import OpenedData
from tacit_service.engine.elsewhere import public_files, version
from tacit_service.engine.process import WorkerFailure
from tacit_service.errors import PolicyError
from tacit_service.policy.engine_rules import in_engine
from tacit_service.policy.load import Loaded
from tacit_service.policy.model import Table

from .engine import PostgresEngine
from .public import ROWS_MAX, inlined
from .scope import quoted
from .tables import FAMILIES, Found, Relation, Tables

VERSION_MIN = 140_000
_CHECK_TIMEOUT_S = 3600.0


def open_database(loaded: Loaded, data_dir: Path, *, processes: int) -> OpenedData:
    """Connect, look at the declared tables, check what the policy says of them, and hold the public ones."""
    engine = PostgresEngine(address(loaded), processes)
    try:
        opening = _Opening(loaded, engine)
        opening.check_server()
        found = {name: opening.found(name, table) for name, table in opening.inside.items()}
        public = public_files(loaded, data_dir)
        tables = Tables(loaded, found)
        for name, table in opening.inside.items():
            opening.check_nulls(name, tables)
            if table.public:
                public[name] = opening.rows(name, tables.relation(name))
        relations: dict[str, Relation] = {}
        for name, table in loaded.policy.tables.items():
            relations[name] = opening.held(name, table, public[name]) if table.public else tables.relation(name)
        engine.serve(relations)
    except BaseException:
        engine.close()
        raise
    return OpenedData(engine, version(loaded, public), public)


def address(loaded: Loaded) -> str:
    """The engine's URL with its password, which the policy does not hold."""
    at = loaded.policy.engine
    assert at is not None
    if at.password_env is not None:
        secret = os.environ.get(at.password_env)
        if secret is None:
            _refuse(
                loaded,
                "engine_password_missing",
                f"the variable {at.password_env} is not set",
                "Set it for the service.",
            )
    elif at.password_file is not None:
        try:
            secret = (loaded.base_dir / at.password_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            _refuse(loaded, "engine_password_missing", "'password_file' cannot be read", "Write the password into it.")
    else:
        return at.url
    url = urlsplit(at.url)
    user, _, host = url.netloc.rpartition("@")
    return urlunsplit(url._replace(netloc=f"{user}:{quote(secret, safe='')}@{host}"))


class _Opening:
    def __init__(self, loaded: Loaded, engine: PostgresEngine) -> None:
        self._loaded, self._engine = loaded, engine
        self.inside = {n: t for n, t in loaded.policy.tables.items() if in_engine(loaded.policy, t)}

    def check_server(self) -> None:
        """A server whose text is UTF-8, and a role that can only read."""
        row = self._row(
            "SELECT current_setting('server_version_num')::bigint AS version, current_setting('server_encoding') AS encoding,"
            " (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS super"
        )
        if row["version"] < VERSION_MIN:
            self._refuse("engine_too_old", "the server is older than PostgreSQL 14", "Upgrade it.")
        if row["encoding"] != "UTF8":
            self._refuse("engine_encoding", f"the database's encoding is {row['encoding']}", "Use a database in UTF8.")
        if row["super"]:
            self._refuse(
                "engine_role_too_strong", "the role is a superuser", "Connect as a role that has SELECT on the tables, and no more.",
            )  # fmt: skip

    def found(self, name: str, table: Table) -> Found:
        """The table's columns; ``PolicyError`` when it is not there, or the role may write to it."""
        schema, _, relation = table.source.rpartition(".")
        called = f"to_regclass({_literal(f'{quoted(schema)}.{quoted(relation)}')})"
        with self._telling(name):
            columns = self._engine.own(
                f"SELECT attname::text AS name, format_type(atttypid, NULL)::text AS type FROM pg_attribute"
                f" WHERE attrelid = {called} AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
                timeout_s=_CHECK_TIMEOUT_S,
            ).to_pylist()  # fmt: skip
        if not columns:
            self._refuse(
                "source_unreadable",
                f"there is no table {table.source!r} that this role may see",
                "Grant USAGE on its schema.",
                name,
            )
        rights = "INSERT, UPDATE, DELETE, TRUNCATE"
        row = self._row(
            f"SELECT has_table_privilege({called}::oid, 'SELECT') AS reads, has_table_privilege({called}::oid, '{rights}') AS writes"
        )
        if not row["reads"]:
            self._refuse("source_unreadable", f"the role may not read {table.source!r}", "GRANT SELECT on it.", name)
        if row["writes"]:
            fix = "Connect as a role that has SELECT on the tables, and no more."
            self._refuse("engine_role_too_strong", f"the role may write to {table.source!r}", fix, name)
        with self._telling(name):
            unique = self._engine.own(
                "SELECT a.attname::text AS name, i.indexrelid::bigint AS index FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid"
                " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]"
                f" WHERE i.indrelid = {called} AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indnkeyatts = 1"
                " AND i.indpred IS NULL AND i.indexprs IS NULL AND (c.relkind = 'p' OR NOT c.relhassubclass)",
                timeout_s=_CHECK_TIMEOUT_S,
            ).to_pylist()  # fmt: skip
        return Found({c["name"]: FAMILIES.get(c["type"]) for c in columns}, {u["name"]: u["index"] for u in unique})

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

    def held(self, name: str, table: Table, rows: pa.Table) -> Relation:
        """A public table as its rows."""
        if rows.num_rows > ROWS_MAX:
            detail = f"a public table beside a database has at most {ROWS_MAX} rows"
            self._refuse("public_table_too_large", detail, "Keep the rows that analysts join with.", name)
        return inlined(table, rows)

    def _row(self, sql: str) -> dict[str, Any]:
        with self._telling(None):
            (row,) = self._engine.own(sql, timeout_s=_CHECK_TIMEOUT_S).to_pylist()
        return dict(row)

    def _refuse(self, code: str, detail: str, hint: str, table: str | None = None) -> NoReturn:
        _refuse(self._loaded, code, detail, hint, table)

    @contextlib.contextmanager
    def _telling(self, table: str | None) -> Iterator[None]:
        """PostgreSQL's own message may quote a row or a password; the owner gets its SQLSTATE."""
        try:
            yield
        except WorkerFailure as failure:
            state = f"SQLSTATE {failure.text}" if failure.text else failure.error or failure.reason
            if failure.error == "Unreachable":
                self._refuse(
                    "engine_unreachable", f"the engine cannot be reached ({state})", "Check 'engine', and that it runs."
                )
            self._refuse(
                "source_unreadable", f"the engine refuses what is needed ({state})", "Check the role's rights.", table
            )


def _refuse(loaded: Loaded, code: str, detail: str, hint: str, table: str | None = None) -> NoReturn:
    where = "engine" if table is None else f"tables.{table}"
    raise PolicyError(code, f"{where}: {detail}", hint=hint, file=str(loaded.path), table=table)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
