"""A person with twenty thousand rows joined with themselves: 4·10⁸ rows, or 8·10¹². Neither the answer nor the engine shows it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tacit_service.engine.emit import relation
from tacit_service.query.explain import explain
from tacit_service.query.rules.row_cap import JOINED

HEAVY, ALSO, ROWS = 5, 7, 20_000  # who have so many rows each
JOINS = {
    "with itself": "visits a JOIN visits b USING (patient_id)",
    "three times": "visits a JOIN visits b USING (patient_id) JOIN visits c USING (patient_id)",
    "by WHERE": "visits a, visits b WHERE a.patient_id = b.patient_id AND a.cost <= b.cost",
    "outer": "visits a FULL JOIN visits b ON a.patient_id = b.patient_id AND a.cost < b.cost",
    "a subquery of a join": "(SELECT a.patient_id, a.cost FROM visits a JOIN visits b USING (patient_id)) x "
    "LEFT JOIN visits c ON x.patient_id = c.patient_id",
    "lateral": "visits a, LATERAL (SELECT b.cost FROM visits b WHERE b.patient_id = a.patient_id AND b.visit_id > a.visit_id) t",
    "above a public table": "(SELECT v.patient_id FROM visits v JOIN regions r ON r.region = 'R1') a JOIN visits b USING (patient_id)",
    "of a union": "(SELECT patient_id FROM visits UNION ALL SELECT patient_id FROM visits) a JOIN visits b USING (patient_id)",
}  # fmt: skip
COMPARED = {
    "a scalar": "SELECT patient_id, (SELECT COUNT(*) FROM visits b WHERE b.patient_id = a.patient_id AND "
    "b.visit_id > a.visit_id) n FROM visits a",
    "rows above a window": "SELECT patient_id, (SELECT COUNT(*) FROM (SELECT patient_id, visit_id, row_number() OVER (PARTITION BY "
    "patient_id) k FROM visits) c WHERE c.patient_id = a.patient_id AND c.visit_id >= a.visit_id) n FROM visits a",
}  # fmt: skip


@pytest.fixture(scope="module")
def heavy(attacker, loaded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    path = tmp_path_factory.mktemp("heavy") / "heavy.duckdb"
    shutil.copy(next(Path(loaded.path.parent / "data").glob("clinic-*.duckdb")), path)
    path.chmod(0o600)
    with duckdb.connect(str(path), config={"threads": "1"}) as connection:
        more = f"visit_id: 100000 + i, cost: CAST(i % 5000 AS DOUBLE), _n: {ROWS}"
        connection.execute(f"DELETE FROM visits WHERE _u IN ({HEAVY}, {ALSO}) AND visit_id % 10 > 0")
        columns = [c for (c,) in connection.execute("SELECT column_name FROM (DESCRIBE visits)").fetchall()]
        made = dict(part.split(": ") for part in more.split(", "))
        picked = ", ".join(made.get(c, f'"{c}"') for c in columns)
        connection.execute(
            f"INSERT INTO visits SELECT {picked} FROM visits, range({ROWS - 1}) t(i) WHERE _u IN ({HEAVY}, {ALSO})"
        )
        connection.execute(f"UPDATE visits SET _n = {ROWS} WHERE _u IN ({HEAVY}, {ALSO})")
        yield connection


@pytest.mark.parametrize("joined", JOINS.values(), ids=JOINS.keys())
def test_one_unit_s_rows_do_not_multiply(attacker, heavy, joined: str) -> None:
    plan = attacker.plan(f"SELECT COUNT(*) FROM {joined}")
    (point,) = plan.releases
    (most,) = heavy.execute(
        f"SELECT max(n) FROM (SELECT count(*) AS n FROM ({relation(point.source)}) GROUP BY _u)"
    ).fetchone()
    assert 100 <= most <= JOINED
    assert "rows of a unit" in explain(plan), "it is told"


def test_which_rows_count_is_a_matter_of_the_unit_s_own_rows(attacker, heavy) -> None:
    """Whatever order they lie in, and whoever else has many."""
    (point,) = attacker.plan(f"SELECT COUNT(*) FROM {JOINS['with itself']}").releases
    ids = ", ".join(f"c{c.id}" for c in point.source.columns if c.name == "visit_id")
    kept = f"SELECT _u, count(*), sum(hash({ids})) FROM ({relation(point.source)}) WHERE _u IN ({HEAVY}, {ALSO}) GROUP BY 1 ORDER BY 1"
    before = heavy.execute(kept).fetchall()
    assert [row[:2] for row in before] == [(HEAVY, JOINED), (ALSO, JOINED)]
    heavy.execute("CREATE OR REPLACE TABLE visits AS FROM visits ORDER BY md5(CAST(visit_id AS VARCHAR))")
    assert heavy.execute(kept).fetchall() == before


@pytest.mark.parametrize("rows", COMPARED.values(), ids=COMPARED.keys())
def test_a_row_is_compared_with_so_many_of_its_unit(attacker, heavy, rows: str) -> None:
    plan = attacker.plan(f"SELECT COUNT(*) FROM ({rows}) t")
    (point,) = plan.releases
    column = next(c.id for c in point.source.columns if c.name == "n")
    (most,) = heavy.execute(f"SELECT max(c{column}) FROM ({relation(point.source)})").fetchone()
    assert 0 < most <= 100
    assert "at most 100 rows of a unit" in explain(plan)


@pytest.mark.parametrize("joined", JOINS.values(), ids=JOINS.keys())
def test_one_person_moves_a_join_by_no_more_than_declared(attacker, joined: str) -> None:
    assert attacker.excess(f"SELECT COUNT(*) FROM {joined}") == []


def test_nobody_within_the_cap_loses_a_row(attacker) -> None:
    """Sixty rows of one person are within the cap of a hundred; by a visit's own id, so is everybody."""
    for joined in ("visits a JOIN visits b USING (patient_id)",
                   "visits a JOIN visits b ON a.patient_id = b.patient_id AND a.cost < b.cost",
                   "items i JOIN visits a ON i.visit_id = a.visit_id JOIN visits b ON a.patient_id = b.patient_id AND "
                   "a.visit_id = b.visit_id"):  # fmt: skip
        sql = f"SELECT COUNT(*) FROM {joined}"
        (point,) = attacker.plan(sql, max_rows=10_000).releases
        (measure,) = point.measures
        cells = attacker.exact(attacker.everyone, point)[measure.name]
        assert {k: n // measure.multiplier for k, n in cells.items()} == attacker.plain(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT COUNT(*) FROM patients JOIN visits USING (patient_id)",
        "SELECT COUNT(*) FROM visits a SEMI JOIN visits b ON a.patient_id = b.patient_id",
        "SELECT COUNT(*) FROM patients p WHERE EXISTS (SELECT 1 FROM visits v WHERE v.patient_id = p.patient_id AND cost > 3)",
        "SELECT COUNT(*) FROM visits JOIN (SELECT patient_id, AVG(cost) m FROM visits GROUP BY 1) t USING (patient_id)",
        "SELECT COUNT(*) FROM visits JOIN regions ON region = clinic",
    ],
)
def test_there_is_no_cap_where_nothing_multiplies(attacker, sql: str) -> None:
    assert "at most" not in explain(attacker.plan(sql))
