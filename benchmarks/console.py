"""The console in a real browser: first useful paint, and from a keystroke to its price.

    python benchmarks/console.py --keys 100

Starts the demo on loopback and Debian's chromium. A key's time is from ``keydown`` until the price line shows the
quote of the new text, the console's own wait for the next key included; beside it, in the same page and turn by turn, a
bare ``POST /v1/quotes`` of a text as new, so that a slow machine slows both. Paint is the time from navigation to the
first sight of the sign-in form, and to the editor with a key kept in the tab, in a new context each time.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

SQL = "SELECT region, COUNT(*) AS n FROM patients WHERE income > 1"

WATCH = """() => {
  window.told = [];
  let pressed = 0;
  document.addEventListener("keydown", () => { pressed = performance.now(); }, true);
  const line = document.querySelector(".price-line");
  new MutationObserver(() => {
    if (pressed && !line.classList.contains("stale")) { window.told.push(performance.now() - pressed); pressed = 0; }
  }).observe(line, { attributes: true, childList: true, subtree: true, characterData: true });
}"""

BARE = """async ([sql, key]) => {
  const started = performance.now();
  const answer = await fetch("/v1/quotes", { method: "POST", body: JSON.stringify({ dataset: "clinic", sql }),
    headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" } });
  await answer.json();
  return performance.now() - started;
}"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--keys", type=int, default=60, help="keystrokes (60)")
    parser.add_argument("--paints", type=int, default=10, help="page loads (10)")
    chosen = parser.parse_args()
    command = [str(Path(sys.executable).with_name("tacit-service")), "demo", "--serve", "--json", "--port", "0"]
    with tempfile.TemporaryDirectory() as home:
        plain = {name: value for name, value in os.environ.items() if not name.startswith("TACIT_")}
        with subprocess.Popen(command, env=plain | {"TMPDIR": home}, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                demo = json.loads(process.stdout.readline())
                measure(demo["url"], demo["keys"]["analyst"], chosen.keys, chosen.paints)
            finally:
                process.terminate()


def measure(url: str, key: str, keys: int, paints: int) -> None:
    """All figures, in milliseconds."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        for name, secret, ready in (("sign-in form", None, "#key"), ("editor, signed in", key, ".cm-content")):
            print(f"first useful paint, {name}: {said([paint(browser, url, secret, ready) for _ in range(paints)])}")
        typed, bare = keystrokes(browser, url, key, keys)
        print(f"keystroke to its price: {said(typed)}")
        print(f"bare quote, same page:  {said(bare)}")
        print(f"ratio of the medians: {statistics.median(typed) / statistics.median(bare):.2f}")
        browser.close()


def paint(browser: Any, url: str, secret: str | None, ready: str) -> float:
    """From navigation until ``ready`` is visible and painted."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    if secret is not None:
        context.add_init_script(f"sessionStorage.setItem('tacit.key', {json.dumps(secret)})")
    page = context.new_page()
    page.add_init_script(
        f"""new MutationObserver((_, self) => {{ const found = document.querySelector({json.dumps(ready)});
        if (found && found.getClientRects().length) {{ self.disconnect();
          requestAnimationFrame(() => setTimeout(() => {{ window.painted = performance.now(); }})); }} }})
        .observe(document, {{ childList: true, subtree: true }})"""
    )
    page.goto(url)
    until(page, "Boolean(window.painted)")
    took = float(page.evaluate("window.painted"))
    context.close()
    return took


def until(page: Any, expression: str) -> None:
    """Look again until it holds; through the debugger, since the page's own policy evaluates no strings."""
    while not page.evaluate(expression):
        page.wait_for_timeout(5)


def keystrokes(browser: Any, url: str, key: str, keys: int) -> tuple[list[float], list[float]]:
    """Times of single digits typed at the end of a statement, and of bare quotes of texts as new, turn by turn."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(url)
    page.get_by_label("API key").fill(key)
    page.keyboard.press("Enter")
    page.locator(".cm-content").click()
    page.keyboard.insert_text(f"{SQL} GROUP BY region")
    for _ in range(len(" GROUP BY region")):
        page.keyboard.press("ArrowLeft")
    page.locator(".price-line:not(.stale) strong").wait_for()
    page.evaluate(WATCH)
    bare = []
    for turn in range(keys):
        page.keyboard.press("Backspace" if turn % 5 == 4 else str(turn % 10))
        until(page, f"window.told.length > {turn}")
        bare.append(float(page.evaluate(BARE, [f"{SQL}{turn}7 GROUP BY region", key])))
    return [float(each) for each in page.evaluate("window.told")], bare


def said(times: list[float]) -> str:
    """Median, 95th percentile and count."""
    ordered = sorted(times)
    return f"p50 {statistics.median(ordered):.0f} ms, p95 {ordered[int(0.95 * (len(ordered) - 1))]:.0f} ms (n={len(times)})"


if __name__ == "__main__":
    main()
