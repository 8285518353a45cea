"""Which noise levels a run visits: one file per schedule.

    levels = NoiseLevels.from_spec(manifest.noise)
    walk = SCHEDULES["karras"](levels, 20)

`retouch.schedule.sigmas` adds strength and is what the pipeline calls.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from retouch.arrays import Sigmas
from retouch.errors import UsageError
from retouch.noise_levels import NoiseLevels
from retouch_models.registry import Registry

Walk: TypeAlias = Callable[[NoiseLevels, int], Sigmas]
"""(levels, steps) -> `steps` falling sigmas and where the last step ends, (steps + 1,)."""

Timesteps: TypeAlias = list[int]
"""Training timesteps, falling."""


class Schedule:
    """A walk over a model's noise levels, from the largest down."""

    def __init__(self, walk: Walk, most_steps: Callable[[NoiseLevels], int]) -> None:
        """Name the finest walk that the schedule has for a model."""
        self.__module__ = walk.__module__  # the registry names an entry by its file
        self.__doc__ = walk.__doc__
        self._walk = walk
        self.most_steps = most_steps

    def __call__(self, levels: NoiseLevels, steps: int) -> Sigmas:
        """Return `steps` falling sigmas and where the last step ends, (steps + 1,); UsageError for too many."""
        most = self.most_steps(levels)
        if not 1 <= steps <= most:
            raise UsageError(f"this model and schedule allow 1 to {most} steps, not {steps}")
        sigmas = self._walk(levels, steps)
        if not (np.diff(sigmas) < 0).all():
            raise UsageError(f"the model's own spacing has no {steps} different steps; use fewer or another schedule")
        return sigmas


def one_per_timestep(levels: NoiseLevels) -> int:
    """Most steps of a schedule that knows no other limit."""
    return levels.count


def schedule(most_steps: Callable[[NoiseLevels], int] = one_per_timestep) -> Callable[[Walk], Schedule]:
    """Decorate a walk with its limit."""
    return lambda walk: Schedule(walk, most_steps)


SCHEDULES: Registry[Schedule] = Registry("retouch.schedules", "schedule")
