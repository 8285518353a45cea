"""Opacity of the patch: what a blend makes of a mask before it mixes."""

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch.arrays import RGB, Mask

Depth: TypeAlias = NDArray[np.float32]
"""Distance to the nearest unmasked pixel, (H, W), px; 0 there, 1 on the first masked pixel beside it."""


def depth(inside: NDArray[np.bool_]) -> Depth:
    """Measure how deep each pixel lies inside; the picture's border is no edge, so nothing fades towards it."""
    return np.asarray(cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)


def smoothstep(t: NDArray[np.float32]) -> NDArray[np.float32]:
    """Ease 0..1 with zero slope at both ends, so that neither end of a fade shows as a line."""
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)


def with_ring(mask: Mask, outward_px: float) -> Mask:
    """Add a ring that falls from 1 to 0 over `outward_px` outside the mask's half level."""
    solid = mask >= 0.5
    if outward_px <= 0 or not solid.any():
        return mask
    ring = smoothstep(1 - depth(~solid) / np.float32(outward_px + 1))
    return np.maximum(mask, ring)


def mix(picture: RGB, patch: RGB, alpha: Mask) -> RGB:
    """Lay the patch over the picture; alpha 0 keeps the picture's byte and alpha 1 takes the patch's."""
    mixed = np.asarray(cv2.blendLinear(patch, picture, alpha, 1 - alpha), np.uint8)
    return np.where((alpha == 0)[..., None], picture, mixed)
