"""The snapshot: one DuckDB file per (what the policy says of the data, the data), of which every declared fact is true.

Engines open nothing else. Values are converted totally (``convert``), every row of a protected table carries the id of
the one unit it belongs to in ``_u``, rows that belong to nobody are gone, and columns that the policy does not name do
not exist. Before the file gets its name, the declared facts are checked on it by SQL.

A snapshot is built once: by whichever process comes first, under a file lock, into a temporary name, renamed when done.
Where rows were only added to what an earlier one was made from, it is made from that one (``refresh``).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from tacit_service.engine import made
from tacit_service.engine.build import Build
from tacit_service.engine.duckdb import Builder, DuckDBEngine
from tacit_service.engine.refresh import refresh
from tacit_service.engine.sources import Source, identifier, resolve
from tacit_service.errors import PolicyError
from tacit_service.policy.load import Loaded

_READ_TIMEOUT_S = 600.0
_EARLIER_MAX = 4


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
    version = made.version(loaded.policy, resolved)
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = data_dir.resolve() / f"{loaded.policy.dataset}-{version}.duckdb"
    if not path.exists():
        with _only_builder(path):
            _wipe(path)
            if not path.exists():
                _build(loaded, resolved, path, version)
    return path, version


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
        target = work / "snapshot.duckdb"
        if not refresh(loaded, resolved, _earlier(loaded, path), work, target):
            readable = {
                name: source.readable(work / f"{name}.parquet", file=str(loaded.path), table=name)
                for name, source in resolved.items()
            }
            with Builder(work) as builder:
                Build(loaded, resolved, readable, builder).run(target)
        if made.version(loaded.policy, resolved) != version:
            raise PolicyError(
                "source_changed", "A source changed while it was read.", hint="Try again when it rests.",
                file=str(loaded.path),
            )  # fmt: skip
        os.replace(target, path)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _earlier(loaded: Loaded, path: Path) -> list[Path]:
    """The latest snapshots of this data set, newest first: one of them may hold all rows but some that were added.

    Files of this process's user alone: a link, or another's file, is nothing that this service made.
    """
    name = re.compile(
        re.escape(loaded.policy.dataset) + r"-[0-9a-f]{16}\.duckdb"
    )  # a data set's name may begin another's
    found = []
    for other in path.parent.iterdir():
        if name.fullmatch(other.name) is None:
            continue
        with contextlib.suppress(OSError):  # an owner may delete them at any time
            facts = other.lstat()
            if stat.S_ISREG(facts.st_mode) and facts.st_uid == os.geteuid():
                found.append((facts.st_mtime_ns, other))
    return [other for _, other in sorted(found, reverse=True)[:_EARLIER_MAX]]


def _public_tables(loaded: Loaded, engine: DuckDBEngine) -> dict[str, pa.Table]:
    """What SQL may read of them. Images are for training alone, which reads the snapshot: here their places are empty."""
    shown = {}
    for name, table in loaded.policy.tables.items():
        images = [identifier(c) for c, declared in table.columns.items() if declared.type == "image"]
        kept = f" REPLACE ({', '.join(f'CAST(NULL AS UTINYINT[1]) AS {i}' for i in images)})" if images else ""
        if table.public:
            shown[name] = engine.run(f"SELECT *{kept} FROM {identifier(name)}", timeout_s=_READ_TIMEOUT_S)
    return shown
