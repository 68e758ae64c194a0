"""A desk that plans and charges nothing: what the HTTP edge is tested against, apart from the rooms behind it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tacit import wire
from tacit_service.access import KeyRow, Role, mint
from tacit_service.administration.office import Office
from tacit_service.assembly import Opened, Parts, Service
from tacit_service.errors import NotFound, Position, RequestError, TacitError, Unauthenticated
from tacit_service.http import examples
from tacit_service.ledger.checkpoint import create_key
from tacit_service.ledger.directory import Directory
from tacit_service.ledger.store import Ledger
from tacit_service.policy.load import Loaded, parse_policy, policy_digest
from tacit_service.privacy.lanes import Limits
from tacit_service.privacy.units import Delta, Epsilon
from tacit_service.protocols import Listed
from tacit_service.settings import Settings


@dataclass
class FakeDesk:
    """Remembers what it was asked; answers the examples of the OpenAPI document, or raises what it is told to."""

    name: str = "clinic"
    asked: list[tuple[str, str, wire.QueryRequest, str | None]] = field(default_factory=list)
    raises: BaseException | None = None
    refuses: TacitError | None = None
    hold: threading.Event | None = None
    entered: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    answer: wire.Answer = field(default_factory=lambda: wire.Answer.model_validate(examples.ANSWER))
    closed: bool = False

    def _asked(self, what: str, analyst: str, request: wire.QueryRequest, key: str | None) -> None:
        self.asked.append((what, analyst, request, key))
        self.entered.release()
        if self.hold is not None:
            assert self.hold.wait(120)
        if self.raises is not None:
            raise self.raises

    def quote(self, analyst: str, request: wire.QueryRequest) -> wire.Quote:
        self._asked("quote", analyst, request, None)
        return wire.Quote.model_validate(examples.QUOTE)

    def check(self, analyst: str, request: wire.QueryRequest, idempotency_key: str | None = None) -> None:
        """What it ``raises``, it raises when it is asked; what it ``refuses``, before."""
        if self.refuses is not None:
            raise self.refuses

    def query(self, analyst: str, request: wire.QueryRequest, idempotency_key: str | None) -> wire.Answer:
        self._asked("query", analyst, request, idempotency_key)
        return self.answer

    def explain(self, analyst: str, request: wire.QueryRequest) -> str:
        self._asked("explain", analyst, request, None)
        return "r1: COUNT(*) of patients by region"

    def release(self, analyst: str, release_id: str) -> wire.Answer:
        if analyst != "ada" or release_id != self.answer.release_id or self.name != "clinic":
            raise NotFound("not_found", "detail that differs from desk to desk and must not be seen")
        return self.answer

    def facts(self) -> wire.DatasetFacts:
        return wire.DatasetFacts.model_validate({**examples.FACTS, "name": self.name})

    def budget(self, analyst: str) -> wire.AccountBudget:
        return wire.AccountBudget.model_validate({**examples.BUDGET["accounts"][0], "dataset": self.name})

    def close(self) -> None:
        self.closed = True


@dataclass
class FakeBooks:
    health: bool | BaseException = True
    stored: list[Listed] = field(default_factory=list)
    closed: bool = False

    def healthy(self) -> bool:
        if isinstance(self.health, BaseException):
            raise self.health
        return self.health

    def releases(self, dataset: str, analyst: str, limit: int) -> list[Listed]:
        return [s for s in self.stored if s.dataset == dataset and analyst == "ada"][:limit]

    def account(self, dataset: str) -> wire.AccountBudget:
        return wire.AccountBudget.model_validate({**examples.BUDGET["accounts"][0], "dataset": dataset, "releases": 7})

    def close(self) -> None:
        self.closed = True


@dataclass
class FakeTraining:
    """A training room with one desk, which trains nothing and answers the examples; only ada has a job."""

    closed: bool = False

    def desk(self, dataset: str) -> FakeTraining:
        return self

    def quote(self, analyst: str, request: wire.TrainingRequest) -> wire.TrainingQuote:
        return wire.TrainingQuote.model_validate(examples.TRAINING_QUOTE)

    def submit(self, analyst: str, request: wire.TrainingRequest, idempotency_key: str | None) -> wire.TrainingJob:
        return self.job(analyst, examples.TRAINING_JOB["id"])

    def jobs(self, analyst: str, limit: int) -> list[wire.TrainingJob]:
        return [self.job(analyst, examples.TRAINING_JOB["id"])][:limit]

    def job(self, analyst: str, job_id: str) -> wire.TrainingJob:
        if analyst != "ada" or job_id != examples.TRAINING_JOB["id"]:
            raise NotFound("not_found", "detail that must not be seen")
        return wire.TrainingJob.model_validate(examples.TRAINING_JOB)

    cancel = job

    def model(self, analyst: str, job_id: str) -> bytes:
        return b"tensors"

    def card(self, analyst: str, job_id: str) -> wire.ModelCard:
        return wire.ModelCard.model_validate(examples.MODEL_CARD)

    def artifacts(self, analyst: str, job_id: str) -> list[wire.Artifact]:
        return [wire.Artifact.model_validate(examples.ARTIFACT)]

    def artifact(self, analyst: str, job_id: str, name: str) -> tuple[bytes, str]:
        return b"tensors", "application/vnd.safetensors"

    def predict(self, analyst: str, job_id: str, request: wire.PredictionRequest) -> wire.Predictions:
        return wire.Predictions.model_validate(examples.PREDICTIONS)

    def close(self) -> None:
        self.closed = True


DRAFT = """dataset: clinic
privacy_unit: {name: patient, column: patients.patient_id}
tables:
  patients:
    source: patients.parquet
    unit: patient_id
    one_row_per_unit: true
    columns:
      patient_id: {type: integer}
      region: {type: string, categories: [north, south], nullable: false}
      age: {type: integer, bounds: [0, 110]}
