"""Releases of very many groups: columns from the engine to the wire, the same answer as lists give, and bounded work."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tacit.wire import Answer, QueryRequest
from tacit_service.engine import key_rows as key_rows_module
from tacit_service.engine.key_rows import KeyTable, key_rows, places
from tacit_service.errors import Refusal
from tacit_service.http import answers, negotiate
from tacit_service.ledger.store import Ledger
from tacit_service.policy.load import load_policy
from tacit_service.privacy.ordering import key_order
from tacit_service.release import bulk, keys, postprocessing, records
from tacit_service.release.release import Desk

MANY = 500  # columns begin here for these tests; a service begins at 20,000
GROUPS = 1_500
POLICY = """
version: 1
dataset: many
privacy_unit: {name: customer, column: sales.customer}
tables:
  sales:
    source: sales.parquet
    unit: customer
    columns:
      customer: {type: integer, nullable: false}
      item: {type: integer}
      amount: {type: number, nullable: false, bounds: [0, 500], precision: 0.01}
  items:
    source: items.parquet
    public: true
    columns:
      item: {type: integer}
      since: {type: date}
contribution: {max_rows: 20, max_groups: 4, max_rows_per_group: 2}
budget: {epsilon: 1000000, delta: 1e-2}
per_query: {default_epsilon: 20, max_epsilon: 100, default_delta: 1e-3, max_result_rows: 2000}
analysts:
  analyst: {epsilon: 1000000, delta: 1e-2}
