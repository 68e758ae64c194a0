"""What a quote says is what the ledger takes, to the last digit: every golden query that is answered, on the real service."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import harness

from tacit.wire import QueryRequest, Spend
from tacit_service.ledger.store import Ledger
from tacit_service.policy.load import load_policy
from tacit_service.release.postprocess import Sandbox
from tacit_service.release.release import Desk

HERE = Path(__file__).parent
ANSWERED = [c for path in sorted(HERE.glob("*.sql")) for c in harness.cases(path) if c.expected.startswith("-- plan")]
PEOPLE = range(1, 61)


def write_tables(folder: Path) -> None:
    """Sixty people with three visits each, as the golden policy declares them."""
    visits = [(p, 3 * p + i) for p in PEOPLE for i in range(3)]
    day = dt.date(2023, 1, 1)
    tables = {
        "patients": {
            "patient_id": list(PEOPLE),
            "region": [f"R{p % 3 + 1}" for p in PEOPLE],
            "age": [p % 100 for p in PEOPLE],
            "sex": ["FM"[p % 2] for p in PEOPLE],
            "income": [float(1000 * p) for p in PEOPLE],
            "weight": [50.0 + p for p in PEOPLE],
        },
        "visits": {
            "visit_id": [v for _, v in visits],
            "patient_id": [p for p, _ in visits],
            "clinic": [("Central", "Harbour")[v % 2] for _, v in visits],
            "diagnosis": [("flu", "asthma")[v % 2] for _, v in visits],
            "cost": [v * 1.25 for _, v in visits],
            "visited_on": [day + dt.timedelta(days=3 * v) for _, v in visits],
        },
        "prescriptions": {
            "visit_id": [v for _, v in visits],
            "drug": ["aspirin" for _ in visits],
            "doses": [v % 50 for _, v in visits],
        },
    }
    for name, columns in tables.items():
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")
    pq.write_table(harness.REGIONS, folder / "regions.parquet")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("charges")
    write_tables(folder)
    text = (HERE / "clinic.yaml").read_text().replace("{epsilon: 3, delta: 1e-6}", "{epsilon: 100000, delta: 0.5}")
    (folder / "clinic.yaml").write_text(text)
    ledger = Ledger.open(f"sqlite:///{folder / 'ledger.sqlite'}")
    opened = Desk.open(load_policy(folder / "clinic.yaml"), ledger, folder / "snapshots")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            opened.sandbox, "redraw", one_draw(opened.sandbox)
        )  # intervals cost most of the time, and no budget
        yield opened
    opened.close()
    ledger.close()


def one_draw(sandbox: Sandbox) -> Any:
    """Re-draws that are one and the same."""

    def redraw(
        sql: str, draws: Any, timeout_s: float = 5.0, *, ordered: bool = True, dry: bool = False
    ) -> list[pa.Table]:
        first = sandbox.query(sql, {name: tables[0] for name, tables in draws.items()})
        return [first] * len(next(iter(draws.values())))

    return redraw


def exact(spend: Spend) -> tuple[Decimal, Decimal]:
    return Decimal(spend.epsilon), Decimal(spend.delta)


def test_a_quote_is_the_charge_for_every_golden_query(desk: Desk) -> None:
    assert len(ANSWERED) >= 100
    wrong = {}
    for case in ANSWERED:
        request = QueryRequest(dataset="clinic", sql=case.sql, fresh=True)
        before = exact(desk.budget("ana").spent)
        quoted = exact(desk.quote("ana", request).price)
        unmoved = exact(desk.budget("ana").spent) == before
        receipt = exact(desk.query("ana", request, None).receipt.charged)
        after = exact(desk.budget("ana").spent)
        taken = (after[0] - before[0], after[1] - before[1])
        if not unmoved or not quoted == receipt == taken:
            wrong[case.name] = (quoted, receipt, taken)
    assert wrong == {}
