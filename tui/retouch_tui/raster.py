"""Renders what the canvas shows, picture, mask, comparison and surroundings, into view pixels.

Every function of a block gives the same bytes as that block of the whole, so a stroke repaints its own
place and nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch.arrays import RGB, Alpha
from retouch.geometry import Box, Size
from retouch_tui.layers import Mask8, Point, Sketch
from retouch_tui.preview import Preview
from retouch_tui.pyramid import Plane, Pyramid
from retouch_tui.terminal.colour import Pixels
from retouch_tui.view import View

SURROUNDINGS = (24, 24, 24)
CHECKER = ((58, 58, 58), (84, 84, 84))
"""Nothing there yet: transparent, or inside the frame but outside the picture."""

SUBPIXEL = 4
FARTHEST = 1 << 20
"""Bits after the binary point of a shape under way, and where it is cut off far outside the canvas."""

CHECKER_SIDE = 4
DIVIDER = (245, 245, 245)


class Tint(StrEnum):
    """The colour of the mask."""

    BLUE = "blue"
    RED = "red"
    OFF = "off"

    def following(self) -> "Tint":
        """Return the next tint of the cycle."""
        order = list(Tint)
        return order[(order.index(self) + 1) % len(order)]


TINTS = {Tint.BLUE: ((40, 110, 255), (150, 190, 255)), Tint.RED: ((255, 50, 50), (255, 175, 165))}
"""Fill and the lighter outline of each tint."""


class Side(StrEnum):
    """Which picture is shown where there are two to compare."""

    AFTER = "after"
    BEFORE = "before"
    WIPE = "wipe"


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A shape under way: shown at the resolution of the view, drawn into the mask when it is finished."""

    corners: tuple[Point, ...]
    """Its outline, closed, in picture coordinates."""
    erase: bool = False


@dataclass(frozen=True, eq=False, kw_only=True)
class Scene:
    """What there is to see, all but preview and drawing at picture resolution.

    compare is the picture before, of the same size; regions are numbered boxes (the fix list); frame is
    the picture to be, which may reach beyond the picture's edges; preview is seen under the mask.
    """

    picture: RGB
    mask: Mask8
    strokes: Sketch | None = None
    compare: RGB | None = None
    alpha: Alpha | None = None
    regions: tuple[tuple[Box, str], ...] = ()
    frame: Box | None = None
    preview: Preview | None = None
    drawing: Drawing | None = None

    @property
    def size(self) -> Size:
        """Size of the picture."""
        height, width = self.picture.shape[:2]
        return Size(width, height)

    @property
    def extent(self) -> Box:
        """Picture and frame together."""
        whole = Box.of(self.size)
        return whole if self.frame is None else whole.union(self.frame)


@dataclass(frozen=True, kw_only=True)
class Look:
    """How the scene is shown.

    strength is the per cent of the tint in a fully masked pixel; wipe is the place of the divider, 0 at the
    canvas's left edge .. 1 at its right one.
    """

    tint: Tint = Tint.BLUE
    strength: int = 55
    mask_only: bool = False
    side: Side = Side.AFTER
    wipe: float = 0.5


