"""The surroundings, blurred into the hole: colours fit, nothing else is said."""

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch.arrays import RGB, Mask
from retouch.content import CONTENT
from retouch.opacity import mix

BLURS = ((256.0, 1), (64.0, 1), (16.0, 2), (4.0, 4), (2.0, 2))
"""Standard deviation in pixels of each blur and how often it is laid over the coarser ones."""
SHARPEST = 2.0
"""A level is blurred by at least this many of its own pixels; wider blurs are taken from a smaller level."""
FAINT = 1e-3
"""Opacity of the mean colour under all blurs; it shows only where none of them reaches."""

Layer: TypeAlias = NDArray[np.float32]
"""Premultiplied colour and opacity, (h, w, 4), 0..255."""


@CONTENT.register
def fill(image: RGB, mask: Mask, seed: int) -> RGB:  # noqa: ARG001  (the protocol's signature)
    """Composite ever narrower Gaussian blurs of the kept pixels, so that each spot takes the nearest colours.

    The method of "fill" in the web UIs, on a pyramid: a wide blur needs few pixels.
    """
    if not (mask < 1).any():
        return np.full_like(image, 127)
    filled = cv2.resize(_composite(_kept(image, mask)), image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return mix(image, np.asarray(filled, np.uint8), mask)


def _kept(image: RGB, mask: Mask) -> Layer:
    """The kept pixels at half size, the masked ones transparent."""
    keep = np.asarray(cv2.convertScaleAbs(1 - mask, alpha=255), np.uint8)
    channels = [cv2.multiply(channel, keep, scale=1 / 255) for channel in cv2.split(image)]
    return _half(np.asarray(cv2.merge([*channels, keep]))).astype(np.float32)


def _half(layer: NDArray[np.generic]) -> NDArray[np.generic]:
    size = (layer.shape[1] + 1) // 2, (layer.shape[0] + 1) // 2
    return np.asarray(cv2.resize(layer, size, interpolation=cv2.INTER_AREA))


def _composite(kept: Layer) -> RGB:
    """Blur and lay over each other, coarse levels first; the result has half the picture's size."""
    levels = [kept]
    while 2 ** (len(levels) + 1) * SHARPEST <= BLURS[0][0] and min(levels[-1].shape[:2]) > 1:
        levels.append(np.asarray(_half(levels[-1]), np.float32))
    everything = levels[-1].sum(axis=(0, 1))
    out = np.broadcast_to(everything / everything[3] * 255 * FAINT, (1, 1, 4)).astype(np.float32)
    for sigma, repeats in BLURS:
        depth = min(int(np.log2(sigma / SHARPEST)) - 1, len(levels) - 1)
        level = levels[max(depth, 0)]
        out = np.asarray(cv2.resize(out, level.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.float32)
        out = _over(cv2.GaussianBlur(level, (0, 0), sigma / 2 ** (max(depth, 0) + 1)), out, repeats)
    return np.asarray(np.clip(np.rint(out[..., :3] / out[..., 3:] * 255), 0, 255), np.uint8)


def _over(layer: Layer, out: Layer, repeats: int) -> Layer:
    """Lay a premultiplied layer over another `repeats` times: its opacity a becomes 1 - (1 - a)^repeats."""
    opacity = np.clip(layer[..., 3:] / 255, 1e-6, 1)
    total = 1 - (1 - opacity) ** repeats
    return np.asarray(layer * (total / opacity) + out * (1 - total), np.float32)
