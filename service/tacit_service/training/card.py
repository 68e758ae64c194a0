"""The model card: what was trained, on what, under which promise; and the release that the ledger records."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import secrets
from importlib.metadata import version
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tacit.wire import AuditFinding, LedgerHead, ModelCard, Spend
from tacit_service.ledger.journal import Head
from tacit_service.ledger.records import Job, StoredRelease
from tacit_service.privacy.curves import FINITE_ORDERS, price
from tacit_service.privacy.events import RELATION, DpSgdEvent

from . import audit
from .accounting import library
from .plan import TrainingPlan, curve

LIMITS: Final = [
    "The promise is for one privacy unit of the dataset, under add/remove; groups of k units have k times the epsilon.",
    "Noise is Gaussian in 64-bit floating point, from a cryptographic generator; the analysis is of real numbers.",
    "What the model learnt of everybody together is no secret: a correct prediction is not a breach of the promise.",
    "How long the training took is not hidden.",
    "For models of images of people, epsilon 1 or less is recommended: inversion then named faces no better than chance, and more of them at 3.",
]


def released(
    job: Job, plan: TrainingPlan, model: bytes, tensors: dict[str, npt.NDArray[Any]], batch: float, head: Head
) -> StoredRelease:
    """The release of a finished job."""
    release_id = "mdl_" + secrets.token_hex(12)
    now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
    card = _card(job, plan, release_id, now, model, tensors, batch, head)
    body = {"training": {"card": card.model_dump_json(), "model": base64.b64encode(model).decode()}}
    canonical = hashlib.sha256(f"training {job.job_id}".encode()).hexdigest()
    return StoredRelease(release_id, job.dataset, job.analyst, canonical, json.dumps(body).encode(), now)


def _card(
    job: Job, plan: TrainingPlan, release_id: str, now: str, model: bytes, tensors: dict[str, npt.NDArray[Any]],
    batch: float, head: Head,
) -> ModelCard:  # fmt: skip
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
        audit=_audit(plan),
        price=Spend(epsilon=str(cost.epsilon), delta=str(cost.delta)),
        epsilon=sgd.epsilon,
        delta=sgd.delta,
        sampling_rate=sgd.q,
        noise_multiplier=sgd.sigma,
        steps=sgd.steps,
        clipping_norm=plan.run.clipping_norm,
        max_rows=plan.run.max_rows,
        expected_batch=batch,
        units_source="given" if plan.count is None else "bought",
        accountants=_accountants(sgd),
        epsilon_by_epoch=curve(sgd),
        model=plan.run.architecture.shown(),
        task=plan.encoding.task,
        features=list(plan.encoding.features),
        label=plan.encoding.label,
        parameters=plan.run.shown(),
        tensors={name: list(value.shape) for name, value in tensors.items()},
        model_sha256=hashlib.sha256(model).hexdigest(),
        libraries={name: version(name) for name in ("torch", "dp-accounting", "numpy", "tacit")},
        ledger=LedgerHead(sequence=head.sequence, hash=head.hash),
        limits=LIMITS,
    )


def _audit(plan: TrainingPlan) -> list[AuditFinding]:
    """What the exact tests of this run's noise and clipping found, on made-up rows."""
    how = plan.encoding
    found = audit.stands(plan.run, plan.sigma, how.inputs, how.outputs, how.task)
    return [AuditFinding(name=f.name, claimed=f.claimed, found=f.found, holds=f.holds) for f in found]


def _accountants(sgd: DpSgdEvent) -> dict[str, str | float]:
    """The pair of lane P, and what lane R's curve alone would say of this run."""
    curve_units = price([sgd]).rdp
    renyi = min(
        curve_units[i] / 1e12 + np.log1p(-1 / a) - (np.log(sgd.delta) + np.log(a)) / (a - 1)
        for i, a in enumerate(FINITE_ORDERS)
    )
    return {"lane P": f"{library()} PLD", "PLD epsilon": sgd.epsilon, "lane R": "integer-order Rényi curve",
            "Rényi epsilon": float(renyi)}  # fmt: skip
