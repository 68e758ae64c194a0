"""What answers look like: JSON, Arrow, problems, headers, OpenAPI."""

from __future__ import annotations

import ast
import asyncio
import inspect
import io
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import BaseModel
from starlette.testclient import TestClient
from tacit_api_fakes import FakeDesk, House, refusal

from tacit import wire
from tacit_service import errors
from tacit_service.errors import (
    BudgetExhausted,
    Conflict,
    EngineFailure,
    LedgerUnavailable,
    Overloaded,
    PolicyError,
    TacitError,
)
from tacit_service.http import answers, arrow, examples, models
from tacit_service.http.app import create_app
from tacit_service.http.catalogue import CATALOGUE
from tacit_service.http.problems import EdgeError, status_of
from tacit_service.release import bulk

SERVICE = Path(errors.__file__).parent
ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"


def codes_raised() -> Iterator[tuple[str, str]]:
    """Code and class of every ``SomeError("code", …)`` in the service that HTTP may have to answer."""
    classes = {name for name, value in vars(errors).items() if inspect.isclass(value)} | {"EdgeError"}
    classes -= {"PolicyError", "TacitError"}  # the owner's files, and our own invariants, which become "internal"
    for path in SERVICE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and getattr(node.func, "id", "") in classes:
                texts = [part.value for part in ast.walk(node.args[0]) if isinstance(part, ast.Constant)]
                yield from ((text, node.func.id) for text in texts if isinstance(text, str) and text.isidentifier())


def ask(api, house: House, body, path="/v1/queries", **headers):
    return api.post(path, json=body, headers=house.headers("ada", **headers))


def test_the_three_questions_answer_their_wire_models(api, house: House, body):
    assert wire.Quote.model_validate(ask(api, house, body, "/v1/quotes").json()).affordable
    assert wire.Answer.model_validate(ask(api, house, body).json()) == house.clinic.answer
    assert ask(api, house, body, "/v1/explain").json() == {
        "dataset": "clinic",
        "plan": "r1: COUNT(*) of patients by region",
    }


def test_a_number_that_is_not_finite_is_null_in_json(api, house: House, body):
    answer = house.clinic.answer
    house.clinic.answer = answer.model_copy(
        update={"rows": [["north", float("inf")]], "intervals": [[None, [float("-inf"), float("nan")]]]}
    )
    got = json.loads(ask(api, house, body).text, parse_constant=pytest.fail)
    assert (got["rows"], got["intervals"]) == ([["north", None]], [[None, [None, None]]])


def test_an_answer_of_very_many_rows_is_sent_part_by_part_and_says_the_same(api, house: House, body):
    rows = 70_001
    few = house.clinic.answer
    counts, half = np.arange(rows), np.full(rows, 2.0)
    found = bulk.Bulk.of(pa.table({"region": counts.astype(str), "n": counts}), {1: (counts - half, counts + half)})
    house.clinic.answer = bulk.with_bulk(few, found)
    got = ask(api, house, body)
    assert "content-length" not in got.headers
    answer = wire.Answer.model_validate(got.json())
    assert (len(answer.rows), answer.rows[-1], answer.intervals[7]) == (rows, ["70000", 70_000], [None, [5.0, 9.0]])
    assert answer.receipt == few.receipt
    stream = pa.ipc.open_stream(ask(api, house, body, Accept=ARROW).content)
    table = stream.read_all()
    assert table.schema.names == ["region", "n", "n__low", "n__high"]
    assert table.column("n__high").to_pylist()[-1] == 70_002.0
    assert json.loads(table.schema.metadata[b"tacit.receipt"]) == json.loads(few.receipt.model_dump_json())
    parquet = pq.read_table(io.BytesIO(ask(api, house, body, Accept=PARQUET).content))
    assert parquet.num_rows == rows


