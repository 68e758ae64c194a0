"""Administration: accounts, keys, history and proof, for owners; auditors read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Final, TypeVar

from fastapi import FastAPI, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from tacit_service.administration import models
from tacit_service.http import body, routing
from tacit_service.http.context import caller, context, lookup, question

Body = TypeVar("Body", bound=BaseModel)
Endpoint = Callable[..., Awaitable[Response]]
Limit = Annotated[int, Query(ge=1, le=500, description="At most so many")]
BODIES: Final = (
    models.Appointment,
    models.StateChange,
    models.Transfer,
    models.PaceChange,
    models.KeyRequest,
    models.Rotation,
    models.Grant,
)


async def _read(request: Request, model: type[Body]) -> Body:
    limits = context(request).settings
    return await body.read(request, model, bytes_max=limits.body_bytes_max, timeout_s=limits.body_timeout_s)


async def analysts(request: Request) -> Response:
    """Analysts with their accounts, what each has spent, and the ids of keys that still open."""
    who, service = caller(request), context(request).service
    found = await lookup(request, lambda: service.office().analysts(who))
    return routing.json_response(models.AnalystList(analysts=found))


async def accounts(request: Request, name: str) -> Response:
    """Every account of a dataset: limit, spent, left, state and pace."""
    who, service = caller(request), context(request).service
    found = await lookup(request, lambda: service.office().accounts.accounts(who, name))
    return routing.json_response(models.AccountList(accounts=found))


async def appoint(request: Request, name: str) -> Response:
    """Give an analyst an account that the policy does not name, or change its ε under the ceiling it began with."""
    asked, who, service = await _read(request, models.Appointment), caller(request), context(request).service
    return routing.json_response(await lookup(request, lambda: service.office().accounts.appoint(who, name, asked)))


async def state(request: Request, name: str) -> Response:
    """Freeze, thaw or close an account, or the dataset itself."""
    asked, who, service = await _read(request, models.StateChange), caller(request), context(request).service
    return routing.json_response(await lookup(request, lambda: service.office().accounts.set_state(who, name, asked)))


async def transfer(request: Request, name: str) -> Response:
    """Move unspent ε from one analyst to another, up to the taker's ceiling."""
    asked, who, service = await _read(request, models.Transfer), caller(request), context(request).service
    moved = await lookup(request, lambda: service.office().accounts.transfer(who, name, asked))
    return routing.json_response(models.AccountList(accounts=moved))


async def pace(request: Request, name: str) -> Response:
    """Let an account spend so much a day or month, under its lifetime limit; or lift that."""
    asked, who, service = await _read(request, models.PaceChange), caller(request), context(request).service
    return routing.json_response(await lookup(request, lambda: service.office().accounts.set_pace(who, name, asked)))


async def history(
    request: Request,
    name: str,
    analyst: Annotated[str | None, Query(min_length=1, max_length=63, description="Only of this analyst")] = None,
    before: Annotated[int | None, Query(ge=1, le=2**53, description="Only before this entry of the journal")] = None,
    limit: Limit = 100,
) -> Response:
    """Charges, newest first: what was asked, what it cost, and what became of it."""
    who, service = caller(request), context(request).service
    found = await lookup(
        request, lambda: service.office().accounts.history(who, name, analyst, limit=limit, before=before)
    )
    return routing.json_response(found)


async def total(
    request: Request,
    name: str,
    analyst: Annotated[str | None, Query(min_length=1, max_length=63, description="Of this analyst")] = None,
) -> Response:
    """What all charges of an account amount to: by its lanes, and as information by one privacy loss distribution."""
    who, service = caller(request), context(request).service
    return routing.json_response(await question(request, lambda: service.office().accounts.total(who, name, analyst)))


async def pending(
    request: Request,
    name: str,
    before: Annotated[int | None, Query(ge=1, le=2**53, description="Only before this entry of the journal")] = None,
    limit: Limit = 100,
) -> Response:
    """Charges that hold budget and have neither a release nor an end."""
    who, service = caller(request), context(request).service
    found = await lookup(
        request,
        lambda: service.office().accounts.history(who, name, limit=limit, before=before, pending_only=True),
    )
    return routing.json_response(found)


async def keys(
    request: Request,
    principal: Annotated[str | None, Query(min_length=1, max_length=63, description="Only of this holder")] = None,
) -> Response:
    """Keys, never their secrets."""
    who, service = caller(request), context(request).service
    found = await lookup(request, lambda: service.office().keys.keys(who, principal))
    return routing.json_response(models.KeyList(keys=found))


