"""The snapshot: one DuckDB file per (what the policy says of the data, the data), of which every declared fact is true.

Engines open nothing else. Values are converted totally (``convert``), every row of a protected table carries the id of
the one unit it belongs to in ``_u``, rows that belong to nobody are gone, and columns that the policy does not name do
not exist. Before the file gets its name, the declared facts are checked on it by SQL.

A snapshot is built once: by whichever process comes first, under a file lock, into a temporary name, renamed when done.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from tacit_service.engine import convert
from tacit_service.engine.duckdb import Builder, DuckDBEngine
from tacit_service.engine.prepare import create, prepare, violations
from tacit_service.engine.process import WorkerFailure
from tacit_service.engine.sources import Source, identifier, literal, resolve
from tacit_service.errors import EngineFailure, PolicyError
from tacit_service.policy.load import Loaded
from tacit_service.policy.model import Table
from tacit_service.query.catalog import stored

FORMAT = 2
"""Part of the version: raise it when the same policy and data would give another file."""

_PUBLIC_ROWS_MAX = 2_000_000
_READ_TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A finished snapshot: its file, its version, and the public tables."""

    path: Path
    version: str
    public: dict[str, pa.Table]


def build_snapshot(loaded: Loaded, data_dir: Path) -> Snapshot:
    """The snapshot of ``loaded`` in ``data_dir``, built unless it is there; ``PolicyError`` tells the owner why not."""
    path, version = _prepared(loaded, data_dir)
    if not any(table.public for table in loaded.policy.tables.values()):
        return Snapshot(path, version, {})
    with DuckDBEngine(path) as engine:
        return Snapshot(path, version, _public_tables(loaded, engine))


@contextlib.contextmanager
def open_snapshot(loaded: Loaded, data_dir: Path) -> Iterator[tuple[Snapshot, DuckDBEngine]]:
    """The same, with the engine that read its public tables: one process for all that a job reads."""
    path, version = _prepared(loaded, data_dir)
    with DuckDBEngine(path) as engine:
        yield Snapshot(path, version, _public_tables(loaded, engine)), engine


def _prepared(loaded: Loaded, data_dir: Path) -> tuple[Path, str]:
    if any(not t.public for t in loaded.policy.tables.values()) and loaded.policy.engine is not None:
        raise PolicyError(
            "rows_stay_in_engine", f"The rows of {loaded.policy.dataset} stay in its engine's database.",
            hint="This command reads files: give it a policy without 'engine'.", file=str(loaded.path),
        )  # fmt: skip
    resolved = {
        name: resolve(table.source, loaded.base_dir, file=str(loaded.path), table=name)
        for name, table in loaded.policy.tables.items()
    }
    version = _version(loaded, resolved)
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = data_dir.resolve() / f"{loaded.policy.dataset}-{version}.duckdb"
    if not path.exists():
        with _only_builder(path):
            _wipe(path)
            if not path.exists():
                _build(loaded, resolved, path, version)
    return path, version


