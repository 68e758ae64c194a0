"""Who may call what: the table against the application, and every role against every route."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.testclient import TestClient
from tacit_api_fakes import DRAFT, House

from tacit_service.access import ROUTES, Role, allowed
from tacit_service.assembly import Service
from tacit_service.http import examples, routing
from tacit_service.http.app import create_app
from tacit_service.ledger.directory import Directory
from tacit_service.ledger.store import Ledger
from tacit_service.privacy.lanes import Limits
from tacit_service.privacy.units import Delta, Epsilon

PROTECTED = sorted((route, roles) for route, roles in ROUTES.items() if roles is not None)


ADMIN_BODIES = {
    "/v1/admin/datasets/{name}/analysts": {"analyst": "eve", "epsilon": "0.5", "delta": "1e-8"},
    "/v1/admin/datasets/{name}/state": {"analyst": "ada", "state": "frozen", "reason": "under review"},
    "/v1/admin/datasets/{name}/transfer": {"giver": "ada", "taker": "bob", "epsilon": "0.25"},
    "/v1/admin/datasets/{name}/pace": {"analyst": "ada", "period": "day", "epsilon": "0.1"},
    "/v1/admin/keys": {"principal": "ada", "datasets": ["clinic"]},
    "/v1/admin/keys/{key_id}/rotate": {"overlap_hours": 1},
    "/v1/admin/keys/{key_id}/grants": {"datasets": ["clinic"]},
    "/v1/admin/keys/{key_id}/revoke": None,
    "/v1/admin/policies/check": {"policy": DRAFT},
    "/v1/admin/policies/rehearsal": {"policy": DRAFT, "units": 50, "epsilons": ["1"]},
}


def call(api, method, path, key_id="key_none", **kwargs):
    concrete = path.format(
        name="model.safetensors" if "artifacts" in path else "clinic",
        release_id="rel_5b0c6f0f2f9b4e0a",
        code="overloaded",
        key_id=key_id,
        job_id=str(examples.TRAINING_JOB["id"]),
    )
    if path.endswith("/events"):
        concrete += "?seconds=0"
    if path == "/v1/budget/history":
        concrete += "?dataset=clinic"
    if path in ADMIN_BODIES and method == "POST":
        kwargs["json"] = ADMIN_BODIES[path]
    return api.request(method, concrete, **kwargs)


def test_every_route_is_in_the_table_and_the_table_has_no_other(house: House):
    app = create_app(house.service, house.settings)
    routes = {(method, route.path) for route in app.routes for method in route.methods}
    assert all(isinstance(route, APIRoute) for route in app.routes)
    assert routes == set(ROUTES)


def test_a_route_without_declared_roles_cannot_be_added():
    async def endpoint() -> Response:
        return Response()

    with pytest.raises(LookupError, match="no roles are declared for GET /v1/secret"):
        routing.add(FastAPI(), "GET", "/v1/secret", endpoint, summary="undeclared")
    assert not allowed("GET", "/v1/secret", Role.OWNER)


@pytest.mark.parametrize(("route", "roles"), PROTECTED)
def test_each_role_gets_exactly_what_the_table_says(office: Ledger, api, house: House, body, route, roles):
    method, path = route
    lower = Limits.create(Epsilon.parse("1"), Delta.parse("1e-7"))
    office.ensure_analyst("clinic", "bob", lower)
    office.ensure_analyst("clinic", "bob", Limits.create(Epsilon.parse("0.5"), Delta.parse("1e-7")))
    spare = Directory(office).list("ben")[0].key_id
    for who, role in (("ada", Role.ANALYST), ("auditor", Role.AUDITOR), ("steward", Role.OWNER)):
        training = path in ("/v1/training-jobs", "/v1/training-quotes")
        asked = examples.TRAINING_REQUESTS["logistic regression"]["value"] if training else body
        if path.endswith("/predictions"):
            asked = examples.PREDICTION_REQUESTS["two patients"]["value"]
        answer = call(api, method, path, spare, headers=house.headers(who), json=asked if method == "POST" else None)
        if role in roles:
            assert answer.status_code == 200, (who, answer.text)
        else:
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert call(api, method, path, json=body if method == "POST" else None).status_code == 401


@pytest.mark.parametrize(("method", "path"), [route for route, roles in ROUTES.items() if roles is None])
def test_public_routes_need_no_key(api, method, path):
    assert call(api, method, path).status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "BREW"])
def test_another_method_is_405_for_everybody(api, house: House, method):
    for path in {path for _, path in ROUTES}:
        if (method, path) in ROUTES:
            continue
        answer = call(api, method, path, headers=house.headers("ada"))
        assert answer.status_code == 405, (method, path)
        assert answer.headers["allow"]
        if method != "HEAD":
            assert answer.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer tacit_",
        "Bearer tacit_" + "A" * 43,
        "Bearer tacit_" + "A" * 44,
        "Bearer tacit_" + "é" * 43,
        "Basic dXNlcjpwYXNz",
        "tacit_" + "A" * 43,
        "Bearer " + "x" * 8000,
        "Bearer ' OR 1=1 --",
    ],
)
def test_every_bad_key_gets_the_same_401(api, authorization):
    answer = api.get("/v1/me", headers={"Authorization": authorization.encode()})
    assert (answer.status_code, answer.content) == (401, api.get("/v1/me").content)
    assert answer.headers["www-authenticate"] == 'Bearer realm="tacit"'


def test_two_authorization_headers_are_none(api, house: House):
    header = ("Authorization", f"Bearer {house.keys['ada']}")
    assert api.get("/v1/me", headers=[header]).status_code == 200
    assert api.get("/v1/me", headers=[header, header]).status_code == 401


def test_a_revoked_and_an_expired_key_look_like_an_unknown_one(api, house: House):
    unknown = api.get("/v1/me").content
    gone = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
    expired = house.directory.add("ada", Role.ANALYST, ("clinic",), expires_at=gone)
    assert api.get("/v1/me", headers={"Authorization": f"Bearer {expired}"}).content == unknown

    row = next(row for row in house.directory.rows.values() if row.principal == "ada" and row.expires_at is None)
    assert api.get("/v1/me", headers=house.headers("ada")).status_code == 200
    house.directory.rows[row.key_hash] = replace(row, revoked_at="2026-01-01T00:00:00+00:00")
    assert api.get("/v1/me", headers=house.headers("ada")).content == unknown


def test_me_says_who(api, house: House):
    me = api.get("/v1/me", headers=house.headers("ada")).json()
    assert (me["principal"], me["role"], me["datasets"]) == ("ada", "analyst", ["clinic"])
    assert house.keys["ada"] not in str(me)


def test_a_dataset_not_granted_is_as_if_it_did_not_exist(api, house: House, body):
    for who, hidden in (("ada", "shop"), ("ben", "clinic"), ("owner", "shop")):
        get = [api.get(f"/v1/datasets/{name}", headers=house.headers(who)) for name in (hidden, "nothing")]
        assert [r.status_code for r in get] == [404, 404]
        assert get[0].content == get[1].content
        if who == "owner":
            continue
        for path in ("/v1/queries", "/v1/quotes", "/v1/explain"):
            post = [
                api.post(path, json={**body, "dataset": name}, headers=house.headers(who))
                for name in (hidden, "nothing")
            ]
            assert [r.status_code for r in post] == [404, 404]
            assert post[0].content == post[1].content
            assert set(post[0].headers) == set(post[1].headers)
    assert house.clinic.asked == house.shop.asked == []


def test_a_training_job_of_another_is_as_if_it_did_not_exist(api, house: House):
    mine = examples.TRAINING_JOB["id"]
    for method, path in ROUTES:
        if "{job_id}" in path:
            answers = [
                api.request(
                    method,
                    path.format(job_id=job, name="card.json"),
                    headers=house.headers(who),
                    json={"rows": []} if path.endswith("predictions") else {} if method == "POST" else None,
                )
                for who, job in (("ben", mine), ("ada", "job_none"), ("ada", "../../clinic"))
            ]
            assert [answer.status_code for answer in answers] == [404, 404, 404]
            assert answers[0].content == answers[1].content
            assert "must not be seen" not in answers[0].text


def test_where_training_is_not_installed_its_routes_say_so(house: House):
    service = Service.of(replace(house.parts, training=None))
    with TestClient(create_app(service, house.settings)) as api:
        asked = examples.TRAINING_REQUESTS["network"]["value"]
        for path in ("/v1/training-jobs", "/v1/training-quotes"):
            answer = api.post(path, json=asked, headers=house.headers("ada"))
            assert (answer.status_code, answer.json()["code"]) == (501, "training_not_installed")
            assert "train" in answer.json()["hint"]


def test_a_release_of_another_is_as_if_it_did_not_exist(api, house: House):
    mine = api.get("/v1/releases/rel_5b0c6f0f2f9b4e0a", headers=house.headers("ada"))
    assert mine.status_code == 200
    theirs = api.get("/v1/releases/rel_5b0c6f0f2f9b4e0a", headers=house.headers("ben"))
    none = api.get("/v1/releases/rel_0000000000000000", headers=house.headers("ben"))
    assert theirs.status_code == none.status_code == 404
    assert theirs.content == none.content
    assert "must not be seen" not in theirs.text


def test_lists_hold_only_what_is_granted(api, house: House):
    assert api.get("/v1/datasets", headers=house.headers("ada")).json() == {"datasets": ["clinic"]}
    assert api.get("/v1/datasets", headers=house.headers("ben")).json() == {"datasets": ["shop"]}
    assert api.get("/v1/datasets", headers=house.headers("owner")).json() == {"datasets": ["clinic"]}
    assert api.get("/v1/datasets", headers=house.headers("auditor")).json() == {"datasets": ["clinic", "shop"]}
    assert len(api.get("/v1/releases", headers=house.headers("ada")).json()["releases"]) == 1
    assert api.get("/v1/releases", headers=house.headers("ben")).json() == {"releases": []}
    assert api.get("/v1/releases?dataset=shop", headers=house.headers("ada")).status_code == 404


def test_budget_is_the_analysts_own_and_the_dataset_for_its_owner(api, house: House):
    own = api.get("/v1/budget", headers=house.headers("ada")).json()
    assert [(a["dataset"], a["releases"]) for a in own["accounts"]] == [("clinic", 1)]
    whole = api.get("/v1/budget", headers=house.headers("owner")).json()
    assert [(a["dataset"], a["releases"]) for a in whole["accounts"]] == [("clinic", 7)]
