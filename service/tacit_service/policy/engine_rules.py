"""Rules of a policy whose protected tables are in a database: where it is, and what is read there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from tacit_service.policy.model import Policy, Table
from tacit_service.policy.problems import Broken

POSTGRES, SPARK = ("postgresql", "postgres"), ("sc",)
SCHEMES = POSTGRES + SPARK
PARQUET = "parquet:"
"""Before the address of Parquet files that Spark itself reads."""
_RELATION = re.compile(r'[^".#\x00-\x1f]{1,63}\.[^".#\x00-\x1f]{1,63}\Z')
_SPARK_RELATION = re.compile(r"(?:[^`.#\x00-\x1f]{1,255}\.){1,2}[^`.#\x00-\x1f]{1,255}\Z")
_ADDRESS = re.compile(r"parquet:[^`\x00-\x1f]{1,2000}\Z")
_EXAMPLES = "Write postgresql://reader@host:5432/database, or sc://host:15002 for Spark."
_FILE = re.compile(r".+\.(parquet|pq|csv|tsv|txt|npz)(\.gz|\.zst)?\Z|.*[*?/#].*\Z", re.IGNORECASE)


def in_engine(policy: Policy, table: Table) -> bool:
    """The table's ``source`` names a relation of the policy's database, and no file."""
    if policy.engine is None:
        return False
    if in_spark(policy):
        if _ADDRESS.match(table.source):
            return True
        return bool(_SPARK_RELATION.match(table.source)) and not _FILE.match(table.source)
    return bool(_RELATION.match(table.source)) and not _FILE.match(table.source)


def in_spark(policy: Policy) -> bool:
    """The policy's engine is Spark, by Spark Connect."""
    return policy.engine is not None and policy.engine.url.partition(":")[0].lower() in SPARK


def engine_is_known(policy: Policy) -> Iterator[Broken]:
    """The URL names an engine, and no secret."""
    if policy.engine is None:
        return
    here = ("engine", "url")
    try:
        url = urlsplit(policy.engine.url)
        secret, scheme = url.password, url.scheme
    except ValueError:
        yield Broken(here, "not a URL", _EXAMPLES)
        return
    if scheme not in SCHEMES:
        yield Broken(here, f"no engine for '{scheme}:'", _EXAMPLES)
    if secret or re.search(r"[?&](password|sslpassword)=|;\s*token=", policy.engine.url):
        fix = "Take it out of the policy; name a variable in 'password_env', or a file in 'password_file'."
        yield Broken(here, "holds a password", fix)
    if policy.engine.password_env and policy.engine.password_file:
        yield Broken(("engine", "password_file"), "there is 'password_env' too", "Keep one of the two.")


def engine_reads_tables(policy: Policy) -> Iterator[Broken]:
    """Protected tables are in the database, of whose rows nothing is stored and none is numbered."""
    if policy.engine is None:
        return
    for name, table in policy.tables.items():
        for column, declared in table.columns.items():
            if declared.type == "image":
                yield Broken(("tables", name, "columns", column), "the engine reads no images", "Remove the column.")
        if table.public:
            continue
        if not in_engine(policy, table):
            fix = "Write schema.table. A dataset whose protected tables are files has no 'engine'."
            if in_spark(policy):
                fix = "Write schema.table, catalog.schema.table, or parquet:ADDRESS of files that Spark reads."
            yield Broken(("tables", name, "source"), "not in the engine's database", fix)
        if table.row_is_unit:
            yield Broken(("tables", name, "unit"), "the engine numbers no rows", "Name the table's key as the unit.")
        if table.prepared_keys:
            detail = "nothing is stored in the engine's database"
            yield Broken(("tables", name, "prepared_keys"), detail, "Remove 'prepared_keys'.")
