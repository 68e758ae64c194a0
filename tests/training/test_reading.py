"""Many rows or few: what is read is the same, and large arrays are in files that nobody else can open."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tacit_training_world import PEOPLE, World

from tacit_service.engine.duckdb import DuckDBEngine
from tacit_service.engine.snapshot import build_snapshot
from tacit_service.query.rows import protected_rows
from tacit_service.training import measure, reading
from tacit_service.training.encoding import Rows, encoding
from tacit_service.training.generator import Stream
from tacit_service.training.reading import Store, read


def units(rows: Rows) -> list[bytes]:
    """Each unit's rows, in an order of their own."""
    pairs = np.concatenate([rows.x, rows.y[:, None].astype(np.float32)], axis=1)
    return sorted(np.sort(pairs[a:b], axis=0).tobytes() for a, b in zip(rows.first[:-1], rows.first[1:], strict=True))


def test_slices_hold_whole_units_and_every_row(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trips, up to 8 a person: in one piece, and in slices of two kilobytes whose arrays lie on disk."""
    how = encoding(
        protected_rows(world.catalog, "SELECT length, far FROM trips"), "far", "classification", None
    )  # fmt: skip
    key, found = bytes(32), []
    with DuckDBEngine(build_snapshot(world.loaded, world.folder / "data").path) as engine:
        asked: list[str] = []
        run = engine.run
        monkeypatch.setattr(engine, "run", lambda sql, timeout_s: (asked.append(sql), run(sql, timeout_s=timeout_s))[1])
        for small in (False, True):
            if small:
                monkeypatch.setattr(reading, "SLICE_BYTES", 1 << 15)
                monkeypatch.setattr(reading, "MEMORY_BYTES", 0)
            asked.clear()
            found.append(read(engine, how, 8, Stream(), Store(tmp_path), lambda table: measure.split(table, 0.3, key)))
        assert len(asked) > 5
    (whole, held), (sliced, held_too) = found
    assert whole.units + held.units == PEOPLE
    assert 0.2 * PEOPLE < held.units < 0.4 * PEOPLE
    assert units(whole) == units(sliced)
    assert units(held) == units(held_too)
    assert isinstance(sliced.x, np.memmap)
    assert list(tmp_path.iterdir()) == [], "the file has no name"


def test_of_no_rows_nothing_is_read(world: World, tmp_path: Path) -> None:
    sql = "SELECT length, far FROM trips WHERE length > 100"
    how = encoding(protected_rows(world.catalog, sql), "far", "classification", None)

    def everything(table: pa.Table) -> tuple[pa.Table]:
        return (table,)

    with DuckDBEngine(build_snapshot(world.loaded, world.folder / "data").path) as engine:
        (rows,) = read(engine, how, 8, Stream(), Store(tmp_path), everything)
    assert (rows.units, len(rows.x)) == (0, 0)
