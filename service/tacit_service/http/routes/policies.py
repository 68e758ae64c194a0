"""Policies, for their owners: the one that is served, a draft read line by line, and a draft rehearsed on made-up rows.

Nothing here reads protected data. Comparing a policy with the data reads them exactly, so that it belongs on the machine
that holds them: ``tacit-service policy check``.
"""

from __future__ import annotations

from typing import Final, TypeVar

from fastapi import FastAPI, Request
from fastapi.responses import Response
from pydantic import BaseModel

from tacit_service.http import body, routing
from tacit_service.http.context import caller, context, lookup, question
from tacit_service.rehearsal import models

Body = TypeVar("Body", bound=BaseModel)
BODIES: Final = (models.PolicyDraft, models.RehearsalRequest)


async def _read(request: Request, model: type[Body]) -> Body:
    limits = context(request).settings
    return await body.read(request, model, bytes_max=limits.body_bytes_max, timeout_s=limits.body_timeout_s)


def _reading(text: str) -> models.PolicyReading:
    from tacit_service.rehearsal.rehearse import (
        read,
    )  # heavy rooms are loaded by the desks; not before /healthz answers

    return read(text)


def _rehearsal(asked: models.RehearsalRequest) -> models.Rehearsal:
    from tacit_service.rehearsal.rehearse import rehearse

    return rehearse(asked)


async def policy(request: Request, name: str) -> Response:
    """The policy of a dataset as the service read it, with what each line lets an analyst ask."""
    who, service = caller(request), context(request).service
    return routing.json_response(await lookup(request, lambda: _reading(service.policy_text(who, name))))


async def check(request: Request) -> Response:
    """Read a draft line by line: errors with their fixes, or what each line lets an analyst ask. Reads no data."""
    asked = await _read(request, models.PolicyDraft)
    return routing.json_response(await lookup(request, lambda: _reading(asked.policy)))


async def rehearsal(request: Request) -> Response:
    """Rehearse a draft on made-up rows: the error of typical questions at several prices, and how many fit a year.

    The rows are made from the draft's own bounds and categories; no protected row is read. Takes some seconds.
    """
    asked = await _read(request, models.RehearsalRequest)
    return routing.json_response(await question(request, lambda: _rehearsal(asked)))


def register(app: FastAPI) -> None:
    """Add the routes."""
    routing.add(
        app, "GET", "/v1/admin/datasets/{name}/policy", policy, summary="The policy served",
        model=models.PolicyReading, fails=(404,),
    )  # fmt: skip
    fails = (400, 413, 415, 422)
    routing.add(
        app, "POST", "/v1/admin/policies/check", check, summary="Read a draft", model=models.PolicyReading,
        body=models.PolicyDraft, fails=fails,
    )  # fmt: skip
    routing.add(
        app, "POST", "/v1/admin/policies/rehearsal", rehearsal, summary="Rehearse a draft", model=models.Rehearsal,
        body=models.RehearsalRequest, fails=fails,
    )  # fmt: skip
