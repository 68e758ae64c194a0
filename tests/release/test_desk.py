"""The one door out, over a small clinic: what is charged, what is free, what is held, what is refused."""

from __future__ import annotations

import pytest

from tacit.wire import PaceWindow, QueryRequest
from tacit_service.demo_data import clinic_policy, make_clinic
from tacit_service.errors import BudgetExhausted, Conflict, EngineFailure, NotFound, Overloaded, Refusal, RequestError
from tacit_service.ledger.store import Ledger
from tacit_service.ledger.verify import verify
from tacit_service.policy.load import load_policy
from tacit_service.query.plan import ParamPlan
from tacit_service.release.commitment import open_accounts
from tacit_service.release.postprocess import SandboxError
from tacit_service.release.postprocessing import staged_numbers
from tacit_service.release.records import PostprocessFailed
from tacit_service.release.release import Desk
from tacit_service.release.stages import given
from tacit_service.release.turns import Turns


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clinic")
    make_clinic(folder, rows=3_000)
    return folder


@pytest.fixture(scope="module")
def opened(made, tmp_path_factory):
    (made / "policy.yaml").write_text(clinic_policy("3", "1e-6"))
    ledger = Ledger.open(f"sqlite:///{tmp_path_factory.mktemp('ledger') / 'ledger.sqlite'}")
    opened = Desk.open(load_policy(made / "policy.yaml"), ledger, made / "data")
    yield opened
    opened.close()
    ledger.close()


@pytest.fixture
def desk(opened, tmp_path):
    """A desk whose ledger is new; engine, sandbox and parsers are shared by all tests."""
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    open_accounts(ledger, opened.loaded)
    yield Desk(opened.loaded, ledger, opened.engine, opened.sandbox, opened.preparer)
    ledger.close()


def ask(sql: str, epsilon: str | None = "0.1", **more: object) -> QueryRequest:
    return QueryRequest.model_validate({"dataset": "clinic", "sql": sql, "epsilon": epsilon, **more})


def test_keys_that_pass_a_threshold_take_the_noise_that_shows_smaller_groups(desk, tmp_path):
    """Many groups a patient: Gaussian, and its price is one pair; few: Laplace. The quote tells who is shown, and is the charge."""
    sql = "SELECT diagnosis, COUNT(DISTINCT patient_id) AS n FROM visits GROUP BY diagnosis"
    kinds, thresholds = [], []
    for most in (20, 2):
        quoted = desk.quote("analyst", ask(sql, "1", delta="1e-7", max_groups=most))
        answer = desk.query("analyst", ask(sql, "1", delta="1e-7", max_groups=most), None)
        assert answer.receipt.charged == quoted.price
        (drawn,) = [m for r in quoted.release_points for m in r.measurements if m.threshold is not None]
        kinds.append(drawn.mechanism)
        thresholds.append(drawn.threshold)
        assert any("people appears with a chance of 5 %" in note for note in quoted.notes)
        assert all(row[1] > drawn.threshold for row in answer.rows)
    assert kinds == ["gaussian_threshold", "laplace_threshold"]
    assert thresholds[0] < 5 * thresholds[1], "twenty groups in Laplace noise would need ten times the people of two"
    assert not verify(f"sqlite:///{tmp_path / 'ledger.sqlite'}").findings


BY_REGION = "SELECT region, COUNT(*) AS n FROM patients GROUP BY region"


def spent(desk: Desk, analyst: str = "analyst") -> str:
    return desk.budget(analyst).spent.epsilon


def test_the_quote_is_the_charge(desk):
    for sql in (
        BY_REGION,
        "SELECT AVG(cost), COUNT(*), STDDEV(cost) FROM visits",
        "SELECT diagnosis, COUNT(*) FROM visits GROUP BY 1",
    ):
        quote = desk.quote("analyst", ask(sql, "0.07"))
        answer = desk.query("analyst", ask(sql, "0.07"), None)
        assert answer.receipt.charged == quote.price
        assert answer.receipt.charged.epsilon == "0.07"


def test_every_number_has_an_interval_and_keys_have_none(desk):
    answer = desk.query(
        "analyst", ask("SELECT region, COUNT(*) AS n, AVG(age) AS a FROM patients GROUP BY region"), None
    )
    assert [c.kind for c in answer.columns] == ["key", "noisy", "noisy"]
    for row, intervals in zip(answer.rows, answer.intervals, strict=True):
        assert intervals[0] is None
        assert intervals[1][0] <= row[1] <= intervals[1][1]
        assert intervals[2][0] <= row[2] <= intervals[2][1]