async def add_key(request: Request) -> Response:
    """Make a key. Its secret is in this answer and nowhere else."""
    asked, who, service = await _read(request, models.KeyRequest), caller(request), context(request).service
    return routing.json_response(await lookup(request, lambda: service.office().keys.add(who, asked)))


async def rotate(request: Request, key_id: str) -> Response:
    """Replace a key by a new one; the old one opens for so many hours more."""
    asked, who, service = await _read(request, models.Rotation), caller(request), context(request).service
    return routing.json_response(await lookup(request, lambda: service.office().keys.rotate(who, key_id, asked)))


async def grants(request: Request, key_id: str) -> Response:
    """Change the datasets of a key."""
    asked, who, service = await _read(request, models.Grant), caller(request), context(request).service
    return routing.json_response(await lookup(request, lambda: service.office().keys.grant(who, key_id, asked)))


async def revoke(request: Request, key_id: str) -> Response:
    """End a key at once, for good."""
    who, service = caller(request), context(request).service
    return routing.json_response(await lookup(request, lambda: service.office().keys.revoke(who, key_id)))


async def journal(
    request: Request,
    after: Annotated[int, Query(ge=0, le=2**53, description="Entries after this one")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000, description="At most so many")] = 100,
) -> Response:
    """A page of the hash-chained journal, and its head. Takes a key for all datasets."""
    who, service = caller(request), context(request).service
    page = await lookup(request, lambda: service.office().proof.journal(who, after=after, limit=limit))
    return routing.json_response(page)


async def verify(request: Request) -> Response:
    """Derive every hash, price and balance again, from the first entry. Takes a key for all datasets, and a while."""
    who, service = caller(request), context(request).service
    return routing.json_response(await question(request, lambda: service.office().proof.verify(who)))


async def checkpoint(request: Request) -> Response:
    """The journal's head, signed. Takes a key for all datasets."""
    who, service = caller(request), context(request).service
    return routing.json_response(await lookup(request, lambda: service.office().proof.checkpoint(who)))


def register(app: FastAPI) -> None:
    """Add the routes."""
    of = "/v1/admin/datasets/{name}"
    key = "/v1/admin/keys/{key_id}"
    read: tuple[tuple[str, Endpoint, str, type[BaseModel]], ...] = (
        ("/v1/admin/analysts", analysts, "Analysts", models.AnalystList),
        (f"{of}/accounts", accounts, "Accounts of a dataset", models.AccountList),
        (f"{of}/history", history, "Charges of a dataset", models.History),
        (f"{of}/total", total, "The loss so far", models.Total),
        (f"{of}/pending", pending, "Charges without an end", models.History),
        ("/v1/admin/keys", keys, "Keys", models.KeyList),
        ("/v1/admin/journal", journal, "The journal", models.Journal),
        ("/v1/admin/verify", verify, "Verify the ledger", models.Verification),
        ("/v1/admin/checkpoint", checkpoint, "Signed checkpoint", models.Checkpoint),
    )
    for path, endpoint, summary, model in read:
        routing.add(app, "GET", path, endpoint, summary=summary, model=model, fails=(404, 422))
    change: tuple[tuple[str, Endpoint, str, type[BaseModel], type[BaseModel]], ...] = (
        (f"{of}/analysts", appoint, "Give an account", models.Account, models.Appointment),
        (f"{of}/state", state, "Freeze, thaw, close", models.Account, models.StateChange),
        (f"{of}/transfer", transfer, "Transfer", models.AccountList, models.Transfer),
        (f"{of}/pace", pace, "Pace", models.Account, models.PaceChange),
        ("/v1/admin/keys", add_key, "Make a key", models.NewKey, models.KeyRequest),
        (f"{key}/rotate", rotate, "Rotate a key", models.NewKey, models.Rotation),
        (f"{key}/grants", grants, "Change a key's grants", models.Key, models.Grant),
    )
    fails = (400, 404, 409, 413, 415, 422)
    for path, act, summary, answer, asked in change:
        routing.add(app, "POST", path, act, summary=summary, model=answer, body=asked, fails=fails)
    routing.add(app, "POST", f"{key}/revoke", revoke, summary="Revoke a key", model=models.Key, fails=(404,))
