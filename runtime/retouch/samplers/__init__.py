"""Samplers: walk noisy latents down the sigmas of a run, one file per method.

All work in variance-exploding space, x = x0 + sigma * noise, and ask for the denoised latents only (Karras et al.
2022, arXiv:2206.00364, section 3); how a model predicts them is the denoiser's affair. Each is a generator, so
progress, preview and cancelling are the caller's loop, and its history is a local of that generator.

    for step in SAMPLERS["dpmpp_2m"](denoise, x, sigmas, noise):
        x = step.x

Coefficients are Python floats, computed in float64, and do not change the dtype of the latents. With the data
prediction D and t = -log sigma, the formulas of DPM-Solver++ read: alpha = 1, lambda = t, exp(-h) = sigma_next / sigma.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol, TypeAlias

from retouch.arrays import Latents, Sigmas
from retouch_models.registry import Registry

Denoise: TypeAlias = Callable[[Latents, float], Latents]
"""(x, sigma) -> estimate of the clean latents; returns an array that it does not write to later."""

Noise: TypeAlias = Callable[[], Latents]
"""A fresh standard normal of x's shape at every call."""


@dataclass(frozen=True, eq=False)
class Step:
    """One step done."""

    index: int
    """0 for the first."""
    sigma: float
    """Noise level that the step started from."""
    x: Latents
    """Latents at the next noise level."""
    denoised: Latents
    """What the model took the clean latents for; after a last step to sigma 0 it is x."""


class Walk(Protocol):
    """The generator behind a sampler; those that draw noise take `eta` too, 1 by default."""

    __module__: str

    def __call__(self, denoise: Denoise, x: Latents, sigmas: Sigmas, noise: Noise, /) -> Iterator[Step]:
        """Yield a step per pair of neighbouring sigmas."""
        ...


class Sampler:
    """A walk and what a planner has to know of it without running it."""

    def __init__(self, walk: Walk, *, evaluations: int, stochastic: bool, linear: bool) -> None:
        """Wrap `walk`; see `sampler`."""
        self.__module__ = walk.__module__  # the registry names an entry by its file
        self.__doc__ = walk.__doc__
        self.walk = walk
        self.evaluations = evaluations
        """Calls of the model per step."""
        self.stochastic = stochastic
        """Whether it draws noise, so that more steps lead to another picture instead of a finer one."""
        self.linear = linear
        """Whether it only adds latents and multiplies them by numbers, so that they may stay on a device."""

    def __call__(self, denoise: Denoise, x: Latents, sigmas: Sigmas, noise: Noise) -> Iterator[Step]:
        """Walk x, (1, C, h, w) at sigmas[0], down to sigmas[-1]; yields len(sigmas) - 1 steps."""
        return self.walk(denoise, x, sigmas, noise)

    def total_evaluations(self, steps: int) -> int:
        """Calls of the model in a run of `steps` steps that ends at sigma 0: that last step needs one only."""
        return self.evaluations * (steps - 1) + 1


def sampler(*, evaluations: int = 1, stochastic: bool = False, linear: bool = True) -> Callable[[Walk], Sampler]:
    """Decorate a walk with its cost and kind."""
    return lambda walk: Sampler(walk, evaluations=evaluations, stochastic=stochastic, linear=linear)


def intervals(sigmas: Sigmas) -> Iterator[tuple[int, float, float]]:
    """Yield (index, sigma, next sigma) of every step, as Python floats, which leave float32 latents float32."""
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        yield index, sigma, sigma_next


SAMPLERS: Registry[Sampler] = Registry("retouch.samplers", "sampler")
