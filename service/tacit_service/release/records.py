"""What is stored of a release and read again: noisy integers and the answer as it was given.

A release of few rows is one JSON text. One of very many is a JSON text without them, and behind it their columns as Arrow
streams, each with its length: ``MAGIC``, then parts, the first of which is the text.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tacit.wire import Answer, QueryRequest
from tacit_service.engine.key_rows import LARGE, KeyRows, KeyTable, places
from tacit_service.engine.process import decode_table, encode_table
from tacit_service.errors import Refusal, RequestError, TacitError
from tacit_service.ledger.records import StoredRelease
from tacit_service.query.plan import ReleasePoint

from .bulk import Bulk, bulk_of, with_bulk, without_rows
from .identity import Identity
from .postprocessing import Released, keys_from_json, keys_to_json
from .prepare import Prepared

MAGIC: Final = b"TACIT-RELEASE-1\n"
_LENGTH: Final = struct.Struct(">Q")
_ANSWER: Final = "answer"  # the part that holds an answer's rows
IntVector = npt.NDArray[np.int64]

CHECKS = "!checks"  # the noisy pairs of a bias check stand beside the release points, by a name that none has


class PostprocessFailed(Refusal):
    """The SQL above the release failed on the noisy values; the release is recorded and held."""

    title = "SQL above the release failed"


def unfinished(error: TacitError) -> RequestError:
    """SQL over public tables alone that failed, or ran out of time or memory: there is no release to hold."""
    return RequestError(
        "outer_sql_invalid",
        f"The SQL could not be run: {error.detail} Nothing protected was read, and nothing charged.",
        hint="Make it smaller: fewer rows, shorter texts.",
        rule="post-processing",
    )


def stored_answer(stored: StoredRelease) -> Answer:
    """The answer as it was given; raises ``PostprocessFailed`` where there was none."""
    head, tables = _parts(stored.body)
    if head["answer"] is None:
        raise PostprocessFailed(
            "postprocess_failed",
            "The SQL above this release failed on its noisy values.",
            hint="Ask again with other outer SQL: the stored release answers, free of charge.",
            rule="post-processing",
        )
    answer = Answer.model_validate(head["answer"])
    return with_bulk(answer, Bulk.read(tables[_ANSWER])) if _ANSWER in tables else answer


def to_body(request: QueryRequest, prepared: Prepared, answer: Answer | None, released: dict[str, Released]) -> bytes:
    """The body of a stored release: what was asked, what was answered, and the noisy integers under their identities."""
    tables: dict[str, pa.Table] = {}
    if answer is not None and (bulk := bulk_of(answer)) is not None:
        tables[_ANSWER] = bulk.whole()
        answer = without_rows(answer)
    whole = {
        "request": request.model_dump(mode="json", exclude_none=True, exclude={"fresh"}),
        "answer": None if answer is None else answer.model_dump(mode="json"),
        "events": _events(prepared),
        "epsilon": str(prepared.epsilon),
        "released": {name: _measured(prepared.identities.get(name), r, name, tables) for name, r in released.items()},
    }
    text = json.dumps(whole | ({"tables": list(tables)} if tables else {})).encode()
    if not tables:
        return text
    parts = [text, *(bytes(encode_table(table)) for table in tables.values())]
    return b"".join([MAGIC, *(piece for part in parts for piece in (_LENGTH.pack(len(part)), part))])


def _parts(body: bytes) -> tuple[dict[str, Any], dict[str, pa.Table]]:
    """The JSON of a body, and its tables by name."""
    if not body.startswith(MAGIC):
        return json.loads(body), {}
    view, at, parts = memoryview(body), len(MAGIC), list[memoryview]()
    while at < len(view):
        (size,) = _LENGTH.unpack_from(view, at)
        parts.append(view[at + _LENGTH.size : at + _LENGTH.size + size])
        at += _LENGTH.size + size
    head: dict[str, Any] = json.loads(bytes(parts[0]))
    return head, {name: decode_table(part) for name, part in zip(head["tables"], parts[1:], strict=True)}


def _events(prepared: Prepared) -> list[str]:
    return sorted(e.canonical() for e in prepared.estimate.events)


def priced_alike(prepared: Prepared, stored: StoredRelease) -> bool:
    """The stored release was bought by the very measurements of this request, to the last digit of their scales."""
    return bool(_parts(stored.body)[0].get("events") == _events(prepared))


def _measured(identity: Identity | None, released: Released, name: str, tables: dict[str, pa.Table]) -> dict[str, Any]:
    if identity is None:  # the checks of bias
        return {"measures": {n: values.tolist() for n, values in released.measures.items()}}
    by_identity = {identity.measures[n]: values for n, values in released.measures.items()}
    keys = released.keys
    if isinstance(keys, KeyTable) or len(keys) >= LARGE:
        if isinstance(keys, KeyTable):
            tables[f"{name} keys"] = keys.table
        for text, values in by_identity.items():  # a histogram has more cells than there are keys
            tables[f"{name} {text}"] = pa.table({"cells": values})
        few = [] if isinstance(keys, KeyTable) else keys_to_json(keys)
        return {"key_ids": identity.keys, "keys": few, "measures": dict.fromkeys(by_identity)}
    measures = {text: values.tolist() for text, values in by_identity.items()}
    return {"key_ids": identity.keys, "keys": keys_to_json(keys), "measures": measures}


def asked(stored: StoredRelease) -> QueryRequest:
    """The request that a stored release answered; by the price that was found, where an accuracy was asked for."""
    head = _parts(stored.body)[0]
    request = QueryRequest.model_validate(head["request"])
    if request.accuracy is None or "epsilon" not in head:
        return request
    return request.model_copy(update={"accuracy": None, "epsilon": head["epsilon"]})


def from_body(prepared: Prepared, body: bytes) -> dict[str, Released]:
    """Noisy integers of a stored release, as the present plan names and orders keys and measures."""
    head, tables = _parts(body)
    stored: dict[str, dict[str, Any]] = head["released"]
    released = {p.name: _read(p, prepared, stored, tables) for p in prepared.plan.releases}
    if prepared.estimate.checks:
        released[CHECKS] = Released([], stored[CHECKS]["measures"])
    return released


def _read(
    point: ReleasePoint, prepared: Prepared, all_stored: Mapping[str, dict[str, Any]], tables: Mapping[str, pa.Table]
) -> Released:
    stored = all_stored[point.name]
    identity, there = prepared.identities[point.name], list(stored["key_ids"])
    at = []
    for text in identity.keys:
        at.append(there.index(text))
        there[at[-1]] = ""  # a key that is asked for twice is stored twice
    columns = tables.get(f"{point.name} keys")
    if columns is None:
        keys: KeyRows = keys_from_json(point, [[row[i] for i in at] for row in stored["keys"]])
    else:
        keys = KeyTable(columns.select(at))
    vectors = {
        name: stored["measures"][text]
        if stored["measures"][text] is not None
        else tables[f"{point.name} {text}"].column(0).to_numpy()
        for name, text in identity.measures.items()
    }
    wanted = prepared.keys[point.name]
    if wanted is None or wanted == keys:
        return Released(keys, vectors)
    if isinstance(keys, KeyTable) and isinstance(wanted, KeyTable):
        order = places(keys, wanted.table)
        if (order < 0).any():
            raise KeyError("a key that the release does not have")
    else:
        place = {row: i for i, row in enumerate(keys)}
        order = np.array([place[row] for row in wanted], dtype=np.int64)
    return Released(wanted, {name: _sorted(values, order, len(keys)) for name, values in vectors.items()})


def _sorted(values: Any, order: IntVector, groups: int) -> IntVector:
    """A measure's cells, group by group (a histogram has several in each), in another order of the groups."""
    cells = np.asarray(values, dtype=np.int64)
    return cells.reshape(groups, -1)[order].reshape(-1) if groups else cells
