"""The demo as scripts start it, and the whole service behind it: real data, real noise, real ledger."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tacit import wire

COMMAND = [str(Path(sys.executable).with_name("tacit-service")), "demo"]
COUNT = "SELECT region, COUNT(*) AS n FROM patients GROUP BY region"


def start(tmp: Path, *words: str) -> subprocess.Popen[str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("TACIT_")}
    return subprocess.Popen(
        [*COMMAND, *words],
        cwd=tmp,
        env=plain | {"TMPDIR": str(tmp)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def descendants(pid: int) -> list[int]:
    """Processes below ``pid``, as the kernel lists them."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # it may have ended meanwhile
            for child in task.read_text().split():
                found += [int(child), *descendants(int(child))]
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def wait_until(happens, timeout_s: float = 60) -> bool:
    deadline = time.monotonic() + timeout_s
    while not happens() and time.monotonic() < deadline:
        time.sleep(0.05)
    return bool(happens())


@dataclass
class Demo:
    url: str
    keys: dict[str, str]
    fresh: list[int] = field(default_factory=lambda: [0])

    def call(self, method: str, path: str, who: str | None = "analyst", body: Any = None, **headers: str):
        """Status, headers and content; ``body`` is JSON text or something to make it of."""
        data = None if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        if who is not None:
            request.add_header("Authorization", f"Bearer {self.keys[who]}")
        if data is not None:
            request.add_header("Content-Type", "application/json")
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()

    def post(self, path: str, who: str = "analyst", **body: Any) -> tuple[int, dict[str, Any]]:
        status, _, content = self.call("POST", path, who, {"dataset": "clinic", **body})
        return status, json.loads(content)

    def spent(self, who: str = "analyst") -> Decimal:
        return Decimal(json.loads(self.call("GET", "/v1/budget", who)[2])["accounts"][0]["spent"]["epsilon"])


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    tmp = tmp_path_factory.mktemp("demo")
    process = start(tmp, "--serve", "--json", "--port", "0", "--rows", "20000", "--epsilon", "3", "--delta", "1e-6")
    assert process.stdout is not None
    line = json.loads(process.stdout.readline())
    assert set(line) == {"url", "dataset", "keys"}
    try:
        yield Demo(line["url"], line["keys"])
    finally:
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert out == "", "one line is all that stdout gets"
    assert list(tmp.iterdir()) == [], "data and ledger are gone with the demo"


def test_it_answers_as_soon_as_it_says_so(demo: Demo):
    assert json.loads(demo.call("GET", "/readyz", None)[2])["ready"] is True
    assert sorted(demo.keys) == ["analyst", "owner", "second_analyst"]
    assert json.loads(demo.call("GET", "/v1/datasets")[2]) == {"datasets": ["clinic"]}
    facts = wire.DatasetFacts.model_validate_json(demo.call("GET", "/v1/datasets/clinic")[2])
    assert {table.name for table in facts.tables} == {"patients", "visits", "regions"}


def test_a_quote_is_free_and_a_query_costs_what_was_quoted(demo: Demo):
    before = demo.spent()
    status, quoted = demo.post("/v1/quotes", sql=COUNT, epsilon="0.1")
    quote = wire.Quote.model_validate(quoted)
    assert (status, quote.price.epsilon, quote.affordable) == (200, "0.1", True)
    assert demo.spent() == before
    status, body = demo.post("/v1/queries", sql=COUNT, epsilon="0.1")
    answer = wire.Answer.model_validate(body)
    assert status == 200
    assert answer.receipt.charged.epsilon == "0.1"
    assert demo.spent() == before + Decimal("0.1")
    assert len(answer.rows) >= 8
    for row, spans in zip(answer.rows, answer.intervals, strict=True):
        assert spans[0] is None
        low, high = spans[1]
        assert low <= row[1] <= high


@pytest.mark.parametrize(("written", "charged"), [("0.05", "0.05"), ('"0.05"', "0.05"), ("5e-2", "0.05")])
def test_epsilon_is_exact_however_it_is_written(demo: Demo, written: str, charged: str):
    before = demo.spent()
    text = f'{{"dataset": "clinic", "sql": "SELECT COUNT(*) AS n FROM patients", "epsilon": {written}, "fresh": true}}'
    status, _, content = demo.call("POST", "/v1/queries", body=text)
    assert status == 200, content
    assert json.loads(content)["receipt"]["charged"]["epsilon"] == charged
    assert demo.spent() == before + Decimal(charged)


