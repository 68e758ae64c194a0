"""An answer as an Arrow IPC stream or a Parquet file: typed columns, their intervals beside them, the receipt in the schema's metadata.

A column ``n`` that is measured or derived is followed by ``n__low`` and ``n__high`` (float64, null where there is no
interval). Schema metadata holds the JSON texts ``tacit.receipt``, ``tacit.columns`` and the plain texts
``tacit.release_id``, ``tacit.dataset``, ``tacit.sql``, ``tacit.created_at``.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from typing import Any, Final

import pyarrow as pa

from tacit import wire
from tacit_service.release.bulk import arrow_parts, bulk_of

MEDIA_TYPE: Final = "application/vnd.apache.arrow.stream"
_INT64: Final = range(-(2**63), 2**63)


def encode(answer: wire.Answer) -> bytes | Iterator[bytes]:
    """The whole stream; of a bulk answer, batch by batch."""
    table = _table(answer)
    if bulk_of(answer) is not None:
        return arrow_parts(table)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        if table.num_columns:
            writer.write_table(table)
    return bytes(sink.getvalue())


def encode_parquet(answer: wire.Answer) -> bytes:
    """The same table as a Parquet file; its key-value metadata hold what the stream's schema holds."""
    import pyarrow.parquet as pq  # of its own accord it loads for a while, and few ask for it

    sink = pa.BufferOutputStream()
    pq.write_table(_table(answer), sink)
    return bytes(sink.getvalue())


def _table(answer: wire.Answer) -> pa.Table:
    bulk = bulk_of(answer)
    fields: list[pa.Field] = []
    arrays: list[pa.Array] = []
    for index, column in enumerate(answer.columns):
        if bulk is None:
            array = _array(column.type, [row[index] for row in answer.rows])
        else:
            array = bulk.table.column(index).cast(_TYPES[column.type][0])
        fields.append(pa.field(column.name, array.type, metadata={"tacit.kind": column.kind}))
        arrays.append(array)
        if column.kind in ("noisy", "derived"):
            for suffix, end in (("low", 0), ("high", 1)):
                bound = _ends(answer, index, end)
                fields.append(pa.field(f"{column.name}__{suffix}", pa.float64(), metadata={"tacit.kind": "interval"}))
                arrays.append(bound)
    return pa.table(arrays, schema=pa.schema(fields, metadata=_metadata(answer)))


def _ends(answer: wire.Answer, index: int, end: int) -> pa.Array:
    """The lower or upper ends of a column's intervals."""
    bulk = bulk_of(answer)
    if bulk is not None:
        ends = (bulk.low, bulk.high)[end]
        return ends[index] if index in ends else pa.nulls(bulk.table.num_rows, pa.float64())
    pairs = [row[index] for row in answer.intervals]
    return pa.array([None if pair is None else pair[end] for pair in pairs], type=pa.float64())


def _metadata(answer: wire.Answer) -> dict[str, str]:
    return {
        "tacit.release_id": answer.release_id,
        "tacit.dataset": answer.dataset,
        "tacit.sql": answer.sql,
        "tacit.created_at": answer.created_at,
        "tacit.receipt": answer.receipt.model_dump_json(),
        "tacit.columns": json.dumps([column.model_dump() for column in answer.columns]),
    }


def _array(kind: str, cells: list[wire.Cell]) -> pa.Array:
    if kind == "integer" and any(isinstance(cell, int) and cell not in _INT64 for cell in cells):
        kind = "number"  # a derived integer past 64 bits: nearest double rather than no answer
    arrow_type, convert = _TYPES[kind]
    return pa.array([None if cell is None else convert(cell) for cell in cells], type=arrow_type)


def _timestamp(cell: Any) -> dt.datetime:
    moment = dt.datetime.fromisoformat(str(cell))
    return moment if moment.tzinfo is None else moment.astimezone(dt.UTC).replace(tzinfo=None)


_TYPES: Final[dict[str, tuple[pa.DataType, Callable[[Any], Any]]]] = {
    "integer": (pa.int64(), int),
    "number": (pa.float64(), float),
    "string": (pa.string(), str),
    "boolean": (pa.bool_(), bool),
    "date": (pa.date32(), lambda cell: dt.date.fromisoformat(str(cell)[:10])),
    "timestamp": (pa.timestamp("us"), _timestamp),
    "null": (pa.null(), lambda _: None),
}
