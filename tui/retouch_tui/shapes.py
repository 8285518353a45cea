"""The shapes that tools draw: each covers a block of the picture and has a line of the mask language.

Both come from the runtime's own drawing, so that the lines draw the same pixels again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import atan2, ceil, cos, floor, pi, sin
from typing import Protocol, runtime_checkable

import cv2
import numpy as np

from retouch.arrays import RGB
from retouch.geometry import Box, Size
from retouch.mask import draw, select
from retouch.mask.draw import Patch
from retouch_tui.layers import Mask8, Point


@dataclass(frozen=True, eq=False)
class Ground:
    """What a shape may look at while it is drawn: the picture, (H, W, 3), and the mask of the same size."""

    picture: RGB
    mask: Mask8

    @property
    def size(self) -> Size:
        """Size of the picture."""
        return Size(self.picture.shape[1], self.picture.shape[0])


@dataclass(frozen=True, eq=False)
class Cover:
    """Where a shape lies: its box and how much of each pixel in it is covered, uint8 (h, w), 0..255."""

    box: Box
    amount: Mask8


ROUND = 16
"""Corners of half a circle that is shown as a polygon."""

FLOODED = 128
"""Marks what a flood has reached, between 0 and 255."""


class Shape(Protocol):
    """Something that can be drawn and written as a line."""

    def text(self, ground: Ground) -> str:
        """Return the shape in the mask language, without its sign."""
        ...

    def cover(self, ground: Ground) -> Cover | None:
        """Say which pixels the shape covers; None when it lies outside the picture."""
        ...


@runtime_checkable
class Outlined(Shape, Protocol):
    """A shape that can be shown before it is drawn."""

    def corners(self) -> tuple[Point, ...]:
        """Return its outline, closed, in picture coordinates."""
        ...


def pair(point: Point) -> str:
    """Write a point as `x,y` with at most one decimal."""
    return ",".join(f"{round(value, 1):.1f}".removesuffix(".0") for value in point)


def snapped(point: Point) -> Point:
    """Round a point as its text does, so that the text draws the same pixels again."""
    return (round(point[0], 1), round(point[1], 1))


def _covered(patch: Patch) -> Cover | None:
    if patch.box.empty:
        return None
    return Cover(patch.box, np.rint(patch.mask * np.float32(255)).astype(np.uint8))


@dataclass(frozen=True)
class BrushShape:
    """A round pen drawn along a path."""

    points: tuple[Point, ...]
    size_px: int

    def text(self, ground: Ground) -> str:  # noqa: ARG002
        """`brush SIZE x,y x,y …`."""
        return f"brush {self.size_px} " + " ".join(pair(p) for p in self.points)

    def cover(self, ground: Ground) -> Cover | None:
        """Draw the trace of the pen."""
        return _covered(draw.stroke(ground.size, self._path(), self.size_px, soft=False))

    def covers(self, size: Size) -> Iterator[Cover]:
        """Draw the same trace in pieces along the path, the same however it is split; see `dot`."""
        for patch in draw.stroke_parts(size, self._path(), self.size_px, soft=False):
            if patch.mask.any():
                yield Cover(patch.box, to_amount(patch.mask > 0))

    def dot(self, size: Size) -> Cover | None:
        """Draw what a path marks whose pieces are empty: one pixel; None for one that stays outside the picture."""
        path = self._path()
        return None if draw.reach(size, path, self.size_px).empty else _covered(draw.dot(size, path[0]))

    def _path(self) -> list[Point]:
        return [snapped(p) for p in self.points]

    def corners(self) -> tuple[Point, ...]:
        """Return the outline of the trace from its first to its last point."""
        (x0, y0), (x1, y1) = self.points[0], self.points[-1]
        along, half = atan2(y1 - y0, x1 - x0), self.size_px / 2
        ends = [(x1, y1, along - pi / 2), (x0, y0, along + pi / 2)]
        return tuple(
            (x + half * cos(start + pi * n / ROUND), y + half * sin(start + pi * n / ROUND))
            for x, y, start in ends
            for n in range(ROUND + 1)
        )


@dataclass(frozen=True)
class RectangleShape:
    """All pixels from one corner to the other, both included."""

    ends: tuple[Point, Point]

    def box(self) -> Box:
        """Return the pixels that the corners touch."""
        (x0, y0), (x1, y1) = self.ends
        return Box(floor(min(x0, x1)), floor(min(y0, y1)), floor(max(x0, x1)) + 1, floor(max(y0, y1)) + 1)

    def corners(self) -> tuple[Point, ...]:
        """Return its outline."""
        box = self.box()
        return ((box.left, box.top), (box.right, box.top), (box.right, box.bottom), (box.left, box.bottom))

    def text(self, ground: Ground) -> str:  # noqa: ARG002
        """`rect left,top WIDTHxHEIGHT`."""
        box = self.box()
        return f"rect {box.left},{box.top} {box.width}x{box.height}"

    def cover(self, ground: Ground) -> Cover | None:
        """Cover the whole box."""
        box = self.box()
        return _covered(draw.rectangle(ground.size, box.left, box.top, box.width, box.height))


@dataclass(frozen=True)
class EllipseShape:
    """The ellipse that touches the sides of a rectangle."""

    ends: tuple[Point, Point]

    def _measures(self) -> tuple[float, float, float, float]:
        box = RectangleShape(self.ends).box()
        return (box.left + box.right) / 2, (box.top + box.bottom) / 2, box.width / 2, box.height / 2

    def corners(self) -> tuple[Point, ...]:
        """Return its outline."""
        x, y, across, down = self._measures()
        angles = [2 * pi * n / (4 * ROUND) for n in range(4 * ROUND)]
        return tuple((x + across * cos(angle), y + down * sin(angle)) for angle in angles)

    def text(self, ground: Ground) -> str:  # noqa: ARG002
        """`ellipse x,y across,down`: the middle and the half axes."""
        x, y, across, down = self._measures()
        return f"ellipse {pair((x, y))} {pair((across, down))}"

    def cover(self, ground: Ground) -> Cover | None:
        """Cover the pixels whose middle is inside."""
        return _covered(draw.ellipse(ground.size, *self._measures()))


@dataclass(frozen=True)
class PolygonShape:
    """The area inside a closed path."""

    points: tuple[Point, ...]

    def corners(self) -> tuple[Point, ...]:
        """Return its outline."""
        return self.points

    def text(self, ground: Ground) -> str:  # noqa: ARG002
        """`poly x,y x,y x,y …`."""
        return "poly " + " ".join(pair(p) for p in self.points)

    def cover(self, ground: Ground) -> Cover | None:
        """Fill the path by the even-odd rule."""
        return _covered(draw.polygon(ground.size, [snapped(p) for p in self.points]))


@dataclass(frozen=True)
class WandShape:
    """The connected area whose colours are within `tolerance` of the colour under the point."""

    at: Point
    tolerance: int

    def text(self, ground: Ground) -> str:  # noqa: ARG002
        """`flood x,y TOLERANCE`."""
        return f"flood {floor(self.at[0])},{floor(self.at[1])} {self.tolerance}"

    def cover(self, ground: Ground) -> Cover | None:
        """Flood the picture from the point."""
        x, y = floor(self.at[0]), floor(self.at[1])
        if not _holds(ground.size, x, y):
            return None
        return _trimmed(to_amount(select.flood(ground.picture, x, y, self.tolerance) > 0))


@dataclass(frozen=True)
class FillShape:
    """The connected area of one mask value around a point: what an outline encloses."""

    at: Point

    def _outline(self, ground: Ground) -> PolygonShape | None:
        x, y = floor(self.at[0]), floor(self.at[1])
        if not _holds(ground.size, x, y):
            return None
        masked = ground.mask >= 128
        same = to_amount(masked == masked[y, x])
        cv2.floodFill(same, None, (x, y), FLOODED)
        return outline(to_amount(same == FLOODED))

    def text(self, ground: Ground) -> str:
        """The outline of what is filled, as `poly`."""
        shape = self._outline(ground)
        return "none" if shape is None else shape.text(ground)

    def cover(self, ground: Ground) -> Cover | None:
        """Fill the outline; what lies inside it is filled with it."""
        shape = self._outline(ground)
        return None if shape is None else shape.cover(ground)


def around(corners: Sequence[Point]) -> Box:
    """Return the box around points."""
    across, down = [x for x, _ in corners], [y for _, y in corners]
    return Box(floor(min(across)), floor(min(down)), ceil(max(across)), ceil(max(down)))


def to_amount(chosen: np.ndarray) -> Mask8:
    """Turn a boolean area into a mask."""
    return np.where(chosen, 255, 0).astype(np.uint8)


def outline(area: Mask8) -> PolygonShape:
    """Return the outer outline of one connected area, (H, W): a polygon a quarter pixel inside its edge.

    So the middle of every pixel of its rim is inside and no other one is.
    """
    box = masked_box(area)
    block = area[box.slices]
    doubled = np.repeat(np.repeat(block, 2, axis=0), 2, axis=1)
    found, _ = cv2.findContours(doubled, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    corners = max(found, key=cv2.contourArea).reshape(-1, 2)
    quarter = (corners + 0.5) / 2 + np.array([box.left, box.top])
    return PolygonShape(tuple((float(x), float(y)) for x, y in quarter))


def _holds(size: Size, x: int, y: int) -> bool:
    return 0 <= x < size.width and 0 <= y < size.height


def masked_box(mask: Mask8) -> Box:
    """Return the box around all that is above 0; an empty one where nothing is."""
    left, top, width, height = cv2.boundingRect(mask)
    return Box(left, top, left + width, top + height)


def _trimmed(amount: Mask8) -> Cover:
    box = masked_box(amount)
    return Cover(box, amount[box.slices])


def tail(path: BrushShape, seen: int) -> BrushShape:
    """Return the part of a path after its first `seen` points."""
    return BrushShape(path.points[seen - 1 :], path.size_px) if seen > 0 else path
