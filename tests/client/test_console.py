"""The console as a person uses it: keys through prompt_toolkit's own input pipe, and once in a real pseudo-terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from tacit_test_service import GROUPED, HOSTILE, MONTHS, TYPO, Account

import tacit
from tacit.shell.console import Console
from tacit.shell.session import Options

Type = Callable[..., tuple[str, str]]


@pytest.fixture
def type_in(
    client: tacit.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Type:
    """``type_in("SELECT 1;\\n")`` types into a console until it ends, pausing between parts; its stdout and stderr."""
    monkeypatch.setenv("TACIT_HISTORY", str(tmp_path / "state" / "history"))
    monkeypatch.chdir(tmp_path)

    def type_in(*parts: str) -> tuple[str, str]:
        with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):

            def press() -> None:
                for number, part in enumerate((*parts, "\\q\n")):
                    time.sleep(0.5 if 0 < number < len(parts) else 0)  # completion runs between keys
                    pipe.send_text(part.replace("\n", "\r"))

            fingers = threading.Thread(target=press)
            fingers.start()
            assert Console(client, Options(dataset="clinic")).run() == 0
            fingers.join()
        return tuple(capsys.readouterr())  # type: ignore[return-value]

    return type_in


def test_a_statement_of_several_lines_runs_at_its_semicolon(type_in: Type, account: Account) -> None:
    out, err = type_in("SELECT region, COUNT(*) AS n\nFROM patients\nGROUP BY region;\n")
    assert account.requests[-1][2]["sql"] == "SELECT region, COUNT(*) AS n\nFROM patients\nGROUP BY region"
    assert " north  |  1,234 ±14" in out
    assert err.splitlines()[1:] == [
        "Dataset clinic: ε 3 of 3 left.",
        "-- costs ε 0.1 of ε 3, δ 1e-6 left · n ±14 (95 %) · about 30 more like this",
        "-- ε 0.1 charged, ε 2.9, δ 1e-6 left, release rel_1",
    ]


@pytest.mark.parametrize(("said", "charges"), [("y\n", 1), ("n\n", 0), ("\n", 0), ("\x03", 0)])
def test_much_of_what_is_left_is_asked_about(type_in: Type, account: Account, said: str, charges: int) -> None:
    _, err = type_in(f"\\epsilon 0.5\n{GROUPED};\n{said}")
    assert account.charges == charges
    assert ("nothing was charged" in err) is (charges == 0)


def test_how_much_is_much_can_be_set(type_in: Type, account: Account) -> None:
    type_in(f"\\confirm 0.5\n\\epsilon 0.5\n{GROUPED};\n")
    assert account.spent == Decimal("0.5")


def test_a_refusal_leaves_the_console_running(type_in: Type, account: Account) -> None:
    out, err = type_in(f"{TYPO};\n\\nonsense\n\\epsilon x\n\\d nowhere\n{GROUPED};\n")
    assert "    |            ^^^^^\nFix: Did you mean income?\n" in err
    assert "no command \\nonsense: \\? lists them" in err
    assert "x is no number" in err
    assert "clinic has no table nowhere" in err
    assert "(3 rows)" in out
    assert account.charges == 1


def test_a_budget_that_is_spent_is_told_without_a_question(type_in: Type, account: Account) -> None:
    account.spent = Decimal("2.95")
    _, err = type_in(f"{GROUPED};\n")
    assert "more than is left" in err
    assert "budget_exhausted: ε 0.1 is more than is left.\nLeft: ε 0.05" in err


def test_a_command_between_the_lines_of_a_statement_is_obeyed_and_the_statement_goes_on(
    type_in: Type, account: Account
) -> None:
    out, err = type_in("SELECT region, COUNT(*) AS n\n\\x\n", "FROM patients\nquit\n", "GROUP BY region;\n")
    assert account.requests[-1][2]["sql"].startswith("SELECT region, COUNT(*) AS n\nFROM patients")
    assert "expanded display on" in err
    assert "Use \\q for that" in err
    assert out.startswith("-[ 1 ]-")


@pytest.mark.parametrize("leave", ["quit\n", "exit;\n", "SELECT 1\n\\q\n"])
def test_ways_to_leave(type_in: Type, account: Account, leave: str) -> None:
    type_in(leave, f"{GROUPED};\n")
    assert account.charges == 0


def test_help_alone_is_the_list_of_commands(type_in: Type) -> None:
    assert "\\explain [SELECT …]" in type_in("help\n")[1]


def test_ctrl_c_cancels_the_line(type_in: Type, account: Account) -> None:
    out, _ = type_in(f"SELECT no\nsuch thing\x03{GROUPED};\n")
    assert [r[2]["sql"] for r in account.requests if r[0] == "POST /v1/queries"] == [GROUPED]
    assert "(3 rows)" in out


def test_backslash_commands(type_in: Type, account: Account) -> None:
    out, err = type_in(
        f"\\dt\n\\d patients\n\\cost {GROUPED};\n\\explain {GROUPED}\n\\budget\n\\datasets\n\\timing\n\\x\n{GROUPED};\n"
        "\\receipts\n\\release rel_1\n\\format json\n\\d regions\n\\c clinic\n\\?\n"
    )
    assert "patients | protected | one" in out
    assert "One patient counts in at most 10 groups" in out
    assert re.search(r"region +\| string +\| +\| +\| east, north, south", out)
    assert "r1            | n       | laplace | 10" in out
    assert "    Scan patients [protected by patient_id]\n" in out
    assert "clinic  |       3 |       0 |      3" in out
    assert out.count("region | north\nn      | 1,234 ±14\n") == 2
    assert "rel_1   | 0.1       | 0" in out
    assert '"name": "regions", "public": true' in out
    assert re.search(r"Time: \d+\.\d ms", err)
    assert "\\explain [SELECT …]" in err
    assert account.charges == 1


def test_cost_without_a_statement_prices_the_last(type_in: Type, account: Account) -> None:
    out, err = type_in(f"\\cost\n{GROUPED};\n\\cost\n")
    assert "give a SELECT, or run one first" in err
    assert out.count("costs ε 0.1") == 1


def test_results_go_to_a_file_and_back(type_in: Type, tmp_path: Path) -> None:
    out, err = type_in(f"\\format csv\n\\o months.csv\n{MONTHS};\n\\o\n{GROUPED};\n\\o /nowhere/x\n")
    assert (tmp_path / "months.csv").read_text(encoding="utf-8").splitlines()[1].startswith("2026-01-01,1234567,")
    assert out == "region,n,n_low,n_high\neast,980,966,994\nnorth,1234,1220,1248\nsouth,20512,20498,20526\n"
    assert "cannot write /nowhere/x" in err


def test_history_is_kept_for_its_owner_alone(type_in: Type, tmp_path: Path, account: Account) -> None:
    type_in(f"{GROUPED};\n")
    file = tmp_path / "state" / "history"
    assert GROUPED in file.read_text(encoding="utf-8")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    type_in("\x1b[A\x1b[A\n")  # up over "\q" to the statement, and run it
    assert account.charges == 2


def test_completion_by_tab(type_in: Type, account: Account) -> None:
    type_in("SELECT COUNT(*) FROM pati", "\t", ";\n")
    assert account.requests[-1][2]["sql"] == "SELECT COUNT(*) FROM patients"


def test_an_answer_that_was_lost_is_the_same_purchase_when_asked_again(type_in: Type, account: Account) -> None:
    account.failures = []
    sent: list[str] = []

    def fail_the_first() -> None:
        while not [r for r in account.requests if r[0] == "POST /v1/quotes"]:
            time.sleep(0.005)
        account.failures.append((500, {"code": "internal", "detail": "A fault."}, {}))

    watcher = threading.Thread(target=fail_the_first)
    watcher.start()
    type_in(f"{GROUPED};\n{GROUPED};\n{GROUPED};\n")
    watcher.join()
    sent = [headers["idempotency-key"] for path, headers, _ in account.requests if path == "POST /v1/queries"]
    assert sent[0] == sent[1] != sent[2]
    assert account.charges == 2


class Terminal:
    """A console in a pseudo-terminal."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._main, side = pty.openpty()
        command = [sys.executable, "-m", "tacit.cli", "console"]
        self.process = subprocess.Popen(
            command, env=environment, stdin=side, stdout=side, stderr=side, start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # tests in the background ignore it
        )  # fmt: skip
        os.close(side)

    def expect(self, pattern: str, timeout_s: float = 20.0) -> str:
        """Read until the pattern, as it would be seen, has appeared; everything raw since the last time."""
        raw, deadline = "", time.monotonic() + timeout_s
        while not re.search(pattern, re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", raw), re.DOTALL):
            assert time.monotonic() < deadline, f"no {pattern!r} in {raw!r}"
            if select.select([self._main], [], [], 0.1)[0]:
                raw += os.read(self._main, 65536).decode(errors="replace")
                if raw.endswith("\x1b[6n"):  # asks where the cursor is
                    self.send("\x1b[1;1R")
        return raw

    def send(self, text: str) -> None:
        os.write(self._main, text.encode())

    def close(self) -> int:
        try:
            return self.process.wait(60)
        finally:
            self.process.kill()
            os.close(self._main)


@pytest.fixture
def terminal(environment: dict[str, str]) -> Iterator[Terminal]:
    terminal = Terminal(environment)
    try:
        yield terminal
    finally:
        if terminal.process.poll() is None:
            terminal.process.kill()
            terminal.process.wait()


def test_in_a_real_terminal(terminal: Terminal, account: Account) -> None:
    terminal.expect("clinic=>")
    terminal.send(f"{HOSTILE};\r")
    shown = terminal.expect(r"\(1 row\).*clinic=>")
    answer = shown[shown.rindex("-- costs") : shown.rindex("(1 row)")]
    assert "img src=x" in answer
    assert not set(answer) & set("\x1b\x07\x9b\u202e\x00")
    assert "\x1b]0;owned" not in shown
    account.wait_s = 2.0
    terminal.send(f"{GROUPED};\r")
    deadline = time.monotonic() + 120
    while account.requests[-1][0] != "POST /v1/queries" or account.requests[-1][2]["sql"] != GROUPED:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(terminal.process.pid, signal.SIGINT)
    terminal.expect("may have been charged.*clinic=>")
    terminal.send(f"{GROUPED};\r")
    terminal.expect(r"\(3 rows\).*clinic=>")
    terminal.send("\x04")
    assert terminal.close() == 0
    assert account.charges == 2, "the interrupted statement was the same purchase when it ran again"