def test_arrow_has_types_intervals_and_the_receipt(api, house: House, body):
    response = ask(api, house, body, Accept=ARROW)
    assert response.headers["content-type"] == ARROW
    table = pa.ipc.open_stream(response.content).read_all()
    assert table.to_pydict() == {
        "region": ["north", "south"],
        "n": [4213, 3987],
        "n__low": [4183.0, 3957.0],
        "n__high": [4243.0, 4017.0],
    }
    assert [str(f.type) for f in table.schema] == ["string", "int64", "double", "double"]
    metadata = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    assert wire.Receipt.model_validate_json(metadata["tacit.receipt"]) == house.clinic.answer.receipt
    assert metadata["tacit.release_id"] == house.clinic.answer.release_id
    assert [c["kind"] for c in json.loads(metadata["tacit.columns"])] == ["key", "noisy"]
    again = api.get(f"/v1/releases/{metadata['tacit.release_id']}", headers=house.headers("ada") | {"Accept": ARROW})
    assert (again.headers["content-type"], again.content) == (ARROW, response.content)


def test_parquet_is_the_same_table_with_the_receipt(api, house: House, body):
    stream = pa.ipc.open_stream(ask(api, house, body, Accept=ARROW).content).read_all()
    response = ask(api, house, body, Accept=PARQUET)
    assert response.headers["content-type"] == PARQUET
    table = pq.read_table(pa.BufferReader(response.content))
    assert table.equals(stream)
    assert table.schema.metadata[b"tacit.receipt"] == stream.schema.metadata[b"tacit.receipt"]


def test_arrow_of_every_cell_type_and_of_no_rows():
    kinds = ["integer", "number", "string", "boolean", "date", "timestamp", "null"]
    row = [2**63 - 1, 0.5, "é", True, "2026-11-22", "2026-11-22T20:15:00.000001", None]
    answer = FakeDesk().answer.model_copy(
        update={
            "columns": [wire.ColumnInfo(name=kind, type=kind, kind="key") for kind in kinds],
            "rows": [row, [None] * len(row)],
            "intervals": [[None] * len(row)] * 2,
        }
    )
    table = pa.ipc.open_stream(arrow.encode(answer)).read_all()
    assert [str(t) for t in table.schema.types] == [
        "int64", "double", "string", "bool", "date32[day]", "timestamp[us]", "null",
    ]  # fmt: skip
    first = table.to_pylist()[0]
    assert (first["integer"], str(first["date"]), first["timestamp"].microsecond) == (2**63 - 1, "2026-11-22", 1)
    assert (
        pa.ipc.open_stream(arrow.encode(answer.model_copy(update={"rows": [], "intervals": []}))).read_all().num_rows
        == 0
    )
    wide = answer.model_copy(update={"rows": [[2**70, *row[1:]]], "intervals": [[None] * len(row)]})
    assert pa.ipc.open_stream(arrow.encode(wide)).read_all()["integer"].to_pylist() == [float(2**70)]


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("application/json", "application/json"),
        (ARROW, ARROW),
        (f"{ARROW}, application/json;q=0.5", ARROW),
        (f"{ARROW};q=0.2, application/json;q=0.5", "application/json"),
        (f"{ARROW}, */*;q=0.1", ARROW),
        (f"application/json;q=0, {ARROW}", ARROW),
        (f"text/html, {ARROW};q=0.9", ARROW),
    ],
)
def test_accept_chooses(api, house: House, body, accept, media):
    assert ask(api, house, body, Accept=accept).headers["content-type"] == media


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "image/*", "," + "a/b," * 1000])
def test_an_accept_that_nothing_fits_is_406_before_anything_is_charged(api, house: House, body, accept):
    answer = ask(api, house, body, Accept=accept)
    assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")
    assert house.clinic.asked == []


