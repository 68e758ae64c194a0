"""Where a declared table's rows are: files by path or glob, a table of a DuckDB file, or arrays (NPZ, IDX)."""

from __future__ import annotations

import glob
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tacit_service.engine import arrays
from tacit_service.errors import PolicyError
from tacit_service.policy.model import IDX

_PARQUET = (".parquet", ".pq")
_CSV = tuple(f"{kind}{packed}" for kind in (".csv", ".tsv", ".txt") for packed in ("", ".gz", ".zst"))
_DUCKDB_TABLE = re.compile(r"(?P<file>.+)#(?:(?P<schema>[^.#]+)\.)?(?P<table>[^.#]+)\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Source:
    """A resolved source. ``files`` are absolute, sorted, and exist."""

    kind: Literal["parquet", "csv", "duckdb", "npz", "idx"]
    files: tuple[Path, ...]
    schema: str = "main"
    table: str = ""  # of a DuckDB file; of IDX files the columns, with commas between
    above: int | None = None  # of a DuckDB table: the rows from this row id on

    def readable(self, target: Path, **where: Any) -> Source:
        """This source, or, of arrays, the Parquet file ``target``, which is written now."""
        if self.kind not in ("npz", "idx"):
            return self
        idx = dict(zip(self.table.split(","), self.files, strict=True)) if self.kind == "idx" else None
        arrays.rewrite(idx or self.files[0], target, **where)
        return Source("parquet", (target,))

    def attach(self, alias: str) -> list[str]:
        """Statements that must run once before ``relation(alias)`` can be read."""
        if self.kind != "duckdb":
            return []
        return [f"ATTACH {literal(str(self.files[0]))} AS {identifier(alias)} (READ_ONLY)"]

    def relation(self, alias: str) -> str:
        """What to write after FROM."""
        if self.kind == "duckdb":
            rows = ".".join(map(identifier, (alias, self.schema, self.table)))
            return rows if self.above is None else f"(SELECT * FROM {rows} WHERE rowid >= {self.above})"
        files = "[" + ", ".join(literal(str(f)) for f in self.files) + "]"
        if self.kind == "parquet":
            return f"read_parquet({files}, union_by_name = true)"
        # Text stays text until the declared type converts it: a sniffed type can fail in the millionth row.
        return f"read_csv({files}, union_by_name = true, all_varchar = true, header = true)"

    def fingerprint(self) -> list[tuple[str, int, int]]:
        """Path, size and modification time of every file: equal fingerprints are taken for equal data."""
        found = []
        for file in self.files:
            for part in (file, file.with_name(file.name + ".wal")) if self.kind == "duckdb" else (file,):
                if part.exists():
                    status = part.stat()
                    found.append((str(part), status.st_size, status.st_mtime_ns))
        return found


def resolve(source: str, base_dir: Path, **where: Any) -> Source:
    """The files of a policy's ``source``; ``where`` (file, line) goes into the ``PolicyError`` if there are none."""
    if IDX.match(source):
        return _idx(source, base_dir, where)
    match = _DUCKDB_TABLE.match(source)
    if match:
        files = _find(match["file"], base_dir)
        if len(files) != 1:
            raise PolicyError(
                "source_unreadable",
                f"source {source!r} names {len(files)} DuckDB files, not one",
                hint='Write "file.duckdb#table", relative to the policy file.',
                **where,
            )
        return Source("duckdb", files, match["schema"] or "main", match["table"])
    files = _find(source, base_dir)
    if not files:
        raise PolicyError(
            "source_unreadable",
            f"source {source!r} matches no file",
            hint="Give a path or a glob of Parquet or CSV files, relative to the policy file.",
            **where,
        )
    kinds = {_kind(file) for file in files}
    if kinds == {"npz"} and len(files) == 1:
        return Source("npz", files)
    if len(kinds) != 1 or not kinds <= {"parquet", "csv"}:
        raise PolicyError(
            "source_unreadable",
            f"source {source!r} is neither all Parquet nor all CSV",
            hint='Use files named .parquet or .csv, one .npz file, or "file.duckdb#table".',
            **where,
        )
    return Source("parquet" if kinds == {"parquet"} else "csv", files)


def _idx(source: str, base_dir: Path, where: dict[str, Any]) -> Source:
    parts = [part.strip().rpartition("#") for part in source.split("+")]
    found = [_find(file, base_dir) for file, _, _ in parts]
    if any(len(files) != 1 for files in found):
        raise PolicyError(
            "source_unreadable", f"source {source!r} names a file that is not there",
            hint='Write "images-idx3-ubyte.gz#image + labels-idx1-ubyte.gz#label", relative to the policy file.', **where,
        )  # fmt: skip
    return Source("idx", tuple(files[0] for files in found), table=",".join(column for _, _, column in parts))


def _find(pattern: str, base_dir: Path) -> tuple[Path, ...]:
    whole = base_dir / pattern
    if whole.is_file():
        return (whole.resolve(),)
    return tuple(sorted(Path(p).resolve() for p in glob.glob(str(whole), recursive=True) if Path(p).is_file()))


def _kind(file: Path) -> str | None:
    name = file.name.lower()
    if name.endswith(".npz"):
        return "npz"
    return "parquet" if name.endswith(_PARQUET) else "csv" if name.endswith(_CSV) else None


def identifier(name: str) -> str:
    """A quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A quoted SQL string."""
    return "'" + text.replace("'", "''") + "'"
