"""For every pixel, the kept pixel nearest to it."""

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Where: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Rows and columns, (n,) each."""


def nearest_kept(hole: NDArray[np.bool_], rows: NDArray[np.int64], cols: NDArray[np.int64]) -> Where:
    """Look up the nearest pixel outside the hole; at least one pixel must be outside."""
    _, labels = cv2.distanceTransformWithLabels(
        hole.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    kept = np.flatnonzero(~hole.ravel())
    place = np.zeros(kept.size + 1, np.int64)
    place[labels.ravel()[kept]] = kept
    found = place[labels[rows, cols]]
    return found // hole.shape[1], found % hole.shape[1]
