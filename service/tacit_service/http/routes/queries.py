"""Questions: quote, explain, query. One body for all three."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import Response

from tacit import wire
from tacit_service.http import answers, body, examples, negotiate, routing
from tacit_service.http.context import caller, context, planned, question
from tacit_service.http.models import Explanation


async def _read(request: Request) -> wire.QueryRequest:
    limits = context(request).settings
    return await body.read(request, wire.QueryRequest, bytes_max=limits.body_bytes_max, timeout_s=limits.body_timeout_s)


async def quote(request: Request) -> Response:
    """Price, affordability and expected intervals, from public facts alone. Costs nothing and touches no data."""
    asked, who, service = await _read(request), caller(request), context(request).service
    quoted = await planned(request, lambda: service.desk(who, asked.dataset).quote(who.name, asked))
    return routing.json_response(quoted)


async def explain(request: Request) -> Response:
    """The plan and its derivation as text, from public facts alone. Costs nothing."""
    asked, who, service = await _read(request), caller(request), context(request).service
    plan = await planned(request, lambda: service.desk(who, asked.dataset).explain(who.name, asked))
    return routing.json_response(Explanation(dataset=asked.dataset, plan=plan))


async def query(request: Request) -> Response:
    """Charge, run, add noise, record, answer. The charge is durable before data is touched.

    An answer that took data leaves at one of the dataset's response times, which the receipt names.
    With `Idempotency-Key`, the same key and body give the same answer and one charge.
    With `Accept: application/vnd.apache.arrow.stream`, the answer is an Arrow stream; its schema holds the receipt.
    """
    who, service = caller(request), context(request).service
    media = negotiate.choose(request, answers.OFFERED)
    key = negotiate.idempotency_key(request)
    asked = await _read(request)
    await planned(request, lambda: service.desk(who, asked.dataset).check(who.name, asked, key))
    return await answers.respond(
        request, question, lambda: service.desk(who, asked.dataset).query(who.name, asked, key), media
    )


KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[\\x21-\\x7e]+$"},
    "description": "A value of your own for this question: repeated requests charge once",
}


def register(app: FastAPI) -> None:
    """Add the routes."""
    shared = {"body": wire.QueryRequest, "examples": examples.REQUESTS}
    fails = (400, 404, 413, 415, 422)
    routing.add(
        app,
        "POST",
        "/v1/quotes",
        quote,
        summary="What a query would cost, and how exact it would be",
        model=wire.Quote,
        example=examples.QUOTE,
        fails=fails,
        **shared,  # type: ignore[arg-type]
    )
    routing.add(
        app,
        "POST",
        "/v1/explain",
        explain,
        summary="The plan and its derivation",
        model=Explanation,
        example=examples.EXPLANATION,
        fails=fails,
        **shared,  # type: ignore[arg-type]
    )
    routing.add(
        app,
        "POST",
        "/v1/queries",
        query,
        summary="Ask, and be charged",
        model=wire.Answer,
        example=examples.ANSWER,
        headers=[KEY_PARAMETER],
        media=answers.MEDIA,
        fails=(*fails, 406, 409, 504),
        **shared,  # type: ignore[arg-type]
    )
