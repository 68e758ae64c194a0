"""The owner's commands on a ledger of their own: what they change is what the service then sees."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tacit_service import cli
from tacit_service.access.keys import digest
from tacit_service.ledger import checkpoint
from tacit_service.ledger.directory import Directory
from tacit_service.ledger.journal import Head
from tacit_service.ledger.records import ChargeRequest
from tacit_service.ledger.store import Ledger
from tacit_service.ledger.verify import verify
from tacit_service.privacy.events import LaplaceEvent
from tacit_service.privacy.lanes import Limits
from tacit_service.privacy.units import Delta, Epsilon


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in [name for name in os.environ if name.startswith("TACIT_")]:
        monkeypatch.delenv(name)
    url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    monkeypatch.setenv("TACIT_LEDGER", url)
    ledger = Ledger.open(url)
    ledger.ensure_dataset("clinic", Limits.create(Epsilon.parse("3"), Delta.parse("1e-6")), "policy-1")
    ledger.ensure_analyst("clinic", "ada", Limits.create(Epsilon.parse("1"), Delta.parse("1e-7")))
    event = LaplaceEvent("patient_id", "opendp 0.16.0", 4.000001, 1, 0.25)
    ledger.reserve(ChargeRequest("clinic", "ada", (event,), "body", None, "SELECT\n  COUNT(*) FROM patients"))
    ledger.close()
    return url


@pytest.fixture
def run(capsys, url: str):
    def run(*words: object, status: int = 0) -> tuple[str, str]:
        try:
            ended = cli.main([str(word) for word in words])
        except SystemExit as end:
            ended = int(end.code or 0)
        said = capsys.readouterr()
        assert ended == status, said.err
        return said.out, said.err

    return run


def test_what_is_lost_is_ended_and_the_total_is_printed(run, url: str):
    out, _ = run("ledger", "reap", "--dataset", "clinic", "--hours", 1)
    assert out == "0 charges are abandoned and stay; 0 touched no data and are given back\n"
    out, _ = run("ledger", "total", "--dataset", "clinic", "--analyst", "ada")
    assert out.startswith(
        "Spent ε 0.25 of 1, by simple adding.\nFor information only, by one privacy loss distribution: ε 0.2"
    )
    run("ledger", "total", "--dataset", "nowhere", status=2)


def test_an_analyst_is_added_listed_and_frozen(run, url: str):
    out, _ = run("analyst", "add", "eve", "--dataset", "clinic", "--epsilon", "1.5", "--delta", "1e-7")
    assert re.search(r"^eve +clinic +open +ε 1.5, δ 0.0000001 ", out, re.M)
    _, err = run("analyst", "add", "fay", "--dataset", "clinic", "--epsilon", "1", status=2)
    assert "would add up to epsilon 3.5" in err
    run("analyst", "add", "fay", "--dataset", "clinic", "--epsilon", "1", "--overcommit")
    run("key", "add", "ada", "--dataset", "clinic")
    out, _ = run("analyst", "list")
    assert re.search(r"^ada .* 1 +key_[0-9a-f]{12}$", out, re.M)
    assert re.search(r"^eve .* 0 +-$", out, re.M)
    out, _ = run("ledger", "freeze", "--dataset", "clinic", "--analyst", "eve", "--reason", "under review")
    assert " frozen " in out
    assert " open " in run("ledger", "thaw", "--dataset", "clinic", "--analyst", "eve", "--reason", "reviewed")[0]
    assert "(dataset)" in run("ledger", "close", "--dataset", "clinic", "--reason", "the study is over")[0]
    assert verify(url).ok


def test_a_transfer_and_a_pace(run, url: str):
    run("analyst", "add", "eve", "--dataset", "clinic", "--epsilon", "1", "--delta", "1e-7")
    run("analyst", "add", "eve", "--dataset", "clinic", "--epsilon", "0.5", "--delta", "1e-7")
    out, _ = run("ledger", "transfer", "ada", "eve", "--dataset", "clinic", "--epsilon", "0.5")
    assert [line.split("ε ")[1].split(",")[0] for line in out.splitlines()[1:]] == ["0.5", "1"]
    _, err = run("ledger", "transfer", "ada", "eve", "--dataset", "clinic", "--epsilon", "0.5", status=2)
    assert "not that much unspent" in err
    pace = ("ledger", "pace", "--dataset", "clinic", "--analyst", "ada", "--period")
    assert "ε 0.1 a day" in run(*pace, "day", "--epsilon", "0.1")[0]
    assert "a day" not in run(*pace, "none")[0]
    assert verify(url).ok


def test_history_is_one_line_a_charge(run):
    out, _ = run("ledger", "history", "--dataset", "clinic")
    assert re.search(r" ada +pending +0.25 +0 +- +SELECT COUNT\(\*\) FROM patients$", out, re.M)
    assert out == run("ledger", "history", "--dataset", "clinic", "--pending")[0]
    assert len(run("ledger", "history", "--dataset", "clinic", "--analyst", "eve")[0].splitlines()) == 1


def test_a_key_is_rotated_and_granted(run, url: str):
    secret, err = run("key", "add", "ada", "--dataset", "clinic")
    new, said = run("key", "rotate", err.split()[0], "--hours", "0")
    run("key", "grant", said.split()[0], "--dataset", "clinic", "--dataset", "shop")
    ledger = Ledger.open(url)
    try:
        rows = [Directory(ledger).find(digest(text.strip()) or "") for text in (secret, new)]
        assert rows[0] is not None
        assert rows[1] is not None
        assert rows[0].expires_at is not None
        assert rows[1].datasets == ("clinic", "shop")
        assert {e.data["by"] for e in ledger.journal() if e.kind == "key"} == {"operator"}
    finally:
        ledger.close()
    _, err = run("key", "rotate", rows[0].key_id, status=2)
    assert "has ended" in err
    assert verify(url).ok


def test_a_checkpoint_is_signed_by_a_key_that_only_its_owner_reads(run, url: str, tmp_path: Path):
    file = tmp_path / "checkpoint.pem"
    assert "--new makes one" in run("ledger", "checkpoint", "--key", file, status=2)[1]
    note, pem = run("ledger", "checkpoint", "--key", file, "--new")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    head = checkpoint.read(note, note.splitlines()[0], load_pem_public_key(pem.encode()))
    assert f"head {head.sequence}:{head.hash}" in run("ledger", "verify", "--known", f"{head.sequence}:{head.hash}")[0]
    kept, public = tmp_path / "kept.txt", tmp_path / "public.pem"
    kept.write_text(note)
    public.write_text(pem)
    for key in (file, public):
        assert "follows" in run("ledger", "verify", "--checkpoint", kept, "--key", key)[0]
    assert "needs the key" in run("ledger", "verify", "--checkpoint", kept, status=2)[1]
    newer = checkpoint.sign(Head(head.sequence + 1, head.hash), note.splitlines()[0], checkpoint.load_key(file))
    kept.write_text(newer)
    assert "1 finding" in run("ledger", "verify", "--checkpoint", kept, "--key", public, status=1)[0], "it was cut"
    kept.write_text(newer.replace(f"\n{head.sequence + 1}\n", f"\n{head.sequence}\n"))
    assert "not a checkpoint signed" in run("ledger", "verify", "--checkpoint", kept, "--key", public, status=2)[1]
    assert "File exists" in run("ledger", "checkpoint", "--key", file, "--new", status=2)[1]
    assert note == run("ledger", "checkpoint", "--key", file)[0], "Ed25519 signs the same head in the same words"


@pytest.mark.parametrize(
    "words",
    [
        ["analyst", "add", "eve", "--dataset", "clinic", "--epsilon", "lots"],
        ["analyst", "add", "two words", "--dataset", "clinic", "--epsilon", "1"],
        ["analyst", "add", "e" * 64, "--dataset", "clinic", "--epsilon", "1"],
        ["analyst", "add", "eve", "--dataset", "nothing", "--epsilon", "1"],
        ["ledger", "freeze", "--dataset", "clinic"],
        ["ledger", "freeze", "--dataset", "clinic", "--analyst", "nobody", "--reason", "x"],
        ["ledger", "freeze", "--dataset", "clinic", "--reason", ""],
        ["ledger", "pace", "--dataset", "clinic", "--period", "hour"],
        ["ledger", "pace", "--dataset", "clinic", "--period", "day", "--epsilon", "0"],
        ["ledger", "history", "--dataset", "nothing"],
        ["ledger", "checkpoint"],
        ["key", "rotate", "key_none"],
        ["key", "grant", "key_none", "--dataset", "clinic"],
    ],
)
def test_what_does_not_fit_is_one_line_and_changes_nothing(run, url: str, words):
    before = verify(url).head
    _, err = run(*words, status=2)
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert verify(url).head == before
