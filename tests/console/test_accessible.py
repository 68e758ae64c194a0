"""axe-core on every page, light and dark: no finding that is serious or worse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

ANALYST = {"query": "Query", "history": "History", "explain": "Explain", "training": "Training", "budget": "Budget"}
OWNER = {"dataset": "clinic", "people": "People", "spending": "Spending", "journal": "Journal", "lab": "What if"}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
"""All that another theme changes: the same elements stand in the page."""


def serious(page: Any, only: Any) -> list[str]:
    found = page.evaluate("only => axe.run(document, { resultTypes: ['violations'], runOnly: only })", only)
    return [
        f"{page.url}: {each['id']}: {node['target']}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


def in_both_themes(page: Any) -> list[str]:
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    found = serious(page, RULES)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    return found + serious(page, COLOURS)


@pytest.fixture(scope="module")
def axe(node_modules: Path) -> str:
    return (node_modules / "axe-core/axe.min.js").read_text(encoding="utf-8")


@pytest.mark.parametrize(("who", "pages"), [("analyst", ANALYST), ("owner", OWNER)])
def test_no_page_has_a_serious_finding(fresh, axe: str, who: str, pages: dict[str, str]):
    page = fresh.page
    page.goto(fresh.demo.url)
    page.get_by_label("API key").wait_for()
    # Through the debugger, as a person's tools would: the page's own policy lets no other script in.
    page.evaluate(f"() => {{ {axe} }}")
    found = in_both_themes(page) if who == "analyst" else []
    fresh.enter(who)
    if who == "analyst":
        fresh.ask("SELECT clinic, COUNT(*) AS n FROM visits GROUP BY clinic", "0.19")
        page.get_by_text("Receipt", exact=True).click()
    for name, title in pages.items():
        page.goto(f"{fresh.demo.url}/#/{name}")  # the same document
        page.locator(f"nav a[aria-current][href='#/{name}']").wait_for()
        page.locator("main h1", has_text=title).wait_for(state="attached")
        page.locator("main .loading, main [aria-busy]").first.wait_for(state="detached")
        found += in_both_themes(page)
    assert found == []
