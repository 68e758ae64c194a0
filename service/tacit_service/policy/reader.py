"""What ``policy check`` and ``policy advise`` ask of the data: a protocol that the engine implements for the owner."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import pyarrow as pa


class TableReader(Protocol):
    """Reads one source (Parquet, CSV, ``file.duckdb#table``; globs allowed; relative to ``base_dir``) by plain SQL.

    For the data's owner only: what it returns is exact and must never reach an analyst. Both methods raise
    ``PolicyError`` with code ``source_unreadable`` when the source is missing or cannot be read.
    """

    def columns(self, source: str, base_dir: Path) -> dict[str, str]:
        """Names of the source's columns, in order, and their types in DuckDB's words (``BIGINT``, ``VARCHAR`` …)."""
        ...

    def query(self, source: str, base_dir: Path, sql: str) -> pa.Table:
        """Run one SELECT that sees the source as table ``t``."""
        ...


def identifier(name: str) -> str:
    """``name`` as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: object) -> str:
    """``value`` as an SQL literal."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


SQL_TYPES = {
    "integer": "BIGINT",
    "number": "DOUBLE",
    "string": "VARCHAR",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "image": "UTINYINT[]",
}
"""The policy's types in DuckDB's words, as the snapshot converts to them."""