def test_a_release_that_one_holds_is_free_under_any_outer_sql(desk):
    first = desk.query("analyst", ask(BY_REGION), None)
    again = desk.query("analyst", ask("SELECT region, COUNT(*) AS n FROM patients GROUP BY region"), None)
    top = desk.query("analyst", ask(BY_REGION + " ORDER BY n DESC LIMIT 1"), None)
    assert again.receipt.held
    assert top.receipt.held
    assert again.rows == first.rows
    assert top.rows[0] in first.rows
    assert spent(desk) == "0.1"


def test_fresh_buys_new_noise(desk):
    desk.query("analyst", ask(BY_REGION), None)
    assert not desk.query("analyst", ask(BY_REGION, fresh=True), None).receipt.held
    assert spent(desk) == "0.2"


def test_a_second_analyst_pays_on_their_own_account_only(desk):
    mine = desk.query("analyst", ask(BY_REGION), None)
    theirs = desk.query("second_analyst", ask(BY_REGION), None)
    assert theirs.rows == mine.rows
    assert theirs.release_id != mine.release_id
    assert spent(desk, "second_analyst") == "0.1"
    assert str(desk.ledger.balance("clinic", None).spent[0]) == "0.1"


def test_one_idempotency_key_is_one_charge_and_one_answer(desk):
    first = desk.query("analyst", ask(BY_REGION, fresh=True), "key-1")
    second = desk.query("analyst", ask(BY_REGION, fresh=True), "key-1")
    assert second == first
    assert spent(desk) == "0.1"
    with pytest.raises(Conflict):
        desk.query("analyst", ask(BY_REGION, "0.2", fresh=True), "key-1")


def test_what_costs_nothing_waits_for_its_like_and_holds_nobody_else_up(desk):
    desk.turns = Turns(wait_s=0.01)
    free = "SELECT country, SUM(population) AS p FROM regions GROUP BY country"
    with desk.turns.one("somebody", True):  # a cross join of public tables
        with pytest.raises(Overloaded, match="Nothing was run or charged"):
            desk.query("analyst", ask(free), "again")
        assert desk.quote("analyst", ask(free)).price.epsilon == "0"
        assert desk.query("analyst", ask(BY_REGION), None).receipt.charged.epsilon == "0.1"
    assert desk.query("analyst", ask(free), "again").receipt.charged.epsilon == "0"  # under the same key


def test_public_tables_alone_are_exact_and_free(desk):
    answer = desk.query("analyst", ask("SELECT country, SUM(population) AS p FROM regions GROUP BY country"), None)
    assert answer.receipt.charged.epsilon == "0"
    assert {c.kind for c in answer.columns} == {"public"}
    assert spent(desk) == "0"


def test_a_refusal_costs_nothing_and_says_where(desk):
    with pytest.raises(Refusal) as refused:
        desk.query("analyst", ask("SELECT patient_id, income FROM patients"), None)
    assert refused.value.code == "unit_in_output"
    assert refused.value.position is not None
    assert spent(desk) == "0"


@pytest.mark.parametrize("epsilon", ["0", "-1", "NaN", "Infinity", "1e400", "x", "1e0; --", "0.0000000000001", "4"])
def test_a_bad_epsilon_is_refused_free(desk, epsilon):
    with pytest.raises(Refusal) as refused:
        desk.query("analyst", ask(BY_REGION, epsilon), None)
    assert refused.value.code in ("epsilon_invalid", "epsilon_too_large")
    assert spent(desk) == "0"


@pytest.mark.parametrize("delta", ["1", "-1", "1e400", "x", "1.0"])
def test_a_bad_delta_is_refused_free(desk, delta):
    with pytest.raises(Refusal) as refused:
        desk.query("analyst", ask(BY_REGION, delta=delta), None)
    assert refused.value.code == "delta_invalid"
    assert spent(desk) == "0"


def test_unknown_keys_need_delta(desk):
    with pytest.raises(Refusal) as refused:
        desk.query("analyst", ask("SELECT diagnosis, COUNT(*) FROM visits GROUP BY 1", delta="0"), None)
    assert refused.value.code == "delta_invalid"


