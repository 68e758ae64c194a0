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
    training_results,
)


def register(app: FastAPI) -> None:
    """Add every route to ``app``."""
    rooms = (queries, datasets, budget, releases, training, training_results, me, admin, policies, problems, system)
    for room in (*rooms, console):
        room.register(app)
