"""The SQLAlchemy dialect ``tacit``, with inspection, so that ``pandas.read_sql``, JupySQL and Superset can ask.

    tacit://KEY@HOST:PORT/DATASET?epsilon=0.1&intervals=true

The key may stand where a password does, ``tacit://:KEY@HOST/DATASET``: SQLAlchemy and most tools hide it there. Without any,
``TACIT_KEY`` or ``TACIT_KEY_FILE`` is read. Hosts other than this machine are reached over https unless ``tls=false``. The other
options are those of ``tacit.dbapi.connect``: ``epsilon``, ``delta``, ``accuracy``, ``max_rows``, ``max_groups``, ``max_amount``,
``intervals``, ``timeout_s``, ``retries``. Needs ``pip install 'tacit[sqlalchemy]'``: the only module that imports sqlalchemy.

>>> import sqlalchemy
>>> engine = sqlalchemy.create_engine(f"tacit://{key}@{host}/clinic?epsilon=0.1")
>>> sorted(sqlalchemy.inspect(engine).get_table_names())
['patients', 'regions', 'visits']
>>> with engine.connect() as connection:
...     rows = connection.execute(sqlalchemy.text("SELECT sex, COUNT(*) AS n FROM patients GROUP BY sex")).all()
>>> [sex for sex, n in sorted(rows)]
['F', 'M', 'X']
>>> engine.dispose()
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

from sqlalchemy import exc, pool, types
from sqlalchemy.engine import default
from sqlalchemy.sql import compiler

from tacit._config import resolve
from tacit.errors import InvalidArgument

if TYPE_CHECKING:
    from sqlalchemy.engine import URL, Connection, Engine
    from sqlalchemy.engine.interfaces import (
        ReflectedColumn,
        ReflectedForeignKeyConstraint,
        ReflectedPrimaryKeyConstraint,
    )

    from tacit import dbapi, wire

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_TYPES: dict[str, type[types.TypeEngine[Any]]] = {
    "integer": types.BigInteger,
    "number": getattr(types, "Double", types.Float),  # Superset still brings SQLAlchemy 1.4, which has no Double
    "string": types.String,
    "boolean": types.Boolean,
    "date": types.Date,
    "timestamp": types.DateTime,
}
_TEXTS = ("epsilon", "delta", "accuracy", "max_amount")
_INTEGERS = ("max_rows", "max_groups", "retries")


class _Compiler(compiler.SQLCompiler):
    """SQL as DuckDB writes it; ``FROM`` a constant needs no table."""

    def visit_true(self, expr: Any, **kw: Any) -> str:
        """A literal of SQL."""
        return "TRUE"

    def visit_false(self, expr: Any, **kw: Any) -> str:
        """A literal of SQL."""
        return "FALSE"


class _Preparer(compiler.IdentifierPreparer):
    """Names; the schema that tools ask for is the dataset, which the connection has chosen already."""

    def schema_for_object(self, table: Any) -> None:  # type: ignore[override]
        """No name has a schema in front."""


class TacitDialect(default.DefaultDialect):
    """Reads, never writes. ``inspect`` shows the policy's public facts and nothing of the data."""

    name = "tacit"
    driver = "tacit"
    default_paramstyle = "qmark"
    statement_compiler = _Compiler
    preparer = _Preparer
    poolclass = pool.QueuePool
    supports_statement_cache = True
    supports_native_boolean = True
    supports_native_decimal = False
    supports_sane_rowcount = False
    supports_alter = False
    supports_default_values = False
    supports_multivalues_insert = False
    insert_returning = False
    returns_native_bytes = False
    requires_name_normalize = False
    postfetch_lastrowid = False

    @classmethod
    def import_dbapi(cls) -> ModuleType:
        """The driver."""
        from tacit import dbapi

        return dbapi

    @classmethod
    def engine_created(cls, engine: Engine) -> None:
        """A key in the place of the user moves to that of the password, which SQLAlchemy never shows."""
        url = engine.url
        if url.username and not url.password:
            engine.url = url.set(username="", password=url.username)

    dbapi = import_dbapi  # type: ignore[assignment]  # its name before SQLAlchemy 2

    def create_connect_args(self, url: URL) -> tuple[Sequence[str], dict[str, Any]]:
        """From the URL of the engine to the arguments of ``tacit.dbapi.connect``."""
        asked: dict[str, Any] = {name: value for name, value in url.query.items() if isinstance(value, str)}
        key_file = asked.pop("key_file", None)
        host = f"[{url.host}]" if ":" in (url.host or "") else url.host or "127.0.0.1"
        tls = _flag(asked.pop("tls", str(url.host not in (*_LOOPBACK, None))), "tls")
        address = f"http{'s' if tls else ''}://{host}" + (f":{url.port}" if url.port else "")
        try:
            found = resolve(address, url.password or url.username, key_file, url.database, os.environ)
            if found.dataset is None:
                raise InvalidArgument("no dataset: tacit://KEY@HOST:PORT/DATASET names it")
            options = _options(asked)
        except InvalidArgument as error:
            raise exc.ArgumentError(str(error)) from None
        return (found.url, found.key, found.dataset), options

    def initialize(self, connection: Connection) -> None:
        """Nothing is asked of the service: a question has a price."""
        self.server_version_info = None
        self.default_schema_name = _dataset(connection)
        self.default_isolation_level = None

    def do_ping(self, dbapi_connection: Any) -> bool:
        """Whether the service answers and knows the key. Free."""
        with self._translated():
            dbapi_connection.client.me()
        return True

    def do_rollback(self, dbapi_connection: Any) -> None:
        """Nothing is taken back."""

    @staticmethod
    def _translated() -> Any:
        from tacit import _dbapi_errors

        return _dbapi_errors.translated()

    def _table(self, connection: Connection, name: str, **kw: Any) -> wire.TableFacts:
        for table in self._tables(connection, **kw):
            if table.name == name:
                return table
        raise exc.NoSuchTableError(name)

    def _tables(self, connection: Connection, **kw: Any) -> list[wire.TableFacts]:
        """Fetched once for an inspector, which hands its cache in."""
        cache: dict[Any, Any] = kw["info_cache"] if kw.get("info_cache") is not None else {}
        if "tacit" not in cache:
            with self._translated():
                cache["tacit"] = _raw(connection).client.dataset().tables
        tables: list[wire.TableFacts] = cache["tacit"]
        return tables

    def has_table(self, connection: Connection, table_name: str, schema: str | None = None, **kw: Any) -> bool:
        """Whether the policy has this table."""
        return self._here(connection, schema) and any(t.name == table_name for t in self._tables(connection, **kw))

    def _here(self, connection: Connection, schema: str | None) -> bool:
        return schema in (None, _dataset(connection))

    def get_schema_names(self, connection: Connection, **kw: Any) -> list[str]:
        """The dataset of the connection."""
        return [_dataset(connection)]

    def get_table_names(self, connection: Connection, schema: str | None = None, **kw: Any) -> list[str]:
        """Tables of the policy, public ones too."""
        return [t.name for t in self._tables(connection, **kw)] if self._here(connection, schema) else []

    def get_view_names(self, connection: Connection, schema: str | None = None, **kw: Any) -> list[str]:
        """There are none."""
        return []

    def get_columns(
        self,
        connection: Connection,
        table_name: str,
        schema: str | None = None,
        **kw: Any,
    ) -> list[ReflectedColumn]:
        """Columns with their types; the comment says unit, bounds and categories."""
        return [
            {
                "name": column.name,
                "type": _TYPES[column.type](),
                "nullable": column.nullable is not False,
                "default": None,
                "autoincrement": False,
                "comment": _comment(column),
            }
            for column in self._table(connection, table_name, **kw).columns
        ]

    def get_table_comment(
        self,
        connection: Connection,
        table_name: str,
        schema: str | None = None,
        **kw: Any,
    ) -> Any:
        """What the policy says about a table."""
        table = self._table(connection, table_name, **kw)
        kind = "public" if table.public else "protected, one row a unit" if table.one_row_per_unit else "protected"
        return {"text": f"{table.description} ({kind})" if table.description else kind}

    def get_pk_constraint(
        self,
        connection: Connection,
        table_name: str,
        schema: str | None = None,
        **kw: Any,
    ) -> ReflectedPrimaryKeyConstraint:
        """The unit's id where the policy says that a unit has one row; else none."""
        table = self._table(connection, table_name, **kw)
        unit = [column.name for column in table.columns if column.is_privacy_unit]
        return {"constrained_columns": unit if table.one_row_per_unit else [], "name": None}

    def get_foreign_keys(
        self,
        connection: Connection,
        table_name: str,
        schema: str | None = None,
        **kw: Any,
    ) -> list[ReflectedForeignKeyConstraint]:
        """A policy declares none."""
        self._table(connection, table_name, **kw)
        return []

    def get_indexes(
        self,
        connection: Connection,
        table_name: str,
        schema: str | None = None,
        **kw: Any,
    ) -> list[Any]:
        """There are none."""
        self._table(connection, table_name, **kw)
        return []