class Raster:
    """A scene prepared for being looked at from any view."""

    def __init__(self, scene: Scene, like: "Raster | None" = None) -> None:
        """Take the scene, whose arrays are read, never written; what `like` knows of the same arrays is used again."""
        self._scene = scene
        known: list[Pyramid] = [] if like is None else like._pyramids()

        def pyramid(plane: Plane) -> Pyramid:
            return next((p for p in known if p.full is plane), None) or Pyramid(plane)

        self._picture: Pyramid = pyramid(scene.picture)
        self._mask: Pyramid = pyramid(scene.mask)
        self._strokes: Pyramid | None = None if scene.strokes is None else pyramid(scene.strokes)
        self._compare: Pyramid | None = None if scene.compare is None else pyramid(scene.compare)
        self._alpha: Pyramid | None = None if scene.alpha is None else pyramid(scene.alpha)

    def _pyramids(self) -> list[Pyramid]:
        found = (self._picture, self._mask, self._strokes, self._compare, self._alpha)
        return [pyramid for pyramid in found if pyramid is not None]

    @property
    def scene(self) -> Scene:
        """The scene as last taken."""
        return self._scene

    def unknown_px(self, scene: Scene) -> int:
        """Count the pixels of a scene's arrays that `Raster(scene, self)` would have to look at."""
        known = [pyramid.full for pyramid in self._pyramids()]
        planes = (scene.picture, scene.mask, scene.strokes, scene.compare, scene.alpha)
        return scene.size.area * sum(not any(p is k for k in known) for p in planes if p is not None)

    def prepare(self, view: View) -> None:
        """Do what takes long, for a view and for closer ones."""
        for pyramid in self._pyramids():
            pyramid.prepare(view.scale)

    def lay(self, scene: Scene) -> None:
        """Take a scene of the same arrays: only what lies above them differs, preview, drawing, frame and regions."""
        self._scene = scene

    def follow(self, scene: Scene, box: Box) -> None:
        """Take a scene of the same size whose mask and strokes differ inside the box only."""
        self._scene = scene
        box = box.clamp(scene.size)
        self._mask.replace(scene.mask, box)
        if self._strokes is not None and scene.strokes is not None:
            self._strokes.replace(scene.strokes, box)
        else:
            self._strokes = None if scene.strokes is None else Pyramid(scene.strokes)

    def followed(self, scene: Scene, boxes: Sequence[Box]) -> "Raster":
        """Return the raster that `follow` would make of this one, which stays as it is: for a thread."""
        fresh = Raster(scene, self)
        inside = [box.clamp(scene.size) for box in boxes]
        fresh._mask = self._mask.followed(scene.mask, inside)
        if self._strokes is not None and scene.strokes is not None:
            fresh._strokes = self._strokes.followed(scene.strokes, inside)
        return fresh

    def render(self, view: View, look: Look, block: Box) -> tuple[Pixels, Mask8]:
        """Return the view pixels of a block (in view pixels) and how much of each is masked, 0..255."""
        inside = self._inside(view, block)
        cover = self._cover(view, block.pad(1))
        here = cover[1:-1, 1:-1]
        if look.mask_only:
            shown = np.repeat(here[..., None], 3, axis=2)
            return np.where(inside[..., None], shown, np.array(SURROUNDINGS, np.uint8)), here
        seen = self._seen(view, look, block)
        if self._scene.preview is not None:
            seen = self._scene.preview.over(seen, here, view, block)
        pixels = np.where(inside[..., None], seen, self._beyond(view, block))
        if look.side is Side.WIPE and self._compare is not None:
            pixels = _divided(pixels, view, look, block)
        if look.tint is Tint.OFF or not here.any():
            return pixels, here
        return _tinted(pixels, cover, look.tint, look.strength), here

    def _sample(self, pyramid: Pyramid, view: View, block: Box) -> NDArray[np.uint8]:
        left, top = _corner(view)
        return pyramid.sample(view.scale, (left + block.left, top + block.top), (block.width, block.height))

    def _cover(self, view: View, block: Box) -> Mask8:
        cover: Mask8 = self._sample(self._mask, view, block)
        drawing = self._scene.drawing
        if drawing is not None:
            drawn = _drawn(drawing, view, block)
            cover = np.minimum(cover, 255 - drawn) if drawing.erase else np.maximum(cover, drawn)
        shown: Mask8 = np.where(self._inside(view, block), cover, np.uint8(0))
        return shown

    def _seen(self, view: View, look: Look, block: Box) -> Pixels:
        """The picture, or the one before, or both side by side."""
        if self._compare is None or look.side is Side.AFTER:
            pixels = self._worked_on(view, block)
        elif look.side is Side.BEFORE:
            pixels = self._sample(self._compare, view, block)
        else:
            old = np.arange(block.left, block.right) < look.wipe * view.width
            pixels = np.where(
                old[None, :, None],
                self._sample(self._compare, view, block),
                self._worked_on(view, block),
            )
        if self._alpha is None:
            return pixels
        opaque = self._sample(self._alpha, view, block)[..., None].astype(np.int32)
        mixed = (pixels * opaque + _checker(view, block) * (255 - opaque) + 127) // 255
        return mixed.astype(np.uint8)

    def _worked_on(self, view: View, block: Box) -> Pixels:
        """The picture with the colour strokes above it."""
        pixels: Pixels = self._sample(self._picture, view, block)
        if self._strokes is None:
            return pixels
        over = self._sample(self._strokes, view, block).astype(np.int32)
        # A stroke has no colour where it is not opaque, so its mean is weighted by its opacity already.
        mixed = (pixels * (255 - over[..., 3:]) + over[..., :3] * 255 + 127) // 255
        return np.asarray(np.minimum(mixed, 255), np.uint8)

    def _inside(self, view: View, block: Box) -> NDArray[np.bool_]:
        return _within(view, block, Box.of(self._scene.size))

    def _beyond(self, view: View, block: Box) -> Pixels:
        plain = np.array(SURROUNDINGS, np.uint8)
        if self._scene.frame is None:
            return np.broadcast_to(plain, (block.height, block.width, 3))
        framed = _within(view, block, self._scene.frame)[..., None]
        return np.where(framed, _checker(view, block), plain)


