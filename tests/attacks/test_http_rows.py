"""Rows, keys and units: what an attacker would read off answers, off names, and off other people's things."""

from __future__ import annotations

import json
import math
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tacit_attacks_doors import DATASET, Door

from tacit_service.privacy.exact import Charged, ExactAggregates
from tacit_service.privacy.mechanisms import Measurement
from tacit_service.privacy.sensitivity import groups
from tacit_service.privacy.thresholds import draw_threshold, gaussian_threshold, laplace_threshold
from tacit_service.privacy.units import Delta, Epsilon

HOSTILE = json.loads(Path(__file__).with_name("hostile.json").read_text(encoding="utf-8"))


TRACKED = int(
    os.environ.get("TACIT_TRACKED_RUNS", "10")
)  # differences on each neighbour; 4σ: wrong once in 30,000 times


# -- numbers


def test_released_sums_lie_on_the_grid_whatever_the_data(whole: Door) -> None:
    """Floating-point noise leaks through its low bits (Mironov 2012) and sums through their order: here are neither."""
    for _ in range(3):
        status, answer = whole.ask(
            "SELECT SUM(cost) AS s, COUNT(*) AS n, SUM(age) AS a FROM visits JOIN patients USING (patient_id)"
        )
        assert status == 200
        cost, count, age = answer["rows"][0]
        assert isinstance(count, int)
        assert age == int(age)
        cents = cost * 100
        assert abs(cents - round(cents)) < 1e-4


@pytest.mark.parametrize("build", [laplace_threshold, gaussian_threshold])
def test_a_key_of_one_unit_is_shown_no_more_often_than_delta_allows(build: Callable[..., Measurement]) -> None:
    """Ten thousand releases of a key that one unit holds, by the service's own mechanism: over HTTP they would take an
    hour. Their δ is large here, so that the bound is more than never."""
    releases, delta = 10_000, 0.01
    m = build(groups(1, 1), Epsilon.parse("1"), Delta.parse(str(delta)), unit="patient")
    keys = [(f"unique {i}",) for i in range(releases)]
    exact = ExactAggregates(keys, {"units": np.ones(releases, dtype=np.int64)}, keys_are_public=False)
    shown, _, _ = draw_threshold(m, exact, "units", Charged("chg", (m.event,)))
    sigma = math.sqrt(delta * (1 - delta) / releases)
    assert len(shown) / releases <= delta + 3 * sigma
    assert len(shown) > 0, "or the threshold is far from where it says"


def test_a_unique_key_does_not_show_over_http(whole: Door) -> None:
    shown: set[str] = set()
    for _ in range(8):
        status, answer = whole.ask(
            "SELECT diagnosis, COUNT(DISTINCT patient_id) AS n FROM visits GROUP BY 1", epsilon="10"
        )
        assert status == 200
        shown |= {row[0] for row in answer["rows"]}
    assert "rare" not in shown
    assert "none" not in shown, "sixty visits of one patient are one patient"
    assert "flu" in shown


def test_a_tracker_reads_noise(doors: dict[str, Door]) -> None:
    """All, and all but one: the difference has the noise of both, and guesses presence no better than e^ε allows."""
    rest = "SELECT COUNT(*) AS n FROM patients WHERE NOT (region = 'R3' AND age = 61)"
    differences: dict[str, list[float]] = {"whole": [], "less": []}
    for _ in range(TRACKED):
        for name, found in differences.items():
            everyone, others = (
                doors[name].ask(sql, epsilon="0.1")[1]["rows"][0][0]
                for sql in ("SELECT COUNT(*) AS n FROM patients", rest)
            )
            found.append(everyone - others)
    guessed = sum(d >= 1 for d in differences["whole"]) + sum(d < 1 for d in differences["less"])
    allowed = math.exp(0.2) / (1 + math.exp(0.2))
    assert guessed / (2 * TRACKED) <= allowed + 4 * math.sqrt(0.25 / (2 * TRACKED))
    assert np.std(differences["whole"] + differences["less"]) > 5, "two Laplace of scale 10"