budget: {epsilon: 3, delta: 1e-6}
"""


def served_policy() -> Loaded:
    """A policy as the service would have read it."""
    policy = parse_policy(DRAFT)
    return Loaded(policy, Path("clinic.yaml"), Path("."), policy_digest(policy), DRAFT)


@dataclass
class FakeDirectory:
    rows: dict[str, KeyRow] = field(default_factory=dict)

    def find(self, key_hash: str) -> KeyRow | None:
        return self.rows.get(key_hash)

    def add(self, principal: str, role: Role, datasets: tuple[str, ...], **more: Any) -> str:
        minted = mint(principal, role, datasets, **more)
        self.rows[minted.row.key_hash] = minted.row
        return minted.secret


class House:
    """A service over fakes: two datasets, of which ``ada`` and ``ben`` may use one each."""

    def __init__(self, **settings: Any) -> None:
        self.clinic, self.shop = FakeDesk("clinic"), FakeDesk("shop")
        answer = self.clinic.answer
        stored = Listed(answer.release_id, "clinic", answer.created_at, answer.sql, ("0.1", "0"))
        self.books = FakeBooks(stored=[stored])
        self.training: Any = FakeTraining()
        self.directory = FakeDirectory()
        self.keys = {
            "ada": self.directory.add("ada", Role.ANALYST, ("clinic",)),
            "ben": self.directory.add("ben", Role.ANALYST, ("*",)),
            "owner": self.directory.add("olga", Role.OWNER, ("clinic",)),
            "auditor": self.directory.add("audra", Role.AUDITOR, ("*",)),
        }
        datasets = {
            "clinic": Opened(self.clinic, frozenset({"ada"}), frozenset()),
            "shop": Opened(self.shop, frozenset({"ben"}), frozenset()),
        }
        self._datasets = datasets
        self.policies = {"clinic": served_policy()}
        self.parts = Parts(self.books, self.directory, datasets, training=self.training, policies=self.policies)
        self.service = Service.of(self.parts)
        self.settings = Settings(**settings)

    def open_office(self, folder: Path, **parts: Any) -> Ledger:
        """Put a real ledger behind the fakes, with accounts and keys, and administer it."""
        url = f"sqlite:///{folder / 'ledger.sqlite'}"
        ledger = Ledger.open(url)
        for dataset, analyst in (("clinic", "ada"), ("shop", "ben")):
            ledger.ensure_dataset(dataset, Limits.create(Epsilon.parse("3"), Delta.parse("1e-6")), "policy-1")
            ledger.ensure_analyst(dataset, analyst, Limits.create(Epsilon.parse("1"), Delta.parse("1e-7")))
        signing = folder / "checkpoint.pem"
        create_key(signing)
        office = Office.of(ledger, url, signing_key=signing)
        directory = Directory(ledger)
        minted = mint("olga", Role.OWNER, ("*",))
        self.keys["steward"] = minted.secret
        for row in (*self.directory.rows.values(), minted.row):
            directory.add_key(row)
        self.service = Service.of(
            Parts(
                self.books,
                directory,
                self._datasets,
                office=office,
                **{"training": self.training, "policies": self.policies, **parts},
            )
        )
        return ledger

    def headers(self, who: str, **more: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys[who]}", **more}


def refusal() -> TacitError:
    return RequestError(
        "epsilon_too_large",
        "One query may ask at most 1.",
        hint="Ask for epsilon 1 or less.",
        position=Position(1, 8, 7, 12),
        rule="per_query",
        suggestion="SELECT 1",
    )


__all__ = ["FakeDesk", "House", "Unauthenticated", "refusal"]