def test_the_budget_ends_exactly_and_held_answers_stay(desk):
    for i in range(30):
        desk.query("analyst", ask(f"SELECT COUNT(*) FROM patients WHERE age > {i}"), None)
    while desk.quote("analyst", ask(f"SELECT COUNT(*) FROM patients WHERE age > {i + 1}")).affordable:
        i += 1
        desk.query("analyst", ask(f"SELECT COUNT(*) FROM patients WHERE age > {i}"), None)
    with pytest.raises(BudgetExhausted):
        desk.query("analyst", ask(f"SELECT COUNT(*) FROM patients WHERE age > {i + 1}"), None)
    assert i + 1 == 37  # lane R of privacy.md, section 4: 37 pure releases of 0.1 fit (3, 1e-6)
    held = desk.query("analyst", ask("SELECT COUNT(*) FROM patients WHERE age > 3"), None)
    assert held.receipt.held
    assert desk.query("second_analyst", ask("SELECT COUNT(*) FROM patients WHERE age > 3"), None).rows == held.rows


def test_outer_sql_that_would_fail_on_every_number_is_refused_and_free(desk):
    with pytest.raises(RequestError, match="out of range"):
        desk.query("analyst", ask("SELECT CAST(COUNT(*) + 100000 AS TINYINT) FROM patients"), None)
    assert spent(desk) == "0"


def test_a_sandbox_that_fails_after_the_charge_keeps_the_release_for_other_sql(desk, monkeypatch):
    def broken(*_: object, **__: object) -> None:
        raise SandboxError("out of memory")

    request = ask("SELECT COUNT(*) + 1 AS n FROM patients")
    desk.quote("analyst", request)
    with monkeypatch.context() as patched:
        patched.setattr(desk.sandbox, "query", broken)
        with pytest.raises(PostprocessFailed):
            desk.query("analyst", request, None)
    assert spent(desk) == "0.1"
    mended = desk.query("analyst", ask("SELECT COUNT(*) + 100000 AS n FROM patients"), None)
    assert mended.receipt.held
    assert spent(desk) == "0.1"


@pytest.mark.parametrize(
    "value",
    [
        "CASE WHEN n > 60000 THEN n ELSE 'none' END",
        "COALESCE(NULLIF(n, 1), 'none')",
        "CASE WHEN n < 20 THEN DATE 'x' ELSE DATE '2024-01-01' END",
        "CASE WHEN n < 3 THEN CAST('abc' AS INTEGER) ELSE 1 END",
    ],
)
def test_a_branch_that_only_some_noise_takes_fails_before_the_charge_or_never(desk, value):
    """DuckDB converts a constant when its branch is taken: tried on extreme numbers first, or NULL."""
    before = spent(desk)
    sql = f"SELECT {value} AS v FROM (SELECT COUNT(*) AS n FROM patients)"
    try:
        rows = desk.query("analyst", ask(sql), None).rows
    except RequestError:
        rows = []
    assert (len(rows) == 0) == (spent(desk) == before)


def test_what_fails_under_other_noise_alone_costs_an_interval_not_the_answer(desk, monkeypatch):
    def broken(*_: object, **__: object) -> None:
        raise SandboxError("out of range")

    sql = "SELECT MAX(n) AS most FROM (SELECT region, COUNT(*) AS n FROM patients GROUP BY region) HAVING MAX(n) > 0"
    desk.quote("analyst", ask(sql))
    monkeypatch.setattr(desk.sandbox, "redraw", broken)
    answer = desk.query("analyst", ask(sql), None)
    assert len(answer.rows) == 1
    assert (answer.intervals, answer.membership) == ([[None]], None)
    assert sum("other noise" in note for note in answer.receipt.notes) == 2


def test_a_stage_whose_sql_fails_on_the_noise_is_null(desk, monkeypatch):
    sql = "SELECT COUNT(*) AS n FROM patients WHERE income > (SELECT AVG(income) FROM patients)"
    desk.quote("analyst", ask(sql))
    numbers = staged_numbers
    monkeypatch.setattr(
        "tacit_service.release.release.staged_numbers", lambda sandbox, *more: numbers(_Broken(), *more)
    )
    [[n]] = desk.query("analyst", ask(sql), None).rows
    assert abs(n) < 300, "no row is above NULL"


def test_a_stage_without_its_rows_is_no_answer_and_stays_charged(desk, monkeypatch):
    sql = "SELECT COUNT(*) AS n FROM patients WHERE region IN (SELECT region FROM patients GROUP BY region HAVING COUNT(*) > 1)"
    price, numbers = desk.quote("analyst", ask(sql)).price.epsilon, staged_numbers
    monkeypatch.setattr(
        "tacit_service.release.release.staged_numbers", lambda sandbox, *more: numbers(_Broken(), *more)
    )
    with pytest.raises(EngineFailure, match="earlier stage of the statement failed on the released values"):
        desk.query("analyst", ask(sql), None)
    assert spent(desk) == price


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (SandboxError("", "TooManyRows"), "more than 10,000 rows"),
        (SandboxError("", "TooManyBytes"), "too much text"),
        (SandboxError("", "OutOfMemoryException"), "ran out of memory"),
        (EngineFailure("engine_timeout", ""), "ran out of time"),
    ],
)
def test_a_stage_without_its_rows_says_why(reason, words):
    param = ParamPlan("p0", "SELECT 1", (), rows=True)
    with pytest.raises(EngineFailure, match=words):
        given(param, _Failing(reason), {})


