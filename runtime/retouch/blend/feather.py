"""The patch fades in from the edge of the mask towards its middle."""

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch.arrays import RGB, Mask
from retouch.blend import BLENDS, Blend, BlendOptions
from retouch.blend._alpha import Depth, depth, mix, smoothstep


@BLENDS.register
def feather(options: BlendOptions) -> Blend:
    """Fade over `radius_px` inside the mask, plus over the ring outside it when one was asked for."""

    def blend(picture: RGB, patch: RGB, mask: Mask) -> RGB:
        return mix(picture, patch, feathered(mask, options.radius_px, options.outward_px))

    return blend


def feathered(mask: Mask, radius_px: float, outward_px: float = 0.0) -> Mask:
    """Fade a mask inward; radius 0 is the identity and a pixel at 0 stays at 0.

    An area too thin for the radius fades over half its own depth, else a thin stroke would never become opaque.
    """
    solid = mask >= 0.5
    reached = (mask > 0) | (depth(~solid) <= outward_px if outward_px > 0 and solid.any() else False)
    inside = depth(reached)
    width = np.minimum(np.float32(radius_px + max(outward_px, 0.0) + 1), _half_depth(reached, inside))
    full = np.where(reached & (mask == 0), np.float32(1), mask)
    return np.minimum(full, smoothstep(np.divide(inside, width, dtype=np.float32)))


def _half_depth(reached: NDArray[np.bool_], inside: Depth) -> Depth:
    """Half the greatest depth of the area each pixel belongs to, at least 1 px; (H, W)."""
    count, labels = cv2.connectedComponents(reached.astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    deepest = np.zeros(count, np.float32)
    np.maximum.at(deepest, labels.ravel(), inside.ravel())
    return np.asarray(np.maximum(deepest / 2, 1)[labels], np.float32)
