"""How far two pictures of one size are apart."""

import math
from dataclasses import dataclass

import numpy as np

from retouch.arrays import RGB


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Measured over all pixels and channels."""

    psnr_db: float | None
    """Peak signal-to-noise ratio; None when identical."""
    largest: int
    """Largest difference of one byte."""
    pixels: int
    """Pixels that differ in any channel."""

    @property
    def identical(self) -> bool:
        """Whether every byte is the same."""
        return self.pixels == 0


def difference(one: RGB, other: RGB) -> Difference:
    """Compare two pictures, (H, W, 3) uint8 of one shape."""
    gap = np.abs(one.astype(np.int16) - other)
    mean = float(np.square(gap, dtype=np.float64).mean())
    return Difference(
        psnr_db=None if mean == 0 else 10 * math.log10(255**2 / mean),
        largest=int(gap.max(initial=0)),
        pixels=int(np.count_nonzero(gap.any(axis=2))),
    )
