"""DB-API 2.0 as PEP 249 has it, against a service on a real socket; literals against the parser that the service uses."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp
from tacit_test_service import GROUPED, KEY, MONTHS, TYPO, Account

from tacit import _binding, dbapi, errors


@pytest.fixture
def connection(url: str) -> Iterator[dbapi.Connection]:
    with dbapi.connect(url, KEY, "clinic", epsilon="0.1") as connection:
        yield connection


@pytest.fixture
def cursor(connection: dbapi.Connection) -> dbapi.Cursor:
    return connection.cursor()


def test_the_module_says_what_it_is() -> None:
    assert (dbapi.apilevel, dbapi.threadsafety, dbapi.paramstyle) == ("2.0", 2, "qmark")
    assert dbapi.DateFromTicks(0).year in (1969, 1970)
    assert isinstance(dbapi.TimestampFromTicks(0), dbapi.Timestamp)
    assert isinstance(dbapi.TimeFromTicks(0), dbapi.Time)
    assert dbapi.Binary(b"x") == b"x"


def test_the_exceptions_are_the_tree_of_pep_249_and_hang_on_connections(connection: dbapi.Connection) -> None:
    for name in (
        "DataError",
        "OperationalError",
        "IntegrityError",
        "InternalError",
        "ProgrammingError",
        "NotSupportedError",
    ):
        assert issubclass(getattr(dbapi, name), dbapi.DatabaseError)
        assert getattr(connection, name) is getattr(dbapi, name)
    assert issubclass(dbapi.DatabaseError, dbapi.Error)
    assert issubclass(dbapi.InterfaceError, dbapi.Error)
    assert issubclass(dbapi.Warning, Warning)
    assert not issubclass(dbapi.Warning, dbapi.Error)


def test_an_answer_row_by_row(cursor: dbapi.Cursor) -> None:
    assert (cursor.description, cursor.rowcount, cursor.rownumber) == (None, -1, None)
    assert cursor.execute(GROUPED) is cursor
    assert cursor.description == [("region", "string", *[None] * 5), ("n", "integer", *[None] * 5)]
    assert (cursor.rowcount, cursor.rownumber) == (3, 0)
    assert cursor.fetchone() == ("east", 980)
    assert cursor.fetchmany() == [("north", 1234)]
    cursor.arraysize = 5
    assert cursor.fetchmany() == [("south", 20512)]
    assert (cursor.fetchone(), cursor.fetchmany(2), cursor.fetchall()) == (None, [], [])
    assert list(cursor.execute(GROUPED)) == [("east", 980), ("north", 1234), ("south", 20512)]


def test_type_objects_compare_with_type_codes(cursor: dbapi.Cursor) -> None:
    cursor.execute(MONTHS)
    codes = [column[1] for column in cursor.description or []]
    assert codes[0] == dbapi.DATETIME
    assert codes[0] != dbapi.NUMBER
    assert (codes[1], codes[2]) == (dbapi.NUMBER, dbapi.NUMBER)
    assert dbapi.STRING not in (*codes, dbapi.NUMBER, dbapi.BINARY, dbapi.ROWID)
    assert cursor.fetchone() == (dt.date(2026, 1, 1), 1234567, 0.51234, True)


def test_intervals_and_receipt_are_there(cursor: dbapi.Cursor, account: Account) -> None:
    assert cursor.quote(GROUPED).price.epsilon == "0.1"
    assert account.charges == 0
    cursor.execute(GROUPED)
    assert cursor.intervals[1] == (None, (1220.0, 1248.0))
    assert cursor.receipt.charged.epsilon == "0.1"
    assert cursor.release is not None
    assert cursor.release.id == "rel_1"


def test_intervals_as_columns(url: str) -> None:
    with dbapi.connect(url, KEY, "clinic", intervals=True) as connection:
        cursor = connection.cursor().execute(GROUPED)
        assert [column[0] for column in cursor.description or []] == ["region", "n", "n_low", "n_high"]
        assert cursor.fetchone() == ("east", 980, 966, 994)


def test_transactions_are_none_and_what_is_closed_is_closed(url: str, account: Account) -> None:
    connection = dbapi.connect(url, KEY, "clinic")
    cursor = connection.cursor().execute(GROUPED)
    connection.commit()
    connection.rollback()
    assert account.spent == Decimal("0.1"), "nothing is taken back"
    with connection.cursor() as other:
        pass
    with pytest.raises(dbapi.InterfaceError):
        other.execute(GROUPED)
    connection.close()
    connection.close()
    for use in (
        connection.cursor,
        connection.commit,
        connection.rollback,
        cursor.fetchone,
        lambda: cursor.execute(GROUPED),
    ):
        with pytest.raises(dbapi.InterfaceError):
            use()
    assert account.charges == 1


def test_fetching_before_asking_and_many_sets_of_parameters_are_refused(cursor: dbapi.Cursor, account: Account) -> None:
    for use in (cursor.fetchone, cursor.fetchall, lambda: cursor.receipt, lambda: next(iter(cursor))):
        with pytest.raises(dbapi.ProgrammingError):
            use()
    with pytest.raises(dbapi.NotSupportedError):
        cursor.executemany("SELECT COUNT(*) FROM patients WHERE age = ?", [(1,), (2,)])
    cursor.setinputsizes([1])
    cursor.setoutputsize(1, 2)
    assert account.charges == 0


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (422, "unknown_column", dbapi.ProgrammingError),
        (422, "missing_bounds", dbapi.NotSupportedError),
        (403, "budget_exhausted", dbapi.OperationalError),
        (401, "unauthenticated", dbapi.OperationalError),
        (500, "internal", dbapi.InternalError),
        (504, "engine_timeout", dbapi.OperationalError),
    ],
)
def test_errors_of_the_service_are_those_of_pep_249(
    cursor: dbapi.Cursor, account: Account, status: int, code: str, expected: type[dbapi.Error]
) -> None:
    account.failures = [(status, {"code": code, "detail": "No."}, {})]
    with pytest.raises(expected, match="No") as caught:
        cursor.execute(GROUPED)
    assert isinstance(caught.value.tacit, errors.APIError)
    assert caught.value.tacit.code == code
    assert caught.value.__cause__ is caught.value.tacit


def test_a_refusal_shows_the_place(cursor: dbapi.Cursor) -> None:
    with pytest.raises(dbapi.ProgrammingError, match=r"\^\^\^\^\^\nFix: Did you mean income\?"):
        cursor.execute(TYPO)


@pytest.mark.parametrize("probe", ['SELECT * FROM "patients" WHERE 1=0', "select * from patients limit 0;"])
def test_a_table_s_columns_are_learned_from_public_facts(cursor: dbapi.Cursor, account: Account, probe: str) -> None:
    cursor.execute(probe)
    assert [column[:2] for column in cursor.description or []] == [
        ("patient_id", "integer"), ("region", "string"), ("income", "number"),
    ]  # fmt: skip
    assert cursor.fetchall() == []
    assert [path for path, _, _ in account.requests] == ["GET /v1/datasets/clinic"]


def test_parameters_are_sent_as_literals(cursor: dbapi.Cursor, account: Account) -> None:
    cursor.execute("SELECT COUNT(*) FROM patients WHERE region = ? AND age -? > 0 -- ?\n", ("O'Hara", -1))
    assert (
        account.requests[-1][2]["sql"]
        == "SELECT COUNT(*) FROM patients WHERE region = 'O''Hara' AND age -(-1) > 0 -- ?\n"
    )


@pytest.mark.parametrize(
    ("sql", "parameters"),
    [
        ("SELECT ?", ()),
        ("SELECT ?", (1, 2)),
        ("SELECT '?'", (1,)),
        ("SELECT ?", "x"),
        ("SELECT ?", {"a": 1}),
        ("SELECT ?", (object(),)),
        ("SELECT ?", (b"x",)),
        ("SELECT ?", (math.nan,)),
        ("SELECT ?", (Decimal("Infinity"),)),
        ("SELECT ?", ("a\0b",)),
        ("SELECT ?", (dt.datetime(2024, 1, 1, tzinfo=dt.UTC),)),
        ("SELECT /* /* */ ? */ 1", (1,)),
    ],
)
def test_parameters_that_cannot_be_bound_are_refused(sql: str, parameters: Any) -> None:
    with pytest.raises(errors.InvalidArgument):
        _binding.bind(sql, parameters)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**200), 2**200),
    st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(allow_nan=False, allow_infinity=False, places=6),
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0")),
    st.sampled_from(["'", "''", "\\'", "--", "/*", "*/", "$$", "?", "'; DROP TABLE x; --", "E'\\"]),
    st.dates(),
    st.datetimes(),
)


def read(node: exp.Expression) -> object:
    """The value of a literal, as the service's parser sees it."""
    match node:
        case exp.Null():
            return None
        case exp.Boolean():
            return node.this
        case exp.Paren(this=exp.Neg(this=inner)):
            return Decimal(f"-{inner.name}")
        case exp.Literal():
            return node.this if node.is_string else Decimal(node.this)
        case exp.Cast(this=inner) | exp.DateStrToDate(this=inner):
            return inner.name
    raise AssertionError(node)


