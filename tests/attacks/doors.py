"""Real services on loopback over the small clinic and over neighbours of it: what an attacker sees of each, in full."""

from __future__ import annotations

import http.client
import json
import logging
import os
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tacit_service.access import Role, mint
from tacit_service.administration.office import Office
from tacit_service.assembly import LedgerBooks, Opened, Parts, Service
from tacit_service.engine.duckdb import DuckDBEngine
from tacit_service.http.app import create_app
from tacit_service.http.listen import bind, url_of
from tacit_service.http.server import Server
from tacit_service.ledger.directory import Directory
from tacit_service.ledger.store import Ledger
from tacit_service.policy.load import Loaded
from tacit_service.privacy.recording import SWITCH, recording
from tacit_service.release.planner import PlannerPool
from tacit_service.release.release import Desk
from tacit_service.settings import Settings

DATASET = "clinic"
TIMED = re.compile(r'"(created_at|release_id|charge_id|hash|sequence|incident)":("[^"]*"|\d+)')


@dataclass
class Door:
    """One service as the outside knows it: its address and keys; and the inside that tests compare."""

    address: tuple[str, int]
    keys: dict[str, str]
    desk: Desk
    ledger: Ledger
    ledger_url: str

    def call(
        self, method: str, path: str, who: str | None = "mallory", body: Any = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and content; ``body`` is JSON text, or something to make it of."""
        connection = http.client.HTTPConnection(*self.address, timeout=120)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if who is not None:
            sent["Authorization"] = f"Bearer {self.keys.get(who, who)}"
        data = None
        if body is not None:
            data = (
                body
                if isinstance(body, bytes)
                else body.encode()
                if isinstance(body, str)
                else json.dumps(body).encode()
            )
            sent.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, body=data, headers=sent)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def post(self, path: str, who: str = "mallory", **body: Any) -> tuple[int, dict[str, Any]]:
        """A question and its JSON."""
        status, _, content = self.call("POST", path, who, {"dataset": DATASET, **body})
        return status, json.loads(content)

    def ask(self, sql: str, who: str = "mallory", **body: Any) -> tuple[int, dict[str, Any]]:
        """A fresh release of the statement, or its refusal."""
        return self.post("/v1/queries", who, **{"sql": sql, "epsilon": "0.5", "fresh": True, **body})

    def spent(self, who: str = "mallory") -> Decimal:
        """ε that the analyst has spent."""
        content = self.call("GET", "/v1/budget", who)[2]
        return Decimal(json.loads(content)["accounts"][0]["spent"]["epsilon"])

    def charged(self, who: str) -> Decimal:
        """The same from inside, at a tenth of the effort."""
        return Decimal(str(self.ledger.balance(DATASET, who).spent[0]))


def seen(door: Door, caught: Caught, method: str, path: str, body: Any, who: str = "mallory") -> dict[str, Any]:
    """All that one request shows: status, headers, body, what it cost, what was logged. Ids and times taken out."""
    before = door.charged(who)
    status, headers, content = door.call(method, path, who, body)
    lines = _lines_of(headers["x-request-id"], caught)
    for name in ("date", "x-request-id", "content-length"):  # the length is that of the step's digits, among others
        headers.pop(name, None)
    text = re.sub(
        r'"response_ms":(\d+|null)|"in_words":"[^"]*"|"remaining":\{[^}]*\}',
        '"omitted":0',
        TIMED.sub(r'"\1":0', content.decode()),
    )
    return {"status": status, "headers": headers, "text": text, "cost": door.charged(who) - before, "log": lines}


def _lines_of(request_id: str, caught: Caught) -> list[Any]:
    """What was logged of one request; the last line is written after the answer has left."""
    hidden = ("request_id", "duration_ms", "key_id", "bytes_out")
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        fields = [(r.msg, getattr(r, "tacit_fields", {})) for r in list(caught.lines)]
        mine = [(msg, f) for msg, f in fields if f.get("request_id") == request_id]
        if mine and mine[-1][0] == "request":
            return [(msg, {k: v for k, v in f.items() if k not in hidden}) for msg, f in mine]
        time.sleep(0.005)
    raise AssertionError("the request was not logged")


class Caught(logging.Handler):
    """Keeps the service's log records."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record)


@contextmanager
def caught_log() -> Iterator[Caught]:
    handler, logger = Caught(), logging.getLogger("tacit")
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield handler
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def open_door(
    stack: ExitStack, loaded: Loaded, folder: Path, snapshots: Path, parsers: PlannerPool, *,
    database: Path | None = None, analysts: tuple[str, ...] = ("mallory", "sybil"), **settings: Any,
) -> Door:  # fmt: skip
    """A service over the dataset, or over ``database`` in the place of its snapshot."""
    folder.mkdir()
    url = f"sqlite:///{folder / 'ledger.sqlite'}"
    ledger = Ledger.open(url)
    stack.callback(ledger.close)
    engine = None if database is None else DuckDBEngine(database)
    desk = Desk.open(loaded, ledger, snapshots, engine=engine, parsers=parsers)
    stack.callback(desk.close)
    directory = Directory(ledger)
    keys = {}
    for name, role in [*((a, Role.ANALYST) for a in analysts), ("olga", Role.OWNER), ("audra", Role.AUDITOR)]:
        minted = mint(name, role, (DATASET,))
        directory.add_key(minted.row)
        keys[name] = minted.secret
    stranger = mint("stranger", Role.ANALYST, ("another",))
    directory.add_key(stranger.row)
    keys["stranger"] = stranger.secret
    opened = Opened(desk, frozenset(loaded.policy.analysts), frozenset())
    office = Office.of(ledger, url, overcommitted=[DATASET] if loaded.policy.overcommit else [])
    service = Service.of(Parts(LedgerBooks(ledger), directory, {DATASET: opened}, office=office))
    chosen = Settings(port=0, **settings)
    sock = bind("127.0.0.1", 0)
    server = Server(create_app(service, chosen), sock, chosen)
    server.start()
    stack.callback(server.stop)
    parts = urlsplit(url_of(sock))
    return Door((parts.hostname or "", parts.port or 0), keys, desk, ledger, url)


def with_policy(loaded: Loaded, **changes: Any) -> Loaded:
    """The same data under a changed policy."""
    return replace(loaded, policy=loaded.policy.model_copy(update=changes))


@contextmanager
def recorded(seed: int | None = None) -> Iterator[Any]:
    """Noise of every service of this process recorded and replaced."""
    before = os.environ.get(SWITCH)
    os.environ[SWITCH] = "1"
    try:
        with recording(seed=seed) as recorder:
            yield recorder
    finally:
        if before is None:
            del os.environ[SWITCH]
        else:
            os.environ[SWITCH] = before
