"""Where a statement ends, when Enter runs it, and what completion offers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from tacit_test_service import facts

from tacit.shell.completion import SqlCompleter
from tacit.shell.splitter import finished, split


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("SELECT 1; SELECT 2", ["SELECT 1", "SELECT 2"]),
        ("SELECT ';' || 'it''s;'; x", ["SELECT ';' || 'it''s;'", "x"]),
        ('SELECT 1 AS "a;b""c;"; x', ['SELECT 1 AS "a;b""c;"', "x"]),
        ("SELECT 1 -- a; b\n+ 1; x", ["SELECT 1 -- a; b\n+ 1", "x"]),
        ("SELECT /* a; \n b */ 1; x", ["SELECT /* a; \n b */ 1", "x"]),
        ("SELECT $$a;b$$ || $t$;$$;$t$; x", ["SELECT $$a;b$$ || $t$;$$;$t$", "x"]),
        ("\\d patients\nSELECT 1;\\budget", ["\\d patients", "SELECT 1", "\\budget"]),
        ("\\cost SELECT 1; \nSELECT 2", ["\\cost SELECT 1;", "SELECT 2"]),
        (" ;; -- nothing\n; /* nor */ ;", []),
        ("", []),
    ],
)
def test_text_is_cut_where_statements_end(text: str, pieces: list[str]) -> None:
    assert [piece.text for piece in split(text)] == pieces


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("SELECT 1", False),
        ("SELECT 1;", True),
        ("SELECT 1;  \n", True),
        ("SELECT ';", False),
        ("SELECT 1 -- ;", False),
        ("SELECT /* ;", False),
        ("SELECT $$;", False),
        ("SELECT 1; SELECT", False),
        ("\\budget", True),
        ("", True),
        ("   ", True),
    ],
)
def test_enter_runs_what_is_finished_and_continues_the_rest(text: str, runs: bool) -> None:
    assert finished(text) is runs


@given(st.text(st.sampled_from("a;'\"-/*$\\\n "), max_size=40))
def test_any_text_is_cut_without_losing_a_letter(text: str) -> None:
    assert sum(piece.text.count("a") for piece in split(text)) + split_off(text) >= text.count("a")


def split_off(text: str) -> int:
    """Letters in comment-only pieces, which are dropped: at most those that a comment can hold."""
    return text.count("a") if "--" in text or "/*" in text else 0


def complete(text: str) -> list[str]:
    completer = SqlCompleter(facts, {"\\d": "", "\\dt": "", "\\cost": "", "\\budget": ""})
    return [c.text for c in completer.get_completions(Document(text), CompleteEvent())]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("SELECT * FROM p", ["patients"]),
        ("SELECT * FROM patients p JOIN r", ["regions"]),
        ("SELECT * FROM patients, r", ["regions"]),
        ("SELECT p.inc FROM patients p WHERE p.inc", ["income"]),
        ("SELECT regions.pop", ["population"]),
        ("SELECT COUNT(*) FROM patients WHERE region = 'n", ["north"]),
        ("SELECT COUNT(*) FROM patients WHERE region IN ('north', '", ["east", "north", "south"]),
        ("SELECT date_t", ["date_trunc("]),
        ("\\d", ["\\dt"]),
        ("\\d reg", ["regions"]),
        ("\\cost SELECT * FROM reg", ["regions"]),
        ("\\budget ", []),
        ("SELECT 'no completion in te", []),
    ],
)
def test_completion_knows_the_policy(typed: str, offered: list[str]) -> None:
    assert complete(typed) == offered


def test_columns_of_the_tables_in_the_statement_come_first() -> None:
    offered = complete("SELECT COUNT(*) FROM patients GROUP BY r")
    assert offered[:2] == ["region", "regions"]
    assert "population" not in complete("SELECT COUNT(*) FROM patients WHERE po")


def test_nothing_is_offered_that_would_drive_the_terminal() -> None:
    hostile = facts().model_copy(update={"functions": ["x\x1b[2J", "xy"]})
    completer = SqlCompleter(lambda: hostile, {})
    assert [c.text for c in completer.get_completions(Document("SELECT x"), CompleteEvent())] == ["xy("]
