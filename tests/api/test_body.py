"""What may be in a request body, and what every other thing gets back."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.testclient import TestClient
from tacit_api_fakes import House

from tacit import wire
from tacit_service.http import body as body_module
from tacit_service.http.app import create_app
from tacit_service.http.problems import EdgeError

SECRET = "s3cr3t_Lit3ral"
MEMBERS = st.sampled_from(list(wire.QueryRequest.model_fields))
ANY_HOUSE = House()
ANY_BODY = TestClient(create_app(ANY_HOUSE.service, ANY_HOUSE.settings), raise_server_exceptions=False)


def post(api, house, raw: bytes | str, path: str = "/v1/queries", **headers: str):
    raw = raw.encode() if isinstance(raw, str) else raw
    return api.post(path, content=raw, headers={**house.headers("ada"), "Content-Type": "application/json", **headers})


def with_epsilon(text: str) -> str:
    return f'{{"dataset": "clinic", "sql": "SELECT 1", "epsilon": {text}}}'


@pytest.mark.parametrize(
    ("written", "arrives"),
    [
        ("0.1", "0.1"),
        ('"0.1"', "0.1"),
        ("0.10", "0.10"),
        ("0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"),
        ("1", "1"),
        ("0", "0"),
        ("-1", "-1"),
        ("1e400", "1e400"),
        ("1e-400", "1e-400"),
        ("1E2", "1E2"),
        ('"NaN"', "NaN"),
        ("null", None),
    ],
)
def test_epsilon_arrives_as_it_was_written(api, house: House, written, arrives):
    assert post(api, house, with_epsilon(written)).status_code == 200
    (_, analyst, request, key) = house.clinic.asked[0]
    assert (analyst, request.epsilon, key) == ("ada", arrives, None)


@pytest.mark.parametrize("written", ["true", "false", "[0.1]", '{"a": 1}'])
def test_epsilon_is_a_number_or_a_string(api, house: House, written):
    answer = post(api, house, with_epsilon(written))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["fields"] == [
        {"field": "epsilon", "reason": 'Write a decimal, as a string such as "0.1" or a number.'}
    ]
    assert house.clinic.asked == []


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "{",
        "nul",
        "{'sql': 1}",
        with_epsilon("NaN"),
        with_epsilon("Infinity"),
        with_epsilon("-Infinity"),
        with_epsilon("0.1,"),
        with_epsilon("01"),
        with_epsilon("+1"),
        with_epsilon("1" * 5000),
        with_epsilon('0.1, "epsilon": 0.2'),
        '{"dataset": "clinic", "sql": "SELECT 1", "max_amount": 1e400}',
        b'{"dataset": "\xff", "sql": "SELECT 1"}',
        "[" * 30_000,
        '{"dataset": ' + "[" * 20 + "]" * 20 + "}",
        b"\xef\xbb\xbf{}",
    ],
)
def test_what_is_not_strict_json_is_400(api, house: House, raw):
    answer = post(api, house, raw)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_json")
    assert house.clinic.asked == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"dataset": None}, "dataset"),
        ({"dataset": 7}, "dataset"),
        ({"dataset": ""}, "dataset"),
        ({"dataset": SECRET * 20}, "dataset"),
        ({"sql": 0.5}, "sql"),
        ({"sql": SECRET * 2000}, "sql"),
        ({"sql": [SECRET]}, "sql"),
        ({"sql": "\ud800"}, "sql"),
        ({"max_rows": SECRET}, "max_rows"),
        ({"max_rows": 1.5}, "max_rows"),
        ({"max_rows": True}, "max_rows"),
        ({"max_rows": 0}, "max_rows"),
        ({"max_rows": 10**18}, "max_rows"),
        ({"max_groups": -1}, "max_groups"),
        ({"max_amount": 0}, "max_amount"),
        ({"max_amount": "5"}, "max_amount"),
        ({"delta": True}, "delta"),
        ({"fresh": SECRET}, "fresh"),
        ({"fresh": 1}, "fresh"),
        ({"bias_check": "yes"}, "bias_check"),
        ({"approx_bounds": 0.0}, "approx_bounds"),
        ({"limit": SECRET}, "limit"),
        ({"<script>": SECRET}, "body"),
        ({"\ud800": SECRET}, "body"),
    ],
)
def test_a_member_that_does_not_fit_is_named_and_not_echoed(api, house: House, body, change, field):
    answer = post(api, house, json.dumps({**body, **change}))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["fields"][0]["field"] == field
    assert SECRET not in answer.text
    assert "<script>" not in answer.text
    assert house.clinic.asked == []


@pytest.mark.parametrize("raw", ["null", "[]", '"x"', "7", "true"])
def test_the_body_is_an_object(api, house: House, raw):
    assert post(api, house, raw).json()["code"] == "invalid_request"


@pytest.mark.parametrize(
    "media",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "json", "application/json, text/plain",
     "application/json; charset=utf-16", "application/json; a=b; Charset=\"latin-1\""],
)  # fmt: skip
def test_the_body_is_json_by_its_type(api, house: House, media):
    answer = post(api, house, with_epsilon("0.1"), **{"Content-Type": media})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_json_with_a_charset_is_json_and_compressed_is_not(api, house: House):
    assert post(api, house, with_epsilon("1"), **{"Content-Type": "Application/JSON; charset=utf-8"}).status_code == 200
    assert post(api, house, with_epsilon("1"), **{"Content-Encoding": "gzip"}).status_code == 415


def test_a_body_has_one_type(api, house: House):
    twice = [*house.headers("ada").items(), ("Content-Type", "application/json"), ("Content-Type", "text/plain")]
    answer = api.post("/v1/quotes", content=with_epsilon("1"), headers=twice)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("path", ["/v1/queries", "/v1/quotes", "/v1/explain"])
def test_a_body_past_the_limit_is_413(api, house: House, path):
    limit = house.settings.body_bytes_max
    fits = with_epsilon("1")
    assert post(api, house, fits + " " * (limit - len(fits)), path).status_code == 200
    answer = post(api, house, fits + " " * (limit - len(fits) + 1), path)
    assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")


def test_a_body_in_chunks_is_counted_as_it_comes(api, house: House):
    def chunks():
        for _ in range(100):
            yield b" " * 1024

    answer = api.post(
        "/v1/queries", content=chunks(), headers={**house.headers("ada"), "Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")


def test_a_client_that_leaves_in_the_midst_of_its_body_is_no_fault_of_the_service():
    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    request = Request({"type": "http", "headers": [(b"content-type", b"application/json")]}, receive)
    with pytest.raises(EdgeError) as left:
        asyncio.run(body_module.read(request, wire.QueryRequest, bytes_max=100, timeout_s=60))
    assert left.value.code == "request_timeout"


def test_the_key_is_checked_before_the_body_is_read(api, house: House):
    assert api.post("/v1/queries", content=b"{").status_code == 401
    assert api.post("/v1/queries", content=b"{", headers=house.headers("owner")).status_code == 403


JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["clinic", "0.1", "1e400"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(MEMBERS | st.text(max_size=8), inner, max_size=6),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode) | JSONISH.map(lambda v: json.dumps(v).encode()))
def test_no_body_is_a_fault(raw: bytes):
    answer = post(ANY_BODY, ANY_HOUSE, raw)
    assert answer.status_code in (200, 400, 404, 422), answer.text
    if answer.status_code != 200:
        assert answer.json()["code"] in ("invalid_json", "invalid_request", "not_found")


@pytest.mark.parametrize("key", ["a", "x" * 255, "0b9a0e0e-6a53-4f4b-9a2d-3f6f0b7b7e3d", '"quoted"', "~!@#"])
def test_an_idempotency_key_reaches_the_desk(api, house: House, body, key):
    assert (
        api.post("/v1/queries", json=body, headers=house.headers("ada", **{"Idempotency-Key": key})).status_code == 200
    )
    assert house.clinic.asked[0][3] == key


@pytest.mark.parametrize("key", ["", "x" * 256, "two words", "tab\there", "é"])
def test_a_malformed_idempotency_key_is_refused(api, house: House, body, key):
    headers = [*house.headers("ada").items(), ("Idempotency-Key", key.encode("latin-1"))]
    answer = api.post("/v1/queries", json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_invalid")
    assert house.clinic.asked == []


def test_two_idempotency_keys_are_refused(api, house: House, body):
    headers = [*house.headers("ada").items(), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    assert api.post("/v1/queries", json=body, headers=headers).json()["code"] == "idempotency_key_invalid"
