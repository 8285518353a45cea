"""What the judge asks of a model: pictures, masks and prompts, all from fixed seeds."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from recipes.pocket.concepts import with_article
from recipes.pocket.real_scenes import PICTURE_PX, RealScenes, fresh_backgrounds
from retouch.arrays import RGB, Mask

NAMING_SEED, OUTPAINT_SEED, ERASE_SEED = 101, 202, 303
NAMING_BORDER_PX = 26
"""The mask covers the middle four fifths of the picture."""
OUTPAINT_SHARE = 0.4
ERASE_SCALE = (0.32, 0.5)
ERASE_MARGIN = 1.12


@dataclass(frozen=True, eq=False, kw_only=True)
class Task:
    """One run of the model."""

    name: str
    """Unique, fit for a file name."""
    picture: RGB
    mask: Mask
    """Of the size of the result; what is scored."""
    prompt: str
    seed: int
    grow_right: int = 0
    """Pixels of new space; if there are any, the mask says where they come to lie."""
    truth: RGB | None = None
    """What should come out, where that is known."""


def naming(nouns: list[str], seeds: int) -> Iterator[Task]:
    """Draw each noun on a fresh background, `seeds` times; all nouns once before any comes again."""
    count = len(nouns) * seeds
    backgrounds = fresh_backgrounds(count, NAMING_SEED).pixels
    mask = np.zeros((PICTURE_PX, PICTURE_PX), np.float32)
    mask[NAMING_BORDER_PX:-NAMING_BORDER_PX, NAMING_BORDER_PX:-NAMING_BORDER_PX] = 1
    for i in range(count):
        seed, noun = i // len(nouns), nouns[i % len(nouns)]
        yield Task(
            name=naming_name(noun, seed),
            picture=_picture(backgrounds[i] / 255),
            mask=mask,
            prompt=prompt_of(noun),
            seed=seed,
        )


def naming_name(noun: str, seed: int) -> str:
    """Name of the task that draws a noun."""
    return f"naming-{noun.replace(' ', '-')}-{seed}"


def prompt_of(noun: str) -> str:
    """`owl` -> `an owl`; plurals stand alone."""
    return noun if noun.endswith("s") else with_article(noun)


def erasing(scenes: RealScenes) -> Iterator[Task]:
    """Remove the thing from each scene, with an empty prompt."""
    for i in range(len(scenes.slugs)):
        x, y, half = (float(part[i]) for part in (scenes.spots.x, scenes.spots.y, scenes.spots.scale))
        yield Task(
            name=f"erase-{i}",
            picture=_picture(scenes.pictures[i]),
            mask=_box(x, y, half * ERASE_MARGIN),
            prompt="",
            seed=i,
            truth=_picture(scenes.empty[i]),
        )


def outpainting(count: int) -> Iterator[Task]:
    """Continue backgrounds to the right."""
    backgrounds = fresh_backgrounds(count, OUTPAINT_SEED).pixels
    new = round(PICTURE_PX * OUTPAINT_SHARE)
    mask = np.zeros((PICTURE_PX, PICTURE_PX), np.float32)
    mask[:, -new:] = 1
    for i in range(count):
        truth = _picture(backgrounds[i] / 255)
        yield Task(
            name=f"continue-{i}",
            picture=truth[:, :-new].copy(),
            mask=mask,
            prompt="",
            seed=i,
            grow_right=new,
            truth=truth,
        )


def _picture(pixels: Tensor) -> RGB:
    """(3, H, W) 0..1 as a picture."""
    scaled: NDArray[np.float32] = pixels.clamp(0, 1).permute(1, 2, 0).numpy() * 255
    return np.rint(scaled).astype(np.uint8)


def _box(x: float, y: float, half: float) -> Mask:
    """A filled square; centre and half side in units where the picture reaches from -1 to 1."""
    mask = np.zeros((PICTURE_PX, PICTURE_PX), np.float32)
    left, top, right, bottom = (
        min(max(round((edge + 1) / 2 * PICTURE_PX), 0), PICTURE_PX) for edge in (x - half, y - half, x + half, y + half)
    )
    mask[top:bottom, left:right] = 1
    return mask