"""
FROM = "FROM items i LEFT JOIN sales s ON s.item = i.item"
COUNTED = f"SELECT i.item, i.since, COUNT(s.customer) AS n {FROM} GROUP BY i.item, i.since"


@pytest.fixture(scope="module", autouse=True)
def many() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (key_rows_module, keys, records):
            patch.setattr(module, "LARGE", MANY)
        patch.setattr(bulk, "ROWS_MIN", MANY)
        patch.setattr(postprocessing, "WINDOW_ROWS_MAX", 40_000)
        yield


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder: Path = tmp_path_factory.mktemp("many")
    rng = np.random.default_rng(3)
    sales = {
        "customer": rng.integers(0, GROUPS, 3 * GROUPS),
        "item": rng.integers(0, GROUPS, 3 * GROUPS),
        "amount": rng.uniform(0, 500, 3 * GROUPS).round(2),
    }
    pq.write_table(pa.table(sales), folder / "sales.parquet")
    days = pa.array(np.arange(GROUPS) % 365, pa.int32()).cast(pa.date32())
    pq.write_table(pa.table({"item": np.arange(GROUPS), "since": days}), folder / "items.parquet")
    (folder / "policy.yaml").write_text(POLICY)
    ledger = Ledger.open(f"sqlite:///{folder / 'ledger.sqlite'}")
    desk = Desk.open(load_policy(folder / "policy.yaml"), ledger, folder / "data")
    yield desk
    desk.close()
    ledger.close()


def ask(sql: str, **more: object) -> QueryRequest:
    return QueryRequest.model_validate({"dataset": "many", "sql": sql, **more})


def encoded(answer: Answer, media: str) -> bytes:
    body = answers.encode(answer, media)
    return body if isinstance(body, bytes) else b"".join(body)


@pytest.fixture(scope="module")
def counted(desk: Desk) -> Answer:
    return desk.query("analyst", ask(COUNTED), None)


def test_every_public_key_has_a_row_and_an_interval_and_nothing_was_made_a_list(counted: Answer) -> None:
    columns = bulk.bulk_of(counted)
    assert columns is not None
    assert len(counted.rows) == len(counted.intervals) == GROUPS
    assert columns.table.column(0).to_pylist() == list(range(GROUPS))
    noisy = columns.table.column(2).to_numpy()
    assert abs(noisy.mean() - 3) < 0.5
    assert counted.rows[7][:2] == [7, "1970-01-08"]
    low, high = counted.intervals[7][2] or (0, 0)
    assert low <= counted.rows[7][2] <= high  # type: ignore[operator]


def test_its_json_and_its_arrow_stream_say_the_same(counted: Answer) -> None:
    told = json.loads(encoded(counted, negotiate.JSON))
    Answer.model_validate(told)
    stream = pa.ipc.open_stream(encoded(counted, negotiate.ARROW)).read_all()
    assert stream.schema.names == ["item", "since", "n", "n__low", "n__high"]
    assert stream.column("n").to_pylist() == [row[2] for row in told["rows"]]
    assert stream.column("n__high").to_pylist() == [pair[2][1] for pair in told["intervals"]]
    assert [str(d) for d in stream.column("since").to_pylist()] == [row[1] for row in told["rows"]]
    assert b"tacit.receipt" in stream.schema.metadata


def test_it_is_stored_whole_and_held_under_other_outer_sql(desk: Desk, counted: Answer) -> None:
    again = desk.release("analyst", counted.release_id)
    assert encoded(again, negotiate.JSON) == encoded(counted, negotiate.JSON)
    doubled = desk.query("analyst", ask(COUNTED.replace("AS n", "* 2 AS twice")), None)
    assert doubled.receipt.held
    columns, first = bulk.bulk_of(doubled), bulk.bulk_of(counted)
    assert columns is not None
    assert first is not None
    assert (columns.table.column(2).to_numpy() == 2 * first.table.column(2).to_numpy()).all()
    widths = columns.high[2].to_numpy() - columns.low[2].to_numpy()
    assert (widths > 0).all()


def test_unknown_keys_pass_the_threshold_in_the_order_of_their_values(desk: Desk) -> None:
    answer = desk.query("analyst", ask("SELECT item, COUNT(*) AS n FROM sales GROUP BY item"), None)
    items = [row[0] for row in answer.rows]
    assert 0 < len(items) < GROUPS + 1
    assert items == sorted(items)


def test_averages_of_so_many_groups_have_intervals_within_their_bounds(desk: Desk) -> None:
    answer = desk.query("analyst", ask(f"SELECT i.item, AVG(s.amount) AS mean {FROM} GROUP BY i.item"), None)
    columns = bulk.bulk_of(answer)
    assert columns is not None
    low, mean, high = (c.to_numpy() for c in (columns.low[1], columns.table.column(1), columns.high[1]))
    assert ((low >= 0) & (low <= mean) & (mean <= high) & (high <= 500)).all()


def test_more_groups_than_the_policy_lets_an_answer_have_are_refused_for_free(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = desk.policy.per_query.model_copy(update={"max_result_rows": GROUPS - 1})
    monkeypatch.setattr(desk.preparer, "policy", desk.policy.model_copy(update={"per_query": few}))
    before = desk.budget("analyst").spent.epsilon
    with pytest.raises(Refusal, match=f"more than {GROUPS - 1}") as refused:
        desk.query("analyst", ask(f"SELECT i.item, SUM(s.amount) AS spent {FROM} GROUP BY i.item"), None)
    assert refused.value.code == "too_many_groups"
    assert desk.budget("analyst").spent.epsilon == before


@pytest.mark.parametrize("nulls", [False, True])
def test_columns_of_keys_are_found_and_sorted_as_tuples_are(nulls: bool) -> None:
    rng = np.random.default_rng(5)
    text = pa.array([None if nulls and i % 50 == 0 else f"k{i % 50}" for i in range(MANY)])
    table = pa.table({"a": text, "b": np.arange(MANY) // 50})
    keys = key_rows(table)
    assert isinstance(keys, KeyTable)
    assert (len(keys), keys[7]) == (MANY, ("k7", 0))
    assert keys.distinct()
    assert not KeyTable(pa.concat_tables([table, table.slice(3, 1)])).distinct()
    shuffled = rng.permutation(MANY)
    at = places(keys, pa.concat_tables([table.take(shuffled), pa.table({"a": ["no"], "b": [0]})]))
    assert at.tolist() == [*shuffled.tolist(), -1]
    mixed = KeyTable(table.take(shuffled))
    in_order = mixed.take(mixed.ordered(np.arange(MANY)))
    assert list(in_order) == sorted(keys, key=key_order)


def test_a_hash_of_keys_knows_neither_their_order_nor_their_places():
    one = KeyTable(pa.table({"a": [1, 2, 3], "b": ["x", "y", "z"]}))
    other = KeyTable(pa.table({"b": ["z", "x", "y"], "a": [3, 1, 2]}))
    assert one.digest([0, 1]) == other.digest([1, 0])
    assert one.digest([0, 1]) != KeyTable(pa.table({"a": [1, 2, 4], "b": ["x", "y", "z"]})).digest([0, 1])
