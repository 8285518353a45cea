"""The end that schedules share."""

from collections.abc import Iterable

import numpy as np

from retouch.arrays import Sigmas


def to_zero(sigmas: Iterable[float]) -> Sigmas:
    """Append the clean end, sigma 0."""
    return np.array([*sigmas, 0.0], dtype=np.float64)
