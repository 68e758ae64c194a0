"""What an auditor holds: signed checkpoints, and an export that a script without our code can check."""

from __future__ import annotations

import base64
import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from tacit_service.errors import LedgerUnavailable
from tacit_service.ledger import checkpoint
from tacit_service.ledger.checkpoint import BadCheckpoint
from tacit_service.ledger.export import export
from tacit_service.ledger.verify import verify
from tacit_service.privacy.events import DpSgdEvent, GaussianEvent, LaplaceThresholdEvent, NoisyMaxEvent

Book = Any
READER = Path(__file__).resolve().parents[2] / "docs" / "ledger_reader.py"
BY = ("patient_id", "opendp 0.16.0")


def audit(path: Path) -> tuple[int, str]:
    done = subprocess.run([sys.executable, "-I", str(READER), str(path)], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


def exported(book: Book, path: Path) -> list[dict[str, Any]]:
    with path.open("w") as file:
        assert export(book.url, file) == book.ledger.head()
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_an_auditor_recomputes_the_loss_without_us(book: Book, tmp_path: Path) -> None:
    book.ledger.ensure_group("clinic", "oncology", book.limits)
    book.ledger.ensure_analyst("clinic", "bob", book.limits, group="oncology")
    book.buy("0.1", canonical="same")
    book.reserve(analyst="bob", free=True)
    book.reserve(events=(GaussianEvent(*BY, 10.0, 1.0, 0.005000000000000001, 0.5, 5e-8),))
    book.reserve(
        events=(LaplaceThresholdEvent(*BY, 10.0, 200, 1, 1, 1, 0.1, 1e-9), NoisyMaxEvent(*BY, 9.0, 1, False, 9, 0.3))
    )
    whole, part = (DpSgdEvent(*BY, 0.01, 1.0, steps, 0.9, 1e-8) for steps in (100, 40))
    book.ledger.settle(book.reserve(events=(whole,)).charge_id, (part,), "stopped at step 40")
    book.ledger.void(book.reserve("0.2").charge_id, "cancelled in the queue")
    exported(book, tmp_path / "ledger.jsonl")
    status, printed = audit(tmp_path / "ledger.jsonl")
    assert status == 0, printed
    balance = book.ledger.balance("clinic", None)
    assert f"basic: epsilon {float(balance.spent[0]):.6g} of 3" in printed
    assert f"Renyi, order 8: {balance.total.rdp / 1e12:.6g} of 1.38398" in printed
    assert "clinic / bob: 1 charges, promise kept" in printed
    assert "clinic / @oncology: 1 charges, promise kept" in printed
    assert len([line for line in READER.read_text().splitlines() if line.strip()]) <= 100
    assert b'"rows"' not in (tmp_path / "ledger.jsonl").read_bytes(), "answers are not part of an audit"


def test_the_reader_finds_what_was_changed(sqlite_book: Book, tmp_path: Path) -> None:
    sqlite_book.buy("0.1")
    path = tmp_path / "ledger.jsonl"
    lines = exported(sqlite_book, path)
    lines[5]["body"] = lines[5]["body"].replace('"epsilon":100000000000', '"epsilon":99999999999')
    path.write_text("\n".join(map(json.dumps, lines)) + "\n")
    status, printed = audit(path)
    assert status == 1
    assert "entry 5 breaks the chain" in printed
    assert "entry 5 is priced at other than its mechanisms cost" in printed
    path.write_text("\n".join(map(json.dumps, lines[:5])) + "\n")
    assert "ends elsewhere" in audit(path)[1]


def test_there_is_nothing_to_export_where_there_is_no_ledger(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailable):
        export(f"sqlite:///{tmp_path / 'none.db'}", io.StringIO())


def test_a_checkpoint_fixes_the_ledger_up_to_it(sqlite_book: Book, tmp_path: Path) -> None:
    key = checkpoint.create_key(tmp_path / "key.pem")
    name = checkpoint.origin(sqlite_book.ledger.journal()[0].data["ledger_id"])
    text = checkpoint.sign(sqlite_book.ledger.head(), name, key)
    sqlite_book.buy("0.1")
    head = checkpoint.read(text, name, checkpoint.load_key(tmp_path / "key.pem").public_key())
    assert verify(sqlite_book.url, [head]).ok
    assert text.split("\n")[:3] == [name, str(head.sequence), base64.b64encode(bytes.fromhex(head.hash)).decode()]
    assert stat.S_IMODE(os.stat(tmp_path / "key.pem").st_mode) == 0o600
    with pytest.raises(FileExistsError):
        checkpoint.create_key(tmp_path / "key.pem")


def test_only_the_ledgers_own_key_makes_a_checkpoint(sqlite_book: Book, tmp_path: Path) -> None:
    key, other = (checkpoint.create_key(tmp_path / name) for name in ("a.pem", "b.pem"))
    text = checkpoint.sign(sqlite_book.ledger.head(), "tacit.ledger/x", key)
    forged = [
        text.replace("\n4\n", "\n5\n"),
        text.replace("tacit.ledger/x", "tacit.ledger/y"),
        text.replace("\u2014", "-"),
        text[: len(text) // 2],
        "",
    ]
    for bad in forged:
        with pytest.raises(BadCheckpoint):
            checkpoint.read(bad, "tacit.ledger/x", key.public_key())
    with pytest.raises(BadCheckpoint, match="another"):
        checkpoint.read(text, "tacit.ledger/x", other.public_key())
    with pytest.raises(BadCheckpoint, match="another"):
        checkpoint.read(text, "tacit.ledger/y", key.public_key())


def test_a_key_of_another_kind_does_not_sign(tmp_path: Path) -> None:
    pem = generate_private_key(SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "ec.pem").write_bytes(pem)
    with pytest.raises(BadCheckpoint, match="Ed25519"):
        checkpoint.load_key(tmp_path / "ec.pem")
