"""Rate limits of one caller, and bearer tokens at the door."""

from __future__ import annotations

import json
import time
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from jwt.algorithms import OKPAlgorithm
from starlette.testclient import TestClient
from tacit_api_fakes import House

from tacit_service.access.provider import token_judge
from tacit_service.errors import RateLimited
from tacit_service.http.app import create_app
from tacit_service.http.rates import Rates
from tacit_service.settings import Settings


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_gives_its_burst_then_its_rate():
    clock = Clock()
    rates = Rates(per_minute=30, burst=3, clock=clock)
    for _ in range(3):
        rates.check("ada")
    with pytest.raises(RateLimited) as refused:
        rates.check("ada")
    assert refused.value.extra["retry_after_s"] == 2
    rates.check("ben")
    clock.now = 1.9
    with pytest.raises(RateLimited) as refused:
        rates.check("ada")
    assert refused.value.extra["retry_after_s"] == 1
    clock.now = 2.0
    rates.check("ada")
    clock.now = 3600.0
    for _ in range(3):
        rates.check("ada")
    with pytest.raises(RateLimited):
        rates.check("ada")


def test_a_refused_request_does_not_push_the_next_one_away():
    clock = Clock()
    rates = Rates(per_minute=60, burst=1, clock=clock)
    rates.check("ada")
    for _ in range(9):
        clock.now += 0.1
        with pytest.raises(RateLimited):
            rates.check("ada")
    clock.now = 1.0
    rates.check("ada")


def test_full_buckets_are_forgotten():
    clock = Clock()
    rates = Rates(per_minute=60, burst=2, clock=clock)
    for number in range(5000):
        clock.now += 0.01
        rates.check(f"caller-{number}")
    assert len(rates._buckets) < 3000


def test_too_many_requests_are_429_with_the_time_to_wait(body):
    house = House(rate_per_minute=6, rate_burst=2)
    with TestClient(create_app(house.service, house.settings)) as api:
        first = [api.post("/v1/queries", json=body, headers=house.headers("ada")).status_code for _ in range(2)]
        refused = api.post("/v1/queries", json=body, headers=house.headers("ada"))
        assert (first, refused.status_code, refused.json()["code"]) == ([200, 200], 429, "rate_limited")
        assert int(refused.headers["retry-after"]) == 10
        assert len(house.clinic.asked) == 2, "nothing ran"
        assert api.get("/v1/me", headers=house.headers("ben")).status_code == 200
        assert api.get("/healthz").status_code == 200
        unknown = [api.get("/v1/me").status_code for _ in range(5)]
        assert unknown == [401] * 5, "strangers take nobody's tokens"


def test_a_token_is_a_caller_beside_keys_and_a_bad_one_looks_like_a_bad_key(house: House, tmp_path: Path):
    key = ed25519.Ed25519PrivateKey.generate()
    entry = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": "one"}
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps({"keys": [entry]}))
    settings = Settings(
        oidc_issuer="https://id.example",
        oidc_audience="tacit",
        oidc_jwks=str(file),
        oidc_roles="research=analyst,audit=auditor",
        oidc_datasets="*",
    )

    def header(signer=key, algorithm="EdDSA", **changes: object) -> dict[str, str]:
        whole = {"iss": "https://id.example", "aud": "tacit", "sub": "ada", "exp": time.time() + 60}
        token = jwt.encode(whole | {"roles": ["research"]} | changes, signer, algorithm, headers={"kid": "one"})
        return {"Authorization": f"Bearer {token}"}

    ledger = house.open_office(tmp_path, tokens=token_judge(settings))
    try:
        with TestClient(create_app(house.service, house.settings)) as api:
            me = api.get("/v1/me", headers=header()).json()
            assert (me["principal"], me["role"], me["key_id"], me["datasets"]) == ("ada", "analyst", "oidc", ["clinic"])
            assert api.get("/v1/admin/keys", headers=header()).status_code == 403
            assert api.get("/v1/admin/keys", headers=header(sub="audra", roles="audit")).status_code == 200
            made = {"principal": "eve", "datasets": ["clinic"]}
            assert api.post("/v1/admin/keys", json=made, headers=header(roles="audit")).status_code == 403
            nobody = api.get("/v1/me").content
            for bad in (header(exp=1), header(aud="x"), header(ed25519.Ed25519PrivateKey.generate())):
                answer = api.get("/v1/me", headers=bad)
                assert (answer.status_code, answer.content) == (401, nobody)
            assert api.get("/v1/me", headers=header(b"s" * 32, "HS256")).content == nobody
            assert api.get("/v1/me", headers=house.headers("ada")).status_code == 200
    finally:
        ledger.close()
