"""What a training request asks for, checked against the server's limits: everything that can be refused is refused here.

Pure in the request, the policy and the public tables; nothing is charged and no data is read. A model is built from
these fields alone: there is no way to send code, a pickle or a layer that mixes people (BatchNorm).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, JsonValue

from tacit.wire import Number, TrainingRequest
from tacit_service.errors import RequestError
from tacit_service.policy.model import Policy
from tacit_service.policy.networks import Layer, RegisteredModel
from tacit_service.privacy.units import Delta, Epsilon

RATE_MIN, RATE_MAX, RATE_DEFAULT = 1e-4, 0.5, 0.02
STEPS_MAX: Final = 50_000
EPOCHS_MAX: Final = 1_000
EPOCHS_DEFAULT: Final = 15
PARAMETERS_MAX: Final = 2_000_000
ROWS_PER_UNIT_MAX: Final = 1_000
COUNT_SHARE: Final = 20
"""One part in so many of ε buys the number of units, when the request does not give it."""

_MEMBERS: Final = {
    "logistic_regression": {"type"},
    "linear_regression": {"type"},
    "mlp": {"type", "hidden", "activation"},
    "cnn": {"type", "shape", "channels", "hidden", "activation"},
    "scatternet": {"type", "shape"},
    "registered": {"type", "name", "train"},
}
_TYPES: Final = tuple(_MEMBERS)


Attack = Literal["canaries", "membership", "inversion"]


class Frozen(BaseModel):
    """Base of what a job stores."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Architecture(Frozen):
    """A model out of layers that treat every row by itself. ``shape`` is (channels, height, width) of its images.

    A registered one carries the layers that the policy gave its name, so that a job trains what was priced.
    """

    type: Literal["logistic_regression", "linear_regression", "mlp", "cnn", "scatternet", "registered"]
    hidden: tuple[int, ...] = ()
    activation: Literal["tanh", "relu"] = "tanh"
    shape: tuple[int, ...] = ()
    channels: tuple[int, ...] = ()
    name: str = ""
    train: Literal["all", "last"] = "all"
    layers: tuple[Layer, ...] = ()
    checkpoint: str = ""  # SHA-256 of the file that the policy vouches for

    def shown(self) -> dict[str, JsonValue]:
        """The members that this type has."""
        extra = {"checkpoint"} if self.checkpoint else set()
        wanted = _MEMBERS[self.type] | extra | ({"shape"} if self.shape else set())
        return {k: v for k, v in self.model_dump(mode="json").items() if k in wanted}


class Run(Frozen):
    """The parameters of a run, defaults filled in; all public. ``units`` None: it is bought before the first step.

    ``adaptive_clipping`` is the share of norms that C moves towards, 0 for a C that stays; ``average`` the weight of the
    past in the average of iterates that is released, 0 for the last iterate.
    """

    architecture: Architecture
    sampling_rate: float
    steps: int
    clipping_norm: float
    max_rows: int
    learning_rate: float
    optimizer: Literal["sgd", "adam"]
    momentum: float
    weight_decay: float
    units: int | None
    adaptive_clipping: float = 0.0
    average: float = 0.0
    label_smoothing: float = 0.0
    schedule: Literal["constant", "linear"] = "constant"
    holdout: float = 0.0
    audit: tuple[Attack, ...] = ()

    def shown(self) -> dict[str, JsonValue]:
        """As people see them."""
        return self.model_dump(mode="json", exclude={"architecture"})


class Caps(Frozen):
    """The operator's limits on what analysts ask for."""

    open_max: int = 4
    steps_max: int = STEPS_MAX
    parameters_max: int = PARAMETERS_MAX
    rows_max: int = 1_000


def check(run: Run, size: int, caps: Caps) -> None:
    """Refuse what is beyond the operator's limits, where they are below those of this file."""
    if run.steps > caps.steps_max:
        raise RequestError(
            "training_too_long", f"The run would take {run.steps} steps; {caps.steps_max} are the most here.",
            hint="Ask for fewer epochs or steps.", rule="training limits", field="steps",
        )  # fmt: skip
    if size > caps.parameters_max:
        raise _model(f"The model has {size} parameters; {caps.parameters_max} are the most here.", "Make it smaller.")


class Price(Frozen):
    """What was asked of the budget: ε or σ, and δ."""

    epsilon: Epsilon | None
    noise_multiplier: float | None
    delta: Delta

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


