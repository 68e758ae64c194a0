"""All routes of the service, in the order of the documentation."""

from __future__ import annotations

from fastapi import FastAPI

from tacit_service.http.routes import (
    admin,
    budget,
    console,
    datasets,
    me,
    policies,
    problems,
    queries,
    releases,
    system,
    training,
)


def register(app: FastAPI) -> None:
    """Add every route to ``app``."""
    for room in (queries, datasets, budget, releases, training, me, admin, policies, problems, system, console):
        room.register(app)
