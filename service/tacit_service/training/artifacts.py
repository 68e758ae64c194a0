"""The files that a finished job leaves: their names are fixed, so that no path is ever made of a caller's text."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from tacit.wire import Artifact

MEDIA_TYPES: Final[Mapping[str, str]] = {
    "model.safetensors": "application/vnd.safetensors",
    "model.onnx": "application/onnx",
    "preprocessing.json": "application/json",
    "card.json": "application/json",
    "curves.json": "application/json",
    "curves.png": "image/png",
    "curves.svg": "image/svg+xml",
}
"""What may be among them."""


def listed(files: Mapping[str, bytes]) -> list[Artifact]:
    """The files by name, in the order above."""
    return [
        Artifact(name=name, media_type=kind, bytes=len(files[name]), sha256=hashlib.sha256(files[name]).hexdigest())
        for name, kind in MEDIA_TYPES.items()
        if name in files
    ]