ORACLES = {
    "ORDER BY of exact rows": "SELECT region FROM regions ORDER BY (SELECT COUNT(*) FROM patients p WHERE p.region = regions.region)",
    "HAVING": "SELECT region FROM patients GROUP BY region HAVING MAX(income) > 40000",
    "HAVING on rows": "SELECT 1 AS one FROM patients GROUP BY region HAVING SUM(income) > 1000000",
    "LIMIT by a count": "SELECT region FROM regions LIMIT (SELECT COUNT(*) FROM patients WHERE patient_id = 41)",
    "OFFSET by a count": "SELECT region FROM regions OFFSET (SELECT COUNT(*) FROM visits WHERE diagnosis = 'rare')",
    "EXISTS above public rows": "SELECT region FROM regions WHERE EXISTS (SELECT 1 FROM patients WHERE patient_id = 41)",
    "IN above public rows": "SELECT region FROM regions WHERE 'rare' IN (SELECT diagnosis FROM visits)",
    "anti join": "SELECT r.region FROM regions r LEFT JOIN patients p ON p.region = r.region AND p.age > 60 WHERE p.age IS NULL",
    "EXISTS over all": "SELECT COUNT(*) FROM patients WHERE EXISTS (SELECT 1 FROM visits WHERE diagnosis = 'rare')",
    "DISTINCT rows": "SELECT DISTINCT diagnosis FROM visits",
    "CASE over a scalar": "SELECT CASE WHEN (SELECT MAX(cost) FROM visits) > 1 THEN 1 / 0 ELSE 1 END FROM regions",
    "QUALIFY": "SELECT region FROM patients QUALIFY row_number() OVER (ORDER BY income DESC) = 1",
}


@pytest.mark.parametrize("sql", ORACLES.values(), ids=ORACLES.keys())
def test_what_decides_rows_is_refused_or_released_and_charged(whole: Door, sql: str) -> None:
    before = whole.spent()
    status, answer = whole.ask(sql)
    if status == 200:
        assert whole.spent() > before, "rows that depend on people were released: at a price"
        assert answer["receipt"]["mechanisms"]
    else:
        assert status == 422, answer
        assert whole.spent() == before


FORGED = {
    "another column under the unit's name": "SELECT AVG(c) FROM (SELECT visit_id AS patient_id, SUM(cost) AS c FROM visits GROUP BY 1) t",
    "units merged": "SELECT AVG(n) FROM (SELECT patient_id % 2 AS patient_id, COUNT(*) AS n FROM visits GROUP BY 1) t",
    "a constant unit": "SELECT COUNT(*) FROM (SELECT 1 AS patient_id, cost FROM visits) a JOIN patients b USING (patient_id)",
    "a unit from VALUES": "SELECT COUNT(*) FROM (VALUES (1), (2)) v(patient_id) JOIN visits USING (patient_id)",
    "NULL units": "SELECT COUNT(*) FROM visits WHERE patient_id IS NULL",
    "NULL made a unit": "SELECT COUNT(*) FROM (SELECT NULLIF(patient_id, patient_id) AS patient_id FROM visits) t",
    "the unit in the answer": "SELECT patient_id, COUNT(*) FROM visits GROUP BY 1",
    "the unit in a hash": "SELECT md5(CAST(patient_id AS VARCHAR)), COUNT(*) FROM visits GROUP BY 1",
    "the hidden column": "SELECT COUNT(DISTINCT _u) FROM visits",
    "rowid": "SELECT MAX(rowid) FROM visits",
}


@pytest.mark.parametrize("sql", FORGED.values(), ids=FORGED.keys())
def test_a_forged_unit_is_the_true_unit_or_nothing(whole: Door, attacker: Any, sql: str) -> None:
    status, answer = whole.ask(sql)
    if status == 422:
        return
    assert status == 200, answer
    assert attacker.excess(sql) == []
    if "NULL" in sql and "IS NULL" in sql:
        assert abs(answer["rows"][0][0]) <= answer["intervals"][0][0][1] - answer["intervals"][0][0][0] + 60


# -- text

