"""The terminal command as people and scripts run it: a process of its own, its output, its exit code, its speed."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest
from tacit_test_service import GROUPED, HOSTILE, KEY, MONTHS, TYPO, Account, Run

from tacit import wire
from tacit.shell import render


def test_a_query_prints_the_answer_and_keeps_the_price_apart(run: Run) -> None:
    done = run("query", GROUPED, "--epsilon", "0.1")
    assert done.returncode == 0
    assert done.stdout.splitlines()[3:] == [" north  |  1,234 ±14", " south  | 20,512 ±14", "(3 rows)"]
    assert done.stderr == "-- ε 0.1 charged, ε 2.9, δ 1e-6 left, release rel_1\n"


def test_csv_is_exact_and_has_the_intervals(run: Run) -> None:
    done = run("query", MONTHS, "-o", "csv")
    assert list(csv.reader(io.StringIO(done.stdout))) == [
        ["month", "visits", "visits_low", "visits_high", "share", "share_low", "share_high", "known"],
        ["2026-01-01", "1234567", "1218000", "1251134", "0.51234", "0.5", "0.54", "true"],
        ["2026-02-01", "", "", "", "", "", "", ""],
    ]


def test_json_is_the_answer(run: Run, account: Account) -> None:
    answer = json.loads(run("query", GROUPED, "-o", "json").stdout)
    assert answer == account.releases["rel_1"].model_dump(mode="json")


def test_a_statement_may_come_from_stdin_with_its_semicolon(run: Run, account: Account) -> None:
    assert run("query", "-", stdin=GROUPED + ";\n").returncode == 0
    assert account.requests[-1][2]["sql"] == GROUPED


def test_a_quote_is_free_and_says_what_to_expect(run: Run, account: Account) -> None:
    done = run("quote", GROUPED, "--epsilon", "0.1")
    assert done.returncode == 0
    assert done.stdout.startswith("costs ε 0.1 of ε 3, δ 1e-6 left · n ±14 (95 %) · about 30 more like this\n")
    assert "laplace" in done.stdout
    assert json.loads(run("quote", GROUPED, "-o", "json").stdout)["price"] == {"epsilon": "0.1", "delta": "0"}
    assert run("quote", GROUPED, "-o", "csv").stdout == "column,kind,plus_minus,note\nregion,key,,\nn,noisy,14.0,\n"
    assert account.charges == 0


def test_budget_datasets_and_explain(run: Run) -> None:
    assert run("budget").stdout.splitlines()[2].split(" | ")[1:4] == ["      3", "      0", "     3"]
    assert run("budget", "-o", "csv").stdout.startswith("dataset,limit_epsilon,spent_epsilon,left_epsilon,")
    assert run("datasets").stdout == "clinic\n"
    assert "patients | protected | one" in run("datasets", "clinic").stdout
    assert run("explain", GROUPED).stdout.splitlines()[1] == "  Aggregate count by region"


def test_a_refusal_exits_1_and_points_at_the_place(run: Run, account: Account) -> None:
    done = run("query", TYPO)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "tacit: unknown_column: patients has no column incme.",
        "  2 |        AVG(incme) FROM patients",
        "    |            ^^^^^",
        "Fix: Did you mean income?",
    ]
    assert account.charges == 0


@pytest.mark.parametrize(
    ("arguments", "changes"),
    [
        (["query"], {}),
        (["query", ""], {}),
        (["query", GROUPED, "--max-rows", "many"], {}),
        (["query", GROUPED, "--max-rows", "0"], {}),
        (["query", GROUPED, "--confirm", "--epsilon", "0.5"], {"TACIT_CONFIRM_ABOVE": "5"}),
        (["console", "-c", "\\epsilon 0"], {}),
        (["console", "-c", "\\confirm 5"], {}),
        (["query", GROUPED, "--max-amount", "NaN"], {}),
        (["query", GROUPED, "--timeout", "-1"], {}),
        (["budget"], {"TACIT_URL": None}),
        (["budget"], {"TACIT_URL": "nonsense"}),
        (["budget"], {"TACIT_KEY": None}),
        (["budget"], {"TACIT_KEY": None, "TACIT_KEY_FILE": "missing"}),
        (["quote", GROUPED], {"TACIT_DATASET": None}),
        (["console", "-f", "missing.sql"], {}),
        ([], {}),
    ],
)
def test_wrong_usage_exits_2(run: Run, arguments: list[str], changes: dict[str, str | None]) -> None:
    done = run(*arguments, **changes)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr


def test_usage_errors_speak_the_command_line(run: Run) -> None:
    assert "0 is no whole number of 1 or more" in run("query", GROUPED, "--max-rows", "0").stderr
    assert "--dataset or TACIT_DATASET" in run("query", GROUPED, TACIT_DATASET=None).stderr


def test_a_budget_says_why_less_delta_is_left_than_limit_less_spent() -> None:
    def shown(left: str) -> str:
        limit, spent = wire.Spend(epsilon="3", delta="0.000001"), wire.Spend(epsilon="0", delta="0")
        remaining = wire.Spend(epsilon="3", delta=left)
        account = wire.AccountBudget(dataset="clinic", limit=limit, spent=spent, remaining=remaining, releases=0)
        render.budget(out := io.StringIO(), wire.Budget(analyst="ada", accounts=[account]), "table")
        return out.getvalue()

    assert "keeps parts of δ" in shown("0.0000005")
    assert "keeps parts of δ" not in shown("0.000001")


def test_the_console_takes_the_only_dataset(run: Run, account: Account) -> None:
    assert run("console", "-c", GROUPED, TACIT_DATASET=None).returncode == 0
    assert account.requests[-1][2]["dataset"] == "clinic"


def test_a_fix_that_speaks_http_is_told_as_a_command(run: Run, account: Account) -> None:
    hint = "GET /v1/datasets lists the datasets that this key may use."
    account.failures.append((404, {"code": "not_found", "detail": "No dataset has this name.", "hint": hint}, {}))
    done = run("query", GROUPED)
    assert "Fix: tacit datasets lists those" in done.stderr
    assert "GET" not in done.stderr


def test_an_exhausted_budget_exits_3(run: Run, account: Account) -> None:
    account.spent = Decimal("2.95")
    done = run("query", GROUPED)
    assert done.returncode == 3
    assert "Left: ε 0.05, δ 1e-6" in done.stderr


def test_nobody_there_exits_4(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    done = run("query", GROUPED, "--url", f"http://127.0.0.1:{port}")
    assert done.returncode == 4
    assert "cannot connect" in done.stderr
    assert "idempotency key" in done.stderr


def test_the_key_can_come_from_a_file_and_is_never_shown(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY + "\n", encoding="ascii")
    file.chmod(0o644)
    done = run("datasets", "--key-file", "key", TACIT_KEY="wrong")
    assert (done.returncode, done.stdout) == (0, "clinic\n")
    assert "chmod 600" in done.stderr
    file.chmod(0o600)
    done = run("datasets", TACIT_KEY=None, TACIT_KEY_FILE=str(file))
    assert (done.returncode, done.stderr) == (0, "")
    done = run("datasets", TACIT_KEY="wrong_secret")
    assert done.returncode == 1
    assert "wrong_secret" not in done.stderr


def test_the_same_idempotency_key_is_paid_once(run: Run, account: Account) -> None:
    first = run("query", GROUPED, "--idempotency-key", "monday")
    assert run("query", GROUPED, "--idempotency-key", "monday").stdout == first.stdout
    assert account.charges == 1


@pytest.mark.parametrize(("said", "code", "charges"), [("y\n", 0, 1), ("n\n", 1, 0), ("", 1, 0)])
def test_confirm_shows_the_price_and_asks(run: Run, account: Account, said: str, code: int, charges: int) -> None:
    done = run("query", GROUPED, "--epsilon", "0.5", "--confirm", stdin=said)
    assert (done.returncode, account.charges) == (code, charges)
    assert "costs ε 0.5" in done.stderr
    assert "16.7% of what is left" in done.stderr


def test_confirm_does_not_ask_about_small_change(run: Run, account: Account) -> None:
    assert run("query", GROUPED, "--epsilon", "0.3", "--confirm").returncode == 0
    assert account.charges == 1
    assert run("query", GROUPED, "--epsilon", "0.3", "--confirm", TACIT_CONFIRM_ABOVE="0.05").returncode == 1


@pytest.mark.parametrize("output", ["table", "csv", "json"])
def test_names_and_cells_never_drive_the_terminal(run: Run, output: str) -> None:
    done = run("query", HOSTILE, "-o", output)
    assert done.returncode == 0
    assert "img src=x" in done.stdout
    assert not set(done.stdout + done.stderr) & set("\x1b\x9b\x07\u202e\x00")


def test_console_runs_commands_and_files_without_asking(run: Run, account: Account, tmp_path: Path) -> None:
    (tmp_path / "month.sql").write_text(
        f"-- monthly\n{MONTHS};\n\\x\n{GROUPED} -- no semicolon at the end", encoding="utf-8"
    )
    done = run("console", "-c", f"\\epsilon 0.5\n{GROUPED}", "-f", "month.sql")
    assert done.returncode == 0, done.stderr
    assert account.spent == Decimal("1.5")
    assert "of what is left" not in done.stderr
    assert "2026-01-01 | 1,235,000 ±17,000" in done.stdout
    assert "-[ 2 ]---" in done.stdout
    assert "\nregion | north\nn      | 1,234 ±14\n" in done.stdout


def test_console_stops_at_the_first_error(run: Run, account: Account) -> None:
    done = run("console", "-c", f"{TYPO}; {GROUPED}")
    assert (done.returncode, done.stdout, account.charges) == (1, "", 0)
    account.spent = account.limit
    assert run("console", "-c", GROUPED).returncode == 3


def test_console_reads_a_pipe_and_writes_files(run: Run, tmp_path: Path) -> None:
    done = run("console", "-o", "csv", stdin=f"\\o out.csv\n{GROUPED};\n\\o\n\\receipts\n\\q\nnever run;")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()[1] == "east,980,966,994"
    assert done.stdout.splitlines() == [
        "release,ε charged,δ charged,ε left,statement",
        f'rel_1,0.1,0,2.9,"{GROUPED}"',
    ]


def test_a_reader_that_leaves_early_is_no_error(environment: dict[str, str]) -> None:
    command = f"{sys.executable} -m tacit.cli query '{GROUPED}' -o csv | true"
    done = subprocess.run(
        ["sh", "-c", command], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


HEAVY = {"numpy", "pandas", "prompt_toolkit", "pyarrow", "pygments", "sqlalchemy", "torch"}
"""What takes a tenth of a second and more to import; a clock would measure the machine's other work instead."""


