"""What was done, apart from what it costs: a frozen, versioned vocabulary of privacy events.

An event never changes meaning. A new mechanism is a new class with its own ``kind``; an event that this version does
not know is refused by the accountant, never guessed (cf. dp_accounting's ``DpEvent``). All events are for one
neighbouring relation, add/remove of one privacy unit; an event made under another cannot be built.

Every float is stored as its exact ``float.hex()`` text, so that the price can be re-derived bit for bit.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Any, ClassVar

RELATION = "add_remove_one_unit"


@dataclass(frozen=True, slots=True)
class Event:
    """Base. ``unit`` names the privacy unit; ``library`` is the versioned source of the privacy map, e.g. ``opendp 0.16.0``."""

    kind: ClassVar[str] = ""
    version: ClassVar[int] = 1

    unit: str
    library: str

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form; floats as ``float.hex()``."""
        body: dict[str, Any] = {"kind": self.kind, "version": self.version, "relation": RELATION}
        for f in fields(self):
            value = getattr(self, f.name)
            body[f.name] = value.hex() if isinstance(value, float) else value
        return body

    def canonical(self) -> str:
        """Canonical JSON: sorted keys, no spaces; what the journal hashes."""
        return json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)


@dataclass(frozen=True, slots=True)
class LaplaceEvent(Event):
    """Discrete Laplace noise on an integer vector. ``epsilon`` is what the measurement's map returned for ``l1``."""

    kind = "laplace"
    scale: float
    l1: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class GaussianEvent(Event):
    """Discrete Gaussian noise on an integer vector. ``rho`` is what the map returned for ``l2``.

    ``epsilon``, ``delta`` is the pair chosen on the measurement's own privacy profile, for lane P.
    """

    kind = "gaussian"
    scale: float
    l2: float
    rho: float
    epsilon: float
    delta: float


@dataclass(frozen=True, slots=True)
class LaplaceThresholdEvent(Event):
    """Noisy counts of unknown keys with discrete Laplace noise; a key is released when its noisy count is *above* ``threshold``."""

    kind = "laplace_threshold"
    scale: float
    threshold: int
    l0: int
    l1: int
    linf: int
    epsilon: float
    delta: float


@dataclass(frozen=True, slots=True)
class GaussianThresholdEvent(Event):
    """As ``LaplaceThresholdEvent`` with discrete Gaussian noise. The map gave ``rho`` for ``l2``, and ``threshold_delta``.

    ``epsilon``, ``delta`` is the noise's pair for lane P, to which the threshold's δ adds.
    """

    kind = "gaussian_threshold"
    scale: float
    threshold: int
    l0: int
    l2: float
    linf: int
    rho: float
    epsilon: float
    delta: float
    threshold_delta: float


@dataclass(frozen=True, slots=True)
class NoisyMaxEvent(Event):
    """Choice of one candidate by permute-and-flip over integer scores of sensitivity ``linf``."""

    kind = "noisy_max"
    scale: float
    linf: int
    monotonic: bool
    candidates: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class NoisyChoicesEvent(Event):
    """In every group the choice of one candidate by permute-and-flip, over integer scores that a unit moves by at most m_g.

    ``total`` bounds the sum of m_g over all groups; ``epsilon`` is what noisy max's map returned for it.
    """

    kind = "noisy_choices"
    scale: float
    total: int
    candidates: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class DpSgdEvent(Event):
    """``steps`` of the Poisson-subsampled Gaussian mechanism over units at rate ``q`` with noise multiplier ``sigma``.

    ``epsilon``, ``delta`` is the PLD pair of the whole run, for lane P.
    """

    kind = "dp_sgd"
    q: float
    sigma: float
    steps: int
    epsilon: float
    delta: float


KINDS: dict[str, type[Event]] = {
    cls.kind: cls
    for cls in (
        LaplaceEvent,
        GaussianEvent,
        LaplaceThresholdEvent,
        GaussianThresholdEvent,
        NoisyMaxEvent,
        NoisyChoicesEvent,
        DpSgdEvent,
    )
}


def from_dict(body: dict[str, Any]) -> Event:
    """Rebuild an event from its stored form; ``ValueError`` for an unknown kind, version, relation or field."""
    cls = KINDS.get(body.get("kind", ""))
    if cls is None or body.get("version") != cls.version or body.get("relation") != RELATION:
        raise ValueError("event of a kind, version or relation that this version does not know")
    names = {f.name: f.type for f in fields(cls)}
    if set(body) != set(names) | {"kind", "version", "relation"}:
        raise ValueError("event with missing or unknown fields")
    values: dict[str, Any] = {n: float.fromhex(body[n]) if t in ("float", float) else body[n] for n, t in names.items()}
    return cls(**values)
