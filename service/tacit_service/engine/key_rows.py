"""Key rows of a release: a list of tuples, or, where there are very many, columns that look like one.

A million tuples are hundreds of megabytes and seconds of work; as Arrow columns they are the size of their values.
Everything that is done with key rows (finding places, sorting, comparing) is done on codes of whole columns then.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

KeyRows: TypeAlias = Sequence[tuple[Any, ...]]
Rows = npt.NDArray[np.int64]

LARGE = 20_000
"""From here on key rows are columns."""
_BATCH = 8_192
_CODES_MAX = 1 << 62


class KeyTable(Sequence[tuple[Any, ...]]):
    """Key rows as the columns of an Arrow table, which has at least one. Reads as a sequence of tuples."""

    __slots__ = ("table",)

    def __init__(self, table: pa.Table) -> None:
        self.table = table.rename_columns([f"k{i}" for i in range(table.num_columns)]).combine_chunks()

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @overload
    def __getitem__(self, place: int) -> tuple[Any, ...]: ...
    @overload
    def __getitem__(self, place: slice) -> KeyTable: ...
    def __getitem__(self, place: int | slice) -> tuple[Any, ...] | KeyTable:
        if isinstance(place, slice):
            return KeyTable(self.table.take(np.arange(*place.indices(len(self)))))
        return tuple(column[place].as_py() for column in self.table.columns)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        for batch in self.table.to_batches(max_chunksize=_BATCH):
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, KeyTable):
            return bool(self.table.equals(other.table))
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(mine == theirs for mine, theirs in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def take(self, rows: Rows) -> KeyTable:
        """The rows in those places."""
        return KeyTable(self.table.take(rows))

    def distinct(self) -> bool:
        """Whether no row comes twice."""
        codes, _ = _codes(self.table, self.table.slice(0, 0))
        return len(np.unique(codes)) == len(codes)

    def ordered(self, rows: Rows) -> Rows:
        """The same places in the order of their keys, NULL last: no order of the engine's or of a hash is left."""
        part = self.table.take(rows)
        order = pc.sort_indices(part, [(name, "ascending") for name in part.column_names])  # NULL last
        found: Rows = rows[order.to_numpy()]
        return found

    def digest(self, columns: Sequence[int]) -> str:
        """A hash of the rows as a set, their columns in the given order."""
        part = self.table.select(list(columns)).rename_columns([f"k{i}" for i in range(len(columns))])
        order = pc.sort_indices(part, [(name, "ascending") for name in part.column_names])
        found = hashlib.sha256(str(part.schema.types).encode())
        for batch in part.take(order).to_batches(max_chunksize=_BATCH):
            found.update(repr(batch.to_pydict()).encode())
        return found.hexdigest()


def key_rows(table: pa.Table) -> KeyRows:
    """The rows of a table of keys."""
    if table.num_rows >= LARGE and table.num_columns:
        return KeyTable(table)
    if not table.num_columns:
        return [()] * table.num_rows
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def key_column(keys: KeyRows, place: int, kind: pa.DataType) -> pa.Array:
    """One column of key rows."""
    if isinstance(keys, KeyTable):
        return keys.table.column(place).cast(kind).combine_chunks()
    return pa.array([key[place] for key in keys], kind)


def places(keys: KeyRows, found: pa.Table) -> Rows:
    """For each row of ``found``, where ``keys`` has it; −1 where it has not."""
    if isinstance(keys, KeyTable) and found.schema.types == keys.table.schema.types:  # a cast could fail on a value
        mine, theirs = _codes(keys.table, found)
        at = pc.index_in(pa.array(theirs), value_set=pa.array(mine))
        return np.asarray(at.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)
    place = {key: i for i, key in enumerate(keys)}
    return np.array([place.get(key, -1) for key in key_rows_of(found)], dtype=np.int64)


def key_rows_of(found: pa.Table) -> Iterator[tuple[Any, ...]]:
    """The rows one by one."""
    for batch in found.to_batches(max_chunksize=_BATCH):
        columns = [column.to_pylist() for column in batch.columns]
        yield from zip(*columns, strict=True) if columns else [()] * batch.num_rows


def repeated(keys: KeyRows, times: int) -> KeyRows:
    """Every key with each of the numbers below ``times`` beside it, in order."""
    if not isinstance(keys, KeyTable):
        return [(*key, n) for key in keys for n in range(times)]
    table = keys.table.take(np.repeat(np.arange(len(keys)), times))
    return KeyTable(table.append_column("n", pa.array(np.tile(np.arange(times), len(keys)))))


def _codes(one: pa.Table, other: pa.Table) -> tuple[Rows, Rows]:
    """A whole number for every row of both tables, equal where the rows are (NULL is equal to NULL)."""
    codes: Rows = np.zeros(one.num_rows + other.num_rows, dtype=np.int64)
    top = 1
    for mine, theirs in zip(one.columns, other.columns, strict=True):
        both = pa.chunked_array([*mine.chunks, *theirs.chunks], mine.type).combine_chunks()
        if pa.types.is_floating(both.type):
            both = pc.add(both, 0.0)  # −0.0 and 0.0 are one key
        encoded = both.dictionary_encode(null_encoding="encode")
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.combine_chunks()
        values = encoded.indices.to_numpy().astype(np.int64)
        if top * (len(encoded.dictionary) + 1) >= _CODES_MAX:
            codes = np.unique(codes, return_inverse=True)[1].astype(np.int64)  # no more of them than there are rows
            top = len(codes) + 1
        codes, top = codes * (len(encoded.dictionary) + 1) + values, top * (len(encoded.dictionary) + 1)
    return codes[: one.num_rows], codes[one.num_rows :]
