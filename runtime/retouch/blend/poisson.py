"""The patch is lifted by a smooth film until it meets the picture along the edge of the mask."""

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch.arrays import RGB, Mask
from retouch.blend import BLENDS, Blend, BlendOptions
from retouch.blend._membrane import Border, membrane
from retouch.blend.feather import feathered
from retouch.opacity import mix

RING_PX = 6
"""Width of the ring outside the mask from which the robust border is estimated."""
CELL_PX = 8
SPREAD_CELLS = 3.0
"""The local drift is averaged over cells of 8 px with a Gaussian of this standard deviation."""
TOLERANCES = (48.0, 24.0, 12.0)
"""How far a border pixel may lie off the local drift, 8-bit levels: wide first, so that the estimate can settle."""


@BLENDS.register
def poisson(options: BlendOptions) -> Blend:
    """Add the membrane: it takes away any constant or slowly varying colour shift of the patch.

    The patch must be the model's whole picture, not one that already has the original outside the mask: the drift is
    read off just outside. What the film cannot mend, detail that differs, fades over `radius_px` as in `feather`;
    0 is the method by itself.
    """

    def blend(picture: RGB, patch: RGB, mask: Mask) -> RGB:
        alpha = feathered(mask, options.radius_px, options.outward_px)
        return mix(picture, lifted(picture, patch, alpha > 0, options.robust), alpha)

    return blend


def lifted(picture: RGB, patch: RGB, inside: NDArray[np.bool_], robust: bool) -> RGB:
    """Return patch + h with Δh = 0 inside and h = picture - patch around it (Pérez et al. 2003).

    With `robust` a border pixel that shows something else in the patch than in the picture counts little, so a post
    that crosses the edge in only one of them does not bleed into the area.
    """
    ring = _around(inside, 1)
    if not ring.any() or not inside.any():
        return patch
    drift = _robust_drift(picture, patch, inside, ring) if robust else _drift(picture, patch, ring)
    film = membrane(Border(inside, np.flatnonzero(ring), drift))
    return np.asarray(cv2.add(patch, film, dtype=cv2.CV_8U), np.uint8)


def _around(inside: NDArray[np.bool_], width_px: int) -> NDArray[np.bool_]:
    box = np.ones((2 * width_px + 1, 2 * width_px + 1), np.uint8)
    return np.asarray(cv2.dilate(inside.view(np.uint8), box) != 0) & ~inside


def _drift(picture: RGB, patch: RGB, where: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Difference picture - patch at the chosen pixels, (n, 3), levels."""
    return picture[where].astype(np.float32) - patch[where]


def _robust_drift(picture: RGB, patch: RGB, inside: NDArray[np.bool_], ring: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Pull border differences towards their local mean, the harder the further off (Cauchy weights).

    The tolerance falls from wide to narrow, so content that differs is voted out before it can bend the mean.
    """
    wide = _around(inside, RING_PX)
    drift = _drift(picture, patch, wide)
    cells = tuple(axis // CELL_PX for axis in np.nonzero(wide))
    weight = np.ones(len(drift), np.float32)
    local = drift
    for tolerance in TOLERANCES:
        local = _local_mean(drift, weight, cells, inside.shape)
        weight = 1 / (1 + np.square(drift - local).sum(axis=1) / np.float32(tolerance**2))
    calm = local + (drift - local) * weight[:, None]
    return np.asarray(calm[ring[wide]], np.float32)


def _local_mean(
    values: NDArray[np.float32],
    weight: NDArray[np.float32],
    cells: tuple[NDArray[np.int64], ...],
    shape: tuple[int, ...],
) -> NDArray[np.float32]:
    """Weighted Gaussian mean of (n, 3) scattered values around each of them."""
    rows, cols = shape[0] // CELL_PX + 1, shape[1] // CELL_PX + 1
    flat = cells[0] * cols + cells[1]
    columns = [*(values * weight[:, None]).T, weight]
    grid = np.stack([np.bincount(flat, column, rows * cols) for column in columns], axis=1)
    smooth = cv2.GaussianBlur(grid.reshape(rows, cols, 4).astype(np.float32), (0, 0), SPREAD_CELLS)
    here = smooth.reshape(-1, 4)[flat]
    return np.asarray(here[:, :3] / here[:, 3:], np.float32)
