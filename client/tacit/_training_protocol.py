"""Training jobs on the wire, as ``_protocol`` has queries: what to send, how to read what comes back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tacit._protocol import (
    Amount,
    Call,
    Request,
    decimal_text,
    idempotency_header,
    path_segment,
    wire_model,
)
from tacit.errors import InvalidArgument

if TYPE_CHECKING:
    from tacit import wire

_JSON = {"content-type": "application/json"}
_JOBS = "/v1/training-jobs"


def body(
    dataset: str | None,
    sql: str,
    label: str,
    model: str | Mapping[str, Any],
    epsilon: Amount | None,
    delta: Amount | None,
    options: Mapping[str, Any],
) -> bytes:
    """The body of a quote and of a job. ``options`` are the other members of ``wire.TrainingRequest``."""
    from tacit import wire

    if not dataset:
        raise InvalidArgument("no dataset: pass dataset=…, here or to the client")
    unknown = set(options) - set(wire.TrainingRequest.model_fields)
    if unknown:
        raise InvalidArgument(f"train has no option {sorted(unknown)[0]}")
    asked: dict[str, Any] = {"dataset": dataset, "sql": sql, "label": label}
    asked["model"] = {"type": model} if isinstance(model, str) else dict(model)
    for name, value in (("epsilon", epsilon), ("delta", delta)):
        if value is not None:
            asked[name] = decimal_text(value, name)
    asked |= {name: value for name, value in options.items() if value is not None}
    try:
        return json.dumps(asked, ensure_ascii=False, allow_nan=False, default=_plain).encode()
    except (TypeError, ValueError, UnicodeEncodeError):
        raise InvalidArgument("a training request holds text and finite numbers only") from None


def _plain(value: Any) -> Any:
    """numpy's numbers, and tuples' like."""
    if isinstance(value, Sequence):
        return list(value)
    return value.item()


def quote(asked: bytes, sql: str) -> Call[wire.TrainingQuote]:
    """``POST /v1/training-quotes``."""
    request = Request("POST", "/v1/training-quotes", _JSON, asked)
    return Call(request, lambda content: wire_model(content, "TrainingQuote"), sql=sql)


def submit(asked: bytes, sql: str, idempotency_key: str | None) -> Call[wire.TrainingJob]:
    """``POST /v1/training-jobs``, with a key that makes every repetition the same job."""
    key, header = idempotency_header(idempotency_key)
    request = Request("POST", _JOBS, {**_JSON, **header}, asked)
    return Call(request, lambda content: wire_model(content, "TrainingJob"), sql=sql, idempotency_key=key)


def job(job_id: str) -> Call[wire.TrainingJob]:
    """``GET /v1/training-jobs/{id}``."""
    return Call(Request("GET", f"{_JOBS}/{path_segment(job_id)}"), lambda content: wire_model(content, "TrainingJob"))


def jobs() -> Call[list[wire.TrainingJob]]:
    """``GET /v1/training-jobs``."""
    return Call(Request("GET", _JOBS), lambda content: list(wire_model(content, "TrainingJobList").jobs))


def cancel(job_id: str) -> Call[wire.TrainingJob]:
    """``POST /v1/training-jobs/{id}/cancel``."""
    request = Request("POST", f"{_JOBS}/{path_segment(job_id)}/cancel", _JSON, b"{}")
    return Call(request, lambda content: wire_model(content, "TrainingJob"))


def events(job_id: str) -> Request:
    """``GET /v1/training-jobs/{id}/events``, whose lines ``event_data`` reads."""
    return Request("GET", f"{_JOBS}/{path_segment(job_id)}/events", {"accept": "text/event-stream"})


def event_state(line: str) -> wire.TrainingJob | None:
    """The job that a line of the stream carries; None for the lines between."""
    if not line.startswith("data: "):
        return None
    state: wire.TrainingJob = wire_model(line[6:].encode(), "TrainingJob")
    return state


def artifacts(job_id: str) -> Call[list[wire.Artifact]]:
    """``GET /v1/training-jobs/{id}/artifacts``."""
    request = Request("GET", f"{_JOBS}/{path_segment(job_id)}/artifacts")
    return Call(request, lambda content: list(wire_model(content, "ArtifactList").artifacts))


def artifact(job_id: str, name: str) -> Call[bytes]:
    """``GET /v1/training-jobs/{id}/artifacts/{name}``."""
    path = f"{_JOBS}/{path_segment(job_id)}/artifacts/{path_segment(name)}"
    return Call(Request("GET", path, {"accept": "*/*"}), bytes)


def predictions(job_id: str, rows: Sequence[Mapping[str, Any]]) -> Call[wire.Predictions]:
    """``POST /v1/training-jobs/{id}/predictions``."""
    try:
        content = json.dumps({"rows": [dict(row) for row in rows]}, allow_nan=False, default=_plain).encode()
    except (TypeError, ValueError, AttributeError):
        raise InvalidArgument("rows hold text, finite numbers, booleans and None only") from None
    request = Request("POST", f"{_JOBS}/{path_segment(job_id)}/predictions", _JSON, content)
    return Call(request, lambda answer: wire_model(answer, "Predictions"))


def model(job_id: str) -> Call[bytes]:
    """``GET /v1/training-jobs/{id}/model``."""
    accept = {"accept": "application/vnd.safetensors"}
    return Call(Request("GET", f"{_JOBS}/{path_segment(job_id)}/model", accept), bytes)


def card(job_id: str) -> Call[wire.ModelCard]:
    """``GET /v1/training-jobs/{id}/card``."""
    request = Request("GET", f"{_JOBS}/{path_segment(job_id)}/card")
    return Call(request, lambda content: wire_model(content, "ModelCard"))
