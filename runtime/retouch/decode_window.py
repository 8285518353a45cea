"""Decode only the surroundings of the mask: the rest of the decoded picture is thrown away anyway.

What a decoder makes of a spot depends on more than its neighbourhood: its attention and its group normalisation see
everything that it is given. So a window is near the whole decode, not the same; docs/performance.md says how near.
"""

from collections.abc import Callable
from math import ceil

import numpy as np

from retouch.arrays import RGB, Latents
from retouch.canvas import LatentMask
from retouch.geometry import Box, Placement, Size

MARGIN = 4
"""Cells around the mask that are decoded with it."""
EDGE = 1
"""Cells at the window's inner edges whose pixels are not used: the decoder pads them with zeros."""


def window(cells: LatentMask) -> Box:
    """The box in latent cells that is decoded for a mask, (1, 1, h, w); all of it where nothing is masked."""
    rows, columns = np.nonzero(cells[0, 0])
    whole = Size(cells.shape[3], cells.shape[2])
    if not len(rows):
        return Box.of(whole)
    around = Box(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
    return around.pad(MARGIN).clamp(whole)


def decode_window(decode: Callable[[Latents], RGB], latents: Latents, seen: Box, factor: int) -> RGB:
    """Decode the cells in `seen` of (1, C, h, w); returns (h * f, w * f, 3), black outside the window."""
    part = decode(np.ascontiguousarray(latents[(..., *seen.slices)]))
    if part.shape[:2] == tuple(side * factor for side in latents.shape[2:]):
        return part
    rows, columns = (slice(cut.start * factor, cut.stop * factor) for cut in seen.slices)
    whole = np.zeros((latents.shape[2] * factor, latents.shape[3] * factor, 3), np.uint8)
    whole[rows, columns] = part
    return whole


def in_picture(seen: Box, cells: LatentMask, where: Placement) -> Box:
    """The part of a crop, in picture pixels, that a window shows; without the window's own edges inside the crop."""
    crop, rows, columns = where.crop, cells.shape[2], cells.shape[3]
    across, down = crop.width / columns, crop.height / rows
    return Box(
        crop.left + (ceil((seen.left + EDGE) * across) if seen.left > 0 else 0),
        crop.top + (ceil((seen.top + EDGE) * down) if seen.top > 0 else 0),
        crop.left + (int((seen.right - EDGE) * across) if seen.right < columns else crop.width),
        crop.top + (int((seen.bottom - EDGE) * down) if seen.bottom < rows else crop.height),
    )
