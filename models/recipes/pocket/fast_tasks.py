"""Pictures, masks and prompts on which the fast preset is fitted, and others on which it is measured.

Needs numpy and OpenCV alone. Both sets draw the same four kinds of work, but share no noun, no picture and no noise.
Things that stand in a picture already are what the model painted there first, at its default settings.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from recipes.pocket.concepts import popular, with_article
from retouch import Inpainter, InpaintRequest
from retouch.arrays import RGB, Mask

Kind: TypeAlias = Literal["draw", "complete", "erase", "continue"]
Split: TypeAlias = Literal["fit", "measure"]

KINDS: tuple[Kind, ...] = ("draw", "draw", "complete", "draw", "erase", "draw", "continue", "draw")
"""The kinds of eight tasks in turn."""
SIDE_PX = 320
SEEDS: Mapping[Split, int] = {"fit": 11, "measure": 12}
"""Of the pictures, the masks and the choice of nouns."""
FIRST_NOISE: Mapping[Split, int] = {"fit": 5000, "measure": 9000}
"""Seed of a set's first run; the others count on."""

Unit = NDArray[np.float32]
"""(SIDE_PX, SIDE_PX, 3) float32 0..255."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Task:
    """One run of the model."""

    name: str
    kind: Kind
    picture: RGB
    mask: Mask
    prompt: str
    seed: int


def tasks(split: Split, count: int, engine: Inpainter) -> Iterator[Task]:
    """Draw the first `count` tasks of a set; the engine paints the things that stand in some of the pictures."""
    draw = random.Random(SEEDS[split])
    nouns = _nouns(split)
    for i in range(count):
        kind, noun = KINDS[i % len(KINDS)], nouns[i % len(nouns)]
        task = Task(
            name=f"{kind} {noun}" if kind in ("draw", "complete") else kind,
            kind=kind,
            picture=background(draw),
            mask=spot(draw),
            prompt=noun if noun.endswith("s") else with_article(noun),
            seed=FIRST_NOISE[split] + i,
        )
        yield _KINDS[kind](task, draw, engine)


def background(draw: random.Random) -> RGB:
    """One of eight kinds of drawn background."""
    kinds = (_sky, _hills, _stripes, _checks, _dots, _sea, _wall, _plain)
    return np.rint(np.clip(draw.choice(kinds)(draw), 0, 255)).astype(np.uint8)


def spot(draw: random.Random) -> Mask:
    """A box, an ellipse or a blob, a quarter to three fifths of the picture wide."""
    mask = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
    width, height = (round(SIDE_PX * draw.uniform(0.25, 0.6)) for _ in range(2))
    x, y = (draw.randint(length // 2 + 8, SIDE_PX - length // 2 - 8) for length in (width, height))
    shape = draw.choice(("box", "ellipse", "blob"))
    if shape == "box":
        mask[y - height // 2 : y + height // 2, x - width // 2 : x + width // 2] = 1
    elif shape == "ellipse":
        cv2.ellipse(mask, (x, y), (width // 2, height // 2), 0, 0, 360, 1, -1)
    else:
        for _ in range(4):
            at = (round(x + width * draw.uniform(-0.2, 0.2)), round(y + height * draw.uniform(-0.2, 0.2)))
            cv2.ellipse(mask, at, (width * 3 // 10, height * 3 // 10), draw.uniform(0, 180), 0, 360, 1, -1)
    return mask.astype(np.float32)


def _draw(task: Task, _draw: random.Random, _engine: Inpainter) -> Task:
    return task


def _erase(task: Task, _draw: random.Random, engine: Inpainter) -> Task:
    """What was just painted goes again."""
    return replace(task, picture=_painted(task, engine), mask=cv2.dilate(task.mask, np.ones((7, 7))), prompt="")


def _complete(task: Task, draw: random.Random, engine: Inpainter) -> Task:
    """Half of what was painted is hidden."""
    mask = task.mask.copy()
    ys, xs = np.nonzero(mask)
    if draw.random() < 0.5:
        mask[:, : round(float(xs.mean()))] = 0
    else:
        mask[: round(float(ys.mean()))] = 0
    return replace(task, picture=_painted(task, engine), mask=mask)


def _continue(task: Task, draw: random.Random, _engine: Inpainter) -> Task:
    """The picture goes on at its right or its bottom."""
    mask, new = np.zeros_like(task.mask), round(SIDE_PX * draw.uniform(0.2, 0.4))
    if draw.random() < 0.5:
        mask[:, -new:] = 1
    else:
        mask[-new:] = 1
    return replace(task, mask=mask, prompt="")


_KINDS: Mapping[Kind, Callable[[Task, random.Random, Inpainter], Task]] = {
    "draw": _draw,
    "complete": _complete,
    "erase": _erase,
    "continue": _continue,
}


def _painted(task: Task, engine: Inpainter) -> RGB:
    """The task's picture with the thing in it, of another noise than the task's own."""
    return engine.run(task.picture, task.mask, InpaintRequest(prompt=task.prompt, seed=task.seed + 1_000_000)).image


def _nouns(split: Split) -> list[str]:
    """Half of the everyday nouns, in one random order."""
    nouns = sorted(slug.replace("-", " ") for slug in popular())
    random.Random(0).shuffle(nouns)
    return nouns[::2] if split == "fit" else nouns[1::2]


def _colour(draw: random.Random) -> Unit:
    return np.array([draw.uniform(30, 250) for _ in range(3)], np.float32)


def _plain(draw: random.Random) -> Unit:
    return np.ones((SIDE_PX, SIDE_PX, 1), np.float32) * _colour(draw)


def _grid() -> tuple[Unit, Unit]:
    y, x = np.mgrid[0:SIDE_PX, 0:SIDE_PX].astype(np.float32)[..., None]
    return x, y


def _mix(first: Unit, second: Unit, share: NDArray[Any]) -> Unit:
    return np.asarray(first + (second - first) * share, np.float32)


def _sky(draw: random.Random) -> Unit:
    _, y = _grid()
    return _mix(_colour(draw), _colour(draw), y / SIDE_PX)


def _hills(draw: random.Random) -> Unit:
    x, y = _grid()
    picture = _mix(np.array([120, 180, 235], np.float32), np.array([225, 240, 250], np.float32), y / SIDE_PX)
    for row in range(3):
        line = SIDE_PX * (0.5 + 0.15 * row) + 25 * np.sin(x / draw.uniform(25, 70) + draw.uniform(0, 6))
        green = np.array([60, 150, 60], np.float32) * draw.uniform(0.6, 1.3)
        picture = np.where(y > line, green, picture)
    return picture


def _sea(draw: random.Random) -> Unit:
    _, y = _grid()
    sky = _mix(np.array([140, 200, 250], np.float32), np.array([250, 230, 200], np.float32), y / SIDE_PX)
    return np.where(
        y > SIDE_PX * draw.uniform(0.35, 0.7), np.array([30, 100, 170], np.float32) * draw.uniform(0.7, 1.2), sky
    )


def _stripes(draw: random.Random) -> Unit:
    x, y = _grid()
    angle, width = draw.uniform(0, 3.14), draw.uniform(14, 50)
    return _mix(_colour(draw), _colour(draw), ((x * np.cos(angle) + y * np.sin(angle)) / width % 2 < 1) * np.float32(1))


def _checks(draw: random.Random) -> Unit:
    x, y = _grid()
    side = draw.randint(16, 56)
    return _mix(_colour(draw), _colour(draw), (x // side + y // side) % 2)


def _dots(draw: random.Random) -> Unit:
    x, y = _grid()
    side = draw.randint(24, 60)
    inside = (x % side - side / 2) ** 2 + (y % side - side / 2) ** 2 < (side * draw.uniform(0.2, 0.4)) ** 2
    return _mix(_colour(draw), _colour(draw), inside * np.float32(1))


def _wall(draw: random.Random) -> Unit:
    x, y = _grid()
    height = draw.randint(18, 36)
    joint = (y % height < 3) | ((x + (y // height % 2) * height) % (2 * height) < 3)
    return _mix(_colour(draw), _colour(draw), joint * np.float32(1))
