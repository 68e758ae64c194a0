"""What comes late changes nothing: a page that was left, an account that was signed out, an answer that was lost."""

from __future__ import annotations

import time
from typing import Any

import pytest

COUNT = "SELECT COUNT(*) AS n FROM patients WHERE age > 23"  # which no other test asks: it is bought, not derived


class Held:
    """Answers of the service that are kept back until they are let go; each request is answered by the real service."""

    def __init__(self, page: Any, pattern: str, times: int = 1) -> None:
        self.routes: list[Any] = []
        self._left = times
        self._page = page
        page.route(pattern, self._hold)

    def _hold(self, route: Any) -> None:
        if self._left == 0:
            return route.continue_()
        self._left -= 1
        self.routes.append(route)

    def wait(self) -> None:
        """Until the page has asked."""
        deadline = time.monotonic() + 120
        while not self.routes:
            assert time.monotonic() < deadline, "the page never asked"
            self._page.wait_for_timeout(5)

    def let_go(self) -> None:
        """The real answers, now; a request that was called off has nobody to take it."""
        for route in self.routes:
            if route.request.failure is None:
                route.fulfill(response=route.fetch())


def test_a_page_that_was_left_never_takes_the_place_of_a_newer_one(console):
    page = console.page
    page.clock.install()
    console.ask(COUNT, "0.28")
    link = page.locator(".permalink").get_attribute("href")
    page.clock.pause_at(page.evaluate("Date.now() + 60_000"))  # no timer runs before it is told to
    late = Held(page, "**/v1/releases/*")
    page.evaluate("hash => { location.hash = hash }", link)
    late.wait()
    page.evaluate("location.hash = '#/release/%3Cimg%20src=x%3E'")
    page.locator("main .problem", has_text="no release of this id").wait_for()
    page.clock.run_for(5_000)  # "Loading …" of the page that was left was due after 150 ms
    late.let_go()
    page.clock.run_for(5_000)
    assert page.locator("main .problem").inner_text().startswith("This key holds no release")
    assert page.locator("main .loading").count() == 0
    page.clock.resume()


def test_the_next_account_sees_nothing_of_the_one_before(fresh):
    page = fresh.page
    late = Held(page, "**/v1/budget")
    fresh.sign_in()
    late.wait()  # what is left of the analyst's budget is still on its way
    fresh.ask(COUNT, "0.29")
    page.locator("summary", has_text="analyst").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("API key").wait_for()
    facts = Held(page, "**/v1/datasets/clinic")
    page.get_by_label("API key").fill(fresh.demo.keys["second_analyst"])
    page.keyboard.press("Enter")
    facts.wait()
    assert "COUNT" not in page.content()
    facts.let_go()
    chip = page.locator(".chip", has_text="left")
    chip.wait_for()
    left = chip.inner_text()
    late.let_go()
    page.get_by_role("link", name="Budget").click()
    page.get_by_role("heading", name="By query").wait_for()
    assert chip.inner_text() == left
    assert "ε 0.29" not in page.locator("main").inner_text()


def test_the_dataset_that_was_chosen_last_is_the_one_that_opens(fresh):
    """The demo has one dataset; a second of the same facts is made here."""
    page = fresh.page

    def two(route: Any) -> None:
        route.fulfill(json=route.fetch().json() | {"datasets": ["clinic", "slow"]})

    def slow(route: Any) -> None:
        facts = route.fetch(url=route.request.url.replace("slow", "clinic")).json()
        asked.append(route)
        answers.append(facts | {"name": "slow"})

    asked: list[Any] = []
    answers: list[dict[str, Any]] = []
    page.route("**/v1/me", two)
    page.route("**/v1/datasets/slow", slow)
    fresh.sign_in()
    chosen = page.get_by_label("Dataset")
    chosen.select_option("slow")
    deadline = time.monotonic() + 120
    while not answers and time.monotonic() < deadline:
        page.wait_for_timeout(5)
    with page.expect_response("**/v1/datasets/clinic"):
        chosen.select_option("clinic")
    page.locator(".cm-content").wait_for()
    if asked[0].request.failure is None:
        asked[0].fulfill(json=answers[0])
    page.get_by_role("link", name="History").click()
    page.get_by_role("heading", name="History").wait_for()
    assert chosen.input_value() == page.evaluate("sessionStorage.getItem('tacit.dataset')") == "clinic"


def test_a_dialog_closes_with_its_page_and_nothing_is_bought(console):
    console.write("SELECT COUNT(*) AS n FROM patients WHERE age > 41")
    console.page.get_by_label("ε", exact=True).fill("2.8")
    console.page.locator(".price-line", has_text="costs ε 2.80").wait_for()
    console.page.get_by_role("button", name="Run").click()
    console.page.get_by_role("dialog").wait_for()
    console.page.evaluate("location.hash = '#/history'")
    console.page.get_by_role("heading", name="History").wait_for()
    assert console.page.get_by_role("dialog").count() == 0
    assert "age > 41" not in console.page.locator("main").inner_text()


@pytest.mark.parametrize("loss", ["connection", "overloaded"])
def test_an_answer_that_was_lost_is_asked_for_again_and_paid_once(console, loss: str):
    keys: list[str] = []

    def lose(route: Any) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) > 1:
            return route.continue_()
        if loss == "overloaded":
            busy = {"type": "", "title": "Busy", "status": 503, "detail": "Busy.", "code": "overloaded"}
            return route.fulfill(status=503, headers={"Retry-After": "0"}, json=busy)
        route.fetch()  # the service answers, and charges; the connection breaks under its answer
        route.abort("connectionreset")

    console.page.route("**/v1/queries", lose)
    console.ask(f"{COUNT} AND age > 3{len(loss)}", "0.31")
    assert len(keys) == 2
    assert keys[0] == keys[1]
    console.page.get_by_role("link", name="Budget").click()
    spent = console.page.locator("table.releases tr", has_text=f"age > 3{len(loss)}")
    spent.first.wait_for()
    assert spent.count() == 1
    assert all("Failed to load resource" in fault for fault in console.faults)  # which the browser lists by itself
    console.faults.clear()
