"""Pictures that look enough like photos to be encoded like them."""

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]


def photo(width: int, height: int, seed: int = 0) -> Picture:
    """Smooth colours with some grain, (height, width, 3) uint8; no two neighbours alike, as in a photo."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(128, 45, (height // 12 + 2, width // 12 + 2, 3)).clip(0, 255).astype(np.uint8)
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.int16)
    return (smooth + rng.integers(-8, 9, smooth.shape)).clip(0, 255).astype(np.uint8)


def noise(width: int, height: int, seed: int = 0) -> Picture:
    """Every pixel of its own, (height, width, 3) uint8."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def discs(width: int, height: int, seed: int = 0) -> NDArray[np.uint8]:
    """A mask of a few soft discs, (height, width) uint8 0..255."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((height, width), np.uint8)
    for _ in range(4):
        centre = (int(rng.integers(0, width)), int(rng.integers(0, height)))
        cv2.circle(mask, centre, int(min(width, height) // 6), 255, -1)
    return np.asarray(cv2.blur(mask, (5, 5)), np.uint8)
