"""A picture at falling sizes, and exact sampling of any part of it."""

from collections.abc import Sequence
from math import ceil, floor, log2
from threading import Lock
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch.geometry import Box

Plane: TypeAlias = NDArray[np.uint8]
"""A picture (H, W, 3) or a mask (H, W)."""

Taps: TypeAlias = tuple[NDArray[np.intp], NDArray[np.int32]]
"""For each of n view pixels along one side the k places it reads and their weights, both (n, k); weights sum to 256."""

LEVELS = 12


class Pyramid:
    """Halved copies of a picture, made when needed, so that a small view of a large one is cheap.

    Every view pixel is computed from the picture alone, in whole numbers: a part painted anew is equal,
    byte for byte, to the same part of the whole.
    """

    def __init__(self, plane: Plane) -> None:
        """Start from the full-size picture, which is read and never written."""
        self._levels = [plane]
        self._growing = Lock()

    @property
    def full(self) -> Plane:
        """The picture at full size."""
        return self._levels[0]

    def replace(self, plane: Plane, box: Box) -> None:
        """Take a picture of the same size that differs inside the box only, and mend the halved copies."""
        self._levels[0] = plane
        if box.empty:
            return
        for level in range(1, len(self._levels)):
            box = Box(box.left // 2, box.top // 2, -(-box.right // 2), -(-box.bottom // 2))
            above, here = self._levels[level - 1], self._levels[level]
            source = above[2 * box.top : 2 * box.bottom, 2 * box.left : 2 * box.right]
            here[box.slices] = _halved(source)

    def followed(self, plane: Plane, boxes: Sequence[Box]) -> "Pyramid":
        """Return the pyramid of a picture of the same size that differs inside the boxes only; this one stays."""
        fresh = Pyramid(plane)
        fresh._levels += [level.copy() for level in self._levels[1:]]
        for box in boxes:
            fresh.replace(plane, box)
        return fresh

    def prepare(self, scale: tuple[float, float]) -> None:
        """Make the copies that `sample` needs at this scale and at closer ones, in a thread where it takes long."""
        self._at(self.level(max(scale)))

    def level(self, scale: float) -> int:
        """Return the smallest level that still has at least as many pixels as the view shows."""
        return 0 if scale >= 1 else min(floor(-log2(scale) + 1e-9), LEVELS)

    def sample(self, scale: tuple[float, float], start: tuple[int, int], count: tuple[int, int]) -> Plane:
        """Return view pixels (count[1], count[0]) as averages when shrinking, nearest when enlarging.

        scale: view pixels per picture pixel across and down; start: the first view pixel, counted from
        the picture's corner (0 is the one that begins there). Beyond the picture the edge is repeated.
        """
        level = self.level(max(scale))
        plane = self._at(level)
        shrink = 2.0**level
        across = _taps(shrink * scale[0], start[0], count[0], self.full.shape[1] / shrink, plane.shape[1])
        down = _taps(shrink * scale[1], start[1], count[1], self.full.shape[0] / shrink, plane.shape[0])
        return _gather(plane, down, across)

    def _at(self, level: int) -> Plane:
        with self._growing:
            while len(self._levels) <= level:
                self._levels.append(_halved(self._levels[-1]))
        return self._levels[level]


def _halved(plane: Plane) -> Plane:
    """Average 2x2 pixels; an odd last row or column counts twice."""
    height, width = plane.shape[:2]
    if height % 2 or width % 2:
        plane = cv2.copyMakeBorder(plane, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    half = cv2.resize(plane, (ceil(width / 2), ceil(height / 2)), interpolation=cv2.INTER_AREA)
    return np.asarray(half, np.uint8)


def _taps(scale: float, start: int, count: int, length: float, pixels: int) -> Taps:
    """Where each view pixel reads: one place when enlarging, the places its width covers when shrinking."""
    step = 1 / scale
    first = (np.arange(count) + start) * step
    if step <= 1:
        nearest = np.clip(np.floor(first + step / 2 + 1e-9), 0, pixels - 1).astype(np.intp)
        return nearest[:, None], np.full((count, 1), 256, np.int32)
    low = np.clip(first, 0, length - 1e-3)
    high = np.clip(first + step, low + 1e-3, length)
    place = np.floor(low + 1e-9)[:, None] + np.arange(ceil(step) + 1)
    overlap = np.clip(np.minimum(high[:, None], place + 1) - np.maximum(low[:, None], place), 0, None)
    weight = np.round(256 * overlap / overlap.sum(axis=1, keepdims=True)).astype(np.int32)
    rows = np.arange(count)
    weight[rows, weight.argmax(axis=1)] += 256 - weight.sum(axis=1)
    return np.clip(place, 0, pixels - 1).astype(np.intp), weight


def _gather(plane: Plane, down: Taps, across: Taps) -> Plane:
    rows, row_weight = down
    columns, column_weight = across
    if rows.shape[1] == columns.shape[1] == 1:
        return plane[rows[:, 0][:, None], columns[:, 0][None, :]]
    top, left = int(rows.min()), int(columns.min())
    strip = plane[top : int(rows.max()) + 1, left : int(columns.max()) + 1].astype(np.int32)
    rows, columns = rows - top, columns - left
    extra = (slice(None),) + (None,) * (plane.ndim - 1)
    tall = sum(strip[rows[:, tap]] * row_weight[:, tap][extra] for tap in range(rows.shape[1]))
    tall = np.asarray(tall)
    weights = column_weight[:, :, None] if plane.ndim == 3 else column_weight
    total = sum(tall[:, columns[:, tap]] * weights[:, tap] for tap in range(columns.shape[1]))
    return ((np.asarray(total) + (1 << 15)) >> 16).astype(np.uint8)
