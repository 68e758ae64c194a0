"""SQL above a release never fails after its charge: generated expressions over numbers such as noise can make at worst.

What is accepted is shown, with its intervals, for any noisy integers; what would fail is refused before there are any.
"""

from __future__ import annotations

import os
import random
import re
from collections import Counter
from typing import Any

import pytest
from tacit_e2e_data import WIDE
from tacit_e2e_world import InProcessSandbox, World

from tacit.wire import QueryRequest
from tacit_service.errors import Refusal, RequestError
from tacit_service.release import postprocessing
from tacit_service.release.postprocess import Sandbox
from tacit_service.release.postprocessing import PostProcessor, Released
from tacit_service.release.prepare import Prepared, Preparer
from tacit_service.release.ranks import width

GENERATED = int(os.environ.get("TACIT_OUTER", "24"))
CHUNK = 60
DRAWS = 4  # of the hundreds that intervals take: one statement is run as often as another
EXTREMES = (0, 1, -1, 7, -40, 10**9, -(10**9), 2**31, 2**53 + 1, 2**62, -(2**62), 123_456_789_012)

PARTS: dict[str, tuple[str, ...]] = {
    "num": (
        "n", "s", "a", "n", "s", "a", "-{num}", "{num} + {num}", "{num} * {num}", "{num} - {num}", "{num} / {num}",
        "{int} // {int}", "{int} % {int}", "{int} << {small}", "{int} & {int}", "CAST({num} AS SMALLINT)",
        "CAST({num} AS DECIMAL(6, 2))", "ROUND({num}, {small})", "POWER({num}, {num})", "LN({num})", "SQRT({num})",
        "EXP({num})", "LENGTH({text})", "CAST({text} AS BIGINT)", "TRY_CAST({text} AS DOUBLE)", "ABS({num})", "ASIN({num})",
        "GREATEST({num}, {num})", "COALESCE({num}, 0)", "NULLIF({num}, {num})", "CASE WHEN {bool} THEN {num} END",
        "DATE_DIFF('day', {date}, {date})", "EXTRACT(year FROM {date})", "[{num}, {num}][{small}]", "LIST_SUM([{num}, {num}])",
        "GCD({int}, {int})", "(SELECT MAX({num}) FROM t)", "(SELECT u.n FROM t u WHERE u.region = 'R1')", "FLOOR({num})",
    ),
    "int": ("n", "n * 1000", "CAST({num} AS BIGINT)", "CAST(s AS BIGINT)", "12", "-n"),
    "small": ("2", "CAST(n AS INTEGER)", "CAST(a AS INTEGER)", "CAST({num} AS INTEGER)"),
    "text": (
        "region", "region", "'a'", "FORMAT('{{:.2f}}', CAST({num} AS DOUBLE))", "PRINTF('%d', {int})", "CAST({num} AS VARCHAR)",
        "CHR({small})", "REPEAT('x', {int})", "LPAD({text}, {small}, '*')", "SUBSTRING({text}, {int}, 3)", "LEFT({text}, {int})",
        "STRFTIME({date}, '%Y-%m')", "REGEXP_EXTRACT({text}, {text})", "REPLACE({text}, 'a', {text})", "UPPER({text})",
        "SPLIT_PART({text}, '1', {int})", "{text} || {text}", "CONCAT({text}, {num})", "MONTHNAME({date})", "HEX({int})",
    ),
    "date": (
        "DATE '2020-01-31'", "CAST({date} + INTERVAL ({small}) DAY AS DATE)", "{date} + TO_MONTHS({small})",
        "MAKE_DATE({int}, 2, 30)", "DATE_TRUNC('month', {date})", "CAST({text} AS DATE)", "LAST_DAY({date})",
        "DATE '2020-01-31' + {small}", "DATE_ADD({date}, INTERVAL ({small}) MONTH)",
    ),
    "bool": (
        "{num} > {num}", "{num} > {num}", "{text} LIKE {text}", "REGEXP_MATCHES({text}, {text})", "{date} < {date}",
        "{bool} AND {bool}", "NOT {bool}", "{num} BETWEEN {num} AND {num}", "{num} IN ({num}, 3)",
    ),
}  # fmt: skip
BASE = "WITH t AS (SELECT region, COUNT(*) AS n, SUM(income) AS s, AVG(age) AS a FROM patients GROUP BY region) "
SHAPES = (
    "SELECT region, {num} AS e, {text} AS f FROM t", "SELECT region, {date} AS e, {bool} AS f FROM t",
    "SELECT region, n FROM t WHERE {bool}", "SELECT region, n FROM t ORDER BY {num} LIMIT 3",
    "SELECT {bool} AS g, SUM({num}), MAX({text}), COUNT(*) FROM t GROUP BY 1",
    "SELECT region, SUM({num}) OVER (ORDER BY {num}), LAG({num}) OVER (ORDER BY region) FROM t",
    "SELECT SUM({num}) * AVG({num}) AS e, STDDEV({num}), STRING_AGG({text}, ',') FROM t",
    "SELECT t.region, {num} + 1 FROM t JOIN regions r ON t.region = r.region AND {bool}",
    "SELECT region, {num} AS e FROM t QUALIFY RANK() OVER (ORDER BY {num}) <= 2",
    "SELECT FORMAT('{{}} {{}}', COUNT(*), {text}) FROM t GROUP BY {text}",
    "SELECT a.region, b.n FROM t a ASOF JOIN t b ON a.region = b.region AND a.n >= b.n",
    "SELECT {num} AS e FROM t UNION ALL SELECT {num} FROM t",
)  # fmt: skip
ALWAYS = (  # fail on any numbers, and so are refused before a charge
    "SELECT FORMAT('{:.1f}', SUM(age)) FROM patients",
    "SELECT PRINTF('%.1f', COUNT(*)) FROM patients",
    "SELECT (SELECT COUNT(*) FROM patients GROUP BY region)",
    "SELECT region FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) t WHERE region = n",
)

