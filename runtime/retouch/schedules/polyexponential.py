"""A power of an even walk in the logarithm of sigma, as k-diffusion names it."""

import math

import numpy as np

from retouch.arrays import Sigmas
from retouch.noise_levels import NoiseLevels
from retouch.schedules import SCHEDULES, schedule
from retouch.schedules._ending import to_zero

RHO = 1.0
"""The exponent that k-diffusion and the tools built on it use, so that their recipes replay: with it the walk is
that of `exponential`."""


@SCHEDULES.register
@schedule()
def polyexponential(levels: NoiseLevels, steps: int) -> Sigmas:
    """Raise the walk from 1 to 0 to RHO; above 1 it spends more steps at low noise."""
    return to_zero(curve(levels, steps, RHO))


def curve(levels: NoiseLevels, steps: int, rho: float) -> Sigmas:
    """Return `steps` sigmas from the largest to the smallest, (steps,), of any exponent above 0."""
    ramp = np.linspace(1.0, 0.0, steps) ** rho
    low, high = math.log(levels.smallest), math.log(levels.largest)
    return np.exp(low + ramp * (high - low))
