"""The terminal's whole vocabulary, in this process: jobs, watching, binary output, and that nothing obeys what names hold."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tacit_test_service import GROUPED, KEY, TYPO, Account

from tacit import cli
from tacit.shell.watch import read

Tacit = Callable[..., tuple[int, str, str]]
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture
def tacit(url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Tacit:
    """``tacit("query", "SELECT …")``: exit code, stdout, stderr."""
    for name, value in {"TACIT_URL": url, "TACIT_KEY": KEY, "TACIT_DATASET": "clinic"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tacit.shell.jobs._EVERY_S", 0.01)

    def tacit(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(arguments)
        return (code, *capsys.readouterr())

    return tacit


def test_explain_is_a_statement(tacit: Tacit, account: Account) -> None:
    code, out, err = tacit("console", "-c", f"EXPLAIN {GROUPED}; explain\n{GROUPED}")
    assert code == 0
    assert out.count("Scan patients [protected by patient_id]") == 2
    assert (err, account.charges) == ("", 0)


def test_training_is_watched_to_its_end(tacit: Tacit, account: Account) -> None:
    sql = "SELECT age, ill FROM patients"
    code, _, err = tacit("console", "-c", f"\\train label=ill model=logistic_regression epochs=2 epsilon=0.5 {sql}")
    assert code == 0
    assert err.splitlines() == [
        "job_1 queued    [..............................] 0/40 steps, ε 0.5, δ 1e-7",
        "job_1 running   [###############...............] 20/40 steps, ε 0.5, δ 1e-7",
        "job_1 succeeded [##############################] 40/40 steps, ε 0.5, δ 1e-7",
    ]
    sent = next(body for path, _, body in account.requests if path == "POST /v1/training-jobs")
    assert (sent["label"], sent["epochs"], sent["epsilon"]) == ("ill", 2, "0.5")


def test_training_in_the_console(tacit: Tacit, account: Account) -> None:
    told = "\\train label=ill model=logistic_regression epochs=2\n\\jobs\n\\job job_1"
    assert tacit("console", "-c", told)[0] == 2, "a statement is missing"
    code, out, err = tacit("console", "-c", told.replace("epochs=2", "epochs=2 SELECT age, ill FROM patients"))
    assert code == 0, err
    assert re.search(r"job_1 \| succeeded \| 40 +\| 100% \| 0.5 \| ill", out)
    assert err.count("job_1 succeeded") == 2


def test_a_job_that_brings_no_model_exits_1(tacit: Tacit) -> None:
    assert tacit("train", "SELECT age, ill FROM patients", "--label", "ill", "--no-wait")[0] == 0
    code, _, err = tacit("console", "-c", "\\cancel job_1\n\\job job_1")
    assert code == 1
    assert err.endswith("tacit: job_1 cancelled\n")


def test_watch_repeats_what_ran_last_and_pays_once(tacit: Tacit, account: Account) -> None:
    code, out, _ = tacit("console", "-c", f"{GROUPED};\n\\watch 0.01 c=2\n\\watch 0.01 c=3 \\budget")
    assert code == 0
    assert out.count("(3 rows)") == 3
    assert out.count("limit ε") == 3
    assert [read(text).every_s for text in ("", "5", "i=0.5", "c=2")] == [2.0, 5.0, 0.5, 2.0]
    for wrong in ("\\watch", "\\watch 1 SELECT 1; SELECT 2", "\\watch \\watch"):
        assert tacit("console", "-c", wrong)[0] == 2


def test_releases_lists_what_is_held(tacit: Tacit) -> None:
    tacit("query", GROUPED)
    assert "rel_1" in tacit("releases")[1]
    assert tacit("releases", "-o", "csv")[1].splitlines()[1].startswith("rel_1,2026-11-05T12:00:00Z,0.1,")


def test_history_says_what_was_spent_when_and_what_is_held(tacit: Tacit) -> None:
    assert tacit("history") == (0, "Nothing has been charged.\n", "")
    for epsilon in ("0.1", "0.2"):
        tacit("query", GROUPED, "--fresh", "--epsilon", epsilon)
    code, out, _ = tacit("history")
    assert code == 0
    assert re.search(r"2026-11-05 \| 2 +\| 0\.3", out)
    assert re.search(r"2026-11-05 12:00 \| released \| 0\.2 .*SELECT region", out)
    assert re.search(r"pending +\| 0\.5", out), "listed, though it is older than the newest charges"
    assert "1 pending" in out
    lines = tacit("history", "-o", "csv", "--limit", "1")[1].splitlines()
    assert lines[0] == "at,status,epsilon,delta,charge,release,analyst,statement"
    assert lines[1].startswith("2026-11-05T12:00:00Z,released,0.2,0,chg_2,rel_2,ada,")
    assert len(lines) == 2
    assert '"complete": false' in tacit("history", "-o", "json", "--limit", "1")[1]
    assert tacit("console", "-c", "\\history")[1] == out


def test_accuracy_takes_the_place_of_epsilon(tacit: Tacit, account: Account) -> None:
    tacit("console", "-c", f"\\epsilon 0.2\n\\accuracy 50\n{GROUPED}")
    assert {k: v for k, v in account.requests[-1][2].items() if k in ("epsilon", "accuracy")} == {"accuracy": "50"}
    tacit("console", "-c", f"\\bias_check\n\\approx_bounds on\n\\approx_bounds\n{GROUPED}")
    assert account.requests[-1][2]["bias_check"] is True
    assert "approx_bounds" not in account.requests[-1][2]
    tacit("quote", GROUPED, "--accuracy", "14")
    assert account.requests[-1][2]["accuracy"] == "14"


@pytest.mark.parametrize("output", ["arrow", "parquet"])
def test_an_answer_as_a_file(tacit: Tacit, output: str, tmp_path: Path, account: Account) -> None:
    two = f"\\format {output}\n\\o one\n{GROUPED};\n\\o two\n{GROUPED};"
    assert tacit("console", "-c", two)[0] == 0
    data = (tmp_path / "two").read_bytes()
    table = pq.read_table(io.BytesIO(data)) if output == "parquet" else pa.ipc.open_stream(data).read_all()
    assert table.to_pydict()["n_low"] == [966, 1220, 20498]
    assert b"tacit.receipt" in table.schema.metadata


def test_a_parquet_file_takes_one_answer_and_the_second_is_not_bought(tacit: Tacit, account: Account) -> None:
    code, _, err = tacit("console", "-c", f"\\format parquet\n\\o one\n{GROUPED};\n{GROUPED};")
    assert (code, account.charges) == (2, 1)
    assert "holds one answer" in err


def test_binary_output_is_refused_on_a_terminal_before_anything_is_bought(
    tacit: Tacit, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    code, _, err = tacit("query", GROUPED, "-o", "parquet")
    assert (code, account.charges) == (2, 0)
    assert "not for a terminal" in err


CONSOLE = (
    f"\\d\n\\d regions\n\\datasets\n\\cost {GROUPED}\n\\explain {GROUPED}\nEXPLAIN {GROUPED};\n{GROUPED};\n\\x\n{GROUPED};\n"
    "\\budget\n\\history\n\\receipts\n\\releases\n\\release rel_1\n\\train label=ill model=logistic_regression SELECT age, ill FROM t\n"
    "\\jobs\n\\cancel job_1\n\\timing\n\\o \x1b[31mfile\n\\o\n\\c clinic\n\\?\n"
)


@pytest.mark.parametrize("output", ["table", "csv", "json"])
def test_no_output_path_gives_a_terminal_what_it_would_obey(
    tacit: Tacit, account: Account, output: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.evil = True
    monkeypatch.setattr("tacit.shell.commands.jobs.ended_well", lambda job, err: None)  # its line is that of \\cancel
    seen = [tacit("console", "-o", output, "-c", piece) for piece in CONSOLE.splitlines()]
    seen += [
        tacit(*arguments, *(() if arguments[0] in ("explain", "train", "job") else ("-o", output)))
        for arguments in (
            ("query", GROUPED), ("quote", GROUPED), ("explain", GROUPED), ("budget",), ("history",), ("datasets",), ("datasets", "clinic"),
            ("releases",), ("jobs",), ("job", "job_1", "--cancel", "--no-wait"), ("query", TYPO), ("datasets", "nobody"),
            ("train", "SELECT age, ill FROM t", "--label", "ill", "--quote"),
        )
    ]  # fmt: skip
    for failure in (
        (403, {"code": "budget_exhausted", "detail": "No.", "hint": "Ask less."}),
        (500, {"code": "internal"}),
    ):
        account.failures = [(*failure, {})]
        seen.append(tacit("query", GROUPED, "-o", output))
    written = "".join(out + err for _, out, err in seen)
    assert OBEYED.findall(written) == []
    assert written.count("<img src=x") > 40, "the texts were there, without what a terminal obeys"


def test_a_bar_on_a_terminal_moves_in_its_line(
    account: Account, client: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tacit.shell import jobs

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    job = client.train("SELECT age, ill FROM t", label="ill", model="logistic_regression")  # type: ignore[attr-defined]
    assert jobs.follow(job, err := Terminal(), every_s=0.0)
    assert [line.split("[")[0].strip() for line in err.getvalue().split("\r")[1:]] == [
        "job_1 queued", "job_1 running", "job_1 succeeded",
    ]  # fmt: skip
