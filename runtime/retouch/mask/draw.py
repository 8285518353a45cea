"""Draw shapes: which pixels a rectangle, an ellipse, a polygon or a pen stroke covers.

A pixel belongs to a shape when its middle lies inside. Coordinates are float, 0 is the left (top) edge of the first
pixel. Only the window around a shape is drawn: a stroke on a large photo costs what the stroke covers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from retouch.arrays import Mask
from retouch.geometry import Box, Size


@dataclass(frozen=True, eq=False)
class Patch:
    """A piece of a mask: values in a box of the picture, 0 everywhere else."""

    box: Box
    mask: Mask


def rectangle(size: Size, left: float, top: float, width: float, height: float) -> Patch:
    """A filled rectangle; one of any extent is at least a pixel wide and high."""
    x, y = _nearest(left), _nearest(top)
    right = max(_nearest(left + width), x + (width > 0))
    bottom = max(_nearest(top + height), y + (height > 0))
    box = Box(x, y, right, bottom).clamp(size)
    return Patch(box, np.ones((box.height, box.width), np.float32))


def ellipse(size: Size, x: float, y: float, across: float, down: float) -> Patch:
    """A filled ellipse by its centre and half axes: ((px - x) / across)^2 + ((py - y) / down)^2 <= 1."""
    box = _around(size, x - across, y - down, x + across, y + down)
    if across == 0 or down == 0 or box.empty:
        return _nothing()
    columns, rows = _centres(box)
    inside = ((columns - x) / across) ** 2 + (((rows - y) / down) ** 2)[:, None] <= 1
    return Patch(box, inside.astype(np.float32))


def polygon(size: Size, points: Sequence[tuple[float, float]]) -> Patch:
    """A filled outline by the even-odd rule: a pixel is inside if a line from its middle crosses an odd number of
    edges."""
    corners = np.asarray(points, np.float64)
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    box = _around(size, left, top, right, bottom)
    if box.empty:
        return _nothing()
    flips = np.zeros((box.height, box.width + 1), np.bool_)
    for edge in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        (x0, y0), (x1, y1) = sorted(edge, key=lambda end: float(end[1]))  # the same rounding in both directions
        rows = np.arange(max(_nearest(y0), box.top), min(_nearest(y1), box.bottom))
        crossing = x0 + (rows + 0.5 - y0) * ((x1 - x0) / (y1 - y0)) if rows.size else np.empty(0)
        columns = np.clip(np.ceil(crossing - 0.5), box.left, box.right).astype(np.int64) - box.left
        flips[rows - box.top, columns] ^= True  # a row meets an edge at most once
    inside = np.bitwise_xor.accumulate(flips[:, :-1], axis=1)
    return Patch(box, inside.astype(np.float32))


def stroke(size: Size, points: Sequence[tuple[float, float]], width: float, *, soft: bool) -> Patch:
    """The trace of a round pen along a line; one point is a dot. A soft pen fades from half its radius to its rim."""
    radius = max(width / 2, 0.5)  # a thinner pen would miss pixel centres and leave gaps
    line = np.asarray(points, np.float64)
    (left, top), (right, bottom) = line.min(axis=0) - radius, line.max(axis=0) + radius
    box = _around(size, left, top, right, bottom)
    if box.empty:
        return _nothing()
    mask = np.zeros((box.height, box.width), np.float32)
    ends = line[1:] if len(line) > 1 else line
    for start, end in zip(line, ends, strict=False):
        low, high = np.minimum(start, end) - radius, np.maximum(start, end) + radius
        part = _around(size, low[0], low[1], high[0], high[1])
        if part.empty:
            continue
        distance = _distance_to_segment(part, start, end)
        values = np.clip(2 - 2 * distance / radius, 0, 1) if soft else distance <= radius + 1e-9
        window = mask[part.shift(-box.left, -box.top).slices]
        np.maximum(window, values, out=window, casting="unsafe")
    if not mask.any():  # a fine pen set down between four pixel middles
        x, y = (min(max(floor(at), 0), side - 1) for at, side in zip(line[0], size, strict=True))
        return Patch(Box(x, y, x + 1, y + 1), np.ones((1, 1), np.float32))
    return Patch(box, mask)


def _distance_to_segment(box: Box, start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance from the middle of each pixel of a box to a segment, (H, W)."""
    columns, rows = _centres(box)
    x, y = columns - start[0], (rows - start[1])[:, None]
    (dx, dy), length = end - start, float(((end - start) ** 2).sum())
    along = np.clip((x * dx + y * dy) / length, 0, 1) if length > 0 else np.float64(0)
    distance: NDArray[np.float64] = np.hypot(x - along * dx, y - along * dy)
    return distance


def _centres(box: Box) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Middles of the columns and of the rows."""
    half = np.float64(0.5)
    return np.arange(box.left, box.right) + half, np.arange(box.top, box.bottom) + half


def _nearest(edge: float) -> int:
    """The first pixel whose middle is at or behind an edge."""
    return ceil(edge - 0.5)


def _around(size: Size, left: float, top: float, right: float, bottom: float) -> Box:
    """The pixels that a region touches, inside the picture."""
    return Box(floor(left), floor(top), ceil(right), ceil(bottom)).clamp(size)


def _nothing() -> Patch:
    return Patch(Box(0, 0, 0, 0), np.zeros((0, 0), np.float32))