def test_a_refusal_explains_itself(api, house: House, body):
    house.clinic.raises = refusal()
    answer = ask(api, house, body)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "/v1/problems/epsilon_too_large",
        "title": "Parameter refused",
        "status": 422,
        "detail": "One query may ask at most 1.",
        "code": "epsilon_too_large",
        "hint": "Ask for epsilon 1 or less.",
        "rule": "per_query",
        "suggestion": "SELECT 1",
        "position": {"line": 1, "column": 8, "start": 7, "end": 12},
    }
    assert wire.Problem.model_validate(answer.json()).code == "epsilon_too_large"


def test_an_exhausted_budget_says_what_is_left(api, house: House, body):
    left = {"epsilon": "0.05", "delta": "0"}
    house.clinic.raises = BudgetExhausted("budget_exhausted", "The price does not fit.", remaining=left)
    answer = ask(api, house, body)
    assert (answer.status_code, answer.json()["remaining"]) == (403, left)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Conflict("idempotency_conflict", "Used."), 409),
        (EngineFailure("engine_failed", "x", row="4711"), 500),
        (EngineFailure("engine_timeout", "x", row="4711"), 504),
        (LedgerUnavailable("ledger_unavailable", "x", path="4711"), 503),
        (Overloaded("overloaded", "x"), 503),
        (PolicyError("policy_invalid", "x", file="4711", line=3), 500),
        (TacitError("internal_error", "4711"), 500),
        (RuntimeError("4711"), 500),
        (ZeroDivisionError("4711"), 500),
    ],
)
def test_faults_say_their_code_and_nothing_else(api, house: House, body, error, status):
    house.clinic.raises = error
    answer = ask(api, house, body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert "4711" not in answer.text
    assert answer.json()["code"] in CATALOGUE
    if status == 503:
        assert int(answer.headers["retry-after"]) > 0
    if isinstance(error, RuntimeError):
        assert answer.json()["incident"] == answer.headers["x-request-id"]


def test_the_catalogue_has_every_code_that_the_service_raises():
    raised = dict(codes_raised())
    assert len(raised) > 40
    assert set(raised) - set(CATALOGUE) == set()
    for code, name in raised.items():
        error = EdgeError(code, "") if name == "EdgeError" else getattr(errors, name)(code, "")
        assert CATALOGUE[code][0] == status_of(error), code


def test_the_type_of_a_problem_answers(api, house: House, body):
    kind = api.get("/v1/nothing").json()["type"]
    page = api.get(kind).json()
    assert (page["code"], page["status"], page["charged"]) == ("not_found", 404, False)
    assert api.get("/v1/problems/no_such_code").status_code == 404
    assert {p["code"] for p in api.get("/v1/problems").json()["problems"]} == set(CATALOGUE)


@pytest.mark.parametrize(
    "path",
    ["/console", "/v1", "/v1/queries/", "/v2/queries", "/docs", "/redoc", "/openapi.json", "/v1/../etc/passwd", "/%00"],
)
def test_an_unknown_path_is_a_problem(api, path):
    answer = api.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("query", ["limit=0", "limit=1e9", "limit=x", "dataset=" + "a" * 64])
def test_query_parameters_are_checked_and_not_echoed(api, house: House, query):
    answer = api.get(f"/v1/releases?{query}", headers=house.headers("ada"))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "aaaa" not in answer.text
    assert "1e9" not in answer.text


def test_every_response_carries_the_security_headers(api, house: House, body):
    house.shop.raises = RuntimeError("x")
    responses = [
        ask(api, house, body),
        api.get("/v1/me"),
        api.get("/nowhere"),
        api.get("/healthz"),
        api.post("/v1/queries", json={**body, "dataset": "shop"}, headers=house.headers("ben")),
    ]
    assert [r.status_code for r in responses] == [200, 401, 404, 200, 500]
    for response in responses:
        headers = response.headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-frame-options"] == "DENY"
        assert "server" not in headers


def test_cors_is_closed(api, house: House, body):
    answer = ask(api, house, body, Origin="https://elsewhere.example")
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    preflight = api.options(
        "/v1/queries", headers={"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    )
    assert preflight.status_code == 405


EXAMPLES: list[tuple[type[BaseModel], object]] = [
    (wire.Quote, examples.QUOTE),
    (wire.Answer, examples.ANSWER),
    (wire.DatasetList, examples.DATASETS),
    (wire.DatasetFacts, examples.FACTS),
    (wire.Budget, examples.BUDGET),
    (models.Explanation, examples.EXPLANATION),
    (models.ReleaseList, examples.RELEASES),
    (models.Me, examples.ME),
    *((wire.QueryRequest, example["value"]) for example in examples.REQUESTS.values()),
]


@pytest.mark.parametrize(("model", "example"), EXAMPLES)
def test_examples_are_what_they_show(model, example):
    assert model.model_validate(example)


def test_openapi_is_whole(api):
    document = api.get("/v1/openapi.json").json()
    schemas = document["components"]["schemas"]
    refs = [line.split('"')[0] for line in json.dumps(document).split('"#/components/schemas/')[1:]]
    assert set(refs) <= set(schemas)
    assert "HTTPValidationError" not in schemas
    query = document["paths"]["/v1/queries"]["post"]
    assert query["security"] == [{"bearer": []}]
    assert set(query["requestBody"]["content"]["application/json"]["examples"]) == set(examples.REQUESTS)
    assert set(query["responses"]["200"]["content"]) == {"application/json", ARROW, PARQUET}
    shown = query["responses"]["200"]["content"]["application/json"]["example"]
    assert wire.Answer.model_validate(shown) == wire.Answer.model_validate(examples.ANSWER)
    for status, response in query["responses"].items():
        if status != "200":
            assert list(response["content"]) == ["application/problem+json"]
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["summary"], path
            assert operation["operationId"], path


# -- when it may leave


def with_step(answer: wire.Answer, step_ms: int | None) -> wire.Answer:
    return answer.model_copy(update={"receipt": answer.receipt.model_copy(update={"response_ms": step_ms})})


@pytest.mark.parametrize("accept", ["application/json", "application/vnd.apache.arrow.stream"])
def test_an_answer_leaves_at_its_step_and_holds_no_worker(house, body, accept, monkeypatch):
    house, gate, real = type(house)(workers=1, queue=0), threading.Event(), answers._until

    async def until(started_s: float, step_ms: int | None) -> None:
        while step_ms is not None and not gate.is_set():
            await asyncio.sleep(0.01)
        await real(started_s, step_ms)

    monkeypatch.setattr(answers, "_until", until)
    house.clinic.answer = with_step(house.clinic.answer, 300)
    with TestClient(create_app(house.service, house.settings)) as api, ThreadPoolExecutor(1) as pool:
        begun = time.monotonic()
        held = pool.submit(api.post, "/v1/queries", json=body, headers=house.headers("ada", Accept=accept))
        assert house.clinic.entered.acquire(timeout=60)
        shop, deadline = body | {"dataset": "shop"}, begun + 60
        while (other := api.post("/v1/queries", json=shop, headers=house.headers("ben"))).status_code == 503:
            assert time.monotonic() < deadline, "the one worker is free while the answer waits"
            time.sleep(0.05)
        assert other.status_code == 200
        assert not held.done()
        gate.set()
        assert held.result(timeout=60).status_code == 200
        assert time.monotonic() - begun >= 0.3


def test_a_failure_after_its_charge_leaves_at_a_step_too(house, api, body):
    house.clinic.raises = EngineFailure("engine_failed", "The engine could not finish this query.", response_ms=300)
    begun = time.monotonic()
    refused = api.post("/v1/queries", json=body, headers=house.headers("ada"))
    assert (refused.status_code, refused.json()["code"]) == (500, "engine_failed")
    assert "response_ms" not in refused.json()
    assert time.monotonic() - begun >= 0.3
