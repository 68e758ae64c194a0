"""The README's session, run as it stands against the demo that `make serve` starts."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tacit import wire

ROOT = Path(__file__).resolve().parents[2]
SESSION = (ROOT / "README.md").read_text(encoding="utf-8").partition("## A session")[2].partition("\n## ")[0]


def block(kind: str) -> str:
    found = re.search(rf"^```{kind}\n(.*?)^```$", SESSION, re.M | re.S)
    assert found, f"the README's session has no {kind} block"
    return found[1]


def test_the_ten_minute_start_does_what_it_says(environment: dict[str, str]) -> None:
    """Each command of the page, as it stands, by the terminal that it tells to use."""
    page = (ROOT / "docs/start.md").read_text(encoding="utf-8")
    commands = re.findall(r"^tacit .*$", page, re.M)
    script = "".join(f'{command} 2>&1; echo "= $?"\n' for command in commands)
    own = {"TACIT_DATASET": "clinic", "TACIT_KEY": environment["SECOND_KEY"]}  # others buy as the first analyst
    told = run(["sh"], environment | own, script)
    refused = ["SELECT income" in command for command in commands]
    assert [code != "0" for code in re.findall(r"^= (\d)$", told, re.M)] == refused
    assert sum(refused) == 1
    assert len(commands) == 6
    for promise in ("costs ε 0.1 of", "patients ±30 (95 %)", "±30\n", "Try: ", "costs ε 0.146", "±20 (95 %)"):
        assert promise in told, promise


def run(command: list[str], environment: dict[str, str], script: str) -> str:
    done = subprocess.run(
        command, input=script, env=environment, cwd=environment["HOME"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="the README's session needs curl, which .ci/run installs")
def test_the_session_over_curl(environment: dict[str, str]) -> None:
    calls = "\n".join(line for line in block("sh").splitlines() if not line.startswith("export "))
    quote, answer = run(["sh", "-e"], environment, calls.replace("curl -s", "echo; curl -s")).split("\n{")[1:]
    assert wire.Quote.model_validate_json("{" + quote).price.epsilon == "0.1"
    assert wire.Answer.model_validate_json("{" + answer).receipt.charged.epsilon == "0.1"


def test_the_session_in_python(environment: dict[str, str]) -> None:
    printed = run([sys.executable, "-"], environment, block("python"))
    assert printed.startswith("0.5 [None, ")
    assert "region" in printed
    assert "unit" in printed or "aggregate" in printed, "the refusal says what is missing"
