"""Change the canvas, never the pixels: add empty space or cut some off, on each side."""

from dataclasses import dataclass

import numpy as np

from retouch.arrays import RGB, Alpha, Mask
from retouch.canvas import size_of
from retouch.errors import PictureError, UnknownName
from retouch.geometry import Box, Size, length_px

ANCHORS = {
    "top-left": (0, 0),
    "top": (1, 0),
    "top-right": (2, 0),
    "left": (0, 1),
    "center": (1, 1),
    "right": (2, 1),
    "bottom-left": (0, 2),
    "bottom": (1, 2),
    "bottom-right": (2, 2),
}
"""Where the old picture stays put: halves of the spare columns left of it, and of the spare rows above it."""

GREY = (127, 127, 127)
"""Colour of new space until something is painted there: the middle grey that the model is shown under a mask."""

LARGEST = 1 << 28
"""Most pixels of a canvas (16384 x 16384)."""


@dataclass(frozen=True, kw_only=True)
class Margins:
    """Pixels to add on each side; negative ones are cut off."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0

    @classmethod
    def of(
        cls,
        size: Size,
        *,
        left: str | float = 0,
        top: str | float = 0,
        right: str | float = 0,
        bottom: str | float = 0,
    ) -> "Margins":
        """From lengths in pixels or per cent (`25%`) of the picture's width or height."""
        return cls(
            left=length_px(left, size.width),
            top=length_px(top, size.height),
            right=length_px(right, size.width),
            bottom=length_px(bottom, size.height),
        )

    @classmethod
    def to(cls, size: Size, target: Size, anchor: str = "center") -> "Margins":
        """What brings a picture to a target size while the anchor stays put; an odd pixel is added
        right and down, or cut left and top."""
        if anchor not in ANCHORS:
            raise UnknownName("anchor", anchor, ANCHORS)
        across, down = ANCHORS[anchor]
        dx, dy = target.width - size.width, target.height - size.height
        left, top = dx * across // 2, dy * down // 2
        return cls(left=left, top=top, right=dx - left, bottom=dy - top)


@dataclass(frozen=True, eq=False)
class Canvas:
    """A picture on its new canvas.

    `alpha` is 0 in the new space, `mask` is 1 there and 0 elsewhere, `old` is where what is left of the
    old picture lies; its pixels are the old ones, byte for byte.
    """

    pixels: RGB
    alpha: Alpha
    mask: Mask
    old: Box


def resize_canvas(pixels: RGB, alpha: Alpha | None, margins: Margins, fill: tuple[int, int, int] = GREY) -> Canvas:
    """Add or cut space on each side of a picture, (H, W, 3), and its opacity, (H, W) or opaque."""
    old = size_of(pixels)
    new = Size(old.width + margins.left + margins.right, old.height + margins.top + margins.bottom)
    if min(new) < 1:
        raise PictureError(f"nothing would be left of the picture ({old}); cut off less than its whole side")
    if new.area > LARGEST:
        raise PictureError(f"a canvas of {new} is too large; stay below {LARGEST // 1_000_000} million pixels")
    kept = Box.of(old).shift(margins.left, margins.top).clamp(new)
    if kept.empty:
        raise PictureError(f"nothing would be left of the picture ({old}); cut off less than its whole side")
    source = kept.shift(-margins.left, -margins.top).slices
    grown = np.full((new.height, new.width, 3), fill, np.uint8)
    opacity = np.zeros((new.height, new.width), np.uint8)
    mask = np.ones((new.height, new.width), np.float32)
    grown[kept.slices] = pixels[source]
    opacity[kept.slices] = 255 if alpha is None else alpha[source]
    mask[kept.slices] = 0
    return Canvas(grown, opacity, mask, kept)


def closest_valid_size(size: Size, multiple: int) -> Size:
    """The largest size on the grid that a crop can reach."""
    width, height = (side // multiple * multiple for side in size)
    if min(width, height) == 0:
        raise PictureError(
            f"the picture ({size}) is smaller than one step of the grid ({multiple} pixels); "
            "add space on its sides instead"
        )
    return Size(width, height)


def crop_to_grid(pixels: RGB, alpha: Alpha | None, multiple: int, anchor: str = "center") -> Canvas:
    """Cut a picture to the closest valid size; pixels are never rescaled."""
    size = size_of(pixels)
    return resize_canvas(pixels, alpha, Margins.to(size, closest_valid_size(size, multiple), anchor))
