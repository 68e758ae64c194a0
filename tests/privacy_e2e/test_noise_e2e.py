"""Through the whole service, noise and all: the stated 95 % intervals cover the answer under the bounds 95 % of the time.

OpenDP's noise is cryptographic and has no seed, so the limits are those that a right service misses once in 10 million.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from scipy.stats import binom
from tacit_e2e_data import TIGHT, TIGHT_GROUPS, Bounds
from tacit_e2e_world import TIMEOUT_S, World, load

from tacit.wire import QueryRequest
from tacit_service.engine.aggregate import aggregate
from tacit_service.ledger.store import Ledger
from tacit_service.query.plan import AggKind
from tacit_service.release.release import Desk
from tacit_service.release.values import value

RELEASES = 60
ERROR_RATE = 1e-7
KINDS = {AggKind.COUNT: "counts", AggKind.SUM: "sums", AggKind.AVG: "averages"}
VISITS = "SELECT clinic, COUNT(*) AS n, SUM(cost) AS s, AVG(minutes) AS m FROM visits GROUP BY clinic"
PATIENTS = (
    "SELECT region, COUNT(*) AS n, SUM(age) AS s, AVG(weight) AS m FROM patients "
    "WHERE region IN ('R1', 'R2', 'R3', 'R4') GROUP BY region"
)


@dataclass(frozen=True)
class Asked:
    """A request under bounds; the name says which form and which noise its receipt has to show."""

    name: str
    bounds: Bounds
    request: QueryRequest


ASKED = (
    Asked("weights, Laplace", TIGHT, QueryRequest(dataset="clinic", sql=VISITS, epsilon="1.5", fresh=True)),
    Asked("groups, Gauss", replace(TIGHT_GROUPS, mechanism="gaussian"),
          QueryRequest(dataset="clinic", sql=VISITS, epsilon="1.5", delta="1e-6", fresh=True)),
    Asked("one row a unit, Laplace", TIGHT, QueryRequest(dataset="clinic", sql=PATIENTS, epsilon="0.9", fresh=True)),
)  # fmt: skip


@pytest.fixture(scope="module", params=ASKED, ids=lambda a: a.name)
def desk(request: Any, world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, Asked]]:
    """The real service over the tiny clinic: engine and sandbox in their own processes, a ledger on disk."""
    asked: Asked = request.param
    ledger = Ledger.open(f"sqlite:///{tmp_path_factory.mktemp('ledger') / 'ledger.sqlite'}")
    opened = Desk.open(load(world.folder, asked.bounds), ledger, world.folder / "snapshots")
    yield opened, asked
    opened.close()
    ledger.close()


def truth(desk: Desk, request: QueryRequest) -> dict[tuple[str, Any], float]:
    """Each cell's value under the bounds, from the exact aggregates, by (kind of aggregate, key)."""
    prepared = desk.preparer.prepare(request)
    (point,) = prepared.plan.releases
    keys = prepared.keys[point.name]
    assert keys is not None
    exact = aggregate(desk.engine, point, keys, timeout_s=TIMEOUT_S)
    measures = {m.name: m for m in point.measures}
    cells: dict[tuple[str, Any], float] = {}
    for output in point.outputs:
        parts = [exact[m]._values(m).astype(float) for m in output.measures]
        whole = value(output, [measures[m] for m in output.measures], parts, 1.0)
        for i, (key,) in enumerate(keys):
            cells[KINDS[output.kind], key] = float(whole[i])
    return cells


def test_stated_intervals_cover_the_bounded_answer(desk: tuple[Desk, Asked]) -> None:
    service, asked = desk
    expected = truth(service, asked.request)
    price = service.quote("analyst", asked.request).price
    covered = dict.fromkeys(KINDS.values(), 0)
    cells = RELEASES * len(expected) // len(KINDS)
    for _ in range(RELEASES):
        answer = service.query("analyst", asked.request, None)
        assert answer.receipt.charged == price
        assert {m.mechanism for m in answer.receipt.mechanisms} == {"gaussian" if "Gauss" in asked.name else "laplace"}
        for row, intervals in zip(answer.rows, answer.intervals, strict=True):
            for kind, interval in zip(KINDS.values(), intervals[1:], strict=True):
                assert interval is not None
                low, high = interval
                covered[kind] += low <= expected[kind, row[0]] <= high
    least = binom.ppf(ERROR_RATE, cells, 0.95)
    most = binom.ppf(1 - ERROR_RATE, cells, 0.97)  # counts have whole ends, which covers a little more
    assert all(least <= n <= most for n in covered.values()), (covered, cells, least, most)


def test_a_key_that_one_person_alone_has_is_not_shown(desk: tuple[Desk, Asked]) -> None:
    """Its chance is δ a release. Common keys are shown every time."""
    service, _ = desk
    request = QueryRequest(
        dataset="clinic",
        sql="SELECT diagnosis, COUNT(*) FROM visits GROUP BY diagnosis",
        epsilon="20",
        delta="1e-9",
        fresh=True,
    )
    shown = [{row[0] for row in service.query("analyst", request, None).rows} for _ in range(20)]
    assert all("rare" not in keys and {"flu", "asthma", "migraine"} <= keys for keys in shown)