INJECTED = [
    "SELECT COUNT(*) FROM visits WHERE diagnosis = 'x'' OR 1=1 --'",
    "SELECT COUNT(*) FROM visits WHERE diagnosis = '''; DROP TABLE visits; --'",
    'SELECT COUNT(*) AS "n""; DROP TABLE charge; --" FROM visits',
    "SELECT COUNT(*) FROM visits /* */ ; DELETE FROM visits",
    "SELECT COUNT(*) FROM visits WHERE diagnosis = $1",
    "SELECT COUNT(*) FROM visits WHERE diagnosis = ?",
    "SELECT COUNT(*) FROM visits WHERE diagnosis = E'\\x27'",
    'SELECT COUNT(*) AS "<script>alert(1)</script>" FROM visits',
    'SELECT COUNT(*) AS "\x1b]0;pwned\x07" FROM visits',
    'SELECT COUNT(*) AS "\u202eevil" FROM visits',
    "SELECT COUNT(*) FROM \"visits\x00\"",
    "PRAGMA database_list", "ATTACH 'x.db'", "COPY visits TO 'x'", "SET memory_limit = '1TB'", "CALL pragma_version()",
]  # fmt: skip


@pytest.mark.parametrize("sql", INJECTED)
def test_text_stays_text(whole: Door, sql: str) -> None:
    status, headers, content = whole.call(
        "POST", "/v1/queries", body={"dataset": DATASET, "sql": sql, "epsilon": "0.5", "fresh": True}
    )
    assert status in (200, 422), content
    assert headers["content-type"] in ("application/json", "application/problem+json")
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert b"\x1b" not in content
    assert "access-control-allow-origin" not in headers


def test_the_tables_are_there_after_all_that(whole: Door) -> None:
    for sql in INJECTED[:4]:
        whole.ask(sql)
    assert whole.ask("SELECT COUNT(*) FROM visits", epsilon="0.1")[0] == 200


def test_no_origin_is_let_in(whole: Door) -> None:
    for method, path in (("OPTIONS", "/v1/queries"), ("GET", "/v1/me"), ("POST", "/v1/queries")):
        _, headers, _ = whole.call(
            method, path, body={} if method == "POST" else None, Origin="https://evil.example",
            Access_Control_Request_Method="POST", Access_Control_Request_Headers="authorization",
        )  # fmt: skip
        assert not [name for name in headers if name.startswith("access-control-")]


# -- other people's things


def test_what_is_another_s_is_what_is_not_there(whole: Door) -> None:
    """Every route with an id, as another analyst and as a stranger: the same bytes as for an id that does not exist."""
    status, mine = whole.ask("SELECT COUNT(*) AS mine FROM patients")
    assert status == 200
    absent = "rel_" + "0" * 24
    for who in ("sybil", "stranger"):
        theirs = whole.call("GET", f"/v1/releases/{mine['release_id']}", who)
        nothing = whole.call("GET", f"/v1/releases/{absent}", who)
        assert theirs[0] == nothing[0] == 404
        assert theirs[2] == nothing[2]
        assert theirs[1].keys() == nothing[1].keys()
    granted = whole.call("GET", f"/v1/datasets/{DATASET}", "stranger")
    nowhere = whole.call("GET", "/v1/datasets/nowhere", "stranger")
    assert (granted[0], granted[2]) == (nowhere[0], nowhere[2]) == (404, granted[2])
    for path in ("/v1/queries", "/v1/quotes", "/v1/explain"):
        a, b = (
            whole.call("POST", path, "stranger", {"dataset": d, "sql": "SELECT COUNT(*) FROM patients"})
            for d in (DATASET, "nowhere")
        )
        assert (a[0], a[2]) == (b[0], b[2]) == (404, a[2])
    for path in ("/v1/admin/keys", "/v1/admin/analysts", "/v1/admin/journal", f"/v1/admin/accounts/{DATASET}"):
        assert whole.call("GET", path, "mallory")[0] in (403, 404)
    assert json.loads(whole.call("GET", "/v1/releases", "sybil")[2])["releases"] == []


@pytest.mark.parametrize("key", ["", "tacit_", "tacit_" + "a" * 43, "x" * 5000, "null", "' OR 1=1 --", "\x7f"])
def test_a_key_that_is_none_opens_nothing(whole: Door, key: str) -> None:
    status, headers, content = whole.call("GET", "/v1/me", key)
    assert (status, json.loads(content)["code"]) == (401, "unauthenticated")
    assert headers["www-authenticate"].startswith("Bearer")