def imported(run: Run, *arguments: str) -> set[str]:
    """The packages that one command imports, as the interpreter tells them."""
    told = run(*arguments, PYTHONPROFILEIMPORTTIME="1").stderr
    names = [line.rpartition("|")[2].strip() for line in told.splitlines() if line.startswith("import time:")]
    assert "argparse" in names
    return {name.partition(".")[0] for name in names}


def test_help_imports_nothing_that_takes_time(run: Run) -> None:
    assert imported(run, "--help") & {*HEAVY, "httpx2", "pydantic", "asyncio"} == set()
    assert "exit codes" in run("--help").stdout


def test_a_cold_query_imports_little_beyond_what_speaks_http(run: Run) -> None:
    found = imported(run, "query", GROUPED)
    assert {"httpx2", "pydantic"} <= found
    assert found & HEAVY == set()


def test_ctrl_c_is_quiet(environment: dict[str, str], account: Account) -> None:
    account.wait_s = 6.0  # longer than this test may be held up on a busy machine
    main, side = pty.openpty()
    command = [sys.executable, "-m", "tacit.cli", "query", GROUPED]
    with subprocess.Popen(
        command, env=environment, stdin=side, stdout=side, stderr=subprocess.PIPE, start_new_session=True, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # tests in the background ignore it, and so would this
    ) as process:  # fmt: skip
        deadline = time.monotonic() + 60
        while not account.requests and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(process.pid, 2)
        assert process.wait(120) == 130
        assert process.stderr is not None
        message = process.stderr.read()
    os.close(main)
    os.close(side)
    while not account.charges and time.monotonic() < deadline:
        time.sleep(0.02)
    assert account.charges == 1, "the service finishes what it was asked, and the message says so"
    assert "may have been charged" in message
    assert "Traceback" not in message
