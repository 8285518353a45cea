"""The walk of a run: from a schedule, a number of steps and a strength to sigmas and the latents they start from."""

import math
from collections.abc import Sequence

import numpy as np

from retouch.arrays import Latents, Sigmas
from retouch.errors import UsageError
from retouch.noise_levels import NoiseLevels
from retouch.schedules import SCHEDULES

__all__ = ["NoiseLevels", "exact_sigmas", "listed", "run_steps", "sigmas", "start"]


def sigmas(levels: NoiseLevels, schedule: str, steps: int, strength: float = 1.0) -> Sigmas:
    """Return the noise levels of a run, (k + 1,): the last k of `steps` steps that `strength` leaves.

    Strength 1 walks all of them; below 1 the start of the walk is left out, because there the picture itself is
    the start. UnknownName for the schedule, UsageError for a number that no walk has.
    """
    return SCHEDULES[schedule](levels, steps)[steps - run_steps(steps, strength) :]


def exact_sigmas(levels: NoiseLevels, schedule: str, steps: int, strength: float = 1.0) -> Sigmas:
    """Return the noise levels of a run that makes all `steps` steps at any strength, (steps + 1,).

    The walk is stretched to steps / strength steps, of which the last `steps` are made; it is never finer than
    the training's timesteps, so that tiny strengths start a little higher than asked.
    """
    _check_strength(strength)
    walk = SCHEDULES[schedule]
    stretched = max(steps, min(int(steps / strength), walk.most_steps(levels)))
    return walk(levels, stretched)[stretched - steps :]


def listed(given: Sequence[float], strength: float = 1.0) -> Sigmas:
    """Return the walk over given noise levels and 0, (k + 1,): the last k steps that `strength` leaves of it."""
    return np.array([*given, 0.0], np.float64)[len(given) - run_steps(len(given), strength) :]


def run_steps(steps: int, strength: float) -> int:
    """Steps that are really made: floor(steps * strength), as diffusers counts, but at least 1."""
    _check_strength(strength)
    return max(1, min(int(steps * strength), steps))


def start(walk: Sigmas, noise: Latents, picture: Latents | None = None, strength: float = 1.0) -> Latents:
    """Return the latents at walk[0] that a run starts from, (1, C, h, w).

    Below strength 1 they are the picture's latents with noise on them. At strength 1 the picture counts for nothing
    and pure noise stands for noisy latents: data of variance 1 at level sigma has variance 1 + sigma**2, which is
    unit noise in the variance-preserving space that the model was trained in.
    """
    sigma = float(walk[0])
    if strength >= 1:
        return noise * math.sqrt(1 + sigma * sigma)
    if picture is None:
        raise UsageError("a strength below 1 starts from the picture; give a picture or --strength 1")
    return picture + sigma * noise


def _check_strength(strength: float) -> None:
    if not 0 < strength <= 1:
        raise UsageError(f"--strength must be above 0 and at most 1, not {strength}")
