"""Renders what the canvas shows, picture, mask, comparison and surroundings, into view pixels.

Every function of a block gives the same bytes as that block of the whole, so a stroke repaints its own
place and nothing else.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from retouch.arrays import RGB, Alpha
from retouch.geometry import Box, Size
from retouch_tui.layers import Mask8, Sketch
from retouch_tui.pyramid import Pyramid
from retouch_tui.terminal.colour import Pixels
from retouch_tui.view import View

SURROUNDINGS = (24, 24, 24)
CHECKER = ((58, 58, 58), (84, 84, 84))
"""Nothing there yet: transparent, or inside the frame but outside the picture."""

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


@dataclass(frozen=True, eq=False, kw_only=True)
class Scene:
    """What there is to see, all at picture resolution.

    compare is the picture before, of the same size; regions are numbered boxes (the fix list); frame is
    the picture to be, which may reach beyond the picture's edges.
    """

    picture: RGB
    mask: Mask8
    strokes: Sketch | None = None
    compare: RGB | None = None
    alpha: Alpha | None = None
    regions: tuple[tuple[Box, str], ...] = ()
    frame: Box | None = None

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

    def __init__(self, scene: Scene) -> None:
        """Take the scene; its arrays are read, never written."""
        self._scene = scene
        self._picture = Pyramid(_sketched(scene))
        self._mask = Pyramid(scene.mask)
        self._compare = None if scene.compare is None else Pyramid(scene.compare)
        self._alpha = None if scene.alpha is None else Pyramid(scene.alpha)

    @property
    def scene(self) -> Scene:
        """The scene as last taken."""
        return self._scene

    def follow(self, scene: Scene, box: Box) -> None:
        """Take a scene of the same size that differs inside the box only."""
        before, self._scene = self._scene, scene
        box = box.clamp(scene.size)
        self._mask.replace(scene.mask, box)
        if scene.strokes is not None or before.strokes is not None:
            block = Scene(
                picture=scene.picture[box.slices],
                mask=scene.mask[box.slices],
                strokes=None if scene.strokes is None else scene.strokes[box.slices],
            )
            picture = self._picture.full.copy() if before.strokes is None else self._picture.full
            picture[box.slices] = _sketched(block)
            self._picture.replace(picture, box)
        else:
            self._picture.replace(scene.picture, box)

    def render(self, view: View, look: Look, block: Box) -> tuple[Pixels, Mask8]:
        """Return the view pixels of a block (in view pixels) and how much of each is masked, 0..255."""
        inside = self._inside(view, block)
        cover = self._cover(view, block.pad(1))
        cover = np.where(self._inside(view, block.pad(1)), cover, np.uint8(0))
        here = cover[1:-1, 1:-1]
        if look.mask_only:
            shown = np.repeat(here[..., None], 3, axis=2)
            return np.where(inside[..., None], shown, np.array(SURROUNDINGS, np.uint8)), here
        pixels = np.where(inside[..., None], self._seen(view, look, block), self._beyond(view, block))
        if look.side is Side.WIPE and self._compare is not None:
            pixels = _divided(pixels, view, look, block)
        if look.tint is Tint.OFF or not here.any():
            return pixels, here
        return _tinted(pixels, cover, look.tint, look.strength), here

    def _sample(self, pyramid: Pyramid, view: View, block: Box) -> NDArray[np.uint8]:
        left, top = _corner(view)
        return pyramid.sample(view.scale, (left + block.left, top + block.top), (block.width, block.height))

    def _cover(self, view: View, block: Box) -> Mask8:
        return self._sample(self._mask, view, block)

    def _seen(self, view: View, look: Look, block: Box) -> Pixels:
        """The picture, or the one before, or both side by side."""
        if self._compare is None or look.side is Side.AFTER:
            pixels = self._sample(self._picture, view, block)
        elif look.side is Side.BEFORE:
            pixels = self._sample(self._compare, view, block)
        else:
            old = np.arange(block.left, block.right) < look.wipe * view.width
            pixels = np.where(
                old[None, :, None],
                self._sample(self._compare, view, block),
                self._sample(self._picture, view, block),
            )
        if self._alpha is None:
            return pixels
        opaque = self._sample(self._alpha, view, block)[..., None].astype(np.int32)
        mixed = (pixels * opaque + _checker(view, block) * (255 - opaque) + 127) // 255
        return mixed.astype(np.uint8)

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


def _sketched(scene: Scene) -> RGB:
    """The picture with the colour strokes above it."""
    if scene.strokes is None:
        return scene.picture
    opacity = scene.strokes[..., 3:].astype(np.int32)
    mixed = (scene.picture * (255 - opacity) + scene.strokes[..., :3] * opacity + 127) // 255
    return mixed.astype(np.uint8)