EPSILONS = ["0", "-1", "-0", "NaN", '"NaN"', '"Infinity"', "1e400", '"1e400"', "1e-400", '"x"', '""', "true", "[]"]
EPSILONS += ["{}", '"0x1"', '" 0.1"', '"0,1"', '"1_0"', '"٣"', "1" * 60, '"' + "9" * 5000 + '"', "1e-13", "99"]


@pytest.mark.parametrize("written", EPSILONS)
@pytest.mark.parametrize("path", ["/v1/queries", "/v1/quotes"])
def test_a_bad_epsilon_is_refused_at_once_and_nothing_is_charged(demo: Demo, path: str, written: str):
    before = demo.spent()
    text = f'{{"dataset": "clinic", "sql": "SELECT COUNT(*) AS n FROM patients", "epsilon": {written}}}'
    status, headers, content = demo.call("POST", path, body=text)
    assert status in (400, 422), content
    assert headers["content-type"] == "application/problem+json"
    assert wire.Problem.model_validate_json(content).detail
    assert demo.spent() == before


STATEMENTS = {
    "rows of people": "SELECT patient_id, income FROM patients",
    "no such table": "SELECT COUNT(*) FROM salaries",
    "no such column": "SELECT AVG(incme) FROM patients",
    "a file": "SELECT COUNT(*) FROM read_csv('/etc/passwd')",
    "a setting": "SET threads = 1",
    "two statements": "SELECT COUNT(*) FROM patients; SELECT 1",
    "no statement": "   ",
    "nonsense": "SELEC COUNT(*) FRM patients",
    "40 parentheses": "SELECT COUNT(*) FROM patients WHERE " + "(" * 40 + "age > 3" + ")" * 40,
    "2000 parentheses": "SELECT " + "(" * 2000 + "1" + ")" * 2000,
    "20 DATE(": "SELECT COUNT(*) FROM visits WHERE " + "DATE(" * 20 + "visited_on" + ")" * 20 + " > DATE '2024-01-01'",
    "a null byte": "SELECT COUNT(*) FROM patients WHERE region = 'a\x00b",
}


@pytest.mark.parametrize("sql", STATEMENTS.values(), ids=STATEMENTS.keys())
def test_sql_that_cannot_be_answered_is_refused_at_once_and_free(demo: Demo, sql: str):
    before = demo.spent()
    status, problem = demo.post("/v1/queries", sql=sql, epsilon="0.01")
    if status == 200:  # 40 parentheses may be within the limits; then it is an answer like any other
        assert sql == STATEMENTS["40 parentheses"]
        return
    assert (status, problem["status"]) == (422, 422), problem
    assert problem["detail"]
    assert demo.spent() == before


def test_the_same_idempotency_key_is_one_charge(demo: Demo):
    before = demo.spent()
    body = {"dataset": "clinic", "sql": "SELECT sex, COUNT(*) AS n FROM patients GROUP BY sex", "epsilon": "0.02"}
    first = demo.call("POST", "/v1/queries", body=body, Idempotency_Key="k-1")
    again = demo.call("POST", "/v1/queries", body=body, Idempotency_Key="k-1")
    assert first[0] == again[0] == 200
    assert json.loads(first[2])["rows"] == json.loads(again[2])["rows"]
    assert json.loads(first[2])["release_id"] == json.loads(again[2])["release_id"]
    assert demo.spent() == before + Decimal("0.02")
    other = demo.call("POST", "/v1/queries", body={**body, "epsilon": "0.03"}, Idempotency_Key="k-1")
    assert (other[0], json.loads(other[2])["code"]) == (409, "idempotency_conflict")
    assert demo.spent() == before + Decimal("0.02")


def test_arrow_holds_the_answer_and_the_receipt(demo: Demo):
    body = {"dataset": "clinic", "sql": COUNT, "epsilon": "0.01", "fresh": True}
    status, headers, content = demo.call("POST", "/v1/queries", body=body, Accept="application/vnd.apache.arrow.stream")
    assert (status, headers["content-type"]) == (200, "application/vnd.apache.arrow.stream")
    table = pa.ipc.open_stream(content).read_all()
    assert table.column_names == ["region", "n", "n__low", "n__high"]
    receipt = wire.Receipt.model_validate_json(table.schema.metadata[b"tacit.receipt"])
    assert receipt.charged.epsilon == "0.01"
    release = table.schema.metadata[b"tacit.release_id"].decode()
    stored = wire.Answer.model_validate_json(demo.call("GET", f"/v1/releases/{release}")[2])
    assert [row[1] for row in stored.rows] == table["n"].to_pylist()


