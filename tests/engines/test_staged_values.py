"""What an earlier stage released stands in a later stage's statement as typed constants, whatever the text of a key is."""

from __future__ import annotations

import datetime as dt

import duckdb
import pytest

from tacit_service.engine.literals import placeholder, rows_placeholder, value_of, with_names, with_params

ROWS = f"SELECT c1, c2, c3 FROM (VALUES {rows_placeholder('p0', ['string', 'number', 'date'])}) AS v(there, c1, c2, c3) WHERE there"


def rows(values: object) -> list[tuple[object, ...]]:
    return duckdb.sql(with_params(ROWS, {"p0": values})).fetchall()  # type: ignore[dict-item]


def test_rows_keep_their_texts_and_types() -> None:
    day = value_of(dt.date(2024, 2, 29))
    given = (("R1", 1.5, day), ("o'neill's -- \\", None, None), ("\x00number p0\x00", float("inf"), 1e12))
    assert rows(given) == [("R1", 1.5, dt.date(2024, 2, 29)), ("o'neill's -- \\", None, None), (None, None, None)]


@pytest.mark.parametrize("nothing", [None, (), 47.0])
def test_no_rows_are_an_empty_table(nothing: object) -> None:
    assert rows(nothing) == []


def test_a_value_of_another_type_is_null_and_a_missing_one_an_error() -> None:
    sql = f"SELECT {placeholder('p0')}, {placeholder('p1', 'timestamp')}, {placeholder('p2', 'string')}"
    moment = dt.datetime(2024, 1, 2, 3, 4, 5, 6)
    [found] = duckdb.sql(with_params(sql, {"p0": "text", "p1": value_of(moment), "p2": 3.0})).fetchall()
    assert found == (None, moment, None)
    assert with_names(sql) == "SELECT :p0, :p1, :p2"
    with pytest.raises(ValueError, match="missing"):
        with_params(sql, {"p0": 1.0})


def test_moments_far_from_1970_stay_apart() -> None:
    """Past 2255 a double does not tell one microsecond from the next: two keys of a stage would be one."""
    sql = f"SELECT c1 FROM (VALUES {rows_placeholder('p0', ['timestamp'])}) AS v(there, c1) WHERE there"
    moments = [dt.datetime(9999, 12, 30, 0, 0, 0, n) for n in (0, 1, 2, 8)] + [dt.datetime(3, 1, 1, 0, 0, 0, 7)]
    found = duckdb.sql(with_params(sql, {"p0": tuple((value_of(m),) for m in moments)})).fetchall()
    assert [m for (m,) in found] == moments


def test_where_the_plan_counts_on_it_no_value_stands_twice() -> None:
    """Values that are one constant in the engine (a text with a NUL is NULL), or that a stage gave twice: the first row stands."""
    sql = f"SELECT c1, c2 FROM (VALUES {rows_placeholder('p0', ['string!', 'number'])}) AS v(there, c1, c2) WHERE there"
    given = (("a", 1.0), ("b\x00", 2.0), (None, 3.0), ("a", 4.0), ("c\x00", 5.0), ("d", 1.0))
    assert duckdb.sql(with_params(sql, {"p0": given})).fetchall() == [("a", 1.0), (None, 2.0), ("d", 1.0)]
