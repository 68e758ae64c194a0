"""Several processes on one run: each holds its own units, the sums of their gradients are added, noise is drawn once.

torch.distributed over gloo, on this machine alone: processes meet in a file of the job's folder, and speak over the
loopback interface. The sums that pass there are exact, as they are inside one process; nothing else may read them.

A unit is in one process only, and is sampled there with the run's own q, independently: the sum over processes has the
distribution that it has in one, so the accounting is the same. Each coordinate gets its noise once: the coordinates are
parted among the processes, and each adds what it drew, from its own stream, to its own before the sums are added. The count
of adaptive clipping is the first's. Then all take the same step.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import torch
import torch.distributed as dist
from torch import Tensor

_TIMEOUT: Final = dt.timedelta(minutes=10)
_PATIENCE: Final = dt.timedelta(days=1)  # of those who wait for the first to read the rows: its end ends their wait


class TeamLost(RuntimeError):
    """Another process of the run is gone: this attempt is over, the next continues from the checkpoint."""


class Team:
    """One process's place among ``size``; ``Team()`` is alone."""

    def __init__(self, rank: int = 0, size: int = 1, meeting: Path | None = None, *, patient: bool = False) -> None:
        self.rank, self.size = rank, size
        if size > 1:
            os.environ["GLOO_SOCKET_IFNAME"] = "lo"
            try:
                dist.init_process_group(
                    "gloo", init_method=f"file://{meeting}", rank=rank, world_size=size,
                    timeout=_PATIENCE if patient else _TIMEOUT,
                )  # fmt: skip
            except RuntimeError as error:
                raise TeamLost from error

    @property
    def lead(self) -> bool:
        """The one that speaks with the ledger."""
        return self.rank == 0

    def part(self, count: int) -> slice:
        """The coordinates, of ``count``, that this process adds noise to: each is one process's."""
        return slice(count * self.rank // self.size, count * (self.rank + 1) // self.size)

    def add(self, vector: Tensor) -> Tensor:
        """The sum of everybody's vectors, the same in every process."""
        if self.size > 1:
            try:
                dist.all_reduce(vector)
            except RuntimeError as error:
                raise TeamLost from error
        return vector

    def follow(self, tensors: Iterable[Tensor]) -> None:
        """Take the first process's values."""
        if self.size > 1:
            try:
                with torch.no_grad():
                    for tensor in tensors:
                        sent = tensor.cpu()  # itself, where it is there
                        dist.broadcast(sent, src=0)
                        tensor.copy_(sent)
            except RuntimeError as error:
                raise TeamLost from error

    def told(self, number: int = 0) -> int:
        """A number from the first process: how many steps come next, 0 when there are no more."""
        said = torch.tensor([number], dtype=torch.int64)
        self.follow([said])
        return int(said[0])

    def text(self, said: bytes = b"") -> bytes:
        """Bytes from the first process, as numbers: nothing that passes here is ever a pickle."""
        size = self.told(len(said))
        letters = torch.zeros(size, dtype=torch.uint8)
        if self.lead:
            letters.copy_(torch.frombuffer(bytearray(said), dtype=torch.uint8))
        self.follow([letters])
        return letters.numpy().tobytes()

    def leave(self) -> None:
        """The run is over. Once is enough."""
        if self.size > 1 and dist.is_initialized():
            dist.destroy_process_group()
