"""(b) Whether a query fails, or which groups it has, tells of one person; (e) a charge for what could never run."""

from __future__ import annotations

import time

import pytest

from tacit.wire import QueryRequest
from tacit_service.errors import BudgetExhausted, TacitError
from tacit_service.ledger.administration import Administration

# each raised in the engine for one person's values, and for nobody else's
ORACLES = {
    "a key past Python's calendar": "SELECT CASE WHEN diagnosis = 'rare' THEN visited_on + INTERVAL 9000 YEAR "
    "ELSE visited_on END AS d, COUNT(*) FROM visits GROUP BY 1",
    "an infinite date": "SELECT TRY_CAST(CASE WHEN diagnosis = 'rare' THEN 'infinity' ELSE '2024-01-01' END AS DATE) d, "
    "COUNT(*) FROM visits GROUP BY 1",
    "date_trunc past the calendar": "SELECT COUNT(*) FROM visits WHERE date_trunc('day', visited_on + CASE WHEN diagnosis "
    "= 'rare' THEN 200000000 ELSE 0 END) >= DATE '2024-01-01'",
    "a far date compared with a timestamp": "SELECT COUNT(*) FROM visits WHERE (visited_on + CASE WHEN diagnosis = 'rare' "
    "THEN 200000000 ELSE 0 END) >= TIMESTAMP '2024-01-01 00:00:00'",
    "a date made a timestamp by COALESCE": "SELECT COUNT(*) FROM visits WHERE COALESCE(free_date, TIMESTAMP '2024-01-01 "
    "00:00:00') > TIMESTAMP '2023-01-01 00:00:00'",
    "a cast to TINYINT": "SELECT COUNT(*) FROM (SELECT patient_id, CAST(x AS TINYINT) * 72057594037927930 y FROM (SELECT "
    "patient_id, CASE WHEN diagnosis = 'rare' THEN 1000000 ELSE 1 END AS x FROM visits) a) b WHERE y > 0",
    "a division by zero": "SELECT COUNT(*) FROM visits WHERE visit_id % CASE WHEN diagnosis = 'rare' THEN 0 ELSE 2 END = 0",
    "a logarithm of zero": "SELECT COUNT(*) FROM visits WHERE ln(cost - cost) > 0",
    "a sum past 64 bits with a default": "SELECT COUNT(*) FROM (SELECT patient_id, lag(age, 1, s) OVER (PARTITION BY "
    "patient_id) AS z FROM (SELECT p.patient_id, p.age, SUM(v.visit_id * 100000000000000) s FROM patients p JOIN visits v "
    "ON p.patient_id = v.patient_id GROUP BY 1, 2) a) b WHERE z * 60000000000000000 > 0",
    "an integer where a float was thought": "SELECT COUNT(*) FROM visits WHERE round(visit_id, 0) + 9223372036854770000 "
    "> cost",
    "rounding an integer up past 64 bits": "SELECT COUNT(*) FROM visits WHERE round(visit_id + 9223372036854755700, -1) > 0",
    "a quantile that stays an integer": "SELECT COUNT(*) FROM (SELECT patient_id, quantile_disc(visit_id, 0.5) q FROM "
    "visits GROUP BY 1) z WHERE q * 500000000000000 > q",
    "a float past its bound by rounding": "SELECT COUNT(*) FROM visits WHERE CAST(cost * 1844674407370954.9 AS BIGINT) "
    "+ 1307 > visit_id",
    "squares past 128 bits": "SELECT COUNT(*) FROM (SELECT patient_id, stddev_samp(power(n * 20, 8)) s FROM (SELECT "
    "patient_id, clinic, COUNT(*) n FROM visits GROUP BY 1, 2) a GROUP BY 1) b WHERE s > 1",
    "squares of exponentials": "SELECT COUNT(*) FROM (SELECT patient_id, var_pop(exp(n)) s FROM (SELECT patient_id, clinic, "
    "COUNT(*) n FROM visits GROUP BY 1, 2) a GROUP BY 1) b WHERE s > 1",
    "extreme values of a free column": "SELECT COUNT(*) FROM (SELECT patient_id, SUM(free_num) s, AVG(free_num) a FROM "
    "visits GROUP BY 1) z WHERE s > a",
}


@pytest.mark.parametrize("sql", ORACLES.values(), ids=ORACLES.keys())
def test_no_value_of_one_person_makes_it_fail(attacker, sql):
    assert attacker.refusal(sql) is None
    assert attacker.excess(sql) == []


REFUSED = {
    "text that grows": ("SELECT COUNT(*) FROM visits WHERE length(replace(replace(diagnosis, 'o', '{0}'), 'o', '{0}')) > 0"
                        .format("o" * 2500), "text_too_long"),
    "a pattern whose program is too long, once a row reaches it":
        ("SELECT COUNT(*) FROM visits WHERE diagnosis = 'rare' AND regexp_extract(diagnosis, '(a{900}){900}') = ''",
         "type_mismatch"),
    "a spread without bounds":
        ("SELECT COUNT(*) FROM (SELECT patient_id, stddev_samp(free_num) s FROM visits GROUP BY 1) q WHERE s > 1",
         "missing_bounds"),
    "an interval past the calendar of Python is planned": (
        "SELECT EXTRACT(year FROM visited_on + INTERVAL 99999 YEAR) y, COUNT(*) FROM visits GROUP BY 1", None),
}  # fmt: skip


