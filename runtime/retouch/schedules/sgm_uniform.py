"""Even in timesteps with one more interval than steps, the last of which is left to the step to 0."""

import numpy as np

from retouch.arrays import Sigmas
from retouch.noise_levels import NoiseLevels
from retouch.schedules import SCHEDULES, schedule
from retouch.schedules._ending import to_zero


@SCHEDULES.register
@schedule()
def sgm_uniform(levels: NoiseLevels, steps: int) -> Sigmas:
    """Walk from the last timestep towards the first and stop one interval short of it (Stability's SGM code)."""
    return to_zero(levels.sigma(float(t)) for t in np.linspace(levels.count - 1, 0, steps + 1)[:-1])
