"""Lay the preview of a running step over the picture, where it will be joined."""

import cv2
import numpy as np

from retouch.arrays import RGB
from retouch.geometry import Box, Size
from retouch_tui.layers import Mask8


def laid_over(picture: RGB, mask: Mask8, preview: RGB, box: Box) -> RGB:
    """Return a copy of the picture with a small preview enlarged to `box` and shown under the mask."""
    inside = box.clamp(Size(picture.shape[1], picture.shape[0]))
    if inside.empty:
        return picture
    patch = cv2.resize(preview, (box.width, box.height), interpolation=cv2.INTER_LINEAR)
    rows, columns = inside.shift(-box.left, -box.top).slices
    amount = mask[inside.slices].astype(np.float32)[:, :, None] / 255
    result = picture.copy()
    mixed = result[inside.slices] * (1 - amount) + patch[rows, columns] * amount
    result[inside.slices] = np.rint(mixed).astype(np.uint8)
    return result
