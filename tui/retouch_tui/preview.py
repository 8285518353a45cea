"""Lay the preview of a running step over the picture, where it will be joined."""

from dataclasses import dataclass

import cv2
import numpy as np

from retouch.arrays import RGB
from retouch.geometry import Box, Size
from retouch_tui.layers import Mask8
from retouch_tui.terminal.colour import Pixels
from retouch_tui.view import View


@dataclass(frozen=True, eq=False)
class Preview:
    """A small picture, (h, w, 3), and where in the picture it lies once enlarged."""

    pixels: RGB
    box: Box

    def over(self, pixels: Pixels, cover: Mask8, view: View, block: Box) -> Pixels:
        """Return a block of view pixels with the preview shown under its mask, as `laid_over` does for a picture."""
        x_scale, y_scale = view.scale
        wide, high = (max(1, round(side * scale)) for side, scale in zip(self.box.size, view.scale, strict=True))
        small = self.pixels
        if wide < small.shape[1] or high < small.shape[0]:
            fitting = (min(wide, small.shape[1]), min(high, small.shape[0]))
            small = np.asarray(cv2.resize(small, fitting, interpolation=cv2.INTER_AREA), np.uint8)
        left, top = view.to_pixel((self.box.left, self.box.top))
        x = (np.arange(block.left, block.right) + 0.5 - left) / (self.box.width * x_scale) * small.shape[1] - 0.5
        y = (np.arange(block.top, block.bottom) + 0.5 - top) / (self.box.height * y_scale) * small.shape[0] - 0.5
        inside = ((y > -0.5) & (y < small.shape[0] - 0.5))[:, None] & ((x > -0.5) & (x < small.shape[1] - 0.5))
        across, down = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
        patch = cv2.remap(small, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        amount = np.where(inside, cover, 0).astype(np.int32)[..., None]
        mixed: Pixels = ((pixels * (255 - amount) + patch * amount + 127) // 255).astype(np.uint8)
        return mixed


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
