"""What a job's processes are told, and the checkpoint that they share."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any, Final, Literal

import numpy.typing as npt
from pydantic import BaseModel, ConfigDict
from safetensors.numpy import load, save

ROWS_TIMEOUT_S: Final = 600.0


class Order(BaseModel):
    """What the worker hands to the process, on its standard input: never on a command line."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parent: int
    policy: Path
    ledger: str
    data_dir: Path
    job_id: str
    token: str
    lease_s: float
    threads: int
    memory_bytes_max: int
    processes: int = 1
    device: Literal["auto", "cpu"] = "auto"
    rank: int = 0
    key: str = ""  # the rest is for helpers of a job with several processes
    batch: float = 0.0
    meeting: Path | None = None


class Checkpoint:
    """The last state of a run, replaced as a whole: tensors in safetensors, readable by its owner alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "state.safetensors"

    def load(self) -> dict[str, npt.NDArray[Any]]:
        """The state, or nothing."""
        return load(self._file.read_bytes()) if self._file.is_file() else {}

    def store(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """Write beside, sync, rename: a process killed meanwhile leaves the state before."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = self.folder / "state.part"
        with part.open("wb") as file:
            file.write(save(state))
            file.flush()
            os.fsync(file.fileno())
        part.replace(self._file)

    def remove(self) -> None:
        """The job has ended."""
        for file in (self._file, self.folder / "state.part"):
            file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.folder.rmdir()
