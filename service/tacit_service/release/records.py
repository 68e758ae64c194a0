"""What is stored of a release and read again: noisy integers and the answer as it was given, as JSON."""

from __future__ import annotations

import json
from typing import Any

from tacit.wire import Answer, QueryRequest
from tacit_service.errors import Refusal
from tacit_service.ledger.records import StoredRelease
from tacit_service.query.plan import ReleasePoint

from .identity import Identity
from .postprocessing import Released, keys_from_json, keys_to_json
from .prepare import Prepared

CHECKS = "!checks"  # the noisy pairs of a bias check stand beside the release points, by a name that none has


class PostprocessFailed(Refusal):
    """The SQL above the release failed on the noisy values; the release is recorded and held."""

    title = "SQL above the release failed"


def stored_answer(stored: StoredRelease) -> Answer:
    """The answer as it was given; raises ``PostprocessFailed`` where there was none."""
    answer = json.loads(stored.body)["answer"]
    if answer is None:
        raise PostprocessFailed(
            "postprocess_failed",
            "The SQL above this release failed on its noisy values.",
            hint="Ask again with other outer SQL: the stored release answers, free of charge.",
            rule="post-processing",
        )
    return Answer.model_validate(answer)


def to_body(request: QueryRequest, prepared: Prepared, answer: Answer | None, released: dict[str, Released]) -> bytes:
    """The body of a stored release: what was asked, what was answered, and the noisy integers under their identities."""
    whole = {
        "request": request.model_dump(mode="json", exclude_none=True, exclude={"fresh"}),
        "answer": None if answer is None else answer.model_dump(mode="json"),
        "events": _events(prepared),
        "released": {name: _measured(prepared.identities.get(name), r) for name, r in released.items()},
    }
    return json.dumps(whole).encode()


def _events(prepared: Prepared) -> list[str]:
    return sorted(e.canonical() for e in prepared.estimate.events)


def priced_alike(prepared: Prepared, stored: StoredRelease) -> bool:
    """The stored release was bought by the very measurements of this request, to the last digit of their scales."""
    return bool(json.loads(stored.body).get("events") == _events(prepared))


def _measured(identity: Identity | None, released: Released) -> dict[str, Any]:
    if identity is None:  # the checks of bias
        return {"measures": released.measures}
    by_identity = {identity.measures[name]: values for name, values in released.measures.items()}
    return {"key_ids": identity.keys, "keys": keys_to_json(released.keys), "measures": by_identity}


def asked(stored: StoredRelease) -> QueryRequest:
    """The request that a stored release answered."""
    return QueryRequest.model_validate(json.loads(stored.body)["request"])


def from_body(prepared: Prepared, body: bytes) -> dict[str, Released]:
    """Noisy integers of a stored release, as the present plan names and orders keys and measures."""
    stored: dict[str, dict[str, Any]] = json.loads(body)["released"]
    released = {p.name: _read(p, prepared, stored[p.name]) for p in prepared.plan.releases}
    if prepared.estimate.checks:
        released[CHECKS] = Released([], stored[CHECKS]["measures"])
    return released


def _read(point: ReleasePoint, prepared: Prepared, stored: dict[str, Any]) -> Released:
    identity, there = prepared.identities[point.name], list(stored["key_ids"])
    places = []
    for text in identity.keys:
        places.append(there.index(text))
        there[places[-1]] = ""  # a key that is asked for twice is stored twice
    keys = keys_from_json(point, [[row[i] for i in places] for row in stored["keys"]])
    vectors = {name: stored["measures"][text] for name, text in identity.measures.items()}
    wanted = prepared.keys[point.name]
    if wanted is None or wanted == keys:
        return Released(keys, vectors)
    at = {row: i for i, row in enumerate(keys)}
    order = [at[row] for row in wanted]
    return Released(wanted, {name: _sorted(values, order, len(keys)) for name, values in vectors.items()})


def _sorted(values: list[int], order: list[int], groups: int) -> list[int]:
    """A measure's cells, group by group (a histogram has several in each), in another order of the groups."""
    size = len(values) // groups if groups else 0
    return [value for i in order for value in values[i * size : (i + 1) * size]]
