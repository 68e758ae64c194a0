"""A result: exact conversions, an interval beside each number, a table that rounds what means nothing."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest
from tacit_test_service import EVIL, GROUPED, HOSTILE, MONTHS

import tacit
from tacit import wire
from tacit.errors import ProtocolError


@pytest.fixture
def months(client: tacit.Client) -> tacit.Release:
    return client.query(MONTHS, epsilon="0.1")


def release(columns: list[wire.ColumnInfo], rows: list[list[wire.Cell]]) -> tacit.Release:
    nothing = wire.Spend(epsilon="0", delta="0")
    return tacit.Release(
        wire.Answer(
            release_id="rel_1", dataset="d", sql="SELECT 1", created_at="2026-11-05T12:00:00Z", columns=columns,
            rows=rows, intervals=[[None] * len(columns) for _ in rows],
            receipt=wire.Receipt(charged=nothing, remaining=nothing, held=True),
        )
    )  # fmt: skip


def test_rows_are_python_values(months: tacit.Release) -> None:
    assert months.rows[0] == (dt.date(2026, 1, 1), 1234567, 0.51234, True)
    assert list(months)[1] == months[1] == (dt.date(2026, 2, 1), None, None, None)
    assert len(months) == 2
    assert months.intervals[0][1] == (1218000.0, 1251134.0)


def test_the_table_rounds_to_the_interval(client: tacit.Client, months: tacit.Release) -> None:
    assert repr(client.query(GROUPED)).splitlines() == [
        " region |          n",
        "--------+------------",
        " east   |    980 ±14",
        " north  |  1,234 ±14",
        " south  | 20,512 ±14",
        "(3 rows; ε 0.1 charged, ε 2.8, δ 1e-6 left, release rel_2)",
    ]
    assert "1,235,000 ±17,000 | 0.512 +0.028/-0.012 | true" in repr(months)


def test_pandas_gets_datetimes_and_nullable_integers(months: tacit.Release) -> None:
    frame = months.to_pandas()
    assert frame["month"].dtype.kind == "M"
    assert str(frame["visits"].dtype) == "Int64"
    assert str(frame["known"].dtype) == "boolean"
    assert frame["share"][0] == 0.51234
    assert frame["visits"][0] == 1234567


def test_pandas_keeps_plain_integers_plain(client: tacit.Client) -> None:
    frame = client.query(GROUPED).to_pandas(intervals=True)
    assert list(frame.columns) == ["region", "n", "n_low", "n_high"]
    assert str(frame["n"].dtype) == "int64"
    pd.testing.assert_series_equal(frame["n"] - frame["n_low"], pd.Series([14.0] * 3), check_names=False)


def test_arrow_carries_types_and_the_receipt(months: tacit.Release) -> None:
    table = months.to_arrow(intervals=True)
    assert [str(kind) for kind in table.schema.types[:2]] == ["date32[day]", "int64"]
    assert table.column_names == [
        "month", "visits", "visits_low", "visits_high", "share", "share_low", "share_high", "known",
    ]  # fmt: skip
    assert json.loads(table.schema.metadata[b"tacit.receipt"])["charged"]["epsilon"] == "0.1"
    assert table.column("visits_high").to_pylist() == [1251134.0, None]


def test_integers_wider_than_64_bits_stay_exact() -> None:
    wide = release([wire.ColumnInfo(name="s", type="integer", kind="noisy")], [[2**70], [None]])
    assert wide.to_arrow().column(0).to_pylist() == [Decimal(2**70), None]


def test_names_that_repeat_are_told_apart() -> None:
    column = wire.ColumnInfo(name="n", type="integer", kind="public")
    assert release([column, column], [[1, 2]]).to_dicts() == [{"n": 1, "n_2": 2}]


def test_dicts_of_an_empty_answer() -> None:
    empty = release([wire.ColumnInfo(name="n", type="null", kind="public")], [])
    assert (empty.to_dicts(), len(empty.to_pandas()), empty.to_arrow().num_rows) == ([], 0, 0)
    assert "free: already held" in repr(empty)


def test_what_costs_nothing_says_so(client: tacit.Client) -> None:
    assert "(1 row; free, " in repr(client.query("SELECT 1", epsilon="0.0"))
    assert "(1 row; free, " not in repr(client.query("SELECT 1", epsilon="0.01"))


def test_an_answer_without_the_shape_it_claims_is_refused() -> None:
    with pytest.raises(ProtocolError, match="shape"):
        release([wire.ColumnInfo(name="n", type="integer", kind="public")], [[1, 2]])


def test_a_cell_of_the_wrong_type_is_told() -> None:
    bad = release([wire.ColumnInfo(name="n", type="date", kind="key")], [["yesterday"]])
    with pytest.raises(ProtocolError, match="ISO 8601"):
        bad.to_arrow()


def test_a_notebook_gets_escaped_html(client: tacit.Client) -> None:
    html = client.query(HOSTILE)._repr_html_()
    assert "&lt;img src=x onerror=alert(1)&gt;" in html
    assert "<img" not in html
    assert not set(html) & set("\x1b\x9b\u202e\x00")
    assert '<td style="text-align: right">980 <small>±14</small></td>' in client.query(GROUPED)._repr_html_()


def test_names_and_cells_cannot_drive_a_terminal(client: tacit.Client) -> None:
    answer = client.query(HOSTILE)
    assert answer.rows == [(EVIL,)]
    assert not set(repr(answer)) & set("\x1b\x9b\x07\u202e\x00")


def test_a_long_answer_is_cut_in_its_repr_only() -> None:
    long = release([wire.ColumnInfo(name="n", type="integer", kind="public")], [[i] for i in range(100)])
    assert "100 rows, the first 40 shown" in repr(long)
    assert len(long.to_pandas()) == 100


def test_a_conversion_without_its_package_names_the_extra() -> None:
    """A base install has no pyarrow: simulated in a process of its own by hiding the package from the import system."""
    program = """
import sys
sys.modules["pyarrow"] = None
from tacit import Release, errors, wire
nothing = wire.Spend(epsilon="0", delta="0")
answer = wire.Answer(release_id="r", dataset="d", sql="s", created_at="t", columns=[], rows=[], intervals=[],
                     receipt=wire.Receipt(charged=nothing, remaining=nothing, held=False))
try:
    Release(answer).to_arrow()
except errors.MissingExtra as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=True)
    assert "pip install 'tacit[arrow]'" in done.stdout


def test_importing_the_sdk_loads_nothing_heavy() -> None:
    heavy = "{'httpx2', 'pydantic', 'pyarrow', 'pandas', 'prompt_toolkit'}"
    program = f"import sys, tacit, tacit.cli; print(*{heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout.strip() == ""


def test_arrow_round_trip_of_every_type() -> None:
    kinds = ["integer", "number", "string", "boolean", "date", "timestamp", "null"]
    cells: list[wire.Cell] = [1, 1.5, "é", True, "2026-01-02", "2026-01-02T03:04:05.000006", None]
    columns = [wire.ColumnInfo.model_validate({"name": kind, "type": kind, "kind": "key"}) for kind in kinds]
    table = release(columns, [cells]).to_arrow()
    assert table.schema.field("timestamp").type == pa.timestamp("us")
    assert table.to_pylist()[0]["timestamp"] == dt.datetime(2026, 1, 2, 3, 4, 5, 6)
    assert table.to_pylist()[0]["string"] == "é"