@pytest.mark.parametrize(("sql", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_what_one_row_could_decide_is_refused_by_name(attacker, sql, code):
    assert attacker.refusal(sql) == code


@pytest.mark.parametrize(
    "condition",
    [
        "visited_on" + " + INTERVAL 1 DAY" * 20 + " > DATE '2023-01-01'",
        "(" * 20 + "cost BETWEEN 1 AND 2" + ") BETWEEN TRUE AND TRUE" * 20,
        "CASE " * 8 + "visit_id" + (" WHEN 1 THEN 2 WHEN 3 THEN 4 WHEN 5 THEN 6 WHEN 7 THEN 8 END" * 8) + " > 1",
    ],
    ids=["date arithmetic", "BETWEEN", "CASE with a subject"],
)
def test_short_sql_that_is_long_when_written_out_is_refused_soon(desk, condition):
    start = time.perf_counter()
    with pytest.raises(TacitError) as refused:
        _ask(desk, f"SELECT COUNT(*) FROM visits WHERE {condition}")
    assert refused.value.code in ("sql_too_large", "sql_too_complex")
    assert time.perf_counter() - start < 60  # its process is killed before 2 s; the rest is for a busy machine


# -- (e) charges


def _ask(desk, sql, epsilon="0.5", analyst="mallory", **more):
    return desk.query(analyst, QueryRequest(dataset="clinic", sql=sql, epsilon=epsilon, **more), None)


def _spent(desk, analyst="mallory"):
    return float(desk.budget(analyst).spent.epsilon)


STATIC = {
    "a pattern that the engine does not know": "SELECT COUNT(*) FROM visits WHERE regexp_matches(diagnosis, 'a(?=b)')",
    "a subquery where TRY stands": "SELECT COUNT(*) FROM visits WHERE visit_id // CASE WHEN EXISTS (SELECT 1 FROM regions r "
    "WHERE r.region = visits.clinic) THEN 1 ELSE 2 END > 3",
    "HAVING over rows": "SELECT COUNT(*) FROM (SELECT patient_id FROM visits HAVING patient_id > 5) q",
    "an option that is no number": "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (max_rows = '²') COUNT(*) FROM visits",
    "an option of 5000 digits": f"SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (max_rows = '{'9' * 5000}') COUNT(*) FROM visits",
}


@pytest.mark.parametrize("sql", STATIC.values(), ids=STATIC.keys())
def test_what_can_never_run_costs_nothing(desk, sql):
    before = _spent(desk)
    with pytest.raises(TacitError):
        _ask(desk, sql)
    assert _spent(desk) == before


def test_a_key_of_another_type_is_no_key(desk):
    """26.5 in a list for a whole number was a declared key, which failed after the charge."""
    answer = _ask(desk, "SELECT age, COUNT(*) FROM patients WHERE age IN (25, 26.5) GROUP BY age")
    assert [row[0] for row in answer.rows] == [25]


def test_noise_decides_no_error_of_the_outer_sql(desk):
    """What fails on every number is refused and free; what fails on some is NULL there."""
    before = _spent(desk)
    with pytest.raises(TacitError) as refused:
        _ask(desk, "SELECT CAST(COUNT(*) + 100000 AS TINYINT) FROM visits", epsilon="0.25")
    assert refused.value.code == "outer_sql_invalid"
    assert _spent(desk) == before
    [[fits, too_large]] = _ask(
        desk,
        "SELECT CAST(n * 0 AS TINYINT), CAST(n * 100 AS TINYINT) FROM (SELECT COUNT(*) AS n FROM visits)",
        epsilon="10",
    ).rows
    assert (fits, too_large) == (0, None)
    assert _spent(desk) == pytest.approx(before + 10)


def test_the_quote_does_not_count_what_others_left_where_that_is_hidden(desk):
    request = QueryRequest(dataset="clinic", sql="SELECT COUNT(*) FROM items", epsilon="1")
    before = desk.quote("sybil", request).more_like_this
    _ask(desk, "SELECT COUNT(*) FROM visits v JOIN items i ON i.visit_id = v.visit_id", epsilon="10", fresh=True)
    assert desk.quote("sybil", request).more_like_this == before


def test_a_frozen_dataset_says_so_and_one_that_is_spent_does_not_say_by_whom(desk):
    """What colleagues spent is hidden where limits add up to more than the dataset's; what the owner decided is not."""
    books = Administration(desk.ledger)
    books.freeze("clinic", None, "an audit")
    with pytest.raises(BudgetExhausted, match=r"The dataset's account is frozen\.") as refused:
        _ask(desk, "SELECT COUNT(*) FROM items", fresh=True)
    books.thaw("clinic", None, "audited")
    assert refused.value.extra["remaining"]["epsilon"] == desk._remaining("mallory").epsilon, (
        "their own, not the dataset's"
    )
    _ask(desk, "SELECT COUNT(*) FROM items", fresh=True)
