"""A plane to draw backgrounds on: coordinates, colours and noise, every draw from one seed."""

import random
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

Ground: TypeAlias = tuple[Tensor, str]
"""A background, (3, S, S) float32 0..1, and its caption."""

PALETTE = {
    "red": (0.85, 0.2, 0.2),
    "orange": (0.96, 0.55, 0.15),
    "yellow": (0.97, 0.84, 0.25),
    "green": (0.25, 0.65, 0.33),
    "blue": (0.22, 0.45, 0.88),
    "light blue": (0.6, 0.8, 0.97),
    "purple": (0.53, 0.28, 0.8),
    "pink": (0.96, 0.6, 0.75),
    "brown": (0.5, 0.34, 0.2),
    "black": (0.1, 0.1, 0.12),
    "white": (0.96, 0.96, 0.96),
    "gray": (0.55, 0.56, 0.58),
    "teal": (0.12, 0.6, 0.6),
    "beige": (0.92, 0.86, 0.74),
}
"""sRGB, 0..1."""
COLOUR_NAMES = tuple(PALETTE)
JITTER = 0.06
"""How far a colour may be from its name's, per channel."""


class Plane:
    """S x S points of the unit square; `x` and `y` are (S, S), `y` points down."""

    def __init__(self, size: int, seed: int, device: str) -> None:
        """Two planes of the same size, seed and device draw the same."""
        self.size, self.device = size, device
        self.random = random.Random(seed)
        self.generator = torch.Generator(device).manual_seed(seed)
        line = torch.linspace(0, 1, size, device=device)
        self.y, self.x = torch.meshgrid(line, line, indexing="ij")

    def colour(self, name: str) -> Tensor:
        """A colour near the name's, (3, 1, 1)."""
        values = [min(1.0, max(0.0, c + self.random.uniform(-JITTER, JITTER))) for c in PALETTE[name]]
        return torch.tensor(values, device=self.device)[:, None, None]

    def flat(self, colour: Tensor) -> Tensor:
        """The whole plane in one colour."""
        return colour.expand(3, self.size, self.size)

    def two_names(self) -> tuple[str, str]:
        """Two different colours."""
        first, second = self.random.sample(COLOUR_NAMES, 2)
        return first, second

    def noise(self, cells: int, octaves: int = 3) -> Tensor:
        """Smooth noise of mean 0, (1, S, S); the first octave has `cells` values on a side."""
        total = torch.zeros(1, self.size, self.size, device=self.device)
        for octave in range(octaves):
            side = cells * 2**octave
            values = torch.rand(1, 1, side, side, device=self.device, generator=self.generator)
            fine = F.interpolate(values, (self.size, self.size), mode="bicubic", align_corners=True)[0]
            total = total + fine * 0.5**octave
        return total - total.mean()

    def below(self, line: Tensor | float, softness_px: float = 1.0) -> Tensor:
        """1 under a line of heights, 0 above it, (1, S, S)."""
        return ((self.y - line) * self.size / softness_px).clamp(0, 1)[None]


def mix(first: Tensor, second: Tensor, share: Tensor | float) -> Tensor:
    """`first` where the share is 0, `second` where it is 1."""
    return first * (1 - share) + second * share
