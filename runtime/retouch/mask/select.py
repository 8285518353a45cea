"""Make masks from what a picture shows: its transparency, a colour, a patch of even colour, a mask file's pixels."""

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch.arrays import RGB, Alpha, Mask
from retouch.canvas import size_of
from retouch.errors import PictureError

Colour = tuple[int, int, int]
"""sRGB, 0..255 each."""


def from_transparency(alpha: Alpha) -> Mask:
    """Repaint what is transparent: 1 - alpha / 255, so half transparent pixels are half masked."""
    return (255 - alpha).astype(np.float32) / np.float32(255)


def from_opacity(alpha: Alpha) -> Mask:
    """Repaint what is opaque: for a mask file that was painted on an empty layer."""
    return alpha.astype(np.float32) / np.float32(255)


def by_colour(pixels: RGB, colour: Colour, tolerance: int) -> Mask:
    """Select every pixel of (H, W, 3) whose channels all lie within `tolerance` (0..255) of a colour."""
    centre = np.asarray(colour, np.int64)
    low, high = np.clip(centre - tolerance, 0, 255), np.clip(centre + tolerance, 0, 255)
    chosen: NDArray[np.uint8] = cv2.inRange(np.ascontiguousarray(pixels), low.astype(np.uint8), high.astype(np.uint8))
    return (chosen > 0).astype(np.float32)


def flood(pixels: RGB, x: int, y: int, tolerance: int) -> Mask:
    """Select what hangs together (4 neighbours) with pixel (x, y) and is within `tolerance` of its colour."""
    size = size_of(pixels)
    if not (0 <= x < size.width and 0 <= y < size.height):
        raise PictureError(f"the flood starts at {x},{y}, outside the picture ({size}); choose a point inside")
    filled = np.zeros((size.height + 2, size.width + 2), np.uint8)  # OpenCV wants a frame of one pixel
    flags = 4 | cv2.FLOODFILL_FIXED_RANGE | cv2.FLOODFILL_MASK_ONLY | (1 << 8)
    reach = (tolerance,) * 3
    cv2.floodFill(np.array(pixels, order="C"), filled, (x, y), 0, reach, reach, flags)
    return filled[1:-1, 1:-1].astype(np.float32)
