"""Starting, overload, ill health, closing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import SimpleNamespace

import anyio
import pytest
from starlette.testclient import TestClient
from tacit_api_fakes import House, refusal

from tacit_service.assembly import Opened, Parts, Service, State
from tacit_service.errors import LedgerUnavailable, PolicyError
from tacit_service.http.app import create_app
from tacit_service.http.lanes import Lane
from tacit_service.telemetry import Metrics


def test_while_starting_healthz_answers_and_the_rest_says_starting(house: House):
    may_open = threading.Event()

    def open_parts() -> Parts:
        assert may_open.wait(120)
        opened = Opened(house.clinic, frozenset({"ada"}), frozenset())
        return Parts(house.books, house.directory, {"clinic": opened})

    service = Service(open_parts)
    with TestClient(create_app(service, house.settings)) as api:
        service.start()
        assert (api.get("/healthz").status_code, api.get("/healthz").json()["status"]) == (200, "starting")
        assert api.get("/readyz").status_code == 503
        early = api.get("/v1/me", headers=house.headers("ada"))
        assert (early.status_code, early.json()["code"]) == (503, "starting")
        assert early.headers["retry-after"] == "2"
        may_open.set()
        assert service.wait(120) is State.READY
        assert api.get("/readyz").json() == {"status": "ok", "ready": True, "ledger": "healthy"}
        assert api.get("/v1/me", headers=house.headers("ada")).status_code == 200


def test_a_failed_start_is_unhealthy_and_says_nothing(house: House):
    def open_parts() -> Parts:
        raise PolicyError("policy_invalid", "line 3 of /etc/tacit/secret.yaml", file="secret.yaml", line=3)

    service = Service(open_parts)
    service.start().join()
    assert service.state is State.FAILED
    assert isinstance(service.failure, PolicyError)
    with TestClient(create_app(service, house.settings)) as api:
        assert api.get("/healthz").status_code == 503
        answer = api.get("/v1/me", headers=house.headers("ada"))
        assert answer.status_code == 503
        assert "secret" not in answer.text


@pytest.mark.parametrize("health", [False, RuntimeError("disk")])
def test_an_ill_ledger_is_503(api, house: House, health):
    assert api.get("/healthz").status_code == 200
    house.books.health = health
    answer = api.get("/healthz")
    assert (answer.status_code, answer.json()) == (
        503,
        {"status": "unhealthy", "ready": False, "ledger": "unhealthy"},
    )
    assert api.get("/readyz").status_code == 503


def test_a_directory_that_cannot_be_read_is_503_not_401(api, house: House, monkeypatch):
    def broken(key_hash: str) -> None:
        raise LedgerUnavailable("ledger_unavailable", "The ledger cannot be read.")

    monkeypatch.setattr(house.directory, "find", broken)
    assert api.get("/v1/me", headers=house.headers("ada")).json()["code"] == "ledger_unavailable"


def test_past_the_queue_questions_are_shed_while_look_ups_and_other_callers_are_answered(house, body):
    """One caller has half of the workers and of the queue: who floods the service waits behind himself."""
    house = House(workers=2, queue=3, retry_after_s=7)
    house.clinic.hold = threading.Event()
    with (
        TestClient(create_app(house.service, house.settings)) as api,
        ThreadPoolExecutor(8) as pool,
    ):

        def ask(who="ada", **other):
            return api.post("/v1/queries", json=body | other, headers=house.headers(who))

        flood = [pool.submit(ask) for _ in range(6)]
        assert house.clinic.entered.acquire(timeout=120)
        assert wait_for(lambda: sum(f.done() for f in flood) == 3)
        refused = [f.result() for f in flood if f.done()]
        for response in refused:
            assert response.status_code == 503
            assert response.json()["code"] == "overloaded"
            assert response.headers["retry-after"] == "7"
        assert api.get("/v1/me", headers=house.headers("ada")).status_code == 200
        assert api.get("/healthz").status_code == 200
        for _ in range(3):
            assert ask("ben", dataset="shop").status_code == 200
        assert len(house.clinic.asked) == 1, "the second worker is for others"
        house.clinic.hold.set()
        statuses = sorted(f.result(timeout=120).status_code for f in flood)
        assert statuses == [200, 200, 200, 503, 503, 503]
        assert len(house.clinic.asked) == 3
        assert ask().status_code == 200


def test_past_everybodys_queue_everybody_is_shed(house, body):
    house = House(workers=2, queue=0)
    house.clinic.hold = house.shop.hold = threading.Event()
    with (
        TestClient(create_app(house.service, house.settings)) as api,
        ThreadPoolExecutor(8) as pool,
    ):
        asked = [
            pool.submit(api.post, "/v1/queries", json=body | {"dataset": d}, headers=house.headers(w))
            for w, d in (("ada", "clinic"), ("ben", "shop"))
        ]
        for desk in (house.clinic, house.shop):
            assert desk.entered.acquire(timeout=120)
        third = api.post("/v1/queries", json=body, headers=house.headers("ada"))
        assert (third.status_code, third.json()["code"]) == (503, "overloaded")
        house.clinic.hold.set()
        assert [f.result(timeout=120).status_code for f in asked] == [200, 200]


def test_refusals_and_quotes_wait_for_nobody_s_answer(house, body):
    """The one worker of answers is taken, and another answer waits for it: what needs no answer is decided meanwhile."""
    house = House(workers=1, queue=2)
    house.clinic.hold = threading.Event()
    house.shop.refuses = refusal()
    shop = body | {"dataset": "shop"}
    with TestClient(create_app(house.service, house.settings)) as api, ThreadPoolExecutor(1) as pool:
        held = pool.submit(api.post, "/v1/queries", json=body, headers=house.headers("ada"))
        assert house.clinic.entered.acquire(timeout=20)
        refused = api.post("/v1/queries", json=shop, headers=house.headers("ben"))
        assert (refused.status_code, refused.json()["code"]) == (422, refusal().code)
        for path in ("/v1/quotes", "/v1/explain"):
            assert api.post(path, json=shop, headers=house.headers("ben")).status_code == 200
        assert not held.done()
        house.clinic.hold.set()
        assert held.result(timeout=20).status_code == 200


def test_keys_that_send_what_is_long_together_wait_behind_each_other_and_not_before_others(house):
    """Three of them could else fill the three workers that refusals and quotes have."""
    clock = SimpleNamespace(now=100.0)
    lane = Lane("plans", workers=3, queue=64, retry_after_s=2, metrics=Metrics(), short=True, clock=lambda: clock.now)
    may_end, ran = threading.Event(), list[str]()

    def held(who: str) -> None:
        ran.append(who)
        assert may_end.wait(120)

    async def until(holds: Callable[[], bool]) -> None:
        while not holds():
            await anyio.sleep(0.005)

    async def all_ask() -> None:
        greedy = ("ada", "ben", "cyd")
        for number in (3, 1):  # of them that run at once: nothing is known of them at first
            async with anyio.create_task_group() as tasks:
                for who in greedy:
                    tasks.start_soon(lane.run, partial(held, who), who)
                try:
                    await until(lambda most=number: len(ran) >= most)
                    for who in ("dan", "eve") if number == 1 else ():
                        await lane.run(partial(ran.append, who), who)
                    assert len(set(greedy) & set(ran)) == number
                    clock.now += 5
                finally:
                    may_end.set()
            assert set(greedy) <= set(ran)
            may_end.clear()
            ran.clear()
        clock.now += 600
        assert not any(map(lane._is_long, greedy)), "it is forgotten"

    anyio.run(all_ask)


def test_what_is_shed_is_shed_before_its_body_is_read(house):
    house = House(workers=1, queue=0)
    house.clinic.hold = threading.Event()
    body = {"dataset": "clinic", "sql": "SELECT 1"}
    with TestClient(create_app(house.service, house.settings)) as api, ThreadPoolExecutor(1) as pool:
        held = pool.submit(api.post, "/v1/queries", json=body, headers=house.headers("ada"))
        assert house.clinic.entered.acquire(timeout=20)
        shed = api.post("/v1/queries", content=b"{not JSON", headers=house.headers("ben"))
        assert (shed.status_code, shed.json()["code"]) == (503, "overloaded")
        house.clinic.hold.set()
        assert held.result(timeout=20).status_code == 200


def wait_for(happens) -> bool:
    deadline = time.monotonic() + 120
    while not happens() and time.monotonic() < deadline:
        time.sleep(0.01)
    return bool(happens())


def test_closing_closes_desks_and_ledger_once(house: House):
    house.service.close()
    house.service.close()
    assert house.clinic.closed
    assert house.shop.closed
    assert house.books.closed
    assert house.service.state is State.CLOSED


def test_a_service_closed_while_starting_closes_what_it_opened(house: House):
    may_open = threading.Event()

    def open_parts() -> Parts:
        assert may_open.wait(120)
        return Parts(house.books, house.directory, {"clinic": Opened(house.clinic, frozenset(), frozenset())})

    service = Service(open_parts)
    thread = service.start()
    service.close()
    may_open.set()
    thread.join(120)
    assert house.clinic.closed
    assert house.books.closed
    assert service.state is State.CLOSED
