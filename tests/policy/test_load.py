"""A policy file is read whole or refused with file, line, path and fix."""

from __future__ import annotations

import datetime as dt
import time
from decimal import Decimal
from pathlib import Path

import pytest

from tacit_service.errors import PolicyError
from tacit_service.policy.document import read_document
from tacit_service.policy.load import load_policy, parse_policy, policy_digest
from tacit_service.policy.model import TIMES
from tacit_service.policy.problems import describe
from tacit_service.privacy.units import Delta, Epsilon

SMALL = """\
version: 1
dataset: shop
privacy_unit: { name: customer, column: sales.customer }
tables:
  sales:
    source: sales.parquet
    unit: customer
    columns:
      customer: { type: integer }
      amount: { type: number, bounds: [0, 99.5], precision: 0.5 }
      kind: { type: string, categories: [web, NO, "01"] }
      day: { type: date, bounds: [2024-01-01, 2024-12-31] }
      at: { type: timestamp, bounds: [2024-01-01, 2024-12-31 23:59:59] }
budget: { epsilon: 2, delta: 1e-6 }
"""


def refusal(text: str) -> PolicyError:
    with pytest.raises(PolicyError) as caught:
        parse_policy(text, "shop.yaml")
    return caught.value


def test_small_policy_reads_as_written() -> None:
    policy = parse_policy(SMALL)
    columns = policy.tables["sales"].columns
    assert columns["amount"].bounds == (Decimal(0), Decimal("99.5"))
    assert columns["day"].bounds == (dt.date(2024, 1, 1), dt.date(2024, 12, 31))
    assert columns["at"].bounds == (dt.datetime(2024, 1, 1), dt.datetime(2024, 12, 31, 23, 59, 59))
    assert columns["kind"].categories == ("web", "NO", "01"), "YAML 1.2: NO is no boolean"
    assert policy.budget.delta == Delta.parse("0.000001")


@pytest.mark.parametrize(
    ("written", "epsilon"),
    [("0.1", "0.1"), ("1e-6", "0.000001"), ("1.0e-6", "0.000001"), ("'0.1'", "0.1"), ("3", "3"), (".5", None),
     ("0.30000000000000004", None), ("0.300000000001", "0.300000000001")],
)  # fmt: skip
def test_amounts_are_taken_by_their_text(written: str, epsilon: str | None) -> None:
    text = SMALL.replace("epsilon: 2", f"epsilon: {written}")
    if epsilon is None and written != ".5":
        assert "finer than the smallest unit" in refusal(text).detail
    else:
        assert parse_policy(text).budget.epsilon == Epsilon.parse(epsilon or "0.5")


@pytest.mark.parametrize(
    "written",
    [
        "0",
        "-1",
        ".inf",
        "-.inf",
        ".nan",
        "true",
        "null",
        "x",
        "1e400",
        "[1]",
        "{a: 1}",
        "1_0",
        "0x10",
        "9" * 5000,
        "''",
    ],
)
def test_amounts_that_are_none_are_refused_at_their_line(written: str) -> None:
    error = refusal(SMALL.replace("{ epsilon: 2, delta: 1e-6 }", f"\n  epsilon: {written}"))
    assert (error.code, error.extra["line"], error.extra["path"]) == ("policy_invalid", 15, "budget.epsilon")
    assert error.hint is not None
    assert "decimal" in error.hint


def test_every_problem_is_told_at_once() -> None:
    text = SMALL.replace("source: sales.parquet", "sorce: sales.parquet").replace("[0, 99.5]", "[zero, 99.5]")
    error = refusal(text.replace("version: 1", "version: 2"))
    told = {p["path"]: p for p in error.extra["problems"]}
    assert set(told) == {
        "version", "tables.sales.sorce", "tables.sales.source", "tables.sales.columns.amount.bounds",
    }  # fmt: skip
    assert told["tables.sales.sorce"]["fix"] == "Did you mean 'source'?"
    assert told["tables.sales.columns.amount.bounds"]["line"] == 10
    assert told["version"]["line"] == 1
    assert error.detail.startswith("shop.yaml:1: version: ")
    assert error.detail.endswith("(and 3 more)")
    assert describe(error).count("\n    fix: ") == 4


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "empty"),
        ("# only a comment\n", 1, "empty"),
        ("a: 1\nb: 2\na: 3\n", 3, "written twice"),
        ("a: &x [1]\nb: *x\n", 1, "anchors"),
        ("a: !!python/object:os.system x\n", 1, "tags"),
        ("a: 1\n---\nb: 1\n", 2, "second YAML document"),
        ("a:\n\tb: 1\n", 2, "cannot start any token"),
        ("a: 1\nb: c: d\n", 2, "mapping values"),
        ("a: [1,\nb: 2\n", 3, "parsing"),
        ("a: 'x\n", 2, "quoted scalar"),
        ("? [1, 2]\n: x\n", 1, "not a plain name"),
        ("a: 1\nb: \x07\n", 2, "character"),
        ("[" * 5000, 1, "nest"),
        ("a: {" * 5000, 1, "nest"),
    ],
)
def test_yaml_beyond_a_policy_is_refused(text: str, line: int, words: str) -> None:
    error = refusal(text)
    assert error.code == "policy_syntax"
    assert error.extra["line"] == line
    assert words in error.detail
    assert error.hint


