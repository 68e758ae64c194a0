"""What is stored of a release and read again: noisy integers and the answer as it was given, as JSON."""

from __future__ import annotations

import json
from typing import Any

from tacit.wire import Answer
from tacit_service.errors import Refusal
from tacit_service.ledger.records import StoredRelease

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


def to_body(answer: Answer | None, released: dict[str, Released]) -> bytes:
    """The body of a stored release."""
    measured = {n: {"keys": keys_to_json(r.keys), "measures": r.measures} for n, r in released.items()}
    whole = {"answer": None if answer is None else answer.model_dump(mode="json"), "released": measured}
    return json.dumps(whole).encode()


def from_body(prepared: Prepared, body: bytes) -> dict[str, Released]:
    """Noisy integers of a stored release, with the key types of the present plan."""
    stored: dict[str, dict[str, Any]] = json.loads(body)["released"]
    released = {
        p.name: Released(keys_from_json(p, stored[p.name]["keys"]), stored[p.name]["measures"])
        for p in prepared.plan.releases
    }
    if prepared.estimate.checks:
        released[CHECKS] = Released([], stored[CHECKS]["measures"])
    return released
