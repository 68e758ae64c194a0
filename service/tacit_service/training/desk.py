"""Training on one dataset: quote, submit, look, cancel, fetch. The work itself is ``worker``'s and ``job``'s."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
from collections.abc import Callable
from typing import Final

from tacit.wire import (
    AccountBudget,
    Artifact,
    ModelCard,
    PredictionRequest,
    Predictions,
    Spend,
    TrainingJob,
    TrainingQuote,
    TrainingRequest,
)
from tacit_service.errors import Conflict, NotFound
from tacit_service.ledger import jobs as states
from tacit_service.ledger.jobs import Jobs
from tacit_service.ledger.records import ChargeRequest, Job
from tacit_service.ledger.store import Ledger
from tacit_service.policy.model import Policy
from tacit_service.privacy.curves import Price as Cost
from tacit_service.privacy.curves import price
from tacit_service.query.catalog import Catalog
from tacit_service.recent import Recent

from .artifacts import MEDIA_TYPES, listed
from .checkpoints import Headers
from .plan import TrainingPlan, fits_checkpoint, plan, ran, so_far, stored
from .pricing import Pricer, priced
from .spec import Caps

_KNOWN_MAX: Final = 64
NEEDED: Final = ("torch", "dp_accounting", "safetensors", "dbos", "onnx", "matplotlib")


def installed() -> bool:
    """Whether the packages of ``pip install 'tacit[train]'`` are there."""
    return all(importlib.util.find_spec(name) is not None for name in NEEDED)


class TrainingDesk:
    """One dataset. Thread-safe; every method blocks. ``account`` raises ``NotFound`` for who has none."""

    def __init__(
        self,
        policy: Policy,
        catalog: Catalog,
        ledger: Ledger,
        account: Callable[[str], AccountBudget],
        submitted: Callable[[], None],
        checkpoints: Headers | None = None,
        caps: Caps | None = None,
        check: Callable[[str], None] | None = None,
        pricer: Pricer = priced,
    ) -> None:
        self._policy = policy
        self._catalog = catalog
        self._ledger = ledger
        self._jobs = Jobs(ledger)
        self._account = account
        self._submitted = submitted
        self._checkpoints = checkpoints or {}
        self._caps = caps or Caps()
        self._check = check
        self._pricer = pricer
        self._known: Recent[str, TrainingPlan] = Recent(_KNOWN_MAX)

    def quote(self, analyst: str, request: TrainingRequest) -> TrainingQuote:
        """Price and parameters of a run. Free, and made without touching data."""
        account = self._account(analyst)
        planned = self._plan(analyst, request)
        cost = price(planned.events)
        return TrainingQuote(
            dataset=self._policy.dataset,
            price=_spend(cost),
            affordable=self._ledger.affordable(self._policy.dataset, analyst, cost),
            remaining=account.remaining,
            parameters={**planned.run.shown(), "noise_multiplier": planned.sigma},
            epsilon_by_epoch=planned.epsilon_by_epoch,
            features=[feature.name for feature in planned.encoding.features],
            label=planned.encoding.label.name,
            notes=_notes(planned),
        )

    def submit(self, analyst: str, request: TrainingRequest, idempotency_key: str | None) -> TrainingJob:
        """Charge the whole run and enqueue it, in one transaction."""
        self._account(analyst)
        digest = hashlib.sha256(request.model_dump_json().encode()).hexdigest()
        known = self._jobs.known(self._policy.dataset, analyst, digest, idempotency_key)
        if known is not None:  # paid for: a busy machine has nothing to say about it any more
            return shown(known)
        planned = self._plan(analyst, request)
        charge = ChargeRequest(
            dataset=self._policy.dataset,
            analyst=analyst,
            events=planned.events,
            body_digest=digest,
            idempotency_key=idempotency_key,
            description=f"training {planned.run.architecture.type}: {request.sql}",
        )
        job = self._jobs.submit(charge, planned.to_json(), planned.run.steps, open_max=self._caps.open_max)
        self._submitted()
        return shown(job)

    def jobs(self, analyst: str, limit: int) -> list[TrainingJob]:
        """The analyst's jobs, newest first."""
        return [shown(job) for job in self._jobs.of(self._policy.dataset, analyst, limit)]

    def job(self, analyst: str, job_id: str) -> TrainingJob:
        """One of the analyst's jobs; ``NotFound`` for any other."""
        return shown(self._mine(analyst, job_id))

    def cancel(self, analyst: str, job_id: str) -> TrainingJob:
        """Stop a job. It is charged for the steps that it began."""
        return shown(self._jobs.cancel(self._mine(analyst, job_id).job_id))

    def model(self, analyst: str, job_id: str) -> bytes:
        """The model's tensors, as a safetensors file."""
        return base64.b64decode(self._released(analyst, job_id)["model"])

    def card(self, analyst: str, job_id: str) -> ModelCard:
        """What the model is, and what was promised."""
        return ModelCard.model_validate_json(self._released(analyst, job_id)["card"])

    def artifacts(self, analyst: str, job_id: str) -> list[Artifact]:
        """The files that the job made."""
        return listed(self._files(analyst, job_id))

    def artifact(self, analyst: str, job_id: str, name: str) -> tuple[bytes, str]:
        """One of them by its name in the list, with its media type; ``NotFound`` for any other name."""
        files = self._files(analyst, job_id)
        if name not in MEDIA_TYPES or name not in files:
            raise NotFound("not_found", "The job has no such artifact.", hint="GET …/artifacts lists them.")
        return files[name], MEDIA_TYPES[name]

    def predict(self, analyst: str, job_id: str, request: PredictionRequest) -> Predictions:
        """The model applied to rows of the caller's: post-processing of what was released, so it costs nothing."""
        from .predict import predict  # onnx takes a while to import

        return predict(self._files(analyst, job_id), self.card(analyst, job_id), request.rows, self._caps.rows_max)

    def _files(self, analyst: str, job_id: str) -> dict[str, bytes]:
        found = self._released(analyst, job_id)
        files = {"model.safetensors": base64.b64decode(found["model"]), "card.json": found["card"].encode()}
        return files | {name: base64.b64decode(text) for name, text in json.loads(found.get("artifacts", "{}")).items()}

    def close(self) -> None:
        """Drop the queue's connections."""
        self._jobs.close()

    def _released(self, analyst: str, job_id: str) -> dict[str, str]:
        job = self._mine(analyst, job_id)
        release = self._jobs.release_of(job) if job.status == states.SUCCEEDED else None
        if release is None:
            raise Conflict(
                "training_not_ready", f"The job is {job.status}: there is no model.",
                hint="Wait until its status is succeeded.",
            )  # fmt: skip
        found: dict[str, str] = json.loads(release.body)["training"]
        return found

    def _mine(self, analyst: str, job_id: str) -> Job:
        self._account(analyst)
        job = self._jobs.find(job_id)
        if job is None or job.analyst != analyst or job.dataset != self._policy.dataset:
            raise NotFound("not_found", "There is no such training job.")
        return job

    def _plan(self, analyst: str, request: TrainingRequest) -> TrainingPlan:
        """A quote and the job after it are planned once, for who asked: the calibration takes a second or two."""
        name = request.model_dump_json()
        found = self._known.get(analyst, name)
        if found is None:
            if self._check is not None:  # in a process that can be killed: what passes there is quickly read here
                self._check(request.sql)
            found = plan(self._policy, self._catalog, request, self._caps, self._pricer)
            fits_checkpoint(found, self._checkpoints)
            self._known.put(analyst, name, found)
        return found


