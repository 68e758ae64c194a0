"""The documentation as a site, built strictly: no dead link, no page that no menu has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_site_builds_without_a_dead_link_or_a_page_that_no_menu_has(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--quiet",
        "--site-dir",
        str(tmp_path),
    ]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    home = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "start.html" in home
    assert {p.stem for p in (ROOT / "docs").glob("*.md")} - {"README"} <= {p.stem for p in tmp_path.glob("*.html")}
    assert not list(tmp_path.rglob("*.py"))
