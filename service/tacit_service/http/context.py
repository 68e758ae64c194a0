"""What every route needs: the service, the settings, the lanes, the metrics; and who is calling."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar, cast

from fastapi import Request

from tacit_service.access.gatekeeper import Principal
from tacit_service.assembly import Service
from tacit_service.http.lanes import Lane
from tacit_service.http.problems import EdgeError
from tacit_service.http.rates import Rates
from tacit_service.settings import Settings
from tacit_service.telemetry import Metrics

T = TypeVar("T")

QUERIES: Final = "/v1/queries"
FREE: Final = ("/v1/quotes", "/v1/explain")
"""Paths whose answers are planned only."""


@dataclass(slots=True)
class Context:
    """Made once with the application, kept on ``app.state``."""

    service: Service
    settings: Settings
    metrics: Metrics
    plans: Lane
    questions: Lane
    lookups: Lane
    rates: Rates
    closing: threading.Event = field(default_factory=threading.Event)
    """Set when the server begins to stop: what would go on for long ends."""
    streams: int = 0

    def check_room(self, path: str, caller: str | None = None) -> None:
        """``Overloaded`` where a question to this path would be shed in its lane: asked before its body is read."""
        if path in FREE or path == QUERIES:
            self.plans.check_room(caller)
        if path not in FREE:
            self.questions.check_room(caller)

    @classmethod
    def make(cls, service: Service, settings: Settings) -> Context:
        """The context of one application."""
        metrics = Metrics()

        def lane(name: str, workers: int, queue: int, *, short: bool = False) -> Lane:
            again_s = settings.retry_after_s
            return Lane(name, workers=workers, queue=queue, retry_after_s=again_s, metrics=metrics, short=short)

        return cls(
            service,
            settings,
            metrics,
            plans=lane("plans", settings.parsers, settings.queue, short=True),
            questions=lane("questions", settings.workers, settings.queue),
            lookups=lane("lookups", settings.lookup_workers, settings.lookup_queue),
            rates=Rates(settings.rate_per_minute, settings.rate_burst),
        )


def context(request: Request) -> Context:
    """The application's context."""
    return cast(Context, request.app.state.context)


def caller(request: Request) -> Principal:
    """Who is calling, as the route's guard established."""
    return cast(Principal, request.state.principal)


async def planned(request: Request, work: Callable[[], T]) -> T:
    """Run what is decided by the SQL and public facts: quotes and refusals, which do not wait for anybody's answers."""
    return await context(request).plans.run(work, caller(request).name, partial(_present, request))


async def question(request: Request, work: Callable[[], T]) -> T:
    """Run what touches the engine or the charge."""
    return await context(request).questions.run(work, caller(request).name, partial(_present, request))


async def _present(request: Request) -> None:
    """Raises when the client left while the question waited: nobody would read an answer, so nothing is charged for one."""
    if await request.is_disconnected():
        raise EdgeError("request_timeout", "The client left before its question was begun. Nothing was run or charged.")


async def lookup(request: Request, work: Callable[[], T]) -> T:
    """Run what only reads the directory, the ledger or public facts."""
    return await context(request).lookups.run(work)