@settings(deadline=None)
@given(
    VALUES, st.sampled_from(["SELECT {} AS a", "SELECT 'it''s ?', \"a?\" -{} -- ?", "SELECT $t$?$t$, 1 /* ? */ + {}"])
)
def test_a_value_is_one_literal_whatever_it_holds(value: Any, template: str) -> None:
    tree = sqlglot.parse(_binding.bind(template.format("?"), (value,)), read="duckdb")
    assert len(tree) == 1
    plain = sqlglot.parse_one(template.format("NULL"), read="duckdb")
    assert tree[0] is not None
    found, other = list(tree[0].walk()), list(plain.walk())
    place = next(i for i, node in enumerate(other) if isinstance(node, exp.Null))
    assert [type(node) for node in found[:place]] == [type(node) for node in other[:place]], "the statement is the same"
    got = read(found[place])
    if isinstance(value, bool) or value is None or isinstance(value, str):
        assert got == value
    elif isinstance(value, dt.date):
        assert str(got) == (value.isoformat(" ") if isinstance(value, dt.datetime) else value.isoformat())
    else:
        assert got == (Decimal(repr(value)) if isinstance(value, float) else Decimal(value))


def test_numbers_of_numpy_are_numbers() -> None:
    assert _binding.bind("SELECT ?, ?, ?", (np.int64(3), np.float64(0.1), np.bool_(True))) == "SELECT 3, 0.1, TRUE"
