"""How good a model is: on held-out units under noise that was charged with the job, on public rows freely.

Which units are held out is a keyed hash of the unit's id: a function of that unit alone, the same in every attempt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tacit_service.engine.aggregate import tallied
from tacit_service.ledger.records import Claim
from tacit_service.privacy.mechanisms import Measurement, draw

from .encoding import Rows

Floats = npt.NDArray[np.float32]
Outputs = Callable[[Floats], Floats]

TENTH: Final = 0.2
"""A tenth of the label's range, on the scale from -1 to 1 that a regression predicts on."""
CURVE_ROWS: Final = 2_000


def split(table: pa.Table, share: float, key: bytes) -> tuple[pa.Table, pa.Table]:
    """(rows of units to train on, rows of held-out units). ``share`` is that of units, on average."""
    encoded = pc.dictionary_encode(table.column(0).combine_chunks())
    limit = int(share * 2.0**64)
    out = np.array([_hash(key, unit) < limit for unit in encoded.dictionary.to_pylist()], dtype=np.bool_)
    held = out[encoded.indices.to_numpy(zero_copy_only=False)] if len(out) else np.zeros(0, np.bool_)
    return table.filter(pa.array(~held)), table.filter(pa.array(held))


def share(table: pa.Table, rank: int, size: int, key: bytes) -> pa.Table:
    """The rows of the units that are one process's of ``size``: each unit is in one of them."""
    if size == 1:
        return table
    encoded = pc.dictionary_encode(table.column(0).combine_chunks())
    own = hashlib.blake2b(b"share", key=key, digest_size=32).digest()
    mine = np.array([_hash(own, unit) % size == rank for unit in encoded.dictionary.to_pylist()], dtype=np.bool_)
    chosen = mine[encoded.indices.to_numpy(zero_copy_only=False)] if len(mine) else np.zeros(0, np.bool_)
    return table.filter(pa.array(chosen))


def _hash(key: bytes, unit: Any) -> int:
    return int.from_bytes(hashlib.blake2b(repr(unit).encode(), key=key, digest_size=8).digest(), "big")


def right(rows: Rows, outputs: Floats, task: str) -> npt.NDArray[np.bool_]:
    """Of each unit, whether the model is right on half of its rows or more; a regression, whether within a tenth."""
    if task == "regression":
        good = np.abs(outputs[:, 0] - rows.y) <= TENTH
    else:
        chosen = (outputs[:, 0] > 0).astype(np.int64) if outputs.shape[1] == 1 else outputs.argmax(axis=1)
        good = chosen == rows.y
    if not rows.units:
        return np.zeros(0, dtype=np.bool_)
    sizes = np.diff(rows.first)
    return np.asarray(2 * np.add.reduceat(good.astype(np.int64), rows.first[:-1]) >= sizes)


def held_out(rows: Rows, outputs: Outputs, task: str, tally: Measurement, claim: Claim, share: float) -> dict[str, Any]:
    """The noisy numbers of held-out units that the model is right and wrong on, and their ratio with its interval.

    One unit is in one of the two cells, so adding or removing it moves the pair by 1 in L1: the price of one count.
    """
    good = right(rows, outputs(rows.x), task)
    exact = tallied([int(good.sum()), int(len(good) - good.sum())])
    hits, misses = (int(value) for value in draw(tally, exact, "units", claim.charged))
    width = tally.half_width(0.975)  # both at once: 95 % by the union bound
    total = max(1, hits + misses)
    low, high = (hits - width) / total, (hits + width) / total
    return {
        "share_held_out": share,
        "right": hits,
        "wrong": misses,
        "accuracy": min(max(hits / total, 0.0), 1.0),
        "noise_interval": [max(0.0, low), min(1.0, high)],
        "epsilon": str(tally.epsilon),
        "counts": "units of which the model is right on at least half of the rows"
        if task == "classification"
        else "units whose prediction is within a tenth of the label's range on at least half of the rows",
    }


def glimpse(rows: Rows) -> Rows:
    """At most ``CURVE_ROWS`` of public rows, evenly spaced: enough for a point of a curve (± 2 %), of which a run has forty."""
    if len(rows.y) <= CURVE_ROWS:
        return rows
    chosen = np.linspace(0, len(rows.y) - 1, CURVE_ROWS).astype(np.int64)
    return Rows(rows.x[chosen], rows.y[chosen], np.arange(CURVE_ROWS + 1))


def public(rows: Rows, outputs: Outputs, task: str) -> float:
    """The share of public rows that the model is right on; of a regression, within a tenth of the label's range."""
    found = outputs(rows.x)
    single = Rows(rows.x, rows.y, np.arange(len(rows.y) + 1))
    return float(right(single, found, task).mean()) if len(rows.y) else 0.0
