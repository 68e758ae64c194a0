"""A job's rows, from the engine to arrays: in slices of whole units, and on disk where they are many.

How many rows there are is private, so that it must not decide whether a job succeeds. Slices keep what passes the pipe small
(a unit is in one of them, by a hash of its id), and arrays past ``MEMORY_BYTES`` are mapped from a file without a name: it is
gone with the process, however that ends, and the job's limit of memory does not count it. Only the time tells how many.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tacit_service.engine.base import Engine

from .encoding import Encoding, Rows, encode
from .generator import Stream
from .orders import ROWS_TIMEOUT_S

SLICE_BYTES: Final = 1 << 28
"""About as much passes the pipe at once."""

MEMORY_BYTES: Final = 1 << 30
"""Of one array that is kept in memory."""

Array = npt.NDArray[np.float32]
Pick = Callable[[pa.Table], tuple[pa.Table, ...]]


class Store:
    """Makes arrays: in files of ``folder``, where there is one and they are large."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def floats(self, shape: tuple[int, ...]) -> Array:
        """A new array of zeros."""
        if self._folder is None or 4 * math.prod(shape) <= MEMORY_BYTES:
            return np.zeros(shape, dtype=np.float32)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=self._folder) as file:
            os.posix_fallocate(
                file.fileno(), 0, 4 * math.prod(shape)
            )  # a full disk is an error now, not a signal later
            return np.memmap(file, dtype=np.float32, mode="w+", shape=shape)


def read(engine: Engine, how: Encoding, max_rows: int, stream: Stream, store: Store, pick: Pick) -> list[Rows]:
    """The rows of every unit, encoded. ``pick`` parts a table of whole units, by unit; each part is one of the answers."""
    rows = engine.run(f"SELECT COUNT(*) AS n FROM ({how.sql})", timeout_s=ROWS_TIMEOUT_S).column(0)[0].as_py()
    slices = max(1, math.ceil(rows * row_bytes(how) / SLICE_BYTES))
    if slices == 1:
        found = pick(engine.run(how.sql, timeout_s=ROWS_TIMEOUT_S))
        return [encode(part, how, max_rows, stream.words(part.num_rows)) for part in found]
    filled: list[_Filled] = []
    for i in range(slices):
        sliced = f"SELECT * FROM ({how.sql}) WHERE hash(_u) % {slices} = {i}"
        parts = pick(engine.run(sliced, timeout_s=ROWS_TIMEOUT_S))
        filled = filled or [_Filled(store.floats((rows, how.inputs))) for _ in parts]
        for kept, part in zip(filled, parts, strict=True):
            kept.add(encode(part, how, max_rows, stream.words(part.num_rows)))
    return [kept.rows() for kept in filled]


def row_bytes(how: Encoding) -> int:
    """About how large a row is in the engine's answer."""
    return 16 + sum(math.prod(f.shape) if f.kind == "image" else 16 for f in how.features)


class _Filled:
    """Encoded rows of slices, one after another, in an array that has room for all."""

    def __init__(self, x: Array) -> None:
        self._x, self._done = x, 0
        self._y: list[npt.NDArray[Any]] = []
        self._first = [np.zeros(1, np.int64)]

    def add(self, part: Rows) -> None:
        """Append a slice."""
        self._x[self._done : self._done + len(part.x)] = part.x
        self._y.append(part.y)
        self._first.append(part.first[1:] + self._done)
        self._done += len(part.x)

    def rows(self) -> Rows:
        """All of them."""
        return Rows(self._x[: self._done], np.concatenate(self._y), np.concatenate(self._first))
