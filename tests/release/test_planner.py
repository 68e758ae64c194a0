"""Parsing in processes that can be killed: what passes is the same plan, what hangs costs two seconds and nobody else."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tacit_service.demo_data import clinic_policy, make_clinic
from tacit_service.engine.snapshot import build_snapshot
from tacit_service.errors import Refusal
from tacit_service.policy.load import load_policy
from tacit_service.query.bind import Caps
from tacit_service.query.catalog import Catalog
from tacit_service.query.codec import decode, encode
from tacit_service.release import planning
from tacit_service.release.planner import Near, PlannerPool
from tacit_service.release.planning import LocalPlanner

SIMPLE = "SELECT region, COUNT(*) AS n FROM patients GROUP BY region"
STATEMENTS = [
    SIMPLE,
    "SELECT r.country, SUM(v.cost), COUNT(DISTINCT p.patient_id) FROM visits v JOIN patients p USING (patient_id) "
    "JOIN regions r ON p.region = r.region WHERE v.visited_on >= DATE '2024-01-01' GROUP BY 1 ORDER BY 2 DESC",
    "SELECT MEDIAN(cost), AVG(cost), STDDEV(cost) FROM visits WHERE cost BETWEEN 1.5 AND 99999999999.25",
    "SELECT COUNT(*) FROM (SELECT patient_id, ROW_NUMBER() OVER (PARTITION BY patient_id ORDER BY visit_id) n FROM visits) t WHERE n = 1",
    "SELECT COUNT(*) FROM patients WHERE income > (SELECT AVG(income) FROM patients)",
    "SELECT region, sex, COUNT(*) FROM patients GROUP BY ROLLUP (region, sex)",
]


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    folder = tmp_path_factory.mktemp("planned")
    make_clinic(folder, rows=500)
    (folder / "policy.yaml").write_text(clinic_policy("3", "1e-6"))
    loaded = load_policy(folder / "policy.yaml")
    return Catalog(loaded.policy, build_snapshot(loaded, folder / "data").public)


@pytest.fixture(scope="module")
def pool() -> Iterator[PlannerPool]:
    made = PlannerPool(2)
    made.warm()
    yield made
    made.close()


@pytest.mark.parametrize("sql", STATEMENTS)
def test_a_child_derives_what_this_process_would(pool: PlannerPool, catalog: Catalog, sql: str) -> None:
    assert pool.of(catalog).plan(sql, Caps(max_rows=3)) == LocalPlanner(catalog).plan(sql, Caps(max_rows=3))


@pytest.mark.parametrize(
    "sql", ["SELEC 1", "SELECT incme FROM patients", "SELECT * FROM patients", "SELECT 1; SELECT 2"]
)
def test_a_refusal_arrives_whole(pool: PlannerPool, catalog: Catalog, sql: str) -> None:
    told = []
    for planner in (pool.of(catalog), LocalPlanner(catalog)):
        with pytest.raises(Refusal) as refused:
            planner.plan(sql, Caps())
        told.append((type(refused.value), vars(refused.value)))
    assert told[0] == told[1]


def test_a_child_that_hangs_is_killed_within_two_seconds_while_others_are_answered(
    pool: PlannerPool, catalog: Catalog
) -> None:
    planner = pool.of(catalog)
    planner.plan(SIMPLE, Caps())
    before = pool.pids
    victim = before[1]  # the one that answers next: the pool is a stack
    os.kill(victim, signal.SIGSTOP)  # as a statement would that the parser cannot finish
    outcome: list[object] = []

    def ask() -> None:
        try:
            planner.plan(SIMPLE, Caps())
            outcome.append("answered")
        except Refusal as refused:
            outcome.append(refused.code)

    asking = [threading.Thread(target=ask) for _ in range(2)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert "answered" in outcome
    assert "sql_too_complex" in outcome
    assert planner.plan(SIMPLE, Caps()).releases
    assert victim not in pool.pids
    assert not Path(f"/proc/{victim}").exists()


@pytest.mark.parametrize("sql", ["SELECT * FROM patients", "SELECT COUNT(* FROM visits"])
def test_suggestions_too_are_made_by_the_children(
    pool: PlannerPool, catalog: Catalog, monkeypatch: pytest.MonkeyPatch, sql: str
) -> None:
    """This process never parses what an analyst wrote."""
    planner = pool.of(catalog)
    with pytest.raises(Refusal) as refused:
        planner.plan(sql, Caps())
    expected = LocalPlanner(catalog).candidates(sql, refused.value)
    monkeypatch.setattr("tacit_service.query.suggest.parse", lambda _: pytest.fail("parsed here"))
    assert planner.candidates(sql, refused.value) == expected != []


def test_what_is_near_a_refused_statement_comes_with_its_refusal(pool: PlannerPool, catalog: Catalog) -> None:
    found: list[Near] = []
    with pytest.raises(Refusal):
        pool.of(catalog).plan("SELECT region, COUNT(*) AS n FROM patientss GROUP BY region", Caps(), found)
    assert found == [Near(SIMPLE, LocalPlanner(catalog).plan(SIMPLE, Caps()))]
    with pytest.raises(Refusal):
        pool.of(catalog).plan("SELECT", Caps(), found)
    assert [near.sql for near in found[1:]] == ["SELECT COUNT(*) AS n FROM patients"]
    assert pool.of(catalog).plan(SIMPLE, Caps(), found).releases
    assert len(found) == 2, "nothing is looked for where nothing is refused"


def test_a_look_that_takes_too_long_is_broken_off(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """The child goes on: what it was asked for was refused in time, and that stands."""

    def endless(*_: object) -> Near:
        while True:
            with contextlib.suppress(Exception):
                time.sleep(0.001)

    planner = LocalPlanner(catalog)
    monkeypatch.setattr(LocalPlanner, "near", endless)
    header = {"sql": "SELECT * FROM patients", "caps": [None, None, None, False]}
    assert planning._near(planner, header, Refusal("x", "y"), 0.05) is None
    monkeypatch.setattr(LocalPlanner, "near", lambda *_: 1 / 0)
    assert planning._near(planner, header, Refusal("x", "y"), 60) is None


def test_children_that_are_killed_are_replaced(pool: PlannerPool, catalog: Catalog) -> None:
    planner = pool.of(catalog)
    for _ in range(2):
        for pid in pool.pids:
            with suppress(ProcessLookupError):  # killed in the first round, and not yet found dead by its pool
                os.kill(pid, signal.SIGKILL)
        answered = False
        for _ in range(4):  # one refusal for each child that was found dead
            try:
                answered = bool(planner.plan(SIMPLE, Caps()).releases)
            except Refusal as refused:
                assert refused.code == "sql_too_complex"  # noqa: PT017
        assert answered


def test_trees_of_a_statement_are_freed_between_two_calls_and_not_within_one(catalog: Catalog) -> None:
    code = """
