"""The picture reflected at the edge of the hole, for pictures that grow at their sides."""

import numpy as np
from numpy.typing import NDArray

from retouch.arrays import RGB, Mask
from retouch.content import CONTENT
from retouch.content._nearest import Where, nearest_kept
from retouch.opacity import mix


@CONTENT.register
def mirror(image: RGB, mask: Mask, seed: int) -> RGB:  # noqa: ARG001  (the protocol's signature)
    """Reflect each masked pixel at its nearest kept one; wide margins reflect again and again.

    A reflection that falls into the hole takes the kept pixel nearest to it.
    """
    hole = mask > 0
    if hole.all():
        return np.full_like(image, 127)
    rows, cols = np.nonzero(hole)
    at_row, at_col = nearest_kept(hole, rows, cols)
    source = (
        _folded(2 * at_row - rows, np.flatnonzero(~hole.all(axis=1))),
        _folded(2 * at_col - cols, np.flatnonzero(~hole.all(axis=0))),
    )
    patch = image.copy()
    patch[rows, cols] = image[_kept(hole, source)]
    return mix(image, patch, mask)


def _folded(index: NDArray[np.int64], kept: NDArray[np.int64]) -> NDArray[np.int64]:
    """Fold an index back and forth into the span of rows or columns that hold kept pixels."""
    first, span = int(kept[0]), int(kept[-1] - kept[0])
    return first + span - abs((index - first) % max(2 * span, 1) - span)


def _kept(hole: NDArray[np.bool_], source: Where) -> Where:
    """Move the places that lie in the hole to the nearest kept pixel."""
    rows, cols = source
    inside = hole[rows, cols]
    if inside.any():
        rows[inside], cols[inside] = nearest_kept(hole, rows[inside], cols[inside])
    return rows, cols
