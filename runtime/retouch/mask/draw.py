"""Draw shapes: which pixels a rectangle, an ellipse, a polygon or a pen stroke covers.

A pixel belongs to a shape when its middle lies inside. Coordinates are float, 0 is the left (top) edge of the first
pixel. Only the window around a shape is drawn: a stroke on a large photo costs what the stroke covers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from retouch.arrays import Mask
from retouch.geometry import Box, Size

SLAB_PX = 64
"""Long lines are drawn in pieces of at least this length."""

EDGES_AT_ONCE = 512
"""Edges of a polygon that are drawn together, for the sake of memory."""


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
    ends = np.stack([corners, np.roll(corners, -1, axis=0)], axis=1)
    upwards = ends[:, 0, 1] > ends[:, 1, 1]
    ends[upwards] = ends[upwards, ::-1]  # the same rounding in both directions
    for first in range(0, len(ends), EDGES_AT_ONCE):
        _flip(flips, box, ends[first : first + EDGES_AT_ONCE])
    inside = np.bitwise_xor.accumulate(flips[:, :-1], axis=1)
    return Patch(box, inside.astype(np.float32))


def _flip(flips: NDArray[np.bool_], box: Box, edges: NDArray[np.float64]) -> None:
    """Turn over, in place, where edges (n, 2, 2), each from above to below, cross the rows of a box."""
    (x0, y0), (x1, y1) = edges[:, 0].T, edges[:, 1].T
    low = np.maximum(np.ceil(y0 - 0.5), box.top).astype(np.int64)
    count = np.maximum(np.minimum(np.ceil(y1 - 0.5), box.bottom).astype(np.int64) - low, 0)
    edge = np.repeat(np.arange(len(edges)), count)
    rows = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count) + low[edge]
    slope = (x1[edge] - x0[edge]) / (y1[edge] - y0[edge])
    crossing = x0[edge] + (rows + 0.5 - y0[edge]) * slope
    columns = np.clip(np.ceil(crossing - 0.5), box.left, box.right).astype(np.int64) - box.left
    place, times = np.unique((rows - box.top) * flips.shape[1] + columns, return_counts=True)
    flips.reshape(-1)[place[times % 2 == 1]] ^= True


def stroke(size: Size, points: Sequence[tuple[float, float]], width: float, *, soft: bool) -> Patch:
    """The trace of a round pen along a line; one point is a dot. A soft pen fades from half its radius to its rim."""
    box = reach(size, points, width)
    if box.empty:
        return _nothing()
    mask = np.zeros((box.height, box.width), np.float32)
    for part in stroke_parts(size, points, width, soft=soft):
        window = mask[part.box.shift(-box.left, -box.top).slices]
        np.maximum(window, part.mask, out=window)
    return Patch(box, mask) if mask.any() else dot(size, points[0])


def stroke_parts(size: Size, points: Sequence[tuple[float, float]], width: float, *, soft: bool) -> Iterator[Patch]:
    """The same trace in pieces along the line; where they overlap the larger value counts.

    A long line costs what the pen covers, not the box around it. Nothing comes of a pen that meets no pixel's
    middle: see `dot`.
    """
    radius = _radius(width)
    line = np.asarray(points, np.float64)
    ends = line[1:] if len(line) > 1 else line
    for start, end in zip(line, ends, strict=False):
        for box in _along(size, start, end, radius):
            x, y = _offsets(box, start, end)
            if soft:
                values = np.clip(2 - 2 * np.hypot(x, y) / radius, 0, 1).astype(np.float32)
            else:  # without roots four times as fast
                values = (x**2 + y**2 <= (radius + 1e-9) ** 2).astype(np.float32)
            yield Patch(box, values)


def reach(size: Size, points: Sequence[tuple[float, float]], width: float) -> Box:
    """The part of the picture that a pen comes near; empty when it stays outside."""
    line = np.asarray(points, np.float64)
    (left, top), (right, bottom) = line.min(axis=0) - _radius(width), line.max(axis=0) + _radius(width)
    return _around(size, left, top, right, bottom)


def dot(size: Size, at: tuple[float, float]) -> Patch:
    """The one pixel that a fine pen marks which was set down between four pixel middles."""
    x, y = (min(max(floor(place), 0), side - 1) for place, side in zip(at, size, strict=True))
    return Patch(Box(x, y, x + 1, y + 1), np.ones((1, 1), np.float32))


def _radius(width: float) -> float:
    return max(width / 2, 0.5)  # a thinner pen would miss pixel centres and leave gaps


def _along(size: Size, start: NDArray[np.float64], end: NDArray[np.float64], radius: float) -> Iterator[Box]:
    """Boxes that together hold all pixels within `radius` of a segment, cut across its longer side."""
    way = end - start
    axis = int(abs(way[1]) > abs(way[0]))
    first, last = (start, end) if way[axis] >= 0 else (end, start)
    length = float(last[axis] - first[axis])
    count = max(1, ceil(length / max(2 * radius, SLAB_PX)))
    for number in range(count):
        # What lies within the radius of this piece of the segment; the ends of the pieces touch.
        near = first + (last - first) * (number / count)
        far = first + (last - first) * ((number + 1) / count)
        low, high = np.minimum(near, far) - radius, np.maximum(near, far) + radius
        box = _around(size, low[0], low[1], high[0], high[1])
        if not box.empty:
            yield box


def _offsets(
    box: Box, start: NDArray[np.float64], end: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far right of and below the nearest point of a segment the middle of each pixel of a box lies."""
    columns, rows = _centres(box)
    x, y = columns - start[0], (rows - start[1])[:, None]
    (dx, dy), length = end - start, float(((end - start) ** 2).sum())
    along = np.clip((x * dx + y * dy) / length, 0, 1) if length > 0 else np.float64(0)
    return x - along * dx, y - along * dy


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