def run_of(request: TrainingRequest, max_rows: int, registered: Mapping[str, RegisteredModel]) -> Run:
    """The run that a request describes; ``RequestError`` names the parameter outside its limits."""
    model = architecture(request.model, registered)
    rate = _number(request.sampling_rate, "sampling_rate", RATE_MIN, RATE_MAX, RATE_DEFAULT)
    units = _whole(request.units, "units", 1, 10**12, None)
    if units is not None and rate * units < 1:
        raise parameter("sampling_rate", "With these units a step would have less than one of them.")
    optimizer = request.optimizer or "sgd"
    if optimizer not in ("sgd", "adam"):
        raise parameter("optimizer", "It is sgd or adam.")
    adam = optimizer == "adam"
    schedule = request.schedule or "constant"
    if schedule not in ("constant", "linear"):
        raise parameter("schedule", "It is constant or linear.")
    return Run(
        architecture=model,
        sampling_rate=rate,
        steps=_steps(request, rate),
        clipping_norm=_number(request.clipping_norm, "clipping_norm", 1e-4, 1e4, 1.0),
        max_rows=_whole(request.max_rows, "max_rows", 1, ROWS_PER_UNIT_MAX, min(max_rows, ROWS_PER_UNIT_MAX)) or 1,
        learning_rate=_number(request.learning_rate, "learning_rate", 1e-6, 100.0, 0.01 if adam else 0.5),
        optimizer="adam" if adam else "sgd",
        momentum=_number(request.momentum, "momentum", 0.0, 0.999, 0.0 if adam else 0.9),
        weight_decay=_number(request.weight_decay, "weight_decay", 0.0, 10.0, 0.0),
        units=units,
        adaptive_clipping=_number(request.adaptive_clipping, "adaptive_clipping", 0.05, 0.95, 0.0),
        average=_number(request.average, "average", 0.5, 0.99999, 0.0),
        label_smoothing=_number(request.label_smoothing, "label_smoothing", 0.0, 0.5, 0.0),
        schedule="linear" if schedule == "linear" else "constant",
        holdout=_number(request.holdout, "holdout", 0.01, 0.5, 0.0),
        audit=_attacks(request),
    )


def _attacks(request: TrainingRequest) -> tuple[Attack, ...]:
    named = request.audit or []
    if set(named) - set(get_args(Attack)) or len(set(named)) < len(named):
        raise parameter("audit", f"A list of {', '.join(get_args(Attack))}, each once at most.")
    return tuple(attack for attack in get_args(Attack) if attack in named)


def _steps(request: TrainingRequest, rate: float) -> int:
    if request.steps is not None and request.epochs is not None:
        raise parameter("steps", "Say steps or epochs, not both.")
    if request.steps is not None:
        steps = _whole(request.steps, "steps", 1, None, None) or 0
    else:
        steps = math.ceil(_number(request.epochs, "epochs", 1e-3, None, EPOCHS_DEFAULT) / rate)
    if steps > STEPS_MAX or steps * rate > EPOCHS_MAX:
        raise RequestError(
            "training_too_long",
            f"The run would take more than {STEPS_MAX} steps or {EPOCHS_MAX} epochs.",
            hint="Ask for fewer epochs or steps: more of them need more noise, and rarely help.",
            rule="training limits",
            field="epochs" if request.steps is None else "steps",
        )
    return steps


def price_of(request: TrainingRequest, policy: Policy) -> Price:
    """What the request may cost: ε xor a noise multiplier, and δ above 0."""
    if (request.epsilon is None) == (request.noise_multiplier is None):
        raise RequestError(
            "epsilon_invalid", "Say epsilon or noise_multiplier, one of the two.",
            hint='Write "epsilon": "1".', rule="parameters",
        )  # fmt: skip
    sigma = None
    if request.noise_multiplier is not None:
        sigma = _number(request.noise_multiplier, "noise_multiplier", 0.3, 10_000.0, None)
    epsilon = None if request.epsilon is None else _epsilon(request.epsilon, policy)
    return Price(epsilon=epsilon, noise_multiplier=sigma, delta=_delta(request, policy))


def _epsilon(value: Any, policy: Policy) -> Epsilon:
    try:
        epsilon = Epsilon.parse(_text(value))
    except (ValueError, TypeError) as error:
        raise RequestError(
            "epsilon_invalid", f"epsilon is {error}.", hint='Write a decimal such as "1".', rule="parameters"
        ) from None
    if epsilon.units < 10**9:
        raise RequestError(
            "epsilon_invalid", "epsilon is below 0.001: no model comes of it.", hint="Ask for more.", rule="parameters"
        )
    if epsilon > policy.budget.epsilon:
        raise RequestError(
            "epsilon_too_large", f"epsilon is above {policy.budget.epsilon}, the dataset's own for its lifetime.",
            hint=f"Ask for {policy.budget.epsilon} at most.", rule="parameters",
        )  # fmt: skip
    return epsilon


