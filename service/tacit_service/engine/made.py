"""What a snapshot was made from: its version, and the record that it carries so that a later one can be refreshed from it.

The record lies in the snapshot itself, in a schema that no policy's name reaches: a file and what is said of it cannot part.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from tacit_service.engine.sources import Source, literal
from tacit_service.policy.model import Policy
from tacit_service.query.catalog import stored

FORMAT = 3
"""Part of the version: raise it when the same policy and data would give another file."""

TABLE = "tacit.made"
"""Where the record is, within the snapshot."""


def meaning(policy: Policy, resolved: dict[str, Source]) -> dict[str, dict[str, Any]]:
    """Of each table, all that shapes its rows but the files: a change of budget or description keeps the snapshot."""
    shape: dict[str, dict[str, Any]] = {
        name: {
            "public": table.public,
            "unit": table.unit,
            "path": table.path,
            "one_row_per_unit": table.one_row_per_unit,
            "columns": {
                column: body.model_dump(mode="json", exclude={"description"}) for column, body in table.columns.items()
            },
            "source": [resolved[name].kind, resolved[name].schema, resolved[name].table],
        }
        for name, table in policy.tables.items()
    }
    for name, table in policy.tables.items():
        if (extra := stored(policy, table)) is not None:
            shape[name]["stored"] = repr(extra)
    return shape


def version(policy: Policy, resolved: dict[str, Source]) -> str:
    """The meaning and the files, as the name of what is made from them."""
    shape = meaning(policy, resolved)
    for name, source in resolved.items():
        shape[name]["files"] = source.fingerprint()
    return hashlib.sha256(canonical({"format": FORMAT, "tables": shape}).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Content:
    """The rows of a DuckDB table below a row id, told from others: how many, and two sums over their hashes."""

    rows: int
    total: str
    mixed: str
    above: int  # the first row id after them


@dataclass(frozen=True, slots=True)
class Table:
    """What one table was made from. ``whole``: its rows when it was last made whole; ``grown``: rows added since."""

    meaning: str
    files: list[list[Any]]
    described: list[list[str]]
    content: Content | None
    whole: int
    grown: int


@dataclass(frozen=True, slots=True)
class Made:
    """The record: of which tables, by which engine, refreshed how often since everything was made whole."""

    format: int
    engine: str
    tables: dict[str, Table]
    refreshed: int = 0

    def write(self) -> list[str]:
        """The statements that put the record into the snapshot, in place of one that is there."""
        return [
            "CREATE SCHEMA IF NOT EXISTS snapshot.tacit",
            f"CREATE OR REPLACE TABLE snapshot.{TABLE} AS SELECT {literal(json.dumps(asdict(self)))} AS body",
        ]

    @classmethod
    def read(cls, body: str) -> Made:
        """The record back from its text. What is no record raises one exception or another."""
        found = json.loads(body)
        for name, table in found["tables"].items():
            content = table["content"]
            found["tables"][name] = Table(**{**table, "content": None if content is None else Content(**content)})
        return cls(**found)


def canonical(value: object) -> str:
    """One text for equal JSON values: hashed into a version, compared with what a record holds."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
