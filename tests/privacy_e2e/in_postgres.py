"""The tiny clinic in PostgreSQL: its tables in a schema, a role that may only read them, and policies that name both."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pyarrow as pa
from tacit_e2e_data import Bounds, Tables
from tacit_e2e_world import InProcessSandbox

from tacit.wire import QueryRequest
from tacit_service.engine.base import OpenedData
from tacit_service.engine.opening import open_data
from tacit_service.engine.prepare import engine_tables
from tacit_service.policy.load import load_policy
from tacit_service.query.catalog import Catalog
from tacit_service.release.prepare import Prepared, Preparer

READER = "tacit_reader"
PASSWORD = "a pass/word@9"
TYPES = {"int64": "bigint", "double": "float8", "string": "text", "bool": "boolean", "date32[day]": "date",
         "timestamp[us]": "timestamp"}  # fmt: skip
KEYS = {"patients": "patient_id", "visits": "visit_id"}
_schemas = itertools.count(1)


def reader_url(server: str) -> str:
    """The server's URL for the role that reads, without its password."""
    url = urlsplit(server)
    return url._replace(netloc=f"{READER}@{url.netloc.rpartition('@')[2]}").geturl()


def load(server: str, tables: Tables, schema: str, keys: Mapping[str, str] = KEYS) -> None:
    """The tables in a schema of their own. ``keys``: columns with a unique index."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        for name, table in tables.items():
            columns = ", ".join(f'"{f.name}" {TYPES[str(f.type)]}' for f in table.schema)
            connection.execute(f"CREATE TABLE {schema}.{name} ({columns})")
            with connection.cursor().copy(f"COPY {schema}.{name} FROM STDIN") as copy:
                for row in zip(*(c.to_pylist() for c in table.columns), strict=True):
                    copy.write_row(row)
            if name in keys:
                connection.execute(f"CREATE UNIQUE INDEX ON {schema}.{name} ({keys[name]})")
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (READER,)).fetchone() is None:
            connection.execute(f"CREATE ROLE {READER} LOGIN PASSWORD '{PASSWORD}'")
        connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO {READER}")
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {READER}")


def policy(server: str, schema: str, bounds: Bounds) -> str:
    """The clinic's policy over that schema; the password is in a file beside it."""
    text = bounds.policy()
    for name in ("patients", "visits", "bills", "regions"):
        text = text.replace(f"source: {name}.parquet", f"source: {schema}.{name}")
    return f'{text}engine: {{ url: "{reader_url(server)}", password_file: password }}\n'


@dataclass(frozen=True)
class Clinic:
    """The clinic served from PostgreSQL: an engine, and a preparer for each set of bounds."""

    schema: str
    data: OpenedData
    preparers: dict[Bounds, Preparer]

    def prepare(self, bounds: Bounds, sql: str, **caps: Any) -> Prepared:
        """As ``World.prepare``; what the engine lacks is refused here."""
        return self.preparers[bounds].prepare(QueryRequest(dataset="clinic", sql=sql, **caps))


def open_clinic(
    server: str, tables: Tables, folder: Path, bounds: Sequence[Bounds], sandbox: InProcessSandbox,
    keys: Mapping[str, str] = KEYS,
) -> Clinic:  # fmt: skip
    """Load the tables, and open the dataset as the service does."""
    folder.mkdir(parents=True, exist_ok=True)
    schema = f"clinic_{next(_schemas)}"
    load(server, tables, schema, keys)
    (folder / "password").write_text(PASSWORD + "\n")
    policies = {}
    for number, b in enumerate(bounds):
        path = folder / f"{number}.yaml"
        path.write_text(policy(server, schema, b))
        policies[b] = load_policy(path)
    data = open_data(policies[bounds[0]], folder / "snapshots", processes=1)
    schemas: dict[str, pa.Schema] = {
        n: data.engine.run(f'SELECT * FROM "{n}" LIMIT 0', timeout_s=60).schema
        for n in engine_tables(policies[bounds[0]].policy)
    }
    preparers = {
        b: Preparer(
            one.policy, Catalog(one.policy, data.public), sandbox, data.version, schemas, check=data.engine.check
        )
        for b, one in policies.items()
    }
    return Clinic(schema, data, preparers)
