"""A training request, planned: its encoding, its run, its events and their price. Pure in public facts; stored as JSON.

The plan of a stored job is made again when the job runs, from the policy as it is then. A job whose plan differs is
not run: something else was paid for.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Final

from pydantic import JsonValue

from tacit.wire import TrainingRequest
from tacit_service.errors import RequestError
from tacit_service.ledger.records import Job
from tacit_service.policy.model import Policy
from tacit_service.privacy.curves import FINITE_ORDERS, price
from tacit_service.privacy.events import DpSgdEvent, Event, LaplaceEvent, from_dict
from tacit_service.privacy.mechanisms import Measurement, laplace
from tacit_service.privacy.sensitivity import one_row
from tacit_service.privacy.units import Epsilon
from tacit_service.query.catalog import Catalog

from . import accounting
from .checkpoints import Headers
from .encoding import Encoding, alike, as_json, encoding
from .layers import Misfit, Network, network, parameters, unlike
from .pricing import Pricer, curve, priced
from .spec import COUNT_SHARE, PARAMETERS_MAX, Caps, Price, Run, check, misfit, parameter, price_of, run_of, too_large

ATTACK_STEPS_MAX: Final = 100_000
"""Of all runs that attacks repeat: they take part of the job's time, and a job that runs out of it keeps its charge and has no model."""

COUNT_EPSILON_DEFAULT: Final = Epsilon.parse("0.05")
"""Buys the number of units where the request says a noise multiplier in place of ε."""

ROWS_PER_UNIT: Final = 10


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """One run, ready to be quoted or reserved."""

    request: TrainingRequest
    encoding: Encoding
    run: Run
    sigma: float
    count: Measurement | None
    sgd: DpSgdEvent
    tally: Measurement | None = None
    validation: Encoding | None = None
    points: list[tuple[float, float]] | None = None

    @property
    def epsilon_by_epoch(self) -> list[tuple[float, float]]:
        """``curve`` of the run, as the job's row has it: its process need not import the accountant."""
        return self.points or curve(self.sgd)

    @property
    def events(self) -> tuple[Event, ...]:
        """What is charged: the count of units, the tally of held-out units, the run."""
        bought = (self.count, self.tally)
        return (*(m.event for m in bought if m is not None), self.sgd)

    def to_json(self) -> str:
        """What the job's row holds."""
        body: dict[str, Any] = {
            "request": self.request.model_dump(mode="json"),
            "encoding": as_json(self.encoding),
            "run": self.run.model_dump(mode="json"),
            "events": [event.to_dict() for event in self.events],
            "curve": self.epsilon_by_epoch,
        }
        return json.dumps(body, sort_keys=True)


