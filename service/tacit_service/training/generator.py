"""Randomness that privacy rests on: a ChaCha20 key stream, keyed by the operating system. Never a reproducible seed.

**What is exact.** Sampling a unit compares 64 random bits with ⌊q·2⁶⁴⌋: its true rate is at most q, and short of it by
less than 2⁻⁶⁴. **What remains floating-point.** Gaussian noise is computed in 64-bit floats: each value is the half of
a sum of four independent Box–Muller normals, so that no single output of the generator shows in its last bits (Holohan
and Braghin 2021), but it is no exact sampler such as OpenDP's discrete ones, and the privacy analysis is that of the
real-valued Gaussian. The tail ends at 8.57·√(2·2)/2 ≈ 17 standard deviations (below 1e-60).

>>> stream = Stream()
>>> int(stream.bernoulli(1000, 0.5).sum()) > 300, stream.normal(3).shape
(True, (3,))
"""

from __future__ import annotations

import math
import os
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

_BYTES_PER_KEY: Final = 1 << 30
_TWO_64: Final = 1 << 64
_CHUNK: Final = 1 << 16

FloatVector = npt.NDArray[np.float64]


class Stream:
    """A cryptographic stream of random numbers. Not thread-safe, and of one process: never sent to another."""

    def __init__(self) -> None:
        self._rekey()

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a random stream is never copied: two runs with the same noise would cancel it")

    def _rekey(self) -> None:
        cipher = Cipher(algorithms.ChaCha20(os.urandom(32), bytes(16)), mode=None)
        self._encryptor = cipher.encryptor()
        self._left = _BYTES_PER_KEY

    def words(self, count: int) -> npt.NDArray[np.uint64]:
        """Uniform 64-bit words."""
        size = 8 * count
        if size > self._left:
            self._rekey()
        self._left -= size
        return np.frombuffer(self._encryptor.update(bytes(size)), dtype=np.uint64)

    def bernoulli(self, count: int, rate: float) -> npt.NDArray[np.bool_]:
        """Independent choices, each with a probability of at most ``rate`` and short of it by less than 2⁻⁶⁴."""
        if not 0.0 <= rate <= 1.0:
            raise ValueError("a rate lies between 0 and 1")
        threshold = math.floor(Fraction(rate) * _TWO_64)
        if threshold == _TWO_64:
            return np.ones(count, dtype=np.bool_)
        return self.words(count) < np.uint64(threshold)

    def normal(self, count: int) -> FloatVector:
        """Independent standard normals."""
        out = np.empty(count)
        for start in range(0, count, _CHUNK):
            part = out[start : start + _CHUNK]
            part[:] = self._box_muller(4 * len(part)).reshape(4, -1).sum(axis=0) / 2
        return out

    def _box_muller(self, count: int) -> FloatVector:
        pairs = (count + 1) // 2
        words = self.words(2 * pairs)
        radius = np.sqrt(-2 * np.log(((words[:pairs] >> np.uint64(11)) + np.uint64(1)) * 2.0**-53))
        angle = 2 * math.pi * ((words[pairs:] >> np.uint64(11)) * 2.0**-53)
        return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:count]
