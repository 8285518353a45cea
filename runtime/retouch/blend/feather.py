"""The patch fades in from the edge of the mask towards its middle."""

import numpy as np

from retouch.arrays import RGB, Mask
from retouch.blend import BLENDS, Blend, BlendOptions
from retouch.opacity import depth, fade_width, mix, reach, smoothstep


@BLENDS.register
def feather(options: BlendOptions) -> Blend:
    """Fade over `radius_px` inside the mask, plus over the ring outside it when one was asked for."""

    def blend(picture: RGB, patch: RGB, mask: Mask) -> RGB:
        return mix(picture, patch, feathered(mask, options.radius_px, options.outward_px))

    return blend


def feathered(mask: Mask, radius_px: float, outward_px: float = 0.0) -> Mask:
    """Fade a mask inward; radius 0 is the identity and, without a ring, a pixel at 0 stays at 0."""
    alpha = reach(mask, outward_px)
    inside = depth(alpha > 0)
    width = fade_width(inside, radius_px + max(outward_px, 0.0) + 1)
    fading = (inside > 0) & (inside < width)
    alpha[fading] = np.minimum(alpha[fading], smoothstep(inside[fading] / width[fading]))
    return alpha