def plan(
    policy: Policy, catalog: Catalog, request: TrainingRequest, caps: Caps | None = None, pricer: Pricer = priced
) -> TrainingPlan:
    """Plan a request, or refuse it; nothing is charged and no data is read."""
    asked = price_of(request, policy)
    run, how = shape(policy, catalog, request)
    check(run, parameters(net_of(run, how)), caps or Caps())
    unit = policy.privacy_unit.name
    count = None
    if run.units is None:
        share = Epsilon(asked.epsilon.units // COUNT_SHARE) if asked.epsilon else COUNT_EPSILON_DEFAULT
        count = laplace(one_row(1), share, unit=unit)
    tally = _tally(request, run, asked, unit)
    target: Epsilon | float | None = asked.noise_multiplier
    if target is None:
        assert asked.epsilon is not None
        target = asked.epsilon
        for bought in (count, tally):
            target = target - bought.epsilon if bought else target
    try:
        found = pricer(unit, run.sampling_rate, run.steps, asked.delta, target)
    except accounting.OutOfReach:
        raise RequestError(
            "training_parameter_invalid",
            "No noise multiplier up to the limit reaches this epsilon with so many steps.",
            hint="Ask for fewer epochs, a lower sampling_rate, or more epsilon.",
            rule="training limits",
            field="epsilon",
        ) from None
    validation = validated(catalog, request, how)
    _attackable(run, how, public=validation is not None)
    return TrainingPlan(request, how, run, found.sigma, count, found.event, tally, validation, found.points)


def _attackable(run: Run, how: Encoding, *, public: bool) -> None:
    """Refuse attacks that this run cannot be put to."""
    if not public and set(run.audit) - {"canaries"}:
        raise parameter("audit", "membership and inversion are measured on public rows: name some with validation.")
    again = (2 * 9 if "membership" in run.audit else 0) + ("canaries" in run.audit)  # with shadows, and without noise
    if run.steps * again > ATTACK_STEPS_MAX:
        raise parameter(
            "audit",
            f"these attacks repeat the run {again} times: {ATTACK_STEPS_MAX // again:,} steps are the most for them.",
        )
    images = bool(run.architecture.shape) or any(feature.kind == "image" for feature in how.features)
    if "inversion" in run.audit and not (images and how.task == "classification" and how.outputs > 1):
        raise parameter("audit", "inversion is for classifiers of images, of three classes or more.")


def _tally(request: TrainingRequest, run: Run, asked: Price, unit: str) -> Measurement | None:
    """Pays for the numbers of held-out units that the model is right and wrong on: a unit moves one of them by one."""
    if not run.holdout:
        if request.metrics_epsilon is not None:
            raise _metrics("Without holdout there is nothing that it pays for.")
        return None
    if request.metrics_epsilon is not None:
        try:
            share = Epsilon.parse(str(request.metrics_epsilon))
        except ValueError as error:
            raise _metrics(f"It is {error}.") from None
    else:
        share = Epsilon(asked.epsilon.units // COUNT_SHARE) if asked.epsilon else COUNT_EPSILON_DEFAULT
    if share.units < 10**9 or (asked.epsilon is not None and 2 * share.units > asked.epsilon.units):
        raise _metrics("It is at least 0.001, and at most half of epsilon.")
    return laplace(one_row(1), share, unit=unit)


def _metrics(detail: str) -> RequestError:
    return RequestError(
        "training_parameter_invalid", f"metrics_epsilon: {detail}", hint='Write "holdout": 0.2, "metrics_epsilon": "0.05".',
        rule="training limits", field="metrics_epsilon",
    )  # fmt: skip


def validated(catalog: Catalog, request: TrainingRequest, how: Encoding) -> Encoding | None:
    """How public rows to measure on are read: the same columns, by name, encoded as the training rows are."""
    if request.validation is None:
        return None
    from tacit_service.query.rows import public_rows  # the parser

    return alike(public_rows(catalog, request.validation), how)


def shape(policy: Policy, catalog: Catalog, request: TrainingRequest) -> tuple[Run, Encoding]:
    """What a request trains, apart from its price."""
    from tacit_service.query.rows import protected_rows  # the parser, for the first who trains

    relation = protected_rows(catalog, request.sql)
    run = run_of(request, relation.max_rows or policy.contribution.max_rows or ROWS_PER_UNIT, policy.models)
    how = encoding(relation, request.label, _task(run, relation, request.label), request.classes)
    run = _with_image(run, how)
    if (size := parameters(net_of(run, how))) > PARAMETERS_MAX:
        raise too_large(size)
    return run, how


def net_of(run: Run, how: Encoding) -> Network:
    """The network that a run trains; refused where it cannot read the features."""
    shape = run.architecture.shape or (how.inputs,)
    try:
        return network(run.architecture, shape, how.outputs)
    except Misfit as error:
        raise misfit(str(error)) from None


def fits_checkpoint(planned: TrainingPlan, headers: Headers) -> None:
    """Refuse, before any charge, a registered model whose checkpoint has other tensors than its layers need."""
    model = planned.run.architecture
    if model.checkpoint and model.name in headers:
        found = unlike(net_of(planned.run, planned.encoding), headers[model.name])
        if found is not None:
            raise misfit(f"the checkpoint of {model.name} is not of these layers: {found}")


def _task(run: Run, relation: Any, label: str) -> str:
    kind = run.architecture.type
    if kind == "linear_regression":
        return "regression"
    if kind == "mlp":
        facts = next((c.facts for c in relation.columns if c.name.lower() == label.lower()), None)
        if facts is not None and facts.domain is None and (facts.type.numeric or facts.type.temporal):
            return "regression"
    return "classification"


def _with_image(run: Run, how: Encoding) -> Run:
    """The run with its image's shape: the column's, or the request's where the columns are the pixels."""
    model = run.architecture
    column = how.features[0].shape if len(how.features) == 1 and how.features[0].kind == "image" else []
    if column and model.type in ("cnn", "scatternet", "registered"):
        found = tuple(column) if len(column) == 3 else (1, *column)
        if model.shape not in ((), found):
            raise misfit(f"the image has the shape {column}")
        return run.model_copy(update={"architecture": model.model_copy(update={"shape": found})})
    if model.type not in ("cnn", "scatternet"):
        return run
    if not model.shape:
        raise misfit(f"a {model.type} reads one image column, or columns that are its pixels and a shape for them")
    numbers = all(feature.kind == "number" and not feature.nullable for feature in how.features)
    if not numbers or how.inputs != math.prod(model.shape):
        raise misfit(
            f"a {model.type} of shape {list(model.shape)} reads {math.prod(model.shape)} columns that are numbers and "
            f"never NULL; the features make {how.inputs} inputs"
        )
    return run


@dataclass(frozen=True, slots=True)
class Stored:
    """What a job's row says was asked and priced."""

    request: TrainingRequest
    encoding: dict[str, JsonValue]
    run: Run
    events: tuple[Event, ...]
    points: list[tuple[float, float]] | None = None

    @property
    def sgd(self) -> DpSgdEvent:
        """The run's event."""
        return next(event for event in self.events if isinstance(event, DpSgdEvent))

    @property
    def bought(self) -> tuple[LaplaceEvent | None, LaplaceEvent | None]:
        """The events of the count of units, and of the tally of held-out ones."""
        found = iter([event for event in self.events if isinstance(event, LaplaceEvent)])
        count = next(found) if self.run.units is None else None
        return count, next(found) if self.run.holdout else None


def stored(job: Job) -> Stored:
    """Read a job's row."""
    body = json.loads(job.spec)
    events = tuple(from_dict(event) for event in body["events"])
    request, run = TrainingRequest.model_validate(body["request"]), Run.model_validate(body["run"])
    points = [(epochs, epsilon) for epochs, epsilon in body.get("curve", [])]
    return Stored(request, body["encoding"], run, events, points or None)


def again(policy: Policy, catalog: Catalog, asked: Stored) -> TrainingPlan | None:
    """The plan of a stored job from the policy as it is now; None when that is not the one that was paid for."""
    run, how = shape(policy, catalog, asked.request)
    if run != asked.run or as_json(how) != asked.encoding:
        return None
    count, tally = (None if event is None else Measurement(event, one_row(1)) for event in asked.bought)
    return TrainingPlan(
        asked.request, how, run, asked.sgd.sigma, count, asked.sgd, tally, validated(catalog, asked.request, how),
        asked.points,
    )  # fmt: skip


def ran(job: Job) -> tuple[Event, ...]:
    """What of a job may have drawn noise: nothing before it was claimed; then the count, and the steps begun.

    Held-out units are measured on when every step is done: a run that was stopped before has not drawn that.
    """
    if job.attempts == 0:
        return ()
    asked = stored(job)
    events = asked.events
    count, tally = asked.bought
    drawn: list[Event] = [event for event in (count,) if event is not None]
    if tally is not None and job.steps_begun == job.steps:
        drawn.append(tally)
    if job.steps_begun:
        drawn += [accounting.part(event, job.steps_begun) for event in events if isinstance(event, DpSgdEvent)]
    return tuple(drawn)


def so_far(job: Job) -> float:
    """At most this ε was spent by the steps that a job has begun: cheap enough to be asked with every event.

    Steps compose additively on the Rényi curve; its conversion (Canonne, Kamath, Steinke 2020) is an upper bound, and so
    is the price of the whole run.
    """
    if job.attempts == 0:
        return 0.0
    asked = stored(job)
    count, tally = asked.bought
    spent = float(price([count]).epsilon) if count is not None else 0.0
    if job.steps_begun:
        spent += min(asked.sgd.epsilon, renyi_epsilon(asked.sgd, job.steps_begun / job.steps))
    if tally is not None and job.steps_begun == job.steps:
        spent += float(price([tally]).epsilon)
    return spent


def renyi_epsilon(event: DpSgdEvent, share: float = 1.0) -> float:
    """ε at the event's δ from its Rényi curve alone, after a share of its steps."""
    losses = price([event]).rdp
    return max(0.0, min(
        losses[i] * share / 1e12 + math.log1p(-1 / a) - (math.log(event.delta) + math.log(a)) / (a - 1)
        for i, a in enumerate(FINITE_ORDERS)
    ))  # fmt: skip
