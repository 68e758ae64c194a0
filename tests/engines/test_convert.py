"""Whatever the source holds, conversion does not raise, and what comes out satisfies every declared fact."""

import datetime as dt
from decimal import Decimal

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit_service.engine import convert
from tacit_service.policy.model import Column

_DECLARED = st.sampled_from(
    [
        Column(type="number", bounds=(Decimal("-1"), Decimal("7.5")), precision=Decimal("0.1")),
        Column(type="number", bounds=(Decimal("0"), Decimal("9e6")), precision=Decimal("0.3")),
        Column(type="number", precision=Decimal("0.01")),
        Column(type="number"),
        Column(type="integer", bounds=(Decimal(-20), Decimal(30)), precision=Decimal(10)),
        Column(type="integer", bounds=(Decimal(0), Decimal(2**53))),
        Column(type="integer", precision=Decimal(7)),
        Column(type="integer", categories=(1, 2)),
        Column(type="string", categories=("1", "a")),
        Column(type="boolean", categories=(True,)),
        Column(type="date", bounds=(dt.date(2024, 1, 1), dt.date(2024, 12, 31))),
        Column(type="timestamp", bounds=(dt.datetime(2024, 1, 1), dt.datetime(2024, 12, 31))),
        Column(type="timestamp"),
    ]
)
_SOURCES = st.one_of(
    st.tuples(st.just("DOUBLE"), st.lists(st.floats() | st.none(), max_size=20)),
    st.tuples(st.just("FLOAT"), st.lists(st.floats(width=32) | st.none(), max_size=20)),
    st.tuples(st.just("BIGINT"), st.lists(st.integers(-(2**63), 2**63 - 1) | st.none(), max_size=20)),
    st.tuples(st.just("HUGEINT"), st.lists(st.integers(-(2**127) + 1, 2**127 - 1) | st.none(), max_size=20)),
    st.tuples(st.just("UHUGEINT"), st.lists(st.integers(0, 2**128 - 1) | st.none(), max_size=20)),
    st.tuples(st.just("BOOLEAN"), st.lists(st.booleans() | st.none(), max_size=20)),
    st.tuples(
        st.just("VARCHAR"),
        st.lists(
            st.text(max_size=8)
            | st.floats().map(repr)
            | st.integers().map(str)
            | st.datetimes().map(str)
            | st.sampled_from(["nan", "inf", "-Infinity", "1e999", "epoch", "infinity", "0x1F", "1_000", "9" * 50]),
            max_size=20,
        ),
    ),
    st.tuples(st.just("TIMESTAMP"), st.lists(st.datetimes() | st.none(), max_size=20)),
    st.tuples(st.just("DATE"), st.lists(st.dates() | st.none(), max_size=20)),
)


@settings(max_examples=100, deadline=None)
@given(_DECLARED, _SOURCES)
def test_conversion_is_total_and_makes_the_facts_true(declared, source):
    sql_type, values = source
    kind = convert.family(sql_type)
    if not convert.readable(declared.type, kind):
        return
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE s (x {sql_type})")
        connection.execute("SET TimeZone = 'UTC'")
        for value in values:
            connection.execute("INSERT INTO s VALUES (?)", [value])
        connection.execute(f"CREATE TABLE r AS SELECT {convert.convert(declared, 's.x', kind)} AS v FROM s")
        assert connection.execute("SELECT typeof(v) FROM r UNION ALL SELECT NULL").fetchone()[0] in (
            None,
            convert.SQL_TYPES[declared.type],
        )
        for fact, predicate in convert.facts("v", declared):
            assert connection.execute(f"SELECT count(*) FROM r WHERE NOT ({predicate})").fetchone() == (0,), fact
