from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

CHROMIUM = shutil.which("chromium")
COMMAND = [str(Path(sys.executable).with_name("tacit-service")), "demo", "--serve", "--json", "--port", "0"]
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-software-rasterizer",
    "--disable-extensions",
    "--no-default-browser-check",
    "--mute-audio",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


PATIENCE_MS = int(os.environ.get("TACIT_TEST_PATIENCE_MS", "120000"))
"""How long a state of the page is waited for: far longer than it takes, since the machine may be busy with other things."""

SIZE = {"width": 1280, "height": 900}
ROOM = Path(__file__).resolve().parents[2] / "service/tacit_service/console"


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the console is developed with, as the lock file says: the checkout's, or installed aside."""
    if (ROOM / "node_modules/axe-core").is_dir():
        return ROOM / "node_modules"
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("needs Node with npm, which only changing the console needs")
    aside = tmp_path_factory.mktemp("node")
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(ROOM / name, aside / name)
    subprocess.run([npm, "ci", "--silent"], cwd=aside, check=True, timeout=300)
    return aside / "node_modules"


@dataclass(frozen=True)
class Demo:
    """The real service over made-up data, with its keys."""

    url: str
    keys: dict[str, str]


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    home = tmp_path_factory.mktemp("console")
    plain = {name: value for name, value in os.environ.items() if not name.startswith("TACIT_")}
    command = [*COMMAND, "--rows", "20000", "--epsilon", "20"]
    with subprocess.Popen(
        command, cwd=home, env=plain | {"TMPDIR": str(home)}, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            started = json.loads(process.stdout.readline())
            yield Demo(started["url"], started["keys"])
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    # Of the module, not of the session: while it runs, Playwright holds this thread's event loop.
    if CHROMIUM is None:
        pytest.skip("needs Debian's chromium, which .ci/run installs")
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright, of the extra [dev]")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Console:
    """A page of the console, and what went wrong on it."""

    page: Any
    demo: Demo
    faults: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Note errors, violations of the content policy, and every request to another host."""
        self.page.on("pageerror", lambda error: self.faults.append(f"exception: {error}"))
        self.page.on("console", lambda message: self._said(message))
        self.page.on("request", lambda request: self._asked(request.url))
        self.page.on("dialog", lambda dialog: (self.faults.append(f"dialog: {dialog.message}"), dialog.dismiss()))

    def _said(self, message: Any) -> None:
        # A refused statement is a 4xx answer, which the browser lists by itself; anything else is a fault.
        refused = message.text.startswith("Failed to load resource: the server responded with a status of 4")
        if message.type in ("error", "warning") and not refused:
            self.faults.append(f"{message.type}: {message.text}")

    def _asked(self, url: str) -> None:
        if urlsplit(url).scheme not in ("blob", "data") and not url.startswith(self.demo.url):
            self.faults.append(f"request: {url}")

    def sign_in(self, who: str = "analyst", at: str = "/") -> None:
        self.page.goto(self.demo.url + at)
        self.enter(who)

    def start_anew(self, who: str = "analyst") -> None:
        """Sign out, which forgets everything, and in again; on a new document where that is not possible."""
        self.page.unroute_all(behavior="ignoreErrors")
        self.page.set_viewport_size(SIZE)
        self.page.emulate_media(color_scheme="light", reduced_motion="reduce")
        menu = self.page.locator(".menu")
        if self.page.locator("dialog").count() or not menu.count():
            self.page.goto(self.demo.url)
            self.page.evaluate("sessionStorage.clear()")
            self.faults.clear()
            return self.sign_in(who)
        menu.evaluate("menu => menu.querySelector('button:last-of-type').click()")  # by hand in a test of its own
        self.page.get_by_label("API key").wait_for()
        self.page.evaluate("history.replaceState(null, '', '/')")
        self.faults.clear()
        self.enter(who)

    def enter(self, who: str) -> None:
        """Sign in on the form that is shown."""
        self.page.get_by_label("API key").fill(self.demo.keys[who])
        self.page.keyboard.press("Enter")
        self.page.get_by_role("navigation").wait_for()
        if who.endswith("analyst"):
            self.page.locator(".cm-content").wait_for()

    def write(self, sql: str) -> None:
        """Put a statement into the editor, in place of what is there."""
        self.page.locator(".cm-content").focus()  # a list of completions may lie over it
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(sql)

    def price(self) -> str:
        """The price line, once it says a price."""
        line = self.page.locator(".price-line:not(.stale):has(strong)")
        line.wait_for()
        return str(line.inner_text())

    def until(self, expression: str) -> None:
        """Wait until it holds; through the debugger, since the page's own policy evaluates no strings."""
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while not self.page.evaluate(expression):
            assert time.monotonic() < deadline, f"never: {expression}"
            self.page.wait_for_timeout(20)

    def ask(self, sql: str, epsilon: str = "") -> None:
        """Write, choose ε, run, wait for the answer."""
        self.write(sql)
        if epsilon:
            self.page.get_by_label("ε", exact=True).fill(epsilon)
        # what this tab showed before is no answer to this question
        self.page.evaluate("document.querySelectorAll('.answer-view').forEach(view => view.dataset.before = '')")
        self.page.locator(".cm-content").focus()
        self.page.keyboard.press("Control+Enter")
        self.page.locator(".answer-view:not([data-before])").wait_for()


def opened(browser: Any, demo: Demo) -> Console:
    """A context of its own, watched."""
    # Without motion: a spinner that turns paints sixty times a second, on the cores that its answer waits for.
    context = browser.new_context(viewport=SIZE, accept_downloads=True, reduced_motion="reduce")
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=demo.url)
    console = Console(context.new_page(), demo)
    console.page.set_default_timeout(PATIENCE_MS)
    console.watch()
    return console


@pytest.fixture
def fresh(browser: Any, demo: Demo) -> Iterator[Console]:
    """A new browser context that has not signed in; the test fails when anything went wrong on its page."""
    console = opened(browser, demo)
    yield console
    console.page.context.close()
    assert console.faults == []


@pytest.fixture(scope="module")
def shared(browser: Any, demo: Demo) -> Iterator[Console]:
    """A page that the tests of a module use one after another: loading it is dearer than most of what they do there."""
    console = opened(browser, demo)
    yield console
    console.page.context.close()


@pytest.fixture
def console(shared: Console) -> Iterator[Console]:
    """That page, signed in anew as the demo's analyst: nothing of the test before is left in it."""
    shared.start_anew()
    yield shared
    assert shared.faults == []


@pytest.fixture
def owner(shared: Console) -> Iterator[Console]:
    """The same page, signed in as the demo's owner."""
    shared.start_anew("owner")
    yield shared
    assert shared.faults == []