def _corner(view: View) -> tuple[int, int]:
    """The first view pixel of the canvas, counted from the picture's corner."""
    left, top = view.origin
    x_scale, y_scale = view.scale
    return round(left * x_scale), round(top * y_scale)


def _within(view: View, block: Box, box: Box) -> NDArray[np.bool_]:
    """Which view pixels have their centre in a box of the picture."""
    left, top = _corner(view)
    x = (np.arange(block.left, block.right) + left + 0.5) / view.scale[0]
    y = (np.arange(block.top, block.bottom) + top + 0.5) / view.scale[1]
    across = (x >= box.left) & (x < box.right)
    down = (y >= box.top) & (y < box.bottom)
    return np.asarray(down[:, None] & across[None, :])


def _checker(view: View, block: Box) -> Pixels:
    left, top = _corner(view)
    x = (np.arange(block.left, block.right) + left) // (CHECKER_SIDE * view.across)
    y = (np.arange(block.top, block.bottom) + top) // (CHECKER_SIDE * view.down // 2)
    return np.asarray(np.array(CHECKER, np.uint8)[(x[None, :] + y[:, None]) % 2])


def _divided(pixels: Pixels, view: View, look: Look, block: Box) -> Pixels:
    column = round(look.wipe * view.width) - block.left
    if not 0 <= column < block.width:
        return pixels
    drawn = pixels.copy()
    drawn[:, column] = DIVIDER
    return drawn


def _tinted(pixels: Pixels, cover: Mask8, tint: Tint, strength: int) -> Pixels:
    """Mix in the tint by the cover, which reaches one pixel further on all sides, and outline its edge."""
    fill, edge = (np.array(colour, np.int32) for colour in TINTS[tint])
    share = cover[1:-1, 1:-1].astype(np.int32)[..., None] * strength
    mixed = (pixels * (25500 - share) + fill * share + 12750) // 25500
    masked = cover >= 128
    around = masked[:-2, 1:-1] & masked[2:, 1:-1] & masked[1:-1, :-2] & masked[1:-1, 2:]
    outline = masked[1:-1, 1:-1] & ~around
    return np.where(outline[..., None], edge, mixed).astype(np.uint8)


def _drawn(drawing: Drawing, view: View, block: Box) -> Mask8:
    """How much of each view pixel of a block a shape under way covers: all or nothing."""
    drawn = np.zeros((block.height, block.width), np.uint8)
    left, top = view.origin
    corners = (np.array(drawing.corners) - (left, top)) * view.scale - (block.left + 0.5, block.top + 0.5)
    # OpenCV's coordinates have the centre of the first pixel at 0 and some bits behind the binary point.
    places = np.round(np.clip(corners, -FARTHEST, FARTHEST) * (1 << SUBPIXEL)).astype(np.int32)
    cv2.fillPoly(drawn, [places], 255, cv2.LINE_8, SUBPIXEL)
    return drawn
