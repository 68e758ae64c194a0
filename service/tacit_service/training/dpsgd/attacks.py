"""Attacks that need gradients with respect to a model's input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from ..layers import Network
from .networks import Built


def invert(
    net: Network,
    tensors: Mapping[str, npt.NDArray[Any]],
    classes: int,
    *,
    steps: int = 300,
    rate: float = 0.1,
    device: str = "cpu",
) -> npt.NDArray[np.float32]:
    """For each class an image on [0, 1] that the model takes for it: gradient descent on the input from mid-grey.

    Fredrikson, Jha and Ristenpart (2015). Returns [classes, pixels].
    """
    model = Built(net, tensors).to(device).eval()
    images = torch.full((classes, int(np.prod(net.input))), 0.5, device=device, requires_grad=True)
    target = torch.arange(classes, device=device)
    for _ in range(steps):
        loss = functional.cross_entropy(model(images), target, reduction="sum")
        (slope,) = torch.autograd.grad(loss, images)
        with torch.no_grad():
            size = slope.abs().amax(dim=1, keepdim=True).clamp_min(1e-12)
            images -= rate * slope / size
            images.clamp_(0.0, 1.0)
    found: npt.NDArray[np.float32] = images.detach().cpu().numpy()
    return found
