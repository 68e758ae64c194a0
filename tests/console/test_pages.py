"""The pages beyond the editor, in a real browser against the real service: training, and what an owner sees and does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

EVIL = "<img src=x onerror=alert(1)>"


def test_a_run_is_described_priced_trained_and_its_model_taken_along(console, tmp_path: Path):
    pytest.importorskip("torch", reason="needs torch, of the extra [train]")
    page = console.page
    page.goto(f"{console.demo.url}/#/training")
    line = page.locator(".price-line:has(strong)")
    line.filter(has_text="costs ε").wait_for()  # the first one loads the accountants
    assert page.get_by_label("Label", exact=True).input_value() == "region"  # from public facts
    page.get_by_label("ε of the whole run").fill("one")
    page.locator(".price-line.refused").wait_for()
    assert page.get_by_role("button", name="Train").is_disabled()
    page.get_by_label("ε of the whole run").fill("1")
    page.get_by_label("Units", exact=True).fill("4000")
    page.get_by_text("More parameters").click()
    page.get_by_label("Steps", exact=True).fill("25")
    page.get_by_label("Audit", exact=True).fill("canaries")
    line.filter(has_text="25 steps").wait_for()
    page.locator(".plot .curve").wait_for(state="attached")  # drawn once its width is known
    page.get_by_role("button", name="Train").click()
    dialog = page.get_by_role("dialog")
    dialog.or_(page.locator(".progress")).first.wait_for()
    if dialog.count():
        dialog.get_by_role("button", name=re.compile("Spend")).click()
    page.get_by_role("heading", name="Logistic regression for region").wait_for()
    page.locator(".badge", has_text="succeeded").wait_for()
    page.get_by_role("heading", name="Model card").wait_for()
    page.locator(".plot .curve").nth(1).wait_for(state="attached")
    card = page.locator(".card", has=page.get_by_role("heading", name="Model card")).inner_text()
    assert "What the guarantee does not cover" in card
    assert "patient" in card
    tested = page.locator(".card", has=page.get_by_role("heading", name="Put to the test"))
    assert tested.get_by_role("row", name=re.compile(r"^canaries \d+ made-up units .* holds$")).count() == 1
    page.get_by_label("age", exact=True).fill("41")
    page.get_by_label("sex", exact=True).select_option("F")
    page.get_by_role("button", name="Predict").click()
    page.locator("form", has_text="Try it").locator("strong", has_text=re.compile(r"^R\d$")).wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the model").click()
    download.value.save_as(tmp_path / "model")
    header = (tmp_path / "model").read_bytes()
    assert json.loads(header[8 : 8 + int.from_bytes(header[:8], "little")])
    page.get_by_role("link", name="All runs").click()
    page.locator("table", has_text="succeeded").wait_for()


def test_a_run_can_be_cancelled(console):
    """The run is real; only the worker is slow to take it, so that there is something to cancel."""
    pytest.importorskip("torch", reason="needs torch, of the extra [train]")
    page = console.page
    page.goto(f"{console.demo.url}/#/training")
    page.locator(".price-line", has_text="costs ε").wait_for()
    page.get_by_label("Units", exact=True).fill("4000")
    page.get_by_label("Epochs").fill("900")
    page.locator(".price-line", has_text="45000 steps").wait_for()
    page.get_by_role("button", name="Train").click()
    dialog = page.get_by_role("dialog")
    dialog.or_(page.locator(".progress")).first.wait_for()
    if dialog.count():
        dialog.get_by_role("button", name=re.compile("Spend")).click()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop the run").click()
    page.locator(".badge", has_text="cancelled").wait_for()
    assert "for good" in page.locator(".stat", has_text="Charged").inner_text()
    assert page.get_by_role("button", name="Cancel").count() == 0


def test_an_owner_sees_the_policy_line_by_line_and_no_editor(owner):
    page = owner.page
    names = page.get_by_role("navigation").get_by_role("link").all_inner_texts()
    assert names == ["Dataset", "People", "Spending", "Journal", "What if"]
    line = page.locator(".lines li", has_text="region: { type: string, categories")
    assert "COUNT, GROUP BY 8 declared keys, no δ" in line.locator(".said").inner_text()
    assert "patient is protected" in page.locator(".lines li", has_text="privacy_unit:").inner_text()
    assert page.locator(".cm-editor").count() == 0


def test_an_owner_gives_an_account_and_a_key_that_opens(owner):
    page = owner.page
    page.get_by_role("link", name="People").click()
    page.get_by_role("button", name="Give an account").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("eve")
    dialog.get_by_label("Lifetime ε").fill("lots")
    dialog.get_by_role("button", name="Give the account").click()
    dialog.get_by_role("alert").filter(has_text="epsilon").wait_for()
    dialog.get_by_label("Lifetime ε").fill("0.5")
    dialog.get_by_role("button", name="Give the account").click()
    row = page.get_by_role("region", name="Accounts").locator("tr", has_text="eve")
    row.wait_for()
    assert "given by an owner" in row.inner_text()
    page.get_by_role("button", name="Make a key").click()
    page.get_by_role("dialog").get_by_label("Holder").fill("eve")
    page.get_by_role("dialog").get_by_label("Datasets").fill("clinic")
    page.get_by_role("dialog").get_by_role("button", name="Make the key").click()
    secret = page.get_by_label("Secret").inner_text()
    page.get_by_role("button", name="Done").click()
    assert secret not in page.content()
    row.get_by_role("button", name="Freeze").click()
    page.get_by_role("dialog").get_by_label("Reason").fill(EVIL)
    page.get_by_role("dialog").get_by_role("button", name="Freeze").click()
    row.locator(".badge", has_text="frozen").wait_for()
    page.get_by_role("link", name="Journal").click()
    page.locator("td", has_text=EVIL).first.wait_for()
    assert page.locator("main img").count() == 0
    page.get_by_role("button", name="Verify the whole ledger").click()
    page.locator(".verdict.good", has_text="The ledger is whole").wait_for()
    answer = page.request.get(f"{owner.demo.url}/v1/me", headers={"Authorization": f"Bearer {secret}"})
    assert answer.json()["principal"] == "eve"


def test_an_owner_sees_who_spent_what(owner):
    body = {"dataset": "clinic", "sql": "SELECT COUNT(*) AS n FROM visits WHERE cost > 77", "epsilon": "0.07"}
    headers = {"Authorization": f"Bearer {owner.demo.keys['second_analyst']}"}
    assert owner.page.request.post(f"{owner.demo.url}/v1/queries", headers=headers, data=body).ok
    owner.page.get_by_role("link", name="Spending").click()
    row = owner.page.get_by_role("region", name="Charges").locator("tr", has_text="cost > 77")
    row.wait_for()
    assert "second_analyst" in row.inner_text()
    assert "ε 0.07" in row.inner_text()
    people = owner.page.get_by_role("region", name="Spending by analyst and dataset")
    assert "second_analyst" in people.inner_text()
    owner.page.get_by_role("button", name="Add them up").click()
    owner.page.locator(".card", has_text="All charges together").get_by_text("Spent ε").first.wait_for()


def test_what_if_marks_a_broken_line_and_rehearses_a_whole_draft(owner):
    page = owner.page
    page.get_by_role("link", name="What if").click()
    editor = page.get_by_label("Policy draft")
    page.locator(".badge.good", has_text="reads well").wait_for()
    text = editor.inner_text()
    assert "privacy_unit:" in text
    page.get_by_role("button", name="An empty one").click()
    page.locator(".badge.good", has_text="reads well").wait_for()
    editor.click()
    page.keyboard.press("Control+End")
    page.keyboard.type(f"spare: '{EVIL}'")
    page.locator(".badge.bad", has_text="1 problem").wait_for()
    assert "not a field of a policy" in page.locator(".lab").inner_text()
    assert page.locator(".cm-lintRange-error").count() == 1
    page.keyboard.press("Shift+Home")
    page.keyboard.press("Delete")
    page.locator(".badge.good", has_text="reads well").wait_for()
    page.get_by_label("How many").fill("300")
    page.get_by_label("ε to try").fill("0.1, 2")
    page.get_by_role("button", name="Rehearse").click()
    table = page.locator("table.verdicts")
    table.wait_for()
    count = table.locator("tr", has_text="SELECT COUNT(*) AS n FROM people")
    assert "±30" in count.inner_text()
    assert "37 a year" in count.inner_text()  # as the ledger would admit, both lanes considered
    assert table.locator("th").all_inner_texts() == ["Question", "ε 0.10", "ε 2.00"]
    assert page.locator("main img").count() == 0
