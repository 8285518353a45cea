"""The timesteps that latent consistency models were distilled at.

Luo et al. 2023 (arXiv:2310.04378), section 4.3: training skipped along a 50-step DDIM walk, so the sampler visits
a subset of those 50 timesteps.
"""

import numpy as np

from retouch.arrays import Sigmas
from retouch.noise_levels import NoiseLevels
from retouch.schedules import SCHEDULES, Timesteps, schedule
from retouch.schedules._ending import to_zero

ORIGINAL_STEPS = 50
"""Steps of the walk that was distilled."""


@SCHEDULES.register
@schedule(most_steps=lambda _levels: ORIGINAL_STEPS)
def lcm(levels: NoiseLevels, steps: int) -> Sigmas:
    """Look up the sigmas of `timesteps`."""
    return to_zero(float(levels.table[t]) for t in timesteps(levels, steps))


def timesteps(levels: NoiseLevels, steps: int) -> Timesteps:
    """Spread `steps` evenly over the 50 distilled timesteps, falling."""
    stride = levels.count // ORIGINAL_STEPS
    distilled = [i * stride - 1 for i in range(ORIGINAL_STEPS, 0, -1)]
    return [distilled[int(i)] for i in np.linspace(0, ORIGINAL_STEPS, steps, endpoint=False)]