def shown(job: Job) -> TrainingJob:
    """A job as its owner sees it. Nothing in here depends on data, but that it failed."""
    asked = stored(job)
    reserved = price(asked.events)
    return TrainingJob(
        id=job.job_id,
        status=job.status,
        dataset=job.dataset,
        sql=asked.request.sql,
        label=asked.request.label,
        model=asked.run.architecture.shown(),
        price=_spend(reserved),
        charged=_spend(price(ran(job)) if job.status == states.CANCELLED else reserved),
        steps=job.steps,
        steps_begun=job.steps_begun,
        steps_done=job.steps_done,
        epsilon_so_far=so_far(job),
        parameters={**asked.run.shown(), "noise_multiplier": asked.sgd.sigma},
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        code=job.code,
    )


def _spend(cost: Cost) -> Spend:
    return Spend(epsilon=str(cost.epsilon), delta=str(cost.delta))


def _notes(planned: TrainingPlan) -> list[str]:
    notes = [f"One {planned.sgd.unit} is one unit: at most {planned.run.max_rows} of its rows make one gradient."]
    if planned.count is not None:
        notes.append(f"ε {planned.count.epsilon} of the price buys the number of units; say units to save it.")
    if planned.tally is not None:
        notes.append(
            f"ε {planned.tally.epsilon} of the price measures the model on {planned.run.holdout:.0%} of the units, which "
            "are not trained on."
        )
    return notes
