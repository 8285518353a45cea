"""Opacity of a patch: fades inside a mask, rings outside it, and the mixing itself."""

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch.arrays import RGB, Mask

Depth: TypeAlias = NDArray[np.float32]
"""Distance to the nearest pixel outside, (H, W), px; 0 outside, 1 on the first pixel inside."""

FEW = 64
"""Areas up to this count are measured one by one, which is faster than one pass over scattered labels."""


def depth(inside: NDArray[np.bool_]) -> Depth:
    """Measure how deep each pixel lies inside; the picture's border is no edge, so nothing fades towards it."""
    return np.asarray(cv2.distanceTransform(inside.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5), np.float32)


def fade_width(inside: Depth, width_px: float) -> Depth:
    """Limit a fade to half the greatest depth of the area a pixel belongs to, at least 1 px; (H, W).

    A stroke thinner than its fade would else never become opaque.
    """
    reached = (inside > 0).view(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(reached, connectivity=8, ltype=cv2.CV_32S)
    if count > FEW:
        deepest = np.zeros(count, np.float32)
        np.maximum.at(deepest, labels.ravel(), inside.ravel())
        return np.asarray(np.clip(deepest / 2, 1, width_px)[labels], np.float32)
    width = np.full(inside.shape, width_px, np.float32)
    for label in range(1, count):
        left, top, across, down, _ = stats[label]
        here = np.s_[top : top + down, left : left + across]
        mine = labels[here] == label
        half = max(1.0, float(inside[here].max(where=mine, initial=0)) / 2)
        if half < width_px:
            width[here][mine] = half
    return width


def smoothstep(t: NDArray[np.float32]) -> NDArray[np.float32]:
    """Ease 0..1 with zero slope at both ends, so that neither end of a fade shows as a line."""
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)


def reach(mask: Mask, outward_px: float) -> Mask:
    """Say which pixels may change: the mask, opaque also in the ring of `outward_px` outside its half level."""
    solid = mask >= 0.5
    if outward_px <= 0 or not solid.any():
        return mask.copy()
    return np.where(depth(~solid) <= outward_px, np.float32(1), mask)


def with_ring(mask: Mask, outward_px: float) -> Mask:
    """Add a ring that falls from 1 to 0 over `outward_px` outside the mask's half level; its support is `reach`."""
    solid = mask >= 0.5
    if outward_px <= 0 or not solid.any():
        return mask
    distance = depth(~solid)
    ring = np.where(distance <= outward_px, smoothstep(1 - distance / np.float32(outward_px + 1)), np.float32(0))
    return np.maximum(mask, ring)


def mix(picture: RGB, patch: RGB, alpha: Mask) -> RGB:
    """Lay the patch over the picture; alpha 0 keeps the picture's byte and alpha 1 takes the patch's."""
    mixed = np.asarray(cv2.blendLinear(patch, picture, alpha, 1 - alpha), np.uint8)
    cv2.copyTo(picture, (alpha == 0).view(np.uint8), mixed)
    return mixed
