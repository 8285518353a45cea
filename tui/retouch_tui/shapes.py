"""The shapes that tools draw: each covers a block of the picture and has a line of the mask language."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Protocol

import cv2
import numpy as np

from retouch.arrays import RGB
from retouch.geometry import Box
from retouch_tui.layers import Mask8, Point


@dataclass(frozen=True, eq=False)
class Ground:
    """What a shape may look at while it is drawn: the picture, (H, W, 3), and the mask of the same size."""

    picture: RGB
    mask: Mask8

    @property
    def width(self) -> int:
        """Width of the picture in pixels."""
        return int(self.picture.shape[1])

    @property
    def height(self) -> int:
        """Height of the picture in pixels."""
        return int(self.picture.shape[0])


@dataclass(frozen=True, eq=False)
class Cover:
    """Where a shape lies: its box and how much of each pixel in it is covered, uint8 (h, w), 0..255."""

    box: Box
    amount: Mask8


class Shape(Protocol):
    """Something that can be drawn and written as a line."""

    def text(self) -> str:
        """Return the shape in the mask language, without its sign."""

    def cover(self, ground: Ground) -> Cover | None:
        """Say which pixels the shape covers; None when it lies outside the picture."""


def number(value: float) -> str:
    """Write a coordinate with at most one decimal."""
    return f"{round(value, 1):g}"


def pair(point: Point) -> str:
    """Write a point as `x,y`."""
    return f"{number(point[0])},{number(point[1])}"


def snapped(point: Point) -> Point:
    """Round a point as its text does, so that the text draws the same pixels again."""
    return (round(point[0], 1), round(point[1], 1))


def _clipped(left: float, top: float, right: float, bottom: float, ground: Ground) -> Box | None:
    box = Box(
        max(0, floor(left)),
        max(0, floor(top)),
        min(ground.width, ceil(right)),
        min(ground.height, ceil(bottom)),
    )
    return box if box.left < box.right and box.top < box.bottom else None


def _centres(box: Box) -> tuple[np.ndarray, np.ndarray]:
    x = np.arange(box.left, box.right, dtype=np.float64)[None, :] + 0.5
    y = np.arange(box.top, box.bottom, dtype=np.float64)[:, None] + 0.5
    return x, y


@dataclass(frozen=True)
class BrushShape:
    """A round pen drawn along a path; covers every pixel whose centre is within half the size of the path."""

    points: tuple[Point, ...]
    size_px: int

    def text(self) -> str:
        """`brush SIZE x,y x,y …`."""
        return f"brush {self.size_px} " + " ".join(pair(p) for p in self.points)

    def cover(self, ground: Ground) -> Cover | None:
        """Draw capsules by distance: exact at every size, and the same however the path is split."""
        points = [snapped(p) for p in self.points]
        reach = max(0.5, self.size_px / 2)
        xs, ys = [p[0] for p in points], [p[1] for p in points]
        box = _clipped(min(xs) - reach, min(ys) - reach, max(xs) + reach, max(ys) + reach, ground)
        if box is None:
            return None
        amount = np.zeros((box.bottom - box.top, box.right - box.left), np.uint8)
        for start, end in zip(points, points[1:] or points, strict=False):
            _capsule(amount, box, start, end, reach, ground)
        return Cover(box, amount)


def _capsule(amount: Mask8, frame: Box, start: Point, end: Point, reach: float, ground: Ground) -> None:
    box = _clipped(
        min(start[0], end[0]) - reach,
        min(start[1], end[1]) - reach,
        max(start[0], end[0]) + reach,
        max(start[1], end[1]) + reach,
        ground,
    )
    if box is None:
        return
    x, y = _centres(box)
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = dx * dx + dy * dy
    along = np.zeros((1, 1)) if length == 0 else ((x - start[0]) * dx + (y - start[1]) * dy) / length
    along = np.clip(along, 0.0, 1.0)
    gap = (x - start[0] - along * dx) ** 2 + (y - start[1] - along * dy) ** 2
    view = amount[box.top - frame.top : box.bottom - frame.top, box.left - frame.left : box.right - frame.left]
    view[gap <= reach * reach + 1e-9] = 255


def _corners(points: tuple[Point, Point]) -> tuple[float, float, float, float]:
    """Bounds of the pixels that two corners touch."""
    (x0, y0), (x1, y1) = points
    return (
        floor(min(x0, x1)),
        floor(min(y0, y1)),
        floor(max(x0, x1)) + 1,
        floor(max(y0, y1)) + 1,
    )


@dataclass(frozen=True)
class RectangleShape:
    """All pixels from one corner to the other, both included."""

    corners: tuple[Point, Point]

    def text(self) -> str:
        """`rect left,top right,bottom`."""
        left, top, right, bottom = _corners(self.corners)
        return f"rect {left:g},{top:g} {right:g},{bottom:g}"

    def cover(self, ground: Ground) -> Cover | None:
        """Cover the whole box."""
        box = _clipped(*_corners(self.corners), ground)
        if box is None:
            return None
        return Cover(box, np.full((box.bottom - box.top, box.right - box.left), 255, np.uint8))


@dataclass(frozen=True)
class EllipseShape:
    """The ellipse that touches the sides of a rectangle."""

    corners: tuple[Point, Point]

    def text(self) -> str:
        """`ellipse left,top right,bottom`."""
        left, top, right, bottom = _corners(self.corners)
        return f"ellipse {left:g},{top:g} {right:g},{bottom:g}"

    def cover(self, ground: Ground) -> Cover | None:
        """Cover the pixels whose centre is inside."""
        left, top, right, bottom = _corners(self.corners)
        box = _clipped(left, top, right, bottom, ground)
        if box is None:
            return None
        x, y = _centres(box)
        inside = ((x - (left + right) / 2) / ((right - left) / 2)) ** 2
        inside = inside + ((y - (top + bottom) / 2) / ((bottom - top) / 2)) ** 2
        return Cover(box, np.where(inside <= 1.0, 255, 0).astype(np.uint8))


@dataclass(frozen=True)
class PolygonShape:
    """The area inside a closed path."""

    points: tuple[Point, ...]

    def text(self) -> str:
        """`poly x,y x,y x,y …`."""
        return "poly " + " ".join(pair(p) for p in self.points)

    def cover(self, ground: Ground) -> Cover | None:
        """Fill the path with its border, by the even-odd rule, at a sixteenth of a pixel."""
        points = [snapped(p) for p in self.points]
        xs, ys = [p[0] for p in points], [p[1] for p in points]
        box = _clipped(min(xs), min(ys), max(xs) + 1, max(ys) + 1, ground)
        if box is None or len(points) < 3:
            return None
        amount = np.zeros((box.bottom - box.top, box.right - box.left), np.uint8)
        shifted = [(round((x - 0.5 - box.left) * 16), round((y - 0.5 - box.top) * 16)) for x, y in points]
        cv2.fillPoly(amount, [np.array(shifted, np.int32)], 255, cv2.LINE_8, 4)
        return Cover(box, amount)


def _flooded(source: np.ndarray, at: Point, tolerance: int) -> Cover | None:
    x, y = floor(at[0]), floor(at[1])
    height, width = source.shape[:2]
    if not (0 <= x < width and 0 <= y < height):
        return None
    found = np.zeros((height + 2, width + 2), np.uint8)
    spread = (tolerance,) * 3
    flags = 4 | (255 << 8) | cv2.FLOODFILL_FIXED_RANGE | cv2.FLOODFILL_MASK_ONLY
    _, _, _, (left, top, wide, high) = cv2.floodFill(source, found, (x, y), 0, spread, spread, flags)
    box = Box(left, top, left + wide, top + high)
    return Cover(box, found[top + 1 : top + high + 1, left + 1 : left + wide + 1].copy())


@dataclass(frozen=True)
class WandShape:
    """The connected area whose colours are within `tolerance` of the colour under the point."""

    at: Point
    tolerance: int

    def text(self) -> str:
        """`wand x,y TOLERANCE`."""
        return f"wand {pair(self.at)} {self.tolerance}"

    def cover(self, ground: Ground) -> Cover | None:
        """Flood the picture from the point."""
        return _flooded(np.ascontiguousarray(ground.picture), snapped(self.at), self.tolerance)


@dataclass(frozen=True)
class FillShape:
    """The connected area of one mask value around a point: what an outline encloses."""

    at: Point

    def text(self) -> str:
        """`fill x,y`."""
        return f"fill {pair(self.at)}"

    def cover(self, ground: Ground) -> Cover | None:
        """Flood the mask from the point."""
        halves = np.where(ground.mask >= 128, 255, 0).astype(np.uint8)
        return _flooded(halves, snapped(self.at), 0)


def tail(shape: Shape, seen: int) -> Shape:
    """The part of a brush path after its first `seen` points; other shapes as they are."""
    if isinstance(shape, BrushShape) and 0 < seen < len(shape.points):
        return BrushShape(shape.points[seen - 1 :], shape.size_px)
    return shape


def thinned(points: Sequence[Point], gap: float = 0.5) -> tuple[Point, ...]:
    """Drop points closer than `gap` pixels to the one kept before; the last point always stays."""
    kept = [points[0]]
    for point in points[1:]:
        if abs(point[0] - kept[-1][0]) + abs(point[1] - kept[-1][1]) >= gap:
            kept.append(point)
    if kept[-1] != points[-1]:
        kept.append(points[-1])
    return tuple(kept)