def _version(loaded: Loaded, resolved: dict[str, Source]) -> str:
    """Only what shapes the data: a change of budget or description keeps the snapshot."""
    policy = loaded.policy
    shape = {
        name: {
            "public": table.public,
            "unit": table.unit,
            "path": table.path,
            "one_row_per_unit": table.one_row_per_unit,
            "columns": {
                column: body.model_dump(mode="json", exclude={"description"}) for column, body in table.columns.items()
            },
            "source": [resolved[name].kind, resolved[name].schema, resolved[name].table],
            "files": resolved[name].fingerprint(),
        }
        for name, table in policy.tables.items()
    }
    for name, table in policy.tables.items():
        if (extra := stored(policy, table)) is not None:
            shape[name]["stored"] = repr(extra)
    body = json.dumps({"format": FORMAT, "tables": shape}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(body.encode()).hexdigest()[:16]


@contextlib.contextmanager
def _only_builder(path: Path) -> Iterator[None]:
    with open(path.with_suffix(".lock"), "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)  # released by the kernel even if this process is killed
        yield


def _wipe(path: Path) -> None:
    """Remove what a builder of this snapshot left behind when it was killed: copies of people's rows. Its lock is held."""
    for left in path.parent.glob(f".{path.stem}-*"):
        shutil.rmtree(left, ignore_errors=True)


def _build(loaded: Loaded, resolved: dict[str, Source], path: Path, version: str) -> None:
    work = Path(tempfile.mkdtemp(prefix=f".{path.stem}-", dir=path.parent))
    try:
        readable = {
            name: source.readable(work / f"{name}.parquet", file=str(loaded.path), table=name)
            for name, source in resolved.items()
        }
        with Builder(work) as builder:
            _Build(loaded, readable, builder).run(work / "snapshot.duckdb")
        if _version(loaded, resolved) != version:
            raise PolicyError(
                "source_changed", "A source changed while it was read.", hint="Try again when it rests.",
                file=str(loaded.path),
            )  # fmt: skip
        os.replace(work / "snapshot.duckdb", path)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _public_tables(loaded: Loaded, engine: DuckDBEngine) -> dict[str, pa.Table]:
    names = [name for name, table in loaded.policy.tables.items() if table.public]
    return {n: engine.run(f"SELECT * FROM {identifier(n)}", timeout_s=_READ_TIMEOUT_S) for n in names}


class _Build:
    """One build: reads the sources' schemas, then writes table after table, then checks the facts."""

    def __init__(self, loaded: Loaded, resolved: dict[str, Source], builder: Builder) -> None:
        self._loaded = loaded
        self._tables = loaded.policy.tables
        self._resolved = resolved
        self._builder = builder
        self._families: dict[str, dict[str, convert.Family | None]] = {}
        self._unit_type = "VARCHAR"

    def run(self, target: Path) -> None:
        for name in self._tables:
            self._families[name] = self._describe(name)
        self._unit_type = self._choose_unit_type()
        self._builder.execute(f"ATTACH {literal(str(target))} AS snapshot")
        for name, table in self._tables.items():
            statement = self._public(name, table) if table.public else self._protected(name, table)
            extra = stored(self._loaded.policy, table)
            with self._telling(name, "source_unreadable", "could not be read"):
                for step in [create(name, statement)] if extra is None else prepare(name, table, extra, statement):
                    self._builder.execute(step)
            self._check(name, table)
        self._builder.execute("DETACH snapshot")

    # -- sources

    def _describe(self, name: str) -> dict[str, convert.Family | None]:
        source = self._resolved[name]
        with self._telling(name, "source_unreadable", "could not be read"):
            for statement in source.attach(self._alias(name)):
                self._builder.execute(statement)
            rows = self._builder.rows(f"SELECT column_name, column_type FROM (DESCRIBE FROM {self._relation(name)})")
        return {row["column_name"]: convert.family(row["column_type"]) for row in rows}

    @staticmethod
    def _alias(name: str) -> str:
        return f"source_{name}"

    def _relation(self, name: str) -> str:
        return self._resolved[name].relation(self._alias(name))

    def _source_column(self, name: str, column: str, *, lists: bool = False) -> tuple[str, convert.Family]:
        """(SQL of a policy's column in its source, its family). A list is no key: only an image may be one."""
        wanted = self._tables[name].source_name(column)
        found = self._families[name]
        matches = [c for c in found if c == wanted] or [c for c in found if c.casefold() == wanted.casefold()]
        if len(matches) != 1:
            shown = ", ".join(list(found)[:40])
            raise self._error(
                name, column, "column_not_found", f"the source has no column {wanted!r}",
                f"Its columns are: {shown}. Name one of them by 'source_column', or remove the line.",
            )  # fmt: skip
        kind = found[matches[0]]
        if kind is None or (kind == "list" and not lists):
            raise self._error(
                name, column, "column_unreadable", "the source's type is nested or binary",
                "Flatten it in the source, or remove the column from the policy.",
            )  # fmt: skip
        return "s." + identifier(matches[0]), kind

    def _columns(self, name: str, table: Table, unit: str = "") -> list[str]:
        converted = []
        for column, declared in table.columns.items():
            if column == table.unit:  # the id as analysts may name it is the id that bounds contributions
                converted.append(f"{unit} AS {identifier(column)}")
                continue
            x, kind = self._source_column(name, column, lists=declared.type == "image")
            if not convert.readable(declared.type, kind):
                raise self._error(
                    name, column, "column_unreadable", f"the source's {kind} values cannot be read as {declared.type}",
                    "Declare another 'type'.",
                )  # fmt: skip
            converted.append(f"{convert.convert(declared, x, kind)} AS {identifier(column)}")
        return converted

    # -- tables

    def _public(self, name: str, table: Table) -> str:
        return f"SELECT {', '.join(self._columns(name, table))} FROM {self._relation(name)} s"

    def _protected(self, name: str, table: Table) -> str:
        unit, source = self._unit(name, table)
        columns = self._columns(name, table, unit)
        rows = f"SELECT {', '.join([f'{unit} AS _u', *columns])} FROM {source} WHERE ({unit}) IS NOT NULL"
        if table.row_is_unit:
            rows = f"SELECT row_number() OVER () AS _u, {', '.join(columns)} FROM {source}"
        if table.one_row_per_unit and not table.row_is_unit:
            whole = ", ".join(identifier(c) for c in table.columns)
            rows = (
                f"SELECT * FROM ({rows}) r QUALIFY row_number() OVER"
                f" (PARTITION BY _u ORDER BY md5(CAST(row({whole}) AS VARCHAR))) = 1"
            )
        return rows if table.row_is_unit or self._loaded.policy.prepare else f"{rows} ORDER BY _u"

    def _unit(self, name: str, table: Table) -> tuple[str, str]:
        """(SQL of the unit's id, what to write after FROM)."""
        relation = f"{self._relation(name)} s"
        if not table.path:
            assert table.unit is not None
            if table.row_is_unit:
                return "1", relation
            x, kind = self._source_column(name, table.unit)
            key = convert.unit_key(x, kind, self._unit_type)
            self._refuse_lost_units(name, table.unit, x, kind, key)
            return key, relation
        owners = self._owners(name, table, 0)
        x, kind = self._source_column(name, table.path[0][0])
        key = convert.unit_key(x, kind, self._key_type(name, table, 0))
        return "o.u", f"{relation} JOIN ({owners}) o ON o.k = {key} AND NOT o.shared"

    def _owners(self, name: str, table: Table, step: int) -> str:
        """SELECT k, u, shared: for each key of the step's target, its unit, and whether it belongs to several.

        Several stays several to the end of the path: were an ambiguous branch dropped half-way, a row would fall to
        whichever unit is left.
        """
        target, _, target_column = table.path[step][1].partition(".")
        x, kind = self._source_column(target, target_column)
        key = convert.unit_key(x, kind, self._key_type(name, table, step))
        relation = f"{self._relation(target)} s"
        if step + 1 < len(table.path):
            y, next_kind = self._source_column(target, table.path[step + 1][0])
            next_key = convert.unit_key(y, next_kind, self._key_type(name, table, step + 1))
            relation += f" JOIN ({self._owners(name, table, step + 1)}) o ON o.k = {next_key}"
            unit, shared = "o.u", "bool_or(o.shared) OR count(DISTINCT o.u) > 1"
        else:
            unit_column = self._tables[target].unit
            assert unit_column is not None
            y, unit_kind = self._source_column(target, unit_column)
            unit = convert.unit_key(y, unit_kind, self._unit_type)
            shared = f"count(DISTINCT {unit}) > 1"
        return (
            f"SELECT {key} AS k, min({unit}) AS u, {shared} AS shared FROM {relation}"
            f" WHERE ({key}) IS NOT NULL AND ({unit}) IS NOT NULL GROUP BY ALL"
        )

    def _key_type(self, name: str, table: Table, step: int) -> str:
        """Both sides of a step are compared as BIGINT if both are numeric, as text otherwise."""
        holder = name if step == 0 else table.path[step - 1][1].partition(".")[0]
        target, _, target_column = table.path[step][1].partition(".")
        families = {
            self._source_column(holder, table.path[step][0])[1],
            self._source_column(target, target_column)[1],
        }
        return convert.unit_type(set(), families)

    def _choose_unit_type(self) -> str:
        declared: set[str] = set()
        families: set[convert.Family] = set()
        for name, table in self._tables.items():
            if not table.public and table.unit is not None and not table.row_is_unit:
                families.add(self._source_column(name, table.unit)[1])
                if table.unit in table.columns:
                    declared.add(table.columns[table.unit].type)
        return convert.unit_type(declared, families)

    # -- checks

    def _refuse_lost_units(self, name: str, column: str, x: str, kind: convert.Family, key: str) -> None:
        """A unit's id that does not convert would silently drop a person's rows."""
        missing = f"{x} IS NOT NULL AND ({key}) IS NULL"
        if kind == "float":
            missing += f" AND NOT isnan({x})"
        with self._telling(name, "source_unreadable", "could not be read"):
            lost = self._builder.rows(f"SELECT count(*) AS n FROM {self._relation(name)} s WHERE {missing}")[0]["n"]
        if lost:
            raise self._error(
                name, column, "unit_not_integer", "the unit's id is not always a whole number of 64 bits",
                "Declare it under 'columns' with 'type: string'.",
            )  # fmt: skip

    def _check(self, name: str, table: Table) -> None:
        """Count the rows that break a declared fact: all must be zero."""
        broken: dict[str, tuple[str, str]] = {}
        counts = ["count(*) AS n"]
        for column, declared in table.columns.items():
            facts = [(fact, f"NOT ({predicate})") for fact, predicate in convert.facts(column, declared)]
            if declared.nullable is False or column == table.unit:
                facts.append(("not null", f"{identifier(column)} IS NULL"))
            for fact, violation in facts:
                alias = f"f{len(broken)}"
                broken[alias] = (column, fact)
                counts.append(f"count_if({violation}) AS {alias}")
        if not table.public:
            broken["u"] = ("_u", "not null")
            counts.append("count_if(_u IS NULL) AS u")
            if table.one_row_per_unit or table.row_is_unit:
                broken["d"] = ("_u", "one row per unit")
                counts.append("count(*) - count(DISTINCT _u) AS d")
            if (extra := stored(self._loaded.policy, table)) is not None:
                broken["s"] = ("_u", "stored totals and multiples")
                counts.append(f"{violations(table, extra)} AS s")
        found = self._builder.rows(f"SELECT {', '.join(counts)} FROM snapshot.{identifier(name)}")[0]
        for alias, (column, fact) in broken.items():
            if found[alias]:
                self._refuse_fact(name, column, fact)
        if table.public and found["n"] > _PUBLIC_ROWS_MAX:
            raise self._error(
                name, None, "public_table_too_large", f"a public table has at most {_PUBLIC_ROWS_MAX} rows",
                "Keep the rows that analysts join with.",
            )  # fmt: skip

    def _refuse_fact(self, name: str, column: str, fact: str) -> None:
        if fact == "not null" and column in self._tables[name].columns:
            raise self._error(
                name, column, "null_found", "'nullable: false' does not hold of the data as loaded",
                "Remove 'nullable: false'. Dates outside the bounds, and values outside the categories, read as NULL.",
            )  # fmt: skip
        # Not the owner's fault: the conversion promised this. Nothing is served from such a file.
        raise EngineFailure("snapshot_invalid", f"The snapshot of {name}.{column} breaks its declared {fact}.")

    # -- errors

    def _error(self, table: str, column: str | None, code: str, detail: str, hint: str) -> PolicyError:
        where = f"tables.{table}" + (f".columns.{column}" if column else "")
        return PolicyError(
            code, f"{where}: {detail}", hint=hint, file=str(self._loaded.path), table=table, column=column
        )

    @contextlib.contextmanager
    def _telling(self, table: str, code: str, detail: str) -> Iterator[None]:
        """DuckDB's own message may quote a row; the owner gets its class, which names no value."""
        try:
            yield
        except WorkerFailure as failure:
            raise self._error(
                table, None, code, f"the source {detail} ({failure.error or failure.reason})",
                "Check that the file is whole, readable, and of the kind that its name says.",
            ) from None  # fmt: skip