def _delta(request: TrainingRequest, policy: Policy) -> Delta:
    whole = policy.budget.delta
    try:
        delta = Delta(whole.units // 10) if request.delta is None else Delta.parse(_text(request.delta))
    except (ValueError, TypeError) as error:
        raise RequestError(
            "delta_invalid", f"delta is {error}.", hint='Write a decimal such as "1e-7".', rule="parameters"
        ) from None
    if not 1000 <= delta.units <= whole.units:
        raise RequestError(
            "delta_invalid",
            f"Training needs a delta from 1e-15 to the dataset's own, which is {whole}.",
            hint='Write "delta": "1e-7" or so; without delta in the policy there is no training.',
            rule="parameters",
        )
    return delta


def architecture(model: dict[str, Any], registered: Mapping[str, RegisteredModel]) -> Architecture:
    """The model of a request; ``RequestError`` for what is not one of the models built here."""
    kind = model.get("type")
    if kind not in _TYPES:
        raise _model(f"The model's type is none of {', '.join(_TYPES)}.", 'Write "model": {"type": "mlp"}.')
    unknown = sorted(set(model) - _MEMBERS[kind])
    if unknown:
        raise _model(
            f"A {kind} has no member of this name: only {', '.join(sorted(_MEMBERS[kind]))}.",
            "There are no batch statistics (BatchNorm would mix people), no checkpoints and no pickles: a model is "
            "built from these members alone.",
        )
    activation = model.get("activation", "tanh")
    if activation not in ("tanh", "relu"):
        raise _model("activation is tanh or relu.", "Bounded activations such as tanh suit clipped gradients.")
    if kind in ("logistic_regression", "linear_regression"):
        return Architecture(type=kind)
    if kind == "registered":
        return _registered(model, registered)
    if kind == "scatternet":
        return Architecture(type=kind, shape=_shape(model))
    hidden = _sizes(model, "hidden", 3, 1024, (32,))
    if kind == "mlp":
        if not hidden:
            raise _model("An mlp has at least one hidden layer.", 'Write "hidden": [32].')
        return Architecture(type="mlp", hidden=hidden, activation=activation)
    channels = _sizes(model, "channels", 2, 64, (16, 32))
    if not channels:
        raise _model("A cnn has one or two convolutions.", 'Write "channels": [16, 32].')
    return Architecture(type="cnn", hidden=hidden, activation=activation, shape=_shape(model), channels=channels)


def _shape(model: dict[str, Any]) -> tuple[int, ...]:
    """(channels, height, width) as the request says it; nothing where the image's column does."""
    shape = _sizes(model, "shape", 3, 256, ())
    if len(shape) == 1 or (shape and min(shape[-2:]) < 8):
        raise _model("shape is [height, width] or [channels, height, width] of an image, 8 or more each way.",
                     'Write "shape": [28, 28], or select an image column.')  # fmt: skip
    return (1, *shape) if len(shape) == 2 else shape


def _registered(model: dict[str, Any], registered: Mapping[str, RegisteredModel]) -> Architecture:
    found = registered.get(str(model.get("name")))
    if found is None:
        names = ", ".join(registered) or "none"
        raise _model("No model of this name is registered.", f"The policy registers: {names}.")
    train = model.get("train", "all")
    if train not in ("all", "last"):
        raise _model("train is all or last.", "last trains a fresh head on fixed features: fewer numbers, less noise.")
    if train == "last" and found.checkpoint is None:
        raise _model("Without a checkpoint there is nothing that could stay as it is.", 'Write "train": "all".')
    return Architecture(
        type="registered", name=str(model["name"]), train="last" if train == "last" else "all", layers=found.layers,
        checkpoint=found.checkpoint.sha256 if found.checkpoint else "",
    )  # fmt: skip


def _sizes(model: dict[str, Any], name: str, most: int, largest: int, default: tuple[int, ...]) -> tuple[int, ...]:
    value = model.get(name)
    if value is None:
        return default
    if (
        not isinstance(value, list)
        or len(value) > most
        or not all(type(size) is int and 1 <= size <= largest for size in value)
    ):
        raise _model(f"{name} is a list of at most {most} whole numbers up to {largest}.", f'Write "{name}": [32].')
    return tuple(value)


def misfit(detail: str) -> RequestError:
    """The refusal of a model that cannot read what is selected."""
    return _model(f"The model does not fit: {detail}.", "Change its shape or layers, or select other columns.")


def _model(detail: str, hint: str) -> RequestError:
    return RequestError("training_model_invalid", detail, hint=hint, rule="training model")


def too_large(parameters: int) -> RequestError:
    """The refusal of a model with too many parameters."""
    return _model(f"The model has {parameters} parameters; {PARAMETERS_MAX} are the most.", "Make it smaller.")


def parameter(name: str, detail: str) -> RequestError:
    """The refusal of one parameter."""
    return RequestError(
        "training_parameter_invalid", f"{name}: {detail}", hint=f"Change {name}, or leave it out.",
        rule="training limits", field=name,
    )  # fmt: skip


def _number(value: Number | None, name: str, low: float, high: float | None, default: float | None) -> float:
    if value is None:
        if default is None:
            raise parameter(name, "It is missing.")
        return float(default)
    try:
        number = float(Decimal(_text(value)))
    except (InvalidOperation, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number) or number < low or (high is not None and number > high):
        span = f"at least {low:g}" if high is None else f"from {low:g} to {high:g}"
        raise parameter(name, f"A number {span} is needed.")
    return number


def _whole(value: Number | None, name: str, low: int, high: int | None, default: int | None) -> int | None:
    if value is None:
        return default
    number = _number(value, name, low, high, None)
    if number != int(number):
        raise parameter(name, "A whole number is needed.")
    return int(number)


def _text(value: Any) -> str:
    return repr(value) if isinstance(value, float) else str(value)
