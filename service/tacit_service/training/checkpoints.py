"""Public checkpoints that the policy vouches for: read from safetensors, and only if their SHA-256 is the declared one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy.typing as npt

from tacit_service.errors import PolicyError
from tacit_service.policy.load import Loaded
from tacit_service.policy.networks import RegisteredModel

from .layers import Shape
from .spec import Architecture

BYTES_MAX: Final = 1 << 30

Headers = Mapping[str, Mapping[str, Shape]]


def headers(loaded: Loaded) -> Headers:
    """Names and shapes of the tensors of every registered checkpoint; ``PolicyError`` tells the owner what is wrong."""
    found = {}
    for name, model in loaded.policy.models.items():
        if model.checkpoint is not None:
            found[name] = _header(_content(loaded, name, model), loaded, name)
    return found


def tensors(loaded: Loaded, how: Architecture) -> dict[str, npt.NDArray[Any]] | None:
    """The checkpoint that an architecture starts from; None when it starts afresh. ``PolicyError`` as ``headers``."""
    if not how.checkpoint:
        return None
    from safetensors.numpy import load

    model = loaded.policy.models[how.name]
    assert model.checkpoint is not None
    return load(_content(loaded, how.name, model))


def _content(loaded: Loaded, name: str, model: RegisteredModel) -> bytes:
    assert model.checkpoint is not None
    path: Path = loaded.base_dir / model.checkpoint.file
    try:
        if path.stat().st_size > BYTES_MAX:
            raise _refused(loaded, name, "the checkpoint is larger than 1 GiB", "Register a smaller one.")
        content = path.read_bytes()
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise _refused(loaded, name, f"its checkpoint: {reason}", "Write its path relative to the policy.") from None
    digest = hashlib.sha256(content).hexdigest()
    if digest != model.checkpoint.sha256:
        raise _refused(
            loaded, name, f"its checkpoint has the SHA-256 {digest}", "Declare that one, if it is the file you mean."
        )
    return content


def _header(content: bytes, loaded: Loaded, name: str) -> dict[str, Shape]:
    """A safetensors file begins with 8 bytes of length and a JSON object of names, types and shapes."""
    try:
        length = int.from_bytes(content[:8], "little")
        entries = json.loads(content[8 : 8 + length])
        shapes = {key: tuple(entry["shape"]) for key, entry in entries.items() if key != "__metadata__"}
        if not all(entries[key]["dtype"] in ("F64", "F32", "F16") for key in shapes):
            raise ValueError("dtype")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _refused(
            loaded, name, "its checkpoint is no safetensors file of floating-point tensors",
            "Convert it with safetensors; pickles (.pt, .pkl) are never read.",
        ) from None  # fmt: skip
    return shapes


def _refused(loaded: Loaded, name: str, detail: str, hint: str) -> PolicyError:
    return PolicyError("checkpoint_invalid", f"models.{name}: {detail}", hint=hint, file=str(loaded.path))
