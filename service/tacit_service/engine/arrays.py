"""Sources that are arrays: NPZ files, and IDX files as MNIST has them. Rewritten as Parquet, which the engine then reads.

An array of numbers becomes a column of numbers; one with more axes becomes a column of lists, one list of 8-bit values a
row. No pickles are read: ``allow_pickle`` is off, and IDX holds bytes alone.
"""

from __future__ import annotations

import gzip
import math
import zipfile
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tacit_service.errors import PolicyError

BYTES_MAX: Final = 4 << 30
"""Largest array that is read."""

_IDX_TYPES: Final = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_ROWS_PER_GROUP: Final = 10_000


class _Bad(ValueError):
    """The file is not what its name says; the text holds no values."""


def rewrite(files: dict[str, Path] | Path, target: Path, **where: Any) -> None:
    """Write the arrays of ``files`` (column → IDX file, or one NPZ file) to the Parquet file ``target``.

    Raises ``PolicyError`` source_unreadable; ``where`` goes into it.
    """
    try:
        arrays = _npz(files) if isinstance(files, Path) else {name: read_idx(file) for name, file in files.items()}
        lengths = {len(array) for array in arrays.values()}
        if len(lengths) != 1:
            raise _Bad("the arrays have different numbers of rows")
        _write(arrays, lengths.pop(), target)
    except (_Bad, OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        detail = str(error) if isinstance(error, _Bad) else type(error).__name__
        raise PolicyError(
            "source_unreadable", f"the arrays could not be read ({detail})",
            hint="Write arrays whose first axis is the row: numbers, or images of 8-bit values.", **where,
        ) from None  # fmt: skip


def _npz(file: Path) -> dict[str, npt.NDArray[Any]]:
    with zipfile.ZipFile(file) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > BYTES_MAX:
            raise _Bad("larger than 4 GiB")
    with np.load(file, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def read_idx(file: Path) -> npt.NDArray[Any]:
    """The array of an IDX file, packed by gzip or not; ``ValueError`` when it is none."""
    with gzip.open(file) if file.name.lower().endswith(".gz") else file.open("rb") as handle:
        head = handle.read(4)
        if len(head) != 4 or head[:2] != b"\0\0" or head[2] not in _IDX_TYPES or not 1 <= head[3] <= 4:
            raise _Bad("not an IDX file")
        shape = tuple(int(side) for side in np.frombuffer(handle.read(4 * head[3]), ">u4"))
        kind = np.dtype(_IDX_TYPES[head[2]])
        size = math.prod(shape) * kind.itemsize
        if len(shape) != head[3] or size > BYTES_MAX:
            raise _Bad("larger than 4 GiB")
        body = handle.read(size + 1)
    if len(body) != size:
        raise _Bad("shorter or longer than its head says")
    return np.frombuffer(body, kind).reshape(shape)


def _write(arrays: dict[str, npt.NDArray[Any]], rows: int, target: Path) -> None:
    columns = {name: _flat(name, array) for name, array in arrays.items()}
    types = {name: _arrow_type(array) for name, array in columns.items()}
    import pyarrow.parquet as pq  # a third of a second, for those who have arrays

    with pq.ParquetWriter(target, pa.schema(types)) as writer:
        for start in range(0, max(rows, 1), _ROWS_PER_GROUP):
            part = {name: _arrow(array[start : start + _ROWS_PER_GROUP]) for name, array in columns.items()}
            writer.write_table(pa.table(part))


def _flat(name: str, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if array.ndim == 0 or array.dtype.kind not in "biufUS":
        raise _Bad(f"the array {name!r} has no rows of numbers or text")
    if array.ndim == 1:
        return array.astype(array.dtype.newbyteorder("="))
    if array.dtype != np.uint8:
        raise _Bad(f"the array {name!r} is no image of 8-bit values")
    return array.reshape(len(array), -1)


def _arrow_type(array: npt.NDArray[Any]) -> pa.DataType:
    return pa.list_(pa.uint8()) if array.ndim == 2 else pa.array(array[:0]).type


def _arrow(array: npt.NDArray[Any]) -> pa.Array:
    if array.ndim == 1:
        return pa.array(array)
    offsets = pa.array(np.arange(len(array) + 1, dtype=np.int32) * array.shape[1])
    return pa.ListArray.from_arrays(offsets, pa.array(np.ascontiguousarray(array).reshape(-1)))
