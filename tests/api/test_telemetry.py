"""What the service writes down about a request: enough to run it, nothing of what was asked or answered."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient
from tacit_api_fakes import House, refusal

from tacit_service import telemetry
from tacit_service.http.app import create_app

LITERAL = "canary_literal_31415"


@pytest.fixture
def log_stream() -> Iterator[io.StringIO]:
    root, ours = logging.getLogger(), logging.getLogger("tacit")
    before = (root.handlers[:], root.level, ours.level)
    stream = io.StringIO()
    telemetry.setup("debug", stream)
    yield stream
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])


def lines(stream: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_request_is_one_line_without_sql_values_or_keys(api, house: House, body, log_stream):
    headers = house.headers("ada", **{"Idempotency-Key": f"{LITERAL}-key"})
    answer = api.post("/v1/queries", json={**body, "sql": f"SELECT '{LITERAL}'"}, headers=headers)
    (line,) = lines(log_stream)
    assert line["event"] == "request"
    assert (line["method"], line["route"], line["status"]) == ("POST", "/v1/queries", 200)
    assert (line["principal"], line["request_id"]) == ("ada", answer.headers["x-request-id"])
    text = log_stream.getvalue()
    assert LITERAL not in text
    assert house.keys["ada"][6:] not in text
    assert "4213" not in text


@pytest.mark.parametrize("fault", [RuntimeError(LITERAL), refusal(), KeyError(LITERAL)])
def test_a_failure_is_logged_by_code_and_place(api, house: House, body, log_stream, fault):
    house.clinic.raises = fault
    try:
        raise ValueError(LITERAL)
    except ValueError as cause:
        fault.__cause__ = cause
    api.post("/v1/queries", json={**body, "sql": f"SELECT '{LITERAL}'"}, headers=house.headers("ada"))
    assert LITERAL not in log_stream.getvalue()
    last = lines(log_stream)[-1]
    assert last["code"] == ("epsilon_too_large" if fault.args == refusal().args else "internal")
    if last["code"] == "internal":
        first = lines(log_stream)[0]
        assert (first["event"], first["error"]) == ("fault", type(fault).__name__)
        assert any(place.startswith("tacit_service.") for place in first["where"])


def test_an_unknown_path_is_not_logged_as_sent(api, log_stream):
    api.get(f"/{LITERAL}")
    assert lines(log_stream)[0]["route"] == "unrouted"
    assert LITERAL not in log_stream.getvalue()


def test_lines_of_other_libraries_lose_their_text(log_stream):
    logging.getLogger("somewhere.else").error("row %s", LITERAL)
    logging.getLogger("uvicorn.error").error("Invalid %s", LITERAL)
    try:
        raise ValueError(LITERAL)
    except ValueError:
        logging.getLogger("somewhere").exception(LITERAL)
    assert LITERAL not in log_stream.getvalue()
    assert [line["event"] for line in lines(log_stream)] == ["library"] * 3
    assert lines(log_stream)[1]["message"] == "Invalid %s"
    assert lines(log_stream)[2]["error"] == "ValueError"


def test_a_field_that_is_not_on_the_list_is_an_error():
    with pytest.raises(ValueError, match="not on the list"):
        telemetry.log("request", sql=LITERAL)


def test_metrics_count_routes_and_codes_and_hold_no_names(house: House, body):
    house.settings = house.settings.model_copy(update={"metrics_public": True})
    with TestClient(create_app(house.service, house.settings)) as api:
        api.post("/v1/queries", json={**body, "sql": f"SELECT '{LITERAL}'"}, headers=house.headers("ada"))
        house.clinic.raises = refusal()
        api.post("/v1/queries", json=body, headers=house.headers("ada"))
        api.get(f"/{LITERAL}")
        api.request(LITERAL, "/v1/me")
        text = api.get("/metrics").text
    assert 'tacit_http_requests_total{method="POST",route="/v1/queries",status="200"} 1.0' in text
    assert 'tacit_http_requests_total{method="POST",route="/v1/queries",status="422"} 1.0' in text
    assert 'tacit_problems_total{code="epsilon_too_large"} 1.0' in text
    assert 'tacit_http_request_seconds_bucket{le="0.1",route="/v1/queries"}' in text
    assert "tacit_ledger_healthy 1.0" in text
    for secret in (LITERAL, "ada", "clinic"):
        assert secret not in text


def test_metrics_need_a_watchers_key_by_default(api, house: House):
    assert api.get("/metrics").status_code == 401
    assert api.get("/metrics", headers=house.headers("ada")).status_code == 403
    assert api.get("/metrics", headers=house.headers("owner")).status_code == 200