import gc, pickle, sys
from tacit_service.release import planning
handle, _ = planning._start()
ran = []
gc.callbacks.append(lambda phase, _: ran.append(phase))
header = {"do": "plan", "caps": [None, None, None, False], "catalog": 1, "near": True}
for n in range(20):
    handle({**header, "sql": f"SELECT * FROM patients WHERE age > {n}"}, [memoryview(sys.stdin.buffer.read())] if n == 0 else [])
    assert not ran, "collected while somebody waits"
    planning._tidy()
    ran.clear()
print(gc.get_count()[0])
"""
    told = subprocess.run([sys.executable, "-c", code], input=pickle.dumps(catalog), capture_output=True, check=True)
    assert int(told.stdout) < 10_000


@pytest.mark.parametrize(
    "text",
    [
        b"{}", b"[]", b'{"nodes": [["Lit", 1]], "root": ["r", 0]}', b'{"nodes": [["system", "id"]], "root": ["r", 0]}',
        b'{"nodes": [], "root": ["r", 0]}', b'{"nodes": [["Interval", ["q", "0x1", "0x0"], null]], "root": ["r", 0]}',
        b'{"nodes": [], "root": ["e", "Type", "no such"]}', b"\x80\x04cos\nsystem\n", b'{"nodes": [], "root": ["os", 1]}',
    ],
)  # fmt: skip
def test_what_is_no_plan_is_not_read(text: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        decode(text)


def test_numbers_of_any_size_survive(catalog: Catalog) -> None:
    from fractions import Fraction

    from tacit_service.query.bounds import Facts, Interval, Type

    facts = Facts(
        Type.NUMBER, Interval(Fraction(-(7**9000), 3), Fraction(1, 10**40)), domain=(1, True, "é", 2**80, 0.1)
    )
    back = decode(encode(facts))
    assert back == facts
    assert [type(x) for x in back.domain] == [int, bool, str, int, float]
