"""What every route needs: the service, the settings, the lanes, the metrics; and who is calling."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar, cast

from fastapi import Request

from tacit_service.access.gatekeeper import Principal
from tacit_service.assembly import Service
from tacit_service.http.lanes import Lane
from tacit_service.http.rates import Rates
from tacit_service.settings import Settings
from tacit_service.telemetry import Metrics

T = TypeVar("T")


@dataclass(slots=True)
class Context:
    """Made once with the application, kept on ``app.state``."""

    service: Service
    settings: Settings
    metrics: Metrics
    questions: Lane
    lookups: Lane
    rates: Rates
    closing: threading.Event = field(default_factory=threading.Event)
    """Set when the server begins to stop: what would go on for long ends."""
    streams: int = 0

    @classmethod
    def make(cls, service: Service, settings: Settings) -> Context:
        """The context of one application."""
        metrics = Metrics()
        return cls(
            service,
            settings,
            metrics,
            questions=Lane(
                "questions",
                workers=settings.workers,
                queue=settings.queue,
                retry_after_s=settings.retry_after_s,
                metrics=metrics,
            ),
            lookups=Lane(
                "lookups",
                workers=settings.lookup_workers,
                queue=settings.lookup_queue,
                retry_after_s=settings.retry_after_s,
                metrics=metrics,
            ),
            rates=Rates(settings.rate_per_minute, settings.rate_burst),
        )


def context(request: Request) -> Context:
    """The application's context."""
    return cast(Context, request.app.state.context)


def caller(request: Request) -> Principal:
    """Who is calling, as the route's guard established."""
    return cast(Principal, request.state.principal)


async def question(request: Request, work: Callable[[], T]) -> T:
    """Run what touches the planner, the engine or the charge."""
    return await context(request).questions.run(work, caller(request).name)


async def lookup(request: Request, work: Callable[[], T]) -> T:
    """Run what only reads the directory, the ledger or public facts."""
    return await context(request).lookups.run(work)
