"""Even in the logarithm of sigma: every step divides the noise by the same number."""

import numpy as np

from retouch.arrays import Sigmas
from retouch.noise_levels import NoiseLevels
from retouch.schedules import SCHEDULES, schedule
from retouch.schedules._ending import to_zero


@SCHEDULES.register
@schedule()
def exponential(levels: NoiseLevels, steps: int) -> Sigmas:
    """Space sigmas evenly in log sigma, the time of DPM-Solver (Lu et al. 2022, arXiv:2206.00927)."""
    return to_zero(np.geomspace(levels.largest, levels.smallest, steps))
