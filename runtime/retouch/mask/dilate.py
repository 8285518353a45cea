"""Dilation of a soft mask by a disc, one row of the disc at a time."""

from math import sqrt

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch.arrays import Mask

LEVELS = 65535
"""Soft values are compared in steps of 1/65535; the result is never below the mask itself."""


def dilate_grey(mask: Mask, radius_px: float) -> Mask:
    """Give each pixel of (H, W) the largest value within `radius_px`, distances between pixel centres.

    A disc is a stack of rows. From its poles to its middle they only grow, so each row's running maximum is
    made from the one before, and the work grows with the radius and not with its square.
    """
    wide = _levels(mask)
    scale = np.float32(np.iinfo(wide.dtype).max)
    best = wide.copy()
    (height, width), half = mask.shape, 0
    for dy in range(min(int(radius_px + 1e-3), height - 1), -1, -1):
        step = min(int(sqrt(radius_px**2 - dy**2 + 1e-3)), width - 1) - half
        if step > 0:
            wide = cv2.dilate(wide, np.ones((1, 2 * step + 1), np.uint8))
            half += step
        np.maximum(best[dy:], wide[: height - dy], out=best[dy:])
        np.maximum(best[: height - dy], wide[dy:], out=best[: height - dy])
    grown: Mask = np.maximum(best.astype(np.float32) / scale, mask)
    return grown


def _levels(mask: Mask) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """The mask in whole steps: 8 bits if that loses nothing but float rounding, else 16."""
    small: NDArray[np.uint8] = cv2.convertScaleAbs(mask, alpha=255)
    if np.abs(small.astype(np.float32) / np.float32(255) - mask).max() < 1e-6:
        return small
    large: NDArray[np.uint16] = np.rint(mask * np.float32(LEVELS)).astype(np.uint16)
    return large
