"""Text for terminals: nothing that a terminal obeys, and no digit that means nothing."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit._text import clean, clean_block, escape_json, half_width, measured, pad, width, with_interval


@given(st.text(st.characters(), max_size=30))
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    for cleaned, kept in ((clean(text), ""), (clean_block(text), "\n\t")):
        assert not [c for c in cleaned if unicodedata.category(c) in ("Cc", "Zl", "Zp", "Cs") and c not in kept]
        assert not [
            c
            for c in cleaned
            if unicodedata.bidirectional(c) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
        ]


@given(st.text(st.characters(), max_size=30))
def test_json_is_escaped_without_changing_its_value(text: str) -> None:
    written = escape_json(json.dumps({"x": text}, ensure_ascii=False))
    assert json.loads(written) == {"x": text}
    assert clean(written) == written


@pytest.mark.parametrize(
    ("value", "interval", "shown"),
    [
        (1234.5, (1220.5, 1248.5), ("1,234", "±14")),  # ties to even
        (1234, (1220.3, 1247.7), ("1,234", "±14")),
        (3, (2.6, 3.4), ("3", "±0.40")),
        (3, (-0.7, 6.7), ("3", "±4")),  # an integer has no decimals to show
        (-0.0004, (-0.3, 0.3), ("0.00", "±0.30")),  # never minus zero
        (0.012345, (0.0121, 0.0125), ("0.01234", "+0.00016/-0.00024")),
        (12345678901234567890, (1.2e19, 1.27e19), ("12,350,000,000,000,000,000", "±350,000,000,000,000,000")),
        (5, (5, 5), ("5", "")),
        (0, (1, 5), ("0", "[1, 5]")),  # clamped: outside its own interval
        (float("inf"), (0, 1), ("inf", "")),
        (2.0, (float("-inf"), 3.0), ("2", "")),
    ],
)  # fmt: skip
def test_a_number_is_rounded_to_two_digits_of_its_interval(
    value: float, interval: tuple[float, float], shown: tuple[str, str]
) -> None:
    assert with_interval(value, interval) == shown


@given(st.floats(allow_nan=False), st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_every_number_has_a_text(value: float, low: float, high: float) -> None:
    text, half = with_interval(value, (low, high))
    assert text
    assert "E" not in text + half


@pytest.mark.parametrize(
    ("half", "shown"), [(14.2, "±14"), (1234.0, "±1,200"), (0.01349, "±0.013"), (0.0, "±0"), (99.6, "±100")]
)
def test_half_widths_have_two_digits(half: float, shown: str) -> None:
    assert half_width(half) == shown


def test_numbers_without_an_interval_have_six_digits() -> None:
    assert (measured(1234567), measured(0.123456789), measured(1234567.8)) == ("1,234,567", "0.123457", "1,234,568")


def test_padding_counts_columns_not_characters() -> None:
    assert (width("日本"), width("e\u0301"), width("abc")) == (4, 1, 3)
    assert pad("日本", 6) + "|" == "日本  |"
    assert pad("9", 3, right=True) == "  9"
