"""The example policies over the real data, each behind a desk of its own; skipped with the reason where the data are not."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tacit.wire import Answer, Cell, QueryRequest
from tacit_service.ledger.store import Ledger
from tacit_service.policy.load import load_policy
from tacit_service.release.release import Desk

ROOT = Path(__file__).resolve().parents[2]
WRITTEN = "../../shared/data/"  # where the example policies say that the data lie
WIDTHS = 6  # half-widths of a 95 % interval that no released number is off by: e^-18 for Laplace noise
MANY = 10  # cells, of which fewer than half lie in their intervals once in a million answers


@pytest.fixture(scope="session")
def shared_data() -> Path:
    folder = Path(os.environ.get("TACIT_SHARED_DATA", ROOT.parent / "shared" / "data")).resolve()
    if not folder.is_dir():
        pytest.skip(f"real data are not at {folder} (set TACIT_SHARED_DATA)")
    return folder


@pytest.fixture(scope="session")
def open_policy(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Desk]]:
    """Opens an example policy as it is shipped, but for where its data lie."""
    desks: list[Desk] = []

    def open_(name: str) -> Desk:
        folder = tmp_path_factory.mktemp(name)
        text = (ROOT / "policies" / f"{name}.yaml").read_text(encoding="utf-8")
        assert WRITTEN in text
        policy = folder / f"{name}.yaml"
        policy.write_text(text.replace(WRITTEN, f"{shared_data}/"), encoding="utf-8")
        ledger = Ledger.open(f"sqlite:///{folder / 'ledger.sqlite'}")
        desks.append(Desk.open(load_policy(policy), ledger, folder / "data"))
        return desks[-1]

    yield open_
    for desk in desks:
        desk.close()


Ask = Callable[..., Answer]


@pytest.fixture(scope="session")
def ask() -> Ask:
    """Asks as the policy's first analyst, and checks what holds of every answer."""

    def ask_(desk: Desk, sql: str, epsilon: str, **caps: int) -> Answer:
        request = QueryRequest(dataset=desk.name, sql=sql, epsilon=epsilon, **caps)
        before = desk.budget("analyst").remaining
        quote = desk.quote("analyst", request)
        answer = desk.query("analyst", request, None)
        receipt = answer.receipt
        assert receipt.charged == quote.price
        assert Decimal(receipt.charged.epsilon) == Decimal(epsilon)
        assert receipt.charged.delta == "0", "declared keys cost no delta"
        assert Decimal(receipt.remaining.epsilon) == Decimal(before.epsilon) - Decimal(epsilon)
        assert receipt.mechanisms == [m for point in quote.release_points for m in point.measurements]
        assert sum(Decimal(m.epsilon) for m in receipt.mechanisms) == Decimal(epsilon)
        assert receipt.ledger is not None
        assert receipt.charge_id is not None
        assert not receipt.held
        assert_every_number_has_an_interval(answer)
        again = desk.query("analyst", request, None)
        assert (again.rows, again.receipt.charged.epsilon) == (answer.rows, "0"), "the same question again is free"
        return answer

    return ask_


def assert_every_number_has_an_interval(answer: Answer) -> None:
    for row, ends in zip(answer.rows, answer.intervals, strict=True):
        for column, value, pair in zip(answer.columns, row, ends, strict=True):
            if column.kind in ("key", "public"):
                assert pair is None, f"{column.name} is exact"
            else:
                assert pair is not None, f"{column.name} of {row} has no interval"
                assert isinstance(value, int | float)
                assert pair[0] <= value <= pair[1]


@pytest.fixture(scope="session")
def near() -> Callable[[Answer, str, dict[Any, float]], None]:
    """Checks a column against true values by key: none further off than six half-widths, most within their interval."""

    def near_(answer: Answer, name: str, truth: dict[Any, float]) -> None:
        at = [c.name for c in answer.columns].index(name)
        keys = [i for i, c in enumerate(answer.columns) if c.kind == "key"]
        shown = {_key(row, keys): (row[at], ends[at]) for row, ends in zip(answer.rows, answer.intervals, strict=True)}
        assert set(shown) >= set(truth)
        inside = 0
        for key, (value, pair) in shown.items():
            assert isinstance(value, int | float)
            assert pair is not None
            true = truth.get(key, 0.0)
            half = max(value - pair[0], pair[1] - value, 1e-9)
            assert abs(value - true) <= WIDTHS * half, f"{key}: {value} {pair}, but really {true}"
            inside += pair[0] <= true <= pair[1]
        if len(shown) >= MANY:
            assert inside >= 0.5 * len(shown), "intervals that miss half of the truth are no 95 % intervals"

    return near_


def _key(row: list[Cell], keys: list[int]) -> Any:
    return row[keys[0]] if len(keys) == 1 else tuple(row[i] for i in keys)
