"""Take a mask apart: areas far from each other are repainted one by one, so that each is seen in detail."""

from dataclasses import dataclass
from itertools import combinations
from math import ceil
from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch.arrays import Mask
from retouch.errors import UsageError
from retouch.geometry import Box

Regions = Literal["auto", "one", "each"]

CELLS = 1024
"""Longest side of the coarse grid on which areas are told apart."""
MOST_AREAS = 64
"""More separate areas than this are specks: they are joined by nearness before anything is compared."""
MOST_REGIONS = 8
"""`auto` never asks for more runs of the model than this."""
DETAIL_LOSS = 1.5
"""`auto` joins two areas unless the common crop had to be shrunk by more than this against their own crops."""


@dataclass(frozen=True, eq=False)
class Area:
    """A part of a mask: its bounding box in picture pixels and its own values in that box."""

    box: Box
    mask: Mask


def bounds(mask: Mask) -> Box:
    """The smallest box around all values above 0; an empty box at 0,0 if there are none."""
    rows = np.flatnonzero(mask.any(axis=1))
    if rows.size == 0:
        return Box(0, 0, 0, 0)
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero(mask[top:bottom].any(axis=0))
    return Box(int(columns[0]), top, int(columns[-1]) + 1, bottom)


def split(mask: Mask, regions: Regions, *, near_px: int, native: int) -> tuple[Area, ...]:
    """Part a mask, (H, W), into areas; together they are the mask, and no pixel is in two of them.

    Areas nearer than `near_px` are one. `one` keeps all together, `each` keeps all apart, `auto` joins what
    a crop of `native` pixels shows together without losing detail. Ordered from the top left.
    """
    whole = bounds(mask)
    if whole.empty or regions == "one":
        return (Area(whole, mask[whole.slices]),) if not whole.empty else ()
    part = mask[whole.slices]
    block = ceil(max(whole.size) / CELLS)
    cells = _coarse(part, block)
    near = 0 if regions == "each" else min(ceil(near_px / 2 / block), max(cells.shape))
    labels, boxes = _components(cells, near)
    if regions == "each" and len(boxes) > MOST_AREAS:
        raise UsageError(
            f"the mask has {len(boxes)} separate areas, at most {MOST_AREAS} can be painted each on its own; "
            "use regions auto, or drop-specks to clean the mask"
        )
    while len(boxes) > MOST_AREAS:
        near = 2 * near + 1
        labels, boxes = _components(cells, near)
    if len(boxes) == 1:
        return (Area(whole, part),)
    groups = [[label] for label in range(len(boxes))]
    if regions == "auto":
        groups = _joined([Box(*(side * block for side in box)) for box in boxes], native)
    areas = [_area(part, labels, [boxes[i] for i in group], group, block) for group in groups]
    areas.sort(key=lambda area: (area.box.top, area.box.left))
    return tuple(Area(area.box.shift(whole.left, whole.top), area.mask) for area in areas)


class _Group(NamedTuple):
    """Joined components: the box around them, their indices, and how much the largest had to be shrunk alone."""

    box: Box
    members: list[int]
    alone: float


def _coarse(part: Mask, block: int) -> NDArray[np.uint8]:
    """1 for each block x block cell with any value above 0."""
    marked = np.pad(part > 0, ((0, -part.shape[0] % block), (0, -part.shape[1] % block)))
    rows, columns = marked.shape[0] // block, marked.shape[1] // block
    lines = marked.reshape(rows, block, columns * block).any(axis=1)
    return np.asarray(lines.reshape(rows, columns, block).any(axis=2), dtype=np.uint8)


def _components(cells: NDArray[np.uint8], near: int) -> tuple[NDArray[np.int32], list[Box]]:
    """Label (from 1, 0 = nothing) what is connected after growing by `near` cells, and the box of each."""
    room = cv2.copyMakeBorder(cells, near, near, near, near, cv2.BORDER_CONSTANT, value=0)
    grown = cv2.dilate(room, np.ones((2 * near + 1, 2 * near + 1), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(grown, connectivity=8)
    labels = labels[near : labels.shape[0] - near, near : labels.shape[1] - near]
    boxes = [
        Box(left, top, left + width - 2 * near, top + height - 2 * near)  # square growth: shrinks back exactly
        for left, top, width, height, _ in stats[1:].tolist()
    ]
    return np.where(cells > 0, labels, 0).astype(np.int32), boxes


def _joined(boxes: list[Box], native: int) -> list[list[int]]:
    """Join boxes, the best match first, as long as a joint crop loses little detail against separate ones."""

    def shrink(box: Box) -> float:
        return max(1.0, max(box.size) / native)

    def loss(pair: tuple[int, int]) -> float:
        one, two = (held[i] for i in pair)
        joint = shrink(one.box.union(two.box))
        return 1.0 if joint == max(shrink(one.box), shrink(two.box)) else joint / max(one.alone, two.alone)

    held = [_Group(box, [index], shrink(box)) for index, box in enumerate(boxes)]
    while len(held) > 1:
        first, second = min(combinations(range(len(held)), 2), key=loss)
        if loss((first, second)) > DETAIL_LOSS and len(held) <= MOST_REGIONS:
            break
        taken, kept = held.pop(second), held[first]
        alone = max(kept.alone, taken.alone)
        held[first] = _Group(kept.box.union(taken.box), kept.members + taken.members, alone)
    return [group.members for group in held]


def _area(part: Mask, labels: NDArray[np.int32], boxes: list[Box], group: list[int], block: int) -> Area:
    """The values of one group of components, in the smallest box around them."""
    around = boxes[0]
    for box in boxes[1:]:
        around = around.union(box)
    own = np.isin(labels[around.slices], np.asarray(group) + 1)
    fine = own.repeat(block, axis=0).repeat(block, axis=1)
    window = part[Box(*(side * block for side in around)).slices]
    values = window * fine[: window.shape[0], : window.shape[1]]
    tight = bounds(values)
    return Area(tight.shift(around.left * block, around.top * block), values[tight.slices])