@pytest.mark.parametrize("text", ["just words", "- a\n- b\n", "3", "null"])
def test_a_document_that_is_no_map_is_refused(text: str) -> None:
    assert refusal(text).code == "policy_invalid"


def test_aliases_cannot_blow_up() -> None:
    bomb = "a: &a [x, x]\n" + "".join(f"{c}: &{c} [*{p}, *{p}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True))
    start = time.process_time()
    assert "anchors" in refusal(bomb).detail
    assert time.process_time() - start < 10  # written out it would be 2^18 texts


def test_a_full_megabyte_is_answered_quickly(tmp_path: Path) -> None:
    path = tmp_path / "long.yaml"
    path.write_text(SMALL + "analysts:\n" + "".join(f"  p{i}: {{ epsilon: 1 }}\n" for i in range(40_000)))
    assert path.stat().st_size < 1024 * 1024
    start = time.process_time()
    with pytest.raises(PolicyError, match="add up to"):
        load_policy(path)
    assert time.process_time() - start < 60  # quadratic work would take minutes


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (None, "policy_unreadable", "no such file"),
        (b"#" * (1024 * 1024 + 1), "policy_too_large", "1 MiB"),
        (b"a: 1\nb: \xff\xfe\n", "policy_syntax", "not UTF-8"),
        (SMALL.encode("utf-16"), "policy_syntax", "not UTF-8"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, content: bytes | None, code: str, words: str) -> None:
    path = tmp_path / "p.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PolicyError) as caught:
        load_policy(path)
    assert caught.value.code == code
    assert words in caught.value.detail
    assert caught.value.extra["file"] == str(path)


def test_digest_is_of_the_meaning_and_not_of_the_layout(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_bytes(b"\xef\xbb\xbf# a byte order mark and a comment change nothing\n" + SMALL.encode())
    loaded = load_policy(path)
    assert loaded.digest == policy_digest(parse_policy(SMALL.replace("delta: 1e-6", "delta: 0.000001")))
    assert loaded.digest != policy_digest(parse_policy(SMALL.replace("99.5", "99")))
    assert loaded.base_dir == tmp_path.resolve()


def test_defaults_shrink_to_a_small_budget_but_written_numbers_do_not() -> None:
    small = parse_policy(SMALL.replace("epsilon: 2, delta: 1e-6", "epsilon: 0.05"))
    asked = small.per_query
    assert (asked.max_epsilon, asked.default_epsilon, asked.default_delta) == (
        Epsilon.parse("0.05"), Epsilon.parse("0.05"), Delta(0),
    )  # fmt: skip
    written = SMALL.replace("epsilon: 2", "epsilon: 0.05") + "per_query: { max_epsilon: 1 }\n"
    assert refusal(written).extra["path"] == "per_query.max_epsilon"


def test_numbers_never_become_floats() -> None:
    data = read_document("a: [0.1, 1e-6, -3, +7, 1.5e3, .inf, 1e99999, 0o7, 2024-01-01]").data
    assert data == {
        "a": [Decimal("0.1"), Decimal("1e-6"), -3, 7, Decimal("1500"), ".inf", "1e99999", "0o7", "2024-01-01"]
    }


@pytest.mark.parametrize("written", ["true", "'3'", "2.0", "0", "1000001", "-1"])
def test_caps_are_whole_numbers(written: str) -> None:
    assert refusal(SMALL + f"contribution: {{ max_groups: {written} }}\n").extra["path"] == "contribution.max_groups"


def test_a_wrong_version_and_a_truth_value_for_a_number_are_told_as_such() -> None:
    problem = refusal(SMALL.replace("version: 1", "version: 2")).extra["problems"][0]
    assert (problem["path"], problem["fix"]) == ("version", "Write 'version: 1', the only one there is.")
    problem = refusal(SMALL.replace("epsilon: 2", "epsilon: true")).extra["problems"][0]
    assert (problem["path"], problem["detail"]) == ("budget.epsilon", "not a number")


@pytest.mark.parametrize(
    ("written", "steps"), [("[100, 1000]", (100, 1000)), ("off", ()), ("'off'", ()), (None, TIMES)]
)
def test_response_times_are_a_ladder_or_off(written: str | None, steps: tuple[int, ...]) -> None:
    text = SMALL if written is None else f"{SMALL}response_times: {written}\n"
    assert parse_policy(text).response_times == steps


@pytest.mark.parametrize("written", ["[]", "[100, 50]", "[50, 50]", "[0, 1]", "[1.5]", "fast", "7", "[true]", "null"])
def test_a_ladder_that_does_not_rise_is_refused_with_line_and_fix(written: str) -> None:
    refused = refusal(f"{SMALL}response_times: {written}\n")
    assert "shop.yaml:15: response_times" in str(refused)
    assert "response_times: [50, 100, 200, 400]" in str(refused)
