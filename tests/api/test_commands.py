"""``tacit-service`` as a person runs it: files, ledgers and keys of their own, errors in one line."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tacit_service import cli
from tacit_service.demo_data import clinic_policy, make_clinic


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("TACIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TACIT_LEDGER", f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    return tmp_path


@pytest.fixture
def clinic(home: Path) -> Path:
    make_clinic(home, 2_000)
    path = home / "clinic.yaml"
    path.write_text(clinic_policy(), encoding="utf-8")
    return path


def run(capsys, *words: object) -> tuple[int, str, str]:
    try:
        status = cli.main([str(word) for word in words])
    except SystemExit as end:
        status = int(end.code or 0)
    said = capsys.readouterr()
    return status, said.out, said.err


def test_help_imports_no_room():
    heavy = ("fastapi", "pydantic", "duckdb", "opendp", "sqlalchemy", "pyarrow", "numpy", "yaml", "sqlglot")
    script = (
        "import sys\nfrom tacit_service import cli\n"
        "try:\n    cli.main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {heavy} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "serve" in done.stdout


def test_version(capsys):
    status, out, _ = run(capsys, "--version")
    assert status == 0
    assert re.fullmatch(r"tacit-service \d+\.\d+\.\d+\n", out)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["frobnicate"],
        ["key"],
        ["key", "add"],
        ["key", "add", "two words"],
        ["key", "add", "ada", "--role", "root"],
        ["key", "add", "ada", "--days", "0"],
        ["key", "revoke", "key_none"],
        ["key", "list"],
        ["ledger", "verify"],
        ["ledger", "show"],
        ["ledger", "verify", "--known", "x"],
        ["ledger", "verify", "--ledger", "nonsense"],
        ["ledger", "verify", "--ledger", "mysql://host/db"],
        ["policy", "check", "nothing.yaml"],
        ["policy", "check", "."],
        ["policy", "advise", "nothing.parquet"],
        ["policy", "advise", "nothing.yaml", "--unit", "x"],
        ["policy", "advise", "nothing.parquet", "--epsilon", "-1"],
        ["policy", "advise", "nothing.parquet", "--epsilon", "1e400"],
        ["serve"],
        ["serve", "--port", "65536"],
        ["serve", "--port", "²"],
        ["serve", "--policy", "nothing.yaml", "--host", "256.0.0.1"],
        ["demo", "--rows", "0"],
        ["demo", "--rows", "-5"],
        ["demo", "--json"],
        ["demo", "--epsilon", "NaN"],
        ["demo", "--epsilon", "0.1", "--delta", "x"],
        ["demo", "--data-dir", "/dev/null/x"],
    ],
)
def test_a_wrong_word_is_one_line_and_status_2(capsys, home: Path, words: list[str]):
    status, out, err = run(capsys, *words)
    assert (status, out) == (2, "")
    assert err.startswith("tacit-service")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert list(home.iterdir()) == []


def test_a_setting_of_the_environment_that_does_not_fit_is_named(capsys, home: Path, monkeypatch):
    monkeypatch.setenv("TACIT_PORT", "eighty")
    status, _, err = run(capsys, "serve", "--policy", "x.yaml")
    assert (status, err.split(":")[1].strip()) == (2, "TACIT_PORT")
    assert "eighty" not in err
    monkeypatch.setenv("TACIT_PORT", "0")
    monkeypatch.setenv("TACIT_LOG_LEVEL", "loud")
    status, _, err = run(capsys, "demo", "--rows", "10", "--once")
    assert (status, err.split(":")[1].strip()) == (2, "TACIT_LOG_LEVEL")


def test_serve_names_a_missing_policy_first_and_a_port_that_is_taken(capsys, clinic: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        _, _, err = run(capsys, "serve", "--policy", "nothing.yaml", "--port", port)
        assert "there is no policy at nothing.yaml" in err
        _, _, err = run(capsys, "serve", "--policy", clinic, "--port", port)
        assert "try --port 0" in err


def test_policy_check_reports_and_says_by_its_status(capsys, clinic: Path):
    status, out, err = run(capsys, "policy", "check", clinic)
    assert (status, err) == (0, "")
    assert out.startswith("clinic: the policy fits the data")
    assert "GROUP BY 8 declared keys" in out
    clinic.write_text(clinic.read_text().replace("age: {", "edad: {"))
    status, out, _ = run(capsys, "policy", "check", clinic)
    assert status == 1
    assert "no column 'edad'" in out


def test_policy_errors_name_file_line_and_fix(capsys, clinic: Path):
    clinic.write_text(clinic.read_text().replace("version: 1", "version: 1\ncolour: red\nweight: 2"))
    status, _, err = run(capsys, "policy", "check", clinic)
    assert status == 2
    assert f"{clinic}:4: colour: " in err
    assert f"{clinic}:5: weight: " in err
    assert err.count("fix: ") == 2


def test_policy_advise_drafts_from_data_and_warns(capsys, clinic: Path):
    status, out, err = run(capsys, "policy", "advise", clinic.parent / "visits.parquet", "--unit", "patient_id")
    assert status == 0
    assert err.startswith("For the data's owner only.")
    assert "least error" in err
    drafted = clinic.parent / "drafted.yaml"
    drafted.write_text(out)  # advise FILE > policy.yaml
    assert run(capsys, "policy", "check", drafted)[0] == 0
    status, out, _ = run(capsys, "policy", "advise", drafted, "--output", clinic.parent / "again.yaml")
    assert (status, out) == (0, "")
    assert run(capsys, "policy", "check", clinic.parent / "again.yaml")[0] == 0


def test_policy_advise_without_a_unit_says_first_that_rows_are_protected(capsys, clinic: Path):
    _, out, err = run(capsys, "policy", "advise", clinic.parent / "visits.parquet")
    assert err.startswith("ATTENTION: no unit was named, so the draft protects single ROWS, not people")
    assert "'@row'" in out or '"@row" # each row is protected, not each person' in out


def test_policy_schema_is_json(capsys):
    status, out, _ = run(capsys, "policy", "schema")
    assert (status, json.loads(out)["title"]) == (0, "Tacit policy")


def test_a_keys_life(capsys, home: Path):
    status, secret, err = run(capsys, "key", "add", "ada", "--dataset", "clinic", "--days", "30")
    assert status == 0
    assert re.fullmatch(r"tacit_[A-Za-z0-9_-]{43}\n", secret)
    key_id = err.split()[0]
    assert f"Stored in the ledger sqlite:///{home / 'ledger.sqlite'}." in err
    assert "Warning: this ledger has no dataset clinic" in err
    status, listed, _ = run(capsys, "key", "list")
    assert key_id in listed
    assert "ada" in listed
    assert secret.strip() not in listed
    assert run(capsys, "key", "revoke", key_id)[0] == 0
    assert listed.splitlines()[1].split()[-1] == "-"
    assert run(capsys, "key", "list")[1].splitlines()[1].split()[-1].startswith("20")
    assert secret.strip().encode() not in b"".join(p.read_bytes() for p in home.iterdir())


def test_a_ledger_is_verified_shown_and_exported(capsys, home: Path):
    run(capsys, "key", "add", "ada")
    status, out, _ = run(capsys, "ledger", "verify")
    assert status == 0
    assert out.startswith("every entry, price and balance follows")
    head = out.split("head ")[1].strip()
    assert run(capsys, "ledger", "verify", "--known", head)[0] == 0
    number, digest = head.split(":")
    status, out, _ = run(capsys, "ledger", "verify", "--known", f"{number}:{digest[::-1]}")
    assert status == 1
    assert "found: " in out
    assert "1 finding:" in out
    status, _, err = run(capsys, "ledger", "verify", "--known", "5:abc")
    assert (status, "64 hex digits" in err) == (2, True)
    assert run(capsys, "ledger", "show")[1].startswith("dataset  account")
    status, out, err = run(capsys, "ledger", "export")
    assert status == 0
    assert json.loads(out.splitlines()[0])["hash"] == digest
    assert err == f"head {head}\n"
