"""What is known of what an earlier stage hands on, and what a suggestion may touch."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import pytest
from sqlglot import exp, parse_one

sys.path.insert(0, str(Path(__file__).parent))
import harness

from tacit_service.query import moments
from tacit_service.query.bounds import DAY_US, Interval, Type
from tacit_service.query.caps import Caps
from tacit_service.query.split import plan
from tacit_service.query.suggest import suggestion

KEYS = {
    "day": (Type.DATE, Interval.of(0, 20_000)),
    "region": (Type.STRING, Interval()),
    "n": (Type.NUMBER, Interval()),
}


def known(sql: str) -> moments.Known | None:
    tree = parse_one(sql, read="duckdb")
    assert isinstance(tree, exp.Query)
    return moments.column(tree, "x", lambda _, column: KEYS.get(column))


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("r.region", Type.STRING),
        ("UPPER(r.region)", Type.STRING),
        ("COALESCE(r.region, 'none')", Type.STRING),
        ("CASE WHEN r.n > 10 THEN r.region END", Type.STRING),
        ("CASE WHEN r.n > 10 THEN r.day ELSE DATE '2024-01-01' END", Type.DATE),
        ("CAST(r.n AS TEXT)", Type.STRING),
        ("CAST(r.region AS DATE)", Type.DATE),
        ("r.n > 10", Type.BOOLEAN),
        ("CASE WHEN r.n > 10 THEN r.region ELSE r.n END", None),
        ("NULL", None),
    ],
)
def test_the_type_of_what_is_handed_on_follows_from_its_text(value: str, kind: Type | None) -> None:
    for sql in (f"SELECT {value} AS x FROM r", f"SELECT {value} AS x FROM r UNION ALL SELECT NULL FROM r"):
        found = known(sql)
        assert (None if found is None else found[0]) == kind


def test_sides_of_a_union_of_other_types_are_of_no_known_type() -> None:
    assert known("SELECT r.region AS x FROM r UNION SELECT r.day FROM r") is None


@pytest.mark.parametrize(("unit", "days"), [("day", 1), ("year", 366), ("decade", 3_653), ("century", 36_525)])
def test_a_truncation_moves_back_by_its_unit(unit: str, days: int) -> None:
    found = known(f"SELECT DATE_TRUNC('{unit}', r.day) AS x FROM r")
    assert found == (Type.TIMESTAMP, Interval.of(-days * DAY_US, 20_000 * DAY_US))


def test_a_truncation_to_another_unit_has_no_lower_bound() -> None:
    assert known("SELECT DATE_TRUNC('isoyear', r.day) AS x FROM r") == (
        Type.TIMESTAMP,
        Interval(None, Fraction(20_000 * DAY_US)),
    )


TWO = "SELECT age, sex, COUNT(*) AS n FROM patients GROUP BY age, sex"


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        (TWO, 1),
        (f"SELECT age, n / SUM(n) OVER () AS n FROM ({TWO}) t ORDER BY n", 1),
        (f"{TWO} LIMIT 20000", 1),
        (f"({TWO}) UNION ALL ({TWO.replace('sex', 'region')})", 2),
        (f"({TWO}) UNION ({TWO.replace('sex', 'region')})", 0),
        (f"{TWO} LIMIT 10000", 0),
        (f"({TWO}) UNION ALL ({TWO.replace('sex', 'region')}) LIMIT 10", 0),
        (f"{TWO} HAVING COUNT(*) > 100", 0),
        (f"SELECT age, MAX(n) AS n FROM ({TWO}) t GROUP BY age", 0),
        (f"SELECT 1 AS age, MAX(n) AS n FROM ({TWO}) t", 0),
        (f"SELECT DISTINCT age, 1 AS n FROM ({TWO}) t", 0),
        (f"SELECT a.age, b.n FROM ({TWO}) a JOIN ({TWO.replace('sex', 'region')}) b ON a.n = b.n", 0),
    ],
)
def test_a_stage_gives_every_row_of_its_tables_where_nothing_takes_some_away(rows: str, kept: int) -> None:
    """Then its rows are as many as its public keys, which is known before anything is paid."""
    sql = f"SELECT COUNT(*) FROM patients p JOIN ({rows}) s ON s.age = p.age"
    assert sum(len(stage.kept) for stage in plan(harness.catalog(), sql, Caps()).params) == kept


def test_names_stand_for_whole_items_of_group_by_alone() -> None:
    """No part of a word, of a text or of another clause is replaced by the name of an expression."""
    cat = harness.catalog()
    select = "SELECT sex AS s, age >= 65 AS b, COUNT(*) AS sexes FROM patients"
    sql = f"{select} GROUP BY CUBE (sex, AGE >= 65) HAVING COUNT(*) > 65 OR MAX('age >= 65') = 'sex'"
    offered = []

    def passes(text: str) -> None:
        offered.append(text)

    refusal = harness.refused(cat, sql)
    assert refusal is not None
    suggestion(cat, sql, refusal, passes)
    [first] = offered
    assert first == sql.replace("CUBE (sex, AGE >= 65)", "CUBE (s, b)")