def _raw(connection: Connection) -> dbapi.Connection:
    held: Any = connection.connection
    raw: dbapi.Connection = getattr(held, "dbapi_connection", held)
    return raw


def _dataset(connection: Connection) -> str:
    return _raw(connection).client.default_dataset or ""


def _comment(column: wire.ColumnFacts) -> str | None:
    facts = ["privacy unit"] if column.is_privacy_unit else []
    if column.bounds is not None:
        facts.append(" to ".join(str(bound) for bound in column.bounds))
    if column.categories is not None:
        facts.append(", ".join(str(value) for value in column.categories))
    return "; ".join(text.rstrip(".") for text in (column.description, *facts) if text) or None


def _options(asked: dict[str, str]) -> dict[str, Any]:
    """The options of a URL, each as its type."""
    result: dict[str, Any] = {}
    for name, text in asked.items():
        try:
            if name in _TEXTS:
                result[name] = float(text) if name == "max_amount" else text
            elif name in _INTEGERS:
                result[name] = int(text)
            elif name == "intervals":
                result[name] = _flag(text, name)
            elif name == "timeout_s":
                result[name] = float(text)
            else:
                raise InvalidArgument(f"tacit:// has no option {name}")
        except ValueError as error:
            raise (
                error if isinstance(error, InvalidArgument) else InvalidArgument(f"{name}={text} is no number")
            ) from None
    return result


def _flag(text: str, name: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise InvalidArgument(f"{name} is true or false")
    return text.lower() == "true"
