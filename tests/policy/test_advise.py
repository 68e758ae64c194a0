"""``policy advise`` drafts a policy that loads, says what each choice costs, and warns its owner."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tacit_service.errors import PolicyError
from tacit_service.policy.advise import Advice, advise
from tacit_service.policy.load import Loaded, load_policy, parse_policy
from tacit_service.privacy.units import Delta, Epsilon

TENTH, SMALL_DELTA = Epsilon.parse("0.1"), Delta.parse("1e-9")


@pytest.fixture(scope="module")
def advised(clinic: Loaded, reader: Any) -> Advice:
    return advise(clinic, reader, TENTH, SMALL_DELTA)


def test_advice_on_a_policy_is_a_policy_again(clinic: Loaded, advised: Advice) -> None:
    drafted = parse_policy(advised.draft)
    assert list(drafted.tables) == ["patients", "visits", "regions"]
    assert drafted.tables["patients"].one_row_per_unit
    assert (
        drafted.tables["visits"].columns["clinic"].categories
        == clinic.policy.tables["visits"].columns["clinic"].categories
    )
    assert drafted.tables["visits"].columns["visit_id"].bounds is None, "an identifier gets no bounds"
    assert 20 <= (drafted.contribution.max_rows or 0) <= 60
    assert (drafted.budget, drafted.analysts, drafted.overcommit) == (
        clinic.policy.budget, clinic.policy.analysts, True,
    )  # fmt: skip


def test_the_owner_is_warned_and_sees_noise_and_bias_apart(advised: Advice) -> None:
    text = str(advised)
    assert text.startswith("For the data's owner only.")
    assert "become public with the policy" in text
    lines = text.splitlines()
    start = lines.index("  COUNT(*) = 100,000 without bounds")
    count = lines[start : start + 12]
    assert "R=30                     noise ±         898.7   bias" in "\n".join(count)
    assert sum("<- least error" in line for line in count) == 1
    for query in ("SUM(cost)", "COUNT(*) by clinic", "SUM(cost) by total amount"):
        assert any(line.strip().startswith(query) for line in lines), query


def test_the_stated_bias_is_what_the_bound_loses(advised: Advice, clinic_dir: Path, reader: Any) -> None:
    visits = advised.tables[1]
    column = next(c for c in visits.columns if c.name == "cost")
    assert column.bounds is not None
    high = float(column.bounds[1])
    for choice in (c for c in visits.choices if c.query.startswith("SUM(cost) in")):
        weighted = reader.query(
            "visits.parquet",
            clinic_dir,
            f"SELECT sum(s * least(1, {choice.values[0]} / n)) AS s FROM (SELECT sum(least(cost, {high})) AS s, "
            "count(*) AS n FROM t GROUP BY patient_id)",
        )["s"][0].as_py()
        assert choice.answer + choice.bias == pytest.approx(weighted)


def test_a_bare_csv_gets_types_names_and_categories(tmp_path: Path, reader: Any) -> None:
    lines = ["Customer ID,Price,2nd Visit,Kind,code,Ok"]
    lines += [f"{i % 50},{i % 7}.25,2024-0{1 + i % 9}-01,{'ab'[i % 2]},{i:04}x,{i % 3}" for i in range(900)]
    lines += ["7,1.5,2024-01-01,rare,z,1", ",9,2024-01-01,a,z,1"]
    (tmp_path / "My Sales.csv").write_text("\n".join(lines) + "\n")
    advice = advise("My Sales.csv", reader, TENTH, SMALL_DELTA, unit="Customer ID", base_dir=tmp_path)
    policy = parse_policy(advice.draft)
    sales = policy.tables["my_sales"]
    assert policy.privacy_unit.column == "my_sales.customer_id"
    assert sales.source == "My Sales.csv"
    assert {n: c.type for n, c in sales.columns.items()} == {
        "customer_id": "integer", "price": "number", "c_2nd_visit": "timestamp", "kind": "string", "code": "string",
        "ok": "integer",
    }  # fmt: skip
    assert sales.columns["c_2nd_visit"].source_column == "2nd Visit"
    assert sales.columns["kind"].categories == ("a", "b"), "a value that one person has is not proposed"
    assert str(sales.columns["price"].precision) == "0.01"
    (tmp_path / "draft.yaml").write_text(advice.draft)
    assert load_policy(tmp_path / "draft.yaml").policy == policy


def test_what_the_owner_declared_is_kept(clinic: Loaded, reader: Any) -> None:
    tables = clinic.policy.tables
    declared = (
        tables["visits"]
        .columns["cost"]
        .model_copy(update={"bounds": (Decimal(0), Decimal(777)), "description": "in € : net"})
    )
    visits = tables["visits"].model_copy(
        update={"columns": tables["visits"].columns | {"cost": declared}, "description": "Visits", "max_groups": 3}
    )
    asked = clinic.policy.per_query.model_copy(update={"mechanism": "laplace", "default_delta": Delta.parse("1e-10")})
    policy = clinic.policy.model_copy(update={"tables": tables | {"visits": visits}, "per_query": asked})
    advice = advise(replace(clinic, policy=policy), reader, TENTH, SMALL_DELTA)
    drafted = parse_policy(advice.draft)
    assert drafted.tables == policy.tables | {"visits": drafted.tables["visits"]}
    assert drafted.tables["visits"].columns["cost"] == declared
    assert (drafted.tables["visits"].description, drafted.tables["visits"].max_groups) == ("Visits", 3)
    assert (drafted.per_query, drafted.description) == (asked, policy.description)
    assert "SUM(cost) in [0, 777]" in advice.report
    assert "bounds [0, 777] declared" in advice.report


def test_empty_null_infinite_and_constant_columns(tmp_path: Path, reader: Any) -> None:
    table = pa.table(
        {
            "nothing": pa.array([None] * 4, pa.float64()),
            "zero": [0.0] * 4,
            "wild": [float("inf"), float("nan"), -3.5, 1e-7],
            "big": [2**62, 1, 2, 3],
            "odd \" ' name": ["x: y", "# z", "no", "01"],
        }
    )
    pq.write_table(table, tmp_path / "odd.parquet")
    pq.write_table(table.slice(0, 0), tmp_path / "empty.parquet")
    for name in ("odd", "empty"):
        advice = advise(f"{name}.parquet", reader, TENTH, Delta(0), base_dir=tmp_path)
        columns = parse_policy(advice.draft).tables[name].columns
        assert columns["nothing"].bounds is None
        assert columns["odd_name"].source_column == "odd \" ' name"
    assert "only NULL" in str(advice)


def test_wrong_questions_are_refused(tmp_path: Path, reader: Any) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "t.parquet")
    with pytest.raises(PolicyError, match="no column 'b'"):
        advise("t.parquet", reader, TENTH, SMALL_DELTA, unit="b", base_dir=tmp_path)
    with pytest.raises(PolicyError, match="ε 0"):
        advise("t.parquet", reader, Epsilon(0), SMALL_DELTA, base_dir=tmp_path)


def test_adult_one_row_a_person(shared_data: Path, reader: Any) -> None:
    advice = advise("adult/adult_train.parquet", reader, TENTH, SMALL_DELTA, base_dir=shared_data)
    policy = parse_policy(advice.draft)
    people = policy.tables["adult_train"]
    assert people.row_is_unit
    assert policy.contribution.max_rows == 1
    assert people.columns["income"].categories == ("<=50K", ">50K")
    assert people.columns["hours_per_week"].bounds == (0, 100)
    count = next(c for c in advice.tables[0].choices if c.query == "COUNT(*)")
    assert (count.answer, count.bias) == (32_561, 0)


def test_online_retail_many_rows_a_customer(shared_data: Path, reader: Any) -> None:
    source = "online_retail/online_retail_II_2009_2010.parquet"
    advice = advise(source, reader, Epsilon.parse("0.5"), SMALL_DELTA, unit="Customer ID", base_dir=shared_data)
    policy = parse_policy(advice.draft)
    sales = next(iter(policy.tables.values()))
    assert sales.columns["customer_id"].type == "integer", "ids that are floating point in the file"
    assert sales.columns["invoice_date"].type == "timestamp", "a date that is text in the file"
    assert "United Kingdom" in (sales.columns["country"].categories or ())
    assert "Nigeria" not in (sales.columns["country"].categories or ()), "one customer only"
    counts = [c for c in advice.tables[0].choices if c.query == "COUNT(*)"]
    assert counts[0].answer == 417_534
    assert [c.bias for c in counts] == sorted(c.bias for c in counts), "a higher cap loses less"
    assert counts[-1].bias == 0
    assert 800 <= (policy.contribution.max_rows or 0) <= 6000
