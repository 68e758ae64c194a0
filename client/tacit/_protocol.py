"""The client's side of the protocol without any input or output: what to send, how to read what comes back, and when
to send it again. ``_transport`` performs the steps, once for threads and once for asyncio.
"""

from __future__ import annotations

import json
import math
import operator
import os
import random
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import quote as percent_encode
from urllib.parse import urlsplit

from tacit._problems import from_problem
from tacit.errors import APIError, ConnectionFailed, InProgress, InvalidArgument, ProtocolError

if TYPE_CHECKING:  # pydantic takes a tenth of a second: imported when the first answer is read
    from pydantic import BaseModel

    from tacit import wire
    from tacit.release import Release

T = TypeVar("T")
M = TypeVar("M", bound="BaseModel")

Amount = str | int | float | Decimal
"""ε or δ as the SDK takes it. A float is taken by its shortest decimal text, so 0.1 means exactly one tenth."""

RETRY_WAIT_S_MAX = 30.0
IN_PROGRESS_WAIT_S_MAX = 30.0
_IN_PROGRESS_PAUSE_S = 0.5
_BACKOFF_S = 0.2


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, relative to the service's URL."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait before the next request."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP response; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class Lost:
    """No response arrived; whether the request did, nobody knows."""

    reason: str


@dataclass(frozen=True, slots=True)
class Terms:
    """What a query may cost and how a unit's contributions are bounded; ``None`` leaves it to the policy."""

    epsilon: Amount | None = None
    delta: Amount | None = None
    max_rows: int | None = None
    max_groups: int | None = None
    max_amount: float | Decimal | None = None
    fresh: bool = False
    accuracy: Amount | None = None
    bias_check: bool = False
    approx_bounds: bool = False

    def body(self) -> dict[str, Any]:
        """The members of a request body that are set."""
        body: dict[str, Any] = {}
        for name in ("epsilon", "delta", "accuracy"):
            if name == "accuracy" and isinstance(self.accuracy, str):
                body[name] = self.accuracy  # "±50", "5 % of rel_…"
                continue
            value: Amount | None = getattr(self, name)
            if value is not None:
                body[name] = decimal_text(value, name)
        for name in ("max_rows", "max_groups"):
            if getattr(self, name) is not None:
                body[name] = _integer(getattr(self, name), name)
        if self.max_amount is not None:
            body["max_amount"] = _number(self.max_amount)
        body |= {name: True for name in ("fresh", "bias_check", "approx_bounds") if getattr(self, name)}
        return body


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A request and the reader of its successful answer. ``sql`` lets an error show the line it is about."""

    request: Request
    read: Callable[[bytes], T]
    sql: str | None = None
    idempotency_key: str | None = None


def datasets() -> Call[list[str]]:
    """``GET /v1/datasets``."""
    return Call(Request("GET", "/v1/datasets"), lambda content: list(wire_model(content, "DatasetList").datasets))


def dataset(name: str) -> Call[wire.DatasetFacts]:
    """``GET /v1/datasets/{name}``."""
    return Call(
        Request("GET", f"/v1/datasets/{path_segment(name)}"), lambda content: wire_model(content, "DatasetFacts")
    )


def budget() -> Call[wire.Budget]:
    """``GET /v1/budget``."""
    return Call(Request("GET", "/v1/budget"), lambda content: wire_model(content, "Budget"))


def history(dataset: str | None, limit: int) -> Call[wire.Spending]:
    """``GET /v1/budget/history``: the caller's charges on a dataset, newest first."""
    if not dataset:
        raise InvalidArgument("no dataset: give it to the client or to this call")
    path = f"/v1/budget/history?dataset={path_segment(dataset)}&limit={_integer(limit, 'limit')}"
    return Call(Request("GET", path), lambda content: wire_model(content, "Spending"))


def me() -> Call[wire.Me]:
    """``GET /v1/me``."""
    return Call(Request("GET", "/v1/me"), lambda content: wire_model(content, "Me"))