def test_releases_are_their_holders_alone(demo: Demo):
    _, body = demo.post("/v1/queries", sql="SELECT COUNT(*) AS n FROM patients", epsilon="0.01", fresh=True)
    mine = demo.call("GET", f"/v1/releases/{body['release_id']}")
    assert json.loads(mine[2])["rows"] == body["rows"]
    listed = json.loads(demo.call("GET", "/v1/releases")[2])["releases"]
    assert listed[0]["release_id"] == body["release_id"]
    assert listed[0]["charged"]["epsilon"] == "0.01"
    theirs = demo.call("GET", f"/v1/releases/{body['release_id']}", "second_analyst")
    none = demo.call("GET", "/v1/releases/rel_that_never_was", "second_analyst")
    assert theirs[0] == none[0] == 404
    assert theirs[2] == none[2]


def test_explain_tells_the_plan(demo: Demo):
    status, explained = demo.post("/v1/explain", sql=COUNT, epsilon="0.1")
    assert status == 200
    assert "region" in explained["plan"]


def test_the_owner_watches_and_does_not_ask(demo: Demo):
    assert demo.post("/v1/queries", "owner", sql=COUNT)[1]["code"] == "forbidden"
    (account,) = json.loads(demo.call("GET", "/v1/budget", "owner")[2])["accounts"]
    assert Decimal(account["spent"]["epsilon"]) >= demo.spent()
    assert account["limit"] == {"epsilon": "3", "delta": "0.000001"}


def test_health_and_metrics(demo: Demo):
    assert json.loads(demo.call("GET", "/healthz", None)[2])["status"] == "ok"
    text = demo.call("GET", "/metrics", None)[2].decode()
    assert 'route="/v1/queries",status="200"' in text
    assert "region" not in text


def test_zz_a_spent_budget_is_403_with_what_is_left_and_others_go_on(demo: Demo):
    status, problem = demo.post("/v1/queries", sql="SELECT AVG(age) AS a FROM patients", epsilon="3")
    assert (status, problem["code"]) == (403, "budget_exhausted")
    left = Decimal(problem["remaining"]["epsilon"])
    assert 0 < left < 3
    spent = demo.spent()
    assert demo.post("/v1/queries", sql="SELECT AVG(age) AS a FROM patients", epsilon=str(left))[0] == 200
    assert demo.post("/v1/queries", sql="SELECT SUM(age) AS a FROM patients", epsilon="0.000001")[0] == 403
    assert demo.spent() == spent + left
    assert demo.post("/v1/quotes", "second_analyst", sql=COUNT, epsilon="0.1")[0] == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_all_its_processes(tmp_path: Path, number: signal.Signals):
    process = start(tmp_path, "--serve", "--rows", "1000")
    assert process.stdout is not None
    assert any("serving at" in line for line in iter(process.stdout.readline, ""))
    children = descendants(process.pid)
    process.send_signal(number)
    assert process.wait(120) == 0
    _, err = process.communicate()
    assert "Traceback" not in err
    assert wait_until(lambda: not any(map(alive, children)))
    assert list(tmp_path.iterdir()) == []


def test_a_kept_directory_keeps_what_was_spent_and_renews_keys(tmp_path: Path):
    keys, spent = [], []
    for _ in range(2):
        process = start(tmp_path, "--serve", "--json", "--rows", "1000", "--data-dir", "kept")
        assert process.stdout is not None
        line = json.loads(process.stdout.readline())
        demo = Demo(line["url"], line["keys"])
        keys.append(line["keys"]["analyst"])
        demo.post("/v1/queries", sql="SELECT COUNT(*) AS n FROM patients", epsilon="0.5", fresh=True)
        spent.append(demo.spent())
        if len(keys) == 2:
            demo.keys["old"] = keys[0]
            assert demo.call("GET", "/v1/me", "old")[0] == 401
        process.terminate()
        process.communicate(timeout=120)
        assert process.returncode == 0
    assert spent == [Decimal("0.5"), Decimal("1")]


def test_the_first_session_shows_what_it_promises(tmp_path: Path):
    process = start(tmp_path, "--rows", "5000", "--once")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert err == ""
    for shown in ("serving at", "$ tacit quote", "$ tacit query", "$ tacit budget", "±", "free", "budget_exhausted"):
        assert shown in out
    assert list(tmp_path.iterdir()) == []
