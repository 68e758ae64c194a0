"""axe-core on every page, light and dark: no finding that is serious or worse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

ANALYST = ("query", "history", "explain", "training", "budget")
OWNER = ("dataset", "people", "spending", "journal", "lab")
RULES = {"resultTypes": ["violations"], "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}


def serious(page: Any, axe: str) -> list[str]:
    # Through the debugger, as a person's tools would: the page's own policy lets no other script in.
    page.evaluate(f"() => {{ {axe} }}")
    found = page.evaluate("rules => axe.run(document, rules)", RULES)
    return [
        f"{page.url}: {each['id']}: {node['target']}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


@pytest.fixture(scope="module")
def axe(node_modules: Path) -> str:
    return (node_modules / "axe-core/axe.min.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("who", "pages"), [("analyst", ANALYST), ("owner", OWNER)])
def test_no_page_has_a_serious_finding(fresh, axe: str, who: str, pages: tuple[str, ...], theme: str):
    page = fresh.page
    page.emulate_media(color_scheme=theme)
    page.goto(fresh.demo.url)
    page.get_by_label("API key").wait_for()
    found = serious(page, axe)
    fresh.sign_in(who)
    if who == "analyst":
        fresh.ask("SELECT region, COUNT(*) AS n FROM patients GROUP BY region", "0.19")
        page.get_by_text("Receipt", exact=True).click()
    for name in pages:
        page.goto(f"{fresh.demo.url}/#/{name}")
        page.locator(f"nav a[aria-current][href='#/{name}']").wait_for()
        page.locator("main h1").first.wait_for(state="attached")
        page.wait_for_timeout(250)
        found += serious(page, axe)
    assert found == []
