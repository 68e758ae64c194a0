"""Declared against measured: how far one unit moves every vector of integers that noise is added to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tacit_service.privacy.events import NoisyChoicesEvent
from tacit_service.privacy.recording import Draw


@dataclass(frozen=True, slots=True)
class Norms:
    """Cells moved, their sum, the largest."""

    l0: int
    l1: int
    linf: int

    def __str__(self) -> str:
        return f"{self.l0} / {self.l1} / {self.linf}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One vector of one statement: what its noise is made for, and the most that a neighbour moved it.

    ``cell`` is the index among the keys of the cell that moved most, ``unit`` the neighbour.
    """

    statement: int
    point: str
    measure: str
    mechanism: str
    scale: float
    declared: Norms
    measured: Norms
    unit: str
    key: tuple[object, ...]
    offset: int

    @property
    def holds(self) -> bool:
        """No norm is above what is declared."""
        return (
            self.measured.l0 <= self.declared.l0
            and self.measured.l1 <= self.declared.l1
            and self.measured.linf <= self.declared.linf
        )


Cell = tuple[tuple[object, ...], int]


def cells(draw: Draw) -> dict[Cell, int]:
    """The vector by key and place within the key (a histogram has several a key); zeros are left out."""
    width = len(draw.exact) // max(len(draw.keys), 1)
    values = np.asarray(draw.exact).tolist()
    return {(draw.keys[i // width], i % width): v for i, v in enumerate(values) if v} if width else {}


def moved(whole: Draw, less: Draw) -> tuple[Norms, Cell]:
    """The norms of the difference, and the cell that moved most."""
    a, b = cells(whole), cells(less)
    steps = {cell: abs(a.get(cell, 0) - b.get(cell, 0)) for cell in a.keys() | b.keys()}
    steps = {cell: step for cell, step in steps.items() if step}
    if whole.kind == NoisyChoicesEvent.kind:  # priced by the largest move of a score in each group, added up
        largest: dict[tuple[object, ...], Cell] = {}
        for cell, step in steps.items():
            if step > steps.get(largest.get(cell[0], cell), 0) or cell[0] not in largest:
                largest[cell[0]] = cell
        steps = {cell: steps[cell] for cell in largest.values()}
    most = max(steps, key=lambda cell: steps[cell], default=((), 0))
    return Norms(len(steps), sum(steps.values()), max(steps.values(), default=0)), most


def compare(statement: int, point: str, whole: Draw, others: Sequence[tuple[str, Draw]]) -> Finding:
    """The worst neighbour of one vector: one that breaks a norm before all, else the one that moves it most."""
    s = whole.sensitivity
    declared = Norms(s.l0, s.l1, s.linf)
    found = []
    for unit, draw in others:
        norms, (key, offset) = moved(whole, draw)
        found.append(
            Finding(statement, point, whole.measure, whole.kind, whole.scale, declared, norms, unit, key, offset)
        )
    return max(found, key=lambda f: (not f.holds, f.measured.linf, f.measured.l1, f.measured.l0))
