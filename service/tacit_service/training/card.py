"""The model card: what was trained, on what, under which promise; and the release that the ledger records."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Final

import numpy.typing as npt
from safetensors.numpy import save

from tacit.wire import AttackFinding, AuditFinding, LedgerHead, ModelCard, Spend
from tacit_service.ledger.journal import Head
from tacit_service.ledger.records import Job, StoredRelease
from tacit_service.privacy.curves import price
from tacit_service.privacy.events import RELATION, DpSgdEvent

from . import audit, dpsgd
from .accounting import library
from .curves import Curves
from .encoding import width
from .plan import TrainingPlan, net_of, renyi_epsilon

LIMITS: Final = [
    "The promise is for one privacy unit of the dataset, under add/remove; groups of k units have k times the epsilon.",
    "Noise is Gaussian in 64-bit floating point, from a cryptographic generator; the analysis is of real numbers.",
    "What the model learnt of everybody together is no secret: a correct prediction is not a breach of the promise.",
    "How long the training took is not hidden.",
    "For models of images of people, epsilon 1 or less is recommended: inversion then named faces no better than chance.",
]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a finished run made: everything here may be released."""

    tensors: dict[str, npt.NDArray[Any]]
    batch: float
    curves: Curves
    metrics: dict[str, Any]
    attacks: list[AttackFinding] = field(default_factory=list)
    device: str = "cpu"


def released(job: Job, plan: TrainingPlan, made: Outcome, head: Head) -> StoredRelease:
    """The release of a finished job: its model, its card, its other files."""
    from .exchange import export  # a second of imports for these two, once a job
    from .plots import draw

    release_id = "mdl_" + secrets.token_hex(12)
    now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
    model = save(made.tensors)
    card = _card(job, plan, release_id, now, model, made, head)
    how, curves = plan.encoding, made.curves.to_json()
    files = {"preprocessing.json": _json(preprocessing(card)), "curves.json": _json(curves), **draw(curves)}
    net = net_of(plan.run, how)
    filters = dpsgd.filters() if net.scattering else None
    files["model.onnx"] = export(net, made.tensors, how.task, how.label, filters)
    stored = {name: base64.b64encode(content).decode() for name, content in files.items()}
    body = {
        "training": {
            "card": card.model_dump_json(),
            "model": base64.b64encode(model).decode(),
            "artifacts": json.dumps(stored),
        }
    }
    canonical = hashlib.sha256(f"training {job.job_id}".encode()).hexdigest()
    return StoredRelease(release_id, job.dataset, job.analyst, canonical, json.dumps(body).encode(), now)


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False).encode()


def preprocessing(card: ModelCard) -> dict[str, Any]:
    """How a row becomes the model's inputs, and its outputs a label: enough to do it without Tacit."""
    at, columns = 0, []
    for feature in card.features:
        size = width(feature)
        columns.append({**feature.model_dump(mode="json"), "inputs": [at, at + size]})
        at += size
    return {
        "inputs": at,
        "features": columns,
        "label": card.label.model_dump(mode="json"),
        "task": card.task,
        "rules": [
            "number: clamped to [low, high], then (x - low)·2/(high - low) - 1; missing: 0",
            "date: days since 1970-01-01; timestamp: microseconds since then; scaled like numbers",
            "category: one input for each of categories, 1 for the value and 0 for the others",
            "image: its values divided by 255",
            "nullable: one more input, 1 where the value is missing (or, of a category, unknown)",
            "scores of two classes have one output z: softmax of (0, z); a regression's output is scaled like a number",
        ],
    }


def _card(
    job: Job, plan: TrainingPlan, release_id: str, now: str, model: bytes, made: Outcome, head: Head
) -> ModelCard:
    cost = price(plan.events)
    sgd = plan.sgd
    return ModelCard(
        job_id=job.job_id,
        release_id=release_id,
        dataset=job.dataset,
        sql=plan.request.sql,
        created_at=now,
        privacy_unit=sgd.unit,
        relation=RELATION,
        audit=_audit(plan, made.device),
        attacks=made.attacks,
        price=Spend(epsilon=str(cost.epsilon), delta=str(cost.delta)),
        epsilon=sgd.epsilon,
        delta=sgd.delta,
        sampling_rate=sgd.q,
        noise_multiplier=sgd.sigma,
        steps=sgd.steps,
        clipping_norm=plan.run.clipping_norm,
        max_rows=plan.run.max_rows,
        expected_batch=made.batch,
        units_source="given" if plan.count is None else "bought",
        accountants=_accountants(sgd),
        epsilon_by_epoch=plan.epsilon_by_epoch,
        model=plan.run.architecture.shown(),
        task=plan.encoding.task,
        features=list(plan.encoding.features),
        label=plan.encoding.label,
        parameters=plan.run.shown(),
        tensors={name: list(value.shape) for name, value in made.tensors.items()},
        model_sha256=hashlib.sha256(model).hexdigest(),
        device=dpsgd.told(made.device),
        libraries={name: version(name) for name in ("torch", "dp-accounting", "numpy", "onnx", "tacit")},
        ledger=LedgerHead(sequence=head.sequence, hash=head.hash),
        limits=LIMITS,
        metrics=made.metrics,
    )


def _audit(plan: TrainingPlan, device: str) -> list[AuditFinding]:
    """What the exact tests of this run's noise and clipping found, on made-up rows."""
    how = plan.encoding
    found = audit.stands(plan.run, plan.sigma, how.inputs, how.outputs, how.task, device)
    return [AuditFinding(name=f.name, claimed=f.claimed, found=f.found, holds=f.holds) for f in found]


def _accountants(sgd: DpSgdEvent) -> dict[str, str | float]:
    """The pair of lane P, and what lane R's curve alone would say of this run."""
    return {"lane P": f"{library()} PLD", "PLD epsilon": sgd.epsilon, "lane R": "integer-order Rényi curve",
            "Rényi epsilon": renyi_epsilon(sgd)}  # fmt: skip