BY_TWO_AGES = "SELECT age, age + 1 AS older, COUNT(*) AS n FROM patients GROUP BY 1, 2"  # 101 x 101 keys


def test_rows_of_too_many_public_keys_are_refused_before_the_charge(desk):
    before = spent(desk)
    sql = "SELECT COUNT(*) FROM patients p JOIN ({}) s ON s.older = p.age"
    for rows in (BY_TWO_AGES, f"{BY_TWO_AGES} ORDER BY n LIMIT 20000"):
        with pytest.raises(Refusal, match="hands on 10,201 rows") as refused:
            desk.query("analyst", ask(sql.format(rows)), None)
        assert (refused.value.code, spent(desk)) == ("too_many_groups", before)
    desk.quote("analyst", ask(sql.format(f"{BY_TWO_AGES} ORDER BY n DESC LIMIT 10")))


def test_a_stage_of_another_type_than_is_read_is_refused_before_the_charge(desk):
    before = spent(desk)
    sql = "SELECT COUNT(*) FROM patients WHERE income > (SELECT printf('%d', COUNT(*)) FROM patients)"
    with pytest.raises(Refusal, match="later stage"):
        desk.query("analyst", ask(sql), None)
    assert spent(desk) == before


class _Failing:
    def __init__(self, error: Exception) -> None:
        self.error = error

    def query(self, *_: object, **__: object) -> None:
        raise self.error


class _Broken:
    def query(self, *_: object, **__: object) -> None:
        raise SandboxError("could not convert")


def test_an_engine_that_fails_keeps_the_charge_and_tells_nothing(desk, monkeypatch):
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("value 4711 of patient 7")

    monkeypatch.setattr(desk.engine, "run", broken)
    with pytest.raises(EngineFailure) as failed:
        desk.query("analyst", ask(BY_REGION), None)
    assert "4711" not in str(failed.value)
    assert spent(desk) == "0.1"
    assert [c.status for c in desk.ledger.history("clinic", "analyst")] == ["failed"]


def test_no_noise_is_drawn_before_the_charge_is_durable(desk, monkeypatch):
    order: list[str] = []
    reserve, run = desk.ledger.reserve, desk.engine.run
    monkeypatch.setattr(desk.ledger, "reserve", lambda r: (order.append("charge"), reserve(r))[1])
    monkeypatch.setattr(desk.engine, "run", lambda sql, **k: (order.append("engine"), run(sql, **k))[1])
    record = desk.ledger.record
    monkeypatch.setattr(desk.ledger, "record", lambda c, r: (order.append("record"), record(c, r))[1])
    desk.query("analyst", ask(BY_REGION), None)
    assert order == ["charge", "engine", "record"]


def test_a_quote_never_reaches_the_engine(desk, monkeypatch):
    monkeypatch.setattr(desk.engine, "run", lambda *_, **__: pytest.fail("a quote ran the engine"))
    assert desk.quote("analyst", ask(BY_REGION)).price.epsilon == "0.1"
    assert "price: epsilon 0.1" in desk.explain("analyst", ask(BY_REGION))


def test_the_quote_of_an_explain_is_nothing_and_says_what_the_statement_costs(desk):
    quote = desk.quote("analyst", ask("EXPLAIN " + BY_REGION))
    assert (quote.price.epsilon, quote.share, quote.affordable) == ("0", 0.0, True)
    assert "Without the word it costs epsilon 0.1" in quote.notes[0]


def test_explain_is_a_statement_too_and_free(desk):
    answer = desk.query("analyst", ask("EXPLAIN " + BY_REGION), None)
    assert any("one row a unit" in str(row[0]) for row in answer.rows)
    assert spent(desk) == "0"


