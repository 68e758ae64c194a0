"""Where a run computes: on a CPU, or on a CUDA device where there is one.

What must not depend on it does not: units are sampled and noise is drawn by the cryptographic generator on the CPU, and sums
of several processes meet there. The device computes per-unit gradients, in 32 bits, and clips and adds them, in 64.
"""

from __future__ import annotations

from typing import Final, Literal

import torch

Wanted = Literal["auto", "cpu"]

ELEMENTS_MAX: Final = {"cpu": 4_000_000, "cuda": 128_000_000}
"""Of one block of per-unit gradients: what stays in a processor's cache, and what keeps a device busy (1.5 GiB)."""

IMAGES_BLOCK: Final = {"cpu": 128, "cuda": 4_096}
"""Rows whose maps are held at once."""

ROWS_BLOCK: Final = {"cpu": 2_048, "cuda": 65_536}
FACTORED_BLOCK: Final = {"cpu": 256, "cuda": 16_384}

_RESIDENT_SHARE: Final = 0.5  # of a device's free memory may be filled with rows


def choose(wanted: Wanted, rank: int, memory_bytes_max: int) -> str:
    """The device of one process of a run: ``cpu``, or the CUDA devices in turn, where there are any that work.

    ``memory_bytes_max`` holds on the device as it does on the machine.
    """
    if wanted == "cpu" or not torch.cuda.is_available():
        return "cpu"
    device = f"cuda:{rank % torch.cuda.device_count()}"
    _same_numbers()
    try:
        whole = torch.cuda.get_device_properties(device).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, memory_bytes_max / whole), device)
        torch.ones(8, device=device, dtype=torch.float64).sum().item()
    except RuntimeError:  # a driver that does not fit, or a device that others hold
        return "cpu"
    return device


def told(device: str) -> str:
    """What a model card says of a device."""
    if device == "cpu":
        return "CPU"
    return f"{torch.cuda.get_device_name(device)}, CUDA {torch.version.cuda}"


def home(rows: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Rows on the device where they leave room for the steps; else where they are, and each block travels."""
    if device.type == "cpu":
        return rows
    free, whole = torch.cuda.mem_get_info(device)
    allowed = whole * torch.cuda.get_per_process_memory_fraction(device)
    return rows if rows.nbytes > _RESIDENT_SHARE * min(free, allowed) else rows.to(device)


def _same_numbers() -> None:
    """Full 32-bit products, by one algorithm whatever the block: torch's default of 10-bit mantissas (TF32) in convolutions would let
    who else is sampled move a unit's gradient by a thousandth, in place of its last bit.
    """
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
