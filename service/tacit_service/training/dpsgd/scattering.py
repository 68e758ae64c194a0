"""Features of images that were learnt from nobody: a scattering transform of order 2, as a module of fixed convolutions.

Wavelets are Morlet's at scales 2^j, j < J = 2, and L = 8 angles, made as in Andreux et al., Kymatio (JMLR 2020): width
0.8·2^j, frequency 3π/4·2^-j, slant 4/L, zero mean. One channel of an image becomes 1 + J·L + L² = 81 maps: the image,
its wavelet moduli |x ⋆ ψ₁|, and the moduli ||x ⋆ ψ₁| ⋆ ψ₂| of rising scale, each averaged over windows of 2^J pixels
(Bruna and Mallat 2013). DP-SGD of a linear model on them is Tramèr and Boneh's (2021). Convolutions in space, with
mirrored borders, so that the transform runs wherever the model does, ONNX included; kymatio itself needs a scipy that
is gone.

>>> Scattering(1)(torch.zeros(2, 1, 28, 28)).shape
torch.Size([2, 81, 7, 7])
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

SCALES: Final = 2
ANGLES: Final = 8
MAPS: Final = 1 + SCALES * ANGLES + ANGLES**2 * SCALES * (SCALES - 1) // 2
STRIDE: Final = 2**SCALES

_RADIUS: Final = 4.0  # of a filter, in standard deviations along its short axis; 2 along its long one


class Scattering(nn.Module):
    """Images [n, c, height, width] in any range → maps [n, 81·c, ⌈height/4⌉, ⌈width/4⌉]. Nothing in it is trained."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self._channels = channels
        for scale in range(SCALES):
            bank = torch.stack([part for angle in range(ANGLES) for part in morlet(scale, angle)])
            self.register_buffer(f"wavelets{scale}", bank[:, None], persistent=False)
        window = gaussian(0.8 * 2 ** (SCALES - 1))
        self.register_buffer("window", torch.outer(window, window)[None, None], persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """The maps, channel by channel."""
        n, _, height, width = images.shape
        x = images.reshape(n * self._channels, 1, height, width)
        fine, coarse = self._moduli(x, 0, 1), self._moduli(x, 1, 2)
        deep = self._moduli(fine.reshape(-1, 1, height, width), 1, 2)
        deep = deep.reshape(len(x), ANGLES * ANGLES, *deep.shape[-2:])
        maps = torch.cat([self._average(x, 4), self._average(fine, 4), self._average(coarse, 2),
                          self._average(deep, 2)], dim=1)  # fmt: skip
        return maps.reshape(n, self._channels * MAPS, *maps.shape[-2:])

    def _moduli(self, x: Tensor, scale: int, stride: int) -> Tensor:
        bank = self.get_buffer(f"wavelets{scale}")
        pairs = functional.conv2d(_mirrored(x, bank), bank, stride=stride)
        real, imaginary = pairs[:, 0::2], pairs[:, 1::2]
        return torch.sqrt(real * real + imaginary * imaginary + 1e-12)

    def _average(self, x: Tensor, stride: int) -> Tensor:
        """Over windows that lie 4 pixels of the image apart; ``stride`` is that distance in pixels of ``x``."""
        window = self.get_buffer("window")
        if stride == 2:  # x has half the image's pixels, so that the window has half its width
            half = gaussian(0.8 * 2 ** (SCALES - 2))
            window = torch.outer(half, half)[None, None].to(window)
        bank = window.expand(x.shape[1], 1, *window.shape[-2:])
        return functional.conv2d(_mirrored(x, bank), bank, stride=stride, groups=x.shape[1])


def filters() -> dict[str, npt.NDArray[np.float32]]:
    """The fixed filters, each [n, 1, side, side], for those who write the transform down elsewhere."""
    found = {}
    for scale in range(SCALES):
        pairs = [morlet(scale, angle) for angle in range(ANGLES)]
        found[f"real{scale}"], found[f"imaginary{scale}"] = (
            torch.stack(part)[:, None].numpy() for part in zip(*pairs, strict=True)
        )
    for name, scale in (("window", SCALES - 1), ("half", SCALES - 2)):
        weights = gaussian(0.8 * 2**scale)
        found[name] = torch.outer(weights, weights)[None, None].numpy()
    return found


def _mirrored(x: Tensor, bank: Tensor) -> Tensor:
    up, left = bank.shape[-2] // 2, bank.shape[-1] // 2
    return functional.pad(x, (left, left, up, up), mode="reflect")


def morlet(scale: int, angle: int) -> tuple[Tensor, Tensor]:
    """Real and imaginary part of a Morlet wavelet with zero mean, in space."""
    sigma, frequency, slant = 0.8 * 2**scale, 0.75 * math.pi / 2**scale, 4 / ANGLES
    radius = math.ceil(_RADIUS * sigma)
    side = torch.arange(-radius, radius + 1, dtype=torch.float64)
    y, x = torch.meshgrid(side, side, indexing="ij")
    theta = (ANGLES // 2 - 1 - angle) * math.pi / ANGLES
    along, across = x * math.cos(theta) + y * math.sin(theta), y * math.cos(theta) - x * math.sin(theta)
    envelope = torch.exp(-(along**2 + (slant * across) ** 2) / (2 * sigma**2))
    wave = torch.exp(1j * frequency * along) * envelope
    wave = (wave - envelope * (wave.sum() / envelope.sum())) * (slant / (2 * math.pi * sigma**2))
    return wave.real.float(), wave.imag.float()


def gaussian(sigma: float) -> Tensor:
    """Weights of a window, which add up to 1."""
    radius = math.ceil(_RADIUS * sigma)
    weights = torch.exp(-(torch.arange(-radius, radius + 1, dtype=torch.float64) ** 2) / (2 * sigma**2))
    return (weights / weights.sum()).float()
