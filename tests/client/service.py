"""A small real service for the client's tests: FastAPI and uvicorn on a real socket, speaking the wire models.

It keeps a budget, charges once per idempotency key, and answers a few statements with canned rows. ``Trouble`` is a
proxy in front of it that loses answers after the service has given them.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from tacit import wire

KEY = "tacit_test_key"
GROUPED = "SELECT region, COUNT(*) AS n FROM patients GROUP BY region"
MONTHS = "SELECT month, visits, share, known FROM monthly"
HOSTILE = "SELECT name FROM hostile"
TYPO = "SELECT region,\n       AVG(incme) FROM patients\nGROUP BY region"
PLAN = "Release r1\n  Aggregate count by region\n    Scan patients [protected by patient_id]"
EVIL = "\x1b]0;owned\x07\x1b[31m<img src=x onerror=alert(1)>\u202egnp\x9b2J\x00"

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Rows = list[list[wire.Cell]]
Spans = list[list[list[float] | None]]


@dataclass
class Account:
    """What the service remembers, open to the tests."""

    limit: Decimal = Decimal(3)
    spent: Decimal = Decimal(0)
    charges: int = 0
    by_key: dict[str, tuple[str, wire.Answer]] = field(default_factory=dict)
    releases: dict[str, wire.Answer] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    failures: list[tuple[int, dict[str, Any], dict[str, str]]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    wait_s: float = 0.0
    jobs: dict[str, wire.TrainingJob] = field(default_factory=dict)
    evil: bool = False
    """Every free text of every answer ends with ``EVIL``."""

    def left(self) -> wire.Spend:
        return wire.Spend(epsilon=f"{self.limit - self.spent:f}", delta="0.000001")


def problem(status: int, code: str, detail: str, **parts: Any) -> JSONResponse:
    body = {"type": f"/v1/problems/{code}", "title": "No", "status": status, "detail": detail, "code": code, **parts}
    return JSONResponse(body, status, media_type="application/problem+json")


def canned(sql: str) -> tuple[list[wire.ColumnInfo], Rows, Spans]:
    """Columns, rows and intervals of a statement."""
    column = wire.ColumnInfo
    if "monthly" in sql:
        return (
            [
                column(name="month", type="date", kind="key"),
                column(name="visits", type="integer", kind="noisy"),
                column(name="share", type="number", kind="derived"),
                column(name="known", type="boolean", kind="key"),
            ],
            [["2026-01-01", 1234567, 0.51234, True], ["2026-02-01", None, None, None]],
            [[None, [1218000.0, 1251134.0], [0.50, 0.54], None], [None, None, None, None]],
        )
    if "hostile" in sql:
        return [column(name=EVIL, type="string", kind="key")], [[EVIL]], [[None]]
    if "GROUP BY region" in sql:
        rows: Rows = [["east", 980], ["north", 1234], ["south", 20512]]
        spans: Spans = [[None, [float(n) - 14, float(n) + 14]] for _, n in rows]  # type: ignore[arg-type]
        return (
            [column(name="region", type="string", kind="key"), column(name="n", type="integer", kind="noisy")],
            rows,
            spans,
        )
    return [column(name="n", type="integer", kind="noisy")], [[22726]], [[[22712.0, 22740.0]]]


def mechanism(epsilon: str) -> wire.MechanismInfo:
    return wire.MechanismInfo(
        release_point="r1", measure="n", mechanism="laplace", scale=1000.0, unit_scale=10.0, l1=1.0, epsilon=epsilon,
        delta="0", contribution="one row a patient",
    )  # fmt: skip


def facts() -> wire.DatasetFacts:
    column = wire.ColumnFacts
    return wire.DatasetFacts(
        name="clinic",
        description="A clinic's patients",
        privacy_unit="patient",
        privacy_unit_column="patients.patient_id",
        tables=[
            wire.TableFacts(
                name="patients",
                public=False,
                one_row_per_unit=True,
                unit_path=["patients.patient_id"],
                columns=[
                    column(name="patient_id", type="integer", is_privacy_unit=True),
                    column(name="region", type="string", categories=["east", "north", "south"]),
                    column(name="income", type="number", bounds=[0, 200000], precision="1"),
                ],
                description="People",
            ),
            wire.TableFacts(
                name="regions",
                public=True,
                columns=[column(name="region", type="string"), column(name="population", type="integer")],
            ),
        ],
        max_groups=10, max_rows=100, max_rows_per_group=10,
        default_epsilon="0.1", max_epsilon="1", default_delta="0.000000001",
        functions=["coalesce", "date_trunc", "round"],
    )  # fmt: skip


FIXED = {"type", "kind", "status", "code", "role", "epsilon", "delta", "created_at", "precision", "position", "model"}
"""Members that are no free text."""


def poisoned(body: bytes, response: Any) -> JSONResponse:
    def poison(value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: inner if key in FIXED else poison(inner, key) for key, inner in value.items()}
        if isinstance(value, list):
            return [poison(inner, name) for inner in value]
        return f"{value} {EVIL}" if isinstance(value, str) else value

    return JSONResponse(poison(json.loads(body)), response.status_code, media_type=response.headers["content-type"])


def job(steps_done: int, status: str = "running") -> wire.TrainingJob:
    paid = wire.Spend(epsilon="0.5", delta="0.0000001")
    return wire.TrainingJob.model_validate({
        "id": "job_1", "status": status, "dataset": "clinic", "sql": "SELECT age, ill FROM patients", "label": "ill",
        "model": {"type": "logistic_regression"}, "price": paid, "charged": paid, "steps": 40, "steps_begun": steps_done,
        "steps_done": steps_done, "parameters": {}, "created_at": "2026-11-05T12:00:00Z",
    })  # fmt: skip


def add_training(app: FastAPI, account: Account) -> None:
    """One job, which is twenty steps further each time that it is asked about."""

    @app.post("/v1/training-quotes")
    def quote() -> wire.TrainingQuote:
        price = wire.Spend(epsilon="0.5", delta="0.0000001")
        return wire.TrainingQuote(dataset="clinic", price=price, affordable=True, remaining=account.left(),
                                  parameters={"epochs": 15}, epsilon_by_epoch=[(1, 0.1)], features=["age"], label="ill")  # fmt: skip

    @app.post("/v1/training-jobs")
    def submit() -> wire.TrainingJob:
        account.jobs["job_1"] = job(0, "queued")
        return account.jobs["job_1"]

    @app.get("/v1/training-jobs")
    def jobs() -> wire.TrainingJobList:
        return wire.TrainingJobList(jobs=list(account.jobs.values()))

    @app.get("/v1/training-jobs/{job_id}", response_model=None)
    def state(job_id: str) -> wire.TrainingJob | JSONResponse:
        known = account.jobs.get("job_1")
        if known is None:
            return problem(404, "not_found", "No such job.")
        if known.status in ("queued", "running"):
            done = known.steps_done + 20
            account.jobs["job_1"] = job(done, "succeeded" if done == 40 else "running")
        return account.jobs["job_1"]

    @app.get("/v1/training-jobs/{job_id}/card")
    def card(job_id: str) -> dict[str, Any]:
        number, flag = ({"name": name, "kind": kind, "type": of} for name, kind, of in
                        (("age", "number", "integer"), ("ill", "category", "boolean")))  # fmt: skip
        paid = {"epsilon": "0.5", "delta": "0.0000001"}
        return {
            "job_id": job_id, "release_id": "rel_j", "dataset": "clinic", "sql": "SELECT age, ill FROM patients", "price": paid,
            "created_at": "2026-11-05T12:00:00Z", "privacy_unit": "patient", "relation": "replace", "epsilon": 0.5, "delta": 1e-7,
            "sampling_rate": 0.1, "noise_multiplier": 1.0, "steps": 40, "clipping_norm": 1.0, "max_rows": 1, "expected_batch": 10.0,
            "units_source": "given", "accountants": {}, "epsilon_by_epoch": [], "model": {"type": "logistic_regression"},
            "task": "classification", "features": [number], "label": flag, "parameters": {}, "tensors": {}, "model_sha256": "",
            "libraries": {}, "ledger": {"sequence": 1, "hash": "ab" * 32}, "limits": [],
        }  # fmt: skip

    @app.post("/v1/training-jobs/{job_id}/predictions")
    def predict(job_id: str, body: wire.PredictionRequest) -> wire.Predictions:
        ill = [row["age"] is not None for row in body.rows]
        scores = [[0.25, 0.75] if each else [0.75, 0.25] for each in ill]
        return wire.Predictions(predictions=list(ill), classes=[False, True], scores=scores)

    @app.post("/v1/training-jobs/{job_id}/cancel")
    def cancel(job_id: str) -> wire.TrainingJob:
        account.jobs["job_1"] = job(account.jobs["job_1"].steps_done, "cancelled")
        return account.jobs["job_1"]


def create_app(account: Account) -> FastAPI:
    app = FastAPI()

    @app.middleware("http")
    async def door(request: Request, call_next: Any) -> Any:
        body = await request.body()
        account.requests.append(
            (f"{request.method} {request.url.path}", dict(request.headers), json.loads(body or b"null"))
        )
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return problem(401, "unauthenticated", "The API key is unknown.", hint="Ask the owner for one.")
        if account.failures:
            status, parts, headers = account.failures.pop(0)
            response = problem(status, parts.pop("code", "overloaded"), parts.pop("detail", "Busy."), **parts)
            response.headers.update(headers)
            return poisoned(response.body, response) if account.evil else response
        response = await call_next(request)
        if not account.evil:
            return response
        return poisoned(b"".join([part async for part in response.body_iterator]), response)

    def refusal(body: wire.QueryRequest) -> JSONResponse | None:
        if "incme" in body.sql:
            at = body.sql.index("incme")
            line = body.sql.count("\n", 0, at) + 1
            position = {"line": line, "column": at - body.sql.rfind("\n", 0, at), "start": at, "end": at + 5}
            hint = "Did you mean income?"
            return problem(422, "unknown_column", "patients has no column incme.", hint=hint, position=position)
        if str(body.epsilon) == "0":
            return problem(422, "epsilon_invalid", "epsilon is 0.", hint="Ask for 0.1.")
        return None

    @app.get("/v1/datasets")
    def datasets() -> wire.DatasetList:
        return wire.DatasetList(datasets=["clinic"])

    @app.get("/v1/datasets/{name}", response_model=None)
    def dataset(name: str) -> wire.DatasetFacts | JSONResponse:
        return facts() if name == "clinic" else problem(404, "not_found", "No such dataset.")

    @app.get("/v1/budget")
    def budget() -> wire.Budget:
        spent = wire.Spend(epsilon=f"{account.spent:f}", delta="0")
        limit = wire.Spend(epsilon=f"{account.limit:f}", delta="0.000001")
        entry = wire.AccountBudget(
            dataset="clinic", limit=limit, spent=spent, remaining=account.left(), releases=account.charges
        )
        return wire.Budget(analyst="ada", accounts=[entry])

    @app.get("/v1/budget/history")
    def history(dataset: str, limit: int = 100) -> wire.Spending:
        found = [
            wire.Charge(charge_id=f"chg_{i}", sequence=i, at=a.created_at, dataset=dataset, analyst="ada", sql=a.sql,
                        status="released", cost=a.receipt.charged, paid_by_dataset=None, release_id=a.release_id)
            for i, a in enumerate(account.releases.values(), 1)
        ][::-1]  # fmt: skip
        held = wire.Spend(epsilon="0.5", delta="0")
        cut = found[:1] and [found[0].model_copy(update={"charge_id": "chg_cut", "status": "pending", "cost": held})]
        spent = wire.Spend(epsilon=f"{account.spent:f}", delta="0")
        days = [wire.Day(day="2026-11-05", charges=len(found), spent=spent)] if found else []
        shown = found[:limit]
        return wire.Spending(dataset=dataset, days=days, charges=shown, pending=cut, complete=len(found) < limit)

    @app.get("/v1/me")
    def me() -> wire.Me:
        return wire.Me(principal="ada", role="analyst", key_id="key_1", datasets=["clinic"])

    @app.get("/v1/releases")
    def releases(limit: int = 50, dataset: str | None = None) -> wire.ReleaseList:
        found = [
            wire.ReleaseItem(release_id=a.release_id, dataset=a.dataset, created_at=a.created_at, sql=a.sql,
                             charged=a.receipt.charged)
            for a in reversed(account.releases.values()) if dataset in (None, a.dataset)
        ]  # fmt: skip
        return wire.ReleaseList(releases=found[:limit])

    @app.post("/v1/explain", response_model=None)
    def explain(body: wire.QueryRequest) -> wire.Explanation | JSONResponse:
        return refusal(body) or wire.Explanation(dataset=body.dataset, plan=PLAN)

    @app.get("/v1/releases/{release_id}", response_model=None)
    def release(release_id: str) -> wire.Answer | JSONResponse:
        return account.releases.get(release_id) or problem(404, "not_found", "No such release.")

    @app.post("/v1/quotes", response_model=None)
    def quote(body: wire.QueryRequest) -> wire.Quote | JSONResponse:
        refused = refusal(body)
        if refused is not None:
            return refused
        price = Decimal(str(body.epsilon or "0.1"))
        columns, _, _ = canned(body.sql)
        text = str(body.epsilon or "0.1")
        return wire.Quote(
            dataset=body.dataset,
            price=wire.Spend(epsilon=text, delta="0"),
            affordable=price <= account.limit - account.spent,
            remaining=account.left(),
            more_like_this=int((account.limit - account.spent) / price),
            columns=[
                wire.QuotedColumn(name=c.name, kind=c.kind, plus_minus=14.0 if c.kind == "noisy" else None)
                for c in columns
            ],
            release_points=[
                wire.QuotedRelease(name="r1", keys="region (declared)", groups=3, measurements=[mechanism(text)])
            ],
            plan=PLAN,
        )

    @app.post("/v1/queries", response_model=None)
    def query(body: wire.QueryRequest, request: Request) -> wire.Answer | JSONResponse:
        time.sleep(account.wait_s)
        refused = refusal(body)
        if refused is not None:
            return refused
        with account.lock:
            return buy(account, body, request.headers.get("idempotency-key"))

    add_training(app, account)
    return app


def buy(account: Account, body: wire.QueryRequest, key: str | None) -> wire.Answer | JSONResponse:
    """Charge once per key; the same key again gives the same answer, another body 409."""
    digest = body.model_dump_json()
    if key in account.by_key:
        stored, answer = account.by_key[key]
        return (
            answer if stored == digest else problem(409, "idempotency_conflict", "The key was used for another body.")
        )
    price = Decimal(str(body.epsilon or "0.1"))
    if account.spent + price > account.limit:
        left = account.left().model_dump()
        return problem(
            403, "budget_exhausted", f"ε {price} is more than is left.", hint="Ask for less.", remaining=left
        )
    account.spent += price
    account.charges += 1
    columns, rows, intervals = canned(body.sql)
    answer = wire.Answer(
        release_id=f"rel_{account.charges}", dataset=body.dataset, sql=body.sql, created_at="2026-11-05T12:00:00Z",
        columns=columns, rows=rows, intervals=intervals,
        receipt=wire.Receipt(
            charged=wire.Spend(epsilon=f"{price:f}", delta="0"), remaining=account.left(), held=False,
            mechanisms=[mechanism(f"{price:f}")], ledger=wire.LedgerHead(sequence=account.charges, hash="ab" * 32),
        ),
    )  # fmt: skip
    account.releases[answer.release_id] = answer
    if key:
        account.by_key[key] = (digest, answer)
    return answer


@contextlib.contextmanager
def serve(account: Account) -> Iterator[str]:
    """The service on a free port; yields its URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(create_app(account), log_level="error", log_config=None, lifespan="off", ws="none")
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


class Trouble:
    """A proxy that takes whole requests to the service and drops the first ``losses`` answers on the way back."""

    def __init__(self, upstream: str, losses: int) -> None:
        self._upstream = int(upstream.rpartition(":")[2])
        self._losses = losses
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        with socket.create_connection(self._listener.getsockname()):  # wakes the accept
            self._listener.close()
        self._thread.join(10)

    def _run(self) -> None:
        while self._listener.fileno() != -1:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client:
                request = read_message(client)
                if not request:
                    continue
                with socket.create_connection(("127.0.0.1", self._upstream)) as upstream:
                    upstream.sendall(request)
                    answer = read_message(upstream)
                if self._losses > 0:
                    self._losses -= 1
                    continue
                client.sendall(answer.replace(b"\r\n", b"\r\nconnection: close\r\n", 1))


def read_message(peer: socket.socket) -> bytes:
    """One HTTP message: the head, and as much as its content-length says."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = peer.recv(65536)
        if not part:
            return data
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(h.split(b":")[1]) for h in head.split(b"\r\n") if h.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += peer.recv(65536)
    return head + b"\r\n\r\n" + body