TOTAL = (  # failed on some numbers after the charge once
    BASE + "SELECT SKEWNESS(EXP(n * 1000)), KURTOSIS(n * 1e300), SKEWNESS(DISTINCT s * 1e100) FROM t",
    BASE + "SELECT region, SKEWNESS(CASE WHEN n > 0 THEN CAST('inf' AS DOUBLE) ELSE n END) OVER () FROM t",
)
REFUSED = (  # could not be made so
    BASE + "SELECT MEDIAN(DATE '2020-01-01' + CAST(n AS INTEGER)) FROM t",
    BASE + "SELECT SUM(n) OVER (ORDER BY n RANGE BETWEEN 9000000000000000000 PRECEDING AND CURRENT ROW) FROM t",
)


def written(seed: int) -> str:
    """A statement: a shape whose holes are filled at random, shallower with depth."""
    rng = random.Random(seed)
    text, left = rng.choice(SHAPES), rng.randint(3, 14)
    while (hole := re.search(r"(?<!\{)\{(num|int|small|text|date|bool)\}", text)) is not None:
        choices = PARTS[hole[1]]
        left -= 1
        plain = [c for c in choices if "{" not in c] if left < 0 else []
        filled = rng.choice(plain or choices) if hole[1] != "bool" or left >= 0 else "n > 3"
        text = text[: hole.start()] + filled + text[hole.end() :]
    return BASE + text.replace("{{", "{").replace("}}", "}")


class Redrawing(InProcessSandbox):
    """With the re-draws that the other tests do without."""

    redraw = Sandbox.redraw


@pytest.fixture(scope="module")
def preparer(world: World) -> Preparer:
    known = world.preparers[WIDE]
    sandbox = Redrawing(world.snapshot.public)
    return Preparer(known.policy, known.catalog, sandbox, "the data", dict(known.dry._protected))


def released(prepared: Prepared, seed: int) -> dict[str, Released]:
    """Any noisy integers."""
    rng = random.Random(seed)
    found = {}
    for point in prepared.plan.releases:
        keys = prepared.keys[point.name] or [("x",) * len(point.keys), ("y",) * len(point.keys)]
        cells = {m.name: len(keys) * (width(m) if m.candidates else 1) for m in point.measures}
        found[point.name] = Released(keys, {n: rng.choices(EXTREMES, k=size) for n, size in cells.items()})
    return found


@pytest.mark.parametrize("first", range(0, GENERATED, CHUNK))
def test_what_is_accepted_is_shown_whatever_was_released(
    first: int, preparer: Preparer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit in ("RERUNS_MAX", "RERUNS_MIN", "MEMBERSHIP_DRAWS", "DRAWS_MAX"):
        monkeypatch.setattr(postprocessing, limit, DRAWS)
    refused: Counter[str] = Counter()
    failed: dict[str, Any] = {}
    for seed in range(first, min(first + CHUNK, GENERATED)):
        sql = written(seed)
        try:
            prepared = preparer.prepare(QueryRequest(dataset="clinic", sql=sql))
        except Refusal as refusal:
            refused[f"{refusal.code}: {refusal.detail[:90]}"] += 1
            continue
        try:
            for again in range(2):
                PostProcessor(preparer.sandbox, prepared, released(prepared, seed + again), "any").show()
        except Exception as error:  # whatever it is, the charge would be gone
            failed[sql] = f"{type(error).__name__}: {error}"
    assert failed == {}
    assert sum(refused.values()) <= 0.4 * min(CHUNK, GENERATED - first), refused.most_common(20)


@pytest.mark.parametrize("sql", ALWAYS)
def test_what_fails_on_any_numbers_is_refused_before_a_charge(sql: str, preparer: Preparer) -> None:
    with pytest.raises(RequestError) as refused:
        preparer.prepare(QueryRequest(dataset="clinic", sql=sql))
    assert refused.value.code == "outer_sql_invalid"


@pytest.mark.parametrize("sql", TOTAL)
def test_what_cannot_be_had_of_extreme_numbers_is_null(sql: str, preparer: Preparer) -> None:
    prepared = preparer.prepare(QueryRequest(dataset="clinic", sql=sql))
    for seed in range(4):
        tables = PostProcessor(preparer.sandbox, prepared, released(prepared, seed), "any").tables(
            [s.name for s in prepared.plan.stacks]
        )
        assert preparer.sandbox.query(prepared.plan.sql, tables).num_rows > 0


@pytest.mark.parametrize("sql", REFUSED)
def test_what_extreme_numbers_would_break_is_refused_before_a_charge(sql: str, preparer: Preparer) -> None:
    with pytest.raises(RequestError) as refused:
        preparer.prepare(QueryRequest(dataset="clinic", sql=sql))
    assert refused.value.code == "outer_sql_invalid"


@pytest.mark.parametrize("length", ["2000000000", "500000000", "10001"])
def test_a_written_length_is_limited(length: str, preparer: Preparer) -> None:
    with pytest.raises(Refusal) as refused:
        preparer.prepare(QueryRequest(dataset="clinic", sql=f"SELECT LENGTH(REPEAT('x', {length})) AS n"))
    assert refused.value.code == "text_too_long"
