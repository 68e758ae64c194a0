"""A device that is not the CPU, for machines that have no other: tensors on it say so, and the CPU holds their numbers.

PyTorch's device ``meta`` stands for it. What a real one refuses is refused here: a product of tensors of two devices, and
numpy's look at a tensor that is not on the CPU. What it cannot show is a real device's own arithmetic, memory and speed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from tacit_service.training.dpsgd import devices

ELSEWHERE = torch.device("meta")
_MOVES = (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)


class Elsewhere(torch.Tensor):
    """A tensor there."""

    here: torch.Tensor

    @staticmethod
    def __new__(cls, here: torch.Tensor) -> Elsewhere:
        made: Elsewhere = torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls, here.shape, strides=here.stride(), storage_offset=here.storage_offset(), dtype=here.dtype,
            device=ELSEWHERE, requires_grad=here.requires_grad,
        )  # fmt: skip
        made.here = here
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise AssertionError(f"{func} outside of the device")


class _Device(TorchDispatchMode):
    """Computes on the CPU what is asked of tensors elsewhere, and keeps account of where each result lies."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        there = {id(tensor.here): tensor for tensor in given if isinstance(tensor, Elsewhere)}
        if there and func not in _MOVES and any(t.dim() and not isinstance(t, Elsewhere) for t in given):
            raise RuntimeError(f"{func}: tensors on two devices")
        asked = dict(kwargs or {})
        stays = bool(there)
        if (wanted := asked.get("device")) is not None:
            stays, asked["device"] = wanted.type == ELSEWHERE.type, torch.device("cpu")
        elif func is torch.ops.aten.copy_.default:
            stays = isinstance(args[0], Elsewhere)

        def bare(value: Any) -> Any:
            return value.here if isinstance(value, Elsewhere) else value

        def kept(value: Any) -> Any:
            if not isinstance(value, torch.Tensor) or not stays:
                return value
            return there[id(value)] if id(value) in there else Elsewhere(value)

        return tree_map(kept, func(*tree_map(bare, args), **tree_map(bare, asked)))


@contextmanager
def device(monkeypatch: Any) -> Iterator[str]:
    """The name of the device, while it is there."""
    for sizes in (devices.ELEMENTS_MAX, devices.IMAGES_BLOCK, devices.ROWS_BLOCK, devices.FACTORED_BLOCK):
        monkeypatch.setitem(sizes, ELSEWHERE.type, sizes["cuda"])
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (1 << 30, 1 << 30))
    monkeypatch.setattr(torch.cuda, "get_per_process_memory_fraction", lambda _: 0.5)
    swaps = torch.__future__.get_swap_module_params_on_conversion()
    torch.__future__.set_swap_module_params_on_conversion(True)
    try:
        with _Device():
            yield ELSEWHERE.type
    finally:
        torch.__future__.set_swap_module_params_on_conversion(swaps)
