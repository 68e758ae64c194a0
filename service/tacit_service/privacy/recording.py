"""A test-mode recorder of draws: what the exact aggregates were, under which sensitivity and scale.

It lets tests run neighbouring databases through the real release path and compare the declared with the measured
sensitivity (Re:cord-play). While it is active, noise is zero or comes from a fixed seed, so an answer is **not
private**. It therefore needs two keys: code that enters ``recording()``, which no module of the service does but the
owner's audit (a process that listens to nobody), and the environment variable ``TACIT_TEST_RECORDING=1``, which the
service's settings do not know.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from .accuracy import Kind, redraw_noise
from .exact import IntVector
from .sensitivity import Sensitivity

SWITCH = "TACIT_TEST_RECORDING"


@dataclass(frozen=True, slots=True)
class Draw:
    """One draw as the mechanism saw it: for tests only, since it holds exact values."""

    measure: str
    kind: str
    exact: IntVector
    keys: tuple[tuple[object, ...], ...]
    sensitivity: Sensitivity
    scale: float


@dataclass(slots=True)
class Recorder:
    """Collects draws; ``noise`` stands in for the library's sampler."""

    seed: int | None = None
    draws: list[Draw] = field(default_factory=list)
    chosen: dict[tuple[str, tuple[object, ...]], int] = field(default_factory=dict)
    _rng: np.random.Generator = field(default_factory=np.random.default_rng)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng(self.seed)

    def add(self, draw: Draw) -> None:
        """Append one draw; draws may come from several threads."""
        with self._lock:
            self.draws.append(draw)

    def choices(self, measure: str, groups: Sequence[tuple[object, ...]], best: IntVector) -> IntVector:
        """The best candidate of each group; the one that ``chosen`` has, where a run on another database made the choice.

        What is drawn next depends on it, and is compared for one released choice, as the privacy argument has it.
        """
        with self._lock:
            return np.array(
                [self.chosen.setdefault((measure, g), int(b)) for g, b in zip(groups, best, strict=True)],
                dtype=np.int64,
            )

    def noise(self, kind: Kind, scale: float, size: int) -> IntVector:
        """Zero noise, or fixed-seed noise of the right distribution when the recorder has a seed."""
        if self.seed is None:
            return np.zeros(size, dtype=np.int64)
        with self._lock:
            return redraw_noise(kind, scale, size, self._rng).astype(np.int64)


_active: Recorder | None = None


def active() -> Recorder | None:
    """The recorder in force, or ``None``: always ``None`` in a service."""
    return _active


@contextmanager
def recording(*, seed: int | None = None) -> Iterator[Recorder]:
    """Record draws of the whole process and replace their noise by zero, or by noise from ``seed``."""
    global _active
    if os.environ.get(SWITCH) != "1":
        raise RuntimeError(f"recording replaces private noise: it needs {SWITCH}=1 in the environment of a test")
    if _active is not None:
        raise RuntimeError("a recorder is already active")
    _active = recorder = Recorder(seed)
    try:
        yield recorder
    finally:
        _active = None
