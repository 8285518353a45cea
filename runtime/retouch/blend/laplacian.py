"""Each octave of detail fades over its own width: fine detail almost at once, broad colour slowly."""

from collections.abc import Sequence
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch.arrays import RGB, Mask
from retouch.blend import BLENDS, Blend, BlendOptions
from retouch.opacity import depth, fade_width, mix, reach, smoothstep

FADE_PX = 4.0
"""Width of the fade of the finest octave; each coarser one is twice as wide."""

Plane: TypeAlias = NDArray[np.float32]
"""One colour channel of the difference patch - picture, (h, w), levels."""


@BLENDS.register
def laplacian(options: BlendOptions) -> Blend:
    """Blend in `levels` octaves (Burt & Adelson 1983, "A multiresolution spline with application to image mosaics").

    The original lets every octave fade to both sides of the edge. Here all fades lie inside the mask, or inside the
    ring when one was asked for, because the other side must keep its bytes.
    """

    def blend(picture: RGB, patch: RGB, mask: Mask) -> RGB:
        alpha = reach(mask, options.outward_px)
        opacities = _opacities(alpha, options.levels)
        channels = [
            cv2.add(ours, _faded(np.asarray(cv2.subtract(theirs, ours, dtype=cv2.CV_32F)), opacities), dtype=cv2.CV_8U)
            for ours, theirs in zip(cv2.split(picture), cv2.split(patch), strict=True)
        ]
        return mix(picture, np.asarray(cv2.merge(channels), np.uint8), (alpha > 0).astype(np.float32))

    return blend


def _opacities(alpha: Mask, levels: int) -> list[Mask]:
    """Opacity of each octave at its own resolution, finest first."""
    inside = depth(alpha > 0)
    fades = [FADE_PX * 2**level for level in range(levels + 1)]
    limit = fade_width(inside, fades[-1])
    opacities = []
    for fade_px in fades:
        width = np.minimum(limit, np.float32(fade_px))
        opacities.append(np.minimum(alpha, smoothstep(np.asarray(inside / width, np.float32))))
        if min(alpha.shape) < 4:
            break
        half = (alpha.shape[1] + 1) // 2, (alpha.shape[0] + 1) // 2
        alpha, inside, limit = (
            np.asarray(cv2.resize(a, half, interpolation=cv2.INTER_AREA), np.float32) for a in (alpha, inside, limit)
        )
    return opacities


def _faded(difference: Plane, opacities: Sequence[Mask]) -> Plane:
    """Split off one octave, let it fade by its opacity, and treat the rest the same way at half the resolution."""
    if len(opacities) == 1:
        return difference * opacities[0]
    size = difference.shape[1::-1]
    smaller = cv2.pyrDown(difference)
    octave = np.asarray(cv2.subtract(difference, cv2.pyrUp(smaller, dstsize=size)), np.float32)
    octave *= opacities[0]
    return np.asarray(cv2.add(octave, cv2.pyrUp(_faded(smaller, opacities[1:]), dstsize=size)), np.float32)
