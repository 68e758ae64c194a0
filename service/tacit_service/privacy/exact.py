"""The type that exact aggregates have between the engine and the noise: no repr of values, no encoder, no way out
but a measurement. And the proof of payment without which no noise is drawn.

Both are capabilities, not conventions: ``ExactAggregates`` refuses ``repr``, ``pickle``, iteration and equality, and
only the drawing functions of ``mechanisms`` and ``choices`` call ``_values``. An import contract keeps other rooms away from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from .events import Event

IntVector = npt.NDArray[np.int64]


@runtime_checkable
class ManyKeys(Protocol):
    """Very many key tuples, kept as columns: a sequence of tuples that can compare and sort itself."""

    def take(self, rows: IntVector) -> Sequence[tuple[Any, ...]]:
        """The keys in those places."""
        ...

    def distinct(self) -> bool:
        """Whether no key comes twice."""
        ...

    def ordered(self, rows: IntVector) -> IntVector:
        """The places in the order of their keys, which is neither the engine's nor a hash's."""
        ...


class ExactAggregates:
    """Exact integer aggregates of one release point: for each measure an int64 vector over the release's groups.

    ``keys`` is the list of key tuples, one per group. Declared keys are public; with unknown keys the list itself is
    protected and leaves only for groups that a threshold mechanism kept.
    """

    __slots__ = ("__keys", "__measures", "keys_are_public")

    def __init__(
        self, keys: Sequence[tuple[Any, ...]], measures: dict[str, IntVector], *, keys_are_public: bool
    ) -> None:
        for name, vector in measures.items():
            if vector.dtype != np.int64 or vector.shape != (len(keys),):
                raise TypeError(f"measure {name} is not an int64 vector over the groups")
        self.__keys = keys if isinstance(keys, ManyKeys) else list(keys)
        self.__measures = dict(measures)
        self.keys_are_public = keys_are_public

    def _values(self, measure: str) -> IntVector:
        """For ``mechanisms`` and ``choices`` alone."""
        return self.__measures[measure]

    def _key_list(self) -> Sequence[tuple[Any, ...]]:
        """For ``mechanisms`` and ``choices`` alone when keys are unknown; public otherwise."""
        return self.__keys

    def __repr__(self) -> str:
        return "<ExactAggregates: withheld>"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("exact aggregates cannot be serialised: they leave only through a measurement")

    def __eq__(self, other: object) -> NoReturn:
        raise TypeError("exact aggregates cannot be compared: they leave only through a measurement")

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Charged:
    """Proof that a charge covering ``events`` is durable. Only ``ledger.store`` builds it, after the commit."""

    charge_id: str
    events: tuple[Event, ...]

    def covers(self, event: Event) -> bool:
        """Whether this charge paid for exactly this event (same mechanism, scale, sensitivity, price)."""
        return event in self.events
