"""Models that the owner registers: layers by name, and a public checkpoint to start from. All of it is public.

A checkpoint must have been trained without the dataset's people: its numbers are taken for public. Its SHA-256 stands
in the policy, so that what was vouched for is what is read, and a safetensors file holds numbers alone.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_MIXES = {"batch_norm", "batchnorm", "batchnorm1d", "batchnorm2d", "instance_norm_tracked", "sync_batch_norm"}


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _kind(value: object) -> object:
    if isinstance(value, str) and value.lower().replace("-", "_") in _MIXES:
        raise ValueError("batch statistics mix people: one person would move everybody's gradient; use group_norm")
    return value


LayerType = Literal["conv", "linear", "group_norm", "relu", "tanh", "max_pool", "average_pool", "flatten"]
_Size = Annotated[int, Field(strict=True, ge=0, le=4096)]
_Small = Annotated[int, Field(strict=True, ge=0, le=64)]


class Layer(_Frozen):
    """One layer. ``size``: outputs of conv and linear, groups of group_norm, window of a pool; ``kernel`` is conv's.

    ``stride`` 0 stands for 1 (conv) or the window (pools). ``name`` is the layer's in the checkpoint: its tensors are
    ``name.weight`` and ``name.bias``; without a name it is the layer's place, from 0.
    """

    type: Annotated[LayerType, BeforeValidator(_kind)]
    size: _Size = 0
    kernel: _Small = 0
    stride: _Small = 0
    padding: _Small = 0
    name: str = Field(default="", pattern=r"^([A-Za-z_][A-Za-z0-9_.]{0,127})?$")


class Checkpoint(_Frozen):
    """A safetensors file, relative to the policy, and the SHA-256 that it must have."""

    file: str = Field(min_length=1, max_length=1024, pattern=r"^[^#*?\x00-\x1f]+\.safetensors$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class RegisteredModel(_Frozen):
    """An architecture that training jobs may name. Its head, a linear layer to the label's classes, is added to it."""

    description: str = ""
    layers: Annotated[tuple[Layer, ...], Field(min_length=1, max_length=64)]
    checkpoint: Checkpoint | None = None
