"""One class a code, families and statuses for codes not yet known, and messages that point at the SQL."""

from __future__ import annotations

import pickle

import pytest

from tacit import errors
from tacit._problems import from_problem
from tacit_service.http.catalogue import CATALOGUE


def test_every_code_has_a_class_and_every_class_is_in_the_tree() -> None:
    assert len(set(errors.CODES.values())) == len(errors.CODES)
    drawn = errors.__doc__ or ""
    classes = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.TacitError)]
    assert [c.__name__ for c in classes if c.__name__ not in drawn] == []


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("sql_too_deep", 422, errors.SqlTooDeep),
        ("sql_from_next_year", 422, errors.SqlRefused),
        ("epsilon_too_fine", 422, errors.EpsilonRefused),
        ("unknown_window", 422, errors.UnknownName),
        ("join_not_on_unit", 422, errors.NotDerivable),
        ("engine_on_fire", 500, errors.EngineFailed),
        ("quota_reached", 403, errors.Forbidden),
        ("budget_exhausted", 403, errors.BudgetExhausted),
        ("payload_too_large", 413, errors.PayloadTooLarge),
        ("idempotency_key_stale", 400, errors.BadRequest),
        ("sql_mirror_down", 503, errors.ServiceUnavailable),
        ("new_thing", 502, errors.InternalError),
    ],
)
def test_codes_map_by_name_then_family_then_status(code: str, status: int, expected: type[errors.APIError]) -> None:
    assert errors.class_for(code, status) is expected


def test_every_code_that_the_service_documents_has_a_class_here() -> None:
    assert {code for code in CATALOGUE if code not in errors.CODES} == set()
    assert [
        code
        for code, (status, _) in CATALOGUE.items()
        if (status == 422) != issubclass(errors.CODES[code], errors.RefusedError)
    ] == []


def test_the_message_shows_the_place_the_cause_and_the_fix() -> None:
    sql = "SELECT\n\tSUM(cöst) FROM visits"
    position = {"line": 2, "column": 6, "start": 12, "end": 16}
    error = from_problem(
        422,
        {"code": "sum_needs_bounds", "detail": "cost has no bounds.", "hint": "Ask the owner.", "position": position,
         "rule": "sum", "suggestion": "SELECT COUNT(*) FROM visits"},
        sql=sql,
    )  # fmt: skip
    assert str(error).splitlines() == [
        "sum_needs_bounds: cost has no bounds.",
        "  2 |  SUM(cöst) FROM visits",
        "    |      ^^^^",
        "Fix: Ask the owner.",
        "Try: SELECT COUNT(*) FROM visits",
    ]
    assert (error.rule, error.position) == ("sum", errors.Position(2, 6, 12, 16))


@pytest.mark.parametrize("position", [None, {}, {"line": 9, "column": 1, "start": 0, "end": 1}, {"line": "1"}, [1, 2]])
def test_a_position_that_points_nowhere_is_left_out(position: object) -> None:
    error = from_problem(422, {"code": "sql_syntax", "detail": "No.", "position": position}, sql="SELECT")
    assert str(error) == "sql_syntax: No."


@pytest.mark.parametrize("body", [None, {}, {"code": 7, "detail": ["x"]}, {"detail": [{"loc": ["body"]}]}])
def test_a_failure_without_a_problem_document_still_has_a_code(body: dict[str, object] | None) -> None:
    error = from_problem(502, body)
    assert (error.code, error.status) == ("http_502", 502)
    assert isinstance(error, errors.InternalError)


def test_control_characters_never_reach_the_message() -> None:
    error = from_problem(422, {"code": "x\x1b[2J", "detail": "a\x9b31m\u202eb\x07", "hint": "\x1b]0;t\x07"}, sql="\x1b")
    assert not set(str(error)) & set("\x1b\x9b\x07\u202e")


def test_errors_survive_another_process() -> None:
    error = from_problem(
        403, {"code": "budget_exhausted", "detail": "No.", "remaining": {"epsilon": "0", "delta": "0"}}
    )
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), copy.remaining, str(copy)) == (type(error), error.remaining, str(error))