def releases(dataset: str | None, limit: int) -> Call[list[wire.ReleaseItem]]:
    """``GET /v1/releases``: the caller's own, newest first."""
    path = f"/v1/releases?limit={_integer(limit, 'limit')}"
    path += f"&dataset={path_segment(dataset)}" if dataset else ""
    return Call(Request("GET", path), lambda content: list(wire_model(content, "ReleaseList").releases))


def release(release_id: str) -> Call[Release]:
    """``GET /v1/releases/{id}``."""
    return Call(Request("GET", f"/v1/releases/{path_segment(release_id)}"), _release)


def quote(dataset: str | None, sql: str, terms: Terms) -> Call[wire.Quote]:
    """``POST /v1/quotes``: costs nothing and touches no data."""
    request = Request("POST", "/v1/quotes", _JSON, _body(dataset, sql, terms))
    return Call(request, lambda content: wire_model(content, "Quote"), sql=sql)


def explain(dataset: str | None, sql: str, terms: Terms) -> Call[str]:
    """``POST /v1/explain``: the plan and its derivation."""
    request = Request("POST", "/v1/explain", _JSON, _body(dataset, sql, terms))
    return Call(request, lambda content: str(wire_model(content, "Explanation").plan), sql=sql)


def query(dataset: str | None, sql: str, terms: Terms, idempotency_key: str | None) -> Call[Release]:
    """``POST /v1/queries``, with a key that makes every repetition the same purchase."""
    key, header = idempotency_header(idempotency_key)
    request = Request("POST", "/v1/queries", {**_JSON, **header}, _body(dataset, sql, terms))
    return Call(request, _release, sql=sql, idempotency_key=key)


_JSON = {"content-type": "application/json"}


def idempotency_header(given: str | None) -> tuple[str, dict[str, str]]:
    """The caller's key, or a new one, and the header that carries it."""
    key = given if given is not None else new_idempotency_key()
    if not key or not key.isascii() or not key.isprintable() or " " in key or len(key) > 255:
        raise InvalidArgument("idempotency_key is 1 to 255 visible ASCII characters, without spaces")
    return key, {"idempotency-key": key}


def new_idempotency_key() -> str:
    """A key that nobody else will use."""
    return os.urandom(16).hex()


def decimal_text(value: Amount, name: str) -> str:
    """ε or δ as the decimal text that is sent; the service judges it.

    >>> decimal_text(0.1, "epsilon"), decimal_text(Decimal("1e-9"), "delta"), decimal_text("0.30", "epsilon")
    ('0.1', '1E-9', '0.30')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, float):  # numpy's float64 too, whose own repr is not a number
        return float.__repr__(value)
    if isinstance(value, Decimal):
        return str(value)
    return str(_integer(value, name))


def _integer(value: object, name: str) -> int:
    if not isinstance(value, bool):
        try:
            number = operator.index(value)  # type: ignore[arg-type]
        except TypeError:
            number = None
        if number is not None and number.bit_length() <= 1024:
            return number
    raise InvalidArgument(f"{name} is a number such as 10, not {type(value).__name__}")


def _number(value: object) -> int | float:
    if isinstance(value, float | Decimal):
        number = float(value)
        if number == number and abs(number) != float("inf"):
            return int(value) if value == int(value) else number
        raise InvalidArgument("max_amount is a finite number")
    return _integer(value, "max_amount")


def path_segment(name: str) -> str:
    """A name or an id as part of a path."""
    if not isinstance(name, str) or not name or name in (".", ".."):
        raise InvalidArgument("a dataset's name or a release's id is a non-empty string")
    return percent_encode(name, safe="")


def _body(dataset: str | None, sql: str, terms: Terms) -> bytes:
    if not dataset:
        raise InvalidArgument("no dataset: pass dataset=…, here or to the client")
    if not isinstance(sql, str) or not sql.strip():
        raise InvalidArgument("no SQL: pass one SELECT as a string")
    try:
        return json.dumps({"dataset": dataset, "sql": sql, **terms.body()}, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise InvalidArgument("the SQL or the dataset's name holds a lone surrogate, which is no text") from None


def base_url(url: str) -> str:
    """The service's URL, checked and without a trailing slash."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  (reading it is the check)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidArgument(
            "url is the service's address, such as http://127.0.0.1:8470 or https://tacit.example.org"
        )
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise InvalidArgument("url holds no user, password, query or fragment: the key is an argument of its own")
    return url.rstrip("/")