# -- files and everything else outside


def test_nothing_of_the_machine_is_touched(whole: Door, tmp_path: Path) -> None:
    """strace on the engine, the sandbox and the parsers while hostile statements run: no file, program or network."""
    canary = tmp_path / "canary.csv"
    canary.write_text("secret\n1\n")
    reads = [
        f"SELECT COUNT(*) FROM '{canary}'", f"SELECT COUNT(*) FROM read_csv('{canary}')", f"SELECT * FROM read_text('{canary}')",
        f"SELECT COUNT(*) FROM glob('{tmp_path}/*')", f"COPY patients TO '{canary}'", f"ATTACH '{canary}'", "INSTALL httpfs",
        "LOAD httpfs", "SELECT COUNT(*) FROM 'http://127.0.0.1:9/x.parquet'", f"EXPORT DATABASE '{tmp_path}'",
        f"SELECT COUNT(*) FROM patients WHERE income > (SELECT COUNT(*) FROM read_blob('{canary}'))",
        "SELECT COUNT(*) FROM duckdb_settings()", "SELECT getenv('HOME')", "SELECT * FROM query('FROM patients')",
        "SELECT region, COUNT(*) FROM patients GROUP BY 1", "SELECT clinic, MEDIAN(cost) FROM visits GROUP BY 1",
    ]  # fmt: skip
    desk = whole.desk
    assert whole.ask("SELECT COUNT(*) FROM patients")[0] == 200
    workers = [*desk.engine._workers, *desk.sandbox._answers, *desk.sandbox._dry]  # type: ignore[attr-defined]
    pids = [str(w.pid) for w in workers] + [str(p) for p in desk.preparer.planner._pool.pids]  # type: ignore[attr-defined]
    trace = tmp_path / "trace"
    tracer = subprocess.Popen(
        ["strace", "-f", "-e", "trace=file,network,process", "-o", str(trace), *[x for p in pids for x in ("-p", p)]],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert tracer.stderr is not None
        attached = 0
        while attached < len(pids):
            line = tracer.stderr.readline()
            if "Operation not permitted" in line or not line:
                pytest.skip("strace may not attach to processes here")
            attached += "attached" in line
        answered = [whole.ask(sql)[0] for sql in reads]
    finally:
        tracer.terminate()
        tracer.communicate(timeout=120)
    assert answered == [422] * (len(reads) - 2) + [200, 200]
    calls = [
        line
        for line in trace.read_text().splitlines()
        if any(w in line for w in ("(",)) and "+++" not in line and "---" not in line
    ]
    touched = [
        c
        for c in calls
        if any(
            c.split(None, 1)[1].startswith(n)
            for n in (
                "open",
                "creat",
                "unlink",
                "rename",
                "exec",
                "connect",
                "socket",
                "link",
                "mkdir",
                "fork",
                "vfork",
            )
        )
    ]
    allowed = ("/proc/", "/sys/", "/dev/", "/usr/", "/lib", "/etc/localtime", "site-packages", "/python3")
    assert [c for c in touched if "O_RDONLY" not in c or not any(a in c for a in allowed)] == []
    assert canary.read_text() == "secret\n1\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["canary.csv", "trace"]


# -- the whole list


def test_every_statement_of_the_hostile_list(hostile_door: Door) -> None:
    """As it expects: refused and free, or answered with a charge and finite numbers; each within the parser's time."""
    wrong = []
    for entry in HOSTILE:
        more = entry.get("request", {})
        before = hostile_door.spent("analyst")
        begun = time.monotonic()
        status, answer = hostile_door.ask(entry["sql"], "analyst", **more)
        took = time.monotonic() - begun
        cost = hostile_door.spent("analyst") - before
        refused = 400 <= status < 500 and cost == 0
        finite = status == 200 and all(
            c is None or not isinstance(c, float) or math.isfinite(c) for r in answer["rows"] for c in r
        )
        safely = finite and (cost > 0 or not answer["receipt"]["mechanisms"])
        if not (refused or (entry["expect"] == "answer_safely" and safely)) or (refused and took > 60):
            wrong.append((entry["name"], status, answer.get("code"), str(cost), round(took, 1)))
    assert wrong == []