@pytest.mark.parametrize(
    ("sql", "way"),
    [
        (BY_REGION, "no bounding step, since a unit has one row"),
        ("SELECT clinic, COUNT(*) AS n FROM visits GROUP BY 1", "weights by stored totals: each row counts"),
        (
            "SELECT clinic, AVG(cost) AS n FROM visits WHERE cost > 10 GROUP BY 1",
            "weights by stored totals: units that",
        ),
        ("SELECT SUM(cost) AS cost FROM visits", "K × C: units that are within the caps"),
        ("SELECT clinic, COUNT(DISTINCT diagnosis) AS n FROM visits GROUP BY clinic", "distinct values: each unit"),
        ("SELECT COUNT(DISTINCT patient_id) AS n FROM visits", "no row is read"),
    ],
)
def test_explain_says_which_way_of_bounding_a_statement_takes(desk, sql, way):
    told = [line for line in desk.explain("analyst", ask(sql)).splitlines() if line.startswith("bounding ")]
    assert any(way in line for line in told), told


def test_a_released_average_inside_a_condition_is_one_charge(desk):
    sql = "SELECT COUNT(*) AS n FROM patients WHERE age > (SELECT AVG(age) FROM patients)"
    answer = desk.query("analyst", ask(sql, "1"), None)
    assert answer.receipt.charged.epsilon == "1"
    assert {m.release_point for m in answer.receipt.mechanisms} == {"__r0", "__r1"}


def test_googles_options_clause_sets_the_price(desk):
    sql = "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 0.25, max_groups_contributed = 2) COUNT(*) FROM patients"
    assert desk.query("analyst", ask(sql, None), None).receipt.charged.epsilon == "0.25"
    with pytest.raises(Refusal):
        desk.query("analyst", ask(sql, "0.1"), None)


def test_another_analysts_release_does_not_exist(desk):
    mine = desk.query("analyst", ask(BY_REGION), None)
    assert desk.release("analyst", mine.release_id) == mine
    with pytest.raises(NotFound):
        desk.release("second_analyst", mine.release_id)
    with pytest.raises(NotFound):
        desk.quote("nobody", ask(BY_REGION))


def test_ask_by_accuracy_gives_the_smallest_price(desk):
    quote = desk.quote("analyst", ask(BY_REGION, None, accuracy="15"))
    width = next(c.plus_minus for c in quote.columns if c.name == "n")
    assert width <= 15
    cheaper = str(float(quote.price.epsilon) - 0.002)
    assert next(c.plus_minus for c in desk.quote("analyst", ask(BY_REGION, cheaper)).columns if c.name == "n") > 15
    answer = desk.query("analyst", ask(BY_REGION, None, accuracy="15"), None)
    assert answer.receipt.charged == quote.price


@pytest.mark.parametrize(
    ("sql", "epsilon", "accuracy"),
    [
        (BY_REGION, "0.1", "15"),
        (BY_REGION, None, "0"),
        (BY_REGION, None, "x"),
        (BY_REGION, None, "0.01"),
        ("SELECT AVG(age) FROM patients", None, "15"),
    ],
)
def test_an_accuracy_without_a_price_is_refused_free(desk, sql, epsilon, accuracy):
    with pytest.raises(Refusal) as refused:
        desk.query("analyst", ask(sql, epsilon, accuracy=accuracy), None)
    assert refused.value.code == "accuracy_invalid"
    assert spent(desk) == "0"


def test_a_role_paces_each_of_its_analysts_and_the_budget_says_what_the_window_leaves(made, tmp_path):
    paced = "roles:\n  analyst: { epsilon: 2, delta: 1e-7, pace: { window: day, epsilon: 0.2 } }\n"
    (made / "paced.yaml").write_text(clinic_policy("3", "1e-6") + paced)
    now = ["2026-11-30T12:00:00"]
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}", now=lambda: now[0])
    desk = Desk.open(load_policy(made / "paced.yaml"), ledger, made / "data")
    desk.query("eve", ask(BY_REGION, "0.15"), None)
    budget = desk.budget("eve")
    assert (budget.limit.epsilon, budget.remaining.epsilon) == ("2", "1.85")
    assert budget.pace == PaceWindow(period="day", limit="0.2", remaining="0.05", ends="2026-12-01T00:00:00+00:00")
    quote = desk.quote("eve", ask("SELECT COUNT(*) FROM visits", "0.1"))
    assert not quote.affordable
    assert quote.more_like_this == 18
    assert "leaves epsilon 0.05 of 0.2" in quote.notes[0]
    with pytest.raises(BudgetExhausted, match=r"epsilon 0.05 of 0.2 is left of this day"):
        desk.query("eve", ask("SELECT COUNT(*) FROM visits", "0.1"), None)
    assert desk.budget("mallory").pace.remaining == "0.2", "each has a window of their own"
    now[0] = "2026-12-01T00:00:00"
    desk.query("eve", ask("SELECT COUNT(*) FROM visits", "0.1"), None)
    assert desk.budget("eve").pace.remaining == "0.1"
    desk.close()
    ledger.close()
