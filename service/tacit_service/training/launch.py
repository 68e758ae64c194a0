"""How the processes of one attempt are started: the first by the worker, the others by the first or all of them by torchrun.

Under torchrun the agents' rendezvous is a file in a folder that only this user can enter, and so is the meeting of the
processes: torchrun's own TCP store would listen on every interface, and read pickles from whoever connects. Nothing of a
job stands in an environment variable or on a command line; the first process reads its order from the pipe that the worker
holds, and tells it to the others over the loopback interface, where their sums pass too.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final, Literal

Launcher = Literal["own", "torchrun"]

_PYTHON: Final = ("-P", "-s", "-m")
_JOB: Final = "tacit_service.training.job"


def command(launcher: Launcher, processes: int, folder: Path) -> list[str]:
    """What the worker runs. ``folder``: empty, the attempt's own, and entered by nobody else."""
    job = [sys.executable, *_PYTHON, _JOB]
    if launcher == "own" or processes == 1:
        return job
    return [
        sys.executable, *_PYTHON, "torch.distributed.run", "--nnodes=1", f"--nproc-per-node={processes}",
        "--rdzv-backend=c10d", f"--rdzv-endpoint={folder / 'torchrun'}", "--rdzv-conf=store_type=file",
        "--rdzv-id=job", "--local-addr=127.0.0.1", "--max-restarts=0", f"--log-dir={folder}", "--no-python",
        *job, str(folder / "meeting"),
    ]  # fmt: skip


ENVIRONMENT: Final = {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
"""Of torchrun: it opens no port."""


def place(arguments: list[str]) -> tuple[int, int, Path] | None:
    """(rank, processes, where they meet) of a process that torchrun started; None of any other."""
    if len(arguments) < 2:
        return None
    return int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]), Path(arguments[1])
