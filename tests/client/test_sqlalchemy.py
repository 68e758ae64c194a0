"""The SQLAlchemy dialect as tools use it: an engine from a URL, inspection, SELECTs with a tool's own wrappers, pandas."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from tacit_test_service import GROUPED, KEY, Account

import tacit
from tacit.sqlalchemy import TacitDialect

sa.dialects.registry.register("tacit", "tacit.sqlalchemy", "TacitDialect")  # as the entry point does once installed


@pytest.fixture
def engine(url: str) -> Iterator[sa.Engine]:
    engine = sa.create_engine(f"tacit://{KEY}@{url.partition('//')[2]}/clinic?epsilon=0.1")
    yield engine
    engine.dispose()


def sent(account: Account) -> str:
    """The statement that was bought last, in one line."""
    return " ".join(
        next(body["sql"] for path, _, body in reversed(account.requests) if path == "POST /v1/queries").split()
    )


def test_the_package_announces_the_dialect() -> None:
    found = [e for e in entry_points(group="sqlalchemy.dialects") if e.name == "tacit"]
    assert [e.value for e in found] == ["tacit.sqlalchemy:TacitDialect"], "pip install --editable . again"


def test_superset_finds_tacit_by_its_name() -> None:
    """The class itself needs Superset, which is tried by hand: see docs/python.md."""
    (found,) = [e for e in entry_points(group="superset.db_engine_specs") if e.name == "tacit"]
    module, _, name = found.value.partition(":")
    source = Path(tacit.__file__).with_name(f"{module.rpartition('.')[2]}.py").read_text(encoding="utf-8")
    assert f"class {name}(BaseEngineSpec)" in source
    assert 'engine = "tacit"' in source


def test_the_key_is_not_shown(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT COUNT(*) FROM patients")) == 22726
    assert KEY not in f"{engine!r} {engine.url} {engine.pool!r}"


def test_inspection_shows_public_facts_and_asks_nothing(engine: sa.Engine, account: Account) -> None:
    inspector = sa.inspect(engine)
    assert inspector.get_schema_names() == [inspector.default_schema_name] == ["clinic"]
    assert inspector.get_table_names() == inspector.get_table_names("clinic") == ["patients", "regions"]
    assert inspector.get_table_names("other") == inspector.get_view_names() == []
    assert inspector.has_table("patients")
    assert inspector.has_table("patients", schema="clinic")
    assert not inspector.has_table("nobody")
    columns = inspector.get_columns("patients")
    assert [(c["name"], type(c["type"])) for c in columns] == [
        ("patient_id", sa.BigInteger), ("region", sa.String), ("income", sa.Double),
    ]  # fmt: skip
    assert [c["comment"] for c in columns] == ["privacy unit", "east, north, south", "0 to 200000"]
    assert inspector.get_pk_constraint("patients")["constrained_columns"] == ["patient_id"]
    assert inspector.get_foreign_keys("patients") == inspector.get_indexes("patients") == []
    assert inspector.get_table_comment("patients") == {"text": "People (protected, one row a unit)"}
    with pytest.raises(sa.exc.NoSuchTableError):
        inspector.get_columns("nobody")
    assert {path for path, _, _ in account.requests} == {"GET /v1/datasets/clinic"}, "once an inspector, nothing bought"


def test_an_expression_becomes_sql_of_the_service(engine: sa.Engine, account: Account) -> None:
    patients = sa.Table("patients", sa.MetaData(), autoload_with=engine)
    asked = (
        sa.select(patients.c.region, sa.func.count().label("n"))
        .where(patients.c.income > 10.5, patients.c.region.in_(["it's", "north"]), sa.true())
        .group_by(patients.c.region)
        .order_by(sa.desc("n"))
        .limit(3)
    )
    with engine.connect() as connection:
        result = connection.execute(asked)
        assert result.cursor is not None
        assert result.cursor.receipt.charged.epsilon == "0.1"
    assert sent(account) == (
        "SELECT patients.region, count(*) AS n FROM patients WHERE patients.income > 10.5 AND "
        "patients.region IN ('it''s', 'north') GROUP BY patients.region ORDER BY n DESC LIMIT 3"
    )


def test_a_table_may_be_named_with_the_dataset_as_its_schema(engine: sa.Engine, account: Account) -> None:
    patients = sa.Table("patients", sa.MetaData(), autoload_with=engine, schema="clinic")
    with engine.connect() as connection:
        connection.execute(sa.select(sa.func.count()).select_from(patients))
    assert "clinic" not in sent(account)


def test_pandas_reads_answers(engine: sa.Engine, account: Account) -> None:
    frame = pd.read_sql(GROUPED, engine)
    assert frame.to_dict("list") == {"region": ["east", "north", "south"], "n": [980, 1234, 20512]}
    pd.read_sql("SELECT COUNT(*) AS n FROM patients WHERE region = ?", engine, params=("north",))
    assert sent(account) == "SELECT COUNT(*) AS n FROM patients WHERE region = 'north'"
    pd.read_sql(sa.text("SELECT COUNT(*) AS n FROM patients WHERE region = :r"), engine, params={"r": "south"})
    assert sent(account) == "SELECT COUNT(*) AS n FROM patients WHERE region = 'south'"


def test_a_refusal_is_an_error_of_the_driver_with_its_fix(engine: sa.Engine, account: Account) -> None:
    with engine.connect() as connection, pytest.raises(sa.exc.ProgrammingError, match="Did you mean income"):
        connection.execute(sa.text("SELECT AVG(incme) FROM patients"))
    assert account.charges == 0


def test_a_ping_is_free(engine: sa.Engine, account: Account) -> None:
    held = engine.raw_connection()
    assert engine.dialect.do_ping(held.dbapi_connection)  # type: ignore[arg-type]
    held.close()
    assert [path for path, _, _ in account.requests] == ["GET /v1/me"]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("tacit://k@127.0.0.1:8470/d", "http://127.0.0.1:8470"),
        ("tacit://:k@localhost/d", "http://localhost"),
        ("tacit://k@[::1]:8470/d", "http://[::1]:8470"),
        ("tacit://k@tacit.example/d", "https://tacit.example"),
        ("tacit://k@tacit.example:80/d?tls=false", "http://tacit.example:80"),
    ],
)
def test_other_machines_are_reached_over_https(address: str, expected: str) -> None:
    (url, key, dataset), options = TacitDialect().create_connect_args(sa.make_url(address))
    assert (url, key, dataset, options) == (expected, "k", "d", {})


def test_options_have_their_types() -> None:
    address = "tacit://k@h/d?epsilon=0.10&max_rows=3&max_amount=2.5&intervals=true&timeout_s=5"
    assert TacitDialect().create_connect_args(sa.make_url(address))[1] == {
        "epsilon": "0.10", "max_rows": 3, "max_amount": 2.5, "intervals": True, "timeout_s": 5.0,
    }  # fmt: skip


@pytest.mark.parametrize("wrong", ["k@h/d?nonsense=1", "k@h/d?max_rows=x", "k@h/d?intervals=maybe", "k@h/", "h/d"])
def test_a_wrong_url_says_what_is_wrong(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TACIT_KEY", "TACIT_KEY_FILE", "TACIT_DATASET"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(sa.exc.ArgumentError):
        sa.create_engine(f"tacit://{wrong}")
