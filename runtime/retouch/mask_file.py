"""Masks and files: which channel of a picture marks, how a mask is stretched to another size, and how it is saved."""

from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np

from retouch.arrays import RGB, Alpha, Mask
from retouch.geometry import Size
from retouch.image_save import save_picture

_LUMA = np.array([299, 587, 114], dtype=np.uint32)
"""ITU-R BT.601 weights in thousandths, whole numbers so that a grey value stays exactly itself."""


def mask_of(pixels: RGB, alpha: Alpha | None) -> Mask:
    """The mask that a picture means, (H, W), 0..1.

    Opacity marks when it varies under one single visible colour (paint on a transparent layer); otherwise
    brightness does, and what is transparent is dark.
    """
    if alpha is None:
        return _luminance(pixels)
    visible = pixels[alpha > 0]
    if bool((alpha != alpha.flat[0]).any()) and bool((visible == visible[0]).all()):
        return alpha.astype(np.float32) / np.float32(255)
    return _luminance(pixels) * (alpha.astype(np.float32) / np.float32(255))


def fitted(mask: Mask, size: Size) -> Mask:
    """The mask stretched to another size: area-averaged where it shrinks, linear where it grows."""
    for width, height in ((size.width, mask.shape[0]), (size.width, size.height)):
        shrinks = width < mask.shape[1] or height < mask.shape[0]
        mask = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.clip(mask, 0, 1).astype(np.float32)


def save_mask(destination: Path | BinaryIO, mask: Mask, *, force: bool = False) -> None:
    """Save a mask as a grey picture in 8 bits, white = repaint; errors as of `save_picture`."""
    grey = np.rint(np.clip(mask, 0, 1) * 255).astype(np.uint8)
    save_picture(destination, np.dstack([grey, grey, grey]), force=force)


def _luminance(pixels: RGB) -> Mask:
    return ((pixels.astype(np.uint32) @ _LUMA) / 255_000.0).astype(np.float32)
