"""What lies above the picture without being part of it: brush outline, crosshair, shapes, frame, numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch.geometry import Box
from retouch_tui.layers import Point
from retouch_tui.terminal.colour import Pixels, luminance
from retouch_tui.view import View

Ink: TypeAlias = NDArray[np.uint8]
"""What is drawn above each view pixel, (height, width): CLEAR, CONTRAST, LIGHT, DARK or ACCENT."""

CLEAR, CONTRAST, LIGHT, DARK, ACCENT = range(5)
INKS = np.array([[0, 0, 0], [255, 255, 255], [240, 240, 240], [20, 20, 20], [255, 190, 60]], np.uint8)
ARM = 3
"""Length of the crosshair's arms, in view pixels."""

LARGE_RING = 5
"""Radius, in view pixels, beyond which a ring is large."""

SUBPIXEL = 4
"""Bits after the binary point in OpenCV's drawing coordinates."""


@dataclass(frozen=True, kw_only=True)
class Outline:
    """A line through picture points, drawn in dashes; closed joins its ends."""

    points: tuple[Point, ...]
    closed: bool = False


@dataclass(frozen=True, kw_only=True)
class Overlay:
    """The pointer and the shape being drawn, in picture coordinates.

    radius is that of the brush in picture pixels; 0 draws none. With `crosshair` arms surround the cursor.
    While `painting` a large ring is left out: what is painted shows where the brush is, and a ring that moves
    costs more than the paint.
    """

    cursor: Point | None = None
    radius: float = 0.0
    crosshair: bool = False
    painting: bool = False
    outlines: tuple[Outline, ...] = ()


@dataclass(frozen=True)
class Label:
    """Text above the cells of one row; cells outside the canvas are left out."""

    column: int
    row: int
    text: str


def rectangle(box: Box) -> Outline:
    """Return the outline of a box."""
    corners = ((box.left, box.top), (box.right, box.top), (box.right, box.bottom), (box.left, box.bottom))
    return Outline(points=tuple((float(x), float(y)) for x, y in corners), closed=True)


def ellipse(box: Box) -> Outline:
    """Return the outline of the ellipse inside a box."""
    angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    x = (box.left + box.right) / 2 + np.cos(angle) * box.width / 2
    y = (box.top + box.bottom) / 2 + np.sin(angle) * box.height / 2
    return Outline(points=tuple(zip(x.tolist(), y.tolist(), strict=True)), closed=True)


def draw(view: View, overlay: Overlay, boxes: Sequence[Box], frame: Box | None) -> Ink:
    """Return the ink above a whole view: numbered boxes below, then frame, shapes and the pointer."""
    ink: Ink = np.zeros((view.height, view.width), np.uint8)
    for box in boxes:
        _trace(ink, view, rectangle(box), (LIGHT, CLEAR))
    if frame is not None:
        _trace(ink, view, rectangle(frame), (ACCENT, ACCENT))
    for outline in overlay.outlines:
        _trace(ink, view, outline, (LIGHT, DARK))
    if overlay.cursor is not None:
        _pointer(ink, view, overlay.cursor, overlay)
    return ink


def labels(view: View, regions: Sequence[tuple[Box, str]]) -> tuple[Label, ...]:
    """Return the numbers of regions, each in the upper left corner of its box, or at the canvas's edge near it."""
    found = []
    for box, text in regions:
        cells = view.cells_of(view.pixels_of(box))
        if not cells.empty:
            found.append(Label(cells.left, cells.top, f" {text} "))
    return tuple(found)


def inked(pixels: Pixels, ink: Ink) -> Pixels:
    """Return the view pixels with the ink above them; CONTRAST is white on dark and black on bright pixels."""
    if not ink.any():
        return pixels
    colour = INKS[ink]
    bright = (ink == CONTRAST) & (luminance(pixels) > 140)
    colour[bright] = 0
    return np.where((ink > CLEAR)[..., None], colour, pixels)


def _place(view: View, points: Sequence[Point]) -> NDArray[np.int32]:
    """OpenCV's coordinates: view pixels, the centre of the first one 0, cut far outside the canvas."""
    pixels = np.array([view.to_pixel(point) for point in points]) - 0.5
    return np.round(np.clip(pixels, -4096, 4096) * (1 << SUBPIXEL)).astype(np.int32)


def _trace(ink: Ink, view: View, outline: Outline, colours: tuple[int, int]) -> None:
    if not outline.points:
        return
    line = np.zeros_like(ink)
    cv2.polylines(line, [_place(view, outline.points)], outline.closed, 1, 1, cv2.LINE_8, SUBPIXEL)
    rows, columns = np.nonzero(line)
    dash = (rows + columns) // 2 % 2
    ink[rows, columns] = np.array(colours, np.uint8)[dash]


def _pointer(ink: Ink, view: View, cursor: Point, overlay: Overlay) -> None:
    x_scale, y_scale = view.scale
    centre = _place(view, [cursor])[0]
    axes = [round(overlay.radius * scale * (1 << SUBPIXEL)) for scale in (x_scale, y_scale)]
    centre_point = (int(centre[0]), int(centre[1]))
    ring = min(axes) >= 1 << SUBPIXEL and not (overlay.painting and max(axes) > LARGE_RING << SUBPIXEL)
    if ring and max(axes) < 1 << 15:
        cv2.ellipse(ink, centre_point, axes, 0, 0, 360, CONTRAST, 1, cv2.LINE_8, SUBPIXEL)
    x, y = round(centre[0] / (1 << SUBPIXEL)), round(centre[1] / (1 << SUBPIXEL))
    arms = [] if ring or overlay.crosshair else [(y, x)]
    for step in range(1, ARM + 1) if overlay.crosshair else ():
        arms += [(y, x - step * view.across), (y, x + step * view.across), (y - step, x), (y + step, x)]
    for row, column in arms:
        if 0 <= row < ink.shape[0] and 0 <= column < ink.shape[1]:
            ink[row, column] = CONTRAST
