"""The model's own schedule: whole training timesteps in the spacing that the manifest names.

The three spacings are those of Lin et al. 2024 (arXiv:2305.08891), table 2, with diffusers' rounding, so that a run
visits the timesteps that a DDIM run of diffusers visits.
"""

from collections.abc import Callable, Mapping

import numpy as np

from retouch.arrays import Sigmas
from retouch.noise_levels import NoiseLevels
from retouch.schedules import SCHEDULES, Timesteps, schedule
from retouch_models.manifest import NoiseSpec, Spacing


def most_steps(levels: NoiseLevels) -> int:
    """One step per timestep; the leading spacing leaves out those below its offset."""
    return levels.count - (levels.spec.steps_offset if levels.spec.spacing == "leading" else 0)


@SCHEDULES.register
@schedule(most_steps)
def model(levels: NoiseLevels, steps: int) -> Sigmas:
    """Look up the sigmas of `timesteps`; the end is 0 unless the manifest says the first training sigma."""
    visited = [float(levels.table[t]) for t in timesteps(levels, steps)]
    keeps_noise = not levels.spec.final_sigma_zero and visited[-1] > levels.smallest
    return np.array([*visited, levels.smallest if keeps_noise else 0.0], dtype=np.float64)


def timesteps(levels: NoiseLevels, steps: int) -> Timesteps:
    """List `steps` whole timesteps, falling, each below the number of training timesteps."""
    spaced = _SPACINGS[levels.spec.spacing](levels.spec, levels.count, steps)
    return [min(t, levels.count - 1) for t in spaced]


def _leading(spec: NoiseSpec, count: int, steps: int) -> Timesteps:
    stride = count // steps
    return [i * stride + spec.steps_offset for i in reversed(range(steps))]


def _trailing(_spec: NoiseSpec, count: int, steps: int) -> Timesteps:
    return [int(t) - 1 for t in np.round(count - np.arange(steps) * (count / steps))]


def _linspace(_spec: NoiseSpec, count: int, steps: int) -> Timesteps:
    return [int(t) for t in np.round(np.linspace(0, count - 1, steps))[::-1]]


_SPACINGS: Mapping[Spacing, Callable[[NoiseSpec, int, int], Timesteps]] = {
    "leading": _leading,
    "trailing": _trailing,
    "linspace": _linspace,
}
