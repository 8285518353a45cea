"""Karras et al. 2022 (arXiv:2206.00364), eq. 5: even in sigma**(1/rho), between the model's own end sigmas."""

import numpy as np

from retouch.arrays import Sigmas
from retouch.noise_levels import NoiseLevels
from retouch.schedules import SCHEDULES, schedule
from retouch.schedules._ending import to_zero

RHO = 7.0
"""The paper's exponent: more steps at low noise than an even walk has."""


@SCHEDULES.register
@schedule()
def karras(levels: NoiseLevels, steps: int) -> Sigmas:
    """Space sigmas by the power RHO."""
    roots = np.linspace(levels.largest ** (1 / RHO), levels.smallest ** (1 / RHO), steps)
    return to_zero(roots**RHO)