def authorization(key: str) -> str:
    """The header that carries an API key; never shows the key when it is malformed."""
    if not isinstance(key, str) or not key or not key.isascii() or not key.isprintable() or " " in key:
        raise InvalidArgument("key is an API key: printable ASCII without spaces, as the owner handed it out")
    return f"Bearer {key}"


def conversation(call: Call[T], retries: int) -> Generator[Request | Pause, Reply | Lost | None, T]:
    """Requests and pauses until there is an answer or an error.

    A lost connection, and a 503 or 429 that says Retry-After, are tried again. The request is byte for byte the same,
    idempotency key included, so the service charges at most once. While it still works on the first copy it says so,
    and is asked again for a while without that counting as a retry.
    """
    failures, waited_s = 0, 0.0
    while True:
        outcome = yield call.request
        if isinstance(outcome, Lost):
            if failures >= retries:
                raise ConnectionFailed(outcome.reason, call.idempotency_key)
            pause_s = _backoff_s(failures)
        elif not isinstance(outcome, Reply):
            raise TypeError("the transport answers a Request with a Reply or Lost")
        elif 200 <= outcome.status < 300:
            return call.read(outcome.content)
        else:
            error = read_error(outcome, call)
            pause_s = _pause_s(error)
            if isinstance(error, InProgress):
                waited_s += pause_s
                failures -= 1
            if pause_s > RETRY_WAIT_S_MAX or waited_s > IN_PROGRESS_WAIT_S_MAX or failures >= retries:
                raise error
        failures += 1
        yield Pause(pause_s)


def _pause_s(error: APIError) -> float:
    """How long to wait before the same request may succeed; infinite when it will not."""
    if isinstance(error, InProgress):
        return error.retry_after_s if error.retry_after_s is not None else _IN_PROGRESS_PAUSE_S
    if error.status not in (429, 503) or error.retry_after_s is None:
        return math.inf
    return error.retry_after_s


def _backoff_s(attempt: int) -> float:
    """Doubling, with jitter so that clients that failed together do not return together."""
    return min(RETRY_WAIT_S_MAX, _BACKOFF_S * 2.0**attempt * random.SystemRandom().uniform(0.5, 1.0))


def read_error(reply: Reply, call: Call[Any]) -> APIError:
    """The exception of an unsuccessful reply; one that is not a problem document maps by its status."""
    try:
        problem = json.loads(reply.content)
    except (ValueError, RecursionError):
        problem = None
    if not isinstance(problem, dict):
        problem = None
    wait_s = _retry_after_s(reply.headers.get("retry-after"))
    return from_problem(reply.status, problem, sql=call.sql, retry_after_s=wait_s, idempotency_key=call.idempotency_key)


def _retry_after_s(value: str | None) -> float | None:
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value[:9])
    import email.utils

    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError):
        return None


def wire_model(content: bytes, model: str) -> Any:
    """A validated model. Members that this version does not know are dropped: a newer service may send more."""
    from pydantic import ValidationError

    from tacit import wire

    kind: type[BaseModel] = getattr(wire, model)
    try:
        return kind.model_validate_json(content, extra="ignore")
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors(include_input=False, include_url=False)[0]["loc"])
        raise ProtocolError(
            f"the answer is no {model} of Tacit's protocol (at {where or 'its start'}): is the URL a Tacit service, "
            "and this client as new as it?"
        ) from None


def _release(content: bytes) -> Release:
    from tacit.release import Release

    return Release(wire_model(content, "Answer"))
