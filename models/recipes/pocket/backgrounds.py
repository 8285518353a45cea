"""A bank of drawn backgrounds with their captions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from recipes.pocket.patterns import bricks, checks, dots, gradient, grass, plain, stripes, table
from recipes.pocket.plane import Ground, Plane
from recipes.pocket.skies import clouds, land, sea, starry

Draw = Callable[[Plane], Ground]

GENERATOR_KINDS: tuple[Draw, ...] = (
    *(plain, gradient, land, land, land, sea, table, table),
    *(stripes, dots, checks, bricks, grass, starry, clouds),
)
"""What the generator is trained on; a kind that is named twice is drawn twice as often."""


@dataclass(frozen=True, eq=False)
class Backgrounds:
    """N backgrounds."""

    pixels: Tensor
    """(N, 3, S, S) uint8."""
    captions: tuple[str, ...]


def draw_backgrounds(kinds: Sequence[Draw], count: int, *, size: int, seed: int, device: str) -> Backgrounds:
    """Draw `count` backgrounds, the kinds in turn; the same arguments give the same pictures."""
    plane = Plane(size, seed, device)
    pixels = torch.empty(count, 3, size, size, dtype=torch.uint8, device=device)
    captions = []
    for i in range(count):
        drawn, caption = kinds[i % len(kinds)](plane)
        pixels[i] = (drawn.clamp(0, 1) * 255).round().byte()
        captions.append(caption)
    return Backgrounds(pixels, tuple(captions))
