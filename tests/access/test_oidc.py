"""Tokens of an identity provider: what opens, and every way of forging that must not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from tacit_service.access import Gatekeeper, Role
from tacit_service.access.jwks import FRESH_S, RETRY_S, STALE_S, KeySet, fetch, usable
from tacit_service.access.oidc import Provider, Tokens
from tacit_service.access.provider import token_judge
from tacit_service.errors import IdentityUnavailable, PolicyError, Unauthenticated
from tacit_service.settings import Settings

ISSUER, AUDIENCE = "https://id.example", "tacit"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
KEYS: dict[str, tuple[str, Any]] = {
    "rsa": ("RS256", RSA),
    "ec": ("ES256", ec.generate_private_key(ec.SECP256R1())),
    "ed": ("EdDSA", ed25519.Ed25519PrivateKey.generate()),
}
_TO_JWK = {"RS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}
PROVIDER = Provider(
    ISSUER,
    AUDIENCE,
    roles={"research": Role.ANALYST, "data-owners": Role.OWNER, "audit": Role.AUDITOR},
    datasets=frozenset({"clinic"}),
)


def public(*kids: str) -> dict[str, Any]:
    entries = []
    for kid in kids:
        algorithm, key = KEYS[kid]
        entries.append(_TO_JWK[algorithm].to_jwk(key.public_key(), as_dict=True) | {"kid": kid, "use": "sig"})
    return {"keys": entries}


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    whole = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "exp": now + 300, "iat": now, "roles": ["research"]}
    return {name: value for name, value in (whole | changes).items() if value is not None}


def token(kid: str = "rsa", *, head: dict[str, Any] | None = None, **changes: Any) -> str:
    algorithm, key = KEYS[kid]
    return jwt.encode(claims(**changes), key, algorithm, headers={"kid": kid} | (head or {}))


def b64(raw: bytes | dict[str, Any]) -> str:
    data = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def by_hand(head: dict[str, Any], signature: bytes | None = None, secret: bytes = b"", **changes: Any) -> str:
    """A token that no library would make."""
    text = f"{b64(head)}.{b64(claims(**changes))}"
    if signature is None:
        signature = hmac.new(secret, text.encode(), hashlib.sha256).digest()
    return f"{text}.{b64(signature)}"


class Nobody:
    """A directory without keys."""

    def find(self, key_hash: str) -> None:
        return None


def keeper(provider: Provider = PROVIDER, document: Any = None) -> Gatekeeper:
    served = json.dumps(document or public(*KEYS)).encode()
    return Gatekeeper(Nobody(), tokens=Tokens(provider, KeySet("https://id.example/jwks", read=lambda _: served)))


def refused(text: str, **options: Any) -> bool:
    with pytest.raises(Unauthenticated) as error:
        keeper(**options).authenticate(f"Bearer {text}")
    with pytest.raises(Unauthenticated) as plain:
        keeper().authenticate(None)
    return str(error.value) == str(plain.value)


@pytest.mark.parametrize("kid", KEYS)
def test_a_good_token_opens(kid):
    who = keeper().authenticate(f"Bearer {token(kid)}")
    assert (who.name, who.role, who.datasets, who.key_id) == ("ada", Role.ANALYST, {"clinic"}, "oidc")
    assert who.expires_at is not None


@pytest.mark.parametrize(
    "change",
    [
        {"exp": None},
        {"exp": 1},
        {"exp": "tomorrow"},
        {"iss": None},
        {"iss": "https://id.example.evil"},
        {"aud": None},
        {"aud": "another"},
        {"aud": []},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "two words"},
        {"sub": "auth0|ada"},
        {"nbf": 4_000_000_000},
        {"iat": 4_000_000_000},
        {"roles": None},
        {"roles": ["analyst"]},
        {"roles": [["research"]]},
        {"roles": {"research": True}},
    ],
)
def test_a_token_whose_claims_do_not_fit_is_refused_in_the_same_words(change):
    assert refused(token(**change))


def test_the_clock_may_differ_by_the_leeway_and_no_more():
    now = int(time.time())
    assert keeper().authenticate(f"Bearer {token(exp=now - 10)}").name == "ada"
    assert refused(token(exp=now - 60))


PUBLIC_PEM = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
MODULUS = RSA.public_key().public_numbers().n.to_bytes(256, "big")


@pytest.mark.parametrize(
    "forged",
    [
        by_hand({"alg": "none", "kid": "rsa"}, b"xx"),
        by_hand({"alg": "None", "kid": "rsa"}, b"xx"),
        by_hand({"kid": "rsa"}, b"xx"),
        by_hand({"alg": "HS256", "kid": "rsa"}, secret=PUBLIC_PEM),
        by_hand({"alg": "HS256", "kid": "rsa"}, secret=PUBLIC_PEM.strip()),
        by_hand({"alg": "HS256", "kid": "rsa"}, secret=MODULUS),
        by_hand({"alg": "RS256", "kid": "rsa"}, secret=PUBLIC_PEM),
        by_hand({"alg": "ES256", "kid": "ec"}, bytes(64)),
        by_hand({"alg": "ES256", "kid": "rsa"}, bytes(64)),
        by_hand({"alg": "EdDSA", "kid": "ed"}, bytes(64)),
        token("ec", head={"kid": "rsa"}),
        token("rsa", head={"kid": "ed"}),
        token("rsa", head={"kid": "unknown"}),
        token("rsa", head={"crit": ["b64"], "b64": True}),
        token("rsa")[:-8] + "AAAAAAAA",
        token("rsa").rsplit(".", 1)[0] + ".AA",
        "eyJh.eyJp.c2ln",
        "a" * 9000 + ".bb.cc",
    ],
)
def test_forged_tokens_are_refused(forged):
    assert refused(forged)


def test_a_token_signed_by_a_stranger_is_refused_whatever_key_it_brings_along():
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    own = RSAAlgorithm.to_jwk(stranger.public_key(), as_dict=True)
    for head in ({"kid": "rsa"}, {"kid": "rsa", "jwk": own}, {"kid": "rsa", "jku": "https://evil.example/jwks"}):
        assert refused(jwt.encode(claims(), stranger, "RS256", headers=head))
    assert refused(jwt.encode(claims(), stranger, "RS256"))  # no kid at all


def test_symmetric_weak_private_and_encryption_keys_of_a_set_are_left_out():
    weak = RSAAlgorithm.to_jwk(
        rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key(), as_dict=True
    )
    good = public("rsa")["keys"][0]
    document = {
        "keys": [
            {"kty": "oct", "kid": "oct", "k": b64(b"secret" * 8), "alg": "HS256"},
            weak | {"kid": "weak"},
            good | {"kid": "enc", "use": "enc"},
            good | {"kid": "other", "alg": "RS512"},
            RSAAlgorithm.to_jwk(RSA, as_dict=True) | {"kid": "private"},
            {"kty": "EC", "crv": "P-256", "kid": "broken", "x": "AA", "y": "AA"},
            {name: value for name, value in good.items() if name != "kid"},
            good,
        ]
    }
    assert set(usable(document)) == {"rsa"}
    assert refused(by_hand({"alg": "HS256", "kid": "oct"}, secret=b"secret" * 8), document=document)


def test_roles_and_datasets_come_from_claims_by_the_settings():
    def who(**changes: Any):
        return keeper().authenticate(f"Bearer {token(**changes)}")

    assert who(roles="audit").role is Role.AUDITOR
    assert who(roles=["research", "data-owners", "nonsense"]).role is Role.OWNER
    assert who(datasets=["shop", 7]).datasets == {"shop"}
    assert who(datasets=[]).datasets == frozenset()
    assert who(datasets=["*"]).datasets == frozenset(), "everything only where the operator says so"
    everything = Provider(ISSUER, AUDIENCE, roles=PROVIDER.roles, datasets=frozenset({"*"}))
    assert keeper(everything).authenticate(f"Bearer {token(datasets='*')}").datasets == {"*"}


def test_an_address_is_a_name_once_the_provider_has_verified_it():
    by_mail = Provider(ISSUER, AUDIENCE, name_claim="email", roles=PROVIDER.roles)
    good = token(email="ada@clinic.example", email_verified=True)
    assert keeper(by_mail).authenticate(f"Bearer {good}").name == "ada@clinic.example"
    for verified in (None, False, "true"):
        assert refused(token(email="ada@clinic.example", email_verified=verified), provider=by_mail)


class Site:
    """An identity provider on loopback: serves one JWKS, counts how often it is asked."""

    def __init__(self) -> None:
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked += 1
                self.send_response(site.status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(site.body)))
                self.end_headers()
                self.wfile.write(site.body)

            def log_message(self, *args: object) -> None:
                pass

        self.asked, self.status, self.body = 0, 200, json.dumps(public("rsa")).encode()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/jwks"


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_keys_are_read_once_and_again_when_they_rotate(site: Site):
    clock = Clock()
    keys = KeySet(site.url, clock=clock)
    judge = Tokens(PROVIDER, keys)
    assert all(judge.identity(token("rsa")) for _ in range(20))
    assert site.asked == 1
    site.body = json.dumps(public("ec")).encode()
    assert all(judge.identity(token("ec")) is None for _ in range(20)), "a made-up key id is no way to flood"
    assert site.asked == 1
    clock.now += RETRY_S
    assert judge.identity(token("ec")) is not None
    assert judge.identity(token("rsa")) is None, "a key that the provider withdrew"
    assert site.asked == 2


def test_a_provider_that_is_gone_is_bridged_for_an_hour_and_no_longer(site: Site):
    clock = Clock()
    keys = KeySet(site.url, clock=clock)
    assert keys.find("rsa") is not None
    site.status = 500
    clock.now += FRESH_S
    assert keys.find("rsa") is not None
    assert site.asked == 2
    clock.now = STALE_S
    with pytest.raises(IdentityUnavailable):
        keys.find("rsa")
    site.status = 200
    clock.now += RETRY_S
    assert keys.find("rsa") is not None


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"keys": []}', b'{"keys": [7]}', b"<html>", b"x" * 300_000])
def test_a_document_that_is_no_key_set_leaves_nobody_in(site: Site, body):
    site.body = body
    with pytest.raises(IdentityUnavailable):
        KeySet(site.url).find("rsa")


def test_redirects_are_not_followed(site: Site):
    site.status = 302
    with pytest.raises(OSError, match="302"):
        fetch(site.url)
    assert site.asked == 1


def test_settings_make_a_judge_from_a_file_or_say_what_is_missing(tmp_path: Path, monkeypatch):
    assert token_judge(Settings()) is None
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps(public("ed")))
    monkeypatch.setenv("TACIT_OIDC_ISSUER", ISSUER)
    monkeypatch.setenv("TACIT_OIDC_AUDIENCE", AUDIENCE)
    monkeypatch.setenv("TACIT_OIDC_ROLES", "research=analyst, data-owners=owner")
    with pytest.raises(PolicyError, match="TACIT_OIDC_JWKS"):
        token_judge(Settings())
    monkeypatch.setenv("TACIT_OIDC_JWKS", "http://id.example/jwks")
    with pytest.raises(PolicyError, match="https"):
        token_judge(Settings())
    monkeypatch.setenv("TACIT_OIDC_JWKS", str(file))
    monkeypatch.setenv("TACIT_OIDC_DATASETS", "clinic, shop")
    judge = token_judge(Settings.load())
    assert judge is not None
    identity = judge.identity(token("ed"))
    assert identity is not None
    assert identity.datasets == {"clinic", "shop"}
    monkeypatch.setenv("TACIT_OIDC_ROLES", "research=root")
    with pytest.raises(PolicyError, match="TACIT_OIDC_ROLES"):
        Settings.load()
