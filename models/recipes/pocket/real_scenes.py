"""Pictures whose truth is known: artwork of the generator's styles on fresh backgrounds, as the judge's yardstick."""

import random
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from recipes.pocket.backgrounds import GENERATOR_KINDS, Backgrounds, draw_backgrounds
from recipes.pocket.classifier import SIDE_PX
from recipes.pocket.pasting import Spots, over, placed, premultiplied
from recipes.pocket.sprites import Sprites

PICTURE_PX = 256


@dataclass(frozen=True, eq=False, kw_only=True)
class RealScenes:
    """N pictures of one thing each."""

    pictures: Tensor
    """(N, 3, 256, 256) float32 0..1."""
    empty: Tensor
    """The same without the thing."""
    spots: Spots
    slugs: tuple[str, ...]
    styles: tuple[str, ...]


def fresh_backgrounds(count: int, seed: int) -> Backgrounds:
    """Backgrounds of the kinds that the generator knows, drawn for the judge; the order of the kinds is random."""
    kinds = list(GENERATOR_KINDS)
    random.Random(seed).shuffle(kinds)
    return draw_backgrounds(kinds, count, size=PICTURE_PX, seed=seed, device="cpu")


def real_scenes(sprites: Sprites, count: int, *, seed: int, scale: tuple[float, float] = (0.6, 0.78)) -> RealScenes:
    """Compose scenes; `scale` is the least and greatest half side of the thing, in half sides of the picture."""
    draw = random.Random(seed)
    chosen = [draw.randrange(len(sprites)) for _ in range(count)]

    def between(low: float, high: float) -> Tensor:
        return torch.tensor([draw.uniform(low, high) for _ in range(count)])

    spots = Spots(
        x=between(-0.05, 0.05),
        y=between(-0.05, 0.05),
        scale=between(*scale),
        turn=between(-0.1, 0.1),
        flip=torch.ones(count),
    )
    empty = fresh_backgrounds(count, seed).pixels.float() / 255
    layers = placed(premultiplied(sprites.rgba[chosen]), spots, PICTURE_PX)
    return RealScenes(
        pictures=over(empty, layers),
        empty=empty,
        spots=spots,
        slugs=tuple(sprites.slugs[i] for i in chosen),
        styles=tuple(sprites.styles[i] for i in chosen),
    )


def for_the_eye(pictures: Tensor) -> Tensor:
    """(N, 3, H, W) 0..1 shrunk to what the classifier sees."""
    return F.interpolate(pictures, size=(SIDE_PX, SIDE_PX), mode="area")
