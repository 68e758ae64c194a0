"""Logs and metrics that never hold SQL, values, noise or keys.

A log line is one JSON object whose fields are on a list; a field that is not raises, so that no caller can widen what
is logged by accident. Lines of other libraries keep their logger's name, level and place, and lose their text: a
library may format a value into it. Metrics carry route templates and stable codes, never a path or a name as sent.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import sys
import traceback
from typing import Any, Final, TextIO

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

FIELDS: Final = frozenset(
    {
        "request_id",
        "method",
        "route",
        "status",
        "code",
        "duration_ms",
        "bytes_out",
        "principal",
        "role",
        "key_id",
        "dataset",
        "datasets",
        "state",
        "host",
        "port",
        "signal",
        "error",
        "where",
        "reason",
    }
)
LATENCY_BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6)
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_LOGGER: Final = logging.getLogger("tacit")
# uvicorn's own lines about its life cycle hold no request data, as long as their arguments are left out.
_TEMPLATES_FROM: Final = ("uvicorn.error",)


class JsonFormatter(logging.Formatter):
    """One JSON object a line. Never formats arguments, never prints an exception's text or source lines."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        when = dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {"ts": when, "level": record.levelname.lower(), "logger": record.name}
        if record.name == _LOGGER.name:
            line["event"] = record.msg
            line.update(getattr(record, "tacit_fields", {}))
        else:
            line["event"] = "library"
            line["where"] = f"{record.module}:{record.lineno}"
            if record.name in _TEMPLATES_FROM and isinstance(record.msg, str):
                line["message"] = record.msg.strip()
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = type(record.exc_info[1]).__name__
            line["where"] = places(record.exc_info[1])
        return json.dumps(line, ensure_ascii=True, default=lambda value: type(value).__name__)


def places(error: BaseException) -> list[str]:
    """Where an exception came through, as ``module:line``, innermost last; no source text, no values."""
    frames = traceback.walk_tb(error.__traceback__)
    return [f"{frame.f_globals.get('__name__', '?')}:{line}" for frame, line in frames][-12:]


def setup(level: str = "info", stream: TextIO | None = None) -> None:
    """Send every log line of the process through ``JsonFormatter`` to ``stream`` (standard error)."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    _LOGGER.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)  # handlers of its own would write what the formatter here withholds
        logger.handlers.clear()
        logger.propagate = True
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)


def log(event: str, *, level: int = logging.INFO, **fields: Any) -> None:
    """Log one event; ``ValueError`` for a field that is not on the list."""
    unknown = fields.keys() - FIELDS
    if unknown:
        raise ValueError(f"log field not on the list: {sorted(unknown)}")
    if _LOGGER.isEnabledFor(level):
        present = {name: value for name, value in fields.items() if value is not None}
        _LOGGER.log(level, event, extra={"tacit_fields": present})


class Metrics:
    """The service's Prometheus metrics, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "tacit_http_requests", "Requests answered", ["method", "route", "status"], registry=self.registry
        )
        self.latency = Histogram(
            "tacit_http_request_seconds",
            "Time from headers read to answer written",
            ["route"],
            buckets=LATENCY_BUCKETS_S,
            registry=self.registry,
        )
        self.problems = Counter("tacit_problems", "Problems answered, by stable code", ["code"], registry=self.registry)
        self.in_flight = Gauge("tacit_http_in_flight", "Requests being answered", registry=self.registry)
        self.shed = Counter("tacit_shed", "Requests refused for overload, by lane", ["lane"], registry=self.registry)
        self.ready = Gauge("tacit_ready", "1 when every dataset is open", registry=self.registry)
        self.ledger_healthy = Gauge("tacit_ledger_healthy", "1 when the ledger is healthy", registry=self.registry)

    def render(self) -> bytes:
        """The text exposition."""
        return generate_latest(self.registry)
