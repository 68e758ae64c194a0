"""Each way to change a ledger behind its back, and the sentence with which ``verify`` reports it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tacit_service.errors import LedgerUnavailable
from tacit_service.ledger import journal
from tacit_service.ledger.schema import APPEND_ONLY
from tacit_service.ledger.verify import verify

Book = Any
REFUSED = r"(?i)append-only|fixed|never deleted|constraint"


def path_of(book: Book) -> Path:
    return Path(book.url.removeprefix("sqlite:///"))


def tamper(book: Book, *statements: str) -> tuple[str, ...]:
    """Do what an intruder with the file would do, triggers taken off, and verify."""
    book.ledger.close()
    with sqlite3.connect(path_of(book)) as connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        for statement in statements:
            connection.execute(statement)
    connection.close()
    return verify(book.url).findings


def test_an_untouched_ledger_is_found_in_order(book: Book) -> None:
    release = book.buy("0.1")
    book.ledger.void(book.reserve("0.2").charge_id, "cancelled in the queue")
    report = verify(book.url, [book.ledger.head()])
    assert report.ok
    assert (report.head, report.accounts, report.charges, report.releases) == (book.ledger.head(), 3, 2, 1)
    assert book.ledger.release(release.release_id) == release


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("verb", ["UPDATE", "DELETE"])
def test_the_store_refuses_to_change_what_was_written(book: Book, table: str, verb: str) -> None:
    book.buy()
    book.ledger.fail(book.reserve().charge_id, "engine_failed")
    book.ledger.ensure_dataset("clinic", book.limits, "policy-1", {"unit": "patients.patient_id", "tables": {}})
    statement = f"UPDATE {table} SET sequence = sequence + 100" if verb == "UPDATE" else f"DELETE FROM {table}"
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), book.ledger._database.write() as connection:
        connection.exec_driver_sql(statement)
    assert verify(book.url).ok


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts SET epsilon_max = epsilon_max * 2",
        "UPDATE accounts SET analyst = 'eve' WHERE analyst = 'bob'",
        "DELETE FROM accounts",
        "UPDATE accounts SET p_epsilon = -1",
        "UPDATE accounts SET p_epsilon = epsilon_max + 1, r_rdp = r_rdp_max + 1",
        "UPDATE accounts SET epsilon_moved = -1",
        "UPDATE accounts SET state = 'generous'",
    ],
)
def test_the_store_refuses_what_no_account_may_be(book: Book, statement: str) -> None:
    with (
        pytest.raises(sa.exc.DBAPIError, match=REFUSED),
        book.ledger._database.write() as connection,
    ):
        connection.exec_driver_sql(statement)
    assert verify(book.url).ok


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("UPDATE journal SET body = replace(body, '\"ada\"', '\"bob\"') WHERE sequence = 5", "not what its hash"),
        ("UPDATE journal SET kind = 'pace' WHERE sequence = 5", "not written as an entry"),
        ("DELETE FROM journal WHERE sequence = 5", "entry 5 is missing"),
        ("DELETE FROM journal", "the journal is empty"),
        ("UPDATE accounts SET p_epsilon = 0 WHERE analyst = 'ada'", "account of ada on clinic is not what"),
        ("UPDATE accounts SET epsilon_max = 9000000000000 WHERE analyst = ''", "account of the dataset"),
        ("DELETE FROM accounts WHERE analyst = 'bob'", "the account of bob on clinic is in the journal only"),
        ("UPDATE charges SET free_for_dataset = 1", "is not what its entry says"),
        ("DELETE FROM charges", "is in the journal only"),
        ("UPDATE releases SET body = x'7b7d'", "release rel_1 is not what its entry says"),
        ("UPDATE releases SET canonical = 'other'", "release rel_1 is not what its entry says"),
        ("DELETE FROM releases", "release rel_1 is in the journal only"),
        ("INSERT INTO releases SELECT 'rel_x', 'c', 99, dataset, analyst, canonical, body, created_at FROM releases",
         "release rel_x is not what its entry says"),
        ("DELETE FROM outcomes", "the fail of charge"),
    ],
)  # fmt: skip
def test_a_row_changed_dropped_or_invented_is_found(sqlite_book: Book, statement: str, finding: str) -> None:
    sqlite_book.buy("0.1")
    sqlite_book.ledger.fail(sqlite_book.reserve("0.1").charge_id, "engine_failed")
    findings = tamper(sqlite_book, statement)
    assert any(finding in found for found in findings), findings


def rewrite(book: Book, change: Callable[[list[dict[str, Any]]], None]) -> tuple[str, ...]:
    """Change entries and then recompute every hash: the chain is whole again, the meaning is not."""
    bodies = [json.loads(entry.body) for entry in book.ledger.journal()]
    change(bodies)
    previous, statements = journal.START, ["DELETE FROM journal"]
    for sequence, body in enumerate(bodies, 1):
        text = journal.canonical(body | {"seq": sequence})
        values = (sequence, body["kind"], text, previous, previous := journal.link(previous, text))
        statements.append("INSERT INTO journal VALUES ({}, '{}', '{}', '{}', '{}')".format(*values))
    return tamper(book, *statements)


def replay_release(bodies: list[dict[str, Any]]) -> None:
    again = json.loads(json.dumps(bodies[5]))
    again["data"]["release_id"] = "rel_again"
    bodies.append(again)


def free_of_charge(bodies: list[dict[str, Any]]) -> None:
    bodies[4]["data"]["events"], bodies[4]["data"]["price"] = [], bodies[4]["data"]["price"]


def cheaper(bodies: list[dict[str, Any]]) -> None:
    bodies[4]["data"]["price"]["epsilon"] -= 1


def dearer_limit(bodies: list[dict[str, Any]]) -> None:
    bodies[1]["data"]["limits"]["r_rdp_max"] += 1


def overspend(bodies: list[dict[str, Any]]) -> None:
    bodies.extend(bodies[4] | {"data": bodies[4]["data"] | {"charge_id": f"chg_{i}"}} for i in range(50))


def unknown_mechanism(bodies: list[dict[str, Any]]) -> None:
    bodies[4]["data"]["events"][0]["kind"] = "magic"


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (lambda bodies: bodies.append(bodies[4]), "charge was made before"),
        (replay_release, "its charge has been used by another release"),
        (lambda bodies: bodies.pop(4), "released without a charge"),
        (free_of_charge, "does not follow from its events"),
        (cheaper, "does not follow from its events"),
        (dearer_limit, "lane R holds more than"),
        (unknown_mechanism, "cannot be read: ValueError event of a kind"),
        (lambda bodies: bodies[5]["data"].update(analyst="bob"), "another account than the one that was charged"),
        (lambda bodies: bodies[4]["data"].update(free_for_dataset=True), "the dataset never paid for it"),
        (overspend, "account of ada does not admit it"),
        (lambda bodies: bodies.insert(2, bodies[0]), "a journal begins once"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_journal_rewritten_with_good_hashes_is_found_by_its_meaning(
    sqlite_book: Book, change: Callable[[list[dict[str, Any]]], None], finding: str
) -> None:
    sqlite_book.buy("0.1")
    findings = rewrite(sqlite_book, change)
    assert any(finding in found for found in findings), findings


def test_a_rewound_file_is_found_by_whoever_kept_a_head(sqlite_book: Book, tmp_path: Path) -> None:
    sqlite_book.buy("0.1")
    sqlite_book.ledger.close()
    shutil.copy(path_of(sqlite_book), tmp_path / "backup.db")
    sqlite_book.buy("0.1")
    receipt = sqlite_book.ledger.head()
    sqlite_book.ledger.close()
    shutil.copy(tmp_path / "backup.db", path_of(sqlite_book))
    assert verify(sqlite_book.url).ok, "the old file is a good ledger: it alone cannot show what was cut off"
    report = verify(sqlite_book.url, [receipt])
    assert report.findings == (
        f"entry {receipt.sequence} is not the one that was committed: rewound or rewritten after a receipt",
    )


def test_a_running_ledger_notices_that_its_file_was_rewound(sqlite_book: Book, tmp_path: Path) -> None:
    sqlite_book.buy("0.1")
    sqlite_book.ledger.close()
    shutil.copy(path_of(sqlite_book), tmp_path / "backup.db")
    sqlite_book.buy("0.1")
    sqlite_book.ledger.close()
    shutil.copy(tmp_path / "backup.db", path_of(sqlite_book))
    with pytest.raises(LedgerUnavailable, match="lost entries"):
        sqlite_book.reserve("0.1")
    assert not sqlite_book.ledger.healthy()
    with pytest.raises(LedgerUnavailable):
        sqlite_book.ledger.balance("clinic", "ada")


def test_a_damaged_file_is_found(sqlite_book: Book) -> None:
    sqlite_book.buy("0.1")
    sqlite_book.ledger.close()
    path = path_of(sqlite_book)
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2 : len(raw) // 2 + 4096] = b"\xff" * 4096
    path.write_bytes(raw)
    try:
        found = verify(sqlite_book.url).findings
    except LedgerUnavailable as refused:
        found = (refused.detail,)
    assert any("cannot be" in sentence or "damaged" in sentence for sentence in found), found


def test_there_is_nothing_to_verify_where_there_is_no_ledger(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailable, match="no ledger"):
        verify(f"sqlite:///{tmp_path / 'none.db'}")
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "other.db").touch()
    with pytest.raises(LedgerUnavailable, match="not of this version"):
        verify(f"sqlite:///{tmp_path / 'other.db'}")
